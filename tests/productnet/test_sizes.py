"""Other sizes than the recipe's: wide, deep, none at all, one sample a batch; and memory that epochs do not eat."""

from __future__ import annotations

import gc
import math
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from productnet.batching import Batch
from productnet.config import TrainConfig
from productnet.keeper import CheckpointKeeper
from productnet.registry import BATCHINGS
from productnet.train import Training, fit, run_epochs
from tests.productnet.modes import ON_CPU

RECIPE = TrainConfig(device="cpu", num_heldout_samples=20)
WIDE = replace(RECIPE, hidden_sizes=(256, 256), num_samples=10_000, batch_size=1_000, num_epochs=2)


@pytest.mark.parametrize("engine", ON_CPU)
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


@pytest.mark.parametrize("engine", ON_CPU)
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


@pytest.mark.parametrize("batching", BATCHINGS)
@pytest.mark.parametrize(
    ("changes", "batch_sizes"),
    [
        ({"num_samples": 12, "batch_size": 1}, [1] * 12),
        ({"num_samples": 25, "batch_size": 10}, [10, 10, 5]),
        ({"num_samples": 21, "batch_size": 10}, [10, 10, 1]),
        ({"num_samples": 21, "batch_size": 10, "drop_last": True}, [10, 10]),
        ({"num_samples": 20, "batch_size": 20}, [20]),
        ({"num_samples": 2, "batch_size": 1, "hidden_sizes": (1, 1, 1)}, [1, 1]),
    ],
)
def test_a_training_meets_every_batch_of_its_recipe(
    batching: str, changes: dict[str, Any], batch_sizes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    training = Training(replace(RECIPE, batching=batching, **changes))
    met: list[int] = []
    epoch = training.batching.epoch

    def watched() -> Iterator[Batch]:
        for batch in epoch():
            met.append(len(batch[0]))
            yield batch

    monkeypatch.setattr(training.batching, "epoch", watched)
    training.train(2)
    assert met == batch_sizes * 2


def _count_tensors() -> int:
    gc.collect()
    # By type: asking some of torch's own lazy objects for their class warns.
    return sum(issubclass(type(each), torch.Tensor) for each in gc.get_objects())


SHORT = replace(RECIPE, num_samples=100, batch_size=20, num_epochs=30)


@pytest.mark.parametrize("batching", BATCHINGS)
@pytest.mark.parametrize("engine", ON_CPU)
def test_no_tensor_of_an_epoch_outlives_it(engine: str, batching: str) -> None:
    training = Training(replace(SHORT, engine=engine, batching=batching))
    training.prepare()
    training.train(3)
    before = _count_tensors()
    training.train(30)
    assert _count_tensors() <= before


def test_a_tensor_of_an_epoch_that_is_kept_is_counted() -> None:
    training = Training(SHORT)
    before = _count_tensors()
    kept = [training.order.next_epoch() for _ in range(30)]
    assert _count_tensors() == before + len(kept)


def test_keeping_checkpoints_holds_two_states_however_many_epochs_there_are(tmp_path: Path) -> None:
    training, keeper = Training(SHORT), CheckpointKeeper(tmp_path)
    training.train(1)
    before = _count_tensors()
    run_epochs(training, on_epoch=keeper.see)
    assert _count_tensors() - before <= 2 * len(list(training.model.parameters()))


def _bytes_an_epoch(training: Training, on_epoch: Callable[[Training], None] | None) -> float:
    """Measure what an epoch leaves behind in Python's memory, once torch has filled the caches of its own."""
    training.train(200)
    tracemalloc.start()
    try:
        training.train(100)
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(200):
            training.train(1)
            if on_epoch is not None:
                on_epoch(training)
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return (after - before) / 200


def test_an_epoch_leaves_one_number_behind() -> None:
    # A float of 24 bytes, its place in a list, and the list's room to grow.
    assert _bytes_an_epoch(Training(SHORT), None) < 100


def test_an_epoch_that_left_its_steps_losses_behind_would_be_seen() -> None:
    kept: list[list[float]] = []

    def keep_five(training: Training) -> None:
        kept.append([training.epoch_losses[-1] + number for number in range(5)])

    assert _bytes_an_epoch(Training(SHORT), keep_five) > 150
