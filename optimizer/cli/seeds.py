"""What `tiercap optimize --seeds` prints of the seeds: each beside the others, and whether they agree."""

from __future__ import annotations

import math
from typing import Any

import click

from tiercap.optimizer.cli.output import print_table


def print_seeds(run: Any) -> None:
    """A row a seed; the median with its interval; what the seeds attain; whether they agree, and the time."""
    from tiercap.optimizer.search.seeds import seeds_json

    told = seeds_json(run)
    click.echo()
    whose = {"study": "the study"}.get(told["scale"]["stated_by"], told["scale"]["stated_by"])
    click.echo(
        f"Hypervolume of each seed's front on the scale of {whose}, and epsilon, how far on that scale it falls short "
        "of all seeds' together:"
    )
    rows = [
        [
            str(one["seed"]),
            f"{one['hypervolume']:.4f}" if one["feasible"] else "nothing feasible",
            f"{one['epsilon']:.4f}" if one["epsilon"] is not None else "-",
            f"{one['policies']:,}",
            f"{one['of_the_union']:,}",
            "yes" if one["converged"] else "no",
        ]
        for one in told["each"]
    ]
    print_table(["seed", "hypervolume", "epsilon", "policies", "on the front\nof all", "settled"], rows)
    if len(rows) > 1:
        _print_median(told["hypervolume"])
        _print_attainment(told["attainment"], len(rows))
    else:
        click.echo("One seed says nothing of chance: ask for more, five say it of the median with 94 % confidence.")
    click.echo(f"{'Settled' if run.converged else 'Not settled'}: {run.settled()}.")
    found = run.found
    reused = f", {found.evaluations_reused:,} of them kept from before" if found.evaluations_reused else ""
    click.echo(f"{found.evaluations:,} evaluations{reused} in {run.seconds:.1f} s.")


def _print_median(told: Any) -> None:
    spread = 100.0 * told["spread"]
    share = f", {spread:.2g} % of the median" if math.isfinite(spread) else ""
    interval = told["interval"]
    click.echo(
        f"Median {told['median']:.4f}, range {told['lowest']:.4f} to {told['highest']:.4f}{share}. With "
        f"{100.0 * interval['confidence']:.3g} % confidence the median of all possible seeds lies between "
        f"{interval['low']:.4f} and {interval['high']:.4f} (order statistics, for any distribution)."
    )


def _print_attainment(told: Any, count: int) -> None:
    """Hypervolumes of the attainment surfaces, the surest last."""
    if not told:
        click.echo("What so many seeds attain is told of three objectives at most.")
        return
    words = {1: "one seed at least", count: "every seed"}
    parts = [f"{words.get(s['attained_by'], str(s['attained_by']) + ' seeds')} {s['hypervolume']:.4f}" for s in told]
    click.echo(f"Hypervolume of what is attained by {', by '.join(parts)} (attainment.csv).")
