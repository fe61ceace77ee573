"""What a fitted member knows of the start of 2026: the state its replay ends in, as parameters of a forward run.

Three kinds of parameters, and a fourth that is left alone:

- *behaviour*: a parameter whose range is the same in the replay and in a forward run keeps the value that was fitted;
- *levels*: what a trend takes from the start of the replay to the start of 2026 (LEVELS, and C's budget);
- *stocks*: what accumulates in the replay, read from its trajectory at that date (STOCKS);
- everything else keeps its own range for 2026: figures read off data sheets of 2026 (the frontier's and the domestic
  chip's), unit costs of another catalogue, growth rates of another epoch, and group B, which no row is about.

How the buyer's government goes on is the first half of a structure's name. By *rule*, the share barred follows the
model's response; by *events*, it stands where it is, because nobody knows the dates of later acts. Where the response
was replayed freely, its share at the start of 2026 is handed over; where the dated acts were imposed, it was an input
there and stays the scenario that it is.
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
from tiercap.optimizer.model.evaluator import performances
from tiercap.optimizer.model.parameters import ParameterInfo
from tiercap.optimizer.model.scenarios import draw

#: The date to which levels and stocks are brought.
START = 2026.0
#: Parameters that a trend carries on, and the growth factor a year that does it.
LEVELS: Mapping[str, str] = {
    "run_size": "run_growth",
    "wall_size": "wall_growth",
    "software_st": "software_growth",
    "software_ft": "software_growth",
    "software_pf": "software_growth",
    "software_dc": "software_growth",
    "reference_price": "price_growth",
    "grey_supply": "grey_growth",
}
#: Parameters read from the trajectory, whether or not their start was fitted.
STOCKS = ("demand_a", "stock_a", "stock_e", "stock_g", "stock_d", "lock_in", "domestic_output", "domestic_capacity",
          "domestic_cost")  # fmt: skip
#: The share barred, and what moves it.
BARRED, SPEED, LEVEL = "barred_start", "response_speed", "response_level"


def behaviour(replayed: Sequence[ParameterInfo], forward: Sequence[ParameterInfo]) -> list[str]:
    """Uncertain parameters that mean the same in a replay and in a forward run."""
    ahead = {info.name: info.distribution for info in forward}
    return [info.name for info in replayed if info.distribution is not None and info.distribution == ahead[info.name]]


def columns(
    replay: Replay, table: np.ndarray, fitted: Sequence[str], forward: Sequence[ParameterInfo], standing: bool
) -> dict[str, Floats]:
    """Values of 2026 for the members ``table`` (PARAMS[n] at the start of the replay), by parameter: float64[n].

    In and out in the contract's units.

    fitted : the parameters that the fit moved; forward : the parameters of a forward run, for their ranges
    standing : whether the share barred stands still from 2026 on, instead of following the response
    """
    years = START - replay.clock.start
    found = {name: table[name].copy() for name in behaviour(replay.parameters, forward) if name in fitted}
    for name, growth in LEVELS.items():
        found[name] = table[name] * table[growth] ** years
    found["budget_c"] = _budget(table, years)
    found |= _stocks(replay, table)
    if standing or replay.events:
        del found[BARRED]
    elif LEVEL in fitted:
        found[LEVEL] = table[LEVEL].copy()
    if standing:
        found[SPEED] = np.zeros(len(table))
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


def _stocks(replay: Replay, table: np.ndarray) -> dict[str, Floats]:
    """States at START from the trajectory, and the demand of A that its logistic has reached."""
    steps = round((START - replay.clock.start) * STEPS_PER_YEAR)
    replay = Replay((), replay.events, replay.threads, replay.elastic, replay.clock.roofline_exponent)
    replay.clock = replace(replay.clock, steps=steps + 1)
    fields = dict(zip(TRAJECTORY, np.moveaxis(replay.trajectories(table), 1, 0), strict=True))
    bought = fields["units_open"] * fields["value_open"] + fields["units_licensed"] * fields["value_licensed"]
    smuggled = fields["units_grey"] * _frontier(replay, table)
    own = fields["units_domestic"] * fields["value_domestic"]
    return {
        "demand_a": _demand(table, START - replay.clock.start),
        "stock_a": _index([fields[f"stock_a_{w}"][steps - 1] for w in WORKLOADS], table, "value_a"),
        "stock_e": _accumulated(table, "stock_e", bought[:steps]),
        "stock_g": _accumulated(table, "stock_g", smuggled[:steps]),
        "stock_d": _accumulated(table, "stock_d", own[:steps]),
        "lock_in": fields["lock_in"][steps],
        "domestic_output": _output(table, fields["units_domestic"][:steps]),
        "domestic_capacity": fields["domestic_capacity"][steps],
        "domestic_cost": fields["domestic_cost"][steps],
        BARRED: fields["barred"][steps],
    }


def _accumulated(table: np.ndarray, start: str, bought: Floats) -> Floats:
    """A stock in units of the value index after purchases float64[steps, n]: docs/model.md, section 8, item 8."""
    keep = (1.0 - table["depreciation"]) ** (1.0 / STEPS_PER_YEAR)
    stock = table[start].copy()
    for step in bought:
        stock = keep * stock + step
    return stock


def _output(table: np.ndarray, units: Floats) -> Floats:
    """Cumulative domestic output; a share is forgotten every two years."""
    output = table["domestic_output"].copy()
    for step, made in enumerate(units):
        output = output + made
        if (step + 1) % (2 * STEPS_PER_YEAR) == 0:
            output = output * (1.0 - table["node_forgetting"])
    return output


def _demand(table: np.ndarray, years: float) -> Floats:
    """A's purchases a year on their logistic, equation (4)."""
    ratio = np.minimum(table["demand_a"] / table["demand_a_ceiling"], 1.0 - 1e-6)
    pace = np.log(table["demand_a_growth"]) / (1.0 - ratio)
    return np.asarray(table["demand_a"] / ratio / (1.0 + (1.0 / ratio - 1.0) * np.exp(-pace * years)))


def _budget(table: np.ndarray, years: float) -> Floats:
    """C's budget after ``years``: one growth until its break, another after it."""
    early = table["budget_c_growth"] ** np.minimum(years, table["budget_c_break"])
    late = table["budget_c_growth_late"] ** np.maximum(years - table["budget_c_break"], 0.0)
    return np.asarray(table["budget_c"] * early * late)


def _frontier(replay: Replay, table: np.ndarray) -> Floats:
    """Value index, to group C, of the frontier chip on sale in each quarter: float64[steps, n]."""
    delivered = performances(replay._scenarios(table), replay.clock, replay.history.catalogue)
    return _index([delivered[:, k] for k in range(len(WORKLOADS))], table, "value_c")


def _index(by_workload: Sequence[Floats], table: np.ndarray, weights: str) -> Floats:
    """Equation (3): a quantity by workload as one index, with the weights of a group."""
    raw = [table[f"{weights}_{w}"] for w in WORKLOADS]
    total = sum(raw)
    return np.asarray(sum(w / total * np.sqrt(np.maximum(q, 0.0)) for w, q in zip(raw, by_workload, strict=True)) ** 2)
