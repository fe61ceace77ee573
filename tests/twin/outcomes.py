"""The plain-Python twin of section 9: a step's figures, and the outcomes of a run."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from tiercap.kernels.params import OUTCOMES, TRAJECTORY, WORKLOADS

from .allied import AlliedPurchase, SwingSales
from .clock import Now, World
from .offers import Sale
from .performance import ByWorkload
from .restricted import Domestic, DomesticSales, Grey, Offered, wright_cost
from .state import STOCK_FLOOR, Gap, State, oscillates


def lead_years(K_A: float, K_A_before: float, K_C: float, dt: float) -> float:
    """lead_w of section 9: within 100 years either way."""
    ln_g = math.log(K_A / K_A_before) / dt
    return min(100.0, max(-100.0, math.log(K_A / K_C) / max(ln_g, 0.001)))


@dataclass(frozen=True)
class Happened:
    """Everything that a step's figures are made of. L, r, S_D are those of the step, stocks those after it."""

    now: Now
    home: AlliedPurchase
    swing: SwingSales
    domestic: Domestic
    offered: Offered
    grey: Grey
    sales_c: list[Sale]
    own: DomesticSales
    WD_c: float
    D_H: float
    kept: float
    gap: Gap
    RD: float
    S_D: float
    L: float

    @property
    def spend_E(self) -> ByWorkload:
        return {w: sum(s.spending[w] for s in self.sales_c) for w in WORKLOADS}


@dataclass(frozen=True)
class Money:
    """The exporter's money in a step."""

    gross_b: float
    gross_c: float
    take: float
    nre_c: float
    net_b: float
    net_c: float


def money(world: World, h: Happened) -> Money:
    """Revenues of section 9 in one step, before discounting."""
    q, sales_b, sales_c = world.q, h.swing.sales, h.sales_c
    gross_b = sum(s.price * s.all_chips for s in sales_b)
    gross_c = sum(s.price * s.all_chips / (1.0 + q.buyer_tariff) for s in sales_c)
    take = sum(s.tau * s.price * s.all_chips for s in sales_b)
    take += sum(s.tau * s.price * s.all_chips / (1.0 + q.buyer_tariff) for s in sales_c)
    # reading: a cut design is "sold in" a step if it sells any chip in it.
    nre_b = q.nre * world.dt * sum(1 for s in sales_b if s.design.cut and s.all_chips > 0.0)
    nre_c = q.nre * world.dt * sum(1 for s in sales_c if s.design.cut and s.all_chips > 0.0)
    net_b = sum(s.price * s.all_chips * s.net for s in sales_b) - nre_b - h.swing.write_downs
    net_c = sum(s.price * s.all_chips * s.net for s in sales_c) - h.now.P * h.D_H - nre_c - h.WD_c
    return Money(gross_b, gross_c, take, nre_c, net_b, net_c)


def figures(h: Happened, paid: Money) -> dict[str, float]:
    """The step's row of the trajectory."""
    by_tier = {s.tier: s for s in h.sales_c if s.all_chips > 0.0}
    free, licensed = by_tier.get("open"), by_tier.get("licensed")
    row = {
        "gross_revenue_a": h.now.P * (h.home.Q - h.D_H),
        "gross_revenue_b": paid.gross_b,
        "gross_revenue_c": paid.gross_c,
        "net_revenue_b": paid.net_b,
        "net_revenue_c": paid.net_c,
        "government_take": paid.take,
        "units_a": h.home.n * h.kept,
        "units_b": h.swing.n,
        "units_open": free.all_chips if free else 0.0,
        "units_licensed": licensed.all_chips if licensed else 0.0,
        "units_grey": h.grey.n,
        "units_domestic": h.own.n,
        "price_open": free.price if free else 0.0,
        "price_licensed": licensed.price if licensed else 0.0,
        "price_grey": h.grey.p,
        "price_domestic": h.own.p,
        "value_open": free.value if free else 0.0,
        "value_licensed": licensed.value if licensed else 0.0,
        "value_domestic": h.domestic.v,
        "gap": h.gap.mean,
        "research": h.RD,
        "domestic_capacity": h.S_D,
        "domestic_cost": h.domestic.cost,
        # reading: C's write-downs alone, like `design_cost`: the WD of `revenue`.
        "write_downs": h.WD_c,
        "barred": h.offered.r,
        "lock_in": h.L,
        "denial": h.offered.denial,
        "grey_premium": h.grey.p / (h.now.P * h.now.v_front) - 1.0,
    }
    row |= _shares(h.spend_E, h.own.spending, h.grey.spending)
    row |= {f"stock_a_{w}": h.gap.stock_a[w] for w in WORKLOADS}
    row |= {f"stock_c_{w}": h.gap.stock_c[w] for w in WORKLOADS}
    return {name: row[name] for name in TRAJECTORY}


def _shares(spend_E: ByWorkload, spend_D: ByWorkload, spend_G: ByWorkload) -> dict[str, float]:
    """Shares of spending by workload, 0 where nothing is spent."""
    found = {}
    for w in WORKLOADS:
        everything = spend_E[w] + spend_D[w] + spend_G[w]
        for stem, spent in (("import", spend_E), ("domestic", spend_D), ("grey", spend_G)):
            found[f"{stem}_share_{w}"] = spent[w] / everything if everything > 0.0 else 0.0
    return found


def _none() -> ByWorkload:
    return dict.fromkeys(WORKLOADS, 0.0)


@dataclass
class Tally:
    """Outcomes of a run, step by step."""

    world: World
    o: dict[str, float] = field(default_factory=lambda: dict.fromkeys(OUTCOMES, 0.0))
    spent_e: ByWorkload = field(default_factory=_none)
    spent_d: ByWorkload = field(default_factory=_none)
    spent_g: ByWorkload = field(default_factory=_none)

    def add(self, h: Happened, paid: Money, row: dict[str, float], K_A_before: ByWorkload) -> None:
        """One more step."""
        o, dt, n_steps = self.o, self.world.dt, self.world.n_steps
        D = self.world.q.discount**h.now.y
        o["revenue"] += D * paid.net_c
        o["revenue_bc"] += D * (paid.net_c + paid.net_b)
        o["gap"] += D * dt * h.gap.mean
        o["substitution"] += D * dt * h.RD
        for name in ("gross_revenue_a", "gross_revenue_b", "gross_revenue_c", "government_take", "write_downs"):
            o[name] += D * row[name]
        o["displaced_revenue"] += D * h.now.P * h.D_H
        o["design_cost"] += D * paid.nre_c
        for name in ("units_a", "units_b", "units_open", "units_licensed", "units_grey", "units_domestic"):
            o[name] += row[name]
        o["domestic_revenue"] += D * h.own.revenue
        o["buyer_access"] += (1.0 - h.offered.r) / n_steps
        o["grey_premium"] += row["grey_premium"] / n_steps
        o["grey_capped"] += h.grey.capped / n_steps
        for w in WORKLOADS:
            self.spent_e[w] += h.spend_E[w]
            self.spent_d[w] += h.own.spending[w]
            self.spent_g[w] += h.grey.spending[w]
            o[f"gap_{w}"] += D * dt * h.gap.gap[w]
            o["compute_ratio_max"] = max(o["compute_ratio_max"], h.gap.stock_c[w] / h.gap.stock_a[w])
        if h.now.last:
            self._last_step(h, K_A_before)

    def _last_step(self, h: Happened, K_A_before: ByWorkload) -> None:
        o, dt, gap = self.o, self.world.dt, h.gap
        for w in WORKLOADS:
            o[f"terminal_gap_{w}"] = gap.gap[w]
            lead = lead_years(gap.stock_a[w], max(STOCK_FLOOR, K_A_before[w]), gap.stock_c[w], dt)
            o[f"lead_{w}"] = lead if self.world.n_steps > 1 else math.nan
        spent = sum(h.spend_E.values()) + h.own.revenue + sum(h.grey.spending.values())
        o["terminal_gap"] = gap.mean
        o["terminal_domestic_share"] = h.own.revenue / spent if spent > 0.0 else 0.0
        o["domestic_value"] = h.domestic.v

    def close(self, state: State) -> dict[str, float]:
        """Outcomes that need the whole run or the state after it."""
        q, o = self.world.q, self.o
        o |= _shares(self.spent_e, self.spent_d, self.spent_g)
        o["domestic_capacity"] = state.S_D
        o["domestic_cost"] = wright_cost(q.domestic_cost, q.cost_floor, q.learning_rate, state.Z / q.domestic_output)
        o["terminal_access"] = 1.0 - state.r
        o["lock_in"] = state.L
        o["oscillation"] = oscillates(state.r_path, self.world.margin)
        return o
