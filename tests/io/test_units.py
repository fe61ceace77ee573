"""Numbers and quantities: what is read, what is refused, and in which words."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiercap.kernels.params import OUTCOME_LIST, PARAMETERS
from tiercap.optimizer.errors import InputError
from tiercap.optimizer.io.units import converted, factor, inside, number, outside, quantity, told
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


# --- one unit a name ---

CONTRACT_UNITS = sorted({entry.unit for entry in (*PARAMETERS, *OUTCOME_LIST, *LEVER_PARTS.values())})


@pytest.mark.parametrize("unit", [unit for unit in CONTRACT_UNITS if "M" in unit])
def test_m_is_not_read_where_a_million_may_be_meant(unit: str) -> None:
    small = unit.replace("M", "m")
    with pytest.raises(InputError) as refused:
        quantity(f"4 {small}", unit, "x")
    meant = next(part for part in unit.split("/") if part[0] == "M")
    assert f"did you mean {meant}?" in str(refused.value)
    assert quantity(f"4 {unit}", unit) == 4.0


@pytest.mark.parametrize("unit", CONTRACT_UNITS)
def test_no_unit_of_the_contract_takes_a_small_m_before_it(unit: str) -> None:
    if unit not in ("1", "1/year"):
        with pytest.raises(InputError):
            quantity(f"5 m{unit}", unit)


@pytest.mark.parametrize(("text", "value"), [("5 TPP/mm2", 5.0), ("5 TPP/mm^2", 5.0), ("500 TPP/cm2", 5.0)])
def test_an_area_is_still_read_in_square_millimetres(text: str, value: float) -> None:
    assert quantity(text, "TPP/mm2") == value


def test_what_is_written_and_read_again_has_the_kernels_bits() -> None:
    """A million bandwidths over the whole domain: the row, what is told of it, that as text, and the row again."""
    rng = np.random.default_rng(14)
    given = np.concatenate([10.0 ** rng.uniform(-3, 9, 700_000), np.round(rng.uniform(1, 40_000, 300_000), 2)])
    held = inside(given, "GB/s")
    shown = outside(held, "GB/s")
    assert np.array_equal(inside(shown, "GB/s"), held)
    assert np.array_equal(shown[700_000:], given[700_000:])  # what a person would write comes back as written
    again = np.array([quantity(repr(value), "GB/s") for value in shown[::50].tolist()])
    assert np.array_equal(inside(again, "GB/s"), held[::50])
    assert [outside(value, "GB/s") for value in held[::50].tolist()] == shown[::50].tolist()


@pytest.mark.parametrize("value", [0.0, math.inf, 1e300, 5e-324])
def test_ends_are_kept(value: float) -> None:
    assert inside(outside(inside(value, "GB/s"), "GB/s"), "GB/s") == inside(value, "GB/s")


def test_what_a_file_declares_is_converted_or_refused() -> None:
    assert told("TB/s") == "GB/s"
    assert told("GUSD") == "GUSD"
    assert converted(np.array([0.676]), "TB/s", "GB/s").tolist() == [676.0]
    assert converted(np.array([676.0]), "GB/s", "TB/s").tolist() == [0.676]
    assert converted(1500.0, "MUSD", "GUSD") == 1.5
    with pytest.raises(InputError, match="does not fit"):
        converted(1.0, "1", "GUSD")
