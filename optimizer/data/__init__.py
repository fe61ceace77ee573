"""The files that ship with the program: figures with their sources, rules, studies, ensembles."""

from __future__ import annotations

from pathlib import Path

#: How a figure is known; docs/data.md says what each tag means.
EVIDENCE = ("official", "press", "secondary", "derived", "assumption", "recalled")


def shipped(name: str) -> Path:
    """Where the file called ``name`` lies, whether it exists or not."""
    return Path(__file__).with_name(name)
