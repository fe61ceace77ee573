"""Explained shares of functions whose shares are known."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from tiercap.optimizer.analysis.indices import BINS, first_order, of_labels


def ishigami(n: int) -> tuple[np.ndarray, np.ndarray]:
    x = np.random.default_rng(0).uniform(-np.pi, np.pi, (n, 3))
    return x, np.sin(x[:, 0]) + 7.0 * np.sin(x[:, 1]) ** 2 + 0.1 * x[:, 2] ** 4 * np.sin(x[:, 0])


@pytest.mark.parametrize(("n", "within"), [(1024, 0.06), (16384, 0.015)])
def test_ishigamis_function(n: int, within: float) -> None:
    """Exact first-order indices for a = 7, b = 0.1: 0.3139, 0.4424, 0."""
    x, y = ishigami(n)
    found = [first_order(x[:, k], y) for k in range(3)]
    assert found == pytest.approx([0.3139, 0.4424, 0.0], abs=within)


def test_shares_are_salibs_less_the_noise_of_the_means() -> None:
    """SALib's `delta` compares the same bins; what chance explains, (bins - 1) / (n - bins) of the rest, goes off."""
    from SALib.analyze.delta import sobol_first

    n = BINS * 64
    x, y = ishigami(n)
    for k in range(3):
        theirs = sobol_first(y, x[:, k], np.linspace(0, n, BINS + 1))
        corrected = theirs - (1.0 - theirs) * (BINS - 1) / (n - BINS)
        assert first_order(x[:, k], y) == pytest.approx(max(corrected, 0.0), rel=1e-10)
    assert sobol_first(y, x[:, 2], np.linspace(0, n, BINS + 1)) > 0.007  # of which the truth is 0


def test_with_many_draws_salibs_delta_says_the_same() -> None:
    from SALib.analyze import delta

    x, y = ishigami(16384)
    with warnings.catch_warnings():  # it changes how warnings are shown
        shown = warnings.formatwarning
        found = delta.analyze({"num_vars": 3, "names": ["a", "b", "c"]}, x, y, 2, method="sobol", seed=1)
        warnings.formatwarning = shown
    assert [first_order(x[:, k], y) for k in range(3)] == pytest.approx(found["S1"], abs=0.015)


def test_a_linear_function_shares_by_squares() -> None:
    x = np.random.default_rng(1).random((16384, 3))
    found = [first_order(x[:, k], x @ np.array([3.0, 2.0, 1.0])) for k in range(3)]
    assert found == pytest.approx([9 / 14, 4 / 14, 1 / 14], abs=0.02)


def test_noise_explains_nothing_on_the_average() -> None:
    """Without the correction the 24 bins would explain 23 in 1024."""
    rng = np.random.default_rng(2)
    found = [first_order(rng.random(1024), rng.random(1024)) for _ in range(200)]
    assert np.mean(found) < 0.005


def test_means_over_other_draws_count_against_the_whole_variance() -> None:
    rng = np.random.default_rng(3)
    x, rest = rng.random(1024), rng.random((16, 1024))
    y = x + rest  # each explains a half
    found = first_order(x, y.mean(axis=0), float(y.var()))
    assert found == pytest.approx(0.5, abs=0.03)


def test_labels_constants_and_ties() -> None:
    rng = np.random.default_rng(4)
    labels = np.repeat(["a", "b"], 512)
    y = np.repeat([0.0, 1.0], 512) + 0.5 * rng.standard_normal(1024)
    assert of_labels(labels, y) == pytest.approx(0.5, abs=0.05)
    assert of_labels(np.repeat("a", 1024), y) == 0.0
    assert first_order(np.ones(1024), y) == 0.0
    assert first_order(y, np.ones(1024)) == 0.0
    tied = np.repeat([0.0, 1.0], 512)
    assert first_order(tied, y) == pytest.approx(of_labels(labels, y))
    assert first_order(np.arange(8.0), np.arange(8.0)) == 0.0  # too few to say
