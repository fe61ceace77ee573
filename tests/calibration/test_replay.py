"""The replay: each quarter's rule, what is on sale in it, and predictions against plain sums."""

from __future__ import annotations

import numpy as np
import pytest
import twin
from support.parity import NEAR_TIE, TOLERANCE, errors
from support.record_rows import GOOD, as_csv
from twin import evaluate

from tiercap.kernels.params import PARAMETERS, TRAJECTORY
from tiercap.optimizer.calibration import replay
from tiercap.optimizer.calibration.record import load_record, of_role, parse_record
from tiercap.optimizer.calibration.replay import Quarters, Replay, history
from tiercap.optimizer.errors import InputError
from tiercap.optimizer.model import parameters, scenarios


def rows_of(*rows: dict[str, str]):
    return parse_record(as_csv(*rows), "mine.csv")


UNTIL_2026 = rows_of({**GOOD, "period": "2026"})


@pytest.fixture(scope="module")
def whole() -> Replay:
    return Replay(UNTIL_2026, threads=1)


@pytest.fixture(scope="module")
def draws(whole) -> np.ndarray:
    return scenarios.draw(whole.parameters, 128, seed=3).table


@pytest.fixture(scope="module")
def paths(whole, draws) -> dict[str, np.ndarray]:
    """Fields of the replay to the end of 2026 by name, float64[n_steps, n]."""
    found = whole.trajectories(draws)
    return {name: found[:, k] for k, name in enumerate(TRAJECTORY)}


def quarter(text: str) -> int:
    """The step of a quarter such as 2024Q1."""
    return 4 * (int(text[:4]) - 2022) + int(text[-1]) - 4


def test_each_quarter_stands_under_its_rule(whole):
    in_force = history().rule_of(whole.clock)
    expected = ["oct-2022"] * 4 + ["oct-2023"] * 6 + ["h20-letter-2025"] + ["h20-reopened-2025"] * 2 + ["bis-2026"] * 5
    assert in_force == expected
    assert [in_force[whole.phase.index(k)] for k in range(5)] == list(dict.fromkeys(expected))


def test_the_catalogue_by_quarter():
    """Launch quarters are those of chips.csv, and the first entry on sale is the best product for everyone."""
    chips = dict(zip(history().chips, history().catalogue, strict=True))
    launched = {name: float(chip["launch"]) for name, chip in chips.items()}
    assert launched["A800"] == 2022.75
    assert launched["H800"] == 2023.0
    assert launched["H20"] == 2024.0
    assert launched["B300"] == 2025.5
    frontier = []
    for at in Quarters(2022.75, 17).starts:
        frontier.append(next(name for name in history().chips if launched[name] <= at))
    assert frontier == ["H100 SXM"] * 6 + ["H200"] * 2 + ["B200"] * 3 + ["B300"] * 6
    assert all(chip["moves"] == 0.0 for chip in history().catalogue)


def value_of(draws: np.ndarray, name: str, t: int) -> np.ndarray:
    """Index of a chip at a step of the replay, from the twin: float64[n]."""
    entry = history().catalogue[history().chips.index(name)]
    found = []
    for record in draws:
        q = twin.namespace(record)
        f = twin.performances(float(entry["f"]), float(entry["m"]), float(entry["i"]), q, (t + 0.5) / 4, 4)
        found.append(twin.value_index(f, twin.weights(q, "value_c")))
    return np.array(found)


@pytest.mark.parametrize(
    ("at", "sold"),
    [("2022Q4", {"A800"}), ("2023Q1", {"A800", "H800"}), ("2023Q3", {"A800", "H800"}), ("2024Q1", {"H20"}),
     ("2024Q4", {"H20"}), ("2025Q1", {"H20"})],
)  # fmt: skip
def test_editions_sell_in_their_quarters(paths, draws, at, sold):
    """What is sold in the open tier is one of the editions of the day, by its index."""
    t = quarter(at)
    offered = paths["value_open"][t]
    near = [np.isclose(offered, value_of(draws, name, t), rtol=1e-9) for name in sold]
    assert (paths["units_open"][t] > 0.0).all()
    assert np.any(near, axis=0).all()
    assert all(mask.any() for mask in near) or at == "2023Q3"


def test_nothing_sells_between_rule_and_edition(paths):
    """The rule of 2023 leaves a quarter without a chip, the letter of 2025 one with nothing but the 6000D to come."""
    units = paths["units_open"] + paths["units_licensed"]
    assert (units[quarter("2023Q4")] == 0.0).all()
    assert (units[quarter("2025Q2")] == 0.0).all()
    assert (paths["units_licensed"][: quarter("2025Q3")] == 0.0).all()


def test_reopening_and_the_rule_of_2026(paths, draws):
    """H20 under licence against 15 %, then a Hopper or an Ampere against 25 %, for the exporter's government.

    Where licensed sales do not pay, the RTX Pro 6000D sells without a licence.
    """
    for at, names, share in (("2025Q3", ("H20",), 0.15), ("2026Q2", ("H200", "H100 SXM", "A100 80GB"), 0.25)):
        t = quarter(at)
        licensed = paths["units_licensed"][t] > 0.0
        assert licensed.mean() > 0.6
        assert (paths["units_open"][t][~licensed] > 0.0).all()
        offered = paths["value_licensed"][t][licensed]
        near = [np.isclose(offered, value_of(draws, name, t)[licensed], rtol=1e-9) for name in names]
        assert np.any(near, axis=0).mean() > 0.95
        sales = (paths["units_licensed"][t] * paths["price_licensed"][t])[licensed]
        take = paths["government_take"][t][licensed]
        assert take == pytest.approx(share * sales, rel=1e-9)


def test_buyers_stockpile_and_the_exporter_writes_down_before_a_tightening(paths):
    """Write-downs fall in the quarters before the rules of 2023 and of April 2025, and nowhere else until then."""
    booked = (paths["write_downs"][: quarter("2025Q3")] > 0.0).all(axis=1)
    assert np.flatnonzero(booked).tolist() == [quarter("2023Q3"), quarter("2025Q1")]
    assert (paths["write_downs"][: quarter("2023Q3")] == 0.0).all()


def test_dated_acts_are_imposed_and_the_response_is_free_without_them(draws, paths):
    imposed = Replay(UNTIL_2026, events=True, threads=1).trajectories(draws)[:, TRAJECTORY.index("barred")]
    expected = [0.0] * 11 + [0.8] + [0.95] * 3 + [0.9] * 3
    assert np.array_equal(imposed, np.repeat(np.array(expected)[:, None], len(draws), axis=1))
    assert (paths["barred"][0] < 0.2).all()  # the middle of the first quarter, after a start at 0
    assert np.ptp(paths["barred"][-1]) > 0.1


def test_the_replay_is_the_twin_s(whole, draws):
    """The compiled replay against the plain-Python twin, quarter by quarter."""
    levers = whole.levers[0]
    found = whole.trajectories(draws[:12])
    compared = 0
    for k, record in enumerate(draws[:12]):
        _, rows, margin = evaluate(
            levers, whole.phase, record, history().catalogue, n_steps=whole.clock.steps, steps_per_year=4,
            start=2022.75, exponent=4,
        )  # fmt: skip
        if margin >= NEAR_TIE:
            compared += 1
            twin = np.array([list(row.values()) for row in rows])
            assert errors(found[:, :, k], twin, TRAJECTORY).max() <= TOLERANCE
    assert compared >= 10


def test_predictions_against_plain_sums(draws):
    rows = rows_of(
        {**GOOD, "period": "2024"},
        {**GOOD, "moment": "fiscal", "period": "2024-02..2024-04", "outcome": "sum(gross_revenue_c)", "unit": "GUSD",
         "definition": "revenue"},
        {**GOOD, "moment": "share", "period": "2024", "outcome": "sum(gross_revenue_c) / sum(chip_spending)",
         "unit": "%", "definition": "share"},
        {**GOOD, "moment": "decode", "period": "2024", "outcome": "dc(H20) / dc(H100)", "unit": "1",
         "definition": "ratio"},
        {**GOOD, "moment": "own", "period": "2024", "outcome": "own_st(Ascend 910C) / st(Ascend 910C)", "unit": "1",
         "definition": "ratio"},
        {**GOOD, "moment": "context", "kind": "context", "outcome": ""},
    )  # fmt: skip
    model = Replay(rows, threads=1)
    found = model.predict(draws)
    path = dict(zip(TRAJECTORY, np.moveaxis(model.trajectories(draws), 1, 0), strict=True))
    of_2024 = range(quarter("2024Q1"), quarter("2024Q4") + 1)
    for k in (0, 17, 127):
        units = sum(path["units_open"][t, k] + path["units_licensed"][t, k] for t in of_2024)
        assert found[k, 0] == pytest.approx(1000.0 * units, rel=1e-12)
        fiscal = 2 / 3 * path["gross_revenue_c"][5, k] + 1 / 3 * path["gross_revenue_c"][6, k]
        assert found[k, 1] == pytest.approx(fiscal, rel=1e-9)
        spending = sum(
            path["gross_revenue_c"][t, k] + path["units_domestic"][t, k] * path["price_domestic"][t, k]
            + path["units_grey"][t, k] * path["price_grey"][t, k] for t in of_2024
        )  # fmt: skip
        revenue = sum(path["gross_revenue_c"][t, k] for t in of_2024)
        assert found[k, 2] == pytest.approx(100.0 * revenue / spending, rel=1e-12)
        q = twin.namespace(draws[k])
        h20 = twin.performances(0.296, 4.0, 0.9, q, 2.125, 4)["dc"]
        h100 = twin.performances(1.979, 3.35, 0.9, q, 2.125, 4)["dc"]
        assert found[k, 3] == pytest.approx(h20 / h100, rel=1e-12)
        assert found[k, 4] == pytest.approx(min(1.0, q.software_st * q.software_growth**2.125), rel=1e-12)
    assert np.isnan(found[:, 5]).all()


def test_a_replay_reaches_no_further_than_its_rows_and_longer_ones_agree(draws):
    """Quarters after those a row looks at change nothing, to the bit: the tightening ahead is always in sight."""
    rows = load_record()
    early = of_role(rows, "calibrate")
    short, long = Replay(early, threads=1), Replay(rows, threads=1)
    assert short.clock.steps == 10
    assert long.clock.steps == 26
    places = [rows.index(row) for row in early]
    assert np.array_equal(short.predict(draws), long.predict(draws)[:, places], equal_nan=True)


def test_chunks_and_threads_leave_no_trace(draws, monkeypatch):
    rows = of_role(load_record(), "calibrate", "validate")
    one = Replay(rows, threads=1).predict(draws)
    monkeypatch.setattr(replay, "CHUNK", 33)
    assert np.array_equal(Replay(rows, threads=2).predict(draws), one, equal_nan=True)


def test_structures_are_arguments(draws, paths):
    """Where the government decides the share barred moves from its start; where it stands it does not."""
    rows = of_role(load_record(), "calibrate")
    free = Replay(rows, threads=1)
    standing = Replay(UNTIL_2026, threads=1, decides=False)
    for model, decides in ((free, 1.0), (standing, 0.0)):
        assert {i.name: i.value for i in model.parameters}["buyer_decides"] == decides
    assert (standing.trajectories(draws)[:, TRAJECTORY.index("barred")] == 0.0).all()
    assert (paths["barred"][-1] > 0.0).all()
    hard = Replay(rows, threads=1, exponent=8)
    k = [row.moment for row in rows].index("decode-h20-h100")
    assert not np.allclose(hard.predict(draws)[:, k], free.predict(draws)[:, k])


def test_the_start_lies_over_the_contract():
    found = history().parameters
    assert [info.name for info in found] == [p.name for p in PARAMETERS]
    named = {info.name: info for info in found}
    assert named["barred_start"].kind == "constant"
    assert named["stock_a"].value == 0.6
    assert named["theta_m_st"] == {i.name: i for i in parameters.table()}["theta_m_st"]
    assert all(info.low <= info.value <= info.high for info in found)


@pytest.mark.parametrize("period", ["2022Q3", "2029", "2022..2023"])
def test_rows_outside_the_replay_are_refused_with_their_place(period):
    with pytest.raises(InputError, match=r"^mine.csv:2: column `period`: .* is not within the replay"):
        Replay(rows_of({**GOOD, "period": period}))


def test_a_table_of_another_kind_is_refused(whole):
    with pytest.raises(InputError, match="a table of at least one scenario"):
        whole.predict(np.zeros(3))
    with pytest.raises(InputError, match="a table of at least one scenario"):
        whole.trajectories(np.zeros(0, scenarios.PARAMS))
