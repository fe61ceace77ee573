"""Offers and the plan: docs/model.md section 5, equation (9).

Every design that a tier allows is priced (:mod:`tiercap.kernels.prices`); the best of each tier, and how the exporter
shares its customers out between the two, is what the market is offered.
"""

from __future__ import annotations

import numpy as np

from . import lanes as n
from ._jit import glue, tile
from .compliance import box_in_use, design, load_box, perform_in_logs, sum_test_binds
from .lanes import LANES
from .params import MAX_BOXES
from .perf import index
from .prices import CLOSE, CLOSE_ENOUGH, FAR, solve_clearing, solve_markup, spend, start_markup
from .vecmath import exp, log


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
        j[n.J_PROFIT + i] = -FAR
        tau = v[n.V_TAU + i] if tier == 1 else 0.0
        net = w[n.T_NETBASE + i] * (1.0 - tau)
        w[n.M_NET + i] = net
        w[n.M_RNET + i] = 1.0 / net if net > 0.0 else 0.0
        j[n.J_NET + i] = net
        w[n.M_AVAIL + i] = v[n.V_AVAIL + i] if tier == 1 else 1.0
        if tier == 0:
            w[n.M_QUOTA + i] = FAR
            w[n.M_QTPP + i] = FAR


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
        by_share = by_share if share < FAR else FAR
        most = w[n.Q_SPARE + i] * w[n.T_NA + i]
        spare = most - w[n.T_NB + i]
        spare = spare if spare > 1e-12 * most else 0.0  # what rounding leaves is not for sale
        by_spare = spare if v[n.V_NODIV + i] == 1.0 else FAR
        w[n.M_QUOTA + i] = min(min(by_share, by_spare), min(v[n.V_QCHIPS + i] * dt, FAR))
        w[n.M_QTPP + i] = min(v[n.V_QTPP + i] * dt, FAR)


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
