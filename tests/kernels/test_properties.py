"""Properties that the payoff model has whatever its parameters: on the twin, and on the kernels."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import twin
from support import cases
from support.twin_runs import CATALOGUE, changed, licensed_c, on_twin, one_box, random_cases, scenario, unequal

from tiercap.kernels.params import ABSOLUTE, INF, OUTCOME_LIST, PARAMETERS, WORKLOADS

#: Parameters and outcomes counted in money.
MONEY = tuple(p.name for p in PARAMETERS if "USD" in p.unit)
PAID = tuple(o.name for o in OUTCOME_LIST if "USD" in o.unit)
PAIRS = random_cases(20260115, 12)


@pytest.fixture(params=["twin", "kernels"])
def run(request: pytest.FixtureRequest):
    """Who evaluates."""
    if request.param == "twin":
        return on_twin
    from support.evaluations import on_kernels  # here, for the twin's runs need no kernels

    return on_kernels


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
    sold = ("revenue", "gross_revenue_c", "units_open", "units_licensed", "acquired_lawful", "displaced_revenue")
    for name in (*sold, "design_cost", "write_downs", "government_take", *(f"import_share_{w}" for w in WORKLOADS)):
        assert outcomes[name] == 0.0
    assert all(row["access"] == 0.0 for row in trajectory)
    assert all(row["served"] < 1.0 for row in trajectory)


@pytest.mark.parametrize("i", range(12))
def test_currency_scaling(run, i):
    """What is counted in money scales, nothing else moves."""
    params, levers = PAIRS[i]
    k, other = 2.0, changed(params)
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
    of_domestic = {"f": "die_f", "m": "stack_m", "i": "domestic_i"}[figure]
    for name in (f"reference_{figure}", f"frontier_{figure}", of_domestic):
        other[name] = k * params[name]
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
    assert all(row["units_licensed"] <= 0.05 * (1 + params["evasion"]) * (1 + 1e-12) for row in trajectory)
    loose = run(licensed_c(quota_chips=1e6), params)[0]
    assert not unequal(loose, run(licensed_c(), params)[0])


def test_quota_is_respected_by_stockpiles(run):
    """A ban ahead fills what buyers leave of the quota, and no more."""
    params = scenario(buyer_decides=0.0, barred_start=0.2, stockpile=0.0, evasion=0.0)
    phases, phase = np.concatenate([licensed_c(), cases.ban("c")]), [0, 0, 1]
    wanted = run(phases, params, phase=phase, n_steps=3)[1][1]["units_licensed"]
    phases[0]["c"]["quota_chips"] = 1.3 * wanted
    _, trajectory, _ = run(phases, changed(params, stockpile=1.0), phase=phase, n_steps=3)
    assert trajectory[0]["write_downs"] == 0.0
    assert trajectory[1]["write_downs"] > 0.0
    assert trajectory[1]["units_licensed"] == pytest.approx(1.3 * wanted, rel=1e-12)
    assert trajectory[2]["units_licensed"] == 0.0


@pytest.mark.parametrize("i", range(12))
@pytest.mark.parametrize("steps_per_year", [1, 4])
def test_budget_and_supply(run, i, steps_per_year):
    """The parts never exceed the budget, nor D its supply; stocks are positive.

    What four passes leave of the grey price may go beyond the budget: the page says by less than 1e-3.
    """
    params, levers = PAIRS[i]
    params = changed(params, stockpile=0.0, budget_elasticity=1.0)
    q, dt = twin.namespace(params), 1.0 / steps_per_year
    _, trajectory, _ = run(levers, params, steps_per_year=steps_per_year)
    for t, row in enumerate(trajectory):
        spent = row["gross_revenue_c"] * (1.0 + q.buyer_tariff)
        spent += row["units_grey"] * row["price_grey"] + row["units_domestic"] * row["price_domestic"]
        assert 0.0 < spent <= twin.budget_c(q, (t + 0.5) * dt) * dt * (1 + 1e-3)
        supply = row["domestic_supply"] / row["value_domestic"]
        assert 0.0 <= row["units_domestic"] <= supply * dt * (1 + 1e-12)
        for w in WORKLOADS:
            assert min(row[f"stock_a_{w}"], row[f"stock_c_{w}"]) > 0.0
            parts = [row[f"{kind}_share_{w}"] for kind in ("import", "domestic", "grey")]
            assert min(parts) >= 0.0
            assert sum(parts) == pytest.approx(1.0, rel=1e-12)


@pytest.mark.parametrize("i", range(12))
def test_no_tightening_costs_nothing(run, i):
    """A rule that stays, or gives way to a wider one, leaves no write-down and no stockpile."""
    params, levers = PAIRS[i]
    other = changed(params, stockpile=0.0, write_down=9.0)
    for phases, phase in ((levers, [0] * 6), (np.concatenate([cases.ban("bc"), levers]), [0] * 3 + [1] * 3)):
        one = run(phases, params, phase=phase, n_steps=6)[0]
        assert one["write_downs"] == 0.0
        assert not unequal(one, run(phases, other, phase=phase, n_steps=6)[0])


def test_what_is_pulled_forward_is_lent_and_repaid(run):
    """A ban ahead of B moves its purchases to the last step before, and leaves C's own rule alone."""
    params = scenario(stockpile=0.5)
    phases, phase = np.concatenate([cases.free(), cases.ban("b"), cases.free()]), [0, 0, 1, 2, 2, 2]
    lent = run(phases, params, phase=phase, n_steps=6)[1]
    cash = run(phases, changed(params, stockpile=0.0), phase=phase, n_steps=6)[1]
    more = [a["units_b"] - b["units_b"] for a, b in zip(lent, cash, strict=True)]
    assert more[0] == more[2] == 0.0
    assert more[1] == pytest.approx(0.5 * cash[1]["units_b"], rel=1e-9)
    assert more[3] < 0.0  # what a year under the ban has left of the debt
    assert abs(more[5]) < 0.1 * abs(more[3])  # a seventh is left each year
    assert lent[1]["net_revenue_b"] > cash[1]["net_revenue_b"]


def test_indexation_consistency(run):
    """Caps that grow with the frontier hold the offer's distance from it."""
    g = 1.4
    growth = {f"frontier_growth_{x}": g for x in "fmi"}
    params = scenario(**growth, network_exponent=0.5, wall_growth=1.2, run_growth=1.2 * g**1.5, design_lag=0.0, nre=0.0)
    levers = one_box(tpp=20000.0, memory=5.0, interconnect=0.9, indexation=g - 1.0)
    _, trajectory, _ = run(levers, params, catalogue=CATALOGUE[:1])
    first = trajectory[0]["value_open"]
    assert first > 0.0
    for t, row in enumerate(trajectory):
        assert row["value_open"] == pytest.approx(first * g**t, rel=1e-12)


@pytest.mark.parametrize("i", range(4))
def test_algorithms_are_reported_apart(run, i):
    """What algorithms add to a lead is a constant of its own: no outcome has it."""
    params, levers = PAIRS[i]
    one = run(levers, changed(params, algorithm_lag=0.0))[0]
    assert not unequal(one, run(levers, changed(params, algorithm_lag=2.0, algorithm_growth=5.0))[0])


@pytest.mark.parametrize("i", range(8))
def test_decoupling(run, i):
    """Without leaks, rented stocks and a capacity that binds, B's caps are nothing to C."""
    params, levers = PAIRS[i]
    params = changed(params, leak_a=0.0, leak_b=0.0, remote_share=0.0, capacity_headroom=100.0)
    levers = levers.copy()
    levers[0]["c"]["no_diversion"] = 0.0
    other = levers.copy()
    other[0]["b"] = cases.ban("b")[0]["b"]
    skip = ("revenue_bc", "gross_revenue_b", "units_b", "government_take", "exporter_and_government", "world_share_c",
            "displaced_revenue")  # fmt: skip
    one, two = run(levers, params)[0], run(other, params)[0]
    assert not unequal(one, two, 1e-9, skip)
    assert max(one["displaced_revenue"], two["displaced_revenue"]) < 1e-9 * one["gross_revenue_a"]


@pytest.mark.parametrize("i", range(12))
def test_a_longer_run_begins_as_a_short_one(run, i):
    """Nobody looks beyond the step while the rule stays."""
    params, levers = PAIRS[i]
    assert run(levers, params, n_steps=1)[1] == run(levers, params, n_steps=5)[1][:1]


@pytest.mark.parametrize("i", range(12))
def test_splitting_a_chip_over_two_tiers_gains_nothing(run, i):
    """Section 5: one chip in two tiers, half of it under licence, earns what it earns in one."""
    params = PAIRS[i][0]
    wide = one_box()
    split = wide.copy()
    for name in cases.CAPS:
        split[0]["c"][name][1, 0] = INF
    one, rows, _ = run(wide, params)
    split[0]["c"]["quota_chips"] = 0.5 * rows[0]["units_open"]
    two = run(split, params)[0]
    assert two["units_open"] + two["units_licensed"] == pytest.approx(one["units_open"], rel=1e-9)
    assert not unequal(one, two, 1e-9, ("units_open", "units_licensed"))


@pytest.mark.parametrize("i", range(6))
def test_enforcement_stops_a_share_of_what_is_let_through(run, i):
    """The lever and the parameter are one thing: what both let through is the product.

    But for substitution, whose run without control has the parameter and not the lever.
    """
    params, levers = PAIRS[i]
    lever, parameter = levers.copy(), levers.copy()
    lever[0]["c"]["enforcement"], parameter[0]["c"]["enforcement"] = 0.4, 0.0
    effort = 1.0 - 0.6 * (1.0 - params["enforcement"])
    one, two = run(lever, params)[0], run(parameter, changed(params, enforcement=effort))[0]
    assert not unequal(one, two, 1e-9, ("substitution", "terminal_substitution"))


@pytest.mark.parametrize("control", ["equipment_control", "memory_control"])
def test_controls_on_supply_leave_domestic_makers_less(run, control):
    """Under a ban, whatever else moves."""
    tighter = cases.ban("c")
    tighter[0]["c"][control] = 1.0
    for params in (scenario(), *(pair[0] for pair in PAIRS[:4])):
        one, two = run(cases.ban("c"), params)[0], run(tighter, params)[0]
        assert two["domestic_supply"] < one["domestic_supply"]
        assert two["equipment_sales"] <= one["equipment_sales"] * (1 + 0.02)


@pytest.mark.parametrize("i", range(12))
def test_money_adds_up(run, i):
    """Net revenue is gross revenue less take, displaced sales, variants and write-downs, in steps and over the run."""
    params, levers = PAIRS[i]
    levers = levers.copy()
    levers[0]["b"] = cases.ban("b")[0]["b"]  # whose take is C's alone
    phases, phase = np.concatenate([levers, cases.ban("bc")]), [0, 0, 0, 1]
    one, _, _ = run(phases, params, phase=phase, n_steps=4)
    parts = [one[name] for name in ("government_take", "displaced_revenue", "design_cost", "write_downs")]
    assert one["revenue"] == pytest.approx(one["gross_revenue_c"] - sum(parts), rel=1e-12, abs=1e-9)
    assert one["exporter_and_government"] == pytest.approx(one["revenue"] + parts[0], rel=1e-12, abs=1e-9)
    assert one["revenue_bc"] == pytest.approx(one["revenue"], rel=1e-12, abs=1e-12)
