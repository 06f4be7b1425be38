"""What this machine and this tool can do together, measured by races of known truth."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from bench.records.case import Count, ShortName
from bench.records.environment import Environment
from bench.records.journal import PositiveSeconds, Seconds, Text
from bench.records.run import SCHEMA


class Timer(Struct, frozen=True, kw_only=True):
    """The host's clock and the device's wait."""

    resolution_seconds: Seconds
    """The least that two readings differ by where they differ."""
    cost_seconds: Seconds
    """Of a reading."""
    floor_seconds: Seconds
    """What a block of nothing measures on the device, the wait for it included."""


class KnownRace(Struct, frozen=True, kw_only=True):
    """A race whose truth is known."""

    name: ShortName
    truth: float
    """ln(b / a); 0 where both arms do the same work."""
    verdict: ShortName
    num_pairs: Count
    mean: float
    half_width: Annotated[float, Meta(ge=0.0)]
    spread: Annotated[float, Meta(ge=0.0)]
    seconds: PositiveSeconds
    startup_seconds: Seconds
    """Before the first pair."""

    @property
    def holds_truth(self) -> bool:
        """Whether the interval holds the truth."""
        return abs(self.mean - self.truth) <= self.half_width


class SelfCheck(Struct, frozen=True, kw_only=True):
    """The contents of `selfcheck.json`."""

    schema: Annotated[int, Meta(ge=1, le=SCHEMA)] = SCHEMA
    started_at: Text
    """UTC, ISO 8601."""
    device: ShortName
    alpha: float
    dead_zone: float
    environment: Environment
    timer: Timer
    races: tuple[KnownRace, ...]
