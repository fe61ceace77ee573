"""The rules a study's tables must keep, each broken rule reported where it was broken.

A :class:`Draft` holds the merged tables; each ``take_*`` function turns one table into a record of
``records.py``. Nothing raises: problems are collected, so that a person mends a file in one go.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tiercap.kernels.params import GROUPS, OUTCOMES
from tiercap.optimizer.errors import InputError, did_you_mean
from tiercap.optimizer.io import units
from tiercap.optimizer.io.toml_text import TomlFile
from tiercap.optimizer.model import scenarios
from tiercap.optimizer.model.horizon import Horizon
from tiercap.optimizer.rules import levers, nesting
from tiercap.optimizer.rules.levers import part
from tiercap.optimizer.rules.space import Lever
from tiercap.optimizer.study import engines
from tiercap.optimizer.study.records import LEVER_PARTS, ScenarioPlan, SearchBudget

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
    "search": ("screen", "screen_scenarios", "screen_generations", "promoted", "engine", "options", "pruner", "trials",
               "population", "patience", "workers", "seed", "scale"),
}
_LEVER_KEYS = ("low", "high", "scale", "within")

#: Integer keys: smallest and largest value allowed.
_LIMITS = {
    ("horizon", "years"): (1, 64),
    ("horizon", "start"): (2000, 2100),
    ("scenarios", "count"): (1, scenarios.MAX_SCENARIOS),
    ("scenarios", "seed"): (0, scenarios.MAX_SEED),
    ("scenarios", "fresh"): (0, scenarios.MAX_SCENARIOS),
    ("search", "screen"): (0, 200_000_000),
    ("search", "screen_scenarios"): (1, scenarios.MAX_SCENARIOS),
    ("search", "screen_generations"): (0, 100_000),
    ("search", "promoted"): (1, 100_000),
    ("search", "trials"): (0, 1_000_000),
    ("search", "population"): (2, 10_000),
    ("search", "patience"): (0, 100_000),
    ("search", "workers"): (1, 64),
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
            name = units.printable(".".join(path))
            self.complain(path, f"`{name}` must be a table", f"write [{name}] and keys below it")
            return {}
        return found

    def unknown(self, path: Keys, known: Iterable[str], what: str) -> bool:
        """Report ``path`` if its last part is not among ``known``."""
        known = tuple(known)
        if path[-1] in known:
            return False
        table = ".".join(path[:-1])
        context = f"[{table}]: " if table else ""
        name = units.printable(path[-1])
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
            draft.complain(path, f"[{table}]: `{key}` must be a whole number, not {shown(value)}")
        elif path in _CHOICES and value not in _CHOICES[path]:
            allowed = ", ".join(map(str, _CHOICES[path]))
            draft.complain(path, f"[{table}]: `{key}` must be one of {allowed}, not {shown(value)}")
        elif path in _LIMITS and not _LIMITS[path][0] <= value <= _LIMITS[path][1]:
            low, high = _LIMITS[path]
            draft.complain(
                path, f"[{table}]: `{key}` must lie between {low:,} and {high:,}, not {shown(value)}"
            )
        else:
            taken[key] = value
    return taken


def take_text(draft: Draft, path: Keys, default: str, longest: int = 200) -> str:
    """A short text at ``path``."""
    value, name = draft.table(path[:-1]).get(path[-1], default), units.printable(".".join(path))
    if not isinstance(value, str):
        draft.complain(path, f"`{name}` must be a text in quotes, not {shown(value)}")
        return default
    if len(value) > longest or not value.isprintable():
        draft.complain(path, f"`{name}` must be one line of at most {longest} printable characters")
        return default
    return value


def take_choice(draft: Draft, path: Keys, default: str, known: Iterable[str], what: str) -> str:
    """A name at ``path`` out of ``known``."""
    known = tuple(known)
    value = take_text(draft, path, default)
    if value in known:
        return value
    draft.complain(path, f"unknown {what} `{units.printable(value)}`", did_you_mean(value[:60], known))
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
    engine = take_choice(draft, ("search", "engine"), engines.DEFAULT, engines.ENGINES, "engine")
    pruner = take_choice(draft, ("search", "pruner"), "none", engines.PRUNERS, "pruner")
    options, scale = _take_options(draft, engine), _take_scale(draft)
    return SearchBudget(**take_integers(draft, "search"), engine=engine, pruner=pruner, options=options, scale=scale)


def _take_options(draft: Draft, engine: str) -> dict[str, engines.Value]:
    """The table [search.options]: those of the engine that differ from its defaults."""
    taken: dict[str, engines.Value] = {}
    known = engines.ENGINES[engine].options
    for name, value in draft.table(("search", "options")).items():
        path = ("search", "options", name)
        if name not in known:
            hint = did_you_mean(name[:60], known) if known else "it has none"
            draft.complain(path, f"engine `{engine}` has no option `{units.printable(name)}`", hint)
            continue
        option = known[name]
        if isinstance(value, str) and not option.choices:  # from the command line, where numbers are text
            value = draft.attempt(path, units.quantity, value, "1", f"options.{name}")
        if value is not None and not option.accepts(value):
            draft.complain(path, f"[search.options]: `{name}` must be {option.rule}, not {shown(value)}")
        elif value is not None and value != option.default:
            taken[name] = float(value) if isinstance(option.default, float) else value
    return taken


def _take_scale(draft: Draft) -> dict[str, tuple[float, float]]:
    """The table [search.scale]: outcome to best and worst, two different numbers; ``scale = false`` drops one."""
    taken: dict[str, tuple[float, float]] = {}
    if draft.table(("search",)).get("scale") is False:
        return taken
    for name, value in draft.table(("search", "scale")).items():
        path = ("search", "scale", name)
        if draft.unknown(path, OUTCOMES, "outcome"):
            continue
        pair = value if isinstance(value, list) and len(value) == 2 else []
        numbers = [v for v in pair if isinstance(v, (int, float)) and not isinstance(v, bool) and math.isfinite(v)]
        if len(numbers) == 2 and numbers[0] != numbers[1]:
            taken[name] = (float(numbers[0]), float(numbers[1]))
        else:
            rule = f"[search.scale]: `{name}` must be two different numbers, best and worst"
            draft.complain(path, rule, "such as [74.4, 8.4]")
    return taken


def take_levers(draft: Draft) -> tuple[Lever, ...]:
    """The levers that the table [levers] says are searched; ``NAME = false`` drops one that came with ``extends``."""
    taken: dict[str, Lever] = {}
    for name, entry in draft.table(("levers",)).items():
        if not isinstance(entry, dict) or draft.unknown(("levers", name), LEVER_PARTS, "lever"):
            continue
        lever = _lever(draft, name, draft.table(("levers", name)))
        if lever is not None:
            taken[name] = lever
    for lever in taken.values():
        _check_within(draft, lever, taken)
    return tuple(taken.values())


def take_held(draft: Draft) -> dict[str, float]:
    """The levers of the table [levers] that are held: ``NAME = VALUE`` in place of a range."""
    taken: dict[str, float] = {}
    for name, entry in draft.table(("levers",)).items():
        if entry is False or isinstance(entry, dict) or draft.unknown(("levers", name), LEVER_PARTS, "lever"):
            continue
        found = draft.attempt(("levers", name), _held, name, entry)
        if found is not None:
            taken[name] = found
    return taken


def _held(name: str, value: object) -> float:
    return levers.check(name, units.quantity(value, LEVER_PARTS[name].unit, name))


def _lever(draft: Draft, name: str, entry: dict[str, Any]) -> Lever | None:
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
            ends.append(draft.attempt((*path, key), units.quantity, entry[key], unit, f"{name}.{key}"))
    scale = take_choice(draft, (*path, "scale"), "linear", ("linear", "log"), "scale")
    if len(draft.problems) > before:
        return None
    _check_bounds(draft, name, ends[0], ends[1], scale, within)
    return Lever(name, unit, ends[0], ends[1], scale == "log", within)


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
    elif scale == "log" and low < 0:
        draft.complain((*path, "low"), f"lever `{name}`: a log scale needs low >= 0, not {low:g}")


def _check_within(draft: Draft, lever: Lever, taken: Mapping[str, Lever]) -> None:
    """``within`` must name another searched lever with the same figure, without going round in a circle."""
    if lever.within is None:
        return
    path = ("levers", lever.name, "within")
    outer = lever.within
    if not isinstance(outer, str) or outer not in LEVER_PARTS:
        draft.complain(path, f"unknown lever {shown(outer)}", did_you_mean(str(outer)[:60], LEVER_PARTS))
    elif not isinstance(draft.table(("levers",)).get(outer), dict):
        draft.complain(
            path, f"lever `{lever.name}` lies within `{outer}`, which is not searched", "add it to [levers]"
        )
    elif part(outer).field != part(lever.name).field:
        draft.complain(path, f"lever `{lever.name}` cannot lie within `{outer}`, another figure")
    else:
        _check_nesting(draft, lever, taken)


def _check_nesting(draft: Draft, lever: Lever, taken: Mapping[str, Lever]) -> None:
    """Inner must really be inner: open in licensed, C in B in A, and no circle."""
    outer = str(lever.within)
    chain = nesting.around(lever.name, _withins(taken))
    circular = chain[-1] in taken and taken[chain[-1]].within is not None
    if circular or not nesting.may_lie_within(part(lever.name), part(outer)):
        rule = "open lies within licensed, C within B, B within A"
        draft.complain(
            ("levers", lever.name, "within"),
            f"lever `{lever.name}` within `{outer}` would loosen a tier",
            rule,
        )


def _withins(taken: Mapping[str, Lever]) -> dict[str, str | None]:
    """What each lever lies within; a wrong one as text, since its own complaint stands elsewhere."""
    return {name: None if lever.within is None else str(lever.within) for name, lever in taken.items()}


def shown(value: object) -> str:
    """A value as a message may quote it."""
    try:
        text = str(value)
    except ValueError:  # an integer of thousands of digits
        text = "a number of thousands of digits"
    return f"`{units.printable(text)}`"
