"""How outcomes move along a lever over many scenarios: what always holds, what nearly always, and recorded curves."""

from __future__ import annotations

import json

import numpy as np
import pytest
from support import cases, record_golden
from support.evaluations import evaluator_of
from support.parity import TOLERANCE, errors

from tiercap.kernels.params import OUTCOMES, WORKLOADS

# --- statistical properties ----------------------------------------------------------------------------------

DRAWS, POINTS = 300, 25


@pytest.fixture(scope="module")
def draws() -> np.ndarray:
    return cases.random_params(np.random.default_rng(300), DRAWS)


def changed(params: np.ndarray, **changes: float) -> np.ndarray:
    params = params.copy()
    for name, value in changes.items():
        params[name] = value
    return params


def along(lever: str, tier: int = 0) -> np.ndarray:
    """Policies that loosen one lever of group C, LEVERS[POINTS, 1]; the revenue share falls."""
    ranges = {"tpp": (300.0, 1.5e6), "memory": (0.2, 60.0), "interconnect": (0.02, 15.0), "quota_chips": (0.01, 20.0)}
    if lever == "indexation":
        return np.stack(
            [record_golden.one_box(0, tpp=21000.0, memory=5.0, indexation=v) for v in np.linspace(0, 0.6, POINTS)]
        )
    if lever == "revenue_share":
        taus = np.linspace(0.96, 0.0, POINTS)
        return np.stack([record_golden.one_box(1, tpp=21000.0, revenue_share=v) for v in taus])
    values = np.geomspace(*ranges[lever], POINTS)
    if lever == "quota_chips":
        return np.stack([record_golden.one_box(1, tpp=21000.0, quota_chips=v) for v in values])
    return np.stack([record_golden.one_box(tier, **{lever: v}) for v in values])


def drops(values: np.ndarray) -> np.ndarray:
    """The largest fall between neighbours along the first axis, over the largest figure of the draw: one a draw."""
    return np.asarray(-np.diff(values, axis=0).min(axis=0) / np.maximum(np.abs(values).max(axis=0), 1e-9))


def told(what: str, fall: np.ndarray) -> np.ndarray:
    shares = ", ".join(f"{(fall > size).sum()} above {size:g}" for size in (1e-12, 1e-4, 1e-2))
    print(f"\n  {what}: violations in {len(fall)} draws: {shares}; worst {fall.max():.2g}")
    return fall


def outcome(values: np.ndarray, name: str) -> np.ndarray:
    """One outcome of [policy, outcome, scenario]."""
    return np.asarray(values[:, OUTCOMES.index(name)])


def curves_of(params: np.ndarray, lever: str, name: str) -> np.ndarray:
    """One outcome along a lever: [POINTS, scenario]."""
    return outcome(evaluator_of(params).outcomes(along(lever)), name)


#: No feedback, no rival but remote use, no fixed cost of a design, cost kept when a chip is cut.
ALONE = {"response_speed": 0.0, "network_effect": 0.0, "budget_elasticity": 1.0, "displacement": 0.0, "nre": 0.0,
         "capacity_investment": 0.0, "domestic_growth_rd": 0.0, "learning_rate": 0.0, "grey_supply": 0.0,
         "leak_a": 0.0, "leak_b": 0.0, "attraction_d": 1e-12, "cost_retained": 1.0}  # fmt: skip


@pytest.mark.parametrize("workload", WORKLOADS)
@pytest.mark.parametrize("lever", ["tpp", "memory", "interconnect"])
def test_gap_falls_in_every_cap_with_one_workload_alone(draws, lever, workload):
    """0 of 300, where one workload is all of value and capability."""
    params = changed(draws, **ALONE)
    for stem in ("value_a", "value_c", "capability"):
        params = changed(params, **{f"{stem}_{w}": float(w == workload) for w in WORKLOADS})
    fall = told(f"gap in {lever}, {workload} alone", drops(-curves_of(params, lever, "gap")))
    assert fall.max() <= 1e-12


@pytest.mark.parametrize(
    ("lever", "share", "size"),
    [
        ("tpp", 0.06, 0.02),
        ("memory", 0.03, 0.02),
        ("interconnect", 0.03, 0.08),
        ("indexation", 0.04, 0.03),
        ("quota_chips", 0.25, 0.5),
        ("revenue_share", 0.0, 0.0),
    ],
)
def test_revenue_rises_as_a_rule_loosens_but_for_a_few_draws(draws, lever, share, size):
    """Displacement off: with it a chip sold to C can cost the exporter more than it earns."""
    params = changed(draws, displacement=0.0)
    fall = told(f"revenue in {lever}", drops(curves_of(params, lever, "revenue")))
    assert (fall > 1e-4).mean() <= share
    assert fall.max() <= size


def test_it_is_the_buyer_that_makes_a_larger_quota_cost_revenue(draws):
    """With the response frozen hardly any draw is left in which more licences earn less."""
    params = changed(draws, displacement=0.0, response_speed=0.0)
    fall = told("revenue in quota_chips, no response", drops(curves_of(params, "quota_chips", "revenue")))
    assert (fall > 1e-4).mean() <= 0.03
    assert fall.max() <= 0.06


def test_gap_falls_in_indexation_but_for_a_few_draws(draws):
    """The gap may rise with indexation in a few draws only."""
    fall = told("gap in indexation", drops(-curves_of(draws, "indexation", "gap")))
    assert (fall > 1e-4).mean() <= 0.12
    assert fall.max() <= 0.01


@pytest.mark.parametrize(
    ("tpp", "of_gap", "of_revenue"), [(0.0, 0.06, 0.0), (4800.0, 0.1, 0.12), (21000.0, 0.25, 0.08)]
)
def test_enforcement_widens_the_gap_and_earns_revenue_but_for_a_few_draws(draws, tpp, of_gap, of_revenue):
    """The gap may fall by up to 1 % and revenue by up to 10 % where smuggled chips lose to others."""
    params = changed(np.repeat(draws, POINTS), enforcement=0.0)
    params["enforcement"] = np.tile(np.linspace(0.0, 1.0, POINTS), DRAWS)
    found = evaluator_of(params).outcomes(record_golden.one_box(0, tpp=tpp)[None])[0]
    by_effort = found.reshape(len(OUTCOMES), DRAWS, POINTS).transpose(2, 0, 1)
    gap = told(f"gap in enforcement, cap {tpp:g}", drops(outcome(by_effort, "gap")))
    revenue = told(f"revenue in enforcement, cap {tpp:g}", drops(outcome(by_effort, "revenue")))
    assert (gap > 1e-4).mean() <= of_gap
    assert gap.max() <= 0.01
    assert (revenue > 1e-4).mean() <= of_revenue
    assert revenue.max() <= 0.12


# --- recorded ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", record_golden.SNAPSHOTS)
def test_snapshots(name):
    """Named rules, and properties 30 to 32: what was recorded, to a relative 1e-12."""
    recorded = json.loads((record_golden.FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    found = record_golden.SNAPSHOTS[name]()
    assert found.keys() == recorded.keys()
    moved = []
    for key, rows in found.items():
        assert rows.keys() == recorded[key].keys()
        for row, values in rows.items():
            old = np.array(recorded[key][row])
            worst = errors(np.array(values)[:, None], old[:, None], (row,)).max()
            if worst > TOLERANCE:
                moved.append(f"{key} {row} by {worst:.1e}")
    assert not moved, f"{len(moved)} moved, such as {moved[:3]}; if meant: tests/support/record_golden.py"
