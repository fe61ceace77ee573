"""The record against the model as one picture: a line a row, grouped by role, on an axis that needs no unit.

A row's place is the model over the observed value, on a logarithmic axis: 1 is the observation. Rows observed as zero
have no such ratio; their figures stand beside the axis like everybody's. Matplotlib is imported to draw, not before.
"""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

from tiercap.optimizer.calibration.backcast import Backcast, Line
from tiercap.optimizer.errors import InputError
from tiercap.optimizer.io import durable

SUFFIXES = (".pdf", ".svg", ".png")
#: Ratios at which the axis ends; what lies beyond is an arrow.
LOWEST, HIGHEST = 1 / 16, 16.0
TICKS = ((1 / 16, "1/16"), (1 / 8, "1/8"), (1 / 4, "1/4"), (1 / 2, "1/2"), (1.0, "1"), (2.0, "2"), (4.0, "4"),
         (8.0, "8"), (16.0, "16"))  # fmt: skip
TITLES = {
    "calibrate": "Up to the end of 2024: calibrate",
    "validate": "2025 and later: validate",
    "plausibility": "Forecasts by others, not scored",
}
#: Where the columns of words begin, in widths of the axis.
AT_NAME, AT_SEEN, AT_UNIT, AT_MODEL = -0.80, 1.04, 1.45, 1.66
INSIDE, OUTSIDE, OTHERS, SEEN = "#1f5fa8", "#c2410c", "#6b7280", "#111827"


def check_suffix(path: Path) -> None:
    """Refuse a picture that cannot be drawn: an unknown kind of file, or no Matplotlib."""
    if path.suffix.casefold() not in SUFFIXES:
        raise InputError(f"`{str(path)[-80:]}` is no picture: end it in {', '.join(SUFFIXES)}")
    _matplotlib()


def _matplotlib() -> Any:
    try:
        import matplotlib
    except ImportError:
        raise InputError("a picture needs Matplotlib: install tiercap with the extra [paper]") from None
    return matplotlib


def draw_forest(found: Backcast, path: Path, how: str) -> None:
    """Draw every row that has a model value into ``path``; ``how`` says which ensemble. Same rows, same bytes."""
    check_suffix(path)
    durable.write(path.parent, path.name, forest_bytes(found, path.suffix.casefold()[1:], how))


def forest_bytes(found: Backcast, kind: str, how: str) -> bytes:
    """The picture as PDF, SVG or PNG."""
    matplotlib = _matplotlib()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    style = {"svg.hashsalt": "tiercap", "svg.fonttype": "none", "pdf.fonttype": 42, "font.family": "DejaVu Sans",
             "font.size": 7.5, "axes.linewidth": 0.6}  # fmt: skip
    with matplotlib.rc_context({**matplotlib.rcParamsDefault, **style}):
        groups = _groups(found)
        height = sum(len(lines) for _, lines in groups) + 1.6 * len(groups)
        tall = 0.19 * height + 0.85
        picture = Figure(figsize=(10.8, tall))
        FigureCanvasAgg(picture)
        axes = picture.add_axes((0.27, 0.75 / tall, 0.33, 1.0 - 0.85 / tall))
        _draw(axes, groups, height)
        _legend(axes, how, tall)
        sink = io.BytesIO()
        metadata = {"pdf": {"CreationDate": None}, "svg": {"Date": None}, "png": {"Software": None}}[kind]
        picture.savefig(sink, format=kind, dpi=200, metadata=metadata)
    return sink.getvalue()


def _groups(found: Backcast) -> list[tuple[str, list[Line]]]:
    """Titles and the rows below each; rows without a model value are left out."""
    groups = []
    for role, title in TITLES.items():
        lines = [line for line in found.lines if line.row.role == role and not math.isnan(line.model.p50)]
        if lines:
            if role != "plausibility":
                inside = sum(bool(line.model.inside) for line in lines)
                title += f" ({inside} of {len(lines)} inside)"
            groups.append((title, lines))
    return groups


def _draw(axes: Any, groups: list[tuple[str, list[Line]]], height: float) -> None:
    axes.set_xscale("log")
    axes.set_xlim(LOWEST, HIGHEST)
    axes.set_ylim(height, 0.0)
    axes.set_yticks([])
    axes.set_xticks([at for at, _ in TICKS], [text for _, text in TICKS])
    axes.minorticks_off()
    axes.set_xlabel("model over observed value")
    axes.axvline(1.0, color=SEEN, linewidth=0.8, zorder=1)
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(False)
    for at, _ in TICKS:
        axes.axvline(at, color="#e5e7eb", linewidth=0.5, zorder=0)
    y = 0.0
    for title, lines in groups:
        y += 0.95
        _label(axes, AT_NAME, y, title, weight="bold")
        seen = "observed" if lines[0].row.kind == "observation" else "foretold"
        _label(axes, AT_SEEN, y, f"{seen} (range)", weight="bold")
        _label(axes, AT_UNIT, y, "unit", weight="bold")
        _label(axes, AT_MODEL, y, "model (90 %)", weight="bold")
        y += 0.15
        for line in lines:
            y += 1.0
            _draw_line(axes, y - 0.1, line)
        y += 0.5


def _label(axes: Any, x: float, y: float, text: str, **style: Any) -> None:
    axes.text(x, y, text, transform=axes.get_yaxis_transform(), ha="left", va="center", clip_on=False, **style)


def _plain(text: str, most: int = 80) -> str:
    """``text`` without what the plotter would read as mathematics or cannot draw, and not longer than its column."""
    shown = "".join(c if c.isprintable() else "?" for c in text)
    return (shown[: most - 3] + "..." if len(shown) > most else shown).replace("$", r"\$")


def _draw_line(axes: Any, y: float, line: Line) -> None:
    row, model = line.row, line.model
    colour = {True: INSIDE, False: OUTSIDE, None: OTHERS}[model.inside]
    _label(axes, AT_NAME, y, _plain(row.moment, 38))
    _label(axes, -0.02, y, row.period.text, color="#6b7280", fontsize=6.5)
    axes.texts[-1].set_ha("right")
    _label(axes, AT_SEEN, y, f"{_figure(row.value)} {_span(row.low, row.high)}")
    _label(axes, AT_UNIT, y, "-" if row.unit == "1" else _plain(row.unit, 14))
    _label(axes, AT_MODEL, y, f"{_figure(model.p50)} {_span(model.p05, model.p95)}", color=colour)
    if row.value <= 0.0:
        return
    if not math.isnan(row.low):
        axes.plot(_clip(row.low / row.value, row.high / row.value), [y - 0.16] * 2, color=SEEN, linewidth=2.6,
                  alpha=0.35, solid_capstyle="butt", zorder=2)  # fmt: skip
    axes.plot([1.0], [y - 0.16], marker="D", markersize=2.6, color=SEEN, zorder=4)
    low, mid, high = (q / row.value for q in (model.p05, model.p50, model.p95))
    axes.plot(_clip(low, high), [y + 0.16] * 2, color=colour, linewidth=1.3, solid_capstyle="butt", zorder=3)
    _marker(axes, mid, y + 0.16, colour)
    for end, mark in ((low, "<"), (high, ">")):
        if not LOWEST <= end <= HIGHEST and (end < LOWEST) == (mark == "<"):
            axes.plot(_clip(end, end)[:1], [y + 0.16], marker=mark, markersize=3.2, color=colour, clip_on=False)


def _marker(axes: Any, at: float, y: float, colour: str) -> None:
    if LOWEST <= at <= HIGHEST:
        axes.plot([at], [y], marker="o", markersize=3.4, color=colour, zorder=4)


def _clip(low: float, high: float) -> list[float]:
    return [min(max(x, LOWEST), HIGHEST) for x in (low, high)]


def _legend(axes: Any, how: str, height: float) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=SEEN, marker="D", markersize=3, linewidth=2.6, alpha=0.6, label="observed, range"),
        Line2D([], [], color=INSIDE, marker="o", markersize=3.4, linewidth=1.3, label="model, observation inside"),
        Line2D([], [], color=OUTSIDE, marker="o", markersize=3.4, linewidth=1.3, label="model, observation outside"),
    ]
    axes.figure.legend(handles=handles, loc="lower left", bbox_to_anchor=(0.01, 0.0), ncols=3, frameon=False)
    axes.figure.text(0.99, 0.1 / height, _plain(how), ha="right", va="bottom", color="#6b7280")


def _span(low: float, high: float) -> str:
    return "" if math.isnan(low) or math.isnan(high) else f"({_figure(low)} to {_figure(high)})"


def _figure(value: float) -> str:
    """Three significant figures, without an exponent where people read none."""
    if value == 0.0 or not math.isfinite(value):
        return f"{value:g}"
    places = max(0, 2 - math.floor(math.log10(abs(value))))
    shown = f"{value:,.{min(places, 4)}f}"
    return shown.rstrip("0").rstrip(".") if "." in shown else shown
