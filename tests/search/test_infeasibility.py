"""Why nothing is feasible, by hand."""

from __future__ import annotations

import numpy as np
import pytest
from support import small

from tiercap.optimizer.search.infeasibility import _outward, explain
from tiercap.optimizer.study.problem import Problem


@pytest.fixture(scope="module")
def problem() -> Problem:
    """A lead of at least 10, at least 100 of revenue, at most 50 % of substitution."""
    return small.problem(
        "constraints.compute_lead.min=10", "constraints.revenue.min=100 GUSD", "constraints.substitution.max=50 percent"
    )


def columns(problem: Problem, rows: list[tuple[float, float, float]]) -> np.ndarray:
    """Values of revenue, lead and substitution where the problem expects them."""
    assert problem.scoring.screened == [("revenue", "mean"), ("compute_lead", "mean"), ("substitution", "mean")]
    return np.array(rows)


def test_the_nearest_misses_and_the_smallest_single_relaxation(problem: Problem) -> None:
    """Shares missed: revenue 1/10; lead 2/10; lead 1/10 and revenue 1/20; substitution 1/5; nan does not count."""
    values = columns(
        problem, [(90, 11, 40), (120, 8, 40), (95, 9, 50), (100, 10, 60), (np.nan, 20, 0), (99.9, np.inf, 0)]
    )
    found = explain(problem, values)
    assert found.tried == 6
    assert [miss.row for miss in found.misses] == [0, 2, 1, 3]
    assert found.misses[0].broken == {"mean of revenue >= 100 GUSD": 10.0}
    assert found.misses[1].broken == {"mean of compute_lead >= 10": 1.0, "mean of revenue >= 100 GUSD": 5.0}
    assert [miss.share for miss in found.misses] == pytest.approx([0.1, 0.15, 0.2, 0.2])
    first, *others = found.relaxations
    assert (first.bound, first.amount, first.value, first.row) == ("mean of revenue >= 100 GUSD", 10.0, 90.0, 0)
    assert first.setting == "constraints.revenue.min=90.0 GUSD"
    assert {other.setting for other in others} == {
        "constraints.compute_lead.min=8.0",
        "constraints.substitution.max=60.0 percent",
    }


def test_where_two_bounds_must_give_no_single_one_is_blamed(problem: Problem) -> None:
    found = explain(problem, columns(problem, [(90, 9, 40), (90, 11, 60)]))
    assert found.relaxations == ()
    assert len(found.misses) == 2


def test_where_no_policy_is_a_number_there_is_nothing_to_show(problem: Problem) -> None:
    found = explain(problem, columns(problem, [(np.nan, 9, 40)]))
    assert (found.tried, found.misses, found.relaxations) == (1, (), ())


@pytest.mark.parametrize(
    ("value", "sign", "expected"),
    [
        (14.21896, -1.0, 14.21),
        (14.21896, 1.0, 14.22),
        (-14.21896, 1.0, -14.21),
        (-14.21896, -1.0, -14.22),
        (0.0, 1.0, 0.0),
        (60.0, 1.0, 60.0),
        (0.3, -1.0, 0.3),
    ],
)
def test_a_proposed_bound_is_rounded_to_the_loose_side(value: float, sign: float, expected: float) -> None:
    assert _outward(value, sign) == expected
    assert sign * (_outward(value, sign) - value) >= 0.0
