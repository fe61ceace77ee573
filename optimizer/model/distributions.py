"""Named distributions with named arguments, drawn by their inverse distribution functions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tiercap.optimizer.errors import InputError, did_you_mean

#: Argument names of each distribution, in the order they are printed.
ARGUMENTS: dict[str, tuple[str, ...]] = {
    "uniform": ("low", "high"),
    "triangular": ("low", "mode", "high"),
    "loguniform": ("low", "high"),
    "lognormal": ("median", "sigma"),
}

#: A lognormal is cut at this many sigma, so that every range has ends.
CUT = 3.0


@dataclass(frozen=True, slots=True)
class Distribution:
    """A distribution and its arguments, already checked by :func:`make`."""

    name: str
    arguments: tuple[tuple[str, float], ...]

    def __str__(self) -> str:
        return f"{self.name}({', '.join(f'{key}={value:g}' for key, value in self.arguments)})"

    @property
    def low(self) -> float:
        """The lower end of the range."""
        given = dict(self.arguments)
        return given["low"] if "low" in given else given["median"] * math.exp(-CUT * given["sigma"])

    @property
    def high(self) -> float:
        """The upper end of the range."""
        given = dict(self.arguments)
        return given["high"] if "high" in given else given["median"] * math.exp(CUT * given["sigma"])

    def quantile(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values at the probabilities ``u`` (float64[n], each in (0, 1)), never outside the range."""
        a = dict(self.arguments)
        if self.name == "uniform":
            drawn = a["low"] + u * (a["high"] - a["low"])
        elif self.name == "triangular":
            drawn = _triangular(u, a["low"], a["mode"], a["high"])
        elif self.name == "loguniform":
            drawn = a["low"] * np.exp(u * math.log(a["high"] / a["low"]))
        else:
            drawn = _lognormal(u, a["median"], a["sigma"])
        return np.clip(drawn, self.low, self.high)


def _triangular(u: NDArray[np.float64], low: float, mode: float, high: float) -> NDArray[np.float64]:
    split = (mode - low) / (high - low)
    rising = low + np.sqrt(u * (high - low) * (mode - low))
    falling = high - np.sqrt((1.0 - u) * (high - low) * (high - mode))
    return np.where(u < split, rising, falling)


def _lognormal(u: NDArray[np.float64], median: float, sigma: float) -> NDArray[np.float64]:
    from scipy.special import ndtr, ndtri  # lazily: none of the built-in parameters needs it

    inside = ndtr(-CUT) + u * (ndtr(CUT) - ndtr(-CUT))
    return np.asarray(median * np.exp(sigma * ndtri(inside)))


def make(name: str, arguments: Mapping[str, float]) -> Distribution:
    """A checked distribution; :class:`InputError` names the rule that its arguments break."""
    if name not in ARGUMENTS:
        raise InputError(f"unknown distribution `{name}`: {did_you_mean(name, ARGUMENTS)}")
    wanted = ARGUMENTS[name]
    for key in arguments:
        if key not in wanted:
            raise InputError(f"{name} has no argument `{key}`: {did_you_mean(key, wanted)}")
    missing = [key for key in wanted if key not in arguments]
    if missing:
        raise InputError(f"{name} needs {', '.join(wanted)}; {', '.join(missing)} is missing")
    values = {key: float(arguments[key]) for key in wanted}
    if not all(math.isfinite(value) for value in values.values()):
        raise InputError(f"the arguments of {name} must be finite numbers, not {values}")
    _check_order(name, values)
    return Distribution(name, tuple(values.items()))


def _check_order(name: str, a: dict[str, float]) -> None:
    if name == "lognormal":
        if not (a["median"] > 0 and 0 < a["sigma"] <= 10):
            raise InputError(
                f"lognormal needs median > 0 and 0 < sigma <= 10, not {a['median']:g} and {a['sigma']:g}"
            )
        return
    if not a["low"] < a["high"]:
        raise InputError(
            f"low must lie below high, but low = {a['low']:g} and high = {a['high']:g}: swap them?"
        )
    if name == "loguniform" and a["low"] <= 0:
        raise InputError(f"loguniform needs low > 0, not {a['low']:g}: use uniform or triangular")
    if name == "triangular" and not a["low"] <= a["mode"] <= a["high"]:
        raise InputError(f"mode must lie between low and high, but {a['mode']:g} does not")
