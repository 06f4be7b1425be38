"""How a training is cut into blocks, so that cases of any speed have equally many rounds."""

from __future__ import annotations

from dataclasses import dataclass

MIN_BLOCK_SECONDS = 0.2
"""Shorter blocks would time the switch between workers as much as the training."""

DETAIL_BLOCK_SECONDS = 0.1
INFERENCE_BLOCK_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class TrainBlock:
    """What a case does in one round."""

    num_epochs: int
    repetition: int
    starts_training: bool
    ends_training: bool


def cut_training(num_epochs: int, epoch_seconds: float, num_rounds: int) -> list[TrainBlock]:
    """Cut a training into one block for each round.

    A block lasts at least `MIN_BLOCK_SECONDS`, or the whole training where that is shorter. A training of fewer blocks
    than rounds repeats from its start; the number of blocks divides the number of rounds, so that each repetition is a
    whole training.

    Args:
        epoch_seconds: what an epoch takes, roughly.
    """
    affordable = max(1, int(num_epochs * epoch_seconds / MIN_BLOCK_SECONDS))
    num_blocks = max(
        divisor
        for divisor in range(1, num_rounds + 1)
        if num_rounds % divisor == 0 and divisor <= min(affordable, num_epochs)
    )
    borders = [num_epochs * block // num_blocks for block in range(num_blocks + 1)]
    return [
        TrainBlock(
            num_epochs=borders[block + 1] - borders[block],
            repetition=repetition,
            starts_training=block == 0,
            ends_training=block == num_blocks - 1,
        )
        for repetition in range(num_rounds // num_blocks)
        for block in range(num_blocks)
    ]


def amount_for(seconds: float, unit_seconds: float) -> int:
    """Return how many units last about so many seconds, at least one."""
    return max(1, round(seconds / unit_seconds))
