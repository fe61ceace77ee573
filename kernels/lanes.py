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
# A figure has the name of its parameter; INVERSE is one over it, LN its logarithm, PER_STEP what it is in a step.
PRICE_SENSITIVITY, INVERSE_SENSITIVITY, LN_SENSITIVITY = _w.each(3)  # beta
INVERSE_SENSITIVITY_AND_ONE, LN_LEAST_MARKUP = _w.each(2)  # 1/(1+beta), ln(1+1/beta)
VALUE_WEIGHTS_A, VALUE_WEIGHTS_C, CAPABILITY_WEIGHTS = _w.fours(3)  # normalised to one
# Roofline of st, pf and dc: theta times the reference chip's figure, so that work over a figure is a time.
COMPUTE_WORK, MEMORY_WORK, NETWORK_WORK, REFERENCE_TIME = _w.rows(3), _w.rows(3), _w.rows(3), _w.rows(3)
INVERSE_REFERENCE_INTERCONNECT, WALL_EXPONENT, NETWORK_EXPONENT = _w.each(3)
ONE_LESS_SLACK, COST_RETAINED, NRE_PER_STEP, FP4_UPLIFT, DESIGN_LAG = _w.each(5)
LN_ATTRACTION_E, LN_ATTRACTION_D, ATTRACTION_G, NETWORK_EFFECT = _w.each(4)
OUTSIDE_PRICE, ONE_LESS_BUDGET_ELASTICITY, NET_OF_TARIFF_C = _w.each(3)
HOME_SHARE, SPARE_SUPPLY, DISPLACEMENT, DOMESTIC_MARKUP_FACTOR, SCARCITY_EXPONENT = _w.each(5)
GREY_FLOOR, LEAK_A, LEAK_B, ENFORCEMENT_FACTOR, GREY_BUDGET_CAP, REMOTE_SHARE = _w.each(6)
RESPONSE_LEVEL, RESPONSE_DEPENDENCY, RESPONSE_ADVANTAGE, RESPONSE_SELF = _w.each(4)
RESPONSE_SHARE_PER_STEP, RESPONSE_MAX = _w.each(2)
DOMESTIC_COST_START, COST_FLOOR, LEARNING_EXPONENT, INVERSE_OUTPUT_START, OUTPUT_REMEMBERED = _w.each(5)
RD_SHARE, RD_STATE, RD_DENIAL, DOMESTIC_GROWTH, DOMESTIC_GROWTH_RD, RD_HALF = _w.each(6)
CAPACITY_GROWTH_PER_STEP, CAPACITY_INVESTMENT, LOCK_IN_SHARE_PER_STEP, STOCK_KEPT_PER_STEP = _w.each(4)
STOCKPILE, TIGHTENING_EXPONENT, WRITE_DOWN_SHARE, ALGORITHM_GAP = _w.each(4)
LN_FRONTIER_GROWTH_COMPUTE, LN_FRONTIER_GROWTH_MEMORY, LN_FRONTIER_GROWTH_INTERCONNECT = _w.each(3)
LOCK_IN_START, BARRED_START, CAPACITY_START, OUTPUT_START = _w.each(4)
DOMESTIC_COMPUTE_START, DOMESTIC_MEMORY_START, DOMESTIC_INTERCONNECT_START = _w.each(3)
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
BEST_ADMITTED_VALUE, BEST_ADMITTED_VALUE_NEXT = _w.each(2)  # under the rule that is loaded; under the next step's

# --- w, the market that an exporter's design meets ----------------------------------------------------------------
MARKET_WEIGHTS, REACHABLE_BUDGET, RIVALS_ATTRACTION, INVERSE_RIVALS = _w.fours(4)
INVERSE_REACHABLE_BUDGET = _w.rows()  # of the four together
LN_EXPORTER_ATTRACTION, NET_OF_TARIFF = _w.each(2)
CHIPS_OF_A, CHIPS_OF_B = _w.each(2)  # what quotas are shares of; what spare supply is less by
TIER_NET, INVERSE_TIER_NET, TIER_AVAILABLE, TIER_QUOTA_CHIPS, TIER_QUOTA_TPP = _w.each(5)

# --- w, a design as the candidate of a tier -----------------------------------------------------------------------
# UNIT_ATTRACTION: attraction at a price of one, A f**beta.
CANDIDATE_UNIT_ATTRACTION = _w.rows(4)
CANDIDATE_ON_MARKET, CANDIDATE_SELLS, CANDIDATE_IS_BEST = _w.each(3)  # something is left of its price; licences too
CANDIDATE_LN_MONOPOLY_PRICE, CANDIDATE_MONOPOLY_PRICE, CANDIDATE_QUOTA_PRICE = _w.each(3)
CANDIDATE_QUOTA, CANDIDATE_CHIPS = _w.each(2)  # [Mchip] N; n(p*)

# --- w, the price solver's desk -----------------------------------------------------------------------------------
SOLVER_ATTRACTION, SOLVER_BUDGET = _w.fours(2)  # attraction at price one over the rivals'
SOLVER_LN_COST, SOLVER_LN_QUANTITY, SOLVER_LN_PRICE, SOLVER_LOW, SOLVER_HIGH, SOLVER_ACTIVE = _w.each(6)
SOLVER_PRICE_POWER, SOLVER_SPENDING = _w.each(2)  # price**-beta; sum b s
# What the loops of a Newton step hand on.
SOLVER_MARKUP, SOLVER_SLOPE, SOLVER_LN_MARKUP, SOLVER_LN_SPENDING = _w.each(4)
SOLVER_LN_PULL, SOLVER_GUESS, SOLVER_LN_BUDGET, SOLVER_COST = _w.each(4)  # what the first guesses are made of

# --- w, the plan --------------------------------------------------------------------------------------------------
PLAN, VALUE_OFFERED, DENIAL = _w.each(3)

# --- w, group C in a step -----------------------------------------------------------------------------------------
BUDGET_BEFORE_GREY, BUDGET_LEFT, GREY_SPENDING, DOMESTIC_SPENDING, EXPORTER_SPENDING = _w.fours(5)
LN_DOMESTIC_ATTRACTION, DOMESTIC_ATTRACTION, DOMESTIC_PERFORMANCE = _w.fours(3)
DOMESTIC_SHARE_ALONE, DOMESTIC_SERVED_ALONE, LN_STOCK_RATIO = _w.fours(3)  # ALONE: of buyers without an offer
BUDGET_C, BUDGET_FACTOR_NEXT = _w.each(2)
DOMESTIC_VALUE, DOMESTIC_COST, DOMESTIC_LIST_PRICE, LN_DOMESTIC_LEVEL = _w.each(4)  # ln(A_D p_D0**-beta)
DEMAND_OVER_SUPPLY, SCARCITY_RENT, SERVED_SHARE = _w.each(3)  # x, max(1,x)**xi and k of equation (12)
DOMESTIC_PRICE, DOMESTIC_CHIPS, DOMESTIC_REVENUE = _w.each(3)
LN_GREY_ATTRACTION, GREY_FLOW, GREY_SUPPLY, GREY_DEMAND_AT_CEILING, GREY_TO_CLEAR = _w.each(5)
GREY_PRICE, GREY_CHIPS, GREY_BOUGHT_SHARE, GREY_SPENDING_RATIO, GREY_IS_CAPPED = _w.each(5)
RATION_INVERSE_PRICE, RATION_PRICE, RATION_QUOTA = _w.each(3)  # of the offer on the desk in a ration pass
VALUE_SOLD, DISPLACED, RESEARCH, ALLIED_SHARE_KEPT, SWING_SHARE_KEPT = _w.each(5)

# --- w, sales booked by B or C: tightening and money --------------------------------------------------------------
TIGHTENING, WRITE_DOWNS, SPENT_AHEAD, GROSS_REVENUE, NET_REVENUE, GOVERNMENT_TAKE, DESIGN_COST = _w.each(7)

# --- w, group C's state -------------------------------------------------------------------------------------------
LOCK_IN, BARRED, DOMESTIC_CAPACITY, CUMULATIVE_OUTPUT = _w.each(4)
DOMESTIC_COMPUTE, DOMESTIC_MEMORY, DOMESTIC_INTERCONNECT = _w.each(3)
STOCK_A, STOCK_B, STOCK_E, STOCK_G, STOCK_D, STOCK_C, STOCK_A_BEFORE = _w.fours(7)
VALUE_STOCK_E, VALUE_STOCK_G, VALUE_STOCK_D = _w.each(3)  # index stocks X
PULLED_FORWARD_C, PULLED_FORWARD_B, BUDGET_FACTOR, RESPONSE_MOVE, RESPONSE_TURNS = _w.each(5)

# --- w, sums over steps -------------------------------------------------------------------------------------------
EXPORTER_SPENDING_SUM, DOMESTIC_SPENDING_SUM, GREY_SPENDING_SUM = _w.fours(3)
FIRST_OUTCOME = _w.rows(len(OUTCOMES))
WORK_SIZE = _w.size

# --- v: levers of one group, as loaded ----------------------------------------------------------------------------
_v = _Layout()
BOX_TPP, BOX_MEMORY, BOX_INTERCONNECT, BOX_DENSITY, BOX_BANDWIDTH_SUM = (_v.rows(6) for _ in range(5))  # (tier, box)
SKU_BEFORE = _v.rows(2)
QUOTA_SHARE, QUOTA_CHIPS, QUOTA_TPP, REVENUE_SHARE, DELAY, NO_DIVERSION, INDEXATION, READING = _v.each(8)
CAP_GROWTH, LICENCES_AVAILABLE = _v.each(2)  # of caps to this step; share of the step for which licences are granted
RULE_AGE = _v.rows()  # [year] since the rule's first step
BOX_LANES_IN_USE = _v.slots(12)  # (tier, box): in how many lanes the box admits anything
LEVERS_SIZE = _v.size

# --- o, l: the open and the licensed offer ------------------------------------------------------------------------
_j = _Layout()
OFFER_UNIT_ATTRACTION, OFFER_PERFORMANCE, OFFER_ATTRACTION, OFFER_SHARE = _j.fours(4)
OFFER_DOMESTIC_SHARE, OFFER_DOMESTIC_SERVED = _j.fours(2)  # of spending by buyers who see this offer
OFFER_EXISTS, OFFER_IS_CUT, OFFER_VALUE, OFFER_UNIT_COST, OFFER_LN_COST, OFFER_NET = _j.each(6)
OFFER_QUOTA, OFFER_CHIPS_IF_ALL = _j.each(2)  # [Mchip] N; n(p), were every buyer to see it
OFFER_LN_PRICE, OFFER_LN_QUOTA_PRICE, OFFER_EARNINGS, OFFER_PROFIT = _j.each(4)  # pi(p*), and what the tier nets
OFFER_REACH, OFFER_MASS, OFFER_CHIPS, OFFER_PRICE = _j.each(4)
OFFER_SIZE = _j.size

# --- x: paths of a scenario, one a step ---------------------------------------------------------------------------
_x = _Layout()
REFERENCE_PRICE, OUTSIDE_ATTRACTION, DEMAND_A = _x.each(3)
ANNUAL_BUDGET_C, ANNUAL_BUDGET_B, ANNUAL_BUDGET_C_NEXT, ANNUAL_BUDGET_B_NEXT = _x.each(4)
LN_RUN_OVER_WALL, GREY_SUPPLY_PATH, DISCOUNT = _x.each(3)
SOFTWARE = _x.rows(4)
# The moving path and its launch date, for caps read as lags.
PATH_COMPUTE, PATH_MEMORY, PATH_INTERCONNECT, PATH_DATE = _x.each(4)
FRONTIER_COMPUTE, FRONTIER_MEMORY, FRONTIER_INTERCONNECT, FRONTIER_TPP, FRONTIER_AREA = _x.each(5)
FRONTIER_PERFORMANCE, FRONTIER_LN_PERFORMANCE = _x.fours(2)
FRONTIER_VALUE_A, FRONTIER_VALUE_C = _x.each(2)
NEXT_FRONTIER_COMPUTE, NEXT_FRONTIER_MEMORY, NEXT_FRONTIER_INTERCONNECT = _x.each(3)
BARRED_IMPOSED = _x.rows()  # barred share imposed on the step; NaN leaves it to the response
# The catalogue's first chip; the others CHIP_ROWS rows further each.
CHIP_ROWS = 7
CHIP_COMPUTE, CHIP_MEMORY, CHIP_INTERCONNECT, CHIP_TPP, CHIP_UNIT_COST, CHIP_LAUNCH, CHIP_ON_SALE = _x.each(CHIP_ROWS)
_x.rows((MAX_CHIPS - 1) * CHIP_ROWS)
PATHS_SIZE = _x.size

# --- a: what groups A and B do, one a step ------------------------------------------------------------------------
_a = _Layout()
ALLIED_CHIPS, ALLIED_VALUE, ALLIED_PERFORMANCE = _a.rows(), _a.rows(), _a.rows(4)  # bought: n_A, Q_A, n_A f
SWING_CHIPS, SWING_VALUE, SWING_PERFORMANCE = _a.rows(), _a.rows(), _a.rows(4)  # bought: n_B, q_B, n_B f
SWING_GROSS_REVENUE, SWING_NET_REVENUE, SWING_GOVERNMENT_TAKE = _a.each(3)
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
