"""What NVIDIA's driver says of its cards, through its own library (NVML), which starts no CUDA and holds no memory.

Without the library, a driver or a right answer the facts are None. Source: NVIDIA, "NVML API Reference Guide".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import psutil

from bench.measure.sysfs import ROOT, read_text
from bench.records.conditions import GpuConditions
from bench.records.environment import Gpu
from bench.records.journal import as_text

_SLOWED_BY = {
    0x1: "GpuIdle",
    0x2: "ApplicationsClocksSetting",
    0x4: "SwPowerCap",
    0x8: "HwSlowdown",
    0x10: "SyncBoost",
    0x20: "SwThermalSlowdown",
    0x40: "HwThermalSlowdown",
    0x80: "HwPowerBrakeSlowdown",
    0x100: "DisplayClockSetting",
}
"""Bits of nvmlDeviceGetCurrentClocksEventReasons. Source: nvml.h, "NvmlClocksEventReasons"."""


class Nvml:
    """The library, open: a question that it can't answer is answered with None."""

    def __init__(self, library: Any) -> None:
        self.library = library

    def ask(self, function: str, *arguments: object) -> Any:
        """Call one of its functions."""
        # An older driver lacks a function, an older library its name, a container the right to ask.
        with suppress(self.library.NVMLError, AttributeError, UnicodeDecodeError):
            return getattr(self.library, function)(*arguments)
        return None

    def find(self, uuid: str) -> Any:
        """Find a card by what torch calls it."""
        full = uuid if uuid.startswith(("GPU-", "MIG-")) else f"GPU-{uuid}"
        return self.ask("nvmlDeviceGetHandleByUUID", full.encode())

    def read_energy_joules(self, card: Any) -> float | None:
        """Read what a card has drawn since its driver was loaded; None where there is no such counter."""
        return _scale(self.ask("nvmlDeviceGetTotalEnergyConsumption", card), 1e-3)

    def is_split(self, card: Any) -> bool:
        """Say whether a card is split into parts (MIG), or is itself such a part."""
        modes = self.ask("nvmlDeviceGetMigMode", card)
        return bool(self.ask("nvmlDeviceIsMigDeviceHandle", card)) or (modes is not None and modes[0] == 1)


@contextmanager
def open_nvml(name: str = "pynvml") -> Iterator[Nvml | None]:
    """Open the library for a few questions; None where there is none, or no driver.

    Args:
        name: the module to import.
    """
    try:
        library = import_module(name)
        library.nvmlInit()
    except Exception:  # noqa: BLE001 - a missing module, a missing driver, a driver of another version: there is none
        yield None
        return
    nvml = Nvml(library)
    try:
        yield nvml
    finally:
        nvml.ask("nvmlShutdown")


def collect_driver(nvml: Nvml | None, root: Path = ROOT) -> str | None:
    """Read the version of NVIDIA's driver: from the library, or else from the kernel module."""
    version = nvml.ask("nvmlSystemGetDriverVersion") if nvml else None
    if version:
        return as_text(str(version), 50)
    found = re.search(r"\d+\.\d+(\.\d+)?", read_text(root / "proc/driver/nvidia/version") or "")
    return found[0] if found else None


def collect_gpus(nvml: Nvml | None, uuids: Mapping[str, str]) -> tuple[Gpu, ...] | None:
    """Collect what does not change on the cards that are measured.

    Args:
        uuids: name of a device -> what torch calls the card.
    """
    if nvml is None:
        return None
    gpus = []
    for name, uuid in uuids.items():
        card = nvml.find(uuid)
        persistent = nvml.ask("nvmlDeviceGetPersistenceMode", card) if card else None
        gpus.append(
            Gpu(
                name=name,
                uuid=as_text(uuid, 100),
                max_clock_hertz=_scale(nvml.ask("nvmlDeviceGetMaxClockInfo", card, 1) if card else None, 1e6),
                power_limit_watts=_scale(nvml.ask("nvmlDeviceGetEnforcedPowerLimit", card) if card else None, 1e-3),
                is_persistent=None if persistent is None else bool(persistent),
            )
        )
    return tuple(gpus)


def collect_gpu_conditions(nvml: Nvml | None, uuids: Mapping[str, str]) -> tuple[GpuConditions, ...] | None:
    """Collect what changes on the cards that are measured."""
    if nvml is None:
        return None
    found = []
    for name, uuid in uuids.items():
        card = nvml.find(uuid)
        found.append(GpuConditions(name=name) if card is None else _read_conditions(nvml, name, card))
    return tuple(found)


def _read_conditions(nvml: Nvml, name: str, card: Any) -> GpuConditions:
    reasons = nvml.ask("nvmlDeviceGetCurrentClocksEventReasons", card)
    if reasons is None:  # the name that drivers before 535 know
        reasons = nvml.ask("nvmlDeviceGetCurrentClocksThrottleReasons", card)
    processes = nvml.ask("nvmlDeviceGetComputeRunningProcesses", card)
    return GpuConditions(
        name=name,
        clock_hertz=_scale(nvml.ask("nvmlDeviceGetClockInfo", card, 1), 1e6),  # NVML_CLOCK_SM, MHz
        memory_clock_hertz=_scale(nvml.ask("nvmlDeviceGetClockInfo", card, 2), 1e6),  # NVML_CLOCK_MEM
        temperature_celsius=_scale(nvml.ask("nvmlDeviceGetTemperature", card, 0), 1.0),  # NVML_TEMPERATURE_GPU
        power_watts=_scale(nvml.ask("nvmlDeviceGetPowerUsage", card), 1e-3),
        slowed_by=None if reasons is None else tuple(word for bit, word in _SLOWED_BY.items() if reasons & bit),
        power_slowed_seconds=_read_violation(nvml, card, 0),  # NVML_PERF_POLICY_POWER
        heat_slowed_seconds=_read_violation(nvml, card, 1),  # NVML_PERF_POLICY_THERMAL
        other_processes=None if processes is None else _name_others([process.pid for process in processes]),
    )


def _read_violation(nvml: Nvml, card: Any, policy: int) -> float | None:
    violation = nvml.ask("nvmlDeviceGetViolationStatus", card, policy)
    return None if violation is None else _scale(violation.violationTime, 1e-9)


def _name_others(numbers: list[int]) -> tuple[str, ...]:
    """Name the processes that are neither ours nor started by us.

    A number that does not exist here belongs to another container's view of the machine: it may be our own, and is
    left out.
    """
    me = psutil.Process()
    ours = {me.pid, *(child.pid for child in me.children(recursive=True))}
    names = []
    for number in sorted(set(numbers) - ours):
        with suppress(psutil.Error, OverflowError, ValueError):
            names.append(f"{as_text(psutil.Process(number).name(), 100)} ({number})")
    return tuple(names[:20])


def _scale(value: Any, unit: float) -> float | None:
    """Convert to base units. Not readable is also what NVML says with all bits set, 2**32 - 1 or 2**64 - 1."""
    is_number = isinstance(value, int) and 0 <= value < 2**63 and value != 2**32 - 1
    return value * unit if is_number else None
