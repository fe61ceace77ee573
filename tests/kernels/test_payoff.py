"""The compiled payoff: against its plain-Python twin, over schedules, imposed shares, clocks and many scenarios."""

from __future__ import annotations

from multiprocessing import get_context
from typing import NamedTuple

import numpy as np
import pytest
from support import cases, record_golden
from support.evaluations import CATALOGUE, FROZEN, YEARLY, Clock, better, evaluator_of, on_twin
from support.parity import NEAR_TIE, NET, TOLERANCE, errors, worst_by_name
from twin import evaluate, fill_substitution

from tiercap.kernels.params import INF, OUTCOME_LIST, OUTCOMES, TRAJECTORY, TRAJECTORY_LIST
from tiercap.optimizer.errors import InputError
from tiercap.optimizer.model.evaluator import RELATIVE, Evaluator
from tiercap.optimizer.model.horizon import Horizon
from tiercap.optimizer.model.parameters import table
from tiercap.optimizer.model.scenarios import Scenarios, draw
from tiercap.optimizer.rules.book import load_rules
from tiercap.optimizer.rules.chips import exporter_catalogue
from tiercap.optimizer.rules.encode import rule_levers


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


class Against(NamedTuple):
    """The evaluator beside the twin on one schedule: largest error, the twin's margin, the evaluator's trajectory."""

    worst: float
    margin: float
    path: np.ndarray


def beside_the_twin(record: np.void, schedule: cases.Schedule, barred: np.ndarray | None = None) -> Against:
    """One schedule in one scenario; what is told beside a run without control is left out."""
    clock = Clock(schedule.n_steps, schedule.steps_per_year, schedule.start, schedule.exponent)
    twin, rows, margin = on_twin(
        schedule.levers, record, phase=schedule.phase, n_steps=clock.steps, steps_per_year=clock.steps_per_year,
        start=clock.start, exponent=clock.roofline_exponent, barred=barred,
    )  # fmt: skip
    evaluator = Evaluator(Scenarios(np.array([record]), np.ones(1), 0, "random"), clock, CATALOGUE, 1, barred)
    outcomes = evaluator.outcomes(schedule.levers[None], schedule.phase, relative=False)[0, :, 0]
    path = evaluator.trajectories(schedule.levers[None], schedule.phase)[0, :, :, 0]
    of_outcomes = errors(outcomes, np.array(list(twin.values())), OUTCOMES)
    of_rows = errors(path, np.array([list(row.values()) for row in rows]), TRAJECTORY)
    return Against(max(of_outcomes.max(), of_rows.max()), margin, path)


def assert_agree(found: list[Against], most_ties: int) -> None:
    clear = [one.worst for one in found if one.margin >= NEAR_TIE]
    print(f"\n{len(found)} schedules: worst error {max(clear):.1e}, {len(found) - len(clear)} near ties")
    assert max(clear) <= TOLERANCE
    assert len(found) - len(clear) <= most_ties


def test_schedules_agree_with_the_twin():
    """Several phases, all clocks, starts and exponents, through the evaluator."""
    rng = np.random.default_rng(5)
    params = cases.random_params(rng, 60)
    schedules = cases.random_schedules(rng, 60)
    assert_agree([beside_the_twin(*pair) for pair in zip(params, schedules, strict=True)], 1)


def test_design_lags_agree_with_the_twin():
    """Designs that come later than their rule, also where the next step's rule is looked at."""
    rng = np.random.default_rng(7)
    params = cases.random_params(rng, 60)
    params["design_lag"] = rng.choice((0.25, 0.5, 0.75, 1.0, 2.5), len(params))
    schedules = cases.random_schedules(rng, 60)
    assert_agree([beside_the_twin(*pair) for pair in zip(params, schedules, strict=True)], 2)


@pytest.mark.parametrize("decides", [0.0, 1.0])
def test_imposed_shares_agree_with_the_twin(decides):
    """Steps with a barred share of their own between steps left to the government, or to a share that stands."""
    rng = np.random.default_rng(6)
    params = cases.random_params(rng, 30)
    params["buyer_decides"] = decides
    found = []
    for record, schedule in zip(params, cases.random_schedules(rng, 30), strict=True):
        barred = np.where(rng.random(schedule.n_steps) < 0.5, rng.uniform(0.0, 0.99, schedule.n_steps), np.nan)
        found.append(beside_the_twin(record, schedule, barred))
        said = found[-1].path[:, TRAJECTORY.index("barred")]
        assert np.array_equal(said[~np.isnan(barred)], barred[~np.isnan(barred)])
    assert_agree(found, 1)


def test_substitution_is_told_beside_the_twins_run_without_control():
    """Substitution of rules and schedules, in several scenarios: the evaluator's reference run is the twin's."""
    rng = np.random.default_rng(8)
    params, levers = cases.random_params(rng, 6), cases.random_policies(rng, 8)
    levers[0], levers[1] = cases.ban(), cases.free()
    found = evaluator_of(params).outcomes(levers)
    compared = 0
    for k, record in enumerate(params):
        reference, _, safe = on_twin(cases.free(), record)
        for i, row in enumerate(levers):
            one, _, margin = on_twin(row, record)
            expected = fill_substitution(one, reference)
            compared += min(margin, safe) >= NEAR_TIE
            for name in RELATIVE if min(margin, safe) >= NEAR_TIE else ():
                told = found[i, OUTCOMES.index(name), k]
                assert errors(np.array([told]), np.array([expected[name]]), (name,)).max() <= TOLERANCE
                assert told == 0.0 or i != 1, name
    assert compared >= 45


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


#: Nothing but the plan decides what C buys in the first step: a government that stands, nothing smuggled, capacity to
#: spare, no domestic scarcity.
PLANNED = FROZEN | {"buyer_decides": 0.0, "grey_supply": 0.0, "leak_a": 0.0, "leak_b": 0.0, "attraction_g": 1e-12,
                    "capacity_headroom": 100.0, "domestic_supply": 1e9, "learning_rate": 0.0,
                    "unit_cost_growth": 1.0}  # fmt: skip


def _first_profit(levers: np.ndarray, params: np.ndarray) -> np.ndarray:
    """What C's chips of the first year earn after their cost, of policy i in scenario i.

    One chip on sale, whose cost stays whole when it is cut.
    """
    rows = np.empty((len(params), len(TRAJECTORY)))
    for i in range(len(params)):
        evaluator = evaluator_of(params[i : i + 1], Clock(1), catalogue=CATALOGUE[:1])
        rows[i] = evaluator.trajectories(levers[i : i + 1])[0, 0, :, 0]
    net, *units = (rows[:, TRAJECTORY.index(name)] for name in ("net_revenue_c", "units_open", "units_licensed"))
    return np.asarray(net - sum(units) * params["unit_cost_frontier"] * params["cost_shock"])


def test_static_revealed_preference():
    """Where nothing but the plan decides, the first year's profit rises with every cap and quota."""
    rng = np.random.default_rng(16)
    params, levers = cases.random_params(rng, 200), cases.random_policies(rng, 200)
    for name, value in PLANNED.items():
        params[name] = value
    for group in "ab":  # whose orders are what capacity and quotas are measured by
        levers[group] = cases.free()[group]
    sums = levers["c"]["bandwidth_sum"]  # which bandwidth gives way is a choice between corners: left out
    levers["c"]["bandwidth_sum"] = np.where(sums > 0, INF, 0.0)
    wider = np.stack([better(row, rng) for row in levers])
    before, after = _first_profit(levers, params), _first_profit(wider, params)
    assert (after >= before - 1e-9 * np.maximum(np.abs(before), 1e-3)).all()
    assert (after > before * (1 + 1e-6)).sum() > 10


# --- the clock -----------------------------------------------------------------------------------------------


#: Nothing grows, nothing is learnt, nobody changes a mind, and what was sold is what is made.
STILL = {
    "decision_rate": 0.0, "lock_in_speed": 0.0, "belief_speed": 0.0, "budget_speed": 0.0, "learning_rate": 0.0,
    "domestic_growth_rd": 0.0, "die_growth": 0.0, "stack_growth": 0.0, "tools": 0.0, "bank_stacks": 0.0,
    "bank_dies": 0.0, "yield_start": 0.3, "yield_max": 0.3, "power_a": 1e6, "power_c": 1e6,
}  # fmt: skip


def _still() -> np.ndarray:
    """The central scenario where no state that flows depend on changes, PARAMS[1]."""
    params = cases.central()
    for name in params.dtype.names or ():
        if name.endswith("_growth") or name.startswith("frontier_growth"):
            params[name] = 1.0
    for name, value in STILL.items():
        params[name] = value
    made = evaluator_of(params, Clock(1)).outcomes(cases.free()[None])[0, OUTCOMES.index("domestic_chips"), 0]
    params["domestic_supply"] = made  # what is sold at the start is what is made, so that nothing is in the pipe
    return params


#: Present values and sums over the run that nothing but flows enters.
FLOWS = ("revenue", "revenue_bc", "exporter_and_government", "gross_revenue_a", "gross_revenue_b", "gross_revenue_c",
         "displaced_revenue", "administration", "units_a", "units_b", "units_open", "units_grey", "units_domestic",
         "acquired_lawful", "acquired_domestic", "acquired_smuggled", "acquired_rented", "domestic_supply",
         "domestic_chips", "domestic_revenue", "research", "served", "grey_premium", "buyer_access")  # fmt: skip


def test_flows_do_not_depend_on_the_clock_where_nothing_moves():
    """Steps of a year, a half and a quarter book the same flows once no state that they depend on changes."""
    params = _still()

    def run(steps_per_year: int) -> np.ndarray:
        clock = Horizon(years=8, steps_per_year=steps_per_year)
        return evaluator_of(params, clock).outcomes(cases.free()[None])[0, :, 0]

    year = run(1)
    for steps_per_year in (2, 4):
        found = run(steps_per_year)
        for name in FLOWS:
            assert found[OUTCOMES.index(name)] == pytest.approx(year[OUTCOMES.index(name)], rel=1e-12), name
    assert (year[[OUTCOMES.index(name) for name in ("units_open", "units_grey", "units_domestic")]] > 0.0).all()


#: The default objectives and substitution; a lead is compared by its logarithm.
OBJECTIVES = ("revenue", "compute_lead", "substitution")


def test_a_step_a_year_says_what_four_say():
    """Means over 256 futures: each objective, and each difference between two rules of it, within 2 % of what lies
    between no control and a ban."""
    rules = load_rules()
    levers = np.stack([rule_levers(rules[name]) for name in ("unrestricted", "bis-2026", "ban")])
    futures = draw(table(), 256, seed=0)
    means = []
    for steps_per_year in (1, 4):
        clock = Horizon(years=8, steps_per_year=steps_per_year)
        found = Evaluator(futures, clock, exporter_catalogue(), 1).outcomes(levers)
        found = found[:, [OUTCOMES.index(name) for name in OBJECTIVES]]
        found[:, OBJECTIVES.index("compute_lead")] = np.log(found[:, OBJECTIVES.index("compute_lead")])
        means.append(found.mean(axis=-1))
    off = (means[1] - means[0]) / np.abs(means[0][2] - means[0][0])
    between = off[:, None] - off[None]
    for k, name in enumerate(OBJECTIVES):
        print(f"\n  {name}: {np.abs(off[:, k]).max():.2%} of the span, differences {between[..., k].max():.2%}", end="")
    assert np.abs(off).max() < 0.02
    assert between.max() < 0.02
