"""`tiercap calibrate`: the model fitted to the record."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from tiercap.optimizer.cli.options import (
    RunOptions,
    announce_compilation,
    run_options,
    seed_option,
    set_option,
    study_argument,
)
from tiercap.optimizer.cli.output import figure, print_json, print_table, say

#: Pairs of rows, and trade-offs, named before the rest is counted.
NAMED = 6


@click.command()
@study_argument
@click.option("--record", metavar="FILE", help="CSV in the schema of the built-in record; adds to it.")
@click.option("--only", is_flag=True, help="Leave the built-in record out: rows of --record alone.")
@click.option("--everything", is_flag=True, help="Fit what validates too: for studies that start in 2026.")
@click.option("--runs", type=click.IntRange(2, 64), default=4, show_default=True, help="Independent runs a structure.")
@click.option("--particles", type=click.IntRange(64, 2**17), default=2048, show_default=True, help="Draws in each run.")
@click.option("-o", "--output", metavar="FILE", help="The ensemble, a Parquet file; its manifest goes beside it.  "
              "[default: calibrated-2024.parquet, or -2026 with --everything]")  # fmt: skip
@set_option
@seed_option
@run_options
def command(
    study: str | None,
    record: str | None,
    only: bool,
    everything: bool,
    runs: int,
    particles: int,
    output: str | None,
    settings: tuple[str, ...],
    seed: int | None,
    options: RunOptions,
) -> None:
    """Fit the model to the record: an ensemble of futures that reproduce it.

    Priors are the ranges of the uncertainty table and of the start of the replay; a row that ends by 2024 is fitted, a
    later one is left for `tiercap backcast` to judge by. The ensemble serves as --scenarios FILE.

    Example: tiercap calibrate -o mine.parquet --seed 1
    """
    from tiercap.optimizer.calibration.calibrate import calibrate, manifest, write
    from tiercap.optimizer.calibration.fit import Effort
    from tiercap.optimizer.calibration.record import load_record
    from tiercap.optimizer.errors import InputError
    from tiercap.optimizer.study import load

    if only and record is None:
        raise InputError("--only needs the rows to use: give --record FILE")
    read = load.load(study, settings)
    rows = load_record(Path(record) if record is not None else None, builtin=not only)
    path = _output(output, everything)
    announce_compilation(options.quiet)
    with _bar(options.quiet) as progress:
        found = calibrate(
            rows, read, seed or 0, everything, Effort(runs, particles), threads=options.threads, progress=progress
        )
    written, beside = write(found, path)
    content = manifest(found, _digest(written))
    if options.as_json:
        print_json({"ensemble": written, "manifest": beside, **content})
        return
    if found.ignored:
        say(f"not used in the replay, where they mean another year: {', '.join(found.ignored)}", options.quiet)
    _print_report(content)
    click.echo(f"Written: {written} and {beside}. Use it: tiercap evaluate --scenarios {written}")


def _output(output: str | None, everything: bool) -> Path:
    """Where the ensemble goes; a file of the default name is never overwritten."""
    from tiercap.optimizer.errors import InputError

    path = Path(output if output is not None else f"calibrated-{2026 if everything else 2024}.parquet")
    if path.suffix != ".parquet":
        raise InputError(f"-o needs a name that ends in .parquet, not `{path.name[:80]}`")
    if output is None and path.exists():
        raise InputError(f"{path} exists: name it with -o to write it anew, or give another name")
    if path.is_dir():
        raise InputError(f"{path} is a folder: give the name of a file")
    return path


def _digest(path: Path) -> str:
    import hashlib

    return hashlib.sha256(path.read_bytes()).hexdigest()


@contextmanager
def _bar(quiet: bool) -> Iterator[Callable[[str, int, float], None] | None]:
    """A progress line on standard error: what is fitted, the temperature reached, evaluations and rate."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(20), TextColumn("{task.fields[rate]}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task, start, done = bar.add_task("fitting", total=1.0, rate=""), time.monotonic(), 0

        def advance(what: str, evaluations: int, share: float) -> None:
            nonlocal done
            done += evaluations
            rate = done / max(time.monotonic() - start, 1e-9)
            told = f"{done / 1e6:.2f} M replays, {rate / 1000:,.1f} k/s"
            bar.update(task, description=what, completed=share, rate=told)

        yield advance


def _print_report(content: dict[str, Any]) -> None:
    seconds, evaluations = content["seconds"], content["evaluations"]
    click.echo(
        f"{content['label']}: {len(content['record']['rows'])} rows ({content['fitted_to']}), {content['members']:,} "
        f"members; {evaluations:,} replays in {seconds:,.0f} s, {evaluations / seconds:,.0f} a second"
    )
    _print_structures(content["structures"])
    _print_rows(content["structures"])
    _print_parameters(content)
    for label, fit in content["structures"].items():
        _print_conflicts(label, fit)


def _print_structures(structures: dict[str, Any]) -> None:
    rows = [
        [label, figure(fit["log_evidence"]), figure(fit["log_evidence_spread"], 2), f"{fit['rhat']:.4f}",
         figure(fit["effective_draws"]), figure(fit["discrepancy"].get("market", {}).get("p50"), 2),
         "yes" if fit["converged"] else "no: " + "; ".join(fit["not_enough"])]
        for label, fit in structures.items()
    ]  # fmt: skip
    heads = ["structure", "log evidence", "+-", "R-hat", "effective\ndraws", "discrepancy", "enough"]
    print_table(heads, rows)


def _print_rows(structures: dict[str, Any]) -> None:
    """Every row under the first structure; a mark where any structure finds it at odds."""
    label, fit = next(iter(structures.items()))
    odd = {row["moment"] for other in structures.values() for row in other["rows"] if row["at_odds"]}
    rows = [
        [row["moment"], *(figure(v) for v in (row["observed"], *row["fitted"].values(), *row["left_out"].values())),
         figure(row["tail"], 2), "at odds" if row["moment"] in odd else ""]
        for row in fit["rows"]
    ]  # fmt: skip
    heads = ["row", "observed", "fitted\np05", "\np50", "\np95", "without it\np05", "\np50", "\np95", "tail", ""]
    print_table(heads, rows, title=f"Rows of the record ({label})")


def _print_parameters(content: dict[str, Any]) -> None:
    """Priors and posteriors, most informed first; then those about which the record says nothing."""
    told = {name: p for name, p in content["parameters"].items() if not p["nothing"]}
    order = sorted(told, key=lambda name: -max(told[name]["bits"].values()))
    rows = [
        [name, *(figure(told[name]["prior"][q]) for q in ("p05", "p50", "p95")),
         *(figure(told[name]["posterior"][q]) for q in ("p05", "p50", "p95")), f"{told[name]['narrowed_to']:.0%}",
         figure(max(told[name]["bits"].values()), 2)]
        for name in order
    ]  # fmt: skip
    heads = ["parameter", "prior\np05", "\np50", "\np95", "posterior\np05", "\np50", "\np95", "width", "bits"]
    print_table(heads, rows, title="What the record says of the parameters, at the start of the replay")
    little = [name for name, p in content["parameters"].items() if p["nothing"]]
    click.echo(f"It says nothing of {len(little)}, which keep their prior: {', '.join(little) or 'none'}")
    click.echo(f"No row depends on {len(content['kept'])}: {', '.join(content['kept']) or 'none'}")


def _print_conflicts(label: str, fit: dict[str, Any]) -> None:
    traded = [f"{t['first']} and {t['second']} ({t['correlation']:+.2f})" for t in fit["trade_offs"]]
    conflicts = fit["conflicts"]
    pairs = [
        f"{p['first']} with {p['second']} ({p['met_first']:,} and {p['met_second']:,} of {p['draws']:,} draws of the "
        f"prior meet one, none both)"
        for p in conflicts["pairs"]
    ]
    click.echo(f"\n{label}")
    for what, named in (
        ("trade off", traded),
        ("rows at odds with the rest", conflicts["at_odds"]),
        ("rows that no draw of the prior meets", conflicts["out_of_reach"]),
        ("rows that exclude each other", pairs),
    ):
        more = f"; {len(named) - NAMED} more" if len(named) > NAMED else ""
        click.echo(f"  {what}: {'; '.join(named[:NAMED]) or 'none'}{more}")
