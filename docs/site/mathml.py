r"""Equations of the pages as MathML, which browsers show without a script, a font or a network.

Sphinx's own ways need a script at viewing time or LaTeX at building time. The translator comes with Docutils and
refuses a command that it does not know. It spells ``\mathtt`` in letters of their own code points and knows no
``\tag``; both are seen to here: a name stays text that can be searched and copied, a number is an anchor at the right.
"""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.writers.html5 import HTML5Translator

LOG = logging.getLogger(__name__)
NAME = re.compile(r"\\mathtt\{((?:[^{}\\]|\\_)*)\}")
TAG = re.compile(r"\\tag\{(\w+)\}")
FUNCTION = re.compile(r"(<mo[^>]*)>(min|max)</mo>")  # an operator of its own has wide gaps around it
MARK = "\ue000"  # a character of private use: no equation has it
SPELT = re.compile(rf"<mtext>{MARK}(.*?)</mtext>")


def translate(latex: str, node: nodes.Node, as_block: bool) -> str:
    """MathML of an equation. A mistake in it is a warning with its place, which the strict build ends at."""
    named = NAME.sub(lambda found: r"\text{" + MARK + found[1].replace(r"\_", "_") + "}", latex)
    try:
        made = tex2mathml(named.strip(), as_block=as_block)
    except MathError as mistake:
        LOG.warning("equation not understood: %s: %s", mistake, latex, location=node)
        return ""
    spaced = FUNCTION.sub(r'\1 lspace="0.15em" rspace="0em">\2</mo>', made)
    return SPELT.sub(r'<mrow><mtext class="name">\1</mtext></mrow>', spaced)


def visit_inline(self: HTML5Translator, node: nodes.math) -> None:
    self.body.append(translate(node.astext(), node, as_block=False))
    raise nodes.SkipNode


def visit_block(self: HTML5Translator, node: nodes.math_block) -> None:
    latex = node.astext()
    number = TAG.search(latex)
    anchor = f' id="equation-{number[1]}"' if number else ""
    self.body.append(f'<div class="equation"{anchor}>')
    self.body.append(translate(TAG.sub("", latex), node, as_block=True))
    if number:
        self.body.append(f'<a class="number" href="#equation-{number[1]}">({number[1]})</a>')
    self.body.append("</div>\n")
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_html_math_renderer("mathml", inline_renderers=(visit_inline, None), block_renderers=(visit_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
