"""A gate: the cases that a work tree may not make slower than its base, and the races that were run of them.

One directory: `gate.json`, and a race's own directory for each case: `<case>-1`, and `<case>-2` where it was raced
once more.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from bench.errors import InvalidFileError, UsageError
from bench.records.case import Case
from bench.records.journal import PositiveSeconds, Text
from bench.records.race import PositiveShare, Race, RaceInfo
from bench.records.reading import is_there
from bench.records.run import Info
from bench.records.store import RACE_FILE, bad_output, make_directory, read_info, read_race

GATE_FILE = "gate.json"
MAX_CASES = 20
"""So that a summary of all fits into a comment."""
MAX_RACES = 2
"""Of a case: one, and one more that confirms it or does not."""


class GatedCase(Struct, frozen=True, kw_only=True):
    """A case and how much slower it may become. All shares are of the base's time."""

    case: Case
    allowed: PositiveShare
    """More time a step than this is too much."""
    resolution: PositiveShare
    """The half-width of the interval at which its race ends."""
    budget_seconds: PositiveSeconds
    """Of one race, start-up included."""

    def directory_name(self, number: int) -> str:
        """Name the directory of its race of that number, from 1."""
        return f"{re.sub(r'[^A-Za-z0-9.-]+', '-', self.case.name)}-{number}"


class GateInfo(Info, frozen=True, kw_only=True):
    """The contents of `gate.json`, written once, before anything is measured."""

    base: Text
    """What the user held the work tree against."""
    base_commit: Text
    """The last commit that it and the work tree have in common: what is raced."""
    head_commit: Text
    """What the work tree was checked out from."""
    is_unchanged: bool
    """Whether the work tree's code is, byte for byte, what the base commit has: only the machine can then differ."""
    has_new_budgets: bool = False
    """Whether the cases or what they may take are not those of the base commit's own file."""
    alpha: PositiveShare
    """How often at most, over all cases together, the first races may find a case too slow that is just not."""
    cases: Annotated[tuple[GatedCase, ...], Meta(min_length=1, max_length=MAX_CASES)]

    def __post_init__(self) -> None:
        names = [each.directory_name(1) for each in self.cases]
        if len(set(names)) < len(names):
            raise ValueError("two cases have the same name")


@dataclass(frozen=True, slots=True)
class Gate:
    """A stored gate, read back."""

    info: GateInfo
    races: tuple[tuple[Race, ...], ...]
    """Of each case, in the order of the cases; fewer where it was interrupted."""


def create_gate(info: GateInfo, output: Path | None, name_parts: tuple[str, ...]) -> Path:
    """Make the directory of a gate and write its `gate.json`.

    Args:
        output: the directory itself; None puts one with a name of its own under `results/` where the user stands.
    Raises:
        UsageError: when it can't be written.
    """
    try:
        path = make_directory(output, name_parts)
        with (path / GATE_FILE).open("xb") as file:  # whoever makes the file owns the directory
            file.write(msgspec.json.format(msgspec.json.encode(info), indent=2) + b"\n")
    except FileExistsError as error:
        raise UsageError(f"--output {output} is in use by another gate: name a new directory") from error
    except OSError as error:
        raise bad_output(error.filename or output, error) from error
    return path


def read_gate(path: Path) -> Gate:
    """Read a stored gate with all its races.

    Raises:
        InvalidFileError: when a file is damaged, or a race is of something else than the gate says.
    """
    info = read_info(path / GATE_FILE, GateInfo)
    races = []
    for each in info.cases:
        found = tuple(read_race(place) for place in _list_races_of(path, each))
        for race in found:
            _check_race(each, race.info, info)
        races.append(found)
    return Gate(info, tuple(races))


def list_race_directories(path: Path, info: GateInfo) -> list[Path]:
    """Return where the races of a gate lie that were raced, in the order of its cases."""
    return [place for each in info.cases for place in _list_races_of(path, each)]


def _list_races_of(path: Path, gated: GatedCase) -> list[Path]:
    places = [path / gated.directory_name(number) for number in range(1, MAX_RACES + 1)]
    return [place for place in places if is_there(place / RACE_FILE)]


def _check_race(gated: GatedCase, race: RaceInfo, gate: GateInfo) -> None:
    """A race that another stands in for would be judged as if it were the gate's own."""
    arms = race.plan.arms
    if (
        len(arms) != 2
        or arms[0].case != gated.case
        or not arms[1].case.is_like(gated.case)
        or arms[0].source.revision != gate.base_commit
        or arms[1].source.revision is not None
        or race.plan.alpha != gate.alpha
    ):
        raise InvalidFileError(f"the race of {gated.case.name} is not the one that {GATE_FILE} speaks of")
