"""The plain-Python twin of section 4: rules, the designs that they leave, and the terms of licences."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import SimpleNamespace

import numpy as np

from tiercap.kernels.params import ABSOLUTE, LAGGED, MAX_BOXES, RELATIVE

from .paths import Chip, moving_figures, moving_tpp
from .performance import ByWorkload, performances, value_index

INF = math.inf
#: Distance of a figure from its cap, or of a date from its limit, that counts as a near tie.
EDGE = 1e-9


CAPS = ("tpp", "memory", "interconnect", "density", "bandwidth_sum")


@dataclass(frozen=True)
class Design:
    """What the exporter sells: a chip, whole or cut to fit a box."""

    F: float
    M: float
    I: float
    tpp: float
    q: float  # what is left of the figure that was cut most
    cost: float
    f: ByWorkload = field(default_factory=dict)

    @property
    def cut(self) -> bool:
        """Whether it is a de-rated variant with a fixed cost of its own."""
        return self.q < 1.0


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
    """Equation (10): the designs of a chip that fit a box of resolved caps; f is left empty."""
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
            q = min(kappa, M_cut / chip.M, I_cut / chip.I)
            cost = chip.cost * (cost_retained + (1.0 - cost_retained) * q)
            found.append(Design(F, M_cut, I_cut, kappa * chip.tpp, q, cost))
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


def designs_of_tier(group: np.void, tier: int, at: Step, age: float) -> list[Design]:
    """All designs that a tier admits, in the order box, chip, design.

    ``age`` is y0 - t0, the years that the policy has been in force when the step begins.
    """
    sku_before = float(group["sku_before"][tier])
    margin = None if int(group["reading"]) == ABSOLUTE else at.margin
    found = []
    for box in range(MAX_BOXES):
        if any(float(group[kind][tier, box]) <= 0.0 for kind in CAPS):
            continue  # admits nothing
        caps = {
            kind: resolved_cap(kind, float(group[kind][tier, box]), group, at.y, at.start, at.chips[0], at.q)
            for kind in CAPS
        }
        for chip in at.chips:
            for design in cut_to_box(chip, caps, at.q.slack, at.q.cost_retained, margin):
                if math.isfinite(sku_before) and (design.cut or chip.launch > sku_before):
                    continue
                if design.cut and age < at.q.design_lag - EDGE:
                    continue  # not ready yet
                f = performances(design.F, design.M, design.I, at.q, at.y, at.exponent)
                found.append(replace(design, f=f))
    return found


def best_index(group: np.void, at: Step, age: float, omega: Mapping[str, float]) -> float:
    """The best index that a rule lets flow: both tiers, a licensed tier without quota or return left out."""
    designs = designs_of_tier(group, 0, at, age)
    if not rule_is_shut(group):
        designs = designs + designs_of_tier(group, 1, at, age)
    return max((value_index(design.f, omega) for design in designs), default=0.0)


@dataclass(frozen=True)
class Terms:
    """What the licensed tier asks for, at one step."""

    tau: float
    avail: float
    quota_chips: float  # [Mchip/year] evasion included
    quota_tpp: float  # [Mchip x TPP/year] evasion included, the lesser of both quotas that count TPP
    spare: float  # [Mchip/year]
    shut: bool

    def limit(self, design: Design) -> float:
        """N of equation (11), for one design."""
        by_tpp = INF if self.quota_tpp == INF else self.quota_tpp / design.tpp
        return min(self.quota_chips, by_tpp, self.spare)


def spare_for(group: np.void, q: SimpleNamespace, n_A: float, n_B: float) -> float:
    """Spare supply left for a group with ``no_diversion``, inf without."""
    if float(group["no_diversion"]) == 0.0:
        return INF
    spare = q.spare_supply * n_A
    # Where B took all of it, what rounding leaves over is nothing.
    return spare - n_B if spare - n_B > 1e-12 * spare else 0.0


def availability(age: float, delay: float, dt: float) -> float:
    """avail of section 4: the share of the step in which licences are granted."""
    return min(1.0, max(0.0, (age + dt - delay) / dt))


def terms_of(group: np.void, at: Step, age: float, dt: float, n_A: float, n_B: float) -> Terms:
    """The terms of the licensed tier; ``n_B`` = 0 for B itself."""
    q, tau = at.q, float(group["revenue_share"])
    share, chips, tpp = (float(group[name]) for name in ("quota_share", "quota_chips", "quota_tpp"))
    by_share = INF if share == INF else share * q.home_share * n_A * at.chips[0].tpp
    avail = availability(age, float(group["delay"]), dt)
    leaked = 1.0 + q.evasion
    shut = rule_is_shut(group) or avail <= 0.0
    return Terms(tau, avail, leaked * chips, leaked * min(tpp, by_share), spare_for(group, q, n_A, n_B), shut)


def rule_is_shut(group: np.void) -> bool:
    """A licensed tier with a quota of 0 or tau >= 1 admits nothing."""
    quotas = [float(group[name]) for name in ("quota_share", "quota_chips", "quota_tpp")]
    return min(quotas) <= 0.0 or float(group["revenue_share"]) >= 1.0
