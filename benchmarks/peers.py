"""The kernels against the same model written in other ways, in one run: ``python benchmarks/peers.py``.

Forms: the kernel (`Evaluator`), array code under NumPy and jitted under JAX (`array_model`), and compiled code of one
evaluation at a time (`scalar_kernel`). Every form must agree with the kernel on all outcomes before anything is timed.

A worker process is pinned to one core and holds every form, so that thread for thread all run on the same core. "2" is
the kernel on two threads, and for the others two workers with half the policies each: they scale best that way (JAX's
own threads leave the second core idle on blocks of this size). Rounds go through all forms in turn; medians are
reported with the fastest and the slowest round, and beside the clock's ratios those of processor time, which other
load on the machine disturbs less. Outcomes are computed and dropped a part at a time, so that memory does not grow with
the number of policies. JAX (`pip install "tiercap[bench]"`) is left out where it is missing.

    measure(10_000, 64, 5)                                      # the report as a dict, as --json writes it
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[1] / "tests"))
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
TOLERANCE, FLOOR = 1e-9, 1e-6
SEED = 2026
FORMS = ("scalar", "numpy", "jax")
#: Evaluations whose outcomes a form holds at a time.
PART = 2**18
#: Of the report; raised when a field changes its meaning or goes.
SCHEMA_VERSION = 1


class Unfit(Exception):
    """Forms that cannot be compared; the text says why, in one sentence."""


@dataclass(frozen=True)
class Plan:
    """What a worker needs to know. ``numpy_block``, ``jax_block``: policies a block, 0 for what was fastest."""

    policies: int
    scenarios: int
    rounds: int
    forms: tuple[str, ...]
    sample: int = 128
    numpy_block: int = 0
    jax_block: int = 0


def cpu() -> tuple[str, str]:
    """Name and flags of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        return platform.processor() or platform.machine(), ""
    found = dict(line.split(":", 1) for line in reversed(lines) if ":" in line)
    stripped = {name.strip(): value.strip() for name, value in found.items()}
    return stripped.get("model name", platform.machine()), stripped.get("flags", "")


def prepare_environment() -> None:
    """Settings that must stand before NumPy and JAX are imported: one thread a worker, JAX with the widest vectors."""
    for name in ONE_THREAD:
        os.environ[name] = "1"
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    wide = " --xla_cpu_prefer_vector_width=512" if "avx512f" in cpu()[1] else ""
    os.environ.setdefault("XLA_FLAGS", f"--xla_cpu_multi_thread_eigen=false{wide}")


def absolute_policies(n: int) -> Any:
    """``n`` of the tests' random policies, those of absolute readings: LEVERS[n, 1]."""
    import numpy as np
    from support import cases

    rng, found = np.random.default_rng(SEED), []
    while sum(map(len, found)) < n:
        levers = cases.random_policies(rng, 2 * n)
        found.append(levers[np.all([levers[g]["reading"][:, 0] == 0.0 for g in "abc"], axis=0)])
    return np.ascontiguousarray(np.concatenate(found)[:n])


def world(n_scenarios: int) -> tuple[Any, Any, Any]:
    """Random scenarios, the default horizon and the catalogue of the tests."""
    import numpy as np
    from support import cases

    from tiercap.optimizer.model.horizon import Horizon

    return cases.random_params(np.random.default_rng(SEED + 1), n_scenarios), Horizon(), cases.catalogue()


def kernel_form(params: Any, horizon: Any, catalogue: Any, threads: int = 1) -> Any:
    """The kernels behind the interface of the peers."""
    import numpy as np

    from tiercap.optimizer.model.evaluator import Evaluator
    from tiercap.optimizer.model.scenarios import Scenarios

    n = len(params)
    return Evaluator(Scenarios(params, np.full(n, 1.0 / n), 0, "random"), horizon, catalogue, threads)


def numpy_form(params: Any, horizon: Any, catalogue: Any, block: int = 0) -> Any:
    from array_model import ArrayModel

    return ArrayModel(params, horizon, catalogue, block=block)


def jax_form(params: Any, horizon: Any, catalogue: Any, block: int = 0) -> Any:
    from array_backend import jax_backend
    from array_model import ArrayModel

    return ArrayModel(params, horizon, catalogue, jax_backend(), block)


def scalar_form(params: Any, horizon: Any, catalogue: Any) -> Any:
    from scalar_kernel import ScalarKernel

    return ScalarKernel(params, horizon, catalogue)


def deviation(values: Any, expected: Any) -> float:
    """The largest relative deviation over all outcomes; infinite where only one is not a number."""
    import numpy as np

    both = np.isnan(values) & np.isnan(expected)
    distance = np.abs(values - expected) / np.maximum(np.abs(expected), FLOOR)
    return float(np.where(both, 0.0, np.nan_to_num(distance, nan=np.inf)).max())


def ratios(outcomes: Any) -> Any:
    """All outcomes [n, n_outcomes, n_scenarios], percentages as the ratios they come from.

    Where a policy changes nothing, the percentage is rounding and nothing else.
    """
    from tiercap.kernels.params import OUTCOMES
    from tiercap.optimizer.model.evaluator import RELATIVE

    found = outcomes.copy()
    for name in RELATIVE:
        found[:, OUTCOMES.index(name)] = 1.0 + found[:, OUTCOMES.index(name)] / 100.0
    return found


def built(plan: Plan) -> tuple[dict[str, Any], dict[str, float], dict[str, float]]:
    """Every form there is, how far each deviates from the kernel, and seconds until it had an answer."""
    at = world(plan.scenarios)
    sample = absolute_policies(plan.policies)[: plan.sample]
    forms = {"kernel": kernel_form(*at)}
    expected = ratios(forms["kernel"].outcomes(sample))
    builders: dict[str, Callable[..., Any]] = {"scalar": scalar_form}
    builders |= {"numpy": lambda *at: numpy_form(*at, plan.numpy_block)}
    builders |= {"jax": lambda *at: jax_form(*at, plan.jax_block)}
    deviations, seconds = {}, {}
    for name in plan.forms:
        start = time.perf_counter()
        try:
            forms[name] = builders[name](*at)
        except ImportError:
            continue
        deviations[name] = deviation(ratios(forms[name].outcomes(sample)), expected)
        seconds[name] = time.perf_counter() - start
    return forms, deviations, seconds


def compute(form: Any, policies: Any, scenarios: int) -> None:
    """Outcomes of all policies, held a part at a time."""
    import numpy as np

    for part in np.array_split(policies, -(-len(policies) * scenarios // PART)):
        form.outcomes(part)


def work(connection: Any, core: int | None, plan: Plan) -> None:
    """A worker: builds the forms, says how far they deviate, then runs what it is told until told to stop.

    Answers with the processor time of each order.
    """
    if core is not None:
        os.sched_setaffinity(0, {core})
    prepare_environment()
    forms, deviations, seconds = built(plan)
    connection.send((deviations, seconds))
    policies = absolute_policies(plan.policies)
    half = len(policies) // 2
    parts = {"all": policies, "first": policies[:half], "second": policies[half:]}
    while (order := connection.recv()) is not None:
        form, part = order
        start = time.process_time()
        compute(forms[form], parts[part], plan.scenarios)
        connection.send(time.process_time() - start)


def cores() -> list[int | None]:
    """Two cores to pin workers to; None where there is no pinning, or one core."""
    if not hasattr(os, "sched_getaffinity"):
        return [None, None]
    available: list[int | None] = sorted(os.sched_getaffinity(0))
    return (available * 2)[-2:]


def load() -> float:
    """Load average of the last minute; not a number where the system has none."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")


def run_round(form: str, threads: int, pipes: list[Any], whole: Callable[[], Any]) -> tuple[float, float]:
    """Seconds of one round: of the clock, and of processors."""
    start, busy = time.perf_counter(), time.process_time()
    if threads == 2 and form == "kernel":
        whole()
        return time.perf_counter() - start, time.process_time() - busy
    orders = [(pipes[-1], "all")] if threads == 1 else list(zip(pipes, ("first", "second"), strict=True))
    for pipe, part in orders:
        pipe.send((form, part))
    spent = sum(pipe.recv() for pipe, _ in orders)
    return time.perf_counter() - start, spent


def timed(plan: Plan, pipes: list[Any], forms: list[str]) -> dict[tuple[str, int], list[tuple[float, float]]]:
    """Seconds of every round by form and threads, all in turn within a round."""
    policies = absolute_policies(plan.policies)
    pair = kernel_form(*world(plan.scenarios), threads=2)
    pair.outcomes(policies[:64])
    rounds: dict[tuple[str, int], list[tuple[float, float]]] = {(form, n): [] for form in forms for n in (1, 2)}
    for _ in range(plan.rounds):
        for (form, threads), found in rounds.items():
            found.append(run_round(form, threads, pipes, lambda: compute(pair, policies, plan.scenarios)))
    return rounds


def summary(rounds: dict[tuple[str, int], list[tuple[float, float]]], evaluations: int) -> list[dict[str, Any]]:
    """Rates and the kernel's advantage at the same number of threads; medians over rounds of each."""
    table = []
    for (form, threads), found in rounds.items():
        seconds, busy = zip(*found, strict=True)
        kernel, kernel_busy = zip(*rounds["kernel", threads], strict=True)
        ratios = [s / k for s, k in zip(seconds, kernel, strict=True)]
        row: dict[str, Any] = {"form": form, "threads": threads, "seconds": seconds, "cpu_seconds": busy}
        row |= {"rate": evaluations / statistics.median(seconds), "ratio": statistics.median(ratios)}
        row |= {"ratio_low": min(ratios), "ratio_high": max(ratios)}
        row["rate_low"], row["rate_high"] = evaluations / max(seconds), evaluations / min(seconds)
        row["ratio_cpu"] = statistics.median(busy) / statistics.median(kernel_busy)
        table.append(row)
    return table


def versions() -> dict[str, str]:
    """Versions of what was measured."""
    found = {"python": platform.python_version()}
    for package in ("tiercap", "numpy", "numba", "jax", "jaxlib"):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "-"
    return found


def show(report: dict[str, Any]) -> None:
    """The report as text."""
    print(f"{report['policies']:,} policies x {report['scenarios']} scenarios, {report['rounds']} rounds")
    print(f"{report['cpu']}; load {report['load'][0]:.2f} before, {report['load'][1]:.2f} after")
    print(", ".join(f"{name} {version}" for name, version in report["versions"].items()))
    for name, value in report["deviations"].items():
        print(f"agrees with the kernel on all outcomes: {name}, largest relative deviation {value:.1e}")
    for name in report["missing"]:
        print(f"left out, for it is not installed: {name}")
    head = f"\n{'form':8} {'threads':>7} {'evaluations/s':>14} {'(slowest to fastest)':>22} {'kernel is faster by':>28}"
    print(f"{head} {'by processor time':>18}")
    for row in report["table"]:
        spread = f"{row['rate_low']:,.0f} to {row['rate_high']:,.0f}"
        ratio = f"{row['ratio']:.2f} ({row['ratio_low']:.2f} to {row['ratio_high']:.2f}) {row['ratio_cpu']:18.2f}"
        print(f"{row['form']:8} {row['threads']:7} {row['rate']:14,.0f} {spread:>22} {ratio:>47}")
    two = {row["threads"]: row["rate"] for row in report["table"] if row["form"] == "kernel"}
    print(f"\nkernel, two threads over one: {two[2] / two[1]:.2f}")


def measure(policies: int, scenarios: int, rounds: int, forms: Sequence[str] = FORMS, **more: int) -> dict[str, Any]:
    """Times the kernels and the ``forms`` that are installed on so many policies and scenarios: a report for JSON.

    more : further fields of `Plan`. Raises Unfit if a form deviates from the kernels or a worker dies. In a program of
    its own the call must stand below ``if __name__ == "__main__":``, since workers are new processes.
    """
    plan = Plan(policies, scenarios, rounds, tuple(forms), **more)
    if min(policies, scenarios, rounds) < 1 or policies < 2:
        raise Unfit("a comparison takes at least 2 policies, 1 scenario and 1 round")
    before, context = load(), multiprocessing.get_context("spawn")
    prepare_environment()
    pipes = []
    for core in cores():
        ours, theirs = context.Pipe()
        context.Process(target=work, args=(theirs, core, plan), daemon=True).start()
        theirs.close()
        pipes.append(ours)
    try:
        (deviations, compiled), *_ = [pipe.recv() for pipe in pipes]
        wrong = {name: value for name, value in deviations.items() if not value <= TOLERANCE}
        if wrong:
            raise Unfit(f"not timed: these forms deviate from the kernel: {wrong}")
        found = timed(plan, pipes, ["kernel", *deviations])
    except EOFError:
        raise Unfit("a worker ended before its time: what it said stands above") from None
    finally:
        for pipe in pipes:
            with suppress(OSError):
                pipe.send(None)
    report: dict[str, Any] = {"schema_version": SCHEMA_VERSION, **asdict(plan)}
    report |= {"missing": [name for name in plan.forms if name not in deviations], "cpu": cpu()[0]}
    report |= {"load": [before, load()], "versions": versions(), "deviations": deviations}
    return report | {"first_call_seconds": compiled, "table": summary(found, policies * scenarios)}


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--policies", type=int, default=1024, help="policies of a round (issue: 10000)")
    parser.add_argument("--scenarios", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sample", type=int, default=128, help="policies whose outcomes are compared first")
    parser.add_argument("--forms", nargs="*", default=FORMS, choices=FORMS)
    parser.add_argument("--numpy-block", type=int, default=0, help="policies a block; 0: what was found fastest")
    parser.add_argument("--jax-block", type=int, default=0)
    parser.add_argument("--json", type=Path, help="write the report, every round in it, to this file")
    return parser.parse_args()


def main() -> int:
    arguments = vars(options())
    place = arguments.pop("json")
    try:
        report = measure(**arguments)
    except Unfit as error:
        print(error, file=sys.stderr)
        return 1
    show(report)
    if place:
        place.write_text(json.dumps(report, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
