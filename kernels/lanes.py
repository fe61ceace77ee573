"""Where a number lives while a tile is computed.

A tile is LANES evaluations side by side. Every quantity is a row of LANES doubles in a flat array, so that the
loops over lanes read and write at constant distances from one base: that is what lets the compiler prove them
independent and vectorise. A name below is the offset of its row (of the first of its rows, where it has one a
workload: ``NAME + 2 * LANES`` is workload 2 of NAME).

    q  scenario constants      one a tile of scenarios, filled by `paths`, copied to the head of w
    x  scenario paths          one a tile of scenarios and step, filled by `paths`
    a  groups A and B          one a tile of scenarios, step and allied policy, filled by `allied`
    w  the work space          one a thread
    v  the levers of a group   one a thread
    o, l  the open and the licensed offer, one of each a thread

Work space, levers and offers are arrays of their own because a row chosen at run time (a tier, a box, an offer)
must not share a base with rows that are written in the same loop.
"""

from __future__ import annotations

import numpy as np

from ._jit import glue
from .params import OUTCOMES

#: Evaluations side by side: 8 vectors of 512 bits.
LANES = 64
#: Entries a catalogue may have.
MAX_CHIPS = 12


class _Layout:
    """Hands out consecutive rows."""

    def __init__(self) -> None:
        self.size = 0

    def rows(self, count: int = 1) -> int:
        offset, self.size = self.size, self.size + count * LANES
        return offset

    def slots(self, count: int) -> int:
        """Single doubles, not one a lane."""
        offset, self.size = self.size, self.size + count
        return offset

    def each(self, count: int) -> list[int]:
        return [self.rows() for _ in range(count)]

    def fours(self, count: int) -> list[int]:
        return [self.rows(4) for _ in range(count)]


_w = _Layout()

# --- q: constants of a scenario (the head of w) -----------------------------------------------------------------
# A figure has the name of its parameter; INVERSE is one over it, LN its logarithm.
PRICE_SENSITIVITY, INVERSE_SENSITIVITY, LN_SENSITIVITY = _w.each(3)  # beta
INVERSE_SENSITIVITY_AND_ONE, LN_LEAST_MARKUP = _w.each(2)  # 1/(1+beta), ln(1+1/beta)
VALUE_WEIGHTS_A, VALUE_WEIGHTS_C, CAPABILITY_WEIGHTS = _w.fours(3)  # normalised to one
# Roofline of st, pf and dc: theta times the reference chip's figure, so that work over a figure is a time.
COMPUTE_WORK, MEMORY_WORK, NETWORK_WORK, REFERENCE_TIME = _w.rows(3), _w.rows(3), _w.rows(3), _w.rows(3)
INVERSE_REFERENCE_INTERCONNECT, WALL_EXPONENT, NETWORK_EXPONENT = _w.each(3)
ONE_LESS_SLACK, COST_RETAINED, NRE, FP4_UPLIFT, DESIGN_LAG = _w.each(5)
LN_ATTRACTION_E, LN_ATTRACTION_D, ATTRACTION_G, NETWORK_EFFECT = _w.each(4)
TARIFF_FACTOR_C, NET_OF_TARIFF_C = _w.each(2)  # 1 + tariff, one over it
MARKUP_FACTOR_A, HEADROOM, HOME_SHARE, SPARE_SUPPLY, EVASION_FACTOR = _w.each(5)
DOMESTIC_MARKUP_FACTOR, SCARCITY_EXPONENT = _w.each(2)
GREY_ELASTICITY, LEAK_A, LEAK_B, LEAK_AT_REFERENCE, LEAK_THROUGH, REMOTE_SHARE = _w.each(6)
# Stocks: kept and gained over a step, half a step and a year, equation (2).
STOCK_KEPT, STOCK_GAINED, STOCK_KEPT_HALF, STOCK_GAINED_HALF, STOCK_KEPT_YEAR, STOCK_GAINED_YEAR = _w.each(6)
# Shares of a distance that are left after half a step and after a step, equation (4).
LOCK_IN_LEFT_HALF, LOCK_IN_LEFT, BELIEF_LEFT_HALF, BELIEF_LEFT, BUDGET_LEFT_HALF, BUDGET_LEFT_STEP = _w.each(6)
SALE_LEFT_HALF, SALE_LEFT, DRAWN_PER_STEP, REPAID_SHARE = _w.each(4)  # of a lead time; of stockpiles; of debt
BELIEF_WEIGHT, CREDIBILITY, INVERSE_INVESTMENT_LIFE, BUDGET_EXPONENT = _w.each(4)
BUYER_DECIDES, BARRED_STANDS, BARRED_STEP, SWITCHING, DECISIONS = _w.each(5)  # barred_max/3; h of (30); rate dt/2
WEIGHT_COMPUTE, WEIGHT_SELF, WEIGHT_DEPENDENCE, WEIGHT_PARITY, WEIGHT_PREMIUM, WEIGHT_RETALIATION = _w.each(6)
RESPONSE_LEVEL, WARNING_BASE, WARNING_TIGHTENING, WARNING_TERMS = _w.each(4)
RD_SHARE, RD_STATE, RD_DENIAL, DOMESTIC_GROWTH_RD, RD_HALF, DIE_GROWTH, STACK_GROWTH = _w.each(7)
DIES_PACKAGE, STACKS_PACKAGE, ASIC_DIES, ASIC_STACKS = _w.each(4)  # n_1, h_1, n_2, h_2
ASIC_COMPUTE_RATIO, ASIC_MEMORY_RATIO, ASIC_TRAINING, ASIC_LIMIT = _w.each(4)
LN_ASIC_BY_LOGIC, LN_ASIC_BY_MEMORY = _w.each(2)  # ln(n_1/n_2), ln(h_1/h_2)
WAFERS_CEILING, WAFERS_CLOSED, TOOLS, TOOLS_ALIGNED, TOOL_PRICE, WAFER_SHARE = _w.each(6)
GROSS_DIES, YIELD_MAX, YIELD_RANGE, YIELD_DECAY = _w.each(4)  # G_w; ln 2 / yield_half
STACKS_CEILING, STACKS_RATE, STACKS_TOOLS, STACKS_GREY, DIES_ABROAD = _w.each(5)
COST_SCALE, WAFER_PRICE, STACK_COST, PACKAGE_COST_PER_DIE, LEARNING_EXPONENT, INVERSE_OUTPUT_START = _w.each(6)
EFFICIENCY_RESPONSE = _w.rows()
STOCKPILE, TIGHTENING_EXPONENT, WRITE_DOWN_SHARE = _w.each(3)
LICENCE_COST, LICENCE_FIXED, ENFORCEMENT_COST = _w.each(3)
LN_FRONTIER_GROWTH_COMPUTE, LN_FRONTIER_GROWTH_MEMORY, LN_FRONTIER_GROWTH_INTERCONNECT = _w.each(3)
# The state at the start of a run: section 8.
LOCK_IN_START, LOCK_IN_TARGET_START, BELIEF_START, WAFERS_START, STACKS_START = _w.each(5)
STACK_BANK_START, DIE_BANK_START, AI_WAFERS_START, OUTPUT_START, SOLD_START = _w.each(5)
DOMESTIC_COMPUTE_START, DOMESTIC_MEMORY_START, DOMESTIC_INTERCONNECT_START = _w.each(3)
DIE_STEP_START, STACK_STEP_START = _w.each(2)  # g_F, g_M of the first step
BARRED_PROBABILITY_START = _w.rows(4)
POWER_USED_A_START, POWER_USED_C_START, GREY_BEFORE_START = _w.each(3)
STOCK_A_START, STOCK_B_START, STOCK_E_START, STOCK_G_START, STOCK_D_START = _w.fours(5)
VALUE_STOCK_E_START, VALUE_STOCK_G_START, VALUE_STOCK_D_START = _w.each(3)
CONSTANTS_SIZE = _w.size

# --- w, one box and the design it leaves of a chip ----------------------------------------------------------------
CAP_TPP, CAP_MEMORY, CAP_INTERCONNECT, CAP_DENSITY, CAP_BANDWIDTH_SUM = _w.each(5)  # as they read in this step
LAST_LAUNCH, CUTS_ARE_READY = _w.each(2)  # latest launch date of a chip that qualifies; 1: designs are ready
DESIGN_COMPUTE, DESIGN_MEMORY, DESIGN_INTERCONNECT, DESIGN_TPP, DESIGN_UNIT_COST = _w.each(5)
DESIGN_IS_CUT, DESIGN_ADMITTED = _w.each(2)
DESIGN_PERFORMANCE, DESIGN_LN_PERFORMANCE = _w.fours(2)  # logarithms: st always, the others only where asked for
LN_INTERCONNECT_RATIO, WALL_LOSS = _w.each(2)  # ln(I/I0); 1 + u**wall_exponent
BEST_ADMITTED_PERFORMANCE = _w.rows(4)
BEST_ADMITTED_VALUE, BEST_ADMITTED_VALUE_NEXT = _w.each(2)  # under the rule that is loaded; under the next phase's

# --- w, the market that an exporter's design meets ----------------------------------------------------------------
MARKET_WEIGHTS, REACHABLE_BUDGET, RIVALS_ATTRACTION, INVERSE_RIVALS = _w.fours(4)
INVERSE_REACHABLE_BUDGET = _w.rows()  # of the four together
LN_EXPORTER_ATTRACTION, NET_OF_TARIFF, TARIFF_FACTOR, CAPACITY_BINDS = _w.each(4)  # delta_X of (25)
CHIPS_OF_A, CHIPS_OF_B = _w.each(2)  # what quotas are shares of; what spare supply is less by
TIER_NET, TIER_COST_FACTOR, TIER_DIVERTS = _w.each(3)  # net of (13); c_e over c; displacing cost over c
TIER_AVAILABLE, TIER_QUOTA_CHIPS, TIER_QUOTA_TPP = _w.each(3)

# --- w, a design as the candidate of a tier -----------------------------------------------------------------------
# UNIT_ATTRACTION: attraction at a price of one, A f**beta.
CANDIDATE_UNIT_ATTRACTION = _w.rows(4)
CANDIDATE_ON_MARKET, CANDIDATE_IS_BEST, CANDIDATE_QUOTA, CANDIDATE_LN_FLOOR = _w.each(4)
CANDIDATE_VALUE, CANDIDATE_PRICE = _w.each(2)

# --- w, the price solver's desk -----------------------------------------------------------------------------------
SOLVER_ATTRACTION, SOLVER_BUDGET = _w.fours(2)  # attraction at price one over the rivals'
SOLVER_LN_COST, SOLVER_LN_PRICE, SOLVER_LOW, SOLVER_HIGH, SOLVER_ACTIVE = _w.each(5)
SOLVER_PRICE_POWER, SOLVER_SPENDING = _w.each(2)  # price**-beta; sum b s
# What the loops of a Newton step hand on.
SOLVER_MARKUP, SOLVER_SLOPE, SOLVER_LN_MARKUP = _w.each(3)
SOLVER_LN_PULL, SOLVER_GUESS, SOLVER_COST = _w.each(3)  # what the first guesses are made of

# --- w, the plan --------------------------------------------------------------------------------------------------
PLAN, LEAVES_OPEN, LEAVES_OPEN_NEXT = _w.each(3)  # o and o' of section 8, item 7
YEARS_LEFT = _w.rows()  # [year] from mid-step to the next phase

# --- w, group C in a step: items 1 to 6 ---------------------------------------------------------------------------
LOCK_IN_NOW, BUDGET_PLANNED = _w.each(2)  # of mid-step; B' before power
BELIEF_NOW = _w.rows(4)
BELIEF_MEAN = _w.rows()  # over C's weights
ATTRACTION_E, LN_ATTRACTION_D_NOW, LN_DOMESTIC_PULL = _w.each(3)  # PULL: ln A_D p**-beta
PASSED_ON = _w.rows()  # enf of section 8
FRONTIER_ATTRACTION = _w.rows(4)  # X_F: the frontier chip at A's price
PACKAGE_PERFORMANCE, ASIC_PERFORMANCE, PACKAGE_ATTRACTION = _w.fours(3)  # f_1, f_2, a_1
PACKAGE_RAW_TRAINING = _w.rows()  # f_1st without software
YIELD, LEARNT, COST_PER_DIE, COST_PER_STACK = _w.each(4)
DEMAND_PULL, WAFERS_NOW, STACKS_NOW, NEW_STACKS, NEW_DIES, MEMORY_BINDS, ASIC_SHARE = _w.each(7)
STACKS_GROWN = _w.rows()  # e**(-gamma dt/2)
DIES_EACH, STACKS_EACH, DOMESTIC_MADE, DOMESTIC_SUPPLY = _w.each(4)  # n, h, S, S_m
DOMESTIC_PERFORMANCE, DOMESTIC_ATTRACTION = _w.fours(2)
DOMESTIC_VALUE, DOMESTIC_COST, DOMESTIC_LIST_PRICE, DOMESTIC_WATTS = _w.each(4)
BUDGET, BARRED_BEFORE, BARRED, REPAID = _w.each(4)
BUDGET_BY_WORKLOAD = _w.rows(4)
DEMAND_AT_ALLIED_PRICE = _w.rows()  # sum b X_F/(X_F + a_D + a_0) / p_A

# --- w, the buyer's government: item 8 ----------------------------------------------------------------------------
ACQUIRED, DOMESTIC_TAKEN = _w.fours(2)  # q_k, d_k
UTILITY = _w.rows(4)
TRANSITION = _w.rows(16)  # M_ik
PROBABILITY_NOW, PROBABILITY_BEFORE = _w.fours(2)  # pi_m; pi
PARITY, WARNING = _w.each(2)

# --- w, the four passes: item 9 -----------------------------------------------------------------------------------
GREY_PULL, GREY_ATTRACTION = _w.fours(2)  # at a price of one; at p_G
GREY_SUPPLY, LN_GREY_SUPPLY, LN_GREY_PRICE, LN_GREY_WANTED = _w.each(4)
DOMESTIC_SERVED_ALONE, GREY_DEMAND, GREY_SPENDING, DOMESTIC_SPENDING, EXPORTER_SPENDING = _w.fours(5)
GREY_WANTED, GREY_SLOPE = _w.each(2)
DEMAND_OVER_SUPPLY, SCARCITY_RENT, SERVED_SHARE = _w.each(3)  # x, max(1,x)**xi and k of equation (34)
DOMESTIC_PRICE, DOMESTIC_CHIPS, DOMESTIC_REVENUE = _w.each(3)
GREY_PRICE, GREY_CHIPS, GREY_FLOW = _w.each(3)  # GREY_FLOW: (p_G/p_A)**eps
RATION_PRICE = _w.rows()  # of the offer on the desk in a ration pass
SERVED, ACCESS = _w.each(2)
ACCESS_BY_WORKLOAD = _w.rows(4)

# --- w, money and stocks: items 11 and 12 -------------------------------------------------------------------------
TIGHTENING, WRITE_DOWNS, SPENT_AHEAD, DISPLACED, DISPLACED_AHEAD, ALLIED_KEPT = _w.each(6)
SALES_FLOW, SALES_LUMP, TAKE_FLOW, TAKE_LUMP, DESIGN_COST = _w.each(5)
RESEARCH, VALUE_SOLD, ALL_SPENDING = _w.each(3)
LN_LEAD, LN_LEAD_BEFORE = _w.fours(2)

# --- w, group C's state -------------------------------------------------------------------------------------------
LOCK_IN, LOCK_IN_TARGET, LOCK_IN_TARGET_BEFORE = _w.each(3)
BELIEF, BELIEF_TARGET, BELIEF_TARGET_BEFORE = _w.fours(3)
BUDGET_FACTOR, BUDGET_TARGET, BUDGET_TARGET_BEFORE, DEBT = _w.each(4)
BARRED_PROBABILITY = _w.rows(4)
WAFERS, WAFERS_GROWTH, CUMULATIVE_WAFERS, AI_WAFERS, STACKS, STACK_BANK, DIE_BANK = _w.each(7)
DOMESTIC_COMPUTE, DOMESTIC_MEMORY, DOMESTIC_INTERCONNECT, DIE_STEP, STACK_STEP = _w.each(5)
CUMULATIVE_OUTPUT, DOMESTIC_SOLD, DOMESTIC_MADE_BEFORE = _w.each(3)
POWER_USED, POWER_RATION, WATTS_PER_DOLLAR, PREMIUM, GREY_BEFORE, LN_EFFICIENCY = _w.each(6)
STOCK_A, STOCK_B, STOCK_E, STOCK_G, STOCK_D, STOCK_C = _w.fours(6)
VALUE_STOCK_E, VALUE_STOCK_G, VALUE_STOCK_D = _w.each(3)  # index stocks X

# --- w, group A's and B's state (`allied`) ------------------------------------------------------------------------
POWER_USED_A, POWER_RATION_A, DEBT_B = _w.each(3)

# --- w, sums over steps -------------------------------------------------------------------------------------------
EXPORTER_SPENDING_SUM, DOMESTIC_SPENDING_SUM, GREY_SPENDING_SUM, LN_LEAD_SUM = _w.fours(4)
DISCOUNT_SUM = _w.rows()
FIRST_OUTCOME = _w.rows(len(OUTCOMES))
WORK_SIZE = _w.size

# --- v: levers of one group, as loaded ----------------------------------------------------------------------------
_v = _Layout()
BOX_TPP, BOX_MEMORY, BOX_INTERCONNECT, BOX_DENSITY, BOX_BANDWIDTH_SUM = (_v.rows(6) for _ in range(5))  # (tier, box)
SKU_BEFORE = _v.rows(2)
QUOTA_SHARE, QUOTA_CHIPS, QUOTA_TPP, REVENUE_SHARE, DELAY, NO_DIVERSION, INDEXATION, READING = _v.each(8)
ENFORCEMENT_ADDED, EQUIPMENT_CONTROL, MEMORY_CONTROL = _v.each(3)
CAP_GROWTH, LICENCES_AVAILABLE = _v.each(2)  # of caps to this step; share of the step for which licences are granted
RULE_AGE = _v.rows()  # [year] since the rule's first step
BOX_LANES_IN_USE = _v.slots(12)  # (tier, box): in how many lanes the box admits anything
LEVERS_SIZE = _v.size

# --- o, l: the open and the licensed offer ------------------------------------------------------------------------
_j = _Layout()
OFFER_UNIT_ATTRACTION, OFFER_PERFORMANCE, OFFER_ATTRACTION, OFFER_SHARE = _j.fours(4)
OFFER_DOMESTIC_SERVED, OFFER_GREY_ATTRACTION, OFFER_RIVALS = _j.fours(3)  # z_j, g_j, R_j
OFFER_EXISTS, OFFER_IN_PLAN, OFFER_IS_CUT, OFFER_VALUE, OFFER_VALUE_A, OFFER_COMPUTE = _j.each(6)
OFFER_UNIT_COST, OFFER_LN_COST, OFFER_NET, OFFER_LN_FLOOR, OFFER_DIVERTS = _j.each(5)
OFFER_QUOTA, OFFER_CHIPS_IF_ALL = _j.each(2)  # [Mchip/year] N; n(p), were every buyer to see it
OFFER_LN_PRICE, OFFER_EARNINGS, OFFER_PROFIT = _j.each(3)  # G, and what the tier nets
OFFER_REACH, OFFER_MASS, OFFER_CHIPS, OFFER_PRICE, OFFER_AHEAD = _j.each(5)  # AHEAD: chips pulled forward
OFFER_SIZE = _j.size

# --- x: paths of a scenario, one a step ---------------------------------------------------------------------------
_x = _Layout()
REFERENCE_PRICE, ALLIED_PRICE, LN_ALLIED_PRICE, OUTSIDE_ATTRACTION = _x.each(4)
SPENDING_A, ANNUAL_BUDGET_C, ANNUAL_BUDGET_B = _x.each(3)
DISCOUNT_FLOW, DISCOUNT_END, STOCK_CURVATURE = _x.each(3)  # D_t, delta**y1, kappa of (3)
POWER_A, POWER_C, FRONTIER_WATTS, DOMESTIC_PACKAGE_WATTS = _x.each(4)
LN_RUN_OVER_WALL, GREY_SUPPLY_PATH = _x.each(2)
SOFTWARE = _x.rows(4)
# The moving path and its launch date, for caps read as lags.
PATH_COMPUTE, PATH_MEMORY, PATH_INTERCONNECT, PATH_DATE = _x.each(4)
FRONTIER_COMPUTE, FRONTIER_MEMORY, FRONTIER_INTERCONNECT, FRONTIER_TPP, FRONTIER_AREA = _x.each(5)
FRONTIER_PERFORMANCE, FRONTIER_POWER = _x.fours(2)  # f; f**beta
FRONTIER_VALUE_A, FRONTIER_VALUE_C, ALLIED_PRICE_POWER = _x.each(3)  # p_A**-beta
NEXT_FRONTIER_COMPUTE, NEXT_FRONTIER_MEMORY, NEXT_FRONTIER_INTERCONNECT = _x.each(3)  # at the step's end
BARRED_IMPOSED = _x.rows()  # barred share imposed on the step; NaN leaves it to the government
# The catalogue's first chip; the others CHIP_ROWS rows further each.
CHIP_ROWS = 7
CHIP_COMPUTE, CHIP_MEMORY, CHIP_INTERCONNECT, CHIP_TPP, CHIP_UNIT_COST, CHIP_LAUNCH, CHIP_ON_SALE = _x.each(CHIP_ROWS)
_x.rows((MAX_CHIPS - 1) * CHIP_ROWS)
PATHS_SIZE = _x.size

# --- a: what groups A and B do, one a step: annual rates ----------------------------------------------------------
_a = _Layout()
ALLIED_CHIPS, ALLIED_DESIGN_VALUE, ALLIED_DESIGN = _a.rows(), _a.rows(), _a.rows(4)  # n_A; v_A and f_A of the design
SWING_CHIPS, SWING_VALUE, SWING_PERFORMANCE = _a.rows(), _a.rows(), _a.rows(4)  # bought: n_B, q_B, n_B f
SWING_SALES, SWING_TAKE, SWING_DESIGN_COST, SWING_WRITE_DOWNS = _a.each(4)  # discounted over the step
SWING_STEP_SALES, SWING_STEP_NET, SWING_STEP_TAKE, SWING_STEP_CHIPS = _a.each(4)  # of the step, lumps included
ALLIED_SIZE = _a.size

#: Doubles to keep free on both sides of every array that a kernel works in. A loop over lanes starts by checking that
#: its arrays do not overlap, generously; neighbours in memory would send it down its scalar form, several times slower.
GUARD = max(WORK_SIZE, LEVERS_SIZE, OFFER_SIZE, PATHS_SIZE, ALLIED_SIZE) + LANES


@glue
def work_space():
    """The arrays w, v, o, l of one call, with room around each."""
    room = np.zeros(5 * GUARD + WORK_SIZE + LEVERS_SIZE + 2 * OFFER_SIZE)
    at_v = 2 * GUARD + WORK_SIZE
    at_o = at_v + LEVERS_SIZE + GUARD
    at_l = at_o + OFFER_SIZE + GUARD
    w, v = room[GUARD : GUARD + WORK_SIZE], room[at_v : at_v + LEVERS_SIZE]
    return w, v, room[at_o : at_o + OFFER_SIZE], room[at_l : at_l + OFFER_SIZE]
