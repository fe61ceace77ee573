"""Outcomes over the scenario axis to one number a policy: mean, quantiles, tails, regret.

Every row is reduced in one fixed order by element-wise operations, so its bits depend on the row, the
weights and nothing else: not on how many rows stand beside it, nor on memory layout. A NaN outcome makes the
statistic NaN; nothing is ever dropped for being NaN.

With scenarios sorted by value, total weight W and cumulative weight C_k:

- mean: the weighted mean. std: the square root of the weighted mean squared distance from it (divided by W).
- pNN: the inverse of the weighted empirical distribution, linear between the mid-points (C_k - w_k / 2) / W
  and flat outside them. With equal weights that is the quantile NumPy calls "hazen".
- cvarNN: the mean of the lowest NN per cent of probability; cvar_upperNN: of the highest. A scenario on the
  edge counts with the share of its weight that lies inside.
- A scenario of weight 0 has no influence, unless its outcome is NaN.
"""

from __future__ import annotations

import re
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tiercap.optimizer.errors import InputError, did_you_mean

Floats = NDArray[np.float64]
Direction = Literal["maximise", "minimise"]

#: Statistics that take no percentage.
PLAIN = ("mean", "min", "max", "std")
_PERCENT = re.compile(r"(p|cvar_upper|cvar)(0[1-9]|[1-9][0-9])", re.ASCII)


def check_statistic(statistic: str) -> None:
    """Refuse a name that :func:`reduce` does not know."""
    if statistic in PLAIN or _PERCENT.fullmatch(statistic):
        return
    hint = did_you_mean(statistic, [*PLAIN, "p05", "p50", "p95", "cvar10", "cvar_upper10"])
    raise InputError(
        f"unknown statistic `{statistic[:40]}`: {', '.join(PLAIN)}, or p, cvar or cvar_upper with two digits "
        f"from 01 to 99; {hint}"
    )


def reduce(values: ArrayLike, weights: ArrayLike, statistic: str) -> Floats:
    """One statistic of each row of outcomes, in the unit of the outcomes.

    values : float64[..., n_scenarios]; weights : float64[n_scenarios], at least 0, not all 0, of any sum;
    statistic : "mean", "min", "max", "std", "pNN", "cvarNN" or "cvar_upperNN", NN from 01 to 99.
    Returns float64[...]. Raises InputError for an unknown statistic, shapes that do not fit or bad weights.
    """
    check_statistic(statistic)
    x = np.asarray(values, dtype=np.float64) + 0.0  # a copy, and -0.0 becomes 0.0: one zero, one result
    w = _checked_weights(weights, x.shape)
    unknown = np.isnan(x).any(axis=-1)
    x, w = np.ascontiguousarray(x[..., w > 0.0]), w[w > 0.0]
    with np.errstate(all="ignore"):  # NaN and infinity are answers here, not accidents
        result = _statistic(x, w, statistic)
    return np.where(unknown | np.isnan(result), np.nan, result)


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


def _statistic(x: Floats, w: Floats, statistic: str) -> Floats:
    """``x`` float64[..., n] without NaN rows that matter; ``w`` float64[n], all above 0."""
    if statistic == "mean":
        return _mean(x, w)
    if statistic == "min":
        return np.asarray(x.min(axis=-1))
    if statistic == "max":
        return np.asarray(x.max(axis=-1))
    if statistic == "std":
        return np.asarray(np.sqrt(_mean((x - _mean(x, w)[..., None]) ** 2, w)))
    match = _PERCENT.fullmatch(statistic)
    assert match is not None  # check_statistic has seen to it
    share = int(match[2]) / 100.0
    if match[1] == "p":
        return _quantile(x, w, share)
    return _lower_tail(x, w, share) if match[1] == "cvar" else -_lower_tail(-x, w, share) + 0.0


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
    x, w = _sorted(x, w)
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
    x, w = _sorted(x, w)
    up_to = np.cumsum(w, axis=-1)
    mass = share * up_to[..., -1:]
    inside = np.clip(mass - (up_to - w), 0.0, w)
    part = np.where(inside > 0.0, x * inside, 0.0)  # an infinite outcome outside the tail must not matter
    mean = _tree_sum(part) / _tree_sum(inside)
    return np.clip(mean, x[..., 0], x[..., -1])
