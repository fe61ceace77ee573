"""Runs under torture: killed at random instants, stopped by signals, met by a second process, failed at every call.

    PYTHONPATH=tests python tests/torture/driver.py --kills 200 --signals 50 --rivals 20 --faults

What each run must keep is in `case.py`, the faults are in `faults.py`. Every seventh run that is killed
is a new interpreter, the others are forked. `--plant` breaks the program on purpose, which must be found. The last line
on standard output is a report as JSON; a finding is an AssertionError.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import socket
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from torture.case import ENGINES, Case, Ended, Started, bits, stamps, tell
from torture.faults import KINDS, faults

#: Every seventh start is a new interpreter.
COLD_EVERY = 7
#: At most so many kills of one run before it may finish.
DEEPEST = 6
KILL = (signal.SIGKILL,)
GENTLE = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
#: What is waited for before a run is struck: so many new blocks, or a file of its end.
MILESTONES = (0, 0, 1, 1, 2, 3, "front.parquet", "study.journal")


def _wait(run: Started, condition: Callable[[], bool]) -> None:
    """Until something is so, or the run has ended."""
    while not run.ended() and not condition():
        time.sleep(0.0005)


def _reached(folder: Path, milestone: int | str, before: int) -> bool:
    if isinstance(milestone, str):
        return (folder / milestone).exists()
    return len(stamps(folder)) >= before + milestone


def struck(case: Case, folder: Path, rng: random.Random, number: int, cold: bool) -> Ended:
    """Start a run and send it a signal at a random instant after a random milestone, unless it ends before."""
    milestone, before = rng.choice(MILESTONES), len(stamps(folder))
    pause = rng.uniform(0.0, (case.seconds_cold if cold else case.seconds) / (2 if milestone == 0 else 10))
    run = case.start(folder, cold)
    if number != signal.SIGKILL:
        _wait(run, lambda: begun(folder, run))
    _wait(run, lambda: _reached(folder, milestone, before))
    until = time.monotonic() + pause
    _wait(run, lambda: time.monotonic() >= until)
    os.kill(run.pid, number)  # one that has ended is still there to be waited for
    return run.wait()


def begun(folder: Path, run: Started) -> bool:
    """Whether the run holds the folder; from then on it answers signals."""
    with contextlib.suppress(OSError, ValueError):
        return bool(json.loads((folder / "lock").read_text())["pid"] == run.pid)
    return False


def torment(cases: list[Case], count: int, seed: int, signals: tuple[int, ...]) -> dict[str, int]:
    """Strike runs ``count`` times, each run again and again until it finishes, and look after every strike."""
    rng, tally = random.Random(seed), Counter[str]()
    turn = 0
    while tally["struck"] < count:
        case, folder = cases[turn % len(cases)], cases[turn % len(cases)].base / f"run-{turn}"
        turn += 1
        depth, before = 0, stamps(folder)
        while depth < DEEPEST and tally["struck"] < count:
            number, cold = rng.choice(signals), (tally["struck"] + 1) % COLD_EVERY == 0 and signals == KILL
            ended = struck(case, folder, rng, number, cold)
            if ended.code == 0:
                break
            expected = -number if number == signal.SIGKILL else 128 + number
            assert ended.code == expected, f"{case.engine}: {ended.code} {ended.err}"
            case.check_kept(folder, before)
            before = stamps(folder)
            evaluations = case.check_going_on(folder)
            depth += 1
            tally += Counter(struck=1, cold=cold, evaluations=evaluations, resumed=depth > 1)
            tally[_phase(case, folder)] += 1
            tally["temporaries"] += sum(".tmp-" in p.name for p in folder.rglob("*"))
            tally["deepest"] = max(tally["deepest"], depth)
            tell(tally["struck"], count)
        committed, before = case.committed(folder), stamps(folder)
        case.check_finished(folder, case.run(folder), committed, before)
        shutil.rmtree(folder)
    return dict(tally)


def _phase(case: Case, folder: Path) -> str:
    """How far a run had come."""
    there, all_of_it = len(stamps(folder)), sum(name.startswith("evaluations/") for name in case.whole)
    return "starting" if there == 0 else "searching" if there < all_of_it else "finishing"


def rivals(cases: list[Case], count: int, seed: int) -> dict[str, int]:
    """A second process comes while a first one holds the folder, and again once that was killed; or both at once."""
    rng, tally = random.Random(seed), Counter[str]()
    for turn in range(count):
        case, folder = cases[turn % len(cases)], cases[turn % len(cases)].base / f"rivals-{turn}"
        first = case.start(folder)
        _wait(first, lambda: begun(folder, first))  # noqa: B023 - called before the next turn
        time.sleep(rng.uniform(0.0, case.seconds / 2))
        os.kill(first.pid, signal.SIGSTOP)
        if not first.ended():
            seen = contents(folder)
            second = case.run(folder)
            assert second.code == 2, f"{second.code} {second.err}"
            assert f"is in use by process {first.pid} on host {socket.gethostname()} since 20" in second.err
            assert second.err.count("\n") == 1
            assert second.out == ""
            assert contents(folder) == seen, "a process that was refused has changed the folder"
            tally["refused"] += 1
        if turn % 2:
            os.kill(first.pid, signal.SIGKILL)
            first.wait()
            committed, before = case.committed(folder), stamps(folder)
            case.check_finished(folder, case.run(folder), committed, before)
        else:
            os.kill(first.pid, signal.SIGCONT)
            case.check_finished(folder, first.wait(), {}, {})
        tally["raced"] += _race(case, case.base / f"race-{turn}")
    return dict(tally)


def _race(case: Case, folder: Path) -> int:
    """Two processes found one run at the same instant: one at least goes through, none is harmed."""
    ends = [run.wait() for run in [case.start(folder) for _ in range(2)]]
    assert sorted(end.code for end in ends) in ([0, 2], [0, 0]), ends
    assert all("in use by" in end.err for end in ends if end.code == 2)
    assert bits(folder) == case.whole
    return 1


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def plant(bug: str | None) -> None:
    """Break the program: `restart` computes everything anew, `tear` writes files in place and slowly."""
    from tiercap.optimizer.io import durable
    from tiercap.optimizer.runs import folder as results

    def forget(self: Any, name: str) -> None:
        return None

    def in_place(folder: Path, name: str, data: bytes) -> None:
        file = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        for begin in range(0, len(data), 256):
            os.write(file, data[begin : begin + 256])
            time.sleep(0.0005 if name.startswith("part-") else 0.0)
        os.close(file)

    if bug == "restart":
        results.RunFolder.block = forget  # type: ignore[method-assign]
    elif bug == "tear":
        durable._replace = in_place


def main() -> None:
    parser = argparse.ArgumentParser(description="Runs under torture.")
    for what in ("kills", "signals", "rivals"):
        parser.add_argument(f"--{what}", type=int, default=0, metavar="N", help=f"how many {what}")
    parser.add_argument("--faults", action="store_true", help="a fault at every call")
    parser.add_argument("--kinds", nargs="*", default=KINDS[:3], choices=KINDS, help="kinds of faults")
    parser.add_argument("--every", action="store_true", help="each kind of fault at each call, not the kinds in turn")
    parser.add_argument("--engines", nargs="*", default=list(ENGINES), choices=list(ENGINES))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--plant", choices=["restart", "tear"], help="break the program first")
    asked = parser.parse_args()
    began, report = time.monotonic(), {}
    with tempfile.TemporaryDirectory(prefix="tiercap-torture-") as name:
        base = Path(name)
        if asked.kills or asked.signals or asked.rivals:
            cases = [Case(engine, base / engine) for engine in asked.engines]
            plant(asked.plant)
            report["kills"] = torment(cases, asked.kills, asked.seed, KILL)
            report["signals"] = torment(cases, asked.signals, asked.seed, GENTLE)
            report["rivals"] = rivals(cases, asked.rivals, asked.seed)
        if asked.faults:
            report["faults"] = faults(base / "faults", tuple(asked.kinds), asked.every)
    print(json.dumps({**report, "seconds": round(time.monotonic() - began, 1)}))


if __name__ == "__main__":
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # a process that forks has one thread
    main()
