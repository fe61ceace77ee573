"""Offers and the plan: docs/model.md section 5, equation (9).

Every design that a tier allows is priced (:mod:`tiercap.kernels.prices`); the best of each tier, and how the exporter
shares its customers out between the two, is what the market is offered.
"""

from __future__ import annotations

import numpy as np

from . import lanes as n
from ._jit import glue, inline, tile
from .designs import design, sum_test_binds
from .lanes import LANES
from .params import MAX_BOXES
from .performance import index, perform_in_logs
from .prices import CLOSE, CLOSE_ENOUGH, FAR, solve_clearing, solve_markup, spend, start_markup
from .rules import box_in_use, load_box
from .vecmath import exp, log


@glue
def find_offers(w, v, x, dt, catalogue, exponent, o, l):
    """The best candidate of each tier and the plan of equation (9), for the market in the rows of the market."""
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
        w[n.SOLVER_BUDGET + i] = w[n.REACHABLE_BUDGET + i]
        w[n.INVERSE_RIVALS + i] = 1.0 / w[n.RIVALS_ATTRACTION + i]
    for i in range(LANES):
        budget = w[n.REACHABLE_BUDGET + i] + w[n.REACHABLE_BUDGET + LANES + i] + w[n.REACHABLE_BUDGET + 2 * LANES + i]
        budget += w[n.REACHABLE_BUDGET + 3 * LANES + i]
        w[n.INVERSE_REACHABLE_BUDGET + i] = 1.0 / budget


@tile
def _clear_tier(w, v, tier, j):
    for i in range(LANES):
        j[n.OFFER_EXISTS + i] = 0.0
        j[n.OFFER_PROFIT + i] = -FAR
        tau = v[n.REVENUE_SHARE + i] if tier == 1 else 0.0
        net = w[n.NET_OF_TARIFF + i] * (1.0 - tau)
        w[n.TIER_NET + i] = net
        w[n.INVERSE_TIER_NET + i] = 1.0 / net if net > 0.0 else 0.0
        j[n.OFFER_NET + i] = net
        w[n.TIER_AVAILABLE + i] = v[n.LICENCES_AVAILABLE + i] if tier == 1 else 1.0
        if tier == 0:
            w[n.TIER_QUOTA_CHIPS + i] = FAR
            w[n.TIER_QUOTA_TPP + i] = FAR


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
        share = v[n.QUOTA_SHARE + i]
        by_share = share * w[n.HOME_SHARE + i] * w[n.CHIPS_OF_A + i]
        by_share = by_share if share < FAR else FAR
        most = w[n.SPARE_SUPPLY + i] * w[n.CHIPS_OF_A + i]
        spare = most - w[n.CHIPS_OF_B + i]
        spare = spare if spare > 1e-12 * most else 0.0  # what rounding leaves is not for sale
        by_spare = spare if v[n.NO_DIVERSION + i] == 1.0 else FAR
        w[n.TIER_QUOTA_CHIPS + i] = min(min(by_share, by_spare), min(v[n.QUOTA_CHIPS + i] * dt, FAR))
        w[n.TIER_QUOTA_TPP + i] = min(v[n.QUOTA_TPP + i] * dt, FAR)


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
    """The design on the solver's desk: its cost c_e and its attraction at price one, equation (6)."""
    for i in range(LANES):
        on = (w[n.DESIGN_ADMITTED + i] == 1.0) & (w[n.TIER_NET + i] > 0.0)
        w[n.SOLVER_ACTIVE + i] = 1.0 if on else 0.0
        w[n.CANDIDATE_ON_MARKET + i] = 1.0 if on else 0.0
        w[n.SOLVER_COST + i] = w[n.DESIGN_UNIT_COST + i] * w[n.INVERSE_TIER_NET + i] if on else 1.0
    for i in range(LANES):
        w[n.SOLVER_LN_COST + i] = log(w[n.SOLVER_COST + i])
    for k in range(4):
        for i in range(LANES):
            at = k * LANES + i
            e = exp(w[n.LN_EXPORTER_ATTRACTION + i] + w[n.PRICE_SENSITIVITY + i] * w[n.DESIGN_LN_PERFORMANCE + at])
            w[n.CANDIDATE_UNIT_ATTRACTION + at] = e
            w[n.SOLVER_ATTRACTION + at] = e * w[n.INVERSE_RIVALS + at]


@tile
def _sell(w):
    """Sales at the monopoly price against the quota; where they exceed it the clearing price is asked for."""
    spend(w)
    for i in range(LANES):
        w[n.CANDIDATE_MONOPOLY_PRICE + i] = exp(w[n.SOLVER_LN_PRICE + i])
    binding = 0
    for i in range(LANES):
        star, price = w[n.SOLVER_LN_PRICE + i], w[n.CANDIDATE_MONOPOLY_PRICE + i]
        chips = w[n.SOLVER_SPENDING + i] / price
        limit = min(w[n.TIER_QUOTA_CHIPS + i], w[n.TIER_QUOTA_TPP + i] / w[n.DESIGN_TPP + i])
        on = (w[n.CANDIDATE_ON_MARKET + i] == 1.0) & (limit > 0.0)
        over = on & (chips > limit)
        w[n.CANDIDATE_SELLS + i] = 1.0 if on else 0.0
        w[n.CANDIDATE_LN_MONOPOLY_PRICE + i] = star
        w[n.CANDIDATE_QUOTA + i] = limit
        w[n.CANDIDATE_CHIPS + i] = chips
        w[n.CANDIDATE_QUOTA_PRICE + i] = price
        w[n.SOLVER_ACTIVE + i] = 1.0 if over else 0.0
        binding += 1 if over else 0
    return binding


@tile
def _ask_for_quota(w):
    for i in range(LANES):
        w[n.SOLVER_LN_QUANTITY + i] = log(w[n.CANDIDATE_QUOTA + i] if w[n.SOLVER_ACTIVE + i] > 0.0 else 1.0)
        w[n.SOLVER_LOW + i] = w[n.SOLVER_LN_PRICE + i]


@tile
def _clear(w):
    for i in range(LANES):
        w[n.CANDIDATE_QUOTA_PRICE + i] = exp(w[n.SOLVER_LN_PRICE + i])


@tile
def _keep_candidate(w, j):
    for i in range(LANES):
        star, clear = w[n.CANDIDATE_LN_MONOPOLY_PRICE + i], w[n.SOLVER_LN_PRICE + i]
        limit, chips = w[n.CANDIDATE_QUOTA + i], w[n.CANDIDATE_CHIPS + i]
        cost, cut = w[n.DESIGN_UNIT_COST + i], w[n.DESIGN_IS_CUT + i]
        net, avail, nre = w[n.TIER_NET + i], w[n.TIER_AVAILABLE + i], w[n.NRE_PER_STEP + i]
        at_star = chips * (w[n.CANDIDATE_MONOPOLY_PRICE + i] * net - cost)
        at_limit = limit * (w[n.CANDIDATE_QUOTA_PRICE + i] * net - cost)
        earned = at_limit if chips > limit else at_star
        profit = avail * earned - (nre if cut == 1.0 else 0.0)
        old = j[n.OFFER_PROFIT + i]
        better = (w[n.CANDIDATE_SELLS + i] == 1.0) & (avail > 0.0) & (profit > old)
        w[n.CANDIDATE_IS_BEST + i] = 1.0 if better else 0.0
        j[n.OFFER_PROFIT + i] = profit if better else old
        before = j[n.OFFER_EXISTS + i]
        j[n.OFFER_EXISTS + i] = 1.0 if better else before
        before = j[n.OFFER_QUOTA + i]
        j[n.OFFER_QUOTA + i] = limit if better else before
        before = j[n.OFFER_LN_PRICE + i]
        j[n.OFFER_LN_PRICE + i] = star if better else before
        before = j[n.OFFER_LN_QUOTA_PRICE + i]
        j[n.OFFER_LN_QUOTA_PRICE + i] = clear if better else before
        before = j[n.OFFER_UNIT_COST + i]
        j[n.OFFER_UNIT_COST + i] = cost if better else before
        before = j[n.OFFER_IS_CUT + i]
        j[n.OFFER_IS_CUT + i] = cut if better else before
    for i in range(LANES):
        better = w[n.CANDIDATE_IS_BEST + i] == 1.0
        ln_cost, old_cost = w[n.SOLVER_LN_COST + i], j[n.OFFER_LN_COST + i]
        j[n.OFFER_LN_COST + i] = ln_cost if better else old_cost
        for k in range(4):
            at = k * LANES + i
            e, old_e = w[n.CANDIDATE_UNIT_ATTRACTION + at], j[n.OFFER_UNIT_ATTRACTION + at]
            f, old_f = w[n.DESIGN_PERFORMANCE + at], j[n.OFFER_PERFORMANCE + at]
            j[n.OFFER_UNIT_ATTRACTION + at] = e if better else old_e
            j[n.OFFER_PERFORMANCE + at] = f if better else old_f


@tile
def _settle(w, j):
    """The tier's best candidate once more: its price to the last bit, what it sells and earns there, its index."""
    for i in range(LANES):
        on = j[n.OFFER_EXISTS + i] == 1.0
        ln_cost, ln_price = j[n.OFFER_LN_COST + i], j[n.OFFER_LN_PRICE + i]
        w[n.SOLVER_ACTIVE + i] = 1.0 if on else 0.0
        w[n.SOLVER_LN_COST + i] = ln_cost if on else 0.0
        w[n.SOLVER_LN_PRICE + i] = ln_price if on else 1.0
        for k in range(4):
            at = k * LANES + i
            e = j[n.OFFER_UNIT_ATTRACTION + at]
            w[n.SOLVER_ATTRACTION + at] = e * w[n.INVERSE_RIVALS + at] if on else 1.0
    solve_markup(w, CLOSE)
    spend(w)
    for i in range(LANES):
        w[n.CANDIDATE_MONOPOLY_PRICE + i] = exp(w[n.SOLVER_LN_PRICE + i])
    for i in range(LANES):
        star, price, clear = w[n.SOLVER_LN_PRICE + i], w[n.CANDIDATE_MONOPOLY_PRICE + i], j[n.OFFER_LN_QUOTA_PRICE + i]
        chips = w[n.SOLVER_SPENDING + i] / price
        j[n.OFFER_LN_PRICE + i] = star
        j[n.OFFER_LN_QUOTA_PRICE + i] = clear if chips > j[n.OFFER_QUOTA + i] else star
        j[n.OFFER_CHIPS_IF_ALL + i] = chips
        j[n.OFFER_EARNINGS + i] = chips * (price * j[n.OFFER_NET + i] - j[n.OFFER_UNIT_COST + i])
    for i in range(LANES):
        j[n.OFFER_VALUE + i] = _index_of_offer(w, j, i)


@inline
def _index_of_offer(w, j, i):
    """Value index of an offer, equation (3)."""
    f, weights = n.OFFER_PERFORMANCE + i, n.MARKET_WEIGHTS + i
    return index(
        j[f], j[f + LANES], j[f + 2 * LANES], j[f + 3 * LANES],
        w[weights], w[weights + LANES], w[weights + 2 * LANES], w[weights + 3 * LANES],
    )  # fmt: skip


@tile
def _plan(w, v, o, l):
    """Equation (9): plans 1, 2, 3 are a (open alone), b (licensed alone), c (shared out), 0 is none; reaches, v_E."""
    for i in range(LANES):
        has_o, has_l = o[n.OFFER_EXISTS + i] == 1.0, l[n.OFFER_EXISTS + i] == 1.0
        nre, avail = w[n.NRE_PER_STEP + i], v[n.LICENCES_AVAILABLE + i]
        nre_o = nre if o[n.OFFER_IS_CUT + i] == 1.0 else 0.0
        nre_l = nre if l[n.OFFER_IS_CUT + i] == 1.0 else 0.0
        gross_o, gross_l = o[n.OFFER_EARNINGS + i], l[n.OFFER_EARNINGS + i]
        star_o, star_l = o[n.OFFER_CHIPS_IF_ALL + i], l[n.OFFER_CHIPS_IF_ALL + i]
        v_o, v_l = o[n.OFFER_VALUE + i], l[n.OFFER_VALUE + i]
        stretch = l[n.OFFER_QUOTA + i] * avail / star_l
        phi = min(avail, stretch) if has_l else 0.0
        earns_o, earns_l = o[n.OFFER_PROFIT + i], l[n.OFFER_PROFIT + i]
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
        w[n.PLAN + i] = plan
        o[n.OFFER_REACH + i] = reach_o
        l[n.OFFER_REACH + i] = reach_l
        n_o, n_l = reach_o * star_o, reach_l * star_l
        both = (n_l * v_l + n_o * v_o) / (n_l + n_o)
        offered = v_o if plan == 1.0 else 0.0
        # A quota that serves a part of the demand is that much of an offer.
        offered = phi * v_l if plan == 2.0 else offered
        w[n.VALUE_OFFERED + i] = both if plan == 3.0 else offered
