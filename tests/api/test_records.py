"""`records`: what the commands calibrate and backcast say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.command import same, told

import tiercap as tc


def test_backcast(capsys: pytest.CaptureFixture[str]) -> None:
    found = tc.backcast(events=True, count=16, threads=1)
    said = told(capsys, "backcast", "--events", "--count", "16", "--threads", "1")
    rows = found["rows"]
    assert len(rows) == len(said["rows"])
    for (_, mine), row in zip(rows.iterrows(), said["rows"], strict=True):
        naive = {name: row.pop(name) for name in ("persistence", "trend")}
        assert all(same(mine[key], value) for key, value in row.items()), row["moment"]
        for name, each in naive.items():
            assert same(mine[f"{name}_crps"], each and each["crps"])
    scores = found["scores"].set_index(["role", "forecast"])
    for role, score in said["scores"].items():
        assert scores.loc[(role, "model, all rows")].crps == score["crps"]
        assert scores.loc[(role, "trend")].log_score == score["against_naive"]["trend"]["log_score"]
    assert {key: rows.attrs[key] for key in ("scenarios", "members", "response")} == {
        key: said[key] for key in ("scenarios", "members", "response")
    }


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"only": True}, "name a file"),
        ({"roofline": 3}, "2, 4 or 8, not 3"),
        ({"scenarios": "calibratd"}, "calibrat"),
        ({"record": "no-such.csv"}, "no-such.csv"),
    ],
)
def test_what_cannot_be_replayed_is_said(more: dict[str, object], says: str) -> None:
    with pytest.raises(tc.InputError, match=says):
        tc.backcast(**more)  # type: ignore[arg-type]


def test_published_tables(capsys: pytest.CaptureFixture[str]) -> None:
    found, said = tc.published(), told(capsys, "backcast", "--published")["tables"]
    assert len(found) == len(said)
    for (_, mine), row in zip(found.iterrows(), said, strict=True):
        assert all(same(mine[key], value) for key, value in row.items())


def test_what_cannot_be_fitted_is_said(tmp_path: Path) -> None:
    for arguments, says in (
        ({"file": tmp_path / "mine.csv"}, "ends in .parquet"),
        ({"file": tmp_path / "mine.parquet", "runs": 1}, "2 to 64 runs"),
        ({"file": tmp_path / "mine.parquet", "only": True}, "name a file"),
        ({"file": tmp_path / "mine.parquet", "runs": 2, "particles": 64}, "too few"),
    ):
        with pytest.raises(tc.InputError, match=says):
            tc.calibrate(**arguments)  # type: ignore[arg-type]


@pytest.mark.slow
def test_calibrate(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    found = tc.calibrate(tmp_path / "mine.parquet", seed=1, runs=2, particles=1024)
    said = told(capsys, "calibrate", "-o", str(tmp_path / "theirs.parquet"), "--seed", "1", "--runs", "2",
                "--particles", "1024", "--quiet")  # fmt: skip
    assert (tmp_path / "mine.parquet").read_bytes() == (tmp_path / "theirs.parquet").read_bytes()
    assert json.loads(found["manifest"].read_text())["structures"] == said["structures"]
    assert set(found) - {"schema_version"} == set(said)
    assert len(tc.study(scenarios=str(found["ensemble"]), count=found["members"]).scenarios) == found["members"]
