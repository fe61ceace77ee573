"""Between a command and the shell: every way a command can end, as one sentence and an exit code.

0 done, 1 internal error, 2 wrong usage or input, 3 nothing feasible, 4 not converged, 5 a difference found,
6 file, disk or storage, 130 interrupted, 143 terminated, 129 terminal closed.
"""

from __future__ import annotations

import errno
import os
import sys
import traceback

import click

from tiercap.optimizer.cli import interrupts
from tiercap.optimizer.errors import StorageError, TiercapError

INTERNAL, USAGE = 1, 2


def run(command: click.Command, arguments: list[str], debug: bool = False) -> int:
    """Run ``command`` and return its exit code. Never lets a traceback through unless ``debug``."""
    _open_closed_streams()
    try:
        code = _invoke(command, arguments)
        sys.stdout.flush()  # a full disk shows itself here, not at interpreter exit
        return code
    except BrokenPipeError:
        _abandon_stdout()  # the reader, `head` say, has what it wanted
        return 0
    except KeyboardInterrupt as ending:
        return _leave(*interrupts.told(ending))
    except click.ClickException as error:
        return _leave(_usage(error), error.exit_code)
    except TiercapError as error:
        _show_traceback(debug)
        return _leave(str(error), error.exit_code)
    except OSError as error:
        _show_traceback(debug)
        return _leave(_disk(error), StorageError.exit_code)
    except MemoryError:
        _show_traceback(debug)
        return _leave("out of memory: ask for fewer scenarios, policies or years", USAGE)
    except Exception as error:  # noqa: BLE001 - the last resort, by design
        _show_traceback(debug)
        return _leave(_internal(error, debug), INTERNAL)


def _invoke(command: click.Command, arguments: list[str]) -> int:
    """Parse and call, without click's own handling of errors."""
    try:
        with command.make_context("tiercap", arguments) as context:
            result = command.invoke(context)
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return USAGE
    except click.Abort:
        raise KeyboardInterrupt from None
    return result if isinstance(result, int) and not isinstance(result, bool) else 0


def _leave(sentence: str, code: int) -> int:
    """Say ``sentence`` on standard error, if anyone listens, and hand the code on."""
    _drop_unwritten()
    try:
        sys.stderr.write(f"error: {sentence}\n")
        sys.stderr.flush()
    except OSError:
        pass
    return code


def _usage(error: click.ClickException) -> str:
    """click's sentence, in our style: small first letter, and where to look."""
    text = error.format_message().rstrip(".")
    text = text[:1].lower() + text[1:] if not text[:2].isupper() else text
    context = getattr(error, "ctx", None)
    if context is not None:
        text += f" (see {context.command_path} --help)"
    return text


def _disk(error: OSError) -> str:
    place = f" `{error.filename}`" if error.filename else ""
    if error.errno == errno.ENOSPC:
        return f"no space left{place}: free some room and run the same command again"
    return f"cannot read or write{place}: {error.strerror or error}"


def _internal(error: Exception, debug: bool) -> str:
    first = (str(error).splitlines() or [""])[0][:200]
    hint = "" if debug else "; run again with TIERCAP_DEBUG=1 for the traceback and report it"
    return f"internal error, {type(error).__name__}: {first}{hint}"


def _show_traceback(debug: bool) -> None:
    if debug:
        traceback.print_exc()


def _drop_unwritten() -> None:
    """Flush what was printed; if that is what failed, stop Python from trying again at exit."""
    try:
        sys.stdout.flush()
    except OSError:
        _abandon_stdout()


def _open_closed_streams() -> None:
    """A shell may start us with standard output closed (``>&-``); printing then goes nowhere, quietly."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - lives until exit


def _abandon_stdout() -> None:
    """Point standard output at nothing, so that no later flush complains."""
    try:
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, sys.stdout.fileno())
        os.close(nothing)
    except (OSError, ValueError):
        pass
