"""Parameter sets that no physics allows are refused where they are read."""

from __future__ import annotations

import numpy as np
import pytest

from tiercap.optimizer.errors import InputError
from tiercap.optimizer.model import ensembles, parameters, physics, scenarios
from tiercap.optimizer.study import load

IMPOSSIBLE = {
    "yield_start=0.7": "`yield_start` = 0.7 exceeds yield_max, ",
    "hbm_ceiling=1": "`hbm` = .* Mstack/year exceeds hbm_ceiling, 1 Mstack/year: a start does not lie above",
    "wafers_ceiling=10": "`wafers` = .* kwafer/month exceeds wafers_ceiling, 10 kwafer/month",
    "budget_c=900": "`budget_c` = 900 GUSD/year exceeds budget_c_ceiling",
    "domestic_supply=60": "`domestic_supply` = 60 Mchip/year exceeds .*: more dies would be sold than there are wafers",
}


@pytest.mark.parametrize("setting", IMPOSSIBLE)
def test_a_study_that_says_it_is_told_where(setting: str) -> None:
    with pytest.raises(InputError, match=f"--set: {IMPOSSIBLE[setting]}") as caught:
        load.load("thresholds-2026", [setting], {}, {})
    assert "1 error; nothing was run" in str(caught.value)


def test_what_the_other_value_makes_possible_is_taken() -> None:
    study = load.load("thresholds-2026", ["yield_start=0.7", "yield_max=0.75"], {}, {})
    assert {info.name: info.value for info in study.parameters}["yield_start"] == 0.7


def test_built_in_ranges_hold_no_impossible_future() -> None:
    drawn = scenarios.draw(parameters.table(), 4096, 3)
    assert physics.broken(drawn.table, 4096) == []


def test_ranges_that_overlap_the_wrong_way_are_refused_with_their_number() -> None:
    settings = [f"uncertainties.yield_start.{key}={value}" for key, value in RANGE.items()]
    study = load.load("thresholds-2026", settings, {}, {})
    with pytest.raises(InputError, match=r"yield_start.* in \d+ of 64 sets, the first of them \d+"):
        scenarios.draw(study.parameters, 64)


RANGE = {"distribution": "uniform", "low": 0.1, "high": 0.9}


def test_members_of_an_ensemble_are_looked_at_as_far_as_they_say() -> None:
    with pytest.raises(InputError, match=r"mine.parquet: `yield_start` = 0.6 exceeds yield_max, 0.5 in 1 of 2 sets"):
        ensembles.parse("mine.parquet", {"yield_start": np.array([0.2, 0.6]), "yield_max": np.array([0.5, 0.5])})
    alone = ensembles.parse("mine.parquet", {"yield_start": np.array([0.2, 0.6])})
    assert len(alone) == 2


def test_a_wafer_holds_as_many_dies_as_its_area_allows() -> None:
    dies = physics.gross_dies({"die_area": np.array([660.0])})
    assert 80.0 < dies[0] < np.pi * 150.0**2 / 660.0
