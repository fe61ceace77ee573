"""The scale on which a row's error is judged: as it is, in logarithms, or for shares in log-odds."""

from __future__ import annotations

from typing import Literal

import numpy as np

from tiercap.optimizer.io.arrays import Floats

Scale = Literal["log", "logit", "linear"]

#: A range holds nine tenths of the probability of a normal: this many standard deviations lie on either side.
RANGE_SIGMAS = 1.6448536269514722
#: What lies below this share of a reference counts as this share: nothing sold is a miss, not an infinity.
FLOOR = 1e-3
#: Log-odds are taken of shares held this far from 0 and 1.
SHARE_EDGE = 1e-3


def scaled(figures: Floats, scale: Scale, reference: float | Floats) -> Floats:
    """Figures on a scale; in logarithms none counts as less than FLOOR of ``reference``."""
    if scale == "log":
        return np.asarray(np.log(np.maximum(figures, FLOOR * np.asarray(reference))))
    if scale == "logit":
        share = np.clip(figures, SHARE_EDGE, 1.0 - SHARE_EDGE)
        return np.asarray(np.log(share / (1.0 - share)))
    return np.asarray(figures, dtype=np.float64)


def unscaled(values: Floats, scale: Scale) -> Floats:
    """The inverse of :func:`scaled` where nothing was held back."""
    if scale == "log":
        return np.exp(values)
    return 1.0 / (1.0 + np.exp(-values)) if scale == "logit" else values


def sigma(low: float, high: float, scale: Scale, reference: float) -> float:
    """Standard deviation, on a scale, of an error whose 5 and 95 per cent values are ``low`` and ``high``."""
    ends = scaled(np.array([low, high]), scale, reference)
    return float(ends[1] - ends[0]) / (2.0 * RANGE_SIGMAS)
