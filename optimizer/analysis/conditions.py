"""When a policy fails in a future: conditions as people write them.

``revenue < 30 GUSD`` compares with a figure, ``revenue < bis-2026`` with another policy in the same future.
``compute_lead worst 10 %``, ``lowest`` and ``highest`` take a share of the futures; ``compute_lead worse than ban``
is a comparison in the direction that the study's objective has.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tiercap.kernels.params import OUTCOMES
from tiercap.optimizer.errors import InputError, did_you_mean
from tiercap.optimizer.io import units
from tiercap.optimizer.io.arrays import Floats
from tiercap.optimizer.model.statistics import reduce
from tiercap.optimizer.runs import named_policy
from tiercap.optimizer.runs.named_policy import NamedPolicy
from tiercap.optimizer.study.problem import UNITS, Problem
from tiercap.optimizer.study.records import directions

_COMPARED = re.compile(r"(\w+)\s*(<=|>=|<|>)\s*(\S.*)", re.ASCII)
_SHARE = re.compile(r"(\w+)\s+(?:in\s+)?(?:the\s+)?(worst|lowest|highest)\s+([0-9]{1,2})\s*%", re.ASCII)
_WORSE = re.compile(r"(\w+)\s+worse\s+than\s+(\S.*)", re.ASCII)
_FIGURE = re.compile(r"[-+.0-9]")
#: Longest condition that is read.
MAX_LENGTH = 1000


@dataclass(frozen=True)
class Condition:
    """One way to fail.

    sign : +1 where low values fail, -1 where high ones do; strict : whether a value at the bound does not fail
    bound : a figure in the outcome's unit; share : per cent of the futures; other : a policy to compare with. One of
    the three is there.
    """

    text: str
    outcome: str
    sign: float
    strict: bool = True
    bound: float | None = None
    share: int | None = None
    other: NamedPolicy | None = None

    def failing(self, values: Floats, weights: Floats, others: Floats | None) -> NDArray[np.bool_]:
        """In which futures it fails: values, weights and those of ``other`` float64[n] to bool[n]."""
        bound = self.threshold(values, weights) if others is None else others
        distance = self.sign * (values - bound)
        return np.asarray(distance < 0.0 if self.strict else distance <= 0.0)

    def threshold(self, values: Floats, weights: Floats) -> float:
        """The bound in the outcome's unit: what is given, or the quantile that the share means."""
        if self.share is None:
            assert self.bound is not None
            return self.bound
        percent = self.share if self.sign > 0 else 100 - self.share
        return float(reduce(values, weights, f"p{percent:02d}"))

    def words(self, values: Floats, weights: Floats) -> str:
        """The condition as it reads after "fails where"."""
        side = "below" if self.sign > 0 else "above"
        if self.other is not None:
            return f"{self.outcome} is {side} that of {self.other.name} in the same future"
        edge = "" if self.strict else "at or "
        unit = "" if UNITS[self.outcome] == "1" else f" {UNITS[self.outcome]}"
        figure = f"{self.outcome} is {edge}{side} {self.threshold(values, weights):.4g}{unit}"
        if self.share is None:
            return figure
        return f"{figure} (the {'lowest' if self.sign > 0 else 'highest'} {self.share} %)"


def parse(text: str, problem: Problem) -> Condition:
    """The condition that ``text`` means. Raises InputError with what may be written."""
    shown, bare = units.printable(text[:120]), text.strip()
    for pattern, read in ((_COMPARED, _compared), (_SHARE, _shared), (_WORSE, _worse)):
        found = pattern.fullmatch(bare) if len(bare) <= MAX_LENGTH else None
        if found:
            name = found[1]
            if name not in OUTCOMES:
                raise InputError(f"`{shown}`: unknown outcome `{name[:60]}`: {did_you_mean(name[:60], OUTCOMES)}")
            return read(shown, problem, *found.groups())
    raise InputError(
        f"`{shown}` says no failure: write OUTCOME < VALUE, OUTCOME < POLICY, OUTCOME worst 10 % or OUTCOME worse than "
        "POLICY; > and lowest and highest are understood too"
    )


def _compared(text: str, problem: Problem, outcome: str, operator: str, bound: str) -> Condition:
    sign = 1.0 if operator[0] == "<" else -1.0
    if _FIGURE.match(bound):
        value = units.quantity(bound, UNITS[outcome], outcome)
        return Condition(text, outcome, sign, len(operator) == 1, bound=value)
    return Condition(text, outcome, sign, len(operator) == 1, other=named_policy.one(bound, problem))


def _shared(text: str, problem: Problem, outcome: str, end: str, percent: str) -> Condition:
    if not 1 <= int(percent) <= 99:
        raise InputError(f"`{text}`: a share of the futures is 1 to 99 %")
    sign = _worse_sign(text, problem, outcome) if end == "worst" else 1.0 if end == "lowest" else -1.0
    return Condition(text, outcome, sign, strict=False, share=int(percent))


def _worse(text: str, problem: Problem, outcome: str, policy: str) -> Condition:
    sign = _worse_sign(text, problem, outcome)
    return Condition(text, outcome, sign, other=named_policy.one(policy, problem))


def _worse_sign(text: str, problem: Problem, outcome: str) -> float:
    known = directions(problem.study.objectives)
    if outcome not in known:
        raise InputError(
            f"`{text}`: which way {outcome} is worse, no objective of the study says: write < or >, "
            "lowest or highest"
        )
    return 1.0 if known[outcome] == "maximise" else -1.0
