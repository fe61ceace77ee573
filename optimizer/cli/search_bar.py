"""The progress bar of a search, or of several one after the other, on standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

#: Given a search, what is called with its evaluations done and its hypervolume.
Bar = Callable[[Any], Callable[[int, float | None], None]]


@contextmanager
def search_bar(quiet: bool, searches: int = 1) -> Iterator[Bar]:
    """Share, rate, time left, hypervolume and epsilon-progress of so many searches. Nothing where nobody watches."""
    if quiet or not sys.stderr.isatty():
        yield lambda search: lambda done, volume: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"), BarColumn(20), TaskProgressColumn(), TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(), TextColumn("{task.fields[standing]}"),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("searching", total=None, rate="", standing="")
        begun = 0

        def start(search: Any) -> Callable[[int, float | None], None]:
            nonlocal begun
            planned = search.planned()
            before, begun = begun * planned, begun + 1  # seeds differ in nothing that a plan depends on
            total = max(searches, begun)
            name = f"seed {search.problem.study.search.seed}, {begun} of {total}" if total > 1 else "searching"
            bar.update(task, description=name, total=total * planned)

            def advance(done: int, _volume: float | None) -> None:
                speed = bar.tasks[task].speed
                rate = f"{speed / 1000:,.0f} k evaluations/s" if speed else ""
                bar.update(task, completed=before + done, rate=rate, standing=standing(search.convergence))

            return advance

        yield start


def standing(convergence: Sequence[Mapping[str, float]]) -> str:
    """How far a search has come, from the rows of its generations: where no boxes are entered any more, it stalls."""
    if not convergence:
        return "screening"
    last = convergence[-1]
    return f"hypervolume {last['hypervolume']:.4f}, {last['epsilon_progress']:,.0f} boxes entered"
