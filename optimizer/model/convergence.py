"""How far a search has come, measured on a frozen scale: hypervolume, epsilon-progress, whether it stands still.

And how far several searches agree: the spread of their hypervolumes, an interval for the median, and what so many of
them attain.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tiercap.optimizer.io.arrays import Floats
from tiercap.optimizer.model import front

#: The reference point of the hypervolume, in objectives scaled to 0 at the best and 1 at the worst.
REFERENCE = 1.1
#: Side of a box of epsilon-progress (Hadka and Reed 2013), on the same scale.
EPSILON = 0.02
#: Relative rise of the hypervolume below which generations count as standing still.
STILL = 1e-3
#: How sure an interval for the median of several searches is to be, where there are enough of them.
CONFIDENCE = 0.9
#: Attainment surfaces are computed of so many objectives at most.
MOST_ATTAINED = 3


def scaled_hypervolume(losses: Floats, ideal: Floats, nadir: Floats) -> float:
    """Hypervolume after scaling ideal to 0 and nadir to 1, reference point 1.1.

    losses : float64[n, k]. 1.1**k is the most where nothing is better than the ideal.
    """
    scaled = front.normalise(losses, ideal, nadir)
    return front.hypervolume(scaled, np.full(scaled.shape[1], REFERENCE))


def additive_epsilon(losses: Floats, reference: Floats, ideal: Floats, nadir: Floats) -> float:
    """The least shift, on the scale, after which ``losses`` are nowhere worse than ``reference``.

    losses : float64[n, k]; reference : float64[m, k]. Infinite without losses. Zitzler et al. 2003.
    """
    import moocore

    if len(losses) == 0 or len(reference) == 0:
        return np.inf if len(reference) else 0.0
    scaled = [front.normalise(x, ideal, nadir) for x in (losses, reference)]
    return float(moocore.epsilon_additive(scaled[0], ref=scaled[1]))


def entered(losses: Floats, before: Floats, ideal: Floats, nadir: Floats) -> int:
    """Epsilon-progress: boxes of side EPSILON on the front's own non-dominated set that held no policy before.

    losses, before : float64[n, k], the front now and one generation ago
    """
    return len(_boxes(losses, ideal, nadir) - _boxes(before, ideal, nadir))


def _boxes(losses: Floats, ideal: Floats, nadir: Floats) -> set[tuple[int, ...]]:
    if len(losses) == 0:
        return set()
    boxes = np.floor(front.normalise(losses, ideal, nadir) / EPSILON)
    return set(map(tuple, boxes[front.nondominated(boxes)].astype(np.int64).tolist()))


def stands_still(volumes: Sequence[float], patience: int) -> bool:
    """Whether the last ``patience`` generations raised the hypervolume by less than STILL of it; never for 0."""
    if patience == 0 or len(volumes) <= patience:
        return False
    return volumes[-1] > 0.0 and volumes[-1] - volumes[-1 - patience] < STILL * volumes[-1]


def measured(now: Floats, before: Floats, ideal: Floats, nadir: Floats) -> dict[str, float]:
    """What a generation has come to, by the names of the convergence table.

    now, before : float64[n, k], losses of the front now and one generation ago; no row dominates another of its own
    """
    known = {row.tobytes() for row in before}  # what stays on the front needs no shift; only newcomers are compared
    new = now[[row.tobytes() not in known for row in now]] if known else now
    return {
        "hypervolume": scaled_hypervolume(now, ideal, nadir) if len(now) else 0.0,
        "epsilon": additive_epsilon(before, new, ideal, nadir),
        "epsilon_progress": entered(now, before, ideal, nadir),
    }


class MedianInterval(NamedTuple):
    """Between which values the median of all searches lies, and how surely."""

    low: float
    high: float
    confidence: float


def median_interval(values: Sequence[float]) -> MedianInterval | None:
    """An interval for the median that is at least CONFIDENCE sure, or the whole range where so few allow no more.

    Its ends are two of the values, as many left out below as above (order statistics: David and Nagaraja 2003, section
    7.1), which holds exactly for any continuous distribution. Student's t would take hypervolumes for normal, while
    they crowd below a maximum; resampling a handful of them gives an interval that is too narrow. None for less than 2.
    """
    ranked, n = sorted(values), len(values)
    if n < 2:
        return None
    outside, beyond = 0, 0.5**n  # so many values left out below, and the chance that the median lies there; above alike
    while outside < (n - 1) // 2:
        more = beyond + math.comb(n, outside + 1) * 0.5**n
        if 1.0 - 2.0 * more < CONFIDENCE:
            break
        outside, beyond = outside + 1, more
    return MedianInterval(ranked[outside], ranked[n - 1 - outside], 1.0 - 2.0 * beyond)


def spread(values: Sequence[float]) -> float:
    """The range as a share of the median; NaN where that is 0."""
    median = float(np.median(values))
    return (max(values) - min(values)) / median if median > 0.0 else math.nan


def attained(fronts: Sequence[Floats], count: int) -> Floats:
    """The attainment surface of at least ``count`` of the fronts, as its corners: float64[m, k].

    fronts : losses, float64[n, k] each, k at most MOST_ATTAINED; one without policies attains nothing. A front attains
    a point where one of its policies is nowhere worse, and the corners are the best points that so many attain (Grunert
    da Fonseca, Fonseca and Hall 2001).
    """
    import moocore

    some = [x for x in fronts if len(x)]
    if count > len(some):
        return np.empty((0, fronts[0].shape[1]))
    if some[0].shape[1] == 1:
        return np.sort([x.min(axis=0) for x in some], axis=0)[count - 1 : count]
    sets = np.repeat(np.arange(len(some)), [len(x) for x in some])
    found = moocore.eaf(np.concatenate(some), sets, percentiles=[100.0 * count / len(some)])
    return np.ascontiguousarray(found[:, :-1])
