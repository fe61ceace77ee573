"""Text, tables and numbers for LaTeX: everything escaped, booktabs rules, one macro a number."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tiercap.optimizer.paper.exhibit import Table

#: What the tables need of a document, and the document class's own size commands.
PACKAGES = ("booktabs", "array", "longtable", "textcomp", "graphicx")
#: A cell longer than this is cut: no page is as wide.
MOST = 1200
#: A word this long may be broken where it has no hyphen.
_LONG = 13
#: So many letters in a row are no word: they may be broken anywhere, and stretch a little to fill their line.
_ENDLESS = 24
#: Signs behind which a long word may break.
_JOINTS = "/._-=&?:;,"
#: Signs of which two in a row would become another sign.
_LIGATURES = "-,'"

_SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': r"\textquotedbl{}", "`": r"\textasciigrave{}",
    "–": r"\textendash{}", "—": r"\textemdash{}", "…": r"\ldots{}", "²": r"\textsuperscript{2}", "×": r"\texttimes{}",
    "−": r"\textminus{}", "µ": r"\textmu{}", "°": r"\textdegree{}", "€": r"\texteuro{}", "‘": r"\textquoteleft{}",
    "’": "'", "“": r"\textquotedblleft{}", "”": r"\textquotedblright{}", "≤": r"\ensuremath{\le}",
    "≥": r"\ensuremath{\ge}", "[": "{[}", "]": "{]}", "*": "{*}",
    "\u00a0": "~",
}  # fmt: skip


def escape(text: str) -> str:
    """``text`` such that LaTeX prints it and does nothing else; characters that its fonts lack become their number."""
    shown = text if len(text) <= MOST else text[: MOST - 1] + "…"
    shown = " ".join("".join(c if c.isprintable() or c.isspace() else "?" for c in shown).split(" "))
    shown = " ".join(shown.split())
    return " ".join(_word(word) for word in shown.split(" "))


def _word(word: str) -> str:
    """One word; a long one may break after a slash, dot or stroke, and after so many letters in any case."""
    if max(map(len, re.split(f"[{re.escape(_JOINTS)}]", word))) >= _ENDLESS:
        return r"\hspace{0pt plus 1.5pt}".join(map(_character, word))
    found: list[str] = []
    since = 0
    for k, c in enumerate(word):
        twice = k > 0 and c == word[k - 1] and c in _LIGATURES
        found.append(("{}" if twice else "") + _character(c))
        if len(word) < _LONG:
            continue
        since += 1
        if k < len(word) - 1 and ((c in _JOINTS and since > 2) or since >= _LONG):
            found.append(r"\allowbreak{}")
            since = 0
    return "".join(found)


def _character(c: str) -> str:
    if c in _SPECIAL:
        return _SPECIAL[c]
    if c.isascii() or "\u00c0" <= c <= "\u017e":
        return c
    return f"{{[}}U+{ord(c):04X}{{]}}"


def comment(text: str) -> str:
    """``text`` for behind a per cent sign: one line, printable."""
    return "".join(c if c.isprintable() and c.isascii() else "?" for c in text.replace("\n", " "))[:400]


def table(shown: Table) -> str:
    """A table as a file to be `\\input`: a float, or a longtable where it may break over pages."""
    spare = {"longtable": shown.long, "graphicx": not shown.long or "v" in shown.align}
    needs = [name for name in PACKAGES if spare.get(name, True)]
    head = f"% {comment(shown.title)}\n% Needs \\usepackage{{{','.join(needs)}}} and \\usepackage[T1]{{fontenc}}.\n"
    return head + (_long(shown) if shown.long else _float(shown))


def _float(shown: Table) -> str:
    note = f"\\par\\smallskip\\parbox{{\\linewidth}}{{\\footnotesize {escape(shown.note)}}}\n" if shown.note else ""
    return (
        "\\begin{table}[tp]\n\\centering\\footnotesize\\setlength{\\tabcolsep}{4pt}\n"
        f"\\caption{{{escape(shown.caption)}}}\\label{{tab:{shown.name}}}\n"
        "\\resizebox{\\ifdim\\width>\\linewidth\\linewidth\\else\\width\\fi}{!}{%\n"  # never wider than the text
        f"\\begin{{tabular}}{{@{{}}{_columns(shown)}@{{}}}}\n\\toprule\n{_heads(shown)}\\midrule\n{_rows(shown)}\\bottomrule\n"
        f"\\end{{tabular}}}}\n{note}\\end{{table}}\n"
    )


def _long(shown: Table) -> str:
    count = len(shown.heads)
    again = f"\\multicolumn{{{count}}}{{@{{}}l}}{{\\emph{{continued}}}} \\\\\n"
    note = f"\\noindent {escape(shown.note)}\\par\n" if shown.note else ""
    return (
        "\\begingroup\\footnotesize\\setlength{\\tabcolsep}{4pt}\\setlength{\\LTleft}{0pt}"
        "\\setlength{\\LTright}{0pt plus 1fill}\n"
        f"\\begin{{longtable}}{{@{{}}{_columns(shown)}@{{}}}}\n"
        f"\\caption{{{escape(shown.caption)}}}\\label{{tab:{shown.name}}} \\\\\n\\toprule\n{_heads(shown)}\\midrule\n"
        f"\\endfirsthead\n{again}\\toprule\n{_heads(shown)}\\midrule\n\\endhead\n\\midrule\n\\endfoot\n"
        f"\\bottomrule\n\\endlastfoot\n{_rows(shown)}\\end{{longtable}}\n\\nopagebreak{note}\\endgroup\n"
    )


def _columns(shown: Table) -> str:
    wrapped = re.compile(r"p\{([0-9.]+)\}")
    found = []
    for align in shown.align:
        match = wrapped.fullmatch(align)
        align = "c" if align == "v" else align
        found.append(f">{{\\raggedright\\arraybackslash}}p{{{match[1]}\\linewidth}}" if match else align)
    return "".join(found)


def _heads(shown: Table) -> str:
    cells = []
    for head, align in zip(shown.heads, shown.align, strict=True):
        lines = [escape(line) for line in head.split("\n")]
        side = align if align in ("l", "r", "c") else "l"
        if align == "v":
            cells.append(f"\\rotatebox{{90}}{{{' '.join(lines)}}}")
            continue
        stacked = " \\\\ ".join(lines)
        cells.append(lines[0] if len(lines) == 1 else f"\\shortstack[{side}]{{{stacked}}}")
    return " & ".join(cells) + " \\\\\n"


def _rows(shown: Table) -> str:
    """Rows; one whose first cell alone is filled, and ends in a colon, is a heading over those below it."""
    lines: list[str] = []
    for row in shown.rows:
        if row[0].endswith(":") and not any(row[1:]):
            space = "\\addlinespace\n" if lines else ""
            lines.append(f"{space}\\multicolumn{{{len(row)}}}{{@{{}}l}}{{\\emph{{{escape(row[0][:-1])}}}}} \\\\\n")
        else:
            cells = " & ".join(f"\\hspace{{0pt}}{escape(c)}" if a.startswith("p") else escape(c)
                               for c, a in zip(row, shown.align, strict=True))  # fmt: skip
            lines.append(f"{cells} \\\\\n")
    return "".join(lines)


def macro_name(*parts: str) -> str:
    """A name of letters alone: words capitalised, whole numbers in Roman figures (2026: MMXXVI)."""
    words = re.findall(r"[A-Za-z]+|[0-9]+", " ".join(parts))
    return "tc" + "".join(_roman(int(w[:4])) if w.isdigit() else w[:1].upper() + w[1:] for w in words)


def _roman(number: int) -> str:
    signs = ((1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"), (40, "XL"),
             (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"))  # fmt: skip
    found = "" if number else "Nil"
    for value, sign in signs:
        found += sign * (number // value)
        number %= value
    return found


def paragraphs(texts: Sequence[str]) -> str:
    """Plain paragraphs as LaTeX."""
    return "\n\n".join(escape(text) for text in texts) + "\n"
