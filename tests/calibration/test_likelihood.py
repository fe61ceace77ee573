"""Rows on their scales, errors with their tails."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from tiercap.optimizer.calibration.likelihood import DISCREPANCY, FREEDOM, Likelihood, discrepancies, observation

ROWS = (
    observation("units", 200.0, 100.0, 400.0, "log"),
    observation("share", 0.5, 0.3, 0.7, "logit"),
    observation("none", 0.0, 0.0, 0.3, "linear"),
    observation("chip", 1.1, 1.0, 1.25, "log", "performance"),
)
LIKELIHOOD = Likelihood(ROWS)
NOISE = np.array([[0.2, 0.1]])  # market, performance: kinds are sorted


def test_ranges_hold_nine_tenths() -> None:
    assert ROWS[0].sigma == pytest.approx(math.log(4.0) / (2 * 1.6449), rel=1e-4)
    assert ROWS[1].sigma == pytest.approx(math.log(0.7 / 0.3) / 1.6449, rel=1e-4)
    assert ROWS[2].sigma == pytest.approx(0.3 / (2 * 1.6449), rel=1e-4)
    assert ROWS[2].unit == 0.3


def test_terms_are_students_density_on_the_rows_scale() -> None:
    predictions = np.array([[300.0, 0.6, 0.1, 1.0]])
    away = [math.log(1.5), math.log(0.6 / 0.4), 0.1, math.log(1.0 / 1.1)]
    noise = [0.2, 0.2, 0.2 * 0.3, 0.1]
    kinds = dict(zip(LIKELIHOOD.kinds, (0, 1), strict=True))
    order = NOISE[:, [kinds["market"], kinds["performance"]]] if kinds["market"] == 0 else NOISE
    expected = [
        stats.t.logpdf(a, FREEDOM, scale=math.hypot(row.sigma, n)) for a, row, n in zip(away, ROWS, noise, strict=True)
    ]
    assert LIKELIHOOD.terms(predictions, order)[0] == pytest.approx(expected, rel=1e-12)


def test_nothing_sold_is_a_miss_and_not_an_infinity() -> None:
    terms = LIKELIHOOD.terms(np.array([[0.0, 0.0, 0.0, 0.0], [1e-9, 1.0, 0.0, 1e-9]]), np.repeat(NOISE, 2, axis=0))
    assert np.isfinite(terms).all()
    assert LIKELIHOOD.terms(np.array([[math.nan, 0.5, 0.0, 1.0]]), NOISE)[0, 0] == -math.inf


def test_what_might_have_been_observed_lies_where_the_tail_says() -> None:
    predictions = np.tile([[200.0, 0.5, 0.0, 1.1]], (40_000, 1))
    drawn = LIKELIHOOD.replicated(predictions, np.repeat(NOISE, len(predictions), axis=0), np.random.default_rng(0))
    below = (drawn <= np.array([200.0, 0.5, 0.0, 1.1])).mean(axis=0)
    assert below == pytest.approx(LIKELIHOOD.tail(predictions[:1], NOISE)[0], abs=0.01)
    spread = np.quantile(np.log(drawn[:, 0] / 200.0), [0.05, 0.95])
    assert spread == pytest.approx(stats.t.ppf([0.05, 0.95], FREEDOM) * math.hypot(ROWS[0].sigma, 0.2), rel=0.05)


def test_the_prior_of_the_discrepancy_is_even_in_the_logarithm() -> None:
    ends = discrepancies(np.array([0.0, 0.5, 1.0]))
    assert ends == pytest.approx([DISCREPANCY[0], math.sqrt(DISCREPANCY[0] * DISCREPANCY[1]), DISCREPANCY[1]])
