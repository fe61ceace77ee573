"""Points of a sweep from a file: CSV or Parquet, a column a lever or parameter, a row a point.

A cell of CSV carries a unit or is in the column's own; an empty cell leaves the name as it is. A column of Parquet is
in the unit of its field's metadata (key ``unit``, as every table of ours has it) or in the name's own; NaN and null
leave the name as it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tiercap.optimizer.errors import InputError
from tiercap.optimizer.io import columns, csv_text, durable, units
from tiercap.optimizer.io.arrays import Floats
from tiercap.optimizer.model import parameters
from tiercap.optimizer.model.parameters import DECLARED
from tiercap.optimizer.rules import levers
from tiercap.optimizer.rules.levers import LEVERS_TABLE
from tiercap.optimizer.study.records import Study
from tiercap.optimizer.sweeps import axes, design
from tiercap.optimizer.sweeps.axes import Axis

PARQUET = b"PAR1"
MAX_BYTES = 512 * 2**20


def read(path: Path, study: Study) -> design.Design:
    """The design that a file says. Raises InputError naming file, row and column."""
    place = units.printable(path.name)
    try:
        data = durable.read(path, MAX_BYTES)
    except (OSError, durable.Unfit, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"--points-from {place}: cannot be read: {reason}") from None
    swept, values = (_parquet if data.startswith(PARQUET) else _csv)(data, place, study)
    empty = [axis.name for axis, column in zip(swept, values, strict=True) if np.isnan(column).all()]
    if empty:
        raise InputError(f"{place}: column `{empty[0]}` is empty: leave it out")
    return design.from_table(swept, values)


def _csv(data: bytes, place: str, study: Study) -> tuple[list[Axis], list[Floats]]:
    known = [*LEVERS_TABLE, *DECLARED]
    header, rows = csv_text.read(data, place, known, design.MAX_HELD, "a point")
    swept = [axes.named(name, study, place, "file") for name in header]
    table = np.full((len(rows), len(header)), math.nan)
    for k, (line, cells) in enumerate(rows):
        for j, cell in enumerate(cells):
            if cell:
                table[k, j] = _explained(f"{place}:{line}", axes.value, header[j], cell)
    return swept, list(table.T)


def _parquet(data: bytes, place: str, study: Study) -> tuple[list[Axis], list[Floats]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(pa.BufferReader(data), use_threads=False)
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = (str(error).splitlines() or [""])[0][:120]
        raise InputError(f"{place}: cannot be read as Parquet: {reason}") from None
    if table.num_rows == 0 or not 0 < table.num_columns <= columns.MAX_COLUMNS:
        raise InputError(f"{place} holds no points: a column a lever or parameter, a row a point")
    swept = [axes.named(name, study, place, "file") for name in table.column_names]
    return swept, [_column(table, axis, place) for axis in swept]


def _column(table: object, axis: Axis, place: str) -> Floats:
    """One column in its axis' unit, every value in its domain."""
    import pyarrow as pa

    column = table.column(axis.name)  # type: ignore[attr-defined]
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        raise InputError(f"{place}: column `{axis.name}` must hold numbers, not {column.type}")
    field = table.schema.field(axis.name)  # type: ignore[attr-defined]
    unit = (field.metadata or {}).get(b"unit", axis.unit.encode()).decode("utf-8", "replace")
    stored = np.array(column.cast(pa.float64()).fill_null(math.nan).to_numpy())
    try:
        values = units.converted(stored, unit, axis.unit)
    except InputError as error:
        raise InputError(f"{place}: `{axis.name}`: {error}") from None
    check = levers.check if axis.kind == "lever" else parameters.parse
    for row in np.flatnonzero(~np.isnan(values)):
        _explained(f"{place}, row {row}", check, axis.name, float(values[row]))
    return values


def _explained(place: str, call: Callable[..., float], *arguments: object) -> float:
    try:
        return call(*arguments)
    except InputError as error:
        raise InputError(f"{place}: {error}") from None
