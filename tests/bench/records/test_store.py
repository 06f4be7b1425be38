"""Writing a run and reading it back."""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.errors import InvalidFileError
from bench.records.case import Case
from bench.records.journal import PHASES, AccuracyRecord, Block, Ended, Failed, Record, Started, Trained
from bench.records.run import Run
from bench.records.store import create_run, read_run
from tests.bench.runs import (
    ENVIRONMENT,
    make_block,
    make_case,
    make_details,
    make_failed,
    make_info,
    make_training,
)

CASE = make_case()
ENDED = Ended(is_complete=True, seconds=75.0)


def write_run(path: Path, records: list[Record], case: Case = CASE) -> Path:
    with create_run(make_info([case]), path, ()) as directory:
        for record in records:
            directory.append(record)
    return path


def read_records(run: Run) -> list[Record]:
    """Return what was read, in the order of a process's life."""
    records: list[Record] = []
    for each in run.measurements:
        records += [record for record in (each.started, *each.blocks, each.trained, each.failed) if record is not None]
    return [*records, *([run.ended] if run.ended else [])]


def change_info(path: Path, **changes: object) -> Path:
    """Change fields of `run.json`; one that is given as ... is taken out."""
    document = json.loads((path / "run.json").read_text()) | changes
    document = {name: value for name, value in document.items() if value is not ...}
    (path / "run.json").write_text(json.dumps(document))
    return path


def test_a_run_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    details = make_details(CASE, plain=[0.1], timed=[0.2], phases=[[0.01, 0.02, 0.03, 0.04]], inference=[0.3])
    training = make_training(CASE, [0.1, 1 / 3])
    path = write_run(tmp_path / "run", [*training, *details, ENDED])
    run = read_run(path)
    assert run.info == make_info([CASE])
    assert run.info.environment == ENVIRONMENT
    assert sorted(read_records(run), key=repr) == sorted([*training, *details, ENDED], key=repr)
    assert run.warnings == ()
    assert run.is_complete


def test_a_failure_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    failed = make_failed(CASE, reason='|\x1b[31m "\\ \n\u202e \U0001f600')
    assert read_records(read_run(write_run(tmp_path / "run", [failed]))) == [failed]


def test_every_record_is_on_the_disk_as_soon_as_it_happened(tmp_path: Path) -> None:
    with create_run(make_info([CASE]), tmp_path / "run", ()) as directory:
        for number in range(3):
            directory.append(make_block(CASE, 1.0 + number, round=number))
            assert len(read_records(read_run(directory.path))) == number + 1


def test_every_record_is_a_line_with_the_checksum_of_its_bytes(tmp_path: Path) -> None:
    path = write_run(tmp_path / "run", [make_block(CASE, 1.0), ENDED])
    lines = (path / "samples.jsonl").read_bytes().splitlines()
    assert len(lines) == 2
    for line in lines:
        payload = line.partition(b'"record":')[2].removesuffix(b"}")
        assert json.loads(line)["crc32"] == f"{zlib.crc32(payload):08x}"


def test_what_a_newer_writer_adds_is_passed_over(tmp_path: Path) -> None:
    path = write_run(tmp_path / "run", [])
    payload = msgspec.json.encode(msgspec.to_builtins(make_block(CASE, 1.0)) | {"joules": [1, {"a": None}]})
    line = b'{"crc32":"%08x","host":"x","record":%b}\n' % (zlib.crc32(payload), payload)
    (path / "samples.jsonl").write_bytes(line)
    run = read_run(change_info(path, colour="blue"))
    assert read_records(run) == [make_block(CASE, 1.0)]


@pytest.mark.parametrize("environment", [..., None])
def test_a_missing_environment_is_none(tmp_path: Path, environment: object) -> None:
    path = change_info(write_run(tmp_path / "run", [ENDED]), environment=environment)
    assert read_run(path).info.environment is None


def test_missing_facts_of_an_environment_are_none(tmp_path: Path) -> None:
    thin = {"identity": {"cpu_model": "Example CPU"}, "recorded": {}}
    environment = read_run(change_info(write_run(tmp_path / "run", [ENDED]), environment=thin)).info.environment
    assert environment is not None
    assert environment.identity.cpu_model == "Example CPU"
    assert environment.identity.accelerators is None
    assert environment.recorded.memory_bytes is None


@pytest.mark.parametrize("schema", [2, 0, -1, 10**30, "two", ..., None, 1.5, True])
def test_a_schema_that_is_not_ours_is_refused_in_one_line(tmp_path: Path, schema: object) -> None:
    path = change_info(write_run(tmp_path / "run", [ENDED]), schema=schema)
    with pytest.raises(InvalidFileError, match=r"run\.json.*schema") as caught:
        read_run(path)
    assert "\n" not in str(caught.value)


def test_a_newer_schema_names_the_remedy_before_anything_else_is_read(tmp_path: Path) -> None:
    path = change_info(write_run(tmp_path / "run", [ENDED]), schema=2, plan="written otherwise")
    with pytest.raises(InvalidFileError, match=r"schema 2; this version reads up to 1: install a newer version"):
        read_run(path)


def test_a_directory_that_holds_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidFileError, match=r"run\.json can't be read: .*is it the directory of a run\?"):
        read_run(tmp_path)


def test_a_run_without_its_samples_is_refused(tmp_path: Path) -> None:
    path = write_run(tmp_path / "run", [ENDED])
    (path / "samples.jsonl").unlink()
    with pytest.raises(InvalidFileError, match=r"samples\.jsonl can't be read"):
        read_run(path)


@pytest.mark.parametrize("content", [b"", b'{"crc32":"0'])
def test_a_run_that_holds_nothing_is_refused(tmp_path: Path, content: bytes) -> None:
    path = write_run(tmp_path / "run", [])
    (path / "samples.jsonl").write_bytes(content)
    with pytest.raises(InvalidFileError, match=r"samples\.jsonl holds no record"):
        read_run(path)


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{", b"\xff\xfe", b"[" * 100_000, b'{"schema":1,"x":' + b"[" * 100_000]
)
def test_a_run_json_that_is_none_is_refused(tmp_path: Path, content: bytes) -> None:
    path = write_run(tmp_path / "run", [ENDED])
    (path / "run.json").write_bytes(content)
    with pytest.raises(InvalidFileError, match=r"run\.json is no run\.json of a run"):
        read_run(path)


def test_a_record_of_a_case_that_was_not_planned_is_refused_by_name(tmp_path: Path) -> None:
    path = write_run(tmp_path / "run", [make_block(make_case("eager"), 1.0)])
    with pytest.raises(InvalidFileError, match=r"samples\.jsonl.*cpu/eager/manual"):
        read_run(path)


names = st.text(min_size=1, max_size=200)
indices = st.integers(0, 2**63 - 1)
counts = st.integers(1, 2**63 - 1)
seconds = st.floats(0, 1e9)
positive_seconds = st.floats(1e-9, 1e9)
losses = st.none() | st.floats(-1e100, 1e100)
errors = st.none() | st.floats(0, 1e100)
parts = st.none() | st.floats(0, 1)
texts = st.text(max_size=2_000)
keys = {"case": st.just(CASE.name), "replicate": indices, "wave": indices}
accuracies = st.builds(
    AccuracyRecord,
    **dict.fromkeys(("mse", "rmse", "mean_absolute_error", "largest_error", "mean_relative_error"), errors),
    r_squared=st.none() | st.floats(-1e100, 1),
    share_within_1_percent=parts,
    share_within_5_percent=parts,
)
plain_blocks = st.builds(
    Block,
    **keys,
    round=indices,
    kind=st.sampled_from(["train", "plain", "inference"]),
    num_steps=counts,
    num_samples=counts,
    seconds=positive_seconds,
    repetition=indices,
)
phase_blocks = st.builds(
    Block,
    **keys,
    round=indices,
    kind=st.just("phases"),
    num_steps=counts,
    num_samples=counts,
    seconds=positive_seconds,
    phase_seconds=st.fixed_dictionaries(dict.fromkeys(PHASES, seconds)),
)
any_record = st.one_of(
    st.builds(
        Started,
        **keys,
        setup_seconds=seconds,
        compile_seconds=seconds,
        pilot_epoch_seconds=positive_seconds,
        timer_floor_seconds=seconds,
    ),
    plain_blocks,
    phase_blocks,
    st.builds(
        Trained,
        **keys,
        digest=names,
        epoch_losses=st.lists(losses, min_size=1, max_size=5).map(tuple),
        training_accuracy=accuracies,
        heldout_accuracy=accuracies,
    ),
    st.builds(Failed, **keys, kind=st.just("crashed"), stage=names, reason=texts, repeat_command=texts),
    st.builds(Ended, is_complete=st.booleans(), seconds=seconds),
)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One directory for all the examples of a property."""
    return tmp_path_factory.mktemp("properties")


@settings(max_examples=200)
@given(record=any_record)
def test_any_record_survives_the_disk(scratch: Path, record: Record) -> None:
    (scratch / "samples.jsonl").unlink(missing_ok=True)
    assert read_records(read_run(write_run(scratch, [record]))) == [record]
