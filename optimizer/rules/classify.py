"""What a rule says of a chip, and the figures that decide."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tiercap.optimizer.rules.chips import Chip
from tiercap.optimizer.rules.clauses import FIGURES, GAPS, Facts, Limb, admits, facts, on_sale_by, outermost

if TYPE_CHECKING:
    from tiercap.optimizer.rules.book import Rule

Status = Literal["open", "licensed", "denied", "unknown"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """A chip's status under a rule, the sentence that says why, and the name of the deciding limb.

    ``limb`` is the limb that admits the chip; for a denied chip the one it would have to get past, if any;
    None where figures are missing.
    """

    status: Status
    because: str
    limb: str | None = None


def classify(chip: Chip, rule: Rule, group: str = "c") -> Verdict:
    """Status of ``chip`` under ``rule`` for the destination group ``group`` (a, b or c).

    open: no licence; licensed: case by case or on notice, even where nothing is granted; denied: no limb
    admits it; unknown: figures are missing and could tip the answer. Comparisons are strict: a figure equal
    to a cap is over it. Raises :class:`InputError` for an unknown group.
    """
    limbs = ordered(rule.limbs(group))
    best, worst = facts(chip, favourable=True), facts(chip, favourable=False)
    status, limb = _decide(limbs, worst)
    if status != _decide(limbs, best)[0]:
        return _unknown(chip, limbs)
    if limb is None:
        return _denied(limbs, best)
    return Verdict(status, f"{status}: {_admission(limb, limbs, worst, best)}", limb.name)


def ordered(limbs: Sequence[Limb]) -> list[Limb]:
    """Open limbs before licensed ones: the first that admits a chip decides."""
    return sorted(limbs, key=lambda limb: limb.tier != "open")


def _decide(limbs: Sequence[Limb], known: Facts) -> tuple[Status, Limb | None]:
    for limb in limbs:
        if admits(limb, known):
            return limb.tier, limb
    return "denied", None


def _admission(limb: Limb, limbs: Sequence[Limb], known: Facts, best: Facts) -> str:
    """The limb that admits, the figures it holds, its terms, and why nothing better applies."""
    passed = [_compare(name, known.figures[name], cap, "<") for name, cap in limb.caps().items()]
    parts = [limb.name + (": " + " and ".join(passed) if passed else "")]
    if limb.consumer_only:
        parts.append("not for data centres")
    if limb.sku_before is not None:
        parts.append(f"on US sale before {limb.sku_before}")
    if limb.tier == "licensed":
        parts.extend(_not_open(limbs, best))
        if not limb.granted:
            parts.append("quota 0")
        elif limb.duty_bands:
            due = limb.share_due(known.figures["tpp"], known.figures["memory_gbs"])
            parts.append(f"{100 * limb.revenue_share:g} % due" if due else "outside the duty's bands: no share due")
    return "; ".join(parts)


def _not_open(limbs: Sequence[Limb], best: Facts) -> list[str]:
    """Why the open limb that comes nearest does not admit the chip."""
    tried = [limb for limb in limbs if limb.tier == "open" and not (limb.consumer_only and not best.consumer)]
    nearest = min(tried, key=lambda limb: (_excess(limb, best), len(_failures(limb, best))), default=None)
    failed = _failures(nearest, best) if nearest else []
    return ["not open: " + " and ".join(text for _, _, text in failed)] if failed else []


def _excess(limb: Limb, best: Facts) -> float:
    """How far the worst figure lies over its cap, as a ratio."""
    ratios = [best.figures[name] / cap if cap > 0 else math.inf for name, cap in limb.caps().items()]
    return max(ratios, default=0.0)


def _denied(limbs: Sequence[Limb], best: Facts) -> Verdict:
    """Name the outermost limbs that a chip of its kind could have used, with what keeps it out.

    A limb that fails on nothing but lines that another draws wider adds nothing and is not named.
    """
    applicable = [limb for limb in outermost(limbs) if best.consumer or not limb.consumer_only]
    if not applicable:
        return Verdict("denied", "denied: the rule admits nothing to this group")
    licensed_first = sorted(applicable, key=lambda limb: limb.tier == "open")
    failures = [(limb, _failures(limb, best)) for limb in licensed_first]
    widest: dict[str, float] = {}
    for _, failed in failures:
        for name, cap, _ in failed:
            widest[name] = max(cap, widest.get(name, cap))
    named = [(limb, failed) for limb, failed in failures if any(cap >= widest[name] for name, cap, _ in failed)]
    reasons = [f"outside {limb.name}: {' and '.join(text for _, _, text in failed)}" for limb, failed in named]
    return Verdict("denied", "denied: " + "; ".join(reasons), named[0][0].name)


def _failures(limb: Limb, best: Facts) -> list[tuple[str, float, str]]:
    """What keeps even the most favourable reading of a chip out of ``limb``: name, cap and sentence."""
    failed = [
        (name, cap, _compare(name, best.figures[name], cap, ">="))
        for name, cap in limb.caps().items()
        if best.figures[name] >= cap
    ]
    if limb.consumer_only and not best.consumer:
        failed.append(("consumer_only", 0.0, "for data centres"))
    if limb.sku_before is not None and not on_sale_by(best, limb.sku_before):
        failed.append(("sku_before", 0.0, f"not on US sale before {limb.sku_before}"))
    return failed


def _unknown(chip: Chip, limbs: Sequence[Limb]) -> Verdict:
    """Which gaps could tip the answer, and between which answers."""
    best = _decide(limbs, facts(chip, favourable=True))[0]
    worst = _decide(limbs, facts(chip, favourable=False))[0]
    tipping = [
        gap
        for gap in GAPS
        if _decide(limbs, facts(chip, True, (gap,), others=False))[0] != worst
        or _decide(limbs, facts(chip, False, (gap,), others=True))[0] != best
    ]
    gaps = " and ".join(tipping) if tipping else "its figures"
    return Verdict("unknown", f"unknown: {gaps} not known; between {best} and {worst}")


def _compare(name: str, value: float, cap: float, sign: str) -> str:
    """``TPP 15,832 < 21,000``, with the unit behind the cap where the word does not say it."""
    figure = FIGURES[name]
    unit = "" if figure.unit == figure.word else f" {figure.unit}"
    return f"{figure.word} {shown(value, cap)} {sign} {shown(cap)}{unit}"


def shown(value: float, beside: float = math.nan) -> str:
    """A figure with as few decimals as keep it apart from the cap ``beside``."""
    if math.isinf(value):
        return "inf"
    text = ""
    for places in range(0 if value >= 100 else 2, 12):
        text = f"{value:,.{places}f}"
        if value == beside or float(text.replace(",", "")) != beside:
            break
    return text.rstrip("0").rstrip(".") if "." in text else text
