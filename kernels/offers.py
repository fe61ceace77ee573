"""Offers and the plan: docs/model.md section 5.

Every design that a tier allows is priced (:mod:`tiercap.kernels.prices`); the best of each tier, and how the exporter
shares its customers out between the two, is what the market is offered.
"""

from __future__ import annotations

import numpy as np

from . import lanes as n
from ._jit import glue, inline, tile
from .designs import design, forget_best, sum_test_binds
from .lanes import LANES
from .params import MAX_BOXES
from .performance import index, index_lane, perform_in_logs
from .prices import CLOSE, CLOSE_ENOUGH, FAR, solve_markup, spend, start_markup
from .rules import box_in_use, load_box
from .vecmath import exp, log


@glue
def find_offers(w, v, x, catalogue, exponent, o, l):
    """The best candidate of each tier and the plan, for the market in the rows of the market.

    BEST_ADMITTED_VALUE is left with the best index that the rule lets flow.
    """
    _face_market(w)
    forget_best(w)
    _quota(w, v, x)
    # int64 keeps the compiler from making one copy of every tile for each constant it is called with.
    _search_tier(w, v, x, catalogue, exponent, np.int64(0), o)
    _search_tier(w, v, x, catalogue, exponent, np.int64(1), l)
    _plan(w, v, o, l)


@tile
def _face_market(w):
    """What every candidate of a market meets: its budgets on the desk, and reciprocals."""
    for i in range(4 * LANES):
        w[n.SOLVER_BUDGET + i] = w[n.REACHABLE_BUDGET + i]
        w[n.INVERSE_RIVALS + i] = 1.0 / w[n.RIVALS_ATTRACTION + i]
    for i in range(LANES):
        budget = (
            w[n.REACHABLE_BUDGET + i]
            + w[n.REACHABLE_BUDGET + LANES + i]
            + w[n.REACHABLE_BUDGET + 2 * LANES + i]
            + w[n.REACHABLE_BUDGET + 3 * LANES + i]
        )
        w[n.INVERSE_REACHABLE_BUDGET + i] = 1.0 / budget


@tile
def _clear_tier(w, v, tier, j):
    """Terms of a tier: net and c_e over c of equation (13); the open tier has none."""
    for i in range(LANES):
        j[n.OFFER_EXISTS + i] = 0.0
        j[n.OFFER_PROFIT + i] = -FAR
        tau = v[n.REVENUE_SHARE + i] if tier == 1 else 0.0
        spared = v[n.NO_DIVERSION + i] if tier == 1 else 0.0
        net = w[n.NET_OF_TARIFF + i] * (1.0 - tau)
        diverts = 0.0 if spared == 1.0 else w[n.CAPACITY_BINDS + i] * w[n.MARKUP_FACTOR_A + i]
        factor = (1.0 + diverts) / net
        w[n.TIER_NET + i] = net
        w[n.TIER_DIVERTS + i] = diverts
        w[n.TIER_COST_FACTOR + i] = factor if net > 0.0 else 0.0
        j[n.OFFER_NET + i] = net
        j[n.OFFER_DIVERTS + i] = diverts
        w[n.TIER_AVAILABLE + i] = v[n.LICENCES_AVAILABLE + i] if tier == 1 else 1.0


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
                            _candidate(w, x, exponent, tier, j)
                            found += 1
    if found > 0:
        _settle(w, j)


@tile
def _quota(w, v, x):
    """N of equation (11), but for the design's TPP: licensed chips a year, and their TPP a year."""
    for i in range(LANES):
        by_share = v[n.QUOTA_SHARE + i] * w[n.HOME_SHARE + i] * w[n.CHIPS_OF_A + i] * x[n.FRONTIER_TPP + i]
        by_share = by_share if by_share < FAR else FAR
        most = w[n.SPARE_SUPPLY + i] * w[n.CHIPS_OF_A + i]
        spare = most - w[n.CHIPS_OF_B + i]
        spare = spare if spare > 1e-12 * most else 0.0  # what rounding leaves is not for sale
        by_spare = spare if v[n.NO_DIVERSION + i] == 1.0 else FAR
        more = w[n.EVASION_FACTOR + i]
        w[n.TIER_QUOTA_CHIPS + i] = min(by_spare, min(v[n.QUOTA_CHIPS + i] * more, FAR))
        w[n.TIER_QUOTA_TPP + i] = min(min(v[n.QUOTA_TPP + i], by_share) * more, FAR)


@glue
def _candidate(w, x, exponent, tier, j):
    """Price a design and keep it if it beats the tier's best so far."""
    perform_in_logs(w, x, exponent)
    _set_desk(w, x)
    start_markup(w)
    solve_markup(w, CLOSE_ENOUGH)
    _hold_floor(w)
    _keep_candidate(w, tier, j)


@tile
def _set_desk(w, x):
    """The design on the solver's desk; its index, and the floor of equation (14), nobody's price below A's."""
    for i in range(LANES):
        admitted = w[n.DESIGN_ADMITTED + i] == 1.0
        value, best = index_lane(w, i, n.DESIGN_PERFORMANCE), w[n.BEST_ADMITTED_VALUE + i]
        w[n.CANDIDATE_VALUE + i] = value
        w[n.BEST_ADMITTED_VALUE + i] = value if admitted & (value > best) else best
        on = admitted & (w[n.TIER_NET + i] > 0.0)
        w[n.SOLVER_ACTIVE + i] = 1.0 if on else 0.0
        w[n.CANDIDATE_ON_MARKET + i] = 1.0 if on else 0.0
        cost = w[n.DESIGN_UNIT_COST + i] * w[n.TIER_COST_FACTOR + i]
        w[n.SOLVER_COST + i] = cost if on else 1.0
        w[n.CANDIDATE_LN_FLOOR + i] = x[n.REFERENCE_PRICE + i] * w[n.TARIFF_FACTOR + i] * _value_a(w, i)
    for i in range(LANES):
        w[n.SOLVER_LN_COST + i] = log(w[n.SOLVER_COST + i])
        w[n.CANDIDATE_LN_FLOOR + i] = log(w[n.CANDIDATE_LN_FLOOR + i])
    for k in range(4):
        for i in range(LANES):
            at = k * LANES + i
            e = exp(w[n.LN_EXPORTER_ATTRACTION + i] + w[n.PRICE_SENSITIVITY + i] * w[n.DESIGN_LN_PERFORMANCE + at])
            w[n.CANDIDATE_UNIT_ATTRACTION + at] = e
            w[n.SOLVER_ATTRACTION + at] = e * w[n.INVERSE_RIVALS + at]


@inline
def _value_a(w, i):
    """Value index of the design with A's weights, equation (7)."""
    return index(
        w[n.DESIGN_PERFORMANCE + i], w[n.DESIGN_PERFORMANCE + LANES + i], w[n.DESIGN_PERFORMANCE + 2 * LANES + i],
        w[n.DESIGN_PERFORMANCE + 3 * LANES + i], w[n.VALUE_WEIGHTS_A + i], w[n.VALUE_WEIGHTS_A + LANES + i],
        w[n.VALUE_WEIGHTS_A + 2 * LANES + i], w[n.VALUE_WEIGHTS_A + 3 * LANES + i],
    )  # fmt: skip


@tile
def _hold_floor(w):
    """p* of equation (14): the monopoly price, or the floor where that is higher; spending there."""
    for i in range(LANES):
        w[n.SOLVER_LN_PRICE + i] = max(w[n.SOLVER_LN_PRICE + i], w[n.CANDIDATE_LN_FLOOR + i])
    spend(w)
    for i in range(LANES):
        w[n.CANDIDATE_PRICE + i] = exp(w[n.SOLVER_LN_PRICE + i])


@tile
def _keep_candidate(w, tier, j):
    """Profit of the design under its tier's terms, with the share of buyers that licences serve: equation (15)."""
    for i in range(LANES):
        price, cost, cut = w[n.CANDIDATE_PRICE + i], w[n.DESIGN_UNIT_COST + i], w[n.DESIGN_IS_CUT + i]
        chips = w[n.SOLVER_SPENDING + i] / price
        limit = min(w[n.TIER_QUOTA_CHIPS + i], w[n.TIER_QUOTA_TPP + i] / w[n.DESIGN_TPP + i]) if tier == 1 else FAR
        avail = w[n.TIER_AVAILABLE + i]
        earned = chips * (price * w[n.TIER_NET + i] - cost * (1.0 + w[n.TIER_DIVERTS + i]))
        profit = min(avail, limit * avail / chips) * earned - (w[n.NRE + i] if cut == 1.0 else 0.0)
        old = j[n.OFFER_PROFIT + i]
        better = (w[n.CANDIDATE_ON_MARKET + i] == 1.0) & (limit > 0.0) & (avail > 0.0) & (profit > old)
        w[n.CANDIDATE_IS_BEST + i] = 1.0 if better else 0.0
        w[n.CANDIDATE_QUOTA + i] = limit
        j[n.OFFER_PROFIT + i] = profit if better else old
        before = j[n.OFFER_EXISTS + i]
        j[n.OFFER_EXISTS + i] = 1.0 if better else before
    _remember(w, j, n.OFFER_QUOTA, n.CANDIDATE_QUOTA)
    _remember(w, j, n.OFFER_LN_PRICE, n.SOLVER_LN_PRICE)
    _remember(w, j, n.OFFER_LN_FLOOR, n.CANDIDATE_LN_FLOOR)
    _remember(w, j, n.OFFER_LN_COST, n.SOLVER_LN_COST)
    _remember(w, j, n.OFFER_UNIT_COST, n.DESIGN_UNIT_COST)
    _remember(w, j, n.OFFER_IS_CUT, n.DESIGN_IS_CUT)
    _remember(w, j, n.OFFER_VALUE, n.CANDIDATE_VALUE)
    _remember(w, j, n.OFFER_COMPUTE, n.DESIGN_COMPUTE)
    for i in range(LANES):
        better = w[n.CANDIDATE_IS_BEST + i] == 1.0
        for k in range(4):
            at = k * LANES + i
            e, old_e = w[n.CANDIDATE_UNIT_ATTRACTION + at], j[n.OFFER_UNIT_ATTRACTION + at]
            f, old_f = w[n.DESIGN_PERFORMANCE + at], j[n.OFFER_PERFORMANCE + at]
            j[n.OFFER_UNIT_ATTRACTION + at] = e if better else old_e
            j[n.OFFER_PERFORMANCE + at] = f if better else old_f


@inline
def _remember(w, j, kept, candidate):
    for i in range(LANES):
        new, old = w[candidate + i], j[kept + i]
        j[kept + i] = new if w[n.CANDIDATE_IS_BEST + i] == 1.0 else old


@tile
def _settle(w, j):
    """The tier's best candidate once more: its price to the last bit, what it sells and earns there."""
    for i in range(LANES):
        on = j[n.OFFER_EXISTS + i] == 1.0
        ln_cost, ln_price, floor = j[n.OFFER_LN_COST + i], j[n.OFFER_LN_PRICE + i], j[n.OFFER_LN_FLOOR + i]
        w[n.SOLVER_ACTIVE + i] = 1.0 if on else 0.0
        w[n.SOLVER_LN_COST + i] = ln_cost if on else 0.0
        w[n.SOLVER_LN_PRICE + i] = ln_price if on else 1.0
        w[n.CANDIDATE_LN_FLOOR + i] = floor if on else -FAR
        for k in range(4):
            at = k * LANES + i
            e = j[n.OFFER_UNIT_ATTRACTION + at]
            w[n.SOLVER_ATTRACTION + at] = e * w[n.INVERSE_RIVALS + at] if on else 1.0
    solve_markup(w, CLOSE)
    _hold_floor(w)
    for i in range(LANES):
        on = j[n.OFFER_EXISTS + i] == 1.0
        price, diverts = w[n.CANDIDATE_PRICE + i], j[n.OFFER_DIVERTS + i]
        chips = w[n.SOLVER_SPENDING + i] / price
        j[n.OFFER_LN_PRICE + i] = w[n.SOLVER_LN_PRICE + i]
        j[n.OFFER_PRICE + i] = price if on else 0.0
        j[n.OFFER_CHIPS_IF_ALL + i] = chips
        j[n.OFFER_EARNINGS + i] = chips * (price * j[n.OFFER_NET + i] - j[n.OFFER_UNIT_COST + i] * (1.0 + diverts))
    for i in range(LANES):
        j[n.OFFER_VALUE_A + i] = index(
            j[n.OFFER_PERFORMANCE + i], j[n.OFFER_PERFORMANCE + LANES + i], j[n.OFFER_PERFORMANCE + 2 * LANES + i],
            j[n.OFFER_PERFORMANCE + 3 * LANES + i], w[n.VALUE_WEIGHTS_A + i], w[n.VALUE_WEIGHTS_A + LANES + i],
            w[n.VALUE_WEIGHTS_A + 2 * LANES + i], w[n.VALUE_WEIGHTS_A + 3 * LANES + i],
        )  # fmt: skip


@tile
def _plan(w, v, o, l):
    """The plans a, b, c of section 5: open alone (1), licensed alone (2), shared out (3), or nothing (0)."""
    for i in range(LANES):
        has_o, has_l = o[n.OFFER_EXISTS + i] == 1.0, l[n.OFFER_EXISTS + i] == 1.0
        nre, avail = w[n.NRE + i], v[n.LICENCES_AVAILABLE + i]
        fixed = (nre if o[n.OFFER_IS_CUT + i] == 1.0 else 0.0) + (nre if l[n.OFFER_IS_CUT + i] == 1.0 else 0.0)
        gross_o, gross_l = o[n.OFFER_EARNINGS + i], l[n.OFFER_EARNINGS + i]
        stretch = l[n.OFFER_QUOTA + i] * avail / l[n.OFFER_CHIPS_IF_ALL + i]
        phi = min(avail, stretch) if has_l else 0.0  # equation (15)
        earns_o, earns_l = o[n.OFFER_PROFIT + i], l[n.OFFER_PROFIT + i]
        profit_a = earns_o if has_o else 0.0
        profit_b = earns_l if has_l else 0.0
        profit_c = phi * gross_l + (1.0 - phi) * gross_o - fixed
        profit_c = profit_c if has_o & has_l & (phi < 1.0) else 0.0
        plan = 1.0 if profit_a > 0.0 else 0.0
        best = max(profit_a, 0.0)
        plan = 2.0 if profit_b > best * (1.0 + 1e-12) else plan
        best = profit_b if plan == 2.0 else best
        # Where one design stands in both tiers, a and c tie: rounding must not choose.
        plan = 3.0 if profit_c > best * (1.0 + 1e-12) else plan
        reach_o = 1.0 if plan == 1.0 else 0.0
        reach_o = 1.0 - phi if plan == 3.0 else reach_o
        w[n.PLAN + i] = plan
        o[n.OFFER_REACH + i] = reach_o
        l[n.OFFER_REACH + i] = phi if plan >= 2.0 else 0.0
        o[n.OFFER_IN_PLAN + i] = 1.0 if (plan == 1.0) | (plan == 3.0) else 0.0
        l[n.OFFER_IN_PLAN + i] = 1.0 if plan >= 2.0 else 0.0
