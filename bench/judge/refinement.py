"""Where to measure next, so that a crossing becomes known: by bisecting, and where that ends, by visiting again."""

from __future__ import annotations

import math
from collections.abc import Iterator

from bench.judge.crossing import Crossing, Encounter, Meeting

MAX_VISITS = 24
"""Of one point. What so many do not tell apart is left UNDECIDED."""


def choose_value(encounter: Encounter, resolution: float) -> tuple[float, int] | None:
    """Choose the value at which two curves should be measured next.

    Returns:
        How urgent that is (the logarithm of how wide the interval is; 0 where only whether they cross is open), and
        the value; None where all is known that can be.
    """
    wide = sorted(
        (each for each in encounter.crossings if not each.is_known_to(resolution)),
        key=lambda each: each.high / each.low,
        reverse=True,
    )
    for crossing in wide:
        value = _choose_inside(crossing, resolution)
        if value is not None:
            return math.log(crossing.high / crossing.low), value
    # At a single point nothing can cross, however well it is known.
    if encounter.meeting is Meeting.UNDECIDED and len(encounter.points) > 1:
        untold = [point for point in encounter.points if not point.sign and point.num_visits < MAX_VISITS]
        if untold:
            return 0.0, min(untold, key=lambda point: point.num_visits).value
    return None


def _choose_inside(crossing: Crossing, resolution: float) -> int | None:
    """Choose a value within the interval of a crossing.

    No point inside of it tells the curves apart. So what narrows it is a point between its end and the first inside;
    where there is no room for one, knowing better those that are there.
    """
    gaps = sorted(_list_gaps(crossing), key=lambda gap: gap[1] / gap[0], reverse=True)
    for low, high in gaps:
        middle = round(math.sqrt(low * high))
        if low < middle < high and high / low > 1 + resolution / 2:
            return middle
    known = [point for point in crossing.inside[1:-1] if point.num_visits < MAX_VISITS]
    return min(known, key=lambda point: point.num_visits).value if known else None


def _list_gaps(crossing: Crossing) -> Iterator[tuple[int, int]]:
    values = [point.value for point in crossing.inside]
    yield values[0], values[1]
    yield values[-2], values[-1]
