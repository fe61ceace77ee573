"""Designs, prices and offers of one evaluation at a time: docs/model.md sections 2, 4 and 5."""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np

from tiercap.kernels.params import MAX_BOXES

FAR = 1e300
CLOSE, CLOSE_ENOUGH = 1e-8, 1e-4  # the last Newton step of a price; of one that only ranks designs
FIGURES = ("F", "M", "I", "tpp", "launch", "on_sale", "cost", "area")
_F, _M, _I, _TPP, _LAUNCH, _ON_SALE, _COST, _AREA = range(8)

FOUR = np.float64, (4,)
OFFER = np.dtype(
    [(name, np.float64) for name in ("on", "profit", "gross", "n_star", "limit", "ln_star", "ln_low", "cost", "lnc",
                                     "cut", "v", "v_a", "F", "net", "diverts", "used", "reach", "mass", "units",
                                     "price")]
    + [(name, *FOUR) for name in ("f", "E", "R", "a", "share", "z", "g")],
    align=True,
)  # fmt: skip
#: What candidates of a market meet; ``net`` is that of the open tier.
TERMS = np.dtype(
    [(name, np.float64) for name in ("avail", "quota", "tpp", "tau", "scale", "spared", "tariff", "delta", "ln_A")]
    + [(name, *FOUR) for name in ("B", "R", "omega")],
    align=True,
)


def njit(function: Any) -> Any:
    """The flags of the kernels."""
    return numba.njit(nogil=True, error_model="numpy", fastmath={"contract"})(function)


# --- performance and designs ----------------------------------------------------------------------------------------


@njit
def index(f, omega):
    """Equation (7)."""
    root = 0.0
    for k in range(4):
        root += omega[k] * math.sqrt(f[k])
    return root * root


@njit
def perform(q, ln_rho, F, M, I, exponent, f):
    """Equations (5) and (6) into ``f``."""
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
def design(q, chip, g, tier, box, age, scale, second):
    """Equation (10): whether there is a design, and its kappa, M, I, d."""
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
    ok = ok and (d == 1.0 or age >= q.design_lag - 1e-9)
    return ok, kappa, m, i, d


@njit
def best_index(q, x, chips, g, omega, terms, exponent, f, best_f):
    """The largest index that both tiers admit of today's catalogue; its performances into ``best_f``."""
    best, scale = 0.0, (1.0 + g.indexation) ** x.y
    for tier in range(2):
        for box in range(MAX_BOXES):
            if box_is_live(g, tier, box, terms):
                for k in range(chips.shape[0]):
                    for second in range(2):
                        ok, kappa, m, i, _ = design(q, chips[k], g, tier, box, x.age, scale, second == 1)
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
def chips_bought(beta, E, R, B, ln_p):
    """n(p): chips bought at a log price."""
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
    """Equation (14) without its floor, in the logarithm of the price."""
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


# --- offers ---------------------------------------------------------------------------------------------------------


@njit
def set_terms(q, x, g, dt, chips_a, chips_b, terms):
    """Section 4: the terms of the licensed tier in one step, equation (11)."""
    terms.tau, terms.scale, terms.spared = g.revenue_share, (1.0 + g.indexation) ** x.y, g.no_diversion
    terms.avail = min(max(x.t + 1.0 - g.delay / dt, 0.0), 1.0)
    by_share = g.quota_share * q.home_share * chips_a * x.front_tpp if g.quota_share < FAR else FAR
    terms.quota = min(g.quota_chips * q.evasion, FAR)
    if g.no_diversion == 1.0:
        most = q.spare_supply * chips_a
        terms.quota = min(terms.quota, most - chips_b if most - chips_b > 1e-12 * most else 0.0)
    terms.tpp = min(min(g.quota_tpp, by_share) * q.evasion, FAR)


@njit
def search_tier(q, x, chips, g, tier, terms, exponent, f, E, j):
    """The best candidate of a tier into ``j``; returns the largest index that the tier admits."""
    j.on, j.profit, best = 0.0, -FAR, 0.0
    licensed = tier == 1
    j.net = (1.0 - terms.tau if licensed else 1.0) / terms.tariff
    j.diverts = 0.0 if licensed and terms.spared == 1.0 else terms.delta * q.markup_a
    avail = terms.avail if licensed else 1.0
    for box in range(MAX_BOXES):
        if box_is_live(g, tier, box, 1):
            for k in range(chips.shape[0]):
                for second in range(2):
                    ok, kappa, m, i, d = design(q, chips[k], g, tier, box, x.age, terms.scale, second == 1)
                    if ok:
                        F = kappa * chips[k, _F]
                        perform(q, x.ln_rho, F, m, i, exponent, f)
                        v = index(f, terms.omega)
                        best = max(best, v)
                        limit = min(terms.quota, terms.tpp / (kappa * chips[k, _TPP])) if licensed else FAR
                        if j.net > 0.0 and avail > 0.0 and limit > 0.0:
                            cost = chips[k, _COST] * (q.cost_retained + (1.0 - q.cost_retained) * d)
                            price_candidate(q, x, f, v, F, cost, d, avail, limit, terms, E, j)
    if j.on == 1.0:
        settle(q, terms, j)
    return best


@njit
def price_candidate(q, x, f, v, F, cost, d, avail, limit, terms, E, j):
    """Equations (12) to (15): what a candidate earns; kept in ``j`` if that is more than before."""
    for k in range(4):
        E[k] = math.exp(terms.ln_A + q.beta * math.log(f[k]))
    full = cost * (1.0 + j.diverts)
    lnc, low = math.log(full / j.net), math.log(x.reference * terms.tariff * index(f, q.omega_a))
    B, R = terms.B, terms.R
    star = max(monopoly_price(q, lnc, E, R, B, first_guess(q, lnc, E, R, B), CLOSE_ENOUGH), low)
    chips = chips_bought(q.beta, E, R, B, star)
    cut = 1.0 if d < 1.0 else 0.0
    profit = min(avail, limit * avail / chips) * (chips * (math.exp(star) * j.net - full)) - q.nre * cut
    if profit > j.profit:
        j.on, j.profit, j.limit, j.ln_star, j.ln_low = 1.0, profit, limit, star, low
        j.cost, j.lnc, j.v, j.cut, j.F = cost, lnc, v, cut, F
        for k in range(4):
            j.f[k], j.E[k] = f[k], E[k]


@njit
def settle(q, terms, j):
    """The tier's best candidate once more: its price to the last bit, what it sells and earns there."""
    j.ln_star = max(monopoly_price(q, j.lnc, j.E, terms.R, terms.B, j.ln_star, CLOSE), j.ln_low)
    j.n_star = chips_bought(q.beta, j.E, terms.R, terms.B, j.ln_star)
    j.gross = j.n_star * (math.exp(j.ln_star) * j.net - j.cost * (1.0 + j.diverts))
    j.v_a = index(j.f, q.omega_a)


@njit
def choose_plan(q, o, l, avail):
    """Equation (15): the plan (0 none, 1 a, 2 b, 3 c); reaches into the offers."""
    phi = min(avail, l.limit * avail / l.n_star) if l.on == 1.0 else 0.0
    plan, best = 0, 0.0
    if o.on == 1.0 and o.profit > 0.0:
        plan, best = 1, o.profit
    if l.on == 1.0 and l.profit > best * (1.0 + 1e-12):
        plan, best = 2, l.profit
    if o.on == 1.0 and l.on == 1.0 and phi < 1.0:
        profit = phi * l.gross + (1.0 - phi) * o.gross - q.nre * (l.cut + o.cut)
        if profit > best * (1.0 + 1e-12):
            plan = 3
    o.reach = 1.0 if plan == 1 else 1.0 - phi if plan == 3 else 0.0
    l.reach = phi if plan >= 2 else 0.0
    o.used, l.used = 1.0 if plan == 1 or plan == 3 else 0.0, 1.0 if plan >= 2 else 0.0
    return plan


@njit
def find_offers(q, x, chips, g, terms, exponent, f, E, o, l):
    """The plan, and the largest index that the rule lets flow."""
    open_best = search_tier(q, x, chips, g, 0, terms, exponent, f, E, o)
    licensed_best = search_tier(q, x, chips, g, 1, terms, exponent, f, E, l)
    return choose_plan(q, o, l, terms.avail), max(open_best, licensed_best)


@njit
def book(q, terms, o, l):
    """Sales, the government's take and design costs a year."""
    licensed = l.price * l.units / terms.tariff
    design = 0.0
    for j in (o, l):
        if j.cut == 1.0 and j.units > 0.0:
            design += q.nre
    return o.price * o.units / terms.tariff + licensed, licensed * terms.tau, design
