"""What each pair of processes of a race shows: ln(other / first), and how far that scatters within the pair.

All differences are logarithms of the ratio of times, so that swapping the arms changes their sign and nothing else.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

from bench.records.race import Laps, Round

MIN_COUPLES = 3
"""A pair with fewer undisturbed couples says nothing."""

NUM_STRETCHES = 8
"""Of a pair's rounds: a neighbour's bursts outlast a round, so that rounds left out one by one would show nothing."""

FASTEST_SHARE = 0.25
"""Of blocks: whatever else runs on a machine makes only slower."""
FASTEST_SHARE_OF_STEPS = 0.1
"""Of single steps, which are so much shorter than a neighbour's bursts that more of them are free of any."""

Block = TypeVar("Block")


@dataclass(frozen=True, slots=True)
class PairDifference:
    """What one pair of processes shows of an arm beside the first."""

    value: float
    """ln(other / first), of the fastest steps or blocks: what slows one arm now and then is not in it."""
    scatter: float
    """Its standard error, by the pair's own blocks; what differs from process to process is not in it."""
    of_all: float
    """The same of all blocks, slow ones and all."""


def difference_of_pairs(rounds: Sequence[Round], arm: int) -> list[PairDifference]:
    """Return each pair's difference; a pair with too few undisturbed couples is left out."""
    pairs: dict[int, list[Round]] = {}
    for each in rounds:
        if each.arm == arm:
            pairs.setdefault(each.pair, []).append(each)
    differences = (difference_of_pair(pairs[pair]) for pair in sorted(pairs))
    return [difference for difference in differences if difference is not None]


def difference_of_pair(rounds: Sequence[Round]) -> PairDifference | None:
    """Compare the blocks of one other arm with the first arm's; None where too few couples of rounds are whole.

    Of a couple, one round ran the first arm first and one the other: each arm comes as often right after itself, which
    is faster, as after a switch.
    """
    undisturbed = {each.round: each for each in rounds if not each.disturbance}
    whole = [undisturbed[number] for number in sorted(undisturbed) if number ^ 1 in undisturbed]
    if len(whole) < 2 * MIN_COUPLES:
        return None
    first, other = zip(*(each.seconds for each in whole), strict=True)
    of_all = math.log(sum(other) / sum(first))
    laps = [each.laps for each in whole if each.laps is not None]
    if not laps:
        return PairDifference(compare_blocks(first, other), scatter_within(first, other, compare_blocks), of_all)
    ours, theirs = zip(*laps, strict=True)
    return PairDifference(compare_steps(ours, theirs), scatter_within(ours, theirs, compare_steps), of_all)


def compare_blocks(first: Sequence[float], other: Sequence[float]) -> float:
    """Return ln(other / first) of the mean of the fastest quarter of the blocks of each."""
    return math.log(average_fastest(other) / average_fastest(first))


def compare_steps(first: Sequence[Laps], other: Sequence[Laps]) -> float:
    """Return ln(other / first) of what an epoch of the fastest steps takes."""
    return math.log(find_quiet_epoch(other) / find_quiet_epoch(first))


def find_quiet_epoch(blocks: Sequence[Laps]) -> float:
    """Return what an epoch takes where nothing disturbs it, in nanoseconds.

    The steps of an epoch are not alike, its first and last least of all. So each is held against those in its place in
    the other epochs alone, and together they are an epoch.
    """
    epochs = [epoch for block in blocks for epoch in block]
    return sum(average_fastest(times, FASTEST_SHARE_OF_STEPS) for times in zip(*epochs, strict=True))


def average_fastest(times: Sequence[float], share: float = FASTEST_SHARE) -> float:
    """Return the mean of a share of some times of equal work, the fastest, of one at least."""
    return statistics.fmean(sorted(times)[: math.ceil(len(times) * share)])


def scatter_within(
    first: Sequence[Block], other: Sequence[Block], compare: Callable[[Sequence[Block], Sequence[Block]], float]
) -> float:
    """Return the standard error of a pair's difference: the delete-a-group jackknife over stretches of its rounds.

    Args:
        first: the blocks of the first arm, in their order; of whole couples, of two at least.
        other: of another, as many.
    Source: Wolter (2007), "Introduction to Variance Estimation", chapter 4.
    """
    num_couples = len(first) // 2
    num_stretches = min(NUM_STRETCHES, num_couples)
    bounds = [2 * (number * num_couples // num_stretches) for number in range(num_stretches + 1)]
    without = [
        compare((*first[:start], *first[end:]), (*other[:start], *other[end:])) for start, end in pairwise(bounds)
    ]
    return math.sqrt((num_stretches - 1) * statistics.pvariance(without))
