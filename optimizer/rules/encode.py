"""Policies as the kernels read them: rules to rows of LEVERS, and levers set over such a row.

A row of LEVERS holds one group's rules in each of its three fields. The kernels know two tiers a group, each
a union of at most three boxes, and one set of terms for the licensed tier; :func:`group_record` says what a
rule loses on the way.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tiercap.kernels.params import GROUP, GROUPS, LEVERS, MAX_BOXES, TIERS
from tiercap.optimizer.errors import InputError
from tiercap.optimizer.io.units import inside
from tiercap.optimizer.rules import nesting
from tiercap.optimizer.rules.book import Rule
from tiercap.optimizer.rules.clauses import Limb, outermost, year_of
from tiercap.optimizer.rules.levers import CAPS, as_row, check, collapse, live_boxes, part, put

#: The record's caps, each with what a limb calls it.
LIMB_CAPS = {
    "tpp": "tpp",
    "memory": "memory_gbs",
    "interconnect": "interconnect_gbs",
    "density": "density",
    "bandwidth_sum": "bandwidth_sum_gbs",
}


def rule_levers(rule: Rule) -> NDArray[Any]:
    """A rule for all three groups: LEVERS[1]."""
    return mixed_levers(rule, rule, rule)


def mixed_levers(a: Rule, b: Rule, c: Rule) -> NDArray[Any]:
    """A row with each group under a rule of its own: LEVERS[1]."""
    row = np.zeros(1, dtype=LEVERS)
    for group, rule in zip(GROUPS, (a, b, c), strict=True):
        row[group] = group_record(rule, group)
    return row


def group_record(rule: Rule, group: str) -> NDArray[Any]:
    """One group's limbs as the kernels read them: GROUP[()].

    Caps in TPP, TB/s and TPP/mm2; quotas in Mchip/year and 1e6 TPP/year. A box that is not used has all caps
    0, a cap that is not drawn is infinite, a quota that is not set likewise. What changes on the way:

    * limbs for consumer chips are left out: the payoff counts data-centre chips only;
    * boxes inside others are left out, since they add nothing;
    * a licence without quota, share, delay or condition is as good as none, so its limb joins the open tier;
    * licensed limbs with quota 0 are left out where another has a quota above 0, because the record has one
      set of terms; where all have quota 0 the tier keeps its boxes and ``quota_share`` is 0;
    * a share that is due in bands alone becomes the share of the whole tier, because the record has one: a rule for
      what lies outside the bands stands beside it.

    Raises :class:`InputError` if more than three boxes remain in a tier, or limbs with different terms.
    """
    limbs = [limb for limb in rule.limbs(group) if not limb.consumer_only]
    free = [limb for limb in limbs if limb.tier == "open" or _without_terms(limb)]
    licensed = [limb for limb in limbs if limb not in free]
    granted = [limb for limb in licensed if limb.granted]
    record = np.zeros((), dtype=GROUP)
    record["sku_before"] = math.inf
    for quota in ("quota_share", "quota_chips", "quota_tpp"):
        record[quota] = math.inf
    place = f"rule `{rule.name}`, group {group}"
    _fill_boxes(record, 0, free, place)
    _fill_boxes(record, 1, granted or licensed, place)
    if granted:
        _fill_terms(record, granted, place)
    elif licensed:
        record["quota_share"] = 0.0
    if group == "c":
        for name, value in rule.controls.items():
            record[name] = value
    return record


def _without_terms(limb: Limb) -> bool:
    quotas = min(limb.quota_share, limb.quota_chips, limb.quota_tpp)
    conditions = limb.no_diversion or limb.existing_only
    return quotas == math.inf and limb.revenue_share == 0 and limb.delay_years == 0 and not conditions


def _fill_boxes(record: NDArray[Any], tier: int, limbs: Iterable[Limb], place: str) -> None:
    boxes = outermost(limbs)
    if len(boxes) > MAX_BOXES:
        raise InputError(
            f"{place}: the {TIERS[tier]} tier has {len(boxes)} boxes, none inside another: the model reads at"
            f" most {MAX_BOXES}; join or drop limbs"
        )
    for number, box in enumerate(boxes):
        for field, cap in LIMB_CAPS.items():
            record[field][tier, number] = inside(float(getattr(box, cap)), CAPS[field].unit)


def _fill_terms(record: NDArray[Any], limbs: Sequence[Limb], place: str) -> None:
    if len({_terms(limb) for limb in limbs}) > 1:
        names = ", ".join(f"`{limb.name}`" for limb in limbs)
        raise InputError(
            f"{place}: licensed limbs {names} differ in quota, share, delay or conditions: the model reads one"
            " set of terms a group; give them the same"
        )
    first = limbs[0]
    record["quota_share"] = first.quota_share
    record["quota_chips"] = first.quota_chips / 1e6
    record["quota_tpp"] = first.quota_tpp / 1e6
    record["revenue_share"] = first.revenue_share
    record["delay"] = first.delay_years
    record["no_diversion"] = float(first.no_diversion)
    record["sku_before"][1] = year_of(first.sku_before) if first.sku_before else math.inf


def _terms(limb: Limb) -> tuple[object, ...]:
    quotas = (limb.quota_share, limb.quota_chips, limb.quota_tpp)
    return (*quotas, limb.revenue_share, limb.delay_years, limb.no_diversion, limb.sku_before)


def apply_levers(base_row: object, values: Mapping[str, float]) -> NDArray[Any]:
    """A copy of a policy with some levers set: LEVERS[1].

    base_row : LEVERS[1], a rule from :func:`rule_levers` say
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
    nesting.check(row, checked)
    return row


def _reread(row: NDArray[Any], group: str, values: Mapping[str, float], levered: list[int]) -> None:
    """A new reading: old caps mean nothing under it, so none may stay."""
    name = f"{group}_reading"
    if values.get(name, row[group]["reading"][0]) == row[group]["reading"][0]:
        return
    for tier, word in enumerate(TIERS):
        if tier in levered:
            collapse(row, group, tier, keep=False)
        elif any(row[group][f][0, tier, box] < math.inf for f in CAPS for box in live_boxes(row, group, tier)):
            raise InputError(
                f"lever `{name}` = {values[name]:g} changes how caps read: give the caps of {group}_{word} too"
            )
