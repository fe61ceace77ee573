"""What a tightening ahead does to sales: docs/model.md section 8, item 6."""

from __future__ import annotations

import numpy as np

from . import lanes as n
from ._jit import glue, tile
from .designs import best_admitted
from .lanes import LANES
from .params import ABSOLUTE
from .rules import load_levers, scale_caps
from .vecmath import power


@glue
def tightening(policies, lanes, group, t, since, scenarios, dt, x, w, v):
    """How much of today's best chip the next step's rule takes away: h of equation (13) into TIGHTENING.

    lanes : int64[LANES], the row of levers each lane obeys; x : the paths of the lanes' scenarios, step by step.
    Leaves the levers of step t loaded. Nothing is computed where nothing can tighten: the same policy with
    absolute caps that do not shrink, or the last step.
    """
    forgo = _cannot_tighten(w, v)
    phase = policies.phase
    if t + 1 < phase.size and not (forgo and phase[t + 1] == phase[t]):
        for now in range(2):  # the next step's rule, then this step's, whose levers stay loaded
            column = phase[t] if now == 1 else phase[t + 1]
            age = since if now == 1 else (since + 1 if phase[t + 1] == phase[t] else 0)
            caps = x[t] if now == 1 else x[t + 1]
            load_levers(policies.levers, column, lanes, group, v)
            scale_caps(v, (t + 1 - now) * dt, age, dt)
            best_admitted(w, v, x[t], caps, scenarios.catalogue, scenarios.exponent, np.int64(1))
            if now == 0:
                _remember_next(w)
        _measure_tightening(w)


@tile
def _cannot_tighten(w, v):
    """Zero TIGHTENING; whether the loaded rule, left alone, admits no less a step later in every lane."""
    tightening_lanes = 0
    for i in range(LANES):
        w[n.TIGHTENING + i] = 0.0
        tightening_lanes += 1 if (v[n.INDEXATION + i] < 0.0) | (v[n.READING + i] != ABSOLUTE) else 0
    return tightening_lanes == 0


@tile
def _remember_next(w):
    for i in range(LANES):
        w[n.BEST_ADMITTED_VALUE_NEXT + i] = w[n.BEST_ADMITTED_VALUE + i]


@tile
def _measure_tightening(w):
    """keep and h of equation (13)."""
    for i in range(LANES):
        now = w[n.BEST_ADMITTED_VALUE + i]
        left = w[n.BEST_ADMITTED_VALUE_NEXT + i] / now
        keep = min(1.0, left) if now > 0.0 else 1.0
        w[n.TIGHTENING + i] = 1.0 - power(keep, w[n.TIGHTENING_EXPONENT + i])


@tile
def pull_forward(w, v, x, next_budget, dt, o, l):
    """Stockpiles and write-downs of equation (13): OFFER_CHIPS grows by what is pulled forward.

    next_budget is the row of x with the next step's annual budget, BUDGET_FACTOR_NEXT the factor on it.
    """
    for i in range(LANES):
        h, pull = w[n.TIGHTENING + i], w[n.STOCKPILE + i]
        chips_o, chips_l = o[n.OFFER_CHIPS + i], l[n.OFFER_CHIPS + i]
        goods = chips_o * o[n.OFFER_UNIT_COST + i] + chips_l * l[n.OFFER_UNIT_COST + i]
        w[n.WRITE_DOWNS + i] = w[n.WRITE_DOWN_SHARE + i] * h * goods / dt
        more_o = pull * h * chips_o
        room = max(l[n.OFFER_QUOTA + i] * v[n.LICENCES_AVAILABLE + i] - chips_l, 0.0)
        more_l = min(pull * h * chips_l, room)
        spending = more_o * o[n.OFFER_PRICE + i] + more_l * l[n.OFFER_PRICE + i]
        limit = 0.5 * x[next_budget + i] * dt * w[n.BUDGET_FACTOR_NEXT + i]
        over = limit / spending
        fit = over if spending > limit else 1.0
        w[n.SPENT_AHEAD + i] = spending * fit
        o[n.OFFER_CHIPS + i] = chips_o + more_o * fit
        l[n.OFFER_CHIPS + i] = chips_l + more_l * fit
