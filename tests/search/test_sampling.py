"""The random and quasi-random engines against the samplers of Optuna, which find anew what these remember."""

from __future__ import annotations

from typing import Any

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.samplers import QMCSampler, RandomSampler

from tiercap.optimizer.search import optuna_study, sampling

SPACES = {
    "b": FloatDistribution(0.0, 1.0),
    "a": FloatDistribution(1.0, 100.0, log=True),
    "c": FloatDistribution(-1.0, 1.0),
}


def asked(sampler: Any, given: int, trials: int = 40) -> list[dict[str, float]]:
    """Parameters of a search's trials, of which the first are given and some fail."""
    with optuna_study.experimental_on_purpose():
        study = optuna.create_study(sampler=sampler)
    for k in range(given):
        study.enqueue_trial({"a": 1.0 + k, "b": 0.5, "c": k / 100.0})
    for _ in range(given + trials):
        trial = study.ask(SPACES)
        failed = trial.number % 7 == 5
        study.tell(trial, None if failed else trial.params["a"], optuna.trial.TrialState.FAIL if failed else None)
    return [trial.params for trial in study.trials[given:]]


@pytest.mark.parametrize("sequence", ["sobol", "halton"])
@pytest.mark.parametrize("scramble", [True, False])
def test_the_quasi_random_sequence_is_optunas(sequence: str, scramble: bool) -> None:
    with optuna_study.experimental_on_purpose():
        theirs = QMCSampler(qmc_type=sequence, scramble=scramble, seed=3)
        ours = sampling.QuasiRandom(SPACES, sequence, scramble, 3)
    found = asked(ours, given=4)
    assert found == asked(theirs, given=4)
    assert len({tuple(params.values()) for params in found}) == 40


def test_the_first_quasi_random_trial_is_of_the_sequence() -> None:
    """Optuna draws it at random, for want of the parameters."""
    with optuna_study.experimental_on_purpose():
        first, second = (sampling.QuasiRandom(SPACES, "sobol", True, 3) for _ in range(2))
    assert asked(first, given=0) == asked(second, given=4)


@pytest.mark.parametrize("given", [0, 4])
def test_random_parameters_are_optunas(given: int) -> None:
    found = asked(sampling.Random(SPACES, 3), given)
    assert found == asked(RandomSampler(seed=3), given)
    assert len({tuple(params.values()) for params in found}) == 40
