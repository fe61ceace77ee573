"""The payoff of policies in scenarios: composes the other kernels over tiles of lanes.

A tile is LANES evaluations: one policy in LANES scenarios, or, where there are few scenarios, several policies in
each of them. The caller (`tiercap.optimizer.evaluate`) lays the tiles out and slices the work; results do not depend
on either.
"""

from __future__ import annotations

import numpy as np

from . import lanes as n
from ._jit import glue, kernel
from .compliance import load_levers, scale_caps
from .dynamics import advance, displace, elastic_budget, open_state, purchase, research, respond
from .market import find_offers
from .objectives import clear, close, record, report, tally
from .restricted import domestic_product, grey_market, open_market, ration
from .sales import book, tightening


@kernel
def payoff(
    first_row, last_row, first_tile, last_tile, levers, policies, allied, phase, steps_per_year, catalogue, exponent,
    q, x, a, out, trajectory,
):  # fmt: skip
    """Outcomes of a range of policy rows in a range of scenario tiles.

    The first four arguments bound the slice of the work that this call does.

    levers : LEVERS[n_policies, n_phases]
    policies : int64[n_rows, LANES], the row of levers each lane obeys
    allied : int64[n_rows], the row of ``a`` that holds its groups A and B
    phase : int64[n_steps], the column of levers in force at each step
    catalogue : CHIP[n_chips], newest first
    exponent : 2, 4 or 8, the norm of the roofline
    q, x : constants and paths of the scenario tiles (`paths`)
    a : float64[n_allied, n_tiles, n_steps, ALLIED_SIZE] (`allied`)
    out : float64[n_rows, n_tiles, N_OUTCOMES, LANES], filled
    trajectory : float64[n_rows, n_tiles, n_steps, N_TRAJECTORY, LANES], filled; n_rows 0: not wanted
    """
    w, v, o, l = n.work_space()
    dt = 1.0 / steps_per_year
    for tile in range(first_tile, last_tile):
        for row in range(first_row, last_row):
            open_state(w, q[tile])
            clear(w)
            since = 0
            for t in range(phase.size):
                since = 0 if t == 0 or phase[t] != phase[t - 1] else since + 1
                home = a[allied[row], tile, t]
                _step(levers, policies[row], phase, t, since, dt, catalogue, exponent, x[tile], home, w, v, o, l)
                tally(w, x[tile, t], home, phase.size, dt, o, l)
                if trajectory.shape[0] > 0:
                    record(w, x[tile, t], home, o, l, trajectory[row, tile, t])
                _next(w, x[tile, t], t, steps_per_year, dt)
            close(w, phase.size, dt)
            report(w, out[row, tile])


@glue
def _step(levers, policies, phase, t, since, dt, catalogue, exponent, x, home, w, v, o, l):
    """Group C in one step, up to its purchases; order as in docs/model.md section 8."""
    if t == 0 or phase[t] != phase[t - 1]:
        load_levers(levers, phase[t], policies, np.int64(2), v)
    scale_caps(v, t * dt, since, dt)
    tightening(levers, policies, np.int64(2), phase, t, since, dt, catalogue, exponent, x, w, v)
    domestic_product(w, x[t], exponent)
    open_market(w, x[t], home, dt)
    find_offers(w, v, x[t], dt, catalogue, exponent, o, l)
    grey_market(w, x[t], home)
    ration(w, v, x[t], dt, o, l)
    elastic_budget(w, x[t], o, l)
    book(w, v, x[t], np.int64(n.ANNUAL_BUDGET_C_NEXT), dt, o, l)
    displace(w, v, home, o, l)
    purchase(w, x[t], home, o, l)
    research(w, dt)


@glue
def _next(w, x, t, steps_per_year, dt):
    """The next step's state. The response reads this step's capacity and prices, so it moves before they do."""
    respond(w, x)
    forget = 1 if (t + 1) % (2 * steps_per_year) == 0 else 0
    advance(w, x, forget, dt)
