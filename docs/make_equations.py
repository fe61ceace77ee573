"""Makes the last section of model.md from the sources: which function computes which equation.

A function computes an equation if its docstring, or a comment inside it, cites the number: ``equation (12)`` or
``equations (1) and (2)``. `make reference` writes the section anew; a test says when that was forgotten.
"""

from __future__ import annotations

import ast
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "model.md"
KERNELS, TWIN = ROOT / "kernels", ROOT / "tests" / "twin"
HEADING = "## Where each equation is computed"
COMMAND = "make reference"

_CITED = re.compile(r"\bequations?\s+((?:\(\d+\)(?:,\s+and\s+|,\s+|\s+and\s+|\s+to\s+)?)+)", re.IGNORECASE)


class Place(NamedTuple):
    """Where a number is cited: the function, or "" for the module itself."""

    number: int
    path: Path
    function: str


def numbers(page: str) -> dict[int, str]:
    """The numbers of the page's equations, each with the heading it stands under."""
    found: dict[int, str] = {}
    heading = ""
    for line in page.split(HEADING)[0].splitlines():
        if line.startswith("## "):
            heading = line.removeprefix("## ")
        if numbered := re.fullmatch(r"\s*\\tag\{(\d+)\}", line):
            found[int(numbered[1])] = heading
    return found


def cited(text: str) -> list[int]:
    """The numbers that a text cites."""
    return [int(number) for group in _CITED.findall(text) for number in re.findall(r"\d+", group)]


def citations(folder: Path) -> Iterator[Place]:
    """Every citation in the docstrings and comments of a folder's modules."""
    for path in sorted(folder.rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        spans = list(_functions(ast.parse(source), ""))
        for line, text in _words(path):
            inside = [(last - first, name) for first, last, name in spans if first <= line <= last]
            for number in cited(text):
                yield Place(number, path, min(inside)[1] if inside else "")


def _functions(node: ast.AST, prefix: str) -> Iterator[tuple[int, int, str]]:
    """First line, last line and name of every function, methods with their class."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef | ast.FunctionDef):
            name = f"{prefix}{child.name}"
            if isinstance(child, ast.FunctionDef):
                yield child.lineno, child.end_lineno or child.lineno, name
            yield from _functions(child, f"{name}.")


def _words(path: Path) -> Iterator[tuple[int, str]]:
    """Strings and runs of comment lines, each with the line it begins in: a citation may go over a line's end."""
    run: list[str] = []
    first = 0
    with path.open("rb") as file:
        for token in tokenize.tokenize(file.readline):
            if token.type == tokenize.COMMENT:
                first = first if run else token.start[0]
                run.append(token.string.lstrip("#: "))
            elif token.type not in (tokenize.NL, tokenize.NEWLINE) and run:
                yield first, " ".join(run)
                run = []
            if token.type == tokenize.STRING:
                yield token.start[0], token.string


def section() -> str:
    """The section as it should stand at the end of the page."""
    kernels, twin = list(citations(KERNELS)), list(citations(TWIN))
    lines = [
        HEADING,
        "",
        f"<!-- Made by `{COMMAND}` from what the functions themselves cite. -->",
        "",
        "| equation | section | kernels | twin |",
        "|---|---|---|---|",
    ]
    for number, heading in sorted(numbers(PAGE.read_text(encoding="utf-8")).items()):
        lines.append(f"| ({number}) | {heading} | {_cell(kernels, number)} | {_cell(twin, number)} |")
    return "\n".join(lines) + "\n"


def _cell(places: list[Place], number: int) -> str:
    """The functions that compute an equation, by file."""
    by_file: dict[str, list[str]] = {}
    for place in places:
        if place.number == number and place.function:
            names = by_file.setdefault(place.path.name, [])
            names += [] if f"`{place.function}`" in names else [f"`{place.function}`"]
    return "; ".join(f"{file}: {', '.join(names)}" for file, names in by_file.items())


def write() -> None:
    """Put the section at the end of the page."""
    body = PAGE.read_text(encoding="utf-8").split(HEADING)[0].rstrip()
    PAGE.write_text(f"{body}\n\n{section()}", encoding="utf-8")


if __name__ == "__main__":
    write()
