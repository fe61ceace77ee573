"""Chips: figures with units, sources and gaps, and the exporter's catalogue that the model prices.

``data/chips.csv`` holds 48 chips. An empty cell is a figure that nobody has published; it is never filled by
a guess. Eleven chips that are known by name only were left out, because no rule could be applied to them:
Gaudi 3's China editions, Ascend 910D and 920, MLU690, Hygon K100 and BW1000, BR106, Enflame S60, Kunlun P800
and T-Head's two PPUs have neither a TPP nor memory and interconnect bandwidth together.

``fp8_pflops`` is what the model computes with: dense FP8, else INT8, else FP16 without uplift (``fp8_format``
says which). ``tpp`` is what rules count: 2 x MacTOPS x bit length, dense, the largest over formats. The two
are kept apart because an FP4-only uplift raises the second and not the first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tiercap.kernels.params import CHIP
from tiercap.optimizer.data import EVIDENCE, shipped
from tiercap.optimizer.errors import InputError, did_you_mean
from tiercap.optimizer.io import csv_text
from tiercap.optimizer.io.units import BANDWIDTH, inside, number, printable

MAX_BYTES = 1 << 20
MAX_CHIPS = 10_000
#: No figure of a chip comes near; more is a slip of the unit.
LARGEST = 1e9


#: Units of the figures of a chip.
UNITS = {
    "die_area_mm2": "mm2",
    "fp8_pflops": "PFLOP/s",
    "tpp": "TPP",
    "density": "TPP/mm2",
    "memory_gbs": "GB/s",
    "interconnect_gbs": "GB/s",
    "host_link_gbs": "GB/s",
    "price_low_usd": "USD",
    "price_high_usd": "USD",
}


@dataclass(frozen=True, slots=True)
class Chip:
    """One chip. None is "not published"; bandwidths count both directions, per chip."""

    name: str
    aliases: tuple[str, ...] = ()
    vendor: str = ""
    country: str = ""
    launch: str = ""  # 2024, 2024Q1 or 2024H2; empty if unknown
    special_edition: bool | None = False  # built for a rule
    us_sale: bool | None = None  # commercially available in the US
    datacentre: bool | None = True  # designed or marketed for data centres
    die_area_mm2: float | None = None
    fp8_pflops: float | None = None
    fp8_format: str = ""
    tpp: float | None = None
    tpp_format: str = ""
    memory_gbs: float | None = None
    interconnect_gbs: float | None = None  # scale-up link; 0: the chip has none
    host_link_gbs: float | None = None
    price_low_usd: float | None = None
    price_high_usd: float | None = None
    evidence: str = ""
    recalled_columns: tuple[str, ...] = ()  # figures from general knowledge, not read again
    source: str = ""
    notes: str = ""

    @property
    def density(self) -> float | None:
        """Performance density [TPP/mm2]."""
        return self.tpp / self.die_area_mm2 if self.tpp is not None and self.die_area_mm2 else None

    @property
    def io_gbs(self) -> float | None:
        """I/O bandwidth as rules read it here [GB/s]: the scale-up link, or the host link if there is none."""
        return self.host_link_gbs if self.interconnect_gbs == 0 else self.interconnect_gbs

    def figure(self, cap: str) -> float | None:
        """The figure that a cap bounds, by the cap's name in ``data/rules.toml``; None if it is not known."""
        match cap:
            case "bandwidth_sum_gbs":
                return None if self.memory_gbs is None or self.io_gbs is None else self.memory_gbs + self.io_gbs
            case "interconnect_gbs":
                return self.io_gbs
        value: float | None = getattr(self, cap)
        return value

    @property
    def launched(self) -> tuple[float, float] | None:
        """First and last instant of the launch period [year]."""
        return launch_period(self.launch) if self.launch else None


def launch_period(text: str) -> tuple[float, float]:
    """2024Q2 to (2024.25, 2024.5); years and half-years likewise. :class:`InputError` for anything else."""
    match = re.fullmatch(r"((?:19|20)[0-9]{2})(?:Q([1-4])|H([12]))?", text, re.ASCII)
    if match is None:
        raise InputError(f"`{printable(text)}` is not a launch date: write 2024, 2024Q1 or 2024H2")
    year = float(match[1])
    if match[2]:
        return year + (int(match[2]) - 1) / 4, year + int(match[2]) / 4
    if match[3]:
        return year + (int(match[3]) - 1) / 2, year + int(match[3]) / 2
    return year, year + 1


def load_chips(path: Path | None = None) -> tuple[Chip, ...]:
    """The chips of a CSV file in the schema of ``data/chips.csv``, by default that file itself.

    Columns may come in any order; those of :data:`REQUIRED` must be there, others may. Raises
    :class:`InputError` that names file, line, column, the rule broken and what to do.
    """
    if path is None:
        return _builtin()
    return _parse(_bytes(path), _shown(path))


@cache
def _builtin() -> tuple[Chip, ...]:
    path = shipped("chips.csv")
    return _parse(path.read_bytes(), "chips.csv")


def find_chip(name: str, chips: Iterable[Chip] | None = None) -> Chip:
    """The chip that ``name`` means, whatever its case.

    A name or alias that fits exactly wins (``A100`` is an alias of the A100 80GB, ``H100`` of the H100 SXM);
    else the one chip whose name begins so. Several or none: :class:`InputError` with the candidates.
    """
    among = load_chips() if chips is None else tuple(chips)
    word = _key(name)
    exact = [chip for chip in among if word in _keys(chip)]
    begun = [chip for chip in among if word and any(key.startswith(word) for key in _keys(chip))]
    found = exact or begun
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(f"`{chip.name}`" for chip in found[:8])
        raise InputError(f"chip `{printable(name)}` may mean several: {names}; write one of these in full")
    known = [spelling for chip in among for spelling in (chip.name, *chip.aliases)]
    raise InputError(f"unknown chip `{printable(name)}`: {did_you_mean(word[:60], known)} (tiercap chips lists them)")


def listed(names: Iterable[str] = (), path: Path | None = None) -> list[Chip]:
    """The chips of these names, each once, in this order; all if none. Of a CSV file instead of the built-in."""
    among = load_chips(path)
    return list(dict.fromkeys(find_chip(name, among) for name in names)) or list(among)


def record(chip: Chip) -> dict[str, Any]:
    """A chip's figures by name, those that follow from others among them: density and bandwidth of all I/O."""
    return {**asdict(chip), "density": chip.density, "io_gbs": chip.io_gbs}


def exporter_catalogue() -> NDArray[Any]:
    """What the exporter can sell or cut down, newest first: CHIP[4].

    The frontier chip and the two generations before it move with the frontier; their areas are those of the
    H100 (814 mm2) and the A100 (826 mm2) and, for the frontier, 1600 mm2, an assumption: two dies of reticle
    size. The H200 stands as it is. Sources: ``data/chips.csv``.
    """
    h200 = find_chip("H200")
    figures = (h200.fp8_pflops, h200.memory_gbs, h200.interconnect_gbs, h200.tpp, h200.die_area_mm2)
    known = [figure for figure in figures if figure is not None]
    if len(known) < len(figures) or h200.launched is None:
        raise InputError("chips.csv: the H200 must have every figure, it is part of the exporter's catalogue")
    f, m, i, tpp, area = known
    catalogue = np.zeros(4, dtype=CHIP)
    for position, die in enumerate((1600.0, 814.0, 826.0)):
        catalogue[position] = (1.0, position, 0.0, 0.0, 0.0, 0.0, die, 0.0, position, 1.0)
    catalogue[3] = (0.0, 0.0, f, inside(m, BANDWIDTH), inside(i, BANDWIDTH), tpp, area, h200.launched[0], 3, 1.0)
    return catalogue


def _key(name: str) -> str:
    return " ".join(name.casefold().split())


def _keys(chip: Chip) -> tuple[str, ...]:
    return (_key(chip.name), *map(_key, chip.aliases))


def _flag(text: str) -> bool | None:
    words = {"yes": True, "no": False, "unknown": None, "": None}
    if text not in words:
        raise InputError(f"`{printable(text)}` must be yes, no or unknown")
    return words[text]


def _positive(text: str) -> float | None:
    value = _measure(text)
    if value == 0:
        raise InputError("0 is not possible here: leave the cell empty if the figure is unknown")
    return value


def _measure(text: str) -> float | None:
    if not text:
        return None
    value = number(text)
    if not 0 <= value <= LARGEST:
        raise InputError(f"{value:g} must lie between 0 and {LARGEST:g}: check the sign and the unit")
    return value


def _launch(text: str) -> str:
    if text:
        launch_period(text)
    return text


def _evidence(text: str) -> str:
    if text and text not in EVIDENCE:
        raise InputError(f"`{printable(text)}` is no evidence tag: {did_you_mean(text[:60], EVIDENCE)}")
    return text


def _name(text: str) -> str:
    if not text or len(text) > 80 or not text.isprintable():
        raise InputError("a chip needs a name of 1 to 80 printable characters")
    return text


_READERS: dict[str, Callable[[str], Any]] = {
    "name": _name,
    "aliases": lambda text: tuple(part for part in text.split("|") if part),
    "launch": _launch,
    "special_edition": _flag,
    "us_sale": _flag,
    "datacentre": _flag,
    "die_area_mm2": _positive,
    "fp8_pflops": _positive,
    "tpp": _positive,
    "memory_gbs": _positive,
    "interconnect_gbs": _measure,
    "host_link_gbs": _measure,
    "price_low_usd": _measure,
    "price_high_usd": _measure,
    "evidence": _evidence,
    "recalled_columns": lambda text: tuple(text.split()),
}
COLUMNS = tuple(field.name for field in fields(Chip))
REQUIRED = (
    "name", "launch", "special_edition", "us_sale", "datacentre", "die_area_mm2", "tpp", "memory_gbs",
    "interconnect_gbs", "host_link_gbs",
)  # fmt: skip


def _shown(path: Path) -> str:
    return "".join(c if c.isprintable() else "?" for c in str(path))[-120:]


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{_shown(path)} cannot be read as a list of chips: {reason}") from None
    if len(raw) > MAX_BYTES:
        raise InputError(f"{_shown(path)} is larger than {MAX_BYTES >> 20} MiB: a list of chips has some KiB")
    return raw


def _parse(raw: bytes, name: str) -> tuple[Chip, ...]:
    header, rows = csv_text.read(raw, name, COLUMNS, MAX_CHIPS, "a chip")
    missing = [column for column in REQUIRED if column not in header]
    if missing:
        listed = ", ".join(f"`{column}`" for column in missing)
        raise InputError(f"{name}:1: missing column {listed}: add it, cells may stay empty if unknown")
    places: dict[str, int] = {}
    chips = []
    for line, row in rows:
        chips.append(_chip(header, row, f"{name}:{line}"))
        _remember(chips[-1], places, name, line)
    return tuple(chips)


def _chip(header: Sequence[str], row: Sequence[str], place: str) -> Chip:
    values: dict[str, Any] = {}
    for column, cell in zip(header, row, strict=True):
        try:
            values[column] = _READERS.get(column, str)(cell)
        except InputError as error:
            raise InputError(f"{place}: column `{column}`: {error}") from None
    chip = Chip(**values)
    low, high = chip.price_low_usd, chip.price_high_usd
    if low is not None and high is not None and low > high:
        raise InputError(f"{place}: price_low_usd {low:g} is above price_high_usd {high:g}: swap them")
    return chip


def _remember(chip: Chip, places: dict[str, int], name: str, line: int) -> None:
    """Refuse a name or alias that an earlier line has taken."""
    for key in dict.fromkeys(_keys(chip)):
        if key in places:
            raise InputError(f"{name}:{line}: column `name`: `{printable(key)}` stands on line {places[key]} already")
        places[key] = line
