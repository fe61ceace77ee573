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

from functools import cached_property
from typing import Any

import numpy as np
from array_backend import NumpyBackend
from array_domestic import domestic, wafers_growth
from array_government import decide, open_market, ration
from array_market import Arrays, best_index, find_offers, sales, sold, terms, total
from array_restricted import after_market, clear_market, lead
from array_scenario import ORDER, constants, groups_of, paths, similar

from tiercap.kernels.params import LEVERS, OUTCOMES
from tiercap.optimizer.rules.levers import unrestricted

#: Workloads of the array form and of the outcomes' names.
PLACES = dict(zip(ORDER, range(4), strict=True))


# --- groups A and B: sections 6 and 7 -------------------------------------------------------------------------------


def buy_a(be: Any, q: Arrays, x: Arrays, group: Arrays, z: Arrays, exponent: int) -> tuple[Arrays, Arrays]:
    """Section 6: purchases of A a year, terms ignored, and the power they draw."""
    value, f = best_index(be, q, x, group, q["omega_a"], z["ration"], exponent, "free_")
    want = x["spending_a"] / x["price"]  # equation (16)
    share = ration(be, q, z["power"], want * x["watts"], z["ration"], x["power_a"])
    chips = be.xp.where(value > 0.0, want * share, 0.0)
    after = {"power": q["keep"] * z["power"] + q["gain"] * chips * x["watts"], "ration": share}
    return after, {"n_a": chips, "v_a": value, "f_a": be.xp.where(chips > 0.0, f, 0.0)}


def sell_b(be: Any, q: Arrays, x: Arrays, group: Arrays, home: Arrays, dt: float, exponent: int) -> Arrays:
    """Section 7: B's market in one step, annual rates."""
    xp, omega, like = be.xp, q["omega_a"][:, None], 0.0 * home["n_a"]
    market = {"B": omega * x["budget_b"], "R": x["a0"], "omega": omega, "ln_A": q["ln_att_e"], "like": like}
    market |= {"tariff": 1.0, "delta": 0.0} | terms(be, q, x, group, dt, home["n_a"], 0.0)
    o, l, plan, _ = find_offers(be, q, x, group, market, exponent)
    for j, reach in ((o, plan["reach_o"]), (l, plan["reach_l"])):
        j |= {"units": xp.where(reach > 0.0, reach * j["n_star"], 0.0), "price": xp.exp(j["ln_star"])}
    bought = {"n_b": o["units"] + l["units"], "q_b": sold(be, (o, l), "v_a"), "f_b": sold(be, (o, l), "f")}
    return bought | {f"{name}_b": value for name, value in sales(be, q, group, 1.0, o, l).items()}


def allied_run(be: Any, scan: Any, q: Arrays, x: Arrays, groups: Arrays, like: Any, dt: float, exponent: int) -> Arrays:
    """A and B over all steps, the step's axis first."""

    def step(z: Arrays, x: Arrays) -> tuple[Arrays, Arrays]:
        after, home = buy_a(be, q, x, groups["a"], z, exponent)
        return after, home | sell_b(be, q, x, groups["b"], home, dt, exponent)

    return scan(step, {"power": like + q["z_power_a"], "ration": like + 1.0}, x)[1]


# --- group C in one step: section 8 ---------------------------------------------------------------------------------


def step_c(be: Any, q: Arrays, x: Arrays, home: Arrays, group: Arrays, z: Arrays, dt: float, exponent: int) -> Any:
    """Items 1 to 13 of section 8: the step's flows, and the next state."""
    c = domestic(be, q, x, z, group, dt, exponent)
    c |= open_market(be, q, x, z, c, home)
    market = {"B": (1.0 - c["barred_before"]) * c["b"], "R": c["rivals"], "omega": q["omega_c"][:, None]}
    market |= {"ln_A": c["ln_A"], "tariff": q["tariff"], "delta": c["delta"], "like": 0.0 * z["L"]}
    market |= terms(be, q, x, group, dt, home["n_a"], home["n_b"])
    o, l, plan, c["flows"] = find_offers(be, q, x, group, market, exponent)
    c |= decide(be, q, x, z, c, o, l, plan, group, market["avail"])
    c |= clear_market(be, q, x, c, home, o, l, plan, market["avail"])
    return after_market(be, q, x, z, c, home, group, dt)


# --- outcomes: section 9 --------------------------------------------------------------------------------------------

SUMS = (
    "revenue", "revenue_bc", "exporter_and_government", "gross_revenue_a", "gross_revenue_b", "gross_revenue_c",
    "government_take", "displaced_revenue", "design_cost", "administration", "equipment_sales", "domestic_revenue",
    "research", "units_a", "units_b", "units_open", "units_licensed", "units_grey", "units_domestic",
    "acquired_lawful", "acquired_domestic", "acquired_smuggled", "acquired_rented", "domestic_supply", "buyer_access",
    "served", "grey_premium",
)  # fmt: skip


def money(q: Arrays, x: Arrays, home: Arrays, c: Arrays, group: Arrays, be: Any) -> Arrays:
    """What one step adds to present values."""
    d, price, l = x["discount"], x["price"], c["offers"][1]
    displaced = price * c["displaced"]
    net = c["gross"] - c["take"] - displaced - c["design"]
    take = c["take"] + home["take_b"]
    running = be.xp.where(l["units"] > 0.0, q["licence_fixed"], 0.0) + q["licence_cost"] * l["price"] * l["units"]
    tools = q["tool_price"] * q["tools_aligned"] * (1.0 - group["equipment_control"])
    found = {
        "revenue": net, "revenue_bc": net + home["gross_b"] - home["take_b"] - home["design_b"],
        "exporter_and_government": net + take, "gross_revenue_a": price * home["n_a"] - displaced,
        "gross_revenue_b": home["gross_b"], "gross_revenue_c": c["gross"], "government_take": take,
        "displaced_revenue": displaced, "design_cost": c["design"], "domestic_revenue": c["rev_d"],
        "administration": running - q["enforcement_cost"] * be.ln(c["leak"]), "equipment_sales": tools * c["dW"],
        "research": c["research"],
    }  # fmt: skip
    return {name: d * value for name, value in found.items()}


def amounts(q: Arrays, x: Arrays, home: Arrays, c: Arrays, n: int, dt: float) -> Arrays:
    """What one step adds to chips, computing and means over steps."""
    o, l = c["offers"]
    found = {
        "units_a": c["kept_a"], "units_b": home["n_b"], "units_open": o["units"], "units_licensed": l["units"],
        "units_grey": c["n_g"], "units_domestic": c["n_d"], "acquired_domestic": c["n_d"] * c["v_d"],
        "acquired_smuggled": c["n_g"] * x["front_vc"], "acquired_rented": q["remote_share"] * home["q_b"],
    }  # fmt: skip
    mean = {"domestic_supply": c["supply"] * c["v_d"], "buyer_access": 1.0 - c["barred"], "served": c["served"]}
    mean["grey_premium"] = c["p_g"] / x["price"] - 1.0
    whole = {name: value * dt for name, value in found.items()} | {name: value / n for name, value in mean.items()}
    return whole | {"acquired_lawful": c["value_sold"]}


def tally(be: Any, q: Arrays, x: Arrays, home: Arrays, group: Arrays, z: Arrays, c: Arrays, sums: Arrays, n: int,
          dt: float) -> Arrays:  # fmt: skip
    """Sums and last values after one more step."""
    added = money(q, x, home, c, group, be) | amounts(q, x, home, c, n, dt)
    new = {name: sums[name] + value for name, value in added.items()}
    for name in ("e_e", "e_d", "e_g"):
        new[name], new["last_" + name] = sums[name] + c[name] * dt, c[name]
    new["lead"] = sums["lead"] + x["discount"] * (0.5 * (z["ln_lead"] + c["stocks"]["ln_lead"]))
    last = {"supply": c["supply"] * c["v_d"], "made": c["stores"]["made"], "cost": c["cost_d"], "value": c["v_d"]}
    new |= {f"last_{name}": value for name, value in (last | {"barred": c["barred"]}).items()}
    return new | {"discounts": sums["discounts"] + x["discount"]}


def close(be: Any, q: Arrays, z: Arrays, sums: Arrays) -> Any:
    """All outcomes in the order of OUTCOMES, [n_outcomes, P, S]; those relative to no control are not numbers."""
    xp, omega = be.xp, q["omega_k"][:, None]
    out = {name: sums[name] for name in SUMS}
    none = 0.0 * z["L"]
    whole = sums["e_e"] + sums["e_d"] + sums["e_g"]
    mean = sums["lead"] / sums["discounts"]
    part = {stem: xp.where(whole > 0.0, sums[e] / xp.where(whole > 0.0, whole, 1.0), 0.0)
            for stem, e in (("import_share", "e_e"), ("domestic_share", "e_d"), ("grey_share", "e_g"))}  # fmt: skip
    part |= {"compute_lead": xp.exp(mean), "terminal_compute_lead": xp.exp(z["ln_lead"])}
    for stem, rows in part.items():
        out |= {f"{stem}_{w}": rows[k] for w, k in PLACES.items()}
    out |= {"compute_lead": xp.exp(total(omega * mean)), "terminal_compute_lead": xp.exp(total(omega * z["ln_lead"]))}
    held = z["KE"] + z["KG"] + z["KD"]
    out["world_share_c"] = total(omega * held) / total(omega * (held + z["KA"] + z["KB"]))
    last = total(sums["last_e_e"] + sums["last_e_d"] + sums["last_e_g"])
    share = xp.where(last > 0.0, total(sums["last_e_d"]) / xp.where(last > 0.0, last, 1.0), 0.0)
    out |= {"terminal_domestic_share": share, "terminal_supply": sums["last_supply"], "lock_in": z["L"]}
    out |= {"domestic_chips": sums["last_made"], "domestic_cost": sums["last_cost"], "write_downs": none}
    out |= {"domestic_value": sums["last_value"], "terminal_access": 1.0 - sums["last_barred"]}
    out |= dict.fromkeys(RELATIVE, none * np.nan)
    return xp.stack([out[name] for name in OUTCOMES])


#: Outcomes [percent] that are others over what those are in the same future without control.
RELATIVE = {"substitution": "domestic_supply", "terminal_substitution": "terminal_supply"}


def opening(be: Any, q: Arrays, group: Arrays, like: Any) -> tuple[Arrays, Arrays]:
    """State and sums at the start of a run."""
    xp, four = be.xp, be.xp.zeros((4, *like.shape))
    names = ("L", "W", "H", "bank_h", "bank_d", "ai_wafers", "Z", "sold", "F", "M", "I", "power", "XE", "XG", "XD",
             "die_step", "stack_step")  # fmt: skip
    z = {name: like + q[f"z_{name}"] for name in names}
    z |= {"L_target": like + q["z_L_target"], "L_before": like + q["z_L_target"], "pi": four + q["pi"][:, None]}
    z |= dict.fromkeys(("belief", "belief_target", "belief_before"), four + q["z_belief"])
    z |= dict.fromkeys(("E", "E_target", "E_before", "ration", "premium"), like + 1.0)
    z |= {"made": like - 1.0, "watts": like - 1.0, "Q": like, "ln_efficiency": like}
    z |= {f"K{s}": four + q[f"z_K{s}"][:, None] for s in "ABEGD"}
    z["dW"] = wafers_growth(be, q, group, z["W"], like + 1.0)
    z["grey"] = like + q["z_grey"] * xp.maximum(q["through"] * (1.0 - group["enforcement"]), 1e-3)
    z["ln_lead"] = lead(be, q, z)
    ones = (*SUMS, "discounts", "last_supply", "last_made", "last_cost", "last_value", "last_barred")
    fours = ("e_e", "e_d", "e_g", "last_e_e", "last_e_d", "last_e_g", "lead")
    return z, dict.fromkeys(ones, like) | dict.fromkeys(fours, four)


def restricted_run(be: Any, scan: Any, q: Arrays, x: Arrays, home: Arrays, group: Arrays, like: Any, dt: float,
                   exponent: int) -> Any:  # fmt: skip
    """Group C over all steps: outcomes [n_outcomes, P, S]."""
    n = len(x["t"])

    def step(carry: tuple[Arrays, Arrays], now: tuple[Arrays, Arrays]) -> tuple[tuple[Arrays, Arrays], None]:
        (z, sums), (x, home) = carry, now
        c, after = step_c(be, q, x, home, group, z, dt, exponent)
        return (after, tally(be, q, x, home, group, z, c, sums, n, dt)), None

    z, sums = scan(step, opening(be, q, group, like), (x, home))[0]
    return close(be, q, z, sums)


def beyond(out: np.ndarray, without: np.ndarray) -> np.ndarray:
    """``out`` [P, n_outcomes, S] with what it is beyond ``without`` [n_outcomes, S], no control, in per cent."""
    for name, source in RELATIVE.items():
        values, base = out[:, OUTCOMES.index(source)], without[OUTCOMES.index(source)]
        with np.errstate(all="ignore"):
            over = 100.0 * (values / base - 1.0)
        out[:, OUTCOMES.index(name)] = np.where((values == 0.0) & (base == 0.0), 0.0, over)
    return out


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
        return beyond(self._run(levers), self._without_control)

    @cached_property
    def _without_control(self) -> np.ndarray:
        """All outcomes of no control, what those of `RELATIVE` are measured from: float64[n_outcomes, S]."""
        found: np.ndarray = self._run(unrestricted().reshape(1, 1))[0]
        return found

    def _run(self, levers: np.ndarray) -> np.ndarray:
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
