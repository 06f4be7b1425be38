"""How batches are fetched: every batching reads the same order, so that they all train on the same batches."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Protocol

import torch
from torch.utils.data import DataLoader, Sampler, TensorDataset

from productnet.config import TrainConfig
from productnet.data import Dataset
from productnet.device import Device

Batch = tuple[torch.Tensor, torch.Tensor]
"""(batch, 2) features and (batch, 1) targets, float32 on the device."""


class BatchOrder:
    """The order of the samples, logically a table (epochs, n), drawn an epoch at a time.

    It has a generator of its own on the CPU, so that nothing else that draws random numbers can shift it, and every
    device and batching sees the same batches.
    """

    def __init__(self, num_samples: int, stream_state: torch.Tensor) -> None:
        self.num_samples = num_samples
        self._first_state = stream_state.clone()
        self._generator = torch.Generator()
        self.restart()

    def restart(self) -> None:
        """Go back to the first epoch."""
        self._generator.set_state(self._first_state)
        self.num_epochs_drawn = 0

    def next_epoch(self) -> torch.Tensor:
        """Draw the next epoch's order: (n,) int64 on the CPU, a permutation of the sample numbers."""
        self.num_epochs_drawn += 1
        return torch.randperm(self.num_samples, generator=self._generator)

    def digest_into(self, digest: hashlib._Hash) -> None:
        """Add the epochs drawn so far to a digest, by drawing them again: a training's time carries no hashing."""
        again = BatchOrder(self.num_samples, self._first_state)
        for _ in range(self.num_epochs_drawn):
            digest.update(again.next_epoch().numpy().tobytes())


class Batching(Protocol):
    """Hands out the batches of one epoch after another."""

    def epoch(self) -> Iterator[Batch]:
        """Return the next epoch's batches, on the device."""


class ManualBatching:
    """Batches sliced by hand from data that stays on the device: one gather an epoch, then views."""

    def __init__(self, data: Dataset, order: BatchOrder, batch_size: int, device: Device) -> None:
        self.features = data.features.to(device.torch_device)
        self.targets = data.targets.to(device.torch_device)
        self.order = order
        self.batch_size = batch_size
        self.device = device

    def epoch(self) -> Iterator[Batch]:
        """Return the next epoch's batches."""
        shuffled = self.order.next_epoch().to(self.device.torch_device)
        features, targets = self.features[shuffled], self.targets[shuffled]
        for start in range(0, len(features), self.batch_size):
            stop = start + self.batch_size
            yield features[start:stop], targets[start:stop]


class DataLoaderBatching:
    """Batches from a `DataLoader` over a `TensorDataset` on the host; each is moved to the device as it comes.

    Args:
        is_batched: False is the stock loader, which fetches a batch sample by sample and collates; True hands it the
            numbers of a whole batch, so that one indexing fetches all of it.
    """

    def __init__(self, data: Dataset, order: BatchOrder, batch_size: int, device: Device, is_batched: bool) -> None:
        self.device = device
        dataset = TensorDataset(data.features, data.targets)
        # A DataLoader draws a base seed at every iterator: from a generator of its own, lest it shift another stream.
        generator = torch.Generator()
        self.loader: DataLoader[tuple[torch.Tensor, ...]] = (
            DataLoader(dataset, batch_size=None, sampler=_BatchSampler(order, batch_size), generator=generator)
            if is_batched
            else DataLoader(dataset, batch_size=batch_size, sampler=_SampleSampler(order), generator=generator)
        )

    def epoch(self) -> Iterator[Batch]:
        """Return the next epoch's batches."""
        for features, targets in self.loader:
            yield features.to(self.device.torch_device), targets.to(self.device.torch_device)


class _SampleSampler(Sampler[int]):
    """Number after number, as the stock loader wants them."""

    def __init__(self, order: BatchOrder) -> None:
        self.order = order

    def __iter__(self) -> Iterator[int]:
        return iter(self.order.next_epoch().tolist())

    def __len__(self) -> int:
        return self.order.num_samples


class _BatchSampler(Sampler[torch.Tensor]):
    """The numbers of a whole batch at once: (batch,) int64."""

    def __init__(self, order: BatchOrder, batch_size: int) -> None:
        self.order = order
        self.batch_size = batch_size

    def __iter__(self) -> Iterator[torch.Tensor]:
        return iter(torch.split(self.order.next_epoch(), self.batch_size))

    def __len__(self) -> int:
        return math.ceil(self.order.num_samples / self.batch_size)


_MAKERS: dict[str, Callable[[Dataset, BatchOrder, int, Device], Batching]] = {
    "manual": ManualBatching,
    "dataloader": partial(DataLoaderBatching, is_batched=False),
    "dataloader-batched": partial(DataLoaderBatching, is_batched=True),
}


def make_batching(config: TrainConfig, data: Dataset, order: BatchOrder, device: Device) -> Batching:
    """Make the batching that the configuration names."""
    return _MAKERS[config.batching](data, order, config.batch_size, device)


def epoch_mean(batch_losses: Sequence[float], batch_sizes: Sequence[int]) -> float:
    """Mean loss of an epoch, in float64; a last batch that is smaller weighs less.

    The weight of a full batch is exactly 1, so that without a smaller one this is the plain mean, bit for bit.
    """
    weights = [size / batch_sizes[0] for size in batch_sizes]
    return sum(loss * weight for loss, weight in zip(batch_losses, weights, strict=True)) / sum(weights)
