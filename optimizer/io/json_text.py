"""JSON as the standard has it: no NaN, no infinity, no key twice, no surprise from a hostile file."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np


def plain(value: Any) -> Any:
    """``value`` as JSON has it: numbers that are not finite become null, NumPy's become Python's.

    Raises TypeError for what JSON cannot say.
    """
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, Mapping):
        return {_key(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    raise TypeError(f"JSON has no {type(value).__name__}")


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise TypeError(f"a key in JSON is text, not {type(key).__name__}")
    return key


def dumps(value: Any, indent: int | None = None) -> str:
    """``value`` as ASCII JSON; numbers that are not finite become null."""
    return json.dumps(plain(value), allow_nan=False, indent=indent)


def loads(data: bytes) -> Any:
    """Parse UTF-8 JSON; ValueError for what the standard does not have, a repeated key or deep nesting."""
    try:
        return json.loads(data.decode("utf-8"), parse_constant=_refuse, parse_float=_finite, object_pairs_hook=_once)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]} is too large a number")
    return number


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key occurs twice")
    return result
