"""`tiercap parameters`: every parameter with its unit, value, range, source and evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from tiercap.optimizer.cli.options import (
    announce_compilation,
    json_option,
    scenario_flags,
    scenarios_option,
    set_option,
    threads_option,
)
from tiercap.optimizer.cli.output import figure, print_json, print_table

if TYPE_CHECKING:
    from tiercap.optimizer.analysis.ledger import Ledger


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME...]")
@click.option(
    "--evidence", metavar="TAG", help="Only values of this evidence: official, press, assumption, ..."
)
@click.option(
    "--ledger",
    "with_ledger",
    is_flag=True,
    help="Prior, posterior, what the record says, and the share of each objective's variance that it explains.",
)
@set_option
@scenarios_option
@threads_option
@json_option
def command(
    names: tuple[str, ...],
    evidence: str | None,
    with_ledger: bool,
    settings: tuple[str, ...],
    futures: str | None,
    structure: str | None,
    threads: int | None,
    as_json: bool,
) -> None:
    """List the model's parameters and levers with unit, value, range and source.

    Without NAME all parameters and the levers of the built-in study; a NAME may also be a group, such as demand, or any
    other lever. A number without a unit, wherever it stands, is in the unit told here.

    With --ledger, what the results hang on: the built-in study under its rule in force, most important first.

    Example: tiercap parameters --ledger
    """
    _check(evidence)
    rows = _rows(settings)
    if names:
        rows = _chosen(rows, names)
    rows = [row for row in rows if not evidence or row["evidence"] == evidence]
    found = _ledger(settings, scenario_flags(futures, structure), threads) if with_ledger else None
    if found is not None:
        _join(rows, found)
    if as_json:
        more = {} if found is None else {"ledger": _about(found)}
        print_json({**more, "parameters": rows})
    elif found is not None:
        _print_ledger(rows, found)
    else:
        _print(rows, names)


def _print(rows: list[dict[str, Any]], names: tuple[str, ...]) -> None:
    print_table(
        ["name", "group", "value", "low", "high", "unit", "kind", "evidence", "meaning"],
        [
            [
                row["name"],
                row["group"],
                *(figure(row[key]) for key in ("value", "low", "high")),
                row["unit"],
                row["kind"],
                row["evidence"],
                row["meaning"],
            ]
            for row in rows
        ],
    )
    if names and len(rows) <= 3:
        for row in rows:
            click.echo(f"{row['name']}: {row['source']} [{row['evidence']}]")


def _ledger(settings: tuple[str, ...], flags: dict[str, Any], threads: int | None) -> Ledger:
    from tiercap.optimizer.analysis.ledger import ledger
    from tiercap.optimizer.errors import InputError
    from tiercap.optimizer.study import load
    from tiercap.optimizer.study.problem import Problem

    study = load.load(None, settings, flags)
    if study.scenarios.kind != "calibrated":
        raise InputError("a ledger compares prior and posterior: it needs --scenarios calibrated or an ensemble's FILE")
    announce_compilation(False)
    return ledger(Problem(study, threads))


def _join(rows: list[dict[str, Any]], found: Ledger) -> None:
    """Put the ledger's columns into the rows of the parameters; levers have none."""
    entries = {entry.info.name: entry for entry in found.entries}
    for row in rows:
        entry = entries.get(row["name"])
        if entry is not None:
            row["prior"] = _spread(entry.prior)
            row["posterior"] = _spread(entry.posterior)
            row["bits"] = entry.bits
            row["explains"] = dict(entry.shares)


def _spread(values: tuple[float, float, float] | None) -> dict[str, float] | None:
    return None if values is None else dict(zip(("p05", "p50", "p95"), values, strict=True))


def _about(found: Ledger) -> dict[str, Any]:
    """What the shares are of."""
    return {
        "ensemble": found.source,
        "rule": found.rule,
        "objectives": found.objectives,
        "evaluations": found.evaluations,
        "method": "first-order index by binning, less the noise of the bins",
        "structure_explains": dict(found.structure),
    }


def _print_ledger(rows: list[dict[str, Any]], found: Ledger) -> None:
    """Uncertain parameters, the one that explains most of any objective first."""
    listed = [row for row in rows if row.get("prior") or row.get("posterior")]
    listed.sort(key=lambda row: -max(row["explains"].values()))
    table = [
        [row["name"], row["evidence"], row["unit"], *_three(row["prior"]), *_three(row["posterior"]),
         "-" if row["bits"] is None else f"{row['bits']:.2f}",
         *(f"{row['explains'][name]:.1%}" for name in found.objectives)]
        for row in listed
    ]  # fmt: skip
    table.append(["(structure)", *[""] * 9, *(f"{found.structure[name]:.1%}" for name in found.objectives)])
    quantiles = ["p05", "p50", "p95"]
    heads = ["parameter", "evidence", "unit", *_headed("prior", quantiles), *_headed("posterior", quantiles), "bits"]
    title = f"Share of the variance explained alone, under {found.rule}, over {found.source}"
    print_table([*heads, *found.objectives], table, title=title)
    click.echo(
        "Sources: tiercap parameters NAME. Bits: what the record says of the parameter at the start of the replay. "
        "Without a posterior a parameter keeps its own range in a forward run."
    )


def _headed(word: str, quantiles: list[str]) -> list[str]:
    return [f"{word if k == 0 else ''}\n{q}" for k, q in enumerate(quantiles)]


def _three(spread: dict[str, float] | None) -> list[str]:
    return ["-"] * 3 if spread is None else [figure(value) for value in spread.values()]


def _check(evidence: str | None) -> None:
    from tiercap.optimizer.errors import InputError, did_you_mean
    from tiercap.optimizer.model.parameters import EVIDENCE

    if evidence and evidence not in EVIDENCE:
        raise InputError(f"unknown evidence tag `{evidence}`: {did_you_mean(evidence, EVIDENCE)}")


def _rows(settings: tuple[str, ...]) -> list[dict[str, Any]]:
    """Parameters, then levers, as the rows of the JSON answer."""
    from tiercap.optimizer.model import parameters

    infos = parameters.override(parameters.table(), dict(parameters.assignment(text) for text in settings))
    rows = [
        {
            "name": info.name,
            "group": info.group,
            "unit": info.unit,
            "value": info.value,
            "low": info.low,
            "high": info.high,
            "distribution": info.distribution.name if info.distribution else None,
            "arguments": dict(info.distribution.arguments) if info.distribution else None,
            "source": info.source,
            "evidence": info.evidence,
            "range_source": info.range_source or None,
            "range_evidence": info.range_evidence or None,
            "kind": info.kind,
            "meaning": info.meaning,
        }
        for info in infos
    ]
    return rows + _levers()


def _levers() -> list[dict[str, Any]]:
    """The levers of the built-in study: what the regulator chooses."""
    from tiercap.optimizer.study import load

    ends: dict[str, tuple[float, float]] = {}
    rows = []
    for lever in load.load().levers:  # an inner one stands after the one it lies within
        low, high = ends.get(lever.within or "", (1.0, 1.0))
        ends[lever.name] = low * lever.low, high * lever.high
        share = f"; searched as {lever.low:g} to {lever.high:g} of {lever.within}" if lever.within else ""
        row = _lever_row(lever.name, *ends[lever.name])
        rows.append({**row, "meaning": row["meaning"] + share, "source": "study china-2026", "evidence": "assumption"})
    return rows


def _lever_row(name: str, low: float, high: float) -> dict[str, Any]:
    from tiercap.optimizer.rules.levers import LEVERS_TABLE

    return {
        "name": name,
        "group": "levers",
        "unit": LEVERS_TABLE[name].unit,
        "value": None,
        "low": low,
        "high": high,
        "distribution": None,
        "arguments": None,
        "source": "what it may be at all; the built-in study does not search it",
        "evidence": "derived",
        "range_source": None,
        "range_evidence": None,
        "kind": "lever",
        "meaning": LEVERS_TABLE[name].meaning,
    }


def _chosen(rows: list[dict[str, Any]], names: tuple[str, ...]) -> list[dict[str, Any]]:
    from tiercap.optimizer.errors import InputError, did_you_mean
    from tiercap.optimizer.rules.levers import LEVERS_TABLE

    known = {row["name"] for row in rows} | {row["group"] for row in rows}
    for name in names:
        if name not in known and name not in LEVERS_TABLE:
            hint = did_you_mean(name[:60], known | set(LEVERS_TABLE))
            raise InputError(f"unknown parameter, lever or group `{name[:60]}`: {hint}")
    chosen = [row for row in rows if row["name"] in names or row["group"] in names]
    others = [name for name in dict.fromkeys(names) if name not in known]
    return chosen + [_lever_row(name, LEVERS_TABLE[name].low, LEVERS_TABLE[name].high) for name in others]
