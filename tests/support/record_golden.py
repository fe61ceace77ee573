"""Record the snapshots in tests/golden, after a change that is meant to move them.

    PYTHONPATH=tests python tests/support/record_golden.py

``named_rules.json`` holds every outcome of every named rule, at the central values and in the first 16 scenarios
drawn from the parameters' ranges. ``curves.json`` holds how outcomes move with one lever at the central values: many
turn on the way, which is why they are recorded and not asserted.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from support import cases

from tiercap.kernels.params import INF, OUTCOMES
from tiercap.optimizer.model.evaluator import Evaluator
from tiercap.optimizer.model.horizon import Horizon
from tiercap.optimizer.model.parameters import table
from tiercap.optimizer.model.scenarios import draw
from tiercap.optimizer.rules.book import load_rules
from tiercap.optimizer.rules.chips import exporter_catalogue
from tiercap.optimizer.rules.encode import rule_levers

FOLDER = Path(__file__).parents[1] / "golden"
SCENARIOS = 16
POINTS = 13
#: Outcomes of the curves: the three objectives, the lead at the end, what domestic makers make, what is smuggled.
CURVE_OUTCOMES = ("revenue", "compute_lead", "terminal_compute_lead", "substitution", "domestic_chips", "units_grey")
#: Levers of the curves with their first and last value; all but the revenue share in even steps of the logarithm.
CURVE_LEVERS = {
    "tpp": (1000.0, 500_000.0),
    "memory": (0.5, 40.0),
    "quota_chips": (0.01, 10.0),
    "revenue_share": (0.0, 0.9),
}


def one_box(tier: int, **figures: float) -> np.ndarray:
    """Free but for group C, whose one box in ``tier`` has the caps and terms given: LEVERS[1]."""
    levers = cases.ban("c")
    group = levers[0]["c"]
    for name in cases.CAPS:
        group[name][tier, 0] = figures.pop(name, INF)
    for name, value in figures.items():
        group[name] = value
    return levers


def grid(lever: str, points: int = POINTS) -> np.ndarray:
    """The values of a lever along its curve."""
    low, high = CURVE_LEVERS[lever]
    return np.linspace(low, high, points) if low == 0.0 else np.geomspace(low, high, points)


def curve(lever: str) -> np.ndarray:
    """Policies along one lever, LEVERS[points, 1]: caps in an open tier, terms in a licensed one of 21000 TPP."""
    values = grid(lever)
    if lever in cases.CAPS:
        return np.stack([one_box(0, **{lever: float(value)}) for value in values])
    return np.stack([one_box(1, tpp=21000.0, **{lever: float(value)}) for value in values])


def named_rules() -> dict[str, Any]:
    """Rule to outcome to its values: the central one first, then one a scenario."""
    rules = load_rules()
    policies = np.stack([rule_levers(rule) for rule in rules.values()])
    columns = []
    for scenarios in (draw(table(), kind="central"), draw(table(), SCENARIOS, seed=0)):
        columns.append(Evaluator(scenarios, Horizon(), exporter_catalogue(), threads=1).outcomes(policies))
    values = np.concatenate(columns, axis=-1)
    return {name: dict(zip(OUTCOMES, values[k].tolist(), strict=True)) for k, name in enumerate(rules)}


def curves() -> dict[str, Any]:
    """Lever to its values and to those of each outcome along it."""
    evaluator = Evaluator(draw(table(), kind="central"), Horizon(), exporter_catalogue(), threads=1)
    found = {}
    for lever in CURVE_LEVERS:
        values = evaluator.outcomes(curve(lever))[:, :, 0]
        found[lever] = {"value": grid(lever).tolist()}
        found[lever] |= {name: values[:, OUTCOMES.index(name)].tolist() for name in CURVE_OUTCOMES}
    return found


SNAPSHOTS = {"named_rules": named_rules, "curves": curves}


def dumps(snapshot: dict[str, dict[str, list[float]]]) -> str:
    """JSON with one list a line, so that a difference can be read."""
    blocks = []
    for name, rows in snapshot.items():
        lines = ",\n".join(f"    {json.dumps(key)}: {json.dumps(values)}" for key, values in rows.items())
        blocks.append(f"  {json.dumps(name)}: {{\n{lines}\n  }}")
    return "{\n" + ",\n".join(blocks) + "\n}\n"


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, compute in SNAPSHOTS.items():
        (FOLDER / f"{name}.json").write_text(dumps(compute()), encoding="utf-8")
        print(f"recorded {name}")


if __name__ == "__main__":
    main()
