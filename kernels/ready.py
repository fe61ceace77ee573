"""Every kernel ready before the first call: from the cache, or compiled, by two processes where there are two cores.

Compiling takes half a minute, most of it in Python, which the threads of a process do not share. So a second process
compiles the scenarios' tables and the parts of `payoff` that nothing else needs (`_jit.part`) while this one compiles
`fill_allied`; it hands them over through the cache. Whatever becomes of it costs time and nothing else: what does not
lie in the cache is compiled here.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any

import numpy as np

from . import _jit, paths
from .allied import fill_allied
from .arguments import Allied, Part, Policies, Results, ScenarioTiles
from .params import CHIP, LEVERS, PARAMS
from .payoff import payoff

#: Every kernel that Python calls, by name.
KERNELS = {
    "fill_constants": paths.fill_constants,
    "fill_paths": paths.fill_paths,
    "fill_allied": fill_allied,
    "payoff": payoff,
}
#: Seconds that the second process may take longer than the first before it is given up: about what its last share,
#: the tables, takes to compile here.
PATIENCE = 3.0
_SECOND = "import sys; from tiercap.kernels.ready import second; second(sys.argv[1])"


@cache
def ready() -> None:
    """Compile or load every kernel, once a process. Threads start after it."""
    steps, (q, x, a) = np.zeros(1, np.int64), _tables(4)
    nothing = Part(0, 0, 0, 0)
    policies = Policies(np.zeros((1, 1), LEVERS), np.zeros((1, 1), np.int64), steps)
    scenarios = ScenarioTiles(1, np.zeros(1, CHIP), 4, q, x)
    with _second_process(_SECOND):
        fill_allied(nothing, policies, scenarios, a)
        payoff(nothing, policies, scenarios, Allied(steps, a), Results(_table(4), _table(5)))
    _ready_tables()


def _ready_tables() -> None:
    params, catalogue, (q, x, _) = np.zeros(0, PARAMS), np.zeros(1, CHIP), _tables(4)
    paths.fill_constants(params, catalogue, 1, 0.0, 4, q)
    paths.fill_paths(params, catalogue, 1, 1, 0.0, 4, q, x)


def _tables(most: int) -> tuple[np.ndarray, ...]:
    """Tables of 2 to ``most`` dimensions and nothing in them: only their types matter."""
    return tuple(_table(n) for n in range(2, most + 1))


def _table(dimensions: int) -> np.ndarray:
    return np.zeros((1,) * dimensions)


def in_cache(name: str) -> bool:
    """Whether the cache has an entry of this kernel."""
    return any(_jit.CACHE.glob(f"*/*.{name}-*.nbi"))


@contextmanager
def _second_process(program: str) -> Iterator[None]:
    """Run the second process beside the body and wait for it; it is ended where the body fails or it takes too long."""
    process = _start(program) if _pays() else None
    try:
        yield
        if process:
            with suppress(subprocess.TimeoutExpired):
                process.wait(PATIENCE)
    finally:
        if process:
            process.kill()
            process.communicate()


def _start(program: str) -> subprocess.Popen[bytes] | None:
    """The second process, silent, with a pipe that closes when this one ends, however that happens."""
    try:
        return subprocess.Popen(
            [sys.executable, "-P", "-c", program, _jit.DIGEST],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
    except OSError:
        return None


def _pays() -> bool:
    """Whether there is something to compile, a second core that is free, and a cache that both processes use."""
    compiler = hasattr(payoff, "signatures") and bool(sys.executable)  # the first is absent under NUMBA_DISABLE_JIT
    shared = _jit.CACHE.name == f"kernels-{_jit.DIGEST}"
    return compiler and shared and not in_cache("payoff") and not in_cache("fill_allied") and _spare_core()


def _spare_core() -> bool:
    """Whether at least two cores are ours, and fewer processes than there are cores have kept them busy of late."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        load = os.getloadavg()[0]
    except OSError:
        load = 0.0
    return cores > 1 and load < cores


def second(digest: str) -> None:
    """The second process: its share into the cache, if it sees the same sources and settings as the first."""
    threading.Thread(target=_end_with_the_first, daemon=True).start()
    if digest == _jit.DIGEST:
        for function, types in _jit.PARTS:
            function.compile(types)
        _ready_tables()


def _end_with_the_first() -> Any:
    os.read(0, 1)
    os._exit(1)
