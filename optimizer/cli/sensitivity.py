"""`tiercap sensitivity`: what an outcome hangs on."""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import click

from tiercap.optimizer.cli.options import StudyOptions, announce_compilation, policy_option, study_options
from tiercap.optimizer.cli.output import clean, figure, print_json, print_table

#: Rows of a table before the rest is counted.
SHOWN = 15
#: What `--over` is given for every lever that the study searches.
LEVERS = "levers"


#: What --scenarios means here.
FUTURES_HELP = (
    "Where points come from: prior (the parameters' own ranges), calibrated, or a CSV or Parquet file with a column a "
    "parameter; over levers, the futures to meet.  [default: prior; over levers the study's]"
)


@click.command()
@policy_option
@click.option(
    "--outcome", "outcomes", multiple=True, metavar="NAME",
    help="Explain this outcome; over levers also a statistic of it, such as revenue_p05 or revenue_p95. Repeat for "
    "more.  [default: the objectives]",
)  # fmt: skip
@click.option(
    "--over", multiple=True, metavar="NAME,...",
    help="What to explain it by: uncertain parameters, or levers, or `levers` for all that the study searches.  "
    "[default: all uncertain parameters]",
)  # fmt: skip
@click.option("--points", type=int, metavar="N", help="Points of each sample, a power of two.  [default: 4096; over "
              "levers 1024]")  # fmt: skip
@click.option("--tail", default="10 %", show_default=True, metavar="SHARE", help="Part of the points in each tail.")
@click.option("-o", "--output", metavar="PATH", help="Folder for the tables.  [default: a new runs/sensitivity-NNNN]")
@partial(study_options, futures=FUTURES_HELP)
def command(
    policy: str | None,
    outcomes: tuple[str, ...],
    over: tuple[str, ...],
    points: int | None,
    tail: str,
    output: str | None,
    options: StudyOptions,
) -> None:
    """What an outcome hangs on: Sobol shares, PAWN, marks of the tails, a tornado.

    Points are drawn from the parameters' own ranges, independently, as Sobol shares need it. Members of a calibrated
    ensemble (`--scenarios calibrated`) depend on each other: of those, shares alone are told, from the members as they
    are. With `--over levers` statistics over the futures are explained by the levers' ranges.

    Example: tiercap sensitivity --policy bis-2026 --outcome revenue --outcome compute_lead -o runs/hangs-on
    """
    from tiercap.optimizer.analysis import sensitivity
    from tiercap.optimizer.analysis.sensitivity_tables import write
    from tiercap.optimizer.cli.options import folder_for, problem_for
    from tiercap.optimizer.cli.progress import stages
    from tiercap.optimizer.errors import InputError
    from tiercap.optimizer.io.units import quantity
    from tiercap.optimizer.runs import named_policy

    place = folder_for(output)
    share = quantity(tail, "1", "--tail")
    names = [name for text in over for name in text.split(",")]
    by_levers = _by_levers(names)
    if by_levers and policy is not None:
        raise InputError("over levers, the levers are what varies: leave --policy out")
    default = None if by_levers or options.structure is not None else "prior"
    problem = problem_for(replace(options, futures=options.futures or default), policy)
    announce_compilation(options.quiet)
    with stages(options.quiet) as progress:
        if by_levers:
            names = [] if LEVERS in names else names
            found = sensitivity.of_levers(
                problem, outcomes, points or sensitivity.LEVER_POINTS, names, share, progress
            )
        else:
            one = named_policy.one(policy or problem.study.baseline, problem)
            found = sensitivity.of_parameters(
                problem, one, outcomes, points or sensitivity.POINTS, names, share, progress
            )
    kept: Path | None = None
    try:
        kept = write(found, place, shlex.join(["tiercap", *sys.argv[1:]]))
    finally:  # what was computed is shown even where it could not be written
        if options.as_json:
            print_json(_json(found, kept))
        else:
            _print_report(found, kept, part=bool(names))


def _by_levers(names: list[str]) -> bool:
    from tiercap.optimizer.errors import InputError
    from tiercap.optimizer.rules.levers import LEVERS_TABLE

    of_levers = [name == LEVERS or name in LEVERS_TABLE for name in names]
    if any(of_levers) and not all(of_levers):
        raise InputError("--over takes levers or parameters, not both at once: ask twice")
    return any(of_levers)


def _json(found: Any, path: Path | None) -> dict[str, Any]:
    from tiercap.optimizer.analysis.sensitivity_tables import summary, tables

    rows = {
        name: [dict(zip(table, row, strict=True)) for row in zip(*(c.tolist() for c in table.values()), strict=True)]
        for name, table in tables(found).items()
    }
    return {"folder": path, **summary(found), "tables": rows}


def _print_report(found: Any, path: Path | None, part: bool) -> None:
    what = "Statistics over the futures, by lever" if found.policy is None else f"{clean(found.policy.name)}"
    click.echo(f"{what}: {found.sample.futures}.")
    if found.total is None:
        click.echo(
            "Parameters of a calibrated ensemble are not independent, so there are no Sobol totals: a share is what "
            "goes along with the parameter, and shares may add up to more than 1."
        )
    for o in range(len(found.outputs)):
        click.echo()
        _print_output(found, o, part)
    click.echo()
    share = "total" if found.total else "share"
    click.echo(f"Does not matter: a {share} below 1 % with its whole interval (brackets: 90 % of resamplings).")
    click.echo("PAWN (0 to 1) is blank where noise scores as much; a tail, where chance does in 5 of 100 cases.")
    if path is not None:
        click.echo(f"Tables, codebook, manifest: {clean(path)}")


def _print_output(found: Any, o: int, part: bool) -> None:
    """One output: inputs that matter, most important first, and how many do not.

    part : whether others were not asked for
    """
    output = found.outputs[o]
    unit = "" if output.unit == "1" else f" [{output.unit}]"
    if found.constant[o]:
        click.echo(f"{output.name}{unit}: the same at every point, nothing moves it.")
        return
    matters = found.matters(o)
    order = [k for k in found.order(o) if matters[k]]
    heads = ["parameter" if found.policy else "lever"]
    heads += ["total\n%", "alone\n%"] if found.total else ["share\n%"]
    heads += ["PAWN", *(f"{tail.end}\n{100 * found.tail:g} %" for tail in found.tails[o])]
    heads += ["p05 to p95", f"{output.name}{unit}\nat p05", "\nat p95"]
    middle = figure(float(found.swing[2][o]))
    rows = [_row(found, k, o) for k in order[:SHOWN]]
    title = f"{output.name}{unit}, {middle} with everything central"
    if not rows:
        click.echo(f"{title}: no input's share reaches 1 %.")
        return
    print_table(heads, rows, title=title)
    more = len(order) - len(rows)
    alone = float(found.first.value[:, o].sum())
    told = [f"{more} more matter"] if more > 0 else []
    told += [f"{len(found.inputs) - len(order)} do not matter"] if len(order) < len(found.inputs) else []
    if found.total:
        rest = "what others do, alone and jointly" if part else "what they do jointly"
        left = f"what is missing to 100 % is {rest}" if alone < 1.0 else "more than 100 % is noise: take more --points"
        told.append(f"the shares alone add up to {100 * alone:.0f} %; {left}")
    if told:
        click.echo("; ".join(told) + ".")


def _row(found: Any, k: int, o: int) -> list[str]:
    one = found.inputs[k]
    unit = "" if one.unit == "1" else f" [{one.unit}]"
    shares = [found.total, found.first] if found.total else [found.first]
    cells = [
        "{} ({} to {})".format(*(round(100.0 * float(part[k, o])) for part in (share.value, share.low, share.high)))
        for share in shares
    ]
    shift = found.shift[k, o]
    cells.append(f"{shift:.2f}" if shift > found.noise[o] else "")
    for tail in found.tails[o]:
        way = "higher" if tail.inside[k] > tail.outside[k] else "lower"
        cells.append(f"{way} {tail.distance[k]:.2f}" if tail.distance[k] > tail.critical else "")
    at_low, at_high, _ = found.swing
    cells.append(f"{figure(one.low, 3)} to {figure(one.high, 3)}")
    cells += [figure(float(at_low[k, o])), figure(float(at_high[k, o]))]
    return [f"{one.name}{unit}", *cells]
