"""Choosing from a front: the few policies worth looking at, and how firmly the first of them stands."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tiercap.optimizer.io.arrays import Floats
from tiercap.optimizer.model import front

Groups = NDArray[np.int64]

#: Resamplings of the futures in which the choice is made again.
AGAIN = 100


class Choice(NamedTuple):
    """A row of the front and why it was chosen."""

    label: str
    row: int


class Stability(NamedTuple):
    """How often a choice falls on the same policy, or one as good, when the futures are drawn again.

    same : share of the resamplings that choose a policy of the same group, which cannot be told from it; near : that
    choose one of the group or within `front.NEAR` of the front's range of it in every objective; resamplings : how many
    """

    same: float
    near: float
    resamplings: int

    def words(self) -> str:
        """In a sentence."""
        return (
            f"of {self.resamplings} resamplings of the futures {100.0 * self.near:.0f} % choose it, one that cannot be "
            f"told from it or one within {100.0 * front.NEAR:g} % of the front's range"
        )

    def json(self) -> dict[str, Any]:
        """As JSON has it."""
        return self._asdict()


def stability(
    losses: Floats, drawn: Floats, row: int, weights: Floats | None = None, group: Groups | None = None
) -> Stability:
    """How firmly the compromise ``row`` stands.

    losses : float64[n, k] of the front; drawn : float64[m, n, k], the same in resamplings of the futures, of which the
    first `AGAIN` are asked; weights : float64[k] of the compromise, equal ones if None
    group : as in `worth_looking_at`
    """
    equal = np.ones(losses.shape[1]) if weights is None else weights
    finite = drawn[:AGAIN][np.isfinite(drawn[:AGAIN]).all(axis=(1, 2))]
    if len(finite) == 0:
        return Stability(float("nan"), float("nan"), 0)
    again = front.compromises(finite, equal)
    mine = np.array([_group_of(int(other), group) for other in again]) == _group_of(row, group)
    near = front.near(losses, row)[again]
    return Stability(float(mine.mean()), float((mine | near).mean()), len(again))


def worth_looking_at(
    losses: Floats,
    baseline: Floats,
    objectives: list[str],
    distance: Floats,
    group: Groups | None = None,
    sure: NDArray[np.bool_] | None = None,
) -> list[Choice]:
    """The compromise, the best in each objective, and the nearest improvement on the rule in force.

    losses : float64[n, k] of the front; baseline : float64[k]; distance : float64[n], from the rule in the levers
    group : int64[n], policies of one group cannot be told apart (negative: not known), each by itself if None
    sure : bool[n], which surely improve on the rule

    Of a group one policy stands for all: where two choices fall into one group, the
    second is the policy of the first; the best ones choose first. The nearest improvement stands for nobody: of its
    group it is the one that is near. Where nothing improves on the baseline in every objective, the last is the policy
    that gives up least.
    """
    best = [Choice(f"best {name}", int(row)) for name, row in zip(objectives, front.extremes(losses), strict=True)]
    nearest = front.nearest_improvement(losses, baseline, distance, sure)
    shown: dict[int, int] = {}
    compromise = Choice("compromise", front.compromise(losses, np.ones(len(objectives))))
    asked = [*best, compromise]
    if nearest is None:
        asked.append(Choice("least loss to rule", front.largest_simultaneous_gain(losses, baseline)[0]))
    for choice in asked:
        shown.setdefault(_group_of(choice.row, group), choice.row)
    settled = [Choice(choice.label, shown[_group_of(choice.row, group)]) for choice in asked]
    k = len(best)
    last = settled[k + 1] if nearest is None else Choice("nearest improvement", nearest)
    return [settled[k], *settled[:k], last]


def _group_of(row: int, group: Groups | None) -> int:
    """A number for the group of a row; a row of no known group is one by itself."""
    return -1 - row if group is None or group[row] < 0 else int(group[row])
