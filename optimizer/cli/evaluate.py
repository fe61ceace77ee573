"""`tiercap evaluate`: payoffs of named rules and of levers given by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from tiercap.optimizer.cli.options import (
    StudyOptions,
    announce_compilation,
    policies_of,
    policies_option,
    study_options,
)
from tiercap.optimizer.cli.output import figure, print_json, print_table, say, scenarios_json, scenarios_text
from tiercap.optimizer.cli.structures import print_each

if TYPE_CHECKING:
    from tiercap.optimizer.runs.named_policy import NamedPolicy

MAX_POLICIES = 10_000
#: What `--structure` is given for every structure, one after the other.
EACH = "each"
#: Policies shown as columns; more become lines.
SIDE_BY_SIDE = 6


@click.command()
@policies_option
@click.option("--outcome", "outcomes", multiple=True, metavar="NAME", help="Show this outcome; repeat for more.")
@click.option("--trajectory", is_flag=True, help="Step by step; for what is known of a step: tiercap outcomes --steps.")
@study_options
def command(
    policies: tuple[str, ...], outcomes: tuple[str, ...], trajectory: bool, options: StudyOptions
) -> None:
    """Payoffs of policies over the scenarios: mean and quantiles of every outcome.

    Every policy meets the same scenarios, so differences between them are not noise.

    With `--structure each` every structure of the ensemble answers by itself, and what holds under all of them is said.

    Levers change the policy that the study starts from, which the built-in one calls `unrestricted`.

    Example: tiercap evaluate --policy bis-2026 --policy "c_open_tpp=4800,c_licensed_tpp=30000 TPP,c_quota_share=0.2"
    """
    from tiercap.optimizer.errors import InputError
    from tiercap.optimizer.runs.named_policy import NamedPolicy

    each = options.structure == EACH
    problem = (replace(options, structure=None) if each else options).problem()
    named = policies_of(policies, problem, MAX_POLICIES)
    shown = _shown(outcomes, trajectory)
    announce_compilation(options.quiet)
    if each:
        if trajectory:
            raise InputError("--structure each compares means over the whole run: leave --trajectory out")
        baseline = NamedPolicy(problem.study.baseline, problem.baseline.reshape(1, 1))
        wanted = shown if outcomes else None
        print_each(problem, [*named, baseline], _statistics, wanted, options.as_json, options.quiet)
    elif trajectory:
        _print_trajectories(problem, named, shown, options.as_json)
    else:
        _print_outcomes(problem, named, shown, options.as_json, options.quiet)


def _shown(wanted: tuple[str, ...], trajectory: bool) -> list[str]:
    from tiercap.kernels.params import OUTCOMES, TRAJECTORY
    from tiercap.optimizer.errors import InputError, did_you_mean

    known = TRAJECTORY if trajectory else OUTCOMES
    for name in wanted:
        if name not in known:
            raise InputError(f"unknown outcome `{name[:60]}`: {did_you_mean(name[:60], known)}")
    return list(dict.fromkeys(wanted)) or list(known)


def _statistics(problem: Any, named: list[NamedPolicy], wanted: list[tuple[str, str]]) -> Any:
    """float64[len(named), len(wanted)]: policies without a schedule in one call, each schedule in one of its own."""
    import numpy as np

    found = np.empty((len(named), len(wanted)))
    plain = [p for p, given in enumerate(named) if given.phase is None]
    if plain:
        levers = np.concatenate([named[p].levers for p in plain])
        found[plain] = problem.streaming.statistics(levers, wanted)
    for p, given in enumerate(named):
        if given.phase is not None:
            found[p] = problem.streaming.statistics(given.levers, wanted, given.phase)[0]
    return found


def _print_outcomes(problem: Any, named: list[NamedPolicy], shown: list[str], as_json: bool, quiet: bool) -> None:
    from tiercap.optimizer.study.problem import UNITS
    from tiercap.optimizer.study.scoring import SPREAD

    wanted = [(outcome, statistic) for outcome in shown for statistic in SPREAD]
    spread = _statistics(problem, named, wanted).reshape(len(named), len(shown), len(SPREAD))
    if as_json:
        policies = [_policy_json(given, spread[p], shown) for p, given in enumerate(named)]
        print_json({"scenarios": scenarios_json(problem), "policies": policies})
        return
    detailed = shown if len(shown) < len(UNITS) else problem.scoring.outcomes
    if len(named) <= SIDE_BY_SIDE:
        _print_columns(named, spread, shown, detailed)
    else:
        _print_lines(named, spread, shown, detailed)
    say(f"{scenarios_text(problem)}; modelled, not forecast", quiet)


def _print_columns(named: list[NamedPolicy], spread: Any, shown: list[str], detailed: list[str]) -> None:
    """A column a policy: means, and for the outcomes in ``detailed`` where the scenarios lie."""
    from tiercap.optimizer.study.problem import UNITS
    from tiercap.optimizer.study.scoring import SPREAD

    below = dict(zip(SPREAD[1:], ("  5 of 100 below", "  50 of 100 below", "  5 of 100 above"), strict=True))
    rows = []
    for name in [*detailed, *(other for other in shown if other not in detailed)]:
        k = shown.index(name)
        unit = "" if UNITS[name] == "1" else f" [{UNITS[name]}]"
        rows.append([f"{name}{unit}", *(figure(float(v)) for v in spread[:, k, 0])])
        if name in detailed:
            for q, label in below.items():
                rows.append([label, *(figure(float(v)) for v in spread[:, k, SPREAD.index(q)])])
    print_table(["outcome, mean", *(given.name for given in named)], rows)


def _print_lines(named: list[NamedPolicy], spread: Any, shown: list[str], detailed: list[str]) -> None:
    """A line a policy: the means of the outcomes in ``detailed``."""
    from tiercap.optimizer.study.problem import UNITS

    headers = [name if UNITS[name] == "1" else f"{name} [{UNITS[name]}]" for name in detailed]
    places = [shown.index(name) for name in detailed]
    rows = [[given.name, *(figure(float(spread[p, k, 0])) for k in places)] for p, given in enumerate(named)]
    print_table(["policy, means", *headers], rows)


def _policy_json(given: NamedPolicy, spread: Any, shown: list[str]) -> dict[str, Any]:
    """One policy of the JSON answer; spread : float64[outcome, statistic]."""
    from tiercap.optimizer.rules.levers import describe
    from tiercap.optimizer.study.problem import UNITS
    from tiercap.optimizer.study.scoring import SPREAD

    outcomes = {
        outcome: {**dict(zip(SPREAD, spread[k], strict=True)), "unit": UNITS[outcome]}
        for k, outcome in enumerate(shown)
    }
    found: dict[str, Any] = {"name": given.name, "levers": describe(given.levers[0, :1]), "outcomes": outcomes}
    if given.phase is not None:
        found["schedule"] = {"levers": [describe(row) for row in given.levers[0, :, None]], "steps": given.phase}
    return found


def _print_trajectories(problem: Any, named: list[NamedPolicy], shown: list[str], as_json: bool) -> None:
    import numpy as np

    from tiercap.kernels.params import TRAJECTORY, TRAJECTORY_LIST
    from tiercap.optimizer.model.statistics import reduce_steps

    weights = problem.scenarios.weights
    runs = (problem.evaluator.trajectories(given.levers, given.phase) for given in named)
    mean = np.concatenate([reduce_steps(run, weights, "mean") for run in runs])
    horizon = problem.study.horizon
    years = [horizon.start + t / horizon.steps_per_year for t in range(horizon.steps)]
    units = {outcome.name: outcome.unit for outcome in TRAJECTORY_LIST}
    fields = [(name, TRAJECTORY.index(name)) for name in shown]
    if as_json:
        policies = [
            {"name": name, "outcomes": {f: {"mean": mean[p, :, k], "unit": units[f]} for f, k in fields}}
            for p, name in enumerate(one.name for one in named)
        ]
        print_json({"scenarios": scenarios_json(problem), "years": years, "policies": policies})
        return
    for p, name in enumerate(one.name for one in named):
        rows = [[f, *(figure(float(v)) for v in mean[p, :, k]), units[f]] for f, k in fields]
        print_table(["mean of", *(f"{y:g}" for y in years), "unit"], rows, title=name)
