"""What no physics allows of a set of parameters: refused where parameters are read, before anything is computed.

Each parameter has a domain of its own in the contract; here are the bounds that they set each other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tiercap.optimizer.errors import InputError
from tiercap.optimizer.model.parameters import DECLARED, outside

Floats = NDArray[np.float64]
#: Columns by parameter: float64[n] each, in the contract's units; a record PARAMS[n] is one.
Table = Mapping[str, Floats] | NDArray[Any]

WAFER_RADIUS = 150.0  # [mm]
WAFERS_A_YEAR = 0.012  # thousand wafers a month in million a year


class Bound(NamedTuple):
    """One parameter that others bound: by how much, why, and what to do."""

    name: str
    others: tuple[str, ...]
    most: Callable[[Table], Floats]
    words: str
    remedy: str


def gross_dies(table: Table) -> Floats:
    """Dies on a wafer of 300 mm, before yield; docs/model.md section 8, item 2."""
    area = table["die_area"]
    return np.asarray(np.pi * WAFER_RADIUS**2 / area - 2.0 * np.pi * WAFER_RADIUS / np.sqrt(2.0 * area))


def _packages(table: Table) -> Floats:
    """Packages a year that every advanced wafer, all dies from abroad and the whole stockpile could make."""
    wafers = WAFERS_A_YEAR * table["wafers"] * gross_dies(table) * table["yield_max"]
    return np.asarray((wafers + table["dies_abroad"] + table["bank_dies"]) / table["dies_package"])


def _within(name: str, outer: str, words: str) -> Bound:
    return Bound(name, (outer,), lambda table: table[outer], words, f"lower it, or raise {outer}")


BOUNDS: tuple[Bound, ...] = (
    _within("yield_start", "yield_max", "yield does not fall with learning"),
    *(
        _within(name, f"{name}_ceiling", "a start does not lie above its ceiling")
        for name in ("wafers", "hbm", "spending_a", "budget_b", "budget_c")
    ),
    Bound(
        "domestic_supply",
        ("wafers", "die_area", "yield_max", "dies_package", "dies_abroad", "bank_dies"),
        _packages,
        "more dies would be sold than there are wafers and stockpiled dies for",
        "lower it or dies_package, or raise wafers, dies_abroad or bank_dies",
    ),
)


def broken(table: Table, n: int, known: frozenset[str] | None = None) -> list[tuple[Bound, str]]:
    """Bounds that some of ``n`` sets break, each with a sentence about the first such set.

    known : the columns there are, all if None; a bound is looked at where all its columns are
    """
    found = []
    for bound in BOUNDS:
        if known is not None and not known.issuperset((bound.name, *bound.others)):
            continue
        value, most = table[bound.name], np.broadcast_to(bound.most(table), n)
        over = value > most * (1.0 + 1e-9)
        if over.any():
            found.append((bound, _sentence(bound, value, most, int(np.argmax(over)), int(over.sum()), n)))
    return found


def check(table: Table, n: int, where: str, known: frozenset[str] | None = None) -> None:
    """Raise InputError about the first bound that is broken. where : what the sets are, for the sentence"""
    for _, sentence in broken(table, n, known):
        raise InputError(f"{where}: {sentence}")


def _sentence(bound: Bound, value: Floats, most: Floats, row: int, count: int, n: int) -> str:
    shown, limit = (float(outside(bound.name, column[row])) for column in (value, most))
    unit = DECLARED[bound.name].unit
    unit = "" if unit == "1" else f" {unit}"
    by = f"{bound.others[0]}, {limit:g}{unit}" if len(bound.others) == 1 else f"{limit:g}{unit}"
    many = f" in {count} of {n} sets, the first of them {row}" if n > 1 else ""
    return f"`{bound.name}` = {shown:g}{unit} exceeds {by}{many}: {bound.words}; {bound.remedy}"
