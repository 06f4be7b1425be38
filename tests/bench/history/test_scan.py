"""Runs are found however deep they lie, and everything else is passed over or told of."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from bench.errors import InvalidFileError
from bench.history.scan import Found, scan
from tests.bench.races import write_race
from tests.bench.sides import REFERENCE, write_measured


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_measured(tmp_path / "a" / "deep" / "run", {REFERENCE: 1.0})
    return tmp_path.resolve()


def test_runs_are_found_however_deep_and_named_once(root: Path) -> None:
    write_measured(root / "run", {REFERENCE: 1.0})
    found = scan([root, root / "a", root / "run"])
    assert sorted(found.runs) == [str(root / "a" / "deep" / "run"), str(root / "run")]
    assert found.faults == {}


def test_races_gates_and_hidden_directories_are_no_runs_and_no_faults(root: Path) -> None:
    write_race(root / "race")
    write_measured(root / "race" / "inner", {REFERENCE: 1.0})
    write_measured(root / ".trash" / "run", {REFERENCE: 1.0})
    found = scan([root])
    assert (len(found.runs), found.faults) == (1, {})


def test_what_was_meant_to_be_a_run_is_told_of(root: Path) -> None:
    (root / "empty").mkdir()
    (root / "headless").mkdir()
    (root / "headless" / "samples.jsonl").touch()
    (root / "started").mkdir()
    (root / "started" / "run.json").touch()
    assert scan([root]).faults == {
        str(root / "empty"): "holds no run: there is no run.json",
        str(root / "headless"): "has samples.jsonl and no run.json",
        str(root / "started"): "has run.json and no samples.jsonl",
    }


@pytest.mark.parametrize("name", ["nowhere", "a" * 300])
def test_a_directory_that_is_none_is_refused(root: Path, name: str) -> None:
    with pytest.raises(InvalidFileError, match=f"{name} is no directory"):
        scan([root / name])


def test_a_changed_file_changes_the_signature(root: Path) -> None:
    path = root / "a" / "deep" / "run"

    def read_signature() -> Found:
        return scan([path]).runs[str(path)]

    before = read_signature()
    assert read_signature() == before
    samples = path / "samples.jsonl"
    os.utime(samples, ns=(1, 1))
    assert read_signature() != before


@pytest.mark.skipif(sys.platform == "win32", reason="no pipes in directories there")
def test_a_pipe_is_not_read(root: Path) -> None:
    samples = root / "a" / "deep" / "run" / "samples.jsonl"
    samples.unlink()
    os.mkfifo(samples)
    found = scan([root])
    assert found.runs == {}
    assert "something else than files" in found.faults[str(samples.parent)]


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_link_to_a_directory_is_not_followed(root: Path) -> None:
    (root / "a" / "loop").symlink_to(root)
    assert len(scan([root]).runs) == 1
