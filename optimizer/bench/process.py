"""What is timed in processes of its own: compiling, starting, the commands a person waits for, memory, the peers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

from tiercap.optimizer.bench.kernel import spread

#: Seconds after which a process counts as stuck.
PATIENCE = 1800
_FIRST = """
from time import perf_counter
began = perf_counter()
from tiercap.optimizer.model.evaluator import signatures, vector_instructions
imported = perf_counter() - began
from tiercap.optimizer.bench.process import first_call
first_call(imported)
"""
_LARGE = "import sys; from tiercap.optimizer.bench.process import large_call; large_call(*map(int, sys.argv[1:]))"
_MAIN = "from tiercap.optimizer.cli import main; main()"
#: Where a checkout keeps the peers; a wheel has none.
PEERS = Path(__file__).parents[2] / "benchmarks" / "peers.py"
NO_PEERS = "ratios to the peers need a checkout of the sources: its folder benchmarks is not here"


class Failed(Exception):
    """A process that was to be timed ended badly; the text says how, in one sentence."""


def start_up(rounds: int) -> dict[str, Any]:
    """Compiling into an empty cache once; starting from that cache and two commands, ``rounds`` times each."""
    with tempfile.TemporaryDirectory(prefix="tiercap-bench-") as folder:
        cache = {"TIERCAP_CACHE": os.path.join(folder, "cache")}
        cold = json.loads(_run(["-c", _FIRST], cache))
        cached = [json.loads(_run(["-c", _FIRST], cache)) for _ in range(rounds)]
        commands = {
            "python": ["-c", "pass"],
            "help": ["-c", _MAIN, "--help"],
            "evaluate": ["-c", _MAIN, "evaluate", "--policy", "bis-2026", "--policy", "ban", "--json"],
        }
        waited = {name: [_seconds(arguments, cache) for _ in range(rounds)] for name, arguments in commands.items()}
    return {
        "compile_cold": cold["kernels"],
        "compile_cached": spread([told["kernels"] for told in cached]),
        "import": spread([told["import"] for told in cached]),
        **{name: spread(seconds) for name, seconds in waited.items()},
        "signatures": cold["signatures"],
        "vector_instructions": cold["vector_instructions"],
    }


def first_call(imported: float) -> None:
    """Print, as JSON, the seconds that making every kernel ready takes in this process; ``imported``: their import."""
    from tiercap.optimizer.model.evaluator import signatures, vector_instructions

    evaluator, policy = _smallest()
    began = perf_counter()
    evaluator.outcomes(policy)
    first = perf_counter() - began
    again, _ = _smallest()
    began = perf_counter()
    again.outcomes(policy)
    computing = perf_counter() - began
    told = {"import": imported, "kernels": max(0.0, first - computing), "signatures": signatures()}
    print(json.dumps({**told, "vector_instructions": vector_instructions()}))  # noqa: T201 - it is the answer


def _smallest() -> tuple[Any, Any]:
    """An evaluator of one future and a policy."""
    import numpy as np

    from tiercap.kernels.params import LEVERS
    from tiercap.optimizer.model import parameters, scenarios
    from tiercap.optimizer.model.evaluator import Evaluator
    from tiercap.optimizer.model.horizon import Horizon
    from tiercap.optimizer.rules import chips

    central = scenarios.draw(parameters.table(), kind="central")
    return Evaluator(central, Horizon(), chips.exporter_catalogue(), 1), np.zeros((1, 1), LEVERS)


def memory(n_policies: int, n_futures: int, threads: int) -> dict[str, Any]:
    """Peak memory of a process that reduces so many evaluations, regret among the statistics."""
    told: dict[str, Any] = json.loads(_run(["-c", _LARGE, str(n_policies), str(n_futures), str(threads)], {}))
    return told


def large_call(n_policies: int, n_futures: int, threads: int) -> None:
    """Print, as JSON, what statistics of every kind over so many evaluations cost in time and memory."""
    from tiercap.optimizer.io import machine
    from tiercap.optimizer.model.sobol import unit_points
    from tiercap.optimizer.model.streaming import Points, Wanted
    from tiercap.optimizer.rules.space import coordinates
    from tiercap.optimizer.study import load
    from tiercap.optimizer.study.problem import Problem

    problem = Problem(load.load(None, (f"scenarios.count={n_futures}", "scenarios.kind=sobol"), {}, {}), threads)
    space = problem.space
    points = Points(space, coordinates(unit_points(n_policies, len(space.levers), 0), space.levers))
    kinds = ("mean", "std", "p05", "p50", "p95", "cvar10")
    wanted = [Wanted(o.outcome, s) for o in problem.study.objectives for s in kinds]
    wanted += [Wanted(o.outcome, "p95", o.direction) for o in problem.study.objectives]
    began = perf_counter()
    problem.streaming.statistics(points, wanted)
    told: dict[str, Any] = {"policies": n_policies, "scenarios": n_futures, "seconds": perf_counter() - began}
    told |= {"evaluations": problem.streaming.planned(n_policies, wanted), "peak_bytes": machine.peak_memory()}
    print(json.dumps(told))  # noqa: T201 - it is the answer


def peers(n_policies: int, n_futures: int, rounds: int) -> dict[str, Any]:
    """The report of benchmarks/peers.py. Raises Failed."""
    with tempfile.TemporaryDirectory(prefix="tiercap-bench-") as folder:
        report = os.path.join(folder, "peers.json")
        sizes = ["--policies", str(n_policies), "--scenarios", str(n_futures), "--rounds", str(rounds)]
        _run([str(PEERS), *sizes, "--json", report], {})
        found: dict[str, Any] = json.loads(Path(report).read_text(encoding="utf-8"))
    return found


def _seconds(arguments: list[str], environment: dict[str, str]) -> float:
    began = perf_counter()
    _run(arguments, environment)
    return perf_counter() - began


def _run(arguments: list[str], environment: dict[str, str]) -> str:
    """Standard output of the interpreter with these arguments, in a folder where nothing can be taken for a module."""
    with tempfile.TemporaryDirectory(prefix="tiercap-bench-") as empty:
        done = subprocess.run(
            [sys.executable, *arguments], env={**os.environ, **environment}, cwd=empty, capture_output=True, text=True,
            timeout=PATIENCE, check=False,
        )  # fmt: skip
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["without a word"])[-1]
        raise Failed(f"a process that was to be timed left with code {done.returncode}: {last[:200]}")
    return done.stdout
