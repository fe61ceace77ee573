"""Which of the exporter's chips a policy admits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tiercap.kernels.params import ABSOLUTE
from tiercap.optimizer.io.units import inside
from tiercap.optimizer.rules.chips import Chip
from tiercap.optimizer.rules.clauses import passes
from tiercap.optimizer.rules.encode import LIMB_CAPS
from tiercap.optimizer.rules.levers import CAPS, as_row

#: Policies whose boxes are held against the chips at a time.
_TOGETHER = 1024


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
        through = _passes(levers, sold) & (levers["reading"] == ABSOLUTE)[:, None, None]
        quota = np.minimum.reduce([levers[name] for name in ("quota_share", "quota_chips", "quota_tpp")])
        through[:, 1] &= ((quota > 0.0) & (levers["revenue_share"] < 1.0))[:, None] & ~through[:, 0]
        for free, licensed in through:
            yield {"open": names[free].tolist(), "licensed": names[licensed].tolist()}


def _passes(levers: NDArray[Any], chips: Sequence[Chip]) -> NDArray[np.bool_]:
    """bool[n, tiers, chips]: whether every figure that some box caps is known and below its cap.

    levers : the group's own, [n]
    """
    below = passes(_figures(chips), {name: levers[name][..., None] for name in CAPS})
    launched = np.array([np.nan if c.launched is None or c.us_sale is not True else c.launched[1] for c in chips])
    date = levers["sku_before"][..., None]
    return np.asarray(below.any(axis=2) & (~np.isfinite(date) | (launched <= date)))


def _figures(chips: Sequence[Chip]) -> dict[str, NDArray[np.float64]]:
    """What boxes cap, of each chip, in the units of the rows: float64[chips], NaN where it is not known."""
    known = {name: [chip.figure(LIMB_CAPS[name]) for chip in chips] for name in CAPS}
    return {name: inside(np.array(figures, dtype=np.float64), CAPS[name].unit) for name, figures in known.items()}
