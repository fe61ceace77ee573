"""The plain-Python twin of section 8, items 1 to 5: group C from the domestic chip to the last ration pass."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tiercap.kernels.params import WORKLOADS

from . import offers
from .allied import AlliedPurchase, SwingSales
from .clock import Now, World
from .designs import Design, Terms, designs_of_tier, terms_of
from .offers import Plan, Sale
from .paths import budget_c
from .performance import ByWorkload, performances, software, value_index
from .prices import Segment, attractions, clearing_price, net_factor, shares, total_spending
from .state import State

INF = math.inf


def wright_cost(c0: float, cost_floor: float, learning_rate: float, experience: float) -> float:
    """c_D of equation (10); ``experience`` = Z/Z_0."""
    b = -math.log2(1.0 - learning_rate)
    return c0 * (cost_floor + (1.0 - cost_floor) * experience ** (-b))


@dataclass(frozen=True)
class Domestic:
    """The domestic chip of a step, and the attraction of the exporter's, which lock-in moves the other way."""

    f: ByWorkload
    v: float
    cost: float
    p0: float
    a: ByWorkload
    A_E: float


def domestic_chip(world: World, now: Now, state: State) -> Domestic:
    """Item 1: attractions, and the domestic chip at its list price."""
    q, beta = world.q, world.q.price_sensitivity
    A_E = q.attraction_e * math.exp(q.network_effect * (state.L - 0.5))
    A_D = q.attraction_d * math.exp(-q.network_effect * (state.L - 0.5))
    of_chip = performances(*state.x_D, q, now.y, world.exponent)
    delivered = software(q, now.y)
    f = {w: delivered[w] * of_chip[w] for w in WORKLOADS}
    cost = wright_cost(q.domestic_cost, q.cost_floor, q.learning_rate, state.Z / q.domestic_output)
    p0 = cost * (1.0 + q.domestic_markup)
    return Domestic(f, value_index(f, world.omega("value_c")), cost, p0, attractions(A_D, p0, f, beta), A_E)


@dataclass(frozen=True)
class Offered:
    """What the exporter offers to C before grey chips and rationing."""

    r: float
    B: float
    b0: ByWorkload
    rivals: ByWorkload
    designs: list[list[Design]]
    terms: Terms
    plan: Plan
    v_E: float
    denial: float


def offer_to_c(world: World, now: Now, state: State, domestic: Domestic, n_A: float, n_B: float) -> Offered:
    """Items 2 and 3: the budget, an imposed share, and offers by equation (9)."""
    q, dt, omega = world.q, world.dt, world.omega("value_c")
    r = state.r
    if world.barred is not None and not math.isnan(world.barred[now.t]):
        r = float(world.barred[now.t])
    B = budget_c(q, now.y) * dt * state.E - state.pulled_c
    if B <= 0.0:
        raise ValueError(
            f"step {now.t}: the budget of C is {B}: pulled forward {state.pulled_c}, elasticity factor {state.E}"
        )
    b0 = {w: omega[w] * B for w in WORKLOADS}
    rivals = {w: now.a_0 + domestic.a[w] for w in WORKLOADS}
    segment = Segment({w: (1.0 - r) * b0[w] for w in WORKLOADS}, rivals, domestic.A_E, q.price_sensitivity)
    designs = [designs_of_tier(now.policy["c"], tier, now.at) for tier in (0, 1)]
    terms = terms_of(now.policy["c"], q, dt, n_A, n_B, now.in_force)
    plan = offers.choose_plan(segment, designs[0], designs[1], terms, q.buyer_tariff, q.nre * dt, world.margin)
    v_E = value_offered(plan, segment, terms, omega)
    denial = 1.0 if plan.kind == "none" else 1.0 - min(1.0, v_E / now.v_front)
    return Offered(r, B, b0, rivals, designs, terms, plan, v_E, denial)


def value_offered(plan: Plan, segment: Segment, terms: Terms, omega: ByWorkload) -> float:
    """v_E of item 3."""
    licensed, free = plan.licensed, plan.open
    if plan.kind == "a" and free is not None:
        return value_index(free.design.f, omega)
    if plan.kind == "b" and licensed is not None:
        wanted = segment.n(licensed.p_star, licensed.design)
        served = min(terms.avail, terms.limit(licensed.design) * terms.avail / wanted)
        return served * value_index(licensed.design.f, omega)
    if plan.kind == "c" and free is not None and licensed is not None:
        weight_l = plan.phi_l * segment.n(licensed.p_star, licensed.design)
        weight_o = plan.phi_o * segment.n(free.p_star, free.design)
        v_l, v_o = value_index(licensed.design.f, omega), value_index(free.design.f, omega)
        return (weight_l * v_l + weight_o * v_o) / (weight_l + weight_o)
    return 0.0


@dataclass(frozen=True)
class Grey:
    """What is smuggled into C in a step."""

    g: float
    n: float
    p: float
    bought_share: float
    capped: float
    spending: ByWorkload


def smuggle(
    world: World, now: Now, domestic: Domestic, offered: Offered, home: AlliedPurchase, swing: SwingSales
) -> Grey:
    """Item 4: supply by equation (11), at the clearing price of equation (8) or the ceiling, under the cap."""
    q, beta = world.q, world.q.price_sensitivity
    g = q.grey_floor + (1.0 - q.grey_floor) * offered.denial
    source = q.grey_supply * q.grey_growth**now.y * world.dt + q.leak_b * swing.q + q.leak_a * home.Q
    supply = source * world.enforcement * g / now.v_front
    A_G = domestic.A_E * q.attraction_g
    ceiling = q.outside_price * now.P * now.v_front
    if not (supply > 0.0 and A_G > 0.0):
        return Grey(g, 0.0, ceiling, 0.0, 0.0, dict.fromkeys(WORKLOADS, 0.0))
    b0 = offered.b0
    p = min(clearing_price(supply, A_G, now.f_front, offered.rivals, b0, beta), ceiling)
    s = shares(attractions(A_G, p, now.f_front, beta), offered.rivals)
    n, capped = supply, 0.0
    world.margin.edge(p * n, q.grey_budget_cap * offered.B)
    if p * n > q.grey_budget_cap * offered.B:
        n, capped = q.grey_budget_cap * offered.B / p, 1.0
    spending = {w: n * p * b0[w] * s[w] / total_spending(b0, s) for w in WORKLOADS}
    return Grey(g, n, p, n / supply, capped, spending)


def ration(x: float, xi: float) -> float:
    """k of equation (12)."""
    return min(1.0, (1.0 + x**4) ** (-0.25) * max(1.0, x) ** xi)


def rivals_after_ration(a_0: float, a_j: float, z: float) -> float:
    """R_jw of equation (12)."""
    return a_0 + (a_j + a_0) * z / (1.0 - z)


@dataclass
class Market:
    """C's market through the ration passes; offers by "l" and "o", buyers without one by "n"."""

    b: ByWorkload
    offers: dict[str, tuple[Design, float]]  # design and net factor
    reach: dict[str, float]
    R: dict[str, ByWorkload]
    price: dict[str, float]
    a: dict[str, ByWorkload]
    s: dict[str, ByWorkload]
    z: dict[str, ByWorkload]
    mass: dict[str, float]
    x: float = 0.0


def ration_passes(world: World, now: Now, state: State, domestic: Domestic, offered: Offered, grey: Grey) -> Market:
    """Item 5: four passes of prices by equation (7) and rationing by equation (12)."""
    q, plan, terms = world.q, offered.plan, offered.terms
    b = {w: offered.b0[w] - grey.spending[w] for w in WORKLOADS}
    made: dict[str, tuple[Design, float]] = {}
    if plan.licensed is not None:
        made["l"] = (plan.licensed.design, net_factor(terms.tau, q.buyer_tariff))
    if plan.open is not None:
        made["o"] = (plan.open.design, net_factor(0.0, q.buyer_tariff))
    R = {j: dict(offered.rivals) for j in made}
    market = Market(b, made, {"l": plan.phi_l, "o": plan.phi_o}, R, {}, {}, {}, {}, {})
    for _ in range(4):
        _price_offers(world, domestic, offered, market)
        _ration_once(world, now, state, domestic, offered, market)
    return market


def _price_offers(world: World, domestic: Domestic, offered: Offered, market: Market) -> None:
    """Price, share and reach of each offer against the rivals of the pass."""
    r, terms, kind = offered.r, offered.terms, offered.plan.kind
    # reading: in plan c both offers are priced in every pass, even where phi of one is 0 for a pass.
    for j, (design, net) in market.offers.items():
        segment = Segment(market.b, market.R[j], domestic.A_E, world.q.price_sensitivity)
        price = segment.p_star(design, net)
        if kind == "b":
            N = terms.limit(design)
            if (1.0 - r) * segment.n(price, design) > N:
                price = segment.clearing(N / (1.0 - r), design)
        if kind == "c" and j == "l":
            wanted = (1.0 - r) * segment.n(price, design)
            market.reach["l"] = min(terms.avail, terms.limit(design) * terms.avail / wanted)
            market.reach["o"] = 1.0 - market.reach["l"]
        market.price[j] = price
        market.a[j] = attractions(domestic.A_E, price, design.f, world.q.price_sensitivity)
        market.s[j] = shares(market.a[j], market.R[j])


def _ration_once(world: World, now: Now, state: State, domestic: Domestic, offered: Offered, market: Market) -> None:
    """Masses, domestic demand over supply, and the rivals of the next pass: equation (12)."""
    a_0, a_D, a_j, b = now.a_0, domestic.a, market.a, market.b
    mass = {j: (1.0 - offered.r) * market.reach[j] for j in market.offers}
    mass["n"] = 1.0 - sum(mass.values())
    s_D = {j: {w: a_D[w] / (a_j[j][w] + a_D[w] + a_0) for w in WORKLOADS} for j in market.offers}
    s_D["n"] = {w: a_D[w] / (a_D[w] + a_0) for w in WORKLOADS}
    demand = sum(b[w] * sum(mass[j] * s_D[j][w] for j in mass) for w in WORKLOADS)
    market.x = demand / (domestic.p0 * state.S_D * world.dt)
    k = ration(market.x, world.q.scarcity_exponent)
    market.mass = mass
    market.z = {j: {w: k * s_D[j][w] for w in WORKLOADS} for j in mass}
    market.R = {j: {w: rivals_after_ration(a_0, a_j[j][w], market.z[j][w]) for w in WORKLOADS} for j in market.offers}


def sales_to_c(world: World, now: Now, offered: Offered, market: Market) -> list[Sale]:
    """What the exporter keeps of the last pass."""
    omega, terms, group = world.omega("value_c"), offered.terms, now.policy["c"]
    sales = []
    for j, (design, net) in market.offers.items():
        s, mass, price = market.s[j], market.mass[j], market.price[j]
        sales.append(
            Sale(
                "licensed" if j == "l" else "open",
                design,
                price,
                terms.tau if j == "l" else 0.0,
                net,
                value_index(design.f, omega),
                mass * total_spending(market.b, s) / price,
                {w: mass * market.b[w] * s[w] for w in WORKLOADS},
                terms.limit(design) * terms.avail if j == "l" else INF,
                j == "o" or float(group["no_diversion"]) == 0.0,
            )
        )
    return sales


@dataclass(frozen=True)
class DomesticSales:
    """What domestic makers sell in a step."""

    n: float
    p: float
    spending: ByWorkload

    @property
    def revenue(self) -> float:
        return sum(self.spending.values())


def domestic_sales(world: World, state: State, domestic: Domestic, market: Market) -> DomesticSales:
    """D's price, spending and chips after the last pass, at most its supply."""
    p = domestic.p0 * max(1.0, market.x) ** world.q.scarcity_exponent
    spending = {w: market.b[w] * sum(market.mass[j] * market.z[j][w] for j in market.mass) for w in WORKLOADS}
    n, supply = sum(spending.values()) / p, state.S_D * world.dt
    if n > supply:
        scale = supply / n
        spending = {w: spending[w] * scale for w in WORKLOADS}
        n = supply
    return DomesticSales(n, p, spending)
