"""The kernels against the same model written in other ways, in one run: ``python benchmarks/peers.py``.

Forms: the kernel (`Evaluator`), array code under NumPy and jitted under JAX (`array_model`), and compiled code of one
evaluation at a time (`scalar_kernel`). Every form must agree with the kernel on all outcomes before anything is timed.

A worker process is pinned to one core and holds every form, so that thread for thread all run on the same core. "2" is
the kernel on two threads, and for the others two workers with half the policies each: they scale best that way. Rounds
go through all forms in turn; medians are reported with the fastest and the slowest round. JAX (`pip install jax`) is
left out where it is missing.
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
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[1] / "tests"))
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
TOLERANCE, FLOOR = 1e-9, 1e-6
SEED = 2026


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
    import cases
    import numpy as np

    rng, found = np.random.default_rng(SEED), []
    while sum(map(len, found)) < n:
        levers = cases.random_policies(rng, 2 * n)
        found.append(levers[np.all([levers[g]["reading"][:, 0] == 0.0 for g in "abc"], axis=0)])
    return np.ascontiguousarray(np.concatenate(found)[:n])


def world(n_scenarios: int) -> tuple[Any, Any, Any]:
    """Random scenarios, the default horizon and the catalogue of the tests."""
    import cases
    import numpy as np

    from tiercap.optimizer.study import Horizon

    return cases.random_params(np.random.default_rng(SEED + 1), n_scenarios), Horizon(), cases.catalogue()


def kernel_form(params: Any, horizon: Any, catalogue: Any, threads: int = 1) -> Any:
    """The kernels behind the interface of the peers."""
    import numpy as np

    from tiercap.optimizer.evaluate import Evaluator
    from tiercap.optimizer.scenarios import Scenarios

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


def work(connection: Any, core: int | None, arguments: argparse.Namespace) -> None:
    """A worker: builds the forms, says how far they deviate, then runs what it is told until told to stop."""
    if core is not None:
        os.sched_setaffinity(0, {core})
    prepare_environment()
    at = world(arguments.scenarios)
    policies = absolute_policies(arguments.policies)
    sample = policies[: arguments.sample]
    forms = {"kernel": kernel_form(*at)}
    expected = forms["kernel"].outcomes(sample)
    builders: dict[str, Callable[..., Any]] = {"scalar": scalar_form}
    builders |= {"numpy": lambda *at: numpy_form(*at, arguments.numpy_block)}
    builders |= {"jax": lambda *at: jax_form(*at, arguments.jax_block)}
    deviations, seconds = {}, {}
    for name in arguments.forms:
        start = time.perf_counter()
        try:
            forms[name] = builders[name](*at)
        except ImportError:
            continue
        deviations[name] = deviation(forms[name].outcomes(sample), expected)
        seconds[name] = time.perf_counter() - start
    connection.send((deviations, seconds))
    half = len(policies) // 2
    parts = {"all": policies, "first": policies[:half], "second": policies[half:]}
    while (order := connection.recv()) is not None:
        form, part = order
        forms[form].outcomes(parts[part])
        connection.send(True)


def cores() -> list[int | None]:
    """Two cores to pin workers to; None where there is no pinning, or one core."""
    if not hasattr(os, "sched_getaffinity"):
        return [None, None]
    available: list[int | None] = sorted(os.sched_getaffinity(0))
    return (available * 2)[-2:]


def load() -> float:
    """Load average of the last minute; not a number where the system has none."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")


def run_round(form: str, threads: int, pipes: list[Any], whole: Callable[[], Any]) -> float:
    """Seconds of one round."""
    start = time.perf_counter()
    if threads == 1:
        pipes[-1].send((form, "all"))
        pipes[-1].recv()
    elif form == "kernel":
        whole()
    else:
        for pipe, part in zip(pipes, ("first", "second"), strict=True):
            pipe.send((form, part))
        for pipe in pipes:
            pipe.recv()
    return time.perf_counter() - start


def measure(arguments: argparse.Namespace, pipes: list[Any], forms: list[str]) -> dict[str, list[float]]:
    """Seconds of every round by case, cases in turn within a round."""
    policies = absolute_policies(arguments.policies)
    pair = kernel_form(*world(arguments.scenarios), threads=2)
    pair.outcomes(policies[:64])
    cases = [(form, threads) for form in forms for threads in (1, 2)]
    for form, threads in cases:
        if form == "jax":  # compiles once more for each number of distinct rules of A and B; the others are warm
            run_round(form, threads, pipes, lambda: None)
    rounds: dict[str, list[float]] = {f"{form} {threads}": [] for form, threads in cases}
    for _ in range(arguments.rounds):
        for form, threads in cases:
            rounds[f"{form} {threads}"].append(run_round(form, threads, pipes, lambda: pair.outcomes(policies)))
    return rounds


def summary(rounds: dict[str, list[float]], evaluations: int) -> list[dict[str, Any]]:
    """Rates and the kernel's advantage at the same number of threads; medians over rounds of each."""
    table = []
    for case, seconds in rounds.items():
        form, threads = case.split()
        ratios = [s / k for s, k in zip(seconds, rounds[f"kernel {threads}"], strict=True)]
        row: dict[str, Any] = {"form": form, "threads": int(threads), "seconds": seconds}
        row |= {"rate": evaluations / statistics.median(seconds), "ratio": statistics.median(ratios)}
        row |= {"ratio_low": min(ratios), "ratio_high": max(ratios)}
        row["rate_low"], row["rate_high"] = evaluations / max(seconds), evaluations / min(seconds)
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
    print(f"\n{'form':8} {'threads':>7} {'evaluations/s':>14} {'(slowest to fastest)':>22} {'kernel is faster by':>28}")
    for row in report["table"]:
        spread = f"{row['rate_low']:,.0f} to {row['rate_high']:,.0f}"
        ratio = f"{row['ratio']:.2f} ({row['ratio_low']:.2f} to {row['ratio_high']:.2f})"
        print(f"{row['form']:8} {row['threads']:7} {row['rate']:14,.0f} {spread:>22} {ratio:>28}")
    two = {row["threads"]: row["rate"] for row in report["table"] if row["form"] == "kernel"}
    print(f"\nkernel, two threads over one: {two[2] / two[1]:.2f}")


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--policies", type=int, default=1024, help="policies of a round (issue: 10000)")
    parser.add_argument("--scenarios", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sample", type=int, default=128, help="policies whose outcomes are compared first")
    parser.add_argument("--forms", nargs="*", default=["scalar", "numpy", "jax"], choices=["scalar", "numpy", "jax"])
    parser.add_argument("--numpy-block", type=int, default=0, help="policies a block; 0: what was found fastest")
    parser.add_argument("--jax-block", type=int, default=0)
    parser.add_argument("--json", type=Path, help="write the report, every round in it, to this file")
    return parser.parse_args()


def main() -> int:
    arguments = options()
    prepare_environment()
    before = load()
    context, workers, pipes = multiprocessing.get_context("spawn"), [], []
    for core in cores():
        ours, theirs = context.Pipe()
        worker = context.Process(target=work, args=(theirs, core, arguments), daemon=True)
        worker.start()
        theirs.close()
        workers.append(worker)
        pipes.append(ours)
    deviations, compiled = pipes[0].recv()
    for pipe in pipes[1:]:
        pipe.recv()
    wrong = {name: value for name, value in deviations.items() if not value <= TOLERANCE}
    if wrong:
        print(f"not timed: these forms deviate from the kernel: {wrong}", file=sys.stderr)
        return 1
    rounds = measure(arguments, pipes, ["kernel", *deviations])
    for pipe, worker in zip(pipes, workers, strict=True):
        pipe.send(None)
        worker.join()
    report = {"policies": arguments.policies, "scenarios": arguments.scenarios, "rounds": arguments.rounds}
    report |= {"cpu": cpu()[0], "load": [before, load()], "versions": versions(), "deviations": deviations}
    report |= {"first_call_seconds": compiled}
    report["table"] = summary(rounds, arguments.policies * arguments.scenarios)
    show(report)
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
