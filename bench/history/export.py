"""Cases of runs as a file for another program: every field, in base units."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from bench.errors import UsageError
from bench.history.build import SHAPE
from bench.judge.course import CaseRow
from bench.render.history import make_records
from bench.render.table import to_csv
from productnet.whole_file import write_whole


def _write_csv(path: Path, rows: Sequence[CaseRow]) -> None:
    write_whole(path, to_csv(make_records(rows)).encode())


def _write_json(path: Path, rows: Sequence[CaseRow]) -> None:
    write_whole(path, msgspec.json.format(msgspec.json.encode(rows), indent=2) + b"\n")


def _write_parquet(path: Path, rows: Sequence[CaseRow]) -> None:
    import duckdb

    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with duckdb.connect(":memory:") as connection:
            document = msgspec.json.encode(rows).decode()
            cases = "SELECT unnest(from_json(?, ?), recursive := true)"
            connection.sql(cases, params=[document, SHAPE]).write_parquet(str(partial))
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


WRITERS: Mapping[str, Callable[[Path, Sequence[CaseRow]], None]] = {
    ".csv": _write_csv,
    ".json": _write_json,
    ".parquet": _write_parquet,
}
"""What names of such files end with -> what writes one."""


def write_export(path: Path, rows: Sequence[CaseRow]) -> None:
    """Write a file, whole or not at all.

    Raises:
        UsageError: when it can't be written.
    """
    try:
        WRITERS[path.suffix](path, rows)
    except OSError as error:
        raise UsageError(f"--export {path} can't be written: {error.strerror}") from error
