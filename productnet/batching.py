"""How batches are fetched: every batching reads the same order, so that they all train on the same batches."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Any, Protocol, TypeVar

import torch
from torch.utils.data import DataLoader, Sampler, TensorDataset

from productnet.config import TrainConfig
from productnet.data import Dataset
from productnet.device import Device
from productnet.errors import DeviceFaultError, LoaderError
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


class DataLoaderBatching:
    """Batches from a `DataLoader` on the host; each is moved to the device as it comes."""

    def __init__(self, loader: DataLoader[tuple[torch.Tensor, ...]], device: Device) -> None:
        self.loader = loader
        self.device = device

    def epoch(self) -> Iterator[Batch]:
        """Return the next epoch's batches.

        Raises:
            LoaderError: where worker processes fail.
        """
        for features, targets in self._naming_failures() if self.loader.num_workers else self.loader:
            yield features.to(self.device.torch_device), targets.to(self.device.torch_device)

    def _naming_failures(self) -> Iterator[Batch]:
        try:
            yield from self.loader
        except (RuntimeError, OSError) as error:
            cause = str(error).strip().splitlines()[-1]  # of what a worker has raised, all its traceback comes before
            raise LoaderError(
                f"worker processes of the loader ({self.loader.num_workers}) failed: {cause}; they hand over batches "
                "in shared memory (df /dev/shm) by open files (ulimit -n): use fewer workers, or none"
            ) from error

    def prefixes(self) -> dict[str, Callable[[], Iterator[object]]]:
        """Return the loader's own parts, called one inside the other as a loader without workers calls them.

        One with workers has no "fetch": that goes on in them while others wait for nothing of it, and what is left of
        it is part of "loader".
        """
        loader = self.loader
        dataset: Any = loader.dataset

        def fetch() -> Iterator[object]:
            if loader.batch_sampler is not None:
                return (loader.collate_fn([dataset[number] for number in numbers]) for numbers in loader.batch_sampler)
            return (loader.collate_fn(dataset[numbers]) for numbers in loader.sampler)

        return {
            "sampler": lambda: iter(loader.sampler if loader.batch_sampler is None else loader.batch_sampler),
            **({} if loader.num_workers else {"fetch": fetch}),
            "loader": lambda: iter(loader),
            "move": self.epoch,
        }


def make_stock_loader(config: TrainConfig, data: Dataset, order: BatchOrder, device: Device) -> DataLoaderBatching:
    """Make the loader as every tutorial has it: it fetches a batch sample by sample and collates them."""
    loader = DataLoader(
        TensorDataset(data.features, data.targets),
        batch_size=config.batch_size,
        sampler=_SampleSampler(order),
        drop_last=config.drop_last,
        generator=_own_generator(),
        **_worker_options(config),
    )
    return DataLoaderBatching(loader, device)


def make_batched_loader(config: TrainConfig, data: Dataset, order: BatchOrder, device: Device) -> DataLoaderBatching:
    """Make a loader that is handed the numbers of a whole batch, so that one indexing fetches all of it."""
    has_workers = config.num_loader_workers > 0
    loader = DataLoader(
        TensorDataset(data.features, data.targets),
        batch_size=None,
        sampler=_BatchSampler(order, config.batch_sizes, has_workers),
        collate_fn=_share if has_workers else None,
        generator=_own_generator(),
        **_worker_options(config),
    )
    return DataLoaderBatching(loader, device)


_LONGEST_FETCH_SECONDS = 120.0
"""Of a batch, by workers: what can't be handed over is lost without a word, and would be waited for without end."""


def _worker_options(config: TrainConfig) -> dict[str, Any]:
    """Say how a loader's worker processes live: as long as the loader does, and as children of its own process.

    On Linux they are forked from it, wherever it runs: those of a fork server, which a process may have from its
    parent, would not be of its group, and outlive it.
    """
    num_workers = config.num_loader_workers
    if num_workers == 0:
        return {}
    context = "fork" if sys.platform == "linux" else None
    return {
        "num_workers": num_workers,
        "persistent_workers": True,
        "timeout": _LONGEST_FETCH_SECONDS,
        "multiprocessing_context": context,
    }


def _share(batch: Iterable[torch.Tensor]) -> tuple[torch.Tensor, ...]:
    """Move a batch into shared memory here, where it is an error if there is none; later only the worker would know."""
    return tuple(part.share_memory_() for part in batch)  # type: ignore[no-untyped-call]


def _own_generator() -> torch.Generator:
    """A DataLoader draws a base seed at every iterator: not from the global stream, lest it shift that."""
    return torch.Generator()


_LISTED = 2**16
"""Numbers of samples that are a list of Python's at a time, at some 36 bytes each."""


class _SampleSampler(Sampler[int]):
    """Number after number, as the stock loader wants them."""

    def __init__(self, order: BatchOrder) -> None:
        self.order = order

    def __iter__(self) -> Iterator[int]:
        # Part by part: a list of all of them takes more memory than the samples do.
        parts = self.order.next_epoch().split(_LISTED)  # type: ignore[no-untyped-call]
        return chain.from_iterable(part.tolist() for part in parts)

    def __len__(self) -> int:
        return self.order.num_samples


class _BatchSampler(Sampler[Any]):
    """The numbers of a whole batch at once: (batch,) int64; for workers as arrays, which take no shared memory."""

    def __init__(self, order: BatchOrder, batch_sizes: Sequence[int], for_workers: bool) -> None:
        self.order = order
        self.batch_sizes = list(batch_sizes)
        self.for_workers = for_workers

    def __iter__(self) -> Iterator[Any]:
        # Drawn when the first is asked for: a loader with workers makes two iterators at its start, and uses one.
        kept = self.order.next_epoch()[: sum(self.batch_sizes)]
        parts = torch.split(kept, self.batch_sizes)
        yield from ([part.numpy() for part in parts] if self.for_workers else parts)

    def __len__(self) -> int:
        return len(self.batch_sizes)


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
