"""Where tensors live: "cpu", "cuda:1", "mps", ...

torch is imported inside the functions, so that names can be checked without it. Nothing here falls back: a device that
is not there is an error that lists those that are.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from productnet.errors import ConfigError, DeviceFaultError, DeviceUnavailableError, first_line
from productnet.kinds import KINDS, Kind, Marks, PhaseTiming

if TYPE_CHECKING:
    import torch


DEVICE_KINDS = tuple(KINDS)
_NAME = re.compile(r"auto|cpu|mps|cuda(:(0|[1-9][0-9]{0,3}))?")
_ACCEPTED = ("cpu", "cuda", "cuda:N", "mps", "auto")


@dataclass(frozen=True, slots=True)
class Device:
    """One device that is there and has computed a right value."""

    name: str
    """"cpu", "cuda", "cuda:1", "mps"."""
    model_name: str
    """What the maker calls it; "CPU" for a CPU."""
    memory_bytes: int | None
    """Its own memory; None where it shares the host's."""
    passed_over: tuple[str, ...] = ()
    """Why each device that "auto" would have liked better was not taken."""

    @property
    def torch_device(self) -> torch.device:
        """The same for torch, with its number where it has one: torch's plain "cuda" is whichever card is current."""
        import torch

        return torch.device("cuda:0" if self.name == "cuda" else self.name)

    def synchronize(self) -> None:
        """Wait until all work given to the device is done. Synchronizes: yes."""
        kind, index = _split(self.name)
        kind.synchronize(index)

    def why_not(self, precision: str) -> str | None:
        """Say why the device can't do a precision, as far as it tells; None where it may."""
        kind, index = _split(self.name)
        return kind.why_not(index, precision)

    def uuid(self) -> str | None:
        """Return what tells its card from all others, as the driver knows it; None where there is no such thing."""
        kind, index = _split(self.name)
        return kind.uuid(index)

    @property
    def phase_timing(self) -> PhaseTiming:
        """How the phases of a step are told apart on it."""
        kind, _ = _split(self.name)
        return kind.PHASE_TIMING

    def make_marks(self) -> Marks | None:
        """Return marks for its queue of work; None where it has none."""
        kind, index = _split(self.name)
        return kind.make_marks(index)

    def free_memory_bytes(self) -> int | None:
        """Return how much of its own memory nobody holds now; None where it shares the host's."""
        kind, index = _split(self.name)
        return kind.free_memory_bytes(index)

    def reset_peak_memory(self) -> None:
        """Start counting its peak memory anew."""
        kind, index = _split(self.name)
        kind.reset_peak_memory(index)

    def peak_memory_bytes(self) -> int | None:
        """Return the most bytes that tensors have held there since then; None where nobody counts."""
        kind, index = _split(self.name)
        return kind.peak_memory_bytes(index)

    def amp_precision(self) -> str:
        """Return the 16-bit precision that suits the device: bf16, or fp16 where that is missing."""
        kind, index = _split(self.name)
        return kind.amp_precision(index)


def check_device_name(name: str, also: tuple[str, ...] = ()) -> str:
    """Return a device's name in its one spelling ("cuda:0" is "cuda"), asking no device.

    Args:
        also: further words that the caller takes.
    Raises:
        ConfigError: when it is no name of a device.
    """
    if name not in also and not (isinstance(name, str) and _NAME.fullmatch(name)):
        raise ConfigError("device", f"{name!r} is not known: use one of {', '.join((*_ACCEPTED, *also))}")
    return "cuda" if name == "cuda:0" else name


def list_devices() -> list[str]:
    """Name the devices that torch reports here, the best first. They may still fail: `open_device` tries."""
    return [name if index == 0 else f"{name}:{index}" for name, kind in KINDS.items() for index in range(kind.count())]


def why_absent(kind_name: str) -> str | None:
    """Say why there is no device of a kind, or None where there is one."""
    kind = KINDS[kind_name]
    return None if kind.count() else kind.why_none()


def open_device(name: str) -> Device:
    """Find a device by its name and try it: allocate, multiply, and compare with the known value.

    Trying matters: hosted macOS machines report MPS and fail at the first allocation
    (actions/runner-images#9918). "auto" is the best device that passes; a device that was named is never replaced.

    Raises:
        ConfigError: when it is no name of a device.
        DeviceUnavailableError: when it is not there, or fails; with the reason and the devices that are there.
        DeviceFaultError: when it computes a wrong value.
    Synchronizes: yes
    """
    name = check_device_name(name)
    present = list_devices()
    if name == "auto":
        return _open_best(present)
    kind, index = _split(name)
    if name not in present:
        reason = kind.why_none() if not kind.count() else _count_visible(kind)
        raise DeviceUnavailableError(f"device {name} is not here: {reason}; use one of: {', '.join(present)}")
    _try_out(name, present)
    return Device(name, kind.model_name(index), kind.memory_bytes(index))


def _open_best(present: list[str]) -> Device:
    passed_over: list[str] = []
    for name in present[:-1]:
        try:
            return replace(open_device(name), passed_over=tuple(passed_over))
        except (DeviceUnavailableError, DeviceFaultError) as error:
            passed_over.append(str(error))
    return replace(open_device(present[-1]), passed_over=tuple(passed_over))


def _split(name: str) -> tuple[Kind, int]:
    kind_name, _, index = name.partition(":")
    return KINDS[kind_name], int(index or 0)


def _count_visible(kind: Kind) -> str:
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    cause = "" if visible is None else f" with CUDA_VISIBLE_DEVICES={visible!r}"
    return f"{kind.count()} of that kind are visible{cause}"


def _try_out(name: str, present: list[str]) -> None:
    import torch

    try:
        square = torch.full((4, 4), 2.0, device="cuda:0" if name == "cuda" else name)
        total = (square @ square).sum().item()  # sync point
    except RuntimeError as error:
        reason = first_line(error)
        others = ", ".join(other for other in present if other != name) or "none"
        raise DeviceUnavailableError(f"device {name} fails at its first work: {reason}; others: {others}") from error
    if total != 256.0:
        raise DeviceFaultError(f"device {name} computes wrong values: 256 expected, {total} came; use another device")
