"""The tables of a paper: choices against the rule in force, parameters with sources, assumptions, chips under rules."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from tiercap.optimizer.analysis.ledger import Entry
from tiercap.optimizer.model.parameters import ParameterInfo
from tiercap.optimizer.paper import labels
from tiercap.optimizer.paper.exhibit import Column, Table, text_columns
from tiercap.optimizer.paper.labels import figure
from tiercap.optimizer.paper.material import WEAK, Material, Policy
from tiercap.optimizer.paper.parallel import marks
from tiercap.optimizer.rules.levers import LEVERS_TABLE

#: Outcomes in the table of choices besides the objectives.
ALSO = ("substitution", "units_open", "units_licensed", "units_grey", "government_take", "buyer_access",
        "domestic_supply", "lock_in")  # fmt: skip
_LETTERS = {"open": "O", "licensed": "L", "denied": "–", "unknown": "?"}


def tables(material: Material) -> list[Table]:
    """All of them."""
    return [choices(material), chips(material), ledger(material), parameters(material)]


def choices(material: Material) -> Table:
    """Levers, means and changes of the policies singled out, beside the rule in force."""
    policies = (material.in_force, *material.choices)
    rows = [("Levers:", *[""] * len(policies))]
    for name in material.problem.space.names:
        printed = labels.lever(name)
        rows.append((printed.label, *(_boxes([v * printed.scale for v in marks(p, name)]) for p in policies)))
    rows.append(("Objectives over the futures:", *[""] * len(policies)))
    for k, name in enumerate(material.problem.objectives):
        printed = labels.outcome(name)
        rows.append((printed.label, *(figure(material.score(policy, name), 4) for policy in policies)))
        spread = [material.statistics[policy.key].get(name) for policy in policies]
        if None not in spread:
            rows.append(("– 90 of 100 futures", *(f"{_minus(s['p05'])} to {_minus(s['p95'])}" for s in spread if s)))
        changes = [material.changes[policy.key] for policy in material.choices]
        rows.append(("– less the rule in force", "", *(signed(c.mean[k]) for c in changes)))
        rows.append(("– – 90 % interval", "", *(f"{signed(c.low[k])} to {signed(c.high[k])}" for c in changes)))
    rows.append(("Other outcomes, means:", *[""] * len(policies)))
    for name in ALSO:
        if name not in material.problem.objectives:
            rows.append((labels.outcome(name).label, *(figure(material.mean(p, name)) for p in policies)))
    heads = ("", f"{material.in_force.name},\nin force", *(_broken(policy.name) for policy in material.choices))
    return Table(
        "choices",
        "Policies of the front against the rule in force",
        f"Policies singled out of the {len(material.run):,} on the front, against {material.in_force.name}, the rule "
        "in force.",
        heads,
        tuple(rows),
        ("p{0.20}", *["r"] * len(policies)),
        _choice_columns(material, policies),
        note="(n) behind a cap: the largest of n in the boxes that the tier joins. –: no such tier or term; none: no "
        "cap. "
        "Intervals of differences are from resampling the futures, within which policies are paired. Modelled, not "
        "forecast.",
    )


def _boxes(values: Sequence[float]) -> str:
    """A lever's values, one a box: the largest, and how many there are."""
    different = sorted(set(values))
    if not different:
        return "–"
    return figure(different[-1]) + (f" ({len(different)})" if len(different) > 1 else "")


def signed(value: float) -> str:
    """A difference with its sign."""
    return f"+{figure(value)}" if value > 0 else _minus(value)


def _minus(value: float) -> str:
    """A number whose minus is one."""
    return figure(value).replace("-", "−", 1) if value < 0 else figure(value)


def _broken(name: str) -> str:
    """A long name in two lines."""
    words = name.split(" ", 1)
    return "\n".join(words)


def _choice_columns(material: Material, policies: Sequence[Policy]) -> tuple[Column, ...]:
    found = [Column("policy", np.array([policy.name for policy in policies]), "1", "the policy")]
    for name in material.problem.space.names:
        values = [(marks(policy, name) or [math.nan])[0] for policy in policies]
        meaning = f"{LEVERS_TABLE[name].meaning}; of the first box where a tier joins several"
        found.append(Column(name, np.array(values), LEVERS_TABLE[name].unit, meaning))
    for name in material.problem.objectives:
        scores = np.array([material.score(policy, name) for policy in policies])
        found.append(Column(name, scores, labels.stored_unit(name), "by the statistic that the study compares"))
    outcomes = [labels.split(name)[0] for name in material.problem.objectives]
    for name in dict.fromkeys((*outcomes, *ALSO)):
        for statistic in ("mean", "p05", "p95"):
            values = [material.statistics[policy.key][name][statistic] for policy in policies]
            found.append(
                Column(
                    f"{name}_{statistic}", np.array(values), labels.stored_unit(name), f"{statistic} over the futures"
                )
            )
    return tuple(found)


def parameters(material: Material) -> Table:
    """Every parameter of the model with value, range, evidence and source."""
    infos = material.problem.study.parameters
    rows = tuple(
        (info.name, figure(info.value), labels.unit(info.unit), _range(info), info.evidence, info.source)
        for info in infos
    )
    return Table(
        "parameters",
        "Parameters of the model",
        f"The model's {len(infos)} parameters: central value, range over the futures where it varies, and what it "
        "rests on.",
        ("parameter", "value", "unit", "range", "evidence", "source"),
        rows,
        ("p{0.17}", "r", "p{0.11}", "p{0.14}", "l", "p{0.31}"),
        _parameter_columns(infos),
        long=True,
        note="Ranges are the priors; futures of a calibrated ensemble are fitted to the record from them. Evidence: "
        "official (law, filing, data sheet), press, secondary (a compilation), derived from these, assumption, "
        "recalled.",
    )


def _range(info: ParameterInfo) -> str:
    if info.distribution is None:
        return "fixed"
    return f"{figure(info.low)} to {figure(info.high)}, {info.distribution.name}"


def _parameter_columns(infos: Sequence[ParameterInfo]) -> tuple[Column, ...]:
    words = text_columns([
        ("parameter", "1", "name in the model", [info.name for info in infos]),
        ("meaning", "1", "what it is", [info.meaning for info in infos]),
        ("unit", "1", "unit of value, low and high", [info.unit for info in infos]),
        ("kind", "1", "uncertain: varies over the futures; constant", [info.kind for info in infos]),
        ("evidence", "1", "what kind of evidence the central value rests on", [info.evidence for info in infos]),
        ("source", "1", "where the central value is from", [info.source for info in infos]),
        ("range_source", "1", "where the range is from", [info.range_source for info in infos]),
    ])  # fmt: skip
    numbers = [("value", "central value"), ("low", "low end of its range"), ("high", "high end of its range")]
    values = [
        Column(name, np.array([getattr(i, name) for i in infos]), "as in the column unit", m) for name, m in numbers
    ]
    return (*words, *values)


def ledger(material: Material) -> Table:
    """Parameters resting on assumptions, secondary sources or memory, those that matter most first."""
    entries = material.ledger.entries if material.ledger is not None else tuple(
        Entry(info, None, None, None, {}) for info in material.problem.study.parameters
    )  # fmt: skip
    objectives = material.problem.objectives if material.ledger is not None else []
    kept = [entry for entry in entries if entry.info.evidence in WEAK]
    kept.sort(key=lambda entry: -max([entry.shares.get(name, 0.0) for name in objectives], default=0.0))
    rows = tuple(
        (e.info.name, _with_unit(e.info), _interval(e.prior), _interval(e.posterior),
         *(_percent(e.shares.get(name)) for name in objectives), e.info.source)
        for e in kept
    )  # fmt: skip
    shares = (
        "Shares are of the variance of each objective over the calibrated futures, under the rule in force, that the "
        "parameter explains by itself. "
        if objectives
        else "Shares of variance are told for calibrated futures only. "
    )
    return Table(
        "assumptions",
        "The assumption ledger",
        f"Of {len(entries)} parameters {material.weak} rest on assumptions, secondary sources or memory: which, and "
        "what hangs on each.",
        ("parameter", "value", "prior 90 %", "fitted 90 %", *(name.replace("_", " ") for name in objectives), "source"),
        rows,
        (
            "p{0.15}",
            "p{0.11}",
            "p{0.095}",
            "p{0.095}",
            *["r"] * len(objectives),
            f"p{{{0.40 - 0.05 * len(objectives):.3f}}}",
        ),
        _ledger_columns(kept, objectives),
        long=True,
        note=f"{shares}Modelled, not forecast.",
    )


def _with_unit(info: ParameterInfo) -> str:
    unit = labels.unit(info.unit)
    return f"{figure(info.value)} {unit}" if unit else figure(info.value)


def _interval(ends: tuple[float, float, float] | None) -> str:
    return "–" if ends is None else f"{figure(ends[0])} to {figure(ends[2])}"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f} %"


def _ledger_columns(kept: Sequence[Entry], objectives: Sequence[str]) -> tuple[Column, ...]:
    nan = (math.nan, math.nan, math.nan)
    found = list(text_columns([
        ("parameter", "1", "name in the model", [e.info.name for e in kept]),
        ("unit", "1", "unit of value, prior and fitted", [e.info.unit for e in kept]),
        ("evidence", "1", "what kind of evidence the central value rests on", [e.info.evidence for e in kept]),
        ("source", "1", "where the central value is from", [e.info.source for e in kept]),
    ]))  # fmt: skip
    found.append(Column("value", np.array([e.info.value for e in kept]), "as in the column unit", "central value"))
    for name, meaning in (("prior", "of the prior"), ("posterior", "once fitted to the record")):
        for k, q in enumerate(("p05", "p50", "p95")):
            values = np.array([(getattr(e, name) or nan)[k] for e in kept])
            found.append(Column(f"{name}_{q}", values, "as in the column unit", f"{q} {meaning}"))
    for name in objectives:
        values = np.array([e.shares.get(name, math.nan) for e in kept])
        found.append(
            Column(f"share_{name}", values, "1", f"share of the variance of {name} that it explains by itself")
        )
    return tuple(found)


def chips(material: Material) -> Table:
    """What each chip's status is under each real rule and under the policies singled out."""
    rules = [policy for policy in material.rules if policy.rule is not None and policy.rule.date is not None]
    shown = [*rules, *material.choices]
    letters = {policy.key: chr(ord("A") + k) for k, policy in enumerate(material.choices)}
    known = material.chips
    statuses: Mapping[str, list[str]] = {p.key: [material.status(chip, p) for chip in known] for p in shown}
    rows = tuple(
        (chip.name, chip.launch, figure(chip.tpp), figure(chip.memory_gbs), figure(chip.io_gbs),
         *(_LETTERS[statuses[policy.key][k]] for policy in shown))
        for k, chip in enumerate(known)
    )  # fmt: skip
    heads = ("chip", "launch", "TPP", "memory\nGB/s", "I/O\nGB/s",
             *(policy.name for policy in rules), *letters.values())  # fmt: skip
    listed = ", ".join(f"{letter}: {p.name}" for p, letter in zip(material.choices, letters.values(), strict=True))
    columns = list(text_columns([
        ("chip", "1", "name of the chip", [chip.name for chip in known]),
        ("launch", "1", "when it was launched", [chip.launch for chip in known]),
        ("source", "1", "where its figures are from", [chip.source for chip in known]),
    ]))  # fmt: skip
    for name, unit in (("tpp", "TPP"), ("memory_gbs", "GB/s"), ("io_gbs", "GB/s")):
        values = [getattr(chip, name) for chip in known]
        columns.append(
            Column(name, np.array([math.nan if v is None else v for v in values]), unit, "figure of the chip")
        )
    columns += text_columns([
        (f"status_{policy.key}", "1", f"status under {policy.name}", statuses[policy.key]) for policy in shown
    ])  # fmt: skip
    return Table(
        "chips",
        "Chips under rules",
        f"What becomes of {len(known)} chips under each rule for the restricted group and under policies of the "
        "front, at the start.",
        heads,
        rows,
        ("l", "l", "r", "r", "r", *["v"] * len(shown)),
        tuple(columns),
        long=True,
        note=f"O: open; L: licensed, case by case or on notice, even where nothing is granted; –: denied; ?: a "
        f"figure that decides is not known. {listed}. For these, chips for consumers and of other countries are read "
        "as the boxes would read them.",
    )
