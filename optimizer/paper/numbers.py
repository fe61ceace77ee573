"""`numbers.tex`: a macro for every number that a text would quote, rounded for readers, with where it is from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tiercap.optimizer.calibration.backcast import Backcast
from tiercap.optimizer.paper import labels, latex
from tiercap.optimizer.paper.labels import figure
from tiercap.optimizer.paper.material import Material
from tiercap.optimizer.paper.parallel import marks


class Number(NamedTuple):
    """A macro: its name, what it prints without its unit, the unit in print, what it is, the value before rounding."""

    name: str
    shown: str
    unit: str
    meaning: str
    exact: float


def numbers(material: Material, record: Backcast | None) -> list[Number]:
    """All of them; names are unique."""
    found = [*_run(material), *_policies(material), *_changes(material), *_levers(material)]
    if record is not None:
        found += _record(record)
    seen: set[str] = set()
    unique = []
    for number in found:
        if number.name not in seen:
            seen.add(number.name)
            unique.append(number)
    return unique


def tex(found: list[Number]) -> str:
    """The file: ``\\NAME`` prints number and unit, ``\\NAMENum`` the number alone."""
    lines = [
        "% Numbers of this run. \\tcX prints number and unit, \\tcXNum the number alone. Needs no package.\n"
        "% Behind each: what it is, and its value before rounding.\n"
    ]
    for number in found:
        value, unit = _minus(number.shown), latex.escape(number.unit)
        whole = f"{value}~{unit}" if unit else value
        lines.append(
            f"\\newcommand{{\\{number.name}}}{{{whole}}}\\newcommand{{\\{number.name}Num}}{{{value}}}"
            f"% {latex.comment(number.meaning)}: {number.exact!r} {latex.comment(number.unit)}\n"
        )
    return "".join(lines)


def _minus(shown: str) -> str:
    """A number whose minus is one, in text and in formulas, and whose commas do not part from their digits."""
    body = shown.lstrip("-+").replace(",", "{,}")
    sign = {"-": "\\ensuremath{-}", "+": "+"}.get(shown[:1], "")
    return sign + (body if body != "–" else "\\textendash{}")


def _whole(name: str, value: int, meaning: str) -> Number:
    return Number(latex.macro_name(name), f"{value:,}", "", meaning, float(value))


def _run(material: Material) -> Iterator[Number]:
    problem, manifest = material.problem, material.run.manifest
    study, evidence = problem.study, material.evidence
    total = len(study.parameters)
    uncertain = sum(info.distribution is not None for info in study.parameters)
    yield _whole("FrontSize", len(material.run), "policies on the front")
    yield _whole("Evaluations", int(manifest["evaluations"]), "evaluations of a policy in a future")
    yield _whole("Futures", len(problem.scenarios), "futures that every policy of the front met")
    yield _whole("Levers", len(study.levers), "levers searched")
    yield _whole("Objectives", len(study.objectives), "objectives")
    yield _whole("Screened", study.search.screen, "policies screened")
    yield _whole("Trials", study.search.trials, "policies tried by the optimiser")
    yield Number(latex.macro_name("Seed"), str(study.search.seed), "", "seed of the search", float(study.search.seed))
    yield Number(latex.macro_name("FirstYear"), str(study.horizon.start), "", "first year", float(study.horizon.start))
    last = study.horizon.start + study.horizon.years - 1
    yield Number(latex.macro_name("LastYear"), str(last), "", "last year", float(last))
    yield _whole("Parameters", total, "parameters of the model")
    yield _whole("ParametersUncertain", uncertain, "parameters that vary over the futures")
    yield _whole("Assumptions", evidence["assumption"], "parameters whose central value is an assumption")
    for name, count, meaning in (
        ("AssumptionShare", evidence["assumption"], "share of parameters whose central value is an assumption"),
        ("WeakShare", material.weak, "share of parameters that rest on assumptions, secondary sources or memory"),
    ):
        yield Number(latex.macro_name(name), f"{100 * count / total:.0f}", "%", meaning, 100 * count / total)
    for table, key, name, meaning in (
        ("fresh", "count", "FreshFutures", "futures that the front met after the search"),
        ("fresh", "undominated", "FreshUndominated", "policies of the front that are undominated in fresh futures"),
        ("groups", "count", "Groups", "groups of policies of the front that cannot be told apart"),
    ):
        if isinstance(manifest.get(table), dict):
            yield _whole(name, int(manifest[table][key]), meaning)
    for key, value in manifest["hypervolume"].items():
        if isinstance(value, float):
            words = {"value": "", "low": "Low", "high": "High", "before_optuna": "BeforeOptuna"}.get(key)
            if words is not None:
                meaning = f"hypervolume of the front, scaled: {key.replace('_', ' ')}"
                yield Number(latex.macro_name("Hypervolume", words), figure(value), "", meaning, value)


def _policies(material: Material) -> Iterator[Number]:
    """Mean and spread of every objective under every named policy."""
    for policy in material.policies:
        force = policy.key == material.in_force.key
        for name in material.problem.objectives:
            values = {"": material.score(policy, name)}
            spread = material.statistics[policy.key].get(name, {})
            values |= {word: spread[q] for q, word in (("p05", "Low"), ("p95", "High")) if q in spread}
            for word, value in values.items():
                shown, unit = figure(value), labels.outcome(name).unit
                what = {"Low": "5 of 100 futures below", "High": "5 of 100 futures above"}.get(word, "over the futures")
                meaning = f"{name} under {policy.name}, {what}"
                for key in (policy.key, *(["Rule"] if force else [])):
                    yield Number(latex.macro_name(name.replace("_", " "), key, word), shown, unit, meaning, value)


def _changes(material: Material) -> Iterator[Number]:
    """What each choice gains over the rule in force, with its interval."""
    for policy in material.choices:
        change = material.changes[policy.key]
        for k, name in enumerate(material.problem.objectives):
            for values, word in ((change.mean, ""), (change.low, "Low"), (change.high, "High")):
                value = float(values[k])
                meaning = f"{name} under {policy.name} less the rule in force, paired within the futures {word.lower()}"
                yield Number(latex.macro_name("Change", name.replace("_", " "), policy.key, word), figure(value),
                             labels.outcome(name).unit, meaning.strip(), value)  # fmt: skip


def _levers(material: Material) -> Iterator[Number]:
    for policy, key in ((material.in_force, "Rule"), *((policy, policy.key) for policy in material.choices)):
        for name in material.problem.space.names:
            printed, values = labels.lever(name), marks(policy, name)
            if len(values) == 1 and abs(values[0]) < float("inf"):
                value = values[0] * printed.scale
                meaning = f"lever {name} of {policy.name}"
                macro = latex.macro_name("Lever", name.replace("_", " "), key)
                yield Number(macro, figure(value), printed.unit, meaning, value)


def _record(record: Backcast) -> Iterator[Number]:
    for role, score in record.scores().items():
        rows, inside = int(str(score["rows"])), int(str(score["inside"]))
        yield _whole(f"Backcast {role}", rows, f"rows of the record, {role}")
        yield _whole(f"Backcast {role} inside", inside, f"rows of the record inside the model's 90 % interval, {role}")
