"""PRIM, the patient rule induction method: boxes of inputs in which cases of interest are dense.

J. H. Friedman and N. I. Fisher, "Bump hunting in high-dimensional data", Statistics and Computing 9 (1999); for
scenario discovery B. P. Bryant and R. J. Lempert, "Thinking inside the box", Technological Forecasting and Social
Change 77 (2010). A box is peeled: of all inputs, the slice of PEEL of its mass at either end goes whose removal raises
the density most for the mass it costs, until MASS is left; then pasted back where that raises the density. Conventions
(quantiles between two cases, the objective, the order of ties) are those of the Exploratory Modeling Workbench, whose
boxes the tests find again. Its own code needs a plotting stack, a newer Python and cases of equal weight; cases here
may have weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tiercap.optimizer.errors import InputError
from tiercap.optimizer.io.arrays import Floats

#: Share of a box's mass that one peel removes, and one paste adds.
PEEL = 0.05
#: Least mass of a box.
MASS = 0.05


@dataclass(frozen=True)
class Cases:
    """What is known of every case.

    x : float64[n, d]; interest : bool[n]; weights : float64[n], at least 0, of any sum
    """

    x: Floats
    interest: NDArray[np.bool_]
    weights: Floats

    @cached_property
    def mass(self) -> Floats:
        """Weights scaled to a mean of 1: counts, exactly, where they are equal."""
        w = self.weights
        return np.ones(len(w)) if (w == w[0]).all() else np.asarray(w * (len(w) / w.sum()))

    @cached_property
    def ends(self) -> tuple[Floats, Floats]:
        """The lowest and the highest value of every input: two float64[d]."""
        return self.x.min(axis=0), self.x.max(axis=0)

    def inside(self, low: Floats, high: Floats) -> NDArray[np.bool_]:
        """Which cases lie in a box, its limits included: bool[n]."""
        rows = np.ones(len(self.x), dtype=np.bool_)
        for k in np.flatnonzero((low > self.ends[0]) | (high < self.ends[1])):  # a few of many inputs
            rows &= (low[k] <= self.x[:, k]) & (self.x[:, k] <= high[k])
        return rows


@dataclass(frozen=True)
class Box:
    """A box and what it holds.

    low, high : float64[d], limits, included. restricted : bool[d, 2], which of them leave cases out
    coverage : share of all cases of interest that lie inside. density : share of the cases inside that are of interest
    mass : share of all cases that lie inside. quasi_p : float64[d, 2], how likely the box's cases of interest were, or
    more, if that limit did nothing: NaN where there is none (Bryant and Lempert 2010)
    """

    low: Floats
    high: Floats
    restricted: NDArray[np.bool_]
    coverage: float
    density: float
    mass: float
    quasi_p: Floats

    @property
    def dimensions(self) -> int:
        """How many inputs are restricted."""
        return int(self.restricted.any(axis=1).sum())


def boxed(cases: Cases, low: Floats, high: Floats) -> Box:
    """A box with its numbers."""
    floor, ceiling = cases.ends
    restricted = np.stack([low > floor, high < ceiling], axis=1)
    limits = np.argwhere(restricted)
    breaks = np.zeros((len(limits), len(cases.x)), dtype=np.bool_)
    for row, (k, side) in zip(breaks, limits, strict=True):
        row[:] = cases.x[:, k] > high[k] if side else cases.x[:, k] < low[k]
    broken = breaks.sum(axis=0)
    inside, one = broken == 0, breaks & (broken == 1)  # what one limit alone keeps out comes in without it
    held, wanted = cases.mass[inside], cases.interest[inside]
    hits, size = float(held[wanted].sum()), float(held.sum())
    more = (one * cases.mass).sum(axis=1)
    more_hits = (one * np.where(cases.interest, cases.mass, 0.0)).sum(axis=1)
    chances = np.full(restricted.shape, np.nan)
    for (k, side), mass, interest in zip(limits, more, more_hits, strict=True):
        chances[k, side] = _chance((hits + interest) / (size + mass), held, hits, size)
    whole = float(cases.mass[cases.interest].sum())
    density = hits / size if size > 0.0 else 0.0
    return Box(low, high, restricted, hits / whole, density, size / float(cases.mass.sum()), chances)


def _chance(p: float, held: Floats, hits: float, size: float) -> float:
    """Of a binomial with the chance ``p``: how likely at least ``hits`` of ``size`` are.

    Cases of unequal weight count as many as they are worth together (Kish), with the binomial's continuous form.
    """
    from scipy.special import betainc

    if hits == 0.0:
        return 1.0
    worth = float(held.sum() ** 2 / (held**2).sum())
    k = hits * worth / size
    return float(betainc(k, worth - k + 1.0, p))


def trajectory(cases: Cases, peel: float = PEEL, mass: float = MASS) -> list[Box]:
    """The boxes that peeling and then pasting pass through, from the box that holds everything on.

    Raises InputError where no case or every case is of interest.
    """
    n = len(cases.interest)
    if not cases.mass[cases.interest].sum() > 0.0 or not cases.mass[~cases.interest].sum() > 0.0:
        raise InputError("a box can be looked for only where some cases, and not all, are of interest")
    low, high = (end.copy() for end in cases.ends)
    boxes, rows = [boxed(cases, low, high)], np.arange(n)
    while (found := _peeled(cases, low, high, rows, peel, mass)) is not None:
        low, high, rows = found
        boxes.append(boxed(cases, low, high))
    while (grown := _pasted(cases, low, high, rows, peel, mass)) is not None:
        low, high, rows = grown
        boxes.append(boxed(cases, low, high))
    return boxes


Found = tuple[Floats, Floats, NDArray[np.int64]]


def _peeled(
    cases: Cases, low: Floats, high: Floats, rows: NDArray[np.int64], peel: float, mass: float
) -> Found | None:
    """The box with its best slice off: limits and the cases left. None where none may go."""
    x, held, wanted = np.ascontiguousarray(cases.x[rows].T), cases.mass[rows], cases.interest[rows]
    equal, restricted = bool((held == held[0]).all()), _restricted(cases, low, high)
    ascending = np.sort(x, axis=1) if equal else x
    best: tuple[float, int] | None = None
    choice = (0, 0, 0.0)
    for k, column in enumerate(x):
        order = None if equal else np.argsort(column, kind="stable")
        values, masses = (ascending[k], held) if order is None else (column[order], held[order])
        for side in (1, 0):  # the upper end first: ties go to it
            limit = _quantile(values, masses, 1.0 - peel if side else peel)
            kept = column <= limit if side else column >= limit
            score = (_gain(held, wanted, kept), -int(restricted.sum() + (not restricted[k])))
            if best is None or score > best:
                best, choice = score, (k, side, limit)
    if best is None or not best[0] > 0.0:
        return None
    k, side, limit = choice
    kept = x[k] <= limit if side else x[k] >= limit
    left = float(held[kept].sum())
    if left / float(cases.mass.sum()) < mass or not left < float(held.sum()):
        return None
    low, high = low.copy(), high.copy()
    (high if side else low)[k] = limit
    return low, high, rows[kept]


def _pasted(
    cases: Cases, low: Floats, high: Floats, rows: NDArray[np.int64], paste: float, mass: float
) -> Found | None:
    """The box with the slice added to it that raises its density most. None where none does."""
    floor, ceiling = cases.ends
    restricted = _restricted(cases, low, high)
    size, hits = float(cases.mass[rows].sum()), float(cases.mass[rows][cases.interest[rows]].sum())
    best: tuple[float, int] | None = None
    found: Found | None = None
    for k in np.flatnonzero(restricted):
        for side in (0, 1):
            limits = [low.copy(), high.copy()]
            limits[side][k] = _beyond(cases, low, high, int(k), side, paste)
            inside = np.flatnonzero(cases.inside(*limits))
            more = float(cases.mass[inside].sum())
            if not more > size:
                continue
            density = float(cases.mass[inside][cases.interest[inside]].sum()) / more
            freed = limits[0][k] == floor[k] and limits[1][k] == ceiling[k]
            score = ((density - hits / size) / (more - size), -int(restricted.sum() - freed))
            if best is None or score > best:
                best, found = score, (limits[0], limits[1], inside)
    if best is None or found is None or not best[0] > 0.0:
        return None
    return found if float(cases.mass[found[2]].sum()) / float(cases.mass.sum()) >= mass else None


def _beyond(cases: Cases, low: Floats, high: Floats, k: int, side: int, paste: float) -> float:
    """Where a limit comes to lie when the slice beyond it is pasted: all there is where nothing lies beyond."""
    floor, ceiling = cases.ends
    limits = [low.copy(), high.copy()]
    limits[1 - side][k], limits[side][k] = (low, high)[side][k], (floor, ceiling)[side][k]
    rows = cases.inside(*limits)
    if not rows.any():
        return float((floor, ceiling)[side][k])
    order = np.argsort(cases.x[rows, k], kind="stable")
    return _quantile(cases.x[rows, k][order], cases.mass[rows][order], paste if side else 1.0 - paste)


def _restricted(cases: Cases, low: Floats, high: Floats) -> NDArray[np.bool_]:
    floor, ceiling = cases.ends
    return np.asarray((low > floor) | (high < ceiling))


def _gain(held: Floats, wanted: NDArray[np.bool_], kept: NDArray[np.bool_]) -> float:
    """The rise of the density for the mass it costs to keep only some cases."""
    size, left = float(held.sum()), float(held[kept].sum())
    if not left < size:
        return 0.0
    after = float(held[kept & wanted].sum()) / left if left > 0.0 else 0.0
    return (after - float(held[wanted].sum()) / size) / (size - left)


def _quantile(values: Floats, mass: Floats, share: float) -> float:
    """Half-way between the two cases around a quantile, never between equal ones, so that a limit removes something.

    values : float64[n], ascending, with mass : float64[n]
    """
    n = len(values)
    if (mass == mass[0]).all():
        target = (n - 1) * share
        below, above = int(np.floor(target)), int(np.ceil(target))
    else:
        place = np.cumsum(mass) - 0.5 * mass
        target = place[0] + share * (place[-1] - place[0])
        above = min(int(np.searchsorted(place, target, side="left")), n - 1)
        below = above if place[above] == target else max(above - 1, 0)
    if share > 0.5:
        while values[below] == values[above] and below > 0:
            below -= 1
    else:
        while values[below] == values[above] and above < n - 1:
            above += 1
    return float((values[below] + values[above]) / 2)
