"""A side of a comparison: one stored run, or all runs of a directory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.errors import InvalidFileError, UsageError
from bench.records.finding import find_results
from bench.records.reading import is_there
from bench.records.store import INFO_FILE, RACE_FILE
from bench.records.stored import StoredRun, read_stored_run


@dataclass(frozen=True, slots=True)
class Side:
    """What is compared as one: runs of the same thing."""

    name: str
    runs: tuple[StoredRun, ...]
    skipped: tuple[str, ...] = ()
    """Directories that lie beside the runs and hold none."""


def read_side(path: Path) -> Side:
    """Read a run, or all runs of a directory.

    Raises:
        InvalidFileError: when there is none, or one of them can't be read.
    """
    runs, skipped = _find_runs(path)
    # In the order of their contents: what is computed then does not hang on what the directories are called.
    stored = sorted(map(read_stored_run, runs), key=lambda each: each.content)
    return Side(str(path), tuple(stored), tuple(map(str, skipped)))


@dataclass(frozen=True, slots=True)
class MachineFile:
    """A run that may be damaged: what could be read of it, or why it could not."""

    name: str
    stored: StoredRun | None = None
    fault: InvalidFileError | None = None


def read_each(path: Path) -> list[MachineFile]:
    """Read a run, or all runs of a directory, each by itself: what can't be read is told of and stops no other."""
    try:
        paths, _ = _find_runs(path)
    except InvalidFileError as error:
        return [MachineFile(str(path), fault=error)]
    files = []
    for each in paths:
        try:
            files.append(MachineFile(str(each), read_stored_run(each)))
        except InvalidFileError as error:
            files.append(MachineFile(str(each), fault=error))
    return files


def _find_runs(path: Path) -> tuple[list[Path], list[Path]]:
    """Find the runs of a directory; returns what is passed over there, too.

    Raises:
        InvalidFileError: when there is none; the message says what is there instead.
    """
    if is_there(path / RACE_FILE) and not is_there(path / INFO_FILE):
        raise InvalidFileError(
            f"{path} is a race, whose arms were compared when it was raced: name directories of runs"
        )
    return find_results(path, "run")


def check_distinct(runs: Sequence[StoredRun]) -> None:
    """Refuse a run that is given twice: beside itself nothing differs, and twice it would count as two.

    Raises:
        UsageError: naming both.
    """
    seen: dict[str, Path] = {}
    for each in runs:
        # Equal places have equal contents.
        if each.content in seen:
            raise UsageError(f"{seen[each.content]} and {each.path} are the same run: name each run once")
        seen[each.content] = each.path
