"""`verify` and `replicate`: the same bits, or a list of what differs and exit code 5."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import small

from tiercap.optimizer.cli import group
from tiercap.optimizer.cli.guard import run
from tiercap.optimizer.errors import InputError
from tiercap.optimizer.io import columns
from tiercap.optimizer.runs.identity import fingerprint
from tiercap.optimizer.runs.verify import verify
from tiercap.optimizer.search.replicate import replicate
from tiercap.optimizer.search.run import optimize

#: Policies that the small run stores in all 32 scenarios: the promoted and two generations.
WHOLE = sum(n for name, n in small.BLOCKS.items() if name.startswith(("promoted", "generation"))) // 32
#: And in the few; its front comes on top.
FEW = sum(n for name, n in small.BLOCKS.items() if name.startswith(("screen", "bred", "children"))) // 8


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return optimize(small.problem(), tmp_path_factory.mktemp("run") / "run").path


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "run")
    return tmp_path / "run"


def manifest(folder: Path, edit: Callable[[dict[str, Any]], object] = lambda found: None) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
    edit(found)
    (folder / "manifest.json").write_text(json.dumps(found))
    return found


def forge(folder: Path, name: str, column: str, row: int) -> None:
    """Raise one value by one unit in the last place, in a file that proves itself whole and is listed as it is."""
    stem = Path(name).stem.removeprefix("part-")
    seal = f"{fingerprint(manifest(folder)['configuration'])}/{stem}" if "/" in name else ""
    data = (folder / name).read_bytes()
    table, units = columns.from_parquet(data, seal), columns.units_of(data, seal)
    table[column][row] = np.nextafter(table[column][row], np.inf)
    (folder / name).write_bytes(columns.to_parquet(table, units, seal))
    digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    manifest(folder, lambda found: found["digests"].update({name: digest}))


def test_every_stored_policy_comes_again(made: Path) -> None:
    seen: list[int] = []
    found = verify(made, None, threads=1, started=lambda total: seen.append(total) or seen.append)  # type: ignore[func-returns-value]
    assert found.differences == () == found.other
    assert found.stored == found.checked == seen[0] == sum(seen[1:])
    assert found.stored > WHOLE + FEW
    assert found.files == len(manifest(made)["digests"])
    assert verify(made, 10, threads=2).checked == 10


@pytest.mark.parametrize(
    ("name", "column"),
    [("front.parquet", "compute_lead_p95"), ("front.parquet", "revenue_fresh"),
     ("evaluations/part-screen-0000.parquet", "revenue"),
     ("evaluations/part-generation-00002-0000.parquet", "lock_in")],
)  # fmt: skip
def test_one_unit_in_the_last_place_is_found(name: str, column: str, folder: Path) -> None:
    forge(folder, name, column, 3)
    (told,) = verify(folder, None, threads=1).differences
    assert told.startswith(f"{name}: {column}: 1 of ")
    assert "in row 3" in told


def test_blocks_of_a_pruner_are_computed_again(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_text('[study]\nextends = "builtin:china-2026"\n[objectives]\nrevenue = "maximise"\n')
    settings = ("search.pruner=wilcoxon", "search.engine=random")
    folder = optimize(small.problem(*settings, study=str(path)), tmp_path / "run").path
    name = "evaluations/part-few-00001-0000.parquet"
    assert name in manifest(folder)["digests"]
    assert verify(folder, None, threads=1).differences == ()
    forge(folder, name, "s3", 2)
    (told,) = verify(folder, None, threads=1).differences
    assert told.startswith(f"{name}: s3: 1 of ")


def test_the_sample_is_the_seeds(folder: Path) -> None:
    forge(folder, "evaluations/part-screen-0000.parquet", "revenue", 3)
    results = [bool(verify(folder, 500, seed, threads=1).differences) for seed in range(12)]
    assert results == [bool(verify(folder, 500, seed, threads=2).differences) for seed in range(12)]
    assert set(results) == {True, False}


def test_files_that_are_not_as_listed(folder: Path) -> None:
    (folder / "codebook.csv").write_text("name\n")
    (folder / "convergence.csv").unlink()
    (folder / "front.csv").unlink()
    (folder / "front.csv").symlink_to(folder / "convergence.parquet")
    (folder / "notes.md").write_text("mine")
    manifest(folder, lambda found: found["digests"].update({"../secret.csv": "0" * 64}))
    found = verify(folder, 0, threads=1)
    told = {line.partition(" ")[0]: line.partition(" ")[2] for line in found.differences}
    assert told.keys() == {"codebook.csv", "convergence.csv", "front.csv", "../secret.csv"}
    assert told["codebook.csv"].startswith("has another SHA-256")
    assert told["convergence.csv"] == "is missing"
    assert told["front.csv"] == "cannot be read: it is a link"
    assert told["../secret.csv"] == "is no name of a file in a run folder"
    assert found.uncovered == ("notes.md",)


def test_a_damaged_block_is_named_and_the_rest_is_checked(folder: Path) -> None:
    name = "evaluations/part-promoted-0000.parquet"
    (folder / name).write_bytes((folder / name).read_bytes()[:-9])
    found = verify(folder, None, threads=1)
    assert [line.partition(" ")[0] for line in found.differences] == [name]
    assert found.checked > FEW


def test_a_run_replicates_from_its_manifest_alone(made: Path, tmp_path: Path) -> None:
    (tmp_path / "alone").mkdir()
    shutil.copy(made / "manifest.json", tmp_path / "alone")
    found = replicate(tmp_path / "alone" / "manifest.json", tmp_path / "again", threads=2)
    assert found.differences == ()
    assert found.files == len(manifest(made)["digests"])
    assert (tmp_path / "again" / "front.csv").read_bytes() == (made / "front.csv").read_bytes()


def test_sealed_blocks_of_other_code_are_compared_only_where_they_are(made: Path, tmp_path: Path) -> None:
    (tmp_path / "alone").mkdir()
    shutil.copy(made / "manifest.json", tmp_path / "alone")
    blocks = [name for name in manifest(made)["digests"] if "/" in name]

    def edit(found: dict[str, Any]) -> None:
        found["configuration"]["code"]["numba"] = "0.1"
        found["digests"].update(dict.fromkeys(blocks, "0" * 64))

    manifest(tmp_path / "alone", edit)
    found = replicate(tmp_path / "alone", tmp_path / "again", threads=1)
    assert found.differences == ()
    assert found.files == len(manifest(made)["digests"]) - len(blocks)


def test_what_a_replication_lists(folder: Path, tmp_path: Path) -> None:
    forge(folder, "front.parquet", "compute_lead", 2)
    manifest(folder, lambda found: found["digests"].update({"front.csv": "0" * 64, "notes.md": "0" * 64}))
    manifest(folder, lambda found: found["digests"].pop("convergence.csv"))
    manifest(folder, lambda found: found["hypervolume"].update(low=0.0))
    told = replicate(folder, tmp_path / "again", threads=1).differences
    assert [line for line in told if line.startswith("front.parquet: compute_lead: 1 of ") and "in row 2" in line]
    assert {*told} >= {"front.csv differs", "convergence.csv is new", "manifest: hypervolume differs"}
    assert len(told) == 4


def test_a_replication_starts_from_nothing(made: Path) -> None:
    with pytest.raises(InputError, match="starts from nothing"):
        replicate(made, made)


def test_an_ensemble_may_have_moved_but_not_changed(tmp_path: Path) -> None:
    from tiercap.optimizer.model import ensembles

    mine, moved = tmp_path / "mine.parquet", tmp_path / "moved.parquet"
    shutil.copy(ensembles.builtin_path("calibrated-2024"), mine)
    first = optimize(small.problem(f"scenarios.file={mine}"), tmp_path / "run").path
    mine.rename(moved)
    found = replicate(first, tmp_path / "again", threads=1, ensemble=moved)
    assert found.differences == ()
    with pytest.raises(InputError, match="is not the one"):
        replicate(first, tmp_path / "other", ensemble=ensembles.builtin_path("calibrated-2026"))


def test_exit_codes_and_sentences(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(group, ["verify", str(folder), "--sample", "20"]) == 0
    assert "Same bits." in capsys.readouterr().out
    manifest(folder, lambda found: found["configuration"]["code"].update(numba="0.1", kernel_sources="x"))
    manifest(folder, lambda found: found["machine"].update(vector_bits=64))
    assert run(group, ["verify", str(folder), "--sample", "20"]) == 5  # blocks are sealed with the configuration
    told = capsys.readouterr()
    (said,) = told.err.splitlines()
    assert said.startswith("the run was made with numba 0.1 (here ")
    assert "the sources of the kernels" in said
    assert "vector bits 64 (here " in said
    assert "does not hold what this run would store" in told.out
    assert run(group, ["replicate", str(folder), "-o", str(tmp_path / "again"), "-q", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["same"] is True
    assert len(found["made_otherwise"]) == 3
    manifest(folder, lambda found: found["hypervolume"].update(low=0.0))
    assert run(group, ["replicate", str(folder), "-o", str(tmp_path / "third")]) == 5
    assert "1 difference:\n  manifest: hypervolume differs\n" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["verify", "replicate"])
def test_what_is_no_run_is_one_sentence(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(group, [command, str(tmp_path)]) == 2
    (told,) = capsys.readouterr().err.splitlines()
    assert told.startswith("error: ")
    assert "not a run folder" in told


def test_of_other_folders_the_files_are_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "sweep.csv").write_text("a\n1\n")
    digest = hashlib.sha256(b"a\n1\n").hexdigest()
    told = {"kind": "tiercap sweep", "schema_version": 1, "configuration": {}, "digests": {"sweep.csv": digest}}
    (tmp_path / "manifest.json").write_text(json.dumps(told))
    assert run(group, ["verify", str(tmp_path)]) == 0
    assert "1 files of a sweep against their digests; nothing was computed again." in capsys.readouterr().out
    (tmp_path / "sweep.csv").write_text("a\n2\n")
    assert run(group, ["verify", str(tmp_path)]) == 5
    assert "sweep.csv has another SHA-256" in capsys.readouterr().out
