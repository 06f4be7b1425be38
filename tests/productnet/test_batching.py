from __future__ import annotations

import gc
import hashlib
import multiprocessing
import os
import signal
import tracemalloc
from collections import deque
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import DataLoader, TensorDataset

from productnet.batching import (
    Batching,
    BatchOrder,
    epoch_mean,
    make_batching,
)
from productnet.config import TrainConfig
from productnet.data import Dataset, draw_training_data
from productnet.device import Device
from productnet.errors import LoaderError
from productnet.loaders import DataLoaderBatching, _SampleSampler
from productnet.registry import BATCHINGS
from productnet.train import fit

CPU = Device("cpu", "CPU", None)
WITH_WORKERS = ("dataloader:2", "dataloader-batched:2")
forking = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning", "ignore:This DataLoader will create")


def _order(num_samples: int, seed: int = 3) -> BatchOrder:
    return BatchOrder(num_samples, torch.Generator().manual_seed(seed).get_state())


def _data(config: TrainConfig) -> Dataset:
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(config.seed)
        return draw_training_data(config)


def _epochs(batching: Batching, num_epochs: int) -> list[list[tuple[torch.Tensor, torch.Tensor]]]:
    return [list(batching.epoch()) for _ in range(num_epochs)]


def test_each_epoch_is_the_next_permutation_of_the_stream() -> None:
    order = _order(1_000)
    stream = torch.Generator().manual_seed(3)
    for _ in range(3):
        assert torch.equal(order.next_epoch(), torch.randperm(1_000, generator=stream))


def test_the_order_starts_within_the_stream_and_not_at_its_seed() -> None:
    stream = torch.Generator().manual_seed(3)
    torch.rand(10, generator=stream)
    order = BatchOrder(20, stream.get_state())
    assert torch.equal(order.next_epoch(), torch.randperm(20, generator=stream))


def test_the_stock_loaders_numbers_are_the_order_and_take_less_memory_than_the_samples() -> None:
    num_samples = 200_000
    assert list(_SampleSampler(_order(num_samples))) == _order(num_samples).next_epoch().tolist()
    sampler = _SampleSampler(_order(num_samples))
    tracemalloc.start()
    deque(sampler, maxlen=0)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 24 * num_samples


def test_the_order_neither_reads_nor_moves_the_streams_of_others() -> None:
    state = torch.Generator().manual_seed(3).get_state()
    order = BatchOrder(20, state)
    first = order.next_epoch()
    before = torch.get_rng_state()
    state.zero_()
    order.restart()
    assert torch.equal(order.next_epoch(), first)
    assert torch.equal(torch.get_rng_state(), before)


def test_restarting_goes_back_to_the_first_epoch() -> None:
    order = _order(50)
    epochs = [order.next_epoch() for _ in range(3)]
    order.restart()
    assert order.num_epochs_drawn == 0
    assert all(torch.equal(order.next_epoch(), epoch) for epoch in epochs)
    assert not torch.equal(epochs[0], epochs[1])


@settings(max_examples=30)
@given(st.integers(2, 300), st.integers(0, 2**63 - 1))
def test_every_epoch_holds_every_sample_once(num_samples: int, seed: int) -> None:
    order = _order(num_samples, seed)
    for _ in range(2):
        assert sorted(order.next_epoch().tolist()) == list(range(num_samples))


def test_the_digest_covers_exactly_the_epochs_drawn_and_draws_none() -> None:
    order = _order(30)
    expected = hashlib.sha256()
    for _ in range(2):
        expected.update(order.next_epoch().numpy().tobytes())
    for _ in range(2):
        digest = hashlib.sha256()
        order.digest_into(digest)
        assert digest.hexdigest() == expected.hexdigest()
    assert order.num_epochs_drawn == 2
    third = order.next_epoch()
    order.restart()
    assert torch.equal(third, [order.next_epoch() for _ in range(3)][-1])


def test_the_digest_starts_over_with_a_restart() -> None:
    order = _order(30)
    order.next_epoch()
    order.restart()
    digest = hashlib.sha256()
    order.digest_into(digest)
    assert digest.hexdigest() == hashlib.sha256().hexdigest()


@pytest.mark.parametrize("name", BATCHINGS)
def test_batches_are_the_samples_in_their_order_and_the_last_holds_the_rest(name: str) -> None:
    config = TrainConfig(device="cpu", batching=name, num_samples=25, batch_size=10)
    data = _data(config)
    batching = make_batching(config, data, _order(25), CPU)
    order = _order(25)
    for batches in _epochs(batching, 2):
        assert [len(features) for features, _ in batches] == config.batch_sizes == [10, 10, 5]
        shuffled = order.next_epoch()
        assert torch.equal(torch.cat([features for features, _ in batches]), data.features[shuffled])
        assert torch.equal(torch.cat([targets for _, targets in batches]), data.targets[shuffled])


def test_every_batching_hands_out_the_very_same_batches() -> None:
    epochs = {}
    for name in BATCHINGS:
        config = TrainConfig(device="cpu", batching=name, num_samples=103, batch_size=10)
        epochs[name] = _epochs(make_batching(config, _data(config), _order(103), CPU), 4)
    for name in BATCHINGS:
        for batches, expected in zip(epochs[name], epochs["manual"], strict=True):
            for batch, other in zip(batches, expected, strict=True):
                assert torch.equal(batch[0], other[0])
                assert torch.equal(batch[1], other[1])
                assert batch[0].dtype == batch[1].dtype == torch.float32


@pytest.mark.parametrize("name", BATCHINGS)
def test_batches_depend_on_no_global_stream_and_leave_it_as_it_was(name: str) -> None:
    config = TrainConfig(device="cpu", batching=name, num_samples=20, batch_size=10)
    drawn = []
    with torch.random.fork_rng(devices=[]):
        for seed in (1, 2):
            torch.default_generator.manual_seed(seed)
            before = torch.get_rng_state()
            batches = _epochs(make_batching(config, _data(config), _order(20), CPU), 2)
            assert torch.equal(torch.get_rng_state(), before)
            drawn.append(torch.cat([features for epoch in batches for features, _ in epoch]))
    assert torch.equal(*drawn)


def test_a_loader_without_a_generator_of_its_own_would_move_the_global_stream() -> None:
    config = TrainConfig(device="cpu", batching="dataloader", num_samples=20, batch_size=10)
    batching = make_batching(config, _data(config), _order(20), CPU)
    assert isinstance(batching, DataLoaderBatching)
    batching.loader.generator = None
    with torch.random.fork_rng(devices=[]):
        before = torch.get_rng_state()
        _epochs(batching, 1)
        assert not torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("name", BATCHINGS)
def test_a_short_last_batch_is_left_out_where_that_is_asked_for(name: str) -> None:
    config = TrainConfig(device="cpu", batching=name, num_samples=25, batch_size=10, drop_last=True)
    data = _data(config)
    order = _order(25)
    for batches in _epochs(make_batching(config, data, _order(25), CPU), 2):
        assert [len(features) for features, _ in batches] == config.batch_sizes == [10, 10]
        kept = order.next_epoch()[:20]
        assert torch.equal(torch.cat([features for features, _ in batches]), data.features[kept])


def test_an_order_that_was_rewound_goes_on_where_it_was() -> None:
    order, undisturbed = _order(30), _order(30)
    first = order.next_epoch()
    undisturbed.next_epoch()
    with order.rewound():
        assert torch.equal(order.next_epoch(), first)
        order.next_epoch()
    assert order.num_epochs_drawn == 1
    assert torch.equal(order.next_epoch(), undisturbed.next_epoch())


@pytest.mark.parametrize(("batching", "num_fetches"), [("dataloader", 25), ("dataloader-batched", 3)])
def test_the_stock_loader_fetches_every_sample_and_the_batched_one_every_batch(
    monkeypatch: pytest.MonkeyPatch, batching: str, num_fetches: int
) -> None:
    fetched: list[object] = []
    fetch = TensorDataset.__getitem__

    def count(self: TensorDataset, index: int) -> tuple[torch.Tensor, ...]:
        fetched.append(index)
        return fetch(self, index)  # type: ignore[no-untyped-call, no-any-return]

    monkeypatch.setattr(TensorDataset, "__getitem__", count)
    config = TrainConfig(device="cpu", batching=batching, num_samples=25, batch_size=10)
    made = make_batching(config, _data(config), _order(25), CPU)
    assert [len(features) for features, _ in made.epoch()] == [10, 10, 5]
    assert len(fetched) == num_fetches


@forking
@pytest.mark.parametrize("name", WITH_WORKERS)
def test_worker_processes_hand_out_the_very_same_batches_also_after_an_epoch_that_was_left(name: str) -> None:
    config = TrainConfig(device="cpu", batching=name, num_samples=103, batch_size=10)
    batching = make_batching(config, _data(config), _order(103), CPU)
    without = make_batching(replace(config, batching="manual"), _data(config), _order(103), CPU)
    next(batching.epoch())
    next(without.epoch())
    for batches, expected in zip(_epochs(batching, 2), _epochs(without, 2), strict=True):
        for batch, other in zip(batches, expected, strict=True):
            assert all(map(torch.equal, batch, other))


@forking
@pytest.mark.parametrize("name", WITH_WORKERS)
def test_a_training_with_workers_has_the_digest_and_losses_of_one_without(name: str) -> None:
    recipe = TrainConfig(device="cpu", num_samples=25, batch_size=10, num_epochs=3, num_heldout_samples=10)
    result, without = fit(replace(recipe, batching=name)), fit(recipe)
    assert (result.digest, result.epoch_losses) == (without.digest, without.epoch_losses)


@forking
@pytest.mark.parametrize("name", WITH_WORKERS)
def test_workers_live_as_long_as_the_loader_and_no_longer(name: str) -> None:
    config = TrainConfig(device="cpu", batching=name, num_samples=25, batch_size=10)
    batching = make_batching(config, _data(config), _order(25), CPU)
    before = set(multiprocessing.active_children())
    _epochs(batching, 2)
    workers = set(multiprocessing.active_children()) - before
    assert len(workers) == 2
    del batching
    gc.collect()
    assert not workers & set(multiprocessing.active_children())


@forking
def test_fetching_by_workers_has_no_part_of_its_own_since_it_goes_on_beside_all_else() -> None:
    parts = {}
    for name in ("dataloader", *WITH_WORKERS):
        config = TrainConfig(device="cpu", batching=name, num_samples=25, batch_size=10)
        parts[name] = list(make_batching(config, _data(config), _order(25), CPU).prefixes())
    assert parts["dataloader"] == ["sampler", "fetch", "loader", "move"]
    assert parts["dataloader:2"] == parts["dataloader-batched:2"] == ["sampler", "loader", "move"]


def _be_killed(_worker: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@forking
def test_a_worker_that_is_killed_is_named_with_what_may_be_done() -> None:
    config = TrainConfig(device="cpu", batching="dataloader:1", num_samples=250, batch_size=10)
    batching = make_batching(config, _data(config), _order(250), CPU)
    assert isinstance(batching, DataLoaderBatching)
    batching.loader.worker_init_fn = _be_killed
    with pytest.raises(
        LoaderError, match=r"worker processes of the loader \(1\) failed: DataLoader worker .*; they .* use fewer"
    ):
        next(batching.epoch())


def test_what_a_worker_can_not_put_into_shared_memory_is_one_line_with_the_cause(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = TrainConfig(device="cpu", batching="dataloader:1", num_samples=25, batch_size=10)
    batching = make_batching(config, _data(config), _order(25), CPU)
    assert isinstance(batching, DataLoaderBatching)

    def fail(_loader: object) -> object:
        raise RuntimeError("Caught RuntimeError in DataLoader worker process 0.\nTraceback:\nRuntimeError: no space\n")

    monkeypatch.setattr(DataLoader, "__iter__", fail)
    with pytest.raises(
        LoaderError, match=r"^worker processes of the loader \(1\) failed: RuntimeError: no space; .*/dev/shm.*$"
    ):
        next(batching.epoch())


def test_the_mean_of_an_epoch_weighs_a_short_last_batch_by_its_samples() -> None:
    # 10 samples: (4 * 1 + 4 * 2 + 2 * 6) / 10
    assert epoch_mean([1.0, 2.0, 6.0], [4, 4, 2]) == 2.4
    assert epoch_mean([5.0], [3]) == 5.0


def test_the_mean_of_equal_batches_is_the_plain_mean_bit_for_bit() -> None:
    losses = torch.rand(10, generator=torch.Generator().manual_seed(1)).tolist()
    assert epoch_mean(losses, [100] * 10) == sum(losses) / 10


@given(
    st.lists(st.floats(0, 1e6, width=32), min_size=1, max_size=30),
    st.integers(1, 1_000),
    st.data(),
)
def test_the_mean_of_an_epoch_is_the_mean_over_its_samples(
    losses: list[float], batch_size: int, data: st.DataObject
) -> None:
    last = data.draw(st.integers(1, batch_size))
    sizes = [batch_size] * (len(losses) - 1) + [last]
    per_sample = sum(loss * size for loss, size in zip(losses, sizes, strict=True)) / sum(sizes)
    assert epoch_mean(losses, sizes) == pytest.approx(per_sample, rel=1e-12)
    assert epoch_mean(losses, [batch_size] * len(losses)) == sum(losses) / len(losses)


def test_a_loss_without_a_batch_is_refused() -> None:
    with pytest.raises(ValueError, match="of 1 batches has 2 losses"):
        epoch_mean([1.0, 2.0], [4])
