"""How policies and scenarios are laid out for the kernels: tiles of lanes, slices of work, threads."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tiercap.kernels import lanes
from tiercap.kernels.params import GROUP
from tiercap.optimizer.io.arrays import Floats

#: Evaluations of one call of a kernel, at most and at least: from thousandths to a few hundredths of a second. Between
#: them each thread has CALLS calls, so that the threads end together.
SLICE, LEAST, CALLS = 4096, 512, 4


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


def share(call: Callable[..., None], jobs: Sequence[tuple[Any, ...]], threads: int) -> None:
    """Call once a job, on so many threads; an interrupt waits for the jobs under way only."""
    if threads == 1 or len(jobs) == 1:
        for job in jobs:
            call(*job)
        return
    with ThreadPoolExecutor(threads) as pool:
        futures = [pool.submit(call, *job) for job in jobs]
        try:
            wait(futures)
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
        for future in futures:
            future.result()


def spaced(*shape: int) -> Floats:
    """Zeros with room on both sides: see `lanes.GUARD`."""
    size = int(np.prod(shape))
    return np.zeros(size + 2 * lanes.GUARD)[lanes.GUARD : lanes.GUARD + size].reshape(shape)


def slices(rows: int, tiles: int, threads: int) -> Iterator[tuple[int, int, int, int]]:
    """Row and tile ranges of at most about SLICE evaluations each, fewer where that leaves a thread without work."""
    even = max(LEAST // lanes.LANES, rows * tiles // (CALLS * threads))
    most = min(SLICE // lanes.LANES, even)
    tile_step = min(tiles, most)
    row_step = max(1, most // tile_step)
    for row in range(0, rows, row_step):
        for tile in range(0, tiles, tile_step):
            yield row, min(row + row_step, rows), tile, min(tile + tile_step, tiles)


def allied_rows(levers: np.ndarray, policies: NDArray[np.int64]) -> tuple[bytes, NDArray[np.int64], NDArray[np.int64]]:
    """Distinct lane patterns of A's and B's levers, and which one each row of policies has.

    Returns a digest of the patterns; home: int64[n_distinct, LANES], policies that stand for them; allied: int64[rows].
    """
    size = 2 * GROUP.itemsize
    raw = levers.view(np.uint8).reshape(*levers.shape, levers.dtype.itemsize)[..., :size]
    rules = np.ascontiguousarray(raw).reshape(len(levers), -1)
    first, rule = _distinct(rules)
    of_lanes = rule[policies]
    where, allied = _distinct(of_lanes)
    patterns = of_lanes[where]
    digest = hashlib.blake2b(rules[first].tobytes())
    digest.update(patterns.tobytes())
    return digest.digest(), first[patterns], allied


def _distinct(rows: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where each distinct row first stands, int64[n_distinct], and which of them each row is: int64[n].

    By hashing: sorting rows of hundreds of bytes took as long as a twentieth of the evaluations.
    """
    whole = rows.view(np.dtype((np.void, rows.shape[1] * rows.itemsize))).ravel()
    seen: dict[Any, int] = {}
    kind = np.array([seen.setdefault(row, len(seen)) for row in whole.tolist()], np.int64)
    return np.unique(kind, return_index=True)[1], kind
