"""The only file that speaks to Optuna: the sampler, ask and tell, and the study as a journal file.

Optuna proposes policies and keeps nothing: the study lives in memory and is rebuilt from the run folder's blocks each
time. What is written, `study.journal`, is a copy for optuna-dashboard.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from tiercap.optimizer.problem import Problem

if TYPE_CHECKING:
    import optuna

Floats = NDArray[np.float64]

#: NSGA-II, every option that shapes the result. The distribution indices are those of Deb et al. (2002).
SAMPLER: dict[str, Any] = {"crossover": "SBX", "crossover_eta": 20.0, "crossover_prob": 0.9, "mutation": "polynomial",
                           "mutation_eta": 20.0, "mutation_prob": "1/levers"}  # fmt: skip


def new_study(problem: Problem, population: int) -> optuna.Study:
    """An in-memory Optuna study with NSGA-II, every option named."""
    import optuna
    from optuna.samplers.nsgaii import PolynomialMutation, SBXCrossover

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with _experimental_on_purpose():
        sampler = optuna.samplers.NSGAIISampler(
            population_size=population,
            crossover=SBXCrossover(eta=SAMPLER["crossover_eta"]),
            crossover_prob=SAMPLER["crossover_prob"],
            mutation=PolynomialMutation(eta=SAMPLER["mutation_eta"]),
            mutation_prob=None,
            seed=problem.study.search.seed % 2**32,
        )
        directions = ["maximize" if sign < 0 else "minimize" for sign in problem.signs]
        study = optuna.create_study(sampler=sampler, directions=cast(Any, directions), study_name=problem.study.name)
        study.set_metric_names(problem.objectives)
    return study


def ask(study: optuna.Study, problem: Problem, count: int) -> tuple[list[optuna.Trial], Floats]:
    """A generation's trials and their coordinates: float64[count, n_levers]."""
    from optuna.distributions import FloatDistribution

    distributions: dict[str, Any] = {
        lever.name: FloatDistribution(lever.low, lever.high, log=lever.log) for lever in problem.space.levers
    }
    trials = [study.ask(distributions) for _ in range(count)]
    return trials, np.array([[trial.params[name] for name in problem.space.names] for trial in trials])


def tell(study: optuna.Study, problem: Problem, trials: list[optuna.Trial], values: Floats) -> None:
    """Report a generation's objectives and constraints; a policy with an outcome that is not finite has failed."""
    from optuna.trial import TrialState

    bounds, excess = problem.bounds(), problem.violations(values)
    objectives = values[:, : len(problem.objectives)]
    usable: Any = np.isfinite(np.hstack([objectives, excess])).all(axis=1)
    for trial, row, over, sound in zip(trials, objectives, excess, usable, strict=True):
        if not sound:
            study.tell(trial, state=TrialState.FAIL)
            continue
        for name, amount in zip(bounds, over, strict=True):
            trial.set_constraint(name, float(amount))
        study.tell(trial, [float(v) for v in row])


def ask_and_tell(study: optuna.Study, problem: Problem, coords: Floats, values: Floats) -> None:
    """Give the study policies whose values are known, as its first generation."""
    for row in coords:
        study.enqueue_trial(dict(zip(problem.space.names, (float(v) for v in row), strict=True)))
    trials, asked = ask(study, problem, len(coords))
    if not np.array_equal(asked, coords):
        raise RuntimeError("the study did not take up the policies it was given")
    tell(study, problem, trials, values)


def journal(study: optuna.Study, objectives: list[str]) -> bytes:
    """The finished trials of a study as the content of an Optuna journal file."""
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import BaseJournalBackend

    class Memory(BaseJournalBackend):
        """A journal in a list."""

        def __init__(self) -> None:
            self.logs: list[dict[str, Any]] = []

        def read_logs(self, log_number_from: int) -> list[dict[str, Any]]:
            return self.logs[log_number_from:]

        def append_logs(self, logs: list[dict[str, Any]]) -> None:
            self.logs.extend(logs)

    backend = Memory()
    with _experimental_on_purpose():
        copy = optuna.create_study(
            storage=JournalStorage(backend), study_name=study.study_name, directions=study.directions
        )
        copy.set_metric_names(objectives)
    copy.add_trials(trial for trial in study.get_trials(deepcopy=False) if trial.state.is_finished())
    lines = [json.dumps(log, separators=(",", ":")) + "\n" for log in backend.logs]
    return "".join(lines).encode()


@contextmanager
def _experimental_on_purpose() -> Iterator[None]:
    """Without Optuna's remark that what we use, and pin by version, is experimental."""
    import optuna

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        yield
