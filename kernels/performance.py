"""What a chip, then a cluster, delivers on a workload: docs/model.md section 2."""

from __future__ import annotations

import numpy as np

from . import lanes as n
from ._jit import inline, tile
from .lanes import LANES
from .vecmath import exp, log


@inline
def norm(a, b, exponent):
    """p-norm of two times for p = 2, 4 or 8, from squares and roots alone."""
    a, b = a * a, b * b
    if exponent == 2:
        return np.sqrt(a + b)
    a, b = a * a, b * b
    if exponent == 4:
        return np.sqrt(np.sqrt(a + b))
    return np.sqrt(np.sqrt(np.sqrt(a * a + b * b)))


@inline
def roofline(rf, rm, ri, tf, tm, ti, t0, exponent):
    """Performance on a workload over the reference chip's, equation (5) [H100e].

    rf, rm, ri are reciprocals of the chip's figures; tf, tm, ti the workload's theta times the reference chip's
    figures; t0 the reference chip's time.
    """
    return t0 / (norm(tf * rf, tm * rm, exponent) + ti * ri)


@inline
def wall(f_st, i_ratio, ln_rho, wall_exponent, network_exponent):
    """Frontier-scale training performance, equation (6) [H100e]: utilisation falls as runs outgrow the cluster."""
    ln_u = ln_rho - log(f_st) - network_exponent * log(i_ratio)
    return f_st / (1.0 + exp(wall_exponent * ln_u))


@inline
def index(f0, f1, f2, f3, w0, w1, w2, w3):
    """Value index, equation (7): CES with exponent one half over four workloads."""
    root = w0 * np.sqrt(f0) + w1 * np.sqrt(f1) + w2 * np.sqrt(f2) + w3 * np.sqrt(f3)
    return root * root


@inline
def index_lane(w, i, row):
    """Value index, equation (7), of the four performances in ``row``, weights in MARKET_WEIGHTS."""
    return index(
        w[row + i], w[row + LANES + i], w[row + 2 * LANES + i], w[row + 3 * LANES + i],
        w[n.MARKET_WEIGHTS + i], w[n.MARKET_WEIGHTS + LANES + i], w[n.MARKET_WEIGHTS + 2 * LANES + i],
        w[n.MARKET_WEIGHTS + 3 * LANES + i],
    )  # fmt: skip


@inline
def _on_workload(w, i, k, rf, rm, ri, exponent):
    at = k * LANES + i
    tf, tm, ti = w[n.COMPUTE_WORK + at], w[n.MEMORY_WORK + at], w[n.NETWORK_WORK + at]
    return roofline(rf, rm, ri, tf, tm, ti, w[n.REFERENCE_TIME + at], exponent)


@inline
def _roofline_lane(w, i, exponent):
    rf, rm, ri = 1.0 / w[n.DESIGN_COMPUTE + i], 1.0 / w[n.DESIGN_MEMORY + i], 1.0 / w[n.DESIGN_INTERCONNECT + i]
    w[n.DESIGN_PERFORMANCE + i] = _on_workload(w, i, 0, rf, rm, ri, exponent)
    w[n.DESIGN_PERFORMANCE + 2 * LANES + i] = _on_workload(w, i, 1, rf, rm, ri, exponent)
    w[n.DESIGN_PERFORMANCE + 3 * LANES + i] = _on_workload(w, i, 2, rf, rm, ri, exponent)


@tile
def perform(w, x, exponent):
    """Performances of the chip in the rows DESIGN_COMPUTE, _MEMORY, _INTERCONNECT: equations (5) and (6).

    The default exponent has a loop of its own, which compiles to squares and roots without a choice inside.
    """
    if exponent == 4:
        for i in range(LANES):
            _roofline_lane(w, i, 4)
    else:
        for i in range(LANES):
            _roofline_lane(w, i, exponent)
    for i in range(LANES):
        w[n.DESIGN_LN_PERFORMANCE + i] = log(w[n.DESIGN_PERFORMANCE + i])
    for i in range(LANES):
        w[n.LN_INTERCONNECT_RATIO + i] = log(w[n.DESIGN_INTERCONNECT + i] * w[n.INVERSE_REFERENCE_INTERCONNECT + i])
    for i in range(LANES):
        network = w[n.NETWORK_EXPONENT + i] * w[n.LN_INTERCONNECT_RATIO + i]
        ln_u = x[n.LN_RUN_OVER_WALL + i] - w[n.DESIGN_LN_PERFORMANCE + i] - network
        more = 1.0 + exp(w[n.WALL_EXPONENT + i] * ln_u)
        w[n.WALL_LOSS + i] = more
        w[n.DESIGN_PERFORMANCE + LANES + i] = w[n.DESIGN_PERFORMANCE + i] / more


@tile
def perform_in_logs(w, x, exponent):
    """`perform`, and the logarithms of all four performances in DESIGN_LN_PERFORMANCE."""
    perform(w, x, exponent)
    for i in range(LANES):
        w[n.DESIGN_LN_PERFORMANCE + LANES + i] = w[n.DESIGN_LN_PERFORMANCE + i] - log(w[n.WALL_LOSS + i])
    for i in range(2 * LANES):
        w[n.DESIGN_LN_PERFORMANCE + 2 * LANES + i] = log(w[n.DESIGN_PERFORMANCE + 2 * LANES + i])
