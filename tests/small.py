"""A study small enough to be searched in a second, as flags and as a problem."""

from __future__ import annotations

from tiercap.optimizer import config
from tiercap.optimizer.problem import Problem

SETTINGS = ("search.screen=256", "search.trials=32", "search.population=16", "scenarios.count=32")
FLAGS = [part for setting in SETTINGS for part in ("--set", setting)]
#: What the settings amount to: 256 policies in 32 scenarios, 64 promoted and 2 generations of 16 in all 32.
EVALUATIONS = 256 * 32 + (64 + 2 * 16) * 32


def problem(*settings: str, study: str | None = None, threads: int = 1) -> Problem:
    """The built-in study with the small budget and more settings over it."""
    return Problem(config.load(study, [*SETTINGS, *settings], {"seed": 1}, {}), threads)
