"""The scenario table: determinism, common draws, distributions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiercap.kernels.params import PARAMETERS, PARAMS
from tiercap.optimizer.errors import InputError
from tiercap.optimizer.model import distributions, parameters, sobol
from tiercap.optimizer.model.scenarios import draw

TABLE = parameters.table()


def test_same_seed_same_bits_and_another_seed_others() -> None:
    first, again, other = draw(TABLE, 64, 7), draw(TABLE, 64, 7), draw(TABLE, 64, 8)
    assert first.table.dtype == PARAMS
    assert first.table.tobytes() == again.table.tobytes()
    assert first.table.tobytes() != other.table.tobytes()
    assert first.weights.sum() == pytest.approx(1.0)


def test_fixing_one_parameter_moves_no_other_draw() -> None:
    free = draw(TABLE, 128, 3).table
    fixed = draw(parameters.override(TABLE, {"budget_c": 60, "run_growth": 3}), 128, 3).table
    moved = {p.name for p in PARAMETERS if (free[p.name] != fixed[p.name]).any()}
    assert moved == {"budget_c", "run_growth"}


@pytest.mark.parametrize("kind", ["sobol", "random"])
@pytest.mark.parametrize("n", [1, 3, 100, 256])
def test_draws_stay_in_range_and_constants_do_not_move(kind: str, n: int) -> None:
    drawn = draw(TABLE, n, 5, kind).table  # type: ignore[arg-type]
    for info in TABLE:
        values = parameters.held(drawn, info.name)
        assert (values >= info.low).all(), info.name
        assert (values <= info.high).all(), info.name
        if info.kind == "uncertain" and n >= 100:
            assert len(np.unique(drawn[info.name])) > n // 2


def test_central_is_one_scenario_at_the_baseline() -> None:
    central = draw(TABLE, 999, kind="central")
    assert len(central) == 1
    assert {p.name: central.table[p.name][0] for p in PARAMETERS} == parameters.baseline()


@pytest.mark.parametrize(
    ("n", "seed", "kind", "says"),
    [
        (0, 0, "sobol", "between 1 and"),
        (10**7, 0, "sobol", "between 1 and"),
        (8, -1, "sobol", "seed"),
        (8, 2**64, "sobol", "seed"),
        (8, 0, "sobl", "unknown kind"),
    ],
)
def test_absurd_requests(n: int, seed: int, kind: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        draw(TABLE, n, seed, kind)  # type: ignore[arg-type]


def test_an_incomplete_table_is_refused() -> None:
    with pytest.raises(InputError, match="every parameter of the contract"):
        draw(TABLE[1:], 8)


def test_unscrambled_points_agree_with_scipy() -> None:
    from scipy.stats import qmc

    theirs = qmc.Sobol(sobol.dimensions(), scramble=False, bits=sobol.BITS).random(64)
    ours = np.stack([sobol.column(64, k, None) for k in range(sobol.dimensions())], axis=1)
    assert np.array_equal(ours - 0.5 * 2.0**-sobol.BITS, theirs)


def test_scrambling_keeps_one_point_in_each_cell() -> None:
    assert sobol.dimensions() >= 2 * len(PARAMETERS)  # a sensitivity analysis takes two independent samples
    for k in range(len(PARAMETERS)):
        cells = np.floor(sobol.column(256, k, 11) * 256).astype(int)
        assert np.array_equal(np.sort(cells), np.arange(256))


def test_scrambled_points_fill_the_cube_better_than_random_ones() -> None:
    from scipy.stats import qmc

    points = np.stack([sobol.column(256, k, 2) for k in range(6)], axis=1)
    random = np.random.default_rng(2).random((256, 6))
    assert qmc.discrepancy(points) < 0.5 * qmc.discrepancy(random)


U = (np.arange(20_000) + 0.5) / 20_000


@pytest.mark.parametrize(
    ("made", "mean", "median"),
    [
        (distributions.make("uniform", {"low": 1, "high": 3}), 2.0, 2.0),
        (distributions.make("triangular", {"low": 0, "mode": 1, "high": 5}), 2.0, 5 - np.sqrt(10)),
        (distributions.make("triangular", {"low": 0, "mode": 0, "high": 3}), 1.0, 3 - np.sqrt(4.5)),
        (distributions.make("triangular", {"low": 0, "mode": 3, "high": 3}), 2.0, np.sqrt(4.5)),
        (distributions.make("loguniform", {"low": 1, "high": 100}), 99 / np.log(100), 10.0),
        (distributions.make("lognormal", {"median": 2, "sigma": 0.3}), 2 * np.exp(0.045), 2.0),
    ],
    ids=str,
)
def test_moments(made: distributions.Distribution, mean: float, median: float) -> None:
    drawn = made.quantile(U)
    assert drawn.mean() == pytest.approx(mean, rel=2e-3)
    assert np.median(drawn) == pytest.approx(median, rel=1e-3)
    assert (np.diff(drawn) >= 0).all()
    assert drawn.min() >= made.low
    assert drawn.max() <= made.high


@given(st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=3, unique=True).map(sorted), st.integers(0, 2**32))
def test_any_triangle_stays_in_its_range(ends: list[float], seed: int) -> None:
    made = distributions.make("triangular", dict(zip(("low", "mode", "high"), ends, strict=True)))
    drawn = made.quantile(sobol.column(33, 4, seed))
    assert ((drawn >= ends[0]) & (drawn <= ends[2])).all()


@pytest.mark.parametrize(
    ("name", "arguments", "says"),
    [
        ("normal", {}, "did you mean `lognormal`"),
        ("uniform", {"low": 1}, "high is missing"),
        ("uniform", {"low": 2, "high": 1}, "swap them"),
        ("uniform", {"low": 1, "high": 2, "mode": 1}, "no argument `mode`"),
        ("loguniform", {"low": 0, "high": 1}, "low > 0"),
        ("triangular", {"low": 0, "mode": 2, "high": 1}, "mode must lie"),
        ("lognormal", {"median": -1, "sigma": 1}, "median > 0"),
        ("uniform", {"low": float("nan"), "high": 1}, "finite"),
    ],
)
def test_distributions_that_are_refused(name: str, arguments: dict[str, float], says: str) -> None:
    with pytest.raises(InputError, match=says):
        distributions.make(name, arguments)
