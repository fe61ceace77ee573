"""A benchmark of this machine: what is measured by each suite, and the report that holds it.

The report is one JSON object. ``measures`` repeats what two reports can be compared by: every figure by name, with its
unit, which way is better, and median, least and most over the rounds (`bench.compare`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tiercap.optimizer.bench import kernel, process, search
from tiercap.optimizer.io import machine
from tiercap.optimizer.model.evaluator import vector_bits

SCHEMA_VERSION = 1
#: What can be measured, in the order in which it is.
SECTIONS = ("sizes", "growth", "threads", "peers", "start", "search", "memory")


@dataclass(frozen=True)
class Suite:
    """How much is measured. ``budget`` bounds the evaluations of a timed call, ``memory`` is policies and futures."""

    rounds: int
    budget: int
    policies: tuple[int, ...]
    futures: tuple[int, ...]
    growth: tuple[int, ...]
    peers: tuple[int, int]
    memory: tuple[int, int]
    default_search: bool


SUITES = {
    "quick": Suite(3, 2**17, (1, 8, 64, 512, 4096, 100_000), (1, 64, 1024, 10_000),
                   (64, 256, 1024, 4096, 10_000), (256, 64), (400, 1000), False),
    "full": Suite(5, 2**20, (1, 4, 16, 64, 256, 512, 1024, 4096, 10_000, 100_000, 1_000_000),
                  (1, 4, 16, 32, 64, 256, 1024, 4096, 10_000),
                  (64, 128, 256, 512, 1024, 2048, 4096, 10_000, 20_000), (10_000, 64), (2000, 5000), True),
}  # fmt: skip


def run(
    name: str,
    sections: tuple[str, ...] = SECTIONS,
    rounds: int | None = None,
    budget: int | None = None,
    threads: int | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> dict[str, Any]:
    """Measure ``sections`` of the suite called ``name`` and return the report.

    rounds, budget : in place of the suite's; threads : of the kernels, None for all cores
    say : told what comes next, and in a sentence what could not be measured
    """
    suite = SUITES[name]
    rounds, budget = rounds or suite.rounds, budget or suite.budget
    about, before = machine.describe(), machine.load()
    say("large batch")
    bench = kernel.Bench(threads)
    n_policies = max(1, min(kernel.LARGE[0], budget // kernel.LARGE[1]))
    (large,) = kernel.run_rounds([bench.case(n_policies, kernel.LARGE[1])], rounds)
    report: dict[str, Any] = {"schema_version": SCHEMA_VERSION, "suite": name, "rounds": rounds, "budget": budget}
    report["machine"] = {**about, "kernel_vector_bits": vector_bits(), "load_before": before}
    headline = {"evaluations_per_second": large["evaluations_per_second"]["median"], "threads": bench.threads}
    report["kernel"] = {**headline, "ratios": {}, "large": large}
    report["search"] = {}
    for section in (section for section in SECTIONS if section in sections):
        say(section)
        _PARTS[section](report, bench, suite, say)
    report["machine"]["load_after"] = machine.load()
    report["machine"]["peak_bytes"] = machine.peak_memory()
    report["measures"] = dict(_measures(report))
    return report


Part = Callable[[dict[str, Any], kernel.Bench, Suite, Callable[[str], None]], None]


def _sizes(report: dict[str, Any], bench: kernel.Bench, suite: Suite, say: Callable[[str], None]) -> None:
    grid = list(suite.policies), list(suite.futures)
    report["kernel"]["sizes"] = kernel.sizes(bench, *grid, report["budget"], report["rounds"])


def _growth(report: dict[str, Any], bench: kernel.Bench, suite: Suite, say: Callable[[str], None]) -> None:
    futures = [n for n in suite.growth if n <= report["budget"]] or [report["budget"]]
    report["kernel"]["growth"] = kernel.growth(bench, futures, report["rounds"])


def _threads(report: dict[str, Any], bench: kernel.Bench, suite: Suite, say: Callable[[str], None]) -> None:
    report["kernel"]["scaling"] = kernel.scaling(bench, report["rounds"], report["budget"])


def _peers(report: dict[str, Any], bench: kernel.Bench, suite: Suite, say: Callable[[str], None]) -> None:
    """Ratios thread for thread, and with two threads where the peers were measured with two."""
    if not process.PEERS.is_file():
        say(process.NO_PEERS)
        return
    policies, futures = suite.peers
    try:
        told = process.peers(max(2, min(policies, report["budget"] // futures)), futures, report["rounds"])
    except process.Failed as error:
        say(f"no ratios to the peers: {error}")
        return
    if missing := told.get("missing"):
        say(f"peers that are not installed: {', '.join(missing)} (pip install 'tiercap[bench]')")
    report["kernel"]["peers"] = told
    rows = [row for row in told["table"] if row["form"] != "kernel"]
    report["kernel"]["ratios"] = {row["form"]: row["ratio"] for row in rows if row["threads"] == 1}
    report["kernel"]["ratios_two_threads"] = {row["form"]: row["ratio"] for row in rows if row["threads"] == 2}


def _start(report: dict[str, Any], bench: kernel.Bench, suite: Suite, say: Callable[[str], None]) -> None:
    report["start"] = process.start_up(report["rounds"])
    report["machine"]["vector_instructions"] = report["start"].pop("vector_instructions")


def _search(report: dict[str, Any], bench: kernel.Bench, suite: Suite, say: Callable[[str], None]) -> None:
    small = search.small(report["budget"])
    report["search"]["small"] = search.searches(small, bench.threads, report["rounds"])
    if suite.default_search:
        say("search, built-in size")
        report["search"]["default"] = search.searches((), bench.threads, min(report["rounds"], 3))


def _memory(report: dict[str, Any], bench: kernel.Bench, suite: Suite, say: Callable[[str], None]) -> None:
    policies, futures = suite.memory
    fewer = max(1, min(policies, report["budget"] * 8 // futures))
    report["memory"] = process.memory(fewer, min(futures, report["budget"]), bench.threads)


_PARTS: dict[str, Part] = {
    "sizes": _sizes, "growth": _growth, "threads": _threads, "peers": _peers, "start": _start, "search": _search,
    "memory": _memory,
}  # fmt: skip


def _measures(report: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every figure that two reports can be compared by: name, and unit, better, median, low, high."""
    kernel, start = report["kernel"], report.get("start", {})
    yield "kernel, large batch", _rate(kernel["large"])
    for row in kernel.get("sizes", []):
        yield f"kernel, {row['policies']:,} x {row['scenarios']:,}", _rate(row)
    for kind, label in (("ready", "tables there"), ("filled", "tables filled")):
        for row in kernel.get("growth", {}).get(kind, {}).get("rows", []):
            yield f"one policy x {row['scenarios']:,}, {label}", _rate(row)
    for row in kernel.get("scaling", []):
        yield f"kernel, {row['threads']} threads", _rate(row)
    for row in kernel.get("peers", {}).get("table", []):
        if row["form"] != "kernel":
            value = {"median": row["ratio"], "low": row["ratio_low"], "high": row["ratio_high"]}
            yield f"kernel over {row['form']}, {row['threads']} threads", _figure(value, "ratio", "more")
    if start:
        once = dict.fromkeys(("median", "low", "high"), start["compile_cold"])
        yield "compile all kernels", _figure(once, "s", "less")
    for name in ("compile_cached", "import", "python", "help", "evaluate"):
        if name in start:
            yield f"start: {name.replace('_', ' ')}", _figure(start[name], "s", "less")
    for size, found in report["search"].items():
        for name, unit in (("evaluations_per_second", "1/s"), ("share_of_kernel", "ratio"),
                           ("hypervolume_per_second", "1/s")):  # fmt: skip
            yield f"search, {size}: {name.replace('_', ' ')}", _figure(found[name], unit, "more")
    if report.get("memory", {}).get("peak_bytes"):
        peak = dict.fromkeys(("median", "low", "high"), report["memory"]["peak_bytes"] / 1e6)
        yield "peak memory", _figure(peak, "MB", "less")


def _rate(row: dict[str, Any]) -> dict[str, Any]:
    return _figure(row["evaluations_per_second"], "1/s", "more")


def _figure(value: dict[str, Any], unit: str, better: str) -> dict[str, Any]:
    return {"unit": unit, "better": better, **{key: value[key] for key in ("median", "low", "high")}}
