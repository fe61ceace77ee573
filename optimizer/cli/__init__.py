"""The command `tiercap`: a group whose commands are imported only when used.

``tiercap --help`` must answer within a fifth of a second, so this file imports click and the errors, nothing
else of the project; the one-line texts of the commands stand here instead of in their modules.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from tiercap.optimizer.cli import interrupts
from tiercap.optimizer.cli.guard import run
from tiercap.optimizer.errors import InputError, did_you_mean

#: What the kernels take for a width of vectors; said again here because importing them takes too long.
VECTOR_WIDTHS = ("auto", "256", "512")

#: Every command and its line in the help. One whose module does not exist is not listed.
COMMANDS = {
    "optimize": "Search the levers for the front of policies that nothing dominates.",
    "pick": "Choose a policy from a finished run, with reasons, in round numbers.",
    "compare": "Set runs, rules and policies against each other in the same scenarios.",
    "sensitivity": "What an outcome hangs on: Sobol shares, distributions, tails, a tornado.",
    "discover": "In which futures a policy fails, in words with units.",
    "sweep": "How outcomes move with levers and parameters: labelled tables.",
    "paper": "Figures, tables and numbers for LaTeX, with a replication package, from a finished run.",
    "verify": "Whether a run is what its manifest says, to the bit.",
    "replicate": "Run again from a run's manifest, and say what differs.",
    "evaluate": "Payoffs of named rules and of policies of your own.",
    "calibrate": "Fit the model to the record: an ensemble of futures that reproduce it.",
    "classify": "Each chip's status under each rule, and the limb that decides.",
    "chips": "List the chips that are built in, with figures and sources.",
    "rules": "List the rules that are built in, with dates and citations.",
    "parameters": "List the model's parameters with unit, value, range and source.",
    "outcomes": "List what the model reports, with units.",
    "engines": "List what can search: engines, pruners and their options.",
    "init": "Write a study file to start from, with comments.",
    "config": "Check a study file, or show it with the origin of every value.",
    "bench": "Measure how fast this machine evaluates, starts and searches.",
    "backcast": "Replay the record, and score the model against what was observed.",
    "doctor": "Say what this installation and machine look like to tiercap.",
}


class LazyGroup(click.Group):
    """A click group that knows its commands' names and help, and imports a command when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        here = Path(__file__).parent
        return [name for name in COMMANDS if (here / f"{name}.py").is_file()]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in self.list_commands(ctx):
            return None
        module = importlib.import_module(f"tiercap.optimizer.cli.{name}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if not name.startswith("-") and name not in self.list_commands(ctx):
            hint = did_you_mean(name, self.list_commands(ctx))
            raise click.UsageError(f"unknown command `{name[:40]}`: {hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name]) for name in self.list_commands(ctx)])


def _version(ctx: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from importlib.metadata import version  # 20 ms, only here

        click.echo(f"tiercap {version('tiercap')}")
        ctx.exit()


@click.group(
    cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version."
)
def group() -> None:
    """Tiered export policy for AI chips: what each rule costs, gains and provokes.

    Start with `tiercap optimize`: it searches the built-in study and needs no arguments. The results are
    modelled, not forecast; `tiercap parameters` lists every assumption behind them with its source.
    """
    width = os.environ.get("TIERCAP_VECTOR_WIDTH") or "auto"
    if width not in VECTOR_WIDTHS:
        raise InputError(f"TIERCAP_VECTOR_WIDTH must be one of {', '.join(VECTOR_WIDTHS)}, not `{width[:40]}`")


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line and leave with the exit code of the outcome."""
    interrupts.listen()
    arguments = list(sys.argv[1:] if args is None else args)
    sys.exit(run(group, arguments, debug=bool(os.environ.get("TIERCAP_DEBUG"))))
