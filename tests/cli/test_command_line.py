"""The command line's frame: imports, exit codes, one sentence for each mistake, no traceback."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest

from tiercap.optimizer.cli import COMMANDS, LazyGroup, group
from tiercap.optimizer.cli.guard import run
from tiercap.optimizer.cli.output import clean, figure, print_json, print_table
from tiercap.optimizer.errors import InfeasibleError

HEAVY = {"numba", "numpy", "optuna", "scipy", "pandas", "pyarrow", "pint", "rich", "moocore"}


def tiercap(*arguments: str, **more: object) -> subprocess.CompletedProcess[str]:
    """The real command in a process of its own."""
    code = "from tiercap.optimizer.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        **more,  # type: ignore[call-overload]
    )


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys, tiercap.optimizer.cli as c; c.run(c.group, ['--help']);"
        f"print('HEAVY', sorted({HEAVY!r} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.rstrip().endswith("HEAVY []")


def test_help_lists_the_commands_that_exist(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(group, ["--help"]) == 0
    shown = capsys.readouterr().out
    for name in ("parameters", "outcomes", "init", "config", "doctor"):
        assert name in shown
        assert COMMANDS[name] in " ".join(shown.split())


@pytest.mark.parametrize("name", ["parameters", "outcomes", "init", "config", "doctor"])
def test_every_command_explains_itself_with_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert isinstance(group, LazyGroup)
    assert run(group, [name, "--help"]) == 0
    assert "Usage: tiercap" in capsys.readouterr().out


def test_parameters_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(group, ["parameters", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert next(iter(answer)) == "schema_version"
    wanted = {"name", "group", "unit", "value", "low", "high", "distribution", "source", "evidence", "kind"}
    assert all(wanted <= set(row) for row in answer["parameters"])
    assert {row["kind"] for row in answer["parameters"]} == {"lever", "uncertain", "constant"}


def test_outcomes_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(group, ["outcomes", "--json"]) == 0
    assert {"name": "compute_lead", "unit": "1"}.items() <= next(
        row for row in json.loads(capsys.readouterr().out)["outcomes"] if row["name"] == "compute_lead"
    ).items()


def test_init_check_show(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(group, ["init", "mine.toml", "--study", "three-tier"]) == 0
    assert run(group, ["config", "check", "mine.toml"]) == 0
    assert "sound" in capsys.readouterr().out
    assert run(group, ["config", "show", "mine.toml", "--set", "budget_c=60", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["parameters"]["budget_c"] == 60.0
    assert shown["origins"]["constants.budget_c"] == "--set"
    before = Path("mine.toml").read_bytes()
    assert run(group, ["init", "mine.toml"]) == 2
    assert Path("mine.toml").read_bytes() == before
    assert "exists already" in capsys.readouterr().err


BAD = [
    (["bogus"], "unknown command `bogus`"),
    (["paramters"], "did you mean `parameters`?"),
    (["parameters", "--jsn"], "--json"),
    (["parameters", "budgt_c"], "did you mean `budget_c`?"),
    (["parameters", "--evidence", "offical"], "did you mean `official`?"),
    (["parameters", "--set", "budget_c"], "not NAME=VALUE"),
    (["parameters", "--set", "budget_c=1,5"], "use a point"),
    (["config", "check", "none.toml"], "no such file"),
    (["config", "check", "."], "is a folder"),
    (["config", "show", "--seed", "-1"], "seed"),
    (["config", "show", "--set", "horizon.years=1000000000000"], "between 1 and 64"),
    (["init", "no/such/folder/x.toml"], "does not exist"),
    (["init", "a\0b"], "cannot be a file name"),
    (["init", "x.toml", "--study", "chna-2026"], "did you mean `china-2026`?"),
]


@pytest.mark.parametrize(("arguments", "says"), BAD)
def test_mistakes_leave_with_2_and_one_sentence(
    arguments: list[str],
    says: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(group, arguments) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert says in told.err
    assert told.err.startswith("error: ")
    assert "Traceback" not in told.err
    assert not list(tmp_path.iterdir())


def _command(error: BaseException) -> click.Command:
    @click.command()
    def failing() -> None:
        click.echo("before")
        raise error

    return failing


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (InfeasibleError("no policy satisfies the constraints"), 3, "no policy"),
        (ZeroDivisionError("x/0"), 1, "TIERCAP_DEBUG=1"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (click.Abort(), 130, "interrupted"),
        (OSError(28, "No space left on device", "run/front.csv"), 6, "run/front.csv"),
        (PermissionError(13, "Permission denied", "run"), 6, "Permission denied"),
    ],
)
def test_every_ending_has_its_code(
    error: BaseException, code: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(_command(error), []) == code
    told = capsys.readouterr()
    assert says in told.err
    assert "Traceback" not in told.err


def test_debug_shows_the_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(_command(ZeroDivisionError("x/0")), [], debug=True) == 1
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_said_in_words() -> None:
    with open("/dev/full", "w") as full:
        code = "from tiercap.optimizer.cli import main; main()"
        done = subprocess.run(
            [sys.executable, "-c", code, "outcomes"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 6
    assert done.stderr == "error: no space left: free some room and run the same command again\n"


def test_a_closed_pipe_is_quiet() -> None:
    code = "from tiercap.optimizer.cli import main; main()"
    with subprocess.Popen(
        [sys.executable, "-c", code, "parameters"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 0


def test_doctor_sees_a_planted_numba_configuration(tmp_path: Path) -> None:
    (tmp_path / ".numba_config.yaml").write_text("cache_dir: planted\n")
    done = tiercap("doctor", "--json", cwd=tmp_path)
    answer = json.loads(done.stdout)
    assert done.returncode == 0
    assert any(".numba_config.yaml" in remark for remark in answer["remarks"])
    assert "planted" not in answer["facts"]["cache folder"]


def test_version() -> None:
    done = tiercap("--version")
    assert done.returncode == 0
    assert done.stdout.startswith("tiercap ")


def test_json_has_no_nan(capsys: pytest.CaptureFixture[str]) -> None:
    import numpy as np

    print_json({"a": float("nan"), "b": np.float64(np.inf), "c": np.arange(2), "d": (1, None, True)})
    assert json.loads(capsys.readouterr().out) == {
        "schema_version": 1,
        "a": None,
        "b": None,
        "c": [0, 1],
        "d": [1, None, True],
    }


def test_tables_are_aligned_and_harmless(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["name", "value"], [["[red]x\x1b[31m\u202e", "1.5"], ["y\nz", "-12"]], title="T\x07")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "T\ufffd"
    assert lines[2].startswith("[red]x\ufffd[31m\ufffd")
    assert lines[2].endswith("  1.5")
    assert lines[3].endswith("  -12")
    assert clean("a\tb") == "a\ufffdb"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (float("nan"), "-"),
        (0.0, "0"),
        (1234.5678, "1,235"),
        (0.05, "0.05"),
        (1e9, "1e+09"),
        (9.4e-5, "9.4e-05"),
    ],
)
def test_figures(value: float | None, text: str) -> None:
    assert figure(value) == text
