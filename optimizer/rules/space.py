"""The space a search moves in: which levers vary, between which bounds, nested by construction.

A lever's coordinate is its value, or, where it lies ``within`` another, a fraction of that lever's value. An
inner cap can then never exceed the outer one, whatever a sampler proposes; a space in which it could is
refused when it is built.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tiercap.kernels.params import LAGGED, TIERS
from tiercap.optimizer.errors import InputError, did_you_mean
from tiercap.optimizer.io.units import inside, outside
from tiercap.optimizer.rules import nesting
from tiercap.optimizer.rules.levers import CAPS, LEVERS_TABLE, as_row, collapse, part, put, unit_at, value_at

#: How far outside its bounds a coordinate may lie, relative to their span, and still be rounding.
ROUNDING = 1e-9
#: Share of its high end up to which a logarithmic range from 0 is more nearly linear.
FROM_ZERO = 0.01


@dataclass(frozen=True, slots=True)
class Lever:
    """A lever that a search may move: bounds in ``unit``, or fractions in (0, 1] of the lever named by ``within``.

    ``unit`` is that of ``levers.LEVERS_TABLE``; with ``within`` it is not read. ``log`` says that samples are to be
    even in the logarithm; a range from 0 as `coordinates` says.
    """

    name: str
    unit: str
    low: float
    high: float
    log: bool = False
    within: str | None = None


@dataclass(frozen=True, eq=False)
class LeverSpace:
    """Levers that vary over a policy that holds the rest: d coordinates in the order of ``levers``.

    Building one raises :class:`InputError` for unknown levers, wrong units, bounds that are reversed or leave
    a domain, a ``within`` that leads nowhere, in circles or the wrong way, and levers that could loosen a
    tier: open beyond licensed, C beyond B, B beyond A.
    """

    levers: tuple[Lever, ...]
    base_row: NDArray[Any]
    _order: tuple[int, ...] = field(init=False, repr=False)
    _template: NDArray[Any] = field(init=False, repr=False)

    def __init__(self, levers: Sequence[Lever], base_row: object) -> None:
        plain = tuple(levers)
        object.__setattr__(self, "levers", plain)
        object.__setattr__(self, "base_row", as_row(base_row))
        _check_names(plain)
        for lever in plain:
            _check_bounds(lever)
        object.__setattr__(self, "_template", _template(plain, self.base_row))
        object.__setattr__(self, "_order", _parents_first(plain))
        for lever in plain:
            _check_within(lever, self._template)
        _check_nested(self)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the levers, in the order of the coordinates."""
        return tuple(lever.name for lever in self.levers)

    def values(self, coords: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        """Each lever's value in the unit of ``levers.LEVERS_TABLE``: name to float64[n].

        coords : float64[n, d]
        """
        columns = self._columns(coords)
        found: dict[str, NDArray[np.float64]] = {}
        for k in self._order:
            lever, column = self.levers[k], columns[:, k]
            if lever.within is None:
                found[lever.name] = np.rint(column) if lever.name.endswith("no_diversion") else column
            else:
                found[lever.name] = self._share(lever, found[lever.within], column)
        return {lever.name: found[lever.name] for lever in self.levers}

    def resolve(self, coords: NDArray[np.float64]) -> NDArray[Any]:
        """Policies at the coordinates: LEVERS[n, 1].

        coords : float64[n, d]; what no lever names is as in ``base_row``
        """
        return self.rows(self.values(coords))

    def rows(self, values: Mapping[str, Any]) -> NDArray[Any]:
        """Policies with the levers at given values: LEVERS[n, 1].

        values : lever to float64[n], in the units of ``levers.LEVERS_TABLE``; bounds and nesting are the caller's
        """
        given = {name: np.atleast_1d(np.asarray(values[name], dtype=np.float64)) for name in self.names}
        rows = np.repeat(self._template, len(given[self.names[0]]))
        for name, column in given.items():
            put(rows, part(name), column)
        return rows.reshape(-1, 1)

    def coordinates(self, values: Mapping[str, Any]) -> NDArray[np.float64]:
        """The coordinates nearest to given values: float64[n, d], each moved inside its bounds.

        values : lever to float64[n] or float, in the units of ``levers.LEVERS_TABLE``; every lever is needed
        """
        missing = [name for name in self.names if name not in values]
        if missing:
            raise InputError(f"a point of the search needs every lever: `{missing[0]}` is missing")
        given = {name: np.atleast_1d(np.asarray(values[name], dtype=np.float64)) for name in self.names}
        columns = []
        for lever in self.levers:
            column = given[lever.name]
            if lever.within is not None:
                outer = np.asarray(given[lever.within])
                column = outer / column if self._lagged(lever) else column / outer
            columns.append(np.clip(column, lever.low, lever.high))
        return np.stack(np.broadcast_arrays(*columns), axis=1)

    def _columns(self, coords: NDArray[np.float64]) -> NDArray[np.float64]:
        """``coords`` checked, with rounding at the bounds taken off."""
        array = np.asarray(coords, dtype=np.float64)
        if array.ndim != 2 or array.shape[1] != len(self.levers):
            raise InputError(f"coordinates have the shape (n, {len(self.levers)}), not {array.shape}")
        low = np.array([lever.low for lever in self.levers])
        high = np.array([lever.high for lever in self.levers])
        spare = ROUNDING * (high - low)
        inside = (array >= low - spare) & (array <= high + spare)  # false for NaN
        if not inside.all():
            row, k = (int(index) for index in np.argwhere(~inside)[0])
            lever = self.levers[k]
            raise InputError(
                f"lever `{lever.name}`: coordinate {array[row, k]:g} of point {row} lies outside"
                f" {lever.low:g} to {lever.high:g}"
            )
        return np.clip(array, low, high)

    def _share(self, lever: Lever, outer: NDArray[np.float64], share: NDArray[np.float64]) -> NDArray[np.float64]:
        """The value of a lever that lies within another: a number that the kernels' rows and people's tables both hold.

        The product is taken in the kernels' unit and then brought out, so that :func:`levers.put` finds its bits again.
        """
        if self._lagged(lever):
            return outer / share
        place = part(lever.name)
        unit = unit_at(self._template, place.group, place.field)
        return outside(inside(outer, unit) * share, unit)

    def _lagged(self, lever: Lever) -> bool:
        place = part(lever.name)
        return place.field in CAPS and self._template[place.group]["reading"][0] == LAGGED


def coordinates(points: NDArray[np.float64], levers: Sequence[Lever]) -> NDArray[np.float64]:
    """Unit points to coordinates of the levers, even in the logarithm where a lever says so: float64[n, d].

    A range from 0 has no logarithm: there it is even in that of 1 + x / (FROM_ZERO * high).
    """
    columns = []
    for k, lever in enumerate(levers):
        share = points[:, k]
        if not lever.log:
            column = lever.low + (lever.high - lever.low) * share
        elif lever.low > 0.0:
            column = lever.low * (lever.high / lever.low) ** share
        else:
            column = FROM_ZERO * lever.high * np.expm1(share * math.log1p(1.0 / FROM_ZERO))
        columns.append(np.clip(column, lever.low, lever.high))
    return np.stack(columns, axis=1)


def unit(coords: NDArray[np.float64], levers: Sequence[Lever]) -> NDArray[np.float64]:
    """The inverse of :func:`coordinates`, but for rounding: float64[n, d] in [0, 1]."""
    columns = []
    for k, lever in enumerate(levers):
        value = coords[:, k]
        if not lever.log:
            column = (value - lever.low) / (lever.high - lever.low)
        elif lever.low > 0.0:
            column = np.log(value / lever.low) / np.log(lever.high / lever.low)
        else:
            column = np.log1p(value / (FROM_ZERO * lever.high)) / math.log1p(1.0 / FROM_ZERO)
        columns.append(np.clip(column, 0.0, 1.0))
    return np.stack(columns, axis=1)


def _check_unit(lever: Lever) -> None:
    wanted = LEVERS_TABLE[lever.name].unit
    if lever.unit != wanted:
        raise InputError(f"lever `{lever.name}`: unit `{lever.unit[:40]}` does not fit, use {wanted}")


def _check_names(levers: Sequence[Lever]) -> None:
    names = [lever.name for lever in levers]
    if not names:
        raise InputError("a search needs at least one lever")
    for lever in levers:
        place = part(lever.name)
        if names.count(lever.name) > 1:
            raise InputError(f"lever `{lever.name}` is given twice: keep one")
        if place.field == "reading":
            raise InputError(f"lever `{lever.name}` cannot be searched: set it in the policy searched from")
        if lever.within is not None and lever.within not in names:
            raise InputError(
                f"lever `{lever.name}` lies within `{lever.within[:60]}`, which is not searched:"
                f" {did_you_mean(lever.within[:60], names)}"
            )


def _check_bounds(lever: Lever) -> None:
    info = LEVERS_TABLE[lever.name]
    floor, ceiling, unit = info.low, info.high, info.unit
    if lever.within is not None:
        floor, ceiling, unit = 0.0, 1.0, f"fraction of {lever.within}"
    else:
        _check_unit(lever)
    low, high = lever.low, lever.high
    if not (math.isfinite(low) and math.isfinite(high)):
        raise InputError(f"lever `{lever.name}`: bounds {low:g} and {high:g} must be finite")
    if not low < high:
        raise InputError(f"lever `{lever.name}`: low = {low:g} is not below high = {high:g}: swap them?")
    if low < floor or high > ceiling or (lever.within is not None and low <= 0):
        raise InputError(
            f"lever `{lever.name}`: {low:g} to {high:g} leaves its domain {floor:g} to {ceiling:g} [{unit}]"
        )
    if lever.log and low < 0:
        raise InputError(f"lever `{lever.name}`: a log scale needs low of 0 or more, not {low:g}")


def _parents_first(levers: Sequence[Lever]) -> tuple[int, ...]:
    """Positions in an order in which every lever follows the one it lies within."""
    within = {lever.name: lever.within for lever in levers}
    chains = [nesting.around(lever.name, within) for lever in levers]
    for lever, chain in zip(levers, chains, strict=True):
        if chain and within[chain[-1]] is not None:
            raise InputError(f"lever `{lever.name}` lies within itself in the end: break the circle")
    return tuple(sorted(range(len(levers)), key=lambda k: len(chains[k])))


def _check_within(lever: Lever, template: NDArray[Any]) -> None:
    """A lever lies within the same figure of an outer tier or group, read the same way."""
    if lever.within is None:
        return
    inner, outer = part(lever.name), part(lever.within)
    if inner.field != outer.field:
        raise InputError(f"lever `{lever.name}` cannot lie within `{lever.within}`: they are different figures")
    if not nesting.may_lie_within(inner, outer):
        raise InputError(
            f"lever `{lever.name}` cannot lie within `{lever.within}`: a tier lies within the licensed tier of"
            " its group or within a freer group (C in B, B in A); turn them round"
        )
    if template[inner.group]["reading"][0] != template[outer.group]["reading"][0]:
        raise InputError(f"lever `{lever.name}` cannot lie within `{lever.within}`: their caps read differently")


def _template(levers: Sequence[Lever], base: NDArray[Any]) -> NDArray[Any]:
    """The base with every tier that a lever draws made one box."""
    row = base.copy()
    drawn = dict.fromkeys((p.group, p.tier) for p in (part(lever.name) for lever in levers) if p.field in CAPS)
    for group, tier in drawn:
        if tier is not None:
            collapse(row, group, tier)
    return row


@dataclass(frozen=True, slots=True)
class _Bound:
    """A tier's cap on one figure: the name of its lever or None, and the interval it stays in, in looseness."""

    name: str | None
    low: float
    high: float


def _check_nested(space: LeverSpace) -> None:
    """Refuse levers that could put an inner cap beyond an outer one."""
    ends = extents(space)
    for nest, figure in nesting.relations(space._template):
        outers = [bound for tier in nest.around if (bound := _bound(space, ends, nest.outer, tier, figure))]
        if nest.within_group and not outers:
            continue
        large = f"{nest.outer}_{TIERS[nesting.LICENSED]}_{figure}"
        for tier in nest.tiers:
            inner = _bound(space, ends, nest.group, tier, figure)
            if inner:
                outer = large if nest.within_group else f"group {nest.outer.upper()}'s"
                _require(space, inner, outers, f"{nest.group}_{TIERS[tier]}_{figure}", outer)


def extents(space: LeverSpace) -> dict[str, tuple[float, float]]:
    """Least and largest value that each lever can take."""
    ends: dict[str, tuple[float, float]] = {}
    for k in space._order:
        lever = space.levers[k]
        if lever.within is None:
            ends[lever.name] = lever.low, lever.high
        else:
            low, high = ends[lever.within]
            lagged = space._lagged(lever)
            ends[lever.name] = (low / lever.high, high / lever.low) if lagged else (low * lever.low, high * lever.high)
    return ends


def _bound(
    space: LeverSpace, ends: Mapping[str, tuple[float, float]], group: str, tier: int, figure: str
) -> _Bound | None:
    """A tier's cap on a figure, searched or fixed; None for a tier that admits nothing."""
    name, row = f"{group}_{TIERS[tier]}_{figure}", space._template
    if name in ends:
        lagged = bool(row[group]["reading"][0] == LAGGED)
        low, high = sorted(float(end) for end in nesting.looseness(ends[name], lagged))
        return _Bound(name, low, high)
    widest = float(nesting.reach(row, group, figure, (tier,))[0])
    if widest == -math.inf:
        return None
    shown = value_at(row, group, figure, widest)
    return _Bound(None, shown, shown)


def _require(space: LeverSpace, inner: _Bound, outers: Sequence[_Bound], small: str, large: str) -> None:
    """``inner`` must stay inside one of ``outers``, by its fraction or by its interval."""
    if inner.name is None and all(outer.name is None for outer in outers):
        return  # nothing is searched here; a rule is as its makers wrote it
    chain = nesting.around(inner.name, {v.name: v.within for v in space.levers}) if inner.name else []
    if any(outer.name in chain or inner.high <= outer.low for outer in outers):
        return
    name = next((outer.name for outer in outers if outer.name), None)
    remedy = f'`within = "{name}"`' if inner.name and name else "narrower bounds"
    raise InputError(f"`{small}` could become looser than {large} cap: give it {remedy}, so that tiers stay nested")
