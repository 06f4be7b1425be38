"""The orders of trainings on their way to a device: a chunk is drawn while the device trains by the one before."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from itertools import pairwise
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from productnet.batching import BatchOrder

_NUM_BUFFERS = 2


class Streams(Protocol):
    """What draws the orders of several trainings."""

    def draw(self, rows: slice, table: NDArray[np.uint32]) -> None:
        """Draw the next permutations of some of the trainings into their rows of a table, (trainings, epochs, n)."""

    def move_on(self, num_epochs: int) -> None:
        """Leave the trainings' own orders where the streams are, so many epochs on."""


class TorchStreams:
    """Draws as torch does, by torch."""

    def __init__(self, orders: Sequence[BatchOrder]) -> None:
        self._orders = orders

    def draw(self, rows: slice, table: NDArray[np.uint32]) -> None:
        """Draw the next permutations of some of the trainings."""
        for order, epochs in zip(self._orders[rows], table[rows], strict=True):
            for epoch in epochs:
                epoch[:] = order.next_epoch().numpy()

    def move_on(self, num_epochs: int) -> None:
        """They have moved themselves."""


class OrderFeed:
    """Draws the orders of several trainings and hands them to their device in chunks.

    Its buffers are pinned, so that a copy to a card waits for nothing on the host; there are two of them, so that the
    host is never further ahead of the card than that.

    Args:
        most_epochs: of a chunk.
        num_threads: that draw, each for some of the trainings.
    """

    def __init__(
        self, num_trainings: int, num_samples: int, most_epochs: int, num_threads: int, device: torch.device
    ) -> None:
        self._shape = (num_trainings, most_epochs, num_samples)
        self._device = device
        is_card = device.type == "cuda"
        self._buffers = [torch.empty(self._shape, dtype=torch.int32, pin_memory=is_card) for _ in range(_NUM_BUFFERS)]
        self._copied = [torch.cuda.Event() for _ in range(_NUM_BUFFERS)] if is_card else None  # type: ignore[no-untyped-call]
        self._open_streams = _choose_streams(num_samples)
        num_parts = min(num_threads, num_trainings)
        bounds = [num_trainings * part // num_parts for part in range(num_parts + 1)]
        self._parts = [slice(*pair) for pair in pairwise(bounds)]

    def send(self, orders: Sequence[BatchOrder], num_epochs: int) -> Iterator[torch.Tensor]:
        """Draw the next epochs of every order, and yield chunks of them: (trainings, epochs, n) int32 on the device.

        The orders have moved on once all is taken. The device must be the current one. Synchronizes: no, but it waits
        for the copy of the chunk before the last.
        """
        streams = self._open_streams(orders)
        num_trainings, most_epochs, num_samples = self._shape
        with ThreadPoolExecutor(len(self._parts)) as pool:
            for number, size in enumerate(plan_chunks(num_epochs, most_epochs)):
                which = number % _NUM_BUFFERS
                if self._copied is not None:
                    self._copied[which].synchronize()
                chunk = self._buffers[which].view(-1)[: num_trainings * size * num_samples]
                table = chunk.view(num_trainings, size, num_samples)
                numbers = table.numpy().view(np.uint32)
                if len(self._parts) == 1:
                    streams.draw(self._parts[0], numbers)
                else:
                    list(pool.map(streams.draw, self._parts, [numbers] * len(self._parts)))
                on_device = table.to(self._device, non_blocking=True)
                if self._copied is not None:
                    self._copied[which].record()
                yield on_device
        streams.move_on(num_epochs)


def plan_chunks(num_epochs: int, most_epochs: int) -> Iterator[int]:
    """Cut epochs into chunks, of which the first is small: until it is drawn the device has nothing to do."""
    size = max(1, most_epochs // 10)
    while num_epochs > 0:
        yield min(size, num_epochs)
        num_epochs -= size
        size = most_epochs


def _choose_streams(num_samples: int) -> Callable[[Sequence[BatchOrder]], Streams]:
    """Choose compiled code where it is there and draws what torch does: it is four times as fast."""
    try:
        import_module("numba")
    except ImportError:
        return TorchStreams
    from productnet.engines.fused.stream import OrderStreams, draws_as_torch

    return OrderStreams if draws_as_torch(num_samples) else TorchStreams
