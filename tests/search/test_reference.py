"""The stored reference front: the file that was recorded, a front, what its policies evaluate to, the study's scale."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))

import reference

from tiercap.optimizer.model import front
from tiercap.optimizer.model.convergence import additive_epsilon, scaled_hypervolume
from tiercap.optimizer.runs.folder import RunFolder
from tiercap.optimizer.runs.identity import configuration
from tiercap.optimizer.search.loop import Search
from tiercap.optimizer.study import load
from tiercap.optimizer.study.problem import Problem


@pytest.fixture(scope="module")
def problem() -> Problem:
    return Problem(load.load(None, (), {}, {}))


def test_what_is_stored_is_a_front_that_evaluates_again(problem: Problem) -> None:
    """All policies are compared; of every 200 one is evaluated, the rest by `reference.py --check`."""
    coords, losses = reference.load(problem)
    assert front.nondominated(losses).all()
    wanted = [(o.outcome, o.statistic) for o in problem.study.objectives]
    again = problem.evaluator.statistics(problem.space.resolve(coords[::200]), wanted) * problem.scoring.signs
    np.testing.assert_allclose(again, losses[::200], rtol=reference.TOLERANCE)


def test_the_study_states_the_scale_of_the_front_and_the_facts_its_size(problem: Problem) -> None:
    _, losses = reference.load(problem)
    ideal, nadir = front.ideal_and_nadir(losses)
    assert problem.scoring.scale is not None
    np.testing.assert_allclose(problem.scoring.scale, (ideal, nadir), rtol=1e-3)
    facts = json.loads(reference.FACTS.read_text())
    assert facts["policies_stored"] == len(losses) <= facts["policies"]
    assert sum(source["on_the_front"] for source in facts["sources"]) == facts["policies"]
    assert sum(source["evaluations"] for source in facts["sources"]) == facts["evaluations"]
    stored = scaled_hypervolume(losses, ideal, nadir)
    assert 0.999 * reference.hypervolume() < stored <= reference.hypervolume()


def test_a_file_that_was_not_recorded_is_refused(
    problem: Problem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / reference.TABLE.name
    other.write_bytes(reference.TABLE.read_bytes()[:-1] + b"?")
    monkeypatch.setattr(reference, "TABLE", other)
    with pytest.raises(SystemExit, match=r"is not the file that reference\.json speaks of"):
        reference.load(problem)


def test_one_policy_is_stored_of_each_cell_and_the_scale_stays() -> None:
    """Half a million policies on a sphere: nothing is lost beyond a cell, and none is stored twice."""
    rng = np.random.default_rng(0)
    losses = 1.0 - np.abs(rng.normal(size=(500_000, 3)))
    losses = -np.abs(losses - 1.0) / np.linalg.norm(losses - 1.0, axis=1, keepdims=True)
    rows = reference.thinned(losses, 0.003)
    ends = front.ideal_and_nadir(losses)
    assert len(rows) == len(set(rows.tolist())) < 0.5 * len(losses)
    np.testing.assert_array_equal(front.ideal_and_nadir(losses[rows]), ends)
    assert 0.0 < additive_epsilon(losses[rows], losses[::100], *ends) <= 0.003


def test_a_source_may_come_in_parts_and_what_is_dominated_goes(problem: Problem) -> None:
    union = reference.Union(problem)
    coords = np.zeros((2, len(problem.space.levers)))
    union.add("a", coords, np.array([[0.0, 1.0], [1.0, 0.0]]), 10)
    union.add("b", coords[:1], np.array([[0.0, 0.5]]), 5)
    union.add("a", coords[:1], np.array([[2.0, -1.0]]), 10)
    assert union.facts == [
        {"source": "a", "evaluations": 20, "policies": 3}, {"source": "b", "evaluations": 5, "policies": 1},
    ]  # fmt: skip
    assert union.losses.tolist() == [[1.0, 0.0], [0.0, 0.5], [2.0, -1.0]]
    assert union.found_by.tolist() == [0, 1, 0]


@pytest.mark.parametrize("engine", reference.MEMORYLESS)
def test_an_engine_that_learns_nothing_is_asked_for_what_its_search_would_try(engine: str, tmp_path: Path) -> None:
    """The bulk that goes into the reference has the policies and the losses of a run."""
    settings = (f"search.engine={engine}", "search.trials=96", "search.population=32", "search.seed=7",
                "search.screen=64", "search.screen_generations=1", "search.promoted=8")  # fmt: skip
    problem = Problem(load.load(None, (*settings, "scenarios.count=16"), {}, {}))
    with RunFolder.open(tmp_path / "run", configuration(problem)) as folder:
        archive = Search(problem, folder).run().archive
    tried = archive.stage > 0
    coords = reference.proposed(problem, 96)
    np.testing.assert_array_equal(coords, archive.coords[tried])
    found, found_losses, evaluations = reference.front_of(problem, 96, lambda: coords, tmp_path / "bulk")
    losses = problem.scoring.losses(archive.values)[tried]
    kept = front.nondominated(losses)
    np.testing.assert_array_equal(found, coords[kept])
    np.testing.assert_array_equal(found_losses, losses[kept])
    assert evaluations == 96 * 16
    again, *_ = reference.front_of(problem, 96, pytest.fail, tmp_path / "bulk")  # read, not drawn and evaluated
    np.testing.assert_array_equal(again, found)
