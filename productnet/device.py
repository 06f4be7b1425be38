"""Where tensors live: "cpu", "cuda:1", "mps", ... The only file that branches on the kind of a device.

torch is imported inside the functions, so that names can be checked without it. Nothing here falls back: a device that
is not there is an error that lists those that are.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from productnet.errors import ConfigError, DeviceFaultError, DeviceUnavailableError

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True)
class _Kind:
    """What differs between kinds of device; adding one is adding an entry to `_KINDS`."""

    name: str
    count: Callable[[], int]
    why_none: Callable[[], str]
    synchronize: Callable[[int], None]
    model_name: Callable[[int], str]
    memory_bytes: Callable[[int], int | None]


def _cuda_count() -> int:
    import torch

    return torch.cuda.device_count()


def _why_no_cuda() -> str:
    import torch

    if torch.version.cuda is None and torch.version.hip is None:
        return f"torch {torch.__version__} is built without CUDA"
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return f"CUDA_VISIBLE_DEVICES={visible!r} shows no card"
    return f"torch {torch.__version__} finds no card or no driver"


def _cuda_synchronize(index: int) -> None:
    import torch

    torch.cuda.synchronize(index)


def _cuda_model_name(index: int) -> str:
    import torch

    return torch.cuda.get_device_name(index)


def _cuda_memory_bytes(index: int) -> int:
    import torch

    return torch.cuda.get_device_properties(index).total_memory


def _mps_count() -> int:
    import torch

    return int(torch.backends.mps.is_available())


def _why_no_mps() -> str:
    import torch

    if not torch.backends.mps.is_built():
        return f"torch {torch.__version__} is built without MPS"
    return "this system offers no Metal device"


def _mps_synchronize(_index: int) -> None:
    import torch

    torch.mps.synchronize()


def _mps_model_name(_index: int) -> str:
    import torch

    return torch.backends.mps.get_name() if hasattr(torch.backends.mps, "get_name") else "Apple GPU"


def _shared_memory(_index: int) -> None:
    """The host's memory is the device's."""


def _nothing_to_wait_for(_index: int) -> None:
    """The CPU has done its work when the call returns."""


# The best first: "auto" takes the first that is there.
_KINDS = {
    "cuda": _Kind("cuda", _cuda_count, _why_no_cuda, _cuda_synchronize, _cuda_model_name, _cuda_memory_bytes),
    "mps": _Kind("mps", _mps_count, _why_no_mps, _mps_synchronize, _mps_model_name, _shared_memory),
    "cpu": _Kind("cpu", lambda: 1, lambda: "", _nothing_to_wait_for, lambda _index: "CPU", _shared_memory),
}

DEVICE_KINDS = tuple(_KINDS)
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

    @property
    def torch_device(self) -> torch.device:
        """The same for torch."""
        import torch

        return torch.device(self.name)

    def synchronize(self) -> None:
        """Wait until all work given to the device is done. Synchronizes: yes."""
        kind, index = _split(self.name)
        kind.synchronize(index)


def check_device_name(name: str, also: tuple[str, ...] = ()) -> str:
    """Return a device's name in its one spelling ("cuda:0" is "cuda"), asking no device.

    Args:
        also: further words that the caller takes.
    Raises:
        ConfigError: when it is no name of a device.
    """
    if name not in also and not _NAME.fullmatch(name):
        raise ConfigError(f"device {name!r} is not known: use one of {', '.join((*_ACCEPTED, *also))}")
    return "cuda" if name == "cuda:0" else name


def list_devices() -> list[str]:
    """Name the devices that torch reports here, the best first. They may still fail: `open_device` tries."""
    return [
        kind.name if index == 0 else f"{kind.name}:{index}" for kind in _KINDS.values() for index in range(kind.count())
    ]


def why_absent(kind_name: str) -> str | None:
    """Say why there is no device of a kind, or None where there is one."""
    kind = _KINDS[kind_name]
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
    for name in present[:-1]:
        with suppress(DeviceUnavailableError):
            return open_device(name)
    return open_device(present[-1])


def _split(name: str) -> tuple[_Kind, int]:
    kind_name, _, index = name.partition(":")
    return _KINDS[kind_name], int(index or 0)


def _count_visible(kind: _Kind) -> str:
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    cause = "" if visible is None else f" with CUDA_VISIBLE_DEVICES={visible!r}"
    return f"{kind.count()} of that kind are visible{cause}"


def _try_out(name: str, present: list[str]) -> None:
    import torch

    try:
        square = torch.full((4, 4), 2.0, device=name)
        total = (square @ square).sum().item()  # sync point
    except RuntimeError as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        others = ", ".join(other for other in present if other != name) or "none"
        raise DeviceUnavailableError(f"device {name} fails at its first work: {reason}; others: {others}") from error
    if total != 256.0:
        raise DeviceFaultError(f"device {name} computes wrong values: 256 expected, {total} came; use another device")
