"""State of group C and its domestic supply, one evaluation at a time: docs/model.md section 8, items 1 to 5."""

from __future__ import annotations

import math

import numpy as np
from scalar_offers import FOUR, index, njit, perform

STATE = np.dtype(
    [(name, np.float64) for name in ("L", "L_target", "L_before", "E", "E_target", "E_before", "W", "dW", "Q",
                                     "ai_wafers", "H", "bank_h", "bank_d", "F", "M", "I", "die_step", "stack_step",
                                     "Z", "sold", "made", "watts", "power", "ration", "premium", "grey",
                                     "ln_efficiency", "XE", "XG", "XD")]
    + [(name, *FOUR) for name in ("belief", "belief_target", "belief_before", "pi", "KA", "KB", "KE", "KG", "KD",
                                  "ln_lead", "lead_before")],
    align=True,
)  # fmt: skip
STEP = np.dtype(
    [(name, np.float64) for name in ("planned", "belief_mean", "leak", "enf", "ln_A", "ln_D", "raw_training", "grown",
                                     "new_dies", "new_stacks", "share_asic", "supply", "v_d", "cost_d", "list_price",
                                     "watts_d", "demand", "barred_before", "barred", "plan", "flows", "parity",
                                     "warning", "ln_g", "grey_supply", "wanted", "n_g", "p_g", "grey_flow", "n_d",
                                     "rev_d", "rent", "served_share", "served", "research", "displaced", "kept_a",
                                     "gross", "take", "design", "spending", "value_sold")]
    + [(name, *FOUR) for name in ("belief", "free", "grey_pull", "package", "asic", "a_package", "f_d", "a_d", "b",
                                  "acquired", "taken", "u", "grey", "zn", "e_g", "e_d", "e_e", "access")]
    + [("moves", np.float64, (4, 4))],
    align=True,
)  # fmt: skip


@njit
def clip(x, low, high):
    return min(max(x, low), high)


@njit
def ahead(now, before):
    """T' of equation (4)."""
    return now + 0.75 * (now - before)


@njit
def eighth(x):
    x *= x
    x *= x
    return x * x


@njit
def fourth_root(x):
    return math.sqrt(math.sqrt(x))


# --- items 1 to 5: domestic supply ----------------------------------------------------------------------------------


@njit
def middle(q, x, z, g, c):
    """States at mid-step by equation (4), attractions, the budget before power, the leak that enforcement leaves."""
    target = clip(ahead(z.L_target, z.L_before), 0.0, 1.0)
    tilt = q.network_effect * (target + (z.L - target) * q.left_L_half - 0.5)
    c.ln_A, c.ln_D = q.ln_att_e + tilt, q.ln_att_d - tilt
    target = max(ahead(z.E_target, z.E_before), 0.1)
    c.planned = x.budget_c * (target + (z.E - target) * q.left_E_half)
    c.leak = max(q.through * (1.0 - g.enforcement), 1e-3)
    c.enf, c.belief_mean, A = c.leak / q.through_then, 0.0, math.exp(c.ln_A)
    for k in range(4):
        target = clip(ahead(z.belief_target[k], z.belief_before[k]), 0.0, 1.0)
        c.belief[k] = target + (z.belief[k] - target) * q.left_belief_half
        c.belief_mean += q.omega_c[k] * c.belief[k]
        pull = A * x.front_power[k]
        c.free[k], c.grey_pull[k] = pull * x.price_power, pull * q.attraction_g


@njit
def lines(q, x, z, exponent, f, c):
    """The training package at mid-step and the inference ASIC, equation (18)."""
    F, M = min(z.F * z.die_step, x.front_F), min(z.M * z.stack_step, x.front_M)
    I = min(z.I * z.die_step, x.front_I)
    perform(q, x.ln_rho, F, M, I, exponent, f)
    c.raw_training = f[0]
    for k in range(4):
        c.package[k] = f[k] * x.soft[k]
    perform(q, x.ln_rho, F * q.asic_f, M * q.asic_m, I, exponent, f)
    for k in range(3):
        c.asic[k] = f[k] * x.soft[k]
    c.asic[0] *= q.asic_training
    c.asic[3] = 0.0


@njit
def attract(q, c, price, f, a):
    """A_D (p/f)**-beta on four workloads into ``a``."""
    ln_a = c.ln_D - q.beta * math.log(price)
    for k in range(4):
        a[k] = math.exp(ln_a + q.beta * math.log(f[k]))


@njit
def wafers_growth(q, g, W, pull):
    """dW of equation (21)."""
    tools = max(q.tools * (1.0 - g.equipment_control * q.tools_aligned) * pull, 1e-12)
    left = max(max(q.wafers_ceiling - W, 1e-12) * q.closed * pull, 1e-12)
    low, ratio = min(tools, left), min(tools, left) / max(tools, left)
    return low / fourth_root(1.0 + ratio * ratio * ratio * ratio)


@njit
def pull_of_demand(q, x, z, g, price, yields, dt, c):
    """What makers hope to sell, and the wafers that they install for it: equation (21). Returns the pull."""
    hoped = 0.0
    for k in range(4):
        a = c.a_package[k]
        alone, beside = a / (a + x.a0), a / (a + x.a0 + c.free[k])
        hoped += q.omega_c[k] * (alone + c.belief[k] * (beside - alone))
    dies = 0.012 * (z.W + 0.5 * dt * z.dW) * q.wafer_share * q.gross * yields
    ratio = hoped * c.planned * q.dies_package / (price * dies)
    pull = 2.0 * ratio / (1.0 + ratio)
    z.dW = wafers_growth(q, g, z.W, pull)
    z.ai_wafers = 12.0 * (z.W + 0.5 * dt * z.dW) * min(0.95, q.wafer_share * pull)
    return pull


@njit
def stacks_after(q, H, grown):
    """H of equation (22) after a stretch of time."""
    return q.hbm_ceiling / (1.0 + max(q.hbm_ceiling / max(H, 1e-12) - 1.0, 0.0) * grown)


@njit
def split(q, dies, stacks, c):
    """The share of ASICs, equation (23); returns what a package takes of dies and stacks."""
    ratio = eighth(dies * q.stacks_package / (q.dies_package * stacks))
    mu = ratio / (1.0 + ratio)
    more = math.exp((1.0 - mu) * q.ln_by_logic + mu * q.ln_by_memory)
    j = index(c.asic, q.omega_c) / index(c.package, q.omega_c) * more
    j = j * j * (j * j)
    share = q.asic_limit * j / (1.0 + j)
    c.share_asic = share
    n = (1.0 - share) * q.dies_package + share * q.asic_dies
    return n, (1.0 - share) * q.stacks_package + share * q.asic_stacks


@njit
def supply(q, z, dies, stacks, n, h, dt, c):
    """What can be made and sold, equation (24), and what stockpiles keep."""
    by_logic, by_memory = dies / n, stacks / h
    low = min(by_logic, by_memory)
    made = low / math.sqrt(fourth_root(1.0 + eighth(low / max(by_logic, by_memory))))
    lagged = made - 0.25 * (made - (z.made if z.made >= 0.0 else made))
    c.supply = lagged + (z.sold - lagged) * q.left_sale_half
    z.sold, z.made = made + (z.sold - made) * q.left_sale, made
    z.bank_h = max(z.bank_h - max(made * h - c.new_stacks, 0.0) * dt, 0.0)
    z.bank_d = max(z.bank_d - max(made * n - c.new_dies, 0.0) * dt, 0.0)


@njit
def domestic(q, x, z, g, dt, exponent, f, c):
    """Items 1 to 5."""
    middle(q, x, z, g, c)
    lines(q, x, z, exponent, f, c)
    yields = q.yield_max - q.yield_range * math.exp(-q.yield_decay * (z.Q + 0.5 * dt * z.ai_wafers))
    learnt = ((z.Z + 0.5 * dt * z.sold) / q.domestic_output) ** q.learning
    die = q.cost_scale * (q.wafer_price / (q.gross * yields) + q.package * learnt)
    stack = q.cost_scale * q.stack_cost * learnt
    price = (q.dies_package * die + q.stacks_package * stack) * q.mark
    attract(q, c, price, c.package, c.a_package)
    pull = pull_of_demand(q, x, z, g, price, yields, dt, c)
    stopped = g.equipment_control * q.tools_aligned * q.hbm_tools
    c.grown = math.exp(-0.5 * dt * q.stacks_rate * (1.0 - stopped) * pull)
    c.new_dies = 1e-3 * z.ai_wafers * q.gross * yields + q.dies_abroad * (1.0 - g.memory_control)
    c.new_stacks = stacks_after(q, z.H, c.grown) + q.hbm_grey * (1.0 - g.memory_control)
    dies, stacks = c.new_dies + q.drawn * z.bank_d, c.new_stacks + q.drawn * z.bank_h
    n, h = split(q, dies, stacks, c)
    supply(q, z, dies, stacks, n, h, dt, c)
    for k in range(4):
        c.f_d[k] = (1.0 - c.share_asic) * c.package[k] + c.share_asic * c.asic[k]
    c.v_d, c.cost_d, c.watts_d = index(c.f_d, q.omega_c), n * die + h * stack, x.watts_d * n
    c.list_price = c.cost_d * q.mark
    attract(q, c, c.list_price, c.f_d, c.a_d)
