"""Which runs the index takes in: each once, none that is gone or damaged, whatever they are called."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from bench.history.index import INDEX_FILE
from bench.records.case import Case
from tests.bench.history.asking import call, list_runs, write
from tests.bench.sides import EAGER, make_environment

NASTY = "'; DROP TABLE cases; --\x1b[31m\n=1+1"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_copy_of_a_run_counts_once_and_a_removed_one_not_at_all(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write("run")
    shutil.copytree(path, "results/copy")
    assert list_runs(monkeypatch, capsys) == ["copy"]
    call(monkeypatch, "case", EAGER.name)
    assert "1 of 1 run on" in capsys.readouterr().out
    shutil.rmtree("results/copy")
    for num_gone in (1, 0):
        assert call(monkeypatch, "index") == 0
        assert capsys.readouterr().out == f"1 run, 0 of them read now; {num_gone} gone since, 0 left out.\n"
    assert list_runs(monkeypatch, capsys) == ["run"]


def test_a_run_that_has_changed_is_read_anew(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write("run", label="before")
    assert list_runs(monkeypatch, capsys, "--label", "before") == ["run"]
    shutil.rmtree(path)
    write("run", label="afterwards")
    assert list_runs(monkeypatch, capsys, "--label", "before") == []
    assert list_runs(monkeypatch, capsys, "--label", "afterwards") == ["run"]


def test_rebuilding_reads_all_runs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    write("run")
    for arguments, num_read in (((), 1), ((), 0), (("--rebuild",), 1)):
        call(monkeypatch, "index", *arguments)
        assert f"1 run, {num_read} of them read now" in capsys.readouterr().out


def test_only_the_directories_that_are_named_are_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write("a/run")
    write("b/run", label="b")
    assert len(list_runs(monkeypatch, capsys)) == 2
    assert list_runs(monkeypatch, capsys, "results/b", "--label", "b") == ["run"]
    assert list_runs(monkeypatch, capsys, "results/a", "--label", "b") == []
    call(monkeypatch, "index")
    assert "2 runs, 0 of them read now" in capsys.readouterr().out


def test_damaged_runs_are_told_of_and_the_rest_is_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write("sound")
    (write("torn", label="a") / "samples.jsonl").write_bytes(b"")
    newer = write("newer", label="b") / "run.json"
    newer.write_text(newer.read_text().replace('"schema": 1', '"schema": 2'))
    (write("deep", label="c") / "run.json").write_text("[" * 100_000)
    Path("results/empty").mkdir()
    assert call(monkeypatch, "list") == 0
    shown = capsys.readouterr()
    assert "1 of 1 run, newest first." in shown.out
    for name in ("torn", "newer", "deep", "empty"):
        assert f"left out: results/{name}" in shown.err
    assert call(monkeypatch, "index") == 0
    assert "1 run, 0 of them read now; 0 gone since, 4 left out." in capsys.readouterr().out
    newer.write_text(newer.read_text().replace('"schema": 2', '"schema": 1'))
    assert list_runs(monkeypatch, capsys, "--label", "b") == ["newer"]


def test_a_run_that_is_too_large_is_not_read(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    os.truncate(write("huge") / "samples.jsonl", 2**40)
    assert call(monkeypatch, "index") == 0
    assert "results/huge 1,099,5" in capsys.readouterr().out


def test_names_and_values_do_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    case = Case(device="cpu", engine=NASTY, batching="manual", num_threads=1, num_epochs=2)
    environment = make_environment({"cpu_model": NASTY, "torch_version": "\0"}, git_commit=NASTY)
    write("nasty", environment=environment, cases=(case,), label=NASTY)
    (write("torn", label="a") / "samples.jsonl").write_bytes(NASTY.encode())
    for filters in (("--label", NASTY), ("--cpu", NASTY), ("--commit", NASTY), ("--filter", f"engine={NASTY}")):
        assert list_runs(monkeypatch, capsys, *filters) == ["nasty"]
    for arguments in (("list",), ("case", case.name, "--plot"), ("list", "--format", "markdown"), ("index",)):
        assert call(monkeypatch, *arguments) == 0
        shown = capsys.readouterr()
        assert all(line.isprintable() for line in (shown.out + shown.err).split("\n"))
    assert call(monkeypatch, "case", case.name, "--format", "json") == 0
    assert json.loads(capsys.readouterr().out)["cases"][0]["label"] == NASTY
    assert sorted(each.name for each in Path("results").iterdir()) == [INDEX_FILE, "nasty", "torn"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such a name")
def test_a_directory_whose_name_is_no_text_is_indexed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write(os.fsdecode(b"r\xff\n"))
    assert list_runs(monkeypatch, capsys) == ["r\\udcff\\n"]
    call(monkeypatch, "index")
    assert "1 run, 0 of them read now; 0 gone since" in capsys.readouterr().out
