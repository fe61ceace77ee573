"""What a run folder is made of, of which kind a folder is, and how a path becomes a run or is refused.

A run is a folder with a ``manifest.json`` of our kind. A folder that is empty, or holds only what a process
left that died while founding a run, becomes one. Anything else is refused before a byte is written to it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tiercap.optimizer.errors import InputError, StorageError
from tiercap.optimizer.io import durable, json_text

SCHEMA_VERSION = 1
KIND, SWEEP = "tiercap run", "tiercap sweep"
#: What a folder of ours may be.
KINDS = (KIND, SWEEP)
MANIFEST, LOCK, LOG, EVALUATIONS = "manifest.json", "lock", "log.jsonl", "evaluations"
MAX_MANIFEST = 64 * 1024**2
NOTHING_RUN = "nothing was run"

_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,47}", re.ASCII)


def absolute(path: Path) -> Path:
    """``path`` from the root, so that changing the working directory moves nothing."""
    if "\0" in str(path):
        raise InputError("the path of a run folder must not contain a NUL character: choose another with -o")
    return Path(os.path.abspath(path))


def new_folder(parent: Path, label: str) -> Path:
    """Make ``parent/label-NNNN`` with the number after the highest there is."""
    if not _LABEL.fullmatch(label):
        raise InputError(f"the label of a run must match {_LABEL.pattern}, but {label[:60]!r} does not")
    parent = absolute(parent)
    pattern = re.compile(re.escape(label) + r"-([0-9]{4,9})")
    with durable.explained(f"making a run folder in {parent}", NOTHING_RUN):
        taken = [pattern.fullmatch(name) for name in os.listdir(parent)] if parent.is_dir() else []
        number = max((int(match[1]) for match in taken if match), default=0)
        while True:
            number += 1
            try:
                durable.make_folder(parent / f"{label}-{number:04d}")
            except FileExistsError:
                if not parent.is_dir():
                    raise
                continue  # another process was quicker
            return parent / f"{label}-{number:04d}"


def refuse_strangers(path: Path) -> None:
    """Raise InputError unless ``path`` is missing, an empty folder or a run. Changes nothing."""
    with durable.explained(f"looking at {path}", NOTHING_RUN):
        if path.is_symlink() and not path.exists():
            raise InputError(f"{path} is a link that leads nowhere: choose another folder with -o")
        if not path.exists():
            return
        if not path.is_dir():
            raise InputError(f"a run needs a folder, but {path} is a file: choose another with -o")
        names = os.listdir(path)
        strange = sorted(name for name in names if name != LOCK and not _scaffold(path, name))
    if os.path.lexists(path / MANIFEST):  # asked last: another process may be founding the run
        check_kind(read_manifest(path) or {}, path)
    elif strange:
        shown = ", ".join(ascii(name[:40]) for name in strange[:3]) + (", ..." if len(strange) > 3 else "")
        raise InputError(f"{path} is neither empty nor a run, it holds {shown}: choose another folder with -o")


def _scaffold(path: Path, name: str) -> bool:
    """Whether ``name`` may stand in a folder that died while becoming a run."""
    if durable.is_temporary(name):
        return True
    return name == EVALUATIONS and (path / name).is_dir() and not os.listdir(path / name)


def read_manifest(path: Path) -> dict[str, Any] | None:
    """The manifest in folder ``path``, None where there is none; StorageError where it is damaged."""
    try:
        with durable.explained(f"reading {path / MANIFEST}", "nothing was changed"):
            try:
                found = json_text.loads(durable.read(path / MANIFEST, MAX_MANIFEST))
            except FileNotFoundError:
                return None
    except (durable.Unfit, ValueError) as reason:
        raise StorageError(
            f"{path / MANIFEST} cannot be read ({str(reason)[:120]}): restore it from a copy, or choose "
            "another folder with -o; the evaluations beside it are untouched"
        ) from None
    return found if isinstance(found, dict) else {}


def check_kind(found: Mapping[str, Any], path: Path) -> None:
    """Raise InputError unless ``found`` is a manifest of ours, of a version that is known."""
    if found.get("kind") not in KINDS or not isinstance(found.get("configuration"), dict):
        raise InputError(f"{path} is not a run, its {MANIFEST} is of something else: choose another with -o")
    if found.get("schema_version") != SCHEMA_VERSION:
        version = str(found.get("schema_version"))[:20]
        raise InputError(
            f"the run in {path} has schema version {version}, and this tiercap reads {SCHEMA_VERSION}: "
            "use the tiercap that made it, or choose another folder with -o"
        )


def check_same_kind(found: Mapping[str, Any], kind: str, path: Path) -> None:
    """Raise InputError where the folder ``path`` is of another kind than ``kind``."""
    if found.get("kind") != kind:
        was, now = (text.removeprefix("tiercap ") for text in (str(found.get("kind")), kind))
        raise InputError(f"{path} is a {was}, not a {now}: choose another folder with -o")
