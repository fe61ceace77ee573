"""What a paper shows, before it is drawn or set: columns with units, a caption, and a way to draw or print them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tiercap.optimizer.io import columns


@dataclass(frozen=True)
class Column:
    """One column of data: values of one length with the others, unit ("1" for a pure number or a text), meaning."""

    name: str
    values: Any
    unit: str
    meaning: str


@dataclass(frozen=True)
class Figure:
    """A figure: the data that it shows, and what draws it.

    name : of its files; title : in lists; caption : below it, plain text; draw : (width in inches) to a picture
    """

    name: str
    title: str
    caption: str
    columns: tuple[Column, ...]
    draw: Callable[[float], Any]


@dataclass(frozen=True)
class Table:
    """A table: cells of plain text, set by `latex.table`.

    align : l, r, c, v for centred under an upright head, or p{SHARE} for a column that wraps, SHARE of the width of the
    text; long : may break over pages
    note : plain text below
    """

    name: str
    title: str
    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    align: tuple[str, ...]
    columns: tuple[Column, ...]
    long: bool = False
    note: str = ""


@dataclass(frozen=True)
class Left:
    """An exhibit that could not be made, and the sentence that says how it could."""

    name: str
    sentence: str


def csv(shown: Figure | Table) -> bytes:
    """The data of an exhibit."""
    return columns.to_csv({column.name: np.asarray(column.values) for column in shown.columns})


def text_columns(table: Sequence[tuple[str, str, str, Sequence[str]]]) -> tuple[Column, ...]:
    """Columns of texts from (name, unit, meaning, values)."""
    return tuple(
        Column(name, np.array(list(values), dtype=str), unit, meaning) for name, unit, meaning, values in table
    )
