"""What a study's futures differ in, as columns that another library fills."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tiercap.kernels.params import PARAMS
from tiercap.optimizer.errors import InputError
from tiercap.optimizer.io.arrays import Floats
from tiercap.optimizer.model.evaluator import Evaluator
from tiercap.optimizer.model.parameters import DECLARED, ParameterInfo, held, put
from tiercap.optimizer.model.scenarios import Scenarios
from tiercap.optimizer.rules.space import ROUNDING
from tiercap.optimizer.study.problem import Problem


@dataclass(frozen=True)
class Uncertainties:
    """The parameters in which the futures of a study differ.

    infos : those parameters; central : PARAMS[1], what a future has where nothing is said of it
    """

    study: Problem
    infos: tuple[ParameterInfo, ...]
    central: np.ndarray

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parameters, in the contract's order."""
        return tuple(info.name for info in self.infos)

    def table(self, columns: Mapping[str, Any], n: int) -> np.ndarray:
        """PARAMS[n] with some parameters given, float64[n] or float each, in their units.

        Raises InputError for a value outside the parameter's domain and for a parameter that does not vary.
        """
        table = np.repeat(self.central, n)
        for name, column in columns.items():
            self._check(name)
            put(table, name, _in_domain(name, np.asarray(column, dtype=np.float64)))
        return table

    def points(self, futures: Sequence[Mapping[str, float]]) -> np.ndarray:
        """PARAMS[n] of futures that each give some parameters."""
        names = list(dict.fromkeys(name for future in futures for name in future))
        for name in names:
            self._check(name)
        central = {name: float(held(self.central, name)[0]) for name in names}
        return self.table({name: [f.get(name, central[name]) for f in futures] for name in names}, len(futures))

    def _check(self, name: str) -> None:
        if name not in self.names:
            raise InputError(f"`{name[:60]}` is not what the futures of this study differ in")

    def evaluator(self, table: np.ndarray) -> Evaluator:
        """Evaluates in PARAMS[n] as futures of equal weight."""
        plan = self.study.study.scenarios
        return self.study.evaluator_in(Scenarios(table, np.full(len(table), 1.0 / len(table)), plan.seed, plan.kind))


def of_study(study: Problem) -> Uncertainties:
    """What differs between the study's own futures; in calibrated ones also what no range of the study names."""
    table = study.scenarios.table
    central, varying = np.zeros(1, dtype=PARAMS), []
    for info in study.study.parameters:
        column = table[info.name]
        same = bool((column == column[0]).all())
        if same:
            central[info.name] = column[0]
        else:
            put(central, info.name, info.value)
            varying.append(info)
    return Uncertainties(study, tuple(varying), central)


def _in_domain(name: str, values: Floats) -> Floats:
    """``values`` of a parameter with rounding at the ends of its domain taken off."""
    domain = DECLARED[name]
    spare = ROUNDING * (domain.high - domain.low)
    good = (values >= domain.low - spare) & (values <= domain.high + spare)  # false for NaN
    if not good.all():
        wrong = float(values[~good].flat[0]) if values.ndim else float(values)
        raise InputError(
            f"`{name}` = {wrong:g} lies outside its domain {domain.low:g} to {domain.high:g} [{domain.unit}]"
        )
    return np.clip(values, domain.low, domain.high)
