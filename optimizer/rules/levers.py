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

from tiercap.kernels.params import ABSOLUTE, GROUPS, LAGGED, LEVERS, MAX_BOXES, TIERS
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


def live(row: NDArray[Any], group: str, tier: int) -> list[int]:
    """Boxes of a tier that admit anything: every cap is positive."""
    caps = [row[group][figure].reshape(-1, len(TIERS), MAX_BOXES)[0, tier] for figure in CAPS]
    return [box for box in range(MAX_BOXES) if all(cap[box] > 0 for cap in caps)]


def collapse(row: NDArray[Any], group: str, tier: int, keep: bool = True) -> None:
    """Make a tier one box: the caps of its first live box if it has one and ``keep``, else none."""
    boxes = live(row, group, tier)
    for figure in CAPS:
        caps = row[group][figure]
        first = caps[0, tier, boxes[0]] if boxes and keep else math.inf
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


def apply_levers(base_row: object, values: Mapping[str, float]) -> NDArray[Any]:
    """A copy of a policy with some levers set: LEVERS[1].

    base_row : LEVERS[1], a rule from :func:`encode.rule_levers` say
    values : lever to value, in the units of :data:`LEVERS_TABLE`; inf lifts a cap, quota or date

    Setting a cap makes that tier one box; its other caps stay those of the tier's first box, or none where it
    had no box. A changed ``reading`` needs caps for every tier that has any, and drops what it had.
    Raises :class:`InputError` for an unknown lever, a value outside its domain, NaN, or a tier that loosens:
    open above licensed, C above B, B above A in a figure that was set.
    """
    row = as_row(base_row)
    checked = {name: check(name, value) for name, value in values.items() if part(name)}
    tiers = dict.fromkeys((p.group, p.tier) for p in map(part, checked) if p.tier is not None and p.field in CAPS)
    for group in GROUPS:
        _reread(row, group, checked, [tier for g, tier in tiers if g == group and tier is not None])
    for group, tier in tiers:
        if tier is not None:
            collapse(row, group, tier)
    for name in sorted(checked, key=lambda name: part(name).field != "reading"):  # what a cap is read as comes first
        put(row, part(name), checked[name])
    check_nesting(row, checked)
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


def _reread(row: NDArray[Any], group: str, values: Mapping[str, float], levered: list[int]) -> None:
    """A new reading: old caps mean nothing under it, so none may stay."""
    name = f"{group}_reading"
    if values.get(name, row[group]["reading"][0]) == row[group]["reading"][0]:
        return
    for tier, word in enumerate(TIERS):
        if tier in levered:
            collapse(row, group, tier, keep=False)
        elif any(row[group][f][0, tier, box] < math.inf for f in CAPS for box in live(row, group, tier)):
            raise InputError(
                f"lever `{name}` = {values[name]:g} changes how caps read: give the caps of {group}_{word} too"
            )


def check_nesting(row: NDArray[Any], names: Mapping[str, float]) -> None:
    """Refuse a tier that loosens in a figure among ``names``; :class:`InputError` names both caps."""
    touched = {(place.group, place.field) for place in map(part, names) if place.field in CAPS}
    for group, figure in sorted(touched):
        bounds = [reach(row, group, figure, tier) for tier in range(len(TIERS))]
        if bounds[1] > -math.inf and bounds[0] > bounds[1]:
            caps = [value_at(row, group, figure, bound) for bound in bounds]
            _loosens(f"{group}_open_{figure}", caps[0], f"{group}_licensed_{figure}", caps[1])
    for inner, outer in (("c", "b"), ("b", "a")):
        same = row[inner]["reading"][0] == row[outer]["reading"][0]
        for figure in sorted({field for group, field in touched if group in (inner, outer)} if same else ()):
            widest = [max(reach(row, group, figure, tier) for tier in (0, 1)) for group in (inner, outer)]
            if widest[0] > widest[1]:
                caps = [value_at(row, inner, figure, bound) for bound in widest]
                _loosens(f"{figure} cap of group {inner.upper()}", caps[0], f"group {outer.upper()}'s", caps[1])


def reach(row: NDArray[Any], group: str, figure: str, tier: int) -> float:
    """The loosest cap of a tier's live boxes; a lag counts negative, since more years are tighter."""
    caps = [float(row[group][figure][0, tier, box]) for box in live(row, group, tier)]
    lagged = row[group]["reading"][0] == LAGGED
    return max((looseness(cap, lagged) for cap in caps), default=-math.inf)


def looseness(cap: float, lagged: bool) -> float:
    """A cap on a scale where more is looser."""
    return -cap if lagged and cap < math.inf else cap


def _loosens(inner: str, loose: float, outer: str, tight: float) -> None:
    raise InputError(
        f"{inner} ({abs(loose):,g}) is looser than {outer} ({abs(tight):,g}): an open tier lies inside the"
        " licensed one, and C inside B inside A; tighten the first or loosen the second"
    )


def describe(row: object) -> dict[str, float]:
    """The levers that draw a policy, by name, where they differ from no control at all.

    The inverse of :func:`apply_levers` over ``unrestricted`` for policies of one box a tier. Infinite caps
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
    stem, boxes = f"{group}_{TIERS[tier]}", live(row, group, tier)
    found: dict[str, float] = {}
    for number, box in enumerate(boxes, 1):
        prefix = stem if number == 1 else f"{stem}_{number}"
        caps = {f"{prefix}_{f}": value_at(row, group, f, row[group][f][0, tier, box]) for f in CAPS}
        found.update({name: cap for name, cap in caps.items() if cap < math.inf})
    if not boxes and tier == 0:
        found[f"{stem}_tpp"] = 0.0
    if boxes and not found and tier == 1:
        found[f"{stem}_tpp"] = math.inf
    sku = float(row[group]["sku_before"][0, tier])
    if sku < math.inf:
        found[f"{stem}_sku_before"] = sku
    return found
