"""Properties that the payoff model has whatever its parameters: on the twin, and on the kernels."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import twin
from support import cases
from support.evaluations import (
    CATALOGUE,
    changed,
    licensed_c,
    on_kernels,
    on_twin,
    one_box,
    random_cases,
    scenario,
    unequal,
)  # fmt: skip

from tiercap.kernels.params import ABSOLUTE, INF, WORKLOADS

MONEY = (
    "unit_cost_frontier",
    "unit_cost_previous",
    "unit_cost_older",
    "unit_cost_legacy",
    "reference_price",
    "budget_c",
    "budget_b",
    "nre",
    "rd_state",
    "rd_half",
    "domestic_cost",
)
#: Outcomes counted in money.
PAID = (
    "revenue",
    "revenue_bc",
    "substitution",
    "gross_revenue_a",
    "gross_revenue_b",
    "gross_revenue_c",
    "government_take",
    "displaced_revenue",
    "design_cost",
    "write_downs",
    "domestic_revenue",
    "domestic_cost",
)
PAIRS = random_cases(20260115, 12)


@pytest.fixture(params=[on_twin, on_kernels])
def run(request: pytest.FixtureRequest):
    """Who evaluates."""
    return request.param


@pytest.mark.parametrize("i", range(6))
def test_saturation(run, i):
    """Caps above every figure are no caps, to the bit."""
    params = PAIRS[i][0]
    loose = one_box(tpp=1e9, memory=1e6, interconnect=1e6, density=1e6, bandwidth_sum=1e7)
    assert not unequal(run(loose, params)[0], run(cases.free(), params)[0])


#: Every way to sell nothing to C.
BANS = [
    cases.ban("c"),
    one_box(tpp=0.0),
    one_box(memory=0.0),
    one_box(interconnect=0.0),
    one_box(density=0.0),
    one_box(bandwidth_sum=0.0),
    licensed_c(quota_share=0.0),
    licensed_c(quota_chips=0.0),
    licensed_c(quota_tpp=0.0),
    licensed_c(revenue_share=1.0),
    licensed_c(delay=1e9),
]


@pytest.mark.parametrize("i", range(4))
@pytest.mark.parametrize("levers", BANS)
def test_ban(run, levers, i):
    """Nothing is sold, earned or taken, exactly."""
    outcomes, trajectory, _ = run(levers, PAIRS[i][0], n_steps=4)
    for name in ("revenue", "gross_revenue_c", "units_open", "units_licensed", "design_cost", "write_downs"):
        assert outcomes[name] == 0.0
    assert outcomes["government_take"] == 0.0
    assert all(row["denial"] == 1.0 for row in trajectory)


@pytest.mark.parametrize("i", range(12))
def test_currency_scaling(run, i):
    """What is counted in money scales, nothing else moves."""
    params, levers = PAIRS[i]
    k = 2.0
    other = changed(params, capacity_investment=params["capacity_investment"] / k)
    for name in MONEY:
        other[name] = k * params[name]
    one, _, margin = run(levers, params)
    two = run(levers, other)[0]
    if margin < 1e-9:
        pytest.skip("a tie that rounding decides")
    for name in PAID:
        one[name] *= k
    assert not unequal(one, two, 1e-9)


@pytest.mark.parametrize("i", range(12))
@pytest.mark.parametrize("figure", ["f", "m", "i"])
def test_performance_unit_scaling(run, i, figure):
    """The unit of compute or of a bandwidth does not matter (sum caps mix two units: left out)."""
    params, levers = PAIRS[i]
    levers = copy.deepcopy(levers)
    for g in ("a", "b", "c"):
        levers[0][g]["bandwidth_sum"] = np.where(levers[0][g]["bandwidth_sum"] > 0, INF, 0.0)
    scaled, chips = levers.copy(), CATALOGUE.copy()
    k = 4.0
    other = changed(params)
    for name in ("reference", "frontier", "domestic"):
        other[f"{name}_{figure}"] = k * params[f"{name}_{figure}"]
    chips[figure] *= k
    if figure == "f":
        chips["tpp"] *= k
    names = {"f": ("tpp", "density"), "m": ("memory",), "i": ("interconnect",)}[figure]
    for g in ("a", "b", "c"):
        if int(scaled[0][g]["reading"]) == ABSOLUTE:
            for name in names:
                scaled[0][g][name] *= k
        if figure == "f":
            scaled[0][g]["quota_tpp"] *= k
    one, _, margin = run(levers, params)
    if margin < 1e-9:
        pytest.skip("a tie that rounding decides")
    assert not unequal(one, run(scaled, other, catalogue=chips)[0], 1e-9)


@pytest.mark.parametrize("i", range(12))
def test_quota(run, i):
    """A quota is respected, and one that does not bind changes nothing."""
    params = PAIRS[i][0]
    levers = licensed_c(quota_chips=0.1, revenue_share=0.2)
    _, trajectory, _ = run(levers, params, steps_per_year=2, n_steps=6)
    assert all(row["units_licensed"] <= 0.05 * (1 + 1e-12) for row in trajectory)
    loose = run(licensed_c(quota_chips=1e6), params)[0]
    assert not unequal(loose, run(licensed_c(), params)[0])


def test_quota_is_respected_by_stockpiles(run):
    """A ban ahead fills the quota and no more."""
    levers = np.concatenate([licensed_c(quota_chips=1.0), cases.ban("c")])
    _, trajectory, _ = run(levers, scenario(barred_start=0.2, stockpile=1.0), phase=[0, 0, 1], n_steps=3)
    assert trajectory[0]["write_downs"] == 0.0
    assert trajectory[1]["write_downs"] > 0.0
    assert trajectory[1]["units_licensed"] == pytest.approx(1.0, rel=1e-12)
    assert trajectory[2]["units_licensed"] == 0.0


@pytest.mark.parametrize("i", range(12))
@pytest.mark.parametrize("steps_per_year", [1, 4])
def test_budget_and_supply(run, i, steps_per_year):
    """The parts never exceed the budget, nor D its supply; stocks are positive."""
    params, levers = PAIRS[i]
    params = changed(params, stockpile=0.0, budget_elasticity=1.0)
    q, dt = twin.namespace(params), 1.0 / steps_per_year
    _, trajectory, _ = run(levers, params, steps_per_year=steps_per_year)
    for t, row in enumerate(trajectory):
        spent = row["gross_revenue_c"] * (1.0 + q.buyer_tariff)
        spent += row["units_grey"] * row["price_grey"] + row["units_domestic"] * row["price_domestic"]
        assert 0.0 <= spent <= twin.budget_c(q, t * dt) * dt * (1 + 1e-12)
        assert 0.0 <= row["units_domestic"] <= row["domestic_capacity"] * dt * (1 + 1e-12)
        grey = row["units_grey"] * row["price_grey"]
        assert grey <= q.grey_budget_cap * twin.budget_c(q, t * dt) * dt * (1 + 1e-12)
        for w in WORKLOADS:
            assert min(row[f"stock_a_{w}"], row[f"stock_c_{w}"]) > 0.0
            parts = [row[f"{kind}_share_{w}"] for kind in ("import", "domestic", "grey")]
            assert min(parts) >= 0.0
            assert sum(parts) == pytest.approx(1.0, rel=1e-12)


@pytest.mark.parametrize("i", range(12))
def test_no_tightening_costs_nothing(run, i):
    """Caps that never tighten leave no write-down and no stockpile."""
    params, levers = PAIRS[i]
    levers = levers.copy()
    for g in ("b", "c"):
        levers[0][g]["indexation"] = abs(levers[0][g]["indexation"])
        levers[0][g]["bandwidth_sum"] = np.where(levers[0][g]["bandwidth_sum"] > 0, INF, 0.0)
    one = run(levers, params)[0]
    assert one["write_downs"] == 0.0
    two = run(levers, changed(params, stockpile=0.0, write_down=9.0))[0]
    assert not unequal(one, two)


def test_indexation_consistency(run):
    """Caps that grow with the frontier hold the offer's distance from it."""
    g = 1.4
    growth = {f"frontier_growth_{x}": g for x in "fmi"}
    params = scenario(**growth, network_exponent=0.5, wall_growth=1.2, run_growth=1.2 * g**1.5)
    levers = one_box(tpp=20000.0, memory=5.0, interconnect=0.9, indexation=g - 1.0)
    _, trajectory, _ = run(levers, params, catalogue=CATALOGUE[:1])
    assert all(row["units_open"] > 0.0 for row in trajectory)
    assert all(row["denial"] == pytest.approx(trajectory[0]["denial"], rel=1e-12) for row in trajectory)
    assert 0.1 < trajectory[0]["denial"] < 0.9


@pytest.mark.parametrize("i", range(4))
def test_common_growth(run, i):
    """Algorithmic progress without a lag cancels."""
    params, levers = PAIRS[i]
    one = run(levers, changed(params, algorithm_lag=0.0))[0]
    two = run(levers, changed(params, algorithm_lag=0.0, algorithm_growth=5.0))[0]
    assert not unequal(one, two)
    three = run(levers, changed(params, algorithm_lag=2.0, algorithm_growth=5.0))[0]
    assert three["terminal_gap"] - one["terminal_gap"] == pytest.approx(2.0 * math.log(5.0), abs=1e-9)


@pytest.mark.parametrize("i", range(8))
def test_decoupling(run, i):
    """Without leaks, rented stocks and shared supply, B's caps are nothing to C."""
    params, levers = PAIRS[i]
    params = changed(params, leak_a=0.0, leak_b=0.0, remote_share=0.0, displacement=0.0)
    levers = levers.copy()
    levers[0]["c"]["no_diversion"] = 0.0
    other = levers.copy()
    other[0]["b"] = cases.ban("b")[0]["b"]
    skip = ("revenue_bc", "gross_revenue_b", "units_b", "government_take")
    assert not unequal(run(levers, params)[0], run(other, params)[0], skip=skip)


@pytest.mark.parametrize("i", range(12))
def test_first_year(run, i):
    """A vanishing discount factor leaves year 0, and one step is that year.

    Not so where the rule tightens: a longer run looks one step ahead, so stockpiles and write-downs are off.
    """
    params, levers = PAIRS[i]
    params = changed(params, stockpile=0.0, write_down=0.0)
    names = ("revenue", "revenue_bc", "gap", "substitution", "gross_revenue_a", "domestic_revenue", "government_take")
    static = run(levers, params, n_steps=1)[0]
    myopic = run(levers, changed(params, discount=0.0), n_steps=5)[0]
    for name in names:
        assert myopic[name] == pytest.approx(static[name], rel=1e-14, abs=1e-300)
    assert all(math.isnan(static[f"lead_{w}"]) for w in WORKLOADS)


@pytest.mark.parametrize("i", range(12))
def test_splitting_a_chip_over_two_tiers_gains_nothing(run, i):
    """Section 5: one chip in two tiers, half of it under licence, earns what it earns in one."""
    params = changed(PAIRS[i][0], stockpile=0.0)
    wide = one_box()
    split = wide.copy()
    for name in cases.CAPS:
        split[0]["c"][name][1, 0] = INF
    one, rows, _ = run(wide, params)
    split[0]["c"]["quota_chips"] = 0.5 * rows[0]["units_open"]
    two = run(split, params)[0]
    assert two["units_open"] + two["units_licensed"] == pytest.approx(one["units_open"], rel=1e-9)
    skip = ("units_open", "units_licensed")
    assert not unequal(one, two, 1e-9, skip)
