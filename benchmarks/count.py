"""How much arithmetic an evaluation is: ``python benchmarks/count.py``.

Runs the kernels uncompiled over numbers that count what is done to them. Counted a lane, because that is how vectors
work: a lane computes whatever its tile computes, and Newton's steps go on until the slowest lane is done. A choice
between two results is one operation, as it is for vectors. Not counted: logic on masks, sums of flags, addresses and
loop control, so that a limit drawn from these counts is a little stricter than the machine's.
"""

from __future__ import annotations

import importlib
import json
import math
import os
import pkgutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

COUNTS: Counter[str] = Counter()

#: What `vecmath` does for one exp and one log, by class; counted in its source.
EXP = {"multiply": 16, "add": 2, "integer": 7, "compare": 2, "choose": 2, "exp": 1}
LOG = {"multiply": 14, "divide": 1, "add": 7, "integer": 5, "compare": 4, "choose": 5, "log": 1}
#: What log1p does beyond that log.
MORE_OF_LOG1P = {"add": 2, "divide": 1, "multiply": 1, "compare": 1, "choose": 1}


class Number(float):
    """A double that counts what is done to it."""


class Flag(int):
    """A comparison's result; asking it is a choice."""

    def __bool__(self) -> bool:
        COUNTS["choose"] += 1
        return int(self) != 0

    def __and__(self, other: Any) -> Flag:
        return Flag(int(self) & int(other))

    def __or__(self, other: Any) -> Flag:
        return Flag(int(self) | int(other))

    __rand__, __ror__ = __and__, __or__


def _counted(name: str, kind: str) -> Any:
    plain = getattr(float, name)

    def operation(self: float, *others: Any) -> Any:
        COUNTS[kind] += 1
        result = plain(self, *(float(other) for other in others))
        return Number(result) if isinstance(result, float) else Flag(result)

    return operation


def _extreme(choose: Any) -> Any:
    """min or max of two numbers, one operation."""

    def call(a: Any, b: Any) -> Any:
        COUNTS["compare"] += 1
        return Number(choose(float(a), float(b)))

    return call


for _name in ("__add__", "__radd__", "__sub__", "__rsub__", "__abs__"):
    setattr(Number, _name, _counted(_name, "add"))
for _name in ("__lt__", "__le__", "__gt__", "__ge__", "__eq__", "__ne__"):
    setattr(Number, _name, _counted(_name, "compare"))
for _name in ("__mul__", "__rmul__"):
    setattr(Number, _name, _counted(_name, "multiply"))


def _divide(above: Any, below: Any) -> Number:
    """A quotient as IEEE 754 has it; a reciprocal or quotient counts one division."""
    COUNTS["divide"] += 1
    above, below = float(above), float(below)
    if below == 0.0:
        return Number(math.nan if above == 0.0 or math.isnan(above) else math.copysign(math.inf, above))
    return Number(above / below)


Number.__truediv__ = _divide  # type: ignore[method-assign, assignment]
Number.__rtruediv__ = lambda self, other: _divide(other, self)  # type: ignore[method-assign, assignment]
Number.__neg__ = lambda self: Number(-float(self))  # type: ignore[method-assign]  # a sign rides on the next operation
Number.__hash__ = float.__hash__  # type: ignore[method-assign]


class Counted:
    """An array whose elements are read as counting numbers."""

    def __init__(self, array: Any) -> None:
        self.array = array
        self.shape = array.shape

    def __getitem__(self, place: Any) -> Any:
        found = self.array[place]
        if getattr(found, "shape", ()):
            return Counted(found)
        COUNTS["load"] += 1
        return Number(found)

    def __setitem__(self, place: Any, value: Any) -> None:
        COUNTS["store"] += 1
        self.array[place] = value


def _lump(function: Any, counts: dict[str, int]) -> Any:
    def call(x: Any) -> Number:
        COUNTS.update(counts)
        with_numpy = float(function(float(x)))
        return Number(with_numpy)

    return call


def _sqrt(x: Any) -> Number:
    COUNTS["sqrt"] += 1
    return Number(math.sqrt(x) if x >= 0.0 else math.nan)


def _fma(a: Any, b: Any, c: Any) -> Number:
    COUNTS["multiply"] += 1
    return Number(float(a) * float(b) + float(c))


#: Modules that run once a scenario, or compute nothing.
_UNCOUNTED = ("paths", "ready", "vecmath", "params", "arguments", "lanes")


def _modules() -> list[Any]:
    """Every kernel that runs once a policy and scenario."""
    import tiercap.kernels

    names = [name for _, name, _ in pkgutil.iter_modules(tiercap.kernels.__path__)]
    kept = [name for name in names if not name.startswith("_") and name not in _UNCOUNTED]
    return [importlib.import_module(f"tiercap.kernels.{name}") for name in kept]


def _patch() -> None:
    """Counting forms of what the kernels call, in every module that calls it."""
    import numpy as np

    exp, log = _lump(np.exp, EXP), _lump(np.log, LOG)
    log1p = _lump(np.log1p, {kind: LOG.get(kind, 0) + MORE_OF_LOG1P.get(kind, 0) for kind in LOG | MORE_OF_LOG1P})
    words = SimpleNamespace(sqrt=_sqrt, inf=np.inf, nan=np.nan, int64=np.int64, float64=np.float64, zeros=np.zeros)

    def power(x: Any, y: Any) -> Number:
        return exp(y * log(x))

    forms = (("exp", exp), ("log", log), ("log1p", log1p), ("power", power), ("fma", _fma), ("np", words))
    for module in _modules():
        for name, form in forms:
            if hasattr(module, name):
                setattr(module, name, form)
        module.min, module.max = _extreme(min), _extreme(max)


def _records(array: Any) -> Any:
    """Fields as attributes, which compiled code reads so of any structured array."""
    import numpy as np

    return array.view(np.recarray) if getattr(array, "dtype", None) is not None and array.dtype.names else array


def count(policies: int) -> dict[str, float]:
    """Operations an evaluation of group C, by class: policies of the built-in study in 64 of its scenarios."""
    import numpy as np

    np.seterr(all="ignore")
    _patch()
    from tiercap.kernels import lanes, paths
    from tiercap.optimizer.model import evaluator as evaluate

    for name in ("fill_constants", "fill_paths"):
        plain = getattr(paths, name)
        setattr(paths, name, lambda *given, plain=plain: plain(*[_records(v) for v in given]))

    def counted(value: Any) -> Any:
        if isinstance(value, tuple):
            return type(value)(*map(counted, value))
        doubles = getattr(value, "dtype", None) == np.float64 and value.ndim > 1
        return Counted(value) if doubles else _records(value)

    def counting(kernel: Any, work_space: Any) -> Any:
        def call(*given: Any) -> None:
            kernel(*map(counted, given))

        kernel.__globals__["n"] = SimpleNamespace(**{**vars(lanes), "work_space": work_space})
        return call

    def work_space() -> tuple[Counted, ...]:
        return tuple(Counted(array) for array in lanes.work_space())

    evaluate.payoff = counting(evaluate.payoff, work_space)
    evaluate.allied.fill_allied = counting(evaluate.allied.fill_allied, work_space)
    from limit import sample

    evaluator, levers = sample(policies, scenarios=lanes.LANES)
    evaluator.outcomes(levers[:1], relative=False)  # groups A and B, which all these policies share
    COUNTS.clear()
    evaluator.outcomes(levers, relative=False)
    return {kind: number / (policies * lanes.LANES) for kind, number in COUNTS.items()}


def counts(policies: int = 4) -> dict[str, float]:
    """`count` in a process where kernels are not compiled."""
    command = [sys.executable, "-W", "ignore", __file__, str(policies), "--json"]
    uncompiled = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run(command, env=uncompiled, capture_output=True, check=True, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> None:
    policies = next((int(word) for word in sys.argv[1:] if word.isdigit()), 4)
    if os.environ.get("NUMBA_DISABLE_JIT") != "1":
        for kind, number in counts(policies).items():
            print(f"{kind:10} {number:12,.0f}")
        return
    print(json.dumps(count(policies)))


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    main()
