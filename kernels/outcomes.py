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
from .rules import leak_through
from .vecmath import exp, log

N_OUTCOMES = len(OUTCOMES)


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
        w[n.LN_LEAD_SUM + i] = 0.0
    for i in range(LANES):
        w[n.DISCOUNT_SUM + i] = 0.0
    for i in range(N_OUTCOMES * LANES):
        w[FIRST_OUTCOME + i] = 0.0


@part(ROWS, ROWS, ROWS, ROWS, WHOLE, REAL, ROWS, ROWS)
def tally(w, v, x, a, n_steps, dt, o, l):
    """Add one step to the sums: rates by D_t or dt, lumps by the discount of the step's end."""
    _tally_money(w, v, x, a, l)
    for i in range(LANES):
        w[OUTCOME.units_a + i] += w[n.ALLIED_KEPT + i] * dt
        w[OUTCOME.units_b + i] += a[n.SWING_STEP_CHIPS + i]
        w[OUTCOME.units_open + i] += o[n.OFFER_CHIPS + i] * dt + o[n.OFFER_AHEAD + i]
        w[OUTCOME.units_licensed + i] += l[n.OFFER_CHIPS + i] * dt + l[n.OFFER_AHEAD + i]
        w[OUTCOME.units_grey + i] += w[n.GREY_CHIPS + i] * dt
        w[OUTCOME.units_domestic + i] += w[n.DOMESTIC_CHIPS + i] * dt
        w[OUTCOME.acquired_lawful + i] += w[n.VALUE_SOLD + i]
        w[OUTCOME.acquired_domestic + i] += w[n.DOMESTIC_CHIPS + i] * w[n.DOMESTIC_VALUE + i] * dt
        w[OUTCOME.acquired_smuggled + i] += w[n.GREY_CHIPS + i] * x[n.FRONTIER_VALUE_C + i] * dt
        w[OUTCOME.acquired_rented + i] += w[n.REMOTE_SHARE + i] * a[n.SWING_VALUE + i] * dt
        w[OUTCOME.domestic_supply + i] += w[n.DOMESTIC_SUPPLY + i] * w[n.DOMESTIC_VALUE + i] / n_steps
        w[OUTCOME.buyer_access + i] += (1.0 - w[n.BARRED + i]) / n_steps
        w[OUTCOME.served + i] += w[n.SERVED + i] / n_steps
        w[OUTCOME.grey_premium + i] += (w[n.GREY_PRICE + i] / x[n.ALLIED_PRICE + i] - 1.0) / n_steps
        w[n.DISCOUNT_SUM + i] += x[n.DISCOUNT_FLOW + i]
    for k in range(4):
        for i in range(LANES):
            at = k * LANES + i
            w[n.EXPORTER_SPENDING_SUM + at] += w[n.EXPORTER_SPENDING + at] * dt
            w[n.DOMESTIC_SPENDING_SUM + at] += w[n.DOMESTIC_SPENDING + at] * dt
            w[n.GREY_SPENDING_SUM + at] += w[n.GREY_SPENDING + at] * dt
            both = w[n.LN_LEAD_BEFORE + at] + w[n.LN_LEAD + at]
            w[n.LN_LEAD_SUM + at] += x[n.DISCOUNT_FLOW + i] * (0.5 * both)


@inline
def _tally_money(w, v, x, a, l):
    for i in range(LANES):
        flow, end, price = x[n.DISCOUNT_FLOW + i], x[n.DISCOUNT_END + i], x[n.ALLIED_PRICE + i]
        sales = w[n.SALES_FLOW + i] * flow + w[n.SALES_LUMP + i] * end
        take = w[n.TAKE_FLOW + i] * flow + w[n.TAKE_LUMP + i] * end
        displaced = price * (w[n.DISPLACED + i] * flow + w[n.DISPLACED_AHEAD + i] * end)
        design, lost = w[n.DESIGN_COST + i] * flow, w[n.WRITE_DOWNS + i] * end
        net = sales - take - displaced - design - lost
        swing = a[n.SWING_SALES + i] - a[n.SWING_TAKE + i] - a[n.SWING_DESIGN_COST + i] - a[n.SWING_WRITE_DOWNS + i]
        both = take + a[n.SWING_TAKE + i]
        w[OUTCOME.revenue + i] += net
        w[OUTCOME.revenue_bc + i] += net + swing
        w[OUTCOME.exporter_and_government + i] += net + both
        w[OUTCOME.gross_revenue_a + i] += price * a[n.ALLIED_CHIPS + i] * flow - displaced
        w[OUTCOME.gross_revenue_b + i] += a[n.SWING_SALES + i]
        w[OUTCOME.gross_revenue_c + i] += sales
        w[OUTCOME.government_take + i] += both
        w[OUTCOME.displaced_revenue + i] += displaced
        w[OUTCOME.design_cost + i] += design
        w[OUTCOME.write_downs + i] += lost
        w[OUTCOME.domestic_revenue + i] += w[n.DOMESTIC_REVENUE + i] * flow
        w[OUTCOME.research + i] += w[n.RESEARCH + i] * flow
        tools = w[n.TOOL_PRICE + i] * w[n.TOOLS_ALIGNED + i] * (1.0 - v[n.EQUIPMENT_CONTROL + i])
        w[OUTCOME.equipment_sales + i] += tools * w[n.WAFERS_GROWTH + i] * flow
        licensed = l[n.OFFER_CHIPS + i]
        running = w[n.LICENCE_FIXED + i] if licensed > 0.0 else 0.0
        per_chip = w[n.LICENCE_COST + i] * l[n.OFFER_PRICE + i]
        running += per_chip * licensed
        running -= w[n.ENFORCEMENT_COST + i] * log(leak_through(w, v, i))
        w[OUTCOME.administration + i] += running * flow + per_chip * l[n.OFFER_AHEAD + i] * end


@inline
def _share(part, whole):
    return part / whole if whole > 0.0 else 0.0


@tile
def close(w):
    """Outcomes that need the whole run or the state after it; substitution needs another run, and is no number here."""
    for i in range(LANES):
        w[OUTCOME.substitution + i] = np.nan
        w[OUTCOME.terminal_substitution + i] = np.nan
        w[OUTCOME.terminal_supply + i] = w[n.DOMESTIC_SUPPLY + i] * w[n.DOMESTIC_VALUE + i]
        w[OUTCOME.domestic_chips + i] = w[n.DOMESTIC_MADE + i]
        w[OUTCOME.domestic_cost + i] = w[n.DOMESTIC_COST + i]
        w[OUTCOME.domestic_value + i] = w[n.DOMESTIC_VALUE + i]
        w[OUTCOME.terminal_access + i] = 1.0 - w[n.BARRED + i]
        w[OUTCOME.lock_in + i] = w[n.LOCK_IN + i]
        domestic = whole = lead = last = own = world = 0.0
        for k in range(4):
            at = k * LANES + i
            e, d, g = w[n.EXPORTER_SPENDING_SUM + at], w[n.DOMESTIC_SPENDING_SUM + at], w[n.GREY_SPENDING_SUM + at]
            w[OUTCOME.import_share_st + at] = _share(e, e + d + g)
            w[OUTCOME.domestic_share_st + at] = _share(d, e + d + g)
            w[OUTCOME.grey_share_st + at] = _share(g, e + d + g)
            domestic += w[n.DOMESTIC_SPENDING + at]
            whole += w[n.EXPORTER_SPENDING + at] + w[n.DOMESTIC_SPENDING + at] + w[n.GREY_SPENDING + at]
            mean = w[n.LN_LEAD_SUM + at] / w[n.DISCOUNT_SUM + i]
            weight = w[n.CAPABILITY_WEIGHTS + at]
            lead += weight * mean
            last += weight * w[n.LN_LEAD + at]
            w[OUTCOME.compute_lead_st + at] = mean
            w[OUTCOME.terminal_compute_lead_st + at] = w[n.LN_LEAD + at]
            held = w[n.STOCK_E + at] + w[n.STOCK_G + at] + w[n.STOCK_D + at]
            own += weight * held
            world += weight * (held + w[n.STOCK_A + at] + w[n.STOCK_B + at])
        w[OUTCOME.terminal_domestic_share + i] = _share(domestic, whole)
        w[OUTCOME.world_share_c + i] = own / world
        w[OUTCOME.compute_lead + i] = lead
        w[OUTCOME.terminal_compute_lead + i] = last
    for i in range(LANES):
        w[OUTCOME.compute_lead + i] = exp(w[OUTCOME.compute_lead + i])
        w[OUTCOME.terminal_compute_lead + i] = exp(w[OUTCOME.terminal_compute_lead + i])
    for i in range(4 * LANES):
        w[OUTCOME.compute_lead_st + i] = exp(w[OUTCOME.compute_lead_st + i])
        w[OUTCOME.terminal_compute_lead_st + i] = exp(w[OUTCOME.terminal_compute_lead_st + i])


@tile
def report(w, out):
    """The lanes' outcomes; out: float64[N_OUTCOMES, LANES]."""
    for k in range(N_OUTCOMES):
        for i in range(LANES):
            out[k, i] = w[FIRST_OUTCOME + k * LANES + i]


@part(ROWS, ROWS, ROWS, REAL, ROWS, ROWS, TABLE)
def record(w, x, a, dt, o, l, out):
    """One step of every lane, in the order of TRAJECTORY; out: float64[N_TRAJECTORY, LANES]."""
    _record_flows(w, x, a, dt, o, l, out)
    for i in range(LANES):
        sold_o, sold_l = o[n.OFFER_CHIPS + i] > 0.0, l[n.OFFER_CHIPS + i] > 0.0
        out[FIELD.price_allied, i] = x[n.ALLIED_PRICE + i]
        out[FIELD.reference_price, i] = x[n.REFERENCE_PRICE + i]
        out[FIELD.price_open, i] = o[n.OFFER_PRICE + i] if sold_o else 0.0
        out[FIELD.price_licensed, i] = l[n.OFFER_PRICE + i] if sold_l else 0.0
        out[FIELD.price_grey, i] = w[n.GREY_PRICE + i]
        out[FIELD.price_domestic, i] = w[n.DOMESTIC_PRICE + i]
        out[FIELD.value_open, i] = o[n.OFFER_VALUE + i] if sold_o else 0.0
        out[FIELD.value_licensed, i] = l[n.OFFER_VALUE + i] if sold_l else 0.0
        out[FIELD.value_domestic, i] = w[n.DOMESTIC_VALUE + i]
        lead = 0.0
        for k in range(4):
            at = k * LANES + i
            e, d, g = w[n.EXPORTER_SPENDING + at], w[n.DOMESTIC_SPENDING + at], w[n.GREY_SPENDING + at]
            out[FIELD.import_share_st + k, i] = _share(e, e + d + g)
            out[FIELD.domestic_share_st + k, i] = _share(d, e + d + g)
            out[FIELD.grey_share_st + k, i] = _share(g, e + d + g)
            out[FIELD.stock_a_st + k, i] = w[n.STOCK_A + at]
            out[FIELD.stock_c_st + k, i] = w[n.STOCK_C + at]
            lead += w[n.CAPABILITY_WEIGHTS + at] * w[n.LN_LEAD + at]
        out[FIELD.compute_lead, i] = exp(lead)
        out[FIELD.research, i] = w[n.RESEARCH + i]
        out[FIELD.domestic_supply, i] = w[n.DOMESTIC_SUPPLY + i] * w[n.DOMESTIC_VALUE + i]
        out[FIELD.domestic_chips, i] = w[n.DOMESTIC_MADE + i]
        out[FIELD.wafers, i] = w[n.WAFERS_NOW + i]
        out[FIELD.die_yield, i] = w[n.YIELD + i]
        out[FIELD.stacks, i] = w[n.STACKS_NOW + i]
        out[FIELD.memory_binds, i] = w[n.MEMORY_BINDS + i]
        out[FIELD.domestic_cost, i] = w[n.DOMESTIC_COST + i]
        out[FIELD.write_downs, i] = w[n.WRITE_DOWNS + i]
        out[FIELD.barred, i] = w[n.BARRED + i]
        out[FIELD.belief, i] = w[n.BELIEF_MEAN + i]
        out[FIELD.lock_in, i] = w[n.LOCK_IN_NOW + i]
        out[FIELD.served, i] = w[n.SERVED + i]
        out[FIELD.access, i] = w[n.ACCESS + i]
        out[FIELD.capacity_binds, i] = w[n.CAPACITY_BINDS + i]
        out[FIELD.grey_premium, i] = w[n.GREY_PRICE + i] / x[n.ALLIED_PRICE + i] - 1.0


@inline
def _record_flows(w, x, a, dt, o, l, out):
    """Amounts of the step: rates times its length, and lumps."""
    for i in range(LANES):
        price = x[n.ALLIED_PRICE + i]
        displaced = price * (w[n.DISPLACED + i] * dt + w[n.DISPLACED_AHEAD + i])
        sales = w[n.SALES_FLOW + i] * dt + w[n.SALES_LUMP + i]
        take = w[n.TAKE_FLOW + i] * dt + w[n.TAKE_LUMP + i]
        out[FIELD.gross_revenue_a, i] = price * a[n.ALLIED_CHIPS + i] * dt - displaced
        out[FIELD.gross_revenue_b, i] = a[n.SWING_STEP_SALES + i]
        out[FIELD.gross_revenue_c, i] = sales
        out[FIELD.net_revenue_b, i] = a[n.SWING_STEP_NET + i]
        out[FIELD.net_revenue_c, i] = sales - take - displaced - w[n.DESIGN_COST + i] * dt - w[n.WRITE_DOWNS + i]
        out[FIELD.government_take, i] = take + a[n.SWING_STEP_TAKE + i]
        out[FIELD.units_a, i] = w[n.ALLIED_KEPT + i] * dt
        out[FIELD.units_b, i] = a[n.SWING_STEP_CHIPS + i]
        out[FIELD.units_open, i] = o[n.OFFER_CHIPS + i] * dt + o[n.OFFER_AHEAD + i]
        out[FIELD.units_licensed, i] = l[n.OFFER_CHIPS + i] * dt + l[n.OFFER_AHEAD + i]
        out[FIELD.units_grey, i] = w[n.GREY_CHIPS + i] * dt
        out[FIELD.units_domestic, i] = w[n.DOMESTIC_CHIPS + i] * dt
        out[FIELD.acquired_lawful, i] = w[n.VALUE_SOLD + i]
        out[FIELD.acquired_domestic, i] = w[n.DOMESTIC_CHIPS + i] * w[n.DOMESTIC_VALUE + i] * dt
        out[FIELD.acquired_smuggled, i] = w[n.GREY_CHIPS + i] * x[n.FRONTIER_VALUE_C + i] * dt
