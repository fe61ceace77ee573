"""The columns that a search compares, bounds, and sizes that are refused."""

from __future__ import annotations

import numpy as np
import pytest
from support.small import problem

from tiercap.optimizer.errors import InputError
from tiercap.optimizer.rules.levers import LEVERS_TABLE
from tiercap.optimizer.study.records import LEVER_PARTS


def test_study_levers_are_the_levers_of_the_table() -> None:
    assert set(LEVERS_TABLE) - set(LEVER_PARTS) == {"a_reading", "b_reading", "c_reading"}
    assert LEVER_PARTS["c_open_memory"].unit == "GB/s"
    for name, part in LEVER_PARTS.items():
        scale = 1000.0 if part.unit != LEVERS_TABLE[name].unit else 1.0
        assert (part.low, part.high) == (LEVERS_TABLE[name].low * scale, LEVERS_TABLE[name].high * scale)


def test_violations_are_shares_of_their_bounds() -> None:
    small = problem("constraints.compute_lead.min=10", "constraints.compute_lead.max=20", "constraints.revenue.min=0")
    values = np.array([[5.0, 15.0], [-3.0, 8.0], [0.0, 30.0]])  # revenue, compute_lead
    assert small.screened == [("revenue", "mean"), ("compute_lead", "mean")]
    assert small.bounds() == [
        "mean of compute_lead >= 10", "mean of compute_lead <= 20", "mean of revenue >= 0 GUSD",
    ]  # fmt: skip
    assert small.excess(values).tolist() == [[-5, -5, -5], [2, -12, 3], [-20, 10, 0]]
    assert small.violations(values).tolist() == [[-0.5, -0.25, -5], [0.2, -0.6, 3], [-2, 0.5, 0]]
    assert small.losses(values)[0].tolist() == [-5.0, -15.0]


def test_too_many_scenarios_are_refused_before_they_are_drawn() -> None:
    with pytest.raises(InputError, match=r"1,000,000 scenarios over 8 steps .* at most [0-9,]+ \(scenarios\.count\)"):
        _ = problem("scenarios.count=1000000").scenarios


def test_the_screen_sees_the_first_scenarios_of_the_ensemble() -> None:
    small = problem("search.screen_scenarios=8")
    assert (small.screener.scenarios.table == small.scenarios.table[:8]).all()
    assert small.screener.scenarios.weights.sum() == 1.0
