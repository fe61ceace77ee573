"""The plain-Python twin of section 8, item 12: displacement, stocks, power, and how far A is ahead."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from tiercap.kernels.params import WORKLOADS

from .allied import AlliedPurchase, SwingSales
from .clock import Now, World
from .domestic import Domestic
from .market import Sold
from .offers import Sale
from .paths import watts
from .performance import ByWorkload, value_index
from .state import State, in_use

#: Smallest stock that enters a logarithm.
STOCK_FLOOR = 1e-9


@dataclass(frozen=True)
class Displaced:
    """Frontier chips that sales to C take from A."""

    rate: float  # D_H [Mchip/year]
    lump: float  # [Mchip] by what is pulled forward

    def flow_left(self, n_A: float, dt: float) -> float:
        """What A gets a year."""
        return max(0.0, n_A - self.rate - self.lump / dt)


def displaced(n_A: float, delta_X: float, sales: Iterable[Sale], spared: bool) -> Displaced:
    """D_H of item 12; ``spared``: licensed sales come out of spare supply."""
    rate = lump = 0.0
    for sale in sales:
        if not (spared and sale.tier == "l"):
            taken = delta_X * sale.seller.frontier_chips(sale.design)
            rate += taken * sale.chips
            lump += taken * sale.lump
    # reading: the lump is held by A's flow alone, which is at least 0, not by a minimum of its own.
    return Displaced(min(n_A, rate), lump)


def add_flows(
    world: World,
    now: Now,
    state: State,
    home: AlliedPurchase,
    swing: SwingSales,
    domestic: Domestic,
    sold: Sold,
    gone: Displaced,
) -> None:
    """Every stock of computing decayed, and what was bought added."""
    q, dt, kappa = world.q, world.dt, now.kappa
    n_A = gone.flow_left(home.n, dt)
    leaked = q.leak_b * world.smuggled_share(now.t) * (sold.p_G / now.prices.p_A) ** q.grey_elasticity
    kept = 1.0 - min(1.0, leaked)

    def bought(sales: Iterable[Sale], w: str) -> float:
        return sum(s.total(dt) / dt * s.design.f[w] for s in sales)

    flows = {
        "A": {w: kappa * n_A * home.f[w] for w in WORKLOADS},
        # reading: what B pulls forward leaks and is multiplied by kappa like the rest.
        "B": {w: kappa * bought(swing.sales, w) * kept for w in WORKLOADS},
        "E": {w: bought(sold.sales, w) for w in WORKLOADS},
        "G": {w: sold.n_G * now.f_front[w] for w in WORKLOADS},
        "D": {w: sold.n_D * domestic.f[w] for w in WORKLOADS},
    }
    step = world.decay(dt)
    state.K = {x: {w: step.after(state.K[x][w], flows[x][w]) for w in WORKLOADS} for x in flows}
    omega = world.omega("value_c")
    index = {
        "E": sum(s.total(dt) / dt * value_index(s.design.f, omega) for s in sold.sales),
        "G": sold.n_G * now.v_front,
        "D": sold.n_D * domestic.v,
    }
    state.X = {x: step.after(state.X[x], index[x]) for x in index}


def add_power(world: World, now: Now, state: State, domestic: Domestic, sold: Sold) -> None:
    """S_C and omega_C of item 12."""
    q = world.q
    # reading: the watts of flows; what is pulled forward is left out of the power it draws as it is of spending.
    drawn = sum(s.chips * watts(q, s.design.F, now.front.F, now.y) for s in sold.sales)
    drawn += sold.n_G * now.W_1
    drawn += sold.n_D * q.watts_domestic * q.watts_growth**now.y * domestic.dies / q.dies_package
    state.S_C = world.decay(world.dt).after(state.S_C, drawn)
    spent = sum(sold.spent_E.values()) + sum(sold.spent_G.values()) + sum(sold.spent_D.values())
    if spent > 0.0:
        state.omega_C = drawn / spent


def log_lead(world: World, state: State) -> ByWorkload:
    """lambda_w of equation (45)."""
    K_A, K_C = state.K["A"], in_use(world, state.K)
    return {w: math.log(max(K_A[w], STOCK_FLOOR)) - math.log(max(K_C[w], STOCK_FLOOR)) - state.ln_e for w in WORKLOADS}
