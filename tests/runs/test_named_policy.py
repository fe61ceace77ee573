"""What a text means at every entrance: rules, schedules, levers, rows of runs and of files."""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import small

from tiercap.optimizer import api
from tiercap.optimizer.cli import group
from tiercap.optimizer.cli.guard import run
from tiercap.optimizer.errors import InputError
from tiercap.optimizer.rules.book import find_rule
from tiercap.optimizer.rules.encode import rule_levers
from tiercap.optimizer.runs import named_policy
from tiercap.optimizer.search.run import optimize
from tiercap.optimizer.study.problem import Problem

LEVERS = "c_open_tpp=4800,c_licensed_tpp=21000,c_quota_share=20 %"
TABLE = "name,c_open_tpp,c_licensed_tpp,c_quota_share\nfirst,1600,2400,\nsecond,4800,21000,20 %\n"
FEW = ["--set", "scenarios.count=16", "--seed", "1"]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished run under several names, and a table of policies."""
    folder = tmp_path_factory.mktemp("policies")
    optimize(small.problem(), folder / "done")
    for name in ("a,b", "x=y", "with space", "12:30", "ban"):
        shutil.copytree(folder / "done", folder / name)
    (folder / "mine.csv").write_text(TABLE)
    return folder


@pytest.fixture
def inside(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(place)
    return place


@pytest.fixture(scope="module")
def problem() -> Problem:
    return small.problem()


def test_a_rule_is_itself_even_where_a_folder_has_its_name(inside: Path, problem: Problem) -> None:
    assert named_policy.one("ban", problem).levers[0, 0] == rule_levers(find_rule("ban"))[0]
    run_row = named_policy.one("./ban:3", problem)
    assert run_row.levers.tobytes() == named_policy.one("done:3", problem).levers.tobytes()


@pytest.mark.parametrize("path", ["done", "./done", "a,b", "x=y", "with space", "12:30"])
def test_an_existing_folder_is_a_run_whatever_its_path(path: str, inside: Path, problem: Problem) -> None:
    found = named_policy.run_of(path)
    assert found is not None
    assert found[1] is None
    row = named_policy.one(f"{path}:2", problem)
    assert row.levers.tobytes() == found[0].levers[2:3].tobytes()
    with pytest.raises(InputError, match="whole front: name one policy of it as RUN:ROW"):
        named_policy.one(path, problem)


def test_rows_of_a_file_are_policies(inside: Path, problem: Problem, monkeypatch: pytest.MonkeyPatch) -> None:
    both = named_policy.several(["mine.csv"], problem)
    assert [policy.name for policy in both] == ["first", "second"]
    second = named_policy.one("mine.csv:1", problem)
    assert second.levers.tobytes() == named_policy.one(LEVERS, problem).levers.tobytes() == both[1].levers.tobytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(TABLE.encode())))
    assert [policy.name for policy in named_policy.several(["-", "ban"], problem)] == ["first", "second", "ban"]


def test_years_are_steps(problem: Problem) -> None:
    policy = named_policy.one("ban,2028:bis-2026", problem)
    assert policy.phase == (0, 0, 1, 1, 1, 1, 1, 1)
    assert policy.levers.shape == (1, 2)


MISTAKES = {
    "done:9999": "has rows 0 to",
    "mine.csv": "is 2 policies: name one of them as mine.csv:ROW",
    "mine.csv:2": "rows 0 to 1, not 2",
    "no/such/run:1": "does not exist",
    "gone.csv": "gone.csv does not exist",
    "gone.CSV:1": "gone.CSV does not exist",
    "=5": "`=5` is not NAME=VALUE",
    "no-such:1": "unknown rule `no-such:1`",
    "ban,2026:unrestricted": "years must rise between 2026 and 2034",
    "ban,2040:unrestricted": "years must rise between 2026 and 2034",
    "/": "not a run",
    "a\0b": "unknown rule `a?b`",
    "x" * 5000: "unknown rule",
}


@pytest.mark.parametrize(("text", "says"), MISTAKES.items(), ids=range(len(MISTAKES)))
def test_a_mistake_is_one_sentence(text: str, says: str, inside: Path, problem: Problem) -> None:
    with pytest.raises(InputError) as refusal:
        named_policy.one(text, problem)
    assert says in str(refusal.value)


def test_standard_input_is_read_once(problem: Problem) -> None:
    with pytest.raises(InputError, match="read once"):
        named_policy.several(["-", "-"], problem)


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.text(max_size=40), st.from_regex(r"(ban|\./|a,b|x=y|[0-9]{4}|:|,|=|/|c_open_tpp|5 TPP){1,6}")))
def test_any_text_is_a_policy_or_one_sentence(text: str) -> None:
    if text.strip() == "-":
        return
    try:
        policy = named_policy.one(text, small.problem())
    except InputError as error:
        assert str(error).isprintable()
    else:
        assert policy.levers.shape[0] == 1


# --- every entrance, every form ------------------------------------------------------------------------------------

FORMS = {
    "rule": "bis-2026",
    "schedule": "ban,2028:bis-2026",
    "levers": LEVERS,
    "row of a run": "a,b:2",
    "row of a file": "mine.csv:1",
}


def _json(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> Any:
    assert run(group, arguments) == 0, capsys.readouterr().err
    return json.loads(capsys.readouterr().out)


def _revenue(policy: str, problem: Problem) -> float:
    """Mean revenue of a policy, straight from the evaluator."""
    meant = named_policy.one(policy, problem)
    return float(problem.evaluator.statistics(meant.levers, [("revenue", "mean")], meant.phase)[0, 0])


def evaluated(policy: str, capsys: pytest.CaptureFixture[str], folder: Path) -> float:
    told = _json(["evaluate", "china-2026", "--policy", policy, "--outcome", "revenue", "--json", *FEW], capsys)
    return float(told["policies"][0]["outcomes"]["revenue"]["mean"])


def compared(policy: str, capsys: pytest.CaptureFixture[str], folder: Path) -> float:
    given = ["compare", policy, "--study", "china-2026", "--count", "16", "--seed", "1", "--json"]
    entry = _json(given, capsys)["contenders"][0]
    return float(entry["outcomes"]["revenue"]["mean"])


def swept(policy: str, capsys: pytest.CaptureFixture[str], folder: Path) -> float:
    shutil.rmtree(folder / "swept", ignore_errors=True)
    asked = ["--over", "discount=0.9", "--outcome", "revenue", "--statistic", "mean"]
    given = ["sweep", "china-2026", "--policy", policy, *asked]
    _json([*given, "-o", str(folder / "swept"), "--no-netcdf", "--json", *FEW], capsys)
    return float((folder / "swept" / "sweep.csv").read_text().splitlines()[1].split(",")[-1])


def by_python(policy: str, capsys: pytest.CaptureFixture[str], folder: Path) -> float:
    study = api.study("china-2026", count=16, seed=1)
    return float(api.statistics(policy, study, ["revenue"])["revenue"].to_numpy().ravel()[0])


ENTRANCES: dict[str, Callable[..., float]] = {
    "evaluate": evaluated, "compare": compared, "sweep": swept, "python": by_python,
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("entrance", ENTRANCES)
def test_a_policy_means_the_same_everywhere(
    entrance: str, form: str, inside: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from tiercap.optimizer.study import load

    here = Problem(load.load("china-2026", ["scenarios.count=16"], {"seed": 1}, {}), 1)
    expected = _revenue(FORMS[form], here)
    assert np.isclose(ENTRANCES[entrance](FORMS[form], capsys, tmp_path), expected, rtol=1e-12)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("command", ["sensitivity", "discover"])
def test_commands_about_one_policy_take_every_form(
    command: str, form: str, inside: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = {"discover": ["--fails", "revenue worst 25 %", "--count", "256"]}.get(command, ["--outcome", "revenue"])
    output = ["-o", str(tmp_path / "out"), "--json"]
    told = _json([command, "china-2026", "--policy", FORMS[form], *more, *output], capsys)
    assert FORMS[form] in json.dumps(told, ensure_ascii=False)


def test_pick_takes_a_row_that_is_named(inside: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = _json(["pick", "done:2", "--json"], capsys)
    assert told["policy"] == 2
    assert told["by"] == "row"
    assert told["reasons"][0] == "it was named"
    assert run(group, ["pick", "done:2", "--by", "regret"]) == 2
    assert "leave --by and --weight out" in capsys.readouterr().err


@pytest.fixture(autouse=True)
def _home() -> Iterator[None]:
    before = Path.cwd()
    yield
    os.chdir(before)
