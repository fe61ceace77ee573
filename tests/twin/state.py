"""The plain-Python twin of section 8's state: what a step hands to the next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tiercap.kernels.params import WORKLOADS

from .clock import Adjusting, World
from .performance import ByWorkload


@dataclass
class State:
    """Names are the page's; ``_b`` marks B's."""

    L: Adjusting
    chi: dict[str, Adjusting]
    E_B: Adjusting
    pi: list[float]
    W: float
    Q: float
    H: float
    B_h: float
    B_d: float
    w_AI: float
    dW: float
    x_D: tuple[float, float, float]
    g_F: float
    g_M: float
    Z: float
    S_s: float
    S_1: float | None  # None before the first step
    S_A: float
    u_A: float
    S_C: float
    omega_C: float
    u_C: float
    premium: float
    n_G: float
    ln_e: float
    debt: float
    debt_b: float
    K: dict[str, ByWorkload]  # by A, B, E, G, D
    X: dict[str, float]  # by E, G, D


def in_use(world: World, K: Mapping[str, ByWorkload]) -> ByWorkload:
    """K_Cw: what C has, and rents of what B has."""
    return {w: K["E"][w] + K["G"][w] + K["D"][w] + world.q.remote_share * K["B"][w] for w in WORKLOADS}
