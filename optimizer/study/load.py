"""A study file to a frozen, validated :class:`Study` that knows where each of its values was said.

Layers, each over the one before: the built-in study named by ``extends``, the file, the environment
(``TIERCAP_SEED``, ``TIERCAP_SCENARIOS``), the flags of the command line. A wrong value is reported where it
was said, and every problem of a study is reported at once.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from tiercap.kernels.params import GROUPS
from tiercap.optimizer.data import shipped
from tiercap.optimizer.errors import InputError, did_you_mean
from tiercap.optimizer.io import toml_text, units
from tiercap.optimizer.io.toml_text import TomlFile
from tiercap.optimizer.model import parameters
from tiercap.optimizer.study import schema
from tiercap.optimizer.study.objectives import ENTRY_KEYS, take_constraints, take_objectives
from tiercap.optimizer.study.parameter_tables import take_parameters
from tiercap.optimizer.study.records import Study
from tiercap.optimizer.study.schema import Draft, Keys

#: Built-in studies, by name; the first is the default.
BUILTIN = ("thresholds-2026", "china-2026", "three-tier", "supply-2026")
DEFAULT_RULE = "unrestricted"

_ENVIRONMENT = {"TIERCAP_SEED": "seed", "TIERCAP_SCENARIOS": "scenarios.count"}
#: Flags that stand for several keys.
_SHORT = {"seed": ("scenarios.seed", "search.seed")}
#: Tables that a study says anew as a whole instead of adding to those it extends.
_WHOLE = ("objectives",)


def load(
    source: str | os.PathLike[str] | None = None,
    settings: Sequence[str] = (),
    flags: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Study:
    """Read, merge and validate a study.

    source : path of a file, name of a built-in study (``builtin:`` in front is allowed), None for the default one
    settings : texts NAME=VALUE; NAME is a parameter or a dotted study key such as ``horizon.years``
    flags : dotted study key, or ``seed``, to value; entries that are None are left out
    environment : the process environment unless given

    Raises :class:`InputError` whose text points at every problem.
    """
    file = _open(source)
    draft = Draft({}, {})
    base = _extended(file, draft)
    for layer in ([base] if base else []) + [file]:
        _merge(draft, layer)
    _merge(draft, _from_environment(os.environ if environment is None else environment))
    _merge(draft, _from_flags(flags or {}))
    _merge(draft, _from_settings(settings))
    study = _build(draft, file)
    if draft.problems:
        raise InputError(_report([text for _, text in sorted(draft.problems, key=lambda p: p[0])], file))
    return study


def scenario_flags(futures: str | None, structure: str | None) -> dict[str, Any]:
    """The flags of `load` that choose the futures.

    futures : calibrated, prior, random, central, or a CSV or Parquet file with a column a parameter; None for those
    of the study
    structure : only members of the ensemble with that structure, None for all
    """
    kinds = {"prior": "sobol", "calibrated": "calibrated", "random": "random", "central": "central"}
    if futures is None:
        return {"scenarios.structure": structure}
    kind, file = (kinds[futures], "") if futures in kinds else ("calibrated", futures)
    return {"scenarios.kind": kind, "scenarios.file": file, "scenarios.structure": structure}


def builtin_text(name: str) -> str:
    """The text of a built-in study, comments included."""
    if name not in BUILTIN:
        raise InputError(
            f"unknown built-in study `{units.printable(name)}`: {did_you_mean(name, BUILTIN)}"
        )
    return _builtin_path(name).read_text(encoding="utf-8")


def rule_names() -> tuple[str, ...]:
    """Names of the built-in rules."""
    from tiercap.optimizer.rules.book import load_rules  # late: most commands never look at a rule

    return tuple(load_rules())


def _builtin_path(name: str) -> Path:
    return shipped(f"{name}.toml")


def _open(source: str | os.PathLike[str] | None) -> TomlFile:
    """The study file that ``source`` means."""
    text = os.fspath(source) if source is not None else BUILTIN[0]
    name = text.removeprefix("builtin:")
    if name in BUILTIN and (name != text or not Path(text).exists()):
        return toml_text.read(_builtin_path(name), f"builtin:{name}")
    if name != text:
        raise InputError(
            f"unknown built-in study `{units.printable(name)}`: {did_you_mean(name, BUILTIN)}"
        )
    if not Path(text).exists() and get_close_matches(text, BUILTIN, 1):
        raise InputError(f"no study `{units.printable(text)}`: {did_you_mean(text, BUILTIN)}")
    return toml_text.read(Path(text))


def _extended(file: TomlFile, draft: Draft) -> TomlFile | None:
    """The built-in study that ``file`` builds upon, if any."""
    table = file.data.get("study")
    wanted = table.get("extends") if isinstance(table, dict) else None
    if wanted is None:
        return None
    name = wanted.removeprefix("builtin:") if isinstance(wanted, str) else ""
    if name not in BUILTIN or file.name == f"builtin:{name}":
        hint = "known: " + ", ".join(f"builtin:{known}" for known in BUILTIN)
        draft.said_in[("study", "extends")] = file
        draft.complain(("study", "extends"), "`extends` must name a built-in study", hint)
        return None
    return toml_text.read(_builtin_path(name), f"builtin:{name}")


def _merge(draft: Draft, layer: TomlFile) -> None:
    """Put a layer's values over the draft, remembering who said what."""
    for table in _WHOLE:
        if table in layer.data:
            draft.data.pop(table, None)
    _merge_table(draft, draft.data, layer.data, (), layer)


def _merge_table(
    draft: Draft, under: dict[str, Any], over: dict[str, Any], path: Keys, layer: TomlFile
) -> None:
    for key, value in over.items():
        here = (*path, key)
        draft.said_in[here] = layer
        if isinstance(value, dict):
            if not isinstance(under.get(key), dict):
                under[key] = {}
            _merge_table(draft, under[key], value, here, layer)
        else:
            under[key] = value


def _nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted keys to tables, at most three parts deep."""
    tables: dict[str, Any] = {}
    for dotted, value in flat.items():
        *outer, last = _parts(dotted)
        table = tables
        for key in outer:
            table = table.setdefault(key, {})
        table[last] = value
    return tables


def _parts(dotted: str) -> list[str]:
    """The parts of a dotted key; a statistic such as p2.5 may stand in the name of an objective or constraint."""
    table, _, rest = dotted.partition(".")
    if table not in ENTRY_KEYS:
        return dotted.split(".", 2)
    name, _, key = rest.rpartition(".")
    return [table, rest] if not name or key[:1].isdigit() else [table, name, key]


def _from_environment(environment: Mapping[str, str]) -> TomlFile:
    given = {}
    for variable, key in _ENVIRONMENT.items():
        text = environment.get(variable, "").strip()
        if text:
            if not text.isascii() or not text.isdigit() or len(text) > 19:
                raise InputError(
                    f"environment variable {variable} must be a whole number, not `{text[:40]!r}`"
                )
            given.update({name: int(text) for name in _SHORT.get(key, (key,))})
    return TomlFile("environment", data=_nested(given))


def _from_flags(flags: Mapping[str, Any]) -> TomlFile:
    given = {
        name: value for key, value in flags.items() if value is not None for name in _SHORT.get(key, (key,))
    }
    return TomlFile("command line", data=_nested(given))


def _from_settings(settings: Sequence[str]) -> TomlFile:
    """``--set`` texts: a parameter becomes a constant, a dotted name a study key."""
    given: dict[str, Any] = {}
    for text in settings:
        name, value = parameters.assignment(text)
        table = name.partition(".")[0]
        if "." not in name:
            if name not in parameters.DECLARED:
                hint = did_you_mean(name[:60], parameters.DECLARED)
                raise InputError(f"--set: unknown parameter `{units.printable(name)}`: {hint}")
            given[f"constants.{name}"] = value
        elif table in schema.TABLES and len(name) <= 100:
            given[name] = _scalar(value)
        else:
            hint = did_you_mean(table[:60], schema.TABLES)
            raise InputError(f"--set: unknown table `{units.printable(table)}`: {hint}")
    return TomlFile("--set", data=_nested(given))


def _scalar(text: str) -> object:
    """A flag's value as TOML would have it: whole number, true or false, else text (units are read later)."""
    if text in ("true", "false"):
        return text == "true"
    digits = text.removeprefix("-")
    return int(text) if digits.isascii() and digits.isdigit() and len(digits) <= 19 else text


def _build(draft: Draft, file: TomlFile) -> Study:
    """Every table to its record; problems gather in the draft."""
    schema.check_names(draft)
    rules = rule_names()
    objectives = take_objectives(draft)
    policy = {g: schema.take_choice(draft, ("policy", g), DEFAULT_RULE, rules, "rule") for g in GROUPS}
    return Study(
        name=schema.take_text(draft, ("study", "name"), Path(file.name).stem or "study", longest=64),
        title=schema.take_text(draft, ("study", "title"), ""),
        baseline=schema.take_choice(draft, ("study", "baseline"), "bis-2026", rules, "rule"),
        horizon=schema.take_horizon(draft),
        policy=policy,
        levers=schema.take_levers(draft),
        held=schema.take_held(draft),
        objectives=objectives,
        constraints=take_constraints(draft, objectives),
        scenarios=schema.take_scenarios(draft),
        search=schema.take_search(draft),
        parameters=take_parameters(draft),
        origins=_origins(draft),
        source=file.name,
    )


def _origins(draft: Draft) -> dict[str, str]:
    """Dotted key to the place that had the last word; keys that nobody said are built-in defaults."""
    found: dict[str, str] = {}
    for path, file in draft.said_in.items():
        value: Any = draft.data
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        if value is not None and not isinstance(value, dict):
            found[".".join(path)] = file.origin(path)
    return found


def _report(problems: list[str], file: TomlFile) -> str:
    """All problems, their number, and what to do next. The caller puts ``error:`` before the first."""
    count = f"{len(problems)} error{'s' if len(problems) != 1 else ''}"
    ending = f"{count}; nothing was run."
    if file.places and not file.name.startswith("builtin:"):
        ending += f"   Check again: tiercap config check {file.name}"
    return "\nerror: ".join(problems) + "\n" + ending
