"""The record replayed: quarter by quarter, under the rule in force, with the chips that were on sale.

``data/history.toml`` holds rules, chips, dated acts of C's government and the parameters at the start.
A :class:`Replay` predicts rows of the record for any table of scenarios, at the speed of the kernels.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any

import numpy as np

from tiercap.kernels.params import CHIP, PARAMS, TRAJECTORY, WORKLOADS
from tiercap.optimizer.calibration.formulas import View
from tiercap.optimizer.calibration.record import RecordRow
from tiercap.optimizer.data import EVIDENCE, shipped
from tiercap.optimizer.errors import InputError, did_you_mean
from tiercap.optimizer.io.arrays import Floats
from tiercap.optimizer.io.periods import Period, parse_period
from tiercap.optimizer.io.units import BANDWIDTH, inside
from tiercap.optimizer.model import parameters
from tiercap.optimizer.model.evaluator import Evaluator, performances
from tiercap.optimizer.model.parameters import ParameterInfo
from tiercap.optimizer.model.scenarios import Scenarios
from tiercap.optimizer.rules.book import find_rule
from tiercap.optimizer.rules.chips import find_chip
from tiercap.optimizer.rules.encode import rule_levers

STEPS_PER_YEAR = 4
#: Scenarios of one pass, so that trajectories stay within some tens of MiB.
CHUNK = 4096
#: Unit cost classes by their name in ``history.toml``.
COST_CLASSES = ("frontier", "previous", "older", "legacy")


@dataclass(frozen=True)
class Quarters:
    """The clock of a replay; what the evaluator reads of a horizon."""

    start: float
    steps: int
    roofline_exponent: int = 4
    steps_per_year: int = STEPS_PER_YEAR

    @property
    def starts(self) -> Floats:
        """The beginning of each quarter [year], float64[steps]."""
        return self.start + np.arange(self.steps) / STEPS_PER_YEAR


@dataclass(frozen=True)
class History:
    """What ``history.toml`` says.

    rules, events : pairs of the quarter from which something holds [year] and what holds; catalogue : CHIP[n]
    """

    start: float
    end: float
    rules: tuple[tuple[float, str], ...]
    events: tuple[tuple[float, float], ...]
    catalogue: np.ndarray
    chips: tuple[str, ...]
    parameters: tuple[ParameterInfo, ...]

    def rule_of(self, clock: Quarters) -> list[str]:
        """The rule of every quarter."""
        return [self._holds(self.rules, at) for at in clock.starts]

    def barred_of(self, clock: Quarters) -> Floats:
        """The share that the dated acts bar in every quarter, float64[steps]."""
        return np.array([self._holds(self.events, at) for at in clock.starts])

    @staticmethod
    def _holds(dated: Sequence[tuple[float, Any]], at: float) -> Any:
        return next(what for since, what in reversed(dated) if since <= at + 1e-9)


@cache
def history() -> History:
    """The built-in history, read and checked against rules, chips and the contract."""
    path = shipped("history.toml")
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    clock = data["clock"]
    rules = tuple((_quarter(entry), find_rule(entry["rule"]).name) for entry in data["rules"])
    events = tuple((_quarter(entry), float(entry["barred"])) for entry in data["events"])
    start = parse_period(clock["first"]).start
    for name, dated in (("rules", rules), ("events", events)):
        times = [since for since, _ in dated]
        if times != sorted(set(times)) or times[0] != start:
            raise InputError(f"history.toml: [[{name}]] must begin with {clock['first']} and rise from there")
    return History(
        start=start,
        end=parse_period(clock["last"]).end,
        rules=rules,
        events=events,
        catalogue=np.array([_chip(entry) for entry in data["chips"]], CHIP),
        chips=tuple(find_chip(entry["name"]).name for entry in data["chips"]),
        parameters=_overlaid(data["start"]),
    )


def _quarter(entry: Mapping[str, Any]) -> float:
    _check_grounds(entry, f"history.toml, {entry['from']}")
    return parse_period(entry["from"]).start


def _check_grounds(entry: Mapping[str, Any], where: str) -> None:
    if not entry.get("source") or entry.get("evidence") not in EVIDENCE:
        raise InputError(f"{where}: needs a source and an evidence tag out of {', '.join(EVIDENCE)}")


def chip_record(name: str, area: float | None = None) -> tuple[float, ...]:
    """A chip of ``chips.csv`` as an entry of CHIP that does not move, at the unit cost of class 0."""
    chip = find_chip(name)
    figures = (chip.fp8_pflops, chip.memory_gbs, chip.io_gbs, chip.tpp, chip.die_area_mm2 or area)
    known = [figure for figure in figures if figure is not None]
    if len(known) < len(figures) or chip.launched is None:
        raise InputError(f"chips.csv: the {chip.name} must have every figure, a replay sells it")
    f, m, i, tpp, die = known
    return (0.0, 0.0, f, inside(m, BANDWIDTH), inside(i, BANDWIDTH), tpp, die, chip.launched[0], 0, 1.0)


def _chip(entry: Mapping[str, Any]) -> tuple[float, ...]:
    where = f"history.toml, chip {entry['name']}"
    _check_grounds(entry, where)
    if entry["cost"] not in COST_CLASSES:
        raise InputError(f"{where}: unknown cost `{entry['cost']}`: {did_you_mean(entry['cost'], COST_CLASSES)}")
    record = chip_record(entry["name"], entry.get("area"))
    return (*record[:8], COST_CLASSES.index(entry["cost"]), float(entry["scale"]))


def _overlaid(start: Mapping[str, Mapping[str, Any]]) -> tuple[ParameterInfo, ...]:
    """Every parameter of the contract, with the values and ranges at the start of the replay over the built-in ones."""
    for name in start:
        if name not in parameters.DECLARED:
            raise InputError(f"history.toml: unknown parameter `{name}`: {did_you_mean(name, parameters.DECLARED)}")
    return tuple(_overlay(info, start[info.name]) if info.name in start else info for info in parameters.table())


def _overlay(info: ParameterInfo, entry: Mapping[str, Any]) -> ParameterInfo:
    where = f"history.toml [start.{info.name}]"
    _check_grounds(entry, where)
    value = parameters.outside(info.name, float(entry["value"]))
    grounds = {"source": entry["source"], "evidence": entry["evidence"]}
    found = replace(parameters.with_value(info, value), **grounds, range_source="", range_evidence="")
    if "distribution" not in entry:
        return found
    found = parameters.with_distribution(found, parameters.shipped_distribution(info.name, entry))
    if not found.low <= found.value <= found.high:
        raise InputError(f"{where}: the central value {found.value:g} lies outside the range")
    return replace(found, range_source=entry["source"], range_evidence=entry["evidence"])


class Replay:
    """Predicts rows of the record.

    rows : what to predict, in this order; context rows are predicted as NaN
    events : impose the dated acts of C's government instead of what the model has it do
    decides : where no acts are imposed: the government decides as the model has it; False: what it bars stands
    exponent : norm of the roofline, 2, 4 or 8
    """

    def __init__(
        self,
        rows: Sequence[RecordRow],
        events: bool = False,
        threads: int | None = None,
        decides: bool = True,
        exponent: int = 4,
    ) -> None:
        self.rows = tuple(rows)
        self.events = events
        self.threads = threads
        self.decides = decides
        self.history = history()
        self.clock = Quarters(self.history.start, self._quarters(), exponent)

    def _quarters(self) -> int:
        """As many quarters as the rows look at and one more, whose rule is expected in the last of them."""
        end = self.history.start + 1.0 / STEPS_PER_YEAR
        for row in self.rows:
            if row.formula is not None:
                for period in (row.period, *row.formula.periods):
                    self._check_period(row, period)
                    end = max(end, period.end)
        return int(np.ceil((min(end, self.history.end) - self.history.start) * STEPS_PER_YEAR - 1e-9)) + 1

    def _check_period(self, row: RecordRow, period: Period) -> None:
        if period.start < self.history.start - 1e-9 or period.end > self.history.end + 1e-9:
            raise InputError(
                f"{row.place}: column `period`: `{period.text}` is not within the replay, which runs from the last "
                f"quarter of 2022 to the end of {self.history.end - 1:.0f}: make the row context"
            )

    @cached_property
    def parameters(self) -> tuple[ParameterInfo, ...]:
        """Every parameter of the contract with its value and range at the start of the replay."""
        return parameters.override(self.history.parameters, {"buyer_decides": float(self.decides)})

    @cached_property
    def levers(self) -> np.ndarray:
        """LEVERS[1, n]: one policy whose phases are the rules that were in force."""
        names = list(dict.fromkeys(self.history.rule_of(self.clock)))
        return np.concatenate([rule_levers(find_rule(name)) for name in names])[None]

    @cached_property
    def phase(self) -> list[int]:
        """The phase of every quarter."""
        in_force = self.history.rule_of(self.clock)
        names = list(dict.fromkeys(in_force))
        return [names.index(name) for name in in_force]

    def trajectories(self, table: np.ndarray) -> Floats:
        """Every quarter of the replay in each scenario: float64[n_steps, n_fields, n].

        table : PARAMS[n]
        """
        scenarios = self._scenarios(table)
        barred = self.history.barred_of(self.clock) if self.events else None
        evaluator = Evaluator(scenarios, self.clock, self.history.catalogue, self.threads, barred)
        return evaluator.trajectories(self.levers, self.phase)[0]

    def predict(self, table: np.ndarray) -> Floats:
        """The model's value of every row in the row's unit: float64[n, n_rows], NaN where it is not defined.

        table : PARAMS[n]
        """
        found = np.full((len(table), len(self.rows)), np.nan)
        for first in range(0, len(table), CHUNK):
            part = slice(first, min(first + CHUNK, len(table)))
            view = self._view(table[part])
            for k, row in enumerate(self.rows):
                if row.formula is not None:
                    value = row.formula(view, row.period) * row.to_unit
                    found[part, k] = np.where(np.isfinite(value), value, np.nan)
        return found

    def _scenarios(self, table: np.ndarray) -> Scenarios:
        if table.dtype != PARAMS or table.ndim != 1 or len(table) == 0:
            raise InputError("a replay needs a table of at least one scenario, PARAMS[n]")
        table = table.copy()
        table["buyer_decides"] = float(self.decides)
        return Scenarios(table, np.full(len(table), 1.0 / len(table)), 0, "random")

    def _view(self, table: np.ndarray) -> View:
        path = self.trajectories(table)
        fields = {name: path[:, k] for k, name in enumerate(TRAJECTORY)}
        scenarios = self._scenarios(table)
        known: dict[tuple[str, int], Floats] = {}

        def chip(function: str, name: str) -> Floats:
            own, _, w = function.rpartition("_")
            # Only frontier-scale training changes with time.
            clock = self.clock if w == "ft" else replace(self.clock, steps=1)
            if (name, clock.steps) not in known:
                record = np.array([chip_record(name, 1.0)], CHIP)
                record["launch"] = 0.0
                known[name, clock.steps] = performances(scenarios, clock, record)
            delivered = known[name, clock.steps][:, WORKLOADS.index(w)]
            years = self.clock.starts[:, None] - self.clock.start + 0.5 / STEPS_PER_YEAR  # a step stands for its middle
            software = np.minimum(1.0, table[f"software_{w}"] * table["software_growth"] ** years)
            return delivered * (software if own else np.ones_like(years))

        return View(fields, self.clock.starts, 1.0 / STEPS_PER_YEAR, chip)
