"""`tiercap optimize` as a person meets it: the answer, the folder, signals, full disks, refusals."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.small import BLOCKS, EVALUATIONS, FLAGS

from tiercap.optimizer.cli import group
from tiercap.optimizer.cli.guard import run

#: The real command, in which a signal comes once so many evaluations are done: no clock decides when.
DRIVER = """
import os, sys
from tiercap.optimizer.search import loop
from tiercap.optimizer.cli import main
number, after = (int(text) for text in sys.argv[1:3])
advance = loop.Search._advance
def strike(self, evaluations):
    advance(self, evaluations)
    if number and self.done >= after:
        loop.Search._advance = advance
        os.kill(os.getpid(), number)
loop.Search._advance = strike
main(sys.argv[3:])
"""
#: Blocks done, and evaluations in them, in the middle of the search: the first generation is not committed.
DONE = list(BLOCKS)[:5]
MIDWAY = sum(BLOCKS[name] for name in DONE) + 1
#: What each signal is called.
SAID = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated", signal.SIGHUP: "hung up"}


def optimize(
    folder: Path, *arguments: str, number: int = 0, before: str = "", **more: Any
) -> subprocess.CompletedProcess[str]:
    """The small study from seed 1, in a process of its own; ``before`` is what it executes first."""
    command = [sys.executable, "-c", before + DRIVER, str(int(number)), str(MIDWAY)]
    command += ["optimize", "-o", str(folder), "--seed", "1", *FLAGS, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, **more)


def answer(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def parts(folder: Path) -> dict[str, tuple[int, int]]:
    """The committed blocks, and what would change if one were written again."""
    return {p.name: (p.stat().st_ino, p.stat().st_mtime_ns) for p in (folder / "evaluations").iterdir()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A run that nothing interrupted, on one thread: folder and answer."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    return folder, answer(optimize(folder, "--json", "--threads", "1"))


def test_the_answer_has_the_shape_that_scripts_rely_on(whole: tuple[Path, dict[str, Any]]) -> None:
    folder, found = whole
    keys = {"schema_version", "run", "converged", "evaluations", "evaluations_reused", "seconds", "hypervolume"}
    assert keys | {"front", "rule_in_force"} <= set(found)
    assert found["run"] == str(folder)
    assert (found["evaluations"], found["evaluations_reused"]) == (EVALUATIONS, 0)
    assert {"value", "low", "high", "reference_point"} <= set(found["hypervolume"])
    assert set(found["hypervolume"]["reference_point"]) == {"revenue", "compute_lead"}
    assert found["rule_in_force"]["name"] == "bis-2026"
    assert len(found["choices"]) == 4
    for policy in [*found["front"], found["rule_in_force"]]:
        assert policy["levers"]
        for name in ("revenue", "compute_lead"):
            assert {"mean", "p05", "p50", "p95", "unit"} <= set(policy["outcomes"][name])


def test_the_front_evaluates_to_the_same_bits_by_hand(
    whole: tuple[Path, dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    policy = whole[1]["front"][3]
    text = ",".join(f"{name}={value!r}" for name, value in policy["levers"].items())
    flags = ["--seed", "1", "--set", "scenarios.count=32", "--json"]
    assert run(group, ["evaluate", "--policy", text, "--policy", "bis-2026", *flags]) == 0
    mine, rule = json.loads(capsys.readouterr().out)["policies"]
    for name in ("revenue", "compute_lead"):
        assert mine["outcomes"][name] == policy["outcomes"][name]
        assert rule["outcomes"][name] == whole[1]["rule_in_force"]["outcomes"][name]


def test_the_folder_holds_what_was_promised(whole: tuple[Path, dict[str, Any]]) -> None:
    folder, found = whole
    manifest = json.loads((folder / "manifest.json").read_text())
    for name, digest in manifest["digests"].items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
    assert {"front.csv", "front.parquet", "convergence.parquet", "codebook.csv"} <= set(manifest["digests"])
    assert len((folder / "front.csv").read_text().splitlines()) == 1 + len(found["front"])
    assert {"tiercap", "numba", "optuna", "kernel_sources"} <= set(manifest["configuration"]["code"])
    assert manifest["study"]["origins"]["search.seed"] == "command line"


def test_the_journal_opens_in_optuna(whole: tuple[Path, dict[str, Any]]) -> None:
    import optuna
    import pyarrow.parquet
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    storage = JournalStorage(JournalFileBackend(str(whole[0] / "study.journal")))
    study = optuna.load_study(study_name="thresholds-2026", storage=storage)
    assert len(study.trials) == 16 + 32
    assert all(trial.state.is_finished() for trial in study.trials)
    assert study.metric_names == ["revenue", "compute_lead"]
    assert [d.name for d in study.directions] == ["MAXIMIZE", "MAXIMIZE"]
    block = pyarrow.parquet.read_table(whole[0] / "evaluations" / "part-generation-00002-0000.parquet").to_pydict()
    for k, trial in enumerate(study.trials[-16:]):
        assert trial.values == [block[name][k] for name in study.metric_names]
        assert trial.params == {name: block[f"lever_{name}"][k] for name in trial.params}
        assert len(trial.params) == 6


def test_two_threads_give_the_same_front(whole: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    found = answer(optimize(tmp_path / "run", "--json", "--threads", "2"))
    assert found["front"] == whole[1]["front"]
    assert (tmp_path / "run" / "front.csv").read_bytes() == (whole[0] / "front.csv").read_bytes()


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGKILL, -signal.SIGKILL)],
)
def test_an_interrupted_run_goes_on(
    number: int, code: int, whole: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    stopped = optimize(folder, "--json", number=number)
    assert stopped.returncode == code
    assert stopped.stdout == ""
    kept = parts(folder)
    assert set(kept) == {f"part-{name}.parquet" for name in DONE}
    if number != signal.SIGKILL:
        assert "Traceback" not in stopped.stderr
        last = stopped.stderr.splitlines()[-1]
        assert last.startswith(f"error: {SAID[number]}; ")
        assert f"kept in {folder}; to go on: tiercap optimize -o {folder} --seed 1 --set search.screen=256" in last
        assert (folder / "study.journal").stat().st_size > 0
    found = answer(optimize(folder, "--json"))
    assert found["evaluations_reused"] == MIDWAY - 1
    assert found["evaluations"] == EVALUATIONS
    assert {name: parts(folder)[name] for name in kept} == kept
    assert found["front"] == whole[1]["front"]
    assert (folder / "front.csv").read_bytes() == (whole[0] / "front.csv").read_bytes()


def test_a_shell_that_ignores_ctrl_c_still_ends_a_run(tmp_path: Path) -> None:
    ignoring = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    assert optimize(tmp_path / "a", number=signal.SIGINT, before=ignoring).returncode == 0
    assert optimize(tmp_path / "b", number=signal.SIGTERM, before=ignoring).returncode == 143


def test_the_advice_after_an_interruption_is_a_command_that_works(tmp_path: Path) -> None:
    import shlex

    folder = tmp_path / "a run"
    told = optimize(folder, "--set", "budget_c=60 GUSD/year", number=signal.SIGINT).stderr
    words = shlex.split(told.partition("to go on: ")[2])
    assert words[:4] == ["tiercap", "optimize", "-o", str(folder)]
    code = "from tiercap.optimizer.cli import main; main()"
    again = subprocess.run(
        [sys.executable, "-c", code, *words[1:], "--json"], capture_output=True, text=True, check=False
    )
    assert answer(again)["evaluations_reused"] == MIDWAY - 1


#: Putting things in order after an interruption, made endless.
HANGS = """
import os, signal, time
from tiercap.optimizer.search import run as optimize
from tiercap.optimizer.cli import interrupts
def hang(search):
    if AGAIN:
        time.sleep(2 * interrupts.ONE_SIGNAL)
        os.kill(os.getpid(), signal.SIGINT)
    time.sleep(600)
optimize._write_optuna = hang
"""


@pytest.mark.parametrize(
    ("again", "grace", "says"),
    [(False, 0.5, "error: interrupted; what was finished"), (True, 500, "error: interrupted twice, left at once")],
)
def test_a_hanging_end_is_cut_short_and_loses_nothing(again: bool, grace: float, says: str, tmp_path: Path) -> None:
    before = HANGS.replace("AGAIN", str(again))
    done = optimize(tmp_path, number=signal.SIGINT, before=before + f"interrupts.GRACE = {grace}\n")
    assert done.returncode == 130
    assert done.stderr.splitlines()[-1].startswith(says)
    assert answer(optimize(tmp_path, "--json"))["evaluations_reused"] == MIDWAY - 1


def test_a_larger_budget_extends_and_a_smaller_is_refused(tmp_path: Path) -> None:
    assert optimize(tmp_path).returncode == 0
    found = answer(optimize(tmp_path, "--json", "--set", "search.trials=48"))
    assert found["evaluations_reused"] == EVALUATIONS
    assert found["evaluations"] == EVALUATIONS + 16 * (32 + 8 * 8)
    refused = optimize(tmp_path)
    assert refused.returncode == 2
    assert "budget.trials: 48 in the folder, 32 now" in refused.stderr


def test_another_configuration_is_refused_and_the_run_left_alone(
    whole: tuple[Path, dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = whole[0]
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != "lock"}
    for more, says in ((["--seed", "2"], "search.seed: 1 in the folder, 2 now"), (["three-tier"], "study.name")):
        assert run(group, ["optimize", "-o", str(folder), "--seed", "1", *FLAGS, *more]) == 2
        told = capsys.readouterr().err
        assert says in told
        assert "start a new run in another folder with -o" in told
    assert {path: path.read_bytes() for path in before} == before


def test_one_process_a_folder(whole: tuple[Path, dict[str, Any]], capsys: pytest.CaptureFixture[str]) -> None:
    import fcntl

    with open(whole[0] / "lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert run(group, ["optimize", "-o", str(whole[0]), "--seed", "1", *FLAGS]) == 2
    assert "is in use by process" in capsys.readouterr().err


@pytest.mark.parametrize("limit", [100, 20_000, 60_000])
def test_a_full_disk_loses_nothing(limit: int, whole: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    folder = tmp_path / "run"
    full = optimize(folder, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
    assert full.returncode == 6
    assert "what was committed before is safe" in full.stderr
    assert "Traceback" not in full.stderr
    kept = parts(folder) if (folder / "evaluations").exists() else {}
    found = answer(optimize(folder, "--json"))
    names = [name.removeprefix("part-").removesuffix(".parquet") for name in kept]
    assert found["evaluations_reused"] == sum(BLOCKS[name] for name in names)
    assert found["front"] == whole[1]["front"]


def test_a_journal_that_cannot_be_written_is_a_storage_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "run").mkdir()
    flags = ["optimize", "-o", str(tmp_path / "run"), "--seed", "1", *FLAGS, "-q"]
    assert run(group, flags) == 0
    (tmp_path / "run" / "study.journal").unlink()
    (tmp_path / "run" / "study.journal").mkdir()
    assert run(group, flags) == 6
    assert f"error: writing {tmp_path}/run/study.journal failed" in capsys.readouterr().err


def test_nothing_feasible_is_3_and_one_sentence(tmp_path: Path) -> None:
    done = optimize(tmp_path, "--json", "--set", "constraints.compute_lead.min=1000")
    assert done.returncode == 3
    assert set(json.loads(done.stdout)) == {"schema_version", "infeasible"}
    assert "the nearest misses mean of compute_lead >= 1000 by 98" in done.stderr.splitlines()[-1]
    assert (tmp_path / "study.journal").exists()


def places(tmp_path: Path) -> dict[str, tuple[str, str]]:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "strange").mkdir()
    (tmp_path / "strange" / "mine.txt").write_text("mine")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    return {
        "file": (str(tmp_path / "file"), "is a file"),
        "strange": (str(tmp_path / "strange"), "neither empty nor a run, it holds 'mine.txt'"),
        "dangling": (str(tmp_path / "dangling"), "a link that leads nowhere"),
        "empty": ("", "-o needs the name of a folder"),
    }


@pytest.mark.parametrize("kind", ["file", "strange", "dangling", "empty"])
def test_a_place_that_cannot_be_a_run_is_left_alone(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place, says = places(tmp_path)[kind]
    before = sorted(str(path) for path in tmp_path.rglob("*"))
    assert run(group, ["optimize", "-o", place, *FLAGS]) == 2
    assert says in capsys.readouterr().err
    assert sorted(str(path) for path in tmp_path.rglob("*")) == before


MISTAKES = {
    "search.screen=-1": "between 0 and 200,000,000",
    "search.trials=1e9": "whole number",
    "search.population=1": "between 2 and 10,000",
    "objectives.revnue=maximise": "did you mean `revenue`?",
    "objectives.revenue=up": "maximise or minimise",
    "constraints.compute_lead.max=10 GUSD": "expected a pure number",
    "study.baseline=bis2026": "did you mean `bis-2026`?",
    "levers.c_open_tpp.within=c_open_memory": "another figure",
    "levers.c_open_tpp=false": "could become looser",
    "scenarios.count=1000000": "do not fit",
    "serch.trials=3": "did you mean `search`?",
}


@pytest.mark.parametrize(("setting", "says"), MISTAKES.items())
def test_a_mistake_in_the_study_makes_no_folder(
    setting: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(group, ["optimize", "--set", setting]) == 2
    told = capsys.readouterr()
    assert says in told.err
    assert told.out == ""
    assert not list(tmp_path.iterdir())


def test_the_report_fits_a_hundred_columns_and_repeats_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.toml").write_text('[study]\nextends = "builtin:china-2026"\nname = "Mine / ours"\n')
    assert run(group, ["optimize", "mine.toml", "--seed", "1", *FLAGS]) == 0
    told = capsys.readouterr()
    folder = tmp_path / "runs" / "Mine-ours-0001"
    assert told.err == f"run folder {folder}\n"
    lines = told.out.splitlines()
    first, last = lines.index("") + 1, next(k for k, line in enumerate(lines) if line.startswith("Existing chips"))
    assert last - first > 25
    assert max(len(line) for line in lines[first:last]) <= 100
    assert "ExperimentalWarning" not in told.out + told.err
    (again,) = (line.strip() for line in lines if "tiercap optimize mine.toml" in line)
    assert again.startswith(f"tiercap optimize mine.toml -o {folder} --seed 1 --set search.screen=256")
    assert again.count("search.trials=") == 1
    assert "search.trials=64" in again


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_an_answer_that_cannot_be_written_leaves_the_run_whole(tmp_path: Path) -> None:
    command = [sys.executable, "-c", DRIVER, "0", "0", "optimize", "-o", str(tmp_path), "--seed", "1", *FLAGS]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False, env=os.environ)
    assert done.returncode == 6
    assert done.stderr.endswith("error: no space left: free some room and run the same command again\n")
    assert (tmp_path / "front.csv").exists()
