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

DRAWS, POINTS = 256, 25


@pytest.fixture(scope="module")
def draws() -> np.ndarray:
    return cases.random_params(np.random.default_rng(300), DRAWS)


def changed(params: np.ndarray, **changes: float) -> np.ndarray:
    params = params.copy()
    for name, value in changes.items():
        params[name] = value
    return params


#: Levers along which a rule for C loosens, from a first to a last value: caps of an open tier, terms of a licensed one
#: of 21,000 TPP, growth of an open tier's caps.
LOOSER = {
    "tpp": (300.0, 1.5e6),
    "memory": (0.2, 60.0),
    "interconnect": (0.02, 15.0),
    "indexation": (0.0, 0.6),
    "quota_chips": (0.01, 20.0),
    "revenue_share": (0.96, 0.0),
}
CAPS = ("tpp", "memory", "interconnect")


def along(lever: str) -> np.ndarray:
    """Policies that loosen one lever of group C, LEVERS[POINTS, 1]."""
    first, last = LOOSER[lever]
    values = np.linspace(first, last, POINTS) if 0.0 in (first, last) else np.geomspace(first, last, POINTS)
    if lever in CAPS:
        return np.stack([record_golden.one_box(0, **{lever: v}) for v in values])
    if lever == "indexation":
        return np.stack([record_golden.one_box(0, tpp=21000.0, memory=5.0, indexation=v) for v in values])
    return np.stack([record_golden.one_box(1, tpp=21000.0, **{lever: v}) for v in values])


def tightening(control: str, tpp: float) -> np.ndarray:
    """Policies along a control beside chips, from none to all, under an open cap: LEVERS[POINTS, 1]."""
    return np.stack([record_golden.one_box(0, tpp=tpp, **{control: v}) for v in np.linspace(0.0, 1.0, POINTS)])


class Curves:
    """Outcomes along policies in every draw: [POINTS, draw] by name; a lead as its logarithm."""

    def __init__(self, params: np.ndarray, policies: np.ndarray) -> None:
        self.values = evaluator_of(params).outcomes(policies)

    def __getitem__(self, name: str) -> np.ndarray:
        found = self.values[:, OUTCOMES.index(name)]
        return np.log(found) if name == "compute_lead" else found


def falls(values: np.ndarray) -> np.ndarray:
    """The largest fall between neighbours along the first axis, over the largest figure of the draw: one a draw."""
    return np.asarray(-np.diff(values, axis=0).min(axis=0) / np.maximum(np.abs(values).max(axis=0), 1e-9))


def told(what: str, fall: np.ndarray) -> np.ndarray:
    shares = ", ".join(f"{(fall > size).sum()} above {size:g}" for size in (1e-12, 1e-4, 1e-2))
    print(f"\n  {what}: violations in {len(fall)} draws: {shares}; worst {fall.max():.2g}")
    return fall


#: Nothing but the exporter's own offer: a government that stands, no lock-in, no rival but remote use, nothing
#: smuggled, no induced efficiency, power and capacity to spare, no fixed cost of a design, cost kept when it is cut.
ALONE = {"buyer_decides": 0.0, "network_effect": 0.0, "budget_elasticity": 1.0, "attraction_d": 1e-12,
         "grey_supply": 0.0, "attraction_g": 1e-12, "leak_a": 0.0, "leak_b": 0.0, "efficiency_response": 0.0,
         "power_c": 1e6, "capacity_headroom": 100.0, "nre": 0.0, "cost_retained": 1.0}  # fmt: skip


@pytest.mark.parametrize("workload", WORKLOADS)
@pytest.mark.parametrize("lever", CAPS)
def test_lead_falls_in_every_cap_with_one_workload_alone(draws, lever, workload):
    """In no draw does it rise, where one workload is all of value and capability: a better chip is then cheaper."""
    params = changed(draws, **ALONE)
    for stem in ("value_a", "value_c", "capability"):
        params = changed(params, **{f"{stem}_{w}": float(w == workload) for w in WORKLOADS})
    fall = told(f"lead in {lever}, {workload} alone", falls(-Curves(params, along(lever))["compute_lead"]))
    assert fall.max() <= 1e-12


#: Which way outcomes go as a rule loosens, on the mean over the futures.
LOOSENED = {"revenue": 1, "acquired_lawful": 1, "served": 1, "lock_in": 1, "compute_lead": -1, "units_grey": -1,
            "domestic_supply": -1}  # fmt: skip


@pytest.mark.parametrize("lever", LOOSER)
def test_a_looser_rule_moves_means_as_the_sign_table_says(draws, lever):
    """Row 11 of docs/model.md's signs along every lever: more is sold, C is served better, A's lead, smuggling and
    domestic supply fall. Next to a ban, where a chip too weak to matter calms denial, a lead may rise by 0.0005."""
    curves = Curves(draws, along(lever))
    for name, way in LOOSENED.items():
        mean = way * curves[name].mean(axis=1)
        assert falls(mean[:, None])[0] <= 5e-4, name
        assert mean[-1] > mean[0], name


@pytest.mark.parametrize(
    ("lever", "share", "size"),
    [
        ("tpp", 0.12, 0.02),
        ("memory", 0.06, 0.015),
        ("interconnect", 0.06, 0.04),
        ("indexation", 0.03, 0.015),
        ("quota_chips", 0.12, 0.12),
        ("revenue_share", 0.0, 0.0),
    ],
)
def test_revenue_rises_as_a_rule_loosens_but_for_a_few_draws(draws, lever, share, size):
    """The exporter may do all it could before; years to come and displaced sales in A may take from it."""
    fall = told(f"revenue in {lever}", falls(Curves(draws, along(lever))["revenue"]))
    assert (fall > 1e-4).mean() <= share
    assert fall.max() <= size


@pytest.mark.parametrize("lever", LOOSER)
def test_lead_rises_by_little_in_any_draw_as_a_rule_loosens(draws, lever):
    """By less than a hundredth between neighbours; where nothing is smuggled and denial teaches nothing, seldom."""
    fall = told(f"lead in {lever}", falls(-Curves(draws, along(lever))["compute_lead"]))
    assert fall.max() <= 0.01
    still = changed(draws, **{name: ALONE[name] for name in SUBSTITUTES})
    fewer = told(f"lead in {lever}, no substitutes", falls(-Curves(still, along(lever))["compute_lead"]))
    assert (fewer > 1e-4).mean() <= 0.16
    assert (fewer > 1e-4).mean() <= (fall > 1e-4).mean()


#: What a weak lawful chip takes the place of: smuggled frontier chips, and learning to do with less.
SUBSTITUTES = ("grey_supply", "attraction_g", "leak_a", "leak_b", "efficiency_response")


def test_a_lower_revenue_share_sells_more_and_builds_less_in_every_draw(draws):
    """Row 4: the more of a sale the exporter keeps, the more it sells, and the less is built at home."""
    curves = Curves(draws, along("revenue_share"))
    for name in ("revenue", "acquired_lawful", "lock_in"):
        assert falls(curves[name]).max() <= 1e-12, name
    for name in ("domestic_supply", "substitution"):
        assert falls(-curves[name]).max() <= 1e-12, name


@pytest.mark.parametrize("tpp", [0.0, 4800.0, 21000.0])
def test_enforcement_makes_smuggling_dear_and_rare(draws, tpp):
    """Row 7, in every draw; the lead widens but for a few, in which dearer smuggled chips make makers or sales grow."""
    curves = Curves(draws, tightening("enforcement", tpp))
    assert falls(-curves["units_grey"]).max() <= 1e-12
    assert falls(curves["grey_premium"]).max() <= 1e-12
    lead = told(f"lead in enforcement, cap {tpp:g}", falls(curves["compute_lead"]))
    assert (lead > 1e-4).mean() <= 0.04
    assert lead.max() <= 0.01


@pytest.mark.parametrize("tpp", [0.0, 4800.0, 21000.0])
@pytest.mark.parametrize("control", ["memory_control", "equipment_control"])
def test_controls_on_supply_leave_less_of_it_and_more_to_sell(draws, control, tpp):
    """Rows 8 to 10: less domestic supply and more revenue in every draw; the lead widens, to a thousandth."""
    curves = Curves(draws, tightening(control, tpp))
    assert falls(-curves["domestic_supply"]).max() <= 1e-12
    assert falls(curves["revenue"]).max() <= 1e-12
    assert told(f"lead in {control}, cap {tpp:g}", falls(curves["compute_lead"])).max() <= 1e-3


# --- recorded ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", record_golden.SNAPSHOTS)
def test_snapshots(name):
    """Named rules, and curves along one lever: what was recorded, to a relative 1e-12."""
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
