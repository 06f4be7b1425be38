"""What this machine and this tool can do together, measured by races of known truth."""

from __future__ import annotations

import math
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from bench.errors import InvalidFileError
from bench.records.case import Count, ShortName
from bench.records.environment import Environment
from bench.records.journal import PositiveSeconds, Seconds, Text
from bench.records.race import PositiveShare, Share
from bench.records.run import SCHEMA
from bench.records.store import bad_output, make_directory, not_written, read_info
from productnet.whole_file import write_whole

SELFCHECK_FILE = "selfcheck.json"
Logarithm = Annotated[float, Meta(ge=-100.0, le=100.0)]
"""Of a ratio of times: the longest that can be stored over the shortest is 48."""
Width = Annotated[float, Meta(ge=0.0, le=100.0)]


class Timer(Struct, frozen=True, kw_only=True):
    """The host's clock and the device's wait."""

    resolution_seconds: Seconds
    """The least that two readings differ by where they differ."""
    cost_seconds: Seconds
    """Of a reading."""
    floor_seconds: Seconds
    """What a block of nothing measures on the device, the wait for it included."""


class KnownRace(Struct, frozen=True, kw_only=True):
    """A race whose truth is known."""

    name: ShortName
    truth: Logarithm | None = None
    """ln(b / a), measured beforehand; 0 where both arms do the same work, None where the race is to find it out."""
    truth_half_width: Width = 0.0
    """Of the 95 % interval of what was measured beforehand."""
    verdict: ShortName
    num_pairs: Count
    mean: Logarithm
    half_width: Width
    spread: Width
    seconds: PositiveSeconds
    """All of the race, without the survey of devices before it."""

    @property
    def holds_truth(self) -> bool | None:
        """Whether the interval holds the truth, as well as that is known; None where nobody knows it."""
        if self.truth is None:
            return None
        return abs(self.mean - self.truth) <= math.hypot(self.half_width, self.truth_half_width)


class SelfCheck(Struct, frozen=True, kw_only=True):
    """The contents of `selfcheck.json`."""

    schema: Annotated[int, Meta(ge=1, le=SCHEMA)] = SCHEMA
    started_at: Text
    """UTC, ISO 8601."""
    device: ShortName
    alpha: PositiveShare
    dead_zone: Share
    environment: Environment
    timer: Timer
    races: Annotated[tuple[KnownRace, ...], Meta(max_length=100)]


def create_selfcheck(output: Path | None, name_parts: tuple[str, ...]) -> Path:
    """Make the directory of a check, or raise UsageError.

    Args:
        output: the directory itself; None puts one with a name of its own under `results/` where the user stands.
    """
    try:
        return make_directory(output, name_parts)
    except OSError as error:
        raise bad_output(error.filename or output, error) from error


def write_selfcheck(directory: Path, check: SelfCheck) -> None:
    """Write `selfcheck.json`, whole or not at all, or raise IncompleteError."""
    path = directory / SELFCHECK_FILE
    try:
        write_whole(path, msgspec.json.format(msgspec.json.encode(check), indent=2) + b"\n")
    except OSError as error:
        raise not_written(path, error) from error


def read_selfcheck(directory: Path) -> SelfCheck:
    """Read a stored check, or raise InvalidFileError."""
    return read_info(directory / SELFCHECK_FILE, SelfCheck)


def find_selfcheck(results: Path, environment: Environment | None) -> SelfCheck | None:
    """Return the newest check below a directory that was made on such a CPU with such a torch; None where none was."""
    if environment is None:
        return None
    found = []
    for path in results.glob(f"*/{SELFCHECK_FILE}"):
        with suppress(InvalidFileError):
            check = read_selfcheck(path.parent)
            ours, theirs = environment.identity, check.environment.identity
            if (ours.cpu_model, ours.torch_version) == (theirs.cpu_model, theirs.torch_version):
                found.append(check)
    return max(found, key=lambda check: check.started_at, default=None)
