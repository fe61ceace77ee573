"""One unit a name: a bare number is in the unit that `tiercap parameters NAME` tells, wherever it is written."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import tiercap.optimizer.api as api
from tiercap.kernels.params import PARAMETERS
from tiercap.optimizer.calibration.backcast import ensemble
from tiercap.optimizer.calibration.record import load_record
from tiercap.optimizer.calibration.replay import Replay, history
from tiercap.optimizer.cli import main
from tiercap.optimizer.errors import InputError
from tiercap.optimizer.io import columns
from tiercap.optimizer.model import ensembles, parameters
from tiercap.optimizer.model.scenarios import draw
from tiercap.optimizer.rules import policy_text
from tiercap.optimizer.rules.book import find_rule
from tiercap.optimizer.rules.encode import apply_levers, rule_levers
from tiercap.optimizer.rules.levers import LEVERS_TABLE, describe, part
from tiercap.optimizer.rules.nesting import policies
from tiercap.optimizer.rules.space import Lever, LeverSpace
from tiercap.optimizer.study import load, stored
from tiercap.optimizer.sweeps import axes, points
from tiercap.optimizer.tradeoffs.rounding import parse_grid

FREE, BASE = (rule_levers(find_rule(name)) for name in ("unrestricted", "ban"))
STUDY = load.load(None, (), {}, {})
BANDWIDTHS = [name for name, info in LEVERS_TABLE.items() if info.unit == "GB/s"]
OF_C = [name for name in BANDWIDTHS if name.startswith("c_")]
SPEEDS = [p.name for p in PARAMETERS if p.unit == "TB/s"]
#: A number that is off in the last bit when it is multiplied and divided carelessly.
WRITTEN, HELD = 1005.0, 1.005


def row_value(row: np.ndarray, name: str) -> float:
    place = part(name)
    return float(row.reshape(-1)[place.group][place.field][0, place.tier, 0])


def shown(*words: str, capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    with pytest.raises(SystemExit) as ended:
        main(["parameters", *words, "--json"])
    assert ended.value.code == 0
    return json.loads(capsys.readouterr().out)["parameters"]  # type: ignore[no-any-return]


def test_there_is_something_to_look_at() -> None:
    assert len(OF_C) == 6
    assert len(SPEEDS) == 6


@pytest.mark.parametrize("name", [*BANDWIDTHS, *SPEEDS])
def test_the_unit_told_is_gigabytes(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    (row,) = shown(name, capsys=capsys)
    assert (row["name"], row["unit"]) == (name, "GB/s")


def test_every_lever_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    told = {row["name"]: row["unit"] for row in shown(*LEVERS_TABLE, capsys=capsys)}
    assert told == {name: info.unit for name, info in LEVERS_TABLE.items()}


@pytest.mark.parametrize("name", OF_C)
def test_a_lever_means_the_same_wherever_it_is_written(name: str, tmp_path: Path) -> None:
    meant = [policy_text.parse(f"{name}={text}") for text in ("1005", "1005 GB/s", "1.005 TB/s")]
    table = f"{name}\n1005\n1.005 TB/s\n".encode()
    meant += [levers for *_, levers in policy_text.table(table, "t.csv", 5)]
    rows = [apply_levers(BASE, levers.values) for levers in meant]
    rows.append(policies(BASE, [name], np.array([[WRITTEN]]))[0])
    rows.append(LeverSpace([Lever(name, "GB/s", 1, 2000)], BASE).resolve(np.array([[WRITTEN]])))
    assert [row_value(row, name) for row in rows] == [HELD] * len(rows)
    assert describe(rows[0])[name] == WRITTEN
    assert axes.value(name, "1005") == axes.value(name, "1.005 TB/s") == WRITTEN
    assert parse_grid((f"{name}=1005",), (name,)) == parse_grid((f"{name}=1.005 TB/s",), (name,)) == {name: WRITTEN}
    for unit, value in (("GB/s", WRITTEN), ("TB/s", HELD)):
        file = tmp_path / "points.parquet"
        file.write_bytes(columns.to_parquet({name: np.array([value])}, {name: unit}))
        assert points.read(file, STUDY).coordinates(0, 1).tolist() == [[WRITTEN]]


def test_a_lever_means_the_same_from_python() -> None:
    study = api.study(settings={"scenarios.count": 8})
    given = {"number": {"c_open_memory": 1005}, "text": {"c_open_memory": "1.005 TB/s"}, "line": "c_open_memory=1005"}
    found = api.evaluate(given, study).revenue.values
    assert (found[0] == found[1]).all()
    assert (found[0] == found[2]).all()


@pytest.mark.parametrize("name", SPEEDS)
def test_a_parameter_means_the_same_wherever_it_is_written(name: str, tmp_path: Path) -> None:
    text = f'[study]\nextends = "builtin:china-2026"\nname = "s"\n[constants]\n{name} = 1005\n'
    (tmp_path / "s.toml").write_text(text)
    studies = [load.load(tmp_path / "s.toml", (), {}, {})]
    studies += [load.load(None, [f"{name}={text}"], {}, {}) for text in ("1005", "1.005 TB/s")]
    for study in studies:
        info = next(info for info in study.parameters if info.name == name)
        assert (info.value, info.unit) == (WRITTEN, "GB/s")
        assert stored.resolved(study)["parameters"][name] == WRITTEN
        assert stored.resolved(study)["units"][name] == "GB/s"
        assert draw(study.parameters, 2).table[name].tolist() == [HELD] * 2
    replay = Replay(load_record(), threads=1)
    for unit, value in (("GB/s", WRITTEN), ("TB/s", HELD)):
        file = tmp_path / "members.parquet"
        file.write_bytes(columns.to_parquet({name: np.array([value])}, {name: unit}))
        assert ensembles.load(file).columns[name].tolist() == [HELD]
        assert ensemble(str(file), replay, 9, 0).table[name].tolist() == [HELD]
        assert points.read(file, STUDY).coordinates(0, 1).tolist() == [[WRITTEN]]
    (tmp_path / "m.csv").write_text(f"{name}\n1005\n1.005 TB/s\n")
    assert ensemble(str(tmp_path / "m.csv"), replay, 9, 0).table[name].tolist() == [HELD] * 2
    assert ensembles.load(tmp_path / "m.csv").columns[name].tolist() == [HELD] * 2
    written = ensembles.to_parquet({name: np.array([HELD])})
    assert columns.from_parquet(written)[name].tolist() == [WRITTEN]
    assert columns.units_of(written)[name] == "GB/s"


def test_a_declared_unit_that_does_not_fit_is_refused_by_every_reader(tmp_path: Path) -> None:
    file = tmp_path / "m.parquet"
    file.write_bytes(columns.to_parquet({"frontier_m": np.array([8.0])}, {"frontier_m": "GUSD"}))
    for read in (ensembles.load, lambda path: points.read(path, STUDY)):
        with pytest.raises(InputError, match="frontier_m"):
            read(file)
    with pytest.raises(InputError, match="a header is a name alone: write `c_open_memory`"):
        policy_text.table(b"c_open_memory [TB/s]\n1\n", "t.csv", 5)


def test_the_data_that_ship_are_held_as_they_were_written() -> None:
    held = parameters.baseline()
    assert (held["frontier_m"], held["reference_m"], held["domestic_i"]) == (8.0, 3.35, 1.2)
    start = {info.name: info for info in history().parameters}
    assert (start["stack_m"].low, start["stack_m"].value, start["stack_m"].high) == (280.0, 360.0, 420.0)


def test_shares_of_the_frontier_are_written_as_they_are() -> None:
    row = apply_levers(FREE, {"c_open_memory": 0.5, "c_reading": 1, "c_licensed_memory": 0.75})
    assert (row_value(row, "c_open_memory"), row_value(row, "c_licensed_memory")) == (0.5, 0.75)
    assert describe(row)["c_open_memory"] == 0.5
