"""What each pair of processes of a race shows: ln(other / first), and how far that scatters within the pair.

All differences are logarithms of the ratio of times, so that swapping the arms changes their sign and nothing else.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from bench.records.race import Round

MIN_COUPLES = 3
"""A pair with fewer undisturbed couples says nothing."""

NUM_STRETCHES = 8
"""Of a pair's rounds: a neighbour's bursts outlast a round, so that rounds left out one by one would show nothing."""

FASTEST_SHARE = 0.25
"""Of blocks: whatever else runs on a machine makes only slower."""
FASTEST_SHARE_OF_STEPS = 0.1
"""Of single steps, which are so much shorter than a neighbour's bursts that more of them are free of any."""

Block = tuple[tuple[float, ...], ...]
"""A timed block: for each epoch what its steps took, in any one unit; one that was not timed in laps is one number."""

CompareBlocks = Callable[[Sequence[Block], Sequence[Block]], float]
"""The blocks of the first arm and of another, of one pair -> ln(other / first)."""


@dataclass(frozen=True, slots=True)
class PairDifference:
    """What one pair of processes shows of an arm beside the first."""

    value: float
    """ln(other / first)."""
    scatter: float
    """Its standard error, by the pair's own blocks; what differs from process to process is not in it."""


def compare_quiet(first: Sequence[Block], other: Sequence[Block]) -> float:
    """Return ln(other / first) of what the same work takes where nothing disturbs it.

    What slows one arm alone now and then is not in it: all blocks are told beside it.
    """
    return math.log(find_quiet_time(other) / find_quiet_time(first))


def compare_all(first: Sequence[Block], other: Sequence[Block]) -> float:
    """Return ln(other / first) of all blocks, slow ones and all."""
    ours, theirs = (sum(sum(map(sum, block)) for block in blocks) for blocks in (other, first))
    return math.log(ours / theirs)


def find_quiet_time(blocks: Sequence[Block]) -> float:
    """Return what the fastest of some blocks took on average; timed in laps, what an epoch of the fastest steps takes.

    The steps of an epoch are not alike, its first and last least of all. So each is held against those in its place in
    the other epochs alone, and together they are an epoch.
    """
    epochs = [epoch for block in blocks for epoch in block]
    is_one_piece = len(blocks[0]) == len(blocks[0][0]) == 1
    share = FASTEST_SHARE if is_one_piece else FASTEST_SHARE_OF_STEPS
    return sum(average_fastest(times, share) for times in zip(*epochs, strict=True))


def average_fastest(times: Sequence[float], share: float = FASTEST_SHARE) -> float:
    """Return the mean of a share of some times of equal work, the fastest, of one at least."""
    return statistics.fmean(sorted(times)[: math.ceil(len(times) * share)])


def difference_of_pairs(
    rounds: Sequence[Round], arm: int, compare: CompareBlocks = compare_quiet
) -> list[PairDifference]:
    """Return each pair's difference; a pair with too few undisturbed couples is left out."""
    pairs: dict[int, list[Round]] = {}
    for each in rounds:
        if each.arm == arm:
            pairs.setdefault(each.pair, []).append(each)
    differences = (difference_of_pair(pairs[pair], compare) for pair in sorted(pairs))
    return [difference for difference in differences if difference is not None]


def difference_of_pair(rounds: Sequence[Round], compare: CompareBlocks = compare_quiet) -> PairDifference | None:
    """Compare the blocks of one other arm with the first arm's; None where too few couples of rounds are whole.

    Of a couple, one round ran the first arm first and one the other: each arm comes as often right after itself, which
    is faster, as after a switch.
    """
    blocks = {each.round: list_blocks(each) for each in rounds if not each.disturbance}
    whole = [blocks[number] for number in sorted(blocks) if number ^ 1 in blocks]
    if len(whole) < 2 * MIN_COUPLES:
        return None
    first, other = zip(*whole, strict=True)
    return PairDifference(compare(first, other), scatter_within(first, other, compare))


def list_blocks(timed: Round) -> tuple[Block, Block]:
    """Return the first arm's block of a round, and the other's."""
    if timed.laps is not None:
        return timed.laps
    first, other = timed.seconds
    return ((first,),), ((other,),)


def scatter_within(first: Sequence[Block], other: Sequence[Block], compare: CompareBlocks) -> float:
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
