"""Where the processes that share a study meet, as `--storage` says it: a PostgreSQL database or a journal file.

The text may hold a password. It is taken apart here and nowhere else, and never put together again: connections are
made from its parts, sentences show :attr:`MeetingPlace.shown`, and what others say passes
:meth:`MeetingPlace.without_secrets`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from tiercap.optimizer.errors import InputError

HIDDEN = "***"
#: Ways to say PostgreSQL; there is one driver.
_SERVERS = ("postgresql://", "postgres://", "postgresql+psycopg://")
_SECRETS = ("password", "sslpassword")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_FORM = "postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with special characters of the parts percent-encoded"


@dataclass(frozen=True, slots=True)
class MeetingPlace:
    """A place as `parse` found it.

    shown : what people may read; path : the journal file, None for a server
    arguments : keywords of a connection to the server, secrets among them
    """

    shown: str
    path: Path | None = None
    arguments: Mapping[str, str] = field(default_factory=dict, repr=False)
    written: tuple[str, ...] = field(default=(), repr=False)

    def without_secrets(self, text: str) -> str:
        """``text`` with every secret hidden, as it was written and as it was meant."""
        secrets = {*self.written, *(self.arguments[key] for key in _SECRETS if self.arguments.get(key))}
        for secret in sorted(secrets, key=len, reverse=True):
            text = text.replace(secret, HIDDEN)
        return text


def parse(text: str) -> MeetingPlace:
    """Take apart what `--storage` said. Raises InputError, which never repeats it."""
    text = text.strip()
    if not text:
        raise InputError(f"--storage needs {_FORM}; or the path of a journal file")
    lower = text.lower()
    if lower.startswith(_SERVERS):
        return _server(text)
    if lower.startswith("sqlite:"):
        raise InputError(
            "--storage: SQLite is not for several processes, as Optuna says itself: on one machine give the path of a "
            "journal file, such as study.journal, on several a PostgreSQL database"
        )
    path = text[len("journal:") :] if lower.startswith("journal:") else text
    if _SCHEME.match(path) or "\0" in path or not path:
        raise InputError(f"--storage must be {_FORM}; or the path of a journal file on this machine")
    return MeetingPlace(shown=f"the journal {path}", path=Path(path).absolute())


def _server(text: str) -> MeetingPlace:
    """The parts of a URL. An @ behind the host means that a password was not encoded, and what is what is unknown."""
    wrong = InputError(f"--storage: the URL is not understood: write {_FORM}")
    try:
        parts = urlsplit(text)
        port = parts.port
        query = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except ValueError:
        raise wrong from None
    if "@" in parts.path + parts.query or parts.fragment or "#" in text:
        raise wrong
    given = {
        "user": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "host": unquote(parts.hostname or ""),
        "port": str(port or ""),
        "dbname": unquote(parts.path.removeprefix("/")),
    }
    arguments = {key: value for key, value in given.items() if value} | query
    if any("\0" in value for value in arguments.values()):
        raise wrong
    return MeetingPlace(_shown(arguments), None, arguments, _written(parts))


def _shown(arguments: Mapping[str, str]) -> str:
    """The URL without its secrets and options."""
    user = f"{arguments['user']}@" if "user" in arguments else ""
    port = f":{arguments['port']}" if "port" in arguments else ""
    return f"postgresql://{user}{arguments.get('host', '')}{port}/{arguments.get('dbname', '')}"


def _written(parts: SplitResult) -> tuple[str, ...]:
    """The secrets as they stand in the URL, encoded or not."""
    pairs = [item.partition("=") for item in parts.query.split("&")]
    found = [parts.password or "", *(value for key, _, value in pairs if key in _SECRETS)]
    return tuple(secret for secret in found if secret)
