"""The contract between people and kernels: every parameter, lever and outcome is declared here, once.

A name, its unit and its hard domain are typed in this file; values, ranges and sources live in
``optimizer/data``; the kernels read the record dtypes below. Everything else (validation, sampling,
tables, column names, figure labels) is derived.

Units are plain strings that the unit registry of the optimizer understands: ``GUSD`` is a billion US
dollars, ``kUSD`` a thousand, ``Mchip`` a million chips, ``MH100e`` a million H100-equivalents, ``1`` a
pure number. Growth factors are per year.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

INF = float("inf")

#: Workloads, in the order every four-vector uses.
WORKLOADS = ("st", "ft", "pf", "dc")
WORKLOAD_NAMES = {
    "st": "small-scale training",
    "ft": "frontier-scale training",
    "pf": "inference prefill",
    "dc": "inference decode",
}
#: Destination groups: allied, swing, restricted.
GROUPS = ("a", "b", "c")
#: Licence tiers a group's policy draws; beyond the second everything is denied.
TIERS = ("open", "licensed")
#: Boxes a tier may join by OR.
MAX_BOXES = 3


class Parameter(NamedTuple):
    """One scalar the model reads: its unit, the domain outside which it has no meaning, its reading."""

    name: str
    unit: str
    low: float
    high: float
    meaning: str


def _by_workload(stem: str, unit: str, low: float, high: float, meaning: str) -> list[Parameter]:
    return [Parameter(f"{stem}_{w}", unit, low, high, f"{meaning}, {WORKLOAD_NAMES[w]}") for w in WORKLOADS]


PARAMETERS: tuple[Parameter, ...] = (
    # section 2: roofline
    Parameter("reference_f", "PFLOP/s", 1e-6, 1e6, "compute of the reference chip (H100), dense FP8"),
    Parameter("reference_m", "TB/s", 1e-6, 1e6, "memory bandwidth of the reference chip"),
    Parameter("reference_i", "TB/s", 1e-6, 1e6, "interconnect bandwidth of the reference chip"),
    Parameter("theta_f_st", "1", 0, 100, "compute time of training on the reference chip"),
    Parameter("theta_m_st", "1", 0, 100, "memory time of training"),
    Parameter("theta_i_st", "1", 0, 100, "network time of training"),
    Parameter("theta_f_pf", "1", 0, 100, "compute time of prefill"),
    Parameter("theta_m_pf", "1", 0, 100, "memory time of prefill"),
    Parameter("theta_i_pf", "1", 0, 100, "network time of prefill"),
    Parameter("theta_f_dc", "1", 0, 100, "compute time of decode"),
    Parameter("theta_m_dc", "1", 0, 100, "memory time of decode"),
    Parameter("theta_i_dc", "1", 0, 100, "network time of decode"),
    Parameter("run_size", "MH100e", 0, 1e6, "rate of the frontier training run at the start"),
    Parameter("run_growth", "1/year", 0.1, 100, "growth of the frontier training run"),
    Parameter("wall_size", "MH100e", 1e-9, 1e9, "rate at which an H100 cluster loses half its utilisation"),
    Parameter("wall_growth", "1/year", 0.1, 100, "growth of the latency wall"),
    Parameter("wall_exponent", "1", 0.1, 10, "steepness of the latency wall"),
    Parameter("network_exponent", "1", 0, 2, "share of the wall that a faster interconnect moves"),
    # section 2: value index and software
    *_by_workload("value_a", "1", 0, 1e6, "weight in groups A and B's value index"),
    *_by_workload("value_c", "1", 0, 1e6, "weight in group C's value index and budget"),
    *_by_workload("software", "1", 0, 1, "share of a domestic chip's roofline that its software delivers"),
    Parameter("software_growth", "1/year", 0.5, 2, "growth of the domestic software factors, capped at 1"),
    # sections 3 and 4: catalogue and designs
    Parameter("frontier_f", "PFLOP/s", 1e-6, 1e6, "compute of the frontier chip at the start"),
    Parameter("frontier_m", "TB/s", 1e-6, 1e6, "memory bandwidth of the frontier chip at the start"),
    Parameter("frontier_i", "TB/s", 1e-6, 1e6, "interconnect bandwidth of the frontier chip at the start"),
    Parameter("frontier_growth_f", "1/year", 0.5, 10, "growth of frontier compute"),
    Parameter("frontier_growth_m", "1/year", 0.5, 10, "growth of frontier memory bandwidth"),
    Parameter("frontier_growth_i", "1/year", 0.5, 10, "growth of frontier interconnect bandwidth"),
    Parameter("generation_spacing", "year", 0.25, 10, "years between the exporter's generations"),
    Parameter("fp4_uplift", "1", 1, 4, "TPP over 8000 x FP8 PFLOP/s for generations launched from 2025"),
    Parameter("unit_cost_frontier", "kUSD", 1e-9, 1e9, "unit cost of the frontier chip"),
    Parameter("unit_cost_previous", "kUSD", 1e-9, 1e9, "unit cost one generation back"),
    Parameter("unit_cost_older", "kUSD", 1e-9, 1e9, "unit cost two generations back"),
    Parameter("unit_cost_legacy", "kUSD", 1e-9, 1e9, "unit cost of a chip that does not move (H200)"),
    Parameter("unit_cost_growth", "1/year", 0.5, 2, "trend of all unit costs"),
    Parameter("cost_shock", "1", 0.1, 10, "factor on all of the exporter's unit costs (a foundry tariff)"),
    Parameter("cost_retained", "1", 0, 1, "share of the unit cost that de-rating to nothing keeps"),
    Parameter("nre", "GUSD/year", 0, 1e6, "fixed cost of each de-rated variant on sale"),
    Parameter("slack", "1", 0, 0.5, "distance below a cap at which a cut figure is set"),
    # sections 3 and 5: prices, budgets, demand
    Parameter("price_sensitivity", "1", 0.2, 6, "exponent of price in the logit on expenditure (beta)"),
    Parameter("attraction_e", "1", 1e-12, 1e12, "attraction of the exporter's chips"),
    Parameter("attraction_d", "1", 1e-12, 1e12, "attraction of domestic chips"),
    Parameter("attraction_g", "1", 0, 1e6, "attraction of smuggled chips relative to the exporter's"),
    Parameter("network_effect", "1", 0, 10, "how much lock-in moves attractions"),
    Parameter("outside_price", "1", 0.01, 100, "price of remote or deferred use over the reference price"),
    Parameter("budget_elasticity", "1", 0, 5, "budget elasticity; 1 fixes the budget"),
    Parameter("reference_price", "kUSD/H100e", 1e-9, 1e9, "price of an H100-equivalent at the start"),
    Parameter("price_growth", "1/year", 0.1, 2, "trend of the reference price"),
    Parameter("budget_c", "GUSD/year", 1e-9, 1e9, "latent spending of group C at the start"),
    Parameter("budget_c_growth", "1/year", 0.1, 10, "growth of C's budget before the break"),
    Parameter("budget_c_growth_late", "1/year", 0.1, 10, "growth of C's budget after the break"),
    Parameter("budget_c_break", "year", 0, 100, "years from the start to the break in C's budget growth"),
    Parameter("budget_b", "GUSD/year", 1e-9, 1e9, "latent spending of group B at the start"),
    Parameter("budget_b_growth", "1/year", 0.1, 10, "growth of B's budget"),
    Parameter("buyer_tariff", "1", 0, 100, "import tariff of group C on the exporter's chips"),
    # sections 3 and 4: purchases of A, supply; section 8, items 1, 5 and 7: markup, scarcity, displacement
    Parameter("demand_a", "MH100e/year", 1e-9, 1e9, "purchases of group A at the start"),
    Parameter("demand_a_growth", "1/year", 1.000001, 10, "initial growth of A's purchases"),
    Parameter("demand_a_ceiling", "MH100e/year", 1e-9, 1e12, "ceiling of A's purchases: power and fabs"),
    Parameter("home_share", "1", 0, 1, "share of A's units that ships for home use"),
    Parameter("spare_supply", "1", 0, 100, "exporter's spare supply over A's units, where diversion is barred"),
    Parameter("displacement", "1", 0, 1, "allied H100e displaced by one sold to C"),
    Parameter("domestic_markup", "1", 0, 100, "markup of domestic chips over unit cost"),
    Parameter("scarcity_exponent", "1", 0, 0.999, "exponent of the domestic scarcity rent"),
    # section 8, items 4 and 8: grey market, remote use
    Parameter("grey_supply", "MH100e/year", 0, 1e9, "smuggled supply at the start"),
    Parameter("grey_growth", "1/year", 0.1, 10, "growth of smuggled supply"),
    Parameter("grey_floor", "1", 0, 1, "share of smuggled supply that flows even when access is free"),
    Parameter("leak_a", "1", 0, 1, "share of A's purchases that leaks"),
    Parameter("leak_b", "1", 0, 1, "share of B's purchases that leaks"),
    Parameter("enforcement", "1", 0, 1, "enforcement effort"),
    Parameter("enforcement_reference", "1", 0, 0.999, "effort at which the supply figures were observed"),
    Parameter("grey_budget_cap", "1", 0, 0.99, "largest share of C's budget that smuggled chips may take"),
    Parameter("remote_share", "1", 0, 1, "share of B's stock that C rents"),
    # section 8, item 10: buyer response
    Parameter("barred_start", "1", 0, 1, "share of C's budget barred to the exporter at the start"),
    Parameter("response_level", "1", -1e3, 1e3, "constant of the buyer response"),
    Parameter("response_dependency", "1", -1e3, 1e3, "response to dependency"),
    Parameter("response_advantage", "1", -1e3, 1e3, "response to the performance on offer"),
    Parameter("response_self", "1", -1e3, 1e3, "response to domestic self-sufficiency"),
    Parameter("response_speed", "1/year", 0, 1, "share of the distance to target closed in a year"),
    Parameter("response_max", "1", 0, 1, "largest share of the budget that can be barred"),
    # section 8, items 1, 9 and 10: domestic industry
    Parameter("learning_rate", "1", 0, 0.9, "fall of unit cost per doubling of cumulative output"),
    Parameter("cost_floor", "1", 0, 1, "share of the domestic unit cost that never falls"),
    Parameter("node_forgetting", "1", 0, 1, "share of cumulative output forgotten every two years"),
    Parameter("rd_share", "1", 0, 1, "share of domestic revenue spent on R&D"),
    Parameter("rd_state", "GUSD/year", 0, 1e6, "state R&D on accelerators"),
    Parameter("rd_denial", "1", -1, 10, "proportional response of R&D to denial"),
    Parameter("domestic_growth", "1/year", 0, 5, "growth of domestic specs without R&D"),
    Parameter("domestic_growth_rd", "1/year", 0, 5, "further growth at unlimited R&D"),
    Parameter("rd_half", "GUSD/year", 1e-9, 1e6, "R&D at which half the further growth is had"),
    Parameter("domestic_f", "PFLOP/s", 1e-6, 1e6, "compute of the domestic chip at the start"),
    Parameter("domestic_m", "TB/s", 1e-6, 1e6, "memory bandwidth of the domestic chip at the start"),
    Parameter("domestic_i", "TB/s", 1e-6, 1e6, "interconnect bandwidth of the domestic chip at the start"),
    Parameter("domestic_cost", "kUSD", 1e-9, 1e9, "unit cost of the domestic chip at the start"),
    Parameter("domestic_capacity", "Mchip/year", 1e-9, 1e9, "domestic capacity at the start"),
    Parameter("capacity_growth", "1/year", 0.1, 10, "growth of domestic capacity without investment"),
    Parameter("capacity_investment", "Mchip/GUSD", 0, 1e3, "capacity bought by a billion of domestic revenue"),
    Parameter("domestic_output", "Mchip", 1e-9, 1e9, "cumulative domestic output at the start"),
    # section 8, items 6, 8 and 10: stocks, lock-in, stockpiles
    Parameter("lock_in", "1", 0, 1, "lock-in to the exporter's platform at the start"),
    Parameter("lock_in_speed", "1/year", 0, 1, "share of the distance to the current mix closed in a year"),
    Parameter("depreciation", "1/year", 0, 1, "share of a stock lost in a year"),
    Parameter("stock_a", "MH100e", 1e-9, 1e9, "installed in A at the start"),
    Parameter("stock_b", "MH100e", 1e-9, 1e9, "installed in B at the start"),
    Parameter("stock_e", "MH100e", 1e-9, 1e9, "exporter's chips installed in C at the start"),
    Parameter("stock_g", "MH100e", 0, 1e9, "smuggled chips installed in C at the start"),
    Parameter("stock_d", "MH100e", 0, 1e9, "domestic chips installed in C at the start"),
    Parameter("stockpile", "1", 0, 1, "share of a step's purchases pulled forward before a full ban"),
    Parameter("tightening_exponent", "1", 0.1, 20, "how suddenly a tightening bites"),
    # section 8, item 8: algorithms
    Parameter("algorithm_lag", "year", 0, 20, "years by which C's algorithms trail"),
    Parameter("algorithm_growth", "1/year", 1, 20, "growth of algorithmic efficiency"),
    # section 9: outcomes; section 8, item 6: write-downs
    Parameter("discount", "1/year", 0.01, 1, "discount factor of a year"),
    *_by_workload("capability", "1", 0, 1e6, "weight in the capability gap"),
    Parameter("write_down", "1", 0, 10, "share of annual cost of goods lost in a full reversal"),
    # section 4 once more; at the end, because a parameter's place decides its draws
    Parameter("design_lag", "year", 0, 100, "time from a rule's first step to the first sale of cut-down designs"),
)

PARAMS = np.dtype([(p.name, np.float64) for p in PARAMETERS], align=True)

#: One entry of the exporter's catalogue, newest first. ``moves`` = 1: figures are the frontier's,
#: ``position`` generations back; 0: the figures stand as given from ``launch`` on.
CHIP = np.dtype(
    [
        ("moves", np.float64),
        ("position", np.float64),  # generations behind the frontier
        ("f", np.float64),  # [PFLOP/s] dense FP8
        ("m", np.float64),  # [TB/s]
        ("i", np.float64),  # [TB/s]
        ("tpp", np.float64),  # [TPP]
        ("area", np.float64),  # [mm2]
        ("launch", np.float64),  # [year]
        ("cost_class", np.int64),  # 0 frontier, 1 previous, 2 older, 3 legacy
        ("cost_scale", np.float64),  # factor on that class's unit cost
    ],
    align=True,
)

#: How caps are read: figures of their own, shares of the frontier chip's figures in the same year, or
#: years by which the frontier chip's figures lag.
ABSOLUTE, RELATIVE, LAGGED = 0, 1, 2

#: One group's rules. Box arrays have the axes (tier, box); a box with a zero cap admits nothing, an
#: infinite cap does not bind. A chip is admitted by a box if every figure is strictly below its cap.
GROUP = np.dtype(
    [
        ("tpp", np.float64, (2, MAX_BOXES)),  # [TPP]
        ("memory", np.float64, (2, MAX_BOXES)),  # [TB/s]
        ("interconnect", np.float64, (2, MAX_BOXES)),  # [TB/s]
        ("density", np.float64, (2, MAX_BOXES)),  # [TPP/mm2]
        ("bandwidth_sum", np.float64, (2, MAX_BOXES)),  # [TB/s] memory plus interconnect
        ("sku_before", np.float64, (2,)),  # [year] only chips launched by then, uncut; inf: new ones too
        ("quota_share", np.float64),  # of A's units shipped for home use
        ("quota_chips", np.float64),  # [Mchip/year]
        ("quota_tpp", np.float64),  # [1e6 TPP/year] aggregate of the chips sold
        ("revenue_share", np.float64),  # tau, of licensed sales
        ("delay", np.float64),  # [year] before the first licences are granted
        ("no_diversion", np.float64),  # 1: licensed sales come out of spare supply
        ("indexation", np.float64),  # [1/year] growth of every cap, 0 holds it
        ("reading", np.float64),  # ABSOLUTE, RELATIVE or LAGGED
    ],
    align=True,
)

LEVERS = np.dtype([(g, GROUP) for g in GROUPS], align=True)


class Outcome(NamedTuple):
    """One number the model reports for a policy in a scenario."""

    name: str
    unit: str
    meaning: str


def _outcomes_by_workload(stem: str, unit: str, meaning: str) -> list[Outcome]:
    return [Outcome(f"{stem}_{w}", unit, f"{meaning}, {WORKLOAD_NAMES[w]}") for w in WORKLOADS]


OUTCOME_LIST: tuple[Outcome, ...] = (
    Outcome("revenue", "GUSD", "present value of the exporter's net revenue from C (J1)"),
    Outcome("revenue_bc", "GUSD", "present value of the exporter's net revenue from B and C (J1)"),
    Outcome("gap", "year", "present value of ln(A's stock / C's) summed over the years (J2); not years of lead"),
    Outcome("substitution", "GUSD", "present value of domestic R&D in C (J3)"),
    Outcome("gross_revenue_a", "GUSD", "present value of sales to A"),
    Outcome("gross_revenue_b", "GUSD", "present value of sales to B"),
    Outcome("gross_revenue_c", "GUSD", "present value of sales to C"),
    Outcome("government_take", "GUSD", "present value of revenue shares paid to the exporter's government"),
    Outcome("displaced_revenue", "GUSD", "present value of allied sales displaced by sales to C"),
    Outcome("design_cost", "GUSD", "present value of the fixed cost of de-rated variants for C"),
    Outcome("write_downs", "GUSD", "present value of inventory for C written down at tightenings"),
    Outcome("units_a", "Mchip", "chips bought by A"),
    Outcome("units_b", "Mchip", "chips sold to B"),
    Outcome("units_open", "Mchip", "chips sold to C without a licence"),
    Outcome("units_licensed", "Mchip", "chips sold to C under licence"),
    Outcome("units_grey", "Mchip", "chips smuggled into C"),
    Outcome("units_domestic", "Mchip", "domestic chips sold in C"),
    *_outcomes_by_workload("import_share", "1", "exporter's share of chip spending in C"),
    *_outcomes_by_workload("domestic_share", "1", "domestic share of chip spending in C"),
    *_outcomes_by_workload("grey_share", "1", "smuggled share of chip spending in C"),
    *_outcomes_by_workload("gap", "year", "present value of the log capability gap"),
    Outcome("terminal_gap", "1", "log capability gap in the last step, A over C"),
    *_outcomes_by_workload("terminal_gap", "1", "log capability gap in the last step"),
    *_outcomes_by_workload("lead", "year", "lead of A over C in the last step, at most 100 either way"),
    Outcome("compute_ratio_max", "1", "largest ratio of C's to A's stock over steps and workloads"),
    Outcome("domestic_capacity", "Mchip/year", "domestic capacity after the last step"),
    Outcome("domestic_cost", "kUSD", "domestic unit cost after the last step"),
    Outcome("domestic_value", "H100e", "value index of the domestic chip in the last step"),
    Outcome("domestic_revenue", "GUSD", "present value of domestic chip sales"),
    Outcome("terminal_domestic_share", "1", "domestic share of chip spending in the last step"),
    Outcome("buyer_access", "1", "share of C's budget open to the exporter, mean over steps"),
    Outcome("terminal_access", "1", "share of C's budget open to the exporter after the last step"),
    Outcome("lock_in", "1", "lock-in to the exporter's platform after the last step"),
    Outcome("grey_premium", "1", "price of smuggled chips over the reference price, mean over steps"),
    Outcome("grey_capped", "1", "share of steps in which the cap on smuggled spending binds"),
    Outcome("oscillation", "1", "1 if the buyer's response alternates three times in a row"),
)
OUTCOMES: tuple[str, ...] = tuple(o.name for o in OUTCOME_LIST)

#: What is known of every step of one policy in one scenario. Flows are per step, rates per year.
TRAJECTORY_LIST: tuple[Outcome, ...] = (
    Outcome("gross_revenue_a", "GUSD", "sales to A in the step"),
    Outcome("gross_revenue_b", "GUSD", "sales to B in the step"),
    Outcome("gross_revenue_c", "GUSD", "sales to C in the step"),
    Outcome("net_revenue_b", "GUSD", "exporter's net revenue from B in the step"),
    Outcome("net_revenue_c", "GUSD", "exporter's net revenue from C in the step"),
    Outcome("government_take", "GUSD", "revenue shares paid in the step"),
    Outcome("units_a", "Mchip", "chips bought by A in the step"),
    Outcome("units_b", "Mchip", "chips sold to B in the step"),
    Outcome("units_open", "Mchip", "open-tier chips sold to C in the step"),
    Outcome("units_licensed", "Mchip", "licensed chips sold to C in the step"),
    Outcome("units_grey", "Mchip", "chips smuggled in the step"),
    Outcome("units_domestic", "Mchip", "domestic chips sold in the step"),
    Outcome("price_open", "kUSD", "price of the open-tier chip; 0 where none sells"),
    Outcome("price_licensed", "kUSD", "price of the licensed chip; 0 where none sells"),
    Outcome("price_grey", "kUSD", "price of a smuggled chip"),
    Outcome("price_domestic", "kUSD", "price of a domestic chip, scarcity rent included"),
    Outcome("value_open", "H100e", "value index of the open-tier chip; 0 where none sells"),
    Outcome("value_licensed", "H100e", "value index of the licensed chip; 0 where none sells"),
    Outcome("value_domestic", "H100e", "value index of the domestic chip"),
    *_outcomes_by_workload("import_share", "1", "exporter's share of chip spending in C"),
    *_outcomes_by_workload("domestic_share", "1", "domestic share of chip spending in C"),
    *_outcomes_by_workload("grey_share", "1", "smuggled share of chip spending in C"),
    *_outcomes_by_workload("stock_a", "MH100e", "installed in A after the step"),
    *_outcomes_by_workload("stock_c", "MH100e", "at C's disposal after the step"),
    Outcome("gap", "1", "log capability gap after the step"),
    Outcome("research", "GUSD/year", "domestic R&D"),
    Outcome("domestic_capacity", "Mchip/year", "domestic capacity in the step"),
    Outcome("domestic_cost", "kUSD", "domestic unit cost in the step"),
    Outcome("write_downs", "GUSD", "inventory for C written down in the step"),
    Outcome("barred", "1", "share of C's budget barred to the exporter in the step"),
    Outcome("lock_in", "1", "lock-in at the start of the step"),
    Outcome("denial", "1", "how far the best chip on offer falls short of the frontier"),
    Outcome("grey_premium", "1", "price of smuggled chips over the reference price"),
)
TRAJECTORY: tuple[str, ...] = tuple(o.name for o in TRAJECTORY_LIST)
