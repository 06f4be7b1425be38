"""Counters of energy: NVML's of a card, RAPL's of the packages of processors. What can't be read says why.

None is ever replaced by a rating, a share of use or a constant.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.measure.nvidia import Nvml, open_nvml
from bench.measure.sysfs import ROOT, read_count, read_text
from bench.records.energy import Scope
from bench.records.journal import as_text

NVML_NAME = "NVML total energy"
RAPL_NAME = "RAPL"


@dataclass(frozen=True, slots=True)
class Counter:
    """A counter of joules since some moment, or why there is none."""

    scope: Scope
    name: str
    read: Callable[[], float | None] = lambda: None
    """None where it can't be read any more."""
    range_joules: float | None = None
    """After so many it begins anew at 0; None where it never does, or where that is not known."""
    reason: str | None = None
    min_seconds: float = 2.0
    """That it is to be watched for at least."""


@contextmanager
def open_counters(device: str, gpu_uuids: Mapping[str, str], root: Path = ROOT) -> Iterator[Sequence[Counter]]:
    """Find the counters of what a case on a device draws; NVML stays open meanwhile.

    Args:
        device: of the case.
        gpu_uuids: name of a device -> what tells its card from all others, also where some are hidden from us.
        root: where /sys is.
    """
    if device == "cpu":
        yield find_packages(root)
        return
    uuid = gpu_uuids.get(device)
    if uuid is None:
        reason = f"nothing here reads a counter of energy of {device}"
        yield (Counter("card", device, reason=reason), *find_packages(root))
        return
    with open_nvml() as nvml:
        yield (find_card(nvml, uuid), *find_packages(root))


def find_card(nvml: Nvml | None, uuid: str) -> Counter:
    """Find the counter of a card.

    Source: NVIDIA, "NVML API Reference Guide", nvmlDeviceGetTotalEnergyConsumption: millijoules since the driver was
    loaded, of Volta and newer.
    """
    reason = _why_no_card(nvml, uuid)
    if nvml is None or reason is not None:
        return Counter("card", NVML_NAME, reason=reason)
    card = nvml.find(uuid)
    # However often it moves, what it adds up may be seen every 100 ms only: a hundred of those.
    return Counter("card", NVML_NAME, lambda: nvml.read_energy_joules(card), min_seconds=10.0)


def _why_no_card(nvml: Nvml | None, uuid: str) -> str | None:
    if nvml is None:
        return "NVML can't be opened: there is no NVIDIA driver, or no nvidia-ml-py"
    card = nvml.find(uuid)
    if card is None:
        return as_text(f"NVML does not find the card {uuid}")
    if uuid.startswith("MIG-") or nvml.is_split(card):
        return "the card is split (MIG), and its counter counts all parts together"
    if nvml.read_energy_joules(card) is None:
        return "the driver gives no total energy of this card: Volta and newer have one"
    return None


def find_packages(root: Path = ROOT) -> tuple[Counter, ...]:
    """Find the counters of all packages, or one that says why there are none.

    Source: Linux, Documentation/power/powercap/powercap.rst.
    """
    zones = sorted((root / "sys/class/powercap").glob("intel-rapl:*"))
    packages = [zone for zone in zones if re.fullmatch(r"intel-rapl:[0-9]+", zone.name) and _is_package(zone)]
    if not packages:
        reason = "none in /sys/class/powercap: a virtual machine, another processor, or another system"
        return (Counter("cpu", RAPL_NAME, reason=reason),)
    return tuple(map(_make_package, packages))


def _is_package(zone: Path) -> bool:
    """Tell a package from the platform ("psys"), which has all packages in it."""
    return (read_text(zone / "name") or "").startswith("package")


def _make_package(zone: Path) -> Counter:
    name = as_text(f"{RAPL_NAME} {read_text(zone / 'name')}", 200)
    energy = zone / "energy_uj"
    if read_count(energy) is None:
        shown = f"/sys/class/powercap/{zone.name}/energy_uj"
        return Counter("cpu", name, reason=f"needs read access to {shown}: sudo chmod a+r {shown}")
    span = read_count(zone / "max_energy_range_uj")
    return Counter("cpu", name, lambda: _as_joules(read_count(energy)), _as_joules(span))


def _as_joules(microjoules: int | None) -> float | None:
    return None if microjoules is None else microjoules * 1e-6
