"""`works`: what the commands paper, bench and doctor say."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import small
from support.command import told

import tiercap as tc
from tiercap.optimizer.bench import report


def test_doctor(capsys: pytest.CaptureFixture[str]) -> None:
    found, said = tc.doctor(), told(capsys, "doctor")
    assert found == said
    assert found["facts"]["vectors"].endswith(" bit")
    assert tc.doctor(compiling=True)["facts"]["kernels"].startswith("ready in")


def test_bench(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The same request as the command's; what it measures is tested in tests/bench."""
    asked: list[tuple[object, ...]] = []

    def run(*arguments: object) -> dict[str, object]:
        asked.append(arguments[:-1])
        arguments[-1]("next")  # type: ignore[operator]
        return {}

    monkeypatch.setattr(report, "run", run)
    heard: list[str] = []
    assert tc.bench(only="sizes", rounds=1, budget=64, threads=1, progress=heard.append) == {}
    assert told(capsys, "bench", "--only", "sizes", "--rounds", "1", "--budget", "64", "--threads", "1") == {}
    tc.bench("full")
    assert asked[0] == asked[1] == ("quick", ("sizes",), 1, 64, 1)
    assert asked[2] == ("full", report.SECTIONS, None, None, None)
    assert heard == ["next"]
    for wrong in ({"suite": "quik"}, {"only": "size"}):
        with pytest.raises(tc.InputError, match="did you mean"):
            tc.bench(**wrong)  # type: ignore[arg-type]


@pytest.mark.slow
def test_paper(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    tc.optimize(small.problem(), run)
    found = tc.paper(run, backcast=False, threads=1)
    assert found.path == tmp_path / "run-paper"
    said = told(capsys, "paper", str(run), "-o", str(tmp_path / "again"), "--no-backcast", "--threads", "1", "--quiet")
    assert [figure.name for figure in found.figures] == said["figures"]
    assert (found.numbers, found.files) == (said["numbers"], said["files"])
    assert (found.path / "numbers.tex").read_bytes() == (tmp_path / "again" / "numbers.tex").read_bytes()
    with pytest.raises(tc.InputError):
        tc.paper(tmp_path / "nothing")
