"""`tiercap config`: check a study, or show what it amounts to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tiercap.optimizer.cli.options import json_option, seed_option, set_option, study_argument
from tiercap.optimizer.cli.output import figure, print_json, print_table

if TYPE_CHECKING:
    from tiercap.optimizer.study.records import Study


@click.group()
def command() -> None:
    """Check a study file, or show it with the origin of every value."""


@command.command()
@study_argument
@set_option
@json_option
def check(study: str | None, settings: tuple[str, ...], as_json: bool) -> None:
    """Read a study and report every problem, with line and column.

    Example: tiercap config check study.toml
    """
    from tiercap.optimizer.study import load
    from tiercap.optimizer.study.sound import check_sound

    read = load.load(study, settings)
    check_sound(read)
    if as_json:
        print_json({"ok": True, "study": read.name, "source": read.source})
        return
    uncertain = sum(info.kind == "uncertain" for info in read.parameters)
    click.echo(
        f"{read.source}: sound. {len(read.levers)} levers, {len(read.objectives)} objectives, "
        f"{len(read.constraints)} constraints, {uncertain} uncertain parameters, "
        f"{read.scenarios.count} scenarios, baseline {read.baseline}."
    )


@command.command()
@study_argument
@set_option
@seed_option
@json_option
def show(study: str | None, settings: tuple[str, ...], seed: int | None, as_json: bool) -> None:
    """Show every value of a study and where it was said.

    A value without a place is a built-in default.

    Example: tiercap config show --set budget_c=60 --json
    """
    from tiercap.optimizer.study import load, stored

    read = load.load(study, settings, {"seed": seed})
    whole = stored.resolved(read)
    if as_json:
        print_json(whole)
        return
    _print(read, whole)


def _print(read: Study, whole: dict[str, object]) -> None:
    """Everything but the parameters left as they are built in."""
    rows = []
    for table, values in whole.items():
        if table in ("origins", "parameters") or not isinstance(values, dict):
            continue
        for key, value in values.items():
            for name, part in value.items() if isinstance(value, dict) else [("", value)]:
                dotted = f"{table}.{key}" + (f".{name}" if name else "")
                rows.append([dotted, _text(part), _origin(read, dotted)])
    for info in read.parameters:
        for table in ("constants", "uncertainties"):
            said = [
                place for key, place in read.origins.items() if f"{key}.".startswith(f"{table}.{info.name}.")
            ]
            if said:
                rows.append(
                    [f"{table}.{info.name}", str(info.distribution or figure(info.value, 6)), said[-1]]
                )
    print_table(["key", "value", "said in"], rows)
    click.echo("Parameters not listed have their built-in values: tiercap parameters")


def _text(value: object) -> str:
    return figure(value, 6) if isinstance(value, float) else "" if value is None else str(value)


def _origin(read: Study, dotted: str) -> str:
    """Where a key was said; ``log`` was said as ``scale``, and an objective may be said in one word."""
    said_as = dotted[:-4] + ".scale" if dotted.endswith(".log") else dotted
    return read.origins.get(said_as) or read.origins.get(dotted.rpartition(".")[0], "")
