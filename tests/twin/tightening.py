"""The plain-Python twin of section 8, items 6 and 7: tightening and displacement."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from .designs import Design, Step, designs_of_tier, rule_is_shut
from .offers import Sale
from .paths import Chip
from .performance import value_index


def keep_share(v_now: float, v_next: float) -> float:
    """keep = min(1, v+/v), 1 if v = 0, of equation (13)."""
    return 1.0 if v_now <= 0.0 else min(1.0, v_next / v_now)


def best_index(designs: Iterable[Design], omega: Mapping[str, float]) -> float:
    """The largest index of some designs, 0 of none."""
    return max((value_index(design.f, omega) for design in designs), default=0.0)


def tightening(
    group: np.void,
    designs: Sequence[Sequence[Design]],
    group_next: np.void | None,
    omega: Mapping[str, float],
    at: Step,
    y_next: float,
    front_next: Chip,
) -> float:
    """h of equation (13) for one group; ``designs`` are its open and licensed designs of this step."""
    if group_next is None:
        return 0.0
    v_now = best_index(designs[0], omega)
    if not rule_is_shut(group):
        v_now = max(v_now, best_index(designs[1], omega))
    v_next = best_index(designs_of_tier(group_next, 0, at, y_next, front_next), omega)
    if not rule_is_shut(group_next):
        v_next = max(v_next, best_index(designs_of_tier(group_next, 1, at, y_next, front_next), omega))
    return 1.0 - keep_share(v_now, v_next) ** at.q.tightening_exponent


def pull_forward(sales: Sequence[Sale], h: float, stockpile: float, ceiling: float) -> float:
    """Equation (13): sets ``extra`` of every sale and returns the spending on it."""
    for sale in sales:
        sale.extra = min(stockpile * h * sale.chips, max(0.0, sale.room - sale.chips))
    spending = sum(sale.price * sale.extra for sale in sales)
    if spending > ceiling:
        for sale in sales:
            sale.extra *= ceiling / spending
        spending = sum(sale.price * sale.extra for sale in sales)
    return spending


def write_downs(sales: Sequence[Sale], h: float, share: float, dt: float) -> float:
    """WD of equation (13); n_j before what is pulled forward."""
    return share * h * sum(sale.chips / dt * sale.design.cost for sale in sales)


def displaced(Q_A: float, displacement: float, sales: Iterable[Sale]) -> float:
    """D_H of equation (14), by chips that include what is pulled forward."""
    return min(Q_A, displacement * sum(sale.all_chips * sale.value for sale in sales if sale.counts_as_diverted))
