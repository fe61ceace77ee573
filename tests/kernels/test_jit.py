"""The cache of compiled kernels: private, named by content, not to be redirected, and never the cause of a failure."""

from __future__ import annotations

import importlib.util
import json
import os
import pickle
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import llvmlite.binding as llvm
import numba
import pytest

from tiercap.kernels import _jit
from tiercap.optimizer import cli

SOURCES = Path(_jit.__file__).parent


def scaled(x: float) -> float:
    """Something to compile."""
    return 2.0 * x


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def is_fallback(folder: Path) -> bool:
    return folder.name.startswith("tiercap-kernels-")


@pytest.fixture
def parent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place for the cache that does not exist yet; temporary folders stay below ``tmp_path`` too."""
    monkeypatch.setenv("TIERCAP_CACHE", str(tmp_path / "cache"))
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    return tmp_path / "cache"


# --- the folder ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("umask", [0o022, 0o002, 0o000, 0o077])
def test_the_folder_is_private(parent, umask):
    """Whatever files of this user are open to by default: with umask 002, usual on Linux, too."""
    before = os.umask(umask)
    try:
        folder = _jit.cache_folder()
    finally:
        os.umask(before)
    assert folder == parent / f"kernels-{_jit.source_digest()}"
    assert mode(folder) == 0o700
    assert not mode(parent) & 0o022
    assert _jit.cache_folder() == folder


def test_the_cache_in_use_is_such_a_folder():
    assert mode(_jit.CACHE) == 0o700
    assert is_fallback(_jit.CACHE) or _jit.CACHE.name == f"kernels-{_jit.source_digest()}"
    assert _jit.kernel(scaled)._cache.cache_path.startswith(str(_jit.CACHE))


@pytest.mark.parametrize("open_to", [0o777, 0o775, 0o1777])
def test_a_parent_that_others_can_write_to_is_refused(parent, open_to):
    parent.mkdir()
    parent.chmod(open_to)
    folder = _jit.cache_folder()
    assert is_fallback(folder)
    assert mode(folder) == 0o700


def test_a_folder_that_others_can_write_to_is_refused(parent):
    folder = _jit.cache_folder()
    folder.chmod(0o770)
    assert is_fallback(_jit.cache_folder())


def test_a_foreign_cache_is_refused(parent, monkeypatch):
    folder = _jit.cache_folder()
    assert not is_fallback(folder)
    monkeypatch.setattr(_jit.os, "getuid", lambda: folder.stat().st_uid + 1)
    assert is_fallback(_jit.cache_folder())


@pytest.mark.parametrize("which", ["parent", "folder"])
def test_a_link_is_refused(parent, which, tmp_path):
    """A link put where the cache belongs would lead kernels into somebody's folder."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    if which == "parent":
        parent.symlink_to(elsewhere)
    else:
        parent.mkdir(mode=0o700)
        (parent / f"kernels-{_jit.source_digest()}").symlink_to(elsewhere)
    assert is_fallback(_jit.cache_folder())


def test_a_cache_that_cannot_be_made_is_replaced(parent, monkeypatch):
    parent.write_text("in the way")
    assert is_fallback(_jit.cache_folder())
    monkeypatch.setenv("TIERCAP_CACHE", "/proc/nowhere")
    assert is_fallback(_jit.cache_folder())


def test_a_read_only_cache_is_replaced(parent, monkeypatch):
    folder = _jit.cache_folder()
    folder.chmod(0o500)
    monkeypatch.setattr(_jit.os, "access", lambda path, how: Path(path) != folder or how != os.W_OK)  # root may write
    assert is_fallback(_jit.cache_folder())


def test_where_the_cache_lies(tmp_path, monkeypatch):
    monkeypatch.delenv("TIERCAP_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert _jit.cache_folder().parent == tmp_path / "tiercap"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert tmp_path in _jit.cache_folder().parents


def test_any_change_of_the_sources_changes_the_name(tmp_path, monkeypatch):
    """In any file, by a byte, by a file more or a file less; and only such a change."""
    copy = tmp_path / "kernels"
    shutil.copytree(SOURCES, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(_jit, "__file__", str(copy / "_jit.py"))
    names = [_jit.source_digest()]
    assert _jit.source_digest() == names[0]
    for path in sorted(copy.glob("*.py")):
        path.write_bytes(path.read_bytes() + b"#")
        names.append(_jit.source_digest())
    (copy / "another.py").touch()
    names.append(_jit.source_digest())
    (copy / "performance.py").unlink()
    names.append(_jit.source_digest())
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("setting", _jit._SETTINGS_IN_KEY)
def test_a_compiler_setting_changes_the_name(setting, monkeypatch):
    monkeypatch.delenv(setting, raising=False)
    before = _jit.source_digest()
    monkeypatch.setenv(setting, "1")
    assert _jit.source_digest() != before


def test_versions_change_the_name(monkeypatch):
    before = _jit.source_digest()
    monkeypatch.setattr(_jit, "version", lambda package: "0")
    assert _jit.source_digest() != before


# --- entries -------------------------------------------------------------------------------------------------

TINY = '''
"""A kernel that compiles in an instant."""
def {name}(x):
    return {factor} * x
'''


@pytest.fixture
def compile_tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Makes a fresh kernel of one source file, compiled as the kernels are, with its cache in ``tmp_path``."""
    folder = tmp_path / "entries"
    folder.mkdir(exist_ok=True)
    monkeypatch.setattr(_jit, "CACHE", folder)
    source = tmp_path / "tiny.py"

    def make(factor: float = 2.0) -> Any:
        if not source.exists():
            source.write_text(TINY.format(name="scaled", factor=factor))
        return _jit.kernel(_load(source).scaled)

    make.folder = folder  # type: ignore[attr-defined]
    return make


def _load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def hits(tiny: Any) -> int:
    return sum(tiny.stats.cache_hits.values())


def entries(folder: Path, ending: str) -> list[Path]:
    return sorted(folder.rglob(f"*.{ending}"))


def test_the_second_start_loads(compile_tiny):
    first, second = compile_tiny(), compile_tiny()
    assert (first(21.0), hits(first)) == (42.0, 0)
    assert (second(21.0), hits(second)) == (42.0, 1)
    assert len(entries(compile_tiny.folder, "nbi")) == len(entries(compile_tiny.folder, "nbc")) == 1


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "emptied": lambda data: b"",
    "truncated": lambda data: data[: len(data) // 2],
    "one byte short": lambda data: data[:-1],
    "garbage": lambda data: bytes(range(256)) * 8,
    "another pickle": lambda data: pickle.dumps({"not": "an entry"}),
}


@pytest.mark.parametrize("ending", ["nbi", "nbc"])
@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_entry_is_compiled_again(compile_tiny, ending, damage):
    assert compile_tiny()(21.0) == 42.0
    (entry,) = entries(compile_tiny.folder, ending)
    entry.write_bytes(DAMAGE[damage](entry.read_bytes()))
    again = compile_tiny()
    assert (again(21.0), hits(again)) == (42.0, 0)
    later = [compile_tiny() for _ in range(2)]  # an index that cannot be read costs one start more
    assert [tiny(21.0) for tiny in later] == [42.0, 42.0]
    assert hits(later[1]) == 1


def test_a_missing_entry_is_compiled_again(compile_tiny):
    assert compile_tiny()(21.0) == 42.0
    entries(compile_tiny.folder, "nbc")[0].unlink()
    assert compile_tiny()(21.0) == 42.0


def test_a_full_disk_is_no_failure(compile_tiny):
    """No file may grow: saving fails, the call does not, and what was half written is not believed later."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    tiny = compile_tiny()
    for room in (0, 600):  # nothing fits; the index fits and the code does not
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
        try:
            tiny = compile_tiny()
            assert tiny(21.0) == 42.0
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert compile_tiny()(21.0) == 42.0
        for path in entries(compile_tiny.folder, "nb?"):
            path.unlink()


def test_a_cache_that_vanishes_is_no_failure(compile_tiny):
    """The folder becomes a file after the kernel was made: reading and saving both fail."""
    tiny = compile_tiny()
    shutil.rmtree(compile_tiny.folder)
    compile_tiny.folder.write_text("")
    assert tiny(21.0) == 42.0


def test_settings_of_a_kernel():
    """No exception on division, and NaN stays NaN."""
    code = "def f(x):\n    return x / 0.0 if x == x else 7.0\n"
    space: dict[str, Any] = {}
    exec(code, space)
    one_over = _jit.inline(space["f"])
    call = numba.njit(error_model="numpy", fastmath=_jit.FASTMATH)(lambda x: one_over(x))
    assert call(1.0) == float("inf")
    assert call(float("nan")) == 7.0
    assert _jit.FASTMATH is False  # a licence to fuse would make bits depend on the compiler's choices


# --- redirection ---------------------------------------------------------------------------------------------

#: Compiles and calls a tiny kernel in a process of its own. "plain": as Numba alone would, for comparison.
_PROGRAM = '''
import json, sys
if sys.argv[1] == "plain":
    import numba
    kernel = numba.njit(cache=True)
else:
    from tiercap.kernels._jit import kernel
@kernel
def scaled(x):
    return 2.0 * x
value = scaled(21.0)
print(json.dumps({"value": value, "cache": scaled._cache.cache_path, "hits": sum(scaled.stats.cache_hits.values())}))
'''


class Hostile:
    """Leaves a file where it is unpickled."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.canary,)


class Trap:
    """A working directory with a hostile configuration, and the program to run in it."""

    def __init__(self, folder: Path) -> None:
        self.here = folder / "here"
        self.here.mkdir()
        self.program = folder / "program.py"
        self.program.write_text(_PROGRAM)
        self.cache, self.canary, self.bait = folder / "cache", folder / "canary", folder / "bait"

    def run(self, how: str = "tiercap") -> dict[str, Any]:
        drop = ("NUMBA_CACHE_DIR", "NUMBA_CACHE_LOCATOR_CLASSES", "NUMBA_DISABLE_JIT")
        environment = {key: value for key, value in os.environ.items() if key not in drop}
        environment |= {"TIERCAP_CACHE": str(self.cache)}
        done = subprocess.run(
            [sys.executable, "-W", "ignore", str(self.program), how],
            cwd=self.here, env=environment, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-1500:]
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return found

    def configure(self, text: str) -> None:
        (self.here / ".numba_config.yaml").write_text(text)

    def poison(self) -> None:
        """Every file of the bait becomes a pickle that leaves the canary."""
        for path in entries(self.bait, "nb?"):
            path.write_bytes(pickle.dumps(Hostile(self.canary)))


@pytest.fixture
def trap(tmp_path: Path) -> Trap:
    pytest.importorskip("yaml")
    return Trap(tmp_path)


def test_a_configuration_file_cannot_redirect_the_cache(trap):
    """The bait is laid where Numba alone would look, and Numba alone does take it."""
    trap.configure(f"cache_dir: {trap.bait}\n")
    assert trap.run("plain")["cache"].startswith(str(trap.bait))
    trap.poison()
    found = trap.run()
    assert found["value"] == 42.0
    assert not trap.canary.exists()
    assert found["cache"].startswith(str(trap.cache))
    trap.run("plain")
    assert trap.canary.exists()  # the trap works


@pytest.mark.parametrize(
    "text",
    [
        "cache_locator_classes: InTreeCacheLocator\n",
        "cache_locator_classes: evil.Locator\n",
        "disable_jit: 1\n",
        "broken: [\n",
        "opt: nonsense\n",
    ],
    ids=["locator", "locator of theirs", "no compiler", "broken", "bad value"],
)
def test_a_configuration_file_changes_nothing(trap, text):
    """Not where the cache lies, not whether kernels are compiled, and a broken one is no failure."""
    (trap.program.parent / "evil.py").write_text(f"from pathlib import Path\nPath({str(trap.canary)!r}).touch()\n")
    trap.configure(text)
    found = trap.run()
    assert found["value"] == 42.0
    assert found["cache"].startswith(str(trap.cache))
    assert not trap.canary.exists()
    assert trap.run()["hits"] == 1


def test_the_width_of_vectors_can_be_set_and_is_part_of_the_cache_key(tmp_path):
    """On a processor with 512-bit vectors 256 must give 256 and a cache of its own; elsewhere it changes nothing."""

    def told(width):
        program = "from tiercap.kernels import _jit; print(_jit.vector_bits(), _jit.CACHE.name)"
        environment = {k: v for k, v in os.environ.items() if not k.startswith("NUMBA_CPU")}
        environment |= {"TIERCAP_CACHE": str(tmp_path), "TIERCAP_VECTOR_WIDTH": width}
        command = [sys.executable, "-c", program]
        done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
        return done.stdout.split() or done.stderr.splitlines()[-1:]

    narrow, wide = told("256"), told("512")
    if int(wide[0]) == 512:
        assert narrow[0] == "256"
        assert narrow[1] != wide[1]
    else:
        assert narrow == wide
    assert "must be one of auto, 256, 512" in told("300")[0]


def test_the_command_line_knows_the_widths():
    assert cli.VECTOR_WIDTHS == _jit.VECTOR_WIDTHS


PROGRAM = """
import hashlib
import sys
import numpy as np
from tests.support import cases
from tiercap.optimizer.model.evaluator import Evaluator
from tiercap.optimizer.model.scenarios import Scenarios
from tiercap.optimizer.model.horizon import Horizon
rng = np.random.default_rng(11)
table = cases.random_params(rng, 64)
scenarios = Scenarios(table, np.full(64, 1 / 64), 0, "random")
found = Evaluator(scenarios, Horizon(years=4), cases.catalogue(), 1).outcomes(cases.random_policies(rng, 60))
print(hashlib.sha256(found.tobytes()).hexdigest())
"""


@pytest.mark.slow
def test_bits_are_the_same_for_every_vector_width_and_order_of_compilation(tmp_path):
    """Compiled anew for a processor of 256-bit vectors, at each width that this one could be told, and once more after
    other kernels came from a cache: the same bits."""

    def digest(cache, **environment):
        root = Path(__file__).parents[2]
        told = subprocess.run(
            [sys.executable, "-c", PROGRAM], cwd=root, capture_output=True, text=True, check=True,
            env=os.environ | {"TIERCAP_CACHE": str(tmp_path / cache)} | environment,
        )  # fmt: skip
        return told.stdout.strip()

    first = digest("host")
    assert digest("narrow", NUMBA_CPU_NAME="haswell") == first
    told = {"256", "512"} if llvm.get_host_cpu_features().get("avx512f") else set()
    for width in sorted(told - {_jit.VECTOR_WIDTH}):
        assert digest(width, TIERCAP_VECTOR_WIDTH=width) == first
    for kept in (tmp_path / "host").rglob("*payoff*"):  # the last kernel to be compiled, now alone
        if kept.is_file():
            kept.unlink()
    assert digest("host") == first
