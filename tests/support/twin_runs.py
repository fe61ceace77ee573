"""One evaluation by the twin, with short names, and the scenarios and policies that tests vary."""

from __future__ import annotations

import math

import numpy as np
from support import cases
from twin import evaluate

from tiercap.kernels.params import INF

CATALOGUE = cases.catalogue()


def on_twin(
    levers,
    params,
    *,
    phase=None,
    n_steps=8,
    steps_per_year=1,
    start=2026.0,
    exponent=4,
    catalogue=CATALOGUE,
    barred=None,
):
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
        barred=barred,
    )


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


#: Nothing between a rule and the plan under it: cuts save no cost and need no time, resale holds no price up.
FROZEN = {"cost_retained": 1.0, "design_lag": 0.0, "markup_a": 0.01}


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
