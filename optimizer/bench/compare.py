"""Two benchmark reports side by side, as ratios."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Literal, NamedTuple

from tiercap.optimizer.bench.report import SCHEMA_VERSION
from tiercap.optimizer.errors import InputError
from tiercap.optimizer.io import durable, json_text

#: Bytes of a report that are read.
MAX_REPORT = 16 * 2**20

Verdict = Literal["better", "worse", "within the spread", "no spread"]


class Change(NamedTuple):
    """One measure in both reports. ``ratio`` is now over before; better or worse: the spreads do not meet."""

    name: str
    unit: str
    before: float
    now: float
    ratio: float
    verdict: Verdict


def read(path: Path) -> dict[str, Any]:
    """An earlier report. Raises InputError where it is none, or of another version."""
    remedy = "give a bench.json that `tiercap bench -o FOLDER` wrote"
    try:
        report = json_text.loads(durable.read(path, MAX_REPORT))
    except FileNotFoundError:
        raise InputError(f"--against {path}: no such file; {remedy}") from None
    except OSError as error:
        raise InputError(f"--against {path}: cannot be read: {error.strerror or error}; {remedy}") from None
    except durable.Unfit as reason:
        raise InputError(f"--against {path}: {reason}; {remedy}") from None
    except ValueError as error:
        raise InputError(f"--against {path}: not JSON ({error}); {remedy}") from None
    version = report.get("schema_version") if isinstance(report, dict) else None
    if isinstance(report, dict) and type(version) is int and version != SCHEMA_VERSION:
        raise InputError(
            f"--against {path}: it has schema_version {version}, this program reads {SCHEMA_VERSION}: measure again "
            "with this version"
        )
    if version is None or not _is_report(report):
        raise InputError(f"--against {path}: it is not a benchmark report; {remedy}")
    return dict(report)


def _is_report(report: Any) -> bool:
    """Whether what `changes` and `remarks` read is there and of the right kind."""
    measures = report.get("measures")
    parts = isinstance(report.get("machine"), dict) and isinstance(report.get("kernel"), dict)
    return parts and isinstance(measures, dict) and all(_is_measure(measure) for measure in measures.values())


def _is_measure(measure: Any) -> bool:
    if not isinstance(measure, dict) or measure.get("better") not in ("more", "less"):
        return False
    numbers = [measure.get(key) for key in ("median", "low", "high")]
    return isinstance(measure.get("unit"), str) and all(
        isinstance(number, (int, float)) and not isinstance(number, bool) and number > 0 for number in numbers
    )


def changes(before: dict[str, Any], now: dict[str, Any]) -> list[Change]:
    """What both reports measured, in the order of the second."""
    return [
        _change(name, before["measures"][name], measure)
        for name, measure in now["measures"].items()
        if name in before["measures"] and before["measures"][name]["unit"] == measure["unit"]
    ]


def _change(name: str, before: dict[str, Any], now: dict[str, Any]) -> Change:
    verdict: Verdict = "within the spread"
    if before["low"] == before["high"] or now["low"] == now["high"]:
        verdict = "no spread"  # one round tells nothing of the next
    elif now["low"] > before["high"]:
        verdict = "better" if now["better"] == "more" else "worse"
    elif now["high"] < before["low"]:
        verdict = "worse" if now["better"] == "more" else "better"
    ratio = now["median"] / before["median"] if before["median"] else math.nan
    return Change(name, now["unit"], float(before["median"]), float(now["median"]), ratio, verdict)


def remarks(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """What makes the two hard to compare, a sentence each."""
    found = []
    for key, what in (("processor", "the processor"), ("usable_cores", "the number of cores")):
        then, today = before["machine"].get(key), now["machine"].get(key)
        if then != today:
            found.append(f"{what} differs: {then} before, {today} now")
    if before["kernel"].get("threads") != now["kernel"]["threads"]:
        found.append(f"threads differ: {before['kernel'].get('threads')} before, {now['kernel']['threads']} now")
    return found
