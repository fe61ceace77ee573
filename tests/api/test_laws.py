"""`laws`: what the commands chips, rules and classify say."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.command import same, told

import tiercap as tc
from tiercap.optimizer.rules.chips import COLUMNS


def test_chips(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    found, said = tc.chips(), told(capsys, "chips")
    assert found.index.tolist() == [chip["name"] for chip in said["chips"]]
    for chip in said["chips"]:
        row = found.loc[chip["name"]]
        assert all(same(row[key], value) for key, value in chip.items() if key != "name"), chip["name"]
    assert {key: found.attrs["units"][key] for key in said["units"]} == said["units"]
    assert tc.chips(["H200", "H20", "h200"]).index.tolist() == ["H200", "H20"]
    assert tc.chips("H20").memory_gbs.item() == found.loc["H20"].memory_gbs
    mine = tmp_path / "mine.csv"
    mine.write_text(",".join(COLUMNS) + "\n")
    with pytest.raises(tc.InputError):
        tc.chips("H20", mine)
    with pytest.raises(tc.InputError, match="H20"):
        tc.chips("H2O")


def test_rules(capsys: pytest.CaptureFixture[str]) -> None:
    found, said = tc.rules(), told(capsys, "rules")
    assert found["rules"].index.tolist() == [rule["name"] for rule in said["rules"]]
    limbs = found["limbs"]
    for rule in said["rules"]:
        row = found["rules"].loc[rule["name"]]
        assert all(same(row[key], rule[key]) for key in ("title", "date", "in_force", "citations", "notes"))
        listed = [(group, limb) for group, each in rule["groups"].items() for limb in each]
        mine = limbs[limbs.rule == rule["name"]]
        assert list(zip(mine.group, mine.limb, strict=True)) == [(group, limb["name"]) for group, limb in listed]
        for tpp, (_, limb) in zip(mine.tpp, listed, strict=True):
            assert tpp == (float("inf") if limb["tpp"] is None else limb["tpp"])  # no cap is null in JSON
    assert limbs.attrs["units"]["memory_gbs"] == said["units"]["memory_gbs"] == "GB/s"
    assert tc.rules("ban")["rules"].index.tolist() == ["ban"]
    with pytest.raises(tc.InputError, match="bis-2026"):
        tc.rules("bis-2062")


def test_classify(capsys: pytest.CaptureFixture[str]) -> None:
    chips, rules = ["H20", "A800", "H200"], ["oct-2023", "bis-2026"]
    found = tc.classify(chips, rules)
    said = told(capsys, "classify", *chips, "--rule", rules[0], "--rule", rules[1], "--cliffs")
    statuses = found["statuses"].set_index(["chip", "rule"])
    assert len(statuses) == 6
    for chip in said["chips"]:
        for rule, verdict in chip["rules"].items():
            row = statuses.loc[(chip["name"], rule)]
            assert all(same(row[key], value) for key, value in verdict.items())
        for rule, cliffs in chip["cliffs"].items():
            lines = found["cliffs"]
            mine = lines[(lines.chip == chip["name"]) & (lines.rule == rule)]
            assert [same(a, b["room"]) for a, b in zip(mine.room, cliffs, strict=True)] == [True] * len(cliffs)
            assert mine.unit.tolist() == [cliff["unit"] for cliff in cliffs]
    fits = [chip[key]["rule"] for chip in said["chips"] for key in ("built_to", "drawn_beside") if chip[key]]
    assert found["fits"].rule.tolist() == fits
    assert fits
    assert found["statuses"].attrs["group"] == said["group"] == "c"
    assert set(tc.classify("H20", group="A")["statuses"].status) <= {"open", "licensed", "denied", "unknown"}
    with pytest.raises(tc.InputError, match="group"):
        tc.classify("H20", group="d")
