"""How batches are fetched: every batching reads the same order, so that they all train on the same batches."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol, TypeVar

import torch

from productnet.config import TrainConfig
from productnet.data import Dataset
from productnet.device import Device
from productnet.errors import DeviceFaultError
from productnet.registry import BATCHINGS, load, split_batching

Drawn = TypeVar("Drawn")

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
        self.num_epochs_drawn = 0
        self.restart()

    @contextmanager
    def rewound(self) -> Iterator[None]:
        """Be at the first epoch for a while, then again where it was."""
        state, num_epochs_drawn = self._generator.get_state(), self.num_epochs_drawn
        self.restart()
        try:
            yield
        finally:
            self._generator.set_state(state)
            self.num_epochs_drawn = num_epochs_drawn

    def restart(self) -> None:
        """Go back to the first epoch."""
        self._generator.set_state(self._first_state)
        self.num_epochs_drawn = 0

    def next_epoch(self) -> torch.Tensor:
        """Draw the next epoch's order: (n,) int64 on the CPU, a permutation of the sample numbers."""
        self.num_epochs_drawn += 1
        return torch.randperm(self.num_samples, generator=self._generator)

    def state(self) -> torch.Tensor:
        """Return the state of the generator, as bytes on the CPU."""
        return self._generator.get_state()

    def draw_elsewhere(self, num_epochs: int, draw: Callable[[torch.Tensor], Drawn]) -> Drawn:
        """Have other code draw the next epochs, and return what it does.

        Args:
            draw: takes the state of the generator, as bytes on the CPU, and leaves in it where the generator then is.
        """
        state = self.state()
        result = draw(state)
        self._generator.set_state(state)
        self.num_epochs_drawn += num_epochs
        return result

    def digest_into(self, digest: hashlib._Hash) -> None:
        """Add the epochs drawn so far to a digest, by drawing them again: a training's time carries no hashing.

        Raises:
            DeviceFaultError: when whoever has drawn them did not leave the generator where they end.
        """
        again = BatchOrder(self.num_samples, self._first_state)
        for _ in range(self.num_epochs_drawn):
            digest.update(again.next_epoch().numpy().tobytes())
        if not torch.equal(again.state(), self.state()):
            raise DeviceFaultError(
                f"{self.num_epochs_drawn} epochs were trained in another order than the recipe's: please report it"
            )


class Batching(Protocol):
    """Hands out the batches of one epoch after another."""

    def epoch(self) -> Iterator[Batch]:
        """Return the next epoch's batches, on the device."""

    def prefixes(self) -> dict[str, Callable[[], Iterator[object]]]:
        """Return longer and longer parts of what `epoch` does, the last of them all of it.

        Each is called for an epoch and run to its end; what one takes longer than the one before is the cost of its
        own part: "sampler" (the order, as numbers), "fetch" (samples gathered and collated), "loader" (the
        `DataLoader` around that), "move" (to the device).
        """


class ManualBatching:
    """Batches cut by hand from data that stays on the device: one gather an epoch, then views."""

    def __init__(self, config: TrainConfig, data: Dataset, order: BatchOrder, device: Device) -> None:
        self.features = data.features.to(device.torch_device)
        self.targets = data.targets.to(device.torch_device)
        self.order = order
        self.batch_size = config.batch_size
        self.num_samples_per_epoch = config.num_samples_per_epoch
        self.device = device

    def epoch(self) -> Iterator[Batch]:
        """Return the next epoch's batches."""
        order = self.order.next_epoch().to(self.device.torch_device)
        if len(order) > self.num_samples_per_epoch:
            order = order[: self.num_samples_per_epoch]
        features, targets = self.features.index_select(0, order), self.targets.index_select(0, order)
        # Cut at once: slicing batch by batch in Python costs 3 % of a training of the eager engine (measured).
        inputs = features.split(self.batch_size)  # type: ignore[no-untyped-call]
        return zip(inputs, targets.split(self.batch_size), strict=True)  # type: ignore[no-untyped-call]

    def prefixes(self) -> dict[str, Callable[[], Iterator[object]]]:
        """Drawing the order and moving it, then all; the samples are on the device already."""
        return {"sampler": lambda: iter([self.order.next_epoch().to(self.device.torch_device)]), "fetch": self.epoch}


def make_batching(config: TrainConfig, data: Dataset, order: BatchOrder, device: Device) -> Batching:
    """Make the batching that the configuration names."""
    make: Callable[[TrainConfig, Dataset, BatchOrder, Device], Batching] = load(
        BATCHINGS[split_batching(config.batching)[0]]
    )
    return make(config, data, order, device)


def epoch_mean(batch_losses: Sequence[float], batch_sizes: Sequence[int]) -> float:
    """Mean loss of an epoch, in float64; a last batch that is smaller weighs less.

    The weight of a full batch is exactly 1, so that without a smaller one this is the plain mean, bit for bit.

    Raises:
        ValueError: when an epoch did not have the batches that it should have.
    """
    if len(batch_losses) != len(batch_sizes):
        raise ValueError(f"an epoch of {len(batch_sizes)} batches has {len(batch_losses)} losses")
    last_weight = batch_sizes[-1] / batch_sizes[0]
    return (sum(batch_losses[:-1]) + last_weight * batch_losses[-1]) / (len(batch_losses) - 1 + last_weight)
