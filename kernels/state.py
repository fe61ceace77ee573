"""Stocks and the next step's state of group C: docs/model.md section 8, items 7 to 10."""

from __future__ import annotations

from . import lanes as n
from ._jit import REAL, ROWS, WHOLE, part, tile
from .lanes import LANES
from .vecmath import exp, log, power


@part(ROWS, ROWS)
def open_state(w, q):
    """Scenario constants to the head of w, and the state at the start of a run from them."""
    for i in range(n.CONSTANTS_SIZE):
        w[i] = q[i]
    for i in range(LANES):
        w[n.LOCK_IN + i] = w[n.LOCK_IN_START + i]
        w[n.BARRED + i] = w[n.BARRED_START + i]
        w[n.DOMESTIC_CAPACITY + i] = w[n.CAPACITY_START + i]
        w[n.DOMESTIC_COMPUTE + i] = w[n.DOMESTIC_COMPUTE_START + i]
        w[n.DOMESTIC_MEMORY + i] = w[n.DOMESTIC_MEMORY_START + i]
        w[n.DOMESTIC_INTERCONNECT + i] = w[n.DOMESTIC_INTERCONNECT_START + i]
        w[n.CUMULATIVE_OUTPUT + i] = w[n.OUTPUT_START + i]
        w[n.VALUE_STOCK_E + i] = w[n.VALUE_STOCK_E_START + i]
        w[n.VALUE_STOCK_G + i] = w[n.VALUE_STOCK_G_START + i]
        w[n.VALUE_STOCK_D + i] = w[n.VALUE_STOCK_D_START + i]
        w[n.PULLED_FORWARD_C + i] = 0.0
        w[n.BUDGET_FACTOR + i] = 1.0
        w[n.RESPONSE_MOVE + i] = 0.0
        w[n.RESPONSE_TURNS + i] = 0.0
    for i in range(4 * LANES):
        w[n.STOCK_A + i] = w[n.STOCK_A_START + i]
        w[n.STOCK_B + i] = w[n.STOCK_B_START + i]
        w[n.STOCK_E + i] = w[n.STOCK_E_START + i]
        w[n.STOCK_G + i] = w[n.STOCK_G_START + i]
        w[n.STOCK_D + i] = w[n.STOCK_D_START + i]
        w[n.MARKET_WEIGHTS + i] = w[n.VALUE_WEIGHTS_C + i]


@tile
def displace(w, v, a, o, l):
    """Allied H100e displaced by sales to C, equation (14); the index of what was sold goes into VALUE_SOLD."""
    for i in range(LANES):
        q_open = o[n.OFFER_CHIPS + i] * o[n.OFFER_VALUE + i]
        q_licensed = l[n.OFFER_CHIPS + i] * l[n.OFFER_VALUE + i]
        diverting = q_open + (0.0 if v[n.NO_DIVERSION + i] == 1.0 else q_licensed)
        w[n.DISPLACED + i] = min(a[n.ALLIED_VALUE + i], w[n.DISPLACEMENT + i] * diverting)
        w[n.VALUE_SOLD + i] = q_open + q_licensed


@part(ROWS, ROWS, ROWS, ROWS, ROWS)
def purchase(w, x, a, o, l):
    """Purchases into stocks, C's total in STOCK_C; ln(K_A/K_C) of equation (15) in LN_STOCK_RATIO."""
    for i in range(LANES):
        qa = a[n.ALLIED_VALUE + i]
        gone = w[n.DISPLACED + i] / qa
        w[n.ALLIED_SHARE_KEPT + i] = 1.0 - gone if qa > 0.0 else 1.0
        leak = w[n.LEAK_B + i] * w[n.ENFORCEMENT_FACTOR + i] * w[n.GREY_FLOW + i] * w[n.GREY_BOUGHT_SHARE + i]
        w[n.SWING_SHARE_KEPT + i] = 1.0 - min(1.0, leak)
    for i in range(LANES):
        keep = w[n.STOCK_KEPT_PER_STEP + i]
        units_o, units_l = o[n.OFFER_CHIPS + i], l[n.OFFER_CHIPS + i]
        grey, domestic = w[n.GREY_CHIPS + i], w[n.DOMESTIC_CHIPS + i]
        w[n.VALUE_STOCK_E + i] = keep * w[n.VALUE_STOCK_E + i] + w[n.VALUE_SOLD + i]
        w[n.VALUE_STOCK_G + i] = keep * w[n.VALUE_STOCK_G + i] + grey * x[n.FRONTIER_VALUE_C + i]
        w[n.VALUE_STOCK_D + i] = keep * w[n.VALUE_STOCK_D + i] + domestic * w[n.DOMESTIC_VALUE + i]
        for k in range(4):
            at = k * LANES + i
            bought = units_o * o[n.OFFER_PERFORMANCE + at] + units_l * l[n.OFFER_PERFORMANCE + at]
            exporter = keep * w[n.STOCK_E + at] + bought
            smuggled = keep * w[n.STOCK_G + at] + grey * x[n.FRONTIER_PERFORMANCE + at]
            own = keep * w[n.STOCK_D + at] + domestic * w[n.DOMESTIC_PERFORMANCE + at]
            swing = keep * w[n.STOCK_B + at] + a[n.SWING_PERFORMANCE + at] * w[n.SWING_SHARE_KEPT + i]
            before = w[n.STOCK_A + at]
            allied = keep * before + a[n.ALLIED_PERFORMANCE + at] * w[n.ALLIED_SHARE_KEPT + i]
            w[n.STOCK_E + at] = exporter
            w[n.STOCK_G + at] = smuggled
            w[n.STOCK_D + at] = own
            w[n.STOCK_B + at] = swing
            w[n.STOCK_A_BEFORE + at] = before
            w[n.STOCK_A + at] = allied
            total = max(exporter + smuggled + own + w[n.REMOTE_SHARE + i] * swing, 1e-9)
            w[n.STOCK_C + at] = total
            w[n.LN_STOCK_RATIO + at] = log(max(allied, 1e-9) / total)


@tile
def research(w, dt):
    """Domestic R&D, equation (16) [GUSD/year]."""
    for i in range(LANES):
        own = w[n.RD_SHARE + i] * w[n.DOMESTIC_REVENUE + i] / dt
        w[n.RESEARCH + i] = (own + w[n.RD_STATE + i]) * (1.0 + w[n.RD_DENIAL + i] * w[n.DENIAL + i])


@part(ROWS, ROWS)
def respond(w, x):
    """The buyer's response, equation (18); uses this step's capacity, price and index, so it comes before `advance`."""
    for i in range(LANES):
        foreign = w[n.VALUE_STOCK_E + i] + w[n.VALUE_STOCK_G + i]
        dependency = foreign / (foreign + w[n.VALUE_STOCK_D + i])
        offered = w[n.PLAN + i] > 0.0
        ratio = w[n.VALUE_OFFERED + i] / w[n.DOMESTIC_VALUE + i]
        ln_v = log(ratio if offered else 1.0)
        advantage = min(max(ln_v, -2.0), 2.0)
        supply = w[n.DOMESTIC_CAPACITY + i] * w[n.DOMESTIC_LIST_PRICE + i]
        self_made = min(2.0, supply / (x[n.ANNUAL_BUDGET_C + i] * w[n.BUDGET_FACTOR + i]))
        u = w[n.RESPONSE_LEVEL + i] + w[n.RESPONSE_DEPENDENCY + i] * (dependency - 0.5)
        u -= w[n.RESPONSE_ADVANTAGE + i] * advantage
        u += w[n.RESPONSE_SELF + i] * self_made
        target = w[n.RESPONSE_MAX + i] / (1.0 + exp(-u))
        delta = w[n.RESPONSE_SHARE_PER_STEP + i] * (target - w[n.BARRED + i])
        turned = (delta * w[n.RESPONSE_MOVE + i] < 0.0) & (abs(delta) > 0.01)
        turns = w[n.RESPONSE_TURNS + i]
        more = turns + 1.0 if turned else 0.0
        w[n.RESPONSE_TURNS + i] = turns if turns >= 3.0 else more
        w[n.RESPONSE_MOVE + i] = delta
        w[n.BARRED + i] += delta


@part(ROWS, ROWS, WHOLE, REAL)
def advance(w, x, forget, dt):
    """Learning, specs, capacity, lock-in of the next step. forget 1: a domestic node begins."""
    for i in range(LANES):
        output = w[n.CUMULATIVE_OUTPUT + i] + w[n.DOMESTIC_CHIPS + i]
        w[n.CUMULATIVE_OUTPUT + i] = output * w[n.OUTPUT_REMEMBERED + i] if forget == 1 else output
        rd = w[n.RESEARCH + i]
        rate = 1.0 + w[n.DOMESTIC_GROWTH + i] + w[n.DOMESTIC_GROWTH_RD + i] * rd / (rd + w[n.RD_HALF + i])
        growth = power(rate, dt)
        w[n.DOMESTIC_COMPUTE + i] = min(w[n.DOMESTIC_COMPUTE + i] * growth, x[n.NEXT_FRONTIER_COMPUTE + i])
        w[n.DOMESTIC_MEMORY + i] = min(w[n.DOMESTIC_MEMORY + i] * growth, x[n.NEXT_FRONTIER_MEMORY + i])
        w[n.DOMESTIC_INTERCONNECT + i] = min(
            w[n.DOMESTIC_INTERCONNECT + i] * growth, x[n.NEXT_FRONTIER_INTERCONNECT + i]
        )
        w[n.DOMESTIC_CAPACITY + i] = (
            w[n.DOMESTIC_CAPACITY + i] * w[n.CAPACITY_GROWTH_PER_STEP + i]
            + w[n.CAPACITY_INVESTMENT + i] * w[n.DOMESTIC_REVENUE + i]
        )
        foreign = w[n.VALUE_SOLD + i] + w[n.GREY_CHIPS + i] * x[n.FRONTIER_VALUE_C + i]
        mix = foreign / (foreign + w[n.DOMESTIC_CHIPS + i] * w[n.DOMESTIC_VALUE + i])
        w[n.LOCK_IN + i] += w[n.LOCK_IN_SHARE_PER_STEP + i] * (mix - w[n.LOCK_IN + i])
        w[n.PULLED_FORWARD_C + i] = w[n.SPENT_AHEAD + i]
        w[n.BUDGET_FACTOR + i] = w[n.BUDGET_FACTOR_NEXT + i]


@part(ROWS, ROWS, ROWS, ROWS)
def elastic_budget(w, x, o, l):
    """The factor of equation (17) on the next step's budget, into BUDGET_FACTOR_NEXT; 1 where the elasticity is 1."""
    elastic = 0
    for i in range(LANES):
        w[n.BUDGET_FACTOR_NEXT + i] = 1.0
        elastic += 1 if w[n.ONE_LESS_BUDGET_ELASTICITY + i] != 0.0 else 0
    if elastic > 0:
        for i in range(LANES):
            ln_index = 0.0
            for k in range(4):
                at = k * LANES + i
                pull = (
                    o[n.OFFER_REACH + i] * o[n.OFFER_ATTRACTION + at]
                    + l[n.OFFER_REACH + i] * l[n.OFFER_ATTRACTION + at]
                )
                ln_index -= w[n.MARKET_WEIGHTS + at] * log(
                    pull + w[n.DOMESTIC_ATTRACTION + at] + x[n.OUTSIDE_ATTRACTION + i]
                )
            ln_over = ln_index * w[n.INVERSE_SENSITIVITY + i] - log(x[n.REFERENCE_PRICE + i])
            factor = exp(w[n.ONE_LESS_BUDGET_ELASTICITY + i] * ln_over)
            w[n.BUDGET_FACTOR_NEXT + i] = min(max(factor, 0.2), 5.0)
