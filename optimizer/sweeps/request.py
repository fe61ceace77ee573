"""What a person asks of a sweep, the plan that it makes, and what that takes in time, memory and disk."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tiercap.kernels.params import OUTCOMES, TRAJECTORY
from tiercap.optimizer.errors import InputError, StorageError, did_you_mean
from tiercap.optimizer.io.units import printable
from tiercap.optimizer.model import measures
from tiercap.optimizer.rules.chips import exporter_catalogue
from tiercap.optimizer.runs import named_policy
from tiercap.optimizer.study.problem import Problem
from tiercap.optimizer.study.scoring import SPREAD
from tiercap.optimizer.sweeps import axes, design, plan, points
from tiercap.optimizer.sweeps.plan import BlockEvaluator, Plan, most_held, small_enough

#: Points times policies, and evaluations, beyond which a sweep wants to be confirmed.
LARGE_ROWS, LARGE = 50_000, 50_000_000
#: Seconds for which a rate is measured before a large sweep is refused.
MEASURED = 0.5
#: Policies that a sweep may have.
MAX_POLICIES = 10_000


@dataclass(frozen=True)
class Request:
    """What is asked for, as a person writes it.

    over : axes as in :mod:`tiercap.optimizer.sweeps.axes`; points_from : a file of points instead
    design : one of `design.KINDS`; points : how many, for the drawn designs
    policies : as in `named_policy.several`, the study's rule in force by default
    outcomes : all by default; statistics : whole names of `measures`, such as cvar10, without regret
    trajectory : keep the statistics of every step too; netcdf : write sweep.nc
    """

    over: Sequence[str] = ()
    points_from: Path | None = None
    design: str = "grid"
    points: int | None = None
    policies: Sequence[str] = ()
    outcomes: Sequence[str] = ()
    statistics: Sequence[str] = SPREAD
    trajectory: bool = False
    netcdf: bool = True


def plan_of(problem: Problem, request: Request) -> tuple[Plan, list[str]]:
    """What to compute, and the policies' names. Raises InputError for what cannot be swept."""
    study = problem.study
    named = named_policy.several(request.policies or (study.baseline,), problem, MAX_POLICIES)
    named_policy.check_names(named)
    kept = _outcomes(request.outcomes)
    work = Plan(
        design=_design(problem, request),
        policies=_side_by_side([policy.levers[0] for policy in named]),
        phases=tuple(policy.phase for policy in named),
        outcomes=kept,
        statistics=_statistics(request.statistics, len(kept) == 1 and not request.trajectory),
        futures=small_enough(problem.futures, study.horizon),
        horizon=study.horizon,
        catalogue=exporter_catalogue(),
        trajectory=request.trajectory,
        block_size=plan.BLOCK,
    )
    most = most_held(study.horizon)
    if work.trajectory and len(work.futures) > most:
        raise InputError(
            f"--trajectory keeps every step of at most {most:,} scenarios at a time, not {len(work.futures):,}: "
            "ask for fewer (scenarios.count)"
        )
    return work, [policy.name for policy in named]


def _side_by_side(policies: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """LEVERS[p, n_phases], the last rule of a policy repeated where another has more that follow each other."""
    most = max(len(levers) for levers in policies)
    return np.stack([np.concatenate([levers, np.repeat(levers[-1:], most - len(levers))]) for levers in policies])


def _design(problem: Problem, request: Request) -> design.Design:
    study = problem.study
    if request.points_from is not None:
        if request.over or request.points is not None or request.design != "grid":
            raise InputError("--points-from says every point: leave --over, --design and --points out")
        return points.read(request.points_from, study)
    if not request.over:
        raise InputError(f"a sweep needs --over NAME=LO:HI:N, {axes.EXAMPLE}, or --points-from FILE")
    drawn = request.design in design.DRAWN
    swept = [axes.parse(text, study, drawn) for text in request.over]
    return design.make(request.design, swept, request.points, study.scenarios.seed)


def _outcomes(names: Sequence[str]) -> tuple[str, ...]:
    for name in names:
        if name not in OUTCOMES:
            raise InputError(f"unknown outcome `{printable(name)}`: {did_you_mean(name[:60], OUTCOMES)}")
    return tuple(dict.fromkeys(names)) or OUTCOMES


def _statistics(names: Sequence[str], one: bool) -> tuple[str, ...]:
    """``one`` : whether one outcome alone is kept, so that a threshold means something."""
    for name in names:
        kind = measures.parse(name).kind
        if kind == "regret":
            raise InputError(f"statistic `{printable(name)}` is measured from the policies of a search: leave it out")
        if kind == "satisfice" and not one:
            raise InputError(
                f"statistic `{printable(name)}` has the threshold of one outcome: name that alone with --outcome, and "
                "leave --trajectory out"
            )
    return tuple(dict.fromkeys(names)) or SPREAD


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
