"""A backcast as names and values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tiercap.optimizer.calibration.backcast import DEFAULT_SCENARIOS, Backcast, Line, backcast, ensemble
from tiercap.optimizer.calibration.record import RecordRow
from tiercap.optimizer.calibration.replay import Replay
from tiercap.optimizer.errors import InputError

NAIVE = (
    "naive forecasts from rows that ended by 2024 Q4: persistence is the last row of the same series, per year where "
    "it is a flow; trend the line through the logarithms of its rows; both spread as such figures have moved"
)


def replayed(
    rows: Sequence[RecordRow],
    events: bool,
    choice: str | None,
    count: int,
    seed: int,
    threads: int | None,
    decides: bool,
    exponent: int,
) -> Backcast:
    """The record replayed in an ensemble, and scored.

    events : impose the dated acts of C's government; choice : the ensemble, as ``--scenarios`` has it; count : of its
    members, at most; decides : where no acts are imposed, the government decides (False: what it bars stands);
    exponent : norm of the roofline
    """
    if events and not decides:
        raise InputError("imposed acts leave nothing to decide or to stand: leave --events or --stands out")
    replay = Replay(rows, events, threads, decides, exponent)
    return backcast(replay, ensemble(choice or DEFAULT_SCENARIOS, replay, count, seed))


def as_record(found: Backcast, events: bool, choice: str | None, decides: bool = True) -> dict[str, Any]:
    """Rows, scores and what they rest on, as JSON has them."""
    return {
        "scenarios": choice or DEFAULT_SCENARIOS,
        "members": found.members,
        "effective_members": found.effective,
        "response": "events" if events else "decides" if decides else "stands",
        "rows": [_line_json(line) for line in found.lines],
        "scores": found.scores(),
        "baselines": NAIVE,
    }


def _line_json(line: Line) -> dict[str, Any]:
    row, model = line.row, line.model
    found = {
        "moment": row.moment, "period": row.period.text, "role": row.role, "kind": row.kind, "observed": row.value,
        "low": row.low, "high": row.high, "p05": model.p05, "p50": model.p50, "p95": model.p95, "inside": model.inside,
        "unit": row.unit, "definition": row.definition, "group": row.group, "outcome": row.outcome,
        "undefined": None if row.formula is None else model.undefined, "crps": model.crps,
        "log_score": model.log_score, "source": row.source, "evidence": row.evidence, "note": row.note,
    }  # fmt: skip
    for name in ("persistence", "trend"):
        naive = getattr(line, name)
        found[name] = naive and {"p05": naive.p05, "p50": naive.p50, "p95": naive.p95, "crps": naive.crps}
    return found
