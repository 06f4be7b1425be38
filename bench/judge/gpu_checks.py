"""Checks of NVIDIA's cards, from what their driver said before and after the rounds."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from bench.judge.findings import Evidence, Seen
from bench.records.conditions import Conditions, GpuConditions
from bench.records.environment import Gpu

LARGEST_CLOCK_CHANGE = 0.02
"""Cards step their clock by 7.5 or 15 MHz, under 1 % of it: a larger change is no rounding."""

_SLOWED = {
    "SwPowerCap": "power",
    "HwSlowdown": "heat or power",
    "SwThermalSlowdown": "heat",
    "HwThermalSlowdown": "heat",
    "HwPowerBrakeSlowdown": "the power supply",
}

_COUNTERS = {"power": "power_slowed_seconds", "heat": "heat_slowed_seconds"}


def find_gpu_throttling(evidence: Evidence) -> Iterator[Seen]:
    """Find that heat or power has held a card's clock down.

    Threshold: any of NVML's reasons but idleness and settings, at either moment, or a counter that has moved between
    the two of one wave; what moves it between waves is set-up, where the card's peak is measured at full power.
    Source: NVIDIA, NVML API Reference Guide, NvmlClocksEventReasons, nvmlDeviceGetViolationStatus.
    """
    for name, moments in _by_gpu(evidence).items():
        reasons = {_SLOWED[word] for each in moments for word in each.slowed_by or () if word in _SLOWED}
        reasons |= {cause for cause, counter in _COUNTERS.items() if _has_moved(evidence, name, counter)}
        if reasons:
            yield {"device": name, "reasons": ", ".join(sorted(reasons))}


def find_gpu_company(evidence: Evidence) -> Iterator[Seen]:
    """Find other processes that compute on a card that we measure. Threshold: one."""
    for name, moments in _by_gpu(evidence).items():
        others = {other for each in moments for other in each.other_processes or ()}
        if others:
            yield {"device": name, "processes": ", ".join(sorted(others))}


def find_unlocked_clocks(evidence: Evidence) -> Iterator[Seen]:
    """Find a card whose clock is free to move: NVML does not tell, but a locked one neither idles nor changes.

    Threshold: the reason GpuIdle at either moment, or a change by more than `LARGEST_CLOCK_CHANGE`.
    """
    for name, moments in _by_gpu(evidence).items():
        clocks = [each.clock_hertz for each in moments if each.clock_hertz]
        is_idling = any("GpuIdle" in (each.slowed_by or ()) for each in moments)
        if clocks and (is_idling or max(clocks) > (1 + LARGEST_CLOCK_CHANGE) * min(clocks)):
            gpu = _gpu(evidence, name)
            # About what makers call the base clock, which a card can hold: 1,095 of 1,410 MHz on an A100, say.
            fastest = gpu.max_clock_hertz if gpu and gpu.max_clock_hertz else max(clocks)
            yield _with_card(evidence, name) | {
                "lowest_hertz": min(clocks),
                "highest_hertz": max(clocks),
                "megahertz": f"{0.75 * fastest / 1e6:.0f}",
            }


def find_no_persistence(evidence: Evidence) -> Iterator[Seen]:
    """Find a card whose driver is unloaded whenever nobody uses it, settings and all.

    Source: NVIDIA, "Driver Persistence".
    """
    for gpu in _known(evidence):
        if gpu.is_persistent is False:
            yield _with_card(evidence, gpu.name)


def _by_gpu(evidence: Evidence) -> dict[str, list[GpuConditions]]:
    """Group what was seen of each card, in the order of time."""
    moments = [each for pair in evidence.pairs for each in pair if each is not None]
    found: dict[str, list[GpuConditions]] = {}
    for moment in moments:
        for gpu in moment.gpus or ():
            found.setdefault(gpu.name, []).append(gpu)
    return found


def _has_moved(evidence: Evidence, name: str, counter: str) -> bool:
    def read(moment: Conditions) -> float | None:
        return next((getattr(gpu, counter) for gpu in moment.gpus or () if gpu.name == name), None)

    return bool(evidence.count(read))


def _gpu(evidence: Evidence, name: str) -> Gpu | None:
    return next((gpu for gpu in _known(evidence) if gpu.name == name), None)


def _with_card(evidence: Evidence, name: str) -> Seen:
    """Name a card, and as nvidia-smi wants it: its own numbers are not CUDA's, a UUID is the same everywhere."""
    gpu = _gpu(evidence, name)
    uuid = gpu.uuid if gpu else None
    full = "" if uuid is None else uuid if uuid.startswith(("GPU-", "MIG-")) else f"GPU-{uuid}"
    return {"device": name, "card": f" -i {shlex.quote(full)}" if full else ""}


def _known(evidence: Evidence) -> tuple[Gpu, ...]:
    return (evidence.environment.recorded.gpus if evidence.environment else None) or ()
