"""What may happen to a machine during a round of a race that has nothing to do with either arm.

Each is read before and after the round, blind to the arms; a round in which one happened counts for nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.measure.container import collect_quota_throttled_seconds
from bench.measure.cpu import collect_core_stolen_seconds, collect_throttle_count
from bench.measure.nvidia import collect_gpu_conditions, open_nvml
from bench.measure.sysfs import ROOT

LONGEST_SUSPENSION_SECONDS = 0.001
_SLOWING_REASONS = ("HwSlowdown", "HwThermalSlowdown", "HwPowerBrakeSlowdown", "SwThermalSlowdown")


@dataclass(frozen=True, slots=True)
class Look:
    """Counters at one moment; None where this system has no such counter."""

    stolen_seconds: float | None
    quota_throttled_seconds: float | None
    throttle_count: int | None
    asleep_seconds: float | None
    """How long the machine has been suspended since it was started."""
    gpu_troubles: tuple[str, ...]


def make_looker(gpu_uuids: Mapping[str, str], root: Path = ROOT) -> Callable[[Sequence[int] | None], Look]:
    """Return what looks at the machine; its argument are the CPUs that the pair runs on, None for all.

    Args:
        gpu_uuids: name of a device -> its card, of every card that an arm uses.
    """

    def look(cores: Sequence[int] | None) -> Look:
        return Look(
            stolen_seconds=collect_core_stolen_seconds(cores, root),
            quota_throttled_seconds=collect_quota_throttled_seconds(root),
            throttle_count=collect_throttle_count(root),
            asleep_seconds=_collect_asleep_seconds(),
            gpu_troubles=_collect_gpu_troubles(gpu_uuids) if gpu_uuids else (),
        )

    return look


def find_disturbance(before: Look, after: Look) -> str | None:
    """Say what happened between two looks, or None."""
    if _grew(before.asleep_seconds, after.asleep_seconds, LONGEST_SUSPENSION_SECONDS):
        return "the machine was suspended"
    if _grew(before.stolen_seconds, after.stolen_seconds):
        return "the hypervisor gave CPU time of these cores to others"
    if _grew(before.quota_throttled_seconds, after.quota_throttled_seconds):
        return "the container's CPU quota stopped its processes"
    if _grew(before.throttle_count, after.throttle_count):
        return "heat slowed a core"
    return after.gpu_troubles[0] if after.gpu_troubles else None


def _grew(before: float | None, after: float | None, by: float = 0.0) -> bool:
    return before is not None and after is not None and after - before > by


def _collect_asleep_seconds() -> float | None:
    """Read how much the clock that goes on while the machine sleeps is ahead of the one that does not (Linux)."""
    if not hasattr(time, "CLOCK_BOOTTIME"):
        return None
    return time.clock_gettime(time.CLOCK_BOOTTIME) - time.clock_gettime(time.CLOCK_MONOTONIC)


def _collect_gpu_troubles(gpu_uuids: Mapping[str, str]) -> tuple[str, ...]:
    with open_nvml() as nvml:
        conditions = collect_gpu_conditions(nvml, gpu_uuids) or ()
    troubles = []
    for each in conditions:
        slowed = [reason for reason in each.slowed_by or () if reason in _SLOWING_REASONS]
        if slowed:
            troubles.append(f"{each.name} was slowed down: {', '.join(slowed)}")
        if each.other_processes:
            troubles.append(f"others computed on {each.name}: {', '.join(each.other_processes)}")
    return tuple(troubles)
