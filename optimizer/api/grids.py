"""Sweeps: statistics over a design of levers and parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tiercap.optimizer.api.arguments import Place, path_or_none
from tiercap.optimizer.io import frames
from tiercap.optimizer.study.problem import Problem
from tiercap.optimizer.study.scoring import SPREAD
from tiercap.optimizer.sweeps import sweep as sweeping
from tiercap.optimizer.sweeps.request import Request

if TYPE_CHECKING:
    import xarray as xr


def sweep(
    over: str | Sequence[str],
    study: Problem,
    folder: Place | None = None,
    *,
    policies: Sequence[str] = (),
    outcomes: Sequence[str] = (),
    statistics: Sequence[str] = SPREAD,
    design: str = "grid",
    points: int | None = None,
    trajectory: bool = False,
    yes_large: bool = False,
    dask: str | None = None,
    progress: sweeping.Progress | None = None,
) -> xr.Dataset:
    """Statistics of outcomes over a design of levers and parameters, all scenarios at every point.

    Parameters
    ----------
    over : str or sequence of str
        Axes as ``--over`` takes them, such as ``budget_c=40,60,80`` or ``c_licensed_tpp=2400:30000:20:log``.
    study : Problem
        From :func:`study`.
    folder : path, optional
        A new one under `runs` if None; one that was interrupted is gone on with.
    policies : sequence of str
        The study's rule in force if none.
    outcomes : sequence of str
        All if none.
    statistics : sequence of str
        Such as ``mean``, ``p05``, ``cvar10``.
    design : str
        As ``--design``: grid, one-at-a-time and the like.
    points : int, optional
        As ``--points``.
    trajectory : bool
        Every step too.
    yes_large : bool
        Begin whatever it takes.
    dask : str, optional
        A scheduler's address, or ``local:N``.
    progress : callable, optional
        Given the sweep, returns what is called with evaluations.

    Returns
    -------
    xarray.Dataset
        The folder's `sweep.nc`, read as it is asked for; dims are the axes, policy, statistic, outcome.
        ``attrs["folder"]`` says where.

    Raises
    ------
    InputError
        For what cannot be taken, and for a sweep of hours without ``yes_large``.
    StorageError
        Where the folder cannot be written.
    """
    frames.check_installed()
    axes = (over,) if isinstance(over, str) else tuple(over)
    request = Request(
        axes, None, design, points, tuple(policies), tuple(outcomes), tuple(statistics), trajectory=trajectory
    )
    done = sweeping.sweep(study, request, path_or_none(folder), yes_large=yes_large, dask=dask, progress=progress)
    return frames.opened(done.path / "sweep.nc", {"folder": str(done.path)})
