"""`tiercap chips`: the chips that are built in, with figures, units and sources."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tiercap.optimizer.cli.options import json_option
from tiercap.optimizer.cli.output import figure, print_json, print_table

if TYPE_CHECKING:
    from tiercap.optimizer.rules.chips import Chip

UNITS = {
    "die_area_mm2": "mm2",
    "fp8_pflops": "PFLOP/s",
    "tpp": "TPP",
    "density": "TPP/mm2",
    "memory_gbs": "GB/s",
    "interconnect_gbs": "GB/s",
    "host_link_gbs": "GB/s",
    "price_low_usd": "USD",
    "price_high_usd": "USD",
}
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
    from tiercap.optimizer.rules.chips import find_chip, load_chips

    among = load_chips(Path(file) if file is not None else None)
    chips = list(dict.fromkeys(find_chip(name, among) for name in names)) if names else list(among)
    if as_json:
        print_json({"units": UNITS, "chips": [_record(chip) for chip in chips]})
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


def _record(chip: Chip) -> dict[str, Any]:
    from dataclasses import asdict

    return {**asdict(chip), "density": chip.density, "io_gbs": chip.io_gbs}


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
