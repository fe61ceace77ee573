"""What a sweep takes in time, memory and disk, and which ones are not begun unasked."""

from __future__ import annotations

import shutil
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tiercap.kernels.params import TRAJECTORY
from tiercap.optimizer.errors import StorageError
from tiercap.optimizer.sweeps.plan import BlockEvaluator, Plan

#: Points times policies, and evaluations, beyond which a sweep wants to be confirmed.
LARGE_ROWS, LARGE = 50_000, 50_000_000
#: Seconds for which a rate is measured before a large sweep is refused.
MEASURED = 0.5


@dataclass(frozen=True)
class Estimate:
    """What a sweep will take: seconds on this machine, bytes of memory and of disk."""

    rows: int
    evaluations: int
    seconds: float
    memory: int
    disk: int


def is_large(plan: Plan) -> bool:
    """Whether a sweep wants to be confirmed."""
    return plan.rows > LARGE_ROWS or plan.evaluations > LARGE


def estimate(plan: Plan, threads: int | None = None, netcdf: bool = True) -> Estimate:
    """What a sweep takes, from points that are computed for about half a second, and thrown away."""
    evaluator, n, seconds = BlockEvaluator(plan, threads), 0, 0.0
    evaluator.points(0, 1)  # compile, or load
    size = 1
    while seconds < MEASURED and n < len(plan.design):
        last = min(n + size, len(plan.design), n + plan.points_a_block)
        start = time.perf_counter()
        evaluator.points(n, last)
        seconds, n, size = seconds + time.perf_counter() - start, last, 2 * size
    kept = len(plan.wanted) + plan.horizon.steps * len(TRAJECTORY) * len(plan.statistics) * plan.trajectory
    copies = 3 if netcdf else 2  # blocks, Parquet and netCDF
    disk = 8 * plan.rows * (copies * kept + 2 * len(plan.design.axes) + 2)
    return Estimate(plan.rows, plan.evaluations, seconds / n * len(plan.design), plan.memory(), disk)


def refusal(found: Estimate) -> str:
    """Why a large sweep was not begun, in one sentence."""
    return (
        f"{found.rows:,} points times policies and {found.evaluations:,} evaluations are more than the {LARGE_ROWS:,} "
        f"and {LARGE:,} that run unasked: they take about {_time(found.seconds)}, {found.memory / 2**20:,.0f} MB of "
        f"memory and {found.disk / 2**30:.2f} GB of disk; add --yes-large, or sweep fewer values (--over, --outcome)"
    )


def _time(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"


def check_room(path: Path, plan: Plan, netcdf: bool) -> None:
    """Refuse what the disk has no room for, before it is computed; parts that are there already need none."""
    with suppress(OSError):
        free, wanted = shutil.disk_usage(path).free, 8 * plan.rows * len(plan.wanted) * (3 if netcdf else 2)
        there = sum(entry.stat().st_size for entry in path.rglob("*.*") if entry.is_file())
        if wanted - there > free:
            raise StorageError(
                f"{path} has {free / 2**30:.2f} GB free and the sweep takes about {wanted / 2**30:.2f} GB: free some "
                "room, choose another folder with -o, or sweep fewer values or outcomes"
            )
