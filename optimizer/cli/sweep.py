"""`tiercap sweep`: how outcomes move with levers and parameters."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from tiercap.optimizer.cli import interrupts
from tiercap.optimizer.cli.options import StudyOptions, announce_compilation, folder_for, policies_option, study_options
from tiercap.optimizer.cli.output import clean, figure, print_json, print_table, say, scenarios_text

#: Rows printed as a table; of more, the extremes are told.
ROWS_SHOWN = 40
#: Rows that the JSON answer holds; of more, it names the files.
ROWS_JSON = 1000
#: Options that are said again by the command that goes on.
_FLAGS = {
    "over": "--over", "points_from": "--points-from", "design": "--design", "points": "--points",
    "policies": "--policy", "outcomes": "--outcome", "statistics": "--statistic", "trajectory": "--trajectory",
    "settings": "--set", "futures": "--scenarios", "structure": "--structure", "seed": "--seed",
    "dask": "--dask", "yes_large": "--yes-large", "no_netcdf": "--no-netcdf",
}  # fmt: skip


@click.command()
@click.option(
    "--over",
    multiple=True,
    metavar="NAME=LO:HI:N[:log]",
    help="A lever or parameter and its values; also NAME=A,B,C; repeat for more names. Values may carry units.",
)
@click.option(
    "--design",
    metavar="KIND",
    default="grid",
    help="grid: every combination; one-at-a-time: each name by itself; lhs or sobol: --points drawn from "
    "NAME=LO:HI[:log].  [default: grid]",
)
@click.option("--points", type=int, metavar="N", help="Points to draw with --design lhs or sobol.")
@click.option("--points-from", metavar="FILE", help="CSV or Parquet with a column a lever or parameter, a row a point.")
@policies_option
@click.option(
    "--outcome",
    "outcomes",
    multiple=True,
    metavar="NAME",
    help="Keep this outcome; repeat for more.  [default: all]",
)
@click.option(
    "--statistic",
    "statistics",
    multiple=True,
    metavar="S",
    help="Keep this statistic over the scenarios; repeat for more.  [default: mean, p05, p50, p95]",
)
@click.option("--trajectory", is_flag=True, help="Keep the statistics of every step too.")
@click.option("-o", "--output", metavar="PATH", help="Folder.  [default: a new runs/sweep-NNNN]")
@click.option(
    "--dask",
    metavar="ADDRESS",
    help="Compute on the workers of this Dask scheduler, or on N worker processes with local:N; the files are the "
    "same, to the bit.",
)
@click.option(
    "--yes-large",
    is_flag=True,
    help="Begin even with more than 50,000 points times policies, or 50 million evaluations.",
)
@click.option("--no-netcdf", is_flag=True, help="Leave sweep.nc out.")
@study_options
@click.pass_context
def command(context: click.Context, output: str | None, options: StudyOptions, **given: Any) -> None:
    """How outcomes move with levers and parameters: labelled tables, the whole ensemble at every point.

    A swept parameter replaces its draw and leaves the rest of the ensemble as it is. A swept lever overwrites every
    --policy, in all its phases; an inner cap above an outer one is cut to it. The folder holds sweep.parquet, sweep.nc,
    sweep.csv (up to 10,000 rows), codebook.csv and manifest.json; the same command with `-o FOLDER` goes on where
    it was interrupted.

    Example: tiercap sweep --over "c_licensed_tpp=2400 TPP:21000 TPP:20:log" --over budget_c=40,60,80
    """
    from tiercap.optimizer.sweeps import sweep
    from tiercap.optimizer.sweeps.request import Request

    path = folder_for(output)
    problem = options.problem()
    request = Request(
        over=given["over"],
        points_from=Path(given["points_from"]) if given["points_from"] else None,
        design=given["design"],
        points=given["points"],
        policies=given["policies"],
        outcomes=given["outcomes"],
        statistics=given["statistics"],
        trajectory=given["trajectory"],
        netcdf=not given["no_netcdf"],
    )
    announce_compilation(options.quiet)

    def again(folder: Path) -> str:
        """The command that goes on in ``folder``."""
        named = [options.study] if options.study else []
        return shlex.join(["tiercap", "sweep", *named, "-o", str(folder), *_said(context)])

    with _bar(options.quiet) as bar:

        def started(run: Any) -> Callable[[int], None]:
            say(f"folder {run.path}", options.quiet)
            interrupts.advise(f"what was finished is kept in {run.path}; to go on: {again(run.path)}")
            return bar(run)

        done = sweep.sweep(
            problem, request, path,
            yes_large=given["yes_large"], dask=given["dask"], progress=started,
        )  # fmt: skip
    if options.as_json:
        _print_json(done)
    else:
        _print_report(done, options.quiet)


def _said(context: click.Context) -> Iterator[str]:
    """The options that were given, as they were given."""
    for name, flag in _FLAGS.items():
        value = context.params[name]
        if context.get_parameter_source(name) is click.core.ParameterSource.DEFAULT or value in (None, ()):
            continue
        for one in value if isinstance(value, tuple) else (value,):
            yield from (flag,) if one is True else (flag, str(one))


@contextmanager
def _bar(quiet: bool) -> Iterator[Callable[[Any], Callable[[int], None]]]:
    """A progress bar on standard error: share, rate, time left. Nothing where nobody watches."""
    if quiet or not sys.stderr.isatty():
        yield lambda run: lambda done: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"), BarColumn(20), TaskProgressColumn(), TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True)) as bar:

        def start(run: Any) -> Callable[[int], None]:
            task = bar.add_task("sweeping", total=run.plan.evaluations, rate="")

            def advance(done: int) -> None:
                speed = bar.tasks[task].speed
                rate = f"{speed / 1000:,.0f} k evaluations/s" if speed else ""
                writing = done >= run.plan.evaluations
                bar.update(task, completed=done, rate=rate, description="writing" if writing else "sweeping")

            return advance

        yield start


def _print_json(run: Any) -> None:
    from tiercap.optimizer.sweeps.sweep import manifest

    told = manifest(run)
    rows = run.rows if run.rows is not None and run.plan.rows <= ROWS_JSON else None
    print_json(
        {
            "run": run.path,
            **{key: told[key] for key in ("sweep", "scenarios", "evaluations", "evaluations_reused", "seconds")},
            "extremes": {
                name: {"statistic": run.plan.statistics[0], "lowest": _extreme(run, a), "highest": _extreme(run, b)}
                for name, (a, b) in run.extremes.items()
            },
            "table": rows,
        }
    )


def _extreme(run: Any, found: Any) -> dict[str, Any]:
    point, policy = divmod(found.row, len(run.names))
    return {"value": found.value, "policy": run.names[policy], "at": run.at(point)}


def _print_report(run: Any, quiet: bool) -> None:
    from tiercap.optimizer.study.problem import UNITS

    plan, problem = run.plan, run.problem
    shown = [name for name in plan.outcomes if name in problem.objectives] or list(plan.outcomes[:3])
    title, swept = clean(problem.study.title or problem.study.name), ", ".join(plan.design.names)
    policies = "1 policy" if len(run.names) == 1 else f"{len(run.names)} policies"
    click.echo(f"{title}: {len(plan.design):,} points of {swept}, {policies}.")
    click.echo()
    heads = [f"{name}\n[{UNITS[name]}]" for name in shown]
    if run.rows is not None and plan.rows <= ROWS_SHOWN:
        _print_rows(run, shown, heads)
    else:
        rows = []
        for name in shown:
            for word, found in zip(("lowest", "highest"), run.extremes.get(name, ()), strict=False):
                told = _extreme(run, found)
                at = ", ".join(f"{key} {_value(value)}" for key, value in told["at"].items())
                rows.append([f"{name} [{UNITS[name]}]", word, figure(told["value"]), at, told["policy"]])
        print_table(["outcome, " + plan.statistics[0], "", "value", "at", "policy"], rows)
    click.echo()
    if run.clipped:
        click.echo(
            f"In {run.clipped:,} of {plan.rows:,} rows a cap was looser than the cap around it, and was cut to it "
            "(column clipped)."
        )
    reused = f", {run.reused:,} of them kept from before" if run.reused else ""
    click.echo(f"{plan.evaluations:,} evaluations{reused} in {run.seconds:.1f} s.")
    click.echo(f"Folder: {run.path}")
    click.echo(f"It holds {', '.join([*run.files, 'codebook.csv'])} and manifest.json.")
    say(f"{scenarios_text(problem)}; modelled, not forecast", quiet)


def _value(value: Any) -> str:
    return value if isinstance(value, str) else figure(value)


def _print_rows(run: Any, shown: list[str], heads: list[str]) -> None:
    """The whole table: swept names, policy where there are several, the first statistic of the outcomes."""
    from tiercap.optimizer.sweeps.tables import table_columns

    plan = run.plan
    names = [c.name for c in table_columns(plan) if c.statistic == plan.statistics[0] and c.outcome in shown]
    units = {axis.name: axis.unit for axis in plan.design.axes}
    several = len(run.names) > 1
    rows = []
    for row in range(plan.rows):
        point, policy = divmod(row, len(run.names))
        cells = [_value(value) for value in run.at(point).values()]
        cells += [run.names[policy]] if several else []
        rows.append(cells + [figure(float(run.rows[name][row])) for name in names])
    first = [f"{name}\n[{unit}]" for name, unit in units.items()]
    print_table([*first, *(["policy"] if several else []), *heads], rows)
    click.echo(f"Outcomes: {plan.statistics[0]} over the scenarios.")
