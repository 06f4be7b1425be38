"""How many threads are best, of counts that were measured together."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.judge.crossing import ALPHA, Paired, contrast


@dataclass(frozen=True, slots=True)
class BestCount:
    """The count with the least time, and those of which it can't be said that they are slower."""

    count: int
    ties: tuple[int, ...]
    time_ratio: float
    """Of a step, over the least count's."""


def find_best_count(visits: Sequence[Mapping[int, float]], alpha: float = ALPHA) -> BestCount | None:
    """Find the best count; None where too little was measured to hold any two against each other.

    Args:
        visits: of each visit: count -> seconds a step.
    """
    shared = [visit for visit in visits if len(visit) > 1]
    least = min((min(visit) for visit in shared), default=0)
    ratios = {
        count: statistics.fmean(each)
        for count in sorted({count for visit in shared for count in visit})
        if (each := [math.log(visit[count] / visit[least]) for visit in shared if count in visit and least in visit])
    }
    if len(ratios) < 2:
        return None
    best = min(ratios, key=lambda count: ratios[count])
    others = {
        count: tuple(math.log(visit[count] / visit[best]) for visit in shared if count in visit and best in visit)
        for count in ratios
        if count != best
    }
    points = contrast([Paired(count, differences) for count, differences in others.items() if differences], alpha)
    if points is None:
        return None
    # That a count is slower is the one side that is asked for; told in two ways, they use up the level.
    ties = tuple(point.value for point in points if point.sign <= 0)
    return BestCount(best, ties, math.exp(ratios[best]))
