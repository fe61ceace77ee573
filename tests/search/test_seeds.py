"""Several searches in one call: each as if alone, the union a run, agreement as defined, kills, refusals."""

from __future__ import annotations

import io
import json
import math
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from support import small
from support.small import BLOCKS, EVALUATIONS, FLAGS

from tiercap.optimizer.cli import group
from tiercap.optimizer.cli.guard import run
from tiercap.optimizer.cli.search_bar import standing
from tiercap.optimizer.errors import InfeasibleError, InputError
from tiercap.optimizer.model import convergence, front
from tiercap.optimizer.model.scenarios import MAX_SEED
from tiercap.optimizer.paper.material import Material
from tiercap.optimizer.paper.words import methods
from tiercap.optimizer.runs import saved as saved_run
from tiercap.optimizer.runs.verify import verify
from tiercap.optimizer.search import seeds
from tiercap.optimizer.search.replicate import replicate
from tiercap.optimizer.search.run import optimize
from tiercap.optimizer.search.seeds import SeedsRun
from tiercap.optimizer.study import load
from tiercap.optimizer.study.problem import Problem

#: Searches in which a policy costs next to nothing: sixteen random ones.
RANDOM = ("search.engine=random", "search.screen=0", "search.trials=16")
#: The command, killed in the second of two searches, between the two, or before the folder of both is written.
KILLED = """
import os, signal, sys
from tiercap.optimizer.search import run as optimize, loop
from tiercap.optimizer.cli import main
where = sys.argv[1]
advance, write = loop.Search._advance, optimize.write
def within(self, evaluations):
    advance(self, evaluations)
    if where == "within" and self.folder.path.name == "seed-2" and self.done > int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
def written(run, folder, *beside):
    if where == "before the union" and not folder.path.name.startswith("seed-"):
        os.kill(os.getpid(), signal.SIGKILL)
    write(run, folder, *beside)
    if where == "between":
        os.kill(os.getpid(), signal.SIGKILL)
loop.Search._advance, optimize.write = within, written
main(sys.argv[3:])
"""


def table(path: Path) -> dict[str, np.ndarray]:
    found = pq.read_table(path)
    return {name: found[name].to_numpy() for name in found.column_names}


def files(folder: Path) -> dict[str, bytes]:
    """What a folder says, without what names a time."""
    kept = [p for p in folder.rglob("*") if p.suffix in (".parquet", ".csv", ".journal")]
    return {str(p.relative_to(folder)): p.read_bytes() for p in kept}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> SeedsRun:
    return seeds.search(small.problem(), (1, 2), tmp_path_factory.mktemp("seeds") / "run")


@pytest.fixture(scope="module")
def stated(tmp_path_factory: pytest.TempPathFactory) -> SeedsRun:
    """The same of a study that states a scale."""
    problem = small.problem()
    scale = {"revenue": (70.0, 0.0), "compute_lead": (15.0, 12.0), "substitution": (100.0, 160.0)}
    study = replace(problem.study, search=replace(problem.study.search, scale=scale))
    return seeds.search(Problem(study, 1), (1, 2), tmp_path_factory.mktemp("stated") / "run")


def test_each_seed_is_the_run_it_would_have_been_alone(made: SeedsRun, tmp_path: Path) -> None:
    alone = optimize(small.problem("search.seed=2"), tmp_path / "alone")
    told, mine = files(alone.path), files(made.path / "seed-2")
    assert told.keys() == mine.keys()
    assert [name for name in told if told[name] != mine[name] and name != "study.journal"] == []
    assert made.each[1].run is not None
    assert made.each[1].run.hypervolume == alone.hypervolume
    first = made.each[0].run
    assert first is not None
    assert first.problem.scenarios.table.tobytes() == alone.problem.scenarios.table.tobytes()
    assert made.found.evaluations == 2 * EVALUATIONS


def test_the_front_of_all_is_what_no_policy_of_any_dominates(made: SeedsRun) -> None:
    union = table(made.path / "front.parquet")
    names = made.problem.objectives
    each = {seed: table(made.path / f"seed-{seed}" / "front.parquet") for seed in (1, 2)}
    signs = made.problem.scoring.signs
    points = {seed: np.stack([found[n] for n in names], axis=1) * signs for seed, found in each.items()}
    together = np.concatenate([*points.values()])
    beaten = [((together <= p).all(axis=1) & (together < p).any(axis=1)).any() for p in together]
    expected = together[~np.array(beaten)]
    mine = np.stack([union[n] for n in names], axis=1) * made.problem.scoring.signs
    assert sorted(map(tuple, mine)) == sorted(map(tuple, expected))
    assert set(union["seed"]) == {1, 2}
    for seed, found in each.items():
        rows = np.flatnonzero(union["seed"] == seed)
        assert len(rows) == made.each[seed - 1].shared
        for row in rows:
            (place,) = np.flatnonzero((points[seed] == mine[row]).all(axis=1))
            assert all(union[name][row] == found[name][place] for name in made.problem.space.names)


@pytest.mark.parametrize("kind", ["made", "stated"])
def test_hypervolume_and_epsilon_are_on_one_scale(kind: str, request: pytest.FixtureRequest) -> None:
    made: SeedsRun = request.getfixturevalue(kind)
    assert seeds.seeds_json(made)["scale"]["stated_by"] == ("study" if kind == "stated" else "seed 1")
    first, second = (one.run for one in made.each)
    assert first is not None
    assert second is not None
    scale = first.found.ideal, first.found.nadir
    assert np.array_equal(scale[0], second.found.ideal) == (kind == "stated")
    union = made.problem.scoring.losses(made.front_values)
    for one, alone in zip(made.each, (first, second), strict=True):
        losses = alone.problem.scoring.losses(alone.front_values)
        assert one.volume == convergence.scaled_hypervolume(losses, *scale)
        moved = front.normalise(losses, *scale) - one.epsilon - 1e-12
        assert all((moved <= point).all(axis=1).any() for point in front.normalise(union, *scale))
        assert one.epsilon > 0.0
    assert made.each[0].volume == first.hypervolume[0]
    assert made.hypervolume[0] >= max(made.volumes)
    assert made.screened_hypervolume < made.hypervolume[0]


def test_convergence_of_all_seeds_is_on_the_scale_of_the_first(made: SeedsRun) -> None:
    together, own = table(made.path / "convergence.parquet"), table(made.path / "seed-1" / "convergence.parquet")
    assert next(iter(together)) == "seed"
    for name, column in own.items():
        assert np.array_equal(together[name][together["seed"] == 1], column)
    second = together["seed"] == 2
    assert together["hypervolume"][second][-1] == made.each[1].volume
    other = table(made.path / "seed-2" / "convergence.parquet")
    assert np.array_equal(together["front"][second], other["front"])
    assert not np.array_equal(together["hypervolume"][second], other["hypervolume"])


def test_attainment_is_in_the_objectives_units(made: SeedsRun) -> None:
    found, union = table(made.path / "attainment.parquet"), table(made.path / "front.parquet")
    names = made.problem.objectives
    assert list(found) == ["attained_by", *names]
    assert set(found["attained_by"]) == {1, 2}
    best = found["attained_by"] == 1
    told = sorted(zip(*(found[n][best] for n in names), strict=True))
    assert told == sorted(zip(*(union[n] for n in names), strict=True))
    field = pq.read_schema(made.path / "attainment.parquet").field("revenue")
    assert field.metadata[b"unit"] == b"GUSD"
    assert "attained_by" in (made.path / "codebook.csv").read_text()
    assert "\nseed," in (made.path / "codebook.csv").read_text()


def test_more_objectives_than_attainment_takes(tmp_path: Path) -> None:
    ways = ("revenue=maximise", "compute_lead=maximise", "substitution=minimise", "lock_in=minimise")
    problem = small.problem(*RANDOM, *(f"objectives.{way}" for way in ways))
    assert seeds.search(problem, (1, 2), tmp_path / "run").surfaces is None
    assert not (tmp_path / "run" / "attainment.parquet").exists()


def test_the_folder_of_all_is_a_run(made: SeedsRun, capsys: pytest.CaptureFixture[str]) -> None:
    saved = saved_run.load(made.path, 1)
    assert saved.levers.tobytes() == made.levers.tobytes()
    assert saved.other_code() == []
    assert run(group, ["pick", str(made.path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["of"] == len(made.levers)
    runs = [str(made.path), *(str(made.path / f"seed-{seed}") for seed in (1, 2))]
    assert run(group, ["compare", *runs, "--json"]) == 0
    union, *others, _rule = json.loads(capsys.readouterr().out)["contenders"]
    assert union["hypervolume"]["mean"] >= max(other["hypervolume"]["mean"] for other in others)
    assert [other["beats"][union["name"]]["policies"] for other in others] == [0, 0]


def test_the_manifest_says_how_they_agree(made: SeedsRun) -> None:
    manifest = json.loads((made.path / "manifest.json").read_text())
    assert manifest["configuration"]["seeds"] == "counted"
    assert manifest["configuration"]["budget"] == {"trials": 32, "seeds": 2}
    assert {"front.parquet", "convergence.parquet", "attainment.parquet"} <= set(manifest["digests"])
    told = manifest["seeds"]
    assert [one["seed"] for one in told["each"]] == [1, 2]
    for one in told["each"]:
        inner = json.loads((made.path / one["run"] / "manifest.json").read_text())
        assert one["front_sha256"] == inner["digests"]["front.parquet"]
    volumes = [one["hypervolume"] for one in told["each"]]
    assert told["hypervolume"]["median"] == pytest.approx(sum(volumes) / 2)
    assert told["hypervolume"]["interval"] == {
        "low": min(volumes), "high": max(volumes), "confidence": 0.5, "method": "order statistics",
    }  # fmt: skip


@pytest.mark.slow
def test_all_seeds_verify_and_replicate(made: SeedsRun, tmp_path: Path) -> None:
    for folder in (made.path, made.path / "seed-2"):
        checked = verify(folder, None, threads=1)
        assert (checked.kind, checked.differences, checked.uncovered) == ("run", (), ())
    (tmp_path / "alone").mkdir()
    shutil.copy(made.path / "manifest.json", tmp_path / "alone")
    found = replicate(tmp_path / "alone", tmp_path / "again", threads=2)
    assert found.differences == ()
    assert found.files == len(json.loads((made.path / "manifest.json").read_text())["digests"])
    assert files(tmp_path / "again" / "seed-2")["front.csv"] == files(made.path / "seed-2")["front.csv"]


def test_a_paper_says_how_many_searches_there_were(made: SeedsRun) -> None:
    several, one = (" ".join(methods(Material(saved_run.load(path, 1)))) for path in (made.path, made.path / "seed-2"))
    assert "once from each of the seeds 1, 2, and the front is that of all together" in several
    assert "at a time, seed 2." in one


def test_seeds_are_read_back_from_the_manifest(made: SeedsRun) -> None:
    assert seeds.recorded(json.loads((made.path / "manifest.json").read_text())) == (1, 2)
    assert seeds.recorded(json.loads((made.path / "seed-1" / "manifest.json").read_text())) is None
    assert seeds.recorded({"seeds": {"each": [{"seed": 7}]}}) == (7,)
    for odd in ({}, {"each": []}, {"each": [{}]}, 3):
        with pytest.raises(InputError, match="does not say which seeds"):
            seeds.recorded({"seeds": odd})


def with_volumes(made: SeedsRun, *volumes: float) -> SeedsRun:
    return replace(made, each=[replace(made.each[0], seed=k, volume=v) for k, v in enumerate(volumes)])


def test_converged_is_settled_and_agreed(made: SeedsRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tiercap.optimizer.search.run.SETTLED", 0.0)
    assert not with_volumes(made, 1.0, 1.0).converged  # nothing has settled by that measure
    monkeypatch.setattr("tiercap.optimizer.search.run.SETTLED", 1.0)
    close, apart, one = (with_volumes(made, *v) for v in ((1.0, 1.01), (1.0, 1.02), (1.0,)))
    assert close.converged
    assert not apart.converged
    assert not apart.agree
    says = "every seed had settled by itself, and the hypervolumes span 2 % of their median (limit 1 %)"
    assert apart.settled() == says
    assert one.converged
    assert not with_volumes(made, 0.0, 0.0, 1.0).agree
    rising = replace(apart, each=[replace(apart.each[0], run=None, volume=0.0), apart.each[1]])
    assert rising.settled().startswith("seed 0 had not settled, and the hypervolumes span 2e+02 %")


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    "where", ["within", pytest.param("between", marks=SLOW), pytest.param("before the union", marks=SLOW)]
)
def test_a_killed_call_goes_on_to_the_same_bits(where: str, made: SeedsRun, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    arguments = ["optimize", "china-2026", "-o", str(folder), "--seed", "1", "--seeds", "2", *FLAGS]
    committed = BLOCKS["screen-0000"] + BLOCKS["bred-00001-0000"]  # of the second search when it is killed
    command = [sys.executable, "-c", KILLED, where, str(committed), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert (folder / "seed-2").exists() == (where != "between")
    assert not (folder / "front.parquet").exists()
    with pytest.raises(InputError, match="is not finished"):
        saved_run.load(folder)
    again = seeds.search(small.problem(), (1, 2), folder)
    kept = {"within": EVALUATIONS + committed, "between": EVALUATIONS, "before the union": 2 * EVALUATIONS}
    assert again.found.evaluations_reused == kept[where]
    told, mine = files(made.path), files(folder)
    assert told.keys() == mine.keys()
    assert [name for name in told if told[name] != mine[name] and not name.endswith("journal")] == []


def test_seeds_may_become_more_and_not_fewer(made: SeedsRun, tmp_path: Path) -> None:
    shutil.copytree(made.path, tmp_path / "run")
    more = seeds.search(small.problem(), (1, 2, 3), tmp_path / "run")
    assert [one.seed for one in more.each] == [1, 2, 3]
    assert more.found.evaluations_reused == 2 * EVALUATIONS
    assert [one.volume for one in more.each[:2]] == made.volumes
    with pytest.raises(InputError, match=r"budget\.seeds: 3 in the folder, 2 now"):
        seeds.search(small.problem(), (1, 2), tmp_path / "run")
    with pytest.raises(InputError, match="seeds: \"counted\" in the folder, not set now"):
        optimize(small.problem(), tmp_path / "run")
    with pytest.raises(InputError, match=r"seeds\.0: not set in the folder, 1 now"):
        seeds.search(small.problem(), (1, 5, 3), tmp_path / "run")
    with pytest.raises(InputError, match="seeds: not set in the folder"):
        seeds.search(small.problem(), (1, 2), tmp_path / "run" / "seed-1")


def test_seeds_as_people_write_them() -> None:
    assert seeds.parse("3", 5) == (5, 6, 7)
    assert seeds.parse("1", 0) == (0,)
    assert seeds.parse("1, 2,5", 0) == (1, 2, 5)


WRONG = {
    "": "not ``",
    "0": "1 to 100",
    "-1": "not `-1`",
    "101": "1 to 100",
    "1.5": "not `1.5`",
    "three": "not `three`",
    "1,,2": "not `1,,2`",
    "4,": "not `4,`",
    "\u0663": "how many seeds",
    "1,2,1": "names 1 twice",
    f"1,{MAX_SEED + 1}": "a seed is at most",
    "1," + "9" * 25: "how many seeds",
    ",".join(map(str, range(101))): "not 101 seeds",
}


@pytest.mark.parametrize("text", WRONG)
def test_a_wrong_list_is_one_sentence_and_makes_no_folder(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(group, ["optimize", "china-2026", f"--seeds={text}", *FLAGS]) == 2
    told = capsys.readouterr()
    assert WRONG[text] in told.err
    assert told.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_seeds_beyond_the_largest_are_refused() -> None:
    with pytest.raises(InputError, match="a seed is at most"):
        seeds.parse("2", MAX_SEED)


def flags(*settings: str) -> list[str]:
    return [*FLAGS, *(part for setting in settings for part in ("--set", setting))]


def test_one_seed_says_that_it_says_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["optimize", "china-2026", "-o", str(tmp_path / "run"), "--seeds", "1", *flags(*RANDOM)]
    assert run(group, command) == 0
    told = capsys.readouterr().out
    assert "One seed says nothing of chance" in told
    assert "Median" not in told
    assert run(group, [*command, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["seeds"]
    assert found["agree"] is None
    assert found["hypervolume"]["interval"] is None
    assert found["hypervolume"]["spread"] == 0.0
    assert found["each"][0]["epsilon"] == 0.0


def test_the_report_and_the_demand_for_convergence(
    made: SeedsRun, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tiercap.optimizer.search.run.SETTLED", 0.0)
    folder = shutil.copytree(made.path, tmp_path / "run")
    command = ["optimize", "china-2026", "-o", str(folder), "--seed", "1", "--seeds", "2", *FLAGS]
    command += ["--require-converged"]
    assert run(group, command) == 4
    told = capsys.readouterr()
    assert f"{made.each[1].volume:.4f}" in told.out
    assert "With 50 % confidence the median of all possible seeds lies between" in told.out
    assert "kept from before" in told.out
    last = told.err.splitlines()[-1]
    assert "error: the search was still finding more: seeds 1, 2 had not settled, and the hypervolumes span" in last
    assert f"go on with tiercap optimize china-2026 -o {folder} --seed 1 --seeds 2 --set search.screen=256" in last
    assert run(group, [*command, "--json"]) == 4
    found = json.loads(capsys.readouterr().out)
    assert found["converged"] is False
    assert found["seeds"] == json.loads((folder / "manifest.json").read_text())["seeds"]
    assert len(found["front"]) == len(made.levers)


def largest_lead(found: SeedsRun) -> list[float]:
    place = found.problem.objectives.index("compute_lead")
    return [float(one.run.front_values[:, place].max()) for one in found.each if one.run]


def test_a_seed_without_a_feasible_policy_disagrees(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    free = seeds.search(small.problem(*RANDOM), (1, 2, 3), tmp_path / "free")
    leads = largest_lead(free)
    least, second = sorted(leads)[:2]
    poor = (1, 2, 3)[leads.index(least)]
    bound = f"constraints.compute_lead.min={(least + second) / 2.0:.6f}"
    found = seeds.search(small.problem(*RANDOM, bound), (1, 2, 3), tmp_path / "run")
    lost = next(one for one in found.each if one.seed == poor)
    assert (lost.run, lost.volume, lost.epsilon, lost.shared) == (None, 0.0, math.inf, 0)
    assert found.found.evaluations == free.found.evaluations
    assert not found.agree
    assert not found.converged
    assert found.surfaces is not None
    assert len(found.surfaces[3]) == 0
    assert len(found.surfaces[2]) > 0
    command = ["optimize", "china-2026", "-o", str(tmp_path / "run"), "--seed", "1", "--seeds", "3"]
    command += flags(*RANDOM, bound)
    assert run(group, command) == 0
    assert "nothing feasible" in capsys.readouterr().out


def test_nothing_feasible_in_any_seed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    impossible = "constraints.compute_lead.min=1000"
    with pytest.raises(InfeasibleError, match="none of 2 seeds found a feasible policy; of the first: no policy of"):
        seeds.search(small.problem(*RANDOM, impossible), (1, 2), tmp_path / "run")
    with pytest.raises(InputError, match="found no feasible policy"):
        saved_run.load(tmp_path / "run")
    command = ["optimize", "china-2026", "-o", str(tmp_path / "run"), "--seed", "1", "--seeds", "2"]
    command += flags(*RANDOM, impossible)
    assert run(group, [*command, "--json"]) == 3
    assert set(json.loads(capsys.readouterr().out)) == {"schema_version", "infeasible"}


def test_a_stated_scale_goes_before_the_first_seeds(tmp_path: Path) -> None:
    study = tmp_path / "study.toml"
    scale = "revenue = [80.0, 5.0]\ncompute_lead = [15.0, 12.0]\n"
    study.write_text(f'[study]\nextends = "builtin:china-2026"\n[search.scale]\n{scale}')
    problem = Problem(load.load(study, [*small.SETTINGS[:-1], *RANDOM], {"seed": 1}, {}), 1)
    told: Any = seeds.seeds_json(seeds.search(problem, (4, 2), tmp_path / "run"))
    assert told["scale"]["stated_by"] == "study"
    assert told["scale"]["best"] == {"revenue": 80.0, "compute_lead": 15.0}
    assert [one["seed"] for one in told["each"]] == [4, 2]


def test_what_a_policy_is_worth_does_not_depend_on_the_seed_of_the_search() -> None:
    one, other = small.problem("search.seed=1"), small.problem("search.seed=2")
    assert one.rivals.tobytes() == other.rivals.tobytes()


class Terminal(io.StringIO):
    """What rich takes for a terminal."""

    def isatty(self) -> bool:
        return True


def test_the_bar_runs_over_all_seeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setattr(sys, "stderr", screen)
    more = flags(*RANDOM, "search.trials=48")
    assert run(group, ["optimize", "china-2026", "-o", str(tmp_path / "run"), "--seeds", "2", *more]) == 0
    shown = screen.getvalue()
    assert "seed 1, 2 of 2" in shown
    assert "boxes entered" in shown
    assert "100%" in shown


def test_what_the_bar_says() -> None:
    assert standing([]) == "screening"
    rows = [{"hypervolume": 0.5, "epsilon_progress": 30}, {"hypervolume": 1.07153, "epsilon_progress": 2}]
    assert standing(rows) == "hypervolume 1.0715, 2 boxes entered"
