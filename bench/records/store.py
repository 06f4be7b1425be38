"""A run on the disk: one directory, written as things happen, read strictly.

`run.json` (of a race: `race.json`) says what was asked and where; `samples.jsonl` holds every record as a whole line
with a checksum. A last line that is torn (by a kill) is dropped with a warning; any other damage is an error.
"""

from __future__ import annotations

import re
from contextlib import suppress
from io import BufferedWriter
from pathlib import Path
from tempfile import TemporaryFile
from typing import Self, TypeVar, cast

import msgspec

from bench.errors import IncompleteError, InvalidFileError, NewerSchemaError, UsageError
from bench.records.journal import Record
from bench.records.lines import Allowance, encode_line, read_lines
from bench.records.race import Race, RaceInfo, RaceRecord, assemble_race
from bench.records.reading import MAX_COMPLAINT, UNDECODABLE, read_regular
from bench.records.run import SCHEMA, Info, Run, RunInfo, assemble_run
from bench.records.sweep import SweepRecord
from bench.records.tune import TuneRecord
from productnet.whole_file import write_whole

INFO_FILE = "run.json"
RACE_FILE = "race.json"
SAMPLES_FILE = "samples.jsonl"
LOG_DIRECTORY = "logs"
MAX_HEAD_BYTES = 2**20
"""Of `run.json` and its like; the largest plan with all that is known of a machine takes a tenth."""

AnyInfo = TypeVar("AnyInfo", bound=msgspec.Struct)


class _SchemaOnly(msgspec.Struct):
    schema: int


class RunDirectory:
    """The directory of a run that is being measured."""

    def __init__(self, path: Path, samples: BufferedWriter) -> None:
        self.path = path
        self._samples = samples
        self._allowance = Allowance()

    def append(self, record: Record | RaceRecord | SweepRecord | TuneRecord) -> None:
        """Write one record as a whole line and hand it to the system.

        Raises:
            IncompleteError: when it can't be written, since the disk is full, or could not be read again.
        """
        line = encode_line(record)
        excess = self._allowance.take(line)
        if excess is not None:
            raise IncompleteError(
                f"{self.path / SAMPLES_FILE} can't take one line more, which nothing would read: {excess}; what was "
                "measured before is kept; measure fewer cases, replicates or epochs"
            )
        try:
            self._samples.write(line)
            self._samples.flush()
        except OSError as error:
            raise not_written(self.path / SAMPLES_FILE, error) from error

    def write_text(self, name: str, text: str) -> None:
        """Write a file of the run, whole or not at all.

        Raises:
            IncompleteError: when it can't be written.
        """
        try:
            write_whole(self.path / name, text.encode())
        except OSError as error:
            raise not_written(self.path / name, error) from error

    def log_path(self, number: int) -> Path:
        """Name the file that catches what a worker prints."""
        directory = self.path / LOG_DIRECTORY
        try:
            directory.mkdir(exist_ok=True)
        except OSError as error:
            raise not_written(directory, error) from error
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
        raise bad_output(target, error) from error


def create_run(info: Info, output: Path | None, name_parts: tuple[str, ...]) -> RunDirectory:
    """Make the directory of a run or a race and write its `run.json` or `race.json`.

    Args:
        output: the directory itself; None puts one with a name of its own under `results/` where the user stands.
        name_parts: for that name: date, host, device, label.
    Raises:
        UsageError: when it can't be written, or could not be read again.
    """
    document = _encode_head(info)
    try:
        path = make_directory(output, name_parts)
        # Whoever makes the file owns the directory: two runs with one --output can't write into each other.
        samples = (path / SAMPLES_FILE).open("xb")
        try:
            write_whole(path / (RACE_FILE if isinstance(info, RaceInfo) else INFO_FILE), document)
        except OSError:
            samples.close()
            (path / SAMPLES_FILE).unlink()
            raise
        return RunDirectory(path, samples)
    except FileExistsError as error:
        raise UsageError(f"--output {output} is in use by another run: name a new directory") from error
    except OSError as error:
        raise bad_output(error.filename or output, error) from error


def _encode_head(info: Info) -> bytes:
    document = msgspec.json.format(msgspec.json.encode(info), indent=2) + b"\n"
    try:
        msgspec.json.decode(document, type=type(info))
    except UNDECODABLE as error:
        raise UsageError(f"what was asked and found here can't be stored: {str(error)[:MAX_COMPLAINT]}") from error
    if len(document) > MAX_HEAD_BYTES:
        raise UsageError(
            f"what was asked and found here takes {len(document):,} bytes, and at most {MAX_HEAD_BYTES:,} are read "
            "again: name fewer cases, arms or variables"
        )
    return document


def read_run(path: Path) -> Run:
    """Read a stored run.

    Raises:
        InvalidFileError: when a file is missing, damaged, of a newer schema, or holds nothing; the message names file,
            line and field.
    """
    info, records, warnings = read_run_records(path)
    try:
        return assemble_run(info, records, warnings)
    except KeyError as error:
        raise InvalidFileError(
            f"{path / SAMPLES_FILE} has a record of case {error}, which {INFO_FILE} does not plan"
        ) from error


def read_race(path: Path) -> Race:
    """Read a stored race.

    Raises:
        InvalidFileError: as `read_run`.
    """
    info, records, warnings = read_race_records(path)
    try:
        return assemble_race(info, records, warnings)
    except ValueError as error:
        raise InvalidFileError(f"{path / SAMPLES_FILE}: {error}") from error


def read_run_records(path: Path) -> tuple[RunInfo, list[Record], tuple[str, ...]]:
    """Read the head of a run, its records as they follow each other, and warnings of what was dropped.

    Raises:
        InvalidFileError: as `read_run`, and of no record that the plan lacks.
    """
    return read_info(path / INFO_FILE, RunInfo), *read_lines(path / SAMPLES_FILE, cast("type[Record]", Record))


def read_race_records(path: Path) -> tuple[RaceInfo, list[RaceRecord], tuple[str, ...]]:
    """Read the same of a race.

    Raises:
        InvalidFileError: as `read_run_records`.
    """
    return read_info(path / RACE_FILE, RaceInfo), *read_lines(path / SAMPLES_FILE, cast("type[RaceRecord]", RaceRecord))


def read_info(path: Path, kind: type[AnyInfo]) -> AnyInfo:
    """Read what stands at the head of a directory, or raise InvalidFileError."""
    content = read_regular(path, MAX_HEAD_BYTES, f"; is it the directory of a {path.stem}?")
    try:
        schema = msgspec.json.decode(content, type=_SchemaOnly).schema
        if schema > SCHEMA:
            raise NewerSchemaError(
                f"{path} has schema {schema}; this version reads up to {SCHEMA}: install a newer version of the project"
            )
        return msgspec.json.decode(content, type=kind)
    except UNDECODABLE as error:
        raise InvalidFileError(f"{path} is no {path.name} of a {path.stem}: {str(error)[:MAX_COMPLAINT]}") from error


def make_directory(output: Path | None, name_parts: tuple[str, ...]) -> Path:
    """Make the directory asked for, or one with a name of its own under `results/`; an OSError is the caller's."""
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


def bad_output(target: object, error: OSError) -> UsageError:
    """Make the error of an output that can't be written."""
    return UsageError(f"output {target} can't be written: {error.strerror}; name another with --output")


def not_written(path: Path, error: OSError) -> IncompleteError:
    """Make the error of a file of a run that can't be written."""
    return IncompleteError(f"{path} can't be written ({error.strerror}); what was measured before is kept")
