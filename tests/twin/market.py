"""The plain-Python twin of section 8, item 9: four passes of prices, rationing and the grey price."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from tiercap.kernels.params import WORKLOADS

from .allied import AlliedPurchase, SwingSales
from .clock import Now, World
from .domestic import Domestic
from .middle import Middle
from .offers import Sale, sale_of, served_share
from .performance import ByWorkload
from .prices import Segment, attraction, attractions
from .restricted import Budget, Offered

PASSES = 4
#: The buyers whom no offer reaches.
UNSERVED = "n"


def grey_supply(world: World, now: Now, home: AlliedPurchase, swing: SwingSales) -> float:
    """S_G of equation (32) [Mchip/year]: what is smuggled at A's price."""
    q = world.q
    source = q.grey_supply * q.grey_growth**now.y + q.leak_b * swing.q + q.leak_a * home.n * home.v
    return max(1e-12, source * world.smuggled_share(now.t) / now.v_front)


def looked_at(a_G: float, a_j: float) -> float:
    """g_j of equation (33)."""
    return a_G**3 / (a_G**2 + a_j**2)


def rationed(x: float, scarcity_exponent: float) -> float:
    """k of equation (34), at demand over supply x."""
    return min(1.0, (1.0 + x**4) ** -0.25 * max(1.0, x) ** scarcity_exponent)


@dataclass
class Market:
    """What the passes move."""

    r: float
    ln_p_G: float
    S_G: float
    reach: dict[str, float]
    rivals: dict[str, ByWorkload]
    price: dict[str, float] = field(default_factory=dict)
    a: dict[str, ByWorkload] = field(default_factory=dict)
    mass: dict[str, float] = field(default_factory=dict)
    z: dict[str, ByWorkload] = field(default_factory=dict)
    segment: dict[str, Segment] = field(default_factory=dict)
    e: ByWorkload = field(default_factory=dict)
    x: float = 0.0
    k: float = 1.0

    @property
    def p_G(self) -> float:
        return math.exp(self.ln_p_G)


def clear(
    world: World,
    now: Now,
    middle: Middle,
    budget: Budget,
    domestic: Domestic,
    offered: Offered,
    r: float,
    S_G: float,
) -> Market:
    """The four passes."""
    plan, a_0 = offered.plan, now.prices.a_0
    rivals = {j: {w: a_0 + domestic.a[w] for w in WORKLOADS} for j in plan.offers}
    market = Market(r, math.log(now.prices.p_A) + 0.2, S_G, dict(plan.reach), rivals)
    for _ in range(PASSES):
        a_G = grey_attraction(world, now, middle, market)
        price_offers(world, middle, budget, offered, market)
        g = {j: {w: looked_at(a_G[w], market.a[j][w]) for w in WORKLOADS} for j in market.mass if j != UNSERVED}
        g[UNSERVED] = dict(a_G)
        ration(world, now, budget, domestic, market, g)
        move_grey_price(world, now, budget, market, a_G, g)
        move_rivals(now, market, g)
    return market


def grey_attraction(world: World, now: Now, middle: Middle, market: Market) -> ByWorkload:
    """a_Gw at the price of the pass."""
    A_G = middle.A_E * world.q.attraction_g
    return {w: attraction(A_G, market.p_G, now.f_front[w], world.q.price_sensitivity) for w in WORKLOADS}


def price_offers(world: World, middle: Middle, budget: Budget, offered: Offered, market: Market) -> None:
    """Price, reach and attraction of each offer against the rivals of the pass, and everybody's mass."""
    plan, beta = offered.plan, world.q.price_sensitivity
    for j, offer in plan.offers.items():
        segment = Segment(budget.b, market.rivals[j], middle.A_E, beta)
        price = segment.list_price(offer.design, offered.sellers[j])
        if j == "l":
            wanted = (1.0 - market.r) * segment.n(price, offer.design)
            market.reach["l"] = served_share(offered.terms.avail, offered.terms.limit(offer.design), wanted)
            market.reach["o"] = 1.0 - market.reach["l"] if plan.kind == "c" else 0.0
        market.price[j], market.segment[j] = price, segment
        market.a[j] = attractions(middle.A_E, price, offer.design.f, beta)
    market.mass = {j: (1.0 - market.r) * market.reach[j] for j in plan.offers}
    market.mass[UNSERVED] = 1.0 - sum(market.mass.values())
    market.a[UNSERVED] = dict.fromkeys(WORKLOADS, 0.0)


def ration(
    world: World, now: Now, budget: Budget, domestic: Domestic, market: Market, g: dict[str, ByWorkload]
) -> None:
    """Domestic demand over supply, and the share z of each buyer's budget that is met."""
    a_0, a_D = now.prices.a_0, domestic.a
    s_D = {j: {w: a_D[w] / (market.a[j][w] + g[j][w] + a_D[w] + a_0) for w in WORKLOADS} for j in market.mass}
    demand = sum(budget.b[w] * sum(market.mass[j] * s_D[j][w] for j in market.mass) for w in WORKLOADS)
    market.x = demand / (domestic.p0 * domestic.S_m)
    market.k = rationed(market.x, world.q.scarcity_exponent)
    market.z = {j: {w: market.k * s_D[j][w] for w in WORKLOADS} for j in market.mass}


def move_grey_price(
    world: World, now: Now, budget: Budget, market: Market, a_G: ByWorkload, g: dict[str, ByWorkload]
) -> None:
    """One Newton step of the grey price, equation (35)."""
    q, e, slope = world.q, dict.fromkeys(WORKLOADS, 0.0), 0.0
    for j, mass in market.mass.items():
        for w in WORKLOADS:
            h = g[j][w] / (market.a[j][w] + g[j][w] + now.prices.a_0)
            spent = mass * budget.b[w] * (1.0 - market.z[j][w]) * h
            e[w] += spent
            slope += spent * (1.0 - h) * (3.0 - 2.0 * g[j][w] / a_G[w])
    total = sum(e.values())
    premium = market.ln_p_G - math.log(now.prices.p_A)
    left = math.log(total) - market.ln_p_G - math.log(market.S_G) - q.grey_elasticity * premium
    market.ln_p_G += left / (1.0 + q.grey_elasticity + q.price_sensitivity * slope / total)
    market.e = e


def move_rivals(now: Now, market: Market, g: dict[str, ByWorkload]) -> None:
    """R_jw for the next pass."""
    a_0 = now.prices.a_0
    for j in market.rivals:
        a, z = market.a[j], market.z[j]
        market.rivals[j] = {w: g[j][w] + a_0 + (a[w] + g[j][w] + a_0) * z[w] / (1.0 - z[w]) for w in WORKLOADS}


@dataclass(frozen=True)
class Sold:
    """What is sold in C; flows are a year."""

    sales: list[Sale]  # the exporter's offers that are not withdrawn
    n_G: float
    p_G: float
    spent_G: ByWorkload
    n_D: float
    p_D: float
    spent_D: ByWorkload

    @property
    def spent_E(self) -> ByWorkload:
        return {w: sum(s.spending[w] for s in self.sales) for w in WORKLOADS}


def sold_in_c(world: World, now: Now, budget: Budget, domestic: Domestic, offered: Offered, market: Market) -> Sold:
    """Sales after the last pass, equation (36)."""
    q, omega, p_G = world.q, world.omega("value_c"), market.p_G
    sales = []
    for j, offer in offered.plan.offers.items():
        seller, segment = offered.sellers[j], market.segment[j]
        sale = sale_of(j, offer.design, seller, market.price[j], market.mass[j], segment, omega, offered.limit(j))
        fixed = q.nre if offer.design.cut else 0.0
        earned = sale.chips * (sale.price - seller.cost(offer.design)) * seller.net
        if fixed > 0.0:
            world.margin.note(abs(earned - fixed) / fixed)
        if earned > fixed:
            sales.append(sale)
    n_G = market.S_G * (p_G / now.prices.p_A) ** q.grey_elasticity
    e = sum(market.e.values())
    spent_G = {w: n_G * p_G * market.e[w] / e for w in WORKLOADS}
    p_D = domestic.p0 * max(1.0, market.x) ** q.scarcity_exponent
    spent_D = {w: budget.b[w] * sum(market.mass[j] * market.z[j][w] for j in market.mass) for w in WORKLOADS}
    n_D = sum(spent_D.values()) / p_D
    if n_D > domestic.S_m:
        spent_D = {w: spent_D[w] * domestic.S_m / n_D for w in WORKLOADS}
        n_D = domestic.S_m
    return Sold(sales, n_G, p_G, spent_G, n_D, p_D, spent_D)
