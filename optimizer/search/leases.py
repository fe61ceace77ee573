"""Which workers live, and whose turn it is: locks that end with the process that holds them.

No clock and no heartbeat takes part. A worker holds a lock named after it for as long as it lives; whoever can take
that lock knows that its owner is dead. On a PostgreSQL server these are advisory locks of a connection, which the
server drops when the process or, by the keep-alive of TCP, its machine is gone. Beside a journal file they are locked
files, which the kernel frees. A worker that is merely slow, stopped or busy in a long kernel keeps its lock.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import re
import secrets
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

from tiercap.optimizer.errors import InputError, StorageError
from tiercap.optimizer.io import durable
from tiercap.optimizer.search.storage_url import MeetingPlace

#: Seconds to reach a server at one address, and to wait for another worker's turn to end.
REACH, TURN = 5, 60
#: How soon a machine that is gone is noticed: seconds of silence, between questions, questions.
SILENCE = {"keepalives_idle": "10", "keepalives_interval": "5", "keepalives_count": "3"}
_WORKER = re.compile(r"[0-9a-f]{16}\.[A-Za-z0-9.-]{0,64}\.[0-9]+", re.ASCII)
_NO_SERVER = "check address, database, user and password, and that the server runs"


class Leases(Protocol):
    """What a place offers. ``worker`` is this process's name there, unlike any other's."""

    worker: str

    def turn(self) -> Any:
        """A context in which no other worker is in one."""

    def alive(self, worker: str) -> bool:
        """Whether the worker of that name still runs; to be asked in a turn."""

    def close(self) -> None:
        """Count as dead from now on."""


def of(place: MeetingPlace) -> Leases:
    """The leases of ``place``. Raises InputError or StorageError."""
    return ServerLeases(place) if place.path is None else FileLeases(place.path)


def connection_arguments(place: MeetingPlace) -> dict[str, Any]:
    """Keywords of every connection to the server of ``place``."""
    patience = {"connect_timeout": str(REACH), "tcp_user_timeout": "30000", "application_name": "tiercap", **SILENCE}
    return {**patience, **place.arguments}


def _name() -> str:
    host = re.sub(r"[^A-Za-z0-9.-]", "-", socket.gethostname())[:64]
    return f"{secrets.token_hex(8)}.{host}.{os.getpid()}"


def _key(worker: str) -> int:
    """The number of a worker's lock in a database; the empty name is that of the turn."""
    return int.from_bytes(hashlib.sha256(f"tiercap\0{worker}".encode()).digest()[:8], signed=True)


class ServerLeases:
    """Advisory locks of one connection of their own."""

    def __init__(self, place: MeetingPlace) -> None:
        if importlib.util.find_spec("psycopg") is None:
            raise InputError(
                "a study shared through PostgreSQL needs the package psycopg, which is not installed: "
                'pip install "tiercap[postgres]"'
            )
        import psycopg

        self._place, self.worker = place, _name()
        try:
            self._connection = psycopg.connect(**connection_arguments(place), autocommit=True)
        except psycopg.ProgrammingError as error:
            raise InputError(f"--storage: {self._words(error)}") from None
        except (psycopg.Error, UnicodeError) as error:
            raise StorageError(f"cannot open {place.shown}: {self._words(error)}; {_NO_SERVER}") from None
        try:
            for name, value in {f"tcp_{name}": value for name, value in SILENCE.items()}.items():
                self._ask("SELECT set_config(%s, %s, false)", name, value)
            self._ask("SELECT set_config('lock_timeout', %s, false)", f"{TURN}s")
            if self._connection.info.server_version >= 140000:
                self._ask("SELECT set_config('idle_session_timeout', '0', false)")
            self._ask("SELECT pg_advisory_lock(%s)", _key(self.worker))
        except BaseException:
            self.close()
            raise

    @contextmanager
    def turn(self) -> Iterator[None]:
        key = _key("")
        self._ask("SELECT pg_advisory_lock(%s)", key)
        try:
            yield
        finally:
            with suppress(StorageError):  # a connection that is gone has let go of it
                self._ask("SELECT pg_advisory_unlock(%s)", key)

    def alive(self, worker: str) -> bool:
        key = _key(worker)
        free = worker != self.worker and self._ask("SELECT pg_try_advisory_lock(%s)", key)
        if free:
            self._ask("SELECT pg_advisory_unlock(%s)", key)
        return not free

    def close(self) -> None:
        self._connection.close()

    def _ask(self, query: str, *values: Any) -> Any:
        import psycopg

        try:
            row = self._connection.execute(query, values).fetchone()  # type: ignore[arg-type]
        except psycopg.errors.LockNotAvailable:
            raise StorageError(
                f"another worker of {self._place.shown} has had its turn for {TURN} seconds: look whether one hangs, "
                "and run the same command again"
            ) from None
        except psycopg.Error as error:
            raise StorageError(
                f"{self._place.shown} does not answer any more: {self._words(error)}; {durable.SAFE}; run the same "
                "command again"
            ) from None
        return row[0] if row else None

    def _words(self, error: Exception) -> str:
        """The first line of what the server or its driver said, without secrets."""
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        return self._place.without_secrets((lines or [type(error).__name__])[0])


class FileLeases:
    """Locked files in a folder beside a journal, `NAME.locks`."""

    def __init__(self, journal: Path) -> None:
        self.worker = _name()
        self._folder = journal.with_name(f"{journal.name}.locks")
        with durable.explained(f"making {self._folder}"):
            self._folder.mkdir(exist_ok=True)
        self._own = self._open(self.worker)
        fcntl.flock(self._own, fcntl.LOCK_EX)

    @contextmanager
    def turn(self) -> Iterator[None]:
        with self.locked("turn"):
            yield

    @contextmanager
    def locked(self, name: str) -> Iterator[None]:
        """Hold the lock of that name."""
        file = self._open(name)
        try:
            self._wait(file)
            yield
        finally:
            os.close(file)

    def alive(self, worker: str) -> bool:
        if worker == self.worker:
            return True
        path = self._folder / worker
        if not _WORKER.fullmatch(worker) or not path.exists():
            return False
        file = self._open(worker)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(file)
        path.unlink(missing_ok=True)  # a worker's name never comes again
        return False

    def close(self) -> None:
        with suppress(OSError):
            (self._folder / self.worker).unlink()
        os.close(self._own)

    def _open(self, name: str) -> int:
        path = self._folder / name
        with durable.explained(f"opening {path}"):
            return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)

    def _wait(self, file: int) -> None:
        """Take the lock; give up where another holds it far longer than any turn takes."""
        until, pause = time.monotonic() + TURN, 0.0005
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() > until:
                    raise StorageError(
                        f"another worker has held a lock in {self._folder} for {TURN} seconds: look whether one hangs, "
                        "and run the same command again"
                    ) from None
            time.sleep(pause)
            pause = min(2 * pause, 0.02)
