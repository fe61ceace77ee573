"""Policies that cannot be told apart, grouped.

Two policies can be told apart if in some objective the difference between them, within the same scenarios, is larger
than resampling those scenarios explains. All pairs and all objectives are asked at once, so the bar is that of the
largest of all the differences (max-T): a difference is divided by its standard error over the resamplings; of every
resampling the largest deviation of any pair in any objective is kept, in the same units; and the bar is the 95 %
quantile of those. Among policies that do not differ, the probability that any pair is told apart is then about 5 %,
however many pairs there are and however much they move together. Westfall and Young, "Resampling-Based Multiple
Testing" (1993); Romano and Wolf, "Exact and Approximate Stepdown Methods for Multiple Hypothesis Testing", J. Am. Stat.
Assoc. 100 (2005). It is the single step, which tells apart a little less than their stepdown.

"Cannot be told apart" does not carry over from pair to pair, so groups are made by complete linkage: within a group no
two can be told apart, and of two groups at least one pair can. A policy at the edge of a group may still be close to
one at the edge of another. Resampling is an approximation in large samples, and a poor one for a largest regret, which
hangs on one scenario.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tiercap.optimizer.model.bootstrap import Levels
from tiercap.optimizer.model.statistics import Floats

#: How surely nothing is told apart that does not differ.
LEVEL = 0.95
#: Differences below this share of the largest value of an objective are rounding.
ROUNDING = 1e-12
#: Most policies that are asked: time and memory grow with the square.
MOST = 1000
#: What stands for "as far apart as can be", where a difference is the same in every scenario.
CERTAIN = 1e9


class Groups(NamedTuple):
    """Which policies belong together.

    group : int64[n], numbered by their first policies; representative : int64[n_groups], the member that is nearest to
    its farthest fellow; bar : the largest difference, in standard errors, that does not tell two apart
    """

    group: NDArray[np.int64]
    representative: NDArray[np.int64]
    bar: float


def grouped(levels: Levels) -> Groups:
    """Group policies by their objectives, and those in each resampling of the scenarios.

    levels : of at least one policy and at most `MOST`, finite. The same arguments give the same groups.
    """
    n = len(levels.values)
    if n == 1:
        return Groups(np.zeros(1, np.int64), np.zeros(1, np.int64), 0.0)
    from scipy.cluster.hierarchy import fcluster, linkage

    distances, bar = told_apart(levels)
    labels = fcluster(linkage(distances, "complete"), bar, "distance")
    _, first, group = np.unique(labels, return_index=True, return_inverse=True)
    order = np.argsort(np.argsort(first))
    group = order[group.ravel()].astype(np.int64)
    square = _square(distances, n)
    members = [np.flatnonzero(group == g) for g in range(len(first))]
    middle = [rows[np.argmin(square[np.ix_(rows, rows)].max(axis=1))] for rows in members]
    return Groups(group, np.array(middle, np.int64), bar)


def told_apart(levels: Levels) -> tuple[Floats, float]:
    """How many standard errors every two policies lie apart, in the objective in which they do most, and the bar.

    Returns float64[n * (n - 1) / 2] in the order of scipy's condensed distances, at most `CERTAIN`.
    """
    parts = np.zeros(len(levels.values) * (len(levels.values) - 1) // 2)
    largest = np.zeros(len(levels.drawn))
    for values, drawn in zip(levels.values.T, np.moveaxis(levels.drawn, -1, 0), strict=True):
        _one_objective(values, np.ascontiguousarray((drawn - values).T), parts, largest)
    return parts, float(np.quantile(largest, LEVEL, method="higher"))


def _one_objective(values: Floats, deviations: Floats, steps: Floats, largest: Floats) -> None:
    """Raise ``steps`` of the pairs and the ``largest`` deviation of every resampling to what one objective has.

    values : float64[n]; deviations : float64[n, RESAMPLES], of the resamplings from them
    """
    n, first, tiny = len(values), 0, ROUNDING * float(np.abs(values).max())
    for i in range(n - 1):
        gap = np.abs(values[i] - values[i + 1 :])
        moves = deviations[i] - deviations[i + 1 :]
        error = np.sqrt(np.einsum("nr,nr->n", moves, moves) / moves.shape[1])
        sure = error <= tiny
        scale = np.where(sure, np.inf, error)  # what never moves is no chance of any resampling
        found = np.where(sure & (gap > tiny), CERTAIN, np.minimum(gap / scale, CERTAIN))
        np.maximum(steps[first : first + n - 1 - i], found, out=steps[first : first + n - 1 - i])
        moves /= scale[:, None]
        np.maximum(largest, moves.max(axis=0), out=largest)
        np.maximum(largest, -moves.min(axis=0), out=largest)
        first += n - 1 - i


def _square(distances: Floats, n: int) -> Floats:
    """Condensed distances as a symmetric table with zeros on its diagonal."""
    square = np.zeros((n, n))
    upper = np.triu_indices(n, 1)
    square[upper] = distances
    return square + square.T
