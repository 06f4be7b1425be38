"""A tune on the disk: what is written is read, and what does not fit together is refused."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from bench.errors import InvalidFileError, UsageError
from bench.records.finding import find_results
from bench.records.race import RaceEnded, RaceInfo
from bench.records.store import create_run
from bench.records.tune import Heat, Tried, TuneEnded
from bench.records.tune_store import CONFIRMATION, create_tune, read_tune
from tests.bench.races import make_pairs
from tests.bench.tunes import make_candidates, make_tune_info, race_candidates

CANDIDATES = make_candidates(3)
INFO = make_tune_info(CANDIDATES)
TRIED = [Tried(candidate=number, epoch_seconds=1.0) for number in range(3)]
HEAT = Heat(number=0, stage=0, candidates=(1, 0, 2))
ENDED = TuneEnded(reason="done", seconds=9.0)


def write(path: Path, *records: Tried | Heat | TuneEnded) -> Path:
    with create_tune(INFO, path, ()) as directory:
        for each in records:
            directory.append(each)
    return path


def write_race(path: Path, info: RaceInfo) -> None:
    with create_run(info, path, ()) as directory:
        for each in make_pairs([(0.1, 0.2)]):
            directory.append(each)
        directory.append(RaceEnded(reason="budget", seconds=5.0))


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write(tmp_path / "t", *TRIED, HEAT, ENDED)
    write_race(tmp_path / "t" / "heat-1", race_candidates(CANDIDATES, (1, 0, 2)).info)
    write_race(tmp_path / "t" / CONFIRMATION, race_candidates(CANDIDATES, (1, 0, 2)).info)
    tune = read_tune(tmp_path / "t")
    assert (tune.info, tune.tried, tune.ended) == (INFO, tuple(TRIED), ENDED)
    assert [heat for heat, _ in tune.heats] == [HEAT]
    assert tune.quality is None
    assert tune.confirmation is not None
    assert tune.list_candidates(tune.confirmation) == [1, 0, 2]


def test_one_that_was_killed_has_what_it_had(tmp_path: Path) -> None:
    tune = read_tune(write(tmp_path / "t", *TRIED, HEAT))
    assert (tune.heats, tune.ended) == ((), None)


@pytest.mark.parametrize(
    ("records", "complaint"),
    [
        ([Tried(candidate=3)], "of candidate 3, the plan has 3"),
        ([Heat(number=0, stage=0, candidates=(0, 7))], "of candidate 7, the plan has 3"),
        ([TRIED[0], TRIED[0]], "a candidate is there twice"),
        ([HEAT, HEAT], "a heat is there twice"),
        ([], "holds no record"),
    ],
)
def test_records_that_contradict_the_plan_are_damage(
    tmp_path: Path, records: list[Tried | Heat], complaint: str
) -> None:
    with pytest.raises(InvalidFileError, match=complaint):
        read_tune(write(tmp_path / "t", *records))


def test_a_race_of_other_candidates_is_damage(tmp_path: Path) -> None:
    write(tmp_path / "t", *TRIED, HEAT)
    write_race(tmp_path / "t" / "heat-1", race_candidates(CANDIDATES, (0, 1, 2)).info)
    with pytest.raises(InvalidFileError, match="heat-1 is not the race"):
        read_tune(tmp_path / "t")
    write(tmp_path / "u", *TRIED)
    write_race(tmp_path / "u" / CONFIRMATION, race_candidates(make_candidates(4), (0, 1, 3)).info)
    with pytest.raises(InvalidFileError, match=r"tune\.json does not plan"):
        read_tune(tmp_path / "u")


def test_two_candidates_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="the same name"):
        msgspec.structs.replace(INFO.plan, candidates=(CANDIDATES[0], CANDIDATES[0]))


def test_a_directory_that_is_taken_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "t", *TRIED)
    with pytest.raises(UsageError, match="in use by another tune"):
        create_tune(INFO, tmp_path / "t", ())


def test_the_races_of_a_tune_are_part_of_it_and_found_only_where_they_are_named(tmp_path: Path) -> None:
    write(tmp_path / "all" / "t", *TRIED, HEAT)
    write_race(tmp_path / "all" / "t" / "heat-1", race_candidates(CANDIDATES, (1, 0, 2)).info)
    write_race(tmp_path / "all" / "r", race_candidates(CANDIDATES, (0, 1, 2)).info)
    assert find_results(tmp_path / "all", "race")[0] == [tmp_path / "all" / "r"]
    assert find_results(tmp_path / "all" / "t" / "heat-1", "race")[0] == [tmp_path / "all" / "t" / "heat-1"]
