"""One evaluation by the twin or by the kernels, with short names, and the scenarios and policies that tests vary."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from support import cases
from twin import evaluate

from tiercap.kernels.params import INF, OUTCOMES, TRAJECTORY
from tiercap.optimizer.model.evaluator import Evaluator
from tiercap.optimizer.model.horizon import Horizon
from tiercap.optimizer.model.scenarios import Scenarios

CATALOGUE = cases.catalogue()


class Clock(NamedTuple):
    """A horizon whose steps need not fill whole years; what the evaluator reads of one."""

    n_steps: int = 8
    steps_per_year: int = 1
    start: float = 2026.0
    roofline_exponent: int = 4

    @property
    def steps(self) -> int:
        return self.n_steps


YEARLY = Clock()


def evaluator_of(
    params: np.ndarray, clock: Clock | Horizon = YEARLY, threads: int = 1, catalogue: np.ndarray = CATALOGUE
) -> Evaluator:
    n = len(params)
    return Evaluator(Scenarios(params, np.full(n, 1.0 / n), 0, "random"), clock, catalogue, threads)


def on_twin(levers, params, *, phase=None, n_steps=8, steps_per_year=1, start=2026.0, exponent=4, catalogue=CATALOGUE):
    """One evaluation by the twin: outcomes, rows of the trajectory, margin."""
    phase = [0] * n_steps if phase is None else phase
    return evaluate(
        levers,
        phase,
        params,
        catalogue,
        n_steps=n_steps,
        steps_per_year=steps_per_year,
        start=start,
        exponent=exponent,
    )


def on_kernels(
    levers, params, *, phase=None, n_steps=8, steps_per_year=1, start=2026.0, exponent=4, catalogue=CATALOGUE
):
    """The same by the kernels; the margin is the twin's."""
    phase = [0] * n_steps if phase is None else phase
    clock = Clock(n_steps, steps_per_year, start, exponent)
    evaluator = evaluator_of(np.array([params]), clock, catalogue=catalogue)
    outcomes = evaluator.outcomes(levers[None], phase)[0, :, 0]
    rows = evaluator.trajectories(levers[None], phase)[0, :, :, 0]
    margin = on_twin(levers, params, phase=phase, n_steps=n_steps, steps_per_year=steps_per_year, start=start,
                      exponent=exponent, catalogue=catalogue)[2]  # fmt: skip
    named = dict(zip(OUTCOMES, map(float, outcomes), strict=True))
    return named, [dict(zip(TRAJECTORY, map(float, row), strict=True)) for row in rows], margin


def scenario(**changes: float) -> np.void:
    """The central scenario with some parameters changed."""
    params = cases.central()
    for name, value in changes.items():
        params[name] = value
    return params[0]


def changed(params: np.void, **changes: float) -> np.void:
    """A copy of a scenario with some parameters changed."""
    params = params.copy()
    for name, value in changes.items():
        params[name] = value
    return params


def one_box(group: str = "c", tier: int = 0, **caps: float) -> np.ndarray:
    """Free but for ``group``, whose one box in ``tier`` has the caps given."""
    levers = cases.ban(group)
    record = levers[0][group]
    for name in cases.CAPS:
        record[name][tier, 0] = caps.pop(name, INF)
    for name, value in caps.items():
        record[name] = value
    return levers


def unequal(a: dict[str, float], b: dict[str, float], relative: float = 0.0, skip: tuple[str, ...] = ()) -> list[str]:
    """Names whose figures differ by more than ``relative``."""
    names = []
    for name in a:
        if name in skip or (math.isnan(a[name]) and math.isnan(b[name])):
            continue
        if abs(a[name] - b[name]) > relative * max(abs(a[name]), abs(b[name]), 1e-9 if relative else 0.0):
            names.append(name)
    return names


def random_cases(seed: int, n: int):
    """Scenarios and policies, paired."""
    rng = np.random.default_rng(seed)
    return list(zip(cases.random_params(rng, n), cases.random_policies(rng, n), strict=True))


def licensed_c(**terms: float) -> np.ndarray:
    levers = one_box(tier=1, tpp=21000.0, memory=6.5)
    for name in ("quota_share", "quota_chips", "quota_tpp"):
        levers[0]["c"][name] = INF
    for name, value in terms.items():
        levers[0]["c"][name] = value
    return levers


FROZEN = {
    "displacement": 0.0,
    "grey_supply": 0.0,
    "leak_a": 0.0,
    "leak_b": 0.0,
    "cost_retained": 1.0,
    "domestic_capacity": 1e9,
}


def better(levers: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A policy with one of C's caps or quotas raised."""
    wider = levers.copy()
    group = wider[0]["c"]
    name = rng.choice((*cases.CAPS, "quota_share", "quota_chips", "quota_tpp"))
    step = rng.uniform(1.0, 2.0)
    if name.startswith("quota"):
        group[name] *= step
    else:
        tier, box = rng.integers(0, 2), 0
        group[name][tier, box] = group[name][tier, box] * (1.0 / step if int(group["reading"]) == 2 else step)
    return wider
