"""What a sweep moves: a lever or a parameter, and the values it takes, as written on the command line.

``NAME=LO:HI:N`` is N values evenly spaced, both ends among them, ``NAME=LO:HI:N:log`` the same in the logarithm,
``NAME=A,B,C`` a list. Where points are drawn and not counted out, ``NAME=LO:HI`` and ``NAME=LO:HI:log`` are ranges.
Values carry units or are in the unit of the lever or parameter.
"""

from __future__ import annotations

import hashlib
import math
import struct
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from tiercap.optimizer.errors import InputError, did_you_mean
from tiercap.optimizer.io import units
from tiercap.optimizer.io.arrays import Floats
from tiercap.optimizer.io.units import printable
from tiercap.optimizer.model import parameters
from tiercap.optimizer.model.parameters import DECLARED
from tiercap.optimizer.rules import levers
from tiercap.optimizer.rules.levers import LEVERS_TABLE
from tiercap.optimizer.rules.policy_text import lever_value
from tiercap.optimizer.study.records import Study

Kind = Literal["lever", "parameter"]
Scale = Literal["linear", "log", "list", "file"]

#: Values of one name, on a grid or in a list.
MAX_VALUES = 1_000_000
MAX_LENGTH = 100_000
#: Values that a description lists one by one.
MOST_LISTED = 1000
EXAMPLE = "such as c_licensed_tpp=2400:21000:20:log or budget_c=40,60,80"


@dataclass(frozen=True)
class Axis:
    """One swept name.

    unit : that of ``levers.LEVERS_TABLE`` or of the contract, and of all values
    values : those of a grid or list, in ascending or given order; empty for a range that points are drawn from, and
        where a file says the points
    low, high : the ends of a range
    """

    name: str
    kind: Kind
    unit: str
    meaning: str
    scale: Scale
    values: tuple[float, ...] = ()
    low: float = math.nan
    high: float = math.nan

    def at(self, shares: Floats) -> Floats:
        """The values at ``shares`` of the range, or of the list, each from 0 to 1: float64[n]."""
        if self.values:
            places = np.minimum((shares * len(self.values)).astype(np.int64), len(self.values) - 1)
            return np.asarray(self.values)[places]
        if self.scale == "log":
            found = self.low * (self.high / self.low) ** shares
        else:
            found = self.low + (self.high - self.low) * shares
        return np.clip(found, self.low, self.high)

    def described(self) -> dict[str, Any]:
        """The axis as JSON has it; a lifted cap is "none", and of many values there are the ends and a digest."""
        said: dict[str, Any] = {"name": self.name, "kind": self.kind, "unit": self.unit, "meaning": self.meaning}
        said |= {"scale": self.scale}
        if len(self.values) > MOST_LISTED:
            digest = hashlib.sha256(struct.pack(f"<{len(self.values)}d", *self.values)).hexdigest()
            ends = [value if math.isfinite(value) else "none" for value in (self.values[0], self.values[-1])]
            said |= {"count": len(self.values), "first": ends[0], "last": ends[1], "sha256": digest}
        elif self.values:
            said["values"] = [value if math.isfinite(value) else "none" for value in self.values]
        elif self.scale != "file":
            said |= {"low": self.low, "high": self.high}
        return said


def parse(text: str, study: Study, drawn: bool) -> Axis:
    """An axis as written; ``drawn`` where points are drawn from it. Raises InputError in one sentence."""
    name, sign, rest = (part.strip() for part in text[:MAX_LENGTH].partition("="))
    if not sign or not name or not rest or len(text) > MAX_LENGTH:
        raise InputError(f"--over: `{printable(text)}` is not NAME=LO:HI:N, NAME=LO:HI:N:log or NAME=A,B,C: {EXAMPLE}")
    axis = named(name, study, "--over", "linear")
    if ":" not in rest:
        return _with(axis, scale="list", values=_listed(name, rest))
    return _ranged(axis, [part.strip() for part in rest.split(":")], drawn)


def named(name: str, study: Study, place: str, scale: Scale) -> Axis:
    """An axis without values. Refuses what cannot be swept; ``place`` begins the sentence."""
    shown = printable(name)
    if name in LEVERS_TABLE:
        if levers.part(name).field == "reading":
            raise InputError(f"{place}: `{name}` says how caps are read: set it in --policy instead, as {name}=1,...")
        info = LEVERS_TABLE[name]
        return Axis(name, "lever", info.unit, info.meaning, scale)
    if name not in DECLARED:
        if "." in name:
            raise InputError(f"{place}: `{shown}` is a constant of the study, not a lever or parameter: use --set")
        hint = did_you_mean(name[:60], [*LEVERS_TABLE, *DECLARED])
        raise InputError(f"{place}: unknown lever or parameter `{shown}`: {hint} (tiercap parameters lists them)")
    origin = study.origins.get(f"constants.{name}")
    if origin is not None:
        raise InputError(
            f"{place}: `{name}` is a constant, held fixed by {printable(origin)}: take it out there to sweep it"
        )
    return Axis(name, "parameter", DECLARED[name].unit, DECLARED[name].meaning, scale)


def value(name: str, text: str) -> float:
    """A value of a lever or parameter in its unit, inside its domain."""
    if name in LEVERS_TABLE:
        return levers.check(name, lever_value(name, text))
    return parameters.parse(name, text)


def _with(axis: Axis, **changes: Any) -> Axis:
    """``axis`` with its values, none of which stands twice."""
    found = replace(axis, **changes)
    seen: set[float] = set()
    for one in found.values:
        if one in seen:
            raise InputError(f"--over: `{axis.name}` takes {one:g} twice: keep one")
        seen.add(one)
    return found


def _listed(name: str, text: str) -> tuple[float, ...]:
    parts = [part.strip() for part in text.split(",")]
    if "" in parts:
        raise InputError(f"--over: `{name}` has an empty value in `{printable(text)}`: write NAME=A,B,C")
    _check_units(name, [part for part in parts if part.casefold() != "none"])
    return tuple(value(name, part) for part in parts)


def _ranged(axis: Axis, parts: list[str], drawn: bool) -> Axis:
    name, log = axis.name, parts[-1].casefold() == "log"
    if parts[-1].casefold() in ("log", "lin", "linear"):
        parts = parts[:-1]
    if drawn and len(parts) == 3:
        raise InputError(f"--over: `{name}` has a number of values, but points are drawn: say how many with --points")
    if len(parts) != (2 if drawn else 3):
        wanted = "NAME=LO:HI or NAME=LO:HI:log" if drawn else "NAME=LO:HI:N or NAME=LO:HI:N:log"
        raise InputError(f"--over: `{name}={printable(':'.join(parts))}` is not {wanted}: {EXAMPLE}")
    _check_units(name, parts[:2])
    low, high = value(name, parts[0]), value(name, parts[1])
    if not math.isfinite(low + high):
        raise InputError(f"--over: the ends of `{name}` must be finite: put `none` into a list of values")
    if low == high:
        raise InputError(f"--over: `{name}` is constant, from {low:g} to {high:g}: give two ends that differ")
    if low > high:
        raise InputError(f"--over: `{name}` runs from {low:g} down to {high:g}: swap the ends")
    if log and low <= 0.0:
        raise InputError(f"--over: a log scale of `{name}` needs LO above 0, not {low:g}")
    if drawn:
        return _with(axis, scale="log" if log else "linear", low=low, high=high)
    n = _count(name, parts[2])
    spaced = np.geomspace(low, high, n) if log else np.linspace(low, high, n)
    values = tuple(float(v) for v in np.clip(spaced, low, high))
    if axis.kind == "lever":
        values = tuple(levers.check(name, v) for v in values)  # some take whole numbers only
    return _with(axis, scale="log" if log else "linear", values=values)


def _check_units(name: str, parts: list[str]) -> None:
    """All with a unit or none: `1:8 GB/s` could be meant either way. Zero is zero in every unit."""
    bare = [_bare(part) for part in parts]
    if None in bare and any(number for number in bare if number is not None):
        raise InputError(f"--over: `{name}`: give every value its unit or none: `{printable(', '.join(parts))}`")


def _bare(text: str) -> float | None:
    """The number that ``text`` is, None where a unit follows; 0 for what is no number, which is told elsewhere."""
    try:
        return units.number(text)
    except InputError:
        return None if text[:1] in "+-.0123456789" else 0.0


def _count(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 12:
        raise InputError(f"--over: `{name}`: the number of values must be a whole number, not `{printable(text)}`")
    n = int(text)
    if n == 0:
        raise InputError(f"--over: `{name}` has 0 values, so the grid is empty: give at least 2")
    if not 2 <= n <= MAX_VALUES:
        raise InputError(f"--over: `{name}`: a range takes 2 to {MAX_VALUES:,} values, not {n:,}")
    return n
