"""A run on the disk: one directory, written as things happen, read strictly.

`run.json` says what was asked and where; `samples.jsonl` holds every record as a whole line with a checksum. A last
line that is torn (the run was killed while writing it) is dropped with a warning; any other damage is an error.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from contextlib import suppress
from io import BufferedWriter
from pathlib import Path
from tempfile import TemporaryFile
from typing import Self, cast

import msgspec

from bench.errors import IncompleteError, InvalidFileError, UsageError
from bench.records.journal import Record
from bench.records.run import SCHEMA, Run, RunInfo, assemble_run
from productnet.whole_file import write_whole

INFO_FILE = "run.json"
SAMPLES_FILE = "samples.jsonl"
LOG_DIRECTORY = "logs"
_MAX_LINE_BYTES = 32 * 2**20
_UNDECODABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding raises; the last where brackets are nested too deeply."""


class _Line(msgspec.Struct):
    crc32: str
    record: msgspec.Raw


class _SchemaOnly(msgspec.Struct):
    schema: int


class RunDirectory:
    """The directory of a run that is being measured."""

    def __init__(self, path: Path, samples: BufferedWriter) -> None:
        self.path = path
        self._samples = samples

    def append(self, record: Record) -> None:
        """Write one record as a whole line and hand it to the system.

        Raises:
            IncompleteError: when it can't be written; the disk may be full.
        """
        payload = msgspec.json.encode(record)
        try:
            self._samples.write(b'{"crc32":"%08x","record":%b}\n' % (zlib.crc32(payload), payload))
            self._samples.flush()
        except OSError as error:
            raise _not_written(self.path / SAMPLES_FILE, error) from error

    def write_text(self, name: str, text: str) -> None:
        """Write a file of the run, whole or not at all.

        Raises:
            IncompleteError: when it can't be written.
        """
        try:
            write_whole(self.path / name, text.encode())
        except OSError as error:
            raise _not_written(self.path / name, error) from error

    def log_path(self, number: int) -> Path:
        """Name the file that catches what a worker prints."""
        directory = self.path / LOG_DIRECTORY
        try:
            directory.mkdir(exist_ok=True)
        except OSError as error:
            raise _not_written(directory, error) from error
        return directory / f"worker-{number}.log"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Close the samples and remove logs that hold nothing."""
        # What a full disk refused, closing tries once more; `append` has complained of it.
        with suppress(OSError):
            self._samples.close()
        directory = self.path / LOG_DIRECTORY
        if directory.is_dir():
            for log in directory.iterdir():
                if log.stat().st_size == 0:
                    log.unlink()
            if not any(directory.iterdir()):
                directory.rmdir()


def check_output(output: Path | None) -> None:
    """Refuse an output that can't be written or is in use, before any work, leaving nothing behind.

    Raises:
        UsageError: with what to do.
    """
    target = Path("results") if output is None else output
    existing = target.absolute()
    try:
        if output is not None and target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise UsageError(f"--output {target} exists and is not an empty directory: name a new one")
        while not existing.exists():
            existing = existing.parent
        with TemporaryFile(dir=existing):
            """Tried, not asked: /proc says that it can be written."""
    except OSError as error:
        raise _bad_output(target, error) from error


def create_run(info: RunInfo, output: Path | None, name_parts: tuple[str, ...]) -> RunDirectory:
    """Make the directory of a run and write its `run.json`.

    Args:
        output: the directory itself; None puts one with a name of its own under `results/` where the user stands.
        name_parts: for that name: date, host, device, label.
    Raises:
        UsageError: when it can't be written.
    """
    try:
        path = _make_directory(output, name_parts)
        # Whoever makes the file owns the directory: two runs with one --output can't write into each other.
        samples = (path / SAMPLES_FILE).open("xb")
        try:
            document = msgspec.json.format(msgspec.json.encode(info), indent=2)
            write_whole(path / INFO_FILE, document + b"\n")
        except OSError:
            samples.close()
            (path / SAMPLES_FILE).unlink()
            raise
        return RunDirectory(path, samples)
    except FileExistsError as error:
        raise UsageError(f"--output {output} is in use by another run: name a new directory") from error
    except OSError as error:
        raise _bad_output(error.filename or output, error) from error


def read_run(path: Path) -> Run:
    """Read a stored run.

    Raises:
        InvalidFileError: when a file is missing, damaged, of a newer schema, or holds nothing; the message names file,
            line and field.
    """
    info = _read_info(path / INFO_FILE)
    samples = path / SAMPLES_FILE
    warnings: list[str] = []
    try:
        records = list(_read_records(samples, warnings))
        if not records:
            raise InvalidFileError(f"{samples} holds no record: the run was stopped before it measured anything")
        return assemble_run(info, records, tuple(warnings))
    except OSError as error:
        raise InvalidFileError(f"{samples} can't be read: {error.strerror}") from error
    except KeyError as error:
        raise InvalidFileError(f"{samples} has a record of case {error}, which {INFO_FILE} does not plan") from error


def _read_info(path: Path) -> RunInfo:
    try:
        content = path.read_bytes()
        schema = msgspec.json.decode(content, type=_SchemaOnly).schema
        if schema > SCHEMA:
            raise InvalidFileError(
                f"{path} has schema {schema}; this version reads up to {SCHEMA}: install a newer version of the project"
            )
        return msgspec.json.decode(content, type=RunInfo)
    except OSError as error:
        raise InvalidFileError(f"{path} can't be read: {error.strerror}; is it the directory of a run?") from error
    except _UNDECODABLE as error:
        raise InvalidFileError(f"{path} is no {INFO_FILE} of a run: {error}") from error


def _read_records(path: Path, warnings: list[str]) -> Iterator[Record]:
    decoder = msgspec.json.Decoder(cast("type[Record]", Record))
    with path.open("rb") as lines:
        number = 0
        while line := lines.readline(_MAX_LINE_BYTES):
            number += 1
            try:
                wrapped = msgspec.json.decode(line, type=_Line)
                if wrapped.crc32 != f"{zlib.crc32(wrapped.record):08x}":
                    raise InvalidFileError("does not match its checksum: it was changed or damaged")
                record = decoder.decode(wrapped.record)
            except (*_UNDECODABLE, InvalidFileError) as error:
                if not line.endswith(b"\n") and not lines.read(1):
                    warnings.append(
                        f"{path} line {number} is torn (the run was stopped while writing it) and is dropped"
                    )
                    return
                raise InvalidFileError(f"{path} line {number}: {error}") from error
            yield record


def _make_directory(output: Path | None, name_parts: tuple[str, ...]) -> Path:
    if output is not None:
        output.mkdir(parents=True, exist_ok=True)
        return output
    parts = [re.sub(r"[^A-Za-z0-9.-]+", "-", part).strip(".-")[:40].rstrip(".-") for part in name_parts]
    name = "_".join(part for part in parts if part) or "run"
    for suffix in ("", *(f"_{number}" for number in range(2, 101))):
        path = Path("results") / f"{name}{suffix}"
        try:
            path.mkdir(parents=True)
        except FileExistsError:
            continue
        return path
    raise UsageError(f"results/{name} exists a hundred times: remove some, or name a directory with --output")


def _bad_output(target: object, error: OSError) -> UsageError:
    return UsageError(f"output {target} can't be written: {error.strerror}; name another with --output")


def _not_written(path: Path, error: OSError) -> IncompleteError:
    return IncompleteError(f"{path} can't be written ({error.strerror}); what was measured before is kept")
