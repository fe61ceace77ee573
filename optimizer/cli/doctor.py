"""`tiercap doctor`: what this installation and machine look like, and what to mend."""

from __future__ import annotations

import click

from tiercap.optimizer.cli.options import json_option
from tiercap.optimizer.cli.output import print_json, print_table


@click.command()
@click.option(
    "--compile", "compiling", is_flag=True, help="Import and compile the kernels too; takes a while."
)
@json_option
def command(compiling: bool, as_json: bool) -> int:
    """Say what this installation and machine look like to tiercap.

    Leaves with code 1 if a package is missing or the kernels do not compile.

    Example: tiercap doctor --compile
    """
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
