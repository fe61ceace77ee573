"""A run read back: the same study, the same front, and every way in which a folder can be something else."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import small

from tiercap.optimizer.errors import InputError, TiercapError
from tiercap.optimizer.io import columns
from tiercap.optimizer.runs import saved
from tiercap.optimizer.search.run import Run, optimize


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return optimize(small.problem(), tmp_path_factory.mktemp("run") / "run")


def test_the_front_comes_back_to_the_bit(made: Run) -> None:
    found = saved.load(made.path, 1)
    assert found.problem.study == made.problem.study
    assert found.levers.tobytes() == made.levers.tobytes()
    assert np.array_equal(found.means, made.front_values[:, :2])
    scoring = found.problem.scoring
    evaluator = found.problem.evaluator
    seen = scoring.seen(found.levers, evaluator)
    losses = scoring.losses_in(seen, evaluator.scenarios.weights) * scoring.signs[:, None]
    wanted = [(name, "mean") for name in found.problem.objectives]
    assert losses.shape == (len(found), 2, 32)
    losses[:, 1] = np.log(losses[:, 1])  # a lead's mean is geometric
    means = np.stack([losses[:, 0].mean(axis=-1), np.exp(losses[:, 1].mean(axis=-1))], axis=1)
    assert np.allclose(means, evaluator.statistics(found.levers, wanted), rtol=1e-12)
    assert found.other_code() == []


def test_other_code_is_named(made: Run, tmp_path: Path) -> None:
    folder = copied(made, tmp_path)
    change(folder, lambda m: m["configuration"]["code"].update(numba="0.1"))
    assert saved.load(folder).other_code() == ["numba"]


def test_a_run_whose_files_are_in_terabytes_is_the_same_run(made: Run, tmp_path: Path) -> None:
    """As before: levers in TB/s by the metadata, parameters of the manifest in the contract's units."""
    folder = copied(made, tmp_path)
    data = (folder / saved.FRONT).read_bytes()
    table, units = columns.from_parquet(data), columns.units_of(data)
    names = [name for name, unit in units.items() if unit == "GB/s"]
    assert len(names) == 4
    table |= {name: table[name] / 1000.0 for name in names}
    (folder / saved.FRONT).write_bytes(columns.to_parquet(table, units | dict.fromkeys(names, "TB/s")))

    def as_before(manifest: dict[str, Any]) -> None:
        manifest["digests"][saved.FRONT] = hashlib.sha256((folder / saved.FRONT).read_bytes()).hexdigest()
        told = manifest["study"]
        for name in [name for name, unit in told.pop("units").items() if unit == "GB/s"]:
            held = told["parameters"][name]
            numbers = held if isinstance(held, dict) else {"": held}
            scaled = {key: v if key in ("distribution", "sigma") else v / 1000.0 for key, v in numbers.items()}
            told["parameters"][name] = scaled if isinstance(held, dict) else scaled[""]

    change(folder, as_before)
    found = saved.load(folder)
    assert found.levers.tobytes() == made.levers.tobytes()
    assert found.problem.study == made.problem.study


def copied(made: Run, tmp_path: Path) -> Path:
    shutil.copytree(made.path, tmp_path / "run")
    return tmp_path / "run"


def change(folder: Path, edit: Any) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    edit(manifest)
    (folder / "manifest.json").write_text(json.dumps(manifest))


EDITS: dict[str, tuple[Any, str]] = {
    "no study": (lambda m: m.pop("study"), "holds no study"),
    "study is text": (lambda m: m.update(study="x"), "holds no study"),
    "no levers": (lambda m: m["study"]["levers"].clear(), "at least one lever"),
    "years as text": (lambda m: m["study"]["horizon"].update(years="x"), "holds no study"),
    "half a year": (lambda m: m["study"]["horizon"].update(years=1.5), "of another tiercap"),
    "unknown outcome": (lambda m: m["study"]["objectives"].update(profit="maximise"), "holds no study"),
    "parameter gone": (lambda m: m["study"]["parameters"].pop("slack"), "with another model"),
    "outside its domain": (lambda m: m["study"]["parameters"].update(slack=3.0), "holds no study"),
    "another ensemble": (lambda m: m["configuration"]["scenarios"].update(file="0"), "is not the one that the run"),
    "no digests": (lambda m: m.update(digests={}), "is not finished"),
    "digests are a list": (lambda m: m.update(digests=[]), "is not finished"),
    "infeasible": (lambda m: m.update(infeasible={}), "no feasible policy"),
    "another kind": (lambda m: m.update(kind="x"), "is not a run folder"),
    "another version": (lambda m: m.update(schema_version=9), "has schema version 9"),
    "another objective": (lambda m: m["study"]["objectives"].pop("compute_lead"), ""),
}


@pytest.mark.parametrize("what", EDITS)
def test_a_manifest_that_was_changed(what: str, made: Run, tmp_path: Path) -> None:
    edit, says = EDITS[what]
    folder = copied(made, tmp_path)
    change(folder, edit)
    if not says:  # another sound study over the same levers: the front is read in its terms
        assert saved.load(folder).problem.objectives == ["revenue"]
        return
    with pytest.raises(InputError) as refusal:
        saved.load(folder)
    assert says in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_front_that_was_changed_or_is_gone(made: Run, tmp_path: Path) -> None:
    folder = copied(made, tmp_path)
    front = folder / "front.parquet"
    data = bytearray(front.read_bytes())
    data[len(data) // 2] ^= 1
    front.write_bytes(data)
    with pytest.raises(InputError, match="is not the one that the manifest lists"):
        saved.load(folder)
    change(folder, lambda m: m["digests"].update({"front.parquet": hashlib.sha256(data).hexdigest()}))
    with pytest.raises(InputError, match="is damaged"):
        saved.load(folder)
    front.unlink()
    with pytest.raises(InputError, match="is gone"):
        saved.load(folder)


def test_what_is_no_run(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "manifest.json").write_text("{")
    (tmp_path / "list").mkdir()
    (tmp_path / "list" / "manifest.json").write_text("[]")
    for place, says in {
        "missing": "does not exist", "file": "is a file", ".": "has no manifest.json", "broken": "cannot be read",
        "list": "is not a run folder", "a\0b": "NUL",
    }.items():  # fmt: skip
        with pytest.raises(TiercapError) as refusal:
            saved.load(tmp_path / place)
        assert says in str(refusal.value)
        assert "\n" not in str(refusal.value)


def test_a_run_of_another_model_says_what_made_it(tmp_path: Path) -> None:
    code = {"tiercap": "0.9.1", "kernel_sources": "0123456789abcdef"}
    found = {"study": {"parameters": {"demand_a": 1.0}}, "configuration": {"code": code}}
    with pytest.raises(InputError) as caught:
        saved._study(found, tmp_path)
    said = str(caught.value)
    assert "made by tiercap 0.9.1 (kernels 0123456789ab) with another model" in said
    assert "`demand_a`: it belongs to an older version, use `spending_a`" in said
