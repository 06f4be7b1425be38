"""One rule finds results for every door that reads them."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.errors import InvalidFileError, NothingStoredError
from bench.history.scan import scan
from bench.records.collection import collect
from bench.records.finding import find_results
from bench.records.side import read_side
from tests.bench.races import write_race
from tests.bench.sides import EAGER, write_measured


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Runs on several levels, and beside them what is none."""
    root = tmp_path / "results"
    for place, name in enumerate(("b", "a/deep/er", "a/run", ".hidden/run")):
        write_measured(root / name, {EAGER: 1.0 + place})
    write_race(root / "race")
    write_measured(root / "gate" / "within", {EAGER: 9.0})
    (root / "gate" / "gate.json").touch()
    (root / "empty").mkdir()
    (root / "loop").symlink_to(root)
    (root / "linked").symlink_to(root / "b")
    return root


def names(root: Path, paths: list[Path]) -> list[str]:
    return [str(path.relative_to(root)) for path in paths]


def test_results_are_found_however_deep_and_nothing_within_one_is_another(root: Path) -> None:
    runs, others = find_results(root, "run")
    assert names(root, runs) == ["a/deep/er", "a/run", "b", "linked"]
    assert names(root, others) == ["empty", "gate", "loop", "race"]
    assert names(root, find_results(root, "run", "race", "gate")[0]) == [
        *("a/deep/er", "a/run", "b", "gate", "linked", "race")
    ]
    assert names(root, find_results(root / "gate", "run")[0]) == ["gate/within"]


def test_reports_sides_and_history_find_the_same_runs(root: Path) -> None:
    expected = ["a/deep/er", "a/run", "b"]
    (root / "linked").unlink()
    assert names(root, [each.path for each in collect([root]).runs]) == expected
    assert sorted(names(root, [each.path for each in read_side(root).runs])) == expected
    assert sorted(names(root, [found.path for found in scan([root]).runs.values()])) == expected


def test_where_there_is_none_that_is_said_with_what_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(NothingStoredError, match=r"holds no run and no race: there is no run\.json or race\.json"):
        find_results(tmp_path, "run", "race")
    with pytest.raises(NothingStoredError, match=r"can't be read: .*; is it the directory of a run or a race?"):
        find_results(tmp_path / "gone", "run", "race")
    (tmp_path / "file").touch()
    with pytest.raises(InvalidFileError, match=r"is it the directory of a run?"):
        find_results(tmp_path / "file", "run")
