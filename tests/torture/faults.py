"""A run whose every call that changes a file fails in turn, or is the last thing that its process does."""

from __future__ import annotations

import errno
import json
import os
import shutil
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from torture.case import Case, Ended, start, tell

#: What changes a file of a run. A write fails half done; what is opened to be read is opened without fault.
CALLS = ("open", "write", "pwrite", "fsync", "replace", "rename", "mkdir", "ftruncate", "fchmod", "unlink")
READING = os.O_WRONLY | os.O_RDWR
DEATH = 77
#: What happens at a call: an error of the system, or the end of the process.
KINDS = ("ENOSPC", "EIO", "death", "EDQUOT")


class Faults:
    """The module `os` as :mod:`tiercap.optimizer.io.durable` sees it; the k-th call that changes a file goes wrong.

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

        from tiercap.optimizer.cli.guard import run
        from tiercap.optimizer.io import durable
        from tiercap.optimizer.search.run import optimize

        def search() -> None:
            found = optimize(problem, folder).found
            print(json.dumps({"evaluations": found.evaluations, "evaluations_reused": found.evaluations_reused}))

        faults = Faults(k, kind)
        durable.os = faults  # type: ignore[attr-defined]
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
    from tiercap.optimizer.search.run import optimize

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
            tell(k, len(calls))
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
