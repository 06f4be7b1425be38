"""Other sizes than the recipe's: wide, deep, none at all, one sample a batch; and memory that epochs do not eat."""

from __future__ import annotations

import gc
import math
from dataclasses import replace

import pytest
import torch

from productnet.config import TrainConfig
from productnet.registry import BATCHINGS, ENGINES
from productnet.train import Training, fit

RECIPE = TrainConfig(device="cpu", num_heldout_samples=20)
WIDE = replace(RECIPE, hidden_sizes=(256, 256), num_samples=10_000, batch_size=1_000, num_epochs=2)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_wide_network_trains_in_every_engine_and_batching(engine: str) -> None:
    losses = {batching: fit(replace(WIDE, engine=engine, batching=batching)).epoch_losses for batching in BATCHINGS}
    assert len(set(losses.values())) == 1
    first, second = losses["manual"]
    assert second < 0.5 * first


@pytest.mark.parametrize("batching", BATCHINGS)
def test_one_sample_a_batch_is_trained_on(batching: str) -> None:
    result = fit(replace(RECIPE, batching=batching, num_samples=12, batch_size=1, num_epochs=3))
    assert math.isfinite(result.final_loss)
    assert result.final_loss < result.epoch_losses[0]


@pytest.mark.parametrize("engine", ENGINES)
def test_one_sample_a_batch_has_the_losses_of_the_reference_in_every_engine(engine: str) -> None:
    config = replace(RECIPE, num_samples=6, batch_size=1, num_epochs=2)
    assert fit(replace(config, engine=engine)).epoch_losses == pytest.approx(fit(config).epoch_losses, rel=1e-4)


@pytest.mark.parametrize("hidden_sizes", [(), (1,), (3, 4, 5, 6)])
def test_any_depth_trains(hidden_sizes: tuple[int, ...]) -> None:
    result = fit(replace(RECIPE, hidden_sizes=hidden_sizes, num_samples=100, num_epochs=20))
    assert result.final_loss < result.epoch_losses[0]


def test_a_short_last_batch_is_trained_on_unless_it_is_dropped() -> None:
    config = replace(RECIPE, num_samples=25, batch_size=10, num_epochs=2)
    kept, dropped = fit(config), fit(replace(config, drop_last=True))
    assert Training(config).config.num_steps_per_epoch == 3
    assert kept.epoch_losses != dropped.epoch_losses
    assert kept.digest != dropped.digest


def _count_tensors() -> int:
    gc.collect()
    # By type: asking some of torch's own lazy objects for their class warns.
    return sum(issubclass(type(each), torch.Tensor) for each in gc.get_objects())


@pytest.mark.parametrize("engine", ENGINES)
def test_no_tensor_of_an_epoch_outlives_it(engine: str) -> None:
    training = Training(replace(RECIPE, engine=engine, num_samples=100, batch_size=20))
    training.prepare()
    training.train(3)
    before = _count_tensors()
    training.train(30)
    assert _count_tensors() <= before
