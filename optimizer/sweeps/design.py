"""The points of a sweep: a grid, one name at a time, Latin hypercube, Sobol, or a file's rows.

Points are numbered, and any stretch of them can be had by itself, so that a sweep of any size is read a block at a
time. Where a point leaves a name as it is, its coordinate is NaN: a lever then stays as the policy has it, a parameter
as the ensemble has it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tiercap.optimizer.errors import InputError
from tiercap.optimizer.io.arrays import Floats
from tiercap.optimizer.model import sobol
from tiercap.optimizer.sweeps.axes import Axis

Kind = Literal["grid", "one-at-a-time", "lhs", "sobol", "file"]
KINDS: tuple[Kind, ...] = ("grid", "one-at-a-time", "lhs", "sobol")
#: Designs whose points are drawn from ranges.
DRAWN = ("lhs", "sobol")

#: More points than this are refused whatever is said.
MAX_POINTS = 20_000_000
#: Numbers (points times names) of a Latin hypercube or a file, which are held in memory: 64 MB.
MAX_HELD = 8_000_000


@dataclass(frozen=True)
class Design:
    """Points over axes: parameters first, then levers, each in the order given; the last moves fastest in a grid.

    n : number of points; seed : of the drawn ones
    table : float64[n, len(axes)] where the points are held, None where they are computed
    """

    kind: Kind
    axes: tuple[Axis, ...]
    n: int
    seed: int = 0
    table: Floats | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return self.n

    @property
    def names(self) -> tuple[str, ...]:
        """What is swept, in the order of the axes."""
        return tuple(axis.name for axis in self.axes)

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of a grid's axes; of another design the number of points."""
        return tuple(len(axis.values) for axis in self.axes) if self.kind == "grid" else (self.n,)

    def coordinates(self, first: int, last: int) -> Floats:
        """Points ``first`` to ``last``: float64[last - first, len(axes)]."""
        if self.table is not None:
            return self.table[first:last]
        if self.kind == "sobol":
            columns = [a.at(sobol.column(last - first, k, self.seed, first)) for k, a in enumerate(self.axes)]
            return np.stack(columns, axis=1)
        if self.kind == "one-at-a-time":
            return self._one_at_a_time(first, last)
        places = np.unravel_index(np.arange(first, last), self.shape)
        return np.stack([np.asarray(a.values)[p] for a, p in zip(self.axes, places, strict=True)], axis=1)

    def varied(self, first: int, last: int) -> NDArray[np.int64]:
        """The axis that each point of a one-at-a-time design moves, -1 for the point that moves none: int64[n]."""
        ends = np.cumsum([1, *(len(axis.values) for axis in self.axes)])
        return np.searchsorted(ends, np.arange(first, last), side="right") - 1

    def _one_at_a_time(self, first: int, last: int) -> Floats:
        found = np.full((last - first, len(self.axes)), math.nan)
        moved, start = self.varied(first, last), 1
        for k, axis in enumerate(self.axes):
            rows = np.flatnonzero(moved == k)
            found[rows, k] = np.asarray(axis.values)[first + rows - start]
            start += len(axis.values)
        return found

    def described(self) -> dict[str, Any]:
        """The design as JSON has it."""
        seeded = {"seed": self.seed} if self.kind in DRAWN else {}
        return {"kind": self.kind, "points": self.n, **seeded, "over": [axis.described() for axis in self.axes]}


def make(kind: str, axes: Sequence[Axis], points: int | None, seed: int) -> Design:
    """A design over axes given with ``--over``; ``points`` for the drawn kinds only. Raises InputError."""
    if kind not in KINDS:
        raise InputError(f"unknown design `{kind[:40]}`: known: {', '.join(KINDS)}")
    ordered = in_order(axes)
    if kind in DRAWN:
        if points is None:
            raise InputError(f"--design {kind} draws points: say how many with --points N")
        if points < 1:
            raise InputError(f"--points must be at least 1, not {points}: an empty sweep says nothing")
        if len(ordered) > sobol.dimensions():
            raise InputError(f"--design {kind} takes at most {sobol.dimensions()} names, not {len(ordered)}")
        n = _checked(points)
    elif points is not None:
        raise InputError(f"--points is of no use with --design {kind}, whose points --over counts out: leave it out")
    else:
        lengths = [len(axis.values) for axis in ordered]
        n = _checked(math.prod(lengths) if kind == "grid" else 1 + sum(lengths))
    design = Design(kind, ordered, n, seed)  # type: ignore[arg-type]
    return replace(design, table=_latin_hypercube(design)) if kind == "lhs" else design


def from_table(axes: Sequence[Axis], columns: Sequence[Floats]) -> Design:
    """The points of a file: one column an axis, NaN where a point leaves a name as it is."""
    ordered = in_order(axes)
    place = {axis.name: k for k, axis in enumerate(axes)}
    table = np.stack([columns[place[axis.name]] for axis in ordered], axis=1)
    _check_held(len(table), len(ordered), "a file of points")
    return Design("file", ordered, _checked(len(table)), table=table)


def in_order(axes: Sequence[Axis]) -> tuple[Axis, ...]:
    """Parameters first: what is computed once for a future then serves every policy that meets it."""
    names = [axis.name for axis in axes]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"`{name}` is swept twice: keep one --over")
    return tuple(sorted(axes, key=lambda axis: axis.kind == "lever"))


def _checked(n: int) -> int:
    if n > MAX_POINTS:
        said = f"{n:,}" if n < 10**15 else f"{float(n):.1e}" if n < 10**300 else "more than 1e300"
        raise InputError(f"a sweep has at most {MAX_POINTS:,} points, not {said}: sweep fewer values or names")
    return n


def _check_held(n: int, d: int, what: str) -> None:
    if n * d > MAX_HELD:
        raise InputError(
            f"{what} holds at most {MAX_HELD:,} numbers, not {n:,} points of {d} names: take --design sobol, which "
            "needs no memory, or fewer points"
        )


def _latin_hypercube(design: Design) -> Floats:
    """One point in each of n slices of every axis, placed at random in it and paired at random."""
    _check_held(design.n, len(design.axes), "a Latin hypercube")
    from scipy.stats import qmc  # 0.6 s: only here

    stream = np.random.Generator(np.random.PCG64(np.random.SeedSequence([design.seed, 5])))
    shares = qmc.LatinHypercube(len(design.axes), rng=stream).random(design.n)
    return np.stack([axis.at(shares[:, k]) for k, axis in enumerate(design.axes)], axis=1)
