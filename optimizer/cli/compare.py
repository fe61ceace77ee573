"""`tiercap compare`: runs and rules against each other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click

from tiercap.optimizer.cli.options import RunOptions, announce_compilation, run_options, scenario_plan, scenarios_option
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
@click.argument("contenders", nargs=-1, required=True, metavar="RUN|POLICY...")
@click.option(
    "--study",
    metavar="STUDY",
    help="The study whose objectives and scenarios decide.  [default: that of the first run, else the built-in one]",
)
@click.option("--count", type=click.IntRange(1, 1_000_000), metavar="N", help="Meet so many scenarios.")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), metavar="N", help="Draw other scenarios: fresh ones, say.")
@scenarios_option
@run_options
def command(
    contenders: tuple[str, ...],
    study: str | None,
    count: int | None,
    seed: int | None,
    futures: str | None,
    structure: str | None,
    options: RunOptions,
) -> None:
    """Set runs, rules and policies against each other in the same scenarios; the rule in force is always among them.

    A run is its whole front. A policy is named as for --policy of the other commands. Intervals span 90 of 100
    resamplings of the scenarios, of differences within each scenario.

    Example: tiercap compare runs/first oct-2023 "c_open_tpp=4800 TPP,c_licensed_tpp=30000 TPP,c_quota_share=20 %"
    """
    from tiercap.optimizer.study import load
    from tiercap.optimizer.study.problem import Problem
    from tiercap.optimizer.tradeoffs.compare import compare, opened

    given = opened(contenders, options.threads)
    runs = [one[0] for one in given if not isinstance(one, str)]
    chosen = runs[0].problem.study if runs and study is None else load.load(study)
    plan = scenario_plan(chosen.scenarios, futures, structure, count, seed)
    announce_compilation(options.quiet)
    for one in runs:
        if differs := one.other_code():
            made = f"{one.path} was made by other code ({', '.join(differs)})"
            say(f"{made}: its policies are evaluated anew", options.quiet)
    found = compare(given, Problem(replace(chosen, scenarios=plan), options.threads))
    if options.as_json:
        print_json(_json(found))
    else:
        _print_report(found)


def _json(found: Any) -> dict[str, Any]:
    from tiercap.optimizer.rules.levers import describe

    problem, names = found.problem, found.problem.objectives
    entries = []
    for one, standing, duels in zip(found.contenders, found.standings, found.duels, strict=True):
        entries.append(
            {
                "name": one.name,
                "kind": one.kind,
                "policies": len(one.levers),
                "policy_shown": standing.row,
                "levers": describe(one.levers[standing.row, :1]),
                "outcomes": spreads_json(names, standing.objectives),
                "change_from_rule": spreads_json(names, standing.from_baseline),
                "regret": {
                    **standing.regret.json(),
                    "largest": standing.largest_regret,
                    "by_objective": spreads_json(names, standing.regret_by_objective),
                },
                "breaks": standing.breaks,
                "hypervolume": {**standing.hypervolume.json(), "change_from_first": standing.from_first.json()},
                "beats": {
                    other.name: {
                        "policies": duel.beaten,
                        "surely": duel.surely,
                        "of": duel.of,
                        "clearest": {
                            "policy": duel.mine,
                            "against": duel.theirs,
                            "change": spreads_json(names, duel.change),
                        },
                    }
                    for other, duel in zip(found.contenders, duels, strict=True)
                    if duel is not None
                },
            }
        )
    return {
        "scenarios": scenarios_json(problem),
        "rule_in_force": found.contenders[found.baseline].name,
        "reference_point": dict(zip(names, found.reference, strict=True)),
        "contenders": entries,
    }


def _print_report(found: Any) -> None:
    """Whose policies beat whose, the clearest leads, the objectives, regret, hypervolume."""
    problem = found.problem
    rule = found.contenders[found.baseline].name
    labels = [f"{chr(65 + k)}  {one.name}" for k, one in enumerate(found.contenders)]
    letters = [label[0] for label in labels]
    click.echo(f"In {scenarios_text(problem)}; in force: {rule}.")
    click.echo("Of a run that policy is shown whose largest regret is least. Brackets: 90 of 100 resamplings.")
    click.echo()
    _print_duels(found, labels, letters)
    click.echo()
    _print_leads(found, letters, rule)
    click.echo()
    _print_objectives(found, letters, rule)
    click.echo()
    _print_regret(found, letters)
    click.echo()
    _print_volumes(found, letters)


def _print_duels(found: Any, labels: list[str], letters: list[str]) -> None:
    click.echo("Policies of the column that one of the row beats in every objective (brackets: beyond the intervals):")
    rows = []
    for label, one, duels in zip(labels, found.contenders, found.duels, strict=True):
        cells = ["" if duel is None else f"{duel.beaten} ({duel.surely}) of {duel.of}" for duel in duels]
        rows.append([label, str(len(one.levers)), *cells])
    print_table(["", "policies", *letters], rows)


def _print_objectives(found: Any, letters: list[str], rule: str) -> None:
    from tiercap.optimizer.cli.pick import interval, signed
    from tiercap.optimizer.model.measures import unit_of

    heads = [f"{n} [{unit_of(n)}]\nless {rule}" for n in found.problem.objectives]
    rows = []
    for k, (letter, standing) in enumerate(zip(letters, found.standings, strict=True)):
        cells = []
        for j in range(len(heads)):
            change = "" if k == found.baseline else f": {signed(standing.from_baseline.mean[j])}"
            bracket = "" if k == found.baseline else f" ({interval(standing.from_baseline, j)})"
            cells.append(f"{figure(float(standing.objectives.mean[j]))}{change}{bracket}")
        rows.append([letter, str(standing.row), *cells])
    print_table(["", "policy", *heads], rows)
    for letter, standing in zip(letters, found.standings, strict=True):
        if standing.breaks:
            click.echo(f"{letter} breaks {' and '.join(standing.breaks)}.")


def _print_leads(found: Any, letters: list[str], rule: str) -> None:
    """The policy of each that does best against the rule in force in its least gain."""
    from tiercap.optimizer.cli.pick import interval, signed

    click.echo(f"Against {rule}, the policy of each whose least gain is largest:")
    names = found.problem.objectives
    rows = []
    for letter, duels in zip(letters, found.duels, strict=True):
        duel = duels[found.baseline]
        if duel is not None:
            cells = [f"{signed(duel.change.mean[k])} ({interval(duel.change, k)})" for k in range(len(names))]
            verdict = "yes, surely" if duel.surely else "yes" if duel.beaten else "no"
            rows.append([letter, str(duel.mine), verdict, *cells])
    print_table(["", "policy", "better in all", *names], rows)


def _print_regret(found: Any, letters: list[str]) -> None:
    from tiercap.optimizer.model.measures import unit_of

    click.echo("Regret: how far short of the best policy in each scenario; shares are of the range of the means:")
    names = found.problem.objectives
    heads = ["", "mean", "in 90 of 100", "in the worst scenario", *(f"{n} [{unit_of(n)}], mean" for n in names)]
    rows = []
    for letter, standing in zip(letters, found.standings, strict=True):
        share = standing.regret
        cells = [f"{100 * share.mean:.1f} %", f"{100 * share.low:.1f} to {100 * share.high:.1f} %"]
        cells += [f"{100 * standing.largest_regret:.1f} %"]
        rows.append([letter, *cells, *(figure(float(x)) for x in standing.regret_by_objective.mean)])
    print_table(heads, rows)


def _print_volumes(found: Any, letters: list[str]) -> None:
    click.echo("Hypervolume, scaled by the best (0) and worst (1) of what nothing here dominates, reference point 1.1:")
    rows = []
    for letter, standing in zip(letters, found.standings, strict=True):
        volume, change = standing.hypervolume, standing.from_first
        cells = [f"{volume.mean:.4f}", f"{volume.low:.4f} to {volume.high:.4f}"]
        cells += [f"{change.mean:+.4f}", f"{change.low:+.4f} to {change.high:+.4f}"]
        rows.append([letter, *cells])
    print_table(["", "hypervolume", "in 90 of 100", f"less {letters[0]}", "in 90 of 100"], rows)
