"""The plain-Python twin of section 8, items 6 and 7: group C's budget, and the plan for it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from tiercap.kernels.params import WORKLOADS

from . import offers
from .allied import AlliedPurchase, SwingSales, power_room, power_share
from .clock import Now, World
from .designs import Terms, best_index, designs_of_tier, terms_of
from .domestic import Domestic
from .middle import Middle
from .offers import Plan
from .performance import ByWorkload
from .prices import Segment, Seller
from .state import State
from .tightening import repaid

INF = math.inf
#: Power of the load in the chance that capacity binds.
STEEPNESS = 8


@dataclass(frozen=True)
class Budget:
    """Item 6: what C spends a year."""

    b: ByWorkload
    u_C: float
    repay: float
    r_0: float  # barred share before the government decides


def imposed_share(world: World, t: int) -> float | None:
    """The barred share that a replay imposes on a step."""
    if world.barred is None or world.barred[t] is None or math.isnan(world.barred[t]):
        return None
    return float(world.barred[t])


def barred_shares(world: World) -> list[float]:
    """rho_k of section 8."""
    return [world.q.barred_max * k / 3.0 for k in range(4)]


def budget_of(world: World, now: Now, state: State, middle: Middle) -> Budget:
    """Item 6: power, what is repaid, and the barred share that is expected."""
    q, dt, omega = world.q, world.dt, world.omega("value_c")
    draw = middle.B * state.omega_C
    ceiling = q.power_c * q.power_c_growth ** (now.y + 1.0)
    u_C = power_share(draw, power_room(world, ceiling, state.S_C, draw, state.u_C))
    repay = repaid(state.debt, dt, middle.B * u_C)
    B = middle.B * u_C - repay
    r_0 = imposed_share(world, now.t)
    if r_0 is None and q.buyer_decides == 0.0:
        r_0 = q.barred_start
    if r_0 is None:
        r_0 = sum(pi * rho for pi, rho in zip(state.pi, barred_shares(world), strict=True))
    return Budget({w: omega[w] * B for w in WORKLOADS}, u_C, repay, r_0)


@dataclass(frozen=True)
class Offered:
    """Item 7: what the exporter plans to offer to C."""

    delta_X: float
    sellers: Mapping[str, Seller]
    terms: Terms
    plan: Plan
    free_trade: float  # chips a year that C would buy at A's price, all of its budget open
    o: float
    o_next: float

    def limit(self, j: str) -> float:
        """N avail of an offer, inf where it is open."""
        if j == "o":
            return INF
        return self.terms.limit(self.plan.offers[j].design) * self.terms.avail


def capacity_binds(ordered: float, wanted: float, headroom: float) -> float:
    """delta_X of equation (25)."""
    if ordered <= 0.0:
        return 1.0  # reading: nothing was ordered for A and B, so that nothing is spare
    load = (ordered + wanted) / (headroom * ordered)
    return load**STEEPNESS / (1.0 + load**STEEPNESS)


def openness(world: World, now: Now) -> tuple[float, float]:
    """o and o' of item 7."""
    omega = world.omega("value_c")
    o = min(1.0, best_index(now.policy["c"], now.at, now.age, omega) / now.v_front)
    if now.policy_next is None:
        return o, o
    return o, min(1.0, best_index(now.policy_next["c"], now.at, 0.0, omega) / now.v_front)


def offer_to_c(
    world: World,
    now: Now,
    middle: Middle,
    budget: Budget,
    domestic: Domestic,
    home: AlliedPurchase,
    swing: SwingSales,
) -> Offered:
    """Item 7: capacity, and the plan by section 5."""
    q, group, a_0 = world.q, now.policy["c"], now.prices.a_0
    X_F, a_D, b = middle.X_F, domestic.a, budget.b
    free_trade = sum(b[w] * X_F[w] / (X_F[w] + a_D[w] + a_0) for w in WORKLOADS) / now.prices.p_A
    open_share = 1.0 - budget.r_0
    delta_X = capacity_binds(home.n + swing.n, open_share * free_trade, q.capacity_headroom)
    designs = {j: designs_of_tier(group, tier, now.at, now.age) for j, tier in (("o", 0), ("l", 1))}
    terms = terms_of(group, now.at, now.age, world.dt, home.n, swing.n)
    spared = 0.0 if float(group["no_diversion"]) != 0.0 else delta_X
    omega_a = world.omega("value_a")
    sellers = {
        "o": Seller(0.0, q.buyer_tariff, delta_X, now.front.cost, now.prices, omega_a),
        "l": Seller(terms.tau, q.buyer_tariff, spared, now.front.cost, now.prices, omega_a),
    }
    segment = Segment(
        {w: open_share * b[w] for w in WORKLOADS},
        {w: a_0 + a_D[w] for w in WORKLOADS},
        middle.A_E,
        q.price_sensitivity,
    )
    plan = offers.choose_plan(segment, designs, sellers, terms, q.nre, world.margin)
    return Offered(delta_X, sellers, terms, plan, free_trade, *openness(world, now))
