"""Every row of a tile and every parameter serves some kernel."""

from __future__ import annotations

import re
from pathlib import Path

from tiercap.kernels import lanes
from tiercap.kernels.params import PARAMETERS

KERNELS = Path(lanes.__file__).parent
#: Told beside the model, which they move in nothing: docs/model.md section 9.
TOLD_APART = {"algorithm_lag", "algorithm_growth"}
#: Counts and sizes rather than rows.
SIZES = {"LANES", "MAX_CHIPS", "NAME", "OUTCOMES"}


def words(*left_out: str) -> set[str]:
    """Every word of the kernels' sources but for those files."""
    files = [path for path in KERNELS.glob("*.py") if path.name not in left_out]
    return set(re.findall(r"\w+", "\n".join(path.read_text(encoding="utf-8") for path in files)))


def rows() -> set[str]:
    assigned = re.findall(r"^([A-Z][A-Z0-9_, ]*) = \(?_\w\.", (KERNELS / "lanes.py").read_text(), re.MULTILINE)
    return {name for names in assigned for name in names.split(", ")} - SIZES


def test_every_row_is_used() -> None:
    assert len(rows()) > 200
    assert {row for row in rows() - words("lanes.py") if not row.endswith("_SIZE")} == set()


def test_every_parameter_is_read() -> None:
    names = {parameter.name for parameter in PARAMETERS}
    assert names - words("params.py") == TOLD_APART


def test_words_leave_files_out() -> None:
    assert rows() - words("lanes.py", "paths.py", "state.py")
