"""Tiered export policy for AI chips: what each rule costs, gains and provokes.

>>> import tiercap as tc
>>> futures = tc.study(count=128, seed=1)
>>> tc.evaluate(["bis-2026", "ban"], futures).revenue.mean("scenario")

Every verb of the command line is a function here. Importing tiercap takes a few milliseconds and changes nothing in the
process: what a verb needs is imported when it is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tiercap.optimizer import api

if TYPE_CHECKING:
    from tiercap.optimizer.api import *  # noqa: F403 - the names below, for those who check types

    __version__: str

__all__ = ["__version__"]
__all__ += api.__all__


def __getattr__(name: str) -> Any:
    """A verb or an error, imported when it is first used; the version of the installed package."""
    if name == "__version__":
        from importlib.metadata import version

        found: Any = version("tiercap")
    elif name in api.__all__:
        found = getattr(api, name)
    else:
        raise AttributeError(f"module 'tiercap' has no attribute {name!r}")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
