"""The policy language: every form, every mistake one sentence, any text sound or refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiercap.optimizer.errors import InputError
from tiercap.optimizer.rules import nesting, policy_text
from tiercap.optimizer.rules.book import find_rule
from tiercap.optimizer.rules.encode import apply_levers, rule_levers
from tiercap.optimizer.rules.levers import LEVERS_TABLE
from tiercap.optimizer.rules.policy_forms import FORMS
from tiercap.optimizer.rules.policy_text import Levers, Rules

BASE = rule_levers(find_rule("unrestricted"))


def row_of(text: str) -> np.ndarray:
    """The levers of a text that names one rule or gives levers: LEVERS[1]."""
    meant = policy_text.parse(text)
    return apply_levers(BASE, meant.values) if isinstance(meant, Levers) else rule_levers(meant.rules[0])


def test_a_policy_of_levers_is_read_with_units() -> None:
    row = row_of(" c_open_tpp=1600 TPP, c_open_memory = 4800 GB/s,c_quota_share=20 % ")
    assert row["c"]["tpp"][0, 0, 0] == 1600.0
    assert row["c"]["memory"][0, 0, 0] == 4.8
    assert row["c"]["quota_share"][0] == 0.2


def test_a_rule_is_read_in_any_case_and_none_lifts() -> None:
    assert row_of(" BIS-2026 ") == rule_levers(find_rule("bis-2026"))
    lifted = row_of("c_open_tpp=5,c_licensed_tpp=none")
    assert lifted["c"]["tpp"][0, 1, 0] == math.inf


def test_rules_may_follow_each_other() -> None:
    meant = policy_text.parse("ban, 2028 : bis-2026,2030.5:unrestricted")
    assert meant == Rules(tuple(map(find_rule, ("ban", "bis-2026", "unrestricted"))), (2028.0, 2030.5))


def test_a_rule_that_is_unknown_is_told_every_form() -> None:
    with pytest.raises(InputError, match="a policy is") as caught:
        policy_text.parse("bis2026")
    assert FORMS in str(caught.value)


MISTAKES = {
    "ban,2028:unrestrcted": "policy `ban,2028:unrestrcted`: unknown rule `unrestrcted`: did you mean `unrestricted`?",
    "ban,bis-2026": "`bis-2026` is neither YEAR:RULE nor NAME=VALUE",
    "ban,soon:bis-2026": "year of a schedule",
    "ban,2028:bis-2026,2028:ban": "years must rise",
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
        row_of(text)
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
        row = row_of(text)
    except InputError as error:
        assert str(error).isprintable()
        return
    nesting.check(row, dict.fromkeys(LEVERS_TABLE, 0.0))  # raises where a tier loosens
    assert not any(np.isnan(row[group][field]).any() for group in "abc" for field in row[group].dtype.names)


def test_rows_of_a_table_are_the_policies_of_the_command_line() -> None:
    table = b"\xef\xbb\xbf c_open_tpp ,name,c_open_memory\r\n1600 TPP,first,\r\n\r\n,,4800 GB/s\r\n"
    rows = policy_text.table(table, "table.csv", 10)
    assert [(name, line) for name, line, _ in rows] == [("first", 2), ("row 2", 4)]
    assert rows[0][2] == policy_text.parse("c_open_tpp=1600")
    assert rows[1][2] == policy_text.parse("c_open_memory=4.8 TB/s")


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
    b"name,c_open_tpp\na,1\xff\n": "t.csv:2: byte 0xff is not UTF-8",
    b"name,c_open_tpp\na\0,1\n": "t.csv:2: holds a NUL byte",
    b"c_open_tpp\n" + b"1\n" * 6: "t.csv:7: more than 5 rows",
    b"c_open_tpp\n" + b"1" * 200_000: "t.csv:2: not valid CSV (field larger",
    b"c_open_tpp\n" + b"1\n" * 2**23: "larger than 16 MiB",
}


@pytest.mark.parametrize(("table", "says"), TABLES.items(), ids=range(len(TABLES)))
def test_a_mistake_in_a_table_is_said_with_its_line(table: bytes, says: str) -> None:
    with pytest.raises(InputError) as caught:
        policy_text.table(table, "t.csv", 5)
    assert says in str(caught.value)
    assert str(caught.value).isprintable()
