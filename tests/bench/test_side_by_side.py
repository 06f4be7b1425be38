"""The door that puts runs of several machines side by side."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import side_by_side as door
from bench.errors import InvalidFileError
from bench.records.journal import Ended
from tests.bench.records.test_store import write_run
from tests.bench.runs import make_case, make_training


@pytest.fixture
def two_machines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, case in (("linux-cpu", make_case()), ("linux-cuda", make_case(device="cuda:0"))):
        write_run(tmp_path / name, [*make_training(case, [2.0]), Ended(is_complete=True, seconds=3.0)], case)


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["bench.side_by_side", *arguments])
    return door.main()


@pytest.mark.usefixtures("two_machines")
def test_runs_of_several_machines_are_one_table(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "linux-cpu", "linux-cuda") == 0
    shown = capsys.readouterr().out
    assert "| linux-cpu  | Example CPU | cpu/reference/manual    |" in shown
    assert "| linux-cuda | Example GPU | cuda:0/reference/manual |" in shown


@pytest.mark.usefixtures("two_machines")
def test_a_missing_and_a_damaged_run_are_named_after_all_others_are_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("linux-cuda/samples.jsonl").write_text("{}\n{}\n")
    with pytest.raises(InvalidFileError, match="2 of 3 runs can't be read: linux-cuda, macos-mps") as caught:
        call(monkeypatch, "linux-cpu", "linux-cuda", "macos-mps")
    assert caught.value.exit_code == 5
    shown = capsys.readouterr().out
    assert "| linux-cpu  | Example CPU |" in shown
    assert shown.count("can't be read |") == 2
    assert "samples.jsonl line 1" in shown


def test_without_a_run_it_is_one_line_of_usage(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        call(monkeypatch)
    assert caught.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
