"""`tiercap bench`: what the report holds, figures, comparison with an earlier one, refusals. Nothing asserts a time."""

from __future__ import annotations

import builtins
import json
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from tiercap.optimizer.bench import compare, figures, kernel, process, search
from tiercap.optimizer.bench import report as bench
from tiercap.optimizer.cli import bench as command
from tiercap.optimizer.cli import group
from tiercap.optimizer.cli.guard import run
from tiercap.optimizer.errors import InputError
from tiercap.optimizer.io import machine

SMALL = ("bench", "--rounds", "2", "--budget", "512", "-q", "--only", "sizes", "--only", "growth", "--only", "threads")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a small benchmark of the sections inside one process writes."""
    path = tmp_path_factory.mktemp("bench") / "first"
    assert run(group, [*SMALL, "--threads", "2", "-o", str(path)]) == 0
    return path


@pytest.fixture
def report(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "bench.json").read_text())
    return found


def spread_is_sound(value: dict[str, Any], rounds: int = 2) -> bool:
    return 0 < value["low"] <= value["median"] <= value["high"] and len(value["rounds"]) == rounds


def test_the_report_has_what_scripts_rely_on(report: dict[str, Any]) -> None:
    assert report["schema_version"] == 1
    kernel = report["kernel"]
    assert kernel["evaluations_per_second"] == kernel["large"]["evaluations_per_second"]["median"] > 0
    assert kernel["threads"] == 2
    assert kernel["ratios"] == {}
    assert isinstance(report["search"], dict)
    about = report["machine"]
    assert about["processor"]
    assert about["usable_cores"] >= 1
    assert about["versions"]["numba"]
    assert {"load_before", "load_after", "vector_bits", "system"} <= set(about)


def test_sizes_keep_within_the_budget_and_have_spreads(report: dict[str, Any]) -> None:
    rows = report["kernel"]["sizes"]
    shapes = {(row["policies"], row["scenarios"]) for row in rows}
    suite = bench.SUITES["quick"]
    assert shapes == {(p, s) for p in suite.policies for s in suite.futures if p * s <= 512}
    assert all(row["evaluations"] == row["policies"] * row["scenarios"] for row in rows)
    assert all(spread_is_sound(row["evaluations_per_second"]) for row in rows)
    scaling = report["kernel"]["scaling"]
    assert [row["threads"] for row in scaling] == [1, 2]
    assert scaling[0]["over_one"]["rounds"] == [1.0, 1.0]
    assert spread_is_sound(scaling[1]["over_one"])


def test_growth_is_a_line_through_the_medians(report: dict[str, Any]) -> None:
    for kind in ("ready", "filled"):
        found = report["kernel"]["growth"][kind]
        assert [row["scenarios"] for row in found["rows"]] == [64, 256]
        assert found["each"] > 0


def test_measures_repeat_the_figures(report: dict[str, Any]) -> None:
    measures = report["measures"]
    assert measures["kernel, large batch"]["median"] == report["kernel"]["evaluations_per_second"]
    names = {"kernel, 512 x 1", "kernel, 1 x 64", "kernel, 2 threads", "one policy x 256, tables filled"}
    assert names <= set(measures)
    assert all(m["low"] <= m["median"] <= m["high"] and m["better"] in ("more", "less") for m in measures.values())


def test_figures_are_pictures(folder: Path) -> None:
    assert sorted(p.name for p in folder.iterdir()) == [
        "bench.json", "rate.png", "rate.svg", "scenarios.png", "scenarios.svg",
    ]  # fmt: skip
    for name in ("rate", "scenarios"):
        data = (folder / f"{name}.png").read_bytes()
        width, height = struct.unpack(">II", data[16:24])
        assert data.startswith(b"\x89PNG")
        assert min(width, height) > 500
        root = ElementTree.parse(folder / f"{name}.svg").getroot()
        assert root.tag.endswith("svg")


def test_the_axes_hold_what_was_measured(report: dict[str, Any]) -> None:
    axes = figures.rate_figure(report).axes[0]
    drawn = [container.lines[0].get_xydata() for container in axes.containers]
    points = {(float(x), float(y)) for series in drawn for x, y in series}
    rows = report["kernel"]["sizes"]
    assert points == {(row["evaluations"], row["evaluations_per_second"]["median"]) for row in rows}
    axes = figures.growth_figure(report).axes[0]
    each = report["kernel"]["growth"]["ready"]["each"]
    assert f"{1e6 * each:.3g} µs a scenario" in axes.get_legend().get_texts()[0].get_text()


def test_a_name_of_a_processor_cannot_start_a_formula(report: dict[str, Any], tmp_path: Path) -> None:
    report["machine"]["processor"] = r"$\frac{evil$ CPU"
    assert figures.write(report, tmp_path)


def test_without_matplotlib_one_sentence_and_no_figures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without(name: str, *more: Any, **named: Any) -> Any:
        if name.partition(".")[0] == "matplotlib":
            raise ImportError(name)
        return real(name, *more, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    quiet = [word for word in SMALL if word != "-q"]
    assert run(group, [*quiet[:5], "--only", "threads", "-o", str(tmp_path / "new")]) == 0
    said = [line for line in capsys.readouterr().err.splitlines() if "figures" in line]
    assert said == [f"no figures will be drawn: {figures.MISSING}"]
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["bench.json"]


# --- comparison ----------------------------------------------------------------------------------------------


def test_against_itself_everything_is_1(folder: Path, report: dict[str, Any]) -> None:
    found = compare.changes(compare.read(folder / "bench.json"), report)
    assert [change.name for change in found] == list(report["measures"])
    assert {change.ratio for change in found} == {1.0}
    assert {change.verdict for change in found} <= {"within the spread", "no spread"}
    assert compare.remarks(report, report) == []


def figure(low: float, median: float, high: float, better: str = "more") -> dict[str, Any]:
    return {"unit": "1/s", "better": better, "low": low, "median": median, "high": high}


@pytest.mark.parametrize(
    ("before", "now", "better", "verdict"),
    [
        ((9, 10, 11), (12, 13, 14), "more", "better"),
        ((9, 10, 11), (12, 13, 14), "less", "worse"),
        ((9, 10, 11), (5, 6, 8), "more", "worse"),
        ((9, 10, 11), (5, 6, 8), "less", "better"),
        ((9, 10, 11), (10.5, 12, 13), "more", "within the spread"),
        ((9, 10, 11), (11, 12, 13), "more", "within the spread"),
        ((10, 10, 10), (12, 13, 14), "more", "no spread"),
        ((9, 10, 11), (13, 13, 13), "more", "no spread"),
    ],
)
def test_a_change_counts_where_the_spreads_do_not_meet(before: Any, now: Any, better: str, verdict: str) -> None:
    (change,) = compare.changes(
        {"measures": {"x": figure(*before, better), "gone": figure(1, 2, 3)}},
        {"measures": {"new": figure(1, 2, 3), "x": figure(*now, better)}},
    )
    assert change == ("x", "1/s", before[1], now[1], now[1] / before[1], verdict)


def test_another_machine_is_said(report: dict[str, Any]) -> None:
    other = json.loads(json.dumps(report))
    other["machine"] |= {"processor": "another", "usable_cores": 64}
    other["kernel"]["threads"] = 64
    text = "\n".join(compare.remarks(other, report))
    assert all(word in text for word in ("another before", "64 before", "threads differ"))


def test_against_on_the_command_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["bench", "--rounds", "2", "--budget", "512", "-q", "--only", "threads"]
    against = ["--against", str(folder / "bench.json")]
    assert run(group, [*arguments, *against]) == 0
    told = capsys.readouterr().out
    assert "now over before" in told
    assert "kernel, large batch" in told
    assert run(group, [*arguments, *against, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["schema_version"] == 1
    assert "kernel, large batch" in [change["name"] for change in answer["against"]["changes"]]
    assert answer["against"]["changes"][0]["ratio"] > 0


SPOILT: dict[str, Any] = {
    "newer": (lambda r: {**r, "schema_version": 2}, "schema_version 2, this program reads 1"),
    "none": (lambda r: {k: v for k, v in r.items() if k != "schema_version"}, "not a benchmark report"),
    "another report": (lambda r: {"schema_version": 1, "policies": []}, "not a benchmark report"),
    "a list": (lambda r: [r], "not a benchmark report"),
    "a text for a number": (
        lambda r: {**r, "measures": {"x": {**figure(1, 2, 3), "median": "2"}}},
        "not a benchmark report",
    ),
    "zero": (lambda r: {**r, "measures": {"x": figure(0, 0, 0)}}, "not a benchmark report"),
}


@pytest.mark.parametrize("how", SPOILT)
def test_another_schema_is_refused_in_one_sentence(
    how: str,
    report: dict[str, Any],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spoil, says = SPOILT[how]
    (tmp_path / "old.json").write_text(json.dumps(spoil(report)))
    refused(["--against", str(tmp_path / "old.json")], says, capsys, monkeypatch)


def refused(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 2, one sentence, and nothing was measured."""
    monkeypatch.setattr(bench, "run", lambda *a, **k: pytest.fail("it was measured"))
    assert run(group, ["bench", *arguments]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert says in told.err
    assert told.err.startswith("error: ")
    assert told.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--suite", "quik"], "--suite"),
        (["--only", "kernel"], "--only"),
        (["--rounds", "0"], "--rounds"),
        (["--budget", "3"], "--budget"),
        (["--threads", "0"], "--threads"),
        (["--against", "none.json"], "no such file"),
        (["--against", "."], "not a regular file"),
        (["--against", "broken.json"], "not JSON"),
        (["-o", ""], "needs the name of a folder"),
        (["-o", "taken"], "holds a bench.json already"),
    ],
)
def test_mistakes(
    arguments: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("broken.json").write_text('{"schema_version": NaN}')
    Path("taken").mkdir()
    Path("taken/bench.json").touch()
    refused(arguments, says, capsys, monkeypatch)


def test_a_folder_that_cannot_be_made_leaves_with_6(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert run(group, ["bench", "-o", str(tmp_path / "file" / "below")]) == 6
    assert "nothing was measured" in capsys.readouterr().err


# --- parts ---------------------------------------------------------------------------------------------------


def test_the_names_of_the_help_are_those_of_the_suites() -> None:
    assert command.SECTIONS == bench.SECTIONS
    assert set(bench.SUITES) == {"quick", "full"}


def test_a_line_is_found() -> None:
    n = np.array([64, 128, 1024, 10_000])
    rows = [{"scenarios": int(k), "seconds": 3e-3 + 2e-6 * int(k)} for k in n]
    found = kernel.line(rows)
    assert found["start"] == pytest.approx(3e-3)
    assert found["each"] == pytest.approx(2e-6)
    assert found["off"] < 1e-9
    quadratic = kernel.line([{"scenarios": int(k), "seconds": 1e-9 * int(k) ** 2} for k in n])
    assert quadratic["exponent"] == pytest.approx(2.0)
    assert quadratic["off"] > 0.5


def test_a_short_case_is_repeated_within_a_round(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 0.005, 10.0, 10.02, 20.0, 20.04])
    monkeypatch.setattr(kernel, "perf_counter", lambda: next(clock))
    calls: list[int] = []
    case = kernel.Case({"name": "x"}, 100, lambda: calls.append(1))
    case.run()
    case.run()
    assert len(calls) == 1 + 4 + 4  # the first tells how often: 20 ms over 5 ms
    assert case.seconds == pytest.approx([0.005, 0.01])
    assert case.row()["evaluations_per_second"]["median"] == pytest.approx(15_000.0)


def test_a_small_search_is_timed_to_its_end() -> None:
    found = search.searches(search.small(512), 1, 2)
    few = 256 + 32 * 256 + 2 * 16 * 8  # screened, bred and the children of two generations
    assert found["evaluations"] == (few + 384 + 32) * 16  # and the promoted and the generations, in as many
    assert all(spread_is_sound(found[name]) for name in ("seconds", "share_of_kernel", "hypervolume_per_second"))
    assert found["curve"][-1][1] == found["evaluations"]
    moments = [point[0] for point in found["curve"]]
    assert moments == sorted(moments)
    assert {"kernels", "files", "optuna"} <= set(found["where"])


def test_memory_of_a_large_call() -> None:
    found = process.memory(3, 70, 1)
    assert found["evaluations"] == 3 * 70
    assert found["peak_bytes"] is None or 10e6 < found["peak_bytes"] < 2e9


def test_a_process_that_fails_is_told_in_one_sentence() -> None:
    with pytest.raises(process.Failed, match=r"left with code 3: trouble$"):
        process._run(["-c", "import sys; print('more\\ntrouble', file=sys.stderr); sys.exit(3)"], {})


PEERS = """
import json, sys
given = dict(zip(sys.argv[1::2], sys.argv[2::2]))
rows = [{"form": form, "threads": t, "ratio": r * t, "ratio_low": r, "ratio_high": 3 * r}
        for form, r in (("kernel", 1.0), ("numpy", 6.0), ("jax", 2.5)) for t in (1, 2)]
json.dump({"table": rows, "given": given, "missing": ["scalar"]}, open(given["--json"], "w"))
"""


def test_ratios_come_from_the_peers_of_a_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "peers.py").write_text(PEERS)
    monkeypatch.setattr(process, "PEERS", tmp_path / "peers.py")
    said: list[str] = []
    found = bench.run("quick", ("peers",), 2, 640, 1, said.append)
    assert "not installed: scalar" in said[-1]
    assert found["kernel"]["ratios"] == {"numpy": 6.0, "jax": 2.5}
    assert found["kernel"]["ratios_two_threads"] == {"numpy": 12.0, "jax": 5.0}
    assert found["measures"]["kernel over jax, 1 threads"]["high"] == 7.5
    given = found["kernel"]["peers"]["given"]
    assert {"--policies": "10", "--scenarios": "64", "--rounds": "2"}.items() <= given.items()


@pytest.mark.parametrize("there", [False, True], ids=["no checkout", "failing"])
def test_without_peers_one_sentence_and_no_ratios(there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if there:
        (tmp_path / "peers.py").write_text("raise SystemExit('these forms deviate')")
    monkeypatch.setattr(process, "PEERS", tmp_path / "peers.py")
    said: list[str] = []
    found = bench.run("quick", ("peers",), 1, 640, 1, said.append)
    assert found["kernel"]["ratios"] == {}
    assert said[2:] == [
        "no ratios to the peers: a process that was to be timed left with code 1: these forms deviate"
        if there
        else process.NO_PEERS
    ]


def test_the_peers_are_looked_for_where_a_checkout_has_them() -> None:
    assert Path(__file__).parents[2] / "benchmarks" / "peers.py" == process.PEERS


def test_the_processor_is_known_on_every_system(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*arguments: Any, **named: Any) -> Any:
        raise FileNotFoundError

    assert machine.processor()
    monkeypatch.setattr(builtins, "open", missing)
    assert machine.processor()
    assert machine.vector_bits() is None


@pytest.mark.slow
def test_the_whole_quick_suite_with_every_part(tmp_path: Path) -> None:
    """Cold compilation, start-up and the real peers included, one round of little work each."""
    code = "from tiercap.optimizer.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "bench", "--rounds", "1", "--budget", "1024", "--json"],
        cwd=tmp_path, capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert {"numpy", "scalar"} <= set(found["kernel"]["ratios"])
    assert set(found["start"]["signatures"].values()) == {1}
    assert found["start"]["compile_cold"] > found["start"]["compile_cached"]["median"] > 0
    assert found["machine"]["kernel_vector_bits"] in (128, 256, 512)
    assert found["search"]["small"]["hypervolume"]["median"] > 0
    assert found["memory"]["evaluations"] >= 1
    assert not list(tmp_path.iterdir())


def test_an_earlier_report_may_be_of_any_size_but_not_absurd(tmp_path: Path) -> None:
    path = tmp_path / "old.json"
    path.write_bytes(b" " * (compare.MAX_REPORT + 1))
    with pytest.raises(InputError, match="more than"):
        compare.read(path)


def test_peak_memory_is_the_process_own_not_its_parents() -> None:
    code = "from tiercap.optimizer.io.machine import peak_memory; print(peak_memory())"
    held = np.ones(50_000_000)  # 400 MB, which getrusage of a child would report as its own
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert 1e6 < int(told) < held.nbytes / 2
