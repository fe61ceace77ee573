"""Fronts of policies: dominance, how much a front covers, the largest gain in all objectives at once.

Everything is a loss here: less is better in every objective, and the caller has turned the signs. Dominance
and hypervolume are moocore's; this module checks what goes in and settles ties, so that the same table of
losses always gives the same answer: of equal rows the first counts, and -0.0 is 0.0. A row that is not finite
is refused by number, because no two libraries agree on what it would mean.

"Normalised" means 0 at the best and 1 at the worst loss among the non-dominated rows; an objective that does
not vary among them is 0 throughout.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tiercap.optimizer.errors import InputError
from tiercap.optimizer.io.arrays import Floats

Bools = NDArray[np.bool_]
Indices = NDArray[np.int64]

#: How far two policies may lie apart, in every objective, to count as near: a share of the front's range.
NEAR = 0.05


def nondominated(losses: ArrayLike) -> Bools:
    """Which rows no other row dominates; of equal rows only the first.

    losses : float64[n, k], k >= 1. Returns bool[n]. Raises InputError for a row that is not finite.
    """
    return _nondominated(_table(losses))


def dominating(losses: ArrayLike, point: ArrayLike) -> Bools:
    """Which rows are at least as good as ``point`` in every objective and better in one.

    losses : float64[n, k]; point : float64[k]. Returns bool[n].
    """
    x = _table(losses)
    p = _point(point, x.shape[1], "point")
    return np.asarray((x <= p).all(axis=1) & (x < p).any(axis=1), dtype=np.bool_)


def hypervolume(losses: ArrayLike, reference: ArrayLike) -> float:
    """Volume of what the rows dominate inside the box below ``reference``, in the product of their units.

    losses : float64[n, k]; reference : float64[k]. Rows beyond the reference add nothing; no rows give 0.
    Order and repetition of rows do not change a bit.
    """
    import moocore

    x = _table(losses)
    p = _point(reference, x.shape[1], "reference point")
    x = x[(x < p).all(axis=1)]
    if len(x) == 0:
        return 0.0
    x = x[_nondominated(x)]
    x = np.ascontiguousarray(x[np.lexsort(x.T[::-1])])
    return float(moocore.hypervolume(x, ref=p))


def ideal_and_nadir(losses: ArrayLike) -> tuple[Floats, Floats]:
    """Best and worst loss in each objective among the non-dominated rows, float64[k] each.

    losses : float64[n, k], n >= 1.
    """
    x = _some(losses)
    front = x[_nondominated(x)]
    return front.min(axis=0), front.max(axis=0)


def normalise(losses: ArrayLike, ideal: ArrayLike, nadir: ArrayLike) -> Floats:
    """Losses as pure numbers, 0 at ``ideal`` and 1 at ``nadir``; 0 where the two are equal.

    losses : float64[n, k]; ideal, nadir : float64[k], nadir at least ideal. Returns float64[n, k].
    """
    x = _table(losses)
    low, high = _point(ideal, x.shape[1], "ideal point"), _point(nadir, x.shape[1], "nadir point")
    if (high < low).any():
        j = int(np.argmax(high < low))
        raise InputError(f"the nadir must not lie below the ideal: objective {j} has {high[j]} below {low[j]}")
    return _scaled(x, low, high)


def extremes(losses: ArrayLike) -> Indices:
    """For each objective the non-dominated row that does best in it, int64[k].

    losses : float64[n, k], n >= 1. Of equals the least sum of normalised losses, then the first row counts.
    """
    x = _some(losses)
    rows, z = _front(x)
    total = z.sum(axis=1)
    best = [np.lexsort((total, x[rows, j]))[0] for j in range(x.shape[1])]
    return rows[np.array(best, dtype=np.int64)]


def compromise(losses: ArrayLike, weights: ArrayLike) -> int:
    """The non-dominated row whose largest weighted normalised loss is least; then of least weighted sum.

    losses : float64[n, k], n >= 1; weights : float64[k], at least 0, not all 0. Among equals the first row
    counts.
    """
    x = _some(losses)
    w = _point(weights, x.shape[1], "vector of weights")
    if (w < 0.0).any() or not w.any():
        raise InputError(f"weights of objectives must be at least 0 and not all 0, but they are {w.tolist()}")
    rows, z = _front(x)
    weighted = z * (w / w.max())
    return int(rows[np.lexsort((weighted.sum(axis=1), weighted.max(axis=1)))[0]])


def compromises(drawn: ArrayLike, weights: ArrayLike) -> Indices:
    """The :func:`compromise` of the same rows under each of several tables of losses: int64[n_draws].

    drawn : float64[n_draws, n, k], losses in each resampling of the scenarios, say
    """
    return np.array([compromise(losses, weights) for losses in np.asarray(drawn)], dtype=np.int64)


def near(losses: ArrayLike, row: int) -> Bools:
    """Which rows lie within `NEAR` of ``row`` in every objective, in shares of the front's range: bool[n]."""
    x = _some(losses)
    z = normalise(x, *ideal_and_nadir(x))
    return np.asarray((np.abs(z - z[row]) <= NEAR).all(axis=1), dtype=np.bool_)


def layers(losses: ArrayLike, k: int) -> Indices:
    """The ``k`` rows to keep first: by non-dominated rank, then by crowding distance, then by row number.

    losses : float64[n, objectives]. Returns int64[min(k, n)] in that order. Equal rows share a rank; crowding
    distance is NSGA-II's, within the rank.
    """
    import moocore

    x, k = _table(losses), max(k, 0)
    if min(len(x), k) == 0:
        return np.empty(0, dtype=np.int64)
    ranks = moocore.pareto_rank(x)
    last = int(np.partition(ranks, min(k, len(x)) - 1)[min(k, len(x)) - 1])  # the rank that the last place goes to
    layers = [np.flatnonzero(ranks == rank).astype(np.int64) for rank in range(last + 1)]
    ordered = [rows[np.argsort(-crowding(x[rows]), kind="stable")] for rows in layers]
    return np.concatenate(ordered)[:k]


def nearest_improvement(
    losses: ArrayLike, baseline: ArrayLike, distance: ArrayLike, sure: ArrayLike | None = None
) -> int | None:
    """The row that improves on ``baseline`` and lies nearest to it; None where no row improves.

    losses : float64[n, k]; baseline : float64[k]. A row improves if it is nowhere worse and somewhere better.
    distance : float64[n], at least 0, how far each row is from it in the levers
    sure : bool[n], which rows surely improve: where any do, they alone are looked at
    Among equals the greater total gain counts, then the first row.
    """
    x = _table(losses)
    p = _point(baseline, x.shape[1], "baseline")
    better = dominating(x, p)
    surely = better & np.asarray(better if sure is None else sure, dtype=np.bool_)
    rows = np.flatnonzero(surely if surely.any() else better)
    if len(rows) == 0:
        return None
    gain, away = _gains(x, p)[rows], _distances(distance, len(x))[rows]
    return int(rows[np.lexsort((-gain.sum(axis=1), away))[0]])


def largest_simultaneous_gain(losses: ArrayLike, baseline: ArrayLike) -> tuple[int, float]:
    """The row whose smallest gain over ``baseline`` is largest, and that gain.

    losses : float64[n, k], n >= 1; baseline : float64[k]. A gain is the fall of a loss divided by its span
    over front and baseline, a pure number; at 0 or below no row improves on every objective at once. Among
    equals the greater total gain counts, then the first row.
    """
    x = _some(losses)
    gain = _gains(x, _point(baseline, x.shape[1], "baseline"))
    least = gain.min(axis=1)
    row = int(np.lexsort((-gain.sum(axis=1), -least))[0])
    return row, float(least[row])


def _table(losses: ArrayLike) -> Floats:
    """A checked private copy, with one zero only."""
    x = np.array(losses, dtype=np.float64, order="C") + 0.0
    if x.ndim != 2 or x.shape[1] == 0:
        raise InputError(f"losses must be a table of policies by objectives, but their shape is {x.shape}")
    bad = ~np.isfinite(x)
    if bad.any():
        row, column = (int(i) for i in np.argwhere(bad)[0])
        raise InputError(
            f"losses must be finite, but row {row} has {x[row, column]} in objective {column}: "
            "leave failed policies out before comparing"
        )
    return x


def _some(losses: ArrayLike) -> Floats:
    x = _table(losses)
    if len(x) == 0:
        raise InputError("choosing from a front needs at least one policy, and there is none")
    return x


def _point(values: ArrayLike, k: int, what: str) -> Floats:
    p = np.array(values, dtype=np.float64) + 0.0
    if p.shape != (k,) or not np.isfinite(p).all():
        raise InputError(f"the {what} must be {k} finite numbers, one an objective, but it is {p.tolist()}")
    return p


def _distances(values: ArrayLike, n: int) -> Floats:
    d = np.array(values, dtype=np.float64)
    if d.shape != (n,) or not (d >= 0.0).all():
        raise InputError(f"distances must be {n} numbers of at least 0, one a policy")
    return d


def _nondominated(x: Floats) -> Bools:
    import moocore

    return np.asarray(moocore.is_nondominated(x, keep_weakly=False), dtype=np.bool_)


def _scaled(x: Floats, low: Floats, high: Floats) -> Floats:
    span = high - low
    return np.where(span > 0.0, (x - low) / np.where(span > 0.0, span, 1.0), 0.0)


def _front(x: Floats) -> tuple[Indices, Floats]:
    """Row numbers of the front and their normalised losses."""
    rows = np.flatnonzero(_nondominated(x)).astype(np.int64)
    front = x[rows]
    return rows, _scaled(front, front.min(axis=0), front.max(axis=0))


def _gains(x: Floats, baseline: Floats) -> Floats:
    """Fall of each loss against ``baseline``, over its span over front and baseline, float64[n, k]."""
    known = np.vstack([x[_nondominated(x)], baseline]) if len(x) else baseline[None, :]
    span = known.max(axis=0) - known.min(axis=0)
    fall = baseline - x
    return np.where(span > 0.0, fall / np.where(span > 0.0, span, 1.0), fall)


def crowding(x: Floats) -> Floats:
    """NSGA-II's crowding distance of each row, float64[n]; infinite at the ends of what varies."""
    n, total = len(x), np.zeros(len(x))
    for column in x.T:
        order = np.argsort(column, kind="stable")
        ranked = column[order]
        span = ranked[-1] - ranked[0]
        if span > 0.0:
            total[order[1 : n - 1]] += (ranked[2:] - ranked[: n - 2]) / span
            total[order[[0, n - 1]]] = np.inf
    return total
