"""The bridge to pymoo, against pymoo: numbers, signs, constraints, a search."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from support.small import problem as small

from tiercap.optimizer import bridges
from tiercap.optimizer.model import front
from tiercap.optimizer.rules.space import coordinates

CONSTRAINED = ("constraints.compute_lead.min=13.3", "constraints.world_share_c.max=0.1355",
               "constraints.world_share_c.statistic=p95")  # fmt: skip


def test_a_generation_gives_the_evaluators_numbers() -> None:
    study = small()
    problem = bridges.pymoo_problem(study)
    X = coordinates(np.random.default_rng(0).random((9, 9)), study.space.levers)
    F = problem.evaluate(X)
    values = study.evaluator.statistics(study.space.resolve(X), study.scoring.screened)
    assert F.tobytes() == study.scoring.losses(values).tobytes()
    assert (F[:, 0] == -values[:, 0]).all()  # revenue is to be large, and pymoo makes everything small
    assert problem.names == list(study.space.names)
    assert problem.objectives == ["revenue", "compute_lead"]
    assert problem.xl.tolist() == [lever.low for lever in study.study.levers]
    assert problem.xu.tolist() == [lever.high for lever in study.study.levers]


def test_constraints_are_at_most_0_where_they_hold() -> None:
    study = small(*CONSTRAINED)
    problem = bridges.pymoo_problem(study)
    X = problem.spread(64)
    F, G = problem.evaluate(X, return_values_of=["F", "G"])
    values = problem.values(X)
    assert F.shape == (64, 2)
    assert problem.constraints == study.scoring.bounds()
    assert len(problem.constraints) == G.shape[1] == 2
    for k, (constraint, sign, bound) in enumerate(study.scoring.limits):
        column = values[:, study.scoring.screened.index((constraint.outcome, constraint.statistic))]
        assert ((G[:, k] <= 0.0) == (sign * column <= sign * bound)).all()
    assert 0 < (G <= 0.0).all(axis=1).sum() < 64


def test_nsga2_finds_a_front_of_feasible_policies() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pymoo.algorithms.moo.nsga2 import NSGA2
        from pymoo.optimize import minimize
    problem = bridges.pymoo_problem(small(*CONSTRAINED))
    found = [
        minimize(problem, NSGA2(pop_size=32, sampling=problem.spread(32)), ("n_gen", 4), seed=1) for _ in range(2)
    ]
    assert found[0].F.tobytes() == found[1].F.tobytes()
    assert (found[0].G <= 0.0).all()
    assert front.nondominated(np.unique(found[0].F, axis=0)).all()
    assert found[0].F.tobytes() == problem.evaluate(found[0].X, return_values_of=["F"]).tobytes()
    start = problem.evaluate(problem.spread(32), return_values_of=["F", "G"])
    first = start[0][(start[1] <= 0.0).all(axis=1)]
    reference = np.maximum(first.max(axis=0), found[0].F.max(axis=0)) + 1.0
    assert front.hypervolume(found[0].F, reference) > front.hypervolume(first, reference)


def test_the_first_points_are_the_studys_own_scale() -> None:
    problem = bridges.pymoo_problem(small())
    X = problem.spread(1024)
    assert X.shape == (1024, 9)
    assert ((problem.xl <= X) & (problem.xu >= X)).all()
    middle = np.sqrt(problem.xl[0] * problem.xu[0])
    assert np.median(X[:, 0]) == pytest.approx(middle, rel=0.02)
    assert X.tobytes() == problem.spread(1024).tobytes() != problem.spread(1024, seed=1).tobytes()
