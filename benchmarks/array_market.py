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
    """Equations (1) and (2): performances and their logarithms, [4, P, S]."""
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
    """Value index, equation (3); omega [4, 1, S]."""
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


def design(be: Any, q: Arrays, chip: Arrays, box: Arrays, cut: Arrays, y: Any, second: bool) -> Arrays:
    """Equation (5), as far as it says where there is a design and what it keeps; the figures are for `finish`.

    y : years since the rule's first step, which is the run's
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
    ok &= whole | (y >= q["design_lag"] - 1e-9)
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


def each_design(be: Any, q: Arrays, chips: Arrays, group: Arrays, tier: int, y: Any, price: Any, market: Arrays,
                carry: Arrays, prefix: str = "") -> Arrays:  # fmt: skip
    """Every design of a tier in the order box, chip, design, priced by ``price`` and kept where it is better.

    ``price(q, market, design)`` gives rows of (where it may be kept, the field of ``carry`` to beat, new fields).
    """
    scale = (1.0 + group["indexation"]) ** y

    def priced(q: Arrays, market: Arrays, d: Arrays) -> Any:
        return price(q, market, finish(be, q, d))

    def of_box(carry: Arrays, box: Arrays) -> Arrays:
        def of_chip(carry: Arrays, chip: Arrays) -> Arrays:
            cut = cuts(be, q, chip, box)

            def attempt(carry: Arrays, second: bool) -> Arrays:
                d = design(be, q, chip, box, cut, y, second)
                return be.consider(d["ok"], priced, q, market, d, carry)

            both = (cut["over"] & (box["bandwidth_sum"] > 0.0)).any()
            return be.when(both, lambda c: attempt(c, True), attempt(carry, False))

        box = {name: cap * scale for name, cap in box.items()} | {"sku": group["sku"][tier]}
        return be.when((box["tpp"] > 0.0).any(), lambda c: be.fold(of_chip, c, chips), carry)

    return be.fold(of_box, carry, {name: group[prefix + name][tier] for name in CAPS})


def best_index(be: Any, q: Arrays, x: Arrays, group: Arrays, y: Any, omega: Any, like: Any, exponent: int,
               prefix: str = "") -> tuple[Any, Any]:  # fmt: skip
    """The largest index that both tiers admit of today's catalogue under the caps at y, and its performances."""

    def price(q: Arrays, market: Arrays, d: Arrays) -> list[Any]:
        f, _ = perform(be, q, market["ln_rho"], d["F"], d["M"], d["I"], exponent)
        return [(d["ok"], "best", {"best": index(be, f, market["omega"]), "f": f})]

    best = {"best": be.xp.zeros_like(like), "f": be.xp.zeros((4, *like.shape))}
    market = {"omega": omega[:, None], "ln_rho": x["ln_rho"]}
    for tier in (0, 1):
        best = each_design(be, q, x["chips"], group, tier, y, price, market, best, prefix)
    return best["best"], best["f"]


def monopoly_price(be: Any, q: Arrays, lnc: Any, G: Any, B: Any, ln_p: Any, on: Any, close: float = CLOSE) -> Any:
    """Equation (7) in the logarithm of the price; G is the attraction at price 1 over the rivals'."""
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


def clearing_price(be: Any, q: Arrays, G: Any, B: Any, ln_n: Any, start: Any, on: Any) -> Any:
    """Equation (8) in logarithms, from a price that sells more."""
    xp = be.xp
    high = xp.maximum(be.ln(total(B)) - ln_n, start)

    def step(ln_p: Any, G: Any, B: Any, ln_n: Any, low: Any, high: Any, beta: Any) -> Any:
        s1, s2, _ = _sums(be, beta, G, B, ln_p)
        s2 /= s1
        s2 *= beta
        s2 += 1.0
        excess = be.log(s1)
        excess -= ln_p
        excess -= ln_n
        excess /= s2
        excess += ln_p
        return xp.minimum(xp.maximum(excess, low), high)

    return be.settle(step, start + 0.0, on, (G, B, ln_n, start, high, q["beta"]))


def shares(be: Any, q: Arrays, E: Any, R: Any, ln_p: Any) -> tuple[Any, Any]:
    """Attractions and shares at a log price, equation (6)."""
    a = E * be.exp(-q["beta"] * ln_p)
    s = a + R
    s = a / s
    return a, s


def chips_sold(be: Any, q: Arrays, G: Any, B: Any, ln_p: Any) -> Any:
    """n(p) of equation (6)."""
    g = G * be.exp(-q["beta"] * ln_p)
    g /= g + 1.0
    g *= B
    return total(g) * be.exp(-ln_p)


def terms(be: Any, q: Arrays, group: Arrays, t: Any, dt: float, chips_a: Any, chips_b: Any) -> Arrays:
    """Availability, the quota that no design changes, and that in TPP: section 4."""
    xp = be.xp
    finite = xp.where(group["quota_share"] < FAR, group["quota_share"], 0.0)
    by_share = xp.where(group["quota_share"] < FAR, finite * q["home_share"] * chips_a, FAR)
    most = q["spare_supply"] * chips_a
    spare = xp.where(most - chips_b > 1e-12 * most, most - chips_b, 0.0)
    by_spare = xp.where(group["no_diversion"] == 1.0, spare, FAR)
    quota = xp.minimum(xp.minimum(by_share, by_spare), xp.minimum(group["quota_chips"] * dt, FAR))
    avail = xp.clip(t + 1.0 - group["delay"] / dt, 0.0, 1.0)
    return {"avail": avail, "quota": quota, "tpp": xp.minimum(group["quota_tpp"] * dt, FAR)}


FIELDS = ("profit", "gross", "n_star", "limit", "ln_star", "ln_clear", "cost", "lnc", "v")


def no_offer(be: Any, like: Any) -> Arrays:
    """An offer of nothing; performances of one, so that nothing divides by zero."""
    zeros, ones = be.xp.zeros_like, be.xp.ones((4, *like.shape))
    offer = {name: zeros(like) for name in FIELDS}
    offer |= {"E": ones, "f": ones + 0.0, "on": zeros(like, dtype=bool), "cut": zeros(like, dtype=bool)}
    return offer | {"profit": offer["profit"] - FAR, "best": zeros(like)}


def search_tier(be: Any, q: Arrays, x: Arrays, group: Arrays, tier: int, y: Any, market: Arrays, exponent: int) -> Any:
    """The best candidate of a tier (section 5), and in ``best`` the largest index that the tier admits."""
    like = market["like"]
    if tier == 1:
        market = {**market, "net": market["net"] * (1.0 - group["revenue_share"])}
    else:
        market = {**market, "avail": 1.0}
    market |= {"ln_rho": x["ln_rho"]}

    def price(q: Arrays, market: Arrays, d: Arrays) -> list[Any]:
        return price_design(be, q, market, d, tier == 1, exponent)

    offer = each_design(be, q, x["chips"], group, tier, y, price, market, no_offer(be, like))
    return be.when(offer["on"].any(), lambda j: settled(be, q, market, j), offer)


def settled(be: Any, q: Arrays, market: Arrays, j: Arrays) -> Arrays:
    """The tier's best candidate once more: its price to the last bit, what it sells and earns there."""
    xp, on, B = be.xp, j["on"], market["B"]
    G = j["E"] / market["R"]
    star = monopoly_price(be, q, j["lnc"], G, B, j["ln_star"], on)
    sold = chips_sold(be, q, G, B, star)
    new = {"ln_star": star, "n_star": sold, "ln_clear": xp.where(sold > j["limit"], j["ln_clear"], star)}
    new["gross"] = sold * (xp.exp(star) * market["net"] - j["cost"])
    return {**j, **{name: xp.where(on, value, j[name]) for name, value in new.items()}}


def price_design(be: Any, q: Arrays, market: Arrays, d: Arrays, licensed: bool, exponent: int) -> list[Any]:
    """Section 5: index, price and profit of one design."""
    xp, net, avail, cost, B = be.xp, market["net"], market["avail"], d["cost"], market["B"]
    f, ln_f = perform(be, q, market["ln_rho"], d["F"], d["M"], d["I"], exponent)
    v = index(be, f, market["omega"])
    limit = xp.minimum(market["quota"], market["tpp"] / d["tpp"]) if licensed else xp.full_like(v, FAR)
    ok = d["ok"] & (net > 0.0) & (limit > 0.0) & (avail > 0.0)
    ln_f *= q["beta"]
    ln_f += market["ln_A"]
    E = be.exp(ln_f)
    lnc = be.log(cost / xp.where(net > 0.0, net, 1.0))
    G = E / market["R"]
    star = monopoly_price(be, q, lnc, G, B, first_guess(be, q, lnc, G, B), ok, CLOSE_ENOUGH)
    sold = chips_sold(be, q, G, B, star)
    gross = sold * (xp.exp(star) * net - cost)
    clear, earns = star, gross
    if licensed:
        over = ok & (sold > limit)
        ln_n = be.log(xp.where(over, limit, sold))
        clear = be.when(over.any(), lambda ln_p: clearing_price(be, q, G, B, ln_n, ln_p, over), star)
        earns = xp.where(over, limit * (xp.exp(clear) * net - cost), gross)
    profit = avail * earns - xp.where(d["cut"], q["nre"], 0.0)
    found = {"profit": profit, "gross": gross, "n_star": sold, "limit": limit, "ln_star": star, "ln_clear": clear}
    found |= {"cost": cost, "lnc": lnc, "v": v, "E": E, "f": f, "cut": d["cut"], "on": ok}
    return [(d["ok"], "best", {"best": v}), (ok, "profit", found)]


def choose_plan(be: Any, q: Arrays, o: Arrays, l: Arrays, avail: Any) -> Arrays:
    """Equation (9): which plan, reaches, and the index that the buyer sees."""
    xp = be.xp
    nre_o, nre_l = xp.where(o["cut"], q["nre"], 0.0), xp.where(l["cut"], q["nre"], 0.0)
    wanted = xp.where(l["on"], l["n_star"], 1.0)
    phi = xp.where(l["on"], xp.minimum(avail, l["limit"] * avail / wanted), 0.0)
    profit_a, profit_b = xp.where(o["on"], o["profit"], 0.0), xp.where(l["on"], l["profit"], 0.0)
    profit_c = phi * l["gross"] + (1.0 - phi) * o["gross"] - nre_l - nre_o
    profit_c = xp.where(o["on"] & l["on"] & (phi < 1.0), profit_c, 0.0)
    best = xp.maximum(profit_a, 0.0)
    is_b = profit_b > best * (1.0 + 1e-12)
    best = xp.where(is_b, profit_b, best)
    is_c = profit_c > best * (1.0 + 1e-12)
    is_b &= ~is_c
    is_a = (profit_a > 0.0) & ~is_b & ~is_c
    reach_o = xp.where(is_a, 1.0, xp.where(is_c, 1.0 - phi, 0.0))
    reach_l = xp.where(is_b, avail, xp.where(is_c, phi, 0.0))
    n_o, n_l = reach_o * o["n_star"], reach_l * l["n_star"]
    both = (n_l * l["v"] + n_o * o["v"]) / xp.where(is_c, n_l + n_o, 1.0)
    v_e = xp.where(is_c, both, xp.where(is_b, phi * l["v"], xp.where(is_a, o["v"], 0.0)))
    return {"b": is_b, "c": is_c, "any": is_a | is_b | is_c, "reach_o": reach_o, "reach_l": reach_l, "v_e": v_e}


def find_offers(be: Any, q: Arrays, x: Arrays, group: Arrays, y: Any, market: Arrays, exponent: int) -> Any:
    """Both candidates and the plan; and the largest index that the rule admits."""
    o = search_tier(be, q, x, group, 0, y, market, exponent)
    l = search_tier(be, q, x, group, 1, y, market, exponent)
    best = be.xp.maximum(o.pop("best"), l.pop("best"))
    return o, l, choose_plan(be, q, o, l, market["avail"]), best


def tightening(be: Any, q: Arrays, x: Arrays, group: Arrays, y: Any, dt: float, omega: Any, now: Any,
               exponent: int) -> Any:  # fmt: skip
    """h of equation (13): what the next step's caps take away of today's best index."""
    xp = be.xp

    def measure(_: Any) -> Any:
        ahead, _ = best_index(be, q, x, group, y + dt, omega, now, exponent)
        keep = xp.where(now > 0.0, xp.minimum(1.0, ahead / xp.where(now > 0.0, now, 1.0)), 1.0)
        return 1.0 - keep ** q["tightening_exponent"]

    return be.when((group["indexation"] < 0.0).any() & x["more"], measure, xp.zeros_like(now))


def book(be: Any, q: Arrays, group: Arrays, o: Arrays, l: Arrays, h: Any, avail: Any, budget_next: Any, net: Any,
         dt: float) -> Arrays:  # fmt: skip
    """Stockpiling, write-downs and money, equation (13); ``units`` of both offers are those after it."""
    xp, pull = be.xp, q["stockpile"] * h
    write_down = q["write_down"] * h * (o["units"] * o["cost"] + l["units"] * l["cost"]) / dt
    more_o = pull * o["units"]
    more_l = xp.minimum(pull * l["units"], xp.maximum(l["limit"] * avail - l["units"], 0.0))
    spending = more_o * o["price"] + more_l * l["price"]
    most = 0.5 * budget_next * dt
    fit = xp.where(spending > most, most / xp.where(spending > most, spending, 1.0), 1.0)
    units_o, units_l = o["units"] + more_o * fit, l["units"] + more_l * fit
    sales_l = l["price"] * units_l * net
    gross, take = o["price"] * units_o * net + sales_l, sales_l * group["revenue_share"]
    used = 1.0 * (o["cut"] & (o["reach"] > 0.0)) + (l["cut"] & (l["reach"] > 0.0))
    money = {"gross": gross, "take": take, "design": q["nre"] * used, "write_down": write_down}
    money |= {"units_o": units_o, "units_l": units_l, "pulled": spending * fit}
    return money | {"net": gross - take - money["design"] - write_down}
