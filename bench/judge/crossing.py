"""Where one curve overtakes another: from how their times compare at some points of an axis, pair by pair.

Nothing is taken for granted of the curves' form but that they do not cross twice between two neighbouring points at
which one and then the other is shown to be faster. So the interval of a crossing is what lies between two such points.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

DEAD_ZONE = 0.005
"""A share: a smaller difference is none that anybody would act on, and luck of a process's layout may make one."""

MIN_FREEDOM = 3
"""Degrees of freedom of the spread between visits, under which nothing is said: from points visited more than once."""

MIN_OWN_VISITS = MIN_FREEDOM + 1
"""A point that was visited so often may be told by its own spread alone: else one wild point would hide what all others
show."""

ALPHA = 0.05
"""How often the interval of a crossing may miss, or a pair of curves be said not to cross that does."""


class Meeting(StrEnum):
    """What may be said of two curves."""

    CROSSES = "CROSSES"
    NOT_WITHIN = "NOT WITHIN"
    """One is faster at every point."""
    UNDECIDED = "UNDECIDED"


@dataclass(frozen=True, slots=True)
class Paired:
    """How two curves compare at one point of the axis."""

    value: int
    differences: tuple[float, ...]
    """ln(second / first) of their times, one of each visit; above 0 the second is slower."""


@dataclass(frozen=True, slots=True)
class Contrasted:
    """The same, with what can be told of it."""

    value: int
    mean: float
    num_visits: int
    sign: int
    """1 where the second curve is shown to be slower, -1 where it is shown to be faster, else 0."""


@dataclass(frozen=True, slots=True)
class Crossing:
    """One curve overtakes another."""

    second_is_faster_above: bool
    value: float
    low: int
    high: int
    """The interval: one curve is shown to be faster at its lower end, and the other at its upper."""
    inside: tuple[Contrasted, ...]
    """The points from end to end of it."""

    def is_known_to(self, resolution: float) -> bool:
        """Say whether no value in the interval is further from its geometric middle than a share, or it has none."""
        return self.high - self.low <= 1 or self.high / self.low <= (1 + resolution) ** 2


@dataclass(frozen=True, slots=True)
class Encounter:
    """Two curves over the whole of an axis."""

    meeting: Meeting
    points: tuple[Contrasted, ...]
    crossings: tuple[Crossing, ...] = ()
    reason: str | None = None
    """Why it is UNDECIDED."""


def judge_encounter(pairs: Sequence[Paired], alpha: float = ALPHA) -> Encounter:
    """Judge where two curves cross.

    Args:
        pairs: of each point at which both were measured together, in the order of their values.
        alpha: shared out evenly over the points (Bonferroni), since any of them may be the one that misleads.
    """
    points = contrast(pairs, alpha)
    if points is None:
        reason = "too few points were visited more than once by both"
        return Encounter(Meeting.UNDECIDED, tuple(map(_without_sign, pairs)), reason=reason)
    told = [place for place, point in enumerate(points) if point.sign]
    crossings = tuple(
        _find_crossing(points[before : after + 1])
        for before, after in pairwise(told)
        if points[before].sign != points[after].sign
    )
    if crossings:
        return Encounter(Meeting.CROSSES, points, crossings)
    untold = [str(point.value) for point in points if not point.sign]
    if untold:
        return Encounter(Meeting.UNDECIDED, points, reason=f"which is faster can't be told at {', '.join(untold)}")
    if len(points) < 2:
        return Encounter(Meeting.UNDECIDED, points, reason="both were measured at a single point")
    return Encounter(Meeting.NOT_WITHIN, points)


def _without_sign(pair: Paired) -> Contrasted:
    return Contrasted(pair.value, statistics.fmean(pair.differences), len(pair.differences), 0)


def contrast(pairs: Sequence[Paired], alpha: float) -> tuple[Contrasted, ...] | None:
    """Say at each point which curve is faster; None where too little was measured to say how sure that is.

    The spread between visits is pooled over all points; a point whose own is larger has its own. One that was visited
    often is told as well where its own spread alone tells it. Where points scatter alike each way errs to the wrong
    side at half of the level, at one look; what many looks and other scatters make of it is simulated
    (`bench.campaigns.sweep_coverage`).
    """
    # Imported where it is used: 0.1 to 0.2 s, which who only asks for help need not wait for.
    from scipy.special import stdtrit

    freedom = sum(len(pair.differences) - 1 for pair in pairs)
    if freedom < MIN_FREEDOM:
        return None
    means = [statistics.fmean(pair.differences) for pair in pairs]
    squares = [sum((each - mean) ** 2 for each in pair.differences) for pair, mean in zip(pairs, means, strict=True)]
    pooled = sum(squares) / freedom
    level = 1 - alpha / (2 * len(pairs))
    quantile = float(stdtrit(freedom, level))
    points = []
    for pair, mean, square in zip(pairs, means, squares, strict=True):
        num_visits = len(pair.differences)
        own = square / max(1, num_visits - 1)
        half_width = quantile * math.sqrt(max(pooled, own) / num_visits)
        if num_visits >= MIN_OWN_VISITS:
            half_width = min(half_width, float(stdtrit(num_visits - 1, level)) * math.sqrt(own / num_visits))
        reach = half_width + math.log1p(DEAD_ZONE)
        points.append(Contrasted(pair.value, mean, num_visits, (mean > reach) - (mean < -reach)))
    return tuple(points)


def _find_crossing(points: tuple[Contrasted, ...]) -> Crossing:
    first, last = points[0], points[-1]
    turns = [(left, right) for left, right in pairwise(points) if (left.mean < 0) != (right.mean < 0)]
    value = _find_zero(turns[0] if len(turns) == 1 else points)
    return Crossing(
        second_is_faster_above=last.sign < 0,
        value=min(max(value, first.value), last.value),
        low=first.value,
        high=last.value,
        inside=points,
    )


def _find_zero(points: Sequence[Contrasted]) -> float:
    """Find where a line through some points, straight on the logarithm of the axis, goes through 0."""
    places = [math.log(point.value) for point in points]
    heights = [point.mean for point in points]
    slope, height = statistics.linear_regression(places, heights)
    return math.exp(-height / slope) if slope else math.sqrt(points[0].value * points[-1].value)
