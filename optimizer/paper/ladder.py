"""The threshold ladder: chips against the caps of a policy, both axes logarithmic, tiers shaded, cliffs marked.

A plane shows two of the figures that a rule may cap. Where a box also caps one of those that the plane hides, its area
is hatched, and a chip inside it need not pass; the marks tell what became of each chip under all of the rule.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tiercap.kernels.params import ABSOLUTE, TIERS
from tiercap.optimizer.paper import labels, style
from tiercap.optimizer.paper.exhibit import Column, Figure
from tiercap.optimizer.paper.material import Material, Policy
from tiercap.optimizer.rules.chips import Chip
from tiercap.optimizer.rules.levers import CAPS, live_boxes, value_at

#: A chip so far below a cap, or so little above it, stands on the cliff: per cent of the cap.
CLIFF = 5.0
#: Whose exports the rules are about; chips of other countries stand beside them without a verdict.
EXPORTER = "US"
#: The plane, TPP by memory bandwidth [GB/s]: what the chips of the list span.
TPP, MEMORY = (150.0, 160_000.0), (90.0, 30_000.0)
#: Caps nearer than this share of an axis have their figures in one text.
APART = 0.035
#: What became of a chip: its mark, and whether it is filled.
STATUS = {"open": ("o", True), "licensed": ("s", True), "denied": ("x", True), "unknown": ("o", False)}
_SHADES = {"open": "#e4eff8", "licensed": "#f1d5a8"}
_INKS = {"open": "#0072B2", "licensed": "#B8690A", "denied": "#111111", "unknown": "#111111"}


class Box(NamedTuple):
    """A box of a tier on the plane; ``hidden`` says in words what it caps besides."""

    tier: str
    tpp: float
    memory: float
    hidden: tuple[str, ...]


def figure(material: Material) -> Figure:
    """The rule in force, and beside it the first of the choices."""
    shown = _shown(material)
    against = [f"{p.name} (the rule in force)" if p.rule else f"the policy called {p.name}" for p in shown]
    hidden = sorted({words for policy in shown for box in boxes(policy) for words in box.hidden})
    more = f" Hatched boxes also cap {', '.join(hidden)}, which this plane does not show." if hidden else ""
    return Figure(
        "ladder",
        "Chips against caps: the threshold ladder",
        "Chips by processing performance (TPP) and memory bandwidth, against the caps of "
        f"{' and of '.join(against)} "
        "for group C. Blue: the open tier; ochre: licensed; white: denied; marks tell what becomes of each US chip "
        f"under all limbs (unknown: a figure that decides is not published); crosses are chips made in C.{more} "
        f"Ringed chips lie within {CLIFF:g} % of a cap that is drawn, on the cliff. Labels go to the chips next to a "
        "cap, then to the others while there is room; all are in the data beside the figure. Caps as they stand at "
        "the start.",
        _columns(material, shown),
        lambda width: _draw(material, shown[: 1 if width < 5.0 else 2], width),
    )


def _shown(material: Material) -> list[Policy]:
    return [material.in_force, material.choices[0]]


def boxes(policy: Policy) -> list[Box]:
    """The boxes for group C as the model reads them, the licensed tier first; none where caps are no figures."""
    row = policy.levers.reshape(1)
    if row["c"]["reading"][0] != ABSOLUTE:
        return []
    found = []
    for tier in reversed(range(len(TIERS))):
        for box in live_boxes(row, "c", tier):
            caps = {cap: value_at(row, "c", cap, row["c"][cap][0, tier, box]) for cap in CAPS}
            hidden = [
                labels.FIGURES[cap] for cap in ("interconnect", "density", "bandwidth_sum") if caps[cap] < math.inf
            ]
            if float(row["c"]["sku_before"][0, tier]) < math.inf:
                hidden.append("the date of launch")
            found.append(Box(TIERS[tier], caps["tpp"], caps["memory"], tuple(hidden)))
    return found


def nearest(chip: Chip, drawn: Sequence[Box]) -> float:
    """Distance from the nearest cap of the plane in per cent of it, negative at or above it; NaN if there is none."""
    rooms = []
    for box in drawn:
        for value, cap in ((chip.tpp, box.tpp), (chip.memory_gbs, box.memory)):
            if value is not None and 0.0 < cap < math.inf:
                rooms.append(100.0 * (cap - value) / cap)
    return min(rooms, key=abs, default=math.nan)


def _columns(material: Material, shown: Sequence[Policy]) -> tuple[Column, ...]:
    chips = material.chips
    nan = math.nan
    found = [
        Column("chip", np.array([chip.name for chip in chips]), "1", "name of the chip"),
        Column("launch", np.array([chip.launch for chip in chips]), "1", "year, half-year or quarter of its launch"),
        Column("tpp", np.array([nan if c.tpp is None else c.tpp for c in chips]), "TPP", "processing performance"),
        Column("memory", np.array([nan if c.memory_gbs is None else c.memory_gbs for c in chips]), "GB/s", "bandwidth"),
    ]
    for k, policy in enumerate(shown):
        which = "the rule in force" if k == 0 else f"the policy called {policy.name}"
        key = "rule" if k == 0 else "choice"
        rooms = np.array([nearest(chip, boxes(policy)) for chip in chips])
        status = np.array([material.status(chip, policy) for chip in chips])
        found.append(Column(f"status_{key}", status, "1", f"what becomes of the chip under {which}"))
        found.append(Column(f"room_{key}", rooms, "%", f"distance below the nearest TPP or memory cap of {which}"))
    return tuple(found)


def _draw(material: Material, shown: Sequence[Policy], width: float) -> Any:
    each = width / len(shown)
    picture = style.canvas(width, 0.92 * each + 0.5)
    panels = picture.subplots(1, len(shown), sharey=True, squeeze=False)[0]
    for axes, policy in zip(panels, shown, strict=True):
        _panel(axes, material, policy)
        if len(shown) > 1:
            axes.set_title(f"{policy.name}, in force" if policy.rule else policy.name, loc="left")
    panels[0].set_ylabel("Memory bandwidth (GB/s)")
    picture.legend(**_legend(), loc="outside lower center", ncols=3 if len(shown) == 1 else 8, columnspacing=1.0)
    for axes, policy in zip(panels, shown, strict=True):
        _name_chips(axes, material, policy)
    return picture


def _panel(axes: Any, material: Material, policy: Policy) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(*TPP)
    axes.set_ylim(*MEMORY)
    style.decades(axes.xaxis, *TPP)
    style.decades(axes.yaxis, *MEMORY)
    axes.set_xlabel("Total processing performance (TPP)")
    for box in boxes(policy):
        _shade(axes, box)
    _cliffs(axes, boxes(policy))
    for chip in _known(material):
        if chip.country != EXPORTER:
            axes.plot([chip.tpp], [chip.memory_gbs], linestyle="none", marker="+", markersize=3.2, color=style.GREY,
                      markeredgewidth=0.6, zorder=4)  # fmt: skip
            continue
        status = material.status(chip, policy)
        mark, filled = STATUS[status]
        axes.plot([chip.tpp], [chip.memory_gbs], linestyle="none", marker=mark, markersize=3.0, color=_INKS[status],
                  markerfacecolor=_INKS[status] if filled else "white", markeredgewidth=0.7, zorder=6)  # fmt: skip
        if abs(nearest(chip, boxes(policy))) <= CLIFF:
            axes.plot([chip.tpp], [chip.memory_gbs], linestyle="none", marker="o", markersize=6.6,
                      markerfacecolor="none", markeredgecolor=style.INK, markeredgewidth=0.5, zorder=5)  # fmt: skip


def _shade(axes: Any, box: Box) -> None:
    x, y = min(box.tpp, 10 * TPP[1]), min(box.memory, 10 * MEMORY[1])
    low = (TPP[0] / 10, MEMORY[0] / 10)
    size = (x - low[0], y - low[1])
    style.rectangle(axes, low, size, facecolor=_SHADES[box.tier], edgecolor="none", zorder=0.5)
    if box.hidden:
        hatch = "////" if box.tier == "open" else "...."
        ink = "#9fb6c8" if box.tier == "open" else "#d9b77f"
        style.rectangle(axes, low, size, facecolor="none", edgecolor=ink, hatch=hatch, linewidth=0.0, zorder=0.6)
    dash = "-" if box.tier == "open" else (0, (4, 1.5))
    style.rectangle(
        axes, low, size, facecolor="none", edgecolor=_INKS[box.tier], linewidth=0.8, linestyle=dash, zorder=1.5
    )


def _cliffs(axes: Any, drawn: Sequence[Box]) -> None:
    """The figures of the caps, each once: TPP along the bottom, memory along the left, where few chips stand."""
    for caps in _together([box.tpp for box in drawn], TPP):
        axes.annotate(_figures(caps), (caps[0], 0.0), (-1.5, 2), xycoords=("data", "axes fraction"), rotation=90,
                      textcoords="offset points", ha="right", va="bottom", fontsize=5.2, color=style.INK, zorder=10,
                      path_effects=style.halo())  # fmt: skip
        for cap in caps:
            axes.axvline(cap, color=style.GREY, linewidth=0.35, linestyle=(0, (1, 2)), zorder=1.2)
    for caps in _together([box.memory for box in drawn], MEMORY):
        axes.annotate(_figures(caps), (0.0, caps[-1]), (2, 1.5), xycoords=("axes fraction", "data"), zorder=8,
                      textcoords="offset points", ha="left", va="bottom", fontsize=5.2, color=style.INK,
                      path_effects=style.halo())  # fmt: skip
        for cap in caps:
            axes.axhline(cap, color=style.GREY, linewidth=0.35, linestyle=(0, (1, 2)), zorder=1.2)


def _together(caps: Sequence[float], span: tuple[float, float]) -> list[list[float]]:
    """Caps on the plane in ascending order, those too close for a figure each in one list."""
    found: list[list[float]] = []
    for cap in sorted({cap for cap in caps if cap < span[1]}):
        if found and math.log(cap / found[-1][-1]) < APART * math.log(span[1] / span[0]):
            found[-1].append(cap)
        else:
            found.append([cap])
    return found


def _figures(caps: Sequence[float]) -> str:
    return " and ".join(map(labels.figure, caps))


def _known(material: Material) -> list[Chip]:
    """Chips that have a place on the plane."""
    return [chip for chip in material.chips if chip.tpp is not None and chip.memory_gbs is not None]


def _name_chips(axes: Any, material: Material, policy: Policy) -> None:
    """The exporter's chips: those on a cliff first, then special editions, then the newest."""
    drawn = boxes(policy)
    known = [chip for chip in _known(material) if chip.country == EXPORTER]
    others = [(chip.tpp, chip.memory_gbs) for chip in _known(material) if chip.country != EXPORTER]
    room = {chip.name: abs(nearest(chip, drawn)) for chip in known}

    def rank(chip: Chip) -> tuple[bool, bool, float]:
        return not room[chip.name] <= CLIFF, not chip.special_edition, -(chip.launched or (0.0, 0.0))[1]

    points = [(chip.tpp, chip.memory_gbs, chip.name) for chip in sorted(known, key=rank)]
    style.place(axes, points, [*others, *_written(drawn)], fontsize=5.0, color=style.INK)  # type: ignore[arg-type, list-item]


def _written(drawn: Sequence[Box]) -> list[tuple[float, float]]:
    """Points on lines and where the figures of the caps stand, which no label may cover."""
    tops, sides = _together([box.tpp for box in drawn], TPP), _together([box.memory for box in drawn], MEMORY)
    found = [(caps[0] * 0.94, MEMORY[0] * 1.04 * 1.06**k) for caps in tops for k in range(2 * len(_figures(caps)))]
    found += [(TPP[0] * 1.03 * 1.07**k, caps[-1] * 1.06) for caps in sides for k in range(2 * len(_figures(caps)))]
    found += [(cap, y) for caps in tops for cap in caps for y in np.geomspace(*MEMORY, 60).tolist()]
    return found + [(x, cap) for caps in sides for cap in caps for x in np.geomspace(*TPP, 60).tolist()]


def _legend() -> dict[str, Any]:
    handles = [style.patch(facecolor=_SHADES[tier], edgecolor=_INKS[tier], linewidth=0.7) for tier in TIERS]
    names = [f"{tier} tier" for tier in TIERS]
    for status, (mark, filled) in STATUS.items():
        look = style.Look(_INKS[status], "-", mark)
        handles.append(style.mark(look, markersize=3, markerfacecolor=_INKS[status] if filled else "white"))
        names.append({"unknown": "unknown"}.get(status, f"chip {status}"))
    handles.append(style.mark(style.Look(style.GREY, "-", "+"), markersize=3.2))
    names.append("chip made in C")
    ring = style.Look(style.INK, "-", "o")
    handles.append(style.mark(ring, markersize=6, markerfacecolor="none", markeredgewidth=0.5))
    names.append(f"{CLIFF:g} % from a cap")
    return {"handles": handles, "labels": names, "handletextpad": 0.4}
