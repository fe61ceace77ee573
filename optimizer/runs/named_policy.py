"""One policy as a command names it: a rule, rules that follow each other, levers, or one row of a run's front."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from tiercap.optimizer.errors import InputError
from tiercap.optimizer.io.units import printable
from tiercap.optimizer.rules.book import load_rules
from tiercap.optimizer.runs import saved
from tiercap.optimizer.runs.saved import SavedRun
from tiercap.optimizer.study.problem import Problem, parse_policy, parse_schedule


@dataclass(frozen=True)
class OnePolicy:
    """A policy and what it is called.

    levers : LEVERS[1, n_phases]; phase : the column in force at every step, None where there is but one
    """

    name: str
    levers: NDArray[Any]
    phase: tuple[int, ...] | None = None


def front_row(text: str, threads: int | None = None) -> tuple[SavedRun, int] | None:
    """The run and the row that ``RUN:ROW`` means; None where ``text`` is no path, so something else is meant."""
    path, _, row = text.strip().rpartition(":")
    if "=" in text or text.strip() in load_rules():
        return None
    if not path or not row.isdecimal():
        if not Path(text).is_dir():
            return None
        raise InputError(f"`{printable(text)}` is a run with a whole front: name one policy of it as RUN:ROW")
    if not Path(path).exists() and "/" not in path:
        return None
    run = saved.load(Path(path), threads)
    if int(row) >= len(run):
        raise InputError(f"the front in {path} has rows 0 to {len(run) - 1}, not {row}")
    return run, int(row)


def understood(text: str, problem: Problem) -> OnePolicy:
    """The policy that ``text`` means.

    text : a rule's name, ``RULE,YEAR:RULE``, levers over the study's policy as ``NAME=VALUE,NAME=VALUE``, or
    ``RUN:ROW``. A row of a run holds in any problem. Raises InputError.
    """
    found = front_row(text, problem.threads)
    if found is not None:
        run, row = found
        return OnePolicy(text.strip(), run.levers[row : row + 1])
    schedule = parse_schedule(text, problem.study.horizon)
    if schedule is not None:
        levers, phase = schedule
        return OnePolicy(text.strip(), levers, tuple(phase))
    name, row_of_levers = parse_policy(text, problem.base)
    return OnePolicy(name, row_of_levers.reshape(1, 1))
