"""What verbs are given, understood: policies, names, places; and what their answers rest on."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tiercap.optimizer.errors import InputError, did_you_mean
from tiercap.optimizer.io.frames import Variable
from tiercap.optimizer.io.units import printable
from tiercap.optimizer.rules import policy_text
from tiercap.optimizer.runs import named_policy
from tiercap.optimizer.runs.named_policy import NamedPolicy
from tiercap.optimizer.study.problem import Problem

if TYPE_CHECKING:
    import pandas as pd

Levers = Mapping[str, "float | str | None"]
#: Policies by their own names, or label to policy; None lifts a cap.
Policies = str | Sequence[str] | Mapping[str, "str | Levers"]
Tables = dict[str, "pd.DataFrame"]
Place = str | os.PathLike[str]
#: Called with what is under way, the work done since the last call, and how much there is.
Progress = Callable[[str, int, int], None]

#: Bytes of results by scenario beyond which a request is refused.
MAX_HELD = 2**30


def understood(policies: Policies, problem: Problem) -> list[NamedPolicy]:
    """Every policy with its label, no label twice."""
    if isinstance(policies, str):
        policies = [policies]
    if not isinstance(policies, Sequence | Mapping):
        raise InputError(f"policies must be a text, several, or a mapping, not {printable(repr(policies))[:60]}")
    if isinstance(policies, Mapping):
        found = [replace(_policy_of(label, given, problem), name=str(label)) for label, given in policies.items()]
    else:
        found = [_policy_of(given, given, problem) for given in policies]
    names = [one.name for one in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"policy `{printable(twice[:60])}` is given twice: keep one, or label them with a mapping")
    if not found:
        raise InputError("there is no policy to evaluate: name a rule, such as bis-2026")
    return found


def _policy_of(label: str, given: object, problem: Problem) -> NamedPolicy:
    if isinstance(given, str):
        return named_policy.one(given, problem)
    if isinstance(given, Mapping):
        values = {name: policy_text.lever_value(name, _lever_text(value)) for name, value in given.items()}
        return named_policy.of_levers(label, policy_text.Levers(values), problem)
    raise InputError(
        f"policy `{printable(str(label)[:60])}` must be a text or a mapping of levers to values, not "
        f"{printable(repr(given)[:60])}"
    )


def _lever_text(value: object) -> str:
    """A lever's value as text: None and infinity lift it."""
    return "none" if value is None or value == math.inf else str(value)


def together(
    given: Sequence[NamedPolicy], problem: Problem
) -> Iterator[tuple[list[int], NDArray[Any], Sequence[int] | None]]:
    """Rows, LEVERS[n, n_phases] and phase of what can be evaluated in one call: policies in parts, schedules alone."""
    plain = [row for row, one in enumerate(given) if one.phase is None]
    for part in problem.evaluator.chunks(len(plain)):
        yield plain[part], np.concatenate([given[row].levers for row in plain[part]]), None
    for row, one in enumerate(given):
        if one.phase is not None:
            yield [row], one.levers, one.phase


def known_names(names: Sequence[str], known: Sequence[str]) -> list[str]:
    """The names asked for, each once, all if none."""
    asked = [names] if isinstance(names, str) else list(names)
    for name in asked:
        if name not in known:
            raise InputError(f"unknown outcome `{printable(str(name)[:60])}`: {did_you_mean(str(name)[:60], known)}")
    return list(dict.fromkeys(asked)) or list(known)


def check_room(values: int, problem: Problem) -> None:
    """Refuse more than fits: ``values`` float64 a scenario."""
    size = 8 * values * len(problem.scenarios)
    if size > MAX_HELD:
        raise InputError(
            f"the answer would take {size / 2**30:.1f} GiB, and at most {MAX_HELD / 2**30:g} GiB are returned: ask for "
            "fewer policies, names or scenarios, or for statistics"
        )


def policy_labels(given: Sequence[NamedPolicy]) -> dict[str, Variable]:
    """The coordinate of policies."""
    return {"policy": Variable(("policy",), np.array([one.name for one in given], dtype=object), "1", "policy")}


def scenario_labels(problem: Problem) -> dict[str, Variable]:
    """The coordinate of scenarios, and their weights."""
    futures = problem.scenarios
    return {
        "scenario": Variable(("scenario",), np.arange(len(futures)), "1", "number of the scenario"),
        "weight": Variable(("scenario",), futures.weights, "1", "weight of the scenario, summing to 1"),
    }


def about(problem: Problem) -> dict[str, Any]:
    """What a result rests on, as texts and numbers."""
    plan = problem.study.scenarios
    count, where = plan.count, "the parameters' own ranges"
    if plan.kind == "calibrated":
        count, where = len(problem.scenarios), problem.scenarios.source
    elif plan.kind == "central":
        count, where = 1, "the parameters' central values"
    return {
        "study": problem.study.name,
        "scenarios": count,
        "drawn_from": where,
        "seed": plan.seed,
        "source": f"tiercap {version('tiercap')}; modelled, not forecast",
    }


def path_of(place: Place) -> Path:
    """A folder or file that somebody names."""
    text = os.fspath(place)
    if not text.strip():
        raise InputError("a run needs the name of a folder, not an empty text")
    return Path(text)


def path_or_none(place: Place | None) -> Path | None:
    """The path of a place that may be left to us."""
    return None if place is None else path_of(place)


def texts_of(names: str | Sequence[str]) -> list[str]:
    """Names as a list, of which a single one may be a text."""
    return [names] if isinstance(names, str) else list(names)


def assignments(settings: Mapping[str, object] | None) -> list[str]:
    """Settings as ``--set`` takes them."""
    return [f"{name}={setting_text(value)}" for name, value in (settings or {}).items()]


def setting_text(value: object) -> str:
    """A setting's value as ``--set`` has it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
