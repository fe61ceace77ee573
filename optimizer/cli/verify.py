"""`tiercap verify`: whether a run is what its manifest says."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from tiercap.optimizer.cli.options import RunOptions, announce_compilation, run_options
from tiercap.optimizer.cli.output import clean, print_json, say

#: The exit code of `verify` and `replicate` where something differs.
DIFFERS = 5
#: Differences listed before the rest is counted; `--json` has them all.
LISTED = 20


@click.command()
@click.argument("run", metavar="RUN")
@click.option("--sample", type=click.IntRange(0, 10_000_000), default=256, show_default=True, metavar="N",
              help="Stored policies that are computed again.")  # fmt: skip
@click.option("--all", "everything", is_flag=True, help="Compute every stored policy again.")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=0, show_default=True, metavar="N",
              help="Which policies the sample takes.")  # fmt: skip
@run_options
def command(run: str, sample: int, everything: bool, seed: int, options: RunOptions) -> int:
    """Check a finished run: every file against the manifest's digests, stored policies by computing them again.

    Of a sweep or a sensitivity analysis the files alone are checked. Nothing is changed. Exit code 5 where a bit
    differs, with a list of what does.

    Example: tiercap verify runs/first --all
    """
    from tiercap.optimizer.runs.provenance import sentence
    from tiercap.optimizer.runs.verify import verify

    announce_compilation(options.quiet)
    with counting_bar(options.quiet, "computing policies again") as started:
        found = verify(Path(run), None if everything else sample, seed, options.threads, started)
    say(sentence(list(found.other)), options.quiet or not found.other)
    if options.as_json:
        print_json(
            {
                "run": found.path,
                "kind": found.kind,
                "same": not found.differences,
                "files": found.files,
                "files_without_digest": found.uncovered,
                "policies_stored": found.stored,
                "policies_checked": found.checked,
                "made_otherwise": found.other,
                "differences": found.differences,
            }
        )
    elif found.kind != "run":
        click.echo(f"{found.files} files of a {clean(found.kind)} against their digests; nothing was computed again.")
        print_differences(found.differences)
    else:
        click.echo(
            f"{found.files} files against their digests, {found.checked:,} of {found.stored:,} stored policies "
            "computed again."
        )
        if found.uncovered:
            click.echo(f"Not in the manifest, so not checked: {', '.join(map(clean, found.uncovered[:LISTED]))}.")
        print_differences(found.differences)
    return DIFFERS if found.differences else 0


def print_differences(differences: tuple[str, ...]) -> None:
    """The list, or that there is nothing to list."""
    if not differences:
        click.echo("Same bits.")
        return
    click.echo(f"{len(differences)} difference{'s' if len(differences) > 1 else ''}:")
    for line in differences[:LISTED]:
        click.echo(f"  {clean(line)}")
    if len(differences) > LISTED:
        click.echo(f"  and {len(differences) - LISTED} more (--json lists all)")


@contextmanager
def counting_bar(quiet: bool, what: str) -> Iterator[Callable[[int], Callable[[int], None]]]:
    """A progress bar on standard error that counts to a total told later; nothing where nobody watches."""
    if quiet or not sys.stderr.isatty():
        yield lambda total: lambda done: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns: tuple[Any, ...] = (TextColumn("{task.description}"), BarColumn(20), MofNCompleteColumn(),
                                TimeRemainingColumn())  # fmt: skip
    with Progress(*columns, console=Console(stderr=True)) as bar:

        def start(total: int) -> Callable[[int], None]:
            task = bar.add_task(what, total=total)
            return lambda done: bar.advance(task, done)

        yield start
