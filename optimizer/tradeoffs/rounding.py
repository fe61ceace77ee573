"""Legal rounding: a policy in numbers that a statute book would print, and what that costs.

Every searched lever goes to one of its two neighbours on a grid, by default the numbers of two significant digits in
the lever's unit. Of the ways to choose among them that keep the tiers nested, that one is taken which keeps to
the constraints, if any does, and hurts the worst-hit objective least.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tiercap.optimizer.errors import InputError, did_you_mean
from tiercap.optimizer.io.arrays import Floats
from tiercap.optimizer.io.units import printable, quantity
from tiercap.optimizer.rules.levers import CAPS, LEVERS_TABLE, part
from tiercap.optimizer.rules.nesting import nested
from tiercap.optimizer.study.problem import Problem

#: Significant digits that a rule is written with.
DIGITS = 2
#: More digits than this are no rounding.
MAX_DIGITS = 15
#: Levers of which both neighbours are tried; of more, those farthest from either.
BOTH_WAYS = 12
#: A value so near a number of the grid, in steps, is on it.
ON_GRID = 1e-9


@dataclass(frozen=True)
class Rounded:
    """A policy on the grid.

    values : lever to value, in the units of `levers.LEVERS_TABLE`; levers : LEVERS[1, 1]; tried : policies compared
    broken : bounds of the study that no rounding keeps, in words
    """

    values: Mapping[str, float]
    levers: NDArray[Any]
    tried: int
    broken: tuple[str, ...]


def parse_grid(texts: tuple[str, ...], searched: tuple[str, ...]) -> dict[str, float]:
    """``LEVER=STEP`` texts as steps in the levers' units. InputError for anything else."""
    steps: dict[str, float] = {}
    for text in texts:
        name, sign, step = (piece.strip() for piece in text.partition("="))
        if not sign or not step:
            raise InputError(f"--grid takes LEVER=STEP, such as c_open_memory='100 GB/s', not `{printable(text)}`")
        if name not in searched:
            raise InputError(f"--grid: lever `{printable(name)}` was not searched: {did_you_mean(name[:60], searched)}")
        if name in steps:
            raise InputError(f"--grid: lever `{name}` is given twice: keep one")
        steps[name] = quantity(step, LEVERS_TABLE[name].unit, name)
        if not steps[name] > 0.0:
            raise InputError(f"--grid: the step of `{name}` must be above 0, not `{printable(step)}`")
    return steps


def neighbours(value: float, digits: int = DIGITS, step: float | None = None) -> tuple[float, ...]:
    """The numbers of the grid on both sides of ``value``, nearest first; only one where it lies on the grid.

    Without ``step`` the grid is the numbers of so many significant ``digits``.
    """
    if value == 0.0 or not math.isfinite(value):
        return (value,)
    exponent = math.floor(math.log10(abs(value))) - digits + 1
    width = 10.0**exponent if step is None else step
    count = value / width
    if abs(count - round(count)) <= ON_GRID * max(1.0, abs(count)):
        return (_clean(round(count), width, exponent, step),)
    ends = (math.floor(count), math.ceil(count))
    ordered = sorted(ends, key=lambda end: (abs(end - count), end))
    return tuple(_clean(end, width, exponent, step) for end in ordered)


def _clean(count: int, width: float, exponent: int, step: float | None) -> float:
    """``count`` grid steps as the nearest double of the decimal number meant, not of a product of roundings."""
    return float(f"{count}e{exponent}") if step is None else float(f"{count * width:.15g}")


def rounded(
    problem: Problem,
    values: Mapping[str, float],
    span: Floats,
    digits: int = DIGITS,
    grid: Mapping[str, float] | None = None,
    missed_by: Callable[[NDArray[Any]], Floats] | None = None,
) -> Rounded:
    """The best rounding of a policy.

    values : each searched lever, in the units of `levers.LEVERS_TABLE`; span : float64[k], what a loss of each
    objective is divided by to be compared with the others; missed_by : given LEVERS[n, 1], by how much each breaks
    further bounds, float64[n], which are kept like the study's constraints
    """
    steps = grid or {}
    choices = {name: _choices(name, value, digits, steps.get(name)) for name, value in values.items()}
    ways = _combinations(choices, values)
    rows = problem.space.rows({name: np.array([way[name] for way in ways]) for name in values})
    holds = nested(rows.reshape(-1), values)
    if not holds.any():
        raise InputError("no rounding on this grid keeps the open tier inside the licensed one: give a finer --grid")
    ways, rows = [way for way, kept in zip(ways, holds, strict=True) if kept], rows[holds]
    found = problem.evaluator.statistics(rows, problem.scoring.screened)
    excess = problem.scoring.excess(found)
    broken = np.maximum(problem.scoring.violations(found), 0.0).sum(axis=1)
    broken = broken if missed_by is None else broken + missed_by(rows)
    hurt = problem.scoring.losses(found) / span
    worst = np.where(np.isfinite(hurt).all(axis=1), (hurt - _exact(problem, values) / span).max(axis=1), np.inf)
    best = int(np.lexsort((hurt.sum(axis=1), worst, broken))[0])
    missed = tuple(words for words, amount in zip(problem.scoring.bounds(), excess[best], strict=True) if amount > 0.0)
    return Rounded(ways[best], rows[best : best + 1], len(ways), missed)


def _exact(problem: Problem, values: Mapping[str, float]) -> Floats:
    row = problem.space.rows(values)
    return problem.scoring.losses(problem.evaluator.statistics(row, problem.scoring.screened))


def _choices(name: str, value: float, digits: int, step: float | None) -> tuple[float, ...]:
    """What a lever may become, nearest first, inside its domain; a cap never becomes 0, which admits nothing."""
    info = LEVERS_TABLE[name]
    if part(name).field == "no_diversion":
        return (value,)
    found = neighbours(value, digits, step)
    allowed = [x for x in found if info.low <= x <= info.high and (x > 0.0 or part(name).field not in CAPS)]
    if not allowed:
        near = f"`{name}` = {value:g}"
        raise InputError(f"--grid: no number of this grid near {near} is allowed: give a finer step")
    return tuple(allowed)


def _combinations(choices: Mapping[str, tuple[float, ...]], values: Mapping[str, float]) -> list[dict[str, float]]:
    """Every way to choose, nearest first; of levers beyond `BOTH_WAYS` the clearest cases keep their nearest."""
    unsure = sorted((name for name in choices if len(choices[name]) > 1), key=lambda n: -_doubt(values[n], choices[n]))
    open_to = set(unsure[:BOTH_WAYS])
    sets = [chosen if name in open_to else chosen[:1] for name, chosen in choices.items()]
    return [dict(zip(choices, numbers, strict=True)) for numbers in product(*sets)]


def _doubt(value: float, ends: tuple[float, ...]) -> float:
    """How far a value lies from its nearest neighbour, as a share of the way between the two."""
    return abs(value - ends[0]) / abs(ends[1] - ends[0])
