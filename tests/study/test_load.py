"""Study files: what is accepted, how layers merge, and how each mistake is reported."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tiercap.kernels.params import GROUPS
from tiercap.optimizer.errors import InputError
from tiercap.optimizer.io import toml_text
from tiercap.optimizer.rules.levers import TERMS
from tiercap.optimizer.study import load as config
from tiercap.optimizer.study import stored
from tiercap.optimizer.study.problem import Problem

BASE = '[study]\nextends = "builtin:china-2026"\n'
THRESHOLDS = BASE.replace("china", "thresholds")


def load(folder: Path, text: str | bytes, **more: object) -> config.Study:
    path = folder / "study.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return config.load(path, environment={}, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", config.BUILTIN)
def test_builtin_studies_are_sound(name: str) -> None:
    study = config.load(name, environment={})
    assert study.name == name
    assert study.baseline == "bis-2026"
    assert set(study.policy) == set(GROUPS)
    assert study.scenarios.count == 256
    assert {"compute_lead"} < {objective.outcome for objective in study.objectives}


def test_china_2026_has_the_nine_levers() -> None:
    levers = {lever.name: lever for lever in config.load("china-2026", environment={}).levers}
    assert len(levers) == 9
    assert levers["c_licensed_memory"].unit == "GB/s"
    assert (levers["c_licensed_memory"].low, levers["c_licensed_memory"].high) == (600.0, 16000.0)
    assert levers["c_open_tpp"].within == "c_licensed_tpp"
    assert levers["c_revenue_share"].high == 0.5


def test_thresholds_2026_searches_six_caps_under_the_terms_of_the_rule_in_force() -> None:
    """Who reads what a threshold costs should not read what a quota costs."""
    study = config.load(environment={})
    assert (study.name, study.baseline) == ("thresholds-2026", "bis-2026")
    assert {lever.name for lever in study.levers} == {
        f"c_{tier}_{figure}" for tier in ("open", "licensed") for figure in ("tpp", "memory", "interconnect")
    }
    base, rule = Problem(study).base["c"], Problem(study).baseline["c"]
    for term in TERMS:
        assert base[term] == rule[term], term
    assert np.isinf(base["sku_before"]).all()  # chips of all dates: caps alone choose


def test_a_lever_with_a_value_is_held_there(tmp_path: Path) -> None:
    study = load(tmp_path, BASE + '[levers]\nc_revenue_share = "15 %"\nc_delay = 2\nc_indexation = false\n')
    assert study.held == {"c_revenue_share": 0.15, "c_delay": 2.0}
    assert {"c_revenue_share", "c_indexation"}.isdisjoint(lever.name for lever in study.levers)
    base = Problem(study).base["c"]
    assert (base["revenue_share"][0], base["delay"][0]) == (0.15, 2.0)
    assert stored.resolved(study)["held"] == study.held
    searched = load(tmp_path, THRESHOLDS + "[levers.c_quota_share]\nlow = 0\nhigh = 1\n")
    assert set(searched.held) == {"c_revenue_share", "c_no_diversion"}
    assert "c_quota_share" in {lever.name for lever in searched.levers}


def test_the_search_of_the_builtin_study_is_large_enough() -> None:
    study = config.load(environment={})
    search = study.search
    assert search.screen * search.screen_scenarios + search.trials * study.scenarios.count >= 1_000_000


def test_three_tier_keeps_c_within_b() -> None:
    levers = {lever.name: lever for lever in config.load("three-tier", environment={}).levers}
    assert levers["c_licensed_tpp"].within == "b_open_tpp"
    assert levers["c_open_tpp"].within == "c_licensed_tpp"


def test_a_file_says_only_what_differs(tmp_path: Path) -> None:
    study = load(tmp_path, BASE + '[levers.c_licensed_tpp]\nhigh = "30000 TPP"\n[horizon]\nyears = 5\n')
    lever = next(lever for lever in study.levers if lever.name == "c_licensed_tpp")
    assert (lever.low, lever.high, lever.log) == (1600.0, 30000.0, True)
    assert study.horizon.years == 5
    assert len(study.levers) == 9


def test_a_lever_can_be_dropped_and_objectives_are_said_anew(tmp_path: Path) -> None:
    study = load(tmp_path, BASE + '[levers]\nc_indexation = false\n[objectives]\ncompute_lead = "maximize"\n')
    assert len(study.levers) == 8
    assert [(o.outcome, o.direction) for o in study.objectives] == [("compute_lead", "maximise")]


def test_constants_uncertainties_and_constraints(tmp_path: Path) -> None:
    text = BASE + (
        '[constants]\nbudget_c = "60 GUSD/year"\n'
        '[uncertainties.nre]\ndistribution = "uniform"\nlow = "100 MUSD/year"\nhigh = 0.2\n'
        '[constraints.terminal_compute_lead]\nmax = "50 %"\nstatistic = "p95"\n'
    )
    study = load(tmp_path, text)
    infos = {info.name: info for info in study.parameters}
    assert (infos["budget_c"].kind, infos["budget_c"].value) == ("constant", 60.0)
    assert (infos["nre"].low, infos["nre"].high) == (0.1, 0.2)
    assert study.constraints[0].high == 0.5
    assert study.constraints[0].statistic == "p95"


def test_the_last_word_and_its_origin(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_text(BASE + "[scenarios]\ncount = 32\nseed = 4\n[horizon]\nyears = 6\n")
    study = config.load(
        path,
        ["horizon.years=7", "budget_c=55"],
        {"seed": 9, "scenarios.count": None},
        {"TIERCAP_SEED": "3", "TIERCAP_SCENARIOS": "16"},
    )
    assert (study.scenarios.count, study.scenarios.seed, study.search.seed) == (16, 9, 9)
    assert study.horizon.years == 7
    assert study.origins["scenarios.count"] == "environment"
    assert study.origins["scenarios.seed"] == "command line"
    assert study.origins["horizon.years"] == "--set"
    assert study.origins["constants.budget_c"] == "--set"
    assert study.origins["study.extends"].endswith("study.toml:2")
    assert study.origins["levers.c_licensed_tpp.low"].startswith("builtin:china-2026:")


def test_resolved_is_json_and_complete() -> None:
    whole = json.loads(json.dumps(stored.resolved(config.load(environment={})), allow_nan=False))
    assert len(whole["parameters"]) > 100
    assert whole["levers"]["c_open_tpp"]["within"] == "c_licensed_tpp"
    assert whole["origins"]["search.screen"].startswith("builtin:thresholds-2026:")


WRONG = {
    "unknown table": ("[horizn]\nyears = 3", "unknown table `horizn`", "did you mean `horizon`?"),
    "unknown key": ("[horizon]\nyeers = 3", "unknown key `yeers`", "did you mean `years`?"),
    "unknown lever": (
        "[levers.c_licensed_memry]\nlow = 1",
        "unknown lever",
        "did you mean `c_licensed_memory`?",
    ),
    "unknown lever key": ("[levers.c_licensed_tpp]\nlo = 1", "unknown key `lo`", "did you mean `low`?"),
    "unknown rule": ('[policy]\nc = "bis-2062"', "unknown rule `bis-2062`", "did you mean `bis-2026`?"),
    "unknown outcome": ('[objectives]\nrevenu = "maximise"', "unknown outcome", "did you mean `revenue`?"),
    "unknown parameter": ("[constants]\nbudget_d = 1", "unknown parameter", "did you mean `budget_"),
    "unknown uncertainty": ("[uncertainties.nrr]\nlow = 1", "unknown parameter", "did you mean `nre`?"),
    "unknown direction": ('[objectives]\ncompute_lead = "up"', "maximise or minimise", ""),
    "unknown statistic": (
        '[constraints.compute_lead]\nmin=1\nstatistic="p9"',
        "unknown statistic",
        "did you mean `p",
    ),
    "unknown scale": ('[levers.c_licensed_tpp]\nscale = "lg"', "unknown scale", "did you mean `log`?"),
    "unknown kind": ('[scenarios]\nkind = "sobl"', "unknown kind", "did you mean `sobol`?"),
    "unknown study": (
        '[study]\nextends = "builtin:chna"',
        "must name a built-in study",
        "builtin:china-2026",
    ),
    "wrong unit": ('[levers.c_licensed_tpp]\nhigh = "5 TB/s"', "expected TPP", ""),
    "unknown unit": ('[levers.c_licensed_memory]\nhigh = "6500 GBs"', "unknown unit `GBs`", ""),
    "bounds the wrong way": ("[levers.c_quota_share]\nlow = 1.0\nhigh = 0.5", "is not below", "swap them?"),
    "outside the domain": ("[levers.c_revenue_share]\nhigh = 1.5", "leaves its domain", ""),
    "log of less than zero": ('[levers.c_indexation]\nscale = "log"', "log scale needs low >= 0", ""),
    "fraction above one": ("[levers.c_open_tpp]\nhigh = 1.5", "leaves its domain 0 to 1", ""),
    "within another figure": ('[levers.c_open_tpp]\nwithin = "c_licensed_memory"', "another figure", ""),
    "within itself": ('[levers.c_open_tpp]\nwithin = "c_open_tpp"', "would loosen", "open lies within"),
    "tier that loosens": (
        '[levers.c_licensed_tpp]\nwithin = "c_open_tpp"\nlow = 0.1\nhigh = 1',
        "would loosen a tier",
        "open lies within licensed",
    ),
    "within what is not searched": ("[levers]\nc_licensed_tpp = false", "is not searched", "[levers]"),
    "nan": ("[constants]\nbudget_c = nan", "finite", ""),
    "infinity": ("[levers.c_quota_share]\nhigh = inf", "finite", ""),
    "overflow": ("[constants]\nbudget_c = 1e400", "finite", ""),
    "constant outside its domain": ("[constants]\nleak_a = 3", "outside its domain 0 to 1", ""),
    "growth as a percentage": ('[constants]\nrun_growth = "45 %"', "plain number", ""),
    "range outside the domain": (
        '[uncertainties.leak_a]\ndistribution = "uniform"\nlow = 0.1\nhigh = 2',
        "outside its domain",
        "",
    ),
    "range the wrong way": (
        '[uncertainties.nre]\ndistribution = "uniform"\nlow = 0.2\nhigh = 0.1',
        "low must lie below high",
        "",
    ),
    "no distribution": ("[uncertainties.nre]\nlow = 0.1\nhigh = 0.2", "unknown distribution", ""),
    "half a constraint": ('[constraints.compute_lead]\nstatistic = "p05"', "neither min nor max", ""),
    "constraint the wrong way": ("[constraints.compute_lead]\nmin = 3\nmax = 2", "lies above", ""),
    "too many policies": ("[search]\nscreen = 1000000000", "between 0 and 200,000,000", ""),
    "too many scenarios": ("[scenarios]\ncount = 1000000000000000000", "between 1 and 1,000,000", ""),
    "too many years": ("[horizon]\nyears = 65", "between 1 and 64", ""),
    "no years": ("[horizon]\nyears = 0", "between 1 and 64", ""),
    "three steps a year": ("[horizon]\nsteps_per_year = 3", "one of 1, 2, 4", ""),
    "odd exponent": ("[horizon]\nroofline_exponent = 3", "one of 2, 4, 8", ""),
    "years as text": ('[horizon]\nyears = "8"', "whole number", ""),
    "years as truth": ("[horizon]\nyears = true", "whole number", ""),
    "years as fraction": ("[horizon]\nyears = 8.0", "whole number", ""),
    "table as number": ("horizon = 8\n", "must be a table", ""),
    "lever held around another": ("[levers]\nc_licensed_tpp = 8", "which is not searched", "add it to [levers]"),
    "lever held outside its domain": ("[levers]\nc_revenue_share = 2", "leaves its domain", ""),
    "lever held in another unit": ('[levers]\nc_revenue_share = "2 TPP"', "pure number or a percentage", ""),
    "lever held by yes": ("[levers]\nc_no_diversion = true", "must be a number", ""),
    "array for a number": ("[constants]\nbudget_c = [1]", "must be a number", ""),
    "date for a number": ("[constants]\nbudget_c = 2026-01-15", "must be a number", ""),
    "no objectives": ("[objectives]", "at least one objective", ""),
    "long name": (f'[study]\nname = "{"x" * 99}"', "at most 64", ""),
    "unprintable name": ('[study]\nname = "\\u001b[31m"', "printable", ""),
}


@pytest.mark.parametrize("case", WRONG, ids=str)
def test_mistakes_point_at_their_place(tmp_path: Path, case: str) -> None:
    text, says, hint = WRONG[case]
    whole = text if "[study]" in text else text + "\n" + BASE
    with pytest.raises(InputError) as caught:
        load(tmp_path, whole)
    message = str(caught.value)
    assert says in message
    assert hint in message
    assert "study.toml:" in message or "builtin:china-2026:" in message
    assert " | " in message
    assert "nothing was run" in message
    assert all(line.isprintable() for line in message.splitlines())


def test_all_mistakes_are_reported_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        load(tmp_path, BASE + "[horizon]\nyears = 99\n[search]\nscren = 1\n[constants]\nleak_a = 3\n")
    message = str(caught.value)
    assert "3 errors; nothing was run.   Check again: tiercap config check " in message
    assert message.index("years") < message.index("scren") < message.index("leak_a")


def test_the_caret_stands_under_the_key(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        load(tmp_path, BASE + '[levers]\nc_licensed_tpp = { low = "1 TPP", hgh = 3 }\n')
    lines = str(caught.value).splitlines()
    assert "study.toml:4:35:" in lines[0]
    assert lines[1][lines[2].index("^") :].startswith("hgh")
    assert lines[2].count("^") == 3


BROKEN = [
    (b"[study", "not valid TOML"),
    (b"a = \n", "not valid TOML"),
    (b"a = 1\na = 2\n", "not valid TOML"),
    (b"a = 'x\n", "not valid TOML"),
    (b"\xef\xbb\xbf[study]\n", "byte-order mark"),
    (b"\xff\xfe[\x00", "UTF-16"),
    (b'[study]\nname = "\xe9"\n', "not UTF-8"),
    (b"a = " + b"[" * 900, "nested too deeply"),
    (b"a = " + b"9" * 990, "unknown table"),
    (b"#" * 2000, "a line of 2000 characters"),
    (b"#\n" * 50_000, "larger than"),
    (b"\x00", "not valid TOML"),
    (b"", "at least one objective"),
]


@pytest.mark.parametrize(("raw", "says"), BROKEN)
def test_broken_files(tmp_path: Path, raw: bytes, says: str) -> None:
    with pytest.raises(InputError, match=says):
        load(tmp_path, raw)


def test_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        config.load(tmp_path / "none.toml")
    with pytest.raises(InputError, match="is a folder"):
        config.load(tmp_path)
    with pytest.raises(InputError, match="cannot be read"):
        config.load("a\0b")
    with pytest.raises(InputError, match=r"unknown built-in study `nope`"):
        config.load("builtin:nope")


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("budget_d=3", "did you mean `budget_"),
        ("horizn.years=3", "did you mean `horizon`"),
        ("horizon.yers=3", "did you mean `years`"),
        ("horizon.years=many", "whole number"),
        ("horizon.years=900", "between 1 and 64"),
        ("budget_c=1,5", "use a point"),
        ("budget_c", "not NAME=VALUE"),
        ("levers.c_licensed_tpp.high=1 GB/s", "expected TPP"),
    ],
)
def test_settings_that_are_refused(setting: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        config.load(settings=[setting], environment={})


@pytest.mark.parametrize("text", ["-1", "x", "1e3", "9" * 30, "１"])
def test_environment_that_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="TIERCAP_SEED"):
        config.load(environment={"TIERCAP_SEED": text})


def test_places_of_every_form_of_key() -> None:
    text = (
        '# c\n[a."b c".d]\nx.y = 1 # z\n"q\\u0041" = """\n[no]\nno = 1"""\n'
        "[[e]]\nf = [1, # [\n {g = 'h'}]\ni = 2026-01-01\n"
    )
    file = toml_text.parse(text.encode(), "t")
    spans = {
        path: file.lines[p.line - 1][p.column - 1 : p.column - 1 + p.width] for path, p in file.places.items()
    }
    assert spans[("a", "b c")] == '"b c"'
    assert spans[("a", "b c", "d", "x", "y")] == "y"
    assert spans[("a", "b c", "d", "qA")] == '"q\\u0041"'
    assert spans[("e", "f", "g")] == "g"
    assert spans[("e", "i")] == "i"
    assert not any("no" in path for path in spans)


SAMPLE = config.builtin_text("china-2026").encode()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.integers(0, len(SAMPLE) - 1), st.one_of(st.integers(0, 255), st.none(), st.just(-1))),
        min_size=1,
        max_size=6,
    )
)
def test_mutated_files_load_or_are_refused_in_words(
    tmp_path: Path, edits: list[tuple[int, int | None]]
) -> None:
    raw = bytearray(SAMPLE)
    for at, byte in edits:
        at = min(at, len(raw) - 1)
        if byte is None:
            del raw[at]
        elif byte == -1:
            raw.insert(at, raw[at])
        else:
            raw[at] = byte
    try:
        study = load(tmp_path, bytes(raw))
    except InputError as error:
        assert str(error)
        assert all(line.isprintable() for line in str(error).splitlines())
    else:
        json.dumps(stored.resolved(study), allow_nan=False)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        file = toml_text.parse(text.encode("utf-8", "surrogatepass"), "t")
    except InputError as error:
        assert str(error).startswith("t")
    else:
        for place in file.places.values():
            assert file.point(place, "m")
