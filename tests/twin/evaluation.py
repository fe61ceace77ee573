"""The plain-Python twin of a whole evaluation: sections 6 to 9 of the page, step by step."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tiercap.kernels.params import WORKLOADS

from .allied import AlliedPurchase, SwingSales, buy_allied, sell_swing
from .clock import Now, World, namespace, step_of
from .designs import Margin
from .offers import Sale
from .outcomes import Happened, Tally, figures, money
from .paths import budget_c
from .restricted import (
    Domestic,
    DomesticSales,
    Grey,
    Market,
    Offered,
    domestic_chip,
    domestic_sales,
    offer_to_c,
    ration_passes,
    sales_to_c,
    smuggle,
)
from .state import (
    Bought,
    State,
    add_to_stocks,
    advance,
    capability_gap,
    elasticity_factor,
    forget,
    opening,
    research,
    respond,
)
from .tightening import displaced, pull_forward, tightening, write_downs


def evaluate(
    levers: np.ndarray,
    phase: Sequence[int],
    params: np.void,
    catalogue: np.ndarray,
    *,
    n_steps: int,
    steps_per_year: int,
    start: float,
    exponent: int,
    barred: Sequence[float] | None = None,
) -> tuple[dict[str, float], list[dict[str, float]], float]:
    """One policy schedule in one scenario.

    Parameters
    ----------
    levers : LEVERS[phases]
    phase : for each step the index into ``levers`` of the policy in force
    params : one PARAMS record
    catalogue : CHIP[entries], newest first
    n_steps, steps_per_year, start : the clock; ``start`` is the year of step 0
    exponent : of the roofline, 2, 4 or 8
    barred : the imposed share r of each step, NaN where the response decides

    Returns
    -------
    outcomes by name, the trajectory (one dict a step), and the smallest relative margin of a discrete choice
    """
    q, margin = namespace(params), Margin()
    world = World(levers, phase, q, catalogue, n_steps, steps_per_year, start, exponent, barred, margin)
    state, tally = opening(world), Tally(world)
    trajectory: list[dict[str, float]] = []
    for t in range(n_steps):
        happened = _step(world, step_of(world, t), state)
        paid = money(world, happened)
        trajectory.append(figures(happened, paid))
        tally.add(happened, paid, trajectory[-1], state.K_A_before)
    return tally.close(state), trajectory, margin.smallest


def _step(world: World, now: Now, state: State) -> Happened:
    """One step: what happens in it, and ``state`` moved on to the next."""
    q, S_D, L = world.q, state.S_D, state.L
    home = buy_allied(world, now)
    swing = sell_swing(world, now, home.n, state.pulled_b)
    domestic = domestic_chip(world, now, state)
    offered = offer_to_c(world, now, state, domestic, home.n, swing.n)
    grey = smuggle(world, now, domestic, offered, home, swing)
    market = ration_passes(world, now, state, domestic, offered, grey)
    sales = sales_to_c(world, now, offered, market)
    own = domestic_sales(world, state, domestic, market)
    E_next, pulled_next, WD = _tighten(world, now, domestic, offered, market, sales)
    D_H = displaced(home.Q, q.displacement, sales)
    kept = 1.0 - D_H / home.Q if home.Q > 0.0 else 1.0
    bought = _bought(world, now, home, swing, domestic, grey, sales, own, kept)
    add_to_stocks(world, state, bought)
    gap = capability_gap(world, state)
    RD = research(q, own.revenue, offered.denial, world.dt)
    advantage = 0.0
    if offered.plan.kind != "none":
        advantage = min(2.0, max(-2.0, math.log(offered.v_E / domestic.v)))
    self_made = S_D * domestic.p0 / (budget_c(q, now.y) * state.E)
    respond(world, state, advantage, self_made, offered.r)
    advance(world, state, bought, own.n, own.revenue, RD, now.front_next)
    forget(world, state, now.t)
    state.E, state.pulled_b, state.pulled_c = E_next, swing.pulled_next, pulled_next
    return Happened(now, home, swing, domestic, offered, grey, sales, own, WD, D_H, kept, gap, RD, S_D, L)


def _tighten(
    world: World, now: Now, domestic: Domestic, offered: Offered, market: Market, sales: list[Sale]
) -> tuple[float, float, float]:
    """Item 6: the next step's elasticity factor by equation (17), what is pulled forward and written down."""
    q, dt, omega = world.q, world.dt, world.omega("value_c")
    h = tightening(now.policy["c"], offered.designs, now.next_rule("c"), omega, now.at, now.y + dt, now.front_next)
    log_index = 0.0
    for w in WORKLOADS:
        drawn = sum(market.reach[j] * market.a[j][w] for j in market.offers) + domestic.a[w] + now.a_0
        log_index += omega[w] * math.log(drawn)
    E_next = elasticity_factor(-log_index / q.price_sensitivity, now.P, q.budget_elasticity)
    pulled = pull_forward(sales, h, q.stockpile, 0.5 * budget_c(q, now.y + dt) * dt * E_next)
    return E_next, pulled, write_downs(sales, h, q.write_down, dt)


def _bought(
    world: World,
    now: Now,
    home: AlliedPurchase,
    swing: SwingSales,
    domestic: Domestic,
    grey: Grey,
    sales: list[Sale],
    own: DomesticSales,
    kept: float,
) -> Bought:
    """Item 8: what a step adds to the stocks."""
    leaked = min(1.0, world.q.leak_b * world.enforcement * grey.g * grey.bought_share)
    return Bought(
        a={w: home.n * home.f[w] * kept for w in WORKLOADS},
        b={w: sum(s.all_chips * s.design.f[w] for s in swing.sales) * (1.0 - leaked) for w in WORKLOADS},
        e={w: sum(s.all_chips * s.design.f[w] for s in sales) for w in WORKLOADS},
        g={w: grey.n * now.f_front[w] for w in WORKLOADS},
        d={w: own.n * domestic.f[w] for w in WORKLOADS},
        q_E=sum(s.all_chips * s.value for s in sales),
        q_G=grey.n * now.v_front,
        q_D=own.n * domestic.v,
    )
