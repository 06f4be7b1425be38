"""The phases of a batch, each on its own; what comes before it happens in the set-up of a round, untimed.

The timed call ends with a synchronise, and so does the set-up: a device that works asynchronously is timed whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from typing import TYPE_CHECKING

import pytest

from bench.workloads import Batch
from productnet.engines.step import Step

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

    from bench.workloads.productnet import ProductNet

NUM_ROUNDS = 1_000
NUM_WARMUP_ROUNDS = 20


def _batches(workload: ProductNet) -> Iterator[Batch]:
    """Return batches without end, epoch after epoch."""
    return chain.from_iterable(iter(workload.epoch, None))


def _step(workload: ProductNet) -> Step:
    step = workload.step()
    if step is None:
        pytest.skip("this engine runs a step as one piece")
    return step


def _measure(
    benchmark: BenchmarkFixture,
    workload: ProductNet,
    work: Callable[..., object],
    prepare: Callable[[], tuple[object, ...]],
) -> None:
    def timed(*arguments: object) -> None:
        work(*arguments)
        workload.device.synchronize()  # sync point

    def set_up() -> tuple[tuple[object, ...], dict[str, object]]:
        arguments = prepare()
        workload.device.synchronize()  # sync point
        return arguments, {}

    benchmark.pedantic(timed, setup=set_up, rounds=NUM_ROUNDS, warmup_rounds=NUM_WARMUP_ROUNDS)  # type: ignore[no-untyped-call]


@pytest.mark.benchmark(group="data")
def test_data(benchmark: BenchmarkFixture, workload: ProductNet) -> None:
    """Fetch a batch, its move to the device included.

    An epoch's first batch also pays for its order and, where batches are views, for the gather: read the mean.
    """
    batches = _batches(workload)
    _measure(benchmark, workload, lambda: next(batches), prepare=tuple)


@pytest.mark.benchmark(group="forward")
def test_forward(benchmark: BenchmarkFixture, workload: ProductNet) -> None:
    """From a batch to its loss."""
    batches = _batches(workload)
    _measure(benchmark, workload, _step(workload).forward, prepare=lambda: (next(batches),))


@pytest.mark.benchmark(group="backward")
def test_backward(benchmark: BenchmarkFixture, workload: ProductNet) -> None:
    """From the loss to the gradients; each needs a forward of its own, and gradients that are clear."""
    batches, step = _batches(workload), _step(workload)

    def prepare() -> tuple[object]:
        step.optimize()
        return (step.forward(next(batches)),)

    _measure(benchmark, workload, step.backward, prepare)


@pytest.mark.benchmark(group="optimizer")
def test_optimizer(benchmark: BenchmarkFixture, workload: ProductNet) -> None:
    """From the gradients to new parameters."""
    batches, step = _batches(workload), _step(workload)

    def prepare() -> tuple[()]:
        step.backward(step.forward(next(batches)))
        return ()

    _measure(benchmark, workload, step.optimize, prepare)


@pytest.mark.benchmark(group="inference")
def test_inference(benchmark: BenchmarkFixture, workload: ProductNet) -> None:
    """Predict a batch in eval mode and without gradients; entering and leaving both modes is in the time."""
    _measure(benchmark, workload, workload.infer, prepare=lambda: (workload.make_inputs(1),))
