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

    def each(self, count: int) -> list[int]:
        return [self.rows() for _ in range(count)]

    def fours(self, count: int) -> list[int]:
        return [self.rows(4) for _ in range(count)]


_w = _Layout()

# --- q: constants of a scenario (the head of w) -----------------------------------------------------------------
Q_BETA, Q_RBETA, Q_LNBETA, Q_RBETA1, Q_LNFLOOR = _w.each(5)  # beta, 1/beta, ln beta, 1/(1+beta), ln(1+1/beta)
Q_OMEGA_A, Q_OMEGA_C, Q_OMEGA_K = _w.fours(3)
Q_TF, Q_TM, Q_TI, Q_T0 = _w.rows(3), _w.rows(3), _w.rows(3), _w.rows(3)  # st, pf, dc
Q_RI0, Q_WALL, Q_NETWORK = _w.each(3)
Q_KEPT, Q_RETAINED, Q_NRE, Q_FP4, Q_LAG = _w.each(5)  # Q_KEPT: 1 - slack
Q_ATT_E, Q_ATT_D, Q_ATT_G, Q_NU, Q_OUTSIDE, Q_ELASTIC, Q_NET = _w.each(7)
Q_HOME, Q_SPARE, Q_DISPLACE, Q_DMARK, Q_XI = _w.each(5)
Q_GFLOOR, Q_LEAK_A, Q_LEAK_B, Q_ENF, Q_GCAP, Q_REMOTE = _w.each(6)
Q_RLEVEL, Q_RDEP, Q_RADV, Q_RSELF, Q_RSTEP, Q_RMAX = _w.each(6)
Q_DCOST, Q_DFLOOR, Q_LEARN, Q_RZ0, Q_REMEMBER = _w.each(5)
Q_RD, Q_RDSTATE, Q_RDDENY, Q_G0, Q_G1, Q_RDHALF = _w.each(6)
Q_SGROW, Q_INVEST, Q_LSTEP, Q_DECAY, Q_PULL, Q_ZETA, Q_WDOWN, Q_ALGO = _w.each(8)
Q_LNGF, Q_LNGM, Q_LNGI = _w.each(3)
Q_L, Q_R, Q_S, Q_DF, Q_DM, Q_DI, Q_Z = _w.each(7)
Q_KA, Q_KB, Q_KE, Q_KG, Q_KD = _w.fours(5)
Q_XE, Q_XG, Q_XD = _w.each(3)
Q_SIZE = _w.size

# --- w, one candidate design --------------------------------------------------------------------------------------
B_T, B_M, B_I, B_D, B_S, B_SKU, B_CUT = _w.each(7)  # the box as it reads in this step; B_CUT 1: designs are ready
D_F, D_M, D_I, D_TPP, D_COST, D_CUT, D_OK = _w.each(7)
D_STAR, D_LIMIT, D_CHIPS, D_BETTER = _w.each(4)
D_W, D_V, D_E = _w.rows(4), _w.rows(), _w.rows(4)
G_W = _w.rows(4)  # performances of the best design a rule admits

# --- w, the market a candidate meets ------------------------------------------------------------------------------
M_OMEGA, M_B, M_R = _w.fours(3)
M_LNA, M_NET, M_AVAIL, M_QUOTA, M_QTPP = _w.each(5)
T_NETBASE, T_NA, T_NB = _w.each(3)  # net share before tau; chips of A (quotas) and of B (spare supply)

# --- w, the price solver's desk -----------------------------------------------------------------------------------
S_E, S_R, S_B = _w.fours(3)
S_LNC, S_LNN, S_L, S_LO, S_HI, S_ON = _w.each(6)

# --- w, the plan --------------------------------------------------------------------------------------------------
P_PLAN, P_VE, P_DENIAL = _w.each(3)

# --- w, group C in a step -----------------------------------------------------------------------------------------
C_B0, C_AD, C_FD, C_GSPEND, C_ZN, C_DSPEND, C_ESPEND, C_GAP = _w.fours(8)
C_BUDGET, C_VD, C_CD, C_PD0, C_PD, C_ND, C_REVD, C_K = _w.each(8)
C_NG, C_PG, C_FLOW, C_BOUGHT, C_GCAPPED = _w.each(5)
C_DH, C_RESEARCH, C_HOME, C_STAY, C_ELASTIC = _w.each(5)

# --- w, sales booked by B or C: tightening (13) and money ---------------------------------------------------------
K_NOW, K_NEXT, K_H, K_WD, K_PULLED, K_GROSS, K_NETREV, K_TAKE, K_DESIGN = _w.each(9)

# --- w, group C's state -------------------------------------------------------------------------------------------
Z_L, Z_R, Z_S, Z_F, Z_M, Z_I, Z_Z = _w.each(7)
Z_KA, Z_KB, Z_KE, Z_KG, Z_KD, Z_KC, Z_KA_BEFORE = _w.fours(7)
Z_XE, Z_XG, Z_XD, Z_PULLED, Z_PULLED_B, Z_ELASTIC, Z_DELTA, Z_TURNS = _w.each(8)

# --- w, sums over steps -------------------------------------------------------------------------------------------
A_SPEND_E, A_SPEND_D, A_SPEND_G = _w.fours(3)
O_FIRST = _w.rows(len(OUTCOMES))
W_SIZE = _w.size

# --- v: levers of one group, as loaded ----------------------------------------------------------------------------
_v = _Layout()
V_TPP, V_MEM, V_INT, V_DEN, V_SUM = (_v.rows(6) for _ in range(5))  # (tier, box)
V_SKU = _v.rows(2)
V_QSHARE, V_QCHIPS, V_QTPP, V_TAU, V_DELAY, V_NODIV, V_IOTA, V_READ = _v.each(8)
V_SCALE, V_AVAIL = _v.each(2)  # cap growth to this step; share of the step for which licences are granted
V_AGE = _v.rows()  # [year] since the rule's first step
V_SIZE = _v.size

# --- o, l: the open and the licensed offer ------------------------------------------------------------------------
_j = _Layout()
J_E, J_W, J_R, J_A, J_SHARE, J_Z = _j.fours(6)
J_V, J_LNC, J_COST, J_NET, J_CUT, J_ON, J_N, J_NSTAR, J_GROSS, J_PROFIT, J_L, J_LB = _j.each(12)
J_REACH, J_MASS, J_UNITS, J_PRICE = _j.each(4)
J_SIZE = _j.size

# --- x: paths of a scenario, one a step ---------------------------------------------------------------------------
_x = _Layout()
X_PRICE, X_A0, X_NA, X_BC, X_BB, X_BC_NEXT, X_BB_NEXT, X_LNRHO, X_GREY, X_DISC = _x.each(10)
X_SOFT = _x.rows(4)
X_PF, X_PM, X_PI, X_PTIME = _x.each(4)  # the moving path and its launch date, for caps read as lags
X_FF, X_FM, X_FI, X_FTPP, X_FAREA = _x.each(5)  # the frontier chip
X_FW, X_FVA, X_FVC, X_LNFW = _x.rows(4), _x.rows(), _x.rows(), _x.rows(4)
X_NF, X_NM, X_NI = _x.each(3)  # the next step's frontier chip
X_BARRED = _x.rows()  # barred share imposed on the step; NaN leaves it to the response
CHIP_ROWS = 7
X_CF, X_CM, X_CI, X_CTPP, X_CCOST, X_CLAUNCH, X_CON = _x.each(CHIP_ROWS)  # first chip; others CHIP_ROWS further
_x.rows((MAX_CHIPS - 1) * CHIP_ROWS)
X_SIZE = _x.size

# --- a: what groups A and B do, one a step ------------------------------------------------------------------------
_a = _Layout()
A_NA, A_QA, A_FA = _a.rows(), _a.rows(), _a.rows(4)
A_NB, A_QB, A_FB = _a.rows(), _a.rows(), _a.rows(4)  # purchases by workload
A_SALES_B, A_NET_B, A_TAKE_B = _a.each(3)
A_SIZE = _a.size

#: Doubles to keep free on both sides of every array that a kernel works in. A loop over lanes starts by checking that
#: its arrays do not overlap, generously; neighbours in memory would send it down its scalar form, several times slower.
GUARD = max(W_SIZE, V_SIZE, J_SIZE, X_SIZE, A_SIZE) + LANES


@glue
def work_space():
    """The arrays w, v, o, l of one call, with room around each."""
    room = np.zeros(5 * GUARD + W_SIZE + V_SIZE + 2 * J_SIZE)
    at_v = 2 * GUARD + W_SIZE
    at_o = at_v + V_SIZE + GUARD
    at_l = at_o + J_SIZE + GUARD
    w, v = room[GUARD : GUARD + W_SIZE], room[at_v : at_v + V_SIZE]
    return w, v, room[at_o : at_o + J_SIZE], room[at_l : at_l + J_SIZE]
