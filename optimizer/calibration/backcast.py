"""The record against an ensemble: where each observed moment lies, and scores beside two naive forecasts.

A row is inside if the observed value lies in the ensemble's 90 % interval, which for a fitted ensemble includes the
error that the fit found in the model itself (see `likelihood`); where the value is an end of its own range (nothing
was sold, at least a billion) the interval must reach into the range, because a model that never gives a round nothing
could not be inside otherwise. Scores are taken on a scale without a unit: the logarithm where the row's error is
lognormal, else the figure over its size. On it the continuous ranked probability score (CRPS) is a distance, zero at
best, and the log score is minus the logarithm of the probability density that the ensemble, blurred by the row's
error, gives to the observed value.

The naive forecasts know only rows that calibrate. Persistence takes the last known row of the same series (the same
formula), per year where the figure is a flow; the trend goes on along the least-squares line through the logarithms of
the series' known rows, and is persistence where one row is known. Both spread as known series of the same kind of
figure (of any kind, where none has two rows) have moved: the root mean square of their logarithmic changes per square
root of a year, and the error of the last row; shares end at 1. A row that itself calibrates is forecast from rows that
ended before it began.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist, median

import numpy as np

from tiercap.kernels.params import PARAMS
from tiercap.optimizer.calibration.initial_state import at_start
from tiercap.optimizer.calibration.likelihood import Likelihood, of_row
from tiercap.optimizer.calibration.record import RecordRow, of_role
from tiercap.optimizer.calibration.replay import Replay
from tiercap.optimizer.calibration.scales import scaled
from tiercap.optimizer.errors import InputError
from tiercap.optimizer.io.arrays import Floats
from tiercap.optimizer.model.ensembles import BUILTIN, Ensemble, load
from tiercap.optimizer.model.parameters import ParameterInfo, inside
from tiercap.optimizer.model.scenarios import Scenarios, draw
from tiercap.optimizer.model.statistics import reduce

#: The ensemble that a backcast uses unless told otherwise.
DEFAULT_SCENARIOS = "calibrated"
QUANTILES = ("p05", "p50", "p95")
#: A row that is undefined in more than this share of the ensemble is not scored.
MOST_UNDEFINED = 0.5
#: Members of a naive forecast: quantiles of its distribution.
NAIVE_MEMBERS = 199


@dataclass(frozen=True)
class Scored:
    """A forecast of one row.

    p05, p50, p95 : of the defined members, in the row's unit; undefined : the share of the ensemble without a value
    inside : None where the row is not scored
    """

    p05: float
    p50: float
    p95: float
    undefined: float
    inside: bool | None
    crps: float
    log_score: float


@dataclass(frozen=True)
class Line:
    """A row of the record beside the model and, where there are, the naive forecasts."""

    row: RecordRow
    model: Scored
    persistence: Scored | None
    trend: Scored | None


@dataclass(frozen=True)
class Backcast:
    """All rows in their order; members : size of the ensemble; effective : its effective size."""

    lines: tuple[Line, ...]
    members: int
    effective: float

    def scores(self) -> dict[str, dict[str, object]]:
        """Scores by role, of the model and of the naive forecasts on the rows that have one."""
        return {role: _summary([line for line in self.lines if line.row.role == role]) for role in _SCORED}


_SCORED = ("calibrate", "validate")


def backcast(replay: Replay, scenarios: Scenarios) -> Backcast:
    """Predict every row of ``replay`` in every scenario, and score what was observed."""
    predicted = _blurred(replay.rows, replay.predict(scenarios.table), scenarios)
    weights = scenarios.weights
    known = of_role(replay.rows, "calibrate")
    lines = []
    for k, row in enumerate(replay.rows):
        naive = _naive(row, known) if row.role in _SCORED else (None, None)
        lines.append(Line(row, score(row, predicted[:, k], weights), *naive))
    return Backcast(tuple(lines), len(scenarios), float(weights.sum() ** 2 / (weights**2).sum()))


def _blurred(rows: Sequence[RecordRow], predicted: Floats, scenarios: Scenarios) -> Floats:
    """Predictions with the model's own error added where a fit has told it: of observations, the same each time."""
    if not scenarios.discrepancy:
        return predicted
    scored = [k for k, row in enumerate(rows) if row.kind == "observation" and row.formula is not None]
    likelihood = Likelihood(tuple(of_row(rows[k]) for k in scored))
    none = np.zeros(len(predicted))
    noise = np.stack([scenarios.discrepancy.get(kind, none) for kind in likelihood.kinds], axis=1)
    rng = np.random.Generator(np.random.PCG64(scenarios.seed))
    found = predicted.copy()
    found[:, scored] = likelihood.replicated(predicted[:, scored], noise, rng, observed=False)
    return found


def score(row: RecordRow, values: Floats, weights: Floats) -> Scored:
    """How an ensemble forecasts a row; values, weights : float64[n], NaN where a member has no value."""
    defined = ~np.isnan(values) & (weights > 0.0)
    undefined = 1.0 - float(weights[defined].sum() / weights.sum())
    if row.formula is None or undefined > MOST_UNDEFINED:
        return Scored(math.nan, math.nan, math.nan, undefined, None, math.nan, math.nan)
    x, w = values[defined], weights[defined] / weights[defined].sum()
    low, mid, high = (float(reduce(x[None], w, q)[0]) for q in QUANTILES)
    if row.kind != "observation":
        return Scored(low, mid, high, undefined, None, math.nan, math.nan)
    z, y, sigma = on_scale(row, x), float(on_scale(row, np.array([row.value]))[0]), row.sigma / _size(row)
    return Scored(low, mid, high, undefined, _inside(row, low, high), crps(z, w, y), log_score(z, w, y, sigma))


def _inside(row: RecordRow, low: float, high: float) -> bool:
    """Whether the interval holds the value or, where the value is an end of its range, reaches into the range."""
    one_sided = row.value in (row.low, row.high)
    least, most = (row.low, row.high) if one_sided else (row.value, row.value)
    return low <= most and least <= high


def on_scale(row: RecordRow, values: Floats) -> Floats:
    """Figures in the row's unit on the scale of the scores."""
    return scaled(values, row.scale, row.low) / _size(row)


def _size(row: RecordRow) -> float:
    """What a figure with a normal error is divided by: the observed value, or the range where that is wider."""
    return 1.0 if row.scale == "log" else max(abs(row.value), row.high - row.low)


def crps(x: Floats, weights: Floats, y: float) -> float:
    """Continuous ranked probability score of a weighted ensemble: E|X - y| - E|X - X'| / 2."""
    order = np.argsort(x, kind="stable")
    x, w = x[order], weights[order] / weights.sum()
    upto = np.cumsum(w)
    between = float(np.sum(w * x * (2.0 * upto - w - 1.0)))  # half the mean distance of two members
    return float(np.sum(w * np.abs(x - y))) - between


def log_score(x: Floats, weights: Floats, y: float, sigma: float) -> float:
    """Minus the logarithm of the density at y of the ensemble blurred by a normal error."""
    exponents = -0.5 * ((y - x) / sigma) ** 2
    most = float(exponents.max())
    density = float(np.sum(weights / weights.sum() * np.exp(exponents - most)))
    return -(most + math.log(density) - math.log(sigma * math.sqrt(2.0 * math.pi)))


# --- the naive forecasts ---------------------------------------------------------------------------------------------


def _series(row: RecordRow) -> tuple[str, ...] | None:
    """What rows must share to be one series; None for a row that compares periods of its own."""
    if row.formula is None or row.formula.periods:
        return None
    return row.formula.shape, row.group, row.definition


def _log_rate(row: RecordRow) -> float:
    """Logarithm of the value in the unit of the model, per year where it is a flow."""
    length = row.period.length if row.formula is not None and row.formula.extensive else 1.0
    return math.log(row.value / row.to_unit / length)


def _middle(row: RecordRow) -> float:
    return 0.5 * (row.period.start + row.period.end)


def _log_sigma(row: RecordRow) -> float:
    """Standard deviation of the logarithm of a positive row."""
    return row.sigma if row.scale == "log" else row.sigma / row.value


def _by_series(rows: Sequence[RecordRow]) -> Mapping[tuple[str, ...], list[RecordRow]]:
    """Positive rows by series, in the order of time."""
    found: dict[tuple[str, ...], list[RecordRow]] = {}
    for row in sorted(rows, key=lambda row: (_middle(row), row.moment)):
        key = _series(row)
        if key is not None and row.value > 0.0:
            found.setdefault(key, []).append(row)
    return found


def _spread(known: Sequence[RecordRow], definition: str) -> float:
    """Root mean square of the logarithmic changes of known series, per square root of a year."""
    of_kind: list[float] = []
    of_any: list[float] = []
    for key, rows in _by_series(known).items():
        for before, after in zip(rows, rows[1:], strict=False):
            gap = _middle(after) - _middle(before)
            if gap > 0.0:
                square = (_log_rate(after) - _log_rate(before)) ** 2 / gap
                of_any.append(square)
                of_kind += [square] if key[-1] == definition else []
    squares = of_kind or of_any
    return math.sqrt(math.fsum(squares) / len(squares)) if squares else 0.0


def _naive(row: RecordRow, known: Sequence[RecordRow]) -> tuple[Scored | None, Scored | None]:
    """Persistence and trend for a row, None where its series has no row known before it."""
    past = [other for other in known if row.role == "validate" or other.period.end <= row.period.start + 1e-9]
    key = _series(row)
    rows = _by_series(past).get(key, []) if key is not None else []
    if not rows:
        return None, None
    last, at = rows[-1], _middle(row)
    sigma = math.sqrt(_spread(known, row.definition) ** 2 * max(at - _middle(last), 0.0) + _log_sigma(last) ** 2)
    level = _log_rate(last)
    return _score_naive(row, level, sigma), _score_naive(row, _trend(rows, at, level), sigma)


def _trend(rows: Sequence[RecordRow], at: float, level: float) -> float:
    """The least-squares line through a series' log rates, at a time; the level where there is no line."""
    times, values = np.array([_middle(r) for r in rows]), np.array([_log_rate(r) for r in rows])
    if len(rows) < 2 or times.max() - times.min() < 1e-9:
        return level
    centred = times - times.mean()
    slope = float(np.sum(centred * values) / np.sum(centred**2))
    return float(values.mean()) + slope * (at - float(times.mean()))


def _score_naive(row: RecordRow, centre: float, sigma: float) -> Scored:
    normal = NormalDist()
    grid = np.array([normal.inv_cdf((k + 0.5) / NAIVE_MEMBERS) for k in range(NAIVE_MEMBERS)])
    length = row.period.length if row.formula is not None and row.formula.extensive else 1.0
    values = np.exp(centre + sigma * grid) * length * row.to_unit
    if row.definition == "share":
        values = np.minimum(values, row.to_unit)
    return score(row, values, np.full(NAIVE_MEMBERS, 1.0 / NAIVE_MEMBERS))


# --- summaries -------------------------------------------------------------------------------------------------------


def _summary(lines: Sequence[Line]) -> dict[str, object]:
    """Means over the scored rows of one role, and of all three forecasts over the rows that all of them reach."""
    scored = [line for line in lines if line.model.inside is not None]
    shared = [line for line in scored if line.persistence is not None and line.trend is not None]
    return {
        **_means([line.model for line in scored]),
        "not_scored": len(lines) - len(scored),
        "against_naive": {
            "model": _means([line.model for line in shared]),
            "persistence": _means([line.persistence for line in shared if line.persistence is not None]),
            "trend": _means([line.trend for line in shared if line.trend is not None]),
            "model_closer_than_persistence": sum(_closer(line.model, line.persistence) for line in shared),
            "model_closer_than_trend": sum(_closer(line.model, line.trend) for line in shared),
        },
    }


def _closer(model: Scored, naive: Scored | None) -> bool:
    return naive is not None and model.crps < naive.crps


def _means(scored: Sequence[Scored]) -> dict[str, object]:
    n = len(scored)
    if n == 0:
        return {"rows": 0, "inside": 0, "coverage": None, "crps": None, "crps_median": None, "log_score": None}
    inside = sum(bool(s.inside) for s in scored)
    return {
        "rows": n,
        "inside": inside,
        "coverage": inside / n,
        "crps": math.fsum(s.crps for s in scored) / n,
        "crps_median": median(s.crps for s in scored),
        "log_score": math.fsum(s.log_score for s in scored) / n,
    }


# --- ensembles -------------------------------------------------------------------------------------------------------


def ensemble(choice: str, replay: Replay, count: int, seed: int) -> Scenarios:
    """The members that a backcast replays.

    choice : ``calibrated``, the built-in ensemble that has seen the record up to 2024, or the name or file of another
    that a fit has written: its members of the replay's structure, where it has them; ``prior``, draws of what could be
    known at the start of the replay; or a file of `ensembles` that tells no parameter at the start of the replay apart:
    its columns are then those at the start, and parameters that it leaves out keep their value there.
    """
    if choice == "calibrated" or choice in BUILTIN:
        return _fitted(load(choice if choice in BUILTIN else next(iter(BUILTIN))), replay, count, seed)
    if choice == "prior":
        return draw(replay.parameters, count, seed)
    path = Path(choice)
    if path.suffix.casefold() not in (".csv", ".parquet"):
        raise InputError(
            f"unknown ensemble `{choice[:80]}`: write calibrated, prior, or a file that ends in .csv or .parquet"
        )
    members = load(path)
    return _fitted(members, replay, count, seed) if members.replayed else _as_given(members, replay.parameters)


def _fitted(members: Ensemble, replay: Replay, count: int, seed: int) -> Scenarios:
    """At most ``count`` members of the replay's structure as they were fitted."""
    part = "decides" if replay.decides else "stands"
    if not replay.events and any(part in label.split("/") for label in members.labels()):
        members = members.only(part)
    rows, weights = members.pick(count, seed)
    table = at_start(members, replay.parameters, seed)[rows]
    noise = {kind: values[rows] for kind, values in members.discrepancy.items()}
    return Scenarios(table, weights, seed, "calibrated", members.name, members.digest, noise)


def _as_given(members: Ensemble, parameters: Sequence[ParameterInfo]) -> Scenarios:
    """All members, their values taken as those at the start of the replay."""
    table = np.empty(len(members), PARAMS)
    for info in parameters:
        table[info.name] = members.columns.get(info.name, inside(info.name, info.value))
    return Scenarios(table, members.weights, 0, "random")
