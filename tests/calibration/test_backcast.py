"""Scores by hand, naive forecasts by hand, and the command: table, JSON, picture, exit codes."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from support.record_rows import GOOD, as_csv

from tiercap.optimizer.calibration import backcast
from tiercap.optimizer.calibration.backcast import Scored, crps, ensemble, log_score, score
from tiercap.optimizer.calibration.forest import forest_bytes
from tiercap.optimizer.calibration.record import load_record, of_role, parse_record
from tiercap.optimizer.calibration.replay import Replay
from tiercap.optimizer.cli import group, guard
from tiercap.optimizer.errors import InputError
from tiercap.optimizer.model.ensembles import builtin_path
from tiercap.optimizer.model.scenarios import Scenarios


def rows_of(*rows: dict[str, str]):
    return parse_record(as_csv(*rows), "mine.csv")


# --- scores --------------------------------------------------------------------------------------------------


def crps_by_definition(x: np.ndarray, w: np.ndarray, y: float) -> float:
    first = sum(wi * abs(xi - y) for xi, wi in zip(x, w, strict=True))
    pairs = sum(wi * wj * abs(xi - xj) for xi, wi in zip(x, w, strict=True) for xj, wj in zip(x, w, strict=True))
    return first - pairs / 2


def test_crps_of_weighted_ensembles():
    assert crps(np.array([3.0]), np.array([1.0]), 1.0) == 2.0
    assert crps(np.array([0.0, 2.0]), np.array([1.0, 1.0]), 1.0) == pytest.approx(0.5)
    rng = np.random.default_rng(0)
    for _ in range(20):
        x, w, y = rng.normal(size=9), rng.random(9), float(rng.normal())
        w[0] = 0.0
        assert crps(x, w, y) == pytest.approx(crps_by_definition(x, w / w.sum(), y), rel=1e-12)


@pytest.mark.parametrize("estimator", ["nrg", "qd", "int"])
def test_crps_is_that_of_scoringrules(estimator):
    import scoringrules

    rng = np.random.default_rng(1)
    for n in (2, 9, 256):
        x, w, y = rng.normal(size=n), rng.random(n), float(rng.normal())
        theirs = scoringrules.crps_ensemble(y, x, ens_w=w, estimator=estimator)
        assert crps(x, w, y) == pytest.approx(float(theirs), rel=1e-10)
        assert crps(x, np.ones(n), y) == pytest.approx(
            float(scoringrules.crps_ensemble(y, x, estimator=estimator)), rel=1e-10
        )


def test_crps_of_many_draws_is_that_of_the_normal():
    from statistics import NormalDist

    normal = NormalDist()
    x = np.array([normal.inv_cdf((k + 0.5) / 4000) for k in range(4000)])
    y = 0.7
    exact = y * (2 * normal.cdf(y) - 1) + 2 * normal.pdf(y) - 1 / math.sqrt(math.pi)
    assert crps(x, np.ones(4000), y) == pytest.approx(exact, rel=1e-3)


def test_log_score_is_minus_the_log_of_a_mixture():
    x, w, sigma, y = np.array([0.0, 1.0]), np.array([1.0, 3.0]), 0.5, 0.25
    density = sum(
        wk / 4 * math.exp(-0.5 * ((y - xk) / sigma) ** 2) / (sigma * math.sqrt(2 * math.pi))
        for xk, wk in zip(x, w, strict=True)
    )
    assert log_score(x, w, y, sigma) == pytest.approx(-math.log(density), rel=1e-12)
    assert log_score(np.array([1e6]), np.ones(1), 0.0, 1.0) == pytest.approx(5e11, rel=1e-6)


def test_scores_of_a_lognormal_row():
    (row,) = rows_of({**GOOD, "value": "100", "low": "50", "high": "200"})
    values, weights = np.array([50.0, 100.0, 400.0]), np.array([0.5, 0.25, 0.25])
    found = score(row, values, weights)
    z = np.log(values)
    assert found.crps == pytest.approx(crps_by_definition(z, weights, math.log(100)), rel=1e-12)
    sigma = math.log(4) / (2 * 1.6448536269514722)
    assert found.log_score == pytest.approx(log_score(z, weights, math.log(100), sigma), rel=1e-12)
    assert found.inside is True
    assert score(row, values + 60.0, weights).inside is False


def test_scores_of_a_row_observed_as_zero():
    (row,) = rows_of({**GOOD, "value": "0", "low": "0", "high": "60", "error": "normal"})
    found = score(row, np.array([0.0, 30.0]), np.array([1.0, 1.0]))
    assert found.crps == pytest.approx(0.125)  # in widths of the range: half of 0.25
    assert found.inside is True
    weights = np.array([1.0, 1.0])
    assert score(row, np.array([5.0, 90.0]), weights).inside is True, "the interval reaches into the range"
    assert score(row, np.array([61.0, 90.0]), weights).inside is False
    (two_sided,) = rows_of({**GOOD, "value": "1", "low": "0", "high": "60", "error": "normal"})
    assert score(two_sided, np.array([5.0, 90.0]), weights).inside is False


def test_members_without_a_value_are_left_out_and_counted():
    (row,) = rows_of({**GOOD, "value": "100", "low": "50", "high": "200"})
    values = np.array([100.0, np.nan, 100.0, np.nan])
    found = score(row, values, np.array([0.4, 0.2, 0.3, 0.1]))
    assert found.undefined == pytest.approx(0.3)
    assert (found.p05, found.p95, found.crps) == (100.0, 100.0, pytest.approx(0.0, abs=1e-12))
    lost = score(row, values, np.array([0.1, 0.4, 0.1, 0.4]))
    assert lost.inside is None
    assert math.isnan(lost.crps)
    assert lost.undefined == pytest.approx(0.8)


def test_weights_count():
    (row,) = rows_of({**GOOD, "value": "100", "low": "50", "high": "200"})
    values = np.array([10.0, 100.0, 1000.0])
    assert score(row, values, np.array([1e-9, 1.0, 1e-9])).p50 == pytest.approx(100.0, rel=1e-6)
    assert score(row, values, np.array([3.0, 1.0, 1.0])).p50 == pytest.approx(10.0 + 90.0 * 0.2 / 0.4)


# --- naive forecasts -----------------------------------------------------------------------------------------


def quarterly(moment: str, period: str, value: float) -> dict[str, str]:
    return {**GOOD, "moment": moment, "period": period, "outcome": "sum(gross_revenue_c)", "unit": "GUSD",
            "definition": "revenue", "value": f"{value}", "low": f"{value / 2}", "high": f"{value * 2}"}  # fmt: skip


def lines_of(*rows: dict[str, str]):
    record = rows_of(*rows)
    replay = Replay(record, threads=1)
    return backcast.backcast(replay, ensemble("prior", replay, 64, 0)).lines


def test_naive_forecasts_by_hand():
    first, second, later = lines_of(
        quarterly("a", "2024Q1", 1.0), quarterly("b", "2024Q3", 2.0), quarterly("c", "2025", 30.0)
    )
    assert first.persistence is None
    assert first.trend is None
    assert second.persistence is not None
    assert second.persistence.p50 == pytest.approx(1.0)
    assert second.trend is not None
    assert second.trend.p50 == pytest.approx(1.0), "one row makes no line"
    # Yearly rates 4 and 8 at 2024.125 and 2024.625: the year 2025 begins from the second, or goes on to its middle.
    assert later.persistence is not None
    assert later.persistence.p50 == pytest.approx(8.0)
    assert later.trend is not None
    assert later.trend.p50 == pytest.approx(8.0 * 2.0 ** ((2025.5 - 2024.625) / 0.5), rel=1e-9)
    sigma = math.sqrt(math.log(2) ** 2 / 0.5 * (2025.5 - 2024.625) + (math.log(4) / (2 * 1.6448536)) ** 2)
    width = math.log(later.persistence.p95 / later.persistence.p05)
    assert width == pytest.approx(2 * 1.6448536 * sigma, rel=1e-2)


def test_naive_forecasts_know_nothing_later():
    """A row of 2025 is no ground for a later one, and a series of its own has no forecast."""
    _, later = lines_of(quarterly("a", "2025Q1", 1.0), quarterly("b", "2026Q1", 2.0))
    assert later.persistence is None
    alone = lines_of({**GOOD, "outcome": "sum(exporter_units, 2024Q4) / sum(exporter_units, 2024Q1)", "unit": "1",
                      "definition": "ratio", "value": "2", "low": "1", "high": "3"})  # fmt: skip
    assert alone[0].persistence is None


def test_shares_of_naive_forecasts_end_at_one():
    share = {**GOOD, "outcome": "sum(gross_revenue_c) / sum(chip_spending)", "unit": "%", "definition": "share",
             "error": "normal", "low": "5", "high": "99"}  # fmt: skip
    found = lines_of(
        {**share, "moment": "a", "period": "2023", "value": "20"},
        {**share, "moment": "b", "period": "2024", "value": "90"},
        {**share, "moment": "c", "period": "2025", "value": "50"},
    )
    assert found[2].trend is not None
    assert found[2].trend.p95 == pytest.approx(100.0)


def test_scores_stand_apart_by_role():
    rows = of_role(load_record(), "calibrate", "validate")
    replay = Replay(rows, threads=1)
    found = backcast.backcast(replay, ensemble("prior", replay, 64, 0))
    scores = found.scores()
    for role in ("calibrate", "validate"):
        lines = [line for line in found.lines if line.row.role == role]
        inside = sum(line.model.inside is True for line in lines)
        assert scores[role]["inside"] == inside
        assert scores[role]["coverage"] == inside / len(lines)
        assert scores[role]["crps"] == pytest.approx(np.mean([line.model.crps for line in lines]))
        against = scores[role]["against_naive"]
        shared = [line for line in lines if line.persistence is not None]
        assert against["persistence"]["rows"] == against["model"]["rows"] == len(shared)
        closer = sum(isinstance(li.persistence, Scored) and li.model.crps < li.persistence.crps for li in shared)
        assert against["model_closer_than_persistence"] == closer


# --- ensembles -----------------------------------------------------------------------------------------------


def test_an_ensemble_from_a_file(tmp_path: Path):
    replay = Replay(rows_of(GOOD), threads=1)
    path = tmp_path / "mine.csv"
    path.write_text("budget_c,weight\n5,1\n8 GUSD/year,3\n")
    found = ensemble(str(path), replay, 99, 0)
    assert found.table["budget_c"].tolist() == [5.0, 8.0]
    assert found.weights.tolist() == [0.25, 0.75]
    assert found.table["stock_a"].tolist() == [0.6, 0.6], "what the file leaves out has its value at the start"


def test_an_ensemble_from_parquet(tmp_path: Path):
    from tiercap.optimizer.io import columns

    replay = Replay(rows_of(GOOD), threads=1)
    path = tmp_path / "mine.parquet"
    path.write_bytes(columns.to_parquet({"budget_c": np.array([5.0, 8.0])}, {"budget_c": "GUSD/year"}))
    assert ensemble(str(path), replay, 99, 0).weights.tolist() == [0.5, 0.5]
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(InputError, match="cannot be read as Parquet"):
        ensemble(str(path), replay, 99, 0)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("budgetc\n5\n", "unknown column `budgetc`: did you mean `budget_c`"),
        ("budget_c\n-5\n", r"mine.csv:2: column `budget_c`: .* lies outside its domain"),
        ("budget_c,weight\n5,-1\n", "weights are finite and at least 0"),
        ("budget_c,weight\n5,0\n", "at least one weight must be above 0"),
        ("budget_c\n", "each line below is a scenario"),
    ],
)
def test_bad_ensembles(tmp_path: Path, text, complaint):
    path = tmp_path / "mine.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=complaint):
        ensemble(str(path), Replay(rows_of(GOOD), threads=1), 9, 0)


def test_weights_reach_the_quantiles():
    replay = Replay(rows_of(GOOD), threads=1)
    prior = ensemble("prior", replay, 64, 0)
    lone = np.zeros(64)
    lone[5] = 1.0
    (line,) = backcast.backcast(replay, Scenarios(prior.table, lone, 0, "random")).lines
    assert line.model.p50 == pytest.approx(replay.predict(prior.table)[5, 0])


# --- the command ---------------------------------------------------------------------------------------------


class Done(NamedTuple):
    exit_code: int
    stdout: str
    stderr: str


@pytest.fixture
def run(capsys):
    """The command as a user calls it: exit code and what was printed."""

    def call(*arguments: str) -> Done:
        capsys.readouterr()
        code = guard.run(group, ["backcast", "--threads", "1", *arguments])
        return Done(code, *capsys.readouterr())

    return call


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "mine.csv"
    path.write_bytes(as_csv(GOOD, quarterly("q", "2025Q1", 4.0), {**GOOD, "moment": "x", "kind": "context",
                                                                  "outcome": ""}))  # fmt: skip
    return path


def test_the_table(run, mine):
    done = run("--record", str(mine), "--only", "--count", "32")
    assert done.exit_code == 0, done.stderr
    assert "some-units" in done.stdout
    assert "calibrate: 1 rows" in done.stdout
    assert "validate: 1 rows" in done.stdout
    assert "1 rows have no counterpart" in done.stderr


def test_the_json(run, mine):
    done = run("--record", str(mine), "--only", "--count", "32", "--json", "--events")
    found = json.loads(done.stdout)
    assert (found["schema_version"], found["response"], found["members"]) == (1, "events", 32)
    assert [row["role"] for row in found["rows"]] == ["calibrate", "validate", "plausibility"]
    wanted = {"moment", "period", "role", "observed", "low", "high", "p05", "p50", "p95", "inside"}
    assert all(wanted <= set(row) for row in found["rows"])
    assert found["rows"][0]["p05"] < found["rows"][0]["p50"] < found["rows"][0]["p95"]
    assert found["rows"][2]["p50"] is None
    assert found["rows"][2]["inside"] is None
    assert found["scores"]["calibrate"]["rows"] == 1


def test_a_new_row_is_a_new_check(run, mine):
    """Nothing but a line of the file is needed."""
    before = json.loads(run("--record", str(mine), "--count", "16", "--json").stdout)
    added = "mean(lock_in)"
    text = as_csv(GOOD, {**GOOD, "moment": "new", "outcome": added, "unit": "1", "definition": "ratio", "value": "0.6",
                         "low": "0.5", "high": "0.7"})  # fmt: skip
    mine.write_bytes(text)
    after = json.loads(run("--record", str(mine), "--count", "16", "--json").stdout)
    new = {row["moment"]: row for row in after["rows"]}["new"]
    assert new["outcome"] == added
    assert new["inside"] is not None
    assert after["scores"]["calibrate"]["rows"] == before["scores"]["calibrate"]["rows"] + 1


def test_free_and_imposed_responses_differ(run):
    flags = ["--scenarios", "prior", "--count", "16", "--json"]
    free, imposed = (json.loads(run(*flags, flag).stdout) for flag in ("--free", "--events"))
    named = [{row["moment"]: row["p50"] for row in found["rows"]} for found in (free, imposed)]
    assert named[0]["exporter-share-2025q4"] > 2.0 * named[1]["exporter-share-2025q4"]
    assert named[0]["h100-price-2023"] == pytest.approx(named[1]["h100-price-2023"], rel=1e-3)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--only",), "add --record FILE"),
        (("--record", "nowhere.csv"), "cannot be read as a record"),
        (("-o", "picture.bmp"), "is no picture"),
        (("--scenarios", "posterior"), "unknown ensemble"),
        (("--published", "--events", "--seed", "0"), "leave --events, --seed out"),
        (("--scenarios", "mine.csv", "--count", "9"), "--count draws from an ensemble of ours"),
        (("--count", "0"), "0"),
        (("--roofline", "3"), "3"),
    ],
)
def test_wrong_usage_is_one_sentence_and_exit_code_2(run, arguments, complaint):
    done = run(*arguments)
    assert done.exit_code == 2
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("kind", ["pdf", "svg", "png"])
def test_the_same_rows_make_the_same_picture(kind):
    rows = (*load_record(), *rows_of({**GOOD, "moment": "$x^2 <b>" + "y" * 60, "value": "0", "low": "0", "high": "1",
                                      "error": "normal"}))  # fmt: skip
    replay = Replay(rows, threads=1)
    found = backcast.backcast(replay, ensemble("prior", replay, 32, 0))
    one, two = (forest_bytes(found, kind, "prior & <others>") for _ in range(2))
    assert one == two
    assert one[:4] == {"pdf": b"%PDF", "svg": b"<?xm", "png": b"\x89PNG"}[kind]
    if kind == "svg":
        text = one.decode()
        assert text.count("h20-units-2024") == 1
        assert "licensed-stock-2023" not in text, "rows without a model value are not drawn"
        assert "<b>" not in text


def test_a_picture_from_the_command(run, tmp_path, mine):
    target = tmp_path / "there.svg"
    done = run("--record", str(mine), "--only", "--count", "16", "-o", str(target))
    assert done.exit_code == 0
    assert "some-units" in target.read_text()
    assert run("--count", "16", "-o", str(tmp_path / "no" / "x.svg")).exit_code == 6


def test_the_fitted_ensemble_is_the_default_and_its_error_is_in_the_interval(run):
    found = json.loads(run("--json").stdout)
    assert (found["scenarios"], found["members"]) == ("calibrated", 512)
    few = json.loads(run("--json", "--count", "32").stdout)
    assert few["members"] == 32
    replay = Replay(load_record(), False, 1)
    members = ensemble("calibrated", replay, 1024, 0)
    plain = backcast.backcast(replay, replace(members, discrepancy=None))
    blurred = backcast.backcast(replay, members)
    pairs = list(zip(plain.lines, blurred.lines, strict=True))
    seen = [(sharp.model, wide.model) for sharp, wide in pairs if sharp.row.kind == "observation"]
    wider = [wide.p95 - wide.p05 > sharp.p95 - sharp.p05 for sharp, wide in seen]
    assert np.mean(wider) > 0.9  # a row whose figure is nothing has hardly an error in relation to it
    assert all(wide.model == sharp.model or math.isnan(wide.model.p50) for sharp, wide in pairs
               if sharp.row.kind != "observation")  # fmt: skip


def test_a_fitted_file_is_replayed_from_where_it_was_fitted(run, tmp_path):
    """A name, a copy of the file and the file of a fit give the same rows."""
    copy = tmp_path / "copy.parquet"
    copy.write_bytes(builtin_path("calibrated-2024").read_bytes())
    named, copied = (json.loads(run("--json", "--scenarios", name).stdout) for name in ("calibrated-2024", str(copy)))
    assert named["rows"] == copied["rows"]
    other = json.loads(run("--json", "--scenarios", "calibrated-2026").stdout)
    assert other["rows"] != named["rows"]
