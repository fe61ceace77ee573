"""The whole payoff model (docs/model.md) as array code over policies x scenarios: one source for NumPy and JAX.

The usual way to write such a model, in its best form, as a peer for the kernels: what depends on the scenario alone
is tabulated before any policy (`array_scenario`), groups A and B are computed once for every distinct rule of theirs,
policies are sorted so that those with the same boxes share a block, NumPy works in place on blocks that stay in the
cache and skips what no element of a block needs, JAX compiles one block with its loops (scan over steps and designs,
not unrolled). Absolute readings and one policy throughout; lags, shares and schedules are refused.

    model = ArrayModel(params, horizon, catalogue)              # or backend=jax_backend()
    model.outcomes(levers)                                      # [n_policies, n_outcomes, n_scenarios]
"""

from __future__ import annotations

from typing import Any

import numpy as np
from array_backend import NumpyBackend
from array_market import (
    Arrays,
    best_index,
    book,
    chips_sold,
    clearing_price,
    find_offers,
    index,
    monopoly_price,
    perform,
    shares,
    terms,
    tightening,
    total,
)
from array_scenario import ORDER, constants, groups_of, paths, similar

from tiercap.kernels.params import LEVERS, OUTCOMES

PASSES = 4
#: Workloads of the array form and of the outcomes' names.
PLACES = dict(zip(ORDER, range(4), strict=True))


# --- groups A and B: sections 6 and 7 -------------------------------------------------------------------------------


def buy_a(be: Any, q: Arrays, x: Arrays, group: Arrays, y: Any, like: Any, exponent: int) -> Arrays:
    """Section 6: purchases of A, terms ignored."""
    value, f = best_index(be, q, x, group, y, q["omega_a"], like, exponent, "free_")
    chips = be.xp.where(value > 0.0, x["demand_a"] / x["front_va"], 0.0)
    return {"n_a": chips, "q_a": chips * value, "f_a": chips * f}


def sell_b(be: Any, q: Arrays, x: Arrays, group: Arrays, home: Arrays, pulled: Any, dt: float, exponent: int) -> Arrays:
    """Section 7: B's market in one step; ``pulled`` is what was pulled forward out of this step's budget."""
    xp, y = be.xp, x["t"] * dt
    omega = q["omega_a"]
    B = omega[:, None] * (x["budget_b"] * dt - pulled)
    market = {"B": B, "R": x["a0"], "omega": omega[:, None], "ln_A": q["ln_att_e"], "net": 1.0, "like": home["n_a"]}
    market |= terms(be, q, group, x["t"], dt, home["n_a"], 0.0)
    o, l, plan, now = find_offers(be, q, x, group, y, market, exponent)
    h = tightening(be, q, x, group, y, dt, omega, now, exponent)
    limited = xp.where(plan["b"], xp.minimum(l["n_star"], l["limit"]), l["n_star"])
    o["units"], l["units"] = plan["reach_o"] * o["n_star"], plan["reach_l"] * limited
    o["price"] = xp.where(plan["reach_o"] > 0.0, xp.exp(o["ln_star"]), 0.0)
    ln_l = xp.where(plan["b"], l["ln_clear"], l["ln_star"])
    l["price"] = xp.where(plan["reach_l"] > 0.0, xp.exp(ln_l), 0.0)
    o["reach"], l["reach"] = plan["reach_o"], plan["reach_l"]
    money = book(be, q, group, o, l, h, market["avail"], x["budget_b_next"], 1.0, dt)
    u_o, u_l = money["units_o"], money["units_l"]
    sold = {"n_b": u_o + u_l, "q_b": u_o * o["v"] + u_l * l["v"], "f_b": u_o * o["f"] + u_l * l["f"]}
    return sold | {f"{name}_b": money[name] for name in ("gross", "net", "take", "pulled")}


def allied_run(be: Any, scan: Any, q: Arrays, x: Arrays, groups: Arrays, like: Any, dt: float, exponent: int) -> Arrays:
    """A and B over all steps, the step's axis first."""

    def step(pulled: Any, x: Arrays) -> tuple[Any, Arrays]:
        home = buy_a(be, q, x, groups["a"], x["t"] * dt, like, exponent)
        home |= sell_b(be, q, x, groups["b"], home, pulled, dt, exponent)
        return home.pop("pulled_b"), home

    return scan(step, like, x)[1]


# --- group C in one step: section 8 ---------------------------------------------------------------------------------


def domestic_chip(be: Any, q: Arrays, x: Arrays, z: Arrays, exponent: int) -> Arrays:
    """Item 1: performance with its software, index, cost by equation (10), attraction."""
    f, _ = perform(be, q, x["ln_rho"], z["F"], z["M"], z["I"], exponent)
    f = f * x["soft"][:, None]
    price = wright_cost(be, q, z["Z"]) * q["mark"]
    tilt = q["network_effect"] * (z["L"] - 0.5)
    ln_a = be.ln(f)
    ln_a -= be.ln(price)
    ln_a *= q["beta"]
    ln_a += q["ln_att_d"] - tilt
    own = {"f_d": f, "v_d": index(be, f, q["omega_c"][:, None]), "p_d0": price, "a_d": be.exp(ln_a)}
    return own | {"ln_A": q["ln_att_e"] + tilt}


def wright_cost(be: Any, q: Arrays, output: Any) -> Any:
    """Equation (10)."""
    return q["domestic_cost"] * (q["cost_floor"] + (1.0 - q["cost_floor"]) * be.power(output * q["r_z0"], q["learn"]))


def grey_market(be: Any, q: Arrays, x: Arrays, c: Arrays, home: Arrays, plan: Arrays) -> Arrays:
    """Item 4: denial, supply by equation (11), price under the ceiling, spending."""
    xp = be.xp
    denial = xp.where(plan["any"], 1.0 - xp.minimum(1.0, plan["v_e"] / x["front_vc"]), 1.0)
    flow = q["grey_floor"] + (1.0 - q["grey_floor"]) * denial
    supply = (x["grey"] + q["leak_b"] * home["q_b"] + q["leak_a"] * home["q_a"]) * q["enf"] * flow / x["front_vc"]
    supply = xp.where(q["attraction_g"] > 0.0, supply, 0.0)
    E = x["front_f_beta"][:, None] * xp.exp(c["ln_A"] + q["ln_att_g"])
    G, B = E / c["R0"], c["b0"]
    ceiling = be.ln(q["outside_price"] * x["price"] * x["front_vc"]) + 0.0 * supply
    demand = chips_sold(be, q, G, B, ceiling)
    on = supply > demand
    ln_n = be.ln(xp.where(on, supply, demand))

    def clear(ln_p: Any) -> Any:
        return clearing_price(be, q, G, B, ln_n, ln_p, on)

    # Demand falls at least as fast as 1/price: this price sells at least the supply.
    ln_p = be.when(on.any(), clear, ceiling - (ln_n - be.ln(demand)))
    ln_p = xp.where(on, ln_p, ceiling)
    price, most = xp.exp(ln_p), q["grey_budget_cap"] * c["budget"]
    capped = supply * price > most
    chips = xp.where(capped, most / price, supply)
    g = G * xp.exp(-q["beta"] * ln_p)
    g = B * (g / (g + 1.0))
    spent = g * (chips * price / total(g))
    bought = xp.where(supply > 0.0, chips / xp.where(supply > 0.0, supply, 1.0), 1.0)
    grey = {"denial": denial, "flow": flow, "n_g": chips, "p_g": price, "capped": 1.0 * capped, "bought": bought}
    return grey | {"e_g": spent, "b": B - spent}


def price_offer(be: Any, q: Arrays, j: Arrays, b: Any, reachable: Any, alone: Any) -> Arrays:
    """One offer against its rivals of this pass; under plan b its quota."""
    xp = be.xp
    on = j["reach"] > 0.0

    def reprice(j: Arrays) -> Arrays:
        G = j["E"] / j["R"]
        ln_star = monopoly_price(be, q, j["lnc"], G, b, j["ln_star"], on)
        per_buyer, wanted = j["limit"] / reachable, chips_sold(be, q, G, b, ln_star)
        over = on & alone & (wanted > per_buyer)
        ln_n = be.ln(xp.where(over, per_buyer, wanted))

        def clear(ln_p: Any) -> Any:
            return clearing_price(be, q, G, b, ln_n, ln_p, over)

        ln_p = xp.where(over, be.when(over.any(), clear, ln_star + 0.0), ln_star)
        a, s = shares(be, q, j["E"], j["R"], ln_p)
        price = xp.exp(ln_p)
        n_star = total(b * s) / price
        new = {"ln_star": ln_star, "price": price, "n_star": n_star, "a": a, "share": s}
        return {**j, **{name: xp.where(on, value, 0.0) for name, value in new.items()}}

    return be.when(on.any(), reprice, j)


def ration(be: Any, q: Arrays, x: Arrays, z: Arrays, c: Arrays, o: Arrays, l: Arrays, plan: Arrays, avail: Any,
           dt: float) -> tuple[Arrays, Arrays, Arrays]:  # fmt: skip
    """Item 5: four passes of prices and rationing by equation (12), then units and spending."""
    xp, b, a0, a_d = be.xp, c["b"], x["a0"], c["a_d"]
    reachable, r_supply = 1.0 - z["r"], 1.0 / (c["p_d0"] * z["S"] * dt)
    s_none = a_d / (a_d + a0)

    def one_pass(state: tuple[Arrays, Arrays, Arrays]) -> tuple[Arrays, Arrays, Arrays]:
        o, l, _ = state
        o = price_offer(be, q, o, b, reachable, plan["b"])
        l = price_offer(be, q, l, b, reachable, plan["b"])
        wanted = xp.where(plan["c"], reachable * l["n_star"], 1.0)
        phi = xp.minimum(avail, l["limit"] * avail / wanted)
        l["reach"] = xp.where(plan["c"], phi, l["reach"])
        o["reach"] = xp.where(plan["c"], 1.0 - phi, o["reach"])
        m_o, m_l = reachable * o["reach"], reachable * l["reach"]
        whole_o, whole_l = o["a"] + a0, l["a"] + a0
        s_o, s_l = a_d / (whole_o + a_d), a_d / (whole_l + a_d)
        met = m_l * s_l
        met += m_o * s_o
        met += (1.0 - m_l - m_o) * s_none
        met *= b
        latent = total(met)
        ratio = latent * r_supply
        rent = be.power(xp.maximum(1.0, ratio), q["scarcity_exponent"])
        square = ratio * ratio
        served = xp.minimum(1.0, rent / xp.sqrt(xp.sqrt(1.0 + square * square)))
        s_o *= served
        s_l *= served
        o["R"], l["R"] = a0 + whole_o * s_o / (1.0 - s_o), a0 + whole_l * s_l / (1.0 - s_l)
        return o, l, {"m_o": m_o, "m_l": m_l, "spent": met * served, "p_d": c["p_d0"] * rent}

    like = 0.0 * z["r"]
    nothing = {"m_o": like, "m_l": like, "spent": 0.0 * b, "p_d": like}
    for j in (o, l):
        j |= {"R": c["R0"] + 0.0, "a": 0.0 * b, "share": 0.0 * b, "price": like}
        j["n_star"] = xp.where(j["reach"] > 0.0, j["n_star"], 0.0)
    o, l, d = be.repeat(PASSES, one_pass, (o, l, nothing))
    o["units"], l["units"] = d["m_o"] * o["n_star"], d["m_l"] * l["n_star"]
    revenue = total(d["spent"])
    chips = revenue / d["p_d"]
    trim = xp.where(chips > z["S"] * dt, z["S"] * dt / chips, 1.0)
    d["e_e"] = b * (d["m_l"] * l["share"] + d["m_o"] * o["share"])
    d |= {"n_d": chips * trim, "rev_d": revenue * trim, "e_d": d.pop("spent") * trim}
    return o, l, d


def elastic_factor(be: Any, q: Arrays, x: Arrays, c: Arrays, o: Arrays, l: Arrays) -> Any:
    """Equation (17), the factor on the next step's budget."""
    xp = be.xp

    def factor(_: Any) -> Any:
        drawn = o["reach"] * o["a"] + l["reach"] * l["a"] + c["a_d"] + x["a0"]
        ln_over = -total(q["omega_c"][:, None] * be.ln(drawn)) * q["r_beta"] - be.ln(x["price"])
        return xp.clip(xp.exp(q["elastic"] * ln_over), 0.2, 5.0)

    return be.when((q["elastic"] != 0.0).any(), factor, xp.ones_like(o["units"]))


def purchase(be: Any, q: Arrays, x: Arrays, z: Arrays, c: Arrays, home: Arrays, o: Arrays, l: Arrays,
             diverts: Any) -> Arrays:  # fmt: skip
    """Items 7 and 8: displacement, stocks, gaps; equations (14) and (15)."""
    xp, keep, u_o, u_l = be.xp, q["decay"], c["units_o"], c["units_l"]
    q_o, q_l = u_o * o["v"], u_l * l["v"]
    displaced = xp.minimum(home["q_a"], q["displacement"] * (q_o + diverts * q_l))
    some = home["q_a"] > 0.0
    stays_a = xp.where(some, 1.0 - displaced / xp.where(some, home["q_a"], 1.0), 1.0)
    stays_b = 1.0 - xp.minimum(1.0, q["leak_b"] * q["enf"] * c["flow"] * c["bought"])
    s = {"KE": keep * z["KE"] + (u_o * o["f"] + u_l * l["f"])}
    s["KG"] = keep * z["KG"] + c["n_g"] * x["front_f"][:, None]
    s["KD"] = keep * z["KD"] + c["n_d"] * c["f_d"]
    s["KB"] = keep * z["KB"] + home["f_b"] * stays_b
    s["KA"] = keep * z["KA"] + home["f_a"] * stays_a
    s |= {"XE": keep * z["XE"] + q_o + q_l, "XG": keep * z["XG"] + c["n_g"] * x["front_vc"]}
    s["XD"] = keep * z["XD"] + c["n_d"] * c["v_d"]
    stock_c = xp.maximum(s["KE"] + s["KG"] + s["KD"] + q["remote_share"] * s["KB"], 1e-9)
    stock_a = xp.maximum(s["KA"], 1e-9)
    ln_ratio = be.ln(stock_a / stock_c)
    return {"stocks": s, "displaced": displaced, "stays_a": stays_a, "q_e": q_o + q_l, "ln_ratio": ln_ratio,
            "ratio": stock_c / stock_a}  # fmt: skip


def respond(be: Any, q: Arrays, x: Arrays, z: Arrays, c: Arrays, s: Arrays, plan: Arrays) -> Arrays:
    """Equation (18), and how often the response turned in a row."""
    xp = be.xp
    foreign = s["XE"] + s["XG"]
    ln_v = xp.clip(be.ln(xp.where(plan["any"], plan["v_e"] / c["v_d"], 1.0)), -2.0, 2.0)
    self_made = xp.minimum(2.0, z["S"] * c["p_d0"] / (x["budget_c"] * z["E"]))
    u = q["response_level"] + q["response_dependency"] * (foreign / (foreign + s["XD"]) - 0.5)
    u += q["response_self"] * self_made - q["response_advantage"] * ln_v
    delta = q["r_step"] * (q["response_max"] / (1.0 + xp.exp(-u)) - z["r"])
    turned = (delta * z["delta"] < 0.0) & (xp.abs(delta) > 0.01)
    turns = xp.where(z["turns"] >= 3.0, z["turns"], xp.where(turned, z["turns"] + 1.0, 0.0))
    return {"r": z["r"] + delta, "delta": delta, "turns": turns}


def advance(be: Any, q: Arrays, x: Arrays, z: Arrays, c: Arrays, dt: float) -> Arrays:
    """Item 10 but the response: learning, specs, capacity, lock-in, budget factor."""
    xp = be.xp
    output = z["Z"] + c["n_d"]
    rd = c["research"]
    rate = 1.0 + q["domestic_growth"] + q["domestic_growth_rd"] * rd / (rd + q["rd_half"])
    growth = rate if dt == 1.0 else rate**dt
    foreign = c["q_e"] + c["n_g"] * x["front_vc"]
    mix = foreign / (foreign + c["n_d"] * c["v_d"])
    new = {k: xp.minimum(z[k] * growth, x[f"next_{k.lower()}"]) for k in "FMI"}
    new |= {"Z": xp.where(x["forget"], output * q["remember"], output), "E": c["factor"], "pulled": c["pulled"]}
    new["S"] = z["S"] * q["s_grow"] + q["capacity_investment"] * c["rev_d"]
    return new | {"L": z["L"] + q["l_step"] * (mix - z["L"])}


def step_c(be: Any, q: Arrays, x: Arrays, home: Arrays, group: Arrays, z: Arrays, dt: float, exponent: int) -> Any:
    """Group C in one step: the figures of the step and the next state."""
    y = x["t"] * dt
    c = domestic_chip(be, q, x, z, exponent)
    c["budget"] = x["budget_c"] * dt * z["E"] - z["pulled"]
    c["b0"], c["R0"] = q["omega_c"][:, None] * c["budget"], x["a0"] + c["a_d"]
    market = {"B": (1.0 - z["r"]) * c["b0"], "R": c["R0"], "omega": q["omega_c"][:, None], "ln_A": c["ln_A"]}
    market |= {"net": q["net"], "like": 0.0 * z["r"]} | terms(be, q, group, x["t"], dt, home["n_a"], home["n_b"])
    o, l, plan, now = find_offers(be, q, x, group, y, market, exponent)
    o["reach"], l["reach"] = plan["reach_o"], plan["reach_l"]
    h = tightening(be, q, x, group, y, dt, q["omega_c"], now, exponent)
    c |= grey_market(be, q, x, c, home, plan)
    o, l, sold = ration(be, q, x, z, c, o, l, plan, market["avail"], dt)
    c |= sold
    c["factor"] = elastic_factor(be, q, x, c, o, l)
    c |= book(be, q, group, o, l, h, market["avail"], x["budget_c_next"] * c["factor"], q["net"], dt)
    c |= purchase(be, q, x, z, c, home, o, l, 1.0 - group["no_diversion"])
    c["research"] = (q["rd_share"] * c["rev_d"] / dt + q["rd_state"]) * (1.0 + q["rd_denial"] * c["denial"])
    stocks = c["stocks"]
    return c, advance(be, q, x, z, c, dt) | stocks | respond(be, q, x, z, c, stocks, plan)


# --- outcomes: section 9 --------------------------------------------------------------------------------------------

SUMS = (
    "revenue", "revenue_bc", "substitution", "gross_revenue_a", "gross_revenue_b", "gross_revenue_c", "gap",
    "government_take", "displaced_revenue", "design_cost", "write_downs", "domestic_revenue", "units_a", "units_b",
    "units_open", "units_licensed", "units_grey", "units_domestic", "buyer_access", "grey_premium", "grey_capped",
)  # fmt: skip


def flows(be: Any, q: Arrays, x: Arrays, home: Arrays, z: Arrays, c: Arrays, n: int, dt: float) -> Arrays:
    """What one step adds to the sums over steps."""
    d, price = x["discount"], x["price"]
    gap = total(q["omega_k"][:, None] * (c["ln_ratio"] + q["algo"]))
    lost = price * c["displaced"]
    net = c["net"] - lost
    return {
        "revenue": d * net, "revenue_bc": d * (net + home["net_b"]), "substitution": d * dt * c["research"],
        "gross_revenue_a": d * price * (home["q_a"] - c["displaced"]), "gross_revenue_b": d * home["gross_b"],
        "gross_revenue_c": d * c["gross"], "gap": d * dt * gap, "government_take": d * (c["take"] + home["take_b"]),
        "displaced_revenue": d * lost, "design_cost": d * c["design"], "write_downs": d * c["write_down"],
        "domestic_revenue": d * c["rev_d"], "units_a": home["n_a"] * c["stays_a"], "units_b": home["n_b"],
        "units_open": c["units_o"], "units_licensed": c["units_l"], "units_grey": c["n_g"],
        "units_domestic": c["n_d"], "buyer_access": (1.0 - z["r"]) / n,
        "grey_premium": (c["p_g"] / (price * x["front_vc"]) - 1.0) / n, "grey_capped": c["capped"] / n,
    }  # fmt: skip


def tally(be: Any, q: Arrays, x: Arrays, home: Arrays, z: Arrays, c: Arrays, sums: Arrays, n: int, dt: float) -> Arrays:
    """Sums, maxima and last values after one more step."""
    new = {name: sums[name] + value for name, value in flows(be, q, x, home, z, c, n, dt).items()}
    for name in ("e_e", "e_d", "e_g"):
        new[name], new["last_" + name] = sums[name] + c[name], c[name]
    new["gap_w"] = sums["gap_w"] + x["discount"] * dt * (c["ln_ratio"] + q["algo"])
    ratio = c["ratio"]
    worst = be.xp.maximum(be.xp.maximum(ratio[0], ratio[1]), be.xp.maximum(ratio[2], ratio[3]))
    new["worst"] = be.xp.maximum(sums["worst"], worst)
    return new | {"ln_ratio": c["ln_ratio"], "before": z["KA"], "v_d": c["v_d"]}


def close(be: Any, q: Arrays, z: Arrays, sums: Arrays, n: int, dt: float) -> Any:
    """All outcomes in the order of OUTCOMES, [n_outcomes, P, S]."""
    xp = be.xp
    out = {name: sums[name] for name in SUMS}
    whole = sums["e_e"] + sums["e_d"] + sums["e_g"]
    gap = sums["ln_ratio"] + q["algo"]
    growth = be.ln(xp.maximum(z["KA"], 1e-9) / xp.maximum(sums["before"], 1e-9)) / dt
    lead = xp.clip(sums["ln_ratio"] / xp.maximum(growth, 0.001), -100.0, 100.0) if n > 1 else gap * np.nan
    part = {stem: xp.where(whole > 0.0, sums[e] / xp.where(whole > 0.0, whole, 1.0), 0.0)
            for stem, e in (("import_share", "e_e"), ("domestic_share", "e_d"), ("grey_share", "e_g"))}  # fmt: skip
    part |= {"gap": sums["gap_w"], "terminal_gap": gap, "lead": lead}
    for stem, rows in part.items():
        out |= {f"{stem}_{w}": rows[k] for w, k in PLACES.items()}
    last = total(sums["last_e_e"] + sums["last_e_d"] + sums["last_e_g"])
    share = xp.where(last > 0.0, total(sums["last_e_d"]) / xp.where(last > 0.0, last, 1.0), 0.0)
    out |= {"terminal_gap": total(q["omega_k"][:, None] * gap), "compute_ratio_max": sums["worst"]}
    out |= {"domestic_capacity": z["S"], "domestic_cost": wright_cost(be, q, z["Z"]), "domestic_value": sums["v_d"]}
    out |= {"terminal_domestic_share": share, "terminal_access": 1.0 - z["r"], "lock_in": z["L"]}
    out["oscillation"] = 1.0 * (z["turns"] >= 3.0)
    return xp.stack([out[name] for name in OUTCOMES])


def opening(be: Any, q: Arrays, like: Any) -> tuple[Arrays, Arrays]:
    """State and sums at the start of a run."""
    xp = be.xp
    four = xp.zeros((4, *like.shape))
    start = {"L": "lock_in", "r": "barred_start", "S": "domestic_capacity", "F": "domestic_f", "M": "domestic_m"}
    start |= {"I": "domestic_i", "Z": "domestic_output", "XE": "stock_e", "XG": "stock_g", "XD": "stock_d"}
    z = {name: like + q[source] for name, source in start.items()}
    z |= {f"K{s.upper()}": four + q[f"k_{s}"][:, None] for s in "abegd"}
    z |= {"pulled": like, "E": like + 1.0, "delta": like, "turns": like}
    fours = ("e_e", "e_d", "e_g", "last_e_e", "last_e_d", "last_e_g", "gap_w", "ln_ratio", "before")
    return z, dict.fromkeys((*SUMS, "worst", "v_d"), like) | dict.fromkeys(fours, four)


def restricted_run(be: Any, scan: Any, q: Arrays, x: Arrays, home: Arrays, group: Arrays, like: Any, dt: float,
                   exponent: int) -> Any:  # fmt: skip
    """Group C over all steps: outcomes [n_outcomes, P, S]."""
    n = len(x["t"])

    def step(carry: tuple[Arrays, Arrays], now: tuple[Arrays, Arrays]) -> tuple[tuple[Arrays, Arrays], None]:
        (z, sums), (x, home) = carry, now
        c, after = step_c(be, q, x, home, group, z, dt, exponent)
        return (after, tally(be, q, x, home, z, c, sums, n, dt)), None

    z, sums = scan(step, opening(be, q, like), (x, home))[0]
    return close(be, q, z, sums, n, dt)


# --- blocks of policies ---------------------------------------------------------------------------------------------


def at(tree: Any, k: int) -> Any:
    """Entry k along the first axis of every array."""
    if isinstance(tree, dict):
        return {name: at(value, k) for name, value in tree.items()}
    return tuple(at(part, k) for part in tree) if isinstance(tree, tuple) else tree[k]


def python_scan(step: Any, carry: Any, xs: Any) -> tuple[Any, Any]:
    """A plain loop over steps with the signature of `jax.lax.scan`."""
    rows = []
    first = xs[0] if isinstance(xs, tuple) else xs
    for k in range(len(first["t"])):
        carry, row = step(carry, at(xs, k))
        rows.append(row)
    return carry, None if rows[0] is None else {name: np.stack([row[name] for row in rows]) for name in rows[0]}


class ArrayModel:
    """The model over one set of scenarios, run block of policies by block of policies."""

    def __init__(self, params: np.ndarray, horizon: Any, catalogue: np.ndarray, backend: Any = NumpyBackend,
                 block: int = 0) -> None:  # fmt: skip
        """
        params : PARAMS[n]
        backend : `NumpyBackend` or what `jax_backend` gives
        block : policies a block; by default what was fastest: 16,384 evaluations under NumPy, 256 under JAX
        """
        self.be, self.n, self.exponent = backend, len(params), int(horizon.roofline_exponent)
        self.dt = 1.0 / horizon.steps_per_year
        self.is_numpy = backend.xp is np
        self.block = block or max(1, (16384 if self.is_numpy else 256) // self.n)
        self.q = constants(params, catalogue, horizon)
        self.x = paths(params, catalogue, horizon, self.q)
        self.allied, self.restricted = self._programs()

    def _programs(self) -> tuple[Any, Any]:
        be, dt, exponent = self.be, self.dt, self.exponent
        if self.is_numpy:
            scan = python_scan
        else:
            import jax

            scan = jax.lax.scan
            self.q, self.x = jax.device_put((self.q, self.x))

        def allied(q: Arrays, x: Arrays, groups: Arrays, like: Any) -> Any:
            return allied_run(be, scan, q, x, groups, like, dt, exponent)

        def restricted(q: Arrays, x: Arrays, home: Arrays, group: Arrays, like: Any) -> Any:
            return restricted_run(be, scan, q, x, home, group, like, dt, exponent)

        return (allied, restricted) if self.is_numpy else (jax.jit(allied), jax.jit(restricted))

    def outcomes(self, levers: np.ndarray) -> np.ndarray:
        """All outcomes of each policy in each scenario: float64[n_policies, n_outcomes, n_scenarios]."""
        groups = groups_of(levers)
        with np.errstate(all="ignore"):
            home, kind = self._home(levers, groups)
            out = np.empty((len(levers), len(OUTCOMES), self.n))
            pending = []
            for rows in self._blocks(similar(levers, "c")):
                like = np.zeros((len(rows), self.n))
                here = {name: np.take(value, kind[rows], axis=-2) for name, value in home.items()}
                part = self.restricted(self.q, self.x, here, _rows(groups["c"], rows), like)
                pending.append((rows, part))
                if self.is_numpy:
                    self._collect(out, pending)
            self._collect(out, pending)
        return out

    def _collect(self, out: np.ndarray, pending: list[tuple[np.ndarray, Any]]) -> None:
        """Finished blocks into their places; under JAX blocks run while later ones are sent off."""
        while pending:
            rows, part = pending.pop(0)
            out[rows] = np.moveaxis(np.asarray(part), 0, 1)

    def _home(self, levers: np.ndarray, groups: Arrays) -> tuple[Arrays, np.ndarray]:
        """Groups A and B of every distinct rule of theirs, and which one each policy has.

        Kept outside JAX, where another number of rules would mean compiling anew.
        """
        first, kind = distinct(levers)
        order = similar(levers[first], "ab")
        parts = []
        for rows in self._blocks(order):
            chosen = {g: _rows(groups[g], first[rows]) for g in "ab"}
            parts.append(self.allied(self.q, self.x, chosen, np.zeros((len(rows), self.n))))
        place = np.empty(len(parts) * self.block, np.int64)
        padded = np.concatenate(list(self._blocks(order)))
        place[padded[::-1]] = np.arange(len(padded))[::-1]
        return {name: np.concatenate([p[name] for p in parts], axis=-2) for name in parts[0]}, place[kind]

    def _blocks(self, order: np.ndarray) -> list[np.ndarray]:
        """Rows of each block; JAX wants all of one size, so the last is filled up with its last row."""
        blocks = [order[k : k + self.block] for k in range(0, len(order), self.block)]
        if not self.is_numpy:
            short = self.block - len(blocks[-1])
            blocks[-1] = np.concatenate([blocks[-1], np.repeat(blocks[-1][-1:], short)])
        return blocks


def distinct(levers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The first policy of every distinct pair of A's and B's rules, and the pair of each policy."""
    size = LEVERS.fields["c"][1]
    raw = np.ascontiguousarray(levers[:, 0]).view(np.uint8).reshape(len(levers), -1)[:, :size]
    void = np.ascontiguousarray(raw).view(np.dtype((np.void, size))).ravel()
    _, first, kind = np.unique(void, return_index=True, return_inverse=True)
    return first, kind.ravel()


def _rows(group: Arrays, rows: np.ndarray) -> Arrays:
    return {name: value[..., rows, :] for name, value in group.items()}
