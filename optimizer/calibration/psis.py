"""Importance weights with their largest smoothed by a fitted Pareto tail, and the number that says if they may be used.

Vehtari, Simpson, Gelman, Yao and Gabry, "Pareto smoothed importance sampling" (2015, revised 2024); the tail is fitted
by the method of Zhang and Stephens (2009). Below a tail exponent of 0.7 the weighted draws can be trusted; above it
they cannot, however many there are, and the fit has to be made again.
"""

from __future__ import annotations

import math

import numpy as np

from tiercap.optimizer.io.arrays import Floats

#: Tail exponent above which importance weights are not to be trusted.
TRUSTED = 0.7


def smoothed(logs: Floats) -> tuple[Floats, float]:
    """Weights float64[n], summing to 1, from logarithms of ratios float64[n], and the exponent of their tail.

    The exponent is infinite where there are too few draws to tell, or none with a ratio.
    """
    logs = np.where(np.isnan(logs), -np.inf, logs)
    most = float(logs.max(initial=-np.inf))
    if not math.isfinite(most):
        return np.full(len(logs), 1.0 / max(len(logs), 1)), math.inf
    ratios = np.exp(logs - most)
    count = math.ceil(min(0.2 * len(ratios), 3.0 * math.sqrt(len(ratios))))
    if count < 5:
        return ratios / ratios.sum(), math.inf
    order = np.argsort(ratios, kind="stable")
    tail, bound = order[-count:], float(ratios[order[-count - 1]])
    exceed = ratios[tail] - bound
    if exceed[-1] <= 1e-12:  # all alike: nothing to smooth
        return ratios / ratios.sum(), -math.inf
    k, sigma = pareto_fit(exceed)
    ranks = (np.arange(count) + 0.5) / count
    ratios[tail] = np.minimum(bound + _quantile(ranks, k, sigma), 1.0)
    return ratios / ratios.sum(), k


def pareto_fit(x: Floats) -> tuple[float, float]:
    """Exponent and scale of a generalised Pareto distribution fitted to ``x``, ascending and at least 0."""
    n = len(x)
    tries = 30 + int(math.sqrt(n))
    quarter = max(float(x[int(n / 4 + 0.5) - 1]), 1e-300)
    theta = 1.0 / x[-1] + (1.0 - np.sqrt(tries / (np.arange(1, tries + 1) - 0.5))) / (3.0 * quarter)
    each = np.log1p(-theta[:, None] * x).mean(axis=1)
    profile = n * (np.log(-theta / each) - each - 1.0)
    weights = np.exp(profile - profile.max())
    best = float((theta * weights / weights.sum()).sum())
    k = float(np.log1p(-best * x).mean())
    sigma = -k / best
    return (k * n + 5.0) / (n + 10.0), sigma  # a weak prior towards 0.5


def _quantile(p: Floats, k: float, sigma: float) -> Floats:
    return sigma * np.expm1(-k * np.log1p(-p)) / k if abs(k) > 1e-12 else -sigma * np.log1p(-p)
