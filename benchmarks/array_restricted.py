"""The market of group C in one step, and what follows from it, in array form: docs/model.md section 8, items 9 to 13.

One policy throughout: nothing is pulled forward, nothing written down.
"""

from __future__ import annotations

from typing import Any

from array_domestic import grow_domestic
from array_market import Arrays, monopoly_price, sales, sold, spent, total

PASSES = 4


def log1p(be: Any, x: Any) -> Any:
    """ln(1 + x) for x >= 0: W. Kahan's correction of ln(fl(1 + x))."""
    u = 1.0 + x
    rounded = u - 1.0
    on = rounded > 0.0
    return be.xp.where(on, be.log(u) * (x / be.xp.where(on, rounded, 1.0)), x)


def price_offer(be: Any, q: Arrays, b: Any, j: Arrays, on: Any, state: Arrays) -> Arrays:
    """One offer's price against its rivals of this pass, and its attraction and share by workload."""
    xp = be.xp

    def priced(state: Arrays) -> Arrays:
        G = xp.where(on, j["E"] / state["R"], 1.0)
        lnc, ln_p = xp.where(on, j["lnc"], 0.0), xp.where(on, state["ln_p"], 1.0)
        ln_p = monopoly_price(be, q, lnc, G, b, ln_p, on)
        ln_p = xp.where(on, xp.maximum(ln_p, j["ln_low"]), ln_p)
        y = xp.exp(-q["beta"] * ln_p)
        pull = G * y
        n = spent(be, q, G, b, ln_p) / xp.exp(ln_p)
        new = {"ln_p": ln_p, "a": j["E"] * y, "s": pull / (1.0 + pull), "n": n}
        return {**state, **{name: xp.where(on, value, state[name]) for name, value in new.items()}}

    return be.when(on.any(), priced, state)


def masses(be: Any, q: Arrays, c: Arrays, l: Arrays, plan: Arrays, avail: Any, s: Arrays) -> Arrays:
    """Whom licences serve at this pass's price, equation (15), and the share of spending each offer meets."""
    xp = be.xp
    met = 1.0 - c["barred"]
    stretch = xp.minimum(avail, l["limit"] * avail / xp.maximum(met * s["l"]["n"], 1e-300))
    reach_l = xp.where(plan["in_l"], stretch, 0.0)
    reach_o = xp.where(plan["shared"], 1.0 - stretch, plan["reach_o"])
    o, l = {**s["o"], "mass": met * reach_o}, {**s["l"], "mass": met * reach_l}
    return {**s, "o": o, "l": l}


def served_domestically(be: Any, q: Arrays, x: Arrays, c: Arrays, s: Arrays, grey: Any) -> tuple[Any, Arrays]:
    """Smuggled beside lawful chips (33), and domestic rationing (34): masses, g_j and D's shares."""
    xp, a0, ad, found = be.xp, x["a0"], c["a_d"], {}
    square = grey * grey
    mass = {"o": s["o"]["mass"], "l": s["l"]["mass"]}
    mass["n"] = 1.0 - mass["l"] - mass["o"]
    for k in "ol":
        found[f"rel_{k}"] = square / (square + s[k]["a"] * s[k]["a"])
        found[f"g_{k}"] = grey * found[f"rel_{k}"]
        found[f"z_{k}"] = ad / (s[k]["a"] + found[f"g_{k}"] + ad + a0)
    found["z_n"] = ad / (grey + ad + a0)
    latent = total(c["b"] * sum(mass[k] * found[f"z_{k}"] for k in "lon"))
    load = latent / (c["list_price"] * c["supply"])
    found["rent"] = be.power(xp.maximum(1.0, load), q["scarcity_exponent"])
    load = load * load
    found["share"] = xp.minimum(1.0, 1.0 / xp.sqrt(xp.sqrt(1.0 + load * load)) * found["rent"])
    return mass, found


def ration(be: Any, q: Arrays, x: Arrays, c: Arrays, s: Arrays) -> Arrays:
    """Rationing, the exporter's rivals in the next pass, and one Newton step of the grey price (35)."""
    a0, b = x["a0"], c["b"]
    grey = c["grey_pull"] * be.exp(-q["beta"] * s["ln_g"])
    mass, f = served_domestically(be, q, x, c, s, grey)
    zn, h = f["share"] * f["z_n"], grey / (grey + a0)
    demand = mass["n"] * b * (1.0 - zn) * h
    slope, new = demand * (1.0 - h), {}
    for k in "ol":
        z, g = f["share"] * f[f"z_{k}"], f[f"g_{k}"]
        whole = s[k]["a"] + g + a0
        h = g / whole
        e = mass[k] * b * (1.0 - z) * h
        demand, slope = demand + e, slope + e * (1.0 - h) * (3.0 - 2.0 * f[f"rel_{k}"])
        new[k] = {**s[k], "z": z, "R": g + a0 + whole * z / (1.0 - z)}
    wanted, eps = total(demand), q["grey_elasticity"]
    excess = be.ln(wanted) - s["ln_g"] - be.ln(c["grey_supply"]) - eps * (s["ln_g"] - x["ln_price"])
    ln_g = s["ln_g"] + excess / (1.0 + eps + q["beta"] * (total(slope) / wanted))
    return {**s, **new, "ln_g": ln_g, "rent": f["rent"], "share": f["share"], "z_n": zn, "e": demand, "wanted": wanted}


def clear_market(be: Any, q: Arrays, x: Arrays, c: Arrays, home: Arrays, o: Arrays, l: Arrays, plan: Arrays,
                 avail: Any) -> Arrays:  # fmt: skip
    """Item 9: four passes, then units, prices and spending of everybody."""
    xp, like = be.xp, 0.0 * c["barred"]
    leaks = q["leak_b"] * home["q_b"] + q["leak_a"] * home["n_a"] * home["v_a"]
    supply = xp.maximum((x["grey"] + leaks) * c["enf"] / x["front_vc"], 1e-12)
    c = c | {"grey_supply": supply}
    four = 0.0 * c["b"]
    start = {k: {"ln_p": j["ln_star"], "R": c["rivals"], "a": four, "s": four, "z": four, "n": like, "mass": like}
             for k, j in (("o", o), ("l", l))}  # fmt: skip
    state = start | dict.fromkeys(("rent", "share", "wanted"), like) | {"z_n": four, "e": four}

    def once(s: Arrays) -> Arrays:
        s = {**s, "o": price_offer(be, q, c["b"], o, plan["in_o"], s["o"])}
        s = {**s, "l": price_offer(be, q, c["b"], l, plan["in_l"], s["l"])}
        return ration(be, q, x, c, masses(be, q, c, l, plan, avail, s))

    return settle(be, q, x, c, o, l, be.repeat(PASSES, once, state | {"ln_g": like + x["ln_price"] + 0.2}))


def settle(be: Any, q: Arrays, x: Arrays, c: Arrays, o: Arrays, l: Arrays, s: Arrays) -> Arrays:
    """Chips, prices and spending after the last pass, equation (36); withdrawals."""
    xp = be.xp
    price_g, flow = xp.exp(s["ln_g"]), be.exp(q["grey_elasticity"] * (s["ln_g"] - x["ln_price"]))
    n_g = c["grey_supply"] * flow
    m_o, m_l = s["o"]["mass"], s["l"]["mass"]
    spent_d = c["b"] * (m_l * s["l"]["z"] + m_o * s["o"]["z"] + (1.0 - m_l - m_o) * s["z_n"])
    revenue, price_d = total(spent_d), c["list_price"] * s["rent"]
    chips = revenue / price_d
    trim = xp.where(chips > c["supply"], c["supply"] / chips, 1.0)
    found = {"p_g": price_g, "grey_flow": flow, "n_g": n_g, "e_g": n_g * price_g / s["wanted"] * s["e"]}
    found |= {"e_d": spent_d * trim, "n_d": chips * trim, "rev_d": revenue * trim, "share_d": s["share"]}
    offers, spent_e = {}, 0.0
    for name, j in (("o", o), ("l", l)):
        price, units = xp.exp(s[name]["ln_p"]), s[name]["mass"] * s[name]["n"]
        earned = units * (price * j["net"] - j["cost"] * (1.0 + j["diverts"]))
        pays = (units > 0.0) & (earned > xp.where(j["cut"], q["nre"], 0.0))
        mass = xp.where(pays, s[name]["mass"], 0.0)
        offers[name] = j | {"price": price, "units": xp.where(pays, units, 0.0), "mass": mass, "a": s[name]["a"]}
        spent_e = spent_e + c["b"] * (mass * s[name]["s"])
    return found | {"e_e": spent_e, "offers": (offers["o"], offers["l"])}


def serve(be: Any, q: Arrays, x: Arrays, c: Arrays) -> Arrays:
    """How C is served (37), its share of the gain from trade (38), and domestic research (41)."""
    xp, omega = be.xp, q["omega_c"][:, None]
    none = c["share_d"] * c["a_d"] + x["a0"]
    lawful = sum(j["mass"] * j["a"] for j in c["offers"])
    ln_with, ln_free = log1p(be, lawful / none), log1p(be, c["free"] / none)
    served = xp.minimum(1.0, be.exp(total(omega * (ln_with - ln_free)) * q["r_beta"]))
    own = q["rd_share"] * c["rev_d"] + q["rd_state"]
    research = own * (1.0 + q["rd_denial"] * (1.0 - c["belief_mean"]))
    return {"access": xp.minimum(ln_with / ln_free, 1.0), "served": served, "research": research}


def displace(be: Any, x: Arrays, c: Arrays, home: Arrays) -> Arrays:
    """Frontier chips of A that sales to C displace: item 10."""
    xp = be.xp
    load = [{"units": j["units"], "load": j["diverts"] * j["cost"] / x["price"]} for j in c["offers"]]
    displaced = xp.minimum(home["n_a"], sold(be, (load[0], load[1]), "load"))
    return {"displaced": displaced, "kept_a": xp.maximum(home["n_a"] - displaced, 0.0)}


def lead(be: Any, q: Arrays, z: Arrays) -> Any:
    """lambda of equation (45)."""
    own = z["KE"] + z["KG"] + z["KD"] + q["remote_share"] * z["KB"]
    return be.ln(be.xp.maximum(z["KA"], 1e-9) / be.xp.maximum(own, 1e-9)) - z["ln_efficiency"]


def purchase(be: Any, q: Arrays, x: Arrays, z: Arrays, c: Arrays, home: Arrays, dt: float) -> Arrays:
    """Purchases into stocks by equation (2), power, and induced efficiency: item 12."""
    xp, keep, gain, offers = be.xp, q["keep"], q["gain"], c["offers"]
    f = sum(xp.where(j["units"] > 0.0, j["units"] * j["f"], 0.0) for j in offers)
    leak = xp.minimum(1.0, q["leak_b"] * c["enf"] * c["grey_flow"])
    curvature = x["curvature"]
    flows = {"KA": curvature * c["kept_a"] * home["f_a"], "KB": curvature * home["f_b"] * (1.0 - leak), "KE": f}
    flows |= {"KG": c["n_g"] * x["front_f"][:, None], "KD": c["n_d"] * c["f_d"], "XE": sold(be, offers, "v")}
    flows |= {"XG": c["n_g"] * x["front_vc"], "XD": c["n_d"] * c["v_d"]}
    draw = sum(xp.where(j["units"] > 0.0, j["units"] * xp.sqrt(j["F"] / x["front_F"]), 0.0) for j in offers)
    flows["power"] = x["watts"] * (draw + c["n_g"]) + c["n_d"] * c["watts_d"]
    after = {name: keep * z[name] + gain * flow for name, flow in flows.items()}
    spending = total(c["e_e"] + c["e_g"] + c["e_d"])
    watts = xp.where(spending > 0.0, flows["power"] / xp.where(spending > 0.0, spending, 1.0), c["watts"])
    efficiency = z["ln_efficiency"] + q["efficiency_response"] * (1.0 - c["served"]) * dt
    after |= {"watts": watts, "ration": c["ration"], "ln_efficiency": efficiency}
    after["ln_lead"] = lead(be, q, after)
    return {"spending": spending, "value_sold": flows["XE"] * dt, "stocks": after}


def towards(z: Arrays, name: str, target: Any, left: Any) -> Arrays:
    """A state, its target and the one before, after a step: equation (4)."""
    moved = target + (z[name] - target) * left
    return {name: moved, f"{name}_target": target, f"{name}_before": z[f"{name}_target"]}


def advance(be: Any, q: Arrays, x: Arrays, z: Arrays, c: Arrays, dt: float) -> Arrays:
    """Targets by (38) to (40), the states that follow them by (4), and what item 13 leaves."""
    xp = be.xp
    foreign = (c["spending"] - c["rev_d"]) / xp.maximum(c["spending"], 1e-300)
    lock_in = (1.0 - q["belief_weight"]) * foreign + q["belief_weight"] * c["belief_mean"]
    after = towards(z, "belief", xp.clip(c["access"], 0.0, 1.0), q["left_belief"])
    after |= towards(z, "L", lock_in, q["left_L"])
    after |= towards(z, "E", be.power(c["served"], q["budget_exponent"]), q["left_E"])
    after |= grow_domestic(be, q, x, z, c, dt) | c["stores"] | c["stocks"]
    return after | {"grey": c["n_g"], "premium": xp.clip(c["p_g"] / x["price"], 1.0, 3.0), "pi": c["pi"]}


def after_market(be: Any, q: Arrays, x: Arrays, z: Arrays, c: Arrays, home: Arrays, group: Arrays, dt: float) -> Any:
    """Items 10 to 13: the step's flows, and the next state."""
    c = c | serve(be, q, x, c) | displace(be, x, c, home) | sales(be, q, group, q["tariff"], *c["offers"])
    c = c | purchase(be, q, x, z, c, home, dt)
    return c, advance(be, q, x, z, c, dt)
