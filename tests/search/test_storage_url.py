"""What --storage says, taken apart; what is refused is refused without being repeated."""

from __future__ import annotations

from pathlib import Path

import pytest

from tiercap.optimizer.errors import InputError
from tiercap.optimizer.search.storage_url import parse


def test_a_url_is_taken_apart_and_shown_without_its_secrets() -> None:
    place = parse("postgresql://me:can%40ry@db.example:5433/studies?sslmode=require&sslpassword=h%2Fsh")
    assert place.shown == "postgresql://me@db.example:5433/studies"
    assert place.arguments == {
        "user": "me", "password": "can@ry", "host": "db.example", "port": "5433", "dbname": "studies",
        "sslmode": "require", "sslpassword": "h/sh",
    }  # fmt: skip
    assert place.without_secrets("can@ry, can%40ry, h/sh and h%2Fsh") == "***, ***, *** and ***"
    assert "can" not in repr(place)


def test_a_socket_and_no_password_are_fine() -> None:
    place = parse("postgresql:///studies?host=/run/postgresql")
    assert place.arguments == {"dbname": "studies", "host": "/run/postgresql"}
    assert place.without_secrets("nothing to hide") == "nothing to hide"


@pytest.mark.parametrize("text", ["study.journal", "journal:study.journal", "JOURNAL:study.journal"])
def test_a_path_is_a_journal(text: str) -> None:
    assert parse(text).path == Path.cwd() / "study.journal"


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://me:canary/2@host/db", "postgresql://me:canary?2@host/db", "postgresql://me:canary#2@host/db",
        "postgresql://me:1/canary@host/db", "postgresql://me:1?canary@host/db", "postgresql://[canary/db",
        "postgresql:/me:canary@host/db", "me:canary@host/db", "postgresql+psycopg2://me:canary@host/db",
        "mysql://me:canary@host/db", "postgresql://me:can%00canary@host/db", "postgresql://host/db?canary", "",
        "journal:",
    ],
)  # fmt: skip
def test_what_is_not_understood_is_not_repeated(text: str) -> None:
    with pytest.raises(InputError, match="postgresql://USER:PASSWORD@HOST") as caught:
        parse(text)
    assert "canary" not in str(caught.value)


def test_sqlite_is_refused_with_the_reason() -> None:
    with pytest.raises(InputError, match="not for several processes"):
        parse("sqlite:///study.db")
