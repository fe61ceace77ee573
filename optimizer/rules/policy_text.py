"""The policy language: what a person writes to name a policy, without looking at any file or run.

A policy is a rule, rules that follow each other as ``RULE,YEAR:RULE``, or levers as ``NAME=VALUE,NAME=VALUE`` over the
policy that a study starts from. Rows of runs and of files are found by :mod:`tiercap.optimizer.runs.named_policy`,
which reads everything else here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from tiercap.optimizer.errors import InputError, did_you_mean
from tiercap.optimizer.io import csv_text, units
from tiercap.optimizer.io.units import printable
from tiercap.optimizer.rules.book import Rule, find_rule, load_rules
from tiercap.optimizer.rules.levers import LEVERS_TABLE
from tiercap.optimizer.rules.policy_forms import FORMS


@dataclass(frozen=True)
class Rules:
    """Rules that follow each other. years : when each but the first begins, rising [year]"""

    rules: tuple[Rule, ...]
    years: tuple[float, ...] = ()


@dataclass(frozen=True)
class Levers:
    """Levers by name, in the units of ``levers.LEVERS_TABLE``; what is not named stays as the study has it."""

    values: Mapping[str, float]


def parse(text: str) -> Rules | Levers:
    """What a text says. Raises :class:`InputError` naming the form that was meant, and what to write instead."""
    text = text.strip()
    return _levers(text) if "=" in text else _rules(text)


def _levers(text: str) -> Levers:
    values: dict[str, float] = {}
    for item in text.split(","):
        name, sign, value = (piece.strip() for piece in item.partition("="))
        if not (sign and name):
            raise InputError(
                f"policy `{printable(text)}`: `{printable(item.strip())}` is not NAME=VALUE; write numbers without "
                "thousands separators"
            )
        if name in values:
            raise InputError(f"policy `{printable(text)}`: lever `{name}` is given twice: keep one")
        values[name] = lever_value(name, value)
    return Levers(values)


def _rules(text: str) -> Rules:
    first, *later = (piece.strip() for piece in text.split(","))
    rules = [_rule(first, text)]
    years: list[float] = []
    for piece in later:
        year, sign, name = (part.strip() for part in piece.partition(":"))
        if not sign:
            raise InputError(
                f"policy `{printable(text)}`: `{printable(piece)}` is neither YEAR:RULE nor NAME=VALUE; a policy is "
                f"{FORMS}"
            )
        start = units.quantity(year, "year", "year of a schedule")
        if years and start <= years[-1]:
            raise InputError(
                f"policy `{printable(text)}`: years must rise, and {printable(year)} is not after {years[-1]:g}"
            )
        years.append(start)
        rules.append(_rule(name, text))
    return Rules(tuple(rules), tuple(years))


def _rule(name: str, text: str) -> Rule:
    """The rule called ``name``; for a lever's name the answer is what to write instead."""
    if name in LEVERS_TABLE:
        raise InputError(f"policy `{name}` is a lever without a value: write {name}=VALUE [{LEVERS_TABLE[name].unit}]")
    if name.casefold() in load_rules():
        return find_rule(name)
    hint = did_you_mean(name[:60].casefold(), load_rules())
    whole = "" if name == text else f"policy `{printable(text)}`: "
    raise InputError(f"{whole}unknown rule `{printable(name)}`: {hint} (tiercap rules); a policy is {FORMS}")


def lever_value(name: str, text: str) -> float:
    """A lever's value in the unit of the table, from text with or without a unit; `none` lifts it."""
    if name not in LEVERS_TABLE:
        raise InputError(f"unknown lever `{printable(name)}`: {did_you_mean(name[:60], LEVERS_TABLE)}")
    info = LEVERS_TABLE[name]
    if text.casefold() == "none":
        if not info.liftable:
            raise InputError(f"lever `{name}` cannot be lifted: give {info.domain}")
        return math.inf
    if text.casefold().strip("+-") in ("inf", "infinity"):
        raise InputError(f"lever `{name}`: `{printable(text)}` is not a number; give {info.domain}")
    return units.quantity(text, info.unit, name)


def table(data: bytes, place: str, most: int) -> list[tuple[str, int, Levers]]:
    """Policies of a CSV whose columns are levers and, if there is one, `name`: name, line and levers of each row.

    data : the file; place : its name in messages; most : rows allowed. An empty cell leaves the lever as the study has
    it. Raises InputError with line and column.
    """
    header, rows = csv_text.read(data, place, ("name", *LEVERS_TABLE), most)
    policies: list[tuple[str, int, Levers]] = []
    for line, cells in rows:
        row = dict(zip(header, cells, strict=True))
        name = row.pop("name", "") or f"row {len(policies) + 1}"
        try:
            values = {key: lever_value(key, cell) for key, cell in row.items() if cell}
        except InputError as error:
            raise InputError(f"{place}:{line}: {error}") from None
        policies.append((name, line, Levers(values)))
    return policies
