"""Statistics over scenarios: definitions, weights, NaN, and bits that depend on the row alone."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tiercap.kernels.params import TRAJECTORY
from tiercap.optimizer.errors import InputError
from tiercap.optimizer.model import measures
from tiercap.optimizer.model.statistics import reduce, reduce_steps, regret

STATISTICS = [
    "mean",
    "std",
    "min",
    "max",
    "p01",
    "p05",
    "p25",
    "p50",
    "p90",
    "p95",
    "p99",
    "cvar01",
    "cvar10",
    "cvar50",
    "cvar_upper05",
    "cvar_upper90",
]
NUMBERS = st.floats(-1e9, 1e9, allow_subnormal=False)


def table(rows: int = 7, n: int = 33, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(10.0, 3.0, (rows, n))


def weights_of(n: int, seed: int = 1) -> np.ndarray:
    w = np.random.default_rng(seed).integers(0, 5, n).astype(float)
    w[0] = 1.0
    return w


@pytest.mark.parametrize("n", [1, 2, 3, 10, 64, 257])
def test_equal_weights_agree_with_numpy(n):
    x, w = table(5, n), np.full(n, 1.0 / n)
    for percent in (1, 5, 10, 50, 77, 95, 99):
        expected = np.quantile(x, percent / 100, axis=-1, method="hazen")
        np.testing.assert_allclose(reduce(x, w, f"p{percent:02d}"), expected, rtol=1e-13)
    np.testing.assert_allclose(reduce(x, w, "mean"), x.mean(axis=-1), rtol=1e-14)
    np.testing.assert_allclose(reduce(x, w, "std"), x.std(axis=-1), rtol=1e-12, atol=1e-15)
    np.testing.assert_array_equal(reduce(x, w, "min"), x.min(axis=-1))
    np.testing.assert_array_equal(reduce(x, w, "max"), x.max(axis=-1))


def exact_quantile(x: list[float], w: list[float], share: float) -> Fraction:
    """The documented definition, in rationals."""
    pairs = sorted((Fraction(a), Fraction(b)) for a, b in zip(x, w, strict=True) if b > 0)
    total, before, knots = sum(b for _, b in pairs), Fraction(0), []
    for value, weight in pairs:
        knots.append(((before + weight / 2) / total, value))
        before += weight
    q = Fraction(share)
    if q <= knots[0][0]:
        return knots[0][1]
    for (m0, v0), (m1, v1) in zip(knots, knots[1:], strict=False):
        if q <= m1:
            return v0 + (v1 - v0) * (q - m0) / (m1 - m0)
    return knots[-1][1]


def exact_lower_tail(x: list[float], w: list[float], share: float) -> Fraction:
    pairs = sorted((Fraction(a), Fraction(b)) for a, b in zip(x, w, strict=True) if b > 0)
    mass = Fraction(share) * sum(b for _, b in pairs)
    left, total = mass, Fraction(0)
    for value, weight in pairs:
        take = min(weight, left)
        total, left = total + take * value, left - take
    return total / mass


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-50, 50), st.integers(0, 9)), min_size=1, max_size=12),
    st.integers(1, 99),
)
def test_weighted_definitions_in_rationals(pairs, percent):
    x, w = [float(a) for a, _ in pairs], [float(b) for _, b in pairs]
    if not any(w):
        return
    share = percent / 100
    close = {"rel": 1e-12, "abs": 1e-11}
    assert reduce(x, w, f"p{percent:02d}") == pytest.approx(float(exact_quantile(x, w, share)), **close)
    assert reduce(x, w, f"cvar{percent:02d}") == pytest.approx(float(exact_lower_tail(x, w, share)), **close)
    upper = -exact_lower_tail([-a for a in x], w, share)
    assert reduce(x, w, f"cvar_upper{percent:02d}") == pytest.approx(float(upper), **close)
    mean = sum(Fraction(a) * Fraction(b) for a, b in zip(x, w, strict=True)) / sum(map(Fraction, w))
    assert reduce(x, w, "mean") == pytest.approx(float(mean), **close)


# Not for quantiles: between mid-points they move when an atom is split.
@pytest.mark.parametrize("statistic", [s for s in STATISTICS if not s.startswith("p")])
def test_an_integer_weight_is_that_many_scenarios(statistic):
    x, w = table(4, 9), np.array([1, 2, 0, 3, 1, 1, 4, 0, 2])
    np.testing.assert_allclose(
        reduce(x, w, statistic), reduce(np.repeat(x, w, axis=-1), np.ones(w.sum()), statistic), rtol=1e-13
    )


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("equal", [True, False])
def test_bits_depend_on_the_row_alone(statistic, equal):
    n = 37
    x = np.random.default_rng(3).normal(size=(3, 41, n)) * 10.0 ** np.arange(n)
    x[0, :, :9] = np.array([0.0, -0.0, 1.0] * 3)
    w = np.full(n, 1 / n) if equal else weights_of(n)
    whole = reduce(x, w, statistic)
    assert whole.shape == (3, 41)
    strided = np.empty((3, 41, 2 * n))[..., ::2]
    strided[...] = x
    frozen = x.copy()
    frozen.flags.writeable = False
    for other in (np.asfortranarray(x), strided, frozen, x.transpose(1, 2, 0).copy().transpose(2, 0, 1)):
        assert reduce(other, w, statistic).tobytes() == whole.tobytes()
    for i in range(3):
        for j in range(41):
            assert reduce(x[i, j], w, statistic).tobytes() == whole[i, j].tobytes()
        for chunk in (1, 2, 7, 40):
            parts = [reduce(x[i, k : k + chunk], w, statistic) for k in range(0, 41, chunk)]
            assert np.concatenate(parts).tobytes() == whole[i].tobytes()
    assert reduce(x[:, :0], w, statistic).shape == (3, 0)


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("weighted", [True, False])
def test_nan_is_never_dropped(statistic, weighted):
    x, w = table(4, 8), np.ones(8)
    w[2] = 0.0 if weighted else 1.0
    clean = reduce(x, w, statistic)
    x[1, 5] = x[3, 2] = np.nan  # the second may have weight 0
    result = reduce(x, w, statistic)
    assert np.isnan(result).tolist() == [False, True, False, True]
    assert result[[0, 2]].tobytes() == clean[[0, 2]].tobytes()


@pytest.mark.parametrize("statistic", STATISTICS)
def test_weight_zero_has_no_influence(statistic):
    x, w = table(3, 6), np.array([1.0, 0.0, 2.0, 1.0, 0.0, 3.0])
    wild = x.copy()
    wild[:, [1, 4]] = [[np.inf, -np.inf], [1e300, -1e300], [0.0, 5.0]]
    assert reduce(wild, w, statistic).tobytes() == reduce(x, w, statistic).tobytes()


@pytest.mark.parametrize("n", [1, 3, 7, 100])
@pytest.mark.parametrize("value", [0.0, 0.1, -1e300, 7.0])
def test_a_constant_row_gives_its_constant(n, value):
    for w in (np.full(n, 1 / n), weights_of(n)):
        for statistic in STATISTICS:
            assert reduce(np.full(n, value), w, statistic) == (0.0 if statistic == "std" else value)


@settings(max_examples=100, deadline=None)
@given(hnp.arrays(np.float64, st.integers(1, 20), elements=NUMBERS), st.sampled_from(STATISTICS))
def test_inside_the_range_and_one_zero(x, statistic):
    w = np.random.default_rng(len(x)).uniform(0.1, 1.0, len(x))
    value = float(reduce(x, w, statistic))
    if statistic != "std":
        assert x.min() <= value <= x.max()
    assert value != 0.0 or math.copysign(1.0, value) == 1.0


@settings(max_examples=100, deadline=None)
@given(hnp.arrays(np.float64, st.integers(2, 20), elements=NUMBERS))
def test_order_of_the_statistics(x):
    w = np.random.default_rng(len(x)).uniform(0.1, 1.0, len(x))
    values = {s: float(reduce(x, w, s)) for s in STATISTICS}
    slack = 1e-9 * (1.0 + abs(x).max())
    assert values["min"] <= values["p05"] <= values["p50"] <= values["p95"] <= values["max"]
    assert values["cvar01"] <= values["cvar10"] + slack <= values["cvar50"] + 2 * slack
    assert values["cvar50"] <= values["mean"] + slack <= values["cvar_upper90"] + 2 * slack


def test_infinite_outcomes_are_answered():
    x, w = np.array([[1.0, 2.0, np.inf, 3.0]]), np.ones(4)
    assert reduce(x, w, "mean") == np.inf
    assert reduce(x, w, "max") == np.inf
    assert reduce(x, w, "p25") == 1.5
    assert reduce(x, w, "cvar50") == 1.5


def test_regret():
    values = np.array([[1.0, 5.0, 2.0], [3.0, 4.0, 2.0]])
    np.testing.assert_array_equal(regret(values, "maximise"), [[2, 0, 0], [0, 1, 0]])
    np.testing.assert_array_equal(regret(values, "minimise"), [[0, 1, 0], [2, 0, 0]])
    values[0, 1] = np.nan
    np.testing.assert_array_equal(np.isnan(regret(values, "maximise")), [[False, True, False]] * 2)


@pytest.mark.parametrize(
    "name", ["", "p", "p00", "p5", "p100", "p5 ", "q05", "cvar", "cvar00", "cvar_lower10", "MEAN", "p٠٥"]
)
def test_unknown_statistics_are_refused(name):
    with pytest.raises(InputError, match="unknown statistic"):
        measures.parse(name)


def test_a_near_miss_is_suggested():
    with pytest.raises(InputError, match="did you mean `cvar10`"):
        measures.parse("cvar1")


@pytest.mark.parametrize(
    "weights",
    [[1.0], [1.0, -1.0, 1.0], [1.0, np.nan, 1.0], [0.0] * 3, [np.inf, 1.0, 1.0], [[1.0] * 3], [1e308] * 3],
)
def test_bad_weights_are_refused(weights):
    with np.errstate(over="ignore"), pytest.raises(InputError):
        reduce(np.ones((2, 3)), weights, "mean")


@pytest.mark.parametrize("values", [1.0, [], [[]]])
def test_no_scenarios_are_refused(values):
    with pytest.raises(InputError):
        reduce(values, [], "mean")
    with pytest.raises(InputError):
        regret([1.0, 2.0], "maximise")
    with pytest.raises(InputError):
        regret([[1.0, 2.0]], "up")  # type: ignore[arg-type]


@pytest.mark.parametrize("equal", [True, False])
def test_the_geometric_mean_is_that_of_the_logarithms_and_its_bits_those_of_the_row(equal):
    n = 37
    x = np.exp(np.random.default_rng(5).normal(2.0, 1.0, (7, n)))
    w = np.full(n, 1 / n) if equal else weights_of(n)
    found = reduce(x, w, "geomean")
    expected = np.exp((np.log(x) * w).sum(axis=-1) / w.sum())
    np.testing.assert_allclose(found, expected, rtol=1e-13)
    assert (found < reduce(x, w, "mean")).all()
    np.testing.assert_allclose(reduce(1.0 / x, w, "geomean"), 1.0 / found, rtol=1e-13)
    strided = np.empty((7, 2 * n))[..., ::2]
    strided[...] = x
    for other in (np.asfortranarray(x), strided):
        assert reduce(other, w, "geomean").tobytes() == found.tobytes()
    assert [float(reduce(row, w, "geomean")) for row in x] == found.tolist()
    assert reduce(np.full(n, 13.7), w, "geomean") == 13.7


def test_the_geometric_mean_of_what_is_no_factor():
    w = np.ones(3)
    assert reduce([4.0, 0.0, 2.0], w, "geomean") == 0.0
    assert np.isnan(reduce([4.0, -1.0, 2.0], w, "geomean"))
    assert np.isnan(reduce([4.0, np.nan, 2.0], w, "geomean"))
    assert reduce([4.0, -1.0, 1.0], [1.0, 0.0, 1.0], "geomean") == pytest.approx(2.0)


def test_the_mean_of_a_factor_in_every_step_is_geometric():
    paths = np.exp(np.random.default_rng(6).normal(size=(2, 4, len(TRAJECTORY), 8)))
    w = np.ones(8)
    found = reduce_steps(paths, w, "mean")
    for k, name in enumerate(TRAJECTORY):
        statistic = "geomean" if name == "compute_lead" else "mean"
        np.testing.assert_array_equal(found[..., k], reduce(paths[..., k, :], w, statistic))
    np.testing.assert_array_equal(reduce_steps(paths, w, "p05"), reduce(paths, w, "p05"))
