"""`lists`: what the commands parameters, outcomes, engines, config and init say."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.command import same, told

import tiercap as tc
from tiercap.optimizer.study import load


def test_parameters(capsys: pytest.CaptureFixture[str]) -> None:
    found, said = tc.parameters(), told(capsys, "parameters")["parameters"]
    assert found.index.tolist() == [row["name"] for row in said]
    for row in said:
        assert all(same(found.loc[row["name"]][key], value) for key, value in row.items() if key != "name")
    assert found.attrs["units"]["value"] == "see unit"
    group = tc.parameters("demand", evidence="assumption", settings={"budget_c": "60 GUSD/year"})
    assert set(group.group) == {"demand"}
    assert set(group.evidence) == {"assumption"}
    assert tc.parameters("budget_c", settings={"budget_c": "60 GUSD/year"}).value.item() == 60.0
    with pytest.raises(tc.InputError, match="did you mean `budget_c`"):
        tc.parameters("budget_d")
    with pytest.raises(tc.InputError, match="unknown evidence tag"):
        tc.parameters(evidence="hearsay")


@pytest.mark.slow
def test_the_ledger(capsys: pytest.CaptureFixture[str]) -> None:
    found, said = tc.ledger(tc.study()), told(capsys, "parameters", "--ledger")
    for row in said["parameters"]:
        if "explains" in row:
            mine = found.loc[row["name"]]
            assert {name: mine[f"explains_{name}"] for name in row["explains"]} == row["explains"]
            assert same(mine.bits, row["bits"])
            assert same(mine.posterior, row["posterior"])
    assert found.attrs["structure_explains"] == said["ledger"]["structure_explains"]


def test_a_ledger_needs_a_posterior(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(tc.InputError, match="compares prior and posterior"):
        tc.ledger(tc.study(scenarios="prior"))


def test_outcomes(capsys: pytest.CaptureFixture[str]) -> None:
    for steps, flags in ((False, ()), (True, ("--steps",))):
        said = told(capsys, "outcomes", *flags)["outcomes"]
        assert tc.outcomes(steps).reset_index().to_dict("records") == said


def test_engines(capsys: pytest.CaptureFixture[str]) -> None:
    found, said = tc.engines(), told(capsys, "engines")
    assert found["engines"].attrs["default"] == said["default"]
    options = found["options"].set_index(["engine", "option"])
    for engine in said["engines"]:
        assert found["engines"].loc[engine["name"]].meaning == engine["meaning"]
        assert {name for of, name in options.index if of == engine["name"]} == set(engine["options"])
        for name, option in engine["options"].items():
            assert same(options.loc[(engine["name"], name)].default, option["default"])
    assert found["pruners"].meaning.to_dict() == said["pruners"]


def test_config(capsys: pytest.CaptureFixture[str]) -> None:
    found = tc.config("three-tier", {"budget_c": "60 GUSD/year"}, seed=3)
    said = told(capsys, "config", "show", "three-tier", "--set", "budget_c=60 GUSD/year", "--seed", "3")
    assert found["scenarios"]["seed"] == said["scenarios"]["seed"] == 3
    assert set(found) == set(said)
    assert found["origins"] == said["origins"]
    with pytest.raises(tc.InputError, match="unknown"):
        tc.config(settings={"serch.trials": 3})
    with pytest.raises(tc.InputError, match="no_such"):
        tc.config(settings={"policy.c": "no_such"})


def test_init(tmp_path: Path) -> None:
    place = tc.init(tmp_path / "mine.toml", "three-tier")
    assert place.read_text(encoding="utf-8") == load.builtin_text("three-tier")
    with pytest.raises(tc.InputError, match="exists already"):
        tc.init(place)
    with pytest.raises(tc.InputError, match="did you mean `china-2026`"):
        tc.init(tmp_path / "other.toml", "china-2062")
