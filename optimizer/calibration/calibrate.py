"""The model fitted to the record: structures, members, ensemble file, manifest.

There are two structures: C's government `decides` as the model has it, or what it bars `stands` where it is. Each is
fitted on its own to the record up to 2024, and its evidence reported. In a fit to everything the dated acts are
imposed, since what C's government did until 2026 is known by then: the structures differ in the future alone and share
one fit.

An ensemble has the same number of members of each structure, with the same weight. The second half of a member's label
says whether `memory` or `logic` limits domestic supply in its 2026: houses disagree on that, so it is a label to look
at members by, never an average.
"""

from __future__ import annotations

import hashlib
import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tiercap.optimizer.calibration import posterior
from tiercap.optimizer.calibration.fit import Effort, Fit, Fitter, Progress
from tiercap.optimizer.calibration.likelihood import Likelihood, of_row
from tiercap.optimizer.calibration.members import draw_members, join, labelled_by_limit
from tiercap.optimizer.calibration.record import RecordRow, of_role
from tiercap.optimizer.calibration.replay import Replay
from tiercap.optimizer.data import shipped
from tiercap.optimizer.errors import InputError
from tiercap.optimizer.io import durable, json_text
from tiercap.optimizer.io.arrays import Floats
from tiercap.optimizer.model import ensembles, parameters, statistics
from tiercap.optimizer.model.evaluator import code_digest, thread_count
from tiercap.optimizer.model.parameters import ParameterInfo
from tiercap.optimizer.study.records import Study

SCHEMA_VERSION = 1
#: Members of each structure in the ensemble.
MEMBERS = 512
#: Packages whose versions shape the bits of an ensemble.
SHAPING = ("tiercap", "numba", "llvmlite", "numpy", "scipy")
#: Data files whose content shapes a fit.
DATA = ("baseline.toml", "uncertainty.toml", "history.toml", "chips.csv", "rules.toml")


#: Label of the fit in which the dated acts are imposed.
ACTS = "acts"


@dataclass(frozen=True, slots=True)
class Structure:
    """One alternative of the model: C's government decides, or what it bars stands."""

    decides: bool

    @property
    def label(self) -> str:
        return "decides" if self.decides else "stands"

    @property
    def number(self) -> int:
        return int(self.decides)


STRUCTURES = (Structure(True), Structure(False))


@dataclass(frozen=True)
class Calibration:
    """A finished calibration.

    label : name of the ensemble; rows : those fitted; fits : by structure, or the one in which acts are imposed
    members : columns of the ensemble's file
    ignored : parameters of the study's own that mean something else in a replay, and so were left out of it
    """

    label: str
    rows: tuple[RecordRow, ...]
    fits: dict[str, Fit]
    members: dict[str, Any]
    seed: int
    effort: Effort
    everything: bool
    record_digest: str
    ignored: tuple[str, ...]
    seconds: float

    @property
    def evaluations(self) -> int:
        """Evaluations of a whole replay."""
        return sum(fit.evaluations for fit in self.fits.values())

    @property
    def enough(self) -> bool:
        """Whether every structure's runs agree."""
        return all(fit.convergence.enough for fit in self.fits.values())


def calibrate(
    record: Sequence[RecordRow],
    study: Study,
    seed: int = 0,
    everything: bool = False,
    effort: Effort | None = None,
    members: int = MEMBERS,
    structures: Sequence[Structure] = STRUCTURES,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Calibration:
    """Fit every structure to the rows that calibrate (with ``everything`` also to those that validate).

    The same arguments give the same bits for any number of threads. Raises InputError where there is nothing to fit.
    """
    start = time.perf_counter()
    effort = effort or Effort()
    rows = of_role(record, *(("calibrate", "validate") if everything else ("calibrate",)))
    if not rows:
        raise InputError("the record has no row that ends by 2024 and could calibrate: give one, or --everything")
    if effort.runs * effort.particles < members:
        draws = f"{effort.runs} runs of {effort.particles} particles"
        raise InputError(f"{draws} are too few for {members} members a structure: raise the particles")
    likelihood = Likelihood(tuple(of_row(row) for row in rows))
    fits: dict[str, Fit] = {}
    ignored: tuple[str, ...] = ()
    for structure in structures[:1] if everything else structures:
        replay = _replay(rows, everything, 1, structure, study)
        ignored = _impose(replay, study)
        label = ACTS if everything else structure.label
        number = _seed(seed, 2 if everything else structure.number)
        tick = _labelled(progress, label)
        fits[label] = Fitter(replay, likelihood, number, effort, tick, thread_count(threads)).fit()
    columns = []
    for structure in structures:
        fit = fits[ACTS if everything else structure.label]
        replay = _replay(rows, everything, threads, structure, study)
        _impose(replay, study)
        columns.append(draw_members(fit, replay, structure.label, study, members, _seed(seed, 100 + structure.number)))
    joined = labelled_by_limit(join(columns, study), study)
    return Calibration(
        "calibrated-2026" if everything else "calibrated-2024", rows, fits, joined, seed, effort,
        everything, record_digest(record), ignored, time.perf_counter() - start,
    )  # fmt: skip


def _replay(
    rows: Sequence[RecordRow], everything: bool, threads: int | None, structure: Structure, study: Study
) -> Replay:
    return Replay(rows, everything, threads, structure.decides, study.horizon.roofline_exponent)


def _impose(replay: Replay, study: Study) -> tuple[str, ...]:
    """Put the study's own parameters over the replay's where they mean the same; the names of the others."""
    own, said = study.own_parameters(), {info.name: info for info in study.parameters}
    shared = {info.name for info in parameters.table() if info in replay.parameters}
    replay.parameters = tuple(
        said[info.name] if info.name in own and info.name in shared else info for info in replay.parameters
    )
    return tuple(sorted(own - shared))


def _seed(seed: int, number: int) -> int:
    return int(np.random.SeedSequence([seed, number]).generate_state(1, np.uint64)[0] >> 1)


def _labelled(progress: Progress | None, label: str) -> Progress | None:
    if progress is None:
        return None
    return lambda what, done, share: progress(f"{label}, {what}", done, share)


def record_digest(record: Sequence[RecordRow]) -> str:
    """SHA-256 of what the rows say that shapes a fit."""
    said = [
        [row.moment, row.period.text, row.kind, row.outcome, row.group, row.value, row.low, row.high, row.unit,
         row.definition, row.error]
        for row in record
    ]  # fmt: skip
    return hashlib.sha256(repr(said).encode()).hexdigest()


def write(found: Calibration, path: Path) -> tuple[Path, Path]:
    """Write ensemble and manifest; their paths."""
    data = ensembles.to_parquet(found.members)
    beside = path.with_suffix(".json")
    folder = path.parent
    with durable.explained(f"making {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
    durable.write(folder, path.name, data)
    text = json_text.dumps(manifest(found, hashlib.sha256(data).hexdigest()), indent=1)
    durable.write(folder, beside.name, text.encode() + b"\n")
    return path, beside


def manifest(found: Calibration, digest: str) -> dict[str, Any]:
    """What it takes to make the ensemble again, and what came out."""
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": "ensemble",
        "label": found.label,
        "fitted_to": "every observation" if found.everything else "observations up to the end of 2024",
        "sha256": digest,
        "seed": found.seed,
        "runs": found.effort.runs,
        "particles": found.effort.particles,
        "members": len(found.members[ensembles.WEIGHT]),
        "labels": _counted(found.members[ensembles.STRUCTURE]),
        "record": {"sha256": found.record_digest, "rows": [row.moment for row in found.rows]},
        "data": {name: _file_digest(name) for name in DATA},
        "code": {"kernel_sources": code_digest(), "python": platform.python_version()}
        | {name: version(name) for name in SHAPING},
        "evaluations": found.evaluations,
        "seconds": found.seconds,
        "converged": found.enough,
        "structures": {label: structure_json(fit) for label, fit in found.fits.items()},
        "parameters": parameters_json(found),
        "kept": kept(found),
    }


def _counted(labels: NDArray[np.str_]) -> dict[str, int]:
    """How many members have each label."""
    known, counts = np.unique(labels, return_counts=True)
    return dict(zip(known.tolist(), counts.tolist(), strict=True))


def _file_digest(name: str) -> str:
    return hashlib.sha256(shipped(name).read_bytes()).hexdigest()


def structure_json(fit: Fit) -> dict[str, Any]:
    """One structure's fit: convergence, rows, conflicts, trade-offs."""
    c = fit.convergence
    d = fit.discrepancy
    return {
        "evaluations": fit.evaluations,
        "log_evidence": c.evidence,
        "log_evidence_spread": c.evidence_spread,
        "rhat": c.rhat,
        "rhat_of": c.worst,
        "effective_draws": c.effective,
        "converged": c.enough,
        "not_enough": list(c.reasons),
        "temperatures": [len(run.stages) for run in fit.runs],
        "discrepancy": {
            kind: dict(zip(("p05", "p50", "p95"), np.quantile(d[:, k], (0.05, 0.5, 0.95)).tolist(), strict=True))
            for k, kind in enumerate(fit.likelihood.kinds)
        },
        "rows": rows_json(fit),
        "conflicts": conflicts_json(fit),
        "trade_offs": [
            {"first": a, "second": b, "correlation": r} for a, b, r in posterior.trade_offs(fit.z, fit.names)
        ],
    }


def rows_json(fit: Fit) -> list[dict[str, Any]]:
    """Each row: observed, the fit's interval, the interval without the row, how far out it lies."""
    odd = {row.name for row in fit.at_odds}
    equal = np.ones(len(fit.z))
    seen = [statistics.reduce(fit.predictions.T, equal, q) for q in ("p05", "p50", "p95")]
    rng = np.random.Generator(np.random.PCG64(0))
    told = fit.likelihood.replicated(fit.predictions, fit.discrepancy, rng)
    noisy = [statistics.reduce(told.T, equal, q) for q in ("p05", "p95")]
    return [
        {
            "moment": row.name,
            "observed": observed.value,
            "fitted": {"p05": seen[0][k], "p50": seen[1][k], "p95": seen[2][k]},
            "with_errors": {"p05": noisy[0][k], "p95": noisy[1][k]},
            "left_out": {"p05": row.p05, "p50": row.p50, "p95": row.p95},
            "log_score": row.log_score,
            "tail": row.tail,
            "pareto_k": row.exponent if np.isfinite(row.exponent) else None,
            "refitted": row.refitted,
            "at_odds": row.name in odd,
        }
        for k, (row, observed) in enumerate(zip(fit.rows, fit.likelihood.observations, strict=True))
    ]


def conflicts_json(fit: Fit) -> dict[str, Any]:
    """Rows that are at odds with the rest, rows out of the model's reach, pairs that exclude each other."""
    return {
        "at_odds": [row.name for row in fit.at_odds],
        "out_of_reach": list(fit.unmet),
        "pairs": [
            {
                "first": pair.first,
                "second": pair.second,
                "met_first": pair.met_first,
                "met_second": pair.met_second,
                "draws": pair.draws,
                "nearest": pair.nearest,
            }
            for pair in fit.pairs
        ],
    }


def parameters_json(found: Calibration) -> dict[str, Any]:
    """Every fitted parameter: prior and posterior quantiles at the start of the replay, over all structures; bits."""
    told: dict[str, dict[str, Any]] = {}
    values: dict[str, list[Floats]] = {}
    infos: dict[str, ParameterInfo] = {}
    for label, fit in found.fits.items():
        bits = dict(zip(fit.names, posterior.information(fit.z).tolist(), strict=True))
        for name, column in fit.values(fit.z).items():
            values.setdefault(name, []).append(column)
            told.setdefault(name, {})[label] = bits[name]
        infos |= {info.name: info for info in fit.infos}
    shares = (0.05, 0.5, 0.95)
    result = {}
    for name, parts in values.items():
        info = infos[name]
        assert info.distribution is not None
        before = info.distribution.quantile(np.array(shares))
        after = np.quantile(np.concatenate(parts), shares)
        most = max(told[name].values())
        result[name] = {
            "unit": info.unit,
            "prior": dict(zip(("p05", "p50", "p95"), before.tolist(), strict=True)),
            "posterior": dict(zip(("p05", "p50", "p95"), after.tolist(), strict=True)),
            "narrowed_to": float((after[2] - after[0]) / (before[2] - before[0])),
            "bits": told[name],
            "nothing": most < posterior.NOTHING,
        }
    return result


def kept(found: Calibration) -> list[str]:
    """Uncertain parameters of a replay that no fitted row depends on: their prior is their posterior, exactly."""
    fitted = {info.name for fit in found.fits.values() for info in fit.infos}
    return [info.name for info in parameters.table() if info.kind == "uncertain" and info.name not in fitted]

