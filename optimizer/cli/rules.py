"""`tiercap rules`: the rules that are built in, limb by limb, with dates and citations."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import click

from tiercap.optimizer.cli.options import json_option
from tiercap.optimizer.cli.output import figure, print_json, print_table

if TYPE_CHECKING:
    from tiercap.optimizer.rules.book import Rule
    from tiercap.optimizer.rules.clauses import Limb

GROUP_WORDS = {"a": "allied", "b": "swing", "c": "restricted"}


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME...]")
@json_option
def command(names: tuple[str, ...], as_json: bool) -> None:
    """List the rules that are built in; with NAME also their limbs for each group of destinations.

    A chip is admitted by a limb if every figure lies strictly below its cap; `-` is no cap.

    Example: tiercap rules bis-2026
    """
    from tiercap.optimizer.rules.book import UNITS, listed, record

    rules = listed(names)
    if as_json:
        print_json({"units": UNITS, "rules": [record(rule) for rule in rules]})
        return
    print_table(
        ["rule", "date", "applied", "title", "citations"],
        [
            [rule.name, str(rule.date or "-"), "yes" if rule.in_force else "no", rule.title, _cited(rule)]
            for rule in rules
        ],
    )
    if names:
        for rule in rules:
            _print_rule(rule)


def _cited(rule: Rule) -> str:
    return "; ".join(rule.citations) or "-"


def _print_rule(rule: Rule) -> None:
    click.echo()
    headers = ["group", "tier", "limb", "TPP", "memory [GB/s]", "I/O [GB/s]", "TPP/mm2", "memory + I/O", "terms"]
    rows = [_row(group, limb) for group, limbs in rule.by_group.items() for limb in limbs]
    print_table(headers, rows, f"{rule.name}: admitted if below all of")
    for group, limbs in rule.by_group.items():
        if not limbs:
            click.echo(f"group {group.upper()} ({GROUP_WORDS[group]}): nothing is admitted")
    for name, value in rule.controls.items():
        click.echo(f"{name.replace('_', ' ')}: {100 * value:g} %")
    if rule.notes:
        click.echo(rule.notes)


def _row(group: str, limb: Limb) -> list[str]:
    caps = (limb.tpp, limb.memory_gbs, limb.interconnect_gbs, limb.density, limb.bandwidth_sum_gbs)
    return [f"{group} {GROUP_WORDS[group]}", limb.tier, limb.name, *(figure(cap, 6) for cap in caps), _terms(limb)]


def _within(limb: Limb) -> str:
    bands = [f"TPP {a:,g} to {b:,g} with {c:,g} to {d:,g} GB/s" for a, b, c, d in limb.duty_bands]
    return f" of products of {' or '.join(bands)}" if bands else ""


def _terms(limb: Limb) -> str:
    terms = []
    if limb.consumer_only:
        terms.append("not for data centres")
    if limb.sku_before is not None:
        terms.append(f"on US sale by {limb.sku_before}")
    if limb.quota_share < math.inf:
        terms.append(f"quota {100 * limb.quota_share:g} % of home TPP")
    if limb.quota_chips < math.inf:
        terms.append(f"quota {limb.quota_chips:,g} chips/year")
    if limb.quota_tpp < math.inf:
        terms.append(f"quota {limb.quota_tpp:.4g} TPP/year")
    if limb.revenue_share:
        terms.append(f"{100 * limb.revenue_share:g} % of sales" + _within(limb))
    if limb.delay_years:
        terms.append(f"after {limb.delay_years:g} years")
    if limb.no_diversion:
        terms.append("no diversion from home customers")
    return ", ".join(terms) or "-"
