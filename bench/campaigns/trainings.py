"""The data of a campaign: one line a training, appended as it happens, so that a campaign that was killed goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

from msgspec import Struct

from bench.campaigns.json_lines import append_lines, cut_torn_line, decode_lines
from bench.campaigns.modes import MODES, Mode
from bench.records.environment import Identity


class Machine(Struct, tag="machine", frozen=True, kw_only=True):
    """Where, and from when on, the trainings below it ran."""

    started_at: str
    """UTC, ISO 8601."""
    identity: Identity


class Outcome(Struct, tag="training", frozen=True, kw_only=True):
    """What one training came to; None is not finite."""

    mode: str
    seed: int
    final_loss: float | None
    heldout_mse: float | None
    heldout_r_squared: float | None


def read_outcomes(path: Path) -> list[Outcome]:
    """Read a campaign's trainings, compressed or not; a last line without its end is left out.

    Raises:
        InvalidFileError: when it can't be read, or a line is none of ours.
    """
    records = decode_lines(path, cast("type[Machine | Outcome]", Machine | Outcome))
    return [record for record in records if isinstance(record, Outcome)]


def list_missing(outcomes: list[Outcome], num_seeds: int) -> Iterator[tuple[str, int]]:
    """Name the trainings that are still to be done, seed by seed, so that a part of them is a fair part."""
    done = {(outcome.mode, outcome.seed) for outcome in outcomes}
    for seed in range(1, num_seeds + 1):
        yield from ((mode, seed) for mode in MODES if (mode, seed) not in done)


def append_outcomes(
    path: Path, machine: Machine, num_seeds: int, train: Callable[[str, Mode, int], Outcome]
) -> Iterator[Outcome]:
    """Do the trainings that a file lacks and write each down before the next one starts.

    Args:
        path: a file that is not compressed; made where there is none.
        train: does one training.
    """
    outcomes = read_outcomes(path) if path.exists() else []
    with path.open("ab") as lines:
        cut_torn_line(path)
        append_lines(lines, [machine])
        for mode, seed in list_missing(outcomes, num_seeds):
            outcome = train(mode, MODES[mode], seed)
            append_lines(lines, [outcome])
            yield outcome


def train(name: str, mode: Mode, seed: int) -> Outcome:
    """Train once, from the start to the end."""
    import torch._dynamo

    from productnet.train import Training, run_epochs

    torch._dynamo.reset()  # it compiles one network a few times only, and every training is another network
    training = Training(mode.make_config(seed))
    training.prepare()
    if mode.break_training is not None:
        mode.break_training(training)
    run_epochs(training)
    result = training.result()
    return Outcome(
        mode=name,
        seed=seed,
        final_loss=result.final_loss,
        heldout_mse=result.heldout_accuracy.mse,
        heldout_r_squared=result.heldout_accuracy.r_squared,
    )
