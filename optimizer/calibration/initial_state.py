"""What a fitted member knows of the start of 2026: the state its replay ends in, as parameters of a forward run.

Three kinds of parameters, and a fourth that is left alone:

- *behaviour*: a parameter whose range is the same in the replay and in a forward run keeps the value that was fitted;
- *levels*: what a trend takes from the start of the replay to the start of 2026 (LEVELS, and the budgets of A and C);
- *states*: what the replay's steps have moved, read from its trajectory at that date (STATES);
- everything else keeps its own range for 2026: figures read off data sheets of 2026 (the frontier's and the domestic
  chip's), unit costs of another catalogue, growth rates and ceilings of another epoch, group B and electric power,
  which no row is about, and what is known of memory in 2026 alone (output, banks and stacks from abroad).

What the buyer's government bars at the start of 2026 is what the dated acts say where these are known, and where the
replay has ended where they are not. How it goes on from there is the structure: `buyer_decides`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from tiercap.kernels.params import PARAMETERS, TRAJECTORY, WORKLOADS
from tiercap.optimizer.calibration.replay import STEPS_PER_YEAR, Replay
from tiercap.optimizer.io.arrays import Floats
from tiercap.optimizer.model import parameters
from tiercap.optimizer.model.ensembles import Ensemble
from tiercap.optimizer.model.parameters import ParameterInfo
from tiercap.optimizer.model.scenarios import draw

#: The date to which levels and states are brought.
START = 2026.0
#: Parameters that a trend carries on, and the growth factor a year that does it.
LEVELS: Mapping[str, str] = {
    "run_size": "run_growth",
    "wall_size": "wall_growth",
    "software_st": "software_growth",
    "software_ft": "software_growth",
    "software_pf": "software_growth",
    "software_dc": "software_growth",
    "grey_supply": "grey_growth",
}
#: Parameters read from the trajectory, whether or not their start was fitted.
STATES = ("stock_a", "stock_e", "stock_g", "stock_d", "lock_in", "belief_start", "barred_start", "wafers",
          "yield_start", "domestic_supply", "domestic_output")  # fmt: skip
#: Whether the government goes on deciding, what it bars, and its constant preference for barring.
DECIDES, BARRED, LEVEL = "buyer_decides", "barred_start", "response_level"


def behaviour(replayed: Sequence[ParameterInfo], forward: Sequence[ParameterInfo]) -> list[str]:
    """Uncertain parameters that mean the same in a replay and in a forward run."""
    ahead = {info.name: info.distribution for info in forward}
    return [info.name for info in replayed if info.distribution is not None and info.distribution == ahead[info.name]]


def columns(
    replay: Replay, table: np.ndarray, fitted: Sequence[str], forward: Sequence[ParameterInfo]
) -> dict[str, Floats]:
    """Values of 2026 for the members ``table`` (PARAMS[n] at the start of the replay), by parameter: float64[n].

    In and out in the contract's units.

    fitted : the parameters that the fit moved; forward : the parameters of a forward run, for their ranges
    """
    years = START - replay.clock.start
    found = {name: table[name].copy() for name in behaviour(replay.parameters, forward) if name in fitted}
    for name, growth in LEVELS.items():
        found[name] = table[name] * table[growth] ** years
    found["spending_a"] = _logistic(table, "spending_a", years)
    found |= _states(replay, table, {info.name: info.value for info in forward})
    if LEVEL in fitted:
        found[LEVEL] = table[LEVEL].copy()
    found[DECIDES] = np.full(len(table), float(replay.decides))
    return {name: np.clip(found[name], p.low, p.high) for p in PARAMETERS if (name := p.name) in found}


def at_start(members: Ensemble, replayed: Sequence[ParameterInfo], seed: int = 0) -> np.ndarray:
    """The members as they were fitted, PARAMS[n] at the start of the replay; what no row told of is drawn anew."""
    table = draw(replayed, len(members), seed).table
    same = set(behaviour(replayed, parameters.table()))
    for info in replayed:
        if info.name in members.replayed:
            table[info.name] = members.replayed[info.name]
        elif info.name in same and info.name in members.columns:
            table[info.name] = members.columns[info.name]
    return table


def _states(replay: Replay, table: np.ndarray, forward: Mapping[str, float]) -> dict[str, Floats]:
    """States at START: stocks added up step by step, what moves slowly as the mean of the steps before and after."""
    steps = round((START - replay.clock.start) * STEPS_PER_YEAR)
    path = Replay((), replay.events, replay.threads, replay.decides, replay.clock.roofline_exponent)
    path.clock = replace(path.clock, steps=steps + 1)
    fields = dict(zip(TRAJECTORY, np.moveaxis(path.trajectories(table), 1, 0), strict=True))
    # A package of the replay has another number of dies than one of 2026: dies are what goes on.
    dies = table["dies_package"] / forward["dies_package"]
    sold = fields["domestic_supply"] / fields["value_domestic"]

    def between(series: Floats) -> Floats:
        return np.asarray(0.5 * (series[steps - 1] + series[steps]))

    return {
        "budget_c": _logistic(table, "budget_c", START - replay.clock.start) * _plans(table, fields["served"][:steps]),
        "stock_a": _index([fields[f"stock_a_{w}"][steps - 1] for w in WORKLOADS], table, "value_a"),
        "stock_e": _accumulated(table, "stock_e", fields["acquired_lawful"][:steps]),
        "stock_g": _accumulated(table, "stock_g", fields["acquired_smuggled"][:steps]),
        "stock_d": _accumulated(table, "stock_d", fields["acquired_domestic"][:steps]),
        "lock_in": between(fields["lock_in"]),
        "belief_start": between(fields["belief"]),
        BARRED: fields["barred"][steps] if replay.events else between(fields["barred"]),
        "wafers": between(fields["wafers"]),
        "yield_start": between(fields["die_yield"]),
        "domestic_supply": between(sold) * dies,
        "domestic_output": (table["domestic_output"] + fields["units_domestic"][:steps].sum(axis=0)) * dies,
    }


def _accumulated(table: np.ndarray, start: str, bought: Floats) -> Floats:
    """A stock after purchases float64[steps, n]: exact for a steady flow in every step, equation (2)."""
    decay = -np.log1p(-table["depreciation"])
    keep = np.exp(-decay / STEPS_PER_YEAR)
    gain = (1.0 - keep) / decay
    stock = table[start].copy()
    for step in bought:
        stock = keep * stock + gain * STEPS_PER_YEAR * step
    return stock


def _plans(table: np.ndarray, served: Floats) -> Floats:
    """C's budget factor after steps with ``served`` float64[steps, n]: equations (4) and (40)."""
    stays = (1.0 - table["budget_speed"]) ** (1.0 / STEPS_PER_YEAR)
    factor = np.ones(len(table))
    for step in served:
        target = step ** (table["budget_elasticity"] - 1.0)
        factor = target + (factor - target) * stays
    return factor


def _logistic(table: np.ndarray, name: str, years: float) -> Floats:
    """A budget [GUSD/year] on its logistic after ``years``, equation (8)."""
    ratio = np.minimum(table[name] / table[f"{name}_ceiling"], 1.0 - 1e-6)
    pace = np.log(table[f"{name}_growth"]) / (1.0 - ratio)
    return np.asarray(table[name] / ratio / (1.0 + (1.0 / ratio - 1.0) * np.exp(-pace * years)))


def _index(by_workload: Sequence[Floats], table: np.ndarray, weights: str) -> Floats:
    """Equation (7): a quantity by workload as one index, with the weights of a group."""
    raw = [table[f"{weights}_{w}"] for w in WORKLOADS]
    total = sum(raw)
    return np.asarray(sum(w / total * np.sqrt(np.maximum(q, 0.0)) for w, q in zip(raw, by_workload, strict=True)) ** 2)
