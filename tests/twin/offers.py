"""The plain-Python twin of section 5, offers: equation (9), and what a plan sells."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tiercap.kernels.params import WORKLOADS

from .designs import Design, Margin, Terms
from .performance import ByWorkload
from .prices import Segment, net_factor

#: A plan replaces an earlier one only if it is better by more than this share of it.
HYSTERESIS = 1e-12
#: Plans closer than this are one and the same up to rounding; the hysteresis, ten times as wide, decides alike
#: wherever they are computed.
SAME_PROFIT = 0.1 * HYSTERESIS


@dataclass(frozen=True)
class Candidate:
    """The best design of a tier, with its price and what it earns."""

    design: Design
    price: float
    p_star: float
    gross: float  # pi(price)
    gross_star: float  # pi(p*)
    nre: float
    nets: float


@dataclass(frozen=True)
class Plan:
    """What the exporter offers to a segment: plan a, b, c or none."""

    kind: str
    licensed: Candidate | None = None
    open: Candidate | None = None
    phi_l: float = 0.0
    phi_o: float = 0.0
    profit: float = 0.0


def _same(one: Candidate, other: Candidate) -> bool:
    """Whether two candidates are the same product at the same price and cost, up to rounding."""
    figures = [(one.design.cost, other.design.cost), (one.price, other.price), (one.nre, other.nre)]
    figures += [(one.design.f[w], other.design.f[w]) for w in WORKLOADS]
    return all(abs(a - b) <= 1e-12 * max(abs(a), abs(b)) for a, b in figures)


def _best(candidates: Sequence[Candidate], margin: Margin) -> Candidate | None:
    """The candidate that nets most, the first one of equals."""
    if not candidates:
        return None
    best = candidates[0]
    for candidate in candidates[1:]:
        if candidate.nets > best.nets:
            best = candidate
    for candidate in candidates:
        if candidate is not best and not _same(candidate, best):
            margin.between(best.nets, candidate.nets)
    return best


def open_candidate(
    segment: Segment, designs: Iterable[Design], net: float, nre: float, margin: Margin
) -> Candidate | None:
    """The open candidate of section 5; ``nre`` is the fixed cost of a cut design in this step."""
    found = []
    for design in designs:
        price = segment.p_star(design, net)
        gross = segment.profit(price, design, net)
        cost = nre if design.cut else 0.0
        found.append(Candidate(design, price, price, gross, gross, cost, gross - cost))
    return _best(found, margin)


def licensed_candidate(
    segment: Segment, designs: Iterable[Design], terms: Terms, net: float, nre: float, margin: Margin
) -> Candidate | None:
    """The licensed candidate of section 5."""
    found = []
    for design in designs:
        N = terms.limit(design)
        p_star = segment.p_star(design, net)
        price = p_star if segment.n(p_star, design) <= N else segment.clearing(N, design)
        gross = segment.profit(price, design, net)
        gross_star = segment.profit(p_star, design, net)
        cost = nre if design.cut else 0.0
        found.append(Candidate(design, price, p_star, gross, gross_star, cost, terms.avail * gross - cost))
    return _best(found, margin)


def choose_plan(
    segment: Segment,
    open_designs: Sequence[Design],
    licensed_designs: Sequence[Design],
    terms: Terms,
    tariff: float,
    nre: float,
    margin: Margin,
) -> Plan:
    """Offers and plans of section 5, equation (9)."""
    if sum(segment.budgets.values()) <= 0.0:
        return Plan("none")  # nobody to sell to: n = 0, no profit is positive
    best_open = open_candidate(segment, open_designs, net_factor(0.0, tariff), nre, margin)
    best_licensed = None
    if not terms.shut:
        net = net_factor(terms.tau, tariff)
        best_licensed = licensed_candidate(segment, licensed_designs, terms, net, nre, margin)
    plans = []
    if best_open is not None:
        plans.append(Plan("a", None, best_open, 0.0, 1.0, best_open.nets))
    if best_licensed is not None:
        plans.append(Plan("b", best_licensed, None, terms.avail, 0.0, best_licensed.nets))
    if best_open is not None and best_licensed is not None:
        design = best_licensed.design
        wanted = segment.n(best_licensed.p_star, design)
        phi = min(terms.avail, terms.limit(design) * terms.avail / wanted)
        profit = phi * best_licensed.gross_star + (1.0 - phi) * best_open.gross
        profit = profit - best_licensed.nre - best_open.nre
        if phi < 1.0:
            plans.append(Plan("c", best_licensed, best_open, phi, 1.0 - phi, profit))
    best = Plan("none")
    for plan in plans:
        if plan.profit > best.profit * (1.0 + HYSTERESIS):
            best = plan
    for plan in plans:
        if plan is not best and best.kind != "none" and abs(plan.profit - best.profit) > SAME_PROFIT * best.profit:
            margin.note(abs(best.profit - plan.profit) / best.profit)
        fixed = sum(c.nre for c in (plan.licensed, plan.open) if c is not None)
        if fixed > 0.0:  # against selling nothing
            margin.note(abs(plan.profit) / (abs(plan.profit) + fixed))
    return best


@dataclass
class Sale:
    """What one offer sold in a step."""

    tier: str
    design: Design
    price: float
    tau: float
    net: float
    value: float  # index of the segment's group
    chips: float
    spending: ByWorkload  # without what is pulled forward
    room: float  # N avail, inf for the open tier
    counts_as_diverted: bool
    extra: float = 0.0

    @property
    def all_chips(self) -> float:
        """n_j after what is pulled forward was added."""
        return self.chips + self.extra
