"""The plain-Python twin of sections 6 and 7: groups A and B."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tiercap.kernels.params import WORKLOADS

from . import offers
from .clock import Now, World
from .designs import Design, designs_of_tier, terms_of
from .offers import Sale, sale_of
from .paths import budget_b, spending_a
from .performance import ByWorkload, value_index
from .prices import Segment, Seller
from .state import State
from .tightening import pull_forward, repaid, tightening, write_downs

INF = math.inf


@dataclass(frozen=True)
class AlliedPurchase:
    """What A orders a year in a step, before sales to C displace any of it."""

    n: float  # [Mchip/year]
    v: float  # index of its design
    f: ByWorkload


def power_room(world: World, ceiling: float, stock: float, draw: float, u: float) -> float:
    """room of section 6 [GW/year]: what may be installed under a ceiling; ``draw`` is what is wanted."""
    half, year = world.decay(0.5 * world.dt), world.decay(1.0)
    free = (ceiling - half.after(stock, draw * u) * year.keep) / year.gain
    return max(free, 0.05 * ceiling)


def power_share(draw: float, room: float) -> float:
    """u of section 6: the share of what is wanted that finds power."""
    return (1.0 + (draw / room) ** 4) ** -0.25


def allied_design(world: World, now: Now) -> Design | None:
    """The design with the largest index that A's rule admits."""
    group, omega = now.policy["a"], world.omega("value_a")
    designs = designs_of_tier(group, 0, now.at, now.age) + designs_of_tier(group, 1, now.at, now.age)
    best: Design | None = None
    v_best = 0.0
    for design in designs:
        if value_index(design.f, omega) > v_best:
            best, v_best = design, value_index(design.f, omega)
    for design in designs:
        if best is not None and any(abs(design.f[w] - best.f[w]) > 1e-12 * best.f[w] for w in WORKLOADS):
            world.margin.between(v_best, value_index(design.f, omega))
    return best


def buy_allied(world: World, now: Now, state: State) -> AlliedPurchase:
    """Equations (16) and (17); ``state`` moves on in A's power."""
    q = world.q
    want = spending_a(q, now.y) / now.prices.p_A
    draw = want * now.W_1
    ceiling = q.power_a * q.power_a_growth ** (now.y + 1.0)
    state.u_A = power_share(draw, power_room(world, ceiling, state.S_A, draw, state.u_A))
    best = allied_design(world, now)
    # reading: where nothing is admitted A buys nothing, and u_A still goes by what it wants.
    n = 0.0 if best is None else want * state.u_A
    state.S_A = world.decay(world.dt).after(state.S_A, n * now.W_1)
    if best is None:
        return AlliedPurchase(0.0, 0.0, dict.fromkeys(WORKLOADS, 0.0))
    return AlliedPurchase(n, value_index(best.f, world.omega("value_a")), best.f)


@dataclass(frozen=True)
class SwingSales:
    """What the exporter sells to B in a step; flows are a year."""

    sales: list[Sale]
    n: float  # [Mchip/year]
    q: float  # [MH100e/year]
    write_downs: float  # [GUSD]


def sell_swing(world: World, now: Now, n_A: float, state: State) -> SwingSales:
    """Section 7; ``state`` moves on in B's debt."""
    q, dt, omega = world.q, world.dt, world.omega("value_a")
    group, budget = now.policy["b"], budget_b(q, now.y)
    repay = repaid(state.debt_b, dt, budget)
    segment = Segment(
        {w: omega[w] * (budget - repay) for w in WORKLOADS},
        dict.fromkeys(WORKLOADS, now.prices.a_0),
        q.attraction_e,
        q.price_sensitivity,
    )
    designs = {j: designs_of_tier(group, tier, now.at, now.age) for j, tier in (("o", 0), ("l", 1))}
    terms = terms_of(group, now.at, now.age, dt, n_A, 0.0)
    sellers = {j: Seller(tau, 0.0, 0.0, now.front.cost, now.prices, omega) for j, tau in (("o", 0.0), ("l", terms.tau))}
    plan = offers.choose_plan(segment, designs, sellers, terms, q.nre, world.margin)
    sales = []
    for j, offer in plan.offers.items():
        room = terms.limit(offer.design) * terms.avail if j == "l" else INF
        sales.append(sale_of(j, offer.design, sellers[j], offer.price, plan.reach[j], segment, omega, room))
    h = tightening(now, "b", omega)
    cost = pull_forward(sales, h, q.stockpile, 0.5 * budget)
    state.debt_b = state.debt_b - repay * dt + cost
    # reading: n_B and q_B are rates; what B pulls forward enters its stocks, units and revenues alone.
    n_B, q_B = sum(s.chips for s in sales), sum(s.chips * s.value for s in sales)
    return SwingSales(sales, n_B, q_B, write_downs(sales, h, q.write_down))
