"""How C is served, what is believed, stocks and the next step's state: docs/model.md section 8, items 10, 12, 13."""

from __future__ import annotations

import numpy as np

from . import lanes as n
from ._jit import REAL, ROWS, inline, part, tile
from .lanes import LANES
from .rules import leak_through
from .sales import times
from .vecmath import exp, log, log1p, power


@part(ROWS, ROWS)
def open_state(w, q):
    """Scenario constants to the head of w, and the state at the start of a run from them."""
    for i in range(n.CONSTANTS_SIZE):
        w[i] = q[i]
    for i in range(LANES):
        w[n.LOCK_IN + i] = w[n.LOCK_IN_START + i]
        w[n.LOCK_IN_TARGET + i] = w[n.LOCK_IN_TARGET_START + i]
        w[n.LOCK_IN_TARGET_BEFORE + i] = w[n.LOCK_IN_TARGET_START + i]
        w[n.BUDGET_FACTOR + i] = 1.0
        w[n.BUDGET_TARGET + i] = 1.0
        w[n.BUDGET_TARGET_BEFORE + i] = 1.0
        w[n.DEBT + i] = 0.0
        w[n.WAFERS + i] = w[n.WAFERS_START + i]
        w[n.CUMULATIVE_WAFERS + i] = 0.0
        w[n.AI_WAFERS + i] = w[n.AI_WAFERS_START + i]
        w[n.STACKS + i] = w[n.STACKS_START + i]
        w[n.STACK_BANK + i] = w[n.STACK_BANK_START + i]
        w[n.DIE_BANK + i] = w[n.DIE_BANK_START + i]
        w[n.DOMESTIC_COMPUTE + i] = w[n.DOMESTIC_COMPUTE_START + i]
        w[n.DOMESTIC_MEMORY + i] = w[n.DOMESTIC_MEMORY_START + i]
        w[n.DOMESTIC_INTERCONNECT + i] = w[n.DOMESTIC_INTERCONNECT_START + i]
        w[n.DIE_STEP + i] = w[n.DIE_STEP_START + i]
        w[n.STACK_STEP + i] = w[n.STACK_STEP_START + i]
        w[n.CUMULATIVE_OUTPUT + i] = w[n.OUTPUT_START + i]
        w[n.DOMESTIC_SOLD + i] = w[n.SOLD_START + i]
        w[n.DOMESTIC_MADE_BEFORE + i] = -1.0  # no step before
        w[n.WATTS_PER_DOLLAR + i] = -1.0
        w[n.POWER_USED + i] = w[n.POWER_USED_C_START + i]
        w[n.POWER_RATION + i] = 1.0
        w[n.PREMIUM + i] = 1.0
        w[n.LN_EFFICIENCY + i] = 0.0
        w[n.VALUE_STOCK_E + i] = w[n.VALUE_STOCK_E_START + i]
        w[n.VALUE_STOCK_G + i] = w[n.VALUE_STOCK_G_START + i]
        w[n.VALUE_STOCK_D + i] = w[n.VALUE_STOCK_D_START + i]
    for k in range(4):
        for i in range(LANES):
            at = k * LANES + i
            w[n.BELIEF + at] = w[n.BELIEF_START + i]
            w[n.BELIEF_TARGET + at] = w[n.BELIEF_START + i]
            w[n.BELIEF_TARGET_BEFORE + at] = w[n.BELIEF_START + i]
    for i in range(4 * LANES):
        w[n.BARRED_PROBABILITY + i] = w[n.BARRED_PROBABILITY_START + i]
        w[n.STOCK_A + i] = w[n.STOCK_A_START + i]
        w[n.STOCK_B + i] = w[n.STOCK_B_START + i]
        w[n.STOCK_E + i] = w[n.STOCK_E_START + i]
        w[n.STOCK_G + i] = w[n.STOCK_G_START + i]
        w[n.STOCK_D + i] = w[n.STOCK_D_START + i]
        w[n.MARKET_WEIGHTS + i] = w[n.VALUE_WEIGHTS_C + i]
    _compare_stocks(w)


@tile
def open_grey(w, v):
    """Chips smuggled before the first step, under its enforcement: the table of section 8."""
    for i in range(LANES):
        w[n.GREY_BEFORE + i] = w[n.GREY_BEFORE_START + i] * leak_through(w, v, i)


@inline
def _compare_stocks(w):
    """C's stock, and lambda of equation (45)."""
    for k in range(4):
        for i in range(LANES):
            at = k * LANES + i
            own = w[n.STOCK_E + at] + w[n.STOCK_G + at] + w[n.STOCK_D + at]
            total = own + w[n.REMOTE_SHARE + i] * w[n.STOCK_B + at]
            w[n.STOCK_C + at] = total
            ratio = max(w[n.STOCK_A + at], 1e-9) / max(total, 1e-9)
            w[n.LN_LEAD + at] = log(ratio) - w[n.LN_EFFICIENCY + i]


@part(ROWS, ROWS, ROWS, ROWS)
def serve(w, x, o, l):
    """How C is served, its share of the gain from trade, and domestic research: equations (37), (38) and (41)."""
    for i in range(LANES):
        w[n.SERVED + i] = 0.0
        w[n.ACCESS + i] = 0.0
    for k in range(4):
        for i in range(LANES):
            at = k * LANES + i
            none = w[n.SERVED_SHARE + i] * w[n.DOMESTIC_ATTRACTION + at] + x[n.OUTSIDE_ATTRACTION + i]
            lawful = o[n.OFFER_MASS + i] * o[n.OFFER_ATTRACTION + at] + l[n.OFFER_MASS + i] * l[n.OFFER_ATTRACTION + at]
            # As logarithms of ratios to `none`, which keep their digits where C gains little from trade.
            ln_with, ln_free = log1p(lawful / none), log1p(w[n.FRONTIER_ATTRACTION + at] / none)
            access = min(ln_with / ln_free, 1.0)
            weight = w[n.VALUE_WEIGHTS_C + at]
            w[n.ACCESS_BY_WORKLOAD + at] = access
            w[n.ACCESS + i] += weight * access
            w[n.SERVED + i] += weight * (ln_with - ln_free)
    for i in range(LANES):
        w[n.SERVED + i] = min(1.0, exp(w[n.SERVED + i] * w[n.INVERSE_SENSITIVITY + i]))
        own = w[n.RD_SHARE + i] * w[n.DOMESTIC_REVENUE + i] + w[n.RD_STATE + i]
        w[n.RESEARCH + i] = own * (1.0 + w[n.RD_DENIAL + i] * (1.0 - w[n.BELIEF_MEAN + i]))


@part(ROWS, ROWS, ROWS, REAL, ROWS, ROWS)
def displace(w, x, a, dt, o, l):
    """Frontier chips of A that sales to C displace, the lump's apart; what is left of A's purchases."""
    for i in range(LANES):
        # delta_X l_j = diverts c_j / p_A, by equation (13).
        load_o = o[n.OFFER_DIVERTS + i] * o[n.OFFER_UNIT_COST + i] / x[n.ALLIED_PRICE + i]
        load_l = l[n.OFFER_DIVERTS + i] * l[n.OFFER_UNIT_COST + i] / x[n.ALLIED_PRICE + i]
        flow = times(o[n.OFFER_CHIPS + i], load_o) + times(l[n.OFFER_CHIPS + i], load_l)
        lump = times(o[n.OFFER_AHEAD + i], load_o) + times(l[n.OFFER_AHEAD + i], load_l)
        bought = a[n.ALLIED_CHIPS + i]
        displaced = min(bought, flow)
        w[n.DISPLACED + i] = displaced
        w[n.DISPLACED_AHEAD + i] = lump
        w[n.ALLIED_KEPT + i] = max(bought - displaced - lump / dt, 0.0)


@part(ROWS, ROWS, ROWS, REAL, ROWS, ROWS)
def purchase(w, x, a, dt, o, l):
    """Purchases into stocks by equation (2), power, and induced efficiency, equation (43): item 12."""
    for i in range(LANES):
        keep, gain = w[n.STOCK_KEPT + i], w[n.STOCK_GAINED + i]
        chips_o, chips_l = o[n.OFFER_CHIPS + i], l[n.OFFER_CHIPS + i]
        all_o, all_l = chips_o + o[n.OFFER_AHEAD + i] / dt, chips_l + l[n.OFFER_AHEAD + i] / dt
        grey, own = w[n.GREY_CHIPS + i], w[n.DOMESTIC_CHIPS + i]
        value = times(all_o, o[n.OFFER_VALUE + i]) + times(all_l, l[n.OFFER_VALUE + i])
        w[n.VALUE_SOLD + i] = value * dt
        w[n.VALUE_STOCK_E + i] = keep * w[n.VALUE_STOCK_E + i] + gain * value
        w[n.VALUE_STOCK_G + i] = keep * w[n.VALUE_STOCK_G + i] + gain * grey * x[n.FRONTIER_VALUE_C + i]
        w[n.VALUE_STOCK_D + i] = keep * w[n.VALUE_STOCK_D + i] + gain * own * w[n.DOMESTIC_VALUE + i]
        watts = x[n.FRONTIER_WATTS + i]
        drawn = watts * (_draw(o, x, i, chips_o) + _draw(l, x, i, chips_l) + grey) + own * w[n.DOMESTIC_WATTS + i]
        w[n.POWER_USED + i] = keep * w[n.POWER_USED + i] + gain * drawn
        spent = 0.0
        for k in range(4):
            at = k * LANES + i
            spent += w[n.EXPORTER_SPENDING + at] + w[n.GREY_SPENDING + at] + w[n.DOMESTIC_SPENDING + at]
        before = w[n.WATTS_PER_DOLLAR + i]
        w[n.ALL_SPENDING + i] = spent
        w[n.WATTS_PER_DOLLAR + i] = drawn / spent if spent > 0.0 else before
        w[n.LN_EFFICIENCY + i] += w[n.EFFICIENCY_RESPONSE + i] * (1.0 - w[n.SERVED + i]) * dt
    for k in range(4):
        for i in range(LANES):
            at = k * LANES + i
            keep, gain, curvature = w[n.STOCK_KEPT + i], w[n.STOCK_GAINED + i], x[n.STOCK_CURVATURE + i]
            all_o = o[n.OFFER_CHIPS + i] + o[n.OFFER_AHEAD + i] / dt
            all_l = l[n.OFFER_CHIPS + i] + l[n.OFFER_AHEAD + i] / dt
            bought = times(all_o, o[n.OFFER_PERFORMANCE + at]) + times(all_l, l[n.OFFER_PERFORMANCE + at])
            leak = min(1.0, w[n.LEAK_B + i] * w[n.PASSED_ON + i] * w[n.GREY_FLOW + i])
            allied = curvature * w[n.ALLIED_KEPT + i] * a[n.ALLIED_DESIGN + at]
            swing = curvature * a[n.SWING_PERFORMANCE + at] * (1.0 - leak)
            smuggled = w[n.GREY_CHIPS + i] * x[n.FRONTIER_PERFORMANCE + at]
            own = w[n.DOMESTIC_CHIPS + i] * w[n.DOMESTIC_PERFORMANCE + at]
            w[n.STOCK_A + at] = keep * w[n.STOCK_A + at] + gain * allied
            w[n.STOCK_B + at] = keep * w[n.STOCK_B + at] + gain * swing
            w[n.STOCK_E + at] = keep * w[n.STOCK_E + at] + gain * bought
            w[n.STOCK_G + at] = keep * w[n.STOCK_G + at] + gain * smuggled
            w[n.STOCK_D + at] = keep * w[n.STOCK_D + at] + gain * own
            w[n.LN_LEAD_BEFORE + at] = w[n.LN_LEAD + at]
    _compare_stocks(w)


@inline
def _draw(j, x, i, chips):
    """Power of an offer's chips over that of the frontier chip."""
    return chips * np.sqrt(j[n.OFFER_COMPUTE + i] / x[n.FRONTIER_COMPUTE + i]) if chips > 0.0 else 0.0


@part(ROWS, REAL)
def advance(w, dt):
    """Targets of beliefs, lock-in and budget, the states that follow them by equation (4), debt by equation (44)."""
    for i in range(LANES):
        # A belief in an announced schedule counts for as long as an investor looks ahead.
        far = w[n.YEARS_LEFT + i] * w[n.INVERSE_INVESTMENT_LIFE + i]
        shift = w[n.CREDIBILITY + i] * exp(-far) * (w[n.LEAVES_OPEN_NEXT + i] - w[n.LEAVES_OPEN + i])
        for k in range(4):
            at = k * LANES + i
            target = min(max(w[n.ACCESS_BY_WORKLOAD + at] + shift, 0.0), 1.0)
            w[n.BELIEF_TARGET_BEFORE + at] = w[n.BELIEF_TARGET + at]
            w[n.BELIEF_TARGET + at] = target
            w[n.BELIEF + at] = target + (w[n.BELIEF + at] - target) * w[n.BELIEF_LEFT + i]
    for i in range(LANES):
        foreign = (w[n.ALL_SPENDING + i] - w[n.DOMESTIC_REVENUE + i]) / max(w[n.ALL_SPENDING + i], 1e-300)
        weight = w[n.BELIEF_WEIGHT + i]
        target = (1.0 - weight) * foreign + weight * w[n.BELIEF_MEAN + i]  # equation (39)
        w[n.LOCK_IN_TARGET_BEFORE + i] = w[n.LOCK_IN_TARGET + i]
        w[n.LOCK_IN_TARGET + i] = target
        w[n.LOCK_IN + i] = target + (w[n.LOCK_IN + i] - target) * w[n.LOCK_IN_LEFT + i]
        target = power(w[n.SERVED + i], w[n.BUDGET_EXPONENT + i])  # equation (40)
        w[n.BUDGET_TARGET_BEFORE + i] = w[n.BUDGET_TARGET + i]
        w[n.BUDGET_TARGET + i] = target
        w[n.BUDGET_FACTOR + i] = target + (w[n.BUDGET_FACTOR + i] - target) * w[n.BUDGET_LEFT_STEP + i]
        w[n.DEBT + i] = w[n.DEBT + i] - w[n.REPAID + i] * dt + w[n.SPENT_AHEAD + i]
        w[n.GREY_BEFORE + i] = w[n.GREY_CHIPS + i]


@part(ROWS, ROWS)
def remember_premium(w, x):
    """The premium that the next step's government sees, item 13."""
    for i in range(LANES):
        w[n.PREMIUM + i] = min(max(w[n.GREY_PRICE + i] / x[n.ALLIED_PRICE + i], 1.0), 3.0)
