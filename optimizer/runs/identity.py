"""What makes two runs the same run: their configurations compared, key by key.

The budget is apart: a run may go on under a larger one. The number of threads is not configuration at all,
for it changes no bit of a result; a key called ``threads`` is ignored wherever it stands.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from numpy.typing import NDArray

from tiercap.optimizer.errors import InputError
from tiercap.optimizer.io import json_text
from tiercap.optimizer.io.units import BANDWIDTH
from tiercap.optimizer.model.evaluator import code_digest
from tiercap.optimizer.rules.chips import exporter_catalogue
from tiercap.optimizer.study import stored
from tiercap.optimizer.study.problem import Problem

#: The top-level key under which numbers may grow.
BUDGET = "budget"
MAX_LINES = 12
_WIDTH = 60
#: Packages whose versions shape the bits of a result.
SHAPING = ("tiercap", "numba", "llvmlite", "numpy", "scipy", "optuna", "moocore")

Key = tuple[str, ...]


def configuration(problem: Problem) -> dict[str, Any]:
    """What makes a run the same run: the resolved study without its origins, the code and the data behind it.

    The trials may grow.
    """
    resolved = stored.resolved(problem.study)
    del resolved["origins"], resolved["study"]["source"]  # where it was said changes nothing
    del resolved["units"]  # a name has one
    trials = resolved["search"].pop("trials")
    resolved["scenarios"] = {**resolved["scenarios"], "file": problem.scenarios.digest}  # what it says, not its name
    code = {**{name: version(name) for name in SHAPING}, "kernel_sources": code_digest(), "bandwidths": BANDWIDTH}
    data = {"exporter_catalogue": _digest(exporter_catalogue()), "rules": _digest(problem.base, problem.baseline)}
    return {**resolved, "code": code, "data": data, "budget": {"trials": trials}}


def _digest(*arrays: NDArray[Any]) -> str:
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()


def flatten(value: Any, under: Key = ()) -> dict[Key, Any]:
    """Every leaf of nested tables and lists by its path; an empty table or list is a leaf."""
    if isinstance(value, Mapping) and (value or not under):
        items = [(str(key), item) for key, item in value.items() if key != "threads"]
    elif isinstance(value, (list, tuple)) and value:
        items = [(str(place), item) for place, item in enumerate(value)]
    else:
        return {under: value}
    return {key: leaf for name, item in items for key, leaf in flatten(item, (*under, name)).items()}


def fingerprint(configuration: Mapping[str, Any]) -> str:
    """SHA-256 of a configuration without its budget and threads; the order of keys does not matter."""
    leaves = flatten({key: value for key, value in configuration.items() if key != BUDGET})
    rows = [[list(key), leaf] for key, leaf in sorted(leaves.items())]
    return hashlib.sha256(json.dumps(json_text.plain(rows)).encode()).hexdigest()


def check_same(
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    subject: str,
    where: str = "in the folder",
    otherwise: str = "start a new run in another folder with -o",
) -> None:
    """Raise InputError with a diff unless ``new`` may go on with what was made with ``old``.

    subject : what that is, such as "the run in FOLDER"; where : its values are there; otherwise : what else to do
    """
    before, now = flatten(json_text.plain(old)), flatten(json_text.plain(new))
    keys = [key for key in dict.fromkeys([*before, *now]) if not _may_follow(key, before, now)]
    if not keys:
        return
    shown = keys if len(keys) <= MAX_LINES else keys[: MAX_LINES - 1]
    lines = [f"  {_short('.'.join(key))}: {_value(key, before)} {where}, {_value(key, now)} now" for key in shown]
    if len(keys) > len(shown):
        lines.append(f"  and {len(keys) - len(shown)} more")
    smaller = all(key[0] == BUDGET for key in keys)
    rule = "was made with a larger budget" if smaller else "was made with another configuration"
    raise InputError(
        f"{subject} {rule}:\n" + "\n".join(lines) + f"\n  go on with the old values, or {otherwise}"
    )


def _may_follow(key: Key, before: Mapping[Key, Any], now: Mapping[Key, Any]) -> bool:
    if key not in before or key not in now:
        return False
    old, new = before[key], now[key]
    numbers = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in (old, new))
    if key[0] == BUDGET and numbers:
        return bool(new >= old)
    return bool(old == new) and isinstance(old, bool) == isinstance(new, bool)


def _value(key: Key, leaves: Mapping[Key, Any]) -> str:
    return _short(json.dumps(leaves[key], ensure_ascii=False)) if key in leaves else "not set"


def _short(text: str) -> str:
    """One printable line of at most 60 characters."""
    shown = "".join(c if c.isprintable() else "?" for c in text[:_WIDTH])
    return shown + ("..." if len(text) > _WIDTH else "")
