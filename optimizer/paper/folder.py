"""Everything for a paper in one folder: exhibits drawn and set, words, codebook, replication package, digests."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

from tiercap.optimizer.calibration.backcast import DEFAULT_SCENARIOS, Backcast, backcast, ensemble
from tiercap.optimizer.calibration.record import load_record
from tiercap.optimizer.calibration.replay import Replay
from tiercap.optimizer.errors import InputError
from tiercap.optimizer.io import columns, durable
from tiercap.optimizer.paper import (
    backcasts,
    given,
    importance,
    ladder,
    latex,
    numbers,
    parallel,
    readme,
    style,
    sweeps,
    tables,
    tradeoffs,
    trajectories,
    words,
)
from tiercap.optimizer.paper.exhibit import Figure, Left, Table, csv
from tiercap.optimizer.paper.material import Material
from tiercap.optimizer.runs import layout
from tiercap.optimizer.runs.saved import SavedRun

SUMS = "SHA256SUMS"
#: Files of a run that travel with its paper.
_RUN = ("manifest.json", "front.parquet", "front.csv", "convergence.csv", "codebook.csv")
#: What tells how long something took or when it was made; a replication need not repeat it.
_UNREPEATED = ("README.md", "run/manifest.json", "requirements.txt", "replicate.sh")
#: Members of the ensemble of the backcast.
MEMBERS = 1024
#: Called with what was done, and how many things there are.
Progress = Callable[[str, int], None]


@dataclass(frozen=True)
class Inputs:
    """What a paper shows besides the run: folders of other commands, and whether the record is replayed."""

    sweep: Path | None = None
    sensitivity: Path | None = None
    backcast: bool = True


@dataclass(frozen=True)
class Paper:
    """What was written."""

    path: Path
    figures: tuple[Figure, ...]
    tables: tuple[Table, ...]
    numbers: int
    left: tuple[Left, ...]
    files: int


def write(run: SavedRun, output: Path, inputs: Inputs, progress: Progress = lambda what, total: None) -> Paper:
    """Make every exhibit and write the folder, replacing an older one of the same kind.

    Raises InputError where Matplotlib is missing, an input is no such folder, or ``output`` holds anything that is
    not a paper of ours, or one that was edited since.
    """
    style.check()
    place = layout.absolute(output)
    stale = _may_write(place)
    material = Material(run)
    record = _record(material) if inputs.backcast else None
    figures, left, copies = _exhibits(material, inputs, record)
    listed = tables.tables(material)
    total = len(figures) * len(style.WIDTHS) + 1
    contents: dict[str, bytes] = dict(copies)
    for name, data in _drawn(figures):
        contents[name] = data
        if name.endswith(".pdf"):
            progress(name, total)
    counted = numbers.numbers(material, record)
    others = [name for name in copies if name.startswith("inputs/")]
    for table in listed:
        contents[f"tables/{table.name}.tex"] = latex.table(table).encode()
        contents[f"tables/{table.name}.csv"] = csv(table)
    contents |= {
        "numbers.tex": numbers.tex(counted).encode(),
        "captions.tex": words.captions(figures).encode(),
        "methods.tex": latex.paragraphs(words.methods(material)).encode(),
        "statement.tex": latex.paragraphs(words.statement(material)).encode(),
        "paper.tex": words.example(material, figures, listed).encode(),
        "codebook.csv": _codebook(figures, listed),
        "README.md": readme.readme(material, figures, listed, left, others).encode(),
        "requirements.txt": _requirements().encode(),
        "replicate.sh": _script(run, inputs).encode(),
    }  # fmt: skip
    _write_all(place, contents, stale)
    progress("written", total)
    return Paper(place, tuple(figures), tuple(listed), len(counted), tuple(left), len(contents) + 1)


def _record(material: Material) -> Backcast:
    """The record replayed in the default ensemble, C's government left to respond as the model has it."""
    rows = load_record()
    replay = Replay(rows, False, material.problem.threads)
    return backcast(replay, ensemble(DEFAULT_SCENARIOS, replay, MEMBERS, 0))


def _record_figure(found: Backcast) -> Figure:
    return backcasts.figure(
        found, f"{found.members:,} members of the ensemble fitted to the rows up to 2024, response free"
    )


def _exhibits(
    material: Material, inputs: Inputs, record: Backcast | None
) -> tuple[list[Figure], list[Left], dict[str, bytes]]:
    """Figures, what had to be left out, and files that the figures are made of besides the run's."""
    objectives = material.problem.objectives
    made: list[Figure | Left] = [
        tradeoffs.figure(material), ladder.figure(material), parallel.figure(material), trajectories.figure(material)
    ]  # fmt: skip
    copies = dict(_copied(material.run))
    made.append(_record_figure(record) if record else Left("backcast", "backcast: left out by --no-backcast"))
    if inputs.sweep is None:
        made.append(Left("sweep", "sweep: `tiercap sweep STUDY --over NAME=LO:HI:N -o FOLDER`, then --sweep FOLDER"))
    else:
        made.append(sweeps.figure(given.sweep(inputs.sweep), objectives))
        copies |= _input("sweep", inputs.sweep, (given.SWEEP,))
    if inputs.sensitivity is None:
        made.append(
            Left("sensitivity", "sobol, tornado: `tiercap sensitivity STUDY -o FOLDER`, then --sensitivity FOLDER")
        )
    else:
        found = given.sensitivity(inputs.sensitivity)
        made += [importance.sobol(found.shares, objectives)] if found.shares is not None else []
        made += [importance.tornado(found.tornado, objectives)] if found.tornado is not None else []
        copies |= _input("sensitivity", inputs.sensitivity, (given.SOBOL, given.FIRST, given.TORNADO))
    figures = [one for one in made if isinstance(one, Figure)]
    return figures, [one for one in made if isinstance(one, Left)], copies


def _drawn(figures: list[Figure]) -> Iterator[tuple[str, bytes]]:
    for shown in figures:
        yield f"figures/{shown.name}.csv", csv(shown)
        for ending, width in style.WIDTHS.items():
            for kind, data in style.render(shown.draw, width).items():
                yield f"figures/{shown.name}-{ending}.{kind}", data


def _copied(run: SavedRun) -> Iterator[tuple[str, bytes]]:
    """The run's own files, and its ensemble where that is a file of the user's."""
    for name in _RUN:
        if (run.path / name).is_file():
            yield f"run/{name}", _bytes(run.path / name)
    file = run.problem.study.scenarios.file
    if file:
        yield "run/ensemble.parquet", _bytes(Path(file))


def _input(kind: str, folder: Path, names: tuple[str, ...]) -> dict[str, bytes]:
    place = layout.absolute(folder)
    return {
        f"inputs/{kind}/{name}": _bytes(place / name)
        for name in (layout.MANIFEST, *names)
        if (place / name).is_file()
    }


def _bytes(path: Path) -> bytes:
    try:
        with durable.explained(f"reading {path}", "nothing was written"):
            return durable.read(path, columns.MAX_BYTES)
    except durable.Unfit as reason:
        raise InputError(f"{path} cannot travel with the paper: {reason}") from None


def _codebook(figures: list[Figure], listed: list[Table]) -> bytes:
    """file, column, unit and meaning of every column of every CSV."""
    rows = [
        (f"{folder}/{shown.name}.csv", column.name, column.unit, column.meaning)
        for folder, exhibits in (("figures", figures), ("tables", listed))
        for shown in exhibits
        for column in shown.columns
    ]
    heads = ("file", "column", "unit", "meaning")
    return columns.to_csv({head: [row[k] for row in rows] for k, head in enumerate(heads)})


def _requirements() -> str:
    """Every package installed, with its version, but for what comes with Python's own environments and ourselves."""
    ours = {"tiercap", "pip", "setuptools", "wheel"}
    found = {d.metadata["Name"]: d.version for d in distributions() if d.metadata["Name"]}
    lines = sorted((f"{name}=={version}" for name, version in found.items() if name.lower() not in ours), key=str.lower)
    return "\n".join(["# What was installed when this was made; a superset of what is needed.", *lines, ""])


def _script(run: SavedRun, inputs: Inputs) -> str:
    own = " --ensemble run/ensemble.parquet" if run.problem.study.scenarios.file else ""
    more = [
        part for kind in ("sweep", "sensitivity") if getattr(inputs, kind) for part in (f"--{kind}", f"inputs/{kind}")
    ]
    more += [] if inputs.backcast else ["--no-backcast"]
    skipped = " ".join(f"-e '  {re.escape(name)}$'" for name in _UNREPEATED)
    return f"""#!/bin/sh
# Makes the run again from run/manifest.json, then every figure, table and number, and compares them with the ones here.
# Asks nothing. Ends with 0 where all is the same, with 5 where something differs.
set -eu
cd "$(dirname "$0")"
command -v "${{TIERCAP:=tiercap}}" >/dev/null || {{ echo "tiercap is not on the path: see README.md" >&2; exit 2; }}
if [ -e replicated ]; then echo "replicated is there already: move it away first" >&2; exit 2; fi
mkdir replicated
differs=0
"$TIERCAP" replicate run -o replicated/run{own} || differs=$?
[ "$differs" = 0 ] || [ "$differs" = 5 ] || exit "$differs"
"$TIERCAP" paper replicated/run -o replicated/paper {shlex.join(more)}
grep -v {skipped} {SUMS} > replicated/{SUMS}
(cd replicated/paper && sha256sum --quiet -c ../{SUMS}) || differs=5
[ "$differs" = 0 ] && echo "All the same." || echo "Something differs: see above." >&2
exit "$differs"
"""


def _may_write(place: Path) -> dict[str, str]:
    """Digests of the files of an older paper in ``place``; InputError where it is anything else, or was edited."""
    if not place.exists():
        return {}
    if not place.is_dir():
        raise InputError(f"a paper needs a folder, but {place} is a file: choose another with -o")
    sums = place / SUMS
    if not sums.is_file():
        if os.listdir(place):
            raise InputError(f"{place} is neither empty nor a paper of ours, it has no {SUMS}: choose another with -o")
        return {}
    found = dict(line.split("  ", 1)[::-1] for line in sums.read_text(encoding="utf-8").splitlines() if "  " in line)
    for name, digest in found.items():
        path = place / name
        if ".." not in Path(name).parts and path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            raise InputError(f"{path} was edited since it was made, and would be overwritten: choose another with -o")
    return found


def _write_all(place: Path, contents: dict[str, bytes], stale: dict[str, str]) -> None:
    """Every file whole, the digests last; files of an older paper that this one does not have go."""
    with durable.explained(f"making {place}"):
        for folder in sorted({(place / name).parent for name in contents} | {place}):
            folder.mkdir(parents=True, exist_ok=True)
    for name, data in contents.items():
        durable.write((place / name).parent, Path(name).name, data)
    with durable.explained(f"writing {place}"):
        (place / "replicate.sh").chmod(0o755)
        for name in stale:
            if name not in contents and ".." not in Path(name).parts and not Path(name).is_absolute():
                (place / name).unlink(missing_ok=True)
    lines = [f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in sorted(contents.items())]
    durable.write(place, SUMS, "".join(lines).encode())
