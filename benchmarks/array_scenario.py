"""What the array form of the model reads: scenario tables and levers as plain arrays, computed once before any policy.

docs/model.md sections 1 to 3. Scenarios run along the last axis. Workloads run along a leading axis in the order
of `ORDER`, which puts the three rooflines side by side. Only absolute readings and a single policy throughout are
known here; anything else is refused.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tiercap.kernels.params import ABSOLUTE, GROUPS

#: The frontier-scale workload last: the other three are rooflines alone.
ORDER = ("st", "pf", "dc", "ft")
CAPS = ("tpp", "memory", "interconnect", "density", "bandwidth_sum")
_COSTS = ("unit_cost_frontier", "unit_cost_previous", "unit_cost_older", "unit_cost_legacy")

Tables = dict[str, Any]


def norm(a: Any, b: Any, exponent: int, xp: Any) -> Any:
    """p-norm of two times for p = 2, 4 or 8; overwrites both where arrays can be."""
    a *= a
    b *= b
    for _ in range(exponent // 4):
        a *= a
        b *= b
    a += b
    for _ in range(exponent.bit_length() - 1):
        a = xp.sqrt(a)
    return a


def rows(params: np.ndarray, stem: str, names: tuple[str, ...] = ORDER) -> np.ndarray:
    """The parameters ``stem_w``, one row a workload."""
    return np.array([params[f"{stem}_{w}"] for w in names])


def weights(params: np.ndarray, stem: str) -> np.ndarray:
    """Weights of the workloads, normalised to one."""
    raw = rows(params, stem)
    return raw / raw.sum(axis=0)


def roofline_constants(params: np.ndarray, exponent: int) -> Tables:
    """Theta times the reference chip's figures, and the reference chip's time: equation (5)."""
    theta = {c: rows(params, f"theta_{c}", ORDER[:3]) for c in "fmi"}
    time = norm(theta["f"].copy(), theta["m"].copy(), exponent, np) + theta["i"]
    scaled = {f"theta_{c}": theta[c] * params[f"reference_{c}"] for c in "fmi"}
    walls = {"wall": params["wall_exponent"], "network": params["network_exponent"], "ri0": 1.0 / params["reference_i"]}
    return {**scaled, "time": time, **walls}


def performance(q: Tables, F: np.ndarray, M: np.ndarray, I: np.ndarray, ln_rho: np.ndarray, exponent: int) -> Any:
    """Equations (5) and (6) for figures [S]; [4, S]."""
    norms = norm(q["theta_f"] / F, q["theta_m"] / M, exponent, np)
    f = q["time"] / (norms + q["theta_i"] / I)
    ln_u = ln_rho - np.log(f[0]) - q["network"] * np.log(I * q["ri0"])
    return np.concatenate([f, (f[0] / (1.0 + np.exp(q["wall"] * ln_u)))[None]])


def index(f: np.ndarray, omega: np.ndarray) -> np.ndarray:
    """Value index, equation (7)."""
    return np.sum(omega * np.sqrt(f), axis=0) ** 2


def moving(params: np.ndarray, y: Any) -> list[np.ndarray]:
    """F, M and I of the frontier at y."""
    return [params[f"frontier_{c}"] * params[f"frontier_growth_{c}"] ** y for c in "fmi"]


def chip_rows(params: np.ndarray, chip: np.void, start: float, y: float) -> list[np.ndarray]:
    """F, M, I, TPP, launch date and 1 if on sale of one catalogue entry at y: section 3."""
    if chip["moves"] == 0.0:
        fixed = [chip["f"], chip["m"], chip["i"], chip["tpp"], chip["launch"], float(start + y >= chip["launch"])]
        return [np.full(len(params), value) for value in fixed]
    lag = chip["position"] * params["generation_spacing"]
    f, m, i = moving(params, y - lag)
    launch = start + y - lag
    tpp = 8000.0 * f * np.where(launch >= 2025.0, params["fp4_uplift"], 1.0)
    return [f, m, i, tpp, launch, np.ones(len(params))]


def catalogue_rows(params: np.ndarray, catalogue: np.ndarray, start: float, y: float) -> Tables:
    """The catalogue at y: every figure as [n_chips, S]."""
    stacked = np.array([chip_rows(params, chip, start, y) for chip in catalogue])
    table = {name: stacked[:, k] for k, name in enumerate(("F", "M", "I", "tpp", "launch", "on_sale"))}
    base = np.array([params[_COSTS[chip["cost_class"]]] * chip["cost_scale"] for chip in catalogue])
    table["cost"] = base * params["unit_cost_growth"] ** y * params["cost_shock"]
    table["area"] = np.repeat(catalogue["area"][:, None], len(params), axis=1)
    return table


def frontier(params: np.ndarray, catalogue: np.ndarray, start: float, y: float) -> Tables:
    """The first entry on sale: figures [S] by name."""
    table = catalogue_rows(params, catalogue, start, y)
    for k in range(len(catalogue)):
        if table["on_sale"][k, 0] == 1.0:
            return {name: figures[k] for name, figures in table.items()}
    raise ValueError(f"no chip of the catalogue is on sale in {start + y}")


#: Parameters that the model reads as they are.
PLAIN = (
    "cost_retained", "design_lag", "attraction_g", "network_effect", "home_share", "spare_supply", "capacity_headroom",
    "scarcity_exponent", "grey_elasticity", "leak_a", "leak_b", "remote_share", "belief_weight", "buyer_decides",
    "barred_start", "weight_compute", "weight_self", "weight_dependence", "weight_parity", "weight_premium",
    "weight_retaliation", "response_level", "warning_base", "warning_tightening", "warning_terms", "rd_share",
    "rd_state", "rd_denial", "domestic_growth_rd", "rd_half", "die_growth", "stack_growth", "dies_package",
    "stacks_package", "asic_dies", "asic_stacks", "asic_training", "asic_limit", "wafers_ceiling", "tools",
    "tools_aligned", "tool_price", "wafer_share", "yield_max", "hbm_ceiling", "hbm_tools", "hbm_grey", "dies_abroad",
    "cost_scale", "wafer_price", "stack_cost", "efficiency_response", "licence_cost", "licence_fixed",
    "enforcement_cost", "domestic_output", "nre",
)  # fmt: skip


def constants(params: np.ndarray, catalogue: np.ndarray, horizon: Any) -> Tables:
    """What does not change over a run: arrays [S], [3, S] or [4, S]."""
    p, dt, start, exponent = params, 1.0 / horizon.steps_per_year, float(horizon.start), horizon.roofline_exponent
    beta = p["price_sensitivity"]
    q = roofline_constants(p, exponent)
    q |= {"omega_a": weights(p, "value_a"), "omega_c": weights(p, "value_c"), "omega_k": weights(p, "capability")}
    q |= {"beta": beta, "r_beta": 1.0 / beta, "ln_beta": np.log(beta), "r_beta1": 1.0 / (1.0 + beta)}
    q |= {"ln_floor": np.log1p(1.0 / beta), "kept": 1.0 - p["slack"], "markup_a": 1.0 + p["markup_a"]}
    q |= {"ln_att_e": np.log(p["attraction_e"]), "ln_att_d": np.log(p["attraction_d"])}
    q |= {"tariff": 1.0 + p["buyer_tariff"], "evasion": 1.0 + p["evasion"], "mark": 1.0 + p["domestic_markup"]}
    q |= {"through": 1.0 - p["enforcement"], "through_then": 1.0 - p["enforcement_reference"]}
    q |= {"budget_exponent": p["budget_elasticity"] - 1.0}
    q |= _clock(p, dt) | _government(p, dt) | _domestic(p, dt) | {name: p[name] for name in PLAIN}
    return q | opening(p, q, catalogue, start, dt, exponent)


def _clock(p: np.ndarray, dt: float) -> Tables:
    """Equations (2) and (4): what a stock keeps and gains, what is left of a distance."""
    d, q = -np.log1p(-p["depreciation"]), {}
    for name, span in (("", dt), ("_half", 0.5 * dt), ("_year", 1.0)):
        q["keep" + name] = np.exp(-d * span)
        q["gain" + name] = np.where(d > 0.0, (1.0 - np.exp(-d * span)) / np.where(d > 0.0, d, 1.0), span)
    for name, source in (("L", "lock_in_speed"), ("belief", "belief_speed"), ("E", "budget_speed")):
        q[f"left_{name}_half"], q[f"left_{name}"] = (1.0 - p[source]) ** (0.5 * dt), (1.0 - p[source]) ** dt
    q |= {"left_sale_half": np.exp(-0.5 * dt / p["lead_time"]), "left_sale": np.exp(-dt / p["lead_time"])}
    return q | {"drawn": np.full(len(p), (1.0 - np.exp(-dt)) / dt)}


def _government(p: np.ndarray, dt: float) -> Tables:
    """Equations (30) and (31): the four shares barred, h, the rate of decisions over half a step."""
    step = p["barred_max"] / 3.0
    place = 3.0 * np.minimum(1.0, p["barred_start"] / p["barred_max"])
    levels = np.arange(4)[:, None] * step
    pi = np.maximum(0.0, 1.0 - np.abs(place - np.arange(4)[:, None]))
    switching = np.exp(-p["switching_cost"] * step)
    distance = np.abs(np.arange(4)[:, None] - np.arange(4))
    return {"levels": levels, "pi": pi, "moves": switching ** distance[..., None],
            "decisions": 0.5 * p["decision_rate"] * dt}  # fmt: skip


def _domestic(p: np.ndarray, dt: float) -> Tables:
    """Wafers, yield, memory and cost: equations (18) to (23)."""
    q = {"asic_f": p["asic_gain"] * p["asic_dies"] / p["dies_package"], "gross": gross_dies(p)}
    q |= {"asic_m": p["asic_gain"] * p["asic_stacks"] / p["stacks_package"]}
    q |= {"ln_by_logic": np.log(p["dies_package"] / p["asic_dies"])}
    q |= {"ln_by_memory": np.log(p["stacks_package"] / p["asic_stacks"])}
    q |= {"closed": (1.0 - (1.0 - p["wafers_speed"]) ** dt) / dt, "package": p["package_cost"] / p["dies_package"]}
    q |= {"yield_range": p["yield_max"] - p["yield_start"], "yield_decay": np.log(2.0) / p["yield_half"]}
    q |= {"learning": np.log2(1.0 - p["learning_rate"])}
    ratio = np.minimum(p["hbm"] / p["hbm_ceiling"], 1.0 - 1e-6)
    return q | {"stacks_rate": np.log(p["hbm_growth"]) / (1.0 - ratio)}


def gross_dies(p: np.ndarray) -> np.ndarray:
    """Dies on a wafer, good and bad."""
    return np.pi * 150.0**2 / p["die_area"] - np.pi * 300.0 / np.sqrt(2.0 * p["die_area"])


def opening(p: np.ndarray, q: Tables, catalogue: np.ndarray, start: float, dt: float, exponent: int) -> Tables:
    """The state at the start, `z_` and its name: the table of section 8. Stocks follow the frontier chip's profile."""
    stock = p["stock_e"] + p["stock_g"] + p["stock_d"]
    foreign = (p["stock_e"] + p["stock_g"]) / stock
    z = {"L": p["lock_in"], "L_target": (1.0 - p["belief_weight"]) * foreign + p["belief_weight"] * p["belief_start"]}
    z |= {"belief": p["belief_start"], "W": p["wafers"], "H": p["hbm"], "bank_h": p["bank_stacks"]}
    z |= {"bank_d": p["bank_dies"], "ai_wafers": 12.0 * p["wafers"] * p["wafer_share"], "Z": p["domestic_output"]}
    z |= {"sold": p["domestic_supply"], "F": p["dies_package"] * p["die_f"], "I": p["domestic_i"]}
    z |= {"M": p["stacks_package"] * p["stack_m"], "power": p["stock_watts"] * stock}
    z |= {"power_a": p["stock_watts"] * p["stock_a"], "XE": p["stock_e"], "XG": p["stock_g"], "XD": p["stock_d"]}
    z |= dict(zip(("die_step", "stack_step"), _first_growth(p, dt), strict=True))
    chip = frontier(p, catalogue, start, 0.0)
    f = performance(q, chip["F"], chip["M"], chip["I"], np.log(p["run_size"] / p["wall_size"]), exponent)
    by = {"a": index(f, q["omega_a"]), "c": index(f, q["omega_c"])}
    whose = {"a": "a", "b": "a", "e": "c", "g": "c", "d": "c"}
    z |= {f"K{s.upper()}": p[f"stock_{s}"] / by[g] * f for s, g in whose.items()}
    z["grey"] = p["grey_supply"] / (1.0 - p["enforcement_reference"]) / by["c"]
    return {f"z_{name}": value for name, value in z.items()}


def _first_growth(p: np.ndarray, dt: float) -> tuple[np.ndarray, np.ndarray]:
    """Equation (42) with the start's research."""
    dies = p["wafer_price"] / gross_dies(p) / p["yield_start"] * p["dies_package"]
    cost = p["cost_scale"] * (dies + p["stacks_package"] * p["stack_cost"] + p["package_cost"])
    own = p["rd_share"] * p["domestic_supply"] * cost * (1.0 + p["domestic_markup"])
    rd = (p["rd_state"] + own) * (1.0 + p["rd_denial"] * (1.0 - p["belief_start"]))
    rate = p["domestic_growth_rd"] * rd / (rd + p["rd_half"])
    return (1.0 + p["die_growth"] + rate) ** (0.5 * dt), (1.0 + p["stack_growth"] + rate) ** (0.5 * dt)


def paths(params: np.ndarray, catalogue: np.ndarray, horizon: Any, q: Tables) -> Tables:
    """What changes with time alone: the step's axis first."""
    n, dt = horizon.steps, 1.0 / horizon.steps_per_year
    steps = [_step(params, catalogue, horizon, q, t) for t in range(n)]
    table = {name: np.stack([step[name] for step in steps]) for name in steps[0] if name != "chips"}
    table["chips"] = {name: np.stack([s["chips"][name] for s in steps]) for name in steps[0]["chips"]}
    table["t"] = np.arange(n, dtype=float)
    return table | {"y": (table["t"] + 0.5) * dt, "age": table["t"] * dt}


def _logistic(p: np.ndarray, stem: str, y: float) -> np.ndarray:
    """Equation (8)."""
    share = np.minimum(p[stem] / p[f"{stem}_ceiling"], 1.0 - 1e-6)
    gamma = np.log(p[f"{stem}_growth"]) / (1.0 - share)
    return p[stem] / share / (1.0 + (1.0 / share - 1.0) * np.exp(-gamma * y))


def _ln_rho(p: np.ndarray, y: float) -> np.ndarray:
    return np.log(p["run_size"] / p["wall_size"]) + y * np.log(p["run_growth"] / p["wall_growth"])


def _step(p: np.ndarray, catalogue: np.ndarray, horizon: Any, q: Tables, t: int) -> Tables:
    """The middle of a step: sections 1 and 3."""
    dt, start, exponent = 1.0 / horizon.steps_per_year, float(horizon.start), horizon.roofline_exponent
    y, beta = (t + 0.5) * dt, p["price_sensitivity"]
    chip = frontier(p, catalogue, start, y)
    f = performance(q, chip["F"], chip["M"], chip["I"], _ln_rho(p, y), exponent)
    va, price = index(f, q["omega_a"]), chip["cost"] * (1.0 + p["markup_a"])
    x = {"price": price, "ln_price": np.log(price), "reference": price / va, "ln_rho": _ln_rho(p, y)}
    x |= {"a0": (p["outside_price"] * price / va) ** -beta, "front_vc": index(f, q["omega_c"])}
    x |= {"front_f": f, "front_power": f**beta, "price_power": price**-beta}
    x |= {f"front_{name}": chip[name] for name in ("F", "M", "I", "tpp")}
    x |= {stem: _logistic(p, stem, y) for stem in ("spending_a", "budget_b", "budget_c")}
    x |= {f"power_{g}": p[f"power_{g}"] * p[f"power_{g}_growth"] ** (y + 1.0) for g in "ac"}
    growth = p["watts_growth"] ** y
    x |= {"watts": p["watts_frontier"] * growth, "watts_d": p["watts_domestic"] * growth / p["dies_package"]}
    x |= {"grey": p["grey_supply"] * p["grey_growth"] ** y}
    x |= {"soft": np.minimum(1.0, rows(p, "software") * p["software_growth"] ** y)}
    return x | _ends(p, catalogue, horizon, q, t) | {"chips": catalogue_rows(p, catalogue, start, y)}


def _ends(p: np.ndarray, catalogue: np.ndarray, horizon: Any, q: Tables, t: int) -> Tables:
    """Discount (1), kappa of (3), the frontier chip at the step's end."""
    dt, start, exponent = 1.0 / horizon.steps_per_year, float(horizon.start), horizon.roofline_exponent
    sales = []
    for y in (t * dt, (t + 1) * dt):
        chip = frontier(p, catalogue, start, y)
        f = performance(q, chip["F"], chip["M"], chip["I"], _ln_rho(p, y), exponent)
        sales.append(_logistic(p, "spending_a", y) * index(f, q["omega_a"]))
    g, d, rate = np.log(sales[1] / sales[0]) / dt, -np.log1p(-p["depreciation"]), -np.log(p["discount"])
    spent = p["discount"] ** (t * dt) - p["discount"] ** ((t + 1) * dt)
    discount = np.where(rate > 0.0, spent / np.where(rate > 0.0, rate, 1.0), dt)
    following = {f"next_{name}": chip[name] for name in ("F", "M", "I")}
    return {"discount": discount, "curvature": 1.0 + g * (g + 2.0 * d) * dt * dt / 24.0} | following


def groups_of(levers: np.ndarray) -> Tables:
    """Levers as arrays [..., P, 1] by group; LEVERS[P, 1] with absolute readings, or it is refused."""
    if levers.ndim != 2 or levers.shape[1] != 1:
        raise ValueError("the array form knows no schedules: levers must be LEVERS[n_policies, 1]")
    if any((levers[g]["reading"] != ABSOLUTE).any() for g in GROUPS):
        raise ValueError("the array form knows absolute readings alone")
    return {g: _group(levers[g][:, 0]) for g in GROUPS}


def _group(group: np.ndarray) -> Tables:
    """Caps as [2, 3, P, 1]; a box that admits nothing has every cap at 0, a shut licensed tier too."""
    caps = {name: np.moveaxis(group[name], 0, -1)[..., None].copy() for name in CAPS}
    live = np.min(np.stack(list(caps.values())), axis=0) > 0.0
    least = np.minimum(np.minimum(group["quota_share"], group["quota_chips"]), group["quota_tpp"])
    flows = ((least > 0.0) & (group["revenue_share"] < 1.0))[:, None]
    g = {f"free_{name}": np.where(live, cap, 0.0) for name, cap in caps.items()}
    g |= {name: np.where(live & np.stack([flows | True, flows])[:, None], cap, 0.0) for name, cap in caps.items()}
    g["sku"] = group["sku_before"].T[..., None].copy()
    plain = ("quota_share", "quota_chips", "quota_tpp", "revenue_share", "delay", "no_diversion", "indexation",
             "enforcement", "equipment_control", "memory_control")  # fmt: skip
    return g | {name: group[name][:, None].copy() for name in plain}


def similar(levers: np.ndarray, groups: str) -> np.ndarray:
    """An order of policies that puts those with the same boxes in use side by side, so that blocks skip the rest."""
    keys = []
    for g in groups:
        part = levers[g][:, 0]
        used = np.min(np.stack([part[name] for name in CAPS]), axis=0) > 0.0
        summed = used & np.isfinite(part["bandwidth_sum"])
        keys += [*np.moveaxis(summed, 0, -1).reshape(6, -1), part["revenue_share"] > 0.0]
        keys += [np.isfinite(part["quota_chips"]), *np.moveaxis(used, 0, -1).reshape(6, -1)]
    return np.lexsort(keys)
