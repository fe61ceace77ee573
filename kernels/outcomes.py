"""A trajectory reduced to outcomes, and written out where it is asked for: docs/model.md section 9."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Iterable
from typing import Any

import numpy as np

from . import lanes as n
from ._jit import REAL, ROWS, TABLE, WHOLE, inline, part, tile
from .lanes import FIRST_OUTCOME, LANES
from .params import OUTCOMES, TRAJECTORY
from .vecmath import log, power

N_OUTCOMES = len(OUTCOMES)
#: A lead over a stock that hardly grows has no bound; it is reported up to here [years].
LONGEST_LEAD = 100.0


def _by_name(names: Iterable[str], rows: Iterable[int]) -> Any:
    """Rows by name: a tuple that the compiler reads as constants. A name with ``_st`` leads the four workloads."""
    return namedtuple("Rows", tuple(names))(*rows)  # type: ignore[misc, arg-type]


#: Where the sum of each outcome stands in w, and which row of a step's table each field of the trajectory is.
OUTCOME = _by_name(OUTCOMES, range(FIRST_OUTCOME, FIRST_OUTCOME + N_OUTCOMES * LANES, LANES))
FIELD = _by_name(TRAJECTORY, range(len(TRAJECTORY)))


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
        w[OUTCOME.revenue + i] += d * net_c
        w[OUTCOME.revenue_bc + i] += d * (net_c + a[n.SWING_NET_REVENUE + i])
        w[OUTCOME.substitution + i] += d * dt * w[n.RESEARCH + i]
        w[OUTCOME.gross_revenue_a + i] += d * price * (a[n.ALLIED_VALUE + i] - dh)
        w[OUTCOME.gross_revenue_b + i] += d * a[n.SWING_GROSS_REVENUE + i]
        w[OUTCOME.gross_revenue_c + i] += d * w[n.GROSS_REVENUE + i]
        w[OUTCOME.government_take + i] += d * (w[n.GOVERNMENT_TAKE + i] + a[n.SWING_GOVERNMENT_TAKE + i])
        w[OUTCOME.displaced_revenue + i] += d * price * dh
        w[OUTCOME.design_cost + i] += d * w[n.DESIGN_COST + i]
        w[OUTCOME.write_downs + i] += d * w[n.WRITE_DOWNS + i]
        w[OUTCOME.domestic_revenue + i] += d * w[n.DOMESTIC_REVENUE + i]
        w[OUTCOME.units_a + i] += a[n.ALLIED_CHIPS + i] * w[n.ALLIED_SHARE_KEPT + i]
        w[OUTCOME.units_b + i] += a[n.SWING_CHIPS + i]
        w[OUTCOME.units_open + i] += o[n.OFFER_CHIPS + i]
        w[OUTCOME.units_licensed + i] += l[n.OFFER_CHIPS + i]
        w[OUTCOME.units_grey + i] += w[n.GREY_CHIPS + i]
        w[OUTCOME.units_domestic + i] += w[n.DOMESTIC_CHIPS + i]
        w[OUTCOME.buyer_access + i] += (1.0 - w[n.BARRED + i]) / n_steps
        w[OUTCOME.grey_premium + i] += (w[n.GREY_PRICE + i] / (price * x[n.FRONTIER_VALUE_C + i]) - 1.0) / n_steps
        w[OUTCOME.grey_capped + i] += w[n.GREY_IS_CAPPED + i] / n_steps
        w[OUTCOME.terminal_gap + i] = 0.0
    for k in range(4):
        _tally_workload(w, x, k * LANES, dt)
    for i in range(LANES):
        w[OUTCOME.gap + i] += x[n.DISCOUNT + i] * dt * w[OUTCOME.terminal_gap + i]


@inline
def _tally_workload(w, x, row, dt):
    """Spending and the gap of equation (15) on one workload."""
    for i in range(LANES):
        at = row + i
        w[n.EXPORTER_SPENDING_SUM + at] += w[n.EXPORTER_SPENDING + at]
        w[n.DOMESTIC_SPENDING_SUM + at] += w[n.DOMESTIC_SPENDING + at]
        w[n.GREY_SPENDING_SUM + at] += w[n.GREY_SPENDING + at]
        gap = w[n.LN_STOCK_RATIO + at] + w[n.ALGORITHM_GAP + i]
        w[OUTCOME.gap_st + at] += x[n.DISCOUNT + i] * dt * gap
        w[OUTCOME.terminal_gap_st + at] = gap
        w[OUTCOME.terminal_gap + i] += w[n.CAPABILITY_WEIGHTS + at] * gap
        ratio = w[n.STOCK_C + at] / max(w[n.STOCK_A + at], 1e-9)
        w[OUTCOME.compute_ratio_max + i] = max(w[OUTCOME.compute_ratio_max + i], ratio)


@inline
def _share(part, whole):
    return part / whole if whole > 0.0 else 0.0


@part(ROWS, WHOLE, REAL)
def close(w, n_steps, dt):
    """Outcomes that need the whole run or the state after it; the cost of equation (10) among them."""
    for i in range(LANES):
        floor = w[n.COST_FLOOR + i]
        learnt = power(w[n.CUMULATIVE_OUTPUT + i] * w[n.INVERSE_OUTPUT_START + i], w[n.LEARNING_EXPONENT + i])
        w[OUTCOME.domestic_cost + i] = w[n.DOMESTIC_COST_START + i] * (floor + (1.0 - floor) * learnt)
        w[OUTCOME.domestic_capacity + i] = w[n.DOMESTIC_CAPACITY + i]
        w[OUTCOME.domestic_value + i] = w[n.DOMESTIC_VALUE + i]
        w[OUTCOME.terminal_access + i] = 1.0 - w[n.BARRED + i]
        w[OUTCOME.lock_in + i] = w[n.LOCK_IN + i]
        w[OUTCOME.oscillation + i] = 1.0 if w[n.RESPONSE_TURNS + i] >= 3.0 else 0.0
        domestic = whole = 0.0
        for k in range(4):
            at = k * LANES + i
            e, d, g = w[n.EXPORTER_SPENDING_SUM + at], w[n.DOMESTIC_SPENDING_SUM + at], w[n.GREY_SPENDING_SUM + at]
            w[OUTCOME.import_share_st + at] = _share(e, e + d + g)
            w[OUTCOME.domestic_share_st + at] = _share(d, e + d + g)
            w[OUTCOME.grey_share_st + at] = _share(g, e + d + g)
            domestic += w[n.DOMESTIC_SPENDING + at]
            whole += w[n.EXPORTER_SPENDING + at] + w[n.DOMESTIC_SPENDING + at] + w[n.GREY_SPENDING + at]
            growth = log(max(w[n.STOCK_A + at], 1e-9) / max(w[n.STOCK_A_BEFORE + at], 1e-9)) / dt
            lead = min(max(w[n.LN_STOCK_RATIO + at] / max(growth, 0.001), -LONGEST_LEAD), LONGEST_LEAD)
            w[OUTCOME.lead_st + at] = lead if n_steps > 1 else np.nan
        w[OUTCOME.terminal_domestic_share + i] = _share(domestic, whole)


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
        out[FIELD.gross_revenue_a, i] = price * (a[n.ALLIED_VALUE + i] - dh)
        out[FIELD.gross_revenue_b, i] = a[n.SWING_GROSS_REVENUE + i]
        out[FIELD.gross_revenue_c, i] = w[n.GROSS_REVENUE + i]
        out[FIELD.net_revenue_b, i] = a[n.SWING_NET_REVENUE + i]
        out[FIELD.net_revenue_c, i] = w[n.NET_REVENUE + i] - price * dh
        out[FIELD.government_take, i] = w[n.GOVERNMENT_TAKE + i] + a[n.SWING_GOVERNMENT_TAKE + i]
        out[FIELD.units_a, i] = a[n.ALLIED_CHIPS + i] * w[n.ALLIED_SHARE_KEPT + i]
        out[FIELD.units_b, i] = a[n.SWING_CHIPS + i]
        out[FIELD.units_open, i] = o[n.OFFER_CHIPS + i]
        out[FIELD.units_licensed, i] = l[n.OFFER_CHIPS + i]
        out[FIELD.units_grey, i] = w[n.GREY_CHIPS + i]
        out[FIELD.units_domestic, i] = w[n.DOMESTIC_CHIPS + i]
        out[FIELD.price_open, i] = o[n.OFFER_PRICE + i] if o[n.OFFER_REACH + i] > 0.0 else 0.0
        out[FIELD.price_licensed, i] = l[n.OFFER_PRICE + i] if l[n.OFFER_REACH + i] > 0.0 else 0.0
        out[FIELD.price_grey, i] = w[n.GREY_PRICE + i]
        out[FIELD.price_domestic, i] = w[n.DOMESTIC_PRICE + i]
        out[FIELD.value_open, i] = o[n.OFFER_VALUE + i] if o[n.OFFER_REACH + i] > 0.0 else 0.0
        out[FIELD.value_licensed, i] = l[n.OFFER_VALUE + i] if l[n.OFFER_REACH + i] > 0.0 else 0.0
        out[FIELD.value_domestic, i] = w[n.DOMESTIC_VALUE + i]
        total_gap = 0.0
        for k in range(4):
            at = k * LANES + i
            e, d, g = w[n.EXPORTER_SPENDING + at], w[n.DOMESTIC_SPENDING + at], w[n.GREY_SPENDING + at]
            out[FIELD.import_share_st + k, i] = _share(e, e + d + g)
            out[FIELD.domestic_share_st + k, i] = _share(d, e + d + g)
            out[FIELD.grey_share_st + k, i] = _share(g, e + d + g)
            out[FIELD.stock_a_st + k, i] = w[n.STOCK_A + at]
            out[FIELD.stock_c_st + k, i] = w[n.STOCK_C + at]
            total_gap += w[n.CAPABILITY_WEIGHTS + at] * (w[n.LN_STOCK_RATIO + at] + w[n.ALGORITHM_GAP + i])
        out[FIELD.gap, i] = total_gap
        out[FIELD.research, i] = w[n.RESEARCH + i]
        out[FIELD.domestic_capacity, i] = w[n.DOMESTIC_CAPACITY + i]
        out[FIELD.domestic_cost, i] = w[n.DOMESTIC_COST + i]
        out[FIELD.write_downs, i] = w[n.WRITE_DOWNS + i]
        out[FIELD.barred, i] = w[n.BARRED + i]
        out[FIELD.lock_in, i] = w[n.LOCK_IN + i]
        out[FIELD.denial, i] = w[n.DENIAL + i]
        out[FIELD.grey_premium, i] = w[n.GREY_PRICE + i] / (price * x[n.FRONTIER_VALUE_C + i]) - 1.0
