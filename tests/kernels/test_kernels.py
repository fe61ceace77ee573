"""The scalar kernel functions and the price solvers: against mpmath, the twin and a brute-force maximiser.

The functions cannot be called from Python once compiled, so each is wrapped in a small loop and compiled here.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import mpmath
import numba
import numpy as np
import pytest
import twin
from support import cases

from tiercap.kernels import lanes, performance, prices, vecmath
from tiercap.kernels.lanes import LANES
from tiercap.kernels.params import OUTCOMES, WORKLOADS
from tiercap.optimizer.model.evaluator import RELATIVE

TESTS = Path(__file__).parents[1]
RNG = np.random.default_rng(53)

#: As the kernels are compiled: fused multiply-add and nothing else.
compiled = numba.njit(error_model="numpy")


@compiled
def _exp(x):
    out = np.empty_like(x)
    for i in range(x.size):
        out[i] = vecmath.exp(x[i])
    return out


@compiled
def _log(x):
    out = np.empty_like(x)
    for i in range(x.size):
        out[i] = vecmath.log(x[i])
    return out


@compiled
def _power(x, y):
    out = np.empty_like(x)
    for i in range(x.size):
        out[i] = vecmath.power(x[i], y[i])
    return out


@compiled
def _log1p(x):
    out = np.empty_like(x)
    for i in range(x.size):
        out[i] = vecmath.log1p(x[i])
    return out


@compiled
def _norm(a, b, exponent):
    out = np.empty_like(a)
    for i in range(a.size):
        out[i] = performance.norm(a[i], b[i], exponent)
    return out


@compiled
def _roofline(F, M, I, reference, theta, exponent):
    out = np.empty_like(F)
    t0 = 1.0 / performance.roofline(1.0, 1.0, 1.0, theta[0], theta[1], theta[2], 1.0, exponent)
    for i in range(F.size):
        out[i] = performance.roofline(
            1.0 / F[i], 1.0 / M[i], 1.0 / I[i],
            theta[0] * reference[0], theta[1] * reference[1], theta[2] * reference[2], t0, exponent,
        )  # fmt: skip
    return out


@compiled
def _wall(f_st, i_ratio, ln_rho, mu, network):
    out = np.empty_like(f_st)
    for i in range(f_st.size):
        out[i] = performance.wall(f_st[i], i_ratio[i], ln_rho[i], mu[i], network[i])
    return out


@compiled
def _index(f, omega):
    out = np.empty(f.shape[0])
    for i in range(f.shape[0]):
        out[i] = performance.index(
            f[i, 0], f[i, 1], f[i, 2], f[i, 3], omega[i, 0], omega[i, 1], omega[i, 2], omega[i, 3]
        )  # fmt: skip
    return out


@compiled
def _markup(w):
    prices.start_markup(w)
    prices.solve_markup(w, prices.CLOSE)


@compiled
def _solve(w):
    prices.solve_markup(w, prices.CLOSE)


# --- exp, log, power -----------------------------------------------------------------------------------------


def ulps(found: np.ndarray, exact: list[mpmath.mpf]) -> np.ndarray:
    """Errors in units of the last place of the exact value, a denormal's place being that of the smallest number."""
    errors = np.empty(len(found))
    for i, (value, truth) in enumerate(zip(found, exact, strict=True)):
        place = max(int(mpmath.floor(mpmath.log(abs(truth), 2))) - 52, -1074) if truth else 0
        errors[i] = float(abs(mpmath.mpf(float(value)) - truth) * mpmath.mpf(2) ** -place)
    return errors


@pytest.fixture(autouse=True)
def _precision():
    with mpmath.workprec(200):
        yield


def test_exp_over_the_whole_domain():
    """Within 1 ULP, denormal results included."""
    halves = np.log(2.0) * (np.arange(-40, 40) + 0.5)
    spans = [RNG.uniform(*span, 1500) for span in ((-745.0, 709.7), (-20.0, 20.0), (-2.0, 2.0), (-745.1, -708.0))]
    x = np.concatenate([*spans, RNG.normal(0.0, 1e-8, 200), halves])
    errors = ulps(_exp(x), [mpmath.exp(mpmath.mpf(float(v))) for v in x])
    print(f"\n  exp: worst {errors.max():.3f} ULP at {x[errors.argmax()]!r}")
    assert errors.max() <= 1.0


def test_log_over_the_whole_domain():
    """Within 1 ULP, near 1 and for denormals too."""
    x = np.concatenate([np.exp(RNG.uniform(-708.0, 709.0, 2500)), np.exp(RNG.uniform(-1.0, 1.0, 1500)),
                        1.0 + RNG.normal(0.0, 1e-6, 500), RNG.uniform(0.7, 1.42, 500),
                        5e-324 * RNG.integers(1, 2**50, 300), [5e-324, 2.2250738585072014e-308]])  # fmt: skip
    errors = ulps(_log(x), [mpmath.log(mpmath.mpf(float(v))) for v in x])
    print(f"\n  log: worst {errors.max():.3f} ULP at {x[errors.argmax()]!r}")
    assert errors.max() <= 1.0


def test_power_within_its_bound():
    """2 ULP while |y ln x| <= 10, and what the second part of the logarithm leaves beyond; bases near 1 as well."""
    ln_x = np.concatenate([RNG.uniform(-20.0, 20.0, 4000), RNG.uniform(-0.4, 0.4, 4000)])
    x, y = np.exp(ln_x), np.concatenate([RNG.uniform(-8.0, 8.0, 4000), RNG.uniform(-25.0, 25.0, 4000)])
    pairs = zip(x.tolist(), y.tolist(), strict=True)
    errors = ulps(_power(x, y), [mpmath.power(mpmath.mpf(a), mpmath.mpf(b)) for a, b in pairs])
    size = np.abs(y * np.log(x))
    small = errors[size <= 10.0].max()
    beyond = ((errors - 1.5) / size).max()
    print(f"\n  power: {small:.2f} ULP where |z| <= 10; worst {errors.max():.1f}; {beyond:.3f} |z|")
    assert small <= 2.0
    assert (errors <= 1.5 + 0.15 * size).all()


def test_log1p_however_small_its_argument():
    """Within 3 ULP of the result, from denormals to 1e300 and where 1 + x rounds to 1."""
    x = np.concatenate([np.exp(RNG.uniform(-740.0, 690.0, 2500)), np.exp(RNG.uniform(-40.0, 2.0, 2500)),
                        2.0**-53 * np.array([0.5, 0.999, 1.0, 1.001, 1.5, 2.0, 3.0]), [5e-324, 0.5, 1.0]])  # fmt: skip
    errors = ulps(_log1p(x), [mpmath.log1p(mpmath.mpf(float(v))) for v in x])
    print(f"\n  log1p: worst {errors.max():.3f} ULP at {x[errors.argmax()]!r}")
    assert errors.max() <= 3.0
    assert not _log1p(np.zeros(1)).any()


def test_special_values():
    inf, nan = np.inf, np.nan
    x = np.array([0.0, -0.0, inf, -inf, nan, 1e308, -1e308])
    np.testing.assert_array_equal(_exp(x), [1, 1, inf, 0, nan, inf, 0])
    x = np.array([1.0, 0.0, -0.0, inf, -1.0, -inf, nan])
    np.testing.assert_array_equal(_log(x), [0, -inf, -inf, inf, nan, nan, nan])
    x, y = np.array([0.0, 0.0, 1.0, 2.0, inf, nan]), np.array([2.0, 0.5, 7.0, 0.0, 1.0, 1.0])
    np.testing.assert_array_equal(_power(x, y), [0.0, 0.0, 1.0, 1.0, inf, nan])


def test_exp_overflows_where_it_should():
    largest = math.log(sys.float_info.max)
    assert np.isfinite(_exp(np.array([largest]))).all()
    assert np.isinf(_exp(np.array([largest + 1e-12, 709.79]))).all()


def test_exp_rises():
    """No step back between neighbours, across the borders of the reduction too."""
    half = 0.5 * math.log(2.0)
    x = np.unique(np.concatenate([c * (1.0 + 2.0**-52 * np.arange(-300, 300)) for c in (half, 3 * half, 20.0, -5.2)]))
    assert (np.diff(_exp(x)) >= 0.0).all()


# --- performance ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("exponent", [2, 4, 8])
def test_roofline_is_the_twins(exponent):
    figures = np.exp(RNG.uniform(-4.0, 4.0, (3, 500)))
    reference, theta = np.array([1.979, 3.35, 0.9]), np.array([0.7, 0.45, 0.1])
    found = _roofline(*figures, reference, theta, exponent)
    expected = [twin.roofline(*row, reference, theta, exponent) for row in figures.T.tolist()]
    np.testing.assert_allclose(found, expected, rtol=2e-15)
    a, b = figures[0], figures[1]
    np.testing.assert_allclose(_norm(a, b, exponent), (a**exponent + b**exponent) ** (1.0 / exponent), rtol=2e-15)


def test_wall_is_the_twins():
    f, ratio = np.exp(RNG.uniform(-3.0, 3.0, (2, 500)))
    ln_rho, mu, network = RNG.uniform(-3.0, 6.0, 500), RNG.uniform(0.5, 3.0, 500), RNG.uniform(0.0, 1.0, 500)
    expected = [twin.wall(*row) for row in zip(f, ratio, np.exp(ln_rho), mu, network, strict=True)]
    np.testing.assert_allclose(_wall(f, ratio, ln_rho, mu, network), expected, rtol=1e-14)


def test_index_is_the_twins():
    f, omega = np.exp(RNG.uniform(-3.0, 3.0, (500, 4))), RNG.dirichlet(np.ones(4), 500)
    expected = [
        twin.value_index(dict(zip(WORKLOADS, a, strict=True)), dict(zip(WORKLOADS, b, strict=True)))
        for a, b in zip(f, omega, strict=True)
    ]
    np.testing.assert_allclose(_index(f, omega), expected, rtol=2e-15)


# --- price solvers -------------------------------------------------------------------------------------------


class Desk:
    """LANES random price problems, laid out for the solver; rows of four are by workload."""

    def __init__(self, seed: int, hardest: bool = False) -> None:
        rng = np.random.default_rng(seed)
        spread = 25.0 if hardest else 6.0
        self.beta = rng.uniform(0.5, 3.0, LANES)
        self.cost = np.exp(rng.uniform(-2.0, 4.0, LANES))
        self.f = np.exp(rng.uniform(-2.0, 3.0, (4, LANES)))
        self.A = np.exp(rng.uniform(-2.0, 2.0, LANES))
        self.rival = (self.cost / 3.0) ** -self.beta * np.exp(rng.uniform(-spread, spread, (4, LANES)))
        self.budget = np.exp(rng.uniform(-4.0, 3.0, (4, LANES)))

    def work(self) -> np.ndarray:
        """A work space with the problem on the solver's desk, every lane on."""
        w = np.zeros(lanes.WORK_SIZE)
        self.put(w, lanes.PRICE_SENSITIVITY, self.beta)
        self.put(w, lanes.INVERSE_SENSITIVITY, 1.0 / self.beta)
        self.put(w, lanes.LN_SENSITIVITY, np.log(self.beta))
        self.put(w, lanes.INVERSE_SENSITIVITY_AND_ONE, 1.0 / (1.0 + self.beta))
        self.put(w, lanes.LN_LEAST_MARKUP, np.log1p(1.0 / self.beta))
        self.put(w, lanes.SOLVER_LN_COST, np.log(self.cost))
        self.put(w, lanes.SOLVER_ACTIVE, np.ones(LANES))
        self.put(w, lanes.INVERSE_REACHABLE_BUDGET, 1.0 / self.budget.sum(axis=0))
        for k in range(4):
            self.put(w, lanes.SOLVER_ATTRACTION + k * LANES, self.A * self.f[k] ** self.beta / self.rival[k])
            self.put(w, lanes.SOLVER_BUDGET + k * LANES, self.budget[k])
        return w

    @staticmethod
    def put(w: np.ndarray, row: int, values: np.ndarray) -> None:
        w[row : row + LANES] = values

    def by_workload(self, rows: np.ndarray, i: int) -> dict[str, float]:
        return dict(zip(WORKLOADS, rows[:, i].tolist(), strict=True))

    def markup(self) -> np.ndarray:
        w = self.work()
        _markup(w)
        return np.exp(w[lanes.SOLVER_LN_PRICE : lanes.SOLVER_LN_PRICE + LANES])

    def sold(self, price: np.ndarray) -> np.ndarray:
        """Spending on the exporter at each lane's price."""
        a = self.A * (price / self.f) ** -self.beta
        return np.asarray((self.budget * a / (a + self.rival)).sum(axis=0))

    def profit(self, price: np.ndarray) -> np.ndarray:
        return np.asarray(self.sold(price) / price * (price - self.cost))

    def markup_residual(self, price: np.ndarray) -> np.ndarray:
        """Of beta (p/c - 1) (1 - sbar) = 1."""
        a = self.A * (price / self.f) ** -self.beta
        s, rest = a / (a + self.rival), self.rival / (a + self.rival)
        mean = (self.budget * s * rest).sum(axis=0) / (self.budget * s).sum(axis=0)
        return np.asarray(self.beta * (price / self.cost - 1.0) * mean - 1.0)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("hardest", [False, True], ids=["usual", "far apart"])
def test_markup_price_is_the_twins(seed, hardest):
    """To 1e-13; where rivals lie e^50 apart equation (14) can have several roots, and a root is all that is asked."""
    desk = Desk(seed, hardest)
    found = desk.markup()
    expected = np.array(
        [
            twin.markup_price(
                desk.cost[i], desk.A[i], desk.by_workload(desk.f, i), desk.by_workload(desk.rival, i),
                desk.by_workload(desk.budget, i), desk.beta[i],
            )
            for i in range(LANES)
        ]
    )  # fmt: skip
    assert (found >= desk.cost * (1.0 + 1.0 / desk.beta) * (1 - 1e-15)).all()
    scale = 1.0 + desk.beta * found / desk.cost  # one rounding of the price moves the residual by this much
    assert (np.abs(desk.markup_residual(found)) <= 1e-13 * scale).all()
    if not hardest:
        np.testing.assert_allclose(found, expected, rtol=1e-13)


@pytest.mark.parametrize("seed", range(10))
def test_markup_price_maximises_profit(seed):
    """Against a maximiser that knows no equation: the best of 4,000 prices, refined around it."""
    desk = Desk(seed)
    ratios = np.geomspace(1.0 + 1e-9, 1e4, 4000)
    values = np.array([desk.profit(desk.cost * ratio) for ratio in ratios])
    best = values.max(axis=0)
    around = ratios[values.argmax(axis=0)]
    for ratio in np.linspace(0.995, 1.005, 401):
        best = np.maximum(best, desk.profit(desk.cost * around * ratio))
    own = desk.profit(desk.markup())
    assert (own >= best * (1 - 1e-12)).all()
    assert (own <= best * (1 + 1e-4)).all()


def test_a_lane_does_not_see_its_neighbours():
    """The bits of a price do not depend on how many steps other lanes need."""
    alone, mixed = Desk(1).work(), Desk(2, hardest=True).work()
    mixed.reshape(-1, LANES)[:, ::2] = alone.reshape(-1, LANES)[:, ::2]
    _markup(alone)
    _markup(mixed)
    row = slice(lanes.SOLVER_LN_PRICE, lanes.SOLVER_LN_PRICE + LANES)
    assert np.array_equal(alone[row][::2], mixed[row][::2])


def test_a_lane_that_is_off_keeps_its_price():
    desk = Desk(1)
    w = desk.work()
    start = np.log(desk.cost) + np.log1p(1.0 / desk.beta) + 1.0  # above the least price, where no lane starts lower
    on = np.arange(LANES) % 2.0
    desk.put(w, lanes.SOLVER_LN_PRICE, start)
    desk.put(w, lanes.SOLVER_ACTIVE, on)
    _solve(w)
    found = w[lanes.SOLVER_LN_PRICE : lanes.SOLVER_LN_PRICE + LANES]
    assert np.array_equal(found == start, on == 0.0)


# --- uncompiled ----------------------------------------------------------------------------------------------

#: Two lanes in place of 64, so that plain Python gets done; records with attributes, as compiled code reads them.
_UNCOMPILED = """
import importlib.util, json, pathlib, sys
import numpy as np
import tiercap.kernels
place = pathlib.Path(tiercap.kernels.__file__).with_name("lanes.py")
source = place.read_text().replace("LANES = 64", "LANES = 2")
spec = importlib.util.spec_from_file_location("tiercap.kernels.lanes", place)
lanes = tiercap.kernels.lanes = importlib.util.module_from_spec(spec)
sys.modules["tiercap.kernels.lanes"] = lanes
exec(compile(source, str(place), "exec"), lanes.__dict__)
assert lanes.LANES == 2
from support import cases
catalogue = cases.catalogue()
cases.catalogue = lambda: catalogue.view(np.recarray)
rng = np.random.default_rng(77)
policies, params = cases.random_policies(rng, N), cases.random_params(rng, N)
with np.errstate(all="ignore"):
    outcomes, _ = cases.outcomes_of_pairs(policies.view(np.recarray), params.view(np.recarray), STEPS, 1, 2026.0, 4)
print(json.dumps(outcomes.tolist()))
"""


def test_uncompiled_kernels_say_the_same():
    """NUMBA_DISABLE_JIT=1: the kernels as plain Python, two lanes wide, on a few pairs: equal to 1e-12."""
    n, steps = 12, 4
    rng = np.random.default_rng(77)
    policies, params = cases.random_policies(rng, n), cases.random_params(rng, n)
    compiled_ones, _ = cases.outcomes_of_pairs(policies, params, steps, 1, 2026.0, 4)
    script = _UNCOMPILED.replace("N)", f"{n})").replace("STEPS", str(steps))
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path])}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    plain = np.array(json.loads(done.stdout.splitlines()[-1]))
    told = [name not in RELATIVE for name in OUTCOMES]  # the others need a second run
    assert np.isfinite(plain[:, told]).all()
    np.testing.assert_allclose(plain, compiled_ones, rtol=1e-12, atol=1e-14)
