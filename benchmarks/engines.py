"""Engines and variants of the default search against the reference front: how much of it, after how long.

    python benchmarks/engines.py                                every variant, two seeds
    python benchmarks/engines.py default --seeds 10             the default run from ten seeds

Share of the reference front's hypervolume (scaled by its ideal and nadir, reference point 1.1) and additive epsilon of
each run's front at the end, the share at some numbers of evaluations, seconds to 95 %, where the time went. Times are
by the clock and tell as much of the machine's other work.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import peers

peers.prepare_environment()

import reference  # noqa: E402

from tiercap.optimizer.model import front  # noqa: E402
from tiercap.optimizer.model.convergence import additive_epsilon, scaled_hypervolume  # noqa: E402
from tiercap.optimizer.runs.folder import RunFolder  # noqa: E402
from tiercap.optimizer.runs.identity import configuration  # noqa: E402
from tiercap.optimizer.search.loop import Search  # noqa: E402
from tiercap.optimizer.study import load as config  # noqa: E402
from tiercap.optimizer.study.problem import Problem  # noqa: E402

#: Numbers of evaluations at which the share is told.
MARKS = (300_000, 500_000, 1_000_000, 2_000_000, 4_000_000)
TARGET = 0.95
NO_SCREEN = ("search.screen=0",)
#: Every variant by the settings that make it.
VARIANTS: dict[str, tuple[str, ...]] = {
    "default": (),
    "without generations": ("search.trials=0",),
    "screen not bred": ("search.screen_generations=0",),
    "no screen": NO_SCREEN,
    "mates from anywhere": ("search.options.mates=1",),
    "one child a policy": ("search.options.children=1",),
    "crossover only": ("search.options.sbx=1.0", "search.options.line=0.0"),
    "lines only": ("search.options.sbx=0.0", "search.options.line=1.0"),
    "differences only": ("search.options.sbx=0.0", "search.options.line=0.0"),
    "nsga2": ("search.engine=nsga2",),
    "nsga2, no screen": ("search.engine=nsga2", *NO_SCREEN),
    "nsga3": ("search.engine=nsga3",),
    "tpe": ("search.engine=tpe", "search.trials=1024"),
    "qmc, no screen": ("search.engine=qmc", *NO_SCREEN),
    "random, no screen": ("search.engine=random", *NO_SCREEN),
}


@dataclass
class Measured:
    """One run against the reference front."""

    share: float
    epsilon: float
    front: int
    evaluations: int
    seconds: float
    to_target: float | None
    at: list[float | None]
    where: dict[str, float] = field(default_factory=dict)

    @property
    def overhead(self) -> float:
        """Share of the time that the kernels did not take."""
        return 1.0 - (self.where["kernels"] + self.where.get("loading kernels", 0.0)) / self.seconds


def run(settings: tuple[str, ...], seed: int, known: np.ndarray, scale: tuple[np.ndarray, np.ndarray]) -> Measured:
    """Search once, with a fresh problem and folder."""
    problem = Problem(config.load(None, settings, {"search.seed": seed}, {}))
    most = reference.hypervolume()
    seen: list[tuple[int, float]] = []
    with tempfile.TemporaryDirectory(prefix="tiercap-engines-") as place:
        began = perf_counter()

        def note(done: int, _volume: float | None, began: float = began) -> None:
            seen.append((done, perf_counter() - began))

        with RunFolder.open(Path(place) / "run", configuration(problem)) as folder:
            found = Search(problem, folder, progress=note).run()
        seconds = perf_counter() - began
    losses, kept = problem.scoring.losses(found.archive.values), np.empty((0, known.shape[1]))
    track = []
    for row in found.convergence:
        kept = np.concatenate([kept, losses[found.archive.stage == row["generation"]]])
        kept = kept[front.nondominated(kept)]
        when = next(second for done, second in seen if done >= row["evaluations"])
        track.append((row["evaluations"], when, scaled_hypervolume(kept, *scale) / most))
    at = [max((share for done, _, share in track if done <= mark), default=None) for mark in MARKS]
    to_target = next((when for _, when, share in track if share >= TARGET), None)
    end = track[-1][2]
    at = [value if mark <= found.evaluations else None for mark, value in zip(MARKS, at, strict=True)]
    return Measured(end, additive_epsilon(kept, known, *scale), len(kept), found.evaluations, seconds, to_target, at,
                    found.seconds)  # fmt: skip


def row(name: str, runs: list[Measured]) -> str:
    """A line of the table: medians, and the range of the share."""
    middle = statistics.median
    shares = [m.share for m in runs]
    marks = []
    for k in range(len(MARKS)):
        values = [value for m in runs if (value := m.at[k]) is not None]
        marks.append(f"{middle(values):.3f}" if values else "-")
    times = [m.to_target for m in runs if m.to_target is not None]
    reached = f"{middle(times):.1f} s" if len(times) == len(runs) else "-"
    cells = [name, f"{middle(shares):.4f}", f"{min(shares):.4f} to {max(shares):.4f}"]
    cells += [f"{middle([m.epsilon for m in runs]):.3f}", f"{middle([m.front for m in runs]):.0f}"]
    cells += [f"{middle([m.evaluations for m in runs]) / 1e6:.2f} M", f"{middle([m.seconds for m in runs]):.1f} s"]
    return "| " + " | ".join([*cells, reached, f"{middle([m.overhead for m in runs]):.0%}", *marks]) + " |"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("variants", nargs="*", default=list(VARIANTS), help=f"of {', '.join(VARIANTS)}")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    unknown = set(given.variants) - set(VARIANTS)
    if unknown:
        parser.error(f"no such variant: {', '.join(unknown)}; known: {', '.join(VARIANTS)}")
    problem = Problem(config.load(None, (), {}, {}))
    _, known = reference.load(problem)
    scale = front.ideal_and_nadir(known)
    before, table = peers.load(), {}
    heads = ["variant", "share", "range", "epsilon", "front", "evaluations", "time", f"to {TARGET:.0%}", "not kernels"]
    heads += [f"at {mark / 1e6:g} M" for mark in MARKS]
    print("| " + " | ".join(heads) + " |\n" + "|---" * len(heads) + "|", flush=True)
    for name in given.variants:
        table[name] = [run((*VARIANTS[name], *given.settings), seed, known, scale) for seed in range(given.seeds)]
        print(row(name, table[name]), flush=True)
    print(f"load {before:.1f} before, {peers.load():.1f} after; {peers.cpu()[0]}", file=sys.stderr)
    if given.json:
        report: dict[str, Any] = {name: [vars(m) for m in runs] for name, runs in table.items()}
        given.json.write_text(json.dumps(report, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
