"""The reference front of the built-in study: the non-dominated union of everything that was searched for it.

    python benchmarks/reference.py --work FOLDER                make it, or go on with making it
    python benchmarks/reference.py --onto --add RUN ...         add runs, finished or not, to what is stored
    python benchmarks/reference.py --check                      evaluate what is stored again, and its digest

Sobol points of the levers in all scenarios, then every engine from several seeds at a multiple of the default budget,
each in a folder below FOLDER, so that an interruption loses little. What is kept is `reference.parquet`, levers and
objectives of policies that nothing dominates, and which search found them, and `reference.json`, what was searched, the
hypervolume of all that was found, and the digest. Where many dominate nothing of each other, one is
stored of each cell of the objectives (see CELL). The ideal and nadir of this front are what hypervolume is scaled by:
they stand in the study as [search.scale].
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from peers import prepare_environment

prepare_environment()

from tiercap.optimizer.io import columns, durable  # noqa: E402
from tiercap.optimizer.model import front  # noqa: E402
from tiercap.optimizer.model.convergence import additive_epsilon, scaled_hypervolume  # noqa: E402
from tiercap.optimizer.model.sobol import unit_points  # noqa: E402
from tiercap.optimizer.rules.space import coordinates  # noqa: E402
from tiercap.optimizer.runs import identity  # noqa: E402
from tiercap.optimizer.runs.folder import RunFolder  # noqa: E402
from tiercap.optimizer.runs.identity import configuration  # noqa: E402
from tiercap.optimizer.search import optuna_study  # noqa: E402
from tiercap.optimizer.search.loop import Search  # noqa: E402
from tiercap.optimizer.study import load as config  # noqa: E402
from tiercap.optimizer.study.problem import Problem, column_name  # noqa: E402

HERE = Path(__file__).parent
TABLE, FACTS = HERE / "reference.parquet", HERE / "reference.json"
#: Policies of the Sobol points that are evaluated at a time, a few seconds' work.
CHUNK = 8192
#: Relative deviation within which a stored policy must evaluate again.
TOLERANCE = 1e-9
#: Side of a cell, on the scale, of which one policy is stored: a fraction of the epsilons measured against the front.
CELL = 0.0005
#: Engines that know several objectives, and how many trials each is given for one of the default's: the cost of TPE
#: grows with the square of its trials, so it gets fewer, and the table says so.
SHARES = {"multi-fidelity": 1.0, "nsga2": 1.0, "nsga3": 1.0, "tpe": 0.02, "qmc": 1.0, "random": 1.0}
#: Those that propose the same whatever became of what they proposed before.
MEMORYLESS = ("qmc", "random")


class Union:
    """Policies that nothing found so far dominates."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        k = len(problem.scoring.signs)
        self.coords = np.empty((0, len(problem.space.levers)))
        self.losses = np.empty((0, k))
        self.found_by = np.empty(0, dtype=np.int64)
        self.sources: list[str] = []
        self.facts: list[dict[str, Any]] = []

    def add(self, source: str, coords: np.ndarray, losses: np.ndarray, evaluations: int) -> None:
        """Take in what ``source`` found; a source may come in several parts."""
        if source not in self.sources:
            self.sources.append(source)
            self.facts.append({"source": source, "evaluations": 0, "policies": 0})
        place = self.sources.index(source)
        self.facts[place]["evaluations"] += evaluations
        self.facts[place]["policies"] += len(coords)
        self.coords = np.concatenate([self.coords, coords])
        self.losses = np.concatenate([self.losses, losses])
        self.found_by = np.concatenate([self.found_by, np.full(len(coords), place)])
        kept = front.nondominated(self.losses)
        self.coords, self.losses, self.found_by = self.coords[kept], self.losses[kept], self.found_by[kept]


def front_of(
    problem: Problem, policies: int, draw: Callable[[], np.ndarray], work: Path
) -> tuple[np.ndarray, np.ndarray, int]:
    """Front and evaluations of what ``draw`` gives: coordinates, float64[policies, n_levers].

    A chunk whose front is stored below ``work`` is not evaluated again, and nothing drawn where all of them are.
    """
    wanted = [(o.outcome, o.statistic) for o in problem.study.objectives]
    work.mkdir(parents=True, exist_ok=True)
    drawn = functools.cache(draw)
    coords, losses = [np.empty((0, len(problem.space.levers)))], [np.empty((0, len(wanted)))]
    for number, first in enumerate(range(0, policies, CHUNK)):
        stored = work / f"chunk-{number:05d}.npz"
        if not stored.exists():
            chunk = drawn()[first : first + CHUNK]
            values = problem.evaluator.statistics(problem.space.resolve(chunk), wanted) * problem.scoring.signs
            kept = front.nondominated(values)
            temporary = work / f"part-{number:05d}.npz"
            np.savez(temporary, coords=chunk[kept], losses=values[kept])
            temporary.replace(stored)
        with np.load(stored) as found:
            coords.append(found["coords"])
            losses.append(found["losses"])
    every, all_losses = np.concatenate(coords), np.concatenate(losses)
    kept = front.nondominated(all_losses)
    return every[kept], all_losses[kept], policies * len(problem.scenarios)


def sobol_points(problem: Problem, policies: int) -> np.ndarray:
    """Coordinates of the first Sobol points of the levers, float64[policies, n_levers]."""
    levers = problem.space.levers
    return coordinates(unit_points(policies, len(levers), 0), levers)


def proposed(problem: Problem, policies: int) -> np.ndarray:
    """What the study's engine proposes, one of MEMORYLESS: coordinates, float64[policies, n_levers]."""
    study, spaces = optuna_study.new_study(problem), optuna_study.distributions(problem)
    sampler: Any = study.sampler
    rows = [sampler.sample_relative(study, None, spaces) for _ in range(policies)]
    return np.array([[row[name] for name in problem.space.names] for row in rows])


def budget(engine: str, times: float) -> int:
    """Trials of an engine, at ``times`` the default."""
    return max(1, round(config.load().search.trials * times * SHARES[engine]))


def engine_problem(engine: str, seed: int, trials: int) -> Problem:
    """The built-in study, to be searched by one engine from one seed."""
    settings = (f"search.engine={engine}", f"search.trials={trials}", f"search.seed={seed}")
    return Problem(config.load(None, settings, {}, {}))


def searched(engine: str, seed: int, times: float, work: Path) -> tuple[np.ndarray, np.ndarray, int]:
    """Coordinates, losses and evaluations of one engine's search at ``times`` the default budget of trials."""
    problem = engine_problem(engine, seed, budget(engine, times))
    with RunFolder.open(work, configuration(problem)) as folder:
        found = Search(problem, folder).run()
    rows = found.front
    return found.archive.coords[rows], problem.scoring.losses(found.archive.values)[rows], found.evaluations


def added(union: Union, run: Path) -> tuple[np.ndarray, np.ndarray, int]:
    """Front and evaluations of what a run folder has in all scenarios, whether or not the run was finished.

    A run of another study or of other scenarios is not recognised here: ``--check`` evaluates everything again.
    """
    problem, blocks = union.problem, sorted((run / "evaluations").glob("part-*.parquet"))
    fingerprint = identity.fingerprint(json.loads((run / "manifest.json").read_text())["configuration"])
    names = [f"lever_{name}" for name in problem.space.names]
    wanted = [column_name((o.outcome, o.statistic)) for o in problem.study.objectives]
    coords, losses, evaluations = [], [], 0
    for block in blocks:
        name = block.stem.removeprefix("part-")
        if not name.startswith(("promoted", "generation")):
            continue
        table = columns.from_parquet(block.read_bytes(), f"{fingerprint}/{name}")
        coords.append(np.stack([table[name] for name in names], axis=1))
        losses.append(np.stack([table[name] for name in wanted], axis=1) * problem.scoring.signs)
        evaluations += len(coords[-1]) * len(problem.scenarios)
    if not coords:
        raise SystemExit(f"{run} holds no block of policies in all scenarios: is it a run folder?")
    every, all_losses = np.concatenate(coords), np.concatenate(losses)
    kept = front.nondominated(all_losses)
    return every[kept], all_losses[kept], evaluations


def stored(problem: Problem) -> Union:
    """What is stored, as something to add to."""
    union = Union(problem)
    union.coords, union.losses = load(problem)
    union.facts = [{k: v for k, v in fact.items() if k != "on_the_front"} for fact in
                   json.loads(FACTS.read_text())["sources"]]  # fmt: skip
    union.sources = [fact["source"] for fact in union.facts]
    found_by = columns.from_parquet(TABLE.read_bytes())["source"].tolist()
    union.found_by = np.array([union.sources.index(name) for name in found_by])
    return union


def make(union: Union, work: Path, sobol: int, seeds: int, times: float, names: list[str]) -> None:
    """Everything asked for, in order; says on standard error what each source adds."""
    problem = union.problem
    policies = sobol // len(problem.scenarios)
    if policies:
        union.add("sobol", *front_of(problem, policies, lambda: sobol_points(problem, policies), work / "sobol"))
    told = f"{times:g} times {config.load().search.trials:,} trials"
    for engine in names:
        for seed in range(seeds):
            union.add(f"{engine}, seed {seed}, {told}", *from_engine(engine, seed, times, work / f"{engine}-{seed}"))
            print(f"{engine}, seed {seed}: front {len(union.coords)}", file=sys.stderr)


def from_engine(engine: str, seed: int, times: float, work: Path) -> tuple[np.ndarray, np.ndarray, int]:
    """What one engine finds from one seed. One that learns nothing is asked for all its policies at once."""
    if engine not in MEMORYLESS:
        return searched(engine, seed, times, work)
    trials = budget(engine, times)
    problem = engine_problem(engine, seed, trials)
    return front_of(problem, trials, lambda: proposed(problem, trials), work)


def thinned(losses: np.ndarray, cell: float = CELL) -> np.ndarray:
    """Rows of a front, one of each cell (of the least sum on the scale), and the best and worst in each objective."""
    scaled = front.normalise(losses, *front.ideal_and_nadir(losses))
    ranked = np.argsort(scaled.sum(axis=1), kind="stable")
    _, first = np.unique(np.floor(scaled[ranked] / cell), axis=0, return_index=True)
    return np.unique(np.concatenate([ranked[first], losses.argmin(axis=0), losses.argmax(axis=0)]))


def write(union: Union) -> None:
    """The table, then the facts with its digest."""
    problem, rows = union.problem, thinned(union.losses)
    order = rows[np.lexsort(union.losses[rows].T[::-1])]
    values = union.losses[order] * problem.scoring.signs
    table: dict[str, Any] = {f"lever_{n}": union.coords[order, k] for k, n in enumerate(problem.space.names)}
    table |= {name: values[:, k] for k, name in enumerate(problem.objectives)}
    table["source"] = np.array([union.sources[k] for k in union.found_by[order]], dtype=str)
    data = columns.to_parquet(table, {})
    durable.write(HERE, TABLE.name, data)
    ideal, nadir = front.ideal_and_nadir(union.losses)
    counts = np.bincount(union.found_by, minlength=len(union.sources)).tolist()
    facts = {
        "study": problem.study.name,
        "policies": len(union.losses),
        "policies_stored": len(order),
        "epsilon_of_stored": additive_epsilon(union.losses[order], union.losses, ideal, nadir),
        "scale": {n: [float(a), float(b)] for n, a, b in zip(problem.objectives, ideal * problem.scoring.signs,
                                                           nadir * problem.scoring.signs, strict=True)},
        "hypervolume": scaled_hypervolume(union.losses, ideal, nadir),
        "sources": [{**fact, "on_the_front": n} for fact, n in zip(union.facts, counts, strict=True)],
        "evaluations": sum(fact["evaluations"] for fact in union.facts),
        "configuration": configuration(problem)["data"],
        "sha256": hashlib.sha256(data).hexdigest(),
    }  # fmt: skip
    durable.write(HERE, FACTS.name, (json.dumps(facts, indent=1) + "\n").encode())
    print(json.dumps(facts, indent=1))


def hypervolume() -> float:
    """Of all that was found, on its own scale."""
    return float(json.loads(FACTS.read_text())["hypervolume"])


def load(problem: Problem) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates and losses of the stored front. Raises SystemExit where the file is not the one recorded."""
    data, facts = TABLE.read_bytes(), json.loads(FACTS.read_text())
    if hashlib.sha256(data).hexdigest() != facts["sha256"]:
        raise SystemExit(f"{TABLE.name} is not the file that {FACTS.name} speaks of: bring both back")
    table = columns.from_parquet(data)
    coords = np.stack([table[f"lever_{name}"] for name in problem.space.names], axis=1)
    return coords, np.stack([table[name] for name in problem.objectives], axis=1) * problem.scoring.signs


def check() -> int:
    """Whether every stored policy evaluates again to its objectives, and the study states the scale of the front."""
    problem = Problem(config.load(None, (), {}, {}))
    coords, losses = load(problem)
    wanted = [(o.outcome, o.statistic) for o in problem.study.objectives]
    again = problem.evaluator.statistics(problem.space.resolve(coords), wanted) * problem.scoring.signs
    worst = float(np.max(np.abs(again - losses) / np.abs(losses)))
    scale = problem.scoring.scale
    ideal, nadir = front.ideal_and_nadir(losses)
    stated = scale is not None and np.allclose(scale[0], ideal, rtol=1e-3) and np.allclose(scale[1], nadir, rtol=1e-3)
    print(f"{len(coords)} policies, largest relative deviation {worst:.1e}; scale stated: {stated}")
    return 0 if worst <= TOLERANCE and stated else 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, help="folder for what is searched; needed to make it anew")
    parser.add_argument("--onto", action="store_true", help="start from what is stored instead of from nothing")
    parser.add_argument("--add", type=Path, nargs="*", default=[], metavar="RUN", help="run folders to add")
    parser.add_argument("--sobol", type=float, default=1e8, help="evaluations of Sobol points")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--times", type=float, default=20.0, help="trials, as a multiple of the default")
    parser.add_argument("--engines", nargs="*", default=list(SHARES), choices=SHARES)
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    if given.check:
        return check()
    if not given.onto and given.work is None:
        parser.error("--work is needed: the folder for what is searched")
    problem = Problem(config.load(None, (), {}, {}))
    union = stored(problem) if given.onto else Union(problem)
    for run in given.add:
        union.add(str(run.name), *added(union, run))
        print(f"{run.name}: front {len(union.coords)}", file=sys.stderr)
    if given.work is not None:
        make(union, given.work, int(given.sobol), given.seeds, given.times, given.engines)
    write(union)
    return 0


if __name__ == "__main__":
    sys.exit(main())
