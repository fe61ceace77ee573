"""The record against the model, at print size: a line a row, on an axis that needs no unit."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tiercap.optimizer.calibration.backcast import Backcast, Line
from tiercap.optimizer.calibration.forest import HIGHEST, LOWEST, TICKS
from tiercap.optimizer.paper import labels, style
from tiercap.optimizer.paper.exhibit import Column, Figure

TITLES = {
    "calibrate": "Rows that end by 2024: fitted",
    "validate": "Rows of 2025 and later: not fitted",
    "plausibility": "Forecasts by others: not scored",
}
_INSIDE, _OUTSIDE, _UNSCORED = style.LOOKS[1], style.LOOKS[2], style.Look(style.GREY, "-", "o")


def figure(found: Backcast, how: str) -> Figure:
    """Every row that the model has a value for; ``how`` says which ensemble and response."""
    groups = _groups(found)
    scored = [
        line for role in ("calibrate", "validate") for line in groups.get(role, []) if line.model.inside is not None
    ]
    inside = sum(bool(line.model.inside) for line in scored)
    return Figure(
        "backcast",
        "The record replayed: the model's 90 % intervals over observed values",
        "Each row is an observed moment of 2022 to 2026; its place is the model over the observed value, so 1 is the "
        f"observation (diamond, with its range in grey). Bars are the 90 % intervals of {how}; {inside} of "
        f"{len(scored)} scored rows lie inside. Filled circles: the observation lies inside; open triangles: outside. "
        "What lies beyond the axis ends in an arrow; rows observed as zero have no place on it.",
        _columns([line for lines in groups.values() for line in lines]),
        lambda width: _draw(groups, width),
    )


def _groups(found: Backcast) -> dict[str, list[Line]]:
    kept = {role: [line for line in found.lines if line.row.role == role and not math.isnan(line.model.p50)]
            for role in TITLES}  # fmt: skip
    return {role: lines for role, lines in kept.items() if lines}


def _columns(lines: list[Line]) -> tuple[Column, ...]:
    def texts(name: str, meaning: str, values: list[str]) -> Column:
        return Column(name, np.array(values, dtype=str), "1", meaning)

    def numbers(name: str, meaning: str, values: list[float]) -> Column:
        return Column(name, np.array(values, dtype=float), "as in the column unit", meaning)

    scored = {True: "yes", False: "no", None: "not scored"}
    return (
        texts("moment", "name of the row of the record", [line.row.moment for line in lines]),
        texts("period", "when it was observed", [line.row.period.text for line in lines]),
        texts("role", "calibrate, validate or plausibility", [line.row.role for line in lines]),
        texts("unit", "unit of the row", [line.row.unit for line in lines]),
        numbers("observed", "observed value", [line.row.value for line in lines]),
        numbers("low", "low end of its range", [line.row.low for line in lines]),
        numbers("high", "high end of its range", [line.row.high for line in lines]),
        numbers("p05", "5 of 100 members of the ensemble lie below", [line.model.p05 for line in lines]),
        numbers("p50", "the ensemble's median", [line.model.p50 for line in lines]),
        numbers("p95", "5 of 100 members lie above", [line.model.p95 for line in lines]),
        texts(
            "inside", "whether the observation lies in the model's interval", [scored[x.model.inside] for x in lines]
        ),
        texts("source", "where the observation is from", [line.row.source for line in lines]),
    )


def _draw(groups: dict[str, list[Line]], width: float) -> Any:
    wide = width > 5.0
    rows = sum(len(lines) for lines in groups.values()) + 1.5 * len(groups)
    picture = style.canvas(width, 0.115 * rows + 0.62)
    axes = picture.add_subplot()
    axes.set_xscale("log")
    axes.set_xlim(LOWEST, HIGHEST)
    axes.set_ylim(rows + 0.2, 0.0)
    ticks = TICKS if wide else TICKS[::2]
    axes.set_xticks([at for at, _ in ticks], [text for _, text in ticks])
    axes.minorticks_off()
    axes.set_xlabel("model over observed value")
    for at, _ in TICKS:
        axes.axvline(at, color=style.FAINT, linewidth=0.4, zorder=0)
    axes.axvline(1.0, color=style.INK, linewidth=0.6, zorder=1)
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(False)
    places, names, sides = [], [], []
    y = 0.2
    for role, lines in groups.items():
        y += 0.8
        places.append(y)
        names.append(TITLES[role])
        sides.append("")
        for line in lines:
            y += 1.0
            _row(axes, y, line)
            places.append(y)
            names.append(_words(line, wide))
            sides.append(_figures(line) if wide else "")
        y += 0.7
    axes.set_yticks(places, [style.plain(name, 64) for name in names], fontsize=5.4)
    axes.tick_params(axis="y", length=0, pad=2)
    for tick in axes.get_yticklabels():
        if tick.get_text() in TITLES.values():
            tick.set_fontweight("bold")
    if wide:
        for at, text in zip(places, sides, strict=True):
            axes.text(1.015, at, style.plain(text), transform=axes.get_yaxis_transform(), va="center", fontsize=5.4)
    picture.legend(**_legend(), loc="outside lower center", ncols=3 if wide else 2, columnspacing=1.0)
    return picture


def _words(line: Line, wide: bool) -> str:
    return f"{line.row.moment}  {line.row.period.text}" if wide else line.row.moment


def _figures(line: Line) -> str:
    """Observed and modelled, with the unit."""
    unit = labels.unit(line.row.unit)
    seen, model = labels.figure(line.row.value), labels.figure(line.model.p50)
    span = f"{labels.figure(line.model.p05)} to {labels.figure(line.model.p95)}"
    return f"{seen}; model {model} ({span}) {unit}"


def _row(axes: Any, y: float, line: Line) -> None:
    row, model = line.row, line.model
    if row.value <= 0.0:
        return
    look = {True: _INSIDE, False: _OUTSIDE, None: _UNSCORED}[model.inside]
    if not math.isnan(row.low):
        axes.plot(_clip(row.low / row.value, row.high / row.value), [y - 0.2] * 2, color=style.PALE, linewidth=2.2,
                  solid_capstyle="butt", zorder=2)  # fmt: skip
    axes.plot([1.0], [y - 0.2], marker="D", markersize=1.9, color=style.INK, zorder=4)
    low, middle, high = (value / row.value for value in (model.p05, model.p50, model.p95))
    axes.plot(_clip(low, high), [y + 0.2] * 2, color=look.colour, linewidth=0.9, solid_capstyle="butt", zorder=3)
    if LOWEST <= middle <= HIGHEST:
        filled = look.colour if model.inside else "white"
        axes.plot([middle], [y + 0.2], marker=look.mark, markersize=2.6, color=look.colour, markerfacecolor=filled,
                  markeredgewidth=0.6, zorder=5)  # fmt: skip
    for end, arrow in ((low, "<"), (high, ">")):
        beyond = end < LOWEST if arrow == "<" else end > HIGHEST
        if beyond:
            axes.plot(_clip(end, end)[:1], [y + 0.2], marker=arrow, markersize=2.6, color=look.colour, clip_on=False)


def _clip(low: float, high: float) -> list[float]:
    return [min(max(x, LOWEST), HIGHEST) for x in (low, high)]


def _legend() -> dict[str, Any]:
    handles = [
        style.mark(style.Look(style.INK, "-", "D"), markersize=2.4, linestyle="-", linewidth=2.2, color=style.INK,
                   markerfacecolor=style.INK),
        style.mark(_INSIDE, markersize=3, linestyle="-", linewidth=0.9),
        style.mark(_OUTSIDE, markersize=3, linestyle="-", linewidth=0.9, markerfacecolor="white"),
    ]  # fmt: skip
    handles[0].set_color(style.PALE)
    return {"handles": handles, "labels": ["observed, range", "model, observation inside", "observation outside"]}
