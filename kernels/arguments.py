"""What kernels are called with, in five bundles: which part of the work, policies, scenarios, purchases, results."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Part(NamedTuple):
    """The slice of the work that one call does: rows of policies, tiles of scenarios."""

    first_row: int
    last_row: int
    first_tile: int
    last_tile: int


class Policies(NamedTuple):
    """Which rules are in force: for a lane, its row of levers; for a step, the column."""

    levers: np.ndarray  #: LEVERS[n_policies, n_phases]
    lanes: np.ndarray  #: int64[n_rows, LANES], the row of levers each lane obeys
    phase: np.ndarray  #: int64[n_steps], the column of levers in force at each step


class ScenarioTiles(NamedTuple):
    """What the policies meet: tiles of LANES scenarios each (`paths`)."""

    steps_per_year: int
    catalogue: np.ndarray  #: CHIP[n_chips], newest first
    exponent: int  #: 2, 4 or 8, the norm of the roofline
    constants: np.ndarray  #: float64[n_tiles, CONSTANTS_SIZE]
    paths: np.ndarray  #: float64[n_tiles, n_steps, PATHS_SIZE]


class Allied(NamedTuple):
    """What groups A and B do (`allied`)."""

    rows: np.ndarray  #: int64[n_rows], the row of `purchases` that belongs to a row of policies
    purchases: np.ndarray  #: float64[n_allied, n_tiles, n_steps, ALLIED_SIZE]


class Results(NamedTuple):
    """Where the results go."""

    outcomes: np.ndarray  #: float64[n_rows, n_tiles, N_OUTCOMES, LANES]
    trajectory: np.ndarray  #: float64[n_rows, n_tiles, n_steps, N_TRAJECTORY, LANES]; n_rows 0: not wanted
