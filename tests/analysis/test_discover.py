"""`tiercap discover`: conditions in words, boxes of planted and of real failures, files, refusals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import small

from tiercap.kernels.params import OUTCOMES
from tiercap.optimizer.analysis import conditions, figures
from tiercap.optimizer.analysis.discover import Discovery, _box, discover, words
from tiercap.optimizer.analysis.discover_tables import COLUMNS, tables
from tiercap.optimizer.analysis.prim import Cases, boxed
from tiercap.optimizer.cli import group
from tiercap.optimizer.cli.guard import run
from tiercap.optimizer.errors import InputError
from tiercap.optimizer.io import columns
from tiercap.optimizer.model import parameters
from tiercap.optimizer.runs import named_policy
from tiercap.optimizer.search.run import optimize
from tiercap.optimizer.study import load
from tiercap.optimizer.study.problem import Problem


def problem(kind: str = "sobol", count: int = 512, threads: int | None = 2) -> Problem:
    return Problem(load.load(None, [f"scenarios.count={count}"], {"scenarios.kind": kind}), threads)


def found(given: Problem, *fails: str, policy: str = "bis-2026", **more: Any) -> Discovery:
    return discover(given, named_policy.one(policy, given), fails, **more)


def command(*arguments: str) -> int:
    return run(group, ["discover", *arguments])


@pytest.mark.parametrize(
    ("text", "fails", "said"),
    [
        ("revenue < 2 GUSD", [True, False, False, False], "revenue is below 2 GUSD"),
        ("revenue <= 2000 MUSD", [True, True, False, False], "revenue is at or below 2 GUSD"),
        ("revenue>2.5", [False, False, True, True], "revenue is above 2.5 GUSD"),
        ("revenue >= 3", [False, False, True, True], "revenue is at or above 3 GUSD"),
        ("revenue worst 25 %", [True, False, False, False], "revenue is at or below 1.5 GUSD (the lowest 25 %)"),
        ("revenue in the highest 25%", [False, False, False, True], "at or above 3.5 GUSD (the highest 25 %)"),
        ("revenue worse than ban", [True, True, False, False], "revenue is below that of ban in the same future"),
        ("revenue > ban", [False, False, False, True], "revenue is above that of ban in the same future"),
        ("revenue < c_quota_share=0.2", [True, True, False, False], "that of c_quota_share=0.2 in the same future"),
    ],
)
def test_conditions_in_words(text: str, fails: list[bool], said: str) -> None:
    given = problem("central")
    condition = conditions.parse(text, given)
    values, weights = np.array([1.0, 2.0, 3.0, 4.0]), np.full(4, 0.25)
    others = None if condition.other is None else np.array([1.5, 2.5, 3.0, 3.5])
    assert condition.failing(values, weights, others).tolist() == fails
    assert said in condition.words(values, weights)


def test_worst_goes_by_the_objectives_direction() -> None:
    assert conditions.parse("substitution worst 10 %", problem("central")).sign == -1.0
    assert conditions.parse("compute_lead worst 10 %", problem("central")).sign == 1.0


def test_the_futures_that_fail_are_counted_and_boxed() -> None:
    given = problem("calibrated", 512)
    one = found(given, "revenue < 5 GUSD")
    revenue = given.evaluator.outcomes(given.baseline.reshape(1, 1))[0, OUTCOMES.index("revenue")]
    assert one.failing == pytest.approx((revenue < 5.0).mean())
    assert np.array_equal(one.cases.interest, revenue < 5.0)
    (box,) = one.boxes
    inside = one.cases.inside(box.low, box.high)
    assert box.density == pytest.approx((revenue[inside] < 5.0).mean())
    assert box.density > 1.5 * one.failing
    assert box.coverage == pytest.approx((inside & (revenue < 5.0)).sum() / (revenue < 5.0).sum())
    assert 1 <= box.dimensions <= 4
    assert (box.quasi_p[box.restricted] <= 0.05).all()
    assert words(box, one.inputs).startswith(one.inputs[int(np.argwhere(box.restricted)[0, 0])].name)
    assert sum(leaf.coverage for leaf in one.leaves) == pytest.approx(1.0)


def test_planted_failures_are_found_where_they_are() -> None:
    """Two of 40 inputs decide."""
    rng = np.random.default_rng(0)
    x = rng.random((2000, 40))
    interest = (x[:, 7] < 0.3) & (x[:, 21] > 0.6) & (rng.random(2000) < 0.9)
    _, _, _, box = _box(Cases(x, interest, np.ones(2000)), 4, lambda what, done, of: None)
    assert np.argwhere(box.restricted).tolist() == [[7, 1], [21, 0]]
    assert box.high[7] == pytest.approx(0.3, abs=0.03)
    assert box.low[21] == pytest.approx(0.6, abs=0.03)
    assert box.coverage > 0.9
    assert box.density > 0.8


def test_limits_are_said_as_included() -> None:
    """Many futures have a parameter exactly at its end: none is below 0 where 0 is the least."""
    x = np.array([[0.0, 1.0], [0.0, 2.0], [0.5, 3.0], [0.9, 4.0]])
    inputs = [info for info in parameters.table() if info.name in ("decision_rate", "budget_c")]
    box = boxed(Cases(x, x[:, 0] == 0.0, np.ones(4)), np.array([0.0, 2.0]), np.array([0.0, 3.0]))
    said = words(box, sorted(inputs, key=lambda info: info.name, reverse=True))
    assert said == "decision_rate is at most 0 1/year and budget_c is between 2 and 3 GUSD/year"


def test_any_of_several_conditions_is_a_failure() -> None:
    given = problem()
    worst = ("revenue worst 10 %", "compute_lead worst 10 %")
    first, second = (found(given, text, method="cart").cases.interest for text in worst)
    both = found(given, *worst, method="cart")
    assert np.array_equal(both.cases.interest, first | second)
    assert not both.paths


def test_boxes_after_the_first_hold_what_is_left() -> None:
    one = found(problem(count=768), "substitution worst 30 %", boxes=2, method="prim")
    assert len(one.boxes) > 1
    assert sum(box.coverage for box in one.boxes) <= 1.0 + 1e-12
    first = one.boxes[0]
    taken = (one.cases.inside(first.low, first.high) & one.cases.interest).sum()
    assert len(one.paths[1]) > 1
    assert one.boxes[1].coverage <= 1.0 - taken / one.cases.interest.sum() + 1e-12
    assert not one.leaves


def test_bits_do_not_depend_on_threads_and_weights_count() -> None:
    one, two = (found(problem("calibrated", 128, threads), "revenue < 5 GUSD") for threads in (1, 2))
    a, b = tables(one), tables(two)
    assert all(np.array_equal(a[n][c], b[n][c], equal_nan=a[n][c].dtype.kind == "f") for n in a for c in a[n])


def test_members_of_unequal_weight(tmp_path: Path) -> None:
    budget = np.linspace(35.0, 89.0, 300)
    weight = np.where(np.arange(300) % 2 == 0, 3.0, 1.0)
    file = tmp_path / "weighted.parquet"
    file.write_bytes(columns.to_parquet({"budget_c": budget, "weight": weight}, {"budget_c": "GUSD/year"}))
    study = load.load(None, ["scenarios.count=300"], {"scenarios.kind": "calibrated", "scenarios.file": str(file)})
    one = found(Problem(study, 2), "revenue worst 20 %", over=["budget_c"])
    weights = Problem(study, 2).scenarios.weights
    assert one.failing == pytest.approx(weights[one.cases.interest].sum())
    assert one.boxes[0].mass == pytest.approx(
        weights[one.cases.inside(one.boxes[0].low, one.boxes[0].high)].sum()
    )


def test_a_folder_holds_everything_and_repeats_to_the_bit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    asked = ("--fails", "revenue < 5 GUSD", "--count", "256", "-o", "here")
    assert command(*asked, "--threads", "1") == 0
    told = capsys.readouterr().out
    assert "% of futures fail (density)" in told
    assert "PRIM, box 1" in told
    assert "CART" in told
    assert "depend on each other" in told
    folder = tmp_path / "here"
    manifest = json.loads((folder / "manifest.json").read_text())
    made = {f"{name}.{kind}" for name in ("boxes", "trajectory", "futures") for kind in ("csv", "parquet")}
    assert set(manifest["digests"]) == made | {"codebook.csv"}
    pictures = {kind: (folder / f"discover.{kind}").read_bytes() for kind in figures.SUFFIXES}
    assert pictures["pdf"].startswith(b"%PDF")
    assert pictures["png"].startswith(b"\x89PNG")
    assert b"buyer_decides" in pictures["svg"]
    futures = columns.from_parquet((folder / "futures.parquet").read_bytes())
    assert np.array_equal(futures["fails"], futures["revenue"] < 5.0)
    assert futures["weight"].sum() == pytest.approx(1.0)
    boxes = columns.from_parquet((folder / "boxes.parquet").read_bytes())
    assert set(boxes) <= set(COLUMNS)
    assert command(*asked, "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["boxes"][0]["method"] == "prim"
    assert json.loads((folder / "manifest.json").read_text())["digests"] == manifest["digests"]
    assert all((folder / f"discover.{kind}").read_bytes() == data for kind, data in pictures.items())


def test_a_row_of_a_run_is_a_policy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = optimize(small.problem(), tmp_path / "done")
    picked = named_policy.one("done:1", problem())
    assert picked.levers.tobytes() == done.levers[1:2].tobytes()
    assert command("--policy", "done:1", "--fails", "revenue worst 20 %", "--count", "128", "--json") == 0
    assert json.loads(capsys.readouterr().out)["policy"]["name"] == "done:1"
    beyond = f"done:{len(done.levers)}"
    for text, said in ((beyond, "rows 0 to"), ("done", "RUN:ROW"), ("absent/x:1", "does not exist")):
        assert command("--policy", text, "--fails", "revenue worst 20 %") == 2
        assert said in capsys.readouterr().err
    assert command("--policy", "done:1", "--fails", "revenue < 1", "--set", "horizon.years=5") == 2
    assert "leave --set out" in capsys.readouterr().err


def test_rules_that_follow_each_other_are_a_policy() -> None:
    one = found(problem(), "revenue worse than ban,2032:unrestricted", policy="unrestricted,2028:ban", method="cart")
    assert one.policy.phase is not None
    assert 0.0 < one.failing < 1.0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "say when the policy fails"),
        (["--fails", "revenue < 0"], "fails in none of"),
        (["--fails", "revenue < 1e6"], "fails in all of"),
        (["--fails", "revnue < 3"], "did you mean `revenue`"),
        (["--fails", "revenue is low"], "says no failure"),
        (["--fails", "revenue < 20 kg"], "unknown unit"),
        (["--fails", "revenue < nope"], "unknown rule"),
        (["--fails", "revenue lowest 0 %"], "1 to 99 %"),
        (["--fails", "lock_in worst 10 %"], "no objective of the study says"),
        (["--fails", "lock_in worse than ban"], "no objective of the study says"),
        (["--fails", "revenue worst 10 %", "--count", "20"], "too few futures"),
        (["--fails", "revenue worst 1 %", "--count", "100"], "at least 10"),
        (["--fails", "revenue worst 10 %", "--over", "theta_f_st"], "is the same in every future"),
        (["--fails", "revenue worst 10 %", "--over", "budget_q"], "did you mean `budget_c`"),
        (["--fails", "revenue worst 10 %", "--scenarios", "central"], "too few futures"),
        (["--fails", "revenue < " + "9" * 2000], "says no failure"),
    ],
)
def test_what_is_refused_in_one_sentence(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert command(*arguments) == 2
    shown = capsys.readouterr()
    assert said in shown.err
    assert shown.err.count("\n") == 1
    assert not shown.out
    assert not (tmp_path / "runs").exists()


def test_without_scikit_learn_the_extra_is_named_and_prim_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "sklearn.tree", None)
    with pytest.raises(InputError, match=r"extra \[sensitivity\]"):
        found(problem(), "revenue worst 20 %")
    assert found(problem(), "revenue worst 20 %", method="prim").paths


def test_figures_of_every_method_are_drawn() -> None:
    for method in ("prim", "cart"):
        assert figures.picture(found(problem(), "revenue worst 20 %", method=method), "png")
