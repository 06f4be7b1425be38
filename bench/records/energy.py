"""What counters of energy said of a case: while nothing worked, and while it trained."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from bench.records.case import Count, Name
from bench.records.rates import Reason

Scope = Literal["card", "cpu"]
"""What a counter counts: the card that a case runs on, or a package of processors."""
SCOPES: tuple[Scope, ...] = ("card", "cpu")
Joules = Annotated[float, Meta(ge=1e-9, le=1e15)]
"""No counter resolves less; whatever is above can be divided by."""
WindowSeconds = Annotated[float, Meta(ge=1e-6, le=1e9)]


class Drawn(Struct, frozen=True, kw_only=True):
    """What a counter went on by, from one of its refreshes to a later one."""

    joules: Joules
    seconds: WindowSeconds
    num_refreshes: Count
    """After the first of them."""

    @property
    def watts(self) -> float:
        """The mean power."""
        return self.joules / self.seconds


class Metered(Struct, frozen=True, kw_only=True):
    """What one counter said of a case, or why it says nothing."""

    scope: Scope
    name: Name
    """Say "NVML total energy", "RAPL package-0"."""
    idle: Drawn | None = None
    """Of the device while every worker waits, just before."""
    training: Drawn | None = None
    reason: Reason | None = None

    def __post_init__(self) -> None:
        parts = (self.idle, self.training)
        if None in parts if self.reason is None else any(parts):
            raise ValueError(f"{self.name} has either what it counted, idle and in training, or a reason")
