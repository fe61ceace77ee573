"""Designs, prices and offers in array form: docs/model.md sections 4 and 5.

Arrays are [P, S] (policies by scenarios), [4, P, S] by workload, [P, 1] for levers and [S] for scenarios.
"""

from __future__ import annotations

from typing import Any

from array_backend import CLOSE, CLOSE_ENOUGH
from array_scenario import CAPS, norm

FAR = 1e300
Arrays = dict[str, Any]


def total(u: Any) -> Any:
    """Sum over workloads."""
    s = u[0] + u[1]
    s += u[2]
    s += u[3]
    return s


def perform(be: Any, q: Arrays, ln_rho: Any, F: Any, M: Any, I: Any, exponent: int) -> tuple[Any, Any]:
    """Equations (5) and (6): performances and their logarithms, [4, P, S]."""
    xp = be.xp
    f = norm(q["theta_f"][:, None] / F, q["theta_m"][:, None] / M, exponent, xp)
    f += q["theta_i"][:, None] / I
    f = q["time"][:, None] / f
    ln_f = be.ln(f)
    u = be.log(I * q["ri0"])
    u *= q["network"]
    u += ln_f[0]
    u = ln_rho - u
    u *= q["wall"]
    u = be.exp(u)
    u += 1.0
    ft = f[0] / u
    return xp.concatenate([f, ft[None]]), xp.concatenate([ln_f, (ln_f[0] - be.log(u))[None]])


def index(be: Any, f: Any, omega: Any) -> Any:
    """Value index, equation (7); omega [4, 1, S]."""
    root = be.xp.sqrt(f)
    root *= omega
    root = total(root)
    root *= root
    return root


def _cut(be: Any, figure: Any, cap: Any, kept: Any) -> Any:
    return be.xp.where(figure < cap, figure, kept * cap)


def cuts(be: Any, q: Arrays, chip: Arrays, box: Arrays) -> Arrays:
    """What a box leaves of a chip's figures one by one, and where it caps both bandwidths together."""
    kept = q["kept"]
    cap = be.xp.minimum(box["tpp"], box["density"] * chip["area"])
    kappa = be.xp.where(chip["tpp"] < cap, 1.0, kept * cap / chip["tpp"])
    m, i = _cut(be, chip["M"], box["memory"], kept), _cut(be, chip["I"], box["interconnect"], kept)
    return {"kappa": kappa, "M": m, "I": i, "over": m + i >= box["bandwidth_sum"]}


def design(be: Any, q: Arrays, chip: Arrays, box: Arrays, cut: Arrays, age: Any, second: bool) -> Arrays:
    """Equation (10), as far as it says where there is a design and what it keeps; the figures are for `finish`.

    age : years since the rule's first step, which is the run's
    """
    xp, kappa, m, i, over = be.xp, cut["kappa"], cut["M"], cut["I"], cut["over"]
    room = q["kept"] * box["bandwidth_sum"]
    if second:
        i = xp.where(over, room - m, i)
    else:
        m = xp.where(over, room - i, m)
    ok = (m > 0.0) & (i > 0.0) & (kappa > 0.0) & (chip["on_sale"] == 1.0)
    whole = (kappa == 1.0) & (m >= chip["M"]) & (i >= chip["I"])
    ok &= (box["sku"] == xp.inf) | (whole & (chip["launch"] <= box["sku"]))
    ok &= whole | (age >= q["design_lag"] - 1e-9)
    ok = ok & over if second else ok
    kept = {"ok": ok, "whole": whole, "kappa": kappa, "M": m, "I": i}
    return kept | {f"chip_{name}": chip[name] for name in ("F", "M", "I", "tpp", "cost")}


def finish(be: Any, q: Arrays, d: Arrays) -> Arrays:
    """The figures of a design; an element without one carries the uncut chip, so that nothing divides by zero."""
    xp, ok, M, I = be.xp, d["ok"], d["chip_M"], d["chip_I"]
    kappa, m, i = xp.where(ok, d["kappa"], 1.0), xp.where(ok, d["M"], M), xp.where(ok, d["I"], I)
    share = xp.minimum(xp.minimum(m / M, i / I), kappa)
    return {
        "ok": ok, "cut": ~d["whole"], "F": kappa * d["chip_F"], "M": m, "I": i, "tpp": kappa * d["chip_tpp"],
        "cost": d["chip_cost"] * (q["cost_retained"] + (1.0 - q["cost_retained"]) * share),
    }  # fmt: skip


def each_design(be: Any, q: Arrays, x: Arrays, group: Arrays, tier: int, price: Any, market: Arrays, carry: Arrays,
                prefix: str = "") -> Arrays:  # fmt: skip
    """Every design of a tier in the order box, chip, design, priced by ``price`` and kept where it is better.

    ``price(q, market, design)`` gives rows of (where it may be kept, the field of ``carry`` to beat, new fields).
    """
    scale = (1.0 + group["indexation"]) ** x["y"]

    def priced(q: Arrays, market: Arrays, d: Arrays) -> Any:
        return price(q, market, finish(be, q, d))

    def of_box(carry: Arrays, box: Arrays) -> Arrays:
        def of_chip(carry: Arrays, chip: Arrays) -> Arrays:
            cut = cuts(be, q, chip, box)

            def attempt(carry: Arrays, second: bool) -> Arrays:
                d = design(be, q, chip, box, cut, x["age"], second)
                return be.consider(d["ok"], priced, q, market, d, carry)

            both = (cut["over"] & (box["bandwidth_sum"] > 0.0)).any()
            return be.when(both, lambda c: attempt(c, True), attempt(carry, False))

        box = {name: cap * scale for name, cap in box.items()} | {"sku": group["sku"][tier]}
        return be.when((box["tpp"] > 0.0).any(), lambda c: be.fold(of_chip, c, x["chips"]), carry)

    return be.fold(of_box, carry, {name: group[prefix + name][tier] for name in CAPS})


def best_index(be: Any, q: Arrays, x: Arrays, group: Arrays, omega: Any, like: Any, exponent: int,
               prefix: str = "") -> tuple[Any, Any]:  # fmt: skip
    """The largest index that both tiers admit of today's catalogue, and its performances."""

    def price(q: Arrays, market: Arrays, d: Arrays) -> list[Any]:
        f, _ = perform(be, q, market["ln_rho"], d["F"], d["M"], d["I"], exponent)
        return [(d["ok"], "best", {"best": index(be, f, market["omega"]), "f": f})]

    best = {"best": be.xp.zeros_like(like), "f": be.xp.zeros((4, *like.shape))}
    market = {"omega": omega[:, None], "ln_rho": x["ln_rho"]}
    for tier in (0, 1):
        best = each_design(be, q, x, group, tier, price, market, best, prefix)
    return best["best"], best["f"]


def monopoly_price(be: Any, q: Arrays, lnc: Any, G: Any, B: Any, ln_p: Any, on: Any, close: float = CLOSE) -> Any:
    """Equation (14) without its floor, in the price's logarithm; G: attraction at price 1 over the rivals'."""
    xp, floor = be.xp, lnc + q["ln_floor"]

    def step(ln_p: Any, G: Any, B: Any, lnc: Any, floor: Any, beta: Any, r_beta: Any) -> Any:
        s1, s2, s3 = _sums(be, beta, G, B, ln_p)
        rho = s1 / s2
        z = rho * r_beta
        z += 1.0
        s3 /= s2
        s3 *= rho
        s3 *= -2.0
        s3 += rho
        s3 += 1.0
        s3 /= z
        s3 += 1.0
        gap = ln_p - lnc
        gap -= be.log(z)
        gap /= s3
        gap = ln_p - gap
        return xp.maximum(xp.minimum(gap, ln_p + 4.0), floor)

    return be.settle(step, xp.maximum(ln_p, floor), on, (G, B, lnc, floor, q["beta"], q["r_beta"]), close)


def _sums(be: Any, beta: Any, G: Any, B: Any, ln_p: Any) -> tuple[Any, Any, Any]:
    """Sums of b s, b s (1-s), b s (1-s)^2 over workloads."""
    g = G * be.exp(-beta * ln_p)
    t = g + 1.0
    t = 1.0 / t
    g *= t
    g *= B
    s1 = total(g)
    g *= t
    s2 = total(g)
    g *= t
    return s1, s2, total(g)


def first_guess(be: Any, q: Arrays, lnc: Any, G: Any, B: Any) -> Any:
    """A monopoly price from the budget-weighted attraction."""
    u = be.log(total(B * G) / total(B))
    u -= q["beta"] * lnc
    u -= q["ln_beta"]
    u *= q["r_beta1"]
    u = be.exp(u)
    u *= 0.5
    u += 1.0 + q["r_beta"]
    u = be.log(u)
    u += lnc
    return u


def spent(be: Any, q: Arrays, G: Any, B: Any, ln_p: Any) -> Any:
    """Sum b s of equation (12)."""
    g = G * be.exp(-q["beta"] * ln_p)
    g /= g + 1.0
    g *= B
    return total(g)


def terms(be: Any, q: Arrays, x: Arrays, group: Arrays, dt: float, chips_a: Any, chips_b: Any) -> Arrays:
    """The share of the step with licences, and the quotas of equation (11) in chips and in TPP."""
    xp = be.xp
    share = group["quota_share"]
    finite = xp.where(share < FAR, share, 0.0)
    by_share = xp.where(share < FAR, finite * q["home_share"] * chips_a * x["front_tpp"], FAR)
    most = q["spare_supply"] * chips_a
    spare = xp.where(most - chips_b > 1e-12 * most, most - chips_b, 0.0)
    by_spare = xp.where(group["no_diversion"] == 1.0, spare, FAR)
    quota = xp.minimum(by_spare, xp.minimum(group["quota_chips"] * q["evasion"], FAR))
    tpp = xp.minimum(xp.minimum(group["quota_tpp"], by_share) * q["evasion"], FAR)
    return {"avail": xp.clip(x["t"] + 1.0 - group["delay"] / dt, 0.0, 1.0), "quota": quota, "tpp": tpp}


FIELDS = ("profit", "gross", "n_star", "limit", "ln_star", "ln_low", "cost", "lnc", "v", "v_a", "F")


def no_offer(be: Any, like: Any) -> Arrays:
    """An offer of nothing; performances of one, so that nothing divides by zero."""
    zeros, ones = be.xp.zeros_like, be.xp.ones((4, *like.shape))
    offer = {name: zeros(like) for name in FIELDS}
    offer |= {"E": ones, "f": ones + 0.0, "on": zeros(like, dtype=bool), "cut": zeros(like, dtype=bool)}
    return offer | {"profit": offer["profit"] - FAR, "best": zeros(like)}


def search_tier(be: Any, q: Arrays, x: Arrays, group: Arrays, tier: int, market: Arrays, exponent: int) -> Any:
    """The best candidate of a tier (section 5), and in ``best`` the largest index that the tier admits."""
    xp, like = be.xp, market["like"]
    tau = group["revenue_share"] if tier == 1 else 0.0
    spared = group["no_diversion"] == 1.0 if tier == 1 else False
    net = (1.0 - tau) / market["tariff"] + 0.0 * like
    diverts = xp.where(spared, 0.0, market["delta"] * q["markup_a"])
    avail = market["avail"] if tier == 1 else 1.0
    of_tier = {"net": net, "diverts": diverts}
    market = {**market, **of_tier, "avail": avail, "ln_rho": x["ln_rho"], "reference": x["reference"]}

    def price(q: Arrays, market: Arrays, d: Arrays) -> list[Any]:
        return price_design(be, q, market, d, tier == 1, exponent)

    offer = each_design(be, q, x, group, tier, price, market, no_offer(be, like))
    return be.when(offer["on"].any(), lambda j: settled(be, q, market, j), offer) | of_tier


def settled(be: Any, q: Arrays, market: Arrays, j: Arrays) -> Arrays:
    """The tier's best candidate once more: its price to the last bit, what it sells and earns there."""
    xp, on, B = be.xp, j["on"], market["B"]
    G = j["E"] / market["R"]
    star = xp.maximum(monopoly_price(be, q, j["lnc"], G, B, j["ln_star"], on), j["ln_low"])
    price = xp.exp(star)
    sold = spent(be, q, G, B, star) / price
    new = {"ln_star": star, "n_star": sold, "v_a": index(be, j["f"], q["omega_a"][:, None])}
    new["gross"] = sold * (price * market["net"] - j["cost"] * (1.0 + market["diverts"]))
    return {**j, **{name: xp.where(on, value, j[name]) for name, value in new.items()}}


def price_design(be: Any, q: Arrays, market: Arrays, d: Arrays, licensed: bool, exponent: int) -> list[Any]:
    """Equations (12) to (15): index, price and profit of one design."""
    xp, net, avail, cost, B = be.xp, market["net"], market["avail"], d["cost"], market["B"]
    f, ln_f = perform(be, q, market["ln_rho"], d["F"], d["M"], d["I"], exponent)
    v = index(be, f, market["omega"])
    limit = xp.minimum(market["quota"], market["tpp"] / d["tpp"]) if licensed else xp.full_like(v, FAR)
    ok = d["ok"] & (net > 0.0) & (limit > 0.0) & (avail > 0.0)
    ln_f *= q["beta"]
    ln_f += market["ln_A"]
    E = be.exp(ln_f)
    full = cost * (1.0 + market["diverts"])
    lnc = be.log(full / xp.where(net > 0.0, net, 1.0))
    low = be.log(market["reference"] * market["tariff"] * index(be, f, q["omega_a"][:, None]))
    G = E / market["R"]
    star = monopoly_price(be, q, lnc, G, B, first_guess(be, q, lnc, G, B), ok, CLOSE_ENOUGH)
    star = xp.maximum(star, low)
    price = xp.exp(star)
    sold = spent(be, q, G, B, star) / price
    profit = sold * (price * net - full)
    if licensed:
        profit *= xp.minimum(avail, limit * avail / sold)
    profit -= xp.where(d["cut"], q["nre"], 0.0)
    found = {"profit": profit, "limit": limit, "ln_star": star, "ln_low": low, "cost": cost, "lnc": lnc, "v": v}
    found |= {"E": E, "f": f, "cut": d["cut"], "on": ok, "F": d["F"]}
    return [(d["ok"], "best", {"best": v}), (ok, "profit", found)]


def choose_plan(be: Any, q: Arrays, o: Arrays, l: Arrays, avail: Any) -> Arrays:
    """Equation (15): which plan, which offers it makes, and the share of buyers that each reaches."""
    xp = be.xp
    nre = xp.where(o["cut"], q["nre"], 0.0) + xp.where(l["cut"], q["nre"], 0.0)
    wanted = xp.where(l["on"], l["n_star"], 1.0)
    phi = xp.where(l["on"], xp.minimum(avail, l["limit"] * avail / wanted), 0.0)
    profit_a, profit_b = xp.where(o["on"], o["profit"], 0.0), xp.where(l["on"], l["profit"], 0.0)
    profit_c = phi * l["gross"] + (1.0 - phi) * o["gross"] - nre
    profit_c = xp.where(o["on"] & l["on"] & (phi < 1.0), profit_c, 0.0)
    best = xp.maximum(profit_a, 0.0)
    is_b = profit_b > best * (1.0 + 1e-12)
    best = xp.where(is_b, profit_b, best)
    is_c = profit_c > best * (1.0 + 1e-12)
    is_b &= ~is_c
    is_a = (profit_a > 0.0) & ~is_b & ~is_c
    reach_o = xp.where(is_a, 1.0, xp.where(is_c, 1.0 - phi, 0.0))
    reach_l = xp.where(is_b | is_c, phi, 0.0)
    return {"shared": is_c, "in_o": is_a | is_c, "in_l": is_b | is_c, "reach_o": reach_o, "reach_l": reach_l}


def find_offers(be: Any, q: Arrays, x: Arrays, group: Arrays, market: Arrays, exponent: int) -> Any:
    """Both candidates and the plan; and the largest index that the rule lets flow."""
    o = search_tier(be, q, x, group, 0, market, exponent)
    l = search_tier(be, q, x, group, 1, market, exponent)
    best = be.xp.maximum(o.pop("best"), l.pop("best"))
    return o, l, choose_plan(be, q, o, l, market["avail"]), best


def sales(be: Any, q: Arrays, group: Arrays, tariff: Any, o: Arrays, l: Arrays) -> Arrays:
    """Sales, the government's take and design costs of both offers a year; ``price`` and ``units`` are given."""
    licensed = l["price"] * l["units"] / tariff
    used = 1.0 * (o["cut"] & (o["units"] > 0.0)) + (l["cut"] & (l["units"] > 0.0))
    take = licensed * group["revenue_share"]
    return {"gross": o["price"] * o["units"] / tariff + licensed, "take": take, "design": q["nre"] * used}


def sold(be: Any, offers: tuple[Arrays, Arrays], name: str) -> Any:
    """The sum over both offers of chips times a figure of theirs; nothing where there are no chips."""
    return sum(be.xp.where(j["units"] > 0.0, j["units"] * j[name], 0.0) for j in offers)
