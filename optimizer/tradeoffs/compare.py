"""Runs, rules and policies against each other in one set of scenarios: dominance, regret, hypervolume."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tiercap.optimizer.errors import InputError
from tiercap.optimizer.io.arrays import Floats
from tiercap.optimizer.io.units import printable
from tiercap.optimizer.model import bootstrap, front, statistics
from tiercap.optimizer.model.bootstrap import Levels, Spread
from tiercap.optimizer.model.convergence import REFERENCE, scaled_hypervolume
from tiercap.optimizer.rules.book import load_rules
from tiercap.optimizer.runs import named_policy
from tiercap.optimizer.runs.named_policy import NamedPolicy
from tiercap.optimizer.runs.saved import SavedRun
from tiercap.optimizer.study.problem import Problem
from tiercap.optimizer.tradeoffs.pick import regrets

#: More contenders than this make no table.
MAX_CONTENDERS = 20
#: Bytes of outcomes by scenario that may be held at once.
MAX_HELD = 2**30


@dataclass(frozen=True)
class Contender(NamedPolicy):
    """What is compared: a run with its front, or a policy alone.

    levers : LEVERS[n, n_phases], n = 1 but for runs
    """

    kind: str = "policy"


@dataclass(frozen=True)
class Duel:
    """One contender against another, policy by policy.

    beaten : how many of the other's policies are worse in every objective, by the means, than one of its own
    surely : for how many of those the whole interval of every objective's difference says so too, taking of its own
    the policy whose least gain is largest
    of : how many policies the other has
    mine, theirs : the two policies of the clearest lead, or of the least defeat where nobody is beaten: the largest
    least gain, in spans of the policies of both
    change : [k], mine less theirs, in the objectives' own signs
    """

    beaten: int
    surely: int
    of: int
    mine: int
    theirs: int
    change: Spread


@dataclass(frozen=True)
class Standing:
    """One contender beside the others.

    row : its policy with the least largest regret, whose numbers these are
    objectives : [k] of it; from_baseline : the same less the baseline rule, paired
    regret : mean and 90 % interval over resamplings of its regret, as shares of the range of all policies compared
    largest_regret : in the worst scenario
    regret_by_objective : [k], mean shortfall from the best of all policies in each scenario, in the objective's unit
    breaks : the constraints of the study that it breaks, in words
    hypervolume : of all its policies; from_first : less that of the first contender, both with paired intervals
    """

    row: int
    objectives: Spread
    from_baseline: Spread
    regret: Spread
    largest_regret: float
    regret_by_objective: Spread
    breaks: tuple[str, ...]
    hypervolume: Spread
    from_first: Spread


@dataclass(frozen=True)
class Comparison:
    """All of it; ``duels[i][j]`` is contender i against j, None where i is j. reference : [k], of the hypervolume."""

    problem: Problem
    contenders: tuple[Contender, ...]
    baseline: int
    standings: tuple[Standing, ...]
    duels: tuple[tuple[Duel | None, ...], ...]
    reference: Floats


def opened(texts: Sequence[str], threads: int | None = None) -> list[tuple[SavedRun, int | None] | str]:
    """Each text as a run, with a row of its front if one was asked for, where a folder is meant; else as it is."""
    return [named_policy.run_of(text, threads) or text for text in texts]


def contenders(
    given: Sequence[tuple[SavedRun, int | None] | str], problem: Problem
) -> tuple[list[Contender], int]:
    """What is compared and the place of the baseline rule, which joins at the end where nobody named it.

    Policies of a run hold in any problem; levers of a policy change the one that ``problem`` starts from.
    """
    found: list[Contender] = []
    for one in given:
        if isinstance(one, str):
            found += [_alone(one, policy) for policy in named_policy.several([one], problem, MAX_CONTENDERS)]
        else:
            run, row = one
            name = str(run.path) if row is None else f"{run.path}:{row}"
            levers = run.levers if row is None else run.levers[row : row + 1]
            found.append(Contender(name, levers, None, "run" if row is None else "policy"))
    names = [one.name for one in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"`{printable(twice)}` is given twice: keep one")
    rule = problem.study.baseline
    if rule not in names:
        found.append(Contender(rule, problem.baseline.reshape(1, 1), None, "rule"))
    if len(found) > MAX_CONTENDERS:
        raise InputError(f"at most {MAX_CONTENDERS} can be compared at once, not {len(found)}")
    size = 8 * sum(len(one.levers) for one in found) * len(problem.objectives) * len(problem.scenarios)
    if size > MAX_HELD:
        raise InputError(f"comparing these needs {size / 2**30:.1f} GiB: ask for fewer scenarios (--count)")
    return found, [one.name for one in found].index(rule)


def _alone(text: str, policy: NamedPolicy) -> Contender:
    kind = "schedule" if policy.phase is not None else "rule" if text.strip().casefold() in load_rules() else "policy"
    return Contender(policy.name, policy.levers, policy.phase, kind)


def compare(given: Sequence[tuple[SavedRun, int | None] | str], problem: Problem) -> Comparison:
    """Evaluate every policy in the scenarios of ``problem`` and set them against each other in its objectives."""
    who, baseline = contenders(given, problem)
    draws = bootstrap.resamplings(problem.scenarios.weights, problem.study.search.seed)
    scoring, weights = problem.scoring, problem.scenarios.weights
    each, levels = [], []
    for one in who:
        seen = scoring.seen(one.levers, problem.evaluator, one.phase)
        each.append(scoring.losses_in(seen, weights))
        levels.append(Levels(scoring.reduced(seen, weights), scoring.resampled(seen, draws)))
    ideal, nadir = front.ideal_and_nadir(np.concatenate([level.values for level in levels]))
    standings = _standings(who, each, levels, baseline, problem, draws, ideal, nadir)

    def duel(i: int, j: int) -> Duel | None:
        return None if i == j else _duel(levels[i], levels[j], problem.scoring.signs)

    duels = tuple(tuple(duel(i, j) for j in range(len(who))) for i in range(len(who)))
    reference = (ideal + REFERENCE * (nadir - ideal)) * problem.scoring.signs
    return Comparison(problem, tuple(who), baseline, standings, duels, reference)


def _standings(
    who: list[Contender],
    each: list[Floats],
    levels: list[Levels],
    baseline: int,
    problem: Problem,
    draws: Floats,
    ideal: Floats,
    nadir: Floats,
) -> tuple[Standing, ...]:
    weights = problem.scenarios.weights
    together = np.concatenate(each)
    regret = regrets(np.concatenate([level.values for level in levels]), together)
    short = together - together.min(axis=0)
    volumes = [_volumes(level, ideal, nadir) for level in levels]
    rule, signs = levels[baseline], problem.scoring.signs
    found, first = [], 0
    for one, level, volume in zip(who, levels, volumes, strict=True):
        mine = slice(first, first + len(level.values))
        row = _least(regret[mine], weights)
        place = first + row
        found.append(
            Standing(
                row,
                level.of(row, signs),
                bootstrap.difference((level, row), (rule, 0), signs),
                bootstrap.spread(regret[place], weights, draws),
                float(regret[place].max()),
                bootstrap.spread(short[place], weights, draws),
                _broken(problem, one.levers[row : row + 1], one.phase),
                _interval(volume),
                _interval(volume - volumes[0]),
            )
        )
        first += len(level.values)
    return tuple(found)


def _broken(problem: Problem, levers: NDArray[Any], phase: Sequence[int] | None) -> tuple[str, ...]:
    """The constraints that one policy breaks, in words."""
    scoring = problem.scoring
    excess = scoring.excess(problem.evaluator.statistics(levers, scoring.screened, phase))[0]
    return tuple(words for words, amount in zip(scoring.bounds(), excess, strict=True) if not amount <= 0.0)


def _least(regret: Floats, weights: Floats) -> int:
    """The policy whose largest regret is least, then whose mean is: regret is float64[n, n_scenarios]."""
    return int(np.lexsort((statistics.reduce(regret, weights, "mean"), regret.max(axis=1)))[0])


def _volumes(level: Levels, ideal: Floats, nadir: Floats) -> Floats:
    """Hypervolume in the scenarios, then in each resampling: float64[1 + RESAMPLES]."""
    return np.array([scaled_hypervolume(losses, ideal, nadir) for losses in (level.values, *level.drawn)])


def _interval(volumes: Floats) -> Spread:
    low, high = np.quantile(volumes[1:], [bootstrap.OUTSIDE, 1.0 - bootstrap.OUTSIDE])
    return Spread(volumes[0], low, high)


def _duel(mine: Levels, theirs: Levels, signs: Floats) -> Duel:
    """Of each of the other's policies: whether the one of mine that gains most in its least gain beats it.

    mine, theirs : of losses; signs : float64[k]
    """
    both = np.concatenate([mine.values, theirs.values])
    span = both.max(axis=0) - both.min(axis=0)
    span = np.where(span > 0.0, span, 1.0)
    leads, rows = np.empty(len(theirs.values)), np.empty(len(theirs.values), np.int64)
    surely = 0

    def change(k: int, signs: Floats | float) -> Spread:
        """The best of mine against row ``k``, less it."""
        return bootstrap.difference((mine, rows[k]), (theirs, k), signs)

    for k, losses in enumerate(theirs.values):
        gain = ((losses - mine.values) / span).min(axis=1)
        rows[k] = np.argmax(gain)
        leads[k] = gain[rows[k]]
        if leads[k] > 0.0:
            surely += bool(bootstrap.surely_better(change(k, 1.0)))
    clearest = int(np.argmax(leads))
    shown = change(clearest, signs)
    return Duel(int((leads > 0.0).sum()), surely, len(theirs.values), int(rows[clearest]), clearest, shown)
