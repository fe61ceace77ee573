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
from tiercap.optimizer.model.evaluator import Evaluator
from tiercap.optimizer.model.horizon import Horizon
from tiercap.optimizer.model.scenarios import Scenarios, draw
from tiercap.optimizer.rules.book import find_rule
from tiercap.optimizer.rules.chips import exporter_catalogue
from tiercap.optimizer.rules.encode import rule_levers
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
    return small(structures=STRUCTURES)


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
    again = small(rows=early, structures=STRUCTURES)
    assert ensembles.to_parquet(again.members) == ensembles.to_parquet(found.members)


def test_members_are_as_many_of_each_structure_and_within_their_domains(found: Calibration) -> None:
    read = ensembles.parse("x", found.members, units=CONTRACT)  # checks every domain
    assert len(read) == 64
    assert read.weights == pytest.approx(np.full(64, 1 / 64))
    assert {label.split("/")[0] for label in read.labels()} == {"decides", "stands"}
    assert {label.split("/")[1] for label in read.labels()} <= {"memory", "logic"}
    for part, decides in (("decides", 1.0), ("stands", 0.0)):
        own = read.only(part)
        assert len(own) == 32
        assert (own.columns["buyer_decides"] == decides).all()
    assert (read.only("stands").columns["barred_start"] == 0.0).all()  # as it stood in 2022
    assert (read.only("decides").columns["barred_start"] > 0.0).all()


def test_labels_say_what_limits_domestic_supply_in_2026(found: Calibration) -> None:
    """By hand: the first year under the rule in force, member by member."""
    plan = study()
    table = draw(plan.parameters, 64, 0).table
    for name in set(table.dtype.names or ()) & set(found.members):
        table[name] = found.members[name]
    futures = Scenarios(table, found.members["weight"], 0, "random")
    path = Evaluator(futures, Horizon(years=1), exporter_catalogue(), 1).trajectories(
        rule_levers(find_rule("bis-2026")).reshape(1, 1)
    )
    memory = path[0, 0, TRAJECTORY.index("memory_binds")] > 0.5
    assert [label.endswith("/memory") for label in found.members["structure"]] == memory.tolist()


def test_a_fit_to_everything_starts_where_the_acts_have_led() -> None:
    """The buyer's state at the start of 2026 is that of the record, whatever the government does from there."""
    whole = small(everything=True, structures=STRUCTURES)
    assert list(whole.fits) == ["acts"]
    read = ensembles.parse("x", whole.members, units=CONTRACT)
    assert read.columns["barred_start"] == pytest.approx(0.95, abs=1e-7)  # seven digits are kept
    assert (read.only("stands").columns["buyer_decides"] == 0.0).all()
    assert (read.only("decides").columns["buyer_decides"] == 1.0).all()
    assert "response_level" not in read.columns  # no row told of it: its own range for 2026


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
    read = ensembles.parse("x", found.members, units=CONTRACT).only("decides")
    replay = Replay(found.rows, False, 1)
    again = replay.predict(initial_state.at_start(read, replay.parameters))
    fit = found.fits["decides"]
    all_predictions = fit.predictions
    for row in again:
        nearest = np.abs((all_predictions - row) / (np.abs(row) + 1e-2)).max(axis=1).min()
        assert nearest < 1e-4


def test_levels_are_carried_on_and_stocks_read_where_the_replay_has_them() -> None:
    replay = Replay(tuple(row for row in ROWS if row.role == "calibrate"), False, 1)
    table = np.empty(2, dtype=PARAMS)
    for info in replay.parameters:
        parameters.put(table, info.name, info.value)
    table["budget_c"] = [3.0, 4.0]
    handed = initial_state.columns(replay, table, [], study().parameters)
    years = 2026.0 - replay.clock.start
    assert handed["software_dc"] == pytest.approx(table["software_dc"] * table["software_growth"] ** years)
    grown = table["spending_a_ceiling"] / table["spending_a"] - 1.0
    pace = np.log(table["spending_a_growth"]) / (1.0 - table["spending_a"] / table["spending_a_ceiling"])
    assert handed["spending_a"] == pytest.approx(table["spending_a_ceiling"] / (1.0 + grown * np.exp(-pace * years)))
    path = Replay((), False, 1)
    path.clock = dataclasses.replace(path.clock, steps=14)
    fields = dict(zip(TRAJECTORY, np.moveaxis(path.trajectories(table), 1, 0), strict=True))
    for name, field in (("lock_in", "lock_in"), ("belief_start", "belief"), ("barred_start", "barred"),
                        ("wafers", "wafers"), ("yield_start", "die_yield")):  # fmt: skip
        assert (np.sort(fields[field][[12, 13]], axis=0)[0] <= handed[name]).all()
        assert (np.sort(fields[field][[12, 13]], axis=0)[1] >= handed[name]).all()
    assert handed["budget_c"][1] > handed["budget_c"][0] > table["budget_c"][0]
    assert handed["stock_e"][1] > handed["stock_e"][0] > table["stock_e"][0]
    sold = fields["units_domestic"][:13].sum(axis=0)  # a package of 2026 has two dies where the replay's has one
    assert handed["domestic_output"] == pytest.approx(0.5 * (table["domestic_output"] + sold))


def test_stocks_in_index_units_agree_with_those_by_workload() -> None:
    """With nothing smuggled, rented or domestic, C's stocks by workload are the exporter's index times its profile."""
    replay = Replay((), True, 1)
    table = np.empty(1, dtype=PARAMS)
    for info in replay.parameters:
        parameters.put(table, info.name, info.value)
    for name in ("bank_dies", "dies_abroad", "tools"):
        table[name] = 0.0
    table["wafers"] = table["domestic_supply"] = 1e-9
    for name in ("stock_d", "stock_g", "grey_supply", "leak_a", "leak_b", "remote_share"):
        table[name] = 1e-9 if name == "stock_d" else 0.0
    handed = initial_state.columns(replay, table, [], study().parameters)
    replay.clock = dataclasses.replace(replay.clock, steps=14)
    path = replay.trajectories(table)
    c = initial_state._index([path[12, TRAJECTORY.index(f"stock_c_{w}")] for w in WORKLOADS], table, "value_c")
    assert c == pytest.approx(handed["stock_e"], rel=0.06)
    assert c > handed["stock_e"]  # the index of a mixture is more than the sum of the indices


def test_what_a_study_says_is_imposed_where_it_means_the_same() -> None:
    found = small(settings=("price_sensitivity=1.1", "stock_e=0.5"))
    assert "price_sensitivity" not in {info.name for info in found.fits["decides"].infos}
    assert found.ignored == ("stock_e",)


def test_a_record_without_rows_to_fit_is_refused() -> None:
    with pytest.raises(InputError, match="no row that ends by 2024"):
        small(rows=tuple(row for row in ROWS if row.role == "validate"))


@pytest.mark.slow
def test_parameters_of_the_model_itself_are_recovered() -> None:
    """Rows made by a replay of known parameters: the intervals of what the rows tell most of hold the truth."""
    rows = tuple(row for row in ROWS if row.role == "calibrate")
    replay = Replay(rows, False, None)
    truth = draw(replay.parameters, 6, 5).table
    made = replay.predict(truth)
    inside = []
    for k in range(len(truth)):
        seen = []
        for row, value in zip(rows, made[k], strict=True):
            if row.error == "normal":  # shares: the same width, inside 0 and 1
                half = min(0.5 * (row.high - row.low), 0.9 * value, 0.9 * (1.0 - value))
                ends = (value - half, value + half)
            else:
                ends = (value * row.low / row.value, value * row.high / row.value)
            seen.append(dataclasses.replace(row, value=float(value), low=float(ends[0]), high=float(ends[1])))
        found = calibrate(seen, study(), k, False, Effort(2, 512), 32, STRUCTURES[:1])
        fit = found.fits["decides"]
        values = fit.values(fit.z)
        for name in ("budget_c", "budget_c_growth", "theta_f_dc", "grey_supply"):
            low, high = np.quantile(values[name], [0.05, 0.95])
            inside.append(low <= truth[name][k] <= high)
    assert sum(inside) >= 19  # of 24; chance alone gives fewer in 1 of 50
