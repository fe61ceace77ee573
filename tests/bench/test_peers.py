"""The comparisons of the benchmarks: reports of a stable shape, one scale for every job, what is missing is said."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))

import jobs
import peers

TASK = jobs.Task(trials=128, screen=256, count=8, seed=3)


@pytest.mark.slow
def test_peers_are_measured_in_turn_and_the_report_is_json() -> None:
    report = peers.measure(6, 4, 2, ("numpy",), sample=6)
    assert json.loads(json.dumps(report))["schema_version"] == peers.SCHEMA_VERSION
    assert [(row["form"], row["threads"]) for row in report["table"]] == [
        ("kernel", 1), ("kernel", 2), ("numpy", 1), ("numpy", 2),
    ]  # fmt: skip
    for row in report["table"]:
        assert len(row["seconds"]) == len(row["cpu_seconds"]) == 2
        assert row["rate_low"] <= row["rate"] <= row["rate_high"]
    assert report["deviations"]["numpy"] < peers.TOLERANCE
    assert report["missing"] == []


def test_a_comparison_of_nothing_is_refused() -> None:
    with pytest.raises(peers.Unfit, match="at least 2 policies"):
        peers.measure(1, 4, 1)


def test_a_ratio_is_the_median_of_the_rounds() -> None:
    rounds = {("kernel", 1): [(1.0, 0.5), (2.0, 0.5), (1.0, 0.5)], ("numpy", 1): [(5.0, 4.0), (8.0, 4.0), (7.0, 6.0)]}
    kernel, row = peers.summary(rounds, 100)
    assert (kernel["ratio"], kernel["rate"]) == (1.0, 100.0)
    assert (row["ratio_low"], row["ratio"], row["ratio_high"], row["ratio_cpu"]) == (4.0, 5.0, 7.0, 8.0)


def test_hypervolumes_of_all_jobs_have_one_scale_and_never_fall() -> None:
    good, bad = jobs.Track(total=2.0), jobs.Track(total=4.0)
    good.add(np.array([[0.0, 1.0], [1.0, 0.0]]), 10, at=1.0)
    good.add(np.array([[0.5, 0.5], [0.9, 0.9]]), 20, at=2.0)
    bad.add(np.array([[0.8, 0.8]]), 20, at=4.0)
    first, second = jobs.summary({"good": [good], "bad": [bad]})
    assert first["hypervolume"] == 1.0
    assert (first["rate"], second["rate"], first["front"]) == (10.0, 5.0, 3)
    volumes = [volume for _, _, volume in first["track"]]
    # Reference 1.1: two corners cover 0.11 + 0.11 - 0.01, the middle adds a square from 0.5 to 1.
    assert volumes == pytest.approx([0.21 / 0.46, 1.0])
    assert second["hypervolume"] == pytest.approx(0.09 / 0.46)
    assert first["seconds_to_share"]["0.99"] == 2.0
    assert second["seconds_to_share"]["0.9"] is None


def test_what_is_not_installed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(jobs.JOBS, "pymoo", "no_such_package")
    missing = jobs.absent(["tiercap", "pymoo"])
    assert list(missing) == ["pymoo"]
    assert "pip install" in missing["pymoo"]


def test_the_forms_of_the_jobs_agree() -> None:
    assert jobs.agree(TASK) < peers.TOLERANCE


@pytest.mark.slow
def test_the_search_of_this_project_is_a_job() -> None:
    report = jobs.measure(TASK, ["tiercap"])
    (row,) = report["table"]
    few = 256 + 32 * 256 + 128 * 8  # screened, bred, and the children of one generation
    assert row["evaluations"] == report["evaluations"] == (few + 384 + 128) * 8  # the promoted, and the generation
    assert row["hypervolume"] == pytest.approx(1.0)
    times = [seconds for seconds, _, _ in row["track"]]
    assert times == sorted(times)
    assert times[-1] <= row["seconds"][0]


@pytest.mark.slow
@pytest.mark.parametrize("job", ["pymoo", "platypus", "platypus, its own evaluator", "ema_workbench"])
@pytest.mark.filterwarnings("ignore")
def test_other_optimisers_drive_the_same_model(job: str) -> None:
    pytest.importorskip(jobs.JOBS[job] or "")
    report = jobs.measure(TASK, [job])
    (row,) = report["table"]
    asked = report["policies"] * report["scenarios"]
    assert 0.99 * asked <= row["evaluations"] <= asked  # children equal to a parent are not evaluated again
    assert 0.0 < row["hypervolume"] <= 1.0
