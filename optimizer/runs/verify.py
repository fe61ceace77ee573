"""Whether a run is what its manifest says: every file by its digest, stored policies by computing them again.

A policy's outcomes have the same bits in any company, so a sample tells as surely of its policies as all of them would.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tiercap.kernels.params import OUTCOMES
from tiercap.optimizer.io import columns, durable
from tiercap.optimizer.io.arrays import Floats
from tiercap.optimizer.io.units import printable
from tiercap.optimizer.runs import layout, provenance, saved
from tiercap.optimizer.runs.folder import DIGESTED
from tiercap.optimizer.runs.identity import fingerprint
from tiercap.optimizer.runs.layout import EVALUATIONS, MANIFEST
from tiercap.optimizer.study.problem import Problem, column_name

Progress = Callable[[int], None]

#: Policies computed again unless told otherwise.
SAMPLE = 256
#: Policies computed between two looks at the progress bar.
AT_ONCE = 256
#: What a manifest may list: a file in the folder or one below, never a way out of it.
_LISTED = re.compile(r"(?:[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}/)?[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}", re.ASCII)
_BLOCK = re.compile(rf"{EVALUATIONS}/part-([a-z0-9-]{{1,64}})\.parquet", re.ASCII)


@dataclass(frozen=True)
class Verified:
    """What was looked at and what differs.

    kind : run, sweep, ...; files : how many the manifest lists; uncovered : files beside them whose digest nobody took
    stored : policies in the folder; checked : of those computed again; other : see `provenance.differences`
    """

    path: Path
    kind: str
    files: int
    uncovered: tuple[str, ...]
    stored: int
    checked: int
    other: tuple[str, ...]
    differences: tuple[str, ...]


@dataclass(frozen=True)
class _Table:
    """Stored policies: LEVERS[n, 1], the columns that can be computed again, and what computes them.

    compute : LEVERS[m, 1] to float64[m, len(names)]
    """

    name: str
    levers: NDArray[Any]
    names: list[str]
    compute: Callable[[NDArray[Any]], Floats]
    stored: columns.Columns


def verify(
    path: Path,
    sample: int | None = SAMPLE,
    seed: int = 0,
    threads: int | None = None,
    started: Callable[[int], Progress] = lambda total: lambda done: None,
) -> Verified:
    """Check digests, then compute ``sample`` stored policies again (all of them if None).

    Of a sweep, a sensitivity analysis and the like only the digests are checked; ``kind`` says which it was.
    started : given the number of policies to compute, returns what is called with how many more are done.
    Raises InputError for what is no finished run.
    """
    elsewhere = _other_kind(layout.absolute(path))
    if elsewhere is not None:
        kind, listed = elsewhere
        place = layout.absolute(path)
        told = tuple(check_files(place, listed).values())
        return Verified(place, kind, len(listed), tuple(_uncovered(place, listed)), 0, 0, (), told)
    place, manifest, problem = saved.opened(path, threads)
    wrong = check_files(place, manifest["digests"])
    tables, odd = _tables(place, manifest, problem, wrong)
    sizes = [len(table.levers) for table in tables]
    rows = _sampled(sum(sizes), sample, seed)
    progress = started(len(rows))
    differences, first = [*wrong.values(), *odd], 0
    for table, size in zip(tables, sizes, strict=True):
        mine = rows[(rows >= first) & (rows < first + size)] - first
        if len(mine):
            differences += _again(table, mine, progress)
        first += size
    other = tuple(provenance.differences(manifest, problem))
    uncovered = tuple(_uncovered(place, manifest["digests"]))
    return Verified(place, "run", len(manifest["digests"]), uncovered, first, len(rows), other, tuple(differences))


def _other_kind(place: Path) -> tuple[str, dict[str, Any]] | None:
    """Kind and digests of a folder of ours that is no run of the search; None for one that is, and for a stranger's."""
    manifest = (layout.read_manifest(place) if place.is_dir() else None) or {}
    kind, digests = str(manifest.get("kind")), manifest.get("digests")
    if not kind.startswith("tiercap ") or not isinstance(digests, dict) or not digests:
        return None
    configuration = manifest.get("configuration")
    within = configuration if isinstance(configuration, dict) else {}
    told = next((name for name in ("sensitivity", "discovery", "discover") if name in within), None)
    name = told or kind.removeprefix("tiercap ")
    return None if name == "run" else (name, digests)


def check_files(place: Path, digests: Mapping[str, Any]) -> dict[str, str]:
    """Listed files that are not as listed, each with what is wrong with it in words."""
    wrong = {}
    for name, digest in digests.items():
        told = _wrong(place, name, digest)
        if told:
            wrong[name] = f"{printable(name)} {told}"
    return wrong


def _wrong(place: Path, name: str, digest: Any) -> str:
    if not _LISTED.fullmatch(name):
        return "is no name of a file in a run folder"
    try:
        found = hashlib.sha256(durable.read(place / name, columns.MAX_BYTES)).hexdigest()
    except FileNotFoundError:
        return "is missing"
    except (OSError, durable.Unfit) as reason:
        return f"cannot be read: {reason}"
    if found == digest:
        return ""
    return f"has another SHA-256 than the manifest lists: {found[:12]}, not {printable(str(digest))[:12]}"


def _uncovered(place: Path, digests: Mapping[str, Any]) -> list[str]:
    """Files of the kinds that a manifest lists which this one does not."""
    found = []
    for folder in (place, place / EVALUATIONS):
        for name in sorted(os.listdir(folder)) if folder.is_dir() else []:
            relative = (folder / name).relative_to(place).as_posix()
            ours = Path(name).suffix in DIGESTED and not durable.is_temporary(name) and relative != MANIFEST
            if ours and relative not in digests:
                found.append(relative)
    return found


def _tables(
    place: Path, manifest: Mapping[str, Any], problem: Problem, wrong: Mapping[str, str]
) -> tuple[list[_Table], list[str]]:
    """Every table of stored policies whose file is as listed, and what is odd about those that cannot be read."""
    tables, odd = [], []
    mark = fingerprint(manifest["configuration"])
    for name in manifest["digests"]:
        block = _BLOCK.fullmatch(name)
        if name in wrong or (block is None and name != saved.FRONT):
            continue
        try:
            data = durable.read(place / name, columns.MAX_BYTES)
            stored = columns.from_parquet(data, f"{mark}/{block[1]}" if block else "")
            units = {} if block else columns.units_of(data)
            tables.append(_table(name, stored, units, problem, block is not None))
        except (columns.Damaged, KeyError, ValueError) as reason:
            odd.append(f"{name} does not hold what this run would store: {printable(str(reason))}")
    return tables, odd


def _table(
    name: str, stored: columns.Columns, units: Mapping[str, str], problem: Problem, block: bool
) -> _Table:
    searched = [lever.name for lever in problem.study.levers]
    if block:
        coords = np.stack([stored[f"lever_{lever}"] for lever in searched], axis=1)
        levers = problem.space.resolve(coords)
    else:
        levers = problem.space.rows(saved.searched(stored, units, problem))
    names, compute = _computed(set(stored), problem)
    if not block and problem.fresh is not None:
        others = [f"{column_name(pair)}_fresh" for pair in problem.scoring.screened]
        fresh = partial(problem.evaluator_in(problem.fresh).statistics, wanted=problem.scoring.screened)
        return _Table(name, levers, [*names, *others], lambda some: np.hstack([compute(some), fresh(some)]), stored)
    return _Table(name, levers, names, compute, stored)


def _computed(stored: set[str], problem: Problem) -> tuple[list[str], Callable[[NDArray[Any]], Floats]]:
    """Which columns a table has that can be computed again, told by their names, and how.

    All that is reported: in all scenarios. What decides a policy's place: in the few of the screen. s0, s1, ...: the
    first objective's outcome in each of the few, for a pruner. Raises ValueError for anything else.
    """
    few = problem.screener
    for wanted, where in ((problem.scoring.reported, problem.evaluator), (problem.scoring.screened, few)):
        names = [column_name(pair) for pair in wanted]
        if stored.issuperset(names):
            return names, partial(where.statistics, wanted=wanted)
    each = [f"s{k}" for k in range(len(few.scenarios))]
    if stored.issuperset(each):
        row = OUTCOMES.index(problem.scoring.screened[0][0])
        return each, lambda levers: few.outcomes(levers)[:, row]
    raise ValueError("its outcomes are not those of this study")


def _sampled(total: int, sample: int | None, seed: int) -> NDArray[np.int64]:
    """Rows of all tables one behind the other, in their order."""
    if sample is None or sample >= total:
        return np.arange(total)
    rng = np.random.Generator(np.random.PCG64(seed))
    return np.sort(rng.choice(total, sample, replace=False))


def _again(table: _Table, rows: NDArray[np.int64], progress: Progress) -> list[str]:
    """What differs once these rows of a table are computed again, a line a column."""
    parts = []
    for first in range(0, len(rows), AT_ONCE):
        some = rows[first : first + AT_ONCE]
        parts.append(table.compute(table.levers[some]))
        progress(len(some))
    values, found = np.concatenate(parts), []
    for k, name in enumerate(table.names):
        told = differing(table.stored[name][rows], values[:, k], rows)
        if told:
            found.append(f"{table.name}: {name}: {told}")
    return found


def differing(before: Floats, now: Floats, rows: NDArray[np.int64] | None = None) -> str:
    """How two columns differ, bit by bit; empty where they do not. NaN is like NaN."""
    apart = ~((before == now) | (np.isnan(before) & np.isnan(now)))
    if not apart.any():
        return ""
    with np.errstate(all="ignore"):
        size = np.abs(now - before) / np.maximum(np.abs(before), np.abs(now))
    worst = int(np.argmax(np.where(apart, np.nan_to_num(size, nan=np.inf), -1.0)))
    row = worst if rows is None else int(rows[worst])
    return (
        f"{int(apart.sum())} of {len(before)} values differ, the most in row {row}: {float(before[worst])!r} there, "
        f"{float(now[worst])!r} here"
    )
