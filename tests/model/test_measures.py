"""Statistics by name, and each against an independent twin in plain Python."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import small

from tiercap.kernels.params import OUTCOMES, WORKLOADS
from tiercap.optimizer.errors import InputError
from tiercap.optimizer.io import json_text
from tiercap.optimizer.model import bootstrap, measures, statistics
from tiercap.optimizer.model.measures import Statistic
from tiercap.optimizer.study import load, stored
from tiercap.optimizer.study.problem import RIVALS, Problem

WHOLE = {
    "mean": Statistic("mean"),
    "p2.5": Statistic("p", 2.5),
    "p97.5": Statistic("p", 97.5),
    "cvar10": Statistic("cvar", 10.0),
    "cvar_upper0.1": Statistic("cvar", 0.1, True),
    "regret": Statistic("regret"),
    "regret_upper90": Statistic("regret", 90.0, True),
    "satisfice-13.5": Statistic("satisfice", -13.5),
    "satisfice_upper1e-05": Statistic("satisfice", 1e-5, True),
    "mean_sd2": Statistic("mean_sd", 2.0),
}


@pytest.mark.parametrize(("name", "parts"), WHOLE.items())
def test_a_whole_name_says_everything(name: str, parts: Statistic) -> None:
    assert measures.parse(name) == parts
    assert measures.resolve(name, "minimise" if parts.upper else "maximise") == name
    outcome = "displaced_revenue"
    assert measures.split(measures.column(outcome, name)) == (outcome, name)
    assert measures.meaning(outcome, name)
    assert measures.unit("revenue", name) == ("1" if parts.kind == "satisfice" else "GUSD")


@pytest.mark.parametrize(
    ("word", "direction", "number", "name"),
    [
        ("cvar10", "maximise", None, "cvar10"),
        ("cvar10", "minimise", None, "cvar_upper10"),
        ("cvar_lower10", "minimise", None, "cvar10"),
        ("cvar_upper10", "maximise", None, "cvar_upper10"),
        ("regret", "minimise", None, "regret_upper"),
        ("satisfice", "maximise", 13.0, "satisfice13"),
        ("satisfice", "minimise", 0.5, "satisfice_upper0.5"),
        ("satisfice13.0", "maximise", None, "satisfice13"),
        ("mean_sd", "minimise", 1.5, "mean_sd_upper1.5"),
        ("p05", None, None, "p05"),
    ],
)
def test_the_direction_settles_the_bad_side(word: str, direction: str, number: float | None, name: str) -> None:
    assert measures.resolve(word, direction, number) == name  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("word", "direction", "number", "says"),
    [
        ("satisfice", "maximise", None, "needs a threshold"),
        ("mean_sd", "maximise", None, "needs a weight"),
        ("mean_sd", "maximise", -1.0, "above 0"),
        ("mean_sd0", "maximise", None, "above 0"),
        ("cvar10", None, None, "cvar_lower10 or cvar_upper10"),
        ("p2.50", None, None, "unknown statistic"),
        ("p02.5", None, None, "unknown statistic"),
        ("p0.0", None, None, "unknown statistic"),
        ("regret100", "maximise", None, "unknown statistic"),
        ("regret-5", "maximise", None, "unknown statistic"),
        ("satisfice1e999", "maximise", None, "too large"),
        ("satisfice13", "maximise", 2.0, "number already"),
        ("p05", "maximise", 2.0, "takes no threshold or weight"),
    ],
)
def test_what_is_no_statistic_is_said(word: str, direction: str | None, number: float | None, says: str) -> None:
    with pytest.raises(InputError, match=says):
        measures.resolve(word, direction, number)  # type: ignore[arg-type]


def test_no_outcome_is_another_with_a_statistic_behind_it() -> None:
    for outcome in OUTCOMES:
        assert measures.split(outcome) == (outcome, "mean")
        for statistic in ("min", "p05", "regret", "mean_sd1"):
            assert measures.split(f"{outcome}_{statistic}") == (outcome, statistic)


def test_the_mean_of_a_factor_is_its_geometric_mean_and_of_nothing_else() -> None:
    assert {name for name in OUTCOMES if measures.applied(name, "mean") == "geomean"} == {
        stem + end for stem in ("compute_lead", "terminal_compute_lead") for end in ("", *(f"_{w}" for w in WORKLOADS))
    }
    assert measures.applied("compute_lead", "p05") == "p05"
    assert measures.applied("revenue", "mean") == "mean"
    assert measures.applied("revenue", "geomean") == "geomean"
    assert "geometric mean" in measures.meaning("compute_lead", "mean")
    assert "geometric" not in measures.meaning("revenue", "mean")


def test_which_way_outcomes_are_better_is_known_of_outcomes_alone() -> None:
    assert set(measures.BETTER) < set(OUTCOMES)
    assert (measures.BETTER["compute_lead"], measures.BETTER["substitution"]) == ("maximise", "minimise")


def test_a_regret_is_to_be_small_and_a_share_satisfied_large() -> None:
    for direction in ("maximise", "minimise"):
        assert measures.goal("regret90", direction) == "minimise"
        assert measures.goal("satisfice13", direction) == "maximise"
        assert measures.goal("cvar10", direction) == direction


def twin(values: list[float], weights: list[float], best: list[float], name: str) -> float:
    """A statistic in plain Python, by definition."""
    total = sum(weights)
    kept = [(v, w / total, b) for v, w, b in zip(values, weights, best, strict=True) if w > 0.0]
    if name.startswith("regret"):
        upper = "_upper" in name
        kept = [(max(v - b, 0.0) if upper else max(b - v, 0.0), w, b) for v, w, b in kept]
        percent = name.removeprefix("regret").removeprefix("_upper")
        return quantile(kept, float(percent) / 100.0) if percent else max(v for v, *_ in kept)
    if name.startswith("satisfice_upper"):
        return sum(w for v, w, _ in kept if v <= float(name.removeprefix("satisfice_upper")))
    if name.startswith("satisfice"):
        return sum(w for v, w, _ in kept if v >= float(name.removeprefix("satisfice")))
    if name.startswith("mean_sd"):
        mean = sum(v * w for v, w, _ in kept)
        sd = math.sqrt(sum(w * (v - mean) ** 2 for v, w, _ in kept))
        upper = name.startswith("mean_sd_upper")
        weight = float(name.removeprefix("mean_sd").removeprefix("_upper"))
        return mean + weight * sd if upper else mean - weight * sd
    if name.startswith("cvar"):
        upper, share = name.startswith("cvar_upper"), float(name.removeprefix("cvar").removeprefix("_upper")) / 100.0
        left, found = share, 0.0
        for v, w, _ in sorted(kept, reverse=upper):
            found, left = found + v * min(w, left), left - min(w, left)
        return found / share
    return quantile(kept, float(name.removeprefix("p")) / 100.0)


def quantile(kept: list[tuple[float, float, float]], share: float) -> float:
    """Linear between the middles of the steps of the distribution."""
    knots, before = [], 0.0
    for v, w, _ in sorted(kept):
        knots.append((before + w / 2.0, v))
        before += w
    if share <= knots[0][0]:
        return knots[0][1]
    for (m0, v0), (m1, v1) in zip(knots, knots[1:], strict=False):
        if share <= m1:
            return v0 + (v1 - v0) * (share - m0) / (m1 - m0)
    return knots[-1][1]


NAMES = (
    "p2.5", "p50", "p99.9", "cvar10", "cvar_upper12.5", "regret", "regret_upper", "regret90", "regret_upper2.5",
    "satisfice1.5", "satisfice_upper-2", "mean_sd1", "mean_sd_upper0.5",
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(-50, 50), st.integers(0, 5), st.integers(-50, 50)), min_size=1, max_size=12))
def test_every_statistic_is_its_twin(rows: list[tuple[int, int, int]]) -> None:
    values, weights, best = (list(map(float, column)) for column in zip(*rows, strict=True))
    if not any(weights):
        return
    for name in NAMES:
        found = statistics.reduce(values, weights, name, np.array(best))
        assert found == pytest.approx(twin(values, weights, best, name), rel=1e-11, abs=1e-11), name


@pytest.mark.parametrize("name", ["mean", "geomean", "std", "min", "max", *NAMES])
def test_a_resampling_is_the_statistic_under_its_weights(name: str) -> None:
    rng = np.random.default_rng(4)
    values, best = rng.normal(0.0, 3.0, (5, 2, 40)), rng.normal(3.0, 1.0, 40)
    draws = bootstrap.resamplings(rng.dirichlet(np.ones(40)), 1)[:20]
    assert (draws == 0.0).any()
    if name == "geomean":
        values = np.exp(values)
        values[0, 0, 0] = 0.0
    seen = statistics.seen(values, measures.parse(name), best)
    found = statistics.resampled(seen, draws, name)
    for drawn, draw in zip(found, draws, strict=True):
        np.testing.assert_allclose(drawn, statistics.reduce(values, draw, name, best), rtol=1e-11, atol=1e-12)


def test_a_regret_without_a_best_is_refused() -> None:
    with pytest.raises(InputError, match="best known"):
        statistics.reduce([1.0], [1.0], "regret")


SETTINGS = (
    "objectives.revenue=maximise", "objectives.revenue_cvar10=maximise", "objectives.revenue_regret90=maximise",
    "objectives.substitution_cvar10=minimise", "objectives.compute_lead_satisfice.direction=maximise",
    "objectives.compute_lead_satisfice.threshold=13", "objectives.compute_lead_mean_sd0.5=maximise",
    "constraints.compute_lead_p2.5.min=1", "constraints.compute_lead.min=2", "constraints.revenue_satisfice0.min=0.5",
    "constraints.displaced_revenue.statistic=cvar10", "constraints.displaced_revenue.max=9",
)  # fmt: skip


@pytest.fixture(scope="module")
def many() -> Problem:
    return small.problem(*SETTINGS)


def test_objectives_and_constraints_are_said_in_the_same_words(many: Problem) -> None:
    assert many.objectives == [
        "revenue", "revenue_cvar10", "revenue_regret90", "substitution_cvar_upper10", "compute_lead_satisfice13",
        "compute_lead_mean_sd0.5",
    ]  # fmt: skip
    assert many.scoring.signs.tolist() == [-1, -1, 1, 1, -1, -1]
    assert many.scoring.bounds() == [
        "p2.5 of compute_lead >= 1", "mean of compute_lead >= 2", "satisfice0 of revenue >= 0.5",
        "cvar_upper10 of displaced_revenue <= 9 GUSD",
    ]  # fmt: skip
    assert len(set(many.scoring.reported)) == len(many.scoring.reported)


def test_a_study_of_many_statistics_survives_the_manifest(many: Problem) -> None:
    written = json_text.loads(json_text.dumps(stored.resolved(many.study)).encode())
    assert stored.study_of(written) == many.study


def test_the_evaluator_gives_what_the_outcomes_give(many: Problem) -> None:
    """Regret from the largest revenue of the rivals in each scenario, or of the policy itself."""
    levers = many.rivals[:7]
    found = many.evaluator.statistics(levers, many.scoring.screened)
    outcomes, rivals = many.evaluator.outcomes(levers), many.evaluator.outcomes(many.rivals)
    assert len(rivals) == RIVALS + 1
    weights = many.scenarios.weights.tolist()
    for k, (outcome, name) in enumerate(many.scoring.screened):
        place = OUTCOMES.index(outcome)
        best = rivals[:, place].max(axis=0).tolist()
        for row in range(len(levers)):
            values = outcomes[row, place].tolist()
            if name == "mean":
                expected = float(np.exp(np.mean(np.log(values))) if "lead" in outcome else np.mean(values))
            else:
                expected = twin(values, weights, best, name)
            assert found[row, k] == pytest.approx(expected, rel=1e-9, abs=1e-9), (outcome, name)
    seen = many.scoring.seen(levers, many.evaluator)
    reduced = many.scoring.reduced(seen, many.scenarios.weights)
    assert reduced.tobytes() == np.ascontiguousarray(many.scoring.losses(found)).tobytes()
    assert many.streaming.statistics(levers, many.scoring.screened).tobytes() == found.tobytes()
    assert (many.scoring.losses_in(seen, many.scenarios.weights)[:, 2] >= 0.0).all()


def test_the_best_known_is_frozen_and_known_by_digest(many: Problem) -> None:
    again = small.problem(*SETTINGS, threads=2)
    assert again.evaluator.best_known() is None
    for problem in (many, again):
        problem.evaluator.statistics(problem.baseline.reshape(1, 1), problem.scoring.screened)
    assert again.evaluator.best_known() == many.evaluator.best_known() is not None


STUDIES = {
    'compute_lead = { direction = "maximise", statistic = "p5" }': "unknown statistic `p5`",
    'compute_lead = { statistic = "p05" }': "has no direction",
    'compute_lead_p05 = { direction = "maximise", statistic = "mean" }': "names its statistic already",
    'compute_lead = { direction = "maximise", threshold = 3 }': "belongs to the statistic satisfice",
    'compute_lead = { direction = "maximise", statistic = "satisfice" }': "needs a threshold",
    'compute_lead = { direction = "maximise", statistic = "satisfice", threshold = "3 GUSD" }': "a pure number",
    'compute_lead = { direction = "maximise", statistic = "mean_sd", weight = 0 }': "above 0",
    'compute_lead = "maximise"\ncompute_lead_p05 = "maximise"\n"compute_lead_p05 " = "maximise"': "unknown statistic",
    'compute_lead_cvar10 = "maximise"\ncompute_lead = { direction = "maximise", statistic = "cvar10" }': "said twice",
    '"compute_lead_\\u001b" = "maximise"': "unknown statistic `?`",
    'compute_lead = "maximise"\n[constraints]\n"\\u001b" = 3': "must be a table",
    'compute_lead = { direction = "maximise", statistik = "p05" }': "did you mean `statistic`?",
    'compute_lead = "maximise"\n[constraints.units_a]\nstatistic = "regret"\nmax = 3': "say direction",
    'compute_lead = "maximise"\n[constraints.compute_lead]\nstatistic = "cvar10"\nmax = 3\nmin = 2': "cvar_lower10 or",
    'compute_lead = "maximise"\n[constraints.compute_lead]\nmin = 2\n[constraints.compute_lead_mean]\nmin = 3': "twice",
}


@pytest.mark.parametrize(("text", "says"), STUDIES.items(), ids=range(len(STUDIES)))
def test_a_mistake_is_said_in_its_place(text: str, says: str, tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "study.toml"
    path.write_text(f'[study]\nextends = "builtin:china-2026"\n[objectives]\n{text}\n', encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load.load(path)
    assert says in str(caught.value)
    assert str(caught.value).replace("\n", "").isprintable()
