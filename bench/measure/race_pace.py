"""How the rounds of a race are cut, and on which CPUs they run."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass

MIN_BLOCK_SECONDS = 0.002
MIN_BLOCK_STEPS = 20
MAX_LAPS = 200
"""Of a block; one of more steps is timed as a whole, for its laps would fill the disk."""
MIN_WARM_UP_STEPS = 5
"""After a switch the first steps are slower: caches and predictors hold the other arm's."""

PAIR_SECONDS = 2.0
"""How long the rounds of a pair take; more rounds narrow it less than another pair does."""
MIN_PAIR_SECONDS = 0.4
WANTED_PAIRS = 12
"""In a small budget the pairs are shorter, so that so many fit."""
MIN_ROUNDS, MAX_ROUNDS = 12, 120


@dataclass(frozen=True, slots=True)
class Pace:
    """How a pair's rounds are cut; the same for all pairs of a race."""

    num_epochs: int
    """Of a block."""
    num_warm_up_epochs: int
    takes_laps: bool
    pair_seconds: float
    """How long the rounds take: in a storm there are fewer of them, and none the fewer in the pairs after it."""

    def is_enough(self, num_rounds: int, seconds: float) -> bool:
        """Say whether a pair that has run so many rounds in so many seconds is done; always of whole couples."""
        if num_rounds % 2 or num_rounds < MIN_ROUNDS:
            return False
        return seconds >= self.pair_seconds or num_rounds >= MAX_ROUNDS


def choose_pair_seconds(seconds_left: float, start_seconds: float) -> float:
    """Choose how long the rounds of a pair take.

    Args:
        seconds_left: of the budget.
        start_seconds: what it takes to start a pair.
    """
    return min(PAIR_SECONDS, max(MIN_PAIR_SECONDS, seconds_left / WANTED_PAIRS - start_seconds))


def choose_pace(
    epoch_seconds: Sequence[float],
    nums_steps_per_epoch: Sequence[int],
    can_take_laps: bool = False,
    pair_seconds: float = PAIR_SECONDS,
) -> Pace:
    """Choose how a pair's rounds are cut.

    Args:
        epoch_seconds: of each arm, roughly.
        nums_steps_per_epoch: of each arm. Where they differ steps are of different size, and only whole blocks compare.
        can_take_laps: whether every arm can.
        pair_seconds: how long all rounds of a pair take.
    """
    fewest = min(nums_steps_per_epoch)
    num_epochs = max(1, math.ceil(MIN_BLOCK_SECONDS / min(epoch_seconds)), math.ceil(MIN_BLOCK_STEPS / fewest))
    are_laps_few = len(set(nums_steps_per_epoch)) == 1 and num_epochs * fewest <= MAX_LAPS
    return Pace(num_epochs, math.ceil(MIN_WARM_UP_STEPS / fewest), can_take_laps and are_laps_few, pair_seconds)


def list_core_sets(num_cores: int) -> list[tuple[int, ...]]:
    """Cut the CPUs that this process may use into sets of so many; none where a process can't be bound to CPUs."""
    if not hasattr(os, "sched_setaffinity"):
        return []
    cores = sorted(os.sched_getaffinity(0))
    size = min(num_cores, len(cores))
    return [tuple(cores[start : start + size]) for start in range(0, len(cores) - size + 1, size)]
