"""The state of torch's CPU generator, as the compiled loop draws from it."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

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
        parts = state.numpy()
        self.words = parts[_WORDS : _WORDS + 8 * NUM_WORDS].view(np.uint64).astype(np.uint32)
        # torch counts the numbers that are left, and the one that it makes new ones for.
        self.cursor = NUM_WORDS + 1 - parts[_LEFT : _LEFT + 4].view(np.int32).astype(np.int64)
        self.reciprocals = _take_reciprocals(num_samples)

    def write(self, state: torch.Tensor) -> None:
        """Put a generator's state where this stream is."""
        parts = state.numpy()
        parts[_WORDS : _WORDS + 8 * NUM_WORDS].view(np.uint64)[:] = self.words
        parts[_LEFT : _LEFT + 4].view(np.int32)[0] = NUM_WORDS + 1 - self.cursor[0]
        parts[_NEXT : _NEXT + 8].view(np.uint64)[0] = self.cursor[0]

    @property
    def parts(self) -> tuple[NDArray[Any], ...]:
        """What the compiled code takes, in its order."""
        return self.words, self.cursor, self.reciprocals

    def draw(self, num_epochs: int) -> NDArray[np.uint32]:
        """Draw the next permutations: (num_epochs, n)."""
        orders = np.empty((num_epochs, len(self.reciprocals)), np.uint32)
        _compile_draw_orders()(*self.parts, orders)
        return orders


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
