"""What a search holds on to: every policy that met all scenarios, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tiercap.optimizer.io.arrays import Floats


@dataclass
class Archive:
    """Policies that met all scenarios: coordinates, reported statistics, and where each came from.

    few : what decides, in the few scenarios, NaN where an engine never asked
    """

    coords: Floats
    values: Floats
    few: Floats
    stage: NDArray[np.int64]  # 0 promoted, g for generation g

    def add(self, coords: Floats, values: Floats, few: Floats, stage: int) -> None:
        self.coords = np.concatenate([self.coords, coords])
        self.values = np.concatenate([self.values, values])
        self.few = np.concatenate([self.few, few])
        self.stage = np.concatenate([self.stage, np.full(len(coords), stage)])

    def until(self, stage: int) -> Archive:
        """What it held after generation ``stage``; the promoted policies are always in it."""
        n = int(np.searchsorted(self.stage, max(stage, 0), side="right"))
        return Archive(self.coords[:n], self.values[:n], self.few[:n], self.stage[:n])


@dataclass
class Outcome:
    """What a search found. Front rows are indices into the archive, best first in the first objective.

    evaluations : of the whole search; evaluations_reused : those that the run folder had already
    evaluations_elsewhere : those that other processes did
    """

    archive: Archive
    front: NDArray[np.int64]
    ideal: Floats
    nadir: Floats
    convergence: list[dict[str, float]]
    evaluations: int
    evaluations_reused: int
    seconds: dict[str, float]
    stopped_early: bool = False
    evaluations_elsewhere: int = 0
