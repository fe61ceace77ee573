"""Duels, regret and hypervolume by hand, and what may be compared."""

from __future__ import annotations

import numpy as np
import pytest
from support import small

from tiercap.kernels.params import OUTCOMES
from tiercap.optimizer.errors import InputError
from tiercap.optimizer.model import bootstrap, statistics
from tiercap.optimizer.tradeoffs.compare import Duel, _duel, _least, _volumes, compare, contenders, opened

WEIGHTS = np.full(4, 0.25)
DRAWS = bootstrap.resamplings(WEIGHTS, 0)


def duel(mine: np.ndarray, theirs: np.ndarray) -> tuple[int, int, int]:
    """Beaten, surely and of how many."""
    found = fought(mine, theirs)
    return found.beaten, found.surely, found.of


def fought(mine: np.ndarray, theirs: np.ndarray) -> Duel:
    """The first objective is maximised, the second minimised."""
    return _duel(levels(mine), levels(theirs), np.array([-1.0, 1.0]))


def levels(losses: np.ndarray) -> bootstrap.Levels:
    """Means of losses by scenario."""
    return bootstrap.Levels(losses.mean(axis=-1), statistics.resampled(losses, DRAWS, "mean"))


def flat(rows: list[tuple[float, float]]) -> np.ndarray:
    """Losses that are the same in all four scenarios."""
    return np.repeat(np.array(rows, dtype=float)[:, :, None], 4, axis=2)


def test_who_beats_whom() -> None:
    mine, theirs = flat([(1, 3), (3, 1)]), flat([(2, 4), (3, 3), (0, 9), (3, 1)])
    assert duel(mine, theirs) == (1, 1, 4)  # (2, 4) alone: (3, 3) only ties with (1, 3) in the second objective
    assert duel(theirs, mine) == (0, 0, 2)


def test_the_clearest_lead_and_its_size() -> None:
    """Gains of (1, 3) over (2, 9), in spans of 3 and 8, are 1/3 and 3/4; those of (4, 1) over it -2/3 and 1."""
    found = fought(flat([(4, 1), (1, 3)]), flat([(1, 2), (2, 9)]))
    assert (found.mine, found.theirs, found.beaten) == (1, 1, 1)
    assert found.change.mean.tolist() == [1.0, -6.0]  # a loss less of what is maximised is a gain of it
    assert found.change.low.tolist() == found.change.high.tolist() == [1.0, -6.0]


def test_constraints_that_a_contender_breaks_are_named() -> None:
    found = compare(["ban", "unrestricted"], small.problem("constraints.revenue.min=1 GUSD"))
    assert [standing.breaks for standing in found.standings] == [("mean of revenue >= 1 GUSD",), (), ()]


def test_a_lead_that_some_scenarios_turn_is_not_sure() -> None:
    """The first gains 1 in both objectives on average, but loses 5 in one scenario of four in the second."""
    mine, theirs = flat([(1, 1)]), flat([(2, 2)])
    mine[0, 1] = (7.0, -1.0, -1.0, -1.0)
    assert duel(mine, theirs) == (1, 0, 1)


def test_scenarios_that_move_both_do_not_blur_a_lead() -> None:
    """Levels range over a hundred, the lead is 1 in every scenario."""
    noise = np.array([0.0, 100.0, -50.0, 7.0])
    assert duel(flat([(1, 1)]) + noise, flat([(2, 2)]) + noise) == (1, 1, 1)


def test_the_least_largest_regret_then_the_least_mean() -> None:
    assert _least(np.array([[0.1, 0.9], [0.5, 0.5], [0.5, 0.2]]), np.full(2, 0.5)) == 2


def test_the_hypervolume_of_a_point_by_hand() -> None:
    """(0.1, 0.6) below (1.1, 1.1) is 1 by 0.5; in all resamplings the same."""
    losses = flat([(0.1, 0.6)])
    found = _volumes(levels(losses), np.zeros(2), np.ones(2))
    assert found == pytest.approx(0.5)
    assert len(found) == 1 + bootstrap.RESAMPLES


def test_the_baseline_joins_and_is_not_doubled() -> None:
    problem = small.problem()
    who, place = contenders(["ban", "c_open_tpp=4800"], problem)
    assert [(one.name, one.kind) for one in who] == [
        ("ban", "rule"), ("c_open_tpp=4800", "policy"), ("bis-2026", "rule")
    ]  # fmt: skip
    assert place == 2
    assert contenders(["bis-2026", "ban"], problem)[1] == 0
    assert len(contenders(["bis-2026", "ban"], problem)[0]) == 2


def test_rules_compared_are_the_rules_evaluated() -> None:
    problem = small.problem()
    found = compare(["ban", "unrestricted"], problem)
    wanted = [(name, "mean") for name in problem.objectives]
    for one, standing in zip(found.contenders, found.standings, strict=True):
        mean = problem.evaluator.statistics(one.levers, wanted)[0]
        assert standing.objectives.mean == pytest.approx(mean, rel=1e-12)
        rule = problem.evaluator.statistics(problem.baseline.reshape(1, 1), wanted)[0]
        assert standing.from_baseline.mean == pytest.approx(mean - rule, abs=1e-9)
    baseline = found.standings[found.baseline]
    assert not baseline.from_baseline.low.any()
    assert not baseline.from_baseline.high.any()
    assert found.standings[0].from_first == (0.0, 0.0, 0.0)
    levers = np.concatenate([one.levers for one in found.contenders])
    lead = problem.evaluator.outcomes(levers)[:, OUTCOMES.index("compute_lead")]
    short = statistics.regret(lead, "maximise").mean(axis=1)
    assert [s.regret_by_objective.mean[1] for s in found.standings] == pytest.approx(short, abs=1e-12)
    assert short.any()


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        (["bis-2062"], "unknown rule `bis-2062`: did you mean `bis-2026`?"),
        (["no/such/run"], "does not exist"),
    ],
)
def test_what_is_neither_run_nor_rule_is_refused(texts: list[str], says: str) -> None:
    with pytest.raises(InputError) as refusal:
        contenders(opened(texts), small.problem())
    assert says in str(refusal.value)


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        (["ban", "ban"], "given twice"),
        (["c_open_tp=3"], "did you mean `c_open_tpp`?"),
        ([f"c_open_tpp={1000 + k}" for k in range(20)], "at most 20"),
    ],
)
def test_what_cannot_be_compared_is_refused(texts: list[str], says: str) -> None:
    with pytest.raises(InputError) as refusal:
        contenders(texts, small.problem())
    assert says in str(refusal.value)
