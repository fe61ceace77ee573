"""`tiercap evaluate`: payoffs of named rules and of levers given by hand."""

from __future__ import annotations

import csv
import sys
from typing import Any

import click

from tiercap.optimizer.cli.options import (
    json_option,
    seed_option,
    set_option,
    study_argument,
    threads_option,
    verbosity_options,
)
from tiercap.optimizer.cli.output import figure, print_json, print_table, say

MAX_POLICIES = 10_000


@click.command()
@study_argument
@click.option(
    "--policy",
    "policies",
    multiple=True,
    metavar="P",
    help="A rule's name, levers as NAME=VALUE,NAME=VALUE, or - for CSV rows on standard input.",
)
@click.option("--outcome", "outcomes", multiple=True, metavar="NAME", help="Show this outcome; repeat for more.")
@click.option("--trajectory", is_flag=True, help="Year by year instead of totals.")
@set_option
@seed_option
@threads_option
@json_option
@verbosity_options
def command(
    study: str | None,
    policies: tuple[str, ...],
    outcomes: tuple[str, ...],
    trajectory: bool,
    settings: tuple[str, ...],
    seed: int | None,
    threads: int | None,
    as_json: bool,
    quiet: bool,
    verbose: int,
) -> None:
    """Payoffs of policies over the scenarios: mean and quantiles of every outcome.

    Every policy meets the same scenarios, so differences between them are not noise.

    Example: tiercap evaluate --policy bis-2026 --policy "c_licensed_tpp=30000 TPP,c_quota_share=0.2"
    """
    from tiercap.optimizer import config
    from tiercap.optimizer.problem import Problem

    problem = Problem(config.load(study, settings, {"seed": seed}), threads)
    named = _policies(policies, problem)
    shown = _shown(outcomes, problem, trajectory)
    _announce_compilation(quiet)
    if trajectory:
        _print_trajectories(problem, named, shown, as_json)
    else:
        _print_outcomes(problem, named, shown, as_json)


def _policies(texts: tuple[str, ...], problem: Any) -> list[tuple[str, Any]]:
    from tiercap.optimizer.errors import InputError
    from tiercap.optimizer.problem import parse_policy, policies_from_rows

    named: list[tuple[str, Any]] = []
    for text in texts or (problem.study.baseline,):
        if text.strip() == "-":
            reader = csv.DictReader(sys.stdin, strict=True)
            try:
                named += policies_from_rows(list(reader), problem.base)
            except csv.Error as error:
                raise InputError(f"standard input, line {reader.line_num}: not CSV ({error})") from None
        else:
            named.append(parse_policy(text, problem.base))
    if not 0 < len(named) <= MAX_POLICIES:
        raise InputError(f"between 1 and {MAX_POLICIES:,} policies can be evaluated at once, not {len(named):,}")
    return named


def _shown(wanted: tuple[str, ...], problem: Any, trajectory: bool) -> list[str]:
    from tiercap.kernels.params import OUTCOMES, TRAJECTORY
    from tiercap.optimizer.errors import InputError, did_you_mean

    known = TRAJECTORY if trajectory else OUTCOMES
    for name in wanted:
        if name not in known:
            raise InputError(f"unknown outcome `{name[:60]}`: {did_you_mean(name[:60], known)}")
    return list(wanted) or list(known)


def _announce_compilation(quiet: bool) -> None:
    from tiercap.optimizer.evaluate import kernels_are_compiled

    if not quiet and not kernels_are_compiled():
        say("compiling the kernels, once for this machine: about 20 seconds")


def _print_outcomes(problem: Any, named: list[tuple[str, Any]], shown: list[str], as_json: bool) -> None:
    import numpy as np

    from tiercap.kernels.params import OUTCOMES
    from tiercap.optimizer.problem import SPREAD, UNITS
    from tiercap.optimizer.robustness import reduce

    values = problem.evaluator.outcomes(np.concatenate([row for _, row in named]).reshape(-1, 1))
    weights = problem.scenarios.weights
    spread = {s: reduce(values, weights, s) for s in SPREAD}
    if as_json:
        print_json({"policies": [_policy_json(name, row, p, spread, shown) for p, (name, row) in enumerate(named)]})
        return
    for p, (name, _) in enumerate(named):
        table = []
        for outcome in shown:
            k = OUTCOMES.index(outcome)
            table.append([outcome, *(figure(float(spread[s][p, k])) for s in SPREAD), UNITS[outcome]])
        print_table(["outcome", "mean", "5 %", "median", "95 %", "unit"], table, title=name)
    say(f"{len(problem.scenarios)} scenarios, seed {problem.study.scenarios.seed}; modelled, not forecast")


def _policy_json(name: str, row: Any, p: int, spread: dict[str, Any], shown: list[str]) -> dict[str, Any]:
    from tiercap.kernels.params import OUTCOMES
    from tiercap.optimizer.policy import describe
    from tiercap.optimizer.problem import SPREAD, UNITS

    outcomes = {}
    for outcome in shown:
        k = OUTCOMES.index(outcome)
        outcomes[outcome] = {**{s: spread[s][p, k] for s in SPREAD}, "unit": UNITS[outcome]}
    return {"name": name, "levers": describe(row), "outcomes": outcomes}


def _print_trajectories(problem: Any, named: list[tuple[str, Any]], shown: list[str], as_json: bool) -> None:
    import numpy as np

    from tiercap.kernels.params import TRAJECTORY, TRAJECTORY_LIST
    from tiercap.optimizer.robustness import reduce

    values = problem.evaluator.trajectories(np.concatenate([row for _, row in named]).reshape(-1, 1))
    mean = reduce(values, problem.scenarios.weights, "mean")
    horizon = problem.study.horizon
    years = [horizon.start + t / horizon.steps_per_year for t in range(horizon.steps)]
    units = {outcome.name: outcome.unit for outcome in TRAJECTORY_LIST}
    fields = [(name, TRAJECTORY.index(name)) for name in shown]
    if as_json:
        policies = [
            {"name": name, "outcomes": {f: {"mean": mean[p, :, k], "unit": units[f]} for f, k in fields}}
            for p, (name, _) in enumerate(named)
        ]
        print_json({"years": years, "policies": policies})
        return
    for p, (name, _) in enumerate(named):
        rows = [[f, *(figure(float(v)) for v in mean[p, :, k]), units[f]] for f, k in fields]
        print_table(["mean of", *(f"{y:g}" for y in years), "unit"], rows, title=name)
