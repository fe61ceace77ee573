"""The samplers of a search against Optuna's own, which find anew for every trial what these remember."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.samplers import NSGAIIISampler, NSGAIISampler, QMCSampler, RandomSampler
from optuna.trial import TrialState

from tiercap.optimizer.search import optuna_study, samplers

SPACES = {
    "b": FloatDistribution(0.0, 1.0),
    "a": FloatDistribution(1.0, 100.0, log=True),
    "c": FloatDistribution(-1.0, 1.0),
}
POPULATION = 8


class Walking:
    """Optuna's way, with given trials in the first generation and parents in the order of their trials."""

    def get_parent_population(self, study: Any, generation: int) -> Any:
        return sorted(super().get_parent_population(study, generation), key=lambda trial: trial.number)  # type: ignore[misc]

    def after_trial(self, study: Any, trial: Any, state: TrialState, values: Sequence[float] | None) -> None:
        super().after_trial(study, trial, state, values)  # type: ignore[misc]
        if state == TrialState.COMPLETE:
            super().get_trial_generation(study, trial)  # type: ignore[misc]


class Walking2(Walking, NSGAIISampler):
    pass


class Walking3(Walking, NSGAIIISampler):
    pass


def asked(sampler: Any, given: int, generations: int = 8, constrained: bool = False) -> list[dict[str, float]]:
    """Parameters of all trials of a search in whole generations, some of whose trials fail."""
    with optuna_study.experimental_on_purpose():
        study = optuna.create_study(sampler=sampler, directions=["minimize", "maximize"])
    for k in range(given):
        study.enqueue_trial({"a": 1.0 + k, "b": 0.5, "c": k / 100.0})
    counts = ([given] if given else []) + [POPULATION] * generations
    for count in counts:
        trials = [study.ask(SPACES) for _ in range(count)]
        for trial in trials:
            a, b, c = (trial.params[name] for name in "abc")
            if trial.number % 11 == 9:
                study.tell(trial, state=TrialState.FAIL)
                continue
            if constrained:
                with optuna_study.experimental_on_purpose():
                    trial.set_constraint("a", a - 30.0)
            study.tell(trial, [math.log(a) + b * b, a * (1.0 - b) - c * c])
    return [trial.params for trial in study.trials]


@pytest.mark.parametrize("given", [0, 3, POPULATION])
@pytest.mark.parametrize("constrained", [False, True])
@pytest.mark.parametrize(("ours", "optunas"), [(samplers.NSGA2, Walking2), (samplers.NSGA3, Walking3)])
def test_what_is_remembered_is_what_optuna_finds(ours: Any, optunas: Any, constrained: bool, given: int) -> None:
    found = asked(ours(SPACES, POPULATION, seed=1), given, constrained=constrained)
    assert found == asked(optunas(population_size=POPULATION, seed=1), given, constrained=constrained)
    assert len({tuple(params.values()) for params in found}) > given + 6 * POPULATION  # children, not copies


@pytest.mark.parametrize("ours", [samplers.NSGA2, samplers.NSGA3])
def test_given_policies_are_the_first_parents(ours: Any) -> None:
    """Lever b is 0.5 in every given trial, so that no crossover moves it in their children."""
    children = asked(ours(SPACES, POPULATION, seed=2, mutation_prob=0.0), POPULATION, generations=1)[POPULATION:]
    assert [params["b"] for params in children] == [0.5] * POPULATION
    assert len({params["a"] for params in children}) > 1


def asked_one_by_one(sampler: Any, given: int, trials: int = 40) -> list[dict[str, float]]:
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
        ours = samplers.QuasiRandom(SPACES, sequence, scramble, 3)
    found = asked_one_by_one(ours, given=4)
    assert found == asked_one_by_one(theirs, given=4)
    assert len({tuple(params.values()) for params in found}) == 40


def test_the_first_quasi_random_trial_is_of_the_sequence() -> None:
    """Optuna draws it at random, for want of the parameters."""
    with optuna_study.experimental_on_purpose():
        first, second = (samplers.QuasiRandom(SPACES, "sobol", True, 3) for _ in range(2))
    assert asked_one_by_one(first, given=0) == asked_one_by_one(second, given=4)


@pytest.mark.parametrize("given", [0, 4])
def test_random_parameters_are_optunas(given: int) -> None:
    found = asked_one_by_one(samplers.Random(SPACES, 3), given)
    assert found == asked_one_by_one(RandomSampler(seed=3), given)
    assert len({tuple(params.values()) for params in found}) == 40
