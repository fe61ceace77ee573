"""Properties of the payoff model that hold on its plain-Python twin."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
import twin
from hypothesis import given, settings
from hypothesis import strategies as st
from support import cases
from support.twin_runs import CATALOGUE, FROZEN, better, changed, one_box, random_cases, scenario
from support.twin_runs import on_twin as run

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
    """Equation (5) in its figures."""

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
    """Equation (6) at no run, a small one and a huge one."""
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
    """Equation (14), against a brute-force maximiser."""
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
    """No maximum there: the least root of equation (14) counts, as the page says; the other peak is 0.2 % higher."""
    f, R, b = _problem([0.0, 0.0, -2.0, 4.0], [0.9375, 0.0625, 1.0, 0.328125])
    beta = 1.6875

    def profit(p: float) -> float:
        return twin.total_spending(b, twin.shares(twin.attractions(1.0, p, f, beta), R)) * (1.0 - 1.0 / p)

    price = twin.markup_price(1.0, 1.0, f, R, b, beta)
    higher = max(profit(price * 1.01**k) for k in range(1, 400))
    assert 1.001 < higher / profit(price) < 1.003


@QUICK
@given(st.floats(-8.0, 4.0))
def test_closed_forms_of_one_workload(X10):
    """Equation (14) in closed form at beta = 1."""
    X, f = 10.0**X10, dict.fromkeys(WORKLOADS, 1.0)
    R = dict.fromkeys(WORKLOADS, 1.0 / X)
    m = twin.markup_price(1.0, 1.0, f, R, _one(1.0), 1.0)
    assert m == pytest.approx(twin.markup_closed_form(X), rel=1e-13)
    share = twin.shares(twin.attractions(1.0, m, f, 1.0), R)["st"]
    assert share == pytest.approx(1.0 - 1.0 / (m - 1.0), abs=1e-12)
    assert share == pytest.approx((m - 2.0) / (m - 1.0), abs=1e-12)
    assert share / m == pytest.approx((m - 2.0) / (m * (m - 1.0)), abs=1e-12)


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


def _seller() -> twin.Seller:
    """Whose price is the root of equation (14): resale holds nothing up, and capacity is no matter."""
    prices = twin.allied_prices(SimpleNamespace(markup_a=0.0, outside_price=1.0, price_sensitivity=1.0), 1e-9, 1.0)
    return twin.Seller(0.0, 0.0, 0.0, 1.0, prices, dict.fromkeys(WORKLOADS, 0.25))


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
    best = twin.open_candidate(segment, designs, _seller(), 0.0, twin.Margin())
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
    best = twin.open_candidate(segment, [even, special], _seller(), 0.0, twin.Margin())
    assert best is not None
    assert best.design is special


def test_wright():
    """Equation (20): every doubling of output takes the same share off memory and packaging, nothing off logic."""
    for rate in (0.05, 0.18, 0.28):
        q = twin.namespace(changed(scenario(), learning_rate=rate))
        logic = twin.package_cost(q, 2.0, 8.0, 0.5, 1e300)
        for z in (0.5, 1.0, 3.0):
            one = twin.package_cost(q, 2.0, 8.0, 0.5, z) - logic
            two = twin.package_cost(q, 2.0, 8.0, 0.5, 2 * z) - logic
            assert two == pytest.approx((1.0 - rate) * one, rel=1e-4 if rate < 0.1 else 1e-9)
            assert twin.package_cost(q, 2.0, 8.0, 0.6, z) < twin.package_cost(q, 2.0, 8.0, 0.5, z)


def test_yield_halves_its_distance():
    """Equation (19)."""
    q = twin.namespace(scenario())
    assert twin.wafer_yield(q, 0.0) == pytest.approx(q.yield_start, rel=1e-14)
    assert q.yield_max - twin.wafer_yield(q, q.yield_half) == pytest.approx(0.5 * (q.yield_max - q.yield_start))
    assert 10.0 < twin.gross_dies(600.0) < math.pi * 150.0**2 / 600.0


@QUICK
@given(st.floats(0.01, 100.0), st.floats(0.01, 100.0))
def test_the_scarcer_of_two_inputs_binds(dies, stacks):
    """Equations (23) and (24): supply is below both, and below neither by much where one is plenty."""
    S = twin.smooth_minimum(dies, stacks)
    assert 2.0**-0.125 * min(dies, stacks) * (1 - 1e-14) <= S <= min(dies, stacks)
    mu = twin.memory_binds(dies, stacks)
    assert (mu > 0.5) == (dies > stacks) or dies == stacks
    assert twin.memory_binds(stacks, dies) == pytest.approx(1.0 - mu, abs=1e-12)


def test_ration():
    """Equation (34): served demand never exceeds supply, nor demand, and is the whole of a small demand."""
    for xi in (0.0, 0.3, 0.8):
        for x in (0.01, 0.5, 0.999, 1.0, 1.001, 2.0, 30.0):
            units = twin.rationed(x, xi) * x / max(1.0, x) ** xi
            assert units <= min(1.0, x) * (1 + 1e-12)
        assert twin.rationed(1e-3, xi) == pytest.approx(1.0, rel=1e-11)


@QUICK
@given(st.floats(1e-6, 1e6), st.floats(1e-6, 1e6))
def test_a_smuggled_chip_is_looked_at_as_far_as_it_is_better(a_G, a_j):
    """Equation (33)."""
    assert twin.looked_at(a_G, 0.0) == pytest.approx(a_G, rel=1e-14)
    assert 0.0 < twin.looked_at(a_G, a_j) <= a_G
    assert twin.looked_at(a_G, 2.0 * a_j) <= twin.looked_at(a_G, a_j)
    assert twin.looked_at(a_G, a_G) == pytest.approx(0.5 * a_G, rel=1e-14)


probabilities = st.lists(st.floats(0.01, 1.0), min_size=4, max_size=4)


@QUICK
@given(st.lists(st.floats(-5.0, 5.0), min_size=4, max_size=4), probabilities, st.floats(0.0, 1.0), st.floats(0.0, 0.5))
def test_the_government_s_choice(U, weights, h, years):
    """Equations (30) and (31): rows of probabilities, whose flow is that of many small steps."""
    M = twin.choice_matrix(U, h)
    assert all(sum(row) == pytest.approx(1.0, rel=1e-13) for row in M)
    free = twin.choice_matrix(U, 1.0)
    assert free[0] == pytest.approx(free[3], rel=1e-12)
    assert twin.choice_matrix(U, 0.0) == np.eye(4).tolist()
    pi = [w / sum(weights) for w in weights]
    after = twin.taken_up(pi, M, years)
    assert sum(after) == pytest.approx(1.0, rel=1e-13)
    slow = np.linalg.matrix_power(np.eye(4) + years * (np.array(M) - np.eye(4)) / 2**20, 2**20)
    assert after == pytest.approx((np.array(pi) @ slow).tolist(), abs=2e-5)


@QUICK
@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.floats(0.0, 0.99), st.sampled_from([0.25, 0.5, 1.0]))
def test_adjustment(X, target, speed, dt):
    """Equation (4): towards a standing target the middle is where half a step ends."""
    state = twin.Adjusting(X, target, target)
    half = twin.Adjusting(X, target, target)
    half.move(target, speed, 0.5 * dt)
    assert state.middle(speed, dt, 0.0, 1.0) == pytest.approx(half.X, abs=1e-14)
    state.move(0.5 * target, speed, dt)
    assert (state.T_1, state.T_2) == (0.5 * target, target)
    assert state.middle(0.0, dt, 0.0, 1.0) == pytest.approx(state.X, abs=1e-14)


@QUICK
@given(st.floats(0.05, 0.99), st.sampled_from([0.25, 0.5, 1.0]), st.floats(0.0, 10.0))
def test_sums_over_a_step_are_integrals(delta, dt, stock):
    """Equations (1) and (2): two half steps are a step."""
    whole = twin.discounted_years(delta, 1.0, 1.0 + dt)
    parts = twin.discounted_years(delta, 1.0, 1.0 + 0.5 * dt) + twin.discounted_years(delta, 1.0 + 0.5 * dt, 1.0 + dt)
    assert whole == pytest.approx(parts, rel=1e-12)
    assert twin.discounted_years(1.0, 1.0, 1.0 + dt) == dt
    step, half = twin.decay(1.0 - delta, dt), twin.decay(1.0 - delta, 0.5 * dt)
    assert step.after(stock, 3.0) == pytest.approx(half.after(half.after(stock, 3.0), 3.0), rel=1e-12)


@QUICK
@given(st.floats(0.0, 1.2), st.floats(0.02, 0.5), st.sampled_from([0.25, 0.5, 1.0]))
def test_curvature_of_known_growth(g, d, dt):
    """Equation (3): the flow of mid-step times kappa is the integral of a growing flow, to the fourth order."""
    kappa = 1.0 + g * (g + 2.0 * d) * dt**2 / 24.0
    exact = math.exp(-d * dt) * math.expm1((g + d) * dt) / (g + d)
    gained = twin.decay(d, dt).gain * math.exp(0.5 * g * dt)
    assert gained * kappa == pytest.approx(exact, rel=2e-3 * (max(g, 0.1) * dt) ** 2)


def test_logistic_path():
    """Equation (8): start, initial growth and ceiling."""
    assert twin.logistic_path(12.0, 400.0, 2.0, 0.0) == pytest.approx(12.0, rel=1e-14)
    slope = math.log(twin.logistic_path(12.0, 400.0, 2.0, 1e-6) / 12.0) / 1e-6
    assert slope == pytest.approx(math.log(2.0), rel=1e-5)
    assert twin.logistic_path(12.0, 400.0, 2.0, 100.0) == pytest.approx(400.0, rel=1e-9)
    assert math.isfinite(twin.logistic_path(500.0, 400.0, 2.0, 3.0))


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
    """Where a cut saves no cost and resale holds no price up, year-0 profit rises with every cap and quota.

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


def test_short_steps_tell_what_long_ones_tell():
    """Section 1: one step a year and four agree, as the page has it, to a part of what rules differ by."""
    params = scenario()
    for levers in (cases.free(), cases.ban("c")):
        year, quarter = run(levers, params)[0], run(levers, params, n_steps=32, steps_per_year=4)[0]
        for name in ("compute_lead", "domestic_supply", "units_grey", "buyer_access", "gross_revenue_b"):
            assert quarter[name] == pytest.approx(year[name], rel=0.04)
        assert quarter["gross_revenue_a"] == pytest.approx(year["gross_revenue_a"], rel=0.02)


def test_an_imposed_share_is_the_share():
    """A replay imposes what is barred, and leaves the government where it stands in the other steps."""
    barred = [0.8, math.nan, None, 0.1]
    _, rows, _ = run(cases.free(), scenario(), n_steps=4, barred=barred)
    _, free, _ = run(cases.free(), scenario(), n_steps=4, barred=[None] * 4)
    assert (rows[0]["barred"], rows[3]["barred"]) == (0.8, 0.1)
    assert 0.0 < rows[1]["barred"] < 1.0
    assert free == run(cases.free(), scenario(), n_steps=4)[1]
    assert rows[1]["barred"] != free[1]["barred"]


def test_substitution_is_measured_against_free_trade():
    """Section 9: nothing against itself, above 0 under a ban, NaN as long as nothing is there to compare with."""
    free, ban = run(cases.free(), scenario())[0], run(cases.ban("c"), scenario())[0]
    assert math.isnan(free["substitution"])
    assert math.isnan(ban["terminal_substitution"])
    itself, told = twin.fill_substitution(free, free), twin.fill_substitution(ban, free)
    assert (itself["substitution"], itself["terminal_substitution"]) == (0.0, 0.0)
    assert told["substitution"] > 0.0
    assert told["substitution"] == pytest.approx(100.0 * (ban["domestic_supply"] / free["domestic_supply"] - 1.0))


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
        assert bad == ["substitution", "terminal_substitution"]
        assert all(math.isfinite(value) for row in trajectory for value in row.values())
        for name in seen:
            seen[name] += outcomes[name] > 0.0
    assert min(seen.values()) > 3
