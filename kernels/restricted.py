"""Group C in one step, from its own chip to the last ration pass: docs/model.md section 8, items 1 to 5."""

from __future__ import annotations

import numpy as np

from . import lanes as n
from ._jit import glue, tile
from .compliance import index_lane, perform
from .lanes import LANES
from .market import sold, solve_clearing, solve_markup
from .vecmath import exp, log, power

PASSES = 4


@tile
def domestic_product(w, x, exponent):
    """The domestic chip: performance with its software, index, cost (10), attraction; M_LNA for the exporter."""
    for i in range(LANES):
        w[n.D_F + i] = w[n.Z_F + i]
        w[n.D_M + i] = w[n.Z_M + i]
        w[n.D_I + i] = w[n.Z_I + i]
    perform(w, x, exponent)
    for i in range(LANES):
        floor = w[n.Q_DFLOOR + i]
        learnt = power(w[n.Z_Z + i] * w[n.Q_RZ0 + i], w[n.Q_LEARN + i])
        cost = w[n.Q_DCOST + i] * (floor + (1.0 - floor) * learnt)
        price = cost * w[n.Q_DMARK + i]
        w[n.C_CD + i] = cost
        w[n.C_PD0 + i] = price
        ln_price = log(price)
        tilt = w[n.Q_NU + i] * (w[n.Z_L + i] - 0.5)
        w[n.M_LNA + i] = w[n.Q_ATT_E + i] + tilt
        for k in range(4):
            at = k * LANES + i
            f = w[n.D_W + at] * x[n.X_SOFT + at]
            w[n.C_FD + at] = f
            w[n.C_AD + at] = exp(w[n.Q_ATT_D + i] - tilt + w[n.Q_BETA + i] * (log(f) - ln_price))
    for i in range(LANES):
        w[n.C_VD + i] = index_lane(w, i, n.C_FD)


@tile
def open_market(w, x, a, dt):
    """Budgets of the step and the market the exporter's candidates meet before grey chips and rationing."""
    for i in range(LANES):
        imposed, free = x[n.X_BARRED + i], w[n.Z_R + i]
        w[n.Z_R + i] = imposed if imposed == imposed else free
        budget = x[n.X_BC + i] * dt * w[n.Z_ELASTIC + i] - w[n.Z_PULLED + i]
        w[n.C_BUDGET + i] = budget
        w[n.T_NETBASE + i] = w[n.Q_NET + i]
        w[n.T_NA + i] = a[n.A_NA + i]
        w[n.T_NB + i] = a[n.A_NB + i]
        for k in range(4):
            at = k * LANES + i
            b0 = w[n.M_OMEGA + at] * budget
            w[n.C_B0 + at] = b0
            w[n.M_B + at] = (1.0 - w[n.Z_R + i]) * b0
            w[n.M_R + at] = x[n.X_A0 + i] + w[n.C_AD + at]


@glue
def grey_market(w, x, a):
    """Smuggled chips: denial, supply (11), price under the ceiling, spending by workload; M_B becomes what is left."""
    _supply_grey(w, x, a)
    if _price_under_ceiling(w, x) > 0:
        solve_clearing(w)
    _buy_grey(w)


@tile
def _supply_grey(w, x, a):
    for i in range(LANES):
        offered = w[n.P_PLAN + i] > 0.0
        denial = 1.0 - min(1.0, w[n.P_VE + i] / x[n.X_FVC + i]) if offered else 1.0
        w[n.P_DENIAL + i] = denial
        flow = w[n.Q_GFLOOR + i] + (1.0 - w[n.Q_GFLOOR + i]) * denial
        w[n.C_FLOW + i] = flow
        source = x[n.X_GREY + i] + w[n.Q_LEAK_B + i] * a[n.A_QB + i] + w[n.Q_LEAK_A + i] * a[n.A_QA + i]
        supply = source * w[n.Q_ENF + i] * flow / x[n.X_FVC + i]
        supply = supply if w[n.Q_ATT_G + i] > 0.0 else 0.0
        w[n.C_NG + i] = supply
        ln_a = w[n.M_LNA + i] + log(w[n.Q_ATT_G + i] if w[n.Q_ATT_G + i] > 0.0 else 1.0)
        for k in range(4):
            at = k * LANES + i
            w[n.S_E + at] = exp(ln_a + w[n.Q_BETA + i] * x[n.X_LNFW + at])
            w[n.S_R + at] = w[n.M_R + at]
            w[n.S_B + at] = w[n.C_B0 + at]


@tile
def _price_under_ceiling(w, x):
    """Where supply exceeds demand at the ceiling, ask for the clearing price below it."""
    below = 0
    for i in range(LANES):
        ceiling = log(w[n.Q_OUTSIDE + i] * x[n.X_PRICE + i] * x[n.X_FVC + i])
        demand = sold(w, i, ceiling) * exp(-ceiling)
        supply = w[n.C_NG + i]
        on = supply > demand
        ln_supply = log(supply if on else 1.0)
        # Demand falls at least as fast as 1/price: this price sells at least the supply.
        start = ceiling - (ln_supply - log(demand)) if on else ceiling
        w[n.S_LNN + i] = ln_supply
        w[n.S_L + i] = start
        w[n.S_ON + i] = 1.0 if on else 0.0
        below += 1 if on else 0
    return below


@tile
def _buy_grey(w):
    for i in range(LANES):
        l = w[n.S_L + i]
        price = exp(l)
        y = exp(-w[n.Q_BETA + i] * l)
        supply = w[n.C_NG + i]
        most = w[n.Q_GCAP + i] * w[n.C_BUDGET + i]
        capped = supply * price > most
        chips = most / price if capped else supply
        w[n.C_GCAPPED + i] = 1.0 if capped else 0.0
        w[n.C_BOUGHT + i] = chips / supply if supply > 0.0 else 1.0
        w[n.C_NG + i] = chips
        w[n.C_PG + i] = price
        total = 0.0
        for k in range(4):
            at = k * LANES + i
            demand = w[n.S_E + at] * y
            demand = w[n.S_B + at] * (demand / (demand + w[n.S_R + at]))
            w[n.C_GSPEND + at] = demand
            total += demand
        scale = chips * price / total
        for k in range(4):
            at = k * LANES + i
            spent = w[n.C_GSPEND + at] * scale
            w[n.C_GSPEND + at] = spent
            w[n.M_B + at] = w[n.C_B0 + at] - spent


@glue
def ration(w, v, x, dt, o, l):
    """Item 5: four passes of domestic rationing and exporter prices; then units, prices and spending."""
    _first_rivals(w, o)
    _first_rivals(w, l)
    for _ in range(PASSES):
        _price_offer(w, o)
        _price_offer(w, l)
        _masses(w, v, o, l)
        _ration_domestic(w, x, dt, o, l)
        _rivals(x, o)
        _rivals(x, l)
    _units(w, dt, o, l)


@tile
def _price_offer(w, j):
    """One offer's price against its rivals of this pass, and its attraction and share by workload."""
    if _set_desk(w, j) > 0:
        solve_markup(w)
        if _limit(w, j) > 0:
            solve_clearing(w)
    _read_desk(w, j)


@tile
def _first_rivals(w, j):
    for i in range(4 * LANES):
        j[n.J_R + i] = w[n.M_R + i]


@tile
def _set_desk(w, j):
    used = 0
    for i in range(LANES):
        on = j[n.J_REACH + i] > 0.0
        ln_cost, ln_price = j[n.J_LNC + i], j[n.J_L + i]
        w[n.S_ON + i] = 1.0 if on else 0.0
        w[n.S_LNC + i] = ln_cost if on else 0.0
        w[n.S_L + i] = ln_price if on else 1.0
        for k in range(4):
            at = k * LANES + i
            e = j[n.J_E + at]
            w[n.S_E + at] = e if on else 1.0
            w[n.S_R + at] = j[n.J_R + at]
            w[n.S_B + at] = w[n.M_B + at]
        used += 1 if on else 0
    return used


@tile
def _limit(w, j):
    """Plan b under its quota: where the monopoly price sells more than the licences, ask for the clearing price."""
    binding = 0
    for i in range(LANES):
        on = j[n.J_REACH + i] > 0.0
        ln_price, old = w[n.S_L + i], j[n.J_L + i]
        # The next pass starts from the monopoly price, not from a clearing price.
        j[n.J_L + i] = ln_price if on else old
        reachable = 1.0 - w[n.Z_R + i]
        per_buyer = j[n.J_N + i] / reachable
        over = on & (w[n.P_PLAN + i] == 2.0) & (sold(w, i, ln_price) * exp(-ln_price) > per_buyer)
        w[n.S_LNN + i] = log(per_buyer if over else 1.0)
        w[n.S_ON + i] = 1.0 if over else 0.0
        binding += 1 if over else 0
    return binding


@tile
def _read_desk(w, j):
    for i in range(LANES):
        on = 1.0 if j[n.J_REACH + i] > 0.0 else 0.0
        ln_price = w[n.S_L + i]
        y = exp(-w[n.Q_BETA + i] * ln_price)
        price = exp(ln_price)
        spending = 0.0
        for k in range(4):
            at = k * LANES + i
            a = w[n.S_E + at] * y
            s = a / (a + w[n.S_R + at])
            j[n.J_A + at] = a * on
            j[n.J_SHARE + at] = s * on
            spending += w[n.S_B + at] * s
        j[n.J_PRICE + i] = price * on
        j[n.J_NSTAR + i] = spending / price * on


@tile
def _masses(w, v, o, l):
    """Reaches of plan c at this pass's prices, and the share of spending each offer meets."""
    for i in range(LANES):
        shared = w[n.P_PLAN + i] == 3.0
        reachable, avail = 1.0 - w[n.Z_R + i], v[n.V_AVAIL + i]
        old_o, old_l = o[n.J_REACH + i], l[n.J_REACH + i]
        stretch = min(avail, l[n.J_N + i] * avail / (reachable * l[n.J_NSTAR + i]))
        reach_l = stretch if shared else old_l
        reach_o = 1.0 - stretch if shared else old_o
        l[n.J_REACH + i] = reach_l
        o[n.J_REACH + i] = reach_o
        l[n.J_MASS + i] = reachable * reach_l
        o[n.J_MASS + i] = reachable * reach_o


@tile
def _ration_domestic(w, x, dt, o, l):
    """Latent domestic demand over supply, and the share of it that is served: equation (12)."""
    for i in range(LANES):
        m_o, m_l = o[n.J_MASS + i], l[n.J_MASS + i]
        m_n = 1.0 - m_l - m_o
        a0 = x[n.X_A0 + i]
        latent = 0.0
        for k in range(4):
            at = k * LANES + i
            ad = w[n.C_AD + at]
            share_o = ad / (o[n.J_A + at] + ad + a0)
            share_l = ad / (l[n.J_A + at] + ad + a0)
            share_n = ad / (ad + a0)
            o[n.J_Z + at] = share_o
            l[n.J_Z + at] = share_l
            w[n.C_ZN + at] = share_n
            latent += w[n.M_B + at] * (m_l * share_l + m_o * share_o + m_n * share_n)
        ratio = latent / (w[n.C_PD0 + i] * w[n.Z_S + i] * dt)
        square = ratio * ratio
        rationed = 1.0 / np.sqrt(np.sqrt(1.0 + square * square))
        rent = power(max(1.0, ratio), w[n.Q_XI + i])
        w[n.C_K + i] = min(1.0, rationed * rent)
        w[n.C_PD + i] = w[n.C_PD0 + i] * rent
    for i in range(LANES):
        served = w[n.C_K + i]
        for k in range(4):
            at = k * LANES + i
            o[n.J_Z + at] *= served
            l[n.J_Z + at] *= served
            w[n.C_ZN + at] *= served


@tile
def _rivals(x, j):
    for i in range(LANES):
        a0 = x[n.X_A0 + i]
        for k in range(4):
            at = k * LANES + i
            z = j[n.J_Z + at]
            j[n.J_R + at] = a0 + (j[n.J_A + at] + a0) * z / (1.0 - z)


@tile
def _units(w, dt, o, l):
    """Chips sold by both sides; domestic units never exceed the step's supply."""
    for i in range(LANES):
        m_o, m_l = o[n.J_MASS + i], l[n.J_MASS + i]
        m_n = 1.0 - m_l - m_o
        o[n.J_UNITS + i] = m_o * o[n.J_NSTAR + i]
        l[n.J_UNITS + i] = m_l * l[n.J_NSTAR + i]
        revenue = 0.0
        for k in range(4):
            at = k * LANES + i
            b = w[n.M_B + at]
            spent = b * (m_l * l[n.J_Z + at] + m_o * o[n.J_Z + at] + m_n * w[n.C_ZN + at])
            w[n.C_DSPEND + at] = spent
            w[n.C_ESPEND + at] = b * (m_l * l[n.J_SHARE + at] + m_o * o[n.J_SHARE + at])
            revenue += spent
        chips = revenue / w[n.C_PD + i]
        supply = w[n.Z_S + i] * dt
        ratio = supply / chips
        trim = ratio if chips > supply else 1.0
        w[n.C_ND + i] = chips * trim
        w[n.C_REVD + i] = revenue * trim
        for k in range(4):
            w[n.C_DSPEND + k * LANES + i] *= trim
