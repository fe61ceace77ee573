"""Levers into lanes, a tier's boxes, and the design a box leaves of a chip: docs/model.md section 4."""

from __future__ import annotations

import numpy as np

from . import lanes as n
from ._jit import inline, tile
from .lanes import LANES
from .params import LAGGED, MAX_BOXES, RELATIVE
from .perf import index, roofline
from .vecmath import exp, log, power


@inline
def _cut(figure, cap, kept):
    """A figure strictly below its cap stays, another is set a slack below the cap (kept is 1 - slack)."""
    return figure if figure < cap else kept * cap


@tile
def load_levers(levers, column, policies, group, v):
    """One group's levers of each lane's policy; levers: LEVERS[n_policies, n_phases], policies: int64[LANES]."""
    for i in range(LANES):
        row = levers[policies[i], column]
        g = row.c
        if group == 0:
            g = row.a
        elif group == 1:
            g = row.b
        for tier in range(2):
            for box in range(MAX_BOXES):
                at = (tier * MAX_BOXES + box) * LANES + i
                v[n.BOX_TPP + at] = g.tpp[tier, box]
                v[n.BOX_MEMORY + at] = g.memory[tier, box]
                v[n.BOX_INTERCONNECT + at] = g.interconnect[tier, box]
                v[n.BOX_DENSITY + at] = g.density[tier, box]
                v[n.BOX_BANDWIDTH_SUM + at] = g.bandwidth_sum[tier, box]
            v[n.SKU_BEFORE + tier * LANES + i] = g.sku_before[tier]
        v[n.QUOTA_SHARE + i] = g.quota_share
        v[n.QUOTA_CHIPS + i] = g.quota_chips
        v[n.QUOTA_TPP + i] = g.quota_tpp
        v[n.REVENUE_SHARE + i] = g.revenue_share
        v[n.DELAY + i] = g.delay
        v[n.NO_DIVERSION + i] = g.no_diversion
        v[n.INDEXATION + i] = g.indexation
        v[n.READING + i] = g.reading
    _count_boxes(v)


@tile
def scale_caps(v, y, since, dt):
    """Growth of absolute caps to time y, the share of the step for which licences are granted, the rule's age."""
    for i in range(LANES):
        v[n.RULE_AGE + i] = since * dt
        v[n.CAP_GROWTH + i] = power(1.0 + v[n.INDEXATION + i], y)
        v[n.LICENCES_AVAILABLE + i] = min(max((since + 1.0) - v[n.DELAY + i] / dt, 0.0), 1.0)


@inline
def _count_boxes(v):
    """In how many lanes each box admits anything: all five caps positive."""
    for place in range(2 * MAX_BOXES):
        at = place * LANES
        used = 0
        for i in range(LANES):
            least = min(min(v[n.BOX_TPP + at + i], v[n.BOX_MEMORY + at + i]), min(v[n.BOX_INTERCONNECT + at + i], v[n.BOX_DENSITY + at + i]))
            used += 1 if min(least, v[n.BOX_BANDWIDTH_SUM + at + i]) > 0.0 else 0
        v[n.BOX_LANES_IN_USE + place] = used


@inline
def box_in_use(v, tier, box):
    """Whether any lane's box admits anything."""
    return v[n.BOX_LANES_IN_USE + tier * MAX_BOXES + box] > 0.0


@tile
def load_box(w, v, x, tier, box, terms):
    """The five caps of a box as they read in the step of x, and 0 where the box or its tier admits nothing.

    terms 0 ignores quota and revenue share. Returns in how many lanes the sum of the bandwidths is capped.
    """
    at = (tier * MAX_BOXES + box) * LANES
    licensed = tier * terms
    other = sums = 0
    for i in range(LANES):
        tpp, mem, con = v[n.BOX_TPP + at + i], v[n.BOX_MEMORY + at + i], v[n.BOX_INTERCONNECT + at + i]
        den, total = v[n.BOX_DENSITY + at + i], v[n.BOX_BANDWIDTH_SUM + at + i]
        quota = min(min(v[n.QUOTA_SHARE + i], v[n.QUOTA_CHIPS + i]), v[n.QUOTA_TPP + i])
        flows = (licensed == 0) | ((quota > 0.0) & (v[n.REVENUE_SHARE + i] < 1.0))
        live = (min(min(min(tpp, mem), min(con, den)), total) > 0.0) & flows
        scale = v[n.CAP_GROWTH + i]
        # inf * 0 would be NaN: a dead box has every cap at 0.
        w[n.CAP_TPP + i] = tpp * scale if live else 0.0
        w[n.CAP_MEMORY + i] = mem * scale if live else 0.0
        w[n.CAP_INTERCONNECT + i] = con * scale if live else 0.0
        w[n.CAP_DENSITY + i] = den * scale if live else 0.0
        w[n.CAP_BANDWIDTH_SUM + i] = total * scale if live else 0.0
        w[n.LAST_LAUNCH + i] = v[n.SKU_BEFORE + tier * LANES + i]
        w[n.CUTS_ARE_READY + i] = 1.0 if v[n.RULE_AGE + i] >= w[n.DESIGN_LAG + i] else 0.0
        other += 1 if v[n.READING + i] != 0.0 else 0
        sums += 1 if live & (total < np.inf) else 0
    if other > 0:
        _read_against_frontier(w, v, x, at)
    return sums


@tile
def _read_against_frontier(w, v, x, at):
    """Caps given as shares of the frontier chip's figures, or as years behind the frontier."""
    for i in range(LANES):
        reading = v[n.READING + i]
        live = w[n.CAP_TPP + i] > 0.0
        if (reading == RELATIVE) & live:
            w[n.CAP_TPP + i] *= x[n.FRONTIER_TPP + i]
            w[n.CAP_MEMORY + i] *= x[n.FRONTIER_MEMORY + i]
            w[n.CAP_INTERCONNECT + i] *= x[n.FRONTIER_INTERCONNECT + i]
            w[n.CAP_DENSITY + i] *= x[n.FRONTIER_TPP + i] / x[n.FRONTIER_AREA + i]
            w[n.CAP_BANDWIDTH_SUM + i] *= x[n.FRONTIER_MEMORY + i] + x[n.FRONTIER_INTERCONNECT + i]
        if (reading == LAGGED) & live:
            w[n.CAP_TPP + i] = _lagged_tpp(w, x, i, v[n.BOX_TPP + at + i])
            w[n.CAP_MEMORY + i] = _lagged(x[n.PATH_MEMORY + i], w[n.LN_FRONTIER_GROWTH_MEMORY + i], v[n.BOX_MEMORY + at + i])
            w[n.CAP_INTERCONNECT + i] = _lagged(x[n.PATH_INTERCONNECT + i], w[n.LN_FRONTIER_GROWTH_INTERCONNECT + i], v[n.BOX_INTERCONNECT + at + i])
            w[n.CAP_DENSITY + i] = _lagged_tpp(w, x, i, v[n.BOX_DENSITY + at + i]) / x[n.FRONTIER_AREA + i]
            lag = v[n.BOX_BANDWIDTH_SUM + at + i]
            total = _lagged(x[n.PATH_MEMORY + i], w[n.LN_FRONTIER_GROWTH_MEMORY + i], lag) + _lagged(x[n.PATH_INTERCONNECT + i], w[n.LN_FRONTIER_GROWTH_INTERCONNECT + i], lag)
            w[n.CAP_BANDWIDTH_SUM + i] = total


@inline
def _lagged(figure, ln_growth, lag):
    return figure * exp(-lag * ln_growth) if lag < np.inf else np.inf


@inline
def _lagged_tpp(w, x, i, lag):
    uplift = w[n.FP4_UPLIFT + i] if x[n.PATH_DATE + i] - lag >= 2025.0 else 1.0
    return 8000.0 * uplift * _lagged(x[n.PATH_COMPUTE + i], w[n.LN_FRONTIER_GROWTH_COMPUTE + i], lag)


@tile
def sum_test_binds(w, x, chip):
    """Whether a cap on both bandwidths together leaves a second way to design the chip, in any lane."""
    at = chip * n.CHIP_ROWS * LANES
    both = 0
    for i in range(LANES):
        kept = w[n.ONE_LESS_SLACK + i]
        m = _cut(x[n.CHIP_MEMORY + at + i], w[n.CAP_MEMORY + i], kept)
        c = _cut(x[n.CHIP_INTERCONNECT + at + i], w[n.CAP_INTERCONNECT + i], kept)
        both += 1 if (m + c >= w[n.CAP_BANDWIDTH_SUM + i]) & (w[n.CAP_BANDWIDTH_SUM + i] > 0.0) else 0
    return both > 0


@tile
def design(w, x, area, chip, alternative):
    """Equation (5): the chip as the loaded box admits it. Returns how many lanes have a design.

    alternative 0 cuts memory, 1 interconnect where their sum is capped; where the sum does not bind the second
    repeats the first and is not a design of its own.
    """
    at = chip * n.CHIP_ROWS * LANES
    first = alternative == 0
    count = 0
    for i in range(LANES):
        kept = w[n.ONE_LESS_SLACK + i]
        f, m, c, tpp = x[n.CHIP_COMPUTE + at + i], x[n.CHIP_MEMORY + at + i], x[n.CHIP_INTERCONNECT + at + i], x[n.CHIP_TPP + at + i]
        cost, launch, on_sale = x[n.CHIP_UNIT_COST + at + i], x[n.CHIP_LAUNCH + at + i], x[n.CHIP_ON_SALE + at + i]
        total, sku = w[n.CAP_BANDWIDTH_SUM + i], w[n.LAST_LAUNCH + i]
        cap = min(w[n.CAP_TPP + i], w[n.CAP_DENSITY + i] * area)
        kappa = 1.0 if tpp < cap else kept * cap / tpp
        m_box = _cut(m, w[n.CAP_MEMORY + i], kept)
        c_box = _cut(c, w[n.CAP_INTERCONNECT + i], kept)
        over = m_box + c_box >= total
        new_m = kept * total - c_box if over & first else m_box
        new_c = kept * total - m_box if over & (not first) else c_box
        d = min(kappa, min(new_m / m, new_c / c))
        old_enough = (d == 1.0) & (launch <= sku)
        ok = (on_sale == 1.0) & (kappa > 0.0) & (new_m > 0.0) & (new_c > 0.0)
        ok = ok & (first | over) & ((sku == np.inf) | old_enough) & ((d == 1.0) | (w[n.CUTS_ARE_READY + i] == 1.0))
        share = w[n.COST_RETAINED + i] + (1.0 - w[n.COST_RETAINED + i]) * d
        # Lanes without a design carry the uncut chip, so that nothing downstream divides by zero.
        w[n.DESIGN_ADMITTED + i] = 1.0 if ok else 0.0
        w[n.DESIGN_COMPUTE + i] = kappa * f if ok else f
        w[n.DESIGN_MEMORY + i] = new_m if ok else m
        w[n.DESIGN_INTERCONNECT + i] = new_c if ok else c
        w[n.DESIGN_TPP + i] = kappa * tpp if ok else tpp
        w[n.DESIGN_IS_CUT + i] = 0.0 if d == 1.0 else 1.0
        w[n.DESIGN_UNIT_COST + i] = cost * share if ok else cost
        count += 1 if ok else 0
    return count


@inline
def _time(w, i, k, rf, rm, ri, exponent):
    at = k * LANES + i
    return roofline(rf, rm, ri, w[n.COMPUTE_WORK + at], w[n.MEMORY_WORK + at], w[n.NETWORK_WORK + at], w[n.REFERENCE_TIME + at], exponent)


@inline
def _roofline_lane(w, i, exponent):
    rf, rm, ri = 1.0 / w[n.DESIGN_COMPUTE + i], 1.0 / w[n.DESIGN_MEMORY + i], 1.0 / w[n.DESIGN_INTERCONNECT + i]
    w[n.DESIGN_PERFORMANCE + i] = _time(w, i, 0, rf, rm, ri, exponent)
    w[n.DESIGN_PERFORMANCE + 2 * LANES + i] = _time(w, i, 1, rf, rm, ri, exponent)
    w[n.DESIGN_PERFORMANCE + 3 * LANES + i] = _time(w, i, 2, rf, rm, ri, exponent)


@tile
def perform(w, x, exponent):
    """Performances of the chip in DESIGN_COMPUTE, DESIGN_MEMORY, DESIGN_INTERCONNECT: equations (1) and (2). DESIGN_LN_PERFORMANCE keeps ln f_st and 1 + u^exponent.

    The default exponent has a loop of its own, which compiles to squares and roots without a choice inside.
    """
    if exponent == 4:
        for i in range(LANES):
            _roofline_lane(w, i, 4)
    else:
        for i in range(LANES):
            _roofline_lane(w, i, exponent)
    for i in range(LANES):
        w[n.DESIGN_LN_PERFORMANCE + i] = log(w[n.DESIGN_PERFORMANCE + i])
    for i in range(LANES):
        w[n.DESIGN_LN_PERFORMANCE + LANES + i] = log(w[n.DESIGN_INTERCONNECT + i] * w[n.INVERSE_REFERENCE_INTERCONNECT + i])
    for i in range(LANES):
        ln_u = x[n.LN_RUN_OVER_WALL + i] - w[n.DESIGN_LN_PERFORMANCE + i] - w[n.NETWORK_EXPONENT + i] * w[n.DESIGN_LN_PERFORMANCE + LANES + i]
        more = 1.0 + exp(w[n.WALL_EXPONENT + i] * ln_u)
        w[n.DESIGN_LN_PERFORMANCE + LANES + i] = more
        w[n.DESIGN_PERFORMANCE + LANES + i] = w[n.DESIGN_PERFORMANCE + i] / more


@tile
def perform_in_logs(w, x, exponent):
    """`perform`, and the logarithms of the four performances in DESIGN_LN_PERFORMANCE."""
    perform(w, x, exponent)
    for i in range(LANES):
        w[n.DESIGN_LN_PERFORMANCE + LANES + i] = w[n.DESIGN_LN_PERFORMANCE + i] - log(w[n.DESIGN_LN_PERFORMANCE + LANES + i])
    for i in range(2 * LANES):
        w[n.DESIGN_LN_PERFORMANCE + 2 * LANES + i] = log(w[n.DESIGN_PERFORMANCE + 2 * LANES + i])


@inline
def index_lane(w, i, row):
    """Value index of the four performances in ``row``, weights in MARKET_WEIGHTS."""
    return index(
        w[row + i], w[row + LANES + i], w[row + 2 * LANES + i], w[row + 3 * LANES + i],
        w[n.MARKET_WEIGHTS + i], w[n.MARKET_WEIGHTS + LANES + i], w[n.MARKET_WEIGHTS + 2 * LANES + i], w[n.MARKET_WEIGHTS + 3 * LANES + i],
    )  # fmt: skip


@tile
def _forget_best(w):
    for i in range(LANES):
        w[n.BEST_ADMITTED_VALUE + i] = 0.0


@tile
def best_admitted(w, v, x, caps, catalogue, exponent, terms):
    """Largest index the loaded levers admit on the catalogue of x, into BEST_ADMITTED_VALUE; 0 where nothing is admitted.

    ``caps`` is the step whose frontier the caps refer to, x itself or, ahead of a tightening, the next. terms 0
    ignores quotas and revenue shares (group A buys freely). The best design's performances are left in BEST_ADMITTED_PERFORMANCE.
    """
    _forget_best(w)
    for tier in range(2):
        for box in range(MAX_BOXES):
            if box_in_use(v, tier, box):
                sums = load_box(w, v, caps, tier, box, terms)
                for chip in range(catalogue.shape[0]):
                    for alternative in range(2):
                        if alternative == 0 or (sums > 0 and sum_test_binds(w, x, chip)):
                            if design(w, x, catalogue[chip].area, chip, alternative) > 0:
                                perform(w, x, exponent)
                                _keep_best(w)


@tile
def _keep_best(w):
    for i in range(LANES):
        value, best = index_lane(w, i, n.DESIGN_PERFORMANCE), w[n.BEST_ADMITTED_VALUE + i]
        better = (w[n.DESIGN_ADMITTED + i] == 1.0) & (value > best)
        w[n.BEST_ADMITTED_VALUE + i] = value if better else best
        for k in range(4):
            at = k * LANES + i
            new, old = w[n.DESIGN_PERFORMANCE + at], w[n.BEST_ADMITTED_PERFORMANCE + at]
            w[n.BEST_ADMITTED_PERFORMANCE + at] = new if better else old
