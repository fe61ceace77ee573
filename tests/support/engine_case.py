"""A search small enough for every engine, and whether two came to the same bits."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from tiercap.optimizer.runs.folder import RunFolder
from tiercap.optimizer.runs.identity import configuration
from tiercap.optimizer.search.archive import Outcome
from tiercap.optimizer.search.loop import Search
from tiercap.optimizer.study import engines, load
from tiercap.optimizer.study.problem import Problem

SMALL = ("search.screen=64", "search.screen_generations=0", "search.promoted=32", "search.trials=48",
         "search.population=16", "scenarios.count=16", "search.screen_scenarios=8")  # fmt: skip


def small(engine: str, *settings: str, tmp_path: Path, single: bool = False) -> Problem:
    """Two or one objectives over three levers, so that a grid is a grid, with the budget SMALL."""
    single = single or engines.ENGINES[engine].single
    objectives = 'revenue = "maximise"' + ("" if single else '\ncompute_lead = "maximise"')
    dropped = [name for name in load.load("china-2026").levers if not name.name.endswith(("tpp", "quota_share"))]
    levers = "\n".join(f"{lever.name} = false" for lever in dropped)
    text = f'[study]\nextends = "builtin:china-2026"\n[levers]\n{levers}\n[objectives]\n{objectives}\n'
    path = tmp_path / "study.toml"
    path.write_text(text)
    return Problem(load.load(path, [*SMALL, f"search.engine={engine}", *settings], {"seed": 3}, {}), 1)


def searched(study: Problem, folder: Path, **more: object) -> Outcome:
    with RunFolder.open(folder, configuration(study)) as run:
        return Search(study, run, **more).run()  # type: ignore[arg-type]


def same(a: Outcome, b: Outcome) -> bool:
    pairs = [(a.archive.coords, b.archive.coords), (a.archive.values, b.archive.values), (a.front, b.front)]
    return all(x.tobytes() == y.tobytes() for x, y in pairs) and a.convergence == b.convergence


INSTALLED = [
    name for name, e in engines.ENGINES.items() if not e.package or importlib.util.find_spec(e.package) is not None
]
