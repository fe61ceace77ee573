"""How likely the record is, given what the model says: one term a row.

A row is compared on the scale on which errors are alike: the logarithm of a positive quantity, the log-odds of a share,
or the quantity itself. Its error has two parts. The *observation's* comes from its published range, taken for 5 to 95
per cent. The *model's* is a discrepancy in logarithms (and log-odds, where the same number is a relative error of the
ratio of two spendings), one for what markets did and one for what chips perform. It is not set by hand: it is fitted
with the parameters, under a prior from 5 per cent, finer than most of the record's own ranges, to 50 per cent, a factor
of 1.65 either way, beyond which fitting would not be worth the name.

The errors follow Student's t with 4 degrees of freedom, not a normal: a row that something outside the model has moved
(a raid, a rumour, a change of definition) is then left standing alone instead of dragging every parameter with it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tiercap.optimizer.calibration.record import RecordRow
from tiercap.optimizer.calibration.scales import Scale, scaled, sigma, unscaled
from tiercap.optimizer.io.arrays import Floats

#: Degrees of freedom of the errors.
FREEDOM = 4.0
#: The prior of the discrepancy, log-uniform between these.
DISCREPANCY = (0.05, 0.5)


@dataclass(frozen=True, slots=True)
class Observation:
    """A row as the likelihood needs it.

    sigma : standard deviation of the observation on ``scale``; unit : what a discrepancy of 1 is on that scale, 1 for
    logarithms and log-odds, the size of the quantity where it is compared as it is; kind : whose discrepancy it has
    """

    name: str
    value: float
    sigma: float
    scale: Scale
    unit: float = 1.0
    kind: str = "market"


def observation(name: str, value: float, low: float, high: float, scale: Scale, kind: str = "market") -> Observation:
    """An observation from a published value and range, low < high."""
    unit = 1.0 if scale != "linear" else max(abs(value), abs(low), abs(high))
    return Observation(name, value, sigma(low, high, scale, value), scale, unit, kind)


def of_row(row: RecordRow) -> Observation:
    """A row of the record: a share in log-odds, what has a lognormal error in logarithms, the rest as it is."""
    kind = "performance" if row.formula is not None and row.formula.chips else "market"
    scale: Scale = "logit" if row.definition == "share" else row.scale
    return observation(row.moment, row.value, row.low, row.high, scale, kind)


class Likelihood:
    """Terms of the log likelihood of some observations."""

    def __init__(self, observations: tuple[Observation, ...]) -> None:
        self.observations = observations
        self.values = np.array([o.value for o in observations], dtype=np.float64)
        self.sigmas = np.array([o.sigma for o in observations], dtype=np.float64)
        self.units = np.array([o.unit for o in observations], dtype=np.float64)
        self.kinds = tuple(sorted({o.kind for o in observations}))
        self.kind_of = np.array([self.kinds.index(o.kind) for o in observations], dtype=np.int64)
        self.observed = self.scaled(self.values[None, :])[0]

    def scaled(self, predictions: Floats) -> Floats:
        """Quantities on the scale on which each row is compared: float64[n, rows]."""
        columns = [
            scaled(predictions[:, k], o.scale, o.value) for k, o in enumerate(self.observations)
        ]
        return np.stack(columns, axis=1) if columns else np.zeros((len(predictions), 0))

    def spread(self, discrepancy: Floats) -> Floats:
        """Scale of the error of each row: float64[n, rows] for discrepancies float64[n, kinds]."""
        return np.sqrt(self.sigmas**2 + (discrepancy[:, self.kind_of] * self.units) ** 2)

    def terms(self, predictions: Floats, discrepancy: Floats) -> Floats:
        """Log likelihood of each row, float64[n, rows]; NaN predictions have likelihood 0."""
        spread = self.spread(discrepancy)
        away = (self.scaled(predictions) - self.observed) / spread
        log = _CONSTANT - np.log(spread) - 0.5 * (FREEDOM + 1.0) * np.log1p(away**2 / FREEDOM)
        return np.where(np.isnan(log), -np.inf, log)

    def tail(self, predictions: Floats, discrepancy: Floats) -> Floats:
        """Probability of an observation below the one made, given each draw: float64[n, rows]."""
        from scipy.special import stdtr

        away = (self.observed - self.scaled(predictions)) / self.spread(discrepancy)
        return np.asarray(stdtr(FREEDOM, away))

    def replicated(
        self, predictions: Floats, discrepancy: Floats, rng: np.random.Generator, observed: bool = True
    ) -> Floats:
        """What might have been observed: predictions with both errors added, in the rows' own units.

        Without ``observed``, what might have been the case: with the model's own error alone.
        """
        spread = self.spread(discrepancy) if observed else discrepancy[:, self.kind_of] * self.units
        noise = rng.standard_t(FREEDOM, predictions.shape) * spread
        moved = self.scaled(predictions) + noise
        columns = [unscaled(moved[:, k], o.scale) for k, o in enumerate(self.observations)]
        return np.stack(columns, axis=1) if columns else moved

    def implausibility(self, predictions: Floats, discrepancy: float) -> Floats:
        """Distance of each prediction from the observation in standard deviations: float64[n, rows]."""
        spread = self.spread(np.full((1, len(self.kinds)), discrepancy))
        return np.abs(self.scaled(predictions) - self.observed) / spread


def discrepancies(u: Floats) -> Floats:
    """The discrepancy at prior probabilities ``u``."""
    low, high = DISCREPANCY
    return np.asarray(low * np.exp(u * math.log(high / low)))


_CONSTANT = (
    math.lgamma(0.5 * (FREEDOM + 1.0)) - math.lgamma(0.5 * FREEDOM) - 0.5 * math.log(FREEDOM * math.pi)
)
