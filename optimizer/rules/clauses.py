"""Limbs of a rule: boxes of caps with conditions, and which chips they admit when figures are missing.

Every cap is an upper bound and every condition is met more easily by more favourable facts. So the two
extreme ways to fill a chip's gaps, everything as favourable or as unfavourable as can be, bound what any way
to fill them could give: where both agree, the gap does not matter.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, NamedTuple

from tiercap.optimizer.rules.chips import Chip

Tier = Literal["open", "licensed"]
#: TPP from and to, DRAM bandwidth from and to [GB/s]: products inside pay the share.
Band = tuple[float, float, float, float]


class Figure(NamedTuple):
    """A figure that a cap may bound: its word in sentences and its unit."""

    word: str
    unit: str


#: Figures by the name of their cap in ``data/rules.toml``.
FIGURES: Mapping[str, Figure] = {
    "tpp": Figure("TPP", "TPP"),
    "memory_gbs": Figure("memory", "GB/s"),
    "interconnect_gbs": Figure("I/O", "GB/s"),
    "density": Figure("density", "TPP/mm2"),
    "bandwidth_sum_gbs": Figure("memory plus I/O", "GB/s"),
}
#: Facts about a chip that may be missing, in the words of a sentence.
GAPS = ("TPP", "memory", "I/O", "die area", "US sale", "launch", "whether it is for data centres")


@dataclass(frozen=True, slots=True)
class Limb:
    """One box of a rule. A cap of infinity does not bind; a quota of infinity is no limit."""

    name: str
    tier: Tier
    tpp: float = math.inf  # [TPP]
    memory_gbs: float = math.inf  # [GB/s]
    interconnect_gbs: float = math.inf  # [GB/s]
    density: float = math.inf  # [TPP/mm2]
    bandwidth_sum_gbs: float = math.inf  # [GB/s]
    consumer_only: bool = False
    sku_before: date | None = None
    quota_share: float = math.inf  # of TPP shipped for home use
    quota_chips: float = math.inf  # [chips/year]
    quota_tpp: float = math.inf  # [TPP/year]
    revenue_share: float = 0.0
    duty_bands: tuple[Band, ...] = ()  # the share is due inside these alone; empty: from every product
    delay_years: float = 0.0  # [year]
    no_diversion: bool = False
    source: str = ""

    @property
    def existing_only(self) -> bool:
        """Whether only products that were on sale by a date qualify."""
        return self.sku_before is not None

    @property
    def granted(self) -> bool:
        """Whether anything is admitted in fact: no quota is 0."""
        return min(self.quota_share, self.quota_chips, self.quota_tpp) > 0

    def share_due(self, tpp: float, memory_gbs: float) -> bool:
        """Whether a product with these figures pays ``revenue_share``."""
        inside = (a <= tpp <= b and c <= memory_gbs <= d for a, b, c, d in self.duty_bands)
        return self.revenue_share > 0 and (not self.duty_bands or any(inside))

    def caps(self) -> dict[str, float]:
        """The caps that bind, by figure."""
        return {name: cap for name in FIGURES if (cap := float(getattr(self, name))) < math.inf}

    def lies_within(self, other: Limb) -> bool:
        """Whether every chip that this limb admits is admitted by ``other`` too; terms are not compared."""
        smaller = all(getattr(self, name) <= getattr(other, name) for name in FIGURES)
        reaches = self.consumer_only or not other.consumer_only
        if other.sku_before is None:
            return smaller and reaches
        return smaller and reaches and self.sku_before is not None and self.sku_before <= other.sku_before


@dataclass(frozen=True, slots=True)
class Facts:
    """A chip without gaps: figures by name of their cap, and the three conditions."""

    figures: Mapping[str, float]
    consumer: bool
    us_sale: bool
    launched: float  # [year]


def facts(chip: Chip, favourable: bool, only: Iterable[str] = GAPS, others: bool | None = None) -> Facts:
    """``chip`` with its gaps filled.

    Gaps named in ``only`` are filled in favour of admission if ``favourable``, else against it; the other
    gaps as ``others`` says (by default the same way).
    """
    chosen = set(only)
    rest = favourable if others is None else others

    def kind(gap: str) -> bool:
        return favourable if gap in chosen else rest

    def filled(value: float | None, gap: str) -> float:
        return value if value is not None else (0.0 if kind(gap) else math.inf)

    tpp, memory, io = filled(chip.tpp, "TPP"), filled(chip.memory_gbs, "memory"), filled(chip.io_gbs, "I/O")
    area = chip.die_area_mm2 or (math.inf if kind("die area") else 0.0)
    figures = {
        "tpp": tpp,
        "memory_gbs": memory,
        "interconnect_gbs": io,
        "density": _density(tpp, area),
        "bandwidth_sum_gbs": memory + io,
    }
    period = chip.launched or (-math.inf, math.inf)
    return Facts(
        figures=figures,
        consumer=not chip.datacentre if chip.datacentre is not None else kind("whether it is for data centres"),
        us_sale=chip.us_sale if chip.us_sale is not None else kind("US sale"),
        launched=period[0] if kind("launch") else period[1],
    )


def _density(tpp: float, area: float) -> float:
    if area == 0 or tpp == math.inf:
        return math.inf if area < math.inf else 0.0  # an unbounded die can be as sparse as it likes
    return tpp / area


def year_of(day: date) -> float:
    """A date as a year with a fraction: 2026-01-15 is 2026.038."""
    length = (date(day.year + 1, 1, 1) - date(day.year, 1, 1)).days
    return day.year + (day - date(day.year, 1, 1)).days / length


def on_sale_by(known: Facts, day: date) -> bool:
    """Whether the product was on sale in the US by ``day``."""
    return known.us_sale and known.launched <= year_of(day)


def admits(limb: Limb, known: Facts) -> bool:
    """Whether every figure lies strictly below its cap and every condition holds."""
    if limb.consumer_only and not known.consumer:
        return False
    if limb.sku_before is not None and not on_sale_by(known, limb.sku_before):
        return False
    return bool(passes(known.figures, limb.caps()))


def passes(figures: Mapping[str, Any], caps: Mapping[str, Any]) -> Any:
    """Whether a chip passes a box: whether every figure that is capped lies strictly below its cap.

    figures, caps : by name, floats or arrays that broadcast; a figure that is NaN is below no cap, a cap of 0 admits
    nothing, an infinite one anything
    """
    inside: Any = True
    for name, cap in caps.items():
        inside = inside & (cap > 0.0) & ((cap == math.inf) | (figures[name] < cap))
    return inside


def outermost(limbs: Iterable[Limb]) -> list[Limb]:
    """The limbs that lie within no other: what a chip must get past to be admitted at all."""
    among = list(limbs)
    kept = []
    for position, limb in enumerate(among):
        wider = [
            other
            for place, other in enumerate(among)
            if place != position and limb.lies_within(other) and not (other.lies_within(limb) and place > position)
        ]
        if not wider:
            kept.append(limb)
    return kept
