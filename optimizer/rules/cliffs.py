"""The cliff view: how far a chip sits from every line of a rule, and which line it was built to."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tiercap.optimizer.rules.book import Rule, in_force_on, load_rules
from tiercap.optimizer.rules.chips import Chip
from tiercap.optimizer.rules.classify import classify
from tiercap.optimizer.rules.clauses import FIGURES, Facts, Limb, admits, facts, year_of

#: A chip at most so far below a line may have been built to it [%].
NEAR = 5.0


@dataclass(frozen=True, slots=True)
class Cliff:
    """One line of a rule beside one figure of a chip.

    ``room`` is the distance in per cent of the cap: positive below the line, zero or negative at or over it;
    None (with ``value`` None) if the figure is not known.
    """

    figure: str
    unit: str
    value: float | None
    cap: float
    room: float | None
    limbs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fit:
    """A line that a chip was built to (``relation`` "built to") or that was drawn beside it ("drawn beside").

    ``rule`` is the first rule that drew the line; ``months`` is how long after the line's rule the chip was
    launched at the earliest (negative: before).
    """

    relation: str
    rule: str
    figure: str
    unit: str
    value: float
    cap: float
    room: float
    months: float


def cliffs(chip: Chip, rule: Rule, group: str = "c") -> tuple[Cliff, ...]:
    """Every distinct line of ``rule`` for ``group``, with the chip's distance from it, nearest first.

    Lines of limbs for consumer chips are left out for chips made for data centres. Lines whose figure the
    chip does not have come last.
    """
    lines: dict[tuple[str, float], list[str]] = {}
    for limb in rule.limbs(group):
        if limb.consumer_only and chip.datacentre:
            continue
        for figure, cap in limb.caps().items():
            lines.setdefault((figure, cap), []).append(limb.name)
    found = [_cliff(chip, figure, cap, tuple(names)) for (figure, cap), names in lines.items()]
    return tuple(sorted(found, key=lambda cliff: math.inf if cliff.room is None else abs(cliff.room)))


def _cliff(chip: Chip, figure: str, cap: float, limbs: tuple[str, ...]) -> Cliff:
    value = chip.figure(figure)
    return Cliff(figure, FIGURES[figure].unit, value, cap, None if value is None else room(value, cap), limbs)


def room(value: float, cap: float) -> float:
    """Distance below a cap in per cent of the cap; at or over it zero or negative."""
    return 100.0 * (cap - value) / cap


def built_to(chip: Chip, rules: Mapping[str, Rule] | None = None) -> Fit | None:
    """The line that a chip sits closest under, of the rule in force when it was launched; None if none is near.

    Only chips of US vendors are asked: the rules are drawn for their exports. Lines count if they belong to
    an open limb for the restricted group that does not exclude the chip, and if the chip sits at most
    :data:`NEAR` per cent below. A special edition may also answer an I/O line by a deeper cut: the I/O line
    is then the answer however far below it the chip sits. Gaps are read in the chip's favour.
    """
    among = load_rules() if rules is None else rules
    if chip.country != "US" or chip.launched is None:
        return None
    rule = in_force_on(chip.launched[1], among)
    if rule is None:
        return None
    best = facts(chip, favourable=True)
    inside = [limb for limb in rule.limbs("c") if limb.tier == "open" and admits(limb, best)]
    fits = [fit for limb in inside for fit in _fits(chip, limb, best, among)]
    near = [fit for fit in fits if fit.room <= NEAR]
    if not near and chip.special_edition:
        near = [fit for fit in fits if fit.figure == "interconnect_gbs"]
    return min(near, key=lambda fit: fit.room, default=None)


def drawn_beside(chip: Chip, rules: Mapping[str, Rule] | None = None) -> Fit | None:
    """The line, drawn after a chip was launched, that lies nearest to it on either side; None if none is near.

    The other half of :func:`built_to`: the 4,800 of 2022 lies just below the A100, the 21,000 of 2026 just
    above the MI325X.
    """
    among = load_rules() if rules is None else rules
    if chip.country != "US" or chip.launched is None or chip.special_edition:
        return None
    fits = []
    for rule in among.values():
        if rule.in_force and rule.date and year_of(rule.date) > chip.launched[1]:
            for cliff in cliffs(chip, rule):
                if _first_to_draw(cliff.figure, cliff.cap, among) is rule and cliff.value is not None:
                    fits.append(_fit("drawn beside", chip, cliff.figure, cliff.value, cliff.cap, rule))
    return min((fit for fit in fits if abs(fit.room) <= NEAR), key=lambda fit: abs(fit.room), default=None)


def record(chip: Chip, rules: Sequence[Rule], group: str, with_cliffs: bool) -> dict[str, Any]:
    """A chip's verdict under each rule; with cliffs also its distance from the lines, and those it was built to."""
    found: dict[str, Any] = {"name": chip.name, "rules": {r.name: asdict(classify(chip, r, group)) for r in rules}}
    if with_cliffs:
        found["cliffs"] = {rule.name: [asdict(cliff) for cliff in cliffs(chip, rule, group)] for rule in rules}
        for key, fit in (("built_to", built_to(chip)), ("drawn_beside", drawn_beside(chip))):
            found[key] = asdict(fit) if fit else None
    return found


def _fits(chip: Chip, limb: Limb, best: Facts, rules: Mapping[str, Rule]) -> list[Fit]:
    """A limb's lines whose figure the chip has, each credited to the rule that drew it first."""
    found = []
    for figure, cap in limb.caps().items():
        value, rule = chip.figure(figure), _first_to_draw(figure, cap, rules, limb.consumer_only)
        if value is not None and rule is not None and value == best.figures[figure]:
            found.append(_fit("built to", chip, figure, value, cap, rule))
    return found


def _first_to_draw(figure: str, cap: float, rules: Mapping[str, Rule], consumer: bool | None = None) -> Rule | None:
    """The earliest rule with this line; ``consumer`` asks for limbs (not) for consumer chips only."""

    def draws(limb: Limb) -> bool:
        return limb.caps().get(figure) == cap and consumer in (None, limb.consumer_only)

    drawn = [rule for rule in rules.values() if rule.in_force and rule.date and any(map(draws, rule.limbs("c")))]
    return min(drawn, key=lambda rule: year_of(rule.date) if rule.date else math.inf, default=None)


def _fit(relation: str, chip: Chip, figure: str, value: float, cap: float, rule: Rule) -> Fit:
    start = chip.launched[0] if chip.launched else math.nan
    drawn = year_of(rule.date) if rule.date else math.nan
    months = round(12.0 * (start - drawn), 1)
    months = max(0.0, months) if relation == "built to" else months  # a quarter may begin before its rule
    return Fit(relation, rule.name, figure, FIGURES[figure].unit, value, cap, room(value, cap), months)
