"""`tiercap doctor`: what this installation and machine look like, and what to mend; whether a study's signs hold."""

from __future__ import annotations

from typing import Any

import click

from tiercap.optimizer.cli.options import json_option, scenario_flags, scenarios_option, set_option, threads_option
from tiercap.optimizer.cli.output import print_json, print_table, say, scenarios_json, scenarios_text

#: What `--signs` without a study means.
_DEFAULT = "-"


@click.command()
@click.option(
    "--compile", "compiling", is_flag=True, help="Import and compile the kernels too; takes a while."
)
@click.option(
    "--signs",
    "study",
    is_flag=False,
    flag_value=_DEFAULT,
    metavar="[STUDY]",
    help="Instead, hold a study's parameters to the sign table: what must move which way when one thing changes.  "
    "[STUDY: the built-in one]",
)
@set_option
@scenarios_option
@threads_option
@json_option
def command(
    compiling: bool,
    study: str | None,
    settings: tuple[str, ...],
    futures: str | None,
    structure: str | None,
    threads: int | None,
    as_json: bool,
) -> int:
    """Say what this installation and machine look like to tiercap, or whether a study's signs hold.

    Leaves with code 1 if a package is missing or the kernels do not compile, or if a sign flips.

    Example: tiercap doctor --compile
    """
    if study is not None:
        name = None if study == _DEFAULT else study
        return _signs(name, settings, scenario_flags(futures, structure), threads, as_json)
    if settings or futures or structure:
        from tiercap.optimizer.errors import InputError

        raise InputError("--set, --scenarios and --structure are of use with --signs only: add it, or leave them out")
    return _installation(compiling, as_json)


def _installation(compiling: bool, as_json: bool) -> int:
    from tiercap.optimizer.bench.installation import broken, examine

    found = examine(compiling)
    facts, remarks = found["facts"], found["remarks"]
    if as_json:
        print_json(found)
    else:
        print_table(["what", "found"], [[key, str(value)] for key, value in facts.items()])
        for remark in remarks:
            click.echo(f"warning: {remark}")
        click.echo("All is well." if not remarks else "See the warnings above.")
    return 1 if broken(found) else 0


def _signs(
    study: str | None, settings: tuple[str, ...], flags: dict[str, Any], threads: int | None, as_json: bool
) -> int:
    """Print the sign table of a study's own futures."""
    from tiercap.optimizer.analysis import signs
    from tiercap.optimizer.study import load
    from tiercap.optimizer.study.problem import Problem

    problem = Problem(load.load(study, settings, flags), threads)
    found = signs.table(problem)
    flips = sum(not sign.found.holds for sign in found)
    if as_json:
        print_json({"scenarios": scenarios_json(problem), "signs": signs.told(found), "flips": flips})
    else:
        rows = [
            [str(row.number), row.change, row.base, row.must, what.measured, "holds" if what.holds else "FLIPS"]
            for row, what in found
        ]
        print_table(["row", "change", "base", "must", "measured", ""], rows)
        for row, what in found:
            if not what.holds:
                click.echo(f"row {row.number} flips. {row.story}")
        click.echo(f"{len(found) - flips} of {len(found)} lines hold.")
        say(scenarios_text(problem), False)
    return 1 if flips else 0
