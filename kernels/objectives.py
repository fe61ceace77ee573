"""A trajectory reduced to outcomes, and written out where it is asked for: docs/model.md section 9."""

from __future__ import annotations

import numpy as np

from . import lanes as n
from ._jit import REAL, ROWS, TABLE, WHOLE, inline, part, tile
from .lanes import LANES, FIRST_OUTCOME
from .params import OUTCOMES
from .vecmath import log, power


def _row(name: str) -> int:
    return FIRST_OUTCOME + OUTCOMES.index(name) * LANES


N_OUTCOMES = len(OUTCOMES)
#: A lead over a stock that hardly grows has no bound; it is reported up to here [years].
LONGEST_LEAD = 100.0

_REVENUE, _REVENUE_BC, _GAP, _SUBSTITUTION = (_row(s) for s in ("revenue", "revenue_bc", "gap", "substitution"))
_GROSS_A, _GROSS_B, _GROSS_C = (_row(f"gross_revenue_{g}") for g in "abc")
_TAKE, _DISPLACED, _DESIGN = (_row(s) for s in ("government_take", "displaced_revenue", "design_cost"))
_WRITE_DOWNS = _row("write_downs")
_UNITS_A, _UNITS_B, _UNITS_OPEN, _UNITS_LICENSED, _UNITS_GREY, _UNITS_DOMESTIC = (
    _row(f"units_{s}") for s in ("a", "b", "open", "licensed", "grey", "domestic")
)
_IMPORT, _DOMESTIC, _GREY = (_row(f"{s}_share_st") for s in ("import", "domestic", "grey"))
_GAP_W, _TERMINAL, _TERMINAL_W, _LEAD_W = (_row(s) for s in ("gap_st", "terminal_gap", "terminal_gap_st", "lead_st"))
_RATIO, _CAPACITY, _COST, _VALUE_D = (
    _row(s) for s in ("compute_ratio_max", "domestic_capacity", "domestic_cost", "domestic_value")
)
_REVENUE_D, _TERMINAL_D, _ACCESS, _TERMINAL_ACCESS = (
    _row(s) for s in ("domestic_revenue", "terminal_domestic_share", "buyer_access", "terminal_access")
)
_LOCK_IN, _PREMIUM, _CAPPED, _OSCILLATION = (
    _row(s) for s in ("lock_in", "grey_premium", "grey_capped", "oscillation")
)


@tile
def clear(w):
    """Zero the sums over steps."""
    for i in range(4 * LANES):
        w[n.EXPORTER_SPENDING_SUM + i] = 0.0
        w[n.DOMESTIC_SPENDING_SUM + i] = 0.0
        w[n.GREY_SPENDING_SUM + i] = 0.0
    for i in range(N_OUTCOMES * LANES):
        w[FIRST_OUTCOME + i] = 0.0


@part(ROWS, ROWS, ROWS, WHOLE, REAL, ROWS, ROWS)
def tally(w, x, a, n_steps, dt, o, l):
    """Add one step to the sums. Flows, stocks and prices of the step are in w; the state is still this step's."""
    for i in range(LANES):
        d = x[n.DISCOUNT + i]
        price = x[n.REFERENCE_PRICE + i]
        dh = w[n.DISPLACED + i]
        net_c = w[n.NET_REVENUE + i] - price * dh
        w[_REVENUE + i] += d * net_c
        w[_REVENUE_BC + i] += d * (net_c + a[n.SWING_NET_REVENUE + i])
        w[_SUBSTITUTION + i] += d * dt * w[n.RESEARCH + i]
        w[_GROSS_A + i] += d * price * (a[n.ALLIED_VALUE + i] - dh)
        w[_GROSS_B + i] += d * a[n.SWING_GROSS_REVENUE + i]
        w[_GROSS_C + i] += d * w[n.GROSS_REVENUE + i]
        w[_TAKE + i] += d * (w[n.GOVERNMENT_TAKE + i] + a[n.SWING_GOVERNMENT_TAKE + i])
        w[_DISPLACED + i] += d * price * dh
        w[_DESIGN + i] += d * w[n.DESIGN_COST + i]
        w[_WRITE_DOWNS + i] += d * w[n.WRITE_DOWNS + i]
        w[_REVENUE_D + i] += d * w[n.DOMESTIC_REVENUE + i]
        w[_UNITS_A + i] += a[n.ALLIED_CHIPS + i] * w[n.ALLIED_SHARE_KEPT + i]
        w[_UNITS_B + i] += a[n.SWING_CHIPS + i]
        w[_UNITS_OPEN + i] += o[n.OFFER_CHIPS + i]
        w[_UNITS_LICENSED + i] += l[n.OFFER_CHIPS + i]
        w[_UNITS_GREY + i] += w[n.GREY_CHIPS + i]
        w[_UNITS_DOMESTIC + i] += w[n.DOMESTIC_CHIPS + i]
        w[_ACCESS + i] += (1.0 - w[n.BARRED + i]) / n_steps
        w[_PREMIUM + i] += (w[n.GREY_PRICE + i] / (price * x[n.FRONTIER_VALUE_C + i]) - 1.0) / n_steps
        w[_CAPPED + i] += w[n.GREY_IS_CAPPED + i] / n_steps
        w[_TERMINAL + i] = 0.0
    for k in range(4):
        _tally_workload(w, x, k * LANES, dt)
    for i in range(LANES):
        w[_GAP + i] += x[n.DISCOUNT + i] * dt * w[_TERMINAL + i]


@inline
def _tally_workload(w, x, row, dt):
    for i in range(LANES):
        at = row + i
        w[n.EXPORTER_SPENDING_SUM + at] += w[n.EXPORTER_SPENDING + at]
        w[n.DOMESTIC_SPENDING_SUM + at] += w[n.DOMESTIC_SPENDING + at]
        w[n.GREY_SPENDING_SUM + at] += w[n.GREY_SPENDING + at]
        gap = w[n.LN_STOCK_RATIO + at] + w[n.ALGORITHM_GAP + i]
        w[_GAP_W + at] += x[n.DISCOUNT + i] * dt * gap
        w[_TERMINAL_W + at] = gap
        w[_TERMINAL + i] += w[n.CAPABILITY_WEIGHTS + at] * gap
        w[_RATIO + i] = max(w[_RATIO + i], w[n.STOCK_C + at] / max(w[n.STOCK_A + at], 1e-9))


@inline
def _share(part, whole):
    return part / whole if whole > 0.0 else 0.0


@part(ROWS, WHOLE, REAL)
def close(w, n_steps, dt):
    """Outcomes that need the whole run or the state after it."""
    for i in range(LANES):
        floor = w[n.COST_FLOOR + i]
        learnt = power(w[n.CUMULATIVE_OUTPUT + i] * w[n.INVERSE_OUTPUT_START + i], w[n.LEARNING_EXPONENT + i])
        w[_COST + i] = w[n.DOMESTIC_COST_START + i] * (floor + (1.0 - floor) * learnt)
        w[_CAPACITY + i] = w[n.DOMESTIC_CAPACITY + i]
        w[_VALUE_D + i] = w[n.DOMESTIC_VALUE + i]
        w[_TERMINAL_ACCESS + i] = 1.0 - w[n.BARRED + i]
        w[_LOCK_IN + i] = w[n.LOCK_IN + i]
        w[_OSCILLATION + i] = 1.0 if w[n.RESPONSE_TURNS + i] >= 3.0 else 0.0
        domestic = whole = 0.0
        for k in range(4):
            at = k * LANES + i
            e, d, g = w[n.EXPORTER_SPENDING_SUM + at], w[n.DOMESTIC_SPENDING_SUM + at], w[n.GREY_SPENDING_SUM + at]
            w[_IMPORT + at] = _share(e, e + d + g)
            w[_DOMESTIC + at] = _share(d, e + d + g)
            w[_GREY + at] = _share(g, e + d + g)
            domestic += w[n.DOMESTIC_SPENDING + at]
            whole += w[n.EXPORTER_SPENDING + at] + w[n.DOMESTIC_SPENDING + at] + w[n.GREY_SPENDING + at]
            growth = log(max(w[n.STOCK_A + at], 1e-9) / max(w[n.STOCK_A_BEFORE + at], 1e-9)) / dt
            lead = min(max(w[n.LN_STOCK_RATIO + at] / max(growth, 0.001), -LONGEST_LEAD), LONGEST_LEAD)
            w[_LEAD_W + at] = lead if n_steps > 1 else np.nan
        w[_TERMINAL_D + i] = _share(domestic, whole)


@tile
def report(w, out):
    """The lanes' outcomes; out: float64[N_OUTCOMES, LANES]."""
    for k in range(N_OUTCOMES):
        for i in range(LANES):
            out[k, i] = w[FIRST_OUTCOME + k * LANES + i]


@part(ROWS, ROWS, ROWS, ROWS, ROWS, TABLE)
def record(w, x, a, o, l, out):
    """One step of every lane, in the order of TRAJECTORY; out: float64[N_TRAJECTORY, LANES]."""
    for i in range(LANES):
        price = x[n.REFERENCE_PRICE + i]
        dh = w[n.DISPLACED + i]
        out[0, i] = price * (a[n.ALLIED_VALUE + i] - dh)
        out[1, i] = a[n.SWING_GROSS_REVENUE + i]
        out[2, i] = w[n.GROSS_REVENUE + i]
        out[3, i] = a[n.SWING_NET_REVENUE + i]
        out[4, i] = w[n.NET_REVENUE + i] - price * dh
        out[5, i] = w[n.GOVERNMENT_TAKE + i] + a[n.SWING_GOVERNMENT_TAKE + i]
        out[6, i] = a[n.ALLIED_CHIPS + i] * w[n.ALLIED_SHARE_KEPT + i]
        out[7, i] = a[n.SWING_CHIPS + i]
        out[8, i] = o[n.OFFER_CHIPS + i]
        out[9, i] = l[n.OFFER_CHIPS + i]
        out[10, i] = w[n.GREY_CHIPS + i]
        out[11, i] = w[n.DOMESTIC_CHIPS + i]
        out[12, i] = o[n.OFFER_PRICE + i] if o[n.OFFER_REACH + i] > 0.0 else 0.0
        out[13, i] = l[n.OFFER_PRICE + i] if l[n.OFFER_REACH + i] > 0.0 else 0.0
        out[14, i] = w[n.GREY_PRICE + i]
        out[15, i] = w[n.DOMESTIC_PRICE + i]
        out[16, i] = o[n.OFFER_VALUE + i] if o[n.OFFER_REACH + i] > 0.0 else 0.0
        out[17, i] = l[n.OFFER_VALUE + i] if l[n.OFFER_REACH + i] > 0.0 else 0.0
        out[18, i] = w[n.DOMESTIC_VALUE + i]
        total_gap = 0.0
        for k in range(4):
            at = k * LANES + i
            e, d, g = w[n.EXPORTER_SPENDING + at], w[n.DOMESTIC_SPENDING + at], w[n.GREY_SPENDING + at]
            out[19 + k, i] = _share(e, e + d + g)
            out[23 + k, i] = _share(d, e + d + g)
            out[27 + k, i] = _share(g, e + d + g)
            out[31 + k, i] = w[n.STOCK_A + at]
            out[35 + k, i] = w[n.STOCK_C + at]
            total_gap += w[n.CAPABILITY_WEIGHTS + at] * (w[n.LN_STOCK_RATIO + at] + w[n.ALGORITHM_GAP + i])
        out[39, i] = total_gap
        out[40, i] = w[n.RESEARCH + i]
        out[41, i] = w[n.DOMESTIC_CAPACITY + i]
        out[42, i] = w[n.DOMESTIC_COST + i]
        out[43, i] = w[n.WRITE_DOWNS + i]
        out[44, i] = w[n.BARRED + i]
        out[45, i] = w[n.LOCK_IN + i]
        out[46, i] = w[n.DENIAL + i]
        out[47, i] = w[n.GREY_PRICE + i] / (price * x[n.FRONTIER_VALUE_C + i]) - 1.0
