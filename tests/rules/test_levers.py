"""Policies: rules as rows of LEVERS, levers by name, and the search space that stays nested."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tiercap.kernels.params import GROUP, LAGGED, LEVERS, RELATIVE
from tiercap.optimizer.errors import InputError
from tiercap.optimizer.rules.book import Rule, load_rules
from tiercap.optimizer.rules.chips import Chip, load_chips
from tiercap.optimizer.rules.classify import classify
from tiercap.optimizer.rules.clauses import Limb
from tiercap.optimizer.rules.encode import apply_levers, group_record, mixed_levers, rule_levers
from tiercap.optimizer.rules.levers import CAPS, CONTROLS, LEVERS_TABLE, TERMS, describe, part, unrestricted
from tiercap.optimizer.rules.space import Lever, LeverSpace, coordinates, unit
from tiercap.optimizer.study import load

RULES = load_rules()
FREE = rule_levers(RULES["unrestricted"])


def admitted(record: NDArray[Any], chip: Chip) -> list[bool]:
    """Which tiers of a GROUP record admit a chip whose figures are all known: open, licensed."""
    tpp, memory, io = chip.tpp, (chip.memory_gbs or 0) / 1000, (chip.io_gbs or 0) / 1000
    figures = {"tpp": tpp, "memory": memory, "interconnect": io, "density": chip.density, "bandwidth_sum": memory + io}
    return [
        any(all(figures[name] < record[name][tier, box] for name in figures) for box in range(3)) for tier in range(2)
    ]


# --- rules to records ---


def test_unused_boxes_admit_nothing_and_missing_caps_do_not_bind() -> None:
    record = group_record(RULES["oct-2022"], "c")
    assert record.shape == ()
    assert record.dtype == GROUP
    assert record["tpp"].tolist() == [[4800, math.inf, 0], [0, 0, 0]]
    assert record["interconnect"].tolist() == [[math.inf, 0.6, 0], [0, 0, 0]]
    assert record["density"].tolist() == [[math.inf, math.inf, 0], [0, 0, 0]]
    assert record["sku_before"].tolist() == [math.inf, math.inf]
    assert [record[quota] for quota in ("quota_share", "quota_chips", "quota_tpp")] == [math.inf] * 3


def test_bis_2026_as_a_record() -> None:
    record = group_record(RULES["bis-2026"], "c")
    assert record["tpp"].tolist() == [[1600, 2400, 4800], [21_000, 0, 0]]
    assert record["memory"].tolist() == [[1.4] * 3, [6.5, 0, 0]]
    assert record["bandwidth_sum"].tolist() == [[1.7] * 3, [math.inf, 0, 0]]
    assert record["density"].tolist() == [[math.inf, 3.2, 1.6], [math.inf, 0, 0]]
    assert record["sku_before"].tolist() == [math.inf, 2026 + 14 / 365]
    terms = [float(record[name]) for name in TERMS]
    assert terms == [0.5, math.inf, math.inf, 0.25, 0, 1, 0, 0]


def test_terms_of_the_other_rules() -> None:
    reopened = group_record(RULES["h20-reopened-2025"], "c")
    assert (reopened["quota_share"], reopened["revenue_share"]) == (math.inf, 0.15)
    assert reopened["tpp"][1].tolist() == [1600, 2400, 4800]
    letter = group_record(RULES["h20-letter-2025"], "c")
    assert (letter["quota_share"], letter["revenue_share"]) == (0, 0)
    assert letter["tpp"][1].tolist() == [1600, 4800, 0]  # the letter's other boxes lie inside the second
    diffusion = group_record(RULES["diffusion-2025"], "b")
    assert diffusion["quota_tpp"] == 790e6 * 120 / 3 / 1e6
    assert diffusion["tpp"].tolist() == [[1600, 4800, 0], [math.inf, 0, 0]]
    assert not (group_record(RULES["ban"], "c")["tpp"] > 0).any()


def test_a_licence_without_terms_is_as_good_as_none() -> None:
    assert group_record(RULES["oct-2023"], "b") == group_record(RULES["unrestricted"], "b")
    assert rule_levers(RULES["oct-2022"])["a"] == FREE["a"]


@pytest.mark.parametrize("rule", RULES)
def test_a_record_admits_what_the_rule_admits(rule: str) -> None:
    """The two readings of a rule agree on every data-centre chip with all figures known."""
    seen = 0
    record = group_record(RULES[rule], "c")
    some_granted = any(limb.tier == "licensed" and limb.granted for limb in RULES[rule].limbs("c"))
    for chip in load_chips():
        whole = None not in (chip.tpp, chip.memory_gbs, chip.io_gbs, chip.density, chip.us_sale)
        if whole and chip.datacentre:
            seen += 1
            status = classify(chip, RULES[rule], "c").status
            open_, licensed = admitted(record, chip)
            assert open_ == (status == "open"), chip.name
            if some_granted and status == "licensed":  # the record keeps the limbs with a quota
                assert licensed or classify(chip, RULES[rule]).because.endswith("quota 0"), chip.name
            elif status == "licensed":
                assert licensed, chip.name
            if status == "denied" and chip.us_sale:
                assert not licensed, chip.name
    assert seen >= 12


def rule_of(*limbs: Limb) -> Rule:
    return Rule("mine", "", None, False, (), "", {"c": limbs})


def test_records_refuse_what_kernels_cannot_hold() -> None:
    steps = [Limb(f"n{k}", "open", tpp=1000.0 * k, memory_gbs=1000.0 / k) for k in range(1, 5)]
    assert (group_record(rule_of(*steps[:3]), "c")["tpp"][0] > 0).all()
    with pytest.raises(InputError, match="rule `mine`, group c: the open tier has 4 boxes"):
        group_record(rule_of(*steps), "c")
    two = (Limb("x", "licensed", tpp=1.0, revenue_share=0.1), Limb("y", "licensed", memory_gbs=1.0, revenue_share=0.2))
    with pytest.raises(InputError, match="`x`, `y` differ in quota"):
        group_record(rule_of(*two), "c")
    same = (two[0], replace(two[1], revenue_share=0.1))
    assert group_record(rule_of(*same), "c")["revenue_share"] == 0.1


def test_quota_units() -> None:
    limb = Limb("x", "licensed", quota_chips=500_000.0, quota_tpp=3e9, delay_years=0.5, sku_before=date(2025, 1, 1))
    record = group_record(rule_of(limb), "c")
    assert (record["quota_chips"], record["quota_tpp"], record["delay"]) == (0.5, 3000, 0.5)
    assert record["sku_before"][1] == 2025


def test_groups_may_be_under_different_rules() -> None:
    row = mixed_levers(RULES["unrestricted"], RULES["diffusion-2025"], RULES["ban"])
    assert (row.shape, row.dtype) == ((1,), LEVERS)
    assert row["b"] == rule_levers(RULES["diffusion-2025"])["b"]
    assert row["c"] == rule_levers(RULES["ban"])["c"]


# --- levers by name ---


def test_setting_a_cap_makes_its_tier_one_box() -> None:
    row = apply_levers(rule_levers(RULES["bis-2026"]), {"c_open_tpp": 5000, "c_quota_share": 0.2})
    assert row["c"]["tpp"][0].tolist() == [[5000, 0, 0], [21_000, 0, 0]]
    assert row["c"]["memory"][0].tolist() == [[1.4, 0, 0], [6.5, 0, 0]]  # the first box's other caps stay
    assert row["c"]["quota_share"][0] == 0.2
    assert row["c"]["revenue_share"][0] == 0.25
    assert row["b"] == rule_levers(RULES["bis-2026"])["b"]


def test_a_tier_that_had_no_box_gets_one() -> None:
    row = apply_levers(rule_levers(RULES["ban"]), {"c_licensed_tpp": 21_000, "c_licensed_memory": 6500})
    assert row["c"]["tpp"][0].tolist() == [[0, 0, 0], [21_000, 0, 0]]
    assert row["c"]["interconnect"][0, 1].tolist() == [math.inf, 0, 0]


def test_levers_leave_their_base_alone() -> None:
    base = rule_levers(RULES["bis-2026"])
    before = base.tobytes()
    apply_levers(base, {"c_open_tpp": 5000, "c_delay": 1})
    assert base.tobytes() == before


@pytest.mark.parametrize(
    ("rule", "values", "said"),
    [
        ("unrestricted", {"c_open_tp": 1}, "did you mean `c_open_tpp`?"),
        ("unrestricted", {"c_open_tpp": math.nan}, "leaves its domain"),
        ("unrestricted", {"c_open_tpp": -1}, "give 0 to 1e+09 TPP, or none to lift it"),
        ("unrestricted", {"c_revenue_share": math.inf}, "give 0 to 1"), ("unrestricted", {"c_delay": -0.1}, "0 to 100"),
        ("unrestricted", {"c_no_diversion": 0.5}, "whole number"), ("unrestricted", {"c_reading": 3}, "0 to 2"),
        ("bis-2026", {"c_open_tpp": 22_000}, "c_open_tpp (22,000) is looser than c_licensed_tpp (21,000)"),
        ("bis-2026", {"c_licensed_memory": 1000}, "c_open_memory (1,400) is looser than c_licensed_memory (1,000)"),
        ("unrestricted", {"b_open_tpp": 5000}, "tpp cap of group C (inf) is looser than group B's (5,000)"),
        ("unrestricted", {"b_open_tpp": 5000, "c_open_tpp": 6000}, "group C (6,000) is looser than group B's"),
        ("unrestricted", {"a_open_memory": 5, "b_open_memory": 6, "c_open_memory": 1}, "group B (6)"),
        ("bis-2026", {"c_reading": RELATIVE}, "give the caps of c_open too"),
        ("bis-2026", {"c_reading": RELATIVE, "c_open_tpp": 0.1}, "give the caps of c_licensed too"),
        ("unrestricted", {"c_reading": LAGGED, "c_open_tpp": 2, "c_licensed_tpp": 3}, "c_open_tpp (2) is looser"),
    ],
)  # fmt: skip
def test_levers_that_are_refused(rule: str, values: dict[str, float], said: str) -> None:
    with pytest.raises(InputError) as caught:
        apply_levers(rule_levers(RULES[rule]), values)
    assert said in str(caught.value)


def test_levers_on_the_border_of_nesting_are_taken() -> None:
    apply_levers(FREE, {"b_open_tpp": 5000, "c_open_tpp": 5000})
    apply_levers(rule_levers(RULES["bis-2026"]), {"c_open_tpp": 21_000})
    row = apply_levers(FREE, {"c_reading": LAGGED, "c_open_tpp": 3, "c_licensed_tpp": 3})
    assert row["c"]["reading"][0] == LAGGED
    relative = apply_levers(
        rule_levers(RULES["bis-2026"]), {"c_reading": RELATIVE, "c_open_tpp": 0.1, "c_licensed_tpp": 0.3}
    )
    assert relative["c"]["memory"][0].tolist() == [[math.inf, 0, 0]] * 2  # old figures mean nothing as shares


def test_a_schedule_is_not_a_policy() -> None:
    with pytest.raises(InputError, match="one policy at a time"):
        apply_levers(np.concatenate([FREE, FREE]), {"c_delay": 1})


@pytest.mark.parametrize("name", LEVERS_TABLE)
def test_every_lever_reaches_its_field_and_reads_back(name: str) -> None:
    info = LEVERS_TABLE[name]
    value = {"revenue_share": 0.3, "no_diversion": 1, "reading": 1, "indexation": 0.1}.get(name[2:], 2025.5)
    value = min(value, info.high)
    base = FREE
    if "_licensed_" in name or name.startswith(("a_", "b_")):  # room for a tighter C and an open tier inside
        base = rule_levers(RULES["ban"]).copy()
        base["a" if name[0] == "a" else name[0]] = rule_levers(RULES["ban"])["c"]
        base["b"] = rule_levers(RULES["ban"])["c"] if name[0] == "a" else base["b"]
    row = apply_levers(base, {name: value})
    assert describe(row)[name] == value
    assert describe(base).get(name) != value


def test_describe_tells_policies_apart() -> None:
    told = {rule: tuple(sorted(describe(rule_levers(RULES[rule])).items())) for rule in RULES}
    assert told["unrestricted"] == ()
    assert told["ban"] == (("c_open_tpp", 0.0),)
    assert len(set(told.values())) == len(told)
    assert describe(rule_levers(RULES["bis-2026"]))["c_open_3_density"] == 1.6


caps = st.floats(1e-3, 1e6) | st.just(math.inf)


@st.composite
def one_box_policies(draw: st.DrawFn) -> dict[str, float]:
    """Lever values for B and C with nested boxes."""
    values = {}
    for figure in CAPS:
        levels = sorted(draw(st.lists(caps, min_size=4, max_size=4)))
        for name, level in zip(("c_open", "c_licensed", "b_open", "b_licensed"), levels, strict=True):
            values[f"{name}_{figure}"] = level
    for group in "bc":
        values[f"{group}_quota_share"] = draw(st.floats(0, 10) | st.just(math.inf))
        values[f"{group}_revenue_share"] = draw(st.floats(0, 1))
        values[f"{group}_indexation"] = draw(st.floats(-0.5, 1) | st.just(-0.0))
        values[f"{group}_no_diversion"] = draw(st.sampled_from([0.0, 1.0]))
    return values


@settings(max_examples=100, deadline=None)
@given(values=one_box_policies())
def test_describe_is_the_inverse_of_apply(values: dict[str, float]) -> None:
    row = apply_levers(FREE, values)
    told = describe(row)
    assert apply_levers(FREE, told).tobytes() == row.tobytes()
    for name in values.keys() & told.keys():  # two neighbours may be one number in the row: then either is told
        assert told[name] == pytest.approx(values[name], rel=2.3e-16 if "GB/s" in LEVERS_TABLE[name].unit else 0.0)


# --- the search space ---


def study_space(name: str) -> LeverSpace:
    study = load.load(name)
    return LeverSpace(study.levers, mixed_levers(*(RULES[study.policy[group]] for group in "abc")))


SPACES = {name: study_space(name) for name in load.BUILTIN}


@settings(max_examples=60, deadline=None)
@given(data=st.data(), name=st.sampled_from(sorted(SPACES)))
def test_nesting_holds_wherever_one_looks(data: st.DataObject, name: str) -> None:
    space = SPACES[name]
    share = st.floats(0, 1)
    points = data.draw(st.lists(st.lists(share, min_size=len(space.levers), max_size=len(space.levers)), min_size=1))
    low = np.array([lever.low for lever in space.levers])
    high = np.array([lever.high for lever in space.levers])
    coords = low + np.array(points) * (high - low)
    rows = space.resolve(coords)
    assert rows.shape == (len(points), 1)
    for figure in CAPS:
        inner, outer = rows["c"][figure][:, 0, 0, 0], rows["c"][figure][:, 0, 1, 0]
        assert (inner <= outer).all()
        widest = np.maximum(rows["b"][figure][:, 0, 0, 0], rows["b"][figure][:, 0, 1, 0])
        assert (outer <= widest).all()
    values = space.values(coords)
    for k in range(len(points)):
        told = {lever: float(column[k]) for lever, column in values.items()}
        assert apply_levers(space.base_row, told).tobytes() == rows[k].tobytes()


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), name=st.sampled_from(sorted(SPACES)))
def test_coordinates_are_the_inverse_of_values(seed: int, name: str) -> None:
    space = SPACES[name]
    low = np.array([lever.low for lever in space.levers])
    high = np.array([lever.high for lever in space.levers])
    coords = low + np.random.default_rng(seed).random((5, len(low))) * (high - low)
    back = space.coordinates(space.values(coords))
    np.testing.assert_allclose(back, coords, rtol=1e-12)


def test_bandwidths_are_in_gigabytes_and_terabytes_in_the_row() -> None:
    levers = [Lever("c_open_memory", "GB/s", 600, 1400), Lever("c_open_interconnect", "GB/s", 100, 600)]
    row = LeverSpace(levers, FREE).resolve(np.array([[1400, 600], [600, 100]]))
    assert row["c"]["memory"][:, 0, 0, 0].tolist() == [1.4, 0.6]
    assert row["c"]["interconnect"][:, 0, 0, 0].tolist() == [0.6, 0.1]
    assert row["c"]["tpp"][:, 0, 0].tolist() == [[math.inf, 0, 0]] * 2


def test_lags_nest_by_division() -> None:
    base = apply_levers(FREE, {"c_reading": LAGGED, "c_open_tpp": 9, "c_licensed_tpp": 9})
    levers = [Lever("c_licensed_tpp", "TPP", 0.5, 4), Lever("c_open_tpp", "1", 0.1, 1, within="c_licensed_tpp")]
    space = LeverSpace(levers, base)
    assert space.values(np.array([[2.0, 0.5]]))["c_open_tpp"].tolist() == [4.0]  # further behind is tighter
    np.testing.assert_allclose(space.coordinates({"c_licensed_tpp": 2, "c_open_tpp": 4}), [[2, 0.5]])


def test_switches_are_rounded() -> None:
    space = LeverSpace([Lever("c_no_diversion", "1", 0, 1)], FREE)
    assert space.resolve(np.array([[0.4], [0.6]]))["c"]["no_diversion"].ravel().tolist() == [0, 1]


def test_points_outside_are_moved_inside_only_when_asked() -> None:
    space = SPACES["china-2026"]
    middle = np.array([[(lever.low + lever.high) / 2 for lever in space.levers]])
    for wrong in (np.nan, np.inf, -1.0):
        bad = middle.copy()
        bad[0, 0] = wrong
        with pytest.raises(InputError, match=f"lever `{space.names[0]}`: coordinate"):
            space.resolve(bad)
    with pytest.raises(InputError, match="shape"):
        space.resolve(middle[:, 1:])
    edge = np.array([[lever.high for lever in space.levers]])
    assert space.resolve(np.nextafter(edge, np.inf)).tobytes() == space.resolve(edge).tobytes()
    told = {name: float(column[0]) for name, column in space.values(middle).items()}
    tight = space.coordinates(told | {space.names[0]: 1e-9})
    assert (tight >= [lever.low for lever in space.levers]).all()
    with pytest.raises(InputError, match="is missing"):
        space.coordinates({})


TPP = Lever("c_licensed_tpp", "TPP", 1000, 9000)


def test_a_logarithmic_range_from_zero_has_its_ends_and_halves_below_a_tenth() -> None:
    lever = [Lever("c_quota_share", "1", 0.0, 1.0, log=True)]
    shares = np.linspace(0.0, 1.0, 1001).reshape(-1, 1)
    coords = coordinates(shares, lever)
    assert coords[[0, -1], 0].tolist() == [0.0, 1.0]
    assert coords[500, 0] == pytest.approx(0.01 * (math.sqrt(101.0) - 1.0))
    assert (np.diff(coords[:, 0]) > 0.0).all()
    np.testing.assert_allclose(unit(coords, lever), shares, atol=1e-12)


@pytest.mark.parametrize(
    ("levers", "said"),
    [
        ([], "at least one lever"), ([TPP, TPP], "given twice"),
        ([replace(TPP, name="c_tpp")], "unknown lever `c_tpp`"),
        ([replace(TPP, unit="GB/s")], "unit `GB/s` does not fit, use TPP"),
        ([Lever("c_open_memory", "GB", 1, 2)], "use GB/s"),
        ([replace(TPP, low=9000, high=1000)], "swap them?"), ([replace(TPP, low=9000)], "is not below"),
        ([replace(TPP, low=math.nan)], "must be finite"), ([replace(TPP, high=math.inf)], "must be finite"),
        ([replace(TPP, high=1e10)], "leaves its domain 0 to 1e+09 [TPP]"),
        ([Lever("c_indexation", "1/year", -0.05, 0.5, log=True)], "a log scale needs low of 0 or more"),
        ([Lever("c_reading", "1", 0, 2)], "cannot be searched"),
        ([Lever("c_open_tpp", "1", 0.1, 1, within="c_licensed_tp"), TPP], "did you mean `c_licensed_tpp`?"),
        ([Lever("c_open_tpp", "1", 0, 1, within="c_licensed_tpp"), TPP], "leaves its domain"),
        ([Lever("c_open_tpp", "1", 0.1, 1.5, within="c_licensed_tpp"), TPP], "leaves its domain"),
        ([Lever("c_open_memory", "1", 0.1, 1, within="c_licensed_tpp"), TPP], "different figures"),
        (
            [Lever("c_licensed_tpp", "1", 0.1, 1, within="c_open_tpp"), Lever("c_open_tpp", "TPP", 1, 2)],
            "turn them round",
        ),
        ([Lever("b_open_tpp", "1", 0.1, 1, within="c_licensed_tpp"), TPP], "turn them round"),
        (
            [Lever("c_open_tpp", "1", 0.1, 1, within="c_licensed_tpp"),
             Lever("c_licensed_tpp", "1", 0.1, 1, within="c_open_tpp")], "itself in the end",
        ),
        ([Lever("c_open_tpp", "TPP", 100, 2000), TPP], '`within = "c_licensed_tpp"`'),
        ([Lever("b_open_tpp", "TPP", 100, 2000)], "narrower bounds"), ([TPP], "narrower bounds"),
        ([Lever("b_open_tpp", "TPP", 100, 2000), Lever("c_open_tpp", "TPP", 100, 2000)], '`within = "b_open_tpp"`'),
    ],
)  # fmt: skip
def test_spaces_that_are_refused(levers: list[Lever], said: str) -> None:
    with pytest.raises(InputError) as caught:
        LeverSpace(levers, FREE)
    assert said in str(caught.value)


def test_ranges_apart_need_no_fraction() -> None:
    space = LeverSpace([Lever("c_open_tpp", "TPP", 100, 1000), TPP], FREE)
    assert space.names == ("c_open_tpp", "c_licensed_tpp")
    chain = [
        Lever("c_open_tpp", "1", 0.1, 1, within="c_licensed_tpp"),
        Lever("c_licensed_tpp", "1", 0.1, 1, within="b_open_tpp"),
        Lever("b_open_tpp", "TPP", 1000, 9000),
    ]
    values: Mapping[str, NDArray[np.float64]] = LeverSpace(chain, FREE).values(np.array([[0.5, 0.5, 8000.0]]))
    assert {name: column.tolist() for name, column in values.items()} == {
        "c_open_tpp": [2000.0], "c_licensed_tpp": [4000.0], "b_open_tpp": [8000.0],
    }  # fmt: skip


def test_no_control_is_the_rule_of_that_name() -> None:
    assert unrestricted().tobytes() == rule_levers(RULES["unrestricted"]).tobytes()
    assert describe(unrestricted()) == {}


def test_controls_beside_chips_are_group_c_alone() -> None:
    names = {name for name in LEVERS_TABLE if part(name).field in CONTROLS}
    assert names == {"c_enforcement", "c_equipment_control", "c_memory_control"}
    row = apply_levers(FREE, {"c_enforcement": 0.4, "c_memory_control": 1.0})
    assert describe(row) == {"c_enforcement": 0.4, "c_memory_control": 1.0}
    assert [float(row["c"][name][0]) for name in CONTROLS] == [0.4, 0.0, 1.0]
    assert [float(row["b"][name][0]) for name in CONTROLS] == [0.0, 0.0, 0.0]
    with pytest.raises(InputError, match="leaves its domain"):
        apply_levers(FREE, {"c_equipment_control": 1.5})
