"""A run made once more from its manifest, in a folder of its own, and held against the first."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tiercap.optimizer.errors import InputError
from tiercap.optimizer.io import columns, durable
from tiercap.optimizer.runs import layout, provenance, saved
from tiercap.optimizer.runs.identity import fingerprint
from tiercap.optimizer.runs.layout import EVALUATIONS
from tiercap.optimizer.runs.verify import check_files, differing
from tiercap.optimizer.search import seeds
from tiercap.optimizer.search.run import Progress, Run, optimize

#: Files that a search makes; others in a run folder are their owner's.
_MADE = re.compile(
    rf"(?:front|convergence|attainment)\.(?:parquet|csv)|codebook\.csv|{EVALUATIONS}/part-[a-z0-9-]{{1,64}}\.parquet"
)
#: What a manifest says of the search besides the digests of files, and must say again.
_SAID = ("evaluations", "hypervolume")


@dataclass(frozen=True)
class Replication:
    """Both folders, the number of files compared, what made the first run otherwise, and what differs."""

    path: Path
    again: Path
    files: int
    other: tuple[str, ...]
    differences: tuple[str, ...]


def replicate(
    path: Path,
    output: Path | None = None,
    threads: int | None = None,
    ensemble: Path | None = None,
    progress: Progress | None = None,
) -> Replication:
    """Search again from the manifest in ``path`` (a run folder, or a manifest alone), and compare.

    output : an empty or missing folder, by default a new one under `runs`; ensemble : see `saved.opened`.
    Raises InputError for what is no finished run or an output that holds something.
    """
    if path.name == layout.MANIFEST and path.is_file():
        path = path.parent
    place, manifest, problem = saved.opened(path, threads, ensemble)
    if output is not None:
        _refuse(layout.absolute(output))
    several = seeds.recorded(manifest)
    if several:
        run: Run = seeds.search(problem, several, output, progress=progress)
    else:
        run = optimize(problem, output, progress)
    again = layout.read_manifest(run.path) or {}
    other = tuple(provenance.differences(manifest, problem))
    files, found = compared(place, manifest, run.path, again)
    return Replication(place, run.path, files, other, tuple(found))


def _refuse(output: Path) -> None:
    """A search goes on in a folder that holds one, which would repeat nothing."""
    if output.is_dir() and os.listdir(output):
        raise InputError(f"{output} holds something, and a replication starts from nothing: name a new folder with -o")


def compared(
    place: Path, manifest: Mapping[str, Any], again: Path, made: Mapping[str, Any]
) -> tuple[int, list[str]]:
    """How many files were compared, and what differs between the run in ``place`` and the one in ``again``.

    The first run's files need not be there: its manifest has their digests. Where they are there, as listed, a
    difference is told value by value, and a file that says the same in other bytes counts as the same. Blocks are
    sealed with the code that made them, so under other code their digests alone tell nothing.
    """
    there, here = manifest["digests"], made["digests"]
    names = [name for name in dict.fromkeys([*there, *here]) if _MADE.fullmatch(name)]
    if fingerprint(manifest["configuration"]) != fingerprint(made["configuration"]):
        names = [name for name in names if not name.startswith(EVALUATIONS) or (place / name).is_file()]
    found = []
    for name in names:
        if name not in here:
            found.append(f"{name} was not made again")
        elif name not in there:
            found.append(f"{name} is new")
        elif there[name] != here[name]:
            found += _told(name, place, manifest, again, made)
    found += [f"manifest: {key} differs" for key in _SAID if manifest.get(key) != made.get(key)]
    return len(names), found


def _told(
    name: str, place: Path, manifest: Mapping[str, Any], again: Path, made: Mapping[str, Any]
) -> list[str]:
    """How one file differs: by column where both can be read, else that it does."""
    if not name.endswith(".parquet") or check_files(place, {name: manifest["digests"][name]}):
        return [f"{name} differs"]
    before, now = (_columns(folder, name, said) for folder, said in ((place, manifest), (again, made)))
    if list(before) != list(now) or {len(v) for v in before.values()} != {len(v) for v in now.values()}:
        return [f"{name} differs in its columns or in the number of its rows"]
    found = []
    for column in before:
        if before[column].dtype.kind == "f" and now[column].dtype.kind == "f":
            told = differing(before[column], now[column])
        else:
            told = "" if np.array_equal(before[column], now[column]) else "differs"
        if told:
            found.append(f"{name}: {column}: {told}")
    return found


def _columns(folder: Path, name: str, manifest: Mapping[str, Any]) -> columns.Columns:
    stem = Path(name).stem.removeprefix("part-")
    seal = f"{fingerprint(manifest['configuration'])}/{stem}" if name.startswith(EVALUATIONS) else ""
    return columns.from_parquet(durable.read(folder / name, columns.MAX_BYTES), seal)
