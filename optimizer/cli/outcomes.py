"""`tiercap outcomes`: what the model reports."""

from __future__ import annotations

import click

from tiercap.optimizer.cli.options import json_option
from tiercap.optimizer.cli.output import print_json, print_table


@click.command()
@click.option("--steps", is_flag=True, help="What is known of every step, instead of the totals of a run.")
@json_option
def command(steps: bool, as_json: bool) -> None:
    """List the outcomes of the model with their units.

    Any of the totals can be an objective or a constraint of a study.

    Example: tiercap outcomes --json
    """
    from tiercap.kernels.params import OUTCOME_LIST, TRAJECTORY_LIST

    listed = TRAJECTORY_LIST if steps else OUTCOME_LIST
    if as_json:
        print_json({"outcomes": [outcome._asdict() for outcome in listed]})
    else:
        print_table(["name", "unit", "meaning"], [[o.name, o.unit, o.meaning] for o in listed])
