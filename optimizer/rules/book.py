"""Named export rules: data, not code. Each is the whole law on its date; ``data/rules.toml`` holds them."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from tiercap.kernels.params import GROUPS, TIERS
from tiercap.optimizer.data import shipped
from tiercap.optimizer.errors import InputError, did_you_mean
from tiercap.optimizer.io.units import printable
from tiercap.optimizer.rules.clauses import Band, Limb, year_of
from tiercap.optimizer.rules.levers import CONTROLS

MAX_BYTES = 1 << 20
_RULE_KEYS = ("title", "date", "in_force", "citations", "notes", "controls", *GROUPS)
_FLAGS = ("consumer_only", "no_diversion")
_TEXTS = ("name", "tier", "source")
_LIMB_KEYS = tuple(entry.name for entry in fields(Limb))


#: Units of the caps and terms of a limb.
UNITS = {
    "tpp": "TPP",
    "memory_gbs": "GB/s",
    "interconnect_gbs": "GB/s",
    "density": "TPP/mm2",
    "bandwidth_sum_gbs": "GB/s",
    "quota_share": "1, of TPP shipped for home use",
    "quota_chips": "chips/year",
    "quota_tpp": "TPP/year",
    "revenue_share": "1",
    "delay_years": "year",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: limbs for each destination group, its date, where it is written, what reading it simplifies."""

    name: str
    title: str
    date: date | None
    in_force: bool  # whether it ever applied
    citations: tuple[str, ...]
    notes: str
    by_group: Mapping[str, tuple[Limb, ...]]
    controls: Mapping[str, float] = field(default_factory=dict)  # of the restricted group, beside chips

    def limbs(self, group: str = "c") -> tuple[Limb, ...]:
        """Limbs for a group, in the order of the file; :class:`InputError` for an unknown group."""
        if group not in self.by_group:
            raise InputError(
                f"unknown destination group `{printable(group)}`: known: a (allied), b (swing), c (restricted)"
            )
        return self.by_group[group]


def load_rules(path: Path | None = None) -> dict[str, Rule]:
    """Rules by name: those that were in force by date, then the others. By default the built-in ones.

    Raises :class:`InputError` naming file, rule, limb and key.
    """
    return dict(_builtin()) if path is None else _read(path, str(path)[-120:])


@cache
def _builtin() -> dict[str, Rule]:
    return _read(shipped("rules.toml"), "rules.toml")


def find_rule(name: str, rules: Mapping[str, Rule] | None = None) -> Rule:
    """The rule called ``name``, whatever its case; :class:`InputError` with a suggestion if there is none."""
    among = load_rules() if rules is None else rules
    word = name.strip().casefold()
    if word in among:
        return among[word]
    raise InputError(f"unknown rule `{printable(name)}`: {did_you_mean(word[:60], among)} (tiercap rules)")


def listed(names: Iterable[str] = ()) -> list[Rule]:
    """The rules of these names, each once, in this order; all if none."""
    return [find_rule(name) for name in dict.fromkeys(names)] or list(load_rules().values())


def record(rule: Rule) -> dict[str, Any]:
    """A rule as names and values; ``groups`` has its limbs by group of destinations."""
    return {
        "name": rule.name,
        "title": rule.title,
        "date": rule.date.isoformat() if rule.date else None,
        "in_force": rule.in_force,
        "citations": list(rule.citations),
        "notes": rule.notes,
        "controls": dict(rule.controls),
        "groups": {group: [asdict(limb) for limb in limbs] for group, limbs in rule.by_group.items()},
    }


def in_force_on(year: float, rules: Mapping[str, Rule] | None = None) -> Rule | None:
    """The newest rule that applied at a point in time [year]; None before the first."""
    among = load_rules() if rules is None else rules
    past = [rule for rule in among.values() if rule.in_force and rule.date and year_of(rule.date) <= year]
    return max(past, key=lambda rule: rule.date or date.min, default=None)


def _read(path: Path, name: str) -> dict[str, Rule]:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise InputError(f"{name} is larger than {MAX_BYTES >> 20} MiB: rules take some KiB")
        data = tomllib.loads(raw.decode("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{name} cannot be read as rules in TOML: {printable(str(error))}") from None
    rules = [_rule(key, table, data, name) for key, table in data.items()]
    rules.sort(key=lambda rule: (not rule.in_force, rule.date or date.max, rule.name))
    return {rule.name: rule for rule in rules}


def _rule(key: str, table: object, data: Mapping[str, Any], name: str) -> Rule:
    place = f"{name}: rule `{key}`"
    if not isinstance(table, dict):
        raise InputError(f"{place} must be a table: write [{key}] and keys below it")
    _known(table, _RULE_KEYS, place)
    day = table.get("date")
    if day is not None and (not isinstance(day, date) or isinstance(day, datetime)):
        raise InputError(f"{place}: `date` must be a date such as 2026-01-15, without quotes")
    if not isinstance(table.get("in_force"), bool):
        raise InputError(f"{place}: `in_force` must be true or false: did the rule ever apply?")
    return Rule(
        name=key,
        title=str(table.get("title", "")),
        date=day,
        in_force=table["in_force"],
        citations=tuple(map(str, table.get("citations", ()))),
        notes=str(table.get("notes", "")),
        by_group={group: _limbs(key, group, data, name) for group in GROUPS},
        controls=_controls(table.get("controls", {}), f"{place}, controls"),
    )


def _controls(table: object, place: str) -> dict[str, float]:
    if not isinstance(table, dict):
        raise InputError(f"{place} must be a table")
    _known(table, tuple(CONTROLS), place)
    for key, value in table.items():
        if not _is_measure(value) or value > 1:
            raise InputError(f"{place}: `{key}` must be a number from 0 to 1, not {printable(repr(value))}")
    return {key: float(value) for key, value in table.items()}


def _limbs(key: str, group: str, data: Mapping[str, Any], name: str, depth: int = 0) -> tuple[Limb, ...]:
    """A group's limbs, following the name of another rule where one stands instead of a list."""
    place = f"{name}: rule `{key}`, group {group}"
    table = data.get(key)
    given = table.get(group) if isinstance(table, dict) else None
    if isinstance(given, str):
        if given not in data or depth > len(data):
            raise InputError(f"{place} refers to `{printable(given)}`: {did_you_mean(given[:60], data)}")
        return _limbs(given, group, data, name, depth + 1)
    if not isinstance(given, list):
        raise InputError(f"{place}: limbs are missing: write [[{key}.{group}]] tables or a rule's name")
    limbs = tuple(_limb(entry, f"{place}, limb {number}") for number, entry in enumerate(given, 1))
    names = [limb.name for limb in limbs]
    if len(set(names)) < len(names):
        raise InputError(f"{place}: two limbs have the same name: rename one")
    return limbs


def _limb(entry: object, place: str) -> Limb:
    if not isinstance(entry, dict):
        raise InputError(f"{place} must be a table")
    _known(entry, _LIMB_KEYS, place)
    if not isinstance(entry.get("name"), str) or entry.get("tier") not in TIERS:
        raise InputError(f"{place} needs a `name` and a `tier` that is open or licensed")
    values: dict[str, Any] = {
        key: _bands(value, place) if key == "duty_bands" else _value(key, value, place) for key, value in entry.items()
    }
    if values["tier"] == "open" and set(values) & {"quota_share", "quota_chips", "quota_tpp", "revenue_share"}:
        raise InputError(f"{place}: an open limb takes no licence, so no quota or revenue share: drop them")
    return Limb(**values)


def _bands(value: object, place: str) -> tuple[Band, ...]:
    """Bands of a duty: lists of TPP from and to, DRAM bandwidth from and to."""
    bands = value if isinstance(value, list) else []
    for band in bands or [None]:
        if not isinstance(band, list) or len(band) != 4 or not all(map(_is_measure, band)):
            raise InputError(f"{place}: `duty_bands` must be lists of four numbers: TPP from, to, GB/s from, to")
        if band[0] > band[1] or band[2] > band[3]:
            raise InputError(f"{place}: `duty_bands`: {band} ends before it begins: swap its ends")
    return tuple((float(a), float(b), float(c), float(d)) for a, b, c, d in bands)


def _known(table: Mapping[str, Any], keys: tuple[str, ...], place: str) -> None:
    for key in table:
        if key not in keys:
            raise InputError(f"{place}: unknown key `{printable(key)}`: {did_you_mean(key[:60], keys)}")


def _value(key: str, value: object, place: str) -> object:
    """A limb's entry in the type of its field."""
    if key in _TEXTS:
        wanted, fits = "a text", isinstance(value, str)
    elif key in _FLAGS:
        wanted, fits = "true or false", isinstance(value, bool)
    elif key == "sku_before":
        wanted, fits = "a date such as 2026-01-15", isinstance(value, date) and not isinstance(value, datetime)
    else:
        wanted, fits = "a finite number of 0 or more", _is_measure(value)
    if not fits:
        raise InputError(f"{place}: `{key}` must be {wanted}, not {printable(repr(value))}")
    if key == "revenue_share" and isinstance(value, (int, float)) and value > 1:
        raise InputError(f"{place}: `revenue_share` {value:g} is above 1: write 25 % as 0.25")
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value


def _is_measure(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < math.inf
