"""Runs under torture: killed at random instants, stopped by signals, met by a second process, failed at every call.

    python tests/torture.py kills --count 200 --seed 1

One process imports everything and forks a `tiercap optimize` for each start, which makes a start cheap; every seventh
is a new interpreter instead. Every run here is compared with one that nothing interrupted. What must hold after
whatever happened is in :meth:`Case.check_kept` and :meth:`Case.check_finished`. `--plant` breaks the program on
purpose, which must be found.
The last line on standard output is a report as JSON; a finding is an AssertionError.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import io
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

#: A search of every stage, in blocks of a few policies: (policies × scenarios) of its own.
BUDGET = {"search.screen": 64, "search.screen_scenarios": 4, "search.screen_generations": 1, "search.promoted": 16,
          "search.trials": 24, "search.population": 8, "scenarios.count": 8}  # fmt: skip
#: What each engine is given besides; a study of one objective for those that know no more.
ENGINES: dict[str, dict[str, Any]] = {
    "multi-fidelity": {}, "nsga2": {}, "nsga3": {}, "tpe": {"search.options.startup_trials": 8}, "qmc": {},
    "random": {"search.pruner": "wilcoxon"}, "cmaes": {}, "grid": {"search.options.points": 3},
}  # fmt: skip
SINGLE = ("random", "cmaes")
STUDY = """
[study]
extends = "builtin:china-2026"
[levers]
{levers}
[objectives]
revenue = "maximise"
{more}
"""
LEVERS = ("c_open_tpp", "c_licensed_tpp", "c_quota_share")
TABLES = ("front.parquet", "front.csv", "convergence.parquet", "convergence.csv", "codebook.csv")
#: Parts of the manifest that do not depend on the clock or on what was reused.
TOLD = ("configuration", "digests", "evaluations", "fresh", "groups", "hypervolume", "scenarios", "study", "versions")
FEW = ("screen", "bred", "children", "few")
#: Every seventh start is a new interpreter.
COLD_EVERY = 7
#: At most so many kills of one run before it may finish.
DEEPEST = 6


@dataclass
class Ended:
    """How a process ended: exit code, or minus the signal; what it said."""

    code: int
    out: str
    err: str


@dataclass
class Started:
    """A process on its way, and where it writes what it says."""

    pid: int
    said: Path

    def ended(self) -> bool:
        """Whether it has ended; it stays to be waited for."""
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def wait(self) -> Ended:
        code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        out, err = (self.said.with_suffix(suffix) for suffix in (".out", ".err"))
        ended = Ended(code, out.read_text(), err.read_text())
        assert "Traceback" not in ended.err, ended.err
        return ended


def start(command: Callable[[], object], said: Path) -> Started:
    """Fork a process that does ``command`` and ends as a program would, saying what it says into files."""
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return Started(pid, said)
    code = 70
    try:
        for number, suffix in ((1, ".out"), (2, ".err")):
            os.dup2(os.open(said.with_suffix(suffix), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
        command()
        code = 0
    except SystemExit as ending:
        code = ending.code if isinstance(ending.code, int) else 1
    except BaseException:  # noqa: BLE001 - the parent looks for it
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
        os._exit(code)


@dataclass
class Case:
    """One engine's search, and what it comes to when nothing interrupts it."""

    engine: str
    base: Path
    more: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    number: int = 0
    whole: dict[str, bytes] = field(default_factory=dict)
    told: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Run it twice: here, so that all that is loaded once is loaded, then as every other run, timed."""
        self.base.mkdir(parents=True)
        self.study.write_text(self._study())
        _warm(self.arguments(self.base / "warm"))
        began = time.monotonic()
        ended = self.run(self.base / "whole")
        self.seconds = time.monotonic() - began
        assert ended.code == 0, ended.err
        self.whole = bits(self.base / "whole")
        self.told = manifest(self.base / "whole")
        assert self.whole == bits(self.base / "warm")
        assert self.told["evaluations"] == sum(self.committed(self.base / "whole").values())

    @property
    def study(self) -> Path:
        return self.base / "study.toml"

    def _study(self) -> str:
        from tiercap.optimizer import config

        dropped = [lever.name for lever in config.load().levers if lever.name not in LEVERS]
        more = "" if self.engine in SINGLE else 'gap = "maximise"'
        return STUDY.format(levers="\n".join(f"{name} = false" for name in dropped), more=more)

    def _settings(self) -> list[str]:
        return [f"{key}={value}" for key, value in {**BUDGET, **ENGINES[self.engine], **self.more}.items()]

    def arguments(self, folder: Path) -> list[str]:
        said = [part for setting in self._settings() for part in ("--set", setting)]
        flags = ["-o", str(folder), "--engine", self.engine, "--seed", "3", "--threads", "1", "-q", "--json"]
        return ["optimize", str(self.study), *flags, *said]

    def problem(self) -> Any:
        """The same study for searches in this process."""
        from tiercap.optimizer import config
        from tiercap.optimizer.problem import Problem

        return Problem(config.load(str(self.study), self._settings(), {"seed": 3, "search.engine": self.engine}), 1)

    def start(self, folder: Path, cold: bool = False) -> Started:
        self.number += 1
        said = self.base / f"said-{self.number}"
        if not cold:
            return start(lambda: _main(self.arguments(folder)), said)
        code = "from tiercap.optimizer.cli import main; main()"
        return start(lambda: os.execv(sys.executable, [sys.executable, "-c", code, *self.arguments(folder)]), said)

    def run(self, folder: Path, cold: bool = False) -> Ended:
        return self.start(folder, cold).wait()

    @cached_property
    def seconds_cold(self) -> float:
        """What a run in a new interpreter takes."""
        began = time.monotonic()
        assert self.run(self.base / "cold", cold=True).code == 0
        assert bits(self.base / "cold") == self.whole
        return time.monotonic() - began

    def committed(self, folder: Path) -> dict[str, int]:
        """Evaluations in each committed block, counted without the program: policies times scenarios."""
        import pyarrow.parquet as pq

        found = {}
        for part in sorted((folder / "evaluations").glob("part-*.parquet")):
            if part.read_bytes() != self.whole.get(f"evaluations/{part.name}", part.read_bytes()):
                continue  # damaged on purpose
            stage = part.stem.removeprefix("part-").split("-")[0]
            scenarios = BUDGET["search.screen_scenarios" if stage in FEW else "scenarios.count"]
            found[part.name] = pq.ParquetFile(part).metadata.num_rows * scenarios
        return found

    def sound(self, folder: Path) -> dict[str, tuple[int, int]]:
        """The committed blocks that are not damaged, and what would change if one were written again."""
        good = self.committed(folder)
        return {name: stamp for name, stamp in stamps(folder).items() if name in good}

    def check_kept(self, folder: Path, before: dict[str, Any]) -> None:
        """Every block in ``folder`` is whole and right, and those of ``before`` are the very same files."""
        now = stamps(folder)
        for name in now:
            key = f"evaluations/{name}"
            assert key in self.whole, f"{self.engine}: a block that the whole run does not have: {name}"
            assert (folder / key).read_bytes() == self.whole[key], f"{self.engine}: block {name} is torn"
        for name, stamp in before.items():
            assert name in now, f"{self.engine}: the committed block {name} is lost"
            assert now[name] == stamp, f"{self.engine}: the committed block {name} was written again"

    def check_finished(self, folder: Path, ended: Ended, committed: dict[str, int], before: dict[str, Any]) -> None:
        """The same bits as the whole run, every committed block reused and none of them touched."""
        assert ended.code == 0, f"{self.engine}: {ended.code} {ended.err}"
        self.check_kept(folder, before)
        found = json.loads(ended.out)
        assert found["evaluations"] == self.told["evaluations"]
        reused, due = found["evaluations_reused"], sum(committed.values())
        assert reused == due, f"{self.engine}: {reused} evaluations reused, {due} were committed"
        now = bits(folder)
        differing = [name for name in self.whole if now.get(name) != self.whole[name]]
        assert not differing, f"{self.engine}: other bits in {differing}"
        assert set(now) == set(self.whole)
        told = manifest(folder)
        assert {key: told[key] for key in TOLD} == {key: self.told[key] for key in TOLD}
        left = [p.name for p in folder.rglob("*") if ".tmp-" in p.name]
        assert not left, f"{self.engine}: left behind: {left}"

    def check_going_on(self, folder: Path) -> int:
        """Finish a copy of a folder that something stopped; how many evaluations had been committed to it."""
        copy = self.base / "copy"
        shutil.copytree(folder, copy) if folder.exists() else copy.mkdir()
        committed, before = self.committed(copy), stamps(copy)
        self.check_finished(copy, self.run(copy), committed, before)
        shutil.rmtree(copy)
        return sum(committed.values())


def _main(arguments: list[str]) -> None:
    from tiercap.optimizer.cli import main

    main(arguments)


def _warm(arguments: list[str]) -> None:
    """The same command in this process."""
    from tiercap.optimizer.cli import group
    from tiercap.optimizer.cli.guard import run

    with contextlib.redirect_stdout(io.StringIO()):
        assert run(group, arguments) == 0


def stamps(folder: Path) -> dict[str, tuple[int, int]]:
    """The committed blocks, and what would change if one were written again."""
    parts = sorted((folder / "evaluations").glob("part-*.parquet"))
    return {part.name: (part.stat().st_ino, part.stat().st_mtime_ns) for part in parts}


def bits(folder: Path) -> dict[str, bytes]:
    """Everything that must come again to the bit: tables, blocks, the trials of the Optuna study without their times."""
    found = {name: (folder / name).read_bytes() for name in TABLES}
    found |= {f"evaluations/{part.name}": part.read_bytes() for part in (folder / "evaluations").glob("part-*.parquet")}
    logs = [json.loads(line) for line in (folder / "study.journal").read_text().splitlines()]
    timeless = [{k: v for k, v in log.items() if k not in ("worker_id", *_TIMES)} for log in logs]
    return found | {"study.journal": json.dumps(timeless).encode()}


_TIMES = ("datetime_start", "datetime_complete")


def manifest(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "manifest.json").read_bytes())
    return found


# --- killed ---


#: What is waited for before a run is struck: so many new blocks, or a file of its end.
MILESTONES = (0, 0, 1, 1, 2, 3, "front.parquet", "study.journal")


def reached(folder: Path, milestone: int | str, before: int) -> bool:
    if isinstance(milestone, str):
        return (folder / milestone).exists()
    return len(stamps(folder)) >= before + milestone


def struck(case: Case, folder: Path, rng: random.Random, number: int, cold: bool) -> Ended:
    """Start a run and send it a signal at a random instant after a random milestone, unless it ends before."""
    milestone, before = rng.choice(MILESTONES), len(stamps(folder))
    pause = rng.uniform(0.0, (case.seconds_cold if cold else case.seconds) / (2 if milestone == 0 else 10))
    run = case.start(folder, cold)
    while not run.ended() and not (reached(folder, milestone, before) and (number == signal.SIGKILL or begun(folder, run))):
        time.sleep(0.0005)
    until = time.monotonic() + pause
    while not run.ended() and time.monotonic() < until:
        time.sleep(0.0005)
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
            _tell(tally["struck"], count)
        committed, before = case.committed(folder), stamps(folder)
        case.check_finished(folder, case.run(folder), committed, before)
        shutil.rmtree(folder)
    return dict(tally)


KILL = (signal.SIGKILL,)
GENTLE = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def _phase(case: Case, folder: Path) -> str:
    """How far a run had come."""
    there, all_of_it = len(stamps(folder)), sum(name.startswith("evaluations/") for name in case.whole)
    return "starting" if there == 0 else "searching" if there < all_of_it else "finishing"


def _tell(done: int, count: int) -> None:
    if done % 20 == 0 or done == count:
        print(f"{done} of {count}", file=sys.stderr, flush=True)


# --- two at once ---


def rivals(cases: list[Case], count: int, seed: int) -> dict[str, int]:
    """A second process comes while a first one holds the folder, and again once that was killed; or both at once."""
    rng, tally = random.Random(seed), Counter[str]()
    for turn in range(count):
        case, folder = cases[turn % len(cases)], cases[turn % len(cases)].base / f"rivals-{turn}"
        first = case.start(folder)
        while not first.ended() and not begun(folder, first):
            time.sleep(0.0005)
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


# --- failed at every call ---


#: What changes a file of a run. A write fails half done; what is opened to be read is opened without fault.
CALLS = ("open", "write", "pwrite", "fsync", "replace", "rename", "mkdir", "ftruncate", "fchmod", "unlink")
READING = os.O_WRONLY | os.O_RDWR
DEATH = 77
#: What happens at a call: an error of the system, or the end of the process.
KINDS = ("ENOSPC", "EIO", "death", "EDQUOT")


class Faults:
    """The module `os` as :mod:`tiercap.optimizer.atomic` sees it; the k-th call that changes a file does not go well.

    k : from 1, 0 for none. Keeps what each file holds by what it was told, and which calls there were.
    """

    def __init__(self, k: int = 0, kind: str = "") -> None:
        self.k, self.kind = k, kind
        self.calls: list[str] = []
        self.held: dict[str, bytearray] = {}
        self.open_files: dict[int, str] = {}

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        if name not in CALLS:
            return real

        def call(*arguments: Any, **options: Any) -> Any:
            if name == "open" and not arguments[1] & READING:
                return real(*arguments, **options)
            self.calls.append(name)
            if len(self.calls) == self.k:
                self._strike(name, arguments)
            result = real(*arguments, **options)
            self._keep(name, arguments, result)
            return result

        return call

    def _strike(self, name: str, arguments: tuple[Any, ...]) -> None:
        if name in ("write", "pwrite"):
            half = bytes(arguments[1])[: len(arguments[1]) // 2]
            self._keep(name, (arguments[0], half), os.write(arguments[0], half))
        if self.kind == "death":
            os._exit(DEATH)
        number = getattr(errno, self.kind)
        raise OSError(number, os.strerror(number))

    def _keep(self, name: str, arguments: tuple[Any, ...], result: Any) -> None:
        """Do the same to the files as they are remembered."""
        first = arguments[0]
        if name == "open":
            self.open_files[result] = str(first)
            self.held.setdefault(str(first), bytearray(Path(first).read_bytes()))
        elif name in ("write", "pwrite"):
            self.held[self.open_files[first]] += bytes(arguments[1])[:result]
        elif name == "ftruncate":
            del self.held[self.open_files[first]][arguments[1] :]
        elif name in ("replace", "rename"):
            held = self.held.pop(str(first), None)
            self.held[str(arguments[1])] = bytearray(Path(arguments[1]).read_bytes()) if held is None else held
        elif name == "unlink":
            self.held.pop(str(first), None)


def attempt(problem: Any, folder: Path, said: Path, k: int = 0, kind: str = "") -> tuple[Ended, list[str]]:
    """One search in a forked process, the k-th call failing; how it ended, and its calls as far as it could tell."""
    calls = said.with_suffix(".calls")
    calls.unlink(missing_ok=True)

    def command() -> None:
        import click

        from tiercap.optimizer import atomic
        from tiercap.optimizer.cli.guard import run
        from tiercap.optimizer.optimize import optimize

        def search() -> None:
            found = optimize(problem, folder).found
            print(json.dumps({"evaluations": found.evaluations, "evaluations_reused": found.evaluations_reused}))

        faults = Faults(k, kind)
        atomic.os = faults  # type: ignore[attr-defined]
        code = run(click.Command("optimize", callback=search), [])
        calls.write_text(json.dumps(faults.calls))
        differing = [path for path, data in faults.held.items() if Path(path).read_bytes() != data]
        assert not differing, f"changed behind the back of atomic: {differing}"
        sys.exit(code)

    ended = start(command, said).wait()
    return ended, json.loads(calls.read_text()) if calls.exists() else []


#: One block of each kind.
SMALLEST = {"search.screen": 16, "search.screen_generations": 0, "search.promoted": 4, "search.trials": 4,
            "search.population": 4, "scenarios.fresh": 0}  # fmt: skip


def faults(base: Path, kinds: tuple[str, ...], every: bool) -> dict[str, int]:
    """Fail each call of a new run, and of one that finds what others left; each ends in order and is gone on from.

    every : each kind at each call, otherwise the kinds in turn
    """
    from tiercap.optimizer.optimize import optimize

    case = Case("multi-fidelity", base / "case", SMALLEST)
    problem, tally = case.problem(), Counter[str]()
    optimize(problem, base / "warm")  # what it draws is drawn once
    for scene in (_nothing, _remains):
        template, folder = base / "template", base / "run"
        scene(case, template)
        calls = _count(case, problem, template, folder)
        tally[f"calls{scene.__name__}"] += len(calls)
        for k, name in enumerate(calls, 1):
            for kind in kinds if every else (kinds[k % len(kinds)],):
                _copy(template, folder)
                _one_fault(case, problem, folder, (k, kind, name))
                tally += Counter({kind: 1, name: 1, "faults": 1})
            _tell(k, len(calls))
    return dict(tally)


def _count(case: Case, problem: Any, template: Path, folder: Path) -> list[str]:
    """The calls of a run without a fault."""
    _copy(template, folder)
    committed, before = case.committed(folder), case.sound(folder)
    ended, calls = attempt(problem, folder, case.base / "said")
    case.check_finished(folder, ended, committed, before)
    return calls


def _one_fault(case: Case, problem: Any, folder: Path, at: tuple[int, str, str]) -> None:
    """Fail one call, see how the run ends, and that the next one goes on from what is there."""
    k, kind, name = at
    kept = case.sound(folder)
    ended, _ = attempt(problem, folder, case.base / "said", k, kind)
    forgiven = name == "unlink" and kind != "death"  # what this run could not sweep the next one does
    assert ended.code == (DEATH if kind == "death" else 0 if forgiven else 6), f"{at}: {ended.code} {ended.err}"
    if ended.code == 6:
        *_, last = lines = ended.err.splitlines()
        assert [line for line in lines if line.startswith("error: ")] == [last], f"{at}: {ended.err}"
        assert any(word in last for word in SAFE), f"{at}: {ended.err}"
    committed, before = case.committed(folder), case.sound(folder)
    assert kept.items() <= before.items(), f"{at}: a committed block is lost or was written again"
    again, _ = attempt(problem, folder, case.base / "said")
    case.check_finished(folder, again, committed, before)


#: What every failure says of what is there.
SAFE = ("what was committed before is safe", "in place and whole", "nothing was run", "nothing was changed")


def _nothing(case: Case, template: Path) -> None:
    """A run that is still to be founded, below a folder that is missing too."""


def _remains(case: Case, template: Path) -> None:
    """What many deaths left: half the blocks, one of them torn, unfinished files, a torn log and journal."""
    shutil.copytree(case.base / "whole", template)
    parts = sorted((template / "evaluations").iterdir())
    for part in parts[::2]:
        part.unlink()
    parts[1].write_bytes(parts[1].read_bytes()[:-100])
    for place in (template, template / "evaluations"):
        (place / f".tmp-{'0' * 16}-x").write_text("half")
    with (template / "log.jsonl").open("a") as log:
        log.write('{"torn')
    (template / "study.journal").write_text('{"op_code"')
    (template / "lock").write_text('{"ho')


def _copy(template: Path, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    if template.exists():
        shutil.copytree(template, folder)


# --- the program broken on purpose ---


def plant(bug: str) -> None:
    """Break the program: `restart` computes everything anew, `tear` writes files in place and slowly."""
    from tiercap.optimizer import atomic, results

    def forget(self: Any, name: str) -> None:
        return None

    def in_place(folder: Path, name: str, data: bytes) -> None:
        file = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        for begin in range(0, len(data), 256):
            os.write(file, data[begin : begin + 256])
            time.sleep(0.0005)
        os.close(file)

    if bug == "restart":
        results.RunFolder.block = forget  # type: ignore[method-assign]
    elif bug == "tear":
        atomic._replace = in_place


def main() -> None:
    parser = argparse.ArgumentParser(description="Runs under torture.")
    parser.add_argument("what", choices=["kills", "signals", "rivals", "faults"])
    parser.add_argument("--count", type=int, default=20, help="how many kills, signals or rivals")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--engines", nargs="*", default=list(ENGINES), choices=list(ENGINES))
    parser.add_argument("--kinds", nargs="*", default=list(KINDS[:3]), choices=KINDS)
    parser.add_argument("--every", action="store_true", help="each kind of fault at each call, not the kinds in turn")
    parser.add_argument("--plant", choices=["restart", "tear"], help="break the program first")
    asked = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="tiercap-torture-") as name:
        if asked.what == "faults":
            found = faults(Path(name), tuple(asked.kinds), asked.every)
        else:
            cases = [Case(engine, Path(name) / engine) for engine in asked.engines]
            if asked.plant:
                plant(asked.plant)
            if asked.what == "rivals":
                found = rivals(cases, asked.count, asked.seed)
            else:
                found = torment(cases, asked.count, asked.seed, KILL if asked.what == "kills" else GENTLE)
    print(json.dumps({**found, "seconds": round(time.monotonic() - began, 1)}))


if __name__ == "__main__":
    main()
