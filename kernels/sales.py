"""What the exporter books on its offers, and what a tightening ahead does to them: docs/model.md equation (13)."""

from __future__ import annotations

import numpy as np

from . import lanes as n
from ._jit import glue, inline, tile
from .compliance import best_admitted, load_levers, scale_caps
from .lanes import LANES
from .params import ABSOLUTE
from .vecmath import power


@glue
def tightening(levers, policies, group, phase, t, since, dt, catalogue, exponent, x, w, v):
    """How much of today's best chip the next step's rule takes away: h = 1 - keep**zeta into TIGHTENING.

    Leaves the levers of step t loaded. Nothing is computed where nothing can tighten: the same policy with
    absolute caps that do not shrink, or the last step.
    """
    forgo = _cannot_tighten(w, v)
    if t + 1 < phase.size and not (forgo and phase[t + 1] == phase[t]):
        for now in range(2):  # the next step's rule, then this step's, whose levers stay loaded
            column = phase[t] if now == 1 else phase[t + 1]
            age = since if now == 1 else (since + 1 if phase[t + 1] == phase[t] else 0)
            caps = x[t] if now == 1 else x[t + 1]
            load_levers(levers, column, policies, group, v)
            scale_caps(v, (t + 1 - now) * dt, age, dt)
            best_admitted(w, v, x[t], caps, catalogue, exponent, np.int64(1))
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
    for i in range(LANES):
        now = w[n.BEST_ADMITTED_VALUE + i]
        left = w[n.BEST_ADMITTED_VALUE_NEXT + i] / now
        keep = min(1.0, left) if now > 0.0 else 1.0
        w[n.TIGHTENING + i] = 1.0 - power(keep, w[n.TIGHTENING_EXPONENT + i])


@tile
def book(w, v, x, next_budget, dt, o, l):
    """Stockpiling, write-downs and money of both offers at their prices; OFFER_CHIPS grows by what is pulled forward.

    next_budget is the row of x with the next step's annual budget, BUDGET_FACTOR_NEXT the factor on it.
    """
    for i in range(LANES):
        h, pull = w[n.TIGHTENING + i], w[n.STOCKPILE + i]
        units_o, units_l = o[n.OFFER_CHIPS + i], l[n.OFFER_CHIPS + i]
        price_o, price_l = o[n.OFFER_PRICE + i], l[n.OFFER_PRICE + i]
        w[n.WRITE_DOWNS + i] = w[n.WRITE_DOWN_SHARE + i] * h * (units_o * o[n.OFFER_UNIT_COST + i] + units_l * l[n.OFFER_UNIT_COST + i]) / dt
        more_o = pull * h * units_o
        room = max(l[n.OFFER_QUOTA + i] * v[n.LICENCES_AVAILABLE + i] - units_l, 0.0)
        more_l = min(pull * h * units_l, room)
        spending = more_o * price_o + more_l * price_l
        limit = 0.5 * x[next_budget + i] * dt * w[n.BUDGET_FACTOR_NEXT + i]
        over = limit / spending
        fit = over if spending > limit else 1.0
        w[n.SPENT_AHEAD + i] = spending * fit
        units_o += more_o * fit
        units_l += more_l * fit
        o[n.OFFER_CHIPS + i] = units_o
        l[n.OFFER_CHIPS + i] = units_l
        base = w[n.NET_OF_TARIFF + i]
        sales_l = price_l * units_l * base
        take = sales_l * v[n.REVENUE_SHARE + i]
        design = w[n.NRE_PER_STEP + i] * (_used(o[n.OFFER_IS_CUT + i], o[n.OFFER_REACH + i]) + _used(l[n.OFFER_IS_CUT + i], l[n.OFFER_REACH + i]))
        gross = price_o * units_o * base + sales_l
        w[n.DESIGN_COST + i] = design
        w[n.GROSS_REVENUE + i] = gross
        w[n.GOVERNMENT_TAKE + i] = take
        w[n.NET_REVENUE + i] = gross - take - design - w[n.WRITE_DOWNS + i]


@inline
def _used(cut, reach):
    return 1.0 if (cut == 1.0) & (reach > 0.0) else 0.0
