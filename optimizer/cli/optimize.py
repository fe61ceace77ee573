"""`tiercap optimize`: the main job."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tiercap.optimizer.cli import interrupts
from tiercap.optimizer.cli.options import StudyOptions, announce_compilation, output_option, study_options
from tiercap.optimizer.cli.output import figure, print_json, print_table, say, scenarios_json

if TYPE_CHECKING:
    from tiercap.optimizer.search.run import Run
    from tiercap.optimizer.search.storage_url import MeetingPlace
    from tiercap.optimizer.study.problem import Problem

#: Processes that a shared study is laid out for unless it says so.
WORKERS = 4


@click.command()
@output_option
@click.option(
    "--seeds",
    metavar="N",
    help="Search from N seeds one after the other, --seed and those after it, or from a list such as 1,2,5, and say "
    "whether they agree; the scenarios stay the same.",
)
@click.option("--engine", metavar="NAME", help="What searches: see `tiercap engines`.  [default: the study's]")
@click.option("--require-converged", is_flag=True, help="End with exit code 4 if the search was still finding more.")
@click.option(
    "--storage",
    metavar="PLACE",
    envvar="TIERCAP_STORAGE",
    help="Share the search with other processes: postgresql://USER:PASSWORD@HOST/DATABASE, or the path of a journal "
    "file on one machine. A password is better in the environment (TIERCAP_STORAGE, PGPASSWORD) or in ~/.pgpass: the "
    "list of processes does not show it.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    metavar="N",
    help="Processes that --storage is laid out for; all of them say the same.  [default: the study's, else 4]",
)
@study_options
def command(
    output: str | None,
    seeds: str | None,
    engine: str | None,
    require_converged: bool,
    storage: str | None,
    workers: int | None,
    options: StudyOptions,
) -> None:
    """Search the levers for the front of policies that nothing dominates.

    Without arguments: the built-in study. Results go to a run folder; the same command with `-o FOLDER` goes on
    where an interrupted run stopped, and `--set search.trials=N` with a larger N extends a finished one.

    The same command with the same --storage, in several processes with a folder each, shares the work. All of them end
    with the same front, the one that a single process with the same --workers finds, also if some are killed.

    Example: tiercap optimize my-study.toml -o runs/mine
    """
    from tiercap.optimizer.cli.front_report import more, print_report
    from tiercap.optimizer.errors import InfeasibleError, InputError, NotConvergedError
    from tiercap.optimizer.search.seeds import parse

    path, place = folder_of(output), _place(storage)
    problem = _problem(options, engine, workers, place)
    searches = None if seeds is None else parse(seeds, problem.study.search.seed)
    if searches and place:
        raise InputError("--seeds searches in one process, --storage in several: give one of them")
    announce_compilation(options.quiet)
    flags = {
        "--seed": options.seed, "--seeds": seeds, "--engine": engine, "--scenarios": options.futures,
        "--structure": options.structure, "--storage": place and place.without_secrets(str(storage)),
        "--workers": workers,
    }  # fmt: skip
    again = partial(_again, options, flags)
    try:
        run = _searched(problem, searches, path, place, options.quiet, again)
    except InfeasibleError as ending:
        if ending.found is not None:
            _print_infeasible(ending.found, options.as_json)
        raise
    if options.as_json:
        _print_json(run)
    else:
        print_report(run, again)
    if require_converged and not run.converged:
        raise NotConvergedError(
            f"the search was still finding more: {run.settled()}; go on with "
            f"{again(run.path, f'search.trials={more(problem)}')}"
        )


def _problem(options: StudyOptions, engine: str | None, workers: int | None, place: MeetingPlace | None) -> Problem:
    """The study to search; one that is shared is laid out for WORKERS processes unless somebody says for how many."""
    from tiercap.optimizer.study import load
    from tiercap.optimizer.study.problem import Problem

    flags = {**options.flags(), "search.engine": engine, "search.workers": workers}
    study = load.load(options.study, options.settings, flags)
    if place is not None and "search.workers" not in study.origins:
        study = load.load(options.study, options.settings, {**flags, "search.workers": WORKERS})
    return Problem(study, options.threads)


def _again(options: StudyOptions, flags: Mapping[str, Any], folder: Path, *more: str) -> str:
    """The command that goes on in ``folder``, with ``more`` texts of --set."""
    last = {text.partition("=")[0].strip(): text for text in (*options.settings, *more)}
    said = [part for text in last.values() for part in ("--set", text)]
    flagged = [part for flag, value in flags.items() if value is not None for part in (flag, str(value))]
    study = [options.study] if options.study else []
    return shlex.join(["tiercap", "optimize", *study, "-o", str(folder), *flagged, *said])


def _searched(
    problem: Problem, searches: Sequence[int] | None, path: Path | None, place: MeetingPlace | None, quiet: bool,
    again: Callable[..., str],
) -> Run:  # fmt: skip
    """The search, or one from each of several seeds, with a bar, and with advice where it is interrupted."""
    from tiercap.optimizer.cli.search_bar import search_bar
    from tiercap.optimizer.search.run import optimize
    from tiercap.optimizer.search.seeds import search

    def opened(folder: Path) -> None:
        say(f"run folder {folder}", quiet)
        interrupts.advise(f"what was finished is kept in {folder}; to go on: {again(folder)}")

    with search_bar(quiet, len(searches or (None,))) as bar:

        def started(one: Any) -> Callable[[int, float | None], None]:
            opened(one.folder.path)
            return bar(one)

        if searches:
            return search(problem, searches, path, opened, bar)
        return optimize(problem, path, started, place)


def folder_of(output: str | None) -> Path | None:
    """The folder that `-o` names, None for a new one."""
    from tiercap.optimizer.errors import InputError

    if output is not None and not output.strip():
        raise InputError("-o needs the name of a folder, not an empty text")
    return None if output is None else Path(output)


def _place(storage: str | None) -> MeetingPlace | None:
    """What --storage says, once its secrets are out of the list of processes."""
    if storage is None:
        return None
    from tiercap.optimizer.cli.command_line import blot
    from tiercap.optimizer.search.storage_url import parse

    place = parse(storage)
    for secret in place.written:
        blot(secret)
    return place


def _print_json(run: Any) -> None:
    from tiercap.optimizer.rules.levers import describe
    from tiercap.optimizer.search.run import (
        fresh_json,
        groups_json,
        hypervolume_json,
        objectives_json,
        outcomes_json,
        policy_json,
    )
    from tiercap.optimizer.search.seeds import SeedsRun, seeds_json

    problem = run.problem
    print_json(
        {
            "run": run.path,
            "converged": run.converged,
            "evaluations": run.found.evaluations,
            "evaluations_reused": run.found.evaluations_reused,
            "seconds": run.seconds,
            "scenarios": scenarios_json(problem),
            "objectives": objectives_json(problem),
            "hypervolume": hypervolume_json(run),
            "fresh": fresh_json(run),
            "groups": groups_json(run),
            "shared": run.shared,
            "choices": {choice.label: choice.row for choice in run.choices},
            "stability": run.stability.json(),
            "front": [policy_json(run, row) for row in range(len(run.levers))],
            "rule_in_force": {
                "name": problem.study.baseline,
                "levers": describe(problem.baseline),
                "outcomes": outcomes_json(run, run.baseline_values),
            },
            "largest_simultaneous_gain": {"row": run.gain[0], "gain": run.gain[1]},
            **({"seeds": seeds_json(run)} if isinstance(run, SeedsRun) else {}),
        }
    )


def _print_infeasible(told: Any, as_json: bool) -> None:
    """The nearest misses, one a column, and which single constraint would have to give how far."""
    if as_json:
        print_json({"infeasible": told})
        return
    policies = told["policies"]
    if not policies:
        return
    heads = [f"miss {number}" for number in range(1, len(policies) + 1)]
    click.echo("The policies that come nearest:")
    names = dict.fromkeys(name for policy in policies for name in policy["levers"])
    rows = [[name, *(figure(policy["levers"].get(name), 3) for policy in policies)] for name in names]
    print_table(["lever", *heads], rows)
    click.echo()
    bounds = dict.fromkeys(broken["bound"] for policy in policies for broken in policy["breaks"])
    broken_by = [{broken["bound"]: broken["by"] for broken in policy["breaks"]} for policy in policies]
    rows = [[bound, *(figure(by[bound]) if bound in by else "kept" for by in broken_by)] for bound in bounds]
    print_table(["constraint, missed by", *heads], rows)
    click.echo()
    for k, relaxed in enumerate(told["relaxations"]):
        unit = "" if relaxed["unit"] == "1" else f" {relaxed['unit']}"
        first = "Smallest relaxation of one constraint that makes a policy tried feasible" if k == 0 else "Or"
        given = shlex.quote(relaxed["set"])
        click.echo(f"{first}: {relaxed['bound']} by {figure(relaxed['by'])}{unit}, which is --set {given}")
    if not told["relaxations"]:
        click.echo("No single constraint is to blame: relaxing any one of them alone makes no policy tried feasible.")
