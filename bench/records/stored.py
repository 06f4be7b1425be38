"""A run, a race or a sweep together with where it lies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from bench.records.lines import MAX_SAMPLES_BYTES
from bench.records.race import Race
from bench.records.reading import digest_files
from bench.records.run import Run
from bench.records.store import INFO_FILE, RACE_FILE, SAMPLES_FILE, read_race, read_run
from bench.records.sweep import Sweep
from bench.records.sweep_store import SWEEP_FILE, read_sweep

ResultT = TypeVar("ResultT", Run, Race, Sweep)


@dataclass(frozen=True, slots=True)
class Stored(Generic[ResultT]):
    """A result and where it lies."""

    path: Path
    content: str
    """A digest of its two files: a copy of a result is the result itself."""
    result: ResultT

    @property
    def started_at(self) -> str:
        """As it was written down, which may be no time."""
        return self.result.info.started_at


StoredRun = Stored[Run]
StoredRace = Stored[Race]
StoredSweep = Stored[Sweep]
"""Types, and not to be called: Python 3.11 fails there, since `Stored` is frozen and has slots."""


def read_stored_run(path: Path) -> StoredRun:
    """Read a run together with a digest of its contents.

    Raises:
        InvalidFileError: as `read_run`.
    """
    return _read(path, INFO_FILE, read_run)


def read_stored_race(path: Path) -> StoredRace:
    """Read a race likewise.

    Raises:
        InvalidFileError: as `read_race`.
    """
    return _read(path, RACE_FILE, read_race)


def read_stored_sweep(path: Path) -> StoredSweep:
    """Read a sweep likewise.

    Raises:
        InvalidFileError: as `read_sweep`.
    """
    return _read(path, SWEEP_FILE, read_sweep)


def _read(path: Path, head: str, read: Callable[[Path], ResultT]) -> Stored[ResultT]:
    result = read(path)
    return Stored(path, digest_files(MAX_SAMPLES_BYTES, path / head, path / SAMPLES_FILE), result)
