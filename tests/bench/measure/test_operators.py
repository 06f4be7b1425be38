from __future__ import annotations

from dataclasses import dataclass, field

import pytest
import torch
from torch._C._autograd import DeviceType

from bench.measure.operators import count_calls, count_events


@dataclass
class Event:
    name: str
    device_type: DeviceType = DeviceType.CPU
    cpu_children: list[Event] = field(default_factory=list)
    is_user_annotation: bool = False


def test_operators_are_those_that_call_no_other() -> None:
    numbers = torch.ones(2, 2)
    assert count_calls(lambda: torch.relu(numbers)) == (1, 0)  # it calls clamp_min
    assert count_calls(lambda: [numbers.add_(numbers) for _ in range(5)]) == (5, 0)
    assert count_calls(lambda: None) == (0, 0)


def test_what_ran_on_a_device_is_counted_apart_and_ranges_that_were_named_are_not() -> None:
    inner = Event("aten::mm")
    events = [
        Event("aten::linear", cpu_children=[inner]),
        inner,
        Event("cudaLaunchKernel"),
        Event("a kernel", DeviceType.CUDA),
        Event("a copy", DeviceType.CUDA),
        Event("a range", DeviceType.CUDA, is_user_annotation=True),
    ]
    assert count_events(events) == (1, 2)


def test_counting_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    count_calls(lambda: None)
    assert capfd.readouterr() == ("", "")
