"""Batches from torch's DataLoader, with and without worker processes, in the order that every batching has."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

import torch
from torch.utils.data import DataLoader, Sampler, TensorDataset

from productnet.batching import Batch, BatchOrder
from productnet.config import TrainConfig
from productnet.data import Dataset
from productnet.device import Device
from productnet.errors import LoaderError


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
