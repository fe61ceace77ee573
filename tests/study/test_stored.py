"""A study to a manifest and back: every field of every record comes out as it went in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

import pytest

from tiercap.optimizer.io import json_text
from tiercap.optimizer.model import distributions, parameters
from tiercap.optimizer.model.horizon import Horizon
from tiercap.optimizer.rules.space import Lever
from tiercap.optimizer.study import load, stored
from tiercap.optimizer.study.records import Constraint, Objective, ScenarioPlan, SearchBudget, Study

SETTINGS = (
    "discount=0.9", "scenarios.kind=random", "constraints.compute_lead.max=30", "constraints.revenue.min=-1 GUSD",
    "horizon.years=4", "levers.c_quota_share.high=0.5",
)  # fmt: skip
BASE = load.load("china-2026", (), {}, {})


def other() -> Study:
    """A study that has another value than the built-in one in every field of every record."""
    infos = list(BASE.parameters)
    infos[0] = parameters.with_value(infos[0], infos[0].low + 0.25 * (infos[0].high - infos[0].low))
    drawn = next(k for k, info in enumerate(infos) if info.distribution)
    ends = {"low": infos[drawn].value, "high": 1.5 * infos[drawn].value}
    infos[drawn] = parameters.with_distribution(infos[drawn], distributions.make("uniform", ends))
    return Study(
        name="another", title="Another", baseline="ban", horizon=Horizon(5, 4, 2027, 2),
        policy={"a": "ban", "b": "unrestricted", "c": "ban"},
        levers=(
            Lever("b_licensed_tpp", "TPP", 10.5, 2000.0, True),
            Lever("c_open_memory", "1", 0.25, 0.75, False, "c_licensed_memory"),
        ),
        objectives=(Objective("substitution", "minimise", "cvar_upper10", "substitution_cvar10"),),
        constraints=(Constraint("compute_lead", "p05", -3.5, 99.5, "compute_lead_p05"),),
        scenarios=ScenarioPlan(77, 5, "random", "mine.parquet", "rule/fixed", 9),
        search=SearchBudget(
            screen=7, screen_scenarios=3, screen_generations=5, promoted=11, trials=13, population=6, patience=2,
            workers=3, seed=17, engine="nsga2", pruner="median", options={"crossover_prob": 0.5},
            scale={"substitution": (9.5, 1.25)},
        ),
        parameters=tuple(infos), origins={"scenarios.seed": "elsewhere.toml:3"},
        held={"b_delay": 1.5}, source="elsewhere.toml",
    )  # fmt: skip


def again(study: Study) -> Study:
    return stored.study_of(json_text.loads(json_text.dumps(stored.resolved(study)).encode()))


@pytest.mark.parametrize("study", ["china-2026", "three-tier"])
def test_a_study_survives_the_manifest(study: str) -> None:
    before = load.load(study, SETTINGS if study == "china-2026" else (), {"seed": 7}, {})
    assert before.scenarios.kind == ("random" if study == "china-2026" else "calibrated")
    assert again(before) == before


def test_every_field_survives_the_manifest() -> None:
    assert again(other()) == other()


def pairs(study: Study) -> Iterator[tuple[str, Any, Any]]:
    """Every field of every record of a study, beside what a record of that kind has where nobody says otherwise."""
    usual = replace(BASE, levers=(Lever("", "", 0.0, 0.0),), objectives=(Objective("", "maximise"),),
                    constraints=(Constraint(""),))  # fmt: skip
    for name in ("horizon", "scenarios", "search"):
        yield from of_record(getattr(study, name), getattr(usual, name))
    for name in ("levers", "objectives", "constraints"):
        for field in fields(getattr(usual, name)[0]):
            plain = getattr(getattr(usual, name)[0], field.name)
            values = [getattr(record, field.name) for record in getattr(study, name)]
            yield f"{name}.{field.name}", next((v for v in values if v != plain), plain), plain
    yield from of_record(study, BASE)


def of_record(record: Any, plain: Any) -> Iterator[tuple[str, Any, Any]]:
    for field in fields(record):
        yield f"{type(record).__name__}.{field.name}", getattr(record, field.name), getattr(plain, field.name)


@pytest.mark.parametrize(("name", "value", "plain"), [pytest.param(*pair, id=pair[0]) for pair in pairs(other())])
def test_the_study_that_survives_leaves_no_field_as_it_is_anyway(name: str, value: object, plain: object) -> None:
    """So that a field added to a record, and forgotten on the way, does not come through by its default."""
    assert value != plain, name
