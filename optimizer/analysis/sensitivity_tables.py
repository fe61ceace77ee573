"""A sensitivity analysis as tidy tables, and as a folder that says how to make it again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tiercap.optimizer.analysis.regional import Tail
from tiercap.optimizer.analysis.sensitivity import CUT, Sensitivity
from tiercap.optimizer.analysis.tables import answering, policy_json, write_account, write_tables
from tiercap.optimizer.io.columns import Columns
from tiercap.optimizer.runs.folder import RunFolder

#: What stands for the unit of a column whose rows have different ones.
IN_UNIT, IN_OUTCOME_UNIT = "see unit", "see outcome_unit"
#: Unit and meaning of every column of every table.
COLUMNS = {
    "outcome": ("1", "what is explained: an outcome, or a statistic of one over the futures"),
    "outcome_unit": ("1", "unit of the outcome"),
    "parameter": ("1", "parameter or lever that explains it"),
    "unit": ("1", "unit of the parameter; of NAME: a share of the lever of that name"),
    "first": ("1", "first-order index: share of the variance that the parameter explains by itself"),
    "first_low": ("1", "lower end of its 90 % interval"),
    "first_high": ("1", "upper end of its 90 % interval"),
    "total": ("1", "total index: share of the variance that it explains alone and with the others"),
    "total_low": ("1", "lower end of its 90 % interval"),
    "total_high": ("1", "upper end of its 90 % interval"),
    "matters": ("1", f"whether the interval of total (else of first) reaches {CUT:g}"),
    "pawn": ("1", "PAWN: median distance of the outcome's distribution in a slice from that of all points"),
    "noise": ("1", "what made-up inputs score on the same points: below this an input does not matter"),
    "tail": ("1", "end of the outcome's distribution: lowest or highest"),
    "share": ("1", "share of the points in the tail"),
    "threshold": (IN_OUTCOME_UNIT, "outcome at the edge of the tail"),
    "points": ("1", "points in the tail"),
    "distance": ("1", "Kolmogorov-Smirnov distance of the parameter in the tail from the rest"),
    "p_value": ("1", "chance of such a distance where there is no difference, for one parameter"),
    "critical": ("1", "distance that all parameters together stay below in 95 of 100 cases without a difference"),
    "median_inside": (IN_UNIT, "median of the parameter in the tail"),
    "median_outside": (IN_UNIT, "median of the parameter in the rest"),
    "low": (IN_UNIT, "5 per cent value of the parameter"),
    "central": (IN_UNIT, "central value of the parameter"),
    "high": (IN_UNIT, "95 per cent value of the parameter"),
    "at_low": (IN_OUTCOME_UNIT, "outcome with this parameter at low and the others central"),
    "at_central": (IN_OUTCOME_UNIT, "outcome with all parameters central"),
    "at_high": (IN_OUTCOME_UNIT, "outcome with this parameter at high and the others central"),
    "swing": (IN_OUTCOME_UNIT, "distance between at_low and at_high"),
}


class Row(NamedTuple):
    """Which input and which output a row is of."""

    k: int
    o: int


def tables(found: Sensitivity) -> dict[str, Columns]:
    """Tidy tables by name, rows by outcome and then by share of its variance, largest first.

    ``sobol`` (``first-order`` of dependent inputs), ``density``, ``regional``, ``tornado``; columns as in COLUMNS.
    """
    rows = [Row(k, o) for o in range(len(found.outputs)) for k in found.order(o)]

    def of(value: Callable[[Row], Any]) -> np.ndarray:
        return np.array([value(row) for row in rows])

    head = _head(found, rows)
    shares = {"first": found.first} | ({"total": found.total} if found.total else {})
    indices = dict(head)
    for name, share in shares.items():
        for suffix, part in zip(("", "_low", "_high"), share, strict=True):
            indices[name + suffix] = np.array([part[row] for row in rows])
    matters = [found.matters(o) for o in range(len(found.outputs))]
    indices["matters"] = of(lambda row: bool(matters[row.o][row.k]))
    at_low, at_high, middle = found.swing
    return {
        "sobol" if found.total else "first-order": indices,
        "density": {**head, "pawn": of(lambda row: found.shift[row]), "noise": of(lambda row: found.noise[row.o])},
        "regional": _regional(found, rows),
        "tornado": {
            **head,
            "low": of(lambda row: found.inputs[row.k].low),
            "central": of(lambda row: found.inputs[row.k].central),
            "high": of(lambda row: found.inputs[row.k].high),
            "at_low": of(lambda row: at_low[row]),
            "at_central": of(lambda row: middle[row.o]),
            "at_high": of(lambda row: at_high[row]),
            "swing": of(lambda row: abs(at_high[row] - at_low[row])),
        },
    }


def _head(found: Sensitivity, rows: list[Row]) -> Columns:
    return {
        "outcome": np.array([found.outputs[row.o].name for row in rows], dtype=str),
        "outcome_unit": np.array([found.outputs[row.o].unit for row in rows], dtype=str),
        "parameter": np.array([found.inputs[row.k].name for row in rows], dtype=str),
        "unit": np.array([found.inputs[row.k].unit for row in rows], dtype=str),
    }


def _regional(found: Sensitivity, rows: list[Row]) -> Columns:
    """A row an input and tail."""
    both = [(row, tail) for row in rows for tail in found.tails[row.o]]

    def of(value: Callable[[int, Tail], Any], kind: type) -> np.ndarray:
        return np.array([value(row.k, tail) for row, tail in both], dtype=kind)

    return {
        **_head(found, [row for row, _ in both]),
        "tail": of(lambda k, tail: tail.end, str),
        "share": np.full(len(both), found.tail),
        "threshold": of(lambda k, tail: tail.threshold, float),
        "points": of(lambda k, tail: tail.points, int),
        "distance": of(lambda k, tail: tail.distance[k], float),
        "p_value": of(lambda k, tail: tail.p_value[k], float),
        "critical": of(lambda k, tail: tail.critical, float),
        "median_inside": of(lambda k, tail: tail.inside[k], float),
        "median_outside": of(lambda k, tail: tail.outside[k], float),
    }


def write(found: Sensitivity, output: Path | None, command: str) -> Path:
    """Write every table, a codebook and a manifest into a run folder, a new one under `runs` if None; its path.

    command : what made it, as one types it. Raises InputError and StorageError.
    """
    asked = summary(found)
    names = {"outcomes": [one.name for one in found.outputs], "inputs": [one.name for one in found.inputs]}
    configuration = {**answering(found.problem, "SALib"), "sensitivity": {**asked, **names}}
    folder = RunFolder.open(output, configuration, label="sensitivity")
    with folder:
        write_tables(folder, tables(found), COLUMNS)
        write_account(folder, COLUMNS, found.inputs, asked, command, found.problem)
        folder.log("finished", evaluations=found.sample.evaluations)
    return folder.path


def summary(found: Sensitivity) -> dict[str, Any]:
    """What was asked and what it rests on, as JSON has it."""
    return {
        "policy": found.policy and policy_json(found.policy),
        "drawn_from": found.sample.futures,
        "independent": found.total is not None,
        "points": len(found.sample.x),
        "evaluations": found.sample.evaluations,
        "does_not_matter_below": CUT,
        "tail": found.tail,
        "constant": [one.name for one, same in zip(found.outputs, found.constant, strict=True) if same],
    }
