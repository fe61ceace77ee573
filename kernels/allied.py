"""Groups A and B: docs/model.md sections 6 and 7.

Neither depends on what C does in the same run, so they are computed once for every allied policy and shared by all
policies that differ in C alone.
"""

from __future__ import annotations

import numpy as np

from . import lanes as n
from ._jit import glue, kernel, tile
from .designs import best_admitted
from .lanes import LANES
from .offers import find_offers
from .rules import load_levers, scale_caps
from .sales import book
from .tightening import pull_forward, tightening
from .vecmath import exp


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
                _step(policies, policies.lanes[row], t, since, scenarios, dt, x, purchases[row, place, t], w, v, o, l)


@glue
def _step(policies, lanes, t, since, scenarios, dt, x, a, w, v, o, l):
    """Group A, then group B in one step."""
    levers, column = policies.levers, policies.phase[t]
    load_levers(levers, column, lanes, np.int64(0), v)
    scale_caps(v, t * dt, since, dt)
    best_admitted(w, v, x[t], x[t], scenarios.catalogue, scenarios.exponent, np.int64(0))
    _buy_a(w, x[t], a)
    load_levers(levers, column, lanes, np.int64(1), v)
    scale_caps(v, t * dt, since, dt)
    tightening(policies, lanes, np.int64(1), t, since, scenarios, dt, x, w, v)
    _open_b(w, x[t], a, dt)
    find_offers(w, v, x[t], dt, scenarios.catalogue, scenarios.exponent, o, l)
    _settle_b(w, o, l)
    pull_forward(w, v, x[t], np.int64(n.ANNUAL_BUDGET_B_NEXT), dt, o, l)
    book(w, v, o, l)
    _sell_b(w, a, o, l)


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
