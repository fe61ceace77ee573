"""The README of a replication package, after the template of the social science data editors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tiercap.optimizer.paper import latex, words
from tiercap.optimizer.paper.exhibit import Figure, Left, Table
from tiercap.optimizer.paper.material import Material


def readme(
    material: Material, figures: Sequence[Figure], tables: Sequence[Table], left: Sequence[Left], inputs: Sequence[str]
) -> str:
    """README.md; ``left`` : what is missing; ``inputs`` : files of other commands that are included."""
    return "".join(
        [
            _overview(material),
            _data(material, inputs),
            _requirements(material),
            _programs(material),
            _exhibits(material, figures, tables, left),
        ]
    )


def _overview(material: Material) -> str:
    """Title, what the package is, and its files."""
    study, manifest = material.problem.study, material.run.manifest
    seconds, computer = manifest["seconds"]["total"], manifest["machine"]
    return f"""# Replication package: {markdown(study.title or study.name)}

{markdown(words.statement(material)[0])}

## Overview

The files here are the figures, tables and numbers of a paper, made by `tiercap paper` from one run of
`tiercap optimize`, whose manifest and results are in `run/`. `./replicate.sh` makes the run again from
`run/manifest.json`, then every figure, table and number, and compares them with these, bit for bit. It takes about
{_minutes(seconds)} on {_threads(computer)}.

| file | what it is |
|---|---|
| `paper.tex` | an example text that includes everything; `pdflatex paper`, until it asks for no further run |
| `figures/` | every figure for one column (3.5 in) and a page (7.2 in), PDF and SVG, with its data as CSV |
| `tables/` | tables as LaTeX, with their data as CSV |
| `numbers.tex`, `captions.tex`, `methods.tex`, `statement.tex` | macros and paragraphs to `\\input` |
| `codebook.csv` | every column of every CSV: unit and meaning |
| `run/` | the run's manifest (study, seeds, versions, digests), front and convergence |
| `replicate.sh`, `requirements.txt`, `SHA256SUMS` | one script, exact versions, digests of all files |

LaTeX packages needed: {", ".join(f"`{p}`" for p in latex.PACKAGES)}, and `fontenc` with T1; the example
also takes `lmodern`, `microtype`, `geometry` and `caption`. In Debian: texlive-latex-recommended,
texlive-fonts-recommended and lmodern.

"""


def _data(material: Material, inputs: Sequence[str]) -> str:
    """Where the data come from, and who may use them."""
    extra = "".join(f"\n| `{name}` | input of figures, as the command that made it wrote it | yes |" for name in inputs)
    plan = material.problem.study.scenarios
    own = "\n| `run/ensemble.parquet` | the study's own ensemble of futures | yes |" if plan.file else ""
    return f"""## Data Availability and Provenance Statements

No data are collected by this study. The inputs are public figures, built into the program with their sources and listed
in `tables/parameters.csv` and `tables/chips.csv`; where there is no source, the tag `assumption` says so.

### Statement about Rights

The program's licence (MIT) covers its code; the figures keep their owners' terms, named below. Whoever publishes
results built on them should credit them.

### License for Data

{chr(10).join(f"- {markdown(line)}" for line in words.ATTRIBUTIONS)}

### Summary of Availability

All data are publicly available and included.

### Dataset list

| file | what it holds | provided |
|---|---|---|
| `run/front.csv`, `run/front.parquet` | policies of the front: levers and outcomes | yes |
| `run/convergence.csv` | how the search converged | yes |
| `figures/*.csv`, `tables/*.csv` | the data of each exhibit | yes |{own}{extra}

"""


def _requirements(material: Material) -> str:
    """Software, seeds, and what the run took."""
    study, manifest = material.problem.study, material.run.manifest
    computer, seconds, plan = manifest["machine"], manifest["seconds"]["total"], study.scenarios
    software = "\n".join(f"  - {name} {version}" for name, version in manifest["versions"].items())
    return f"""## Computational Requirements

### Software Requirements

{software}
  - Matplotlib (the extra `paper`) for the figures; `requirements.txt` has every version.

Same bits need these versions and a processor with vectors of {computer["vector_bits"]} bits
({markdown(computer["system"])}, {markdown(computer["processor"])}); elsewhere numbers agree to
about twelve digits, and the comparison lists what differs.

### Controlled Randomness

Seed {plan.seed} draws the futures, seed {study.search.seed} the search; both are in `run/manifest.json`. Nothing
depends on a clock or on the number of threads.

### Memory, Runtime, Storage Requirements

The run took {seconds:.0f} s on {_threads(computer)}, compiling included, and needs less than 1 GB of
memory and 100 MB of disk. No special hardware.

"""


def _programs(material: Material) -> str:
    """What the programs do, and how to replicate."""
    versions = material.run.manifest["versions"]
    return f"""## Description of Programs

`tiercap` {markdown(versions["tiercap"])} does everything: `tiercap replicate` searches again from a manifest,
`tiercap verify` checks a run, `tiercap paper` makes figures, tables and numbers. The code is under the MIT licence.

## Instructions to Replicators

1. Install tiercap {markdown(versions["tiercap"])} and the versions of `requirements.txt`, so that `tiercap` is on the
   path.
2. Run `./replicate.sh`. It asks nothing, writes to `replicated/` and ends with 0 where all is the same, with 5 and a
   list where something differs.
3. `sha256sum -c SHA256SUMS` checks these files themselves.

"""


def _exhibits(
    material: Material, figures: Sequence[Figure], tables: Sequence[Table], left: Sequence[Left]
) -> str:
    """Every exhibit with its files, what is left out, and the references."""
    listed = "\n".join(
        f"| {f.title} | `figures/{f.name}-*.pdf`, `.svg` | `figures/{f.name}.csv` | `replicate.sh`, {_module(f.name)} |"
        for f in figures
    )
    listed_tables = "\n".join(
        f"| {t.title} | `tables/{t.name}.tex` | `tables/{t.name}.csv` | `replicate.sh`, "
        "`tiercap.optimizer.paper.tables` |"
        for t in tables
    )
    missing = "".join(f"\n- {markdown(one.sentence)}" for one in left)
    return f"""## List of Figures, Tables and Programs

| exhibit | files | data | program |
|---|---|---|---|
{listed}
{listed_tables}
| Numbers in the text | `numbers.tex` | in the comments there | `replicate.sh`, `tiercap.optimizer.paper.numbers` |
{f"{chr(10)}Left out, and how to make it:{chr(10)}{missing}{chr(10)}" if left else ""}
## References

{markdown(words.statement(material)[1])}
"""


def _threads(computer: Mapping[str, Any]) -> str:
    return f"{computer['threads']} thread{'s' if computer['threads'] != 1 else ''}"


def _minutes(seconds: float) -> str:
    return f"{max(1, round(seconds / 60 + 1))} minute{'s' if round(seconds / 60 + 1) > 1 else ''}"


def _module(name: str) -> str:
    modules = {"sobol": "importance", "tornado": "importance", "sweep": "sweeps", "backcast": "backcasts"}
    return f"`tiercap.optimizer.paper.{modules.get(name, name)}`"


def markdown(text: str) -> str:
    """``text`` such that Markdown shows it and does nothing else."""
    shown = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    shown = shown.replace("&", "&amp;").replace("<", "&lt;")
    for sign in "\\`*_{}[]>|#~$!":
        shown = shown.replace(sign, f"\\{sign}")
    return shown
