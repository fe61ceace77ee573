"""The scenario table: what the world chooses, drawn once and shared by every policy that is compared.

It comes from a calibrated ensemble, or from the parameters' own ranges.

Common random scenarios: a parameter's column depends on the seed and on its place in the contract, never on
which other parameters are uncertain. Fixing one parameter leaves every other column as it was, to the bit.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tiercap.kernels.params import PARAMETERS, PARAMS
from tiercap.optimizer import sobol
from tiercap.optimizer.ensemble import Ensemble, overlay
from tiercap.optimizer.errors import InputError
from tiercap.optimizer.parameters import ParameterInfo

Kind = Literal["calibrated", "sobol", "random", "central"]
KINDS: tuple[Kind, ...] = ("calibrated", "sobol", "random", "central")

#: More scenarios than this are refused: a gigabyte of table.
MAX_SCENARIOS = 1_000_000
MAX_SEED = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Scenarios:
    """The futures a policy is evaluated in.

    table : PARAMS[n], one record a scenario, in the contract's units
    weights : float64[n], summing to 1
    source : the ensemble that the members come from, empty where the parameters' ranges were drawn from
    digest : SHA-256 of that ensemble's file
    discrepancy : the model's own error by kind of row, float64[n], where a fit has told it; only a backcast reads it
    """

    table: np.ndarray
    weights: NDArray[np.float64]
    seed: int
    kind: Kind
    source: str = ""
    digest: str = ""
    discrepancy: Mapping[str, NDArray[np.float64]] | None = None

    @property
    def effective(self) -> float:
        """Kish's effective number: how many scenarios of equal weight these are worth."""
        return float(self.weights.sum() ** 2 / (self.weights**2).sum())

    def head(self, n: int) -> Scenarios:
        """The first ``n`` scenarios with their own weights: a coarser picture of the same futures."""
        weights = self.weights[:n]
        return replace(self, table=self.table[:n], weights=weights / weights.sum())

    def __len__(self) -> int:
        return len(self.table)


def draw(parameters: Sequence[ParameterInfo], n: int = 256, seed: int = 0, kind: Kind = "sobol") -> Scenarios:
    """Draw ``n`` scenarios of the uncertain ``parameters``; the others keep their values.

    ``sobol`` is a scrambled Sobol sequence, best balanced when ``n`` is a power of two; ``random`` draws
    independently; ``central`` is one scenario at the central values, whatever ``n``. The same arguments give
    the same bits.
    """
    check(n, seed, kind)
    if kind == "calibrated":
        raise InputError("calibrated scenarios come from an ensemble")
    _check_whole(parameters)
    size = 1 if kind == "central" else n
    return Scenarios(_drawn(parameters, size, seed, kind), np.full(size, 1.0 / size), seed, kind)


def draw_members(
    parameters: Sequence[ParameterInfo], ensemble: Ensemble, n: int = 256, seed: int = 0, kept: Collection[str] = ()
) -> Scenarios:
    """At most ``n`` members of ``ensemble`` with their weights, the same for the same arguments.

    kept : parameters that a study speaks of itself: they keep the study's value or range, drawn as in :func:`draw`
    """
    check(n, seed, "calibrated")
    _check_whole(parameters)
    rows, weights = ensemble.pick(n, seed)
    table = _drawn(parameters, len(rows), seed, "sobol")
    overlay(table, parameters, ensemble, rows, kept)
    return Scenarios(table, weights, seed, "calibrated", ensemble.name, ensemble.digest)


def _check_whole(parameters: Sequence[ParameterInfo]) -> None:
    if [info.name for info in parameters] != [p.name for p in PARAMETERS]:
        raise InputError("scenarios need every parameter of the contract, in its order")


def _drawn(parameters: Sequence[ParameterInfo], size: int, seed: int, kind: Kind) -> np.ndarray:
    """PARAMS[size] from the parameters' own values and ranges."""
    table = np.empty(size, dtype=PARAMS)
    for place, info in enumerate(parameters):
        if kind == "central" or info.distribution is None:
            table[info.name] = info.value
        else:
            table[info.name] = info.distribution.quantile(_probabilities(size, place, seed, kind))
    return table


def check(n: int, seed: int, kind: str) -> None:
    """Refuse a count, seed or kind that cannot be drawn."""
    if kind not in KINDS:
        raise InputError(f"unknown kind of scenarios `{kind}`: known: {', '.join(KINDS)}")
    if not 1 <= n <= MAX_SCENARIOS:
        raise InputError(f"the number of scenarios must lie between 1 and {MAX_SCENARIOS:,}, not {n}")
    if not 0 <= seed <= MAX_SEED:
        raise InputError(f"a seed must lie between 0 and 2^63 - 1, not {seed}")


def _probabilities(n: int, place: int, seed: int, kind: Kind) -> NDArray[np.float64]:
    """Column ``place`` of the unit hypercube, float64[n], strictly between 0 and 1."""
    if kind == "sobol":
        return sobol.column(n, place, seed)
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, place, 1])))
    return (rng.integers(0, 2**52, n).astype(np.float64) + 0.5) * 2.0**-52
