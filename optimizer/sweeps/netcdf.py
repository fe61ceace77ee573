"""A sweep as netCDF-4 that xarray opens: named dimensions with units, written a block at a time.

Dimensions of a grid are the swept names, those of other designs `point`, along which the swept names are coordinates.
Then come `policy`, and `statistic` and `outcome` for the variable `outcomes`, whose units stand beside the outcomes in
the coordinate `unit`; and for the variables `trajectory_NAME` `year`, `group` and `workload` where the model has them,
and `statistic`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tiercap.kernels.params import GROUPS, OUTCOME_LIST, TRAJECTORY_LIST, WORKLOAD_NAMES, WORKLOADS, Outcome
from tiercap.optimizer.errors import InputError
from tiercap.optimizer.model import measures
from tiercap.optimizer.sweeps.plan import CLIPPED, Block, Plan

CONVENTIONS = "CF-1.11"
POINT, POLICY, STATISTIC, OUTCOME, UNIT, VARIED = "point", "policy", "statistic", "outcome", "unit", "varied"
#: Before the name of a variable over the steps: some are called like outcomes or parameters.
TRAJECTORY = "trajectory_"
GROUP_NAMES = {"a": "allied", "b": "swing", "c": "restricted"}


def check_installed() -> None:
    """Raise InputError where the libraries are missing."""
    try:
        import h5netcdf
        import h5py
    except ImportError:
        raise InputError(
            "sweep.nc needs h5netcdf and h5py: install tiercap with the extra [netcdf], or leave it out (--no-netcdf)"
        ) from None
    del h5netcdf, h5py


@dataclass(frozen=True)
class Family:
    """Fields of a trajectory that differ in group or workload only, as one variable.

    members : the fields by group and workload, "" where the field has none
    """

    stem: str
    unit: str
    members: Mapping[tuple[str, str], Outcome]

    @property
    def dimensions(self) -> tuple[str, ...]:
        """`group` and `workload` as far as the fields differ in them."""
        group = ("group",) if any(g for g, _ in self.members) else ()
        return group + (("workload",) if any(w for _, w in self.members) else ())

    @property
    def meaning(self) -> str:
        """What the fields mean, once where it is the same for all."""
        said: dict[str, str] = {}
        for (group, workload), field in self.members.items():
            text = field.meaning.removesuffix(f", {WORKLOAD_NAMES.get(workload, '')}")
            said.setdefault(text, group)
        if len(said) == 1:
            return next(iter(said))
        return "; ".join(f"{group.upper()}: {text}" for text, group in said.items())

    def place(self, group: str, workload: str) -> tuple[int, ...]:
        """Where a member stands along the family's own dimensions."""
        found = {"group": GROUPS.index(group) if group else 0, "workload": WORKLOADS.index(workload) if workload else 0}
        return tuple(found[dimension] for dimension in self.dimensions)


def families() -> list[Family]:
    """The fields of a trajectory, joined where only group or workload tells them apart."""
    found: dict[str, dict[tuple[str, str], Outcome]] = {}
    for field in TRAJECTORY_LIST:
        stem, workload = _split(field.name, WORKLOADS)
        stem, group = _split(stem, GROUPS)
        found.setdefault(stem, {})[group, workload] = field
    return [Family(stem, next(iter(members.values())).unit, members) for stem, members in found.items()]


def _split(name: str, endings: Sequence[str]) -> tuple[str, str]:
    """``name`` without its last word where that is among ``endings``, and the word."""
    stem, _, last = name.rpartition("_")
    return (stem, last) if stem and last in endings else (name, "")


def slabs(first: int, last: int, shape: Sequence[int]) -> Iterator[tuple[slice, ...]]:
    """Places ``first`` to ``last`` of an array in C order, as boxes, in order."""
    if first >= last:
        return
    if len(shape) == 1:
        yield (slice(first, last),)
        return
    inner = math.prod(shape[1:])
    begin, end = -(-first // inner), last // inner  # rows that are whole
    if begin > end:
        yield from _row(begin - 1, first, last, inner, shape)
        return
    yield from _row(begin - 1, first, begin * inner, inner, shape)
    if begin < end:
        yield (slice(begin, end), *(slice(0, n) for n in shape[1:]))
    yield from _row(end, end * inner, last, inner, shape)


def _row(row: int, first: int, last: int, inner: int, shape: Sequence[int]) -> Iterator[tuple[slice, ...]]:
    for rest in slabs(first - row * inner, last - row * inner, shape[1:]):
        yield (slice(row, row + 1), *rest)


class Writer:
    """An open netCDF file that takes one block after the other. Made by :func:`writing`."""

    def __init__(self, file: Any, plan: Plan, names: Sequence[str], source: Mapping[str, str]) -> None:
        self._file, self._plan = file, plan
        self._grid = plan.design.kind == "grid"
        self._shape = plan.design.shape
        self._families = families() if plan.trajectory else []
        file.attrs.update({"Conventions": CONVENTIONS, **source})
        self._points()
        self._labels(names)
        self._variables()

    @property
    def _rows(self) -> tuple[str, ...]:
        """Dimensions of the points."""
        return self._plan.design.names if self._grid else (POINT,)

    def _add(self, name: str, dimensions: tuple[str, ...], dtype: Any, unit: str, meaning: str, **more: str) -> Any:
        filled = {"fillvalue": np.nan} if dtype == "f8" else {}
        variable = self._file.create_variable(name, dimensions, dtype, **filled)
        variable.attrs.update({"units": unit, "long_name": meaning, **more})
        return variable

    def _points(self) -> None:
        """The swept names: dimensions of a grid, else coordinates along `point`."""
        file, design = self._file, self._plan.design
        for name, length in zip(self._rows, self._shape, strict=True):
            file.dimensions[name] = length
        if not self._grid:
            point = self._add(POINT, (POINT,), "i8", "1", "number of the point, from 0")
            point[...] = np.arange(len(design))
        for axis in design.axes:
            where = (axis.name,) if self._grid else (POINT,)
            variable = self._add(axis.name, where, "f8", axis.unit, axis.meaning, kind=axis.kind, scale=axis.scale)
            if self._grid:
                variable[...] = np.asarray(axis.values)
        if design.kind == "one-at-a-time":
            self._text(VARIED, POINT, varied_names(self._plan, 0, len(design)), "the name that the point moves")

    def _labels(self, names: Sequence[str]) -> None:
        plan = self._plan
        outcomes = [outcome for name in plan.outcomes for outcome in OUTCOME_LIST if outcome.name == name]
        dimensions = {POLICY: len(names), STATISTIC: len(plan.statistics), OUTCOME: len(outcomes)}
        if plan.trajectory:
            dimensions |= {"year": plan.horizon.steps, "group": len(GROUPS), "workload": len(WORKLOADS)}
        for name, length in dimensions.items():
            self._file.dimensions[name] = length
        self._text(POLICY, POLICY, names, "policy that the swept levers overwrite")
        self._text(STATISTIC, STATISTIC, plan.statistics, "statistic over the scenarios")
        self._text(OUTCOME, OUTCOME, plan.outcomes, "outcome")
        self._text(UNIT, OUTCOME, [outcome.unit for outcome in outcomes], "unit of the outcome")
        self._text("meaning", OUTCOME, [outcome.meaning for outcome in outcomes], "meaning of the outcome")
        if plan.trajectory:
            years = plan.horizon.start + np.arange(plan.horizon.steps) / plan.horizon.steps_per_year
            self._add("year", ("year",), "f8", "year", "start of the step")[...] = years
            self._text("group", "group", GROUPS, "destination group")
            self._text("group_name", "group", [GROUP_NAMES[g] for g in GROUPS], "name of the destination group")
            self._text("workload", "workload", WORKLOADS, "workload")
            self._text("workload_name", "workload", [WORKLOAD_NAMES[w] for w in WORKLOADS], "name of the workload")

    def _text(self, name: str, dimension: str, values: Sequence[str], meaning: str) -> None:
        import h5py

        variable = self._add(name, (dimension,), h5py.string_dtype(), "1", meaning)
        variable[...] = np.array(list(values), dtype=object)

    def _variables(self) -> None:
        rows = (*self._rows, POLICY)
        along = "" if self._grid else " ".join(self._plan.design.names)
        also = f"{along} {VARIED}" if self._plan.design.kind == "one-at-a-time" else along
        beside = {"coordinates": f"{also} {UNIT} meaning".strip()}
        dimensions = (*rows, STATISTIC, OUTCOME)
        self._outcomes = self._add("outcomes", dimensions, "f8", "see coordinate unit", "outcomes", **beside)
        more = {"coordinates": also} if also else {}
        self._clipped = self._add(CLIPPED, rows, "i1", "1", "1 where a cap was cut to the cap around it", **more)
        self._steps = {}
        for family in self._families:
            own = {"group": "group_name", "workload": "workload_name"}
            beside = {"coordinates": " ".join(filter(None, [also, *(own[d] for d in family.dimensions)]))}
            self._steps[family.stem] = self._add(
                f"{TRAJECTORY}{family.stem}", (*rows, "year", *family.dimensions, STATISTIC), "f8", family.unit,
                family.meaning, **{key: text for key, text in beside.items() if text},
            )  # fmt: skip

    def block(self, first: int, coordinates: NDArray[np.float64], block: Block) -> None:
        """Points from ``first`` on: float64[n, len(axes)] and their block."""
        plan, n, policies = self._plan, len(coordinates), len(self._plan.policies)
        if not self._grid:
            for k, name in enumerate(plan.design.names):
                self._file.variables[name][first : first + n] = coordinates[:, k]
        stacked = np.stack([block.statistics[measures.column(*pair)] for pair in plan.wanted], axis=1)
        shape = (n, policies, len(plan.outcomes), len(plan.statistics))
        self._put(self._outcomes, first, np.moveaxis(stacked.reshape(shape), 3, 2))
        self._put(self._clipped, first, block.statistics[CLIPPED].reshape(n, policies).astype(np.int8))
        for family in self._families:
            self._put(self._steps[family.stem], first, self._joined(family, block, n))

    def _joined(self, family: Family, block: Block, n: int) -> NDArray[np.float64]:
        """A family's statistics: float64[n, policies, steps, groups, workloads, statistics] as far as it has them."""
        plan = self._plan
        own = tuple({"group": len(GROUPS), "workload": len(WORKLOADS)}[d] for d in family.dimensions)
        lead = (n, len(plan.policies), plan.horizon.steps)
        found = np.full((*lead, *own, len(plan.statistics)), np.nan)
        for member, field in family.members.items():
            for s, statistic in enumerate(plan.statistics):
                place: Any = (..., *family.place(*member), s)
                found[place] = block.steps[measures.column(field.name, statistic)].reshape(lead)
        return found

    def _put(self, variable: Any, first: int, values: NDArray[Any]) -> None:
        """Rows of points into a variable whose first dimensions are the points'."""
        done = 0
        for place in slabs(first, first + len(values), self._shape):
            size = [part.stop - part.start for part in place]
            some = values[done : done + math.prod(size)]
            variable[(*place, ...)] = some.reshape(*size, *values.shape[1:])
            done += len(some)


def varied_names(plan: Plan, first: int, last: int) -> list[str]:
    """The name that each point of a one-at-a-time design moves, empty for the point that moves none."""
    names = (*plan.design.names, "")
    return [names[k] for k in plan.design.varied(first, last)]


@contextmanager
def writing(path: Path, plan: Plan, names: Sequence[str], source: Mapping[str, str]) -> Iterator[Writer]:
    """A new file at ``path``; ``names`` : of the policies; ``source`` : the file's own attributes."""
    import h5netcdf

    with h5netcdf.File(path, "w") as file:
        yield Writer(file, plan, names, source)
