"""Choosing from a front: the few policies worth looking at, and what each admits."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tiercap.kernels.params import ABSOLUTE, MAX_BOXES
from tiercap.optimizer import front
from tiercap.optimizer.catalogue import Chip
from tiercap.optimizer.levers import as_row

Floats = NDArray[np.float64]


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


def admitted(row: object, chips: tuple[Chip, ...], group: str = "c") -> dict[str, list[str]]:
    """Exporter chips that a policy admits at its start, by tier; chips that lack a figure it needs are left out.

    row : LEVERS[1], caps read as figures; a chip counts in the first tier whose box it passes
    """
    levers = as_row(row)[group][0]
    found: dict[str, list[str]] = {"open": [], "licensed": []}
    if levers["reading"] != ABSOLUTE:
        return found
    for chip in chips:
        if chip.country != "US" or chip.datacentre is False:
            continue
        for tier, name in enumerate(found):
            if tier == 1 and (_quota(levers) <= 0.0 or levers["revenue_share"] >= 1.0):
                continue
            if any(_passes(chip, levers, tier, box) for box in range(MAX_BOXES)):
                found[name].append(chip.name)
                break
    return found


def _quota(levers: Any) -> float:
    return float(min(levers["quota_share"], levers["quota_chips"], levers["quota_tpp"]))


def _passes(chip: Chip, levers: Any, tier: int, box: int) -> bool:
    """Whether every figure that the box caps is known and below its cap."""
    memory = None if chip.memory_gbs is None else chip.memory_gbs / 1000.0
    link = None if chip.io_gbs is None else chip.io_gbs / 1000.0
    total = None if memory is None or link is None else memory + link
    figures = {"tpp": chip.tpp, "memory": memory, "interconnect": link, "density": chip.density, "bandwidth_sum": total}
    for figure, value in figures.items():
        cap = float(levers[figure][tier, box])
        if cap <= 0.0 or (np.isfinite(cap) and (value is None or value >= cap)):
            return False
    date = float(levers["sku_before"][tier])
    launched = chip.launched
    return not np.isfinite(date) or (launched is not None and launched[1] <= date and chip.us_sale is True)
