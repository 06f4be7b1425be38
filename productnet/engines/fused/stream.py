"""The state of torch's CPU generator, as compiled code draws from it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache, partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from productnet.batching import BatchOrder
from productnet.engines.fused.caching import keep_compiled
from productnet.engines.fused.order import NUM_WORDS, draw_orders

_LEFT, _NEXT, _WORDS = 8, 16, 24
"""Where the parts lie in the bytes of a state: an int32, then two lots of 64 bits, of which 32 are used in each word.

Source: torch, aten/src/ATen/CPUGeneratorImpl.cpp, CPUGeneratorImplStateLegacy.
"""


class OrderStream:
    """A stream that permutations are drawn from; `words` and `cursor` move on as they are.

    Args:
        num_samples: how long a permutation is.
        state: bytes as `torch.Generator.get_state` has them; copied.
    """

    def __init__(self, num_samples: int, state: torch.Tensor) -> None:
        self.words, self.cursor = _read(state.numpy())
        self.reciprocals = _take_reciprocals(num_samples)

    def write(self, state: torch.Tensor) -> None:
        """Put a generator's state where this stream is."""
        _write(state.numpy(), self.words, self.cursor)

    @property
    def parts(self) -> tuple[NDArray[Any], ...]:
        """What the compiled code takes, in its order."""
        return self.words, self.cursor, self.reciprocals

    def draw(self, num_epochs: int) -> NDArray[np.uint32]:
        """Draw the next permutations: (num_epochs, n)."""
        orders = np.empty((1, num_epochs, len(self.reciprocals)), np.uint32)
        _compile_draw_orders()(self.words[None], self.cursor[None], self.reciprocals, orders)
        return orders[0]


class OrderStreams:
    """The streams of several trainings, all read at once: one by one they would cost more than what is drawn."""

    def __init__(self, orders: Sequence[BatchOrder]) -> None:
        self._orders = orders
        self._states = torch.stack([order.state() for order in orders]).numpy()
        self._words, self._cursors = _read(self._states)
        self._reciprocals = _take_reciprocals(orders[0].num_samples)

    def draw(self, rows: slice, table: NDArray[np.uint32]) -> None:
        """Draw the next permutations of some of the trainings into their rows of a table, (trainings, epochs, n).

        It holds no lock of Python's.
        """
        _compile_draw_orders()(self._words[rows], self._cursors[rows], self._reciprocals, table[rows])

    def move_on(self, num_epochs: int) -> None:
        """Leave the trainings' own orders where the streams are, so many epochs on."""
        _write(self._states, self._words, self._cursors)
        for order, state in zip(self._orders, torch.from_numpy(self._states), strict=True):
            order.draw_elsewhere(num_epochs, partial(_copy_into, state))


def _copy_into(state: torch.Tensor, own: torch.Tensor) -> None:
    own.copy_(state)


def _read(states: NDArray[np.uint8]) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Read words (..., 624) and cursors (..., 1) of generators' states, (..., bytes)."""
    words = states[..., _WORDS : _WORDS + 8 * NUM_WORDS].view(np.uint64).astype(np.uint32)
    # torch counts the numbers that are left, and the one that it makes new ones for.
    return words, NUM_WORDS + 1 - states[..., _LEFT : _LEFT + 4].view(np.int32).astype(np.int64)


def _write(states: NDArray[np.uint8], words: NDArray[np.uint32], cursors: NDArray[np.int64]) -> None:
    states[..., _WORDS : _WORDS + 8 * NUM_WORDS].view(np.uint64)[:] = words
    states[..., _LEFT : _LEFT + 4].view(np.int32)[:] = NUM_WORDS + 1 - cursors
    states[..., _NEXT : _NEXT + 8].view(np.uint64)[:] = cursors


def draws_as_torch(num_samples: int) -> bool:
    """Try out whether two epochs are drawn as torch draws them, and leave its generator where torch does."""
    generator = torch.Generator().manual_seed(num_samples)
    state = generator.get_state()
    stream = OrderStream(num_samples, state)
    for _ in range(2):
        # One at a time: an order may be as large as all else that is held of many samples.
        expected = torch.randperm(num_samples, generator=generator).numpy()
        if not np.array_equal(stream.draw(1)[0], expected):
            return False
    stream.write(state)
    return torch.equal(state, generator.get_state())


@cache
def _compile_draw_orders() -> Any:
    return keep_compiled(draw_orders)


@lru_cache(maxsize=4)
def _take_reciprocals(num_samples: int) -> NDArray[np.float64]:
    return 1 / np.arange(num_samples, 0, -1, dtype=np.float64)
