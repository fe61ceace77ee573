"""The tables of a sweep, written block after block: Parquet and netCDF of any length, CSV where it is short."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tiercap.kernels.params import TRAJECTORY_LIST
from tiercap.optimizer.io import columns
from tiercap.optimizer.model import measures
from tiercap.optimizer.runs.folder import RunFolder
from tiercap.optimizer.sweeps import netcdf
from tiercap.optimizer.sweeps.plan import CLIPPED, Block, Plan

#: Rows up to which there is a CSV too.
CSV_ROWS = 10_000
#: Numbers, and rows, of a row group of Parquet: at most 32 MB.
ROW_GROUP, ROW_GROUP_ROWS = 4_000_000, 16_384
TABLE, TRAJECTORY, LABELLED = "sweep", "trajectory", "sweep.nc"
YEAR = "year"

Blocks = Iterator[tuple[int, NDArray[np.float64], Block]]


class Column(NamedTuple):
    """A column of a table; outcome and statistic where it is one."""

    name: str
    unit: str
    meaning: str
    outcome: str = ""
    statistic: str = ""


def table_columns(plan: Plan) -> list[Column]:
    """Columns of sweep.parquet. An outcome that is called like a swept parameter has `outcome_` before its name."""
    found = [*_point_columns(plan), Column(CLIPPED, "1", "true where a cap was cut to the cap around it")]
    for name, statistic in plan.wanted:
        unit, meaning = measures.unit(name, statistic), measures.meaning(name, statistic)
        found.append(Column(_free(plan, "outcome_", (name, statistic)), unit, meaning, name, statistic))
    return found


def trajectory_columns(plan: Plan) -> list[Column]:
    """Columns of trajectory.parquet, a row a point, policy and step."""
    found = [*_point_columns(plan), Column(YEAR, "year", "start of the step")]
    for field in TRAJECTORY_LIST:
        for statistic in plan.statistics:
            name = _free(plan, "trajectory_", (field.name, statistic))
            meaning = f"{measures.applied(field.name, statistic)} over the scenarios of: {field.meaning}"
            found.append(Column(name, field.unit, meaning, field.name, statistic))
    return found


def _point_columns(plan: Plan) -> list[Column]:
    found = [
        Column(netcdf.POINT, "1", "number of the point, from 0"),
        Column(netcdf.POLICY, "1", "policy that the swept levers overwrite"),
    ]
    if plan.design.kind == "one-at-a-time":
        found.append(Column(netcdf.VARIED, "1", "the name that the point moves; empty where it moves none"))
    return found + [Column(axis.name, axis.unit, axis.meaning) for axis in plan.design.axes]


def _free(plan: Plan, before: str, pair: tuple[str, str]) -> str:
    """The column of a statistic, told apart from a swept parameter of the same name."""
    return before * (pair[0] in plan.design.names) + measures.column(*pair)


def write(
    folder: RunFolder, plan: Plan, names: Sequence[str], blocks: Blocks, source: Mapping[str, str], wants_netcdf: bool
) -> tuple[list[str], dict[str, np.ndarray] | None]:
    """Write every table from the blocks, in order: the names of the files, and the table where it is short.

    names : of the policies; source : what files say of their origin; wants_netcdf : whether sweep.nc is wanted
    """
    short: list[dict[str, np.ndarray]] = []
    written = [f"{TABLE}.parquet"]
    with ExitStack() as stack:
        table = _Parquet(stack, folder, f"{TABLE}.parquet", table_columns(plan), source)
        steps, file = None, None
        if plan.trajectory:
            written.append(f"{TRAJECTORY}.parquet")
            steps = _Parquet(stack, folder, written[-1], trajectory_columns(plan), source)
        if wants_netcdf:
            written.append(LABELLED)
            path = stack.enter_context(folder.placed(LABELLED))
            file = stack.enter_context(netcdf.writing(path, plan, names, source))
        for first, coordinates, block in blocks:
            points = _points(plan, names, first, coordinates)
            rows = {**points, CLIPPED: block.statistics[CLIPPED]}
            rows |= {_free(plan, "outcome_", pair): block.statistics[measures.column(*pair)] for pair in plan.wanted}
            table.add(rows)
            if plan.rows <= CSV_ROWS:
                short.append(rows)
            if steps:
                steps.add(_steps(plan, points, block))
            if file:
                file.block(first, coordinates, block)
        table.finish()
        if steps:
            steps.finish()
    if not short:
        return written, None
    written.append(f"{TABLE}.csv")
    whole = {name: np.concatenate([part[name] for part in short]) for name in short[0]}
    folder.write_text(written[-1], columns.to_csv(whole).decode())
    return written, whole


def _points(plan: Plan, names: Sequence[str], first: int, coordinates: NDArray[np.float64]) -> dict[str, np.ndarray]:
    """What identifies the rows of a block: point, policy, swept names."""
    n, each = len(coordinates), len(names)
    found: dict[str, np.ndarray] = {
        netcdf.POINT: np.repeat(np.arange(first, first + n), each),
        netcdf.POLICY: np.tile(np.array(names, dtype=np.str_), n),
    }
    if plan.design.kind == "one-at-a-time":
        found[netcdf.VARIED] = np.repeat(np.array(netcdf.varied_names(plan, first, first + n), dtype=np.str_), each)
    return found | {name: np.repeat(coordinates[:, k], each) for k, name in enumerate(plan.design.names)}


def _steps(plan: Plan, points: Mapping[str, np.ndarray], block: Block) -> dict[str, np.ndarray]:
    horizon = plan.horizon
    years = horizon.start + np.arange(horizon.steps) / horizon.steps_per_year
    rows = {name: np.repeat(values, horizon.steps) for name, values in points.items()}
    rows[YEAR] = np.tile(years, len(points[netcdf.POINT]))
    pairs = [(field.name, statistic) for field in TRAJECTORY_LIST for statistic in plan.statistics]
    return rows | {_free(plan, "trajectory_", pair): block.steps[measures.column(*pair)] for pair in pairs}


class _Parquet:
    """A Parquet file that grows by rows; its row groups depend on its columns alone."""

    def __init__(
        self, stack: ExitStack, folder: RunFolder, name: str, declared: Sequence[Column], source: Mapping[str, str]
    ) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        text, kinds = pa.string(), {netcdf.POINT: pa.int64(), CLIPPED: pa.bool_()}
        kinds |= {netcdf.POLICY: text, netcdf.VARIED: text}
        fields = [
            pa.field(c.name, kinds.get(c.name, pa.float64()), False, {"unit": c.unit, "meaning": c.meaning})
            for c in declared
        ]
        self._schema = pa.schema(fields, metadata=dict(source))
        texts = [c.name for c in declared if kinds.get(c.name) == text]
        path: Path = stack.enter_context(folder.placed(name))
        self._file = stack.enter_context(
            pq.ParquetWriter(path, self._schema, compression="zstd", use_dictionary=texts, write_statistics=texts)
        )
        self._size = max(1, min(ROW_GROUP_ROWS, ROW_GROUP // len(fields)))
        self._waiting: list[Any] = []

    def add(self, rows: Mapping[str, np.ndarray]) -> None:
        """Rows by column; whole row groups are written."""
        import pyarrow as pa

        values = [rows[field.name] for field in self._schema]
        arrays = [pa.array(v.tolist() if v.dtype.kind == "U" else v) for v in values]
        self._waiting.append(pa.Table.from_arrays(arrays, schema=self._schema))
        while sum(len(table) for table in self._waiting) >= self._size:
            whole = pa.concat_tables(self._waiting)
            self._file.write_table(whole.slice(0, self._size), row_group_size=self._size)
            self._waiting = [whole.slice(self._size)]

    def finish(self) -> None:
        """Write what is left."""
        import pyarrow as pa

        left = pa.concat_tables(self._waiting) if self._waiting else None
        if left is not None and len(left):
            self._file.write_table(left, row_group_size=self._size)
        self._waiting = []
