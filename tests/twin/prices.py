"""The plain-Python twin of section 5, demand and price: equations (6), (7) and (8)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tiercap.kernels.params import WORKLOADS

from .designs import Design
from .performance import ByWorkload

INF = math.inf
#: A Newton step in a logarithm below this is the last one: its own error is of the order of its square.
NEWTON_DONE = 1e-9


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
    """net = (1 - tau)/(1 + tariff) of section 5."""
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
