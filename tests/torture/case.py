"""A run under torture: the search of one engine, what it comes to when nothing interrupts it, and what must hold.

One process imports everything and forks a `tiercap optimize` for each start, which makes a start cheap. Every run is
compared with one that nothing interrupted: :meth:`Case.check_kept`, :meth:`Case.check_finished`.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import sys
import time
import traceback
from collections.abc import Callable
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
    files = [os.open(said.with_suffix(s), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600) for s in (".out", ".err")]
    pid = os.fork()
    if pid:
        for file in files:
            os.close(file)
        return Started(pid, said)
    code = 70
    try:
        for number, file in enumerate(files, 1):
            os.dup2(file, number)
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
        from tiercap.optimizer.study import load

        dropped = [lever.name for lever in load.load("china-2026").levers if lever.name not in LEVERS]
        more = "" if self.engine in SINGLE else 'compute_lead = "maximise"'
        return STUDY.format(levers="\n".join(f"{name} = false" for name in dropped), more=more)

    def _settings(self) -> list[str]:
        return [f"{key}={value}" for key, value in {**BUDGET, **ENGINES[self.engine], **self.more}.items()]

    def arguments(self, folder: Path) -> list[str]:
        said = [part for setting in self._settings() for part in ("--set", setting)]
        flags = ["-o", str(folder), "--engine", self.engine, "--seed", "3", "--threads", "1", "-q", "--json"]
        return ["optimize", str(self.study), *flags, *said]

    def problem(self) -> Any:
        """The same study for searches in this process."""
        from tiercap.optimizer.study import load
        from tiercap.optimizer.study.problem import Problem

        return Problem(load.load(str(self.study), self._settings(), {"seed": 3, "search.engine": self.engine}), 1)

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


def _defined(log: dict[str, Any]) -> dict[str, Any]:
    """Without the optimizer that Optuna keeps of CMA-ES: its history of values is memory nobody has written yet.

    What the optimizer decides are the parameters of the next trials, and these are compared.
    """
    kept = {name: v for name, v in log.get("system_attrs", {}).items() if not name.startswith("cma:optimizer:")}
    return log | {"system_attrs": kept} if "system_attrs" in log else log


def bits(folder: Path) -> dict[str, bytes]:
    """What must come again to the bit: tables, blocks, the trials of the Optuna study without their times."""
    found = {name: (folder / name).read_bytes() for name in TABLES}
    found |= {f"evaluations/{part.name}": part.read_bytes() for part in (folder / "evaluations").glob("part-*.parquet")}
    logs = [json.loads(line) for line in (folder / "study.journal").read_text().splitlines()]
    timeless = [_defined({k: v for k, v in log.items() if k not in ("worker_id", *_TIMES)}) for log in logs]
    return found | {"study.journal": json.dumps(timeless).encode()}


_TIMES = ("datetime_start", "datetime_complete")


def manifest(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "manifest.json").read_bytes())
    return found


def tell(done: int, count: int) -> None:
    """How far it is."""
    if done % 20 == 0 or done == count:
        print(f"{done} of {count}", file=sys.stderr, flush=True)
