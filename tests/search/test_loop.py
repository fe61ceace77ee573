"""The search: what it finds is a front, comes again to the bit, and is taken up where it was left."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.small import BLOCKS, EVALUATIONS, problem

from tiercap.optimizer.errors import InfeasibleError, InputError
from tiercap.optimizer.rules import nesting
from tiercap.optimizer.rules.levers import LEVERS_TABLE
from tiercap.optimizer.rules.space import coordinates
from tiercap.optimizer.runs.folder import RunFolder
from tiercap.optimizer.runs.identity import configuration
from tiercap.optimizer.search.archive import Outcome
from tiercap.optimizer.search.loop import Search
from tiercap.optimizer.search.run import Run, optimize
from tiercap.optimizer.study.problem import Problem


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished run of the small study."""
    return optimize(problem(), tmp_path_factory.mktemp("run") / "a")


def search(small: Problem, path: Path, **more: object) -> Outcome:
    with RunFolder.open(path, configuration(small)) as folder:
        return Search(small, folder, **more).run()  # type: ignore[arg-type]


def same(found: Outcome, other: Outcome) -> bool:
    pairs = [(found.archive.coords, other.archive.coords), (found.archive.values, other.archive.values)]
    pairs += [(found.front, other.front), (found.ideal, other.ideal), (found.nadir, other.nadir)]
    return all(a.tobytes() == b.tobytes() for a, b in pairs)


def test_the_front_is_what_nothing_dominates(run: Run) -> None:
    losses = run.problem.scoring.losses(run.found.archive.values)
    better = (losses[:, None] <= losses[None]).all(axis=2) & (losses[:, None] < losses[None]).any(axis=2)
    dominated = better.any(axis=0)
    assert not dominated[run.found.front].any()
    assert len(run.found.front) > 20
    outside = np.setdiff1d(np.arange(len(losses)), run.found.front)
    twins = {losses[row].tobytes() for row in run.found.front}
    assert all(dominated[row] or losses[row].tobytes() in twins for row in outside)
    assert (np.diff(losses[run.found.front, 0]) >= 0).all()


def test_the_front_evaluates_again_to_the_same_bits(run: Run) -> None:
    again = run.problem.evaluator.statistics(run.levers[::-1], run.problem.scoring.reported)[::-1]
    assert again.tobytes() == np.ascontiguousarray(run.front_values).tobytes()


def test_every_generation_is_counted(run: Run) -> None:
    small, found = run.problem, run.found
    assert found.evaluations == EVALUATIONS == Search(small, None).planned()  # type: ignore[arg-type]
    assert found.evaluations_reused == 0
    assert [row["generation"] for row in found.convergence] == [0, 1, 2]
    assert np.bincount(found.archive.stage).tolist() == [64, 16, 16]
    volumes = [row["hypervolume"] for row in found.convergence]
    assert volumes == sorted(volumes)
    assert run.hypervolume[0] == volumes[-1]
    assert run.hypervolume[1] < run.hypervolume[2]


def test_threads_change_no_bit_and_the_seed_does(run: Run, tmp_path: Path) -> None:
    assert same(search(problem(threads=2), tmp_path / "two"), run.found)
    other = problem("search.seed=2")
    assert not np.array_equal(search(other, tmp_path / "seed").archive.coords, run.found.archive.coords)


class Stop(Exception):
    """The interruption of a test."""


STEPS = np.cumsum(list(BLOCKS.values())).tolist()


@pytest.mark.parametrize("after", [1, STEPS[0], *(step + 1 for step in STEPS[:-1]), EVALUATIONS - 1])
def test_a_search_goes_on_from_every_place(run: Run, tmp_path: Path, after: int) -> None:
    def stop(done: int, _volume: float | None) -> None:
        if done >= after:
            raise Stop

    with pytest.raises(Stop):
        search(problem(), tmp_path, progress=stop)
    kept = sorted((tmp_path / "evaluations").iterdir())
    stamps = [(part.stat().st_ino, part.stat().st_mtime_ns) for part in kept]
    found = search(problem(), tmp_path)
    assert same(found, run.found)
    assert found.evaluations == EVALUATIONS
    assert found.evaluations_reused == max([0, *(step for step in STEPS if step < after)])
    assert len(kept) == sum(step < after for step in STEPS)
    assert [(part.stat().st_ino, part.stat().st_mtime_ns) for part in kept] == stamps


def test_a_larger_budget_extends_to_the_run_it_would_have_been(run: Run, tmp_path: Path) -> None:
    search(problem(), tmp_path / "a")
    found = search(problem("search.trials=64"), tmp_path / "a")
    assert same(found, search(problem("search.trials=64"), tmp_path / "b"))
    assert found.evaluations_reused == EVALUATIONS
    assert found.evaluations == EVALUATIONS + 32 * (32 + 8 * 8)
    with pytest.raises(InputError, match=r"larger budget(?s:.)*budget\.trials: 64 in the folder, 32 now"):
        search(problem(), tmp_path / "a")


def test_long_blocks_are_cut_without_changing_a_bit(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tiercap.optimizer.search.blocks.BLOCK", 320)
    assert same(search(problem(), tmp_path), run.found)
    assert len(list((tmp_path / "evaluations").iterdir())) == 7 + 2 * 7 + 7 + 2 * (4 + 2)


def test_other_code_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = problem()
    RunFolder.open(tmp_path, configuration(small)).close()
    monkeypatch.setattr("tiercap.optimizer.runs.identity.code_digest", lambda: "0" * 64)
    with pytest.raises(InputError, match=r"another configuration(?s:.)*code\.kernel_sources"):
        search(small, tmp_path)


def test_a_block_of_other_policies_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = problem()
    search(small, tmp_path)
    turned = "tiercap.optimizer.search.loop.coordinates"
    monkeypatch.setattr(turned, lambda unit, levers: coordinates(1.0 - unit, levers))
    with pytest.raises(InputError, match="block `screen-0000` holds other policies"):
        search(small, tmp_path)


def test_constraints_that_bind_hold_on_the_whole_front(run: Run, tmp_path: Path) -> None:
    middle = float(np.median(run.front_values[:, run.problem.scoring.reported.index(("compute_lead", "mean"))]))
    small = problem(f"constraints.compute_lead.max={middle}")
    found = search(small, tmp_path)
    gaps = found.archive.values[:, small.scoring.reported.index(("compute_lead", "mean"))]
    assert gaps[found.front].max() <= middle < gaps.max()


def test_what_no_policy_satisfies_is_said_with_the_shortfall(tmp_path: Path) -> None:
    small = problem("constraints.compute_lead.min=1000", "constraints.revenue.min=-5")
    with pytest.raises(InfeasibleError) as caught:
        search(small, tmp_path)
    gaps = [float(v) for part in (tmp_path / "evaluations").glob("part-[pg]*") for v in _column(part, "compute_lead")]
    assert f"of {len(gaps)} satisfies" in str(caught.value)
    assert f"the nearest misses mean of compute_lead >= 1000 by {1000 - max(gaps):.4g}:" in str(caught.value)


def _column(part: Path, name: str) -> np.ndarray:
    import pyarrow.parquet

    return np.asarray(pyarrow.parquet.read_table(part)[name])


@pytest.mark.parametrize(
    "settings",
    [
        ("search.screen=0",),
        ("search.screen=0", "search.engine=nsga2"),
        ("search.screen=1",),
        ("search.screen_generations=0", "search.promoted=1"),
        ("search.screen=8",),
        ("search.trials=0",),
        ("search.population=64",),
        ("scenarios.kind=central",),
        ("scenarios.count=1",),
        ("scenarios.count=3", "search.trials=5", "search.population=3"),
    ],
)
def test_odd_budgets_still_find_a_front(settings: tuple[str, ...], tmp_path: Path) -> None:
    small = problem(*settings)
    done = optimize(small, tmp_path)
    assert done.found.evaluations == Search(small, None).planned()  # type: ignore[arg-type]
    assert len(done.found.front) > 0
    assert np.isfinite(done.front_values).all()
    assert {choice.row for choice in done.choices} <= set(range(len(done.levers)))


def test_three_tiers_stay_nested(tmp_path: Path) -> None:
    small = problem(study="three-tier")
    found = search(small, tmp_path)
    rows = small.space.resolve(found.archive.coords)
    assert (rows["c"]["tpp"][:, 0, 1, 0] <= rows["b"]["tpp"][:, 0, 0, 0]).all()
    for row in rows[found.front]:
        nesting.check(row, dict.fromkeys(LEVERS_TABLE, 0.0))  # raises where a tier loosens
