"""The loophole view: what a vendor gains by building chips to just below the caps, and which real chips sit there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tiercap.kernels.params import ABSOLUTE, OUTCOMES, TIERS
from tiercap.optimizer.io.arrays import Floats
from tiercap.optimizer.model import bootstrap
from tiercap.optimizer.model.bootstrap import Spread
from tiercap.optimizer.model.evaluator import Evaluator
from tiercap.optimizer.model.measures import applied
from tiercap.optimizer.model.statistics import reduce, resampled
from tiercap.optimizer.rules.chips import Chip
from tiercap.optimizer.rules.cliffs import NEAR, room
from tiercap.optimizer.rules.encode import LIMB_CAPS
from tiercap.optimizer.rules.levers import CAPS, as_row, live_boxes, value_at
from tiercap.optimizer.study.problem import Problem

#: A lag of designs [year] that no horizon reaches: chips are then sold as they are or not at all.
NEVER = 100.0


@dataclass(frozen=True)
class Beside:
    """A real chip near a cap: ``room`` in per cent of the cap, positive below it."""

    chip: str
    value: float
    room: float


@dataclass(frozen=True)
class Line:
    """A cap of a policy, in the unit of rules (GB/s, TPP), and the exporter's chips within 5 % of it."""

    lever: str
    cap: float
    chips: tuple[Beside, ...]


def gain_from_rebinning(problem: Problem, levers: NDArray[Any], outcomes: list[str], draws: Floats) -> Spread:
    """What cut-down designs at the caps change in each outcome, [k]: the model with them less the model without.

    Without them means that no design is ever ready (``design_lag`` beyond the horizon), in the same scenarios. What
    the model sets a cut figure to is the cap less ``slack``.
    """
    scenarios = problem.scenarios
    table = scenarios.table.copy()
    table["design_lag"] = NEVER
    plain = problem.evaluator
    uncut = Evaluator(replace(scenarios, table=table), plain.horizon, plain.catalogue, plain.threads)
    both = np.stack([_outcomes(evaluator, levers, outcomes) for evaluator in (plain, uncut)])
    means = [applied(name, "mean") for name in outcomes]
    values = [reduce(both[:, k], scenarios.weights, mean) for k, mean in enumerate(means)]
    drawn = [resampled(both[:, k], draws, mean) for k, mean in enumerate(means)]
    levels = bootstrap.Levels(np.stack(values, axis=-1), np.stack(drawn, axis=-1))
    return bootstrap.difference((levels, 0), (levels, 1))


def _outcomes(evaluator: Evaluator, levers: NDArray[Any], outcomes: list[str]) -> Floats:
    return evaluator.outcomes(levers)[0, [OUTCOMES.index(name) for name in outcomes]]


def lines(levers: NDArray[Any], chips: tuple[Chip, ...], groups: tuple[str, ...]) -> list[Line]:
    """Every cap of a policy at its start with the exporter's chips for data centres near it, nearest first.

    Caps that are read against the frontier are left out: where they lie depends on the scenario.
    """
    row = as_row(levers)
    found = []
    for group in groups:
        if row[group]["reading"][0] != ABSOLUTE:
            continue
        for tier, word in enumerate(TIERS):
            for number, box in enumerate(live_boxes(row, group, tier), 1):
                stem = f"{group}_{word}" if number == 1 else f"{group}_{word}_{number}"
                caps = {f: value_at(row, group, f, row[group][f][0, tier, box]) for f in CAPS}
                found += [_line(f"{stem}_{figure}", figure, cap, chips) for figure, cap in caps.items() if cap < np.inf]
    return found


def _line(lever: str, figure: str, cap: float, chips: tuple[Chip, ...]) -> Line:
    name = LIMB_CAPS[figure]
    shown = float(f"{cap:.15g}")
    beside = [
        Beside(chip.name, value, room(value, shown))
        for chip in chips
        if chip.country == "US" and chip.datacentre is not False and (value := chip.figure(name)) is not None
    ]
    near = sorted((b for b in beside if abs(b.room) <= NEAR), key=lambda b: (abs(b.room), b.chip))
    return Line(lever, shown, tuple(near))


def slack_of(problem: Problem) -> Mapping[str, float]:
    """Least, mean and largest distance below a cap at which the scenarios set a cut figure, as a share of the cap."""
    slack = problem.scenarios.table["slack"]
    return {"low": float(slack.min()), "mean": float(slack.mean()), "high": float(slack.max())}
