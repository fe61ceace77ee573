"""Statistics in bounded memory: no trace of blocks, parts and threads in the bits; interrupts; regret in two passes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import cases

from tiercap.kernels.lanes import LANES
from tiercap.kernels.params import OUTCOMES
from tiercap.optimizer.errors import InputError
from tiercap.optimizer.model import evaluator, statistics, streaming
from tiercap.optimizer.model.horizon import Horizon
from tiercap.optimizer.model.scenarios import Draws, Scenarios
from tiercap.optimizer.model.sobol import unit_points
from tiercap.optimizer.model.streaming import Points, StreamingEvaluator, Wanted
from tiercap.optimizer.rules.space import coordinates
from tiercap.optimizer.study import load
from tiercap.optimizer.study.problem import Problem

SHORT = Horizon(years=3)
N_POLICIES, N_FUTURES = 11, 150
#: Every statistic, of the outcome and of its regret, for an outcome to maximise and one to minimise.
STATISTICS = ("mean", "std", "min", "max", "p05", "p50", "cvar10", "cvar_upper10")
WANTED = [
    *(Wanted(outcome, s) for outcome in ("revenue", "substitution") for s in STATISTICS),
    *(Wanted("revenue", s, "maximise") for s in STATISTICS),
    *(Wanted("substitution", s, "minimise") for s in STATISTICS),
]


@pytest.fixture(scope="module")
def futures() -> Scenarios:
    """Scenarios of unequal weight."""
    rng = np.random.default_rng(5)
    weights = rng.integers(1, 9, N_FUTURES).astype(float)
    return Scenarios(cases.random_params(rng, N_FUTURES), weights / weights.sum(), 0, "random")


@pytest.fixture(scope="module")
def policies() -> np.ndarray:
    return cases.random_policies(np.random.default_rng(6), N_POLICIES)


@pytest.fixture(scope="module")
def outcomes(futures: Scenarios, policies: np.ndarray) -> np.ndarray:
    """All of them, held: float64[policy, outcome, future]."""
    return evaluator.Evaluator(futures, SHORT, cases.catalogue(), 1).outcomes(policies)


def direct(outcomes: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The wanted statistics from all outcomes at once."""
    columns = []
    for outcome, statistic, direction in WANTED:
        values = outcomes[:, OUTCOMES.index(outcome)]
        values = statistics.regret(values, direction) if direction else values
        columns.append(statistics.reduce(values, weights, statistic))
    return np.stack(columns, axis=1)


def cut(monkeypatch: pytest.MonkeyPatch, tiles: int, policies: int, allied: int | None = None) -> None:
    """Blocks of so many tiles, parts of so many policies, and tables of A and B for so many."""
    lanes = evaluator.lanes
    one = 8 * (lanes.CONSTANTS_SIZE + SHORT.steps * (lanes.PATHS_SIZE + lanes.ALLIED_SIZE))
    monkeypatch.setattr(streaming, "TABLES", tiles * one)
    monkeypatch.setattr(streaming, "ROWS", policies * 2 * N_FUTURES)
    if allied is not None:
        monkeypatch.setattr(evaluator, "MAX_ALLIED", allied * 8 * evaluator.lanes.ALLIED_SIZE * SHORT.steps)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize(
    ("tiles", "part", "allied", "reduced"),
    [(99, 99, None, 10**6), (1, 99, 4, 7), (2, 4, None, 400), (1, 1, 1, 1), (99, 3, 2, 10**6)],
    ids=["whole", "blocks", "both", "smallest", "parts"],
)
def test_bits_do_not_depend_on_blocks_parts_or_threads(
    futures: Scenarios, policies: np.ndarray, outcomes: np.ndarray, monkeypatch: pytest.MonkeyPatch,
    threads: int, tiles: int, part: int, allied: int | None, reduced: int,
) -> None:  # fmt: skip
    """Random policies have rules of their own for A and B, too."""
    cut(monkeypatch, tiles, part, allied)
    monkeypatch.setattr(streaming, "REDUCED", reduced)
    ready = StreamingEvaluator(futures, SHORT, cases.catalogue(), threads)
    done: list[int] = []
    found = ready.statistics(policies, WANTED, progress=done.append)
    assert found.tobytes() == direct(outcomes, futures.weights).tobytes()
    twice = 2 if part < N_POLICIES else 1
    assert sum(done) == ready.planned(N_POLICIES, WANTED) == twice * N_POLICIES * N_FUTURES
    assert max(done) <= min(tiles * LANES, N_FUTURES) * N_POLICIES


def test_cutting_really_happens(
    futures: Scenarios, policies: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three blocks of a tile, parts of four policies: as many calls of an evaluator, none of them larger."""
    cut(monkeypatch, 1, 4)
    calls: list[tuple[int, int]] = []
    run = evaluator.Evaluator._run

    def watched(self: Any, levers: Any, *more: Any, **named: Any) -> Any:
        calls.append((len(levers), len(self.scenarios)))
        return run(self, levers, *more, **named)

    monkeypatch.setattr(evaluator.Evaluator, "_run", watched)
    ready = StreamingEvaluator(futures, SHORT, cases.catalogue(), 1)
    ready.statistics(policies, [("revenue", "mean"), ("compute_lead", "mean")])
    assert calls == [(n, size) for n in (4, 4, 3) for size in (64, 64, 22)]


def test_the_tables_of_the_allies_are_bounded_in_a_plain_evaluation(
    futures: Scenarios, policies: np.ndarray, outcomes: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All outcomes of many policies that each have rules of their own for A and B."""
    tiles = -(-N_FUTURES // LANES)
    monkeypatch.setattr(evaluator, "MAX_ALLIED", 2 * tiles * 8 * evaluator.lanes.ALLIED_SIZE * SHORT.steps)
    sizes: list[int] = []
    spaced = evaluator.spaced

    def watched(*shape: int) -> Any:
        if shape[-1] == evaluator.lanes.ALLIED_SIZE:
            sizes.append(shape[0])
        return spaced(*shape)

    monkeypatch.setattr(evaluator, "spaced", watched)
    found = evaluator.Evaluator(futures, SHORT, cases.catalogue(), 2).outcomes(policies)
    assert found.tobytes() == outcomes.tobytes()
    assert sizes == [1, 2, 2, 2, 2, 2, 1]  # the run without control comes first


def test_a_policy_that_is_not_a_number_spoils_regret_and_nothing_else(
    futures: Scenarios, policies: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The best of a scenario is unknown where any policy is; in one pass and in two."""
    outcomes = evaluator.Evaluator.outcomes

    def spoiled(self: Any, levers: Any, *more: Any) -> Any:
        values = outcomes(self, levers, *more)
        values[levers["c"]["tpp"][:, 0, 0, 0] == policies["c"]["tpp"][2, 0, 0, 0], :, :5] = np.nan
        return values

    wanted = [Wanted("revenue", "mean"), Wanted("revenue", "mean", "maximise")]
    monkeypatch.setattr(evaluator.Evaluator, "outcomes", spoiled)
    for part in (99, 3):
        cut(monkeypatch, 1, part)
        found = StreamingEvaluator(futures, SHORT, cases.catalogue(), 1).statistics(policies, wanted)
        assert np.isnan(found[:, 1]).all()
        assert np.flatnonzero(np.isnan(found[:, 0])).tolist() == [2]


def test_policies_at_coordinates_are_resolved_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = Problem(load.load(None, ("scenarios.count=70", "horizon.years=3")), 2)
    space = problem.space
    points = Points(space, coordinates(unit_points(20, len(space.levers), 0), space.levers))
    wanted = [("compute_lead", "p50"), ("revenue", "std")]
    whole = problem.evaluator.statistics(space.resolve(points.coords), wanted)
    monkeypatch.setattr(streaming, "ROWS", 2 * 70 * 6)
    assert problem.streaming.statistics(points, wanted).tobytes() == whole.tobytes()


@pytest.mark.parametrize("kind", ["sobol", "random", "central"])
@pytest.mark.parametrize("size", [29, 64, 100, 1000])
def test_a_part_of_the_draws_has_the_bits_of_the_whole(kind: Any, size: int) -> None:
    parameters = load.load(None).parameters
    draws = Draws(parameters, 300, 9, kind)
    whole = draws.part(slice(None))
    assert len(whole) == len(draws)
    assert np.array_equal(whole.weights, draws.weights)
    for first in range(0, len(draws), size):
        some = slice(first, first + size)
        assert draws.part(some).table.tobytes() == whole.table[some].tobytes() == whole.part(some).table.tobytes()
        assert np.array_equal(draws.part(some).weights, whole.weights[some])


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ([], "no statistic"),
        ([("revnue", "mean")], "did you mean `revenue`"),
        ([("revenue", "p5")], "unknown statistic"),
        ([("revenue", "mean", "up")], "maximise or minimise"),
    ],
)
def test_bad_requests_are_refused_before_anything_is_computed(
    futures: Scenarios, policies: np.ndarray, monkeypatch: pytest.MonkeyPatch, wanted: Any, says: str
) -> None:
    monkeypatch.setattr(evaluator.Evaluator, "_run", lambda *a, **k: pytest.fail("it was computed"))
    with pytest.raises(InputError, match=says):
        StreamingEvaluator(futures, SHORT, cases.catalogue(), 1).statistics(policies, wanted)


# --- processes of their own ----------------------------------------------------------------------------------

#: Evaluates policies of the built-in study in so many futures; says what it has done and how it ended.
PROGRAM = """
import json, sys
from tiercap.optimizer.study import load
from tiercap.optimizer.io import machine
from tiercap.optimizer.model.streaming import Points, Wanted
from tiercap.optimizer.study.problem import Problem
from tiercap.optimizer.model.sobol import unit_points
from tiercap.optimizer.rules.space import coordinates
n_policies, n_futures = (int(text) for text in sys.argv[1:])
problem = Problem(load.load(None, (f"scenarios.count={n_futures}", "scenarios.kind=sobol")), 2)
space = problem.space
points = Points(space, coordinates(unit_points(n_policies, len(space.levers), 0), space.levers))
objectives = problem.study.objectives
wanted = [Wanted(o.outcome, s, d) for o in objectives for s in ("mean", "p05") for d in (None, o.direction)]
done = 0
def tell(evaluations):
    global done
    done += evaluations
    print(done, problem.streaming.planned(n_policies, wanted), flush=True)
try:
    found = problem.streaming.statistics(points, wanted, progress=tell)
except KeyboardInterrupt:
    print("interrupted", done, flush=True)
    sys.exit(130)
print(json.dumps({"peak": machine.peak_memory(), "finite": bool((found == found).all())}))
"""
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(("n_policies", "n_futures"), [(10**6, 100), (100, 10**6)], ids=["policies", "futures"])
def test_an_interrupt_is_answered_in_the_middle_of_a_large_call(n_policies: int, n_futures: int) -> None:
    """10^8 pairs, which take minutes: a real signal after the first sign of progress ends it after a few slices."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(n_policies), str(n_futures)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        first, planned = (int(word) for word in process.stdout.readline().split())
        os.kill(process.pid, signal.SIGINT)
        rest, errors = process.communicate(timeout=300)
    assert process.returncode == 130, errors
    *between, last = rest.splitlines()
    word, done = last.split()
    assert word == "interrupted"
    assert first <= int(done) < planned / 10
    assert len(between) <= 2  # chunks that were done before the signal came through


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_policies_or_futures() -> None:
    """Within 1 GB; eight times as much work in either direction needs hardly more than the same memory."""

    def peak(n_policies: int, n_futures: int) -> float:
        told = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(n_policies), str(n_futures)],
            cwd=ROOT, capture_output=True, text=True, check=True, timeout=900,
        )  # fmt: skip
        found = json.loads(told.stdout.splitlines()[-1])
        assert found["finite"]
        return float(found["peak"])

    small, many, long = peak(500, 500), peak(4000, 500), peak(4, 500_000)
    assert max(small, many, long) < 1e9
    assert many < small + 200e6  # rows of three outcomes: 48 MB
    assert long < small + 400e6  # tables of a block, rows of a part
