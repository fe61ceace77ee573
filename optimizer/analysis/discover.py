"""In which futures a policy fails: scenario discovery over an ensemble.

The policy is evaluated in every future; those in which it fails are the cases of interest of PRIM and of CART. Of
PRIM among many inputs peels a little of everything. It is therefore run again among few, every set of as many inputs as
a box may restrict out of the CANDIDATES that the first run was surest of: constrained PRIM (J. Kwakkel 2019,
doi:10.1002/ffo2.8). Every box on any of these trajectories is relieved of limits that may well do nothing (quasi-p
above LEVEL), the least certain first, and of more until few inputs are restricted. Of what remains that box is proposed
whose coverage (share of all failures that lie inside) and density (share of the futures inside that fail) have the
largest harmonic mean.

Members of a calibrated ensemble may have weights, which count throughout, and their parameters depend on each other: a
limit on one may stand for another that goes along with it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tiercap.kernels.params import OUTCOMES
from tiercap.optimizer.analysis import cart, factors, prim
from tiercap.optimizer.analysis.conditions import Condition, parse
from tiercap.optimizer.analysis.prim import Box, Cases
from tiercap.optimizer.errors import InputError
from tiercap.optimizer.io.arrays import Floats
from tiercap.optimizer.model.parameters import ParameterInfo, held
from tiercap.optimizer.runs.named_policy import NamedPolicy
from tiercap.optimizer.study.problem import Problem

Method = Literal["prim", "cart", "both"]
Progress = Callable[[str, int, int], None]

#: Inputs that a box may restrict, and splits on the way to a leaf.
DIMENSIONS = 4
#: Inputs that the search among few goes on with.
CANDIDATES = 6
#: Quasi-p above which a limit is lifted.
LEVEL = 0.05
#: Futures, and futures on either side, below which nothing is told.
FEWEST, FEWEST_EACH = 64, 10
EVALUATING, PEELING = "evaluating", "peeling"


@dataclass(frozen=True)
class Discovery:
    """What was found.

    inputs : the parameters that vary, in the order of ``cases.x``; outcomes : of the conditions, name to float64[n]
    cases : every future, with whether the policy fails there and its weight
    paths : PRIM's trajectory among all inputs, for every box; narrow, places : the trajectory on which the proposed box
    stands, and where; boxes : those, relieved of limits that may do nothing, with coverage and mass as shares of all
    futures. Empty where PRIM was not asked for.
    leaves : CART's leaves, largest coverage first; empty where it was not asked for
    dimensions : parameters that a box might restrict
    """

    problem: Problem
    policy: NamedPolicy
    conditions: tuple[Condition, ...]
    reasons: tuple[str, ...]
    inputs: tuple[ParameterInfo, ...]
    outcomes: dict[str, Floats]
    cases: Cases
    paths: tuple[tuple[Box, ...], ...]
    narrow: tuple[tuple[Box, ...], ...]
    places: tuple[int, ...]
    boxes: tuple[Box, ...]
    leaves: tuple[Box, ...]
    dimensions: int

    @property
    def failing(self) -> float:
        """Share of the futures in which the policy fails, by weight."""
        mass = self.cases.mass
        return float(mass[self.cases.interest].sum() / mass.sum())


def discover(
    problem: Problem,
    policy: NamedPolicy,
    fails: Sequence[str],
    method: Method = "both",
    over: Sequence[str] = (),
    boxes: int = 1,
    dimensions: int = DIMENSIONS,
    progress: Progress | None = None,
) -> Discovery:
    """In which of the problem's futures the policy fails.

    fails : conditions as `conditions.parse` reads them; a policy fails where any of them holds. over : parameters that
    boxes may restrict, all that vary if none. boxes : how many PRIM looks for, each in what the ones before left.
    dimensions : parameters that a box restricts at most. Raises InputError where no future fails, where all do, or
    where there are too few to tell.
    """
    if not fails:
        raise InputError('say when the policy fails: --fails "revenue < 30 GUSD", or revenue worst 10 %')
    if boxes < 1 or dimensions < 1:
        raise InputError(f"there is at least one box of at least one parameter, not {boxes} of {dimensions}")
    tell = progress or (lambda what, done, of: None)
    conditions = tuple(parse(text, problem) for text in fails)
    if method != "prim":
        cart.check_scikit_learn()
    futures = problem.scenarios
    if len(futures) < FEWEST:
        raise InputError(f"too few futures to tell where a policy fails: {len(futures)}; at least {FEWEST} are needed")
    infos = {info.name: info for info in problem.study.parameters}
    names = factors.chosen([n for n in infos if np.ptp(futures.table[n]) > 0.0], over, problem)
    outcomes, interest, reasons = _failures(problem, policy, conditions, tell)
    x = np.stack([held(futures.table, name) for name in names], axis=1)
    cases = Cases(x, interest, futures.weights)
    _check(cases, policy, reasons)
    found = _boxes(cases, boxes, dimensions, tell) if method != "cart" else []
    leaves = cart.leaves(cases, dimensions, seed=problem.study.scenarios.seed) if method != "prim" else []
    return Discovery(
        problem, policy, conditions, reasons, tuple(infos[name] for name in names), outcomes, cases,
        tuple(one.path for one in found), tuple(one.narrow for one in found), tuple(one.place for one in found),
        tuple(one.box for one in found), tuple(sorted(leaves, key=lambda leaf: (-leaf.coverage, -leaf.density))),
        dimensions,
    )  # fmt: skip


def _failures(
    problem: Problem, policy: NamedPolicy, conditions: tuple[Condition, ...], tell: Progress
) -> tuple[dict[str, Floats], NDArray[np.bool_], tuple[str, ...]]:
    """The outcomes that decide, in which futures the policy fails, and why in words."""
    others = [condition.other for condition in conditions if condition.other is not None]
    each = {}
    for one in dict.fromkeys([id(policy), *map(id, others)]):
        who = next(p for p in (policy, *others) if id(p) == one)
        each[one] = problem.evaluator.outcomes(who.levers, who.phase)[0]
        tell(EVALUATING, 1, 1 + len(others))
    weights, mine = problem.scenarios.weights, each[id(policy)]
    outcomes, interest, reasons = {}, np.zeros(len(weights), dtype=np.bool_), []
    for condition in conditions:
        row = OUTCOMES.index(condition.outcome)
        values = outcomes[condition.outcome] = mine[row]
        theirs = each[id(condition.other)][row] if condition.other is not None else None
        undefined = int(np.isnan(values if theirs is None else values - theirs).sum())
        if undefined:
            raise InputError(f"{condition.outcome} is undefined in {undefined:,} of {len(values):,} futures")
        interest |= condition.failing(values, weights, theirs)
        reasons.append(condition.words(values, weights))
    return outcomes, interest, tuple(reasons)


def _check(cases: Cases, policy: NamedPolicy, reasons: tuple[str, ...]) -> None:
    n, failed = len(cases.interest), int((cases.interest & (cases.mass > 0.0)).sum())
    why = " or ".join(reasons)
    if failed == 0:
        raise InputError(f"{policy.name} fails in none of {n:,} futures ({why}): ask for a harder bound")
    if failed == int((cases.mass > 0.0).sum()):
        raise InputError(f"{policy.name} fails in all of {n:,} futures ({why}): ask for an easier bound")
    if min(failed, n - failed) < FEWEST_EACH:
        fewer = "fails" if failed < n - failed else "does not fail"
        raise InputError(
            f"{policy.name} {fewer} in {min(failed, n - failed)} of {n:,} futures ({why}), and at least {FEWEST_EACH} "
            "are needed: ask for another bound or more futures"
        )


class Found(NamedTuple):
    """PRIM's trajectory among all inputs, that on which the proposed box stands, its place there, and the box."""

    path: tuple[Box, ...]
    narrow: tuple[Box, ...]
    place: int
    box: Box


def _boxes(cases: Cases, boxes: int, dimensions: int, tell: Progress) -> list[Found]:
    """One box after the other, each in what those before left, until there is none."""
    found: list[Found] = []
    rows = np.ones(len(cases.interest), dtype=np.bool_)
    for number in range(boxes):
        part = Cases(cases.x[rows], cases.interest[rows], cases.mass[rows])
        if min(part.interest.sum(), (~part.interest).sum()) < FEWEST_EACH:
            break
        path, narrow, place, box = _box(part, dimensions, tell)
        if not box.restricted.any():
            if not found:
                found.append(Found(path, narrow, place, box))
            break
        hits = float(part.mass[part.interest].sum() / cases.mass[cases.interest].sum())
        share = float(part.mass.sum() / cases.mass.sum())
        whole = replace(box, coverage=box.coverage * hits, mass=box.mass * share) if number else box
        found.append(Found(path, narrow, place, whole))
        rows &= ~cases.inside(*_opened(box))
    return found


def _box(cases: Cases, dimensions: int, tell: Progress) -> Found:
    """The proposed box, from trajectories among all inputs and among few."""
    path = tuple(prim.trajectory(cases))
    sets = few(path, dimensions)
    best, place, box = path, *proposed(cases, path, dimensions)
    tell(PEELING, 1, 1 + len(sets))
    for inputs in sets:
        narrow = among(cases, inputs)
        k, other = proposed(cases, narrow, dimensions)
        if worth(other) > worth(box):
            best, place, box = narrow, k, other
        tell(PEELING, 1, 1 + len(sets))
    return Found(path, best, place, box)


def few(path: Sequence[Box], dimensions: int) -> list[tuple[int, ...]]:
    """Sets of inputs to look among: of those that a trajectory restricts most surely, as many as a box may restrict."""
    chance = np.min([np.nan_to_num(box.quasi_p, nan=2.0).min(axis=1) for box in path], axis=0)
    order = [int(k) for k in np.argsort(chance, kind="stable")[:CANDIDATES] if chance[k] <= 1.0]
    return list(combinations(order, min(dimensions, len(order)))) if order else []


def among(cases: Cases, inputs: Sequence[int]) -> tuple[Box, ...]:
    """PRIM's trajectory where it sees some of the inputs alone; its boxes in all of them."""
    chosen = list(inputs)
    low, high = cases.ends
    found = []
    for box in prim.trajectory(Cases(cases.x[:, chosen], cases.interest, cases.weights)):
        limits = low.copy(), high.copy()
        restricted, chances = np.zeros((len(low), 2), dtype=np.bool_), np.full((len(low), 2), np.nan)
        limits[0][chosen], limits[1][chosen], restricted[chosen] = box.low, box.high, box.restricted
        chances[chosen] = box.quasi_p
        found.append(replace(box, low=limits[0], high=limits[1], restricted=restricted, quasi_p=chances))
    return tuple(found)


def _opened(box: Box) -> tuple[Floats, Floats]:
    """Limits of a box without those that leave nothing out."""
    low = np.where(box.restricted[:, 0], box.low, -np.inf)
    return low, np.where(box.restricted[:, 1], box.high, np.inf)


def worth(box: Box) -> float:
    """The harmonic mean of coverage and density; 0 of a box that restricts nothing."""
    both = box.coverage + box.density
    return 2.0 * box.coverage * box.density / both if box.restricted.any() and both > 0.0 else 0.0


def proposed(cases: Cases, path: Sequence[Box], dimensions: int) -> tuple[int, Box]:
    """The place on a trajectory of the box to propose, and that box relieved: see the module.

    The box that holds everything, where no other has a limit that does something.
    """
    spare = [relieved(cases, box, dimensions) for box in path]
    place = max(range(len(path)), key=lambda k: (worth(spare[k]), -k))
    return place, spare[place]


def relieved(cases: Cases, box: Box, dimensions: int) -> Box:
    """The box without the limits that may do nothing, and of at most so many inputs: the least certain lifted first."""
    ends = cases.ends
    while box.restricted.any():
        chances = np.where(box.restricted, box.quasi_p, -np.inf)
        k, side = (int(place) for place in np.unravel_index(int(np.argmax(chances)), chances.shape))
        if chances[k, side] <= LEVEL and box.dimensions <= dimensions:
            break
        limits = [box.low.copy(), box.high.copy()]
        limits[side][k] = ends[side][k]
        box = prim.boxed(cases, *limits)
    return box


def words(box: Box, inputs: Sequence[ParameterInfo], digits: int = 3) -> str:
    """The limits of a box with their units: "budget_c is at most 47.3 GUSD/year and slack between 0.01 and 0.02"."""
    parts = []
    for k in np.flatnonzero(box.restricted.any(axis=1)):
        info, (low, high) = inputs[int(k)], box.restricted[k]
        unit = "" if info.unit == "1" else f" {info.unit}"
        lower, upper = f"{box.low[k]:.{digits}g}", f"{box.high[k]:.{digits}g}"
        side = f"between {lower} and {upper}" if low and high else f"at least {lower}" if low else f"at most {upper}"
        parts.append(f"{info.name} is {side}{unit}")
    return " and ".join(parts) or "anywhere"
