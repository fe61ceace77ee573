"""Rules: the compliance oracle, the cliff view, missing figures, broken rule files, the commands that print."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from tiercap.optimizer.errors import InputError
from tiercap.optimizer.rules.book import find_rule, in_force_on, load_rules
from tiercap.optimizer.rules.chips import Chip, find_chip, load_chips
from tiercap.optimizer.rules.classify import classify
from tiercap.optimizer.rules.clauses import Limb, outermost, year_of
from tiercap.optimizer.rules.cliffs import built_to, cliffs, drawn_beside
from tiercap.optimizer.rules.encode import rule_levers

RULES = load_rules()
BILLS = ("safe-chips-2025", "ai-overwatch-2025", "s-4456-2026", "match-2026")
#: The rule of 2026 as a switch turns it.
READINGS = ("bis-2026-outside-bands", "bis-2026-affiliates")
VINTAGES = ("oct-2022", "oct-2023", "h20-letter-2025", "h20-reopened-2025", "bis-2026")


def status(chip: str | Chip, rule: str, group: str = "c") -> str:
    return classify(find_chip(chip) if isinstance(chip, str) else chip, RULES[rule], group).status


# --- property 33: what the record says of real chips ---


@pytest.mark.parametrize(
    ("chip", "expected"),
    [
        ("A100", "denied denied denied denied licensed"),
        ("H100", "denied denied denied denied licensed"),
        ("A800", "open denied denied denied denied"),
        ("H800", "open denied denied denied denied"),
        ("H20", "open open licensed licensed licensed"),
        ("H200", "denied denied denied denied licensed"),
        ("B200", "denied denied denied denied denied"),
        ("B300", "denied denied denied denied denied"),
        ("MI300X", "denied denied denied denied licensed"),
        ("MI325X", "denied denied denied denied licensed"),
        ("Gaudi 2 China", "open denied denied denied denied"),
        ("L20", "open open open open open"),
        ("L2", "open open open open open"),
        ("RTX PRO 6000D", "open open open open open"),
        ("RTX 4090", "open licensed licensed licensed licensed"),
        ("RTX 4090D", "open open open open open"),
    ],
)
def test_compliance_oracle(chip: str, expected: str) -> None:
    assert [status(chip, rule) for rule in VINTAGES] == expected.split()


def test_the_ends_and_the_other_groups() -> None:
    for chip in load_chips():
        assert status(chip, "ban") == "denied"
        assert status(chip, "unrestricted") == "open"
        for rule in RULES:
            assert status(chip, rule, "a") == "open"
            assert status(chip, rule, "b") in ("open", "licensed", "unknown")
    assert status("B200", "diffusion-2025", "b") == "licensed"
    assert status("H20", "diffusion-2025", "b") == "open"
    assert status("H20", "diffusion-2025", "c") == status("H20", "oct-2023", "c")


def test_the_limb_that_decides_is_named_with_its_figures() -> None:
    verdict = classify(find_chip("H200"), RULES["bis-2026"])
    assert verdict.limb == "case-by-case box of 2026"
    assert verdict.because.startswith(
        "licensed: case-by-case box of 2026: TPP 15,832 < 21,000 and memory 4,800 < 6,500 GB/s;"
        " on US sale before 2026-01-15"
    )
    assert "letter" in (classify(find_chip("H20"), RULES["bis-2026"]).limb or "")
    assert "memory 4,000 >= 1,400 GB/s" in classify(find_chip("H20"), RULES["h20-letter-2025"]).because
    assert "not on US sale before 2026-01-15" in classify(find_chip("H800"), RULES["bis-2026"]).because
    both = classify(find_chip("A100"), RULES["oct-2022"]).because
    assert "TPP 4,992 >= 4,800" in both
    assert "I/O 600 >= 600 GB/s" in both
    b200 = classify(find_chip("B200"), RULES["bis-2026"])
    assert "TPP 36,000 >= 21,000 and memory 7,700 >= 6,500 GB/s" in b200.because


def test_a_figure_beside_its_cap_is_never_rounded_onto_it() -> None:
    chip = replace(find_chip("H200"), tpp=20_999.9996)
    assert "TPP 20,999.9996 < 21,000" in classify(chip, RULES["bis-2026"]).because


# --- lines are strict: a chip exactly on a cap is over it ---


@pytest.mark.parametrize("rule", [name for name in RULES if RULES[name].limbs("c")])
def test_every_cap_is_strict(rule: str) -> None:
    """Move one figure of a chip that a limb admits onto the cap: the limb admits it no more."""
    for limb in RULES[rule].limbs("c"):
        alone = replace(RULES[rule], by_group={"c": (limb,)})
        inside = Chip(
            "inside", launch="2024Q1", us_sale=True, datacentre=not limb.consumer_only, tpp=1000.0,
            die_area_mm2=1e6, memory_gbs=100.0, interconnect_gbs=100.0,
        )  # fmt: skip
        assert classify(inside, alone).status == limb.tier
        for figure, cap in limb.caps().items():
            if figure == "density":
                assert classify(replace(inside, die_area_mm2=1000.0 / cap), alone).status == "denied"
                continue
            column = "memory_gbs" if figure == "bandwidth_sum_gbs" else figure
            value = cap - 100.0 if figure == "bandwidth_sum_gbs" else cap
            if column == "memory_gbs" and value >= limb.memory_gbs:
                continue  # the letter's sum is met by memory and I/O together; see the next test
            on = replace(inside, **{column: value})
            assert classify(on, alone).status == "denied", (limb.name, figure)
            below = replace(inside, **{column: math.nextafter(value, 0)})
            if figure != "bandwidth_sum_gbs":  # adding 100 rounds
                assert classify(below, alone).status == limb.tier, (limb.name, figure)


@pytest.mark.parametrize(
    ("memory", "io", "expected"),
    [
        (1399.0, 300.0, "open"), (1400.0, 100.0, "licensed"), (600.0, 1099.0, "open"), (500.0, 1100.0, "licensed"),
        (1000.0, 700.0, "licensed"), (1000.0, 699.0, "open"),
    ],
)  # fmt: skip
def test_the_letters_three_tests(memory: float, io: float, expected: str) -> None:
    chip = replace(find_chip("H20"), memory_gbs=memory, interconnect_gbs=io)
    assert status(chip, "h20-letter-2025") == expected


@pytest.mark.parametrize(
    ("tpp", "density", "expected"),
    [
        (1599, 50, "open"), (1600, 3.19, "open"), (1600, 3.2, "licensed"), (1600, 5.92, "denied"),
        (2399, 3.19, "open"), (2400, 1.59, "open"), (2400, 1.6, "licensed"), (4799, 1.59, "open"),
        (4799, 5.91, "licensed"), (4799, 5.93, "denied"), (4800, 0.5, "denied"),
    ],
)  # fmt: skip
def test_the_lines_of_2023_as_the_federal_register_draws_them(tpp: float, density: float, expected: str) -> None:
    # Written from the text: .a: 4,800, or 1,600 with 5.92; .b: 2,400 with 1.6, or 1,600 with 3.2.
    chip = Chip("chip", tpp=tpp, die_area_mm2=tpp / density)
    listed_a = tpp >= 4800 or (tpp >= 1600 and chip.density >= 5.92)  # type: ignore[operator]
    listed_b = (tpp >= 2400 and chip.density >= 1.6) or (tpp >= 1600 and chip.density >= 3.2)  # type: ignore[operator]
    assert ("denied" if listed_a else "licensed" if listed_b else "open") == expected
    assert status(chip, "oct-2023") == expected


def test_2026_admits_only_products_on_us_sale_in_time() -> None:
    h200 = find_chip("H200")
    assert status(replace(h200, us_sale=False), "bis-2026") == "denied"
    assert status(replace(h200, launch="2026Q2"), "bis-2026") == "denied"
    assert status(replace(h200, launch="2026Q1"), "bis-2026") == "unknown"  # on either side of 15 January
    assert status(replace(h200, launch="2025Q4"), "bis-2026") == "licensed"


# --- missing figures ---


def test_known_figures_decide_where_they_can() -> None:
    assert status(Chip("big", tpp=4800.0), "oct-2023") == "denied"  # whatever the die
    assert status(Chip("small", tpp=1599.0), "oct-2023") == "open"
    assert status(Chip("between", tpp=2000.0), "oct-2023") == "unknown"
    assert status(Chip("narrow", interconnect_gbs=400.0), "oct-2022") == "open"  # whatever the TPP
    assert status(Chip("wide", interconnect_gbs=900.0), "oct-2022") == "unknown"
    assert status(Chip("nothing known"), "ban") == "denied"
    assert status(Chip("nothing known"), "unrestricted") == "open"
    because = classify(find_chip("MI308X"), RULES["oct-2023"]).because
    assert because == "unknown: die area not known; between open and denied"


GAPS = {
    "tpp": st.floats(1e-6, 1e8), "memory_gbs": st.floats(1e-6, 1e8), "interconnect_gbs": st.floats(0, 1e8),
    "host_link_gbs": st.floats(0, 1e4), "die_area_mm2": st.floats(1e-6, 1e12), "us_sale": st.booleans(),
    "datacentre": st.booleans(), "launch": st.sampled_from(["2019", "2024Q2", "2025Q4", "2026Q1", "2027"]),
}  # fmt: skip
#: Figures near the lines, where verdicts turn.
NEAR = {
    "tpp": st.sampled_from([1599.0, 1600.0, 2399.0, 4799.0, 4800.0, 20_999.0, 21_000.0, 36_000.0]),
    "memory_gbs": st.sampled_from([300.0, 1399.0, 1400.0, 4000.0, 6499.0, 6500.0]),
    "interconnect_gbs": st.sampled_from([0.0, 301.0, 599.0, 600.0, 1099.0, 1100.0]),
    "host_link_gbs": st.sampled_from([64.0, 128.0]),
    "die_area_mm2": st.sampled_from([100.0, 500.0, 814.0, 3000.0]),
    "us_sale": st.booleans(),
    "datacentre": st.booleans(),
    "launch": st.sampled_from(["2024Q2", "2026Q1", "2026Q3"]),
}
EMPTY = {name: "" if name == "launch" else None for name in GAPS}


@st.composite
def gappy_chips(draw: st.DrawFn) -> tuple[Chip, dict[str, object]]:
    """A chip with some figures missing, and one way to fill them."""
    hidden = draw(st.sets(st.sampled_from(sorted(GAPS))))
    full = {name: draw(NEAR[name] | GAPS[name]) for name in GAPS}
    known = {name: EMPTY[name] if name in hidden else full[name] for name in GAPS}
    return Chip("drawn", **known), {name: full[name] for name in hidden}


@settings(max_examples=300, deadline=None)
@given(drawn=gappy_chips(), rule=st.sampled_from(sorted(RULES)), group=st.sampled_from("abc"))
def test_filling_a_gap_never_contradicts_a_decided_status(
    drawn: tuple[Chip, dict[str, object]], rule: str, group: str
) -> None:
    chip, filling = drawn
    before = status(chip, rule, group)
    after = status(replace(chip, **filling), rule, group)  # type: ignore[arg-type]
    assert before == "unknown" or after == before


FAVOURABLE = {
    "tpp": 1e-6, "memory_gbs": 1e-6, "interconnect_gbs": 1e-6, "host_link_gbs": 1e-6, "die_area_mm2": 1e12,
    "us_sale": True, "datacentre": False, "launch": "2001",
}  # fmt: skip
ADVERSE = {
    "tpp": 1e9, "memory_gbs": 1e9, "interconnect_gbs": 1e9, "host_link_gbs": 1e9, "die_area_mm2": 1e-6,
    "us_sale": False, "datacentre": True, "launch": "2090",
}  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(drawn=gappy_chips(), rule=st.sampled_from(sorted(RULES)))
def test_unknown_means_that_two_fillings_differ(drawn: tuple[Chip, dict[str, object]], rule: str) -> None:
    chip, filling = drawn
    if chip.launch == "2026Q1":
        chip = replace(chip, launch="2025Q1")  # itself a gap of another kind
    best = status(replace(chip, **{name: FAVOURABLE[name] for name in filling}), rule)  # type: ignore[arg-type]
    worst = status(replace(chip, **{name: ADVERSE[name] for name in filling}), rule)  # type: ignore[arg-type]
    assert (status(chip, rule) == "unknown") == (best != worst)


# --- cliffs ---


@pytest.mark.parametrize(
    ("chip", "rule", "figure", "cap", "room"),
    [
        ("A800", "oct-2022", "interconnect_gbs", 600, 33.3), ("H800", "oct-2022", "interconnect_gbs", 600, 33.3),
        ("Gaudi 2 China", "oct-2022", "interconnect_gbs", 600, 12.5), ("H20", "oct-2023", "tpp", 2400, 1.3),
        ("H20", "oct-2023", "density", 3.2, 9.1), ("L20", "oct-2023", "density", 3.2, 1.9),
        ("L2", "oct-2023", "tpp", 1600, 3.5), ("RTX 4090D", "oct-2023", "tpp", 4800, 1.9),
        ("RTX PRO 6000D", "oct-2023", "tpp", 2400, 4.0), ("RTX PRO 6000D", "h20-letter-2025", "memory_gbs", 1400, 0.1),
        ("MI325X", "bis-2026", "tpp", 21_000, 0.4), ("MI325X", "bis-2026", "memory_gbs", 6500, 7.7),
        ("H200", "bis-2026", "tpp", 21_000, 24.6), ("H200", "bis-2026", "memory_gbs", 6500, 26.2),
        ("A100", "oct-2022", "tpp", 4800, -4.0),
    ],
)  # fmt: skip
def test_distance_from_the_lines(chip: str, rule: str, figure: str, cap: float, room: float) -> None:
    (cliff,) = [c for c in cliffs(find_chip(chip), RULES[rule]) if (c.figure, c.cap) == (figure, cap)]
    assert cliff.room == pytest.approx(room, abs=0.05)
    assert cliff.limbs


def test_cliffs_come_nearest_first_and_gaps_last() -> None:
    rooms = [cliff.room for cliff in cliffs(find_chip("MI308X"), RULES["bis-2026"])]
    known = [abs(room) for room in rooms if room is not None]
    assert known == sorted(known)
    assert None in rooms
    assert None not in rooms[: len(known)]
    assert cliffs(find_chip("H20"), RULES["ban"]) == ()


@pytest.mark.parametrize(
    ("chip", "rule", "figure", "cap"),
    [
        ("A800", "oct-2022", "interconnect_gbs", 600), ("H800", "oct-2022", "interconnect_gbs", 600),
        ("Gaudi 2 China", "oct-2022", "interconnect_gbs", 600), ("H20", "oct-2023", "tpp", 2400),
        ("L20", "oct-2023", "density", 3.2), ("L2", "oct-2023", "tpp", 1600), ("RTX 4090D", "oct-2023", "tpp", 4800),
        ("RTX PRO 6000D", "h20-letter-2025", "memory_gbs", 1400),
    ],
)  # fmt: skip
def test_special_editions_were_built_to_a_line(chip: str, rule: str, figure: str, cap: float) -> None:
    fit = built_to(find_chip(chip))
    assert fit is not None
    assert (fit.rule, fit.figure, fit.cap) == (rule, figure, cap)
    assert 0 <= fit.months <= 12


def test_chips_that_no_line_shaped() -> None:
    for name in ("A100", "H100", "H200", "B200", "B300", "MI325X", "Ascend 910C", "MTT S4000"):
        assert built_to(find_chip(name)) is None, name


def test_lines_drawn_beside_chips() -> None:
    around = {name: drawn_beside(find_chip(name)) for name in ("MI325X", "A100", "H200", "H20")}
    assert around["MI325X"] is not None
    assert (around["MI325X"].rule, around["MI325X"].cap) == ("bis-2026", 21_000)
    assert around["A100"] is not None
    assert around["A100"].rule == "oct-2022"
    assert around["A100"].months < 0
    assert around["H200"] is None
    assert around["H20"] is None


# --- the rules as data ---


def test_rules_have_dates_citations_and_sources() -> None:
    assert set(RULES) == {*VINTAGES, *BILLS, *READINGS, "diffusion-2025", "ban", "unrestricted"}
    for rule in RULES.values():
        assert rule.title
        assert rule.notes
        assert bool(rule.citations) == (rule.date is not None)
        for group in "abc":
            assert all(limb.source for limb in rule.limbs(group))


def test_the_duty_of_2026_is_due_in_two_bands_alone() -> None:
    """The proclamation of 14 January 2026: around the H200 and around the MI325X."""
    assert classify(find_chip("H200"), RULES["bis-2026"]).because.endswith("25 % due")
    assert classify(find_chip("MI325X"), RULES["bis-2026"]).because.endswith("25 % due")
    assert classify(find_chip("H100"), RULES["bis-2026"]).because.endswith("no share due")
    box = next(limb for limb in RULES["bis-2026"].limbs() if limb.revenue_share)
    assert box.share_due(17_500, 4_500)
    assert not box.share_due(17_501, 4_500)
    assert not box.share_due(15_000, 5_001)


def test_the_bills_draw_their_lines() -> None:
    """S.3374 lets the H20 pass, H.R.6875 does not; S.4456 licenses the Hopper and denies newer chips."""
    by_rule = {rule: [status(chip, rule) for chip in ("H20", "H200", "MI325X", "B300")] for rule in BILLS[:3]}
    assert by_rule == {
        "safe-chips-2025": ["open", "denied", "denied", "denied"],
        "ai-overwatch-2025": ["licensed"] * 4,
        "s-4456-2026": ["licensed", "licensed", "licensed", "denied"],
    }


def test_controls_reach_the_record_of_the_restricted_group() -> None:
    affiliates, tools = rule_levers(RULES["bis-2026-affiliates"]), rule_levers(RULES["match-2026"])
    assert (affiliates["c"]["enforcement"], affiliates["b"]["enforcement"]) == (0.25, 0.0)
    assert (tools["c"]["equipment_control"], tools["c"]["enforcement"]) == (1.0, 0.0)
    affiliates["c"]["enforcement"] = tools["c"]["equipment_control"] = 0.0
    assert affiliates.tobytes() == tools.tobytes() == rule_levers(RULES["bis-2026"]).tobytes()


def test_the_rule_in_force_on_a_day() -> None:
    expected = {
        2022.5: None,
        2023.0: "oct-2022",
        2024.0: "oct-2023",
        2025.2: "oct-2023",
        2025.4: "h20-letter-2025",
        2027.0: "bis-2026",
    }
    for year, name in expected.items():
        rule = in_force_on(year)
        assert (rule.name if rule else None) == name


def test_each_rule_of_the_record_widens_or_narrows_as_it_did() -> None:
    order = {"open": 2, "licensed": 1, "denied": 0}
    for chip in load_chips():
        found = {rule: order.get(status(chip, rule)) for rule in VINTAGES}
        if None in found.values():
            continue
        assert found["h20-letter-2025"] <= found["oct-2023"], chip.name  # type: ignore[operator]
        assert found["h20-letter-2025"] == found["h20-reopened-2025"], chip.name
        assert found["bis-2026"] >= found["h20-letter-2025"], chip.name  # type: ignore[operator]


def test_outermost_keeps_one_of_two_equal_limbs() -> None:
    small, twin, large = Limb("small", "open", tpp=1.0), Limb("twin", "open", tpp=2.0), Limb("large", "open", tpp=2.0)
    assert outermost([small, twin, large]) == [twin]
    assert outermost([large, Limb("sku", "open", tpp=3.0, sku_before=date(2026, 1, 15))])[0] is large


def test_year_of() -> None:
    assert year_of(date(2026, 1, 15)) == 2026 + 14 / 365
    assert year_of(date(2024, 12, 31)) == 2024 + 365 / 366


def test_unknown_names() -> None:
    with pytest.raises(InputError, match=r"unknown rule `bis2026`: did you mean `bis-2026`\?"):
        find_rule("bis2026")
    assert find_rule(" BIS-2026 ").name == "bis-2026"
    with pytest.raises(InputError, match="unknown destination group `d`"):
        classify(find_chip("H20"), RULES["ban"], "d")


RULE = 'in_force = false\na = []\nb = "x"\n'.replace('"x"', "[]")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[x]\n", "`in_force` must be true or false"), ("x = 1\n", "must be a table"), ("[x\n", "cannot be read"),
        (f"[x]\n{RULE}", "limbs are missing"), (f"[x]\n{RULE}c = 'y'\n", "refers to `y`"),
        (f"[x]\n{RULE}c = 'x'\n", "refers to `x`"), (f"[x]\n{RULE}c = []\ncc = 1\n", "unknown key `cc`"),
        (f"[x]\n{RULE}date = '2026'\nc = []\n", "without quotes"),
        (f"[x]\n{RULE}[[x.c]]\ntier = 'open'\n", "needs a `name`"),
        (f"[x]\n{RULE}[[x.c]]\nname = 'n'\ntier = 'free'\n", "open or licensed"),
        (f"[x]\n{RULE}[[x.c]]\nname = 'n'\ntier = 'open'\nmemory = 1\n", "did you mean `memory_gbs`?"),
        (f"[x]\n{RULE}[[x.c]]\nname = 'n'\ntier = 'open'\ntpp = nan\n", "finite number"),
        (f"[x]\n{RULE}[[x.c]]\nname = 'n'\ntier = 'open'\ntpp = -1\n", "finite number"),
        (f"[x]\n{RULE}[[x.c]]\nname = 'n'\ntier = 'open'\ntpp = '4800'\n", "finite number"),
        (f"[x]\n{RULE}[[x.c]]\nname = 'n'\ntier = 'open'\ntpp = true\n", "finite number"),
        (f"[x]\n{RULE}[[x.c]]\nname = 'n'\ntier = 'open'\nquota_share = 0\n", "takes no licence"),
        (f"[x]\n{RULE}[[x.c]]\nname = 'n'\ntier = 'licensed'\nrevenue_share = 25\n", "write 25 % as 0.25"),
        (f"[x]\n{RULE}[[x.c]]\nname = 'n'\ntier = 'licensed'\nsku_before = 2026\n", "a date such as"),
        (f"[x]\n{RULE}" + "[[x.c]]\nname = 'n'\ntier = 'open'\n" * 2, "the same name"),
        (f"[x]\n{RULE}[[x.c]]\nname = 'n'\ntier = 'licensed'\nduty_bands = [[1, 2, 3]]\n", "lists of four numbers"),
        (f"[x]\n{RULE}[[x.c]]\nname = 'n'\ntier = 'licensed'\nduty_bands = 5\n", "lists of four numbers"),
        (f"[x]\n{RULE}[[x.c]]\nname = 'n'\ntier = 'licensed'\nduty_bands = [[2, 1, 3, 4]]\n", "swap its ends"),
        (f"[x]\n{RULE}c = []\ncontrols = 1\n", "controls must be a table"),
        (f"[x]\n{RULE}c = []\ncontrols = {{ enforcement = 2 }}\n", "a number from 0 to 1"),
        (f"[x]\n{RULE}c = []\ncontrols = {{ chips = 1 }}\n", "unknown key `chips`"),
    ],
)  # fmt: skip
def test_broken_rules(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "rules.toml"
    file.write_text(text)
    with pytest.raises(InputError) as caught:
        load_rules(file)
    assert said in str(caught.value)


# --- the commands ---


def run(module: str, *arguments: str) -> str:
    from importlib import import_module

    result = CliRunner().invoke(import_module(f"tiercap.optimizer.cli.{module}").command, arguments)
    if result.exception is not None:
        raise result.exception
    return result.output


def test_classify_json() -> None:
    answer = json.loads(run("classify", "H20", "a800", "H20", "--json"))
    assert answer["schema_version"] == 1
    assert [chip["name"] for chip in answer["chips"]] == ["H20", "A800"]
    assert list(answer["chips"][0]["rules"]) == list(RULES)
    assert answer["chips"][0]["rules"]["oct-2023"]["status"] == "open"
    assert "2,368 < 2,400" in answer["chips"][0]["rules"]["oct-2023"]["because"]
    assert "cliffs" not in answer["chips"][0]


def test_classify_cliffs_and_own_chips(tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    file.write_text(
        "name,launch,special_edition,us_sale,datacentre,die_area_mm2,tpp,memory_gbs,interconnect_gbs,host_link_gbs\n"
        "Mine,2027,no,no,yes,800,2399,1000,600,64\n"
    )
    answer = json.loads(run("classify", "--chips", str(file), "--rule", "oct-2023", "--cliffs", "--json"))
    (chip,) = answer["chips"]
    assert chip["rules"]["oct-2023"]["status"] == "open"
    assert chip["cliffs"]["oct-2023"][0]["cap"] == 2400
    table = run("classify", "H20", "MI325X", "--cliffs")
    assert "built to" in table
    assert "drawn beside" in table


def test_lists() -> None:
    chips = json.loads(run("chips", "--json"))
    assert len(chips["chips"]) == len(load_chips())
    assert all(chip["source"] for chip in chips["chips"])
    assert chips["units"]["memory_gbs"] == "GB/s"
    rules = json.loads(run("rules", "bis-2026", "--json"))
    (rule,) = rules["rules"]
    assert rule["date"] == "2026-01-15"
    box = next(limb for limb in rule["groups"]["c"] if limb["name"] == "case-by-case box of 2026")
    assert (box["tpp"], box["memory_gbs"], box["density"], box["quota_share"]) == (21_000, 6500, None, 0.5)
    assert "case-by-case box of 2026" in run("rules", "bis-2026")
    assert "From memory: host_link_gbs" in run("chips", "H20")
