"""`tiercap discover`: in which futures a policy fails."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any

import click

from tiercap.optimizer.cli.options import StudyOptions, announce_compilation, policy_option, study_options
from tiercap.optimizer.cli.output import clean, figure, print_json, print_table, scenarios_json, scenarios_text

#: Futures met unless told otherwise: of an ensemble all members, where it has no more.
COUNT = 4096
#: Leaves printed; the others are in the table.
LEAVES = 4


@click.command()
@policy_option
@click.option(
    "--fails", multiple=True, metavar="CONDITION",
    help="When the policy fails: `revenue < 30 GUSD`, `revenue < bis-2026` (in the same future), "
    "`compute_lead worst 10 %`, `compute_lead worse than ban`; "
    "> and lowest and highest too. Repeat for more: any of them is a failure.",
)  # fmt: skip
@click.option(
    "--method", type=click.Choice(["both", "prim", "cart"]), default="both", show_default=True,
    help="Boxes by PRIM, leaves of a tree by CART.",
)  # fmt: skip
@click.option(
    "--over", multiple=True, metavar="NAME,...", help="Parameters that a box may restrict.  [default: all that vary]"
)
@click.option(
    "--boxes", type=click.IntRange(1, 9), default=1, show_default=True, metavar="N",
    help="Boxes that PRIM looks for, each in what those before left.",
)  # fmt: skip
@click.option(
    "--most", type=click.IntRange(1, 20), default=4, show_default=True, metavar="N",
    help="Parameters that a box restricts at most.",
)  # fmt: skip
@click.option(
    "--count", type=click.IntRange(1, 1_000_000), metavar="N",
    help=f"Futures to meet.  [default: {COUNT}, or all members of an ensemble with fewer]",
)  # fmt: skip
@click.option("-o", "--output", metavar="PATH",
              help="Folder for tables and figure.  [default: a new runs/discover-NNNN]")  # fmt: skip
@study_options
def command(
    policy: str | None,
    fails: tuple[str, ...],
    method: Any,
    over: tuple[str, ...],
    boxes: int,
    most: int,
    count: int | None,
    output: str | None,
    options: StudyOptions,
) -> None:
    """In which futures a policy fails, in words with units: boxes of parameters by PRIM, a tree by CART.

    Coverage is the share of all failures that lie in a box, density the share of the futures in it that fail, mass the
    share of all futures that lie in it. A quasi-p is the chance of as many failures if that limit did nothing.

    Example: tiercap discover --policy bis-2026 --fails "revenue < 20 GUSD" -o runs/fails
    """
    from tiercap.optimizer.analysis.discover import discover
    from tiercap.optimizer.analysis.discover_tables import write
    from tiercap.optimizer.cli.options import folder_for, problem_for
    from tiercap.optimizer.cli.progress import stages
    from tiercap.optimizer.runs import named_policy

    place = folder_for(output)
    names = [name for text in over for name in text.split(",")]
    problem = problem_for(options, policy, count or COUNT)
    one = named_policy.one(policy or problem.study.baseline, problem)
    announce_compilation(options.quiet)
    with stages(options.quiet) as progress:
        found = discover(problem, one, fails, method, names, boxes, most, progress)
    kept: Path | None = None
    try:
        kept = write(found, place, shlex.join(["tiercap", *sys.argv[1:]]))
    finally:  # what was computed is shown even where it could not be written
        if options.as_json:
            print_json(_json(found, kept))
        else:
            _print_report(found, kept)


def _json(found: Any, path: Path | None) -> dict[str, Any]:
    from tiercap.optimizer.analysis.discover_tables import summary, tables

    rows = {
        name: [dict(zip(table, row, strict=True)) for row in zip(*(c.tolist() for c in table.values()), strict=True)]
        for name, table in tables(found).items()
        if name != "futures"
    }
    return {"folder": path, "scenarios": scenarios_json(found.problem), **summary(found), "tables": rows}


def _print_report(found: Any, path: Path | None) -> None:
    from tiercap.optimizer.analysis import figures

    click.echo(f"In {scenarios_text(found.problem)}.")
    why = " or ".join(map(clean, found.reasons))
    click.echo(f"{clean(found.policy.name)} fails in {100 * found.failing:.3g} % of them: {why}.")
    if found.paths:
        click.echo()
        _print_boxes(found)
    if found.leaves:
        click.echo()
        _print_leaves(found)
    click.echo()
    if found.problem.scenarios.kind == "calibrated":
        click.echo("Parameters of these futures depend on each other: a limit may stand for another that goes with it.")
    if path is not None:
        drawn = figures.available()
        click.echo(f"Tables, {'figure, ' if drawn else ''}codebook, manifest: {clean(path)}")
        if not drawn:
            click.echo("There is no figure, which needs Matplotlib: install tiercap with the extra [paper].")


def _told(box: Any, inputs: Any) -> str:
    from tiercap.optimizer.analysis.discover import words

    return (
        f"When {clean(words(box, inputs))}, {100 * box.density:.0f} % of futures fail (density); these are "
        f"{100 * box.coverage:.0f} % of all failures (coverage), in {100 * box.mass:.0f} % of all futures (mass)."
    )


def _print_boxes(found: Any) -> None:
    import numpy as np

    if not found.boxes[0].restricted.any():
        click.echo("PRIM: no limit on a parameter marks the failures more surely than chance does.")
        return
    floor, ceiling = found.cases.ends
    for number, box in enumerate(found.boxes, 1):
        left = "" if number == 1 else ", in what those before left"
        click.echo(f"PRIM, box {number}{left}. {_told(box, found.inputs)}")
        rows = []
        for k, side in np.argwhere(box.restricted):
            info, limit = found.inputs[k], (box.low, box.high)[side][k]
            unit = "" if info.unit == "1" else f" [{info.unit}]"
            span = f"{figure(float(floor[k]), 3)} to {figure(float(ceiling[k]), 3)}"
            chance = float(box.quasi_p[k, side])
            shown = "< 0.001" if chance < 0.001 else f"{chance:.3f}"
            limited = f"{'at most' if side else 'at least'} {figure(float(limit), 3)}"
            rows.append([f"{info.name}{unit}", limited, span, shown, info.meaning])
        print_table(["parameter", "limit", "in all futures", "quasi-p", "meaning"], rows)


def _print_leaves(found: Any) -> None:
    dense = [leaf for leaf in found.leaves if leaf.density > found.failing]
    more = len(dense) - LEAVES
    click.echo(f"CART, {len(found.leaves)} leaves, of which {len(dense)} are denser in failures than all futures:")
    for leaf in dense[:LEAVES]:
        click.echo(f"  {_told(leaf, found.inputs)}")
    if more > 0:
        click.echo(f"  and {more} more: boxes.csv")
