"""Options that several commands share, and what they mean: the study, the futures, the policies of --policy."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from tiercap.optimizer.rules.policy_forms import FORMS

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What `run_options` reads.

    threads : kernel threads, None for all cores; as_json : one JSON object instead of tables; quiet : no remarks
    """

    threads: int | None
    as_json: bool
    quiet: bool


@dataclass(frozen=True, slots=True)
class StudyOptions(RunOptions):
    """What `study_options` reads.

    study : path or built-in name, None for the built-in study; settings : texts of --set; futures, structure : as
    `load.scenario_flags` takes them; seed : of scenarios and search, None for the study's
    """

    study: str | None
    settings: tuple[str, ...]
    futures: str | None
    structure: str | None
    seed: int | None

    def flags(self) -> dict[str, Any]:
        """The flags of `load.load` that these stand for."""
        return {"seed": self.seed, **scenario_flags(self.futures, self.structure)}

    def problem(self) -> Any:
        """The study named, with everything said over it, as a `Problem`."""
        from tiercap.optimizer.study import load
        from tiercap.optimizer.study.problem import Problem

        return Problem(load.load(self.study, self.settings, self.flags()), self.threads)

POLICY_HELP = f"{FORMS[0].upper()}{FORMS[1:]}."
#: Threads beyond this are refused: no machine of the intended kind has more.
MAX_THREADS = 1024


def json_option(function: F) -> F:
    """``--json``: parameter ``as_json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of tables.")(
        function
    )


def set_option(function: F) -> F:
    """``--set NAME=VALUE``, repeatable: parameter ``settings``, a tuple of texts for ``load.load``."""
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


#: What --scenarios means to most commands.
FUTURES_HELP = (
    "Futures to meet: calibrated (fitted to the record), prior (the parameters' own ranges), central, or a CSV or "
    "Parquet file with a column a parameter.  [default: the study's]"
)


def scenarios_option(function: F, meaning: str = FUTURES_HELP) -> F:
    """``--scenarios`` and ``--structure``: parameters ``futures`` and ``structure``, for :func:`scenario_flags`."""
    structure = click.option(
        "--structure",
        metavar="NAME",
        help="Only members of the ensemble with this structure, such as decides or stands/memory.  [default: all]",
    )
    futures = click.option(
        "--scenarios",
        "futures",
        metavar="SET",
        help=meaning,
    )
    return futures(structure(function))


def scenario_flags(futures: str | None, structure: str | None) -> dict[str, Any]:
    """The study keys that the options of :func:`scenarios_option` stand for."""
    from tiercap.optimizer.study import load

    return load.scenario_flags(futures, structure)


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


def run_options(function: F) -> F:
    """``--threads``, ``--json`` and ``-q`` as one parameter ``options``: `RunOptions`."""
    return threads_option(json_option(quiet_option(_gathered(function, RunOptions))))


def study_options(function: F, futures: str = FUTURES_HELP) -> F:
    """``[STUDY]`` and the options that say something over it, as one parameter ``options``: `StudyOptions`.

    futures : what --scenarios means to the command
    """
    run = threads_option(json_option(quiet_option(_gathered(function, StudyOptions))))
    return study_argument(set_option(scenarios_option(seed_option(run), futures)))


def _gathered(function: F, record: type[RunOptions]) -> F:
    """``function`` with the parameters that ``record`` has put into one, ``options``."""
    names = [field.name for field in fields(record)]

    @wraps(function)
    def gathered(*arguments: Any, **values: Any) -> Any:
        options = record(**{name: values.pop(name) for name in names})
        return function(*arguments, options=options, **values)

    return gathered  # type: ignore[return-value]


def announce_compilation(quiet: bool) -> None:
    """Say that the first use on a machine takes longer, where it will."""
    from tiercap.optimizer.model.evaluator import kernels_are_compiled

    if not quiet and not kernels_are_compiled():
        click.echo("compiling the kernels, once for this machine: 15 seconds to a minute", err=True)


def policy_option(function: F) -> F:
    """``--policy``: parameter ``policy``, a text for ``named_policy.one`` or None for the study's baseline."""
    return click.option(
        "--policy",
        metavar="P",
        help=f"{POLICY_HELP}  [default: the study's baseline]",
    )(function)


def policies_option(function: F) -> F:
    """``--policy``, repeatable: parameter ``policies``, texts for `policies_of`."""
    return click.option(
        "--policy",
        "policies",
        multiple=True,
        metavar="P",
        help=f"{POLICY_HELP} Without a row, and as - for standard input, all rows of a file; repeat for more.  "
        "[default: the study's baseline]",
    )(function)


def policies_of(texts: Sequence[str], problem: Any, most: int | None = None) -> Any:
    """The policies that the texts of ``--policy`` name, the study's baseline if none."""
    from tiercap.optimizer.runs import named_policy

    if named_policy.STANDARD_INPUT in texts and sys.stdin is not None and sys.stdin.isatty():
        click.echo("reading policies as CSV from standard input; end with Ctrl-D", err=True)
    return named_policy.several(texts or (problem.study.baseline,), problem, most or named_policy.MAX_ROWS)


def scenario_plan(plan: Any, futures: str | None, structure: str | None, count: int | None, seed: int | None) -> Any:
    """A study's `ScenarioPlan` with what the options say over it."""
    from dataclasses import replace

    from tiercap.optimizer.errors import InputError

    flags = {key.removeprefix("scenarios."): value for key, value in scenario_flags(futures, structure).items()}
    given = {**flags, "count": count, "seed": seed}
    plan = replace(plan, **{key: value for key, value in given.items() if value is not None})
    if futures is not None:
        plan = replace(plan, structure=structure, file=plan.file or None)
    if plan.structure and plan.kind != "calibrated":
        raise InputError(f"--structure chooses members of a calibrated ensemble, and these scenarios are {plan.kind}")
    return plan


def problem_for(options: StudyOptions, policy: str | None, count: int | None = None) -> Any:
    """The `Problem` that a command about one policy works on: the study named, else that of the run it is a row of."""
    from dataclasses import replace

    from tiercap.optimizer.errors import InputError
    from tiercap.optimizer.runs.named_policy import run_of
    from tiercap.optimizer.study import load
    from tiercap.optimizer.study.problem import Problem

    found = None if policy is None or options.study is not None else run_of(policy, options.threads)
    if found is None:
        chosen = load.load(options.study, options.settings)
    elif options.settings:
        raise InputError("a run's own study answers for a row of its front: leave --set out, or name a STUDY")
    else:
        chosen = found[0].problem.study
    plan = scenario_plan(chosen.scenarios, options.futures, options.structure, count, options.seed)
    return Problem(replace(chosen, scenarios=plan), options.threads)


def folder_for(output: str | None) -> Path | None:
    """Where ``-o`` says that results go; what cannot become a run folder is refused before anything runs."""
    from tiercap.optimizer.errors import InputError
    from tiercap.optimizer.runs import layout

    if output is None:
        return None
    if not output.strip():
        raise InputError("-o needs the name of a folder, not an empty text")
    layout.refuse_strangers(layout.absolute(Path(output)))
    return Path(output)


def study_argument(function: F) -> F:
    """``[STUDY]``: parameter ``study``, a path, a built-in name or None for the built-in study."""
    return click.argument("study", required=False, metavar="[STUDY]")(function)
