"""One family of errors, each with the exit code of the command line."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class TiercapError(Exception):
    """Something a user can act on; its text is one clear sentence and never a traceback."""

    exit_code = 1


class InputError(TiercapError):
    """Wrong usage, configuration or input, or a refusal. The text names rule, value, place and remedy."""

    exit_code = 2


class InfeasibleError(TiercapError):
    """The search finished and no policy satisfies the constraints. ``found`` is what was tried, where that is kept."""

    exit_code = 3

    def __init__(self, sentence: str, found: object = None) -> None:
        super().__init__(sentence)
        self.found = found


class NotConvergedError(TiercapError):
    """The search ended at its limit while it was still finding more, and convergence was required."""

    exit_code = 4


class StorageError(TiercapError):
    """A file, the disk or a storage failed; what was committed is safe."""

    exit_code = 6


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """The end of a sentence that suggests the nearest of ``choices``, or lists them where few."""
    known = sorted(choices)
    spelt = {choice.casefold(): choice for choice in known}
    near = get_close_matches(word.casefold(), spelt, n=1, cutoff=0.6)
    if near:
        return f"did you mean `{spelt[near[0]]}`?"
    if len(known) <= 12:
        return "known: " + ", ".join(known)
    return f"{len(known)} are known"
