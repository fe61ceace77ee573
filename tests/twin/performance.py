"""The plain-Python twin of section 2 of the page: what a chip delivers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import SimpleNamespace

from tiercap.kernels.params import WORKLOADS

ByWorkload = dict[str, float]


def roofline_time(
    F: float, M: float, I: float, reference: Sequence[float], theta: Sequence[float], exponent: int
) -> float:
    """t_w of section 2; ``reference`` = (F0, M0, I0), ``theta`` = (theta_f, theta_m, theta_i)."""
    F0, M0, I0 = reference
    theta_f, theta_m, theta_i = theta
    compute = theta_f * F0 / F
    memory = theta_m * M0 / M
    return (compute**exponent + memory**exponent) ** (1.0 / exponent) + theta_i * I0 / I


def roofline(F: float, M: float, I: float, reference: Sequence[float], theta: Sequence[float], exponent: int) -> float:
    """f_w of equation (5): time of the reference chip over the time of the chip."""
    F0, M0, I0 = reference
    of_reference = roofline_time(F0, M0, I0, reference, theta, exponent)
    return of_reference / roofline_time(F, M, I, reference, theta, exponent)


def wall(f_st: float, i_ratio: float, rho: float, wall_exponent: float, network_exponent: float) -> float:
    """f_ft of equation (6); ``i_ratio`` = I/I0."""
    u = rho / (f_st * i_ratio**network_exponent)
    return f_st / (1.0 + u**wall_exponent)


def run_over_wall(q: SimpleNamespace, y: float) -> float:
    """rho(y) of section 2."""
    return (q.run_size / q.wall_size) * (q.run_growth / q.wall_growth) ** y


def performances(F: float, M: float, I: float, q: SimpleNamespace, y: float, exponent: int) -> ByWorkload:
    """f_w of a chip for the four workloads."""
    reference = (q.reference_f, q.reference_m, q.reference_i)
    f = {}
    for w in ("st", "pf", "dc"):
        theta = (getattr(q, f"theta_f_{w}"), getattr(q, f"theta_m_{w}"), getattr(q, f"theta_i_{w}"))
        f[w] = roofline(F, M, I, reference, theta, exponent)
    ft = wall(f["st"], I / q.reference_i, run_over_wall(q, y), q.wall_exponent, q.network_exponent)
    return {"st": f["st"], "ft": ft, "pf": f["pf"], "dc": f["dc"]}


def weights(q: SimpleNamespace, stem: str) -> ByWorkload:
    """The four weights ``stem_w``, normalised to one."""
    raw = {w: getattr(q, f"{stem}_{w}") for w in WORKLOADS}
    total = sum(raw.values())
    return {w: raw[w] / total for w in WORKLOADS}


def value_index(f: Mapping[str, float], omega: Mapping[str, float]) -> float:
    """v_h of equation (7)."""
    root = 0.0
    for w in WORKLOADS:
        root += omega[w] * math.sqrt(f[w])
    return root**2


def software(q: SimpleNamespace, y: float) -> ByWorkload:
    """software_w(y) of section 2."""
    return {w: min(1.0, getattr(q, f"software_{w}") * q.software_growth**y) for w in WORKLOADS}
