"""Objectives and constraints as arithmetic; tests/model/test_measures.py has every statistic against the twin."""

from __future__ import annotations

import numpy as np
from support.small import problem


def test_violations_are_shares_of_their_bounds() -> None:
    small = problem("constraints.compute_lead.min=10", "constraints.compute_lead.max=20", "constraints.revenue.min=0")
    values = np.array([[5.0, 15.0], [-3.0, 8.0], [0.0, 30.0]])  # revenue, compute_lead
    assert small.scoring.screened == [("revenue", "mean"), ("compute_lead", "mean")]
    assert small.scoring.bounds() == [
        "mean of compute_lead >= 10", "mean of compute_lead <= 20", "mean of revenue >= 0 GUSD",
    ]  # fmt: skip
    assert small.scoring.excess(values).tolist() == [[-5, -5, -5], [2, -12, 3], [-20, 10, 0]]
    assert small.scoring.violations(values).tolist() == [[-0.5, -0.25, -5], [0.2, -0.6, 3], [-2, 0.5, 0]]
    assert small.scoring.losses(values)[0].tolist() == [-5.0, -15.0]
