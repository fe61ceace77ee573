"""The pages that people read: their commands parse, their lists are complete, their counts are true."""

from __future__ import annotations

import inspect
import json
import re
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from tiercap.optimizer.analysis import signs
from tiercap.optimizer.cli import group
from tiercap.optimizer.model import measures, parameters
from tiercap.optimizer.rules import chips as catalogue
from tiercap.optimizer.rules.book import load_rules
from tiercap.optimizer.study import engines, load

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "docs"))

import make_architecture  # noqa: E402 - the programs that write pages stand beside them
import make_reference  # noqa: E402

PAGES = (
    "README.md", "docs/tutorial.md",
    "docs/howto-study.md", "docs/howto-sensitivity.md", "docs/howto-sweep.md", "docs/howto-python.md",
    "docs/howto-bridges.md",
    "docs/data.md", "docs/record.md", "docs/calibration.md", "docs/architecture.md", "CONTRIBUTING.md",
    "docs/reference-commands.md", "docs/reference-model.md", "docs/reference-search.md", "docs/reference-rules.md",
)  # fmt: skip


def page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(name: str, language: str) -> list[str]:
    """The fenced blocks of a page in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page(name), re.MULTILINE | re.DOTALL)


def commands() -> Iterator[tuple[str, list[str]]]:
    """Every `tiercap ...` line of a shell block, as page and arguments, without redirections and comments."""
    for name in PAGES:
        for line in "".join(blocks(name, "sh")).splitlines():
            words = shlex.split(line, comments=True)
            if words and words[0].rpartition("/")[2] == "tiercap":
                yield name, words[1 : words.index("<") if "<" in words else None]


def parse(arguments: list[str]) -> click.Context:
    """Parse to the end, through subcommands, and run nothing."""
    command: click.Command = group
    context = click.Context(group, info_name="tiercap")
    while isinstance(command, click.Group):
        _, found, arguments = command.resolve_command(context, arguments)
        assert found is not None
        command = found
    return command.make_context(command.name, list(arguments), parent=context)


@pytest.mark.parametrize(("name", "arguments"), [pytest.param(*c, id=f"{c[0]}: {' '.join(c[1])}") for c in commands()])
def test_every_command_line_parses(name: str, arguments: list[str]) -> None:
    parse(arguments)


def test_there_are_command_lines_on_both_pages_for_users() -> None:
    found = Counter(name for name, _ in commands())
    assert found["README.md"] >= 10
    assert found["docs/howto-study.md"] >= 5


def test_policies_on_the_command_lines_are_understood() -> None:
    from tiercap.optimizer.rules import policy_text

    for _, arguments in commands():
        for flag, value in zip(arguments, arguments[1:], strict=False):
            if flag == "--policy" and value != "-" and not re.fullmatch(r"[\w/]+(\.csv|:\d+)+", value):  # a row
                policy_text.parse(value)


def test_the_readme_lists_the_commands_of_the_help() -> None:
    listed = re.findall(r"^\| `tiercap ([a-z]+)` \|", page("README.md"), re.MULTILINE)
    assert listed == group.list_commands(click.Context(group))


def test_the_study_of_the_howto_is_sound(tmp_path: Path) -> None:
    study = tmp_path / "my-study.toml"
    study.write_text(blocks("docs/howto-study.md", "toml")[0], encoding="utf-8")
    loaded = load.load(study)
    said = f"{len(loaded.levers)} levers, {len(loaded.objectives)} objectives, {len(loaded.constraints)} constraints"
    assert said in page("docs/howto-study.md")


def test_the_python_on_sensitivity_runs() -> None:
    (code,) = blocks("docs/howto-sensitivity.md", "python")
    names: dict[str, object] = {}
    exec(code, names)
    assert names["found"] is not None


def test_the_python_of_the_page_on_it_runs() -> None:
    names: dict[str, object] = {}
    for code in blocks("docs/howto-python.md", "python"):
        exec(code, names)
    assert names["mine"]


def test_the_page_on_python_lists_every_function() -> None:
    from tiercap.optimizer import api

    listed = re.findall(r"^\| `(\w+)\(", page("docs/howto-python.md"), re.MULTILINE)
    verbs = [name for name in api.__all__ if inspect.isfunction(getattr(api, name))]
    assert sorted(listed) == verbs


def test_conditions_of_the_page_on_sensitivity_are_understood() -> None:
    from tiercap.optimizer.analysis import conditions as failing
    from tiercap.optimizer.study.problem import Problem

    problem = Problem(load.load("china-2026"))
    section = page("docs/howto-sensitivity.md").split("| condition |")[1].split("\n\n")[0]
    conditions = re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE)
    assert len(conditions) == 4
    assert all(failing.parse(text, problem) for text in conditions)


def masked(text: str) -> list[str]:
    """Lines without their numbers and the widths of their columns: what stays on any kind of processor."""
    return [re.sub(r"[ ,.#%]+", " ", re.sub(r"[-+]?\d[\d,.]*", "#", line)).strip() for line in text.splitlines()]


@pytest.mark.slow
def test_the_tutorial_runs_and_prints_what_it_shows(tmp_path: Path) -> None:
    """Command after command in one folder. Excerpts are held to the output in all but their numbers."""
    printed: list[str] = []
    for language, content in re.findall(r"^```(\w+)\n(.*?)^```$", page("docs/tutorial.md"), re.MULTILINE | re.DOTALL):
        if language == "toml":
            (tmp_path / "my-study.toml").write_text(content, encoding="utf-8")
        elif language == "sh":
            lines = [line for line in content.splitlines() if line.startswith("tiercap ")]
            printed = masked("".join(run_line(line, tmp_path) for line in lines))
        elif language == "text":
            missing = [line for line in masked(content) if line and line not in printed]
            assert not missing, f"docs/tutorial.md shows what was not printed: {missing}"
    macros = (tmp_path / "paper" / "numbers.tex").read_text() + (tmp_path / "paper" / "captions.tex").read_text()
    (latex,) = blocks("docs/tutorial.md", "latex")
    assert all(f"{{{name}}}" in macros for name in re.findall(r"\\tc\w+", latex))
    assert all((tmp_path / name).is_file() for name in re.findall(r"includegraphics{(.*?)}", latex))


def run_line(line: str, folder: Path) -> str:
    """Standard output of a `tiercap ...` line, which must succeed."""
    words = shlex.split(line, comments=True)[1:]
    call = [sys.executable, "-c", "from tiercap.optimizer.cli import main; main()", *words]
    done = subprocess.run(call, check=False, capture_output=True, text=True, timeout=300, cwd=folder)
    assert done.returncode == 0, f"{line}: {done.stderr}"
    return done.stdout


@pytest.mark.slow
def test_the_schedule_of_the_howto_comes_to_what_it_says() -> None:
    (line,) = (code for code in blocks("docs/howto-study.md", "sh") if "2028:" in code)
    found = json.loads(run_line(line, ROOT))["policies"][0]["outcomes"]
    numbers = [float(x) for x in line.rpartition("# means ")[2].split()]
    means = [found[name]["mean"] for name in ("revenue", "compute_lead", "substitution")]
    assert means == pytest.approx(numbers, rel=1e-7)


@pytest.mark.parametrize("name", sorted(make_reference.pages()))
def test_the_reference_is_what_the_program_says(name: str) -> None:
    same = page(f"docs/{name}") == make_reference.pages()[name]
    assert same, f"docs/{name} is not what the program says now: `{make_reference.COMMAND}` writes it anew"


def test_there_are_no_other_pages_of_reference() -> None:
    assert sorted(p.name for p in (ROOT / "docs").glob("reference-*.md")) == sorted(make_reference.pages())


def escaped(text: str) -> str:
    """Text as a cell of a Markdown table has it."""
    return text.replace("*", r"\*")


def test_the_reference_misses_nothing() -> None:
    commands, model, search = (page(f"docs/reference-{name}.md") for name in ("commands", "model", "search"))
    assert all(f"\n## tiercap {name}\n" in commands for name in group.list_commands(click.Context(group)))
    assert all(f"| `{info.name}` | {escaped(info.unit)} |" in model for info in parameters.table())
    assert all(f"| `{outcome}` |" in model for outcome in measures.OUTCOMES)
    assert all(f"`{name}`" in search for name in engines.ENGINES)
    numbers = {number for text in make_reference.EQUATIONS.values() for number in re.findall(r"\((\d+)\)", text)}
    assert all(rf"\tag{{{number}}}" in page("docs/model.md") for number in numbers)


def test_the_page_of_the_model_has_the_sign_table() -> None:
    rows = [f"| {row.number} | {row.change} | {row.base} | {row.must} | {row.story} |" for row in signs.ROWS]
    assert "\n".join(["|---|---|---|---|---|", *rows, ""]) in page("docs/model.md")


def test_tables_of_the_reference_have_as_many_cells_in_every_row() -> None:
    for name in make_reference.pages():
        for table in re.findall(r"(?:^\|.*\n)+", page(f"docs/{name}"), re.MULTILINE):
            assert len({len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}) == 1, table[:200]


def test_the_page_on_the_code_is_what_the_code_says() -> None:
    assert make_architecture.page() == page("docs/architecture.md"), "make reference"
    assert make_architecture.drawing() == page("docs/pictures/rooms.svg"), "make reference"


def test_the_page_on_the_code_knows_every_data_file() -> None:
    there = {p.name for p in (ROOT / "optimizer" / "data").iterdir() if p.is_file() and p.suffix != ".py"}
    assert there == set(make_architecture.DATA)


def test_counts_of_evidence_are_true() -> None:
    found = Counter(info.evidence for info in parameters.table())
    total = sum(found.values())
    text = " ".join(page("README.md").split())
    share = f"{100 * found['assumption'] / total:.0f} %"
    assert f"{found['assumption']} of the model's {total} parameters ({share}) rest on assumptions" in text
    assert f"Of {total} parameters {found['assumption']} ({share}) rest on assumptions" in text
    assert f"{found['derived']} are derived from published figures" in text
    assert f"{found['press']} are from the press and {found['official']} official" in text
    chips = Counter(chip.evidence for chip in catalogue.load_chips())
    rows = re.findall(r"^\| (\w+) \| [^|]+ \| (\d+) \| (\d+) \|$", page("docs/data.md"), re.MULTILINE)
    assert {tag: (int(a), int(b)) for tag, a, b in rows} == {
        tag: (chips[tag], found[tag]) for tag in catalogue.EVIDENCE
    }


def test_counts_of_chips_and_rules_are_true() -> None:
    chips = catalogue.load_chips()
    text = page("docs/data.md")
    nations = Counter(chip.country for chip in chips)
    assert f"{len(chips)} chips, {nations['US']} from the US and {nations['China']} from China" in text
    assert f"areas of {sum(chip.die_area_mm2 is None for chip in chips)} chips are not known" in text
    assert f"Prices are unknown for {sum(chip.price_low_usd is None for chip in chips)} chips" in text
    assert f"{len(load_rules())} rules: {sum(r.in_force for r in load_rules().values())} that applied" in text
    assert all(f"`{column}`" in text for column in catalogue.COLUMNS)


@pytest.mark.parametrize("name", PAGES)
def test_links_between_pages_lead_somewhere(name: str) -> None:
    for target in re.findall(r"\]\(([^)#]*)(?:#[^)]*)?\)", page(name)):
        if target and "://" not in target:
            assert ((ROOT / name).parent / target).exists(), target


def test_the_readme_links_every_page() -> None:
    there = [p for p in (ROOT / "docs").iterdir() if p.suffix in (".md", ".ipynb")]
    there += [p for p in (ROOT / "docs" / "pictures").iterdir() if p.suffix == ".png"]
    assert [p.name for p in there if f"]({p.relative_to(ROOT)})" not in page("README.md")] == []


def test_no_page_names_a_path_of_somebodys_machine() -> None:
    for name in PAGES:
        assert not re.search(r"/(home|root|tmp|work|Users)/", page(name)), name
