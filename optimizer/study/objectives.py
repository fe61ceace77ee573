"""What is scored: the tables [objectives] and [constraints], whose entries are statistics of outcomes.

An entry is named after an outcome, or an outcome with a statistic behind it (`revenue_cvar10`); the words are those of
`measures`. As in `schema`, nothing raises: problems are noted in the draft, each in its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tiercap.kernels.params import OUTCOME_LIST, OUTCOMES
from tiercap.optimizer.io import units
from tiercap.optimizer.model import measures
from tiercap.optimizer.study.records import Constraint, Objective, directions
from tiercap.optimizer.study.schema import Draft, Keys, shown, take_text

_STATISTIC_KEYS = ("statistic", "direction", *measures.NUMBER_KEYS.values())
#: Keys of the entries of tables whose entries are named after a statistic.
ENTRY_KEYS: Mapping[str, tuple[str, ...]] = {
    "objectives": _STATISTIC_KEYS,
    "constraints": ("max", "min", *_STATISTIC_KEYS),
}
_UNITS = {outcome.name: outcome.unit for outcome in OUTCOME_LIST}
_DIRECTIONS = {"maximise": "maximise", "maximize": "maximise", "minimise": "minimise", "minimize": "minimise"}


def take_objectives(draft: Draft) -> tuple[Objective, ...]:
    """The table [objectives]: ``NAME = "maximise"``, or a table with ``direction`` and ``statistic``."""
    taken: dict[str, Objective] = {}
    for key, value in draft.table(("objectives",)).items():
        path = ("objectives", key)
        entry = value if isinstance(value, dict) else {"direction": value}
        named = _named(draft, path, entry)
        direction = _direction(draft, path, entry) if named else None
        if named is None or direction is None:
            continue
        statistic = _statistic(draft, path, entry, *named, direction)
        if statistic is None:
            continue
        objective = Objective(named[0], direction, statistic, "" if key == named[0] else key)
        if objective.name in taken:
            draft.complain(path, f"objective `{objective.name}` is said twice", "keep one")
        taken[objective.name] = objective
    if not draft.table(("objectives",)):
        draft.complain(
            ("objectives",), "a study needs at least one objective", 'such as revenue = "maximise"'
        )
    return tuple(taken.values())


def take_constraints(draft: Draft, objectives: tuple[Objective, ...]) -> tuple[Constraint, ...]:
    """The table [constraints]; ``NAME = false`` drops one that came with ``extends``."""
    ways = directions(objectives)
    taken: dict[str, Constraint] = {}
    for key, entry in draft.table(("constraints",)).items():
        path, before = ("constraints", key), len(draft.problems)
        if entry is False:
            continue
        table = draft.table(path)
        named = _named(draft, path, table)
        if named is None:
            continue
        direction = _direction(draft, path, table) if "direction" in table else _bad_side(table, *named, ways)
        statistic = _statistic(draft, path, table, *named, direction) if len(draft.problems) == before else None
        if statistic is None:
            continue
        low, high = _bounds(draft, path, table, named[0], statistic)
        if len(draft.problems) > before:
            continue
        constraint = Constraint(named[0], statistic, low, high, "" if key == named[0] else key)
        if constraint.name in taken:
            draft.complain(path, f"constraint on `{constraint.name}` is said twice", "keep one, with min and max")
        taken[constraint.name] = constraint
    return tuple(taken.values())


def _named(draft: Draft, path: Keys, entry: Mapping[str, Any]) -> tuple[str, str] | None:
    """Outcome and statistic of an entry's name and `statistic`, each in one place; None where something is wrong."""
    if path[-1] in OUTCOMES:
        outcome, word = path[-1], "mean"
    else:
        found = draft.attempt(path, measures.split, path[-1])
        if found is None:
            return None
        outcome, word = found
    for key in entry:
        draft.unknown((*path, key), ENTRY_KEYS[path[0]], "key")
    if "statistic" not in entry:
        return outcome, word
    if word != "mean":
        where = (*path, "statistic")
        draft.complain(where, f"`{units.printable(path[-1])}` names its statistic already", "leave one out")
        return None
    return outcome, take_text(draft, (*path, "statistic"), "mean")


def _direction(draft: Draft, path: Keys, entry: Mapping[str, Any]) -> measures.Direction | None:
    """Which way the outcome of an entry is better; None with a problem noted."""
    value = entry.get("direction")
    if isinstance(value, str) and value in _DIRECTIONS:
        found: Any = _DIRECTIONS[value]
        return found
    what = "has no direction: it" if value is None else "must be maximise or minimise, not " + shown(value)
    said = what if value is not None else f"{what} must be maximise or minimise"
    draft.complain(path, f"{path[0].removesuffix('s')} `{units.printable(path[-1])}` {said}")
    return None


def _bad_side(
    table: Mapping[str, Any], outcome: str, word: str, ways: Mapping[str, measures.Direction]
) -> measures.Direction | None:
    """Which way the outcome of a constraint is better, where it does not say: None where nothing tells.

    A bound on a tail or on a mean with its spread tells by itself; for a regret or a share that is satisfied it is the
    study's objective on the same outcome.
    """
    if word.startswith(("regret", "satisfice")):
        return ways.get(outcome)
    if ("min" in table) == ("max" in table):
        return None
    return "maximise" if "min" in table else "minimise"


def _statistic(
    draft: Draft, path: Keys, entry: Mapping[str, Any], outcome: str, word: str, direction: measures.Direction | None
) -> str | None:
    """The whole name of an entry's statistic; None with a problem noted."""
    number, before = None, len(draft.problems)
    for kind, key in measures.NUMBER_KEYS.items():
        if key in entry and not word.startswith(kind):
            said = f"`{key}` belongs to the statistic {kind}, not to {shown(word)}"
            draft.complain((*path, key), said, "leave it out")
        elif key in entry:
            unit = _UNITS[outcome] if key == "threshold" else "1"
            number = draft.attempt((*path, key), units.quantity, entry[key], unit, key)
    if len(draft.problems) > before:
        return None
    where = (*path, "statistic") if "statistic" in entry else path
    found: str | None = draft.attempt(where, measures.resolve, word, direction, number)
    return found


def _bounds(
    draft: Draft, path: Keys, table: Mapping[str, Any], outcome: str, statistic: str
) -> tuple[float | None, float | None]:
    """Least and most of a constraint, in the unit of its statistic."""
    unit, name = measures.unit(outcome, statistic), path[-1]
    ends = {
        key: draft.attempt((*path, key), units.quantity, table[key], unit, f"{name}.{key}")
        for key in ("min", "max")
        if key in table
    }
    low, high = ends.get("min"), ends.get("max")
    if not ends:
        draft.complain(path, f"constraint on `{name}` has neither min nor max", "add max = ...")
    elif low is not None and high is not None and low > high:
        draft.complain((*path, "min"), f"constraint on `{name}`: min = {low:g} lies above max = {high:g}")
    return low, high
