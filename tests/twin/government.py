"""The plain-Python twin of section 8, item 8: the share of C's budget that its government bars to the exporter."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tiercap.kernels.params import WORKLOADS

from .clock import Now, World
from .domestic import Domestic
from .middle import Middle
from .performance import ByWorkload, value_index
from .prices import attractions
from .restricted import Budget, Offered, barred_shares, imposed_share
from .state import State

#: Terms of the series of the exponential beyond the first.
SERIES = 6


@dataclass(frozen=True)
class Foreseen:
    """What C would get a year under each barred share."""

    lawful: list[float]  # q_k [MH100e/year]
    domestic: list[float]  # d_k


def foresee(world: World, now: Now, middle: Middle, budget: Budget, domestic: Domestic, offered: Offered) -> Foreseen:
    """q_k and d_k of equation (26), at the plan's prices."""
    q, plan, omega = world.q, offered.plan, world.omega("value_c")
    b, a_0, a_D = budget.b, now.prices.a_0, domestic.a

    def domestic_demand(a_j: ByWorkload) -> float:
        return sum(b[w] * a_D[w] / (a_D[w] + a_0 + a_j[w]) for w in WORKLOADS)

    alone = domestic_demand(dict.fromkeys(WORKLOADS, 0.0))
    lost = 0.0
    for j, offer in plan.offers.items():
        a_j = attractions(middle.A_E, offer.price, offer.design.f, q.price_sensitivity)
        lost += plan.reach[j] * (domestic_demand(a_j) - alone)
    lawful, own = [], []
    for rho in barred_shares(world):
        flow = 0.0
        for j, offer in plan.offers.items():
            wanted = (1.0 - rho) * offer.demand / (1.0 - budget.r_0)
            if j == "o":
                sold = plan.reach["o"] * wanted
            else:
                sold = offered.terms.avail * min(wanted, offered.terms.limit(offer.design))
            flow += sold * value_index(offer.design.f, omega)
        x = (alone + (1.0 - rho) * lost) / (domestic.p0 * domestic.S_m)
        lawful.append(flow)
        own.append(domestic.S_m * domestic.v * x * (1.0 + x**4) ** -0.25)
    return Foreseen(lawful, own)


def parity_of(now: Now, offered: Offered, raw_st: float, q_0: float) -> float:
    """parity of equation (27)."""
    plan = offered.plan
    if not plan.offers:
        return -1.5
    reach = min(1.0, q_0 / (now.v_front * offered.free_trade))
    weight = {j: plan.reach[j] * offer.demand for j, offer in plan.offers.items()}
    f_E = sum(weight[j] * plan.offers[j].design.f["st"] for j in weight) / sum(weight.values())
    return -1.5 + reach * (1.5 + min(1.5, max(-1.5, math.log(f_E / raw_st))))


def warning(world: World, offered: Offered) -> float:
    """zeta of equation (28)."""
    q = world.q
    hazard = q.warning_base + q.warning_tightening * (1.0 - offered.o)
    if "l" in offered.plan.offers:
        hazard += q.warning_terms * offered.terms.tau
    return 1.0 - math.exp(-hazard)


def utilities(
    world: World, now: Now, state: State, middle: Middle, domestic: Domestic, offered: Offered, foreseen: Foreseen
) -> list[float]:
    """U_k of equation (29)."""
    q, half, year = world.q, world.decay(0.5 * world.dt), world.decay(1.0)
    zeta = warning(world, offered)
    parity = parity_of(now, offered, domestic.lines.raw_st, foreseen.lawful[0])
    own = min(1.0, domestic.S_m * domestic.v * now.prices.P / middle.B)
    urge = q.response_level + q.weight_self * own - q.weight_parity * parity
    urge += -q.weight_premium * math.log(state.premium) + q.weight_retaliation * zeta
    q_G = state.n_G * now.v_front
    X_E = half.after(state.X["E"], sum(p * f for p, f in zip(state.pi, foreseen.lawful, strict=True)))
    X_D = half.after(state.X["D"], sum(p * f for p, f in zip(state.pi, foreseen.domestic, strict=True)))
    X_G = half.after(state.X["G"], q_G)
    found = []
    for rho, q_k, d_k in zip(barred_shares(world), foreseen.lawful, foreseen.domestic, strict=True):
        K = year.after(X_E + X_G + X_D, q_k + q_G + d_k)
        dependence = year.after(X_E + X_G, q_k + q_G) / K
        found.append(q.weight_compute * math.log(K) - q.weight_dependence * (1.0 + zeta) * dependence + rho * urge)
    return found


def choice_matrix(U: Sequence[float], h: float) -> list[list[float]]:
    """M of equation (30)."""
    top = max(U)
    rows = []
    for i in range(len(U)):
        row = [math.exp(U[k] - top) * h ** abs(i - k) for k in range(len(U))]
        total = sum(row)
        rows.append([weight / total for weight in row])
    return rows


def taken_up(pi: Sequence[float], M: Sequence[Sequence[float]], years: float) -> list[float]:
    """The probabilities after ``years`` = decision_rate dt/2, by the series of equation (31)."""
    n = len(pi)
    v, total = list(pi), list(pi)
    for i in range(SERIES):
        moved = [sum(v[a] * M[a][k] for a in range(n)) for k in range(n)]
        v = [(moved[k] - v[k]) * years / (i + 1) for k in range(n)]
        total = [total[k] + v[k] for k in range(n)]
    return total


def decide(
    world: World, now: Now, state: State, middle: Middle, budget: Budget, domestic: Domestic, offered: Offered
) -> float:
    """r of the step; ``state`` moves on in the probabilities."""
    q = world.q
    imposed = imposed_share(world, now.t)
    if imposed is not None:
        return imposed
    if q.buyer_decides == 0.0:
        return q.barred_start
    foreseen = foresee(world, now, middle, budget, domestic, offered)
    U = utilities(world, now, state, middle, domestic, offered, foreseen)
    M = choice_matrix(U, math.exp(-q.switching_cost * q.barred_max / 3.0))
    years = 0.5 * q.decision_rate * world.dt
    at_middle = taken_up(state.pi, M, years)
    state.pi = taken_up(at_middle, M, years)
    return sum(p * rho for p, rho in zip(at_middle, barred_shares(world), strict=True))
