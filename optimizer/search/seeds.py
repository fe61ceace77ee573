"""Several searches that differ only in their seed: which seeds a manifest recorded, whether they agree, their union.

    RUN/            a run like any other, whose front is the union's: what no policy of any seed dominates
    RUN/seed-NNN/   the run of one seed, the same to the bit as if it had been made alone

Every seed meets the same scenarios. Their hypervolumes are compared on one frozen scale: the one that the study states,
else that of the first seed. In its own folder a seed keeps the scale that it would have alone.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tiercap.optimizer.errors import InfeasibleError, InputError
from tiercap.optimizer.io import units
from tiercap.optimizer.io.arrays import Floats
from tiercap.optimizer.model import convergence
from tiercap.optimizer.model.convergence import MedianInterval
from tiercap.optimizer.model.scenarios import MAX_SEED
from tiercap.optimizer.runs import identity
from tiercap.optimizer.runs.folder import RunFolder
from tiercap.optimizer.search.archive import Archive, Outcome
from tiercap.optimizer.search.loop import Search
from tiercap.optimizer.search.proposals import Judge
from tiercap.optimizer.search.run import Beside, Progress, Run, assessed, label, objectives_json, optimize, write
from tiercap.optimizer.study import stored
from tiercap.optimizer.study.problem import Problem

#: More seeds than this are refused.
MOST = 100
#: Spread of the hypervolumes, as a share of their median, up to which seeds agree.
AGREE = 0.01
ATTAINED_BY = ("attained_by", "1", "in attainment.csv: so many seeds have a policy that is nowhere worse")
SEED = ("seed", "1", "seed of the search that found it, the first in the order of the search")


@dataclass(frozen=True)
class One:
    """One seed's search. run : None where no policy satisfies the constraints.

    volume : hypervolume of its front on the common scale, 0 without one
    epsilon : how far its front must be shifted, on that scale, to be nowhere worse than the union's; or infinite
    shared : its policies on the union's front
    """

    seed: int
    path: Path
    run: Run | None
    evaluations: int
    evaluations_reused: int
    volume: float = 0.0
    epsilon: float = math.inf
    shared: int = 0

    @property
    def settled(self) -> bool:
        """Whether this search by itself has converged."""
        return self.run is not None and self.run.converged


@dataclass
class SeedsRun(Run):
    """The union of all seeds as a run, and how far they agree.

    seed : int64[n], which seed found each policy of the front
    surfaces : the attainment surfaces of at least so many seeds, as losses; None where the objectives are too many
    together : hypervolume of what all seeds had found before their engines' generations
    """

    each: list[One]
    seed: NDArray[np.int64]
    surfaces: dict[int, Floats] | None
    together: float

    @property
    def volumes(self) -> list[float]:
        """Each seed's hypervolume on the common scale."""
        return [one.volume for one in self.each]

    @property
    def spread(self) -> float:
        """Range of the hypervolumes as a share of their median."""
        return convergence.spread(self.volumes)

    @property
    def interval(self) -> MedianInterval | None:
        """Between which values the median over all seeds lies."""
        return convergence.median_interval(self.volumes)

    @property
    def agree(self) -> bool:
        """Whether the spread is within AGREE; one seed has nobody to disagree with."""
        return len(self.each) == 1 or self.spread <= AGREE

    @property
    def converged(self) -> bool:
        """Whether every seed has converged, and all to the same."""
        return self.agree and all(one.settled for one in self.each)

    def settled(self) -> str:
        """In words, which seeds still rise and how far apart they are."""
        rising = [str(one.seed) for one in self.each if not one.settled]
        which = f"seed{'s' if len(rising) > 1 else ''} {', '.join(rising)}"
        first = f"{which} had not settled" if rising else "every seed had settled by itself"
        if len(self.each) == 1:
            return first
        share = f"{100.0 * self.spread:.2g} % of their median (limit {100.0 * AGREE:g} %)"
        return f"{first}, and the hypervolumes span {share}"

    @property
    def screened_hypervolume(self) -> float:
        """What all seeds had found together before their engines' generations."""
        return self.together


def parse(text: str, first: int) -> tuple[int, ...]:
    """Seeds as people write them: how many, counted from ``first``, or several with commas between them."""
    rule = f"--seeds takes how many seeds (1 to {MOST}), or at least two seeds such as 1,2,5"
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() and len(part) <= 19 for part in parts):
        raise InputError(f"{rule}, not `{units.printable(text)}`")
    numbers = tuple(int(part) for part in parts)
    if len(numbers) == 1:
        if not 1 <= numbers[0] <= MOST:
            raise InputError(f"{rule}, not `{numbers[0]}`; for one search from this seed use --seed")
        numbers = tuple(range(first, first + numbers[0]))
    if len(numbers) > MOST:
        raise InputError(f"{rule}, not {len(numbers)} seeds")
    twice = next((seed for seed in numbers if numbers.count(seed) > 1), None)
    if twice is not None:
        raise InputError(f"--seeds names {twice} twice, and the same seed finds the same again: keep one")
    if max(numbers) > MAX_SEED:
        raise InputError(f"--seeds: a seed is at most {MAX_SEED}, not {max(numbers)}")
    return numbers


def recorded(manifest: Mapping[str, Any]) -> tuple[int, ...] | None:
    """The seeds that a finished run was searched from, by its manifest; None for a run of one search."""
    told = manifest.get("seeds")
    if told is None:
        return None
    try:
        numbers = [one["seed"] for one in told["each"]]
        return parse(",".join(map(str, numbers)), 0) if len(numbers) > 1 else parse("1", int(numbers[0]))
    except (KeyError, TypeError, IndexError, ValueError):
        raise InputError("the manifest does not say which seeds the run was searched from: name another run") from None


def problem_of(problem: Problem, seed: int) -> Problem:
    """The same problem, searched from another seed."""
    study = problem.study
    return Problem(replace(study, search=replace(study.search, seed=seed)), problem.threads)


def configuration(problem: Problem, seeds: Sequence[int]) -> dict[str, Any]:
    """What makes several searches the same again; seeds that are counted may become more."""
    found = identity.configuration(problem_of(problem, seeds[0]))
    counted = tuple(seeds) == tuple(range(seeds[0], seeds[0] + len(seeds)))
    found["seeds"] = "counted" if counted else list(seeds)
    found["budget"] |= {"seeds": len(seeds)}
    return found


def search(
    problem: Problem,
    seeds: Sequence[int],
    output: Path | None,
    opened: Callable[[Path], None] = lambda path: None,
    progress: Progress | None = None,
) -> SeedsRun:
    """Search from every seed, one after the other, and write the folder of all and of each.

    output : the folder of all, a new one under `runs` if None; opened : called with it. Seeds in which nothing is
    feasible count with a hypervolume of 0. Raises InputError, StorageError, and InfeasibleError if no seed finds a
    feasible policy; KeyboardInterrupt leaves folders that the same call goes on with.
    """
    start = time.perf_counter()
    _ = problem.space, problem.scenarios  # what is wrong with these is said before a folder is made
    problems = [problem_of(problem, seed) for seed in seeds]
    folder = RunFolder.open(output, configuration(problem, seeds), label=label(problem.study.name))
    with folder:
        opened(folder.path)
        folder.log("started", resumed=folder.resumed, seeds=list(seeds))
        each, endings = [], []
        for own in problems:
            one, ending = _one(own, folder.path / f"seed-{own.study.search.seed}", progress)
            folder.log("searched", seed=one.seed, evaluations=one.evaluations, reused=one.evaluations_reused)
            each.append(one)
            endings += [ending] if ending else []
        if len(endings) == len(each):
            raise _nothing(problems[0], folder, endings)
        run = _together(problems[0], folder.path, each, start)
        _write(run, folder)
        folder.log("finished", evaluations=run.found.evaluations, reused=run.found.evaluations_reused)
    return run


def _one(problem: Problem, path: Path, progress: Progress | None) -> tuple[One, InfeasibleError | None]:
    """One seed's search in its folder; the ending where it found nothing feasible."""
    held: list[Search] = []

    def started(search: Search) -> Callable[[int, float | None], None]:
        held.append(search)
        return progress(search) if progress else search.progress

    run, ending = None, None
    try:
        run = optimize(problem, path, started)
    except InfeasibleError as error:
        ending = error
    return One(problem.study.search.seed, path, run, held[0].done, held[0].blocks.reused), ending


def _nothing(problem: Problem, folder: RunFolder, endings: Sequence[InfeasibleError]) -> InfeasibleError:
    """No seed found a feasible policy: what the first said, and the manifest that says so."""
    first = endings[0]
    folder.write_manifest({"study": stored.resolved(problem.study), "infeasible": first.found})
    if len(endings) == 1:
        return first
    return InfeasibleError(f"none of {len(endings)} seeds found a feasible policy; of the first: {first}", first.found)


def _together(problem: Problem, path: Path, each: Sequence[One], start: float) -> SeedsRun:
    """The union of the seeds' fronts as a run, and every seed held against it."""
    runs = [one.run for one in each if one.run is not None]
    judge = Judge(problem.scoring.losses, problem.scoring.violations)
    ideal, nadir = runs[0].found.ideal, runs[0].found.nadir
    fronts = [_front(run.found) for run in runs]
    archive = Archive(*(np.concatenate(parts) for parts in zip(*fronts, strict=True)))
    rows = judge.front(archive.values)
    seeds = np.repeat([run.problem.study.search.seed for run in runs], [len(coords) for coords, *_ in fronts])
    table = [row for run in runs for row in _convergence(run, judge, ideal, nadir)]
    first = np.concatenate([run.found.archive.values[run.found.archive.stage == 0] for run in runs])
    before = problem.scoring.losses(first[judge.front(first)])
    spent: dict[str, float] = {}
    for name, seconds in (item for run in runs for item in run.found.seconds.items()):
        spent[name] = spent.get(name, 0.0) + seconds
    counts = (sum(one.evaluations for one in each), sum(one.evaluations_reused for one in each))
    union = assessed(problem, path, Outcome(archive, rows, ideal, nadir, table, *counts, spent), start)
    losses = problem.scoring.losses(archive.values[rows])
    told = [_told(one, losses, seeds[rows], ideal, nadir) for one in each]
    together = convergence.scaled_hypervolume(before, ideal, nadir) if len(before) else 0.0
    return SeedsRun(**vars(union), each=told, seed=seeds[rows], surfaces=_surfaces(each, runs), together=together)


def _front(found: Outcome) -> tuple[Floats, Floats, Floats, NDArray[np.int64]]:
    """The policies of a front, in the order of an archive's columns."""
    kept, rows = found.archive, found.front
    return kept.coords[rows], kept.values[rows], kept.few[rows], kept.stage[rows]


def _convergence(run: Run, judge: Judge, ideal: Floats, nadir: Floats) -> list[dict[str, float]]:
    """A seed's convergence table on the common scale, with the seed in front."""
    archive, seed = run.found.archive, run.problem.study.search.seed
    known, before, table = archive.values[:0], run.problem.scoring.losses(archive.values[:0]), []
    for row in run.found.convergence:
        known = np.concatenate([known, archive.values[archive.stage == row["generation"]]])
        known = known[judge.front(known)]
        now = run.problem.scoring.losses(known)
        table.append({"seed": seed, **row, **convergence.measured(now, before, ideal, nadir)})
        before = now
    return table


def _told(one: One, union: Floats, seeds: NDArray[np.int64], ideal: Floats, nadir: Floats) -> One:
    """One seed with its hypervolume and its distance from the union's front: losses and who found them."""
    if one.run is None:
        return one
    losses = one.run.problem.scoring.losses(one.run.front_values)
    return replace(
        one,
        volume=convergence.scaled_hypervolume(losses, ideal, nadir),
        epsilon=convergence.additive_epsilon(losses, union, ideal, nadir),
        shared=int((seeds == one.seed).sum()),
    )


def _surfaces(each: Sequence[One], runs: Sequence[Run]) -> dict[int, Floats] | None:
    """What one, half and all of the seeds attain."""
    empty = np.empty((0, len(runs[0].problem.scoring.signs)))
    if empty.shape[1] > convergence.MOST_ATTAINED:
        return None
    fronts = [one.run.problem.scoring.losses(one.run.front_values) if one.run else empty for one in each]
    n = len(each)
    return {count: convergence.attained(fronts, count) for count in dict.fromkeys((1, (n + 1) // 2, n))}


def _write(run: SeedsRun, folder: RunFolder) -> None:
    """The files of a run, the seed in the tables of front and convergence; what the seeds attain."""
    problem, rows = run.problem, [SEED]
    if run.surfaces is not None:
        counts = [np.full(len(points), count) for count, points in run.surfaces.items()]
        points = np.concatenate([*run.surfaces.values()]) * problem.scoring.signs
        table = {"attained_by": np.concatenate(counts)}
        table |= {name: points[:, k] for k, name in enumerate(problem.objectives)}
        units = {o["name"]: o["unit"] for o in objectives_json(problem)}
        folder.write_table("attainment", table, units)
        rows.append(ATTAINED_BY)
    write(run, folder, Beside({"seed": run.seed}, rows, {"seeds": seeds_json(run)}))


def seeds_json(run: SeedsRun) -> dict[str, Any]:
    """Every seed, their hypervolumes together, and what they attain."""
    interval, names = run.interval, run.problem.objectives
    ends = {"best": run.found.ideal, "worst": run.found.nadir}
    scale = {end: dict(zip(names, (x * run.problem.scoring.signs).tolist(), strict=True)) for end, x in ends.items()}
    stated = run.problem.scoring.scale is not None
    first = next(one.seed for one in run.each if one.run is not None)
    return {
        "scale": {"stated_by": "study" if stated else f"seed {first}", **scale},
        "hypervolume": {
            "median": float(np.median(run.volumes)),
            "lowest": min(run.volumes),
            "highest": max(run.volumes),
            "spread": run.spread,
            "limit": AGREE,
            "interval": interval and {**interval._asdict(), "method": "order statistics"},
        },
        "agree": run.agree if len(run.each) > 1 else None,
        "attainment": [
            {"attained_by": count, "hypervolume": _volume(losses, run)}
            for count, losses in (run.surfaces or {}).items()
        ],
        "each": [_one_json(one) for one in run.each],
    }


def _volume(losses: Floats, run: SeedsRun) -> float:
    return convergence.scaled_hypervolume(losses, run.found.ideal, run.found.nadir) if len(losses) else 0.0


def _one_json(one: One) -> dict[str, Any]:
    front = one.path / "front.parquet"
    return {
        "seed": one.seed,
        "run": one.path.name,
        "feasible": one.run is not None,
        "hypervolume": one.volume,
        "epsilon": one.epsilon if math.isfinite(one.epsilon) else None,
        "policies": len(one.run.levers) if one.run else 0,
        "of_the_union": one.shared,
        "converged": one.settled,
        "evaluations": one.evaluations,
        "evaluations_reused": one.evaluations_reused,
        "front_sha256": hashlib.sha256(front.read_bytes()).hexdigest() if one.run else None,
    }
