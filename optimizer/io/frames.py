"""Tables and arrays as pandas and xarray objects that carry their units.

A data frame has ``attrs["units"]``, column to unit; where rows have different units it says "see unit", and the column
`unit` has them. A variable of a dataset has ``attrs["units"]`` and ``attrs["long_name"]``, as in the CF conventions.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tiercap.optimizer.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


class Variable(NamedTuple):
    """One variable or coordinate of a dataset: an array with as many axes as there are ``dims``."""

    dims: tuple[str, ...]
    values: Any
    unit: str
    meaning: str


def check_installed() -> None:
    """Refuse, before anything is computed, where pandas or xarray is missing."""
    try:
        import pandas  # noqa: F401
        import xarray  # noqa: F401
    except ImportError:
        raise InputError(
            "the Python interface needs pandas and xarray: install tiercap with the extra [netcdf]"
        ) from None


def frame(
    columns: Mapping[str, Any], units: Mapping[str, str], about: Mapping[str, Any], index: Sequence[str] = ()
) -> pd.DataFrame:
    """A data frame of columns [n]; ``units`` of columns that are not pure numbers.

    about : further entries of ``attrs``, as JSON can hold them; index : columns that become the index
    """
    import pandas as pd

    made = pd.DataFrame({name: np.asarray(values) for name, values in columns.items()})
    if index:
        made = made.set_index(list(index))
    made.attrs = {**about, "units": {name: units.get(name, "1") for name in columns}}
    return made


def dataset(
    variables: Mapping[str, Variable], coordinates: Mapping[str, Variable], about: Mapping[str, Any]
) -> xr.Dataset:
    """A dataset; ``about`` are its own attributes, texts and numbers only, as netCDF can hold them."""
    import xarray as xr

    def labelled(some: Mapping[str, Variable]) -> dict[str, Any]:
        return {
            name: (one.dims, one.values, {"units": one.unit, "long_name": one.meaning}) for name, one in some.items()
        }

    return xr.Dataset(labelled(variables), labelled(coordinates), dict(about))


def tree(groups: Mapping[str, xr.Dataset], about: Mapping[str, Any]) -> xr.DataTree:
    """Datasets as the children of a tree, by name; ``about`` are the attributes of its root."""
    import xarray as xr

    made = xr.DataTree.from_dict(dict(groups))
    made.attrs = dict(about)
    return made


def opened(path: Path, about: Mapping[str, Any]) -> xr.Dataset:
    """A netCDF file of ours, its values left on disk until they are asked for; ``about`` joins its attributes."""
    import xarray as xr

    return xr.open_dataset(path, engine="h5netcdf").assign_attrs(about)


def columns(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Records as columns; what one of them lacks is None, and a sequence or mapping stays whole in its cell."""
    names = dict.fromkeys(name for one in records for name in one)
    return {name: _cells([one.get(name) for one in records]) for name in names}


def _cells(values: list[Any]) -> Any:
    there = [value for value in values if value is not None]
    if there and all(isinstance(value, int | float) and not isinstance(value, bool) for value in there):
        return [math.nan if value is None else value for value in values]
    if len({type(value) for value in values}) == 1 and not isinstance(values[0], list | tuple | dict):
        return values
    cells = np.empty(len(values), dtype=object)
    cells[:] = values
    return cells
