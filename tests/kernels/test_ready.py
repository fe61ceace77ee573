"""Kernels made ready by two processes: what the second leaves is used, and whatever becomes of it stops nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest

from tiercap.kernels import _jit, ready

#: Stands for the second process: says that it runs, and goes on for as long as its input is open.
WAITS = """
import sys
open({mark!r}, "w").write(str(__import__("os").getpid()))
from tiercap.kernels.ready import _end_with_the_first
_end_with_the_first()
"""


@pytest.fixture
def pays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ready, "_pays", lambda: True)


def until(condition: Callable[[], Any]) -> Any:
    """Wait for something to become true."""
    end = monotonic() + 60
    while not (found := condition()):
        assert monotonic() < end
        sleep(0.01)
    return found


def read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.usefixtures("pays")
def test_the_second_process_is_waited_for(tmp_path: Path) -> None:
    done = tmp_path / "done"
    with ready._second_process(f"import time; time.sleep(0.2); open({str(done)!r}, 'w')"):
        pass
    assert done.exists()


@pytest.mark.usefixtures("pays")
@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_it_is_ended_where_the_first_fails(tmp_path: Path, error: type[BaseException]) -> None:
    mark = tmp_path / "mark"

    def fails() -> None:
        with ready._second_process(WAITS.format(mark=str(mark))):
            until(lambda: read(mark))
            raise error

    with pytest.raises(error):
        fails()
    assert not alive(int(read(mark)))


@pytest.mark.usefixtures("pays")
def test_it_is_given_up_after_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mark = tmp_path / "mark"
    monkeypatch.setattr(ready, "PATIENCE", 0.01)
    with ready._second_process(WAITS.format(mark=str(mark))):
        until(lambda: read(mark))
    assert not alive(int(read(mark)))


@pytest.mark.usefixtures("pays")
@pytest.mark.parametrize("program", ["import os; os.kill(os.getpid(), 9)", "no program", "raise SystemExit(3)"])
def test_its_death_is_no_failure(program: str, capfd: pytest.CaptureFixture[str]) -> None:
    with ready._second_process(program):
        pass
    assert capfd.readouterr() == ("", "")


def test_a_load_that_nobody_knows_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown() -> Any:
        raise OSError

    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1}, raising=False)
    monkeypatch.setattr(os, "getloadavg", unknown)
    assert ready._spare_core()


@pytest.mark.usefixtures("pays")
def test_an_interpreter_that_cannot_be_started_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with ready._second_process("pass"):
        pass


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_it_does_not_outlive_the_first(tmp_path: Path, number: int) -> None:
    """The first process is killed without a chance to tidy up."""
    mark = tmp_path / "mark"
    program = (
        "import time\nfrom tiercap.kernels import ready\nready._pays = lambda: True\n"
        f"with ready._second_process({WAITS.format(mark=str(mark))!r}):\n    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program]) as first:
        pid = int(until(lambda: read(mark)))
        first.send_signal(number)
        first.wait(60)
    until(lambda: not alive(pid))


@pytest.mark.parametrize("reason", ["none", "one core", "busy", "payoff", "fill_allied", "stand-in", "no compiler"])
def test_when_it_pays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reason: str) -> None:
    """Two cores, one of them free, a cache that both use, and nothing in it."""
    folder = tmp_path / ("stand-in" if reason == "stand-in" else f"kernels-{_jit.DIGEST}")
    (folder / "sources").mkdir(parents=True)
    monkeypatch.setattr(_jit, "CACHE", folder)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0} if reason == "one core" else {0, 1}, raising=False)
    monkeypatch.setattr(os, "getloadavg", lambda: (2.5 if reason == "busy" else 1.9, 0.0, 0.0))
    if reason in ("payoff", "fill_allied"):
        (folder / "sources" / f"module.{reason}-22.py311.nbi").touch()
    if reason == "no compiler" or not hasattr(ready.payoff, "signatures"):
        monkeypatch.setattr(ready, "payoff", lambda: None)
    assert ready._pays() == (reason == "none" and hasattr(ready.payoff, "signatures"))


@pytest.mark.usefixtures("pays")
def test_other_sources_or_settings_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second process has another digest: it compiles nothing, since nobody would look for it."""
    monkeypatch.setattr(ready, "_ready_tables", lambda: pytest.fail("it was compiled"))
    monkeypatch.setattr(ready, "_end_with_the_first", lambda: None)
    ready.second("another digest")


_COLD = """
import json, os
from tiercap.kernels import _jit, ready
ready._spare_core = lambda: True
ready.ready()
parts = [(len(f.signatures), sum(f.stats.cache_hits.values())) for f, _ in _jit.PARTS]
print(json.dumps({"parts": parts, "kernels": [len(k.signatures) for k in ready.KERNELS.values()]}))
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(ready.payoff, "signatures"), reason="there is no compiler")
def test_parts_are_compiled_for_what_they_are_called_with(tmp_path: Path) -> None:
    """Into an empty cache: a part with a second signature would have been compiled twice."""

    def told() -> dict[str, Any]:
        done = subprocess.run(
            [sys.executable, "-c", _COLD], env={**os.environ, "TIERCAP_CACHE": str(tmp_path / "c")},
            capture_output=True, text=True, check=True, timeout=900,
        )  # fmt: skip
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    cold, again = told(), told()
    assert cold["kernels"] == again["kernels"] == [1, 1, 1, 1]
    assert [count for count, _ in cold["parts"]] == [1] * len(_jit.PARTS)
    assert sum(hits for _, hits in cold["parts"]) > 0  # the second process was of use
    assert again["parts"] == [[0, 0]] * len(_jit.PARTS)  # they lie in `payoff`
