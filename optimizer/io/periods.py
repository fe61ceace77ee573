"""Stretches of time as people write them: 2024, 2024Q1, 2024H2, 2024-03, or two of these with two dots between."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tiercap.optimizer.errors import InputError
from tiercap.optimizer.io.units import printable

#: What a period is called in messages.
SPELLINGS = "2024, 2024Q1, 2024H2, 2024-03, or two of them as in 2024-02..2025-01"
_ONE = re.compile(r"((?:19|20)[0-9]{2})(?:Q([1-4])|H([12])|-(0[1-9]|1[0-2]))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Period:
    """From ``start`` up to ``end`` [year]; ``text`` is how it was written."""

    text: str
    start: float
    end: float

    @property
    def length(self) -> float:
        """[year]"""
        return self.end - self.start


def parse_period(text: str) -> Period:
    """The period that ``text`` writes; :class:`InputError` if it writes none."""
    bare = text.strip()
    first, dots, last = bare.partition("..")
    start, end = _one(first, bare), _one(last if dots else first, bare)
    if end[1] <= start[0]:
        raise InputError(f"period `{printable(bare)}` ends before it begins: swap the two")
    return Period(bare, start[0], end[1])


def _one(text: str, whole: str) -> tuple[float, float]:
    match = _ONE.fullmatch(text)
    if match is None:
        raise InputError(f"`{printable(whole)}` is not a period: write {SPELLINGS}")
    year = float(match[1])
    for place, parts in ((2, 4), (3, 2), (4, 12)):
        if match[place]:
            return year + (int(match[place]) - 1) / parts, year + int(match[place]) / parts
    return year, year + 1.0
