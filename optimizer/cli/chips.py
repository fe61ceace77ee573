"""`tiercap chips`: the chips that are built in, with figures, units and sources."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tiercap.optimizer.cli.options import json_option
from tiercap.optimizer.cli.output import figure, print_json, print_table

if TYPE_CHECKING:
    from tiercap.optimizer.rules.chips import Chip

#: Up to so many named chips the answer gives sources and notes as well.
DETAILS = 5


@click.command()
@click.argument("names", nargs=-1, metavar="[CHIP...]")
@click.option("--chips", "file", metavar="FILE", help="A CSV file of your own chips instead of the built-in.")
@json_option
def command(names: tuple[str, ...], file: str | None, as_json: bool) -> None:
    """List the chips that are built in, with figures and sources. `-` is a figure nobody has published.

    Example: tiercap chips H20 H200 --json
    """
    from tiercap.optimizer.rules.chips import UNITS, listed, record

    chips = listed(names, Path(file) if file is not None else None)
    if as_json:
        print_json({"units": UNITS, "chips": [record(chip) for chip in chips]})
        return
    print_table(
        ["chip", "vendor", "launch", "TPP", "set by", "FP8 [PFLOP/s]", "as", "memory [GB/s]", "link [GB/s]",
         "die [mm2]", "density", "price [kUSD]", "for a rule", "evidence"],
        [_row(chip) for chip in chips],
    )  # fmt: skip
    if names and len(chips) <= DETAILS:
        for chip in chips:
            recalled = f" From memory: {', '.join(chip.recalled_columns)}." if chip.recalled_columns else ""
            click.echo(f"{chip.name}: {chip.notes} Source: {chip.source} [{chip.evidence}].{recalled}")


def _row(chip: Chip) -> list[str]:
    prices = [value / 1000 for value in (chip.price_low_usd, chip.price_high_usd) if value is not None]
    return [
        chip.name,
        chip.vendor,
        chip.launch or "-",
        figure(chip.tpp, 6),
        chip.tpp_format or "-",
        figure(chip.fp8_pflops),
        chip.fp8_format or "-",
        figure(chip.memory_gbs, 5),
        figure(chip.interconnect_gbs, 5),
        figure(chip.die_area_mm2),
        figure(chip.density),
        " to ".join(dict.fromkeys(figure(price, 3) for price in prices)) or "-",
        "yes" if chip.special_edition else "no",
        chip.evidence or "-",
    ]
