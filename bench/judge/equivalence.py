"""Whether trainings are as good as the reference's of the same seeds: two one-sided t tests on ln(held-out MSE)."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass

MIN_SEEDS = 3
"""Fewer pairs say too little of how seeds differ to be tested."""

LEVEL = 0.05
"""Of each of the two tests: how often a mode at the margin's edge may pass for equivalent."""

_SMALLEST_ERROR, _LARGEST_ERROR = 1e-60, 1e60
"""No float32 network comes near either; a ratio of two such errors, and its interval, still are numbers."""


@dataclass(frozen=True, slots=True)
class LogRatio:
    """How the held-out MSE of a mode compares with the reference's: ln(mode / reference), below 0 is better."""

    num_seeds: int
    mean: float
    half_width: float
    """Of the 90 % interval around the mean, on the logarithm."""

    @property
    def low(self) -> float:
        """Where the interval begins."""
        return self.mean - self.half_width

    @property
    def high(self) -> float:
        """Where the interval ends."""
        return self.mean + self.half_width

    def is_within(self, margin: float) -> bool:
        """Whether both tests reject that the true ratio is at the margin or beyond: the modes are equivalent."""
        return -margin < self.low and self.high < margin

    def is_beyond(self, margin: float) -> bool:
        """Whether the whole interval is beyond the margin, on one side: the modes differ by more than it."""
        return self.low > margin or self.high < -margin


def compare_errors(errors: Mapping[int, float | None], reference: Mapping[int, float | None]) -> LogRatio | None:
    """Pair errors with the reference's by seed, and estimate the mean of ln(error / reference).

    Two one-sided t tests at 5 % reject exactly where the 90 % t interval of the mean lies within the margins.

    Args:
        errors: seed -> held-out MSE; None is not finite.
        reference: likewise.
    Returns:
        None where that can't be estimated: other seeds, fewer than `MIN_SEEDS`, an error that has no logarithm.
    Source: Schuirmann (1987), "A comparison of the two one-sided tests procedure and the power approach", section 2.
    """
    if errors.keys() != reference.keys() or len(errors) < MIN_SEEDS:
        return None
    pairs = [(errors[seed], reference[seed]) for seed in sorted(errors)]
    if not all(_has_logarithm(ours) and _has_logarithm(theirs) for ours, theirs in pairs):
        return None
    differences = [math.log(ours) - math.log(theirs) for ours, theirs in pairs if ours and theirs]
    standard_error = statistics.stdev(differences) / math.sqrt(len(differences))
    return LogRatio(
        num_seeds=len(differences),
        mean=statistics.fmean(differences),
        half_width=_t_quantile(1 - LEVEL, len(differences) - 1) * standard_error,
    )


def _has_logarithm(error: float | None) -> bool:
    return error is not None and _SMALLEST_ERROR < error < _LARGEST_ERROR


def _t_quantile(probability: float, degrees_of_freedom: int) -> float:
    """Return the quantile of Student's t distribution."""
    # Imported where it is used: 0.1 to 0.2 s more than NumPy takes, which who tests nothing need not wait for.
    from scipy.special import stdtrit

    return float(stdtrit(degrees_of_freedom, probability))
