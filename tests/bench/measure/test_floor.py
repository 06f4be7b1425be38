from __future__ import annotations

import pytest
import torch

from bench.measure.floor import find_floor, measure_multiply_adds_per_second
from bench.workloads.productnet import count_multiply_adds
from productnet.config import TrainConfig
from productnet.device import Device
from productnet.precision import Arithmetic
from tests.bench.measure.fakes import ScriptedClock

CPU = Device("cpu", "CPU", None)
FP32 = Arithmetic("fp32", "cpu")


def test_the_rate_is_that_of_a_product_long_enough_to_be_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = ScriptedClock()
    sizes = []

    def multiply(left: torch.Tensor, _right: torch.Tensor) -> None:
        sizes.append(len(left))
        clock.pass_time(1e-4 + len(left) ** 3 / 1e11)

    monkeypatch.setattr(torch, "matmul", multiply)
    rate = measure_multiply_adds_per_second(CPU, FP32, clock)
    assert rate == pytest.approx(1e11, rel=0.05)
    assert sizes[-1] == 1_024


def test_a_floor_is_the_multiply_adds_at_twice_the_rate() -> None:
    assert find_floor(47_200, 5e10) == pytest.approx(0.472e-6)
    assert find_floor(None, 5e10) is None
    assert find_floor(47_200, None) is None


@pytest.mark.parametrize(
    ("changes", "count"),
    [
        # 472 a sample: three products of 32 + 128 + 8, less the gradient of the inputs
        ({}, 47_200),
        ({"batch_size": 1}, 472),
        # 4 batches, of 300, 300, 300 and 100 samples
        ({"batch_size": 300}, 118_000),
        ({"batch_size": 300, "drop_last": True}, 141_600),
        ({"hidden_sizes": ()}, 400),
    ],
)
def test_multiply_adds_are_counted_by_hand(changes: dict[str, object], count: int) -> None:
    assert count_multiply_adds(TrainConfig(**changes)) == count  # type: ignore[arg-type]
