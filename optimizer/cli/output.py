"""How results are printed: one JSON object for scripts, one table for people, both on standard output."""

from __future__ import annotations

import json
import math
import sys
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

import click

SCHEMA_VERSION = 1


def print_json(payload: Mapping[str, Any]) -> None:
    """Print ``payload`` as one JSON object with ``schema_version`` first; NaN and infinities become null."""
    whole = {"schema_version": SCHEMA_VERSION, **payload}
    click.echo(json.dumps(_plain(whole), indent=1, ensure_ascii=False, allow_nan=False))


def _plain(value: Any) -> Any:
    """``value`` in types that JSON has: NumPy scalars and arrays, tuples and paths included."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, (bool, str, int)):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if hasattr(value, "tolist"):  # NumPy, without importing it
        return _plain(value.tolist())
    return str(value)


def print_table(headers: list[str], rows: Sequence[Sequence[str]], title: str | None = None) -> None:
    """Print a table: drawn by rich on a terminal, plain aligned text anywhere else.

    A header may have several lines, a cell is always one. Columns whose cells all look like numbers are aligned
    right. Control characters never reach the terminal.
    """
    cells = [[clean(cell) for cell in row] for row in rows]
    numeric = [_numeric([row[k] for row in cells]) for k in range(len(headers))]
    if sys.stdout.isatty():
        _rich(headers, cells, numeric, title)
    else:
        _text(headers, cells, numeric, title)


def _rich(headers: list[str], cells: list[list[str]], numeric: list[bool], title: str | None) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    name = Text(clean(title)) if title else None
    drawn = Table(title=name, title_justify="left", header_style="bold", box=SIMPLE_HEAD, pad_edge=False)
    for header, right in zip(headers, numeric, strict=True):
        lines = Text("\n".join(map(clean, header.split("\n"))))
        drawn.add_column(lines, justify="right" if right else "left", overflow="fold")
    for row in cells:
        drawn.add_row(*(Text(cell) for cell in row))  # Text: brackets in a name are no markup
    Console(highlight=False).print(drawn)


def _text(headers: list[str], cells: list[list[str]], numeric: list[bool], title: str | None) -> None:
    lines = [*_stacked(headers), *cells]
    widths = [max(len(line[k]) for line in lines) for k in range(len(headers))]
    if title:
        click.echo(clean(title))
    for line in lines:
        padded = (
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(line, widths, numeric, strict=True)
        )
        click.echo("  ".join(padded).rstrip())


def _stacked(headers: list[str]) -> list[list[str]]:
    """The lines that headers of several lines make."""
    parts = [[clean(line) for line in header.split("\n")] for header in headers]
    height = max(map(len, parts))
    return [[part[k] if k < len(part) else "" for part in parts] for k in range(height)]


def _numeric(column: list[str]) -> bool:
    digits = [cell.strip("+-%~").replace(",", "") for cell in column if cell not in ("", "-")]
    return bool(digits) and all(_is_number(cell.strip()) for cell in digits)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def clean(text: object) -> str:
    """``text`` on one line, without characters that steer a terminal or turn the direction of writing."""
    return "".join(c if unicodedata.category(c)[0] != "C" else "\ufffd" for c in str(text).replace("\n", " "))


def figure(value: float | None, digits: int = 4) -> str:
    """A number for people: ``digits`` significant figures, thousands separated, `-` for nothing."""
    if value is None or not math.isfinite(value):
        return "-"
    if value == 0:
        return "0"
    if abs(value) >= 1e7 or abs(value) < 1e-4:
        mantissa, power = f"{value:.{digits - 1}e}".split("e")
        return f"{_without_zeros(mantissa)}e{power}"
    places = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return _without_zeros(f"{value:,.{places}f}")


def _without_zeros(shown: str) -> str:
    """A decimal number without the zeros that say nothing."""
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


def spreads_json(names: list[str], spread: Any) -> dict[str, Any]:
    """Statistics with their intervals by the name of their column; each value under the name of its statistic."""
    from tiercap.optimizer.model.measures import split, unit_of

    found = {}
    for k, name in enumerate(names):
        told = spread.json(k)
        found[name] = {split(name)[1]: told.pop("mean"), **told, "unit": unit_of(name)}
    return found


def scenarios_json(problem: Any) -> dict[str, Any]:
    """Which futures a result rests on."""
    drawn, plan = problem.scenarios, problem.study.scenarios
    return {
        "count": len(drawn),
        "kind": drawn.kind,
        "seed": drawn.seed,
        "effective": drawn.effective,
        "ensemble": drawn.source or None,
        "sha256": drawn.digest or None,
        "structure": plan.structure,
    }


def scenarios_text(problem: Any) -> str:
    """The same for a person: "256 scenarios of calibrated-2026, seed 0"."""
    drawn, plan = problem.scenarios, problem.study.scenarios
    origin = f" of {clean(drawn.source)}" if drawn.source else " of the parameters' own ranges"
    only = f" ({clean(plan.structure)})" if plan.structure else ""
    few = drawn.effective < 0.9 * len(drawn)
    worth = f", by their weights worth {drawn.effective:.0f}" if few else ""
    return f"{len(drawn)} scenarios{'' if drawn.kind == 'central' else origin}{only}, seed {drawn.seed}{worth}"


def say(message: str, quiet: bool = False) -> None:
    """A message for the person, on standard error."""
    if not quiet:
        click.echo(message, err=True)
