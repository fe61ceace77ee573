"""The fit to the record: a reduced one, run for real."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tiercap.kernels.params import PARAMETERS, PARAMS, TRAJECTORY, WORKLOADS
from tiercap.optimizer.calibration import calibrate as calibration
from tiercap.optimizer.calibration import initial_state, psis, smc
from tiercap.optimizer.calibration.calibrate import STRUCTURES, Calibration, calibrate
from tiercap.optimizer.calibration.fit import Effort
from tiercap.optimizer.calibration.record import RecordRow, load_record
from tiercap.optimizer.calibration.replay import Replay
from tiercap.optimizer.errors import InputError
from tiercap.optimizer.model import ensembles, parameters
from tiercap.optimizer.model.scenarios import draw
from tiercap.optimizer.study import load
from tiercap.optimizer.study.records import Study

ROWS = load_record()
#: A fit of some seconds.
SMALL = Effort(2, 64)

#: What columns of members are in before they are written to a file.
CONTRACT = {prefix + p.name: p.unit for p in PARAMETERS for prefix in ("", ensembles.REPLAY)}


def study(*settings: str) -> Study:
    return load.load(None, settings, {}, {})


def small(
    seed: int = 0,
    everything: bool = False,
    threads: int = 1,
    rows: tuple[RecordRow, ...] = ROWS,
    structures: tuple[calibration.Structure, ...] = STRUCTURES[:1],
    settings: tuple[str, ...] = (),
) -> Calibration:
    return calibrate(rows, study(*settings), seed, everything, SMALL, 32, structures, threads)


@pytest.fixture(scope="module", autouse=True)
def no_second_fits() -> Iterator[None]:
    """With so few particles every other row would be fitted again; tests/calibration/test_fit.py tries that."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(psis, "TRUSTED", np.inf)
        patch.setattr(smc, "MOST", 6)
        patch.setattr(smc, "MOST_LAST", 6)
        yield


@pytest.fixture(scope="module")
def found() -> Calibration:
    return small(structures=(STRUCTURES[0], STRUCTURES[3]))


def test_threads_and_repetition_change_no_bit_and_the_seed_does() -> None:
    first, again, other = small(), small(threads=2), small(seed=1)
    assert ensembles.to_parquet(first.members) == ensembles.to_parquet(again.members)
    assert ensembles.to_parquet(first.members) != ensembles.to_parquet(other.members)


def test_only_rows_that_end_by_2024_are_fitted_unless_everything_is(found: Calibration) -> None:
    assert {row.moment for row in found.rows} == {row.moment for row in ROWS if row.role == "calibrate"}
    assert all(row.period.end <= 2025.0 + 1e-9 for row in found.rows)
    whole = small(everything=True)
    assert {row.moment for row in whole.rows} == {row.moment for row in ROWS if row.kind == "observation"}
    assert (found.label, whole.label) == ("calibrated-2024", "calibrated-2026")


@pytest.mark.slow
def test_later_rows_change_nothing(found: Calibration) -> None:
    """Not a bit of the fit to 2024 may hang on what came after."""
    early = tuple(row for row in ROWS if row.role == "calibrate")
    again = small(rows=early, structures=(STRUCTURES[0], STRUCTURES[3]))
    assert ensembles.to_parquet(again.members) == ensembles.to_parquet(found.members)


def test_members_are_as_many_of_each_structure_and_within_their_domains(found: Calibration) -> None:
    read = ensembles.parse("x", found.members, units=CONTRACT)  # checks every domain
    assert len(read) == 64
    assert read.weights == pytest.approx(np.full(64, 1 / 64))
    assert read.labels() == ["events/elastic", "rule/fixed"]
    fixed = read.only("fixed")
    assert (fixed.columns["budget_elasticity"] == 1.0).all()
    assert len(np.unique(read.only("elastic").columns["budget_elasticity"])) > 16
    assert (read.only("events").columns["response_speed"] == 0.0).all()
    assert (fixed.columns["response_speed"] > 0.0).all()


def test_the_manifest_holds_what_a_reader_needs(found: Calibration, tmp_path: Path) -> None:
    path, beside = calibration.write(found, tmp_path / "new" / "x.parquet")
    told = json.loads(beside.read_text(encoding="utf-8"))
    assert told["sha256"] == ensembles.load(path).digest
    assert told["evaluations"] == found.evaluations > 1000
    assert set(told["structures"]) == set(found.fits)
    assert told["converged"] is False  # 64 particles are too few, and it says so
    for fit in told["structures"].values():
        assert len(fit["rows"]) == len(found.rows)
        assert fit["not_enough"]
    named = {*told["parameters"], *told["kept"]}
    assert named >= {info.name for info in parameters.table() if info.kind == "uncertain"}
    assert told["parameters"]["budget_c_growth"]["nothing"] is False
    assert "frontier_growth_f" in told["kept"]


def test_members_replay_what_was_fitted(found: Calibration) -> None:
    """The replay_ columns and the behaviour are enough to predict the rows again, but for seven digits."""
    read = ensembles.parse("x", found.members, units=CONTRACT).only("rule/fixed")
    replay = Replay(found.rows, False, 1, False)
    again = replay.predict(initial_state.at_start(read, replay.parameters))
    fit = found.fits["rule/fixed"]
    all_predictions = fit.predictions
    for row in again:
        nearest = np.abs(np.log(all_predictions) - np.log(row)).max(axis=1).min()
        assert nearest < 1e-4


def test_levels_are_carried_on_and_stocks_read_where_the_replay_has_them() -> None:
    replay = Replay(tuple(row for row in ROWS if row.role == "calibrate"), False, 1, False)
    table = np.empty(2, dtype=PARAMS)
    for info in replay.parameters:
        parameters.put(table, info.name, info.value)
    table["budget_c"] = [5.0, 6.0]
    handed = initial_state.columns(replay, table, [], study().parameters, standing=False)
    years = 2026.0 - replay.clock.start
    before = table["budget_c_break"]
    grown = table["budget_c_growth"] ** before * table["budget_c_growth_late"] ** (years - before)
    assert handed["budget_c"] == pytest.approx(table["budget_c"] * grown)
    assert handed["software_dc"] == pytest.approx(table["software_dc"] * table["software_growth"] ** years)
    path = Replay((), False, 1, False)
    path.clock = dataclasses.replace(path.clock, steps=14)
    trajectory = path.trajectories(table)
    assert handed["lock_in"] == pytest.approx(trajectory[13, TRAJECTORY.index("lock_in")])
    assert handed["barred_start"] == pytest.approx(trajectory[13, TRAJECTORY.index("barred")])
    assert handed["stock_e"][1] > handed["stock_e"][0] > table["stock_e"][0]
    assert (handed["domestic_output"] > table["domestic_output"]).all()


def test_stocks_in_index_units_agree_with_those_by_workload() -> None:
    """With nothing smuggled, rented or domestic, C's stocks by workload are the exporter's index times its profile."""
    replay = Replay((), True, 1, False)
    table = np.empty(1, dtype=PARAMS)
    for info in replay.parameters:
        parameters.put(table, info.name, info.value)
    table["domestic_capacity"], table["domestic_growth"], table["capacity_investment"] = 1e-9, 0.0, 0.0
    for name in ("stock_d", "stock_g", "grey_supply", "leak_a", "leak_b", "remote_share"):
        table[name] = 1e-9 if name == "stock_d" else 0.0
    handed = initial_state.columns(replay, table, [], study().parameters, standing=False)
    replay.clock = dataclasses.replace(replay.clock, steps=14)
    path = replay.trajectories(table)
    c = initial_state._index([path[12, TRAJECTORY.index(f"stock_c_{w}")] for w in WORKLOADS], table, "value_c")
    assert c == pytest.approx(handed["stock_e"], rel=0.06)
    assert c > handed["stock_e"]  # the index of a mixture is more than the sum of the indices


def test_what_a_study_says_is_imposed_where_it_means_the_same() -> None:
    found = small(settings=("price_sensitivity=1.1", "stock_e=0.5"))
    assert "price_sensitivity" not in {info.name for info in found.fits["rule/fixed"].infos}
    assert found.ignored == ("stock_e",)


def test_a_record_without_rows_to_fit_is_refused() -> None:
    with pytest.raises(InputError, match="no row that ends by 2024"):
        small(rows=tuple(row for row in ROWS if row.role == "validate"))


@pytest.mark.slow
def test_parameters_of_the_model_itself_are_recovered() -> None:
    """Rows made by a replay of known parameters: the intervals of what the rows tell most of hold the truth."""
    rows = tuple(row for row in ROWS if row.role == "calibrate")
    replay = Replay(rows, False, None, False)
    truth = draw(replay.parameters, 6, 5).table
    made = replay.predict(truth)
    inside = []
    for k in range(len(truth)):
        seen = []
        for row, value in zip(rows, made[k], strict=True):
            ends = (value * row.low / row.value, value * row.high / row.value)
            if row.error == "normal":  # shares: the same width, inside 0 and 1
                half = min(0.5 * (row.high - row.low), 0.9 * value, 0.9 * (1.0 - value))
                ends = (value - half, value + half)
            seen.append(dataclasses.replace(row, value=float(value), low=float(ends[0]), high=float(ends[1])))
        found = calibrate(seen, study(), k, False, Effort(2, 512), 32, STRUCTURES[:1])
        fit = found.fits["rule/fixed"]
        values = fit.values(fit.z)
        for name in ("budget_c", "budget_c_growth", "theta_f_dc", "grey_supply"):
            low, high = np.quantile(values[name], [0.05, 0.95])
            inside.append(low <= truth[name][k] <= high)
    assert sum(inside) >= 19  # of 24; chance alone gives fewer in 1 of 50
