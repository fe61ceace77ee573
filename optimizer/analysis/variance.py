"""How much of an outcome's variance a parameter explains by itself, from draws that exist already.

The first-order index of a parameter X is Var(E[Y | X]) / Var(Y): what would vanish of Y's variance, on average, if X
were known (Saltelli and others 2008). From given draws it is estimated by cutting X into bins of equal weight and
comparing the bins' means; the noise of the means, which alone would explain (bins - 1) / n of the variance, is taken
off, as in the analysis of variance (Plischke, Borgonovo and Smith 2013 discuss the bias). Where parameters are
correlated, as in a posterior, each index includes what the others explain through it, and indices may add up to more
than 1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
#: Bins a parameter is cut into; fewer where there are few draws.
BINS = 24
#: Draws that a bin has at least.
FEWEST = 16


def first_order(x: Floats, y: Floats, total: float | None = None) -> float:
    """The first-order index of ``x`` for ``y``, both float64[n], never below 0.

    total : the variance it is a share of, that of ``y`` if None; larger where ``y`` is itself a mean over other draws
    """
    n = len(x)
    bins = min(BINS, n // FEWEST)
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
