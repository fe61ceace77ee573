"""What a rule that follows does to sales before it: docs/model.md section 8, items 7 and 11."""

from __future__ import annotations

import numpy as np

from . import lanes as n
from ._jit import glue, tile
from .designs import best_admitted
from .lanes import LANES
from .rules import load_levers, scale_caps
from .vecmath import power


@glue
def next_step_of(phase, t):
    """The first step after t under another column of levers; the number of steps where there is none."""
    s = t + 1
    while s < phase.size and phase[s] == phase[t]:
        s += 1
    return s


@glue
def look_ahead(policies, lanes, group, t, later, since, scenarios, dt, x, w, v):
    """The best index that the next phase lets flow, with its caps at this step's middle, into ..._VALUE_NEXT.

    lanes : int64[LANES], the row of levers each lane obeys; later : the next phase's first step. The levers of step t
    are loaded again at the end.
    """
    y = (t + 0.5) * dt
    load_levers(policies.levers, policies.phase[later], lanes, group, v)
    scale_caps(v, y, 0, dt)
    best_admitted(w, v, x, scenarios.catalogue, scenarios.exponent, np.int64(1))
    _remember_next(w)
    load_levers(policies.levers, policies.phase[t], lanes, group, v)
    scale_caps(v, y, since, dt)


@tile
def _remember_next(w):
    for i in range(LANES):
        w[n.BEST_ADMITTED_VALUE_NEXT + i] = w[n.BEST_ADMITTED_VALUE + i]


@tile
def nothing_ahead(w, o, l):
    """No tightening, nothing pulled forward, nothing written down."""
    for i in range(LANES):
        w[n.WRITE_DOWNS + i] = 0.0
        w[n.SPENT_AHEAD + i] = 0.0
        o[n.OFFER_AHEAD + i] = 0.0
        l[n.OFFER_AHEAD + i] = 0.0


@tile
def pull_forward(w, v, o, l):
    """Stockpiles and write-downs of equation (44), in the last step of a phase; BUDGET_PLANNED bounds the first."""
    for i in range(LANES):
        now = w[n.BEST_ADMITTED_VALUE + i]
        left = w[n.BEST_ADMITTED_VALUE_NEXT + i] / now
        keep = min(1.0, left) if now > 0.0 else 1.0
        w[n.TIGHTENING + i] = 1.0 - power(keep, w[n.TIGHTENING_EXPONENT + i])
    for i in range(LANES):
        h, pull = w[n.TIGHTENING + i], w[n.STOCKPILE + i]
        chips_o, chips_l = o[n.OFFER_CHIPS + i], l[n.OFFER_CHIPS + i]
        goods = chips_o * o[n.OFFER_UNIT_COST + i] + chips_l * l[n.OFFER_UNIT_COST + i]
        w[n.WRITE_DOWNS + i] = w[n.WRITE_DOWN_SHARE + i] * h * goods
        more_o = pull * h * chips_o
        room = max(l[n.OFFER_QUOTA + i] * v[n.LICENCES_AVAILABLE + i] - chips_l, 0.0)
        more_l = min(pull * h * chips_l, room)
        spending = more_o * o[n.OFFER_PRICE + i] + more_l * l[n.OFFER_PRICE + i]
        limit = 0.5 * w[n.BUDGET_PLANNED + i]
        over = limit / spending
        fit = over if spending > limit else 1.0
        w[n.SPENT_AHEAD + i] = spending * fit
        o[n.OFFER_AHEAD + i] = more_o * fit
        l[n.OFFER_AHEAD + i] = more_l * fit
