"""What depends on the scenario alone: frontier, catalogue, budgets, constants; computed once, before any policy.

docs/model.md sections 1 to 3. Scalar code: it runs once a scenario and step, not once a policy.
"""

from __future__ import annotations

import math

from . import lanes as n
from ._jit import inline, kernel
from .lanes import LANES
from .performance import index, roofline, wall


@inline
def _moving(p, y):
    f = p.frontier_f * p.frontier_growth_f**y
    m = p.frontier_m * p.frontier_growth_m**y
    return f, m, p.frontier_i * p.frontier_growth_i**y


@inline
def _unit_cost(p, cost_class):
    if cost_class == 0:
        return p.unit_cost_frontier
    if cost_class == 1:
        return p.unit_cost_previous
    if cost_class == 2:
        return p.unit_cost_older
    return p.unit_cost_legacy


@inline
def _chip(p, chip, start, y):
    """Figures of one catalogue entry at y: F, M, I, TPP, launch date, 1 if on sale."""
    if chip.moves == 0.0:
        on_sale = 1.0 if start + y >= chip.launch else 0.0
        return chip.f, chip.m, chip.i, chip.tpp, chip.launch, on_sale
    lag = chip.position * p.generation_spacing
    f, m, i = _moving(p, y - lag)
    launch = start + y - lag
    uplift = p.fp4_uplift if launch >= 2025.0 else 1.0
    return f, m, i, 8000.0 * f * uplift, launch, 1.0


@inline
def _frontier(p, catalogue, start, y):
    """The first entry on sale: F, M, I, TPP, area."""
    for k in range(catalogue.shape[0]):
        f, m, i, tpp, _, on_sale = _chip(p, catalogue[k], start, y)
        if on_sale == 1.0:
            return f, m, i, tpp, catalogue[k].area
    f, m, i = _moving(p, y)
    return f, m, i, 8000.0 * f, 1.0


@inline
def _budget_c(p, y):
    early = p.budget_c_growth ** min(y, p.budget_c_break)
    return p.budget_c * early * p.budget_c_growth_late ** max(y - p.budget_c_break, 0.0)


@inline
def _logistic(p, y):
    """Purchases of A, equation (4) [MH100e/year]."""
    ratio = min(p.demand_a / p.demand_a_ceiling, 1.0 - 1e-6)
    gamma = math.log(p.demand_a_growth) / (1.0 - ratio)
    return p.demand_a / ratio / (1.0 + (1.0 / ratio - 1.0) * math.exp(-gamma * y))


@inline
def _four(row, offset, lane, a, b, c, d):
    row[offset + lane] = a
    row[offset + LANES + lane] = b
    row[offset + 2 * LANES + lane] = c
    row[offset + 3 * LANES + lane] = d


@inline
def _normalised(row, offset, lane, a, b, c, d):
    total = a + b + c + d
    _four(row, offset, lane, a / total, b / total, c / total, d / total)


@inline
def _four_performances(p, f, m, i, ln_rho, exponent):
    """Equations (1) and (2) for one chip in one scenario."""
    rf, rm, ri = 1.0 / f, 1.0 / m, 1.0 / i
    f0, m0, i0 = p.reference_f, p.reference_m, p.reference_i
    st = roofline(rf, rm, ri, p.theta_f_st * f0, p.theta_m_st * m0, p.theta_i_st * i0,
                  _reference_time(p.theta_f_st, p.theta_m_st, p.theta_i_st, exponent), exponent)  # fmt: skip
    pf = roofline(rf, rm, ri, p.theta_f_pf * f0, p.theta_m_pf * m0, p.theta_i_pf * i0,
                  _reference_time(p.theta_f_pf, p.theta_m_pf, p.theta_i_pf, exponent), exponent)  # fmt: skip
    dc = roofline(rf, rm, ri, p.theta_f_dc * f0, p.theta_m_dc * m0, p.theta_i_dc * i0,
                  _reference_time(p.theta_f_dc, p.theta_m_dc, p.theta_i_dc, exponent), exponent)  # fmt: skip
    return st, wall(st, i / i0, ln_rho, p.wall_exponent, p.network_exponent), pf, dc


@inline
def _reference_time(tf, tm, ti, exponent):
    return 1.0 / roofline(1.0, 1.0, 1.0, tf, tm, ti, 1.0, exponent)


@kernel
def fill_constants(params, catalogue, steps_per_year, start, exponent, q):
    """Constants of a scenario into its lane of ``q``.

    params : PARAMS[n_tiles * LANES]
    q : float64[n_tiles, CONSTANTS_SIZE]
    """
    dt = 1.0 / steps_per_year
    for column in range(params.shape[0]):
        _constants(params[column], q[column // LANES], column % LANES, dt, exponent)
        _opening(params[column], catalogue, q[column // LANES], column % LANES, start, exponent)


@inline
def _constants(p, q, lane, dt, exponent):
    beta = p.price_sensitivity
    q[n.PRICE_SENSITIVITY + lane] = beta
    q[n.INVERSE_SENSITIVITY + lane] = 1.0 / beta
    q[n.LN_SENSITIVITY + lane] = math.log(beta)
    q[n.INVERSE_SENSITIVITY_AND_ONE + lane] = 1.0 / (1.0 + beta)
    q[n.LN_LEAST_MARKUP + lane] = math.log1p(1.0 / beta)
    _normalised(q, n.VALUE_WEIGHTS_A, lane, p.value_a_st, p.value_a_ft, p.value_a_pf, p.value_a_dc)
    _normalised(q, n.VALUE_WEIGHTS_C, lane, p.value_c_st, p.value_c_ft, p.value_c_pf, p.value_c_dc)
    _normalised(q, n.CAPABILITY_WEIGHTS, lane, p.capability_st, p.capability_ft, p.capability_pf, p.capability_dc)
    _roofline_constants(p, q, lane, exponent)
    q[n.ONE_LESS_SLACK + lane] = 1.0 - p.slack
    q[n.COST_RETAINED + lane] = p.cost_retained
    q[n.NRE_PER_STEP + lane] = p.nre * dt
    q[n.FP4_UPLIFT + lane] = p.fp4_uplift
    q[n.DESIGN_LAG + lane] = p.design_lag - 1e-9  # a lag of whole steps ends with them, whatever rounding did
    q[n.LN_ATTRACTION_E + lane] = math.log(p.attraction_e)
    q[n.LN_ATTRACTION_D + lane] = math.log(p.attraction_d)
    q[n.ATTRACTION_G + lane] = p.attraction_g
    q[n.NETWORK_EFFECT + lane] = p.network_effect
    q[n.OUTSIDE_PRICE + lane] = p.outside_price
    q[n.ONE_LESS_BUDGET_ELASTICITY + lane] = 1.0 - p.budget_elasticity
    q[n.NET_OF_TARIFF_C + lane] = 1.0 / (1.0 + p.buyer_tariff)
    q[n.HOME_SHARE + lane] = p.home_share
    q[n.SPARE_SUPPLY + lane] = p.spare_supply
    q[n.DISPLACEMENT + lane] = p.displacement
    q[n.DOMESTIC_MARKUP_FACTOR + lane] = 1.0 + p.domestic_markup
    q[n.SCARCITY_EXPONENT + lane] = p.scarcity_exponent
    q[n.GREY_FLOOR + lane] = p.grey_floor
    q[n.LEAK_A + lane] = p.leak_a
    q[n.LEAK_B + lane] = p.leak_b
    q[n.ENFORCEMENT_FACTOR + lane] = (1.0 - p.enforcement) / (1.0 - p.enforcement_reference)
    q[n.GREY_BUDGET_CAP + lane] = p.grey_budget_cap
    q[n.REMOTE_SHARE + lane] = p.remote_share
    _dynamics_constants(p, q, lane, dt)


@inline
def _roofline_constants(p, q, lane, exponent):
    tf = (p.theta_f_st, p.theta_f_pf, p.theta_f_dc)
    tm = (p.theta_m_st, p.theta_m_pf, p.theta_m_dc)
    ti = (p.theta_i_st, p.theta_i_pf, p.theta_i_dc)
    for k in range(3):
        q[n.COMPUTE_WORK + k * LANES + lane] = tf[k] * p.reference_f
        q[n.MEMORY_WORK + k * LANES + lane] = tm[k] * p.reference_m
        q[n.NETWORK_WORK + k * LANES + lane] = ti[k] * p.reference_i
        q[n.REFERENCE_TIME + k * LANES + lane] = _reference_time(tf[k], tm[k], ti[k], exponent)
    q[n.INVERSE_REFERENCE_INTERCONNECT + lane] = 1.0 / p.reference_i
    q[n.WALL_EXPONENT + lane] = p.wall_exponent
    q[n.NETWORK_EXPONENT + lane] = p.network_exponent


@inline
def _dynamics_constants(p, q, lane, dt):
    q[n.RESPONSE_LEVEL + lane] = p.response_level
    q[n.RESPONSE_DEPENDENCY + lane] = p.response_dependency
    q[n.RESPONSE_ADVANTAGE + lane] = p.response_advantage
    q[n.RESPONSE_SELF + lane] = p.response_self
    q[n.RESPONSE_SHARE_PER_STEP + lane] = 1.0 - (1.0 - p.response_speed) ** dt
    q[n.RESPONSE_MAX + lane] = p.response_max
    q[n.DOMESTIC_COST_START + lane] = p.domestic_cost
    q[n.COST_FLOOR + lane] = p.cost_floor
    q[n.LEARNING_EXPONENT + lane] = math.log2(1.0 - p.learning_rate)
    q[n.INVERSE_OUTPUT_START + lane] = 1.0 / p.domestic_output
    q[n.OUTPUT_REMEMBERED + lane] = 1.0 - p.node_forgetting
    q[n.RD_SHARE + lane] = p.rd_share
    q[n.RD_STATE + lane] = p.rd_state
    q[n.RD_DENIAL + lane] = p.rd_denial
    q[n.DOMESTIC_GROWTH + lane] = p.domestic_growth
    q[n.DOMESTIC_GROWTH_RD + lane] = p.domestic_growth_rd
    q[n.RD_HALF + lane] = p.rd_half
    q[n.CAPACITY_GROWTH_PER_STEP + lane] = p.capacity_growth**dt
    q[n.CAPACITY_INVESTMENT + lane] = p.capacity_investment
    q[n.LOCK_IN_SHARE_PER_STEP + lane] = 1.0 - (1.0 - p.lock_in_speed) ** dt
    q[n.STOCK_KEPT_PER_STEP + lane] = (1.0 - p.depreciation) ** dt
    q[n.STOCKPILE + lane] = p.stockpile
    q[n.TIGHTENING_EXPONENT + lane] = p.tightening_exponent
    q[n.WRITE_DOWN_SHARE + lane] = p.write_down
    q[n.ALGORITHM_GAP + lane] = p.algorithm_lag * math.log(p.algorithm_growth)
    q[n.LN_FRONTIER_GROWTH_COMPUTE + lane] = math.log(p.frontier_growth_f)
    q[n.LN_FRONTIER_GROWTH_MEMORY + lane] = math.log(p.frontier_growth_m)
    q[n.LN_FRONTIER_GROWTH_INTERCONNECT + lane] = math.log(p.frontier_growth_i)


@inline
def _opening(p, catalogue, q, lane, start, exponent):
    """State at the start; stocks are split by the profile of the frontier chip (section 8, item 8)."""
    q[n.LOCK_IN_START + lane] = p.lock_in
    q[n.BARRED_START + lane] = p.barred_start
    q[n.CAPACITY_START + lane] = p.domestic_capacity
    q[n.DOMESTIC_COMPUTE_START + lane] = p.domestic_f
    q[n.DOMESTIC_MEMORY_START + lane] = p.domestic_m
    q[n.DOMESTIC_INTERCONNECT_START + lane] = p.domestic_i
    q[n.OUTPUT_START + lane] = p.domestic_output
    f, m, i, _, _ = _frontier(p, catalogue, start, 0.0)
    st, ft, pf, dc = _four_performances(p, f, m, i, math.log(p.run_size / p.wall_size), exponent)
    va = _index_of(q, n.VALUE_WEIGHTS_A, lane, st, ft, pf, dc)
    vc = _index_of(q, n.VALUE_WEIGHTS_C, lane, st, ft, pf, dc)
    totals = (p.stock_a / va, p.stock_b / va, p.stock_e / vc, p.stock_g / vc, p.stock_d / vc)
    rows = (n.STOCK_A_START, n.STOCK_B_START, n.STOCK_E_START, n.STOCK_G_START, n.STOCK_D_START)
    for k in range(5):
        _four(q, rows[k], lane, totals[k] * st, totals[k] * ft, totals[k] * pf, totals[k] * dc)
    q[n.VALUE_STOCK_E_START + lane] = p.stock_e
    q[n.VALUE_STOCK_G_START + lane] = p.stock_g
    q[n.VALUE_STOCK_D_START + lane] = p.stock_d


@inline
def _index_of(q, omega, lane, st, ft, pf, dc):
    """Equation (3) with the weights in ``omega``."""
    return index(st, ft, pf, dc, q[omega + lane], q[omega + LANES + lane], q[omega + 2 * LANES + lane],
                 q[omega + 3 * LANES + lane])  # fmt: skip


@kernel
def fill_paths(params, catalogue, n_steps, steps_per_year, start, exponent, q, x):
    """Paths of a scenario into its lane of ``x`` (float64[n_tiles, n_steps, PATHS_SIZE])."""
    dt = 1.0 / steps_per_year
    for column in range(params.shape[0]):
        for t in range(n_steps):
            row = x[column // LANES, t]
            _step(params[column], q[column // LANES], row, column % LANES, t * dt, dt)
            _chips(params[column], catalogue, q[column // LANES], row, column % LANES, start, t * dt, dt, exponent)


@inline
def _step(p, q, x, lane, y, dt):
    price = p.reference_price * p.price_growth**y
    x[n.REFERENCE_PRICE + lane] = price
    x[n.OUTSIDE_ATTRACTION + lane] = (p.outside_price * price) ** (-p.price_sensitivity)
    x[n.ANNUAL_BUDGET_C + lane] = _budget_c(p, y)
    x[n.ANNUAL_BUDGET_C_NEXT + lane] = _budget_c(p, y + dt)
    x[n.ANNUAL_BUDGET_B + lane] = p.budget_b * p.budget_b_growth**y
    x[n.ANNUAL_BUDGET_B_NEXT + lane] = p.budget_b * p.budget_b_growth ** (y + dt)
    x[n.DEMAND_A + lane] = _logistic(p, y) * dt
    x[n.LN_RUN_OVER_WALL + lane] = math.log(p.run_size / p.wall_size) + y * math.log(p.run_growth / p.wall_growth)
    x[n.GREY_SUPPLY_PATH + lane] = p.grey_supply * p.grey_growth**y * dt
    x[n.DISCOUNT + lane] = p.discount**y
    x[n.BARRED_IMPOSED + lane] = math.nan  # free, until a caller imposes a share
    growth = p.software_growth**y
    _four(x, n.SOFTWARE, lane, min(1.0, p.software_st * growth), min(1.0, p.software_ft * growth),
          min(1.0, p.software_pf * growth), min(1.0, p.software_dc * growth))  # fmt: skip


@inline
def _chips(p, catalogue, q, x, lane, start, y, dt, exponent):
    x[n.PATH_DATE + lane] = start + y
    f, m, i = _moving(p, y)
    x[n.PATH_COMPUTE + lane], x[n.PATH_MEMORY + lane], x[n.PATH_INTERCONNECT + lane] = f, m, i
    f, m, i, tpp, area = _frontier(p, catalogue, start, y)
    x[n.FRONTIER_COMPUTE + lane], x[n.FRONTIER_MEMORY + lane], x[n.FRONTIER_INTERCONNECT + lane] = f, m, i
    x[n.FRONTIER_TPP + lane], x[n.FRONTIER_AREA + lane] = tpp, area
    st, ft, pf, dc = _four_performances(p, f, m, i, x[n.LN_RUN_OVER_WALL + lane], exponent)
    _four(x, n.FRONTIER_PERFORMANCE, lane, st, ft, pf, dc)
    _four(x, n.FRONTIER_LN_PERFORMANCE, lane, math.log(st), math.log(ft), math.log(pf), math.log(dc))
    x[n.FRONTIER_VALUE_A + lane] = _index_of(q, n.VALUE_WEIGHTS_A, lane, st, ft, pf, dc)
    x[n.FRONTIER_VALUE_C + lane] = _index_of(q, n.VALUE_WEIGHTS_C, lane, st, ft, pf, dc)
    f, m, i, _, _ = _frontier(p, catalogue, start, y + dt)
    x[n.NEXT_FRONTIER_COMPUTE + lane] = f
    x[n.NEXT_FRONTIER_MEMORY + lane] = m
    x[n.NEXT_FRONTIER_INTERCONNECT + lane] = i
    growth = p.unit_cost_growth**y * p.cost_shock
    for k in range(catalogue.shape[0]):
        f, m, i, tpp, launch, on_sale = _chip(p, catalogue[k], start, y)
        at = k * n.CHIP_ROWS * LANES + lane
        x[n.CHIP_COMPUTE + at], x[n.CHIP_MEMORY + at], x[n.CHIP_INTERCONNECT + at], x[n.CHIP_TPP + at] = f, m, i, tpp
        x[n.CHIP_UNIT_COST + at] = _unit_cost(p, catalogue[k].cost_class) * catalogue[k].cost_scale * growth
        x[n.CHIP_LAUNCH + at] = launch
        x[n.CHIP_ON_SALE + at] = on_sale
