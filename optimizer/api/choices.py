"""Choosing: one policy of a front, and policies against each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tiercap.optimizer.api.arguments import Place, Tables, about, path_of
from tiercap.optimizer.errors import InputError
from tiercap.optimizer.io import frames
from tiercap.optimizer.runs import named_policy
from tiercap.optimizer.study import load
from tiercap.optimizer.study.problem import Problem
from tiercap.optimizer.study.records import directions
from tiercap.optimizer.tradeoffs import compare as comparing
from tiercap.optimizer.tradeoffs import pick as picking
from tiercap.optimizer.tradeoffs import rounding
from tiercap.optimizer.tradeoffs import tables as tidy


def pick(
    run: Place,
    by: str | None = None,
    *,
    weights: Mapping[str, float] | None = None,
    bounds: Sequence[str] = (),
    digits: int = rounding.DIGITS,
    grid: Mapping[str, object] | None = None,
    threads: int | None = None,
) -> Tables:
    """One policy from the front of a finished run, in round numbers, with what that costs and what each cap is worth.

    Parameters
    ----------
    run : path
        A finished run, or ``RUN:ROW`` for one policy of its front.
    by : {"compromise", "regret", "weights"}, optional
        Weights if any are given, else the compromise.
    weights : mapping of str to float, optional
        Objective to weight.
    bounds : sequence of str
        Texts such as ``compute_lead_p05>=10``.
    digits : int
        Significant digits of the rounded levers, 1 to 15.
    grid : mapping of str to value, optional
        Lever to step, such as ``{"c_licensed_memory": "100 GB/s"}``.
    threads : int, optional
        All cores if None.

    Returns
    -------
    dict of str to pandas.DataFrame
        ``levers``, ``objectives``, ``prices``, ``rebinning``, ``near_caps``. ``attrs``: run; policy, the row of the
        front; by; reasons in words; breaks, the bounds that the rounded policy misses.

    Raises
    ------
    InfeasibleError
        Where no policy of the front keeps the bounds.
    InputError
        For what cannot be taken.
    """
    frames.check_installed()
    saved, row = named_policy.run_and_row(str(path_of(run)), threads)
    names = saved.problem.objectives
    demanded = tuple(picking.parse_bound(text, directions(saved.problem.study.objectives)) for text in bounds)
    weighed = picking.parse_weights(tuple(f"{name}={value}" for name, value in (weights or {}).items()), names)
    way = picking.way_of(by, weighed, names, row)
    wanted = tuple(f"{name}={step}" for name, step in (grid or {}).items())
    steps = rounding.parse_grid(wanted, saved.problem.space.names)
    if not 1 <= digits <= rounding.MAX_DIGITS:
        raise InputError(f"levers are rounded to 1 to {rounding.MAX_DIGITS} significant digits, not {digits}")
    found = picking.pick(saved, way, weighed, demanded, digits, steps, row)
    extra = {
        "run": str(saved.path), "policy": found.chosen.row, "by": found.way, "reasons": list(found.chosen.reasons),
        "breaks": list(found.broken),
    }  # fmt: skip
    return _tidy(tidy.picked(found), {**about(saved.problem), **extra})


def compare(contenders: Sequence[str], study: Problem | None = None, threads: int | None = None) -> Tables:
    """Runs, rules and policies against each other in the same scenarios; the rule in force always joins.

    Parameters
    ----------
    contenders : sequence of str
        Run folders, rules, or levers ``NAME=VALUE,NAME=VALUE``.
    study : Problem, optional
        Whose objectives and scenarios decide; that of the first run if None, else the built-in one.
    threads : int, optional
        All cores if None.

    Returns
    -------
    dict of str to pandas.DataFrame
        ``contenders``, ``objectives``, ``duels``; intervals span 90 of 100 resamplings. ``attrs``: rule_in_force;
        reference_point of the hypervolume, by objective.

    Raises
    ------
    InputError
        For what cannot be taken.
    """
    frames.check_installed()
    texts = list(contenders) if isinstance(contenders, Sequence) and not isinstance(contenders, str) else [contenders]
    if not texts:
        raise InputError("there is nothing to compare: name run folders, rules or levers NAME=VALUE,NAME=VALUE")
    given = comparing.opened(texts, threads)
    runs = [one[0] for one in given if not isinstance(one, str)]
    decides = study or (runs[0].problem if runs else Problem(load.load(), threads))
    found = comparing.compare(given, decides)
    reference = dict(zip(decides.objectives, found.reference.tolist(), strict=True))
    extra = {"rule_in_force": found.contenders[found.baseline].name, "reference_point": reference}
    return _tidy(tidy.compared(found), {**about(decides), **extra})


def _tidy(tables: Mapping[str, dict[str, np.ndarray]], rests_on: Mapping[str, Any]) -> Tables:
    return {name: frames.frame(table, tidy.units(table), rests_on) for name, table in tables.items()}
