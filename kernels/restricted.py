"""Group C in one step, from its own chip to the last ration pass: docs/model.md section 8, items 1 to 5."""

from __future__ import annotations

import numpy as np

from . import lanes as n
from ._jit import REAL, ROWS, WHOLE, glue, part, tile
from .lanes import LANES
from .performance import index_lane, perform
from .prices import CLOSE, solve_clearing, solve_markup, spend
from .vecmath import exp, log, power

PASSES = 4


@part(ROWS, ROWS, WHOLE)
def domestic_product(w, x, exponent):
    """The domestic chip: performance with its software, index, cost by equation (10), attraction; E's too."""
    for i in range(LANES):
        w[n.DESIGN_COMPUTE + i] = w[n.DOMESTIC_COMPUTE + i]
        w[n.DESIGN_MEMORY + i] = w[n.DOMESTIC_MEMORY + i]
        w[n.DESIGN_INTERCONNECT + i] = w[n.DOMESTIC_INTERCONNECT + i]
    perform(w, x, exponent)
    for i in range(LANES):
        floor = w[n.COST_FLOOR + i]
        learnt = power(w[n.CUMULATIVE_OUTPUT + i] * w[n.INVERSE_OUTPUT_START + i], w[n.LEARNING_EXPONENT + i])
        cost = w[n.DOMESTIC_COST_START + i] * (floor + (1.0 - floor) * learnt)
        w[n.DOMESTIC_COST + i] = cost
        w[n.DOMESTIC_LIST_PRICE + i] = cost * w[n.DOMESTIC_MARKUP_FACTOR + i]
    for i in range(LANES):
        ln_price = log(w[n.DOMESTIC_LIST_PRICE + i])
        tilt = w[n.NETWORK_EFFECT + i] * (w[n.LOCK_IN + i] - 0.5)
        w[n.LN_EXPORTER_ATTRACTION + i] = w[n.LN_ATTRACTION_E + i] + tilt
        w[n.LN_DOMESTIC_LEVEL + i] = w[n.LN_ATTRACTION_D + i] - tilt - w[n.PRICE_SENSITIVITY + i] * ln_price
    for k in range(4):
        for i in range(LANES):
            at = k * LANES + i
            f = w[n.DESIGN_PERFORMANCE + at] * x[n.SOFTWARE + at]
            w[n.DOMESTIC_PERFORMANCE + at] = f
            w[n.LN_DOMESTIC_ATTRACTION + at] = w[n.LN_DOMESTIC_LEVEL + i] + w[n.PRICE_SENSITIVITY + i] * log(f)
    for i in range(4 * LANES):
        w[n.DOMESTIC_ATTRACTION + i] = exp(w[n.LN_DOMESTIC_ATTRACTION + i])
    for i in range(LANES):
        w[n.DOMESTIC_VALUE + i] = index_lane(w, i, n.DOMESTIC_PERFORMANCE)


@tile
def open_market(w, x, a, dt):
    """Budgets of the step and the market the exporter's candidates meet before grey chips and rationing."""
    for i in range(LANES):
        imposed, free = x[n.BARRED_IMPOSED + i], w[n.BARRED + i]
        w[n.BARRED + i] = imposed if imposed == imposed else free
        budget = x[n.ANNUAL_BUDGET_C + i] * dt * w[n.BUDGET_FACTOR + i] - w[n.PULLED_FORWARD_C + i]
        w[n.BUDGET_C + i] = budget
        w[n.NET_OF_TARIFF + i] = w[n.NET_OF_TARIFF_C + i]
        w[n.CHIPS_OF_A + i] = a[n.ALLIED_CHIPS + i]
        w[n.CHIPS_OF_B + i] = a[n.SWING_CHIPS + i]
        for k in range(4):
            at = k * LANES + i
            b0 = w[n.MARKET_WEIGHTS + at] * budget
            w[n.BUDGET_BEFORE_GREY + at] = b0
            w[n.REACHABLE_BUDGET + at] = (1.0 - w[n.BARRED + i]) * b0
            w[n.RIVALS_ATTRACTION + at] = x[n.OUTSIDE_ATTRACTION + i] + w[n.DOMESTIC_ATTRACTION + at]


@glue
def grey_market(w, x, a):
    """Smuggled chips: denial, supply, price under the ceiling, spending by workload, and what is left of the budget."""
    _supply_grey(w, x, a)
    if _price_under_ceiling(w, x) > 0:
        solve_clearing(w)
    _buy_grey(w)


@part(ROWS, ROWS, ROWS)
def _supply_grey(w, x, a):
    """Denial, the supply of equation (11), and the frontier chip at its attraction on the solver's desk."""
    for i in range(LANES):
        offered = w[n.PLAN + i] > 0.0
        denial = 1.0 - min(1.0, w[n.VALUE_OFFERED + i] / x[n.FRONTIER_VALUE_C + i]) if offered else 1.0
        w[n.DENIAL + i] = denial
        flow = w[n.GREY_FLOOR + i] + (1.0 - w[n.GREY_FLOOR + i]) * denial
        w[n.GREY_FLOW + i] = flow
        source = x[n.GREY_SUPPLY_PATH + i] + w[n.LEAK_B + i] * a[n.SWING_VALUE + i]
        source += w[n.LEAK_A + i] * a[n.ALLIED_VALUE + i]
        supply = source * w[n.ENFORCEMENT_FACTOR + i] * flow / x[n.FRONTIER_VALUE_C + i]
        w[n.GREY_SUPPLY + i] = supply if w[n.ATTRACTION_G + i] > 0.0 else 0.0
    for i in range(LANES):
        relative = w[n.ATTRACTION_G + i]
        w[n.LN_GREY_ATTRACTION + i] = w[n.LN_EXPORTER_ATTRACTION + i] + log(relative if relative > 0.0 else 1.0)
    for k in range(4):
        for i in range(LANES):
            at = k * LANES + i
            pull = exp(w[n.LN_GREY_ATTRACTION + i] + w[n.PRICE_SENSITIVITY + i] * x[n.FRONTIER_LN_PERFORMANCE + at])
            w[n.SOLVER_ATTRACTION + at] = pull * w[n.INVERSE_RIVALS + at]
            w[n.SOLVER_BUDGET + at] = w[n.BUDGET_BEFORE_GREY + at]


@part(ROWS, ROWS)
def _price_under_ceiling(w, x):
    """Where supply exceeds demand at the ceiling, ask for the clearing price below it."""
    for i in range(LANES):
        w[n.SOLVER_LN_PRICE + i] = log(w[n.OUTSIDE_PRICE + i] * x[n.REFERENCE_PRICE + i] * x[n.FRONTIER_VALUE_C + i])
    spend(w)
    below = 0
    for i in range(LANES):
        ceiling = w[n.OUTSIDE_PRICE + i] * x[n.REFERENCE_PRICE + i] * x[n.FRONTIER_VALUE_C + i]
        demand = w[n.SOLVER_SPENDING + i] / ceiling
        supply = w[n.GREY_SUPPLY + i]
        on = supply > demand
        w[n.GREY_DEMAND_AT_CEILING + i] = demand
        w[n.GREY_TO_CLEAR + i] = supply if on else 1.0
        w[n.SOLVER_ACTIVE + i] = 1.0 if on else 0.0
        below += 1 if on else 0
    if below > 0:
        for i in range(LANES):
            # Demand falls at least as fast as 1/price: this price sells at least the supply.
            ln_ceiling = w[n.SOLVER_LN_PRICE + i]
            ln_supply = log(w[n.GREY_TO_CLEAR + i])
            start = ln_ceiling - (ln_supply - log(w[n.GREY_DEMAND_AT_CEILING + i]))
            w[n.SOLVER_LN_QUANTITY + i] = ln_supply
            w[n.SOLVER_LOW + i] = start
            w[n.SOLVER_LN_PRICE + i] = start if w[n.SOLVER_ACTIVE + i] > 0.0 else ln_ceiling
    return below


@part(ROWS)
def _buy_grey(w):
    """What is smuggled under the cap on spending, and what it leaves of the budgets: item 4."""
    spend(w)
    for i in range(LANES):
        w[n.GREY_PRICE + i] = exp(w[n.SOLVER_LN_PRICE + i])
    for i in range(LANES):
        price, supply = w[n.GREY_PRICE + i], w[n.GREY_SUPPLY + i]
        most = w[n.GREY_BUDGET_CAP + i] * w[n.BUDGET_C + i]
        capped = supply * price > most
        chips = most / price if capped else supply
        w[n.GREY_IS_CAPPED + i] = 1.0 if capped else 0.0
        w[n.GREY_BOUGHT_SHARE + i] = chips / supply if supply > 0.0 else 1.0
        w[n.GREY_CHIPS + i] = chips
        w[n.GREY_SPENDING_RATIO + i] = chips * price / w[n.SOLVER_SPENDING + i]
    for k in range(4):
        for i in range(LANES):
            at = k * LANES + i
            pull = w[n.SOLVER_ATTRACTION + at] * w[n.SOLVER_PRICE_POWER + i]
            spent = w[n.SOLVER_BUDGET + at] * (pull / (1.0 + pull)) * w[n.GREY_SPENDING_RATIO + i]
            w[n.GREY_SPENDING + at] = spent
            w[n.BUDGET_LEFT + at] = w[n.BUDGET_BEFORE_GREY + at] - spent


@glue
def ration(w, v, x, dt, o, l):
    """Item 5: four passes of domestic rationing and exporter prices; then units, prices and spending."""
    _domestic_alone(w, x)
    for k in range(PASSES):
        _price_offer(w, x, k, o)
        _price_offer(w, x, k, l)
        _masses(w, v, o, l)
        _ration_domestic(w, x, dt, o, l)
    _units(w, dt, o, l)


@tile
def _domestic_alone(w, x):
    """D's share of spending where the exporter offers nothing, before rationing."""
    for k in range(4):
        for i in range(LANES):
            at = k * LANES + i
            ad = w[n.DOMESTIC_ATTRACTION + at]
            w[n.DOMESTIC_SHARE_ALONE + at] = ad / (ad + x[n.OUTSIDE_ATTRACTION + i])


@part(ROWS, ROWS, WHOLE, ROWS)
def _price_offer(w, x, k, j):
    """One offer's price against its rivals of pass k, and its attraction and share by workload."""
    if _set_desk(w, x, k, j) > 0:
        solve_markup(w, CLOSE)
        spend(w)
        if _limit(w, j) > 0:
            solve_clearing(w)
            spend(w)
    _read_desk(w, j)


@tile
def _set_desk(w, x, k, j):
    """The offer on the solver's desk; lanes that do not make it get a market that is solved already.

    Its rivals are, from the second pass on, what domestic makers served of the last pass's demand: R of equation (12).
    """
    used = 0
    for i in range(LANES):
        on = j[n.OFFER_REACH + i] > 0.0
        ln_cost, ln_price = j[n.OFFER_LN_COST + i], j[n.OFFER_LN_PRICE + i]
        w[n.SOLVER_ACTIVE + i] = 1.0 if on else 0.0
        w[n.SOLVER_LN_COST + i] = ln_cost if on else 0.0
        w[n.SOLVER_LN_PRICE + i] = ln_price if on else 1.0
        used += 1 if on else 0
    if used > 0:
        for i in range(4 * LANES):
            w[n.SOLVER_BUDGET + i] = w[n.BUDGET_LEFT + i]
        if k == 0:
            for i in range(4 * LANES):
                w[n.SOLVER_ATTRACTION + i] = j[n.OFFER_UNIT_ATTRACTION + i] * w[n.INVERSE_RIVALS + i]
        else:
            for at in range(4):
                for i in range(LANES):
                    row = at * LANES + i
                    z = j[n.OFFER_DOMESTIC_SERVED + row]
                    rivals = x[n.OUTSIDE_ATTRACTION + i] + j[n.OFFER_ATTRACTION + row] * z
                    w[n.SOLVER_ATTRACTION + row] = j[n.OFFER_UNIT_ATTRACTION + row] * (1.0 - z) / rivals
        for at in range(4):
            for i in range(LANES):
                row = n.SOLVER_ATTRACTION + at * LANES + i
                w[row] = w[row] if w[n.SOLVER_ACTIVE + i] > 0.0 else 1.0
    return used


@tile
def _limit(w, j):
    """Plan b under its quota: where the monopoly price sells more than the licences, ask for the clearing price."""
    for i in range(LANES):
        w[n.RATION_INVERSE_PRICE + i] = exp(-w[n.SOLVER_LN_PRICE + i])
    binding = 0
    for i in range(LANES):
        on = j[n.OFFER_REACH + i] > 0.0
        ln_price, old = w[n.SOLVER_LN_PRICE + i], j[n.OFFER_LN_PRICE + i]
        # The next pass starts from the monopoly price, not from a clearing price.
        j[n.OFFER_LN_PRICE + i] = ln_price if on else old
        per_buyer = j[n.OFFER_QUOTA + i] / (1.0 - w[n.BARRED + i])
        over = on & (w[n.PLAN + i] == 2.0) & (w[n.SOLVER_SPENDING + i] * w[n.RATION_INVERSE_PRICE + i] > per_buyer)
        w[n.RATION_QUOTA + i] = per_buyer if over else 1.0
        w[n.SOLVER_ACTIVE + i] = 1.0 if over else 0.0
        binding += 1 if over else 0
    if binding > 0:
        for i in range(LANES):
            w[n.SOLVER_LN_QUANTITY + i] = log(w[n.RATION_QUOTA + i])
            w[n.SOLVER_LOW + i] = w[n.SOLVER_LN_PRICE + i]
    return binding


@tile
def _read_desk(w, j):
    for i in range(LANES):
        w[n.RATION_PRICE + i] = exp(w[n.SOLVER_LN_PRICE + i])
    for i in range(LANES):
        on = j[n.OFFER_REACH + i] > 0.0
        price = w[n.RATION_PRICE + i]
        j[n.OFFER_PRICE + i] = price if on else 0.0
        j[n.OFFER_CHIPS_IF_ALL + i] = w[n.SOLVER_SPENDING + i] / price if on else 0.0
    for k in range(4):
        for i in range(LANES):
            at = k * LANES + i
            on = j[n.OFFER_REACH + i] > 0.0
            pull = w[n.SOLVER_ATTRACTION + at] * w[n.SOLVER_PRICE_POWER + i]
            a, s = j[n.OFFER_UNIT_ATTRACTION + at] * w[n.SOLVER_PRICE_POWER + i], pull / (1.0 + pull)
            j[n.OFFER_ATTRACTION + at] = a if on else 0.0
            j[n.OFFER_SHARE + at] = s if on else 0.0


@tile
def _masses(w, v, o, l):
    """Reaches of plan c at this pass's prices, and the share of spending each offer meets."""
    for i in range(LANES):
        shared = w[n.PLAN + i] == 3.0
        reachable, avail = 1.0 - w[n.BARRED + i], v[n.LICENCES_AVAILABLE + i]
        old_o, old_l = o[n.OFFER_REACH + i], l[n.OFFER_REACH + i]
        stretch = min(avail, l[n.OFFER_QUOTA + i] * avail / (reachable * l[n.OFFER_CHIPS_IF_ALL + i]))
        reach_l = stretch if shared else old_l
        reach_o = 1.0 - stretch if shared else old_o
        l[n.OFFER_REACH + i] = reach_l
        o[n.OFFER_REACH + i] = reach_o
        l[n.OFFER_MASS + i] = reachable * reach_l
        o[n.OFFER_MASS + i] = reachable * reach_o


@part(ROWS, ROWS, REAL, ROWS, ROWS)
def _ration_domestic(w, x, dt, o, l):
    """Latent domestic demand over supply, and the share of it that is served: equation (12)."""
    for i in range(LANES):
        m_o, m_l = o[n.OFFER_MASS + i], l[n.OFFER_MASS + i]
        m_n = 1.0 - m_l - m_o
        a0 = x[n.OUTSIDE_ATTRACTION + i]
        latent = 0.0
        for k in range(4):
            at = k * LANES + i
            ad = w[n.DOMESTIC_ATTRACTION + at]
            all_o, all_l = o[n.OFFER_ATTRACTION + at] + ad + a0, l[n.OFFER_ATTRACTION + at] + ad + a0
            both = ad / (all_o * all_l)
            share_o, share_l = both * all_l, both * all_o
            o[n.OFFER_DOMESTIC_SHARE + at] = share_o
            l[n.OFFER_DOMESTIC_SHARE + at] = share_l
            latent += w[n.BUDGET_LEFT + at] * (m_l * share_l + m_o * share_o + m_n * w[n.DOMESTIC_SHARE_ALONE + at])
        w[n.DEMAND_OVER_SUPPLY + i] = latent / (w[n.DOMESTIC_LIST_PRICE + i] * w[n.DOMESTIC_CAPACITY + i] * dt)
    for i in range(LANES):
        w[n.SCARCITY_RENT + i] = power(max(1.0, w[n.DEMAND_OVER_SUPPLY + i]), w[n.SCARCITY_EXPONENT + i])
    for i in range(LANES):
        ratio, rent = w[n.DEMAND_OVER_SUPPLY + i], w[n.SCARCITY_RENT + i]
        square = ratio * ratio
        rationed = 1.0 / np.sqrt(np.sqrt(1.0 + square * square))
        w[n.SERVED_SHARE + i] = min(1.0, rationed * rent)
        w[n.DOMESTIC_PRICE + i] = w[n.DOMESTIC_LIST_PRICE + i] * rent
    for k in range(4):
        for i in range(LANES):
            at = k * LANES + i
            served = w[n.SERVED_SHARE + i]
            o[n.OFFER_DOMESTIC_SERVED + at] = o[n.OFFER_DOMESTIC_SHARE + at] * served
            l[n.OFFER_DOMESTIC_SERVED + at] = l[n.OFFER_DOMESTIC_SHARE + at] * served
            w[n.DOMESTIC_SERVED_ALONE + at] = w[n.DOMESTIC_SHARE_ALONE + at] * w[n.SERVED_SHARE + i]


@tile
def _units(w, dt, o, l):
    """Chips sold by both sides; domestic units never exceed the step's supply."""
    for i in range(LANES):
        m_o, m_l = o[n.OFFER_MASS + i], l[n.OFFER_MASS + i]
        m_n = 1.0 - m_l - m_o
        o[n.OFFER_CHIPS + i] = m_o * o[n.OFFER_CHIPS_IF_ALL + i]
        l[n.OFFER_CHIPS + i] = m_l * l[n.OFFER_CHIPS_IF_ALL + i]
        revenue = 0.0
        for k in range(4):
            at = k * LANES + i
            b = w[n.BUDGET_LEFT + at]
            served = m_l * l[n.OFFER_DOMESTIC_SERVED + at] + m_o * o[n.OFFER_DOMESTIC_SERVED + at]
            spent = b * (served + m_n * w[n.DOMESTIC_SERVED_ALONE + at])
            w[n.DOMESTIC_SPENDING + at] = spent
            w[n.EXPORTER_SPENDING + at] = b * (m_l * l[n.OFFER_SHARE + at] + m_o * o[n.OFFER_SHARE + at])
            revenue += spent
        chips = revenue / w[n.DOMESTIC_PRICE + i]
        supply = w[n.DOMESTIC_CAPACITY + i] * dt
        ratio = supply / chips
        trim = ratio if chips > supply else 1.0
        w[n.DOMESTIC_CHIPS + i] = chips * trim
        w[n.DOMESTIC_REVENUE + i] = revenue * trim
        for k in range(4):
            w[n.DOMESTIC_SPENDING + k * LANES + i] *= trim
