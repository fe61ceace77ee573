"""A posterior that is known: a linear model with normal errors."""

from __future__ import annotations

import numpy as np

from tiercap.optimizer.calibration import smc
from tiercap.optimizer.calibration.smc import Floats

SIGMA = 0.4


def linear(d: int, rows: int, seed: int = 0) -> tuple[smc.Target, Floats, Floats, float]:
    """A linear model with normal errors: target, exact posterior mean and covariance of the scores, log evidence."""
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((rows, d)) / np.sqrt(d)
    observed = A @ rng.standard_normal(d) + SIGMA * rng.standard_normal(rows)

    def target(u: Floats) -> tuple[Floats, Floats]:
        predictions = smc.scores(u) @ A.T
        terms = -0.5 * ((predictions - observed) / SIGMA) ** 2 - np.log(SIGMA * np.sqrt(2.0 * np.pi))
        return predictions, terms

    covariance = np.linalg.inv(np.eye(d) + A.T @ A / SIGMA**2)
    mean = covariance @ A.T @ observed / SIGMA**2
    marginal = A @ A.T + SIGMA**2 * np.eye(rows)
    _, logdet = np.linalg.slogdet(2.0 * np.pi * marginal)
    evidence = -0.5 * (logdet + observed @ np.linalg.solve(marginal, observed))
    return target, mean, covariance, float(evidence)
