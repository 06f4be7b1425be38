"""The file of a campaign: a JSON object a line, whole lines alone, so that a campaign that was killed goes on."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import msgspec

from bench.errors import InvalidFileError

Record = TypeVar("Record")


def decode_lines(path: Path, kind: type[Record], what: str = "this campaign") -> list[Record]:
    """Read a file, compressed or not; a last line without its end is left out.

    Args:
        what: wrote it.
    Raises:
        InvalidFileError: when it can't be read, or a line is none of ours.
    """
    decoder = msgspec.json.Decoder(kind)
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        return [decoder.decode(line) for line in content.splitlines(keepends=True) if line.endswith(b"\n")]
    except (OSError, EOFError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidFileError(f"{path} is no file of {what}: {error}") from error


def append_lines(file: BinaryIO, records: Iterable[Any]) -> None:
    """Write records down, all at once, and wait until they are on the disk."""
    file.write(b"".join(msgspec.json.encode(record) + b"\n" for record in records))
    file.flush()
    os.fsync(file.fileno())


def cut_torn_line(path: Path) -> None:
    """Remove what follows the last whole line: the campaign was killed while writing it."""
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        with path.open("r+b") as file:
            file.truncate(whole)
