"""What depends on the scenario alone: frontier, catalogue, budgets, constants; computed once, before any policy.

docs/model.md sections 1 to 3. Scalar code: it runs once a scenario and step, not once a policy.
"""

from __future__ import annotations

import math

from . import lanes as n
from ._jit import inline, kernel
from .catalogue import chip_at, cost_at, frontier_at, moving
from .lanes import LANES
from .performance import index, roofline, wall


@inline
def _logistic(start, growth, ceiling, y):
    """Spending at y that grows towards a ceiling, equation (8) [GUSD/year]."""
    ratio = min(start / ceiling, 1.0 - 1e-6)
    gamma = math.log(growth) / (1.0 - ratio)
    return start / ratio / (1.0 + (1.0 / ratio - 1.0) * math.exp(-gamma * y))


@inline
def _spending_a(p, y):
    return _logistic(p.spending_a, p.spending_a_growth, p.spending_a_ceiling, y)


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
    """Equations (5) and (6) for one chip in one scenario."""
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
        _opening(params[column], catalogue, q[column // LANES], column % LANES, dt, start, exponent)


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
    q[n.NRE + lane] = p.nre
    q[n.FP4_UPLIFT + lane] = p.fp4_uplift
    q[n.DESIGN_LAG + lane] = p.design_lag - 1e-9  # a lag of whole steps ends with them, whatever rounding did
    q[n.LN_ATTRACTION_E + lane] = math.log(p.attraction_e)
    q[n.LN_ATTRACTION_D + lane] = math.log(p.attraction_d)
    q[n.ATTRACTION_G + lane] = p.attraction_g
    q[n.NETWORK_EFFECT + lane] = p.network_effect
    q[n.TARIFF_FACTOR_C + lane] = 1.0 + p.buyer_tariff
    q[n.NET_OF_TARIFF_C + lane] = 1.0 / (1.0 + p.buyer_tariff)
    q[n.MARKUP_FACTOR_A + lane] = 1.0 + p.markup_a
    q[n.HEADROOM + lane] = p.capacity_headroom
    q[n.HOME_SHARE + lane] = p.home_share
    q[n.SPARE_SUPPLY + lane] = p.spare_supply
    q[n.EVASION_FACTOR + lane] = 1.0 + p.evasion
    q[n.DOMESTIC_MARKUP_FACTOR + lane] = 1.0 + p.domestic_markup
    q[n.SCARCITY_EXPONENT + lane] = p.scarcity_exponent
    q[n.GREY_ELASTICITY + lane] = p.grey_elasticity
    q[n.LEAK_A + lane] = p.leak_a
    q[n.LEAK_B + lane] = p.leak_b
    q[n.LEAK_AT_REFERENCE + lane] = 1.0 - p.enforcement_reference
    q[n.LEAK_THROUGH + lane] = 1.0 - p.enforcement
    q[n.REMOTE_SHARE + lane] = p.remote_share
    q[n.STOCKPILE + lane] = p.stockpile
    q[n.TIGHTENING_EXPONENT + lane] = p.tightening_exponent
    q[n.WRITE_DOWN_SHARE + lane] = p.write_down
    q[n.LICENCE_COST + lane] = p.licence_cost
    q[n.LICENCE_FIXED + lane] = p.licence_fixed
    q[n.ENFORCEMENT_COST + lane] = p.enforcement_cost
    q[n.EFFICIENCY_RESPONSE + lane] = p.efficiency_response
    q[n.LN_FRONTIER_GROWTH_COMPUTE + lane] = math.log(p.frontier_growth_f)
    q[n.LN_FRONTIER_GROWTH_MEMORY + lane] = math.log(p.frontier_growth_m)
    q[n.LN_FRONTIER_GROWTH_INTERCONNECT + lane] = math.log(p.frontier_growth_i)
    _time_constants(p, q, lane, dt)
    _government_constants(p, q, lane, dt)
    _domestic_constants(p, q, lane, dt)


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
def _time_constants(p, q, lane, dt):
    """Equations (2) and (4): what a stock keeps and gains, what is left of a distance."""
    d = -math.log1p(-p.depreciation)
    for row, span in ((n.STOCK_KEPT, dt), (n.STOCK_KEPT_HALF, 0.5 * dt), (n.STOCK_KEPT_YEAR, 1.0)):
        q[row + lane] = math.exp(-d * span)
    for row, span in ((n.STOCK_GAINED, dt), (n.STOCK_GAINED_HALF, 0.5 * dt), (n.STOCK_GAINED_YEAR, 1.0)):
        q[row + lane] = (1.0 - math.exp(-d * span)) / d if d > 0.0 else span
    q[n.LOCK_IN_LEFT_HALF + lane], q[n.LOCK_IN_LEFT + lane] = _left(p.lock_in_speed, dt)
    q[n.BELIEF_LEFT_HALF + lane], q[n.BELIEF_LEFT + lane] = _left(p.belief_speed, dt)
    q[n.BUDGET_LEFT_HALF + lane], q[n.BUDGET_LEFT_STEP + lane] = _left(p.budget_speed, dt)
    q[n.SALE_LEFT_HALF + lane] = math.exp(-0.5 * dt / p.lead_time)
    q[n.SALE_LEFT + lane] = math.exp(-dt / p.lead_time)
    q[n.DRAWN_PER_STEP + lane] = (1.0 - math.exp(-dt)) / dt
    q[n.REPAID_SHARE + lane] = (1.0 - math.exp(-2.0 * dt)) / dt
    q[n.BELIEF_WEIGHT + lane] = p.belief_weight
    q[n.CREDIBILITY + lane] = p.credibility
    q[n.INVERSE_INVESTMENT_LIFE + lane] = 1.0 / p.investment_life
    q[n.BUDGET_EXPONENT + lane] = p.budget_elasticity - 1.0


@inline
def _left(speed, dt):
    return (1.0 - speed) ** (0.5 * dt), (1.0 - speed) ** dt


@inline
def _government_constants(p, q, lane, dt):
    q[n.BUYER_DECIDES + lane] = p.buyer_decides
    q[n.BARRED_STANDS + lane] = p.barred_start
    q[n.BARRED_STEP + lane] = p.barred_max / 3.0
    q[n.SWITCHING + lane] = math.exp(-p.switching_cost * p.barred_max / 3.0)
    q[n.DECISIONS + lane] = 0.5 * p.decision_rate * dt
    q[n.WEIGHT_COMPUTE + lane] = p.weight_compute
    q[n.WEIGHT_SELF + lane] = p.weight_self
    q[n.WEIGHT_DEPENDENCE + lane] = p.weight_dependence
    q[n.WEIGHT_PARITY + lane] = p.weight_parity
    q[n.WEIGHT_PREMIUM + lane] = p.weight_premium
    q[n.WEIGHT_RETALIATION + lane] = p.weight_retaliation
    q[n.RESPONSE_LEVEL + lane] = p.response_level
    q[n.WARNING_BASE + lane] = p.warning_base
    q[n.WARNING_TIGHTENING + lane] = p.warning_tightening
    q[n.WARNING_TERMS + lane] = p.warning_terms
    x = 3.0 * min(1.0, p.barred_start / p.barred_max)
    for k in range(4):
        q[n.BARRED_PROBABILITY_START + k * LANES + lane] = max(0.0, 1.0 - abs(x - k))


@inline
def _domestic_constants(p, q, lane, dt):
    q[n.RD_SHARE + lane] = p.rd_share
    q[n.RD_STATE + lane] = p.rd_state
    q[n.RD_DENIAL + lane] = p.rd_denial
    q[n.DOMESTIC_GROWTH_RD + lane] = p.domestic_growth_rd
    q[n.RD_HALF + lane] = p.rd_half
    q[n.DIE_GROWTH + lane] = p.die_growth
    q[n.STACK_GROWTH + lane] = p.stack_growth
    q[n.DIES_PACKAGE + lane] = p.dies_package
    q[n.STACKS_PACKAGE + lane] = p.stacks_package
    q[n.ASIC_DIES + lane] = p.asic_dies
    q[n.ASIC_STACKS + lane] = p.asic_stacks
    q[n.ASIC_COMPUTE_RATIO + lane] = p.asic_gain * p.asic_dies / p.dies_package
    q[n.ASIC_MEMORY_RATIO + lane] = p.asic_gain * p.asic_stacks / p.stacks_package
    q[n.ASIC_TRAINING + lane] = p.asic_training
    q[n.ASIC_LIMIT + lane] = p.asic_limit
    q[n.LN_ASIC_BY_LOGIC + lane] = math.log(p.dies_package / p.asic_dies)
    q[n.LN_ASIC_BY_MEMORY + lane] = math.log(p.stacks_package / p.asic_stacks)
    q[n.WAFERS_CEILING + lane] = p.wafers_ceiling
    q[n.WAFERS_CLOSED + lane] = (1.0 - (1.0 - p.wafers_speed) ** dt) / dt
    q[n.TOOLS + lane] = p.tools
    q[n.TOOLS_ALIGNED + lane] = p.tools_aligned
    q[n.TOOL_PRICE + lane] = p.tool_price
    q[n.WAFER_SHARE + lane] = p.wafer_share
    q[n.GROSS_DIES + lane] = _gross_dies(p)
    q[n.YIELD_MAX + lane] = p.yield_max
    q[n.YIELD_RANGE + lane] = p.yield_max - p.yield_start
    q[n.YIELD_DECAY + lane] = math.log(2.0) / p.yield_half
    q[n.STACKS_CEILING + lane] = p.hbm_ceiling
    q[n.STACKS_RATE + lane] = math.log(p.hbm_growth) / (1.0 - min(p.hbm / p.hbm_ceiling, 1.0 - 1e-6))
    q[n.STACKS_TOOLS + lane] = p.hbm_tools
    q[n.STACKS_GREY + lane] = p.hbm_grey
    q[n.DIES_ABROAD + lane] = p.dies_abroad
    q[n.COST_SCALE + lane] = p.cost_scale
    q[n.WAFER_PRICE + lane] = p.wafer_price
    q[n.STACK_COST + lane] = p.stack_cost
    q[n.PACKAGE_COST_PER_DIE + lane] = p.package_cost / p.dies_package
    q[n.LEARNING_EXPONENT + lane] = math.log2(1.0 - p.learning_rate)
    q[n.INVERSE_OUTPUT_START + lane] = 1.0 / p.domestic_output


@inline
def _gross_dies(p):
    return math.pi * 150.0**2 / p.die_area - math.pi * 300.0 / math.sqrt(2.0 * p.die_area)


@inline
def _opening(p, catalogue, q, lane, dt, start, exponent):
    """State at the start: the table of section 8. Stocks are split by the profile of the frontier chip."""
    foreign = (p.stock_e + p.stock_g) / (p.stock_e + p.stock_g + p.stock_d)
    q[n.LOCK_IN_START + lane] = p.lock_in
    q[n.LOCK_IN_TARGET_START + lane] = (1.0 - p.belief_weight) * foreign + p.belief_weight * p.belief_start
    q[n.BELIEF_START + lane] = p.belief_start
    q[n.WAFERS_START + lane] = p.wafers
    q[n.STACKS_START + lane] = p.hbm
    q[n.STACK_BANK_START + lane] = p.bank_stacks
    q[n.DIE_BANK_START + lane] = p.bank_dies
    q[n.AI_WAFERS_START + lane] = 12.0 * p.wafers * p.wafer_share
    q[n.OUTPUT_START + lane] = p.domestic_output
    q[n.SOLD_START + lane] = p.domestic_supply
    q[n.DOMESTIC_COMPUTE_START + lane] = p.dies_package * p.die_f
    q[n.DOMESTIC_MEMORY_START + lane] = p.stacks_package * p.stack_m
    q[n.DOMESTIC_INTERCONNECT_START + lane] = p.domestic_i
    q[n.DIE_STEP_START + lane], q[n.STACK_STEP_START + lane] = _first_growth(p, dt)
    q[n.POWER_USED_A_START + lane] = p.stock_watts * p.stock_a
    q[n.POWER_USED_C_START + lane] = p.stock_watts * (p.stock_e + p.stock_g + p.stock_d)
    f, m, i, _, _, _ = frontier_at(p, catalogue, start, 0.0)
    st, ft, pf, dc = _four_performances(p, f, m, i, math.log(p.run_size / p.wall_size), exponent)
    va = _index_of(q, n.VALUE_WEIGHTS_A, lane, st, ft, pf, dc)
    vc = _index_of(q, n.VALUE_WEIGHTS_C, lane, st, ft, pf, dc)
    q[n.GREY_BEFORE_START + lane] = p.grey_supply / (1.0 - p.enforcement_reference) / vc
    totals = (p.stock_a / va, p.stock_b / va, p.stock_e / vc, p.stock_g / vc, p.stock_d / vc)
    rows = (n.STOCK_A_START, n.STOCK_B_START, n.STOCK_E_START, n.STOCK_G_START, n.STOCK_D_START)
    for k in range(5):
        _four(q, rows[k], lane, totals[k] * st, totals[k] * ft, totals[k] * pf, totals[k] * dc)
    q[n.VALUE_STOCK_E_START + lane] = p.stock_e
    q[n.VALUE_STOCK_G_START + lane] = p.stock_g
    q[n.VALUE_STOCK_D_START + lane] = p.stock_d


@inline
def _first_growth(p, dt):
    """g_F and g_M of the first step: equation (42) with the start's research."""
    dies = p.wafer_price / _gross_dies(p) / p.yield_start * p.dies_package
    cost = p.cost_scale * (dies + p.stacks_package * p.stack_cost + p.package_cost)
    own = p.rd_share * p.domestic_supply * cost * (1.0 + p.domestic_markup)
    rd = (p.rd_state + own) * (1.0 + p.rd_denial * (1.0 - p.belief_start))
    rate = p.domestic_growth_rd * rd / (rd + p.rd_half)
    return (1.0 + p.die_growth + rate) ** (0.5 * dt), (1.0 + p.stack_growth + rate) ** (0.5 * dt)


@inline
def _index_of(q, omega, lane, st, ft, pf, dc):
    """Equation (7) with the weights in ``omega``."""
    return index(st, ft, pf, dc, q[omega + lane], q[omega + LANES + lane], q[omega + 2 * LANES + lane],
                 q[omega + 3 * LANES + lane])  # fmt: skip


@kernel
def fill_paths(params, catalogue, n_steps, steps_per_year, start, exponent, q, x):
    """Paths of a scenario into its lane of ``x`` (float64[n_tiles, n_steps, PATHS_SIZE])."""
    dt = 1.0 / steps_per_year
    for column in range(params.shape[0]):
        for t in range(n_steps):
            row = x[column // LANES, t]
            _chips(params[column], catalogue, q[column // LANES], row, column % LANES, start, (t + 0.5) * dt, exponent)
            _step(params[column], row, column % LANES, t * dt, dt)
            _ends(params[column], catalogue, q[column // LANES], row, column % LANES, start, t * dt, dt, exponent)


@inline
def _step(p, x, lane, y0, dt):
    """Prices, budgets, power and discounts at the middle of a step that begins at y0: sections 1 and 3."""
    y = y0 + 0.5 * dt
    price = x[n.ALLIED_PRICE + lane]
    reference = price / x[n.FRONTIER_VALUE_A + lane]  # equation (9)
    x[n.REFERENCE_PRICE + lane] = reference
    x[n.LN_ALLIED_PRICE + lane] = math.log(price)
    x[n.ALLIED_PRICE_POWER + lane] = price ** (-p.price_sensitivity)
    x[n.OUTSIDE_ATTRACTION + lane] = (p.outside_price * reference) ** (-p.price_sensitivity)
    x[n.SPENDING_A + lane] = _spending_a(p, y)
    x[n.ANNUAL_BUDGET_B + lane] = _logistic(p.budget_b, p.budget_b_growth, p.budget_b_ceiling, y)
    x[n.ANNUAL_BUDGET_C + lane] = _logistic(p.budget_c, p.budget_c_growth, p.budget_c_ceiling, y)
    rate = -math.log(p.discount)
    x[n.DISCOUNT_END + lane] = p.discount ** (y0 + dt)
    # Equation (1).
    x[n.DISCOUNT_FLOW + lane] = (p.discount**y0 - p.discount ** (y0 + dt)) / rate if rate > 0.0 else dt
    x[n.POWER_A + lane] = p.power_a * p.power_a_growth ** (y + 1.0)
    x[n.POWER_C + lane] = p.power_c * p.power_c_growth ** (y + 1.0)
    x[n.FRONTIER_WATTS + lane] = p.watts_frontier * p.watts_growth**y
    x[n.DOMESTIC_PACKAGE_WATTS + lane] = p.watts_domestic * p.watts_growth**y / p.dies_package
    x[n.GREY_SUPPLY_PATH + lane] = p.grey_supply * p.grey_growth**y
    x[n.BARRED_IMPOSED + lane] = math.nan  # free, until a caller imposes a share
    growth = p.software_growth**y
    _four(x, n.SOFTWARE, lane, min(1.0, p.software_st * growth), min(1.0, p.software_ft * growth),
          min(1.0, p.software_pf * growth), min(1.0, p.software_dc * growth))  # fmt: skip


@inline
def _ln_rho(p, y):
    return math.log(p.run_size / p.wall_size) + y * math.log(p.run_growth / p.wall_growth)


@inline
def _ends(p, catalogue, q, x, lane, start, y0, dt, exponent):
    """kappa of equation (3), and the frontier chip at the step's end."""
    y1 = y0 + dt
    f, m, i, _, _, _ = frontier_at(p, catalogue, start, y0)
    st, ft, pf, dc = _four_performances(p, f, m, i, _ln_rho(p, y0), exponent)
    before = _spending_a(p, y0) * _index_of(q, n.VALUE_WEIGHTS_A, lane, st, ft, pf, dc)
    f, m, i, _, _, _ = frontier_at(p, catalogue, start, y1)
    st, ft, pf, dc = _four_performances(p, f, m, i, _ln_rho(p, y1), exponent)
    after = _spending_a(p, y1) * _index_of(q, n.VALUE_WEIGHTS_A, lane, st, ft, pf, dc)
    g = math.log(after / before) / dt
    d = -math.log1p(-p.depreciation)
    x[n.STOCK_CURVATURE + lane] = 1.0 + g * (g + 2.0 * d) * dt * dt / 24.0
    x[n.NEXT_FRONTIER_COMPUTE + lane] = f
    x[n.NEXT_FRONTIER_MEMORY + lane] = m
    x[n.NEXT_FRONTIER_INTERCONNECT + lane] = i


@inline
def _chips(p, catalogue, q, x, lane, start, y, exponent):
    x[n.PATH_DATE + lane] = start + y
    x[n.LN_RUN_OVER_WALL + lane] = _ln_rho(p, y)
    f, m, i = moving(p, y)
    x[n.PATH_COMPUTE + lane], x[n.PATH_MEMORY + lane], x[n.PATH_INTERCONNECT + lane] = f, m, i
    f, m, i, tpp, area, cost = frontier_at(p, catalogue, start, y)
    x[n.ALLIED_PRICE + lane] = cost * (1.0 + p.markup_a)  # equation (9)
    x[n.FRONTIER_COMPUTE + lane], x[n.FRONTIER_MEMORY + lane], x[n.FRONTIER_INTERCONNECT + lane] = f, m, i
    x[n.FRONTIER_TPP + lane], x[n.FRONTIER_AREA + lane] = tpp, area
    st, ft, pf, dc = _four_performances(p, f, m, i, x[n.LN_RUN_OVER_WALL + lane], exponent)
    _four(x, n.FRONTIER_PERFORMANCE, lane, st, ft, pf, dc)
    beta = p.price_sensitivity
    _four(x, n.FRONTIER_POWER, lane, st**beta, ft**beta, pf**beta, dc**beta)
    x[n.FRONTIER_VALUE_A + lane] = _index_of(q, n.VALUE_WEIGHTS_A, lane, st, ft, pf, dc)
    x[n.FRONTIER_VALUE_C + lane] = _index_of(q, n.VALUE_WEIGHTS_C, lane, st, ft, pf, dc)
    for k in range(catalogue.shape[0]):
        f, m, i, tpp, launch, on_sale = chip_at(p, catalogue[k], start, y)
        at = k * n.CHIP_ROWS * LANES + lane
        x[n.CHIP_COMPUTE + at], x[n.CHIP_MEMORY + at], x[n.CHIP_INTERCONNECT + at], x[n.CHIP_TPP + at] = f, m, i, tpp
        x[n.CHIP_UNIT_COST + at] = cost_at(p, catalogue[k], y)
        x[n.CHIP_LAUNCH + at] = launch
        x[n.CHIP_ON_SALE + at] = on_sale
