"""The bridge to SALib, against SALib: the law it draws, the numbers it gets, what it makes of them."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from support.small import problem as small

from tiercap.kernels.params import OUTCOMES
from tiercap.optimizer import bridges
from tiercap.optimizer.errors import InputError
from tiercap.optimizer.model.parameters import held
from tiercap.optimizer.rules.space import coordinates
from tiercap.optimizer.runs import named_policy
from tiercap.optimizer.study.problem import Problem

PRIOR = ("scenarios.kind=sobol", "scenarios.count=64")


@pytest.fixture(scope="module")
def study() -> Problem:
    return small(*PRIOR)


@pytest.mark.parametrize("policy", [None, "ban", "bis-2026,2029:ban"])
def test_samples_give_the_evaluators_numbers(study: Problem, policy: str | None) -> None:
    problem, evaluate, units = bridges.salib_problem(study, policy=policy, outputs=["compute_lead", "revenue"])
    one = named_policy.one(policy or "bis-2026", study)
    X = np.stack([held(study.scenarios.table, name) for name in problem["names"]], axis=1)
    found = study.evaluator.outcomes(one.levers, one.phase)[0]
    assert problem["outputs"] == ["compute_lead", "revenue"]
    assert evaluate(X).tobytes() == found[[OUTCOMES.index(name) for name in problem["outputs"]]].T.tobytes()
    assert units["budget_c"] == "GUSD/year"
    assert set(units) == {*problem["names"], *problem["outputs"]}


def test_salib_draws_every_parameters_own_law(study: Problem) -> None:
    """SALib's samples of the unit cube, scaled by SALib, are our quantiles there."""
    from SALib.util import scale_samples

    problem = bridges.salib_problem(study).problem
    infos = [info for info in study.study.parameters if info.distribution is not None]
    assert problem["names"] == [info.name for info in infos]
    assert {"triang", "logunif", "unif"} == set(problem["dists"])
    u = np.random.default_rng(0).random((100, len(infos)))
    drawn = scale_samples(u.copy(), dict(problem))
    for k, info in enumerate(infos):
        assert info.distribution is not None
        assert drawn[:, k] == pytest.approx(info.distribution.quantile(u[:, k]), rel=1e-7), info.name


def test_salibs_sobol_analysis_finds_the_shares_of_ours(study: Problem) -> None:
    """From the samples of `tiercap sensitivity`, laid out as SALib wants them, SALib gets the same indices."""
    from SALib.analyze import sobol

    from tiercap.optimizer.analysis.factors import parameter_samples
    from tiercap.optimizer.analysis.sensitivity import of_parameters

    n, over = 256, ["attraction_g", "budget_c", "price_sensitivity"]
    ours = of_parameters(study, named_policy.one("bis-2026", study), ["revenue"], n, over)
    problem, evaluate, _ = bridges.salib_problem(study, outputs=["revenue"])
    a, b = (np.stack([held(t, name) for name in problem["names"]], 1) for t in parameter_samples(
        study.study.parameters, n, study.study.scenarios.seed))  # fmt: skip
    names = [name for name in problem["names"] if name in over]
    mixed = []
    for name in names:
        x, k = a.copy(), problem["names"].index(name)
        x[:, k] = b[:, k]
        mixed.append(x)
    y = np.stack([evaluate(x)[:, 0] for x in (a, *mixed, b)], axis=1).ravel()
    found = sobol.analyze(
        {"num_vars": len(names), "names": names, "bounds": [[0, 1]] * len(names)}, y, calc_second_order=False,
        num_resamples=2, seed=1,
    )  # fmt: skip
    assert [one.name for one in ours.inputs] == names
    assert ours.total is not None
    assert found["ST"] == pytest.approx(ours.total.value[:, 0], rel=0.05, abs=1e-3)
    assert found["S1"] == pytest.approx(ours.first.value[:, 0], rel=0.05, abs=0.02)


def test_a_problem_spec_goes_from_samples_to_indices(study: Problem) -> None:
    from SALib import ProblemSpec

    problem, evaluate, _ = bridges.salib_problem(study, "levers", outputs=["revenue", "compute_lead_p05"])
    spec = ProblemSpec(problem)
    spec.sample_sobol(16, calc_second_order=False, seed=1).evaluate(evaluate)
    assert spec.results.shape == (16 * (9 + 2), 2)
    spec.analyze_sobol(calc_second_order=False, seed=1)
    assert set(spec.analysis) == {"revenue", "compute_lead_p05"}
    assert np.isfinite(spec.analysis["compute_lead_p05"]["ST"]).all()


def test_levers_have_the_studys_bounds_units_and_numbers(study: Problem) -> None:
    problem, evaluate, units = bridges.salib_problem(study, "levers")
    ranges = {lever.name: lever for lever in study.study.levers}
    assert problem["names"] == list(ranges)
    assert problem["bounds"] == [[lever.low, lever.high] for lever in ranges.values()]
    assert units["c_licensed_memory"] == ranges["c_licensed_memory"].unit
    assert units["c_open_memory"] == "of c_licensed_memory"
    assert dict(zip(problem["names"], problem["dists"], strict=True))["c_quota_share"] == "unif"
    X = coordinates(np.random.default_rng(0).random((7, 9)), study.space.levers)
    pairs = [(o.outcome, o.statistic) for o in study.study.objectives]
    assert evaluate(X).tobytes() == study.evaluator.statistics(study.space.resolve(X), pairs).tobytes()


def test_many_samples_are_evaluated_in_blocks(study: Problem, monkeypatch: pytest.MonkeyPatch) -> None:
    from tiercap.optimizer.bridges import salib

    problem, evaluate, _ = bridges.salib_problem(study)
    X = np.stack([held(study.scenarios.table, name) for name in problem["names"]], axis=1)
    whole = evaluate(X)
    monkeypatch.setattr(salib, "BLOCK", 7)
    assert evaluate(X).tobytes() == whole.tobytes()


def test_what_cannot_be_taken_is_said_in_a_sentence(study: Problem) -> None:
    problem, evaluate, _ = bridges.salib_problem(study)
    X = np.stack([held(study.scenarios.table, name)[:2] for name in problem["names"]], axis=1)
    X[1, problem["names"].index("budget_c")] = -1.0
    wrong = {
        "calibrated futures tie": lambda: bridges.salib_problem(small()),
        "nothing varies": lambda: bridges.salib_problem(small("scenarios.kind=central")),
        "unknown outcome": lambda: bridges.salib_problem(study, outputs=["revenu"]),
        "leave `policy` out": lambda: bridges.salib_problem(study, "levers", "ban"),
        "uncertainties or levers": lambda: bridges.salib_problem(study, "futures"),  # type: ignore[arg-type]
        "`budget_c` = -1 lies outside its domain": lambda: evaluate(X),
        "shape": lambda: evaluate(X[:, 1:]),
    }
    for text, call in wrong.items():
        with pytest.raises(InputError, match=text):
            call()


def test_a_missing_library_is_named_with_its_extra(study: Problem, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = {
        "SALib": (lambda: bridges.salib_problem(study), "sensitivity"),
        "ema_workbench": (lambda: bridges.ema_model(study), "bridges"),
        "pymoo": (lambda: bridges.pymoo_problem(study), "bridges"),
    }
    for library, (call, extra) in calls.items():
        monkeypatch.setitem(sys.modules, library, None)
        with pytest.raises(InputError, match=rf"needs {library}: install tiercap with the extra \[{extra}\]"):
            call()


def test_bandwidths_are_in_the_unit_that_people_read(study: Problem) -> None:
    """A parameter that the kernels hold in another unit has the study's own bounds, and a sample the same numbers."""
    own = small(*PRIOR, "uncertainties.stack_m.distribution=uniform", "uncertainties.stack_m.low=300 GB/s",
                "uncertainties.stack_m.high=0.5 TB/s")  # fmt: skip
    problem, evaluate, units = bridges.salib_problem(own, outputs=["revenue"])
    place = problem["names"].index("stack_m")
    assert (problem["bounds"][place], units["stack_m"]) == ([300.0, 500.0], "GB/s")
    X = np.stack([held(own.scenarios.table, name) for name in problem["names"]], axis=1)
    rule = own.evaluator.outcomes(own.baseline.reshape(1, 1))[0]
    assert evaluate(X).tobytes() == rule[OUTCOMES.index("revenue")].tobytes()
    assert ((X[:, place] >= 300.0) & (X[:, place] <= 500.0)).all()
