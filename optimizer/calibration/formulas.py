"""The outcome of a row of the record as a formula over the trajectory of a replay.

A formula reduces series of the model to one number, and may combine several such numbers:

    sum(units_open + units_licensed)                      flows, added up over the row's period
    sum(gross_revenue_c) / sum(lawful_spending)           a share of revenue
    last(stock_a_st)                                      a state at the end of the period
    sum(units_open, 2024Q4) / sum(units_open, 2024Q1)     two periods of their own
    growth(stock_a_st, 2022Q4)                            factor per year from the end of that period to the row's
    dc(H20) / dc(H100)                                    performances of chips on a workload
    own_dc(Ascend 910C) / dc(H100)                        with the domestic software factor

Series are fields of the trajectory, the combinations in :data:`SERIES`, numbers, ``+ - * /`` and parentheses. Units
follow from the fields; a sum takes flows only, every other reduction takes none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from tiercap.kernels.params import TRAJECTORY_LIST, WORKLOADS
from tiercap.optimizer.errors import InputError, did_you_mean
from tiercap.optimizer.io.arrays import Floats
from tiercap.optimizer.io.periods import Period, parse_period
from tiercap.optimizer.io.units import printable, unit_registry

#: Longest formula read.
MAX_LENGTH = 300
#: Combinations of fields that rows may name as if they were fields.
SERIES: Mapping[str, str] = {
    "exporter_units": "units_open + units_licensed",
    "domestic_revenue": "units_domestic * price_domestic",
    "grey_spending": "units_grey * price_grey",
    "lawful_spending": "gross_revenue_c + units_domestic * price_domestic",
    "chip_spending": "gross_revenue_c + units_domestic * price_domestic + units_grey * price_grey",
}
#: What a series is reduced by over a period: its weights in the period's steps are the share that lies inside.
REDUCTIONS: Mapping[str, str] = {
    "sum": "flows added up; a step that lies half inside counts half",
    "mean": "the average over the period",
    "first": "the first step that lies inside",
    "last": "the last step that lies inside",
    "peak": "the largest step",
    "growth": "factor per year between the ends of two periods",
}
#: Performances of a chip on a workload [H100e]; with `own_` the domestic software factor is in it.
CHIP_FUNCTIONS = tuple(prefix + w for prefix in ("", "own_") for w in WORKLOADS)

_FLOWS = re.compile(r"(gross_revenue|net_revenue|units|acquired)_\w+|government_take|write_downs")
_PER_CHIP = re.compile(r"(price|value)_\w+|domestic_cost")
_TOKEN = re.compile(r"\s*(?:([0-9]+(?:\.[0-9]+)?)|([A-Za-z_][A-Za-z_0-9]*)|([-+*/(),]))")
_UNITS = {field.name: field.unit for field in TRAJECTORY_LIST}


class View(NamedTuple):
    """What a formula reads of a replay.

    fields : float64[n_steps, n] by name; starts : float64[n_steps], the beginning of each step [year]; dt : [year];
    chip : performances of a chip by function and name, float64[n_steps, n]
    """

    fields: Mapping[str, Floats]
    starts: Floats
    dt: float
    chip: Callable[[str, str], Floats]


@dataclass(frozen=True)
class Formula:
    """A formula that has been read and checked.

    unit : pint's unit of its value; fields, chips : what it reads; periods : those it names itself
    """

    text: str
    tree: tuple[Any, ...]
    unit: Any
    fields: frozenset[str]
    chips: frozenset[str]
    periods: tuple[Period, ...]

    def __call__(self, view: View, period: Period) -> Floats:
        """The value in each scenario, float64[n], in `unit`; NaN where nothing is defined."""
        with np.errstate(all="ignore"):
            return np.asarray(_value(self.tree, view, period), dtype=np.float64)

    @property
    def extensive(self) -> bool:
        """Whether the value grows with the length of the period: a sum of flows, not a price, share or state."""
        return _extent(self.tree) == 1

    @property
    def shape(self) -> str:
        """The formula without spaces: rows that share it and name no period of their own are one series."""
        return "".join(self.text.split())


@cache
def parse_formula(text: str) -> Formula:
    """Read a formula; :class:`InputError` says what is wrong with it."""
    if len(text) > MAX_LENGTH:
        raise InputError(f"a formula of {len(text)} characters is too long: at most {MAX_LENGTH} are read")
    reader = _Reader(text)
    tree = reader.whole(reader.outer)
    unit, _ = _unit(tree)
    fields = {name for node in _walk(tree) if node[0] == "field" for name in (node[1],)}
    chips = {node[2] for node in _walk(tree) if node[0] == "chip"}
    periods = tuple(node[3] for node in _walk(tree) if node[0] == "reduce" and node[3] is not None)
    return Formula(text.strip(), tree, unit, frozenset(fields), frozenset(chips), periods)


class _Reader:
    """Recursive descent over one text; ``outer`` reads numbers per scenario, ``series`` values per step."""

    def __init__(self, text: str) -> None:
        self.text, self.at, self.depth = text, 0, 0

    def whole(self, rule: Callable[[], tuple[Any, ...]]) -> tuple[Any, ...]:
        tree = rule()
        if self._peek():
            raise self._error(f"`{printable(self._peek())}` is left over at the end")
        return tree

    def outer(self) -> tuple[Any, ...]:
        return self._sum(self._call)

    def series(self) -> tuple[Any, ...]:
        return self._sum(self._field)

    def _sum(self, atom: Callable[[], tuple[Any, ...]]) -> tuple[Any, ...]:
        tree = self._product(atom)
        while self._peek() in ("+", "-"):
            tree = (self._take(), tree, self._product(atom))
        return tree

    def _product(self, atom: Callable[[], tuple[Any, ...]]) -> tuple[Any, ...]:
        tree = self._factor(atom)
        while self._peek() in ("*", "/"):
            tree = (self._take(), tree, self._factor(atom))
        return tree

    def _factor(self, atom: Callable[[], tuple[Any, ...]]) -> tuple[Any, ...]:
        token = self._peek()
        self.depth += 1
        if self.depth > 40:
            raise self._error("its parentheses are nested too deeply")
        if token == "(":
            self._take()
            tree = self._sum(atom)
            self._expect(")")
        elif token and token[0].isdigit():
            tree = ("number", float(self._take()))
        else:
            tree = atom()
        self.depth -= 1
        return tree

    def _call(self) -> tuple[Any, ...]:
        name = self._name("a reduction such as sum(...)")
        if name in CHIP_FUNCTIONS:
            return ("chip", name, self._raw())
        if name not in REDUCTIONS:
            hint = did_you_mean(name[:60], (*REDUCTIONS, *CHIP_FUNCTIONS))
            if name in (*_UNITS, *SERIES):
                hint = f"write sum({name}) or mean({name})"
            raise self._error(f"`{printable(name)}` is no reduction: {hint}")
        self._expect("(")
        inner, period = self.series(), None
        if self._peek() == ",":
            self._take()
            period = parse_period(self._until(")"))
        if name == "growth" and period is None:
            raise self._error("growth needs the period it starts from, as in growth(stock_a_st, 2022Q4)")
        self._expect(")")
        return ("reduce", name, inner, period)

    def _field(self) -> tuple[Any, ...]:
        name = self._name("a field of the trajectory")
        if name in SERIES:
            return _Reader(SERIES[name]).series()
        if name not in _UNITS:
            hint = did_you_mean(name[:60], (*_UNITS, *SERIES))
            raise self._error(f"unknown field `{printable(name)}`: {hint} (tiercap outcomes --steps)")
        return ("field", name)

    def _raw(self) -> str:
        self._expect("(")
        name = " ".join(self._until(")").split())
        self._expect(")")
        return name

    def _until(self, mark: str) -> str:
        end = self.text.find(mark, self.at)
        if end < 0:
            raise self._error(f"a closing `{mark}` is missing")
        found, self.at = self.text[self.at : end], end
        return found.strip()

    def _peek(self) -> str:
        match = _TOKEN.match(self.text, self.at)
        if match:
            return match.group().strip()
        return self.text[self.at :].strip()[:1]

    def _take(self) -> str:
        match = _TOKEN.match(self.text, self.at)
        if match is None:
            found = self._peek()
            raise self._error(f"`{printable(found)}` has no meaning here" if found else "it ends too early")
        self.at = match.end()
        return match.group().strip()

    def _name(self, wanted: str) -> str:
        token = self._peek()
        if not token or not (token[0].isalpha() or token[0] == "_"):
            raise self._error(f"{wanted} is missing" + (f" before `{printable(token)}`" if token else " at the end"))
        return self._take()

    def _expect(self, mark: str) -> None:
        found = self._peek()
        if found != mark:
            raise self._error(f"`{mark}` is missing" + (f" before `{printable(found)}`" if found else " at the end"))
        self._take()

    def _error(self, complaint: str) -> InputError:
        return InputError(f"outcome `{printable(self.text.strip())}`: {complaint}")


def _walk(tree: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    found = [tree]
    for part in tree[1:]:
        if isinstance(part, tuple):
            found += _walk(part)
    return found


def _unit(tree: tuple[Any, ...]) -> tuple[Any, int]:
    """A node's unit, and its degree in flows per step: 1 for a flow, 0 for a price or a share."""
    registry = unit_registry()
    kind = tree[0]
    if kind == "number":
        return registry.Unit("dimensionless"), 0
    if kind == "chip":
        return registry.Unit("H100e"), 0
    if kind == "field":
        unit = _UNITS[tree[1]].replace("^", "**")
        spelt = "dimensionless" if unit == "1" else unit + ("/chip" if _PER_CHIP.fullmatch(tree[1]) else "")
        return registry.Unit(spelt), int(_FLOWS.fullmatch(tree[1]) is not None)
    if kind == "reduce":
        return _reduced(tree)
    (left, a), (right, b) = _unit(tree[1]), _unit(tree[2])
    if kind in "*/":
        return (left * right, a + b) if kind == "*" else (left / right, a - b)
    if not left.is_compatible_with(right) or a != b:
        raise InputError(f"an outcome adds what does not fit together: [{left:~}] and [{right:~}], flows and no flows")
    return left, a


def _reduced(tree: tuple[Any, ...]) -> tuple[Any, int]:
    unit, degree = _unit(tree[2])
    if tree[1] == "sum" and degree != 1:
        raise InputError("sum() adds up flows (revenues, units, write-downs): divide two sums for a price or a share")
    if tree[1] != "sum" and degree != 0:
        raise InputError(f"{tree[1]}() of a flow would depend on the length of a step: use sum()")
    return (unit_registry().Unit("dimensionless") if tree[1] == "growth" else unit), 0


def _extent(tree: tuple[Any, ...]) -> int:
    """Degree of a node in the length of the period."""
    if tree[0] in ("number", "chip", "reduce"):
        return int(tree[0] == "reduce" and tree[1] == "sum" and tree[3] is None)
    left, right = _extent(tree[1]), _extent(tree[2])
    return {"*": left + right, "/": left - right}.get(tree[0], left)


def _value(tree: tuple[Any, ...], view: View, period: Period) -> Any:
    kind = tree[0]
    if kind == "number":
        return tree[1]
    if kind == "field":
        return view.fields[tree[1]]
    if kind == "chip":
        weights = _weights(view, period)
        return view.chip(tree[1], tree[2])[np.flatnonzero(weights)[-1]]
    if kind == "reduce":
        return _reduce(tree, view, period)
    left, right = _value(tree[1], view, period), _value(tree[2], view, period)
    if kind in "+-":
        right = right * _rate(tree[2], tree[1])
        return left + right if kind == "+" else left - right
    return left * right if kind == "*" else left / right


def _rate(given: tuple[Any, ...], wanted: tuple[Any, ...]) -> float:
    """What a value of one node is multiplied by to be in the unit of another."""
    return float((1.0 * _unit(given)[0]).to(_unit(wanted)[0]).magnitude)


def _reduce(tree: tuple[Any, ...], view: View, period: Period) -> Floats:
    _, name, inner, own = tree
    values = np.broadcast_to(_value(inner, view, period), (len(view.starts), _width(view)))
    if name == "growth":
        before, after = (np.flatnonzero(_weights(view, p))[-1] for p in (own, period))
        return np.asarray((values[after] / values[before]) ** (1.0 / ((after - before) * view.dt)))
    weights = _weights(view, own or period)
    inside = np.flatnonzero(weights)
    if name in ("first", "last"):
        return np.asarray(values[inside[0 if name == "first" else -1]])
    if name == "peak":
        return np.asarray(values[inside].max(axis=0))
    total = np.zeros(values.shape[1])
    for t in inside:  # one fixed order of adding, whatever the number of scenarios
        total += weights[t] * values[t]
    return total if name == "sum" else total / weights.sum()


def _width(view: View) -> int:
    return int(next(iter(view.fields.values())).shape[1])


def _weights(view: View, period: Period) -> Floats:
    """Share of each step that lies inside the period, float64[n_steps]; slivers of rounding count as nothing."""
    overlap = np.minimum(view.starts + view.dt, period.end) - np.maximum(view.starts, period.start)
    share = overlap / view.dt
    return np.where(share > 1e-9, np.where(share > 1.0 - 1e-9, 1.0, share), 0.0)
