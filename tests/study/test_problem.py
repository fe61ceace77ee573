"""Policies as people write them, and the columns that a search compares."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.small import problem

from tiercap.optimizer.errors import InputError
from tiercap.optimizer.rules.book import find_rule
from tiercap.optimizer.rules.encode import rule_levers
from tiercap.optimizer.rules.levers import LEVERS_TABLE, check_nesting
from tiercap.optimizer.study.problem import parse_policy, policies_from_csv
from tiercap.optimizer.study.records import LEVER_PARTS

BASE = rule_levers(find_rule("unrestricted"))


def test_a_policy_of_levers_is_read_with_units() -> None:
    name, row = parse_policy(" c_open_tpp=1600 TPP, c_open_memory = 4800 GB/s,c_quota_share=20 % ", BASE)
    assert name == "c_open_tpp=1600 TPP, c_open_memory = 4800 GB/s,c_quota_share=20 %".strip()
    assert row["c"]["tpp"][0, 0, 0] == 1600.0
    assert row["c"]["memory"][0, 0, 0] == 4.8
    assert row["c"]["quota_share"][0] == 0.2


def test_a_rule_is_read_in_any_case_and_none_lifts() -> None:
    assert parse_policy(" BIS-2026 ", BASE)[1] == rule_levers(find_rule("bis-2026"))
    lifted = parse_policy("c_open_tpp=5,c_licensed_tpp=none", BASE)[1]
    assert lifted["c"]["tpp"][0, 1, 0] == math.inf


MISTAKES = {
    "": "unknown rule",
    "bis2026": "did you mean `bis-2026`?",
    "c_licensed_tpp": "write c_licensed_tpp=VALUE [TPP]",
    "c_licenced_tpp=3": "did you mean `c_licensed_tpp`?",
    "c_licensed_tpp=3 GB/s": "expected TPP",
    "c_licensed_tpp=nan": "only finite",
    "c_licensed_tpp=inf": "or none to lift it",
    "c_licensed_tpp=1e400": "too large",
    "c_licensed_tpp=1e300": "leaves its domain: give 0 to 1e+09 TPP",
    "c_open_tpp=-1": "leaves its domain",
    "c_open_tpp=": "it is empty",
    "c_open_tpp=1,c_open_tpp=2": "given twice",
    "c_open_tpp=1600,c_licensed_tpp=30,000": "thousands separators",
    "c_open_tpp=2,c_licensed_tpp=1": "c_open_tpp (2) is looser than c_licensed_tpp (1)",
    "c_revenue_share=none": "cannot be lifted: give 0 to 1",
    "c_no_diversion=0.5": "whole number",
    "\x1b[31m=3": "unknown lever `?[31m`",
}


@pytest.mark.parametrize(("text", "says"), MISTAKES.items())
def test_a_mistake_in_a_policy_is_one_sentence(text: str, says: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_policy(text, BASE)
    assert says in str(caught.value)
    assert str(caught.value).isprintable()


LEVER_TEXTS = st.tuples(
    st.sampled_from([*LEVERS_TABLE, "c_open_tpq", ""]),
    st.sampled_from(["=", "==", "", " = "]),
    st.one_of(
        st.text(max_size=12),
        st.floats().map(repr),
        st.integers(-10, 10**6).map(str),
        st.sampled_from(["none", "5 TPP", "3 GB/s", "20 %"]),
    ),
)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=60), st.lists(LEVER_TEXTS, min_size=1, max_size=4)))
def test_any_text_is_a_sound_policy_or_one_sentence(text: str | list[tuple[str, str, str]]) -> None:
    if not isinstance(text, str):
        text = ",".join("".join(parts) for parts in text)
    try:
        _, row = parse_policy(text, BASE)
    except InputError as error:
        assert str(error).isprintable()
        return
    check_nesting(row, dict.fromkeys(LEVERS_TABLE, 0.0))  # raises where a tier loosens
    assert not any(np.isnan(row[group][field]).any() for group in "abc" for field in row[group].dtype.names)


def test_rows_of_a_table_are_the_policies_of_the_command_line() -> None:
    table = b"\xef\xbb\xbf c_open_tpp ,name,c_open_memory\r\n1600 TPP,first,\r\n\r\n,,4800 GB/s\r\n"
    rows = policies_from_csv(table, "table.csv", BASE, 10)
    assert [name for name, _ in rows] == ["first", "row 2"]
    assert rows[0][1] == parse_policy("c_open_tpp=1600", BASE)[1]
    assert rows[1][1] == parse_policy("c_open_memory=4.8 TB/s", BASE)[1]


TABLES = {
    b"": "holds no rows",
    b"\xef\xbb\xbf": "holds no rows",
    b"name,c_open_tpp\n": "holds no rows",
    b"name,c_opn_tpp\na,1\n": "t.csv:1: unknown column `c_opn_tpp`: did you mean `c_open_tpp`?",
    b"c_open_tpp,c_open_tpp\n1,2\n": "t.csv:1: column `c_open_tpp` stands twice",
    b"name,c_open_tpp\na,1,2\n": "t.csv:2: 3 cells under 2 columns",
    b"name,c_open_tpp\n\na\n": "t.csv:3: 1 cells under 2 columns",
    b'name,c_open_tpp\n"a,1\n': "t.csv:2: not valid CSV",
    b"name,c_open_tpp\na,x\n": "t.csv:2: `c_open_tpp`: `x` is not a number",
    b"name,c_open_tpp,c_licensed_tpp\na,2,1\n": "t.csv:2: c_open_tpp (2) is looser",
    b"name,c_open_tpp\na,1\xff\n": "t.csv:2: byte 0xff is not UTF-8",
    b"name,c_open_tpp\na\0,1\n": "t.csv:2: holds a NUL byte",
    b"c_open_tpp\n" + b"1\n" * 6: "t.csv:7: more than 5 rows",
    b"c_open_tpp\n" + b"1" * 200_000: "t.csv:2: not valid CSV (field larger",
    b"c_open_tpp\n" + b"1\n" * 2**23: "larger than 16 MiB",
}


@pytest.mark.parametrize(("table", "says"), TABLES.items(), ids=range(len(TABLES)))
def test_a_mistake_in_a_table_is_said_with_its_line(table: bytes, says: str) -> None:
    with pytest.raises(InputError) as caught:
        policies_from_csv(table, "t.csv", BASE, 5)
    assert says in str(caught.value)
    assert str(caught.value).isprintable()


def test_study_levers_are_the_levers_of_the_table() -> None:
    assert set(LEVERS_TABLE) - set(LEVER_PARTS) == {"a_reading", "b_reading", "c_reading"}
    assert LEVER_PARTS["c_open_memory"].unit == "GB/s"
    for name, part in LEVER_PARTS.items():
        scale = 1000.0 if part.unit != LEVERS_TABLE[name].unit else 1.0
        assert (part.low, part.high) == (LEVERS_TABLE[name].low * scale, LEVERS_TABLE[name].high * scale)


def test_violations_are_shares_of_their_bounds() -> None:
    small = problem("constraints.gap.min=10", "constraints.gap.max=20", "constraints.revenue.min=0")
    values = np.array([[5.0, 15.0, 1.0], [-3.0, 8.0, 1.0], [0.0, 30.0, 1.0]])  # revenue, gap, substitution
    assert small.screened == [("revenue", "mean"), ("gap", "mean"), ("substitution", "mean")]
    assert small.bounds() == ["mean of gap >= 10 year", "mean of gap <= 20 year", "mean of revenue >= 0 GUSD"]
    assert small.excess(values).tolist() == [[-5, -5, -5], [2, -12, 3], [-20, 10, 0]]
    assert small.violations(values).tolist() == [[-0.5, -0.25, -5], [0.2, -0.6, 3], [-2, 0.5, 0]]
    assert small.losses(values)[0].tolist() == [-5.0, -15.0, 1.0]


def test_too_many_scenarios_are_refused_before_they_are_drawn() -> None:
    with pytest.raises(InputError, match=r"1,000,000 scenarios over 8 steps .* at most [0-9,]+ \(scenarios\.count\)"):
        _ = problem("scenarios.count=1000000").scenarios


def test_the_screen_sees_the_first_scenarios_of_the_ensemble() -> None:
    small = problem("search.screen_scenarios=8")
    assert (small.screener.scenarios.table == small.scenarios.table[:8]).all()
    assert small.screener.scenarios.weights.sum() == 1.0
