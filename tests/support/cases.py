"""Random scenarios and policies, shared by the tests of the twin, of the kernels and by the benchmarks.

Everything is drawn from the generator that is passed in; equal seeds give equal cases.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from tiercap.kernels.params import ABSOLUTE, CHIP, GROUPS, INF, LAGGED, LEVERS, MAX_BOXES, PARAMS, RELATIVE
from tiercap.optimizer.model.parameters import put, table

#: Roughly the frontier chip of 2026; absolute caps are drawn around it.
FRONTIER = {"tpp": 56016.0, "memory": 7.7, "interconnect": 1.8, "density": 35.0, "bandwidth_sum": 9.5}
CAPS = tuple(FRONTIER)


def catalogue() -> np.ndarray:
    """The frontier chip, the two generations before it, and the H200, which does not move."""
    chips = np.zeros(4, CHIP)
    chips["cost_scale"] = 1.0
    for k, area in enumerate((1600.0, 814.0, 826.0)):
        chips[k]["moves"] = 1.0
        chips[k]["position"] = k
        chips[k]["area"] = area
        chips[k]["cost_class"] = k
    h200 = {"f": 1.979, "m": 4.8, "i": 0.9, "tpp": 15832.0, "area": 814.0, "launch": 2024.25, "cost_class": 3}
    for name, value in h200.items():
        chips[3][name] = value
    return chips


def central() -> np.ndarray:
    """The built-in central scenario, PARAMS[1]."""
    params = np.zeros(1, PARAMS)
    for info in table():
        put(params, info.name, info.value)
    return params


def random_params(rng: np.random.Generator, n: int) -> np.ndarray:
    """``n`` scenarios, PARAMS[n]: every parameter over its range, by logarithm where that exceeds a decade."""
    params = np.zeros(n, PARAMS)
    for info in table():
        if info.low == info.high:
            put(params, info.name, info.value)
        elif info.low > 0.0 and info.high / info.low > 10.0:
            put(params, info.name, np.exp(rng.uniform(math.log(info.low), math.log(info.high), n)))
        else:
            put(params, info.name, rng.uniform(info.low, info.high, n))
    return params


def free() -> np.ndarray:
    """No rule in any group, LEVERS[1]: one open box without caps, no licensed tier."""
    levers = np.zeros(1, LEVERS)
    for g in GROUPS:
        group = levers[0][g]
        for name in CAPS:
            group[name][0, 0] = INF
        group["sku_before"] = INF
        for name in ("quota_share", "quota_chips", "quota_tpp"):
            group[name] = INF
    return levers


def ban(groups: str = "c") -> np.ndarray:
    """Nothing for the named groups, no rule in the others, LEVERS[1]."""
    levers = free()
    for g in groups:
        for name in CAPS:
            levers[0][g][name] = 0.0
    return levers


def _box(rng: np.random.Generator, reading: int, outer: dict[str, float] | None) -> dict[str, float]:
    """One box: some caps infinite, the others spread around the catalogue; inside ``outer`` if that is given."""
    box = {}
    chance = {"tpp": 0.8, "memory": 0.5, "interconnect": 0.4, "density": 0.2, "bandwidth_sum": 0.2}
    for name in CAPS:
        if rng.random() >= chance[name]:
            cap = INF
        elif reading == LAGGED:
            cap = rng.uniform(0.05, 6.0)
        else:
            cap = math.exp(rng.uniform(math.log(0.02), math.log(1.6)))
            cap *= FRONTIER[name] if reading == ABSOLUTE else 1.0
        if outer is not None:
            if reading == LAGGED:
                cap = outer[name] if cap == INF else max(cap, outer[name]) if outer[name] < INF else cap
            else:
                cap = outer[name] if cap == INF else min(cap, outer[name])
        box[name] = float(cap)
    return box


def _quota(rng: np.random.Generator, group: np.ndarray) -> None:
    """Quotas of the three kinds: mostly one of them, sometimes none, two or a zero."""
    for name in ("quota_share", "quota_chips", "quota_tpp"):
        group[name] = INF
    kind = rng.integers(0, 6)
    if kind in (1, 4):
        group["quota_share"] = 10.0 ** rng.uniform(-3.0, 0.0)
    if kind in (2, 4):
        group["quota_chips"] = 10.0 ** rng.uniform(-2.0, 0.7)
    if kind == 3:
        group["quota_tpp"] = 10.0 ** rng.uniform(2.0, 5.0)
    if kind == 5 and rng.random() < 0.3:
        group[("quota_share", "quota_chips", "quota_tpp")[rng.integers(0, 3)]] = 0.0


def _fill_group(rng: np.random.Generator, group: np.ndarray) -> None:
    """One random rule: a ban, an open tier, a licensed tier, or both, of one or several boxes."""
    reading = int(rng.choice((ABSOLUTE, ABSOLUTE, RELATIVE, LAGGED)))
    group["reading"] = reading
    group["sku_before"] = INF
    kind = rng.choice(("ban", "open", "licensed", "nested", "separate"), p=(0.05, 0.2, 0.15, 0.35, 0.25))
    n_boxes = rng.choice((1, 2, MAX_BOXES), p=(0.6, 0.25, 0.15))
    for b in range(n_boxes):
        outer = None
        if kind in ("licensed", "nested", "separate"):
            outer = _box(rng, reading, None)
            for name in CAPS:
                group[name][1, b] = outer[name]
        if kind in ("open", "nested", "separate"):
            box = _box(rng, reading, outer if kind == "nested" else None)
            for name in CAPS:
                group[name][0, b] = box[name]
    if rng.random() < 0.05:  # a stray zero cap shuts its box
        group[CAPS[rng.integers(0, len(CAPS))]][rng.integers(0, 2), 0] = 0.0
    _quota(rng, group)
    if rng.random() < 0.5:
        group["revenue_share"] = rng.choice((0.15, 0.25, 0.5, 0.9, 1.0), p=(0.4, 0.3, 0.2, 0.05, 0.05))
    if rng.random() < 0.3:
        group["delay"] = rng.choice((0.25, 0.5, 1.0, 1.7))
    group["no_diversion"] = float(rng.random() < 0.3)
    if rng.random() < 0.5:
        group["indexation"] = rng.uniform(-0.3, 0.5)
    if rng.random() < 0.15:
        group["sku_before"][rng.integers(0, 2)] = rng.choice((2023.03, 2025.03, 2026.04, 2028.04))


def _controls(rng: np.random.Generator, group: np.ndarray) -> None:
    """Controls beside chips: none in half the policies."""
    if rng.random() < 0.5:
        for name in ("enforcement", "equipment_control", "memory_control"):
            group[name] = rng.choice((0.0, 1.0, rng.random()), p=(0.3, 0.1, 0.6))


def random_policies(rng: np.random.Generator, n: int) -> np.ndarray:
    """``n`` policies of a wide variety, LEVERS[n, 1]. A and B are free in about half of them."""
    levers = np.zeros((n, 1), LEVERS)
    for i in range(n):
        levers[i] = free()
        for g, chance in (("a", 0.15), ("b", 0.5), ("c", 0.97)):
            if rng.random() < chance:
                levers[i, 0][g] = np.zeros((), levers.dtype[g])
                _fill_group(rng, levers[i, 0][g])
        _controls(rng, levers[i, 0]["c"])
    return levers


class Schedule(NamedTuple):
    """A schedule of policies over a run, ready to be evaluated."""

    levers: np.ndarray  # LEVERS[phases]
    phase: np.ndarray  # int64[n_steps]
    n_steps: int
    steps_per_year: int
    start: float
    exponent: int


def random_schedules(rng: np.random.Generator, n: int, n_steps: int | None = None) -> list[Schedule]:
    """``n`` schedules of one to four policies (some come back later), with clocks and exponents of all kinds."""
    schedules = []
    for _ in range(n):
        steps_per_year = int(rng.choice((1, 1, 2, 4)))
        steps = int(rng.integers(1, 11)) if n_steps is None else n_steps
        phases = int(rng.integers(1, 5))
        levers = random_policies(rng, phases)[:, 0]
        runs = np.sort(rng.integers(0, steps + 1, phases - 1)) if phases > 1 else np.zeros(0, np.int64)
        phase = np.searchsorted(runs, np.arange(steps), side="right").astype(np.int64)
        if rng.random() < 0.2:  # the last one is the first one again
            phase[phase == phase.max()] = 0
        start = float(rng.choice((2026.0, 2026.0, 2024.0, 2022.75)))
        exponent = int(rng.choice((4, 4, 2, 8)))
        schedules.append(Schedule(levers, phase, steps, steps_per_year, start, exponent))
    return schedules


def outcomes_of_pairs(
    levers: np.ndarray, params: np.ndarray, n_steps: int, steps_per_year: int, start: float, exponent: int
) -> tuple[np.ndarray, np.ndarray]:
    """The compiled kernels on policy i in scenario i: outcomes [n, outcome] and trajectories [n, step, field].

    levers : LEVERS[n, 1]; params : PARAMS[n]. Every lane of a tile is a pair of its own, which the evaluator never
    lays out, so that 10,000 pairs cost 10,000 evaluations.
    """
    from tiercap.kernels import allied, lanes, paths
    from tiercap.kernels.arguments import Allied, Part, Policies, Results, ScenarioTiles
    from tiercap.kernels.params import OUTCOMES, TRAJECTORY
    from tiercap.kernels.payoff import payoff

    n, chips, phase = len(params), catalogue(), np.zeros(n_steps, np.int64)
    outcomes, trajectories = np.empty((n, len(OUTCOMES))), np.empty((n, n_steps, len(TRAJECTORY)))
    for first in range(0, n, lanes.LANES):
        rows = np.minimum(np.arange(first, first + lanes.LANES), n - 1)
        q, x = np.zeros((1, lanes.CONSTANTS_SIZE)), np.zeros((1, n_steps, lanes.PATHS_SIZE))
        paths.fill_constants(params[rows], chips, steps_per_year, start, exponent, q)
        paths.fill_paths(params[rows], chips, n_steps, steps_per_year, start, exponent, q, x)
        a = np.zeros((1, 1, n_steps, lanes.ALLIED_SIZE))
        policies = Policies(levers, np.ascontiguousarray(rows[None].astype(np.int64)), phase)
        scenarios = ScenarioTiles(steps_per_year, chips, exponent, q, x)
        allied.fill_allied(Part(0, 1, 0, 1), policies, scenarios, a)
        out = np.zeros((1, 1, len(OUTCOMES), lanes.LANES))
        path = np.zeros((1, 1, n_steps, len(TRAJECTORY), lanes.LANES))
        home = Allied(np.zeros(1, np.int64), a)
        payoff(Part(0, 1, 0, 1), policies, scenarios, home, Results(out, path))
        part = slice(first, min(first + lanes.LANES, n))
        outcomes[part] = out[0, 0].T[: part.stop - first]
        trajectories[part] = np.moveaxis(path[0, 0], -1, 0)[: part.stop - first]
    return outcomes, trajectories
