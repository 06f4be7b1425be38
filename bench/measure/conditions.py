"""The machine at one moment, and when a run looks at it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from bench.measure import cpu
from bench.measure.container import collect_quota_throttled_seconds
from bench.measure.nvidia import collect_gpu_conditions, open_nvml
from bench.measure.sysfs import ROOT
from bench.records.conditions import Conditions, Moment
from bench.records.progress import Progress


def collect_conditions(moment: Moment, wave: int, gpu_uuids: Mapping[str, str], root: Path = ROOT) -> Conditions:
    """Collect what changes while a machine measures."""
    seconds = cpu.collect_cpu_seconds(root)
    with open_nvml() as nvml:
        gpus = collect_gpu_conditions(nvml, gpu_uuids)
    return Conditions(
        moment=moment,
        wave=wave,
        load_average_1_minute=collect_load_average(),
        cpu_frequency_hertz=cpu.collect_frequency_hertz(),
        cpu_temperature_celsius=cpu.collect_temperature(),
        cpu_seconds=seconds[0] if seconds else None,
        stolen_seconds=seconds[1] if seconds else None,
        quota_throttled_seconds=collect_quota_throttled_seconds(root),
        cpu_throttle_count=cpu.collect_throttle_count(root),
        gpus=gpus,
    )


def collect_load_average() -> float | None:
    """Read how many processes were ready to run, on average over a minute; None on Windows."""
    if not hasattr(os, "getloadavg"):
        return None
    with suppress(OSError):
        return os.getloadavg()[0]
    return None


def watch(
    on_progress: Callable[[Progress], None],
    journal: Callable[[Conditions], None],
    collect: Callable[[Moment, int], Conditions],
) -> Callable[[Progress], None]:
    """Return what shows progress and looks at the machine at both ends of each wave's trainings.

    Progress is told between two blocks, when every worker sleeps and holds what it has allocated: looking then costs no
    sample anything, and finds a device as the blocks do.
    """
    looked: set[tuple[int, str]] = set()

    def show(progress: Progress) -> None:
        on_progress(progress)
        moments: dict[str, Moment] = {"training": "before", "phases and inference": "after"}
        moment = moments.get(progress.stage)
        if moment is not None and (progress.wave, moment) not in looked:
            looked.add((progress.wave, moment))
            journal(collect(moment, progress.wave))

    return show
