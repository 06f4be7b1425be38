"""Whether the machine saves power: a laptop on its battery, or a system that was told to."""

from __future__ import annotations

import re
import sys
from contextlib import suppress
from pathlib import Path

import psutil

from bench.measure.cpu import ask_system
from bench.measure.sysfs import ROOT, read_text

LOW_POWER = "low-power"
"""What every system's saving mode is called here; Linux's own word."""


def collect_is_on_battery() -> bool | None:
    """Read whether a battery feeds the machine; None where there is no battery."""
    if not hasattr(psutil, "sensors_battery"):
        return None
    with suppress(OSError, ValueError, NotImplementedError):
        battery = psutil.sensors_battery()
        return None if battery is None or battery.power_plugged is None else not battery.power_plugged
    return None


def collect_power_profile(root: Path = ROOT) -> str | None:
    """Read what the system prefers: Linux's platform profile, macOS's low power mode, Windows's power scheme.

    Source: Linux, Documentation/userspace-api/sysfs-platform_profile.rst; pmset(1), "lowpowermode".
    """
    if sys.platform == "darwin":
        return parse_pmset(ask_system("/usr/bin/pmset", "-g"))
    if sys.platform == "win32":
        return parse_powercfg(ask_system("powercfg", "/getactivescheme"))
    return read_text(root / "sys/firmware/acpi/platform_profile")


def parse_pmset(printed: str | None) -> str | None:
    """Read macOS's low power mode from what `pmset -g` prints; None where this Mac has none."""
    found = re.search(r"^\s*lowpowermode\s+([01])\s*$", printed or "", re.MULTILINE)
    return None if found is None else (LOW_POWER if found[1] == "1" else "normal")


def parse_powercfg(printed: str | None) -> str | None:
    """Read the active scheme from what `powercfg /getactivescheme` prints; its identifier, as names are translated.

    Source: Microsoft Learn, "Power Policy Settings", GUID_MAX_POWER_SAVINGS.
    """
    found = re.search(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", (printed or "").lower())
    if found is None:
        return None
    return LOW_POWER if found[0] == "a1841308-3541-4fab-bc81-f71556f20b4a" else found[0]
