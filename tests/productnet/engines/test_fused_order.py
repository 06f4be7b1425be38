"""The order drawn in compiled code: torch's, to the last index, and torch's generator left where torch leaves it."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from productnet.config import TrainConfig
from productnet.engines.fused.stream import OrderStream, draws_as_torch
from productnet.errors import DeviceFaultError, ModeUnavailableError
from productnet.train import Training

SMALL = TrainConfig(device="cpu", engine="fused", num_samples=50, batch_size=20, num_heldout_samples=20)


@pytest.mark.parametrize(
    ("num_samples", "num_epochs"), [(2, 2_000), (3, 500), (623, 3), (624, 3), (625, 3), (1_000, 1_000), (100_003, 2)]
)
def test_every_epoch_is_drawn_as_torch_draws_it(num_samples: int, num_epochs: int) -> None:
    generator = torch.Generator().manual_seed(1)
    state = generator.get_state()
    stream = OrderStream(num_samples, state)
    orders = stream.draw(num_epochs)
    for order in orders:
        assert np.array_equal(order, torch.randperm(num_samples, generator=generator).numpy())
    stream.write(state)
    assert torch.equal(state, generator.get_state())


@pytest.mark.parametrize("num_drawn", [1, 623, 624, 625, 5_000])
def test_a_stream_is_taken_up_wherever_it_stands(num_drawn: int) -> None:
    generator = torch.Generator().manual_seed(7)
    torch.rand(num_drawn, generator=generator)
    stream = OrderStream(100, generator.get_state())
    assert np.array_equal(stream.draw(1)[0], torch.randperm(100, generator=generator).numpy())


def test_a_torch_that_draws_other_permutations_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert draws_as_torch(50)
    as_always = torch.randperm
    swapped = torch.tensor([1, 0, *range(2, 50)])
    monkeypatch.setattr(torch, "randperm", lambda *given, **also: as_always(*given, **also)[swapped])
    assert not draws_as_torch(50)
    with pytest.raises(ModeUnavailableError, match="draws others: use --engine eager"):
        Training(SMALL)


def test_a_torch_that_takes_more_numbers_for_a_permutation_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    as_always = torch.randperm

    def draw(count: int, generator: torch.Generator) -> torch.Tensor:
        drawn = as_always(count, generator=generator)
        torch.rand(1, generator=generator)
        return drawn

    monkeypatch.setattr(torch, "randperm", draw)
    assert not draws_as_torch(50)


def test_the_engine_leaves_the_order_where_the_other_engines_leave_it() -> None:
    fused, reference = Training(SMALL), Training(replace(SMALL, engine="reference"))
    for training in (fused, reference):
        training.train(3)
    assert fused.order.num_epochs_drawn == reference.order.num_epochs_drawn == 3
    assert torch.equal(fused.order.next_epoch(), reference.order.next_epoch())


def test_epochs_that_were_drawn_from_another_place_have_no_digest() -> None:
    training = Training(SMALL)

    def draw(state: torch.Tensor) -> Any:
        OrderStream(50, state).draw(1)  # without writing back where it is

    training.order.draw_elsewhere(1, draw)
    with pytest.raises(DeviceFaultError, match="in another order than the recipe's"):
        training.order.digest_into(hashlib.sha256())
