"""The plain-Python twin of section 9: a step's figures, and the outcomes of a run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from tiercap.kernels.params import OUTCOMES, TRAJECTORY, WORKLOADS

from .allied import AlliedPurchase, SwingSales
from .clock import Now, World, discounted_years
from .domestic import Domestic
from .expectations import Service
from .market import Sold
from .middle import Middle
from .offers import Sale
from .performance import ByWorkload
from .restricted import Offered
from .state import State
from .stocks import Displaced


@dataclass(frozen=True)
class Happened:
    """Everything that a step's figures are made of; stocks and leads are those after it."""

    now: Now
    home: AlliedPurchase
    swing: SwingSales
    middle: Middle
    domestic: Domestic
    offered: Offered
    r: float
    sold: Sold
    served: Service
    WD: float
    gone: Displaced
    RD: float
    stock_a: ByWorkload
    stock_c: ByWorkload
    log_lead: ByWorkload

    @property
    def premium(self) -> float:
        return self.sold.p_G / self.now.prices.p_A - 1.0

    @property
    def supply(self) -> float:
        """What domestic makers can sell [MH100e/year]."""
        return self.domestic.S_m * self.domestic.v


@dataclass(frozen=True)
class Amount:
    """A rate over the step and a lump at its end."""

    rate: float
    lump: float = 0.0

    def plain(self, dt: float) -> float:
        """In the step, undiscounted."""
        return self.rate * dt + self.lump

    def present(self, D: float, end: float) -> float:
        """Discounted: D_t and delta^y1."""
        return self.rate * D + self.lump * end


def _sum(*amounts: Amount) -> Amount:
    return Amount(sum(a.rate for a in amounts), sum(a.lump for a in amounts))


def _over(sales: Sequence[Sale], factor: str) -> Amount:
    """Gross sales, what is kept of them, or the government's part."""
    of = {
        "gross": lambda s: s.price / (1.0 + s.seller.tariff),
        "kept": lambda s: s.price * s.seller.net,
        "take": lambda s: s.seller.tau * s.price / (1.0 + s.seller.tariff),
    }[factor]
    return Amount(sum(of(s) * s.chips for s in sales), sum(of(s) * s.lump for s in sales))


@dataclass(frozen=True)
class Money:
    """The exporter's money in a step, and what rules cost."""

    gross_a: Amount
    gross_b: Amount
    gross_c: Amount
    take: Amount
    displaced: Amount
    design: Amount  # C's
    write_downs: Amount  # C's
    net_b: Amount
    net_c: Amount
    administration: Amount
    equipment: Amount


def money(world: World, h: Happened) -> Money:
    """Revenues of section 9 in one step, before discounting."""
    q, p_A, sales_b, sales_c = world.q, h.now.prices.p_A, h.swing.sales, h.sold.sales
    displaced = Amount(p_A * h.gone.rate, p_A * h.gone.lump)
    design_b, design = (Amount(q.nre * sum(s.design.cut for s in sales)) for sales in (sales_b, sales_c))
    written = Amount(0.0, h.WD)
    kept_b, kept_c = _over(sales_b, "kept"), _over(sales_c, "kept")
    licensed = [s for s in sales_c if s.tier == "l"]
    effort = world.effective_enforcement(h.now.t)
    s_E = float(h.now.policy["c"]["equipment_control"])
    fees = Amount(sum(s.price * s.chips for s in licensed), sum(s.price * s.lump for s in licensed))
    fixed = q.licence_fixed if any(s.chips > 0.0 for s in licensed) else 0.0
    fixed -= q.enforcement_cost * math.log(max(1.0 - effort, 0.001))
    return Money(
        gross_a=Amount(p_A * (h.home.n - h.gone.rate), -p_A * h.gone.lump),
        gross_b=_over(sales_b, "gross"),
        gross_c=_over(sales_c, "gross"),
        take=_sum(_over(sales_b, "take"), _over(sales_c, "take")),
        displaced=displaced,
        design=design,
        write_downs=written,
        net_b=Amount(kept_b.rate - design_b.rate, kept_b.lump - h.swing.write_downs),
        net_c=Amount(kept_c.rate - displaced.rate - design.rate, kept_c.lump - displaced.lump - h.WD),
        administration=Amount(q.licence_cost * fees.rate + fixed, q.licence_cost * fees.lump),
        equipment=Amount(q.tool_price * q.tools_aligned * (1.0 - s_E) * h.domestic.fabs.dW),
    )


def figures(world: World, h: Happened, paid: Money) -> dict[str, float]:
    """The step's row of the trajectory."""
    dt, sold, domestic, fabs = world.dt, h.sold, h.domestic, h.domestic.fabs
    omega, capability = world.omega("value_c"), world.omega("capability")
    by_tier = {s.name: s for s in sold.sales}
    row = {
        "gross_revenue_a": paid.gross_a.plain(dt),
        "gross_revenue_b": paid.gross_b.plain(dt),
        "gross_revenue_c": paid.gross_c.plain(dt),
        "net_revenue_b": paid.net_b.plain(dt),
        "net_revenue_c": paid.net_c.plain(dt),
        "government_take": paid.take.plain(dt),
        "units_a": h.gone.flow_left(h.home.n, dt) * dt,
        "units_b": sum(s.total(dt) for s in h.swing.sales),
        "units_grey": sold.n_G * dt,
        "units_domestic": sold.n_D * dt,
        "acquired_lawful": sum(s.total(dt) * s.value for s in sold.sales),
        "acquired_domestic": sold.n_D * domestic.v * dt,
        "acquired_smuggled": sold.n_G * h.now.v_front * dt,
        "price_allied": h.now.prices.p_A,
        "reference_price": h.now.prices.P,
        "price_grey": sold.p_G,
        "price_domestic": sold.p_D,
        "value_domestic": domestic.v,
        "compute_lead": math.exp(sum(capability[w] * h.log_lead[w] for w in WORKLOADS)),
        "research": h.RD,
        "domestic_supply": h.supply,
        "domestic_chips": domestic.S,
        "wafers": fabs.W_m,
        "die_yield": fabs.good,
        "stacks": fabs.H_m,
        "memory_binds": domestic.mu,
        "domestic_cost": domestic.cost,
        "write_downs": h.WD,
        "barred": h.r,
        "belief": h.middle.belief(omega),
        "lock_in": h.middle.L,
        "served": h.served.served,
        "access": sum(omega[w] * h.served.access[w] for w in WORKLOADS),
        "capacity_binds": h.offered.delta_X,
        "grey_premium": h.premium,
    }
    for name in ("open", "licensed"):
        sale = by_tier.get(name)
        row[f"units_{name}"] = sale.total(dt) if sale else 0.0
        row[f"price_{name}"] = sale.price if sale else 0.0
        row[f"value_{name}"] = sale.value if sale else 0.0
    row |= _shares(sold.spent_E, sold.spent_D, sold.spent_G)
    row |= {f"stock_a_{w}": h.stock_a[w] for w in WORKLOADS}
    row |= {f"stock_c_{w}": h.stock_c[w] for w in WORKLOADS}
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


#: Outcomes that are present values of an amount of ``Money``.
PRESENT = {
    "revenue": "net_c",
    "gross_revenue_a": "gross_a",
    "gross_revenue_b": "gross_b",
    "gross_revenue_c": "gross_c",
    "government_take": "take",
    "displaced_revenue": "displaced",
    "design_cost": "design",
    "write_downs": "write_downs",
    "administration": "administration",
    "equipment_sales": "equipment",
}
#: Outcomes that are sums of the trajectory's figures.
SUMMED = (
    "units_a",
    "units_b",
    "units_open",
    "units_licensed",
    "units_grey",
    "units_domestic",
    "acquired_lawful",
    "acquired_domestic",
    "acquired_smuggled",
)


@dataclass
class Tally:
    """Outcomes of a run, step by step; ``before`` holds the logarithms of the leads at the step's start."""

    world: World
    before: ByWorkload
    o: dict[str, float] = field(default_factory=lambda: dict.fromkeys(OUTCOMES, 0.0))
    spent_e: ByWorkload = field(default_factory=_none)
    spent_d: ByWorkload = field(default_factory=_none)
    spent_g: ByWorkload = field(default_factory=_none)
    log_lead: ByWorkload = field(default_factory=_none)
    years: float = 0.0

    def add(self, h: Happened, paid: Money, row: dict[str, float]) -> None:
        """One more step."""
        o, q, dt, n_steps = self.o, self.world.q, self.world.dt, self.world.n_steps
        D, end = discounted_years(q.discount, h.now.y0, h.now.y1), q.discount**h.now.y1
        for name, part in PRESENT.items():
            o[name] += getattr(paid, part).present(D, end)
        o["revenue_bc"] += _sum(paid.net_c, paid.net_b).present(D, end)
        for name in SUMMED:
            o[name] += row[name]
        o["acquired_rented"] += q.remote_share * h.swing.q * dt
        o["domestic_revenue"] += D * sum(h.sold.spent_D.values())
        o["research"] += D * h.RD
        o["domestic_supply"] += h.supply / n_steps
        o["buyer_access"] += (1.0 - h.r) / n_steps
        o["served"] += h.served.served / n_steps
        o["grey_premium"] += h.premium / n_steps
        self.years += D
        for w in WORKLOADS:
            self.spent_e[w] += h.sold.spent_E[w] * dt
            self.spent_d[w] += h.sold.spent_D[w] * dt
            self.spent_g[w] += h.sold.spent_G[w] * dt
            self.log_lead[w] += D * 0.5 * (self.before[w] + h.log_lead[w])
        self.before = h.log_lead
        if h.now.t == n_steps - 1:
            self._last_step(h)

    def _last_step(self, h: Happened) -> None:
        o, capability = self.o, self.world.omega("capability")
        for w in WORKLOADS:
            o[f"terminal_compute_lead_{w}"] = math.exp(h.log_lead[w])
        o["terminal_compute_lead"] = math.exp(sum(capability[w] * h.log_lead[w] for w in WORKLOADS))
        domestic = sum(h.sold.spent_D.values())
        spent = sum(h.sold.spent_E.values()) + domestic + sum(h.sold.spent_G.values())
        o["terminal_domestic_share"] = domestic / spent if spent > 0.0 else 0.0
        o["terminal_supply"] = h.supply
        o["terminal_access"] = 1.0 - h.r
        o["domestic_chips"] = h.domestic.S
        o["domestic_cost"] = h.domestic.cost
        o["domestic_value"] = h.domestic.v

    def close(self, state: State) -> dict[str, float]:
        """Outcomes that need the whole run or the state after it."""
        o, capability = self.o, self.world.omega("capability")
        mean = {w: self.log_lead[w] / self.years for w in WORKLOADS}
        o |= {f"compute_lead_{w}": math.exp(mean[w]) for w in WORKLOADS}
        o["compute_lead"] = math.exp(sum(capability[w] * mean[w] for w in WORKLOADS))
        o["exporter_and_government"] = o["revenue"] + o["government_take"]
        o |= _shares(self.spent_e, self.spent_d, self.spent_g)
        K = {x: sum(capability[w] * state.K[x][w] for w in WORKLOADS) for x in state.K}
        o["world_share_c"] = (K["E"] + K["G"] + K["D"]) / sum(K.values())
        o["lock_in"] = state.L.X
        o["substitution"] = o["terminal_substitution"] = math.nan
        return {name: o[name] for name in OUTCOMES}


def fill_substitution(outcomes: dict[str, float], reference: dict[str, float]) -> dict[str, float]:
    """Outcomes with both substitutions, against those of the same future without control (J3)."""
    mean = outcomes["domestic_supply"] / reference["domestic_supply"]
    last = outcomes["terminal_supply"] / reference["terminal_supply"]
    return outcomes | {"substitution": 100.0 * (mean - 1.0), "terminal_substitution": 100.0 * (last - 1.0)}
