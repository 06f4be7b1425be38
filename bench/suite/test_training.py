"""Whole trainings: the recipe's 1,000 epochs, each from the start."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bench.judge.quality import MIN_R_SQUARED, RECIPE_EPOCHS

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

    from bench.workloads.productnet import ProductNet

NUM_ROUNDS = 3


@pytest.mark.benchmark(group="training")
def test_training(benchmark: BenchmarkFixture, workload: ProductNet) -> None:
    """Train to the end, and prove that it learned: no speed without quality."""

    def train() -> None:
        workload.train(RECIPE_EPOCHS)
        workload.device.synchronize()  # sync point: a device may still be at work when the call returns

    benchmark.pedantic(train, setup=workload.restart, rounds=NUM_ROUNDS)  # type: ignore[no-untyped-call]
    result = workload.training.result()
    benchmark.extra_info.update(
        num_epochs=RECIPE_EPOCHS,
        final_loss=result.final_loss,
        heldout_r_squared=result.heldout_accuracy.r_squared,
        digest=result.digest,
    )
    assert result.heldout_accuracy.r_squared >= MIN_R_SQUARED
