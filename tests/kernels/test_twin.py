"""Properties of the payoff model that hold on its plain-Python twin."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import twin
from hypothesis import given, settings
from hypothesis import strategies as st
from support import cases

from tiercap.kernels.params import ABSOLUTE, INF, OUTCOMES, RELATIVE, TRAJECTORY, WORKLOADS

CATALOGUE = cases.catalogue()
QUICK = settings(max_examples=40, deadline=None, derandomize=True, database=None)
positive = st.floats(0.05, 20.0)
REFERENCE = (1.979, 3.35, 0.9)
THETA = {"st": (1.0, 0.45, 0.1), "pf": (1.0, 0.25, 0.05), "dc": (0.1, 1.0, 0.1)}
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


def run(levers, params, *, phase=None, n_steps=8, steps_per_year=1, start=2026.0, exponent=4, catalogue=CATALOGUE):
    """One evaluation with short names."""
    phase = [0] * n_steps if phase is None else phase
    return twin.evaluate(
        levers,
        phase,
        params,
        catalogue,
        n_steps=n_steps,
        steps_per_year=steps_per_year,
        start=start,
        exponent=exponent,
    )


def scenario(**changes: float) -> np.void:
    """The central scenario with some parameters changed."""
    params = cases.central()
    for name, value in changes.items():
        params[name] = value
    return params[0]


def changed(params: np.void, **changes: float) -> np.void:
    """A copy of a scenario with some parameters changed."""
    params = params.copy()
    for name, value in changes.items():
        params[name] = value
    return params


def one_box(group: str = "c", tier: int = 0, **caps: float) -> np.ndarray:
    """Free but for ``group``, whose one box in ``tier`` has the caps given."""
    levers = cases.ban(group)
    record = levers[0][group]
    for name in cases.CAPS:
        record[name][tier, 0] = caps.pop(name, INF)
    for name, value in caps.items():
        record[name] = value
    return levers


def unequal(a: dict[str, float], b: dict[str, float], relative: float = 0.0, skip: tuple[str, ...] = ()) -> list[str]:
    """Names whose figures differ by more than ``relative``."""
    names = []
    for name in a:
        if name in skip or (math.isnan(a[name]) and math.isnan(b[name])):
            continue
        if abs(a[name] - b[name]) > relative * max(abs(a[name]), abs(b[name]), 1e-9 if relative else 0.0):
            names.append(name)
    return names


def random_cases(seed: int, n: int):
    """Scenarios and policies, paired."""
    rng = np.random.default_rng(seed)
    return list(zip(cases.random_params(rng, n), cases.random_policies(rng, n), strict=True))


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

PAIRS = random_cases(20260115, 12)


def test_names():
    """Every outcome and trajectory name, and nothing else."""
    outcomes, trajectory, _ = run(cases.free(), scenario())
    assert tuple(outcomes) == OUTCOMES
    assert tuple(trajectory[0]) == TRAJECTORY
    assert len(trajectory) == 8


@pytest.mark.parametrize("i", range(6))
def test_saturation(i):
    """Caps above every figure are no caps, to the bit."""
    params = PAIRS[i][0]
    loose = one_box(tpp=1e9, memory=1e6, interconnect=1e6, density=1e6, bandwidth_sum=1e7)
    assert not unequal(run(loose, params)[0], run(cases.free(), params)[0])


def _licensed_c(**terms: float) -> np.ndarray:
    levers = one_box(tier=1, tpp=21000.0, memory=6.5)
    for name in ("quota_share", "quota_chips", "quota_tpp"):
        levers[0]["c"][name] = INF
    for name, value in terms.items():
        levers[0]["c"][name] = value
    return levers


#: Every way to sell nothing to C.
BANS = [
    cases.ban("c"),
    one_box(tpp=0.0),
    one_box(memory=0.0),
    one_box(interconnect=0.0),
    one_box(density=0.0),
    one_box(bandwidth_sum=0.0),
    _licensed_c(quota_share=0.0),
    _licensed_c(quota_chips=0.0),
    _licensed_c(quota_tpp=0.0),
    _licensed_c(revenue_share=1.0),
    _licensed_c(delay=1e9),
]


@pytest.mark.parametrize("i", range(4))
@pytest.mark.parametrize("levers", BANS)
def test_ban(levers, i):
    """Nothing is sold, earned or taken, exactly."""
    outcomes, trajectory, _ = run(levers, PAIRS[i][0], n_steps=4)
    for name in ("revenue", "gross_revenue_c", "units_open", "units_licensed", "design_cost", "write_downs"):
        assert outcomes[name] == 0.0
    assert outcomes["government_take"] == 0.0
    assert all(row["denial"] == 1.0 for row in trajectory)


@pytest.mark.parametrize("i", range(12))
def test_currency_scaling(i):
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
def test_performance_unit_scaling(i, figure):
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


FROZEN = {
    "displacement": 0.0,
    "grey_supply": 0.0,
    "leak_a": 0.0,
    "leak_b": 0.0,
    "cost_retained": 1.0,
    "domestic_capacity": 1e9,
}


def _better(levers: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A policy with one of C's caps or quotas raised."""
    wider = levers.copy()
    group = wider[0]["c"]
    name = rng.choice((*cases.CAPS, "quota_share", "quota_chips", "quota_tpp"))
    step = rng.uniform(1.0, 2.0)
    if name.startswith("quota"):
        group[name] *= step
    else:
        tier, box = rng.integers(0, 2), 0
        group[name][tier, box] = group[name][tier, box] * (1.0 / step if int(group["reading"]) == 2 else step)
    return wider


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
        after = _first_profit(_better(levers, rng), frozen, monkeypatch)
        assert after >= before * (1 - 1e-12)


@pytest.mark.parametrize("i", range(12))
def test_quota(i):
    """A quota is respected, and one that does not bind changes nothing."""
    params = PAIRS[i][0]
    levers = _licensed_c(quota_chips=0.1, revenue_share=0.2)
    _, trajectory, _ = run(levers, params, steps_per_year=2, n_steps=6)
    assert all(row["units_licensed"] <= 0.05 * (1 + 1e-12) for row in trajectory)
    loose = run(_licensed_c(quota_chips=1e6), params)[0]
    assert not unequal(loose, run(_licensed_c(), params)[0])


def test_quota_is_respected_by_stockpiles():
    """A ban ahead fills the quota and no more."""
    levers = np.concatenate([_licensed_c(quota_chips=1.0), cases.ban("c")])
    _, trajectory, _ = run(levers, scenario(barred_start=0.2, stockpile=1.0), phase=[0, 0, 1], n_steps=3)
    assert trajectory[0]["write_downs"] == 0.0
    assert trajectory[1]["write_downs"] > 0.0
    assert trajectory[1]["units_licensed"] == pytest.approx(1.0, rel=1e-12)
    assert trajectory[2]["units_licensed"] == 0.0


@pytest.mark.parametrize("i", range(12))
@pytest.mark.parametrize("steps_per_year", [1, 4])
def test_budget_and_supply(i, steps_per_year):
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
def test_no_tightening_costs_nothing(i):
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


def test_indexation_consistency():
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
def test_common_growth(i):
    """Algorithmic progress without a lag cancels."""
    params, levers = PAIRS[i]
    one = run(levers, changed(params, algorithm_lag=0.0))[0]
    two = run(levers, changed(params, algorithm_lag=0.0, algorithm_growth=5.0))[0]
    assert not unequal(one, two)
    three = run(levers, changed(params, algorithm_lag=2.0, algorithm_growth=5.0))[0]
    assert three["terminal_gap"] - one["terminal_gap"] == pytest.approx(2.0 * math.log(5.0), abs=1e-9)


@pytest.mark.parametrize("i", range(8))
def test_decoupling(i):
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
def test_first_year(i):
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
def test_splitting_a_chip_over_two_tiers_gains_nothing(i):
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
