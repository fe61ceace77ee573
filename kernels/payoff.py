"""The payoff of policies in scenarios: composes the other kernels over tiles of lanes.

A tile is LANES evaluations: one policy in LANES scenarios, or, where there are few scenarios, several policies in
each of them. The caller (the optimizer's evaluator) lays the tiles out and slices the work; results do not depend on
either.
"""

from __future__ import annotations

import numpy as np

from . import lanes as n
from ._jit import glue, kernel, tile
from .domestic import domestic_supply, first_wafers, grow_domestic
from .government import decide, open_market
from .lanes import LANES
from .offers import find_offers
from .outcomes import clear, close, record, report, tally
from .restricted import clear_market
from .rules import load_levers, scale_caps
from .sales import book
from .state import advance, displace, open_grey, open_state, purchase, remember_premium, serve
from .tightening import look_ahead, next_step_of, nothing_ahead, pull_forward


@kernel
def payoff(part, policies, scenarios, allied, results):
    """Outcomes of a range of policy rows in a range of scenario tiles, written into ``results``.

    The arguments are the bundles of :mod:`tiercap.kernels.arguments`.
    """
    w, v, o, l = n.work_space()
    dt = 1.0 / scenarios.steps_per_year
    phase = policies.phase
    for place in range(part.first_tile, part.last_tile):
        x = scenarios.paths[place]
        for row in range(part.first_row, part.last_row):
            open_state(w, scenarios.constants[place])
            clear(w)
            since = 0
            for t in range(phase.size):
                since = 0 if t == 0 or phase[t] != phase[t - 1] else since + 1
                home = allied.purchases[allied.rows[row], place, t]
                _step(policies, policies.lanes[row], t, since, scenarios, dt, x[t], home, w, v, o, l)
                tally(w, v, x[t], home, phase.size, dt, o, l)
                if results.trajectory.shape[0] > 0:
                    record(w, x[t], home, dt, o, l, results.trajectory[row, place, t])
                grow_domestic(w, x[t], dt)
                advance(w, dt)
                remember_premium(w, x[t])
            close(w)
            report(w, results.outcomes[row, place])


@glue
def _step(policies, lanes, t, since, scenarios, dt, x, home, w, v, o, l):
    """Group C in one step, up to its purchases: the items of docs/model.md section 8 in their order."""
    phase, group = policies.phase, np.int64(2)
    if t == 0 or phase[t] != phase[t - 1]:
        load_levers(policies.levers, phase[t], lanes, group, v)
    scale_caps(v, (t + 0.5) * dt, since, dt)
    if t == 0:
        first_wafers(w, v)
        open_grey(w, v)
    later = next_step_of(phase, t)
    if later < phase.size:
        look_ahead(policies, lanes, group, t, later, since, scenarios, dt, x, w, v)
    domestic_supply(w, v, x, scenarios.exponent, dt)
    open_market(w, x, home)
    find_offers(w, v, x, scenarios.catalogue, scenarios.exponent, o, l)
    decide(w, v, x, o, l)
    _announce(w, x, later < phase.size, (later - t - 0.5) * dt)
    clear_market(w, v, x, home, o, l)
    serve(w, x, o, l)
    nothing_ahead(w, o, l)
    if later == t + 1 and later < phase.size:
        pull_forward(w, v, o, l)
    book(w, v, o, l)
    displace(w, x, home, dt, o, l)
    purchase(w, x, home, dt, o, l)


@tile
def _announce(w, x, changes, years):
    """o' of section 8, item 7: what the next phase leaves open; the same where none follows."""
    for i in range(LANES):
        now = w[n.LEAVES_OPEN + i]
        ahead = min(1.0, w[n.BEST_ADMITTED_VALUE_NEXT + i] / x[n.FRONTIER_VALUE_C + i])
        w[n.LEAVES_OPEN_NEXT + i] = ahead if changes else now
        w[n.YEARS_LEFT + i] = years if changes else 0.0
