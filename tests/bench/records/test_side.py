"""Finding the runs of a side, and that none is given twice."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bench.errors import InvalidFileError, UsageError
from bench.records.side import check_distinct, read_each, read_side
from bench.records.stored import read_stored_run
from tests.bench.sides import EAGER, write_measured


def write(path: Path, seconds: float = 1.0) -> Path:
    return write_measured(path, {EAGER: seconds})


def test_a_run_is_a_side_of_one(tmp_path: Path) -> None:
    side = read_side(write(tmp_path / "run"))
    assert [each.path for each in side.runs] == [tmp_path / "run"]
    assert side.name == str(tmp_path / "run")


def test_all_runs_of_a_directory_are_a_side_and_what_holds_none_is_named(tmp_path: Path) -> None:
    for place in range(3):
        write(tmp_path / f"run {place}", 1.0 + place)
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("x")
    side = read_side(tmp_path)
    assert sorted(each.path.name for each in side.runs) == ["run 0", "run 1", "run 2"]
    assert side.skipped == (str(tmp_path / "empty"),)


def test_the_order_of_a_side_hangs_on_contents_and_not_on_names(tmp_path: Path) -> None:
    for place, (name, other_name) in enumerate([("a", "b"), ("b", "a"), ("c", "c")]):
        write(tmp_path / "one" / name, 1.0 + place)
        write(tmp_path / "other" / other_name, 1.0 + place)
    one, other = read_side(tmp_path / "one"), read_side(tmp_path / "other")
    assert [each.result for each in one.runs] == [each.result for each in other.runs]


def test_a_directory_without_a_run_and_one_that_is_missing_are_invalid(tmp_path: Path) -> None:
    with pytest.raises(InvalidFileError, match="holds no run"):
        read_side(tmp_path)
    with pytest.raises(InvalidFileError, match="can't be read"):
        read_side(tmp_path / "gone")


def test_a_race_is_told_from_a_run(tmp_path: Path) -> None:
    (tmp_path / "race.json").write_text("{}")
    with pytest.raises(InvalidFileError, match="is a race"):
        read_side(tmp_path)


def test_one_damaged_run_spoils_its_side_and_is_named(tmp_path: Path) -> None:
    write(tmp_path / "good")
    (write(tmp_path / "bad", 2.0) / "samples.jsonl").write_bytes(b"")
    with pytest.raises(InvalidFileError, match=r"bad.samples\.jsonl"):
        read_side(tmp_path)


def test_read_each_by_itself_damage_stops_no_other(tmp_path: Path) -> None:
    write(tmp_path / "good")
    (write(tmp_path / "bad", 2.0) / "samples.jsonl").write_bytes(b"")
    bad, good = read_each(tmp_path)
    assert good.stored is not None
    assert bad.stored is None
    assert "samples.jsonl" in str(bad.fault)
    (gone,) = read_each(tmp_path / "gone")
    assert gone.fault is not None


def test_a_copy_and_a_link_are_the_run_itself(tmp_path: Path) -> None:
    run = write(tmp_path / "run")
    shutil.copytree(run, tmp_path / "copy")
    (tmp_path / "link").symlink_to(run)
    for other in ("copy", "link", "run"):
        with pytest.raises(UsageError, match="same run") as caught:
            check_distinct([read_stored_run(each) for each in (run, tmp_path / other)])
        assert caught.value.exit_code == 2


def test_runs_with_other_samples_or_another_head_are_not_the_same(tmp_path: Path) -> None:
    run = write(tmp_path / "run")
    thinner = shutil.copytree(run, tmp_path / "thinner")
    (thinner / "run.json").write_text((run / "run.json").read_text().replace("Linux-6.1", "Linux-6.2"))
    check_distinct([read_stored_run(each) for each in (run, thinner, write(tmp_path / "other", 2.0))])
