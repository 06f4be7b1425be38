"""A summary is written where it was asked for, and added to that of the job."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.errors import IncompleteError, UsageError
from bench.records.summary import STEP_SUMMARY, check_summary, leave_summary, write_summary


@pytest.fixture(autouse=True)
def _no_job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(STEP_SUMMARY, raising=False)


def test_a_summary_replaces_its_own_file_and_adds_to_the_jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own, jobs = tmp_path / "own.md", tmp_path / "job.md"
    own.write_text("old\n")
    jobs.write_text("of another step\n")
    monkeypatch.setenv(STEP_SUMMARY, str(jobs))
    leave_summary("new\n", own)
    assert own.read_text() == "new\n"
    assert jobs.read_text() == "of another step\nnew\n"


def test_without_a_name_and_without_a_job_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    leave_summary("new\n", None)
    assert not list(tmp_path.iterdir())


def test_what_can_not_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(IncompleteError, match="what was measured is kept"):
        write_summary(tmp_path / "file" / "gate.md", "text")


@pytest.mark.parametrize("name", [".", "nowhere/summary.md", "a" * 300])
def test_what_could_not_be_written_is_refused_beforehand(tmp_path: Path, name: str) -> None:
    check_summary(None)
    check_summary(tmp_path / "summary.md")
    with pytest.raises(UsageError, match="--summary"):
        check_summary(tmp_path / name)
