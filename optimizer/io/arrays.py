"""Types of arrays that most rooms pass around."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: An array of doubles; which shape and unit it has is said where it stands.
Floats = NDArray[np.float64]
