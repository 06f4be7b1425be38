"""Which runs lie below a directory, and by what it shows that their files have changed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG

from bench.errors import InvalidFileError
from bench.records.finding import HEADS
from bench.records.journal import as_text
from bench.records.reading import is_directory
from bench.records.store import INFO_FILE, SAMPLES_FILE

_NO_RUNS = {*HEADS.values()} - {INFO_FILE}
"""What lies in directories of results that are none of a run; nothing below them is one either."""


@dataclass(frozen=True, slots=True)
class Found:
    """The directory of a run that may be damaged."""

    path: Path
    signature: str
    """Sizes and times of change of its two files: where they are as before, so is the run."""
    num_bytes: int


@dataclass(frozen=True, slots=True)
class Scan:
    """All below the directories that were named."""

    runs: dict[str, Found]
    """By their absolute paths, as text that can be stored."""
    faults: dict[str, str]
    """Directories that were meant for something and hold nothing, and why."""


def scan(directories: Sequence[Path]) -> Scan:
    """Look for runs, however deep; links to directories are not followed, names that begin with a dot are passed over.

    Raises:
        InvalidFileError: when a directory that was named is none.
    """
    runs: dict[str, Found] = {}
    faults: dict[str, str] = {}
    for directory in directories:
        if not is_directory(directory):
            raise InvalidFileError(f"{directory} is no directory: name one that holds runs")
        for path, found in _walk(directory.resolve()):
            if isinstance(found, Found):
                runs[as_key(path)] = found
            else:
                faults[as_key(path)] = found
    return Scan(runs, faults)


def as_key(path: str) -> str:
    """Make a path storable, whatever bytes a name may hold."""
    return as_text(path, 10_000)


def _walk(root: Path) -> Iterator[tuple[str, Found | str]]:
    waiting = [str(root)]
    while waiting:
        path = waiting.pop()
        found = _find_run(path)
        if found is not None:
            yield path, found
            continue
        try:
            with os.scandir(path) as entries:
                listed = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
        except OSError as error:
            yield path, f"can't be read: {error.strerror}"
            continue
        names = {name for name, _ in listed}
        below = [name for name, is_directory in listed if is_directory and not name.startswith(".")]
        if names & _NO_RUNS:
            continue
        if SAMPLES_FILE in names:
            yield path, f"has {SAMPLES_FILE} and no {INFO_FILE}"
        elif not below:
            yield path, f"holds no run: there is no {INFO_FILE}"
        else:
            waiting += [os.path.join(path, name) for name in below]  # noqa: PTH118 - a Path each takes thrice as long


def _find_run(path: str) -> Found | str | None:
    try:
        info = os.stat(f"{path}/{INFO_FILE}")  # noqa: PTH116 - likewise
    except OSError:
        return None
    try:
        samples = os.stat(f"{path}/{SAMPLES_FILE}")  # noqa: PTH116 - likewise
    except OSError:
        return f"has {INFO_FILE} and no {SAMPLES_FILE}"
    if not (S_ISREG(info.st_mode) and S_ISREG(samples.st_mode)):
        return "holds something else than files: a pipe or a device would never end"
    signature = f"{info.st_size} {info.st_mtime_ns} {samples.st_size} {samples.st_mtime_ns}"
    return Found(Path(path), signature, info.st_size + samples.st_size)
