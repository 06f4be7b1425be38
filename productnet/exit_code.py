"""How a command ends: one table for every command of the project."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What the number says; where several apply, the order is 130, 70, 5, 6, 75, 1, 7."""

    FINE = 0
    CONDITION = 1
    """Slower, or another condition that a gate holds a result against."""
    USAGE = 2
    UNAVAILABLE = 3
    NOT_COMPARABLE = 4
    INVALID = 5
    FAILED_CASES = 6
    INCONCLUSIVE = 7
    BUG = 70
    UNSTABLE = 75
    INTERRUPTED = 130
