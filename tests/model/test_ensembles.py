"""Ensembles: which members are picked, that weights count, and files that are refused in one sentence."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import small

from tiercap.kernels.params import PARAMETERS
from tiercap.optimizer.errors import InputError
from tiercap.optimizer.model import ensembles, parameters
from tiercap.optimizer.model.evaluator import Evaluator
from tiercap.optimizer.model.scenarios import draw, draw_members
from tiercap.optimizer.rules.chips import exporter_catalogue
from tiercap.optimizer.runs.identity import configuration
from tiercap.optimizer.study import load
from tiercap.optimizer.study.problem import Problem

TABLE = parameters.table()
SMALL = {
    "budget_c": np.array([40.0, 50.0, 60.0, 70.0]),
    "lock_in": np.array([0.4, 0.5, 0.6, 0.7]),
    "structure": np.array(["decides/logic", "decides/memory", "stands/logic", "stands/memory"]),
    "weight": np.array([1.0, 2.0, 3.0, 2.0]),
}


def make(**changes: Any) -> ensembles.Ensemble:
    return ensembles.parse("mine", {**SMALL, **changes})


def test_weights_of_any_sum_are_brought_to_one() -> None:
    found = make()
    assert found.weights.tolist() == [0.125, 0.25, 0.375, 0.25]
    assert make(weight=SMALL["weight"] * 1e6).weights == pytest.approx(found.weights)
    without = {name: values for name, values in SMALL.items() if name != "weight"}
    assert ensembles.parse("mine", without).weights.tolist() == [0.25] * 4


@settings(max_examples=60, deadline=None)
@given(
    weights=st.lists(st.floats(0.0, 10.0), min_size=1, max_size=60).filter(lambda w: sum(w) > 1e-3),
    n=st.integers(1, 80),
    seed=st.integers(0, 2**40),
)
def test_members_are_picked_in_proportion_to_their_weights(weights: list[float], n: int, seed: int) -> None:
    labels = np.array([f"s{k % 3}" for k in range(len(weights))])
    found = ensembles.parse("mine", {"lock_in": np.linspace(0, 1, len(weights)), "weight": np.array(weights),
                                    "structure": labels})  # fmt: skip
    rows, picked = found.pick(n, seed)
    assert picked.sum() == pytest.approx(1.0)
    assert len(rows) == len(set(rows.tolist())) <= n
    assert (found.weights[rows] > 0.0).all()
    if len(weights) > n:  # systematic: a member comes as often as its weight asks, give or take one
        assert (np.abs(picked * n - found.weights[rows] * n) < 1.0 + 1e-9).all()
        for label in set(labels.tolist()):
            share = picked[labels[rows] == label].sum() * n
            assert abs(share - found.weights[labels == label].sum() * n) < 1.0 + 1e-6
    else:
        assert picked == pytest.approx(found.weights[rows])


def test_the_same_seed_picks_the_same_members_and_another_others() -> None:
    found = ensembles.parse("mine", {"lock_in": np.linspace(0, 1, 500)})
    first, again, other = (found.pick(64, seed)[0] for seed in (1, 1, 2))
    assert first.tolist() == again.tolist()
    assert first.tolist() != other.tolist()


def test_every_head_is_spread_over_the_structures() -> None:
    labels = np.repeat(["a", "b", "c", "d"], 64)
    rows, _ = ensembles.parse("mine", {"lock_in": np.linspace(0, 1, 256), "structure": labels}).pick(128, 0)
    for head in (8, 16, 32, 64):
        assert np.unique(labels[rows[:head]], return_counts=True)[1].tolist() == [head // 4] * 4


def test_a_structure_is_named_in_whole_or_in_part() -> None:
    found = make()
    assert found.labels() == ["decides/logic", "decides/memory", "stands/logic", "stands/memory"]
    assert found.only("decides").columns["budget_c"].tolist() == [40.0, 50.0]
    assert found.only("decides").weights == pytest.approx([1 / 3, 2 / 3])
    assert found.only("stands/memory").columns["budget_c"].tolist() == [70.0]
    with pytest.raises(InputError, match=r"no structure `decide`: did you mean `decides`"):
        found.only("decide")
    with pytest.raises(InputError, match="it has no column `structure`"):
        ensembles.parse("mine", {"lock_in": np.ones(2)}).only("decides")


def test_the_study_goes_before_the_ensemble_and_moves_nothing_else() -> None:
    found = make()
    free = draw_members(TABLE, found, 4, 1)
    fixed = parameters.override(TABLE, {"budget_c": 55.0})
    held = draw_members(fixed, found, 4, 1, {"budget_c"})
    moved = {p.name for p in PARAMETERS if (free.table[p.name] != held.table[p.name]).any()}
    assert moved == {"budget_c"}
    assert (held.table["budget_c"] == 55.0).all()
    assert sorted(free.table["budget_c"]) == [40.0, 50.0, 60.0, 70.0]
    drawn = draw(TABLE, 4, 1).table
    assert sorted(free.table["rd_state"]) == sorted(drawn["rd_state"])  # no column: the parameter's own range


def test_what_an_ensemble_leaves_open_does_not_follow_its_structures() -> None:
    problem = Problem(load.load(None, ["scenarios.count=1024"], {}, {}), 1)
    found = ensembles.load(ensembles.built_in(2026))
    labels = found.structures[found.pick(1024, problem.study.scenarios.seed)[0]]
    table = problem.scenarios.table
    for name in (p.name for p in PARAMETERS if p.name not in found.columns and np.ptp(table[p.name]) > 0):
        values = table[name]
        between = [(labels == label).mean() * (values[labels == label].mean() - values.mean()) ** 2
                   for label in np.unique(labels)]  # fmt: skip
        assert sum(between) < 0.035 * values.var(), name  # 3 degrees of freedom in 512: 0.6 % on average


@pytest.mark.parametrize("setting", ["budget_c=55", "constants.budget_c=55"])
def test_a_setting_overrides_the_built_in_ensemble(setting: str) -> None:
    problem = Problem(load.load(None, [setting, "scenarios.count=16"], {}, {}), 1)
    assert (problem.scenarios.table["budget_c"] == 55.0).all()
    assert len(np.unique(problem.scenarios.table["lock_in"])) == 16


def test_a_range_of_the_study_overrides_the_built_in_ensemble(tmp_path: Path) -> None:
    file = tmp_path / "study.toml"
    file.write_text(
        '[study]\nextends = "builtin:china-2026"\n[uncertainties.budget_c]\ndistribution = "uniform"\n'
        "low = 10\nhigh = 11\n"
    )
    table = Problem(load.load(file, [], {}, {}), 1).scenarios.table
    assert table["budget_c"].max() <= 11.0


def test_weighted_members_are_worth_their_repetitions() -> None:
    """Weights 1, 2, 3, 2 must give what eight members of equal weight give, in every statistic that is reported."""
    problem = Problem(load.load(None, [], {}, {}), 1)
    repeated = {name: np.repeat(values, [1, 2, 3, 2]) for name, values in SMALL.items() if name != "weight"}
    fixed = tuple(parameters.with_value(info, info.value) for info in TABLE)  # what has no column must not differ
    names = ("revenue", "compute_lead", "substitution")
    wanted = [(outcome, s) for outcome in names for s in ("mean", "p05", "p50", "std")]
    found = []
    for columns in (SMALL, repeated):
        drawn = draw_members(fixed, ensembles.parse("mine", columns), 8, 0)
        evaluator = Evaluator(drawn, problem.study.horizon, exporter_catalogue(), 1)
        found.append(evaluator.statistics(problem.baseline.reshape(-1, 1), wanted)[0])
    means, spread = [0, 3, 4, 7, 8, 11], [1, 2, 5, 6, 9, 10]
    assert found[0][means] == pytest.approx(found[1][means], rel=1e-9)
    # A member repeated is a step of the distribution, a member weighted a slope: the quantiles differ by that alone.
    assert found[0][spread] == pytest.approx(found[1][spread], rel=0.2)


def test_the_head_of_the_scenarios_keeps_its_weights() -> None:
    drawn = draw_members(TABLE, make(), 8, 0)
    head = drawn.head(3)
    assert head.weights == pytest.approx(drawn.weights[:3] / drawn.weights[:3].sum())
    assert head.effective < 3.0
    assert len(drawn.head(9)) == 4


def test_the_default_is_the_built_in_ensemble_and_worth_its_number() -> None:
    problem = Problem(load.load(None, [], {}, {}), 1)
    assert problem.scenarios.source == "calibrated-2026"
    assert len(problem.scenarios) == 256
    assert problem.scenarios.effective == pytest.approx(256.0)
    assert problem.screener.scenarios.weights.sum() == pytest.approx(1.0)
    early = Problem(load.load(None, ["horizon.start=2025"], {}, {}), 1)
    assert early.scenarios.source == "calibrated-2024"


def test_a_run_is_known_by_what_its_ensemble_says(tmp_path: Path) -> None:
    """Not by its name: the same futures under another name go on with a run, others do not."""
    path = tmp_path / "mine.parquet"
    path.write_bytes(ensembles.to_parquet(SMALL))
    (tmp_path / "copy.parquet").write_bytes(path.read_bytes())
    first, copy = (
        configuration(Problem(load.load(None, [], {"scenarios.file": str(tmp_path / name)}, {}), 1))
        for name in ("mine.parquet", "copy.parquet")
    )
    assert first == copy
    path.write_bytes(ensembles.to_parquet({**SMALL, "weight": np.ones(4)}))
    assert configuration(Problem(load.load(None, [], {"scenarios.file": str(path)}, {}), 1)) != first


@pytest.mark.parametrize("name", ensembles.BUILTIN)
def test_the_built_in_ensembles_are_what_their_manifests_say(name: str) -> None:
    path = ensembles.builtin_path(name)
    told = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    assert told["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert told["converged"] is True
    found = ensembles.load(name)
    assert len(found) == told["members"] >= 512
    assert {label: int((found.structures == label).sum()) for label in found.labels()} == told["labels"]
    assert {label.split("/")[0] for label in told["labels"]} == {"decides", "stands"}
    assert path.stat().st_size < 2**20
    for file, digest in told["data"].items():
        assert digest == hashlib.sha256((path.parent / file).read_bytes()).hexdigest(), f"{file}: make ensembles"


def parquet(columns: dict[str, Any]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


GOOD = parquet({"lock_in": [0.5, 0.6], "weight": [1.0, 1.0]})
HOSTILE: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "cannot be read as Parquet"),
    "text": (b"name,lock_in\n", "cannot be read as Parquet"),
    "truncated": (GOOD[: len(GOOD) // 2], "cannot be read as Parquet"),
    "torn": (GOOD[:-9], "cannot be read as Parquet"),
    "sealed and changed": (ensembles.to_parquet(SMALL)[:-1] + b"X", "cannot be read as Parquet"),
    "unknown column": (parquet({"lock_inn": [0.5]}), "did you mean `lock_in`"),
    "no parameter": (parquet({"weight": [1.0]}), "needs a column named after a parameter"),
    "no member": (parquet({"lock_in": pa.array([], pa.float64())}), "no members"),
    "nan": (parquet({"lock_in": [0.5, float("nan")]}), "column `lock_in`, row 1: nan lies outside its domain 0 to 1"),
    "infinite": (parquet({"budget_c": [float("inf")]}), "column `budget_c`, row 0: inf lies outside"),
    "out of its domain": (parquet({"lock_in": [1.5]}), "1.5 lies outside its domain 0 to 1"),
    "missing": (parquet({"lock_in": [0.5, None]}), "a value is missing"),
    "negative weight": (parquet({"lock_in": [0.5, 0.5], "weight": [1.0, -1.0]}), "row 1: weights are finite"),
    "weight that is not a number": (parquet({"lock_in": [0.5], "weight": [float("nan")]}), "weights are finite"),
    "no weight": (parquet({"lock_in": [0.5], "weight": [0.0]}), "at least one weight must be above 0"),
    "text for numbers": (parquet({"lock_in": ["much"]}), "`lock_in` must hold numbers"),
    "numbers for text": (parquet({"lock_in": [0.5], "structure": [1.0]}), "`structure` must hold text"),
    "truth for numbers": (parquet({"lock_in": [True]}), "`lock_in` must hold numbers"),
    "lists": (parquet({"lock_in": [[0.5]]}), "cannot be read as Parquet"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_file_that_is_no_ensemble_is_refused_in_one_sentence(case: str, tmp_path: Path) -> None:
    data, says = HOSTILE[case]
    path = tmp_path / "x.parquet"
    path.write_bytes(data)
    with pytest.raises(InputError) as caught:
        ensembles.load(path)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_are_not_there_or_not_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no ensemble `.*calibrated-2024, calibrated-2026"):
        ensembles.load(tmp_path / "none.parquet")
    with pytest.raises(InputError, match="cannot be read as an ensemble"):
        ensembles.load(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="it is a link"):
        ensembles.load(tmp_path / "link")


def test_a_file_of_anybodys_is_read(tmp_path: Path) -> None:
    path = tmp_path / "mine.parquet"
    path.write_bytes(parquet({"lock_in": pa.array([0.5, 0.6], pa.float32()), "budget_c": [40, 50],
                              "structure": pa.array(["a", "b"]).dictionary_encode()}))  # fmt: skip
    found = ensembles.load(path)
    assert found.columns["budget_c"].tolist() == [40.0, 50.0]
    assert found.labels() == ["a", "b"]


def test_a_csv_is_the_same_ensemble_as_its_parquet(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text(
        "lock_in,budget_c,replay_budget_c,weight,structure,discrepancy\n"
        '0.5,40,5,1,decides/logic,0.1\n60 %,"50 GUSD/year",8,3,stands/logic,0.2\n'
    )
    (tmp_path / "mine.parquet").write_bytes(parquet({
        "lock_in": [0.5, 0.6], "budget_c": [40.0, 50.0], "replay_budget_c": [5.0, 8.0], "weight": [1.0, 3.0],
        "structure": ["decides/logic", "stands/logic"], "discrepancy": [0.1, 0.2],
    }))  # fmt: skip
    text, binary = (ensembles.load(tmp_path / f"mine.{ending}") for ending in ("csv", "parquet"))
    for one in ("columns", "replayed", "discrepancy"):
        ours, theirs = getattr(text, one), getattr(binary, one)
        assert {name: values.tolist() for name, values in ours.items()} == {
            name: values.tolist() for name, values in theirs.items()
        }
    assert text.weights.tolist() == binary.weights.tolist() == [0.25, 0.75]
    assert text.labels() == binary.labels() == ["decides/logic", "stands/logic"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("lock_in\n1.5\n", "mine.csv:2: column `lock_in`: "),
        ("lock_in\n0.5\nmuch\n", "mine.csv:3: column `lock_in`: "),
        ("lock_inn\n0.5\n", "did you mean `lock_in`"),
        ("weight\n1\n", "needs a column named after a parameter"),
        ("lock_in,weight\n0.5,-1\n", "weights are finite and at least 0"),
        ("lock_in\n", "each line below is a scenario"),
    ],
)
def test_a_csv_that_is_no_ensemble_is_refused_with_its_line(text: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        ensembles.load(path)
    assert says in str(caught.value)


def test_a_study_meets_the_futures_of_a_csv(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("lock_in,weight\n0.25,1\n0.75,3\n")
    met = small.problem("scenarios.kind=calibrated", f"scenarios.file={path}", "scenarios.count=2").scenarios
    assert sorted(zip(met.table["lock_in"].tolist(), met.weights.tolist(), strict=True)) == [(0.25, 0.25), (0.75, 0.75)]
