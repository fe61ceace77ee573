"""Files and functions of the program stay small enough to be read at once."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
#: Lines of a file, and of a function without its docstring.
FILE, FUNCTION = 400, 60
FILES = sorted(path for room in ("kernels", "optimizer") for path in (ROOT / room).rglob("*.py"))

Function = ast.FunctionDef | ast.AsyncFunctionDef


def lines(function: Function) -> int:
    """Lines from ``def`` to the end, the docstring left out: a public verb may need many words."""
    total = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function) is not None:
        total -= (first.end_lineno or first.lineno) - first.lineno + 1
    return total


def functions(text: str) -> list[Function]:
    return [node for node in ast.walk(ast.parse(text)) if isinstance(node, Function)]


def test_there_is_something_to_measure() -> None:
    assert len(FILES) > 150
    (one,) = functions('def f():\n    """Two\n    lines."""\n    return 1\n')
    assert lines(one) == 2


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_and_its_functions_are_short(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= FILE, "split it by what its parts hold"
    assert [f"{one.name}: {lines(one)} lines" for one in functions(text) if lines(one) > FUNCTION] == []
