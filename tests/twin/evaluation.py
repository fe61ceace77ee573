"""The plain-Python twin of a whole evaluation: sections 6 to 9 of the page, step by step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .allied import buy_allied, sell_swing
from .clock import Now, World, namespace, step_of
from .designs import Margin
from .domestic import domestic_good
from .expectations import advance, move_chip, research, service
from .government import decide
from .market import clear, grey_supply, sold_in_c
from .middle import middle_of
from .opening import opening
from .outcomes import Happened, Tally, figures, money
from .restricted import budget_of, offer_to_c
from .state import State, in_use
from .stocks import add_flows, add_power, displaced, log_lead
from .tightening import pull_forward, tightening, write_downs


def evaluate(
    levers: np.ndarray,
    phase: Sequence[int],
    params: np.void,
    catalogue: np.ndarray,
    *,
    n_steps: int,
    steps_per_year: int,
    start: float,
    exponent: int,
    barred: Sequence[float] | None = None,
) -> tuple[dict[str, float], list[dict[str, float]], float]:
    """One policy schedule in one scenario.

    Parameters
    ----------
    levers : LEVERS[phases]
    phase : for each step the index into ``levers`` of the policy in force
    params : one PARAMS record
    catalogue : CHIP[entries], newest first
    n_steps, steps_per_year, start : the clock; ``start`` is the year in which step 0 begins
    exponent : of the roofline, 2, 4 or 8
    barred : the imposed share r of each step, NaN where the buyer's government decides

    Returns
    -------
    outcomes by name, the trajectory (one dict a step), and the smallest relative margin of a discrete choice;
    both substitutions are NaN until ``fill_substitution`` has a reference run
    """
    q, margin = namespace(params), Margin()
    world = World(levers, phase, q, catalogue, n_steps, steps_per_year, start, exponent, barred, margin)
    state = opening(world, step_of(world, 0))
    tally = Tally(world, log_lead(world, state))
    trajectory: list[dict[str, float]] = []
    for t in range(n_steps):
        happened = _step(world, step_of(world, t), state)
        paid = money(world, happened)
        trajectory.append(figures(world, happened, paid))
        tally.add(happened, paid, trajectory[-1])
    return tally.close(state), trajectory, margin.smallest


def _step(world: World, now: Now, state: State) -> Happened:
    """One step: what happens in it, and ``state`` moved on to the next."""
    q, dt = world.q, world.dt
    home = buy_allied(world, now, state)
    swing = sell_swing(world, now, home.n, state)
    middle = middle_of(world, now, state)
    domestic = domestic_good(world, now, state, middle)
    budget = budget_of(world, now, state, middle)
    offered = offer_to_c(world, now, middle, budget, domestic, home, swing)
    r = decide(world, now, state, middle, budget, domestic, offered)
    market = clear(world, now, middle, budget, domestic, offered, r, grey_supply(world, now, home, swing))
    sold = sold_in_c(world, now, budget, domestic, offered, market)
    served = service(world, now, middle, domestic, market, sold)
    h = tightening(now, "c", world.omega("value_c"))
    cost = pull_forward(sold.sales, h, q.stockpile, 0.5 * middle.B)
    WD = write_downs(sold.sales, h, q.write_down)
    spared = float(now.policy["c"]["no_diversion"]) != 0.0
    gone = displaced(home.n, offered.delta_X, sold.sales, spared)
    RD = research(world, middle, sum(sold.spent_D.values()))
    advance(world, now, state, middle, budget, domestic, offered, sold, served)
    move_chip(world, now, state, RD, 1.0 - served.served)
    state.debt = state.debt - budget.repay * dt + cost
    add_flows(world, now, state, home, swing, domestic, sold, gone)
    add_power(world, now, state, domestic, sold)
    return Happened(
        now=now,
        home=home,
        swing=swing,
        middle=middle,
        domestic=domestic,
        offered=offered,
        r=r,
        sold=sold,
        served=served,
        WD=WD,
        gone=gone,
        RD=RD,
        stock_a=dict(state.K["A"]),
        stock_c=in_use(world, state.K),
        log_lead=log_lead(world, state),
    )
