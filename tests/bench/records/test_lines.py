"""No line, record or value too many is read; nor written, since nothing would read it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bench.errors import IncompleteError, InvalidFileError
from bench.records import lines
from bench.records.store import create_run, read_run
from tests.bench.hostile import write_line
from tests.bench.runs import make_block, make_case, make_info

CASE = make_case()
BLOCK = make_block(CASE, 1.0)
LINE = lines.encode_line(BLOCK)
LIMITS = {
    "MAX_SAMPLES_BYTES": (3 * len(LINE), f"up to here there are more than {2 * len(LINE):,} bytes"),
    "MAX_RECORDS": (3, "up to here there are more than 2 records"),
    "MAX_VALUES": (3 * LINE.count(b","), f"up to here there are more than {2 * LINE.count(b','):,} values"),
}


@pytest.mark.parametrize("limit", LIMITS)
def test_what_reaches_a_limit_is_read_and_what_passes_it_is_neither_read_nor_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    reached, complaint = LIMITS[limit]
    with create_run(make_info([CASE]), tmp_path / "run", ()) as directory:
        for _ in range(3):
            directory.append(BLOCK)
    monkeypatch.setattr(lines, limit, reached)
    assert len(read_run(tmp_path / "run").measurements[0].blocks) == 3
    monkeypatch.setattr(lines, limit, reached * 2 // 3)
    with pytest.raises(InvalidFileError, match=f"line 3: {re.escape(complaint)}|at most .* are read"):
        read_run(tmp_path / "run")
    with create_run(make_info([CASE]), tmp_path / "another", ()) as directory:
        directory.append(BLOCK)
        directory.append(BLOCK)
        with pytest.raises(IncompleteError, match=re.escape(complaint)):
            directory.append(BLOCK)
    assert (tmp_path / "another" / "samples.jsonl").read_bytes() == 2 * LINE


def test_a_line_that_is_too_long_is_refused_before_it_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with create_run(make_info([CASE]), tmp_path / "run", ()) as directory:
        directory.append(BLOCK)
    monkeypatch.setattr(lines, "MAX_LINE_BYTES", len(LINE))
    assert read_run(tmp_path / "run").measurements
    monkeypatch.setattr(lines, "MAX_LINE_BYTES", len(LINE) - 1)
    with pytest.raises(InvalidFileError, match="line 1: it is longer than"):
        read_run(tmp_path / "run")


def test_what_quotes_a_hostile_line_is_cut(tmp_path: Path) -> None:
    with create_run(make_info([CASE]), tmp_path / "run", ()) as directory:
        directory.append(BLOCK)
    (tmp_path / "run" / "samples.jsonl").write_bytes(write_line(b'{"type":"' + b"x" * 100_000 + b'"}'))
    with pytest.raises(InvalidFileError) as caught:
        read_run(tmp_path / "run")
    assert len(str(caught.value)) < 1_000
