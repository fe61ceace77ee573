"""Revenue, lead of computing and domestic supply year by year: a panel each for every featured policy, with bands."""

from __future__ import annotations

from typing import Any

import numpy as np

from tiercap.kernels.params import TRAJECTORY, TRAJECTORY_LIST
from tiercap.optimizer.paper import labels, style
from tiercap.optimizer.paper.exhibit import Column, Figure
from tiercap.optimizer.paper.material import BAND, Material, Policy

#: What is followed: field of a step, and whether it is a flow, which is shown per year whatever the step.
FIELDS = (("net_revenue_c", True), ("compute_lead", False), ("domestic_supply", False))
_TITLES = {"net_revenue_c": "Exporter net revenue\nfrom C", "compute_lead": "Computing\nof A over C",
           "domestic_supply": "Domestic supply\nin C"}  # fmt: skip


def figure(material: Material) -> Figure:
    """Bands over the futures for the rule in force, choices and far ends."""
    shown = material.featured
    plan = material.problem.study.scenarios
    return Figure(
        "trajectories",
        "Revenue, lead of computing and domestic supply over time",
        f"Median over {len(material.problem.scenarios):,} futures (line), where the middle 50 of 100 lie (dark band) "
        "and where 90 of 100 lie (light band). The dashed line in the other panels is the median under "
        f"{material.in_force.name}, the rule in force. Revenue is a step's, as a rate per year, not discounted. "
        f"{'The futures are members of the calibrated ensemble. ' if plan.kind == 'calibrated' else ''}The narrow "
        "version shows the rule in force and the first choice.",
        _columns(material, shown),
        lambda width: _draw(material, shown[: 2 if width < 5.0 else len(shown)], width),
    )


def values(material: Material, policy: Policy, field: str, statistic: str) -> np.ndarray[Any, Any]:
    """One statistic of one quantity, step by step, flows per year."""
    flow = dict(FIELDS)[field]
    scale = material.problem.study.horizon.steps_per_year if flow else 1
    found: np.ndarray[Any, Any] = material.bands[policy.key][statistic][:, TRAJECTORY.index(field)] * scale
    return found


def _columns(material: Material, shown: tuple[Policy, ...]) -> tuple[Column, ...]:
    units = {outcome.name: outcome.unit for outcome in TRAJECTORY_LIST}
    meanings = {outcome.name: outcome.meaning for outcome in TRAJECTORY_LIST}
    steps = len(material.years)
    found = [
        Column("policy", np.array([policy.name for policy in shown for _ in range(steps)]), "1", "the policy in force"),
        Column("year", np.tile(material.years, len(shown)), "year", "beginning of the step"),
    ]
    for field, flow in FIELDS:
        for statistic in (*BAND, "mean"):
            column = np.concatenate([values(material, policy, field, statistic) for policy in shown])
            unit = f"{units[field]}/year" if flow else units[field]
            meaning = meanings[field].replace(" in the step", ", per year") if flow else meanings[field]
            found.append(Column(f"{field}_{statistic}", column, unit, f"{meaning}; {statistic} over the futures"))
    return tuple(found)


def _draw(material: Material, shown: tuple[Policy, ...], width: float) -> Any:
    picture = style.canvas(width, 4.1)
    grid = picture.subplots(len(FIELDS), len(shown), sharex=True, sharey="row", squeeze=False)
    units = {outcome.name: outcome.unit for outcome in TRAJECTORY_LIST}
    for row, (field, flow) in enumerate(FIELDS):
        unit = labels.unit(f"{units[field]}/year" if flow else units[field])
        for column, policy in enumerate(shown):
            axes = grid[row, column]
            _band(axes, material, policy, field)
            if row == 0:
                force = ", in force" if policy.key == material.in_force.key else ""
                axes.set_title(style.plain(f"{policy.name}{force}", 22), loc="left", fontsize=6.5)
            if column == 0:
                axes.set_ylabel(_TITLES[field] + (f"\n({unit})" if unit else ""))
            style.steps(axes.yaxis, 5)
    picture.align_ylabels(grid[:, 0])
    for axes in grid[-1]:
        _years(axes, material)
    picture.legend(**_legend(material), loc="outside lower center", ncols=2 if width < 5.0 else 4)
    return picture


def _band(axes: Any, material: Material, policy: Policy, field: str) -> None:
    years = material.years
    band = {statistic: values(material, policy, field, statistic) for statistic in BAND}
    axes.fill_between(years, band["p05"], band["p95"], color="#d3dfe8", linewidth=0, zorder=1)
    axes.fill_between(years, band["p25"], band["p75"], color="#8fb3cd", linewidth=0, zorder=2)
    axes.plot(years, band["p50"], color=style.INK, zorder=4)
    if policy.key != material.in_force.key:
        axes.plot(years, values(material, material.in_force, field, "p50"), color=style.LOOKS[2].colour, linewidth=0.9,
                  linestyle=style.LOOKS[2].dash, zorder=5)  # fmt: skip
    axes.axhline(0.0, color=style.GREY, linewidth=0.3, zorder=0)


def _years(axes: Any, material: Material) -> None:
    first, last = float(material.years[0]), float(material.years[-1])
    axes.set_xlim(first, max(last, first + 1.0))
    step = max(1, round((last - first) / 3))
    ticks = np.arange(first, last + 1e-9, step)
    axes.set_xticks(ticks, [f"{tick:.0f}" for tick in ticks])


def _legend(material: Material) -> dict[str, Any]:
    handles = [
        style.line(style.Look(style.INK, "-", "")),
        style.patch(facecolor="#8fb3cd"),
        style.patch(facecolor="#d3dfe8"),
        style.line(style.LOOKS[2], linewidth=0.9),
    ]
    return {"handles": handles, "labels": ["median", "50 of 100 futures", "90 of 100 futures",
                                           f"median under {material.in_force.name}"]}  # fmt: skip
