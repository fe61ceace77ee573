"""What things are called in print: outcomes, levers, rules and units, in words a reader of papers knows."""

from __future__ import annotations

import math
import re
from typing import NamedTuple

from tiercap.kernels.params import OUTCOME_LIST, TRAJECTORY_LIST, WORKLOAD_NAMES
from tiercap.optimizer.model.parameters import DECLARED
from tiercap.optimizer.rules.levers import CONTROLS, LEVERS_TABLE, part


class Printed(NamedTuple):
    """A quantity as a paper prints it: its name, its unit, and what turns a stored value into that unit."""

    name: str
    unit: str
    scale: float = 1.0

    @property
    def label(self) -> str:
        """The name with its unit, for an axis or the head of a column."""
        return f"{self.name} ({self.unit})" if self.unit else self.name

    @property
    def stacked(self) -> str:
        """The same in two lines."""
        return f"{self.name}\n({self.unit})" if self.unit else self.name


#: Units of the contract as print has them; what is not listed stands as it is.
_UNITS = {
    "1": "", "GUSD": "billion USD", "GUSD/year": "billion USD/year", "kUSD": "thousand USD", "Mchip": "million chips",
    "Mchip/year": "million chips/year", "MH100e": "million H100e", "MH100e/year": "million H100e/year",
    "MTPP/year": "million TPP/year", "TPP/mm2": "TPP/mm²", "1/year": "per year", "kUSD/H100e": "thousand USD/H100e",
    "Mchip/GUSD": "million chips/billion USD", "percent": "%",
}  # fmt: skip
_UNIT = {o.name: o.unit for o in (*TRAJECTORY_LIST, *OUTCOME_LIST)}
_OUTCOMES = {
    "revenue": "Exporter revenue from C",
    "revenue_bc": "Exporter revenue from B and C",
    "compute_lead": "Computing of A over C",
    "substitution": "Local substitution",
    "terminal_compute_lead": "Computing of A over C at the end",
    "government_take": "Government take",
    "buyer_access": "Share of budget open to imports",
    "domestic_supply": "Domestic supply",
    "units_open": "Chips sold without licence",
    "units_licensed": "Chips sold under licence",
    "units_grey": "Chips smuggled",
    "units_domestic": "Domestic chips sold",
    "lock_in": "Lock-in",
    "net_revenue_c": "Exporter net revenue from C",
}
#: Figures of a chip that a rule may cap.
FIGURES = {
    "tpp": "TPP", "memory": "memory", "interconnect": "I/O", "density": "density", "bandwidth_sum": "memory + I/O",
    "sku_before": "launched by",
}  # fmt: skip
_TERMS = {
    "quota_share": "quota", "quota_chips": "quota", "quota_tpp": "quota in TPP", "revenue_share": "revenue share",
    "delay": "delay", "no_diversion": "no diversion", "indexation": "growth of caps", "reading": "reading of caps",
    "enforcement": "enforcement", "equipment_control": "equipment control", "memory_control": "memory control",
}  # fmt: skip


def unit(text: str) -> str:
    """A unit of the contract as print has it; nothing for a pure number."""
    return _UNITS.get(text, text)


#: Statistics over the futures in words; a number stays behind them.
_STATISTICS = {
    "p": "quantile", "cvar": "mean of the worst", "cvar_upper": "mean of the worst", "regret": "regret",
    "regret_upper": "regret", "satisfice": "share of futures at least", "satisfice_upper": "share of futures at most",
    "mean_sd": "mean less deviations", "mean_sd_upper": "mean plus deviations", "std": "standard deviation",
    "min": "minimum", "max": "maximum", "mean": "mean",
}  # fmt: skip


def stored_unit(name: str) -> str:
    """The unit in files of an outcome, a quantity of a step, or a statistic of an outcome: OUTCOME_STATISTIC."""
    whole, statistic = split(name)
    return "1" if statistic.startswith("satisfice") else _UNIT.get(whole, "1")


def split(name: str) -> tuple[str, str]:
    """Outcome and statistic of a name such as revenue_p05 or revenue:p05; nothing behind a plain outcome."""
    if name in _UNIT:
        return name, ""
    stems = [known for known in _UNIT if name.startswith((f"{known}_", f"{known}:"))]
    stem = max(stems, key=len, default=name)
    return stem, name[len(stem) + 1 :]


def outcome(name: str) -> Printed:
    """An outcome of a policy, a quantity of a step, or a statistic of an outcome."""
    whole, statistic = split(name)
    if statistic and statistic != "mean":
        word, number = re.fullmatch(r"([a-z_-]*)(.*)", statistic, re.ASCII).groups()  # type: ignore[union-attr]
        words = _STATISTICS.get(word, word.replace("_", " "))
        return Printed(f"{outcome(whole).name}: {' '.join((words, number)).strip()}", unit(stored_unit(name)))
    name = whole
    stem, _, end = name.rpartition("_")
    workload = f", {WORKLOAD_NAMES[end]}" if end in WORKLOAD_NAMES and stem else ""
    plain = stem if workload else name
    return Printed(_OUTCOMES.get(plain, plain.replace("_", " ").capitalize()) + workload, unit(stored_unit(name)))


def lever(name: str) -> Printed:
    """A lever: tier and figure, shares and rates in per cent."""
    place, info = part(name), LEVERS_TABLE[name]
    group = "" if place.group == "c" else f"{place.group.upper()}: "
    if place.tier is None:
        words = f"{group}{_TERMS[place.field]}"
    else:
        words = f"{group}{('open', 'licensed')[place.tier]} {FIGURES[place.field]}"
    words = words[:1].upper() + words[1:]
    if place.field in ("revenue_share", "indexation", "quota_share", *CONTROLS):
        per = {"indexation": "%/year", "quota_share": "% of home use"}.get(place.field, "%")
        return Printed(words, per, 100.0)
    return Printed(words if place.field != "tpp" else f"{words} cap", unit(info.unit))


def quantity(name: str) -> Printed:
    """Whatever a sweep or a sensitivity analysis may call by name: a lever, a parameter or an outcome."""
    if name in LEVERS_TABLE:
        return lever(name)
    if name in DECLARED:
        words = [word.upper() if len(word) == 1 else word for word in name.split("_")]
        return Printed(" ".join((words[0].capitalize(), *words[1:])), unit(DECLARED[name].unit))
    return outcome(name)


def short(value: float) -> str:
    """The same without zeros that say nothing, for the ends of an axis."""
    shown = figure(value)
    return shown.rstrip("0").rstrip(".") if "." in shown and "e" not in shown else shown


def figure(value: float | None, digits: int = 3) -> str:
    """A number for readers: significant figures, thousands separated by commas, no exponent where people read none."""
    if value is None or math.isnan(value):
        return "–"
    if math.isinf(value):
        return "none"
    if value == 0.0:
        return "0"
    if not 1e-5 <= abs(value) < 1e9:
        return f"{value:.{digits - 1}e}"
    places = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    shown = f"{value:,.{places}f}"
    if places == 0:
        whole = float(f"{value:.{digits - 1}e}") if abs(value) < 1e3 else value
        return f"{whole:,.0f}"
    return shown
