"""`tiercap paper`: from a finished run to everything that a paper prints."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from tiercap.optimizer.cli.options import RunOptions, announce_compilation, run_options
from tiercap.optimizer.cli.output import clean, print_json


@click.command()
@click.argument("run", metavar="RUN")
@click.option("-o", "--output", metavar="PATH", help="Folder of the paper.  [default: RUN-paper, beside the run]")
@click.option("--sweep", metavar="FOLDER", help="Also lines or heat maps of a sweep that `tiercap sweep` wrote.")
@click.option("--sensitivity", metavar="FOLDER", help="Also bars and tornado of what `tiercap sensitivity` wrote.")
@click.option(
    "--backcast/--no-backcast", default=True, help="Replay the record for the forest plot.  [default: replay]"
)
@run_options
def command(
    run: str,
    output: str | None,
    sweep: str | None,
    sensitivity: str | None,
    backcast: bool,
    options: RunOptions,
) -> None:
    """Write figures, tables and numbers for LaTeX, with a replication package, from a finished run.

    Figures are PDF and SVG for one column and for a page, each with its data; the same run gives the same bytes. What
    lacks its input is left out, and the command that makes it is named.

    Example: tiercap paper runs/first -o paper
    """
    from tiercap.optimizer.errors import InputError
    from tiercap.optimizer.paper.folder import Inputs, write
    from tiercap.optimizer.runs.saved import load

    if output is not None and not output.strip():
        raise InputError("-o needs the name of a folder, not an empty text")
    saved = load(Path(run), options.threads)
    place = Path(output) if output else saved.path.with_name(f"{saved.path.name}-paper")
    inputs = Inputs(Path(sweep) if sweep else None, Path(sensitivity) if sensitivity else None, backcast)
    announce_compilation(options.quiet)
    with _bar(options.quiet) as progress:
        made = write(saved, place, inputs, progress)
    if options.as_json:
        print_json(
            {
                "paper": made.path,
                "figures": [shown.name for shown in made.figures],
                "tables": [shown.name for shown in made.tables],
                "numbers": made.numbers,
                "files": made.files,
                "left_out": {one.name: one.sentence for one in made.left},
            }
        )
        return
    click.echo(f"{made.path}: {len(made.figures)} figures, {len(made.tables)} tables, {made.numbers} numbers.")
    for one in made.left:
        click.echo(f"Left out: {clean(one.sentence)}")
    click.echo("paper.tex includes everything; README.md names the LaTeX packages; ./replicate.sh makes it all again.")
    weak, total = _evidence(saved)
    rest = "rest on assumptions, secondary sources or memory"
    click.echo(f"Modelled, not forecast: {weak} of {total} parameters {rest}.")


def _evidence(saved: object) -> tuple[int, int]:
    from tiercap.optimizer.paper.material import Material

    material = Material(saved)  # type: ignore[arg-type]
    return material.weak, len(material.problem.study.parameters)


@contextmanager
def _bar(quiet: bool) -> Iterator[Callable[[str, int], None]]:
    """A progress bar on standard error; nothing where nobody watches."""
    if quiet or not sys.stderr.isatty():
        yield lambda what, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    with Progress(TextColumn("{task.description}"), BarColumn(20), MofNCompleteColumn(),
                  console=Console(stderr=True)) as bar:  # fmt: skip
        task = bar.add_task("evaluating", total=None)
        yield lambda what, total: bar.update(task, advance=1, total=total, description=f"drawing {Path(what).stem}")
