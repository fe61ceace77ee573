"""What an outcome hangs on: shares of its variance, shifts of its distribution, marks of its tails, a tornado.

Two questions are kept apart. Which uncertain parameters move an outcome of one policy from future to future
(`of_parameters`), and which levers move a statistic over the futures, such as a mean, a tail or a regret
(`of_levers`)? Every point is evaluated once, for all outputs and all methods.

Sobol indices need inputs that are drawn independently. The parameters' own ranges and the levers' ranges are; members
of a calibrated ensemble are not, for the record ties their parameters together. In those the first-order share is
therefore estimated from the members as they are (see `variance`), where a parameter is credited with what goes along
with it and shares may add up to more than 1, and there is no total index.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tiercap.kernels.params import OUTCOMES
from tiercap.optimizer.analysis import factors, regional
from tiercap.optimizer.analysis.factors import SWING, Input, Output
from tiercap.optimizer.analysis.indices import Indices, Share, check_points, first_order
from tiercap.optimizer.analysis.regional import Tail
from tiercap.optimizer.errors import InputError
from tiercap.optimizer.io.arrays import Floats
from tiercap.optimizer.model.parameters import ParameterInfo, held
from tiercap.optimizer.model.streaming import Points, Wanted
from tiercap.optimizer.rules.space import coordinates
from tiercap.optimizer.runs.named_policy import NamedPolicy
from tiercap.optimizer.study.problem import Problem

#: Called with what is under way, the points done since the last call, and how many there are.
Progress = Callable[[str, int, int], None]
#: Outputs at the low and at the high value of each input, [inputs, outputs], and at the central ones, [outputs].
Swing = tuple[Floats, Floats, Floats]

POINTS, LEVER_POINTS = 4096, 1024
#: Share of the points in each tail.
TAIL = 0.10
#: A share whose whole interval lies below this does not matter.
CUT = 0.01
#: Times that members are drawn again for an interval, and the deviations within which 90 % of a normal one lies.
REDRAWN, WITHIN = 50, 1.6448536269514722
#: Members of an ensemble below which nothing is told.
FEWEST = 64
EVALUATING, REDRAWING, COMPARING = "evaluating", "drawing members again", "comparing distributions"


@dataclass(frozen=True)
class Sample:
    """What was evaluated: from it come distributions and tails.

    x : float64[n, inputs]; y : float64[outputs, n]; futures : in words, what the points were drawn from
    evaluations : of the whole analysis
    """

    x: Floats
    y: Floats
    futures: str
    evaluations: int


@dataclass(frozen=True)
class Sensitivity:
    """What the outputs hang on; arrays are [inputs, outputs] where nothing else is said.

    policy : None where the levers are what varies
    first, total : shares of the variance with 90 % intervals; ``total`` only of inputs that were drawn independently
    shift : PAWN; noise : float64[outputs], what noise scores there. tails : for each output none, one or two
    swing : the tornado
    """

    problem: Problem
    policy: NamedPolicy | None
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    sample: Sample
    first: Share
    total: Share | None
    shift: Floats
    noise: Floats
    tail: float
    tails: tuple[tuple[Tail, ...], ...]
    swing: Swing

    @property
    def constant(self) -> NDArray[np.bool_]:
        """Which outputs are the same at every point: bool[outputs]."""
        return np.asarray(self.sample.y.min(axis=1) == self.sample.y.max(axis=1))

    def order(self, output: int) -> list[int]:
        """The inputs by their share of one output's variance, largest first."""
        share = (self.total or self.first).value[:, output]
        return sorted(range(len(self.inputs)), key=lambda k: (-share[k], self.inputs[k].name))

    def matters(self, output: int) -> NDArray[np.bool_]:
        """Inputs whose share of one output's variance may reach CUT: bool[inputs]."""
        return np.asarray((self.total or self.first).high[:, output] >= CUT)


def of_parameters(
    problem: Problem,
    policy: NamedPolicy,
    outcomes: Sequence[str] = (),
    points: int = POINTS,
    over: Sequence[str] = (),
    tail: float = TAIL,
    progress: Progress | None = None,
) -> Sensitivity:
    """What the outcomes of one policy hang on, from future to future.

    outcomes : the study's objectives if none. over : uncertain parameters to report, all if none; the others vary
    all the same. points : of each of the two samples, a power of two; of a calibrated ensemble the study's scenarios
    are taken as they are. The seed is that of the study's scenarios. Raises InputError.
    """
    outputs = tuple(factors.outcome(name) for name in dict.fromkeys(outcomes or problem.scoring.outcomes))
    _check(tail)
    evaluate = factors.evaluator_of(problem, policy, [OUTCOMES.index(output.outcome) for output in outputs])
    plan, tell = problem.study.scenarios, progress or _silent
    if plan.kind == "central":
        raise InputError("nothing varies in the one central scenario: ask for prior or calibrated futures")
    if plan.kind == "calibrated":
        return _of_members(problem, policy, outputs, evaluate, over, tail, tell)
    check_points(points)
    infos = {info.name: info for info in problem.study.parameters}
    names = factors.chosen([n for n, info in infos.items() if info.distribution is not None], over, problem)
    a, b = factors.parameter_samples(problem.study.parameters, points, plan.seed)
    planned = points * (len(names) + 2)

    def told(table: np.ndarray) -> Floats:
        return factors.told(evaluate, table, lambda done: tell(EVALUATING, done, planned))

    def swapped() -> Iterator[Floats]:
        for name in names:
            mixed = a.copy()
            mixed[name] = b[name]
            yield told(mixed)

    f_a, f_b = told(a), told(b)
    _check_outputs(outputs, f_a)
    first, total = _sobol(f_a, f_b, swapped(), plan.seed)
    inputs = tuple(factors.range_input(infos[name]) for name in names)
    swing = _tornado(inputs, {name: info.value for name, info in infos.items()}, evaluate)
    words = f"two samples of {points:,} points from the parameters' own ranges, drawn independently, seed {plan.seed}"
    sample = Sample(np.stack([held(a, name) for name in names], axis=1), f_a, words, planned + 2 * len(inputs) + 1)
    return _assembled(problem, policy, inputs, outputs, sample, first, total, tail, swing, tell)


def _of_members(
    problem: Problem,
    policy: NamedPolicy,
    outputs: tuple[Output, ...],
    evaluate: factors.Evaluate,
    over: Sequence[str],
    tail: float,
    tell: Progress,
) -> Sensitivity:
    """The same over the members of an ensemble, whose parameters depend on each other."""
    seed = problem.study.scenarios.seed
    table, fitted = factors.member_table(problem)
    n = len(table)
    if n < FEWEST:
        raise InputError(f"the ensemble is worth {n} members, and at least {FEWEST} are needed: raise scenarios.count")
    infos = {info.name: info for info in problem.study.parameters}
    names = factors.chosen([name for name in infos if np.ptp(table[name]) > 0.0], over, problem)
    y = factors.told(evaluate, table, lambda done: tell(EVALUATING, done, n))
    _check_outputs(outputs, y)
    x = np.stack([held(table, name) for name in names], axis=1)
    first = _given(x, y, seed, tell)
    middle = {name: _quantiles(info, table, fitted, 0.5)[0] for name, info in infos.items()}
    ends = {name: _quantiles(infos[name], table, fitted, *SWING) for name in names}
    inputs = tuple(
        Input(name, infos[name].unit, infos[name].meaning, ends[name][0], middle[name], ends[name][1]) for name in names
    )
    swing = _tornado(inputs, middle, evaluate)
    words = f"{n:,} members of {problem.scenarios.source}, whose parameters depend on each other, seed {seed}"
    sample = Sample(x, y, words, n + 2 * len(inputs) + 1)
    return _assembled(problem, policy, inputs, outputs, sample, first, None, tail, swing, tell)


def of_levers(
    problem: Problem,
    measures: Sequence[str] = (),
    points: int = LEVER_POINTS,
    over: Sequence[str] = (),
    tail: float = TAIL,
    progress: Progress | None = None,
) -> Sensitivity:
    """What statistics over the study's futures hang on, from policy to policy.

    measures : OUTCOME for its mean, else OUTCOME_STATISTIC as `measures` has them, a regret from the study's rivals;
    the objectives if none
    over : levers to report, all that the study searches if none; the others vary all the same. Raises InputError.
    """
    outputs = tuple(dict.fromkeys(factors.measure(text, problem) for text in measures or problem.objectives))
    wanted = [Wanted(output.outcome, output.statistic) for output in outputs]
    _check(tail)
    check_points(points)
    space, streaming, seed = problem.space, problem.streaming, problem.study.scenarios.seed
    names = factors.chosen(space.names, over, problem)
    places = [space.names.index(name) for name in names]
    a, b = factors.lever_samples(space, points, seed)
    policies = Points(space, np.concatenate([a, b, *(_mixed(a, b, place) for place in places), _star(space, places)]))
    planned, tell = streaming.planned(len(policies), wanted), progress or _silent
    y = streaming.statistics(policies, wanted, progress=lambda done: tell(EVALUATING, done, planned)).T
    _check_outputs(outputs, y)
    f_a, f_b, *parts = (y[:, k * points : (k + 1) * points] for k in range(len(places) + 2))
    first, total = _sobol(f_a, f_b, parts, seed)
    star = y[:, (len(places) + 2) * points :]
    words = (
        f"two samples of {points:,} policies from the levers' ranges, drawn independently, each in "
        f"{len(streaming.futures):,} futures, seed {seed}"
    )
    inputs = tuple(factors.lever_input(space, place) for place in places)
    swing = star[:, 1::2].T, star[:, 2::2].T, star[:, 0]
    return _assembled(
        problem, None, inputs, outputs, Sample(a[:, places], f_a, words, planned), first, total, tail, swing, tell
    )


def _assembled(
    problem: Problem,
    policy: NamedPolicy | None,
    inputs: tuple[Input, ...],
    outputs: tuple[Output, ...],
    sample: Sample,
    first: Share,
    total: Share | None,
    tail: float,
    swing: Swing,
    tell: Progress,
) -> Sensitivity:
    """Everything, with what the sample says of distributions and tails."""
    scored = []
    for values in sample.y:
        scored.append(regional.pawn(sample.x, values, problem.study.scenarios.seed))
        tell(COMPARING, 1, len(outputs))
    shift, noise = np.stack([score for score, _ in scored], axis=1), np.array([floor for _, floor in scored])
    ends = tuple(tuple(regional.tails(sample.x, values, tail)) for values in sample.y)
    return Sensitivity(problem, policy, inputs, outputs, sample, first, total, shift, noise, tail, ends, swing)


def _sobol(f_a: Floats, f_b: Floats, swapped: Iterable[Floats], seed: int) -> tuple[Share, Share]:
    """First-order and total shares, [inputs, outputs] each."""
    shares_of = Indices(f_a, f_b, seed)
    pairs = [shares_of.of(f_ab) for f_ab in swapped]
    first, total = (
        Share(*(np.stack(part) for part in zip(*shares, strict=True))) for shares in zip(*pairs, strict=True)
    )
    return first, total


def _given(x: Floats, y: Floats, seed: int, tell: Progress) -> Share:
    """First-order shares from given draws, with normal intervals from drawing them again.

    Repeated draws widen the differences between bins, so resamplings tell the spread and not the place.
    """
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, 7])))
    value, again = _first_orders(x, y), []
    for _ in range(REDRAWN):
        some = rng.integers(0, len(x), len(x))
        again.append(_first_orders(x[some], y[:, some]))
        tell(REDRAWING, 1, REDRAWN)
    half = WITHIN * np.std(again, axis=0, ddof=1)
    return Share(value, np.maximum(value - half, 0.0), value + half)


def _first_orders(x: Floats, y: Floats) -> Floats:
    return np.array([[first_order(column, values) for values in y] for column in x.T])


def _quantiles(info: ParameterInfo, table: np.ndarray, fitted: frozenset[str], *shares: float) -> list[float]:
    """Quantiles of a parameter over the members, or of its own range where the ensemble leaves it open."""
    if info.distribution is None or info.name in fitted:
        found: list[float] = np.quantile(held(table, info.name), shares, method="hazen").tolist()
        return found
    own: list[float] = info.distribution.quantile(np.array(shares)).tolist()
    return own


def _tornado(inputs: tuple[Input, ...], central: dict[str, float], evaluate: factors.Evaluate) -> Swing:
    return factors.tornado({one.name: (one.low, one.high) for one in inputs}, central, evaluate)


def _mixed(a: Floats, b: Floats, place: int) -> Floats:
    """Sample A with one column from B."""
    mixed = a.copy()
    mixed[:, place] = b[:, place]
    return mixed


def _star(space: factors.LeverSpace, places: Sequence[int]) -> Floats:
    """The middle of the levers' ranges, then each lever in turn at its low and at its high value."""
    shares = np.full((2 * len(places) + 1, len(space.names)), 0.5)
    for k, place in enumerate(places):
        shares[2 * k + 1, place], shares[2 * k + 2, place] = SWING
    return coordinates(shares, space.levers)


def _check(tail: float) -> None:
    if not 0.0 < tail <= 0.5:
        raise InputError(f"a tail is a share above 0 and at most 50 %, not {tail:g}")
    regional.check_salib()


def _check_outputs(outputs: tuple[Output, ...], y: Floats) -> None:
    """Refuse what is undefined somewhere, and outputs of which none moves: y float64[outputs, n]."""
    for output, values in zip(outputs, y, strict=True):
        undefined = int((~np.isfinite(values)).sum())
        if undefined:
            raise InputError(f"{output.name} is undefined at {undefined:,} of {len(values):,} points: leave it out")
    if (y.min(axis=1) == y.max(axis=1)).all():
        named = " and ".join(output.name for output in outputs)
        raise InputError(f"nothing moves {named} here, so there is nothing to explain: ask for another outcome")


def _silent(_what: str, _done: int, _of: int) -> None:
    """Progress that nobody watches."""
