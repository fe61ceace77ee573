"""Which policies of a front are worth looking at, and which chips a policy admits."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiercap.optimizer.model.choices import worth_looking_at
from tiercap.optimizer.rules import admission
from tiercap.optimizer.rules.admission import admitted, admitted_each
from tiercap.optimizer.rules.book import find_rule, load_rules
from tiercap.optimizer.rules.chips import load_chips
from tiercap.optimizer.rules.classify import classify
from tiercap.optimizer.rules.clauses import Limb
from tiercap.optimizer.rules.encode import apply_levers, rule_levers
from tiercap.optimizer.rules.levers import as_row

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


@pytest.mark.parametrize(
    ("baseline", "label", "row"),
    [((-4.0, 4.0), "nearest improvement", 1), ((-6.0, 1.0), "least loss to rule", 1)],
)
def test_choices_are_the_knee_the_extremes_and_the_nearest(
    baseline: tuple[float, float], label: str, row: int
) -> None:
    losses = np.array([[-10.0, 10.0], [-5.0, 1.5], [0.0, 0.0], [-1.0, 0.9]])
    chosen = worth_looking_at(losses, np.array(baseline), NAMES)
    assert [tuple(choice) for choice in chosen] == [("knee", 1), ("best gain", 0), ("best cost", 2), (label, row)]


def test_of_a_group_one_policy_is_shown() -> None:
    """The knee, 1, cannot be told from the cheapest, 2: the cheapest stands for both."""
    losses = np.array([[-10.0, 10.0], [-5.0, 1.5], [0.0, 0.0], [-1.0, 0.9]])
    chosen = worth_looking_at(losses, np.array((-0.5, 4.0)), NAMES, np.array([0, 1, 1, 2]))
    assert [choice.row for choice in chosen] == [2, 0, 2, 3]
    unknown = worth_looking_at(losses, np.array((-0.5, 4.0)), NAMES, np.array([0, -1, -1, 2]))
    assert [choice.row for choice in unknown] == [1, 0, 2, 3]


def test_many_policies_admit_what_each_admits_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "_TOGETHER", 7)
    rows = [rule_levers(rule).reshape(-1)[:1] for rule in load_rules().values()]
    caps = np.geomspace(500.0, 50_000.0, 20)
    rows += [apply_levers(BASE, {"c_open_tpp": cap, "c_licensed_tpp": 4 * cap}) for cap in caps]
    together = np.concatenate([as_row(row) for row in rows])
    assert list(admitted_each(together, CHIPS)) == [admitted(row, CHIPS) for row in rows]
