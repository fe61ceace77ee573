"""The plain-Python twin of section 8, item 1: what moves by itself, in the middle of the step."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from tiercap.kernels.params import WORKLOADS

from .clock import Now, World
from .paths import budget_c
from .performance import ByWorkload
from .prices import attractions
from .state import State

INF = math.inf


@dataclass(frozen=True)
class Middle:
    """Item 1: what moves by itself, in the middle of the step."""

    L: float
    chi: ByWorkload
    A_E: float
    A_D: float
    B: float  # B', the budget before power
    X_F: ByWorkload  # attraction of the frontier chip at A's price

    def belief(self, omega: Mapping[str, float]) -> float:
        """Believed access, over the workloads."""
        return sum(omega[w] * self.chi[w] for w in WORKLOADS)


def middle_of(world: World, now: Now, state: State) -> Middle:
    """Item 1."""
    q, dt = world.q, world.dt
    L = state.L.middle(q.lock_in_speed, dt, 0.0, 1.0)
    chi = {w: state.chi[w].middle(q.belief_speed, dt, 0.0, 1.0) for w in WORKLOADS}
    E_B = state.E_B.middle(q.budget_speed, dt, 0.1, INF)
    A_E = q.attraction_e * math.exp(q.network_effect * (L - 0.5))
    A_D = q.attraction_d * math.exp(-q.network_effect * (L - 0.5))
    X_F = attractions(A_E, now.prices.p_A, now.f_front, q.price_sensitivity)
    return Middle(L, chi, A_E, A_D, budget_c(q, now.y) * E_B, X_F)
