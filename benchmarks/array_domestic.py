"""Domestic supply of group C and the states of mid-step in array form: docs/model.md section 8, items 1 to 5.

Arrays are [P, S] (policies by scenarios), [4, P, S] by workload in the order of `ORDER`, and [S] for scenarios.
"""

from __future__ import annotations

from typing import Any

from array_market import Arrays, index, perform, total


def ahead(z: Arrays, name: str) -> Any:
    """T' of equation (4), from the targets of the two steps before."""
    return z[name + "_target"] + 0.75 * (z[name + "_target"] - z[name + "_before"])


def soft_least(be: Any, a: Any, b: Any, squarings: int) -> Any:
    """The smooth minimum of two figures, with exponent 2**squarings."""
    low, high = be.xp.minimum(a, b), be.xp.maximum(a, b)
    ratio = low / high
    for _ in range(squarings):
        ratio = ratio * ratio
    root = 1.0 + ratio
    for _ in range(squarings):
        root = be.xp.sqrt(root)
    return low / root


def eighth(x: Any) -> Any:
    """x to the eighth power."""
    x = x * x
    x = x * x
    return x * x


def middle(be: Any, q: Arrays, x: Arrays, z: Arrays, group: Arrays) -> Arrays:
    """States at mid-step by equation (4), attractions, the budget before power, the leak that enforcement leaves."""
    xp = be.xp
    target = xp.clip(ahead(z, "L"), 0.0, 1.0)
    lock_in = target + (z["L"] - target) * q["left_L_half"]
    tilt = q["network_effect"] * (lock_in - 0.5)
    target = xp.maximum(ahead(z, "E"), 0.1)
    planned = x["budget_c"] * (target + (z["E"] - target) * q["left_E_half"])
    target = xp.clip(ahead(z, "belief"), 0.0, 1.0)
    belief = target + (z["belief"] - target) * q["left_belief_half"]
    leak = xp.maximum(q["through"] * (1.0 - group["enforcement"]), 1e-3)
    c = {"ln_A": q["ln_att_e"] + tilt, "ln_D": q["ln_att_d"] - tilt, "planned": planned, "belief": belief}
    c["belief_mean"] = total(q["omega_c"][:, None] * belief)
    pull = xp.exp(c["ln_A"]) * x["front_power"][:, None]
    c |= {"free": pull * x["price_power"], "grey_pull": pull * q["attraction_g"]}
    return c | {"leak": leak, "enf": leak / q["through_then"]}


def lines(be: Any, q: Arrays, x: Arrays, z: Arrays, exponent: int) -> Arrays:
    """The training package at mid-step, never above the frontier chip, and the inference ASIC, equation (18)."""
    xp, soft = be.xp, x["soft"][:, None]
    F = xp.minimum(z["F"] * z["die_step"], x["front_F"])
    M = xp.minimum(z["M"] * z["stack_step"], x["front_M"])
    I = xp.minimum(z["I"] * z["die_step"], x["front_I"])
    f, _ = perform(be, q, x["ln_rho"], F, M, I, exponent)
    g, _ = perform(be, q, x["ln_rho"], F * q["asic_f"], M * q["asic_m"], I, exponent)
    g = g * soft
    asic = xp.stack([q["asic_training"] * g[0], g[1], g[2], 0.0 * g[3]])
    return {"raw_training": f[0], "package": f * soft, "asic": asic}


def attraction(be: Any, q: Arrays, c: Arrays, price: Any, f: Any) -> Any:
    """A_D (p/f)**-beta on four workloads."""
    ln_a = be.ln(f)
    ln_a *= q["beta"]
    ln_a += c["ln_D"] - q["beta"] * be.ln(price)
    return be.exp(ln_a)


def costs(be: Any, q: Arrays, z: Arrays, c: Arrays, dt: float) -> Arrays:
    """Yield (19), and unit cost (20) as a price of dies and one of stacks; the package's attraction at its price."""
    wafers = z["Q"] + 0.5 * dt * z["ai_wafers"]
    yields = q["yield_max"] - q["yield_range"] * be.exp(-q["yield_decay"] * wafers)
    learnt = be.power((z["Z"] + 0.5 * dt * z["sold"]) / q["domestic_output"], q["learning"])
    die = q["cost_scale"] * (q["wafer_price"] / (q["gross"] * yields) + q["package"] * learnt)
    stack = q["cost_scale"] * q["stack_cost"] * learnt
    price = (q["dies_package"] * die + q["stacks_package"] * stack) * q["mark"]
    found = {"yield": yields, "die": die, "stack": stack, "package_price": price}
    return found | {"a_package": attraction(be, q, c, price, c["package"])}


def wafers_growth(be: Any, q: Arrays, group: Arrays, W: Any, pull: Any) -> Any:
    """dW of equation (21): the smooth minimum of tools and of the way that is left."""
    xp = be.xp
    tools = xp.maximum(q["tools"] * (1.0 - group["equipment_control"] * q["tools_aligned"]) * pull, 1e-12)
    left = xp.maximum(xp.maximum(q["wafers_ceiling"] - W, 1e-12) * q["closed"] * pull, 1e-12)
    return soft_least(be, tools, left, 2)


def pull_of_demand(be: Any, q: Arrays, x: Arrays, z: Arrays, c: Arrays, group: Arrays, dt: float) -> Arrays:
    """What makers hope to sell, and the wafers that they install for it: equation (21)."""
    own = c["a_package"] + x["a0"]
    alone, beside = c["a_package"] / own, c["a_package"] / (own + c["free"])
    hoped = total(q["omega_c"][:, None] * (alone + c["belief"] * (beside - alone))) * c["planned"]
    dies = 0.012 * (z["W"] + 0.5 * dt * z["dW"]) * q["wafer_share"] * q["gross"] * c["yield"]
    ratio = hoped * q["dies_package"] / (c["package_price"] * dies)
    pull = 2.0 * ratio / (1.0 + ratio)
    growth = wafers_growth(be, q, group, z["W"], pull)
    wafers = z["W"] + 0.5 * dt * growth
    share = be.xp.minimum(0.95, q["wafer_share"] * pull)
    return {"pull": pull, "dW": growth, "ai_wafers": 12.0 * wafers * share}


def stacks_after(be: Any, q: Arrays, H: Any, grown: Any) -> Any:
    """H of equation (22) after a stretch of time."""
    xp, ceiling = be.xp, q["hbm_ceiling"]
    return ceiling / (1.0 + xp.maximum(ceiling / xp.maximum(H, 1e-12) - 1.0, 0.0) * grown)


def inputs(be: Any, q: Arrays, z: Arrays, c: Arrays, group: Arrays, dt: float) -> Arrays:
    """Dies and stacks of the year, and with what stockpiles give: equation (22)."""
    stopped = group["equipment_control"] * q["tools_aligned"] * q["hbm_tools"]
    grown = be.exp(-0.5 * dt * q["stacks_rate"] * (1.0 - stopped) * c["pull"])
    through = 1.0 - group["memory_control"]
    dies = 1e-3 * c["ai_wafers"] * q["gross"] * c["yield"] + q["dies_abroad"] * through
    stacks = stacks_after(be, q, z["H"], grown) + q["hbm_grey"] * through
    found = {"grown": grown, "new_dies": dies, "new_stacks": stacks}
    return found | {"dies": dies + q["drawn"] * z["bank_d"], "stacks": stacks + q["drawn"] * z["bank_h"]}


def split(be: Any, q: Arrays, c: Arrays) -> Arrays:
    """The share of ASICs, equation (23), and what a package takes of dies and stacks."""
    omega = q["omega_c"][:, None]
    ratio = eighth(c["dies"] * q["stacks_package"] / (q["dies_package"] * c["stacks"]))
    mu = ratio / (1.0 + ratio)
    more = be.exp((1.0 - mu) * q["ln_by_logic"] + mu * q["ln_by_memory"])
    j = index(be, c["asic"], omega) / index(be, c["package"], omega) * more
    j = j * j
    j = j * j
    share = q["asic_limit"] * j / (1.0 + j)
    each = {"share": share, "dies_each": (1.0 - share) * q["dies_package"] + share * q["asic_dies"]}
    return each | {"stacks_each": (1.0 - share) * q["stacks_package"] + share * q["asic_stacks"]}


def supply(be: Any, q: Arrays, z: Arrays, c: Arrays, dt: float) -> Arrays:
    """What can be made and sold, equation (24), and what stockpiles keep."""
    xp = be.xp
    made = soft_least(be, c["dies"] / c["dies_each"], c["stacks"] / c["stacks_each"], 3)
    lagged = made - 0.25 * (made - xp.where(z["made"] >= 0.0, z["made"], made))  # negative: no step before
    used_h = xp.maximum(made * c["stacks_each"] - c["new_stacks"], 0.0)
    used_d = xp.maximum(made * c["dies_each"] - c["new_dies"], 0.0)
    after = {"made": made, "sold": made + (z["sold"] - made) * q["left_sale"]}
    after |= {
        "bank_h": xp.maximum(z["bank_h"] - used_h * dt, 0.0),
        "bank_d": xp.maximum(z["bank_d"] - used_d * dt, 0.0),
    }
    return {"supply": lagged + (z["sold"] - lagged) * q["left_sale_half"], "stores": after}


def domestic(be: Any, q: Arrays, x: Arrays, z: Arrays, group: Arrays, dt: float, exponent: int) -> Arrays:
    """Items 1 to 5: what C's makers can sell in this step, and what it is."""
    c = middle(be, q, x, z, group)
    c |= lines(be, q, x, z, exponent)
    c |= costs(be, q, z, c, dt)
    c |= pull_of_demand(be, q, x, z, c, group, dt)
    c |= inputs(be, q, z, c, group, dt)
    c |= split(be, q, c)
    c |= supply(be, q, z, c, dt)
    f = (1.0 - c["share"]) * c["package"] + c["share"] * c["asic"]
    cost = c["dies_each"] * c["die"] + c["stacks_each"] * c["stack"]
    c |= {"f_d": f, "v_d": index(be, f, q["omega_c"][:, None]), "cost_d": cost, "list_price": cost * q["mark"]}
    return c | {"a_d": attraction(be, q, c, c["list_price"], f), "watts_d": x["watts_d"] * c["dies_each"]}


def grow_domestic(be: Any, q: Arrays, x: Arrays, z: Arrays, c: Arrays, dt: float) -> Arrays:
    """Wafers, memory, output and the chip's figures after the step: equations (42) and (43)."""
    xp = be.xp
    rate = q["domestic_growth_rd"] * c["research"] / (c["research"] + q["rd_half"])
    die = be.power(1.0 + q["die_growth"] + rate, 0.5 * dt)
    stack = be.power(1.0 + q["stack_growth"] + rate, 0.5 * dt)
    after = {"W": z["W"] + c["dW"] * dt, "dW": c["dW"], "Q": z["Q"] + c["ai_wafers"] * dt, "ai_wafers": c["ai_wafers"]}
    after |= {"H": stacks_after(be, q, z["H"], c["grown"] * c["grown"]), "Z": z["Z"] + c["n_d"] * dt}
    after |= {"F": xp.minimum(z["F"] * die * die, x["next_F"]), "M": xp.minimum(z["M"] * stack * stack, x["next_M"])}
    return after | {"I": xp.minimum(z["I"] * die * die, x["next_I"]), "die_step": die, "stack_step": stack}
