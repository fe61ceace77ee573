"""A run folder: blocks of evaluations that are never lost, tables, manifest, log; one process at a time.

    manifest.json  study.toml  codebook.csv  log.jsonl  lock
    front.parquet  front.csv  convergence.parquet  …
    evaluations/part-NAME.parquet

Every file is written whole or not at all (:mod:`tiercap.optimizer.io.durable`). A block proves itself by the
digest it carries, which also ties it to this run's configuration and to its own name, so nothing needs an
index that could disagree with it: the folder is the truth, and opening it again is all that resuming takes.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from tiercap.optimizer.errors import InputError, StorageError
from tiercap.optimizer.io import columns, durable, json_text, lock
from tiercap.optimizer.runs import identity, layout
from tiercap.optimizer.runs.layout import EVALUATIONS, KIND, LOCK, LOG, MANIFEST, NOTHING_RUN, SCHEMA_VERSION

#: Suffixes of the files whose digests the manifest holds.
DIGESTED = frozenset({".parquet", ".csv", ".toml", ".txt", ".md", ".json", ".nc"})

_NAME = re.compile(r"[a-z0-9-]{1,64}", re.ASCII)
_FILE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}", re.ASCII)
_log = logging.getLogger("tiercap")


class RunFolder:
    """An open run folder, locked for this process until :meth:`close`. Made by :meth:`open`.

    path : where it is, absolute. resumed : whether it held this run already.
    configuration : what the run is, as JSON has it. budget : its budget now.
    budget_before : the budget it had when it was opened, None for a new run.
    fingerprint : SHA-256 of the configuration.
    """

    def __init__(self, path: Path, configuration: Mapping[str, Any], kind: str = KIND) -> None:
        self.path = path
        self.kind = kind
        self.configuration: dict[str, Any] = json_text.plain(configuration)
        self.budget: dict[str, Any] = self.configuration.get(identity.BUDGET, {})
        self.budget_before: dict[str, Any] | None = None
        self.resumed = False
        self.fingerprint = identity.fingerprint(self.configuration)
        self._digests: dict[str, str] = {}
        self._lock: int | None = None

    @classmethod
    def open(
        cls,
        path: Path | None,
        configuration: Mapping[str, Any],
        *,
        parent: Path = Path("runs"),
        label: str = "thresholds-2026",
        kind: str = KIND,
    ) -> Self:
        """Open ``path`` as a run of ``configuration``; where it is None, a new folder ``parent/label-NNNN``.

        kind : what the folder is, one of `layout.KINDS`; one kind is never taken for another.

        A missing or empty folder becomes a run, a run of the same configuration is resumed, and numbers under
        ``configuration["budget"]`` may have grown. Raises InputError for a folder that is something else, in
        use, or another configuration's run (with the differences), and StorageError where it cannot be
        written; all of it before anything is computed.
        """
        place = layout.new_folder(parent, label) if path is None else layout.absolute(Path(path))
        layout.refuse_strangers(place)
        run = cls(place, configuration, kind)
        with durable.explained(f"opening the run folder {place}", NOTHING_RUN):
            if not place.exists():
                with suppress(FileExistsError):  # another process was quicker; the lock decides
                    durable.make_folder(place)
            run._lock = lock.acquire(place / LOCK)
            try:
                run._enter()
            except BaseException:
                run.close()
                raise
        return run

    def block(self, name: str) -> dict[str, np.ndarray] | None:
        """The columns committed under ``name``, or None where there are none.

        A block that is not as written is renamed to ``*.damaged``, logged, and counts as absent.
        """
        path = self._part(name)
        try:
            with durable.explained(f"reading {path}"):
                return self._read(path, name)
        except (durable.Unfit, columns.Damaged) as reason:
            with durable.explained(f"setting the damaged {path} aside"):
                kept = durable.set_aside(path)
            self._digests.pop(self._relative(path), None)
            self.log("damaged", file=self._relative(path), kept=kept.name, reason=str(reason))
            _log.warning("%s is damaged (%s); kept as %s and computed again", path, reason, kept.name)
            return None

    def blocks(self) -> list[str]:
        """Names of the committed blocks, sorted; not yet verified."""
        with durable.explained(f"listing {self.path / EVALUATIONS}"):
            files = os.listdir(self.path / EVALUATIONS)
        parts = (f.removeprefix("part-").removesuffix(".parquet") for f in files)
        return sorted(name for name in parts if _NAME.fullmatch(name) and f"part-{name}.parquet" in files)

    def commit(self, name: str, data: Mapping[str, Any], units: Mapping[str, str]) -> None:
        """Store ``data`` as block ``name``; once this returns, it outlives the process and the power.

        data : 1-D columns of float64, int64, bool or text, of one length; units : by column, "1" where
        absent. A block never changes: the same columns again do nothing, other columns are a ValueError.
        Raises StorageError; what was committed before is safe then, and this block whole or absent.
        """
        path = self._part(name)
        arrays = columns.checked(data)
        if os.path.lexists(path):
            old = self.block(name)
            if old is not None and not _same_bits(old, arrays):
                raise ValueError(f"block {name!r} is committed already, with other columns")
            if old is not None:
                with durable.explained(f"making {path} durable"):
                    durable.sync_folder(path.parent)
                return
        self._write(path, columns.to_parquet(arrays, units, self._seal(name)))

    def write_table(self, name: str, data: Mapping[str, Any], units: Mapping[str, str]) -> None:
        """Write ``NAME.parquet`` and ``NAME.csv``, replacing older ones, each whole or not at all.

        Columns and units as for :meth:`commit`. The CSV's numbers read back to the same bits; its text cells
        are made harmless to spreadsheets.
        """
        _check(name, _NAME, "table")
        self._write(self.path / f"{name}.parquet", columns.to_parquet(data, units))
        self._write(self.path / f"{name}.csv", columns.to_csv(data))

    def write_codebook(self, rows: Iterable[tuple[str, str, str]]) -> None:
        """Write ``codebook.csv``: name, unit and meaning of each column used in the run."""
        names, units, meanings = (list(column) for column in zip(*rows, strict=True))
        table = {"name": names, "unit": units, "meaning": meanings}
        self._write(self.path / "codebook.csv", columns.to_csv(table))

    def write_text(self, name: str, text: str) -> None:
        """Write ``text`` as UTF-8 to the file ``name`` (letters, digits, ``._-``), whole or not at all."""
        _check(name, _FILE, "file")
        if name in (MANIFEST, LOCK, LOG, EVALUATIONS):
            raise ValueError(f"{name} has a writer of its own")
        self._write(self.path / name, text.encode("utf-8"))

    @contextmanager
    def placed(self, name: str) -> Iterator[Path]:
        """A path at which the file ``name`` is written a part at a time; in place, whole, when the block ends well."""
        _check(name, _FILE, "file")
        self._check_open()
        self._digests.pop(name, None)
        with durable.placed(self.path, name) as path:
            yield path

    def write_manifest(self, content: Mapping[str, Any]) -> None:
        """Write ``manifest.json``: ``content``, this run's configuration and the digest of every file.

        Strict JSON: what is not finite becomes null. The keys ``schema_version``, ``kind``, ``configuration``
        and ``digests`` are this method's own.
        """
        own = {"schema_version": SCHEMA_VERSION, "kind": self.kind}
        rest = {"configuration": self.configuration, "digests": self._all_digests()}
        text = json_text.dumps({**own, **content, **own, **rest}, indent=1)
        self._check_open()
        durable.write(self.path, MANIFEST, text.encode() + b"\n")

    def read_manifest(self) -> dict[str, Any]:
        """The manifest as it stands on disk."""
        found = layout.read_manifest(self.path)
        if found is None:
            raise StorageError(f"{self.path / MANIFEST} is gone: bring it back or choose another folder with -o")
        return found

    def log(self, event: str, **fields: Any) -> None:
        """Append one line to ``log.jsonl``: the time (UTC), ``event`` and ``fields``."""
        self._check_open()
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = json_text.dumps({"time": now, "event": event, **fields}).encode() + b"\n"
        with durable.explained(f"writing {self.path / LOG}"):
            durable.append_line(self.path / LOG, line)

    def close(self) -> None:
        """Give the folder free for the next process. Does nothing the second time."""
        if self._lock is not None:
            held, self._lock = self._lock, None
            lock.release(held)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    def _enter(self) -> None:
        """With the lock held: tidy up, compare or found the run."""
        layout.refuse_strangers(self.path)  # another process may have made it a run since
        found = layout.read_manifest(self.path)
        if found is not None:
            old = found["configuration"]
            layout.check_same_kind(found, self.kind, self.path)
            identity.check_same(old, self.configuration, f"the run in {self.path}")
            self.resumed, self.budget_before = True, old.get(identity.BUDGET, {})
        evaluations = self.path / EVALUATIONS
        if not os.path.lexists(evaluations):
            durable.make_folder(evaluations)
        elif not stat.S_ISDIR(os.lstat(evaluations).st_mode):
            raise InputError(f"{evaluations} must be a folder, not a link or file: choose another run with -o")
        stale = durable.sweep(self.path) + durable.sweep(evaluations)
        torn = durable.cut_torn_line(self.path / LOG)
        if found is None or self.budget != self.budget_before:
            self.write_manifest(found or {})
        self.log("opened", resumed=self.resumed, budget=self.budget, swept=stale, log_was_torn=torn)

    def _read(self, path: Path, name: str) -> dict[str, np.ndarray] | None:
        try:
            data = durable.read(path, columns.MAX_BYTES)
        except FileNotFoundError:
            return None
        arrays = columns.from_parquet(data, self._seal(name))
        self._digests[self._relative(path)] = hashlib.sha256(data).hexdigest()
        return arrays

    def _write(self, path: Path, data: bytes) -> None:
        self._check_open()
        durable.write(path.parent, path.name, data)
        self._digests[self._relative(path)] = hashlib.sha256(data).hexdigest()

    def _part(self, name: str) -> Path:
        _check(name, _NAME, "block")
        self._check_open()
        return self.path / EVALUATIONS / f"part-{name}.parquet"

    def _seal(self, name: str) -> str:
        return f"{self.fingerprint}/{name}"

    def _relative(self, path: Path) -> str:
        return path.relative_to(self.path).as_posix()

    def _all_digests(self) -> dict[str, str]:
        """SHA-256 by relative path of every file in the folder that a reader may rely on."""
        with durable.explained(f"reading {self.path}"):
            for folder in (self.path, self.path / EVALUATIONS):
                for entry in os.scandir(folder):
                    self._digest(Path(entry.path), entry.is_file(follow_symlinks=False))
        return dict(sorted(self._digests.items()))

    def _digest(self, path: Path, regular: bool) -> None:
        name = self._relative(path)
        ours = regular and path.suffix in DIGESTED and not durable.is_temporary(path.name)
        if ours and name != MANIFEST and name not in self._digests:
            with path.open("rb") as file:
                self._digests[name] = hashlib.file_digest(file, "sha256").hexdigest()

    def _check_open(self) -> None:
        if self._lock is None:
            raise ValueError(f"the run folder {self.path} is closed")


def _check(name: str, rule: re.Pattern[str], what: str) -> None:
    if not rule.fullmatch(name):
        raise InputError(f"the name of a {what} must match {rule.pattern}, but {name[:80]!r} does not")


def _same_bits(old: columns.Columns, new: columns.Columns) -> bool:
    none = dict.fromkeys([*old, *new], "")
    return columns.digest(old, none) == columns.digest(new, none)
