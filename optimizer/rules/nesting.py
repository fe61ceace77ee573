"""Which tiers lie inside which, and what follows where a cap would be looser than the one around it.

The open tier lies inside the licensed one, group C inside B and B inside A. A tier inside another cannot admit more
than that one, so no figure's cap may be looser than the loosest of the tiers around it. Groups whose caps read
differently cannot be compared; a licensed tier that admits nothing bounds nothing, because without it the open tier is
the whole rule. Only figures that were set are looked at: a rule stands as its makers wrote it.

A policy given by hand is refused (:func:`check`); a sweep's corners, where the inner cap comes out the looser, are cut
to the outer one (:func:`policies`); a search moves in a space that keeps the rule by itself (`space`).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tiercap.kernels.params import GROUPS, LAGGED, TIERS
from tiercap.optimizer.errors import InputError
from tiercap.optimizer.io.arrays import Floats
from tiercap.optimizer.rules.levers import CAPS, Part, as_row, collapse, live, part, put, value_at

Rows = NDArray[Any]
OPEN, LICENSED = range(len(TIERS))


class Inside(NamedTuple):
    """Tiers of a group that lie inside tiers of another group, or of the same one."""

    group: str
    tiers: tuple[int, ...]
    outer: str
    around: tuple[int, ...]

    @property
    def within_group(self) -> bool:
        """Whether both are of one group, the open tier inside the licensed one."""
        return self.group == self.outer

    def touched(self, figure: str, touched: Collection[tuple[str, str]]) -> bool:
        """Whether (group, figure) of either side is among ``touched``."""
        return (self.group, figure) in touched or (self.outer, figure) in touched


#: The whole rule, outermost first.
RULE = tuple(
    inside
    for outer, group in zip((None, *GROUPS), GROUPS, strict=False)
    for inside in (
        *((Inside(group, (OPEN, LICENSED), outer, (OPEN, LICENSED)),) if outer else ()),
        Inside(group, (OPEN,), group, (LICENSED,)),
    )
)


def relations(rows: Rows) -> Iterator[tuple[Inside, str]]:
    """The parts of the rule that hold for policies that read alike, LEVERS[n], each with every figure."""
    for group in GROUPS:
        for figure in CAPS:
            for inside in RULE:
                if inside.group == group and rows[group]["reading"][0] == rows[inside.outer]["reading"][0]:
                    yield inside, figure


def may_lie_within(inner: Part, outer: Part) -> bool:
    """Whether a lever may be a fraction of another: of the same figure in a freer group, or in its freer tier."""
    if inner.field != outer.field:
        return False
    if outer.group != inner.group:
        return GROUPS.index(outer.group) < GROUPS.index(inner.group)
    return (outer.tier or 0) > (inner.tier or 0)


def around(name: str, within: Mapping[str, str | None]) -> list[str]:
    """The levers that one lies within, from the nearest outwards; where they go in a circle, ``name`` comes again."""
    outwards: list[str] = []
    step = within.get(name)
    while step is not None and step not in outwards:
        outwards.append(step)
        step = within.get(step)
    return outwards


def looseness(caps: Any, lagged: bool) -> Floats:
    """Caps on a scale where more is looser: a lag counts negative, since more years are tighter."""
    values = np.asarray(caps, dtype=np.float64)
    return np.where(values < math.inf, -values, values) if lagged else values


def reach(rows: Rows, group: str, figure: str, tiers: Sequence[int]) -> Floats:
    """The loosest cap of the tiers' live boxes, float64[n], on the scale of `looseness`; -inf where none is live."""
    lagged = bool(rows[group]["reading"][0] == LAGGED)
    widest = [
        np.where(live(rows, group, tier), looseness(rows[group][figure][:, tier], lagged), -math.inf).max(axis=1)
        for tier in tiers
    ]
    return np.asarray(np.max(widest, axis=0))


def limit(rows: Rows, inside: Inside, figure: str) -> Floats:
    """What the inner caps may reach at most, float64[n]; inf where nothing bounds them."""
    widest = reach(rows, inside.outer, figure, inside.around)
    return np.where(widest == -math.inf, math.inf, widest) if inside.within_group else widest


def nested(rows: Rows, names: Collection[str]) -> NDArray[np.bool_]:
    """Whether no tier is looser than the one around it in a figure of ``names``: bool[n] of LEVERS[n]."""
    holds, touched = np.ones(len(rows), dtype=np.bool_), _touched(map(part, names))
    for inside, figure in relations(rows):
        if inside.touched(figure, touched):
            holds &= reach(rows, inside.group, figure, inside.tiers) <= limit(rows, inside, figure)
    return holds


def check(row: Rows, names: Collection[str]) -> None:
    """Refuse a policy, LEVERS[1], that loosens in a figure among ``names``; InputError names both caps."""
    touched = _touched(map(part, names))
    for inside, figure in relations(row):
        if not inside.touched(figure, touched):
            continue
        loose, tight = reach(row, inside.group, figure, inside.tiers)[0], limit(row, inside, figure)[0]
        if loose > tight:
            names_of = (f"{inside.group}_{TIERS[OPEN]}_{figure}", f"{inside.group}_{TIERS[LICENSED]}_{figure}")
            across = (f"{figure} cap of group {inside.group.upper()}", f"group {inside.outer.upper()}'s")
            inner, outer = names_of if inside.within_group else across
            wide, narrow = (abs(value_at(row, inside.group, figure, cap)) for cap in (loose, tight))
            raise InputError(
                f"{inner} ({wide:,g}) is looser than {outer} ({narrow:,g}): an open tier lies inside the"
                " licensed one, and C inside B inside A; tighten the first or loosen the second"
            )


def policies(base: Rows, names: Sequence[str], values: Floats) -> tuple[Rows, NDArray[np.bool_]]:
    """``base`` with levers at each of many values: LEVERS[n], and whether a cap was cut to an outer one: bool[n].

    base : LEVERS[1]; names : levers; values : float64[n, len(names)] in the units of ``levers.LEVERS_TABLE``, each in
    its lever's domain; NaN leaves a lever as ``base`` has it
    """
    rows, cut = np.repeat(as_row(base), len(values)), np.zeros(len(values), dtype=np.bool_)
    given = ~np.isnan(values)
    for pattern in np.unique(given, axis=0):
        here = np.flatnonzero((given == pattern).all(axis=1))
        some = [name for name, is_given in zip(names, pattern, strict=True) if is_given]
        rows[here], cut[here] = _alike(base, some, values[np.ix_(here, np.flatnonzero(pattern))])
    return rows, cut


def _alike(base: Rows, names: Sequence[str], values: Floats) -> tuple[Rows, NDArray[np.bool_]]:
    """The same where every point gives every lever."""
    template = as_row(base)
    places = [part(name) for name in names]
    for group, tier in dict.fromkeys((p.group, p.tier) for p in places if p.field in CAPS):
        if tier is not None:
            collapse(template, group, tier)
    rows = np.repeat(template, len(values))
    for k, place in enumerate(places):
        put(rows, place, values[:, k])
    return rows, _cut(rows, _touched(places))


def _touched(places: Iterator[Part] | Sequence[Part]) -> set[tuple[str, str]]:
    return {(place.group, place.field) for place in places if place.field in CAPS}


def _cut(rows: Rows, touched: set[tuple[str, str]]) -> NDArray[np.bool_]:
    """Cut caps of the ``touched`` (group, figure), and of groups inside them, to the outer ones, outermost first.

    Whether a row had any to cut: bool[n]. Readings are not swept, so all rows read alike.
    """
    cut = np.zeros(len(rows), dtype=np.bool_)
    for inside, figure in relations(rows):
        if inside.touched(figure, touched):
            bound = limit(rows, inside, figure)
            loose = np.any([_cut_tier(rows, inside.group, figure, tier, bound) for tier in inside.tiers], axis=0)
            if loose.any():
                touched = touched | {(inside.group, figure)}
                cut |= loose
    return cut


def _cut_tier(rows: Rows, group: str, figure: str, tier: int, bound: Floats) -> NDArray[np.bool_]:
    """Cut live boxes to ``bound`` float64[n]; whether a row had any to cut: bool[n]."""
    view, lagged = rows[group][figure][:, tier], bool(rows[group]["reading"][0] == LAGGED)
    over = live(rows, group, tier) & (looseness(view, lagged) > bound[:, None])
    caps = np.where(bound == -math.inf, 0.0, np.abs(bound))  # an outer tier that admits nothing shuts the inner box
    view[over] = np.broadcast_to(caps[:, None], over.shape)[over]
    return np.asarray(over.any(axis=1))
