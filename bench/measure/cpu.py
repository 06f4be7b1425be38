"""What the CPU is, how much of it is ours, and what sets its speed."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from bench.measure.container import collect_cpu_quota
from bench.measure.sysfs import ROOT, as_count, read_count, read_text

_CPUS = Path("sys/devices/system/cpu")
_SENSORS = ("coretemp", "k10temp", "zenpower", "cpu_thermal")


def collect_cpu_model(root: Path = ROOT) -> str | None:
    """Read the CPU's name: from Linux's /proc/cpuinfo, macOS's sysctl, or Windows's registry."""
    for line in (read_text(root / "proc/cpuinfo") or "").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip() or None
    if sys.platform == "darwin":
        return ask_system("/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string")
    if sys.platform == "win32":
        return _read_registry()
    return platform.processor() or None


def collect_is_virtual(root: Path = ROOT) -> bool | None:
    """Read whether an x86 CPU reports a hypervisor (CPUID's bit for it, which Linux lists among the flags)."""
    for line in (read_text(root / "proc/cpuinfo") or "").splitlines():
        if line.startswith("flags"):
            return "hypervisor" in line.partition(":")[2].split()
    return None


def collect_affinity() -> tuple[int, ...] | None:
    """Read the numbers of the CPUs that this process may run on; None where a system has no such thing."""
    process = psutil.Process()
    return tuple(sorted(process.cpu_affinity())) if hasattr(process, "cpu_affinity") else None


def collect_num_cpus_granted(root: Path = ROOT) -> float | None:
    """Read how many CPUs this process may use: affinity, or a container's quota where that is less."""
    affinity = collect_affinity()
    num_cpus = psutil.cpu_count() if affinity is None else len(affinity)
    if num_cpus is None:
        return None
    return min(float(num_cpus), collect_cpu_quota(root) or float(num_cpus))


def collect_governor(root: Path = ROOT) -> str | None:
    """Read what chooses the frequency of the CPUs granted; where they differ, all of them.

    Source: Linux, Documentation/admin-guide/pm/cpufreq.rst.
    """
    numbers = collect_affinity() or range(psutil.cpu_count() or 0)
    read = [read_text(root / _CPUS / f"cpu{number}/cpufreq/scaling_governor") for number in numbers]
    return ", ".join(sorted({governor for governor in read if governor})) or None


def collect_boosts(root: Path = ROOT) -> bool | None:
    """Read whether the CPU may go over its nominal frequency.

    Source: Linux, Documentation/admin-guide/pm/intel_pstate.rst, "no_turbo"; cpufreq.rst, "boost".
    """
    without_turbo = read_text(root / _CPUS / "intel_pstate/no_turbo")
    with_boost = read_text(root / _CPUS / "cpufreq/boost")
    if without_turbo in ("0", "1"):
        return without_turbo == "0"
    return with_boost == "1" if with_boost in ("0", "1") else None


def collect_frequency_hertz() -> float | None:
    """Read the frequency at this moment, the mean over CPUs."""
    # What psutil raises where a system or a container hides the frequency differs from system to system.
    with suppress(OSError, NotImplementedError, RuntimeError, ValueError):
        frequency = psutil.cpu_freq()
        return frequency.current * 1e6 if frequency and frequency.current else None
    return None


def collect_temperature() -> float | None:
    """Read the hottest CPU sensor, in degrees Celsius."""
    if not hasattr(psutil, "sensors_temperatures"):
        return None
    with suppress(OSError, ValueError):
        sensors = psutil.sensors_temperatures()
        return max((sensor.current for name in _SENSORS for sensor in sensors.get(name, [])), default=None)
    return None


def collect_throttle_count(root: Path = ROOT) -> int | None:
    """Read how often heat has slowed a core since the start; Intel's CPUs tell.

    Source: Linux, Documentation/ABI/testing/sysfs-devices-system-cpu, "core_throttle_count".
    """
    counts = [read_count(path) for path in (root / _CPUS).glob("cpu[0-9]*/thermal_throttle/core_throttle_count")]
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def collect_cpu_seconds(root: Path = ROOT) -> tuple[float, float] | None:
    """Read all CPU time since the start, and how much of it the hypervisor gave to others."""
    return _read_cpu_times(root).get("cpu")


def collect_core_stolen_seconds(cores: Sequence[int] | None, root: Path = ROOT) -> float | None:
    """Read how much time of some CPUs the hypervisor has given to others since the start.

    Args:
        cores: their numbers; None for all.
    """
    times = _read_cpu_times(root)
    stolen = [times[name][1] for name in ("cpu",) if name in times]
    if cores is not None:
        stolen = [times[f"cpu{core}"][1] for core in cores if f"cpu{core}" in times]
    return sum(stolen) if stolen else None


def _read_cpu_times(root: Path) -> dict[str, tuple[float, float]]:
    """Read name of a CPU ("cpu" is all) -> seconds since the start, and those of them that were stolen.

    Source: proc_stat(5): user, nice, system, idle, iowait, irq, softirq, steal; guest time is within user's.
    """
    times = {}
    for line in (read_text(root / "proc/stat") or "").splitlines():
        name, *fields = line.split()
        counts = [as_count(field) for field in fields[:8]]
        known = [count for count in counts if count is not None]
        if name.startswith("cpu") and len(known) == 8:
            ticks_per_second = os.sysconf("SC_CLK_TCK")
            times[name] = (sum(known) / ticks_per_second, known[7] / ticks_per_second)
    return times


def ask_system(*command: str) -> str | None:
    """Run one of the system's own programs and return what it prints; None where it fails or is not there."""
    try:
        answer = subprocess.run(  # noqa: S603 - fixed commands
            command, capture_output=True, timeout=5, check=True, text=True, errors="replace"
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()


def _read_registry() -> str | None:
    key = r"HARDWARE\DESCRIPTION\System\CentralProcessor\0"
    if sys.platform != "win32":
        return None
    import winreg

    with suppress(OSError), winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, key) as opened:
        return str(winreg.QueryValueEx(opened, "ProcessorNameString")[0]).strip() or None
    return platform.processor() or None
