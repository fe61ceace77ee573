"""The plain-Python twin of section 8's table: the state at the start of a run."""

from __future__ import annotations

from types import SimpleNamespace

from tiercap.kernels.params import WORKLOADS

from .clock import Adjusting, Now, World, frontier_at
from .domestic import package_cost, wafer_growth
from .expectations import half_step_growth
from .performance import ByWorkload, value_index
from .state import State

#: The shares the buyer's government may bar, in parts of the largest.
SHARES_BARRED = 4


def barred_start(q: SimpleNamespace) -> list[float]:
    """pi_k at the start."""
    at = 3.0 * min(1.0, q.barred_start / q.barred_max)
    return [max(0.0, 1.0 - abs(at - k)) for k in range(SHARES_BARRED)]


def stocks_at_start(world: World) -> dict[str, ByWorkload]:
    """Totals split by the profile of the frontier chip at the start."""
    q = world.q
    _, f, v_a = frontier_at(world, 0.0)
    v_c = value_index(f, world.omega("value_c"))

    def split(total: float, v: float) -> ByWorkload:
        return {w: total * f[w] / v for w in WORKLOADS}

    totals = {"A": q.stock_a, "B": q.stock_b, "E": q.stock_e, "G": q.stock_g, "D": q.stock_d}
    return {name: split(total, v_a if name in "AB" else v_c) for name, total in totals.items()}


def opening(world: World, now: Now) -> State:
    """The state at the start, under the levers of the first step ``now``."""
    q, group = world.q, now.policy["c"]
    in_c = q.stock_e + q.stock_g + q.stock_d
    target = (1.0 - q.belief_weight) * (q.stock_e + q.stock_g) / in_c + q.belief_weight * q.belief_start
    price = package_cost(q, q.dies_package, q.stacks_package, q.yield_start, 1.0) * (1.0 + q.domestic_markup)
    RD = (q.rd_state + q.rd_share * q.domestic_supply * price) * (1.0 + q.rd_denial * (1.0 - q.belief_start))
    g_F, g_M = half_step_growth(q, RD, world.dt)
    front_value = value_index(frontier_at(world, 0.0)[1], world.omega("value_c"))
    return State(
        L=Adjusting(q.lock_in, target, target),
        chi={w: Adjusting(q.belief_start, q.belief_start, q.belief_start) for w in WORKLOADS},
        E_B=Adjusting(1.0, 1.0, 1.0),
        pi=barred_start(q),
        W=q.wafers,
        Q=0.0,
        H=q.hbm,
        B_h=q.bank_stacks,
        B_d=q.bank_dies,
        w_AI=12.0 * q.wafers * q.wafer_share,
        dW=wafer_growth(q, q.wafers, float(group["equipment_control"]), 1.0, world.dt),
        x_D=(q.dies_package * q.die_f, q.stacks_package * q.stack_m, q.domestic_i),
        g_F=g_F,
        g_M=g_M,
        Z=q.domestic_output,
        S_s=q.domestic_supply,
        S_1=None,
        S_A=q.stock_watts * q.stock_a,
        u_A=1.0,
        S_C=q.stock_watts * in_c,
        omega_C=now.W_1 / now.prices.p_A,
        u_C=1.0,
        premium=1.0,
        n_G=q.grey_supply * world.smuggled_share(0) / front_value,
        ln_e=0.0,
        debt=0.0,
        debt_b=0.0,
        K=stocks_at_start(world),
        X={"E": q.stock_e, "G": q.stock_g, "D": q.stock_d},
    )
