"""A front in scenarios that it was not chosen by."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from support import small

from tiercap.optimizer.io import columns
from tiercap.optimizer.model import bootstrap, ensembles
from tiercap.optimizer.model.bootstrap import Levels
from tiercap.optimizer.model.scenarios import draw
from tiercap.optimizer.runs import saved
from tiercap.optimizer.search import reevaluation
from tiercap.optimizer.search.indistinguishable import MOST
from tiercap.optimizer.search.run import Run, optimize
from tiercap.optimizer.study.problem import FRESH, Problem

SETTINGS = (
    "objectives.revenue=maximise", "objectives.revenue_cvar10=maximise", "objectives.compute_lead_regret90=maximise",
    "constraints.compute_lead_p05.min=3", "scenarios.fresh=24",
)  # fmt: skip
#: Two objectives that are to be large, one that is to be small.
THREE = ("objectives.revenue=maximise", "objectives.compute_lead=maximise", "objectives.substitution=minimise")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return optimize(small.problem(*SETTINGS), tmp_path_factory.mktemp("run") / "run")


def test_the_columns_of_the_front_are_the_policies_in_fresh_scenarios(made: Run) -> None:
    problem = made.problem
    assert made.fresh is not None
    assert problem.fresh is not None
    assert len(made.fresh.scenarios) == 24
    table = columns.from_parquet((made.path / "front.parquet").read_bytes())
    evaluator = problem.evaluator_in(problem.fresh)
    again = evaluator.statistics(made.levers, problem.scoring.screened)
    for k, name in enumerate(["revenue", "revenue_cvar10", "compute_lead_regret90", "compute_lead_p05"]):
        assert np.array_equal(table[f"{name}_fresh"], again[:, k])
        assert not np.array_equal(table[name], again[:, k])
    assert np.array_equal(table["feasible_fresh"], again[:, 3] >= 3.0)
    losses = problem.scoring.losses(again)
    worse = (losses[:, None] <= losses[None]).all(axis=2) & (losses[:, None] < losses[None]).any(axis=2)
    assert np.array_equal(table["undominated_fresh"], ~worse.any(axis=0))
    assert np.array_equal(table["group"], made.groups.group)
    assert table["representative"].sum() == len(made.groups.representative) == table["group"].max() + 1


def test_optimism_is_what_the_front_loses_beyond_the_rule(made: Run) -> None:
    problem, met = made.problem, made.fresh
    assert met is not None
    before = np.concatenate([made.front_values[:, :3], made.baseline_values[None, :3]])
    after = np.concatenate([met.values[:, :3], met.rule[None, :3]])
    lost = (after - before) * problem.scoring.signs
    np.testing.assert_allclose(met.shift.mean, lost[-1], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(met.optimism.mean, lost[:-1].mean(axis=0) - lost[-1], rtol=1e-9, atol=1e-12)
    assert (met.optimism.low <= met.optimism.high).all()


def test_the_manifest_tells_what_regret_was_measured_from(made: Run) -> None:
    told = json.loads((made.path / "manifest.json").read_text())
    assert told["regret"] == {"rivals": 1025, "best_known_sha256": made.problem.evaluator.best_known()}
    assert told["fresh"]["best_known_sha256"] not in (None, told["regret"]["best_known_sha256"])
    assert told["fresh"]["seed"] == 1 + FRESH
    assert told["groups"]["count"] == len(made.groups.representative)
    assert saved.load(made.path, 1).problem.study == made.problem.study


def test_threads_and_resuming_change_nothing(made: Run, tmp_path: Path) -> None:
    other = optimize(small.problem(*SETTINGS, threads=2), tmp_path / "two")
    again = optimize(small.problem(*SETTINGS), made.path)
    assert again.found.evaluations_reused == again.found.evaluations
    for run in (other, again):
        assert (run.path / "front.parquet").read_bytes() == (made.path / "front.parquet").read_bytes()


def test_choices_come_from_different_groups(made: Run) -> None:
    rows = {choice.row for choice in made.choices}
    assert len({int(made.groups.group[row]) for row in rows}) == len(rows)


@pytest.mark.parametrize("setting", ["scenarios.fresh=0", "scenarios.kind=central"])
def test_without_fresh_scenarios_the_search_s_own_tell_groups(setting: str) -> None:
    problem = small.problem(setting)
    everyone = np.concatenate([problem.rivals[:6], problem.baseline.reshape(1, 1)])
    draws = bootstrap.resamplings(problem.scenarios.weights, 0)
    met, found = reevaluation.meet(problem, everyone, problem.scoring.levels(everyone, draws, problem.evaluator))
    assert met is None
    assert len(found.group) == 6
    if setting.endswith("central"):  # one future, in which nothing is left to chance
        assert found.group.tolist() == list(range(6))


def test_fresh_scenarios_are_members_that_the_search_did_not_meet() -> None:
    problem = small.problem("scenarios.count=64")
    assert problem.fresh is not None
    assert len(problem.fresh) == 64
    assert problem.shared == problem.fresh.shared(problem.scenarios) == 0.0
    assert problem.scenarios.shared(problem.scenarios) == pytest.approx(1.0)
    assert problem.fresh.digest == problem.scenarios.digest
    some = small.problem("scenarios.kind=sobol", "scenarios.fresh=16").fresh
    assert some is not None
    ranges = small.problem().study.parameters
    assert some.table.tobytes() == draw(ranges, 16, 1 + FRESH, "sobol").table.tobytes()


def test_where_the_search_met_every_member_only_the_rest_is_drawn_again(tmp_path: Path) -> None:
    problem = small.problem("scenarios.count=512")
    assert len(problem.scenarios) == 512
    assert problem.fresh is not None
    assert problem.shared == pytest.approx(1.0)
    assert problem.fresh.shared(problem.scenarios) < 1.0
    names = [info.name for info in problem.study.parameters]
    whole = tmp_path / "whole.parquet"
    whole.write_bytes(ensembles.to_parquet({name: problem.scenarios.table[name][:8] for name in names}))
    assert small.problem(f"scenarios.file={whole}").fresh is None  # it speaks of everything, and all was met


@pytest.mark.parametrize("n", [40, 12, 7])
def test_what_was_left_out_stands_for_the_ensemble(n: int) -> None:
    """Over many seeds the weight of each member in what is left is its weight in the ensemble."""
    rng = np.random.default_rng(5)
    weights = rng.dirichlet(np.full(20, 0.4))
    members = ensembles.parse("mine", {"lock_in": np.arange(20.0) / 20.0, "weight": weights})
    total, seeds = np.zeros(20), 3000
    for seed in range(seeds):
        left = members.unmet(n, seed)
        rows = np.rint(left.columns["lock_in"] * 20).astype(int)
        picked = members.pick(n, seed)[0]
        certain = (n * weights >= 1.0) if n < 20 else weights > 0.0
        assert set(rows[~certain[rows]]) == set(np.flatnonzero(~certain & (weights > 0.0))) - set(picked.tolist())
        assert left.weights.sum() == pytest.approx(1.0)
        total[rows] += left.weights
    np.testing.assert_allclose(total / seeds, weights, atol=0.03)


def test_beyond_the_most_that_are_asked_the_rest_is_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    assert MOST >= 872  # the front of the built-in study
    monkeypatch.setattr(reevaluation, "MOST", 4)
    problem: Problem = small.problem(*THREE)
    values = np.array([[9.0, 0.0, 9.0], [8.0, 1.0, 8.0], [7.0, 2.0, 7.0], [6.0, 3.0, 6.0], [5.0, 4.0, 5.0], [0, 0, 0]])
    drawn = values + np.random.default_rng(6).normal(0.0, 0.01, (200, 6, 3))
    found = reevaluation._grouped(problem, Levels(values, drawn))
    assert sorted(found.group.tolist()) == [reevaluation.NOT_ASKED, 0, 1, 2, 3]
    assert (found.group[found.representative] == np.arange(4)).all()


def test_a_policy_that_is_no_number_there_is_not_asked_and_spoils_nothing() -> None:
    problem = small.problem(*THREE)
    values = np.array([[9.0, 0.0, 9.0], [np.nan, 1.0, 8.0], [7.0, 2.0, 7.0], [1.0, 1.0, 1.0]])
    drawn = np.broadcast_to(values, (200, 4, 3))
    assert reevaluation._grouped(problem, Levels(values, drawn)).group.tolist() == [0, reevaluation.NOT_ASKED, 1]
    lost, rule = reevaluation._lost(Levels(values - 1.0, drawn - 1.0), Levels(values, drawn), problem.scoring.signs)
    assert lost.mean.tolist() == [0.0, 0.0, 0.0]  # the rule loses as much
    assert rule.mean.tolist() == [1.0, 1.0, -1.0]
    none = Levels(np.full((3, 3), np.nan), np.full((200, 3, 3), np.nan))
    assert np.isnan(reevaluation._lost(none, none, problem.scoring.signs)[0].mean).all()
    assert reevaluation._grouped(problem, none).group.tolist() == [reevaluation.NOT_ASKED] * 2
