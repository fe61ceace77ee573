"""What a chip, then a cluster, delivers on a workload: docs/model.md section 2."""

from __future__ import annotations

import numpy as np

from ._jit import inline
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
    """Performance on a workload over the reference chip's, equation (1) [H100e].

    rf, rm, ri are reciprocals of the chip's figures; tf, tm, ti the workload's theta times the reference chip's
    figures; t0 the reference chip's time.
    """
    return t0 / (norm(tf * rf, tm * rm, exponent) + ti * ri)


@inline
def wall(f_st, i_ratio, ln_rho, wall_exponent, network_exponent):
    """Frontier-scale training performance, equation (2) [H100e]: utilisation falls as runs outgrow the cluster."""
    ln_u = ln_rho - log(f_st) - network_exponent * log(i_ratio)
    return f_st / (1.0 + exp(wall_exponent * ln_u))


@inline
def index(f0, f1, f2, f3, w0, w1, w2, w3):
    """Value index, equation (3): CES with exponent one half over four workloads."""
    root = w0 * np.sqrt(f0) + w1 * np.sqrt(f1) + w2 * np.sqrt(f2) + w3 * np.sqrt(f3)
    return root * root
