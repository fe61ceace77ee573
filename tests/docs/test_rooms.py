"""Rooms: their faces, and that each public module is tested where a reader would look."""

from __future__ import annotations

import tomllib
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
PROTECTED = {c["id"].removeprefix("face-of-"): c for c in CONTRACTS if c["type"] == "protected"}
#: Rooms that nobody below the command line and the API imports have no face.
FACES = sorted(
    p.parent.name for p in (ROOT / "optimizer").glob("*/__init__.py") if "opened(__name__" in p.read_text()
)
MOST = 16


def modules(room: str) -> set[str]:
    return {p.stem for p in (ROOT / "optimizer" / room).glob("*.py")} - {"__init__"}


@pytest.mark.parametrize("room", FACES)
def test_a_face_names_what_others_import_and_the_rest_is_protected(room: str) -> None:
    face = set(import_module(f"tiercap.optimizer.{room}").__all__)
    inner = PROTECTED.get(room, {"protected_modules": []})["protected_modules"]
    private = {name.rpartition(".")[2] for name in inner}
    assert face | private == modules(room)
    assert not face & private
    assert len(face) <= MOST
    assert room not in PROTECTED or PROTECTED[room]["allowed_importers"] == [f"tiercap.optimizer.{room}"]


@pytest.mark.parametrize("room", FACES)
def test_a_face_opens_its_modules_and_nothing_else(room: str) -> None:
    package = import_module(f"tiercap.optimizer.{room}")
    for name in package.__all__:
        assert getattr(package, name).__name__ == f"tiercap.optimizer.{room}.{name}"
    with pytest.raises(AttributeError, match="its face has"):
        _ = package.nothing_of_the_kind


def test_every_public_module_has_a_test_of_its_name_or_a_line_that_says_where() -> None:
    where = tomllib.loads((ROOT / "tests" / "where.toml").read_text())
    told = {f"{room}/{module}": place for room, lines in where.items() for module, place in lines.items()}
    tested, missing = {}, []
    for path in [*(ROOT / "optimizer").glob("*/*.py"), *(ROOT / "kernels").glob("*.py")]:
        name = f"{path.parent.name}/{path.stem}"
        if (path.stem.startswith("_") and path.parent.name != "kernels") or path.stem.startswith("__"):
            continue
        own = ROOT / "tests" / path.parent.name / f"test_{path.stem}.py"
        if own.exists():
            tested[name] = own
        elif name not in told:
            missing.append(name)
    assert not missing, "write tests/ROOM/test_NAME.py, or a line in tests/where.toml"
    assert not set(told) & set(tested), "these have a test of their own name: drop their lines in tests/where.toml"
    assert all((ROOT / "tests" / place).is_file() for place in told.values())
    assert all(
        (ROOT / ("kernels" if name.startswith("kernels/") else "optimizer")).is_dir()
        and ((ROOT / "optimizer" / f"{name}.py").exists() or (ROOT / f"{name}.py").exists())
        for name in told
    ), "tests/where.toml names a module that is gone"


def test_no_test_file_imports_another() -> None:
    for path in (ROOT / "tests").rglob("test_*.py"):
        for line in path.read_text().splitlines():
            words = line.split()
            if words[:1] in (["from"], ["import"]):
                assert not any(word.rpartition(".")[2].startswith("test_") for word in words[1:2]), f"{path}: {line}"
