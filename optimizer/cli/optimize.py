"""`tiercap optimize`: the main job."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from tiercap.optimizer.cli.evaluate import _announce_compilation
from tiercap.optimizer.cli.options import (
    json_option,
    output_option,
    seed_option,
    set_option,
    study_argument,
    threads_option,
    verbosity_options,
)
from tiercap.optimizer.cli.output import figure, print_json, print_table, say

#: Chips named for a policy before the rest is counted.
CHIPS_NAMED = 6


@click.command()
@study_argument
@output_option
@set_option
@seed_option
@threads_option
@json_option
@verbosity_options
def command(
    study: str | None,
    output: str | None,
    settings: tuple[str, ...],
    seed: int | None,
    threads: int | None,
    as_json: bool,
    quiet: bool,
    verbose: int,
) -> None:
    """Search the levers for the front of policies that nothing dominates.

    Without arguments: the built-in study. Results go to a run folder; the same command with `-o FOLDER` goes on
    where an interrupted run stopped, and `--set search.trials=N` with a larger N extends a finished one.

    Example: tiercap optimize my-study.toml -o runs/mine
    """
    from tiercap.optimizer import config
    from tiercap.optimizer.optimize import optimize
    from tiercap.optimizer.problem import Problem

    problem = Problem(config.load(study, settings, {"seed": seed}), threads)
    _announce_compilation(quiet)
    with _bar(quiet) as progress:
        try:
            run = optimize(problem, Path(output) if output else None, progress)
        except KeyboardInterrupt:
            say("stopped; what was finished is kept. The same command with -o and that folder goes on from there")
            raise
    if as_json:
        _print_json(run)
    else:
        _print_report(run)


@contextmanager
def _bar(quiet: bool) -> Iterator[Callable[[Any], Callable[[int, float | None], None]]]:
    """A progress bar on standard error: share, rate, time left, hypervolume. Nothing where nobody watches."""
    if quiet or not sys.stderr.isatty():
        yield lambda search: _named_folder(search, quiet)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(), TextColumn("{task.fields[volume]}"),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True)) as bar:

        def start(search: Any) -> Callable[[int, float | None], None]:
            say(f"run folder {search.folder.path}")
            task = bar.add_task("searching", total=search.planned(), rate="", volume="")

            def advance(done: int, volume: float | None) -> None:
                speed = bar.tasks[task].speed
                rate = f"{speed / 1000:,.0f} k evaluations/s" if speed else ""
                shown = f"hypervolume {volume:.4f}" if volume is not None else "screening"
                bar.update(task, completed=done, rate=rate, volume=shown)

            return advance

        yield start


def _named_folder(search: Any, quiet: bool) -> Callable[[int, float | None], None]:
    say(f"run folder {search.folder.path}", quiet)
    return lambda done, volume: None


def _print_json(run: Any) -> None:
    from tiercap.optimizer.optimize import hypervolume_json, outcomes_json, policy_json
    from tiercap.optimizer.policy import describe

    problem = run.problem
    print_json(
        {
            "run": run.path,
            "converged": None,
            "evaluations": run.found.evaluations,
            "evaluations_reused": run.found.evaluations_reused,
            "seconds": run.seconds,
            "hypervolume": hypervolume_json(run),
            "choices": {choice.label: choice.row for choice in run.choices},
            "front": [policy_json(run, row) for row in range(len(run.levers))],
            "rule_in_force": {
                "name": problem.study.baseline,
                "levers": describe(problem.baseline),
                "outcomes": outcomes_json(run, run.baseline_values),
            },
            "largest_simultaneous_gain": {"row": run.gain[0], "gain": run.gain[1]},
        }
    )


def _print_report(run: Any) -> None:
    """Six columns: the rule in force and five policies; then the gain, the time, and what to run next."""
    from tiercap.optimizer.catalogue import load_chips

    problem = run.problem
    columns = [(f"in force: {problem.study.baseline}", problem.baseline, run.baseline_values, None)]
    columns += [(c.label, run.levers[c.row], run.front_values[c.row], c.row) for c in run.choices]
    rows = _lever_rows(problem, columns) + _outcome_rows(problem, columns)
    title = f"{problem.study.title}: {len(run.levers)} policies that nothing dominates, six of the choices"
    print_table(["", "unit", *(name for name, *_ in columns)], rows, title=title)
    click.echo()
    _print_admitted(columns, load_chips())
    click.echo()
    _print_gain(run)
    _print_stages(run)
    _print_next(run)


def _lever_rows(problem: Any, columns: list[Any]) -> list[list[str]]:
    """Searched levers by value, caps on bandwidth in GB/s."""
    from tiercap.optimizer.levers import LEVERS_TABLE
    from tiercap.optimizer.policy import describe

    described = [describe(levers) for _, levers, *_ in columns]
    rows = []
    for name in problem.space.names:
        unit, scale = LEVERS_TABLE[name].unit, 1.0
        if unit == "TB/s":
            unit, scale = "GB/s", 1000.0
        cells = []
        for levers in described:
            boxes = [levers[k] for k in (name, *_further(name)) if k in levers]
            cells.append(" / ".join(figure(v * scale, 3) for v in boxes) or "-")
        rows.append([name, unit, *cells])
    return rows


def _further(name: str) -> tuple[str, ...]:
    """Names of the same cap in a tier's second and third box."""
    group, tier, cap = (name.split("_", 2) + ["", ""])[:3]
    return tuple(f"{group}_{tier}_{box}_{cap}" for box in (2, 3)) if tier in ("open", "licensed") else ()


def _outcome_rows(problem: Any, columns: list[Any]) -> list[list[str]]:
    from tiercap.optimizer.problem import UNITS

    rows = []
    shown = [*problem.objectives, "terminal_gap", "units_open", "units_licensed", "government_take", "buyer_access"]
    shown += ["domestic_capacity", "lock_in"]
    for name in dict.fromkeys(shown):
        mean = problem.reported.index((name, "mean"))
        cells = []
        for *_, values, _ in columns:
            text = figure(float(values[mean]))
            if name in problem.objectives:
                low, high = (values[problem.reported.index((name, q))] for q in ("p05", "p95"))
                text += f" ({figure(float(low), 3)} to {figure(float(high), 3)})"
            cells.append(text)
        rows.append([name, UNITS[name], *cells])
    return rows


def _print_admitted(columns: list[Any], chips: Any) -> None:
    from tiercap.optimizer.select import admitted

    click.echo("Existing chips each would admit to C at the start (those whose figures are all known):")
    for name, levers, *_ in columns:
        found = admitted(levers, chips)
        parts = []
        for tier, names in found.items():
            more = f" and {len(names) - CHIPS_NAMED} more" if len(names) > CHIPS_NAMED else ""
            parts.append(f"{tier}: {', '.join(names[:CHIPS_NAMED]) or 'none'}{more}")
        click.echo(f"  {name}: {'; '.join(parts)}")


def _print_gain(run: Any) -> None:
    row, gain = run.gain
    rule = run.problem.study.baseline
    changes = []
    for k, objective in enumerate(run.problem.study.objectives):
        now, then = run.baseline_values[k], run.front_values[row, k]
        changes.append(f"{objective.outcome} {figure(float(now))} to {figure(float(then))}")
    if gain > 0:
        click.echo(f"Largest simultaneous gain over {rule}: {', '.join(changes)} (policy {row} of front.csv).")
    else:
        click.echo(f"No policy found improves on {rule} in every objective; the closest: {', '.join(changes)}.")


def _print_stages(run: Any) -> None:
    found = run.found
    value, low, high = run.hypervolume
    before = run.screened_hypervolume
    added = 100.0 * (value / before - 1.0) if before > 0 else float("inf")
    click.echo(
        f"Hypervolume {value:.4f} (scenarios resampled: {low:.4f} to {high:.4f}); before Optuna's generations "
        f"{before:.4f}, so they add {added:.1f} %."
    )
    spent = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in sorted(found.seconds.items(), key=lambda i: -i[1]))
    reused = f", {found.evaluations_reused:,} of them kept from before" if found.evaluations_reused else ""
    click.echo(f"{found.evaluations:,} evaluations{reused} in {run.seconds:.1f} s: {spent}.")


def _print_next(run: Any) -> None:
    trials = run.problem.study.search.trials
    click.echo(f"Run folder: {run.path} (front.csv, manifest.json; `optuna-dashboard {run.path}/study.journal`)")
    click.echo(f"Next: tiercap optimize -o {run.path} --set search.trials={2 * trials}   search on")
    click.echo(f"      tiercap evaluate --policy {run.problem.study.baseline} --trajectory   the rule year by year")
    click.echo("Modelled, not forecast: `tiercap parameters` lists what it rests on.")
