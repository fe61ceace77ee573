"""The multi-fidelity engine's parts: children stay in the cube, the few taken are those that add most."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tiercap.optimizer.model import convergence
from tiercap.optimizer.search import operators
from tiercap.optimizer.search.proposals import FEWEST_PARENTS, Judge, breed
from tiercap.optimizer.study import engines

OPTIONS = engines.options_of(engines.DEFAULT, {})
RNG = np.random.Generator(np.random.PCG64(5))
JUDGE = Judge(lambda values: values[:, :2], lambda values: values[:, 2:])


def parents(n: int = 400, d: int = 5) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    points = RNG.random((3, n, d))
    points[:, ::7] = np.round(points[:, ::7])  # some on the walls
    return points[0], points[1], points[2]


@pytest.mark.parametrize("kind", [{"sbx": 1.0, "line": 0.0}, {"sbx": 0.0, "line": 1.0}, {"sbx": 0.0, "line": 0.0}])
def test_children_stay_in_the_cube_and_differ_from_their_parents(kind: dict[str, float]) -> None:
    first, second, third = parents()
    born = operators.children((first, second, third), {**OPTIONS, **kind}, RNG)  # type: ignore[arg-type]
    assert born.shape == first.shape
    assert (born >= 0.0).all()
    assert (born <= 1.0).all()
    assert 0.5 < (born != first).any(axis=1).mean()


def test_crossover_keeps_the_middle_of_its_parents_on_average() -> None:
    first, second = np.full((200_000, 1), 0.4), np.full((200_000, 1), 0.6)
    both = np.concatenate([operators.crossover(first, second, OPTIONS, np.random.default_rng(1)),  # type: ignore[arg-type]
                           operators.crossover(second, first, OPTIONS, np.random.default_rng(1))])  # fmt: skip
    assert both.mean() == pytest.approx(0.5, abs=1e-3)


def test_mutation_moves_as_many_levers_as_asked_both_ways_alike() -> None:
    points = np.full((100_000, 4), 0.5)
    moved = operators.mutated(points, {**OPTIONS, "mutations": 2.0}, np.random.default_rng(2))  # type: ignore[arg-type]
    assert (moved != points).sum(axis=1).mean() == pytest.approx(2.0, abs=0.02)
    assert moved.mean() == pytest.approx(0.5, abs=1e-3)


def test_random_steps_shrink_with_what_parents_are_apart() -> None:
    options: Any = {**OPTIONS, "reach": 0.0, "spread": 0.01}
    first = np.full((100_000, 3), 0.5)
    second = first + np.array([0.0, 0.002, 0.5])
    steps = operators.line(first, second, options, np.random.default_rng(3)) - first
    assert steps.std(axis=0) == pytest.approx([0.001, 0.002, 0.01], rel=0.02)
    still: Any = {**options, "difference": 0.0}
    moved = operators.difference(first, second, first, still, np.random.default_rng(4)) - first
    assert moved[moved[:, 2] != 0.0, 2].std() == pytest.approx(0.003, rel=0.02)
    assert moved[moved[:, 0] != 0.0, 0].std() == pytest.approx(0.0003, rel=0.02)


def test_mates_are_neighbours_in_the_objectives_not_in_the_levers() -> None:
    """A front of 200 whose neighbours lie at opposite walls: where all are drawn the nearest one is the next one."""
    along = np.linspace(0.0, 1.0, 200)
    losses = np.column_stack([along, 1.0 - along])
    points = np.column_stack([along, np.arange(200) % 2.0])
    still: Any = {**OPTIONS, "sbx": 0.0, "line": 1.0, "reach": 1.0, "spread": 0.0}
    steps = {}
    for mates in (1, 4096):
        born, parent = breed(points, losses, 500, still, np.random.default_rng(6), mates)
        steps[mates] = np.abs(born - points[parent])[:, 0]
    assert 0.0 < steps[4096].max() < 5.0 / 199  # a normal step along a line to the next
    assert steps[1].mean() > 0.1


def test_a_parent_is_never_its_own_mate_where_another_is_drawn() -> None:
    losses = np.column_stack([np.arange(100.0), -np.arange(100.0)])
    points = np.arange(100.0).reshape(-1, 1) / 100.0
    still: Any = {**OPTIONS, "sbx": 0.0, "line": 1.0, "spread": 0.0}
    born, parent = breed(points, losses, 500, still, np.random.default_rng(7), 1000)
    inside = (parent > 0) & (parent < 99)  # others may be put back on a wall
    assert (born[inside] != points[parent[inside]]).all()


def test_promising_children_are_those_farthest_beyond_the_front() -> None:
    known = np.array([[0.0, 1.0], [1.0, 0.0], [0.5, 0.5]])
    new = np.array([[0.6, 0.6, 0.0], [0.1, 0.2, 0.0], [0.11, 0.21, 0.0], [0.7, 0.1, 0.0], [0.0, 0.0, 1.0]])
    assert JUDGE.promising(new, known, 2).tolist() == [1, 3]  # not 2, which 1 dominates
    assert JUDGE.promising(new, known, 5).tolist()[-1] == 4  # the one that breaks a bound comes last


def test_what_covers_a_front_best_is_taken_first_and_the_rest_after_it() -> None:
    """A hundred policies crowd one end of a front; four spread over it are worth more, and one behind it comes last."""
    end = np.linspace(0.0, 0.01, 100)
    along = np.concatenate([end, [0.25, 0.5, 0.75, 1.0]])
    values = np.column_stack([along, 1.0 - along, np.zeros(104)])
    assert set(JUDGE.covering(values, 5).tolist()) == {0, 100, 101, 102, 103}
    behind = np.concatenate([values, [[0.9, 0.9, 0.0], [0.0, 0.0, 1.0]]])
    assert len(JUDGE.covering(behind, 104)) == 104
    assert JUDGE.covering(behind, 200).tolist()[-2:] == [104, 105]
    assert sorted(JUDGE.covering(behind, 200)) == list(range(106))


def test_what_is_not_finite_is_never_chosen() -> None:
    values = np.array([[np.nan, 0.0, 0.0], [1.0, 1.0, 0.0], [2.0, 2.0, np.inf], [3.0, 0.0, 0.5]])
    assert JUDGE.ranked(values, 9).tolist() == [1, 3]
    assert JUDGE.front(values).tolist() == [1]


def test_a_front_among_what_may_be_on_it_is_the_front() -> None:
    """An archive that grows: what an earlier front left behind need not be looked at again."""
    losses = np.round(np.random.default_rng(8).random((3000, 2)), 2)  # many ties
    values = np.column_stack([losses, np.random.default_rng(9).normal(size=3000)])
    rows = JUDGE.front(values[:500])
    for n in (501, 1000, 2990, 3000):
        rows = JUDGE.front(values[:n], np.union1d(rows, np.arange(500, n)))
        assert rows.tolist() == JUDGE.front(values[:n]).tolist()


def test_a_short_front_is_filled_up_with_what_comes_after_it() -> None:
    values = np.column_stack([np.arange(100.0), np.arange(100.0), np.zeros(100)])
    rows = JUDGE.parents(values, JUDGE.front(values))
    assert rows.tolist() == list(range(FEWEST_PARENTS))
    points = np.linspace(0.0, 1.0, 100).reshape(-1, 1)
    born, parent = breed(points[rows], values[rows, :2], 50, OPTIONS, RNG)  # type: ignore[arg-type]
    assert born.shape == (50, 1)
    assert parent.max() < FEWEST_PARENTS


def test_additive_epsilon_by_hand() -> None:
    ideal, nadir = np.array([0.0, 0.0]), np.array([2.0, 1.0])
    front, better = np.array([[1.0, 0.5]]), np.array([[0.5, 0.4], [1.0, 0.2]])
    assert convergence.additive_epsilon(front, better, ideal, nadir) == pytest.approx(0.3)
    assert convergence.additive_epsilon(better, front, ideal, nadir) <= 0.0
    assert convergence.additive_epsilon(front[:0], better, ideal, nadir) == np.inf


def test_epsilon_progress_counts_boxes_entered() -> None:
    ideal, nadir = np.zeros(2), np.ones(2)
    before = np.array([[0.5, 0.5]])
    assert convergence.entered(before, before[:0], ideal, nadir) == 1
    assert convergence.entered(before, before, ideal, nadir) == 0
    near, far = np.array([[0.501, 0.501]]), np.array([[0.45, 0.55], [0.5, 0.5]])
    assert convergence.entered(near, before, ideal, nadir) == 0
    assert convergence.entered(far, before, ideal, nadir) == 1


def test_standing_still_needs_patience() -> None:
    assert not convergence.stands_still([1.0, 1.0, 1.0], 0)
    assert not convergence.stands_still([1.0, 1.0], 2)
    assert convergence.stands_still([1.0, 1.0, 1.0005], 2)
    assert not convergence.stands_still([1.0, 1.0, 1.002], 2)
