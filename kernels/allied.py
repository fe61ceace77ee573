"""Groups A and B: docs/model.md sections 6 and 7.

Neither depends on what C does in the same run, so they are computed once for every allied policy and shared by all
policies that differ in C alone.
"""

from __future__ import annotations

import numpy as np

from . import lanes as n
from ._jit import kernel, tile
from .compliance import best_admitted, load_levers, scale_caps
from .lanes import LANES
from .market import find_offers
from .sales import book, tightening
from .vecmath import exp


@kernel
def fill_allied(
    first_row, last_row, first_tile, last_tile, levers, policies, phase, steps_per_year, catalogue, exponent, q, x, a
):  # fmt: skip
    """Purchases of A and B for a range of allied policies and of scenario tiles.

    levers : LEVERS[n_policies, n_phases]
    policies : int64[n_allied, LANES], the row of levers each lane obeys
    phase : int64[n_steps], the column of levers in force
    q, x : constants and paths of the scenario tiles
    a : float64[n_allied, n_tiles, n_steps, ALLIED_SIZE], filled
    """
    w, v, o, l = n.work_space()
    dt = 1.0 / steps_per_year
    for row in range(first_row, last_row):
        for place in range(first_tile, last_tile):
            _open(w, q[place])
            since = 0
            for t in range(phase.size):
                since = 0 if t == 0 or phase[t] != phase[t - 1] else since + 1
                load_levers(levers, phase[t], policies[row], np.int64(0), v)
                scale_caps(v, t * dt, since, dt)
                best_admitted(w, v, x[place, t], x[place, t], catalogue, exponent, np.int64(0))
                _buy_a(w, x[place, t], a[row, place, t])
                load_levers(levers, phase[t], policies[row], np.int64(1), v)
                scale_caps(v, t * dt, since, dt)
                tightening(levers, policies[row], np.int64(1), phase, t, since, dt, catalogue, exponent, x[place], w, v)
                _open_b(w, x[place, t], a[row, place, t], dt)
                find_offers(w, v, x[place, t], dt, catalogue, exponent, o, l)
                _settle_b(w, o, l)
                book(w, v, x[place, t], np.int64(n.ANNUAL_BUDGET_B_NEXT), dt, o, l)
                _sell_b(w, a[row, place, t], o, l)


@tile
def _open(w, q):
    for i in range(n.CONSTANTS_SIZE):
        w[i] = q[i]
    for i in range(4 * LANES):
        w[n.MARKET_WEIGHTS + i] = w[n.VALUE_WEIGHTS_A + i]
    for i in range(LANES):
        w[n.PULLED_FORWARD_B + i] = 0.0


@tile
def _buy_a(w, x, a):
    for i in range(LANES):
        value = w[n.BEST_ADMITTED_VALUE + i]
        chips = x[n.DEMAND_A + i] / x[n.FRONTIER_VALUE_A + i]
        chips = chips if value > 0.0 else 0.0
        a[n.ALLIED_CHIPS + i] = chips
        a[n.ALLIED_VALUE + i] = chips * value
        for k in range(4):
            a[n.ALLIED_PERFORMANCE + k * LANES + i] = chips * w[n.BEST_ADMITTED_PERFORMANCE + k * LANES + i]


@tile
def _open_b(w, x, a, dt):
    for i in range(LANES):
        budget = x[n.ANNUAL_BUDGET_B + i] * dt - w[n.PULLED_FORWARD_B + i]
        w[n.LN_EXPORTER_ATTRACTION + i] = w[n.LN_ATTRACTION_E + i]
        w[n.NET_OF_TARIFF + i] = 1.0
        w[n.BUDGET_FACTOR_NEXT + i] = 1.0
        w[n.CHIPS_OF_A + i] = a[n.ALLIED_CHIPS + i]
        w[n.CHIPS_OF_B + i] = 0.0
        for k in range(4):
            at = k * LANES + i
            w[n.REACHABLE_BUDGET + at] = w[n.MARKET_WEIGHTS + at] * budget
            w[n.RIVALS_ATTRACTION + at] = x[n.OUTSIDE_ATTRACTION + i]


@tile
def _settle_b(w, o, l):
    """Units and prices of the plan as chosen: there is no domestic supply to ration."""
    for i in range(LANES):
        alone = w[n.PLAN + i] == 2.0
        star, limit = l[n.OFFER_CHIPS_IF_ALL + i], l[n.OFFER_QUOTA + i]
        star_p, clear_p = l[n.OFFER_LN_PRICE + i], l[n.OFFER_LN_QUOTA_PRICE + i]
        chips = min(star, limit) if alone else star
        ln_price = clear_p if alone else star_p
        reach_o, reach_l = o[n.OFFER_REACH + i], l[n.OFFER_REACH + i]
        price_o, price_l = exp(o[n.OFFER_LN_PRICE + i]), exp(ln_price)
        o[n.OFFER_CHIPS + i] = reach_o * o[n.OFFER_CHIPS_IF_ALL + i]
        l[n.OFFER_CHIPS + i] = reach_l * chips
        o[n.OFFER_PRICE + i] = price_o if reach_o > 0.0 else 0.0
        l[n.OFFER_PRICE + i] = price_l if reach_l > 0.0 else 0.0


@tile
def _sell_b(w, a, o, l):
    for i in range(LANES):
        w[n.PULLED_FORWARD_B + i] = w[n.SPENT_AHEAD + i]
        units_o, units_l = o[n.OFFER_CHIPS + i], l[n.OFFER_CHIPS + i]
        a[n.SWING_CHIPS + i] = units_o + units_l
        a[n.SWING_VALUE + i] = units_o * o[n.OFFER_VALUE + i] + units_l * l[n.OFFER_VALUE + i]
        a[n.SWING_GROSS_REVENUE + i] = w[n.GROSS_REVENUE + i]
        a[n.SWING_NET_REVENUE + i] = w[n.NET_REVENUE + i]
        a[n.SWING_GOVERNMENT_TAKE + i] = w[n.GOVERNMENT_TAKE + i]
        for k in range(4):
            at = k * LANES + i
            a[n.SWING_PERFORMANCE + at] = units_o * o[n.OFFER_PERFORMANCE + at] + units_l * l[n.OFFER_PERFORMANCE + at]
