"""The record of what was observed: the model fitted to it, and held against it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from tiercap.optimizer.api.arguments import Place, Tables, assignments, path_of, path_or_none
from tiercap.optimizer.calibration import backcast_record
from tiercap.optimizer.calibration import calibrate as fitting
from tiercap.optimizer.calibration import published as publishing
from tiercap.optimizer.calibration.fit import Effort
from tiercap.optimizer.calibration.record import load_record
from tiercap.optimizer.errors import InputError
from tiercap.optimizer.io import frames
from tiercap.optimizer.study import load

if TYPE_CHECKING:
    import pandas as pd

#: Units of the columns of a backcast.
_ROWS = dict.fromkeys(("observed", "low", "high", "p05", "p50", "p95"), "see unit")


def calibrate(
    file: Place,
    source: Place | None = None,
    settings: Mapping[str, object] | None = None,
    *,
    record: Place | None = None,
    only: bool = False,
    everything: bool = False,
    runs: int = 4,
    particles: int = 2048,
    seed: int = 0,
    threads: int | None = None,
    progress: Callable[[str, int, float], None] | None = None,
) -> dict[str, Any]:
    """Fit the model to the record: an ensemble of futures that reproduce it (docs/calibration.md).

    Parameters
    ----------
    file : path
        The ensemble, a Parquet file; its manifest goes beside it. It serves as ``study(scenarios=file)``.
    source, settings : as in :func:`study`
    record : path, optional
        CSV in the schema of the built-in record (docs/record.md); adds to it.
    only : bool
        Leave the built-in record out.
    everything : bool
        Fit rows that end after 2024 too, for studies that start in 2026.
    runs : int
        Independent runs a structure, 2 to 64.
    particles : int
        Draws in each run, 64 to 131072.
    seed : int
        The same gives the same bits.
    threads : int, optional
        All cores if None.
    progress : callable, optional
        Called with what is fitted, replays since the last call, and the share that is done, 0 to 1.

    Returns
    -------
    dict
        ``ensemble`` and ``manifest``, the two paths, and what the manifest says: the fit of each structure, rows,
        priors and posteriors of the parameters, conflicts.

    Raises
    ------
    InputError
        For what cannot be taken, or where no row of the record could calibrate.
    StorageError
        Where the file cannot be written.
    """
    place = path_of(file)
    if place.suffix != ".parquet":
        raise InputError(f"an ensemble needs a name that ends in .parquet, not `{place.name[:80]}`")
    if not (2 <= runs <= 64 and 64 <= particles <= 2**17):
        raise InputError(f"a fit takes 2 to 64 runs of 64 to {2**17} particles, not {runs} of {particles}")
    read, rows = load.load(source, assignments(settings)), _record(record, only)
    effort = Effort(runs, particles)
    found = fitting.calibrate(rows, read, seed, everything, effort, threads=threads, progress=progress)
    written, beside = fitting.write(found, place)
    digest = hashlib.sha256(written.read_bytes()).hexdigest()
    return {"ensemble": written, "manifest": beside, **fitting.manifest(found, digest)}


def backcast(
    record: Place | None = None,
    *,
    only: bool = False,
    events: bool = False,
    scenarios: str | None = None,
    count: int = 1024,
    stands: bool = False,
    roofline: int = 4,
    seed: int = 0,
    threads: int | None = None,
) -> Tables:
    """Replay the record quarter by quarter, and score the model against what was observed (docs/calibration.md).

    Parameters
    ----------
    record, only : as in :func:`calibrate`
    events : bool
        Impose the dated acts of C's government, instead of leaving it free.
    scenarios : str, optional
        ``calibrated`` (fitted to the record up to 2024), ``calibrated-2026``, ``prior``, or a file; calibrated if None.
    count : int
        Members of the ensemble, at most.
    stands : bool
        Without ``events``: what C's government bars stands, instead of being decided.
    roofline : {2, 4, 8}
        Norm of the roofline.
    seed : int
        Of the members that are drawn.
    threads : int, optional
        All cores if None.

    Returns
    -------
    dict of str to pandas.DataFrame
        ``rows``: a row of the record each, with p05, p50 and p95 of the model and of naive forecasts (columns
        ``persistence_`` and ``trend_``), crps (Gneiting and Raftery 2007), log_score and inside. ``scores``: by role,
        of all rows and of those that every forecast reaches. ``attrs``: scenarios, members, effective_members,
        response, baselines.

    Raises
    ------
    InputError
        For what cannot be taken.
    """
    frames.check_installed()
    if roofline not in (2, 4, 8):
        raise InputError(f"the norm of the roofline is 2, 4 or 8, not {roofline}")
    rows = _record(record, only)
    found = backcast_record.replayed(rows, events, scenarios, count, seed, threads, not stands, roofline)
    told = backcast_record.as_record(found, events, scenarios, not stands)
    about = {key: told[key] for key in ("scenarios", "members", "effective_members", "response", "baselines")}
    lines = [_flat(line) for line in told["rows"]]
    scores = [
        {"role": role, "forecast": forecast, **{key: each[key] for key in each if key not in ("against_naive",)}}
        for role, score in told["scores"].items()
        for forecast, each in (("model, all rows", score), *_shared(score["against_naive"]))
    ]
    return {
        "rows": frames.frame(frames.columns(lines), _ROWS, about),
        "scores": frames.frame(frames.columns(scores), {}, about),
    }


def published() -> pd.DataFrame:
    """Tables that others published, beside what the model's parts give (docs/calibration.md).

    Returns
    -------
    pandas.DataFrame
        An entry of a table a row: theirs and ours in the unit of column ``unit``, how it was computed or why not, and
        the source.

    Raises
    ------
    InputError
        Where the extra ``netcdf`` is missing.
    """
    frames.check_installed()
    units = dict.fromkeys(("theirs", "low", "high", "ours"), "see unit")
    return frames.frame(frames.columns([line.as_dict() for line in publishing.published()]), units, {})


def _record(record: Place | None, only: bool) -> Any:
    if only and record is None:
        raise InputError("only leaves the built-in record out, so a record is needed: name a file")
    return load_record(path_or_none(record), builtin=not only)


def _flat(line: Mapping[str, Any]) -> dict[str, Any]:
    """A row of a backcast with the naive forecasts in columns of their own."""
    flat = {key: value for key, value in line.items() if key not in ("persistence", "trend")}
    for name in ("persistence", "trend"):
        for key in ("p05", "p50", "p95", "crps"):
            flat[f"{name}_{key}"] = None if line[name] is None else line[name][key]
    return flat


def _shared(against: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """The three forecasts over the rows that all of them reach."""
    return [(name, against[name]) for name in ("model", "persistence", "trend")]
