"""A tempered Sequential Monte Carlo sampler over the unit hypercube of prior probabilities.

A swarm of particles goes from the prior to the posterior over tempered targets, prior x likelihood**temperature. Each
temperature is the largest that keeps the effective number of particles at a fixed share; the swarm is then resampled
and moved by Metropolis steps that leave the tempered target as it is.

Everything happens in normal scores z (the standard normal quantile of a probability), where the prior is a standard
normal in any number of dimensions. A move is a preconditioned Crank-Nicolson step about the swarm's own mean and
covariance: were the target normal, every step would be accepted however long, so what the data say nothing about costs
nothing (Cotter, Roberts, Stuart and White 2013; Rudolf and Sprungk 2018). The step length follows the acceptance, the
number of steps the correlation of every coordinate with where it started.

Bits depend on the seed and the target alone: no step calls a threaded linear algebra library.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tiercap.optimizer.io.arrays import Floats
from tiercap.optimizer.model import sobol

#: Prior probabilities float64[n, d] to predictions float64[n, rows] and log likelihoods float64[n, rows].
Target = Callable[[Floats], tuple[Floats, Floats]]

#: Share of the particles that the effective number keeps from one temperature to the next.
KEEP = 0.6
#: Acceptance that the step length aims at.
ACCEPTANCE = 0.3
#: Correlation with the start of a temperature at which its moves end; the last temperature's is stricter.
MIXED, MIXED_LAST = 0.6, 0.3
#: Moves at one temperature: at least, at most, and at most at the last.
LEAST, MOST, MOST_LAST = 4, 40, 120
#: Temperatures after which a run gives up.
MAX_STAGES = 200
#: Probabilities stay this far from 0 and 1: nine standard deviations.
EDGE = 1e-16


@dataclass(frozen=True, slots=True)
class Stage:
    """One temperature: where it lies, the effective number before resampling, moves, acceptance, what they mixed."""

    temperature: float
    effective: float
    moves: int
    acceptance: float
    correlation: float


@dataclass(frozen=True, slots=True)
class Swarm:
    """What one run leaves: equally weighted draws of the posterior.

    z : float64[n, d] normal scores; predictions, terms : float64[n, rows], terms in natural logarithms;
    log_evidence : logarithm of the prior mean of the likelihood; first : the start's (z, predictions)
    """

    z: Floats
    predictions: Floats
    terms: Floats
    log_evidence: float
    evaluations: int
    stages: tuple[Stage, ...]
    first: tuple[Floats, Floats]


def sample(
    target: Target, dimensions: int, particles: int, seed: int, tick: Callable[[int, float], None] | None = None
) -> Swarm:
    """Draw ``particles`` from the posterior.

    tick : called with the evaluations just made and the temperature reached
    A particle whose predictions are not numbers has likelihood 0. The same arguments give the same bits.
    """
    return _Run(target, dimensions, particles, seed, tick or (lambda done, temperature: None)).sample()


def scores(u: Floats) -> Floats:
    """Normal scores of probabilities."""
    from scipy.special import ndtri  # lazily: only fitting needs it

    return np.asarray(ndtri(np.clip(u, EDGE, 1.0 - EDGE)))


def probabilities(z: Floats) -> Floats:
    """Probabilities of normal scores, strictly between 0 and 1."""
    from scipy.special import ndtr

    return np.clip(np.asarray(ndtr(z)), EDGE, 1.0 - EDGE)


class _Run:
    def __init__(
        self, target: Target, dimensions: int, particles: int, seed: int, tick: Callable[[int, float], None]
    ) -> None:
        self.target, self.n, self.tick = target, particles, tick
        self.rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, 2])))
        self.evaluations, self.temperature, self.step = 0, 0.0, 0.7
        self.z = scores(np.stack([sobol.column(particles, k, seed) for k in range(dimensions)], axis=1))
        self.predictions, self.terms = self._evaluate(self.z)
        self.loglik = _total(self.terms)

    def sample(self) -> Swarm:
        first = (self.z, self.predictions)
        stages: list[Stage] = []
        evidence = 0.0
        while self.temperature < 1.0 and len(stages) < MAX_STAGES:
            after = _next_temperature(self.loglik, self.temperature)
            logs = (after - self.temperature) * self.loglik
            weights, mean = _normalised(logs)
            evidence += mean
            self.temperature = after
            proposal = _Proposal(self.z, weights)
            self._take(_systematic(weights, self.rng))
            effective = 1.0 / float((weights**2).sum())
            stages.append(Stage(after, effective, *self._move(proposal, last=after >= 1.0)))
        return Swarm(
            self.z, self.predictions, self.terms, evidence, self.evaluations, tuple(stages), first
        )

    def _evaluate(self, z: Floats) -> tuple[Floats, Floats]:
        predictions, terms = self.target(probabilities(z))
        self.evaluations += len(z)
        self.tick(len(z), self.temperature)
        return predictions, terms

    def _take(self, rows: NDArray[np.int64]) -> None:
        self.z, self.predictions = self.z[rows], self.predictions[rows]
        self.terms, self.loglik = self.terms[rows], self.loglik[rows]

    def _move(self, proposal: _Proposal, last: bool) -> tuple[int, float, float]:
        """Metropolis steps until no coordinate remembers its start: their number, acceptance, correlation left."""
        start, y = self.z, proposal.whiten(self.z)
        most, bar = (MOST_LAST, MIXED_LAST) if last else (MOST, MIXED)
        accepted, moves, left = 0.0, 0, 1.0
        while moves < most and (moves < LEAST or left > bar):
            y, share = self._metropolis(proposal, y)
            accepted, moves = accepted + share, moves + 1
            left = _correlation(start, self.z)
            self.step = min(max(self.step * float(np.exp(0.5 * (share - ACCEPTANCE))), 0.02), 0.98)
        return moves, accepted / moves, left

    def _metropolis(self, proposal: _Proposal, y: Floats) -> tuple[Floats, float]:
        noise = self.rng.standard_normal(y.shape)
        chance = np.log1p(-self.rng.random(len(y)))
        new_y = np.sqrt(1.0 - self.step**2) * y + self.step * noise
        new_z = proposal.place(new_y)
        predictions, terms = self._evaluate(new_z)
        loglik = _total(terms)
        with np.errstate(invalid="ignore"):
            gain = self.temperature * (loglik - self.loglik) + _excess(new_z, new_y) - _excess(self.z, y)
        yes = chance < np.where(np.isfinite(loglik), gain, -np.inf)
        keep = yes[:, None]
        self.z, self.loglik = np.where(keep, new_z, self.z), np.where(yes, loglik, self.loglik)
        self.predictions = np.where(keep, predictions, self.predictions)
        self.terms = np.where(keep, terms, self.terms)
        return np.where(keep, new_y, y), float(yes.mean())


class _Proposal:
    """The normal distribution that moves are made about: the prior's, but for the directions the data have narrowed.

    Those are the eigenvectors of the swarm's covariance whose eigenvalues leave the band in which the sampling noise of
    an untouched direction lies (Marchenko and Pastur 1967); every other direction keeps the prior's variance of 1.
    """

    def __init__(self, z: Floats, weights: Floats) -> None:
        self.mean = (z * weights[:, None]).sum(axis=0)
        away = z - self.mean
        values, vectors = eigen(np.einsum("ni,nj->ij", away * weights[:, None], away))
        noise = np.sqrt(z.shape[1] / effective(weights))
        told = (values < (1.0 - min(noise, 0.9)) ** 2) | (values > (1.0 + noise) ** 2)
        self.axes = np.ascontiguousarray(vectors[:, told])
        self.widths = np.sqrt(np.maximum(values[told], 1e-12))

    def whiten(self, z: Floats) -> Floats:
        """Coordinates in which the proposal is standard normal: float64[n, d]."""
        return self._stretched(z - self.mean, 1.0 / self.widths)

    def place(self, y: Floats) -> Floats:
        """The inverse of `whiten`."""
        return self.mean + self._stretched(y, self.widths)

    def _stretched(self, x: Floats, factors: Floats) -> Floats:
        along = np.einsum("nj,jk->nk", x, self.axes) * (factors - 1.0)
        return x + np.einsum("nk,jk->nj", along, self.axes)


def eigen(matrix: Floats, sweeps: int = 30) -> tuple[Floats, Floats]:
    """Eigenvalues and eigenvectors (in columns) of a symmetric matrix, by Jacobi's rotations.

    In rounds of disjoint pairs. Slower than LAPACK, and the same bits on any number of threads.
    """
    a, v = matrix.copy(), np.eye(len(matrix))
    rounds = _rounds(len(matrix))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        for _ in range(sweeps):
            for p, q in rounds:
                _rotate(a, v, p, q)
            if np.abs(a - np.diag(np.diag(a))).max() <= 1e-10 * np.abs(np.diag(a)).max():
                break
    return np.diag(a).copy(), v


def _rounds(d: int) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Every pair of d players once, in rounds in which nobody plays twice."""
    players, rounds = list(range(d + d % 2)), []
    for _ in range(len(players) - 1):
        half = len(players) // 2
        pairs = [sorted(pair) for pair in zip(players[:half], players[half:][::-1], strict=True)]
        p, q = np.array([pair for pair in pairs if pair[1] < d], dtype=np.int64).reshape(-1, 2).T
        rounds.append((p, q))
        players.insert(1, players.pop())
    return rounds


def _rotate(a: Floats, v: Floats, p: NDArray[np.int64], q: NDArray[np.int64]) -> None:
    """Bring the elements (p, q) of ``a`` to zero, all pairs at once, and turn ``v`` with them."""
    off = a[p, q]
    theta = (a[q, q] - a[p, p]) / (2.0 * off)
    t = np.copysign(1.0, theta) / (np.abs(theta) + np.sqrt(1.0 + theta * theta))
    t = np.where(off == 0.0, 0.0, t)
    c = 1.0 / np.sqrt(1.0 + t * t)
    s = t * c
    for array in (a, v):
        left, right = array[:, p], array[:, q]
        array[:, p], array[:, q] = c * left - s * right, s * left + c * right
    left, right = a[p], a[q]
    a[p], a[q] = c[:, None] * left - s[:, None] * right, s[:, None] * left + c[:, None] * right


def _total(terms: Floats) -> Floats:
    total = terms.sum(axis=1)
    return np.where(np.isnan(total), -np.inf, total)


def _excess(z: Floats, y: Floats) -> Floats:
    """Log density of the prior at z over that of the proposal at y, up to a constant."""
    return 0.5 * ((y**2).sum(axis=1) - (z**2).sum(axis=1))


def _normalised(logs: Floats) -> tuple[Floats, float]:
    """Weights that sum to 1, and the logarithm of the mean of exp(logs)."""
    most = float(logs.max())
    if not np.isfinite(most):
        return np.full(len(logs), 1.0 / len(logs)), -np.inf
    raw = np.exp(logs - most)
    return raw / raw.sum(), most + float(np.log(raw.mean()))


def effective(weights: Floats) -> float:
    """Kish's effective number of weights of any sum."""
    return float(weights.sum() ** 2 / (weights**2).sum())


def _next_temperature(loglik: Floats, now: float) -> float:
    """The largest temperature up to 1 at which the effective number is KEEP of the particles."""

    def kept(temperature: float) -> float:
        return effective(_normalised((temperature - now) * loglik)[0]) / len(loglik)

    finite = np.where(np.isfinite(loglik), loglik, -np.inf)
    if not np.isfinite(finite).any() or kept(1.0) >= KEEP:
        return 1.0
    low, high = now, 1.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if kept(middle) >= KEEP else (low, middle)
    return high


def _systematic(weights: Floats, rng: np.random.Generator) -> NDArray[np.int64]:
    """Indices drawn in proportion to weights, with the least noise: int64[n]."""
    n = len(weights)
    marks = (np.arange(n) + rng.random()) / n
    return np.minimum(np.searchsorted(np.cumsum(weights), marks, side="right"), n - 1).astype(np.int64)


def _correlation(before: Floats, after: Floats) -> float:
    """Largest correlation over the coordinates between where the particles were and where they are."""
    a, b = before - before.mean(axis=0), after - after.mean(axis=0)
    spread = np.sqrt((a**2).sum(axis=0) * (b**2).sum(axis=0))
    together = (a * b).sum(axis=0)
    return float(np.max(np.where(spread > 0.0, together / np.where(spread > 0.0, spread, 1.0), 1.0)))
