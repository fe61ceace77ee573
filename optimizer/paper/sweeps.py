"""A sweep as lines with bands (one name, or one at a time) or as heat maps (two names)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tiercap.kernels.params import OUTCOME_LIST
from tiercap.optimizer.model.parameters import DECLARED
from tiercap.optimizer.paper import labels, style
from tiercap.optimizer.paper.exhibit import Column, Figure, Left
from tiercap.optimizer.paper.given import Axis, Sweep
from tiercap.optimizer.rules.levers import LEVERS_TABLE

#: Outcomes that have a panel; the data beside the figure has all.
MOST = 3
#: Policies that have a line.
LINES = 4


def figure(found: Sweep, objectives: Sequence[str]) -> Figure | Left:
    """Lines or heat maps, of the objectives where the sweep kept them."""
    outcomes = [
        name for name in (*objectives, *found.outcomes) if name in found.outcomes and "mean" in found.outcomes[name]
    ]
    outcomes = list(dict.fromkeys(outcomes))[:MOST]
    names = [axis.name for axis in found.axes]
    policies = list(dict.fromkeys(found.policies.tolist()))
    listed = " and ".join(labels.quantity(name).name for name in names[:4])
    if not outcomes:
        return Left("sweep", "sweep: the folder keeps no means; `tiercap sweep` keeps them unless told otherwise")
    if len(names) == 1 or _one_at_a_time(found.axes):
        drawn = policies[:LINES]
        few = f" The first {LINES} of {len(policies)} policies are drawn." if len(policies) > LINES else ""
        caption = (
            f"Means over the futures (lines with marks) and where 90 of 100 futures lie (bands), as {listed} "
            f"{'moves' if len(names) == 1 else 'move, one at a time'}; all else as in the study.{few}"
        )
        return Figure(
            "sweep", f"Sweep over {listed}", caption, _columns(found), lambda w: _lines(found, outcomes, drawn, w)
        )
    if len(names) == 2 and _is_grid(found, policies[0]):
        caption = (
            f"Means over the futures under {shown_name(policies[0])} as {listed} move together; contours carry values. "
            "All else as in the study."
        )
        return Figure("sweep", f"Sweep over {listed}", caption, _columns(found),
                      lambda w: _heat(found, outcomes, policies[0], w))  # fmt: skip
    return Left(
        "sweep",
        f"sweep: {len(names)} names move together, which no page shows; sweep one or two, as in "
        f"`tiercap sweep --over {names[0]}=LO:HI:N -o FOLDER`",
    )


def shown_name(policy: str) -> str:
    """A policy's name in a sentence, whatever the user called it."""
    shown = "".join(c if c.isprintable() else "?" for c in policy)
    return shown if len(shown) <= 60 else shown[:59] + "…"


def _one_at_a_time(axes: Sequence[Axis]) -> bool:
    given = np.stack([~np.isnan(axis.values) for axis in axes])
    return bool((given.sum(axis=0) <= 1).all() and given.any())


def _is_grid(found: Sweep, policy: str) -> bool:
    x, y = (axis.values[found.policies == policy] for axis in found.axes)
    whole = np.isfinite(x).all() and np.isfinite(y).all()
    return bool(
        whole and len(np.unique(x)) * len(np.unique(y)) == len(x) and min(len(np.unique(x)), len(np.unique(y))) > 1
    )


def _columns(found: Sweep) -> tuple[Column, ...]:
    units = {o.name: (o.unit, o.meaning) for o in OUTCOME_LIST}
    columns = [Column("policy", found.policies, "1", "the policy")]
    for axis in found.axes:
        info: Any = LEVERS_TABLE.get(axis.name) or DECLARED[axis.name]
        columns.append(Column(axis.name, axis.values, info.unit, info.meaning))
    for outcome, statistics in found.outcomes.items():
        unit, meaning = units[outcome]
        for statistic, values in statistics.items():
            name = outcome if statistic == "mean" else f"{outcome}_{statistic}"
            if name not in (axis.name for axis in found.axes):
                columns.append(Column(name, values, unit, f"{meaning}; {statistic} over the futures"))
    return tuple(columns)


def _lines(found: Sweep, outcomes: Sequence[str], policies: Sequence[str], width: float) -> Any:
    axes_shown = found.axes[:4]
    narrow = width < 5.0
    shape = (
        (len(outcomes), len(axes_shown))
        if len(axes_shown) > 1
        else (len(outcomes), 1)
        if narrow
        else (1, len(outcomes))
    )
    picture = style.canvas(width, shape[0] * (1.45 if shape[0] > 1 else 2.2) + 0.6)
    grid = picture.subplots(*shape, sharex="col" if shape[0] > 1 else False, squeeze=False)
    for k, outcome in enumerate(outcomes):
        for j, axis in enumerate(axes_shown):
            panel = grid[k, j] if len(axes_shown) > 1 or narrow else grid[0, k]
            _line_panel(panel, found, axis, outcome, policies)
            bottom = k == len(outcomes) - 1 or shape[0] == 1
            panel.set_xlabel(labels.quantity(axis.name).label if bottom else "")
            printed = labels.outcome(outcome)
            panel.set_ylabel(printed.stacked if j == 0 else "")
    handles = [
        style.line(look, marker=look.mark, markersize=2.6) for _, look in zip(policies, style.LOOKS, strict=False)
    ]
    names = [style.plain(policy, 34) for policy in policies]
    picture.legend(handles, names, loc="outside lower center", ncols=1 if narrow else 2)
    return picture


def _line_panel(panel: Any, found: Sweep, axis: Axis, outcome: str, policies: Sequence[str]) -> None:
    kept, scale = found.outcomes[outcome], labels.quantity(axis.name).scale
    for policy, look in zip(policies, style.LOOKS, strict=False):
        rows = np.flatnonzero((found.policies == policy) & np.isfinite(axis.values))
        rows = rows[np.argsort(axis.values[rows], kind="stable")]
        x = axis.values[rows] * scale
        if "p05" in kept and "p95" in kept:
            panel.fill_between(x, kept["p05"][rows], kept["p95"][rows], color=look.colour, alpha=0.13, linewidth=0)
            for edge in ("p05", "p95"):
                panel.plot(x, kept[edge][rows], color=look.colour, linewidth=0.4, linestyle=look.dash)
        panel.plot(x, kept["mean"][rows], color=look.colour, linestyle=look.dash, marker=look.mark, markersize=2.6,
                   markevery=max(1, len(rows) // 8))  # fmt: skip
    if axis.log:
        known = axis.values[np.isfinite(axis.values)] * scale
        panel.set_xscale("log")
        style.decades(panel.xaxis, float(known.min()), float(known.max()), crowded=True)
    else:
        style.steps(panel.xaxis, 5)
    style.steps(panel.yaxis, 5)


def _heat(found: Sweep, outcomes: Sequence[str], policy: str, width: float) -> Any:
    narrow = width < 5.0
    shape = (len(outcomes), 1) if narrow else (1, len(outcomes))
    picture = style.canvas(width, 2.35 * shape[0] if narrow else 2.5)
    panels = picture.subplots(*shape, sharex=narrow, sharey=not narrow, squeeze=False).ravel()
    first, second = found.axes
    for k, (panel, outcome) in enumerate(zip(panels, outcomes, strict=True)):
        _heat_panel(picture, panel, found, outcome, policy)
        if not narrow or k == len(outcomes) - 1:
            panel.set_xlabel(labels.quantity(first.name).label)
        if narrow or k == 0:
            panel.set_ylabel(labels.quantity(second.name).label)
    return picture


def _heat_panel(picture: Any, panel: Any, found: Sweep, outcome: str, policy: str) -> None:
    rows = found.policies == policy
    first, second = found.axes
    x, i = np.unique(first.values[rows], return_inverse=True)
    y, j = np.unique(second.values[rows], return_inverse=True)
    z = np.full((len(y), len(x)), np.nan)
    z[j, i] = found.outcomes[outcome]["mean"][rows]
    x, y = x * labels.quantity(first.name).scale, y * labels.quantity(second.name).scale
    drawn = panel.pcolormesh(x, y, z, cmap=style.SCALE, shading="nearest", edgecolors="face",
                            linewidth=0.4)  # fmt: skip
    for axis, side, values in ((first, "x", x), (second, "y", y)):
        if axis.log:
            getattr(panel, f"set_{side}scale")("log")
            style.decades(getattr(panel, f"{side}axis"), float(values[0]), float(values[-1]), crowded=True)
    if len(x) > 2 and len(y) > 2 and np.ptp(z) > 0.0:
        lines = panel.contour(x, y, z, levels=5, colors="white", linewidths=0.7)
        for text in panel.clabel(lines, fontsize=5.4, fmt=lambda value: f"{value:.3g}"):
            text.set_path_effects(style.halo("#222222"))
    printed = labels.outcome(outcome)
    bar = picture.colorbar(drawn, ax=panel, shrink=0.95, aspect=28, pad=0.02)
    bar.set_label(printed.label)
    bar.outline.set_linewidth(0.4)
    style.steps(bar.ax.yaxis, 5)
