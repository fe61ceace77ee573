"""Tables that others published, beside what this model's parts give.

``data/published.csv`` holds their figures, with how each is replicated or why it is not. Most of what can be is a ratio
of figures in our own data, or one step of the kernel with prices that decide nothing: quantities come from quotas and
from a domestic supply far below demand, the buyer bars nothing, nothing leaks or displaces, and every chip counts by
its compute alone. The kernel must then add up like a spreadsheet. A counterfactual is replayed with fitted members.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from tiercap.kernels.params import CHIP, PARAMS, TRAJECTORY, WORKLOADS
from tiercap.optimizer.calibration.backcast import ensemble
from tiercap.optimizer.calibration.replay import STEPS_PER_YEAR, Replay
from tiercap.optimizer.data import EVIDENCE, shipped
from tiercap.optimizer.errors import InputError
from tiercap.optimizer.io import csv_text
from tiercap.optimizer.io.units import number
from tiercap.optimizer.model import parameters
from tiercap.optimizer.model.evaluator import Evaluator
from tiercap.optimizer.model.horizon import Horizon
from tiercap.optimizer.model.scenarios import Scenarios
from tiercap.optimizer.rules.book import find_rule
from tiercap.optimizer.rules.chips import exporter_catalogue, find_chip
from tiercap.optimizer.rules.encode import rule_levers

COLUMNS = ("table", "entry", "theirs", "low", "high", "unit", "ours", "source", "evidence", "how")
#: Money enough that no budget limits a quantity [GUSD/year], and a quantity that nothing is short of.
PLENTY = 1e6
#: Members of the ensemble with which a counterfactual is replayed.
MEMBERS = 256


@dataclass(frozen=True)
class Published:
    """One figure of a published table; NaN where a side has none."""

    table: str
    entry: str
    theirs: float
    low: float
    high: float
    unit: str
    ours: float
    source: str
    evidence: str
    how: str

    @property
    def theirs_text(self) -> str:
        """Their figure, as far as it is known."""
        if math.isnan(self.theirs):
            return "-"
        marks = {(True, False): "over ", (False, True): "under "}
        open_ended = (self.low == self.theirs, self.high == self.theirs)
        one_sided = math.isnan(self.low) or math.isnan(self.high)
        return f"{marks.get(open_ended, '') if one_sided else ''}{self.theirs:,g}"

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def published() -> tuple[Published, ...]:
    """Every entry of ``data/published.csv`` with our figure beside it."""
    data = shipped("published.csv").read_bytes()
    header, rows = csv_text.read(data, "published.csv", COLUMNS, 1000, "a published figure")
    return tuple(_entry(dict(zip(header, cells, strict=True)), f"published.csv:{line}") for line, cells in rows)


def _entry(cells: Mapping[str, str], place: str) -> Published:
    if cells["ours"] and cells["ours"] not in CALCULATIONS:
        raise InputError(f"{place}: column `ours`: unknown calculation `{cells['ours']}`")
    if cells["evidence"] not in EVIDENCE or not cells["source"]:
        raise InputError(f"{place}: needs a source and an evidence tag out of {', '.join(EVIDENCE)}")
    values: dict[str, Any] = dict(cells)
    for name in ("theirs", "low", "high"):
        values[name] = number(cells[name]) if cells[name] else math.nan
    values["ours"] = CALCULATIONS[cells["ours"]]() if cells["ours"] else math.nan
    return Published(**values)


# --- one step of the kernel without behaviour -------------------------------------------------------------------------


@dataclass(frozen=True)
class Additions:
    """What one year adds, by compute [MH100e], and the exporter's chips sold to B and C [Mchip]."""

    a: float
    c: float
    chips_b: float
    chips_c: float


def additions(
    chip: str = "B300",
    quota_chips: float = 0.0,
    quota_share: float = math.inf,
    tpp_for_b: float = math.inf,
    grey: bool = False,
    domestic: float | None = None,
) -> Additions:
    """One year of the central quantities of 2026 without behaviour.

    chip : what the exporter may sell to C, at most ``quota_chips`` [Mchip] and ``quota_share`` of A's units at home;
    tpp_for_b : aggregate that B may buy of the same chip [1e6 TPP]; grey : with the smuggled supply;
    domestic : domestic supply [MH100e], by default the central one
    """
    params = _inert(_domestic() if domestic is None else domestic)
    if grey:
        params["grey_supply"] = parameters.baseline()["grey_supply"]
    levers = rule_levers(find_rule("unrestricted"))
    levers["b"] = _licence(levers["b"], quota_tpp=tpp_for_b)
    levers["c"] = _licence(levers["c"], quota_chips=quota_chips, quota_share=quota_share)
    levers["c"]["no_diversion"] = 1.0
    catalogue = np.array([_by_compute("B300"), _by_compute(chip)], CHIP)
    for group in "bc":
        levers[group]["tpp"][:, 1, 0] = float(catalogue["tpp"][1]) + 1.0  # the chip and no better one
    scenarios = Scenarios(params, np.ones(1), 0, "central")
    path = Evaluator(scenarios, Horizon(years=1), catalogue, 1).trajectories(levers.reshape(1, 1))[0, 0, :, 0]
    step = dict(zip(TRAJECTORY, path.tolist(), strict=True))
    gained = step["acquired_lawful"] + step["acquired_domestic"] + step["acquired_smuggled"]
    return Additions(
        step["units_a"] * _over("B300", "H100", "fp8_pflops"), gained, step["units_b"], step["units_licensed"]
    )


def _domestic() -> float:
    """Dense compute of the packages that central domestic makers sell at the start of 2026 [MH100e/year]."""
    base = parameters.baseline()
    return base["domestic_supply"] * base["dies_package"] * base["die_f"] / base["reference_f"]


def _licence(group: np.ndarray, **quotas: float) -> np.ndarray:
    """A group's rule with one licensed box, nothing open, and the quotas named."""
    row = group.copy()
    for name in ("tpp", "memory", "interconnect", "density", "bandwidth_sum"):
        row[name][:, 0, :] = 0.0
        row[name][:, 1, 0] = math.inf
    for name in ("quota_chips", "quota_share", "quota_tpp"):
        row[name] = quotas.get(name, math.inf)
    return row


def _by_compute(name: str) -> tuple[float, ...]:
    """A chip of which only compute counts, in the fields of CHIP: the figures that nobody published do not matter."""
    return (0.0, 0.0, _figure(name, "fp8_pflops"), 1.0, 1.0, _figure(name, "tpp"), 1.0, 0.0, 0, 1.0)


def _central() -> np.ndarray:
    """The central scenario of 2026, PARAMS[1]."""
    params = np.zeros(1, PARAMS)
    for name, value in parameters.baseline().items():
        params[name] = value
    return params


def _inert(domestic: float) -> np.ndarray:
    """The central scenario without behaviour, PARAMS[1]: a chip is worth its compute.

    domestic : what domestic makers can sell [MH100e/year]; its dies come from a source that nothing moves
    """
    params = _central()
    packages = domestic * params["reference_f"] / (params["dies_package"] * params["die_f"])
    still: dict[str, float] = {
        "budget_c": PLENTY, "budget_c_ceiling": 2 * PLENTY,
        "power_a": PLENTY, "power_c": 1e6, "spare_supply": 100.0, "scarcity_exponent": 0.0, "cost_retained": 1.0,
        "nre": 0.0, "evasion": 0.0, "leak_a": 0.0, "leak_b": 0.0, "remote_share": 0.0, "grey_supply": 0.0,
        "grey_elasticity": 0.0, "buyer_decides": 0.0, "barred_start": 0.0, "network_effect": 0.0, "theta_m_st": 0.0,
        "theta_i_st": 0.0, "asic_limit": 0.0, "die_growth": 0.0, "domestic_growth_rd": 0.0, "wafers": 1e-9,
        "tools": 0.0, "bank_dies": 0.0, "hbm_grey": 1e6, "domestic_supply": float(packages[0]),
        "dies_abroad": float((packages * params["dies_package"])[0]),
    }  # fmt: skip
    for stem in ("value_a", "value_c", "capability"):
        still |= {f"{stem}_{w}": float(w == "st") for w in WORKLOADS}
    still |= {f"software_{w}": 1.0 for w in WORKLOADS}
    for name, value in still.items():
        params[name] = value
    return params


# --- the calculations that entries name -------------------------------------------------------------------------------


def _figure(name: str, field: str) -> float:
    """A figure of chips.csv that must be known."""
    figure = getattr(find_chip(name), field)
    if figure is None:
        raise InputError(f"chips.csv: `{field}` of the {name} must be known, a published table needs it")
    return float(figure)


def _over(one: str, other: str, field: str) -> float:
    return _figure(one, field) / _figure(other, field)


def _line(rule: str, tier: str) -> float:
    """The TPP cap of the first limb of a tier of a rule for C."""
    return next(limb.tpp for limb in find_rule(rule).limbs("c") if limb.tier == tier)


def _ratio(grey: bool) -> float:
    found = additions(grey=grey)
    return found.a / found.c


def _b30a_for(ratio: float) -> float:
    """B30A that bring their 31 down to ``ratio`` [Mchip], at A's central purchases."""
    return additions().a * (1.0 / ratio - 1.0 / 31.0) / _over("B30A", "H100", "fp8_pflops")


def _ratio_with_b30a() -> float:
    """The kernel's ratio with C's own supply at their 31 and a quota of the B30A that the 4 implies."""
    found = additions("B30A", _b30a_for(4.0), domestic=additions().a / 31.0)
    return found.a / found.c


def _fill_of_limit() -> float:
    """Compute that half of the home units brings in as H200, over the central stocks in C."""
    base = parameters.baseline()
    chips = additions("H200", math.inf, quota_share=0.5).chips_c
    return chips * _over("H200", "H100", "fp8_pflops") / (base["stock_e"] + base["stock_g"] + base["stock_d"])


def _allocation(tpp: float) -> float:
    """H100 that a token of TPP lets B buy in a year."""
    return 1e6 * additions("H100", tpp_for_b=tpp / 1e6).chips_b


def _stock_2027() -> float:
    """A's stock by small-scale training at the end of the second year of the central future [MH100e]."""
    scenarios = Scenarios(_central(), np.ones(1), 0, "central")
    evaluator = Evaluator(scenarios, Horizon(years=2), exporter_catalogue(), 1)
    path = evaluator.trajectories(rule_levers(find_rule("bis-2026")).reshape(1, 1))
    return float(path[0, -1, TRAJECTORY.index("stock_a_st"), 0])


@cache
def _ban_of_the_h20() -> tuple[float, float]:
    """A year from April 2025 on under the rule of 2023 less the same under the letter, the buyer barring nothing.

    Means over members fitted to the record up to 2024: what the exporter sells less [GUSD], and how much of it domestic
    makers sell more [1].
    """
    replay = Replay((), events=True, threads=1)
    table = ensemble("calibrated", replay, MEMBERS, 0).table
    steps = round((2026.25 - replay.history.start) * STEPS_PER_YEAR)
    clock = replace(replay.clock, steps=steps)
    year = slice(steps - STEPS_PER_YEAR, steps)
    scenarios = Scenarios(table, np.full(len(table), 1.0 / len(table)), 0, "random")
    evaluator = Evaluator(scenarios, clock, replay.history.catalogue, 1, np.zeros(steps))
    sales: list[np.ndarray] = []
    for last in ("oct-2023", "h20-letter-2025"):
        names = [n if t < year.start else last for t, n in enumerate(replay.history.rule_of(clock))]
        rules = list(dict.fromkeys(names))
        levers = np.concatenate([rule_levers(find_rule(name)) for name in rules])[None]
        found = evaluator.trajectories(levers, [rules.index(name) for name in names])[0]
        path = dict(zip(TRAJECTORY, np.moveaxis(found, 1, 0), strict=True))
        domestic = path["units_domestic"] * path["price_domestic"]
        sales.append(np.array([part[year].sum(axis=0).mean() for part in (path["gross_revenue_c"], domestic)]))
    lost, won = sales[0][0] - sales[1][0], sales[1][1] - sales[0][1]
    return float(lost), float(won / lost)


#: What the column `ours` may name.
CALCULATIONS: Mapping[str, Callable[[], float]] = {
    "ratio_without_exports": lambda: _ratio(grey=False),
    "ratio_with_smuggling": lambda: _ratio(grey=True),
    "ratio_with_b30a": _ratio_with_b30a,
    "b30a_for_four": lambda: _b30a_for(4.0),
    "b30a_for_one": lambda: _b30a_for(1.0),
    "tpp_b30a_over_h20": lambda: _over("B30A", "H20", "tpp"),
    "tpp_b30a_over_line": lambda: _figure("B30A", "tpp") / _line("oct-2023", "open"),
    "compute_b30a_over_b300": lambda: _over("B30A", "B300", "fp8_pflops"),
    "chips_of_equal_cluster": lambda: 22.5 / _over("B30A", "B300", "fp8_pflops") / 45.0,
    "allocation": lambda: _allocation(790e6),
    "allocation_doubled": lambda: _allocation(2 * 790e6),
    "small_orders": lambda: 26.9e6 / _figure("H100", "tpp"),
    "tpp_910c_over_h200": lambda: _over("Ascend 910C", "H200", "tpp"),
    "memory_910c_over_h200": lambda: _over("Ascend 910C", "H200", "memory_gbs"),
    "line_2026_over_2023": lambda: _line("bis-2026", "licensed") / _line("oct-2023", "open"),
    "gap_2025": lambda: _over("B300", "Ascend 910C", "tpp"),
    "gap_2027": lambda: _over("Rubin R200", "Ascend 960", "tpp"),
    "fill_of_limit": _fill_of_limit,
    "stock_2027": _stock_2027,
    "h20_ban_lost": lambda: _ban_of_the_h20()[0],
    "h20_ban_won": lambda: _ban_of_the_h20()[1],
}
