"""A benchmark report as two figures, PNG and SVG: rate against size of the work, time against number of futures."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from tiercap.optimizer.errors import InputError
from tiercap.optimizer.io import durable

#: The series of the first figure, told apart by colour and by mark.
MARKS = "os^Dv<>pXh"
#: Colours that stay apart for the colour-blind (Okabe and Ito).
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000", "#7f7f7f", "#8c564b", "#bcbd22")
MISSING = "figures need matplotlib, which is not installed: pip install 'tiercap[paper]'"


def check() -> None:
    """InputError, in a sentence, where there is no matplotlib."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise InputError(MISSING) from None


def write(report: dict[str, Any], folder: Path) -> list[str]:
    """Draw what the report has, into ``folder``; the names of the files."""
    check()
    drawn = []
    if report["kernel"].get("sizes"):
        drawn.append(("rate", rate_figure(report)))
    if report["kernel"].get("growth"):
        drawn.append(("scenarios", growth_figure(report)))
    names = []
    for name, figure in drawn:
        for ending in ("png", "svg"):
            stream = io.BytesIO()
            when = {"Date": None} if ending == "svg" else {"Software": None}
            figure.savefig(stream, format=ending, dpi=160, metadata=when)
            durable.write(folder, f"{name}.{ending}", stream.getvalue())
            names.append(f"{name}.{ending}")
    return names


def rate_figure(report: dict[str, Any]) -> Any:
    """Evaluations a second against evaluations of one call, a series for each number of futures."""
    figure, axes = _empty()
    rows = report["kernel"]["sizes"]
    futures = sorted({row["scenarios"] for row in rows})
    for k, count in enumerate(futures):
        some = sorted((row for row in rows if row["scenarios"] == count), key=lambda row: row["evaluations"])
        label = f"{count:,} scenario{'s' if count > 1 else ''}"
        _series(axes, [row["evaluations"] for row in some], [row["evaluations_per_second"] for row in some], k, label)
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("evaluations in one call (policies × scenarios)")
    axes.set_ylabel("evaluations a second")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.set_title(_title("Kernel rate by size of the work", report), fontsize=9, loc="left")
    axes.legend(fontsize=8, frameon=False, ncols=2)
    return figure


def growth_figure(report: dict[str, Any]) -> Any:
    """Seconds of one policy against the number of futures, with the straight lines through the medians."""
    import numpy as np

    figure, axes = _empty()
    names = {"ready": "scenario tables there", "filled": "scenario tables filled anew"}
    for k, (kind, name) in enumerate(names.items()):
        found = report["kernel"]["growth"][kind]
        n = np.array([row["scenarios"] for row in found["rows"]], dtype=float)
        seconds = [{key: row["evaluations"] / row["evaluations_per_second"][other]
                    for key, other in (("median", "median"), ("low", "high"), ("high", "low"))}
                   for row in found["rows"]]  # fmt: skip
        slope = f"{1e6 * found['each']:.3g} µs a scenario, exponent {found['exponent']:.2f}"
        _series(axes, n, seconds, k, f"{name}: {slope}", line="none")
        along = np.geomspace(n[0], n[-1], 100)
        axes.plot(along, found["start"] + found["each"] * along, color=COLOURS[k], linewidth=1)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("scenarios")
    axes.set_ylabel("seconds")
    title = _title("One policy: time by number of scenarios, straight lines fitted", report)
    axes.set_title(title, fontsize=9, loc="left")
    axes.legend(fontsize=8, frameon=False)
    return figure


def _empty() -> tuple[Any, Any]:
    """A figure that needs no screen, and its axes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.grid(True, which="major", color="#dddddd", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _series(axes: Any, x: Any, values: list[dict[str, Any]], k: int, label: str, line: str = "-") -> None:
    """Medians with bars from the least to the most."""
    middle = [value["median"] for value in values]
    bars = [[max(0.0, m - v["low"]) for m, v in zip(middle, values, strict=True)],
            [max(0.0, v["high"] - m) for m, v in zip(middle, values, strict=True)]]  # fmt: skip
    axes.errorbar(
        x, middle, yerr=bars, label=label, color=COLOURS[k % len(COLOURS)], marker=MARKS[k % len(MARKS)], markersize=4,
        linestyle=line, linewidth=1, elinewidth=0.8, capsize=2,
    )  # fmt: skip


def _title(text: str, report: dict[str, Any]) -> str:
    """A heading with the machine; `$` would start a formula."""
    machine, threads = report["machine"], report["kernel"]["threads"]
    return f"{text}\n{machine['processor']}, {threads} thread{'s' if threads > 1 else ''}".replace("$", "\\$")
