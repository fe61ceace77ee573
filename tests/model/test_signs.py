"""What must move which way when one thing changes, with its story: the sign table over the built-in ranges."""

from __future__ import annotations

import pytest

from tiercap.kernels.params import WORKLOADS
from tiercap.optimizer.analysis import signs
from tiercap.optimizer.analysis.sign_runs import Runs, at, times
from tiercap.optimizer.errors import InputError
from tiercap.optimizer.study import load
from tiercap.optimizer.study.problem import Problem

#: Futures drawn from the parameters' own ranges: what a fit makes of them must not carry the signs.
PRIOR = ("scenarios.kind=sobol", "scenarios.count=256")


@pytest.fixture(scope="module")
def runs() -> Runs:
    return Runs(Problem(load.load("thresholds-2026", PRIOR, {}, {})))


@pytest.mark.parametrize("row", signs.ROWS, ids=lambda row: f"{row.number}-{row.base}")
def test_every_sign_holds(runs: Runs, row: signs.Row) -> None:
    """`Row.story` says why it must."""
    found = row.read(runs)
    assert found.holds, f"{row.change} under {row.base}: {row.must}. {row.story} Measured: {found.measured}"


def test_in_futures_of_the_fit_the_network_effect_alone_is_too_weak() -> None:
    """docs/model.md section 11 says so: lock-in and supply move as they must, the share by less than 3 points."""
    problem = Problem(load.load("thresholds-2026"))
    (flipped,) = (sign for sign in signs.table(problem) if not sign.found.holds)
    assert flipped.row.number == 15
    none, full = (Runs(problem)("unrestricted", changes=at(network_effect=effect)) for effect in (0.0, 2.0))
    assert full["lock_in"] > none["lock_in"]
    assert full["domestic_supply"] < none["domestic_supply"]
    shares = [100 * sum(run[f"domestic_share_{w}"] for w in WORKLOADS) / 4 for run in (none, full)]
    assert [round(share, 1) for share in shares] == [43.7, 42.2]


def test_all_rows_are_there_each_with_its_story() -> None:
    assert {row.number for row in signs.ROWS} == set(range(1, 23))
    assert all(row.change and row.base and row.must and row.story.endswith(".") for row in signs.ROWS)


def test_a_change_is_made_in_every_future_and_nowhere_else(runs: Runs) -> None:
    before = runs.problem.scenarios.table.tobytes()
    halved = runs("ban", changes=times(0.5, "power_c") | at(cost_shock=1.0))
    assert halved.outcomes != runs("ban").outcomes
    assert runs.problem.scenarios.table.tobytes() == before
    assert runs("ban", changes=times(1.0, "power_c")).outcomes == runs("ban").outcomes


def test_a_study_of_other_parameters_may_flip_a_sign() -> None:
    """Where memory and dies from abroad are nothing, a control of them does nothing: row 8 says so."""
    problem = Problem(load.load("thresholds-2026", ["hbm_grey=0", "dies_abroad=0", *SMALL], {}, {}))
    found = {sign.row.number: sign.found for sign in signs.table(problem)}
    assert not found[8].holds
    assert found[3].holds


def test_a_horizon_that_is_too_short_is_said() -> None:
    with pytest.raises(InputError, match="at least 6 years, and the study has 4"):
        signs.table(Problem(load.load("thresholds-2026", ["horizon.years=4", *PRIOR], {}, {})))


SMALL = ("scenarios.kind=sobol", "scenarios.count=16")
