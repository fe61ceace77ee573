"""`tiercap optimize`: the main job."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tiercap.optimizer.cli import interrupts
from tiercap.optimizer.cli.options import (
    announce_compilation,
    json_option,
    output_option,
    quiet_option,
    scenario_flags,
    scenarios_option,
    seed_option,
    set_option,
    study_argument,
    threads_option,
)
from tiercap.optimizer.cli.output import figure, print_json, print_table, say, scenarios_json

if TYPE_CHECKING:
    from tiercap.optimizer.search.run import Run
    from tiercap.optimizer.search.storage_url import MeetingPlace

#: Chips named for a policy before the rest is counted.
CHIPS_NAMED = 6
#: Processes that a shared study is laid out for unless it says so.
WORKERS = 4
#: Outcomes in the report besides the objectives.
ALSO_SHOWN = ("terminal_gap", "units_open", "units_licensed", "government_take", "buyer_access", "domestic_capacity",
              "lock_in")  # fmt: skip


@click.command()
@study_argument
@output_option
@set_option
@scenarios_option
@seed_option
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
@threads_option
@json_option
@quiet_option
def command(
    study: str | None,
    output: str | None,
    settings: tuple[str, ...],
    futures: str | None,
    structure: str | None,
    seed: int | None,
    seeds: str | None,
    engine: str | None,
    require_converged: bool,
    storage: str | None,
    workers: int | None,
    threads: int | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Search the levers for the front of policies that nothing dominates.

    Without arguments: the built-in study. Results go to a run folder; the same command with `-o FOLDER` goes on
    where an interrupted run stopped, and `--set search.trials=N` with a larger N extends a finished one.

    The same command with the same --storage, in several processes with a folder each, shares the work. All of them end
    with the same front, the one that a single process with the same --workers finds, also if some are killed.

    Example: tiercap optimize my-study.toml -o runs/mine
    """
    from tiercap.optimizer.cli.search_bar import search_bar
    from tiercap.optimizer.errors import InfeasibleError, InputError, NotConvergedError
    from tiercap.optimizer.search import seeds as many
    from tiercap.optimizer.search.run import optimize
    from tiercap.optimizer.study import load
    from tiercap.optimizer.study.problem import Problem

    path = folder_of(output)
    place = _place(storage)
    flags = {"seed": seed, "search.engine": engine, "search.workers": workers, **scenario_flags(futures, structure)}
    loaded = load.load(study, settings, flags)
    if place is not None and "search.workers" not in loaded.origins:
        loaded = load.load(study, settings, {**flags, "search.workers": WORKERS})
    problem = Problem(loaded, threads)
    searches = None if seeds is None else many.parse(seeds, problem.study.search.seed)
    if searches and place:
        raise InputError("--seeds searches in one process, --storage in several: give one of them")
    announce_compilation(quiet)

    def again(folder: Path, *more: str) -> str:
        """The command that goes on in ``folder``."""
        last = {text.partition("=")[0].strip(): text for text in (*settings, *more)}
        said = [part for text in last.values() for part in ("--set", text)]
        given = (("--seed", seed), ("--seeds", seeds), ("--engine", engine), ("--scenarios", futures),
                 ("--structure", structure),
                 ("--storage", storage and (place.without_secrets(storage) if place else storage)),
                 ("--workers", workers))  # fmt: skip
        flagged = [part for flag, value in given if value is not None for part in (flag, str(value))]
        return shlex.join(["tiercap", "optimize", *([study] if study else []), "-o", str(folder), *flagged, *said])

    def opened(folder: Path) -> None:
        say(f"run folder {folder}", quiet)
        interrupts.advise(f"what was finished is kept in {folder}; to go on: {again(folder)}")

    with search_bar(quiet, len(searches or (None,))) as bar:

        def started(search: Any) -> Callable[[int, float | None], None]:
            opened(search.folder.path)
            return bar(search)

        try:
            run: Run
            if searches:
                run = many.search(problem, searches, path, opened, bar)
            else:
                run = optimize(problem, path, started, place)
        except InfeasibleError as ending:
            if ending.found is not None:
                _print_infeasible(ending.found, as_json)
            raise
    if as_json:
        _print_json(run)
    else:
        _print_report(run, again)
    if require_converged and not run.converged:
        raise NotConvergedError(
            f"the search was still finding more: {run.settled()}; go on with "
            f"{again(run.path, f'search.trials={_more(problem)}')}"
        )


def _more(problem: Any) -> int:
    """Trials of the next, longer run."""
    return max(2 * problem.study.search.trials, 64)


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


def _print_report(run: Any, again: Callable[..., str]) -> None:
    """The front, how the search went, and what to run next."""
    from tiercap.optimizer.cli.seeds import print_seeds
    from tiercap.optimizer.search.seeds import SeedsRun

    _print_front(run)
    if isinstance(run, SeedsRun):
        print_seeds(run)
        _print_next(run, again, "a folder a seed with its study.journal")
    else:
        _print_stages(run)
        _print_next(run, again, "study.journal")


def _print_front(run: Any) -> None:
    """The rule in force and five policies, one a column; then the gain, and what holds in fresh scenarios."""
    from tiercap.optimizer.rules.chips import load_chips

    problem = run.problem
    columns = [(f"in force ({problem.study.baseline})", problem.baseline, run.baseline_values)]
    labels: dict[int, str] = {}
    for choice in run.choices:
        labels[choice.row] = f"{labels[choice.row]}, {choice.label}" if choice.row in labels else choice.label
    columns += [(label, run.levers[row], run.front_values[row]) for row, label in labels.items()]
    heads = [f"in force:\n{problem.study.baseline}", *(_stacked(label) for label in labels.values())]
    click.echo(f"{problem.study.title or problem.study.name}: {len(run.levers)} policies that nothing dominates.")
    _print_groups(run)
    click.echo()
    print_table(["lever", *heads], _lever_rows(problem, columns))
    click.echo()
    print_table(["outcome, mean", *heads], _outcome_rows(problem, columns))
    click.echo()
    _print_admitted(columns, load_chips())
    click.echo()
    _print_gain(run)
    _print_fresh(run)


def _stacked(label: str) -> str:
    """A label as lines of a header."""
    return label.replace(", ", ",\n") if "," in label else label.replace(" ", "\n", 1)


def _print_groups(run: Any) -> None:
    """How many policies can be told apart, and where that was asked."""
    count, unasked = len(run.groups.representative), int((run.groups.group < 0).sum())
    where = "the search's own scenarios, as there are no others" if run.fresh is None else "fresh scenarios"
    rest = f" ({unasked} not asked)" if unasked else ""
    kinds = "group" if count == 1 else "groups"
    click.echo(f"They fall into {count} {kinds} whose members cannot be told apart in {where}{rest}.")


def _print_fresh(run: Any) -> None:
    """How much worse the front is where it was not chosen, in one line."""
    from tiercap.optimizer.cli.pick import interval, signed
    from tiercap.optimizer.model.measures import unit_of

    met, problem = run.fresh, run.problem
    if met is None:
        return
    parts = []
    for k, name in enumerate(problem.objectives):
        unit = "" if unit_of(name) == "1" else f" {unit_of(name)}"
        parts.append(f"{name} {signed(met.optimism.mean[k])}{unit} ({interval(met.optimism, k)})")
    old = f" ({100 * met.shared:.0f} % of their members known to the search)" if met.shared > 0.0 else ""
    click.echo(
        f"Optimism, what the search's scenarios promised and {len(met.scenarios)} fresh ones{old} do not keep, on "
        f"average and beyond what {problem.study.baseline} loses there too: {', '.join(parts)}."
    )
    broken = int((~met.keeps).sum())
    kept = f"; {broken} break a constraint there" if broken else ""
    click.echo(f"There {int(met.undominated.sum())} of its {len(run.levers)} policies are still not dominated{kept}.")


def _lever_rows(problem: Any, columns: list[Any]) -> list[list[str]]:
    """Searched levers by value; what a rule of several boxes adds, below."""
    from tiercap.optimizer.rules.levers import describe

    described = [describe(levers) for _, levers, _ in columns]
    rows = []
    for name in problem.space.names:
        for box, key in enumerate((name, *_further(name)), 1):
            if box == 1 or any(key in levers for levers in described):
                rows.append(_lever_row(name, key, box, described))
    return rows


def _lever_row(name: str, key: str, box: int, described: list[dict[str, float]]) -> list[str]:
    from tiercap.optimizer.rules.levers import LEVERS_TABLE

    info = LEVERS_TABLE[name]
    absent = "-" if box > 1 or info.liftable else "0"
    cells = [figure(levers[key], 3) if key in levers else absent for levers in described]
    return [f"{name}{_bracketed(info.unit)}" if box == 1 else f"  or, box {box}", *cells]


def _bracketed(unit: str) -> str:
    return "" if unit == "1" else f" [{unit}]"


def _further(name: str) -> tuple[str, ...]:
    """Names of the same cap in a tier's second and third box."""
    group, tier, cap = [*name.split("_", 2), "", ""][:3]
    return tuple(f"{group}_{tier}_{box}_{cap}" for box in (2, 3)) if tier in ("open", "licensed") else ()


def _outcome_rows(problem: Any, columns: list[Any]) -> list[list[str]]:
    """Means; below those of the objectives where 90 of 100 scenarios lie, and the statistic that is the objective."""
    from tiercap.optimizer.model.measures import unit
    from tiercap.optimizer.study.problem import UNITS

    rows = []
    for name in dict.fromkeys([*problem.scoring.outcomes, *ALSO_SHOWN]):
        rows.append([f"{name}{_bracketed(UNITS[name])}", *_cells(problem, columns, name, "mean")])
        if name in problem.scoring.outcomes:
            rows.append(["  5 of 100 below", *_cells(problem, columns, name, "p05")])
            rows.append(["  5 of 100 above", *_cells(problem, columns, name, "p95")])
        for other in (o.statistic for o in problem.study.objectives if o.outcome == name and o.statistic != "mean"):
            shown = f"  {other}{_bracketed(unit(name, other))}"
            rows.append([shown, *_cells(problem, columns, name, other)])
    return rows


def _cells(problem: Any, columns: list[Any], name: str, statistic: str) -> list[str]:
    place = problem.scoring.reported.index((name, statistic))
    return [figure(float(values[place])) for *_, values in columns]


def _print_admitted(columns: list[Any], chips: Any) -> None:
    from tiercap.optimizer.rules.admission import admitted

    click.echo("Existing chips each would admit to C at the start (those whose figures are all known):")
    for name, levers, _ in columns:
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
        changes.append(f"{objective.name} {figure(float(now))} to {figure(float(then))}")
    if gain > 0:
        click.echo(f"Largest simultaneous gain over {rule}: {', '.join(changes)} (policy {row} of front.csv).")
    else:
        click.echo(f"No policy found improves on {rule} in every objective; the closest: {', '.join(changes)}.")


def _print_stages(run: Any) -> None:
    found = run.found
    value, low, high = run.hypervolume
    before = run.screened_hypervolume
    added = f"so they add {100.0 * (value / before - 1.0):.1f} %" if before > 0 else "so all of it is theirs"
    click.echo(
        f"Hypervolume {value:.4f} (scenarios resampled: {low:.4f} to {high:.4f}); before the engine's generations "
        f"{before:.4f}, {added}."
    )
    click.echo(f"It {'has settled' if run.converged else 'was still rising'}: {run.settled()}.")
    spent = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in sorted(found.seconds.items(), key=lambda i: -i[1]))
    reused = f", {found.evaluations_reused:,} of them kept from before" if found.evaluations_reused else ""
    others = f", {found.evaluations_elsewhere:,} done by other processes" if found.evaluations_elsewhere else ""
    click.echo(f"{found.evaluations:,} evaluations{reused}{others} in {run.seconds:.1f} s: {spent}.")


def _print_next(run: Any, again: Callable[..., str], study: str) -> None:
    click.echo(f"Run folder: {run.path}")
    click.echo(f"It holds front.csv, manifest.json and {study}, which optuna-dashboard opens. Next:")
    click.echo(f"  {again(run.path, f'search.trials={_more(run.problem)}')}   # search on")
    click.echo(f"  {shlex.join(['tiercap', 'pick', str(run.path)])}   # one of them: reasons, round numbers, prices")
    click.echo(f"  tiercap evaluate --policy {run.problem.study.baseline} --trajectory   # the rule, year by year")
    infos = run.problem.study.parameters
    assumed = sum(info.evidence == "assumption" for info in infos)
    rests = f"{assumed} of {len(infos)} central values are assumptions"
    click.echo(f"Modelled, not forecast: {rests} (tiercap parameters lists them).")
