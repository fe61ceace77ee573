"""The engines as samplers of an Optuna study, its warnings answered: ask and tell, the study as a journal file.

Optuna proposes policies and keeps nothing: the study lives in memory and is rebuilt from the run folder's blocks each
time. What is written, `study.journal`, is a copy for optuna-dashboard.
"""

from __future__ import annotations

import importlib.util
import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from tiercap.optimizer.errors import InputError
from tiercap.optimizer.io.arrays import Floats
from tiercap.optimizer.rules.space import coordinates
from tiercap.optimizer.study import engines
from tiercap.optimizer.study.problem import Problem

if TYPE_CHECKING:
    import optuna

#: P-value below which Wilcoxon's test gives a policy up, and the fewest scenarios it asks for.
P_THRESHOLD, STARTUP_STEPS = 0.1, 2


def check(problem: Problem) -> None:
    """Raise InputError where the study's engine or pruner cannot do what is asked of it."""
    budget = problem.study.search
    engine = engines.ENGINES[budget.engine]
    name = budget.engine
    if engine.single and len(problem.objectives) > 1:
        raise InputError(
            f"engine `{name}` knows one objective, and the study has {len(problem.objectives)}: keep one of "
            f"[objectives], or choose another engine, such as {engines.DEFAULT}"
        )
    if not engine.constraints and problem.scoring.limits:
        raise InputError(f"engine `{name}` heeds no constraints, and the study has some: choose another engine")
    if budget.pruner != "none" and len(problem.objectives) > 1:
        raise InputError(
            f"pruner `{budget.pruner}` compares policies by one objective, and the study has "
            f"{len(problem.objectives)}: keep one, or set search.pruner=none"
        )
    if budget.pruner != "none" and problem.scoring.screened[0][1] != "mean":
        raise InputError(
            f"pruner `{budget.pruner}` compares means, and the objective is {problem.scoring.screened[0][1]}: "
            "set search.pruner=none"
        )
    if engine.package and importlib.util.find_spec(engine.package) is None:
        raise InputError(
            f'engine `{name}` needs the package {engine.package}, which is not installed: pip install "tiercap'
            f'[{engine.extra}]", or choose another engine'
        )


def new_study(problem: Problem, start: Floats | None = None) -> optuna.Study:
    """An in-memory Optuna study with the study's engine as its sampler, every option named.

    start : float64[n_levers], coordinates at which an engine begins that begins at a point
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with experimental_on_purpose():
        study = optuna.create_study(
            sampler=_sampler(problem, start),
            pruner=_pruner(problem),
            directions=directions(problem),
            study_name=problem.study.name,
        )
        study.set_metric_names(problem.objectives)
    return study


def ask(
    study: optuna.Study, problem: Problem, count: int, proposals: Floats | None = None
) -> tuple[list[optuna.Trial], Floats]:
    """A generation's trials and their coordinates: float64[count, n_levers].

    proposals : float64[count, n_levers], handed out by the sampler of an engine that is told what to try
    """
    if proposals is not None:
        names = problem.space.names
        cast(Any, study.sampler).waiting = [dict(zip(names, map(float, row), strict=True)) for row in proposals]
    spaces = distributions(problem)
    with experimental_on_purpose():
        trials = [study.ask(spaces) for _ in range(count)]
    found = [trial.params for trial in trials]  # each access copies all of them
    return trials, np.array([[params[name] for name in problem.space.names] for params in found])


def tell(study: optuna.Study, problem: Problem, trials: list[optuna.Trial], values: Floats) -> None:
    """Report a generation's objectives and constraints; a policy with an outcome that is not finite has failed."""
    from optuna.trial import TrialState

    bounds = problem.scoring.bounds()
    with experimental_on_purpose():
        for trial, row, over, sound in zip(trials, *verdicts(problem, values), strict=True):
            if not sound:
                study.tell(trial, state=TrialState.FAIL)
                continue
            for name, amount in zip(bounds, over, strict=True):
                trial.set_constraint(name, float(amount))
            study.tell(trial, [float(v) for v in row])


def verdicts(problem: Problem, values: Floats) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Of each policy its objectives, by how much it breaks each bound, and whether all of these are finite."""
    objectives, excess = values[:, : len(problem.objectives)], problem.scoring.violations(values)
    usable: Any = np.isfinite(np.hstack([objectives, excess])).all(axis=1)
    return objectives, excess, usable


def prune(study: optuna.Study, trials: list[optuna.Trial], each: Floats) -> NDArray[np.bool_]:
    """Report the objective in the few scenarios; which trials the pruner gives up, told so: bool[n].

    each : float64[n, n_few]; what is not finite is left to the full evaluation to judge
    """
    from optuna.trial import TrialState

    given_up = np.zeros(len(trials), dtype=bool)
    for k, (trial, row) in enumerate(zip(trials, each, strict=True)):
        if not np.isfinite(row).all():
            continue
        _report(trial, row)
        if trial.should_prune():
            study.tell(trial, state=TrialState.PRUNED)
            given_up[k] = True
    return given_up


def ask_and_tell(
    study: optuna.Study, problem: Problem, coords: Floats, values: Floats, each: Floats | None = None
) -> None:
    """Give the study policies whose values are known, as its first generation.

    each : float64[n, n_few], the objective in the few scenarios, which a pruner compares others with
    """
    for row in coords:
        study.enqueue_trial(dict(zip(problem.space.names, (float(v) for v in row), strict=True)))
    trials, asked = ask(study, problem, len(coords))
    if not np.array_equal(asked, coords):
        raise RuntimeError("the study did not take up the policies it was given")
    if each is not None:
        for trial, row in zip(trials, each, strict=True):
            _report(trial, row)
    tell(study, problem, trials, values)


def _report(trial: optuna.Trial, row: Floats) -> None:
    for step, value in enumerate(row):
        trial.report(float(value), step)


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
    with experimental_on_purpose():
        copy = optuna.create_study(
            storage=JournalStorage(backend), study_name=study.study_name, directions=study.directions
        )
        copy.set_metric_names(objectives)
    copy.add_trials(trial for trial in study.get_trials(deepcopy=False) if trial.state.is_finished())
    lines = [json.dumps(log, separators=(",", ":")) + "\n" for log in backend.logs]
    return "".join(lines).encode()


def directions(problem: Problem) -> Any:
    """Which way each objective is better, in Optuna's words."""
    return ["maximize" if sign < 0 else "minimize" for sign in problem.scoring.signs]


def distributions(problem: Problem) -> dict[str, Any]:
    """The levers as Optuna's parameters, by name; linear where a logarithmic one begins at 0, which Optuna has not."""
    from optuna.distributions import FloatDistribution

    return {v.name: FloatDistribution(v.low, v.high, log=v.log and v.low > 0.0) for v in problem.space.levers}


def _sampler(problem: Problem, start: Floats | None) -> Any:
    """The sampler of the study's engine; every option that shapes its proposals is named."""
    from optuna.samplers import GPSampler, TPESampler

    from tiercap.optimizer.search import samplers

    budget = problem.study.search
    options = engines.options_of(budget.engine, budget.options)
    seed, population, spaces = budget.seed % 2**32, budget.population, distributions(problem)
    match budget.engine:
        case "nsga2":
            return samplers.NSGA2(spaces, population, **_variation(options, problem), seed=seed)
        case "nsga3":
            variation = _variation(options, problem) | {"dividing_parameter": options["divisions"]}
            return samplers.NSGA3(spaces, population, **variation, seed=seed)
        case "tpe":
            return TPESampler(
                n_startup_trials=cast(int, options["startup_trials"]), n_ei_candidates=cast(int, options["candidates"]),
                multivariate=cast(bool, options["multivariate"]), constant_liar=True, seed=seed,
            )  # fmt: skip
        case "cmaes":
            return _cmaes(problem, options, start)
        case "gp":
            return GPSampler(
                n_startup_trials=cast(int, options["startup_trials"]),
                deterministic_objective=cast(bool, options["deterministic"]), seed=seed,
            )  # fmt: skip
        case "qmc":
            return samplers.QuasiRandom(spaces, options["sequence"], options["scramble"], seed)
        case "grid":
            return _grid(problem, cast(int, options["points"]), seed)
        case "random":
            return samplers.Random(spaces, seed)
    return _offered(spaces)


def _variation(options: dict[str, engines.Value], problem: Problem) -> dict[str, Any]:
    from optuna.samplers.nsgaii import PolynomialMutation, SBXCrossover

    return {
        "crossover": SBXCrossover(eta=cast(float, options["crossover_eta"])),
        "crossover_prob": options["crossover_prob"],
        "mutation": PolynomialMutation(eta=cast(float, options["mutation_eta"])),
        "mutation_prob": min(1.0, cast(float, options["mutations"]) / len(problem.space.levers)),
        "swapping_prob": 0.5,
    }


def _cmaes(problem: Problem, options: dict[str, engines.Value], start: Floats | None) -> Any:
    """CMA-ES from ``start`` on. Optuna says that `x0` goes away with version 6, before which this project stays."""
    from optuna.samplers import CmaEsSampler

    first = None if start is None else dict(zip(problem.space.names, map(float, start), strict=True))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return CmaEsSampler(
            x0=first, sigma0=cast(float, options["sigma"]), use_separable_cma=cast(bool, options["separable"]),
            popsize=problem.study.search.population, warn_independent_sampling=False,
            seed=problem.study.search.seed % 2**32,
        )  # fmt: skip


def _grid(problem: Problem, points: int, seed: int) -> Any:
    """Optuna's grid, without its stopping a loop that asking and telling does not have."""
    from optuna.samplers import GridSampler

    class Grid(GridSampler):
        def after_trial(self, *_: Any) -> None:
            """The search knows how many points there are."""

    levers = problem.space.levers
    even = np.repeat(np.linspace(0.0, 1.0, points)[:, None], len(levers), axis=1)
    return Grid(dict(zip(problem.space.names, coordinates(even, levers).T.tolist(), strict=True)), seed=seed)


def _offered(spaces: dict[str, Any]) -> Any:
    """A sampler that hands out what it was given in ``waiting``: see `proposals`."""
    from optuna.samplers import BaseSampler

    class Offered(BaseSampler):
        def __init__(self) -> None:
            self.waiting: list[dict[str, float]] = []

        def infer_relative_search_space(self, study: Any, trial: Any) -> dict[str, Any]:
            return spaces

        def sample_relative(self, study: Any, trial: Any, search_space: Any) -> dict[str, float]:
            return self.waiting.pop(0) if self.waiting else {}

        def sample_independent(self, study: Any, trial: Any, name: str, distribution: Any) -> float:
            raise RuntimeError(f"no policy was offered for lever {name}")

    return Offered()


def _pruner(problem: Problem) -> Any:
    from optuna import pruners

    if problem.study.search.pruner == "wilcoxon":
        return pruners.WilcoxonPruner(p_threshold=P_THRESHOLD, n_startup_steps=STARTUP_STEPS)
    return pruners.NopPruner()


@contextmanager
def experimental_on_purpose() -> Iterator[None]:
    """Without Optuna's remark that what we use, and pin by version, is experimental."""
    import optuna

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        yield
