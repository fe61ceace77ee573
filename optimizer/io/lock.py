"""One process a run folder. The kernel holds the lock, so a dead owner's lock frees itself at once."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import stat
from datetime import UTC, datetime
from pathlib import Path

from tiercap.optimizer.errors import InputError
from tiercap.optimizer.io import durable
from tiercap.optimizer.io.units import printable

#: How the text of every lock begins.
_FIRST = b'{"host": '
_BUSY = (errno.EAGAIN, errno.EACCES)


def acquire(path: Path) -> int:
    """Take the lock at ``path`` and write host, pid and start into it; the open file that holds it.

    Raises InputError naming the owner where another process has it, StorageError where locking fails.
    """
    file = _open(path)
    try:
        with durable.explained(f"locking {path}"):
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if error.errno not in _BUSY:
                    raise
                raise InputError(_refusal(path, file)) from None
            _sign(file)
    except BaseException:
        os.close(file)
        raise
    return file


def release(file: int) -> None:
    """Give the lock back. The file stays: removing it would let two processes lock two files."""
    os.close(file)


def _open(path: Path) -> int:
    with durable.explained(f"opening {path}"):
        file = durable.open_in_place(path)
        status = os.fstat(file)
        # Who died, or met a full disk, while signing has left an empty file or the first letters.
        ours = stat.S_ISREG(status.st_mode) and _FIRST.startswith(os.pread(file, len(_FIRST), 0))
    if ours:
        return file
    os.close(file)
    raise InputError(f"{path} is not a lock of ours, so {path.parent} is not a run: choose another folder")


def _sign(file: int) -> None:
    start = datetime.now(UTC).isoformat(timespec="seconds")
    text = json.dumps({"host": socket.gethostname(), "pid": os.getpid(), "start": start})
    durable.rewrite(file, text.encode() + b"\n")


def _owner(file: int) -> dict[str, object]:
    """What the lock says, or nothing where it says nothing we wrote."""
    try:
        said = json.loads(os.pread(file, 4096, 0))
    except (ValueError, RecursionError):
        return {}  # read while the owner was writing it
    return said if isinstance(said, dict) and {"host", "pid", "start"} <= said.keys() else {}


def _refusal(path: Path, file: int) -> str:
    owner = {key: printable(str(value)) for key, value in _owner(file).items()}
    who = "process {pid} on host {host} since {start}".format(**owner) if owner else "another process"
    return f"{path.parent} is in use by {who}: wait for it, stop it, or choose another folder with -o"
