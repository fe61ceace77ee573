"""Published tables: with behaviour switched off the kernel adds up like a spreadsheet."""

from __future__ import annotations

import json
import math

import pytest
from click.testing import CliRunner

from tiercap.optimizer.calibration.published import CALCULATIONS, additions, published
from tiercap.optimizer.cli import group
from tiercap.optimizer.model.parameters import baseline


def _allied(base: dict[str, float]) -> float:
    """B300 that A buys in 2026 [Mchip]: its spending in the middle of the year, on a logistic, over their price."""
    start, ceiling = base["spending_a"], base["spending_a_ceiling"]
    pace = math.log(base["spending_a_growth"]) / (1.0 - start / ceiling)
    spending = ceiling / (1.0 + (ceiling / start - 1.0) * math.exp(-0.5 * pace))
    return spending / (base["unit_cost_frontier"] * (1.0 + base["markup_a"]))


def test_additions_are_a_spreadsheet_s():
    """To A what its spending buys at the frontier's price; to C the packages that its makers sell, and nothing else."""
    base = baseline()
    found = additions()
    own = base["domestic_supply"] * base["dies_package"] * base["die_f"] / 1.979
    assert found.a == pytest.approx(_allied(base) * 4.5 / 1.979, rel=1e-9)
    assert found.c == pytest.approx(own, rel=1e-9)
    assert found.chips_c == 0.0
    smuggled = base["grey_supply"] * base["grey_growth"] ** 0.5  # in the middle of the year
    assert additions(grey=True).c == pytest.approx(own + smuggled, rel=1e-9)


@pytest.mark.parametrize(("chip", "compute"), [("B30A", 2.25), ("H20", 0.296), ("H200", 1.979)])
def test_imposed_quantities_arrive(chip, compute):
    found = additions(chip, 1.5)
    alone = additions()
    assert found.chips_c == pytest.approx(1.5, rel=1e-12)
    assert found.c - alone.c == pytest.approx(1.5 * compute / 1.979, rel=1e-9)
    assert found.a == alone.a


def test_a_share_of_home_units_is_a_quota():
    base = baseline()
    home = base["home_share"] * _allied(base) * 60_000 / 15_832  # the quota counts TPP
    assert additions("H200", math.inf, quota_share=0.5).chips_c == pytest.approx(0.5 * home, rel=1e-9)


def test_the_entries():
    found = {line.entry: line for line in published()}
    assert found["2026 additions, US over China, B30A exported"].ours == pytest.approx(4.0, rel=1e-6)
    assert found["country allocation 2025-27 [H100e]"].ours == pytest.approx(790e6 / 15832, rel=1e-9)
    assert found["B30A over H20, processing performance"].ours > 12
    assert found["B30A over the control threshold"].ours > 18
    assert found["Ascend 910C over H200, compute"].ours == pytest.approx(0.76, abs=0.005)
    assert found["Ascend 910C over H200, memory bandwidth"].ours == pytest.approx(2 / 3, abs=0.005)
    assert found["rule of January 2026 over the line before it"].ours == pytest.approx(13.1, abs=0.05)
    assert found["small orders [H100e a year]"].ours == pytest.approx(1699, abs=0.5)


def test_every_calculation_is_used_and_every_gap_is_explained():
    lines = published()
    assert sum(not math.isnan(line.ours) for line in lines) == len(CALCULATIONS)
    assert all(line.how.startswith(("not replicated: ", "in the record: ")) for line in lines if math.isnan(line.ours))


def test_the_command_prints_ours_beside_theirs():
    done = CliRunner().invoke(group, ["backcast", "--published"])
    assert done.exit_code == 0
    assert "under 4" in done.stdout
    assert "over 12" in done.stdout
    found = json.loads(CliRunner().invoke(group, ["backcast", "--published", "--json"]).stdout)
    assert found["schema_version"] == 1
    assert len(found["tables"]) == len(published())
    assert {"table", "entry", "theirs", "ours", "unit", "how", "source"} <= set(found["tables"][0])
