"""A finished run read back from its folder: the study it answered, and its front as policies again."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tiercap.kernels.params import PARAMETERS
from tiercap.optimizer.errors import InputError, TiercapError, did_you_mean
from tiercap.optimizer.io import columns, durable, json_text
from tiercap.optimizer.io.arrays import Floats
from tiercap.optimizer.io.units import converted, printable
from tiercap.optimizer.model.choices import Choice
from tiercap.optimizer.rules.levers import LEVERS_TABLE
from tiercap.optimizer.runs import layout
from tiercap.optimizer.runs.identity import configuration
from tiercap.optimizer.study import stored
from tiercap.optimizer.study.problem import Problem
from tiercap.optimizer.study.records import Study

FRONT = "front.parquet"


@dataclass(frozen=True)
class SavedRun:
    """A run as its folder has it.

    values : each searched lever of the front's policies, name to float64[n], in the units of `levers.LEVERS_TABLE`
    levers : the policies, LEVERS[n, 1]
    means : float64[n, k], the objectives as the run wrote them
    choices : the policies worth looking at, the compromise first
    group : int64[n], policies of one group cannot be told apart; negative where that is not known
    table, units : the whole table of the front, name to [n], and the unit of every column
    """

    path: Path
    problem: Problem
    values: Mapping[str, Floats]
    levers: NDArray[Any]
    means: Floats
    group: NDArray[np.int64]
    choices: tuple[Choice, ...]
    manifest: Mapping[str, Any]
    table: columns.Columns
    units: Mapping[str, str]

    def __len__(self) -> int:
        return len(self.levers)

    def other_code(self) -> list[str]:
        """What shaped the run's bits and differs here: its numbers are then computed anew, not repeated."""
        there, here = self.manifest["configuration"], configuration(self.problem)
        return [
            name
            for table in ("code", "data")
            for name, value in here[table].items()
            if _table(there.get(table)).get(name) != value
        ]


def _choices(found: Mapping[str, Any], place: Path, n: int) -> tuple[Choice, ...]:
    """The policies worth looking at, as the manifest lists them."""
    listed = _table(found.get("choices")).get("policies")
    try:
        choices = tuple(Choice(str(one["label"]), int(one["policy"])) for one in listed or ())
    except (KeyError, TypeError, ValueError):
        choices = ()
    if not choices or not all(0 <= choice.row < n for choice in choices):
        raise InputError(f"the manifest in {place} does not say which policies are worth looking at: {_AGAIN}")
    return choices


def load(path: Path, threads: int | None = None) -> SavedRun:
    """Read a run folder without locking or changing it. InputError where it is no finished run, or was changed."""
    place, found, problem = opened(path, threads)
    table, units = _front(found, place)
    try:
        values = searched(table, units, problem)
        means = np.stack([table[name] for name in problem.objectives], axis=1)
        levers = problem.space.rows(values)
    except (KeyError, ValueError, TypeError) as error:
        raise InputError(f"{place / FRONT} does not fit the run's study ({error}): {_AGAIN}") from None
    if len(levers) == 0:
        raise InputError(f"the front in {place / FRONT} is empty: {_AGAIN}")
    group = np.asarray(table.get("group", np.full(len(levers), -1)), np.int64)
    choices = _choices(found, place, len(levers))
    return SavedRun(place, problem, values, levers, means, group, choices, found, table, units)


def opened(
    path: Path, threads: int | None = None, ensemble: Path | None = None
) -> tuple[Path, dict[str, Any], Problem]:
    """A finished run's folder, manifest and problem; of the other files none is looked at.

    ensemble : where the file of the run's futures now lies, if not where the run found it
    """
    place = layout.absolute(path)
    found = _manifest(place)
    study = _study(found, place)
    if ensemble is not None:
        study = replace(study, scenarios=replace(study.scenarios, file=str(ensemble)))
    problem = Problem(study, threads)
    _check_futures(problem, found, place)
    return place, found, problem


def searched(table: columns.Columns, units: Mapping[str, str], problem: Problem) -> dict[str, Floats]:
    """The searched levers of a front's table in their own units, whatever units the table declares.

    Raises KeyError for a lever that it lacks, ValueError for a unit that is none of the lever's.
    """
    found = {}
    for lever in problem.study.levers:
        try:
            found[lever.name] = converted(table[lever.name], units[lever.name], LEVERS_TABLE[lever.name].unit)
        except InputError as error:
            raise ValueError(f"{lever.name}: {error}") from None
    return found


_AGAIN = "finish the run with the `tiercap optimize` that made it, or name another"


def _manifest(place: Path) -> dict[str, Any]:
    if not place.is_dir():
        what = "is a file" if place.exists() else "does not exist"
        raise InputError(f"a run is a folder that `tiercap optimize` wrote, but {place} {what}")
    found = layout.read_manifest(place)
    if found is None:
        raise InputError(f"{place} is not a run folder, it has no {layout.MANIFEST}: name one that optimize wrote")
    if found.get("kind") != layout.KIND or not isinstance(found.get("configuration"), dict):
        raise InputError(f"{place} is not a run folder: its {layout.MANIFEST} is of something else")
    layout.check_kind(found, place)
    if "infeasible" in found:
        raise InputError(f"the run in {place} found no feasible policy, so it has no front to choose from")
    if FRONT not in _table(found.get("digests")):
        raise InputError(f"the run in {place} is not finished: {_AGAIN}")
    return found


def _front(found: Mapping[str, Any], place: Path) -> tuple[columns.Columns, dict[str, str]]:
    """The table of the front and its units, checked against the manifest's digest and its own."""
    try:
        with durable.explained(f"reading {place / FRONT}", "nothing was changed"):
            try:
                data = durable.read(place / FRONT, columns.MAX_BYTES)
            except FileNotFoundError:
                raise InputError(f"{place / FRONT} is gone: {_AGAIN}") from None
        if hashlib.sha256(data).hexdigest() != found["digests"][FRONT]:
            raise columns.Damaged("it is not the one that the manifest lists")
        return columns.from_parquet(data), columns.units_of(data)
    except (durable.Unfit, columns.Damaged) as reason:
        raise InputError(f"{place / FRONT} is damaged ({str(reason)[:120]}): {_AGAIN}") from None


def _study(found: Mapping[str, Any], place: Path) -> Study:
    """The study of a manifest; what `stored.resolved` made of it must come out again."""
    said = stored.with_units(_table(found.get("study")))
    _check_model(found, place)
    try:
        study = stored.study_of(said)
        same = json_text.plain(stored.resolved(study)) == said
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, TiercapError) as error:
        raise InputError(f"{place}: its manifest holds no study that this tiercap reads ({error}): {_AGAIN}") from None
    if not same:
        raise InputError(f"{place}: the study in its manifest is of another tiercap: use the one that made the run")
    return study


def _check_model(found: Mapping[str, Any], place: Path) -> None:
    """Refuse a run of another model: one whose parameters are not those of this one. It says what made it."""
    parameters_said = _table(_table(found.get("study")).get("parameters"))
    names = {p.name for p in PARAMETERS}
    strange = [str(name) for name in parameters_said if name not in names]
    if not parameters_said or (not strange and names <= parameters_said.keys()):
        return
    code = _table(_table(found.get("configuration")).get("code"))
    versions = _table(found.get("versions"))
    version = printable(str(code.get("tiercap") or versions.get("tiercap") or "of an unknown version"))
    kernels = printable(str(code.get("kernel_sources", "unknown"))[:12])
    first = f"`{printable(strange[0])}`: {did_you_mean(strange[0][:60], names)}" if strange else "some are missing"
    raise InputError(
        f"{place}: the run was made by tiercap {version} (kernels {kernels}) with another model, whose parameters are "
        f"not those of this one ({first}): use that tiercap, or run the study again with this one"
    )


def _check_futures(problem: Problem, found: Mapping[str, Any], place: Path) -> None:
    """The run's own scenarios must come again: an ensemble is known by its digest, not by its name."""
    digest = _table(found["configuration"].get("scenarios")).get("file")
    if digest != problem.scenarios.digest:
        name = problem.study.scenarios.file or problem.scenarios.source
        raise InputError(f"the ensemble `{printable(name)}` is not the one that the run in {place} met: restore that")


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
