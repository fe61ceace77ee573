"""`tiercap classify`: each chip's status under each rule, the limb that decides, and the cliffs around it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tiercap.optimizer.cli.options import json_option
from tiercap.optimizer.cli.output import figure, print_json, print_table

if TYPE_CHECKING:
    from tiercap.optimizer.rules.book import Rule
    from tiercap.optimizer.rules.chips import Chip

#: Up to so many named chips the answer gives the reasons as well.
REASONS = 8


@click.command()
@click.argument("names", nargs=-1, metavar="[CHIP...]")
@click.option("--rule", "rule_names", multiple=True, metavar="NAME", help="Only this rule; may be repeated.")
@click.option("--group", default="c", show_default=True, help="Destination: a allied, b swing, c restricted.")
@click.option("--chips", "file", metavar="FILE", help="A CSV file of your own chips instead of the built-in.")
@click.option("--cliffs", "with_cliffs", is_flag=True, help="Also the distance from every line of each rule.")
@json_option
def command(
    names: tuple[str, ...],
    rule_names: tuple[str, ...],
    group: str,
    file: str | None,
    with_cliffs: bool,
    as_json: bool,
) -> None:
    """Each chip under each rule: open, licensed, denied or unknown, and the limb that decides.

    Without CHIP all chips, without --rule all rules. `licensed` says that a licence is possible, not that
    any is granted; `unknown` that a figure is not published which could tip the answer.

    Example: tiercap classify H20 A800 H200 --rule oct-2023 --rule bis-2026
    """
    from tiercap.optimizer.rules import book
    from tiercap.optimizer.rules.chips import listed
    from tiercap.optimizer.rules.cliffs import record

    chips = listed(names, Path(file) if file is not None else None)
    rules = book.listed(rule_names)
    group = group.strip().casefold()
    rules[0].limbs(group)  # an unknown group is an error before anything is printed
    if as_json:
        print_json({"group": group, "chips": [record(chip, rules, group, with_cliffs) for chip in chips]})
        return
    _print_statuses(chips, rules, group)
    if names and len(chips) <= REASONS:
        _print_reasons(chips, rules, group)
    if with_cliffs:
        _print_cliffs(chips, rules, group)


def _print_statuses(chips: list[Chip], rules: list[Rule], group: str) -> None:
    from tiercap.optimizer.rules.classify import classify

    rows = [[chip.name, *(classify(chip, rule, group).status for rule in rules)] for chip in chips]
    print_table(["chip", *(rule.name for rule in rules)], rows, f"Status for group {group.upper()}")


def _print_reasons(chips: list[Chip], rules: list[Rule], group: str) -> None:
    from tiercap.optimizer.rules.classify import classify

    click.echo()
    rows = [[chip.name, rule.name, classify(chip, rule, group).because] for chip in chips for rule in rules]
    print_table(["chip", "rule", "because"], rows)


def _print_cliffs(chips: list[Chip], rules: list[Rule], group: str) -> None:
    from tiercap.optimizer.rules.clauses import FIGURES
    from tiercap.optimizer.rules.cliffs import built_to, cliffs, drawn_beside

    rows = []
    for chip in chips:
        for rule in rules:
            for cliff in cliffs(chip, rule, group):
                distance = "-" if cliff.room is None else f"{cliff.room:+.1f}"
                word = FIGURES[cliff.figure].word
                rows.append(
                    [chip.name, rule.name, word, figure(cliff.value, 5), figure(cliff.cap, 5), cliff.unit, distance]
                )
    click.echo()
    title = "Distance from each line in % of the line: + below it, - over it"
    print_table(["chip", "rule", "figure", "chip has", "line", "unit", "distance"], rows, title)
    fits = [(chip, fit) for chip in chips for fit in (built_to(chip), drawn_beside(chip)) if fit]
    if not fits:
        return
    click.echo()
    lines = [
        [chip.name, fit.relation, fit.rule, FIGURES[fit.figure].word, figure(fit.value, 5), figure(fit.cap, 5),
         fit.unit, f"{fit.room:+.1f}", f"{fit.months:+.0f}"]
        for chip, fit in fits
    ]  # fmt: skip
    headers = ["chip", "", "first drawn by", "figure", "chip has", "line", "unit", "distance", "months after"]
    print_table(headers, lines, "Lines that chips were built to, or that were drawn beside chips")
