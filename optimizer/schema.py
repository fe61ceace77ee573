"""The rules a study's tables must keep, each broken rule reported where it was broken.

A :class:`Draft` holds the merged tables; each ``take_*`` function turns one table into a record of
``study.py``. Nothing raises: problems are collected, so that a person mends a file in one go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tiercap.kernels.params import GROUPS, OUTCOME_LIST, OUTCOMES
from tiercap.optimizer import distributions, measures, parameters, quantities, scenarios
from tiercap.optimizer.errors import InputError, did_you_mean
from tiercap.optimizer.levers import part
from tiercap.optimizer.parameters import DECLARED, ParameterInfo
from tiercap.optimizer.study import (
    LEVER_PARTS,
    Constraint,
    Horizon,
    LeverRange,
    Objective,
    ScenarioPlan,
    SearchBudget,
    directions,
)
from tiercap.optimizer.toml_file import TomlFile

Keys = tuple[str, ...]

#: Tables of a study file, and the keys of those whose keys are fixed.
TABLES: Mapping[str, tuple[str, ...]] = {
    "study": ("name", "title", "extends", "baseline"),
    "horizon": ("years", "steps_per_year", "start", "roofline_exponent"),
    "policy": GROUPS,
    "levers": (),
    "objectives": (),
    "constraints": (),
    "scenarios": ("count", "seed", "kind", "file", "structure", "fresh"),
    "constants": (),
    "uncertainties": (),
    "search": ("screen", "screen_scenarios", "trials", "population", "seed"),
}
_LEVER_KEYS = ("low", "high", "scale", "within")
_STATISTIC_KEYS = ("statistic", "direction", *measures.NUMBER_KEYS.values())
#: Keys of the entries of tables whose entries are named after a statistic.
ENTRY_KEYS: Mapping[str, tuple[str, ...]] = {
    "objectives": _STATISTIC_KEYS,
    "constraints": ("max", "min", *_STATISTIC_KEYS),
}
_UNITS = {outcome.name: outcome.unit for outcome in OUTCOME_LIST}
_DIRECTIONS = {"maximise": "maximise", "maximize": "maximise", "minimise": "minimise", "minimize": "minimise"}

#: Integer keys: smallest and largest value allowed.
_LIMITS = {
    ("horizon", "years"): (1, 64),
    ("horizon", "start"): (2000, 2100),
    ("scenarios", "count"): (1, scenarios.MAX_SCENARIOS),
    ("scenarios", "seed"): (0, scenarios.MAX_SEED),
    ("scenarios", "fresh"): (0, scenarios.MAX_SCENARIOS),
    ("search", "screen"): (1, 2_000_000),
    ("search", "screen_scenarios"): (1, scenarios.MAX_SCENARIOS),
    ("search", "trials"): (0, 200_000),
    ("search", "population"): (2, 10_000),
    ("search", "seed"): (0, scenarios.MAX_SEED),
}
_CHOICES = {("horizon", "steps_per_year"): (1, 2, 4), ("horizon", "roofline_exponent"): (2, 4, 8)}


@dataclass(slots=True)
class Draft:
    """Merged tables, where each value was said, and the problems found so far."""

    data: dict[str, Any]
    said_in: dict[Keys, TomlFile]
    problems: list[tuple[int, str]] = field(default_factory=list)

    def file(self, path: Keys) -> TomlFile:
        """The file in which ``path``, or the table around it, was said last."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.said_in:
                return self.said_in[path[:length]]
        return TomlFile("study")

    def complain(self, path: Keys, message: str, hint: str = "") -> None:
        """Note a problem at ``path``."""
        file = self.file(path)
        place = file.place(path)
        problem = (place.line if place else 0, file.complain(path, message, hint))
        if problem not in self.problems:
            self.problems.append(problem)

    def table(self, path: Keys) -> dict[str, Any]:
        """The table at ``path``, empty if absent; a problem if something else stands there."""
        found: Any = self.data
        for key in path:
            found = found.get(key, {}) if isinstance(found, dict) else {}
        if not isinstance(found, dict):
            self.complain(
                path, f"`{'.'.join(path)}` must be a table", f"write [{'.'.join(path)}] and keys below it"
            )
            return {}
        return found

    def unknown(self, path: Keys, known: Iterable[str], what: str) -> bool:
        """Report ``path`` if its last part is not among ``known``."""
        known = tuple(known)
        if path[-1] in known:
            return False
        table = ".".join(path[:-1])
        context = f"[{table}]: " if table else ""
        name = quantities.printable(path[-1])
        self.complain(path, f"{context}unknown {what} `{name}`", did_you_mean(path[-1][:60], known))
        return True

    def attempt(self, path: Keys, make: Callable[..., Any], *arguments: Any) -> Any:
        """``make(*arguments)``, or None with its :class:`InputError` noted at ``path``."""
        try:
            return make(*arguments)
        except InputError as error:
            self.complain(path, str(error))
            return None


def check_names(draft: Draft) -> None:
    """Report tables and keys that do not exist."""
    for table in draft.data:
        if draft.unknown((table,), TABLES, "table"):
            continue
        if TABLES[table]:
            for key in draft.table((table,)):
                draft.unknown((table, key), TABLES[table], "key")


def take_integers(draft: Draft, table: str) -> dict[str, int]:
    """The integer keys of a table that are given and within their limits."""
    taken = {}
    for key, value in draft.table((table,)).items():
        path = (table, key)
        if path not in _LIMITS and path not in _CHOICES:
            continue
        if isinstance(value, bool) or not isinstance(value, int):
            draft.complain(path, f"[{table}]: `{key}` must be a whole number, not {_shown(value)}")
        elif path in _CHOICES and value not in _CHOICES[path]:
            allowed = ", ".join(map(str, _CHOICES[path]))
            draft.complain(path, f"[{table}]: `{key}` must be one of {allowed}, not {_shown(value)}")
        elif path in _LIMITS and not _LIMITS[path][0] <= value <= _LIMITS[path][1]:
            low, high = _LIMITS[path]
            draft.complain(
                path, f"[{table}]: `{key}` must lie between {low:,} and {high:,}, not {_shown(value)}"
            )
        else:
            taken[key] = value
    return taken


def take_text(draft: Draft, path: Keys, default: str, longest: int = 200) -> str:
    """A short text at ``path``."""
    value = draft.table(path[:-1]).get(path[-1], default)
    if not isinstance(value, str):
        draft.complain(path, f"`{'.'.join(path)}` must be a text in quotes, not {_shown(value)}")
        return default
    if len(value) > longest or not value.isprintable():
        draft.complain(path, f"`{'.'.join(path)}` must be one line of at most {longest} printable characters")
        return default
    return value


def take_choice(draft: Draft, path: Keys, default: str, known: Iterable[str], what: str) -> str:
    """A name at ``path`` out of ``known``."""
    known = tuple(known)
    value = take_text(draft, path, default)
    if value in known:
        return value
    draft.complain(path, f"unknown {what} `{quantities.printable(value)}`", did_you_mean(value[:60], known))
    return default


def take_horizon(draft: Draft) -> Horizon:
    """The table [horizon]."""
    return Horizon(**take_integers(draft, "horizon"))


def take_scenarios(draft: Draft) -> ScenarioPlan:
    """The table [scenarios]."""
    kind: Any = take_choice(draft, ("scenarios", "kind"), "calibrated", scenarios.KINDS, "kind of scenarios")
    file = take_text(draft, ("scenarios", "file"), "", longest=1000) or None
    structure = take_text(draft, ("scenarios", "structure"), "") or None
    for key, value in (("file", file), ("structure", structure)):
        if value is not None and kind != "calibrated":
            draft.complain(("scenarios", key), f"[scenarios]: `{key}` is of no use with kind = {kind}", "leave one out")
    return ScenarioPlan(**take_integers(draft, "scenarios"), kind=kind, file=file, structure=structure)


def take_search(draft: Draft) -> SearchBudget:
    """The table [search]."""
    return SearchBudget(**take_integers(draft, "search"))


def take_levers(draft: Draft) -> tuple[LeverRange, ...]:
    """The table [levers]; ``NAME = false`` drops a lever that came with ``extends``."""
    taken: dict[str, LeverRange] = {}
    for name, entry in draft.table(("levers",)).items():
        if entry is False or draft.unknown(("levers", name), LEVER_PARTS, "lever"):
            continue
        lever = _lever(draft, name, draft.table(("levers", name)))
        if lever is not None:
            taken[name] = lever
    for lever in taken.values():
        _check_within(draft, lever, taken)
    return tuple(taken.values())


def _lever(draft: Draft, name: str, entry: dict[str, Any]) -> LeverRange | None:
    path, before = ("levers", name), len(draft.problems)
    for key in entry:
        draft.unknown((*path, key), _LEVER_KEYS, "key")
    within = entry.get("within")
    unit = "1" if within is not None else LEVER_PARTS[name].unit
    ends = []
    for key in ("low", "high"):
        if key not in entry:
            draft.complain(path, f"lever `{name}` has no `{key}`", f"add {key} = ... [{unit}]")
        else:
            ends.append(draft.attempt((*path, key), quantities.quantity, entry[key], unit, f"{name}.{key}"))
    scale = take_choice(draft, (*path, "scale"), "linear", ("linear", "log"), "scale")
    if len(draft.problems) > before:
        return None
    _check_bounds(draft, name, ends[0], ends[1], scale, within)
    return LeverRange(name, unit, ends[0], ends[1], scale == "log", within)


def _check_bounds(draft: Draft, name: str, low: float, high: float, scale: str, within: Any) -> None:
    """Order, domain and scale of a lever's bounds."""
    path, info = ("levers", name), LEVER_PARTS[name]
    floor, ceiling = (0.0, 1.0) if within is not None else (info.low, info.high)
    unit = "fraction" if within is not None else info.unit
    if not low < high:
        draft.complain(
            (*path, "low"), f"lever `{name}`: low = {low:g} is not below high = {high:g}", "swap them?"
        )
    elif low < floor or high > ceiling:
        key = "low" if low < floor else "high"
        draft.complain(
            (*path, key),
            f"lever `{name}`: {low:g} to {high:g} leaves its domain {floor:g} to {ceiling:g} [{unit}]",
        )
    elif scale == "log" and low <= 0:
        draft.complain((*path, "low"), f"lever `{name}`: a log scale needs low > 0, not {low:g}")


def _check_within(draft: Draft, lever: LeverRange, taken: Mapping[str, LeverRange]) -> None:
    """``within`` must name another searched lever with the same figure, without going round in a circle."""
    if lever.within is None:
        return
    path = ("levers", lever.name, "within")
    outer = lever.within
    if not isinstance(outer, str) or outer not in LEVER_PARTS:
        draft.complain(path, f"unknown lever {_shown(outer)}", did_you_mean(str(outer)[:60], LEVER_PARTS))
    elif draft.table(("levers",)).get(outer, False) is False:
        draft.complain(
            path, f"lever `{lever.name}` lies within `{outer}`, which is not searched", "add it to [levers]"
        )
    elif part(outer).field != part(lever.name).field:
        draft.complain(path, f"lever `{lever.name}` cannot lie within `{outer}`, another figure")
    else:
        _check_nesting(draft, lever, taken)


def _check_nesting(draft: Draft, lever: LeverRange, taken: Mapping[str, LeverRange]) -> None:
    """Inner must really be inner: open in licensed, C in B in A, and no circle."""
    outer = str(lever.within)
    seen, step = {lever.name}, outer
    while step in taken and taken[step].within is not None and step not in seen:
        seen.add(step)
        step = str(taken[step].within)
    loosens = lever.name[0] < outer[0] or (lever.name[0] == outer[0] and "_licensed_" in lever.name)
    if step in seen or loosens:
        rule = "open lies within licensed, C within B, B within A"
        draft.complain(
            ("levers", lever.name, "within"),
            f"lever `{lever.name}` within `{outer}` would loosen a tier",
            rule,
        )


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
        draft.complain(where, f"`{quantities.printable(path[-1])}` names its statistic already", "leave one out")
        return None
    return outcome, take_text(draft, (*path, "statistic"), "mean")


def _direction(draft: Draft, path: Keys, entry: Mapping[str, Any]) -> measures.Direction | None:
    """Which way the outcome of an entry is better; None with a problem noted."""
    value = entry.get("direction")
    if isinstance(value, str) and value in _DIRECTIONS:
        found: Any = _DIRECTIONS[value]
        return found
    what = "has no direction: it" if value is None else "must be maximise or minimise, not " + _shown(value)
    said = what if value is not None else f"{what} must be maximise or minimise"
    draft.complain(path, f"{path[0].removesuffix('s')} `{path[-1]}` {said}")
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
            said = f"`{key}` belongs to the statistic {kind}, not to {_shown(word)}"
            draft.complain((*path, key), said, "leave it out")
        elif key in entry:
            unit = _UNITS[outcome] if key == "threshold" else "1"
            number = draft.attempt((*path, key), quantities.quantity, entry[key], unit, f"{path[-1]}.{key}")
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
        key: draft.attempt((*path, key), quantities.quantity, table[key], unit, f"{name}.{key}")
        for key in ("min", "max")
        if key in table
    }
    low, high = ends.get("min"), ends.get("max")
    if not ends:
        draft.complain(path, f"constraint on `{name}` has neither min nor max", "add max = ...")
    elif low is not None and high is not None and low > high:
        draft.complain((*path, "min"), f"constraint on `{name}`: min = {low:g} lies above max = {high:g}")
    return low, high


def take_parameters(draft: Draft) -> tuple[ParameterInfo, ...]:
    """The built-in parameters with the study's [uncertainties] and [constants] put over them."""
    changed: dict[str, ParameterInfo] = {info.name: info for info in parameters.table()}
    for name in draft.table(("uncertainties",)):
        path = ("uncertainties", name)
        if not draft.unknown(path, DECLARED, "parameter"):
            changed[name] = _uncertain(draft, path, changed[name])
    for name, value in draft.table(("constants",)).items():
        path = ("constants", name)
        if draft.unknown(path, DECLARED, "parameter"):
            continue
        found = draft.attempt(path, parameters.parse, name, value)
        if found is not None:
            changed[name] = parameters.with_value(changed[name], found)
    return tuple(changed.values())


def _uncertain(draft: Draft, path: Keys, info: ParameterInfo) -> ParameterInfo:
    """``info`` with the distribution of one [uncertainties.NAME] table."""
    table, before = dict(draft.table(path)), len(draft.problems)
    known = {key for keys in distributions.ARGUMENTS.values() for key in keys}
    for key in table:
        draft.unknown((*path, key), {"distribution", *known}, "key")
    name = take_choice(draft, (*path, "distribution"), "", distributions.ARGUMENTS, "distribution")
    arguments = {
        key: draft.attempt((*path, key), _argument, info.name, key, table[key])
        for key in table
        if key in known
    }
    if len(draft.problems) > before:
        return info
    made = draft.attempt(path, _distributed, info, name, arguments)
    return info if made is None else made


def _distributed(info: ParameterInfo, name: str, arguments: dict[str, float]) -> ParameterInfo:
    return parameters.with_distribution(info, distributions.make(name, arguments))


def _argument(parameter: str, key: str, value: object) -> float:
    """An argument in the parameter's unit; sigma is a pure number."""
    return quantities.quantity(value, "1", key) if key == "sigma" else parameters.parse(parameter, value)


def _shown(value: object) -> str:
    """A value as a message may quote it."""
    try:
        text = str(value)
    except ValueError:  # an integer of thousands of digits
        text = "a number of thousands of digits"
    return f"`{quantities.printable(text)}`"
