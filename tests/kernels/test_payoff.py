"""The compiled payoff: against its plain-Python twin, over schedules, imposed shares, clocks and many scenarios."""

from __future__ import annotations

from multiprocessing import get_context
from typing import NamedTuple

import numpy as np
import pytest
from support import cases, record_golden
from support.evaluations import CATALOGUE, FROZEN, YEARLY, Clock, better, evaluator_of
from support.parity import NEAR_TIE, NET, TOLERANCE, errors, worst_by_name
from twin import evaluate

from tiercap.kernels.params import INF, OUTCOME_LIST, OUTCOMES, TRAJECTORY, TRAJECTORY_LIST
from tiercap.optimizer.errors import InputError
from tiercap.optimizer.model.evaluator import Evaluator
from tiercap.optimizer.model.horizon import Horizon
from tiercap.optimizer.model.scenarios import Scenarios


class Pairs(NamedTuple):
    """What to evaluate: policy i in scenario i, all on one clock."""

    levers: np.ndarray
    params: np.ndarray
    n_steps: int
    steps_per_year: int
    start: float
    exponent: int


class Computed(NamedTuple):
    """Outcomes [n, outcome], trajectories [n, step, field], margins [n]."""

    outcomes: np.ndarray
    trajectories: np.ndarray
    margins: np.ndarray


def pairs(seed: int, n: int, n_steps: int, steps_per_year: int, exponent: int, start: float = 2026.0) -> Pairs:
    rng = np.random.default_rng(seed)
    return Pairs(cases.random_policies(rng, n), cases.random_params(rng, n), n_steps, steps_per_year, start, exponent)


def twin_on(given: Pairs) -> Computed:
    """The twin on every pair. At module level, so that worker processes find it."""
    found = []
    for levers, params in zip(given.levers, given.params, strict=True):
        outcomes, rows, margin = evaluate(
            levers,
            [0] * given.n_steps,
            params,
            CATALOGUE,
            n_steps=given.n_steps,
            steps_per_year=given.steps_per_year,
            start=given.start,
            exponent=given.exponent,
        )
        found.append((list(outcomes.values()), [list(row.values()) for row in rows], margin))
    return Computed(*(np.array(column) for column in zip(*found, strict=True)))


def report(kernel: tuple[np.ndarray, np.ndarray], twin: Computed) -> tuple[float, float]:
    """Print the worst cases; the largest error of clear-cut pairs and the share of near ties."""
    near = twin.margins < NEAR_TIE
    of_outcomes = errors(kernel[0], twin.outcomes, OUTCOMES)[~near]
    of_rows = errors(kernel[1], twin.trajectories, TRAJECTORY)[~near]
    print(f"\n{len(near)} pairs, {near.sum()} near ties")
    print("  worst outcomes:", worst_by_name(of_outcomes, OUTCOMES))
    print("  worst trajectories:", worst_by_name(of_rows, TRAJECTORY))
    return max(of_outcomes.max(), of_rows.max()), float(near.mean())


def kernels_on(given: Pairs) -> tuple[np.ndarray, np.ndarray]:
    return cases.outcomes_of_pairs(*given)


# --- against the twin ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "n_steps", "steps_per_year", "exponent"),
    [(150, 8, 1, 4), (40, 12, 4, 4), (40, 8, 1, 2), (40, 8, 1, 8)],
    ids=["yearly", "quarterly", "exponent 2", "exponent 8"],
)
def test_kernels_agree_with_the_twin(n, n_steps, steps_per_year, exponent):
    given = pairs(20260101, n, n_steps, steps_per_year, exponent)
    worst, ties = report(kernels_on(given), twin_on(given))
    assert worst <= TOLERANCE
    assert ties <= 0.01


@pytest.mark.slow
def test_kernels_agree_with_the_twin_on_ten_thousand_pairs():
    """Seven tenths yearly, the rest in halves, quarters and with the other exponents; two worker processes."""
    plan = [(7000, 8, 1, 4, 2026.0), (1000, 8, 1, 2, 2026.0), (1000, 8, 1, 8, 2024.0), (500, 8, 4, 4, 2026.0),
            (500, 10, 2, 4, 2022.75)]  # fmt: skip
    blocks = []
    for k, (n, n_steps, steps_per_year, exponent, start) in enumerate(plan):
        for part in range(n // 50):
            blocks.append(pairs(1000 * (k + 1) + part, 50, n_steps, steps_per_year, exponent, start))
    with get_context("spawn").Pool(2) as pool:
        twins = pool.map(twin_on, blocks, chunksize=4)
    ties, broken = 0, []
    worst = {"outcomes": np.zeros(len(OUTCOMES)), "trajectories": np.zeros(len(TRAJECTORY))}
    for k, (given, twin) in enumerate(zip(blocks, twins, strict=True)):
        outcomes, rows = kernels_on(given)
        near = twin.margins < NEAR_TIE
        ties += int(near.sum())
        of_outcomes = np.where(near[:, None], 0.0, errors(outcomes, twin.outcomes, OUTCOMES))
        of_rows = np.where(near[:, None, None], 0.0, errors(rows, twin.trajectories, TRAJECTORY))
        worst["outcomes"] = np.maximum(worst["outcomes"], of_outcomes.max(axis=0))
        worst["trajectories"] = np.maximum(worst["trajectories"], of_rows.max(axis=(0, 1)))
        bad = np.maximum(of_outcomes.max(axis=1), of_rows.max(axis=(1, 2))) > TOLERANCE
        broken += [(k, int(i)) for i in np.flatnonzero(bad)]
    total = sum(len(given.params) for given in blocks)
    print(f"\n{total} pairs, {ties} near ties")
    print("  worst outcomes:", worst_by_name(worst["outcomes"], OUTCOMES))
    print("  worst trajectories:", worst_by_name(worst["trajectories"], TRAJECTORY))
    assert not broken, f"(block, pair) beyond {TOLERANCE:g}: {broken[:10]}"
    assert total == 10_000
    assert ties <= 0.01 * total


def test_schedules_agree_with_the_twin():
    """Several phases, all clocks, starts and exponents, through the evaluator."""
    rng = np.random.default_rng(5)
    params = cases.random_params(rng, 60)
    worst, ties = 0.0, 0
    for record, schedule in zip(params, cases.random_schedules(rng, 60), strict=True):
        clock = {"n_steps": schedule.n_steps, "steps_per_year": schedule.steps_per_year, "start": schedule.start}
        twin, rows, margin = evaluate(
            schedule.levers, schedule.phase, record, CATALOGUE, **clock, exponent=schedule.exponent
        )
        evaluator = evaluator_of(np.array([record]), Clock(**clock, roofline_exponent=schedule.exponent))
        outcomes = evaluator.outcomes(schedule.levers[None], schedule.phase)[0, :, 0]
        path = evaluator.trajectories(schedule.levers[None], schedule.phase)[0, :, :, 0]
        if margin < NEAR_TIE:
            ties += 1
            continue
        worst = max(worst, errors(outcomes, np.array(list(twin.values())), OUTCOMES).max())
        worst = max(worst, errors(path, np.array([list(row.values()) for row in rows]), TRAJECTORY).max())
    print(f"\nschedules: worst error {worst:.1e}, {ties} near ties of {len(params)}")
    assert worst <= TOLERANCE
    assert ties <= 1


def test_design_lags_agree_with_the_twin():
    """Designs that come later than their rule, also where the next step's rule is looked at."""
    rng = np.random.default_rng(7)
    params = cases.random_params(rng, 60)
    params["design_lag"] = rng.choice((0.25, 0.5, 0.75, 1.0, 2.5), len(params))
    worst, ties = 0.0, 0
    for record, schedule in zip(params, cases.random_schedules(rng, 60), strict=True):
        clock = {"n_steps": schedule.n_steps, "steps_per_year": schedule.steps_per_year, "start": schedule.start}
        twin, rows, margin = evaluate(
            schedule.levers, schedule.phase, record, CATALOGUE, **clock, exponent=schedule.exponent
        )
        evaluator = evaluator_of(np.array([record]), Clock(**clock, roofline_exponent=schedule.exponent))
        if margin < NEAR_TIE:
            ties += 1
            continue
        outcomes = evaluator.outcomes(schedule.levers[None], schedule.phase)[0, :, 0]
        path = evaluator.trajectories(schedule.levers[None], schedule.phase)[0, :, :, 0]
        worst = max(worst, errors(outcomes, np.array(list(twin.values())), OUTCOMES).max())
        worst = max(worst, errors(path, np.array([list(row.values()) for row in rows]), TRAJECTORY).max())
    assert worst <= TOLERANCE
    assert ties <= 2


@pytest.mark.parametrize(("lag", "sells_from"), [(0.0, 0), (0.25, 1), (0.6, 3), (50.0, 99)])
def test_cut_down_designs_come_later_than_the_rule(lag, sells_from):
    """Under a cap below every chip nothing sells before the lag has passed, and chips that are not cut do not wait."""
    params = cases.central()
    params["design_lag"] = lag
    evaluator = evaluator_of(params, Clock(8, 4))
    capped = evaluator.trajectories(record_golden.one_box(0, tpp=2400.0)[None])[0, :, TRAJECTORY.index("units_open"), 0]
    assert np.array_equal(capped > 0.0, np.arange(8) >= sells_from)
    free = evaluator.trajectories(cases.free()[None])[0, :, TRAJECTORY.index("units_open"), 0]
    assert (free > 0.0).all()


def test_imposed_shares_agree_with_the_twin():
    """Steps with a barred share of their own between steps left to the response."""
    rng = np.random.default_rng(6)
    params = cases.random_params(rng, 40)
    worst, ties = 0.0, 0
    for record, schedule in zip(params, cases.random_schedules(rng, 40), strict=True):
        clock = Clock(schedule.n_steps, schedule.steps_per_year, schedule.start, schedule.exponent)
        barred = np.where(rng.random(clock.steps) < 0.5, rng.uniform(0.0, 0.99, clock.steps), np.nan)
        twin, rows, margin = evaluate(
            schedule.levers, schedule.phase, record, CATALOGUE, n_steps=clock.steps, start=clock.start,
            steps_per_year=clock.steps_per_year, exponent=clock.roofline_exponent, barred=barred,
        )  # fmt: skip
        scenarios = Scenarios(np.array([record]), np.ones(1), 0, "random")
        evaluator = Evaluator(scenarios, clock, CATALOGUE, 1, barred)
        path = evaluator.trajectories(schedule.levers[None], schedule.phase)[0, :, :, 0]
        said = path[:, TRAJECTORY.index("barred")]
        assert np.array_equal(said[~np.isnan(barred)], barred[~np.isnan(barred)])
        if margin < NEAR_TIE:
            ties += 1
            continue
        outcomes = evaluator.outcomes(schedule.levers[None], schedule.phase)[0, :, 0]
        worst = max(worst, errors(outcomes, np.array(list(twin.values())), OUTCOMES).max())
        worst = max(worst, errors(path, np.array([list(row.values()) for row in rows]), TRAJECTORY).max())
    assert worst <= TOLERANCE
    assert ties <= 1


@pytest.mark.parametrize("barred", [[0.5] * 7, [0.5] * 9, [1.0] * 8, [-0.1] * 8])
def test_an_imposed_path_has_a_share_for_every_step(barred):
    with pytest.raises(InputError, match=r"from 0 to 0\.99 for each of 8 steps"):
        Evaluator(Scenarios(cases.central(), np.ones(1), 0, "central"), YEARLY, CATALOGUE, 1, np.array(barred))


def test_scales_name_what_exists():
    """Every name that has a scale of its own is an outcome or a field."""
    assert set(NET) <= {*OUTCOMES, *TRAJECTORY}
    units = {info.name: info.unit for info in (*OUTCOME_LIST, *TRAJECTORY_LIST)}
    assert all(units[name] == "GUSD" for name in NET)


# --- many scenarios -----------------------------------------------------------------------------------------


def test_ban_over_many_scenarios():
    """Not a cent, not a chip."""
    out = evaluator_of(cases.random_params(np.random.default_rng(11), 130)).outcomes(cases.ban()[None])[0]
    for name in ("revenue", "gross_revenue_c", "units_open", "units_licensed", "design_cost", "displaced_revenue"):
        assert not out[OUTCOMES.index(name)].any(), name


def _year_zero_profit(levers: np.ndarray, params: np.ndarray) -> np.ndarray:
    """What C's chips of year 0 earn after their cost, of policy i in scenario i.

    One chip on sale, whose cost stays whole when it is cut.
    """
    rows = np.empty((len(params), len(TRAJECTORY)))
    for i in range(len(params)):
        evaluator = evaluator_of(params[i : i + 1], Clock(1), catalogue=CATALOGUE[:1])
        rows[i] = evaluator.trajectories(levers[i : i + 1])[0, 0, :, 0]
    net, *units = (rows[:, TRAJECTORY.index(name)] for name in ("net_revenue_c", "units_open", "units_licensed"))
    return np.asarray(net - sum(units) * params["unit_cost_frontier"] * params["cost_shock"])


def test_static_revealed_preference():
    """With D unrationed and cost kept, year-0 profit rises with every cap and quota."""
    rng = np.random.default_rng(16)
    params, levers = cases.random_params(rng, 200), cases.random_policies(rng, 200)
    for name, value in FROZEN.items():
        params[name] = value
    sums = levers["c"]["bandwidth_sum"]  # which bandwidth gives way is a choice between corners: left out
    levers["c"]["bandwidth_sum"] = np.where(sums > 0, INF, 0.0)
    wider = np.stack([better(row, rng) for row in levers])
    before, after = _year_zero_profit(levers, params), _year_zero_profit(wider, params)
    assert (after >= before - 1e-11 * np.maximum(np.abs(before), 1e-3)).all()
    assert (after > before * (1 + 1e-6)).sum() > 10


# --- the clock -----------------------------------------------------------------------------------------------


def _still(**changes: float) -> np.ndarray:
    """The central scenario without growth, PARAMS[1]."""
    params = cases.central()
    for name in params.dtype.names or ():
        if "growth" in name and not name.startswith(("algorithm", "domestic_growth", "demand_a")):
            params[name] = 1.0
    for name, value in {"demand_a_growth": 1.000001, "node_forgetting": 0.0, "discount": 1.0, **changes}.items():
        params[name] = value
    return params


def _by_clock(params: np.ndarray, steps_per_year: int) -> dict[str, float]:
    evaluator = evaluator_of(params, Horizon(years=8, steps_per_year=steps_per_year))
    return dict(zip(OUTCOMES, evaluator.outcomes(cases.free()[None])[0, :, 0], strict=True))


FLOWS = ("revenue", "revenue_bc", "substitution", "gross_revenue_b", "gross_revenue_c", "units_b", "units_open",
         "units_grey", "units_domestic", "domestic_revenue")  # fmt: skip


def test_flows_do_not_depend_on_the_clock_where_nothing_moves():
    """Yearly and quarterly runs book the same flows once no state that prices depend on changes."""
    fixed = ("response_speed", "lock_in_speed", "learning_rate", "domestic_growth", "domestic_growth_rd",
             "capacity_investment", "displacement", "leak_a")  # fmt: skip
    params = _still(**dict.fromkeys(fixed, 0.0))
    year, quarter = _by_clock(params, 1), _by_clock(params, 4)
    for name in FLOWS:
        assert quarter[name] == pytest.approx(year[name], rel=1e-12), name
    assert year["units_open"] > 0.0


def test_yearly_and_quarterly_runs_of_a_smooth_case():
    """No rule, no growth, all feedbacks on: within 5 %, and half the step halves the distance (first order)."""
    params = _still()
    runs = [_by_clock(params, steps) for steps in (1, 2, 4, 8)]
    print()
    for name in ("revenue", "gap", "substitution", "units_open", "units_domestic", "domestic_capacity"):
        year, half, quarter, eighth = (run[name] for run in runs)
        print(f"  {name}: {year:.5g} {half:.5g} {quarter:.5g} {eighth:.5g}")
        assert quarter == pytest.approx(year, rel=0.07), name
        assert 1.3 < (year - quarter) / (half - eighth) < 3.0, name


