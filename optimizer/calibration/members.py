"""Members of an ensemble: drawn from a fit, joined over the structures, labelled by what limits domestic supply."""

from __future__ import annotations

from typing import Any

import numpy as np

from tiercap.kernels.params import PARAMS, TRAJECTORY
from tiercap.optimizer.calibration import initial_state
from tiercap.optimizer.calibration.fit import Fit
from tiercap.optimizer.calibration.replay import Replay, history
from tiercap.optimizer.io.arrays import Floats
from tiercap.optimizer.io.units import inside, outside
from tiercap.optimizer.model import ensembles, parameters
from tiercap.optimizer.model.evaluator import Evaluator
from tiercap.optimizer.model.horizon import Horizon
from tiercap.optimizer.model.scenarios import Scenarios, draw
from tiercap.optimizer.rules.book import find_rule
from tiercap.optimizer.rules.chips import exporter_catalogue
from tiercap.optimizer.rules.encode import rule_levers
from tiercap.optimizer.study.records import Study

#: The rule in force in 2026, under which it is seen what limits domestic supply.
RULE_OF_2026 = "bis-2026"
#: The group of parameters that domestic supply hangs on.
SUPPLY = "domestic"


def draw_members(fit: Fit, replay: Replay, structure: str, study: Study, n: int, seed: int) -> dict[str, Any]:
    """Columns of ``n`` members of one structure, drawn from the pooled draws without repetition."""
    z = fit.z
    rng = np.random.Generator(np.random.PCG64(seed))
    rows = rng.permutation(len(z))[:n]
    table = np.empty(n, dtype=PARAMS)
    for info in replay.parameters:
        parameters.put(table, info.name, info.value)
    for name, values in fit.values(z[rows]).items():
        parameters.put(table, name, values)
    found: dict[str, Any] = {ensembles.STRUCTURE: np.full(n, structure)}
    for kind, values in zip(fit.likelihood.kinds, fit.discrepancy[rows].T, strict=True):
        found[ensembles.DISCREPANCY[kind]] = values
    fitted = [info.name for info in fit.infos]
    handed = initial_state.columns(replay, table, fitted, study.parameters)
    same = initial_state.behaviour(replay.parameters, study.parameters)
    before = {ensembles.REPLAY + name: table[name] for name in fitted if name not in same}
    return found | handed | before


def join(parts: list[dict[str, Any]], study: Study) -> dict[str, Any]:
    """All structures below each other; what one of them says nothing of is drawn from the parameter's own range."""
    sizes = [len(part[ensembles.STRUCTURE]) for part in parts]
    found: dict[str, Any] = {ensembles.STRUCTURE: np.concatenate([part[ensembles.STRUCTURE] for part in parts])}
    found[ensembles.WEIGHT] = np.concatenate([np.full(size, 1.0 / len(sizes) / size) for size in sizes])
    for name in ensembles.DISCREPANCY.values():
        if all(name in part for part in parts):
            found[name] = np.concatenate([part[name] for part in parts]).astype(np.float32).astype(np.float64)
    first = np.cumsum([0, *sizes])
    for prefix, infos in (("", study.parameters), (ensembles.REPLAY, history().parameters)):
        own = draw(infos, int(first[-1]), 0).table
        for name in (info.name for info in infos if any(prefix + info.name in part for part in parts)):
            columns = [part.get(prefix + name, own[name][first[k] : first[k + 1]]) for k, part in enumerate(parts)]
            found[prefix + name] = _rounded(np.concatenate(columns), name)
    return found


def _rounded(values: Floats, name: str) -> Floats:
    """Seven digits, which halves the file; never out of the domain. In and out in the contract's unit."""
    p = parameters.DECLARED[name]
    shown = outside(values, p.unit).astype(np.float32).astype(np.float64)
    return inside(np.clip(shown, p.low, p.high), p.unit)


def labelled_by_limit(members: dict[str, Any], study: Study) -> dict[str, Any]:
    """The members with what limits domestic supply in 2026 behind their labels.

    A label is a member's own, so what domestic supply hangs on and no row tells of is drawn here and kept with it.
    """
    table = draw(study.parameters, len(members[ensembles.WEIGHT]), 0).table
    told = dict(members)
    for info in study.parameters:
        if info.name not in told and info.group == SUPPLY and info.distribution is not None:
            told[info.name] = _rounded(table[info.name], info.name)
        if info.name in told:
            table[info.name] = told[info.name]
    clock = Horizon(years=1, start=2026, roofline_exponent=study.horizon.roofline_exponent)
    evaluator = Evaluator(Scenarios(table, members[ensembles.WEIGHT], 0, "random"), clock, exporter_catalogue())
    path = evaluator.trajectories(rule_levers(find_rule(RULE_OF_2026)).reshape(1, 1))
    memory = path[0, 0, TRAJECTORY.index("memory_binds")] > 0.5
    told[ensembles.STRUCTURE] = np.char.add(members[ensembles.STRUCTURE], np.where(memory, "/memory", "/logic"))
    return told
