"""Makes the drawing and the lists of architecture.md beside this file from the code itself: `make reference`.

What a file holds is the first sentence of its docstring; which room knows which is read off the import graph; the order
of the rooms is that of the contract `rooms` in pyproject.toml, which `make imports` checks. A test holds the committed
page to what this file makes.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from html import escape
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "architecture.md"
PICTURE = ROOT / "docs" / "pictures" / "rooms.svg"
BEGIN, END = "<!-- Made by `make reference` from here -->\n", "<!-- to here -->\n"
#: What every module imports, as JSON, in a process that finds all of tiercap in one folder.
GRAPH = """
import grimp, json
graph = grimp.build_graph("tiercap", cache_dir=None)
print(json.dumps({module: sorted(graph.find_modules_directly_imported_by(module)) for module in graph.modules}))
"""
#: Below all rooms; not a room of `optimizer`.
KERNELS = "kernels"
#: What data files are about that have no docstring.
DATA = {
    "baseline.toml": "The central value of every parameter.",
    "calibrated-2024.json": "What made the ensemble of that name, and what came out.",
    "calibrated-2024.parquet": "Members fitted to the record up to 2024.",
    "calibrated-2026.json": "The same of the other ensemble.",
    "calibrated-2026.parquet": "Members fitted to the whole record: the default futures.",
    "china-2026.toml": "A built-in study: caps, quota, fee and indexation of group C's rule.",
    "chips.csv": "Chips.",
    "history.toml": "Rules, chips, acts and starting values of the replay.",
    "published.csv": "Figures of published tables, and how each is replicated or why not.",
    "record.csv": "The record.",
    "rules.toml": "Rules.",
    "sobol.csv": "Direction numbers.",
    "supply-2026.toml": "A built-in study: caps, and controls of tools and memory.",
    "thresholds-2026.toml": "The built-in study that is used where none is named: six caps.",
    "three-tier.toml": "The built-in study of B and C together.",
    "uncertainty.toml": "The distribution of every uncertain parameter.",
}


def layers() -> list[list[str]]:
    """The rooms from the top down, those of one line together."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (found,) = (contract["layers"] for contract in contracts if contract["id"] == "rooms")
    return [[room.strip() for room in line.split("|")] for line in found] + [[KERNELS]]


def imports() -> Counter[tuple[str, str]]:
    """How many modules of one room import something of another, by importing and imported room."""
    subprocess.run([ROOT / ".ci" / "tree"], check=True)
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "build" / "types")}
    graph = subprocess.run([sys.executable, "-c", GRAPH], env=environment, check=True, capture_output=True).stdout
    pairs: set[tuple[str, str, str]] = set()
    for module, targets in json.loads(graph).items():
        for target in targets:
            if (source_room := _room(module)) and (room := _room(target)) and source_room != room:
                pairs.add((module, source_room, room))
    return Counter((source, target) for _, source, target in pairs)


def _room(module: str) -> str | None:
    parts = module.split(".")
    if parts[1:2] == [KERNELS]:
        return KERNELS
    return parts[2] if len(parts) > 2 else None


def sentence(path: Path) -> str:
    """The first sentence of a module's docstring."""
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return " ".join(docstring.split("\n\n")[0].split())


def rows(folder: Path) -> Iterator[tuple[str, str]]:
    """Every file of a folder and what it holds, in alphabetical order."""
    for path in sorted(p for p in folder.iterdir() if p.is_file()):
        if path.suffix == ".py":
            yield path.name, sentence(path)
        elif path.name in DATA:
            yield path.name, DATA[path.name]


def lists() -> str:
    """A section a room: its sentence and a table of its files."""
    text = []
    for room in [room for line in layers() for room in line]:
        place = ROOT / room if room == KERNELS else ROOT / "optimizer" / room
        if place.is_dir():
            title = room if room == KERNELS else f"optimizer/{room}"
            table = "\n".join(f"| `{name}` | {what} |" for name, what in rows(place) if name != "__init__.py")
            about = sentence(place / "__init__.py")
            text.append(f"### {title}\n\n{about}\n\n| file | what it holds |\n|---|---|\n{table}\n")
        else:
            text.append(f"### optimizer/{room}.py\n\n{sentence(place.with_suffix('.py'))}\n")
    return "\n".join(text)


def public_names() -> Iterator[tuple[str, str]]:
    """Every public function and class with the file it stands in."""
    for folder in (ROOT / KERNELS, ROOT / "optimizer"):
        for path in folder.rglob("*.py"):
            place = str(path.relative_to(ROOT)).removeprefix("optimizer/")
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                    yield node.name, place


def index() -> str:
    """The public names by their first letter, each with where it stands."""
    places: dict[str, list[str]] = {}
    for name, place in public_names():
        places.setdefault(name, []).append(place)
    letters: dict[str, list[str]] = {}
    for name in sorted(places, key=lambda name: (name.lower(), name)):
        letters.setdefault(name[0].upper(), []).append(f"`{name}` {', '.join(sorted(places[name]))}")
    parts = "\n".join(f"**{letter}**: " + "; ".join(told) + ".\n" for letter, told in letters.items())
    return f"## Every public name\n\nFiles are below `optimizer` but for those of `kernels`.\n\n{parts}"


def stack() -> str:
    """The layers as text, as the contract has them."""
    return "```\n" + "\n".join(" | ".join(line) for line in layers()) + "\n```\n"


def drawing() -> str:
    """The rooms as boxes, an arrow from each room to each that it imports, wider the more files do."""
    places, boxes = {}, []
    for y, line in enumerate(layers()):
        for x, room in enumerate(line):
            left = 480 + (x - (len(line) - 1) / 2) * 180
            places[room] = left, 40 + y * 84
            boxes.append(
                f'<rect x="{left - 66:g}" y="{24 + y * 84}" width="132" height="32" rx="6" fill="#eef3f8" '
                f'stroke="#345"/><text x="{left:g}" y="{45 + y * 84}" text-anchor="middle">{escape(room)}</text>'
            )
    arrows = [_arrow(places[source], places[target], count) for (source, target), count in sorted(imports().items())
              if source in places and target in places]  # fmt: skip
    height = 84 * len(layers())
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 960 {height}" font-family="sans-serif" font-size="14">'
        '<title>The rooms of tiercap and what they import</title><defs><marker id="tip" viewBox="0 0 8 8" refX="7" '
        'refY="4" markerWidth="7" markerHeight="7" markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0L8 4L0 8z" '
        f'fill="#678"/></marker></defs><rect width="960" height="{height}" fill="#fff"/>\n'
        + "\n".join([*arrows, *boxes])
        + "\n</svg>\n"
    )


def _arrow(source: tuple[float, float], target: tuple[float, float], count: int) -> str:
    (x0, y0), (x1, y1) = source, target
    bend = 0.0 if y1 - y0 < 90 else (30 + 0.16 * (y1 - y0)) * (1 if x0 + x1 >= 960 else -1)
    middle = (x0 + x1) / 2 + bend
    width = min(0.6 + 0.12 * count, 3.0)
    return (
        f'<path d="M{x0:g} {y0 + 16:g}Q{middle:g} {(y0 + y1) / 2:g} {x1:g} {y1 - 16:g}" fill="none" stroke="#678" '
        f'stroke-opacity="0.55" stroke-width="{width:.2g}" marker-end="url(#tip)"/>'
    )


def page() -> str:
    """The whole page: what is written by hand, with the made part between its marks."""
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    return f"{before}{BEGIN}\n{stack()}\n{lists()}\n{index()}\n{END}{after}"


if __name__ == "__main__":
    PICTURE.write_text(drawing(), encoding="utf-8")
    PAGE.write_text(page(), encoding="utf-8")
