"""Runs under torture, a few times each, as `make torture` does often; and only `atomic` changes files of a run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

DRIVER = Path(__file__).with_name("driver.py")
#: Engines that differ most in what they remember between generations.
ENGINES = ("multi-fidelity", "nsga2", "tpe", "cmaes")


def torture(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The driver; in settings where there is a file system there, for what a disk adds is not what is asked."""
    settings = {"PYTHONPATH": str(DRIVER.parents[1])}
    settings |= {"TMPDIR": "/dev/shm"} if os.access("/dev/shm", os.W_OK) else {}
    command = [sys.executable, str(DRIVER), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **settings})


def report(*arguments: str) -> dict[str, Any]:
    done = torture(*arguments)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.slow
def test_kills_signals_and_second_processes_lose_nothing_and_change_no_bit() -> None:
    found = report("--kills", "20", "--signals", "6", "--rivals", "4", "--engines", *ENGINES)
    kills = found["kills"]
    assert kills["struck"] == 20
    assert kills["cold"] >= 1
    assert kills["evaluations"] > 0  # something had been committed that could have been lost
    assert kills["resumed"] > 0  # runs that went on were killed again
    assert found["signals"]["struck"] == 6
    assert found["rivals"]["refused"] > 0
    assert found["rivals"]["raced"] == 4


@pytest.mark.slow
@pytest.mark.parametrize(
    ("bug", "finding"),
    [("restart", "(was written again|evaluations reused, [0-9]+ were committed)"), ("tear", "is torn")],
)
def test_the_torture_finds_a_program_that_is_broken(bug: str, finding: str) -> None:
    done = torture("--kills", "30", "--engines", "random", "--plant", bug)
    assert done.returncode == 1
    with pytest.raises(AssertionError, match=finding):
        raise AssertionError(done.stderr.splitlines()[-1])


@pytest.mark.slow
def test_a_fault_at_every_call_that_changes_a_file_ends_in_order_and_is_gone_on_from() -> None:
    found = report("--faults")["faults"]
    assert found["faults"] == found["calls_nothing"] + found["calls_remains"]
    assert found["calls_nothing"] > 70
    assert all(found[name] > 0 for name in ("open", "write", "fsync", "replace", "rename", "mkdir", "ftruncate"))
    assert all(found[kind] > 40 for kind in ("ENOSPC", "EIO", "death"))


#: A whole run in which every change of a file that Python is told of is noted, with the file of code that makes it.
WATCHED = """
import json, os, sys
CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod",
           "os.chown", "os.utime")
noted, watching = [], [False]
def watch(event, arguments):
    if not watching[0] or event not in ("open", *CHANGES):
        return
    path, flags = arguments[0], arguments[2] if event == "open" else 0
    if event == "open" and not flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC):
        return
    if isinstance(path, int) and path >= 0:
        path = os.readlink(f"/proc/self/fd/{path}")
    noted.append((event, str(path), sys._getframe(1).f_code.co_filename))
from tiercap.optimizer.cli import group
from tiercap.optimizer.cli.guard import run
sys.addaudithook(watch)
watching[0] = True
code = run(group, sys.argv[2:])
watching[0] = False
json.dump([code, noted], open(sys.argv[1], "w"))
"""


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
def test_only_atomic_changes_the_files_of_a_run(tmp_path: Path) -> None:
    """Changes from within native code Python is not told of; the faults compare what is on the disk for those."""
    from support.small import FLAGS

    from tiercap.optimizer.io import durable

    folder, notes = tmp_path / "deep" / "run", tmp_path / "notes"
    seen = set()
    for _ in range(2):  # a new run, and one that takes up what others left
        arguments = ["optimize", "-o", str(folder), "--seed", "1", *FLAGS, "-q"]
        command = [sys.executable, "-c", WATCHED, str(notes), *arguments]
        subprocess.run(command, check=True, capture_output=True)
        code, noted = json.loads(notes.read_text())
        assert code == 0
        ours = [(event, by) for event, path, by in noted if path.startswith(str(tmp_path / "deep"))]
        assert {by for _, by in ours} == {durable.__file__}
        seen |= {event for event, _ in ours}
        (folder / "evaluations" / "part-screen-0000.parquet").write_bytes(b"damaged")
        (folder / f".tmp-{'0' * 16}-x").write_text("half")
        with (folder / "log.jsonl").open("a") as log:
            log.write("torn")
    assert seen == {"open", "os.rename", "os.remove", "os.mkdir", "os.truncate", "os.chmod"}
