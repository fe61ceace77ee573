"""The plain-Python twin of section 8, items 8 to 10: stocks, research and the next step's state."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace

from tiercap.kernels.params import WORKLOADS

from .clock import World, share_per_step
from .designs import Margin
from .paths import Chip, chips_on_sale
from .performance import ByWorkload, performances, value_index

#: Smallest stock that enters a logarithm (item 8).
STOCK_FLOOR = 1e-9


@dataclass
class State:
    """What a step hands to the next."""

    L: float
    r: float
    S_D: float
    Z: float
    E: float
    x_D: tuple[float, float, float]
    K_A: ByWorkload
    K_B: ByWorkload
    K_E: ByWorkload
    K_G: ByWorkload
    K_D: ByWorkload
    X_E: float
    X_G: float
    X_D: float
    K_A_before: ByWorkload
    pulled_b: float
    pulled_c: float
    r_path: list[float]


def opening(world: World) -> State:
    """The state at the start; stocks are split by the profile of the frontier chip (item 8)."""
    q = world.q
    front = chips_on_sale(q, world.catalogue, 0.0, world.start)[0]
    f = performances(front.F, front.M, front.I, q, 0.0, world.exponent)
    by_a = {w: f[w] / value_index(f, world.omega("value_a")) for w in WORKLOADS}
    by_c = {w: f[w] / value_index(f, world.omega("value_c")) for w in WORKLOADS}

    def split(total: float, profile: ByWorkload) -> ByWorkload:
        return {w: total * profile[w] for w in WORKLOADS}

    K_A = split(q.stock_a, by_a)
    return State(
        L=q.lock_in,
        r=q.barred_start,
        S_D=q.domestic_capacity,
        Z=q.domestic_output,
        E=1.0,
        x_D=(q.domestic_f, q.domestic_m, q.domestic_i),
        K_A=K_A,
        K_B=split(q.stock_b, by_a),
        K_E=split(q.stock_e, by_c),
        K_G=split(q.stock_g, by_c),
        K_D=split(q.stock_d, by_c),
        X_E=q.stock_e,
        X_G=q.stock_g,
        X_D=q.stock_d,
        K_A_before=K_A,
        pulled_b=0.0,
        pulled_c=0.0,
        r_path=[q.barred_start],
    )


def grow_stock(stock: ByWorkload, keep: float, bought: Mapping[str, float]) -> ByWorkload:
    """Item 8: decay, then purchases."""
    return {w: stock[w] * keep + bought[w] for w in WORKLOADS}


@dataclass(frozen=True)
class Bought:
    """A step's purchases: by workload, and in the index of C's weights."""

    a: ByWorkload
    b: ByWorkload
    e: ByWorkload
    g: ByWorkload
    d: ByWorkload
    q_E: float
    q_G: float
    q_D: float


def add_to_stocks(world: World, state: State, bought: Bought) -> None:
    """Item 8: every stock decayed, and what was bought added."""
    keep = (1.0 - world.q.depreciation) ** world.dt
    state.K_A_before = state.K_A
    state.K_A = grow_stock(state.K_A, keep, bought.a)
    state.K_B = grow_stock(state.K_B, keep, bought.b)
    state.K_E = grow_stock(state.K_E, keep, bought.e)
    state.K_G = grow_stock(state.K_G, keep, bought.g)
    state.K_D = grow_stock(state.K_D, keep, bought.d)
    state.X_E = state.X_E * keep + bought.q_E
    state.X_G = state.X_G * keep + bought.q_G
    state.X_D = state.X_D * keep + bought.q_D


@dataclass(frozen=True)
class Gap:
    """What A and C have installed after a step, and how far apart they are."""

    stock_a: ByWorkload
    stock_c: ByWorkload
    gap: ByWorkload
    mean: float


def capability_gap(world: World, state: State) -> Gap:
    """K_Cw and gap_w of equation (15), and the mean over workloads."""
    q, omega = world.q, world.omega("capability")
    stock_a = {w: max(STOCK_FLOOR, state.K_A[w]) for w in WORKLOADS}
    stock_c = {
        w: max(STOCK_FLOOR, state.K_E[w] + state.K_G[w] + state.K_D[w] + q.remote_share * state.K_B[w])
        for w in WORKLOADS
    }
    lag_term = q.algorithm_lag * math.log(q.algorithm_growth)
    gap = {w: math.log(stock_a[w] / stock_c[w]) + lag_term for w in WORKLOADS}
    return Gap(stock_a, stock_c, gap, sum(omega[w] * gap[w] for w in WORKLOADS))


def research(q: SimpleNamespace, revenue: float, denial: float, dt: float) -> float:
    """R&D of equation (16), a year."""
    return (q.rd_share * revenue / dt + q.rd_state) * (1.0 + q.rd_denial * denial)


def elasticity_factor(log_index: float, price: float, elasticity: float) -> float:
    """E of equation (17)."""
    return min(5.0, max(0.2, math.exp((log_index - math.log(price)) * (1.0 - elasticity))))


def logistic(x: float) -> float:
    """1/(1 + e^-x), without overflow."""
    if x >= 0.0:
        return 1.0 / (1.0 + math.exp(-x))
    return math.exp(x) / (1.0 + math.exp(x))


def response_target(q: SimpleNamespace, dependency: float, log_advantage: float, self_sufficiency: float) -> float:
    """The target of equation (18)."""
    return q.response_max * logistic(
        q.response_level
        + q.response_dependency * (dependency - 0.5)
        - q.response_advantage * log_advantage
        + q.response_self * min(2.0, self_sufficiency)
    )


def respond(world: World, state: State, log_advantage: float, self_sufficiency: float, r: float) -> None:
    """The barred share of the next step, equation (18), from the share ``r`` of this one."""
    stocks = state.X_E + state.X_G + state.X_D
    dependency = (state.X_E + state.X_G) / stocks if stocks > 0.0 else 0.0
    target = response_target(world.q, dependency, log_advantage, self_sufficiency)
    move = share_per_step(world.q.response_speed, world.dt) * (target - r)
    state.r = r + move
    # reading: under an imposed path the moves of the response count, not the jumps of the path.
    state.r_path.append(state.r if world.barred is None else state.r_path[-1] + move)


def advance(world: World, state: State, bought: Bought, n_D: float, revenue: float, RD: float, limit: Chip) -> None:
    """Item 10: learning, specifications up to the next step's frontier chip, capacity, lock-in."""
    q, dt = world.q, world.dt
    state.Z = state.Z + n_D
    growth = (1.0 + q.domestic_growth + q.domestic_growth_rd * RD / (RD + q.rd_half)) ** dt
    F, M, I = state.x_D
    state.x_D = (min(F * growth, limit.F), min(M * growth, limit.M), min(I * growth, limit.I))
    state.S_D = state.S_D * q.capacity_growth**dt + q.capacity_investment * revenue
    total = bought.q_E + bought.q_G + bought.q_D
    if total > 0.0:
        mix = (bought.q_E + bought.q_G) / total
        state.L = state.L + share_per_step(q.lock_in_speed, dt) * (mix - state.L)


def forget(world: World, state: State, t: int) -> None:
    """Item 10: a new domestic node begins whenever (t+1) dt is a multiple of two years."""
    if (t + 1) % (2 * world.steps_per_year) == 0:
        state.Z = state.Z * (1.0 - world.q.node_forgetting)


def oscillates(r: Sequence[float], margin: Margin | None = None) -> float:
    """1 if r changed direction at least three times in a row by more than 0.01 each time."""
    # reading: a change of direction is a move of more than 0.01 against the move of the step before, whatever
    # the size of that one; "in a row" means in consecutive steps.
    moves = [after - before for before, after in itertools.pairwise(r)]
    run = 0
    found = 0.0
    for before, after in itertools.pairwise(moves):
        if margin is not None and before * after < 0.0:
            margin.note(abs(abs(after) - 0.01) / 0.01)
        run = run + 1 if before * after < 0.0 and abs(after) > 0.01 else 0
        if run >= 3:
            found = 1.0
    return found
