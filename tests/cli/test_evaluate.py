"""`tiercap evaluate`: what scripts rely on, and what people get wrong."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from tiercap.kernels.params import OUTCOMES, TRAJECTORY
from tiercap.optimizer.cli import group
from tiercap.optimizer.cli.guard import run

FEW = ["--set", "scenarios.count=8"]


def evaluate(*arguments: str) -> int:
    return run(group, ["evaluate", *FEW, *arguments])


class Standard:
    """Standard input that holds bytes."""

    def __init__(self, data: bytes) -> None:
        self.buffer = io.BytesIO(data)

    def isatty(self) -> bool:
        return False


def test_json_has_every_outcome_with_its_spread(capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate("--policy", "bis-2026", "--policy", "ban", "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["schema_version"] == 1
    assert [policy["name"] for policy in answer["policies"]] == ["bis-2026", "ban"]
    for policy in answer["policies"]:
        assert set(policy) == {"name", "levers", "outcomes"}
        assert list(policy["outcomes"]) == list(OUTCOMES)
        for spread in policy["outcomes"].values():
            assert set(spread) == {"mean", "p05", "p50", "p95", "unit"}
            assert spread["p05"] <= spread["p50"] <= spread["p95"]
    assert answer["policies"][1]["outcomes"]["revenue"] == dict.fromkeys(("mean", "p05", "p50", "p95"), 0.0) | {
        "unit": "GUSD"
    }
    assert answer["policies"][0]["outcomes"]["revenue"]["mean"] > 0


def test_a_policy_has_the_same_bits_in_any_company_and_on_any_threads(capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate("--policy", "bis-2026", "--json", "--threads", "1") == 0
    alone = json.loads(capsys.readouterr().out)["policies"][0]
    rules = ["ban", "bis-2026", "oct-2022", "unrestricted"]
    assert evaluate(*(f"--policy={rule}" for rule in rules), "--json", "--threads", "2") == 0
    assert json.loads(capsys.readouterr().out)["policies"][1] == alone


def test_policies_that_bind_nowhere_are_equal_to_the_bit(capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate("--policy", "unrestricted", "--policy", "c_open_tpp=1e9,c_open_memory=none", "--json") == 0
    first, second = (policy["outcomes"] for policy in json.loads(capsys.readouterr().out)["policies"])
    assert first == second


def test_rows_on_standard_input_join_the_other_policies(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = b"\xef\xbb\xbfname,c_open_tpp,c_open_memory\nmine,4800 TPP,\n,,1400 GB/s\n"
    monkeypatch.setattr(sys, "stdin", Standard(rows))
    assert evaluate("--policy", "ban", "--policy", "-", "--policy", "c_open_tpp=4800", "--json") == 0
    policies = json.loads(capsys.readouterr().out)["policies"]
    assert [policy["name"] for policy in policies] == ["ban", "mine", "row 2", "c_open_tpp=4800"]
    assert policies[1]["outcomes"] == policies[3]["outcomes"]
    assert policies[2]["levers"]["c_open_memory"] == 1400.0


def test_trajectories_have_a_value_a_year(capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate("--trajectory", "--json", "--policy", "ban", "--policy", "unrestricted") == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["years"] == [2026.0 + year for year in range(8)]
    for policy in answer["policies"]:
        assert list(policy["outcomes"]) == list(TRAJECTORY)
        assert all(len(outcome["mean"]) == 8 for outcome in policy["outcomes"].values())


def test_the_table_for_people_names_the_policy_and_units(capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate("--outcome", "compute_lead", "--outcome", "revenue", "--outcome", "compute_lead") == 0
    told = capsys.readouterr()
    lines = told.out.splitlines()
    assert lines[0].split() == ["outcome,", "mean", "bis-2026"]
    below = ["5", "50", "5"]
    assert [line.split()[0] for line in lines[1:]] == ["compute_lead", *below, "revenue", *below]
    assert "[GUSD]" in lines[5]
    assert "8 scenarios of calibrated-2026, seed 0" in told.err
    assert evaluate("--outcome", "compute_lead", "-q") == 0
    assert capsys.readouterr().err == ""


def test_many_policies_become_lines_with_the_objectives(capsys: pytest.CaptureFixture[str]) -> None:
    rules = ["ban", "bis-2026", "oct-2022", "oct-2023", "unrestricted", "diffusion-2025", "bis-2026,2028:ban"]
    assert evaluate(*(f"--policy={rule}" for rule in rules), "-q") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == rules
    assert lines[0].split() == ["policy,", "means", "revenue", "[GUSD]", "compute_lead"]


def test_a_schedule_holds_its_rules_one_after_the_other(capsys: pytest.CaptureFixture[str]) -> None:
    rules = ["--policy", "bis-2026,2029:ban", "--policy", "bis-2026", "--policy", "ban"]
    assert evaluate(*rules, "--json", "--trajectory", "--set", "credibility=0") == 0
    policies = json.loads(capsys.readouterr().out)["policies"]
    mixed, kept, banned = (policy["outcomes"]["units_licensed"]["mean"] for policy in policies)
    assert mixed[:2] == kept[:2]  # nobody believes what is announced; 2028 differs: buyers pull purchases forward
    assert mixed[2] > kept[2]
    assert mixed[3:] == banned[3:] == [0.0] * 5
    assert evaluate(*rules, "--json") == 0
    first = json.loads(capsys.readouterr().out)["policies"][0]
    assert first["schedule"]["steps"] == [0, 0, 0, 1, 1, 1, 1, 1]
    assert first["outcomes"]["write_downs"]["mean"] > 0


def test_an_announced_ban_is_believed_before_it_comes(capsys: pytest.CaptureFixture[str]) -> None:
    rules = ["--policy", "bis-2026,2029:ban", "--policy", "bis-2026"]
    assert evaluate(*rules, "--json", "--trajectory", "--set", "credibility=0.9") == 0
    policies = json.loads(capsys.readouterr().out)["policies"]
    announced, kept = (policy["outcomes"]["belief"]["mean"] for policy in policies)
    assert announced[0] == kept[0]
    assert all(a < k for a, k in zip(announced[1:], kept[1:], strict=True))


MISTAKES = {
    "late year": (["--policy", "bis-2026,2040:ban"], "years must rise between 2026 and 2034"),
    "year": (["--policy", "bis-2026,soon:ban"], "year of a schedule"),
    "rule of a schedule": (["--policy", "bis-2026,2029:bann"], "did you mean `ban`?"),
    "rule": (["--policy", "bis2026"], "did you mean `bis-2026`?"),
    "lever": (["--policy", "c_opn_tpp=3"], "did you mean `c_open_tpp`?"),
    "unit": (["--policy", "c_open_tpp=3 GB/s"], "expected TPP"),
    "loosens": (["--policy", "c_licensed_tpp=3"], "looser than c_licensed_tpp (3)"),
    "twice": (["--policy", "c_open_tpp=3,c_open_tpp=4"], "given twice"),
    "outcome": (["--outcome", "revnue"], "did you mean `revenue`?"),
    "outcome of a year": (["--outcome", "revenue", "--trajectory"], "unknown outcome `revenue`"),
    "parameter": (["--set", "budgt_c=3"], "did you mean `budget_c`?"),
    "quantity": (["--set", "budget_c=60 GB"], "expected GUSD/year"),
    "infinity": (["--set", "budget_c=inf"], "only finite numbers"),
    "absurd": (["--trajectory", "--set", "scenarios.count=1000000"], "do not fit the 2 GiB"),
    "threads": (["--threads", "0"], "--threads"),
    "study": (["chna-2026"], "did you mean `china-2026`?"),
    "input twice": (["--policy", "-", "--policy", "-"], "can be read once"),
}


@pytest.mark.parametrize(("arguments", "says"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_one_sentence_and_exit_code_2(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(*arguments) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert says in told.err
    assert told.err.startswith("error: ")


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (b"", "holds no rows"),
        (b"name,c_opn_tpp\na,1\n", "standard input:1: unknown column `c_opn_tpp`"),
        (b"c_open_tpp\n" + b"1\n" * 10_001, "more than 10,000 rows"),
        (b"c_open_tpp\n" + b"1\n" * 2**24, "larger than 16 MiB"),
    ],
    ids=["empty", "column", "rows", "bytes"],
)
def test_bad_rows_are_refused(
    rows: bytes, says: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", Standard(rows))
    assert evaluate("--policy", "-") == 2
    assert says in capsys.readouterr().err


def test_a_study_of_ones_own_says_only_what_differs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text('[study]\nextends = "builtin:china-2026"\nbaseline = "ban"\n[scenarios]\nkind = "central"\n')
    assert run(group, ["evaluate", str(mine), "--json"]) == 0
    policy = json.loads(capsys.readouterr().out)["policies"][0]
    assert policy["name"] == "ban"
    assert all(o["p05"] == o["mean"] == o["p95"] for o in policy["outcomes"].values())


def test_config_check_refuses_levers_that_could_loosen_a_tier(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(group, ["config", "check"]) == 0
    assert run(group, ["config", "check", "--set", "levers.c_open_tpp=false"]) == 2
    assert "`c_open_tpp` could become looser" in capsys.readouterr().err
