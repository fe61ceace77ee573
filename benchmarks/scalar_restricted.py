"""Group C in one step, one evaluation at a time: docs/model.md section 8, items 6 to 13."""

from __future__ import annotations

import math

import numpy as np
from scalar_domestic import clip, domestic, eighth, fourth_root, stacks_after
from scalar_offers import CLOSE, book, chips_bought, find_offers, monopoly_price, njit, set_terms

PASSES = 4
TERMS_OF_SERIES = 6


# --- items 6 to 8: capacity and government --------------------------------------------------------------------------


@njit
def ration(q, used, flow, last, power):
    """Equation (17)."""
    used = q.keep_half * used + q.gain_half * flow * last
    ratio = flow / max((power - used * q.keep_year) / q.gain_year, 0.05 * power)
    return 1.0 / fourth_root(1.0 + ratio * ratio * ratio * ratio)


@njit
def barred(q, pi):
    """The mean share barred."""
    if q.buyer_decides <= 0.0:
        return q.barred_start
    return q.levels[0] * pi[0] + q.levels[1] * pi[1] + q.levels[2] * pi[2] + q.levels[3] * pi[3]


@njit
def open_market(q, x, z, home, terms, c):
    """Items 6 and 7, and what the exporter's candidates meet."""
    z.watts = z.watts if z.watts >= 0.0 else x.watts / x.price
    z.ration = ration(q, z.power, c.planned * z.watts, z.ration, x.power_c)
    c.barred_before, c.demand = barred(q, z.pi), 0.0
    for k in range(4):
        c.b[k] = q.omega_c[k] * (c.planned * z.ration)
        terms.B[k], terms.R[k] = (1.0 - c.barred_before) * c.b[k], x.a0 + c.a_d[k]
        terms.omega[k] = q.omega_c[k]
        c.demand += c.b[k] * (c.free[k] / (c.free[k] + terms.R[k])) / x.price
    orders = home.n_a + home.n_b
    wanted = orders + (1.0 - c.barred_before) * c.demand
    load = eighth(min(wanted / (q.capacity_headroom * max(orders, 1e-300)), 1e30))
    terms.delta, terms.tariff, terms.ln_A = load / (1.0 + load), q.tariff, c.ln_A


@njit
def shares_beside(q, x, j, c):
    """Spending on domestic chips beside an offer, or where there is none, at the price of the plan."""
    y = math.exp(-q.beta * j.ln_star) if j.reach > 0.0 else 0.0
    found = 0.0
    for k in range(4):
        a = j.E[k] * y if j.reach > 0.0 else 0.0
        found += c.b[k] * (c.a_d[k] / (c.a_d[k] + x.a0 + a))
    return found


@njit
def purchases(q, x, terms, o, l, c):
    """q_k and d_k of equation (26)."""
    alone = 0.0
    for k in range(4):
        alone += c.b[k] * (c.a_d[k] / (c.a_d[k] + x.a0))
    shift = o.reach * (shares_beside(q, x, o, c) - alone) + l.reach * (shares_beside(q, x, l, c) - alone)
    met = 1.0 - c.barred_before
    for k in range(4):
        free, bought = 1.0 - q.levels[k], 0.0
        if o.reach > 0.0:
            bought += free * o.reach * (o.n_star / met) * o.v
        if l.reach > 0.0:
            bought += terms.avail * min(free * (l.n_star / met), l.limit) * l.v
        ratio = (alone + free * shift) / (c.list_price * c.supply)
        c.acquired[k] = bought
        c.taken[k] = c.supply * c.v_d * ratio / fourth_root(1.0 + ratio * ratio * ratio * ratio)


@njit
def concerns(q, x, terms, o, l, c):
    """Parity, equation (27), and the chance of a warning, equation (28)."""
    n_o = o.reach * o.n_star if o.reach > 0.0 else 0.0
    n_l = l.reach * l.n_star if l.reach > 0.0 else 0.0
    offered = ((n_o * o.f[0] if n_o > 0.0 else 0.0) + (n_l * l.f[0] if n_l > 0.0 else 0.0)) / max(n_o + n_l, 1e-300)
    lead = clip(math.log(max(offered, 1e-12) / c.raw_training), -1.5, 1.5)
    reach = min(1.0, c.acquired[0] / (x.front_vc * c.demand)) if c.plan > 0 else 0.0
    c.parity = -1.5 + reach * (lead + 1.5)
    closed = 1.0 - min(1.0, c.flows / x.front_vc)
    hazard = q.warning_base + q.warning_tightening * closed
    hazard += q.warning_terms * terms.tau if l.reach > 0.0 else 0.0
    c.warning = 1.0 - math.exp(-hazard)


@njit
def utilities(q, x, z, c):
    """U_k of equation (29), less the largest, as exponentials, and M_ik of equation (30)."""
    bought = taken = 0.0
    for k in range(4):
        bought += z.pi[k] * c.acquired[k]
        taken += z.pi[k] * c.taken[k]
    smuggled = z.grey * x.front_vc
    foreign = q.keep_half * (z.XE + z.XG) + q.gain_half * (bought + smuggled)
    own = q.keep_half * z.XD + q.gain_half * taken
    self_made = min(1.0, c.supply * c.v_d * x.reference / c.planned)
    urge = q.response_level + q.weight_self * self_made - q.weight_parity * c.parity
    urge += q.weight_retaliation * c.warning - q.weight_premium * math.log(z.premium)
    top = -np.inf
    for k in range(4):
        abroad = q.keep_year * foreign + q.gain_year * (c.acquired[k] + smuggled)
        stock = abroad + q.keep_year * own + q.gain_year * c.taken[k]
        dependence = q.weight_dependence * (1.0 + c.warning) * (abroad / stock)
        c.u[k] = q.weight_compute * math.log(stock) - dependence + q.levels[k] * urge
        top = max(top, c.u[k])
    for k in range(4):
        c.u[k] = math.exp(c.u[k] - top)
    for i in range(4):
        total = 0.0
        for k in range(4):
            c.moves[i, k] = c.u[k] * q.moves[i, k]
            total += c.moves[i, k]
        for k in range(4):
            c.moves[i, k] /= total


@njit
def spread(q, pi, term, moved, c):
    """exp(rate dt/2 (M - 1)) on the probabilities by its series, equation (31)."""
    term[:] = pi
    for n in range(1, TERMS_OF_SERIES + 1):
        for k in range(4):
            moved[k] = 0.0
            for i in range(4):
                moved[k] += term[i] * c.moves[i, k]
        for k in range(4):
            term[k] = (moved[k] - term[k]) * (q.decisions / n)
            pi[k] += term[k]


@njit
def decide(q, x, z, terms, o, l, f, E, c):
    """Item 8; ``f`` and ``E`` are scratch."""
    purchases(q, x, terms, o, l, c)
    concerns(q, x, terms, o, l, c)
    utilities(q, x, z, c)
    spread(q, z.pi, f, E, c)
    c.barred = barred(q, z.pi)
    spread(q, z.pi, f, E, c)


# --- item 9: the market ---------------------------------------------------------------------------------------------


@njit
def price_offer(q, c, j):
    """One offer's price against its rivals of this pass, its attraction and shares."""
    j.price = j.n_star = 0.0
    for k in range(4):
        j.a[k] = j.share[k] = 0.0
    if j.used == 1.0:
        j.ln_star = max(monopoly_price(q, j.lnc, j.E, j.R, c.b, j.ln_star, CLOSE), j.ln_low)
        j.price, y = math.exp(j.ln_star), math.exp(-q.beta * j.ln_star)
        for k in range(4):
            j.a[k] = j.E[k] * y
            j.share[k] = j.a[k] / (j.a[k] + j.R[k])
        j.n_star = chips_bought(q.beta, j.E, j.R, c.b, j.ln_star)


@njit
def masses(c, terms, o, l):
    """Whom licences serve at this pass's price, equation (15)."""
    met = 1.0 - c.barred
    if l.used == 1.0:
        l.reach = min(terms.avail, l.limit * terms.avail / max(met * l.n_star, 1e-300))
        o.reach = 1.0 - l.reach if c.plan == 3 else o.reach
    o.mass, l.mass = met * o.reach, met * l.reach


@njit
def ration_domestic(q, x, o, l, c):
    """Smuggled beside lawful chips (33), domestic rationing (34); shares of this pass."""
    latent, alone, y = 0.0, 1.0 - o.mass - l.mass, math.exp(-q.beta * c.ln_g)
    for k in range(4):
        c.grey[k] = c.grey_pull[k] * y
        ad = c.a_d[k]
        c.zn[k] = ad / (c.grey[k] + ad + x.a0)
        latent += c.b[k] * alone * c.zn[k]
        for j in (o, l):
            j.g[k] = c.grey[k] * (c.grey[k] * c.grey[k] / (c.grey[k] * c.grey[k] + j.a[k] * j.a[k]))
            j.z[k] = ad / (j.a[k] + j.g[k] + ad + x.a0)
            latent += c.b[k] * j.mass * j.z[k]
    load = latent / (c.list_price * c.supply)
    c.rent = max(1.0, load) ** q.scarcity_exponent
    c.served_share = min(1.0, c.rent / fourth_root(1.0 + load * load * load * load))


@njit
def move_grey(q, x, o, l, c):
    """The exporter's rivals in the next pass, and one Newton step of the grey price (35)."""
    slope, alone, c.wanted = 0.0, 1.0 - o.mass - l.mass, 0.0
    for k in range(4):
        c.zn[k] *= c.served_share
        h = c.grey[k] / (c.grey[k] + x.a0)
        e = alone * c.b[k] * (1.0 - c.zn[k]) * h
        c.e_g[k] = e
        slope += e * (1.0 - h)
        for j in (o, l):
            j.z[k] *= c.served_share
            whole = j.a[k] + j.g[k] + x.a0
            h = j.g[k] / whole
            e = j.mass * c.b[k] * (1.0 - j.z[k]) * h
            j.R[k] = j.g[k] + x.a0 + whole * j.z[k] / (1.0 - j.z[k])
            c.e_g[k] += e
            slope += e * (1.0 - h) * (3.0 - 2.0 * j.g[k] / c.grey[k])
        c.wanted += c.e_g[k]
    eps = q.grey_elasticity
    excess = math.log(c.wanted) - c.ln_g - math.log(c.grey_supply) - eps * (c.ln_g - x.ln_price)
    c.ln_g += excess / (1.0 + eps + q.beta * slope / c.wanted)


@njit
def clear_market(q, x, home, terms, o, l, c):
    """Item 9: four passes, then units, prices and spending of everybody."""
    leaks = q.leak_b * home.q_b + q.leak_a * home.n_a * home.v_a
    c.grey_supply, c.ln_g = max((x.grey + leaks) * c.enf / x.front_vc, 1e-12), x.ln_price + 0.2
    for k in range(4):
        o.R[k] = l.R[k] = terms.R[k]
    for _ in range(PASSES):
        price_offer(q, c, o)
        price_offer(q, c, l)
        masses(c, terms, o, l)
        ration_domestic(q, x, o, l, c)
        move_grey(q, x, o, l, c)
    settle_market(q, x, o, l, c)


@njit
def settle_market(q, x, o, l, c):
    """Equation (36); withdrawals."""
    c.p_g, c.grey_flow = math.exp(c.ln_g), math.exp(q.grey_elasticity * (c.ln_g - x.ln_price))
    c.n_g, c.rev_d = c.grey_supply * c.grey_flow, 0.0
    for k in range(4):
        c.e_g[k] *= c.n_g * c.p_g / c.wanted
        c.e_d[k] = c.b[k] * (l.mass * l.z[k] + o.mass * o.z[k] + (1.0 - l.mass - o.mass) * c.zn[k])
        c.rev_d += c.e_d[k]
    chips = c.rev_d / (c.list_price * c.rent)
    trim = c.supply / chips if chips > c.supply else 1.0
    c.n_d, c.rev_d = chips * trim, c.rev_d * trim
    for j in (o, l):
        j.units = j.mass * j.n_star
        earned = j.units * (j.price * j.net - j.cost * (1.0 + j.diverts)) if j.used == 1.0 else 0.0
        if not (j.units > 0.0 and earned > q.nre * j.cut):
            j.units = j.mass = 0.0
    for k in range(4):
        c.e_d[k] *= trim
        c.e_e[k] = c.b[k] * (l.mass * l.share[k] + o.mass * o.share[k])


# --- items 10 to 13 -------------------------------------------------------------------------------------------------


@njit
def serve(q, x, o, l, c):
    """How C is served (37), its share of the gain from trade (38), and domestic research (41)."""
    gain = 0.0
    for k in range(4):
        none = c.served_share * c.a_d[k] + x.a0
        ln_with, ln_free = math.log1p((o.mass * o.a[k] + l.mass * l.a[k]) / none), math.log1p(c.free[k] / none)
        c.access[k] = min(ln_with / ln_free, 1.0)
        gain += q.omega_c[k] * (ln_with - ln_free)
    c.served = min(1.0, math.exp(gain * q.r_beta))
    c.research = (q.rd_share * c.rev_d + q.rd_state) * (1.0 + q.rd_denial * (1.0 - c.belief_mean))


@njit
def compare_stocks(q, z):
    """lambda of equation (45)."""
    for k in range(4):
        own = z.KE[k] + z.KG[k] + z.KD[k] + q.remote_share * z.KB[k]
        z.lead_before[k] = z.ln_lead[k]
        z.ln_lead[k] = math.log(max(z.KA[k], 1e-9) / max(own, 1e-9)) - z.ln_efficiency


@njit
def purchase(q, x, z, home, dt, o, l, c):
    """Items 10 and 12: displacement, stocks, power, induced efficiency."""
    keep, gain, flow, value, draw = q.keep, q.gain, 0.0, 0.0, c.n_g
    for j in (o, l):
        if j.units > 0.0:
            flow += j.units * j.diverts * j.cost / x.price
            value += j.units * j.v
            draw += j.units * math.sqrt(j.F / x.front_F)
    c.displaced, c.value_sold, c.spending = min(home.n_a, flow), value * dt, 0.0
    c.kept_a = max(home.n_a - c.displaced, 0.0)
    z.XE, z.XG, z.XD = keep * z.XE + gain * value, keep * z.XG + gain * c.n_g * x.front_vc, keep * z.XD
    z.XD += gain * c.n_d * c.v_d
    drawn = x.watts * draw + c.n_d * c.watts_d
    z.power = keep * z.power + gain * drawn
    z.ln_efficiency += q.efficiency_response * (1.0 - c.served) * dt
    leak = min(1.0, q.leak_b * c.enf * c.grey_flow)
    for k in range(4):
        bought = (o.units * o.f[k] if o.units > 0.0 else 0.0) + (l.units * l.f[k] if l.units > 0.0 else 0.0)
        z.KA[k] = keep * z.KA[k] + gain * x.curvature * c.kept_a * home.f_a[k]
        z.KB[k] = keep * z.KB[k] + gain * x.curvature * home.f_b[k] * (1.0 - leak)
        z.KE[k] = keep * z.KE[k] + gain * bought
        z.KG[k] = keep * z.KG[k] + gain * c.n_g * x.front_f[k]
        z.KD[k] = keep * z.KD[k] + gain * c.n_d * c.f_d[k]
        c.spending += c.e_e[k] + c.e_g[k] + c.e_d[k]
    z.watts = drawn / c.spending if c.spending > 0.0 else z.watts
    compare_stocks(q, z)


@njit
def advance(q, x, z, dt, c):
    """Targets by (38) to (40), states by (4), growth by (42) and (43), what item 13 leaves."""
    for k in range(4):
        target = clip(c.access[k], 0.0, 1.0)
        z.belief_before[k], z.belief_target[k] = z.belief_target[k], target
        z.belief[k] = target + (z.belief[k] - target) * q.left_belief
    foreign = (c.spending - c.rev_d) / max(c.spending, 1e-300)
    target = (1.0 - q.belief_weight) * foreign + q.belief_weight * c.belief_mean
    z.L_before, z.L_target, z.L = z.L_target, target, target + (z.L - target) * q.left_L
    target = c.served**q.budget_exponent
    z.E_before, z.E_target, z.E = z.E_target, target, target + (z.E - target) * q.left_E
    z.grey, z.premium = c.n_g, clip(c.p_g / x.price, 1.0, 3.0)
    z.W += z.dW * dt
    z.Q += z.ai_wafers * dt
    z.H = stacks_after(q, z.H, c.grown * c.grown)
    z.Z += c.n_d * dt
    rate = q.domestic_growth_rd * c.research / (c.research + q.rd_half)
    z.die_step, z.stack_step = (1.0 + q.die_growth + rate) ** (0.5 * dt), (1.0 + q.stack_growth + rate) ** (0.5 * dt)
    die = z.die_step * z.die_step
    z.F, z.M = min(z.F * die, x.next_F), min(z.M * z.stack_step * z.stack_step, x.next_M)
    z.I = min(z.I * die, x.next_I)


@njit
def step_c(q, x, chips, home, g, z, dt, exponent, terms, f, E, o, l, c):
    """Section 8 up to the purchases."""
    domestic(q, x, z, g, dt, exponent, f, c)
    open_market(q, x, z, home, terms, c)
    set_terms(q, x, g, dt, home.n_a, home.n_b, terms)
    c.plan, c.flows = find_offers(q, x, chips, g, terms, exponent, f, E, o, l)
    decide(q, x, z, terms, o, l, f, E, c)
    clear_market(q, x, home, terms, o, l, c)
    serve(q, x, o, l, c)
    c.gross, c.take, c.design = book(q, terms, o, l)
    purchase(q, x, z, home, dt, o, l, c)
