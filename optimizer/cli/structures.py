"""What policies give under every structure of the ensemble by itself, and what holds under all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tiercap.optimizer.cli.output import figure, print_json, print_table, say, scenarios_json

#: Other readings of `substitution`, shown beside the objectives.
ALSO_SUBSTITUTION = ("substitution", "terminal_substitution", "terminal_supply", "terminal_domestic_share")


def print_each(
    problem: Any, named: list[Any], statistics: Callable[..., Any], wanted: list[str] | None, as_json: bool, quiet: bool
) -> None:
    """Print the means of policies structure by structure.

    named : the policies with their names, the baseline last; statistics : called as statistics(problem, named, pairs)
    wanted : outcomes to show, the objectives and all readings of substitution if None
    """
    shown = wanted or list(dict.fromkeys([*problem.scoring.outcomes, *ALSO_SUBSTITUTION]))
    parts = _by_structure(problem)
    pairs = [(name, "mean") for name in shown]
    means = {label: statistics(part, named, pairs) for label, part in parts.items()}
    held = {given.name: _held(problem, p, shown, means) for p, given in enumerate(named[:-1])}
    if as_json:
        found = [_structure_json(label, parts[label], named, shown, values) for label, values in means.items()]
        print_json({"baseline": named[-1].name, "structures": found, "better_under_all": held})
        return
    rows = [
        [_with_unit(name), label, *(figure(float(v)) for v in values[:-1, k])]
        for k, name in enumerate(shown)
        for label, values in means.items()
    ]
    print_table(["outcome, mean", "structure", *(given.name for given in named[:-1])], rows)
    for name, outcomes in held.items():
        if name == named[-1].name:
            continue  # the rule in force beside itself
        better = ", ".join(outcomes) or "nothing"
        say(f"under every structure {name} is better than {named[-1].name} in: {better}", quiet)


def _with_unit(name: str) -> str:
    from tiercap.optimizer.study.problem import UNITS

    return name if UNITS[name] == "1" else f"{name} [{UNITS[name]}]"


def _structure_json(label: str, part: Any, named: list[Any], shown: list[str], values: Any) -> dict[str, Any]:
    from tiercap.optimizer.study.problem import UNITS

    policies = [
        {"name": given.name, "outcomes": {name: {"mean": row[k], "unit": UNITS[name]} for k, name in enumerate(shown)}}
        for given, row in zip(named, values, strict=True)
    ]
    return {"structure": label, "scenarios": scenarios_json(part), "policies": policies}


def _by_structure(problem: Any) -> dict[str, Any]:
    """The same problem once for each structure of its ensemble."""
    from dataclasses import replace

    from tiercap.optimizer.errors import InputError
    from tiercap.optimizer.model import ensembles
    from tiercap.optimizer.study.problem import Problem

    study = problem.study
    if study.scenarios.kind != "calibrated":
        raise InputError("structures belong to an ensemble: leave --structure out, or give --scenarios calibrated")
    labels = ensembles.load(study.scenarios.file or ensembles.built_in(study.horizon.start)).labels()
    if not labels:
        raise InputError("the ensemble has no column `structure`: leave --structure out")
    plans = {label: replace(study.scenarios, structure=label) for label in labels}
    return {label: Problem(replace(study, scenarios=plan), problem.threads) for label, plan in plans.items()}


def _held(problem: Any, p: int, shown: list[str], means: dict[str, Any]) -> list[str]:
    """Outcomes in which policy ``p`` is better than the last row under every structure."""
    from tiercap.optimizer.study.records import directions

    better = directions(problem.study.objectives)
    signs = {name: -1.0 if direction == "maximise" else 1.0 for name, direction in better.items()}
    signs |= dict.fromkeys(ALSO_SUBSTITUTION, signs["substitution"])
    gains = {
        name: [signs[name] * (values[-1, k] - values[p, k]) for values in means.values()]
        for k, name in enumerate(shown)
        if name in signs
    }
    return [name for name, gain in gains.items() if min(gain) > 0.0]
