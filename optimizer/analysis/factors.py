"""What an analysis explains and by which factors, at which points, and their evaluation a block at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tiercap.kernels.params import OUTCOMES, PARAMS
from tiercap.optimizer.errors import InputError, did_you_mean
from tiercap.optimizer.io.arrays import Floats
from tiercap.optimizer.io.units import printable
from tiercap.optimizer.model import ensembles, measures, sobol
from tiercap.optimizer.model.evaluator import RELATIVE, Evaluator
from tiercap.optimizer.model.parameters import ParameterInfo, put
from tiercap.optimizer.model.scenarios import Draws, Scenarios
from tiercap.optimizer.rules.chips import exporter_catalogue
from tiercap.optimizer.rules.space import LeverSpace, coordinates
from tiercap.optimizer.runs.named_policy import NamedPolicy
from tiercap.optimizer.study.problem import Problem
from tiercap.optimizer.study.records import directions, lever_meaning

#: Some outcomes of every row of PARAMS[n]: float64[outcomes, n].
Evaluate = Callable[[np.ndarray], Floats]

#: Rows evaluated at a time: their tables take 70 MB over eight years.
BLOCK = 8192
#: Between which of an input's own quantiles a tornado swings.
SWING = (0.05, 0.95)


@dataclass(frozen=True)
class Input:
    """A parameter or a lever, with its 5, central and 95 per cent values in ``unit``."""

    name: str
    unit: str
    meaning: str
    low: float
    central: float
    high: float


@dataclass(frozen=True)
class Output:
    """What is explained: an outcome in every future (``statistic`` empty), or a statistic of it over the futures."""

    name: str
    outcome: str
    statistic: str
    unit: str


def outcome(name: str) -> Output:
    """An outcome in every future."""
    stem, _ = measures.split(name)
    if stem != name:
        raise InputError(
            f"`{printable(name)}` is a statistic over the futures, which the levers move: name the outcome alone, or "
            "ask for --over levers"
        )
    return Output(name, name, "", measures.unit(name, "mean"))


def measure(text: str, problem: Problem) -> Output:
    """A statistic over the futures, named as in `measures`: ``OUTCOME`` for its mean, else ``OUTCOME_STATISTIC``.

    Where a statistic has a bad side, the study's objectives say which that is.
    """
    name, word = measures.split(text)
    statistic = measures.resolve(word, directions(problem.study.objectives).get(name))
    return Output(measures.column(name, statistic), name, statistic, measures.unit(name, statistic))


def chosen(varying: Sequence[str], over: Sequence[str], problem: Problem) -> list[str]:
    """The names in ``over``, all if none, in the order of what varies. Refuses what does not vary."""
    if not varying:
        raise InputError("nothing varies here: give a parameter a range in [uncertainties]")
    constants = {info.name: info for info in problem.study.parameters}
    for name in over:
        if name in constants and name not in varying:
            fixed = constants[name]
            raise InputError(
                f"`{name}` is the same in every future ({fixed.value:g} [{fixed.unit}]), so nothing can hang on it"
            )
        if name not in varying:
            hint = did_you_mean(name[:60], varying)
            raise InputError(f"nothing called `{printable(name)}` varies here: {hint}")
    return [name for name in varying if not over or name in over]


def range_input(info: ParameterInfo) -> Input:
    """An uncertain parameter with its own range."""
    assert info.distribution is not None
    low, high = info.distribution.quantile(np.array(SWING)).tolist()
    return Input(info.name, info.unit, info.meaning, low, info.value, high)


def lever_input(space: LeverSpace, place: int) -> Input:
    """A lever with its range as its coordinate has it: in its unit, or as a share of the lever that it lies within."""
    lever = space.levers[place]
    shares = np.repeat(np.array([SWING[0], 0.5, SWING[1]])[:, None], len(space.names), axis=1)
    low, central, high = coordinates(shares, space.levers)[:, place].tolist()
    unit = lever.unit if lever.within is None else f"of {lever.within}"
    return Input(lever.name, unit, lever_meaning(lever.name), low, central, high)


def parameter_samples(infos: Sequence[ParameterInfo], n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two independent samples PARAMS[n] of the uncertain parameters; the first is that of `scenarios.draw`, to the bit.

    Parameters without a range keep their values in both.
    """
    a = Draws(infos, n, seed, "sobol").part(slice(None)).table
    b = a.copy()
    uncertain = [info for info in infos if info.distribution is not None]
    for column, info in zip(_columns(n, len(infos), len(uncertain), seed), uncertain, strict=True):
        assert info.distribution is not None
        put(b, info.name, info.distribution.quantile(column))
    return a, b


def member_table(problem: Problem) -> tuple[np.ndarray, frozenset[str]]:
    """The members of a problem's calibrated futures, of equal weight, as many as they are worth: PARAMS[n].

    Also the parameters that come from the members; the other uncertain ones have their own ranges.

    Parameters that the ensemble leaves open are drawn at random here. Their Sobol columns run in step with the order of
    the members, which goes by structure: over those columns a structure's share would be told as a parameter's.
    """
    futures, plan, study = problem.scenarios, problem.study.scenarios, problem.study
    n = max(1, round(futures.effective))
    marks = (np.arange(n) + 0.5) / n
    table = futures.table[np.minimum(np.searchsorted(np.cumsum(futures.weights), marks), len(futures) - 1)]
    members = ensembles.load(plan.file or ensembles.built_in(study.horizon.start))
    fitted = frozenset(members.columns) - study.own_parameters()
    drawn = Draws(study.parameters, n, plan.seed, "random").part(slice(None)).table
    for info in study.parameters:
        if info.distribution is not None and info.name not in fitted:
            table[info.name] = drawn[info.name]
    return table, fitted


def lever_samples(space: LeverSpace, n: int, seed: int) -> tuple[Floats, Floats]:
    """Two independent samples of a lever space, coordinates float64[n, d] each."""
    d = len(space.names)
    a, b = (np.stack(list(_columns(n, first, d, seed)), axis=1) for first in (0, d))
    return coordinates(a, space.levers), coordinates(b, space.levers)


def _columns(n: int, first: int, count: int, seed: int) -> Iterator[Floats]:
    """Some coordinates of one scrambled Sobol sequence; what lies before ``first`` belongs to the other sample."""
    spare = sobol.dimensions() - first
    if count > spare:
        raise InputError(f"{count} inputs are more than the {spare} that can be told apart: fix some of them")
    return (sobol.column(n, place, seed) for place in range(first, first + count))


def evaluator_of(problem: Problem, policy: NamedPolicy, rows: Sequence[int]) -> Evaluate:
    """What evaluates ``rows`` of the outcomes of one policy."""
    relative = any(OUTCOMES[row] in RELATIVE for row in rows)

    def evaluate(table: np.ndarray) -> Floats:
        futures = Scenarios(table, np.full(len(table), 1.0 / len(table)), problem.study.scenarios.seed, "sobol")
        evaluator = Evaluator(futures, problem.study.horizon, exporter_catalogue(), problem.threads)
        return evaluator.outcomes(policy.levers, policy.phase, relative)[0, list(rows)]

    return evaluate


def told(evaluate: Evaluate, table: np.ndarray, tell: Callable[[int], None]) -> Floats:
    """Every row of PARAMS[n] evaluated, a block at a time: float64[outcomes, n]. tell : called with the rows done."""
    parts = []
    for first in range(0, len(table), BLOCK):
        parts.append(evaluate(table[first : first + BLOCK]))
        tell(parts[-1].shape[1])
    return np.concatenate(parts, axis=1)


def tornado(
    swings: Mapping[str, tuple[float, float]], central: Mapping[str, float], evaluate: Evaluate
) -> tuple[Floats, Floats, Floats]:
    """One input at a time at its low and at its high value, the others central.

    swings : low and high value by parameter; central : the value of every parameter of the contract
    Returns the outcomes at the low values and at the high ones, float64[inputs, outcomes], and at the central ones.
    """
    table = np.zeros(2 * len(swings) + 1, dtype=PARAMS)
    for name, value in central.items():
        put(table, name, value)
    for k, (name, ends) in enumerate(swings.items()):
        put(table[2 * k + 1 : 2 * k + 3], name, np.array(ends))
    found = evaluate(table)
    return found[:, 1::2].T, found[:, 2::2].T, found[:, 0]
