"""`searches`: what the commands verify and replicate say. The rest of it is tested in test_api.py."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support import small
from support.command import told

import tiercap as tc


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("searches") / "run"
    tc.optimize(small.problem(), place)
    return place


def test_verify(folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    counted: list[int] = []

    def started(total: int) -> object:
        counted.append(total)
        return lambda done: None

    found = tc.verify(folder, 16, seed=3, threads=1, progress=started)  # type: ignore[arg-type]
    said = told(capsys, "verify", str(folder), "--sample", "16", "--seed", "3", "--threads", "1")
    assert (found.differences, found.files, found.checked, found.stored) == (
        (), said["files"], said["policies_checked"], said["policies_stored"]
    )  # fmt: skip
    assert said["same"]
    assert sum(counted) == found.checked
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    front = copy / "front.csv"
    front.write_text(front.read_text().replace("1", "2", 1))
    assert any("front.csv" in line for line in tc.verify(copy, 0).differences)
    with pytest.raises(tc.InputError, match="at least 0"):
        tc.verify(folder, -1)
    with pytest.raises(tc.InputError):
        tc.verify(tmp_path / "nothing")


def test_replicate(folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    found = tc.replicate(folder, tmp_path / "again", threads=1)
    said = told(capsys, "replicate", str(folder), "-o", str(tmp_path / "third"), "--threads", "1", "--quiet")
    assert found.differences == ()
    assert said["same"]
    assert found.files == said["files"]
    assert tc.front(found.again).equals(tc.front(folder))
    with pytest.raises(tc.InputError):
        tc.replicate(folder, tmp_path / "again")
