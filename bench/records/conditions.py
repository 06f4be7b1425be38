"""What changes on a machine while it measures: taken before the first round of a wave and after its last.

Counters run since the machine was started; only their differences mean something.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from bench.records.case import Index, Name, Number

Moment = Literal["before", "after"]
Names = Annotated[tuple[Name, ...], Meta(max_length=1_000)]


class GpuConditions(Struct, frozen=True, kw_only=True):
    """What the driver says of a card at one moment; None where it does not say."""

    name: Name
    """Of the device, say cuda:1."""
    clock_hertz: Number | None = None
    """Of the multiprocessors."""
    memory_clock_hertz: Number | None = None
    temperature_celsius: Number | None = None
    power_watts: Number | None = None
    slowed_by: Names | None = None
    """Why the clock is lower than it might be, in NVML's words; "GpuIdle" where nobody works."""
    power_slowed_seconds: Number | None = None
    """A counter: how long power has held the clock down."""
    heat_slowed_seconds: Number | None = None
    """A counter: how long heat has."""
    other_processes: Names | None = None
    """Who else computes on the card: program and process number. A container may hide others."""


class Conditions(Struct, tag="conditions", frozen=True, kw_only=True):
    """The machine at one moment; every worker is waiting."""

    moment: Moment
    wave: Index = 0
    load_average_1_minute: Number | None = None
    cpu_frequency_hertz: Number | None = None
    cpu_temperature_celsius: Number | None = None
    cpu_seconds: Number | None = None
    """A counter: time of all CPUs together, idle or not."""
    stolen_seconds: Number | None = None
    """A counter: time in which a CPU was ready to run us and the hypervisor ran somebody else."""
    quota_throttled_seconds: Number | None = None
    """A counter: how long a container's quota has stopped it."""
    cpu_throttle_count: Index | None = None
    """A counter: how often heat has slowed a core."""
    gpus: Annotated[tuple[GpuConditions, ...], Meta(max_length=1_000)] | None = None
