"""What several runs say together, and what a row says of the rest."""

from __future__ import annotations

import dataclasses
import warnings

import numpy as np
import pytest
from support.linear_model import linear

from tiercap.optimizer.calibration import posterior, psis, smc
from tiercap.optimizer.calibration.likelihood import Likelihood, observation
from tiercap.optimizer.calibration.posterior import LeftOut

NAMES = [f"x{k}" for k in range(5)]


@pytest.fixture(scope="module")
def runs() -> list[smc.Swarm]:
    target = linear(5, 3)[0]
    return [smc.sample(target, 5, 1024, seed) for seed in range(4)]


def test_runs_that_agree_are_enough(runs: list[smc.Swarm]) -> None:
    found = posterior.convergence(runs, NAMES)
    assert found.enough, found.reasons
    assert found.rhat < 1.01
    assert 1000 < found.effective <= 4096


@pytest.mark.parametrize("what", ["shifted", "wider", "evidence"])
def test_a_run_apart_is_noticed(runs: list[smc.Swarm], what: str) -> None:
    last = runs[-1]
    if what == "evidence":
        last = dataclasses.replace(last, log_evidence=last.log_evidence + 3.0)
    else:
        z = last.z.copy()
        middle, wide = z[:, 2].mean(), z[:, 2].std()
        z[:, 2] = z[:, 2] + 0.6 * wide if what == "shifted" else middle + 2.0 * (z[:, 2] - middle)
        last = dataclasses.replace(last, z=z)
    found = posterior.convergence([*runs[:-1], last], NAMES)
    assert not found.enough
    assert what == "evidence" or found.worst == "x2"


@pytest.mark.parametrize("apart", [0.0, 0.3])
def test_r_hat_is_that_of_arviz(apart: float) -> None:
    """Of the scores and of their distances from the middle, whichever is larger."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from arviz_stats.base import array_stats
    rng = np.random.default_rng(0)
    z = rng.standard_normal((4, 256, 5)) + apart * rng.standard_normal((4, 1, 5))
    swarms = [smc.Swarm(x, x, x, 0.0, 0, (), (x, x)) for x in z]
    away = np.abs(z - np.median(z.reshape(-1, 5), axis=0))
    found = [array_stats.rhat(x, chain_axis=0, draw_axis=1, method="identity") for x in (z, away)]
    ours = posterior.convergence(swarms, NAMES)
    assert ours.rhat == pytest.approx(np.max(found), rel=1e-12)
    assert ours.worst == NAMES[int(np.argmax(np.max(found, axis=0)))]


def test_few_particles_are_not_enough() -> None:
    target = linear(5, 3)[0]
    assert not posterior.convergence([smc.sample(target, 5, 64, seed) for seed in range(3)], NAMES).enough
    assert not posterior.convergence([smc.sample(target, 5, 2048, 0)], NAMES).enough


def test_information_is_nothing_for_the_prior_and_grows_with_narrowness() -> None:
    z = np.random.default_rng(0).standard_normal((8192, 3)) * np.array([1.0, 0.5, 0.1])
    bits = posterior.information(z)
    exact = 0.5 * (0.25 - 1.0 - np.log(0.25)) / np.log(2.0)
    assert bits[0] < posterior.NOTHING
    assert bits[1] == pytest.approx(exact, abs=0.05)
    assert bits[2] > bits[1]


def test_trade_offs_are_the_strongest_correlations_first() -> None:
    z = np.random.default_rng(0).standard_normal((4096, 4))
    z[:, 1] = -0.9 * z[:, 0] + np.sqrt(1 - 0.81) * z[:, 1]
    z[:, 3] = 0.5 * z[:, 2] + np.sqrt(0.75) * z[:, 3]
    found = posterior.trade_offs(z, NAMES[:4])
    assert [(a, b) for a, b, _ in found] == [("x0", "x1"), ("x2", "x3")]
    assert found[0][2] == pytest.approx(-0.9, abs=0.03)


def test_leaving_a_row_out_by_weights_is_a_fit_without_it() -> None:
    """One unknown, two rows: reweighting must give what a fit to the other row alone gives."""
    both = Likelihood((observation("a", 1.0, 0.5, 2.0, "log"), observation("b", 2.0, 1.0, 4.0, "log")))

    def target(u: smc.Floats, seen: tuple[int, ...] = (0, 1)) -> tuple[smc.Floats, smc.Floats]:
        predictions = np.exp(smc.scores(u)[:, [0, 0]])
        terms = both.terms(predictions, np.full((len(u), 1), 0.1))
        return predictions, terms * np.isin([0, 1], seen)

    whole = smc.sample(target, 1, 8192, 1)
    noise = np.full((8192, 1), 0.1)
    row = posterior.left_out(1, both, whole.predictions, noise, whole.terms)
    alone = smc.sample(lambda u: target(u, (0,)), 1, 8192, 2)
    terms = both.terms(alone.predictions, noise)
    direct = posterior.judged(1, both, alone.predictions, noise, terms, np.full(8192, 1 / 8192), 0.0)
    assert row.exponent < psis.TRUSTED
    assert (row.p05, row.p50, row.p95) == pytest.approx((direct.p05, direct.p50, direct.p95), rel=0.06)
    assert row.log_score == pytest.approx(direct.log_score, abs=0.05)
    assert row.tail == pytest.approx(direct.tail, abs=0.03)


def row(name: str, tail: float) -> LeftOut:
    return LeftOut(name, 0.0, 0.0, 0.0, 0.0, tail, 0.0)


def test_rows_at_odds_survive_holms_procedure() -> None:
    rows = [row("a", 0.3), row("b", 0.001), row("c", 0.02), row("d", 0.9)]
    assert posterior.at_odds(rows) == [1]
    assert posterior.at_odds([row("a", 0.04), row("b", 0.04)]) == []
    assert posterior.at_odds([row("a", 0.01), row("b", 0.04)]) == [0, 1]


def test_holms_procedure_is_that_of_statsmodels(monkeypatch: pytest.MonkeyPatch) -> None:
    from statsmodels.stats.multitest import multipletests

    monkeypatch.setattr("gc.collect", lambda: 0)  # it collects garbage in every call, which takes all the time there is
    rng = np.random.default_rng(0)
    for _ in range(500):
        tails = rng.random(rng.integers(1, 40)) ** rng.integers(1, 8)
        refused = multipletests(tails, posterior.LEVEL, method="holm")[0]
        assert posterior.at_odds([row(str(k), p) for k, p in enumerate(tails)]) == np.flatnonzero(refused).tolist()


def test_rows_that_exclude_each_other_are_named_and_those_out_of_reach() -> None:
    rows = (
        observation("low", 1.0, 0.9, 1.1, "log"),
        observation("high", 3.0, 2.7, 3.3, "log"),
        observation("same", 1.0, 0.9, 1.1, "log"),
        observation("never", 1e6, 9e5, 1.1e6, "log"),
    )
    x = np.exp(np.random.default_rng(0).standard_normal(4096))
    unmet, pairs = posterior.contradictions(Likelihood(rows), np.stack([x, x, x, x], axis=1), 0.05)
    assert unmet == ["never"]
    assert [(pair.first, pair.second) for pair in pairs] == [("low", "high"), ("high", "same")]
    assert pairs[0].nearest > posterior.MET
