"""The statistics that are wanted of any number of policies over any number of futures, in bounded memory.

An `Evaluator` holds the tables of its scenarios: 9 KB each over eight years. Here scenarios come in blocks and policies
in parts, so that memory is bounded and time is linear in both. What is kept of a part is one row of doubles a policy
and outcome asked for, which `statistics.reduce` turns into statistics. They are those of the whole row, not estimates
that depend on how it was cut: the same bits as without blocks, and for any number of threads.

Regret among the policies given (`Wanted.regret`) needs the best policy of every scenario first. Where not everything
fits into one part, the policies are therefore evaluated twice. A statistic that is a regret by name is measured from
the rivals instead, as in a search.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from tiercap.kernels.params import OUTCOMES
from tiercap.optimizer.errors import InputError, did_you_mean
from tiercap.optimizer.model import statistics
from tiercap.optimizer.model.evaluator import RELATIVE, Evaluator, scenarios_within, share, thread_count
from tiercap.optimizer.model.horizon import Horizon
from tiercap.optimizer.model.measures import Direction, applied, parse
from tiercap.optimizer.model.scenarios import Scenarios
from tiercap.optimizer.model.statistics import Floats
from tiercap.optimizer.rules.space import LeverSpace

#: Doubles kept of the policies of a part: 192 MB.
ROWS = 24_000_000
#: Bytes of the tables of a block of scenarios.
TABLES = 64 * 2**20
#: Doubles reduced at a time: sorting them must not keep an interrupt waiting.
REDUCED = 1_000_000


class Futures(Protocol):
    """Scenarios that can be had a part at a time: `scenarios.Scenarios` or `scenarios.Draws`."""

    def __len__(self) -> int: ...

    @property
    def weights(self) -> NDArray[np.float64]: ...

    def part(self, some: slice) -> Scenarios: ...


class Policies(Protocol):
    """Policies that can be had a part at a time: an array LEVERS[n, n_phases], or `Points`."""

    def __len__(self) -> int: ...

    def __getitem__(self, some: slice, /) -> NDArray[Any]: ...


@dataclass(frozen=True)
class Points:
    """Policies at coordinates of a lever space, resolved when they are read: a record of all levers is 1 KB."""

    space: LeverSpace
    coords: Floats

    def __len__(self) -> int:
        return len(self.coords)

    def __getitem__(self, some: slice, /) -> NDArray[Any]:
        return self.space.resolve(self.coords[some])


class Wanted(NamedTuple):
    """A statistic over the scenarios (`statistics.reduce`) of an outcome, or of its regret.

    regret : which way the outcome is better, for the statistic of how far a policy falls short of the best in each
    scenario; None for the statistic of the outcome itself
    """

    outcome: str
    statistic: str
    regret: Direction | None = None


class StreamingEvaluator:
    """Evaluates policies in futures over one horizon."""

    def __init__(
        self,
        futures: Futures,
        horizon: Horizon,
        catalogue: NDArray[Any],
        threads: int | None = None,
        rivals: Callable[[], NDArray[Any]] | None = None,
    ) -> None:
        """The arguments are those of `Evaluator`, whose scenarios are the ``futures``, a block at a time."""
        self.futures, self.horizon, self.catalogue, self.threads = futures, horizon, catalogue, threads
        self.rivals = rivals
        self._held: tuple[slice, Evaluator] | None = None

    def statistics(
        self,
        policies: Policies,
        wanted: Sequence[Wanted | tuple[str, str]],
        phase: Sequence[int] | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> Floats:
        """Statistics over the futures: float64[n_policies, len(wanted)].

        phase : as in `Evaluator.outcomes`
        progress : called with the number of evaluations made since the last call; `planned` is their sum
        """
        measures = _checked(wanted)
        outcomes = list(dict.fromkeys(measure.outcome for measure in measures))
        parts, tell = list(self._parts(len(policies), len(outcomes))), progress or (lambda evaluations: None)
        best = self._best(policies, measures, phase, tell) if len(parts) > 1 else {}
        known = self._known(measures)
        result = np.empty((len(policies), len(measures)))
        for part in parts:
            rows = self._rows(policies[part], outcomes, phase, tell)
            best = best or _best_of(rows, outcomes, measures)
            self._reduce(rows, outcomes, measures, best, known, result[part])
            del rows  # before the next part is made
        return result

    def planned(self, n_policies: int, wanted: Sequence[Wanted | tuple[str, str]]) -> int:
        """Evaluations that `statistics` makes: twice as many where regret does not fit into one part."""
        measures = _checked(wanted)
        parts = list(self._parts(n_policies, len({measure.outcome for measure in measures})))
        passes = 2 if len(parts) > 1 and any(measure.regret for measure in measures) else 1
        return passes * n_policies * len(self.futures)

    def _parts(self, n_policies: int, n_outcomes: int) -> Iterator[slice]:
        size = max(1, ROWS // (n_outcomes * len(self.futures)))
        for first in range(0, n_policies, size):
            yield slice(first, min(first + size, n_policies))

    def _blocks(self) -> Iterator[tuple[slice, Evaluator]]:
        """Blocks of futures and what evaluates in them; the last is held, so that a single one is filled once."""
        n, size = len(self.futures), scenarios_within(TABLES, self.horizon)
        for first in range(0, n, size):
            block = slice(first, min(first + size, n))
            if self._held is None or self._held[0] != block:
                self._held = None  # two at a time would be twice the memory
                scenarios = self.futures.part(block)
                evaluator = Evaluator(scenarios, self.horizon, self.catalogue, self.threads, rivals=self.rivals)
                self._held = block, evaluator
            yield self._held

    def _rows(
        self, levers: NDArray[Any], outcomes: list[str], phase: Sequence[int] | None, tell: Callable[[int], None]
    ) -> Floats:
        """The outcomes of some policies in all futures: float64[len(outcomes), n_policies, n_futures]."""
        places = [OUTCOMES.index(name) for name in outcomes]
        rows = np.empty((len(places), len(levers), len(self.futures)))
        relative = not RELATIVE.keys().isdisjoint(outcomes)
        for block, evaluator in self._blocks():
            for some in evaluator.chunks(len(levers)):
                found = evaluator.outcomes(levers[some], phase, relative)
                rows[:, some, block] = np.moveaxis(found[:, places], 1, 0)
                tell(len(found) * found.shape[-1])
        return rows

    def _best(
        self,
        policies: Policies,
        measures: list[Wanted],
        phase: Sequence[int] | None,
        tell: Callable[[int], None],
    ) -> dict[tuple[str, Direction], Floats]:
        """The best of all policies in every future, float64[n_futures], for every outcome whose regret is wanted."""
        pairs = _regretted(measures)
        relative = any(outcome in RELATIVE for outcome, _ in pairs)
        best = {pair: np.empty(len(self.futures)) for pair in pairs}
        for block, evaluator in self._blocks() if pairs else ():
            for k, some in enumerate(evaluator.chunks(len(policies))):
                found = evaluator.outcomes(policies[some], phase, relative)
                for outcome, direction in pairs:
                    here = statistics.best(found[:, OUTCOMES.index(outcome)], direction)
                    so_far = best[outcome, direction][block]
                    so_far[:] = here if k == 0 else statistics.best(np.stack([so_far, here]), direction)
                tell(len(found) * found.shape[-1])
        return best

    def _known(self, measures: list[Wanted]) -> dict[tuple[str, str], Floats]:
        """The best that the rivals reach in every future, float64[n_futures], for statistics that are regrets."""
        pairs = {(m.outcome, m.statistic) for m in measures if parse(m.statistic).kind == "regret"}
        known = {pair: np.empty(len(self.futures)) for pair in pairs}
        for block, evaluator in self._blocks() if pairs else ():
            for pair, found in known.items():
                found[block] = evaluator.best(*pair)
        return known

    def _reduce(
        self,
        rows: Floats,
        outcomes: list[str],
        measures: list[Wanted],
        best: dict[tuple[str, Direction], Floats],
        known: dict[tuple[str, str], Floats],
        result: Floats,
    ) -> None:
        """Every statistic of every row into ``result``, float64[n_policies, len(measures)], on all threads."""
        weights, size = self.futures.weights, max(1, REDUCED // rows.shape[-1])

        def job(k: int, first: int) -> None:
            measure, part = measures[k], slice(first, first + size)
            some = rows[outcomes.index(measure.outcome), part]
            if measure.regret:
                some = statistics.shortfall(some, best[measure.outcome, measure.regret], measure.regret)
            statistic = measure.statistic if measure.regret else applied(measure.outcome, measure.statistic)
            result[part, k] = statistics.reduce(some, weights, statistic, known.get(measure[:2]))

        starts = range(0, rows.shape[1], size)
        share(job, [(k, first) for k in range(len(measures)) for first in starts], thread_count(self.threads))


def _regretted(measures: list[Wanted]) -> list[tuple[str, Direction]]:
    return list(dict.fromkeys((m.outcome, m.regret) for m in measures if m.regret))


def _best_of(rows: Floats, outcomes: list[str], measures: list[Wanted]) -> dict[tuple[str, Direction], Floats]:
    """`StreamingEvaluator._best` where all policies are in one part."""
    return {(o, way): statistics.best(rows[outcomes.index(o)], way) for o, way in _regretted(measures)}


def _checked(wanted: Sequence[Wanted | tuple[str, str]]) -> list[Wanted]:
    """Refuses unknown outcomes, statistics and directions before anything is computed."""
    measures = [Wanted(*measure) for measure in wanted]
    if not measures:
        raise InputError("no statistic was asked for: name an outcome and a statistic")
    for outcome, statistic, regret in measures:
        if outcome not in OUTCOMES:
            raise InputError(f"unknown outcome `{outcome[:60]}`: {did_you_mean(outcome[:60], OUTCOMES)}")
        parse(statistic)
        statistics.check_direction(regret or "maximise")
        if regret and parse(statistic).kind == "regret":
            raise InputError(f"`{statistic}` is a regret already: ask for another statistic of the regret")
    return measures
