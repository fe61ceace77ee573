"""The plain-Python twin of section 8, items 2 to 5: what domestic makers can build, sell, and at what cost."""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import SimpleNamespace

from tiercap.kernels.params import WORKLOADS

from .clock import Now, World
from .middle import Middle
from .paths import Chip
from .performance import ByWorkload, performances, software, value_index
from .prices import attractions
from .state import State

#: Least growth of wafers that tools or the ceiling leave [kwafer/month/year].
LEAST_GROWTH = 1e-12


def at_most(figures: tuple[float, float, float], chip: Chip) -> tuple[float, float, float]:
    """F, M and I, each at most a chip's."""
    return min(figures[0], chip.F), min(figures[1], chip.M), min(figures[2], chip.I)


def gross_dies(area: float) -> float:
    """G_w of section 8: dies on a wafer of 300 mm."""
    return math.pi * 150.0**2 / area - math.pi * 300.0 / math.sqrt(2.0 * area)


def wafer_yield(q: SimpleNamespace, wafers: float) -> float:
    """Y of equation (19), after so many thousand AI wafers."""
    return q.yield_max - (q.yield_max - q.yield_start) * 2.0 ** (-wafers / q.yield_half)


def package_cost(q: SimpleNamespace, dies: float, stacks: float, good: float, experience: float) -> float:
    """cost(n, h) of equation (20); ``good`` = Y, ``experience`` = Z'/domestic_output."""
    b = -math.log2(1.0 - q.learning_rate)
    logic = q.wafer_price * dies / (gross_dies(q.die_area) * good)
    learnt = (stacks * q.stack_cost + q.package_cost * dies / q.dies_package) * experience ** (-b)
    return q.cost_scale * (logic + learnt)


def wafer_growth(q: SimpleNamespace, W: float, s_E: float, pull: float, dt: float) -> float:
    """dW of equation (21)."""
    tools = max(LEAST_GROWTH, q.tools * (1.0 - s_E * q.tools_aligned) * pull)
    left = max(LEAST_GROWTH, (q.wafers_ceiling - W) * (1.0 - (1.0 - q.wafers_speed) ** dt) / dt * pull)
    return tools * left / (tools**4 + left**4) ** 0.25


def memory_path(q: SimpleNamespace, H: float, s_E: float, pull: float, years: float) -> float:
    """H(s) of equation (22)."""
    if H <= 0.0:
        return 0.0
    share = min(q.hbm / q.hbm_ceiling, 1.0 - 1e-6)
    gamma = math.log(q.hbm_growth) / (1.0 - share) * (1.0 - s_E * q.tools_aligned * q.hbm_tools) * pull
    return q.hbm_ceiling / (1.0 + max(0.0, q.hbm_ceiling / H - 1.0) * math.exp(-gamma * years))


@dataclass(frozen=True)
class Lines:
    """What the two domestic lines deliver."""

    raw_st: float  # of the training package without software
    training: ByWorkload
    asic: ByWorkload


def domestic_lines(world: World, now: Now, state: State) -> Lines:
    """f_1 and f_2 of equation (18), in the middle of the step."""
    q = world.q
    F, M, I = state.x_D
    F, M, I = at_most((F * state.g_F, M * state.g_M, I * state.g_F), now.front)
    raw = performances(F, M, I, q, now.y, world.exponent)
    F_2 = F * q.asic_gain * q.asic_dies / q.dies_package
    M_2 = M * q.asic_gain * q.asic_stacks / q.stacks_package
    other = performances(F_2, M_2, I, q, now.y, world.exponent)
    delivered = software(q, now.y)
    asic = {w: delivered[w] * other[w] for w in WORKLOADS}
    asic["st"] *= q.asic_training
    asic["ft"] = 0.0
    return Lines(raw["st"], {w: delivered[w] * raw[w] for w in WORKLOADS}, asic)


@dataclass(frozen=True)
class Fabs:
    """What is built, by what makers hope for."""

    good: float  # Y
    experience: float  # Z' over domestic_output
    pull: float
    dW: float
    W_m: float
    w_AI: float
    H_m: float
    H_next: float


def build(world: World, now: Now, state: State, middle: Middle, lines: Lines) -> Fabs:
    """Items 3 and 4, on the training package at its list price."""
    q, dt, beta = world.q, world.dt, world.q.price_sensitivity
    s_E = float(now.policy["c"]["equipment_control"])
    good = wafer_yield(q, state.Q + 0.5 * state.w_AI * dt)
    experience = (state.Z + 0.5 * state.S_s * dt) / q.domestic_output
    p_1 = package_cost(q, q.dies_package, q.stacks_package, good, experience) * (1.0 + q.domestic_markup)
    a_1 = attractions(middle.A_D, p_1, lines.training, beta)
    omega, a_0, hoped = world.omega("value_c"), now.prices.a_0, 0.0
    for w in WORKLOADS:
        without = a_1[w] / (a_1[w] + a_0)
        against = a_1[w] / (a_1[w] + a_0 + middle.X_F[w])
        hoped += omega[w] * ((1.0 - middle.chi[w]) * without + middle.chi[w] * against)
    hoped *= middle.B
    wafers = 0.012 * (state.W + 0.5 * state.dW * dt) * q.wafer_share
    v = hoped / (p_1 * wafers * gross_dies(q.die_area) * good / q.dies_package)
    pull = 2.0 * v / (1.0 + v)
    dW = wafer_growth(q, state.W, s_E, pull, dt)
    W_m = state.W + 0.5 * dW * dt
    w_AI = 12.0 * W_m * min(0.95, q.wafer_share * pull)
    H_m, H_next = (memory_path(q, state.H, s_E, pull, years) for years in (0.5 * dt, dt))
    return Fabs(good, experience, pull, dW, W_m, w_AI, H_m, H_next)


def memory_binds(dies: float, stacks: float) -> float:
    """mu of equation (23), from what dies and stacks are there for, each in training packages."""
    if stacks <= 0.0:
        return 1.0
    z = (dies / stacks) ** 8
    return z / (1.0 + z) if z < math.inf else 1.0


def asic_share(q: SimpleNamespace, v_1: float, v_2: float, mu: float) -> float:
    """sigma of section 8, item 5."""
    j = v_2 / v_1 * (q.dies_package / q.asic_dies) ** (1.0 - mu) * (q.stacks_package / q.asic_stacks) ** mu
    return q.asic_limit * j**4 / (1.0 + j**4)


@dataclass(frozen=True)
class Domestic:
    """The domestic good of a step, and what the next step finds."""

    lines: Lines
    fabs: Fabs
    f: ByWorkload
    v: float
    cost: float
    p0: float
    a: ByWorkload
    dies: float  # n, compute dies a package
    mu: float
    S: float  # [Mchip/year] made
    S_m: float  # [Mchip/year] that can be sold, in the middle of the step
    S_s: float  # the same at its end
    B_h: float
    B_d: float


def smooth_minimum(one: float, other: float) -> float:
    """S of section 8, item 5."""
    low, high = min(one, other), max(one, other)
    return low * (1.0 + (low / high) ** 8) ** -0.125 if high > 0.0 else 0.0


def domestic_good(world: World, now: Now, state: State, middle: Middle) -> Domestic:
    """Items 2 to 5; supply by equation (24)."""
    q, dt, omega = world.q, world.dt, world.omega("value_c")
    s_H = float(now.policy["c"]["memory_control"])
    lines = domestic_lines(world, now, state)
    fabs = build(world, now, state, middle, lines)
    drawn = -math.expm1(-dt) / dt
    new_dies = 0.001 * fabs.w_AI * gross_dies(q.die_area) * fabs.good + q.dies_abroad * (1.0 - s_H)
    new_stacks = fabs.H_m + q.hbm_grey * (1.0 - s_H)
    dies, stacks = new_dies + drawn * state.B_d, new_stacks + drawn * state.B_h
    mu = memory_binds(dies / q.dies_package, stacks / q.stacks_package)
    sigma = asic_share(q, value_index(lines.training, omega), value_index(lines.asic, omega), mu)
    n = (1.0 - sigma) * q.dies_package + sigma * q.asic_dies
    h = (1.0 - sigma) * q.stacks_package + sigma * q.asic_stacks
    f = {w: (1.0 - sigma) * lines.training[w] + sigma * lines.asic[w] for w in WORKLOADS}
    S = smooth_minimum(dies / n, stacks / h)
    before = S if state.S_1 is None else state.S_1
    ahead = S - 0.25 * (S - before)
    cost = package_cost(q, n, h, fabs.good, fabs.experience)
    p0 = cost * (1.0 + q.domestic_markup)
    return Domestic(
        lines=lines,
        fabs=fabs,
        f=f,
        v=value_index(f, omega),
        cost=cost,
        p0=p0,
        a=attractions(middle.A_D, p0, f, q.price_sensitivity),
        dies=n,
        mu=mu,
        S=S,
        S_m=ahead + (state.S_s - ahead) * math.exp(-0.5 * dt / q.lead_time),
        S_s=S + (state.S_s - S) * math.exp(-dt / q.lead_time),
        B_h=max(0.0, state.B_h - dt * max(0.0, S * h - new_stacks)),
        B_d=max(0.0, state.B_d - dt * max(0.0, S * n - new_dies)),
    )
