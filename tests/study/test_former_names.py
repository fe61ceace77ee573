"""Names that went with the former model: every entrance names the successor, in one sentence."""

from __future__ import annotations

import pytest

from tiercap.kernels.params import OUTCOMES, PARAMETERS, TRAJECTORY
from tiercap.optimizer.errors import SUCCESSORS, InputError, did_you_mean, successors
from tiercap.optimizer.model import ensembles, measures, parameters
from tiercap.optimizer.study import load
from tiercap.optimizer.tradeoffs.pick import WAYS, way_of

NOW = {p.name for p in PARAMETERS} | set(OUTCOMES) | set(TRAJECTORY) | set(WAYS)


def test_every_successor_is_there_and_no_name_that_is_gone_is() -> None:
    assert {name for names in SUCCESSORS.values() for name in names} <= NOW
    kinds = [p.name for p in PARAMETERS], OUTCOMES, TRAJECTORY, WAYS
    for old in SUCCESSORS:
        assert any(old not in kind and successors(old, kind) for kind in kinds), old


def test_the_successor_is_one_that_fits_what_is_asked_for() -> None:
    assert did_you_mean("gap", OUTCOMES) == "it belongs to an older version, use `compute_lead`"
    assert "`compute_lead_ft`" in did_you_mean("gap_ft_p05", OUTCOMES)
    assert successors("domestic_capacity", OUTCOMES) == ("domestic_chips",)
    assert successors("domestic_capacity", parameters.DECLARED) == ("wafers", "hbm")
    assert successors("gapp", OUTCOMES) == ()
    assert did_you_mean("compute_laed", OUTCOMES) == "did you mean `compute_lead`?"


ENTRANCES = {
    "--set": (lambda: load.load(None, ["demand_a=3"], {}, {}), "spending_a"),
    "objective": (lambda: load.load(None, ["objectives.gap=maximise"], {}, {}), "compute_lead"),
    "constraint": (lambda: load.load(None, ["constraints.gap_p05.min=1"], {}, {}), "compute_lead"),
    "scale": (lambda: load.load(None, ["search.scale.terminal_gap=1"], {}, {}), "terminal_compute_lead"),
    "outcome": (lambda: measures.split("compute_ratio_max"), "terminal_compute_lead"),
    "parameter": (lambda: parameters.parse("response_max", 0.5), "barred_max"),
    "way to choose": (lambda: way_of("knee", None, []), "compromise"),
    "ensemble": (lambda: ensembles.parse("old.parquet", {"capacity_growth": SUCCESSORS}), "wafers_speed"),
}


@pytest.mark.parametrize("entrance", ENTRANCES)
def test_every_entrance_names_it(entrance: str) -> None:
    enter, successor = ENTRANCES[entrance]
    with pytest.raises(InputError, match=f"it belongs to an older version, use .*`{successor}`"):
        enter()
