"""How far a search has come: hypervolume on a frozen scale, epsilon-progress, and whether it stands still."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tiercap.optimizer import front

Floats = NDArray[np.float64]

#: The reference point of the hypervolume, in objectives scaled to 0 at the best and 1 at the worst.
REFERENCE = 1.1
#: Side of a box of epsilon-progress (Hadka and Reed 2013), on the same scale.
EPSILON = 0.02
#: Relative rise of the hypervolume below which generations count as standing still.
STILL = 1e-3


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
    boxes = np.unique(np.floor(front.normalise(losses, ideal, nadir) / EPSILON), axis=0)
    return set(map(tuple, boxes[front.nondominated(boxes)].astype(np.int64).tolist()))


def stands_still(volumes: Sequence[float], patience: int) -> bool:
    """Whether the last ``patience`` generations raised the hypervolume by less than STILL of it; never for 0."""
    if patience == 0 or len(volumes) <= patience:
        return False
    return volumes[-1] > 0.0 and volumes[-1] - volumes[-1 - patience] < STILL * volumes[-1]
