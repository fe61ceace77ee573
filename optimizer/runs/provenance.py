"""What made a run, beside what is installed here: code, data, versions, processor."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from typing import Any

from tiercap.optimizer.io import machine
from tiercap.optimizer.io.units import printable
from tiercap.optimizer.model.evaluator import vector_bits
from tiercap.optimizer.runs.identity import configuration
from tiercap.optimizer.study.problem import Problem

#: What is not a version but a digest, in words.
_DIGESTS = {
    "kernel_sources": "the sources of the kernels",
    "exporter_catalogue": "the exporter's catalogue",
    "rules": "the rules",
}


def differences(manifest: Mapping[str, Any], problem: Problem) -> list[str]:
    """Each thing that shapes bits and is not the same here, such as "numba 0.65.1 (here 0.68.1)"."""
    found, here = [], configuration(problem)
    for table in ("code", "data"):
        there = _table(_table(manifest.get("configuration")).get(table))
        for name, value in here[table].items():
            if there.get(name) != value:
                found.append(_DIGESTS.get(name) or _said(name, there.get(name), value))
    versions, computer = _table(manifest.get("versions")), _table(manifest.get("machine"))
    now = {"python": platform.python_version(), "pyarrow": machine.installed("pyarrow")}
    found += [_said(name, versions[name], value) for name, value in now.items() if versions.get(name, value) != value]
    this = {"system": platform.system(), "processor": platform.machine(), "vector_bits": vector_bits()}
    found += [_said(name.replace("_", " "), computer[name], value) for name, value in this.items()
              if computer.get(name, value) != value]  # fmt: skip
    return found


def sentence(differing: list[str]) -> str:
    """One sentence that names what differs; empty where nothing does."""
    if not differing:
        return ""
    return f"the run was made with {', '.join(differing)}: bits may differ for that reason alone"


def _said(name: str, there: Any, here: Any) -> str:
    return f"{name} {printable(str(there)) if there is not None else 'unknown'} (here {here})"


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
