"""Which points a sensitivity analysis evaluates, and their evaluation a block at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from tiercap.kernels.params import OUTCOMES, PARAMS
from tiercap.optimizer.errors import InputError
from tiercap.optimizer.model import ensembles, sobol
from tiercap.optimizer.model.evaluator import RELATIVE, Evaluator
from tiercap.optimizer.model.parameters import ParameterInfo, put
from tiercap.optimizer.model.scenarios import Draws, Scenarios
from tiercap.optimizer.rules.chips import exporter_catalogue
from tiercap.optimizer.rules.space import LeverSpace, coordinates
from tiercap.optimizer.runs.named_policy import NamedPolicy
from tiercap.optimizer.study.problem import Problem

Floats = NDArray[np.float64]
#: Some outcomes of every row of PARAMS[n]: float64[outcomes, n].
Evaluate = Callable[[np.ndarray], Floats]

#: Rows evaluated at a time: their tables take 70 MB over eight years.
BLOCK = 8192


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
