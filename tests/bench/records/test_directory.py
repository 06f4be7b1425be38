"""Where a run is written, and what happens when it can't be."""

from __future__ import annotations

import errno
import io
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.errors import IncompleteError, UsageError
from bench.records import store
from bench.records.store import RunDirectory, check_output, create_run, read_run
from productnet.exit_code import ExitCode
from tests.bench.runs import make_block, make_case, make_info

INFO = make_info([make_case()])
BLOCK = make_block(make_case(), 1.0)
PORTABLE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(?<![.-])")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory where the user stands."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def raise_disk_full(*_: object) -> int:
    raise OSError(errno.ENOSPC, "No space left on device")


class FullDisk(io.RawIOBase):
    """A file on a full disk: every write is refused."""

    def writable(self) -> bool:
        return True

    def write(self, _: Any) -> int:
        return raise_disk_full()


def list_tree(path: Path) -> list[str]:
    return sorted(each.relative_to(path).as_posix() for each in path.rglob("*"))


def test_a_run_gets_a_directory_of_its_own_under_results(here: Path) -> None:
    with create_run(INFO, None, ("2026-01-02T030405", "host", "cpu", "")) as directory:
        assert directory.path == Path("results/2026-01-02T030405_host_cpu")
    assert list_tree(here / directory.path) == ["run.json", "samples.jsonl"]


def test_two_runs_of_the_same_second_get_two_names(here: Path) -> None:
    names = []
    for _ in range(3):
        with create_run(INFO, None, ("2026", "host")) as directory:
            names.append(directory.path.name)
    assert names == ["2026_host", "2026_host_2", "2026_host_3"]


def test_a_name_that_is_taken_a_hundred_times_is_refused_with_a_remedy(here: Path) -> None:
    for name in ("2026", *(f"2026_{number}" for number in range(2, 100))):
        (here / "results" / name).mkdir(parents=True)
    with create_run(INFO, None, ("2026",)) as directory:
        assert directory.path.name == "2026_100"
    with pytest.raises(UsageError, match=r"results/2026 exists a hundred times: .*--output"):
        create_run(INFO, None, ("2026",))


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        (("2026", "../up"), "2026_up"),
        (("2026", "/etc/passwd"), "2026_etc-passwd"),
        (("2026", "a:b"), "2026_a-b"),
        (("2026", "..\\up"), "2026_up"),
        (("2026", "my host"), "2026_my-host"),
        (("2026", "\U0001f600 ü"), "2026"),
        (("2026", "x" * 300), "2026_" + "x" * 40),
        (("2026", "x" * 39 + ".txt"), "2026_" + "x" * 39),
        (("..", "\U0001f600"), "run"),
    ],
)
def test_hostile_parts_make_a_short_portable_name(here: Path, parts: tuple[str, ...], name: str) -> None:
    with create_run(INFO, None, parts) as directory:
        assert directory.path == Path("results") / name


@settings(max_examples=50)
@given(parts=st.lists(st.text(max_size=60), max_size=4))
def test_no_part_leads_out_of_results(tmp_path_factory: pytest.TempPathFactory, parts: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.getbasetemp())
        with create_run(INFO, None, tuple(parts)) as directory:
            assert directory.path.parent == Path("results")
            assert PORTABLE.fullmatch(directory.path.name)
            assert len(directory.path.name) < 200
        for file in directory.path.iterdir():
            file.unlink()
        directory.path.rmdir()


def test_an_output_is_used_as_it_is(here: Path) -> None:
    check_output(Path("deep/new"))
    assert list_tree(here) == []
    with create_run(INFO, Path("deep/new"), ("2026",)) as directory:
        assert directory.path == Path("deep/new")
    assert list_tree(here) == ["deep", "deep/new", "deep/new/run.json", "deep/new/samples.jsonl"]


def test_an_empty_directory_may_be_an_output(here: Path) -> None:
    (here / "empty").mkdir()
    check_output(Path("empty"))


@pytest.mark.parametrize("output", ["full", "file", "file/below"])
def test_an_output_that_is_in_use_is_refused_and_left_as_it_was(here: Path, output: str) -> None:
    (here / "full").mkdir()
    (here / "full" / "mine.txt").write_text("mine")
    (here / "file").write_text("mine")
    before = list_tree(here)
    with pytest.raises(UsageError, match=f"output {re.escape(str(Path(output)))} .*name "):
        check_output(Path(output))
    assert list_tree(here) == before


@pytest.mark.parametrize("output", [None, Path("new/deep")])
def test_an_output_below_an_unwritable_place_is_refused(
    here: Path, monkeypatch: pytest.MonkeyPatch, output: Path | None
) -> None:
    tried = []

    def deny(**place: Path) -> None:
        tried.append(place["dir"])
        raise PermissionError(errno.EACCES, "Permission denied", str(place["dir"]))

    monkeypatch.setattr(store, "TemporaryFile", deny)
    with pytest.raises(UsageError, match=r"can't be written: Permission denied; name another with --output"):
        check_output(output)
    assert tried == [here]
    assert list_tree(here) == []


def test_two_runs_can_not_share_a_directory(here: Path) -> None:
    with create_run(INFO, Path("run"), ()) as directory:
        directory.append(BLOCK)
        with pytest.raises(UsageError, match="--output run is in use by another run: name a new directory"):
            create_run(INFO, Path("run"), ())
    assert read_run(Path("run")).measurements[0].blocks == (BLOCK,)


def test_an_output_that_may_not_even_be_looked_at_is_refused(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def deny(path: Path) -> bool:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "exists", deny)
    locked = Path("locked/new")
    with pytest.raises(
        UsageError, match=f"output {re.escape(str(locked))} can't be written: Permission denied; name another"
    ):
        check_output(locked)


def test_an_output_with_a_name_too_long_for_any_disk_is_refused(here: Path) -> None:
    def write(output: Path) -> None:
        check_output(output)
        create_run(INFO, output, ())

    with pytest.raises(UsageError, match=r"can't be written: .*name another with --output"):
        write(Path("x" * 300))
    assert list_tree(here) == []


def test_a_run_json_that_can_not_be_written_is_a_usage_error(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "write_bytes", raise_disk_full)
    with pytest.raises(UsageError, match="No space left on device; name another with --output"):
        create_run(INFO, Path("new"), ())
    assert list_tree(here) in ([], ["new"])


def test_a_record_that_can_not_be_written_ends_the_run_with_its_reason(here: Path) -> None:
    directory = RunDirectory(here, io.BufferedWriter(FullDisk()))
    message = r"samples\.jsonl can't be written \(No space left on device\); what was measured before is kept"
    # Leaving the block closes the file, which tries to write once more: the reason must not be lost to that.
    with pytest.raises(IncompleteError, match=message), directory:
        directory.append(BLOCK)


def test_a_full_disk_has_its_exit_code() -> None:
    assert IncompleteError.exit_code is ExitCode.FAILED_CASES
    assert UsageError.exit_code is ExitCode.USAGE


def test_a_file_is_written_whole_or_not_at_all(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with create_run(INFO, Path("run"), ()) as directory:
        directory.write_text("table.md", "old\n")
        whole = list_tree(here)
        real_write = Path.write_bytes

        def write_half(path: Path, content: bytes) -> int:
            real_write(path, content[: len(content) // 2])
            return raise_disk_full()

        monkeypatch.setattr(Path, "write_bytes", write_half)
        with pytest.raises(IncompleteError, match=r"table\.md can't be written \(No space left on device\)"):
            directory.write_text("table.md", "new, and much longer\n")
    assert list_tree(here) == whole
    assert Path("run/table.md").read_text() == "old\n"


def test_a_file_is_replaced_and_no_part_of_it_is_left(here: Path) -> None:
    with create_run(INFO, Path("run"), ()) as directory:
        for text in ("old", "new \U0001f600\r\n"):
            directory.write_text("table.csv", text)
    assert Path("run/table.csv").read_bytes() == "new \U0001f600\r\n".encode()
    assert list_tree(here / "run") == ["run.json", "samples.jsonl", "table.csv"]


def test_only_logs_that_say_something_are_kept(here: Path) -> None:
    with create_run(INFO, Path("run"), ()) as directory:
        directory.log_path(0).write_text("")
        directory.log_path(1).write_text("Traceback\n")
    assert list_tree(here / "run" / store.LOG_DIRECTORY) == ["worker-1.log"]


def test_logs_that_all_say_nothing_leave_no_directory(here: Path) -> None:
    with create_run(INFO, Path("run"), ()) as directory:
        directory.log_path(0).write_text("")
    assert not (here / "run" / store.LOG_DIRECTORY).exists()
