"""A built-in study, with its comments, as a file to start from."""

from __future__ import annotations

from pathlib import Path

from tiercap.optimizer.errors import InputError, StorageError
from tiercap.optimizer.io.toml_text import printable_path
from tiercap.optimizer.study import load


def write_template(path: Path, study: str) -> None:
    """Write the built-in study of this name to a file that does not exist yet. Raises InputError, StorageError."""
    _write_new(path, load.builtin_text(study.removeprefix("builtin:")))


def _write_new(path: Path, text: str) -> None:
    """Create ``path``, which must not exist."""
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
