"""The plain-Python twin of section 5, demand and price: equations of the segment, of cost and of the list price."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tiercap.kernels.params import WORKLOADS

from .designs import Design
from .paths import Prices
from .performance import ByWorkload, value_index

INF = math.inf
#: A Newton step in a logarithm below this is the last one: its own error is of the order of its square.
NEWTON_DONE = 1e-9


def attraction(A: float, price: float, f: float, beta: float) -> float:
    """a_w(p) of section 5."""
    return A * (price / f) ** (-beta) if f > 0.0 else 0.0


def attractions(A: float, price: float, f: Mapping[str, float], beta: float) -> ByWorkload:
    """a_w(p) for the four workloads."""
    return {w: attraction(A, price, f[w], beta) for w in WORKLOADS}


def shares(a: Mapping[str, float], rivals: Mapping[str, float]) -> ByWorkload:
    """s_w of section 5."""
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
    """n(p) of equation (12)."""
    return total_spending(budgets, shares(attractions(A, price, f, beta), rivals)) / price


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
    """The root of section 5: beta (p/c_e - 1)(1 - sbar) = 1, the least one above c_e (1 + 1/beta).

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


@dataclass(frozen=True)
class Seller:
    """What the exporter reckons a price from, in one tier of one group."""

    tau: float
    tariff: float
    crowding: float  # delta_X
    c_1: float  # [kUSD] unit cost of the frontier chip
    prices: Prices
    omega_a: ByWorkload

    @property
    def net(self) -> float:
        """What the exporter keeps of a dollar that the buyer pays."""
        return net_factor(self.tau, self.tariff)

    def frontier_chips(self, design: Design) -> float:
        """l: frontier chips that the capacity spent on the design would have made."""
        return design.cost / self.c_1

    def cost(self, design: Design) -> float:
        """c_e of equation (13)."""
        charge = self.crowding * self.prices.p_A * self.frontier_chips(design)
        return (design.cost + charge) / self.net

    def resale_price(self, design: Design) -> float:
        """What A's buyers would take the chip for."""
        return self.prices.P * value_index(design.f, self.omega_a) * (1.0 + self.tariff)


def net_factor(tau: float, tariff: float) -> float:
    """net = (1 - tau)/(1 + tariff) of section 5."""
    return (1.0 - tau) / (1.0 + tariff)


@dataclass(frozen=True)
class Segment:
    """One segment's buyers as an exporter's chip meets them."""

    budgets: ByWorkload
    rivals: ByWorkload
    A: float
    beta: float

    def n(self, price: float, design: Design) -> float:
        """n(p) for a design."""
        return chips_bought(price, self.A, design.f, self.rivals, self.budgets, self.beta)

    def list_price(self, design: Design, seller: Seller) -> float:
        """p* of equation (14)."""
        root = markup_price(seller.cost(design), self.A, design.f, self.rivals, self.budgets, self.beta)
        return max(root, seller.resale_price(design))
