"""A TOML file that remembers where everything stood: strict reading, and the place of every key.

The standard library's parser gives values but no positions for keys that are well-formed and wrong. A second,
small pass over the text, which the parser has already accepted, finds line and column of each key.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tiercap.optimizer.errors import InputError
from tiercap.optimizer.io.units import printable

MAX_BYTES = 64 * 1024
#: A longer line is refused: parsing a chain of dotted keys takes time quadratic in its length.
MAX_LINE = 1000

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_BLANK = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_SCALAR = re.compile(r"[^,\]}\n#]*")
_STRINGS = (
    re.compile(r'"""(?:[^"\\]|\\.|"(?!"")|"(?=""""))*"{3,5}', re.DOTALL),
    re.compile(r"'''(?:[^']|'(?!''))*'{3,5}"),
    re.compile(r'"(?:[^"\\\n]|\\.)*"'),
    re.compile(r"'[^'\n]*'"),
)

Path_ = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """A stretch of one line, counted from 1."""

    line: int
    column: int
    width: int


@dataclass(frozen=True, slots=True)
class TomlFile:
    """A parsed file: what it is called in messages, its lines, its data and its keys' places."""

    name: str
    lines: tuple[str, ...] = ()
    data: dict[str, Any] = field(default_factory=dict)
    places: dict[Path_, Place] = field(default_factory=dict)

    def place(self, path: Path_) -> Place | None:
        """Where ``path`` stands, or else its nearest enclosing table."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.places:
                return self.places[path[:length]]
        return None

    def origin(self, path: Path_) -> str:
        """``file:line`` of a key, for people."""
        place = self.place(path)
        return f"{self.name}:{place.line}" if place else self.name

    def complain(self, path: Path_, message: str, hint: str = "") -> str:
        """A message that points at ``path``: file:line:column, the line itself, a caret and the hint."""
        place = self.place(path)
        if place is None:
            return f"{self.name}: {message}" + (f": {hint}" if hint else "")
        return self.point(place, message, hint)

    def point(self, place: Place, message: str, hint: str = "") -> str:
        """As :meth:`complain`, for a place."""
        line = self.lines[place.line - 1] if place.line <= len(self.lines) else ""
        start = max(0, place.column - 60)
        shown = "".join(c if c.isprintable() else " " for c in line[start : start + 100])
        carets = " " * (place.column - 1 - start) + "^" * max(1, min(place.width, 40))
        return (
            f"{self.name}:{place.line}:{place.column}: {message}\n"
            f"{place.line:>5} | {shown}\n      | {carets} {hint}".rstrip()
        )


def read(path: Path, name: str | None = None) -> TomlFile:
    """Read and parse a file; :class:`InputError` for anything that is no sound TOML text of sensible size."""
    shown = name or printable_path(path)
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except IsADirectoryError:
        raise InputError(f"{shown} is a folder; a study is a TOML file") from None
    except FileNotFoundError:
        raise InputError(f"{shown}: no such file (tiercap init writes a study to start from)") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{shown} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    return parse(raw, shown)


def parse(raw: bytes, name: str) -> TomlFile:
    """Parse the bytes of a file called ``name`` in messages."""
    text = _decode(raw, name)
    lines = tuple(text.split("\n"))
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_LINE:
            raise InputError(
                f"{name}:{number}: a line of {len(line)} characters; at most {MAX_LINE} are read"
            )
    bare = TomlFile(name, lines)
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(_broken(bare, str(error))) from None
    except RecursionError:
        raise InputError(f"{name}: brackets are nested too deeply; a study needs three levels") from None
    except ValueError as error:  # an integer of thousands of digits, an impossible date
        raise InputError(f"{name}: not valid TOML: {printable(str(error))}") from None
    return TomlFile(name, lines, data, locate(text))


def _decode(raw: bytes, name: str) -> str:
    if len(raw) > MAX_BYTES:
        raise InputError(f"{name} is larger than {MAX_BYTES // 1024} KiB; a study has a few")
    if raw.startswith(b"\xef\xbb\xbf"):
        raise InputError(f"{name}:1:1: begins with a byte-order mark; save it as UTF-8 without BOM")
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError(f"{name}:1:1: is UTF-16; save it as UTF-8")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise InputError(f"{name}:{line}: byte 0x{raw[error.start]:02x} is not UTF-8; save it so") from None
    return text.replace("\r\n", "\n")


_POSITION = re.compile(r"^(.*) \(at (?:line (\d+), column (\d+)|end of document)\)$", re.DOTALL)


def _broken(file: TomlFile, report: str) -> str:
    """The parser's report in our form."""
    match = _POSITION.match(report)
    if match is None:
        return f"{file.name}: not valid TOML: {printable(report)}"
    reason = "not valid TOML: " + match[1][:1].lower() + printable(match[1][1:])
    line = int(match[2]) if match[2] else len(file.lines)
    column = int(match[3]) if match[3] else len(file.lines[-1]) + 1
    return file.point(Place(line, column, 1), reason, "texts need quotes; tables are [name]")


def locate(text: str) -> dict[Path_, Place]:
    """Place of every key and table header in a text that is valid TOML."""
    found: dict[Path_, tuple[int, int]] = {}
    # Should the walk lose its way, what was found so far still helps: messages fall back on the outer table.
    with suppress(RecursionError, IndexError, AttributeError, tomllib.TOMLDecodeError):
        _Scanner(text, found).document()
    starts = [0, *(match.end() for match in re.finditer("\n", text))]
    places = {}
    for path, (begin, end) in found.items():
        line = bisect_right(starts, begin)
        places[path] = Place(line, begin - starts[line - 1] + 1, end - begin)
    return places


class _Scanner:
    """Walks a valid TOML text and notes where keys begin and end."""

    def __init__(self, text: str, found: dict[Path_, tuple[int, int]]) -> None:
        self.text, self.found, self.at = text, found, 0

    def document(self) -> None:
        prefix: Path_ = ()
        while self._skip() < len(self.text):
            if self.text[self.at] == "[":
                prefix = self._header()
            else:
                self._pair(prefix)

    def _skip(self) -> int:
        match = _BLANK.match(self.text, self.at)
        self.at = match.end() if match else self.at
        return self.at

    def _spaces(self) -> None:
        while self.text[self.at : self.at + 1] in (" ", "\t"):
            self.at += 1

    def _header(self) -> Path_:
        double = self.text.startswith("[[", self.at)
        self.at += 2 if double else 1
        path = self._key(())
        self.at += 2 if double else 1
        return path

    def _key(self, prefix: Path_) -> Path_:
        """Read a dotted key, note each of its parts, and return the whole path."""
        for part, begin, end in self._parts():
            prefix = (*prefix, part)
            if prefix not in self.found:
                self.found[prefix] = (begin, end)
        self._spaces()
        return prefix

    def _parts(self) -> Iterator[tuple[str, int, int]]:
        while True:
            self._spaces()
            begin = self.at
            bare = _BARE.match(self.text, begin)
            if bare:
                part, self.at = bare.group(), bare.end()
            else:
                quoted = self._string()
                part = tomllib.loads(f"k = {quoted}")["k"]
            yield part, begin, self.at
            self._spaces()
            if self.text[self.at : self.at + 1] != ".":
                return
            self.at += 1

    def _string(self) -> str:
        for pattern in _STRINGS:
            match = pattern.match(self.text, self.at)
            if match:
                self.at = match.end()
                return match.group()
        raise IndexError("no string here")

    def _pair(self, prefix: Path_) -> None:
        path = self._key(prefix)
        self.at += 1  # the equals sign
        self._value(path)

    def _value(self, path: Path_) -> None:
        self._spaces()
        first = self.text[self.at]
        if first in "\"'":
            self._string()
        elif first == "[":
            self._sequence(path, "]")
        elif first == "{":
            self._sequence(path, "}")
        else:
            match = _SCALAR.match(self.text, self.at)
            self.at = match.end() if match else self.at

    def _sequence(self, path: Path_, closing: str) -> None:
        """An array of values, or an inline table of pairs."""
        self.at += 1
        while self.text[self._skip()] != closing:
            if closing == "}":
                self._pair(path)
            else:
                self._value(path)
            if self.text[self._skip()] == ",":
                self.at += 1
        self.at += 1


def printable_path(path: Path) -> str:
    """A path as it may be shown: no control characters, not endlessly long."""
    text = "".join(c if c.isprintable() else "?" for c in str(path))
    return text if len(text) <= 120 else "..." + text[-117:]
