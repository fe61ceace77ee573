"""Differences between policies that met the same scenarios, with intervals from resampling those.

What two policies share of a future cancels in their difference, so its interval is that of the difference and not of
two levels. An interval spans 90 of 100 resamplings of the scenarios; it says how far the drawn futures decide, and
nothing of whether the distributions they are drawn from are right.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tiercap.optimizer.model.statistics import Floats, reduce

#: Resamplings of the scenarios behind an interval.
RESAMPLES = 200
#: The share of the resamplings that an interval leaves out on each side.
OUTSIDE = 0.05


class Spread(NamedTuple):
    """Means, or other statistics, and their 90 % intervals: three arrays of one shape."""

    mean: Floats
    low: Floats
    high: Floats

    def json(self, *place: int) -> dict[str, float]:
        """One of the means with its interval."""
        return {name: float(part[place]) for name, part in zip(self._fields, self, strict=True)}


def resamplings(weights: Floats, seed: int) -> Floats:
    """Weights of the scenarios in each resampling: float64[RESAMPLES, n], every row summing to 1.

    weights : float64[n], summing to 1. Of unequal weights as many scenarios are drawn as they are worth (Kish's
    effective number). The same arguments give the same bits.
    """
    n = max(1, round(float(weights.sum() ** 2 / (weights**2).sum())))
    drawn = np.random.Generator(np.random.PCG64(seed)).multinomial(n, weights, size=RESAMPLES)
    return np.asarray(drawn / n, dtype=np.float64)


def spread(values: Floats, weights: Floats, draws: Floats) -> Spread:
    """Mean of each row of differences (or of levels) over the scenarios, with its interval.

    values : float64[..., n]; weights : float64[n]; draws : what `resamplings` made of them
    """
    means = np.stack([(values * draw).sum(axis=-1) for draw in draws])
    return between(reduce(values, weights, "mean"), means)


def between(values: Floats, drawn: Floats) -> Spread:
    """A statistic, or a difference of two, with its interval.

    values : float64[...]; drawn : float64[RESAMPLES, ...], the same in each resampling
    """
    low, high = np.quantile(drawn, [OUTSIDE, 1.0 - OUTSIDE], axis=0)
    return Spread(values, low, high)


@dataclass(frozen=True)
class Levels:
    """Statistics of policies, and the same in every resampling.

    values : float64[n, k]; drawn : float64[RESAMPLES, n, k]
    """

    values: Floats
    drawn: Floats

    def of(self, row: int, signs: Floats | float = 1.0) -> Spread:
        """One policy's, [k], times ``signs``."""
        return between(self.values[row] * signs, self.drawn[:, row] * signs)


def difference(one: tuple[Levels, int], other: tuple[Levels, int], signs: Floats | float = 1.0) -> Spread:
    """One policy's statistics less another's, [k], both in the same resamplings, times ``signs``.

    one, other : of which levels, which row
    """
    (mine, i), (theirs, j) = one, other
    return between((mine.values[i] - theirs.values[j]) * signs, (mine.drawn[:, i] - theirs.drawn[:, j]) * signs)


def surely_better(change: Spread) -> NDArray[np.bool_]:
    """Whether a change of losses is a gain in every objective, whichever scenarios are drawn again.

    change : of losses, [..., k]. Returns bool[...].
    """
    return np.asarray((change.high < 0.0).all(axis=-1), dtype=np.bool_)
