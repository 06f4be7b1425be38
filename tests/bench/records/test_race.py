"""Races on the disk: read as they were written, or refused."""

from __future__ import annotations

import json
import math
import random
import zlib
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.errors import InvalidFileError
from bench.judge.race import judge_race
from bench.records.race import (
    Arm,
    Fallen,
    Race,
    RaceEnded,
    RaceInfo,
    RacePlan,
    RaceRecord,
    Round,
    Seated,
    Source,
    assemble_race,
)
from bench.records.store import create_run, read_race, read_run
from tests.bench.races import (
    ARMS,
    ENDED,
    THIRD,
    make_fallen,
    make_pairs,
    make_plan,
    make_race_info,
    make_round,
    make_schooled,
    make_seated,
)
from tests.bench.runs import make_block, make_case

ROUND = msgspec.to_builtins(make_round(0, 0.01))


def write_race(path: Path, records: Sequence[RaceRecord], info: RaceInfo | None = None) -> Path:
    with create_run(info or make_race_info(), path, ()) as directory:
        for record in records:
            directory.append(record)
    return path


def write_line(path: Path, payload: bytes) -> Path:
    """Put a line of our own, with its right checksum, behind those of a race."""
    with (path / "samples.jsonl").open("ab") as samples:
        samples.write(b'{"crc32":"%08x","record":%b}\n' % (zlib.crc32(payload), payload))
    return path


def change_plan(path: Path, **changes: object) -> Path:
    document = json.loads((path / "race.json").read_text())
    document["plan"] |= changes
    (path / "race.json").write_text(json.dumps(document))
    return path


def every_record() -> list[RaceRecord]:
    return [
        make_seated(0, 0),
        make_seated(0, 1),
        *make_pairs([0.0, 0.01]),
        make_round(6, 0.5, pair=1, disturbance="the machine was suspended"),
        make_schooled("a"),
        make_schooled("b", losses=[None, 0.5]),
        make_fallen(),
        ENDED,
    ]


def test_a_race_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    source = Source(python="/usr/bin/python3", revision="0" * 40, tree="/somewhere", variables={"NAME": "value"})
    arms = (ARMS[0], msgspec.structs.replace(ARMS[1], source=source))
    info = make_race_info(make_plan(*arms), label="mine")
    records = every_record()
    race = read_race(write_race(tmp_path / "race", records, info))
    assert race == assemble_race(info, records)
    assert race.info.plan.arms[1].source == source
    assert (len(race.seated), len(race.rounds), len(race.trained), len(race.fallen)) == (2, 13, 2, 1)
    assert race.ended == ENDED


def test_a_race_that_was_killed_has_no_end(tmp_path: Path) -> None:
    path = write_race(tmp_path / "race", make_pairs([0.0]))
    samples = path / "samples.jsonl"
    samples.write_bytes(samples.read_bytes()[:-20])
    race = read_race(path)
    assert race.ended is None
    assert len(race.rounds) == 5
    assert "is torn" in race.warnings[0]


def test_the_order_of_lines_changes_nothing(tmp_path: Path) -> None:
    path = write_race(tmp_path / "race", [*make_pairs([0.01, 0.02, 0.03, 0.04]), ENDED])
    before = judge_race(read_race(path))
    samples = path / "samples.jsonl"
    lines = samples.read_bytes().splitlines(keepends=True)
    samples.write_bytes(b"".join(random.Random(1).sample(lines, len(lines))))
    assert judge_race(read_race(path)) == before


@pytest.mark.parametrize(
    ("seconds", "complaint"),
    [
        ([0.01, 0.0], "Expected `float` >= 1e-12"),
        ([-0.01, 0.01], "Expected `float` >= 1e-12"),
        ([0.01, 1e300], "Expected `float` <= 1000000000.0"),
        ([0.01, None], "Expected `float`, got `null`"),
        ([0.01], "Expected `array` of length 2"),
        ([0.01, 0.01, 0.01], "Expected `array` of length 2"),
    ],
)
def test_a_time_that_is_none_or_of_no_arm_is_refused(tmp_path: Path, seconds: list[object], complaint: str) -> None:
    path = write_race(tmp_path / "race", make_pairs([0.0]))
    write_line(path, json.dumps(ROUND | {"seconds": seconds}).encode())
    with pytest.raises(InvalidFileError) as caught:
        read_race(path)
    assert complaint in str(caught.value)
    assert "samples.jsonl" in str(caught.value)


@pytest.mark.parametrize(
    ("laps", "complaint"),
    [
        ([[[1, 0]], [[1, 1]]], "Expected `int` >= 1"),
        ([[[1.5]], [[1]]], "Expected `int`"),
        ([[[1]]], "Expected `array` of length 2"),
        ([[], [[1]]], "not as many laps each"),
        ([[[1]], [[]]], "not as many laps each"),
        ([[[1, 2], [1]], [[1, 2], [1, 2]]], "not as many laps each"),
        ([[[1, 2]], [[1, 2, 3]]], "not as many laps each"),
        ([[[1, 2]], [[1, 2]]], "the rounds of arm 1 have not as many laps each"),
    ],
)
def test_laps_that_can_not_be_held_against_each_other_are_refused(
    tmp_path: Path, laps: list[object], complaint: str
) -> None:
    path = write_race(tmp_path / "race", make_pairs([0.0]))
    write_line(path, json.dumps(ROUND | {"laps": laps}).encode())
    with pytest.raises(InvalidFileError, match=complaint):
        read_race(path)


@pytest.mark.parametrize(("arm", "complaint"), [(0, ">= 1"), (2, "a record is of arm 2, the plan has 2"), (8, "<= 7")])
def test_a_round_of_no_other_arm_is_refused(tmp_path: Path, arm: int, complaint: str) -> None:
    path = write_line(write_race(tmp_path / "race", make_pairs([0.0])), json.dumps(ROUND | {"arm": arm}).encode())
    with pytest.raises(InvalidFileError, match=complaint):
        read_race(path)


@pytest.mark.parametrize("word", [b"NaN", b"Infinity", b"1e999"])
def test_what_is_no_number_is_refused(tmp_path: Path, word: bytes) -> None:
    payload = json.dumps(ROUND | {"seconds": [0.01, 12345.5]}).encode().replace(b"12345.5", word)
    with pytest.raises(InvalidFileError, match=r"samples\.jsonl line 1"):
        read_race(write_line(write_race(tmp_path / "race", []), payload))


def test_a_nan_that_is_written_is_refused_when_it_is_read(tmp_path: Path) -> None:
    broken = msgspec.structs.replace(make_round(0, 0.0), seconds=(0.01, math.nan))
    with pytest.raises(InvalidFileError, match=r"samples\.jsonl line 1.*got `null`"):
        read_race(write_race(tmp_path / "race", [broken]))


@pytest.mark.parametrize(
    ("record", "complaint"),
    [
        (make_seated(0, 2), "a record is of arm 2, the plan has 2"),
        (make_fallen(arm=7), "a record is of arm 7, the plan has 2"),
        (make_schooled("c"), "a training is of arm 'c', which the plan lacks"),
    ],
)
def test_a_record_of_an_arm_that_the_plan_lacks_is_refused(tmp_path: Path, record: RaceRecord, complaint: str) -> None:
    with pytest.raises(InvalidFileError, match=complaint):
        read_race(write_race(tmp_path / "race", [record]))
    three = make_race_info(make_plan(*ARMS, THIRD))
    if not (isinstance(record, Fallen) and record.arm == 7):
        assert read_race(write_race(tmp_path / "control", [record], three))


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"margin": 0.001}, "the margin 0.001 is within the dead zone 0.005"),
        ({"resolution": 0.0}, "resolution"),
        ({"alpha": 1.0}, "alpha"),
        ({"dead_zone": -0.1}, "dead_zone"),
        ({"arms": []}, "arms"),
        ({"quality_margin": 1.0}, "quality_margin"),
        ({"seed": -1}, "seed"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(tmp_path: Path, changes: dict[str, object], complaint: str) -> None:
    path = change_plan(write_race(tmp_path / "race", [ENDED]), **changes)
    with pytest.raises(InvalidFileError, match=complaint):
        read_race(path)


def test_two_arms_of_one_label_are_refused() -> None:
    with pytest.raises(ValueError, match="two arms have one label"):
        make_plan(ARMS[0], ARMS[0])


def test_a_margin_within_the_dead_zone_is_refused_where_a_plan_is_made() -> None:
    RacePlan(**(msgspec.structs.asdict(make_plan()) | {"margin": 0.005}))
    with pytest.raises(ValueError, match=r"the margin 0\.004 is within the dead zone 0\.005"):
        RacePlan(**(msgspec.structs.asdict(make_plan()) | {"margin": 0.004}))


def test_a_run_is_no_race_and_a_race_no_run(tmp_path: Path) -> None:
    race = write_race(tmp_path / "race", [ENDED])
    with pytest.raises(InvalidFileError, match=r"run\.json can't be read: .*is it the directory of a run\?"):
        read_run(race)
    with pytest.raises(InvalidFileError, match=r"race\.json can't be read: .*is it the directory of a race\?"):
        read_race(tmp_path)


def test_a_block_of_a_run_is_no_record_of_a_race(tmp_path: Path) -> None:
    path = write_line(write_race(tmp_path / "race", [ENDED]), msgspec.json.encode(make_block(make_case(), 1.0)))
    with pytest.raises(InvalidFileError, match=r"samples\.jsonl line 2.*'block'"):
        read_race(path)


def with_source(arm: Arm, **fields: object) -> Arm:
    return msgspec.structs.replace(arm, source=msgspec.convert(fields, Source))


def test_arms_of_equal_variables_take_one_interpreter_whatever_their_order_and_their_trees() -> None:
    first = with_source(ARMS[0], variables={"A": "1", "B": "2"})
    second = with_source(ARMS[1], variables={"B": "2", "A": "1"})
    assert make_plan().num_interpreters == 1
    assert make_plan(first, second).num_interpreters == 1
    assert make_plan(first, with_source(ARMS[1], variables={"A": "1"})).num_interpreters == 2
    assert make_plan(*ARMS, with_source(THIRD, tree="/x")).num_interpreters == 1
    assert make_plan(*ARMS, with_source(THIRD, python="/x")).num_interpreters == 2


def test_a_layout_can_be_shared_where_no_arm_has_a_source_of_its_own() -> None:
    assert make_plan().can_share_layout
    assert not make_plan(*ARMS, with_source(THIRD, tree="/x")).can_share_layout


indices = st.integers(0, 2**63 - 1)
times = st.floats(1e-12, 1e9)
texts = st.text(max_size=2_000)
block_of_two_steps = st.lists(st.tuples(*[st.integers(1, 2**63 - 1)] * 2), min_size=1, max_size=3).map(tuple)
any_record = st.one_of(
    st.builds(
        Seated,
        pair=indices,
        arm=st.integers(0, 1),
        load_seconds=times,
        setup_seconds=times,
        compile_seconds=times,
        pilot_epoch_seconds=times,
        torch_version=st.text(min_size=1, max_size=50),
        cores=st.none() | st.lists(indices, max_size=4).map(tuple),
    ),
    st.builds(
        Round,
        pair=indices,
        arm=st.just(1),
        round=indices,
        is_reversed=st.booleans(),
        num_steps=st.integers(1, 2**63 - 1),
        seconds=st.tuples(times, times),
        disturbance=st.none() | texts,
        laps=st.none() | st.tuples(block_of_two_steps, block_of_two_steps),
    ),
    st.builds(
        Fallen,
        pair=indices,
        arm=st.integers(0, 1),
        kind=st.sampled_from(["unavailable", "faulty", "crashed", "killed", "timed out", "rubbish"]),
        stage=st.text(min_size=1, max_size=50),
        reason=texts,
    ),
    st.builds(
        RaceEnded,
        reason=st.sampled_from(["resolved", "budget", "hopeless", "failed", "interrupted"]),
        seconds=st.floats(0, 1e9),
    ),
)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One directory for all the examples of a property."""
    return tmp_path_factory.mktemp("properties")


@given(record=any_record)
def test_any_record_survives_the_disk(scratch: Path, record: RaceRecord) -> None:
    (scratch / "samples.jsonl").unlink(missing_ok=True)
    expected: Race = assemble_race(make_race_info(), [record])
    assert read_race(write_race(scratch, [record])) == expected
