"""PRIM and CART: the boxes of the Exploratory Modeling Workbench on the same data, weights, hopeless cases."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from tiercap.optimizer.analysis import cart, prim
from tiercap.optimizer.analysis.prim import Cases
from tiercap.optimizer.errors import InputError


def cases(n: int = 1500, seed: int = 0, weights: np.ndarray | None = None) -> Cases:
    """Six inputs, of which three decide: mostly of interest where the first is low, the second high, the third mid."""
    rng = np.random.default_rng(seed)
    x = rng.random((n, 6))
    deep = (x[:, 0] < 0.4) & (x[:, 1] > 0.55) & (np.abs(x[:, 2] - 0.5) < 0.35)
    interest = rng.random(n) < np.where(deep, 0.9, 0.08)
    return Cases(x, interest, np.full(n, 1.0 / n) if weights is None else weights)


def workbench(given: Cases) -> tuple[Any, Any]:
    """The workbench's modules and the inputs as it wants them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pandas as pd
        from ema_workbench.analysis import cart as their_cart
        from ema_workbench.analysis import prim as their_prim
    return (their_prim, their_cart), pd.DataFrame(given.x, columns=[f"x{k}" for k in range(given.x.shape[1])])


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_trajectory_is_that_of_the_workbench(seed: int) -> None:
    given = cases(seed=seed)
    (theirs, _), x = workbench(given)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        box = theirs.Prim(x, given.interest, threshold=0.1).find_box()
    mine = prim.trajectory(given)
    path = box.peeling_trajectory
    assert len(mine) == len(path) > 20
    for name in ("coverage", "density", "mass"):
        assert [getattr(b, name) for b in mine] == pytest.approx(path[name].tolist(), abs=1e-12)
    assert [b.dimensions for b in mine] == path["res_dim"].tolist()
    for k, one in enumerate(mine):
        assert np.array_equal(np.stack([one.low, one.high]), box.box_lims[k].to_numpy(dtype=float))
        for j, column in enumerate(x.columns):
            for side, chance in enumerate(box.qp[k].get(column, [-1, -1])):
                expected = np.nan if chance == -1 else chance
                assert one.quasi_p[j, side] == pytest.approx(expected, abs=1e-9, nan_ok=True)


def test_leaves_are_those_of_the_workbench() -> None:
    given = cases()
    (_, theirs), x = workbench(given)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = theirs.CART(x, given.interest, mass_min=0.05)
        tree.build_tree()
        pairs = list(zip(tree.boxes, tree.stats, strict=True))
    expected = {tuple(np.round(box.to_numpy(dtype=float).ravel(), 9)): stats for box, stats in pairs}
    mine = cart.leaves(given, mass=0.05)
    assert len(mine) == len(expected) > 3
    for leaf in mine:
        stats = expected[tuple(np.round(np.stack([leaf.low, leaf.high]).ravel(), 9))]
        assert (leaf.coverage, leaf.density, leaf.mass) == pytest.approx(
            (stats["coverage"], stats["density"], stats["mass"]), abs=1e-12
        )
    assert sum(leaf.mass for leaf in mine) == pytest.approx(1.0)
    assert sum(leaf.coverage for leaf in mine) == pytest.approx(1.0)


def test_a_weight_of_two_is_a_case_that_stands_twice() -> None:
    """Limits may fall between other cases, but the numbers of one and the same box agree."""
    given = cases(400)
    counts = np.where(np.arange(400) % 3 == 0, 2.0, 1.0)
    weighted = Cases(given.x, given.interest, counts / counts.sum())
    repeated = np.repeat(np.arange(400), counts.astype(int))
    twice = Cases(given.x[repeated], given.interest[repeated], np.ones(len(repeated)))
    for box in prim.trajectory(weighted)[::5]:
        again = prim.boxed(twice, box.low, box.high)
        assert (box.coverage, box.density, box.mass) == pytest.approx((again.coverage, again.density, again.mass))


def test_weights_move_the_box() -> None:
    given = cases(2000)
    weights = np.where(given.x[:, 3] > 0.5, 1.0, 1e-9)
    box = max(prim.trajectory(Cases(given.x, given.interest, weights)), key=lambda b: b.density)
    inside = given.inside(box.low, box.high)
    assert box.density == pytest.approx(
        (weights * given.interest)[inside].sum() / weights[inside].sum()
    )
    assert cart.leaves(Cases(given.x, given.interest, weights), depth=2)


def test_the_same_cases_give_the_same_boxes_in_any_scale_of_weights() -> None:
    given = cases(500)
    scaled = Cases(given.x, given.interest, np.full(500, 7.0))
    for a, b in zip(prim.trajectory(given), prim.trajectory(scaled), strict=True):
        assert np.array_equal(a.low, b.low)
        assert (a.coverage, a.density, a.mass) == (b.coverage, b.density, b.mass)


@pytest.mark.parametrize("value", [False, True])
def test_nothing_or_everything_of_interest_is_refused(value: bool) -> None:
    given = Cases(np.random.default_rng(0).random((100, 2)), np.full(100, value), np.ones(100))
    with pytest.raises(InputError, match="some cases, and not all"):
        prim.trajectory(given)
    with pytest.raises(InputError, match="some cases, and not all"):
        cart.leaves(given)


def test_inputs_with_ties_are_peeled_without_a_loop_that_never_ends() -> None:
    rng = np.random.default_rng(3)
    x = np.stack([rng.integers(0, 2, 300).astype(float), rng.integers(0, 3, 300).astype(float), np.ones(300)], axis=1)
    path = prim.trajectory(Cases(x, (x[:, 0] == 1.0) & (x[:, 1] > 0.0), np.ones(300)))
    assert path[-1].density == 1.0
    assert path[-1].coverage == 1.0
    assert not path[-1].restricted[2].any()


def test_boxes_of_the_models_own_futures_are_those_of_the_workbench() -> None:
    """Members of the ensemble: 76 parameters, some with ties at 0, a policy that fails in a fifth of the futures."""
    from tiercap.optimizer.analysis.discover import discover
    from tiercap.optimizer.runs import named_policy
    from tiercap.optimizer.study import load
    from tiercap.optimizer.study.problem import Problem

    problem = Problem(load.load(None, ["scenarios.count=256"]), 2)
    given = discover(problem, named_policy.one("bis-2026", problem), ["revenue worst 20 %"], method="cart").cases
    (theirs, _), x = workbench(given)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        box = theirs.Prim(x, given.interest, threshold=0.1).find_box()
    mine = prim.trajectory(given)
    assert len(mine) == len(box.box_lims) > 20
    for one, limits in zip(mine, box.box_lims, strict=True):
        assert np.array_equal(np.stack([one.low, one.high]), limits.to_numpy(dtype=float))
    assert [one.coverage for one in mine] == pytest.approx(box.peeling_trajectory["coverage"].tolist(), abs=1e-12)
