"""What there is: parameters with their sources, outcomes, engines, and what a study amounts to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tiercap.kernels.params import OUTCOME_LIST, TRAJECTORY_LIST
from tiercap.optimizer.analysis import ledger as accounting
from tiercap.optimizer.api.arguments import Place, Tables, assignments, path_of, texts_of
from tiercap.optimizer.io import frames
from tiercap.optimizer.study import engines as searching
from tiercap.optimizer.study import load, parameter_rows, sound, stored, template
from tiercap.optimizer.study.problem import Problem

if TYPE_CHECKING:
    import pandas as pd

#: Columns of a parameter in its own unit.
_IN_OWN_UNIT = ("value", "low", "high")


def parameters(
    names: str | Sequence[str] = (),
    *,
    evidence: str | None = None,
    settings: Mapping[str, object] | None = None,
) -> pd.DataFrame:
    """Every parameter and lever with unit, value, range, source and evidence (docs/reference-model.md).

    Parameters
    ----------
    names : str or sequence of str
        Parameters, levers, or groups of them such as ``demand``; all if none.
    evidence : str, optional
        Only values of this tag: official, press, secondary, derived, assumption, recalled.
    settings : mapping of str to value, optional
        Values over the built-in ones.

    Returns
    -------
    pandas.DataFrame
        The index ``name``; value, low and high in the unit of column ``unit``, in which a bare number is read too.

    Raises
    ------
    InputError
        For an unknown parameter, group or tag.
    """
    frames.check_installed()
    rows = parameter_rows.listed(texts_of(names), evidence, assignments(settings))
    return frames.frame(frames.columns(rows), dict.fromkeys(_IN_OWN_UNIT, "see unit"), {}, ["name"])


def ledger(study: Problem) -> pd.DataFrame:
    """What the results hang on: prior, posterior, and the share of each objective's variance a parameter explains.

    Parameters
    ----------
    study : Problem
        With calibrated scenarios, under its rule in force.

    Returns
    -------
    pandas.DataFrame
        The index ``name``; the columns of :func:`parameters`, then prior, posterior (mappings of p05, p50, p95 to
        values), bits that the record tells, and ``explains_`` with each objective: first-order indices by binning.
        ``attrs``: ensemble, rule, objectives, evaluations, method, structure_explains.

    Raises
    ------
    InputError
        For scenarios that are not calibrated.
    """
    frames.check_installed()
    found = accounting.ledger(study)
    rows = [parameter_rows.row(entry.info) for entry in found.entries]
    accounting.join(rows, found)
    flat = [{**row, **{f"explains_{name}": share for name, share in row.pop("explains").items()}} for row in rows]
    units = dict.fromkeys((*_IN_OWN_UNIT, "prior", "posterior"), "see unit") | {"bits": "bit"}
    return frames.frame(frames.columns(flat), units, accounting.about(found), ["name"])


def outcomes(steps: bool = False) -> pd.DataFrame:
    """What the model reports (docs/model.md, section 9).

    Parameters
    ----------
    steps : bool
        What is known of every step, instead of the totals of a run.

    Returns
    -------
    pandas.DataFrame
        The index ``name``; unit, meaning. Any of the totals can be an objective or a constraint of a study.

    Raises
    ------
    InputError
        Where the extra ``netcdf`` is missing.
    """
    frames.check_installed()
    listed = TRAJECTORY_LIST if steps else OUTCOME_LIST
    return frames.frame(frames.columns([one._asdict() for one in listed]), {}, {}, ["name"])


def engines() -> Tables:
    """What can search, and how it can be set (docs/reference-search.md).

    Returns
    -------
    dict of str to pandas.DataFrame
        ``engines``: the index ``name``, meaning, package. ``options``: engine, option, default, rule, meaning.
        ``pruners``: the index ``name``, meaning. ``attrs["default"]`` is the engine where a study names none.

    Raises
    ------
    InputError
        Where the extra ``netcdf`` is missing.
    """
    frames.check_installed()
    heads = [{"name": name, "meaning": one.meaning, "package": one.package} for name, one in searching.ENGINES.items()]
    options = [
        {"engine": name, "option": option, "default": spec.default, "rule": spec.rule, "meaning": spec.meaning}
        for name, one in searching.ENGINES.items() for option, spec in one.options.items()
    ]  # fmt: skip
    pruners = [{"name": name, "meaning": meaning} for name, meaning in searching.PRUNERS.items()]
    about = {"default": searching.DEFAULT}
    return {
        "engines": frames.frame(frames.columns(heads), {}, about, ["name"]),
        "options": frames.frame(frames.columns(options), {}, about),
        "pruners": frames.frame(frames.columns(pruners), {}, about, ["name"]),
    }


def config(
    source: Place | None = None, settings: Mapping[str, object] | None = None, *, seed: int | None = None
) -> dict[str, Any]:
    """Every value of a study and where it was said, after a check of the whole.

    Parameters
    ----------
    source, settings : as in :func:`study`
    seed : int, optional
        Of the scenarios and the search.

    Returns
    -------
    dict
        Tables of the study file by name, as ``tiercap config show --json`` has them; ``origins`` has the place of each
        value that was not built in.

    Raises
    ------
    InputError
        For every problem of the study in one sentence, with line and column.
    """
    read = load.load(source, assignments(settings), {"seed": seed})
    sound.check_sound(read)
    return stored.resolved(read)


def init(path: Place = "study.toml", study: str = "thresholds-2026") -> Path:
    """Write a study file to start from, with comments.

    Parameters
    ----------
    path : path
        A file that does not exist yet.
    study : str
        The built-in study to copy.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    InputError
        Where the file exists, or no study has this name.
    StorageError
        Where it cannot be written.
    """
    place = path_of(path)
    template.write_template(place, study)
    return place
