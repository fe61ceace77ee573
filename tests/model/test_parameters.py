"""The data tables against the contract."""

from __future__ import annotations

import pytest

from tiercap.kernels.params import PARAMETERS
from tiercap.optimizer.data import EVIDENCE
from tiercap.optimizer.errors import InputError
from tiercap.optimizer.model import parameters

TABLE = {info.name: info for info in parameters.table()}


def test_every_parameter_has_value_source_and_evidence() -> None:
    assert list(TABLE) == [p.name for p in PARAMETERS]
    for p in parameters.DECLARED.values():
        info = TABLE[p.name]
        assert p.low <= info.low <= info.value <= info.high <= p.high, p.name
        assert info.unit == p.unit
        assert info.source
        assert info.evidence in EVIDENCE
        assert (info.distribution is None) == (info.kind == "constant")
        if info.kind == "uncertain":
            assert info.range_source
            assert info.range_evidence in EVIDENCE


def test_baseline_is_in_contract_order() -> None:
    assert list(parameters.baseline()) == [p.name for p in PARAMETERS]


def test_decode_weight_spans_the_stated_share() -> None:
    others = sum(TABLE[f"value_c_{w}"].value for w in ("st", "ft", "pf"))
    decode = TABLE["value_c_dc"]
    shares = [weight / (others + weight) for weight in (decode.low, decode.value, decode.high)]
    assert shares == pytest.approx([0.3, 0.5, 0.6])


@pytest.mark.parametrize("stock", ["stock_a", "stock_b", "stock_e", "stock_g", "stock_d"])
def test_stocks_range_from_half_to_double(stock: str) -> None:
    info = TABLE[stock]
    assert (info.low, info.high) == pytest.approx((info.value / 2, info.value * 2), rel=0.1)


def test_groups_and_b_weights() -> None:
    assert len({info.group for info in TABLE.values()}) == 14
    assert not any(name.startswith("value_b") for name in TABLE)  # B's weights are A's


def test_override_fixes_and_converts() -> None:
    changed = {i.name: i for i in parameters.override(parameters.table(), {"budget_c": "60000 MUSD/year"})}
    assert changed["budget_c"].value == 60.0
    assert changed["budget_c"].kind == "constant"
    assert changed["budget_b"] == TABLE["budget_b"]


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("budget_d", 1, "did you mean `budget_"),
        ("budget_c", "60 TPP", "expected GUSD/year"),
        ("leak_a", 3, "outside its domain 0 to 1"),
        ("frontier_growth_f", "45 %/year", "factor per year"),
        ("discount", "10 %/year", "factor per year"),
        ("budget_c", float("nan"), "finite"),
    ],
)
def test_overrides_that_are_refused(name: str, value: object, says: str) -> None:
    with pytest.raises(InputError, match=says):
        parameters.override(parameters.table(), {name: value})


def test_shares_per_year_may_be_percentages() -> None:
    assert parameters.parse("depreciation", "20 %/year") == 0.2


@pytest.mark.parametrize("text", ["", "=", "x=", "=3", "x", "x" * 10_000])
def test_assignments_that_are_none(text: str) -> None:
    with pytest.raises(InputError, match="is not NAME=VALUE"):
        parameters.assignment(text)
