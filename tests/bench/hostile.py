"""Files that somebody wants to do harm with, and stored documents with one value replaced by such a thing."""

from __future__ import annotations

import json
import pickle
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import strategies as st

from bench.records.run import Run

Json = Any

NAMES = (
    "../../etc/passwd",
    "/etc/passwd",
    "..",
    "CON",
    "a\x00b",
    "a\nb",
    "\x1b[2J\x1b]0;title\x07",
    "\u202eback",
    "::error::x",
    "##[error]x",
    "@team #1 https://x.yy www.x.yy",
    "=cmd|' /C calc'!A0",
    "<script>alert(1)</script>",
    "[c](javascript:alert(1)) ![i](https://x.yy/i.png)",
    "$(touch harmed)`touch harmed`; touch harmed",
    "{{7*7}} %s %n {0.__class__}",
)
"""Each does something somewhere, as a name, a reason or a path."""
NUMBERS = (
    "-1",
    "0",
    "1",
    "-0.0",
    "1e-320",
    "1e-12",
    "1e9",
    "1e100",
    "1e308",
    "1e400",
    "9223372036854775807",
    "18446744073709551616",
    "9" * 5_000,
)
VALUES: tuple[Json, ...] = (None, True, False, "", [], {}, [[]], {"": None}, "NaN", "Infinity", "x" * 1_999, *NAMES)

PICKLE = pickle.dumps(print)
HEADS = {
    "nothing": b"",
    "white space": b" " * 1_000,
    "a pickle": PICKLE,
    "an archive": b"PK\x03\x04" + bytes(100),
    "another encoding": '{"schema": 1}'.encode("utf-16"),
    "bytes that are no text": b'{"schema": 1, "label": "\xff\xfe"}',
    "half of a surrogate pair": b'{"schema": 1, "label": "\\ud800"}',
    "a list": b"[]",
    "a number": b"1",
    "deep lists": b"[" * 100_000,
    "deep objects": b'{"schema":' * 100_000,
    "a deep field": b'{"schema": 1, "plan": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "a long number": b'{"schema": ' + b"9" * 100_000 + b"}",
    "a long exponent": b'{"schema": 1e' + b"9" * 100_000 + b"}",
    "no number": b'{"schema": NaN}',
    "a schema below all": b'{"schema": -1}',
    "a schema to come": b'{"schema": 2}',
    "another tool's keys": b'{"results": 1, "machine_info": 1, "benchmarks": 1}',
    "code": b"__import__('os').system('touch harmed')",
}
"""What no reader of ours takes, under whatever name it lies."""


def list_records(run: Run) -> list[msgspec.Struct]:
    """List the records of a run made by hand."""
    of_processes = [
        record
        for each in run.measurements
        for record in (each.started, *each.blocks, each.trained, each.counted, each.energy, each.failed)
        if record is not None
    ]
    return [*of_processes, *run.rates, *run.conditions, *([run.ended] if run.ended else [])]


def write_line(record: bytes) -> bytes:
    """Return a line whose checksum is right, whatever it holds: whoever wants to do harm knows how."""
    return b'{"crc32":"%08x","record":%b}\n' % (zlib.crc32(record), record)


def encode(document: Json) -> bytes:
    """Write JSON in which a text of `NUMBERS` with a mark before it is that number as it stands."""
    text = json.dumps(document)
    for number in NUMBERS:
        text = text.replace(f'"number {number}"', number)
    return text.encode()


def list_places(document: Json, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """List where in a document something stands."""
    if place:
        yield place
    below = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for key, value in below:
        yield from list_places(value, (*place, key))


def replace_at(document: Json, place: tuple[Any, ...], value: Json) -> Json:
    """Return a copy with another value at a place."""
    copy = json.loads(json.dumps(document))
    holder = copy
    for key in place[:-1]:
        holder = holder[key]
    holder[place[-1]] = value
    return copy


values = st.sampled_from([*VALUES, *(f"number {number}" for number in NUMBERS)])
"""For `encode`."""


def spoil(path: Path, content: bytes, names: tuple[str, ...]) -> Path:
    """Put the same content under each of these names."""
    path.mkdir()
    for name in names:
        (path / name).write_bytes(content)
    return path
