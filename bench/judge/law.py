"""What a curve follows: a fixed cost a step and a cost for each unit of work, as far as it was measured."""

from __future__ import annotations

from dataclasses import dataclass

CLOSE = 0.15
"""A law describes a curve where it foretells each point that it was not fitted to within this share."""


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate, and where it may lie with a probability of 95 %."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What the other points foretell of one that lies between them."""

    work: float
    error: float
    """Foretold over measured, less 1."""
    error_beside: float
    """The same of the law without a bend, scaled by what it is off at the two points beside this one."""


@dataclass(frozen=True, slots=True)
class Law:
    """What a curve follows."""

    fixed: Interval
    """Seconds a step that the work does not change; as no cost is below 0, its interval ends there."""
    each: Interval
    """Seconds for a unit of work, below the bend where there is one."""
    bend: float | None
    """The work beyond which a unit costs more."""
    each_beyond: Interval | None
    """Seconds for a unit beyond the bend."""
    knee: Interval | None
    """The work of which half a step's time is fixed: below it a step costs about the same whatever it does. None where
    a cost is not shown to be above 0."""
    default_share: Interval | None
    """Which share of the recipe's step is fixed cost; None likewise."""
    smallest: float
    largest: float
    """The range of work that it was fitted to."""
    left_out: tuple[LeftOut, ...]

    @property
    def largest_error(self) -> float:
        """By how much it misses, at most, a point that it was not fitted to."""
        return max(abs(each.error) for each in self.left_out)

    @property
    def largest_error_beside(self) -> float:
        """The same of the law without a bend, scaled by what it is off at the points beside."""
        return max(abs(each.error_beside) for each in self.left_out)

    @property
    def is_close(self) -> bool:
        """Whether it describes the curve."""
        return self.largest_error <= CLOSE
