"""Capacity, and what the buyer's government bars, in array form: docs/model.md section 8, items 6 to 8."""

from __future__ import annotations

from typing import Any

from array_domestic import eighth
from array_market import Arrays, total

#: Terms of the series of the exponential in equation (31).
TERMS = 6


def ration(be: Any, q: Arrays, used: Any, flow: Any, last: Any, power: Any) -> Any:
    """Equation (17): the share of purchases that power lets run; ``flow`` is their power, ``last`` the share before."""
    used = q["keep_half"] * used + q["gain_half"] * flow * last
    room = be.xp.maximum((power - used * q["keep_year"]) / q["gain_year"], 0.05 * power)
    ratio = flow / room
    ratio = ratio * ratio
    return 1.0 / be.xp.sqrt(be.xp.sqrt(1.0 + ratio * ratio))


def barred(be: Any, q: Arrays, pi: Any) -> Any:
    """The mean share barred, or the share that stands where no government decides."""
    return be.xp.where(q["buyer_decides"] > 0.0, total(q["levels"][:, None] * pi), q["barred_start"])


def open_market(be: Any, q: Arrays, x: Arrays, z: Arrays, c: Arrays, home: Arrays) -> Arrays:
    """C's budget under its power, the exporter's capacity, and the market that its candidates meet: items 6 and 7."""
    xp = be.xp
    watts = xp.where(z["watts"] >= 0.0, z["watts"], x["watts"] / x["price"])  # negative: no step before
    share = ration(be, q, z["power"], c["planned"] * watts, z["ration"], x["power_c"])
    b = q["omega_c"][:, None] * (c["planned"] * share)
    rivals = x["a0"] + c["a_d"]
    demand = total(b * (c["free"] / (c["free"] + rivals))) / x["price"]
    bars = barred(be, q, z["pi"])
    orders = home["n_a"] + home["n_b"]
    wanted = orders + (1.0 - bars) * demand
    load = eighth(xp.minimum(wanted / (q["capacity_headroom"] * xp.maximum(orders, 1e-300)), 1e30))
    found = {"watts": watts, "ration": share, "b": b, "rivals": rivals, "demand": demand, "barred_before": bars}
    return found | {"delta": load / (1.0 + load)}  # equation (25)


def purchases(be: Any, q: Arrays, x: Arrays, c: Arrays, o: Arrays, l: Arrays, plan: Arrays, avail: Any) -> Arrays:
    """q_k and d_k of equation (26): what C would buy under each share barred, [4, P, S] by share."""
    xp, b, ad, a0 = be.xp, c["b"], c["a_d"], x["a0"]
    alone = total(b * (ad / (ad + a0)))
    met, shift, bought = 1.0 - c["barred_before"], 0.0, 0.0
    free = 1.0 - q["levels"][:, None]
    for j, reach, licensed in ((o, plan["reach_o"], False), (l, plan["reach_l"], True)):
        used = reach > 0.0
        a = xp.where(used, j["E"] * xp.exp(-q["beta"] * j["ln_star"]), 0.0)
        shift = shift + reach * (total(b * (ad / (ad + a0 + a))) - alone)
        wants = free * xp.where(used, j["n_star"] / met, 0.0)
        wants = avail * xp.minimum(wants, j["limit"]) if licensed else reach * wants
        bought = bought + xp.where(used, wants * j["v"], 0.0)
    ratio = (alone + free * shift) / (c["list_price"] * c["supply"])
    square = ratio * ratio
    taken = c["supply"] * c["v_d"] * ratio / xp.sqrt(xp.sqrt(1.0 + square * square))
    return {"acquired": bought, "taken": taken}


def concerns(be: Any, q: Arrays, x: Arrays, c: Arrays, o: Arrays, l: Arrays, plan: Arrays, tau: Any) -> Arrays:
    """Parity of what is offered, equation (27), and the chance of a warning, equation (28)."""
    xp = be.xp
    n_o, n_l = plan["reach_o"] * o["n_star"], plan["reach_l"] * l["n_star"]
    offered = (n_o * o["f"][0] + n_l * l["f"][0]) / xp.maximum(n_o + n_l, 1e-300)
    lead = xp.clip(be.log(xp.maximum(offered, 1e-12) / c["raw_training"]), -1.5, 1.5)
    reach = xp.minimum(1.0, c["acquired"][0] / (x["front_vc"] * c["demand"]))
    reach = xp.where(plan["in_o"] | plan["in_l"], reach, 0.0)
    terms = xp.where(plan["reach_l"] > 0.0, tau, 0.0)
    closed = 1.0 - xp.minimum(1.0, c["flows"] / x["front_vc"])
    hazard = q["warning_base"] + q["warning_tightening"] * closed + q["warning_terms"] * terms
    return {"parity": -1.5 + reach * (lead + 1.5), "warning": 1.0 - be.exp(-hazard)}


def utilities(be: Any, q: Arrays, x: Arrays, z: Arrays, c: Arrays) -> Any:
    """U_k of equation (29), less the largest, as exponentials: [4, P, S]."""
    xp = be.xp
    smuggled = z["grey"] * x["front_vc"]
    foreign = q["keep_half"] * (z["XE"] + z["XG"]) + q["gain_half"] * (total(z["pi"] * c["acquired"]) + smuggled)
    own = q["keep_half"] * z["XD"] + q["gain_half"] * total(z["pi"] * c["taken"])
    foreign = q["keep_year"] * foreign + q["gain_year"] * (c["acquired"] + smuggled)
    stock = foreign + q["keep_year"] * own + q["gain_year"] * c["taken"]
    self_made = xp.minimum(1.0, c["supply"] * c["v_d"] * x["reference"] / c["planned"])
    urge = q["response_level"] + q["weight_self"] * self_made - q["weight_parity"] * c["parity"]
    urge = urge + q["weight_retaliation"] * c["warning"] - q["weight_premium"] * be.ln(z["premium"])
    u = q["levels"][:, None] * urge - q["weight_dependence"] * (1.0 + c["warning"]) * (foreign / stock)
    u = u + q["weight_compute"] * be.log(stock)
    u = u - xp.maximum(xp.maximum(u[0], u[1]), xp.maximum(u[2], u[3]))
    return be.exp(u)


def spread(q: Arrays, rows: list[Any], pi: Any) -> Any:
    """exp(rate dt/2 (M - 1)) on the probabilities by its series; rows[i] are M_ik of equation (30)."""
    term = whole = pi
    for k in range(1, TERMS + 1):
        moved = sum(term[i] * rows[i] for i in range(4))
        term = (moved - term) * (q["decisions"] / k)
        whole = whole + term
    return whole


def decide(be: Any, q: Arrays, x: Arrays, z: Arrays, c: Arrays, o: Arrays, l: Arrays, plan: Arrays, group: Arrays,
           avail: Any) -> Arrays:  # fmt: skip
    """The share barred in this step, and the probabilities that the next one begins with: item 8."""
    c = c | purchases(be, q, x, c, o, l, plan, avail)
    c = c | concerns(be, q, x, c, o, l, plan, group["revenue_share"])
    u = utilities(be, q, x, z, c)
    weighed = [u * q["moves"][i][:, None] for i in range(4)]
    rows = [row / total(row) for row in weighed]
    now = spread(q, rows, z["pi"])
    return {"barred": barred(be, q, now), "pi": spread(q, rows, now)}
