"""The plain-Python twin of sections 6 and 7: groups A and B."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tiercap.kernels.params import WORKLOADS

from . import offers
from .clock import Now, World
from .designs import Design, Terms, designs_of_tier, terms_of
from .offers import Plan, Sale
from .paths import budget_b, logistic_demand
from .performance import ByWorkload, value_index
from .prices import Segment, attractions, net_factor, shares, total_spending
from .tightening import pull_forward, tightening, write_downs

INF = math.inf


@dataclass(frozen=True)
class AlliedPurchase:
    """What A buys in a step."""

    n: float  # [Mchip]
    Q: float  # [MH100e]
    f: ByWorkload


def buy_allied(world: World, now: Now) -> AlliedPurchase:
    """Section 6: the best design that A's rule admits, in the numbers of equation (4)."""
    q, omega = world.q, world.omega("value_a")
    best: Design | None = None
    v_best = 0.0
    designs = designs_of_tier(now.policy["a"], 0, now.at) + designs_of_tier(now.policy["a"], 1, now.at)
    for design in designs:
        if value_index(design.f, omega) > v_best:
            best, v_best = design, value_index(design.f, omega)
    if best is None:
        return AlliedPurchase(0.0, 0.0, dict.fromkeys(WORKLOADS, 0.0))
    for design in designs:
        if any(abs(design.f[w] - best.f[w]) > 1e-12 * best.f[w] for w in WORKLOADS):
            world.margin.between(v_best, value_index(design.f, omega))
    n = logistic_demand(q.demand_a, q.demand_a_ceiling, q.demand_a_growth, now.y) * world.dt
    n = n / value_index(now.f_front, omega)
    return AlliedPurchase(n, n * v_best, best.f)


@dataclass(frozen=True)
class SwingSales:
    """What the exporter sells to B in a step."""

    sales: list[Sale]
    n: float  # [Mchip]
    q: float  # [MH100e]
    pulled_next: float
    write_downs: float


def sell_swing(world: World, now: Now, n_A: float, pulled: float) -> SwingSales:
    """Section 7: offers by equation (9) without D, G and response; what is pulled forward by equation (13)."""
    q, dt, omega = world.q, world.dt, world.omega("value_a")
    group = now.policy["b"]
    total = budget_b(q, now.y) * dt - pulled
    rivals = dict.fromkeys(WORKLOADS, now.a_0)
    segment = Segment({w: omega[w] * total for w in WORKLOADS}, rivals, q.attraction_e, q.price_sensitivity)
    designs = [designs_of_tier(group, tier, now.at) for tier in (0, 1)]
    terms = terms_of(group, q, dt, n_A, 0.0, now.in_force)
    plan = offers.choose_plan(segment, designs[0], designs[1], terms, 0.0, q.nre * dt, world.margin)
    sales = _sales_of(plan, segment, terms, omega)
    h = tightening(group, designs, now.next_rule("b"), omega, now.at, now.y + dt, now.front_next)
    pulled_next = pull_forward(sales, h, q.stockpile, 0.5 * budget_b(q, now.y + dt) * dt)
    # reading: n_B and q_B, which C's quotas and leaks see, are after what B pulled forward was added.
    n_B = sum(sale.all_chips for sale in sales)
    q_B = sum(sale.all_chips * sale.value for sale in sales)
    return SwingSales(sales, n_B, q_B, pulled_next, write_downs(sales, h, q.write_down, dt))


def _sales_of(plan: Plan, segment: Segment, terms: Terms, omega: ByWorkload) -> list[Sale]:
    """What a plan sells, by equation (6) at its prices and shares."""
    sales = []
    for tier, candidate, phi in (("licensed", plan.licensed, plan.phi_l), ("open", plan.open, plan.phi_o)):
        if candidate is None:
            continue
        design = candidate.design
        price = candidate.p_star if plan.kind == "c" else candidate.price
        s = shares(attractions(segment.A, price, design.f, segment.beta), segment.rivals)
        tau = terms.tau if tier == "licensed" else 0.0
        sales.append(
            Sale(
                tier,
                design,
                price,
                tau,
                net_factor(tau, 0.0),
                value_index(design.f, omega),
                phi * total_spending(segment.budgets, s) / price,
                {w: phi * segment.budgets[w] * s[w] for w in WORKLOADS},
                terms.limit(design) * terms.avail if tier == "licensed" else INF,
                False,
            )
        )
    return sales
