"""The plain-Python twin of section 3: the catalogue at a step, prices, budgets, purchases of A."""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np


@dataclass(frozen=True)
class Chip:
    """One catalogue entry as it stands at a step."""

    F: float
    M: float
    I: float
    tpp: float
    area: float
    launch: float
    cost: float


def moving_figures(q: SimpleNamespace, y: float) -> tuple[float, float, float]:
    """F, M and I of the frontier at y."""
    return (
        q.frontier_f * q.frontier_growth_f**y,
        q.frontier_m * q.frontier_growth_m**y,
        q.frontier_i * q.frontier_growth_i**y,
    )


def moving_tpp(q: SimpleNamespace, F: float, launch: float) -> float:
    """TPP of a frontier generation with compute F launched at ``launch``."""
    return 8000.0 * F * q.fp4_uplift if launch >= 2025.0 else 8000.0 * F


def chips_on_sale(q: SimpleNamespace, catalogue: np.ndarray, y: float, start: float) -> list[Chip]:
    """The catalogue at y, in its order; the first one is the frontier chip."""
    by_class = (q.unit_cost_frontier, q.unit_cost_previous, q.unit_cost_older, q.unit_cost_legacy)
    chips = []
    for entry in catalogue:
        cost = by_class[int(entry["cost_class"])] * float(entry["cost_scale"])
        cost = cost * q.unit_cost_growth**y * q.cost_shock
        area = float(entry["area"])
        if float(entry["moves"]) != 0.0:
            back = float(entry["position"]) * q.generation_spacing
            F, M, I = moving_figures(q, y - back)
            launch = start + y - back
            chips.append(Chip(F, M, I, moving_tpp(q, F, launch), area, launch, cost))
        elif start + y >= float(entry["launch"]):
            chips.append(
                Chip(
                    float(entry["f"]),
                    float(entry["m"]),
                    float(entry["i"]),
                    float(entry["tpp"]),
                    area,
                    float(entry["launch"]),
                    cost,
                )
            )
    if not chips:
        # reading: the page needs a frontier chip at every step and says nothing of a catalogue without one.
        raise ValueError(f"no chip of the catalogue is on sale in {start + y}")
    return chips


def logistic_path(start: float, ceiling: float, growth: float, y: float) -> float:
    """B_g(y) of equation (8)."""
    share = min(start / ceiling, 1.0 - 1e-6)
    gamma = math.log(growth) / (1.0 - share)
    return ceiling / (1.0 + (1.0 / share - 1.0) * math.exp(-gamma * y))


def spending_a(q: SimpleNamespace, y: float) -> float:
    """B_A(y), a year."""
    return logistic_path(q.spending_a, q.spending_a_ceiling, q.spending_a_growth, y)


def budget_b(q: SimpleNamespace, y: float) -> float:
    """B_B(y), a year."""
    return logistic_path(q.budget_b, q.budget_b_ceiling, q.budget_b_growth, y)


def budget_c(q: SimpleNamespace, y: float) -> float:
    """B_C(y), a year."""
    return logistic_path(q.budget_c, q.budget_c_ceiling, q.budget_c_growth, y)


@dataclass(frozen=True)
class Prices:
    """What A pays, and what everybody compares with it."""

    p_A: float  # [kUSD a chip]
    P: float  # [kUSD an H100e]
    a_0: float  # attraction of remote or deferred use


def allied_prices(q: SimpleNamespace, unit_cost: float, v_A: float) -> Prices:
    """Equation (9), from the frontier chip's unit cost and index."""
    p_A = unit_cost * (1.0 + q.markup_a)
    P = p_A / v_A
    return Prices(p_A, P, (q.outside_price * P) ** (-q.price_sensitivity))


def watts(q: SimpleNamespace, F: float, F_front: float, y: float) -> float:
    """Power of an exporter's chip of compute ``F`` [kW], section 3."""
    return q.watts_frontier * q.watts_growth**y * math.sqrt(F / F_front)
