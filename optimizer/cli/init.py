"""`tiercap init`: a commented study to start from."""

from __future__ import annotations

from pathlib import Path

import click

from tiercap.optimizer.cli.output import say


@click.command()
@click.argument("path", default="study.toml", metavar="[PATH]")
@click.option(
    "--study", default="china-2026", show_default=True, metavar="NAME", help="Built-in study to copy."
)
def command(path: str, study: str) -> None:
    """Write a study file to start from, with comments.

    Never overwrites: an existing PATH is left as it is.

    Example: tiercap init my-study.toml --study three-tier
    """
    from tiercap.optimizer.study import load

    text = load.builtin_text(study.removeprefix("builtin:"))
    _write_new(Path(path), text)
    say(f"wrote {path}; check it with: tiercap config check {path}")


def _write_new(path: Path, text: str) -> None:
    """Create ``path``, which must not exist."""
    from tiercap.optimizer.errors import InputError, StorageError
    from tiercap.optimizer.io.toml_text import printable_path

    shown = printable_path(path)
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        raise InputError(f"{shown} exists already and is left as it is: choose another name") from None
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"the folder of {shown} does not exist: create it first") from None
    except PermissionError:
        raise InputError(f"{shown} cannot be created: the folder is not writable") from None
    except ValueError:
        raise InputError(f"`{shown}` cannot be a file name") from None
    except OSError as error:
        raise StorageError(f"{shown} could not be written: {error.strerror}") from None
