"""What changes on a machine while it measures: taken before the first round of a wave and after its last.

Counters run since the machine was started; only their differences mean something.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from bench.records.case import Index

Moment = Literal["before", "after"]


class GpuConditions(Struct, frozen=True, kw_only=True):
    """What the driver says of a card at one moment; None where it does not say."""

    name: str
    """Of the device, say cuda:1."""
    clock_hertz: float | None = None
    """Of the multiprocessors."""
    memory_clock_hertz: float | None = None
    temperature_celsius: float | None = None
    power_watts: float | None = None
    slowed_by: tuple[str, ...] | None = None
    """Why the clock is lower than it might be, in NVML's words; "GpuIdle" where nobody works."""
    power_slowed_seconds: float | None = None
    """A counter: how long power has held the clock down."""
    heat_slowed_seconds: float | None = None
    """A counter: how long heat has."""
    other_processes: tuple[str, ...] | None = None
    """Who else computes on the card: program and process number. A container may hide others."""


class Conditions(Struct, tag="conditions", frozen=True, kw_only=True):
    """The machine at one moment; every worker is waiting."""

    moment: Moment
    wave: Index = 0
    load_average_1_minute: float | None = None
    cpu_frequency_hertz: float | None = None
    cpu_temperature_celsius: float | None = None
    cpu_seconds: float | None = None
    """A counter: time of all CPUs together, idle or not."""
    stolen_seconds: float | None = None
    """A counter: time in which a CPU was ready to run us and the hypervisor ran somebody else."""
    quota_throttled_seconds: float | None = None
    """A counter: how long a container's quota has stopped it."""
    cpu_throttle_count: int | None = None
    """A counter: how often heat has slowed a core."""
    gpus: tuple[GpuConditions, ...] | None = None
