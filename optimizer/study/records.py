"""What a study is, once read and validated: plain frozen records, in the contract's words.

Levers are what the regulator chooses, uncertainties what the world chooses, outcomes what is scored,
constants what is held fixed; each has a table of its own in the file and a type of its own here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from tiercap.optimizer.model import measures
from tiercap.optimizer.model.horizon import Horizon
from tiercap.optimizer.model.parameters import ParameterInfo
from tiercap.optimizer.rules.levers import LEVERS_TABLE, LeverInfo, part
from tiercap.optimizer.rules.space import Lever
from tiercap.optimizer.study import engines

#: Every lever that can be searched, by name, such as c_licensed_tpp or b_quota_share.
LEVER_PARTS: Mapping[str, LeverInfo] = {
    name: info for name, info in LEVERS_TABLE.items() if part(name).field != "reading"
}


@dataclass(frozen=True, slots=True)
class Objective:
    """An outcome, which way it is better, and the statistic over the scenarios that the search compares.

    key : what the study calls it in [objectives], the outcome where it is empty
    """

    outcome: str
    direction: measures.Direction
    statistic: str = "mean"
    key: str = ""

    @property
    def name(self) -> str:
        """Its column: the outcome, with the statistic behind it unless that is the mean."""
        return measures.column(self.outcome, self.statistic)

    @property
    def applied(self) -> str:
        """The statistic that is computed: see `measures.applied`."""
        return measures.applied(self.outcome, self.statistic)

    @property
    def sign(self) -> float:
        """Times a value of the statistic, less is better: -1 or +1."""
        return -1.0 if measures.goal(self.statistic, self.direction) == "maximise" else 1.0


def directions(objectives: Iterable[Objective]) -> dict[str, measures.Direction]:
    """Which way an outcome is better, by the objectives, else by `measures.BETTER`; of two on one the first counts.

    A standard deviation that is to be small says nothing of the outcome.
    """
    found: dict[str, measures.Direction] = {}
    for objective in objectives:
        if objective.statistic != "std":
            found.setdefault(objective.outcome, objective.direction)
    return {**measures.BETTER, **found}


@dataclass(frozen=True, slots=True)
class Constraint:
    """Bounds on a statistic, over the scenarios, of an outcome; None leaves a side open.

    key : what the study calls it in [constraints], the outcome where it is empty
    """

    outcome: str
    statistic: str = "mean"
    low: float | None = None
    high: float | None = None
    key: str = ""

    @property
    def name(self) -> str:
        """The column of the statistic."""
        return measures.column(self.outcome, self.statistic)


@dataclass(frozen=True, slots=True)
class ScenarioPlan:
    """How many scenarios, from which seed, and from where.

    kind : "calibrated" takes members of an ensemble, the others draw from the parameters' own ranges
    file : an ensemble of the user's, None for the built-in one; structure : only members of that label
    fresh : how many others the front meets after the search, None for as many as ``count``
    """

    count: int = 256
    seed: int = 0
    kind: Literal["calibrated", "sobol", "random", "central"] = "calibrated"
    file: str | None = None
    structure: str | None = None
    fresh: int | None = None


@dataclass(frozen=True, slots=True)
class SearchBudget:
    """How much to search, and how.

    screen : policies tried first, in ``screen_scenarios``; screen_generations : generations bred from the best of them
        there; promoted : those that cover the front of all these best, tried in all scenarios
    trials : policies that the engine then tries, ``population`` at a time; patience : generations without gain after
        which it stops, 0 for never
    workers : generations that may be under way at once, one for each process that shares the study; each is made from
        what was known before all of them, whoever computes what
    engine, options, pruner : see `engines`; only options that differ from the defaults are here
    scale : best and worst of each objective, which hypervolume is measured between; of no use unless it has all of them
    """

    screen: int = 2048
    screen_scenarios: int = 16
    screen_generations: int = 32
    promoted: int = 384
    trials: int = 12288
    population: int = 128
    patience: int = 0
    workers: int = 1
    seed: int = 0
    engine: str = engines.DEFAULT
    pruner: str = "none"
    options: Mapping[str, engines.Value] = field(default_factory=dict)
    scale: Mapping[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Study:
    """A validated study.

    origins : for each dotted key where its value was said; held : levers that are not searched, name to value in the
    unit of `levers.LEVERS_TABLE`, over the rules of ``policy``
    """

    name: str
    title: str
    baseline: str
    horizon: Horizon
    policy: Mapping[str, str]
    levers: tuple[Lever, ...]
    objectives: tuple[Objective, ...]
    constraints: tuple[Constraint, ...]
    scenarios: ScenarioPlan
    search: SearchBudget
    parameters: tuple[ParameterInfo, ...]
    origins: Mapping[str, str]
    source: str = "built-in"
    held: Mapping[str, float] = field(default_factory=dict)

    def own_parameters(self) -> frozenset[str]:
        """Parameters that the study itself speaks of, in [constants], [uncertainties] or --set."""
        dotted = (key.split(".") for key in self.origins)
        return frozenset(key[1] for key in dotted if key[0] in ("constants", "uncertainties") and len(key) > 1)


def lever_meaning(name: str) -> str:
    """A lever's meaning with group and tier: "cap on memory bandwidth, group C, licensed tier"."""
    return LEVER_PARTS[name].meaning
