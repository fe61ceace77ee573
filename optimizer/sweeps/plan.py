"""What a sweep computes, cut into blocks that depend on nothing but the sweep: not on threads, workers or history.

A block is a stretch of points, each with every policy. It is computed from the plan alone, so any process on any
machine makes the same bits of it.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.metadata import version
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tiercap.kernels.params import TRAJECTORY
from tiercap.optimizer.io.arrays import Floats
from tiercap.optimizer.model import measures
from tiercap.optimizer.model.evaluator import CHUNK, Evaluator, code_digest, ready, scenarios_within, thread_count
from tiercap.optimizer.model.horizon import Horizon
from tiercap.optimizer.model.parameters import put
from tiercap.optimizer.model.scenarios import Scenarios
from tiercap.optimizer.model.statistics import reduce_steps
from tiercap.optimizer.model.streaming import ROWS, TABLES, Futures, StreamingEvaluator
from tiercap.optimizer.model.tiles import SLICE, share
from tiercap.optimizer.rules import nesting
from tiercap.optimizer.rules.levers import LEVERS_TABLE
from tiercap.optimizer.sweeps.design import Design

#: Called with evaluations made since the last call.
Progress = Callable[[int], None]

#: Evaluations of a block: a second or two of one core.
BLOCK = 2**17
#: Rows of a block, however few the futures.
BLOCK_ROWS = 4096
#: Bytes of tables of policies that are evaluated side by side, a thread each.
SIDE_BY_SIDE = 2**28
CLIPPED = "clipped"
#: Packages whose versions shape the bits of a block.
SHAPING = ("tiercap", "numba", "llvmlite", "numpy", "scipy")


class Block(NamedTuple):
    """What a block computes, by column (`measures.column`), a row a point and policy, policies fastest.

    statistics : `clipped`, bool[n], and every statistic, float64[n]; steps : statistics of every step of each row,
    float64[n * steps], empty without trajectories
    """

    statistics: dict[str, np.ndarray]
    steps: dict[str, np.ndarray]


@dataclass(frozen=True)
class Pinned:
    """Futures in which some parameters have one value throughout and the rest is as it was."""

    futures: Futures
    values: Mapping[str, float]

    def __len__(self) -> int:
        return len(self.futures)

    @property
    def weights(self) -> Floats:
        return self.futures.weights

    def part(self, some: slice) -> Scenarios:
        found = self.futures.part(some)
        table = found.table.copy()
        for name, value in self.values.items():
            put(table, name, value)
        return replace(found, table=table)


@dataclass(frozen=True)
class Plan:
    """Everything that a block is computed from.

    policies : LEVERS[p, n_phases], what levers overwrite, in every phase
    phases : of each policy the column in force at every step, None where the first holds throughout
    outcomes, statistics : what is kept of each point and policy
    trajectory : whether the same statistics of every step are kept too; catalogue : CHIP[n]
    block_size : evaluations of a block, about
    """

    design: Design
    policies: NDArray[Any]
    outcomes: tuple[str, ...]
    statistics: tuple[str, ...]
    futures: Futures
    horizon: Horizon
    catalogue: NDArray[Any]
    trajectory: bool = False
    block_size: int = BLOCK
    phases: tuple[tuple[int, ...] | None, ...] = ()

    @property
    def wanted(self) -> list[tuple[str, str]]:
        """Outcome and statistic of every column, statistics innermost."""
        return [(outcome, statistic) for outcome in self.outcomes for statistic in self.statistics]

    @property
    def rows(self) -> int:
        """Points times policies."""
        return len(self.design) * len(self.policies)

    @property
    def evaluations(self) -> int:
        """Policies in futures, all told; a trajectory is an evaluation of its own."""
        return self.rows * len(self.futures) * (2 if self.trajectory else 1)

    @property
    def points_a_block(self) -> int:
        """Points of every block but the last."""
        most = min(BLOCK_ROWS, self.block_size // len(self.futures))
        if self.trajectory:
            kept = self.horizon.steps * len(TRAJECTORY) * len(self.statistics)
            most = min(most, CHUNK // kept)
        return max(1, most // len(self.policies))

    @property
    def blocks(self) -> int:
        """Number of blocks."""
        return -(-len(self.design) // self.points_a_block)

    def span(self, block: int) -> tuple[int, int]:
        """First point of a block, and the first that is no longer its own."""
        first = block * self.points_a_block
        return first, min(first + self.points_a_block, len(self.design))

    def evaluations_of(self, block: int) -> int:
        """Evaluations of one block."""
        first, last = self.span(block)
        return (last - first) * len(self.policies) * len(self.futures) * (2 if self.trajectory else 1)

    @property
    def side_by_side(self) -> int:
        """How many evaluators with tables of their own there may be at once."""
        return max(1, SIDE_BY_SIDE // self._tables)

    @property
    def _tables(self) -> int:
        """Bytes of the tables of one evaluator."""
        return TABLES * min(len(self.futures), most_held(self.horizon)) // most_held(self.horizon)

    def memory(self) -> int:
        """Bytes that computing and writing take at most, about: what Python and its libraries take included."""
        each = len(self.outcomes) * len(self.futures)
        rows = min(self.points_a_block * len(self.policies) * each, max(ROWS, each))
        held = 0 if self.design.table is None else self.design.table.size
        return 350 * 2**20 + 8 * (rows + CHUNK + held) + 2 * self._tables


def identity() -> dict[str, str]:
    """What computes blocks in this process: versions, the kernels' digest, the kind of processor."""
    packages = {name: version(name) for name in SHAPING}
    return {**packages, "kernel_sources": code_digest(), "processor": platform.machine()}


def small_enough(futures: Futures, horizon: Horizon) -> Futures:
    """The same futures, drawn once and held where they fit one block of an evaluator."""
    return futures.part(slice(None)) if len(futures) <= most_held(horizon) else futures


def most_held(horizon: Horizon) -> int:
    """Futures whose tables an evaluator holds at once."""
    return scenarios_within(TABLES, horizon)


@dataclass(frozen=True)
class BlockEvaluator:
    """Computes blocks of a plan.

    threads : kernel threads, None for all cores
    """

    plan: Plan
    threads: int | None = None

    def block(self, number: int, progress: Progress = lambda evaluations: None) -> Block:
        """One block."""
        return self.points(*self.plan.span(number), progress)

    def points(self, first: int, last: int, progress: Progress = lambda evaluations: None) -> Block:
        """The same of any stretch of points."""
        plan = self.plan
        coordinates = plan.design.coordinates(first, last)
        rows, clipped = self._policies(coordinates)
        values = np.empty((len(rows), len(plan.wanted)))
        shape = (len(plan.statistics), len(rows), plan.horizon.steps, len(TRAJECTORY))
        steps = np.empty(shape if plan.trajectory else (0, 0, 0, 0))

        def evaluate(key: bytes, some: NDArray[np.int64], threads: int | None) -> None:
            evaluator = self._evaluator(key, threads)
            for phase, alike in self._in_phase(some):
                values[alike] = evaluator.statistics(rows[alike], plan.wanted, phase, progress=progress)
                if plan.trajectory:
                    steps[:, alike] = self._trajectories(evaluator, rows[alike], phase, progress)

        ready()  # before threads start
        small = []
        for key, some in self._alike(coordinates):
            if len(some) * len(plan.futures) <= SLICE:  # little to share out: one thread each, side by side
                small.append((key, some, 1))
            else:
                evaluate(key, some, self.threads)
        share(evaluate, small, min(thread_count(self.threads), plan.side_by_side))
        found = {measures.column(*pair): values[:, k] for k, pair in enumerate(plan.wanted)}
        names = [(name, s, k) for k, name in enumerate(TRAJECTORY) for s in range(len(plan.statistics))]
        every = {measures.column(n, plan.statistics[s]): steps[s, :, :, k].ravel() for n, s, k in names if steps.size}
        return Block({CLIPPED: clipped, **found}, every)

    def _in_phase(self, rows: NDArray[np.int64]) -> list[tuple[tuple[int, ...] | None, NDArray[np.int64]]]:
        """Rows whose policies change at the same steps, with the column in force at every step."""
        phases = self.plan.phases or (None,) * len(self.plan.policies)
        found: dict[tuple[int, ...] | None, list[int]] = {}
        for row in rows.tolist():
            found.setdefault(phases[row % len(phases)], []).append(row)
        return [(phase, np.array(some)) for phase, some in found.items()]

    def _policies(self, coordinates: Floats) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """LEVERS[rows, n_phases] and bool[rows], policies fastest; a cap cut in any phase counts."""
        names = self.plan.design.names
        places = [k for k, name in enumerate(names) if name in LEVERS_TABLE]
        levers, values = [names[k] for k in places], coordinates[:, places]
        rows, clipped = [], []
        for policy in self.plan.policies:
            phases = [nesting.policies(rule.reshape(1), levers, values) for rule in policy]
            rows.append(np.stack([changed for changed, _ in phases], axis=1))
            clipped.append(np.any([cut for _, cut in phases], axis=0))
        n_phases = self.plan.policies.shape[1]
        return np.stack(rows, axis=1).reshape(-1, n_phases), np.stack(clipped, axis=1).ravel()

    def _alike(self, coordinates: Floats) -> list[tuple[bytes, NDArray[np.int64]]]:
        """Rows that share their parameters' values, in order: the values' bytes, and int64[n] rows."""
        parameters = np.ascontiguousarray(coordinates[:, self._parameters])
        found: dict[bytes, list[int]] = {}
        for point, values in enumerate(parameters):
            found.setdefault(values.tobytes(), []).append(point)
        policies = np.arange(len(self.plan.policies))
        return [
            (key, (np.array(points)[:, None] * len(policies) + policies).ravel()) for key, points in found.items()
        ]

    @cached_property
    def _parameters(self) -> list[int]:
        return [k for k, name in enumerate(self.plan.design.names) if name not in LEVERS_TABLE]

    def _evaluator(self, key: bytes, threads: int | None) -> StreamingEvaluator:
        """What evaluates where the parameters have these values."""
        plan = self.plan
        names = [plan.design.names[k] for k in self._parameters]
        pinned = {n: float(v) for n, v in zip(names, np.frombuffer(key), strict=True) if not np.isnan(v)}
        futures = Pinned(plan.futures, pinned) if pinned else plan.futures
        return StreamingEvaluator(futures, plan.horizon, plan.catalogue, threads)

    def _trajectories(
        self,
        evaluator: StreamingEvaluator,
        levers: NDArray[Any],
        phase: tuple[int, ...] | None,
        progress: Progress,
    ) -> Floats:
        """Statistics of every step: float64[statistics, n, steps, fields]."""
        plan = self.plan
        futures = evaluator.futures.part(slice(None))
        one = Evaluator(futures, plan.horizon, plan.catalogue, evaluator.threads)
        size = max(1, CHUNK // (plan.horizon.steps * len(TRAJECTORY) * len(futures)))
        parts = []
        for first in range(0, len(levers), size):
            found = one.trajectories(levers[first : first + size], phase)
            parts.append(np.stack([reduce_steps(found, futures.weights, statistic) for statistic in plan.statistics]))
            progress(len(found) * len(futures))
        return np.concatenate(parts, axis=1)

