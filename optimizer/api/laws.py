"""What laws say of chips: the chips and rules that are built in, and each chip's status under each rule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tiercap.optimizer.api.arguments import Place, Tables, path_or_none, texts_of
from tiercap.optimizer.io import frames
from tiercap.optimizer.rules import book, cliffs
from tiercap.optimizer.rules import chips as catalogue

if TYPE_CHECKING:
    import pandas as pd

#: Units of a cliff's columns.
_DISTANCE = {"value": "see unit", "cap": "see unit", "room": "%", "months": "month"}


def chips(names: str | Sequence[str] = (), file: Place | None = None) -> pd.DataFrame:
    """The chips that are built in, with figures, units and sources (docs/data.md).

    Parameters
    ----------
    names : str or sequence of str
        Names of chips; all if none.
    file : path, optional
        A CSV file of your own chips instead of the built-in.

    Returns
    -------
    pandas.DataFrame
        A row a chip, the index ``name``; a figure that nobody has published is missing. ``attrs["units"]``: TPP is
        tera-operations a second times bit length, bandwidths are in GB/s.

    Raises
    ------
    InputError
        For an unknown chip or a file that is no such table.
    """
    frames.check_installed()
    records = [catalogue.record(chip) for chip in catalogue.listed(texts_of(names), path_or_none(file))]
    return frames.frame(frames.columns(records), catalogue.UNITS, {}, ["name"])


def rules(names: str | Sequence[str] = ()) -> Tables:
    """The rules that are built in, limb by limb, with dates and citations (docs/reference-rules.md).

    Parameters
    ----------
    names : str or sequence of str
        Names of rules; all if none.

    Returns
    -------
    dict of str to pandas.DataFrame
        ``rules``: the index ``name``, title, date, in_force, citations, notes. ``limbs``: rule, group (a allied, b
        swing, c restricted) and the caps and terms of every limb in ``attrs["units"]``; a chip is admitted if every
        figure lies strictly below its cap, and infinity is no cap.

    Raises
    ------
    InputError
        For an unknown rule.
    """
    frames.check_installed()
    records = [book.record(rule) for rule in book.listed(texts_of(names))]
    heads = [{key: value for key, value in one.items() if key != "groups"} for one in records]
    limbs = [
        {"rule": one["name"], "group": group, "limb": limb["name"],
         **{key: value for key, value in limb.items() if key != "name"}}
        for one in records for group, each in one["groups"].items() for limb in each
    ]  # fmt: skip
    return {
        "rules": frames.frame(frames.columns(heads), {}, {}, ["name"]),
        "limbs": frames.frame(frames.columns(limbs), book.UNITS, {}),
    }


def classify(
    names: str | Sequence[str] = (),
    rules: str | Sequence[str] = (),
    group: str = "c",
    *,
    file: Place | None = None,
) -> Tables:
    """Each chip's status under each rule, the limb that decides, and the lines around it.

    Parameters
    ----------
    names : str or sequence of str
        Chips; all if none.
    rules : str or sequence of str
        Rules; all if none.
    group : {"a", "b", "c"}
        The destination: allied, swing, restricted.
    file : path, optional
        A CSV file of your own chips instead of the built-in.

    Returns
    -------
    dict of str to pandas.DataFrame
        ``statuses``: chip, rule, status (open, licensed, denied or unknown), the deciding limb, because. ``cliffs``:
        chip, rule, the distance from every line, ``room`` [%] below it. ``fits``: lines that chips were built to
        (relation built_to) or that were drawn beside chips (drawn_beside). ``attrs``: group.

    Raises
    ------
    InputError
        For an unknown chip, rule or group.
    """
    frames.check_installed()
    group, listed = group.strip().casefold(), book.listed(texts_of(rules))
    listed[0].limbs(group)  # refuses an unknown group
    found = [
        cliffs.record(chip, listed, group, True)
        for chip in catalogue.listed(texts_of(names), path_or_none(file))
    ]  # fmt: skip
    statuses = [{"chip": one["name"], "rule": rule, **each} for one in found for rule, each in one["rules"].items()]
    lines = [
        {"chip": one["name"], "rule": rule, **each}
        for one in found for rule, several in one["cliffs"].items() for each in several
    ]  # fmt: skip
    fits = [{"chip": one["name"], **one[key]} for one in found for key in ("built_to", "drawn_beside") if one[key]]
    tables = {"statuses": statuses, "cliffs": lines, "fits": fits}
    return {name: frames.frame(frames.columns(rows), _DISTANCE, {"group": group}) for name, rows in tables.items()}
