"""Capacity, and what the buyer's government bars: docs/model.md section 8, items 6 to 8."""

from __future__ import annotations

import numpy as np

from . import lanes as n
from ._jit import ROWS, glue, inline, part, tile
from .lanes import LANES
from .vecmath import exp, log

#: Terms of the series of the exponential in equation (31).
TERMS = 6


@part(ROWS, ROWS, ROWS)
def open_market(w, x, a):
    """C's budget under its power, the exporter's capacity, and the market that its candidates meet: items 6 and 7."""
    for i in range(LANES):
        planned, watts = w[n.BUDGET_PLANNED + i], w[n.WATTS_PER_DOLLAR + i]
        watts = watts if watts >= 0.0 else x[n.FRONTIER_WATTS + i] / x[n.ALLIED_PRICE + i]  # no step before
        w[n.WATTS_PER_DOLLAR + i] = watts
        flow, power = planned * watts, x[n.POWER_C + i]
        used = w[n.STOCK_KEPT_HALF + i] * w[n.POWER_USED + i]
        used += w[n.STOCK_GAINED_HALF + i] * flow * w[n.POWER_RATION + i]
        room = max((power - used * w[n.STOCK_KEPT_YEAR + i]) / w[n.STOCK_GAINED_YEAR + i], 0.05 * power)
        ratio = flow / room
        square = ratio * ratio
        ration = 1.0 / np.sqrt(np.sqrt(1.0 + square * square))
        w[n.POWER_RATION + i] = ration
        repaid = min(w[n.DEBT + i] * w[n.REPAID_SHARE + i], 0.5 * planned * ration)
        w[n.REPAID + i] = repaid
        w[n.BUDGET + i] = planned * ration - repaid
        barred = 0.0
        for k in range(4):
            barred += w[n.BARRED_PROBABILITY + k * LANES + i] * (k * w[n.BARRED_STEP + i])
        barred = barred if w[n.BUYER_DECIDES + i] > 0.0 else w[n.BARRED_STANDS + i]
        imposed = x[n.BARRED_IMPOSED + i]
        w[n.BARRED_BEFORE + i] = imposed if imposed == imposed else barred
        w[n.NET_OF_TARIFF + i] = w[n.NET_OF_TARIFF_C + i]
        w[n.TARIFF_FACTOR + i] = w[n.TARIFF_FACTOR_C + i]
        w[n.CHIPS_OF_A + i] = a[n.ALLIED_CHIPS + i]
        w[n.CHIPS_OF_B + i] = a[n.SWING_CHIPS + i]
        w[n.DEMAND_AT_ALLIED_PRICE + i] = 0.0
    for k in range(4):
        for i in range(LANES):
            at = k * LANES + i
            b = w[n.VALUE_WEIGHTS_C + at] * w[n.BUDGET + i]
            rivals = x[n.OUTSIDE_ATTRACTION + i] + w[n.DOMESTIC_ATTRACTION + at]
            free = w[n.FRONTIER_ATTRACTION + at]
            w[n.BUDGET_BY_WORKLOAD + at] = b
            w[n.REACHABLE_BUDGET + at] = (1.0 - w[n.BARRED_BEFORE + i]) * b
            w[n.RIVALS_ATTRACTION + at] = rivals
            w[n.DEMAND_AT_ALLIED_PRICE + i] += b * (free / (free + rivals))
    for i in range(LANES):
        w[n.DEMAND_AT_ALLIED_PRICE + i] /= x[n.ALLIED_PRICE + i]
        orders = a[n.ALLIED_CHIPS + i] + a[n.SWING_CHIPS + i]
        wanted = (1.0 - w[n.BARRED_BEFORE + i]) * w[n.DEMAND_AT_ALLIED_PRICE + i]
        load = (orders + wanted) / (w[n.HEADROOM + i] * max(orders, 1e-300))
        # Where nobody else orders, all capacity is C's: the load is then without bound.
        load = min(load, 1e30)
        load *= load
        load *= load
        load *= load
        w[n.CAPACITY_BINDS + i] = load / (1.0 + load)  # equation (25)


@glue
def decide(w, v, x, o, l):
    """The share barred in this step, and the probabilities that the next one begins with: item 8."""
    _purchases(w, v, x, o, l)
    _concerns(w, v, x, o, l)
    _utilities(w, x)
    _transitions(w)
    _take_up(w)
    _bar(w, x)


@part(ROWS, ROWS, ROWS, ROWS, ROWS)
def _purchases(w, v, x, o, l):
    """q_k and d_k of equation (26): what C would buy under each share barred."""
    for i in range(LANES):
        reach_o, reach_l = o[n.OFFER_REACH + i], l[n.OFFER_REACH + i]
        beta, a0 = w[n.PRICE_SENSITIVITY + i], x[n.OUTSIDE_ATTRACTION + i]
        power_o = exp(-beta * o[n.OFFER_LN_PRICE + i]) if reach_o > 0.0 else 0.0
        power_l = exp(-beta * l[n.OFFER_LN_PRICE + i]) if reach_l > 0.0 else 0.0
        alone = beside_o = beside_l = 0.0
        for k in range(4):
            at = k * LANES + i
            b, ad = w[n.BUDGET_BY_WORKLOAD + at], w[n.DOMESTIC_ATTRACTION + at]
            a_o = o[n.OFFER_UNIT_ATTRACTION + at] * power_o if reach_o > 0.0 else 0.0
            a_l = l[n.OFFER_UNIT_ATTRACTION + at] * power_l if reach_l > 0.0 else 0.0
            alone += b * (ad / (ad + a0))
            beside_o += b * (ad / (ad + a0 + a_o))
            beside_l += b * (ad / (ad + a0 + a_l))
        met = 1.0 - w[n.BARRED_BEFORE + i]
        wants_o = o[n.OFFER_CHIPS_IF_ALL + i] / met if reach_o > 0.0 else 0.0
        wants_l = l[n.OFFER_CHIPS_IF_ALL + i] / met if reach_l > 0.0 else 0.0
        value_o = o[n.OFFER_VALUE + i] if reach_o > 0.0 else 0.0
        value_l = l[n.OFFER_VALUE + i] if reach_l > 0.0 else 0.0
        supply = w[n.DOMESTIC_SUPPLY + i]
        worth = w[n.DOMESTIC_LIST_PRICE + i] * supply
        shift = reach_o * (beside_o - alone) + reach_l * (beside_l - alone)
        for k in range(4):
            at = k * LANES + i
            free = 1.0 - k * w[n.BARRED_STEP + i]
            q_l = v[n.LICENCES_AVAILABLE + i] * min(free * wants_l, l[n.OFFER_QUOTA + i]) if reach_l > 0.0 else 0.0
            w[n.ACQUIRED + at] = free * reach_o * wants_o * value_o + q_l * value_l
            ratio = (alone + free * shift) / worth
            square = ratio * ratio
            w[n.DOMESTIC_TAKEN + at] = (
                supply * w[n.DOMESTIC_VALUE + i] * ratio / np.sqrt(np.sqrt(1.0 + square * square))
            )


@part(ROWS, ROWS, ROWS, ROWS, ROWS)
def _concerns(w, v, x, o, l):
    """Parity of what is offered, equation (27), and the chance of a warning, equation (28)."""
    for i in range(LANES):
        reach_o, reach_l = o[n.OFFER_REACH + i], l[n.OFFER_REACH + i]
        n_o = reach_o * o[n.OFFER_CHIPS_IF_ALL + i] if reach_o > 0.0 else 0.0
        n_l = reach_l * l[n.OFFER_CHIPS_IF_ALL + i] if reach_l > 0.0 else 0.0
        f_o = o[n.OFFER_PERFORMANCE + i] if reach_o > 0.0 else 0.0
        f_l = l[n.OFFER_PERFORMANCE + i] if reach_l > 0.0 else 0.0
        offered = (n_o * f_o + n_l * f_l) / max(n_o + n_l, 1e-300)
        ratio = max(offered, 1e-12) / w[n.PACKAGE_RAW_TRAINING + i]
        lead = min(max(log(ratio), -1.5), 1.5)
        free = x[n.FRONTIER_VALUE_C + i] * w[n.DEMAND_AT_ALLIED_PRICE + i]
        reach = min(1.0, w[n.ACQUIRED + i] / free) if w[n.PLAN + i] > 0.0 else 0.0
        w[n.PARITY + i] = -1.5 + reach * (lead + 1.5)
        w[n.LEAVES_OPEN + i] = min(1.0, w[n.BEST_ADMITTED_VALUE + i] / x[n.FRONTIER_VALUE_C + i])
        terms = v[n.REVENUE_SHARE + i] if reach_l > 0.0 else 0.0
        hazard = w[n.WARNING_TIGHTENING + i] * (1.0 - w[n.LEAVES_OPEN + i]) + w[n.WARNING_TERMS + i] * terms
        w[n.WARNING + i] = 1.0 - exp(-(w[n.WARNING_BASE + i] + hazard))


@part(ROWS, ROWS)
def _utilities(w, x):
    """U_k of equation (29), less the largest, as exponentials."""
    for i in range(LANES):
        q_now = d_now = 0.0
        for k in range(4):
            at = k * LANES + i
            q_now += w[n.BARRED_PROBABILITY + at] * w[n.ACQUIRED + at]
            d_now += w[n.BARRED_PROBABILITY + at] * w[n.DOMESTIC_TAKEN + at]
        smuggled = w[n.GREY_BEFORE + i] * x[n.FRONTIER_VALUE_C + i]
        kept, gained = w[n.STOCK_KEPT_HALF + i], w[n.STOCK_GAINED_HALF + i]
        foreign = kept * (w[n.VALUE_STOCK_E + i] + w[n.VALUE_STOCK_G + i]) + gained * (q_now + smuggled)
        own = kept * w[n.VALUE_STOCK_D + i] + gained * d_now
        year, more = w[n.STOCK_KEPT_YEAR + i], w[n.STOCK_GAINED_YEAR + i]
        self_made = w[n.DOMESTIC_SUPPLY + i] * w[n.DOMESTIC_VALUE + i] * x[n.REFERENCE_PRICE + i]
        self_made = min(1.0, self_made / w[n.BUDGET_PLANNED + i])
        urge = w[n.RESPONSE_LEVEL + i] + w[n.WEIGHT_SELF + i] * self_made - w[n.WEIGHT_PARITY + i] * w[n.PARITY + i]
        urge += w[n.WEIGHT_RETALIATION + i] * w[n.WARNING + i] - w[n.WEIGHT_PREMIUM + i] * log(w[n.PREMIUM + i])
        for k in range(4):
            at = k * LANES + i
            foreign_k = year * foreign + more * (w[n.ACQUIRED + at] + smuggled)
            stock = foreign_k + year * own + more * w[n.DOMESTIC_TAKEN + at]
            dependence = w[n.WEIGHT_DEPENDENCE + i] * (1.0 + w[n.WARNING + i]) * (foreign_k / stock)
            barred = k * w[n.BARRED_STEP + i]
            w[n.UTILITY + at] = w[n.WEIGHT_COMPUTE + i] * log(stock) - dependence + barred * urge
    for i in range(LANES):
        top = max(
            max(w[n.UTILITY + i], w[n.UTILITY + LANES + i]),
            max(w[n.UTILITY + 2 * LANES + i], w[n.UTILITY + 3 * LANES + i]),
        )
        for k in range(4):
            w[n.UTILITY + k * LANES + i] -= top
    for i in range(4 * LANES):
        w[n.UTILITY + i] = exp(w[n.UTILITY + i])


@tile
def _transitions(w):
    """M_ik of equation (30)."""
    for i in range(LANES):
        h = w[n.SWITCHING + i]
        h2 = h * h
        h3 = h2 * h
        u0, u1, u2, u3 = (
            w[n.UTILITY + i], w[n.UTILITY + LANES + i], w[n.UTILITY + 2 * LANES + i], w[n.UTILITY + 3 * LANES + i],
        )  # fmt: skip
        _row(w, i, 0, u0, u1 * h, u2 * h2, u3 * h3)
        _row(w, i, 1, u0 * h, u1, u2 * h, u3 * h2)
        _row(w, i, 2, u0 * h2, u1 * h, u2, u3 * h)
        _row(w, i, 3, u0 * h3, u1 * h2, u2 * h, u3)


@inline
def _row(w, i, row, m0, m1, m2, m3):
    total = m0 + m1 + m2 + m3
    at = n.TRANSITION + 4 * row * LANES + i
    w[at], w[at + LANES], w[at + 2 * LANES], w[at + 3 * LANES] = m0 / total, m1 / total, m2 / total, m3 / total


@glue
def _take_up(w):
    """Equation (31) twice: to mid-step, and from there to the end."""
    _copy(w, np.int64(n.BARRED_PROBABILITY), np.int64(n.PROBABILITY_BEFORE))
    _copy(w, np.int64(n.BARRED_PROBABILITY), np.int64(n.PROBABILITY_NOW))
    _spread(w, np.int64(n.PROBABILITY_NOW))
    _copy(w, np.int64(n.PROBABILITY_NOW), np.int64(n.BARRED_PROBABILITY))
    _spread(w, np.int64(n.BARRED_PROBABILITY))


@tile
def _copy(w, source, target):
    for i in range(4 * LANES):
        w[target + i] = w[source + i]


@tile
def _spread(w, place):
    """exp(rate dt/2 (M - 1)) on the probabilities at ``place``, by its series."""
    for i in range(LANES):
        p0, p1 = w[place + i], w[place + LANES + i]
        p2, p3 = w[place + 2 * LANES + i], w[place + 3 * LANES + i]
        s0, s1, s2, s3 = p0, p1, p2, p3
        for k in range(1, TERMS + 1):
            rate = w[n.DECISIONS + i] / k
            t0 = (_moved(w, i, 0, p0, p1, p2, p3) - p0) * rate
            t1 = (_moved(w, i, 1, p0, p1, p2, p3) - p1) * rate
            t2 = (_moved(w, i, 2, p0, p1, p2, p3) - p2) * rate
            t3 = (_moved(w, i, 3, p0, p1, p2, p3) - p3) * rate
            p0, p1, p2, p3 = t0, t1, t2, t3
            s0, s1, s2, s3 = s0 + p0, s1 + p1, s2 + p2, s3 + p3
        w[place + i], w[place + LANES + i] = s0, s1
        w[place + 2 * LANES + i], w[place + 3 * LANES + i] = s2, s3


@inline
def _moved(w, i, k, p0, p1, p2, p3):
    at = n.TRANSITION + k * LANES + i
    from_low = p0 * w[at] + p1 * w[at + 4 * LANES]
    return from_low + (p2 * w[at + 8 * LANES] + p3 * w[at + 12 * LANES])


@part(ROWS, ROWS)
def _bar(w, x):
    """r of equation (31); an imposed share takes its place and leaves the probabilities as they were."""
    for i in range(LANES):
        barred = 0.0
        for k in range(4):
            barred += w[n.PROBABILITY_NOW + k * LANES + i] * (k * w[n.BARRED_STEP + i])
        barred = barred if w[n.BUYER_DECIDES + i] > 0.0 else w[n.BARRED_STANDS + i]
        imposed = x[n.BARRED_IMPOSED + i]
        free = imposed != imposed
        w[n.BARRED + i] = barred if free else imposed
        for k in range(4):
            at = k * LANES + i
            after, before = w[n.BARRED_PROBABILITY + at], w[n.PROBABILITY_BEFORE + at]
            w[n.BARRED_PROBABILITY + at] = after if free else before
