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
    from tiercap.optimizer.analysis.ledger import about, join
    from tiercap.optimizer.study.parameter_rows import listed

    rows = listed(names, evidence, settings)
    found = _ledger(settings, scenario_flags(futures, structure), threads) if with_ledger else None
    if found is not None:
        join(rows, found)
    if as_json:
        more = {} if found is None else {"ledger": about(found)}
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
    from tiercap.optimizer.study import load
    from tiercap.optimizer.study.problem import Problem

    study = load.load(None, settings, flags)
    announce_compilation(False)
    return ledger(Problem(study, threads))


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
