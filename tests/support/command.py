"""A command of the command line, and what it answers with --json."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tiercap.optimizer.cli import group
from tiercap.optimizer.cli.guard import run


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    """The JSON object that a command prints, without the version of its form."""
    assert run(group, [*arguments, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    del found["schema_version"]
    return found


def same(value: Any, said: Any) -> bool:
    """Whether a cell of a table holds what JSON said: a missing figure is null there, and NaN or None here."""
    if said is None:
        return value is None or value != value
    return bool(list(value) == said) if isinstance(said, list) else bool(value == said)
