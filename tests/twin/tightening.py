"""The plain-Python twin of section 8, item 11: what is pulled forward and written down before a tightening."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from .clock import Now
from .designs import best_index
from .offers import Sale


def keep_share(v_now: float, v_next: float) -> float:
    """keep of item 11: 1 if v = 0."""
    return 1.0 if v_now <= 0.0 else min(1.0, v_next / v_now)


def tightening(now: Now, group: str, omega: Mapping[str, float]) -> float:
    """h of item 11 for one group: 0 but in the last step of a phase."""
    if not now.tightens or now.policy_next is None:
        return 0.0
    v_now = best_index(now.policy[group], now.at, now.age, omega)
    v_next = best_index(now.policy_next[group], now.at, 0.0, omega)
    return 1.0 - keep_share(v_now, v_next) ** now.at.q.tightening_exponent


def pull_forward(sales: Sequence[Sale], h: float, stockpile: float, ceiling: float) -> float:
    """Sets ``lump`` of every sale by equation (44), and returns what it costs the buyers."""
    for sale in sales:
        sale.lump = min(stockpile * h * sale.chips, max(0.0, sale.room - sale.chips))
    cost = sum(sale.price * sale.lump for sale in sales)
    if cost > ceiling:
        for sale in sales:
            sale.lump *= ceiling / cost
        cost = sum(sale.price * sale.lump for sale in sales)
    return cost


def write_downs(sales: Sequence[Sale], h: float, share: float) -> float:
    """WD of item 11, by what is sold a year."""
    return share * h * sum(sale.chips * sale.design.cost for sale in sales)


def repaid(debt: float, dt: float, budget: float) -> float:
    """What is repaid a year of what was pulled forward, section 8, item 6."""
    return min(debt * -math.expm1(-2.0 * dt) / dt, 0.5 * budget)
