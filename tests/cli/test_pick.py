"""`tiercap pick` and `tiercap compare` as a person meets them, and what an infeasible search says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support import small
from support.small import FLAGS

from tiercap.optimizer.cli import group
from tiercap.optimizer.cli.guard import run
from tiercap.optimizer.search.run import optimize

OBJECTIVES = {"revenue", "compute_lead"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(optimize(small.problem(), tmp_path_factory.mktemp("run") / "run").path)


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(optimize(small.problem("search.seed=5"), tmp_path_factory.mktemp("other") / "run").path)


def answer(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert run(group, [*arguments, "--json"]) == 0
    told = capsys.readouterr()
    assert told.err == ""
    found: dict[str, Any] = json.loads(told.out)
    assert found["schema_version"] == 1
    return found


@pytest.mark.parametrize("more", [[], ["--by", "compromise"], ["--by", "regret"], ["--weight", "compute_lead=2"]])
def test_pick_answers_in_one_object(more: list[str], folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(capsys, "pick", folder, *more)
    assert found["by"] == (more[1] if "--by" in more else "weights" if more else "compromise")
    assert 0 <= found["policy"] < found["of"]
    assert found["reasons"]
    assert found["same_bits_as_run"] is True
    assert set(found["outcomes"]) == set(found["rounded"]["change"]) == OBJECTIVES
    for name in OBJECTIVES:
        change = found["rounded"]["change"][name]
        assert change["low"] <= change["high"]
        exact, rounded = found["outcomes"][name]["mean"], found["rounded"]["outcomes"][name]["mean"]
        assert change["mean"] == pytest.approx(rounded - exact, abs=1e-9)
    assert {price["direction"] for price in found["marginal_prices"]} == {"looser", "tighter"}
    assert set(found["loophole"]["gain_from_rebinning"]) == OBJECTIVES | {
        "units_open", "units_licensed", "design_cost"
    }  # fmt: skip
    assert len(found["loophole"]["chips_near_caps"]) == 6


def test_the_rounded_levers_evaluate_to_what_was_said(folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(capsys, "pick", folder)["rounded"]
    for name, value in found["levers"].items():
        digits = value * 1000.0 if name.endswith(("memory", "interconnect")) else value
        assert float(f"{digits:.1e}") == pytest.approx(digits, rel=1e-12), name
    text = ",".join(f"{name}={value!r}" for name, value in found["levers"].items())
    more = ("--policy", text, "--seed", "1", "--set", "scenarios.count=32")
    (policy,) = answer(capsys, "evaluate", "china-2026", *more)["policies"]
    for name in OBJECTIVES:
        assert policy["outcomes"][name]["mean"] == pytest.approx(found["outcomes"][name]["mean"], rel=1e-12)


def test_a_grid_and_more_digits(folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(capsys, "pick", folder, "--round", "3", "--grid", "c_licensed_memory=0.25 TB/s")["rounded"]["levers"]
    assert found["c_licensed_memory"] % 250.0 == 0.0
    assert float(f"{found['c_licensed_tpp']:.2e}") == found["c_licensed_tpp"]
    finer = answer(capsys, "pick", folder, "--round", "15")["rounded"]["change"]
    assert all(abs(change["mean"]) < 1e-9 for change in finer.values())


def test_bounds_narrow_the_choice(folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    free = answer(capsys, "pick", folder, "--by", "weights", "--weight", "revenue=1")
    assert free["policy"] == 0  # the front begins with the best in the first objective
    least = free["outcomes"]["compute_lead"]["mean"] + 0.2
    bound = answer(capsys, "pick", folder, "--weight", "revenue=1", "--bound", f"compute_lead>={least!r}")
    assert bound["outcomes"]["compute_lead"]["mean"] >= least
    assert bound["policy"] > 0
    assert "policies keep mean of compute_lead >=" in bound["reasons"][0]


def test_bounds_that_nothing_keeps_are_3(folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(group, ["pick", folder, "--bound", "compute_lead>=1000", "--bound", "revenue>=0"]) == 3
    told = capsys.readouterr()
    assert told.out == ""
    missed = "the nearest misses mean of compute_lead >= 1000"
    assert told.err.startswith(f"error: no policy of the front keeps all bounds; {missed}")
    assert told.err.count("\n") == 1


def test_pick_changes_nothing_and_answers_the_same_for_any_threads(
    folder: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}
    one = answer(capsys, "pick", folder, "--by", "regret", "--threads", "1")
    assert one == answer(capsys, "pick", folder, "--by", "regret", "--threads", "2")
    assert {path: path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()} == before


def test_the_report_of_pick_says_it_in_words(folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(group, ["pick", folder, "--by", "regret"]) == 0
    told = capsys.readouterr().out
    for words in ("chosen by regret:", "in no scenario does it fall short", "rounding changes", "Marginal prices",
                  "Loophole: chips cut down to 1 to 2 % below the caps", "within 5 % of a cap"):  # fmt: skip
        assert words in told


MISTAKES: dict[str, tuple[list[str], str]] = {
    "no folder": (["pick", "nowhere"], "does not exist"),
    "not a run": (["pick", "."], "is not a run folder"),
    "outcome": (["pick", "RUN", "--bound", "compute_laed>=3"], "did you mean `compute_lead`?"),
    "bound": (["pick", "RUN", "--bound", "gap>3"], "takes OUTCOME<=V or OUTCOME>=V"),
    "unit": (["pick", "RUN", "--bound", "compute_lead>=3 GUSD"], "a pure number"),
    "weight": (["pick", "RUN", "--weight", "gpa=3"], "is not an objective of the run"),
    "all zero": (["pick", "RUN", "--weight", "compute_lead=0"], "at least one weight must be above 0"),
    "no weight": (["pick", "RUN", "--by", "weights"], "needs a weight, such as --weight revenue=2"),
    "weight unused": (["pick", "RUN", "--by", "regret", "--weight", "compute_lead=1"], "--by regret takes no weights"),
    "grid": (["pick", "RUN", "--grid", "c_licensed_tpp"], "takes LEVER=STEP"),
    "digits": (["pick", "RUN", "--round", "0"], "--round"),
    "way": (["pick", "RUN", "--by", "luck"], "luck"),
    "nothing": (["compare"], "missing argument"),
    "no rule": (["compare", "bis-2062"], "did you mean `bis-2026`?"),
    "no run": (["compare", "RUN", "no/where"], "does not exist"),
    "twice": (["compare", "RUN", "RUN"], "given twice"),
    "lever": (["compare", "c_opn_tpp=3"], "did you mean `c_open_tpp`?"),
    "scenarios": (["compare", "ban", "--count", "0"], "--count"),
    "structure": (["compare", "ban", "--scenarios", "prior", "--structure", "rule"], "--structure chooses members"),
    "ensemble": (["compare", "ban", "--scenarios", "no.parquet"], "no.parquet"),
    "study": (["compare", "ban", "--study", "china-2062"], "did you mean `china-2026`?"),
}


@pytest.mark.parametrize("what", MISTAKES)
def test_a_mistake_is_one_sentence_and_2(
    what: str, folder: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words, says = MISTAKES[what]
    assert run(group, [folder if word == "RUN" else word for word in words]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert says in told.err.casefold() or says in told.err
    assert told.err.startswith("error: ")
    assert told.err.count("\n") == 1


def test_compare_answers_in_one_object(folder: str, other: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(capsys, "compare", folder, other, "ban", "c_open_tpp=4800,c_licensed_tpp=30000")
    entries = found["contenders"]
    assert [entry["kind"] for entry in entries] == ["run", "run", "rule", "policy", "rule"]
    assert found["rule_in_force"] == entries[4]["name"] == "bis-2026"
    assert {"count": 32, "seed": 1, "kind": "calibrated"}.items() <= found["scenarios"].items()
    for entry in entries:
        assert set(entry["beats"]) == {e["name"] for e in entries if e is not entry}
        for duel in entry["beats"].values():
            assert 0 <= duel["surely"] <= duel["policies"] <= duel["of"]
            change = duel["clearest"]["change"]
            gains = [change["revenue"]["mean"], change["compute_lead"]["mean"]]
            assert (min(gains) > 0.0) == (duel["policies"] > 0)
        volume = entry["hypervolume"]
        assert volume["low"] <= volume["high"]
        assert volume["change_from_first"]["mean"] == pytest.approx(
            volume["mean"] - entries[0]["hypervolume"]["mean"], abs=1e-12
        )
    assert entries[4]["beats"][folder]["policies"] == 0  # or the rule would be on the front
    assert entries[0]["hypervolume"]["mean"] > entries[4]["hypervolume"]["mean"]
    assert max(entry["regret"]["mean"] for entry in entries) > min(entry["regret"]["mean"] for entry in entries) >= 0


def test_compare_in_fresh_scenarios(folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(capsys, "compare", folder, "--seed", "99", "--count", "64")
    assert {"count": 64, "seed": 99, "kind": "calibrated"}.items() <= found["scenarios"].items()
    prior = answer(capsys, "compare", folder, "--scenarios", "prior")
    assert {"count": 32, "seed": 1, "kind": "sobol", "ensemble": None}.items() <= prior["scenarios"].items()
    again = answer(capsys, "compare", folder, "--seed", "99", "--count", "64", "--threads", "1")
    assert again == found
    (rule,) = answer(
        capsys, "evaluate", "--policy", "bis-2026", "--seed", "99", "--set", "scenarios.count=64"
    )["policies"]  # fmt: skip
    for name in OBJECTIVES:
        mean = found["contenders"][1]["outcomes"][name]["mean"]
        assert mean == pytest.approx(rule["outcomes"][name]["mean"], rel=1e-12)


def test_the_report_of_compare_has_its_four_tables(folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(group, ["compare", folder, "ban"]) == 0
    told = capsys.readouterr().out
    for words in ("in force: bis-2026", "beats in every objective", "Against bis-2026", "less bis-2026", "Regret:",
                  "Hypervolume"):  # fmt: skip
        assert words in told


DEMANDS = ("--set", "constraints.compute_lead.min=1000", "--set", "constraints.revenue.min=1 GUSD")


def test_an_infeasible_search_is_explained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "run"
    command = ["optimize", "-o", str(place), "--seed", "1", *FLAGS, *DEMANDS, "-q"]
    assert run(group, [*command, "--json"]) == 3
    told = capsys.readouterr()
    missed = "the nearest misses mean of compute_lead >="
    assert told.err.startswith(f"error: no policy of 96 satisfies the constraints; {missed}")
    explained = json.loads(told.out)["infeasible"]
    assert explained["tried"] == 96
    assert 1 < len(explained["policies"]) <= 5
    shares = [policy["share"] for policy in explained["policies"]]
    assert shares == sorted(shares)
    for policy in explained["policies"]:
        (gap,) = (broken for broken in policy["breaks"] if broken["bound"] == "mean of compute_lead >= 1000")
        assert gap["by"] == pytest.approx(1000.0 - policy["outcomes"]["compute_lead"]["mean"])
    (relaxed,) = explained["relaxations"]
    assert json.loads((place / "manifest.json").read_text())["infeasible"] == explained
    assert run(group, command) == 3
    assert "Smallest relaxation of one constraint" in capsys.readouterr().out
    assert run(group, ["pick", str(place)]) == 2
    assert "found no feasible policy" in capsys.readouterr().err
    eased = ["--set", relaxed["set"], "-o", str(tmp_path / "eased")]
    assert run(group, [*command, *eased, "--json"]) == 0
    front = json.loads(capsys.readouterr().out)["front"]
    assert min(policy["outcomes"]["compute_lead"]["mean"] for policy in front) >= relaxed["new_bound"]
