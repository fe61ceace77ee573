"""The record: periods, formulas and rows, read strictly; every complaint names its place."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.record_rows import GOOD, as_csv

from tiercap.optimizer.calibration.formulas import SERIES, View, parse_formula
from tiercap.optimizer.calibration.record import DEFINITIONS, load_record, of_role, parse_record
from tiercap.optimizer.errors import InputError
from tiercap.optimizer.io.periods import parse_period


def one(**changes: str):
    return parse_record(as_csv({**GOOD, **changes}), "mine.csv")[0]


# --- periods -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2024", 2024.0, 2025.0),
        ("2024Q3", 2024.5, 2024.75),
        ("2024H2", 2024.5, 2025.0),
        ("2024-02", 2024 + 1 / 12, 2024 + 2 / 12),
        ("2024-02..2025-01", 2024 + 1 / 12, 2025 + 1 / 12),
        ("2022Q4..2024", 2022.75, 2025.0),
    ],
)
def test_periods(text, start, end):
    period = parse_period(f" {text} ")
    assert (period.text, period.start, period.end) == (text, pytest.approx(start), pytest.approx(end))


@pytest.mark.parametrize(
    "text", ["", "24", "2024Q5", "2024q1", "2024H3", "2024-13", "2024-1", "2024..", "..2024", "2025..2024", "FY25",
             "2024Q1..2024Q2..2024Q3", "２０２４", "2024.5", "2024Q1 2024Q2"],
)  # fmt: skip
def test_what_is_no_period(text):
    with pytest.raises(InputError, match="period"):
        parse_period(text)


# --- formulas ------------------------------------------------------------------------------------------------

STARTS = np.array([2024.0, 2024.25, 2024.5, 2024.75])


def view(**fields: list[float]) -> View:
    """Four quarters of 2024 in two scenarios, the second ten times the first."""
    columns = {name: np.stack([np.array(v), 10.0 * np.array(v)], axis=1) for name, v in fields.items()}
    return View(columns, STARTS, 0.25, lambda function, name: np.full((4, 2), float(len(function) + len(name))))


FIELDS = {"units_open": [1.0, 2.0, 3.0, 4.0], "units_licensed": [0.0, 0.0, 1.0, 1.0], "gross_revenue_c": [2.0] * 4,
          "stock_a_st": [1.0, 2.0, 4.0, 8.0], "lock_in": [0.5, 0.25, 0.5, 1.0]}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "period", "expected"),
    [
        ("sum(units_open)", "2024", (10, 100)),
        ("sum(units_open)", "2024-02..2024-04", (1 * 2 / 3 + 2 / 3, 20 * 2 / 3)),
        ("sum(exporter_units)", "2024H2", (9, 90)),
        ("sum(units_open, 2024Q4) / sum(units_open, 2024Q1)", "2024", (4, 4)),
        ("sum(gross_revenue_c) / sum(units_open + units_licensed)", "2024H2", (4 / 9, 4 / 9)),
        ("mean(lock_in)", "2024H1", (0.375, 3.75)),
        ("first(lock_in)", "2024H2", (0.5, 5)),
        ("last(stock_a_st)", "2024", (8, 80)),
        ("peak(lock_in)", "2024", (1, 10)),
        ("growth(stock_a_st, 2024Q1)", "2024Q3", (4.0**2, 4.0**2)),
        ("1 - 2 * mean(lock_in) / 3", "2024Q1", (1 - 1 / 3, 1 - 10 / 3)),
        ("(sum(units_open) + sum(units_licensed)) / sum(units_open)", "2024Q3", (4 / 3, 4 / 3)),
        ("dc(H20) / own_dc(Ascend 910C)", "2024", (5 / 17, 5 / 17)),
        ("sum(units_licensed) / sum(units_licensed)", "2024Q1", (math.nan, math.nan)),
    ],
)
def test_formulas(text, period, expected):
    found = parse_formula(text)(view(**FIELDS), parse_period(period))
    assert found == pytest.approx(np.array(expected, dtype=float), rel=1e-12, nan_ok=True)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "is missing at the end"),
        ("units_open", r"write sum\(units_open\)"),
        ("sum(units_opn)", "did you mean `units_open`"),
        ("summ(units_open)", "did you mean `sum`"),
        ("sum(units_open", r"`\)` is missing at the end"),
        ("sum(units_open))", "left over"),
        ("sum(units_open) sum(units_open)", "left over"),
        ("sum(price_open)", "adds up flows"),
        ("mean(units_open)", "length of a step"),
        ("growth(stock_a_st)", "needs the period it starts from"),
        ("sum(units_open, 2024Q9)", "is not a period"),
        ("sum(units_open) + sum(gross_revenue_c)", "does not fit together"),
        ("sum(units_open + price_open)", "does not fit together"),
        ("sum(units_open) ; rm", "left over"),
        ("__import__(os)", "is no reduction"),
        ("((((((((((" * 5 + "1", "nested too deeply"),
        ("sum(units_open)" + " " * 300, "too long"),
        ("1 +", "is missing at the end"),
        ("dc(H20", "closing"),
        ("sum(units_open) ** 2", "is missing before"),
    ],
)
def test_what_is_no_formula(text, complaint):
    with pytest.raises(InputError, match=complaint):
        parse_formula(text)


@given(st.text(alphabet="sumean()+-*/,. 0123456789_unitsopH20", max_size=60))
def test_any_text_is_a_formula_or_one_sentence(text):
    try:
        parse_formula(text)
    except InputError as error:
        assert "\n" not in str(error)


def test_the_declared_series_are_formulas():
    for name in SERIES:
        assert parse_formula(f"sum({name})").fields


# --- rows ----------------------------------------------------------------------------------------------------


def test_a_row():
    row = one()
    assert (row.value, row.low, row.high, row.role, row.unit) == (958.0, 737.0, 1250.0, "calibrate", "kchip")
    assert row.to_unit == pytest.approx(1000.0)  # the model counts in Mchip
    assert row.sigma == pytest.approx(math.log(1250 / 737) / (2 * 1.6448536))
    assert one(error="normal").sigma == pytest.approx((1250 - 737) / (2 * 1.6448536))


@pytest.mark.parametrize(
    ("period", "role"),
    [("2024Q4", "calibrate"), ("2024", "calibrate"), ("2024-11..2025-01", "validate"), ("2025Q1", "validate")],
)
def test_the_period_alone_decides_the_role(period, role):
    assert one(period=period).role == role
    assert one(period=period, kind="forecast").role == "plausibility"


def test_context_is_compared_with_nothing():
    row = one(kind="context", outcome="", unit="wafers a month", definition="other", low="", high="")
    assert row.role == "plausibility"
    assert row.formula is None
    assert math.isnan(row.low)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"moment": ""}, "column `moment`: a name"),
        ({"period": "FY25"}, "column `period`: `FY25` is not a period"),
        ({"kind": "observed"}, "column `kind`: `observed` is none of .* did you mean `observation`"),
        ({"outcome": "sum(units_opn)"}, "column `outcome`: .* did you mean `units_open`"),
        ({"outcome": ""}, "column `outcome`: it is empty"),
        ({"outcome": "dc(H999)", "unit": "1", "definition": "ratio"}, "column `outcome`: unknown chip"),
        ({"outcome": "dc(B30A)", "unit": "1", "definition": "ratio"}, "column `outcome`: the figures of chip"),
        ({"group": "d"}, "column `group`: `d` is none of"),
        ({"group": "a"}, "column `group`: the outcome is about c, not a"),
        ({"value": "1,5"}, "column `value`: .* use a point"),
        ({"value": "nan"}, "column `value`: .* finite"),
        ({"value": ""}, "column `value`: it is empty: an observation needs"),
        ({"low": "2000"}, "column `low`: 2000 is above value 958"),
        ({"high": "100"}, "column `value`: 958 is above high 100"),
        ({"low": "958", "high": "958"}, "column `low`: it equals high"),
        ({"low": "0"}, "column `error`: a lognormal error needs figures above 0"),
        ({"unit": "furlong"}, "column `unit`: `furlong` is no unit of the record"),
        ({"unit": ""}, "column `unit`: it is empty"),
        ({"unit": "GUSD", "definition": "revenue"}, "column `unit`: the outcome has another"),
        ({"definition": "revenue"}, "column `definition`: .* does not fit"),
        ({"definition": "turnover"}, "column `definition`: `turnover` is none of"),
        ({"error": "gamma"}, "column `error`: `gamma` is none of"),
        ({"source": ""}, "column `source`: it is empty"),
        ({"evidence": "rumour"}, "column `evidence`: `rumour` is none of"),
        ({"kind": "context"}, "column `outcome`: a context row is compared with nothing"),
    ],
)
def test_complaints_name_file_line_and_column(changes, complaint):
    with pytest.raises(InputError, match=f"^mine.csv:2: {complaint}") as caught:
        one(**changes)
    assert "\n" not in str(caught.value)


def test_hostile_files(tmp_path: Path):
    for data, complaint in (
        (b"", "holds no rows"),
        (b"moment,period\nx,2024\n", "missing column `kind`"),
        (as_csv(GOOD).replace(b"note", b"notes", 1), "unknown column `notes`: did you mean `note`"),
        (as_csv(GOOD, GOOD), "mine.csv:3: column `moment`: `some-units` stands on line 2 already"),
        (as_csv(GOOD)[:-3] + b',"', "not valid CSV|cells under"),
        (as_csv(GOOD).replace(b"a source", b"\xff\xfe"), "not UTF-8"),
        (as_csv(GOOD) + b"x,y\n", "mine.csv:3: 2 cells under 14 columns"),
        (as_csv(GOOD).replace(b"958", b"9\x0058"), "NUL"),
    ):
        with pytest.raises(InputError, match=complaint):
            parse_record(data, "mine.csv")
    with pytest.raises(InputError, match="cannot be read as a record"):
        load_record(tmp_path / "nowhere.csv")
    with pytest.raises(InputError, match="cannot be read as a record"):
        load_record(tmp_path)


def test_a_file_adds_replaces_or_stands_alone(tmp_path: Path):
    path = tmp_path / "mine.csv"
    path.write_bytes(b"\xef\xbb\xbf" + as_csv(GOOD, {**GOOD, "moment": "h20-units-2024", "value": "900"}))
    builtin = load_record()
    both = load_record(path)
    assert len(both) == len(builtin) + 1
    assert {row.moment: row.value for row in both}["h20-units-2024"] == 900.0
    assert [row.moment for row in load_record(path, builtin=False)] == ["some-units", "h20-units-2024"]


def test_the_built_in_record():
    rows = load_record()
    roles = {role: of_role(rows, role) for role in ("calibrate", "validate", "plausibility")}
    assert min(map(len, roles.values())) >= 10
    assert all(row.period.end <= 2025.0 for row in roles["calibrate"])
    assert all(row.period.end > 2025.0 for row in roles["validate"])
    assert all(row.kind != "observation" for row in roles["plausibility"])
    assert {row.definition for row in roles["calibrate"]} <= set(DEFINITIONS)
    assert all(row.note for row in rows if row.kind == "context"), "a context row says why it has no counterpart"


def test_one_definition_a_series():
    """Rows with the same formula are figures of the same kind: definitions are never mixed."""
    kinds: dict[str, set[str]] = {}
    for row in load_record():
        if row.formula is not None:
            kinds.setdefault(row.formula.shape, set()).add(row.definition)
    assert all(len(found) == 1 for found in kinds.values())
