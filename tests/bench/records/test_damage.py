"""A stored run that was cut, changed or made up: an error that names the place, or a warning; never other numbers."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bench.errors import InvalidFileError
from bench.judge.results import judge_run
from bench.records.journal import Ended
from bench.records.run import Run
from bench.records.store import create_run, read_run
from tests.bench.runs import make_block, make_case, make_details, make_info, make_training

CASE = make_case()
NUM_BLOCKS = 3
GOOD_BLOCK = (
    '{"type":"block","case":"cpu/reference/manual","replicate":0,"wave":0,"round":0,"kind":"train",'
    '"num_steps":100,"num_samples":1000,"seconds":0.1}'
)


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """A run of three lines, one block each."""
    with create_run(make_info([CASE]), tmp_path / "run", ()) as directory:
        for number in range(NUM_BLOCKS):
            directory.append(make_block(CASE, 0.125 * (number + 1), round=number))
    return directory.path


def edit_samples(path: Path, edit: Callable[[bytes], bytes]) -> Path:
    samples = path / "samples.jsonl"
    samples.write_bytes(edit(samples.read_bytes()))
    return path


def store_payloads(path: Path, *payloads: str) -> Path:
    """Write samples whose checksums are right, whatever they hold."""
    lines = [f'{{"crc32":"{zlib.crc32(payload.encode()):08x}","record":{payload}}}\n' for payload in payloads]
    return edit_samples(path, lambda _: "".join(lines).encode())


def num_blocks(run: Run) -> int:
    return sum(len(measurement.blocks) for measurement in run.measurements)


@pytest.mark.parametrize(
    ("edit", "num_left"),
    [
        (lambda content: content[:-7], NUM_BLOCKS - 1),
        (lambda content: content[:-60], NUM_BLOCKS - 1),
        (lambda content: content + b'{"case": "x', NUM_BLOCKS),
        (lambda content: content + b"\x00\x00\x00", NUM_BLOCKS),
    ],
)
def test_a_torn_last_line_is_dropped_with_a_warning(
    stored: Path, edit: Callable[[bytes], bytes], num_left: int
) -> None:
    run = read_run(edit_samples(stored, edit))
    assert num_blocks(run) == num_left
    (warning,) = run.warnings
    assert f"{stored / 'samples.jsonl'} line {num_left + 1} is torn" in warning


def test_a_last_line_that_lacks_only_its_end_of_line_is_whole(stored: Path) -> None:
    run = read_run(edit_samples(stored, lambda content: content[:-1]))
    assert (num_blocks(run), run.warnings) == (NUM_BLOCKS, ())


@pytest.mark.parametrize("bad", [b"rubbish", b"", b"{}", b'{"case": "x', b"\xff\xfe", b"[" * 100_000])
def test_a_bad_line_in_the_middle_is_refused_by_its_number(stored: Path, bad: bytes) -> None:
    def spoil(content: bytes) -> bytes:
        first, _, third = content.splitlines()
        return b"\n".join([first, bad, third, b""])

    with pytest.raises(InvalidFileError, match=r"samples\.jsonl line 2: "):
        read_run(edit_samples(stored, spoil))


def test_a_bad_last_line_that_has_its_end_was_not_torn_and_is_refused(stored: Path) -> None:
    with pytest.raises(InvalidFileError, match=r"samples\.jsonl line 4: "):
        read_run(edit_samples(stored, lambda content: content + b'{"case": "x\n'))


def test_a_changed_digit_is_refused_in_one_clear_sentence(stored: Path) -> None:
    with pytest.raises(InvalidFileError) as caught:
        read_run(edit_samples(stored, lambda content: content.replace(b"0.25", b"0.35")))
    samples = stored / "samples.jsonl"
    assert str(caught.value) == f"{samples} line 2: does not match its checksum: it was changed or damaged"


@pytest.mark.parametrize(
    "value", ["0", "-0.1", "NaN", "Infinity", "null", "1e999", '"0.1"', "true", "1e10", "5e-324", "9" * 400, "[0.1]"]
)
def test_an_impossible_time_is_refused_by_file_line_and_field(stored: Path, value: str) -> None:
    bad = GOOD_BLOCK.replace('"seconds":0.1', f'"seconds":{value}')
    with pytest.raises(InvalidFileError) as caught:
        read_run(store_payloads(stored, GOOD_BLOCK, bad, GOOD_BLOCK))
    message = str(caught.value)
    assert message.startswith(f"{stored / 'samples.jsonl'} line 2: ")
    # What is no JSON at all has no fields to name.
    assert "$.seconds" in message or value in {"NaN", "Infinity"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("num_steps", "0"),
        ("num_steps", "1.5"),
        ("num_steps", "1" + "0" * 400),
        ("num_samples", "-1"),
        ("round", "-1"),
        ("replicate", "null"),
        ("wave", "[]"),
        ("kind", '"training"'),
        ("case", '""'),
        ("case", "7"),
        ("type", '"blocks"'),
    ],
)
def test_an_impossible_value_is_refused_by_its_field(stored: Path, field: str, value: str) -> None:
    before = json.dumps(json.loads(GOOD_BLOCK)[field])
    bad = GOOD_BLOCK.replace(f'"{field}":{before}', f'"{field}":{value}')
    with pytest.raises(InvalidFileError, match=rf"line 1: .*\$\.{field}"):
        read_run(store_payloads(stored, bad))


@pytest.mark.parametrize("field", ["case", "replicate", "wave", "round", "kind", "num_steps", "num_samples", "seconds"])
def test_a_missing_field_is_refused_by_its_name(stored: Path, field: str) -> None:
    thin = {name: value for name, value in json.loads(GOOD_BLOCK).items() if name != field}
    with pytest.raises(InvalidFileError, match=f"line 1: .*`{field}`"):
        read_run(store_payloads(stored, json.dumps(thin)))


@pytest.mark.parametrize(
    ("kind", "phases"),
    [
        ("train", '{"data":0.1,"forward":0.1,"backward":0.1,"optimizer":0.1}'),
        ("phases", "null"),
        ("phases", '{"data":0.1,"forward":0.1,"backward":0.1}'),
        ("phases", '{"data":0.1,"forward":0.1,"backward":0.1,"optimizer":-0.1}'),
        ("phases", '{"data":0.1,"forward":0.1,"backward":0.1,"optimizer":0.1,"more":0.1}'),
    ],
)
def test_phases_belong_to_a_block_of_phases_and_are_all_there(stored: Path, kind: str, phases: str) -> None:
    bad = GOOD_BLOCK.replace('"kind":"train"', f'"kind":"{kind}","phase_seconds":{phases}')
    with pytest.raises(InvalidFileError, match=r"line 1: .*phase"):
        read_run(store_payloads(stored, bad))


def test_the_slowest_and_the_fastest_block_that_can_be_read_can_be_compared(tmp_path: Path) -> None:
    other = make_case("eager")
    with create_run(make_info([CASE, other]), tmp_path / "run", ()) as directory:
        for number, (slow, fast) in enumerate([(CASE, other), (other, CASE)]):
            directory.append(make_block(slow, 1e9, round=number, num_steps=1))
            directory.append(make_block(fast, 1e-12, round=number, num_steps=2**56))
    _, result = judge_run(read_run(directory.path))
    assert result.speedup == pytest.approx(1.0)


class Damaged:
    """Whole content of a small run, and what is read from any other content."""

    def __init__(self, path: Path) -> None:
        with create_run(make_info([CASE]), path, ()) as directory:
            details = make_details(CASE, plain=[0.5], timed=[0.75], phases=[[0.125, 0.25, 0.125, 0.0625]])
            for record in [*make_training(CASE, [1.5, 1.25]), *details, Ended(is_complete=True, seconds=8.0)]:
                directory.append(record)
        self.path = path
        self.samples = (path / "samples.jsonl").read_bytes()
        self.info = (path / "run.json").read_bytes()
        self.whole = read_run(path)

    def read(self, samples: bytes | None = None, info: bytes | None = None) -> Run | None:
        """Read a run with other content; None where it is refused as it should be."""
        (self.path / "samples.jsonl").write_bytes(self.samples if samples is None else samples)
        (self.path / "run.json").write_bytes(self.info if info is None else info)
        try:
            return read_run(self.path)
        except InvalidFileError:
            return None


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> Damaged:
    return Damaged(tmp_path_factory.mktemp("damaged") / "run")


@settings(max_examples=300)
@given(place=st.integers(0), mask=st.integers(1, 255))
@example(place=-1, mask=0x0A ^ 0x20)
@example(place=-1, mask=0x0A ^ 0x7D)
def test_a_flipped_byte_never_becomes_another_number(damaged: Damaged, place: int, mask: int) -> None:
    samples = bytearray(damaged.samples)
    samples[place % len(samples)] ^= mask
    run = damaged.read(bytes(samples))
    if run is not None and run.warnings:
        # Its end of line was hit: as if it were torn, said aloud.
        assert place % len(samples) == len(samples) - 1
        assert (run.measurements, run.ended) == (damaged.whole.measurements, None)
    elif run is not None:
        assert (run.measurements, run.ended) == (damaged.whole.measurements, damaged.whole.ended)


@settings(max_examples=100)
@given(tail=st.binary(min_size=1, max_size=100) | st.text('{}[]":,0 \n\t', min_size=1).map(str.encode))
def test_appended_bytes_never_change_a_number(damaged: Damaged, tail: bytes) -> None:
    run = damaged.read(damaged.samples + tail)
    if run is not None:
        assert (run.measurements, run.ended) == (damaged.whole.measurements, damaged.whole.ended)
        assert run.warnings or not tail.strip()


@settings(max_examples=100)
@given(length=st.integers(0))
def test_a_run_that_was_cut_anywhere_holds_a_part_of_its_records(damaged: Damaged, length: int) -> None:
    run = damaged.read(damaged.samples[: length % len(damaged.samples)])
    if run is not None:
        (part,), (whole,) = run.measurements, damaged.whole.measurements
        assert part.blocks == whole.blocks[: len(part.blocks)]
        assert part.trained in {None, whole.trained}


@settings(max_examples=300)
@given(place=st.integers(0), mask=st.integers(1, 255))
def test_a_flipped_byte_in_run_json_is_refused_or_read_but_never_a_crash(
    damaged: Damaged, place: int, mask: int
) -> None:
    info = bytearray(damaged.info)
    info[place % len(info)] ^= mask
    damaged.read(info=bytes(info))
