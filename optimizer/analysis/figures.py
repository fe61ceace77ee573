"""What discovery found as one figure: the trade-off of coverage and density, the proposed box, the futures.

Left: the boxes of PRIM's trajectories, among all inputs and among few, and CART's leaves. Right: the futures over the
two inputs that are restricted most surely, and the box. Below: the limits of the box within the range of each
input. Marks and shades tell apart what colours do, so that the figure survives a grey print. Same findings, same bytes.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np

from tiercap.optimizer.analysis.discover import Discovery, words
from tiercap.optimizer.analysis.prim import Box
from tiercap.optimizer.errors import InputError
from tiercap.optimizer.io import durable
from tiercap.optimizer.model.parameters import ParameterInfo
from tiercap.optimizer.study.problem import UNITS

NAME = "discover"
SUFFIXES = ("pdf", "svg", "png")
#: Colours that stay apart for the colour-blind and in grey (Okabe and Ito).
FAILS, HOLDS, BOX, OTHER = "#D55E00", "#9CA3AF", "#0072B2", "#374151"
#: Futures drawn at most.
DOTS = 4000


def available() -> bool:
    """Whether Matplotlib is installed."""
    from importlib.util import find_spec

    return find_spec("matplotlib") is not None


def write(found: Discovery, folder: Path) -> list[str]:
    """Draw into ``folder`` as PDF, SVG and PNG; the names of the files. InputError where Matplotlib is missing."""
    for kind in SUFFIXES:
        durable.write(folder, f"{NAME}.{kind}", picture(found, kind))
    return [f"{NAME}.{kind}" for kind in SUFFIXES]


def picture(found: Discovery, kind: str) -> bytes:
    """The figure as ``pdf``, ``svg`` or ``png``."""
    try:
        import matplotlib
    except ImportError:
        raise InputError("a figure needs Matplotlib: install tiercap with the extra [paper]") from None
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    style = {"svg.hashsalt": "tiercap", "svg.fonttype": "none", "pdf.fonttype": 42, "font.family": "DejaVu Sans",
             "font.size": 8, "axes.linewidth": 0.6}  # fmt: skip
    with matplotlib.rc_context({**matplotlib.rcParamsDefault, **style}):
        box = _shown(found)
        bars = np.flatnonzero(box.restricted.any(axis=1))
        below = 0.28 * max(len(bars), 1) + 0.75
        tall = 3.3 + below
        figure = Figure(figsize=(7.2, tall))
        FigureCanvasAgg(figure)
        top, high = (below + 0.45) / tall, 2.3 / tall
        _trade_off(figure.add_axes((0.08, top, 0.36, high)), found)
        _scatter(figure.add_axes((0.57, top, 0.36, high)), found, box)
        _limits(figure.add_axes((0.27, 0.5 / tall, 0.28, (below - 0.75) / tall)), found, box)
        figure.text(0.02, 1.0 - 0.1 / tall, _plain(_title(found), 130), va="top", fontsize=8)
        sink = io.BytesIO()
        metadata = {"pdf": {"CreationDate": None}, "svg": {"Date": None}, "png": {"Software": None}}[kind]
        figure.savefig(sink, format=kind, dpi=200, metadata=metadata)
    return sink.getvalue()


def _shown(found: Discovery) -> Box:
    """PRIM's first box, else the leaf that holds most failures among those denser than all futures."""
    if found.boxes:
        return found.boxes[0]
    dense = [leaf for leaf in found.leaves if leaf.density > found.failing] or found.leaves or found.paths[0]
    return dense[0]


def _title(found: Discovery) -> str:
    return (
        f"{found.policy.name} fails in {100 * found.failing:.3g} % of {len(found.cases.interest):,} futures: "
        f"{' or '.join(found.reasons)}"
    )


def _trade_off(axes: Any, found: Discovery) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.axhline(found.failing, color=OTHER, linewidth=0.7, linestyle=":")
    axes.text(0.5, found.failing - 0.02, "all futures", color=OTHER, fontsize=7, ha="center", va="top")
    if found.paths:
        path = found.paths[0]
        dots = axes.scatter(
            [b.coverage for b in path], [b.density for b in path], c=[b.dimensions for b in path], cmap="viridis_r",
            s=16, linewidths=0.3, edgecolors=OTHER, zorder=3, label="PRIM, all inputs",
        )  # fmt: skip
        if found.narrow[0] is not path:
            axes.plot([b.coverage for b in found.narrow[0]], [b.density for b in found.narrow[0]], color=BOX,
                      linewidth=1.0, zorder=2, label="few inputs")  # fmt: skip
        bar = axes.figure.colorbar(dots, ax=axes, pad=0.02, aspect=30, ticks=MaxNLocator(6, integer=True))
        bar.set_label("parameters restricted", fontsize=7)
        bar.ax.tick_params(labelsize=7)
    if found.leaves:
        axes.scatter([b.coverage for b in found.leaves], [b.density for b in found.leaves], marker="^", s=16,
                     facecolors="none", edgecolors=OTHER, linewidths=0.8, zorder=2, label="CART")  # fmt: skip
    if found.boxes and found.boxes[0].restricted.any():
        axes.scatter([found.boxes[0].coverage], [found.boxes[0].density], marker="s", s=60, facecolors="none",
                     edgecolors=BOX, linewidths=1.6, zorder=4, label="proposed")  # fmt: skip
    axes.set_xlim(-0.02, 1.04)
    axes.set_ylim(-0.02, 1.04)
    axes.set_xlabel("coverage: share of all failures inside")
    axes.set_ylabel("density: share inside that fails")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.13), ncols=4, frameon=False, fontsize=6.5, handletextpad=0.2,
                columnspacing=0.8)  # fmt: skip


def _surest(box: Box) -> list[int]:
    """The inputs that are restricted, the one with the least quasi-p first."""
    chance = np.nan_to_num(box.quasi_p, nan=2.0).min(axis=1)
    return [int(k) for k in np.argsort(chance, kind="stable") if box.restricted[k].any()]


def _scatter(axes: Any, found: Discovery, box: Box) -> None:
    """The futures over the two inputs restricted most surely; where there is but one, over it and the outcome."""
    from matplotlib.patches import Rectangle

    chosen = _surest(box) or [0]
    i, cases = chosen[0], found.cases
    some = slice(None, None, max(1, -(-len(cases.x) // DOTS)))
    fails = cases.interest[some]
    x = cases.x[some, i]
    if len(chosen) > 1:
        j = chosen[1]
        y, bottom, top, label = cases.x[some, j], box.low[j], box.high[j], _labelled(found.inputs[j])
    else:
        name, values = next(iter(found.outcomes.items()))
        y, bottom, top = values[some], float(values.min()), float(values.max())
        label = name if UNITS[name] == "1" else f"{name} [{UNITS[name]}]"
    axes.scatter(x[~fails], y[~fails], s=5, marker="o", facecolors="none", edgecolors=HOLDS, linewidths=0.4,
                 rasterized=True, label="holds")  # fmt: skip
    axes.scatter(x[fails], y[fails], s=9, marker="x", color=FAILS, linewidths=0.7, rasterized=True, label="fails")
    axes.add_patch(Rectangle((box.low[i], bottom), box.high[i] - box.low[i], top - bottom, fill=False, edgecolor=BOX,
                             linewidth=1.6, zorder=5))  # fmt: skip
    axes.set_xlabel(_labelled(found.inputs[i]))
    axes.set_ylabel(label)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.13), ncols=2, frameon=False, fontsize=6.5, handletextpad=0.2)


def _limits(axes: Any, found: Discovery, box: Box) -> None:
    """A bar a restricted input: its range, what of it the box takes, the limits in its unit."""
    floor, ceiling = found.cases.ends
    rows = [int(k) for k in np.flatnonzero(box.restricted.any(axis=1))]
    axes.set_xlim(0.0, 1.0)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    for row, k in enumerate(rows):
        span = ceiling[k] - floor[k]
        start, end = (box.low[k] - floor[k]) / span, (box.high[k] - floor[k]) / span
        axes.barh(row, 1.0, height=0.5, color="#E5E7EB", zorder=1)
        axes.barh(row, end - start, left=start, height=0.5, color=BOX, zorder=2)
        axes.text(-0.02, row, _labelled(found.inputs[k]), ha="right", va="center", fontsize=7)
        chance = float(np.nanmin(box.quasi_p[k]))
        shown = "< 0.001" if chance < 0.001 else f"= {chance:.3f}"
        said = words(_only(box, k), found.inputs).removeprefix(f"{found.inputs[k].name} is ")
        axes.text(1.02, row, f"{_plain(said, 60)}  (quasi-p {shown})", ha="left", va="center", fontsize=7)
    axes.set_yticks([])
    axes.set_xticks([0.0, 1.0], ["lowest", "highest in any future"], fontsize=7)
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(False)
    numbers = f"coverage {box.coverage:.2f}, density {box.density:.2f}, mass {box.mass:.2f}"
    axes.set_xlabel(numbers if rows else "no parameter marks the failures")


def _only(box: Box, k: int) -> Box:
    """The box with the limits of one input alone."""
    from dataclasses import replace

    restricted = np.zeros_like(box.restricted)
    restricted[k] = box.restricted[k]
    return replace(box, restricted=restricted)


def _labelled(info: ParameterInfo) -> str:
    return info.name if info.unit == "1" else f"{info.name} [{info.unit}]"


def _plain(text: str, most: int) -> str:
    """``text`` without what the plotter would read as mathematics or cannot draw, and not longer than its place."""
    shown = "".join(c if c.isprintable() else "?" for c in text)
    return (shown[: most - 3] + "..." if len(shown) > most else shown).replace("$", r"\$")
