"""A study small enough to be searched in a second, as flags and as a problem."""

from __future__ import annotations

from tiercap.optimizer.study import load
from tiercap.optimizer.study.problem import Problem

SETTINGS = ("search.screen=256", "search.screen_scenarios=8", "search.screen_generations=2", "search.promoted=64",
            "search.trials=32", "search.population=16", "scenarios.count=32", "search.scale=false")  # fmt: skip
FLAGS = [part for setting in SETTINGS for part in ("--set", setting)]
#: Evaluations of each block that the settings amount to, in order: the screen, what is bred from it and the children of
#: each generation in 8 scenarios, the promoted and the generations in all 32.
BLOCKS = {
    "screen-0000": 256 * 8, "bred-00001-0000": 256 * 8, "bred-00002-0000": 256 * 8, "promoted-0000": 64 * 32,
    "children-00001-0000": 16 * 8 * 8, "generation-00001-0000": 16 * 32,
    "children-00002-0000": 16 * 8 * 8, "generation-00002-0000": 16 * 32,
}  # fmt: skip
EVALUATIONS = sum(BLOCKS.values())


def problem(*settings: str, study: str | None = "china-2026", threads: int = 1) -> Problem:
    """A built-in study of nine levers with the small budget and more settings over it."""
    return Problem(load.load(study, [*SETTINGS, *settings], {"seed": 1}, {}), threads)
