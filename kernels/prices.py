"""The price of one design: docs/model.md section 5, equation (14).

It is found in logarithms: l = ln(price). The condition, written as l = ln c_e + ln(1 + rho/beta) with
rho = sum b s / sum b s (1-s), is nearly a straight line in l, so that Newton's method needs five steps where the
condition in the markup itself needs ten or more. Every step is bracketed. A lane stops when its step falls below a
limit (the error left is its square) and is frozen then, so that a lane's bits do not depend on how many steps its
neighbours need.

The solver's desk holds attractions over the rivals', g = A f^beta / R, so that a share is s = g y / (1 + g y) with
y = p^-beta. Its loops are short on purpose: a long chain of dependent operations leaves the processor waiting, and
only if the body is short does it see the next lanes' chains meanwhile.
"""

from __future__ import annotations

from . import lanes as n
from ._jit import fma, inline, tile
from .lanes import LANES
from .vecmath import exp, log

#: The last Newton step of a price that is kept, and of one that only ranks designs: profit is flat at the monopoly
#: price, so that an error of 1e-8 there (the square of the step) is one of 1e-16 in profit.
CLOSE, CLOSE_ENOUGH = 1e-8, 1e-4
_MAX_STEPS = 80
#: Where a bracket is open, and what limits nothing.
FAR = 1e300


@inline
def _attractiveness(w):
    """y = price^-beta at the log price SOLVER_LN_PRICE, into SOLVER_PRICE_POWER."""
    for i in range(LANES):
        w[n.SOLVER_PRICE_POWER + i] = exp(-w[n.PRICE_SENSITIVITY + i] * w[n.SOLVER_LN_PRICE + i])


@inline
def _shares(g0, g1, g2, g3):
    """1 - s of equation (12) on four workloads: reciprocals of 1 + g, two by a division."""
    d0, d1, d2, d3 = 1.0 + g0, 1.0 + g1, 1.0 + g2, 1.0 + g3
    r01, r23 = 1.0 / (d0 * d1), 1.0 / (d2 * d3)
    return r01 * d1, r01 * d0, r23 * d3, r23 * d2


@inline
def _pulls(w, i):
    """g y of the four workloads at SOLVER_PRICE_POWER."""
    y = w[n.SOLVER_PRICE_POWER + i]
    g0, g1 = w[n.SOLVER_ATTRACTION + i] * y, w[n.SOLVER_ATTRACTION + LANES + i] * y
    return g0, g1, w[n.SOLVER_ATTRACTION + 2 * LANES + i] * y, w[n.SOLVER_ATTRACTION + 3 * LANES + i] * y


@inline
def _spendings(w, i, g0, g1, g2, g3, t0, t1, t2, t3):
    """Spending b s of equation (12) on the four workloads."""
    u0, u1 = w[n.SOLVER_BUDGET + i] * (g0 * t0), w[n.SOLVER_BUDGET + LANES + i] * (g1 * t1)
    return u0, u1, w[n.SOLVER_BUDGET + 2 * LANES + i] * (g2 * t2), w[n.SOLVER_BUDGET + 3 * LANES + i] * (g3 * t3)


@tile
def spend(w):
    """Spending on the exporter, sum b s at the log price SOLVER_LN_PRICE, into SOLVER_SPENDING."""
    _attractiveness(w)
    for i in range(LANES):
        g0, g1, g2, g3 = _pulls(w, i)
        t0, t1, t2, t3 = _shares(g0, g1, g2, g3)
        u0, u1, u2, u3 = _spendings(w, i, g0, g1, g2, g3, t0, t1, t2, t3)
        w[n.SOLVER_SPENDING + i] = (u0 + u1) + (u2 + u3)


@inline
def _move(w, i, old, step, up, close):
    """Take a Newton step from ``old`` if it stays inside the bracket, else bisect (an open bracket: four units on).

    up : whether the root lies above ``old`` (the step may point the other way where the slope is not to be trusted).
    Returns 1 if the lane must go on.
    """
    low = old if up else w[n.SOLVER_LOW + i]
    high = w[n.SOLVER_HIGH + i] if up else old
    new = min(old + step, old + 4.0)
    inside = (new >= low) & (new <= high)
    new = new if inside else 0.5 * (low + min(high, low + 8.0))
    on = w[n.SOLVER_ACTIVE + i] > 0.0
    again = on & (abs(new - old) > close)
    w[n.SOLVER_LOW + i] = low
    w[n.SOLVER_HIGH + i] = high
    w[n.SOLVER_LN_PRICE + i] = new if on else old
    w[n.SOLVER_ACTIVE + i] = 1.0 if again else 0.0
    return 1 if again else 0


@tile
def start_markup(w):
    """A first guess of the monopoly price, from the attraction weighted by budgets (one over whose sum is at hand)."""
    for i in range(LANES):
        pull = w[n.SOLVER_BUDGET + i] * w[n.SOLVER_ATTRACTION + i]
        pull += w[n.SOLVER_BUDGET + LANES + i] * w[n.SOLVER_ATTRACTION + LANES + i]
        pull += w[n.SOLVER_BUDGET + 2 * LANES + i] * w[n.SOLVER_ATTRACTION + 2 * LANES + i]
        pull += w[n.SOLVER_BUDGET + 3 * LANES + i] * w[n.SOLVER_ATTRACTION + 3 * LANES + i]
        w[n.SOLVER_LN_PULL + i] = log(pull * w[n.INVERSE_REACHABLE_BUDGET + i])
    for i in range(LANES):
        ln_x = w[n.SOLVER_LN_PULL + i] - w[n.PRICE_SENSITIVITY + i] * w[n.SOLVER_LN_COST + i]
        w[n.SOLVER_GUESS + i] = exp(w[n.INVERSE_SENSITIVITY_AND_ONE + i] * (ln_x - w[n.LN_SENSITIVITY + i]))
    for i in range(LANES):
        w[n.SOLVER_LN_PRICE + i] = w[n.SOLVER_LN_COST + i] + log(
            1.0 + w[n.INVERSE_SENSITIVITY + i] + 0.5 * w[n.SOLVER_GUESS + i]
        )


@tile
def _bracket_markup(w):
    for i in range(LANES):
        w[n.SOLVER_LOW + i] = w[n.SOLVER_LN_COST + i] + w[n.LN_LEAST_MARKUP + i]
        w[n.SOLVER_HIGH + i] = FAR
        w[n.SOLVER_LN_PRICE + i] = max(w[n.SOLVER_LN_PRICE + i], w[n.SOLVER_LOW + i])


@tile
def solve_markup(w, close):
    """Equation (14) for the active lanes: the log price p* into SOLVER_LN_PRICE, which holds a start.

    SOLVER_ATTRACTION, SOLVER_BUDGET and SOLVER_LN_COST are given.
    """
    _bracket_markup(w)
    for _ in range(_MAX_STEPS):
        if _markup_step(w, close) == 0:
            break


@tile
def _markup_step(w, close):
    _attractiveness(w)
    for i in range(LANES):
        g0, g1, g2, g3 = _pulls(w, i)
        t0, t1, t2, t3 = _shares(g0, g1, g2, g3)
        u0, u1, u2, u3 = _spendings(w, i, g0, g1, g2, g3, t0, t1, t2, t3)
        v0, v1, v2, v3 = u0 * t0, u1 * t1, u2 * t2, u3 * t3
        bs = (u0 + u1) + (u2 + u3)
        bst = (v0 + v1) + (v2 + v3)
        bstt = fma(v0, t0, v1 * t1) + fma(v2, t2, v3 * t3)
        r = 1.0 / bst
        rho = bs * r
        z1 = 1.0 + rho * w[n.INVERSE_SENSITIVITY + i]
        w[n.SOLVER_MARKUP + i] = z1
        # The slope of the residual times z1.
        w[n.SOLVER_SLOPE + i] = z1 + (1.0 + rho - 2.0 * (rho * (bstt * r)))
    for i in range(LANES):
        w[n.SOLVER_LN_MARKUP + i] = log(w[n.SOLVER_MARKUP + i])
    moving = 0
    for i in range(LANES):
        ln_p = w[n.SOLVER_LN_PRICE + i]
        gap = ln_p - w[n.SOLVER_LN_COST + i] - w[n.SOLVER_LN_MARKUP + i]
        moving += _move(w, i, ln_p, -gap * w[n.SOLVER_MARKUP + i] / w[n.SOLVER_SLOPE + i], gap < 0.0, close)
    return moving
