"""The index's file: whatever happens to it, it is made anew or left alone, and no run is lost."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import duckdb
import pytest

from bench.errors import UsageError
from bench.history import build, index
from bench.history.build import News, prepare, refresh
from bench.history.index import INDEX_FILE, ask, choose_place
from bench.history.query import list_case_names
from bench.history.scan import scan
from tests.bench.history.many import write_many

ROOT = Path(__file__).parents[3]
NUM_RUNS = 12


@pytest.fixture
def results(tmp_path: Path) -> Path:
    write_many(tmp_path / "results", NUM_RUNS, num_blocks=2, num_losses=2)
    return tmp_path / "results"


def bring_up_to_date(results: Path, place: Path | None, told: list[str] | None = None) -> News:
    """Put the least question."""
    tell = ([] if told is None else told).append

    def question(connection: duckdb.DuckDBPyConnection) -> News:
        prepare(connection, place, False, tell)
        news = refresh(connection, scan([results]), tell)
        assert len(list_case_names(connection)) == 3
        return news

    return ask(place, question, tell)


def test_the_second_time_nothing_is_read_and_a_deleted_index_is_made_anew(results: Path) -> None:
    place = results / INDEX_FILE
    assert bring_up_to_date(results, place).num_read == NUM_RUNS
    assert bring_up_to_date(results, place).num_read == 0
    place.unlink()
    assert bring_up_to_date(results, place).num_read == NUM_RUNS


def test_without_a_file_there_is_an_answer_all_the_same(results: Path) -> None:
    assert bring_up_to_date(results, None).num_runs == NUM_RUNS
    assert not (results / INDEX_FILE).exists()


@pytest.mark.parametrize("damage", ["torn", "garbled", "no database", "empty"])
def test_a_damaged_index_is_made_anew_and_told_of(results: Path, damage: str) -> None:
    place, told = results / INDEX_FILE, list[str]()
    bring_up_to_date(results, place)
    content = place.read_bytes()
    garbled = content[:4096] + bytes(len(content) - 4096)
    ways = {"torn": content[: len(content) // 2], "garbled": garbled, "no database": b"no database" * 9, "empty": b""}
    place.write_bytes(ways[damage])
    news = bring_up_to_date(results, place, told)
    assert (news.num_runs, news.num_read, news.faults) == (NUM_RUNS, NUM_RUNS, {})
    assert damage == "empty" or "is made anew" in told[0]
    assert bring_up_to_date(results, place).num_read == 0


@pytest.mark.parametrize("content", [b"letters to a friend", b"\0" * 8 + b"DUCK" + b"\xff" * 5_000])
def test_a_file_with_another_name_that_can_not_be_read_is_left_as_it_is(results: Path, content: bytes) -> None:
    place = results / "mine.duckdb"
    place.write_bytes(content)
    with pytest.raises(UsageError, match=r"mine\.duckdb"):
        bring_up_to_date(results, place)
    assert place.read_bytes() == content


def test_a_database_of_something_else_is_left_as_it_is(results: Path) -> None:
    place = results / INDEX_FILE
    with duckdb.connect(place) as connection:
        connection.execute("CREATE TABLE cases AS SELECT 'precious' AS what")
    with pytest.raises(UsageError, match="is a database of something else"):
        bring_up_to_date(results, place)
    with duckdb.connect(place) as connection:
        assert connection.execute("FROM cases").fetchall() == [("precious",)]


def test_an_index_of_another_version_is_made_anew(results: Path) -> None:
    place, told = results / INDEX_FILE, list[str]()
    bring_up_to_date(results, place)
    with duckdb.connect(place) as connection:
        connection.execute("UPDATE bench_history SET version = 'old'")
        connection.execute("ALTER TABLE cases DROP COLUMN quality")
    assert bring_up_to_date(results, place, told).num_read == NUM_RUNS
    assert "another version" in told[0]


def test_a_question_reads_no_other_file(results: Path) -> None:
    with pytest.raises(duckdb.PermissionException):
        ask(results / INDEX_FILE, lambda connection: connection.execute("FROM read_csv('/etc/passwd')"), print)


PROGRAM = """
import sys
from pathlib import Path
from tests.bench.history.test_index import bring_up_to_date
from bench.history import build
build._AT_ONCE = 1
whole = build._read
def read(connection, runs):
    whole(connection, runs)
    print("read", flush=True)
    sys.stdin.readline()
build._read = read
bring_up_to_date(Path(sys.argv[1]), Path(sys.argv[1]) / build.history.index.INDEX_FILE)
"""


def start_indexing(results: Path) -> subprocess.Popen[str]:
    """Start a process that waits for a line after each run that it has read; it has read one."""
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(results)], stdin=-1, stdout=-1, text=True, cwd=ROOT)
    assert process.stdout is not None
    assert process.stdout.readline() == "read\n"
    return process


def test_a_killed_indexer_leaves_what_it_had_read_and_the_next_goes_on(results: Path) -> None:
    process, told = start_indexing(results), list[str]()
    process.kill()
    process.communicate()
    news = bring_up_to_date(results, results / INDEX_FILE, told)
    assert (news.num_runs, news.num_read, news.faults, told) == (NUM_RUNS, NUM_RUNS - 1, {}, [])


def test_a_log_that_a_kill_has_left_and_that_is_damaged_costs_no_run(results: Path) -> None:
    place = results / INDEX_FILE
    process = start_indexing(results)
    process.kill()
    process.communicate()
    log = place.with_name(f"{INDEX_FILE}.wal")
    log.write_bytes(log.read_bytes()[:-100] + b"\xff" * 100)
    news = bring_up_to_date(results, place)
    assert (news.num_runs, news.faults) == (NUM_RUNS, {})


def test_a_run_is_never_half_replaced(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place, info = results / INDEX_FILE, results / "00000" / "run.json"
    bring_up_to_date(results, place)
    times = (info.stat().st_atime_ns, info.stat().st_mtime_ns)
    os.utime(info, ns=(1, 1))

    def stop(connection: duckdb.DuckDBPyConnection, keys: list[str]) -> None:
        if keys:
            connection.execute("DELETE FROM cases")
            raise KeyboardInterrupt

    monkeypatch.setattr(build, "_forget", stop)
    with pytest.raises(KeyboardInterrupt):
        bring_up_to_date(results, place)
    monkeypatch.undo()
    os.utime(info, ns=times)
    assert bring_up_to_date(results, place).num_read == 0


def test_a_second_indexer_waits_for_the_first(results: Path) -> None:
    process, told = start_indexing(results), list[str]()
    news: list[News] = []
    second = threading.Thread(target=lambda: news.append(bring_up_to_date(results, results / INDEX_FILE, told)))
    second.start()
    while not told:
        time.sleep(0.01)
    process.communicate("\n" * NUM_RUNS)
    second.join()
    assert "is in use by another process" in told[0]
    assert (news[0].num_runs, news[0].num_read) == (NUM_RUNS, 0)


def test_a_second_indexer_does_not_wait_for_ever(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "WAIT_SECONDS", 0.0)
    process = start_indexing(results)
    with pytest.raises(UsageError, match="still in use: name another"):
        bring_up_to_date(results, results / INDEX_FILE)
    process.kill()
    process.communicate()


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent otherwise there")
def test_an_interrupt_during_a_question_is_an_interrupt() -> None:
    endless = "SELECT sum(a.range * b.range) FROM range(10000000) a, range(10000000) b"
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    before = signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # a job in the background inherits that it is ignored
    try:
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            ask(None, lambda connection: connection.execute(endless).fetchall(), print)
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.skipif(sys.platform != "linux", reason="sizes of files are limited otherwise elsewhere")
def test_where_the_disk_takes_no_more_it_is_one_line(results: Path) -> None:
    program = (
        "import resource, sys; from pathlib import Path; from bench.errors import UsageError;"
        "from tests.bench.history.test_index import bring_up_to_date;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000));"
        "bring_up_to_date(Path(sys.argv[1]), Path(sys.argv[1]) / '.history.duckdb')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(results)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert "bench.errors.UsageError: index" in done.stderr.splitlines()[-1]
    assert bring_up_to_date(results, results / INDEX_FILE).num_runs == NUM_RUNS


def test_a_place_that_can_not_be_written_is_refused_or_done_without(
    results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(results.parent)
    told: list[str] = []
    blocked = results / INDEX_FILE
    blocked.mkdir()
    assert choose_place(None, [results], told.append) is None
    assert "can't be written" in told[0]
    with pytest.raises(UsageError, match="--index"):
        choose_place(blocked, [results], told.append)
    with pytest.raises(UsageError, match="--index"):
        choose_place(results / "nowhere" / "index.duckdb", [results], told.append)


def test_the_place_is_beside_the_results_of_where_the_user_stands(
    results: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert choose_place(None, [tmp_path], print) == Path("results") / INDEX_FILE
    shutil.move(results, tmp_path / "other")
    assert choose_place(None, [tmp_path / "other"], print) == tmp_path / "other" / INDEX_FILE
