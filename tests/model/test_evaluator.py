"""The bridge to the kernels: layout, slices, threads and company leave no trace in the bits; bad calls are refused."""

from __future__ import annotations

import numpy as np
import pytest
from support import cases
from support.evaluations import CATALOGUE, evaluator_of
from support.parity import TOLERANCE, errors

from tiercap.kernels import allied
from tiercap.kernels.lanes import LANES
from tiercap.kernels.params import OUTCOMES
from tiercap.optimizer.errors import InputError
from tiercap.optimizer.model.evaluator import KERNELS, RELATIVE, signatures
from tiercap.optimizer.rules.levers import unrestricted


def same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    return a.shape == b.shape and a.tobytes() == b.tobytes()


@pytest.fixture(scope="module")
def ensemble() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(11)
    return cases.random_params(rng, 130), cases.random_policies(rng, 9)


@pytest.fixture(scope="module")
def whole(ensemble) -> tuple[np.ndarray, np.ndarray]:
    """Outcomes and trajectories of the ensemble in one go."""
    evaluator = evaluator_of(ensemble[0])
    return evaluator.outcomes(ensemble[1]), evaluator.trajectories(ensemble[1])


def test_the_evaluator_lays_out_what_the_kernels_compute(ensemble, whole):
    """The grid of the evaluator against lanes filled by hand, to the bit."""
    params, policies = ensemble
    plain = evaluator_of(params).outcomes(policies, relative=False)
    for k, policy in enumerate(policies):
        outcomes, rows = cases.outcomes_of_pairs(np.repeat(policy[None], 130, axis=0), params, 8, 1, 2026.0, 4)
        assert same_bits(plain[k], np.ascontiguousarray(outcomes.T))
        assert same_bits(whole[1][k], np.ascontiguousarray(np.moveaxis(rows, 0, -1)))


def test_substitution_is_measured_from_the_same_futures_without_control(ensemble, whole):
    """The kernels leave it open; a schedule is measured from the same run."""
    params, policies = ensemble
    evaluator, row = evaluator_of(params), OUTCOMES.index
    free = evaluator.outcomes(unrestricted().reshape(1, 1))[0]
    for name, of in RELATIVE.items():
        assert np.isnan(evaluator.outcomes(policies, relative=False)[:, row(name)]).all()
        np.testing.assert_array_equal(free[row(name)], 0.0)
        expected = 100.0 * (whole[0][:, row(of)] / free[row(of)] - 1.0)
        np.testing.assert_array_equal(whole[0][:, row(name)], expected)
        both = np.stack([policies[:1, 0], policies[1:2, 0]], axis=1)
        found = evaluator.outcomes(both, [0, 0, 0, 1, 1, 1, 1, 1])
        np.testing.assert_array_equal(found[:, row(name)], 100.0 * (found[:, row(of)] / free[row(of)] - 1.0))
    assert np.isnan(evaluator.statistics(policies, [("substitution", "mean")])).sum() == 0


def test_a_scenario_meets_its_own_run_without_control(ensemble):
    """Which scenarios stand beside it leaves no trace in what it is measured from."""
    params, policies = ensemble
    few = evaluator_of(params[40:43]).outcomes(policies)
    assert same_bits(few, np.ascontiguousarray(evaluator_of(params).outcomes(policies)[..., 40:43]))


@pytest.mark.parametrize("n_policies", [1, 9, 120])
def test_bits_do_not_depend_on_threads(ensemble, n_policies):
    params, policies = ensemble
    policies = np.resize(policies, (n_policies, 1))
    one = evaluator_of(params, threads=1).outcomes(policies)
    for threads in (2, 5):
        assert same_bits(evaluator_of(params, threads=threads).outcomes(policies), one)


def test_bits_do_not_depend_on_slices(ensemble, whole, monkeypatch):
    params, policies = ensemble
    for size in (1, LANES, 3 * LANES, 10**9):
        monkeypatch.setattr("tiercap.optimizer.model.tiles.SLICE", max(size, LANES))
        assert same_bits(evaluator_of(params, threads=2).outcomes(policies), whole[0])


@pytest.mark.parametrize("n_scenarios", [130, 3, 1])
def test_bits_do_not_depend_on_company(ensemble, whole, n_scenarios):
    """Policies one at a time, in pairs, permuted and repeated."""
    params, policies = ensemble
    evaluator, expected = evaluator_of(params[:n_scenarios]), whole[0][..., :n_scenarios]
    for size in (1, 2, 9):
        for first in range(0, 9, size):
            part = slice(first, first + size)
            assert np.array_equal(evaluator.outcomes(policies[part]), expected[part])
    order = np.array([5, 0, 8, 8, 3, 5, 7, 1, 2, 6, 4, 4, 4])
    assert np.array_equal(evaluator.outcomes(policies[order]), expected[order])


@pytest.mark.parametrize("n", [1, 2, 3, 31, 32, 33, 63, 64, 65, 130])
def test_a_scenario_does_not_see_the_others(ensemble, whole, n):
    """Every count around the lane width, and the last scenarios as well as the first ones."""
    params, policies = ensemble
    for part in (slice(0, n), slice(130 - n, 130)):
        evaluator = evaluator_of(params[part])
        assert np.array_equal(evaluator.outcomes(policies), whole[0][..., part])
        assert np.array_equal(evaluator.trajectories(policies), whole[1][..., part])


def test_bits_do_not_depend_on_where_arrays_lie(ensemble):
    """Compiled loops come twice, with vectors and without, and may choose by the distance of arrays in memory."""
    params, policies = ensemble
    rng, held = np.random.default_rng(0), []
    expected = evaluator_of(params[:64]).trajectories(policies)
    for _ in range(100):
        held = [*held[-7:], np.empty(int(rng.integers(1, 60_000)))]
        assert same_bits(evaluator_of(params[:64]).trajectories(policies), expected)


def test_groups_a_and_b_are_computed_once_for_policies_that_differ_in_c(ensemble, monkeypatch):
    """Kept from call to call; other rules for A or B, another schedule or an interrupted filling are computed anew."""
    params, policies = ensemble
    two = np.repeat(policies[:3], 2, axis=1)
    two["a"], two["b"] = policies["a"][0], policies["b"][0]
    two["b"][2, 1] = policies["b"][3, 0]
    filled: list[int] = []
    fill = allied.fill_allied

    def watched(part, *others):
        filled.append(part.last_row - part.first_row)
        if stop:
            raise KeyboardInterrupt
        return fill(part, *others)

    monkeypatch.setattr(allied, "fill_allied", watched)
    evaluator, stop = evaluator_of(params), False
    late, early = [0, 0, 0, 0, 0, 0, 0, 1], [0, 1, 1, 1, 1, 1, 1, 1]
    for some, phase, anew in (
        (two[:1], late, True), (two[:1], late, False), (two[1:2], late, False), (two[:2], late, False),
        (two[2:], late, True), (two[2:], early, True), (two[:1], late, True), (two, late, True),
    ):  # fmt: skip
        filled.clear()
        found = evaluator.outcomes(some, phase)
        assert bool(filled) == anew
        assert same_bits(found, evaluator_of(params).outcomes(some, phase))
    expected, stop = evaluator_of(params).outcomes(two[:1], early), True
    with pytest.raises(KeyboardInterrupt):
        evaluator.outcomes(two[:1], early)
    stop = False
    assert same_bits(evaluator.outcomes(two[:1], early), expected)


def test_tables_of_the_allies_are_kept_only_while_they_are_small(ensemble):
    """Policies that each have their own would hold more than the tables of the scenarios."""
    evaluator = evaluator_of(ensemble[0])
    evaluator.outcomes(ensemble[1][:1])
    assert evaluator._kept is not None
    evaluator.outcomes(np.resize(cases.random_policies(np.random.default_rng(3), 20), (20, 1)))
    assert evaluator._kept is None


def test_permuted_scenarios(ensemble, whole):
    """Property 8, scenarios: their order does not matter."""
    params, policies = ensemble
    order = np.random.default_rng(2).permutation(130)
    assert np.array_equal(evaluator_of(params[order]).outcomes(policies), whole[0][..., order])


def test_permuted_boxes(ensemble):
    """Property 8, rules: a tier is a union, so the order of its boxes does not matter (but for exact ties)."""
    params, _ = ensemble
    policies = cases.random_policies(np.random.default_rng(21), 40)
    turned = policies.copy()
    for group in ("a", "b", "c"):
        for name in cases.CAPS:
            turned[group][name] = policies[group][name][..., ::-1]
    evaluator = evaluator_of(params[:20])
    assert errors(
        np.moveaxis(evaluator.outcomes(turned), 1, -1), np.moveaxis(evaluator.outcomes(policies), 1, -1), OUTCOMES
    ).max() <= TOLERANCE  # fmt: skip


def test_inputs_are_left_alone(ensemble):
    params, policies = ensemble
    phase, catalogue = np.zeros(8, np.int64), CATALOGUE.copy()
    given = [array.copy() for array in (params, policies, phase, catalogue)]
    evaluator = evaluator_of(params, catalogue=catalogue)
    first = evaluator.outcomes(policies, phase)
    assert same_bits(evaluator.outcomes(policies, phase), first)
    assert all(same_bits(a, b) for a, b in zip((params, policies, phase, catalogue), given, strict=True))


def test_statistics_are_those_of_the_outcomes(ensemble, whole, monkeypatch):
    params, policies = ensemble
    wanted = [("revenue", "mean"), ("compute_lead", "min"), ("units_grey", "max")]
    rows = [OUTCOMES.index(name) for name, _ in wanted]
    monkeypatch.setattr("tiercap.optimizer.model.evaluator.CHUNK", 2 * len(OUTCOMES) * 130)
    done: list[int] = []
    found = evaluator_of(params).statistics(policies, wanted, progress=done.append)
    assert done == [2, 2, 2, 2, 1]
    expected = [whole[0][:, rows[0]].mean(-1), whole[0][:, rows[1]].min(-1), whole[0][:, rows[2]].max(-1)]
    np.testing.assert_allclose(found, np.stack(expected, axis=1), rtol=1e-13)
    assert np.array_equal(found[:, 1:], np.stack(expected[1:], axis=1))


@pytest.mark.parametrize("phase", [[0] * 7, [0] * 9, [0, 0, 0, 0, 0, 0, 0, 1], [0, 0, 0, 0, 0, 0, 0, -1]])
def test_a_schedule_that_does_not_fit_is_refused(ensemble, phase):
    with pytest.raises(InputError, match="schedule"):
        evaluator_of(ensemble[0][:1]).outcomes(ensemble[1], phase)


def test_every_kernel_is_compiled_for_one_signature(ensemble):
    """Whatever the layout of what is handed over: a second signature would be compiled while somebody waits."""
    params, policies = ensemble
    before = signatures()
    two = np.repeat(policies, 2, axis=1)
    strided, frozen = np.repeat(policies, 2, axis=0)[::2], policies.copy()
    frozen.flags.writeable = False
    for n_scenarios in (130, 3, 1):
        evaluator = evaluator_of(np.asfortranarray(params[:n_scenarios][::-1]), catalogue=np.repeat(CATALOGUE, 2)[::2])
        for levers in (policies, policies[:1], strided, frozen, np.asfortranarray(two)[:, :1]):
            evaluator.outcomes(levers)
        evaluator.outcomes(two, [0, 0, 0, 1, 1, 1, 1, 1])
        evaluator.trajectories(policies[:2])
    after = signatures()
    assert set(after) == set(KERNELS)
    compiled = all(hasattr(kernel, "signatures") for kernel in KERNELS.values())
    assert after == {name: max(count, int(compiled)) for name, count in before.items()}


def test_nothing_to_evaluate_is_refused(ensemble):
    with pytest.raises(InputError, match="no policy"):
        evaluator_of(ensemble[0][:1]).outcomes(ensemble[1][:0])
    for chips in (CATALOGUE[:0], np.resize(CATALOGUE, 13)):
        with pytest.raises(InputError, match="catalogue"):
            evaluator_of(ensemble[0], catalogue=chips)
