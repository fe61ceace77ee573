"""The ensemble that studies of 2026 start from, held to the last rows of the record."""

from __future__ import annotations

import numpy as np
import pytest

from tiercap.kernels.params import TRAJECTORY
from tiercap.optimizer.calibration.record import load_record
from tiercap.optimizer.calibration.replay import Quarters, history
from tiercap.optimizer.model import ensembles, parameters
from tiercap.optimizer.model.evaluator import Evaluator
from tiercap.optimizer.model.horizon import Horizon
from tiercap.optimizer.model.scenarios import draw_members
from tiercap.optimizer.rules.book import find_rule
from tiercap.optimizer.rules.chips import exporter_catalogue
from tiercap.optimizer.rules.encode import rule_levers

ROWS = {row.moment: row for row in load_record()}
QUARTERS = Horizon(years=1, steps_per_year=4)


@pytest.fixture(scope="module", params=["decides", "stands"])
def path(request: pytest.FixtureRequest) -> dict[str, np.ndarray]:
    """The quarters of 2026 under the rule in force: fields by name, float64[4, n]."""
    members = ensembles.load(ensembles.built_in(2026)).only(request.param)
    drawn = draw_members(parameters.table(), members, 256, 0)
    evaluator = Evaluator(drawn, QUARTERS, exporter_catalogue(), 1)
    found = evaluator.trajectories(rule_levers(find_rule("bis-2026")).reshape(1, 1))[0]
    return dict(zip(TRAJECTORY, np.moveaxis(found, 1, 0), strict=True))


def test_hardly_a_chip_is_delivered_in_the_first_half(path: dict[str, np.ndarray]) -> None:
    row = ROWS["h200-deliveries-2026h1"]
    units = 1000.0 * (path["units_open"] + path["units_licensed"])[:2].sum(axis=0)
    assert np.mean(units <= row.high) > 0.5
    assert np.quantile(units, 0.95) < 3.0 * row.high


def test_the_government_starts_from_its_last_act(path: dict[str, np.ndarray]) -> None:
    before = history().barred_of(Quarters(2026.0, 1))[0]
    assert before == 0.95
    assert np.abs(path["barred"][0] - before).max() < 0.1


def test_wafers_and_smuggled_chips_lie_near_the_record(path: dict[str, np.ndarray]) -> None:
    wafers, premium = ROWS["adv-wafers-2025"], ROWS["smuggling-premium-2026q1"]
    assert wafers.low < np.median(path["wafers"][0]) < wafers.high
    low, high = np.quantile(path["grey_premium"][0], [0.05, 0.95])
    assert low < premium.high
    assert high > premium.low
