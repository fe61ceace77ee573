"""`tiercap bench`: how fast this machine evaluates, starts and searches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tiercap.optimizer.cli.options import RunOptions, run_options
from tiercap.optimizer.cli.output import figure, print_json, print_table, say

#: The names that --only takes; `report.SECTIONS`, whose module is not imported for the help.
SECTIONS = ("sizes", "growth", "threads", "peers", "start", "search", "memory")
REPORT = "bench.json"


@click.command()
@click.option("--suite", type=click.Choice(["quick", "full"]), default="quick", show_default=True,
              help="quick takes a minute or two, full half an hour or more.")  # fmt: skip
@click.option("--only", "sections", type=click.Choice(SECTIONS), multiple=True,
              help="Measure this part beside the large batch; repeat for more.  [default: all]")  # fmt: skip
@click.option("--rounds", type=click.IntRange(1, 1000), help="Rounds of each measurement.  [default: the suite's]")
@click.option("--budget", type=click.IntRange(64, 10**9), metavar="N",
              help="Most evaluations of one timed call.  [default: the suite's]")  # fmt: skip
@click.option("--against", metavar="FILE", help="Compare with the bench.json of an earlier run, by ratio.")
@click.option("-o", "--output", metavar="FOLDER", help="Write bench.json and the figures there.")
@run_options
def command(
    suite: str,
    sections: tuple[str, ...],
    rounds: int | None,
    budget: int | None,
    against: str | None,
    output: str | None,
    options: RunOptions,
) -> None:
    """Measure how fast this machine evaluates, starts and searches.

    Medians over the rounds, with the least and the most in brackets. Other work on the machine disturbs them: the load
    before and after is told. The figures need the extra `paper`.

    Example: tiercap bench -o bench-today --against bench-before/bench.json
    """
    from tiercap.optimizer.bench import compare
    from tiercap.optimizer.bench.report import run

    earlier = None if against is None else compare.read(Path(against))
    folder = None if output is None else _folder(output)
    drawing = folder is not None and _can_draw(options.quiet)
    quiet = options.quiet
    report = run(
        suite, sections or SECTIONS, rounds, budget, options.threads, lambda text: say(f"bench: {text}", quiet)
    )
    if folder is not None:
        _write(report, folder, drawing)
    if options.as_json:
        _print_json(report, earlier)
        return
    _print_report(report)
    if earlier is not None:
        _print_changes(report, earlier)
    if folder is not None:
        say(f"written to {folder}", options.quiet)


def _folder(name: str) -> Path:
    """The folder for the report, made if missing; refused, before anything is measured, if it holds one already."""
    from tiercap.optimizer.errors import InputError
    from tiercap.optimizer.io import durable

    if not name.strip() or "\0" in name:
        raise InputError("-o needs the name of a folder")
    folder = Path(name)
    if (folder / REPORT).exists():
        raise InputError(f"{folder} holds a {REPORT} already: choose another folder with -o, or move it away")
    with durable.explained(f"making {folder}", "nothing was measured"):
        folder.mkdir(parents=True, exist_ok=True)
    return folder


def _can_draw(quiet: bool) -> bool:
    from tiercap.optimizer.bench import figures
    from tiercap.optimizer.errors import InputError

    try:
        figures.check()
    except InputError as missing:
        say(f"no figures will be drawn: {missing}", quiet)
        return False
    return True


def _write(report: dict[str, Any], folder: Path, drawing: bool) -> None:
    from tiercap.optimizer.bench import figures
    from tiercap.optimizer.io import durable, json_text

    durable.write(folder, REPORT, (json_text.dumps(report, indent=1) + "\n").encode())
    if drawing:
        figures.write(report, folder)


def _print_json(report: dict[str, Any], earlier: dict[str, Any] | None) -> None:
    from tiercap.optimizer.bench import compare

    against: dict[str, Any] = {}
    if earlier is not None:
        rows = [change._asdict() for change in compare.changes(earlier, report)]
        against["against"] = {"changes": rows, "remarks": compare.remarks(earlier, report)}
    print_json({**report, **against})


def _print_report(report: dict[str, Any]) -> None:
    _print_machine(report["machine"])
    _print_kernel(report["kernel"])
    if "start" in report:
        _print_start(report["start"])
    for size, found in report["search"].items():
        _print_search(size, found)
    if "memory" in report:
        found = report["memory"]
        peak = "unknown" if found["peak_bytes"] is None else f"{found['peak_bytes'] / 1e6:,.0f} MB"
        work = f"{found['policies']:,} policies in {found['scenarios']:,} scenarios"
        click.echo(f"Peak memory of the statistics and regret of {work}: {peak}, in {found['seconds']:.1f} s.")


def _print_machine(machine: dict[str, Any]) -> None:
    loads = " before, ".join(figure(machine[key], 3) for key in ("load_before", "load_after")) + " after"
    rows = [["processor", machine["processor"]], ["cores", f"{machine['usable_cores']} of {machine['cores']}"]]
    widths = f"{machine['kernel_vector_bits']} bits, the processor's {machine['vector_bits'] or 'unknown'}"
    rows += [["vectors of the kernels", widths]]
    rows += [["system", machine["system"]], ["load", loads]]
    rows += [["versions", ", ".join(f"{name} {number or '-'}" for name, number in machine["versions"].items())]]
    print_table(["machine", ""], rows)


def _print_kernel(kernel: dict[str, Any]) -> None:
    headers = ["policies", "scenarios", "threads", "evaluations a second", "least", "most"]
    rows = kernel.get("sizes") or [kernel["large"]]
    click.echo("")
    print_table(headers, [_size_row(row) for row in rows])
    if "scaling" in kernel:
        click.echo("")
        rows = [[*_size_row(row), _spread(row["over_one"])] for row in kernel["scaling"]]
        print_table([*headers, "over one thread"], rows)
    for kind, what in (("ready", "tables there"), ("filled", "tables filled anew")):
        if found := kernel.get("growth", {}).get(kind):
            most = found["rows"][-1]["scenarios"]
            click.echo(
                f"One policy, {what}: {1e6 * found['each']:.3g} µs a scenario up to {most:,}, exponent "
                f"{found['exponent']:.2f} (linear: 1), at most {100 * found['off']:.0f} % off the line."
            )
    if kernel["ratios"]:
        click.echo("")
        rows = [_peer_row(row) for row in kernel["peers"]["table"] if row["form"] != "kernel"]
        print_table(["peer", "threads", "kernels are faster by", "by processor time"], rows)


def _size_row(row: dict[str, Any]) -> list[str]:
    rate = row["evaluations_per_second"]
    counts = [f"{row[key]:,}" for key in ("policies", "scenarios", "threads")]
    return [*counts, *(f"{rate[key]:,.0f}" for key in ("median", "low", "high"))]


def _peer_row(row: dict[str, Any]) -> list[str]:
    ratio = {"median": row["ratio"], "low": row["ratio_low"], "high": row["ratio_high"]}
    return [row["form"], str(row["threads"]), _spread(ratio), figure(row.get("ratio_cpu"), 3)]


def _spread(value: dict[str, Any], digits: int = 3) -> str:
    return f"{figure(value['median'], digits)} ({figure(value['low'], digits)} to {figure(value['high'], digits)})"


def _print_start(start: dict[str, Any]) -> None:
    names = {"compile_cached": "kernels from the cache", "import": "importing them", "python": "python -c pass",
             "help": "tiercap --help", "evaluate": "tiercap evaluate, two rules"}  # fmt: skip
    rows = [["kernels compiled, cache empty", figure(start["compile_cold"], 3)]]
    rows += [[label, _spread(start[name])] for name, label in names.items()]
    click.echo("")
    print_table(["start", "seconds"], rows)


def _print_search(size: str, found: dict[str, Any]) -> None:
    names = {"seconds": "seconds", "evaluations_per_second": "evaluations a second, files included",
             "screening_per_second": "of its screening", "share_of_kernel": "that over the kernels alone",
             "hypervolume": "hypervolume", "hypervolume_per_second": "hypervolume a second"}  # fmt: skip
    rows = [["evaluations", f"{found['evaluations']:,}"]]
    rows += [[label, _spread(found[name], 4)] for name, label in names.items()]
    click.echo("")
    print_table([f"search, {size}", ""], rows)
    where = sorted(found["where"].items(), key=lambda item: -item[1])
    spent = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in where)
    click.echo(f"  where the time of the last one went: {spent}")


def _print_changes(report: dict[str, Any], earlier: dict[str, Any]) -> None:
    from tiercap.optimizer.bench import compare

    rows = [
        [change.name, change.unit, figure(change.before), figure(change.now), f"{change.ratio:.3f}", change.verdict]
        for change in compare.changes(earlier, report)
    ]
    click.echo("")
    print_table(["measure", "unit", "before", "now", "now over before", "verdict"], rows)
    for remark in compare.remarks(earlier, report):
        say(f"warning: {remark}")
