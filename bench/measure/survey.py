"""What torch finds on this machine, asked in a process that is thrown away.

Asking a device may initialise its runtime, and importing torch takes seconds: the coordinator does neither.
"""

from __future__ import annotations

import subprocess
import sys

import msgspec

from bench.errors import BenchError, UnavailableError
from bench.records.environment import Accelerator
from productnet.device import DEVICE_KINDS, list_devices, open_device, why_absent
from productnet.door import ExitCode
from productnet.errors import DeviceFaultError, DeviceUnavailableError

_TIMEOUT_SECONDS = 300.0


class TorchFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the installed torch is."""

    torch_version: str
    torch_commit: str | None
    torch_cuda_version: str | None
    cudnn_version: int | None
    cpu_capability: str
    numpy_version: str


class Unusable(msgspec.Struct, frozen=True, kw_only=True):
    """Why a device can't be used, and the exit code for who asks for it."""

    reason: str
    exit_code: int


class Survey(msgspec.Struct, frozen=True, kw_only=True):
    """The devices that work, the best first, and why others do not."""

    devices: tuple[Accelerator, ...]
    unusable: dict[str, Unusable]
    torch: TorchFacts


class DeviceRefusedError(BenchError):
    """A device that was asked for can't be used."""

    exit_code = ExitCode.UNAVAILABLE


class FaultyDeviceError(BenchError):
    """A device that was asked for computes wrong values."""

    exit_code = ExitCode.INVALID


def take_survey(asked: str) -> Survey:
    """Ask torch in a process of its own.

    Args:
        asked: the device that the user named; it is tried even where torch does not list it, for the reason.
    Raises:
        UnavailableError: when torch does not answer.
    """
    command = (sys.executable, "-m", "bench.measure.survey", asked)
    try:
        answer = subprocess.run(  # noqa: S603 - the command is ours
            command, capture_output=True, timeout=_TIMEOUT_SECONDS, check=True, stdin=subprocess.DEVNULL
        ).stdout
        return msgspec.json.decode(answer.splitlines()[-1], type=Survey)
    except subprocess.TimeoutExpired as error:
        raise UnavailableError(f"torch did not list its devices within {_TIMEOUT_SECONDS:.0f} s") from error
    except subprocess.CalledProcessError as error:
        words = error.stderr.decode(errors="backslashreplace").strip().splitlines() or ["no reason given"]
        raise UnavailableError(f"torch can't be asked for its devices: {words[-1]}; is it installed?") from error


def choose_devices(asked: str, survey: Survey) -> list[str]:
    """Resolve what the user named into devices that work.

    Args:
        asked: "auto" is the best one, "all" are all of them.
    Raises:
        DeviceRefusedError: when it is not there or does not work.
        FaultyDeviceError: when it computes wrong values.
    """
    working = [device.name for device in survey.devices]
    match asked:
        case "all":
            return working
        case "auto":
            return working[:1]
        case _ if asked in working:
            return [asked]
        case _:
            unusable = survey.unusable[asked]
            error = FaultyDeviceError if unusable.exit_code == ExitCode.INVALID else DeviceRefusedError
            raise error(unusable.reason)


def main(asked: str) -> None:
    """Answer in one line of JSON."""
    import numpy as np
    import torch

    devices = []
    unusable = {}
    for kind in DEVICE_KINDS:
        reason = why_absent(kind)
        if reason is not None:
            unusable[kind] = Unusable(reason=reason, exit_code=ExitCode.UNAVAILABLE)
    for name in dict.fromkeys([*list_devices(), *([] if asked in ("auto", "all") else [asked])]):
        try:
            device = open_device(name)
        except (DeviceUnavailableError, DeviceFaultError) as error:
            unusable[name] = Unusable(reason=str(error), exit_code=error.exit_code)
        else:
            devices.append(Accelerator(name=name, model_name=device.model_name, memory_bytes=device.memory_bytes))
    facts = TorchFacts(
        torch_version=str(torch.__version__),
        torch_commit=torch.version.git_version,
        torch_cuda_version=torch.version.cuda,
        cudnn_version=torch.backends.cudnn.version(),  # type: ignore[no-untyped-call]
        cpu_capability=torch.backends.cpu.get_cpu_capability(),
        numpy_version=np.__version__,
    )
    survey = Survey(devices=tuple(devices), unusable=unusable, torch=facts)
    sys.stdout.write(msgspec.json.encode(survey).decode() + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
