"""Which policies of a front are worth looking at, and which chips a policy admits."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiercap.optimizer.model.choices import stability, worth_looking_at
from tiercap.optimizer.rules import admission
from tiercap.optimizer.rules.admission import admitted, admitted_each
from tiercap.optimizer.rules.book import find_rule, load_rules
from tiercap.optimizer.rules.chips import load_chips
from tiercap.optimizer.rules.classify import classify
from tiercap.optimizer.rules.clauses import Limb
from tiercap.optimizer.rules.distance import from_rule
from tiercap.optimizer.rules.encode import apply_levers, rule_levers
from tiercap.optimizer.rules.levers import as_row
from tiercap.optimizer.rules.space import Lever, LeverSpace

BASE = rule_levers(find_rule("unrestricted"))
CHIPS = load_chips()
#: Figure of a chip, and the lever that caps it.
FIGURES = (("tpp", "tpp"), ("memory_gbs", "memory"), ("io_gbs", "interconnect"))
NAMES = ["gain", "cost"]


def edges(figure: str) -> list[float]:
    """Caps at which some chip's status flips: its figure, and a hair above it."""
    known = {value for chip in CHIPS if (value := getattr(chip, figure)) is not None}
    return sorted(known | {value * (1.0 + 1e-9) for value in known} | {math.inf})


CAPS = st.tuples(*(st.sampled_from(edges(figure)) for figure, *_ in FIGURES))


@settings(max_examples=60, deadline=None)
@given(CAPS)
def test_one_box_admits_the_chips_that_classify_calls_open(caps: tuple[float, float, float]) -> None:
    levers = {
        f"c_{tier}_{name}": cap
        for tier in ("open", "licensed")
        for cap, (_, name) in zip(caps, FIGURES, strict=True)
    }
    limb = Limb("box", "open", tpp=caps[0], memory_gbs=caps[1], interconnect_gbs=caps[2])
    rule = replace(find_rule("unrestricted"), by_group={"c": (limb,)})
    exporter = [chip for chip in CHIPS if chip.country == "US" and chip.datacentre is not False]
    expected = [chip.name for chip in exporter if classify(chip, rule).status == "open"]
    assert admitted(apply_levers(BASE, levers), CHIPS) == {"open": expected, "licensed": []}


def test_a_licence_counts_only_where_any_is_granted() -> None:
    tiers = {"c_open_tpp": 1600.0, "c_licensed_tpp": 20_000.0}
    found = admitted(apply_levers(BASE, tiers), CHIPS)
    assert "H100 SXM" in found["licensed"]
    assert not set(found["open"]) & set(found["licensed"])
    for term in ({"c_quota_share": 0.0}, {"c_quota_chips": 0.0}, {"c_revenue_share": 1.0}):
        closed = admitted(apply_levers(BASE, tiers | term), CHIPS)
        assert closed == {"open": found["open"], "licensed": []}


def test_a_ban_admits_nothing_and_no_rule_everything_known() -> None:
    assert admitted(rule_levers(find_rule("ban")), CHIPS) == {"open": [], "licensed": []}
    free = admitted(BASE, CHIPS)["open"]
    assert {"H20", "H200", "B200"} <= set(free)
    assert not any(chip.name in free for chip in CHIPS if chip.country != "US")


LOSSES = np.array([[-10.0, 10.0], [-5.0, 1.5], [0.0, 0.0], [-1.0, 0.9]])
FAR = np.array([4.0, 3.0, 2.0, 1.0])


@pytest.mark.parametrize(
    ("baseline", "label", "row"),
    [((-0.5, 4.0), "nearest improvement", 3), ((-4.0, 4.0), "nearest improvement", 1),
     ((-6.0, 1.0), "least loss to rule", 1)],
)  # fmt: skip
def test_choices_are_the_compromise_the_extremes_and_the_nearest_in_the_levers(
    baseline: tuple[float, float], label: str, row: int
) -> None:
    chosen = worth_looking_at(LOSSES, np.array(baseline), NAMES, FAR)
    assert [tuple(choice) for choice in chosen] == [("compromise", 1), ("best gain", 0), ("best cost", 2), (label, row)]


def test_where_some_surely_improve_the_nearest_is_one_of_them() -> None:
    sure = np.array([False, True, False, False])
    chosen = worth_looking_at(LOSSES, np.array((-0.5, 4.0)), NAMES, FAR, sure=sure)
    assert chosen[-1] == ("nearest improvement", 1)


def test_of_a_group_one_policy_is_shown() -> None:
    """The compromise, 1, cannot be told from the cheapest, 2: the cheapest stands for both."""
    chosen = worth_looking_at(LOSSES, np.array((-0.5, 4.0)), NAMES, FAR, np.array([0, 1, 1, 2]))
    assert [choice.row for choice in chosen] == [2, 0, 2, 3]
    unknown = worth_looking_at(LOSSES, np.array((-0.5, 4.0)), NAMES, FAR, np.array([0, -1, -1, 2]))
    assert [choice.row for choice in unknown] == [1, 0, 2, 3]


def test_stability_counts_the_group_and_what_is_as_good() -> None:
    """Of four resamplings one chooses the policy itself, one another of its group, one a near one, one a far one."""
    losses = np.array([[0.0, 10.0], [4.0, 4.0], [4.1, 3.9], [7.0, 2.0], [10.0, 0.0]])
    group = np.array([0, 1, 2, 1, 3])
    again: dict[int, np.ndarray] = {}
    for row in (1, 2, 3):
        again[row] = losses.copy()
        again[row][[k for k in (1, 2, 3) if k != row]] = [9.0, 9.0]
    again[0] = np.array([[0.0, 10.0], [20.0, 20.0], [20.0, 20.0], [20.0, 20.0], [10.0, 0.0]])
    drawn = np.stack([again[row] for row in (1, 2, 3, 0)])
    found = stability(losses, drawn, 1, group=group)
    assert found == (0.5, 0.75, 4)
    assert stability(losses, drawn, 1).same == 0.25
    assert "of 4 resamplings of the futures 75 % choose it" in found.words()


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_distance_in_the_levers_is_that_of_the_logarithms_of_caps(seed: int) -> None:
    """A cap's step is a share of its range; a rule without a cap lies at the loose end."""
    levers = [Lever("c_open_tpp", "TPP", 100.0, 10_000.0, True), Lever("c_quota_share", "1", 0.0, 2.0)]
    rng = np.random.default_rng(seed)
    tpp, quota = 10.0 ** rng.uniform(2.0, 4.0, 9), rng.uniform(0.0, 2.0, 9)
    space = LeverSpace(levers, BASE)
    rule = apply_levers(BASE, {"c_open_tpp": 1000.0, "c_quota_share": 0.5})
    found = from_rule(space, {"c_open_tpp": tpp, "c_quota_share": quota}, rule)
    np.testing.assert_allclose(found, np.hypot(np.log10(tpp / 1000.0) / 2.0, (quota - 0.5) / 2.0), atol=1e-12)
    free = from_rule(space, {"c_open_tpp": tpp, "c_quota_share": quota}, BASE)
    np.testing.assert_allclose(free, np.hypot(np.log10(tpp / 10_000.0) / 2.0, (quota - 2.0) / 2.0), atol=1e-12)


def test_distance_from_a_rule_of_several_boxes_is_that_from_the_loosest() -> None:
    space = LeverSpace([Lever("c_open_tpp", "TPP", 100.0, 10_000.0, True)], BASE)
    values = {"c_open_tpp": np.array([4800.0, 1600.0])}
    found = from_rule(space, values, rule_levers(find_rule("bis-2026")))
    np.testing.assert_allclose(found, [0.0, math.log10(3.0) / 2.0])
    shut = from_rule(space, values, rule_levers(find_rule("ban")))
    np.testing.assert_allclose(shut, np.log10([48.0, 16.0]) / 2.0)


def test_many_policies_admit_what_each_admits_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "_TOGETHER", 7)
    rows = [rule_levers(rule).reshape(-1)[:1] for rule in load_rules().values()]
    caps = np.geomspace(500.0, 50_000.0, 20)
    rows += [apply_levers(BASE, {"c_open_tpp": cap, "c_licensed_tpp": 4 * cap}) for cap in caps]
    together = np.concatenate([as_row(row) for row in rows])
    assert list(admitted_each(together, CHIPS)) == [admitted(row, CHIPS) for row in rows]
