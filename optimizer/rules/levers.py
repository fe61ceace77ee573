"""Levers by name: what a person may set of a policy, its unit, its domain, and the way there and back.

``c_licensed_tpp`` is the cap on TPP of group C's licensed tier, ``b_quota_share`` a term of group B's. Values
are in the units of :data:`LEVERS_TABLE`, those that people read; :func:`put` and :func:`value_at` alone take them into
the kernels' rows and out of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tiercap.kernels.params import ABSOLUTE, GROUPS, LEVERS, MAX_BOXES, TIERS
from tiercap.optimizer.errors import InputError, did_you_mean
from tiercap.optimizer.io.units import inside, outside, printable


class LeverInfo(NamedTuple):
    """What a lever is: unit, hard domain (inclusive), meaning, and whether infinity lifts it."""

    unit: str
    low: float
    high: float
    meaning: str
    liftable: bool = False

    @property
    def domain(self) -> str:
        """What may be given, in words."""
        unit = "" if self.unit == "1" else f" {self.unit}"
        return f"{self.low:g} to {self.high:g}{unit}" + (", or none to lift it" if self.liftable else "")


CAPS: Mapping[str, LeverInfo] = {
    "tpp": LeverInfo("TPP", 0, 1e9, "cap on total processing performance", True),
    "memory": LeverInfo("GB/s", 0, 1e9, "cap on memory bandwidth", True),
    "interconnect": LeverInfo("GB/s", 0, 1e9, "cap on interconnect bandwidth", True),
    "density": LeverInfo("TPP/mm2", 0, 1e9, "cap on performance density", True),
    "bandwidth_sum": LeverInfo("GB/s", 0, 1e9, "cap on memory plus interconnect bandwidth", True),
}
_SKU = LeverInfo("year", 1900, 2200, "only chips launched by then, as they are", True)
TERMS: Mapping[str, LeverInfo] = {
    "quota_share": LeverInfo("1", 0, 10, "TPP of licensed chips over that of A's chips shipped for home use", True),
    "quota_chips": LeverInfo("Mchip/year", 0, 1e6, "licensed chips", True),
    "quota_tpp": LeverInfo("MTPP/year", 0, 1e12, "aggregate TPP of licensed chips", True),
    "revenue_share": LeverInfo("1", 0, 1, "share of licensed sales paid to the exporter's government"),
    "delay": LeverInfo("year", 0, 100, "time before the first licences are granted"),
    "no_diversion": LeverInfo("1", 0, 1, "1: licensed sales come out of spare supply"),
    "indexation": LeverInfo("1/year", -0.9, 10, "growth of every cap"),
    "reading": LeverInfo("1", 0, 2, "caps are 0 figures, 1 shares of the frontier chip's, 2 years behind it"),
}
#: What a rule for group C may do beside chips; 0 adds nothing to what is in force.
CONTROLS: Mapping[str, LeverInfo] = {
    "enforcement": LeverInfo("1", 0, 1, "share of what present enforcement lets through that is stopped too"),
    "equipment_control": LeverInfo("1", 0, 1, "share of alignable tools for advanced fabs that is stopped"),
    "memory_control": LeverInfo("1", 0, 1, "share of memory stacks and dies from abroad that is stopped"),
}
CONTROLLED = "c"
_WHOLE = ("no_diversion", "reading")


def terms(group: str) -> dict[str, LeverInfo]:
    """What a group's policy has beside the caps of its tiers: the licensed tier's terms, and C's controls."""
    return {**TERMS, **CONTROLS} if group == CONTROLLED else dict(TERMS)


def _named() -> dict[str, LeverInfo]:
    table = {}
    for group in GROUPS:
        for tier in TIERS:
            for figure, info in {**CAPS, "sku_before": _SKU}.items():
                meaning = f"{info.meaning}, group {group.upper()}, {tier} tier"
                table[f"{group}_{tier}_{figure}"] = info._replace(meaning=meaning)
        for term, info in terms(group).items():
            table[f"{group}_{term}"] = info._replace(meaning=f"{info.meaning}, group {group.upper()}")
    return table


#: Every lever by name.
LEVERS_TABLE: Mapping[str, LeverInfo] = _named()


class Part(NamedTuple):
    """Where a lever stands in a row: group, tier (None for terms) and field of the GROUP record."""

    group: str
    tier: int | None
    field: str


def part(name: str) -> Part:
    """The place of the lever called ``name``; :class:`InputError` with a suggestion if there is none."""
    if name not in LEVERS_TABLE:
        raise InputError(f"unknown lever `{printable(name)}`: {did_you_mean(name[:60], LEVERS_TABLE)}")
    group, _, rest = name.partition("_")
    tier, _, figure = rest.partition("_")
    return Part(group, TIERS.index(tier), figure) if tier in TIERS else Part(group, None, rest)


def as_row(row: object) -> NDArray[Any]:
    """One policy as a copy LEVERS[1], whatever the shape it came in."""
    array = np.array(row, dtype=LEVERS).reshape(-1)
    if array.size != 1:
        raise InputError(f"levers change one policy at a time, not a schedule of {array.size}")
    return array


def check(name: str, value: float) -> float:
    """``value`` as a float in the lever's domain, or :class:`InputError`."""
    info, field = LEVERS_TABLE[name], part(name).field
    number = float(value) + 0.0  # -0.0 becomes 0.0, so that equal policies have equal bits
    if info.liftable and number == math.inf:
        return number
    if not info.low <= number <= info.high:  # false for NaN too
        raise InputError(f"lever `{name}` = {number:g} leaves its domain: give {info.domain}")
    if field in _WHOLE and number != int(number):
        raise InputError(f"lever `{name}` = {number:g} must be a whole number, {info.low:g} to {info.high:g}")
    return number


def live(rows: NDArray[Any], group: str, tier: int) -> NDArray[np.bool_]:
    """Boxes of a tier that admit anything, since every cap is positive: bool[n, boxes] of LEVERS[n]."""
    caps = [rows[group][figure].reshape(-1, len(TIERS), MAX_BOXES)[:, tier] > 0.0 for figure in CAPS]
    return np.asarray(np.logical_and.reduce(caps))


def live_boxes(row: NDArray[Any], group: str, tier: int) -> list[int]:
    """Numbers of the live boxes of a tier of one policy."""
    return [int(box) for box in np.flatnonzero(live(row, group, tier)[0])]


def collapse(row: NDArray[Any], group: str, tier: int, keep: bool = True) -> None:
    """Make a tier one box: the caps of its first live box if it has one and ``keep``, else none."""
    numbers = live_boxes(row, group, tier)
    for figure in CAPS:
        caps = row[group][figure]
        first = caps[0, tier, numbers[0]] if numbers and keep else math.inf
        caps[0, tier] = (first, *[0.0] * (MAX_BOXES - 1))


def unrestricted() -> NDArray[Any]:
    """No control at all, for every group: LEVERS[1], the row of the rule of that name."""
    row = np.zeros(1, dtype=LEVERS)
    for group in GROUPS:
        collapse(row, group, 0, keep=False)
        row[group]["sku_before"] = math.inf
        for term, info in TERMS.items():
            row[group][term] = math.inf if info.liftable else 0.0
    return row


def put(rows: NDArray[Any], place: Part, values: float | NDArray[np.float64]) -> None:
    """Write a lever into rows, LEVERS[n], that read caps alike; a cap goes to the tier's first box.

    values : float or float64[n] in the unit of :data:`LEVERS_TABLE`; a cap that is read against the frontier is a share
    or a number of years, and written as it is
    """
    unit = unit_at(rows, place.group, place.field)
    values = inside(float(values), unit) if isinstance(values, (int, float)) else inside(values, unit)
    if place.tier is None:
        rows[place.group][place.field] = values
    elif place.field == "sku_before":
        rows[place.group][place.field][:, place.tier] = values
    else:
        rows[place.group][place.field][:, place.tier, 0] = values


def value_at(row: NDArray[Any], group: str, figure: str, cap: float) -> float:
    """A ``cap`` on ``figure`` that a row holds, in the unit of :data:`LEVERS_TABLE`: the inverse of :func:`put`."""
    return outside(float(cap), unit_at(row, group, figure))


def unit_at(rows: NDArray[Any], group: str, field: str) -> str:
    """The unit that people write a figure in, where the group's caps are figures; "1" else."""
    info = CAPS.get(field)
    return info.unit if info is not None and rows[group]["reading"].flat[0] == ABSOLUTE else "1"


def describe(row: object) -> dict[str, float]:
    """The levers that draw a policy, by name, where they differ from no control at all.

    The inverse of `encode.apply_levers` over ``unrestricted`` for policies of one box a tier. Infinite caps
    are left out, but for ``X_licensed_tpp`` = inf where a licensed tier has no cap at all; a tier that admits
    nothing is a TPP cap of 0. Second and third boxes appear as ``X_open_2_tpp``: to be read, not set.
    """
    one = as_row(row)
    found: dict[str, float] = {}
    for group in GROUPS:
        for tier in range(len(TIERS)):
            found.update(_describe_tier(one, group, tier))
        for term, info in terms(group).items():
            value = float(one[group][term][0])
            default = math.inf if info.liftable else float(ABSOLUTE)
            if value != default:
                found[f"{group}_{term}"] = value
    return found


def _describe_tier(row: NDArray[Any], group: str, tier: int) -> dict[str, float]:
    stem, numbers = f"{group}_{TIERS[tier]}", live_boxes(row, group, tier)
    found: dict[str, float] = {}
    for number, box in enumerate(numbers, 1):
        prefix = stem if number == 1 else f"{stem}_{number}"
        caps = {f"{prefix}_{f}": value_at(row, group, f, row[group][f][0, tier, box]) for f in CAPS}
        found.update({name: cap for name, cap in caps.items() if cap < math.inf})
    if not numbers and tier == 0:
        found[f"{stem}_tpp"] = 0.0
    if numbers and not found and tier == 1:
        found[f"{stem}_tpp"] = math.inf
    sku = float(row[group]["sku_before"][0, tier])
    if sku < math.inf:
        found[f"{stem}_sku_before"] = sku
    return found
