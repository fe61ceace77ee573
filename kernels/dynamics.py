"""Stocks and the next step's state of group C: docs/model.md section 8, items 7 to 10."""

from __future__ import annotations

from . import lanes as n
from ._jit import REAL, ROWS, WHOLE, part, tile
from .lanes import LANES
from .vecmath import exp, log, power


@part(ROWS, ROWS)
def open_state(w, q):
    """Scenario constants to the head of w, and the state at the start of a run from them."""
    for i in range(n.Q_SIZE):
        w[i] = q[i]
    for i in range(LANES):
        w[n.Z_L + i] = w[n.Q_L + i]
        w[n.Z_R + i] = w[n.Q_R + i]
        w[n.Z_S + i] = w[n.Q_S + i]
        w[n.Z_F + i] = w[n.Q_DF + i]
        w[n.Z_M + i] = w[n.Q_DM + i]
        w[n.Z_I + i] = w[n.Q_DI + i]
        w[n.Z_Z + i] = w[n.Q_Z + i]
        w[n.Z_XE + i] = w[n.Q_XE + i]
        w[n.Z_XG + i] = w[n.Q_XG + i]
        w[n.Z_XD + i] = w[n.Q_XD + i]
        w[n.Z_PULLED + i] = 0.0
        w[n.Z_ELASTIC + i] = 1.0
        w[n.Z_DELTA + i] = 0.0
        w[n.Z_TURNS + i] = 0.0
    for i in range(4 * LANES):
        w[n.Z_KA + i] = w[n.Q_KA + i]
        w[n.Z_KB + i] = w[n.Q_KB + i]
        w[n.Z_KE + i] = w[n.Q_KE + i]
        w[n.Z_KG + i] = w[n.Q_KG + i]
        w[n.Z_KD + i] = w[n.Q_KD + i]
        w[n.M_OMEGA + i] = w[n.Q_OMEGA_C + i]


@tile
def displace(w, v, a, o, l):
    """Allied H100e displaced by sales to C, equation (14); the index of what was sold goes into K_NOW."""
    for i in range(LANES):
        q_open = o[n.J_UNITS + i] * o[n.J_V + i]
        q_licensed = l[n.J_UNITS + i] * l[n.J_V + i]
        diverting = q_open + (0.0 if v[n.V_NODIV + i] == 1.0 else q_licensed)
        w[n.C_DH + i] = min(a[n.A_QA + i], w[n.Q_DISPLACE + i] * diverting)
        w[n.K_NOW + i] = q_open + q_licensed


@part(ROWS, ROWS, ROWS, ROWS, ROWS)
def purchase(w, x, a, o, l):
    """Purchases into stocks, C's total in Z_KC, and the log of A over C by workload in C_GAP."""
    for i in range(LANES):
        qa = a[n.A_QA + i]
        gone = w[n.C_DH + i] / qa
        w[n.C_HOME + i] = 1.0 - gone if qa > 0.0 else 1.0
        leak = w[n.Q_LEAK_B + i] * w[n.Q_ENF + i] * w[n.C_FLOW + i] * w[n.C_BOUGHT + i]
        w[n.C_STAY + i] = 1.0 - min(1.0, leak)
    for i in range(LANES):
        keep = w[n.Q_DECAY + i]
        units_o, units_l = o[n.J_UNITS + i], l[n.J_UNITS + i]
        grey, domestic = w[n.C_NG + i], w[n.C_ND + i]
        w[n.Z_XE + i] = keep * w[n.Z_XE + i] + w[n.K_NOW + i]
        w[n.Z_XG + i] = keep * w[n.Z_XG + i] + grey * x[n.X_FVC + i]
        w[n.Z_XD + i] = keep * w[n.Z_XD + i] + domestic * w[n.C_VD + i]
        for k in range(4):
            at = k * LANES + i
            bought = units_o * o[n.J_W + at] + units_l * l[n.J_W + at]
            exporter = keep * w[n.Z_KE + at] + bought
            smuggled = keep * w[n.Z_KG + at] + grey * x[n.X_FW + at]
            own = keep * w[n.Z_KD + at] + domestic * w[n.C_FD + at]
            swing = keep * w[n.Z_KB + at] + a[n.A_FB + at] * w[n.C_STAY + i]
            before = w[n.Z_KA + at]
            allied = keep * before + a[n.A_FA + at] * w[n.C_HOME + i]
            w[n.Z_KE + at] = exporter
            w[n.Z_KG + at] = smuggled
            w[n.Z_KD + at] = own
            w[n.Z_KB + at] = swing
            w[n.Z_KA_BEFORE + at] = before
            w[n.Z_KA + at] = allied
            total = max(exporter + smuggled + own + w[n.Q_REMOTE + i] * swing, 1e-9)
            w[n.Z_KC + at] = total
            w[n.C_GAP + at] = log(max(allied, 1e-9) / total)


@tile
def research(w, dt):
    """Domestic R&D, equation (16) [GUSD/year]."""
    for i in range(LANES):
        own = w[n.Q_RD + i] * w[n.C_REVD + i] / dt
        w[n.C_RESEARCH + i] = (own + w[n.Q_RDSTATE + i]) * (1.0 + w[n.Q_RDDENY + i] * w[n.P_DENIAL + i])


@part(ROWS, ROWS)
def respond(w, x):
    """The buyer's response, equation (18); uses this step's capacity, price and index, so it comes before `advance`."""
    for i in range(LANES):
        foreign = w[n.Z_XE + i] + w[n.Z_XG + i]
        dependency = foreign / (foreign + w[n.Z_XD + i])
        offered = w[n.P_PLAN + i] > 0.0
        ratio = w[n.P_VE + i] / w[n.C_VD + i]
        ln_v = log(ratio if offered else 1.0)
        advantage = min(max(ln_v, -2.0), 2.0)
        self_made = min(2.0, w[n.Z_S + i] * w[n.C_PD0 + i] / (x[n.X_BC + i] * w[n.Z_ELASTIC + i]))
        u = w[n.Q_RLEVEL + i] + w[n.Q_RDEP + i] * (dependency - 0.5) - w[n.Q_RADV + i] * advantage
        u += w[n.Q_RSELF + i] * self_made
        target = w[n.Q_RMAX + i] / (1.0 + exp(-u))
        delta = w[n.Q_RSTEP + i] * (target - w[n.Z_R + i])
        turned = (delta * w[n.Z_DELTA + i] < 0.0) & (abs(delta) > 0.01)
        turns = w[n.Z_TURNS + i]
        more = turns + 1.0 if turned else 0.0
        w[n.Z_TURNS + i] = turns if turns >= 3.0 else more
        w[n.Z_DELTA + i] = delta
        w[n.Z_R + i] += delta


@part(ROWS, ROWS, WHOLE, REAL)
def advance(w, x, forget, dt):
    """Learning, specs, capacity, lock-in of the next step. forget 1: a domestic node begins."""
    for i in range(LANES):
        output = w[n.Z_Z + i] + w[n.C_ND + i]
        w[n.Z_Z + i] = output * w[n.Q_REMEMBER + i] if forget == 1 else output
        rd = w[n.C_RESEARCH + i]
        rate = 1.0 + w[n.Q_G0 + i] + w[n.Q_G1 + i] * rd / (rd + w[n.Q_RDHALF + i])
        growth = power(rate, dt)
        w[n.Z_F + i] = min(w[n.Z_F + i] * growth, x[n.X_NF + i])
        w[n.Z_M + i] = min(w[n.Z_M + i] * growth, x[n.X_NM + i])
        w[n.Z_I + i] = min(w[n.Z_I + i] * growth, x[n.X_NI + i])
        w[n.Z_S + i] = w[n.Z_S + i] * w[n.Q_SGROW + i] + w[n.Q_INVEST + i] * w[n.C_REVD + i]
        foreign = w[n.K_NOW + i] + w[n.C_NG + i] * x[n.X_FVC + i]
        mix = foreign / (foreign + w[n.C_ND + i] * w[n.C_VD + i])
        w[n.Z_L + i] += w[n.Q_LSTEP + i] * (mix - w[n.Z_L + i])
        w[n.Z_PULLED + i] = w[n.K_PULLED + i]
        w[n.Z_ELASTIC + i] = w[n.C_ELASTIC + i]


@part(ROWS, ROWS, ROWS, ROWS)
def elastic_budget(w, x, o, l):
    """The factor of equation (17) on the next step's budget, into C_ELASTIC; 1 where the elasticity is 1."""
    elastic = 0
    for i in range(LANES):
        w[n.C_ELASTIC + i] = 1.0
        elastic += 1 if w[n.Q_ELASTIC + i] != 0.0 else 0
    if elastic > 0:
        for i in range(LANES):
            ln_index = 0.0
            for k in range(4):
                at = k * LANES + i
                pull = o[n.J_REACH + i] * o[n.J_A + at] + l[n.J_REACH + i] * l[n.J_A + at]
                ln_index -= w[n.M_OMEGA + at] * log(pull + w[n.C_AD + at] + x[n.X_A0 + i])
            ln_over = ln_index * w[n.Q_RBETA + i] - log(x[n.X_PRICE + i])
            factor = exp(w[n.Q_ELASTIC + i] * ln_over)
            w[n.C_ELASTIC + i] = min(max(factor, 0.2), 5.0)
