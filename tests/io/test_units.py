"""Numbers and quantities: what is read, what is refused, and in which words."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiercap.kernels.params import OUTCOME_LIST, PARAMETERS
from tiercap.optimizer.errors import InputError
from tiercap.optimizer.io.units import factor, number, quantity
from tiercap.optimizer.study.records import LEVER_PARTS

READ = [
    ("6500 GB/s", "TB/s", 6.5),
    ("1400 GB/s", "TB/s", 1.4),
    ("6.5 TB/s", "GB/s", 6500.0),
    ("48 Gbit/s", "GB/s", 6.0),
    ("21000 TPP", "TPP", 21000.0),
    ("25 %", "1", 0.25),
    ("25%", "1", 0.25),
    ("20 %/year", "1/year", 0.2),
    ("1.5 GUSD", "GUSD", 1.5),
    ("1500 MUSD", "GUSD", 1.5),
    ("0.5 Mchip/year", "Mchip/year", 0.5),
    ("500000 chip/year", "Mchip/year", 0.5),
    ("6 month", "year", 0.5),
    ("16 kUSD/H100e", "kUSD/H100e", 16.0),
    ("5.92 TPP/mm2", "TPP/mm2", 5.92),
    ("-1.5e3", "1", -1500.0),
    (".5", "1", 0.5),
    (3, "1", 3.0),
]


@pytest.mark.parametrize(("text", "unit", "value"), READ)
def test_reads(text: object, unit: str, value: float) -> None:
    assert quantity(text, unit) == value


REFUSED_NUMBERS = [
    ("", "empty"),
    ("1_000", "underscores"),
    ("١٢", "plain digits"),
    ("１２", "plain digits"),
    ("Infinity", "finite"),
    ("-inf", "finite"),
    ("nan", "finite"),
    ("NaN", "finite"),
    ("1e400", "too large"),
    ("1e-400", "too small"),
    ("1,5", "point"),
    ("1,000", "thousands"),
    ("\u22125", "hyphen"),
    ("\u20135", "hyphen"),
    ("0x10", "decimal"),
    ("1e", "digits"),
    ("1.2.3", "digits"),
    ("--1", "digits"),
    ("1 2", "digits"),
    ("1\n", "digits"),
    ("1\x00", "digits"),
    ("five", "digits"),
    ("9" * 200, "too long"),
]


@pytest.mark.parametrize(("text", "says"), REFUSED_NUMBERS)
def test_refuses_numbers_with_the_reason(text: str, says: str) -> None:
    with pytest.raises(InputError, match=says) as caught:
        number(text)
    assert "\n" not in str(caught.value)


REFUSED_QUANTITIES = [
    ("5 GUSD", "GB/s", "expected GB/s, such as 6500 GB/s"),
    ("5 Gb/s", "GB/s", "a byte is B"),
    ("5 furlong", "1", "unknown unit"),
    ("5 USD**9999999", "GUSD", "not a unit"),
    ("5 " + "a" * 60, "1", "not a unit"),
    ("5 " + "x/" * 200, "1", "too long"),
    ("__import__", "1", "not a number"),
    (True, "1", "must be a number"),
    (None, "1", "must be a number"),
    ([1], "1", "must be a number"),
    (math.nan, "1", "finite"),
    (math.inf, "1", "finite"),
    (10**400, "1", "finite"),
    ("1_000 TPP", "TPP", "underscores"),
    ("1,5 GUSD", "GUSD", "point"),
]


@pytest.mark.parametrize(("value", "unit", "says"), REFUSED_QUANTITIES)
def test_refuses_quantities_with_the_reason(value: object, unit: str, says: str) -> None:
    with pytest.raises(InputError) as caught:
        quantity(value, unit, "memory")
    assert says in str(caught.value)
    assert "`memory`" in str(caught.value)


def test_a_growth_factor_takes_no_percentage() -> None:
    assert factor("1.45", "frontier_growth_f") == 1.45
    with pytest.raises(InputError, match=r"1\.45 means 45 % more"):
        factor("45 %/year", "frontier_growth_f")


UNITS = (
    {p.unit for p in PARAMETERS}
    | {o.unit for o in OUTCOME_LIST}
    | {part.unit for part in LEVER_PARTS.values()}
)


@pytest.mark.parametrize("unit", sorted(UNITS))
def test_every_declared_unit_is_understood(unit: str) -> None:
    assert quantity(f"2 {unit}", unit) == 2.0
    if unit != "1":  # the registry knows it too, not only the shortcut for equal spellings
        assert quantity(f"2 {unit} ".replace("/", " / "), unit) == 2.0


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_what_python_writes_is_read_back(value: float) -> None:
    assert number(repr(value)) == value


@given(st.text(max_size=100), st.sampled_from(sorted(UNITS)))
def test_any_text_gives_a_finite_number_or_one_sentence(text: str, unit: str) -> None:
    try:
        assert math.isfinite(quantity(text, unit))
    except InputError as error:
        assert "\n" not in str(error)
        assert str(error).isprintable()


@pytest.mark.parametrize("hostile", ["9" * 100_000, "1" + "e" * 100_000, "1 " + "a/" * 50_000, " " * 100_000])
def test_hostile_lengths_are_refused_at_once(hostile: str) -> None:
    with pytest.raises(InputError):
        quantity(hostile, "1")
