"""The payoff model written one evaluation at a time: Numba, plain loops, ``math.exp`` and ``math.log``.

The natural way to compile docs/model.md, and the baseline that the kernels' lanes are measured against: same
equations, same hoisting (scenario tables of `array_scenario`, groups A and B once for every distinct rule of theirs),
same stopping rule of the prices, no vectors. Absolute readings and one policy throughout; anything else is refused.

    kernel = ScalarKernel(params, horizon, catalogue)
    kernel.outcomes(levers)                                     # [n_policies, n_outcomes, n_scenarios]
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any

import numpy as np
from array_model import SUMS, beyond, distinct
from array_scenario import ORDER, constants, groups_of, paths
from scalar_domestic import STATE, STEP, wafers_growth
from scalar_offers import FIGURES, FOUR, OFFER, TERMS, best_index, book, find_offers, njit, set_terms
from scalar_restricted import advance, compare_stocks, ration, step_c

from tiercap.kernels.params import OUTCOMES
from tiercap.optimizer.rules.levers import unrestricted

_OUTCOME_ROWS = {name: k for k, name in enumerate(OUTCOMES)}
HOME = np.dtype(
    [(name, np.float64) for name in ("n_a", "v_a", "n_b", "q_b", "gross", "take", "design")]
    + [("f_a", *FOUR), ("f_b", *FOUR)],
    align=True,
)
SUM = np.dtype(
    [(name, np.float64) for name in (*SUMS, "discounts")] + [(name, *FOUR) for name in ("e_e", "e_d", "e_g", "lead")],
    align=True,
)


# --- groups A and B -------------------------------------------------------------------------------------------------


@njit
def allied(first, last, levers, policies, consts, paths, chips, dt, exponent, home, offers, of_licence):
    """Groups A and B of distinct rules ``first`` to ``last`` in every scenario; ``home``: HOME[n, S, T]."""
    o, l, terms = offers[0], offers[1], of_licence[0]
    f, best_f, E = np.zeros(4), np.zeros(4), np.zeros(4)
    for row in range(first, last):
        a, b = levers[policies[row], 0].a, levers[policies[row], 0].b
        for s in range(consts.shape[0]):
            q = consts[s]
            power, share = q.z_power_a, 1.0
            for t in range(paths.shape[0]):
                x, here = paths[t, s], home[row, s, t]
                power, share = buy_a(q, x, chips[t, s], a, power, share, exponent, f, best_f, here)
                sell_b(q, x, chips[t, s], b, dt, exponent, terms, f, E, o, l, here)


@njit
def buy_a(q, x, chips, g, power, share, exponent, f, best_f, home):
    """Section 6; returns the power in use and the share of purchases that it lets run."""
    home.v_a = best_index(q, x, chips, g, q.omega_a, 0, exponent, f, best_f)
    want = x.spending_a / x.price
    share = ration(q, power, want * x.watts, share, x.power_a)
    home.n_a = want * share if home.v_a > 0.0 else 0.0
    for k in range(4):
        home.f_a[k] = best_f[k] if home.n_a > 0.0 else 0.0
    return q.keep * power + q.gain * home.n_a * x.watts, share


@njit
def sell_b(q, x, chips, g, dt, exponent, terms, f, E, o, l, home):
    """Section 7."""
    set_terms(q, x, g, dt, home.n_a, 0.0, terms)
    terms.tariff, terms.delta, terms.ln_A = 1.0, 0.0, q.ln_att_e
    for k in range(4):
        terms.B[k], terms.R[k], terms.omega[k] = q.omega_a[k] * x.budget_b, x.a0, q.omega_a[k]
    find_offers(q, x, chips, g, terms, exponent, f, E, o, l)
    home.n_b = home.q_b = 0.0
    home.f_b[:] = 0.0
    for j in (o, l):
        j.units = j.price = 0.0
        if j.reach > 0.0:
            j.units, j.price = j.reach * j.n_star, math.exp(j.ln_star)
            home.n_b += j.units
            home.q_b += j.units * j.v_a
            for k in range(4):
                home.f_b[k] += j.units * j.f[k]
    home.gross, home.take, home.design = book(q, terms, o, l)


# --- runs -----------------------------------------------------------------------------------------------------------


@njit
def tally_money(q, x, g, home, z, l, c, s):
    """Section 9: present values."""
    d, displaced = x.discount, x.price * c.displaced
    net, take = c.gross - c.take - displaced - c.design, c.take + home.take
    s.revenue += d * net
    s.revenue_bc += d * (net + home.gross - home.take - home.design)
    s.exporter_and_government += d * (net + take)
    s.gross_revenue_a += d * (x.price * home.n_a - displaced)
    s.gross_revenue_b += d * home.gross
    s.gross_revenue_c += d * c.gross
    s.government_take += d * take
    s.displaced_revenue += d * displaced
    s.design_cost += d * c.design
    running = q.licence_fixed + q.licence_cost * l.price * l.units if l.units > 0.0 else 0.0
    s.administration += d * (running - q.enforcement_cost * math.log(c.leak))
    s.equipment_sales += d * q.tool_price * q.tools_aligned * (1.0 - g.equipment_control) * z.dW
    s.domestic_revenue += d * c.rev_d
    s.research += d * c.research
    s.discounts += d


@njit
def tally(q, x, home, z, n, dt, o, l, c, s):
    """Section 9: chips, computing, means and shares of one more step."""
    s.units_a += c.kept_a * dt
    s.units_b += home.n_b * dt
    s.units_open += o.units * dt
    s.units_licensed += l.units * dt
    s.units_grey += c.n_g * dt
    s.units_domestic += c.n_d * dt
    s.acquired_lawful += c.value_sold
    s.acquired_domestic += c.n_d * c.v_d * dt
    s.acquired_smuggled += c.n_g * x.front_vc * dt
    s.acquired_rented += q.remote_share * home.q_b * dt
    s.domestic_supply += c.supply * c.v_d / n
    s.buyer_access += (1.0 - c.barred) / n
    s.served += c.served / n
    s.grey_premium += (c.p_g / x.price - 1.0) / n
    for k in range(4):
        s.e_e[k] += c.e_e[k] * dt
        s.e_d[k] += c.e_d[k] * dt
        s.e_g[k] += c.e_g[k] * dt
        s.lead[k] += x.discount * (0.5 * (z.lead_before[k] + z.ln_lead[k]))


@njit
def open_run(q, g, z):
    """The state at the start: the table of section 8."""
    z.L, z.L_target, z.L_before = q.z_L, q.z_L_target, q.z_L_target
    z.E = z.E_target = z.E_before = z.ration = z.premium = 1.0
    z.W, z.Q, z.ai_wafers, z.H, z.bank_h, z.bank_d = q.z_W, 0.0, q.z_ai_wafers, q.z_H, q.z_bank_h, q.z_bank_d
    z.F, z.M, z.I, z.die_step, z.stack_step = q.z_F, q.z_M, q.z_I, q.z_die_step, q.z_stack_step
    z.Z, z.sold, z.made, z.watts, z.power = q.z_Z, q.z_sold, -1.0, -1.0, q.z_power
    z.ln_efficiency, z.XE, z.XG, z.XD = 0.0, q.z_XE, q.z_XG, q.z_XD
    z.dW = wafers_growth(q, g, z.W, 1.0)
    z.grey = q.z_grey * max(q.through * (1.0 - g.enforcement), 1e-3)
    for k in range(4):
        z.belief[k] = z.belief_target[k] = z.belief_before[k] = q.z_belief
        z.pi[k] = q.pi[k]
        z.KA[k], z.KB[k], z.KE[k], z.KG[k], z.KD[k] = q.z_KA[k], q.z_KB[k], q.z_KE[k], q.z_KG[k], q.z_KD[k]
    compare_stocks(q, z)


def _rows(*names: str) -> tuple[int, ...]:
    return tuple(_OUTCOME_ROWS[name] for name in names)


def _by_workload(stem: str) -> tuple[int, ...]:
    return _rows(*(f"{stem}_{w}" for w in ORDER))


_SUM_ROWS = _rows(*SUMS)
_IMPORT, _DOMESTIC, _GREY = _by_workload("import_share"), _by_workload("domestic_share"), _by_workload("grey_share")
_LEADS, _TERMINALS = _by_workload("compute_lead"), _by_workload("terminal_compute_lead")
_LEAD, _TERMINAL, _WORLD, _SUPPLY, _CHIPS, _UNIT_COST, _VALUE, _LAST_SHARE, _ACCESS, _LOCK_IN = _rows(
    "compute_lead", "terminal_compute_lead", "world_share_c", "terminal_supply", "domestic_chips", "domestic_cost",
    "domestic_value", "terminal_domestic_share", "terminal_access", "lock_in",
)  # fmt: skip


@njit
def close(q, z, c, s, out):
    """Outcomes that need the whole run; those that are sums are copied by the caller."""
    domestic = whole = lead = last = own = world = 0.0
    for k in range(4):
        e, d, g = s.e_e[k], s.e_d[k], s.e_g[k]
        spent = e + d + g
        out[_IMPORT[k]] = e / spent if spent > 0.0 else 0.0
        out[_DOMESTIC[k]] = d / spent if spent > 0.0 else 0.0
        out[_GREY[k]] = g / spent if spent > 0.0 else 0.0
        mean = s.lead[k] / s.discounts
        out[_LEADS[k]], out[_TERMINALS[k]] = math.exp(mean), math.exp(z.ln_lead[k])
        lead += q.omega_k[k] * mean
        last += q.omega_k[k] * z.ln_lead[k]
        held = z.KE[k] + z.KG[k] + z.KD[k]
        own += q.omega_k[k] * held
        world += q.omega_k[k] * (held + z.KA[k] + z.KB[k])
        domestic += c.e_d[k]
        whole += c.e_e[k] + c.e_d[k] + c.e_g[k]
    out[_LEAD], out[_TERMINAL], out[_WORLD], out[_LOCK_IN] = math.exp(lead), math.exp(last), own / world, z.L
    out[_SUPPLY], out[_CHIPS], out[_UNIT_COST], out[_VALUE] = c.supply * c.v_d, z.made, c.cost_d, c.v_d
    out[_LAST_SHARE], out[_ACCESS] = domestic / whole if whole > 0.0 else 0.0, 1.0 - c.barred


@njit
def restricted(
    first, last, levers, kind, consts, paths, chips, dt, exponent, home, offers, of_licence, steps, states, out, totals
):  # fmt: skip
    """Group C of policies ``first`` to ``last`` in every scenario: out [P, n_outcomes, S], totals SUM[P, S]."""
    o, l, c, terms, z = offers[0], offers[1], steps[0], of_licence[0], states[0]
    f, E = np.zeros(4), np.zeros(4)
    n = paths.shape[0]
    for p in range(first, last):
        g = levers[p, 0].c
        for s in range(consts.shape[0]):
            q = consts[s]
            open_run(q, g, z)
            for t in range(n):
                x, here = paths[t, s], home[kind[p], s, t]
                step_c(q, x, chips[t, s], here, g, z, dt, exponent, terms, f, E, o, l, c)
                tally_money(q, x, g, here, z, l, c, totals[p, s])
                tally(q, x, here, z, n, dt, o, l, c, totals[p, s])
                advance(q, x, z, dt, c)
            close(q, z, c, totals[p, s], out[p, :, s])


def records(tables: dict[str, Any], axes: int) -> np.ndarray:
    """Tables whose last axis is the scenario (the first of ``axes`` the step) as one record array of that shape."""
    kinds, shape = [], ()
    for name, table in tables.items():
        inner = table.shape[axes - 1 : -1] if table.ndim > 1 else ()
        kinds.append((name, table.dtype, inner))
        shape = (*table.shape[: axes - 1], table.shape[-1]) if table.ndim >= axes else shape
    out = np.zeros(shape, np.dtype(kinds, align=True))
    for name, table in tables.items():
        out[name] = np.moveaxis(table, -1, axes - 1) if table.ndim >= axes else table[:, None]
    return out


class ScalarKernel:
    """The scalar form over one set of scenarios, on one thread."""

    def __init__(self, params: np.ndarray, horizon: Any, catalogue: np.ndarray) -> None:
        q = constants(params, catalogue, horizon)
        x = paths(params, catalogue, horizon, q)
        self.chips = _chips(x.pop("chips"))
        self.consts, self.paths = records(q, 1), records(x, 2)
        self.dt, self.exponent = 1.0 / horizon.steps_per_year, int(horizon.roofline_exponent)

    def outcomes(self, levers: np.ndarray) -> np.ndarray:
        """All outcomes of each policy in each scenario: float64[n_policies, n_outcomes, n_scenarios]."""
        return beyond(self._run(levers), self._without_control)

    @cached_property
    def _without_control(self) -> np.ndarray:
        """All outcomes of no control, what those of `RELATIVE` are measured from: float64[n_outcomes, S]."""
        return self._run(unrestricted().reshape(1, 1))[0]

    def _run(self, levers: np.ndarray) -> np.ndarray:
        groups_of(levers)  # refuses what this form does not know
        levers = np.ascontiguousarray(levers)
        n_steps, n_scenarios = self.paths.shape
        first, kind = distinct(levers)
        home = np.zeros((len(first), n_scenarios, n_steps), HOME)
        fixed = (self.consts, self.paths, self.chips, self.dt, self.exponent, home)
        # Records point into arrays that must outlive them, so that the caller owns the work space.
        work = (np.zeros(2, OFFER), np.zeros(1, TERMS))
        allied(0, len(first), levers, first, *fixed, *work)
        out = np.zeros((len(levers), len(OUTCOMES), n_scenarios))
        totals = np.zeros((len(levers), n_scenarios), SUM)
        restricted(0, len(levers), levers, kind, *fixed, *work, np.zeros(1, STEP), np.zeros(1, STATE), out, totals)
        for name, row in zip(SUMS, _SUM_ROWS, strict=True):
            out[:, row] = totals[name]
        return out


def _chips(table: dict[str, np.ndarray]) -> np.ndarray:
    """The catalogue as float64[T, S, n_chips, figure]."""
    return np.ascontiguousarray(np.moveaxis(np.stack([table[name] for name in FIGURES]), (0, 3), (3, 1)))
