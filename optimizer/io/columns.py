"""Named columns of equal length to bytes and back: Parquet that proves itself whole, CSV for people.

The Parquet carries in its own metadata a SHA-256 of what it says: names, units, types, lengths and the bits
of every value. One rename therefore commits data and proof together. Bits of float64 survive, NaNs' included.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from tiercap.optimizer.errors import InputError

Columns = dict[str, np.ndarray]

FORMAT = 1
#: More than this is neither written nor read back: it would not fit a laptop's memory comfortably.
MAX_BYTES = 2 * 1024**3
MAX_COLUMNS = 4096
#: A spreadsheet takes a cell that starts with one of these for a formula.
_TRIGGERS = tuple("=+-@\t\r\n\0\uff1d\uff0b\uff0d\uff20")  # the last four: the first four in full width


class Damaged(Exception):
    """Bytes that are not the columns they should be; the text says why."""


def checked(columns: Mapping[str, Any]) -> Columns:
    """Columns as one-dimensional float64, int64, bool or text arrays of one length.

    Narrower numbers are widened; anything else is a ValueError, text that is not Unicode an InputError.
    """
    result = {name: _column(name, values) for name, values in columns.items()}
    if not 0 < len(result) <= MAX_COLUMNS:
        raise ValueError(f"a table has between 1 and {MAX_COLUMNS} columns, not {len(result)}")
    lengths = {name: len(values) for name, values in result.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"columns differ in length: {lengths}")
    return result


def _column(name: str, values: Any) -> np.ndarray:
    array = np.asarray(values)
    if array.ndim != 1:
        raise ValueError(f"column {name!r} has shape {array.shape}; one dimension is wanted")
    if array.dtype.kind == "O" and all(isinstance(v, str) for v in array):
        array = np.array(array.tolist(), dtype=np.str_)
    if array.dtype.kind == "U":
        return _unicode(name, array)
    wanted = {"b": np.bool_, "i": np.int64, "u": np.int64, "f": np.float64}.get(array.dtype.kind)
    if wanted is not None and np.can_cast(array.dtype, wanted, "safe"):
        return np.ascontiguousarray(array, dtype=wanted)
    raise ValueError(f"column {name!r} is of {array.dtype}; float64, int64, bool or text is wanted")


def _unicode(name: str, array: np.ndarray) -> np.ndarray:
    try:
        "".join(array.tolist()).encode("utf-8")
    except UnicodeEncodeError:
        raise InputError(f"column {name!r} holds text that is not valid Unicode: rename it") from None
    return array


def to_parquet(columns: Mapping[str, Any], units: Mapping[str, str], identity: str = "") -> bytes:
    """Parquet of ``columns`` with ``units`` in the fields' metadata (key ``unit``; "1" where none is given).

    columns : 1-D float64, int64, bool or text, all of one length. ``identity`` is sealed in: only a reader
    who gives the same one accepts the bytes.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrays = checked(columns)
    stranger = set(units) - set(arrays)
    if stranger:
        raise ValueError(f"units are given for columns that do not exist: {sorted(stranger)}")
    known = {name: units.get(name, "1") for name in arrays}
    fields, data, texts = [], [], []
    for name, array in arrays.items():
        data.append(pa.array(array.tolist(), pa.string()) if array.dtype.kind == "U" else pa.array(array))
        fields.append(pa.field(name, data[-1].type, nullable=False, metadata={"unit": known[name]}))
        texts += [name] if array.dtype.kind == "U" else []
    seal = {"format": FORMAT, "sha256": digest(arrays, known, identity)}
    table = pa.Table.from_arrays(data, schema=pa.schema(fields, metadata={"tiercap": json.dumps(seal)}))
    sink = io.BytesIO()
    # A dictionary would merge NaNs of different bits, so only text has one.
    pq.write_table(table, sink, compression="zstd", use_dictionary=texts, write_statistics=texts)
    return sink.getvalue()


def from_parquet(data: bytes, identity: str = "") -> Columns:
    """The columns that :func:`to_parquet` wrote; raises Damaged where a bit of them is not as written."""
    return _parse(data, identity)[0]


def from_any_parquet(data: bytes) -> Columns:
    """The columns of a Parquet file, whoever wrote it; raises Damaged where it cannot be read.

    Whole numbers and narrow floats are widened; a file of :func:`to_parquet` must be as it was written.
    """
    import pyarrow as pa

    try:
        table = _read_table(data)
        sealed = b"tiercap" in (table.schema.metadata or {})
        arrays = None if sealed else {name: _widened(table.column(name)) for name in table.column_names}
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        reason = (str(error).splitlines() or [""])[0][:120]
        raise Damaged(f"it cannot be read as Parquet ({type(error).__name__}: {reason})") from None
    return from_parquet(data) if arrays is None else arrays


def declared_units(data: bytes) -> dict[str, str]:
    """The units in the fields' metadata of a Parquet file, whoever wrote it, of those columns that have one."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        schema = pq.read_schema(pa.BufferReader(data))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise Damaged(f"it cannot be read as Parquet ({type(error).__name__})") from None
    said = {field.name: (field.metadata or {}).get(b"unit") for field in schema}
    return {name: unit.decode("utf-8", "replace") for name, unit in said.items() if unit is not None}


def _widened(column: Any) -> np.ndarray:
    import pyarrow as pa

    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        column = column.cast(pa.float64())
    elif pa.types.is_large_string(column.type) or pa.types.is_dictionary(column.type):
        column = column.cast(pa.string())
    return _from_arrow(column)


def units_of(data: bytes, identity: str = "") -> dict[str, str]:
    """The units that :func:`to_parquet` wrote, checked likewise."""
    return _parse(data, identity)[1]


def _parse(data: bytes, identity: str) -> tuple[Columns, dict[str, str]]:
    import pyarrow as pa

    try:
        table = _read_table(data)
        units = {field.name: (field.metadata or {})[b"unit"].decode() for field in table.schema}
        seal = json.loads((table.schema.metadata or {})[b"tiercap"])
        arrays = {name: _from_arrow(table.column(name)) for name in table.column_names}
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        reason = (str(error).splitlines() or [""])[0][:120]
        raise Damaged(f"it cannot be read as a block ({type(error).__name__}: {reason})") from None
    if not isinstance(seal, dict) or seal.get("format") != FORMAT:
        raise Damaged(f"its format is not {FORMAT}")
    if seal.get("sha256") != digest(arrays, units, identity):
        raise Damaged("its digest does not match: it was changed, or belongs to another run or block")
    return arrays, units


def _read_table(data: bytes) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = pq.ParquetFile(pa.BufferReader(data))
    meta = file.metadata
    declared = sum(meta.row_group(i).total_byte_size for i in range(meta.num_row_groups))
    if max(declared, meta.num_rows * max(meta.num_columns, 1)) > MAX_BYTES or meta.num_columns > MAX_COLUMNS:
        raise ValueError(f"it declares more than {MAX_BYTES:,} bytes")
    return file.read(use_threads=False)


def _from_arrow(column: Any) -> np.ndarray:
    import pyarrow as pa

    if column.null_count:
        raise ValueError("a value is missing")
    if column.type == pa.string():
        return np.array(column.to_pylist(), dtype=np.str_)
    if column.type not in (pa.float64(), pa.int64(), pa.bool_()):
        raise ValueError(f"a column is of type {column.type}")
    return np.array(column.to_numpy())  # a copy: what Arrow hands out is read-only


def digest(columns: Columns, units: Mapping[str, str], identity: str = "") -> str:
    """SHA-256 of names, units, types, lengths and bits, in order, and of ``identity``."""
    state = hashlib.sha256(json.dumps([FORMAT, identity, len(columns)]).encode())
    for name, array in columns.items():
        state.update(json.dumps([name, units[name], array.dtype.kind, len(array)]).encode())
        if array.dtype.kind == "U":
            state.update(json.dumps(array.tolist()).encode())
        else:
            little = array.astype(array.dtype.newbyteorder("<"), copy=False)
            state.update(np.ascontiguousarray(little).tobytes())
    return state.hexdigest()


def to_csv(columns: Mapping[str, Any]) -> bytes:
    """UTF-8 CSV with one header row; numbers in the shortest spelling that reads back to the same bits.

    A text cell that a spreadsheet would run as a formula gets a leading apostrophe; numbers never do.
    """
    arrays = checked(columns)
    cells = [_cells(array) for array in arrays.values()]
    rows = [[_text_cell(name) for name in arrays], *zip(*cells, strict=True)]
    return ("\n".join(map(",".join, rows)) + "\n").encode("utf-8")


def _cells(array: np.ndarray) -> list[str]:
    if array.dtype.kind == "U":
        return [_text_cell(text) for text in array.tolist()]
    if array.dtype.kind == "b":
        return ["true" if value else "false" for value in array.tolist()]
    return [repr(value) for value in array.tolist()]


def _text_cell(text: str) -> str:
    """One cell, quoted where a reader needs it; the standard library's writer forgets a lone CR."""
    text = harmless(text)
    return '"' + text.replace('"', '""') + '"' if any(c in text for c in ',"\r\n') or text == "" else text


def harmless(text: str) -> str:
    """``text`` such that no spreadsheet takes it for a formula."""
    return "'" + text if text.startswith(_TRIGGERS) else text
