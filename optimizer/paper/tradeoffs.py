"""The front as a trade-off matrix: every two objectives against each other, rules and choices marked."""

from __future__ import annotations

from typing import Any

import numpy as np

from tiercap.optimizer.paper import labels, style
from tiercap.optimizer.paper.exhibit import Column, Figure, Left
from tiercap.optimizer.paper.material import Material, Policy

#: More objectives than this are too many panels for a page.
MOST = 5
_RULE, _CHOICE = style.LOOKS[2]._replace(mark="D"), style.LOOKS[1]._replace(mark="o")


def figure(material: Material) -> Figure | Left:
    """The front of the run, and what the rules do in the same futures."""
    if len(material.problem.objectives) < 2:
        return Left("tradeoffs", "tradeoffs: one objective has nothing to trade; give the study a second one")
    objectives = material.problem.objectives
    n, k = material.run.means.shape
    signs = zip(objectives, material.problem.scoring.signs.tolist(), strict=True)
    ways = ", ".join(f"{labels.outcome(name).name}: {'more' if sign < 0 else 'less'} is better" for name, sign in signs)
    left = f" The first {MOST} of {k} objectives are drawn." if k > MOST else ""
    return Figure(
        "tradeoffs",
        "The front of policies that nothing dominates, beside real rules",
        f"Means over {len(material.problem.scenarios):,} futures of the {n:,} policies that no other policy found "
        f"dominates (grey; {ways}), of the policies singled out in the text (letters) and of real rules and the two "
        "far ends (numbers). A policy may lie inside the cloud in one panel and be on the front by "
        f"another.{left}{_wider(material)}",
        _columns(material, objectives),
        lambda width: _draw(material, objectives[:MOST], width),
    )


def _wider(material: Material) -> str:
    """Rules that also bind groups which no lever of the study moves, whose points are no answer to its question."""
    moved = {name.partition("_")[0] for name in material.problem.space.names}
    base = material.problem.base
    names = [
        policy.name
        for policy in material.rules
        if any(policy.levers[group].tobytes() != base[group].tobytes() for group in ("a", "b") if group not in moved)
    ]
    return f" Outside the search's reach, for it binds groups A or B too: {', '.join(names)}." if names else ""


def _columns(material: Material, objectives: list[str]) -> tuple[Column, ...]:
    n = len(material.run)
    labelled = material.policies
    kinds = ["front"] * n + ["choice"] * len(material.choices) + ["rule"] * len(material.rules)
    names = [str(row) for row in range(n)] + [policy.name for policy in labelled]
    found = [
        Column("kind", np.array(kinds), "1", "front: a policy of the run's front; choice: one singled out; rule"),
        Column("policy", np.array(names), "1", "number on the front from 0, or the name"),
    ]
    for k, name in enumerate(objectives):
        values = [*material.run.means[:, k].tolist(), *(material.score(policy, name) for policy in labelled)]
        found.append(
            Column(
                name,
                np.array(values),
                labels.stored_unit(name),
                "over the futures, by the statistic that the study compares",
            )
        )
    return tuple(found)


def marks(material: Material) -> list[tuple[Policy, str]]:
    """Choices with letters, rules with numbers."""
    lettered = [(policy, chr(ord("A") + k)) for k, policy in enumerate(material.choices)]
    return lettered + [(policy, str(k + 1)) for k, policy in enumerate(material.rules)]


def _draw(material: Material, objectives: list[str], width: float) -> Any:
    size = max(1, len(objectives) - 1)
    narrow = width < 5.0
    side = width / size
    tall = {1: 0.75 * width}.get(size, size * side * (0.92 if narrow else 0.62))
    picture = style.canvas(width, tall + (0.75 if narrow or size == 1 else 0.0))
    grid = picture.add_gridspec(size, size)
    signs = material.problem.scoring.signs[: len(objectives)].tolist()
    shown = [_axis_label(name, "more" if sign < 0 else "less") for name, sign in zip(objectives, signs, strict=True)]
    for row in range(size):
        for column in range(row + 1):
            axes = picture.add_subplot(grid[row, column])
            x, y = column, row + 1
            if len(objectives) == 1:
                y = 0
            _panel(axes, material, objectives[x], objectives[y], x, y)
            _name(axes.xaxis, shown[x] if row == size - 1 else "")
            _name(axes.yaxis, shown[y] if column == 0 else "")
    _key(picture, material, outside=narrow or size == 1)
    for axes in picture.axes:
        _label(axes, material)
    return picture


def _axis_label(name: str, better: str) -> str:
    printed = labels.outcome(name)
    unit = f"{printed.unit}; " if printed.unit else ""
    return f"{printed.name}\n({unit}{better} is better)"


def _name(axis: Any, text: str) -> None:
    """The label of an axis on the edge of the matrix; inside it the numbers go too."""
    axis.set_label_text(text)
    if not text:
        axis.set_tick_params(labelleft=False, labelbottom=False)


def _panel(axes: Any, material: Material, x: str, y: str, i: int, j: int) -> None:
    axes.plot(material.run.means[:, i], material.run.means[:, j], linestyle="none", marker=".", markersize=1.6,
              markeredgewidth=0, color=style.GREY, alpha=0.6, zorder=2)  # fmt: skip
    axes._tiercap = (x, y)  # read when the labels are placed, after the layout is known
    for policy, _ in marks(material):
        rule, force = policy.rule is not None, policy.key == material.in_force.key
        look = _RULE if rule else _CHOICE
        axes.plot([material.score(policy, x)], [material.score(policy, y)], linestyle="none", zorder=5,
                  marker=look.mark, markersize=4.4 if force else 3.2 if rule else 4.6,
                  color=look.colour if rule else "none", markeredgecolor=style.INK if force else look.colour,
                  markeredgewidth=0.8)  # fmt: skip
    axes.margins(0.09)
    style.steps(axes.xaxis, 6)
    style.steps(axes.yaxis, 6)


def _label(axes: Any, material: Material) -> None:
    x, y = axes._tiercap
    points = [(material.score(policy, x), material.score(policy, y), text) for policy, text in marks(material)]
    style.place(axes, points, fontsize=style.SMALL, color=style.INK)


def _key(picture: Any, material: Material, outside: bool) -> None:
    handles, names = [], []
    for policy, text in marks(material):
        rule = policy.rule is not None
        look = _RULE if rule else _CHOICE
        handles.append(
            style.mark(look, markersize=3.2 if rule else 4.6, markerfacecolor=look.colour if rule else "none")
        )
        force = " (in force)" if policy.key == material.in_force.key else ""
        names.append(style.plain(f"{text}  {policy.name}{force}", 40))
    handles.append(style.mark(style.Look(style.GREY, "-", "."), markersize=3))
    names.append(f"front, {len(material.run):,} policies")
    place = {"loc": "outside lower center", "ncols": 2} if outside else {"loc": "upper right", "ncols": 1}
    picture.legend(handles, names, handletextpad=0.2, columnspacing=1.0, labelspacing=0.35, **place)
