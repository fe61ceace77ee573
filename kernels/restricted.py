"""The market of group C in one step: docs/model.md section 8, item 9.

Four passes find the exporter's prices, the rationing of domestic chips and the price of smuggled ones together.
"""

from __future__ import annotations

import numpy as np

from . import lanes as n
from ._jit import ROWS, WHOLE, glue, part, tile
from .lanes import LANES
from .prices import CLOSE, solve_markup, spend
from .vecmath import exp, log, power

PASSES = 4


@glue
def clear_market(w, v, x, a, o, l):
    """Item 9: passes, then units, prices and spending of everybody."""
    _open_grey(w, x, a)
    for k in range(PASSES):
        _grey_attraction(w)
        _price_offer(w, k, o)
        _price_offer(w, k, l)
        _masses(w, v, o, l)
        _ration(w, x, o, l)
    _settle(w, x, o, l)
    _withdraw(w, o)
    _withdraw(w, l)
    _spend_on_exporter(w, o, l)


@part(ROWS, ROWS, ROWS)
def _open_grey(w, x, a):
    """Supply of smuggled chips at A's price, equation (32), and where their price starts."""
    for i in range(LANES):
        leaks = w[n.LEAK_B + i] * a[n.SWING_VALUE + i]
        leaks += w[n.LEAK_A + i] * a[n.ALLIED_CHIPS + i] * a[n.ALLIED_DESIGN_VALUE + i]
        supply = (x[n.GREY_SUPPLY_PATH + i] + leaks) * w[n.PASSED_ON + i] / x[n.FRONTIER_VALUE_C + i]
        supply = max(supply, 1e-12)
        w[n.GREY_SUPPLY + i] = supply
        w[n.LN_GREY_SUPPLY + i] = log(supply)
        w[n.LN_GREY_PRICE + i] = x[n.LN_ALLIED_PRICE + i] + 0.2


@tile
def _grey_attraction(w):
    for i in range(LANES):
        w[n.SOLVER_PRICE_POWER + i] = exp(-w[n.PRICE_SENSITIVITY + i] * w[n.LN_GREY_PRICE + i])
    for k in range(4):
        for i in range(LANES):
            at = k * LANES + i
            w[n.GREY_ATTRACTION + at] = w[n.GREY_PULL + at] * w[n.SOLVER_PRICE_POWER + i]


@part(ROWS, WHOLE, ROWS)
def _price_offer(w, k, j):
    """One offer's price against its rivals of pass k, and its attraction and share by workload."""
    if _set_desk(w, k, j) > 0:
        solve_markup(w, CLOSE)
        _hold_floor(w, j)
        spend(w)
    _read_desk(w, j)


@tile
def _set_desk(w, k, j):
    """The offer on the solver's desk; lanes that do not make it get a market that is solved already."""
    used = 0
    for i in range(LANES):
        on = j[n.OFFER_IN_PLAN + i] == 1.0
        ln_cost, ln_price = j[n.OFFER_LN_COST + i], j[n.OFFER_LN_PRICE + i]
        w[n.SOLVER_ACTIVE + i] = 1.0 if on else 0.0
        w[n.SOLVER_LN_COST + i] = ln_cost if on else 0.0
        w[n.SOLVER_LN_PRICE + i] = ln_price if on else 1.0
        used += 1 if on else 0
    if used > 0:
        for at in range(4):
            for i in range(LANES):
                row = at * LANES + i
                first = w[n.RIVALS_ATTRACTION + row]
                rivals = first if k == 0 else j[n.OFFER_RIVALS + row]
                pull = j[n.OFFER_UNIT_ATTRACTION + row] / rivals
                w[n.SOLVER_BUDGET + row] = w[n.BUDGET_BY_WORKLOAD + row]
                w[n.SOLVER_ATTRACTION + row] = pull if w[n.SOLVER_ACTIVE + i] > 0.0 else 1.0
    return used


@tile
def _hold_floor(w, j):
    for i in range(LANES):
        floor, price = j[n.OFFER_LN_FLOOR + i], w[n.SOLVER_LN_PRICE + i]
        w[n.SOLVER_LN_PRICE + i] = max(price, floor) if j[n.OFFER_IN_PLAN + i] == 1.0 else price


@tile
def _read_desk(w, j):
    """Price, sales to an unbarred C, attraction and share of the offer, equation (12); nothing where there is none."""
    for i in range(LANES):
        w[n.RATION_PRICE + i] = exp(w[n.SOLVER_LN_PRICE + i])
    for i in range(LANES):
        on = j[n.OFFER_IN_PLAN + i] == 1.0
        price, ln_price = w[n.RATION_PRICE + i], j[n.OFFER_LN_PRICE + i]
        j[n.OFFER_PRICE + i] = price if on else 0.0
        j[n.OFFER_LN_PRICE + i] = w[n.SOLVER_LN_PRICE + i] if on else ln_price
        j[n.OFFER_CHIPS_IF_ALL + i] = w[n.SOLVER_SPENDING + i] / price if on else 0.0
    for k in range(4):
        for i in range(LANES):
            at = k * LANES + i
            on = j[n.OFFER_IN_PLAN + i] == 1.0
            pull = w[n.SOLVER_ATTRACTION + at] * w[n.SOLVER_PRICE_POWER + i]
            a, s = j[n.OFFER_UNIT_ATTRACTION + at] * w[n.SOLVER_PRICE_POWER + i], pull / (1.0 + pull)
            j[n.OFFER_ATTRACTION + at] = a if on else 0.0
            j[n.OFFER_SHARE + at] = s if on else 0.0


@tile
def _masses(w, v, o, l):
    """Whom licences serve at this pass's price, equation (15), and the share of spending each offer meets."""
    for i in range(LANES):
        licensed = w[n.PLAN + i] >= 2.0
        shared = w[n.PLAN + i] == 3.0
        reachable, avail = 1.0 - w[n.BARRED + i], v[n.LICENCES_AVAILABLE + i]
        old_o = o[n.OFFER_REACH + i]
        stretch = min(avail, l[n.OFFER_QUOTA + i] * avail / max(reachable * l[n.OFFER_CHIPS_IF_ALL + i], 1e-300))
        reach_l = stretch if licensed else 0.0
        reach_o = 1.0 - stretch if shared else old_o
        l[n.OFFER_REACH + i] = reach_l
        o[n.OFFER_REACH + i] = reach_o
        l[n.OFFER_MASS + i] = reachable * reach_l
        o[n.OFFER_MASS + i] = reachable * reach_o


@part(ROWS, ROWS, ROWS, ROWS)
def _ration(w, x, o, l):
    """Smuggled beside lawful chips, rationing, a Newton step of the grey price: equations (33), (34) and (35)."""
    _look_at_grey(w, o)
    _look_at_grey(w, l)
    for i in range(LANES):
        m_o, m_l = o[n.OFFER_MASS + i], l[n.OFFER_MASS + i]
        m_n = 1.0 - m_l - m_o
        a0, latent = x[n.OUTSIDE_ATTRACTION + i], 0.0
        for at in range(4):
            row = at * LANES + i
            ad = w[n.DOMESTIC_ATTRACTION + row]
            served_o = ad / (o[n.OFFER_ATTRACTION + row] + o[n.OFFER_GREY_ATTRACTION + row] + ad + a0)
            served_l = ad / (l[n.OFFER_ATTRACTION + row] + l[n.OFFER_GREY_ATTRACTION + row] + ad + a0)
            alone = ad / (w[n.GREY_ATTRACTION + row] + ad + a0)
            o[n.OFFER_DOMESTIC_SERVED + row] = served_o
            l[n.OFFER_DOMESTIC_SERVED + row] = served_l
            w[n.DOMESTIC_SERVED_ALONE + row] = alone
            latent += w[n.BUDGET_BY_WORKLOAD + row] * (m_l * served_l + m_o * served_o + m_n * alone)
        w[n.DEMAND_OVER_SUPPLY + i] = latent / (w[n.DOMESTIC_LIST_PRICE + i] * w[n.DOMESTIC_SUPPLY + i])
    for i in range(LANES):
        w[n.SCARCITY_RENT + i] = power(max(1.0, w[n.DEMAND_OVER_SUPPLY + i]), w[n.SCARCITY_EXPONENT + i])
    for i in range(LANES):
        ratio = w[n.DEMAND_OVER_SUPPLY + i]
        square = ratio * ratio
        rationed = 1.0 / np.sqrt(np.sqrt(1.0 + square * square))
        w[n.SERVED_SHARE + i] = min(1.0, rationed * w[n.SCARCITY_RENT + i])
        w[n.GREY_WANTED + i] = 0.0
        w[n.GREY_SLOPE + i] = 0.0
    for at in range(4):
        for i in range(LANES):
            row = at * LANES + i
            served, b, a0 = w[n.SERVED_SHARE + i], w[n.BUDGET_BY_WORKLOAD + row], x[n.OUTSIDE_ATTRACTION + i]
            grey = w[n.GREY_ATTRACTION + row]
            m_o, m_l = o[n.OFFER_MASS + i], l[n.OFFER_MASS + i]
            m_n = 1.0 - m_l - m_o
            z_n = served * w[n.DOMESTIC_SERVED_ALONE + row]
            h_n = grey / (grey + a0)
            e_n = m_n * b * (1.0 - z_n) * h_n
            e_o, s_o = _grey_demand(o, row, i, served, b, a0, grey)
            e_l, s_l = _grey_demand(l, row, i, served, b, a0, grey)
            w[n.DOMESTIC_SERVED_ALONE + row] = z_n
            w[n.GREY_DEMAND + row] = e_n + e_o + e_l
            w[n.GREY_WANTED + i] += e_n + e_o + e_l
            w[n.GREY_SLOPE + i] += e_n * (1.0 - h_n) + s_o + s_l
    for i in range(LANES):
        w[n.LN_GREY_WANTED + i] = log(w[n.GREY_WANTED + i])
    for i in range(LANES):
        ln_p, eps = w[n.LN_GREY_PRICE + i], w[n.GREY_ELASTICITY + i]
        excess = w[n.LN_GREY_WANTED + i] - ln_p - w[n.LN_GREY_SUPPLY + i] - eps * (ln_p - x[n.LN_ALLIED_PRICE + i])
        slope = 1.0 + eps + w[n.PRICE_SENSITIVITY + i] * (w[n.GREY_SLOPE + i] / w[n.GREY_WANTED + i])
        w[n.LN_GREY_PRICE + i] = ln_p + excess / slope


@tile
def _look_at_grey(w, j):
    """g_j of equation (33): a buyer served lawfully looks at a smuggled chip only as far as it is better."""
    for i in range(4 * LANES):
        grey, lawful = w[n.GREY_ATTRACTION + i], j[n.OFFER_ATTRACTION + i]
        square = grey * grey
        j[n.OFFER_GREY_ATTRACTION + i] = grey * (square / (square + lawful * lawful))


@glue
def _grey_demand(j, row, i, served, b, a0, grey):
    """e_j of equation (35) and its part of the slope for one workload and lane; z_j and R_j stay for the next pass."""
    g, a, mass = j[n.OFFER_GREY_ATTRACTION + row], j[n.OFFER_ATTRACTION + row], j[n.OFFER_MASS + i]
    z = served * j[n.OFFER_DOMESTIC_SERVED + row]
    whole = a + g + a0
    h = g / whole
    e = mass * b * (1.0 - z) * h
    j[n.OFFER_DOMESTIC_SERVED + row] = z
    j[n.OFFER_RIVALS + row] = g + a0 + whole * z / (1.0 - z)
    return e, e * (1.0 - h) * (3.0 - 2.0 * g / grey)


@part(ROWS, ROWS, ROWS, ROWS)
def _settle(w, x, o, l):
    """Chips, prices and spending after the last pass, equation (36); domestic chips never exceed their supply."""
    for i in range(LANES):
        w[n.GREY_PRICE + i] = exp(w[n.LN_GREY_PRICE + i])
        ln_ratio = w[n.LN_GREY_PRICE + i] - x[n.LN_ALLIED_PRICE + i]
        w[n.GREY_FLOW + i] = exp(w[n.GREY_ELASTICITY + i] * ln_ratio)
    for i in range(LANES):
        m_o, m_l = o[n.OFFER_MASS + i], l[n.OFFER_MASS + i]
        m_n = 1.0 - m_l - m_o
        o[n.OFFER_CHIPS + i] = m_o * o[n.OFFER_CHIPS_IF_ALL + i]
        l[n.OFFER_CHIPS + i] = m_l * l[n.OFFER_CHIPS_IF_ALL + i]
        smuggled = w[n.GREY_SUPPLY + i] * w[n.GREY_FLOW + i]
        paid = smuggled * w[n.GREY_PRICE + i] / w[n.GREY_WANTED + i]
        w[n.GREY_CHIPS + i] = smuggled
        revenue = 0.0
        for k in range(4):
            at = k * LANES + i
            taken = m_l * l[n.OFFER_DOMESTIC_SERVED + at] + m_o * o[n.OFFER_DOMESTIC_SERVED + at]
            spent = w[n.BUDGET_BY_WORKLOAD + at] * (taken + m_n * w[n.DOMESTIC_SERVED_ALONE + at])
            w[n.DOMESTIC_SPENDING + at] = spent
            w[n.GREY_SPENDING + at] = paid * w[n.GREY_DEMAND + at]
            revenue += spent
        price = w[n.DOMESTIC_LIST_PRICE + i] * w[n.SCARCITY_RENT + i]
        chips, supply = revenue / price, w[n.DOMESTIC_SUPPLY + i]
        ratio = supply / chips
        trim = ratio if chips > supply else 1.0
        w[n.DOMESTIC_PRICE + i] = price
        w[n.DOMESTIC_CHIPS + i] = chips * trim
        w[n.DOMESTIC_REVENUE + i] = revenue * trim
        for k in range(4):
            w[n.DOMESTIC_SPENDING + k * LANES + i] *= trim


@tile
def _withdraw(w, j):
    """An offer that does not earn its fixed cost is withdrawn: the sentence behind equation (36)."""
    for i in range(LANES):
        chips, mass = j[n.OFFER_CHIPS + i], j[n.OFFER_MASS + i]
        cost = j[n.OFFER_UNIT_COST + i] * (1.0 + j[n.OFFER_DIVERTS + i])
        earned = chips * (j[n.OFFER_PRICE + i] * j[n.OFFER_NET + i] - cost)
        pays = (chips > 0.0) & (earned > (w[n.NRE + i] if j[n.OFFER_IS_CUT + i] == 1.0 else 0.0))
        j[n.OFFER_CHIPS + i] = chips if pays else 0.0
        j[n.OFFER_MASS + i] = mass if pays else 0.0


@tile
def _spend_on_exporter(w, o, l):
    for k in range(4):
        for i in range(LANES):
            at = k * LANES + i
            shares = l[n.OFFER_MASS + i] * l[n.OFFER_SHARE + at] + o[n.OFFER_MASS + i] * o[n.OFFER_SHARE + at]
            w[n.EXPORTER_SPENDING + at] = w[n.BUDGET_BY_WORKLOAD + at] * shares
