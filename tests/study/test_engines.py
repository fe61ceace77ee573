"""Engines: every one searches, comes again to the bit, goes on from any block, and says what it cannot do."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path

import numpy as np
import pytest
from support.engine_case import INSTALLED, SMALL, same, searched, small
from support.small import problem

from tiercap.optimizer.errors import InputError
from tiercap.optimizer.search.loop import Search
from tiercap.optimizer.study import load, stored
from tiercap.optimizer.study.problem import Problem


class Stop(Exception):
    """The interruption of a test."""


@pytest.mark.parametrize("engine", INSTALLED)
def test_every_engine_searches_and_goes_on_to_the_bit(engine: str, tmp_path: Path) -> None:
    settings = ("search.options.points=4",) if engine == "grid" else ()
    whole = searched(small(engine, *settings, tmp_path=tmp_path), tmp_path / "whole")
    study = small(engine, *settings, tmp_path=tmp_path)
    assert whole.evaluations == Search(study, None).planned()  # type: ignore[arg-type]
    assert len(whole.archive.coords) == 32 + (64 if engine == "grid" else 48)
    assert np.isfinite(whole.archive.values[whole.front]).all()

    def stop(done: int, _volume: float | None) -> None:
        if done > whole.evaluations - 300:
            raise Stop

    with pytest.raises(Stop):
        searched(study, tmp_path / "cut", progress=stop)
    again = searched(study, tmp_path / "cut")
    assert same(again, whole)
    assert again.evaluations_reused >= whole.evaluations - 1400


@pytest.mark.parametrize("engine", [name for name in INSTALLED if name != "grid"])
def test_every_engine_extends_a_finished_run_to_the_bit(engine: str, tmp_path: Path) -> None:
    searched(small(engine, tmp_path=tmp_path), tmp_path / "a")
    longer = small(engine, "search.trials=80", tmp_path=tmp_path)
    assert same(searched(longer, tmp_path / "a"), searched(longer, tmp_path / "b"))


def test_a_grid_visits_every_point_once(tmp_path: Path) -> None:
    study = small("grid", "search.options.points=3", tmp_path=tmp_path)
    found = searched(study, tmp_path / "run")
    tried = found.archive.coords[found.archive.stage > 0]
    assert len(tried) == len(np.unique(tried, axis=0)) == 27
    for k, lever in enumerate(study.space.levers):
        middle = 0.5 * (lever.low + lever.high)
        if lever.log:  # even in x, or from 0 in 1 + 100 x / high
            middle = math.sqrt(lever.low * lever.high) or lever.high / 100.0 * (math.sqrt(101.0) - 1.0)
        assert np.unique(tried[:, k]) == pytest.approx([lever.low, middle, lever.high])


def test_options_reach_the_engine(tmp_path: Path) -> None:
    plain = searched(small("nsga2", tmp_path=tmp_path), tmp_path / "a")
    other = searched(small("nsga2", "search.options.mutations=2", tmp_path=tmp_path), tmp_path / "b")
    assert not np.array_equal(plain.archive.coords, other.archive.coords)


def test_options_are_recorded_whole_and_only_changes_are_kept(tmp_path: Path) -> None:
    study = small("tpe", "search.options.candidates=12", "search.options.multivariate=true", tmp_path=tmp_path).study
    assert study.search.options == {"candidates": 12}
    recorded = stored.resolved(study)["search"]["options"]
    assert recorded == {"startup_trials": 64, "candidates": 12, "multivariate": True}


MISTAKES = {
    "search.engine=nsga9": "unknown engine `nsga9`: did you mean",
    "search.pruner=median": "unknown pruner `median`",
    "search.options.spead=1": "engine `multi-fidelity` has no option `spead`: did you mean `spread`?",
    "search.options.children=2.5": "`children` must be a whole number from 1 to 256",
    "search.options.sbx=1.5": "`sbx` must be a number from 0 to 1",
    "search.options.spread=wide": "options.spread",
}


@pytest.mark.parametrize("setting", MISTAKES)
def test_a_wrong_engine_or_option_is_one_sentence(setting: str) -> None:
    with pytest.raises(InputError) as caught:
        load.load(None, [setting], {}, {})
    assert MISTAKES[setting] in str(caught.value)


def test_an_engine_says_what_it_cannot_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="`cmaes` knows one objective, and the study has 2"):
        searched(problem("search.engine=cmaes"), tmp_path / "a")
    with pytest.raises(InputError, match="`cmaes` heeds no constraints"):
        searched(small("cmaes", "constraints.compute_lead.min=1", tmp_path=tmp_path), tmp_path / "b")
    with pytest.raises(InputError, match="pruner `wilcoxon` compares policies by one objective"):
        searched(problem("search.pruner=wilcoxon"), tmp_path / "c")
    with pytest.raises(InputError, match="nothing to search"):
        searched(problem("search.screen=0", "search.trials=0"), tmp_path / "d")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"needs the package torch.*pip install \"tiercap\[gp\]\""):
        searched(small("gp", tmp_path=tmp_path), tmp_path / "e")


def test_the_pruner_spares_evaluations_and_loses_no_best(tmp_path: Path) -> None:
    settings = ("search.screen_scenarios=16", "scenarios.count=64", "search.trials=96")
    full = small("random", "search.pruner=wilcoxon", *settings, tmp_path=tmp_path, single=True)
    found = searched(full, tmp_path / "run")
    tried = int((found.archive.stage > 0).sum())
    assert 0 < tried < 96
    assert found.evaluations < Search(full, None).planned()  # type: ignore[arg-type]
    assert same(searched(full, tmp_path / "run"), found)
    best = found.archive.values[found.front[0], 0]
    everything = small("random", *settings, tmp_path=tmp_path, single=True)
    assert everything.study.search.pruner == "none"
    assert best == searched(everything, tmp_path / "all").archive.values[:, 0].max()


def test_a_search_that_stands_still_stops_and_has_converged(tmp_path: Path) -> None:
    study = small("random", "search.patience=1", "search.trials=160", tmp_path=tmp_path)
    found = searched(study, tmp_path / "run")
    volumes = [row["hypervolume"] for row in found.convergence]
    assert found.stopped_early
    assert len(volumes) - 1 < 10
    assert volumes[-1] - volumes[-2] < 1e-3 * volumes[-1]
    assert all(b - a >= 1e-3 * b for a, b in zip(volumes[:-2], volumes[1:-1], strict=True))


def test_a_stated_scale_is_what_hypervolume_is_measured_on(tmp_path: Path) -> None:
    study = small("random", tmp_path=tmp_path)
    path = tmp_path / "study.toml"
    path.write_text(path.read_text() + "[search.scale]\nrevenue = [80.0, 5.0]\ncompute_lead = [15.0, 12.0]\n")
    stated = Problem(load.load(path, [*SMALL, "search.engine=random"], {"seed": 3}, {}), 1)
    found = searched(stated, tmp_path / "run")
    assert found.ideal.tolist() == [-80.0, -15.0]
    assert found.nadir.tolist() == [-5.0, -12.0]
    plain = searched(study, tmp_path / "plain")
    assert plain.ideal.tolist() != found.ideal.tolist()
    assert plain.archive.coords.tobytes() == found.archive.coords.tobytes()


@pytest.mark.parametrize("value", ["[1.0]", "[2.0, 2.0]", '"high"', "[1.0, nan]", "3.0"])
def test_a_scale_of_another_form_is_refused(value: str, tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_text(f'[study]\nextends = "builtin:china-2026"\n[search.scale]\nrevenue = {value}\n')
    with pytest.raises(InputError, match="two different numbers, best and worst"):
        load.load(path, (), {}, {})
