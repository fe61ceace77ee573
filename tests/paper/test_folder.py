"""`tiercap paper`: files that are whole, the same again, safe with any name, and readable at print size."""

from __future__ import annotations

import csv
import hashlib
import io
import itertools
import json
import math
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import small
from support.paper_inputs import HOSTILE, sensitivity, study, sweep

from tiercap.optimizer.cli import group
from tiercap.optimizer.cli.guard import run
from tiercap.optimizer.errors import InputError
from tiercap.optimizer.paper import exhibit, folder, given, labels, ladder, latex, readme, style, sweeps
from tiercap.optimizer.paper.exhibit import Figure, Left
from tiercap.optimizer.paper.folder import Inputs, Paper
from tiercap.optimizer.paper.material import Material
from tiercap.optimizer.runs import saved
from tiercap.optimizer.search.run import optimize

POINTS = np.linspace(2000.0, 90000.0, 9)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose study has hostile names."""
    path = tmp_path_factory.mktemp("run")
    return optimize(small.problem(study=str(study(path))), path / "run").path


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    path = tmp_path_factory.mktemp("inputs")
    swept = sweep(path / "sweep", {"c_licensed_tpp": np.tile(POINTS, 2)}, [HOSTILE[1]] * 9 + [HOSTILE[9]] * 9)
    return Inputs(swept, sensitivity(path / "sensitivity"))


@pytest.fixture(scope="module")
def paper(made: Path, inputs: Inputs, tmp_path_factory: pytest.TempPathFactory) -> Paper:
    return folder.write(saved.load(made, 1), tmp_path_factory.mktemp("paper") / "paper", inputs)


@pytest.fixture(scope="module")
def material(made: Path) -> Material:
    return Material(saved.load(made, 1))


def rows(path: Path) -> list[list[str]]:
    return list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"), newline=""), strict=True))


def test_every_figure_is_there_at_both_widths_with_its_data(paper: Paper) -> None:
    names = {"tradeoffs", "ladder", "parallel", "trajectories", "backcast", "sweep", "sobol", "tornado"}
    assert {shown.name for shown in paper.figures} == names
    assert paper.left == ()
    for name, (ending, width) in itertools.product(names, style.WIDTHS.items()):
        pdf = (paper.path / f"figures/{name}-{ending}.pdf").read_bytes()
        box = re.search(rb"/MediaBox \[ 0 0 ([0-9.]+) ([0-9.]+) \]", pdf)
        assert box is not None
        assert float(box[1]) == pytest.approx(72 * width, abs=0.05)
        assert float(box[2]) < 72 * 9.5, "taller than a page"
        assert b"/FontFile2" in pdf, "a TrueType font is embedded"
        assert b"/Type3" not in pdf
        assert b"CreationDate" not in pdf
        svg = ET.fromstring((paper.path / f"figures/{name}-{ending}.svg").read_bytes())
        tags = {element.tag.rpartition("}")[2] for element in svg.iter()}
        assert not tags & {"script", "text", "foreignObject", "a"}
    assert len(rows(paper.path / "figures/tradeoffs.csv")) > 14


def test_the_codebook_has_every_column_of_every_csv(paper: Paper) -> None:
    head, *told = rows(paper.path / "codebook.csv")
    assert head == ["file", "column", "unit", "meaning"]
    assert all(all(cells) for cells in told)
    files = sorted((paper.path / "figures").glob("*.csv")) + sorted((paper.path / "tables").glob("*.csv"))
    there = [(path.relative_to(paper.path).as_posix(), name) for path in files for name in rows(path)[0]]
    assert sorted((file, column) for file, column, *_ in told) == sorted(there)


def test_digests_are_of_all_files(paper: Paper) -> None:
    listed = dict(line.split("  ")[::-1] for line in (paper.path / folder.SUMS).read_text().splitlines())
    there = {p.relative_to(paper.path).as_posix() for p in paper.path.rglob("*") if p.is_file()} - {folder.SUMS}
    assert listed.keys() == there
    assert paper.files == len(there) + 1
    for name, digest in listed.items():
        assert hashlib.sha256((paper.path / name).read_bytes()).hexdigest() == digest


def test_a_figure_drawn_again_has_the_same_bytes(paper: Paper, made: Path) -> None:
    again = Material(saved.load(made, 2))
    from tiercap.optimizer.paper import tradeoffs

    shown = tradeoffs.figure(again)
    assert isinstance(shown, Figure)
    for kind, data in style.render(shown.draw, 3.5).items():
        assert (paper.path / f"figures/tradeoffs-1col.{kind}").read_bytes() == data
    assert (paper.path / "figures/tradeoffs.csv").read_bytes() == exhibit.csv(shown)


@pytest.mark.parametrize("name", ["ladder", "tradeoffs"])
@pytest.mark.parametrize("width", style.WIDTHS.values())
def test_labels_cover_neither_each_other_nor_the_edge(name: str, width: float, paper: Paper) -> None:
    (shown,) = (shown for shown in paper.figures if shown.name == name)
    with style.applied():
        picture = shown.draw(width)
        style.settle(picture)
        renderer = picture.canvas.get_renderer()
        for axes in picture.axes:
            texts = [t for t in axes.texts if t.get_text()]
            assert len(texts) >= (20 if name == "ladder" else 8)
            boxes = [t.get_bbox_patch() or t for t in texts]
            areas = [_text_area(t, renderer) for t in boxes]
            for a, b in itertools.combinations(areas, 2):
                assert not (a[0] < b[2] - 0.5 and b[0] < a[2] - 0.5 and a[1] < b[3] - 0.5 and b[1] < a[3] - 0.5)
            edge = picture.bbox
            assert all(a[0] >= 0 and a[1] >= 0 and a[2] <= edge.x1 and a[3] <= edge.y1 for a in areas)


def test_caps_that_are_close_share_one_figure_on_the_ladder() -> None:
    span = (150.0, 160_000.0)
    assert ladder._together([111_999.0, 105_274.0, 1_600.0, 105_274.0], span) == [[1_600.0], [105_274.0, 111_999.0]]
    assert ladder._together([1_600.0, 2_400.0, math.inf, 160_000.0], span) == [[1_600.0], [2_400.0]]
    assert ladder._figures([105_274.0, 111_999.0]) == "105,274 and 111,999"


def test_no_name_of_a_chip_is_struck_through_by_a_cap(paper: Paper) -> None:
    (shown,) = (shown for shown in paper.figures if shown.name == "ladder")
    with style.applied():
        picture = shown.draw(7.2)
        style.settle(picture)
        renderer = picture.canvas.get_renderer()
        for axes in picture.axes:
            heights = [line.get_ydata()[0] for line in axes.lines if line.get_linestyle() != "None" and
                       len(set(line.get_ydata())) == 1]  # fmt: skip
            levels = [axes.transData.transform((1_000.0, height))[1] for height in heights]
            assert levels
            areas = [_text_area(t, renderer) for t in axes.texts if t.get_color() == style.INK and t.get_size() == 5.0]
            assert len(areas) > 15
            distances = [abs((a[1] + a[3]) / 2 - level) for a in areas for level in levels]
            assert min(distances) > 0.2 * (areas[0][3] - areas[0][1])


def needed(program: str) -> None:
    """A missing program is a failure where .ci/run has installed it, and a reason to skip elsewhere."""
    if shutil.which(program) is None:
        if os.environ.get("CI", "").lower() in ("1", "true"):
            pytest.fail(f"CI needs {program}: .ci/run installs it")
        pytest.skip(f"{program} is not installed")


def test_words_in_the_files_lie_on_the_page(paper: Paper) -> None:
    needed("pdftotext")
    for path in sorted((paper.path / "figures").glob("*.pdf")):
        command = ["pdftotext", "-bbox", str(path), "-"]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        (page,) = re.findall(r'<page width="([0-9.]+)" height="([0-9.]+)"', told)
        boxes = re.findall(r'<word xMin="(.*?)" yMin="(.*?)" xMax="(.*?)" yMax="(.*?)">(.*)</word>', told)
        assert len(boxes) > 20
        for *ends, word in boxes:
            left, top, right, bottom = map(float, ends)
            inside = left > -0.2 and top > -2.0 and right < float(page[0]) + 0.2 and bottom < float(page[1]) + 2.0
            assert inside, (path.name, word, ends)


@pytest.mark.slow
@pytest.mark.parametrize("ending", style.WIDTHS)
def test_nothing_is_cut_off(ending: str, paper: Paper) -> None:
    from matplotlib.text import Text

    for shown in paper.figures:
        with style.applied():
            picture = shown.draw(style.WIDTHS[ending])
            style.settle(picture)
            renderer = picture.canvas.get_renderer()
            beyond = {id(label) for axes in picture.axes for label in _undrawn(axes)}
            for text in picture.findobj(Text):
                if text.get_visible() and text.get_text().strip() and id(text) not in beyond:
                    x0, y0, x1, y1 = _text_area(text, renderer)
                    inside = x0 > -1.0 and y0 > -1.0 and x1 < picture.bbox.x1 + 1.0 and y1 < picture.bbox.y1 + 1.0
                    assert inside, (shown.name, text.get_text(), x0, y0, x1, y1)


def _undrawn(axes: Any) -> list[Any]:
    """Labels of ticks that lie beyond the ends of their axis, which are there and not drawn."""
    found = []
    for axis in (axes.xaxis, axes.yaxis):
        low, high = sorted(axis.get_view_interval())
        for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks()):
            if not low - 1e-9 <= tick.get_loc() <= high + 1e-9:
                found += [tick.label1, tick.label2]
    return found


def _text_area(text: Any, renderer: Any) -> tuple[float, float, float, float]:
    """Of the words alone, without the arrow of an annotation."""
    from matplotlib.text import Text

    if hasattr(text, "update_positions"):
        text.update_positions(renderer)
    box = Text.get_window_extent(text, renderer)
    return box.x0, box.y0, box.x1, box.y1


def test_grey_print_loses_nothing() -> None:
    import matplotlib

    assert len({look.mark for look in style.LOOKS}) == len({str(look.dash) for look in style.LOOKS}) == len(style.LOOKS)
    shades = matplotlib.colormaps[style.SCALE](np.linspace(0.0, 1.0, 64))[:, :3] @ np.array([0.2126, 0.7152, 0.0722])
    assert (np.diff(shades) > 0.0).all()


def test_numbers_are_macros_of_letters_with_unit_and_exact_value(paper: Paper, made: Path) -> None:
    text = (paper.path / "numbers.tex").read_text()
    found = re.findall(r"^\\newcommand\{\\(tc[A-Za-z]+)\}\{(.*)\}\\newcommand\{\\\1Num\}\{(.*)\}% (.*)$", text, re.M)
    names = [name for name, *_ in found]
    assert len(names) == len(set(names)) == paper.numbers == text.count("\n") - 2
    by_name = {name: (whole, number, comment) for name, whole, number, comment in found}
    front = len(rows(made / "front.csv")) - 1
    assert by_name["tcFrontSize"][0] == f"{front:,}".replace(",", "{,}")
    assert by_name["tcRevenueRule"][0].endswith("~billion USD")
    assert by_name["tcRevenueRule"][:2] == by_name["tcRevenueBisMMXXVI"][:2]
    assert "revenue under bis-2026, over the futures: " in by_name["tcRevenueRule"][2]
    assert {"tcFreshUndominated", "tcGroups"} <= set(names)
    assert {"tcAssumptionShare", "tcHypervolumeLow", "tcBackcastValidateInside", "tcLeverCQuotaShareRule"} <= set(names)


def test_every_text_says_what_it_rests_on(paper: Paper) -> None:
    for name in ("statement.tex", "README.md"):
        text = " ".join((paper.path / name).read_text().replace("\\allowbreak{}", "").split())
        assert "Modelled, not forecast." in text
        assert re.search(r"parameters [0-9]+ \([0-9]+ \\?%\) rest on assumptions, secondary sources or memory", text)
        assert "Epoch AI" in text
        assert "CC BY" in text


def test_the_readme_has_the_sections_of_the_template(paper: Paper) -> None:
    text = (paper.path / "README.md").read_text()
    heads = re.findall(r"^## (.*)$", text, re.M)
    assert heads == [
        "Overview", "Data Availability and Provenance Statements", "Computational Requirements",
        "Description of Programs", "Instructions to Replicators", "List of Figures, Tables and Programs", "References",
    ]  # fmt: skip
    for shown in (*paper.figures, *paper.tables):
        assert f"{shown.name}.csv" in text
    assert "`inputs/sweep/sweep.parquet`" in text


def test_hostile_names_are_only_names(paper: Paper) -> None:
    for path in paper.path.glob("*.tex"):
        text = path.read_text(encoding="utf-8")
        assert text.isascii() or path.name == "methods.tex" or "é" in text
        for command in ("\\input{/etc", "\\end{document}\\end", "<script", "$x_1"):
            assert command not in text, (path.name, command)
        assert text.count("\\end{document}") == (path.name == "paper.tex")
    page = (paper.path / "README.md").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "](javascript" not in page
    for path in [*(paper.path / "figures").glob("*.csv"), *(paper.path / "tables").glob("*.csv")]:
        for cell in itertools.chain.from_iterable(rows(path)):
            assert cell[:1] not in ("=", "@", "+") or re.fullmatch(r"\+?[0-9.e+-]+", cell)
    assert {p.parent.name for p in paper.path.rglob("*")} <= {
        "paper", "figures", "tables", "run", "inputs", "sweep", "sensitivity"
    }  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_what_is_escaped_has_no_command_of_its_own(text: str) -> None:
    shown = latex.escape(text)
    shown = shown.replace(r"\hspace{0pt plus 1.5pt}", "")
    left = re.sub(r"\\(?:[A-Za-z]+\{\}|ensuremath\{\\[a-z]+\}|textsuperscript\{2\}|[{}$&#%_])", "", shown)
    left = left.replace("{[}", "").replace("{]}", "").replace("{*}", "")
    assert not re.search("--|,,|''", left)
    left = left.replace("{}", "")
    assert not set(left) & set("\\{}$&#%_^~<>|\"`")
    assert not re.search(r"[<>`*]", re.sub(r"\\.|&lt;", "", readme.markdown(text)))


def test_numbers_are_rounded_for_readers() -> None:
    shown = [labels.figure(x) for x in (0.0, 0.000123, 0.05, 1.0, 12.345, 141.24, 21000.0, 1234567.8, -3.14159, np.nan)]
    assert shown == ["0", "0.000123", "0.0500", "1.00", "12.3", "141", "21,000", "1,234,568", "-3.14", "–"]
    assert labels.figure(float("inf")) == "none"
    assert labels.figure(3e12) == "3.00e+12"
    assert latex.macro_name("bis-2026", "compromise, best revenue 14") == "tcBisMMXXVICompromiseBestRevenueXIV"


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures as files, without the time that drawing takes."""
    monkeypatch.setattr(style, "render", lambda draw, width: dict.fromkeys(style.KINDS, b"drawn"))


@pytest.mark.usefixtures("undrawn")
def test_what_lacks_its_input_is_left_out_with_the_command(made: Path, tmp_path: Path,
                                                          capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    assert run(group, ["paper", str(made), "-o", str(tmp_path / "paper"), "--no-backcast", "-q"]) == 0
    told = capsys.readouterr().out
    assert "tiercap sweep STUDY --over NAME=LO:HI:N -o FOLDER" in told
    assert "tiercap sensitivity STUDY -o FOLDER" in told
    assert "Modelled, not forecast: " in told
    assert not list((tmp_path / "paper").rglob("*sweep*"))
    assert "\\tcBackcast" not in (tmp_path / "paper/numbers.tex").read_text()
    (tmp_path / "paper/figures/old.csv").write_text("mine")  # not ours: it stays
    edited = tmp_path / "paper/methods.tex"
    edited.write_text(edited.read_text() + "More.\n")
    assert run(group, ["paper", str(made), "-o", str(tmp_path / "paper"), "--no-backcast"]) == 2
    assert "methods.tex was edited since" in capsys.readouterr().err
    assert edited.read_text().endswith("More.\n")


@pytest.mark.usefixtures("undrawn")
def test_an_older_paper_is_replaced_and_what_it_had_more_goes(paper: Paper, made: Path, tmp_path: Path) -> None:
    shutil.copytree(paper.path, tmp_path / "paper")
    (tmp_path / "paper/mine.txt").write_text("mine")
    written = folder.write(saved.load(made, 1), tmp_path / "paper", Inputs(backcast=False))
    assert (tmp_path / "paper/figures/ladder-1col.pdf").read_bytes() == b"drawn"
    assert not list((tmp_path / "paper/figures").glob("sobol*"))
    assert not list((tmp_path / "paper/inputs").rglob("*.parquet"))
    assert (tmp_path / "paper/mine.txt").exists()
    assert {one.name for one in written.left} == {"backcast", "sweep", "sensitivity"}


def test_a_folder_of_others_is_left_alone(made: Path, tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters/dear.txt").write_text("x")
    for place in (tmp_path / "letters", made):
        with pytest.raises(InputError, match="neither empty nor a paper"):
            folder.write(saved.load(made, 1), place, Inputs())
    with pytest.raises(InputError, match="is a file"):
        folder.write(saved.load(made, 1), tmp_path / "letters/dear.txt", Inputs())


def test_without_matplotlib_one_sentence(made: Path, monkeypatch: pytest.MonkeyPatch,
                                         capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert run(group, ["paper", str(made)]) == 2
    assert "install tiercap with the extra [paper]" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("read", "files", "said"),
    [
        (given.sweep, {}, "has no sweep.parquet: name a folder that `tiercap sweep` wrote"),
        (given.sweep, {"sweep.parquet": b"x"}, "sweep.parquet is damaged"),
        (given.sensitivity, {}, "has neither sobol.parquet nor tornado.parquet"),
        (given.sensitivity, {"sobol.parquet": b"x"}, "sobol.parquet is damaged"),
    ],
)
def test_folders_that_are_none(read: Any, files: dict[str, bytes], said: str, tmp_path: Path) -> None:
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError) as told:
        read(tmp_path)
    assert said in str(told.value)
    assert "\n" not in str(told.value)


def test_a_sweep_of_two_names_is_a_map_one_at_a_time_lines_three_nothing(tmp_path: Path) -> None:
    tpp, quota = np.meshgrid(np.geomspace(2400.0, 96000.0, 5), np.linspace(0.1, 1.0, 4), indexing="ij")
    grid = sweep(tmp_path / "grid", {"c_licensed_tpp": tpp.ravel(), "c_quota_share": quota.ravel()}, ["p"] * 20, "log")
    nan = np.full(9, np.nan)
    apart = {"c_licensed_tpp": [*POINTS, *nan], "budget_c": [*nan, *np.linspace(10, 90, 9)]}
    alone = sweep(tmp_path / "alone", apart, ["p"] * 18)
    three = dict.fromkeys(("c_licensed_tpp", "budget_c", "c_licensed_memory"), POINTS)
    much = sweep(tmp_path / "much", three, ["p"] * 9)
    heat, lines, left = (sweeps.figure(given.sweep(path), ["compute_lead"]) for path in (grid, alone, much))
    assert isinstance(heat, Figure)
    assert isinstance(lines, Figure)
    assert isinstance(left, Left)
    assert "tiercap sweep --over c_licensed_tpp=LO:HI:N" in left.sentence
    assert "one at a time" in lines.caption
    assert given.sweep(grid).axes[0].log
    for shown in (heat, lines):
        assert style.render(shown.draw, 3.5)["pdf"] == style.render(shown.draw, 3.5)["pdf"]


@pytest.mark.usefixtures("undrawn")
def test_one_objective_has_no_trade_off_and_all_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_text('[study]\nextends = "builtin:china-2026"\n[objectives]\nrevenue = "maximise"\n')
    alone = optimize(small.problem("search.engine=random", study=str(path)), tmp_path / "run").path
    written = folder.write(saved.load(alone, 1), tmp_path / "paper", Inputs(backcast=False))
    assert {shown.name for shown in written.figures} == {"ladder", "parallel", "trajectories"}
    assert "tradeoffs" in {one.name for one in written.left}
    for shown in written.figures:
        with style.applied():
            assert shown.draw(3.5) is not None
    assert "the engine random" in (tmp_path / "paper/methods.tex").read_text()


def test_shares_without_totals_say_so(tmp_path: Path) -> None:
    from tiercap.optimizer.paper import importance

    found = given.sensitivity(sensitivity(tmp_path / "s", total=False))
    table, swing = found.shares, found.tornado
    assert table is not None
    assert swing is not None
    assert swing["central"].tolist() == [40.0] * 6
    assert (swing["low"] < 40.0).all()
    shown = importance.sobol(table, ["compute_lead"])
    assert "may add up to more than 1" in shown.caption
    style.render(shown.draw, 7.2, ("pdf",))


@pytest.mark.usefixtures("undrawn")
def test_the_answer_as_json(made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(group, ["paper", str(made), "-o", str(tmp_path / "p"), "--no-backcast", "--json", "-q"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["schema_version"] == 1
    assert found["tables"] == ["choices", "chips", "assumptions", "parameters"]
    assert found["left_out"].keys() == {"backcast", "sweep", "sensitivity"}


@pytest.mark.slow
def test_the_script_makes_everything_again(paper: Paper, tmp_path: Path) -> None:
    place = tmp_path / "p"
    shutil.copytree(paper.path, place)
    tiercap = Path(sys.executable).with_name("tiercap")
    assert tiercap.exists()
    environment = {"PATH": "/usr/bin:/bin", "TIERCAP": str(tiercap), "HOME": str(Path.home())}
    command = ["sh", "replicate.sh"]
    done = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("All the same.\n")
    assert (place / "replicated/paper/figures/ladder-2col.pdf").exists()


#: What LaTeX may say on the first runs only.
AGAIN = ("Rerun", "undefined references", "Column widths have changed", "Table widths have changed")


@pytest.fixture
def needs_latex() -> None:
    needed("pdflatex")


def compiled(place: Path, name: str) -> str:
    """What the last run of pdflatex says."""
    for _ in range(4):
        command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", name]
        done = subprocess.run(command, cwd=place, capture_output=True, text=True, errors="replace", check=False)
        said = re.sub(r"(?<=.{79})\n", "", done.stdout)
        assert done.returncode == 0, done.stdout[-3000:]
        if not any(word in said for word in AGAIN):
            break
    return said


@pytest.mark.slow
@pytest.mark.usefixtures("needs_latex")
def test_the_example_compiles_without_a_warning(paper: Paper, tmp_path: Path) -> None:
    place = Path(shutil.copytree(paper.path, tmp_path / "paper"))
    said = compiled(place, "paper.tex")
    assert not re.findall(r"^.*(?:Overfull|Underfull|Warning).*$", said, re.M)
    assert (place / "paper.pdf").stat().st_size > 200_000


@pytest.mark.slow
@pytest.mark.usefixtures("needs_latex")
def test_hostile_names_compile_in_text_tables_and_captions(tmp_path: Path) -> None:
    texts = [*HOSTILE, *(a + b for a, b in zip(HOSTILE, HOSTILE[1:], strict=False))]
    shown = [
        exhibit.Table("t", HOSTILE[0], " ".join(HOSTILE[1:9]), ("a\nb", HOSTILE[18], "c"),
                      tuple((text[:40], text, "1") for text in texts), ("p{0.2}", "p{0.5}", align), (),
                      long=long, note=" ".join(HOSTILE[:12]))
        for long, align in ((True, "v"), (False, "r"))
    ]  # fmt: skip
    body = latex.paragraphs(texts) + latex.table(shown[0]) + latex.table(shown[1])
    (tmp_path / "x.tex").write_text(
        "\\documentclass{article}\\usepackage[T1]{fontenc}\\usepackage[utf8]{inputenc}\\usepackage{lmodern}"
        f"\\usepackage{{{','.join(latex.PACKAGES)}}}\\usepackage[a4paper,margin=2cm]{{geometry}}\\emergencystretch=3em"
        f"\\begin{{document}}{body}\\end{{document}}",
        "utf-8",
    )
    said = compiled(tmp_path, "x.tex")
    assert not re.findall(r"^Overfull \\hbox.*$", said, re.M)
