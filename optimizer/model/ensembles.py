"""Ensembles: weighted futures in a Parquet or CSV file, each a member with its structure, from a fit or from a user.

A file has a column for every parameter it speaks of, in the unit of its field's metadata (key ``unit``), or in the
one that `tiercap parameters` tells; a cell of a CSV may name another. Two more are optional: ``weight`` (of any sum;
equal where there is none) and ``structure``, the label of the alternative that a member belongs to, such as
``decides/memory``. A parameter without a column keeps its own range. A fit also writes ``discrepancy``, and with
``replay_`` before its name a parameter's value at the start of the replay, where that differs; forward runs do not
read these.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tiercap.optimizer.data import shipped
from tiercap.optimizer.errors import InputError, did_you_mean
from tiercap.optimizer.io import columns, csv_text, durable
from tiercap.optimizer.io.arrays import Floats
from tiercap.optimizer.io.units import number, outside, printable
from tiercap.optimizer.model import parameters, physics
from tiercap.optimizer.model.parameters import DECLARED, ParameterInfo, stored

WEIGHT, STRUCTURE = "weight", "structure"
#: The model's own error in a member, by the kind of row: see `likelihood`.
DISCREPANCY = {"market": "discrepancy", "performance": "discrepancy_performance"}
#: What stands before the name of a parameter at the start of the replay.
REPLAY = "replay_"
#: Columns that are not parameters.
OWN = (WEIGHT, STRUCTURE, *DISCREPANCY.values())
#: The built-in ensembles, oldest first, with the year from which each may be used: the first has seen nothing later
#: than 2024, the second the whole record.
BUILTIN = {"calibrated-2024": 0, "calibrated-2026": 2026}
#: Rows of a CSV beyond this are refused.
MAX_MEMBERS = 1_000_000
#: A file larger than this is refused unread.
MAX_BYTES = 512 * 2**20


@dataclass(frozen=True, slots=True)
class Ensemble:
    """Members in the order of the file.

    columns, replayed : parameter name to float64[n], in a forward run and at the start of the replay, in the contract's
        units, to the bit as the file says where that declares these
    discrepancy : kind of row to float64[n], the model's own error; weights : float64[n], at least 0, summing to 1
    structures : text[n], empty where the file has none; digest : SHA-256 of the file
    """

    name: str
    columns: Mapping[str, Floats]
    replayed: Mapping[str, Floats]
    discrepancy: Mapping[str, Floats]
    weights: Floats
    structures: NDArray[np.str_]
    digest: str

    def __len__(self) -> int:
        return len(self.weights)

    def labels(self) -> list[str]:
        """The structures there are, sorted."""
        return sorted(set(self.structures.tolist()) - {""})

    def only(self, structure: str) -> Ensemble:
        """The members of one structure: ``decides/memory``, or ``decides`` for all whose label has that part."""
        labels = self.labels()
        chosen = [label for label in labels if structure == label or structure in label.split("/")]
        if not chosen:
            parts = sorted({part for label in labels for part in label.split("/")} | set(labels))
            hint = did_you_mean(structure[:60], parts) if parts else "it has no column `structure`"
            raise InputError(f"{self.name}: no structure `{printable(structure)}`: {hint}")
        rows = np.isin(self.structures, chosen)
        kept = self.weights[rows]
        if not kept.sum() > 0.0:
            raise InputError(f"{self.name}: the members of structure `{structure}` all have weight 0")
        return self._rows(rows, kept / kept.sum())

    def pick(self, n: int, seed: int) -> tuple[NDArray[np.int64], Floats]:
        """At most ``n`` members and their weights, any head of which is spread over the structures.

        Where there are more than ``n``, they are drawn in proportion to weight with the least noise (systematically,
        structure after structure); one drawn twice counts double. Otherwise all members with a weight are taken.
        """
        rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, 3])))
        mixed = rng.permutation(len(self))
        order = mixed[np.argsort(self.structures[mixed], kind="stable")]
        if len(self) > n:
            marks = (np.arange(n) + rng.random()) / n
            places = np.searchsorted(np.cumsum(self.weights[order]), marks, side="right")
            rows, counts = np.unique(np.minimum(places, len(self) - 1), return_counts=True)
            rows, weights = order[rows], counts / n
        else:
            rows = order[self.weights[order] > 0.0]
            weights = self.weights[rows]
        spread = np.argsort(_radical_inverse(len(rows)), kind="stable")
        return rows[spread].astype(np.int64), weights[spread] / weights.sum()

    def unmet(self, n: int, seed: int) -> Ensemble:
        """What a draw may be taken from that is independent of ``pick(n, seed)``: mostly the members it left out.

        A member that every pick contains, because it weighs 1/n or more, stays in with its weight. Every other that was
        left out counts for more the likelier it was to be taken, so that the whole has, over all seeds and before it is
        scaled to sum to 1, the weights of the ensemble (Horvitz and Thompson, J. Am. Stat. Assoc. 47, 1952).
        """
        chance = np.minimum(1.0, n * self.weights) if len(self) > n else (self.weights > 0.0).astype(np.float64)
        taken = np.zeros(len(self), np.bool_)
        taken[self.pick(n, seed)[0]] = True
        certain = chance >= 1.0
        kept = certain | (~taken & (chance > 0.0))
        weights = np.where(certain, self.weights, self.weights / np.where(certain, 1.0, 1.0 - chance))[kept]
        return self._rows(kept, weights / weights.sum())

    def _rows(self, rows: NDArray[np.bool_], weights: Floats) -> Ensemble:
        held, before, noise = (
            {name: values[rows] for name, values in group.items()}
            for group in (self.columns, self.replayed, self.discrepancy)
        )
        return Ensemble(self.name, held, before, noise, weights, self.structures[rows], self.digest)


def _radical_inverse(n: int) -> Floats:
    """The binary digits of 0 to n - 1 mirrored at the point: neighbours in order end far apart."""
    number, found, digit = np.arange(n), np.zeros(n), 0.5
    while number.any():
        found, number, digit = found + digit * (number % 2), number // 2, digit / 2.0
    return found


def built_in(start: int) -> str:
    """The built-in ensemble for studies that start in the year ``start``."""
    return [name for name, first in BUILTIN.items() if start >= first][-1]


def builtin_path(name: str) -> Path:
    """Where a built-in ensemble lies; its manifest has the suffix .json."""
    return shipped(f"{name}.parquet")


def load(source: str | os.PathLike[str]) -> Ensemble:
    """Read an ensemble: the name of a built-in one, or a file. Raises InputError in one sentence."""
    name = os.fspath(source)
    path = builtin_path(name) if name in BUILTIN else Path(name)
    shown = printable(name)
    try:
        data = durable.read(path, MAX_BYTES)
    except FileNotFoundError:
        known = ", ".join(BUILTIN)
        raise InputError(f"no ensemble `{shown}`: give a Parquet or CSV file, or one of {known}") from None
    except (OSError, durable.Unfit, ValueError) as error:
        raise InputError(f"{shown}: cannot be read as an ensemble: {error}") from None
    try:
        if path.suffix.casefold() == ".csv":
            arrays, units = _from_csv(data, printable(path.name)), {}
        else:
            arrays, units = columns.from_any_parquet(data), columns.declared_units(data)
    except columns.Damaged as error:
        raise InputError(f"{shown}: {error}") from None
    return parse(name, arrays, hashlib.sha256(data).hexdigest(), units)


def _from_csv(data: bytes, place: str) -> dict[str, np.ndarray]:
    """The columns of a CSV, every cell of a parameter read with its unit and checked in its line."""
    known = [*DECLARED, *OWN, *(REPLAY + name for name in DECLARED)]
    header, rows = csv_text.read(data, place, known, MAX_MEMBERS, "a scenario")
    arrays = {name: np.empty(len(rows), object if name == STRUCTURE else np.float64) for name in header}
    for k, (line, cells) in enumerate(rows):
        for name, cell in zip(header, cells, strict=True):
            try:
                arrays[name][k] = _cell(name, cell)
            except InputError as error:
                raise InputError(f"{place}:{line}: column `{name}`: {error}") from None
    return {name: values.astype(np.str_) if name == STRUCTURE else values for name, values in arrays.items()}


def _cell(name: str, text: str) -> str | float:
    if name == STRUCTURE:
        return text
    return number(text) if name in OWN else parameters.parse(name.removeprefix(REPLAY), text)


def parse(
    name: str, arrays: Mapping[str, np.ndarray], digest: str = "", units: Mapping[str, str] | None = None
) -> Ensemble:
    """An ensemble from columns, every one of them checked. units : those that columns declare"""
    shown = printable(name)
    found: dict[str, Floats] = {}
    replayed: dict[str, Floats] = {}
    for column, values in arrays.items():
        parameter = column.removeprefix(REPLAY)
        if parameter not in DECLARED and column not in OWN:
            hint = did_you_mean(column[:60], [*DECLARED, *OWN])
            raise InputError(f"{shown}: unknown column `{printable(column)}`: {hint}")
        if (column == STRUCTURE) != (values.dtype.kind == "U") or values.dtype.kind == "b":
            wanted = "text" if column == STRUCTURE else "numbers"
            raise InputError(f"{shown}: column `{column}` must hold {wanted}")
        if parameter in DECLARED:
            kind = found if parameter == column else replayed
            kind[parameter] = _checked(shown, column, values.astype(np.float64), (units or {}).get(column))
    if found:
        n_members = len(next(iter(found.values())))
        physics.check(found, n_members, shown, frozenset(found))
    else:
        raise InputError(f"{shown}: an ensemble needs a column named after a parameter: tiercap parameters")
    n = len(next(iter(found.values())))
    if n == 0:
        raise InputError(f"{shown}: the ensemble has no members")
    structures = np.asarray(arrays.get(STRUCTURE, np.full(n, "")), dtype=np.str_)
    noise = {
        kind: _positive(shown, column, arrays[column]) for kind, column in DISCREPANCY.items() if column in arrays
    }
    return Ensemble(name, found, replayed, noise, _weights(shown, arrays.get(WEIGHT), n), structures, digest)


def _checked(shown: str, column: str, given: Floats, unit: str | None) -> Floats:
    """A parameter's column in the contract's unit, inside its domain."""
    p = DECLARED[column.removeprefix(REPLAY)]
    try:
        kept = stored(p.name, given, unit)
    except InputError as error:
        raise InputError(f"{shown}: {error}") from None
    values = outside(kept, p.unit)
    wrong = ~((values >= p.low) & (values <= p.high))  # NaN is wrong too
    if wrong.any():
        row = int(np.argmax(wrong))
        raise InputError(
            f"{shown}: column `{column}`, row {row}: {values[row]:g} lies outside its domain {p.low:g} to {p.high:g} "
            f"[{p.unit}] ({p.meaning})"
        )
    return kept


def _positive(shown: str, column: str, values: np.ndarray) -> Floats:
    wrong = ~(np.isfinite(values) & (values >= 0.0))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise InputError(f"{shown}: column `{column}`, row {row}: it is finite and at least 0, not {values[row]}")
    return np.asarray(values, dtype=np.float64)


def _weights(shown: str, given: np.ndarray | None, n: int) -> Floats:
    weights = np.full(n, 1.0) if given is None else given.astype(np.float64)
    wrong = ~(np.isfinite(weights) & (weights >= 0.0))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise InputError(f"{shown}: column `weight`, row {row}: weights are finite and at least 0, not {weights[row]}")
    total = float(weights.sum())
    if not (0.0 < total < np.inf):
        raise InputError(f"{shown}: column `weight`: at least one weight must be above 0, and their sum finite")
    return weights / total


def overlay(
    table: np.ndarray, infos: Sequence[ParameterInfo], chosen: Ensemble, rows: NDArray[np.int64], kept: Collection[str]
) -> None:
    """Write the members' values into a scenario table, except for the parameters in ``kept``."""
    for info in infos:
        if info.name in chosen.columns and info.name not in kept:
            table[info.name] = chosen.columns[info.name][rows]


def to_parquet(arrays: Mapping[str, Any]) -> bytes:
    """An ensemble's columns, parameters in the contract's units, as the bytes of its file."""
    known = {name: name.removeprefix(REPLAY) for name in arrays}
    units = {name: DECLARED[parameter].unit for name, parameter in known.items() if parameter in DECLARED}
    shown = {name: outside(values, units.get(name, "1")) for name, values in arrays.items()}
    return columns.to_parquet(shown, units)
