"""How far kernels and twin may lie apart, outcome by outcome."""

from __future__ import annotations

import numpy as np

#: Relative agreement asked of kernel and twin.
TOLERANCE = 1e-12
#: A value is compared relative to itself or to this, whichever is larger.
#: Shares, units, prices, rates and sums of positive parts: a thousandth of the unit, far below any value of interest.
SCALE = 1e-3
#: A ratio of prices or supplies less 1 carries the relative rounding of the ratio as an absolute error, whatever its
#: own size: a hundredth of the unit, that is 45 roundings of the ratio; in percent as much of a percent's hundred.
RATIO_SCALE = {"grey_premium": 1e-2, "substitution": 1.0, "terminal_substitution": 1.0}
#: Net money is what is left of sales after government, displaced sales and losses, and write-downs go by
#: 1 - keep^tightening_exponent: the cancellation is relative to sales. A thousandth of a year's sales to C, about
#: 100 GUSD.
NET_SCALE = 0.1
#: A pair one of whose discrete choices is closer than this may be decided by rounding.
NEAR_TIE = 1e-9

NET = ("revenue", "revenue_bc", "exporter_and_government", "net_revenue_b", "net_revenue_c", "write_downs")


def scale_of(name: str) -> float:
    """The least figure that an outcome's error is compared with, in the outcome's unit."""
    if name in NET:
        return NET_SCALE
    return RATIO_SCALE.get(name, SCALE)


def errors(kernel: np.ndarray, twin: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    """Scaled errors, of the shape of the arguments, whose last axis runs over ``names``; inf where only one is NaN."""
    scales = np.array([scale_of(name) for name in names])
    found = np.abs(kernel - twin) / np.maximum(np.abs(twin), scales)
    alike = (np.isnan(kernel) & np.isnan(twin)) | (kernel == twin)
    return np.where(alike, 0.0, np.where(np.isfinite(found), found, np.inf))


def worst_by_name(found: np.ndarray, names: tuple[str, ...], best: int = 4) -> str:
    """The largest errors with their names."""
    worst = found.reshape(-1, len(names)).max(axis=0)
    return ", ".join(f"{names[k]} {worst[k]:.1e}" for k in np.argsort(-worst)[:best])
