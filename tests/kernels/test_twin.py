"""Properties of the payoff model that hold on its plain-Python twin."""

from __future__ import annotations

import math

import numpy as np
import pytest
import twin
from hypothesis import given, settings
from hypothesis import strategies as st
from support import cases
from support.evaluations import CATALOGUE, FROZEN, better, changed, one_box, random_cases, scenario
from support.evaluations import on_twin as run

from tiercap.kernels.params import INF, OUTCOMES, RELATIVE, TRAJECTORY, WORKLOADS

QUICK = settings(max_examples=40, deadline=None, derandomize=True, database=None)
positive = st.floats(0.05, 20.0)
REFERENCE = (1.979, 3.35, 0.9)
THETA = {"st": (1.0, 0.45, 0.1), "pf": (1.0, 0.25, 0.05), "dc": (0.1, 1.0, 0.1)}
# --- equations -----------------------------------------------------------------------------------------------


@QUICK
@given(
    positive, positive, positive, st.floats(1.01, 5.0), st.sampled_from(["st", "pf", "dc"]), st.sampled_from([2, 4, 8])
)
def test_roofline_rises_is_homogeneous_and_one_at_the_reference(F, M, I, scale, w, p):
    """Equation (1) in its figures."""

    def f(*figures: float) -> float:
        return twin.roofline(*figures, REFERENCE, THETA[w], p)

    assert f(*REFERENCE) == 1.0
    assert f(scale * F, M, I) >= f(F, M, I)
    assert f(F, scale * M, I) >= f(F, M, I)
    assert f(F, M, scale * I) > f(F, M, I)
    assert f(scale * F, scale * M, scale * I) == pytest.approx(scale * f(F, M, I), rel=1e-13)


@QUICK
@given(positive, positive, st.sampled_from([2, 4, 8]))
def test_roofline_lies_between_the_hard_one_and_a_multiple_of_it(a, b, p):
    """On compute time a and memory time b."""
    time = twin.roofline_time(1.0, 1.0, 1.0, (a, b, 1.0), (1.0, 1.0, 0.0), p)
    hard = max(a, b)
    assert hard * (1 - 1e-15) <= time <= 2.0 ** (1.0 / p) * hard * (1 + 1e-15)
    soft = twin.roofline_time(1.0, 1.0, 1.0, (a / hard, b / hard, 1.0), (1.0, 1.0, 0.0), 4096)
    assert soft == pytest.approx(1.0, rel=2e-4)


@QUICK
@given(positive, positive, st.floats(0.01, 100.0), st.floats(1.0, 3.0), st.floats(0.0, 1.0), st.floats(1.0, 6.0))
def test_the_wall_only_takes_and_bites_weak_chips_most(f_st, i, rho, mu, network, scale):
    """Equation (2) at no run, a small one and a huge one."""
    f_ft = twin.wall(f_st, i, rho, mu, network)
    assert 0.0 < f_ft <= f_st
    assert twin.wall(scale * f_st, scale * i, rho, mu, network) >= scale * f_ft * (1 - 1e-14)
    assert twin.wall(f_st, i, 0.0, mu, network) == f_st
    assert twin.wall(f_st, i, 1e-12 * rho, mu, network) == pytest.approx(f_st, rel=1e-6)
    assert twin.wall(f_st, i, 1e12 * rho, mu, network) < 1e-6 * f_st


rivalry = st.lists(st.floats(-8.0, 4.0), min_size=4, max_size=4)
budget = st.lists(st.floats(0.05, 1.0), min_size=4, max_size=4)


def _problem(X10, b):
    """A price problem with c_e = 1, f = 1, A = 1 and X_w = 10^X10_w."""
    R = {w: 10.0 ** (-x) for w, x in zip(WORKLOADS, X10, strict=True)}
    return dict.fromkeys(WORKLOADS, 1.0), R, dict(zip(WORKLOADS, b, strict=True))


def _one(value: float) -> dict[str, float]:
    return {"st": value, "ft": 0.0, "pf": 0.0, "dc": 0.0}


@QUICK
@given(rivalry, budget, st.floats(0.8, 2.0), st.floats(0.1, 50.0))
def test_markup_solves_its_equation_and_maximises_profit(X10, b, beta, c):
    """Equation (7), against a brute-force maximiser."""
    f, R, b = _problem(X10, b)
    price = twin.markup_price(c, c**beta, f, R, b, beta)
    s = twin.shares(twin.attractions(c**beta, price, f, beta), R)
    mean = sum(b[w] * s[w] * (1.0 - s[w]) for w in WORKLOADS) / twin.total_spending(b, s)
    assert beta * (price / c - 1.0) * mean == pytest.approx(1.0, abs=1e-13)
    assert price >= c * (1.0 + 1.0 / beta)

    def profit(p: float) -> float:
        return twin.total_spending(b, twin.shares(twin.attractions(c**beta, p, f, beta), R)) * (1.0 - c / p)

    here = profit(price)
    alike = max(X10) - min(X10) <= 5.0  # beyond, profit has two peaks: see the next test
    for k in range(1, 60 if alike else 0):
        assert profit(price * 1.15**k) <= here * (1 + 1e-12)
        assert profit(max(c, price * 1.15**-k)) <= here * (1 + 1e-12)
    assert max(profit(price * 1.001), profit(price / 1.001)) <= here * (1 + 1e-12)


def test_profit_has_a_second_peak_where_rivals_differ_by_six_powers_of_ten():
    """No maximum there: the least root of equation (7) counts, as model.md says, and the other peak is 0.2 % higher."""
    f, R, b = _problem([0.0, 0.0, -2.0, 4.0], [0.9375, 0.0625, 1.0, 0.328125])
    beta = 1.6875

    def profit(p: float) -> float:
        return twin.total_spending(b, twin.shares(twin.attractions(1.0, p, f, beta), R)) * (1.0 - 1.0 / p)

    price = twin.markup_price(1.0, 1.0, f, R, b, beta)
    higher = max(profit(price * 1.01**k) for k in range(1, 400))
    assert 1.001 < higher / profit(price) < 1.003


@QUICK
@given(rivalry, budget, st.floats(0.8, 2.0), st.floats(-6.0, 3.0))
def test_clearing_price_sells_the_quantity(X10, b, beta, N10):
    """Equation (8)."""
    f, R, b = _problem(X10, b)
    price = twin.clearing_price(10.0**N10, 1.0, f, R, b, beta)
    assert twin.chips_bought(price, 1.0, f, R, b, beta) == pytest.approx(10.0**N10, rel=1e-13)


@QUICK
@given(st.floats(-8.0, 4.0))
def test_closed_forms_of_one_workload(X10):
    """Equations (7) and (8) in closed form at beta = 1."""
    X, f = 10.0**X10, dict.fromkeys(WORKLOADS, 1.0)
    R = dict.fromkeys(WORKLOADS, 1.0 / X)
    m = twin.markup_price(1.0, 1.0, f, R, _one(1.0), 1.0)
    assert m == pytest.approx(twin.markup_closed_form(X), rel=1e-13)
    share = twin.shares(twin.attractions(1.0, m, f, 1.0), R)["st"]
    assert share == pytest.approx(1.0 - 1.0 / (m - 1.0), abs=1e-12)
    assert share == pytest.approx((m - 2.0) / (m - 1.0), abs=1e-12)
    assert share / m == pytest.approx((m - 2.0) / (m * (m - 1.0)), abs=1e-12)
    price = twin.clearing_price(0.7, 1.0, f, R, _one(1.0), 1.0)
    assert price == pytest.approx(twin.clearing_closed_form(1.0, 1.0 / X, 1.0, 0.7), rel=1e-8)


def test_no_rivalry_leaves_the_least_markup():
    """Where rivals have it all the markup is the least."""
    for beta in (0.8, 1.0, 2.0):
        ones = dict.fromkeys(WORKLOADS, 1.0)
        assert twin.markup_price(3.0, 1e-30, ones, ones, ones, beta) == pytest.approx(3.0 * (1 + 1 / beta), rel=1e-14)


@QUICK
@given(st.floats(-4.0, 3.0), st.floats(0.8, 2.0))
def test_pass_through(X10, beta):
    """By finite difference."""
    f, R = dict.fromkeys(WORKLOADS, 1.0), dict.fromkeys(WORKLOADS, 10.0**-X10)
    e = 1e-5
    up = twin.markup_price(math.exp(e), 1.0, f, R, _one(1.0), beta)
    down = twin.markup_price(math.exp(-e), 1.0, f, R, _one(1.0), beta)
    m = twin.markup_price(1.0, 1.0, f, R, _one(1.0), beta)
    s = twin.shares(twin.attractions(1.0, m, f, beta), R)["st"]
    odds = s / (1.0 - s)
    assert math.log(up / down) / (2 * e) == pytest.approx(1.0 - odds / (m + odds), abs=1e-8)
    if beta == 1.0:
        assert 1.0 - odds / (m + odds) == pytest.approx(1.0 - s / 2.0, abs=1e-12)


def test_units_peak():
    """Units at beta = 1 peak at m = 2 + sqrt 2."""
    f = dict.fromkeys(WORKLOADS, 1.0)
    best = (0.0, 0.0)
    for k in range(4000):
        R = dict.fromkeys(WORKLOADS, 10.0 ** (-k / 1000.0))
        m = twin.markup_price(1.0, 1.0, f, R, _one(1.0), 1.0)
        best = max(best, (twin.chips_bought(m, 1.0, f, R, _one(1.0), 1.0), m))
    assert best[1] == pytest.approx(2.0 + math.sqrt(2.0), abs=5e-3)


@QUICK
@given(rivalry, st.floats(1.001, 3.0), st.floats(0.8, 2.0), st.floats(0.0, 0.8))
def test_index_quantity_rises_in_value_and_falls_in_the_revenue_share(X10, better, beta, tau):
    """One workload: q = B s f / p."""
    R, b = _problem(X10, [1.0] * 4)[1], _one(1.0)

    def quantity(f: float, net: float) -> float:
        fw = dict.fromkeys(WORKLOADS, f)
        p = twin.markup_price(1.0 / net, 1.0, fw, R, b, beta)
        return f * twin.chips_bought(p, 1.0, fw, R, b, beta)

    assert quantity(better, 1.0) > quantity(1.0, 1.0)
    assert quantity(1.0, (1.0 - tau) * 0.99) < quantity(1.0, 1.0 - tau)


@QUICK
@given(rivalry, budget, st.floats(0.8, 2.0), st.floats(0.05, 0.9))
def test_revenue_share_equals_tariff(X10, b, beta, tau):
    """Equal price to the buyer, quantity, profit and take."""
    f, R, b = _problem(X10, b)
    assert twin.net_factor(tau, 0.0) == pytest.approx(twin.net_factor(0.0, 1.0 / (1.0 - tau) - 1.0), rel=1e-14)
    net = twin.net_factor(tau, 0.0)
    price = twin.markup_price(1.0 / net, 1.0, f, R, b, beta)
    n = twin.chips_bought(price, 1.0, f, R, b, beta)
    tariff = 1.0 / (1.0 - tau) - 1.0
    assert tau * price * n == pytest.approx(tariff * (price / (1.0 + tariff)) * n, rel=1e-13)


def test_tax_yield():
    """Closed form and peak of the static yield at beta = 1."""
    f = dict.fromkeys(WORKLOADS, 1.0)
    peaks = []
    for X in (1e-4, 1e-2, 1.0, 1e2, 1e4):
        R = dict.fromkeys(WORKLOADS, 1.0 / X)
        best = (0.0, 0.0)
        for k in range(1, 500):
            tau = k / 500.0
            price = twin.markup_price(1.0 / (1.0 - tau), 1.0, f, R, _one(2.0), 1.0)
            take = tau * price * twin.chips_bought(price, 1.0, f, R, _one(2.0), 1.0)
            assert take == pytest.approx(tau * 2.0 * (1.0 - (1.0 + X * (1.0 - tau)) ** -0.5), rel=1e-10)
            best = max(best, (take, tau))
        peaks.append(best[1])
    assert all(0.5 <= tau < 1.0 for tau in peaks)
    assert peaks == sorted(peaks)
    assert peaks[0] == pytest.approx(0.5, abs=0.01)
    assert peaks[-1] > 0.8


def _chip(f: dict[str, float], cost: float) -> twin.Design:
    return twin.Design(1.0, 1.0, 1.0, 1.0, 1.0, cost, f)


@QUICK
@given(st.lists(st.floats(0.2, 5.0), min_size=3, max_size=3), st.lists(st.floats(0.2, 5.0), min_size=3, max_size=3),
       st.floats(-2.0, 2.0), st.floats(0.1, 100.0), st.floats(0.8, 2.0))  # fmt: skip
def test_equal_workloads_make_value_over_cost_decide(v, c, X10, B, beta):
    """Of two chips with equal performances on all workloads the one of higher v/c wins."""
    R = dict.fromkeys(WORKLOADS, 10.0**-X10)
    segment = twin.Segment(dict.fromkeys(WORKLOADS, B / 4), R, 1.0, beta)
    designs = [_chip(dict.fromkeys(WORKLOADS, a), k) for a, k in zip(v, c, strict=True)]
    best = twin.open_candidate(segment, designs, 1.0, 0.0, twin.Margin())
    assert best is not None
    ratios = [a / k for a, k in zip(v, c, strict=True)]
    assert best.design.f["st"] / best.design.cost == pytest.approx(max(ratios), rel=1e-12)


def test_unequal_workloads_can_overturn_value_over_cost():
    """The other way: a specialised chip of lower v/c earns more."""
    omega = dict.fromkeys(WORKLOADS, 0.25)
    even = _chip(dict.fromkeys(WORKLOADS, 1.0), 1.0)
    special = _chip({"st": 0.05, "ft": 0.05, "pf": 0.05, "dc": 6.0}, 1.0)
    assert twin.value_index(even.f, omega) > twin.value_index(special.f, omega)
    R = {"st": 1e3, "ft": 1e3, "pf": 1e3, "dc": 1.0}  # rivals are strong but in decode
    segment = twin.Segment(omega, R, 1.0, 1.0)
    best = twin.open_candidate(segment, [even, special], 1.0, 0.0, twin.Margin())
    assert best is not None
    assert best.design is special


def test_wright():
    """Equation (10): every doubling of output takes the same share off what can be learnt."""
    for rate in (0.05, 0.18, 0.28):
        for z in (0.5, 1.0, 3.0):
            one = twin.wright_cost(8.0, 0.35, rate, z) / 8.0 - 0.35
            two = twin.wright_cost(8.0, 0.35, rate, 2 * z) / 8.0 - 0.35
            assert two == pytest.approx((1.0 - rate) * one, rel=1e-13)
            assert twin.wright_cost(8.0, 0.35, rate, 1.1 * z) < twin.wright_cost(8.0, 0.35, rate, z)


def test_nested_logit():
    """At scale one it is the plain logit; shares add up to one at any."""
    a = {"E": 2.0, "G": 3.0, "D": 1.0, "0": 0.5}
    nests = [["E", "G"], ["D"], ["0"]]
    plain = {j: a[j] / sum(a.values()) for j in a}
    assert twin.nested_share(a, nests, 1.0) == pytest.approx(plain, rel=1e-14)
    sharp = twin.nested_share(a, nests, 1e-4)
    assert sharp["E"] == 0.0
    assert sharp["G"] == pytest.approx(3.0 / 4.5, rel=1e-12)
    for scale in (0.05, 0.5, 0.8, 1.0):
        assert sum(twin.nested_share(a, nests, scale).values()) == pytest.approx(1.0, rel=1e-14)


@QUICK
@given(st.floats(1.1, 4.0), st.floats(0.1, 6.0), st.sampled_from([0.25, 0.5, 1.0]))
def test_lead_years(g, lead, dt):
    """Stocks that grow alike are apart by the years that the log ratio takes."""
    K = [g ** (y) for y in (5.0 - lead, 5.0 - dt, 5.0)]
    assert twin.lead_years(K[2], K[1], K[0], dt) == pytest.approx(lead, rel=1e-9)


def test_ration():
    """Equation (12): served demand never exceeds supply, nor demand, and is the whole of a small demand."""
    for xi in (0.0, 0.3, 0.8):
        for x in (0.01, 0.5, 0.999, 1.0, 1.001, 2.0, 30.0):
            units = twin.ration(x, xi) * x / max(1.0, x) ** xi
            assert units <= min(1.0, x) * (1 + 1e-12)
        assert twin.ration(1e-3, xi) == pytest.approx(1.0, rel=1e-11)


def test_logistic_demand():
    """Equation (4): start, initial growth and ceiling."""
    assert twin.logistic_demand(12.0, 400.0, 2.0, 0.0) == pytest.approx(12.0, rel=1e-14)
    slope = math.log(twin.logistic_demand(12.0, 400.0, 2.0, 1e-6) / 12.0) / 1e-6
    assert slope == pytest.approx(math.log(2.0), rel=1e-5)
    assert twin.logistic_demand(12.0, 400.0, 2.0, 100.0) == pytest.approx(400.0, rel=1e-9)
    assert math.isfinite(twin.logistic_demand(500.0, 400.0, 2.0, 3.0))


def test_oscillation():
    """Section 9: three changes of direction in a row, each by more than 0.01."""
    assert twin.oscillates([0.5, 0.6, 0.5, 0.6, 0.5]) == 1.0
    assert twin.oscillates([0.5, 0.6, 0.5, 0.6, 0.7]) == 0.0
    assert twin.oscillates([0.5, 0.6, 0.5, 0.505, 0.4, 0.5]) == 0.0
    assert twin.oscillates([0.5, 0.6]) == 0.0


def test_relative_and_lagged_caps():
    """Section 4: a cap as a share of the frontier chip, as a lag, and as a figure."""
    q = twin.namespace(scenario())
    front = twin.chips_on_sale(q, CATALOGUE, 2.0, 2026.0)[0]
    group = one_box()[0]["c"]
    group["indexation"] = 0.1
    assert twin.resolved_cap("tpp", 100.0, group, 2.0, 2026.0, front, q) == pytest.approx(121.0)
    group["reading"] = RELATIVE
    assert twin.resolved_cap("tpp", 0.5, group, 2.0, 2026.0, front, q) == pytest.approx(0.605 * front.tpp)
    assert twin.resolved_cap("bandwidth_sum", 0.5, group, 2.0, 2026.0, front, q) == pytest.approx(
        0.605 * (front.M + front.I)
    )
    group["reading"] = 2
    assert twin.resolved_cap("memory", 2.0, group, 2.0, 2026.0, front, q) == pytest.approx(q.frontier_m)
    assert twin.resolved_cap("tpp", 2.0, group, 2.0, 2026.0, front, q) == pytest.approx(
        8000 * q.frontier_f * q.fp4_uplift
    )
    assert twin.resolved_cap("tpp", 4.0, group, 2.0, 2026.0, front, q) == pytest.approx(
        8000 * q.frontier_f / q.frontier_growth_f**2
    )


# --- whole evaluations ---------------------------------------------------------------------------------------

def test_names():
    """Every outcome and trajectory name, and nothing else."""
    outcomes, trajectory, _ = run(cases.free(), scenario())
    assert tuple(outcomes) == OUTCOMES
    assert tuple(trajectory[0]) == TRAJECTORY
    assert len(trajectory) == 8


def _first_profit(levers: np.ndarray, params: np.void, monkeypatch: pytest.MonkeyPatch) -> float:
    """What the plan chosen for C in year 0 earns: revenue less the cost of the chips, which no outcome tells."""
    plans = []
    choose = twin.offers.choose_plan
    with monkeypatch.context() as patch:
        patch.setattr(twin.offers, "choose_plan", lambda *given: plans.append(choose(*given)) or plans[-1])
        run(levers, params, n_steps=1)
    return plans[-1].profit


@pytest.mark.parametrize("seed", range(6))
def test_static_revealed_preference(seed, monkeypatch):
    """With D unrationed and cost kept, year-0 profit rises with every cap and quota.

    Not with a cap on the sum of both bandwidths: which one gives way is a choice between two corners, and a looser
    cap on one of the two moves a corner.
    """
    rng = np.random.default_rng(seed)
    for params, levers in random_cases(100 + seed, 20):
        group = levers[0]["c"]
        group["bandwidth_sum"] = np.where(group["bandwidth_sum"] > 0, INF, 0.0)
        frozen = changed(params, **FROZEN)
        before = _first_profit(levers, frozen, monkeypatch)
        after = _first_profit(better(levers, rng), frozen, monkeypatch)
        assert after >= before * (1 - 1e-12)


def test_the_clock_is_consistent():
    """Section 1: flows halve and paths agree when steps are twice as many, to first order."""
    params = scenario()
    year = run(cases.free(), params, n_steps=1)[1][0]
    half = run(cases.free(), params, n_steps=1, steps_per_year=2)[1][0]
    for name in ("units_a", "units_b", "gross_revenue_b", "units_domestic", "units_open"):
        assert half[name] == pytest.approx(0.5 * year[name], rel=1e-12)


def test_random_cases_are_finite_and_varied():
    """The shared cases evaluate, and meet bans, both tiers, cut designs, take and write-downs."""
    rng = np.random.default_rng(3)
    params = cases.random_params(rng, 40)
    seen = dict.fromkeys(("units_open", "units_licensed", "design_cost", "write_downs", "government_take"), 0)
    for record, schedule in zip(params, cases.random_schedules(rng, 40), strict=True):
        outcomes, trajectory, _ = twin.evaluate(
            schedule.levers,
            schedule.phase,
            record,
            CATALOGUE,
            n_steps=schedule.n_steps,
            steps_per_year=schedule.steps_per_year,
            start=schedule.start,
            exponent=schedule.exponent,
        )
        assert len(trajectory) == schedule.n_steps
        bad = [name for name, value in outcomes.items() if not math.isfinite(value)]
        assert all(name.startswith("lead_") and schedule.n_steps == 1 for name in bad)
        for name in seen:
            seen[name] += outcomes[name] > 0.0
    assert min(seen.values()) > 3
