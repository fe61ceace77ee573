"""`tiercap parameters`: every parameter with its unit, value, range, source and evidence."""

from __future__ import annotations

from typing import Any

import click

from tiercap.optimizer.cli.options import json_option, set_option
from tiercap.optimizer.cli.output import figure, print_json, print_table


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME...]")
@click.option(
    "--evidence", metavar="TAG", help="Only values of this evidence: official, press, assumption, ..."
)
@set_option
@json_option
def command(names: tuple[str, ...], evidence: str | None, settings: tuple[str, ...], as_json: bool) -> None:
    """List the model's parameters with unit, value, range and source.

    Without NAME all of them; a NAME may also be a group, such as demand.

    Example: tiercap parameters demand
    """
    rows = [row for row in _rows(settings) if not evidence or row["evidence"] == evidence]
    _check(evidence)
    if names:
        rows = _chosen(rows, names)
    if as_json:
        print_json({"parameters": rows})
        return
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


def _check(evidence: str | None) -> None:
    from tiercap.optimizer.errors import InputError, did_you_mean
    from tiercap.optimizer.parameters import EVIDENCE

    if evidence and evidence not in EVIDENCE:
        raise InputError(f"unknown evidence tag `{evidence}`: {did_you_mean(evidence, EVIDENCE)}")


def _rows(settings: tuple[str, ...]) -> list[dict[str, Any]]:
    """Parameters, then levers, as the rows of the JSON answer."""
    from tiercap.optimizer import parameters

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
    from tiercap.optimizer import config

    return [
        {
            "name": lever.name,
            "group": "levers",
            "unit": lever.unit,
            "value": None,
            "low": lever.low,
            "high": lever.high,
            "distribution": None,
            "arguments": None,
            "source": "study china-2026",
            "evidence": "assumption",
            "range_source": None,
            "range_evidence": None,
            "kind": "lever",
            "meaning": f"fraction of {lever.within}" if lever.within else config.lever_meaning(lever.name),
        }
        for lever in config.load().levers
    ]


def _chosen(rows: list[dict[str, Any]], names: tuple[str, ...]) -> list[dict[str, Any]]:
    from tiercap.optimizer.errors import InputError, did_you_mean

    known = {row["name"] for row in rows} | {row["group"] for row in rows}
    for name in names:
        if name not in known:
            raise InputError(f"unknown parameter or group `{name[:60]}`: {did_you_mean(name[:60], known)}")
    return [row for row in rows if row["name"] in names or row["group"] in names]
