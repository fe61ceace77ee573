"""What the outcomes hang on: bars of Sobol shares with intervals, and a tornado, a panel an outcome."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tiercap.optimizer.io import columns
from tiercap.optimizer.paper import labels, style
from tiercap.optimizer.paper.exhibit import Column, Figure

#: Outcomes with a panel, and inputs with a bar in it: the largest.
PANELS, BARS = 3, 12
_MEANINGS = {
    "parameter": "the parameter or lever", "unit": "its unit", "outcome": "the outcome",
    "first": "share of the outcome's variance that it explains by itself",
    "total": "share that it explains with all its interactions",
    "low": "the outcome with it at its low value, the others central",
    "high": "the outcome with it at its high value, the others central",
    "central": "the outcome with all at their central values",
}  # fmt: skip


def sobol(table: columns.Columns, objectives: Sequence[str]) -> Figure:
    """First-order and total shares."""
    outcomes = _outcomes(table, objectives)
    total = "total" in table and bool(np.isfinite(table["total"]).any())
    bars = "total shares (bars) and first-order shares (diamonds)" if total else "first-order shares (bars)"
    return Figure(
        "sobol",
        "What the outcomes hang on: shares of variance",
        f"Shares of each outcome's variance over the futures that a parameter explains: {bars}, with 90 % intervals; "
        f"the {BARS} largest of each panel."
        + ("" if total else " The futures' parameters depend on each other, so shares may add up to more than 1."),
        _columns(table, "1"),
        lambda width: _panels(table, outcomes, width, _shares),
    )


def tornado(table: columns.Columns, objectives: Sequence[str]) -> Figure:
    """One input at a time, at its low and its high value."""
    outcomes = _outcomes(table, objectives)
    return Figure(
        "tornado",
        "Swings of the outcomes, one parameter at a time",
        "Each outcome with one parameter at its low (white) and at its high value (dark), the others central; the "
        f"{BARS} largest swings of each panel. Such swings know no interactions.",
        _columns(table, "as in the outcome's unit"),
        lambda width: _panels(table, outcomes, width, _swings),
    )


def _outcomes(table: columns.Columns, objectives: Sequence[str]) -> list[str]:
    there = dict.fromkeys(table["outcome"].tolist())
    return [name for name in dict.fromkeys([*objectives, *there]) if name in there][:PANELS]


def _columns(table: columns.Columns, unit: str) -> tuple[Column, ...]:
    found = []
    for name, values in table.items():
        stem = name.removesuffix("_low").removesuffix("_high") if name not in ("low", "high") else name
        meaning = _MEANINGS.get(name) or _MEANINGS.get(stem, name.replace("_", " "))
        if name != stem:
            meaning += f", {name.rpartition('_')[2]} end of its 90 % interval"
        found.append(Column(name, values, unit if values.dtype.kind == "f" else "1", meaning))
    return tuple(found)


def _panels(table: columns.Columns, outcomes: Sequence[str], width: float, draw: Any) -> Any:
    narrow = width < 5.0
    shape = (len(outcomes), 1) if narrow else (1, len(outcomes))
    most = max(min(BARS, int((table["outcome"] == name).sum())) for name in outcomes)
    picture = style.canvas(width, shape[0] * (0.145 * most + 0.55) + 0.3)
    for panel, outcome in zip(picture.subplots(*shape, squeeze=False).ravel(), outcomes, strict=True):
        handles, names = draw(panel, table, outcome)
        panel.set_title(style.plain(labels.outcome(outcome).name, 40), loc="left")
        panel.tick_params(axis="y", length=0)
        panel.spines["left"].set_visible(False)
    picture.legend(handles, names, loc="outside lower center", ncols=3)
    return picture


def _named(panel: Any, names: Sequence[str]) -> np.ndarray[Any, Any]:
    places = np.arange(len(names))
    panel.set_yticks(places, [style.plain(labels.quantity(name).name, 34) for name in names], fontsize=5.8)
    panel.set_ylim(len(names) - 0.4, -0.6)
    return places


def _shares(panel: Any, table: columns.Columns, outcome: str) -> tuple[list[Any], list[str]]:
    total = "total" in table and bool(np.isfinite(table["total"]).any())
    key = "total" if total else "first"
    rows = np.flatnonzero(table["outcome"] == outcome)
    rows = rows[np.argsort(-np.nan_to_num(table[key][rows]), kind="stable")][:BARS]
    places = _named(panel, table["parameter"][rows].tolist())
    bar, point = style.LOOKS[5], style.LOOKS[0]
    panel.barh(places, table[key][rows], height=0.62, color=bar.colour, edgecolor=style.INK, linewidth=0.4)
    _whiskers(panel, table, key, rows, places + (0.14 if total else 0.0), style.INK)
    handles = [style.patch(facecolor=bar.colour, edgecolor=style.INK, linewidth=0.4)]
    names = ["total share" if total else "first-order share"]
    if total:
        panel.plot(table["first"][rows], places - 0.14, linestyle="none", marker=point.mark, markersize=2.6,
                   color=point.colour, zorder=5)  # fmt: skip
        _whiskers(panel, table, "first", rows, places - 0.14, style.GREY)
        handles.append(style.mark(point, markersize=3))
        names.append("first-order share")
    panel.set_xlim(left=0.0)
    panel.set_xlabel("share of variance")
    style.steps(panel.xaxis, 5)
    return handles, names


def _whiskers(panel: Any, table: columns.Columns, key: str, rows: Any, places: Any, colour: str) -> None:
    if f"{key}_low" in table and f"{key}_high" in table:
        panel.hlines(places, np.maximum(table[f"{key}_low"][rows], 0.0), table[f"{key}_high"][rows], color=colour,
                     linewidth=0.7, zorder=4)  # fmt: skip


def _swings(panel: Any, table: columns.Columns, outcome: str) -> tuple[list[Any], list[str]]:
    rows = np.flatnonzero(table["outcome"] == outcome)
    reach = np.abs(table["high"][rows] - table["low"][rows])
    rows = rows[np.argsort(-np.nan_to_num(reach), kind="stable")][:BARS]
    places = _named(panel, table["parameter"][rows].tolist())
    low, high = table["low"][rows], table["high"][rows]
    centre = table["central"][rows] if "central" in table else 0.5 * (low + high)
    at = float(np.median(centre)) if "central" in table else None
    dark = style.LOOKS[1].colour
    panel.barh(places, low - centre, left=centre, height=0.62, color="white", edgecolor=style.INK, linewidth=0.5)
    panel.barh(places, high - centre, left=centre, height=0.62, color=dark, edgecolor=style.INK, linewidth=0.5)
    if at is not None:
        panel.axvline(at, color=style.INK, linewidth=0.5)
    panel.set_xlabel(labels.outcome(outcome).unit or "pure number")
    style.steps(panel.xaxis, 4)
    return [style.patch(facecolor="white", edgecolor=style.INK, linewidth=0.5), style.patch(facecolor=dark)], [
        "at its low value", "at its high value",
    ]  # fmt: skip
