"""Run folders under faults: nothing acknowledged is ever lost, nothing torn is ever believed."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import os
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from tiercap.optimizer.errors import InputError, StorageError
from tiercap.optimizer.io import columns, durable, json_text
from tiercap.optimizer.runs import identity
from tiercap.optimizer.runs.folder import RunFolder

CONFIGURATION = {"study": {"seed": 1, "levers": ["a", "b"]}, "budget": {"trials": 100}}
UNITS = {"x": "GUSD", "n": "1"}


def block(seed: int, rows: int = 300) -> dict[str, np.ndarray]:
    """Columns of every type; the floats are random bit patterns, NaNs and subnormals among them."""
    rng = np.random.default_rng(seed)
    bits = rng.integers(0, 2**64, rows, dtype=np.uint64)
    bits[:4] = [0x8000000000000000, 0x7FF8000000000001, 0xFFF80000DEADBEEF, 1]
    return {
        "x": bits.view(np.float64),
        "n": rng.integers(-(2**63), 2**63 - 1, rows),
        "flag": rng.random(rows) < 0.5,
        "name": np.array([["", "é", "=1", "a,b\n"][i % 4] + str(seed) for i in range(rows)]),
    }


def same(a: dict[str, np.ndarray] | None, b: dict[str, np.ndarray]) -> bool:
    if a is None or list(a) != list(b):
        return False
    return all(a[k].dtype.kind == b[k].dtype.kind and a[k].tolist() == b[k].tolist() for k in b if k != "x") and (
        a["x"].tobytes() == b["x"].tobytes()
    )


def open_run(path: Path, **budget: int) -> RunFolder:
    return RunFolder.open(path, {**CONFIGURATION, "budget": {"trials": 100, **budget}})


def names(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*"))


def child(code: str, *arguments: object, **options) -> subprocess.Popen[str]:
    """A second process that has imported what it needs before it does anything else."""
    preamble = """
        import os, sys, json, signal, resource, random, time
        from pathlib import Path
        import numpy as np, pyarrow.parquet
        from tiercap.optimizer.errors import TiercapError, StorageError, InputError
        from tiercap.optimizer.runs.folder import RunFolder
        CONFIGURATION = json.loads(sys.argv[1])
    """
    text = textwrap.dedent(preamble) + textwrap.dedent(code)
    return subprocess.Popen(
        [sys.executable, "-c", text, json.dumps(CONFIGURATION), *map(str, arguments)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options,
    )  # fmt: skip


def answer(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return out


# Round trips


def test_blocks_round_trip_to_the_bit(tmp_path):
    with open_run(tmp_path / "r") as run:
        assert run.block("g-1") is None
        run.commit("g-1", block(1), UNITS)
        run.commit("g-2", block(2, rows=5), UNITS)
        assert same(run.block("g-1"), block(1))
        assert same(run.block("g-2"), block(2, rows=5))
    with open_run(tmp_path / "r") as run:
        assert run.resumed
        assert run.blocks() == ["g-1", "g-2"]
        back = run.block("g-1")
        assert same(back, block(1))
        back["x"][0] = 1.0  # writable, and the caller's own


def test_empty_and_single_columns_round_trip(tmp_path):
    with open_run(tmp_path / "r") as run:
        for name, rows in (("none", 0), ("one", 1)):
            data = {"x": np.ones(rows), "s": np.array(["a"] * rows, dtype=np.str_), "b": np.ones(rows, bool)}
            run.commit(name, data, {})
            back = run.block(name)
            assert [(k, v.dtype.kind, v.shape) for k, v in back.items()] == [
                ("x", "f", (rows,)), ("s", "U", (rows,)), ("b", "b", (rows,)),
            ]  # fmt: skip


def test_the_same_columns_give_the_same_bytes():
    assert columns.to_parquet(block(1), UNITS) == columns.to_parquet(block(1), UNITS)


def test_units_stand_in_the_field_metadata(tmp_path):
    with open_run(tmp_path / "r") as run:
        run.write_table("front", block(3), UNITS)
    table = pq.read_table(tmp_path / "r" / "front.parquet")
    assert table.schema.field("x").metadata[b"unit"] == b"GUSD"
    assert table.schema.field("name").metadata[b"unit"] == b"1"
    assert columns.units_of((tmp_path / "r" / "front.parquet").read_bytes())["x"] == "GUSD"


@pytest.mark.parametrize(
    "data",
    [
        {}, {"x": np.ones((2, 2))}, {"x": np.ones(2), "y": np.ones(3)}, {"x": np.ones(2, complex)},
        {"x": np.array([1, None])}, {"x": np.array([2**63], np.uint64)}, {"x": 1.0},
    ],
)  # fmt: skip
def test_columns_that_cannot_be_stored_are_refused_before_writing(tmp_path, data):
    with open_run(tmp_path / "r") as run:
        before = names(run.path)
        with pytest.raises(ValueError):
            run.commit("a", data, {})
        assert names(run.path) == before


def test_narrow_numbers_are_widened_and_bad_text_is_refused():
    arrays = columns.checked({"f": np.ones(1, np.float32), "i": np.ones(1, np.int8), "t": ["é"]})
    assert [a.dtype.kind + str(a.dtype.itemsize) for a in arrays.values()] == ["f8", "i8", "U4"]
    with pytest.raises(InputError, match="Unicode"):
        columns.checked({"t": np.array(["\ud800"])})
    with pytest.raises(ValueError, match="do not exist"):
        columns.to_parquet({"x": [1.0]}, {"y": "1"})


def test_csv_reads_back_to_the_same_bits():
    data = {"x": np.concatenate([block(4)["x"][4:], [-0.0, 5e-324, 1e308, np.inf]])}
    data["x"] = data["x"][~np.isnan(data["x"])]
    data["n"] = np.arange(len(data["x"])) - 3
    rows = list(csv.reader(io.StringIO(columns.to_csv(data).decode()), strict=True))
    assert rows[0] == ["x", "n"]
    assert np.array([float(r[0]) for r in rows[1:]]).tobytes() == data["x"].tobytes()
    assert [int(r[1]) for r in rows[1:]] == data["n"].tolist()
    assert all(not row[1].startswith("'") for row in rows)  # -3 is a number and stays one


def test_csv_cells_are_never_formulas():
    triggers = ["=", "+", "-", "@", "\t", "\r", "\n", "\0", "\uff1d", "\uff0b", "\uff0d", "\uff20"]
    hostile = [t + rest for t in triggers for rest in ("", "1+1", 'HYPERLINK("x")', "cmd|' /C calc'!A0", ",\n")]
    hostile += ["plain", "", "'", '"', 'a"b', "a\nb", ";=1", "é\u202e"]
    text = columns.to_csv({"=name": hostile, "x": np.zeros(len(hostile))}).decode()
    rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    assert rows[0] == ["'=name", "x"]
    for row, original in zip(rows[1:], hostile, strict=True):
        assert not row[0].startswith(tuple(triggers))
        original = original.rstrip("\0")  # NumPy's text has no NUL at its end
        assert row[0] in (original, "'" + original)
        assert row[1] == "0.0"


def test_codebook_and_text(tmp_path):
    with open_run(tmp_path / "r") as run:
        run.write_codebook([("revenue", "GUSD", "what is earned"), ("compute_lead", "1", "=danger")])
        run.write_text("study.toml", "name = 'é'\n")
        for name in ("manifest.json", "lock", "log.jsonl"):
            with pytest.raises(ValueError, match="writer of its own"):
                run.write_text(name, "")
    assert (tmp_path / "r/codebook.csv").read_text().splitlines() == [
        "name,unit,meaning", "revenue,GUSD,what is earned", "compute_lead,1,'=danger",
    ]  # fmt: skip
    assert (tmp_path / "r/study.toml").read_bytes() == "name = 'é'\n".encode()


def test_manifest_is_strict_json_with_true_digests(tmp_path):
    with open_run(tmp_path / "r") as run:
        run.commit("a", block(1), UNITS)
        run.write_text("study.toml", "x = 1\n")
    with open_run(tmp_path / "r") as run:  # digests of an earlier session's files too
        run.write_table("front", block(2), UNITS)
        run.write_manifest({"nan": math.nan, "list": [np.float64(-math.inf), np.int64(3)], "kind": "x"})
        found = run.read_manifest()
    assert found == json_text.loads((tmp_path / "r/manifest.json").read_bytes())
    assert found["nan"] is None
    assert found["list"] == [None, 3]
    assert found["kind"] == "tiercap run"
    assert found["configuration"] == CONFIGURATION
    assert sorted(found["digests"]) == [
        "evaluations/part-a.parquet",
        "front.csv",
        "front.parquet",
        "study.toml",
    ]
    for name, digest in found["digests"].items():
        assert hashlib.sha256((tmp_path / "r" / name).read_bytes()).hexdigest() == digest


@pytest.mark.parametrize(
    "text", [b"NaN", b"[Infinity]", b"1e999", b'{"a":1,"a":2}', b"[" * 100_000, b"\xff", b"", b"{'a':1}"]
)
def test_loose_json_is_refused(text):
    with pytest.raises(ValueError):
        json_text.loads(text)


def test_what_json_cannot_say_is_refused():
    for value in (object(), {1: 2}, b"x", {1}):
        with pytest.raises(TypeError):
            json_text.dumps(value)


# The log


def test_log_lines_are_whole_whatever_they_say(tmp_path):
    with open_run(tmp_path / "r") as run:
        run.log("note", text="line\nbreak \x1b[31m \u2028", value=math.nan)
    with (tmp_path / "r/log.jsonl").open("ab") as file:
        file.write(b'{"time": "torn')
    open_run(tmp_path / "r").close()
    lines = [json.loads(line) for line in (tmp_path / "r/log.jsonl").read_bytes().splitlines()]
    assert [line["event"] for line in lines] == ["opened", "note", "opened"]
    assert lines[1]["text"] == "line\nbreak \x1b[31m \u2028"
    assert lines[1]["value"] is None
    assert lines[2]["log_was_torn"] is True


@pytest.mark.parametrize("content", [b"", b"torn", b"a\n", b"a\nb", b"\n", b"a\n" + b"b" * 200_000])
def test_a_torn_last_line_is_cut(tmp_path, content):
    path = tmp_path / "log"
    path.write_bytes(content)
    assert durable.cut_torn_line(path) is (not content.endswith(b"\n") and content != b"")
    assert path.read_bytes() == content[: content.rfind(b"\n") + 1]


# Faults


class FaultyOs:
    """The os module, but the k-th call of those that change a file fails; where sticky, all later ones too."""

    CALLS = ("open", "write", "fsync", "replace", "fchmod", "close", "stat")

    def __init__(self, k: int, number: int, sticky: bool) -> None:
        self.k, self.number, self.sticky, self.count, self.fired = k, number, sticky, 0, []

    def __getattr__(self, name: str):
        real = getattr(os, name)
        if name not in (*self.CALLS, *(("unlink",) if self.sticky else ())):
            return real

        def call(*arguments, **options):
            self.count += 1
            if self.count == self.k or (self.sticky and self.count > self.k):
                self.fired.append(name)
                if name == "close":
                    real(*arguments)
                if name == "write":
                    real(arguments[0], arguments[1][: len(arguments[1]) // 2])  # half of it got there
                raise OSError(self.number, os.strerror(self.number))
            return real(*arguments, **options)

        return call


def sweep_faults(run: RunFolder, monkeypatch, number: int, sticky: bool, act, audit) -> list[str]:
    """Fail the 1st, 2nd, ... call of ``act(k)`` until it passes; ``audit(k, failed)`` each time."""
    fired: list[str] = []
    for k in range(1, 60):
        fault = FaultyOs(k, number, sticky)
        with monkeypatch.context() as patch:
            patch.setattr(durable, "os", fault)
            try:
                act(k)
                failed = False
            except StorageError as error:
                failed = True
                assert error.exit_code == 6
                assert "\n" not in str(error)
                assert "safe" in str(error) or "in place and whole" in str(error)
        fired += fault.fired[:1]
        assert failed == bool(fault.fired)
        audit(k, failed)
        if not failed:
            return fired
    raise AssertionError("the sweep did not end")


@pytest.mark.parametrize("number", [28, 5], ids=["ENOSPC", "EIO"])
@pytest.mark.parametrize("sticky", [False, True])
def test_every_fault_point_of_a_commit(tmp_path, monkeypatch, number, sticky):
    run = open_run(tmp_path / "r")
    run.commit("first", block(0), UNITS)
    outcomes = []

    def audit(k: int, failed: bool) -> None:
        assert same(run.block("first"), block(0))
        back = run.block(f"k-{k}")
        assert back is None or same(back, block(k))
        assert failed or back is not None
        outcomes.append(back is not None)

    fired = sweep_faults(run, monkeypatch, number, sticky, lambda k: run.commit(f"k-{k}", block(k), UNITS), audit)
    assert {"open", "write", "fsync", "replace", "close"} <= set(fired)
    assert len(fired) >= 8
    assert True in outcomes[:-1]
    assert False in outcomes
    run.close()
    with open_run(tmp_path / "r") as again:
        assert not [n for n in names(again.path) if ".tmp-" in n or "damaged" in n]
        assert same(again.block("first"), block(0))
        assert same(again.block(f"k-{len(outcomes)}"), block(len(outcomes)))
        for k, there in enumerate(outcomes, 1):
            assert same(again.block(f"k-{k}"), block(k)) if there else again.block(f"k-{k}") is None
            again.commit(f"k-{k}", block(k), UNITS)  # going on works either way


def front_is_whole(run: RunFolder, old: int, new: int) -> bool:
    try:
        back = columns.from_parquet((run.path / "front.parquet").read_bytes())
    except columns.Damaged:
        return False
    text = (run.path / "front.csv").read_bytes()
    return (same(back, block(old)) or same(back, block(new))) and text in (
        columns.to_csv(block(old)),
        columns.to_csv(block(new)),
    )


@pytest.mark.parametrize("planted", [False, True])
def test_every_fault_point_of_replacing_a_table(tmp_path, monkeypatch, planted):
    """A table is the old one or the new one; the same sweep catches a writer that writes in place."""

    def in_place(folder: Path, name: str, data: bytes) -> None:
        file = durable.os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        try:
            durable._write_all(file, data)
        finally:
            durable.os.close(file)

    with open_run(tmp_path / "r") as run:
        run.write_table("front", block(0), UNITS)
        torn = []
        if planted:
            monkeypatch.setattr(durable, "_replace", in_place)

        def audit(k: int, failed: bool) -> None:
            torn.append(not front_is_whole(run, 0, 1))
            with monkeypatch.context() as patch:
                patch.setattr(durable, "os", os)
                run.write_table("front", block(0), UNITS)

        sweep_faults(run, monkeypatch, 28, False, lambda k: run.write_table("front", block(1), UNITS), audit)
        assert any(torn) is planted
        assert len(torn) > 6


@pytest.mark.parametrize("number", [28, 5])
def test_every_fault_point_of_opening(tmp_path, monkeypatch, number):
    """Founding a run that fails leaves something that the next attempt founds."""
    failed = 0
    for k in range(1, 60):
        fault = FaultyOs(k, number, sticky=False)
        with monkeypatch.context() as patch:
            patch.setattr(durable, "os", fault)
            try:
                open_run(tmp_path / f"r{k}").close()
            except StorageError:
                failed += 1
        assert fault.fired or k > 10
        with open_run(tmp_path / f"r{k}") as run:
            run.commit("a", block(k), UNITS)
        if not fault.fired:
            break
    assert failed >= 10


def test_an_interrupt_in_a_commit_leaves_nothing_behind(tmp_path, monkeypatch):
    def interrupt(_file: int) -> None:
        raise KeyboardInterrupt

    with open_run(tmp_path / "r") as run:
        monkeypatch.setattr(durable, "_write_all", lambda _file, _data: interrupt(0))
        with pytest.raises(KeyboardInterrupt):
            run.commit("a", block(1), UNITS)
        assert names(run.path / "evaluations") == []


def test_kills_lose_nothing_that_was_acknowledged(tmp_path):
    """Children commit in a loop and acknowledge over a pipe; each is killed at a random instant."""
    code = """
        path, rows, rng = Path(sys.argv[2]), 2000, random.Random(5)
        def data(i): return {"x": np.random.default_rng(i).random(rows), "i": np.full(rows, i)}
        def same(a, i): return a is not None and all((a[k] == v).all() for k, v in data(i).items())
        def commit_for_ever(start, pipe):
            with RunFolder.open(path, CONFIGURATION) as run:
                for i in range(start, start + 10**6):
                    run.commit(f"n-{i}", data(i), {})
                    os.write(pipe, f"{i} ".encode())
        def one_kill(start):
            read, write = os.pipe()
            pid = os.fork()
            if pid == 0:
                os.close(read)
                try: commit_for_ever(start, write)
                finally: os._exit(1)
            os.close(write)
            heard = os.read(read, 1 << 16)
            time.sleep(rng.uniform(0, 0.03))
            os.kill(pid, signal.SIGKILL)
            while more := os.read(read, 1 << 16): heard += more
            os.close(read)
            status = os.waitpid(pid, 0)[1]
            assert os.WIFSIGNALED(status), "the child died by itself"
            return [int(i) for i in heard.decode().split()]
        acknowledged, stale, extra = [], 0, 0
        for kill in range(200):
            if kill >= 20 and stale: break  # on a fast disk few kills land inside a write
            acknowledged += one_kill(kill * 10**6)
            stale += sum(n.startswith(".tmp-") for n in os.listdir(path / "evaluations"))
            with RunFolder.open(path, CONFIGURATION) as run:
                there = [int(n[2:]) for n in run.blocks()]
                assert set(acknowledged) <= set(there)
                extra = len(there) - len(acknowledged)
                assert all(same(run.block(f"n-{i}"), i) for i in there if i >= kill * 10**6)
                files = os.listdir(path / "evaluations")
                assert not [n for n in files if n.startswith(".tmp-") or "damaged" in n]
        with RunFolder.open(path, CONFIGURATION) as run:
            assert all(same(run.block(f"n-{i}"), i) for i in acknowledged)
        print(json.dumps([len(acknowledged), stale, extra, kill]))
    """
    acknowledged, stale, extra, kills = json.loads(answer(child(code, tmp_path / "r")))
    assert acknowledged >= 20
    assert 0 <= extra <= kills
    assert stale > 0  # kills did land inside a write


def test_a_limit_on_file_size_is_one_sentence(tmp_path):
    code = """
        with RunFolder.open(Path(sys.argv[2]), CONFIGURATION) as run:
            run.commit("small", {"x": np.arange(10.0)}, {})
            resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
            try:
                run.commit("large", {"x": np.random.default_rng(0).random(100_000)}, {})
            except StorageError as error:
                print(error)
            assert run.block("large") is None and run.block("small")["x"].tolist() == list(range(10))
    """
    said = answer(child(code, tmp_path / "r"))
    assert said.count("\n") == 1
    assert "part-large.parquet failed: a limit on the size of files" in said
    assert "committed before is safe" in said
    assert "ulimit" in said
    with open_run(tmp_path / "r") as run:
        assert run.blocks() == ["small"]


# Damage


def test_damage_is_set_aside_and_never_believed(tmp_path, caplog):
    with open_run(tmp_path / "r") as run:
        path = run.path / "evaluations/part-a.parquet"
        run.commit("a", block(1, rows=50), UNITS)
        good, rng, caught = path.read_bytes(), np.random.default_rng(0), 0
        flips = rng.integers(0, len(good), 60)
        bad = [good[:i] + bytes([good[i] ^ (1 << int(rng.integers(8)))]) + good[i + 1 :] for i in flips]
        bad += [b"", b"x", good[:-1], good[: len(good) // 2], good + b"x", b"PAR1" * 50, bytes(len(good))]
        for data in bad:
            path.write_bytes(data)
            back = run.block("a")
            assert back is None or same(back, block(1, rows=50))
            caught += back is None
            assert path.exists() is (back is not None)
    assert caught >= 50
    assert len([n for n in names(tmp_path / "r") if ".damaged" in n]) == caught
    assert caplog.text.count("damaged") >= caught
    events = [json.loads(line)["event"] for line in (tmp_path / "r/log.jsonl").read_text().splitlines()]
    assert events.count("damaged") == caught


def test_a_block_under_another_name_or_of_another_run_is_not_believed(tmp_path):
    with RunFolder.open(tmp_path / "other", {"seed": 2}) as other:
        other.commit("a", block(1), UNITS)
        other.write_table("front", block(1), UNITS)
    with open_run(tmp_path / "r") as run:
        run.commit("b", block(1), UNITS)
        evaluations = run.path / "evaluations"
        (evaluations / "part-c.parquet").write_bytes((evaluations / "part-b.parquet").read_bytes())
        (evaluations / "part-a.parquet").write_bytes((other.path / "evaluations/part-a.parquet").read_bytes())
        (evaluations / "part-f.parquet").write_bytes((other.path / "front.parquet").read_bytes())
        assert [run.block(n) for n in "caf"] == [None] * 3
        assert run.blocks() == ["b"]


def test_links_devices_and_giants_are_set_aside(tmp_path, monkeypatch):
    with open_run(tmp_path / "r") as run:
        run.commit("real", block(1), UNITS)
        evaluations = run.path / "evaluations"
        (evaluations / "part-link.parquet").symlink_to("part-real.parquet")
        os.mkfifo(evaluations / "part-pipe.parquet")
        (evaluations / "part-folder.parquet").mkdir()
        assert [run.block(n) for n in ("link", "pipe", "folder")] == [None] * 3
        assert same(run.block("real"), block(1))
        bomb = columns.to_parquet({"x": np.zeros(100_000)}, {}, run._seal("bomb"))
        (evaluations / "part-bomb.parquet").write_bytes(bomb)
        monkeypatch.setattr(columns, "MAX_BYTES", 50_000)
        assert len(bomb) < 50_000
        assert run.block("bomb") is None


def test_a_block_never_changes(tmp_path):
    with open_run(tmp_path / "r") as run:
        run.commit("a", block(1), UNITS)
        run.commit("a", block(1), UNITS)
        with pytest.raises(ValueError, match="committed already"):
            run.commit("a", block(2), UNITS)
        (run.path / "evaluations/part-a.parquet").write_bytes(b"damaged")
        run.commit("a", block(2), UNITS)
        assert same(run.block("a"), block(2))


# The lock


HOLD = """
    with RunFolder.open(Path(sys.argv[2]), CONFIGURATION) as run:
        print("held", flush=True)
        sys.stdin.readline()
"""


def test_a_second_process_is_refused_with_host_and_pid(tmp_path):
    holder = child(HOLD, tmp_path / "r")
    try:
        assert holder.stdout.readline() == "held\n", holder.stderr.read()
        with pytest.raises(InputError) as refusal:
            open_run(tmp_path / "r")
        host = json.loads((tmp_path / "r/lock").read_text())["host"]
        assert f"process {holder.pid} on host {host} since 20" in str(refusal.value)
        assert refusal.value.exit_code == 2
        assert "\n" not in str(refusal.value)
    finally:
        holder.kill()
        holder.communicate()
    with open_run(tmp_path / "r") as run:  # a dead owner's lock frees itself, at once
        assert run.resumed
        with pytest.raises(InputError, match=f"process {os.getpid()} on host"):
            open_run(tmp_path / "r")
    open_run(tmp_path / "r").close()


def test_of_processes_that_found_a_run_at_once_one_wins(tmp_path):
    code = """
        print("ready", flush=True)
        sys.stdin.readline()
        try:
            run = RunFolder.open(Path(sys.argv[2]), CONFIGURATION)
            print("won", run.resumed, flush=True)
            sys.stdin.readline()
        except InputError as error:
            print("in use" if "in use by" in str(error) else error, flush=True)
    """
    racers = [child(code, tmp_path / "r") for _ in range(3)]
    for racer in racers:
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        racer.stdin.write("\n")
        racer.stdin.flush()
    said = sorted(racer.stdout.readline() for racer in racers)
    for racer in racers:
        racer.communicate("\n", timeout=60)
    assert said == ["in use\n", "in use\n", "won False\n"]


def test_a_closed_folder_takes_nothing(tmp_path):
    run = open_run(tmp_path / "r")
    run.close()
    run.close()
    for call in (
        lambda: run.commit("a", block(1), UNITS),
        lambda: run.block("a"),
        lambda: run.log("x"),
        lambda: run.write_manifest({}),
        lambda: run.write_text("a.txt", ""),
    ):
        with pytest.raises(ValueError, match="closed"):
            call()


def test_a_foreign_lock_is_not_overwritten(tmp_path):
    (tmp_path / "lock").write_text("my own notes\n")
    with pytest.raises(InputError, match="not a lock of ours"):
        open_run(tmp_path)
    assert (tmp_path / "lock").read_text() == "my own notes\n"
    assert names(tmp_path) == ["lock"]
    (tmp_path / "lock").unlink()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "r").mkdir()
    (tmp_path / "r/lock").symlink_to("../elsewhere/victim")
    with pytest.raises(StorageError, match="link"):
        open_run(tmp_path / "r")
    assert names(tmp_path / "elsewhere") == []


# Configurations


def test_another_configuration_is_refused_with_the_differences(tmp_path):
    open_run(tmp_path / "r").close()
    changed = {"study": {"seed": 2, "levers": ["a"], "new": None}, "budget": {"trials": 50}}
    before = (tmp_path / "r/manifest.json").read_bytes()
    with pytest.raises(InputError) as refusal:
        RunFolder.open(tmp_path / "r", changed)
    lines = str(refusal.value).splitlines()
    assert lines[0] == f"the run in {tmp_path / 'r'} was made with another configuration:"
    assert lines[1:-1] == [
        "  study.seed: 1 in the folder, 2 now",
        '  study.levers.1: "b" in the folder, not set now',
        "  budget.trials: 100 in the folder, 50 now",
        "  study.new: not set in the folder, null now",
    ]
    assert lines[-1] == "  go on with the old values, or start a new run in another folder with -o"
    assert (tmp_path / "r/manifest.json").read_bytes() == before
    open_run(tmp_path / "r").close()  # and the refusal released the lock


def test_the_diff_is_short_and_printable():
    old, new = {f"k{i}\x1b": "x" * 999 for i in range(40)}, {f"k{i}\x1b": "\u202e" for i in range(40)}
    with pytest.raises(InputError) as refusal:
        identity.check_same(old, new, "r")
    lines = str(refusal.value).splitlines()
    assert len(lines) == 1 + 12 + 1
    assert lines[12] == "  and 29 more"
    assert all(line.isprintable() and len(line) < 250 for line in lines)


@pytest.mark.parametrize("change", [True, 1.5, "1", None, [], {}, [1], {"a": 1}])
def test_every_kind_of_change_is_seen(change):
    with pytest.raises(InputError):
        identity.check_same({"a": 1}, {"a": change}, "r")
    assert identity.fingerprint({"a": 1}) != identity.fingerprint({"a": change})


def test_a_larger_budget_extends_and_a_smaller_is_refused(tmp_path):
    with open_run(tmp_path / "r", screen=10) as run:
        assert run.budget == {"trials": 100, "screen": 10}
        assert run.budget_before is None
        assert not run.resumed
        run.commit("a", block(1), UNITS)
        run.write_manifest({"times": 1})
    with open_run(tmp_path / "r", trials=200, screen=10) as run:
        assert run.budget == {"trials": 200, "screen": 10}
        assert run.budget_before == {
            "trials": 100,
            "screen": 10,
        }
        assert same(run.block("a"), block(1))
        assert run.read_manifest()["configuration"]["budget"]["trials"] == 200
        assert run.read_manifest()["times"] == 1
    with pytest.raises(InputError, match="larger budget") as refusal:
        open_run(tmp_path / "r", trials=300, screen=9)
    assert "budget.screen: 10 in the folder, 9 now" in str(refusal.value)
    assert "trials" not in str(refusal.value)
    with pytest.raises(InputError, match=r"budget\.screen: 10 in the folder, not set now"):
        open_run(tmp_path / "r", trials=300)


def test_threads_and_the_order_of_keys_are_not_configuration(tmp_path):
    RunFolder.open(tmp_path / "r", {"a": {"x": 1, "y": math.nan}, "threads": 1}).close()
    with RunFolder.open(tmp_path / "r", {"threads": 2, "a": {"y": math.nan, "x": 1.0, "threads": 9}}) as run:
        assert run.resumed
    one, two = {"a": 1, "b": 2, "budget": {"n": 1}}, {"budget": {"n": 2}, "b": 2, "threads": 4, "a": 1}
    assert identity.fingerprint(one) == identity.fingerprint(two)


# Folders


def test_without_a_path_a_numbered_folder_is_made(tmp_path):
    parent = tmp_path / "deep/runs"
    for expected in ("s-0001", "s-0002"):
        with RunFolder.open(None, CONFIGURATION, parent=parent, label="s") as run:
            assert run.path == parent / expected
    (parent / "s-0041").write_text("a file")
    with RunFolder.open(None, CONFIGURATION, parent=parent, label="s") as run:
        assert run.path.name == "s-0042"
    for label in ("../x", "", ".hidden", "a/b", "x" * 99):
        with pytest.raises(InputError, match="label"):
            RunFolder.open(None, CONFIGURATION, parent=parent, label=label)


def test_missing_and_empty_folders_become_runs(tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to("empty")
    monkeypatch.chdir(tmp_path)
    with RunFolder.open(Path("link"), CONFIGURATION) as run:
        monkeypatch.chdir("/")
        run.commit("a", block(1), UNITS)
    assert (tmp_path / "empty/evaluations/part-a.parquet").is_file()
    assert set(names(tmp_path / "empty")) == {
        "evaluations", "evaluations/part-a.parquet", "lock", "log.jsonl", "manifest.json",
    }  # fmt: skip


def strangers(folder: Path) -> dict[str, Path]:
    """Paths that are not runs and cannot become one."""
    (folder / "file").write_text("mine")
    (folder / "dangling").symlink_to("nowhere")
    (folder / "loop").symlink_to("loop")
    for name, content in (("full", "notes.txt"), ("web", "manifest.json"), ("logs", "log.jsonl")):
        (folder / name).mkdir()
        (folder / name / content).write_text('{"name": "mine"}')
    paths = {name: folder / name for name in ("file", "dangling", "loop", "full", "web", "logs")}
    return {
        **paths,
        "nul": folder / "a\0b",
        "below a file": folder / "file/run",
        "long": folder / ("x" * 300),
    }


STRANGERS = ("file", "dangling", "loop", "full", "web", "logs", "nul", "below a file", "long")


@pytest.mark.parametrize("which", STRANGERS)
def test_strangers_are_refused_and_left_alone(tmp_path, which):
    path = strangers(tmp_path)[which]
    before = [(n, (tmp_path / n).is_file() and (tmp_path / n).read_bytes()) for n in names(tmp_path)]
    with pytest.raises((InputError, StorageError)) as refusal:
        open_run(path)
    assert "\n" not in str(refusal.value)
    assert "another" in str(refusal.value) or "shorter" in str(refusal.value)
    assert [(n, (tmp_path / n).is_file() and (tmp_path / n).read_bytes()) for n in names(tmp_path)] == before
    assert isinstance(refusal.value, StorageError) is (which in ("below a file", "long"))


def test_a_folder_that_cannot_be_written_is_refused_before_computing(tmp_path):
    """As an ordinary user, whoever runs the tests."""
    (tmp_path / "shut").mkdir()
    open_run(tmp_path / "run").close()
    for path in (tmp_path, *tmp_path.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    for path in tmp_path.parents[:-1]:
        if stat.S_IMODE(path.stat().st_mode) & 0o011 != 0o011 and path.is_relative_to("/tmp"):
            path.chmod(path.stat().st_mode | 0o011)
    code = """
        if os.geteuid() == 0: os.setuid(65534)
        for name in ("new", "shut", "run", "shut/deep/er"):
            try: RunFolder.open(Path(sys.argv[2]) / name, CONFIGURATION)
            except StorageError as error: print(error)
        try: RunFolder.open(None, CONFIGURATION, parent=Path(sys.argv[2]) / "shut")
        except StorageError as error: print(error)
    """
    try:
        said = answer(child(code, tmp_path)).splitlines()
    finally:
        for path in (tmp_path, *tmp_path.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
    assert len(said) == 5
    assert all("permission is denied" in line and "make it writable" in line for line in said)


def test_a_damaged_or_newer_manifest_is_told_apart(tmp_path):
    open_run(tmp_path / "r").close()
    manifest = tmp_path / "r/manifest.json"
    good = json.loads(manifest.read_text())
    manifest.write_text("{")
    with pytest.raises(StorageError, match="cannot be read"):
        open_run(tmp_path / "r")
    manifest.write_text(json.dumps({**good, "schema_version": 99}))
    with pytest.raises(InputError, match="schema version 99"):
        open_run(tmp_path / "r")
    manifest.write_text(json.dumps([1]))
    with pytest.raises(InputError, match="not a run"):
        open_run(tmp_path / "r")
    manifest.write_text(json.dumps(good))
    (tmp_path / "r/evaluations").rmdir()
    (tmp_path / "r/evaluations").symlink_to(tmp_path)
    with pytest.raises(InputError, match="not a link"):
        open_run(tmp_path / "r")


HOSTILE = [
    "",
    ".",
    "..",
    "../x",
    "/etc/x",
    "C:\\x",
    "a\0",
    "a/b",
    "UPPER",
    "a.b",
    "x" * 65,
    "é",
    "a\n",
    "-" * 65,
]


@pytest.mark.parametrize("name", HOSTILE)
def test_names_that_could_leave_the_folder_are_refused(tmp_path, name):
    with open_run(tmp_path / "r") as run:
        before = names(tmp_path)
        calls = [
            lambda: run.block(name),
            lambda: run.commit(name, block(1), UNITS),
            lambda: run.write_table(name, block(1), UNITS),
        ]
        if name not in ("UPPER", "a.b"):
            calls.append(lambda: run.write_text(name if name != "-" * 65 else ".hidden", "x"))
        for call in calls:
            with pytest.raises(InputError, match="name of a"):
                call()
        assert names(tmp_path) == before


def test_a_planted_temporary_is_not_followed(tmp_path, monkeypatch):
    victim = tmp_path / "victim"
    victim.write_text("mine")
    with open_run(tmp_path / "r") as run:
        monkeypatch.setattr(durable.secrets, "token_hex", lambda n: "0" * 2 * n)
        planted = run.path / "evaluations/.tmp-0000000000000000-part-a.parquet"
        planted.symlink_to(victim)
        with pytest.raises(StorageError):
            run.commit("a", block(1), UNITS)
        assert victim.read_text() == "mine"
        assert planted.is_symlink()
    with open_run(tmp_path / "r") as run:
        assert not planted.is_symlink()
        assert victim.read_text() == "mine"
        run.commit("a", block(1), UNITS)


def test_a_folder_that_vanishes_is_one_sentence(tmp_path):
    with open_run(tmp_path / "r") as run:
        (tmp_path / "r").rename(tmp_path / "moved")
        with pytest.raises(StorageError, match="the folder is not there; what was committed before is safe"):
            run.commit("a", block(1), UNITS)


def test_files_are_as_readable_as_their_folder(tmp_path):
    for mode in (0o700, 0o755):
        path = tmp_path / f"{mode:o}"
        path.mkdir()
        path.chmod(mode)
        with open_run(path) as run:
            run.write_text("a.txt", "x")
        assert stat.S_IMODE((path / "a.txt").stat().st_mode) == 0o600 | (mode & 0o044)
