"""What is reported together: stored runs, races and sweeps, and what other tools measured, each read by itself.

What can't be read stops no other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from bench.errors import InvalidFileError, UsageError
from bench.records.finding import find_results
from bench.records.foreign import FOREIGN_SUFFIX, ForeignRun, read_foreign
from bench.records.reading import is_file, is_there
from bench.records.store import INFO_FILE, RACE_FILE
from bench.records.stored import (
    StoredRace,
    StoredRun,
    StoredSweep,
    read_stored_race,
    read_stored_run,
    read_stored_sweep,
)
from bench.records.sweep_store import SWEEP_FILE
from bench.records.tune_store import TUNE_FILE

MAX_RESULTS = 100
"""That are held and shown at once: a run of the suite standard takes some 3 MB, and a page of 6 MB has to hold all."""


@dataclass(frozen=True, slots=True)
class Collection:
    """All that was named, in the order of its directories' names; what is there twice counts once."""

    runs: tuple[StoredRun, ...]
    races: tuple[StoredRace, ...]
    faults: Mapping[Path, InvalidFileError]
    """What can't be read, and why."""
    foreign: tuple[ForeignRun, ...] = ()
    """What other tools measured; never ranked with ours."""
    sweeps: tuple[StoredSweep, ...] = ()
    read_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    """By our clock: nothing was started later."""

    @property
    def holds_something(self) -> bool:
        """Whether anything could be read."""
        return bool(self.runs or self.races or self.sweeps or self.foreign)


def collect(paths: Sequence[Path]) -> Collection:
    """Read what is named: the directory of a run, race or sweep, one that holds such directories, another tool's file.

    Raises:
        UsageError: when that is more than can be held at once.
    """
    faults: dict[Path, InvalidFileError] = {}
    found: dict[Path, None] = {}
    for path in paths:
        try:
            if is_there(path / TUNE_FILE):  # its heats are races that chose the luckiest: no speedup is read from them
                shown = f"python -m bench.tune --show {path}"
                raise InvalidFileError(f"{path} is a tune, which no report shows: use {shown}")
            is_foreign = path.suffix == FOREIGN_SUFFIX and is_file(path)
            found |= dict.fromkeys([path] if is_foreign else find_results(path, "run", "race", "sweep")[0])
        except InvalidFileError as error:
            faults[path] = error
    if len(found) > MAX_RESULTS:
        raise UsageError(
            f"{len(found):,} results and files are more than the {MAX_RESULTS} that are shown at once: name fewer, "
            "or see many runs with python -m bench.history list"
        )
    runs: dict[str, StoredRun] = {}
    races: dict[str, StoredRace] = {}
    sweeps: dict[str, StoredSweep] = {}
    foreign: dict[str, ForeignRun] = {}
    for path in found:
        try:
            if is_there(path / INFO_FILE):
                run = read_stored_run(path)
                runs.setdefault(run.content, run)
            elif is_there(path / RACE_FILE):
                race = read_stored_race(path)
                races.setdefault(race.content, race)
            elif is_there(path / SWEEP_FILE):
                sweep = read_stored_sweep(path)
                sweeps.setdefault(sweep.content, sweep)
            else:
                other = read_foreign(path)
                foreign.setdefault(other.content, other)
        except InvalidFileError as error:
            faults[path] = error
    return Collection(
        tuple(runs.values()), tuple(races.values()), faults, tuple(foreign.values()), tuple(sweeps.values())
    )
