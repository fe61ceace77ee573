"""Levers into lanes, a tier's boxes, and the design a box leaves of a chip: docs/model.md section 4."""

from __future__ import annotations

import numpy as np

from . import lanes as n
from ._jit import inline, tile
from .lanes import LANES
from .params import LAGGED, MAX_BOXES, RELATIVE
from .perf import index, roofline, wall
from .vecmath import exp, power


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
                v[n.V_TPP + at] = g.tpp[tier, box]
                v[n.V_MEM + at] = g.memory[tier, box]
                v[n.V_INT + at] = g.interconnect[tier, box]
                v[n.V_DEN + at] = g.density[tier, box]
                v[n.V_SUM + at] = g.bandwidth_sum[tier, box]
            v[n.V_SKU + tier * LANES + i] = g.sku_before[tier]
        v[n.V_QSHARE + i] = g.quota_share
        v[n.V_QCHIPS + i] = g.quota_chips
        v[n.V_QTPP + i] = g.quota_tpp
        v[n.V_TAU + i] = g.revenue_share
        v[n.V_DELAY + i] = g.delay
        v[n.V_NODIV + i] = g.no_diversion
        v[n.V_IOTA + i] = g.indexation
        v[n.V_READ + i] = g.reading


@tile
def scale_caps(v, y, since, dt):
    """Growth of absolute caps to time y, the share of the step for which licences are granted, the rule's age."""
    for i in range(LANES):
        v[n.V_AGE + i] = since * dt
        v[n.V_SCALE + i] = power(1.0 + v[n.V_IOTA + i], y)
        v[n.V_AVAIL + i] = min(max((since + 1.0) - v[n.V_DELAY + i] / dt, 0.0), 1.0)


@tile
def box_in_use(v, tier, box):
    """Whether any lane's box admits anything: all five caps positive."""
    at = (tier * MAX_BOXES + box) * LANES
    used = 0
    for i in range(LANES):
        least = min(min(v[n.V_TPP + at + i], v[n.V_MEM + at + i]), min(v[n.V_INT + at + i], v[n.V_DEN + at + i]))
        used += 1 if min(least, v[n.V_SUM + at + i]) > 0.0 else 0
    return used > 0


@tile
def load_box(w, v, x, tier, box, terms):
    """The five caps of a box as they read in the step of x, and 0 where the box or its tier admits nothing.

    terms 0 ignores quota and revenue share.
    """
    at = (tier * MAX_BOXES + box) * LANES
    licensed = tier * terms
    other = 0
    for i in range(LANES):
        tpp, mem, con = v[n.V_TPP + at + i], v[n.V_MEM + at + i], v[n.V_INT + at + i]
        den, total = v[n.V_DEN + at + i], v[n.V_SUM + at + i]
        quota = min(min(v[n.V_QSHARE + i], v[n.V_QCHIPS + i]), v[n.V_QTPP + i])
        flows = (licensed == 0) | ((quota > 0.0) & (v[n.V_TAU + i] < 1.0))
        live = (min(min(min(tpp, mem), min(con, den)), total) > 0.0) & flows
        scale = v[n.V_SCALE + i]
        # inf * 0 would be NaN: a dead box has every cap at 0.
        w[n.B_T + i] = tpp * scale if live else 0.0
        w[n.B_M + i] = mem * scale if live else 0.0
        w[n.B_I + i] = con * scale if live else 0.0
        w[n.B_D + i] = den * scale if live else 0.0
        w[n.B_S + i] = total * scale if live else 0.0
        w[n.B_SKU + i] = v[n.V_SKU + tier * LANES + i]
        w[n.B_CUT + i] = 1.0 if v[n.V_AGE + i] >= w[n.Q_LAG + i] else 0.0
        other += 1 if v[n.V_READ + i] != 0.0 else 0
    if other > 0:
        _read_against_frontier(w, v, x, at)


@tile
def _read_against_frontier(w, v, x, at):
    """Caps given as shares of the frontier chip's figures, or as years behind the frontier."""
    for i in range(LANES):
        reading = v[n.V_READ + i]
        live = w[n.B_T + i] > 0.0
        if (reading == RELATIVE) & live:
            w[n.B_T + i] *= x[n.X_FTPP + i]
            w[n.B_M + i] *= x[n.X_FM + i]
            w[n.B_I + i] *= x[n.X_FI + i]
            w[n.B_D + i] *= x[n.X_FTPP + i] / x[n.X_FAREA + i]
            w[n.B_S + i] *= x[n.X_FM + i] + x[n.X_FI + i]
        if (reading == LAGGED) & live:
            w[n.B_T + i] = _lagged_tpp(w, x, i, v[n.V_TPP + at + i])
            w[n.B_M + i] = _lagged(x[n.X_PM + i], w[n.Q_LNGM + i], v[n.V_MEM + at + i])
            w[n.B_I + i] = _lagged(x[n.X_PI + i], w[n.Q_LNGI + i], v[n.V_INT + at + i])
            w[n.B_D + i] = _lagged_tpp(w, x, i, v[n.V_DEN + at + i]) / x[n.X_FAREA + i]
            lag = v[n.V_SUM + at + i]
            total = _lagged(x[n.X_PM + i], w[n.Q_LNGM + i], lag) + _lagged(x[n.X_PI + i], w[n.Q_LNGI + i], lag)
            w[n.B_S + i] = total


@inline
def _lagged(figure, ln_growth, lag):
    return figure * exp(-lag * ln_growth) if lag < np.inf else np.inf


@inline
def _lagged_tpp(w, x, i, lag):
    uplift = w[n.Q_FP4 + i] if x[n.X_PTIME + i] - lag >= 2025.0 else 1.0
    return 8000.0 * uplift * _lagged(x[n.X_PF + i], w[n.Q_LNGF + i], lag)


@tile
def sum_test_binds(w, x, chip):
    """Whether a cap on both bandwidths together leaves a second way to design the chip, in any lane."""
    at = chip * n.CHIP_ROWS * LANES
    both = 0
    for i in range(LANES):
        kept = w[n.Q_KEPT + i]
        m = _cut(x[n.X_CM + at + i], w[n.B_M + i], kept)
        c = _cut(x[n.X_CI + at + i], w[n.B_I + i], kept)
        both += 1 if (m + c >= w[n.B_S + i]) & (w[n.B_S + i] > 0.0) else 0
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
        kept = w[n.Q_KEPT + i]
        f, m, c, tpp = x[n.X_CF + at + i], x[n.X_CM + at + i], x[n.X_CI + at + i], x[n.X_CTPP + at + i]
        cost, launch, on_sale = x[n.X_CCOST + at + i], x[n.X_CLAUNCH + at + i], x[n.X_CON + at + i]
        total, sku = w[n.B_S + i], w[n.B_SKU + i]
        cap = min(w[n.B_T + i], w[n.B_D + i] * area)
        kappa = 1.0 if tpp < cap else kept * cap / tpp
        m_box = _cut(m, w[n.B_M + i], kept)
        c_box = _cut(c, w[n.B_I + i], kept)
        over = m_box + c_box >= total
        new_m = kept * total - c_box if over & first else m_box
        new_c = kept * total - m_box if over & (not first) else c_box
        d = min(kappa, min(new_m / m, new_c / c))
        old_enough = (d == 1.0) & (launch <= sku)
        ok = (on_sale == 1.0) & (kappa > 0.0) & (new_m > 0.0) & (new_c > 0.0)
        ok = ok & (first | over) & ((sku == np.inf) | old_enough) & ((d == 1.0) | (w[n.B_CUT + i] == 1.0))
        share = w[n.Q_RETAINED + i] + (1.0 - w[n.Q_RETAINED + i]) * d
        # Lanes without a design carry the uncut chip, so that nothing downstream divides by zero.
        w[n.D_OK + i] = 1.0 if ok else 0.0
        w[n.D_F + i] = kappa * f if ok else f
        w[n.D_M + i] = new_m if ok else m
        w[n.D_I + i] = new_c if ok else c
        w[n.D_TPP + i] = kappa * tpp if ok else tpp
        w[n.D_CUT + i] = 0.0 if d == 1.0 else 1.0
        w[n.D_COST + i] = cost * share if ok else cost
        count += 1 if ok else 0
    return count


@inline
def _time(w, i, k, rf, rm, ri, exponent):
    at = k * LANES + i
    return roofline(rf, rm, ri, w[n.Q_TF + at], w[n.Q_TM + at], w[n.Q_TI + at], w[n.Q_T0 + at], exponent)


@inline
def _perform_lane(w, x, i, exponent):
    rf, rm, ri = 1.0 / w[n.D_F + i], 1.0 / w[n.D_M + i], 1.0 / w[n.D_I + i]
    st = _time(w, i, 0, rf, rm, ri, exponent)
    ratio = w[n.D_I + i] * w[n.Q_RI0 + i]
    w[n.D_W + i] = st
    w[n.D_W + LANES + i] = wall(st, ratio, x[n.X_LNRHO + i], w[n.Q_WALL + i], w[n.Q_NETWORK + i])
    w[n.D_W + 2 * LANES + i] = _time(w, i, 1, rf, rm, ri, exponent)
    w[n.D_W + 3 * LANES + i] = _time(w, i, 2, rf, rm, ri, exponent)


@tile
def perform(w, x, exponent):
    """Performances and index of the chip in D_F, D_M, D_I: equations (1) to (3), group weights in M_OMEGA.

    The default exponent has a loop of its own, which compiles to squares and roots without a choice inside.
    """
    if exponent == 4:
        for i in range(LANES):
            _perform_lane(w, x, i, 4)
    else:
        for i in range(LANES):
            _perform_lane(w, x, i, exponent)
    for i in range(LANES):
        w[n.D_V + i] = index_lane(w, i, n.D_W)


@inline
def index_lane(w, i, row):
    """Value index of the four performances in ``row``, weights in M_OMEGA."""
    return index(
        w[row + i], w[row + LANES + i], w[row + 2 * LANES + i], w[row + 3 * LANES + i],
        w[n.M_OMEGA + i], w[n.M_OMEGA + LANES + i], w[n.M_OMEGA + 2 * LANES + i], w[n.M_OMEGA + 3 * LANES + i],
    )  # fmt: skip


@tile
def _forget_best(w):
    for i in range(LANES):
        w[n.K_NOW + i] = 0.0


@tile
def best_admitted(w, v, x, caps, catalogue, exponent, terms):
    """Largest index the loaded levers admit on the catalogue of x, into K_NOW; 0 where nothing is admitted.

    ``caps`` is the step whose frontier the caps refer to, x itself or, ahead of a tightening, the next. terms 0
    ignores quotas and revenue shares (group A buys freely). The best design's performances are left in G_W.
    """
    _forget_best(w)
    for tier in range(2):
        for box in range(MAX_BOXES):
            if box_in_use(v, tier, box):
                load_box(w, v, caps, tier, box, terms)
                for chip in range(catalogue.shape[0]):
                    for alternative in range(2):
                        if alternative == 0 or sum_test_binds(w, x, chip):
                            if design(w, x, catalogue[chip].area, chip, alternative) > 0:
                                perform(w, x, exponent)
                                _keep_best(w)


@tile
def _keep_best(w):
    for i in range(LANES):
        value, best = w[n.D_V + i], w[n.K_NOW + i]
        better = (w[n.D_OK + i] == 1.0) & (value > best)
        w[n.K_NOW + i] = value if better else best
        for k in range(4):
            at = k * LANES + i
            new, old = w[n.D_W + at], w[n.G_W + at]
            w[n.G_W + at] = new if better else old
