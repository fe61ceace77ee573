"""Policies with swept levers, many at a time, nested whatever was swept.

A grid over an inner and an outer cap has corners where the inner one is the looser. A tier inside another cannot
admit more than that one, so there the inner cap is cut to the outer: an open tier's to the licensed tier's, C's to B's,
B's to A's. Only figures that were swept are looked at, as :func:`levers.check_nesting` does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tiercap.kernels.params import GROUPS, LAGGED, TIERS
from tiercap.optimizer.rules.levers import CAPS, as_row, collapse, part, put

Floats = NDArray[np.float64]
Rows = NDArray[Any]
OPEN, LICENSED = range(len(TIERS))


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
    return rows, _nest(rows, {(p.group, p.field) for p in places if p.field in CAPS})


def _nest(rows: Rows, touched: set[tuple[str, str]]) -> NDArray[np.bool_]:
    """Cut caps of the ``touched`` (group, figure), and of groups inside them, to the outer ones, outermost first."""
    cut = np.zeros(len(rows), dtype=np.bool_)
    for outer, inner in zip((None, *GROUPS), GROUPS, strict=False):
        for figure in CAPS:
            if outer and _read_alike(rows, inner, outer) and {(inner, figure), (outer, figure)} & touched:
                widest = np.max([_reach(rows, outer, figure, tier) for tier in (OPEN, LICENSED)], axis=0)
                found = np.any([_cut(rows, inner, figure, tier, widest) for tier in (OPEN, LICENSED)], axis=0)
                if found.any():
                    touched = touched | {(inner, figure)}
                    cut |= found
            if (inner, figure) in touched:
                licensed = _reach(rows, inner, figure, LICENSED)
                none = licensed == -math.inf  # a licensed tier that admits nothing bounds nothing
                cut |= _cut(rows, inner, figure, OPEN, np.where(none, math.inf, licensed))
    return cut


def _read_alike(rows: Rows, inner: str, outer: str) -> bool:
    return bool(rows[inner]["reading"][0] == rows[outer]["reading"][0])  # readings are not swept


def _live(rows: Rows, group: str, tier: int) -> NDArray[np.bool_]:
    """Boxes that admit anything: bool[n, boxes]."""
    return np.logical_and.reduce([rows[group][figure][:, tier] > 0.0 for figure in CAPS])


def _looseness(rows: Rows, group: str, figure: str, tier: int) -> Floats:
    """Caps on a scale where more is looser, float64[n, boxes]: a lag counts negative."""
    caps = rows[group][figure][:, tier]
    lagged = rows[group]["reading"][0] == LAGGED
    return np.where(caps < math.inf, -caps, caps) if lagged else caps


def _reach(rows: Rows, group: str, figure: str, tier: int) -> Floats:
    """The loosest cap of a tier's live boxes, float64[n]; -inf where none is live."""
    loose = _looseness(rows, group, figure, tier)
    return np.asarray(np.where(_live(rows, group, tier), loose, -math.inf).max(axis=1))


def _cut(rows: Rows, group: str, figure: str, tier: int, bound: Floats) -> NDArray[np.bool_]:
    """Cut live boxes to ``bound`` float64[n]; whether a row had any to cut: bool[n]."""
    over = _live(rows, group, tier) & (_looseness(rows, group, figure, tier) > bound[:, None])
    caps = np.where(bound == -math.inf, 0.0, np.abs(bound))  # an outer tier that admits nothing shuts the inner box
    view = rows[group][figure][:, tier]
    view[over] = np.broadcast_to(caps[:, None], over.shape)[over]
    return np.asarray(over.any(axis=1))
