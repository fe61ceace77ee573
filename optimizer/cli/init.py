"""`tiercap init`: a commented study to start from."""

from __future__ import annotations

from pathlib import Path

import click

from tiercap.optimizer.cli.output import say


@click.command()
@click.argument("path", default="study.toml", metavar="[PATH]")
@click.option(
    "--study", default="thresholds-2026", show_default=True, metavar="NAME", help="Built-in study to copy."
)
def command(path: str, study: str) -> None:
    """Write a study file to start from, with comments.

    Never overwrites: an existing PATH is left as it is.

    Example: tiercap init my-study.toml --study three-tier
    """
    from tiercap.optimizer.study.template import write_template

    write_template(Path(path), study)
    say(f"wrote {path}; check it with: tiercap config check {path}")
