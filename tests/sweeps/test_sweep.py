"""Sweeps: what can be swept, the points, the policies, the bits, and the tables a reader opens."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tiercap.kernels.params import OUTCOMES, TRAJECTORY, TRAJECTORY_LIST
from tiercap.optimizer.errors import InputError
from tiercap.optimizer.io import columns
from tiercap.optimizer.model import statistics
from tiercap.optimizer.model.evaluator import Evaluator
from tiercap.optimizer.rules import nesting
from tiercap.optimizer.rules.book import find_rule, load_rules
from tiercap.optimizer.rules.encode import apply_levers, rule_levers
from tiercap.optimizer.rules.levers import LEVERS_TABLE
from tiercap.optimizer.study import load
from tiercap.optimizer.study.problem import Problem
from tiercap.optimizer.study.scoring import SPREAD
from tiercap.optimizer.sweeps import axes, design, netcdf, points
from tiercap.optimizer.sweeps import plan as sweep_plan
from tiercap.optimizer.sweeps.plan import BlockEvaluator
from tiercap.optimizer.sweeps.request import Request, estimate, is_large, plan_of, refusal
from tiercap.optimizer.sweeps.sweep import Sweep, configuration, sweep
from tiercap.optimizer.sweeps.tables import table_columns

STUDY = load.load("china-2026", (), {}, {})
SMALL = ("scenarios.count=16", "horizon.years=3")


def problem(*settings: str, threads: int = 1) -> Problem:
    return Problem(load.load("china-2026", [*SMALL, *settings], {}, {}), threads)


def axis(text: str, drawn: bool = False) -> axes.Axis:
    return axes.parse(text, STUDY, drawn)


# --- what is swept ----------------------------------------------------------------------------------------------------


def test_a_range_has_its_ends_and_even_steps() -> None:
    assert axis("budget_c=40:80:5").values == (40.0, 50.0, 60.0, 70.0, 80.0)
    logarithmic = axis("c_licensed_tpp=2400:21000:20:log").values
    assert (logarithmic[0], logarithmic[-1], len(logarithmic)) == (2400.0, 21000.0, 20)
    assert np.diff(np.log(logarithmic)) == pytest.approx(np.log(21000 / 2400) / 19)


def test_units_are_read_and_values_are_in_the_unit_of_the_name() -> None:
    memory = axis("c_licensed_memory=1000 GB/s:8 TB/s:8")
    assert (memory.unit, memory.values) == ("GB/s", tuple(np.linspace(1000.0, 8000.0, 8)))
    assert axis("c_quota_share=25 %,0.5,none".replace("0.5", "50 %")).values == (0.25, 0.5, math.inf)
    assert axis("c_revenue_share=0:50 %:3").values == (0.0, 0.25, 0.5)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("budget_c", "is not NAME=LO:HI:N"),
        ("=1:2:3", "is not NAME=LO:HI:N"),
        ("c_licensed_tp=1,2", "did you mean `c_licensed_tpp`"),
        ("horizon.years=3,4", "constant of the study"),
        ("c_reading=0,1", "how caps are read"),
        ("budget_c=40:80:0", "the grid is empty"),
        ("budget_c=40:80:1", "2 to 1,000,000 values"),
        ("budget_c=40:80:-3", "must be a whole number"),
        ("budget_c=40:80:1e3", "must be a whole number"),
        ("budget_c=40:40:5", "is constant, from 40 to 40"),
        ("budget_c=80:40:5", "swap the ends"),
        ("budget_c=40:80", "is not NAME=LO:HI:N"),
        ("budget_c=40:80:5:log:9", "is not NAME=LO:HI:N"),
        ("budget_c=40:80 GUSD/year:5", "give every value its unit or none"),
        ("budget_c=40 TPP:80 TPP:5", "`TPP` does not fit"),
        ("budget_c=40,,50", "empty value"),
        ("budget_c=40,50,40", "takes 40 twice"),
        ("budget_c=nan,3", "only finite numbers"),
        ("budget_c=1e10,3", "outside its domain"),
        ("c_quota_share=0:1:3:log", "log scale of `c_quota_share` needs LO above 0"),
        ("c_quota_share=0:none:3", "must be finite"),
        ("c_no_diversion=0:1:3", "must be a whole number"),
        ("budget_c=" + "1," * 60_000, "is not NAME=LO:HI:N"),
    ],
)
def test_what_cannot_be_swept_is_one_sentence(text: str, said: str) -> None:
    with pytest.raises(InputError) as refused:
        axis(text)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 400


def test_a_constant_of_the_study_is_not_swept() -> None:
    fixed = load.load("china-2026", ["budget_c=60"], {}, {})
    with pytest.raises(InputError, match="`budget_c` is a constant, held fixed by --set"):
        axes.parse("budget_c=40:80:5", fixed, False)
    assert axis("discount=0.9,0.95").values == (0.9, 0.95)  # has no range, but nobody holds it fixed


# --- points -----------------------------------------------------------------------------------------------------------


def made(kind: str, *texts: str, points: int | None = None, seed: int = 0) -> design.Design:
    return design.make(kind, [axis(text, kind in design.DRAWN) for text in texts], points, seed)


DESIGNS = [
    made("grid", "c_licensed_tpp=2400:21000:5", "budget_c=40,60,80"),
    made("one-at-a-time", "c_licensed_tpp=2400:21000:5", "budget_c=40,60,80"),
    made("lhs", "c_licensed_tpp=2400:21000:log", "budget_c=40:80", points=17),
    made("sobol", "c_licensed_tpp=2400:21000:log", "budget_c=40:80", "c_no_diversion=0,1", points=16),
]


@pytest.mark.parametrize("one", DESIGNS, ids=lambda one: one.kind)
def test_any_stretch_of_points_is_the_same_stretch_of_all(one: design.Design) -> None:
    whole = one.coordinates(0, len(one))
    assert whole.shape == (len(one), len(one.axes))
    for first in range(len(one)):
        for last in range(first, len(one) + 1, 3):
            assert one.coordinates(first, last).tobytes() == whole[first:last].tobytes()


def test_a_grid_is_every_combination_parameters_first() -> None:
    grid = DESIGNS[0]
    assert grid.names == ("budget_c", "c_licensed_tpp")
    expected = [(b, t) for b in (40.0, 60.0, 80.0) for t in np.linspace(2400.0, 21000.0, 5)]
    assert grid.coordinates(0, 15).tolist() == [list(pair) for pair in expected]


def test_one_at_a_time_moves_one_name_and_leaves_the_rest() -> None:
    found = DESIGNS[1].coordinates(0, 9)
    assert np.isnan(found[0]).all()
    assert (~np.isnan(found[1:])).sum(axis=1).tolist() == [1] * 8
    assert DESIGNS[1].varied(0, 9).tolist() == [-1, 0, 0, 0, 1, 1, 1, 1, 1]
    assert found[1:4, 0].tolist() == [40.0, 60.0, 80.0]


def test_a_latin_hypercube_has_a_point_in_every_slice() -> None:
    values = DESIGNS[2].coordinates(0, 17)
    budget = (values[:, 0] - 40.0) / 40.0
    tpp = np.log(values[:, 1] / 2400.0) / np.log(21000.0 / 2400.0)
    for shares in (budget, tpp):
        assert sorted((shares * 17).astype(int)) == list(range(17))
    assert made("lhs", "budget_c=40:80", points=17, seed=1).coordinates(0, 17).ravel().tolist() != values[:, 0].tolist()


def test_sobol_points_are_balanced_and_lists_are_drawn_from() -> None:
    values = DESIGNS[3].coordinates(0, 16)
    assert sorted(((values[:, 0] - 40.0) / 2.5).astype(int)) == list(range(16))
    assert sorted(values[:, 2]) == [0.0] * 8 + [1.0] * 8


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: made("gird", "budget_c=1,2"), "unknown design `gird`"),
        (lambda: made("lhs", "budget_c=40:80"), "say how many with --points"),
        (lambda: made("lhs", "budget_c=40:80:5", points=3), "points are drawn"),
        (lambda: made("sobol", "budget_c=40:80", points=0), "at least 1"),
        (lambda: made("grid", "budget_c=40:80:5", points=3), "--points is of no use"),
        (lambda: made("grid", "budget_c=1,2", "budget_c=3,4"), "swept twice"),
        (lambda: made("sobol", "budget_c=40:80", points=10**12), "at most 20,000,000 points, not 1,000,000,000,000"),
        (lambda: made("grid", *(f"budget_{g}=1:80:1000000" for g in "bc")), "at most 20,000,000 points"),
        (lambda: made("lhs", "budget_c=40:80", points=9_000_000), "take --design sobol"),
    ],
)
def test_a_design_that_cannot_be_is_one_sentence(call: Any, said: str) -> None:
    with pytest.raises(InputError) as refused:
        call()
    assert said in str(refused.value)


def test_points_of_a_csv_carry_units_and_may_leave_a_name_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "points.csv"
    file.write_text('c_licensed_memory,budget_c\n"4.8 TB/s",60\n6500,\n,80 GUSD/year\n')
    found = points.read(file, STUDY)
    assert found.names == ("budget_c", "c_licensed_memory")
    assert np.array_equal(found.table, [[60.0, 4800.0], [math.nan, 6500.0], [80.0, math.nan]], equal_nan=True)  # type: ignore[arg-type]


def test_points_of_a_parquet_are_converted_by_its_units(tmp_path: Path) -> None:
    file = tmp_path / "points.parquet"
    data = {"c_licensed_memory": np.array([4.8, 6.5]), "budget_c": np.array([60, 80])}
    file.write_bytes(columns.to_parquet(data, {"c_licensed_memory": "TB/s", "budget_c": "GUSD/year"}))
    assert points.read(file, STUDY).coordinates(0, 2).tolist() == [[60.0, 4800.0], [80.0, 6500.0]]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("budget_d\n1\n", "unknown column `budget_d`"),
        ("budget_c\n", "holds no rows"),
        ("budget_c,c_licensed_tpp\n40,\n50,\n", "column `c_licensed_tpp` is empty"),
        ("budget_c\n40\n-5\n", "points.csv:3: `budget_c` = -5 lies outside its domain"),
        ("c_reading\n1\n", "how caps are read"),
        ("PAR1 and nothing", "cannot be read as Parquet"),
    ],
)
def test_a_file_of_points_that_cannot_be_read_is_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "points.csv"
    file.write_text(text)
    with pytest.raises(InputError) as refused:
        points.read(file, STUDY)
    assert said in str(refused.value)
    with pytest.raises(InputError, match="cannot be read"):
        points.read(tmp_path / "missing.csv", STUDY)


# --- policies ---------------------------------------------------------------------------------------------------------


def one_by_one(base: np.ndarray, names: list[str], values: np.ndarray) -> list[np.ndarray | None]:
    """Each policy by `apply_levers`; None where it refuses for a tier that loosens."""
    found: list[np.ndarray | None] = []
    for row in values:
        try:
            found.append(apply_levers(base, {n: v for n, v in zip(names, row, strict=True) if not np.isnan(v)}))
        except InputError as refused:
            assert "is looser than" in str(refused)
            found.append(None)
    return found


@pytest.mark.parametrize("rule", sorted(load_rules()))
def test_policies_are_those_of_levers_given_by_hand_where_those_nest(rule: str) -> None:
    rng, base = np.random.default_rng(7), rule_levers(find_rule(rule))
    names = ["c_open_tpp", "c_licensed_tpp", "b_licensed_tpp", "a_licensed_tpp", "c_licensed_memory", "c_quota_share",
             "b_open_density", "c_licensed_sku_before"]  # fmt: skip
    tpp = 10.0 ** rng.uniform(3, 5, (200, 4))
    rest = [rng.uniform(1, 9, 200), rng.uniform(0, 1, 200), rng.uniform(1, 9, 200), rng.uniform(2020, 2030, 200)]
    values = np.column_stack([tpp, *rest])
    values[rng.random(values.shape) < 0.5] = math.nan
    values[0] = 0.0, 4000.0, math.inf, math.inf, 2.0, 0.5, 3.0, math.inf  # a shut tier, and caps that are lifted
    found, clipped = nesting.policies(base, names, values)
    expected = one_by_one(base, names, values)
    assert [row is None for row in expected] == clipped.tolist()
    assert not all(clipped)
    assert all(found[k].tobytes() == row.tobytes() for k, row in enumerate(expected) if row is not None)
    again, nothing = nesting.policies(base, [], np.empty((2, 0)))
    assert again.tobytes() == np.repeat(base, 2).tobytes()
    assert not nothing.any()


def test_an_inner_cap_is_cut_to_the_outer_one_all_the_way_in() -> None:
    base = rule_levers(find_rule("unrestricted"))
    names = ["a_licensed_tpp", "c_open_tpp"]
    (row,), cut = nesting.policies(base, names, np.array([[5000.0, 9000.0]]))
    assert cut.all()
    assert [row[group]["tpp"][0, 0] for group in "abc"] == [5000.0] * 3
    (row,), _ = nesting.policies(base, ["c_licensed_tpp", "c_open_tpp"], np.array([[0.0, 9000.0]]))
    assert row["c"]["tpp"][0, 0] == 9000.0  # a licensed tier that admits nothing bounds nothing
    (row,), cut = nesting.policies(base, ["b_licensed_tpp", "b_open_tpp"], np.array([[0.0, 0.0]]))
    assert cut.all()
    assert row["c"]["tpp"][:, 0].tolist() == [0.0, 0.0]  # B admits nothing, so C does not either


def test_lags_are_cut_the_other_way_round() -> None:
    base = apply_levers(rule_levers(find_rule("unrestricted")),
                        {"c_reading": 2.0, "c_open_tpp": 4.0, "c_licensed_tpp": 2.0})  # fmt: skip
    rows, cut = nesting.policies(base, ["c_open_tpp"], np.array([[3.0], [1.0]]))
    assert cut.tolist() == [False, True]
    assert rows["c"]["tpp"][:, 0, 0].tolist() == [3.0, 2.0]


# --- bits -------------------------------------------------------------------------------------------------------------

MIXED = Request(
    over=("c_licensed_tpp=2400:30000:6:log", "budget_c=40,60,80", "c_quota_share=0.2,none"),
    policies=("bis-2026", "unrestricted"),
    outcomes=("revenue", "compute_lead"),
    statistics=("mean", "p05", "cvar10"),
)


def test_a_swept_parameter_replaces_its_draw_and_keeps_the_rest_of_the_ensemble() -> None:
    ready = problem()
    plan, names = plan_of(ready, MIXED)
    found = BlockEvaluator(plan, 1).points(0, len(plan.design)).statistics
    assert names == ["bis-2026", "unrestricted"]
    row = 0
    for point in plan.design.coordinates(0, len(plan.design)):
        table = ready.scenarios.table.copy()
        assert len(np.unique(table["budget_c"])) > 1
        table["budget_c"] = point[0]
        futures = type(ready.scenarios)(table, ready.scenarios.weights, 0, "calibrated")
        by_hand = Evaluator(futures, ready.study.horizon, plan.catalogue, 1)
        for base in plan.policies:
            levers, _ = nesting.policies(base.reshape(1), list(plan.design.names[1:]), point[None, 1:])
            values = by_hand.outcomes(levers.reshape(1, 1))[0, OUTCOMES.index("compute_lead")]
            for statistic, name in (("geomean", "compute_lead"), ("cvar10", "compute_lead_cvar10")):
                expected = statistics.reduce(values, futures.weights, statistic)
                assert found[name][row].tobytes() == expected.tobytes()
            row += 1


def test_a_share_of_futures_that_meet_a_threshold_is_a_share() -> None:
    request = Request(over=("budget_c=40,60",), outcomes=("compute_lead",), statistics=("satisfice6", "mean"))
    plan, _ = plan_of(problem(), request)
    found = BlockEvaluator(plan, 1).block(0).statistics["compute_lead_satisfice6"]
    ready = problem("budget_c=60")
    values = ready.evaluator.outcomes(ready.baseline.reshape(1, 1))[0, OUTCOMES.index("compute_lead")]
    assert found[1] == pytest.approx(ready.scenarios.weights[values >= 6.0].sum())
    assert {c.name: c.unit for c in table_columns(plan)}["compute_lead_satisfice6"] == "1"


def test_a_study_drawn_from_ranges_keeps_its_draws_too() -> None:
    ready = problem("scenarios.kind=sobol")
    plan, _ = plan_of(ready, Request(over=("budget_c=40,60",), outcomes=("revenue",)))
    fixed = problem("scenarios.kind=sobol", "budget_c=60")
    expected = fixed.evaluator.statistics(fixed.baseline.reshape(1, 1), [("revenue", "p50")])
    assert BlockEvaluator(plan, 1).block(0).statistics["revenue_p50"][1] == expected[0, 0]


@pytest.mark.parametrize("threads", [1, 3])
def test_bits_do_not_depend_on_blocks_or_threads(monkeypatch: pytest.MonkeyPatch, threads: int) -> None:
    plan, _ = plan_of(problem(), MIXED)
    whole = BlockEvaluator(plan, 1).points(0, len(plan.design)).statistics
    monkeypatch.setattr(sweep_plan, "BLOCK", 7 * 2 * 16)
    monkeypatch.setattr(sweep_plan, "SLICE", 64)
    plan, _ = plan_of(problem(), MIXED)
    assert (plan.blocks, plan.points_a_block) == (6, 7)
    parts = [BlockEvaluator(plan, threads).block(k).statistics for k in range(plan.blocks)]
    for name, values in whole.items():
        assert np.concatenate([part[name] for part in parts]).tobytes() == values.tobytes()


def test_futures_that_do_not_fit_are_met_a_part_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    ready = problem("scenarios.kind=random", "scenarios.count=700")
    request = Request(over=("budget_c=40,60",), outcomes=("revenue",))
    whole = BlockEvaluator(plan_of(ready, request)[0], 1).block(0).statistics
    monkeypatch.setattr("tiercap.optimizer.model.streaming.TABLES", 2**20)
    monkeypatch.setattr(sweep_plan, "TABLES", 2**20)
    plan = plan_of(problem("scenarios.kind=random", "scenarios.count=700"), request)[0]
    assert len(plan.futures) > sweep_plan.most_held(plan.horizon)
    assert BlockEvaluator(plan, 2).block(0).statistics["revenue"].tobytes() == whole["revenue"].tobytes()
    with pytest.raises(InputError, match="--trajectory keeps every step of at most"):
        plan_of(ready, Request(over=("budget_c=40,60",), trajectory=True))


def test_slabs_are_the_stretch_they_say_in_order() -> None:
    for shape in [(7,), (3, 4), (2, 3, 4), (1, 5, 1)]:
        numbers = np.arange(math.prod(shape)).reshape(shape)
        for first in range(numbers.size + 1):
            for last in range(first, numbers.size + 1):
                found = [numbers[place].ravel() for place in netcdf.slabs(first, last, shape)]
                assert np.concatenate([*found, np.empty(0, int)]).tolist() == list(range(first, last))


# --- the folder -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def swept_grid(tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    outcomes = ("revenue", "compute_lead", "lock_in")
    request = Request(over=MIXED.over, policies=MIXED.policies, outcomes=outcomes, trajectory=True)
    return sweep(problem(), request, tmp_path_factory.mktemp("grid") / "run")


def test_netcdf_opens_with_named_dimensions_and_units(swept_grid: Sweep) -> None:
    xarray = pytest.importorskip("xarray")
    with xarray.open_dataset(swept_grid.path / "sweep.nc", engine="h5netcdf") as data:
        assert data.outcomes.dims == ("budget_c", "c_licensed_tpp", "c_quota_share", "policy", "statistic", "outcome")
        assert data.sizes == {"budget_c": 3, "c_licensed_tpp": 6, "c_quota_share": 2, "policy": 2, "statistic": 4,
                              "outcome": 3, "year": 3, "group": 3, "workload": 4}  # fmt: skip
        for name, variable in data.variables.items():
            assert variable.attrs["long_name"], name
            assert "units" in variable.attrs, name
        assert data.c_licensed_tpp.attrs["units"] == "TPP"
        one = data.outcomes.sel(outcome="compute_lead", statistic="p05", policy="unrestricted", budget_c=60.0)
        assert one.unit.item() == "1"
        assert one.dims == ("c_licensed_tpp", "c_quota_share")
        assert data.trajectory_stock.dims[-4:] == ("year", "group", "workload", "statistic")
        assert data.trajectory_stock.sel(group="b").isnull().all()  # the model does not tell
        assert not data.trajectory_stock.sel(group="c").isnull().any()
        assert data.attrs["configuration_sha256"] == swept_grid.folder.fingerprint
        assert "lock_in" in data.outcome
        stored = json.loads((swept_grid.path / "manifest.json").read_text())
        assert stored["configuration_sha256"] == data.attrs["configuration_sha256"]


def test_the_tables_say_the_same(swept_grid: Sweep) -> None:
    pandas, xarray = pytest.importorskip("pandas"), pytest.importorskip("xarray")
    table = pandas.read_parquet(swept_grid.path / "sweep.parquet")
    with (swept_grid.path / "sweep.csv").open(newline="", encoding="utf-8") as file:
        text = list(csv.DictReader(file))
    assert list(table.columns) == list(text[0])
    for name in table.columns:
        kind = {"policy": str, "clipped": lambda cell: cell == "true"}.get(name, float)
        assert table[name].tolist() == [kind(row[name]) for row in text], name
    steps = pandas.read_parquet(swept_grid.path / "trajectory.parquet")
    told = {f.name: f.metadata[b"meaning"].decode() for f in _schema(swept_grid.path / "trajectory.parquet")}
    assert told["compute_lead"].startswith("geomean over the scenarios of: A's computing")
    assert told["stock_c_dc"].startswith("mean over the scenarios of: ")
    assert len(steps) == 3 * len(table) == 3 * 72
    with xarray.open_dataset(swept_grid.path / "sweep.nc", engine="h5netcdf") as data:
        for row in (0, 17, 71):
            at = {n: table[n][row] for n in ("budget_c", "c_licensed_tpp", "c_quota_share", "policy")}
            place = data.sel(at)
            assert place.outcomes.sel(outcome="compute_lead", statistic="p95").item() == table["compute_lead_p95"][row]
            assert bool(place.clipped.item()) == table["clipped"][row]
            step = steps[3 * row : 3 * row + 3]
            assert place.trajectory_stock.sel(group="c", workload="dc", statistic="mean").values.tolist() == (
                step["stock_c_dc"].tolist()
            )
    units = {f.name: f.metadata[b"unit"].decode() for f in _schema(swept_grid.path / "sweep.parquet")}
    assert (units["c_licensed_tpp"], units["revenue"], units["compute_lead_p05"]) == ("TPP", "GUSD", "1")


def _schema(path: Path) -> Any:
    import pyarrow.parquet as pq

    return pq.read_schema(path)


def test_trajectories_are_those_of_the_evaluator(swept_grid: Sweep) -> None:
    ready = problem("budget_c=40")
    row = nesting.policies(ready.baseline, ["c_licensed_tpp", "c_quota_share"], np.array([[2400.0, 0.2]]))[0]
    paths = ready.evaluator.trajectories(row.reshape(1, 1))[0, :, TRAJECTORY.index("stock_c_dc")]
    expected = statistics.reduce(paths, ready.scenarios.weights, "p95")
    block = swept_grid.plan
    found = BlockEvaluator(block, 1).points(0, 1).steps["stock_c_dc_p95"][:3]
    assert found.tobytes() == expected.tobytes()


def test_the_manifest_says_what_a_reader_needs(swept_grid: Sweep) -> None:
    told = json.loads((swept_grid.path / "manifest.json").read_text())
    assert told["kind"] == "tiercap sweep"
    said = told["sweep"]
    assert [(a["name"], a["kind"], a["unit"], a["scale"]) for a in said["over"]] == [
        ("budget_c", "parameter", "GUSD/year", "list"),
        ("c_licensed_tpp", "lever", "TPP", "log"),
        ("c_quota_share", "lever", "1", "list"),
    ]
    assert said["over"][2]["values"] == [0.2, "none"]
    assert (said["kind"], said["points"], said["rows"], said["statistics"]) == ("grid", 36, 72, list(SPREAD))
    assert [policy["name"] for policy in said["policies"]] == ["bis-2026", "unrestricted"]
    assert said["clipped"] == swept_grid.clipped > 0
    column = {"name": "compute_lead_p05", "unit": "1", "outcome": "compute_lead", "statistic": "p05"}
    assert column in said["columns"]
    assert set(said["files"]) | {"codebook.csv"} <= set(told["digests"])
    assert told["evaluations"] == 2 * 72 * 16


def test_a_swept_parameter_that_is_called_like_an_outcome_keeps_its_name(tmp_path: Path) -> None:
    done = sweep(problem(), Request(over=("lock_in=0.3,0.9",), outcomes=("lock_in",), netcdf=False), tmp_path / "run")
    assert done.rows is not None
    assert done.rows["lock_in"].tolist() == [0.3, 0.9]
    assert done.rows["outcome_lock_in"][0] < done.rows["outcome_lock_in"][1]
    assert not (tmp_path / "run" / "sweep.nc").exists()


@pytest.mark.parametrize("kind", ["one-at-a-time", "lhs"])
def test_points_that_are_no_grid_lie_along_one_dimension(tmp_path: Path, kind: str) -> None:
    xarray = pytest.importorskip("xarray")
    drawn = {"one-at-a-time": ("budget_c=40,60", "c_licensed_tpp=4000,9000"),
             "lhs": ("budget_c=40:60", "c_licensed_tpp=4000:9000:log")}  # fmt: skip
    request = Request(over=drawn[kind], design=kind, points=5 if kind == "lhs" else None, outcomes=("revenue",))
    done = sweep(problem(), request, tmp_path / "run")
    with xarray.open_dataset(tmp_path / "run" / "sweep.nc", engine="h5netcdf") as data:
        assert data.outcomes.dims == ("point", "policy", "statistic", "outcome")
        assert {"budget_c", "c_licensed_tpp"} <= set(data.outcomes.coords)
        coordinates = done.plan.design.coordinates(0, 5)
        assert np.array_equal(data.budget_c.values, coordinates[:, 0], equal_nan=True)
        if kind == "one-at-a-time":
            assert data.varied.values.tolist() == ["", "budget_c", "budget_c", "c_licensed_tpp", "c_licensed_tpp"]
            rule = problem().evaluator.statistics(problem().baseline.reshape(1, 1), [("revenue", "mean")])[0, 0]
            assert data.outcomes.values[0, 0, 0, 0] == rule


def test_a_family_has_every_field_of_a_trajectory_once() -> None:
    members = [field.name for family in netcdf.families() for field in family.members.values()]
    assert sorted(members) == sorted(field.name for field in TRAJECTORY_LIST)
    stems = {family.stem: family for family in netcdf.families()}
    assert stems["stock"].dimensions == ("group", "workload")
    assert stems["import_share"].dimensions == ("workload",)
    assert stems["compute_lead"].dimensions == ()


# --- size -------------------------------------------------------------------------------------------------------------


def test_a_large_sweep_is_refused_with_what_it_would_take(tmp_path: Path) -> None:
    request = Request(over=("budget_c=40:80:60000",), outcomes=("revenue",), netcdf=False)
    plan, _ = plan_of(problem(), request)
    assert is_large(plan)
    with pytest.raises(InputError) as refused:
        sweep(problem(), request, tmp_path / "run")
    for word in ("60,000 points times policies", "960,000 evaluations", "MB of memory", "GB of disk", "--yes-large"):
        assert word in str(refused.value)
    assert not (tmp_path / "run").exists()
    assert refusal(estimate(plan, 1)).startswith("60,000 points")
    assert not is_large(plan_of(problem(), MIXED)[0])


def test_memory_does_not_grow_with_the_points() -> None:
    few, many = (plan_of(problem(), Request(over=(f"budget_c=40:80:{n}",)))[0] for n in (30_000, 300_000))
    assert few.memory() == many.memory() < 2**30
    assert few.points_a_block == many.points_a_block
    coordinates = many.design.coordinates(299_999, 300_000)
    assert coordinates.tolist() == [[80.0]]


def test_threads_and_outputs_are_not_what_makes_a_sweep(tmp_path: Path) -> None:
    plan, names = plan_of(problem(), MIXED)
    other, _ = plan_of(problem(threads=2), MIXED)
    assert configuration(problem(), plan, names) == configuration(problem(threads=2), other, names)
    more = configuration(problem("scenarios.seed=3"), plan_of(problem("scenarios.seed=3"), MIXED)[0], names)
    assert more != configuration(problem(), plan, names)
    assert LEVERS_TABLE["c_licensed_tpp"].unit == plan.design.axes[1].unit


def test_a_long_axis_is_described_by_its_ends_and_a_digest() -> None:
    short, long, other = (
        axis(f"budget_c=40:80:{n}{scale}").described()
        for n, scale in ((1000, ""), (1001, ""), (1001, ":log"))
    )
    assert len(short["values"]) == 1000
    assert (long["count"], long["first"], long["last"]) == (1001, 40.0, 80.0)
    assert "values" not in long
    assert long["sha256"] != other["sha256"]
