"""Resident memory of this process, as the system counts it."""

from __future__ import annotations

import sys
from pathlib import Path

import psutil


def read_resident_bytes() -> int:
    """Read how much of this process lies in memory now."""
    resident: int = psutil.Process().memory_info().rss
    return resident


def reset_peak_bytes() -> bool:
    """Start counting the peak anew; False where the system can't.

    Source: Linux, proc(5), /proc/pid/clear_refs, value 5.
    """
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return False
    return True


def read_peak_bytes() -> int | None:
    """Read the most that did since the peak was reset, or ever; None where the system does not say.

    Linux: `VmHWM` of proc(5), since getrusage(2) there also counts what the process was before it was exec'd. macOS:
    `ru_maxrss`, in bytes. Windows: PeakWorkingSetSize.
    """
    if sys.platform == "win32":
        peak: int = psutil.Process().memory_info().peak_wset
        return peak
    if sys.platform == "darwin":
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return None
