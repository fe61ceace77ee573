"""The plain-Python twin of the payoff model: ``docs/model.md`` once more, in scalar floats and plain loops.

Written from that page and ``kernels/params.py`` alone, so that an error in the kernels and an error here are not
the same error. Nothing is hoisted, shared or unrolled; every function names the equation it states. Where the
page leaves room, the choice taken carries the comment ``# reading:``.

Vectors over workloads are dicts with the keys ``st``, ``ft``, ``pf``, ``dc``. Chips are in millions, money in
billions of dollars, prices in thousands of dollars a chip.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import SimpleNamespace

import numpy as np

from tiercap.kernels.params import ABSOLUTE, LAGGED, MAX_BOXES, OUTCOMES, RELATIVE, TRAJECTORY, WORKLOADS

INF = math.inf
#: Smallest stock that enters a logarithm (section 8, item 8).
STOCK_FLOOR = 1e-9
#: Distance of a figure from its cap, or of a date from its limit, that counts as a near tie.
EDGE = 1e-9
#: A plan replaces an earlier one only if it is better by more than this share of it (section 5).
HYSTERESIS = 1e-12
#: Plans closer than this are one and the same up to rounding; the hysteresis, ten times as wide, decides alike
#: wherever they are computed.
SAME_PROFIT = 0.1 * HYSTERESIS
#: A Newton step in a logarithm below this is the last one: its own error is of the order of its square.
NEWTON_DONE = 1e-9

ByWorkload = dict[str, float]


# --- 1. Time -------------------------------------------------------------------------------------------------


def share_per_step(yearly: float, dt: float) -> float:
    """Section 1: a partial adjustment at rate s a year becomes 1 - (1-s)^dt a step."""
    return 1.0 - (1.0 - yearly) ** dt


# --- 2. Performance ------------------------------------------------------------------------------------------


def roofline_time(
    F: float, M: float, I: float, reference: Sequence[float], theta: Sequence[float], exponent: int
) -> float:
    """t_w of equation (1); ``reference`` = (F0, M0, I0), ``theta`` = (theta_f, theta_m, theta_i)."""
    F0, M0, I0 = reference
    theta_f, theta_m, theta_i = theta
    compute = theta_f * F0 / F
    memory = theta_m * M0 / M
    return (compute**exponent + memory**exponent) ** (1.0 / exponent) + theta_i * I0 / I


def roofline(F: float, M: float, I: float, reference: Sequence[float], theta: Sequence[float], exponent: int) -> float:
    """f_w of equation (1): time of the reference chip over the time of the chip."""
    F0, M0, I0 = reference
    of_reference = roofline_time(F0, M0, I0, reference, theta, exponent)
    return of_reference / roofline_time(F, M, I, reference, theta, exponent)


def wall(f_st: float, i_ratio: float, rho: float, wall_exponent: float, network_exponent: float) -> float:
    """f_ft of equation (2); ``i_ratio`` = I/I0."""
    u = rho / (f_st * i_ratio**network_exponent)
    return f_st / (1.0 + u**wall_exponent)


def run_over_wall(q: SimpleNamespace, y: float) -> float:
    """rho(y), below equation (2)."""
    return (q.run_size / q.wall_size) * (q.run_growth / q.wall_growth) ** y


def performance(F: float, M: float, I: float, q: SimpleNamespace, y: float, exponent: int) -> ByWorkload:
    """f_w of a chip for the four workloads, equations (1) and (2)."""
    reference = (q.reference_f, q.reference_m, q.reference_i)
    f = {}
    for w in ("st", "pf", "dc"):
        theta = (getattr(q, f"theta_f_{w}"), getattr(q, f"theta_m_{w}"), getattr(q, f"theta_i_{w}"))
        f[w] = roofline(F, M, I, reference, theta, exponent)
    ft = wall(f["st"], I / q.reference_i, run_over_wall(q, y), q.wall_exponent, q.network_exponent)
    return {"st": f["st"], "ft": ft, "pf": f["pf"], "dc": f["dc"]}


def weights(q: SimpleNamespace, stem: str) -> ByWorkload:
    """The four weights ``stem_w``, normalised to one."""
    raw = {w: getattr(q, f"{stem}_{w}") for w in WORKLOADS}
    total = sum(raw.values())
    return {w: raw[w] / total for w in WORKLOADS}


def value_index(f: Mapping[str, float], omega: Mapping[str, float]) -> float:
    """v_h of equation (3)."""
    root = 0.0
    for w in WORKLOADS:
        root += omega[w] * math.sqrt(f[w])
    return root**2


def software(q: SimpleNamespace, y: float) -> ByWorkload:
    """software_w(y), below equation (3)."""
    return {w: min(1.0, getattr(q, f"software_{w}") * q.software_growth**y) for w in WORKLOADS}


# --- 3. Catalogue and paths ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Chip:
    """One catalogue entry as it stands at a step."""

    F: float
    M: float
    I: float
    tpp: float
    area: float
    launch: float
    cost: float


def moving_figures(q: SimpleNamespace, y: float) -> tuple[float, float, float]:
    """F, M and I of the frontier at y."""
    return (
        q.frontier_f * q.frontier_growth_f**y,
        q.frontier_m * q.frontier_growth_m**y,
        q.frontier_i * q.frontier_growth_i**y,
    )


def moving_tpp(q: SimpleNamespace, F: float, launch: float) -> float:
    """TPP of a frontier generation with compute F launched at ``launch``."""
    return 8000.0 * F * q.fp4_uplift if launch >= 2025.0 else 8000.0 * F


def chips_on_sale(q: SimpleNamespace, catalogue: np.ndarray, y: float, start: float) -> list[Chip]:
    """The catalogue at y, in its order; the first one is the frontier chip."""
    by_class = (q.unit_cost_frontier, q.unit_cost_previous, q.unit_cost_older, q.unit_cost_legacy)
    chips = []
    for entry in catalogue:
        cost = by_class[int(entry["cost_class"])] * float(entry["cost_scale"])
        cost = cost * q.unit_cost_growth**y * q.cost_shock
        area = float(entry["area"])
        if float(entry["moves"]) != 0.0:
            back = float(entry["position"]) * q.generation_spacing
            F, M, I = moving_figures(q, y - back)
            launch = start + y - back
            chips.append(Chip(F, M, I, moving_tpp(q, F, launch), area, launch, cost))
        elif start + y >= float(entry["launch"]):
            chips.append(
                Chip(
                    float(entry["f"]),
                    float(entry["m"]),
                    float(entry["i"]),
                    float(entry["tpp"]),
                    area,
                    float(entry["launch"]),
                    cost,
                )
            )
    if not chips:
        # reading: the page needs a frontier chip at every step and says nothing of a catalogue without one.
        raise ValueError(f"no chip of the catalogue is on sale in {start + y}")
    return chips


def reference_price(q: SimpleNamespace, y: float) -> float:
    """P(y)."""
    return q.reference_price * q.price_growth**y


def budget_c(q: SimpleNamespace, y: float) -> float:
    """B_C(y), a year."""
    before = min(y, q.budget_c_break)
    after = max(y - q.budget_c_break, 0.0)
    return q.budget_c * q.budget_c_growth**before * q.budget_c_growth_late**after


def budget_b(q: SimpleNamespace, y: float) -> float:
    """B_B(y), a year."""
    return q.budget_b * q.budget_b_growth**y


def logistic_demand(N0: float, Nmax: float, growth: float, y: float) -> float:
    """N(y) of equation (4)."""
    share = min(N0 / Nmax, 1.0 - 1e-6)
    gamma = math.log(growth) / (1.0 - share)
    return Nmax / (1.0 + (1.0 / share - 1.0) * math.exp(-gamma * y))


# --- 4. Rules and designs ------------------------------------------------------------------------------------

CAPS = ("tpp", "memory", "interconnect", "density", "bandwidth_sum")


@dataclass(frozen=True)
class Design:
    """What the exporter sells: a chip, whole or cut to fit a box."""

    F: float
    M: float
    I: float
    tpp: float
    d: float
    cost: float
    f: ByWorkload = field(default_factory=dict)

    @property
    def cut(self) -> bool:
        """Whether it is a de-rated variant with a fixed cost of its own."""
        return self.d < 1.0


class Margin:
    """The smallest relative margin of a discrete choice so far."""

    def __init__(self) -> None:
        self.smallest = INF

    def note(self, margin: float) -> None:
        """Take one more margin into account."""
        self.smallest = min(self.smallest, margin)

    def between(self, best: float, second: float) -> None:
        """The margin of ``best`` over ``second``, relative to the best."""
        self.note((best - second) / max(abs(best), 1e-300))

    def edge(self, figure: float, limit: float) -> None:
        """A comparison of a figure with its limit: noted if it is close enough for rounding to decide."""
        if math.isfinite(limit) and limit > 0.0:
            distance = abs(figure / limit - 1.0)
            if distance < EDGE:
                self.note(distance)


def resolved_cap(
    kind: str, cap: float, group: np.void, y: float, start: float, front: Chip, q: SimpleNamespace
) -> float:
    """One cap as a figure at y, whatever its reading (section 4)."""
    # reading: 0 or less means "admits nothing" before the cap is read, under every reading, so also as a lag.
    if cap <= 0.0:
        return 0.0
    if cap == INF:
        return INF
    reading = int(group["reading"])
    indexed = cap * (1.0 + float(group["indexation"])) ** y
    if reading == ABSOLUTE:
        return indexed
    if reading == RELATIVE:
        figure = {
            "tpp": front.tpp,
            "memory": front.M,
            "interconnect": front.I,
            "density": front.tpp / front.area,
            "bandwidth_sum": front.M + front.I,
        }
        return indexed * figure[kind]
    assert reading == LAGGED
    F, M, I = moving_figures(q, y - cap)
    tpp = moving_tpp(q, F, start + y - cap)
    figure = {
        "tpp": tpp,
        "memory": M,
        "interconnect": I,
        "density": tpp / front.area,
        "bandwidth_sum": M + I,
    }
    return figure[kind]


def cut_to_box(
    chip: Chip,
    caps: Mapping[str, float],
    slack: float,
    cost_retained: float,
    margin: Margin | None = None,
) -> list[Design]:
    """Equation (5): the designs of a chip that fit a box of resolved caps; f is left empty."""
    if any(caps[kind] <= 0.0 for kind in CAPS):
        return []
    T = min(caps["tpp"], caps["density"] * chip.area)
    kappa = 1.0 if chip.tpp < T else (1.0 - slack) * T / chip.tpp
    F = kappa * chip.F
    M = chip.M if chip.M < caps["memory"] else (1.0 - slack) * caps["memory"]
    I = chip.I if chip.I < caps["interconnect"] else (1.0 - slack) * caps["interconnect"]
    if margin is not None:
        margin.edge(chip.tpp, T)
        margin.edge(chip.M, caps["memory"])
        margin.edge(chip.I, caps["interconnect"])
        margin.edge(M + I, caps["bandwidth_sum"])
    if M + I >= caps["bandwidth_sum"]:
        total = (1.0 - slack) * caps["bandwidth_sum"]
        # reading: "I" and "M" in the two cuts are those after the box's own caps on each.
        pairs = [(total - I, I), (M, total - M)]
    else:
        pairs = [(M, I)]
    found = []
    for M_cut, I_cut in pairs:
        if F > 0.0 and M_cut > 0.0 and I_cut > 0.0:
            d = min(kappa, M_cut / chip.M, I_cut / chip.I)
            cost = chip.cost * (cost_retained + (1.0 - cost_retained) * d)
            found.append(Design(F, M_cut, I_cut, kappa * chip.tpp, d, cost))
    return found


@dataclass(frozen=True)
class Step:
    """What every rule of a step looks at: the scenario, the clock and the catalogue of the day."""

    q: SimpleNamespace
    exponent: int
    start: float
    y: float
    chips: Sequence[Chip]
    margin: Margin
    age: float  # years since the first step of the rule in force
    age_next: float  # years the next step's rule will have been in force then


def designs_of_tier(
    group: np.void, tier: int, at: Step, rule_y: float | None = None, rule_front: Chip | None = None
) -> list[Design]:
    """All designs of today's catalogue that a tier admits, in the order box, chip, design.

    The rule is read at ``rule_y`` with ``rule_front`` as frontier chip where they are given (item 6 of section 8).
    """
    age = at.age if rule_y is None else at.age_next
    rule_y = at.y if rule_y is None else rule_y
    rule_front = at.chips[0] if rule_front is None else rule_front
    sku_before = float(group["sku_before"][tier])
    margin = None if int(group["reading"]) == ABSOLUTE else at.margin
    found = []
    for box in range(MAX_BOXES):
        if any(float(group[kind][tier, box]) <= 0.0 for kind in CAPS):
            continue  # admits nothing
        caps = {
            kind: resolved_cap(kind, float(group[kind][tier, box]), group, rule_y, at.start, rule_front, at.q)
            for kind in CAPS
        }
        for chip in at.chips:
            for design in cut_to_box(chip, caps, at.q.slack, at.q.cost_retained, margin):
                if math.isfinite(sku_before) and not (design.d == 1.0 and chip.launch <= sku_before):
                    continue
                if design.d < 1.0 and age < at.q.design_lag - 1e-9:
                    continue  # not ready yet
                f = performance(design.F, design.M, design.I, at.q, at.y, at.exponent)
                found.append(replace(design, f=f))
    return found


@dataclass(frozen=True)
class Terms:
    """What the licensed tier asks for, at one step."""

    tau: float
    avail: float
    quota_of_a: float  # [Mchip] quota_share home_share n_A, or inf
    quota_chips: float  # [Mchip] a step
    quota_tpp: float  # [Mchip x TPP] a step
    spare: float  # [Mchip] a step
    shut: bool

    def limit(self, design: Design) -> float:
        """N of section 4, for one design."""
        by_tpp = INF if self.quota_tpp == INF else self.quota_tpp / design.tpp
        return min(self.quota_of_a, self.quota_chips, by_tpp, self.spare)


def spare_for(group: np.void, q: SimpleNamespace, n_A: float, n_B: float) -> float:
    """Spare supply left for a group with ``no_diversion``, inf without."""
    if float(group["no_diversion"]) == 0.0:
        return INF
    spare = q.spare_supply * n_A
    # reading: where B took all of it, what rounding leaves over is nothing.
    return spare - n_B if spare - n_B > 1e-12 * spare else 0.0


def terms_of(group: np.void, q: SimpleNamespace, dt: float, n_A: float, n_B: float, steps_in_force: int) -> Terms:
    """The terms of the licensed tier; ``steps_in_force`` = t - t0, ``n_B`` = 0 for B itself."""
    tau = float(group["revenue_share"])
    quotas = [float(group[name]) for name in ("quota_share", "quota_chips", "quota_tpp")]
    by_share = INF if quotas[0] == INF else quotas[0] * q.home_share * n_A
    spare = spare_for(group, q, n_A, n_B)
    avail = min(1.0, max(0.0, (steps_in_force + 1) - float(group["delay"]) / dt))
    shut = min(quotas) <= 0.0 or min(by_share, spare) <= 0.0 or tau >= 1.0 or avail <= 0.0
    return Terms(tau, avail, by_share, quotas[1] * dt, quotas[2] * dt, spare, shut)


def rule_is_shut(group: np.void) -> bool:
    """Section 8, item 6: a licensed tier with a quota of 0 or tau >= 1 admits nothing."""
    quotas = [float(group[name]) for name in ("quota_share", "quota_chips", "quota_tpp")]
    return min(quotas) <= 0.0 or float(group["revenue_share"]) >= 1.0


# --- 5. Demand and price -------------------------------------------------------------------------------------


def attraction(A: float, price: float, f: float, beta: float) -> float:
    """a_w(p) of equation (6)."""
    return A * (price / f) ** (-beta) if f > 0.0 else 0.0


def attractions(A: float, price: float, f: Mapping[str, float], beta: float) -> ByWorkload:
    """a_w(p) for the four workloads."""
    return {w: attraction(A, price, f[w], beta) for w in WORKLOADS}


def shares(a: Mapping[str, float], rivals: Mapping[str, float]) -> ByWorkload:
    """s_w of equation (6)."""
    return {w: a[w] / (a[w] + rivals[w]) for w in WORKLOADS}


def total_spending(budgets: Mapping[str, float], s: Mapping[str, float]) -> float:
    """sum_w b_w s_w."""
    return sum(budgets[w] * s[w] for w in WORKLOADS)


def chips_bought(
    price: float,
    A: float,
    f: Mapping[str, float],
    rivals: Mapping[str, float],
    budgets: Mapping[str, float],
    beta: float,
) -> float:
    """n(p) of equation (6)."""
    return total_spending(budgets, shares(attractions(A, price, f, beta), rivals)) / price


def net_factor(tau: float, tariff: float) -> float:
    """net = (1 - tau)/(1 + tariff), below equation (6)."""
    return (1.0 - tau) / (1.0 + tariff)


def _sums(
    log_price: float, base: Sequence[float], R: Sequence[float], b: Sequence[float], beta: float
) -> tuple[float, float, float]:
    """sum b s, sum b s (1-s) and sum b s (1-s) (1-2s) at a price; ``base`` = A f_w^beta."""
    level = math.exp(-beta * log_price)
    V = U = T = 0.0
    for base_w, R_w, b_w in zip(base, R, b, strict=True):
        a = base_w * level
        s = a / (a + R_w)
        rest = R_w / (a + R_w)
        V += b_w * s
        U += b_w * s * rest
        T += b_w * s * rest * (rest - s)
    return V, U, T


def markup_price(
    c_e: float,
    A: float,
    f: Mapping[str, float],
    rivals: Mapping[str, float],
    budgets: Mapping[str, float],
    beta: float,
) -> float:
    """p* of equation (7): the least root above c_e (1 + 1/beta).

    In x = ln(p/c_e - 1) the equation is h(x) = ln beta + x + ln(1 - sbar) = 0. h <= 0 at the lower end x = -ln beta;
    unit steps upward find the first change of sign, Newton's method kept inside it finds the root.
    """
    base = [A * f[w] ** beta for w in WORKLOADS]
    R = [rivals[w] for w in WORKLOADS]
    b = [budgets[w] for w in WORKLOADS]

    def h(x: float) -> tuple[float, float]:
        m = 1.0 + math.exp(x)
        V, U, T = _sums(math.log(c_e * m), base, R, b, beta)
        if V <= 0.0 or U <= 0.0:
            return INF if x > -math.log(beta) else 0.0, 1.0
        slope = 1.0 + (m - 1.0) / m * beta * (U / V - T / U)
        return math.log(beta) + x + math.log(U / V), slope

    low = -math.log(beta)
    gap, slope = h(low)
    if gap >= 0.0:
        return c_e * (1.0 + 1.0 / beta)
    high = low + 1.0
    gap_high, slope_high = h(high)
    while gap_high < 0.0:
        low, gap, slope = high, gap_high, slope_high
        high = low + 1.0
        gap_high, slope_high = h(high)
    x = low
    for _ in range(200):
        step = x - gap / slope if slope > 0.0 else INF
        if not low <= step <= high:
            step = 0.5 * (low + high)
        if abs(step - x) <= NEWTON_DONE or high - low <= 1e-16 * max(1.0, abs(x)):
            x = step
            break
        x = step
        gap, slope = h(x)
        if gap == 0.0:
            break
        if gap < 0.0:
            low = x
        else:
            high = x
    return c_e * (1.0 + math.exp(x))


def clearing_price(
    N: float,
    A: float,
    f: Mapping[str, float],
    rivals: Mapping[str, float],
    budgets: Mapping[str, float],
    beta: float,
) -> float:
    """The root of equation (8), n(p) = N, for N > 0 (0 where nobody has a budget).

    ln n falls in ln p with a slope between -1 and -(1 + beta), which brackets the root from any price.
    """
    base = [A * f[w] ** beta for w in WORKLOADS]
    R = [rivals[w] for w in WORKLOADS]
    b = [budgets[w] for w in WORKLOADS]

    def gap_at(x: float) -> tuple[float, float]:
        V, U, _ = _sums(x, base, R, b, beta)
        if V <= 0.0:
            return -INF, -1.0
        return math.log(V) - x - math.log(N), -1.0 - beta * U / V

    if sum(b) <= 0.0 or max(base) <= 0.0:
        return 0.0
    x = math.log(sum(b) / N)  # all of the budget on N chips: too dear
    gap, slope = gap_at(x)
    low, high = x + min(gap, gap / (1.0 + beta)) - 1e-9, x + max(gap, gap / (1.0 + beta)) + 1e-9
    for _ in range(200):
        step = x - gap / slope
        if not low <= step <= high:
            step = 0.5 * (low + high)
        if abs(step - x) <= NEWTON_DONE or high - low <= 1e-16 * max(1.0, abs(x)):
            x = step
            break
        x = step
        gap, slope = gap_at(x)
        if gap == 0.0:
            break
        if gap > 0.0:
            low = x
        else:
            high = x
    return math.exp(x)


@dataclass(frozen=True)
class Segment:
    """One segment's buyers as an exporter's chip meets them."""

    budgets: ByWorkload
    rivals: ByWorkload
    A: float
    beta: float

    def n(self, price: float, design: Design) -> float:
        """n(p) of equation (6)."""
        return chips_bought(price, self.A, design.f, self.rivals, self.budgets, self.beta)

    def p_star(self, design: Design, net: float) -> float:
        """p* of equation (7)."""
        return markup_price(design.cost / net, self.A, design.f, self.rivals, self.budgets, self.beta)

    def clearing(self, N: float, design: Design) -> float:
        """The clearing price of equation (8)."""
        return clearing_price(N, self.A, design.f, self.rivals, self.budgets, self.beta)

    def profit(self, price: float, design: Design, net: float) -> float:
        """pi(p) = n(p) (p net - c)."""
        return self.n(price, design) * (price * net - design.cost)


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


# --- item 6 of section 8 -------------------------------------------------------------------------------------


def keep_share(v_now: float, v_next: float) -> float:
    """keep = min(1, v+/v), 1 if v = 0, of equation (13)."""
    return 1.0 if v_now <= 0.0 else min(1.0, v_next / v_now)


def best_index(designs: Iterable[Design], omega: Mapping[str, float]) -> float:
    """The largest index of some designs, 0 of none."""
    return max((value_index(design.f, omega) for design in designs), default=0.0)


def tightening(
    group: np.void,
    designs: Sequence[Sequence[Design]],
    group_next: np.void | None,
    omega: Mapping[str, float],
    at: Step,
    y_next: float,
    front_next: Chip,
) -> float:
    """h of equation (13) for one group; ``designs`` are its open and licensed designs of this step."""
    if group_next is None:
        return 0.0
    v_now = best_index(designs[0], omega)
    if not rule_is_shut(group):
        v_now = max(v_now, best_index(designs[1], omega))
    v_next = best_index(designs_of_tier(group_next, 0, at, y_next, front_next), omega)
    if not rule_is_shut(group_next):
        v_next = max(v_next, best_index(designs_of_tier(group_next, 1, at, y_next, front_next), omega))
    return 1.0 - keep_share(v_now, v_next) ** at.q.tightening_exponent


def pull_forward(sales: Sequence[Sale], h: float, stockpile: float, ceiling: float) -> float:
    """Equation (13): sets ``extra`` of every sale and returns the spending on it."""
    for sale in sales:
        sale.extra = min(stockpile * h * sale.chips, max(0.0, sale.room - sale.chips))
    spending = sum(sale.price * sale.extra for sale in sales)
    if spending > ceiling:
        for sale in sales:
            sale.extra *= ceiling / spending
        spending = sum(sale.price * sale.extra for sale in sales)
    return spending


# --- section 8, small equations ------------------------------------------------------------------------------


def wright_cost(c0: float, cost_floor: float, learning_rate: float, experience: float) -> float:
    """c_D of equation (10); ``experience`` = Z/Z_0."""
    b = -math.log2(1.0 - learning_rate)
    return c0 * (cost_floor + (1.0 - cost_floor) * experience ** (-b))


def ration(x: float, xi: float) -> float:
    """k of equation (12)."""
    return min(1.0, (1.0 + x**4) ** (-0.25) * max(1.0, x) ** xi)


def rivals_after_ration(a_0: float, a_j: float, z: float) -> float:
    """R_jw of equation (12)."""
    return a_0 + (a_j + a_0) * z / (1.0 - z)


def logistic(x: float) -> float:
    """1/(1 + e^-x), without overflow."""
    if x >= 0.0:
        return 1.0 / (1.0 + math.exp(-x))
    return math.exp(x) / (1.0 + math.exp(x))


def response_target(q: SimpleNamespace, dependency: float, log_advantage: float, self_sufficiency: float) -> float:
    """The target of equation (18)."""
    return q.response_max * logistic(
        q.response_level
        + q.response_dependency * (dependency - 0.5)
        - q.response_advantage * log_advantage
        + q.response_self * min(2.0, self_sufficiency)
    )


def elasticity_factor(log_index: float, price: float, elasticity: float) -> float:
    """E of equation (17)."""
    return min(5.0, max(0.2, math.exp((log_index - math.log(price)) * (1.0 - elasticity))))


def oscillates(r: Sequence[float], margin: Margin | None = None) -> float:
    """1 if r changed direction at least three times in a row by more than 0.01 each time."""
    # reading: a change of direction is a move of more than 0.01 against the move of the step before, whatever
    # the size of that one; "in a row" means in consecutive steps.
    moves = [after - before for before, after in itertools.pairwise(r)]
    run = 0
    found = 0.0
    for before, after in itertools.pairwise(moves):
        if margin is not None and before * after < 0.0:
            margin.note(abs(abs(after) - 0.01) / 0.01)
        run = run + 1 if before * after < 0.0 and abs(after) > 0.01 else 0
        if run >= 3:
            found = 1.0
    return found


def lead_years(K_A: float, K_A_before: float, K_C: float, dt: float) -> float:
    """lead_w of section 9: within 100 years either way."""
    ln_g = math.log(K_A / K_A_before) / dt
    return min(100.0, max(-100.0, math.log(K_A / K_C) / max(ln_g, 0.001)))


# --- fidelity checks of the design page, section 2.6 and property 20 -----------------------------------------


def nested_share(
    attraction_by_option: Mapping[str, float], nests: Sequence[Sequence[str]], scale: float
) -> dict[str, float]:
    """Nested logit: attraction of a nest = (sum a^(1/scale))^scale, shares within it go by a^(1/scale)."""
    nest_total = []
    inside: dict[str, float] = {}
    for nest in nests:
        largest = max(attraction_by_option[j] for j in nest)
        if largest <= 0.0:
            nest_total.append(0.0)
            inside.update(dict.fromkeys(nest, 0.0))
            continue
        powers = {j: (attraction_by_option[j] / largest) ** (1.0 / scale) for j in nest}
        total = sum(powers.values())
        nest_total.append(largest * total**scale)
        inside.update({j: powers[j] / total for j in nest})
    everything = sum(nest_total)
    return {j: inside[j] * total / everything for nest, total in zip(nests, nest_total, strict=True) for j in nest}


def markup_closed_form(X: float) -> float:
    """Design (11): m = 1 + sqrt(1 + X) for one workload and beta = 1."""
    return 1.0 + math.sqrt(1.0 + X)


def clearing_closed_form(A: float, R: float, B: float, Q: float) -> float:
    """Design (12): the price per unit of work that clears Q of it, for one workload and beta = 1."""
    return (-A + math.sqrt(A * A + 4.0 * R * B * A / Q)) / (2.0 * R)


# --- whole evaluation ----------------------------------------------------------------------------------------


def namespace(params: np.void) -> SimpleNamespace:
    """One PARAMS record as plain floats by name."""
    return SimpleNamespace(**{name: float(params[name]) for name in params.dtype.names or ()})


def steps_in_force(phase: Sequence[int], t: int) -> int:
    """t - t0, t0 the first step of the current run of the policy in force at t."""
    t0 = t
    while t0 > 0 and int(phase[t0 - 1]) == int(phase[t]):
        t0 -= 1
    return t - t0


def grow_stock(stock: ByWorkload, keep: float, bought: Mapping[str, float]) -> ByWorkload:
    """Item 8: decay, then purchases."""
    return {w: stock[w] * keep + bought[w] for w in WORKLOADS}


def evaluate(
    levers: np.ndarray,
    phase: Sequence[int],
    params: np.void,
    catalogue: np.ndarray,
    *,
    n_steps: int,
    steps_per_year: int,
    start: float,
    exponent: int,
    barred: Sequence[float] | None = None,
) -> tuple[dict[str, float], list[dict[str, float]], float]:
    """One policy schedule in one scenario.

    Parameters
    ----------
    levers : LEVERS[phases]
    phase : for each step the index into ``levers`` of the policy in force
    params : one PARAMS record
    catalogue : CHIP[entries], newest first
    n_steps, steps_per_year, start : the clock; ``start`` is the year of step 0
    exponent : of the roofline, 2, 4 or 8
    barred : the imposed share r of each step, NaN where the response decides

    Returns
    -------
    outcomes by name, the trajectory (one dict a step), and the smallest relative margin of a discrete choice
    """
    q = namespace(params)
    dt = 1.0 / steps_per_year
    margin = Margin()
    omega_a = weights(q, "value_a")
    omega_c = weights(q, "value_c")
    omega_cap = weights(q, "capability")
    beta = q.price_sensitivity
    enf = (1.0 - q.enforcement) / (1.0 - q.enforcement_reference)
    decay = (1.0 - q.depreciation) ** dt

    # state at the start
    front = chips_on_sale(q, catalogue, 0.0, start)[0]
    f_front = performance(front.F, front.M, front.I, q, 0.0, exponent)
    profile_a = {w: f_front[w] / value_index(f_front, omega_a) for w in WORKLOADS}
    profile_c = {w: f_front[w] / value_index(f_front, omega_c) for w in WORKLOADS}
    K_A = {w: q.stock_a * profile_a[w] for w in WORKLOADS}
    K_B = {w: q.stock_b * profile_a[w] for w in WORKLOADS}
    K_E = {w: q.stock_e * profile_c[w] for w in WORKLOADS}
    K_G = {w: q.stock_g * profile_c[w] for w in WORKLOADS}
    K_D = {w: q.stock_d * profile_c[w] for w in WORKLOADS}
    X_E, X_G, X_D = q.stock_e, q.stock_g, q.stock_d
    L, r, S_D, Z, E = q.lock_in, q.barred_start, q.domestic_capacity, q.domestic_output, 1.0
    x_D = (q.domestic_f, q.domestic_m, q.domestic_i)
    pulled_b = pulled_c = 0.0
    r_path = [r]

    outcomes = dict.fromkeys(OUTCOMES, 0.0)
    spent_e = dict.fromkeys(WORKLOADS, 0.0)
    spent_d = dict.fromkeys(WORKLOADS, 0.0)
    spent_g = dict.fromkeys(WORKLOADS, 0.0)
    trajectory: list[dict[str, float]] = []

    for t in range(n_steps):
        y = t * dt
        D = q.discount**y
        policy = levers[int(phase[t])]
        last = t == n_steps - 1
        chips = chips_on_sale(q, catalogue, y, start)
        front = chips[0]
        f_front = performance(front.F, front.M, front.I, q, y, exponent)
        v_front = value_index(f_front, omega_c)
        P = reference_price(q, y)
        in_force = steps_in_force(phase, t)
        front_next = chips_on_sale(q, catalogue, y + dt, start)[0]
        policy_next = levers[int(phase[t if last else t + 1])]

        in_force_next = 0 if last else steps_in_force(phase, t + 1)
        at = Step(q, exponent, start, y, chips, margin, in_force * dt, in_force_next * dt)
        # --- 6. Group A
        best_a: Design | None = None
        v_a = 0.0
        designs_a = designs_of_tier(policy["a"], 0, at) + designs_of_tier(policy["a"], 1, at)
        for design in designs_a:
            if value_index(design.f, omega_a) > v_a:
                best_a, v_a = design, value_index(design.f, omega_a)
        for design in designs_a:
            if best_a is not None and any(abs(design.f[w] - best_a.f[w]) > 1e-12 * best_a.f[w] for w in WORKLOADS):
                margin.between(v_a, value_index(design.f, omega_a))
        n_A = 0.0
        if best_a is not None:
            n_A = logistic_demand(q.demand_a, q.demand_a_ceiling, q.demand_a_growth, y) * dt
            n_A = n_A / value_index(f_front, omega_a)
        Q_A = n_A * v_a

        # --- 7. Group B
        a_0 = (q.outside_price * P) ** (-beta)
        total_b = budget_b(q, y) * dt - pulled_b
        segment_b = Segment(
            {w: omega_a[w] * total_b for w in WORKLOADS}, dict.fromkeys(WORKLOADS, a_0), q.attraction_e, beta
        )
        designs_b = [designs_of_tier(policy["b"], tier, at) for tier in (0, 1)]
        terms_b = terms_of(policy["b"], q, dt, n_A, 0.0, in_force)
        plan_b = choose_plan(segment_b, designs_b[0], designs_b[1], terms_b, 0.0, q.nre * dt, margin)
        sales_b: list[Sale] = []
        for tier, candidate, phi in (
            ("licensed", plan_b.licensed, plan_b.phi_l),
            ("open", plan_b.open, plan_b.phi_o),
        ):
            if candidate is None:
                continue
            price = candidate.p_star if plan_b.kind == "c" else candidate.price
            s = shares(attractions(q.attraction_e, price, candidate.design.f, beta), segment_b.rivals)
            tau = terms_b.tau if tier == "licensed" else 0.0
            sales_b.append(
                Sale(
                    tier,
                    candidate.design,
                    price,
                    tau,
                    net_factor(tau, 0.0),
                    value_index(candidate.design.f, omega_a),
                    phi * total_spending(segment_b.budgets, s) / price,
                    {w: phi * segment_b.budgets[w] * s[w] for w in WORKLOADS},
                    terms_b.limit(candidate.design) * terms_b.avail if tier == "licensed" else INF,
                    False,
                )
            )
        h_b = tightening(policy["b"], designs_b, None if last else policy_next["b"], omega_a, at, y + dt, front_next)
        pulled_b_next = pull_forward(sales_b, h_b, q.stockpile, 0.5 * budget_b(q, y + dt) * dt)
        WD_b = q.write_down * h_b * sum(sale.chips / dt * sale.design.cost for sale in sales_b)
        # reading: n_B and q_B, which C's quotas and leaks see, are after what B pulled forward was added.
        n_B = sum(sale.all_chips for sale in sales_b)
        q_B = sum(sale.all_chips * sale.value for sale in sales_b)

        # --- 8. Group C, item 1: attractions and the domestic chip
        A_E = q.attraction_e * math.exp(q.network_effect * (L - 0.5))
        A_D = q.attraction_d * math.exp(-q.network_effect * (L - 0.5))
        f_xD = performance(*x_D, q, y, exponent)
        delivered = software(q, y)
        f_D = {w: delivered[w] * f_xD[w] for w in WORKLOADS}
        v_D = value_index(f_D, omega_c)
        c_D = wright_cost(q.domestic_cost, q.cost_floor, q.learning_rate, Z / q.domestic_output)
        p_D0 = c_D * (1.0 + q.domestic_markup)
        a_D = attractions(A_D, p_D0, f_D, beta)

        # item 2: budget, and an imposed share
        if barred is not None and not math.isnan(barred[t]):
            r = float(barred[t])
        B = budget_c(q, y) * dt * E - pulled_c
        if B <= 0.0:
            raise ValueError(f"step {t}: the budget of C is {B}: pulled forward {pulled_c}, elasticity factor {E}")
        b0 = {w: omega_c[w] * B for w in WORKLOADS}

        # item 3: offers
        outside_and_d = {w: a_0 + a_D[w] for w in WORKLOADS}
        reachable = Segment({w: (1.0 - r) * b0[w] for w in WORKLOADS}, outside_and_d, A_E, beta)
        designs_c = [designs_of_tier(policy["c"], tier, at) for tier in (0, 1)]
        terms_c = terms_of(policy["c"], q, dt, n_A, n_B, in_force)
        plan = choose_plan(reachable, designs_c[0], designs_c[1], terms_c, q.buyer_tariff, q.nre * dt, margin)
        v_E = 0.0
        if plan.kind == "a" and plan.open is not None:
            v_E = value_index(plan.open.design.f, omega_c)
        if plan.kind == "b" and plan.licensed is not None:
            wanted = reachable.n(plan.licensed.p_star, plan.licensed.design)
            limit = terms_c.limit(plan.licensed.design)
            served = min(terms_c.avail, limit * terms_c.avail / wanted)
            v_E = served * value_index(plan.licensed.design.f, omega_c)
        if plan.kind == "c" and plan.open is not None and plan.licensed is not None:
            weight_l = plan.phi_l * reachable.n(plan.licensed.p_star, plan.licensed.design)
            weight_o = plan.phi_o * reachable.n(plan.open.p_star, plan.open.design)
            v_l = value_index(plan.licensed.design.f, omega_c)
            v_o = value_index(plan.open.design.f, omega_c)
            v_E = (weight_l * v_l + weight_o * v_o) / (weight_l + weight_o)
        denial = 1.0 if plan.kind == "none" else 1.0 - min(1.0, v_E / v_front)

        # item 4: grey market
        g = q.grey_floor + (1.0 - q.grey_floor) * denial
        supply_G = (q.grey_supply * q.grey_growth**y * dt + q.leak_b * q_B + q.leak_a * Q_A) * enf * g / v_front
        A_G = A_E * q.attraction_g
        ceiling = q.outside_price * P * v_front
        p_G, n_G, bought_share, capped = ceiling, 0.0, 0.0, 0.0
        e = dict.fromkeys(WORKLOADS, 0.0)
        if supply_G > 0.0 and A_G > 0.0:
            p_G = min(clearing_price(supply_G, A_G, f_front, outside_and_d, b0, beta), ceiling)
            s_G = shares(attractions(A_G, p_G, f_front, beta), outside_and_d)
            n_G = supply_G
            margin.edge(p_G * n_G, q.grey_budget_cap * B)
            if p_G * n_G > q.grey_budget_cap * B:
                n_G = q.grey_budget_cap * B / p_G
                capped = 1.0
            bought_share = n_G / supply_G
            e = {w: n_G * p_G * b0[w] * s_G[w] / total_spending(b0, s_G) for w in WORKLOADS}
        b = {w: b0[w] - e[w] for w in WORKLOADS}

        # item 5: four passes
        offers: dict[str, tuple[Design, float]] = {}  # design and net factor by tier
        if plan.licensed is not None:
            offers["l"] = (plan.licensed.design, net_factor(terms_c.tau, q.buyer_tariff))
        if plan.open is not None:
            offers["o"] = (plan.open.design, net_factor(0.0, q.buyer_tariff))
        reach = {"l": plan.phi_l, "o": plan.phi_o}
        R = {j: dict(outside_and_d) for j in offers}
        price_j: dict[str, float] = {}
        a_j: dict[str, ByWorkload] = {}
        s_j: dict[str, ByWorkload] = {}
        z: dict[str, ByWorkload] = {}
        mass: dict[str, float] = {}
        x = 0.0
        for _ in range(4):
            # reading: in plan c both offers are priced in every pass, even where phi of one is 0 for a pass.
            for j, (design, net) in offers.items():
                segment = Segment(b, R[j], A_E, beta)
                price = segment.p_star(design, net)
                if plan.kind == "b":
                    N = terms_c.limit(design)
                    if (1.0 - r) * segment.n(price, design) > N:
                        price = segment.clearing(N / (1.0 - r), design)
                if plan.kind == "c" and j == "l":
                    wanted = (1.0 - r) * segment.n(price, design)
                    reach["l"] = min(terms_c.avail, terms_c.limit(design) * terms_c.avail / wanted)
                    reach["o"] = 1.0 - reach["l"]
                price_j[j] = price
                a_j[j] = attractions(A_E, price, design.f, beta)
                s_j[j] = shares(a_j[j], R[j])
            mass = {j: (1.0 - r) * reach[j] for j in offers}
            mass["n"] = 1.0 - sum(mass.values())
            s_D = {j: {w: a_D[w] / (a_j[j][w] + a_D[w] + a_0) for w in WORKLOADS} for j in offers}
            s_D["n"] = {w: a_D[w] / (a_D[w] + a_0) for w in WORKLOADS}
            demand = sum(b[w] * sum(mass[j] * s_D[j][w] for j in mass) for w in WORKLOADS)
            x = demand / (p_D0 * S_D * dt)
            k = ration(x, q.scarcity_exponent)
            z = {j: {w: k * s_D[j][w] for w in WORKLOADS} for j in mass}
            R = {j: {w: rivals_after_ration(a_0, a_j[j][w], z[j][w]) for w in WORKLOADS} for j in offers}

        sales_c: list[Sale] = []
        for j, (design, net) in offers.items():
            sales_c.append(
                Sale(
                    "licensed" if j == "l" else "open",
                    design,
                    price_j[j],
                    terms_c.tau if j == "l" else 0.0,
                    net,
                    value_index(design.f, omega_c),
                    mass[j] * total_spending(b, s_j[j]) / price_j[j],
                    {w: mass[j] * b[w] * s_j[j][w] for w in WORKLOADS},
                    terms_c.limit(design) * terms_c.avail if j == "l" else INF,
                    j == "o" or float(policy["c"]["no_diversion"]) == 0.0,
                )
            )
        p_D = p_D0 * max(1.0, x) ** q.scarcity_exponent
        spend_D = {w: b[w] * sum(mass[j] * z[j][w] for j in mass) for w in WORKLOADS}
        n_D = sum(spend_D.values()) / p_D
        if n_D > S_D * dt:
            scale = S_D * dt / n_D
            spend_D = {w: spend_D[w] * scale for w in WORKLOADS}
            n_D = S_D * dt
        Rev_D = sum(spend_D.values())

        # item 6: tightening
        h_c = tightening(policy["c"], designs_c, None if last else policy_next["c"], omega_c, at, y + dt, front_next)
        log_index = 0.0
        for w in WORKLOADS:
            drawn = sum(reach[j] * a_j[j][w] for j in offers) + a_D[w] + a_0
            log_index += omega_c[w] * math.log(drawn)
        E_next = elasticity_factor(-log_index / beta, P, q.budget_elasticity)
        pulled_c_next = pull_forward(sales_c, h_c, q.stockpile, 0.5 * budget_c(q, y + dt) * dt * E_next)
        WD_c = q.write_down * h_c * sum(sale.chips / dt * sale.design.cost for sale in sales_c)

        # item 7: displacement, by chips that include what is pulled forward
        D_H = min(Q_A, q.displacement * sum(s.all_chips * s.value for s in sales_c if s.counts_as_diverted))
        kept = 1.0 - D_H / Q_A if Q_A > 0.0 else 1.0

        # item 8: stocks
        leaked = min(1.0, q.leak_b * enf * g * bought_share)
        K_A_before = K_A
        f_a = best_a.f if best_a is not None else dict.fromkeys(WORKLOADS, 0.0)
        K_A = grow_stock(K_A, decay, {w: n_A * f_a[w] * kept for w in WORKLOADS})
        K_B = grow_stock(
            K_B,
            decay,
            {w: sum(s.all_chips * s.design.f[w] for s in sales_b) * (1.0 - leaked) for w in WORKLOADS},
        )
        K_E = grow_stock(K_E, decay, {w: sum(s.all_chips * s.design.f[w] for s in sales_c) for w in WORKLOADS})
        K_G = grow_stock(K_G, decay, {w: n_G * f_front[w] for w in WORKLOADS})
        K_D = grow_stock(K_D, decay, {w: n_D * f_D[w] for w in WORKLOADS})
        q_E = sum(s.all_chips * s.value for s in sales_c)
        q_G = n_G * v_front
        q_D = n_D * v_D
        X_E, X_G, X_D = X_E * decay + q_E, X_G * decay + q_G, X_D * decay + q_D
        stock_a = {w: max(STOCK_FLOOR, K_A[w]) for w in WORKLOADS}
        stock_c = {w: max(STOCK_FLOOR, K_E[w] + K_G[w] + K_D[w] + q.remote_share * K_B[w]) for w in WORKLOADS}
        lag_term = q.algorithm_lag * math.log(q.algorithm_growth)
        gap = {w: math.log(stock_a[w] / stock_c[w]) + lag_term for w in WORKLOADS}
        mean_gap = sum(omega_cap[w] * gap[w] for w in WORKLOADS)

        # item 9: R&D
        RD = (q.rd_share * Rev_D / dt + q.rd_state) * (1.0 + q.rd_denial * denial)

        # --- 9. the step's figures
        spend_E = {w: sum(s.spending[w] for s in sales_c) for w in WORKLOADS}
        by_tier = {s.tier: s for s in sales_c if s.all_chips > 0.0}
        gross_b = sum(s.price * s.all_chips for s in sales_b)
        gross_c = sum(s.price * s.all_chips / (1.0 + q.buyer_tariff) for s in sales_c)
        take = sum(s.tau * s.price * s.all_chips for s in sales_b)
        take += sum(s.tau * s.price * s.all_chips / (1.0 + q.buyer_tariff) for s in sales_c)
        # reading: a cut design is "sold in" a step if it sells any chip in it.
        nre_b = q.nre * dt * sum(1 for s in sales_b if s.design.cut and s.all_chips > 0.0)
        nre_c = q.nre * dt * sum(1 for s in sales_c if s.design.cut and s.all_chips > 0.0)
        net_b = sum(s.price * s.all_chips * s.net for s in sales_b) - nre_b - WD_b
        net_c = sum(s.price * s.all_chips * s.net for s in sales_c) - P * D_H - nre_c - WD_c
        row = {
            "gross_revenue_a": P * (Q_A - D_H),
            "gross_revenue_b": gross_b,
            "gross_revenue_c": gross_c,
            "net_revenue_b": net_b,
            "net_revenue_c": net_c,
            "government_take": take,
            "units_a": n_A * kept,
            "units_b": n_B,
            "units_open": by_tier["open"].all_chips if "open" in by_tier else 0.0,
            "units_licensed": by_tier["licensed"].all_chips if "licensed" in by_tier else 0.0,
            "units_grey": n_G,
            "units_domestic": n_D,
            "price_open": by_tier["open"].price if "open" in by_tier else 0.0,
            "price_licensed": by_tier["licensed"].price if "licensed" in by_tier else 0.0,
            "price_grey": p_G,
            "price_domestic": p_D,
            "value_open": by_tier["open"].value if "open" in by_tier else 0.0,
            "value_licensed": by_tier["licensed"].value if "licensed" in by_tier else 0.0,
            "value_domestic": v_D,
            "gap": mean_gap,
            "research": RD,
            "domestic_capacity": S_D,
            "domestic_cost": c_D,
            # reading: C's write-downs alone, like `design_cost`: the WD of `revenue`.
            "write_downs": WD_c,
            "barred": r,
            "lock_in": L,
            "denial": denial,
            "grey_premium": p_G / (P * v_front) - 1.0,
        }
        for w in WORKLOADS:
            everything = spend_E[w] + spend_D[w] + e[w]
            row[f"import_share_{w}"] = spend_E[w] / everything if everything > 0.0 else 0.0
            row[f"domestic_share_{w}"] = spend_D[w] / everything if everything > 0.0 else 0.0
            row[f"grey_share_{w}"] = e[w] / everything if everything > 0.0 else 0.0
            row[f"stock_a_{w}"] = stock_a[w]
            row[f"stock_c_{w}"] = stock_c[w]
        trajectory.append({name: row[name] for name in TRAJECTORY})

        o = outcomes
        o["revenue"] += D * net_c
        o["revenue_bc"] += D * (net_c + net_b)
        o["gap"] += D * dt * mean_gap
        o["substitution"] += D * dt * RD
        for name in (
            "gross_revenue_a",
            "gross_revenue_b",
            "gross_revenue_c",
            "government_take",
            "write_downs",
        ):
            o[name] += D * row[name]
        o["displaced_revenue"] += D * P * D_H
        o["design_cost"] += D * nre_c
        for name in ("units_a", "units_b", "units_open", "units_licensed", "units_grey", "units_domestic"):
            o[name] += row[name]
        o["domestic_revenue"] += D * Rev_D
        o["buyer_access"] += (1.0 - r) / n_steps
        o["grey_premium"] += row["grey_premium"] / n_steps
        o["grey_capped"] += capped / n_steps
        for w in WORKLOADS:
            spent_e[w] += spend_E[w]
            spent_d[w] += spend_D[w]
            spent_g[w] += e[w]
            o[f"gap_{w}"] += D * dt * gap[w]
            o["compute_ratio_max"] = max(o["compute_ratio_max"], stock_c[w] / stock_a[w])
            if last:
                o[f"terminal_gap_{w}"] = gap[w]
                before = max(STOCK_FLOOR, K_A_before[w])
                lead = lead_years(stock_a[w], before, stock_c[w], dt)
                o[f"lead_{w}"] = lead if n_steps > 1 else math.nan
        if last:
            spent = sum(spend_E.values()) + Rev_D + sum(e.values())
            o["terminal_gap"] = mean_gap
            o["terminal_domestic_share"] = Rev_D / spent if spent > 0.0 else 0.0
            o["domestic_value"] = v_D

        # item 10: next state
        dependency = (X_E + X_G) / (X_E + X_G + X_D) if X_E + X_G + X_D > 0.0 else 0.0
        advantage = 0.0 if plan.kind == "none" else min(2.0, max(-2.0, math.log(v_E / v_D)))
        target = response_target(q, dependency, advantage, S_D * p_D0 / (budget_c(q, y) * E))
        E = E_next
        Z = Z + n_D
        if (t + 1) % (2 * steps_per_year) == 0:
            Z = Z * (1.0 - q.node_forgetting)
        growth = (1.0 + q.domestic_growth + q.domestic_growth_rd * RD / (RD + q.rd_half)) ** dt
        x_D = (
            min(x_D[0] * growth, front_next.F),
            min(x_D[1] * growth, front_next.M),
            min(x_D[2] * growth, front_next.I),
        )
        S_D = S_D * q.capacity_growth**dt + q.capacity_investment * Rev_D
        if q_E + q_G + q_D > 0.0:
            L = L + share_per_step(q.lock_in_speed, dt) * ((q_E + q_G) / (q_E + q_G + q_D) - L)
        move = share_per_step(q.response_speed, dt) * (target - r)
        r = r + move
        # reading: under an imposed path the moves of the response count, not the jumps of the path.
        r_path.append(r if barred is None else r_path[-1] + move)
        pulled_b, pulled_c = pulled_b_next, pulled_c_next

    o = outcomes
    for w in WORKLOADS:
        everything = spent_e[w] + spent_d[w] + spent_g[w]
        o[f"import_share_{w}"] = spent_e[w] / everything if everything > 0.0 else 0.0
        o[f"domestic_share_{w}"] = spent_d[w] / everything if everything > 0.0 else 0.0
        o[f"grey_share_{w}"] = spent_g[w] / everything if everything > 0.0 else 0.0
    o["domestic_capacity"] = S_D
    o["domestic_cost"] = wright_cost(q.domestic_cost, q.cost_floor, q.learning_rate, Z / q.domestic_output)
    o["terminal_access"] = 1.0 - r
    o["lock_in"] = L
    o["oscillation"] = oscillates(r_path, margin)
    return outcomes, trajectory, margin.smallest
