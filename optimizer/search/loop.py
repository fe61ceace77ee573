"""The search: screening at kernel speed, then an engine's generations from what the screen found.

Four stages, each a list of blocks of policies. *screen*: scrambled Sobol points of the levers, each in a few scenarios.
*bred*: generations of children of the best of them, in the same few. *promoted*: those of both that cover the front
best, in all scenarios. *generation*: the engine, an Optuna study, asked for a population at a time, each evaluated in
one call, in all scenarios; it starts from the best of the promoted.

The run folder's blocks are the truth and the study is advice: a run starts from the beginning every time, and a block
that was committed answers instead of the kernels. What an interruption left is so taken up again, bit for bit. Chance
comes from a generator of its own for every generation, so that nothing need be remembered.

Several processes may share a search (:mod:`tiercap.optimizer.search.shared`). Each runs all of it, but a
generation of the engine is computed by one and read by the others. So that ``search.workers`` of them have something
to do at once, a generation is made from what was known before the last ``workers - 1``: which process computes it, how
many there are and which of them die changes no bit.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from tiercap.optimizer.errors import InfeasibleError, InputError
from tiercap.optimizer.io.arrays import Floats
from tiercap.optimizer.io.stopwatch import Stopwatch
from tiercap.optimizer.model import convergence, front
from tiercap.optimizer.model.sobol import unit_points
from tiercap.optimizer.rules.space import coordinates, unit
from tiercap.optimizer.search import optuna_study
from tiercap.optimizer.search.archive import Archive, Outcome
from tiercap.optimizer.search.blocks import Blocks
from tiercap.optimizer.search.proposals import Judge, breed
from tiercap.optimizer.study import engines
from tiercap.optimizer.study.problem import Problem

if TYPE_CHECKING:
    import optuna

    from tiercap.optimizer.runs.folder import RunFolder
    from tiercap.optimizer.search.shared import SharedStudy

#: Policies of a generation that is bred in the few scenarios, and how many are kept for the next.
BRED, KEPT = 256, 1024
#: First words of the seeds of the generators of chance.
_BREEDING, _PROPOSING = 1, 2


@dataclass
class Generation:
    """A generation under way: policies kept and given up, and what is known of those kept.

    trials, coords, few : of those kept; no trials where the study is yet to be asked
    pruned : coordinates of those given up; values : of those kept in all scenarios, None where another process has them
    """

    number: int
    trials: list[Any]
    coords: Floats
    few: Floats
    pruned: Floats
    values: Floats | None = None


@dataclass
class Search:
    """One run of the search over ``problem``, its blocks kept in ``folder``.

    progress : called as progress(evaluations_done, hypervolume or None)
    shared : what is shared with other processes, None for a process alone
    study : Optuna's, once its first generation is told
    phases : seconds of each phase as a whole, by the clock
    """

    problem: Problem
    folder: RunFolder
    progress: Callable[[int, float | None], None] = lambda done, value: None
    shared: SharedStudy | None = None
    done: int = 0
    phases: dict[str, float] = field(default_factory=dict)
    convergence: list[dict[str, float]] = field(default_factory=list)
    study: optuna.Study | None = None
    ideal: Floats | None = None
    nadir: Floats | None = None
    _before: Floats | None = None
    _settled: int = 0
    _fronts: dict[int, NDArray[np.int64]] = field(default_factory=dict)  # by the length of the archive

    def __post_init__(self) -> None:
        self.judge = Judge(self.problem.scoring.losses, self.problem.scoring.violations)
        self.clock = Stopwatch()
        self.blocks = Blocks(self.problem, self.folder, self._advance, self.clock)

    def planned(self) -> int:
        """Evaluations (a policy in a scenario) of the whole run, unless it stops early."""
        budget = self.problem.study.search
        n, few = len(self.problem.scenarios), len(self.problem.screener.scenarios)
        screened = budget.screen + (self._bred_generations() * BRED)
        tried = self._trials() if budget.engine == "grid" else self._generations() * budget.population
        first = min(budget.promoted, screened)
        beside = tried * self._children() if budget.engine == engines.DEFAULT else 0
        beside += tried + min(budget.population, first) if budget.pruner != "none" else 0
        if first == 0 and budget.engine == engines.DEFAULT and tried:
            blind = min(budget.workers, self._generations()) * budget.population  # the first generations: Sobol points
            beside -= blind * (self._children() - 1)
        return (screened + beside) * few + (first + tried) * n

    def run(self) -> Outcome:
        """Screen, promote, refine. Raises InputError if the engine cannot, InfeasibleError if nothing is feasible."""
        optuna_study.check(self.problem)
        if self.planned() == 0:
            raise InputError("there is nothing to search: raise search.screen or search.trials above 0")
        with self.clock.on("loading kernels"):
            self.problem.screener.outcomes(self.problem.base.reshape(-1, 1))  # compiles them, or reads the cache
        began = time.perf_counter()
        coords, values = self._screen()
        self.phases["screening"] = time.perf_counter() - began
        archive = self._promote(*self._breed(coords, values))
        if len(archive.coords):
            self._note(archive, 0)
        stopped = self._refine(archive)
        rows = self._front(archive)
        if len(rows) == 0:
            raise InfeasibleError(self._nearest_miss(archive), archive)
        assert self.ideal is not None
        assert self.nadir is not None
        counts = (self.done, self.blocks.reused, self.clock.seconds, stopped)
        return Outcome(archive, rows, self.ideal, self.nadir, self.convergence, *counts, self.blocks.elsewhere)

    # --- in the few scenarios ---

    def _screen(self) -> tuple[Floats, Floats]:
        budget, space = self.problem.study.search, self.problem.space
        with self.clock.on("sampling"):
            coords = coordinates(unit_points(budget.screen, len(space.levers), budget.seed), space.levers)
        return coords, self.blocks.few("screen", coords)

    def _breed(self, coords: Floats, values: Floats) -> tuple[Floats, Floats]:
        """Generations of children in the few scenarios; the best of all."""
        budget, levers = self.problem.study.search, self.problem.space.levers
        options: Any = engines.options_of(engines.DEFAULT, self._own_options())
        for generation in range(1, self._bred_generations() + 1):
            with self.clock.on("choosing"):
                kept = self.judge.ranked(values, KEPT)
                coords, values = coords[kept], values[kept]
                rows = self.judge.parents(values, self.judge.front(values))
                points, losses = unit(coords[rows], levers), self.problem.scoring.losses(values[rows])
                rng = _chance(budget.seed, _BREEDING, generation)
                born, _ = breed(points, losses, BRED, options, rng)
            born = coordinates(born, levers)
            found = self.blocks.few(f"bred-{generation:05d}", born)
            coords, values = np.concatenate([coords, born]), np.concatenate([values, found])
        return coords, values

    def _promote(self, coords: Floats, values: Floats) -> Archive:
        with self.clock.on("choosing"):
            rows = self.judge.covering(values, self.problem.study.search.promoted)
        best, few = coords[rows], values[rows]
        return Archive(best, self.blocks.all("promoted", best), few, np.zeros(len(best), np.int64))

    # --- in all scenarios ---

    def _refine(self, archive: Archive) -> bool:
        """Generation after generation; whether it stopped because nothing was gained any more."""
        budget = self.problem.study.search
        with self.clock.on("optuna"):
            best = self.judge.ranked(archive.values, budget.population)
            self.study = study = optuna_study.new_study(self.problem, archive.coords[best[0]] if len(best) else None)
        if len(best):
            coords, values = archive.coords[best], archive.values[best]
            each = self.blocks.each("few-00000", coords) if budget.pruner != "none" else None
            with self.clock.on("optuna"):
                optuna_study.ask_and_tell(study, self.problem, coords, values, each)
        self._settled = self.done
        under_way: dict[int, Generation | None] = {}
        last, stopped = self._generations(), False
        for step in range(1, last + budget.workers + 1):
            oldest = step - budget.workers
            if oldest in under_way:
                self._settle(study, archive, oldest, under_way.pop(oldest))
                self._note(archive, oldest)
                volumes = [row["hypervolume"] for row in self.convergence]
                if not stopped and convergence.stands_still(volumes, budget.patience):
                    last, stopped = min(last, step - 1), True  # what is under way is brought to its end
            if step <= last:
                under_way[step] = self._begin(study, archive, step)
        return stopped

    def _begin(self, study: optuna.Study, archive: Archive, number: int) -> Generation | None:
        """Make a generation, and compute it unless another process does; None where that one says what is in it."""
        mine = self.shared is None or self.shared.claim(number)
        if not mine and self._made_by_one:
            return None
        made = self._make(study, archive, number)
        if mine:
            self._compute(made)
        return made

    @property
    def _made_by_one(self) -> bool:
        """Whether only who computes a generation works out what is in it: where no sampler or pruner has to follow."""
        budget = self.problem.study.search
        return budget.engine == engines.DEFAULT and budget.pruner == "none"

    def _make(self, study: optuna.Study, archive: Archive, number: int) -> Generation:
        """The policies of a generation, from what was known before the last ``workers - 1``."""
        proposals, few = self._propose(archive.until(number - self.problem.study.search.workers), number)
        nothing = np.empty((0, len(self.problem.space.levers)))
        if self._made_by_one and proposals is not None and few is not None:
            return Generation(number, [], proposals, few, nothing)
        with self.clock.on("optuna"):
            trials, coords = optuna_study.ask(study, self.problem, self._population(number), proposals)
        if few is None:
            few = np.full((len(coords), len(self.problem.scoring.screened)), np.nan)
        if self.problem.study.search.pruner == "none":
            return Generation(number, trials, coords, few, nothing)
        pruned = self._prune(study, trials, coords, number)
        kept = [trial for trial, gone in zip(trials, pruned, strict=True) if not gone]
        return Generation(number, kept, coords[~pruned], few[~pruned], coords[pruned])

    def _compute(self, made: Generation) -> None:
        """Evaluate a generation, and let the other processes know."""
        if self.shared is not None:
            with self.clock.on("sharing"):
                self.shared.announce(made.number, made.coords, made.few, made.pruned)
        made.values = self.blocks.all(f"generation-{made.number:05d}", made.coords)
        if self.shared is not None:
            with self.clock.on("sharing"):
                self.shared.tell(made.number, made.values)

    def _settle(self, study: optuna.Study, archive: Archive, number: int, made: Generation | None) -> None:
        """Take a generation into study and archive, when its values are known."""
        if made is None or made.values is None:
            made = self._from_others(study, archive, number, made)
        values = cast(Floats, made.values)
        with self.clock.on("optuna"):
            if self._made_by_one:
                made.trials, _ = optuna_study.ask(study, self.problem, len(made.coords), made.coords)
            optuna_study.tell(study, self.problem, made.trials, values)
        archive.add(made.coords, values, made.few, number)
        self._settled += self._cost(made, archive)

    def _from_others(
        self, study: optuna.Study, archive: Archive, number: int, made: Generation | None
    ) -> Generation:
        """A generation that another process claimed: what it told, or our own work where it died."""
        shared = cast("SharedStudy", self.shared)
        with self.clock.on("sharing"):
            told = shared.wait(number)
        if told is None:
            made = made or self._make(study, archive, number)
            self._compute(made)
            return made
        if made is None:
            made = Generation(number, [], told.coords, told.few, told.coords[:0])
        elif not np.array_equal(made.coords, told.coords):
            raise InputError(shared.stranger(number))
        made.values = told.values
        self.blocks.keep(f"generation-{number:05d}", made.coords, told.values)
        if self._made_by_one:
            self.blocks.count_elsewhere(self._cost(made, archive) - len(made.coords) * len(self.problem.scenarios))
        return made

    def _cost(self, made: Generation, archive: Archive) -> int:
        """Evaluations of a generation: of what it was chosen from, of what was pruned, and in all scenarios."""
        budget = self.problem.study.search
        asked = len(made.coords) + len(made.pruned)
        bred = len(archive.until(made.number - budget.workers).coords) > 0
        tried = asked * (self._children() if bred else 1) if budget.engine == engines.DEFAULT else 0
        tried += asked if budget.pruner != "none" else 0
        return tried * len(self.problem.screener.scenarios) + len(made.coords) * len(self.problem.scenarios)

    def _propose(self, archive: Archive, generation: int) -> tuple[Floats | None, Floats | None]:
        """What the multi-fidelity engine tries, and its values in the few scenarios; nothing for other engines."""
        budget, levers = self.problem.study.search, self.problem.space.levers
        if budget.engine != engines.DEFAULT:
            return None, None
        if len(archive.coords) == 0:
            points = unit_points(generation * budget.population, len(levers), budget.seed)
            coords = coordinates(points[-budget.population :], levers)
            return coords, self.blocks.few(f"children-{generation:05d}", coords)
        options: Any = engines.options_of(budget.engine, budget.options)
        with self.clock.on("choosing"):
            rng = _chance(budget.seed, _PROPOSING, generation)
            count = budget.population * self._children()
            best = self._front(archive)
            rows = self.judge.parents(archive.values, best)
            points, losses = unit(archive.coords[rows], levers), self.problem.scoring.losses(archive.values[rows])
            born, first = breed(points, losses, count, options, rng, int(options["mates"]))
            born, parent = coordinates(born, levers), rows[first]
        found = self.blocks.few(f"children-{generation:05d}", born)
        with self.clock.on("choosing"):
            decide = slice(0, len(self.problem.scoring.screened))
            expected = found + (archive.values[parent, decide] - archive.few[parent])
            rows = self.judge.promising(expected, self.problem.scoring.losses(archive.values[best]), budget.population)
        return born[rows], found[rows]

    def _prune(self, study: Any, trials: list[Any], coords: Floats, generation: int) -> NDArray[np.bool_]:
        """Which of a generation's policies the pruner gives up after the few scenarios."""
        each = self.blocks.each(f"few-{generation:05d}", coords)
        with self.clock.on("optuna"):
            return optuna_study.prune(study, trials, each)

    def _generations(self) -> int:
        budget = self.problem.study.search
        return -(-self._trials() // budget.population)

    def _trials(self) -> int:
        """Policies the engine tries: what was asked for, or as many as a grid has."""
        budget = self.problem.study.search
        if budget.engine != "grid":
            return budget.trials
        return int(engines.options_of("grid", budget.options)["points"]) ** len(self.problem.space.levers)

    def _population(self, generation: int) -> int:
        """Policies of a generation: a grid's last one has what is left, all others are whole."""
        population = self.problem.study.search.population
        if self.problem.study.search.engine != "grid":
            return population
        return min(population, self._trials() - (generation - 1) * population)

    def _bred_generations(self) -> int:
        budget = self.problem.study.search
        return budget.screen_generations if budget.screen else 0

    def _children(self) -> int:
        return int(engines.options_of(engines.DEFAULT, self._own_options())["children"])

    def _own_options(self) -> Any:
        """The options of the multi-fidelity engine, whose defaults breed the screen for any other engine."""
        budget = self.problem.study.search
        return budget.options if budget.engine == engines.DEFAULT else {}

    # --- how far it has come ---

    def _advance(self, evaluations: int) -> None:
        self.done += evaluations
        self.progress(self.done, self.convergence[-1]["hypervolume"] if self.convergence else None)

    def _front(self, archive: Archive) -> NDArray[np.int64]:
        """Rows of the front. What a front left behind is not looked at again: an archive only grows."""
        n = len(archive.coords)
        if n not in self._fronts:
            before = max((m for m in self._fronts if m < n), default=0)
            kept = np.sort(self._fronts[before]) if before else np.arange(0)
            self._fronts[n] = self.judge.front(archive.values, np.concatenate([kept, np.arange(before, n)]))
            oldest = sorted(self._fronts)[: -self.problem.study.search.workers - 1]
            for length in oldest:  # none that a generation under way may ask for
                del self._fronts[length]
        return self._fronts[n]

    def _note(self, archive: Archive, generation: int) -> None:
        """A row of the convergence table; the first one freezes the scale unless the study states it."""
        with self.clock.on("front"):
            rows = self._front(archive)
            now = self.problem.scoring.losses(archive.values[rows])
            if self.ideal is None or self.nadir is None:
                losses = now if len(rows) else self.problem.scoring.losses(archive.values)
                self.ideal, self.nadir = self.problem.scoring.scale or front.ideal_and_nadir(losses)
            before = self._before if self._before is not None else now[:0]
            scale, self._before = (self.ideal, self.nadir), now
            row: dict[str, float] = {"generation": generation, "evaluations": self._settled or self.done}
            row["front"] = len(rows)
            row["new"] = int((archive.stage[rows] == generation).sum())
            row |= convergence.measured(now, before, *scale)
        self.convergence.append(row)

    def _nearest_miss(self, archive: Archive) -> str:
        """Which constraints the least infeasible policy breaks, and by how much."""
        scoring = self.problem.scoring
        excess = scoring.excess(archive.values)
        total = np.maximum(scoring.violations(archive.values), 0.0).sum(axis=1)
        if np.isnan(total).all():
            return "no policy satisfies the constraints: one of their statistics is not a number in every policy tried"
        amounts = excess[int(np.nanargmin(total))]
        broken = [f"{bound} by {v:.4g}" for bound, v in zip(scoring.bounds(), amounts, strict=True) if v > 0]
        if not broken:
            return "no policy tried has finite objectives: check the bounds of the levers and the constants"
        return (
            f"no policy of {len(excess):,} satisfies the constraints; the nearest misses {' and '.join(broken)}: "
            "relax them by that much, widen the levers or search longer"
        )


def _chance(seed: int, stage: int, generation: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64([seed, stage, generation]))
