"""Works around a study: a paper's exhibits, timings of this machine, the state of this installation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tiercap.optimizer.analysis import signs as sign_table
from tiercap.optimizer.api.arguments import Place, path_of, path_or_none, texts_of
from tiercap.optimizer.bench import installation
from tiercap.optimizer.errors import InputError, did_you_mean
from tiercap.optimizer.runs import saved as saved_run
from tiercap.optimizer.study.problem import Problem


def paper(
    run: Place,
    folder: Place | None = None,
    *,
    sweep: Place | None = None,
    sensitivity: Place | None = None,
    backcast: bool = True,
    threads: int | None = None,
    progress: Callable[[str, int], None] | None = None,
) -> Any:
    """Figures, tables and numbers for LaTeX, with a replication package, from a finished run.

    Parameters
    ----------
    run : path
        A run folder.
    folder : path, optional
        Of the paper; ``RUN-paper`` beside the run if None.
    sweep, sensitivity : path, optional
        What :func:`sweep` wrote, or ``tiercap sensitivity``, to be shown too.
    backcast : bool
        Replay the record for the forest plot.
    threads : int, optional
        All cores if None.
    progress : callable, optional
        Called with the name of a figure that is drawn, and how many there are.

    Returns
    -------
    tiercap.optimizer.paper.folder.Paper
        path, figures, tables, numbers (how many), files (how many), left (what was left out, and why).

    Raises
    ------
    InputError
        For what is no finished run, a folder that holds anything else, or where the extra ``paper`` is missing.
    """
    from tiercap.optimizer.paper.folder import Inputs, write  # not before it is asked for: it needs Matplotlib

    saved = saved_run.load(path_of(run), threads)
    place = path_or_none(folder) or saved.path.with_name(f"{saved.path.name}-paper")
    inputs = Inputs(path_or_none(sweep), path_or_none(sensitivity), backcast)
    return write(saved, place, inputs, progress or (lambda what, total: None))


def bench(
    suite: str = "quick",
    only: str | Sequence[str] = (),
    *,
    rounds: int | None = None,
    budget: int | None = None,
    threads: int | None = None,
    progress: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """How fast this machine evaluates, starts and searches (benchmarks/README.md).

    Parameters
    ----------
    suite : {"quick", "full"}
        A minute or two, or half an hour and more.
    only : str or sequence of str
        Parts to measure beside the large batch: sizes, growth, threads, peers, start, search, memory; all if none.
    rounds, budget : int, optional
        Rounds of each measurement, and most evaluations of one timed call; the suite's if None.
    threads : int, optional
        All cores if None.
    progress : callable, optional
        Told what comes next, and what could not be measured.

    Returns
    -------
    dict
        The report, as ``tiercap bench --json`` prints it: medians over the rounds with least and most.

    Raises
    ------
    InputError
        For an unknown suite or part.
    """
    from tiercap.optimizer.bench import report  # imports what it measures

    parts = tuple(texts_of(only)) or report.SECTIONS
    for name, known in ((suite, report.SUITES), *((part, report.SECTIONS) for part in parts)):
        if name not in known:
            raise InputError(f"nothing to measure is called `{str(name)[:60]}`: {did_you_mean(str(name), known)}")
    return report.run(suite, parts, rounds, budget, threads, progress or (lambda text: None))


def doctor(compiling: bool = False, signs: Problem | None = None) -> dict[str, Any]:
    """What this installation and machine look like to tiercap, and what to mend.

    Parameters
    ----------
    compiling : bool
        Import and compile the kernels too.
    signs : Problem, optional
        A study whose parameters are held to the sign table.

    Returns
    -------
    dict
        ``facts`` by name; ``remarks``, sentences; ``ok``, whether there are none; with a study ``signs``, the rows of
        the table, each with what was measured and whether it ``holds``.

    Raises
    ------
    InputError
        For a study whose horizon is too short for the signs.
    """
    found = installation.examine(compiling)
    return found if signs is None else found | {"signs": sign_table.told(sign_table.table(signs))}
