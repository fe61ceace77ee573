"""The record: what was observed, row by row, with the model outcome each row is compared with.

``data/record.csv`` holds the built-in rows; a file in the same schema adds to it or stands in for it. A row names its
period, its formula (see ``formulas``), the group it is about, a value with a range, a unit and what kind of figure it
is. Its role follows from its period alone: a row that ends by 2024 Q4 calibrates, a later one validates. Forecasts by
others, and facts without a counterpart in the model, are declared so and are never scored as observations.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tiercap.kernels.params import GROUPS
from tiercap.optimizer.calibration.formulas import Formula, parse_formula
from tiercap.optimizer.data import EVIDENCE, shipped
from tiercap.optimizer.errors import InputError, did_you_mean
from tiercap.optimizer.io import csv_text
from tiercap.optimizer.io.periods import Period, parse_period
from tiercap.optimizer.io.units import conversion, conversion_of, number, printable
from tiercap.optimizer.rules.chips import find_chip

Kind = Literal["observation", "forecast", "context"]
Role = Literal["calibrate", "validate", "plausibility"]
Error = Literal["normal", "lognormal"]

#: What a row may be: seen, foretold by somebody else, or without a counterpart in the model.
KINDS: tuple[Kind, ...] = ("observation", "forecast", "context")
ROLES: tuple[Role, ...] = ("calibrate", "validate", "plausibility")
ERRORS: tuple[Error, ...] = ("normal", "lognormal")
#: Kinds of figures, with the unit that each must convert to. Two that differ are never compared.
DEFINITIONS: Mapping[str, str] = {
    "revenue": "GUSD",
    "charge": "GUSD",
    "price": "kUSD/chip",
    "units": "Mchip",
    "h100e": "MH100e",
    "wafers": "kwafer/month",
    "stacks": "Mstack/year",
    "share": "1",
    "ratio": "1",
    "growth": "1",
}
#: Rows that end by then calibrate [year].
CALIBRATE_UNTIL = 2025.0
MAX_ROWS = 10_000
WORLD = "all"

COLUMNS = (
    "moment", "period", "kind", "outcome", "group", "value", "low", "high", "unit", "definition", "error", "source",
    "evidence", "note",
)  # fmt: skip


@dataclass(frozen=True)
class RecordRow:
    """One row. Figures are in `unit`; the range holds 90 % of the probability; NaN stands for a figure not given.

    formula : None for context; to_unit : what the formula's value is multiplied by to be in `unit`
    """

    moment: str
    period: Period
    kind: Kind
    formula: Formula | None
    group: str
    value: float
    low: float
    high: float
    unit: str
    definition: str
    error: Error
    source: str
    evidence: str
    note: str
    to_unit: float
    place: str

    @property
    def role(self) -> Role:
        """calibrate, validate or plausibility."""
        if self.kind != "observation":
            return "plausibility"
        return "calibrate" if self.period.end <= CALIBRATE_UNTIL + 1e-9 else "validate"

    @property
    def scale(self) -> Literal["log", "linear"]:
        """The scale on which the error is normal."""
        return "log" if self.error == "lognormal" else "linear"

    @property
    def sigma(self) -> float:
        """Standard deviation of the observation: in `unit`, or of its logarithm where the error is lognormal."""
        from tiercap.optimizer.calibration import scales  # late: listing the record needs no NumPy

        return scales.sigma(self.low, self.high, self.scale, self.low)

    @property
    def outcome(self) -> str:
        """The formula as it was written; empty for context."""
        return self.formula.text if self.formula else ""


def load_record(path: Path | None = None, builtin: bool = True) -> tuple[RecordRow, ...]:
    """The rows of the record: the built-in ones, those of ``path``, or both.

    With both, a row of ``path`` replaces the built-in row of the same moment. Raises :class:`InputError` that names
    file, line and column.
    """
    rows = {row.moment: row for row in _builtin()} if builtin or path is None else {}
    if path is not None:
        rows |= {row.moment: row for row in parse_record(_bytes(path), _shown(path))}
    return tuple(rows.values())


def of_role(rows: Iterable[RecordRow], *roles: Role) -> tuple[RecordRow, ...]:
    """The rows that have one of the roles, in their order."""
    return tuple(row for row in rows if row.role in roles)


def parse_record(data: bytes, place: str) -> tuple[RecordRow, ...]:
    """The rows of a CSV in the schema of ``data/record.csv``; ``place`` is its name in messages."""
    header, lines = csv_text.read(data, place, COLUMNS, MAX_ROWS, "an observed moment")
    missing = [column for column in COLUMNS if column not in header]
    if missing:
        listed = ", ".join(f"`{column}`" for column in missing)
        raise InputError(f"{place}: missing column {listed}: add it, cells may stay empty where nothing is known")
    rows: dict[str, RecordRow] = {}
    for line, cells in lines:
        row = _row(dict(zip(header, cells, strict=True)), f"{place}:{line}")
        if row.moment in rows:
            first = rows[row.moment].place.rpartition(":")[2]
            raise InputError(
                f"{row.place}: column `moment`: `{printable(row.moment)}` stands on line {first} already: rename one"
            )
        rows[row.moment] = row
    return tuple(rows.values())


def _builtin() -> tuple[RecordRow, ...]:
    return parse_record(shipped("record.csv").read_bytes(), "record.csv")


def _shown(path: Path) -> str:
    return "".join(c if c.isprintable() else "?" for c in str(path))[-120:]


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(csv_text.MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{_shown(path)} cannot be read as a record: {reason}") from None


def _row(cells: Mapping[str, str], place: str) -> RecordRow:
    values: dict[str, Any] = {}
    for column in COLUMNS:
        values[column] = _cell(column, cells, place, values)
    formula = values.pop("outcome")
    row = RecordRow(formula=formula, to_unit=_to_unit(formula, values, place), place=place, **values)
    _check_range(row)
    _check_group(row)
    return row


def _cell(column: str, cells: Mapping[str, str], place: str, before: Mapping[str, Any]) -> Any:
    """One cell as the type of its column; ``before`` holds the columns to its left in :data:`COLUMNS`."""
    try:
        return _READERS.get(column, _text)(cells[column], before)
    except InputError as error:
        raise InputError(f"{place}: column `{column}`: {error}") from None


def _text(text: str, before: Mapping[str, Any]) -> str:
    return text


def _named(text: str, before: Mapping[str, Any]) -> str:
    if not text or len(text) > 80 or not text.isprintable():
        raise InputError("a name of 1 to 80 printable characters is needed")
    return text


def _source(text: str, before: Mapping[str, Any]) -> str:
    if not text:
        raise InputError("it is empty: say who published the figure, and when")
    return text


def _choice(*known: str) -> Callable[[str, Mapping[str, Any]], str]:
    def read(text: str, before: Mapping[str, Any]) -> str:
        if text not in known:
            raise InputError(f"`{printable(text)}` is none of {', '.join(known)}: {did_you_mean(text[:60], known)}")
        return text

    return read


def _formula(text: str, before: Mapping[str, Any]) -> Formula | None:
    if before["kind"] == "context":
        if text:
            raise InputError("a context row is compared with nothing: leave the cell empty, or change the kind")
        return None
    if not text:
        raise InputError("it is empty: name a formula such as sum(gross_revenue_c), or make the row context")
    formula = parse_formula(text)
    for name in formula.chips:
        chip = find_chip(name)
        if None in (chip.fp8_pflops, chip.memory_gbs, chip.io_gbs):
            raise InputError(f"the figures of chip `{printable(name)}` are not all known: name another")
    return formula


def _figure(text: str, before: Mapping[str, Any]) -> float:
    return number(text) if text else math.nan


def _unit_of(text: str, before: Mapping[str, Any]) -> str:
    if not text:
        raise InputError("it is empty: write a unit such as GUSD or Mchip, 1 for a pure number")
    if before["kind"] == "context" or text == "1":
        return text
    for known in dict.fromkeys(DEFINITIONS.values()):
        try:
            conversion(text, known)
        except InputError:
            continue
        return text
    listed = ", ".join(dict.fromkeys(DEFINITIONS.values()))
    raise InputError(f"`{printable(text)}` is no unit of the record: write one that converts to {listed}")


def _definition(text: str, before: Mapping[str, Any]) -> str:
    if before["kind"] == "context" and text == "other":
        return text
    _choice(*DEFINITIONS)(text, before)
    conversion(before["unit"], DEFINITIONS[text])
    return text


_READERS: Mapping[str, Callable[[str, Mapping[str, Any]], Any]] = {
    "moment": _named,
    "period": lambda text, before: parse_period(text),
    "kind": _choice(*KINDS),
    "outcome": _formula,
    "group": _choice(*GROUPS, WORLD),
    "value": _figure,
    "low": _figure,
    "high": _figure,
    "unit": _unit_of,
    "definition": _definition,
    "error": _choice(*ERRORS),
    "source": _source,
    "evidence": _choice(*EVIDENCE),
}


def _to_unit(formula: Formula | None, values: Mapping[str, Any], place: str) -> float:
    if formula is None:
        return math.nan
    try:
        return conversion_of(formula.unit, values["unit"])
    except InputError as error:
        raise InputError(f"{place}: column `unit`: the outcome has another: {error}") from None


def _check_range(row: RecordRow) -> None:
    if row.kind == "observation":
        for column in ("value", "low", "high"):
            if math.isnan(getattr(row, column)):
                raise InputError(f"{row.place}: column `{column}`: it is empty: an observation needs value and range")
    for column, other, wrong in (("low", "value", row.low > row.value), ("value", "high", row.value > row.high),
                                 ("low", "high", row.low > row.high)):  # fmt: skip
        if wrong:
            figures = f"{getattr(row, column):g} is above {other} {getattr(row, other):g}"
            raise InputError(f"{row.place}: column `{column}`: {figures}: swap or correct them")
    if row.kind == "observation" and row.low == row.high:
        raise InputError(f"{row.place}: column `low`: it equals high: no figure is known exactly, give a range")
    if row.error == "lognormal" and min(x for x in (row.low, row.value, math.inf) if not math.isnan(x)) <= 0:
        raise InputError(f"{row.place}: column `error`: a lognormal error needs figures above 0: write normal")


def _check_group(row: RecordRow) -> None:
    """Fields end in the group they are about; those without such an end are about C."""
    if row.formula is None or not row.formula.fields:
        return
    found = {_group(field) for field in row.formula.fields}
    said = WORLD if len(found) > 1 else found.pop()
    if row.group != said:
        raise InputError(f"{row.place}: column `group`: the outcome is about {said}, not {row.group}")


def _group(field: str) -> str:
    for group in ("a", "b"):
        if field.endswith(f"_{group}") or f"_{group}_" in field:
            return group
    return "c"
