"""How an analysis becomes a folder: what shapes its answer, its tables, a codebook, and how to make it again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any, Protocol

from tiercap.optimizer.io.columns import Columns
from tiercap.optimizer.rules.levers import describe
from tiercap.optimizer.runs.folder import RunFolder
from tiercap.optimizer.runs.identity import configuration
from tiercap.optimizer.runs.named_policy import NamedPolicy
from tiercap.optimizer.study import stored
from tiercap.optimizer.study.problem import Problem

#: Unit and meaning of columns by name.
About = Mapping[str, tuple[str, str]]


class Described(Protocol):
    """An input: a parameter or a lever."""

    @property
    def name(self) -> str: ...
    @property
    def unit(self) -> str: ...
    @property
    def meaning(self) -> str: ...


def answering(problem: Problem, *packages: str) -> dict[str, Any]:
    """What shapes the answer of an analysis: the configuration of a search of the same study, without the search.

    packages : further ones whose versions shape it
    """
    made = {key: value for key, value in configuration(problem).items() if key not in ("budget", "search", "sampler")}
    code = {**made["code"], **{name: version(name) for name in packages}}
    return {**made, "code": code}


def policy_json(policy: NamedPolicy) -> dict[str, Any]:
    """A policy's name and its levers, phase by phase, as JSON has them."""
    return {"name": policy.name, "levers": [describe(row) for row in policy.levers[0, :, None]]}


def write_tables(folder: RunFolder, tables: Mapping[str, Columns], about: About) -> None:
    """Every table with the units of its columns."""
    for name, table in tables.items():
        folder.write_table(name, table, {column: about[column][0] for column in table})


def write_account(
    folder: RunFolder, about: About, inputs: Sequence[Described], summary: Mapping[str, Any], command: str,
    problem: Problem,
) -> None:  # fmt: skip
    """Codebook and manifest: what the columns mean, what was asked, and by which command of which study."""
    meanings = [(name, *words) for name, words in about.items()]
    folder.write_codebook(meanings + [(one.name, one.unit, one.meaning) for one in inputs])
    folder.write_manifest({**summary, "command": command, "study": stored.resolved(problem.study)})
