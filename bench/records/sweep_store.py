"""A sweep on the disk: `sweep.json` and `samples.jsonl` in one directory, to which a later sitting adds.

A last line that is torn is dropped, and cut off before the next is written.
"""

from __future__ import annotations

import sys
from io import BufferedWriter
from pathlib import Path
from typing import cast

import msgspec

from bench.errors import InvalidFileError, NotComparableError, UsageError
from bench.records.lines import read_lines
from bench.records.store import (
    SAMPLES_FILE,
    RunDirectory,
    bad_output,
    make_directory,
    read_info,
)
from bench.records.sweep import Sweep, SweepInfo, SweepRecord, assemble_sweep
from productnet.whole_file import write_whole

SWEEP_FILE = "sweep.json"


def open_sweep(info: SweepInfo, output: Path | None, name_parts: tuple[str, ...]) -> tuple[RunDirectory, Sweep]:
    """Make the directory of a sweep, or go on with the one that is there; returns what it holds, too.

    Args:
        output: the directory itself; None puts one with a name of its own under `results/` where the user stands.
    Raises:
        UsageError: when it can't be written, or holds something else.
        NotComparableError: when what is there was measured by another plan or elsewhere.
        InvalidFileError: when it can't be read.
    """
    if output is not None and (output / SWEEP_FILE).exists():
        return _go_on(info, output)
    try:
        path = make_directory(output, name_parts)
        samples = (path / SAMPLES_FILE).open("xb")
        _claim(samples, path)
        write_whole(path / SWEEP_FILE, msgspec.json.format(msgspec.json.encode(info), indent=2) + b"\n")
    except FileExistsError as error:
        raise UsageError(f"--output {output} is in use by another run: name a new directory") from error
    except OSError as error:
        raise bad_output(error.filename or output, error) from error
    return RunDirectory(path, samples), Sweep(info, (), (), None)


def read_sweep(path: Path) -> Sweep:
    """Read a stored sweep.

    Raises:
        InvalidFileError: when a file is missing, damaged, of a newer schema, or holds nothing.
    """
    info = read_info(path / SWEEP_FILE, SweepInfo)
    return _assemble(path, info)


def _go_on(info: SweepInfo, path: Path) -> tuple[RunDirectory, Sweep]:
    stored = read_info(path / SWEEP_FILE, SweepInfo)
    check_same(info, stored, path)
    samples = path / SAMPLES_FILE
    try:
        with samples.open("ab") as claimed:
            _claim(claimed, path)
        is_begun = samples.stat().st_size > 0
        sweep = _assemble(path, stored) if is_begun else Sweep(stored, (), (), None)
        if sweep.warnings:
            whole = samples.read_bytes()
            write_whole(samples, whole[: whole.rfind(b"\n") + 1])
        added = samples.open("ab")
        _claim(added, path)
        return RunDirectory(path, added), sweep
    except OSError as error:
        raise bad_output(error.filename or path, error) from error


def _claim(samples: BufferedWriter, path: Path) -> None:
    """Keep every other process from adding to a sweep for as long as this file is open, where a system can.

    Raises:
        UsageError: when another one does.
    """
    if sys.platform == "win32":
        return
    import fcntl

    try:
        fcntl.flock(samples, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        samples.close()
        raise UsageError(f"--output {path} is being written by another sweep: wait for it, or name another") from error


def check_same(info: SweepInfo, stored: SweepInfo, path: Path) -> None:
    """Refuse to add to a sweep what is no part of it; the budget may be another.

    Raises:
        NotComparableError: with what differs.
    """
    budget = info.plan.budget_seconds
    stored_plan = msgspec.structs.replace(stored.plan, budget_seconds=budget)
    differing = [
        name for name in stored_plan.__struct_fields__ if getattr(stored_plan, name) != getattr(info.plan, name)
    ]
    here, there = (each.environment.identity if each.environment else None for each in (info, stored))
    if here is not None and there is not None:
        differing += [name for name in here.__struct_fields__ if getattr(here, name) != getattr(there, name)]
    if differing:
        raise NotComparableError(
            f"{path} holds a sweep that differs in {', '.join(differing)}, and can't be gone on with: "
            "ask for the same there, or name a new directory"
        )


def _assemble(path: Path, info: SweepInfo) -> Sweep:
    records, warnings = read_lines(path / SAMPLES_FILE, cast("type[SweepRecord]", SweepRecord))
    try:
        return assemble_sweep(info, records, warnings)
    except ValueError as error:
        raise InvalidFileError(f"{path / SAMPLES_FILE}: {error}") from error
