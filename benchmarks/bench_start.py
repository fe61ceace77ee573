"""What a person waits for: help, the first call with and without compiled kernels, a warm `tiercap evaluate`.

Each round is a process of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

FIRST_CALL = """
import json
from support import cases
from tiercap.kernels.params import OUTCOMES
from tiercap.optimizer.model.evaluator import Evaluator
from tiercap.optimizer.model.scenarios import Scenarios
from tiercap.optimizer.model.horizon import Horizon
import numpy as np
evaluator = Evaluator(Scenarios(cases.central(), np.ones(1), 0, "central"), Horizon(), cases.catalogue(), 1)
values = evaluator.outcomes(np.stack([cases.ban(), cases.free()]))[:, OUTCOMES.index("revenue"), 0]
print(json.dumps(values.tolist()))
"""


def run(arguments: list[str], cache: Path | None = None) -> str:
    tests = Path(__file__).parents[1] / "tests"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tests), os.environ.get("PYTHONPATH", "")])}
    environment.pop("NUMBA_CACHE_DIR", None)
    if cache is not None:
        environment["TIERCAP_CACHE"] = str(cache)
    done = subprocess.run(
        [sys.executable, *arguments], env=environment, capture_output=True, text=True, check=True, timeout=600
    )
    return done.stdout


def first_call(cache: Path) -> list[float]:
    values: list[float] = json.loads(run(["-c", FIRST_CALL], cache).splitlines()[-1])
    return values


TIERCAP = ["-c", "from tiercap.optimizer.cli import main; main()"]
EVALUATE = [*TIERCAP, "evaluate", "--policy", "bis-2026", "--policy", "ban", "--json"]


def test_python(benchmark: Any) -> None:
    """The interpreter alone: the floor of everything below."""
    benchmark.pedantic(run, (["-c", "pass"],), rounds=5)


def test_help(benchmark: Any) -> None:
    assert "evaluate" in run([*TIERCAP, "--help"])
    benchmark.pedantic(run, ([*TIERCAP, "--help"],), rounds=10, warmup_rounds=1)


def test_first_call_cold(benchmark: Any, tmp_path: Path) -> None:
    """Every kernel compiled, from an empty cache, and two policies evaluated."""
    caches = iter(range(100))
    values = benchmark.pedantic(
        first_call, setup=lambda: ((tmp_path / f"cache{next(caches)}",), {}), rounds=2, iterations=1
    )
    assert values[0] == 0.0 < values[1]


def test_first_call_warm(benchmark: Any, tmp_path: Path) -> None:
    """The same with the kernels in the cache."""
    cold = first_call(tmp_path / "cache")
    assert benchmark.pedantic(first_call, (tmp_path / "cache",), rounds=5, iterations=1) == cold


def test_evaluate_warm(benchmark: Any) -> None:
    """`tiercap evaluate` of two rules over the default 256 scenarios."""
    report = json.loads(run(EVALUATE))
    if not report:
        pytest.fail("nothing was evaluated")
    benchmark.pedantic(run, (EVALUATE,), rounds=5, warmup_rounds=1)
