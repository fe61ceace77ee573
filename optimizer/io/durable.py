"""The one way a file is written, whole or not at all, and how a folder is swept of what a dead process left.

Temporary file in the same folder, fsync, rename, fsync of the folder. Until the rename a reader sees what
was there before; from the rename on, all of the new. Every operating-system call that changes a file of a
run goes through this module, and every failure leaves it as one sentence.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tiercap.optimizer.errors import StorageError

_TEMPORARY = re.compile(r"\.tmp-[0-9a-f]{16}-.*", re.DOTALL)
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_OLD = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
#: Some file systems cannot sync a folder, and say so in one of these ways; the rename stands regardless.
_NO_FOLDER_SYNC = (errno.EINVAL, errno.ENOTSUP)

_AGAIN = "run the same command again"
#: What a failure means and what to do about it.
_CAUSES = {
    errno.ENOSPC: ("the disk is full", f"free some room and {_AGAIN}"),
    errno.EDQUOT: ("the disk quota is used up", f"free some room and {_AGAIN}"),
    errno.EFBIG: ("a limit on the size of files was hit", f"raise the limit (ulimit -f) and {_AGAIN}"),
    errno.EROFS: ("the file system is read-only", "make it writable or choose another folder"),
    errno.EACCES: ("permission is denied", "make it writable or choose another folder"),
    errno.EPERM: ("the operation is not permitted", "make it writable or choose another folder"),
    errno.EIO: ("the device reports an input/output error", f"check the disk and {_AGAIN}"),
    errno.ENOENT: ("the folder is not there", "bring it back or choose another"),
    errno.EEXIST: ("a part of the path is a file", "choose another folder"),
    errno.ENOTDIR: ("a part of the path is not a folder", "choose another folder"),
    errno.ELOOP: ("a link stands where a file should", "remove the link or choose another folder"),
    errno.ENAMETOOLONG: ("the path is too long", "choose a shorter one"),
    errno.EMFILE: ("too many files are open", f"raise the limit (ulimit -n) and {_AGAIN}"),
    errno.ENOLCK: ("the file system has no locks", "choose a folder on a local disk"),
}
SAFE = "what was committed before is safe"


class Unfit(Exception):
    """A file that cannot be what it should be: a link, a device, too large. The text says which."""


def sentence(error: OSError, doing: str, safe: str = SAFE) -> str:
    """What was being done, why it failed, what is safe and how to go on."""
    cause, remedy = _CAUSES.get(error.errno or 0, (error.strerror or str(error), f"repair this and {_AGAIN}"))
    return f"{doing} failed: {cause}; {safe}; {remedy}"


@contextmanager
def explained(doing: str, safe: str = SAFE) -> Iterator[None]:
    """Turn an OSError inside into a StorageError that says what was being done."""
    try:
        yield
    except OSError as error:
        raise StorageError(sentence(error, doing, safe)) from error


def write(folder: Path, name: str, data: bytes) -> None:
    """Put ``data`` into ``folder/name``, replacing what was there, so that either is always whole.

    Raises StorageError; then the old file stands, or, if only the last step failed, the new one does, and the
    sentence says so.
    """
    with explained(f"writing {folder / name}"):
        _replace(folder, name, data)
    safe = "the file is in place and whole, but might not survive a power cut"
    with explained(f"making {folder / name} durable", safe):
        sync_folder(folder)


@contextmanager
def placed(folder: Path, name: str) -> Iterator[Path]:
    """A path at which ``folder/name`` is written a part at a time; in place, whole, when the block ends well."""
    temporary = folder / f".tmp-{secrets.token_hex(8)}-{name}"
    with explained(f"writing {folder / name}"):
        try:
            yield temporary
            file = os.open(temporary, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                os.fchmod(file, 0o600 | (os.stat(folder).st_mode & 0o044))
                os.fsync(file)
            finally:
                os.close(file)
            os.replace(temporary, folder / name)
        except BaseException:
            _forget(temporary)
            raise
        sync_folder(folder)


def _replace(folder: Path, name: str, data: bytes) -> None:
    temporary = folder / f".tmp-{secrets.token_hex(8)}-{name}"
    readable = os.stat(folder).st_mode & 0o044  # whoever may read the folder may read its files
    file = os.open(temporary, _NEW, 0o600)
    try:
        try:
            _write_all(file, data)
            os.fchmod(file, 0o600 | readable)
            os.fsync(file)
        finally:
            os.close(file)
        os.replace(temporary, folder / name)
    except BaseException:
        _forget(temporary)
        raise


def _write_all(file: int, data: bytes) -> None:
    left = memoryview(data)
    while len(left):
        left = left[os.write(file, left) :]


def _forget(path: Path) -> None:
    with suppress(OSError):  # gone already, or swept when the run is opened next
        os.unlink(path)


def make_folder(path: Path) -> None:
    """Make ``path`` and its missing parents, durably. FileExistsError where it exists, OSError otherwise."""
    if not path.parent.exists():
        with suppress(FileExistsError):  # another process was quicker
            make_folder(path.parent)
    os.mkdir(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in ``folder`` survive a power cut, where the file system can."""
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise
    finally:
        os.close(file)


def is_temporary(name: str) -> bool:
    """Whether ``name`` is one that :func:`write` gives to a file it has not finished."""
    return _TEMPORARY.fullmatch(name) is not None


def sweep(folder: Path) -> int:
    """Remove what killed writers left behind in ``folder``; how many files that were."""
    stale = [name for name in os.listdir(folder) if is_temporary(name)]
    for name in stale:
        _forget(folder / name)
    return len(stale)


def set_aside(path: Path) -> Path:
    """Rename ``path`` to the first free ``path.damaged``, ``path.damaged-2``, …; the new path."""
    new, number = path.with_name(path.name + ".damaged"), 1
    while os.path.lexists(new):
        number += 1
        new = path.with_name(f"{path.name}.damaged-{number}")
    os.rename(path, new)
    return new


def open_in_place(path: Path) -> int:
    """Open ``path``, empty where it is missing, to be read, locked and rewritten; links are not followed."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o644)


def rewrite(file: int, data: bytes) -> None:
    """Put ``data`` in place of what an open file says; for words of the moment only, as an instant may halve them."""
    os.ftruncate(file, 0)
    os.pwrite(file, data, 0)


def append_line(path: Path, line: bytes) -> None:
    """Add ``line``, newline and all, to ``path`` in one write; a line that does not fit is taken back."""
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    try:
        size = os.fstat(file).st_size
        if os.write(file, line) != len(line):
            os.ftruncate(file, size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    finally:
        os.close(file)


def cut_torn_line(path: Path) -> bool:
    """Cut ``path`` back to its last newline; whether there was anything to cut. A missing file is whole."""
    try:
        file = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        size = os.fstat(file).st_size
        end, block = size, b""
        while end > 0 and b"\n" not in block:
            start = max(0, end - 65536)
            block = os.pread(file, end - start, start)
            end = start + block.rfind(b"\n") + 1
        if end != size:
            os.ftruncate(file, end)
        return end != size
    finally:
        os.close(file)


def read(path: Path, limit: int) -> bytes:
    """All of a regular file of at most ``limit`` bytes. Raises FileNotFoundError, OSError or Unfit."""
    try:
        file = os.open(path, _OLD)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise Unfit("it is a link") from None
        raise
    try:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode):
            raise Unfit("it is not a regular file")
        if status.st_size > limit:
            raise Unfit(f"its {status.st_size:,} bytes are more than the {limit:,} that are read")
        with os.fdopen(file, "rb", closefd=False) as stream:
            return stream.read(limit)
    finally:
        os.close(file)
