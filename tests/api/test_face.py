"""`import tiercap as tc`: every verb, at once, and nothing else."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

import tiercap as tc
from tiercap.optimizer import api
from tiercap.optimizer.cli import COMMANDS

ROOT = Path(__file__).parents[2]
VERBS = [name for name in api.__all__ if not name.endswith("Error")]


def python(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True)
    return done.stdout.strip()


def test_importing_it_imports_nothing_that_takes_time() -> None:
    """What takes the seconds of a start; the few modules that are left are told apart by name."""
    heavy = {"numpy", "numba", "scipy", "pandas", "xarray", "optuna", "pyarrow", "click", "rich", "pint", "matplotlib"}
    program = f"import sys, tiercap; dir(tiercap); print(sorted({heavy} & {{*sys.modules}}))"
    assert python(program) == "[]"
    ours = python("import sys, tiercap; print(*sorted(name for name in sys.modules if name.startswith('tiercap')))")
    assert ours.split() == ["tiercap", "tiercap.optimizer", "tiercap.optimizer.api"]


def test_every_command_is_a_verb() -> None:
    assert set(COMMANDS) <= set(VERBS)
    assert set(tc.__all__) == {"__version__", *api.__all__}
    assert set(tc.__all__) <= set(dir(tc))
    assert tc.__version__ == version("tiercap")
    for name in api.__all__:
        assert getattr(tc, name) is getattr(api, name)
    with pytest.raises(AttributeError, match="no attribute 'evaluated'"):
        tc.evaluated  # noqa: B018
    with pytest.raises(AttributeError, match="no attribute 'evaluated'"):
        api.evaluated  # noqa: B018


def test_who_checks_types_is_told_the_same_names() -> None:
    tree = ast.parse(Path(api.__file__).read_text(encoding="utf-8"))
    (guarded,) = (node for node in tree.body if isinstance(node, ast.If))
    lines = [line for line in guarded.body if isinstance(line, ast.ImportFrom)]
    assert sorted(name.name for line in lines for name in line.names) == api.__all__
    assert {name.name: line.module for line in lines for name in line.names} == api._MODULES


@pytest.mark.parametrize("name", VERBS)
def test_a_docstring_tells_arguments_result_and_errors(name: str) -> None:
    verb = getattr(tc, name)
    text = inspect.getdoc(verb) or ""
    assert text.splitlines()[0].endswith((".", "?"))
    parameters = list(inspect.signature(verb).parameters)
    assert ("Parameters\n----------" in text) == bool(parameters)
    told = text.partition("Parameters\n")[2].partition("Returns\n")[0]
    named = {one.strip() for line in re.findall(r"^(\w[\w, ]*)(?= :|$)", told, re.MULTILINE) for one in line.split(",")}
    assert set(parameters) <= named
    assert "Returns\n-------" in text
    assert name == "doctor" or "Raises\n------" in text


def test_a_wheel_holds_the_face_and_every_room() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    rooms = {f"tiercap.optimizer.{p.parent.name}" for p in (ROOT / "optimizer").glob("*/__init__.py")}
    rooms -= {"tiercap.optimizer.face"}
    assert set(settings["packages"]) == {"tiercap", "tiercap.kernels", "tiercap.optimizer", *rooms}
    assert set(settings["package-dir"]) == set(settings["packages"])
    assert settings["package-dir"]["tiercap"] == "optimizer/face"
    assert (ROOT / "optimizer" / "face" / "py.typed").exists()
    assert settings["package-data"]["tiercap"] == ["py.typed"]


def test_the_command_line_can_be_run_as_a_module() -> None:
    done = subprocess.run([sys.executable, "-m", "tiercap", "rules", "bis-2062"], capture_output=True, text=True,
                          check=False)  # fmt: skip
    assert done.returncode == 2
    assert "did you mean `bis-2026`" in done.stderr
    assert python("import runpy, sys; sys.argv[1:] = ['--version']; runpy.run_module('tiercap', run_name='__main__')") \
        == f"tiercap {version('tiercap')}"  # fmt: skip
