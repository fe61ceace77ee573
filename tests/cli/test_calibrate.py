"""`tiercap calibrate`, `parameters --ledger` and `--scenarios`, as a person types them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tiercap.optimizer.calibration import psis, smc
from tiercap.optimizer.cli import group
from tiercap.optimizer.cli.guard import run
from tiercap.optimizer.data import shipped
from tiercap.optimizer.model import ensembles

FEW = ["--runs", "2", "--particles", "256"]
RECORD = shipped("record.csv")


def tiercap(*arguments: str) -> int:
    return run(group, list(arguments))


@pytest.fixture(autouse=True)
def no_second_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    """And no long mixing: with so few particles every other row would be fitted again, as test_fit.py tries."""
    monkeypatch.setattr(psis, "TRUSTED", np.inf)
    monkeypatch.setattr(smc, "MOST", 6)
    monkeypatch.setattr(smc, "MOST_LAST", 6)


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """Members of two structures with weights, few and unlike the built-in ones."""
    path = tmp_path / "mine.parquet"
    columns = {"budget_c": np.array([20.0, 30.0, 80.0]), "weight": np.array([1.0, 1.0, 2.0]),
               "structure": np.array(["decides/logic", "decides/logic", "stands/logic"])}  # fmt: skip
    path.write_bytes(ensembles.to_parquet(columns))
    return path


@pytest.mark.slow
def test_a_calibration_writes_an_ensemble_that_evaluate_takes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "fit.parquet"
    assert tiercap("calibrate", *FEW, "-o", str(path), "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["schema_version"] == 1
    assert told["sha256"] == ensembles.load(path).digest
    assert told["members"] == 2 * 512
    assert tiercap("evaluate", "--scenarios", str(path), "--set", "scenarios.count=16", "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["scenarios"]["sha256"] == told["sha256"]
    assert answer["scenarios"]["count"] == 16


def test_the_report_names_rows_parameters_and_conflicts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A row ten times another about the same quarter must be named, not averaged away."""
    added = tmp_path / "more.csv"
    header, *rows = RECORD.read_text(encoding="utf-8").splitlines()
    row = next(line for line in rows if line.startswith("nvidia-china-fy25q3"))
    cells = row.split(",", 8)
    cells[0], cells[5:8] = "twelve-times", ["51", "46", "57"]
    added.write_text("\n".join([header, ",".join(cells)]) + "\n", encoding="utf-8")
    assert tiercap("calibrate", *FEW, "--record", str(added), "-o", str(tmp_path / "x.parquet")) == 0
    out = capsys.readouterr().out
    assert "29 rows (observations up to the end of 2024)" in out
    assert "budget_c_growth" in out
    assert "It says nothing of" in out
    assert "twelve-times" in out.split("rows at odds")[1]
    assert "no: " in out.splitlines()[3]  # 64 particles are too few, and the diagnosis says so


MISTAKES = {
    "only": (["--only"], "--only needs the rows to use"),
    "suffix": (["-o", "x.csv"], "a name that ends in .parquet"),
    "no record": (["--record", "none.csv"], "cannot be read as a record"),
    "particles": (["--particles", "3"], "64<=x<="),
    "few": (["--particles", "64", "--runs", "2"], "are too few for 512 members"),
    "study": (["none.toml"], "none.toml"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_one_sentence(case: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments, says = MISTAKES[case]
    assert tiercap("calibrate", *arguments) == 2
    out, error = capsys.readouterr()
    assert says in error
    assert not out
    assert "Traceback" not in error


def test_the_default_name_is_never_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "calibrated-2024.parquet").write_text("precious")
    assert tiercap("calibrate", *FEW) == 2
    assert "exists: name it with -o" in capsys.readouterr().err
    assert (tmp_path / "calibrated-2024.parquet").read_text() == "precious"


def test_an_interrupt_is_answered_and_leaves_nothing(tmp_path: Path) -> None:
    """The signal comes with the tenth call of the model; no clock decides."""
    driver = (
        "import os, signal\n"
        "from tiercap.optimizer.calibration import replay\n"
        "from tiercap.optimizer.cli import main\n"
        "predict, calls = replay.Replay.predict, []\n"
        "def strike(self, table):\n"
        "    calls.append(1)\n"
        "    if len(calls) == 10: os.kill(os.getpid(), signal.SIGINT)\n"
        "    return predict(self, table)\n"
        "replay.Replay.predict = strike\n"
        f"main(['calibrate', '--particles', '2048', '-o', {str(tmp_path / 'x.parquet')!r}])\n"
    )
    done = subprocess.run([sys.executable, "-c", driver], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 128 + signal.SIGINT
    assert "interrupted" in done.stderr
    assert "Traceback" not in done.stderr
    assert os.listdir(tmp_path) == []


def test_scenarios_come_from_where_they_are_asked(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = {}
    for name in ("calibrated", "prior", "central", str(mine)):
        assert tiercap("evaluate", "--scenarios", name, "--outcome", "revenue", "--json") == 0
        answer = json.loads(capsys.readouterr().out)
        found[name] = answer["scenarios"]["kind"], answer["scenarios"]["ensemble"], answer["scenarios"]["count"]
    assert found == {
        "calibrated": ("calibrated", "calibrated-2026", 256),
        "prior": ("sobol", None, 256),
        "central": ("central", None, 1),
        str(mine): ("calibrated", str(mine), 3),
    }


def test_weights_count_and_a_small_effective_number_is_said(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tiercap("evaluate", "--scenarios", str(mine), "--outcome", "revenue") == 0
    assert "3 scenarios of" in (error := capsys.readouterr().err)
    assert "by their weights worth 3" in error or "worth" in error
    means = {}
    for part in ("decides", "stands", None):
        flags = [] if part is None else ["--structure", part]
        settings = ["--set", "lock_in=0.5"]
        assert tiercap("evaluate", "--scenarios", str(mine), *flags, *settings, "--outcome", "revenue", "--json") == 0
        answer = json.loads(capsys.readouterr().out)
        means[part] = answer["scenarios"]["count"]
    assert means == {"decides": 2, "stands": 1, None: 3}


def test_a_structure_of_the_built_in_ensemble(capsys: pytest.CaptureFixture[str]) -> None:
    assert tiercap("evaluate", "--structure", "stands/memory", "--outcome", "compute_lead", "--json") == 0
    assert json.loads(capsys.readouterr().out)["scenarios"]["structure"] == "stands/memory"
    assert tiercap("evaluate", "--structure", "stnds") == 2
    assert "did you mean `stands`?" in capsys.readouterr().err
    assert tiercap("evaluate", "--scenarios", "prior", "--structure", "decides") == 2
    assert "`structure` is of no use with kind = sobol" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["evaluate", "optimize"])
def test_a_torn_ensemble_is_refused(command: str, mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine.write_bytes(mine.read_bytes()[:-20])
    assert tiercap(command, "--scenarios", str(mine)) == 2
    error = capsys.readouterr().err
    assert "cannot be read as Parquet" in error
    assert error.count("\n") == 1


def test_the_ledger_has_prior_posterior_and_shares(capsys: pytest.CaptureFixture[str]) -> None:
    assert tiercap("parameters", "--ledger", "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["ledger"]["objectives"] == ["revenue", "compute_lead"]
    rows = {row["name"]: row for row in answer["parameters"]}
    assert rows["buyer_decides"]["explains"]["revenue"] > 0.1
    assert rows["reference_f"]["explains"] == {"revenue": 0.0, "compute_lead": 0.0}
    assert rows["budget_c"]["prior"]["p50"] != rows["budget_c"]["posterior"]["p50"]
    assert rows["budget_c"]["bits"] > 0.02
    assert rows["nre"]["posterior"] is None
    assert all(0.0 <= share <= 1.0 for row in rows.values() for share in row.get("explains", {}).values())


def test_the_ledger_as_a_table(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tiercap("parameters", "demand", "--ledger") == 0
    out = capsys.readouterr().out
    assert "under bis-2026, over calibrated-2026" in out
    assert "(structure)" in out
    assert tiercap("parameters", "--ledger", "--scenarios", "prior") == 2
    assert "compares prior and posterior" in capsys.readouterr().err


def test_each_structure_answers_by_itself(capsys: pytest.CaptureFixture[str]) -> None:
    few = ["--set", "scenarios.count=16"]
    assert tiercap("evaluate", *few, "--structure", "each", "--policy", "ban", "--policy", "bis-2026", "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert [part["structure"] for part in answer["structures"]] == ensembles.load("calibrated-2026").labels()
    assert answer["better_under_all"] == {"ban": ["compute_lead"], "bis-2026": []}
    assert tiercap("evaluate", *few, "--structure", "decides/memory", "--policy", "bis-2026", "--json") == 0
    alone = json.loads(capsys.readouterr().out)["policies"][0]["outcomes"]["revenue"]["mean"]
    part = next(part for part in answer["structures"] if part["structure"] == "decides/memory")
    assert part["policies"][1]["outcomes"]["revenue"]["mean"] == alone
    assert tiercap("evaluate", *few, "--structure", "each", "--policy", "ban") == 0
    out, error = capsys.readouterr()
    assert "terminal_substitution [percent]" in out
    assert "under every structure ban is better than bis-2026 in: compute_lead" in error


def test_each_structure_needs_an_ensemble_with_structures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "plain.parquet"
    path.write_bytes(ensembles.to_parquet({"lock_in": np.array([0.5])}))
    for flags, says in ((["--scenarios", "prior"], "structures belong to an ensemble"),
                        (["--scenarios", str(path)], "no column `structure`"),
                        (["--trajectory"], "leave --trajectory out")):  # fmt: skip
        assert tiercap("evaluate", "--structure", "each", *flags) == 2
        assert says in capsys.readouterr().err
