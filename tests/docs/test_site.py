"""The site of the pages: it builds strictly, every link leads somewhere, no page loads anything from a network."""

from __future__ import annotations

import hashlib
import re
import shlex
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).parents[2]
#: What the pages are made from, for a copy that may be spoilt.
SOURCES = ("*.md", "LICENSE", "CITATION.cff", "pyproject.toml", "docs/*.md", "docs/*.ipynb", "benchmarks/README.md")
#: Attributes that a browser follows by itself, by tag.
LOADED = {
    "audio": "src", "embed": "src", "iframe": "src", "img": "src", "input": "src", "link": "href", "object": "data",
    "script": "src", "source": "src", "track": "src", "video": "src",
}  # fmt: skip


class Page(HTMLParser):
    """What one page links, loads and can be linked at."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.anchors: set[str] = set()
        self.equations = 0
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        self.equations += tag == "math"
        self.anchors |= {named[name] for name in ("id", "name") if name in named}
        address = named.get(LOADED.get(tag, "href"))
        if address is not None:
            only_linked = tag not in LOADED or named.get("rel") in ("index", "next", "prev", "search")
            (self.links if only_linked else self.loaded).append(address)


def build(source: Path, into: Path) -> subprocess.CompletedProcess[str]:
    """The command of `make docs`, with the folders replaced."""
    recipe = re.search(r"^docs:.*\n\t(.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert recipe is not None
    words = shlex.split(recipe[1].replace("$(BIN)/python", shlex.quote(sys.executable)))
    words = [str(into / "doctrees") if word == "build/doctrees" else word for word in words]
    assert words[-2:] == [".", "build/site"]
    return subprocess.run(
        [*words[:-1], str(into / "site")], check=False, capture_output=True, text=True, timeout=300, cwd=source
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make docs` builds it."""
    folder = tmp_path_factory.mktemp("built")
    done = build(ROOT, folder)
    assert (done.returncode, done.stderr) == (0, "")
    return folder / "site"


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    return {path: Page(path) for path in sorted(site.rglob("*.html")) if "_downloads" not in path.parts}


def test_every_page_is_on_the_site_and_can_be_searched(site: Path, pages: dict[Path, Page]) -> None:
    sources = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("docs/*.ipynb"), ROOT / "benchmarks/README.md"]
    names = {str(path.relative_to(ROOT).with_suffix("")) for path in sources}
    assert {str(path.relative_to(site).with_suffix("")) for path in pages} == names | {"index", "search"}
    index = (site / "searchindex.js").read_text(encoding="utf-8")
    listed = re.search(r'"?docnames"?:\s*\[(.*?)\]', index)
    assert listed is not None
    assert set(re.findall(r'"(.*?)"', listed[1])) == names
    assert "hypervolum" in index


def test_the_site_opens_at_the_readme(site: Path) -> None:
    assert "url=README.html" in (site / "index.html").read_text(encoding="utf-8")


def test_every_link_and_anchor_leads_somewhere(site: Path, pages: dict[Path, Page]) -> None:
    followed = 0
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme in ("http", "https", "mailto"):
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            assert target.is_file(), f"{path.relative_to(site)}: {link}"
            if parts.fragment and target in pages:
                assert unquote(parts.fragment) in pages[target].anchors, f"{path.relative_to(site)}: {link}"
            followed += 1
    assert followed > 500


def test_a_page_loads_only_what_stands_beside_it(site: Path, pages: dict[Path, Page]) -> None:
    for path, page in pages.items():
        assert page.loaded or path.name == "index.html", path
        for link in page.loaded:
            parts = urlsplit(link)
            assert parts[:2] == ("", ""), f"{path.relative_to(site)} loads {link}"
            assert (path.parent / unquote(parts.path)).is_file(), f"{path.relative_to(site)} loads {link}"
    for path in site.rglob("*.css"):
        loaded = re.findall(r"""(?:url\(|@import)\s*["']?([^"')\s]+)""", path.read_text(encoding="utf-8"))
        assert all(link.startswith("data:") or (path.parent / link).is_file() for link in loaded), path


def test_no_script_names_an_address(site: Path) -> None:
    """Addresses stand in comments alone; the name of SVG looks like one."""
    scripts = [path for path in site.rglob("*.js") if path.name != "searchindex.js"]
    assert scripts
    for path in scripts:
        for line in path.read_text(encoding="utf-8").splitlines():
            code = "" if re.match(r"\s*(//|/?\*)", line) else line.replace("http://www.w3.org/2000/svg", "")
            assert "://" not in code, f"{path.relative_to(site)}: {line[:200]}"


def test_numbered_equations_are_mathematics_with_anchors(site: Path, pages: dict[Path, Page]) -> None:
    source = (ROOT / "docs/model.md").read_text(encoding="utf-8")
    numbers = re.findall(r"\\tag\{(\d+)\}", source)
    assert numbers == [str(1 + at) for at in range(len(numbers))]
    page = pages[site / "docs/model.html"]
    assert {anchor for anchor in page.anchors if anchor.startswith("equation-")} == {f"equation-{n}" for n in numbers}
    assert page.equations >= source.count("```math") > len(numbers)
    shown = (site / "docs/model.html").read_text(encoding="utf-8")
    assert '<mtext class="name">weight_self</mtext>' in shown
    assert not re.search(r"<math[^>]*>(?:(?!</math>).)*\\(?:(?!</math>).)*</math>", shown, re.DOTALL)


def test_a_dollar_sign_in_prose_makes_no_equation(site: Path, pages: dict[Path, Page]) -> None:
    for path, page in pages.items():
        source = ROOT / path.relative_to(site).with_suffix(".md")
        if source.is_file() and "```math" not in source.read_text(encoding="utf-8"):
            assert page.equations == 0, path


def test_equations_read_the_same_on_repository_hosts() -> None:
    r"""There Markdown is read first: in a line of text it would take ``\,`` for a comma and ``}_w`` for emphasis."""
    source = (ROOT / "docs/model.md").read_text(encoding="utf-8")
    text = re.sub(r"`[^`\n]*`", "", re.sub(r"```math.*?```", "", source, flags=re.DOTALL))
    equations = re.findall(r"\$([^$]*)\$", text)
    assert len(equations) > 100
    assert [one for one in equations if re.search(r"\\[^A-Za-z]|[^A-Za-z0-9]_|\*|\n|^\s|\s$", one)] == []
    assert all(block.count(r"\tag{") <= 1 for block in re.findall(r"```math.*?```", source, re.DOTALL))


def test_the_font_is_the_one_that_is_described() -> None:
    folder = ROOT / "docs/site/static/fonts"
    told = (folder / "SOURCE.txt").read_text(encoding="utf-8")
    assert hashlib.sha256((folder / "stix-two-math.woff2").read_bytes()).hexdigest() in told
    assert "SIL OPEN FONT LICENSE Version 1.1" in (folder / "OFL.txt").read_text(encoding="utf-8")


def test_mistakes_fail_the_build(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    for pattern in SOURCES:
        for path in ROOT.glob(pattern):
            target = copy / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    for folder in ("docs/site", "docs/pictures"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "docs/orphan.md").write_text("# A page that is in no contents\n", encoding="utf-8")
    mistakes = {
        "[a page](nowhere.md)": "nowhere.md",
        "[an anchor here](#no-such-heading)": "no-such-heading",
        "[an anchor there](model.md#no-such-section)": "no-such-section",
        "![a picture](pictures/lost.png)": "lost.png",
        r"$\unheard{x}$": "equation not understood",
    }
    with (copy / "docs/data.md").open("a", encoding="utf-8") as file:
        file.write("\n" + "\n\n".join(mistakes) + "\n")
    done = build(copy, tmp_path)
    assert done.returncode != 0
    missed = [said for said in (*mistakes.values(), "orphan") if said not in done.stderr]
    assert missed == [], done.stderr
