"""A policy as a person names it, at every entrance: a rule, rules that follow each other, levers, a row of a run's
front, or rows of a file.

What a text means, in this order: the name of a rule is that rule; an existing folder is a run, whatever characters its
path has, and with ``:ROW`` behind it a row of its front; an existing file, or ``-`` for standard input, is a table of
levers; anything else is :mod:`tiercap.optimizer.rules.policy_text`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tiercap.optimizer.errors import InputError
from tiercap.optimizer.io.csv_text import MAX_BYTES
from tiercap.optimizer.io.units import printable
from tiercap.optimizer.model.horizon import Horizon
from tiercap.optimizer.rules import policy_text
from tiercap.optimizer.rules.book import load_rules
from tiercap.optimizer.rules.encode import apply_levers, rule_levers
from tiercap.optimizer.rules.policy_forms import FORMS
from tiercap.optimizer.rules.policy_text import Levers, Rules
from tiercap.optimizer.runs import saved
from tiercap.optimizer.runs.saved import SavedRun
from tiercap.optimizer.study.problem import Problem

#: Rows that a table of policies may have.
MAX_ROWS = 100_000
STANDARD_INPUT = "-"
#: How the name of a table ends that need not exist to be meant.
TABLE = ".csv"


@dataclass(frozen=True)
class NamedPolicy:
    """A policy and what it is called.

    levers : LEVERS[1, n_phases]; phase : the column in force at every step, None where there is but one
    """

    name: str
    levers: NDArray[Any]
    phase: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Place:
    """A path, and which row behind it was asked for; None: all of it."""

    path: Path
    row: int | None


def check_text(text: object) -> None:
    """Refuse what is no text, which only Python can pass. Raises InputError."""
    if not isinstance(text, str):
        raise InputError(f"a policy is named by a text here, {FORMS}; not by {printable(repr(text))[:60]}")


def place_of(text: str) -> Place | None:
    """The folder or file that a text names; None where it names neither, so something else is meant."""
    check_text(text)
    text = text.strip()
    if not text or text.casefold() in load_rules():
        return None
    if _exists(text):
        return Place(Path(text), None)
    path, _, row = text.rpartition(":")
    if path and row.isdecimal() and (_exists(path) or _is_path(path)):
        return Place(Path(path), int(row))
    return Place(Path(text), None) if _is_path(text) else None


def _is_path(text: str) -> bool:
    """Whether a text can mean nothing but a folder or file, there or not."""
    return ("/" in text or text.casefold().endswith(TABLE)) and "=" not in text


def _exists(text: str) -> bool:
    try:
        return Path(text).exists()
    except (OSError, ValueError):  # a name too long, or with a NUL, is no file's
        return False


def run_of(text: str, threads: int | None = None) -> tuple[SavedRun, int | None] | None:
    """The run that a text names, and the row of its front if one was asked for; None where it names no folder."""
    place = place_of(text)
    if place is None or place.path.is_file():
        return None
    if not _exists(str(place.path)):
        raise InputError(
            f"`{printable(text.strip())}` names a path, and {printable(str(place.path))} does not exist: a policy is "
            f"{FORMS}"
        )
    run = saved.load(place.path, threads)
    if place.row is not None and place.row >= len(run):
        raise InputError(f"the front in {place.path} has rows 0 to {len(run) - 1}, not {place.row}")
    return run, place.row


def run_and_row(text: str, threads: int | None = None) -> tuple[SavedRun, int | None]:
    """The run, and the row if one was asked for, of a text that can mean nothing else. Raises InputError."""
    return run_of(text, threads) or (saved.load(Path(text), threads), None)


def one(text: str, problem: Problem) -> NamedPolicy:
    """The one policy that a text means, see :data:`policy_forms.FORMS`. A row of a run holds in any problem."""
    policies = several([text], problem)
    if len(policies) != 1:
        raise InputError(f"`{printable(text)}` is {len(policies):,} policies: name one of them as {text.strip()}:ROW")
    return policies[0]


def several(texts: Sequence[str], problem: Problem, most: int = MAX_ROWS) -> list[NamedPolicy]:
    """The policies that texts mean, in order: a file of levers, or ``-`` for standard input, may hold many."""
    for text in texts:
        check_text(text)
    if sum(text.strip() == STANDARD_INPUT for text in texts) > 1:
        raise InputError("standard input can be read once: give `-` once")
    policies: list[NamedPolicy] = []
    for text in texts:
        policies += _meant(text.strip(), problem, most)
    if len(policies) > most:
        raise InputError(f"at most {most:,} policies can be taken at once, not {len(policies):,}")
    return policies


def _meant(text: str, problem: Problem, most: int) -> list[NamedPolicy]:
    if text == STANDARD_INPUT:
        return _rows(_standard_input(), "standard input", problem, most)
    place = place_of(text)
    if place is None:
        return [_resolved(text, policy_text.parse(text), problem)]
    if place.path.is_file():
        return _of_file(text, place, problem, most)
    found = run_of(text, problem.threads)
    assert found is not None
    run, row = found
    if row is None:
        raise InputError(f"`{printable(text)}` is a run with a whole front: name one policy of it as RUN:ROW")
    return [NamedPolicy(text, run.levers[row : row + 1])]


def _of_file(text: str, place: Place, problem: Problem, most: int) -> list[NamedPolicy]:
    try:
        with place.path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"cannot read {place.path}: {error.strerror}") from None
    rows = _rows(data, str(place.path), problem, most)
    if place.row is None:
        return rows
    if place.row >= len(rows):
        raise InputError(f"the policies in {place.path} are rows 0 to {len(rows) - 1}, not {place.row}")
    return [replace(rows[place.row], name=text)]


def _rows(data: bytes, place: str, problem: Problem, most: int) -> list[NamedPolicy]:
    policies = []
    for name, line, levers in policy_text.table(data, place, most):
        try:
            policies.append(_resolved(name, levers, problem))
        except InputError as error:
            raise InputError(f"{place}:{line}: {error}") from None
    return policies


def _standard_input() -> bytes:
    """What comes in, and a byte more than is accepted where there is too much."""
    if sys.stdin is None:
        raise InputError("standard input is closed: `-` reads policies as CSV rows from there")
    return sys.stdin.buffer.read(MAX_BYTES + 1)


def _resolved(name: str, meant: Rules | Levers, problem: Problem) -> NamedPolicy:
    if isinstance(meant, Levers):
        return of_levers(name, meant, problem)
    levers = np.concatenate([rule_levers(rule) for rule in meant.rules]).reshape(1, -1)
    return NamedPolicy(name, levers, _phase(name, meant.years, problem.study.horizon) if meant.years else None)


def of_levers(name: str, levers: Levers, problem: Problem) -> NamedPolicy:
    """Levers over the policy that the problem's study starts from."""
    return NamedPolicy(name, apply_levers(problem.base, levers.values).reshape(1, 1))


def _phase(text: str, years: Sequence[float], horizon: Horizon) -> tuple[int, ...]:
    """Which of the rules that follow each other is in force at every step."""
    end = horizon.start + horizon.years
    outside = next((year for year in years if not horizon.start < year < end), None)
    if outside is not None:
        raise InputError(
            f"policy `{printable(text)}`: years must rise between {horizon.start} and {end}, not {outside:g}"
        )
    times = horizon.start + np.arange(horizon.steps) / horizon.steps_per_year
    starts = [horizon.start, *years]
    return tuple(int(np.searchsorted(starts, time + 1e-9, side="right")) - 1 for time in times)


def check_names(policies: Sequence[NamedPolicy]) -> None:
    """Refuse two policies of one name."""
    names = [policy.name for policy in policies]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"policy `{printable(twice)}` is given twice: keep one")

