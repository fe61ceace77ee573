"""One structure fitted to some rows: independent runs of the sampler, pooled, compared and judged row by row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from tiercap.kernels.params import PARAMS
from tiercap.optimizer.calibration import posterior, psis, smc
from tiercap.optimizer.calibration.likelihood import Likelihood, discrepancies
from tiercap.optimizer.calibration.posterior import Contradiction, Convergence, LeftOut
from tiercap.optimizer.calibration.smc import Swarm
from tiercap.optimizer.io.arrays import Floats
from tiercap.optimizer.model import sobol
from tiercap.optimizer.model.parameters import ParameterInfo, put

#: Called with what is being done, evaluations just made, and the share of it that is done.
Progress = Callable[[str, int, float], None]

DISCREPANCY = "discrepancy"
#: Points at which every parameter is moved to see whether the record depends on it.
PROBES = 32
#: Evaluations of one call of the model: some hundredths of a second, so that an interrupt is answered soon.
CALL = 512


class Model(Protocol):
    """What is fitted: parameters to predictions of every row."""

    @property
    def parameters(self) -> tuple[ParameterInfo, ...]: ...

    def predict(self, table: np.ndarray) -> Floats:
        """float64[n, rows] for PARAMS[n]."""
        ...


@dataclass(frozen=True, slots=True)
class Effort:
    """How hard to fit: independent runs, and particles in each."""

    runs: int = 4
    particles: int = 2048


@dataclass(frozen=True)
class Fit:
    """A fitted structure.

    names : the coordinates of ``z``, parameters first, the discrepancies last
    z, predictions, terms : of the pooled draws, float64[n, ...]; discrepancy : float64[n, kinds]
    rows : each row judged by a fit that has not seen it; unmet, pairs : what no draw of the prior meets
    """

    names: tuple[str, ...]
    infos: tuple[ParameterInfo, ...]
    runs: tuple[Swarm, ...]
    likelihood: Likelihood
    convergence: Convergence
    rows: tuple[LeftOut, ...]
    unmet: tuple[str, ...]
    pairs: tuple[Contradiction, ...]
    evaluations: int

    @property
    def z(self) -> Floats:
        return np.concatenate([run.z for run in self.runs])

    @property
    def predictions(self) -> Floats:
        return np.concatenate([run.predictions for run in self.runs])

    @property
    def terms(self) -> Floats:
        return np.concatenate([run.terms for run in self.runs])

    @property
    def discrepancy(self) -> Floats:
        return self.discrepancies(self.z)

    def discrepancies(self, z: Floats) -> Floats:
        """The discrepancies, float64[n, kinds], at scores float64[n, d]."""
        return _discrepancy(z, len(self.infos))

    @property
    def at_odds(self) -> list[LeftOut]:
        """Rows that the fit to the others would not have foreseen."""
        return [self.rows[k] for k in posterior.at_odds(self.rows)]

    def values(self, z: Floats) -> dict[str, Floats]:
        """Parameters, in their units, at scores float64[n, d]."""
        u = smc.probabilities(z)
        return {info.name: _value(info, u[:, k]) for k, info in enumerate(self.infos)}


class Fitter:
    """Fits one structure of ``model`` to the observations, which are the first columns of its predictions."""

    def __init__(
        self,
        model: Model,
        likelihood: Likelihood,
        seed: int,
        effort: Effort,
        progress: Progress | None = None,
        threads: int = 1,
    ) -> None:
        """
        threads : calls of the model at a time; they change no bit, because it predicts each point by itself
        """
        self.model, self.likelihood, self.seed, self.effort, self.threads = model, likelihood, seed, effort, threads
        self.progress = progress or (lambda what, done, share: None)
        self.evaluations = 0
        self.infos = self._active()
        kinds = (f"{DISCREPANCY} ({kind})" for kind in likelihood.kinds)
        self.names = (*(info.name for info in self.infos), *kinds)

    def fit(self) -> Fit:
        """Sample, compare the runs, judge every row without itself; where reweighting fails, fit again."""
        runs = tuple(self._run(k, f"run {k + 1} of {self.effort.runs}") for k in range(self.effort.runs))
        z, predictions, terms = (
            np.concatenate([getattr(run, part) for run in runs]) for part in ("z", "predictions", "terms")
        )
        discrepancy = _discrepancy(z, len(self.infos))
        rows = [
            posterior.left_out(k, self.likelihood, predictions, discrepancy, terms)
            for k in range(len(self.likelihood.observations))
        ]
        rows = [row if row.exponent <= psis.TRUSTED else self._refitted(k) for k, row in enumerate(rows)]
        start = np.concatenate([run.first[1] for run in runs])
        unmet, pairs = posterior.contradictions(self.likelihood, start, float(discrepancies(np.array([0.5]))[0]))
        return Fit(
            self.names, self.infos, runs, self.likelihood, posterior.convergence(runs, self.names), tuple(rows),
            tuple(unmet), tuple(pairs), self.evaluations,
        )  # fmt: skip

    def _run(self, number: int, what: str, without: int | None = None) -> Swarm:
        seed = int(np.random.SeedSequence([self.seed, number]).generate_state(1, np.uint64)[0] >> 1)

        def tick(done: int, temperature: float) -> None:
            self.progress(what, done, temperature)

        swarm = smc.sample(self._target(without), len(self.names), self.effort.particles, seed, tick)
        self.evaluations += swarm.evaluations
        return swarm

    def _target(self, without: int | None) -> smc.Target:
        def target(u: Floats) -> tuple[Floats, Floats]:
            predictions = self._predict(u)
            terms = self.likelihood.terms(predictions, discrepancies(u[:, len(self.infos) :]))
            if without is not None:
                terms[:, without] = 0.0
            return predictions, terms

        return target

    def _refitted(self, k: int) -> LeftOut:
        """Row ``k`` judged by a run that has not seen it."""
        name = self.likelihood.observations[k].name
        swarm = self._run(1000 + k, f"again without {name}", without=k)
        discrepancy = _discrepancy(swarm.z, len(self.infos))
        terms = self.likelihood.terms(swarm.predictions, discrepancy)
        weights = np.full(len(swarm.z), 1.0 / len(swarm.z))
        return posterior.judged(
            k, self.likelihood, swarm.predictions, discrepancy, terms, weights, float("nan"), refitted=True
        )

    def _active(self) -> tuple[ParameterInfo, ...]:
        """Uncertain parameters that move a prediction somewhere: the others keep their prior exactly, unsampled."""
        free = [info for info in self.model.parameters if info.distribution is not None]
        base = self._table(free, np.full((1, len(free)), 0.5), PROBES)
        points = [sobol.column(PROBES, k, self.seed) for k in range(len(free))]
        for info, u in zip(free, points, strict=True):
            put(base, info.name, _value(info, u))
        moved = np.tile(base, len(free) + 1)
        for k, (info, u) in enumerate(zip(free, points, strict=True)):
            part = slice((k + 1) * PROBES, (k + 2) * PROBES)
            put(moved[part], info.name, _value(info, np.where(u < 0.5, 0.5 + 0.5 * u, 0.5 * u)))
        found = self._called(moved).reshape(len(free) + 1, PROBES, -1)
        self.evaluations += len(moved)
        differs = (found[1:] != found[0]) & ~(np.isnan(found[1:]) & np.isnan(found[0]))
        return tuple(info for info, yes in zip(free, differs.any(axis=(1, 2)), strict=True) if yes)

    def _predict(self, u: Floats) -> Floats:
        return self._called(self._table(self.infos, u, len(u)))

    def _called(self, table: np.ndarray) -> Floats:
        parts = [table[first : first + CALL] for first in range(0, len(table), CALL)]
        found = [self.model.predict(parts[0])]  # the first alone: it compiles, or loads, what the others use
        if self.threads == 1:
            found += [self.model.predict(part) for part in parts[1:]]
        else:
            with ThreadPoolExecutor(self.threads) as pool:
                futures = [pool.submit(self.model.predict, part) for part in parts[1:]]
                try:
                    wait(futures)
                except BaseException:
                    pool.shutdown(wait=True, cancel_futures=True)
                    raise
                found += [future.result() for future in futures]
        return np.concatenate(found)[:, : len(self.likelihood.observations)]

    def _table(self, infos: Sequence[ParameterInfo], u: Floats, n: int) -> np.ndarray:
        """PARAMS[n]: the parameters ``infos`` at probabilities ``u``, the others at their central values."""
        table = np.empty(n, dtype=PARAMS)
        for info in self.model.parameters:
            put(table, info.name, info.value)
        for k, info in enumerate(infos):
            put(table, info.name, _value(info, u[:, k]))
        return table


def _discrepancy(z: Floats, parameters: int) -> Floats:
    return discrepancies(smc.probabilities(z[:, parameters:]))


def _value(info: ParameterInfo, u: Floats) -> Floats:
    assert info.distribution is not None
    return info.distribution.quantile(u)
