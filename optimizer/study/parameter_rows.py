"""Every parameter and lever as a row: unit, value, range, source, evidence, meaning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tiercap.optimizer.data import EVIDENCE
from tiercap.optimizer.errors import InputError, did_you_mean
from tiercap.optimizer.model import parameters
from tiercap.optimizer.rules.levers import LEVERS_TABLE
from tiercap.optimizer.study import load

Row = dict[str, Any]


def listed(names: Sequence[str] = (), evidence: str | None = None, settings: Sequence[str] = ()) -> list[Row]:
    """Rows of the parameters, levers or groups of them that are named; all parameters and levers searched if none.

    evidence : only values of this tag; settings : ``NAME=VALUE`` over the built-in values. Raises InputError.
    """
    if evidence and evidence not in EVIDENCE:
        raise InputError(f"unknown evidence tag `{evidence}`: {did_you_mean(evidence, EVIDENCE)}")
    rows = _rows(settings)
    if names:
        rows = _chosen(rows, names)
    return [row for row in rows if not evidence or row["evidence"] == evidence]


def row(info: parameters.ParameterInfo) -> Row:
    """A parameter as a row."""
    return {
        "name": info.name,
        "group": info.group,
        "unit": info.unit,
        "value": info.value,
        "low": info.low,
        "high": info.high,
        "distribution": info.distribution.name if info.distribution else None,
        "arguments": dict(info.distribution.arguments) if info.distribution else None,
        "source": info.source,
        "evidence": info.evidence,
        "range_source": info.range_source or None,
        "range_evidence": info.range_evidence or None,
        "kind": info.kind,
        "meaning": info.meaning,
    }


def _rows(settings: Sequence[str]) -> list[Row]:
    """Parameters, then levers."""
    infos = parameters.override(parameters.table(), dict(parameters.assignment(text) for text in settings))
    return [row(info) for info in infos] + _levers()


def _levers() -> list[Row]:
    """The levers of the built-in study: what the regulator chooses."""
    ends: dict[str, tuple[float, float]] = {}
    rows = []
    for lever in load.load().levers:  # an inner one stands after the one it lies within
        low, high = ends.get(lever.within or "", (1.0, 1.0))
        ends[lever.name] = low * lever.low, high * lever.high
        share = f"; searched as {lever.low:g} to {lever.high:g} of {lever.within}" if lever.within else ""
        own = _lever_row(lever.name, *ends[lever.name])
        source = f"study {load.BUILTIN[0]}"
        rows.append({**own, "meaning": own["meaning"] + share, "source": source, "evidence": "assumption"})
    return rows


def _lever_row(name: str, low: float, high: float) -> Row:
    return {
        "name": name,
        "group": "levers",
        "unit": LEVERS_TABLE[name].unit,
        "value": None,
        "low": low,
        "high": high,
        "distribution": None,
        "arguments": None,
        "source": "what it may be at all; the built-in study does not search it",
        "evidence": "derived",
        "range_source": None,
        "range_evidence": None,
        "kind": "lever",
        "meaning": LEVERS_TABLE[name].meaning,
    }


def _chosen(rows: list[Row], names: Sequence[str]) -> list[Row]:
    known = {row["name"] for row in rows} | {row["group"] for row in rows}
    for name in names:
        if name not in known and name not in LEVERS_TABLE:
            hint = did_you_mean(name[:60], known | set(LEVERS_TABLE))
            raise InputError(f"unknown parameter, lever or group `{name[:60]}`: {hint}")
    chosen = [row for row in rows if row["name"] in names or row["group"] in names]
    others = [name for name in dict.fromkeys(names) if name not in known]
    return chosen + [_lever_row(name, LEVERS_TABLE[name].low, LEVERS_TABLE[name].high) for name in others]
