"""The sampler against posteriors that are known."""

from __future__ import annotations

import numpy as np
import pytest
from support.linear_model import linear

from tiercap.optimizer.calibration import smc
from tiercap.optimizer.calibration.smc import Floats, eigen, sample


@pytest.mark.parametrize(("d", "rows"), [(1, 1), (3, 2), (40, 8)])
def test_a_linear_model_is_recovered(d: int, rows: int) -> None:
    target, mean, covariance, evidence = linear(d, rows)
    swarm = sample(target, d, 2048, 1)
    wide = np.sqrt(np.diag(covariance))
    assert np.abs((swarm.z.mean(axis=0) - mean) / wide).max() < 0.15
    assert np.abs(swarm.z.std(axis=0) / wide - 1.0).max() < 0.12
    assert swarm.log_evidence == pytest.approx(evidence, abs=0.4)
    assert swarm.stages[-1].temperature == 1.0
    assert swarm.evaluations == 2048 * (1 + sum(stage.moves for stage in swarm.stages))


def test_two_separate_modes_keep_their_weights() -> None:
    def target(u: Floats) -> tuple[Floats, Floats]:
        z = smc.scores(u)[:, :1]
        return z, np.logaddexp(-0.5 * ((z - 1.5) / 0.1) ** 2, -0.5 * ((z + 1.5) / 0.1) ** 2)

    shares = [(sample(target, 2, 1024, seed).z[:, 0] > 0.0).mean() for seed in range(6)]
    assert np.mean(shares) == pytest.approx(0.5, abs=0.08)


def test_the_seed_alone_decides_the_bits() -> None:
    target = linear(5, 3)[0]
    first, again, other = (sample(target, 5, 256, seed) for seed in (3, 3, 4))
    assert first.z.tobytes() == again.z.tobytes()
    assert first.terms.tobytes() == again.terms.tobytes()
    assert first.z.tobytes() != other.z.tobytes()


def test_a_likelihood_that_says_nothing_leaves_the_prior() -> None:
    swarm = sample(lambda u: (u[:, :1], np.zeros((len(u), 1))), 3, 2048, 0)
    assert swarm.log_evidence == 0.0
    assert np.abs(swarm.z.mean(axis=0)).max() < 0.1
    assert np.abs(swarm.z.std(axis=0) - 1.0).max() < 0.1


def test_predictions_that_are_not_numbers_are_left() -> None:
    def target(u: Floats) -> tuple[Floats, Floats]:
        terms = np.where(u[:, :1] < 0.5, np.nan, -u[:, :1])
        return u[:, :1], np.where(np.isnan(terms), -np.inf, terms)

    swarm = sample(target, 2, 256, 0)
    assert (smc.probabilities(swarm.z)[:, 0] >= 0.5).all()
    assert np.isfinite(swarm.terms).all()


def test_progress_counts_every_evaluation() -> None:
    seen: list[tuple[int, float]] = []
    swarm = sample(linear(3, 2)[0], 3, 128, 0, lambda done, temperature: seen.append((done, temperature)))
    assert sum(done for done, _ in seen) == swarm.evaluations
    assert [t for _, t in seen] == sorted(t for _, t in seen)
    assert seen[-1][1] == 1.0


@pytest.mark.parametrize("d", [1, 2, 3, 20, 41])
def test_rotations_find_eigenvalues_and_vectors(d: int) -> None:
    x = np.random.default_rng(d).standard_normal((3 * d, d))
    matrix = x.T @ x / len(x)
    values, vectors = eigen(matrix)
    assert np.sort(values) == pytest.approx(np.linalg.eigvalsh(matrix), abs=1e-9)
    assert vectors @ np.diag(values) @ vectors.T == pytest.approx(matrix, abs=1e-9)
    assert vectors.T @ vectors == pytest.approx(np.eye(d), abs=1e-12)
