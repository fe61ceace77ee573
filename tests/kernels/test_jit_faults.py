"""Faults injected into the cache of compiled code: old code never answers for new, and no fault stops a call.

A package of two files stands for the kernels, compiled by a copy of the real `_jit`; where it is affordable, the same
harness with Numba's cache alone shows the failure that is guarded against, which proves that the harness would see it.
"""

from __future__ import annotations

import errno
import importlib
import importlib.util
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest
from numba.core import caching

from tiercap.kernels import _jit

PLAIN = """
import numba
kernel = numba.njit(cache=True)
inline = numba.njit
"""
CALLER = """
from ._jit import kernel
from .callee import FACTOR, scale
@kernel
def result(x):
    return {own} * scale(x) * FACTOR
@kernel
def third(x):
    return x[3]
"""
CALLEE = """
from ._jit import inline
FACTOR = {constant}
@inline
def scale(x):
    return {callee} * x
"""
_numbers = itertools.count()


class Killed(BaseException):
    """The process dies here: nothing below may catch it."""


class Package:
    """Two files of source that import `_jit`, loaded afresh as a new process would."""

    def __init__(self, folder: Path, how: str) -> None:
        self.folder, self.how = folder / f"{how}-sources", how
        self.folder.mkdir()
        (self.folder / "__init__.py").touch()
        if how == "plain":
            (self.folder / "_jit.py").write_text(PLAIN)
        else:
            for name in ("_guest.py", "_jit.py"):
                shutil.copy(Path(_jit.__file__).with_name(name), self.folder / name)
        self.factors = {"own": 1.0, "callee": 1.0, "constant": 2.0}
        self.edit()

    def edit(self, **factors: float) -> None:
        """Change numbers in the sources; only files that change are written."""
        self.factors |= factors
        for name, text in (("caller.py", CALLER), ("callee.py", CALLEE)):
            path, new = self.folder / name, text.format(**self.factors)
            if not path.exists() or path.read_text() != new:
                path.write_text(new)

    @property
    def right(self) -> float:
        """What the sources as they stand make of 21."""
        return 21.0 * self.factors["own"] * self.factors["callee"] * self.factors["constant"]

    def load(self) -> Any:
        """The module `caller` under a new name: nothing is shared with earlier loads but what lies on the disk."""
        name = f"package{next(_numbers)}"
        place = self.folder / "__init__.py"
        spec = importlib.util.spec_from_file_location(name, place, submodule_search_locations=[str(self.folder)])
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
        importlib.invalidate_caches()
        return importlib.import_module(f"{name}.caller")

    def call(self) -> tuple[float, int]:
        """The result for 21, and how many kernels came from the cache."""
        kernel = self.load().result
        return kernel(21.0), sum(kernel.stats.cache_hits.values())


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Package]]:
    """The harness with our cache and with Numba's alone; what loading changes is put back."""
    before = set(sys.modules)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setenv("TIERCAP_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "plain-cache"))
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "plain-cache"))
    plain, ours = Package(tmp_path, "plain"), Package(tmp_path, "tiercap")
    yield {"plain": plain, "tiercap": ours}
    for name in set(sys.modules) - before:
        if name.startswith("package"):
            del sys.modules[name]


@contextmanager
def saving_data(fault: BaseException) -> Iterator[list[str]]:
    """Numba's write of compiled code, which follows that of its index, ends in ``fault``; yields what it met."""
    met: list[str] = []
    real = caching.IndexDataCacheFile._save_data

    def struck(self: Any, name: str, data: Any) -> None:
        assert Path(self._index_path).exists()  # the index is written first: that is the window
        met.append(name)
        raise fault

    caching.IndexDataCacheFile._save_data = struck
    try:
        yield met
    finally:
        caching.IndexDataCacheFile._save_data = real


# --- edits ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["own", "callee", "constant"])
def test_an_edit_is_seen_wherever_it_is_made(packages: dict[str, Package], place: str) -> None:
    """Back and forth: each content finds its own code again. Numba alone does not see the other file."""
    for how, package in packages.items():
        assert package.call() == (42.0, 0)
        assert package.call() == (42.0, 1)
        package.edit(**{place: 1.5})
        assert package.right != 42.0
        if how == "plain" and place != "own":
            assert package.call() == (42.0, 1)  # the old code, silently
        else:
            assert package.call() == (package.right, 0)
    ours = packages["tiercap"]
    now = ours.right
    for value, expected in ((2.0 if place == "constant" else 1.0, 42.0), (1.5, now)) * 3:
        ours.edit(**{place: value})
        assert ours.call() == (expected, 1)


def test_an_edit_while_the_sources_are_being_read(packages: dict[str, Package], tmp_path: Path) -> None:
    """The digest is of the old text, the module already of the new: its code must not be kept under the old name."""
    ours, mark = packages["tiercap"], tmp_path / "mark"
    caller, callee = ours.folder / "caller.py", ours.folder / "callee.py"
    before = callee.read_text()
    after = before.replace("1.0 * x", "1.5 * x")
    assert after != before
    lines = (
        "from pathlib import Path",
        f"mark = Path({str(mark)!r})",
        "if mark.exists():",
        "    mark.unlink()",
        f"    Path({str(callee)!r}).write_text({after!r})",
    )
    # `caller` imports `_jit`, then somebody saves `callee`, then `caller` imports that.
    caller.write_text("from . import _jit\n" + "\n".join(lines) + CALLER.format(own=1.0))
    mark.touch()
    assert ours.load().result(21.0) == 63.0  # what was read
    assert not mark.exists()  # the edit was made
    callee.write_text(before)
    assert ours.load().result(21.0) == 42.0


# --- death and full disks between the two writes -------------------------------------------------------------


def test_a_death_between_index_and_code(packages: dict[str, Package]) -> None:
    """Numba alone answers with the code of before from then on; ours compiles again and keeps that."""
    for how, package in packages.items():
        assert package.call() == (42.0, 0)
        for factor in (1.5, 2.0, 2.5):
            package.edit(own=factor)
            with saving_data(Killed()) as met, pytest.raises(Killed):
                package.call()
            assert len(met) == 1
            if how == "plain":
                assert package.call() == (42.0, 1)
                assert package.right != 42.0
            else:
                assert package.call() == (package.right, 0)
                assert package.call() == (package.right, 1)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_a_disk_that_is_full_after_the_index(packages: dict[str, Package], number: int) -> None:
    """Numba alone fails the call, and gives old code once there is room again."""
    for how, package in packages.items():
        assert package.call() == (42.0, 0)
        package.edit(own=1.5)
        with saving_data(OSError(number, os.strerror(number))) as met:
            if how == "plain":
                with pytest.raises(OSError, match=os.strerror(number)):
                    package.call()
            else:
                assert package.call() == (63.0, 0)
        assert len(met) == 1
        assert package.call() == ((42.0, 1) if how == "plain" else (63.0, 0))
    assert packages["tiercap"].call() == (63.0, 1)


def test_files_that_may_not_grow(packages: dict[str, Package]) -> None:
    """The system's own refusal instead of ours: first nothing fits, then the index does and the code does not."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    ours, met = packages["tiercap"], []
    real = caching.IndexDataCacheFile.save

    def watched(self: Any, *arguments: Any) -> None:
        try:
            real(self, *arguments)
        except OSError as error:
            met.append(error.errno)
            raise

    caching.IndexDataCacheFile.save = watched
    try:
        for factor, room in ((1.0, 0), (1.5, 1200)):
            ours.edit(own=factor)
            resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
            try:
                assert ours.call() == (ours.right, 0)
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            left = {p.suffix for p in Path(os.environ["TIERCAP_CACHE"]).rglob("*.nb?")}
            assert left == (set() if room == 0 else {".nbi"})  # the second time it died between the two
            assert ours.call()[0] == ours.right
            shutil.rmtree(os.environ["TIERCAP_CACHE"])
    finally:
        caching.IndexDataCacheFile.save = real
    assert met == [errno.EFBIG, errno.EFBIG]


# --- damaged entries -----------------------------------------------------------------------------------------

DAMAGE = {"emptied": b"", "truncated": None, "garbage": bytes(range(256)) * 8}


@pytest.mark.parametrize("ending", ["nbi", "nbc"])
@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_entry(packages: dict[str, Package], ending: str, damage: str, tmp_path: Path) -> None:
    """Numba alone fails the call, every time; ours compiles again. test_jit.py has more kinds of damage."""
    for how, package in packages.items():
        assert package.call() == (42.0, 0)
        (entry,) = (tmp_path / ("plain-cache" if how == "plain" else "cache")).rglob(f"*result*.{ending}")
        whole, wrong = entry.read_bytes(), DAMAGE[damage]
        entry.write_bytes(whole[: len(whole) // 2] if wrong is None else wrong)
        if how == "plain":
            for _ in range(2):
                with pytest.raises(Exception):  # noqa: B017 - whatever pickle makes of it
                    package.call()
        else:
            assert package.call() == (42.0, 0)


# --- another processor, other settings -----------------------------------------------------------------------


def test_another_processor_compiles_for_itself(packages: dict[str, Package], monkeypatch: pytest.MonkeyPatch) -> None:
    """The name and the flags of the processor are part of the folder's name; so is the one that Numba is told."""
    ours = packages["tiercap"]
    assert [ours.call(), ours.call()] == [(42.0, 0), (42.0, 1)]
    text = (ours.folder / "_jit.py").read_text()
    real = "def _cpu() -> str:\n"
    assert real in text
    other = text.replace(real, f"{real}    return 'model name : another'\n")
    (ours.folder / "_jit.py").write_text(other)
    digests = {_jit.source_digest()}
    monkeypatch.setattr(_jit, "_cpu", lambda: "model name : another")
    digests.add(_jit.source_digest())
    assert len(digests) == 2
    assert ours.call() == (42.0, 0)


def test_bounds_are_checked_when_asked_for(packages: dict[str, Package], monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting that Numba leaves out of its key: alone it answers with unchecked code from the cache."""
    room = np.arange(8.0)
    short = room[:2]  # element 3 is beyond its end, and inside ours
    for how, package in packages.items():
        monkeypatch.setenv("NUMBA_BOUNDSCHECK", "0")
        numba.config.reload_config()
        assert package.load().third(short) == 3.0
        monkeypatch.setenv("NUMBA_BOUNDSCHECK", "1")
        numba.config.reload_config()
        kernel = package.load().third
        try:
            if how == "plain":
                assert kernel(short) == 3.0
                assert sum(kernel.stats.cache_hits.values()) == 1
            else:
                with pytest.raises(IndexError):
                    kernel(short)
        finally:
            monkeypatch.setenv("NUMBA_BOUNDSCHECK", "0")
            numba.config.reload_config()


# --- nowhere to put it ---------------------------------------------------------------------------------------


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No setting that names a folder; temporary ones stay below ``tmp_path``."""
    for name in ("TIERCAP_CACHE", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("home", ["/proc/nowhere", "/dev/null"])
def test_a_home_that_is_not_there(nowhere: Path, monkeypatch: pytest.MonkeyPatch, home: str) -> None:
    monkeypatch.setenv("HOME", home)
    assert _jit.cache_folder().parent == nowhere


def test_a_user_without_home_and_without_an_entry(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container that runs under a number nobody gave a name to."""
    pwd = pytest.importorskip("pwd")
    asked: list[int] = []

    def unknown(number: int) -> Any:
        asked.append(number)
        raise KeyError(f"getpwuid(): uid not found: {number}")

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    with pytest.raises(RuntimeError):
        Path.home()
    assert asked
    assert _jit.cache_folder().parent == nowhere


# --- processes of their own ----------------------------------------------------------------------------------

PROGRAM = """
import importlib, json, os, sys
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(sys.argv[1]))
name = os.path.basename(sys.argv[1])
if "die" in sys.argv:
    from numba.core import caching
    def die(self, name, data):
        assert os.path.exists(self._index_path)
        os.kill(os.getpid(), 9)
    caching.IndexDataCacheFile._save_data = die
kernel = importlib.import_module(name + ".caller").result
print(json.dumps([kernel(21.0), sum(kernel.stats.cache_hits.values())]))
"""


def start(package: Package, *arguments: str, **settings: str) -> subprocess.Popen[str]:
    """The package in a process of its own."""
    drop = ("NUMBA_CACHE_DIR", "TIERCAP_CACHE")
    environment = {key: value for key, value in os.environ.items() if key not in drop} | settings
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", PROGRAM, str(package.folder), *arguments],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def told(process: subprocess.Popen[str]) -> list[Any]:
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors[-1500:]
    found: list[Any] = json.loads(output)
    return found


@pytest.mark.slow
def test_a_real_kill_between_index_and_code(tmp_path: Path) -> None:
    """SIGKILL, as from the system when memory runs out."""
    for how in ("plain", "tiercap"):
        package = Package(tmp_path, how)
        package.folder = package.folder.rename(tmp_path / f"{how}_sources")
        setting = {"NUMBA_CACHE_DIR" if how == "plain" else "TIERCAP_CACHE": str(tmp_path / f"{how}-cache")}
        assert told(start(package, **setting)) == [42.0, 0]
        package.edit(own=1.5)
        dying = start(package, "die", **setting)
        dying.communicate(timeout=300)
        assert dying.returncode == -signal.SIGKILL
        later = [told(start(package, **setting)) for _ in range(2)]
        assert later == ([[42.0, 1]] * 2 if how == "plain" else [[63.0, 0], [63.0, 1]])


@pytest.mark.slow
def test_many_processes_start_at_once(tmp_path: Path) -> None:
    """Into one empty cache, some of them to die in the window: everybody who lives has the right answer."""
    package = Package(tmp_path, "tiercap")
    package.folder = package.folder.rename(tmp_path / "sources")
    setting = {"TIERCAP_CACHE": str(tmp_path / "cache")}
    for factor in (1.0, 1.5):
        package.edit(own=factor)
        processes = [start(package, *(["die"] if k % 3 == 0 else []), **setting) for k in range(6)]
        ended = [process.communicate(timeout=300) for process in processes]
        codes = [process.returncode for process in processes]
        assert all(code == 0 for code in codes[1::3] + codes[2::3]), ended
        answers = [json.loads(out)[0] for (out, _), code in zip(ended, codes, strict=True) if code == 0]
        assert set(answers) == {package.right}
        assert told(start(package, **setting))[0] == package.right


@pytest.mark.slow
def test_a_stand_in_for_the_cache_is_removed_at_the_end(tmp_path: Path) -> None:
    """Where no cache can be kept every start makes a temporary folder: they must not pile up."""
    package = Package(tmp_path, "tiercap")
    package.folder = package.folder.rename(tmp_path / "sources")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    assert told(start(package, TIERCAP_CACHE="/proc/nowhere", TMPDIR=str(temporary))) == [42.0, 0]
    assert not list(temporary.iterdir())
