"""Levers and objectives of the whole front as parallel axes, one a line, with real rules marked on them.

An axis runs over what the search may choose, or over what the front and the rules reach; what lies beyond stands in the
margin: left of the axis what is tighter or below, right of it what is lifted or above.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tiercap.optimizer.paper import labels, style
from tiercap.optimizer.paper.exhibit import Column, Figure
from tiercap.optimizer.paper.material import Material, Policy
from tiercap.optimizer.rules.levers import CONTROLS, LEVERS_TABLE, describe, part

#: Where in the margin a value stands that has no place on its axis, in lengths of the axis.
BELOW, ABOVE = -0.055, 1.055
#: Policies of the front drawn as lines; more would only darken the page.
LINES = 400


@dataclass(frozen=True)
class Axis:
    """One axis: its name, where it begins and ends in the unit of print, and whether it is logarithmic."""

    name: str
    printed: labels.Printed
    low: float
    high: float
    log: bool
    lever: bool

    def place(self, value: float) -> float:
        """Of a stored value: 0 to 1 on the axis, else a margin; NaN has none."""
        if math.isnan(value):
            return math.nan
        shown = value * self.printed.scale
        if shown > self.high * (1 + 1e-9):
            return ABOVE
        if shown < self.low * (1 - 1e-9) - 1e-12:
            return BELOW
        if self.log:
            return math.log(shown / self.low) / math.log(self.high / self.low)
        return (shown - self.low) / (self.high - self.low)


def figure(material: Material) -> Figure:
    """Every lever and objective of the front."""
    axes, rules = _axes(material), material.rules
    return Figure(
        "parallel",
        "Levers and objectives of the front as parallel axes",
        f"Each thin line is a policy of the front{_drawn(material)}; the thick lines are policies singled out in the "
        f"text. The diamonds are {material.in_force.name}, the rule in force, the strokes the other rules (numbered "
        "in the wide version: "
        f"{', '.join(f'{k} {p.name}' for k, p in enumerate(rules, 1) if p.key != material.in_force.key)}); only rules "
        "that draw a line there have a mark, several where they join several boxes. Left of an axis stands what lies "
        "below its range (nothing admitted, or no such term), right of it what lies above (no cap). Objectives are "
        "means over the futures.",
        _columns(material),
        lambda width: _draw(material, axes, width),
    )


def _drawn(material: Material) -> str:
    n = len(material.run)
    return f" (every {math.ceil(n / LINES)}th of {n:,})" if n > LINES else ""


def _columns(material: Material) -> tuple[Column, ...]:
    n, rules = len(material.run), material.rules
    names = np.array([*map(str, range(n)), *(policy.name for policy in rules)])
    meaning = "number on the front from 0, or the rule's name; a rule of several boxes has its first here"
    found = [Column("policy", names, "1", meaning)]
    for name, values in material.run.values.items():
        of_rules = [first(policy, name) for policy in rules]
        info = LEVERS_TABLE[name]
        found.append(Column(name, np.array([*values.tolist(), *of_rules]), info.unit, info.meaning))
    for k, name in enumerate(material.problem.objectives):
        means = [*material.run.means[:, k].tolist(), *(material.score(p, name) for p in rules)]
        found.append(
            Column(
                name,
                np.array(means),
                labels.stored_unit(name),
                "over the futures, by the statistic that the study compares",
            )
        )
    return tuple(found)


def first(policy: Policy, name: str) -> float:
    """A rule's value of a lever, of a cap its first box's; infinite where nothing limits, NaN where no tier is."""
    return (marks(policy, name) or [math.nan])[0]


def marks(policy: Policy, name: str) -> list[float]:
    """A rule's values of a lever, one a box that draws it."""
    told = describe(policy.levers)
    group, tier, cap = [*name.split("_", 2), ""][:3]
    if tier not in ("open", "licensed"):
        default = math.inf if LEVERS_TABLE[name].liftable else 0.0
        licensed = any(key.startswith(f"{group}_licensed") for key in told)
        alone = part(name).field in (*CONTROLS, "indexation")
        return [told.get(name, default)] if licensed or alone else []
    found = [told[key] for key in (name, f"{group}_{tier}_2_{cap}", f"{group}_{tier}_3_{cap}") if key in told]
    drawn = any(key.startswith(f"{group}_{tier}_") for key in told)
    unlimited = tier == "open" and not drawn
    return found or ([math.inf] if drawn or unlimited else [])


def _axes(material: Material) -> list[Axis]:
    found = []
    for lever in material.problem.study.levers:
        printed = labels.lever(lever.name)
        values = material.run.values[lever.name] * printed.scale
        low, high = float(values.min()), float(values.max())
        if lever.within is None:
            low, high = lever.low * printed.scale, lever.high * printed.scale
        log = bool(lever.log and low > 0.0)
        found.append(Axis(lever.name, printed, low, high if high > low else low + 1.0, log, True))
    for k, name in enumerate(material.problem.objectives):
        values = np.array([*material.run.means[:, k], *(material.score(p, name) for p in material.rules)])
        low, high = float(values.min()), float(values.max())
        found.append(Axis(name, labels.outcome(name), low, high if high > low else low + 1.0, False, False))
    return found


def _draw(material: Material, axes: Sequence[Axis], width: float) -> Any:
    narrow = width < 5.0
    picture = style.canvas(width, 0.30 * len(axes) + (0.75 if narrow else 0.45))
    field = picture.add_subplot()
    field.set_xlim(-0.09, 1.09)
    field.set_ylim(len(axes) - 0.5, -0.6)
    field.set_xticks([])
    for side in field.spines.values():
        side.set_visible(False)
    names = [axis.printed.stacked if narrow else axis.printed.label for axis in axes]
    field.set_yticks(range(len(axes)), names)
    field.tick_params(axis="y", length=0, pad=3)
    for y, axis in enumerate(axes):
        field.plot([0, 1], [y, y], color=style.INK, linewidth=0.5, zorder=3)
        for x, value, side in ((0.0, axis.low, "left"), (1.0, axis.high, "right")):
            field.text(x, y + 0.14, labels.short(value), ha=side, va="top", fontsize=5.2, color=style.INK, zorder=8,
                       path_effects=style.halo())  # fmt: skip
    lines = [axis for axis, shown in enumerate(axes) if not shown.lever]
    if lines:
        field.axhline(lines[0] - 0.5, color=style.GREY, linewidth=0.4, linestyle=(0, (1, 2)))
    rows = np.arange(0, len(material.run), math.ceil(len(material.run) / LINES))
    places = _places(material, axes)
    field.plot(places[:, rows], np.arange(len(axes)), color=style.GREY, linewidth=0.25, alpha=0.35, zorder=1)
    _thick(field, material, places, len(axes))
    _rules(field, material, axes, 0.0 if narrow else 0.0075)
    picture.legend(**_legend(material), loc="outside lower center", ncols=2 if narrow else 4)
    return picture


def _places(material: Material, axes: Sequence[Axis]) -> NDArray[np.float64]:
    """float64[axes, policies of the front]"""
    objectives = material.problem.objectives
    rows: list[list[float]] = []
    for axis in axes:
        values = material.run.values[axis.name] if axis.lever else material.run.means[:, objectives.index(axis.name)]
        rows.append([axis.place(float(value)) for value in values])
    return np.array(rows)


def _thick(field: Any, material: Material, places: NDArray[np.float64], count: int) -> None:
    for policy, look in _singled(material):
        field.plot(places[:, policy.row], np.arange(count), color=look.colour, linestyle=look.dash, linewidth=1.2,
                   marker=look.mark, markersize=2.8, zorder=5)  # fmt: skip


def _singled(material: Material) -> list[tuple[Policy, style.Look]]:
    """The compromise and the nearest improvement, or whatever two stand first and last among the choices."""
    chosen = {policy.key: policy for policy in (material.choices[0], material.choices[-1])}
    return list(zip(chosen.values(), (style.LOOKS[1], style.LOOKS[3]), strict=False))


def _rules(field: Any, material: Material, axes: Sequence[Axis], letter: float) -> None:
    """The rule in force as diamonds, the others as strokes, with numbers where a letter has a width there."""
    for y, axis in enumerate(axes):
        numbers: dict[float, list[str]] = {}
        for k, policy in enumerate(material.rules, 1):
            values = marks(policy, axis.name) if axis.lever else [material.score(policy, axis.name)]
            for value in values:
                x = axis.place(value)
                if policy.key == material.in_force.key:
                    field.plot([x], [y], marker="D", markersize=4.2, color=style.LOOKS[2].colour, zorder=7,
                               markeredgecolor=style.INK, markeredgewidth=0.6, linestyle="none")  # fmt: skip
                else:
                    numbers.setdefault(round(x, 2), []).append(str(k))
        for x in numbers:
            field.plot([x, x], [y - 0.12, y + 0.02], color=style.LOOKS[2].colour, linewidth=0.9, zorder=6)
        if letter:
            _numbers(field, y, numbers, letter)


def _numbers(field: Any, y: int, numbers: dict[float, list[str]], letter: float) -> None:
    """Numbers above their place on the axis; texts that would touch share one, between their places."""
    merged: list[tuple[list[float], list[str]]] = []
    for x in sorted(numbers):
        texts = sorted(numbers[x])
        if merged and x - merged[-1][0][-1] < letter * (len(merged[-1][1]) + len(texts)) + letter:
            merged[-1][0].append(x)
            merged[-1][1].extend(texts)
        else:
            merged.append(([x], texts))
    for places, texts in merged:
        x = sum(places) / len(places)
        side = "left" if x < 0 else "right" if x > 1 else "center"
        at = -0.085 if x < 0 else 1.085 if x > 1 else x
        field.text(at, y - 0.14, ",".join(sorted(set(texts))), ha=side, va="bottom", fontsize=5.2,
                   color=style.LOOKS[2].colour, zorder=8, path_effects=style.halo())  # fmt: skip


def _legend(material: Material) -> dict[str, Any]:
    handles = [style.line(style.Look(style.GREY, "-", ""), linewidth=0.5)]
    names = ["front"]
    for policy, look in _singled(material):
        handles.append(style.line(look, marker=look.mark, markersize=2.8))
        names.append(style.plain(policy.name, 40))
    handles.append(style.mark(style.LOOKS[2]._replace(mark="D"), markeredgecolor=style.INK))
    names.append(f"{material.in_force.name} (in force)")
    return {"handles": handles, "labels": names}
