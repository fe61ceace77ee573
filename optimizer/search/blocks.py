"""Policies evaluated a block at a time, each block committed to the run folder before the next is begun.

A block that was committed answers instead of the kernels, which is how a search goes on after an interruption.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tiercap.kernels.params import OUTCOMES
from tiercap.optimizer.errors import InputError
from tiercap.optimizer.io.arrays import Floats
from tiercap.optimizer.io.stopwatch import Stopwatch
from tiercap.optimizer.model.evaluator import Evaluator
from tiercap.optimizer.study.problem import Problem, column_name

if TYPE_CHECKING:
    from tiercap.optimizer.runs.folder import RunFolder

#: Evaluations after which a block is committed: an interruption loses less than a block.
BLOCK = 2**17


@dataclass
class Blocks:
    """The evaluations of one search over ``problem``, kept in ``folder``.

    advance : called with a number of evaluations as they are done; clock : says what took how long
    reused : evaluations that the folder had already; elsewhere : those that other processes did
    """

    problem: Problem
    folder: RunFolder
    advance: Callable[[int], None]
    clock: Stopwatch
    reused: int = 0
    elsewhere: int = 0

    def few(self, name: str, coords: Floats) -> Floats:
        """What decides, in the few scenarios: float64[n, screened]."""
        return self._statistics(name, coords, self.problem.screener, self.problem.scoring.screened)

    def all(self, name: str, coords: Floats) -> Floats:
        """Everything reported, in all scenarios: float64[n, reported]."""
        return self._statistics(name, coords, self.problem.evaluator, self.problem.scoring.reported)

    def _statistics(
        self, name: str, coords: Floats, evaluator: Evaluator, wanted: Sequence[tuple[str, str]]
    ) -> Floats:
        def compute(rows: slice) -> Floats:
            per_policy = len(evaluator.scenarios)
            levers = self.problem.space.resolve(coords[rows])
            return evaluator.statistics(levers, wanted, progress=lambda n: self.advance(n * per_policy))

        return self._block(name, coords, [column_name(pair) for pair in wanted], compute, len(evaluator.scenarios))

    def each(self, name: str, coords: Floats) -> Floats:
        """The first objective in each of the few scenarios: float64[n, few]."""
        few, row = self.problem.screener, OUTCOMES.index(self.problem.scoring.screened[0][0])

        def compute(rows: slice) -> Floats:
            found = few.outcomes(self.problem.space.resolve(coords[rows]))[:, row]
            self.advance(found.size)
            return found

        return self._block(name, coords, [f"s{k}" for k in range(len(few.scenarios))], compute, len(few.scenarios))

    def keep(self, name: str, coords: Floats, values: Floats) -> None:
        """Commit what another process computed in all scenarios, so that the run folder is whole by itself."""
        each = len(self.problem.scenarios)

        def take(rows: slice) -> Floats:
            found = values[rows]
            self.count_elsewhere(len(found) * each)
            return found

        self._block(name, coords, [column_name(pair) for pair in self.problem.scoring.reported], take, each)

    def _block(
        self, name: str, coords: Floats, columns: list[str], compute: Callable[[slice], Floats], each: int
    ) -> Floats:
        """Values of a block of policies, which is cut where it would take too long to lose: see BLOCK.

        compute : given which rows; each : evaluations of one policy
        """
        size = max(1, BLOCK // each)
        parts = []
        for start in range(0, len(coords), size):
            rows = slice(start, min(start + size, len(coords)))
            parts.append(self._part(f"{name}-{start // size:04d}", coords, rows, columns, compute, each))
        return np.concatenate(parts) if parts else np.empty((0, len(columns)))

    def _part(
        self, name: str, coords: Floats, rows: slice, columns: list[str], compute: Callable[[slice], Floats], each: int
    ) -> Floats:
        """Values of some policies: from the run folder if committed there, else computed and committed."""
        names, coords = self.problem.space.names, coords[rows]
        with self.clock.on("files"):
            stored = self.folder.block(name)
        if stored is not None:
            self._check_stored(name, stored, coords, columns)
            self.reused += len(coords) * each
            self.advance(len(coords) * each)
            return np.stack([stored[column] for column in columns], axis=1)
        with self.clock.on("kernels"):
            values = compute(rows)
        with self.clock.on("files"):
            data = {f"lever_{lever}": coords[:, k] for k, lever in enumerate(names)}
            data |= {column: values[:, k] for k, column in enumerate(columns)}
            self.folder.commit(name, data, {})
        return values

    def _check_stored(self, name: str, stored: dict[str, NDArray[Any]], coords: Floats, columns: list[str]) -> None:
        """A committed block must answer what is asked, else code has changed that no version tells of."""
        asked = {f"lever_{lever}": coords[:, k] for k, lever in enumerate(self.problem.space.names)}
        fits = list(stored) == [*asked, *columns]
        if not fits or not all(np.array_equal(stored[key], values) for key, values in asked.items()):
            raise InputError(
                f"{self.folder.path}: block `{name}` holds other policies or statistics than this search asks for, "
                "so other code made the run: use that, or start a new folder with -o"
            )

    def count_elsewhere(self, evaluations: int) -> None:
        """Add what another process evaluated."""
        self.elsewhere += evaluations
        self.advance(evaluations)
