"""Which policies the multi-fidelity engine tries next: children chosen by what a few scenarios say of them.

The few scenarios are common to all policies, so that the difference between a child and its parent is known far better
than either: the child is expected at its own value there plus what the parent gained from the few scenarios to all of
them (a control variate). Children are then taken one by one, always the one that would enlarge the front by most in the
additive epsilon indicator (Zitzler et al. 2003), those already taken counted in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tiercap.optimizer.io.arrays import Floats
from tiercap.optimizer.model import front
from tiercap.optimizer.search import operators

Rows = NDArray[np.int64]

#: Parents below which a front is filled up with what comes after it.
FEWEST_PARENTS = 32
#: Of so many policies of a front one is looked at first.
_PART = 16


@dataclass(frozen=True)
class Judge:
    """What a policy's columns mean, as a `Problem` says it."""

    losses: Callable[[Floats], Floats]
    violations: Callable[[Floats], Floats]

    def ranked(self, values: Floats, count: int) -> Rows:
        """Up to ``count`` rows: the feasible by non-dominated rank and crowding, then the least infeasible."""
        good, rest, excess = self._split(values)
        chosen = good[front.layers(self.losses(values)[good], count)] if len(good) else good
        missing = max(count - len(chosen), 0)
        return np.concatenate([chosen, rest[np.argsort(excess[rest], kind="stable")][:missing]])

    def front(self, values: Floats, among: Rows | None = None) -> Rows:
        """Feasible rows that no other dominates, best first in the first objective.

        among : ascending rows that hold all of these, where the caller knows so much; else every row is looked at
        """
        if among is not None:
            return among[self.front(values[among])]
        good, *_ = self._split(values)
        losses = self.losses(values)
        rows = good[front.nondominated(losses[good])] if len(good) else good
        return rows[np.lexsort(losses[rows].T[::-1])]

    def covering(self, values: Floats, count: int) -> Rows:
        """Up to ``count`` rows: of the front those that cover it best (additive epsilon), then as `ranked`."""
        rows = self.front(values)
        losses = self.losses(values)[rows]
        chosen = rows[_additions(losses, losses[:0], count)]
        if len(chosen) == count:
            return chosen
        rest = self.ranked(values, count)
        return np.concatenate([chosen, rest[~np.isin(rest, chosen)][: count - len(chosen)]])

    def parents(self, values: Floats, rows: Rows) -> Rows:
        """The front, whose rows the caller has, filled up to FEWEST_PARENTS where it is shorter."""
        if len(rows) >= FEWEST_PARENTS:
            return rows
        best = self.ranked(values, FEWEST_PARENTS)
        return np.concatenate([rows, best[~np.isin(best, rows)]])

    def promising(self, values: Floats, known: Floats, count: int) -> Rows:
        """The ``count`` rows of ``values`` that would add most to ``known``, a front's losses, most promising first."""
        good, rest, excess = self._split(values)
        chosen = good[_additions(self.losses(values)[good], known, count)]
        missing = count - len(chosen)
        return np.concatenate([chosen, rest[np.argsort(excess[rest], kind="stable")][:missing]])

    def _split(self, values: Floats) -> tuple[Rows, Rows, Floats]:
        """Feasible rows, infeasible rows, and by how much each row breaks its bounds; what is not finite is neither."""
        excess = np.maximum(self.violations(values), 0.0).sum(axis=1)
        usable = np.isfinite(self.losses(values)).all(axis=1) & np.isfinite(excess)
        return np.flatnonzero(usable & (excess == 0.0)), np.flatnonzero(usable & (excess > 0.0)), excess


def breed(
    points: Floats,
    losses: Floats,
    count: int,
    options: Mapping[str, float],
    rng: np.random.Generator,
    mates: int = 1,
) -> tuple[Floats, Rows]:
    """Children of ``points`` and the row of each one's first parent.

    points : float64[n, d] in the unit cube; losses : float64[n, k]. The first parent wins a tournament of two:
    the less crowded is taken. Each of the other two is the nearest to it, in the objectives, of ``mates`` drawn. What
    such neighbours differ by is the step that their part of the front needs (restricted mating: Ishibuchi and Shibata
    2003, "A similarity-based mating scheme for evolutionary multiobjective optimization").
    """
    crowding, places = front.crowding(losses), front.normalise(losses, *front.ideal_and_nadir(losses))
    left, right = rng.integers(len(points), size=(2, count))
    first = np.where(crowding[left] >= crowding[right], left, right)
    second, third = (_nearest(places, first, mates, rng) for _ in range(2))
    return operators.children((points[first], points[second], points[third]), options, rng), first


def _nearest(places: Floats, to: Rows, drawn: int, rng: np.random.Generator) -> Rows:
    """Of ``drawn`` random rows of ``places``, float64[n, k], the nearest to each row ``to`` that is not that row."""
    rows = rng.integers(len(places), size=(len(to), drawn))
    squares = ((places[rows] - places[to, None]) ** 2).sum(axis=-1)
    squares[rows == to[:, None]] = np.inf
    return np.asarray(rows[np.arange(len(to)), squares.argmin(axis=1)])


def _additions(losses: Floats, known: Floats, count: int) -> Rows:
    """Rows to add one by one, always the one farthest from being dominated by the front and those taken before.

    How far a row is from that is at most what a part of the front says, and only where that is the most of all rows
    is it held against the whole: of a long front few rows are.
    """
    if len(losses) == 0:
        return np.zeros(0, np.int64)
    low, high = front.ideal_and_nadir(np.concatenate([known, losses]))
    new, old = (front.normalise(x, low, high) for x in (losses, known))
    left = _gaps(old[::_PART], new)
    sure = np.full(len(new), len(old) == 0)
    taken: list[int] = []
    while len(taken) < min(count, len(new)):
        row = int(np.argmax(left))
        if not sure[row]:
            left[row], sure[row] = min(left[row], _gaps(old, new[row : row + 1])[0]), True
            continue
        taken.append(row)
        left = np.minimum(left, (new[row] - new).max(axis=1))
        left[row] = -np.inf
    return np.array(taken, dtype=np.int64)


def _gaps(old: Floats, new: Floats) -> Floats:
    """How far each row of ``new`` is from being dominated by one of ``old``; infinite without any."""
    import moocore

    if len(old) == 0:
        return np.full(len(new), np.inf)
    return np.array([moocore.epsilon_additive(old, ref=row[None]) for row in new])
