"""Demand, price and offers: docs/model.md section 5.

Prices are found in logarithms: l = ln(price). Both conditions, (7) written as l = ln c_e + ln(1 + rho/beta) with
rho = sum b s / sum b s (1-s), and (8) as ln(sum b s) - l = ln N, are nearly straight lines in l, so that Newton's
method needs five steps where the condition in the markup itself needs ten or more. Every step is bracketed. A lane
stops when its step falls below 1e-8 (the error left is its square) and is frozen then, so that a lane's bits do not
depend on how many steps its neighbours need.
"""

from __future__ import annotations

import numpy as np

from . import lanes as n
from ._jit import glue, inline, tile
from .compliance import box_in_use, design, load_box, perform, sum_test_binds
from .lanes import LANES
from .params import MAX_BOXES
from .vecmath import exp, log

_CLOSE = 1e-8
_MAX_STEPS = 80
_FAR = 1e300


@inline
def _shares(w, i, ln_p):
    """Budget-weighted sums of s, s(1-s), s(1-s)(1-2s) at log price ln_p."""
    y = exp(-w[n.Q_BETA + i] * ln_p)
    s1 = s2 = s3 = 0.0
    for k in range(4):
        at = k * LANES + i
        a = w[n.S_E + at] * y
        rival = w[n.S_R + at]
        whole = 1.0 / (a + rival)
        s, t = a * whole, rival * whole
        u = w[n.S_B + at] * s
        s1 += u
        s2 += u * t
        s3 += u * t * (t - s)
    return s1, s2, s3


@inline
def sold(w, i, ln_p):
    """Spending on the exporter at log price ln_p: sum b s."""
    y = exp(-w[n.Q_BETA + i] * ln_p)
    total = 0.0
    for k in range(4):
        at = k * LANES + i
        a = w[n.S_E + at] * y
        total += w[n.S_B + at] * (a / (a + w[n.S_R + at]))
    return total


@inline
def _move(w, i, old, step, up):
    """Take a Newton step from ``old`` if it stays inside the bracket, else bisect (an open bracket: four units on).

    up : whether the root lies above ``old`` (the step may point the other way where the slope is not to be trusted).
    Returns 1 if the lane must go on.
    """
    low = old if up else w[n.S_LO + i]
    high = w[n.S_HI + i] if up else old
    new = min(old + step, old + 4.0)
    inside = (new >= low) & (new <= high)
    new = new if inside else 0.5 * (low + min(high, low + 8.0))
    on = w[n.S_ON + i] > 0.0
    again = on & (abs(new - old) > _CLOSE)
    w[n.S_LO + i] = low
    w[n.S_HI + i] = high
    w[n.S_L + i] = new if on else old
    w[n.S_ON + i] = 1.0 if again else 0.0
    return 1 if again else 0


@tile
def start_markup(w):
    """A first guess of the monopoly price, from the budget-weighted attraction."""
    for i in range(LANES):
        top = bottom = 0.0
        for k in range(4):
            at = k * LANES + i
            top += w[n.S_B + at] * w[n.S_E + at] / w[n.S_R + at]
            bottom += w[n.S_B + at]
        ln_x = log(top / bottom) - w[n.Q_BETA + i] * w[n.S_LNC + i]
        q = exp(w[n.Q_RBETA1 + i] * (ln_x - w[n.Q_LNBETA + i]))
        w[n.S_L + i] = w[n.S_LNC + i] + log(1.0 + w[n.Q_RBETA + i] + 0.5 * q)


@tile
def _bracket_markup(w):
    for i in range(LANES):
        w[n.S_LO + i] = w[n.S_LNC + i] + w[n.Q_LNFLOOR + i]
        w[n.S_HI + i] = _FAR
        w[n.S_L + i] = max(w[n.S_L + i], w[n.S_LO + i])


@tile
def solve_markup(w):
    """Equation (7) for lanes with S_ON: S_E, S_R, S_B, S_LNC and a start in S_L to the log price in S_L."""
    _bracket_markup(w)
    for _ in range(_MAX_STEPS):
        if _markup_step(w) == 0:
            break


@tile
def _markup_step(w):
    moving = 0
    for i in range(LANES):
        ln_p = w[n.S_L + i]
        s1, s2, s3 = _shares(w, i, ln_p)
        rho = s1 / s2
        z = rho * w[n.Q_RBETA + i]
        gap = ln_p - w[n.S_LNC + i] - log(1.0 + z)
        slope = 1.0 + (1.0 - rho * s3 / s2) / (1.0 + z)
        moving += _move(w, i, ln_p, -gap / slope, gap < 0.0)
    return moving


@tile
def _bracket_clearing(w):
    for i in range(LANES):
        budget = w[n.S_B + i] + w[n.S_B + LANES + i] + w[n.S_B + 2 * LANES + i] + w[n.S_B + 3 * LANES + i]
        w[n.S_LO + i] = w[n.S_L + i]
        w[n.S_HI + i] = max(log(budget) - w[n.S_LNN + i], w[n.S_L + i])


@tile
def solve_clearing(w):
    """Equation (8) for lanes with S_ON: log quantity in S_LNN, a log price that sells more in S_L, to S_L."""
    _bracket_clearing(w)
    for _ in range(_MAX_STEPS):
        if _clearing_step(w) == 0:
            break


@tile
def _clearing_step(w):
    moving = 0
    for i in range(LANES):
        ln_p = w[n.S_L + i]
        s1, s2, _ = _shares(w, i, ln_p)
        excess = log(s1) - ln_p - w[n.S_LNN + i]
        slope = 1.0 + w[n.Q_BETA + i] * s2 / s1
        moving += _move(w, i, ln_p, excess / slope, excess > 0.0)
    return moving


@glue
def find_offers(w, v, x, dt, catalogue, exponent, o, l):
    """The best candidate of each tier and the plan of equation (9), for the market in the M rows."""
    # int64 keeps the compiler from making one copy of every tile for each constant it is called with.
    _search_tier(w, v, x, catalogue, exponent, np.int64(0), o)
    _quota(w, v, dt)
    _search_tier(w, v, x, catalogue, exponent, np.int64(1), l)
    _plan(w, v, o, l)


@tile
def _clear_tier(w, v, tier, j):
    for i in range(LANES):
        j[n.J_ON + i] = 0.0
        j[n.J_PROFIT + i] = -_FAR
        tau = v[n.V_TAU + i] if tier == 1 else 0.0
        w[n.M_NET + i] = w[n.T_NETBASE + i] * (1.0 - tau)
        w[n.M_AVAIL + i] = v[n.V_AVAIL + i] if tier == 1 else 1.0
        if tier == 0:
            w[n.M_QUOTA + i] = _FAR
            w[n.M_QTPP + i] = _FAR


@tile
def _search_tier(w, v, x, catalogue, exponent, tier, j):
    _clear_tier(w, v, tier, j)
    for box in range(MAX_BOXES):
        if box_in_use(v, tier, box):
            load_box(w, v, x, tier, box, np.int64(1))
            for chip in range(catalogue.shape[0]):
                for alternative in range(2):
                    if alternative == 0 or sum_test_binds(w, x, chip):
                        if design(w, x, catalogue[chip].area, chip, alternative) > 0:
                            _candidate(w, x, exponent, j)


@tile
def _quota(w, v, dt):
    """Licensed chips of a full step: the smallest of the limits that do not depend on the design."""
    for i in range(LANES):
        share = v[n.V_QSHARE + i]
        by_share = share * w[n.Q_HOME + i] * w[n.T_NA + i]
        by_share = by_share if share < _FAR else _FAR
        most = w[n.Q_SPARE + i] * w[n.T_NA + i]
        spare = most - w[n.T_NB + i]
        spare = spare if spare > 1e-12 * most else 0.0  # what rounding leaves is not for sale
        by_spare = spare if v[n.V_NODIV + i] == 1.0 else _FAR
        w[n.M_QUOTA + i] = min(min(by_share, by_spare), min(v[n.V_QCHIPS + i] * dt, _FAR))
        w[n.M_QTPP + i] = min(v[n.V_QTPP + i] * dt, _FAR)


@glue
def _candidate(w, x, exponent, j):
    """Price a design and keep it if it beats the tier's best so far."""
    perform(w, x, exponent)
    _set_desk(w)
    start_markup(w)
    solve_markup(w)
    if _meet_quota(w) > 0:
        solve_clearing(w)
    _keep_candidate(w, j)


@tile
def _set_desk(w):
    for i in range(LANES):
        cost = w[n.D_COST + i] / w[n.M_NET + i]
        on = (w[n.D_OK + i] == 1.0) & (w[n.M_NET + i] > 0.0)
        w[n.S_LNC + i] = log(cost if on else 1.0)
        w[n.S_ON + i] = 1.0 if on else 0.0
        w[n.D_OK + i] = 1.0 if on else 0.0
        for k in range(4):
            at = k * LANES + i
            e = exp(w[n.M_LNA + i] + w[n.Q_BETA + i] * log(w[n.D_W + at]))
            w[n.D_E + at] = e
            w[n.S_E + at] = e
            w[n.S_R + at] = w[n.M_R + at]
            w[n.S_B + at] = w[n.M_B + at]


@tile
def _meet_quota(w):
    """Sales at the monopoly price against the quota; where they exceed it the clearing price is asked for."""
    binding = 0
    for i in range(LANES):
        star = w[n.S_L + i]
        chips = sold(w, i, star) * exp(-star)
        limit = min(w[n.M_QUOTA + i], w[n.M_QTPP + i] / w[n.D_TPP + i])
        on = (w[n.D_OK + i] == 1.0) & (limit > 0.0)
        over = on & (chips > limit)
        w[n.D_OK + i] = 1.0 if on else 0.0
        w[n.D_STAR + i] = star
        w[n.D_LIMIT + i] = limit
        w[n.D_CHIPS + i] = chips
        w[n.S_LNN + i] = log(limit if over else 1.0)
        w[n.S_ON + i] = 1.0 if over else 0.0
        binding += 1 if over else 0
    return binding


@tile
def _keep_candidate(w, j):
    for i in range(LANES):
        star, clear = w[n.D_STAR + i], w[n.S_L + i]
        limit, chips = w[n.D_LIMIT + i], w[n.D_CHIPS + i]
        net, cost, avail, nre = w[n.M_NET + i], w[n.D_COST + i], w[n.M_AVAIL + i], w[n.Q_NRE + i]
        cut = w[n.D_CUT + i]
        gross = chips * (exp(star) * net - cost)
        at_limit = limit * (exp(clear) * net - cost)
        at_price = at_limit if chips > limit else gross
        profit = avail * at_price - (nre if cut == 1.0 else 0.0)
        old = j[n.J_PROFIT + i]
        better = (w[n.D_OK + i] == 1.0) & (avail > 0.0) & (profit > old)
        w[n.D_BETTER + i] = 1.0 if better else 0.0
        j[n.J_PROFIT + i] = profit if better else old
        before = j[n.J_GROSS + i]
        j[n.J_GROSS + i] = gross if better else before
        before = j[n.J_ON + i]
        j[n.J_ON + i] = 1.0 if better else before
        before = j[n.J_NSTAR + i]
        j[n.J_NSTAR + i] = chips if better else before
        before = j[n.J_N + i]
        j[n.J_N + i] = limit if better else before
        before = j[n.J_L + i]
        j[n.J_L + i] = star if better else before
        before = j[n.J_LB + i]
        j[n.J_LB + i] = clear if better else before
        before = j[n.J_COST + i]
        j[n.J_COST + i] = cost if better else before
        before = j[n.J_NET + i]
        j[n.J_NET + i] = net if better else before
        before = j[n.J_CUT + i]
        j[n.J_CUT + i] = cut if better else before
    for i in range(LANES):
        better = w[n.D_BETTER + i] == 1.0
        ln_cost, old_cost, value, old_value = w[n.S_LNC + i], j[n.J_LNC + i], w[n.D_V + i], j[n.J_V + i]
        j[n.J_LNC + i] = ln_cost if better else old_cost
        j[n.J_V + i] = value if better else old_value
        for k in range(4):
            at = k * LANES + i
            e, old_e, f, old_f = w[n.D_E + at], j[n.J_E + at], w[n.D_W + at], j[n.J_W + at]
            j[n.J_E + at] = e if better else old_e
            j[n.J_W + at] = f if better else old_f


@tile
def _plan(w, v, o, l):
    """Equation (9): open alone (1), licensed alone (2), shared out (3), or nothing (0); reaches and index offered."""
    for i in range(LANES):
        has_o, has_l = o[n.J_ON + i] == 1.0, l[n.J_ON + i] == 1.0
        nre, avail = w[n.Q_NRE + i], v[n.V_AVAIL + i]
        nre_o = nre if o[n.J_CUT + i] == 1.0 else 0.0
        nre_l = nre if l[n.J_CUT + i] == 1.0 else 0.0
        gross_o, gross_l = o[n.J_GROSS + i], l[n.J_GROSS + i]
        star_o, star_l, v_o, v_l = o[n.J_NSTAR + i], l[n.J_NSTAR + i], o[n.J_V + i], l[n.J_V + i]
        stretch = l[n.J_N + i] * avail / star_l
        phi = min(avail, stretch) if has_l else 0.0
        earns_o, earns_l = o[n.J_PROFIT + i], l[n.J_PROFIT + i]
        profit_a = earns_o if has_o else 0.0
        profit_b = earns_l if has_l else 0.0
        profit_c = phi * gross_l + (1.0 - phi) * gross_o - nre_l - nre_o
        profit_c = profit_c if has_o & has_l & (phi < 1.0) else 0.0
        plan = 1.0 if profit_a > 0.0 else 0.0
        best = max(profit_a, 0.0)
        plan = 2.0 if profit_b > best * (1.0 + 1e-12) else plan
        best = profit_b if plan == 2.0 else best
        # Where one design stands in both tiers, a and c tie: rounding must not choose.
        plan = 3.0 if profit_c > best * (1.0 + 1e-12) else plan
        reach_o = 1.0 if plan == 1.0 else 0.0
        reach_o = 1.0 - phi if plan == 3.0 else reach_o
        reach_l = avail if plan == 2.0 else 0.0
        reach_l = phi if plan == 3.0 else reach_l
        w[n.P_PLAN + i] = plan
        o[n.J_REACH + i] = reach_o
        l[n.J_REACH + i] = reach_l
        n_o, n_l = reach_o * star_o, reach_l * star_l
        both = (n_l * v_l + n_o * v_o) / (n_l + n_o)
        offered = v_o if plan == 1.0 else 0.0
        # A quota that serves a part of the demand is that much of an offer.
        offered = phi * v_l if plan == 2.0 else offered
        w[n.P_VE + i] = both if plan == 3.0 else offered
