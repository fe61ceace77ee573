"""One nesting rule: what is refused by hand is what a sweep cuts and what a rounding leaves out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tiercap.optimizer.errors import InputError
from tiercap.optimizer.rules import nesting
from tiercap.optimizer.rules.book import find_rule
from tiercap.optimizer.rules.encode import apply_levers, rule_levers
from tiercap.optimizer.rules.levers import as_row, collapse, part, put

FREE = rule_levers(find_rule("unrestricted"))
NAMES = tuple(f"{group}_{tier}_tpp" for group in "abc" for tier in ("open", "licensed"))
#: Caps that meet often, 0 for a tier that admits nothing.
CAPS = st.lists(st.sampled_from([0.0, 1.0, 2.0, 3.0, np.inf]), min_size=6, max_size=6)
READINGS = st.lists(st.sampled_from([0.0, 1.0, 2.0]), min_size=3, max_size=3)


def policies(values: list[list[float]], readings: list[float]) -> NDArray[Any]:
    base = as_row(FREE)
    for group, reading in zip("abc", readings, strict=True):
        base[group]["reading"] = reading
        for tier in (nesting.OPEN, nesting.LICENSED):
            collapse(base, group, tier)
    rows = np.repeat(base, len(values))
    for k, name in enumerate(NAMES):
        put(rows, part(name), np.array(values)[:, k])
    return rows


def loosens(caps: list[float], readings: list[float]) -> bool:
    """The rule once more, from its words: open inside licensed where that admits anything, C in B in A."""
    def reach(group: int, tier: int) -> float:
        cap = caps[2 * group + tier]
        if cap == 0.0:
            return -np.inf
        return -cap if readings[group] == 2.0 and cap < np.inf else cap

    inside = any(reach(g, 1) > -np.inf and reach(g, 0) > reach(g, 1) for g in range(3))
    widest = [max(reach(g, 0), reach(g, 1)) for g in range(3)]
    return inside or any(readings[g] == readings[g - 1] and widest[g] > widest[g - 1] for g in (1, 2))


@settings(max_examples=200, deadline=None)
@given(st.lists(CAPS, min_size=1, max_size=4), READINGS)
def test_many_policies_are_nested_as_each_is(values: list[list[float]], readings: list[float]) -> None:
    rows = policies(values, readings)
    held = nesting.nested(rows, NAMES)
    assert held.tolist() == [not loosens(caps, readings) for caps in values]
    for row, holds in zip(rows, held, strict=True):
        if holds:
            nesting.check(row.reshape(1), NAMES)
        else:
            with pytest.raises(InputError, match="is looser than"):
                nesting.check(row.reshape(1), NAMES)


@settings(max_examples=100, deadline=None)
@given(st.lists(CAPS, min_size=1, max_size=4))
def test_a_cut_policy_is_nested_and_a_nested_one_is_not_cut(values: list[list[float]]) -> None:
    before = nesting.nested(policies(values, [0.0] * 3), NAMES)
    rows, cut = nesting.policies(FREE, NAMES, np.array(values))
    assert nesting.nested(rows, NAMES).all()
    assert cut.tolist() == [not holds for holds in before]


def test_figures_that_were_not_set_stand_as_they_are() -> None:
    rows = policies([[9.0, 1.0, 9.0, 1.0, 9.0, 1.0]], [0.0] * 3)
    assert nesting.nested(rows, ("c_open_memory", "c_quota_share")).all()
    assert not nesting.nested(rows, ("c_open_tpp",)).any()


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"c_open_tpp": 5, "c_licensed_tpp": 4}, "c_open_tpp (5) is looser than c_licensed_tpp (4)"),
        ({"b_open_tpp": 4, "b_licensed_tpp": 4, "c_open_tpp": 5, "c_licensed_tpp": 5}, "tpp cap of group C (5)"),
    ],
)
def test_a_policy_that_loosens_names_both_caps(values: dict[str, float], says: str) -> None:
    with pytest.raises(InputError) as caught:
        apply_levers(FREE, values)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("inner", "outer", "may"),
    [
        ("c_open_tpp", "c_licensed_tpp", True), ("c_licensed_tpp", "c_open_tpp", False),
        ("c_licensed_tpp", "b_open_tpp", True), ("b_open_tpp", "c_licensed_tpp", False),
        ("c_open_tpp", "c_open_tpp", False), ("c_open_tpp", "c_licensed_memory", False),
        ("c_quota_share", "b_quota_share", True), ("a_quota_share", "b_quota_share", False),
    ],
)  # fmt: skip
def test_a_lever_lies_within_the_freer_tier_of_the_same_figure(inner: str, outer: str, may: bool) -> None:
    assert nesting.may_lie_within(part(inner), part(outer)) is may


def test_levers_around_another_are_told_outwards_and_circles_end() -> None:
    assert nesting.around("a", {"a": "b", "b": "c", "c": None}) == ["b", "c"]
    assert nesting.around("a", {"a": "b", "b": "a"}) == ["b", "a"]
    assert nesting.around("a", {"a": "gone"}) == ["gone"]
