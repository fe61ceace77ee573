"""Choosing from a front: the few policies worth looking at."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tiercap.optimizer.io.arrays import Floats
from tiercap.optimizer.model import front


class Choice(NamedTuple):
    """A row of the front and why it was chosen."""

    label: str
    row: int


def worth_looking_at(
    losses: Floats, baseline: Floats, objectives: list[str], group: NDArray[np.int64] | None = None
) -> list[Choice]:
    """Knee, the best in each objective, and the nearest improvement on the rule in force.

    losses : float64[n, k] of the front; baseline : float64[k]; group : int64[n], policies of one group cannot be told
    apart (negative: not known), each by itself if None. Of a group one policy stands for all: where two choices fall
    into one group, the second is the policy of the first; the best ones choose first. Where nothing improves on the
    baseline in every objective, the last is the policy that gives up least.
    """
    best = [Choice(f"best {name}", int(row)) for name, row in zip(objectives, front.extremes(losses), strict=True)]
    nearest = front.nearest_improvement(losses, baseline)
    if nearest is not None:
        last = Choice("nearest improvement", nearest)
    else:
        last = Choice("least loss to rule", front.largest_simultaneous_gain(losses, baseline)[0])
    shown: dict[int, int] = {}
    for choice in (asked := [*best, Choice("knee", front.knee(losses)), last]):
        shown.setdefault(_group_of(choice.row, group), choice.row)
    settled = [Choice(choice.label, shown[_group_of(choice.row, group)]) for choice in asked]
    return [settled[len(best)], *settled[: len(best)], settled[-1]]


def _group_of(row: int, group: NDArray[np.int64] | None) -> int:
    """A number for the group of a row; a row of no known group is one by itself."""
    return -1 - row if group is None or group[row] < 0 else int(group[row])
