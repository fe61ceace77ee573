"""How Sphinx makes the site of the repository's own pages: `make docs`. Sources are read from the repository's root."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

from sphinx.application import Sphinx

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # mathml.py stands beside this file

#: What the left column shows, in its order. A page that is missing here fails the build.
CONTENTS = {
    "Learn": ["docs/tutorial", "docs/example"],
    "Do": [
        "docs/howto-study", "docs/howto-sweep", "docs/howto-sensitivity", "docs/howto-python", "docs/howto-bridges",
    ],
    "Look up": ["docs/reference-commands", "docs/reference-model", "docs/reference-search", "docs/reference-rules"],
    "Understand": ["docs/model", "docs/calibration", "docs/data", "docs/record", "docs/architecture"],
    "Work on it": ["CONTRIBUTING", "benchmarks/README", "CHANGELOG"],
}

project = "tiercap"
release = tomllib.loads((HERE.parent.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
language = "en"

extensions = ["myst_nb", "mathml"]
root_doc = "README"
include_patterns = ["*.md", "docs/*.md", "docs/*.ipynb", "benchmarks/README.md"]
nitpicky = True

myst_heading_anchors = 4  # the anchors of headings that repository hosts make
myst_enable_extensions = ["dollarmath"]
myst_fence_as_directive = ["math"]
nb_execution_mode = "off"  # a test runs the notebook

html_theme = "furo"
html_title = "tiercap"
html_math_renderer = "mathml"
html_static_path = ["static"]
html_css_files = ["site.css"]
templates_path = ["templates"]
html_additional_pages = {"index": "start.html"}
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False
html_use_index = False
html_domain_indices = False


def add_contents(app: Sphinx, name: str, source: list[str]) -> None:
    """Hang the other pages below the README, which says nothing of the site itself."""
    if name == root_doc:
        for caption, pages in CONTENTS.items():
            listed = "\n".join(f"/{page}" for page in pages)
            source[0] += f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{listed}\n```\n"


def setup(app: Sphinx) -> None:
    app.connect("source-read", add_contents)
