"""`tiercap engines`: what can search, and how it can be set."""

from __future__ import annotations

import click

from tiercap.optimizer.cli.options import json_option
from tiercap.optimizer.cli.output import print_json, print_table


@click.command()
@json_option
def command(as_json: bool) -> None:
    """List the search engines and pruners with all their options.

    `tiercap optimize --engine NAME` chooses one; `--set search.options.NAME=VALUE` sets an option, which a study file
    has under [search.options].

    Example: tiercap engines
    """
    from dataclasses import asdict

    from tiercap.optimizer.study.engines import DEFAULT, ENGINES, PRUNERS

    if as_json:
        engines = [{"name": name, **asdict(engine)} for name, engine in ENGINES.items()]
        print_json({"default": DEFAULT, "engines": engines, "pruners": dict(PRUNERS)})
        return
    print_table(["engine", "what it is", "needs"], [[n, e.meaning, e.package or "-"] for n, e in ENGINES.items()])
    rows = [
        [name, option, str(spec.default), spec.rule, spec.meaning]
        for name, engine in ENGINES.items()
        for option, spec in engine.options.items()
    ]
    click.echo()
    print_table(["engine", "option", "default", "must be", "meaning"], rows)
    click.echo()
    print_table(["pruner", "what it does"], [[name, meaning] for name, meaning in PRUNERS.items()])
