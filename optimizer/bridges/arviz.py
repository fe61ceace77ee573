"""A fit as ArviZ takes it: draws by run, in the units of the parameters, and the log likelihood row by row.

ArviZ's InferenceData is a tree of datasets; from version 1 on it is xarray's own, which is what is made here. Chains
are the independent runs of the sampler and draws their particles, which have equal weight and no order. Rows of the
record are the dimension `row` of one variable `record`, each in its own unit (coordinate `unit`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tiercap.optimizer.calibration.calibrate import Calibration
from tiercap.optimizer.calibration.fit import Fit
from tiercap.optimizer.errors import InputError, did_you_mean
from tiercap.optimizer.io import frames
from tiercap.optimizer.io.arrays import Floats
from tiercap.optimizer.io.frames import Variable
from tiercap.optimizer.model.ensembles import DISCREPANCY

if TYPE_CHECKING:
    import xarray as xr

DRAWN = ("chain", "draw")
RECORD = "record"
#: Streams of the errors that are added to predictions: of the posterior, and of the prior.
POSTERIOR, PRIOR = 0, 1


def inference_data(found: Calibration, structure: str | None) -> xr.DataTree:
    """See `bridges.inference_data`."""
    frames.check_installed()
    label = _label(found, structure)
    fit = found.fits[label]
    start = np.concatenate([run.first[0] for run in fit.runs]), np.concatenate([run.first[1] for run in fit.runs])
    units = {row.moment: row.unit for row in found.rows}
    coordinates = _coordinates(fit)
    record = {**coordinates, "row": _rows(fit), "unit": _units(fit, units)}
    observed = Variable(("row",), fit.likelihood.values, "see unit", "figures of the record")
    groups = {
        "posterior": (_parameters(fit, fit.z), coordinates),
        "posterior_predictive": (_replicated(fit, fit.z, fit.predictions, POSTERIOR), record),
        "log_likelihood": (_recorded(fit, fit.terms, "1", "log likelihood of each row"), record),
        "prior": (_parameters(fit, start[0]), coordinates),
        "prior_predictive": (_replicated(fit, *start, PRIOR), record),
        "observed_data": ({RECORD: observed}, {"row": record["row"], "unit": record["unit"]}),
    }
    about = {
        "inference_library": "tiercap", "sampler": "tempered Sequential Monte Carlo", "structure": label,
        "seed": found.seed, "log_evidence": fit.convergence.evidence,
        "log_evidence_spread": fit.convergence.evidence_spread, "record_sha256": found.record_digest,
    }  # fmt: skip
    return frames.tree({name: frames.dataset(*parts, {}) for name, parts in groups.items()}, about)


def _label(found: Calibration, structure: str | None) -> str:
    """The structure asked for, or the only one."""
    if structure is None and len(found.fits) == 1:
        return next(iter(found.fits))
    if structure is None:
        raise InputError(f"the calibration fitted {len(found.fits)} structures: name one of {', '.join(found.fits)}")
    if structure not in found.fits:
        raise InputError(f"no fit of a structure `{structure[:60]}`: {did_you_mean(structure[:60], found.fits)}")
    return structure


def _by_run(fit: Fit, pooled: Floats) -> Floats:
    """Pooled draws float64[runs * particles, ...] as float64[runs, particles, ...]."""
    return pooled.reshape(len(fit.runs), -1, *pooled.shape[1:])


def _parameters(fit: Fit, z: Floats) -> dict[str, Variable]:
    """Fitted parameters in their units, and the model's own error by kind of row."""
    values = fit.values(z)
    found = {info.name: Variable(DRAWN, _by_run(fit, values[info.name]), info.unit, info.meaning) for info in fit.infos}
    for kind, column in zip(fit.likelihood.kinds, fit.discrepancies(z).T, strict=True):
        found[DISCREPANCY[kind]] = Variable(DRAWN, _by_run(fit, column), "1", f"the model's own error, {kind} rows")
    return found


def _recorded(fit: Fit, values: Floats, unit: str, meaning: str) -> dict[str, Variable]:
    return {RECORD: Variable((*DRAWN, "row"), _by_run(fit, values), unit, meaning)}


def _replicated(fit: Fit, z: Floats, predictions: Floats, stream: int) -> dict[str, Variable]:
    """What might have been observed; the posterior's are those behind the intervals that `calibrate` reports."""
    rng = np.random.Generator(np.random.PCG64(stream))
    told = fit.likelihood.replicated(predictions, fit.discrepancies(z), rng)
    return _recorded(fit, told, "see unit", "predictions with the model's and the record's errors")


def _coordinates(fit: Fit) -> dict[str, Variable]:
    runs, particles = len(fit.runs), len(fit.runs[0].z)
    return {
        "chain": Variable(("chain",), np.arange(runs), "1", "run of the sampler"),
        "draw": Variable(("draw",), np.arange(particles), "1", "particle"),
    }


def _rows(fit: Fit) -> Variable:
    return Variable(("row",), [o.name for o in fit.likelihood.observations], "1", "row of the record")


def _units(fit: Fit, units: dict[str, str]) -> Variable:
    found: list[Any] = [units[o.name] for o in fit.likelihood.observations]
    return Variable(("row",), found, "1", "unit of the row")
