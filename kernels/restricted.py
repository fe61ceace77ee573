"""Group C in one step, from its own chip to the last ration pass: docs/model.md section 8, items 1 to 5."""

from __future__ import annotations

import numpy as np

from . import lanes as n
from ._jit import REAL, ROWS, WHOLE, glue, part, tile
from .compliance import index_lane, perform
from .lanes import LANES
from .prices import CLOSE, solve_clearing, solve_markup, spend
from .vecmath import exp, log, power

PASSES = 4


@part(ROWS, ROWS, WHOLE)
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
        w[n.C_CD + i] = cost
        w[n.C_PD0 + i] = cost * w[n.Q_DMARK + i]
    for i in range(LANES):
        ln_price = log(w[n.C_PD0 + i])
        tilt = w[n.Q_NU + i] * (w[n.Z_L + i] - 0.5)
        w[n.M_LNA + i] = w[n.Q_ATT_E + i] + tilt
        w[n.S_Y + i] = w[n.Q_ATT_D + i] - tilt - w[n.Q_BETA + i] * ln_price
    for k in range(4):
        for i in range(LANES):
            at = k * LANES + i
            f = w[n.D_W + at] * x[n.X_SOFT + at]
            w[n.C_FD + at] = f
            w[n.C_AD + at] = w[n.S_Y + i] + w[n.Q_BETA + i] * log(f)
    for i in range(4 * LANES):
        w[n.C_AD + i] = exp(w[n.C_AD + i])
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


@part(ROWS, ROWS, ROWS)
def _supply_grey(w, x, a):
    for i in range(LANES):
        offered = w[n.P_PLAN + i] > 0.0
        denial = 1.0 - min(1.0, w[n.P_VE + i] / x[n.X_FVC + i]) if offered else 1.0
        w[n.P_DENIAL + i] = denial
        flow = w[n.Q_GFLOOR + i] + (1.0 - w[n.Q_GFLOOR + i]) * denial
        w[n.C_FLOW + i] = flow
        source = x[n.X_GREY + i] + w[n.Q_LEAK_B + i] * a[n.A_QB + i] + w[n.Q_LEAK_A + i] * a[n.A_QA + i]
        supply = source * w[n.Q_ENF + i] * flow / x[n.X_FVC + i]
        w[n.C_NG + i] = supply if w[n.Q_ATT_G + i] > 0.0 else 0.0
    for i in range(LANES):
        w[n.S_Y + i] = w[n.M_LNA + i] + log(w[n.Q_ATT_G + i] if w[n.Q_ATT_G + i] > 0.0 else 1.0)
    for k in range(4):
        for i in range(LANES):
            at = k * LANES + i
            pull = exp(w[n.S_Y + i] + w[n.Q_BETA + i] * x[n.X_LNFW + at])
            w[n.S_G + at] = pull * w[n.M_RR + at]
            w[n.S_B + at] = w[n.C_B0 + at]


@part(ROWS, ROWS)
def _price_under_ceiling(w, x):
    """Where supply exceeds demand at the ceiling, ask for the clearing price below it."""
    for i in range(LANES):
        w[n.S_L + i] = log(w[n.Q_OUTSIDE + i] * x[n.X_PRICE + i] * x[n.X_FVC + i])
    spend(w)
    below = 0
    for i in range(LANES):
        demand = w[n.S_1 + i] / (w[n.Q_OUTSIDE + i] * x[n.X_PRICE + i] * x[n.X_FVC + i])
        supply = w[n.C_NG + i]
        on = supply > demand
        w[n.S_1 + i] = demand
        w[n.S_2 + i] = supply if on else 1.0
        w[n.S_ON + i] = 1.0 if on else 0.0
        below += 1 if on else 0
    if below > 0:
        for i in range(LANES):
            # Demand falls at least as fast as 1/price: this price sells at least the supply.
            ceiling = w[n.S_L + i]
            ln_supply = log(w[n.S_2 + i])
            start = ceiling - (ln_supply - log(w[n.S_1 + i]))
            w[n.S_LNN + i] = ln_supply
            w[n.S_LO + i] = start
            w[n.S_L + i] = start if w[n.S_ON + i] > 0.0 else ceiling
    return below


@part(ROWS)
def _buy_grey(w):
    spend(w)
    for i in range(LANES):
        w[n.C_PG + i] = exp(w[n.S_L + i])
    for i in range(LANES):
        price, supply = w[n.C_PG + i], w[n.C_NG + i]
        most = w[n.Q_GCAP + i] * w[n.C_BUDGET + i]
        capped = supply * price > most
        chips = most / price if capped else supply
        w[n.C_GCAPPED + i] = 1.0 if capped else 0.0
        w[n.C_BOUGHT + i] = chips / supply if supply > 0.0 else 1.0
        w[n.C_NG + i] = chips
        w[n.S_2 + i] = chips * price / w[n.S_1 + i]
    for k in range(4):
        for i in range(LANES):
            at = k * LANES + i
            pull = w[n.S_G + at] * w[n.S_Y + i]
            spent = w[n.S_B + at] * (pull / (1.0 + pull)) * w[n.S_2 + i]
            w[n.C_GSPEND + at] = spent
            w[n.M_B + at] = w[n.C_B0 + at] - spent


@glue
def ration(w, v, x, dt, o, l):
    """Item 5: four passes of domestic rationing and exporter prices; then units, prices and spending."""
    _domestic_alone(w, x)
    for k in range(PASSES):
        _price_offer(w, x, k, o)
        _price_offer(w, x, k, l)
        _masses(w, v, o, l)
        _ration_domestic(w, x, dt, o, l)
    _units(w, dt, o, l)


@tile
def _domestic_alone(w, x):
    """D's share of spending where the exporter offers nothing, before rationing."""
    for k in range(4):
        for i in range(LANES):
            at = k * LANES + i
            w[n.C_SN + at] = w[n.C_AD + at] / (w[n.C_AD + at] + x[n.X_A0 + i])


@part(ROWS, ROWS, WHOLE, ROWS)
def _price_offer(w, x, k, j):
    """One offer's price against its rivals of pass k, and its attraction and share by workload."""
    if _set_desk(w, x, k, j) > 0:
        solve_markup(w, CLOSE)
        spend(w)
        if _limit(w, j) > 0:
            solve_clearing(w)
            spend(w)
    _read_desk(w, j)


@tile
def _set_desk(w, x, k, j):
    """The offer on the solver's desk; lanes that do not make it get a market that is solved already.

    Its rivals are, from the second pass on, what domestic makers served of the last pass's demand (12).
    """
    used = 0
    for i in range(LANES):
        on = j[n.J_REACH + i] > 0.0
        ln_cost, ln_price = j[n.J_LNC + i], j[n.J_L + i]
        w[n.S_ON + i] = 1.0 if on else 0.0
        w[n.S_LNC + i] = ln_cost if on else 0.0
        w[n.S_L + i] = ln_price if on else 1.0
        used += 1 if on else 0
    if used > 0:
        for i in range(4 * LANES):
            w[n.S_B + i] = w[n.M_B + i]
        if k == 0:
            for i in range(4 * LANES):
                w[n.S_G + i] = j[n.J_E + i] * w[n.M_RR + i]
        else:
            for at in range(4):
                for i in range(LANES):
                    row = at * LANES + i
                    z = j[n.J_Z + row]
                    w[n.S_G + row] = j[n.J_E + row] * (1.0 - z) / (x[n.X_A0 + i] + j[n.J_A + row] * z)
        for at in range(4):
            for i in range(LANES):
                w[n.S_G + at * LANES + i] = w[n.S_G + at * LANES + i] if w[n.S_ON + i] > 0.0 else 1.0
    return used


@tile
def _limit(w, j):
    """Plan b under its quota: where the monopoly price sells more than the licences, ask for the clearing price."""
    for i in range(LANES):
        w[n.S_2 + i] = exp(-w[n.S_L + i])
    binding = 0
    for i in range(LANES):
        on = j[n.J_REACH + i] > 0.0
        ln_price, old = w[n.S_L + i], j[n.J_L + i]
        # The next pass starts from the monopoly price, not from a clearing price.
        j[n.J_L + i] = ln_price if on else old
        per_buyer = j[n.J_N + i] / (1.0 - w[n.Z_R + i])
        over = on & (w[n.P_PLAN + i] == 2.0) & (w[n.S_1 + i] * w[n.S_2 + i] > per_buyer)
        w[n.S_2 + i] = per_buyer if over else 1.0
        w[n.S_ON + i] = 1.0 if over else 0.0
        binding += 1 if over else 0
    if binding > 0:
        for i in range(LANES):
            w[n.S_LNN + i] = log(w[n.S_2 + i])
            w[n.S_LO + i] = w[n.S_L + i]
    return binding


@tile
def _read_desk(w, j):
    for i in range(LANES):
        w[n.S_2 + i] = exp(w[n.S_L + i])
    for i in range(LANES):
        on = j[n.J_REACH + i] > 0.0
        price = w[n.S_2 + i]
        j[n.J_PRICE + i] = price if on else 0.0
        j[n.J_NSTAR + i] = w[n.S_1 + i] / price if on else 0.0
    for k in range(4):
        for i in range(LANES):
            at = k * LANES + i
            on = j[n.J_REACH + i] > 0.0
            pull = w[n.S_G + at] * w[n.S_Y + i]
            a, s = j[n.J_E + at] * w[n.S_Y + i], pull / (1.0 + pull)
            j[n.J_A + at] = a if on else 0.0
            j[n.J_SHARE + at] = s if on else 0.0


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


@part(ROWS, ROWS, REAL, ROWS, ROWS)
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
            all_o, all_l = o[n.J_A + at] + ad + a0, l[n.J_A + at] + ad + a0
            both = ad / (all_o * all_l)
            share_o, share_l = both * all_l, both * all_o
            o[n.J_Z + at] = share_o
            l[n.J_Z + at] = share_l
            latent += w[n.M_B + at] * (m_l * share_l + m_o * share_o + m_n * w[n.C_SN + at])
        w[n.S_2 + i] = latent / (w[n.C_PD0 + i] * w[n.Z_S + i] * dt)
    for i in range(LANES):
        w[n.S_3 + i] = power(max(1.0, w[n.S_2 + i]), w[n.Q_XI + i])
    for i in range(LANES):
        ratio, rent = w[n.S_2 + i], w[n.S_3 + i]
        square = ratio * ratio
        rationed = 1.0 / np.sqrt(np.sqrt(1.0 + square * square))
        w[n.C_K + i] = min(1.0, rationed * rent)
        w[n.C_PD + i] = w[n.C_PD0 + i] * rent
    for k in range(4):
        for i in range(LANES):
            at = k * LANES + i
            o[n.J_Z + at] *= w[n.C_K + i]
            l[n.J_Z + at] *= w[n.C_K + i]
            w[n.C_ZN + at] = w[n.C_SN + at] * w[n.C_K + i]


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
