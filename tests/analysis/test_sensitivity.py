"""`tiercap sensitivity`: what it finds, in files that repeat to the bit, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tiercap.kernels.params import OUTCOMES, PARAMETERS
from tiercap.optimizer.analysis import factors, indices, sensitivity
from tiercap.optimizer.analysis.sensitivity_tables import COLUMNS, tables
from tiercap.optimizer.cli import group
from tiercap.optimizer.cli.guard import run
from tiercap.optimizer.errors import InputError
from tiercap.optimizer.io import columns
from tiercap.optimizer.model.parameters import held
from tiercap.optimizer.model.scenarios import draw
from tiercap.optimizer.runs import named_policy
from tiercap.optimizer.study import load
from tiercap.optimizer.study.problem import Problem

OVER = ["budget_c", "barred_start", "attraction_e", "grey_supply", "theta_f_dc"]


def problem(kind: str = "sobol", *settings: str, threads: int | None = 2) -> Problem:
    return Problem(load.load(None, settings, {"scenarios.kind": kind}), threads)


def about(given: Problem, policy: str = "bis-2026", **more: Any) -> sensitivity.Sensitivity:
    return sensitivity.of_parameters(given, named_policy.one(policy, given), **{"points": 256, **more})


def command(*arguments: str) -> int:
    return run(group, ["sensitivity", *arguments])


def test_sample_a_is_that_of_the_scenarios_and_b_is_another() -> None:
    infos = problem().study.parameters
    a, b = factors.parameter_samples(infos, 4096, 3)
    assert np.array_equal(a, draw(infos, 4096, 3).table)
    for info in infos:
        if info.distribution is None:
            assert (held(b, info.name) == info.value).all()
        else:
            assert abs(np.corrcoef(a[info.name], b[info.name])[0, 1]) < 0.2
            assert b[info.name].mean() == pytest.approx(a[info.name].mean(), rel=0.05, abs=0.02)
    assert len(PARAMETERS) == len(infos)


def test_what_moves_revenue_is_what_other_methods_say_too() -> None:
    given = problem()
    found = about(given, over=OVER, outcomes=["revenue"], points=1024)
    names = [one.name for one in found.inputs]
    assert set(names) == set(OVER)
    assert found.total is not None
    total = dict(zip(names, found.total.value[:, 0], strict=True))
    assert max(total, key=lambda name: total[name]) == "budget_c"
    table = draw(given.study.parameters, 4096, 11).table
    values = factors.evaluator_of(given, found.policy, [OUTCOMES.index("revenue")])(table)[0]  # type: ignore[arg-type]
    for k, name in enumerate(names):
        plain = indices.first_order(table[name], values)
        assert found.first.low[k, 0] - 0.03 <= plain <= found.first.high[k, 0] + 0.03
        assert found.first.value[k, 0] <= found.total.high[k, 0] + 0.02
    place = names.index("budget_c")
    assert found.shift[place, 0] > found.noise[0]
    low, high = found.tails[0]
    assert low.inside[place] < low.outside[place]
    assert high.inside[place] > high.outside[place]


def test_the_tornado_is_the_central_future_with_one_parameter_moved() -> None:
    given = problem()
    found = about(given, over=["budget_c"], points=64)
    low, high = found.inputs[0].low, found.inputs[0].high
    for value, expected in ((low, found.swing[0][0]), (high, found.swing[1][0]), (None, found.swing[2])):
        settings = [] if value is None else [f"budget_c={float(value)!r}"]
        central = problem("central", *settings)
        means = central.evaluator.statistics(central.baseline.reshape(1, 1), [(n, "mean") for n in given.objectives])
        assert means[0] == pytest.approx(expected, rel=1e-12)


def test_bits_do_not_depend_on_threads_blocks_or_company(monkeypatch: pytest.MonkeyPatch) -> None:
    one = tables(about(problem(threads=1), over=OVER))
    monkeypatch.setattr(factors, "BLOCK", 100)
    two = tables(about(problem(threads=2), over=OVER))
    assert all(np.array_equal(one[name][c], two[name][c]) for name in one for c in one[name])
    alone = about(problem(), over=OVER, outcomes=["compute_lead"])
    among = about(problem(), over=OVER, outcomes=["revenue", "compute_lead", "lock_in"])
    assert np.array_equal(alone.first.low[:, 0], among.first.low[:, 1])
    assert np.array_equal(alone.shift[:, 0], among.shift[:, 1])


def test_members_of_an_ensemble_have_shares_but_no_totals() -> None:
    given = problem("calibrated", "scenarios.count=256")
    found = about(given, outcomes=["revenue"], over=["buyer_decides", "budget_c"])
    assert found.total is None
    assert "depend on each other" in found.sample.futures
    assert set(tables(found)) == {"first-order", "density", "regional", "tornado"}
    assert (found.first.low <= found.first.value).all()
    assert found.first.value[[one.name for one in found.inputs].index("buyer_decides"), 0] > 0.2


def test_parameters_that_an_ensemble_leaves_open_take_no_credit_for_the_structure() -> None:
    """The Sobol column of `switching_cost` follows the order of the members, by structure: 4 % of the variance."""
    given = problem("calibrated", "scenarios.count=512")
    found = about(given, outcomes=["revenue"], over=["switching_cost", "buyer_decides"])
    share = dict(zip([one.name for one in found.inputs], found.first.value[:, 0], strict=True))
    assert share["switching_cost"] < 0.03 < 0.25 < share["buyer_decides"]


def test_weighted_members_count_as_often_as_they_are_worth(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    budget = rng.uniform(40.0, 80.0, 400)
    weight = np.where(budget < 50.0, 1.0, 0.0)
    file = tmp_path / "weighted.parquet"
    file.write_bytes(columns.to_parquet({"budget_c": budget, "weight": weight}, {"budget_c": "GUSD/year"}))
    given = problem("calibrated", "scenarios.count=400")
    study = load.load(None, ["scenarios.count=400"], {"scenarios.kind": "calibrated", "scenarios.file": str(file)})
    found = about(Problem(study, 2), outcomes=["revenue"], over=["budget_c"])
    assert len(found.sample.x) == int((weight > 0).sum())
    assert found.inputs[0].high < 50.0
    assert given.study.scenarios.count == 400


def test_levers_move_statistics_over_the_futures() -> None:
    study = load.load("china-2026", ["scenarios.count=16"], {"scenarios.kind": "calibrated"})
    given = Problem(study, 2)
    measures = ["revenue", "revenue_p05", "compute_lead_regret90", "compute_lead_satisfice13"]
    found = sensitivity.of_levers(given, measures, points=64)
    assert [one.name for one in found.outputs] == measures
    assert [one.name for one in found.inputs] == list(given.space.names)
    share = dict(zip(given.space.names, found.total.value[:, 0], strict=True))  # type: ignore[union-attr]
    assert share["c_revenue_share"] > 0.1
    assert [one.unit for one in found.outputs] == ["GUSD", "GUSD", "1", "1"]
    some = sensitivity.of_levers(given, measures, points=64, over=["c_revenue_share"])
    place = given.space.names.index("c_revenue_share")
    assert some.first.value[0, 0] == pytest.approx(found.first.value[place, 0], rel=1e-12)
    assert some.swing[0][0, 0] > some.swing[2][0] > some.swing[1][0, 0]  # the more goes to the government


def test_a_folder_holds_everything_and_repeats_to_the_bit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["/somewhere/tiercap", "sensitivity", "--points", "128"])
    outcomes = ("--outcome", "revenue", "--outcome", "compute_lead")
    asked = ("--points", "128", "--over", ",".join(OVER), *outcomes, "-o", "here")
    assert command(*asked, "--threads", "1") == 0
    told = capsys.readouterr().out
    assert "budget_c [GUSD/year]" in told
    assert "drawn independently" in told
    assert "below 1 %" in told
    manifest = json.loads((tmp_path / "here" / "manifest.json").read_text())
    assert manifest["command"].startswith("tiercap sensitivity --points 128")
    assert set(manifest["digests"]) == {
        f"{name}.{kind}" for name in ("sobol", "density", "regional", "tornado") for kind in ("csv", "parquet")
    } | {"codebook.csv"}
    table = columns.from_parquet((tmp_path / "here" / "sobol.parquet").read_bytes())
    assert {"parameter", "unit", "outcome", "first", "first_low", "first_high", "total", "total_low"} <= set(table)
    assert table["parameter"][0] == "budget_c"
    book = (tmp_path / "here" / "codebook.csv").read_text()
    assert all(f"\n{name}," in book for name in (*COLUMNS, *OVER))
    assert command(*asked, "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert len(answer["tables"]["tornado"]) == 2 * len(OVER)
    assert json.loads((tmp_path / "here" / "manifest.json").read_text())["digests"] == manifest["digests"]
    assert command(*asked[:-2], "--seed", "9", "-o", "here") == 2
    assert "another configuration" in capsys.readouterr().err


def test_calibrated_futures_are_called_dependent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert command("--scenarios", "calibrated", "--set", "scenarios.count=64", "--over", "buyer_decides,budget_c") == 0
    told = capsys.readouterr().out
    assert "not independent" in told
    assert "share" in told
    assert (tmp_path / "runs" / "sensitivity-0001" / "first-order.parquet").is_file()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--outcome", "revnue"], "did you mean `revenue`"),
        (["--over", "budget_q"], "did you mean `budget_c`"),
        (["--over", "theta_f_st"], "is the same in every future"),
        (["--over", "budget_c,c_quota_share"], "not both at once"),
        (["--over", "levers", "--policy", "ban"], "leave --policy out"),
        (["--over", "levers", "--outcome", "lock_in_regret90"], "which side is bad"),
        (["--over", "levers", "--outcome", "revenue_p5"], "unknown statistic"),
        (["--outcome", "revenue_p05"], "--over levers"),
        (["--points", "1000"], "power of two"),
        (["--points", "32"], "power of two"),
        (["--tail", "90 %"], "at most 50 %"),
        (["--policy", "ban", "--outcome", "revenue", "--points", "64", "--over", "budget_c"], "nothing moves revenue"),
        (["--scenarios", "central"], "nothing varies"),
        (["--scenarios", "calibrated", "--set", "scenarios.count=32"], "at least 64"),
        (["--policy", "nope"], "unknown rule"),
        (["-o", ""], "name of a folder"),
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


def test_without_salib_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "SALib.analyze", None)
    with pytest.raises(InputError, match=r"extra \[sensitivity\]"):
        about(problem())
