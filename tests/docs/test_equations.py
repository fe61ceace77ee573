"""Every equation of docs/model.md is cited where it is computed, in the kernels and in the twin, and no other is."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "docs"))

import make_equations  # noqa: E402 - the program that writes the section stands beside the page

NUMBERS = make_equations.numbers(make_equations.PAGE.read_text(encoding="utf-8"))


def test_the_page_numbers_its_equations_from_one_without_a_gap() -> None:
    assert sorted(NUMBERS) == list(range(1, len(NUMBERS) + 1))
    assert len(NUMBERS) >= 45


@pytest.mark.parametrize("folder", [make_equations.KERNELS, make_equations.TWIN], ids=["kernels", "twin"])
def test_every_equation_is_cited_by_a_function_that_computes_it(folder: Path) -> None:
    cited = {place.number for place in make_equations.citations(folder) if place.function}
    assert set(NUMBERS) - cited == set()


@pytest.mark.parametrize("folder", ["kernels", "optimizer", "tests", "benchmarks", "docs"])
def test_no_source_cites_an_equation_that_the_page_does_not_have(folder: str) -> None:
    beyond = [place for place in make_equations.citations(ROOT / folder) if place.number not in NUMBERS]
    assert beyond == []


def test_no_page_cites_an_equation_that_the_page_of_the_model_does_not_have() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "benchmarks").glob("*.md")]
    cited = {(path.name, number) for path in pages for number in make_equations.cited(path.read_text(encoding="utf-8"))}
    assert {(name, number) for name, number in cited if number not in NUMBERS} == set()
    assert ("architecture.md", 10) in cited


def test_the_section_is_what_the_functions_cite() -> None:
    page = make_equations.PAGE.read_text(encoding="utf-8")
    same = page.endswith(f"\n\n{make_equations.section()}")
    assert same, f"the end of docs/model.md is not what the functions cite: `{make_equations.COMMAND}` writes it anew"


def test_citations_are_found_in_docstrings_and_comments_of_the_function_they_stand_in(tmp_path: Path) -> None:
    """Over the end of a line, in lists, in methods; code and bare numbers are no citations."""
    (tmp_path / "one.py").write_text(
        '"""Equation (1)."""\n'
        "class A:\n"
        "    def f(self):\n"
        '        """Equations (2), (3) and\n        (4)."""\n'
        "        # by equation\n"
        "        # (5); (99) is a number\n"
        "        return range(6)\n"
    )
    found = [(place.number, place.function) for place in make_equations.citations(tmp_path)]
    assert found == [(1, ""), (2, "A.f"), (3, "A.f"), (4, "A.f"), (5, "A.f")]
