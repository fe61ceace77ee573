"""In which futures a policy fails: scenario discovery over an ensemble.

The policy is evaluated in every future; those in which it fails are the cases of interest of PRIM and of CART. Of
Every box of PRIM's trajectory is relieved of limits that may well do nothing (quasi-p above LEVEL), the least certain
first. Of those that then restrict few inputs the one is proposed whose coverage (share of all failures that lie inside)
and density (share of the futures inside that fail) have the largest harmonic mean.

Members of a calibrated ensemble may have weights, which count throughout, and their parameters depend on each other: a
limit on one may stand for another that goes along with it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tiercap.kernels.params import OUTCOMES
from tiercap.optimizer import cart, explained, failing, prim
from tiercap.optimizer.errors import InputError
from tiercap.optimizer.failing import Condition
from tiercap.optimizer.one_policy import OnePolicy
from tiercap.optimizer.parameters import ParameterInfo
from tiercap.optimizer.prim import Box, Cases
from tiercap.optimizer.problem import Problem

Floats = NDArray[np.float64]
Method = Literal["prim", "cart", "both"]
Progress = Callable[[str, int, int], None]

#: Inputs that a box may restrict, and splits on the way to a leaf.
DIMENSIONS = 4
#: Quasi-p above which a limit is lifted.
LEVEL = 0.05
#: Futures, and futures on either side, below which nothing is told.
FEWEST, FEWEST_EACH = 64, 10
EVALUATING, CHOOSING = "evaluating", "choosing a box"


@dataclass(frozen=True)
class Discovery:
    """What was found.

    inputs : the parameters that vary, in the order of ``cases.x``; outcomes : of the conditions, name to float64[n]
    cases : every future, with whether the policy fails there and its weight
    paths : PRIM's trajectory for every box; places : where on it the proposed box stands; boxes : those boxes, relieved
    of limits that may do nothing, with coverage and mass as shares of all futures. Empty where PRIM was not asked for.
    leaves : CART's leaves, largest coverage first; empty where it was not asked for
    dimensions : parameters that a box might restrict
    """

    problem: Problem
    policy: OnePolicy
    conditions: tuple[Condition, ...]
    reasons: tuple[str, ...]
    inputs: tuple[ParameterInfo, ...]
    outcomes: dict[str, Floats]
    cases: Cases
    paths: tuple[tuple[Box, ...], ...]
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
    policy: OnePolicy,
    fails: Sequence[str],
    method: Method = "both",
    over: Sequence[str] = (),
    boxes: int = 1,
    dimensions: int = DIMENSIONS,
    progress: Progress | None = None,
) -> Discovery:
    """In which of the problem's futures the policy fails.

    fails : conditions as `failing` reads them; a policy fails where any of them holds. over : parameters that boxes may
    restrict, all that vary if none. boxes : how many PRIM looks for, each in what the ones before left. dimensions :
    parameters that a box restricts at most. Raises InputError where no future fails, where all do, or where there are
    too few to tell.
    """
    if not fails:
        raise InputError('say when the policy fails: --fails "revenue < 30 GUSD", or revenue worst 10 %')
    if boxes < 1 or dimensions < 1:
        raise InputError(f"there is at least one box of at least one parameter, not {boxes} of {dimensions}")
    tell = progress or (lambda what, done, of: None)
    conditions = tuple(failing.parse(text, problem) for text in fails)
    if method != "prim":
        cart.check_scikit_learn()
    futures = problem.scenarios
    if len(futures) < FEWEST:
        raise InputError(f"too few futures to tell where a policy fails: {len(futures)}, and at least {FEWEST} are needed")
    infos = {info.name: info for info in problem.study.parameters}
    names = explained.chosen([n for n in infos if np.ptp(futures.table[n]) > 0.0], over, problem)
    outcomes, interest, reasons = _failures(problem, policy, conditions, tell)
    x = np.stack([futures.table[name] for name in names], axis=1)
    cases = Cases(x, interest, futures.weights)
    _check(cases, policy, reasons)
    found = _boxes(cases, boxes, dimensions, tell) if method != "cart" else []
    leaves = cart.leaves(cases, dimensions, seed=problem.study.scenarios.seed) if method != "prim" else []
    return Discovery(
        problem, policy, conditions, reasons, tuple(infos[name] for name in names), outcomes, cases,
        tuple(tuple(path) for path, *_ in found), tuple(place for _, place, _ in found), tuple(b for *_, b in found),
        tuple(sorted(leaves, key=lambda leaf: (-leaf.coverage, -leaf.density))), dimensions,
    )  # fmt: skip


def _failures(
    problem: Problem, policy: OnePolicy, conditions: tuple[Condition, ...], tell: Progress
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


def _check(cases: Cases, policy: OnePolicy, reasons: tuple[str, ...]) -> None:
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


def _boxes(cases: Cases, boxes: int, dimensions: int, tell: Progress) -> list[tuple[list[Box], int, Box]]:
    """Trajectory, place and box, one after the other, each in what those before left."""
    found: list[tuple[list[Box], int, Box]] = []
    rows = np.ones(len(cases.interest), dtype=np.bool_)
    for number in range(boxes):
        part = Cases(cases.x[rows], cases.interest[rows], cases.mass[rows])
        if min(part.interest.sum(), (~part.interest).sum()) < FEWEST_EACH:
            break
        path = prim.trajectory(part)
        place, box = proposed(part, path, dimensions)
        tell(CHOOSING, 1, boxes)
        if not box.restricted.any():
            break
        hits, mass = part.mass[part.interest].sum(), part.mass.sum()
        whole = replace(
            box,
            coverage=box.coverage * float(hits / cases.mass[cases.interest].sum()),
            mass=box.mass * float(mass / cases.mass.sum()),
        )
        found.append((path, place, box if number == 0 else whole))
        rows &= ~cases.inside(*_opened(box))
    return found


def _opened(box: Box) -> tuple[Floats, Floats]:
    """Limits of a box without those that leave nothing out."""
    low = np.where(box.restricted[:, 0], box.low, -np.inf)
    return low, np.where(box.restricted[:, 1], box.high, np.inf)


def proposed(cases: Cases, path: Sequence[Box], dimensions: int) -> tuple[int, Box]:
    """The place on a trajectory of the box to propose, and that box relieved: see the module.

    The box that holds everything, where no other has a limit that does something.
    """
    best, place, found = 0.0, 0, path[0]
    for k, box in enumerate(path):
        spare = relieved(cases, box)
        if 1 <= spare.dimensions <= dimensions and spare.coverage > 0.0:
            worth = 2.0 * spare.coverage * spare.density / (spare.coverage + spare.density)
            if worth > best:
                best, place, found = worth, k, spare
    return place, found


def relieved(cases: Cases, box: Box) -> Box:
    """The box without limits whose quasi-p lies above LEVEL, lifted one at a time, the least certain first."""
    ends = cases.ends
    while box.restricted.any():
        chances = np.where(box.restricted, box.quasi_p, -np.inf)
        k, side = (int(place) for place in np.unravel_index(int(np.argmax(chances)), chances.shape))
        if chances[k, side] <= LEVEL:
            break
        limits = [box.low.copy(), box.high.copy()]
        limits[side][k] = ends[side][k]
        box = prim.boxed(cases, *limits)
    return box


def words(box: Box, inputs: Sequence[ParameterInfo], digits: int = 3) -> str:
    """The limits of a box with their units: "budget_c is below 47.3 GUSD/year and slack between 0.01 and 0.02"."""
    parts = []
    for k in np.flatnonzero(box.restricted.any(axis=1)):
        info, (low, high) = inputs[int(k)], box.restricted[k]
        unit = "" if info.unit == "1" else f" {info.unit}"
        lower, upper = f"{box.low[k]:.{digits}g}", f"{box.high[k]:.{digits}g}"
        side = f"between {lower} and {upper}" if low and high else f"above {lower}" if low else f"below {upper}"
        parts.append(f"{info.name} is {side}{unit}")
    return " and ".join(parts) or "anywhere"
