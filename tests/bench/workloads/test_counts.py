from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from bench.records.rates import StepWork
from bench.workloads.counts import count_step_work
from productnet.config import TrainConfig
from productnet.model import MLP


@pytest.mark.parametrize(
    ("changes", "work"),
    [
        # 100 samples of 1,046 (944 in products, 50 in biases, 48 in ReLUs, 4 in the loss), 193 parameters of 13
        ({}, (107_109, 1_200 + 24 * 193, 12_000 + 12 * 193)),
        ({"batch_size": 1}, (1_046 + 2_509, 12 + 24 * 193, 12_000 + 12 * 193)),
        # 4 batches, of 300, 300, 300 and 100 samples
        ({"batch_size": 300}, (261_500 + 2_509, 3_000 + 24 * 193, 12_000 + 12 * 193)),
        # forward 2 * 2 + 1, loss 4, backward 2 * 2 + 1; 3 parameters
        ({"hidden_sizes": ()}, (1_400 + 39, 1_200 + 24 * 3, 12_000 + 12 * 3)),
    ],
)
def test_the_work_of_a_step_is_counted_by_hand(changes: dict[str, object], work: tuple[int, int, int]) -> None:
    num_flops, num_bytes, working_set_bytes = work
    expected = StepWork(num_flops=num_flops, num_bytes=num_bytes, working_set_bytes=working_set_bytes)
    assert count_step_work(TrainConfig(**changes)) == expected  # type: ignore[arg-type]


def test_most_of_the_work_of_a_wide_network_is_what_torch_counts_of_its_products() -> None:
    config = TrainConfig(hidden_sizes=(256, 256))
    inputs, targets = torch.zeros(config.batch_size, 2), torch.zeros(config.batch_size, 1)
    model = MLP(config.layer_sizes)
    with FlopCounterMode(display=False) as counter:
        torch.nn.functional.mse_loss(model(inputs), targets).backward()  # type: ignore[no-untyped-call]
    products = counter.get_total_flops()
    assert products < count_step_work(config).num_flops < 1.05 * products
