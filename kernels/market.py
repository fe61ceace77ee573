"""Demand, price and offers: docs/model.md section 5.

Prices are found in logarithms: l = ln(price). Both conditions, (7) written as l = ln c_e + ln(1 + rho/beta) with
rho = sum b s / sum b s (1-s), and (8) as ln(sum b s) - l = ln N, are nearly straight lines in l, so that Newton's
method needs five steps where the condition in the markup itself needs ten or more. Every step is bracketed. A lane
stops when its step falls below a limit (the error left is its square) and is frozen then, so that a lane's bits do
not depend on how many steps its neighbours need.

The solver's desk holds attractions over the rivals', g = A f^beta / R, so that a share is s = g y / (1 + g y) with
y = p^-beta. Its loops are short on purpose: a long chain of dependent operations leaves the processor waiting, and
only if the body is short does it see the next lanes' chains meanwhile.
"""

from __future__ import annotations

import numpy as np

from . import lanes as n
from ._jit import fma, glue, inline, tile
from .compliance import box_in_use, design, load_box, perform_in_logs, sum_test_binds
from .lanes import LANES
from .params import MAX_BOXES
from .perf import index
from .vecmath import exp, log

#: The last Newton step of a price that is kept, and of one that only ranks designs: profit is flat at the monopoly
#: price, so that an error of 1e-8 there (the square of the step) is one of 1e-16 in profit.
CLOSE, CLOSE_ENOUGH = 1e-8, 1e-4
_MAX_STEPS = 80
_FAR = 1e300


@inline
def _attractiveness(w):
    """y = price^-beta at the log price S_L, into S_Y."""
    for i in range(LANES):
        w[n.S_Y + i] = exp(-w[n.Q_BETA + i] * w[n.S_L + i])


@inline
def _shares(g0, g1, g2, g3):
    """1 - s of four workloads: reciprocals of 1 + g, two by a division."""
    d0, d1, d2, d3 = 1.0 + g0, 1.0 + g1, 1.0 + g2, 1.0 + g3
    r01, r23 = 1.0 / (d0 * d1), 1.0 / (d2 * d3)
    return r01 * d1, r01 * d0, r23 * d3, r23 * d2


@inline
def _pulls(w, i):
    """g y of the four workloads at S_Y."""
    y = w[n.S_Y + i]
    g0, g1 = w[n.S_G + i] * y, w[n.S_G + LANES + i] * y
    return g0, g1, w[n.S_G + 2 * LANES + i] * y, w[n.S_G + 3 * LANES + i] * y


@inline
def _spendings(w, i, g0, g1, g2, g3, t0, t1, t2, t3):
    """b s of the four workloads."""
    u0, u1 = w[n.S_B + i] * (g0 * t0), w[n.S_B + LANES + i] * (g1 * t1)
    return u0, u1, w[n.S_B + 2 * LANES + i] * (g2 * t2), w[n.S_B + 3 * LANES + i] * (g3 * t3)


@tile
def spend(w):
    """Spending on the exporter, sum b s at the log price S_L, into S_1."""
    _attractiveness(w)
    for i in range(LANES):
        g0, g1, g2, g3 = _pulls(w, i)
        t0, t1, t2, t3 = _shares(g0, g1, g2, g3)
        u0, u1, u2, u3 = _spendings(w, i, g0, g1, g2, g3, t0, t1, t2, t3)
        w[n.S_1 + i] = (u0 + u1) + (u2 + u3)


@inline
def _move(w, i, old, step, up, close):
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
    again = on & (abs(new - old) > close)
    w[n.S_LO + i] = low
    w[n.S_HI + i] = high
    w[n.S_L + i] = new if on else old
    w[n.S_ON + i] = 1.0 if again else 0.0
    return 1 if again else 0


@tile
def start_markup(w):
    """A first guess of the monopoly price, from the budget-weighted attraction; M_RBUDGET is one over the budget."""
    for i in range(LANES):
        pull = w[n.S_B + i] * w[n.S_G + i] + w[n.S_B + LANES + i] * w[n.S_G + LANES + i]
        pull += w[n.S_B + 2 * LANES + i] * w[n.S_G + 2 * LANES + i]
        pull += w[n.S_B + 3 * LANES + i] * w[n.S_G + 3 * LANES + i]
        w[n.S_Y + i] = log(pull * w[n.M_RBUDGET + i])
    for i in range(LANES):
        ln_x = w[n.S_Y + i] - w[n.Q_BETA + i] * w[n.S_LNC + i]
        w[n.S_Y + i] = exp(w[n.Q_RBETA1 + i] * (ln_x - w[n.Q_LNBETA + i]))
    for i in range(LANES):
        w[n.S_L + i] = w[n.S_LNC + i] + log(1.0 + w[n.Q_RBETA + i] + 0.5 * w[n.S_Y + i])


@tile
def _bracket_markup(w):
    for i in range(LANES):
        w[n.S_LO + i] = w[n.S_LNC + i] + w[n.Q_LNFLOOR + i]
        w[n.S_HI + i] = _FAR
        w[n.S_L + i] = max(w[n.S_L + i], w[n.S_LO + i])


@tile
def solve_markup(w, close):
    """Equation (7) for lanes with S_ON: S_G, S_B, S_LNC and a start in S_L to the log price in S_L."""
    _bracket_markup(w)
    for _ in range(_MAX_STEPS):
        if _markup_step(w, close) == 0:
            break


@tile
def _markup_step(w, close):
    _attractiveness(w)
    for i in range(LANES):
        g0, g1, g2, g3 = _pulls(w, i)
        t0, t1, t2, t3 = _shares(g0, g1, g2, g3)
        u0, u1, u2, u3 = _spendings(w, i, g0, g1, g2, g3, t0, t1, t2, t3)
        v0, v1, v2, v3 = u0 * t0, u1 * t1, u2 * t2, u3 * t3
        bs = (u0 + u1) + (u2 + u3)
        bst = (v0 + v1) + (v2 + v3)
        bstt = fma(v0, t0, v1 * t1) + fma(v2, t2, v3 * t3)
        r = 1.0 / bst
        rho = bs * r
        z1 = 1.0 + rho * w[n.Q_RBETA + i]
        w[n.S_1 + i] = z1
        # The slope of the residual times z1.
        w[n.S_2 + i] = z1 + (1.0 + rho - 2.0 * (rho * (bstt * r)))
    for i in range(LANES):
        w[n.S_3 + i] = log(w[n.S_1 + i])
    moving = 0
    for i in range(LANES):
        ln_p = w[n.S_L + i]
        gap = ln_p - w[n.S_LNC + i] - w[n.S_3 + i]
        moving += _move(w, i, ln_p, -gap * w[n.S_1 + i] / w[n.S_2 + i], gap < 0.0, close)
    return moving


@tile
def _bracket_clearing(w):
    for i in range(LANES):
        budget = w[n.S_B + i] + w[n.S_B + LANES + i] + w[n.S_B + 2 * LANES + i] + w[n.S_B + 3 * LANES + i]
        w[n.S_HI + i] = log(budget)
    for i in range(LANES):
        high, start = max(w[n.S_HI + i] - w[n.S_LNN + i], w[n.S_LO + i]), w[n.S_L + i]
        w[n.S_HI + i] = high
        w[n.S_L + i] = min(start, high) if w[n.S_ON + i] > 0.0 else start


@tile
def solve_clearing(w):
    """Equation (8) for lanes with S_ON: log quantity in S_LNN, a start in S_L, to the log price in S_L.

    S_LO holds a log price at or below the start, which sells more than the quantity.
    """
    _bracket_clearing(w)
    for _ in range(_MAX_STEPS):
        if _clearing_step(w) == 0:
            break


@tile
def _clearing_step(w):
    _attractiveness(w)
    for i in range(LANES):
        g0, g1, g2, g3 = _pulls(w, i)
        t0, t1, t2, t3 = _shares(g0, g1, g2, g3)
        u0, u1, u2, u3 = _spendings(w, i, g0, g1, g2, g3, t0, t1, t2, t3)
        bs = (u0 + u1) + (u2 + u3)
        bst = fma(u0, t0, u1 * t1) + fma(u2, t2, u3 * t3)
        w[n.S_1 + i] = bs
        w[n.S_2 + i] = 1.0 + w[n.Q_BETA + i] * bst / bs
    for i in range(LANES):
        w[n.S_3 + i] = log(w[n.S_1 + i])
    moving = 0
    for i in range(LANES):
        ln_p = w[n.S_L + i]
        excess = w[n.S_3 + i] - ln_p - w[n.S_LNN + i]
        moving += _move(w, i, ln_p, excess / w[n.S_2 + i], excess > 0.0, CLOSE)
    return moving


@glue
def find_offers(w, v, x, dt, catalogue, exponent, o, l):
    """The best candidate of each tier and the plan of equation (9), for the market in the M rows."""
    _face_market(w)
    # int64 keeps the compiler from making one copy of every tile for each constant it is called with.
    _search_tier(w, v, x, catalogue, exponent, np.int64(0), o)
    _quota(w, v, dt)
    _search_tier(w, v, x, catalogue, exponent, np.int64(1), l)
    _plan(w, v, o, l)


@tile
def _face_market(w):
    """What every candidate of a market meets: its budgets on the desk, and reciprocals."""
    for i in range(4 * LANES):
        w[n.S_B + i] = w[n.M_B + i]
        w[n.M_RR + i] = 1.0 / w[n.M_R + i]
    for i in range(LANES):
        budget = w[n.M_B + i] + w[n.M_B + LANES + i] + w[n.M_B + 2 * LANES + i] + w[n.M_B + 3 * LANES + i]
        w[n.M_RBUDGET + i] = 1.0 / budget


@tile
def _clear_tier(w, v, tier, j):
    for i in range(LANES):
        j[n.J_ON + i] = 0.0
        j[n.J_PROFIT + i] = -_FAR
        tau = v[n.V_TAU + i] if tier == 1 else 0.0
        net = w[n.T_NETBASE + i] * (1.0 - tau)
        w[n.M_NET + i] = net
        w[n.M_RNET + i] = 1.0 / net if net > 0.0 else 0.0
        j[n.J_NET + i] = net
        w[n.M_AVAIL + i] = v[n.V_AVAIL + i] if tier == 1 else 1.0
        if tier == 0:
            w[n.M_QUOTA + i] = _FAR
            w[n.M_QTPP + i] = _FAR


@tile
def _search_tier(w, v, x, catalogue, exponent, tier, j):
    _clear_tier(w, v, tier, j)
    found = 0
    for box in range(MAX_BOXES):
        if box_in_use(v, tier, box):
            sums = load_box(w, v, x, tier, box, np.int64(1))
            for chip in range(catalogue.shape[0]):
                for alternative in range(2):
                    if alternative == 0 or (sums > 0 and sum_test_binds(w, x, chip)):
                        if design(w, x, catalogue[chip].area, chip, alternative) > 0:
                            _candidate(w, x, exponent, j)
                            found += 1
    if found > 0:
        _settle(w, j)


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
    perform_in_logs(w, x, exponent)
    _set_desk(w)
    start_markup(w)
    solve_markup(w, CLOSE_ENOUGH)
    if _sell(w) > 0:
        _ask_for_quota(w)
        solve_clearing(w)
        _clear(w)
    _keep_candidate(w, j)


@tile
def _set_desk(w):
    for i in range(LANES):
        on = (w[n.D_OK + i] == 1.0) & (w[n.M_NET + i] > 0.0)
        w[n.S_ON + i] = 1.0 if on else 0.0
        w[n.D_OK + i] = 1.0 if on else 0.0
        w[n.S_LNC + i] = w[n.D_COST + i] * w[n.M_RNET + i] if on else 1.0
    for i in range(LANES):
        w[n.S_LNC + i] = log(w[n.S_LNC + i])
    for k in range(4):
        for i in range(LANES):
            at = k * LANES + i
            e = exp(w[n.M_LNA + i] + w[n.Q_BETA + i] * w[n.D_LNW + at])
            w[n.D_E + at] = e
            w[n.S_G + at] = e * w[n.M_RR + at]


@tile
def _sell(w):
    """Sales at the monopoly price against the quota; where they exceed it the clearing price is asked for."""
    spend(w)
    for i in range(LANES):
        w[n.D_PRICE + i] = exp(w[n.S_L + i])
    binding = 0
    for i in range(LANES):
        star, price = w[n.S_L + i], w[n.D_PRICE + i]
        chips = w[n.S_1 + i] / price
        limit = min(w[n.M_QUOTA + i], w[n.M_QTPP + i] / w[n.D_TPP + i])
        on = (w[n.D_OK + i] == 1.0) & (limit > 0.0)
        over = on & (chips > limit)
        w[n.D_OK + i] = 1.0 if on else 0.0
        w[n.D_STAR + i] = star
        w[n.D_LIMIT + i] = limit
        w[n.D_CHIPS + i] = chips
        w[n.D_CLEARED + i] = price
        w[n.S_ON + i] = 1.0 if over else 0.0
        binding += 1 if over else 0
    return binding


@tile
def _ask_for_quota(w):
    for i in range(LANES):
        w[n.S_LNN + i] = log(w[n.D_LIMIT + i] if w[n.S_ON + i] > 0.0 else 1.0)
        w[n.S_LO + i] = w[n.S_L + i]


@tile
def _clear(w):
    for i in range(LANES):
        w[n.D_CLEARED + i] = exp(w[n.S_L + i])


@tile
def _keep_candidate(w, j):
    for i in range(LANES):
        star, clear = w[n.D_STAR + i], w[n.S_L + i]
        limit, chips, cost, cut = w[n.D_LIMIT + i], w[n.D_CHIPS + i], w[n.D_COST + i], w[n.D_CUT + i]
        net, avail, nre = w[n.M_NET + i], w[n.M_AVAIL + i], w[n.Q_NRE + i]
        at_star = chips * (w[n.D_PRICE + i] * net - cost)
        at_limit = limit * (w[n.D_CLEARED + i] * net - cost)
        earned = at_limit if chips > limit else at_star
        profit = avail * earned - (nre if cut == 1.0 else 0.0)
        old = j[n.J_PROFIT + i]
        better = (w[n.D_OK + i] == 1.0) & (avail > 0.0) & (profit > old)
        w[n.D_BETTER + i] = 1.0 if better else 0.0
        j[n.J_PROFIT + i] = profit if better else old
        before = j[n.J_ON + i]
        j[n.J_ON + i] = 1.0 if better else before
        before = j[n.J_N + i]
        j[n.J_N + i] = limit if better else before
        before = j[n.J_L + i]
        j[n.J_L + i] = star if better else before
        before = j[n.J_LB + i]
        j[n.J_LB + i] = clear if better else before
        before = j[n.J_COST + i]
        j[n.J_COST + i] = cost if better else before
        before = j[n.J_CUT + i]
        j[n.J_CUT + i] = cut if better else before
    for i in range(LANES):
        better = w[n.D_BETTER + i] == 1.0
        ln_cost, old_cost = w[n.S_LNC + i], j[n.J_LNC + i]
        j[n.J_LNC + i] = ln_cost if better else old_cost
        for k in range(4):
            at = k * LANES + i
            e, old_e, f, old_f = w[n.D_E + at], j[n.J_E + at], w[n.D_W + at], j[n.J_W + at]
            j[n.J_E + at] = e if better else old_e
            j[n.J_W + at] = f if better else old_f


@tile
def _settle(w, j):
    """The tier's best candidate once more: its price to the last bit, what it sells and earns there, its index."""
    for i in range(LANES):
        on = j[n.J_ON + i] == 1.0
        ln_cost, ln_price = j[n.J_LNC + i], j[n.J_L + i]
        w[n.S_ON + i] = 1.0 if on else 0.0
        w[n.S_LNC + i] = ln_cost if on else 0.0
        w[n.S_L + i] = ln_price if on else 1.0
        for k in range(4):
            at = k * LANES + i
            e = j[n.J_E + at]
            w[n.S_G + at] = e * w[n.M_RR + at] if on else 1.0
    solve_markup(w, CLOSE)
    spend(w)
    for i in range(LANES):
        w[n.D_PRICE + i] = exp(w[n.S_L + i])
    for i in range(LANES):
        star, price, clear = w[n.S_L + i], w[n.D_PRICE + i], j[n.J_LB + i]
        chips = w[n.S_1 + i] / price
        j[n.J_L + i] = star
        j[n.J_LB + i] = clear if chips > j[n.J_N + i] else star
        j[n.J_NSTAR + i] = chips
        j[n.J_GROSS + i] = chips * (price * j[n.J_NET + i] - j[n.J_COST + i])
    for i in range(LANES):
        j[n.J_V + i] = index(
            j[n.J_W + i], j[n.J_W + LANES + i], j[n.J_W + 2 * LANES + i], j[n.J_W + 3 * LANES + i],
            w[n.M_OMEGA + i], w[n.M_OMEGA + LANES + i], w[n.M_OMEGA + 2 * LANES + i], w[n.M_OMEGA + 3 * LANES + i],
        )  # fmt: skip


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
