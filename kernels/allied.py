"""Groups A and B: docs/model.md sections 6 and 7.

Neither depends on what C does in the same run, so they are computed once for every allied policy and shared by all
policies that differ in C alone.
"""

from __future__ import annotations

import numpy as np

from . import lanes as n
from ._jit import REAL, ROWS, glue, kernel, part, tile
from .designs import best_admitted
from .lanes import LANES
from .offers import find_offers
from .rules import load_levers, scale_caps
from .sales import book, times
from .tightening import look_ahead, next_step_of, nothing_ahead, pull_forward


@kernel
def fill_allied(part, policies, scenarios, purchases):
    """Purchases of A and B for a range of allied policies and of scenario tiles, written into ``purchases``.

    The first three arguments are bundles of :mod:`tiercap.kernels.arguments`.

    purchases : float64[n_allied, n_tiles, n_steps, ALLIED_SIZE]
    """
    w, v, o, l = n.work_space()
    dt = 1.0 / scenarios.steps_per_year
    phase = policies.phase
    for row in range(part.first_row, part.last_row):
        for place in range(part.first_tile, part.last_tile):
            _open(w, scenarios.constants[place])
            x = scenarios.paths[place]
            since = 0
            for t in range(phase.size):
                since = 0 if t == 0 or phase[t] != phase[t - 1] else since + 1
                a = purchases[row, place, t]
                _step(policies, policies.lanes[row], t, since, scenarios, dt, x[t], a, w, v, o, l)


@glue
def _step(policies, lanes, t, since, scenarios, dt, x, a, w, v, o, l):
    """Group A, then group B in one step."""
    levers, column, y = policies.levers, policies.phase[t], (t + 0.5) * dt
    load_levers(levers, column, lanes, np.int64(0), v)
    scale_caps(v, y, since, dt)
    best_admitted(w, v, x, scenarios.catalogue, scenarios.exponent, np.int64(0))
    _buy_a(w, x, a)
    load_levers(levers, column, lanes, np.int64(1), v)
    scale_caps(v, y, since, dt)
    later = next_step_of(policies.phase, t)
    changes = later == t + 1 and later < policies.phase.size
    if changes:
        look_ahead(policies, lanes, np.int64(1), t, later, since, scenarios, dt, x, w, v)
    _open_b(w, x, a)
    find_offers(w, v, x, scenarios.catalogue, scenarios.exponent, o, l)
    _settle_b(o, l)
    nothing_ahead(w, o, l)
    if changes:
        pull_forward(w, v, o, l)
    book(w, v, o, l)
    _sell_b(w, x, dt, a, o, l)


@tile
def _open(w, q):
    for i in range(n.CONSTANTS_SIZE):
        w[i] = q[i]
    for i in range(4 * LANES):
        w[n.MARKET_WEIGHTS + i] = w[n.VALUE_WEIGHTS_A + i]
    for i in range(LANES):
        w[n.POWER_USED_A + i] = w[n.POWER_USED_A_START + i]
        w[n.POWER_RATION_A + i] = 1.0
        w[n.DEBT_B + i] = 0.0


@tile
def _buy_a(w, x, a):
    """What A wants and what power lets it run: equations (16) and (17)."""
    for i in range(LANES):
        watts, power = x[n.FRONTIER_WATTS + i], x[n.POWER_A + i]
        want = x[n.SPENDING_A + i] / x[n.ALLIED_PRICE + i]  # equation (16)
        used = w[n.STOCK_KEPT_HALF + i] * w[n.POWER_USED_A + i]
        used += w[n.STOCK_GAINED_HALF + i] * want * watts * w[n.POWER_RATION_A + i]
        room = max((power - used * w[n.STOCK_KEPT_YEAR + i]) / w[n.STOCK_GAINED_YEAR + i], 0.05 * power)
        ratio = want * watts / room
        square = ratio * ratio
        ration = 1.0 / np.sqrt(np.sqrt(1.0 + square * square))  # equation (17)
        chips = want * ration if w[n.BEST_ADMITTED_VALUE + i] > 0.0 else 0.0
        w[n.POWER_RATION_A + i] = ration
        w[n.POWER_USED_A + i] = w[n.STOCK_KEPT + i] * w[n.POWER_USED_A + i] + w[n.STOCK_GAINED + i] * chips * watts
        a[n.ALLIED_CHIPS + i] = chips
        a[n.ALLIED_DESIGN_VALUE + i] = w[n.BEST_ADMITTED_VALUE + i]
        for k in range(4):
            at = k * LANES + i
            f = w[n.BEST_ADMITTED_PERFORMANCE + at]
            a[n.ALLIED_DESIGN + at] = f if chips > 0.0 else 0.0


@tile
def _open_b(w, x, a):
    for i in range(LANES):
        annual = x[n.ANNUAL_BUDGET_B + i]
        repaid = min(w[n.DEBT_B + i] * w[n.REPAID_SHARE + i], 0.5 * annual)
        w[n.REPAID + i] = repaid
        w[n.BUDGET_PLANNED + i] = annual
        w[n.LN_EXPORTER_ATTRACTION + i] = w[n.LN_ATTRACTION_E + i]
        w[n.NET_OF_TARIFF + i] = 1.0
        w[n.TARIFF_FACTOR + i] = 1.0
        w[n.CAPACITY_BINDS + i] = 0.0
        w[n.CHIPS_OF_A + i] = a[n.ALLIED_CHIPS + i]
        w[n.CHIPS_OF_B + i] = 0.0
        for k in range(4):
            at = k * LANES + i
            w[n.REACHABLE_BUDGET + at] = w[n.MARKET_WEIGHTS + at] * (annual - repaid)
            w[n.RIVALS_ATTRACTION + at] = x[n.OUTSIDE_ATTRACTION + i]


@tile
def _settle_b(o, l):
    """Units of the plan as chosen: there is no domestic supply to ration."""
    for i in range(LANES):
        reach_o, reach_l = o[n.OFFER_REACH + i], l[n.OFFER_REACH + i]
        all_o, all_l = o[n.OFFER_CHIPS_IF_ALL + i], l[n.OFFER_CHIPS_IF_ALL + i]
        o[n.OFFER_CHIPS + i] = reach_o * all_o if reach_o > 0.0 else 0.0
        l[n.OFFER_CHIPS + i] = reach_l * all_l if reach_l > 0.0 else 0.0


@part(ROWS, ROWS, REAL, ROWS, ROWS, ROWS)
def _sell_b(w, x, dt, a, o, l):
    for i in range(LANES):
        w[n.DEBT_B + i] = w[n.DEBT_B + i] - w[n.REPAID + i] * dt + w[n.SPENT_AHEAD + i]
        chips_o, chips_l = o[n.OFFER_CHIPS + i], l[n.OFFER_CHIPS + i]
        lump_o, lump_l = o[n.OFFER_AHEAD + i], l[n.OFFER_AHEAD + i]
        flow, end = x[n.DISCOUNT_FLOW + i], x[n.DISCOUNT_END + i]
        sales, take = w[n.SALES_FLOW + i], w[n.TAKE_FLOW + i]
        sales_ahead, take_ahead = w[n.SALES_LUMP + i], w[n.TAKE_LUMP + i]
        cost, lost = w[n.DESIGN_COST + i], w[n.WRITE_DOWNS + i]
        a[n.SWING_CHIPS + i] = chips_o + chips_l
        a[n.SWING_VALUE + i] = times(chips_o, o[n.OFFER_VALUE_A + i]) + times(chips_l, l[n.OFFER_VALUE_A + i])
        a[n.SWING_SALES + i] = sales * flow + sales_ahead * end
        a[n.SWING_TAKE + i] = take * flow + take_ahead * end
        a[n.SWING_DESIGN_COST + i] = cost * flow
        a[n.SWING_WRITE_DOWNS + i] = lost * end
        a[n.SWING_STEP_SALES + i] = sales * dt + sales_ahead
        a[n.SWING_STEP_TAKE + i] = take * dt + take_ahead
        a[n.SWING_STEP_NET + i] = (sales - take - cost) * dt + sales_ahead - take_ahead - lost
        a[n.SWING_STEP_CHIPS + i] = (chips_o + chips_l) * dt + lump_o + lump_l
        for k in range(4):
            at = k * LANES + i
            f_o, f_l = o[n.OFFER_PERFORMANCE + at], l[n.OFFER_PERFORMANCE + at]
            bought_o, bought_l = chips_o + lump_o / dt, chips_l + lump_l / dt
            a[n.SWING_PERFORMANCE + at] = times(bought_o, f_o) + times(bought_l, f_l)
