"""Choosing by hand-computed fronts; prices and the loophole against direct evaluation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support import small

from tiercap.optimizer.errors import InputError
from tiercap.optimizer.model import bootstrap
from tiercap.optimizer.rules.book import find_rule
from tiercap.optimizer.rules.chips import Chip
from tiercap.optimizer.rules.encode import apply_levers, rule_levers
from tiercap.optimizer.study.problem import Problem
from tiercap.optimizer.tradeoffs import loophole, shadow_prices
from tiercap.optimizer.tradeoffs.pick import choose, parse_bound, parse_weights, regrets

#: Losses of revenue and lead (both maximised, so negative values) of a front; the ranges are 10 and 1.
LOSSES = np.array([[-10.0, 0.0], [-9.0, -0.6], [-6.0, -0.7], [0.0, -1.0]])


@pytest.fixture(scope="module")
def two() -> Problem:
    """Two objectives, two scenarios."""
    study = small.problem("scenarios.count=2").study
    return Problem(replace(study, objectives=study.objectives[:2]), 1)


@pytest.fixture(scope="module")
def problem() -> Problem:
    return small.problem()


def constant(losses: np.ndarray) -> np.ndarray:
    """The same losses in both scenarios."""
    return np.repeat(losses[:, :, None], 2, axis=2)


def test_the_compromise_has_the_least_worst_objective(two: Problem) -> None:
    """Worst scaled losses are 1, .4, .4, 1; of the tie the lesser sum, .5 against .7."""
    found = choose(LOSSES, constant(LOSSES), two, "compromise")
    assert found.row == 1
    assert "its worst objective, compute_lead, is 40 % of the front's range from the best" in found.reasons[0]
    assert choose(LOSSES, constant(LOSSES), two, "compromise", np.array([1.0, 2.0])).row == 2


def test_weights_take_the_least_weighted_sum(two: Problem) -> None:
    """Weights 1 and 3 make the sums .75, .325, .325 and .25; weights 3 and 1 make .25, .175, .375, .75."""
    last = choose(LOSSES, constant(LOSSES), two, "weights", np.array([1.0, 3.0]))
    assert last.row == 3
    least = "with the weights revenue 1, compute_lead 3 it loses least: 25 % of the range; the next policy has 32.5 %"
    assert least in last.reasons[0]
    assert choose(LOSSES, constant(LOSSES), two, "weights", np.array([3.0, 1.0])).row == 1


def test_regret_looks_at_the_worst_scenario(two: Problem) -> None:
    """Means are those of LOSSES. In the first scenario policy 1 loses 8 of revenue, in the second it gains them.

    Revenue by scenario: policy 0: -10, -10; 1: -1, -17; 2: -6, -6; 3: 0, 0. The best are -10 and -17, so the largest
    shortfalls, over the range 10, are .7, .9, 1.1, 1.7; those of lead, over 1, are 1, .4, .3, 0.
    """
    each = constant(LOSSES)
    each[1, 0] = (-1.0, -17.0)
    regret = regrets(LOSSES, each)
    assert regret == pytest.approx(np.array([[1.0, 1.0], [0.9, 0.4], [0.4, 1.1], [1.0, 1.7]]))
    found = choose(LOSSES, each, two, "regret")
    assert found.row == 1
    assert "more than 90 % of the front's range in any objective (mean 65 %); the next policy has 100 %" in (
        found.reasons[0]
    )


@pytest.mark.parametrize("way", ["compromise", "regret", "weights"])
def test_a_front_of_one_policy(way: str, two: Problem) -> None:
    weights = np.ones(2) if way == "weights" else None
    found = choose(LOSSES[:1], constant(LOSSES[:1]), two, way, weights)  # type: ignore[arg-type]
    assert found.row == 0
    assert "next" not in " ".join(found.reasons)


def test_weights_are_read_by_name() -> None:
    assert parse_weights((), ["revenue", "compute_lead"]) is None
    found = parse_weights(("compute_lead=2", "revenue = 0.5"), ["revenue", "compute_lead", "substitution"])
    assert found is not None
    assert found.tolist() == [0.5, 2.0, 0.0]


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        (("compute_lead",), "takes OUTCOME=W"),
        (("compute_lead=",), "takes OUTCOME=W"),
        (("compute_laed=1",), "did you mean `compute_lead`?"),
        (("compute_lead=1", "compute_lead=2"), "given twice"),
        (("compute_lead=-1",), "at least 0"),
        (("compute_lead=0", "revenue=0"), "at least one weight must be above 0"),
        (("compute_lead=nan",), "only finite numbers"),
        (("compute_lead=1 GUSD",), "compute_lead"),
        (("units_open=1",), "is not an objective of the run"),
    ],
)
def test_wrong_weights_are_one_sentence(texts: tuple[str, ...], says: str) -> None:
    with pytest.raises(InputError) as refusal:
        parse_weights(texts, ["revenue", "compute_lead"])
    assert says in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_bounds_have_units_and_statistics() -> None:
    assert str(parse_bound("revenue >= 13000 MUSD", {})) == "mean of revenue >= 13 GUSD"
    found = parse_bound("revenue_cvar10<=90 GUSD", {})
    assert (found.outcome, found.statistic, found.sign, found.value) == ("revenue", "cvar_upper10", 1.0, 90.0)
    nested = parse_bound("terminal_compute_lead_st_p05>=1", {})
    assert (nested.outcome, nested.statistic) == ("terminal_compute_lead_st", "p05")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("compute_lead", "takes OUTCOME<=V or OUTCOME>=V"),
        ("compute_lead=3", "takes OUTCOME<=V or OUTCOME>=V"),
        ("compute_lead<3", "takes OUTCOME<=V or OUTCOME>=V"),
        (">=3", "takes OUTCOME<=V or OUTCOME>=V"),
        ("compute_lead>=", "takes OUTCOME<=V or OUTCOME>=V"),
        ("compute_laed>=3", "did you mean `compute_lead`?"),
        ("compute_lead_p5>=3", "unknown statistic `p5`"),
        ("compute_lead>=x", "is not a number"),
        ("compute_lead>=3 GUSD", "a pure number"),
        ("compute_lead>=inf", "only finite numbers"),
        ("\x1b[31m>=3", "takes OUTCOME<=V"),
    ],
)
def test_wrong_bounds_are_one_sentence(text: str, says: str) -> None:
    with pytest.raises(InputError) as refusal:
        parse_bound(text, {})
    assert says in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert "\x1b" not in str(refusal.value)


CAPS = {
    "c_licensed_tpp": 30000.0, "c_licensed_memory": 6000.0, "c_licensed_interconnect": 900.0,
    "c_open_tpp": 2400.0, "c_open_memory": 2000.0, "c_open_interconnect": 900.0,
    "c_quota_share": 0.2, "c_revenue_share": 0.1, "c_indexation": 0.0,
}  # fmt: skip


def test_a_marginal_price_is_the_difference_of_two_evaluations(problem: Problem) -> None:
    draws = bootstrap.resamplings(problem.scenarios.weights, 1)
    found = {(price.lever, price.direction): price.change for price in shadow_prices.prices(problem, CAPS, draws)}
    assert {lever for lever, _ in found} == set(CAPS) - {"c_revenue_share", "c_indexation"}
    base = rule_levers(find_rule("unrestricted"))
    wanted = [(name, "mean") for name in problem.objectives]
    before = problem.evaluator.statistics(apply_levers(base, CAPS).reshape(1, 1), wanted)[0]
    for lever, direction, factor in (("c_licensed_tpp", "looser", 1.01), ("c_quota_share", "tighter", 0.99)):
        moved = apply_levers(base, CAPS | {lever: CAPS[lever] * factor}).reshape(1, 1)
        change = found[lever, direction]
        assert change is not None
        assert change.mean == pytest.approx(problem.evaluator.statistics(moved, wanted)[0] - before, abs=1e-9)
        assert (change.low <= change.high).all()
    assert any(change.mean.any() for change in found.values() if change)


def test_a_step_that_would_break_the_nesting_has_no_price(problem: Problem) -> None:
    """The two interconnect caps are equal: the open one cannot loosen, the licensed one cannot tighten."""
    draws = bootstrap.resamplings(problem.scenarios.weights, 1)
    none = {(p.lever, p.direction) for p in shadow_prices.prices(problem, CAPS, draws) if p.change is None}
    assert none == {("c_open_interconnect", "looser"), ("c_licensed_interconnect", "tighter")}


def test_rebinning_is_the_difference_to_a_world_without_designs(problem: Problem) -> None:
    draws = bootstrap.resamplings(problem.scenarios.weights, 1)
    levers = problem.space.rows(CAPS)
    found = loophole.gain_from_rebinning(problem, levers, ["revenue", "design_cost"], draws)
    wanted = [("revenue", "mean"), ("design_cost", "mean")]
    without = small.problem("design_lag=100 year")
    expected = problem.evaluator.statistics(levers, wanted)[0] - without.evaluator.statistics(levers, wanted)[0]
    assert found.mean == pytest.approx(expected, abs=1e-9)
    assert found.mean[0] > 0.0
    assert found.low[0] <= found.mean[0] <= found.high[0]


def test_nothing_is_gained_where_nothing_needs_to_be_cut(problem: Problem) -> None:
    draws = bootstrap.resamplings(problem.scenarios.weights, 1)
    free = rule_levers(find_rule("unrestricted")).reshape(1, 1)
    found = loophole.gain_from_rebinning(problem, free, problem.objectives, draws)
    assert not found.mean.any()
    assert not found.low.any()


def test_real_chips_within_5_per_cent_of_a_cap(problem: Problem) -> None:
    chips = (
        Chip("below", country="US", tpp=2368.0),  # 1.33 % below 2400
        Chip("above", country="US", tpp=2500.0),  # 4.17 % above
        Chip("edge", country="US", tpp=2280.0),  # 5 %
        Chip("far", country="US", tpp=2279.0),
        Chip("theirs", country="China", tpp=2400.0),
        Chip("game", country="US", tpp=2400.0, datacentre=False),
        Chip("unknown", country="US"),
        Chip("wide", country="US", memory_gbs=2000.0, interconnect_gbs=900.0),
    )
    found = {line.lever: line for line in loophole.lines(problem.space.rows(CAPS), chips, ("c",))}
    assert set(found) == {f"c_{t}_{f}" for t in ("open", "licensed") for f in ("tpp", "memory", "interconnect")}
    near = [(b.chip, round(b.room, 2)) for b in found["c_open_tpp"].chips]
    assert near == [("below", 1.33), ("above", -4.17), ("edge", 5.0)]
    assert found["c_open_memory"].cap == 2000.0
    assert [b.chip for b in found["c_open_memory"].chips] == ["wide"]
    assert [b.chip for b in found["c_licensed_interconnect"].chips] == ["wide"]
    assert found["c_licensed_tpp"].chips == ()


def test_caps_read_against_the_frontier_have_no_place_among_real_chips() -> None:
    row = apply_levers(rule_levers(find_rule("unrestricted")), {"c_reading": 1, "c_open_tpp": 0.1, "c_licensed_tpp": 1})
    assert loophole.lines(row, (Chip("any", country="US", tpp=0.1),), ("c",)) == []
