"""`tiercap backcast`: the record against the model."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import click

from tiercap.optimizer.cli.options import RunOptions, announce_compilation, run_options, seed_option
from tiercap.optimizer.cli.output import figure, print_json, print_table, say

#: Members of the ensemble unless told otherwise.
COUNT = 1024


@click.command()
@click.option("--record", "record", metavar="FILE", help="CSV in the schema of the built-in record; adds to it.")
@click.option("--only", is_flag=True, help="Leave the built-in record out: rows of --record alone.")
@click.option(
    "--events/--free", "events", default=False,
    help="Impose the dated acts of C's government, or leave it free.  [default: free]",
)  # fmt: skip
@click.option(
    "--scenarios", "choice", metavar="WHICH",
    help="The ensemble: calibrated (fitted to the record up to 2024), calibrated-2026 (to all of it), prior, or a file "
    "(.csv, .parquet).  [default: calibrated]",
)  # fmt: skip
@click.option("--count", type=click.IntRange(1, 1_000_000), default=COUNT, metavar="N",
              help=f"Members of the ensemble, at most.  [default: {COUNT}]")  # fmt: skip
@click.option("--stands", is_flag=True, help="Free, but what C's government bars stands instead of being decided.")
@click.option("--roofline", "exponent", type=click.Choice(["2", "4", "8"]), default="4",
              help="Norm of the roofline.  [default: 4]")  # fmt: skip
@click.option("--published", is_flag=True, help="Tables that others published, beside what the model's parts give.")
@click.option("-o", "--output", metavar="FIGURE", help="Draw the rows: a file that ends in .pdf, .svg or .png.")
@seed_option
@run_options
def command(
    record: str | None,
    only: bool,
    events: bool,
    choice: str | None,
    count: int,
    stands: bool,
    exponent: str,
    published: bool,
    output: str | None,
    seed: int | None,
    options: RunOptions,
) -> None:
    """Replay the record quarter by quarter and score the model against what was observed.

    A row that ends by 2024 Q4 calibrates, a later one validates; forecasts by others are shown and not scored.
    A row is inside if the observed value lies in the ensemble's 90 % interval (where the value is an end of its
    range: if the interval reaches into the range).

    Example: tiercap backcast --events -o backcast.pdf
    """
    from tiercap.optimizer.calibration.backcast_record import as_record, replayed
    from tiercap.optimizer.calibration.record import load_record
    from tiercap.optimizer.errors import InputError
    from tiercap.optimizer.model.ensembles import BUILTIN

    if published:
        if given := _given("record", "only", "events", "choice", "count", "stands", "exponent", "output", "seed"):
            raise InputError(f"--published replicates tables and replays nothing: leave {', '.join(given)} out")
        _print_published(options.as_json)
        return
    if choice not in (None, "prior", "calibrated", *BUILTIN) and (given := _given("count", "seed")):
        listed = ", ".join(given)
        raise InputError(f"{listed} draws from an ensemble of ours, but --scenarios names a file: leave one out")
    if only and record is None:
        raise InputError("--only leaves the built-in record out, so a record is needed: add --record FILE")
    rows = load_record(None if record is None else Path(record), builtin=not only)
    if output is not None:
        from tiercap.optimizer.calibration.forest import check_suffix

        check_suffix(Path(output))
    announce_compilation(options.quiet or options.as_json)
    found = replayed(rows, events, choice, count, seed or 0, options.threads, not stands, int(exponent))
    acts = "imposed" if events else "none, what is barred stands" if stands else "decided by the model"
    how = f"{_shown(choice)}, {found.members} members, acts of C's government: {acts}"
    if output is not None:
        from tiercap.optimizer.calibration.forest import draw_forest

        draw_forest(found, Path(output), how)
        say(f"drawn: {output}", options.quiet)
    if options.as_json:
        print_json(as_record(found, events, choice, not stands))
    else:
        _print(found, how, events, options.quiet)


def _given(*names: str) -> list[str]:
    """The options that stand on the command line, out of some parameters of this command, as they are written."""
    context = click.get_current_context()
    spelt = {option.name: option.opts[-1] for option in context.command.params}
    typed = click.core.ParameterSource.COMMANDLINE
    return [str(spelt[name]) for name in names if context.get_parameter_source(name) is typed]


def _shown(choice: str | None) -> str:
    from tiercap.optimizer.calibration.backcast import DEFAULT_SCENARIOS

    return choice or DEFAULT_SCENARIOS


def _print(found: Any, how: str, events: bool, quiet: bool) -> None:
    from tiercap.optimizer.calibration.backcast_record import NAIVE
    from tiercap.optimizer.calibration.record import ROLES

    for role in ROLES:
        lines = [line for line in found.lines if line.row.role == role and line.row.formula is not None]
        if lines:
            title = f"{role}: {len(lines)} rows" if role != "plausibility" else "forecasts by others, not scored"
            headers = ["moment", "period", "observed", "range", "model", "90 %", "unit", "inside"]
            print_table(headers, [_cells(line) for line in lines], title=title)
            click.echo()
    headers = ["scores", "rows", "inside", "coverage", "CRPS", "median CRPS", "log score"]
    print_table(headers, [cells for role, score in found.scores().items() for cells in _score_cells(role, score)])
    context = sum(line.row.kind == "context" for line in found.lines)
    say(f"{how}; seen as a forecast, 90 of 100 rows should lie inside; modelled, not forecast", quiet)
    say(NAIVE, quiet)
    if events:
        say("the imposed acts of 2025 and later are knowledge that the naive forecasts do not have", quiet)
    if context:
        say(f"{context} rows have no counterpart in the model: --json lists them with the reason", quiet)


def _cells(line: Any) -> list[str]:
    row, model = line.row, line.model
    inside = {True: "yes", False: "no", None: "-"}[model.inside]
    return [row.moment, row.period.text, figure(row.value, 3), _span(row.low, row.high), figure(model.p50, 3),
            _span(model.p05, model.p95), "" if row.unit == "1" else row.unit, inside]  # fmt: skip


def _span(low: float, high: float) -> str:
    return "-" if math.isnan(low) or math.isnan(high) else f"{figure(low, 3)} to {figure(high, 3)}"


def _score_cells(role: str, score: Any) -> list[list[str]]:
    against = score["against_naive"]
    named = [(f"{role}, all rows", score)]
    if against["model"]["rows"]:
        named += [(f"{role}, {name}", against[name]) for name in ("model", "persistence", "trend")]
    return [
        [name, str(s["rows"]), str(s["inside"]), *(figure(s[key], 3) for key in
         ("coverage", "crps", "crps_median", "log_score"))]
        for name, s in named
    ]  # fmt: skip


def _print_published(as_json: bool) -> None:
    from tiercap.optimizer.calibration.published import published

    lines = published()
    if as_json:
        print_json({"tables": [line.as_dict() for line in lines]})
        return
    cells = [[line.table, line.entry, line.theirs_text, figure(line.ours), line.unit, line.how] for line in lines]
    print_table(["table", "entry", "theirs", "ours", "unit", "how, or why not"], cells)
