"""`tiercap pick`: one policy from a finished run's front."""

from __future__ import annotations

from typing import Any

import click

from tiercap.optimizer.cli.options import RunOptions, announce_compilation, run_options
from tiercap.optimizer.cli.output import (
    figure,
    print_json,
    print_table,
    say,
    scenarios_json,
    scenarios_text,
    spreads_json,
)


@click.command()
@click.argument("run", metavar="RUN[:ROW]")
@click.option(
    "--by",
    type=click.Choice(["compromise", "regret", "weights"]),
    help="How to choose: the least worst objective; the least largest regret over the scenarios; the least "
    "weighted sum.  [default: compromise, or weights where --weight is given]",
)
@click.option("--weight", "weights", multiple=True, metavar="OUTCOME=W", help="Weight of an objective, 0 if not named.")
@click.option(
    "--bound",
    "bounds",
    multiple=True,
    metavar="OUTCOME<=V",
    help='Choose only among policies that keep this, or OUTCOME>=V, such as "compute_lead_p05>=10"; statistics as in a '
    "study's constraints.",
)
@click.option(
    "--round",
    "digits",
    type=click.IntRange(1, 15),
    default=2,
    show_default=True,
    metavar="N",
    help="Significant digits of the rounded levers.",
)
@click.option(
    "--grid",
    multiple=True,
    metavar="LEVER=STEP",
    help='Round this lever to multiples of STEP instead, such as "100 GB/s".',
)
@run_options
def command(
    run: str,
    by: str | None,
    weights: tuple[str, ...],
    bounds: tuple[str, ...],
    digits: int,
    grid: tuple[str, ...],
    options: RunOptions,
) -> None:
    """Choose a policy from the front of a finished run, or name one: why this one, in round numbers, at what price.

    Everything is computed anew in the run's own scenarios; the folder is not changed. Intervals span 90 of 100
    resamplings of the scenarios, of differences within each scenario.

    Example: tiercap pick runs/first --by regret --bound "compute_lead>=13"
    """
    from tiercap.optimizer.runs import named_policy
    from tiercap.optimizer.study.records import directions
    from tiercap.optimizer.tradeoffs.pick import parse_bound, parse_weights, pick, way_of
    from tiercap.optimizer.tradeoffs.rounding import parse_grid

    saved, row = named_policy.run_and_row(run, options.threads)
    demanded = tuple(parse_bound(text, directions(saved.problem.study.objectives)) for text in bounds)
    weighed = parse_weights(weights, saved.problem.objectives)
    way = way_of(by, weighed, saved.problem.objectives, row)
    steps = parse_grid(grid, saved.problem.space.names)
    announce_compilation(options.quiet)
    found = pick(saved, way, weighed, demanded, digits, steps, row)
    if found.changed:
        differs = ", ".join(saved.other_code()) or "this machine"
        otherwise = f"the run's numbers come out otherwise here ({differs} differs)"
        say(f"{otherwise}: those below are computed anew", options.quiet)
    if options.as_json:
        print_json(_json(found))
    else:
        _print_report(found)


def _json(found: Any) -> dict[str, Any]:
    from tiercap.optimizer.rules.levers import describe
    from tiercap.optimizer.tradeoffs.pick import gained_by_rebinning

    problem = found.run.problem
    row = found.chosen.row
    return {
        "run": found.run.path,
        "by": found.way,
        "policy": row,
        "of": len(found.run),
        "scenarios": scenarios_json(problem),
        "reasons": found.chosen.reasons,
        "levers": describe(found.run.levers[row]),
        "outcomes": spreads_json(problem.objectives, found.exact),
        "rounded": {
            "levers": describe(found.rounding.levers),
            "outcomes": spreads_json(problem.objectives, found.rounded),
            "change": spreads_json(problem.objectives, found.loss),
            "tried": found.rounding.tried,
            "breaks": found.broken,
        },
        "rule_in_force": {
            "name": problem.study.baseline,
            "outcomes": spreads_json(problem.objectives, found.rule),
            "change_from_rule": spreads_json(problem.objectives, found.gain),
        },
        "marginal_prices": [
            {
                "lever": price.lever,
                "direction": price.direction,
                "change_per_percent": None if price.change is None else spreads_json(problem.objectives, price.change),
            }
            for price in found.prices
        ],
        "loophole": {
            "gain_from_rebinning": spreads_json(gained_by_rebinning(problem), found.rebinning),
            "slack": _slack(problem),
            "chips_near_caps": [
                {
                    "lever": line.lever,
                    "cap": line.cap,
                    "unit": _unit(line.lever),
                    "chips": [{"name": c.chip, "value": c.value, "room_percent": c.room} for c in line.chips],
                }
                for line in found.lines
            ],
        },
        "same_bits_as_run": not found.changed,
    }


def _slack(problem: Any) -> Any:
    from tiercap.optimizer.tradeoffs.loophole import slack_of

    return slack_of(problem)


def _unit(lever: str) -> str:
    """The unit of a cap as rules write it."""
    if lever.endswith("tpp"):
        return "TPP"
    return "TPP/mm2" if lever.endswith("density") else "GB/s"


def _print_report(found: Any) -> None:
    click.echo(f"In {scenarios_text(found.run.problem)}.")
    click.echo(f"Policy {found.chosen.row} of {len(found.run)} (0 is the first of front.csv), chosen by {found.way}:")
    for reason in found.chosen.reasons:
        click.echo(f"  - {reason}.")
    click.echo()
    _print_levers(found)
    click.echo()
    _print_objectives(found)
    click.echo()
    _print_prices(found)
    click.echo()
    _print_loophole(found)


def _print_levers(found: Any) -> None:
    """What to write into the rule."""
    from tiercap.optimizer.rules.levers import LEVERS_TABLE

    rows = []
    for name, value in found.rounding.values.items():
        info = LEVERS_TABLE[name]
        exact = float(found.run.values[name][found.chosen.row])
        unit = "" if info.unit == "1" else f" [{info.unit}]"
        rows.append([f"{name}{unit}", figure(exact, 5), figure(value, 15)])
    print_table(["lever", "on the front", "rounded"], rows)
    if found.broken:
        click.echo(f"No rounding tried keeps {' and '.join(found.broken)}: use more digits or a finer --grid.")


def _print_objectives(found: Any) -> None:
    from tiercap.optimizer.model.measures import unit_of

    problem = found.run.problem
    heads = ["objective", "on the front", "rounded", "rounding changes", "in 90 of 100",
             f"in force:\n{problem.study.baseline}", "change from rule", "in 90 of 100"]  # fmt: skip
    rows = []
    for k, name in enumerate(problem.objectives):
        unit = "" if unit_of(name) == "1" else f" [{unit_of(name)}]"
        cells = [figure(float(found.exact.mean[k])), figure(float(found.rounded.mean[k]))]
        cells += [signed(found.loss.mean[k]), interval(found.loss, k), figure(float(found.rule.mean[k]))]
        rows.append([f"{name}{unit}", *cells, signed(found.gain.mean[k]), interval(found.gain, k)])
    print_table(heads, rows)


def _print_prices(found: Any) -> None:
    names = found.run.problem.objectives
    click.echo("Marginal prices of the rounded policy: what one per cent of a cap changes, and 90 of 100 resamplings:")
    rows = []
    for price in found.prices:
        cells = ["not nested"] * len(names)
        if price.change is not None:
            cells = [f"{signed(price.change.mean[k])} ({interval(price.change, k)})" for k in range(len(names))]
        rows.append([price.lever, price.direction, *cells])
    print_table(["cap", "1 %", *names], rows)


def _print_loophole(found: Any) -> None:
    from tiercap.optimizer.model.measures import unit_of
    from tiercap.optimizer.tradeoffs.pick import gained_by_rebinning

    problem = found.run.problem
    slack = _slack(problem)
    click.echo(
        f"Loophole: chips cut down to {100 * slack['low']:.2g} to {100 * slack['high']:.2g} % below the caps change, "
        "against the same futures without such designs:"
    )
    for k, name in enumerate(gained_by_rebinning(problem)):
        unit = "" if unit_of(name) == "1" else f" {unit_of(name)}"
        click.echo(f"  {name} {signed(found.rebinning.mean[k])}{unit} ({interval(found.rebinning, k)})")
    click.echo("Existing chips within 5 % of a cap (per cent of the cap below it; negative: above):")
    for line in found.lines:
        chips = ", ".join(f"{chip.chip} {chip.room:+.1f} %" for chip in line.chips) or "none"
        click.echo(f"  {line.lever} {figure(line.cap, 6)} {_unit(line.lever)}: {chips}")


def signed(value: float) -> str:
    """A difference with its sign, three figures."""
    text = figure(abs(float(value)), 3)
    return text if text in ("0", "-") else f"{'-' if value < 0 else '+'}{text}"


def interval(spread: Any, k: int) -> str:
    """The interval of one difference."""
    return f"{signed(spread.low[k])} to {signed(spread.high[k])}"
