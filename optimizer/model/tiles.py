"""How policies and scenarios fill tiles of lanes, and how what came of them gets back in place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tiercap.kernels import lanes

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Layout:
    """How policies and scenarios fill tiles: ``width`` lanes a policy, ``per_row`` policies a row."""

    n_policies: int
    n_scenarios: int

    @property
    def width(self) -> int:
        return lanes.LANES if self.n_scenarios > lanes.LANES // 2 else 1 << (self.n_scenarios - 1).bit_length()

    @property
    def per_row(self) -> int:
        return lanes.LANES // self.width

    @property
    def tiles(self) -> int:
        return -(-self.n_scenarios // self.width)

    @property
    def rows(self) -> int:
        return -(-self.n_policies // self.per_row)

    def columns(self) -> NDArray[np.int64]:
        """Scenario of every lane of every tile, int64[tiles * LANES]; padding repeats the last scenario."""
        lane = np.arange(self.tiles * lanes.LANES)
        place = lane if self.width == lanes.LANES else lane % self.width
        return np.minimum(place, self.n_scenarios - 1)

    def policies(self) -> NDArray[np.int64]:
        """Policy of every lane of every row, int64[rows, LANES]; padding repeats the last policy."""
        lane = np.arange(lanes.LANES) // self.width
        return np.minimum(np.arange(self.rows)[:, None] * self.per_row + lane, self.n_policies - 1)

    def gather(self, out: Floats) -> Floats:
        """Lanes back in place: float64[rows, tiles, ..., LANES] to float64[n_policies, ..., n_scenarios]."""
        if self.width == lanes.LANES:
            whole = np.moveaxis(out, 1, -2)
            whole = whole.reshape(*whole.shape[:-2], -1)
        else:
            split = out[:, 0].reshape(self.rows, *out.shape[2:-1], self.per_row, self.width)
            whole = np.moveaxis(split, -2, 1)
            whole = whole.reshape(self.rows * self.per_row, *whole.shape[2:])
        return np.ascontiguousarray(whole[: self.n_policies, ..., : self.n_scenarios])
