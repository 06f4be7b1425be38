"""The file of a comparison: one line a training, appended as it ends, so that one that was stopped goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import cast

from msgspec import Struct

from bench.campaigns.json_lines import append_lines, cut_torn_line, decode_lines
from bench.errors import UsageError
from bench.measure.process import FailureKind
from bench.records.environment import Identity


class Setting(Struct, tag="setting", frozen=True, kw_only=True):
    """What all trainings of a file have in common: they could not be compared without it."""

    device: str
    num_epochs: int
    identity: Identity
    packages: dict[str, str]
    """Versions of the peers."""


class Timed(Struct, tag="training", frozen=True, kw_only=True):
    """What one training took and came to; a figure that is None is not finite."""

    side: str
    seed: int
    is_first: bool
    """Of its process: what is compiled, is compiled for this one."""
    compile_seconds: float
    """Compiling and warming up."""
    seconds: float
    """From the start to the end, batch order included; compiling is not."""
    final_loss: float | None
    heldout_mse: float | None
    heldout_r_squared: float | None


class NotTimed(Struct, tag="failure", frozen=True, kw_only=True):
    """Why a side did not come to its end; it is tried again when the file is gone on with."""

    side: str
    seed: int
    kind: FailureKind
    reason: str


Outcome = Timed | NotTimed
Line = Setting | Outcome


def read_lines(path: Path) -> list[Line]:
    """Read a file; a last line without its end is left out.

    Raises:
        InvalidFileError: when it can't be read, or a line is none of ours.
    """
    return decode_lines(path, cast("type[Line]", Line), "a comparison with peers")


def list_missing(lines: Iterable[Line], sides: Iterable[str], num_seeds: int) -> list[tuple[int, list[str]]]:
    """Return the seeds that are not trained yet, each with the sides that lack it."""
    done = {(line.side, line.seed) for line in lines if isinstance(line, Timed)}
    names = list(sides)
    missing = [(seed, [name for name in names if (name, seed) not in done]) for seed in range(1, num_seeds + 1)]
    return [(seed, lacking) for seed, lacking in missing if lacking]


def append_trainings(
    path: Path,
    setting: Setting,
    sides: Iterable[str],
    num_seeds: int,
    train: Callable[[list[tuple[int, list[str]]]], Iterator[Outcome]],
) -> Iterator[Outcome]:
    """Do the trainings that a file lacks, and write each down before the next one starts.

    Args:
        path: made where there is none.
        train: does the trainings that it is given, seed by seed.
    Raises:
        InvalidFileError: as `read_lines`.
        UsageError: where the file was made with another setting.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    cut_torn_line(path)
    lines = read_lines(path)
    if any(line != setting for line in lines if isinstance(line, Setting)):
        raise UsageError(f"{path} was made with other epochs, packages, device or machine: name a new --file")
    with path.open("ab") as file:
        if not lines:
            append_lines(file, [setting])
        for outcome in train(list_missing(lines, sides, num_seeds)):
            append_lines(file, [outcome])
            yield outcome
