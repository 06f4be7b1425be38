"""What torch finds on this machine, asked in a process that is thrown away.

Asking a device may initialise its runtime, and importing torch takes seconds: the coordinator does neither.
"""

from __future__ import annotations

import os
from multiprocessing.connection import Connection
from typing import cast

import msgspec

from bench.errors import FaultyDeviceError, UnavailableError
from bench.measure.clock import HOST_CLOCK, Clock
from bench.measure.process import ask_in_child
from bench.measure.truth import measure_truth
from bench.records.case import Case
from bench.records.environment import Accelerator
from bench.records.journal import as_text
from productnet.device import DEVICE_KINDS, Device, list_devices, open_device, why_absent
from productnet.errors import DeviceFaultError, DeviceUnavailableError, first_line
from productnet.exit_code import ExitCode
from productnet.registry import AMP, PRECISIONS

_TIMEOUT_SECONDS = 300.0
_MAX_BUILD_LENGTH = 20_000
_NUM_TRIES = 3
"""A missing wait fails the truth test every time, a busy neighbour hardly thrice."""


class TorchFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the installed torch is."""

    torch_version: str
    torch_commit: str | None
    torch_cuda_version: str | None
    cudnn_version: int | None
    cpu_capability: str
    numpy_version: str
    build: str | None = None
    """Compilers, libraries and flags."""
    parallel_info: str | None = None
    """Which library makes threads, and what it was told."""
    cuda_architectures: tuple[str, ...] | None = None


class Unusable(msgspec.Struct, frozen=True, kw_only=True):
    """Why a device can't be used, and the exit code for who asks for it."""

    reason: str
    exit_code: int
    is_present: bool
    """False where torch does not find it."""


class Refusal(msgspec.Struct, tag="refusal", frozen=True, kw_only=True):
    """Why there is no survey."""

    reason: str


class Survey(msgspec.Struct, tag="survey", frozen=True, kw_only=True):
    """The devices asked for that work, the best first, and why others do not."""

    devices: tuple[Accelerator, ...]
    unusable: dict[str, Unusable]
    torch: TorchFacts
    gpu_uuids: dict[str, str] = {}
    """Name of a device -> what tells its card from all others, where torch knows."""
    free_bytes: dict[str, int] = {}
    """Name of a device with memory of its own -> how much of it nobody held."""


def take_survey(asked: str) -> Survey:
    """Ask torch in a process of its own.

    Args:
        asked: a device's name; "auto" for the best that works, "all" for every one that torch finds.
    Raises:
        UnavailableError: when torch does not answer.
    """
    answer = ask_in_child(answer_survey, asked, _TIMEOUT_SECONDS)
    if answer is None:
        raise UnavailableError("torch can't be asked for its devices: it ended or hung; try: python -c 'import torch'")
    survey = msgspec.json.decode(answer, type=cast("type[Survey | Refusal]", Survey | Refusal))
    if isinstance(survey, Refusal):
        raise UnavailableError(f"torch can't be asked for its devices: {survey.reason}; is it installed?")
    return survey


def choose_devices(asked: str, survey: Survey) -> list[str]:
    """Resolve what the user named into devices that work.

    Args:
        asked: "auto" is the best one, "all" are all of them.
    Raises:
        UnavailableError: when it is not there or does not work.
        FaultyDeviceError: when it computes wrong values, or its timer lies.
    """
    working = [device.name for device in survey.devices]
    chosen = {"all": working, "auto": working[:1]}.get(asked, [asked] if asked in working else [])
    if not chosen:
        # There is always a CPU: where no device works, its reason is the one to hear.
        unusable = _find_unusable("cpu" if asked in ("all", "auto") else asked, survey, working)
        error = FaultyDeviceError if unusable.exit_code == ExitCode.INVALID else UnavailableError
        raise error(unusable.reason)
    return chosen


def _find_unusable(name: str, survey: Survey, working: list[str]) -> Unusable:
    """Say why a device can't be used; a survey of all knows absent kinds, and not each number that may be asked for."""
    known, kind = (survey.unusable.get(each) for each in (name, name.partition(":")[0]))
    if known is not None and (known.is_present or not working):
        # A survey of this device alone has been told by the device itself, others by name included.
        return known
    why = f": {kind.reason}" if kind is not None and not kind.is_present else ""
    reason = f"device {name} is not here{why}; use one of: {', '.join(working)}"
    return Unusable(reason=reason, exit_code=ExitCode.UNAVAILABLE, is_present=False)


def resolve_amp(cases: tuple[Case, ...], survey: Survey) -> tuple[Case, ...]:
    """Replace "amp" by what suits each case's device; cases that become equal are one."""
    suits = {device.name: device.amp_precision or AMP for device in survey.devices}
    return tuple(
        dict.fromkeys(
            msgspec.structs.replace(case, precision=suits[case.device]) if case.precision == AMP else case
            for case in cases
        )
    )


def drop_unusable(cases: tuple[Case, ...], survey: Survey) -> tuple[tuple[Case, ...], dict[str, str]]:
    """Leave out the cases in a precision that their device can't do.

    Returns:
        The others; and of those left out, the name -> why.
    """
    reasons = {device.name: device.unusable_precisions or {} for device in survey.devices}
    dropped = {
        case.name: reasons[case.device][case.precision] for case in cases if case.precision in reasons[case.device]
    }
    return tuple(case for case in cases if case.name not in dropped), dropped


def answer_survey(connection: Connection, asked: str) -> None:
    """Answer in the child: a survey, or why there is none."""
    # What drivers print while they are asked is no answer.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    try:
        answer: Survey | Refusal = _survey(asked)
    except Exception as error:  # noqa: BLE001 - whatever an import raises is the answer
        answer = Refusal(reason=as_text(f"{type(error).__name__}: {error}"))
    connection.send_bytes(msgspec.json.encode(answer))


def _survey(asked: str) -> Survey:
    devices = []
    uuids = {}
    free_bytes = {}
    unusable = {}
    for kind in DEVICE_KINDS:
        reason = why_absent(kind)
        if reason is not None:
            unusable[kind] = Unusable(reason=reason, exit_code=ExitCode.UNAVAILABLE, is_present=False)
    present = list_devices()
    # A card that nobody asked for is not woken.
    for name in present if asked in ("auto", "all") else [asked]:
        try:
            device = open_device(name)
            check_timer(device)
        except (DeviceUnavailableError, DeviceFaultError) as error:
            unusable[name] = Unusable(reason=str(error), exit_code=error.exit_code, is_present=name in present)
        else:
            devices.append(
                Accelerator(
                    name=name,
                    model_name=device.model_name,
                    memory_bytes=device.memory_bytes,
                    amp_precision=device.amp_precision(),
                    unusable_precisions={
                        name: reason for name in PRECISIONS if (reason := device.why_not(name)) is not None
                    },
                )
            )
            uuid = device.uuid()
            if uuid is not None:
                uuids[name] = uuid
            free = device.free_memory_bytes()
            if free is not None:
                free_bytes[name] = free
            if asked == "auto":
                break
    return Survey(
        devices=tuple(devices),
        unusable=unusable,
        torch=collect_torch_facts(),
        gpu_uuids=uuids,
        free_bytes=free_bytes,
    )


def collect_torch_facts() -> TorchFacts:
    """Collect what the installed torch is and how it was built."""
    import numpy as np
    import torch

    return TorchFacts(
        torch_version=str(torch.__version__),
        torch_commit=torch.version.git_version,
        torch_cuda_version=torch.version.cuda,
        cudnn_version=torch.backends.cudnn.version(),  # type: ignore[no-untyped-call]
        cpu_capability=torch.backends.cpu.get_cpu_capability(),
        numpy_version=np.__version__,
        build=as_text(torch.__config__.show(), _MAX_BUILD_LENGTH),
        parallel_info=as_text(torch.__config__.parallel_info(), _MAX_BUILD_LENGTH),
        cuda_architectures=tuple(torch.cuda.get_arch_list()),
    )


def check_timer(device: Device, clock: Clock = HOST_CLOCK) -> None:
    """Hold the truth test on a device.

    Raises:
        DeviceUnavailableError: when the device fails at the work.
        DeviceFaultError: when our timer and a value forced out disagree.
    Synchronizes: yes
    """
    import torch

    squares: dict[int, torch.Tensor] = {}
    product = torch.zeros(1, 1, device=device.torch_device)

    def hand_over(size: int) -> None:
        nonlocal product
        if size not in squares:
            squares.clear()
            squares[size] = torch.full((size, size), 1 / size, device=device.torch_device)
        product = squares[size] @ squares[size]

    def force_value() -> float:
        return product[0, 0].item()  # sync point

    try:
        for _ in range(_NUM_TRIES):
            truth = measure_truth(hand_over, force_value, device.synchronize, clock)
            if truth.is_true:
                return
    except RuntimeError as error:
        reason = first_line(error)
        raise DeviceUnavailableError(f"device {device.name} fails at the test of its timer: {reason}") from error
    raise DeviceFaultError(
        f"the timer can't be trusted on device {device.name}: work timed at {truth.timed_seconds:.3g} s took "
        f"{truth.forced_seconds:.3g} s until its value was there; use another device, or another build of torch"
    )
