"""A trajectory reduced to outcomes, and written out where it is asked for: docs/model.md section 9."""

from __future__ import annotations

import numpy as np

from . import lanes as n
from ._jit import REAL, ROWS, TABLE, WHOLE, inline, part, tile
from .lanes import LANES, O_FIRST
from .params import OUTCOMES
from .vecmath import log, power


def _row(name: str) -> int:
    return O_FIRST + OUTCOMES.index(name) * LANES


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
        w[n.A_SPEND_E + i] = 0.0
        w[n.A_SPEND_D + i] = 0.0
        w[n.A_SPEND_G + i] = 0.0
    for i in range(N_OUTCOMES * LANES):
        w[O_FIRST + i] = 0.0


@part(ROWS, ROWS, ROWS, WHOLE, REAL, ROWS, ROWS)
def tally(w, x, a, n_steps, dt, o, l):
    """Add one step to the sums. Flows, stocks and prices of the step are in w; the state is still this step's."""
    for i in range(LANES):
        d = x[n.X_DISC + i]
        price = x[n.X_PRICE + i]
        dh = w[n.C_DH + i]
        net_c = w[n.K_NETREV + i] - price * dh
        w[_REVENUE + i] += d * net_c
        w[_REVENUE_BC + i] += d * (net_c + a[n.A_NET_B + i])
        w[_SUBSTITUTION + i] += d * dt * w[n.C_RESEARCH + i]
        w[_GROSS_A + i] += d * price * (a[n.A_QA + i] - dh)
        w[_GROSS_B + i] += d * a[n.A_SALES_B + i]
        w[_GROSS_C + i] += d * w[n.K_GROSS + i]
        w[_TAKE + i] += d * (w[n.K_TAKE + i] + a[n.A_TAKE_B + i])
        w[_DISPLACED + i] += d * price * dh
        w[_DESIGN + i] += d * w[n.K_DESIGN + i]
        w[_WRITE_DOWNS + i] += d * w[n.K_WD + i]
        w[_REVENUE_D + i] += d * w[n.C_REVD + i]
        w[_UNITS_A + i] += a[n.A_NA + i] * w[n.C_HOME + i]
        w[_UNITS_B + i] += a[n.A_NB + i]
        w[_UNITS_OPEN + i] += o[n.J_UNITS + i]
        w[_UNITS_LICENSED + i] += l[n.J_UNITS + i]
        w[_UNITS_GREY + i] += w[n.C_NG + i]
        w[_UNITS_DOMESTIC + i] += w[n.C_ND + i]
        w[_ACCESS + i] += (1.0 - w[n.Z_R + i]) / n_steps
        w[_PREMIUM + i] += (w[n.C_PG + i] / (price * x[n.X_FVC + i]) - 1.0) / n_steps
        w[_CAPPED + i] += w[n.C_GCAPPED + i] / n_steps
        w[_TERMINAL + i] = 0.0
    for k in range(4):
        _tally_workload(w, x, k * LANES, dt)
    for i in range(LANES):
        w[_GAP + i] += x[n.X_DISC + i] * dt * w[_TERMINAL + i]


@inline
def _tally_workload(w, x, row, dt):
    for i in range(LANES):
        at = row + i
        w[n.A_SPEND_E + at] += w[n.C_ESPEND + at]
        w[n.A_SPEND_D + at] += w[n.C_DSPEND + at]
        w[n.A_SPEND_G + at] += w[n.C_GSPEND + at]
        gap = w[n.C_GAP + at] + w[n.Q_ALGO + i]
        w[_GAP_W + at] += x[n.X_DISC + i] * dt * gap
        w[_TERMINAL_W + at] = gap
        w[_TERMINAL + i] += w[n.Q_OMEGA_K + at] * gap
        w[_RATIO + i] = max(w[_RATIO + i], w[n.Z_KC + at] / max(w[n.Z_KA + at], 1e-9))


@inline
def _share(part, whole):
    return part / whole if whole > 0.0 else 0.0


@part(ROWS, WHOLE, REAL)
def close(w, n_steps, dt):
    """Outcomes that need the whole run or the state after it."""
    for i in range(LANES):
        floor = w[n.Q_DFLOOR + i]
        learnt = power(w[n.Z_Z + i] * w[n.Q_RZ0 + i], w[n.Q_LEARN + i])
        w[_COST + i] = w[n.Q_DCOST + i] * (floor + (1.0 - floor) * learnt)
        w[_CAPACITY + i] = w[n.Z_S + i]
        w[_VALUE_D + i] = w[n.C_VD + i]
        w[_TERMINAL_ACCESS + i] = 1.0 - w[n.Z_R + i]
        w[_LOCK_IN + i] = w[n.Z_L + i]
        w[_OSCILLATION + i] = 1.0 if w[n.Z_TURNS + i] >= 3.0 else 0.0
        domestic = whole = 0.0
        for k in range(4):
            at = k * LANES + i
            e, d, g = w[n.A_SPEND_E + at], w[n.A_SPEND_D + at], w[n.A_SPEND_G + at]
            w[_IMPORT + at] = _share(e, e + d + g)
            w[_DOMESTIC + at] = _share(d, e + d + g)
            w[_GREY + at] = _share(g, e + d + g)
            domestic += w[n.C_DSPEND + at]
            whole += w[n.C_ESPEND + at] + w[n.C_DSPEND + at] + w[n.C_GSPEND + at]
            growth = log(max(w[n.Z_KA + at], 1e-9) / max(w[n.Z_KA_BEFORE + at], 1e-9)) / dt
            lead = min(max(w[n.C_GAP + at] / max(growth, 0.001), -LONGEST_LEAD), LONGEST_LEAD)
            w[_LEAD_W + at] = lead if n_steps > 1 else np.nan
        w[_TERMINAL_D + i] = _share(domestic, whole)


@tile
def report(w, out):
    """The lanes' outcomes; out: float64[N_OUTCOMES, LANES]."""
    for k in range(N_OUTCOMES):
        for i in range(LANES):
            out[k, i] = w[O_FIRST + k * LANES + i]


@part(ROWS, ROWS, ROWS, ROWS, ROWS, TABLE)
def record(w, x, a, o, l, out):
    """One step of every lane, in the order of TRAJECTORY; out: float64[N_TRAJECTORY, LANES]."""
    for i in range(LANES):
        price = x[n.X_PRICE + i]
        dh = w[n.C_DH + i]
        out[0, i] = price * (a[n.A_QA + i] - dh)
        out[1, i] = a[n.A_SALES_B + i]
        out[2, i] = w[n.K_GROSS + i]
        out[3, i] = a[n.A_NET_B + i]
        out[4, i] = w[n.K_NETREV + i] - price * dh
        out[5, i] = w[n.K_TAKE + i] + a[n.A_TAKE_B + i]
        out[6, i] = a[n.A_NA + i] * w[n.C_HOME + i]
        out[7, i] = a[n.A_NB + i]
        out[8, i] = o[n.J_UNITS + i]
        out[9, i] = l[n.J_UNITS + i]
        out[10, i] = w[n.C_NG + i]
        out[11, i] = w[n.C_ND + i]
        out[12, i] = o[n.J_PRICE + i] if o[n.J_REACH + i] > 0.0 else 0.0
        out[13, i] = l[n.J_PRICE + i] if l[n.J_REACH + i] > 0.0 else 0.0
        out[14, i] = w[n.C_PG + i]
        out[15, i] = w[n.C_PD + i]
        out[16, i] = o[n.J_V + i] if o[n.J_REACH + i] > 0.0 else 0.0
        out[17, i] = l[n.J_V + i] if l[n.J_REACH + i] > 0.0 else 0.0
        out[18, i] = w[n.C_VD + i]
        total_gap = 0.0
        for k in range(4):
            at = k * LANES + i
            e, d, g = w[n.C_ESPEND + at], w[n.C_DSPEND + at], w[n.C_GSPEND + at]
            out[19 + k, i] = _share(e, e + d + g)
            out[23 + k, i] = _share(d, e + d + g)
            out[27 + k, i] = _share(g, e + d + g)
            out[31 + k, i] = w[n.Z_KA + at]
            out[35 + k, i] = w[n.Z_KC + at]
            total_gap += w[n.Q_OMEGA_K + at] * (w[n.C_GAP + at] + w[n.Q_ALGO + i])
        out[39, i] = total_gap
        out[40, i] = w[n.C_RESEARCH + i]
        out[41, i] = w[n.Z_S + i]
        out[42, i] = w[n.C_CD + i]
        out[43, i] = w[n.K_WD + i]
        out[44, i] = w[n.Z_R + i]
        out[45, i] = w[n.Z_L + i]
        out[46, i] = w[n.P_DENIAL + i]
        out[47, i] = w[n.C_PG + i] / (price * x[n.X_FVC + i]) - 1.0
