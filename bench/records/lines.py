"""The lines of `samples.jsonl`: a record each, with a checksum; as many as are ever read, and no more."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import BinaryIO, TypeVar

import msgspec

from bench.errors import InvalidFileError
from bench.records.reading import MAX_COMPLAINT, UNDECODABLE, open_regular

MAX_SAMPLES_BYTES = 2**28
"""A process that trains a thousand epochs leaves 50 kB."""
MAX_LINE_BYTES = 2**23
"""A training of 300,000 epochs."""
MAX_RECORDS = 10**6
MAX_VALUES = 10**7
"""Of all records together. A number of two bytes takes 32 once it is read."""

AnyRecord = TypeVar("AnyRecord")


class _Line(msgspec.Struct):
    crc32: str
    record: msgspec.Raw


class Allowance:
    """How much more may be read, or written: what is never read again need not be measured."""

    def __init__(self) -> None:
        self._limits = {"bytes": MAX_SAMPLES_BYTES, "records": MAX_RECORDS, "values": MAX_VALUES}
        self._left = dict(self._limits)

    def take(self, line: bytes) -> str | None:
        """Take a line off; returns why it is too much, or None."""
        if len(line) > MAX_LINE_BYTES:
            return f"it is longer than {MAX_LINE_BYTES:,} bytes"
        # Every value of a list or an object but its first follows a comma.
        for name, amount in (("bytes", len(line)), ("records", 1), ("values", line.count(b","))):
            self._left[name] -= amount
            if self._left[name] < 0:
                return f"up to here there are more than {self._limits[name]:,} {name}"
        return None


def encode_line(record: msgspec.Struct) -> bytes:
    """Return the line of a record."""
    payload = msgspec.json.encode(record)
    return b'{"crc32":"%08x","record":%b}\n' % (zlib.crc32(payload), payload)


def read_lines(path: Path, kind: type[AnyRecord]) -> tuple[list[AnyRecord], tuple[str, ...]]:
    """Read every record, that of line n to place n - 1; returns warnings of what was dropped, too.

    Raises:
        InvalidFileError: when one is damaged or too much, or there is none; the message names file, line and field.
    """
    with open_regular(path, MAX_SAMPLES_BYTES) as file:
        records, warnings = _read_lines(path, file, kind)
    if not records:
        raise InvalidFileError(f"{path} holds no record: the run was stopped before it measured anything")
    return records, warnings


def _read_lines(path: Path, file: BinaryIO, kind: type[AnyRecord]) -> tuple[list[AnyRecord], tuple[str, ...]]:
    decoder = msgspec.json.Decoder(kind)
    records: list[AnyRecord] = []
    allowance = Allowance()
    while line := file.readline(MAX_LINE_BYTES + 1):
        place = f"{path} line {len(records) + 1}"
        excess = allowance.take(line)
        if excess is not None:
            raise InvalidFileError(f"{place}: {excess}")
        try:
            wrapped = msgspec.json.decode(line, type=_Line)
            if wrapped.crc32 != f"{zlib.crc32(wrapped.record):08x}":
                raise InvalidFileError("does not match its checksum: it was changed or damaged")
            records.append(decoder.decode(wrapped.record))
        except (*UNDECODABLE, InvalidFileError) as error:
            if not line.endswith(b"\n") and not file.read(1):
                return records, (f"{place} is torn (the run was stopped while writing it) and is dropped",)
            raise InvalidFileError(f"{place}: {str(error)[:MAX_COMPLAINT]}") from error
    return records, ()
