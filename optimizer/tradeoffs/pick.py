"""Choosing one policy from a finished run's front, with the reasons in words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tiercap.optimizer.errors import InfeasibleError, InputError, did_you_mean
from tiercap.optimizer.io.arrays import Floats
from tiercap.optimizer.io.units import printable, quantity
from tiercap.optimizer.model import bootstrap, front, measures, statistics
from tiercap.optimizer.model.bootstrap import Spread
from tiercap.optimizer.model.choices import AGAIN, Stability, stability
from tiercap.optimizer.rules.chips import load_chips
from tiercap.optimizer.rules.levers import part
from tiercap.optimizer.runs.saved import SavedRun
from tiercap.optimizer.study.problem import Problem
from tiercap.optimizer.tradeoffs import loophole, shadow_prices
from tiercap.optimizer.tradeoffs.rounding import DIGITS, Rounded, rounded

Way = Literal["compromise", "regret", "weights", "row"]
#: Ways that --by names; a row is named by RUN:ROW.
WAYS: tuple[Way, ...] = ("compromise", "regret", "weights")

#: What a vendor sells and spends where it builds to the caps.
VENDOR = ("units_open", "units_licensed", "design_cost")

_BOUND = re.compile(r"\s*([A-Za-z0-9_.+-]+)\s*(<=|>=)\s*(.+?)\s*", re.ASCII)


@dataclass(frozen=True)
class Bound:
    """What the user demands of a statistic of an outcome; sign +1 for at most, -1 for at least."""

    outcome: str
    statistic: str
    sign: float
    value: float

    def __str__(self) -> str:
        unit = measures.unit(self.outcome, self.statistic)
        unit = "" if unit == "1" else f" {unit}"
        return f"{self.statistic} of {self.outcome} {'<=' if self.sign > 0 else '>='} {self.value:g}{unit}"


@dataclass(frozen=True)
class Chosen:
    """A row of the front, and why."""

    row: int
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Pick:
    """A policy of a front and everything said about it.

    exact, rounded, rule : objectives of the chosen policy, of its rounding and of the rule in force, [k] each
    loss : rounded less exact, paired; gain : rounded less the rule in force, paired
    rebinning : of `gained_by_rebinning`, with cut-down designs less without
    changed : whether the front's objectives come out otherwise than the run wrote them
    """

    run: SavedRun
    way: Way
    bounds: tuple[Bound, ...]
    chosen: Chosen
    rounding: Rounded
    broken: tuple[str, ...]
    exact: Spread
    rounded: Spread
    rule: Spread
    loss: Spread
    gain: Spread
    prices: list[shadow_prices.Price]
    rebinning: Spread
    lines: list[loophole.Line]
    changed: bool


def way_of(by: str | None, weights: Floats | None, objectives: list[str], row: int | None = None) -> Way:
    """How to choose: the ``row`` named, as ``by`` says, by the weights where there are any, else the compromise.

    Raises InputError.
    """
    if row is not None:
        if by is not None or weights is not None:
            raise InputError("RUN:ROW names the policy itself: leave --by and --weight out, or the row")
        return "row"
    way = by or ("compromise" if weights is None else "weights")
    found = next((known for known in WAYS if known == way), None)
    if found is None:
        raise InputError(f"there is no way to choose called `{printable(way[:60])}`: {did_you_mean(way[:60], WAYS)}")
    if weights is not None and found == "regret":
        raise InputError(f"--by {way} takes no weights: leave --weight out, or choose by weights or compromise")
    if weights is None and found == "weights":
        raise InputError(f"--by weights needs a weight, such as --weight {objectives[0]}=2")
    return found


def parse_weights(texts: tuple[str, ...], objectives: list[str]) -> Floats | None:
    """``OUTCOME=W`` texts as float64[k], 0 for what is not named; None where there are none."""
    if not texts:
        return None
    weights: dict[str, float] = {}
    for text in texts:
        name, sign, value = (piece.strip() for piece in text.partition("="))
        if not sign or not value:
            raise InputError(f"--weight takes OUTCOME=W, such as {objectives[0]}=2, not `{printable(text)}`")
        if name not in objectives:
            hint = did_you_mean(name[:60], objectives)
            raise InputError(f"--weight: `{printable(name)}` is not an objective of the run: {hint}")
        if name in weights:
            raise InputError(f"--weight: `{name}` is given twice: keep one")
        weights[name] = quantity(value, "1", name)
        if weights[name] < 0.0:
            raise InputError(f"--weight: the weight of `{name}` must be at least 0, not {weights[name]:g}")
    found = np.array([weights.get(name, 0.0) for name in objectives])
    if not found.any():
        raise InputError("--weight: at least one weight must be above 0")
    return found


def parse_bound(text: str, better: Mapping[str, measures.Direction]) -> Bound:
    """``OUTCOME<=V`` or ``OUTCOME>=V``, the outcome's mean unless a statistic follows it, as in ``compute_lead_p05``.

    better : which way outcomes are better, for a regret or a share satisfied; of other statistics the bound tells
    """
    match = _BOUND.fullmatch(text)
    if match is None:
        raise InputError(f"--bound takes OUTCOME<=V or OUTCOME>=V, such as \"revenue>=13\", not `{printable(text)}`")
    name, sign, value = match.groups()
    try:
        outcome, word = measures.split(name)
        by_bound: measures.Direction = "minimise" if sign == "<=" else "maximise"
        direction = better.get(outcome) if word.startswith(("regret", "satisfice")) else by_bound
        statistic = measures.resolve(word, direction)
    except InputError as error:
        raise InputError(f"--bound: {error}") from None
    unit = measures.unit(outcome, statistic)
    return Bound(outcome, statistic, 1.0 if sign == "<=" else -1.0, quantity(value, unit, name))


def pick(
    run: SavedRun,
    way: Way,
    weights: Floats | None = None,
    bounds: tuple[Bound, ...] = (),
    digits: int = DIGITS,
    grid: Mapping[str, float] | None = None,
    row: int | None = None,
) -> Pick:
    """Choose, round, price. row : the policy of the front that was named, where ``way`` is "row".

    Raises InfeasibleError where no policy of the front keeps the bounds.
    """
    problem = run.problem
    seen = problem.scoring.seen(run.levers, problem.evaluator)
    each = problem.scoring.losses_in(seen, problem.scenarios.weights)
    losses = problem.scoring.losses(problem.evaluator.statistics(run.levers, problem.scoring.screened))
    keep = _within(problem, run.levers, bounds)
    said = [_bounds_in_words(bounds, len(keep), len(run))] if bounds else []
    span = _span(losses)
    if row is None:
        chosen = choose(losses[keep], each[keep], problem, way, weights)
        said += chosen.reasons
        if way == "compromise":
            said.append(_firmness(problem, seen[keep], losses[keep], run.group[keep], chosen.row, weights).words())
        chosen = Chosen(int(keep[chosen.row]), tuple(said))
    else:
        chosen = _named(row, losses, keep, bounds, problem.objectives)
    values = {name: float(column[chosen.row]) for name, column in run.values.items()}
    missed_by = (lambda rows: _missed_by(problem, rows, bounds)) if bounds else None
    rounding = rounded(problem, values, span, digits, grid, missed_by)
    return _described(run, way, bounds, chosen, rounding, not np.array_equal(losses * problem.scoring.signs, run.means))


def _named(row: int, losses: Floats, keep: NDArray[np.int64], bounds: tuple[Bound, ...], names: list[str]) -> Chosen:
    """The policy that was named, whether it keeps the bounds, and how much of each objective it has."""
    said = ["it was named"]
    if bounds:
        said.append(f"it {'keeps' if row in keep else 'does not keep'} {' and '.join(map(str, bounds))}")
    scaled = (losses[row] - losses.min(axis=0)) / _span(losses)
    return Chosen(row, (*said, _kept(scaled, names)))


def _described(
    run: SavedRun, way: Way, bounds: tuple[Bound, ...], chosen: Chosen, rounding: Rounded, changed: bool
) -> Pick:
    problem = run.problem
    draws = bootstrap.resamplings(problem.scenarios.weights, problem.study.search.seed)
    three = [run.levers[chosen.row : chosen.row + 1], rounding.levers, problem.baseline.reshape(1, 1)]
    level = problem.scoring.levels(np.concatenate(three), draws, problem.evaluator)
    broken = _amounts(problem, rounding.levers, bounds)[0] if bounds else np.zeros(0)
    groups = tuple(dict.fromkeys(part(name).group for name in problem.space.names))
    exact, rounded, rule = range(3)
    return Pick(
        run, way, bounds, chosen, rounding,
        (*rounding.broken, *(str(bound) for bound, amount in zip(bounds, broken, strict=True) if amount > 0.0)),
        level.of(exact), level.of(rounded), level.of(rule),
        bootstrap.difference((level, rounded), (level, exact)),
        bootstrap.difference((level, rounded), (level, rule)),
        shadow_prices.prices(problem, rounding.values, draws),
        loophole.gain_from_rebinning(problem, rounding.levers, gained_by_rebinning(problem), draws),
        loophole.lines(rounding.levers, load_chips(), groups),
        changed,
    )  # fmt: skip


def gained_by_rebinning(problem: Problem) -> list[str]:
    """Outcomes whose means the loophole view says cut-down designs change: the objectives', then the vendor's own."""
    return list(dict.fromkeys([*problem.scoring.outcomes, *VENDOR]))


def choose(losses: Floats, each: Floats, problem: Problem, way: Way, weights: Floats | None = None) -> Chosen:
    """A row of ``losses`` float64[n, k] with reasons; ``each`` are the same by scenario, float64[n, k, n_scenarios]."""
    names = problem.objectives
    equal = np.ones(len(names)) if weights is None else weights
    scaled = (losses - losses.min(axis=0)) / _span(losses)
    if way == "compromise":
        row = front.compromise(losses, equal)
        worst = int(np.argmax(scaled[row] * equal))
        why = [
            f"its worst{_weighed(weights)} objective, {names[worst]}, is {_percent(scaled[row, worst])} of the front's "
            "range from the best; every other policy is at least as far in one"
        ]
    elif way == "weights":
        total = scaled @ (equal / equal.sum())
        row = int(np.lexsort((scaled.max(axis=1), total))[0])
        given = ", ".join(f"{name} {weight:g}" for name, weight in zip(names, equal, strict=True))
        why = [f"with the weights {given} it loses least: {_percent(total[row])} of the range{_next(total, row)}"]
    else:
        row, why = _least_regret(losses, each, problem)
    return Chosen(row, (*why, _kept(scaled[row], names)))


def _firmness(
    problem: Problem, seen: Floats, losses: Floats, group: NDArray[np.int64], row: int, weights: Floats | None
) -> Stability:
    """How often the compromise ``row`` of some policies is chosen again. seen : of those, as `Problem.seen` has it"""
    draws = bootstrap.resamplings(problem.scenarios.weights, problem.study.search.seed)[:AGAIN]
    return stability(losses, problem.scoring.resampled(seen, draws), row, weights, group)


def regrets(losses: Floats, each: Floats) -> Floats:
    """Regret of each policy in each scenario, float64[n, n_scenarios], as a share of the front's range.

    In a scenario a policy's regret is how far it falls short of the best policy there, in the objective in which it
    falls shortest of it. losses : float64[n, k]; each : float64[n, k, n_scenarios].
    """
    short = (each - each.min(axis=0)) / _span(losses)[:, None]
    return np.asarray(short.max(axis=1), dtype=np.float64)


def _least_regret(losses: Floats, each: Floats, problem: Problem) -> tuple[int, list[str]]:
    regret = regrets(losses, each)
    largest, mean = regret.max(axis=1), statistics.reduce(regret, problem.scenarios.weights, "mean")
    row = int(np.lexsort((mean, largest))[0])
    return row, [
        f"in no scenario does it fall short of the best policy there by more than {_percent(largest[row])} of the "
        f"front's range in any objective (mean {_percent(mean[row])}){_next(largest, row)}"
    ]


def _within(problem: Problem, levers: NDArray[Any], bounds: tuple[Bound, ...]) -> NDArray[np.int64]:
    """Rows of the front that keep every bound."""
    if not bounds:
        return np.arange(len(levers))
    amounts = _amounts(problem, levers, bounds)
    keep = np.flatnonzero((amounts <= 0.0).all(axis=1))
    if len(keep):
        return keep
    total = _missed_by(problem, levers, bounds)
    nearest = amounts[int(np.nanargmin(total))] if not np.isnan(total).all() else amounts[0]
    missed = [f"{bound} by {amount:.4g}" for bound, amount in zip(bounds, nearest, strict=True) if not amount <= 0.0]
    raise InfeasibleError(
        f"no policy of the front keeps {'the bound' if len(bounds) == 1 else 'all bounds'}; the nearest misses "
        f"{' and '.join(missed)}: relax them, or search with them as constraints"
    )


def _amounts(problem: Problem, levers: NDArray[Any], bounds: tuple[Bound, ...]) -> Floats:
    """By how much each policy breaks each bound, float64[n, bounds]; at most 0 where it keeps it."""
    found = problem.evaluator.statistics(levers, [(bound.outcome, bound.statistic) for bound in bounds])
    return np.stack([bound.sign * (found[:, k] - bound.value) for k, bound in enumerate(bounds)], axis=1)


def _missed_by(problem: Problem, levers: NDArray[Any], bounds: tuple[Bound, ...]) -> Floats:
    """The sum of what each policy breaks, each as a share of its bound: float64[n]."""
    scale = np.array([abs(bound.value) or 1.0 for bound in bounds])
    return np.asarray((np.maximum(_amounts(problem, levers, bounds), 0.0) / scale).sum(axis=1), dtype=np.float64)


def _bounds_in_words(bounds: tuple[Bound, ...], kept: int, of: int) -> str:
    return f"{kept} of {of} policies keep {' and '.join(map(str, bounds))}; it was chosen among them"


def _span(losses: Floats) -> Floats:
    """The range of each objective over the policies, 1 where it does not vary."""
    span = losses.max(axis=0) - losses.min(axis=0)
    return np.where(span > 0.0, span, 1.0)


def _kept(scaled: Floats, names: list[str]) -> str:
    """How much of each objective's range over the policies is kept."""
    shares = [f"{_percent(1.0 - share)} in {name}" for share, name in zip(scaled, names, strict=True)]
    return f"of the way from the worst to the best of these policies it keeps {', '.join(shares)}"


def _next(score: Floats, row: int) -> str:
    """The score of the next best policy, where there is one."""
    others = np.delete(score, row)
    return f"; the next policy has {_percent(others.min())}" if len(others) else ""


def _weighed(weights: Floats | None) -> str:
    return "" if weights is None else " weighted"


def _percent(share: float) -> str:
    return f"{100.0 * share:.3g} %"
