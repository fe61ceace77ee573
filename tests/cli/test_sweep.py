"""`tiercap sweep` as a person meets it: answers, refusals, signals, a kill, workers that die."""

from __future__ import annotations

import hashlib
import json
import shlex
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tiercap.optimizer.cli import group
from tiercap.optimizer.cli.guard import run

#: The real command, in which a signal comes once so many evaluations are done: no clock decides when.
DRIVER = """
import os, sys
from tiercap.optimizer.sweeps import sweep, plan
from tiercap.optimizer.cli import main
plan.BLOCK = 64
number, after = (int(text) for text in sys.argv[1:3])
commit = sweep._commit
def strike(run, *block):
    commit(run, *block)
    if number and run.done >= after:
        os.kill(os.getpid(), number)
sweep._commit = strike
main(sys.argv[3:])
"""
GRID = ("--over", "c_licensed_tpp=2400 TPP:30000 TPP:16:log", "--over", "budget_c=40,60,80", "--outcome", "revenue",
        "--outcome", "compute_lead", "--policy", "bis-2026", "--policy", "unrestricted")  # fmt: skip
FEW = ("--set", "scenarios.count=16", "--set", "horizon.years=2")
#: 16 x 3 points, 2 policies, 16 scenarios, and half of it.
ALL, HALF = 48 * 2 * 16, 24 * 2 * 16


def swept(folder: Path, *more: str, number: int = 0, after: int = HALF) -> subprocess.CompletedProcess[str]:
    arguments = ["sweep", "-o", str(folder), *GRID, *FEW, *more]
    command = [sys.executable, "-c", DRIVER, str(int(number)), str(after), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def digests(folder: Path) -> dict[str, str]:
    """Of the tables."""
    names = ("sweep.parquet", "sweep.nc", "sweep.csv", "codebook.csv")
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}


def events(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A sweep that nothing interrupted, on one thread: folder and answer."""
    pytest.importorskip("h5netcdf")
    folder = tmp_path_factory.mktemp("whole") / "run"
    done = swept(folder, "--json", "--threads", "1")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return folder, found


def test_the_answer_has_the_shape_that_scripts_rely_on(whole: tuple[Path, dict[str, Any]]) -> None:
    folder, found = whole
    assert {"schema_version", "run", "sweep", "scenarios", "evaluations", "seconds", "extremes", "table"} <= set(found)
    assert (found["run"], found["evaluations"], found["evaluations_reused"]) == (str(folder), ALL, 0)
    assert len(found["table"]["revenue_p05"]) == 96
    highest = found["extremes"]["revenue"]["highest"]
    assert highest["value"] == max(found["table"]["revenue"])
    row = found["table"]["revenue"].index(highest["value"])
    assert highest["at"]["c_licensed_tpp"] == found["table"]["c_licensed_tpp"][row]
    manifest = json.loads((folder / "manifest.json").read_text())
    for name, digest in manifest["digests"].items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest


def test_a_killed_sweep_goes_on_to_the_same_bits(whole: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    folder = tmp_path / "run"
    killed = swept(folder, "--threads", "2", number=signal.SIGKILL)
    assert killed.returncode == -signal.SIGKILL
    assert not (folder / "sweep.parquet").exists()
    kept = {p.name: p.stat().st_ino for p in (folder / "evaluations").iterdir()}
    assert len(kept) >= 2
    done = swept(folder, "--json", "--threads", "2")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["evaluations_reused"] >= HALF
    assert {p.name: p.stat().st_ino for p in (folder / "evaluations").iterdir()}.items() >= kept.items()
    assert digests(folder) == digests(whole[0])


def test_a_signal_keeps_what_is_done_and_says_how_to_go_on(whole: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    folder = tmp_path / "run"
    ended = swept(folder, number=signal.SIGTERM)
    assert ended.returncode == 143
    assert events(folder)[-1]["event"] == "interrupted"
    _, _, again = ended.stderr.strip().splitlines()[-1].partition("to go on: ")
    words = shlex.split(again)
    assert words[:4] == ["tiercap", "sweep", "-o", str(folder)]
    assert words[4:] == [*GRID[:4], *GRID[8:], *GRID[4:8], *FEW]
    code = DRIVER.replace("sys.argv[1:3]", "('0', '0')").replace("sys.argv[3:]", repr(words[1:]))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert digests(folder) == digests(whole[0])


def test_a_damaged_block_is_computed_again(whole: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    folder = tmp_path / "run"
    assert swept(folder, number=signal.SIGKILL, after=ALL).returncode == -signal.SIGKILL  # all blocks, no tables
    part = folder / "evaluations" / "part-block-0000001.parquet"
    part.write_bytes(part.read_bytes()[:-40] + bytes(40))
    done = swept(folder)
    assert done.returncode == 0, done.stderr
    assert "damaged" in [event["event"] for event in events(folder)]
    assert digests(folder) == digests(whole[0])


def command(*arguments: str) -> int:
    return run(group, ["sweep", *arguments])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "a sweep needs --over"),
        (("--over", "budget_d=1,2"), "did you mean `budget_b`|did you mean `budget_c`"),
        (("--over", "budget_c=1:2:3", "--points-from", "x.csv"), "--points-from says every point"),
        (("--points-from", "missing.csv"), "cannot be read"),
        (("--over", "budget_c=1,2", "--policy", "bis-2027"), "unknown rule"),
        (("--over", "budget_c=1,2", "--policy", "ban", "--policy", "ban"), "given twice"),
        (("--over", "budget_c=1,2", "--outcome", "revenu"), "did you mean `revenue`"),
        (("--over", "budget_c=1,2", "--statistic", "p5"), "unknown statistic `p5`"),
        (("--over", "budget_c=1,2", "--statistic", "regret"), "policies of a search"),
        (("--over", "budget_c=1,2", "--statistic", "satisfice13"), "threshold of one outcome"),
        (("--over", "budget_c=1,2", "-o", " "), "-o needs the name"),
        (("--over", "budget_c=1:2:100000"), "add --yes-large"),
        (("--over", "budget_c=1,2", "--dask", "nowhere"), "give a scheduler's address"),
        (("--over", "budget_c=1,2", "--dask", "local:0"), "between 1 and 1024"),
        (("--over", "budget_c=1,2", "--dask", "local:two"), "give a scheduler's address"),
    ],
)
def test_refusals_are_one_sentence_and_leave_nothing(
    arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert command(*arguments, *FEW) == 2
    told = capsys.readouterr().err.strip().splitlines()
    assert len(told) == 1
    assert any(part in told[0] for part in said.split("|")), told
    assert not list(tmp_path.iterdir())


def test_another_sweep_or_a_run_is_not_overwritten(
    whole: tuple[Path, dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    before = digests(whole[0])
    assert command("-o", str(whole[0]), "--over", "budget_c=40,60", *FEW) == 2
    assert "was made with another configuration" in capsys.readouterr().err
    assert run(group, ["optimize", "-o", str(whole[0])]) == 2
    assert "is a sweep, not a run" in capsys.readouterr().err
    assert run(group, ["pick", str(whole[0])]) == 2
    assert digests(whole[0]) == before


def test_a_missing_library_is_named_with_its_extra(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "h5netcdf", None)
    assert command("--over", "budget_c=40,60", *FEW) == 2
    assert "[netcdf]" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert command("--over", "budget_c=40,60", "--no-netcdf", "--dask", "local:2", *FEW) == 2
    assert "[dask]" in capsys.readouterr().err
    assert command("--over", "budget_c=40,60", "--no-netcdf", "--outcome", "compute_lead", *FEW) == 0
    assert sorted(p.name for p in (tmp_path / "runs" / "sweep-0001").iterdir()) == [
        "codebook.csv", "evaluations", "lock", "log.jsonl", "manifest.json", "sweep.csv", "sweep.parquet",
    ]  # fmt: skip


@pytest.mark.slow
def test_memory_does_not_grow_with_the_points(tmp_path: Path) -> None:
    """One future and one year, so that 120,000 rows are computed in seconds; peaks in processes of their own.

    The first, small one compiles what is not compiled yet, which takes more memory than any sweep does.
    """
    peaks = []
    for n in (200, 20_000, 120_000):
        over = ["--over", f"c_licensed_tpp=2400:30000:{n}", "--set", "horizon.years=1", "--scenarios", "central"]
        arguments = ["sweep", "-o", str(tmp_path / str(n)), *over, *GRID[4:8], "--yes-large", "--quiet"]
        code = "import sys; from tiercap.optimizer.cli import main; main(sys.argv[1:])"
        subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, timeout=300, check=True)
        told = json.loads((tmp_path / str(n) / "manifest.json").read_text())
        assert told["sweep"]["rows"] == n
        assert (tmp_path / str(n) / "sweep.csv").exists() == (n == 200)
        peaks.append(told["machine"]["peak_memory"])
    assert peaks[2] < 1.1 * peaks[1] < 1.1 * 2**30


# --- Dask -------------------------------------------------------------------------------------------------------------


def test_an_address_where_something_else_answers_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that listens and says nothing; time is the scheduler's, so the limit is a short one here."""
    distributed = pytest.importorskip("distributed")
    del distributed
    monkeypatch.setattr("tiercap.optimizer.sweeps.dask_blocks.TIMEOUT", 0.5)
    monkeypatch.chdir(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        assert command("--over", "budget_c=40,60", "--dask", address, *FEW) == 2
    assert "no Dask scheduler answers there within 0.5 s" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A scheduler of its own process on a free port: address, and the folder its workers may use."""
    pytest.importorskip("distributed")
    folder = tmp_path_factory.mktemp("dask")
    file = folder / "scheduler.json"
    words = ["scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file)]
    process = dask(*words)
    try:
        process_has(process, file.exists)
        yield json.loads(file.read_text())["address"], folder
    finally:
        process.kill()
        process.wait()


def dask(*words: str, before: str = "") -> subprocess.Popen[bytes]:
    code = f"{before}\nimport sys\nfrom dask.__main__ import main\nmain()"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen([sys.executable, "-c", code, *words], **quiet)  # type: ignore[call-overload, no-any-return]


def process_has(process: subprocess.Popen[bytes], done: Any) -> None:
    """Wait for something that a process is to do, as long as it lives."""
    while not done():
        try:
            process.wait(0.1)
        except subprocess.TimeoutExpired:
            continue
        raise AssertionError(f"the process ended with {process.returncode}")


def worker(scheduler: tuple[str, Path], name: str, before: str = "") -> subprocess.Popen[bytes]:
    """A worker without anyone to start it again."""
    words = ["worker", scheduler[0], "--no-nanny", "--nthreads", "1", "--name", name, "--no-dashboard"]
    return dask(*words, "--local-directory", str(scheduler[1]), before=before)


#: A worker that writes down every block it begins; a stuck one finishes none.
TOLD = """
import threading
from tiercap.optimizer.sweeps.plan import BlockEvaluator
block = BlockEvaluator.block
def told(self, number, *rest):
    with open({file!r}, "a") as file:
        file.write(f"{{number}} ")
    if {stuck}:
        threading.Event().wait()
    return block(self, number, *rest)
BlockEvaluator.block = told
"""
#: The sweep in 24 blocks, which kills a worker in the middle.
KILLER = """
import os, sys
from tiercap.optimizer.sweeps import sweep, plan
from tiercap.optimizer.cli import main
plan.BLOCK = 64
commit, pid = sweep._commit, int(sys.argv[1])
def strike(run, *block):
    global pid
    commit(run, *block)
    if pid and run.done >= 128:
        os.kill(pid, 9)
        pid = 0
sweep._commit = strike
if __name__ == "__main__":
    main(sys.argv[2:])
"""


@pytest.mark.slow
def test_a_lost_workers_blocks_are_redone_once_and_counted_once(
    whole: tuple[Path, dict[str, Any]], scheduler: tuple[str, Path], tmp_path: Path
) -> None:
    """A real scheduler and two worker processes on loopback, one of which is killed with a block in its hands."""
    begun = {name: tmp_path / name for name in ("victim", "other")}
    victim, other = (
        worker(scheduler, name, TOLD.format(file=str(file), stuck=name == "victim")) for name, file in begun.items()
    )
    folder = tmp_path / "run"
    try:
        wait_for_workers(scheduler[0], 2)
        arguments = ["sweep", "-o", str(folder), *GRID, *FEW, "--dask", scheduler[0], "--json"]
        command = [sys.executable, "-c", KILLER, str(victim.pid), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr
        assert victim.wait(10) == -signal.SIGKILL
    finally:
        for process in (victim, other):
            process.kill()
            process.wait()
    assert digests(folder) == digests(whole[0])
    assert json.loads(done.stdout)["evaluations"] == ALL
    finished = [event for event in events(folder) if event["event"] == "block"]
    assert Counter(event["number"] for event in finished) == Counter(range(24))
    lost, done_once = (sorted(map(int, file.read_text().split())) for file in begun.values())
    assert len(lost) == 1
    assert done_once == list(range(24))
    assert events(folder)[-1] == {**events(folder)[-1], "event": "finished", "evaluations": ALL, "reused": 0}


def wait_for_workers(address: str, n: int) -> None:
    from distributed import Client

    with Client(address, timeout=60, set_as_default=False) as client:
        client.wait_for_workers(n, timeout=120)


@pytest.mark.slow
def test_workers_that_compute_with_something_else_are_refused(
    scheduler: tuple[str, Path], capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    old = "import tiercap.optimizer.sweeps.plan as plan\nplan.code_digest = lambda: 'f' * 64"
    process = worker(scheduler, "old", before=old)
    try:
        wait_for_workers(scheduler[0], 1)
        assert command("--over", "budget_c=40,60", "--dask", scheduler[0], *FEW) == 2
    finally:
        process.kill()
        process.wait()
    assert "has the kernels' sources ffffffffffff and this process" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_worker_processes_of_this_machine_make_the_same_files(
    whole: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    code = DRIVER.replace("main(sys", 'if __name__ == "__main__":\n    main(sys')
    words = ["sweep", "-o", str(folder), *GRID, *FEW, "--dask", "local:2", "--quiet"]
    done = subprocess.run(
        [sys.executable, "-c", code, "0", "0", *words], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert digests(folder) == digests(whole[0])
    assert len({event["worker"] for event in events(folder) if event["event"] == "block"}) >= 1
