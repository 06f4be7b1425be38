"""Where the level of a series of times changes: advice to look there, and no verdict."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

MIN_LEVEL = 5
"""So many values make a level; fewer are outliers."""

MIN_VALUES = 2 * MIN_LEVEL
"""Of fewer there can't be two levels."""

PENALTY = 3.0
"""Times ln(number of values): what a change must explain. `docs/method.md` has how often it is found where none is."""

SMALLEST = 0.005
"""A change by less than this share is none that anybody would look for."""


@dataclass(frozen=True, slots=True)
class Change:
    """From one level to the next."""

    position: int
    """Of the first value of the new level."""
    before: float
    """Median of the level before."""
    after: float
    num_before: int
    num_after: int

    @property
    def ratio(self) -> float:
        """After over before."""
        return self.after / self.before


def find_changes(values: Sequence[float]) -> list[Change] | None:
    """Find the changes in values in the order of their time; None where there are too few of them.

    By rank, so that neither the shape of the noise nor a few outliers matter. Values that hang together with their
    neighbours (a machine's moods) look like changes more often than chance alone.

    Source: Killick, Fearnhead and Eckley (2012), "Optimal Detection of Changepoints With a Linear Computational Cost";
    cost by rank: Lung-Yut-Fong, Levy-Leduc and Cappe (2015), "Homogeneity and Change-point Detection Tests for
    Multivariate Data Using Rank Statistics".
    """
    if len(values) < MIN_VALUES:
        return None
    import ruptures
    from scipy.stats import rankdata

    ranks = rankdata(values)
    spread = ranks.std()
    if spread == 0:
        return []
    # Around their mean, and scaled: squared distances of ranks are then what the rank statistics compare.
    search = ruptures.KernelCPD(kernel="linear", min_size=MIN_LEVEL).fit(
        ((ranks - ranks.mean()) / spread).reshape(-1, 1)
    )
    borders = [int(border) for border in search.predict(pen=PENALTY * math.log(len(values)))]
    return _drop_smallest(values, [0, *borders])


def _drop_smallest(values: Sequence[float], borders: list[int]) -> list[Change]:
    """Join levels that are almost the same, the closest first."""
    while True:
        changes = [_describe(values, first, border, last) for (first, border), (_, last) in pairwise(pairwise(borders))]
        closest = min(changes, key=lambda change: abs(math.log(change.ratio)), default=None)
        if closest is None or abs(math.log(closest.ratio)) >= math.log1p(SMALLEST):
            return changes
        borders.remove(closest.position)


def _describe(values: Sequence[float], first: int, border: int, last: int) -> Change:
    before, after = values[first:border], values[border:last]
    return Change(border, statistics.median(before), statistics.median(after), len(before), len(after))
