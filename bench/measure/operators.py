"""How many operators and kernels a piece of training calls, as torch's profiler sees them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_OPERATOR = "aten::"


def count_calls(work: Callable[[], object]) -> tuple[int, int]:
    """Run some work and count what it calls.

    Returns:
        Operators that call no other one, on the host; kernels and copies on devices with a queue of their own.
    Synchronizes: yes
    """
    from torch.profiler import profile, supported_activities

    activities = supported_activities()  # type: ignore[no-untyped-call]
    with _saying_nothing(), profile(activities=activities) as profiler:
        work()
    return count_events(profiler.events() or [])


def count_events(events: Any) -> tuple[int, int]:
    """Count operators that call no other one, and what ran on a device."""
    from torch._C._autograd import DeviceType

    num_operators = num_kernels = 0
    for event in events:
        if event.device_type != DeviceType.CPU:
            num_kernels += not event.is_user_annotation
        elif event.name.startswith(_OPERATOR):
            num_operators += not any(child.name.startswith(_OPERATOR) for child in event.cpu_children)
    return num_operators, num_kernels


@contextmanager
def _saying_nothing() -> Iterator[None]:
    """Send nowhere what is printed: torch's profiler says on standard error that it starts and stops."""
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
