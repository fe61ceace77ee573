"""The columns that a search compares, bounds, and sizes that are refused."""

from __future__ import annotations

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


def test_too_many_scenarios_are_refused_before_they_are_drawn() -> None:
    with pytest.raises(InputError, match=r"1,000,000 scenarios over 8 steps .* at most [0-9,]+ \(scenarios\.count\)"):
        _ = problem("scenarios.count=1000000").scenarios


def test_the_screen_sees_the_first_scenarios_of_the_ensemble() -> None:
    small = problem("search.screen_scenarios=8")
    assert (small.screener.scenarios.table == small.scenarios.table[:8]).all()
    assert small.screener.scenarios.weights.sum() == 1.0
