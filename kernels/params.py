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
    # Section 2 Performance
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
    # Section 2 Performance, weights and software
    *_by_workload("value_a", "1", 0, 1e6, "weight in groups A and B's value index"),
    *_by_workload("value_c", "1", 0, 1e6, "weight in group C's value index and budget"),
    *_by_workload("software", "1", 0, 1, "share of a domestic chip's roofline that its software delivers"),
    Parameter("software_growth", "1/year", 0.5, 2, "growth of the domestic software factors, capped at 1"),
    # Section 3 Catalogue, 4 Designs
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
    Parameter("design_lag", "year", 0, 100, "time from a rule's first step to the first sale of cut-down designs"),
    # Section 3 Paths, 5 Demand
    Parameter("price_sensitivity", "1", 0.2, 6, "exponent of price in the logit on expenditure (beta)"),
    Parameter("attraction_e", "1", 1e-12, 1e+12, "attraction of the exporter's chips"),
    Parameter("network_effect", "1", 0, 10, "how much lock-in moves attractions"),
    Parameter("outside_price", "1", 0.01, 100, "price of remote or deferred use over the reference price"),
    Parameter("buyer_tariff", "1", 0, 100, "import tariff of group C on the exporter's chips"),
    Parameter("spending_a", "GUSD/year", 1e-9, 1e9, "A's spending on AI chips at the start"),
    Parameter("spending_a_growth", "1/year", 1, 10, "initial growth of A's spending"),
    Parameter("spending_a_ceiling", "GUSD/year", 1e-9, 1e+12, "ceiling of A's spending"),
    Parameter("budget_c", "GUSD/year", 1e-9, 1e9, "latent spending of group C at the start"),
    Parameter("budget_c_growth", "1/year", 1, 10, "initial growth of C's budget"),
    Parameter("budget_c_ceiling", "GUSD/year", 1e-9, 1e+12, "ceiling of C's budget"),
    Parameter("budget_b", "GUSD/year", 1e-9, 1e9, "latent spending of group B at the start"),
    Parameter("budget_b_growth", "1/year", 1, 10, "initial growth of B's budget"),
    Parameter("budget_b_ceiling", "GUSD/year", 1e-9, 1e+12, "ceiling of B's budget"),
    Parameter("attraction_d", "1", 1e-12, 1e+12, "attraction of domestic chips at equal price and neutral lock-in"),
    Parameter("markup_a", "1", 0.01, 100, "exporter's markup over unit cost in A"),
    Parameter("budget_elasticity", "1", 0, 5, "elasticity of C's spending plans; 1 fixes the budget"),
    Parameter("budget_speed", "1/year", 0, 0.999, "share of the distance of the budget to its plan closed in a year"),
    # Section 4 Terms, 5 Plans, 8 Capacity and rent
    Parameter("home_share", "1", 0, 1, "share of A's units that ships for home use"),
    Parameter("scarcity_exponent", "1", 0, 0.999, "exponent of the domestic scarcity rent"),
    Parameter("domestic_markup", "1", 0, 100, "markup of domestic chips over unit cost, rent apart"),
    Parameter("capacity_headroom", "1", 0.01, 100, "exporter's capacity over what A and B order"),
    Parameter("spare_supply", "1", 0, 100, "exporter's spare supply over A's units, where diversion is barred"),
    # Section 8, item 9 Grey market
    Parameter("grey_growth", "1/year", 0.1, 10, "growth of smuggled supply"),
    Parameter("leak_a", "1", 0, 1, "share of A's purchases that leaks"),
    Parameter("leak_b", "1", 0, 1, "share of B's purchases that leaks"),
    Parameter("enforcement", "1", 0, 1, "enforcement effort"),
    Parameter("enforcement_reference", "1", 0, 0.999, "effort at which the supply figures were observed"),
    Parameter("remote_share", "1", 0, 1, "share of B's stock that C rents"),
    Parameter("grey_supply", "MH100e/year", 0, 1e9, "smuggled supply at the start at A's price"),
    Parameter("grey_elasticity", "1", 0, 20, "elasticity of smuggled supply in its price over A's"),
    Parameter("attraction_g", "1", 1e-12, 1e6, "attraction of a smuggled chip over the same chip bought lawfully"),
    Parameter("enforcement_cost", "GUSD/year", 0, 1e6, "yearly cost of a unit of -ln(1 - enforcement)"),
    Parameter("stock_g", "MH100e", 0, 1e9, "smuggled chips installed in C at the start"),
    # Section 8, items 2 to 5 Domestic supply
    Parameter("rd_share", "1", 0, 1, "share of domestic revenue spent on R&D"),
    Parameter("rd_state", "GUSD/year", 0, 1e6, "state R&D on accelerators"),
    Parameter("domestic_growth_rd", "1/year", 0, 5, "further growth at unlimited R&D"),
    Parameter("rd_half", "GUSD/year", 1e-9, 1e6, "R&D at which half the further growth is had"),
    Parameter("domestic_i", "TB/s", 1e-6, 1e6, "interconnect bandwidth of the domestic chip at the start"),
    Parameter("wafers", "kwafer/month", 1e-9, 1e6, "advanced wafers at the start"),
    Parameter("wafers_ceiling", "kwafer/month", 1e-9, 1e6, "ceiling of advanced wafers"),
    Parameter(
        "wafers_speed", "1/year", 0, 0.999,
        "share of the distance to the ceiling closed in a year without tool limits",
    ),
    Parameter("tools", "kwafer/month/year", 0, 1e6, "advanced capacity whose tools can be installed a year"),
    Parameter("tools_aligned", "1", 0, 1, "share of tools that an equipment control stops"),
    Parameter("tool_price", "GUSD*month/kwafer", 0, 1000, "tools for a thousand advanced wafers a month"),
    Parameter("wafer_share", "1", 1e-9, 1, "share of advanced wafers for accelerators where demand meets capacity"),
    Parameter("die_area", "mm2", 10, 858, "area of a compute die"),
    Parameter("dies_package", "1", 0.1, 64, "compute dies a training package"),
    Parameter("stacks_package", "1", 0.1, 64, "memory stacks a training package"),
    Parameter("yield_start", "1", 0.001, 1, "good dies over gross dies at the start"),
    Parameter("yield_max", "1", 0.001, 1, "yield after long learning"),
    Parameter("yield_half", "kwafer", 1e-6, 1e9, "AI wafers that halve the distance to the largest yield"),
    Parameter("hbm", "Mstack/year", 0, 1e6, "domestic memory stacks at the start"),
    Parameter("hbm_growth", "1/year", 1, 10, "initial growth of domestic stacks where demand meets capacity"),
    Parameter("hbm_ceiling", "Mstack/year", 1e-9, 1e6, "ceiling of domestic stacks"),
    Parameter("hbm_tools", "1", 0, 1, "how far memory growth depends on the tools that an equipment control stops"),
    Parameter("hbm_grey", "Mstack/year", 0, 1e6, "stacks from abroad outside the rules"),
    Parameter("dies_abroad", "Mdie/year", 0, 1e6, "dies made abroad outside the rules"),
    Parameter("bank_stacks", "Mstack", 0, 1e6, "stockpiled memory stacks at the start"),
    Parameter("bank_dies", "Mdie", 0, 1e6, "stockpiled compute dies at the start"),
    Parameter("domestic_supply", "Mchip/year", 0, 1e9, "domestic packages sold a year at the start"),
    Parameter("lead_time", "year", 0.01, 10, "from wafer to sale"),
    Parameter("wafer_price", "kUSD", 1e-9, 1e6, "price of an advanced wafer"),
    Parameter("stack_cost", "kUSD", 1e-9, 1e6, "cost of a memory stack"),
    Parameter("package_cost", "kUSD", 1e-9, 1e6, "packaging, board, test of a training package"),
    Parameter("cost_scale", "1", 0.01, 100, "factor on all parts of the domestic unit cost"),
    Parameter("die_f", "PFLOP/s", 1e-6, 1e6, "compute of one die at the start, dense FP8 or its equal"),
    Parameter("stack_m", "TB/s", 1e-6, 1e6, "bandwidth of one stack at the start"),
    Parameter("die_growth", "1/year", 0, 5, "growth of a die's compute and link without research"),
    Parameter("stack_growth", "1/year", 0, 5, "growth of a stack's bandwidth without research"),
    Parameter("rd_denial", "1", -1, 10, "proportional response of R&D to disbelief in access"),
    Parameter("learning_rate", "1", 0, 0.9, "fall of memory and packaging cost per doubling of packages"),
    Parameter("domestic_output", "Mchip", 1e-9, 1e9, "domestic packages made before the start"),
    Parameter("asic_dies", "1", 0.1, 64, "compute dies an inference ASIC"),
    Parameter("asic_stacks", "1", 0.1, 64, "memory stacks an inference ASIC"),
    Parameter("asic_gain", "1", 0.01, 100, "compute and bandwidth of an ASIC over as many training dies and stacks"),
    Parameter("asic_training", "1", 0, 1, "share of its roofline an ASIC delivers in small-scale training"),
    Parameter("asic_limit", "1", 0, 0.99, "largest share of packages that may be ASICs"),
    Parameter("efficiency_response", "1/year", 0, 5, "growth of C's compute efficiency at full denial"),
    # Section 8 Stocks and lock-in
    Parameter("depreciation", "1/year", 0, 0.99, "share of a stock lost in a year"),
    Parameter("stock_a", "MH100e", 1e-9, 1e9, "installed in A at the start"),
    Parameter("stock_b", "MH100e", 1e-9, 1e9, "installed in B at the start"),
    Parameter("stock_e", "MH100e", 1e-9, 1e9, "exporter's chips installed in C at the start"),
    Parameter("stock_d", "MH100e", 0, 1e9, "domestic chips installed in C at the start"),
    Parameter("stockpile", "1", 0, 1, "share of a year's purchases pulled forward before a full ban"),
    Parameter("tightening_exponent", "1", 0.1, 20, "how suddenly a tightening bites"),
    Parameter("lock_in", "1", 0, 1, "lock-in to the exporter's platform at the start"),
    Parameter("lock_in_speed", "1/year", 0, 0.999, "share of the distance closed in a year"),
    # Section 9 Algorithms
    Parameter("algorithm_lag", "year", 0, 20, "years by which C's algorithms trail; no outcome reads it"),
    Parameter("algorithm_growth", "1/year", 1, 20, "growth of algorithmic efficiency; no outcome reads it"),
    # Section 9 Outcomes
    Parameter("discount", "1/year", 0.01, 1, "discount factor of a year"),
    *_by_workload("capability", "1", 0, 1e6, "weight in the lead of computing"),
    Parameter("write_down", "1", 0, 10, "share of annual cost of goods lost in a full reversal"),
    # Section 6 and 8, item 6 Power
    Parameter("power_a", "GW", 1e-9, 1e6, "power installed for AI chips in A at the start"),
    Parameter("power_a_growth", "1/year", 0.5, 10, "growth of A's power"),
    Parameter("power_c", "GW", 1e-9, 1e6, "power installed for AI chips in C at the start"),
    Parameter("power_c_growth", "1/year", 0.5, 10, "growth of C's power"),
    Parameter("watts_frontier", "kW", 1e-6, 1000, "power of the frontier chip with cooling and host"),
    Parameter("watts_growth", "1/year", 0.5, 5, "growth of the frontier chip's power"),
    Parameter("watts_domestic", "kW", 1e-6, 1000, "power of a domestic package with cooling and host"),
    Parameter("stock_watts", "kW/H100e", 1e-6, 1000, "power of the stock at the start"),
    # Section 4 Terms, 9 Administration
    Parameter("evasion", "1", 0, 1, "licensed chips beyond the quota, as a share of it"),
    Parameter("licence_cost", "1", 0, 1, "administrative cost over licensed sales"),
    Parameter("licence_fixed", "GUSD/year", 0, 1e6, "fixed cost of running a licensed tier"),
    # Section 8, item 8 Government
    Parameter("buyer_decides", "1", 0, 1, "1: the buyer's government decides; 0: the barred share stands"),
    Parameter("barred_start", "1", 0, 1, "share of C's budget barred to the exporter at the start"),
    Parameter("barred_max", "1", 0.01, 0.999, "largest share the government bars"),
    Parameter("weight_compute", "1", 0, 1000, "weight of compute in the government's choice"),
    Parameter("weight_self", "1", 0, 1000, "weight of domestic sales"),
    Parameter("weight_dependence", "1", 0, 1000, "weight of foreign dependence"),
    Parameter("weight_parity", "1", 0, 1000, "weight of the offered chip's lead over the domestic one"),
    Parameter("weight_premium", "1", 0, 1000, "weight of the grey premium"),
    Parameter("weight_retaliation", "1", 0, 1000, "weight of the urge to answer a slight"),
    Parameter("response_level", "1", -1000, 1000, "constant preference for barring"),
    Parameter("switching_cost", "1", 0, 1000, "cost of moving the barred share by one"),
    Parameter("decision_rate", "1/year", 0, 100, "rate at which the government takes up the question"),
    Parameter("warning_base", "1/year", 0, 100, "hazard of a security warning without cause"),
    Parameter("warning_tightening", "1/year", 0, 100, "hazard added by a full denial by the exporter's rule"),
    Parameter("warning_terms", "1/year", 0, 100, "hazard added by conditions (revenue share)"),
    # Section 8, items 1 and 10 Expectations
    Parameter("belief_start", "1", 0, 1, "believed access to the exporter's chips at the start"),
    Parameter("belief_speed", "1/year", 0, 0.999, "share of the distance to what is seen closed in a year"),
    Parameter("credibility", "1", 0, 1, "probability with which an announced schedule is believed"),
    Parameter("investment_life", "year", 0.01, 100, "years over which an investor looks ahead"),
    Parameter("belief_weight", "1", 0, 1, "weight of belief against use in what lock-in moves to"),
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
        ("quota_share", np.float64),  # TPP of licensed chips over that of A's chips shipped for home use
        ("quota_chips", np.float64),  # [Mchip/year]
        ("quota_tpp", np.float64),  # [1e6 TPP/year] aggregate of the chips sold
        ("revenue_share", np.float64),  # tau, of licensed sales
        ("delay", np.float64),  # [year] before the first licences are granted
        ("no_diversion", np.float64),  # 1: licensed sales come out of spare supply
        ("indexation", np.float64),  # [1/year] growth of every cap, 0 holds it
        ("reading", np.float64),  # ABSOLUTE, RELATIVE or LAGGED
        # Controls beside chips; of group C alone.
        ("enforcement", np.float64),  # share of what present enforcement lets through that is stopped too
        ("equipment_control", np.float64),  # s_E, 0 to 1
        ("memory_control", np.float64),  # s_H, 0 to 1
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
    Outcome("compute_lead", "1", "A's computing over C's, discounted geometric mean over the years (J2)"),
    Outcome("substitution", "percent", "domestic supply, mean over the years, beyond that without control (J3)"),
    Outcome("exporter_and_government", "GUSD", "revenue and the government's take together"),
    Outcome("gross_revenue_a", "GUSD", "present value of sales to A"),
    Outcome("gross_revenue_b", "GUSD", "present value of sales to B"),
    Outcome("gross_revenue_c", "GUSD", "present value of sales to C"),
    Outcome("government_take", "GUSD", "present value of revenue shares paid to the exporter's government"),
    Outcome("displaced_revenue", "GUSD", "present value of allied sales displaced by sales to C"),
    Outcome("design_cost", "GUSD", "present value of the fixed cost of de-rated variants for C"),
    Outcome("write_downs", "GUSD", "present value of inventory for C written down at tightenings"),
    Outcome("administration", "GUSD", "present value of what licences and enforcement cost to run"),
    Outcome("equipment_sales", "GUSD", "present value of allied tools sold to C's advanced fabs"),
    Outcome("units_a", "Mchip", "chips bought by A"),
    Outcome("units_b", "Mchip", "chips sold to B"),
    Outcome("units_open", "Mchip", "chips sold to C without a licence"),
    Outcome("units_licensed", "Mchip", "chips sold to C under licence"),
    Outcome("units_grey", "Mchip", "chips smuggled into C"),
    Outcome("units_domestic", "Mchip", "domestic chips sold in C"),
    Outcome("acquired_lawful", "MH100e", "computing that C bought from the exporter"),
    Outcome("acquired_domestic", "MH100e", "computing that C bought at home"),
    Outcome("acquired_smuggled", "MH100e", "computing that was smuggled into C"),
    Outcome("acquired_rented", "MH100e", "computing that C rents of what B bought"),
    *_outcomes_by_workload("import_share", "1", "exporter's share of chip spending in C"),
    *_outcomes_by_workload("domestic_share", "1", "domestic share of chip spending in C"),
    *_outcomes_by_workload("grey_share", "1", "smuggled share of chip spending in C"),
    *_outcomes_by_workload("compute_lead", "1", "A's computing over C's, discounted geometric mean"),
    Outcome("terminal_compute_lead", "1", "A's computing over C's after the last step"),
    *_outcomes_by_workload("terminal_compute_lead", "1", "A's computing over C's after the last step"),
    Outcome("world_share_c", "1", "C's share of all computing after the last step"),
    Outcome("domestic_supply", "MH100e/year", "what domestic makers can sell, mean over the years"),
    Outcome("terminal_supply", "MH100e/year", "what domestic makers can sell in the last step"),
    Outcome("terminal_substitution", "percent", "terminal_supply beyond that of the same future without control"),
    Outcome("domestic_chips", "Mchip/year", "what domestic makers make in the last step"),
    Outcome("domestic_cost", "kUSD", "domestic unit cost in the last step"),
    Outcome("domestic_value", "H100e", "value index of the domestic chip in the last step"),
    Outcome("domestic_revenue", "GUSD", "present value of domestic chip sales"),
    Outcome("research", "GUSD", "present value of domestic R&D"),
    Outcome("terminal_domestic_share", "1", "domestic share of chip spending in the last step"),
    Outcome("buyer_access", "1", "share of C's budget open to the exporter, mean over steps"),
    Outcome("terminal_access", "1", "share of C's budget open to the exporter in the last step"),
    Outcome("served", "1", "how well C is served: price index without control over its own, mean over steps"),
    Outcome("lock_in", "1", "lock-in to the exporter's platform after the last step"),
    Outcome("grey_premium", "1", "price of smuggled chips over A's price, less one; mean over steps"),
)
OUTCOMES: tuple[str, ...] = tuple(o.name for o in OUTCOME_LIST)

#: What is known of every step of one policy in one scenario: flows of the step, its lumps included.
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
    Outcome("acquired_lawful", "MH100e", "computing that C bought from the exporter in the step"),
    Outcome("acquired_domestic", "MH100e", "computing that C bought at home in the step"),
    Outcome("acquired_smuggled", "MH100e", "computing that was smuggled into C in the step"),
    Outcome("price_allied", "kUSD", "price of the frontier chip in A"),
    Outcome("reference_price", "kUSD/H100e", "that price an H100-equivalent"),
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
    Outcome("compute_lead", "1", "A's computing over C's after the step"),
    Outcome("research", "GUSD/year", "domestic R&D"),
    Outcome("domestic_supply", "MH100e/year", "what domestic makers can sell in the step"),
    Outcome("domestic_chips", "Mchip/year", "what domestic makers make in the step"),
    Outcome("wafers", "kwafer/month", "advanced wafers in the middle of the step"),
    Outcome("die_yield", "1", "good dies over gross dies"),
    Outcome("stacks", "Mstack/year", "domestic memory stacks in the middle of the step"),
    Outcome("memory_binds", "1", "how far memory rather than logic limits domestic supply"),
    Outcome("domestic_cost", "kUSD", "domestic unit cost in the step"),
    Outcome("write_downs", "GUSD", "inventory for C written down in the step"),
    Outcome("barred", "1", "share of C's budget barred to the exporter in the step"),
    Outcome("belief", "1", "believed access to the exporter's chips"),
    Outcome("lock_in", "1", "lock-in in the middle of the step"),
    Outcome("served", "1", "how well C is served: price index without control over its own"),
    Outcome("access", "1", "share of the gain from trade in chips that C has"),
    Outcome("capacity_binds", "1", "chance that the exporter's capacity binds"),
    Outcome("grey_premium", "1", "price of smuggled chips over A's price, less one"),
)
TRAJECTORY: tuple[str, ...] = tuple(o.name for o in TRAJECTORY_LIST)
