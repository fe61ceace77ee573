"""A table as CSV: strict, bounded, every complaint with its line."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Sequence

from tiercap.optimizer.errors import InputError, did_you_mean
from tiercap.optimizer.io.units import printable

#: Bytes of a table beyond which it is refused unread.
MAX_BYTES = 16 * 2**20

Row = tuple[int, list[str]]


def read(
    data: bytes, place: str, known: Collection[str], most: int, each: str = "a policy"
) -> tuple[list[str], list[Row]]:
    """Header and rows, each row with the line it begins on and as many cells as the header; blank lines are left out.

    data : UTF-8 with or without a byte-order mark; place : its name in messages; known : columns there may be;
    most : rows allowed; each : what a row is, in messages. Raises InputError.
    """
    if len(data) > MAX_BYTES:
        raise InputError(f"{place} is larger than {MAX_BYTES >> 20} MiB: split it")
    header: list[str] | None = None
    rows: list[Row] = []
    for line, cells in _lines(_text(data, place), place):
        if header is None:
            header = _header(cells, f"{place}:{line}", known)
            continue
        if len(cells) != len(header):
            raise InputError(f"{place}:{line}: {len(cells)} cells under {len(header)} columns: quote cells with commas")
        if len(rows) == most:
            raise InputError(f"{place}:{line}: more than {most:,} rows: split the table")
        rows.append((line, cells))
    if header is None or not rows:
        raise InputError(f"{place} holds no rows: the first line names the columns, each line below is {each}")
    return header, rows


def _text(data: bytes, place: str) -> str:
    if b"\0" in data:
        line = data[: data.index(b"\0")].count(b"\n") + 1
        raise InputError(f"{place}:{line}: holds a NUL byte: save it as CSV in UTF-8, not UTF-16 or a workbook")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise InputError(f"{place}:{line}: byte 0x{data[error.start]:02x} is not UTF-8: save it as UTF-8") from None


def _lines(text: str, place: str) -> list[Row]:
    """Rows that are not blank, cells without the space around them."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    found: list[Row] = []
    line = 1
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                found.append((line, [cell.strip() for cell in row]))
            line = reader.line_num + 1
    except csv.Error as error:
        raise InputError(f"{place}:{line}: not valid CSV ({error}): quote cells with commas or quotes") from None
    return found


def _header(cells: Sequence[str], place: str, known: Collection[str]) -> list[str]:
    for column in cells:
        stem, bracket, unit = column.partition("[")
        if bracket and stem.strip() in known:
            raise InputError(
                f"{place}: column `{printable(column)}`: a header is a name alone: write `{stem.strip()}`, and the "
                f"unit into every cell, as in 3 {printable(unit.rstrip('] '))}"
            )
        if column not in known:
            raise InputError(f"{place}: unknown column `{printable(column)}`: {did_you_mean(column[:60], known)}")
        if cells.count(column) > 1:
            raise InputError(f"{place}: column `{column}` stands twice: keep one")
    return list(cells)
