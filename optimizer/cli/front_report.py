"""What `tiercap optimize` prints of its front: policies, outcomes, chips, how the search went, what to run next."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import Any

import click

from tiercap.optimizer.cli.output import figure, print_table

#: Chips named for a policy before the rest is counted.
CHIPS_NAMED = 6
#: Outcomes in the report besides the objectives.
ALSO_SHOWN = ("substitution", "units_open", "units_licensed", "government_take", "buyer_access", "domestic_supply",
              "lock_in")  # fmt: skip


def print_report(run: Any, again: Callable[..., str]) -> None:
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
    """The rule in force and policies singled out, one a column; then the gain, and what holds in fresh scenarios."""
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
    click.echo(f"The compromise is the policy whose worst objective is best: {run.stability.words()}.")
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
    click.echo(f"  {again(run.path, f'search.trials={more(run.problem)}')}   # search on")
    click.echo(f"  {shlex.join(['tiercap', 'pick', str(run.path)])}   # one of them: reasons, round numbers, prices")
    click.echo(f"  tiercap evaluate --policy {run.problem.study.baseline} --trajectory   # the rule, year by year")
    infos = run.problem.study.parameters
    assumed = sum(info.evidence == "assumption" for info in infos)
    rests = f"{assumed} of {len(infos)} central values are assumptions"
    click.echo(f"Modelled, not forecast: {rests} (tiercap parameters lists them).")


def more(problem: Any) -> int:
    """Trials of the next, longer run."""
    return max(2 * problem.study.search.trials, 64)
