"""The verbs of `payoffs`, `searches`, `choices`, `explanations`, `grids`: the command line's numbers, with units."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import small
from support.command import told

from tiercap.kernels.params import OUTCOMES, TRAJECTORY
from tiercap.optimizer import api
from tiercap.optimizer.api import arguments
from tiercap.optimizer.errors import InfeasibleError, InputError
from tiercap.optimizer.io import frames
from tiercap.optimizer.study.problem import Problem

MINE = "c_open_tpp=4800 TPP,c_licensed_tpp=30000 TPP,c_quota_share=20 %"


@pytest.fixture(scope="module")
def futures() -> Problem:
    return api.study(count=32, seed=1, threads=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    place = tmp_path_factory.mktemp("api") / "run"
    api.optimize(small.problem(), place)
    return str(place)


def test_a_study_takes_settings_as_the_command_line_does(tmp_path: Path) -> None:
    settings = {"budget_c": "60 GUSD/year", "search.trials": 64, "horizon.steps_per_year": 2}
    made = api.study("three-tier", settings, scenarios="prior", count=16, seed=5).study
    assert made.name == "three-tier"
    assert next(p.value for p in made.parameters if p.name == "budget_c") == 60.0
    assert (made.search.trials, made.horizon.steps_per_year) == (64, 2)
    assert (made.scenarios.kind, made.scenarios.count, made.scenarios.seed, made.search.seed) == ("sobol", 16, 5, 5)
    assert api.study(structure="rule").study.scenarios.structure == "rule"


def test_outcomes_are_those_of_the_evaluator_with_units(futures: Problem) -> None:
    found = api.evaluate(["bis-2026", MINE], futures)
    assert found.sizes == {"policy": 2, "scenario": 32}
    assert tuple(found.data_vars) == OUTCOMES
    assert found.policy.values.tolist() == ["bis-2026", MINE]
    assert found.revenue.attrs["units"] == "GUSD"
    assert "net revenue" in found.revenue.attrs["long_name"]
    assert found.weight.attrs["units"] == "1"
    direct = futures.evaluator.outcomes(futures.baseline.reshape(1, 1))[0]
    assert all(np.array_equal(found[name].values[0], direct[k]) for k, name in enumerate(OUTCOMES))
    means = found.weighted(found.weight).mean("scenario").revenue.values
    assert means == pytest.approx(api.statistics(["bis-2026", MINE], futures, ["revenue"]).revenue.values, rel=1e-12)
    assert api.evaluate("ban", futures, "revenue").revenue.values.tolist() == [[0.0] * 32]


def test_a_dataset_goes_through_netcdf(futures: Problem, tmp_path: Path) -> None:
    import xarray as xr

    found = api.evaluate({"mine": MINE}, futures, ["revenue", "compute_lead"])
    found.to_netcdf(tmp_path / "found.nc", engine="h5netcdf")
    with xr.open_dataset(tmp_path / "found.nc", engine="h5netcdf") as again:
        assert again.load().equals(found)
        assert again.compute_lead.attrs["units"] == "1"
        assert again.attrs["study"] == "thresholds-2026"


def test_policies_may_have_labels_levers_and_schedules(futures: Problem) -> None:
    levers = {"c_open_tpp": 4800, "c_licensed_tpp": "30000 TPP", "c_quota_share": 0.2}
    given = {"text": MINE, "levers": levers, "then": "oct-2023,2028:unrestricted", "now": "oct-2023"}
    found = api.evaluate(given, futures, ["revenue"]).revenue
    assert found.policy.values.tolist() == list(given)
    assert np.array_equal(found.sel(policy="text"), found.sel(policy="levers"))
    assert (found.sel(policy="then") > found.sel(policy="now")).any()
    lifted = api.evaluate(
        {"none": {"c_licensed_tpp": None}, "inf": {"c_licensed_tpp": np.inf}}, futures, ["compute_lead"]
    )
    lifted = lifted.compute_lead
    assert np.array_equal(lifted[0], lifted[1])


def test_statistics_are_those_of_the_command(futures: Problem, capsys: pytest.CaptureFixture[str]) -> None:
    found = api.statistics(["bis-2026", "ban"], futures, ["revenue_p05", "compute_lead", "compute_lead_satisfice13"])
    assert found.sizes == {"policy": 2}
    assert {name: found[name].attrs["units"] for name in found} == {
        "revenue_p05": "GUSD", "compute_lead": "1", "compute_lead_satisfice13": "1"
    }  # fmt: skip
    command = told(
        capsys, "evaluate", "--policy", "bis-2026", "--policy", "ban", "--seed", "1", "--set", "scenarios.count=32"
    )
    for k, policy in enumerate(command["policies"]):
        assert found.revenue_p05.values[k] == policy["outcomes"]["revenue"]["p05"]
        assert found.compute_lead.values[k] == policy["outcomes"]["compute_lead"]["mean"]
    assert {"revenue", "compute_lead_p95", "revenue_p50"} <= set(api.statistics("ban", futures))


def test_trajectories_have_years(futures: Problem) -> None:
    given = {"rule": "bis-2026", "then": "bis-2026,2028:ban"}
    found = api.trajectories(given, futures, ["gross_revenue_c", "research"])
    assert found.gross_revenue_c.dims == ("policy", "year", "scenario")
    assert found.year.values.tolist() == list(range(2026, 2034))
    assert found.research.attrs["units"] == "GUSD/year"
    direct = futures.evaluator.trajectories(futures.baseline.reshape(1, 1))[0]
    assert np.array_equal(found.research.values[0], direct[:, TRAJECTORY.index("research")])
    after = found.gross_revenue_c.sel(policy="then", year=slice(2028, None))
    assert not after.any()
    assert found.gross_revenue_c.sel(policy="rule", year=slice(2028, None)).any()


def test_a_sweep_is_the_file_of_the_command(futures: Problem, tmp_path: Path) -> None:
    axes = ["c_licensed_tpp=2400 TPP:30000 TPP:3:log", "budget_c=40,60"]
    seen: list[int] = []
    found = api.sweep(axes, futures, tmp_path / "swept", policies=["bis-2026", "ban"], outcomes=["revenue"],
                      progress=lambda run: seen.append)  # fmt: skip
    assert found.attrs["folder"] == str(tmp_path / "swept")
    assert seen
    mean = {"statistic": "mean", "outcome": "revenue"}
    with found:
        assert set(found.outcomes.dims) == {"c_licensed_tpp", "budget_c", "policy", "statistic", "outcome"}
        assert found.budget_c.values.tolist() == [40.0, 60.0]
        assert found.budget_c.attrs["units"] == "GUSD/year"
        assert found.policy.values.tolist() == ["bis-2026", "ban"]
        assert (found.outcomes.sel(policy="ban", **mean).diff("c_licensed_tpp") > 0.0).all()  # a ban that lets chips by
    richer = api.study(None, {"budget_c": "60 GUSD/year"}, count=32, seed=1, threads=1)
    with api.sweep("budget_c=60", futures, tmp_path / "one", outcomes=["revenue"]) as again:
        alone = api.statistics("bis-2026", richer, ["revenue"]).revenue.item()
        assert again.outcomes.sel(policy="bis-2026", **mean).item() == alone
    with pytest.raises(InputError, match="no_such"):
        api.sweep("no_such=1,2", futures)


def test_the_front_is_a_frame_with_units_and_hypervolume(folder: str) -> None:
    found = api.front(folder)
    manifest = json.loads((Path(folder) / "manifest.json").read_text(encoding="utf-8"))
    assert found.index.name == "policy"
    assert found.index.tolist() == list(range(len(found)))
    assert found.attrs["run"] == str(Path(folder).resolve())
    assert found.attrs["hypervolume"] == manifest["hypervolume"]["value"]
    assert found.attrs["hypervolume_low"] <= found.attrs["hypervolume_high"]
    assert found.attrs["objectives"] == {"revenue": "maximise", "compute_lead": "maximise"}
    assert found.attrs["units"]["revenue"] == "GUSD"
    assert found.attrs["units"]["c_open_tpp"] == "TPP"
    assert set(found.attrs["units"]) == {"policy", *found.columns}
    again = api.statistics(f"{folder}:3", small.problem(), ["revenue", "compute_lead"])
    assert again.revenue.item() == found.revenue[3]
    assert again.compute_lead.item() == found.compute_lead[3]


def test_optimize_returns_the_front_and_goes_on_where_it_was(folder: str) -> None:
    seen = []
    found = api.optimize(small.problem(), folder, lambda search: lambda done, volume: seen.append(done))
    assert found.equals(api.front(folder))
    assert seen


def test_a_policy_is_picked_as_the_command_does(folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = api.pick(folder, "regret", bounds=["compute_lead>=12"], grid={"c_open_tpp": "100 TPP"})
    command = told(
        capsys, "pick", folder, "--by", "regret", "--bound", "compute_lead>=12", "--grid", "c_open_tpp=100 TPP"
    )
    assert set(found) == {"levers", "objectives", "prices", "rebinning", "near_caps"}
    assert found["levers"].attrs["policy"] == command["policy"]
    assert found["levers"].attrs["reasons"] == command["reasons"]
    rounded = found["levers"].set_index("lever").rounded
    assert rounded["c_open_tpp"] % 100 == 0
    objectives = found["objectives"].set_index("objective")
    for name, change in command["rounded"]["change"].items():
        row = objectives.loc[name]
        assert (row.loss, row.loss_low, row.loss_high) == (change["mean"], change["low"], change["high"])
        assert row.unit == change["unit"]
    prices, said = found["prices"], command["marginal_prices"]
    assert len(prices) == 2 * len(said)
    first = prices[(prices.lever == said[0]["lever"]) & (prices.direction == said[0]["direction"])]
    each = [None if np.isnan(x) else x for x in first.change]
    change = said[0]["change_per_percent"]
    assert each == ([None] * 2 if change is None else [one["mean"] for one in change.values()])
    near = [(c["name"], c["room_percent"]) for line in command["loophole"]["chips_near_caps"] for c in line["chips"]]
    assert list(zip(found["near_caps"].chip, found["near_caps"].room_percent, strict=True)) == near
    rebinned = [one["mean"] for one in command["loophole"]["gain_from_rebinning"].values()]
    assert found["rebinning"].change.tolist() == rebinned
    assert found["objectives"].attrs["units"]["loss_low"] == "see unit"
    by_weight = api.pick(folder, weights={"compute_lead": 2})
    assert by_weight["levers"].attrs["by"] == "weights"


def test_contenders_are_compared_as_the_command_does(folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    found, command = api.compare([folder, "ban"]), told(capsys, "compare", folder, "ban")
    who = found["contenders"].set_index("contender")
    each = found["objectives"].set_index(["contender", "objective"])
    duels = found["duels"].set_index(["contender", "against"])
    for said in command["contenders"]:
        row = who.loc[said["name"]]
        assert (row.policies, row.policy) == (said["policies"], said["policy_shown"])
        assert (row.regret, row.largest_regret) == (said["regret"]["mean"], said["regret"]["largest"])
        assert (row.hypervolume, row.hypervolume_low) == (said["hypervolume"]["mean"], said["hypervolume"]["low"])
        for name, outcome in said["outcomes"].items():
            assert each.loc[(said["name"], name), "mean"] == outcome["mean"]
            assert each.loc[(said["name"], name), "change"] == said["change_from_rule"][name]["mean"]
            assert each.loc[(said["name"], name), "shortfall"] == said["regret"]["by_objective"][name]["mean"]
        for other, duel in said["beats"].items():
            assert duels.loc[(said["name"], other), "beaten"] == duel["policies"]
            assert duels.loc[(said["name"], other), "against_policy"] == duel["clearest"]["against"]
    assert found["duels"].attrs["rule_in_force"] == command["rule_in_force"] == "bis-2026"
    assert found["objectives"].attrs["units"]["shortfall"] == "see unit"


def test_what_moves_an_outcome_is_told_in_tables() -> None:
    prior = api.study(scenarios="prior", threads=1)
    found = api.sensitivity("bis-2026", prior, ["revenue"], points=64, over=["budget_c", "grey_supply"])
    assert set(found) == {"sobol", "density", "regional", "tornado"}
    assert found["sobol"].parameter[0] == "budget_c"
    assert found["tornado"].attrs["units"]["swing"] == "see outcome_unit"
    assert found["sobol"].attrs["policy"] == "bis-2026"
    by_lever = api.lever_sensitivity(
        api.study("china-2026", count=16, threads=1), ["revenue_p05"], points=64, over=["c_open_tpp", "c_quota_share"]
    )
    assert set(by_lever["sobol"].parameter) == {"c_open_tpp", "c_quota_share"}
    assert by_lever["sobol"].outcome.unique().tolist() == ["revenue_p05"]


def test_where_a_policy_fails_is_told_in_tables() -> None:
    prior = api.study(scenarios="prior", count=1024, threads=1)
    found = api.discover("bis-2026", prior, "revenue worst 20 %", method="prim", most=2)
    assert set(found) == {"boxes", "futures", "trajectory"}
    assert found["futures"].fails.mean() == pytest.approx(0.2, abs=0.01) == found["boxes"].attrs["failing"]
    assert found["futures"].attrs["units"]["revenue"] == "GUSD"
    assert 1 <= len(found["boxes"]) <= 4


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda f: api.evaluate([], f), "there is no policy to evaluate"),
        (lambda f: api.evaluate(["ban", "ban"], f), "`ban` is given twice"),
        (lambda f: api.evaluate("bis-2062", f), "did you mean `bis-2026`?"),
        (lambda f: api.evaluate({"c_open_tpp": 4800}, f), "must be a text or a mapping of levers to values, not 4800"),
        (lambda f: api.evaluate({"a": {"c_open_tp": 1}}, f), "did you mean `c_open_tpp`?"),
        (lambda f: api.evaluate({"a": {"c_open_tpp": "many"}}, f), "c_open_tpp"),
        (lambda f: api.evaluate({"a": {"c_open_tpp": float("nan")}}, f), "c_open_tpp"),
        (lambda f: api.evaluate("ban", f, ["revenu"]), "did you mean `revenue`?"),
        (lambda f: api.trajectories("ban", f, ["reserch"]), "did you mean `research`?"),
        (lambda f: api.statistics("ban", f, ["revenue_p5"]), "unknown statistic"),
        (lambda f: api.front("no/such/run"), "does not exist"),
        (lambda f: api.front(" "), "not an empty text"),
        (lambda f: api.evaluate(5, f), "must be a text, several, or a mapping, not 5"),  # type: ignore[arg-type]
        (lambda f: api.discover({"a": {}}, f, "revenue < 5 GUSD"), "is named by a text here"),  # type: ignore[arg-type]
        (lambda f: api.compare([{"a": {}}], f), "is named by a text here"),  # type: ignore[list-item]
        (lambda f: api.compare(5, f), "is named by a text here"),  # type: ignore[arg-type]
        (lambda f: api.compare([]), "there is nothing to compare"),
        (lambda f: api.discover("ban", f, ["compute_lead worst 10 %"], method="plim"), "did you mean `prim`?"),  # type: ignore[arg-type]
        (lambda f: api.study(settings={"budget_d": 1}), "unknown parameter `budget_d`"),
        (lambda f: api.study(count=0), "count"),
    ],
)
def test_what_cannot_be_taken_is_said_in_a_sentence(call: Any, says: str, futures: Problem) -> None:
    with pytest.raises(InputError) as refusal:
        call(futures)
    assert says in str(refusal.value)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"by": "comprmise"}, "did you mean `compromise`?"),
        ({"by": "weights"}, "needs a weight"),
        ({"by": "regret", "weights": {"compute_lead": 1}}, "takes no weights"),
        ({"digits": 0}, "1 to 15 significant digits"),
        ({"grid": {"c_open_tpp": 0}}, "c_open_tpp"),
    ],
)
def test_what_cannot_be_picked_is_said_in_a_sentence(more: dict[str, Any], says: str, folder: str) -> None:
    with pytest.raises(InputError) as refusal:
        api.pick(folder, **more)
    assert says in str(refusal.value)


def test_a_bound_that_nothing_keeps_is_infeasible(folder: str) -> None:
    with pytest.raises(InfeasibleError, match="nearest misses"):
        api.pick(folder, bounds=["compute_lead>=999"])


def test_an_answer_too_large_is_refused_before_anything_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arguments, "MAX_HELD", 2**10)
    fresh = api.study(count=64, threads=1)
    for call in (api.evaluate, api.trajectories):
        with pytest.raises(InputError, match="or for statistics"):
            call("ban", fresh)
    assert "evaluator" not in fresh.__dict__ or "_tables" not in fresh.evaluator.__dict__


def test_without_pandas_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, futures: Problem) -> None:
    monkeypatch.setitem(sys.modules, "xarray", None)
    for call in (
        lambda: api.evaluate("ban", futures), lambda: api.statistics("ban", futures),
        lambda: api.trajectories("ban", futures), lambda: api.optimize(futures), lambda: api.front("x"),
        lambda: api.pick("x"), lambda: api.compare(["ban"]), lambda: api.sensitivity("ban", futures),
        lambda: api.lever_sensitivity(futures), lambda: api.discover("ban", futures, ["compute_lead worst 10 %"]),
        frames.check_installed,
    ):  # fmt: skip
        with pytest.raises(InputError, match=r"install tiercap with the extra \[netcdf\]"):
            call()


def test_importing_it_loads_neither_pandas_nor_xarray() -> None:
    code = "import sys, tiercap.optimizer.api; print(sorted({'pandas', 'xarray', 'matplotlib'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.strip() == "[]"
