"""Levers into lanes, and a tier's boxes as they read in a step: docs/model.md section 4.

How a cap reads has no number on the page; the design that a box leaves of a chip is in :mod:`tiercap.kernels.designs`.
"""

from __future__ import annotations

import numpy as np

from . import lanes as n
from ._jit import inline, tile
from .lanes import LANES
from .params import LAGGED, MAX_BOXES, RELATIVE
from .vecmath import exp, power


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
        v[n.ENFORCEMENT_ADDED + i] = g.enforcement
        v[n.EQUIPMENT_CONTROL + i] = g.equipment_control
        v[n.MEMORY_CONTROL + i] = g.memory_control
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
            bandwidths = min(v[n.BOX_MEMORY + at + i], v[n.BOX_INTERCONNECT + at + i])
            least = min(bandwidths, min(v[n.BOX_TPP + at + i], v[n.BOX_DENSITY + at + i]))
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
            m, c = x[n.PATH_MEMORY + i], x[n.PATH_INTERCONNECT + i]
            growth_m, growth_c = w[n.LN_FRONTIER_GROWTH_MEMORY + i], w[n.LN_FRONTIER_GROWTH_INTERCONNECT + i]
            w[n.CAP_MEMORY + i] = _lagged(m, growth_m, v[n.BOX_MEMORY + at + i])
            w[n.CAP_INTERCONNECT + i] = _lagged(c, growth_c, v[n.BOX_INTERCONNECT + at + i])
            w[n.CAP_DENSITY + i] = _lagged_tpp(w, x, i, v[n.BOX_DENSITY + at + i]) / x[n.FRONTIER_AREA + i]
            lag = v[n.BOX_BANDWIDTH_SUM + at + i]
            w[n.CAP_BANDWIDTH_SUM + i] = _lagged(m, growth_m, lag) + _lagged(c, growth_c, lag)


@inline
def _lagged(figure, ln_growth, lag):
    return figure * exp(-lag * ln_growth) if lag < np.inf else np.inf


@inline
def _lagged_tpp(w, x, i, lag):
    uplift = w[n.FP4_UPLIFT + i] if x[n.PATH_DATE + i] - lag >= 2025.0 else 1.0
    return 8000.0 * uplift * _lagged(x[n.PATH_COMPUTE + i], w[n.LN_FRONTIER_GROWTH_COMPUTE + i], lag)


@inline
def leak_through(w, v, i):
    """What present enforcement and what is added to it let through, as a share; never nothing."""
    return max(w[n.LEAK_THROUGH + i] * (1.0 - v[n.ENFORCEMENT_ADDED + i]), 1e-3)
