"""Several processes on one study: the same front as one alone, whoever dies; the password of the place nowhere."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import numpy as np
import pytest
from support.small import FLAGS, problem

from tiercap.optimizer.cli import group
from tiercap.optimizer.cli.guard import run
from tiercap.optimizer.errors import InputError, StorageError
from tiercap.optimizer.runs.identity import configuration
from tiercap.optimizer.search import leases
from tiercap.optimizer.search.run import Run, optimize
from tiercap.optimizer.search.shared import DEATHS, FOUND, POLICY, SharedStudy
from tiercap.optimizer.search.storage_url import MeetingPlace, parse
from tiercap.optimizer.study.problem import Problem

WORKER = Path(__file__).parents[1] / "support" / "shared_worker.py"
#: Policies that the victim tells of before it is killed.
TOLD = 5
#: Four generations of 16 policies, laid out for three processes.
MORE = ("search.trials=64", "search.workers=3")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The URL of a new database on the server of `.ci/postgres`. Without one a test is skipped, in CI it fails."""
    url = os.environ.get("TIERCAP_TEST_POSTGRES")
    if not url:
        assert not os.environ.get("CI"), "CI must have a PostgreSQL server: run .ci/postgres make test"
        pytest.skip("needs a PostgreSQL server: .ci/postgres pytest tests/search/test_shared.py")
    import psycopg

    name = f"tiercap_{secrets.token_hex(6)}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]
        yield urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One process that shares with nobody."""
    return optimize(problem(*MORE), tmp_path_factory.mktemp("alone") / "run")


def worker(folder: Path, role: str, storage: str, in_environment: bool = True) -> subprocess.Popen[str]:
    command = [sys.executable, str(WORKER), role, str(TOLD), str(folder.parent / "claimed")]
    command += ["optimize", "china-2026", "-o", str(folder)]
    command += ["--seed", "1", "--threads", "1", "--json", *FLAGS, "--set", MORE[0], "--workers", "3"]
    environment = dict(os.environ)
    if in_environment:
        environment["TIERCAP_STORAGE"] = storage
    else:
        command += ["--storage", storage]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def trials(place: MeetingPlace) -> list[Any]:
    """What Optuna says of the shared study."""
    import optuna
    from optuna.storages import JournalStorage, RDBStorage
    from optuna.storages.journal import JournalFileBackend

    if place.path is not None:
        storage: Any = JournalStorage(JournalFileBackend(str(place.path)))
    else:
        arguments = {"connect_args": leases.connection_arguments(place)}
        storage = RDBStorage("postgresql+psycopg://", engine_kwargs=arguments)
    found = optuna.load_study(study_name="china-2026", storage=storage).get_trials()
    if place.path is None:
        storage.engine.dispose()
    return found


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["postgresql", "journal"])
def test_three_workers_one_killed(
    kind: str, alone: Run, tmp_path: Path, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    storage = request.getfixturevalue("server") if kind == "postgresql" else str(tmp_path / "study.journal")
    password = urlsplit(storage).password or "no password"
    place, small = parse(storage), alone.problem
    workers = [worker(tmp_path / role, role, storage, role != "first") for role in ("victim", "first", "second")]
    said = [process.communicate(timeout=300) for process in workers]
    assert [process.returncode for process in workers] == [-9, 0, 0], said
    answers = [json.loads(out) for out, _ in said[1:]]

    found = trials(place)
    assert Counter(t.state.name for t in found) == {"COMPLETE": 64, "FAIL": 16 - TOLD}
    done = [t for t in found if t.state.name == "COMPLETE"]
    places = Counter((t.user_attrs[POLICY]["generation"], t.user_attrs[POLICY]["place"]) for t in done)
    assert places == Counter((g, k) for g in (1, 2, 3, 4) for k in range(16))
    assert sum(answer["shared"]["policies_here"] for answer in answers) == 64 - TOLD
    assert sum(answer["shared"]["generations_taken_over"] for answer in answers) == 1

    coords = np.array([[t.params[name] for name in small.space.names] for t in done])
    direct = small.evaluator.statistics(small.space.resolve(coords), small.scoring.reported)
    assert np.array([t.user_attrs[FOUND] for t in done]).tobytes() == direct.tobytes()
    objectives = np.ascontiguousarray(direct[:, : len(small.objectives)])
    assert np.array([t.values for t in done]).tobytes() == objectives.tobytes()

    once_more = worker(tmp_path / "victim", "third", storage)
    said.append(once_more.communicate(timeout=300))
    answers.append(json.loads(said[-1][0]))
    assert answers[-1]["evaluations_reused"] > 0
    for name in ("first", "second", "victim"):
        for file in ("front.csv", "convergence.csv"):
            assert (tmp_path / name / file).read_bytes() == (alone.path / file).read_bytes()
    assert {answer["evaluations"] for answer in answers} == {alone.found.evaluations}
    assert all(answer["front"] == answers[0]["front"] for answer in answers)
    assert len(trials(place)) == len(found)

    flags = ["optimize", "china-2026", "-o", str(tmp_path / "other"), *FLAGS, "--set", MORE[0], "--workers", "3"]
    assert run(group, [*flags, "--seed", "2", "--storage", storage]) == 2
    told = capsys.readouterr().err
    assert "search.seed: 1 there, 2 now" in told
    assert "--set study.name=NAME" in told
    assert not (tmp_path / "other").exists()
    files = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > 40
    assert not any(password.encode() in content for content in files)
    assert not any(password in text for pair in said for text in pair)
    assert password not in told


@pytest.mark.parametrize(
    "settings",
    [
        ("search.engine=nsga2", "search.workers=2"),
        ("search.workers=2", "search.pruner=wilcoxon"),
        ("search.workers=3", "search.screen=0", "constraints.compute_lead.min=13.4"),
    ],
)
def test_who_comes_later_reads_what_was_told(settings: tuple[str, ...], tmp_path: Path) -> None:
    study = None
    if "search.pruner=wilcoxon" in settings:
        study = str(tmp_path / "one.toml")
        Path(study).write_text('[study]\nextends = "builtin:china-2026"\n[objectives]\nrevenue = "maximise"\n')
    small = problem(*settings, study=study)
    place = parse(str(tmp_path / "journal"))
    alone = optimize(small, tmp_path / "alone")
    runs = [optimize(small, tmp_path / name, None, place) for name in ("first", "later")]
    for each in runs:
        assert each.front_values.tobytes() == alone.front_values.tobytes()
        assert each.found.evaluations == alone.found.evaluations
        assert each.found.convergence == alone.found.convergence
    assert runs[0].found.evaluations_elsewhere == 0
    assert runs[1].found.evaluations_elsewhere > 0
    assert runs[1].shared is not None
    assert runs[1].shared["policies_here"] == 0


def joined(path: Path, *settings: str) -> SharedStudy:
    small = problem(*settings)
    return SharedStudy.join(small, parse(str(path)), configuration(small))


def policies(small: Problem, count: int = 3) -> tuple[Any, Any, Any]:
    """Coordinates, values in the few, statistics: made up."""
    middle = [(lever.low + lever.high) / 2 for lever in small.space.levers]
    few, reported = np.ones((count, len(small.scoring.screened))), len(small.scoring.reported)
    return np.tile(middle, (count, 1)), few, np.arange(count * reported, dtype=float).reshape(count, -1)


def test_a_worker_that_only_seems_dead_changes_nothing(tmp_path: Path) -> None:
    slow, quick = joined(tmp_path / "j"), joined(tmp_path / "j")
    coords, few, values = policies(slow.problem)
    assert slow.claim(1)
    assert not quick.claim(1)
    slow.announce(1, coords, few, coords[:0])
    slow._leases.close()
    assert quick.claim(1)
    quick.announce(1, coords, few, coords[:0])
    slow.tell(1, values + 1.0)
    assert slow.tried == 0
    quick.tell(1, values)
    assert (quick.tried, quick.taken_over) == (3, 1)
    told = quick.wait(1)
    assert told is not None
    assert told.values.tobytes() == values.tobytes()
    states = Counter(trial.state.name for trial in trials(quick.place))
    assert states == {"COMPLETE": 3, "FAIL": 3}
    quick.close()


def test_values_that_are_not_finite_are_told_too(tmp_path: Path) -> None:
    one = joined(tmp_path / "j", "constraints.compute_lead.min=13.4")
    coords, few, values = policies(one.problem)
    values[1, 0] = np.nan
    few[:] = np.nan
    assert one.claim(1)
    one.announce(1, coords, few, coords[:1])
    one.tell(1, values)
    told = one.wait(1)
    assert told is not None
    np.testing.assert_array_equal(told.values, values)
    np.testing.assert_array_equal(told.few, few)
    found = trials(one.place)
    assert Counter(t.state.name for t in found) == {"COMPLETE": 2, "FAIL": 1, "PRUNED": 1}
    assert all(len(t.constraints) == 1 for t in found if t.state.name == "COMPLETE")
    one.close()


def test_a_generation_that_ends_its_workers_is_given_up(tmp_path: Path) -> None:
    for _ in range(DEATHS):
        dead = joined(tmp_path / "j")
        assert dead.claim(1)
        dead._leases.close()
    with pytest.raises(StorageError, match=f"generation 1 .* has ended {DEATHS} workers"):
        joined(tmp_path / "j").claim(1)


def test_who_leaves_in_order_does_not_count_as_dead(tmp_path: Path) -> None:
    for _ in range(DEATHS + 1):
        one = joined(tmp_path / "j")
        assert one.claim(1)
        assert one.taken_over == 0
        one.close()
    assert sorted(path.name for path in (tmp_path / "j.locks").iterdir()) == ["append", "turn"]


def test_a_torn_journal_is_cut_to_its_last_whole_line(tmp_path: Path) -> None:
    one = joined(tmp_path / "j")
    coords, few, values = policies(one.problem)
    one.claim(1)
    one.announce(1, coords, few, coords[:0])
    one.tell(1, values)
    one.close()
    whole = (tmp_path / "j").read_bytes()
    for cut in (1, 2, 50, 150, 299):
        torn = tmp_path / f"torn-{cut}"
        torn.write_bytes(whole[:-cut])
        again = joined(torn)
        assert torn.read_bytes().endswith(b"\n")
        assert whole.startswith(torn.read_bytes()[: whole[:-cut].rfind(b"\n") + 1])
        assert again.wait(1) is None
        again.announce(1, coords, few, coords[:0])
        again.tell(1, values)
        assert again.wait(1) is not None
        again.close()


@pytest.mark.parametrize("content", [b"mine, without a newline", b"SQLite format 3\0", b'{"op_code":x\n{}\n'])
def test_a_file_that_is_no_journal_is_left_alone(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "j").write_bytes(content)
    with pytest.raises((InputError, StorageError), match=r"no journal of Optuna's|is damaged"):
        joined(tmp_path / "j")
    assert (tmp_path / "j").read_bytes() == content


def test_names_from_a_journal_lead_to_no_other_file(tmp_path: Path) -> None:
    place = leases.FileLeases(tmp_path / "j")
    (tmp_path / "mine").write_text("mine")
    for name in ("../mine", "turn", "/etc/passwd", "x" * 300):
        assert not place.alive(name)
    assert (tmp_path / "mine").read_text() == "mine"
    assert place.alive(place.worker)
    place.close()


def test_a_study_of_that_name_by_somebody_else_is_left_alone(tmp_path: Path) -> None:
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    storage = JournalStorage(JournalFileBackend(str(tmp_path / "j")))
    optuna.create_study(storage=storage, study_name="china-2026").add_trial(optuna.create_trial(value=1.0))
    with pytest.raises(InputError, match="not of this program"):
        joined(tmp_path / "j")


CANARY = "canary/7 f3?q"
QUOTED = "canary%2F7%20f3%3Fq"


def attempt(url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], debug: bool = True) -> tuple[int, str]:
    code = run(group, ["optimize", "china-2026", "-o", str(tmp_path / "run"), "--storage", url, *FLAGS], debug)
    told = capsys.readouterr()
    assert not (tmp_path / "run").exists()
    for secret in (CANARY, QUOTED, "canary"):
        assert secret not in told.out + told.err
    return code, told.err.splitlines()[-1]


def test_a_server_that_refuses_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = attempt(f"postgresql://me:{QUOTED}@127.0.0.1:1/db", tmp_path, capsys)
    assert code == 6
    assert said.startswith("error: cannot open postgresql://me@127.0.0.1:1/db: connection failed")


def test_a_server_that_is_silent_is_not_waited_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "REACH", 2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        code, said = attempt(f"postgresql://me:{QUOTED}@127.0.0.1:{port}/db", tmp_path, capsys)
    assert code == 6
    assert "timeout" in said


def test_the_wrong_password_or_database_is_one_sentence(
    server: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parts = urlsplit(server)
    code, said = attempt(f"postgresql://tiercap:{QUOTED}@{parts.hostname}:{parts.port}/postgres", tmp_path, capsys)
    assert code == 6
    assert 'password authentication failed for user "tiercap"' in said
    right = urlunsplit(parts._replace(path="/nowhere"))
    code = run(group, ["optimize", "china-2026", "--storage", right, *FLAGS], debug=True)
    told = capsys.readouterr().err
    assert code == 6
    assert 'database "nowhere" does not exist' in told
    assert parts.password is not None
    assert parts.password not in told


def test_a_connection_that_breaks_is_one_sentence(server: str) -> None:
    import psycopg

    small = problem("study.name=broken")
    one = SharedStudy.join(small, parse(server), configuration(small))
    with psycopg.connect(server, autocommit=True) as admin:
        ours = "datname = current_database() AND application_name = 'tiercap'"
        admin.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {ours}")  # type: ignore[arg-type]
    with pytest.raises(StorageError, match=r"does not answer any more|failed") as caught:
        one.claim(1)
    assert str(urlsplit(server).password) not in str(caught.value)
    one.close()


def test_locks_of_a_server_end_with_their_connection(server: str) -> None:
    one, two = leases.of(parse(server)), leases.of(parse(server))
    with one.turn():
        assert one.alive(two.worker)
        assert one.alive(one.worker)
        two.close()
        for _ in range(600):  # the server notices in its own time
            if not one.alive(two.worker):
                break
            time.sleep(0.1)
        assert not one.alive(two.worker)
    one.close()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="arguments are overwritten on Linux only")
def test_the_list_of_processes_does_not_show_the_password() -> None:
    code = (
        "import sys\nfrom tiercap.optimizer.cli.command_line import blot\n"
        "print(blot('canary-5'), blot('ab' + 'sent'), open('/proc/self/cmdline').read().split('\\0')[-3:])"
    )
    command = [sys.executable, "-c", code, "postgresql://me:canary-5@host/db", "--after"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "True False ['postgresql://me:********@host/db', '--after', '']\n"
