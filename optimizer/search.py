"""The search: screening at kernel speed, then Optuna's generations from what the screen found.

Three stages, each a list of blocks of policies. *screen*: scrambled Sobol points of the levers, each in a few
scenarios. *promote*: the best of them, in all scenarios. *generation*: NSGA-II (Optuna) asked for a population at a
time, each evaluated in one call, in all scenarios; its first population is the best of the promoted.

The run folder's blocks are the truth and the study is advice: a run starts from the beginning every time, and a block
that was committed answers instead of the kernels. What an interruption left is so taken up again, bit for bit.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tiercap.optimizer import front, optuna_study
from tiercap.optimizer.errors import InfeasibleError, InputError
from tiercap.optimizer.evaluate import Evaluator
from tiercap.optimizer.lever_space import coordinates as coordinates
from tiercap.optimizer.lever_space import unit_points as unit_points
from tiercap.optimizer.problem import Problem, column_name

if TYPE_CHECKING:
    import optuna

    from tiercap.optimizer.results import RunFolder

Floats = NDArray[np.float64]

#: Policies of one block of the screen.
SCREEN_BLOCK = 2048
#: Populations promoted from the screen to all scenarios.
PROMOTED = 4
#: The reference point of the hypervolume, in objectives scaled by the promoted front's ideal (0) and nadir (1).
REFERENCE = 1.1
#: Evaluations after which a block is committed: an interruption loses less than a block.
BLOCK = 2**17


@dataclass
class Archive:
    """Policies that met all scenarios: coordinates, reported statistics, and where each came from."""

    coords: Floats
    values: Floats
    stage: NDArray[np.int64]  # 0 promoted, g for generation g

    def add(self, coords: Floats, values: Floats, stage: int) -> None:
        self.coords = np.concatenate([self.coords, coords])
        self.values = np.concatenate([self.values, values])
        self.stage = np.concatenate([self.stage, np.full(len(coords), stage)])


@dataclass
class Outcome:
    """What a search found. Front rows are indices into the archive, best first in the first objective."""

    archive: Archive
    front: NDArray[np.int64]
    ideal: Floats
    nadir: Floats
    convergence: list[dict[str, float]]
    evaluations: int
    evaluations_reused: int
    seconds: dict[str, float]


@dataclass
class Search:
    """One run of the search over ``problem``, its blocks kept in ``folder``.

    progress : called as progress(evaluations_done, hypervolume or None)
    study : Optuna's, once its first generation is told
    phases : seconds of each phase as a whole, by the clock
    """

    problem: Problem
    folder: RunFolder
    progress: Callable[[int, float | None], None] = lambda done, value: None
    done: int = 0
    reused: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    phases: dict[str, float] = field(default_factory=dict)
    convergence: list[dict[str, float]] = field(default_factory=list)
    study: optuna.Study | None = None

    def planned(self) -> int:
        """Evaluations (a policy in a scenario) of the whole run."""
        budget = self.problem.study.search
        n, few = len(self.problem.scenarios), len(self.problem.screener.scenarios)
        promoted = min(PROMOTED * budget.population, budget.screen)
        return budget.screen * few + (promoted + self._generations() * budget.population) * n

    def run(self) -> Outcome:
        """Screen, promote, refine. Raises InfeasibleError if no policy satisfies the constraints."""
        with self._timed("loading kernels"):
            self.problem.screener.outcomes(self.problem.base.reshape(-1, 1))  # compiles them, or reads the cache
        began = time.perf_counter()
        coords, values = self._screen()
        self.phases["screening"] = time.perf_counter() - began
        archive = self._promote(coords, values)
        ideal, nadir = self._scale(archive)
        self._note(archive, ideal, nadir, 0)
        self._refine(archive, ideal, nadir)
        rows = self._front(archive)
        if len(rows) == 0:
            raise InfeasibleError(self._nearest_miss(archive), archive)
        return Outcome(archive, rows, ideal, nadir, self.convergence, self.done, self.reused, self.seconds)

    def _screen(self) -> tuple[Floats, Floats]:
        budget, space = self.problem.study.search, self.problem.space
        with self._timed("sampling"):
            coords = coordinates(unit_points(budget.screen, len(space.levers), budget.seed), space.levers)
        parts = []
        for number, first in enumerate(range(0, len(coords), SCREEN_BLOCK)):
            part = coords[first : first + SCREEN_BLOCK]
            parts.append(self._block(f"screen-{number:04d}", part, self.problem.screener, self.problem.screened))
        return coords, np.concatenate(parts)

    def _promote(self, coords: Floats, values: Floats) -> Archive:
        budget = self.problem.study.search
        with self._timed("choosing"):
            rows = self._best(values, PROMOTED * budget.population)
        best = coords[rows]
        kept = self._block("promoted-0000", best, self.problem.evaluator, self.problem.reported)
        return Archive(best, kept, np.zeros(len(best), np.int64))

    def _best(self, values: Floats, count: int) -> NDArray[np.int64]:
        """Feasible rows by non-dominated rank and crowding, then the least infeasible."""
        excess = np.maximum(self.problem.violations(values), 0.0).sum(axis=1)
        losses = self.problem.losses(values)
        usable = np.isfinite(losses).all(axis=1) & np.isfinite(excess)
        good = np.flatnonzero(usable & (excess == 0.0))
        rest = np.flatnonzero(usable & (excess > 0.0))
        chosen = good[front.layers(losses[good], count)] if len(good) else good
        missing = max(count - len(chosen), 0)
        return np.concatenate([chosen, rest[np.argsort(excess[rest], kind="stable")][:missing]])

    def _refine(self, archive: Archive, ideal: Floats, nadir: Floats) -> None:
        budget = self.problem.study.search
        with self._timed("optuna"):
            self.study = study = optuna_study.new_study(self.problem, budget.population)
            seeds = self._best(archive.values, budget.population)
            optuna_study.ask_and_tell(study, self.problem, archive.coords[seeds], archive.values[seeds])
        for generation in range(1, self._generations() + 1):
            with self._timed("optuna"):
                trials, coords = optuna_study.ask(study, self.problem, budget.population)
            values = self._block(f"generation-{generation:04d}", coords, self.problem.evaluator, self.problem.reported)
            with self._timed("optuna"):
                optuna_study.tell(study, self.problem, trials, values)
            archive.add(coords, values, generation)
            self._note(archive, ideal, nadir, generation)

    def _generations(self) -> int:
        budget = self.problem.study.search
        return -(-budget.trials // budget.population)

    def _block(self, name: str, coords: Floats, evaluator: Evaluator, wanted: list[tuple[str, str]]) -> Floats:
        """Values of a block of policies, which is cut where it would take too long to lose: see BLOCK."""
        size = max(1, BLOCK // len(evaluator.scenarios))
        if len(coords) <= size:
            return self._part(name, coords, evaluator, wanted)
        starts = range(0, len(coords), size)
        parts = [self._part(f"{name}-{k:04d}", coords[s : s + size], evaluator, wanted) for k, s in enumerate(starts)]
        return np.concatenate(parts)

    def _part(self, name: str, coords: Floats, evaluator: Evaluator, wanted: list[tuple[str, str]]) -> Floats:
        """Values of some policies: from the run folder if committed there, else computed and committed."""
        names = self.problem.space.names
        columns = [column_name(pair) for pair in wanted]
        with self._timed("files"):
            stored = self.folder.block(name)
        if stored is not None:
            self._check_stored(name, stored, coords)
            self.reused += len(coords) * len(evaluator.scenarios)
            self._advance(len(coords) * len(evaluator.scenarios))
            return np.stack([stored[column] for column in columns], axis=1)
        with self._timed("kernels"):
            levers = self.problem.space.resolve(coords)
            per_policy = len(evaluator.scenarios)
            values = evaluator.statistics(levers, wanted, progress=lambda n: self._advance(n * per_policy))
        with self._timed("files"):
            data = {f"lever_{lever}": coords[:, k] for k, lever in enumerate(names)}
            data |= {column: values[:, k] for k, column in enumerate(columns)}
            self.folder.commit(name, data, {})
        return values

    def _check_stored(self, name: str, stored: dict[str, NDArray[Any]], coords: Floats) -> None:
        """A committed block must answer what is asked, else code has changed that no version tells of."""
        for k, lever in enumerate(self.problem.space.names):
            if not np.array_equal(stored[f"lever_{lever}"], coords[:, k]):
                raise InputError(
                    f"{self.folder.path}: block `{name}` holds other policies than this search asks for, so other "
                    "code made the run: use that, or start a new folder with -o"
                )

    def _advance(self, evaluations: int) -> None:
        self.done += evaluations
        self.progress(self.done, self.convergence[-1]["hypervolume"] if self.convergence else None)

    def _front(self, archive: Archive) -> NDArray[np.int64]:
        """Feasible policies that no other dominates, best first in the first objective."""
        losses = self.problem.losses(archive.values)
        feasible = (self.problem.violations(archive.values) <= 0.0).all(axis=1) & np.isfinite(losses).all(axis=1)
        rows = np.flatnonzero(feasible)
        if len(rows) == 0:
            return rows
        rows = rows[front.nondominated(losses[rows])]
        return rows[np.lexsort(losses[rows].T[::-1])]

    def _scale(self, archive: Archive) -> tuple[Floats, Floats]:
        """Ideal and nadir of the promoted front, which stay the scale of the hypervolume for the whole run."""
        rows = self._front(archive)
        losses = self.problem.losses(archive.values)
        return front.ideal_and_nadir(losses[rows] if len(rows) else losses)

    def _note(self, archive: Archive, ideal: Floats, nadir: Floats, generation: int) -> None:
        with self._timed("front"):
            rows = self._front(archive)
            losses = self.problem.losses(archive.values)[rows]
            volume = scaled_hypervolume(losses, ideal, nadir) if len(rows) else 0.0
            fresh = int((archive.stage[rows] == generation).sum())
        counts = {"generation": generation, "evaluations": self.done, "front": len(rows), "new": fresh}
        self.convergence.append({**counts, "hypervolume": volume})

    def _nearest_miss(self, archive: Archive) -> str:
        """Which constraints the least infeasible policy breaks, and by how much."""
        excess = self.problem.excess(archive.values)
        total = np.maximum(self.problem.violations(archive.values), 0.0).sum(axis=1)
        if np.isnan(total).all():
            return "no policy satisfies the constraints: one of their statistics is not a number in every policy tried"
        amounts = excess[int(np.nanargmin(total))]
        broken = [f"{bound} by {v:.4g}" for bound, v in zip(self.problem.bounds(), amounts, strict=True) if v > 0]
        if not broken:
            return "no policy tried has finite objectives: check the bounds of the levers and the constants"
        return (
            f"no policy of {len(excess):,} satisfies the constraints; the nearest misses {' and '.join(broken)}: "
            "relax them by that much, widen the levers or search longer"
        )

    @contextmanager
    def _timed(self, what: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[what] = self.seconds.get(what, 0.0) + time.perf_counter() - start


def scaled_hypervolume(losses: Floats, ideal: Floats, nadir: Floats) -> float:
    """Hypervolume after scaling ideal to 0 and nadir to 1, reference point 1.1; 1.1**k is the most."""
    scaled = front.normalise(losses, ideal, nadir)
    return front.hypervolume(scaled, np.full(scaled.shape[1], REFERENCE))
