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
    why_not: Callable[[int, str], str | None]
    """A precision -> why the device can't do it, as far as it tells; None where it may."""
    amp_precision: Callable[[int], str]
    """bf16 or fp16, whichever suits it."""
    uuid: Callable[[int], str | None]


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


def _why_not_on_cuda(index: int, precision: str) -> str | None:
    import torch

    major, minor = torch.cuda.get_device_capability(index)
    # Source: NVIDIA, CUDA C++ Programming Guide, "Compute Capabilities": TF32 and bfloat16 came with 8.0.
    if precision in ("tf32", "bf16") and major < 8:
        return f"it came with compute capability 8.0 (Ampere), and this card has {major}.{minor}; use fp16"
    return None


def _cuda_amp_precision(index: int) -> str:
    return "fp16" if _why_not_on_cuda(index, "bf16") else "bf16"


def _cuda_uuid(index: int) -> str | None:
    import torch

    uuid = getattr(torch.cuda.get_device_properties(index), "uuid", None)
    return None if uuid is None else str(uuid)


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


def _why_not_on_mps(_index: int, precision: str) -> str | None:
    import torch

    if precision == "bf16" and not torch.backends.mps.is_macos_or_newer(14, 0):
        return "it came to MPS with macOS 14; use fp16"
    return _why_no_tf32(_index, precision)


def _mps_amp_precision(index: int) -> str:
    return "fp16" if _why_not_on_mps(index, "bf16") else "bf16"


def _why_no_tf32(_index: int, precision: str) -> str | None:
    return "TF32 is a format of NVIDIA's cards; use fp32 or bf16" if precision == "tf32" else None


def _no_uuid(_index: int) -> None:
    """There is one, or none can be told from the others."""


def _shared_memory(_index: int) -> None:
    """The host's memory is the device's."""


def _nothing_to_wait_for(_index: int) -> None:
    """The CPU has done its work when the call returns."""


# The best first: "auto" takes the first that is there.
_KINDS = {
    "cuda": _Kind(
        "cuda",
        count=_cuda_count,
        why_none=_why_no_cuda,
        synchronize=_cuda_synchronize,
        model_name=_cuda_model_name,
        memory_bytes=_cuda_memory_bytes,
        why_not=_why_not_on_cuda,
        amp_precision=_cuda_amp_precision,
        uuid=_cuda_uuid,
    ),
    "mps": _Kind(
        "mps",
        count=_mps_count,
        why_none=_why_no_mps,
        synchronize=_mps_synchronize,
        model_name=_mps_model_name,
        memory_bytes=_shared_memory,
        why_not=_why_not_on_mps,
        amp_precision=_mps_amp_precision,
        uuid=_no_uuid,
    ),
    "cpu": _Kind(
        "cpu",
        count=lambda: 1,
        why_none=lambda: "",
        synchronize=_nothing_to_wait_for,
        model_name=lambda _index: "CPU",
        memory_bytes=_shared_memory,
        why_not=_why_no_tf32,
        amp_precision=lambda _index: "bf16",
        uuid=_no_uuid,
    ),
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

    def amp_precision(self) -> str:
        """Return the 16-bit precision that suits the device: bf16, or fp16 where that is missing."""
        kind, index = _split(self.name)
        return kind.amp_precision(index)

    def uuid(self) -> str | None:
        """Return what tells its card from all others, as the driver knows it; None where there is no such thing."""
        kind, index = _split(self.name)
        return kind.uuid(index)


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
        with suppress(DeviceUnavailableError, DeviceFaultError):
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
        square = torch.full((4, 4), 2.0, device="cuda:0" if name == "cuda" else name)
        total = (square @ square).sum().item()  # sync point
    except RuntimeError as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        others = ", ".join(other for other in present if other != name) or "none"
        raise DeviceUnavailableError(f"device {name} fails at its first work: {reason}; others: {others}") from error
    if total != 256.0:
        raise DeviceFaultError(f"device {name} computes wrong values: 256 expected, {total} came; use another device")
