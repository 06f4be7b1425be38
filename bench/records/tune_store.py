"""A tune on the disk: `tune.json`, `samples.jsonl`, and a race's own directory for each heat, quality, confirmation."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import msgspec

from bench.errors import InvalidFileError, UsageError
from bench.records.lines import read_lines
from bench.records.race import Race
from bench.records.reading import is_there
from bench.records.store import (
    RACE_FILE,
    SAMPLES_FILE,
    RunDirectory,
    bad_output,
    make_directory,
    read_info,
    read_race,
)
from bench.records.tune import Heat, Tune, TuneInfo, TuneRecord, sort_records
from productnet.whole_file import write_whole

TUNE_FILE = "tune.json"
QUALITY, CONFIRMATION = "quality", "confirmation"
"""Directories of races."""


def create_tune(info: TuneInfo, output: Path | None, name_parts: tuple[str, ...]) -> RunDirectory:
    """Make the directory of a tune and write its `tune.json`.

    Args:
        output: the directory itself; None puts one with a name of its own under `results/` where the user stands.
    Raises:
        UsageError: when it can't be written.
    """
    try:
        path = make_directory(output, name_parts)
        samples = (path / SAMPLES_FILE).open("xb")  # whoever makes the file owns the directory
        write_whole(path / TUNE_FILE, msgspec.json.format(msgspec.json.encode(info), indent=2) + b"\n")
    except FileExistsError as error:
        raise UsageError(f"--output {output} is in use by another tune: name a new directory") from error
    except OSError as error:
        raise bad_output(error.filename or output, error) from error
    return RunDirectory(path, samples)


def read_tune(path: Path) -> Tune:
    """Read a stored tune with all its races.

    Raises:
        InvalidFileError: when a file is damaged, holds nothing, or a race is of other candidates than the tune says.
    """
    info = read_info(path / TUNE_FILE, TuneInfo)
    records, warnings = read_lines(path / SAMPLES_FILE, cast("type[TuneRecord]", TuneRecord))
    try:
        tried, heats, ended = sort_records(info, records)
    except ValueError as error:
        raise InvalidFileError(f"{path / SAMPLES_FILE}: {error}") from error
    raced = tuple((heat, race) for heat in heats if (race := _read_if_there(path / heat.directory_name)))
    tune = Tune(
        info=info,
        tried=tried,
        heats=raced,
        quality=_read_if_there(path / QUALITY),
        confirmation=_read_if_there(path / CONFIRMATION),
        ended=ended,
        warnings=warnings,
    )
    for heat, race in raced:
        if [arm.case for arm in race.info.plan.arms] != [info.plan.candidates[each] for each in heat.candidates]:
            raise InvalidFileError(f"{path / heat.directory_name} is not the race that {SAMPLES_FILE} speaks of")
    for race in (tune.quality, tune.confirmation):
        if race is not None and any(arm.case not in info.plan.candidates for arm in race.info.plan.arms):
            raise InvalidFileError(f"{path} holds a race of a case that {TUNE_FILE} does not plan")
    return tune


def list_race_directories(path: Path) -> tuple[set[str], set[str]]:
    """Return the names of the directories of races that lie in a tune's, and of those that its records speak of.

    Quality and confirmation have no record: where they lie, they are spoken of.
    """
    there = {each.name for each in path.iterdir() if is_there(each / RACE_FILE)}
    records, _ = read_lines(path / SAMPLES_FILE, cast("type[TuneRecord]", TuneRecord))
    named = {each.directory_name for each in records if isinstance(each, Heat)}
    return there, named | (there & {QUALITY, CONFIRMATION})


def _read_if_there(path: Path) -> Race | None:
    return read_race(path) if is_there(path / RACE_FILE) else None
