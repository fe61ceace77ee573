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
from tiercap.optimizer.errors import InputError
from tiercap.optimizer.model import physics, sobol
from tiercap.optimizer.model.ensembles import Ensemble, overlay
from tiercap.optimizer.model.parameters import ParameterInfo, put

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

    def shared(self, other: Scenarios, names: Collection[str] | None = None) -> float:
        """The weight of those scenarios that stand in ``other`` too, to the bit in some parameters (all if None)."""
        known = [p.name for p in PARAMETERS if names is None or p.name in names]
        mine, theirs = ([row.tobytes() for row in np.stack([s.table[n] for n in known], 1)] for s in (self, other))
        met = set(theirs)
        return float(sum(w for row, w in zip(mine, self.weights, strict=True) if row in met))

    def part(self, some: slice) -> Scenarios:
        """Consecutive scenarios of these, with their weights as they are."""
        return replace(self, table=self.table[some], weights=self.weights[some])


@dataclass(frozen=True, slots=True)
class Draws:
    """Scenarios that are drawn a part at a time: a million of them would make a table of a gigabyte.

    Every part has the bits of the same part of :func:`draw`, whose arguments these are.
    """

    parameters: Sequence[ParameterInfo]
    n: int = 256
    seed: int = 0
    kind: Kind = "sobol"

    def __post_init__(self) -> None:
        check(self.n, self.seed, self.kind)

    def __len__(self) -> int:
        return 1 if self.kind == "central" else self.n

    @property
    def weights(self) -> NDArray[np.float64]:
        """float64[n], summing to 1."""
        return np.full(len(self), 1.0 / len(self))

    def part(self, some: slice) -> Scenarios:
        """Consecutive scenarios, with the weights they have among all."""
        first, last, _ = some.indices(len(self))
        return _drawn(self, first, last)


def draw(parameters: Sequence[ParameterInfo], n: int = 256, seed: int = 0, kind: Kind = "sobol") -> Scenarios:
    """Draw ``n`` scenarios of the uncertain ``parameters``; the others keep their values.

    ``sobol`` is a scrambled Sobol sequence, best balanced when ``n`` is a power of two; ``random`` draws
    independently; ``central`` is one scenario at the central values, whatever ``n``. The same arguments give
    the same bits.
    """
    if kind == "calibrated":
        raise InputError("calibrated scenarios come from an ensemble")
    return Draws(parameters, n, seed, kind).part(slice(None))


def draw_members(
    parameters: Sequence[ParameterInfo], ensemble: Ensemble, n: int = 256, seed: int = 0, kept: Collection[str] = ()
) -> Scenarios:
    """At most ``n`` members of ``ensemble`` with their weights, the same for the same arguments.

    kept : parameters that a study speaks of itself: they keep the study's value or range, drawn as in :func:`draw`

    What the ensemble leaves open is drawn as in :func:`draw` and dealt to the members at random: members stand in the
    order of a radical inverse, with which single columns of a Sobol sequence are correlated.
    """
    check(n, seed, "calibrated")
    rows, weights = ensemble.pick(n, seed)
    dealt = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, 4]))).permutation(len(rows))
    table = _drawn(Draws(parameters, len(rows), seed, "sobol"), 0, len(rows)).table[dealt]
    overlay(table, parameters, ensemble, rows, kept)
    physics.check(table, len(table), f"the members of {ensemble.name} with the study's own parameters")
    return Scenarios(table, weights, seed, "calibrated", ensemble.name, ensemble.digest)


def _drawn(draws: Draws, first: int, last: int) -> Scenarios:
    """Some rows of the parameters' own values and ranges."""
    if [info.name for info in draws.parameters] != [p.name for p in PARAMETERS]:
        raise InputError("scenarios need every parameter of the contract, in its order")
    table = np.empty(last - first, dtype=PARAMS)
    for place, info in enumerate(draws.parameters):
        if draws.kind == "central" or info.distribution is None:
            put(table, info.name, info.value)
        else:
            points = _probabilities(first, last, place, draws.seed, draws.kind)
            put(table, info.name, info.distribution.quantile(points))
    physics.check(table, len(table), "the scenarios drawn")
    return Scenarios(table, np.full(last - first, 1.0 / len(draws)), draws.seed, draws.kind)


def check(n: int, seed: int, kind: str) -> None:
    """Refuse a count, seed or kind that cannot be drawn."""
    if kind not in KINDS:
        raise InputError(f"unknown kind of scenarios `{kind}`: known: {', '.join(KINDS)}")
    if not 1 <= n <= MAX_SCENARIOS:
        raise InputError(f"the number of scenarios must lie between 1 and {MAX_SCENARIOS:,}, not {n}")
    if not 0 <= seed <= MAX_SEED:
        raise InputError(f"a seed must lie between 0 and 2^63 - 1, not {seed}")


def _probabilities(first: int, last: int, place: int, seed: int, kind: Kind) -> NDArray[np.float64]:
    """Some rows of column ``place`` of the unit hypercube, float64[last - first], strictly between 0 and 1."""
    if kind == "sobol":
        return sobol.column(last - first, place, seed, first)
    stream = np.random.PCG64(np.random.SeedSequence([seed, place, 1])).advance(first)  # a number takes one step
    return (np.random.Generator(stream).integers(0, 2**52, last - first).astype(np.float64) + 0.5) * 2.0**-52
