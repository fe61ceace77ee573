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
    """How much of today's best chip the next step's rule takes away: h = 1 - keep**zeta into K_H.

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
    """Zero K_H; whether the loaded rule, left alone, admits no less a step later in every lane."""
    tightening_lanes = 0
    for i in range(LANES):
        w[n.K_H + i] = 0.0
        tightening_lanes += 1 if (v[n.V_IOTA + i] < 0.0) | (v[n.V_READ + i] != ABSOLUTE) else 0
    return tightening_lanes == 0


@tile
def _remember_next(w):
    for i in range(LANES):
        w[n.K_NEXT + i] = w[n.K_NOW + i]


@tile
def _measure_tightening(w):
    for i in range(LANES):
        now = w[n.K_NOW + i]
        left = w[n.K_NEXT + i] / now
        keep = min(1.0, left) if now > 0.0 else 1.0
        w[n.K_H + i] = 1.0 - power(keep, w[n.Q_ZETA + i])


@tile
def book(w, v, x, next_budget, dt, o, l):
    """Stockpiling, write-downs and money of both offers at their prices; J_UNITS grows by what is pulled forward.

    next_budget is the row of x with the next step's annual budget, C_ELASTIC the factor on it.
    """
    for i in range(LANES):
        h, pull = w[n.K_H + i], w[n.Q_PULL + i]
        units_o, units_l = o[n.J_UNITS + i], l[n.J_UNITS + i]
        price_o, price_l = o[n.J_PRICE + i], l[n.J_PRICE + i]
        w[n.K_WD + i] = w[n.Q_WDOWN + i] * h * (units_o * o[n.J_COST + i] + units_l * l[n.J_COST + i]) / dt
        more_o = pull * h * units_o
        room = max(l[n.J_N + i] * v[n.V_AVAIL + i] - units_l, 0.0)
        more_l = min(pull * h * units_l, room)
        spending = more_o * price_o + more_l * price_l
        limit = 0.5 * x[next_budget + i] * dt * w[n.C_ELASTIC + i]
        over = limit / spending
        fit = over if spending > limit else 1.0
        w[n.K_PULLED + i] = spending * fit
        units_o += more_o * fit
        units_l += more_l * fit
        o[n.J_UNITS + i] = units_o
        l[n.J_UNITS + i] = units_l
        base = w[n.T_NETBASE + i]
        sales_l = price_l * units_l * base
        take = sales_l * v[n.V_TAU + i]
        design = w[n.Q_NRE + i] * (_used(o[n.J_CUT + i], o[n.J_REACH + i]) + _used(l[n.J_CUT + i], l[n.J_REACH + i]))
        gross = price_o * units_o * base + sales_l
        w[n.K_DESIGN + i] = design
        w[n.K_GROSS + i] = gross
        w[n.K_TAKE + i] = take
        w[n.K_NETREV + i] = gross - take - design - w[n.K_WD + i]


@inline
def _used(cut, reach):
    return 1.0 if (cut == 1.0) & (reach > 0.0) else 0.0
