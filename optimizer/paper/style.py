"""How every figure looks, and how it becomes bytes: one set of sizes, colours, marks and dashes.

Colours are those of Okabe and Ito, which stay apart for the colour-blind. Whatever a colour tells, a mark or a dash
tells too, so that grey print loses nothing. Only this file of the package imports Matplotlib.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, NamedTuple

from tiercap.optimizer.errors import InputError

#: Widths of a column and of a page, in inches, by the ending of the files' names.
WIDTHS = {"1col": 3.5, "2col": 7.2}
KINDS = ("pdf", "svg")
INK, GREY, PALE, FAINT = "#111111", "#6f6f6f", "#c9c9c9", "#ececec"
SMALL = 6.0


class Look(NamedTuple):
    """One series: its colour, its dashes, its mark."""

    colour: str
    dash: Any
    mark: str


LOOKS = (
    Look("#000000", "-", "D"),
    Look("#0072B2", (0, (6, 1.5)), "o"),
    Look("#D55E00", (0, (2, 1)), "^"),
    Look("#009E73", (0, (6, 1.5, 1, 1.5)), "s"),
    Look("#CC79A7", (0, (1, 1)), "v"),
    Look("#56B4E9", (0, (8, 2, 1, 1, 1, 2)), "P"),
    Look("#E69F00", (0, (4, 4)), "X"),
)
#: A scale whose lightness rises evenly, in grey too.
SCALE = "cividis"
#: Unhinted, and at a resolution where it matters little, letters are as wide on the canvas as in the files.
_RC: dict[str, Any] = {
    "font.family": "DejaVu Sans", "font.size": 7.0, "axes.labelsize": 7.0, "axes.titlesize": 7.0,
    "xtick.labelsize": SMALL, "ytick.labelsize": SMALL, "legend.fontsize": SMALL, "legend.frameon": False,
    "axes.linewidth": 0.5,
    "xtick.major.width": 0.5, "ytick.major.width": 0.5, "xtick.minor.width": 0.3, "ytick.minor.width": 0.3,
    "xtick.major.size": 2.5, "ytick.major.size": 2.5, "xtick.minor.size": 1.5, "ytick.minor.size": 1.5,
    "xtick.major.pad": 2.0, "ytick.major.pad": 2.0, "axes.labelpad": 2.5, "axes.titlepad": 3.0, "lines.linewidth": 1.1,
    "hatch.linewidth": 0.35, "axes.spines.top": False, "axes.spines.right": False, "text.parse_math": False,
    "axes.unicode_minus": True, "pdf.fonttype": 42, "svg.fonttype": "path", "svg.hashsalt": "tiercap",
    "text.hinting": "none", "figure.dpi": 200.0,
    "pdf.compression": 6, "figure.constrained_layout.h_pad": 0.02, "figure.constrained_layout.w_pad": 0.02,
}  # fmt: skip
_DATELESS: dict[str, dict[str, None]] = {
    "pdf": {"CreationDate": None},
    "svg": {"Date": None},
    "png": {"Software": None},
}


def check() -> None:
    """InputError, in a sentence, where there is no Matplotlib."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise InputError("a paper needs Matplotlib: install tiercap with the extra [paper]") from None


def render(draw: Any, width: float, kinds: Sequence[str] = KINDS) -> dict[str, bytes]:
    """What ``draw(width)`` draws, as PDF, SVG or PNG, by kind; the same drawing gives the same bytes."""
    found = {}
    with applied():
        picture = draw(width)
        settle(picture)
        for kind in kinds:
            sink = io.BytesIO()
            picture.savefig(sink, format=kind, dpi=200, metadata=_DATELESS[kind])
            found[kind] = sink.getvalue()
    return found


@contextmanager
def applied() -> Iterator[None]:
    """Within it, Matplotlib draws in this style, whatever the user has set up."""
    import matplotlib

    with matplotlib.rc_context({**matplotlib.rcParamsDefault, **_RC}):
        yield


def canvas(width: float, height: float) -> Any:
    """An empty picture of that size in inches, laid out so that nothing is cut off; it needs no screen."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    picture = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(picture)
    return picture


def settle(picture: Any) -> None:
    """Lay a picture out, once: what is written into it afterwards moves nothing."""
    if picture.get_layout_engine() is not None:
        for _ in range(2):  # the width of labels depends on the ticks, and those on the width
            picture.draw_without_rendering()
        picture.set_layout_engine("none")


def plain(text: str, most: int = 80) -> str:
    """``text`` on one line, of characters that the font has, and not longer than ``most``."""
    known = _characters()
    shown = "".join(c if c.isprintable() and ord(c) in known else "?" for c in text.replace("\n", " "))
    return shown if len(shown) <= most else shown[: most - 1] + "…"


@cache
def _characters() -> frozenset[int]:
    from matplotlib import font_manager, ft2font

    return frozenset(ft2font.FT2Font(font_manager.findfont("DejaVu Sans")).get_charmap())


def line(look: Look, **more: Any) -> Any:
    """What a legend shows for a series."""
    from matplotlib.lines import Line2D

    return Line2D([], [], **{"color": look.colour, "linestyle": look.dash, **more})


def mark(look: Look, **more: Any) -> Any:
    """What a legend shows for a kind of point."""
    from matplotlib.lines import Line2D

    return Line2D([], [], **{"color": look.colour, "marker": look.mark, "linestyle": "none", "markersize": 4, **more})


def patch(**more: Any) -> Any:
    """What a legend shows for an area."""
    from matplotlib.patches import Patch

    return Patch(**more)


def rectangle(axes: Any, corner: tuple[float, float], size: tuple[float, float], **more: Any) -> None:
    """An area from its lower left corner, in data."""
    from matplotlib.patches import Rectangle

    axes.add_patch(Rectangle(corner, *size, **more))


def steps(axis: Any, count: int) -> None:
    """At most ``count`` round steps along an axis."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(count, steps=[1, 2, 2.5, 5, 10]))


def decades(axis: Any, low: float, high: float, crowded: bool = False) -> None:
    """Ticks of a logarithmic axis at few round times powers of ten; fewer where there is less room."""
    span = math.log10(high / low)
    leads = (1, 2, 5) if span < (1.0 if crowded else 2.0) else (1, 3) if span < (2.0 if crowded else 4.5) else (1,)
    ticks = [m * 10.0**e for e in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1) for m in leads]
    axis.set_ticks([t for t in ticks if low <= t <= high])
    axis.set_major_formatter(lambda value, _: f"{value:,.10g}")
    axis.set_minor_formatter(lambda value, _: "")


def halo(colour: str = "white") -> list[Any]:
    """What keeps a text readable where it lies on lines or points."""
    from matplotlib.patheffects import withStroke

    return [withStroke(linewidth=1.4, foreground=colour)]


#: Where a label may stand: distances from its point, in points, and directions tried at each.
_REACHES = (4.0, 6.0, 9.0, 13.0, 18.0, 24.0)
_WAYS = tuple(math.pi * k / 8 for k in (0, 4, 12, 8, 2, 14, 6, 10, 1, 15, 3, 13, 5, 11, 7, 9))


def place(
    axes: Any, labels: Sequence[tuple[float, float, str]], obstacles: Sequence[tuple[float, float]] = (), **text: Any
) -> list[str]:
    """Write each label beside its point, where it covers no other and no point; returns those without room.

    labels : x, y in data and the text, the important first; obstacles : points that stay visible
    """
    picture = axes.figure
    settle(picture)
    renderer = picture.canvas.get_renderer()
    unit, dot = picture.dpi / 72.0, 2.4
    inside = axes.get_window_extent(renderer).padded(-1.5 * unit)
    points = [axes.transData.transform(point) for point in (*((x, y) for x, y, _ in labels), *obstacles)]
    taken = [(x - dot * unit, y - dot * unit, x + dot * unit, y + dot * unit) for x, y in points]
    lost = []
    for number, (x, y, words) in enumerate(labels):
        wide, tall = _size(picture, renderer, words, text)
        own = taken[number]
        found = _room(points[number], wide, tall, unit, inside, [box for box in taken if box is not own])
        if found is None:
            lost.append(words)
            continue
        (dx, dy, reach), box = found
        taken.append(box)
        leader = {"arrowstyle": "-", "linewidth": 0.4, "color": INK, "shrinkA": 0.5, "shrinkB": 1.5}
        axes.annotate(words, (x, y), (dx, dy), textcoords="offset points", ha="center", va="center", zorder=9,
                      path_effects=halo(),
                      arrowprops=leader if reach > _REACHES[2] else None, **text)  # fmt: skip
    return lost


def _size(picture: Any, renderer: Any, words: str, text: dict[str, Any]) -> tuple[float, float]:
    probe = picture.text(0, 0, words, **text)
    box = probe.get_window_extent(renderer)
    probe.remove()
    return float(box.width) + 0.3 * probe.get_fontsize() * picture.dpi / 72.0, float(box.height)


def _room(
    point: Any, wide: float, tall: float, unit: float, inside: Any, taken: Sequence[tuple[float, ...]]
) -> tuple[tuple[float, float, float], tuple[float, float, float, float]] | None:
    """The nearest free place: offset of the label's centre and its reach in points, and its box in pixels."""
    for reach in _REACHES:
        for way in _WAYS:
            dx = math.cos(way) * (reach * unit + wide / 2)
            dy = math.sin(way) * (reach * unit + tall / 2)
            x, y = point[0] + dx, point[1] + dy
            box = (x - wide / 2, y - tall / 2, x + wide / 2, y + tall / 2)
            within = inside.x0 <= box[0] and box[2] <= inside.x1 and inside.y0 <= box[1] and box[3] <= inside.y1
            if within and not any(_overlap(box, other) for other in taken):
                return (dx / unit, dy / unit, reach), box
    return None


def _overlap(a: Sequence[float], b: Sequence[float]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
