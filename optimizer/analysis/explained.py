"""What a sensitivity analysis explains, and by what: outputs and inputs, by name, checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tiercap.optimizer.errors import InputError, did_you_mean
from tiercap.optimizer.io.units import printable
from tiercap.optimizer.model import measures
from tiercap.optimizer.model.parameters import ParameterInfo
from tiercap.optimizer.rules.space import LeverSpace, coordinates
from tiercap.optimizer.study.problem import Problem
from tiercap.optimizer.study.records import directions, lever_meaning

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
