"""The bridge to EMA Workbench, against the workbench: what it draws, what it stores, what it searches."""

from __future__ import annotations

import random
import warnings
from typing import Any

import numpy as np
import pytest
from support.small import problem as small

from tiercap.kernels.params import OUTCOMES
from tiercap.optimizer import bridges
from tiercap.optimizer.errors import InputError
from tiercap.optimizer.model.parameters import held
from tiercap.optimizer.rules.space import coordinates
from tiercap.optimizer.study.problem import Problem

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import ema_workbench as ema

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
PRIOR = ("scenarios.kind=sobol", "scenarios.count=16")
THREE = ("objectives.revenue=maximise", "objectives.compute_lead=maximise", "objectives.substitution=minimise")


@pytest.fixture(scope="module", params=["prior", "calibrated"])
def study(request: pytest.FixtureRequest) -> Problem:
    return small(*(PRIOR if request.param == "prior" else ("scenarios.count=16",)))


def policies(study: Problem, n: int) -> tuple[list[Any], np.ndarray]:
    X = coordinates(np.random.default_rng(0).random((n, 9)), study.space.levers)
    return [ema.Policy(f"p{k}", **dict(zip(study.space.names, row, strict=True))) for k, row in enumerate(X)], X


def test_the_studys_own_futures_give_the_evaluators_numbers(study: Problem) -> None:
    model = bridges.ema_model(study, ["compute_lead", "world_share_c", "revenue"])
    asked, X = policies(study, 3)
    experiments, found = ema.perform_experiments(
        model, bridges.ema_scenarios(study), asked, evaluator=bridges.ema_evaluator(model)
    )
    direct = study.evaluator.outcomes(study.space.resolve(X))
    for name, values in found.items():
        assert values.reshape(3, -1).tobytes() == np.ascontiguousarray(direct[:, OUTCOMES.index(name)]).tobytes()
    assert experiments["scenario"].astype(int).tolist() == list(range(16)) * 3
    assert (experiments["budget_c"].to_numpy()[:16] == held(study.scenarios.table, "budget_c")).all()


def test_one_at_a_time_gives_the_bits_of_all_at_once(study: Problem) -> None:
    model = bridges.ema_model(study)
    asked, _ = policies(study, 2)
    futures = bridges.ema_scenarios(study)[:3]
    for combine in ("factorial", "sample"):
        one = ema.perform_experiments(model, futures, asked, combine=combine)
        block = ema.perform_experiments(model, futures, asked, combine=combine, evaluator=bridges.ema_evaluator(model))
        assert one[0].equals(block[0])
        assert list(one[1]) == list(block[1]) == ["revenue", "compute_lead"]
        for name in one[1]:
            assert one[1][name].tobytes() == block[1][name].tobytes()


def test_the_workbench_draws_from_the_studys_laws() -> None:
    study = small(*PRIOR)
    model = bridges.ema_model(study)
    infos = {info.name: info for info in study.study.parameters if info.distribution is not None}
    u = np.linspace(0.001, 0.999, 99)
    assert [one.name for one in model.uncertainties] == list(infos)
    for one in model.uncertainties:
        law = infos[one.name].distribution
        assert law is not None
        assert one.dist.ppf(u) == pytest.approx(law.quantile(u), rel=1e-7), one.name
        assert (one.lower_bound, one.upper_bound) == pytest.approx((law.low, law.high))
    for place, one in enumerate(model.levers):
        points = coordinates(np.repeat(u[:, None], 9, axis=1), study.space.levers)
        assert one.dist.ppf(u) == pytest.approx(points[:, place], rel=1e-7, abs=1e-12), one.name


def test_samples_of_the_workbench_stay_in_the_studys_bounds(study: Problem) -> None:
    model = bridges.ema_model(study)
    experiments, found = ema.perform_experiments(model, 20, 5, evaluator=bridges.ema_evaluator(model))
    assert len(experiments) == 100
    for lever in study.study.levers:
        assert experiments[lever.name].between(lever.low, lever.high).all()
    assert experiments["budget_c"].nunique() == 20
    if study.study.scenarios.kind == "calibrated":
        for name in ("budget_c", "domestic_output"):  # the second has no range of its own: members alone differ in it
            column = held(study.scenarios.table, name)
            assert experiments[name].between(column.min(), column.max()).all()
    else:
        assert "domestic_output" not in experiments
    assert all(np.isfinite(values).all() for values in found.values())


def test_without_levers_the_rule_in_force_is_met_and_without_futures_the_central_one() -> None:
    study = small(*PRIOR)
    model = bridges.ema_model(study)
    _, found = ema.perform_experiments(model, bridges.ema_scenarios(study), 0)
    rule = study.evaluator.outcomes(study.baseline.reshape(1, 1))[0]
    assert found["revenue"].tobytes() == rule[OUTCOMES.index("revenue")].tobytes()
    asked, X = policies(study, 2)
    _, found = ema.perform_experiments(model, 0, asked)
    central = small("scenarios.kind=central").evaluator.outcomes(study.space.resolve(X))
    expected = np.ascontiguousarray(central[:, OUTCOMES.index("compute_lead"), 0])
    assert found["compute_lead"].tobytes() == expected.tobytes()


def test_the_workbench_searches_levers_in_the_directions_of_the_study() -> None:
    study = small(*PRIOR, *THREE, "constraints.world_share_c.max=0.5")
    model = bridges.ema_model(study)
    kinds = {outcome.name: outcome.kind for outcome in model.outcomes}
    Outcome = ema.ScalarOutcome
    assert kinds == {
        "revenue": Outcome.MAXIMIZE, "compute_lead": Outcome.MAXIMIZE, "substitution": Outcome.MINIMIZE,
        "world_share_c": Outcome.INFO,
    }  # fmt: skip
    random.seed(1)
    with bridges.ema_evaluator(model) as evaluator:
        found = evaluator.optimize(nfe=60, searchover="levers", epsilons=[1.0] * 3, population_size=20)
    assert len(found) > 0
    X = found[list(study.space.names)].to_numpy()
    central = small("scenarios.kind=central").evaluator.outcomes(study.space.resolve(X))
    for name in ("revenue", "compute_lead", "substitution"):
        assert found[name].to_numpy() == pytest.approx(central[:, OUTCOMES.index(name), 0], rel=1e-12)


def test_what_cannot_be_taken_is_said_in_a_sentence() -> None:
    study = small(*PRIOR)
    model = bridges.ema_model(study)
    futures = bridges.ema_scenarios(study)[:1]
    lognormal = small(*PRIOR, "uncertainties.budget_c.distribution=lognormal", "uncertainties.budget_c.median=60",
                      "uncertainties.budget_c.sigma=0.1")  # fmt: skip
    wrong = {
        "unknown outcome": lambda: bridges.ema_model(study, ["revenu"]),
        "every lever": lambda: model.evaluated([{"c_licensed_tpp": 4800.0}], futures),
        "differ in": lambda: model.evaluated([{}], [{"nothing": 1.0}]),
        "outside its domain": lambda: model.evaluated([{}], [{"budget_c": -1.0}]),
        "`ema_model` made": lambda: bridges.ema_evaluator(ema.Model("other", function=lambda: {})),  # type: ignore
        "lognormal that is cut": lambda: bridges.ema_model(lognormal),
    }
    for text, call in wrong.items():
        with pytest.raises(InputError, match=text):
            call()
