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
    a : float64[n_allied, n_tiles, n_steps, A_SIZE], filled
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
                book(w, v, x[place, t], np.int64(n.X_BB_NEXT), dt, o, l)
                _sell_b(w, a[row, place, t], o, l)


@tile
def _open(w, q):
    for i in range(n.Q_SIZE):
        w[i] = q[i]
    for i in range(4 * LANES):
        w[n.M_OMEGA + i] = w[n.Q_OMEGA_A + i]
    for i in range(LANES):
        w[n.Z_PULLED_B + i] = 0.0


@tile
def _buy_a(w, x, a):
    for i in range(LANES):
        value = w[n.K_NOW + i]
        chips = x[n.X_NA + i] / x[n.X_FVA + i]
        chips = chips if value > 0.0 else 0.0
        a[n.A_NA + i] = chips
        a[n.A_QA + i] = chips * value
        for k in range(4):
            a[n.A_FA + k * LANES + i] = chips * w[n.G_W + k * LANES + i]


@tile
def _open_b(w, x, a, dt):
    for i in range(LANES):
        budget = x[n.X_BB + i] * dt - w[n.Z_PULLED_B + i]
        w[n.M_LNA + i] = w[n.Q_ATT_E + i]
        w[n.T_NETBASE + i] = 1.0
        w[n.C_ELASTIC + i] = 1.0
        w[n.T_NA + i] = a[n.A_NA + i]
        w[n.T_NB + i] = 0.0
        for k in range(4):
            at = k * LANES + i
            w[n.M_B + at] = w[n.M_OMEGA + at] * budget
            w[n.M_R + at] = x[n.X_A0 + i]


@tile
def _settle_b(w, o, l):
    """Units and prices of the plan as chosen: there is no domestic supply to ration."""
    for i in range(LANES):
        alone = w[n.P_PLAN + i] == 2.0
        star, limit = l[n.J_NSTAR + i], l[n.J_N + i]
        star_p, clear_p = l[n.J_L + i], l[n.J_LB + i]
        chips = min(star, limit) if alone else star
        ln_price = clear_p if alone else star_p
        reach_o, reach_l = o[n.J_REACH + i], l[n.J_REACH + i]
        price_o, price_l = exp(o[n.J_L + i]), exp(ln_price)
        o[n.J_UNITS + i] = reach_o * o[n.J_NSTAR + i]
        l[n.J_UNITS + i] = reach_l * chips
        o[n.J_PRICE + i] = price_o if reach_o > 0.0 else 0.0
        l[n.J_PRICE + i] = price_l if reach_l > 0.0 else 0.0


@tile
def _sell_b(w, a, o, l):
    for i in range(LANES):
        w[n.Z_PULLED_B + i] = w[n.K_PULLED + i]
        units_o, units_l = o[n.J_UNITS + i], l[n.J_UNITS + i]
        a[n.A_NB + i] = units_o + units_l
        a[n.A_QB + i] = units_o * o[n.J_V + i] + units_l * l[n.J_V + i]
        a[n.A_SALES_B + i] = w[n.K_GROSS + i]
        a[n.A_NET_B + i] = w[n.K_NETREV + i]
        a[n.A_TAKE_B + i] = w[n.K_TAKE + i]
        for k in range(4):
            at = k * LANES + i
            a[n.A_FB + at] = units_o * o[n.J_W + at] + units_l * l[n.J_W + at]
