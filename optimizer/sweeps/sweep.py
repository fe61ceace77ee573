"""A sweep: how outcomes move with levers and parameters, the whole ensemble at every point, to labelled tables.

Blocks are committed to a folder one by one, so that a sweep that was stopped, however, goes on where it was. The
tables are made from the blocks at the end, and are the same bytes for any threads, workers and interruptions.
"""

from __future__ import annotations

import hashlib
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tiercap.optimizer.errors import InputError, StorageError
from tiercap.optimizer.io import machine
from tiercap.optimizer.model import measures
from tiercap.optimizer.model.evaluator import code_digest, vector_bits
from tiercap.optimizer.rules.levers import describe
from tiercap.optimizer.runs.folder import RunFolder
from tiercap.optimizer.runs.layout import SWEEP
from tiercap.optimizer.study import stored
from tiercap.optimizer.study.problem import Problem
from tiercap.optimizer.sweeps import dask_blocks, netcdf, tables
from tiercap.optimizer.sweeps.plan import CLIPPED, Block, BlockEvaluator, Plan, identity
from tiercap.optimizer.sweeps.request import Request, check_room, estimate, is_large, plan_of, refusal


class Extreme(NamedTuple):
    """A value and the row of the table that has it."""

    value: float
    row: int


@dataclass
class Sweep:
    """A sweep, under way or finished.

    names : of the policies; clipped : rows in which a cap was cut to the one around it; done, reused : evaluations
    rows : the table, where it is short enough for a CSV
    extremes : lowest and highest of every outcome's first statistic
    """

    problem: Problem
    plan: Plan
    names: list[str]
    folder: RunFolder
    start: float = field(default_factory=time.perf_counter)
    done: int = 0
    reused: int = 0
    clipped: int = 0
    seconds: float = 0.0
    files: list[str] = field(default_factory=list)
    rows: dict[str, np.ndarray] | None = None
    extremes: dict[str, tuple[Extreme, Extreme]] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        """The folder."""
        return self.folder.path

    def at(self, point: int) -> dict[str, float | str]:
        """A point's value of every swept name: "none" where a cap is lifted, "as is" where the name is not moved."""
        words = {np.inf: "none"}
        values = self.plan.design.coordinates(point, point + 1)[0].tolist()
        told = ("as is" if np.isnan(value) else words.get(value, value) for value in values)
        return dict(zip(self.plan.design.names, told, strict=True))


#: Given the sweep, returns what is called with the evaluations done so far.
Progress = Callable[[Sweep], Callable[[int], None]]


def configuration(problem: Problem, plan: Plan, names: Sequence[str]) -> dict[str, Any]:
    """What makes a sweep the same sweep: points, policies, futures, code and data."""
    resolved = stored.resolved(problem.study)
    futures = {**resolved["scenarios"], "file": getattr(plan.futures, "digest", "")}
    table = plan.design.table
    digests = {
        "exporter_catalogue": _digest(plan.catalogue),
        "policies": _digest(plan.policies),
        "points": _digest(table) if table is not None else "",
    }
    return {
        "horizon": resolved["horizon"],
        "scenarios": futures,
        "parameters": resolved["parameters"],
        "design": plan.design.described(),
        "policies": list(names),
        **({"schedules": [list(p) if p else None for p in plan.phases]} if any(plan.phases) else {}),
        "outcomes": list(plan.outcomes),
        "statistics": list(plan.statistics),
        "trajectory": plan.trajectory,
        "points_a_block": plan.points_a_block,
        "code": identity(),
        "data": digests,
    }


def _digest(*arrays: np.ndarray) -> str:
    return hashlib.sha256(b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)).hexdigest()


def sweep(
    problem: Problem,
    request: Request,
    output: Path | None = None,
    *,
    yes_large: bool = False,
    dask: str | None = None,
    progress: Progress | None = None,
) -> Sweep:
    """Compute what is missing, and write the tables.

    output : the folder, a new one under `runs` if None; yes_large : begin whatever it takes
    dask : a scheduler's address, or ``local:N`` for N worker processes of this machine

    Raises InputError, StorageError; KeyboardInterrupt leaves a folder that the same call goes on with.
    """
    if request.netcdf:
        netcdf.check_installed()
    if dask is not None:
        dask_blocks.check(dask)
    plan, names = plan_of(problem, request)
    if not yes_large and is_large(plan):
        raise InputError(refusal(estimate(plan, problem.threads, request.netcdf)))
    with ExitStack() as stack:
        workers = stack.enter_context(dask_blocks.connected(dask)) if dask is not None else None
        told = configuration(problem, plan, names)
        folder = stack.enter_context(RunFolder.open(output, told, label="sweep", kind=SWEEP))
        check_room(folder.path, plan, request.netcdf)
        run = Sweep(problem, plan, names, folder)
        tell = progress(run) if progress else lambda done: None
        folder.log("started", resumed=folder.resumed)
        try:
            _compute(run, workers, tell)
            _write(run, request.netcdf)
        except KeyboardInterrupt:
            with suppress(StorageError):  # why it ended matters more
                folder.log("interrupted", evaluations=run.done)
            raise
        folder.log("finished", evaluations=run.done, reused=run.reused)
    return run


def _compute(run: Sweep, workers: Any, tell: Callable[[int], None]) -> None:
    """Commit every block that the folder does not have; ``workers`` : a Dask client, None to compute here."""
    plan, there = run.plan, set(run.folder.blocks())
    missing = []
    for number in range(plan.blocks):
        if set(_parts(plan, number)) <= there:
            run.reused += plan.evaluations_of(number)
        else:
            missing.append(number)
    run.done = run.reused
    tell(run.done)
    if workers is not None:
        for number, worker, block in dask_blocks.blocks(workers, plan, run.folder.fingerprint, missing):
            run.folder.log("block", number=number, worker=worker)
            _commit(run, number, block)
            run.done += plan.evaluations_of(number)
            tell(run.done)
        return
    evaluator = BlockEvaluator(plan, run.problem.threads)

    def advance(evaluations: int) -> None:
        run.done += evaluations
        tell(run.done)

    for number in missing:
        _commit(run, number, evaluator.block(number, advance))


def _parts(plan: Plan, number: int) -> list[str]:
    """Names of what is committed of a block."""
    return [f"block-{number:07d}", *([f"steps-{number:07d}"] if plan.trajectory else [])]


def _commit(run: Sweep, number: int, block: Block) -> None:
    units = [{measures.column(*pair): measures.unit(*pair) for pair in run.plan.wanted}, {}]  # of a step see the tables
    for part, data, unit in zip(_parts(run.plan, number), block, units, strict=False):
        run.folder.commit(part, data, unit)


def _blocks(run: Sweep) -> Iterator[tuple[int, np.ndarray, Block]]:
    """Every block from the folder, in order; one that is damaged is computed again."""
    plan = run.plan
    for number in range(plan.blocks):
        found = [run.folder.block(part) for part in _parts(plan, number)]
        if None in found:
            _commit(run, number, BlockEvaluator(plan, run.problem.threads).block(number))
            found = [run.folder.block(part) for part in _parts(plan, number)]
        first, last = plan.span(number)
        block = Block(*(part or {} for part in (*found, {})[:2]))
        _note(run, first, block)
        yield first, plan.design.coordinates(first, last), block


def _note(run: Sweep, first: int, block: Block) -> None:
    """Keep of a block what is told of a sweep as a whole."""
    plan = run.plan
    run.clipped += int(block.statistics[CLIPPED].sum())
    for outcome in plan.outcomes:
        values, begin = block.statistics[measures.column(outcome, plan.statistics[0])], first * len(run.names)
        if np.isnan(values).all():
            continue
        low, high = int(np.nanargmin(values)), int(np.nanargmax(values))
        here = Extreme(float(values[low]), begin + low), Extreme(float(values[high]), begin + high)
        lowest, highest = run.extremes.get(outcome, here)
        run.extremes[outcome] = min(lowest, here[0]), max(highest, here[1], key=lambda e: (e.value, -e.row))


def _write(run: Sweep, netcdf: bool) -> None:
    """Tables, codebook and manifest; the manifest last, with everybody's digest."""
    plan, folder, study = run.plan, run.folder, run.problem.study
    source = {
        "title": f"{study.name}: sweep over {', '.join(plan.design.names)}",
        "kind": SWEEP,
        "study": study.name,
        "study_title": study.title,
        "source": f"tiercap {version('tiercap')}, kernels {code_digest()}; modelled, not forecast",
        "configuration_sha256": folder.fingerprint,
    }
    run.files, run.rows = tables.write(folder, plan, run.names, _blocks(run), source, netcdf)
    declared = tables.table_columns(plan)
    if plan.trajectory:
        known = {column.name for column in declared}
        declared = declared + [c for c in tables.trajectory_columns(plan) if c.name not in known]
    folder.write_codebook((c.name, c.unit, c.meaning) for c in declared)
    run.seconds = time.perf_counter() - run.start
    folder.write_manifest(manifest(run))


def manifest(run: Sweep) -> dict[str, Any]:
    """All it takes to make the sweep again and to read its tables, and what it took this time."""
    plan, futures = run.plan, run.plan.futures
    columns = [
        {"name": c.name, "unit": c.unit, "outcome": c.outcome, "statistic": c.statistic}
        for c in tables.table_columns(plan) if c.outcome
    ]  # fmt: skip
    policies = zip(run.names, plan.policies, plan.phases, strict=True)
    return {
        "study": stored.resolved(run.problem.study),
        "configuration_sha256": run.folder.fingerprint,
        "sweep": {
            **plan.design.described(),
            "policies": [_policy(name, levers, phase) for name, levers, phase in policies],
            "outcomes": list(plan.outcomes),
            "statistics": list(plan.statistics),
            "columns": columns,
            "trajectory": plan.trajectory,
            "rows": plan.rows,
            "clipped": run.clipped,
            "files": run.files,
        },
        "scenarios": {
            "ensemble": getattr(futures, "source", ""), "sha256": getattr(futures, "digest", ""), "count": len(futures),
            "kind": run.problem.study.scenarios.kind, "seed": run.problem.study.scenarios.seed,
        },
        "versions": {**identity(), "python": platform.python_version()},
        "machine": {"system": platform.system(), "processor": platform.machine(), "vector_bits": vector_bits(),
                    "threads": run.problem.threads, "peak_memory": machine.peak_memory()},
        "evaluations": plan.evaluations,
        "evaluations_reused": run.reused,
        "seconds": run.seconds,
    }  # fmt: skip


def _policy(name: str, levers: np.ndarray, phase: Sequence[int] | None) -> dict[str, Any]:
    """One policy of the manifest. levers : LEVERS[n_phases]"""
    about: dict[str, Any] = {"name": name, "levers": _plain(describe(levers[:1]))}
    if phase is not None:
        used = levers[: max(phase) + 1]
        about["schedule"] = {"levers": [_plain(describe(rule)) for rule in used.reshape(-1, 1)], "steps": list(phase)}
    return about


def _plain(levers: dict[str, float]) -> dict[str, Any]:
    """Levers as JSON has them; one that is lifted is "none"."""
    return {name: value if np.isfinite(value) else "none" for name, value in levers.items()}
