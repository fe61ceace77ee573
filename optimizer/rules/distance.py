"""How far policies lie from a rule in what a regulator draws: the levers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tiercap.optimizer.io.arrays import Floats
from tiercap.optimizer.rules.levers import CAPS, as_row, part, value_at
from tiercap.optimizer.rules.nesting import reach
from tiercap.optimizer.rules.space import LeverSpace, extents


def from_rule(space: LeverSpace, values: Mapping[str, Floats], rule: NDArray[Any]) -> Floats:
    """Euclidean distance of policies from a rule, over the searched levers: float64[n].

    A step along a lever is a share of its range: of the logarithm for caps, of the plain range for all else. A rule
    that draws no cap counts as its range's loosest end and one whose tier admits nothing as its tightest; of several
    boxes the loosest cap counts. Caps that the rule reads otherwise than the search does are left out.

    values : lever to float64[n], in the units of ``levers.LEVERS_TABLE``; rule : LEVERS[1]
    """
    row, ends = as_row(rule), extents(space)
    total: Floats = np.zeros(len(next(iter(values.values()))))
    for name, column in values.items():
        held = _held(space, row, name)
        if held is None:
            continue
        low, high = sorted(ends[name])
        known = min(max(held, low), high)
        if part(name).field in CAPS and low > 0.0:
            step = np.log(np.clip(column, low, high) / known) / math.log(high / low)
        else:
            step = (column - known) / (high - low)
        total = total + step**2
    return np.sqrt(total)


def _held(space: LeverSpace, row: NDArray[Any], name: str) -> float | None:
    """The rule's value of a lever in the lever's unit; None where the two cannot be compared."""
    place = part(name)
    if place.tier is None:
        return float(row[place.group][place.field][0])
    if place.field not in CAPS:
        return float(row[place.group][place.field][0, place.tier])
    if row[place.group]["reading"][0] != space.base_row[place.group]["reading"][0]:
        return None
    bound = float(reach(row, place.group, place.field, [place.tier])[0])
    return 0.0 if bound == -math.inf else value_at(row, place.group, place.field, abs(bound))
