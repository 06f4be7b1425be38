"""A check of the tool by itself: written, read back, found again."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from bench.errors import InvalidFileError, UsageError
from bench.records.selfcheck import (
    SELFCHECK_FILE,
    KnownRace,
    SelfCheck,
    Timer,
    create_selfcheck,
    find_selfcheck,
    read_selfcheck,
    write_selfcheck,
)
from tests.bench.runs import ENVIRONMENT


def make_known(name: str, **changes: object) -> KnownRace:
    race = KnownRace(
        name=name,
        truth=0.0,
        verdict="SAME",
        num_pairs=8,
        mean=0.001,
        half_width=0.01,
        spread=0.01,
        seconds=32.0,
    )
    return msgspec.structs.replace(race, **changes)


def make_check(**changes: object) -> SelfCheck:
    check = SelfCheck(
        started_at="2026-01-02T03:04:05+00:00",
        device="cpu",
        alpha=0.05,
        dead_zone=0.005,
        environment=ENVIRONMENT,
        timer=Timer(resolution_seconds=4e-8, cost_seconds=5e-8, floor_seconds=2e-7),
        races=(
            make_known("a against a, one layout", spread=0.005, seconds=16.0),
            make_known("a against a, one layout, 10 s", spread=0.008, seconds=4.0),
            make_known("a against a"),
            make_known("slowed down", truth=0.02, verdict="SLOWER", mean=0.022),
            make_known("harness against bare loop", truth=None, mean=0.004),
        ),
    )
    return msgspec.structs.replace(check, **changes)


def keep(place: Path, check: SelfCheck) -> Path:
    directory = create_selfcheck(place, ())
    write_selfcheck(directory, check)
    return directory


def test_a_check_is_read_back_as_it_was(tmp_path: Path) -> None:
    assert read_selfcheck(keep(tmp_path / "c", make_check())) == make_check()


def test_an_interval_holds_its_truth_misses_it_or_nobody_knows() -> None:
    races = make_check().races
    assert [race.holds_truth for race in races] == [True, True, True, True, None]
    assert make_known("x", truth=0.02, mean=0.0).holds_truth is False
    assert make_known("x", truth=0.02, mean=0.0, truth_half_width=0.02).holds_truth is True


@pytest.mark.parametrize("content", ["", "{}", '{"schema": 2}', "[]"])
def test_what_is_no_check_is_refused_with_its_name(tmp_path: Path, content: str) -> None:
    (tmp_path / SELFCHECK_FILE).write_text(content)
    with pytest.raises(InvalidFileError, match=SELFCHECK_FILE):
        read_selfcheck(tmp_path)


def test_a_place_that_can_not_be_written_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="can't be written"):
        create_selfcheck(tmp_path / "file" / "c", ())


def test_the_newest_check_of_such_a_machine_is_found_and_damaged_ones_are_passed_over(tmp_path: Path) -> None:
    keep(tmp_path / "old", make_check())
    newest = make_check(started_at="2026-02-02T03:04:05+00:00")
    keep(tmp_path / "new", newest)
    other = msgspec.structs.replace(ENVIRONMENT.identity, cpu_model="Another CPU")
    elsewhere = msgspec.structs.replace(ENVIRONMENT, identity=other)
    keep(tmp_path / "elsewhere", make_check(started_at="2026-03-02T03:04:05+00:00", environment=elsewhere))
    (keep(tmp_path / "damaged", make_check()) / SELFCHECK_FILE).write_text("{")
    assert find_selfcheck(tmp_path, ENVIRONMENT) == newest
    assert find_selfcheck(tmp_path / "nowhere", ENVIRONMENT) is None
    assert find_selfcheck(tmp_path, None) is None
