"""Special cases in closed form, against which tests hold the solver of the twin."""

from __future__ import annotations

import math


def markup_closed_form(X: float) -> float:
    """p*/c_e of the root of section 5 for one workload and beta = 1: 1 + sqrt(1 + X)."""
    return 1.0 + math.sqrt(1.0 + X)
