"""Outcomes over the scenario axis to one number a policy: means, quantiles, tails, regret, satisficing.

A statistic is first a transformation scenario by scenario (`seen`: the outcome itself, its shortfall from the best
known there, or whether it meets a threshold) and then a functional of the weighted distribution of that.

Every row is reduced in one fixed order by element-wise operations, so its bits depend on the row, the
weights and nothing else: not on how many rows stand beside it, nor on memory layout. A NaN outcome makes the
statistic NaN; nothing is ever dropped for being NaN.

With scenarios sorted by value, total weight W and cumulative weight C_k:

- mean: the weighted mean. std: the square root of the weighted mean squared distance from it (divided by W).
- geomean: exp of the weighted mean of the logarithms; 0 where an outcome is 0, NaN where one is below.
- pNN: the inverse of the weighted empirical distribution, linear between the mid-points (C_k - w_k / 2) / W
  and flat outside them. With equal weights that is the quantile NumPy calls "hazen".
- cvarNN: the mean of the lowest NN per cent of probability; cvar_upperNN: of the highest. A scenario on the
  edge counts with the share of its weight that lies inside. Rockafellar and Uryasev, "Conditional value-at-risk for
  general loss distributions", J. Banking & Finance 26 (2002), for distributions with atoms.
- regret: the max of the shortfalls, regretNN: their pNN. satisfice: the mean of ones and noughts. mean_sd K: the mean
  less K std, mean_sd_upper K: the mean plus K std. The names are those of `measures`.
- A scenario of weight 0 has no influence, unless its outcome is NaN.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tiercap.kernels.params import TRAJECTORY
from tiercap.optimizer.errors import InputError
from tiercap.optimizer.io.arrays import Floats
from tiercap.optimizer.model import measures
from tiercap.optimizer.model.measures import Direction, Statistic


def reduce(values: ArrayLike, weights: ArrayLike, statistic: str, best: Floats | None = None) -> Floats:
    """One statistic of each row of outcomes, in the unit of the outcomes; satisficing is a share.

    values : float64[..., n_scenarios]; weights : float64[n_scenarios], at least 0, not all 0, of any sum;
    statistic : a whole name of `measures`; best : float64[n_scenarios], the best known, which regret needs.
    Returns float64[...]. Raises InputError for an unknown statistic, shapes that do not fit or bad weights.
    """
    return reduce_seen(seen(values, measures.parse(statistic), best), weights, statistic)


def reduce_steps(paths: Floats, weights: ArrayLike, statistic: str) -> Floats:
    """One statistic of every quantity of every step: float64[..., n_steps, n_fields].

    paths : float64[..., n_steps, n_fields, n_scenarios], fields in the order of ``TRAJECTORY``
    """
    found = reduce(paths, weights, statistic)
    for k, name in enumerate(TRAJECTORY):
        applied = measures.applied(name, statistic)
        if applied != statistic:
            found[..., k] = reduce(paths[..., k, :], weights, applied)
    return found


def reduce_seen(values: Floats, weights: ArrayLike, statistic: str) -> Floats:
    """`reduce` of what `seen` has made already."""
    s = measures.parse(statistic)
    x = values + 0.0  # a copy, and -0.0 becomes 0.0: one zero, one result
    w = _checked_weights(weights, x.shape)
    unknown = np.isnan(x).any(axis=-1)
    x, w = np.ascontiguousarray(x[..., w > 0.0]), w[w > 0.0]
    with np.errstate(all="ignore"):  # NaN and infinity are answers here, not accidents
        result = _functional(x, w, s)
    return np.where(unknown | np.isnan(result), np.nan, result)


def seen(values: ArrayLike, statistic: Statistic, best: Floats | None = None) -> Floats:
    """What a statistic is a functional of, scenario by scenario, in the shape of ``values``.

    The outcomes themselves; for regret how far each falls short of ``best`` float64[n_scenarios], at least 0; for
    satisficing 1 where the threshold is met and 0 where not. NaN stays NaN.
    """
    x = np.asarray(values, dtype=np.float64)
    if statistic.kind == "regret":
        if best is None:
            raise InputError("regret needs the best known in each scenario")
        return np.maximum(shortfall(x, best, statistic.better), 0.0)
    if statistic.kind == "satisfice":
        assert statistic.number is not None  # `measures.parse` has seen to it
        met = x <= statistic.number if statistic.upper else x >= statistic.number
        return np.where(np.isnan(x), np.nan, met.astype(np.float64))
    return x


def resampled(values: Floats, draws: Floats, statistic: str) -> Floats:
    """The functional of a statistic under many weightings of the same scenarios: float64[n_draws, ...].

    values : float64[..., n_scenarios] as `seen` has them, finite; draws : float64[n_draws, n_scenarios], at least 0,
    each row summing to 1. A scenario of weight 0 counts as absent, as in `reduce`.
    """
    s = measures.parse(statistic)
    if s.kind == "regret":
        s = Statistic("max" if s.number is None else "p", s.number)
    if s.kind in ("mean", "satisfice"):
        return np.stack([(values * draw).sum(axis=-1) for draw in draws])
    if s.kind == "geomean":
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = np.log(values)
        return np.exp(np.stack([(logs[..., draw > 0.0] * draw[draw > 0.0]).sum(axis=-1) for draw in draws]))
    flip = -1.0 if s.kind == "cvar" and s.upper else 1.0
    order = np.argsort(flip * values, axis=-1, kind="stable")
    x = np.take_along_axis(flip * values, order, axis=-1)
    found = []
    for draw in draws:
        w = draw[order]
        there = w > 0.0  # as many in every row, so that what is left is a table again
        shape = (*values.shape[:-1], int((draw > 0.0).sum()))
        found.append(flip * _of_sorted(x[there].reshape(shape), w[there].reshape(shape), s))
    return np.stack(found)


def _of_sorted(x: Floats, w: Floats, s: Statistic) -> Floats:
    """The functional of rows in ascending order with weights of their own; of a cvar the lower one."""
    if s.kind == "p":
        return _quantile(x, w, s.share)
    if s.kind == "cvar":
        return _lower_tail(x, w, s.share)
    if s.kind in ("min", "max"):
        return np.asarray(x[..., 0 if s.kind == "min" else -1])
    mean = (x * w).sum(axis=-1)
    sd = np.sqrt((w * (x - mean[..., None]) ** 2).sum(axis=-1))
    return np.asarray(sd if s.kind == "std" else _shifted(mean, sd, s))


def _shifted(mean: Floats, sd: Floats, s: Statistic) -> Floats:
    """The mean, worse by so many standard deviations."""
    assert s.number is not None
    return mean + s.number * sd if s.upper else mean - s.number * sd


def regret(values: ArrayLike, direction: Direction) -> Floats:
    """How far each policy falls short of the best policy of the set, scenario by scenario.

    values : float64[n_policies, n_scenarios]; direction : "maximise" or "minimise". Returns an array of the
    same shape and unit, at least 0. In a scenario where any policy is NaN the best is not known and every
    policy's regret is NaN. Raises InputError for another shape or direction.
    """
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 2 or x.shape[0] == 0:
        raise InputError(f"regret needs a table of policies by scenarios, not one of shape {x.shape}")
    check_direction(direction)
    return shortfall(x, best(x, direction), direction)


def check_direction(direction: str) -> None:
    """Refuse what is neither of the two."""
    if direction not in ("maximise", "minimise"):
        raise InputError(f"a direction is maximise or minimise, not `{direction[:40]}`")


def best(values: Floats, direction: Direction) -> Floats:
    """The best value in each scenario, float64[n_scenarios]; NaN where any of ``values`` float64[n, n_scenarios] is."""
    return np.asarray(values.max(axis=0) if direction == "maximise" else values.min(axis=0))


def shortfall(values: Floats, best: Floats, direction: Direction) -> Floats:
    """How far ``values`` float64[..., n_scenarios] fall short of ``best`` float64[n_scenarios]: their regret."""
    with np.errstate(invalid="ignore"):
        short = best - values if direction == "maximise" else values - best
    return np.asarray(short + 0.0, dtype=np.float64)


def _checked_weights(weights: ArrayLike, shape: tuple[int, ...]) -> Floats:
    w = np.array(weights, dtype=np.float64)
    if w.ndim != 1 or not shape or shape[-1] != len(w) or len(w) == 0:
        raise InputError(f"outcomes need one weight a scenario: their shape is {shape}, that of the weights {w.shape}")
    bad = ~(np.isfinite(w) & (w >= 0.0))
    if bad.any():
        place = int(np.argmax(bad))
        raise InputError(f"scenario weights must be finite and at least 0, not {w[place]} (scenario {place})")
    if not np.isfinite(w.sum()) or w.sum() <= 0.0:
        raise InputError("at least one scenario weight must be above 0, and their sum finite")
    return w


def _functional(x: Floats, w: Floats, s: Statistic) -> Floats:
    """``x`` float64[..., n] as `seen` has it, without NaN rows that matter; ``w`` float64[n], all above 0."""
    if s.kind in ("mean", "satisfice"):
        return _mean(x, w)
    if s.kind == "geomean":
        return np.clip(np.exp(_mean(np.log(x), w)), x.min(axis=-1), x.max(axis=-1))
    if s.kind == "min":
        return np.asarray(x.min(axis=-1))
    if s.kind == "max" or (s.kind == "regret" and s.number is None):
        return np.asarray(x.max(axis=-1))
    if s.kind in ("p", "regret"):
        return _quantile(*_sorted(x, w), s.share)
    if s.kind == "cvar":
        return -_lower_tail(*_sorted(-x, w), s.share) + 0.0 if s.upper else _lower_tail(*_sorted(x, w), s.share)
    mean = _mean(x, w)
    sd = np.sqrt(_mean((x - mean[..., None]) ** 2, w))
    return np.asarray(sd if s.kind == "std" else _shifted(mean, sd, s) + 0.0)


def _tree_sum(x: Floats) -> Floats:
    """Sum over the last axis by halves: the error of pairwise summation, the same order for every row."""
    while x.shape[-1] > 1:
        half = x.shape[-1] // 2
        paired = x[..., :half] + x[..., half : 2 * half]
        x = np.concatenate([paired, x[..., 2 * half :]], axis=-1)
    return x[..., 0]


def _equal(w: Floats) -> bool:
    return bool((w == w[0]).all())


def _mean(x: Floats, w: Floats) -> Floats:
    """Weighted mean, held inside the range of the row so that a constant row gives its constant."""
    mean = _tree_sum(x) / x.shape[-1] if _equal(w) else _tree_sum(x * w) / _tree_sum(w)
    return np.clip(mean, x.min(axis=-1), x.max(axis=-1))


def _sorted(x: Floats, w: Floats) -> tuple[Floats, Floats]:
    """Rows in ascending order and their weights, float64[..., n] or float64[n]; ties go by weight."""
    if _equal(w):
        return np.sort(x, axis=-1), np.ones_like(w)
    order = np.lexsort((np.broadcast_to(w, x.shape), x), axis=-1)
    return np.take_along_axis(x, order, axis=-1), w[order]


def _quantile(x: Floats, w: Floats, share: float) -> Floats:
    """Of rows and weights that `_sorted` put in order."""
    n = x.shape[-1]
    up_to = np.cumsum(w, axis=-1)
    middle = up_to - 0.5 * w
    target = share * up_to[..., -1:]
    above = np.minimum(np.maximum((middle < target).sum(axis=-1, keepdims=True), 1), n - 1)
    below = np.maximum(above - 1, 0)
    left, right = np.take_along_axis(middle, below, axis=-1), np.take_along_axis(middle, above, axis=-1)
    step = np.clip((target - left) / np.where(right > left, right - left, 1.0), 0.0, 1.0)[..., 0]
    shape = (*x.shape[:-1], 1)
    low = np.take_along_axis(x, np.broadcast_to(below, shape), axis=-1)[..., 0]
    high = np.take_along_axis(x, np.broadcast_to(above, shape), axis=-1)[..., 0]
    between = np.clip(low * (1.0 - step) + high * step, low, high)
    return np.where(step == 0.0, low, np.where(step == 1.0, high, between))


def _lower_tail(x: Floats, w: Floats, share: float) -> Floats:
    """Of rows and weights that `_sorted` put in order."""
    up_to = np.cumsum(w, axis=-1)
    mass = share * up_to[..., -1:]
    inside = np.clip(mass - (up_to - w), 0.0, w)
    part = np.where(inside > 0.0, x * inside, 0.0)  # an infinite outcome outside the tail must not matter
    mean = _tree_sum(part) / _tree_sum(inside)
    return np.clip(mean, x[..., 0], x[..., -1])
