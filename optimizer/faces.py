"""Rooms open their modules when they are first asked for, so that looking into a room costs nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from types import ModuleType


def opened(room: str, face: Sequence[str]) -> Callable[[str], ModuleType]:
    """A ``__getattr__`` for the package ``room`` that imports a module of its face by name; AttributeError else."""

    def module(name: str) -> ModuleType:
        if name not in face:
            raise AttributeError(f"module `{room}` has no attribute `{name}`: its face has {', '.join(face)}")
        return import_module(f"{room}.{name}")

    return module
