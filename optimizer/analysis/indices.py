"""Shares of variance: what an outcome's owes to a parameter, alone and with its interactions.

The first-order index of X is Var(E[Y | X]) / Var(Y): what would vanish of Y's variance, on average, if X alone were
known (Saltelli and others 2008). The total index is E[Var(Y | all but X)] / Var(Y): what would be left if everything
but X were known. Both need inputs that are drawn independently.

Design and estimators of `Indices` are those of A. Saltelli and others, "Variance based sensitivity analysis of model
output. Design and estimator for the total sensitivity index", Computer Physics Communications 181 (2010), table 2 (b)
and (f): two independent samples A and B of n points, and for every input the sample A with that input's column taken
from B. Each input needs its own n evaluations and nothing of the other inputs', so the indices are made input by input
and memory does not grow with their number. Intervals come from drawing points again. A resampling is a row of counts,
so all of them are one sparse product for all outcomes: libraries that draw row by row take minutes for what takes
seconds here.

`first_order` takes draws that exist already. It cuts X into bins of equal weight and compares the bins' means; the
noise of the means, which alone would explain (bins - 1) / n of the variance, is taken off, as in the analysis of
variance (Plischke, Borgonovo and Smith 2013 discuss the bias). Where parameters are correlated, as in a posterior, each
index includes what the others explain through it, and indices may add up to more than 1.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tiercap.optimizer.errors import InputError
from tiercap.optimizer.io.arrays import Floats

#: Resamplings of the points behind an interval, which leaves this share of them out on each side.
RESAMPLES, OUTSIDE = 200, 0.05
#: Fewest and most points of one sample; a power of two keeps them balanced.
FEWEST, MOST = 64, 2**17
#: Bins a parameter is cut into where draws exist already; fewer where there are few draws.
BINS = 24
#: Draws that a bin has at least.
FEWEST_A_BIN = 16


class Share(NamedTuple):
    """An index of every outcome with its 90 % interval: three arrays float64[outcomes]."""

    value: Floats
    low: Floats
    high: Floats


def check_points(n: int) -> None:
    """Refuse a number of points that cannot be balanced, or is too small to tell shares from noise."""
    if not FEWEST <= n <= MOST or n & (n - 1):
        raise InputError(f"the number of points must be a power of two from {FEWEST} to {MOST:,}, not {n:,}")


class Indices:
    """Sobol indices of several outcomes, one input after the other."""

    def __init__(self, f_a: Floats, f_b: Floats, seed: int, resamples: int = RESAMPLES) -> None:
        """
        f_a, f_b : float64[outcomes, n], the outcomes in samples A and B
        resamples : how often points are drawn again for the intervals
        """
        from scipy.sparse import csr_array, vstack

        n = f_a.shape[1]
        self.n = n
        self.centre = 0.5 * (f_a.mean(axis=1) + f_b.mean(axis=1))
        self.constant = (f_a.min(axis=1) == f_a.max(axis=1)) & (f_b == f_a[:, :1]).all(axis=1)
        rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, 5])))
        rows = [np.ones(n), *(np.bincount(rng.integers(0, n, n), minlength=n) for _ in range(resamples))]
        # A sparse product sums in one order; a dense one would sum in another for another number of threads.
        self.counts = vstack([csr_array(row[None].astype(np.float64)) for row in rows], format="csr")
        self.f_a, self.f_b = f_a - self.centre[:, None], f_b - self.centre[:, None]
        mean = self._means(0.5 * (self.f_a + self.f_b))
        variance = self._means(0.5 * (self.f_a**2 + self.f_b**2)) - mean**2
        self.variance = np.where(self.constant | ~(variance > 0.0), np.inf, variance)

    def of(self, f_ab: Floats) -> tuple[Share, Share]:
        """First-order and total index of one input.

        f_ab : float64[outcomes, n], the outcomes in sample A with this input's column from B
        """
        f_ab = f_ab - self.centre[:, None]
        first = self._means(self.f_b * (f_ab - self.f_a)) / self.variance
        total = 0.5 * self._means((self.f_a - f_ab) ** 2) / self.variance
        return _share(first), _share(total)

    def _means(self, terms: Floats) -> Floats:
        """Means over the points and over every resampling of them: float64[1 + resamples, outcomes]."""
        return np.asarray(self.counts @ np.ascontiguousarray(terms.T)) / self.n


def _share(estimates: Floats) -> Share:
    """The estimate in row 0 with the interval of the others; where there are none, as wide as nothing is known."""
    if len(estimates) == 1:
        nothing = np.full(estimates.shape[1], np.nan)
        return Share(estimates[0], nothing, nothing)
    low, high = np.quantile(estimates[1:], [OUTSIDE, 1.0 - OUTSIDE], axis=0)
    return Share(estimates[0], low, high)


def first_order(x: Floats, y: Floats, total: float | None = None) -> float:
    """The first-order index of ``x`` for ``y``, both float64[n], never below 0.

    total : the variance it is a share of, that of ``y`` if None; larger where ``y`` is itself a mean over other draws
    """
    n = len(x)
    bins = min(BINS, n // FEWEST_A_BIN)
    whole = float(y.var()) if total is None else total
    if bins < 2 or not whole > 0.0 or x.min() == x.max():
        return 0.0
    order = np.argsort(x, kind="stable")
    place = np.empty(n, dtype=np.int64)
    place[order] = np.arange(n) * bins // n
    place = _level(x, place)
    return _between(place, y, whole)


def of_labels(labels: NDArray[np.str_], y: Floats, total: float | None = None) -> float:
    """The same for a label instead of a number."""
    _, place = np.unique(labels, return_inverse=True)
    whole = float(y.var()) if total is None else total
    return _between(place.ravel(), y, whole) if whole > 0.0 else 0.0


def _level(x: Floats, place: NDArray[np.int64]) -> NDArray[np.int64]:
    """Equal values in one bin: the first that any of them falls into."""
    _, first, kind = np.unique(x, return_index=True, return_inverse=True)
    lowest = np.full(len(first), np.iinfo(np.int64).max)
    np.minimum.at(lowest, kind.ravel(), place)
    return lowest[kind.ravel()]


def _between(place: NDArray[np.int64], y: Floats, whole: float) -> float:
    """Variance between bins less its noise, over the whole variance."""
    n = len(y)
    _, place = np.unique(place, return_inverse=True)
    counts = np.bincount(place.ravel())
    bins = len(counts)
    if bins < 2 or n <= bins:
        return 0.0
    means = np.bincount(place.ravel(), weights=y) / counts
    between = float((counts * (means - y.mean()) ** 2).sum()) / n
    within = float(((y - means[place.ravel()]) ** 2).sum()) / (n - bins)
    return max(0.0, between - within * (bins - 1) / n) / whole
