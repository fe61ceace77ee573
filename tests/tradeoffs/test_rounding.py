"""Legal rounding: numbers of the grid, nested tiers, the least loss."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import small

from tiercap.optimizer.errors import InputError
from tiercap.optimizer.study.problem import Problem
from tiercap.optimizer.tradeoffs import rounding
from tiercap.optimizer.tradeoffs.rounding import neighbours, parse_grid, rounded

NAMES = ("c_licensed_tpp", "c_licensed_memory", "c_quota_share")


@pytest.mark.parametrize(
    ("value", "digits", "step", "expected"),
    [
        (6600.4, 2, None, (6600.0, 6700.0)),
        (6680.0, 2, None, (6700.0, 6600.0)),
        (0.5673, 2, None, (0.57, 0.56)),
        (-0.0123, 2, None, (-0.012, -0.013)),
        (9.96, 2, None, (10.0, 9.9)),
        (4800.0, 2, None, (4800.0,)),
        (0.3, 1, None, (0.3,)),
        (68746.0, 3, None, (68700.0, 68800.0)),
        (0.0, 2, None, (0.0,)),
        (6600.4, 2, 250.0, (6500.0, 6750.0)),
        (0.31, 2, 0.1, (0.3, 0.4)),
        (40.0, 2, 100.0, (0.0, 100.0)),
    ],
)
def test_neighbours_on_the_grid(value: float, digits: int, step: float | None, expected: tuple[float, ...]) -> None:
    assert neighbours(value, digits, step) == expected


@settings(deadline=None)
@given(st.floats(1e-6, 1e9), st.integers(1, 6))
def test_neighbours_enclose_the_value_and_have_the_digits(value: float, digits: int) -> None:
    found = neighbours(value, digits)
    assert min(found) <= value * (1 + 1e-8)
    assert max(found) >= value * (1 - 1e-8)
    for number in found:
        mantissa = f"{number:.16e}".split("e")[0].replace(".", "")
        assert float(f"{number:.{digits - 1}e}") == number, mantissa


def test_a_grid_is_in_the_units_of_the_levers() -> None:
    assert parse_grid(("c_licensed_memory=0.1 TB/s", "c_quota_share=5 %"), NAMES) == {
        "c_licensed_memory": 100.0,
        "c_quota_share": 0.05,
    }


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("c_licensed_memory", "takes LEVER=STEP"),
        ("=3", "was not searched"),
        ("c_licensed_memry=3", "did you mean `c_licensed_memory`?"),
        ("c_licensed_memory=0", "must be above 0"),
        ("c_licensed_memory=-1", "must be above 0"),
        ("c_licensed_memory=nan", "only finite numbers"),
        ("c_licensed_memory=3 kg", "expected GB/s"),
    ],
)
def test_a_wrong_grid_is_one_sentence(text: str, says: str) -> None:
    with pytest.raises(InputError, match=r".") as refusal:
        parse_grid((text,), NAMES)
    assert says in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_lever_twice_in_the_grid_is_refused() -> None:
    with pytest.raises(InputError, match="given twice"):
        parse_grid(("c_quota_share=0.1", "c_quota_share=0.2"), NAMES)


@pytest.fixture(scope="module")
def problem() -> Problem:
    return small.problem()


def values(problem: Problem, row: int) -> dict[str, float]:
    """A policy somewhere in the space."""
    unit = np.random.Generator(np.random.PCG64(row)).random(len(problem.space.levers))
    levers = problem.space.levers
    coords = np.array([[lever.low + u * (lever.high - lever.low) for lever, u in zip(levers, unit, strict=True)]])
    return {name: float(column[0]) for name, column in problem.space.values(coords).items()}


@pytest.mark.parametrize("row", range(4))
def test_the_best_of_all_roundings_is_taken(problem: Problem, row: int) -> None:
    """Against a loop over all combinations, evaluated one lever set at a time."""
    exact = values(problem, row)
    span = np.array([50.0, 2.0])
    found = rounded(problem, exact, span)
    sides = [list(neighbours(value)) for value in exact.values()]
    options = [dict(zip(exact, numbers, strict=True)) for numbers in product(*sides)]
    figures = ("tpp", "memory", "interconnect")
    options = [o for o in options if all(o[f"c_open_{f}"] <= o[f"c_licensed_{f}"] for f in figures)]
    assert dict(found.values) in options
    assert found.tried == len(options)
    rows = problem.space.rows({name: np.array([o[name] for o in options]) for name in exact})
    wanted = [(name, "mean") for name in problem.objectives]
    before = problem.evaluator.statistics(problem.space.rows(exact), wanted) * problem.scoring.signs
    losses = problem.evaluator.statistics(rows, wanted) * problem.scoring.signs
    worst = ((losses - before) / span).max(axis=1)
    assert worst[options.index(dict(found.values))] == pytest.approx(worst.min(), abs=1e-12)


def test_equal_caps_stay_nested(problem: Problem) -> None:
    """The open tier as wide as the licensed one: only roundings that move both the same way, or apart, are allowed."""
    exact = values(problem, 0) | {"c_open_tpp": 4857.0, "c_licensed_tpp": 4857.0}
    found = rounded(problem, exact, np.ones(2))
    assert found.values["c_open_tpp"] <= found.values["c_licensed_tpp"]
    assert {found.values["c_open_tpp"], found.values["c_licensed_tpp"]} <= {4800.0, 4900.0}


def test_a_coarse_step_never_makes_a_cap_0(problem: Problem) -> None:
    coarse = {"c_open_interconnect": 10_000.0, "c_licensed_interconnect": 10_000.0}
    found = rounded(problem, values(problem, 1), np.ones(2), grid=coarse)
    assert found.values["c_open_interconnect"] == found.values["c_licensed_interconnect"] == 10_000.0


def test_a_grid_that_cannot_nest_is_refused(problem: Problem) -> None:
    with pytest.raises(InputError, match="keeps the open tier inside"):
        rounded(problem, values(problem, 1), np.ones(2), grid={"c_open_tpp": 900_000.0})


def test_constraints_come_before_losses() -> None:
    free = small.problem()
    exact = values(free, 2)
    loose = rounded(free, exact, np.array([50.0, 2.0]))
    lead = free.evaluator.statistics(loose.levers, [("compute_lead", "mean")])[0, 0]
    bound = small.problem(f"constraints.compute_lead.min={lead + 1e-6}")
    held = rounded(bound, exact, np.array([50.0, 2.0]))
    assert bound.evaluator.statistics(held.levers, [("compute_lead", "mean")])[0, 0] >= lead + 1e-6
    assert held.broken == ()
    lost = rounded(small.problem("constraints.compute_lead.min=100"), exact, np.ones(2))
    assert lost.broken == ("mean of compute_lead >= 100",)


def test_many_levers_keep_the_clear_cases_at_their_nearest() -> None:
    ends = {f"lever{k:02d}": (1.0, 2.0) for k in range(14)}
    at = {name: 1.01 + 0.03 * k for k, name in enumerate(ends)}
    found = rounding._combinations(ends, at)
    assert len(found) == 2**rounding.BOTH_WAYS
    assert {o["lever00"] for o in found} == {o["lever01"] for o in found} == {1.0}
    assert {o["lever13"] for o in found} == {1.0, 2.0}
