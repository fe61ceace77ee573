"""Options that several commands share, each as a decorator, so that they read alike everywhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

#: Threads beyond this are refused: no machine of the intended kind has more.
MAX_THREADS = 1024


def json_option(function: F) -> F:
    """``--json``: parameter ``as_json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of tables.")(
        function
    )


def set_option(function: F) -> F:
    """``--set NAME=VALUE``, repeatable: parameter ``settings``, a tuple of texts for ``config.load``."""
    return click.option(
        "--set",
        "settings",
        multiple=True,
        metavar="NAME=VALUE",
        help='Fix a parameter, such as budget_c="60 GUSD/year", or a study key, such as horizon.years=5.',
    )(function)


def seed_option(function: F) -> F:
    """``--seed``: parameter ``seed``, an int or None."""
    return click.option(
        "--seed",
        type=click.IntRange(0, 2**63 - 1),
        metavar="N",
        help="Seed of the scenarios and of the search.  [default: the study's]",
    )(function)


def scenarios_option(function: F) -> F:
    """``--scenarios`` and ``--structure``: parameters ``futures`` and ``structure``, for :func:`scenario_flags`."""
    structure = click.option(
        "--structure",
        metavar="NAME",
        help="Only members of the ensemble with this structure, such as rule or events/elastic.  [default: all]",
    )
    futures = click.option(
        "--scenarios",
        "futures",
        metavar="SET",
        help="Futures to meet: calibrated (fitted to the record), prior (the parameters' own ranges), central, or a "
        "Parquet file with a column a parameter.  [default: the study's]",
    )
    return futures(structure(function))


def scenario_flags(futures: str | None, structure: str | None) -> dict[str, Any]:
    """The study keys that the options of :func:`scenarios_option` stand for."""
    kinds = {"prior": "sobol", "calibrated": "calibrated", "random": "random", "central": "central"}
    if futures is None:
        return {"scenarios.structure": structure}
    kind, file = (kinds[futures], "") if futures in kinds else ("calibrated", futures)
    return {"scenarios.kind": kind, "scenarios.file": file, "scenarios.structure": structure}


def threads_option(function: F) -> F:
    """``--threads``: parameter ``threads``, an int or None for all cores."""
    return click.option(
        "--threads",
        type=click.IntRange(1, MAX_THREADS),
        envvar="TIERCAP_THREADS",
        help="Threads to compute with; the results are the same for any number.  [default: all cores]",
    )(function)


def output_option(function: F) -> F:
    """``-o``: parameter ``output``, a path or None."""
    return click.option("-o", "--output", metavar="PATH", help="Run folder.  [default: a new runs/STUDY-NNNN]")(
        function
    )


def quiet_option(function: F) -> F:
    """``-q``: parameter ``quiet``."""
    return click.option("-q", "--quiet", is_flag=True, help="No progress, no remarks.")(function)


def announce_compilation(quiet: bool) -> None:
    """Say that the first use on a machine takes longer, where it will."""
    from tiercap.optimizer.evaluate import kernels_are_compiled

    if not quiet and not kernels_are_compiled():
        click.echo("compiling the kernels, once for this machine: about 20 seconds", err=True)


def study_argument(function: F) -> F:
    """``[STUDY]``: parameter ``study``, a path, a built-in name or None for the built-in study."""
    return click.argument("study", required=False, metavar="[STUDY]")(function)
