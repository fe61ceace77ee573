"""The payoff model written one evaluation at a time: Numba, plain loops, ``math.exp`` and ``math.log``.

The natural way to compile docs/model.md, and the baseline that the kernels' lanes are measured against: same
equations, same hoisting (scenario tables of `array_scenario`, groups A and B once for every distinct rule of theirs),
same stopping rule of the prices, no vectors. Absolute readings and one policy throughout; anything else is refused.

    kernel = ScalarKernel(params, horizon, catalogue)
    kernel.outcomes(levers)                                     # [n_policies, n_outcomes, n_scenarios]
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np
from array_model import SUMS, distinct
from array_scenario import ORDER, constants, groups_of, paths

from tiercap.kernels.params import MAX_BOXES, OUTCOMES

FAR = 1e300
CLOSE, CLOSE_ENOUGH = 1e-8, 1e-4  # the last Newton step of a price; of one that only ranks designs
PASSES = 4
FIGURES = ("F", "M", "I", "tpp", "launch", "on_sale", "cost", "area")
_F, _M, _I, _TPP, _LAUNCH, _ON_SALE, _COST, _AREA = range(8)
_OUTCOME_ROWS = {name: k for k, name in enumerate(OUTCOMES)}

_FOUR = np.float64, (4,)
OFFER = np.dtype(
    [(name, np.float64) for name in ("on", "profit", "gross", "n_star", "limit", "ln_star", "ln_clear", "cost", "lnc",
                                     "cut", "v", "reach", "mass", "units", "price")]
    + [(name, *_FOUR) for name in ("f", "E", "R", "a", "share", "z")],
    align=True,
)  # fmt: skip
HOME = np.dtype(
    [(name, np.float64) for name in ("n_a", "q_a", "n_b", "q_b", "gross", "net", "take")]
    + [("f_a", *_FOUR), ("f_b", *_FOUR)],
    align=True,
)
STATE = np.dtype(
    [(name, np.float64) for name in ("L", "r", "S", "F", "M", "I", "Z", "XE", "XG", "XD", "pulled", "E", "delta",
                                     "turns")]
    + [(name, *_FOUR) for name in ("KA", "KB", "KE", "KG", "KD", "before")],
    align=True,
)  # fmt: skip
STEP = np.dtype(
    [(name, np.float64) for name in ("budget", "v_d", "p_d0", "p_d", "ln_A", "plan", "v_e", "denial", "flow", "n_g",
                                     "p_g", "capped", "bought", "n_d", "rev_d", "h", "now", "pulled", "gross", "take",
                                     "net", "design", "write_down", "displaced", "stays_a", "q_e", "research",
                                     "factor", "worst")]
    + [(name, *_FOUR) for name in ("b0", "b", "R0", "B", "f_d", "a_d", "e_g", "e_d", "e_e", "ln_ratio")],
    align=True,
)  # fmt: skip
SUM = np.dtype(
    [(name, np.float64) for name in (*SUMS, "worst")] + [(name, *_FOUR) for name in ("e_e", "e_d", "e_g", "gap_w")],
    align=True,
)
TERMS = np.dtype([(name, np.float64) for name in ("avail", "quota", "tpp", "tau", "y", "scale", "net")], align=True)


def njit(function: Any) -> Any:
    """The flags of the kernels."""
    return numba.njit(nogil=True, error_model="numpy", fastmath={"contract"})(function)


# --- performance and designs ----------------------------------------------------------------------------------------


@njit
def index(f, omega):
    """Equation (3)."""
    root = 0.0
    for k in range(4):
        root += omega[k] * math.sqrt(f[k])
    return root * root


@njit
def perform(q, ln_rho, F, M, I, exponent, f):
    """Equations (1) and (2) into ``f``."""
    for k in range(3):
        a, b = q.theta_f[k] / F, q.theta_m[k] / M
        a, b = a * a, b * b
        if exponent == 2:
            norm = math.sqrt(a + b)
        elif exponent == 4:
            norm = math.sqrt(math.sqrt(a * a + b * b))
        else:
            norm = math.sqrt(math.sqrt(math.sqrt(a * a * a * a + b * b * b * b)))
        f[k] = q.time[k] / (norm + q.theta_i[k] / I)
    ln_u = ln_rho - math.log(f[0]) - q.network * math.log(I * q.ri0)
    f[3] = f[0] / (1.0 + math.exp(q.wall * ln_u))


@njit
def box_is_live(g, tier, box, terms):
    """Whether a box admits anything; ``terms`` 0 ignores quotas and revenue share."""
    caps = min(g.tpp[tier, box], g.memory[tier, box], g.interconnect[tier, box], g.density[tier, box])
    if min(caps, g.bandwidth_sum[tier, box]) <= 0.0:
        return False
    quota = min(g.quota_share, g.quota_chips, g.quota_tpp)
    return tier == 0 or terms == 0 or (quota > 0.0 and g.revenue_share < 1.0)


@njit
def design(q, chip, g, tier, box, y, scale, second):
    """Equation (5): whether there is a design, and its kappa, M, I, d."""
    kept, total = q.kept, g.bandwidth_sum[tier, box] * scale
    cap = min(g.tpp[tier, box], g.density[tier, box] * chip[_AREA]) * scale
    kappa = 1.0 if chip[_TPP] < cap else kept * cap / chip[_TPP]
    cap = g.memory[tier, box] * scale
    m = chip[_M] if chip[_M] < cap else kept * cap
    cap = g.interconnect[tier, box] * scale
    i = chip[_I] if chip[_I] < cap else kept * cap
    over = m + i >= total
    if over and second:
        i = kept * total - m
    elif over:
        m = kept * total - i
    d = min(kappa, m / chip[_M], i / chip[_I])
    ok = chip[_ON_SALE] == 1.0 and kappa > 0.0 and m > 0.0 and i > 0.0 and (over or not second)
    if g.sku_before[tier] < np.inf:
        ok = ok and d == 1.0 and chip[_LAUNCH] <= g.sku_before[tier]
    ok = ok and (d == 1.0 or y >= q.design_lag - 1e-9)
    return ok, kappa, m, i, d


@njit
def best_index(q, x, chips, g, omega, y, terms, exponent, f, best_f):
    """The largest index that both tiers admit under the caps at y; its performances into ``best_f``."""
    best, scale = 0.0, (1.0 + g.indexation) ** y
    for tier in range(2):
        for box in range(MAX_BOXES):
            if box_is_live(g, tier, box, terms):
                for k in range(chips.shape[0]):
                    for second in range(2):
                        ok, kappa, m, i, _ = design(q, chips[k], g, tier, box, y, scale, second == 1)
                        if ok:
                            perform(q, x.ln_rho, kappa * chips[k, _F], m, i, exponent, f)
                            v = index(f, omega)
                            if v > best:
                                best = v
                                best_f[:] = f
    return best


# --- prices ---------------------------------------------------------------------------------------------------------


@njit
def sums(beta, E, R, B, ln_p):
    """Sums of b s, b s (1-s), b s (1-s) (1-2s)."""
    y = math.exp(-beta * ln_p)
    s1 = s2 = s3 = 0.0
    for k in range(4):
        a = E[k] * y
        whole = 1.0 / (a + R[k])
        s, t = a * whole, R[k] * whole
        u = B[k] * s
        s1 += u
        s2 += u * t
        s3 += u * t * (t - s)
    return s1, s2, s3


@njit
def sold(beta, E, R, B, ln_p):
    """n(p) of equation (6)."""
    return sums(beta, E, R, B, ln_p)[0] * math.exp(-ln_p)


@njit
def bracketed(old, new, low, high):
    new = min(new, old + 4.0)
    return new if low <= new <= high else 0.5 * (low + min(high, low + 8.0))


@njit
def first_guess(q, lnc, E, R, B):
    top = bottom = 0.0
    for k in range(4):
        top += B[k] * E[k] / R[k]
        bottom += B[k]
    u = math.log(top / bottom) - q.beta * lnc
    return lnc + math.log(1.0 + q.r_beta + 0.5 * math.exp(q.r_beta1 * (u - q.ln_beta)))


@njit
def monopoly_price(q, lnc, E, R, B, ln_p, close):
    """Equation (7) in the logarithm of the price."""
    low, high = lnc + q.ln_floor, FAR
    ln_p = max(ln_p, low)
    for _ in range(80):
        s1, s2, s3 = sums(q.beta, E, R, B, ln_p)
        rho = s1 / s2
        z = rho * q.r_beta
        gap = ln_p - lnc - math.log(1.0 + z)
        slope = 1.0 + (1.0 - rho * s3 / s2) / (1.0 + z)
        if gap < 0.0:
            low = ln_p
        else:
            high = ln_p
        new = bracketed(ln_p, ln_p - gap / slope, low, high)
        moved = abs(new - ln_p)
        ln_p = new
        if moved <= close:
            break
    return ln_p


@njit
def clearing_price(q, E, R, B, n, ln_p):
    """Equation (8) in logarithms, from a price that sells more."""
    ln_n = math.log(n)
    low, high = ln_p, max(math.log(B[0] + B[1] + B[2] + B[3]) - ln_n, ln_p)
    for _ in range(80):
        s1, s2, _s3 = sums(q.beta, E, R, B, ln_p)
        excess = math.log(s1) - ln_p - ln_n
        if excess > 0.0:
            low = ln_p
        else:
            high = ln_p
        new = bracketed(ln_p, ln_p + excess / (1.0 + q.beta * s2 / s1), low, high)
        moved = abs(new - ln_p)
        ln_p = new
        if moved <= CLOSE:
            break
    return ln_p


# --- offers ---------------------------------------------------------------------------------------------------------


@njit
def set_terms(q, g, t, dt, y, chips_a, chips_b, terms):
    """Section 4: the terms of the licensed tier in one step."""
    terms.tau, terms.y, terms.scale = g.revenue_share, y, (1.0 + g.indexation) ** y
    terms.avail = min(max(t + 1.0 - g.delay / dt, 0.0), 1.0)
    quota = g.quota_share * q.home_share * chips_a if g.quota_share < FAR else FAR
    if g.no_diversion == 1.0:
        most = q.spare_supply * chips_a
        quota = min(quota, most - chips_b if most - chips_b > 1e-12 * most else 0.0)
    terms.quota, terms.tpp = min(quota, g.quota_chips * dt, FAR), min(g.quota_tpp * dt, FAR)


@njit
def search_tier(q, x, chips, g, tier, terms, omega, ln_A, B, R, exponent, f, E, j):
    """The best candidate of a tier into ``j``; returns the largest index that the tier admits."""
    j.on, j.profit, best = 0.0, -FAR, 0.0
    licensed = tier == 1
    net = terms.net * (1.0 - terms.tau) if licensed else terms.net
    avail = terms.avail if licensed else 1.0
    for box in range(MAX_BOXES):
        if box_is_live(g, tier, box, 1):
            for k in range(chips.shape[0]):
                for second in range(2):
                    ok, kappa, m, i, d = design(q, chips[k], g, tier, box, terms.y, terms.scale, second == 1)
                    if ok:
                        perform(q, x.ln_rho, kappa * chips[k, _F], m, i, exponent, f)
                        v = index(f, omega)
                        best = max(best, v)
                        limit = min(terms.quota, terms.tpp / (kappa * chips[k, _TPP])) if licensed else FAR
                        if net > 0.0 and avail > 0.0 and limit > 0.0:
                            cost = chips[k, _COST] * (q.cost_retained + (1.0 - q.cost_retained) * d)
                            price_candidate(q, f, v, cost, d, net, avail, limit, ln_A, B, R, E, j)
    if j.on == 1.0:
        settle(q, net, B, R, j)
    return best


@njit
def settle(q, net, B, R, j):
    """The tier's best candidate once more: its price to the last bit, what it sells and earns there."""
    star = monopoly_price(q, j.lnc, j.E, R, B, j.ln_star, CLOSE)
    j.ln_star, j.n_star = star, sold(q.beta, j.E, R, B, star)
    j.gross = j.n_star * (math.exp(star) * net - j.cost)
    if j.n_star <= j.limit:
        j.ln_clear = star


@njit
def price_candidate(q, f, v, cost, d, net, avail, limit, ln_A, B, R, E, j):
    """Section 5: what a candidate earns; kept in ``j`` if that is more than before."""
    for k in range(4):
        E[k] = math.exp(ln_A + q.beta * math.log(f[k]))
    lnc = math.log(cost / net)
    star = monopoly_price(q, lnc, E, R, B, first_guess(q, lnc, E, R, B), CLOSE_ENOUGH)
    chips = sold(q.beta, E, R, B, star)
    gross, clear = chips * (math.exp(star) * net - cost), star
    earns = gross
    if chips > limit:
        clear = clearing_price(q, E, R, B, limit, star)
        earns = limit * (math.exp(clear) * net - cost)
    profit = avail * earns - (q.nre if d < 1.0 else 0.0)
    if profit > j.profit:
        j.on, j.profit, j.gross, j.n_star, j.limit = 1.0, profit, gross, chips, limit
        j.ln_star, j.ln_clear = star, clear
        j.cost, j.lnc, j.v, j.cut = cost, lnc, v, 1.0 if d < 1.0 else 0.0
        for k in range(4):
            j.f[k], j.E[k] = f[k], E[k]


@njit
def choose_plan(q, o, l, avail):
    """Equation (9): the plan (0 none, 1 a, 2 b, 3 c) and the index the buyer sees; reaches into the offers."""
    nre_o, nre_l = q.nre * o.cut, q.nre * l.cut
    phi = min(avail, l.limit * avail / l.n_star) if l.on == 1.0 else 0.0
    plan, best = 0, 0.0
    if o.on == 1.0 and o.profit > 0.0:
        plan, best = 1, o.profit
    if l.on == 1.0 and l.profit > best * (1.0 + 1e-12):
        plan, best = 2, l.profit
    if o.on == 1.0 and l.on == 1.0 and phi < 1.0:
        profit = phi * l.gross + (1.0 - phi) * o.gross - nre_l - nre_o
        if profit > best * (1.0 + 1e-12):
            plan = 3
    o.reach = l.reach = 0.0
    if plan == 1:
        o.reach = 1.0
        return plan, o.v
    if plan == 2:
        l.reach = avail
        return plan, phi * l.v
    if plan == 3:
        o.reach, l.reach = 1.0 - phi, phi
        n_o, n_l = o.reach * o.n_star, l.reach * l.n_star
        return plan, (n_l * l.v + n_o * o.v) / (n_l + n_o)
    return plan, 0.0


@njit
def find_offers(q, x, chips, g, terms, omega, ln_A, B, R, exponent, f, E, o, l, c):
    o.cut = l.cut = 0.0
    open_best = search_tier(q, x, chips, g, 0, terms, omega, ln_A, B, R, exponent, f, E, o)
    licensed_best = search_tier(q, x, chips, g, 1, terms, omega, ln_A, B, R, exponent, f, E, l)
    c.now = max(open_best, licensed_best)
    c.plan, c.v_e = choose_plan(q, o, l, terms.avail)


@njit
def tightening(q, x, chips, g, omega, y, dt, exponent, f, best_f, c):
    """h of equation (13)."""
    c.h = 0.0
    if g.indexation < 0.0 and x.more and c.now > 0.0:
        ahead = best_index(q, x, chips, g, omega, y + dt, 1, exponent, f, best_f)
        c.h = 1.0 - min(1.0, ahead / c.now) ** q.tightening_exponent


@njit
def book(q, terms, budget_next, dt, o, l, c):
    """Stockpiling, write-downs and money, equation (13); units grow by what is pulled forward."""
    c.write_down = q.write_down * c.h * (o.units * o.cost * o.on + l.units * l.cost * l.on) / dt
    pull = q.stockpile * c.h
    more_o = pull * o.units
    room = max(l.limit * terms.avail - l.units, 0.0) if l.on == 1.0 else 0.0
    more_l = min(pull * l.units, room)
    spending, most = more_o * o.price + more_l * l.price, 0.5 * budget_next * dt
    fit = most / spending if spending > most else 1.0
    c.pulled = spending * fit
    o.units += more_o * fit
    l.units += more_l * fit
    sales_l = l.price * l.units * terms.net
    c.gross, c.take = o.price * o.units * terms.net + sales_l, sales_l * terms.tau
    c.design = 0.0
    for j in (o, l):
        if j.cut == 1.0 and j.reach > 0.0:
            c.design += q.nre
    c.net = c.gross - c.take - c.design - c.write_down


# --- groups A and B -------------------------------------------------------------------------------------------------


@njit
def allied(first, last, levers, policies, consts, paths, chips, dt, exponent, home, offers, steps, of_licence):
    """Groups A and B of distinct rules ``first`` to ``last`` in every scenario; ``home``: HOME[n, S, T]."""
    o, l, c, terms = offers[0], offers[1], steps[0], of_licence[0]
    f, best_f, E = np.zeros(4), np.zeros(4), np.zeros(4)
    for row in range(first, last):
        a, b = levers[policies[row], 0].a, levers[policies[row], 0].b
        for s in range(consts.shape[0]):
            c.pulled = 0.0
            for t in range(paths.shape[0]):
                q, x, here = consts[s], paths[t, s], home[row, s, t]
                buy_a(q, x, chips[t, s], a, t * dt, exponent, f, best_f, here)
                sell_b(q, x, chips[t, s], b, t, dt, exponent, terms, f, best_f, E, o, l, c, here)


@njit
def buy_a(q, x, chips, g, y, exponent, f, best_f, home):
    """Section 6."""
    v = best_index(q, x, chips, g, q.omega_a, y, 0, exponent, f, best_f)
    home.n_a = x.demand_a / x.front_va if v > 0.0 else 0.0
    home.q_a = home.n_a * v
    for k in range(4):
        home.f_a[k] = home.n_a * best_f[k] if v > 0.0 else 0.0


@njit
def sell_b(q, x, chips, g, t, dt, exponent, terms, f, best_f, E, o, l, c, home):
    """Section 7."""
    set_terms(q, g, t, dt, t * dt, home.n_a, 0.0, terms)
    terms.net = 1.0
    for k in range(4):
        c.B[k] = q.omega_a[k] * (x.budget_b * dt - c.pulled)
        c.R0[k] = x.a0
    find_offers(q, x, chips, g, terms, q.omega_a, q.ln_att_e, c.B, c.R0, exponent, f, E, o, l, c)
    tightening(q, x, chips, g, q.omega_a, t * dt, dt, exponent, f, best_f, c)
    alone = c.plan == 2
    o.units = o.price = l.units = l.price = 0.0
    if o.reach > 0.0:
        o.units, o.price = o.reach * o.n_star, math.exp(o.ln_star)
    if l.reach > 0.0:
        l.units = l.reach * (min(l.n_star, l.limit) if alone else l.n_star)
        l.price = math.exp(l.ln_clear if alone else l.ln_star)
    book(q, terms, x.budget_b_next, dt, o, l, c)
    home.n_b, home.q_b = o.units + l.units, o.units * o.v * o.on + l.units * l.v * l.on
    home.gross, home.net, home.take = c.gross, c.net, c.take
    for k in range(4):
        home.f_b[k] = o.units * o.f[k] + l.units * l.f[k]


# --- group C in one step --------------------------------------------------------------------------------------------


@njit
def wright_cost(q, output):
    """Equation (10)."""
    return q.domestic_cost * (q.cost_floor + (1.0 - q.cost_floor) * (output * q.r_z0) ** q.learn)


@njit
def domestic_chip(q, x, z, exponent, c):
    """Section 8, item 1."""
    perform(q, x.ln_rho, z.F, z.M, z.I, exponent, c.f_d)
    c.p_d0 = wright_cost(q, z.Z) * q.mark
    tilt, ln_price = q.network_effect * (z.L - 0.5), math.log(c.p_d0)
    c.ln_A = q.ln_att_e + tilt
    for k in range(4):
        c.f_d[k] *= x.soft[k]
        c.a_d[k] = math.exp(q.ln_att_d - tilt + q.beta * (math.log(c.f_d[k]) - ln_price))
    c.v_d = index(c.f_d, q.omega_c)


@njit
def open_market(q, x, z, dt, c):
    """Item 2, and what the exporter's candidates meet."""
    c.budget = x.budget_c * dt * z.E - z.pulled
    for k in range(4):
        c.b0[k] = q.omega_c[k] * c.budget
        c.B[k] = (1.0 - z.r) * c.b0[k]
        c.R0[k] = x.a0 + c.a_d[k]


@njit
def grey_market(q, x, home, E, c):
    """Item 4."""
    c.denial = 1.0 - min(1.0, c.v_e / x.front_vc) if c.plan > 0 else 1.0
    c.flow = q.grey_floor + (1.0 - q.grey_floor) * c.denial
    supply = (x.grey + q.leak_b * home.q_b + q.leak_a * home.q_a) * q.enf * c.flow / x.front_vc
    supply = supply if q.attraction_g > 0.0 else 0.0
    factor = math.exp(c.ln_A + q.ln_att_g)
    for k in range(4):
        E[k] = factor * x.front_f_beta[k]
    ln_p = math.log(q.outside_price * x.price * x.front_vc)
    demand = sold(q.beta, E, c.R0, c.b0, ln_p)
    if supply > demand:
        ln_p = clearing_price(q, E, c.R0, c.b0, supply, ln_p - math.log(supply / demand))
    c.p_g, most = math.exp(ln_p), q.grey_budget_cap * c.budget
    c.capped = 1.0 if supply * c.p_g > most else 0.0
    c.n_g = most / c.p_g if c.capped == 1.0 else supply
    c.bought = c.n_g / supply if supply > 0.0 else 1.0
    y, total = math.exp(-q.beta * ln_p), 0.0
    for k in range(4):
        a = E[k] * y
        c.e_g[k] = c.b0[k] * (a / (a + c.R0[k]))
        total += c.e_g[k]
    for k in range(4):
        c.e_g[k] *= c.n_g * c.p_g / total
        c.b[k] = c.b0[k] - c.e_g[k]


@njit
def price_offer(q, reachable, alone, b, j):
    """One offer's price against its rivals of this pass, its attraction and shares."""
    j.price = j.n_star = 0.0
    for k in range(4):
        j.a[k] = j.share[k] = 0.0
    if j.reach > 0.0:
        j.ln_star = monopoly_price(q, j.lnc, j.E, j.R, b, j.ln_star, CLOSE)
        ln_p = j.ln_star
        if alone and reachable * sold(q.beta, j.E, j.R, b, ln_p) > j.limit:
            ln_p = clearing_price(q, j.E, j.R, b, j.limit / reachable, ln_p)
        y, spending = math.exp(-q.beta * ln_p), 0.0
        for k in range(4):
            j.a[k] = j.E[k] * y
            j.share[k] = j.a[k] / (j.a[k] + j.R[k])
            spending += b[k] * j.share[k]
        j.price = math.exp(ln_p)
        j.n_star = spending / j.price


@njit
def ration_pass(q, x, z, terms, dt, o, l, c):
    """Item 5, one pass: prices, reaches, rationing by equation (12), new rivals; returns the share served."""
    reachable, a0 = 1.0 - z.r, x.a0
    price_offer(q, reachable, c.plan == 2, c.b, o)
    price_offer(q, reachable, c.plan == 2, c.b, l)
    if c.plan == 3:
        l.reach = min(terms.avail, l.limit * terms.avail / (reachable * l.n_star))
        o.reach = 1.0 - l.reach
    o.mass, l.mass = reachable * o.reach, reachable * l.reach
    latent = 0.0
    for k in range(4):
        ad = c.a_d[k]
        o.z[k], l.z[k] = ad / (o.a[k] + ad + a0), ad / (l.a[k] + ad + a0)
        c.e_d[k] = c.b[k] * (l.mass * l.z[k] + o.mass * o.z[k] + (1.0 - l.mass - o.mass) * ad / (ad + a0))
        latent += c.e_d[k]
    ratio = latent / (c.p_d0 * z.S * dt)
    rent = max(1.0, ratio) ** q.scarcity_exponent
    served = min(1.0, rent / math.sqrt(math.sqrt(1.0 + ratio * ratio * ratio * ratio)))
    c.p_d = c.p_d0 * rent
    for j in (o, l):
        for k in range(4):
            j.z[k] *= served
            j.R[k] = a0 + (j.a[k] + a0) * j.z[k] / (1.0 - j.z[k])
    return served


@njit
def ration(q, x, z, terms, dt, o, l, c):
    """Item 5: four passes, then units and spending of both sides."""
    for j in (o, l):
        for k in range(4):
            j.R[k] = c.R0[k]
    served = 1.0
    for _ in range(PASSES):
        served = ration_pass(q, x, z, terms, dt, o, l, c)
    o.units, l.units = o.mass * o.n_star, l.mass * l.n_star
    revenue = 0.0
    for k in range(4):
        c.e_d[k] *= served
        c.e_e[k] = c.b[k] * (l.mass * l.share[k] + o.mass * o.share[k])
        revenue += c.e_d[k]
    chips, supply = revenue / c.p_d, z.S * dt
    trim = supply / chips if chips > supply else 1.0
    c.n_d, c.rev_d = chips * trim, revenue * trim
    for k in range(4):
        c.e_d[k] *= trim


@njit
def elastic_factor(q, x, o, l, c):
    """Equation (17)."""
    if q.elastic == 0.0:
        return 1.0
    ln_index = 0.0
    for k in range(4):
        drawn = o.reach * o.a[k] + l.reach * l.a[k] + c.a_d[k] + x.a0
        ln_index -= q.omega_c[k] * math.log(drawn)
    factor = math.exp(q.elastic * (ln_index * q.r_beta - math.log(x.price)))
    return min(max(factor, 0.2), 5.0)


@njit
def purchase(q, x, z, home, no_diversion, dt, o, l, c):
    """Items 7 to 9: displacement, stocks, gaps, R&D; equations (14), (15) and (16)."""
    keep, q_o, q_l = q.decay, o.units * o.v * o.on, l.units * l.v * l.on
    c.q_e = q_o + q_l
    c.displaced = min(home.q_a, q.displacement * (q_o + (0.0 if no_diversion == 1.0 else q_l)))
    c.stays_a = 1.0 - c.displaced / home.q_a if home.q_a > 0.0 else 1.0
    stays_b = 1.0 - min(1.0, q.leak_b * q.enf * c.flow * c.bought)
    z.XE, z.XG = keep * z.XE + c.q_e, keep * z.XG + c.n_g * x.front_vc
    z.XD = keep * z.XD + c.n_d * c.v_d
    c.worst = 0.0
    for k in range(4):
        z.before[k] = z.KA[k]
        z.KE[k] = keep * z.KE[k] + o.units * o.f[k] + l.units * l.f[k]
        z.KG[k] = keep * z.KG[k] + c.n_g * x.front_f[k]
        z.KD[k] = keep * z.KD[k] + c.n_d * c.f_d[k]
        z.KB[k] = keep * z.KB[k] + home.f_b[k] * stays_b
        z.KA[k] = keep * z.KA[k] + home.f_a[k] * c.stays_a
        stock_c = max(z.KE[k] + z.KG[k] + z.KD[k] + q.remote_share * z.KB[k], 1e-9)
        stock_a = max(z.KA[k], 1e-9)
        c.ln_ratio[k] = math.log(stock_a / stock_c)
        c.worst = max(c.worst, stock_c / stock_a)
    c.research = (q.rd_share * c.rev_d / dt + q.rd_state) * (1.0 + q.rd_denial * c.denial)


@njit
def respond(q, x, z, c):
    """Equation (18)."""
    foreign = z.XE + z.XG
    ln_v = math.log(c.v_e / c.v_d) if c.plan > 0 else 0.0
    self_made = min(2.0, z.S * c.p_d0 / (x.budget_c * z.E))
    u = q.response_level + q.response_dependency * (foreign / (foreign + z.XD) - 0.5)
    u += q.response_self * self_made - q.response_advantage * min(max(ln_v, -2.0), 2.0)
    delta = q.r_step * (q.response_max / (1.0 + math.exp(-u)) - z.r)
    if z.turns < 3.0:
        z.turns = z.turns + 1.0 if delta * z.delta < 0.0 and abs(delta) > 0.01 else 0.0
    z.delta = delta
    z.r += delta


@njit
def advance(q, x, z, dt, c):
    """Item 10 but the response."""
    z.Z += c.n_d
    if x.forget:
        z.Z *= q.remember
    rate = 1.0 + q.domestic_growth + q.domestic_growth_rd * c.research / (c.research + q.rd_half)
    growth = rate**dt
    z.F, z.M, z.I = min(z.F * growth, x.next_f), min(z.M * growth, x.next_m), min(z.I * growth, x.next_i)
    z.S = z.S * q.s_grow + q.capacity_investment * c.rev_d
    foreign = c.q_e + c.n_g * x.front_vc
    z.L += q.l_step * (foreign / (foreign + c.n_d * c.v_d) - z.L)
    z.pulled, z.E = c.pulled, c.factor


@njit
def step_c(q, x, chips, home, g, z, t, dt, exponent, terms, f, best_f, E, o, l, c):
    """Section 8 up to the purchases."""
    domestic_chip(q, x, z, exponent, c)
    open_market(q, x, z, dt, c)
    set_terms(q, g, t, dt, t * dt, home.n_a, home.n_b, terms)
    terms.net = q.net
    find_offers(q, x, chips, g, terms, q.omega_c, c.ln_A, c.B, c.R0, exponent, f, E, o, l, c)
    tightening(q, x, chips, g, q.omega_c, t * dt, dt, exponent, f, best_f, c)
    grey_market(q, x, home, E, c)
    ration(q, x, z, terms, dt, o, l, c)
    c.factor = elastic_factor(q, x, o, l, c)
    book(q, terms, x.budget_c_next * c.factor, dt, o, l, c)
    purchase(q, x, z, home, g.no_diversion, dt, o, l, c)


# --- runs -----------------------------------------------------------------------------------------------------------


@njit
def tally(q, x, home, z, n, dt, o, l, c, s):
    """Section 9: one more step."""
    d, lost = x.discount, x.price * c.displaced
    s.revenue += d * (c.net - lost)
    s.revenue_bc += d * (c.net - lost + home.net)
    s.substitution += d * dt * c.research
    s.gross_revenue_a += d * x.price * (home.q_a - c.displaced)
    s.gross_revenue_b += d * home.gross
    s.gross_revenue_c += d * c.gross
    s.government_take += d * (c.take + home.take)
    s.displaced_revenue += d * lost
    s.design_cost += d * c.design
    s.write_downs += d * c.write_down
    s.domestic_revenue += d * c.rev_d
    s.units_a += home.n_a * c.stays_a
    s.units_b += home.n_b
    s.units_open += o.units
    s.units_licensed += l.units
    s.units_grey += c.n_g
    s.units_domestic += c.n_d
    s.buyer_access += (1.0 - z.r) / n
    s.grey_premium += (c.p_g / (x.price * x.front_vc) - 1.0) / n
    s.grey_capped += c.capped / n
    s.worst = max(s.worst, c.worst)
    for k in range(4):
        gap = c.ln_ratio[k] + q.algo
        s.gap += d * dt * q.omega_k[k] * gap
        s.gap_w[k] += d * dt * gap
        s.e_e[k] += c.e_e[k]
        s.e_d[k] += c.e_d[k]
        s.e_g[k] += c.e_g[k]


@njit
def open_run(q, z):
    z.L, z.r, z.S = q.lock_in, q.barred_start, q.domestic_capacity
    z.F, z.M, z.I = q.domestic_f, q.domestic_m, q.domestic_i
    z.Z, z.XE, z.XG, z.XD = q.domestic_output, q.stock_e, q.stock_g, q.stock_d
    z.pulled, z.E, z.delta, z.turns = 0.0, 1.0, 0.0, 0.0
    for k in range(4):
        z.KA[k], z.KB[k], z.KE[k], z.KG[k], z.KD[k] = q.k_a[k], q.k_b[k], q.k_e[k], q.k_g[k], q.k_d[k]


def _rows(*names: str) -> tuple[int, ...]:
    return tuple(_OUTCOME_ROWS[name] for name in names)


def _by_workload(stem: str) -> tuple[int, ...]:
    return _rows(*(f"{stem}_{w}" for w in ORDER))


_SUM_ROWS = _rows(*SUMS)
_IMPORT, _DOMESTIC, _GREY = _by_workload("import_share"), _by_workload("domestic_share"), _by_workload("grey_share")
_GAP, _TERMINAL, _LEAD = _by_workload("gap"), _by_workload("terminal_gap"), _by_workload("lead")
_LAST, _WORST, _CAPACITY, _UNIT_COST, _VALUE, _LAST_SHARE, _ACCESS, _LOCK_IN, _TURNS = _rows(
    "terminal_gap", "compute_ratio_max", "domestic_capacity", "domestic_cost", "domestic_value",
    "terminal_domestic_share", "terminal_access", "lock_in", "oscillation",
)  # fmt: skip


@njit
def close(q, z, n, dt, c, s, out):
    """Outcomes that need the whole run; those that are sums are copied by the caller."""
    domestic = whole = last = 0.0
    for k in range(4):
        e, d, g = s.e_e[k], s.e_d[k], s.e_g[k]
        spent = e + d + g
        out[_IMPORT[k]] = e / spent if spent > 0.0 else 0.0
        out[_DOMESTIC[k]] = d / spent if spent > 0.0 else 0.0
        out[_GREY[k]] = g / spent if spent > 0.0 else 0.0
        out[_GAP[k]] = s.gap_w[k]
        out[_TERMINAL[k]] = c.ln_ratio[k] + q.algo
        last += q.omega_k[k] * out[_TERMINAL[k]]
        growth = math.log(max(z.KA[k], 1e-9) / max(z.before[k], 1e-9)) / dt
        out[_LEAD[k]] = min(max(c.ln_ratio[k] / max(growth, 0.001), -100.0), 100.0) if n > 1 else np.nan
        domestic += c.e_d[k]
        whole += c.e_e[k] + c.e_d[k] + c.e_g[k]
    out[_LAST], out[_WORST], out[_CAPACITY], out[_UNIT_COST] = last, s.worst, z.S, wright_cost(q, z.Z)
    out[_VALUE], out[_ACCESS], out[_LOCK_IN] = c.v_d, 1.0 - z.r, z.L
    out[_LAST_SHARE] = domestic / whole if whole > 0.0 else 0.0
    out[_TURNS] = 1.0 if z.turns >= 3.0 else 0.0


@njit
def restricted(
    first, last, levers, kind, consts, paths, chips, dt, exponent, home, offers, steps, of_licence, states, out, totals
):  # fmt: skip
    """Group C of policies ``first`` to ``last`` in every scenario: out [P, n_outcomes, S], totals SUM[P, S]."""
    o, l, c, terms, z = offers[0], offers[1], steps[0], of_licence[0], states[0]
    f, best_f, E = np.zeros(4), np.zeros(4), np.zeros(4)
    n = paths.shape[0]
    for p in range(first, last):
        g = levers[p, 0].c
        for s in range(consts.shape[0]):
            q = consts[s]
            open_run(q, z)
            for t in range(n):
                x, here = paths[t, s], home[kind[p], s, t]
                step_c(q, x, chips[t, s], here, g, z, t, dt, exponent, terms, f, best_f, E, o, l, c)
                tally(q, x, here, z, n, dt, o, l, c, totals[p, s])
                respond(q, x, z, c)
                advance(q, x, z, dt, c)
            close(q, z, n, dt, c, totals[p, s], out[p, :, s])


def records(tables: dict[str, Any], axes: int) -> np.ndarray:
    """Tables whose last axis is the scenario (the first of ``axes`` the step) as one record array of that shape."""
    kinds, shape = [], ()
    for name, table in tables.items():
        inner = table.shape[axes - 1 : -1] if table.ndim > 1 else ()
        kinds.append((name, table.dtype, inner))
        shape = (*table.shape[: axes - 1], table.shape[-1]) if table.ndim >= axes else shape
    out = np.zeros(shape, np.dtype(kinds, align=True))
    for name, table in tables.items():
        out[name] = np.moveaxis(table, -1, axes - 1) if table.ndim >= axes else table[:, None]
    return out


class ScalarKernel:
    """The scalar form over one set of scenarios, on one thread."""

    def __init__(self, params: np.ndarray, horizon: Any, catalogue: np.ndarray) -> None:
        q = constants(params, catalogue, horizon)
        x = paths(params, catalogue, horizon, q)
        self.chips = _chips(x.pop("chips"))
        self.consts, self.paths = records(q, 1), records(x, 2)
        self.dt, self.exponent = 1.0 / horizon.steps_per_year, int(horizon.roofline_exponent)

    def outcomes(self, levers: np.ndarray) -> np.ndarray:
        """All outcomes of each policy in each scenario: float64[n_policies, n_outcomes, n_scenarios]."""
        groups_of(levers)  # refuses what this form does not know
        levers = np.ascontiguousarray(levers)
        n_steps, n_scenarios = self.paths.shape
        first, kind = distinct(levers)
        home = np.zeros((len(first), n_scenarios, n_steps), HOME)
        fixed = (self.consts, self.paths, self.chips, self.dt, self.exponent, home)
        # Records point into arrays that must outlive them, so that the caller owns the work space.
        work = (np.zeros(2, OFFER), np.zeros(1, STEP), np.zeros(1, TERMS))
        allied(0, len(first), levers, first, *fixed, *work)
        out = np.zeros((len(levers), len(OUTCOMES), n_scenarios))
        totals = np.zeros((len(levers), n_scenarios), SUM)
        restricted(0, len(levers), levers, kind, *fixed, *work, np.zeros(1, STATE), out, totals)
        for name, row in zip(SUMS, _SUM_ROWS, strict=True):
            out[:, row] = totals[name]
        return out


def _chips(table: dict[str, np.ndarray]) -> np.ndarray:
    """The catalogue as float64[T, S, n_chips, figure]."""
    return np.ascontiguousarray(np.moveaxis(np.stack([table[name] for name in FIGURES]), (0, 3), (3, 1)))
