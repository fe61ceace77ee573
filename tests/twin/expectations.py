"""The plain-Python twin of section 8, items 10 and 13: how C is served, what is believed, and what grows of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import SimpleNamespace

from tiercap.kernels.params import WORKLOADS

from .clock import Now, World, frontier_at
from .domestic import Domestic, at_most
from .market import Market, Sold
from .middle import Middle
from .performance import ByWorkload
from .prices import attractions
from .restricted import Budget, Offered
from .state import State


@dataclass(frozen=True)
class Service:
    """How C is served in a step."""

    served: float
    access: ByWorkload


def service(world: World, now: Now, middle: Middle, domestic: Domestic, market: Market, sold: Sold) -> Service:
    """Equations (37) and (38)."""
    omega, beta, log_ratio, access = world.omega("value_c"), world.q.price_sensitivity, 0.0, {}
    for w in WORKLOADS:
        N = market.k * domestic.a[w] + now.prices.a_0
        lawful = sum(sale.mass * attractions(middle.A_E, sale.price, sale.design.f, beta)[w] for sale in sold.sales)
        # Logarithms of T/N and F/N, which keep their digits where C gains little from trade.
        gain, free = math.log1p(lawful / N), math.log1p(middle.X_F[w] / N)
        log_ratio += omega[w] * (gain - free)
        access[w] = min(1.0, gain / free)
    return Service(min(1.0, math.exp(log_ratio / beta)), access)


def believed(world: World, now: Now, offered: Offered, access: float) -> float:
    """The target of a belief, section 8, item 10."""
    q = world.q
    announced = q.credibility * math.exp(-now.left / q.investment_life) * (offered.o_next - offered.o)
    return min(1.0, max(0.0, access + announced))


def lock_in_target(world: World, middle: Middle, sold: Sold) -> float:
    """The target of lock-in, equation (39)."""
    weight = world.q.belief_weight
    foreign = sum(sold.spent_E.values()) + sum(sold.spent_G.values())
    used = foreign / (foreign + sum(sold.spent_D.values()))
    return (1.0 - weight) * used + weight * middle.belief(world.omega("value_c"))


def budget_target(q: SimpleNamespace, served: float) -> float:
    """The target of C's budget, equation (40)."""
    return served ** (q.budget_elasticity - 1.0)


def research(world: World, middle: Middle, revenue: float) -> float:
    """RD of equation (41) [GUSD/year]."""
    q = world.q
    disbelief = 1.0 - middle.belief(world.omega("value_c"))
    return (q.rd_share * revenue + q.rd_state) * (1.0 + q.rd_denial * disbelief)


def half_step_growth(q: SimpleNamespace, RD: float, dt: float) -> tuple[float, float]:
    """g_F and g_M of equation (42)."""
    rate = q.domestic_growth_rd * RD / (RD + q.rd_half)
    return (1.0 + q.die_growth + rate) ** (0.5 * dt), (1.0 + q.stack_growth + rate) ** (0.5 * dt)


def move_chip(world: World, now: Now, state: State, RD: float, denial: float) -> None:
    """The domestic chip and C's efficiency at the step's end, equation (43)."""
    F, M, I = state.x_D
    state.g_F, state.g_M = half_step_growth(world.q, RD, world.dt)
    grown = (F * state.g_F**2, M * state.g_M**2, I * state.g_F**2)
    state.x_D = at_most(grown, frontier_at(world, now.y1)[0])
    state.ln_e += world.q.efficiency_response * denial * world.dt


def advance(
    world: World,
    now: Now,
    state: State,
    middle: Middle,
    budget: Budget,
    domestic: Domestic,
    offered: Offered,
    sold: Sold,
    served: Service,
) -> None:
    """What makers and buyers leave for the next step; stocks, debt and the government's share apart."""
    q, dt, fabs = world.q, world.dt, domestic.fabs
    for w in WORKLOADS:
        state.chi[w].move(believed(world, now, offered, served.access[w]), q.belief_speed, dt)
    state.L.move(lock_in_target(world, middle, sold), q.lock_in_speed, dt)
    state.E_B.move(budget_target(q, served.served), q.budget_speed, dt)
    state.W = state.W + fabs.dW * dt
    state.Q = state.Q + fabs.w_AI * dt
    state.H, state.dW, state.w_AI = fabs.H_next, fabs.dW, fabs.w_AI
    state.B_h, state.B_d = domestic.B_h, domestic.B_d
    state.S_s, state.S_1 = domestic.S_s, domestic.S
    state.Z = state.Z + sold.n_D * dt
    state.u_C = budget.u_C
    state.premium = min(3.0, max(1.0, sold.p_G / now.prices.p_A))
    state.n_G = sold.n_G
