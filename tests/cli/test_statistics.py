"""Objectives of other statistics than the mean, from the command line to the folder and back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.small import FLAGS

from tiercap.optimizer.cli import group
from tiercap.optimizer.cli.guard import run
from tiercap.optimizer.io import columns

STUDY = """
[study]
extends = "builtin:china-2026"
name = "tails"

[objectives]
revenue = "maximise"
revenue_cvar10 = "maximise"

[objectives.substitution]
direction = "minimise"
statistic = "regret90"

[objectives.compute_lead]
direction = "maximise"
statistic = "satisfice"
threshold = 13

[constraints."compute_lead_p2.5"]
min = 4
"""
NAMES = ["revenue", "revenue_cvar10", "substitution_regret_upper90", "compute_lead_satisfice13"]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("study") / "tails.toml"
    path.write_text(STUDY, encoding="utf-8")
    return str(path)


@pytest.fixture(scope="module")
def folder(study: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = str(tmp_path_factory.mktemp("run") / "run")
    assert run(group, ["optimize", study, "-o", path, "-q", *FLAGS]) == 0
    return path


def answer(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert run(group, [*arguments, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_the_answer_names_every_statistic(study: str, folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(capsys, "optimize", study, "-o", folder, "-q", *FLAGS)
    assert found["evaluations_reused"] == found["evaluations"]
    assert [objective["name"] for objective in found["objectives"]] == NAMES
    assert [objective["unit"] for objective in found["objectives"]] == ["GUSD", "GUSD", "percent", "1"]
    assert set(found["hypervolume"]["reference_point"]) == set(found["fresh"]["optimism"]) == set(NAMES)
    first = found["front"][0]
    assert {"mean", "p05", "cvar10", "unit"} <= set(first["outcomes"]["revenue"])
    assert first["outcomes"]["revenue"]["cvar10"] <= first["outcomes"]["revenue"]["mean"]
    assert 0.0 <= first["outcomes"]["compute_lead"]["satisfice13"] <= 1.0
    assert all(policy["outcomes"]["substitution"]["regret_upper90"] >= 0.0 for policy in found["front"])
    assert all(policy["outcomes"]["compute_lead"]["p2.5"] >= 4.0 for policy in found["front"])
    assert set(first["fresh"]) == {*NAMES, "compute_lead_p2.5"}
    assert found["groups"]["count"] == len({policy["group"] for policy in found["front"]})
    table = columns.from_parquet((Path(folder) / "front.parquet").read_bytes())
    assert set(NAMES) < set(table)
    assert table["group"].tolist() == [policy["group"] for policy in found["front"]]


def test_the_report_says_what_fresh_scenarios_say(
    study: str, folder: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(group, ["optimize", study, "-o", folder, "-q", *FLAGS]) == 0
    told = capsys.readouterr().out
    for words in ("whose members cannot be told apart in fresh scenarios", "Optimism, what the search's scenarios",
                  "  cvar10 [GUSD]", "  regret_upper90 [percent]", "  satisfice13 ",
                  "still not dominated"):  # fmt: skip
        assert words in told


def test_pick_and_compare_speak_the_same_words(folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    bounds = ["compute_lead_satisfice13>=0.1", "revenue_regret<=1000 GUSD", "compute_lead_p2.5>=4"]
    bounds = [part for bound in bounds for part in ("--bound", bound)]
    found = answer(capsys, "pick", folder, "--weight", "revenue_cvar10=1", *bounds)
    assert found["same_bits_as_run"] is True
    assert list(found["outcomes"]) == NAMES
    tail = found["outcomes"]["revenue_cvar10"]
    assert tail["low"] <= tail["cvar10"] <= tail["high"]
    change = found["rounded"]["change"]["revenue_cvar10"]["cvar10"]
    assert change == pytest.approx(found["rounded"]["outcomes"]["revenue_cvar10"]["cvar10"] - tail["cvar10"], abs=1e-9)
    best = max(
        answer(capsys, "pick", folder, "--weight", f"{name}=1")["outcomes"]["revenue_cvar10"]["cvar10"]
        for name in ("revenue", "compute_lead_satisfice13")
    )
    assert tail["cvar10"] >= best
    compared = answer(capsys, "compare", folder, "ban")
    assert all(list(one["outcomes"]) == NAMES for one in compared["contenders"])


def test_a_statistic_that_cannot_be_met_is_explained_in_its_words(
    study: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bound = ["--set", "constraints.revenue_satisfice100.min=99 %"]
    assert run(group, ["optimize", study, "-o", str(tmp_path / "run"), "-q", "--json", *FLAGS, *bound]) == 3
    told = json.loads(capsys.readouterr().out)["infeasible"]
    nearest = told["policies"][0]
    assert [broken["bound"] for broken in nearest["breaks"]] == ["satisfice100 of revenue >= 0.99"]
    relaxed = told["relaxations"][0]
    assert relaxed["unit"] == "1"
    assert relaxed["set"].startswith("constraints.revenue_satisfice100.min=0.")
    again = ["optimize", study, "-o", str(tmp_path / "again"), "-q", *FLAGS, *bound, "--set", relaxed["set"]]
    assert run(group, again) == 0


def test_config_show_says_where_a_statistic_was_said(study: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(group, ["config", "show", study]) == 0
    lines = capsys.readouterr().out.splitlines()
    said = {line.split()[0]: line for line in lines if line.startswith(("objectives.", "constraints."))}
    assert "tails.toml" in said["objectives.revenue_cvar10.direction"]
    assert "satisfice13" in said["objectives.compute_lead.statistic"]
    assert "tails.toml" in said["objectives.compute_lead.statistic"]
    assert "tails.toml" in said["constraints.compute_lead_p2.5.min"]
