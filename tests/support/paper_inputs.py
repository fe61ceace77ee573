"""Folders of sweeps and sensitivity analyses as the commands write them, small, and a study with hostile names."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tiercap.optimizer.io import columns
from tiercap.optimizer.model.parameters import DECLARED
from tiercap.optimizer.rules.levers import LEVERS_TABLE

#: What LaTeX, HTML, Markdown, spreadsheets, shells, paths or a plotter would take for more than a name.
HOSTILE = (
    r"\input{/etc/passwd}\end{document}", "$x_1^2$ & 50 % # ~ {", "<script>alert(1)</script>", "=HYPERLINK(\"http://x\")",
    "../../etc/passwd", "`rm -rf x` $(id) ; |", "![x](javascript:y) | a | b", "a--b ,, '' ?` !` <<", "中文 ü ß é Ω 🙂",
    "W" * 300, "\\", "}", "%", "_^", "@SUM(A1)", "-1+1", "end\\", "--", "[x]{y}", "*", "\\\\[1cm]",
)  # fmt: skip


#: As long as a study's may be, each with a little of everything.
NAME = "=1+1 \\input{/etc/passwd}$x_1^2$<script>&%~`rm` | ../../[a](b)--\\"
TITLE = "@SUM(A1) $y$ } \\end{document} <img src=x onerror=alert(1)> ``'' ?` -- ,, # % & _ ^ ~ | \\\\[1cm] é ü Ω 中文 "
TITLE += "W" * 60


def study(folder: Path, name: str = NAME, title: str = TITLE) -> Path:
    """A study file with these names."""
    path = folder / "hostile.toml"
    quoted = [json.dumps(text, ensure_ascii=False) for text in (name, title)]
    path.write_text(f"[study]\nextends = \"builtin:china-2026\"\nname = {quoted[0]}\ntitle = {quoted[1]}\n", "utf-8")
    return path


def sweep(folder: Path, axes: Mapping[str, Any], policies: list[str], scale: str = "linear") -> Path:
    """A folder of `tiercap sweep` in which revenue and compute_lead are simple functions of what is swept."""
    folder.mkdir(parents=True)
    x = np.nansum(np.stack([np.asarray(values, float) for values in axes.values()]), axis=0)
    table: dict[str, Any] = {"policy": np.array(policies)} | {name: np.array(v, float) for name, v in axes.items()}
    ends = {"": 0.0, "_p05": -1.0, "_p50": 0.0, "_p95": 1.0}
    for outcome, slope in (("revenue", 1.0), ("compute_lead", -0.01)):
        table |= {f"{outcome}{end}": slope * x + by for end, by in ends.items()}
    units = {name: (LEVERS_TABLE.get(name) or DECLARED[name]).unit for name in axes}
    (folder / "sweep.parquet").write_bytes(columns.to_parquet(table, units))
    told = {"kind": "tiercap sweep", "sweep": {"over": [{"name": name, "scale": scale} for name in axes]}}
    (folder / "manifest.json").write_text(json.dumps(told))
    return folder


def sensitivity(folder: Path, total: bool = True) -> Path:
    """A folder of `tiercap sensitivity` with three parameters and two outcomes."""
    folder.mkdir(parents=True)
    names, outcomes = ["budget_c", "barred_start", "c_licensed_tpp"], ["revenue", "compute_lead"]
    pairs = [(name, outcome) for outcome in outcomes for name in names]
    keys = {
        "parameter": np.array([name for name, _ in pairs]),
        "unit": np.array(["1"] * len(pairs)),
        "outcome": np.array([outcome for _, outcome in pairs]),
    }
    first = np.linspace(0.4, 0.02, len(pairs))
    shares = {"first": first, "first_low": first - 0.03, "first_high": first + 0.03}
    if total:
        shares |= {"total": first + 0.1, "total_low": first + 0.07, "total_high": first + 0.13}
    name = "sobol" if total else "first-order"
    (folder / f"{name}.parquet").write_bytes(columns.to_parquet(keys | shares, {}))
    swing = {"low": first, "high": 2 * first, "at_low": 40 - 9 * first, "at_high": 40 + first}
    swing["at_central"] = np.full(len(pairs), 40.0)
    (folder / "tornado.parquet").write_bytes(columns.to_parquet(keys | swing, {}))
    (folder / "manifest.json").write_text(json.dumps({"kind": "tiercap sensitivity"}))
    return folder
