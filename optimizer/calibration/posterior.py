"""What several independent runs of the sampler say together: whether they agree, what was learned, what is at odds.

Runs differ in their seed alone. Their particles are pooled with equal weight once they are seen to agree; the
comparison is the convergence diagnosis, because nothing inside one run can show what that run has missed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tiercap.optimizer.calibration import psis, smc
from tiercap.optimizer.calibration.likelihood import Likelihood
from tiercap.optimizer.calibration.smc import Swarm
from tiercap.optimizer.io.arrays import Floats
from tiercap.optimizer.model.statistics import reduce

#: The runs agree where every coordinate's R-hat lies below this, ...
MAX_RHAT = 1.02
#: ... the pooled draws are worth at least this many independent ones, ...
MIN_EFFECTIVE = 1000.0
#: ... and the standard deviation of the log evidence over the runs lies below this.
MAX_EVIDENCE_SPREAD = 0.5
#: Bits about a parameter below which the record is said to say nothing: an interval narrowed by about three per cent.
NOTHING = 0.02
BINS = 20
#: A correlation of normal scores below this is not called a trade-off.
TRADE_OFF = 0.2
#: Family-wise level at which a row is called at odds with the rest.
LEVEL = 0.05
#: A draw meets a row if it lies within this many standard deviations.
MET = 2.0
#: Draws expected to meet both rows, were the two unrelated, from which none that does means a contradiction.
EXPECTED = 10.0


@dataclass(frozen=True, slots=True)
class Convergence:
    """Whether the runs agree.

    rhat : the largest over coordinates, of the score and of its distance from the middle, and whose it is
    effective : independent draws that the pooled ones are worth, median over coordinates
    """

    rhat: float
    worst: str
    effective: float
    evidence: float
    evidence_spread: float

    @property
    def reasons(self) -> tuple[str, ...]:
        """What speaks against it; nothing where it was enough."""
        found = []
        if not self.rhat <= MAX_RHAT:
            found.append(f"R-hat of {self.worst} is {self.rhat:.3f}, above {MAX_RHAT}")
        if not self.effective >= MIN_EFFECTIVE:
            found.append(f"{self.effective:,.0f} effective draws, fewer than {MIN_EFFECTIVE:,.0f}")
        if not self.evidence_spread <= MAX_EVIDENCE_SPREAD:
            found.append(f"log evidence spreads by {self.evidence_spread:.2f}, more than {MAX_EVIDENCE_SPREAD}")
        return tuple(found)

    @property
    def enough(self) -> bool:
        """Whether the fit may be used."""
        return not self.reasons


def convergence(runs: Sequence[Swarm], names: Sequence[str]) -> Convergence:
    """Compare runs of equal size; with one run nothing can be said and R-hat is infinite."""
    evidence = np.array([run.log_evidence for run in runs])
    middle = np.median(np.concatenate([run.z for run in runs]), axis=0)
    means = np.array([[run.z.mean(axis=0), np.abs(run.z - middle).mean(axis=0)] for run in runs])
    within = np.array([[run.z.var(axis=0), np.abs(run.z - middle).var(axis=0)] for run in runs]).mean(axis=0)
    if len(runs) < 2:
        return Convergence(math.inf, names[0], 0.0, float(evidence.mean()), math.inf)
    between = means.var(axis=0, ddof=1)
    n = len(runs[0].z)
    rhat = np.sqrt((n - 1) / n * (1.0 + between / within))  # Gelman and Rubin: the variance within is over n - 1
    place = int(np.argmax(rhat.max(axis=0)))
    worth = len(runs) * float(1.0 / np.median(between[0] / within[0]))
    # the median of a chi-square over its mean: else few runs look better than they are
    worth *= _median_over_mean(len(runs) - 1)
    return Convergence(
        float(rhat.max()), names[place], min(worth, float(sum(len(r.z) for r in runs))), float(evidence.mean()),
        float(evidence.std(ddof=1)),
    )  # fmt: skip


def _median_over_mean(freedom: int) -> float:
    return (1.0 - 2.0 / (9.0 * freedom)) ** 3  # Wilson and Hilferty


def information(z: Floats) -> Floats:
    """Bits that the draws tell about each coordinate beyond the prior, float64[d], never below 0.

    The relative entropy of a histogram of BINS equally likely bins, less the bias of its noise (Miller and Madow).
    """
    u = smc.probabilities(z)
    cells = np.minimum((u * BINS).astype(np.int64), BINS - 1)
    found = np.empty(z.shape[1])
    for k in range(z.shape[1]):
        share = np.bincount(cells[:, k], minlength=BINS) / len(z)
        held = share[share > 0.0]
        found[k] = (held * np.log(held * BINS)).sum() - (BINS - 1) / (2.0 * len(z))
    return np.maximum(found, 0.0) / math.log(2.0)


def trade_offs(z: Floats, names: Sequence[str], most: int = 12) -> list[tuple[str, str, float]]:
    """The pairs of coordinates whose scores are most correlated, strongest first; under the prior none is."""
    away = z - z.mean(axis=0)
    away = away / np.sqrt((away**2).mean(axis=0))
    together = np.einsum("ni,nj->ij", away, away) / len(z)
    i, j = np.triu_indices(len(names), 1)
    order = np.argsort(-np.abs(together[i, j]), kind="stable")
    pairs = [(names[i[k]], names[j[k]], float(together[i[k], j[k]])) for k in order[:most]]
    return [pair for pair in pairs if abs(pair[2]) >= TRADE_OFF]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A row judged by a fit that has not seen it.

    p05, p50, p95 : of the prediction; log_score : log density of the observation; tail : two-sided probability of an
    observation as far out; exponent : of the importance weights' tail; refitted : whether the fit was made anew
    """

    name: str
    p05: float
    p50: float
    p95: float
    log_score: float
    tail: float
    exponent: float
    refitted: bool = False


def left_out(
    k: int, likelihood: Likelihood, predictions: Floats, discrepancy: Floats, terms: Floats, without: Sequence[int] = ()
) -> LeftOut:
    """Judge row ``k`` by draws of a fit to all rows, reweighted as if ``k`` and ``without`` had not been seen."""
    logs = -terms[:, [k, *without]].sum(axis=1)
    weights, exponent = psis.smoothed(logs)
    return judged(k, likelihood, predictions, discrepancy, terms, weights, exponent)


def judged(
    k: int, likelihood: Likelihood, predictions: Floats, discrepancy: Floats, terms: Floats, weights: Floats,
    exponent: float, refitted: bool = False,
) -> LeftOut:  # fmt: skip
    """Judge row ``k`` by weighted draws of a fit without it."""
    below = float((weights * likelihood.tail(predictions, discrepancy)[:, k]).sum())
    p05, p50, p95 = (float(reduce(predictions[:, k], weights, q)) for q in ("p05", "p50", "p95"))
    score = float(np.log(max(float((weights * np.exp(terms[:, k])).sum()), 1e-300)))
    name = likelihood.observations[k].name
    return LeftOut(name, p05, p50, p95, score, 2.0 * min(below, 1.0 - below), exponent, refitted)


def at_odds(rows: Sequence[LeftOut]) -> list[int]:
    """Rows whose left-out tail is too thin to be chance, by Holm's procedure at LEVEL over all rows."""
    order = sorted(range(len(rows)), key=lambda k: rows[k].tail)
    found = []
    for rank, k in enumerate(order):
        if rows[k].tail > LEVEL / (len(rows) - rank):
            break
        found.append(k)
    return sorted(found)


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Two rows that the model meets one at a time and never together, over draws of the prior."""

    first: str
    second: str
    met_first: int
    met_second: int
    draws: int
    nearest: float


def contradictions(
    likelihood: Likelihood, predictions: Floats, discrepancy: float
) -> tuple[list[str], list[Contradiction]]:
    """Rows that no draw of the prior meets, and pairs of rows that none meets together though chance alone would.

    predictions : float64[n, rows] at draws of the prior; discrepancy : allowed to the model on top of the rows' errors
    """
    away = likelihood.implausibility(predictions, discrepancy)
    met = np.where(np.isnan(away), False, away <= MET)
    names = [o.name for o in likelihood.observations]
    unmet = [names[k] for k in range(len(names)) if not met[:, k].any()]
    counts, together = met.sum(axis=0), met.T.astype(np.int64) @ met.astype(np.int64)
    found = []
    for i in range(len(names)):
        for j in range(i + 1, len(names)):
            if together[i, j] == 0 and counts[i] * counts[j] >= EXPECTED * len(met):
                nearest = float(np.nanmin(np.maximum(away[:, i], away[:, j])))
                found.append(Contradiction(names[i], names[j], int(counts[i]), int(counts[j]), len(met), nearest))
    return unmet, found
