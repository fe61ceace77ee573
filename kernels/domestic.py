"""Domestic supply of group C: docs/model.md section 8, items 1 to 5."""

from __future__ import annotations

import numpy as np

from . import lanes as n
from ._jit import REAL, ROWS, WHOLE, glue, inline, part, tile
from .lanes import LANES
from .performance import index_lane, perform
from .rules import leak_through
from .vecmath import exp, log, power


@glue
def domestic_supply(w, v, x, exponent, dt):
    """Items 1 to 5: states of mid-step, both domestic lines, yield and cost, what is built, what can be sold."""
    _middle(w, v, x)
    _package(w, x, exponent)
    _asic(w, x, exponent)
    _costs(w, dt)
    _pull(w, v, x, dt)
    _inputs(w, v, dt)
    _split(w)
    _supply(w, dt)
    _product(w, x)


@inline
def _ahead(w, now, before, i):
    """T' of equation (4), from the targets of the two steps before."""
    return w[now + i] + 0.75 * (w[now + i] - w[before + i])


@part(ROWS, ROWS, ROWS)
def _middle(w, v, x):
    """States at mid-step by equation (4), attractions, the budget before power, the leak that enforcement leaves."""
    for i in range(LANES):
        target = min(max(_ahead(w, n.LOCK_IN_TARGET, n.LOCK_IN_TARGET_BEFORE, i), 0.0), 1.0)
        lock_in = target + (w[n.LOCK_IN + i] - target) * w[n.LOCK_IN_LEFT_HALF + i]
        w[n.LOCK_IN_NOW + i] = lock_in
        tilt = w[n.NETWORK_EFFECT + i] * (lock_in - 0.5)
        w[n.LN_EXPORTER_ATTRACTION + i] = w[n.LN_ATTRACTION_E + i] + tilt
        w[n.LN_ATTRACTION_D_NOW + i] = w[n.LN_ATTRACTION_D + i] - tilt
        target = max(_ahead(w, n.BUDGET_TARGET, n.BUDGET_TARGET_BEFORE, i), 0.1)
        factor = target + (w[n.BUDGET_FACTOR + i] - target) * w[n.BUDGET_LEFT_HALF + i]
        w[n.BUDGET_PLANNED + i] = x[n.ANNUAL_BUDGET_C + i] * factor
        w[n.PASSED_ON + i] = leak_through(w, v, i) / w[n.LEAK_AT_REFERENCE + i]
        w[n.BELIEF_MEAN + i] = 0.0
    for k in range(4):
        for i in range(LANES):
            at = k * LANES + i
            target = min(max(_ahead(w, n.BELIEF_TARGET, n.BELIEF_TARGET_BEFORE, at), 0.0), 1.0)
            belief = target + (w[n.BELIEF + at] - target) * w[n.BELIEF_LEFT_HALF + i]
            w[n.BELIEF_NOW + at] = belief
            w[n.BELIEF_MEAN + i] += w[n.VALUE_WEIGHTS_C + at] * belief
    for i in range(LANES):
        w[n.ATTRACTION_E + i] = exp(w[n.LN_EXPORTER_ATTRACTION + i])
    for k in range(4):
        for i in range(LANES):
            at = k * LANES + i
            pull = w[n.ATTRACTION_E + i] * x[n.FRONTIER_POWER + at]
            w[n.FRONTIER_ATTRACTION + at] = pull * x[n.ALLIED_PRICE_POWER + i]
            w[n.GREY_PULL + at] = pull * w[n.ATTRACTION_G + i]


@part(ROWS, ROWS, WHOLE)
def _package(w, x, exponent):
    """The training package at mid-step, equation (18): never above the frontier chip, with its software."""
    for i in range(LANES):
        w[n.DESIGN_COMPUTE + i] = min(w[n.DOMESTIC_COMPUTE + i] * w[n.DIE_STEP + i], x[n.FRONTIER_COMPUTE + i])
        w[n.DESIGN_MEMORY + i] = min(w[n.DOMESTIC_MEMORY + i] * w[n.STACK_STEP + i], x[n.FRONTIER_MEMORY + i])
        link = w[n.DOMESTIC_INTERCONNECT + i] * w[n.DIE_STEP + i]
        w[n.DESIGN_INTERCONNECT + i] = min(link, x[n.FRONTIER_INTERCONNECT + i])
    perform(w, x, exponent)
    for i in range(LANES):
        w[n.PACKAGE_RAW_TRAINING + i] = w[n.DESIGN_PERFORMANCE + i]
    for i in range(4 * LANES):
        w[n.PACKAGE_PERFORMANCE + i] = w[n.DESIGN_PERFORMANCE + i] * x[n.SOFTWARE + i]


@part(ROWS, ROWS, WHOLE)
def _asic(w, x, exponent):
    """The inference ASIC, equation (18); the rows of the design still hold the package."""
    for i in range(LANES):
        w[n.DESIGN_COMPUTE + i] *= w[n.ASIC_COMPUTE_RATIO + i]
        w[n.DESIGN_MEMORY + i] *= w[n.ASIC_MEMORY_RATIO + i]
    perform(w, x, exponent)
    for i in range(LANES):
        trains = w[n.ASIC_TRAINING + i] * x[n.SOFTWARE + i]
        w[n.ASIC_PERFORMANCE + i] = trains * w[n.DESIGN_PERFORMANCE + i]
        w[n.ASIC_PERFORMANCE + LANES + i] = 0.0
    for i in range(2 * LANES):
        at = 2 * LANES + i
        w[n.ASIC_PERFORMANCE + at] = w[n.DESIGN_PERFORMANCE + at] * x[n.SOFTWARE + at]


@part(ROWS, REAL)
def _costs(w, dt):
    """Yield, unit cost by die and by stack, the package's attraction at its price: equations (19) and (20)."""
    for i in range(LANES):
        wafers = w[n.CUMULATIVE_WAFERS + i] + 0.5 * dt * w[n.AI_WAFERS + i]
        w[n.YIELD + i] = w[n.YIELD_MAX + i] - w[n.YIELD_RANGE + i] * exp(-w[n.YIELD_DECAY + i] * wafers)
    for i in range(LANES):
        output = w[n.CUMULATIVE_OUTPUT + i] + 0.5 * dt * w[n.DOMESTIC_SOLD + i]
        w[n.LEARNT + i] = power(output * w[n.INVERSE_OUTPUT_START + i], w[n.LEARNING_EXPONENT + i])
    for i in range(LANES):
        learnt, scale = w[n.LEARNT + i], w[n.COST_SCALE + i]
        wafer = w[n.WAFER_PRICE + i] / (w[n.GROSS_DIES + i] * w[n.YIELD + i])
        w[n.COST_PER_DIE + i] = scale * (wafer + w[n.PACKAGE_COST_PER_DIE + i] * learnt)
        w[n.COST_PER_STACK + i] = scale * w[n.STACK_COST + i] * learnt
        cost = w[n.DIES_PACKAGE + i] * w[n.COST_PER_DIE + i] + w[n.STACKS_PACKAGE + i] * w[n.COST_PER_STACK + i]
        w[n.DOMESTIC_LIST_PRICE + i] = cost * w[n.DOMESTIC_MARKUP_FACTOR + i]
    _attract(w, n.PACKAGE_PERFORMANCE, n.PACKAGE_ATTRACTION)


@inline
def _attract(w, performance, attraction):
    """A_D (p/f)**-beta at DOMESTIC_LIST_PRICE, on four workloads."""
    for i in range(LANES):
        ln_price = log(w[n.DOMESTIC_LIST_PRICE + i])
        w[n.LN_DOMESTIC_PULL + i] = w[n.LN_ATTRACTION_D_NOW + i] - w[n.PRICE_SENSITIVITY + i] * ln_price
    for k in range(4):
        for i in range(LANES):
            at = k * LANES + i
            ln_performance = log(w[performance + at])
            w[attraction + at] = exp(w[n.LN_DOMESTIC_PULL + i] + w[n.PRICE_SENSITIVITY + i] * ln_performance)


@part(ROWS, ROWS, ROWS, REAL)
def _pull(w, v, x, dt):
    """What makers hope to sell, and the wafers that they install for it: equation (21)."""
    for i in range(LANES):
        a0 = x[n.OUTSIDE_ATTRACTION + i]
        hoped = 0.0
        for k in range(4):
            at = k * LANES + i
            a1 = w[n.PACKAGE_ATTRACTION + at]
            alone, beside = a1 / (a1 + a0), a1 / (a1 + a0 + w[n.FRONTIER_ATTRACTION + at])
            hoped += w[n.VALUE_WEIGHTS_C + at] * (alone + w[n.BELIEF_NOW + at] * (beside - alone))
        hoped *= w[n.BUDGET_PLANNED + i]
        installed = w[n.WAFERS + i] + 0.5 * dt * w[n.WAFERS_GROWTH + i]
        dies = 0.012 * installed * w[n.WAFER_SHARE + i] * w[n.GROSS_DIES + i] * w[n.YIELD + i]
        ratio = hoped * w[n.DIES_PACKAGE + i] / (w[n.DOMESTIC_LIST_PRICE + i] * dies)
        pull = 2.0 * ratio / (1.0 + ratio)
        w[n.DEMAND_PULL + i] = pull
        stopped = v[n.EQUIPMENT_CONTROL + i] * w[n.TOOLS_ALIGNED + i]
        growth = _wafers_growth(w, i, pull, stopped)
        w[n.WAFERS_GROWTH + i] = growth
        w[n.WAFERS_NOW + i] = w[n.WAFERS + i] + 0.5 * dt * growth
        w[n.AI_WAFERS + i] = 12.0 * w[n.WAFERS_NOW + i] * min(0.95, w[n.WAFER_SHARE + i] * pull)


@inline
def _wafers_growth(w, i, pull, stopped):
    """dW of equation (21): the smooth minimum of tools and of the way that is left."""
    tools = max(w[n.TOOLS + i] * (1.0 - stopped) * pull, 1e-12)
    left = max(max(w[n.WAFERS_CEILING + i] - w[n.WAFERS + i], 1e-12) * w[n.WAFERS_CLOSED + i] * pull, 1e-12)
    low, high = min(tools, left), max(tools, left)
    square = (low / high) * (low / high)
    return low / np.sqrt(np.sqrt(1.0 + square * square))


@tile
def first_wafers(w, v):
    """dW of the step before the first: that of a pull of one under the first step's levers."""
    for i in range(LANES):
        stopped = v[n.EQUIPMENT_CONTROL + i] * w[n.TOOLS_ALIGNED + i]
        w[n.WAFERS_GROWTH + i] = _wafers_growth(w, i, 1.0, stopped)


@part(ROWS, ROWS, REAL)
def _inputs(w, v, dt):
    """Domestic memory by equation (22); dies and stacks of the year, and with what stockpiles give."""
    for i in range(LANES):
        stopped = v[n.EQUIPMENT_CONTROL + i] * w[n.TOOLS_ALIGNED + i] * w[n.STACKS_TOOLS + i]
        rate = w[n.STACKS_RATE + i] * (1.0 - stopped) * w[n.DEMAND_PULL + i]
        w[n.STACKS_GROWN + i] = exp(-0.5 * dt * rate)
    for i in range(LANES):
        w[n.STACKS_NOW + i] = _stacks_after(w, i, w[n.STACKS_GROWN + i])
        through = 1.0 - v[n.MEMORY_CONTROL + i]
        dies = 1e-3 * w[n.AI_WAFERS + i] * w[n.GROSS_DIES + i] * w[n.YIELD + i]
        w[n.NEW_DIES + i] = dies + w[n.DIES_ABROAD + i] * through
        w[n.NEW_STACKS + i] = w[n.STACKS_NOW + i] + w[n.STACKS_GREY + i] * through


@inline
def _stacks_after(w, i, grown):
    """H of equation (22) after a stretch of time."""
    ceiling = w[n.STACKS_CEILING + i]
    over = max(ceiling / max(w[n.STACKS + i], 1e-12) - 1.0, 0.0)
    return ceiling / (1.0 + over * grown)


@tile
def _split(w):
    """The share of ASICs, equation (23), and what a package takes of dies and stacks."""
    for i in range(LANES):
        dies = w[n.NEW_DIES + i] + w[n.DRAWN_PER_STEP + i] * w[n.DIE_BANK + i]
        stacks = w[n.NEW_STACKS + i] + w[n.DRAWN_PER_STEP + i] * w[n.STACK_BANK + i]
        z = dies * w[n.STACKS_PACKAGE + i] / (w[n.DIES_PACKAGE + i] * stacks)
        z *= z
        z *= z
        z *= z
        mu = z / (1.0 + z)
        w[n.MEMORY_BINDS + i] = mu
        w[n.ASIC_SHARE + i] = exp((1.0 - mu) * w[n.LN_ASIC_BY_LOGIC + i] + mu * w[n.LN_ASIC_BY_MEMORY + i])
    for i in range(LANES):
        value = index_lane(w, i, n.ASIC_PERFORMANCE) / index_lane(w, i, n.PACKAGE_PERFORMANCE)
        j = value * w[n.ASIC_SHARE + i]
        j *= j
        j *= j
        share = w[n.ASIC_LIMIT + i] * j / (1.0 + j)
        w[n.ASIC_SHARE + i] = share
        w[n.DIES_EACH + i] = (1.0 - share) * w[n.DIES_PACKAGE + i] + share * w[n.ASIC_DIES + i]
        w[n.STACKS_EACH + i] = (1.0 - share) * w[n.STACKS_PACKAGE + i] + share * w[n.ASIC_STACKS + i]


@part(ROWS, REAL)
def _supply(w, dt):
    """What can be made and sold, equation (24), and what stockpiles keep."""
    for i in range(LANES):
        by_logic = (w[n.NEW_DIES + i] + w[n.DRAWN_PER_STEP + i] * w[n.DIE_BANK + i]) / w[n.DIES_EACH + i]
        by_memory = (w[n.NEW_STACKS + i] + w[n.DRAWN_PER_STEP + i] * w[n.STACK_BANK + i]) / w[n.STACKS_EACH + i]
        low, high = min(by_logic, by_memory), max(by_logic, by_memory)
        ratio = low / high
        ratio *= ratio
        ratio *= ratio
        made = low / np.sqrt(np.sqrt(np.sqrt(1.0 + ratio * ratio)))
        before = w[n.DOMESTIC_MADE_BEFORE + i]
        lagged = made - 0.25 * (made - (before if before >= 0.0 else made))  # negative: no step before
        sold = w[n.DOMESTIC_SOLD + i]
        w[n.DOMESTIC_MADE + i] = made
        w[n.DOMESTIC_SUPPLY + i] = lagged + (sold - lagged) * w[n.SALE_LEFT_HALF + i]
        w[n.DOMESTIC_SOLD + i] = made + (sold - made) * w[n.SALE_LEFT + i]
        w[n.DOMESTIC_MADE_BEFORE + i] = made
        used = max(made * w[n.STACKS_EACH + i] - w[n.NEW_STACKS + i], 0.0)
        w[n.STACK_BANK + i] = max(w[n.STACK_BANK + i] - used * dt, 0.0)
        used = max(made * w[n.DIES_EACH + i] - w[n.NEW_DIES + i], 0.0)
        w[n.DIE_BANK + i] = max(w[n.DIE_BANK + i] - used * dt, 0.0)


@part(ROWS, ROWS)
def _product(w, x):
    """The domestic good as sold: both lines mixed; performance, index, cost, price, attraction, power."""
    for k in range(4):
        for i in range(LANES):
            at = k * LANES + i
            share = w[n.ASIC_SHARE + i]
            mixed = (1.0 - share) * w[n.PACKAGE_PERFORMANCE + at] + share * w[n.ASIC_PERFORMANCE + at]
            w[n.DOMESTIC_PERFORMANCE + at] = mixed
    for i in range(LANES):
        cost = w[n.DIES_EACH + i] * w[n.COST_PER_DIE + i] + w[n.STACKS_EACH + i] * w[n.COST_PER_STACK + i]
        w[n.DOMESTIC_LIST_PRICE + i] = cost * w[n.DOMESTIC_MARKUP_FACTOR + i]
        w[n.DOMESTIC_VALUE + i] = index_lane(w, i, n.DOMESTIC_PERFORMANCE)
        w[n.DOMESTIC_WATTS + i] = x[n.DOMESTIC_PACKAGE_WATTS + i] * w[n.DIES_EACH + i]
    _attract(w, n.DOMESTIC_PERFORMANCE, n.DOMESTIC_ATTRACTION)
    for i in range(LANES):
        w[n.DOMESTIC_COST + i] = w[n.DOMESTIC_LIST_PRICE + i] / w[n.DOMESTIC_MARKUP_FACTOR + i]


@part(ROWS, ROWS, REAL)
def grow_domestic(w, x, dt):
    """Wafers, memory, output and the chip's figures after the step: equations (21), (22) and (43), item 13."""
    for i in range(LANES):
        w[n.WAFERS + i] += w[n.WAFERS_GROWTH + i] * dt
        w[n.CUMULATIVE_WAFERS + i] += w[n.AI_WAFERS + i] * dt
        grown = w[n.STACKS_GROWN + i]
        w[n.STACKS + i] = _stacks_after(w, i, grown * grown)
        w[n.CUMULATIVE_OUTPUT + i] += w[n.DOMESTIC_CHIPS + i] * dt
    for i in range(LANES):
        rd = w[n.RESEARCH + i]
        rate = w[n.DOMESTIC_GROWTH_RD + i] * rd / (rd + w[n.RD_HALF + i])
        w[n.DIE_STEP + i] = power(1.0 + w[n.DIE_GROWTH + i] + rate, 0.5 * dt)
        w[n.STACK_STEP + i] = power(1.0 + w[n.STACK_GROWTH + i] + rate, 0.5 * dt)  # equation (42)
    for i in range(LANES):
        die, stack = w[n.DIE_STEP + i] * w[n.DIE_STEP + i], w[n.STACK_STEP + i] * w[n.STACK_STEP + i]
        # Equation (43).
        w[n.DOMESTIC_COMPUTE + i] = min(w[n.DOMESTIC_COMPUTE + i] * die, x[n.NEXT_FRONTIER_COMPUTE + i])
        w[n.DOMESTIC_MEMORY + i] = min(w[n.DOMESTIC_MEMORY + i] * stack, x[n.NEXT_FRONTIER_MEMORY + i])
        link = w[n.DOMESTIC_INTERCONNECT + i] * die
        w[n.DOMESTIC_INTERCONNECT + i] = min(link, x[n.NEXT_FRONTIER_INTERCONNECT + i])
