"""Objectives and constraints as arithmetic; tests/model/test_measures.py has every statistic against the twin."""

from __future__ import annotations

import numpy as np
from support.small import problem


def test_violations_are_shares_of_their_bounds() -> None:
    small = problem("constraints.gap.min=10", "constraints.gap.max=20", "constraints.revenue.min=0")
    values = np.array([[5.0, 15.0, 1.0], [-3.0, 8.0, 1.0], [0.0, 30.0, 1.0]])  # revenue, gap, substitution
    assert small.scoring.screened == [("revenue", "mean"), ("gap", "mean"), ("substitution", "mean")]
    assert small.scoring.bounds() == ["mean of gap >= 10 year", "mean of gap <= 20 year", "mean of revenue >= 0 GUSD"]
    assert small.scoring.excess(values).tolist() == [[-5, -5, -5], [2, -12, 3], [-20, 10, 0]]
    assert small.scoring.violations(values).tolist() == [[-0.5, -0.25, -5], [0.2, -0.6, 3], [-2, 0.5, 0]]
    assert small.scoring.losses(values)[0].tolist() == [-5.0, -15.0, 1.0]
