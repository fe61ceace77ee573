"""Sobol indices against known ones, against SALib and SciPy on the same samples; PAWN and tails."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import pytest

from tiercap.optimizer.analysis import regional
from tiercap.optimizer.analysis.indices import Indices, check_points
from tiercap.optimizer.errors import InputError
from tiercap.optimizer.model import sobol

Floats = np.ndarray


def ishigami(u: Floats) -> Floats:
    """Ishigami's function of points in the unit cube, a = 7, b = 0.1: float64[n] of float64[n, 3]."""
    x = np.pi * (2.0 * u - 1.0)
    return np.sin(x[:, 0]) + 7.0 * np.sin(x[:, 1]) ** 2 + 0.1 * x[:, 2] ** 4 * np.sin(x[:, 0])


def g_function(u: Floats) -> Floats:
    """Sobol's g function with a = 0, 1, 4.5, 9, 99."""
    a = np.array([0.0, 1.0, 4.5, 9.0, 99.0])
    return np.asarray(((np.abs(4.0 * u - 2.0) + a) / (1.0 + a)).prod(axis=1))


#: First and total indices, from the functions' variances.
ISHIGAMI = ([0.31390, 0.44241, 0.0], [0.55759, 0.44241, 0.24369])


def g_indices() -> tuple[list[float], list[float]]:
    """Sobol 2001: V_i = 1 / (3 (1 + a_i)^2), V = prod(1 + V_i) - 1."""
    v = 1.0 / (3.0 * (1.0 + np.array([0.0, 1.0, 4.5, 9.0, 99.0])) ** 2)
    whole = (1.0 + v).prod() - 1.0
    return list(v / whole), list(v * np.array([np.delete(1.0 + v, k).prod() for k in range(5)]) / whole)


def samples(function: Callable[[Floats], Floats], d: int, n: int) -> tuple[Floats, Floats, list[Floats]]:
    """The function in samples A and B, and in A with each column from B: [1, n] each."""
    a, b = (np.stack([sobol.column(n, k + first, 1) for k in range(d)], axis=1) for first in (0, d))
    mixed = []
    for k in range(d):
        mixed.append(a.copy())
        mixed[-1][:, k] = b[:, k]
    return function(a)[None], function(b)[None], [function(m)[None] for m in mixed]


@pytest.mark.parametrize(("function", "d", "known"), [(ishigami, 3, ISHIGAMI), (g_function, 5, g_indices())])
def test_known_indices_are_found_and_lie_in_their_intervals(
    function: Callable[[Floats], Floats], d: int, known: tuple[list[float], list[float]]
) -> None:
    f_a, f_b, mixed = samples(function, d, 8192)
    indices = Indices(f_a, f_b, 0)
    found = [indices.of(f_ab) for f_ab in mixed]
    for place, expected in enumerate(known):
        shares = [pair[place] for pair in found]
        assert [share.value[0] for share in shares] == pytest.approx(expected, abs=0.01)
        for share, exact in zip(shares, expected, strict=True):
            assert share.low[0] - 0.005 <= exact <= share.high[0] + 0.005


def test_indices_are_those_of_salib_and_of_scipy_on_the_same_samples() -> None:
    from scipy.stats import sobol_indices

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from SALib.analyze import sobol as theirs

    n, d = 1024, 5
    f_a, f_b, mixed = samples(g_function, d, n)
    indices = Indices(f_a, f_b, 3)
    found = [indices.of(f_ab) for f_ab in mixed]
    first, total = (np.array([pair[k].value[0] for pair in found]) for k in (0, 1))
    problem = {"num_vars": d, "names": [f"x{k}" for k in range(d)], "bounds": [[0.0, 1.0]] * d}
    y = np.stack([f_a[0], *(f_ab[0] for f_ab in mixed), f_b[0]], axis=1).ravel()
    salib = theirs.analyze(problem, y, calc_second_order=False, num_resamples=400, conf_level=0.9, seed=5)
    assert first == pytest.approx(salib["S1"], abs=1e-6)  # it takes the mean of all samples off, not of A and B
    assert total == pytest.approx(salib["ST"], abs=1e-12)
    for k, name in enumerate(("S1", "ST")):
        width = np.array([pair[k].high[0] - pair[k].low[0] for pair in found])
        assert width == pytest.approx(2.0 * salib[f"{name}_conf"], rel=0.25)
    scipy = sobol_indices(func={"f_A": f_a, "f_B": f_b, "f_AB": np.stack(mixed)}, n=n)
    assert first == pytest.approx(np.ravel(scipy.first_order), abs=1e-12)
    assert total == pytest.approx(np.ravel(scipy.total_order), abs=1e-12)


def test_many_outcomes_at_once_are_each_alone_and_constants_have_no_share() -> None:
    def three(f: Floats) -> Floats:
        return np.concatenate([f, np.ones_like(f), -2.0 * f])

    f_a, f_b, mixed = samples(ishigami, 3, 256)
    both, alone = Indices(three(f_a), three(f_b), 0), Indices(f_a, f_b, 0)
    for f_ab in mixed:
        for mine, single in zip(both.of(three(f_ab)), alone.of(f_ab), strict=True):
            assert mine.value[0] == single.value[0]
            assert mine.low[0] == single.low[0]
            assert (mine.value[1], mine.low[1], mine.high[1]) == (0.0, 0.0, 0.0)
            assert mine.value[2] == pytest.approx(single.value[0])


@pytest.mark.parametrize("n", [0, 32, 1000, 2**18])
def test_numbers_of_points_that_are_refused(n: int) -> None:
    with pytest.raises(InputError, match="power of two"):
        check_points(n)


def test_pawn_ranks_inputs_and_tells_noise_apart() -> None:
    rng = np.random.default_rng(0)
    x = rng.random((4096, 4))
    y = 3.0 * x[:, 0] + x[:, 1]
    score, noise = regional.pawn(x, y, 0)
    assert score[0] > score[1] > noise
    assert (score[2:] < 1.5 * noise).all()
    assert np.array_equal(regional.pawn(x, y, 0)[0], score)
    assert regional.pawn(x, y, 1)[1] != noise


def test_pawn_sees_an_input_that_moves_the_spread_alone() -> None:
    rng = np.random.default_rng(1)
    x = rng.random((4096, 2))
    score, noise = regional.pawn(x, x[:, 0] * rng.standard_normal(4096), 0)
    assert score[0] > 2.0 * noise


def test_tails_name_the_input_and_the_side() -> None:
    rng = np.random.default_rng(2)
    x = rng.random((2000, 3))
    low, high = regional.tails(x, x[:, 0] - 0.2 * x[:, 1], 0.1)
    assert (low.end, low.points, high.end, high.points) == ("lowest", 200, "highest", 200)
    assert low.distance[0] > low.critical > low.distance[2]
    assert low.inside[0] < low.outside[0]
    assert high.inside[0] > high.outside[0]
    assert low.p_value[0] < 1e-9 < low.p_value[2]


def test_an_outcome_without_a_tail_has_none() -> None:
    x = np.random.default_rng(3).random((400, 1))
    assert regional.tails(x, np.ones(400), 0.1) == []
    lumpy = np.where(x[:, 0] > 0.5, 1.0, 0.0)  # half the points tie at either edge
    assert [tail.points for tail in regional.tails(x, lumpy, 0.1)] == [int((lumpy == 0).sum()), int((lumpy == 1).sum())]
