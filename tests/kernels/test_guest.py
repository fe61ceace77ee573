"""Whoever imports tiercap finds the process as it was, and its own compiled functions where they would have been."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tiercap.kernels import _guest, _jit

#: Somebody's module with a cached function of its own.
THEIRS = """
import numba
@numba.njit(cache=True)
def total(values):
    result = 0.0
    for value in values:
        result += value
    return result
"""
#: How the process begins, and what it tells in the end.
PROGRAM = """
import json, os, sys
def settings():
    import numba
    return {name: repr(value) for name, value in vars(numba.config).items() if name.isupper()}
how = sys.argv[1]
before = dict(os.environ)
if how == "numba first":
    plain = settings()
elif how == "their function first":
    import theirs, numpy
    theirs.total(numpy.ones(3))
    plain = settings()
if how != "plain":
    import tiercap as tc
    from tiercap.optimizer.model import evaluator
    tc.evaluate("ban", tc.study(scenarios="central"), "revenue")
import numpy
import theirs
value = theirs.total(numpy.ones(3))
after = settings()
import numba.core.registry
import numba.np.arraymath, numba.np.linalg
print(json.dumps({
    "value": value,
    "hits": sum(theirs.total.stats.cache_hits.values()),
    "cache": theirs.total.stats.cache_path,
    "environment": dict(os.environ) == before,
    "settings": after,
    "unchanged": "first" not in how or how == "tiercap first" or plain == after,
    "processor": numba.core.registry.cpu_target.target_context.codegen().magic_tuple(),
    "yaml": numba.config._HAVE_YAML,
    "file": numba.config._config_fname,
    "blas": numba.np.arraymath.ensure_blas is numba.np.linalg.ensure_blas and numba.np.linalg.ensure_blas.__name__,
}))
"""


class Host:
    """A folder with somebody's program, run in processes of its own."""

    def __init__(self, folder: Path, settings: dict[str, str]) -> None:
        self.folder = folder
        (folder / "theirs.py").write_text(THEIRS)
        (folder / "program.py").write_text(PROGRAM)
        drop = ("NUMBA_CACHE_DIR", "TIERCAP_VECTOR_WIDTH")
        self.environment = {key: value for key, value in os.environ.items() if key not in drop} | settings

    def run(self, how: str) -> dict[str, Any]:
        done = subprocess.run(
            [sys.executable, "-W", "error::RuntimeWarning", "program.py", how], cwd=self.folder, env=self.environment,
            capture_output=True, text=True, timeout=600, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-1500:]
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def entries(self) -> set[str]:
        """What lies in any cache below the folder."""
        return {str(path.relative_to(self.folder)) for path in self.folder.rglob("*.nb?")}


@pytest.mark.skipif(_jit.UNCOMPILED, reason="there is no compiler")
@pytest.mark.parametrize("how", ["tiercap first", "numba first", "their function first"])
@pytest.mark.parametrize("own", [False, True], ids=["beside the source", "in a folder of theirs"])
def test_functions_of_others_are_cached_where_they_were(tmp_path: Path, how: str, own: bool) -> None:
    """Their code is found by a process without tiercap, so place, name and processor are those of Numba alone."""
    host = Host(tmp_path, {"NUMBA_CACHE_DIR": str(tmp_path / "kept")} if own else {})
    found = host.run(how)
    assert (found["value"], found["hits"]) == (3.0, 0)
    assert found["environment"]
    assert found["unchanged"]
    assert found["cache"].startswith(str(tmp_path / "kept" if own else tmp_path / "__pycache__"))
    entries = host.entries()
    assert len(entries) == 2
    plain = host.run("plain")
    assert plain["hits"] == 1
    assert host.entries() == entries
    for name in ("settings", "processor", "cache", "yaml", "file", "blas"):
        assert found[name] == plain[name], name


@pytest.mark.skipif(_jit.UNCOMPILED, reason="there is no compiler")
@pytest.mark.parametrize("how", ["tiercap first", "numba first"])
def test_a_configuration_file_of_theirs_shapes_their_functions_and_not_ours(tmp_path: Path, how: str) -> None:
    """From their first function on, the settings are those of a process without tiercap."""
    pytest.importorskip("yaml")
    host = Host(tmp_path, {})
    (tmp_path / ".numba_config.yaml").write_text("boundscheck: 1\ndebug_cache: 0\n")
    found, plain = host.run(how), host.run("plain")
    assert found["settings"] == plain["settings"]
    assert found["settings"]["BOUNDSCHECK"] == "1"
    assert found["value"] == 3.0


@pytest.mark.skipif(_jit.UNCOMPILED, reason="there is no compiler")
def test_our_width_of_vectors_is_ours_alone(tmp_path: Path) -> None:
    """Numba has one processor for everybody in a process: the width is a property of our functions instead."""
    host = Host(tmp_path, {"TIERCAP_VECTOR_WIDTH": "256", "TIERCAP_CACHE": str(_jit.CACHE.parent)})
    program = "from tiercap.kernels import _jit\nimport numba.core.registry as r\n" \
        "print(_jit.vector_bits(), r.cpu_target.target_context.codegen().magic_tuple())"  # fmt: skip
    done = subprocess.run([sys.executable, "-c", program], env=host.environment, capture_output=True, text=True,
                          check=True)  # fmt: skip
    bits, processor = done.stdout.split(maxsplit=1)
    assert int(bits) <= 256
    assert processor.strip() == str(_jit.registry.cpu_target.target_context.codegen().magic_tuple())


def scaled(x: float) -> float:
    """Something to compile."""
    return 2.0 * x


@pytest.mark.skipif(_jit.UNCOMPILED, reason="there is no compiler")
def test_every_function_of_ours_says_how_wide_its_vectors_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the compiler's own language, after it has worked on it."""
    monkeypatch.setattr(_jit, "VECTOR_WIDTH", "256")
    ours = _jit.tile(scaled)
    ours.compile((_jit.REAL,))
    theirs = _jit.numba.njit(scaled)
    theirs.compile((_jit.REAL,))
    texts = [next(iter(one.inspect_llvm().values())) for one in (ours, theirs)]
    assert ['"prefer-vector-width"="256"' in text for text in texts] == [True, False]


def test_settings_of_the_process_hold_again_after_we_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Theirs neither shape our code nor are lost, whatever ends the compilation; a file is not read meanwhile."""
    config = _guest.config
    monkeypatch.setattr(config, "BOUNDSCHECK", 1)
    monkeypatch.setattr(config, "CACHE_DIR", "somewhere")
    reader = config._env_reloader

    def compiled() -> None:
        with _guest.our_settings():
            assert config.BOUNDSCHECK != 1
            assert config.CACHE_DIR == "somewhere"  # another thread may be decorating a function
            config.reload_config()
            raise KeyError

    with pytest.raises(KeyError):
        compiled()
    assert config.BOUNDSCHECK == 1
    assert config._env_reloader is reader


def test_something_imported_later_is_made_once() -> None:
    made: list[int] = []

    def make() -> Any:
        made.append(1)
        return Path("a/b")

    later = _guest._Later(make)
    assert made == []
    assert (later.name, later.parent, made) == ("b", Path("a"), [1])
