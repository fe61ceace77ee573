"""Fits of a reduced problem: what is put in comes out again, with intervals that are neither too wide nor too
narrow."""

from __future__ import annotations

import numpy as np
import pytest
from support.reduced import UNKNOWN, Reduced, rows

from tiercap.kernels.params import PARAMS
from tiercap.optimizer.calibration import posterior, psis
from tiercap.optimizer.calibration.fit import Effort, Fit, Fitter
from tiercap.optimizer.calibration.likelihood import Floats, discrepancies
from tiercap.optimizer.calibration.smc import scores
from tiercap.optimizer.model.parameters import put

MODEL = Reduced()
REPETITIONS = 400
#: Nine tenths of the probability lie inside an interval.
INSIDE = 0.9


def table(u: Floats) -> np.ndarray:
    """PARAMS[n] at prior probabilities float64[n, 3] of the unknown parameters."""
    found = np.empty(len(u), dtype=PARAMS)
    for info in MODEL.parameters:
        put(found, info.name, info.value)
    for k, name in enumerate(UNKNOWN):
        info = next(info for info in MODEL.parameters if info.name == name)
        assert info.distribution is not None
        found[name] = info.distribution.quantile(u[:, k])
    return found


def fit(values: Floats, seed: int = 0, effort: Effort | None = None) -> Fit:
    return Fitter(MODEL, rows(values), seed, effort or Effort(2, 256)).fit()


def central() -> Floats:
    return MODEL.predict(table(np.full((1, 3), 0.5)))[0]


def interval_score(low: Floats, high: Floats, truth: Floats) -> Floats:
    """Width, and for a miss its distance times 2 / 0.1: least for the true quantiles (Gneiting and Raftery)."""
    miss = np.maximum(low - truth, 0.0) + np.maximum(truth - high, 0.0)
    return high - low + 2.0 / (1.0 - INSIDE) * miss


def passes(low: Floats, high: Floats, truth: Floats, reference: tuple[Floats, Floats]) -> bool:
    """Whether intervals float64[repetitions, parameters] may pass: coverage, and a score near the exact posterior's."""
    covered = ((low <= truth) & (truth <= high)).mean()
    score = interval_score(low, high, truth).mean(axis=0)
    exact = interval_score(*reference, truth).mean(axis=0)
    return bool(abs(covered - INSIDE) < 0.025 and (score < 1.06 * exact).all())


@pytest.mark.slow
def test_parameters_that_are_put_in_come_out_again() -> None:
    """400 records made from parameters drawn from the prior, each fitted; against importance weights on a large prior.

    The same check must refuse intervals stretched or shrunk by a half.
    """
    rng = np.random.default_rng(20)
    u = rng.random((REPETITIONS, 3))
    predictions = MODEL.predict(table(u))
    noise = discrepancies(rng.random(REPETITIONS))[:, None]
    pool = rng.random((20_000, 4))
    pool_predictions, pool_noise = MODEL.predict(table(pool[:, :3])), discrepancies(pool[:, 3:])
    low, high, exact_low, exact_high = (np.empty((REPETITIONS, 3)) for _ in range(4))
    for k in range(REPETITIONS):
        likelihood = rows(predictions[k])
        seen = rows(likelihood.replicated(predictions[k : k + 1], noise[k : k + 1], rng)[0])
        found = Fitter(MODEL, seen, k, Effort(2, 128)).fit()
        assert found.names[:3] == tuple(info.name for info in found.infos)
        columns = [found.names.index(name) for name in UNKNOWN]
        low[k], high[k] = np.quantile(found.z[:, columns], [0.05, 0.95], axis=0)
        logs = seen.terms(pool_predictions, pool_noise).sum(axis=1)
        weights = np.exp(logs - logs.max())
        order = np.argsort(pool[:, :3], axis=0)
        for j in range(3):
            up_to = np.cumsum(weights[order[:, j]])
            places = np.searchsorted(up_to, np.array([0.05, 0.95]) * up_to[-1])
            exact_low[k, j], exact_high[k, j] = pool[order[places, j], j]
    truth, exact = scores(u), (scores(exact_low), scores(exact_high))
    assert passes(low, high, truth, exact)
    middle, half = 0.5 * (low + high), 0.5 * (high - low)
    assert not passes(middle - 1.5 * half, middle + 1.5 * half, truth, exact)  # too wide: the score
    assert not passes(middle - 0.5 * half, middle + 0.5 * half, truth, exact)  # too narrow: the coverage
    ends = scores(np.array([0.05, 0.95]))
    prior = np.full_like(low, ends[0]), np.full_like(low, ends[1])
    assert not passes(*prior, truth, exact)  # the prior covers nine tenths as well, and has learned nothing


def test_a_fit_is_the_same_for_the_same_seed_and_names_what_it_moved() -> None:
    first, again, other = fit(central(), 1), fit(central(), 1), fit(central(), 2)
    assert first.z.tobytes() == again.z.tobytes()
    assert first.z.tobytes() != other.z.tobytes()
    assert {info.name for info in first.infos} == set(UNKNOWN)
    assert first.names[-1] == "discrepancy (market)"
    assert first.evaluations == again.evaluations


def test_parameters_that_move_no_row_are_left_alone() -> None:
    class Without(Reduced):
        def predict(self, table: np.ndarray) -> Floats:
            return super().predict(table)[:, :4]

    likelihood = rows(central())
    four = type(likelihood)(likelihood.observations[:4])
    found = Fitter(Without(), four, 0, Effort(2, 128)).fit()
    assert {info.name for info in found.infos} == {"budget_c", "attraction_e"}


def test_contradictory_rows_are_named() -> None:
    """Spending of the second year ten times what the others say: no compromise in silence."""
    values = central()
    values[1] *= 10.0
    found = fit(values, effort=Effort(2, 512))
    assert [row.name for row in found.at_odds] == ["spending-1"]
    assert "spending-1" in found.unmet or any("spending-1" in (p.first, p.second) for p in found.pairs)
    assert fit(central(), effort=Effort(2, 512)).at_odds == []


def test_two_rows_about_the_same_that_differ_exclude_each_other() -> None:
    class Twice(Reduced):
        def predict(self, table: np.ndarray) -> Floats:
            found = super().predict(table)
            return np.concatenate([found, found[:, :1]], axis=1)

    likelihood = rows(central())
    first = likelihood.observations[0]
    other = type(first)("spending-0-again", first.value / 3.0, first.sigma, first.scale)
    found = Fitter(Twice(), type(likelihood)((*likelihood.observations, other)), 0, Effort(2, 2048)).fit()
    assert ("spending-0", "spending-0-again") in [(pair.first, pair.second) for pair in found.pairs]


def test_where_reweighting_fails_the_row_is_fitted_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """And says, but for noise, what reweighting says where that works."""
    weighted = fit(central(), effort=Effort(2, 1024)).rows
    monkeypatch.setattr(psis, "TRUSTED", -np.inf)
    again = fit(central(), effort=Effort(2, 1024)).rows
    assert all(row.refitted for row in again)
    for old, new in zip(weighted, again, strict=True):
        assert (new.p05, new.p50, new.p95) == pytest.approx((old.p05, old.p50, old.p95), rel=0.12), old.name
        assert new.log_score == pytest.approx(old.log_score, abs=0.15)


def test_information_goes_where_the_rows_look() -> None:
    found = fit(central(), effort=Effort(4, 512))
    bits = dict(zip(found.names, posterior.information(found.z), strict=True))
    assert min(bits[name] for name in UNKNOWN) > posterior.NOTHING
    assert ("attraction_e", "budget_c") in [tuple(sorted(t[:2])) for t in posterior.trade_offs(found.z, found.names)]
