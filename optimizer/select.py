"""Choosing from a front: the few policies worth looking at, and what each admits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tiercap.kernels.params import ABSOLUTE
from tiercap.optimizer import front
from tiercap.optimizer.catalogue import Chip
from tiercap.optimizer.levers import as_row

Floats = NDArray[np.float64]

#: Policies whose boxes are held against the chips at a time.
_TOGETHER = 1024


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


def admitted(row: object, chips: Sequence[Chip], group: str = "c") -> dict[str, list[str]]:
    """Exporter chips that a policy admits at its start, by tier; chips that lack a figure it needs are left out.

    row : LEVERS[1], caps read as figures; a chip counts in the first tier whose box it passes
    """
    return next(admitted_each(as_row(row), chips, group))


def admitted_each(rows: NDArray[Any], chips: Sequence[Chip], group: str = "c") -> Iterator[dict[str, list[str]]]:
    """`admitted` of each of many policies, LEVERS[n] at their start."""
    sold = [chip for chip in chips if chip.country == "US" and chip.datacentre is not False]
    names = np.array([chip.name for chip in sold], dtype=object)
    for start in range(0, len(rows), _TOGETHER):
        levers = rows[group][start : start + _TOGETHER]
        passes = _passes(levers, sold) & (levers["reading"] == ABSOLUTE)[:, None, None]
        quota = np.minimum.reduce([levers[name] for name in ("quota_share", "quota_chips", "quota_tpp")])
        passes[:, 1] &= ((quota > 0.0) & (levers["revenue_share"] < 1.0))[:, None] & ~passes[:, 0]
        for free, licensed in passes:
            yield {"open": names[free].tolist(), "licensed": names[licensed].tolist()}


def _passes(levers: NDArray[Any], chips: Sequence[Chip]) -> NDArray[np.bool_]:
    """bool[n, tiers, chips]: whether every figure that some box caps is known and below its cap.

    levers : the group's own, [n]
    """
    figures = {name: np.array([float("nan") if v is None else v for v in found], dtype=np.float64)
               for name, found in _figures(chips).items()}  # fmt: skip
    below = np.ones((*levers["tpp"].shape, len(chips)), np.bool_)
    for name, known in figures.items():
        caps = levers[name][..., None]
        below &= (caps > 0.0) & (~np.isfinite(caps) | (known < caps))  # what is not known is below no cap
    launched = np.array([np.nan if c.launched is None or c.us_sale is not True else c.launched[1] for c in chips])
    date = levers["sku_before"][..., None]
    return np.asarray(below.any(axis=2) & (~np.isfinite(date) | (launched <= date)))


def _figures(chips: Sequence[Chip]) -> dict[str, list[float | None]]:
    """What boxes cap, of each chip, in the units of the levers; None where it is not known."""
    memory = [None if chip.memory_gbs is None else chip.memory_gbs / 1000.0 for chip in chips]
    link = [None if chip.io_gbs is None else chip.io_gbs / 1000.0 for chip in chips]
    total = [None if m is None or io is None else m + io for m, io in zip(memory, link, strict=True)]
    own = {"tpp": [chip.tpp for chip in chips], "density": [chip.density for chip in chips]}
    return own | {"memory": memory, "interconnect": link, "bandwidth_sum": total}
