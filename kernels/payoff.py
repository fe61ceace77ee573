"""The payoff of policies in scenarios: composes the other kernels over tiles of lanes.

A tile is LANES evaluations: one policy in LANES scenarios, or, where there are few scenarios, several policies in
each of them. The caller (the optimizer's evaluator) lays the tiles out and slices the work; results do not depend on
either.
"""

from __future__ import annotations

import numpy as np

from . import lanes as n
from ._jit import glue, kernel
from .offers import find_offers
from .outcomes import clear, close, record, report, tally
from .restricted import domestic_product, grey_market, open_market, ration
from .rules import load_levers, scale_caps
from .sales import book
from .state import advance, displace, elastic_budget, open_state, purchase, research, respond
from .tightening import pull_forward, tightening


@kernel
def payoff(part, policies, scenarios, allied, results):
    """Outcomes of a range of policy rows in a range of scenario tiles, written into ``results``.

    The arguments are the bundles of :mod:`tiercap.kernels.arguments`.
    """
    w, v, o, l = n.work_space()
    dt = 1.0 / scenarios.steps_per_year
    phase = policies.phase
    for tile in range(part.first_tile, part.last_tile):
        x = scenarios.paths[tile]
        for row in range(part.first_row, part.last_row):
            open_state(w, scenarios.constants[tile])
            clear(w)
            since = 0
            for t in range(phase.size):
                since = 0 if t == 0 or phase[t] != phase[t - 1] else since + 1
                home = allied.purchases[allied.rows[row], tile, t]
                _step(policies, policies.lanes[row], t, since, scenarios, dt, x, home, w, v, o, l)
                tally(w, x[t], home, phase.size, dt, o, l)
                if results.trajectory.shape[0] > 0:
                    record(w, x[t], home, o, l, results.trajectory[row, tile, t])
                _next(w, x[t], t, scenarios.steps_per_year, dt)
            close(w, phase.size, dt)
            report(w, results.outcomes[row, tile])


@glue
def _step(policies, lanes, t, since, scenarios, dt, x, home, w, v, o, l):
    """Group C in one step, up to its purchases; order as in docs/model.md section 8."""
    phase = policies.phase
    if t == 0 or phase[t] != phase[t - 1]:
        load_levers(policies.levers, phase[t], lanes, np.int64(2), v)
    scale_caps(v, t * dt, since, dt)
    tightening(policies, lanes, np.int64(2), t, since, scenarios, dt, x, w, v)
    domestic_product(w, x[t], scenarios.exponent)
    open_market(w, x[t], home, dt)
    find_offers(w, v, x[t], dt, scenarios.catalogue, scenarios.exponent, o, l)
    grey_market(w, x[t], home)
    ration(w, v, x[t], dt, o, l)
    elastic_budget(w, x[t], o, l)
    pull_forward(w, v, x[t], np.int64(n.ANNUAL_BUDGET_C_NEXT), dt, o, l)
    book(w, v, o, l)
    displace(w, v, home, o, l)
    purchase(w, x[t], home, o, l)
    research(w, dt)


@glue
def _next(w, x, t, steps_per_year, dt):
    """The next step's state. The response reads this step's capacity and prices, so it moves before they do."""
    respond(w, x)
    forget = 1 if (t + 1) % (2 * steps_per_year) == 0 else 0
    advance(w, x, forget, dt)
