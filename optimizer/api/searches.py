"""Runs: a search, its front, its verification and its replication."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tiercap.optimizer.api.arguments import Place, about, path_of, path_or_none
from tiercap.optimizer.errors import InputError
from tiercap.optimizer.io import frames
from tiercap.optimizer.runs import saved as saved_run
from tiercap.optimizer.runs import verify as verifying
from tiercap.optimizer.runs.verify import Verified
from tiercap.optimizer.search import replicate as replicating
from tiercap.optimizer.search import run as searching
from tiercap.optimizer.search.replicate import Replication
from tiercap.optimizer.study.problem import Problem

if TYPE_CHECKING:
    import pandas as pd


def optimize(study: Problem, folder: Place | None = None, progress: searching.Progress | None = None) -> pd.DataFrame:
    """Search the study's levers, write a run folder, and return its front.

    Parameters
    ----------
    study : Problem
        From :func:`study`; its ``[search]`` says engine, budget and seed.
    folder : path, optional
        A new one under `runs` if None; one that was interrupted is gone on with, a finished one read back.
    progress : callable, optional
        Given the search, returns what is called with evaluations done and hypervolume.

    Returns
    -------
    pandas.DataFrame
        As :func:`front`.

    Raises
    ------
    InfeasibleError
        Where no policy satisfies the constraints.
    StorageError
        Where the folder cannot be written.
    """
    frames.check_installed()
    run = searching.optimize(study, path_or_none(folder), progress)
    return front(run.path)


def front(run: Place) -> pd.DataFrame:
    """The front of a finished run.

    Parameters
    ----------
    run : path
        A run folder.

    Returns
    -------
    pandas.DataFrame
        A row a policy, the index ``policy`` counting from 0. Columns are the searched levers, statistics of outcomes,
        the same in fresh scenarios (``_fresh``), ``group`` and what else `codebook.csv` in the folder explains.
        ``attrs``: units; run, the folder; hypervolume with hypervolume_low and hypervolume_high (90 %); objectives,
        each with maximise or minimise; study and scenarios.

    Raises
    ------
    InputError
        For what is no finished run.
    """
    frames.check_installed()
    saved = saved_run.load(path_of(run))
    objectives = saved.problem.study.objectives
    ways = {one.name: "maximise" if one.sign < 0.0 else "minimise" for one in objectives}
    volume = saved.manifest["hypervolume"]
    volumes = {"hypervolume": volume["value"], "hypervolume_low": volume["low"], "hypervolume_high": volume["high"]}
    rests_on = {**about(saved.problem), "run": str(saved.path), **volumes, "objectives": ways}
    return frames.frame(saved.table, saved.units, rests_on, ["policy"])


def verify(
    run: Place,
    sample: int | None = verifying.SAMPLE,
    seed: int = 0,
    threads: int | None = None,
    progress: Callable[[int], Callable[[int], None]] | None = None,
) -> Verified:
    """Whether a finished run is what its manifest says: files by digest, policies by computing them again.

    Parameters
    ----------
    run : path
        A run folder; of a sweep or a sensitivity analysis the files alone are checked.
    sample : int, optional
        Stored policies that are computed again; all if None.
    seed : int
        Which policies the sample takes.
    threads : int, optional
        All cores if None.
    progress : callable, optional
        Given the number of policies to compute, returns what is called with how many more are done.

    Returns
    -------
    Verified
        ``differences`` is empty where every bit is the same; also path, kind, files, uncovered, stored, checked, other.

    Raises
    ------
    InputError
        For what is no finished run, or a sample below 0.
    """
    if sample is not None and sample < 0:
        raise InputError(f"a sample has at least 0 policies, not {sample}")
    return verifying.verify(path_of(run), sample, seed, threads, progress or (lambda total: lambda done: None))


def replicate(
    run: Place,
    folder: Place | None = None,
    *,
    ensemble: Place | None = None,
    threads: int | None = None,
    progress: searching.Progress | None = None,
) -> Replication:
    """Search again from a run's manifest, in a new folder, and compare.

    Parameters
    ----------
    run : path
        A run folder, or a manifest alone.
    folder : path, optional
        Of the new run, empty or missing; a new one under `runs` if None.
    ensemble : path, optional
        Where the run's own file of futures now lies.
    threads : int, optional
        All cores if None.
    progress : callable, optional
        As in :func:`optimize`.

    Returns
    -------
    Replication
        ``differences`` is empty where every bit is the same; also path, again, files, other.

    Raises
    ------
    InputError
        For what is no finished run, or a folder that holds something.
    """
    return replicating.replicate(path_of(run), path_or_none(folder), threads, path_or_none(ensemble), progress)
