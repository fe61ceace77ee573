"""What a run goes on from: any number of its blocks, damaged ones, a broken journal; and from what it does not."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from support.engine_case import INSTALLED, same, searched, small
from support.small import BLOCKS, EVALUATIONS, FLAGS, problem

from tiercap.optimizer.cli import group
from tiercap.optimizer.cli.guard import run
from tiercap.optimizer.errors import InputError
from tiercap.optimizer.runs.folder import RunFolder
from tiercap.optimizer.runs.identity import configuration
from tiercap.optimizer.search.archive import Outcome
from tiercap.optimizer.search.run import optimize
from tiercap.optimizer.study import engines


def order(folder: Path) -> list[Path]:
    """The committed blocks, first first."""
    return sorted((folder / "evaluations").glob("part-*.parquet"), key=lambda part: part.stat().st_mtime_ns)


# Every block, every engine


@pytest.mark.slow
@pytest.mark.parametrize("pruner", ["none", "wilcoxon"])
@pytest.mark.parametrize("engine", INSTALLED)
def test_every_engine_goes_on_from_every_block(engine: str, pruner: str, tmp_path: Path) -> None:
    """A folder that holds the first k blocks is what a death between the k-th and the next leaves."""
    settings = [f"search.pruner={pruner}", *(["search.options.points=4"] if engine == "grid" else [])]
    settings += ["search.options.startup_trials=8"] if engine in ("tpe", "gp") else []
    study = small(engine, *settings, tmp_path=tmp_path, single=pruner != "none")
    whole = searched(study, tmp_path / "whole")
    blocks = order(tmp_path / "whole")
    assert len(blocks) >= 5
    for k in range(len(blocks)):
        folder = tmp_path / f"{k}"
        shutil.copytree(tmp_path / "whole", folder)
        for block in blocks[k:]:
            (folder / "evaluations" / block.name).unlink()
        found = searched(study, folder)
        assert same(found, whole)
        assert 0 <= found.evaluations_reused < whole.evaluations
        assert (found.evaluations_reused > 0) is (k > 0)
        for block in blocks:
            assert (folder / "evaluations" / block.name).read_bytes() == block.read_bytes()
        shutil.rmtree(folder)


# Damage


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome]:
    """A finished run of the small study, with everything its folder holds."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    return folder, optimize(problem(), folder).found


def flipped(data: bytes) -> bytes:
    """One bit of the first column's values, which stand at the beginning."""
    return data[:200] + bytes([data[200] ^ 16]) + data[201:]


RUIN: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "torn": lambda data: data[: len(data) // 2],
    "short by one": lambda data: data[:-1],
    "garbage": lambda data: np.random.default_rng(1).bytes(len(data)),
    "a bit flipped": flipped,
    "zeros": lambda data: bytes(len(data)),
}


@pytest.mark.parametrize("how", RUIN)
def test_damaged_blocks_are_computed_again_to_the_same_bytes(
    how: str, whole: tuple[Path, Outcome], tmp_path: Path
) -> None:
    """Every block in its turn, and the others are reused; what is counted as reused was read."""
    folder = tmp_path / "run"
    shutil.copytree(whole[0], folder)
    damaged = list(BLOCKS)[list(RUIN).index(how) % 2 :: 2]  # every second one at once
    right = {}
    for name in damaged:
        part = folder / "evaluations" / f"part-{name}.parquet"
        right[part] = part.read_bytes()
        part.write_bytes(RUIN[how](right[part]))
    untouched = [part for part in order(folder) if part not in right]
    stamps = [(part.stat().st_ino, part.stat().st_mtime_ns) for part in untouched]
    found = searched(problem(), folder)
    assert same(found, whole[1])
    assert found.evaluations == EVALUATIONS
    assert found.evaluations_reused == EVALUATIONS - sum(BLOCKS[name] for name in damaged)
    for part, data in right.items():
        assert part.read_bytes() == data
        assert part.with_name(f"{part.name}.damaged").read_bytes() == RUIN[how](data)
    assert [(part.stat().st_ino, part.stat().st_mtime_ns) for part in untouched] == stamps
    events = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    assert sum(event["event"] == "damaged" for event in events) == len(damaged)


def test_a_sealed_block_without_what_is_asked_is_refused(whole: tuple[Path, Outcome], tmp_path: Path) -> None:
    """Other code may have written other columns under the same configuration."""
    folder = tmp_path / "run"
    shutil.copytree(whole[0], folder)
    (folder / "evaluations" / "part-screen-0000.parquet").unlink()
    with RunFolder.open(folder, configuration(problem())) as opened:
        stored = opened.block("promoted-0000")
        assert stored is not None
        opened.commit("screen-0000", {"other": stored["revenue"]}, {})
    with pytest.raises(InputError, match="block `screen-0000` holds other policies"):
        searched(problem(), folder)


# The Optuna study follows


def trials(folder: Path) -> list[tuple[object, ...]]:
    storage = JournalStorage(JournalFileBackend(str(folder / "study.journal")))
    found = optuna.load_study(study_name="china-2026", storage=storage).trials
    return [(t.number, t.state, t.params, t.values, t.constraints) for t in found]


JOURNALS: dict[str, Callable[[bytes], bytes]] = {
    "torn": lambda data: data[:-7],
    "a line missing": lambda data: b"\n".join(data.split(b"\n")[:9] + data.split(b"\n")[10:]),
    "a bit flipped": lambda data: data[:500] + bytes([data[500] ^ 1]) + data[501:],
    "garbage": lambda data: b"\0\xff" * 100,
    "empty": lambda data: b"",
}


@pytest.mark.parametrize("how", [*JOURNALS, "gone"])
def test_whatever_became_of_the_journal_it_is_made_anew_from_the_blocks(
    how: str, whole: tuple[Path, Outcome], tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(whole[0], folder)
    journal = folder / "study.journal"
    if how == "gone":
        journal.unlink()
    else:
        journal.write_bytes(JOURNALS[how](journal.read_bytes()))
    found = optimize(problem(), folder).found
    assert same(found, whole[1])
    assert found.evaluations_reused == EVALUATIONS
    assert trials(folder) == trials(whole[0])


# Another configuration


CHANGES = {
    "engine": (["--engine", "nsga2"], 'search.engine: "multi-fidelity" in the folder, "nsga2" now'),
    "option": (["--set", "search.options.children=4"], "search.options.children: 8 in the folder, 4 now"),
    "seed": (["--seed", "2"], "search.seed: 1 in the folder, 2 now"),
    "population": (["--set", "search.population=8"], "search.population: 16 in the folder, 8 now"),
    "screen": (["--set", "search.screen=512"], "search.screen: 256 in the folder, 512 now"),
    "patience": (["--set", "search.patience=3"], "search.patience: 0 in the folder, 3 now"),
    "direction": (["--set", "objectives.revenue=minimise"], '"maximise" in the folder, "minimise" now'),
    "objective": (["--set", "objectives.lock_in=minimise"], "objectives.lock_in: not set in the folder, "),
    "constraint": (["--set", "constraints.compute_lead.min=1"], "compute_lead.min: not set in the folder, 1.0 now"),
    "scenarios": (["--set", "scenarios.count=16"], "scenarios.count: 32 in the folder, 16 now"),
    "constant": (["--set", "slack=0.02"], "parameters.slack"),
    "smaller budget": (["--set", "search.trials=16"], "budget.trials: 32 in the folder, 16 now"),
}  # fmt: skip


@pytest.mark.parametrize("what", CHANGES)
def test_another_configuration_is_refused_with_the_difference(
    what: str, whole: tuple[Path, Outcome], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, (more, says) = whole[0], CHANGES[what]
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != "lock"}
    assert run(group, ["optimize", "china-2026", "-o", str(folder), "--seed", "1", *FLAGS, *more]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert says in told.err
    assert "larger budget" in told.err if what == "smaller budget" else "another configuration" in told.err
    assert "start a new run in another folder with -o" in told.err
    assert {path: path.read_bytes() for path in before} == before


def test_another_pruner_or_scale_is_refused_with_the_difference(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of one objective, which pruners ask for; a scale is a table, so it stands in the study."""
    small("random", tmp_path=tmp_path, single=True)
    study, scaled = tmp_path / "study.toml", tmp_path / "scaled.toml"
    scaled.write_text(study.read_text() + "[search.scale]\nrevenue = [80.0, 5.0]\n")
    flags = ["-o", str(tmp_path / "run"), "--engine", "random", "--seed", "3", *FLAGS[:-2]]  # but for scale = false
    assert run(group, ["optimize", str(study), *flags]) == 0
    capsys.readouterr()
    assert run(group, ["optimize", str(study), *flags, "--set", "search.pruner=wilcoxon"]) == 2
    assert 'search.pruner: "none" in the folder, "wilcoxon" now' in capsys.readouterr().err
    assert run(group, ["optimize", str(scaled), *flags]) == 2
    assert "search.scale" in capsys.readouterr().err


# Extension


@pytest.mark.slow
@pytest.mark.parametrize("engine", [name for name in INSTALLED if name in (engines.DEFAULT, "nsga2", "cmaes")])
def test_a_run_extended_twice_and_cut_between_is_the_run_it_would_have_been(engine: str, tmp_path: Path) -> None:
    """The second extension dies after its first block; what it takes up again is one of three sizes."""
    for count in (48, 64):
        searched(small(engine, f"search.trials={count}", tmp_path=tmp_path), tmp_path / "a")
    longest = small(engine, "search.trials=96", tmp_path=tmp_path)
    once = searched(longest, tmp_path / "a")
    order(tmp_path / "a")[-1].unlink()
    again = searched(longest, tmp_path / "a")
    straight = searched(longest, tmp_path / "b")
    assert same(once, straight)
    assert same(again, straight)
    assert straight.evaluations_reused == 0 < again.evaluations_reused < again.evaluations
    with pytest.raises(InputError, match=r"larger budget(?s:.)*budget\.trials: 96 in the folder, 64 now"):
        searched(small(engine, "search.trials=64", tmp_path=tmp_path), tmp_path / "a")
