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
    """Theta times the reference chip's figures, and the reference chip's time: equation (1)."""
    theta = {c: rows(params, f"theta_{c}", ORDER[:3]) for c in "fmi"}
    time = norm(theta["f"].copy(), theta["m"].copy(), exponent, np) + theta["i"]
    scaled = {f"theta_{c}": theta[c] * params[f"reference_{c}"] for c in "fmi"}
    walls = {"wall": params["wall_exponent"], "network": params["network_exponent"], "ri0": 1.0 / params["reference_i"]}
    return {**scaled, "time": time, **walls}


def performance(q: Tables, F: np.ndarray, M: np.ndarray, I: np.ndarray, ln_rho: np.ndarray, exponent: int) -> Any:
    """Equations (1) and (2) for figures [S]; [4, S]."""
    norms = norm(q["theta_f"] / F, q["theta_m"] / M, exponent, np)
    f = q["time"] / (norms + q["theta_i"] / I)
    ln_u = ln_rho - np.log(f[0]) - q["network"] * np.log(I * q["ri0"])
    return np.concatenate([f, (f[0] / (1.0 + np.exp(q["wall"] * ln_u)))[None]])


def index(f: np.ndarray, omega: np.ndarray) -> np.ndarray:
    """Value index, equation (3)."""
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


def frontier(params: np.ndarray, catalogue: np.ndarray, start: float, y: float) -> list[np.ndarray]:
    """F, M and I of the first entry on sale."""
    for chip in catalogue:
        *figures, _, _, on_sale = chip_rows(params, chip, start, y)
        if on_sale[0] == 1.0:
            return figures[:3]
    raise ValueError(f"no chip of the catalogue is on sale in {start + y}")


def constants(params: np.ndarray, catalogue: np.ndarray, horizon: Any) -> Tables:
    """What does not change over a run: arrays [S], [3, S] or [4, S]."""
    p, dt, start, exponent = params, 1.0 / horizon.steps_per_year, float(horizon.start), horizon.roofline_exponent
    beta = p["price_sensitivity"]
    q = roofline_constants(p, exponent)
    q |= {"omega_a": weights(p, "value_a"), "omega_c": weights(p, "value_c"), "omega_k": weights(p, "capability")}
    q |= {"beta": beta, "r_beta": 1.0 / beta, "ln_beta": np.log(beta), "r_beta1": 1.0 / (1.0 + beta)}
    q |= {"ln_floor": np.log1p(1.0 / beta), "kept": 1.0 - p["slack"], "nre": p["nre"] * dt}
    q |= {"ln_att_e": np.log(p["attraction_e"]), "ln_att_d": np.log(p["attraction_d"])}
    q |= {"ln_att_g": np.log(np.where(p["attraction_g"] > 0.0, p["attraction_g"], 1.0))}
    q |= {"net": 1.0 / (1.0 + p["buyer_tariff"]), "elastic": 1.0 - p["budget_elasticity"]}
    q |= {"mark": 1.0 + p["domestic_markup"], "r_z0": 1.0 / p["domestic_output"]}
    q |= {"enf": (1.0 - p["enforcement"]) / (1.0 - p["enforcement_reference"])}
    q |= {"r_step": 1.0 - (1.0 - p["response_speed"]) ** dt, "l_step": 1.0 - (1.0 - p["lock_in_speed"]) ** dt}
    q |= {"learn": np.log2(1.0 - p["learning_rate"]), "remember": 1.0 - p["node_forgetting"]}
    q |= {"s_grow": p["capacity_growth"] ** dt, "decay": (1.0 - p["depreciation"]) ** dt}
    q |= {"algo": p["algorithm_lag"] * np.log(p["algorithm_growth"])}
    q |= {name: p[name] for name in PLAIN}
    return q | opening_stocks(p, q, catalogue, start, exponent)


#: Parameters that the model reads as they are.
PLAIN = (
    "cost_retained", "attraction_g", "network_effect", "outside_price", "home_share", "spare_supply", "displacement",
    "scarcity_exponent", "grey_floor", "leak_a", "leak_b", "grey_budget_cap", "remote_share", "response_level",
    "response_dependency", "response_advantage", "response_self", "response_max", "domestic_cost", "cost_floor",
    "rd_share", "rd_state", "rd_denial", "domestic_growth", "domestic_growth_rd", "rd_half", "capacity_investment",
    "stockpile", "tightening_exponent", "write_down", "design_lag", "lock_in", "barred_start", "domestic_capacity",
    "domestic_f", "domestic_m", "domestic_i", "domestic_output", "stock_e", "stock_g", "stock_d",
)  # fmt: skip


def opening_stocks(p: np.ndarray, q: Tables, catalogue: np.ndarray, start: float, exponent: int) -> Tables:
    """Stocks at the start by the profile of the frontier chip: section 8, item 8."""
    f = performance(q, *frontier(p, catalogue, start, 0.0), np.log(p["run_size"] / p["wall_size"]), exponent)
    by = {"a": index(f, q["omega_a"]), "c": index(f, q["omega_c"])}
    whose = {"a": "a", "b": "a", "e": "c", "g": "c", "d": "c"}
    return {f"k_{s}": p[f"stock_{s}"] / by[g] * f for s, g in whose.items()}


def paths(params: np.ndarray, catalogue: np.ndarray, horizon: Any, q: Tables) -> Tables:
    """What changes with time alone: the step's axis first."""
    n, spy = horizon.steps, horizon.steps_per_year
    steps = [_step(params, catalogue, horizon, q, t) for t in range(n)]
    table = {name: np.stack([step[name] for step in steps]) for name in steps[0] if name != "chips"}
    table["chips"] = {name: np.stack([s["chips"][name] for s in steps]) for name in steps[0]["chips"]}
    table["t"] = np.arange(n, dtype=float)
    table["more"] = np.arange(n) < n - 1
    table["forget"] = np.array([(t + 1) % (2 * spy) == 0 for t in range(n)])
    return table


def _budget_c(p: np.ndarray, y: float) -> np.ndarray:
    early = p["budget_c_growth"] ** np.minimum(y, p["budget_c_break"])
    return p["budget_c"] * early * p["budget_c_growth_late"] ** np.maximum(y - p["budget_c_break"], 0.0)


def _logistic(p: np.ndarray, y: float) -> np.ndarray:
    """Equation (4)."""
    share = np.minimum(p["demand_a"] / p["demand_a_ceiling"], 1.0 - 1e-6)
    gamma = np.log(p["demand_a_growth"]) / (1.0 - share)
    return p["demand_a"] / share / (1.0 + (1.0 / share - 1.0) * np.exp(-gamma * y))


def _step(p: np.ndarray, catalogue: np.ndarray, horizon: Any, q: Tables, t: int) -> Tables:
    dt, start, exponent = 1.0 / horizon.steps_per_year, float(horizon.start), horizon.roofline_exponent
    y = t * dt
    price = p["reference_price"] * p["price_growth"] ** y
    x = {"price": price, "a0": (p["outside_price"] * price) ** -p["price_sensitivity"]}
    x |= {"budget_c": _budget_c(p, y), "budget_c_next": _budget_c(p, y + dt)}
    x |= {f"budget_b{s}": p["budget_b"] * p["budget_b_growth"] ** (y + d) for s, d in (("", 0.0), ("_next", dt))}
    ln_rho = np.log(p["run_size"] / p["wall_size"]) + y * np.log(p["run_growth"] / p["wall_growth"])
    x |= {"ln_rho": ln_rho, "demand_a": _logistic(p, y) * dt}
    x |= {"grey": p["grey_supply"] * p["grey_growth"] ** y * dt, "discount": p["discount"] ** y}
    x |= {"soft": np.minimum(1.0, rows(p, "software") * p["software_growth"] ** y)}
    f = performance(q, *frontier(p, catalogue, start, y), ln_rho, exponent)
    x |= {"front_f": f, "front_f_beta": f ** q["beta"]}
    x |= {"front_va": index(f, q["omega_a"]), "front_vc": index(f, q["omega_c"])}
    x |= dict(zip(("next_f", "next_m", "next_i"), frontier(p, catalogue, start, y + dt), strict=True))
    return x | {"chips": catalogue_rows(p, catalogue, start, y)}


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
    plain = ("quota_share", "quota_chips", "quota_tpp", "revenue_share", "delay", "no_diversion", "indexation")
    return g | {name: group[name][:, None].copy() for name in plain}


def similar(levers: np.ndarray, groups: str) -> np.ndarray:
    """An order of policies that puts those with the same boxes in use side by side, so that blocks skip the rest."""
    keys = []
    for g in groups:
        part = levers[g][:, 0]
        used = np.min(np.stack([part[name] for name in CAPS]), axis=0) > 0.0
        summed = used & np.isfinite(part["bandwidth_sum"])
        keys += [*np.moveaxis(summed, 0, -1).reshape(6, -1), part["indexation"] < 0.0]
        keys += [np.isfinite(part["quota_chips"]), *np.moveaxis(used, 0, -1).reshape(6, -1)]
    return np.lexsort(keys)
