"""`tiercap replicate`: a run once more from its manifest."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from tiercap.optimizer.cli.options import RunOptions, announce_compilation, run_options
from tiercap.optimizer.cli.output import print_json, say
from tiercap.optimizer.cli.search_bar import search_bar
from tiercap.optimizer.cli.verify import DIFFERS, print_differences


@click.command()
@click.argument("run", metavar="RUN")
@click.option("-o", "--output", metavar="PATH", help="Folder of the new run, empty or missing.  "
              "[default: a new runs/STUDY-NNNN]")  # fmt: skip
@click.option("--ensemble", metavar="FILE", help="Where the run's own file of futures now lies.")
@run_options
def command(run: str, output: str | None, ensemble: str | None, options: RunOptions) -> int:
    """Search again from a run's manifest, in a new folder, and compare: the same bits, or a list of what differs.

    The manifest is enough (RUN may be the file alone); what else the first folder holds makes the list of differences
    more precise. Exit code 5 where a bit differs.

    Example: tiercap replicate runs/first -o runs/again
    """
    from tiercap.optimizer.cli.optimize import folder_of
    from tiercap.optimizer.runs.provenance import sentence
    from tiercap.optimizer.search.replicate import replicate

    path = folder_of(output)
    announce_compilation(options.quiet)
    with search_bar(options.quiet) as bar:

        def started(search: Any) -> Callable[[int, float | None], None]:
            say(f"run folder {search.folder.path}", options.quiet)
            return bar(search)

        found = replicate(Path(run), path, options.threads, Path(ensemble) if ensemble else None, started)
    say(sentence(list(found.other)), options.quiet or not found.other)
    if options.as_json:
        print_json(
            {
                "run": found.path,
                "again": found.again,
                "same": not found.differences,
                "files": found.files,
                "made_otherwise": found.other,
                "differences": found.differences,
            }
        )
    else:
        click.echo(f"{found.path} made again in {found.again}: {found.files} files compared.")
        print_differences(found.differences)
    return DIFFERS if found.differences else 0
