"""The plain-Python twin of section 5, plans: candidates, reaches, and what a plan sells."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tiercap.kernels.params import WORKLOADS

from .designs import Design, Margin, Terms
from .performance import ByWorkload, value_index
from .prices import Segment, Seller, attractions, shares

#: A plan replaces an earlier one only if it is better by more than this share of it.
HYSTERESIS = 1e-12
#: Plans closer than this are one and the same up to rounding; the hysteresis, ten times as wide, decides alike
#: wherever they are computed.
SAME_PROFIT = 0.1 * HYSTERESIS
#: The two tiers by the letters of the page.
TIER_NAMES = {"l": "licensed", "o": "open"}


@dataclass(frozen=True)
class Candidate:
    """A design at its list price, and what it earns."""

    design: Design
    price: float
    demand: float  # n(p*)
    gross: float  # G
    phi: float
    nre: float

    @property
    def nets(self) -> float:
        return self.phi * self.gross - self.nre


@dataclass(frozen=True)
class Plan:
    """What the exporter offers to a segment: plan a, b, c or none."""

    kind: str
    offers: Mapping[str, Candidate]  # by "l" and "o"
    reach: Mapping[str, float]  # phi_l, phi_o
    profit: float = 0.0


NO_PLAN = Plan("none", {}, {"l": 0.0, "o": 0.0})


def _same(one: Candidate, other: Candidate) -> bool:
    """Whether two candidates are the same product at the same price and cost, up to rounding."""
    figures = [(one.design.cost, other.design.cost), (one.price, other.price), (one.nre, other.nre)]
    figures += [(one.phi, other.phi)]
    figures += [(one.design.f[w], other.design.f[w]) for w in WORKLOADS]
    return all(abs(a - b) <= 1e-12 * max(abs(a), abs(b)) for a, b in figures)


def best_candidate(candidates: Sequence[Candidate], margin: Margin) -> Candidate | None:
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


def served_share(avail: float, N: float, wanted: float) -> float:
    """phi of equation (15)."""
    return min(avail, N * avail / wanted) if wanted > 0.0 else avail


def _candidate(segment: Segment, design: Design, seller: Seller, avail: float, N: float, nre: float) -> Candidate:
    """A design at p*, licensed up to N or open with avail = 1 and N infinite."""
    price = segment.list_price(design, seller)
    demand = segment.n(price, design)
    gross = demand * (price - seller.cost(design)) * seller.net
    return Candidate(design, price, demand, gross, served_share(avail, N, demand), nre if design.cut else 0.0)


def open_candidate(
    segment: Segment, designs: Iterable[Design], seller: Seller, nre: float, margin: Margin
) -> Candidate | None:
    """The open candidate of section 5; ``nre`` is the yearly fixed cost of a cut design."""
    return best_candidate([_candidate(segment, d, seller, 1.0, float("inf"), nre) for d in designs], margin)


def licensed_candidate(
    segment: Segment, designs: Iterable[Design], terms: Terms, seller: Seller, nre: float, margin: Margin
) -> Candidate | None:
    """The licensed candidate of section 5, of the designs whose N is not 0."""
    if terms.shut:
        return None
    offered = [d for d in designs if terms.limit(d) > 0.0]
    found = [_candidate(segment, d, seller, terms.avail, terms.limit(d), nre) for d in offered]
    return best_candidate(found, margin)


def choose_plan(
    segment: Segment,
    designs: Mapping[str, Sequence[Design]],
    sellers: Mapping[str, Seller],
    terms: Terms,
    nre: float,
    margin: Margin,
) -> Plan:
    """The most profitable plan of section 5; ``designs`` and ``sellers`` by "l" and "o"."""
    if sum(segment.budgets.values()) <= 0.0:
        return NO_PLAN  # nobody to sell to: n = 0, no profit is positive
    free = open_candidate(segment, designs["o"], sellers["o"], nre, margin)
    licensed = licensed_candidate(segment, designs["l"], terms, sellers["l"], nre, margin)
    plans = []
    if free is not None:
        plans.append(Plan("a", {"o": free}, {"l": 0.0, "o": 1.0}, free.nets))
    if licensed is not None:
        plans.append(Plan("b", {"l": licensed}, {"l": licensed.phi, "o": 0.0}, licensed.nets))
    if free is not None and licensed is not None and licensed.phi < 1.0:
        phi = licensed.phi
        profit = phi * licensed.gross + (1.0 - phi) * free.gross - licensed.nre - free.nre
        plans.append(Plan("c", {"l": licensed, "o": free}, {"l": phi, "o": 1.0 - phi}, profit))
    return _most_profitable(plans, margin)


def _most_profitable(plans: Sequence[Plan], margin: Margin) -> Plan:
    """The plan taken, and by how much."""
    best = NO_PLAN
    for plan in plans:
        if plan.profit > best.profit * (1.0 + HYSTERESIS):
            best = plan
    for plan in plans:
        if plan is not best and best.kind != "none" and abs(plan.profit - best.profit) > SAME_PROFIT * best.profit:
            margin.note(abs(best.profit - plan.profit) / best.profit)
        fixed = sum(c.nre for c in plan.offers.values())
        if fixed > 0.0:  # against selling nothing
            margin.note(abs(plan.profit) / (abs(plan.profit) + fixed))
    return best


@dataclass
class Sale:
    """What one offer sells in a step; flows are a year."""

    tier: str  # "l" or "o"
    design: Design
    seller: Seller
    price: float
    value: float  # index of the segment's group
    share: ByWorkload  # s_jw
    mass: float  # share of buyers who are offered it
    chips: float  # [Mchip/year]
    spending: ByWorkload  # [GUSD/year] without what is pulled forward
    room: float  # N avail, inf for the open tier
    lump: float = 0.0  # [Mchip] pulled forward at the step's end

    @property
    def name(self) -> str:
        return TIER_NAMES[self.tier]

    def total(self, dt: float) -> float:
        """Chips of the step, lump included."""
        return self.chips * dt + self.lump


def sale_of(
    j: str, design: Design, seller: Seller, price: float, mass: float, segment: Segment, omega: ByWorkload, room: float
) -> Sale:
    """What an offer sells to the share ``mass`` of a segment."""
    s = shares(attractions(segment.A, price, design.f, segment.beta), segment.rivals)
    spending = {w: mass * segment.budgets[w] * s[w] for w in WORKLOADS}
    chips = sum(spending.values()) / price
    return Sale(j, design, seller, price, value_index(design.f, omega), s, mass, chips, spending, room)
