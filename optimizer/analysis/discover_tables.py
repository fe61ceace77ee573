"""What discovery found as tidy tables, and as a folder with the figure and how to make it again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tiercap.optimizer.analysis import figures
from tiercap.optimizer.analysis.discover import Discovery, words
from tiercap.optimizer.analysis.prim import Box
from tiercap.optimizer.analysis.tables import answering, policy_json, write_account, write_tables
from tiercap.optimizer.io.columns import Columns
from tiercap.optimizer.runs.folder import RunFolder
from tiercap.optimizer.study.problem import UNITS

#: Unit and meaning of every column that is not a parameter or an outcome.
COLUMNS = {
    "method": ("1", "prim or cart"),
    "box": ("1", "number of the box, from 1: PRIM's in the order found, CART's leaves by coverage"),
    "coverage": ("1", "share of all failures that lie in the box"),
    "density": ("1", "share of the futures in the box that fail"),
    "mass": ("1", "share of all futures that lie in the box"),
    "parameter": ("1", "parameter that the box restricts"),
    "unit": ("1", "unit of the parameter"),
    "low": ("see unit", "lower limit, NaN where there is none"),
    "high": ("see unit", "upper limit, NaN where there is none"),
    "quasi_p_low": ("1", "chance of as many failures in the box if the lower limit did nothing, NaN without it"),
    "quasi_p_high": ("1", "the same of the upper limit"),
    "lowest": ("see unit", "lowest value of the parameter in any future"),
    "highest": ("see unit", "highest value of the parameter in any future"),
    "among": ("1", "all: PRIM saw every input; few: as many inputs as a box may restrict"),
    "step": ("1", "step of PRIM's peeling and pasting, from 0 for the box that holds everything"),
    "dimensions": ("1", "parameters that are restricted"),
    "proposed": ("1", "whether the proposed box is this one, relieved of limits that may do nothing"),
    "limits": ("1", "the limits in words"),
    "weight": ("1", "weight of the future, summing to 1"),
    "fails": ("1", "whether the policy fails in the future"),
}


def tables(found: Discovery) -> dict[str, Columns]:
    """Tables by name.

    ``boxes`` : a row a box and parameter it restricts. ``trajectory`` : a row a box (of PRIM) and step.
    ``futures`` : a row a future, with every parameter that varies, the outcomes that decide and whether it fails.
    """
    made: dict[str, Columns] = {"boxes": _boxes(found), "futures": _futures(found)}
    return made | ({"trajectory": _trajectory(found)} if found.paths else {})


def numbered(found: Discovery) -> list[tuple[str, int, Box]]:
    """Method, number and box of everything that was found."""
    mine = [("prim", number, box) for number, box in enumerate(found.boxes, 1) if box.restricted.any()]
    return mine + [("cart", number, box) for number, box in enumerate(found.leaves, 1)]


def _boxes(found: Discovery) -> Columns:
    floor, ceiling = found.cases.ends
    rows: list[dict[str, Any]] = []
    for method, number, box in numbered(found):
        for k in np.flatnonzero(box.restricted.any(axis=1)):
            info, (low, high) = found.inputs[k], box.restricted[k]
            rows.append(
                {
                    "method": method, "box": number, "coverage": box.coverage, "density": box.density,
                    "mass": box.mass, "parameter": info.name, "unit": info.unit,
                    "low": box.low[k] if low else np.nan, "high": box.high[k] if high else np.nan,
                    "quasi_p_low": box.quasi_p[k, 0], "quasi_p_high": box.quasi_p[k, 1],
                    "lowest": floor[k], "highest": ceiling[k],
                }
            )  # fmt: skip
    texts, whole = ("method", "parameter", "unit"), ("box",)
    kinds = {name: str if name in texts else int if name in whole else float for name in list(COLUMNS)[:13]}
    return {name: np.array([row[name] for row in rows], dtype=kind) for name, kind in kinds.items()}


def _trajectory(found: Discovery) -> Columns:
    rows: list[tuple[int, str, int, Box, bool]] = []
    for number, (path, narrow, place) in enumerate(zip(found.paths, found.narrow, found.places, strict=True), 1):
        rows += [(number, "all", step, box, narrow is path and step == place) for step, box in enumerate(path)]
        if narrow is not path:
            rows += [(number, "few", step, box, step == place) for step, box in enumerate(narrow)]
    numbers, sets, steps, boxes, chosen = zip(*rows, strict=True)
    return {
        "box": np.array(numbers),
        "among": np.array(sets, dtype=str),
        "step": np.array(steps),
        "coverage": np.array([box.coverage for box in boxes]),
        "density": np.array([box.density for box in boxes]),
        "mass": np.array([box.mass for box in boxes]),
        "dimensions": np.array([box.dimensions for box in boxes]),
        "proposed": np.array(chosen),
        "limits": np.array([words(box, found.inputs) for box in boxes], dtype=str),
    }


def _futures(found: Discovery) -> Columns:
    weights = found.cases.weights
    return {
        **{info.name: found.cases.x[:, k] for k, info in enumerate(found.inputs)},
        **found.outcomes,
        "weight": weights / weights.sum(),
        "fails": found.cases.interest,
    }


def write(found: Discovery, output: Path | None, command: str) -> Path:
    """Write tables, figure, codebook and manifest into a run folder, a new one under `runs` if None; its path.

    command : what made it, as one types it. Without Matplotlib there is no figure. Raises InputError and StorageError.
    """
    folder = RunFolder.open(output, _configuration(found), label="discover")
    with folder:
        named = {info.name: (info.unit, info.meaning) for info in found.inputs}
        named |= {name: (UNITS[name], "") for name in found.outcomes}
        write_tables(folder, tables(found), {**named, **COLUMNS})
        if figures.available():
            figures.write(found, folder.path)
        write_account(folder, COLUMNS, found.inputs, summary(found), command, found.problem)
        folder.log("finished", futures=len(found.cases.interest))
    return folder.path


def summary(found: Discovery) -> dict[str, Any]:
    """What was asked and what came out, as JSON has it."""
    return {
        "policy": policy_json(found.policy),
        "fails_where": list(found.reasons),
        "futures": len(found.cases.interest),
        "failing": found.failing,
        "boxes": [
            {
                "method": method, "box": number, "where": words(box, found.inputs, 6), "coverage": box.coverage,
                "density": box.density, "mass": box.mass,
            }
            for method, number, box in numbered(found)
        ],
    }  # fmt: skip


def _configuration(found: Discovery) -> dict[str, Any]:
    """What makes the analysis the same analysis."""
    made = answering(found.problem, *(["scikit-learn"] if found.leaves else []))
    told = summary(found)
    asked = {
        "policy": told["policy"],
        "fails": [condition.text for condition in found.conditions],
        "inputs": [info.name for info in found.inputs],
        "boxes": len(found.boxes),
        "cart": bool(found.leaves),
        "dimensions": found.dimensions,
    }
    return {**made, "discover": asked}
