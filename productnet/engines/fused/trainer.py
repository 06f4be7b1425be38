"""One training's numbers, and the loop that is compiled for their shape."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from productnet.config import TrainConfig
from productnet.engines.fused.caching import keep_compiled
from productnet.engines.fused.layout import Batch, Layer, lay_out
from productnet.engines.fused.loop import make_infer, make_train
from productnet.engines.fused.stream import OrderStream
from productnet.engines.fused.vectors import LANES

_LINE_BYTES = 64
"""A vector that lies across two lines of the cache takes two loads: a training a third longer (measured)."""

_NO_STREAM = (np.empty(0, np.uint32), np.empty(0, np.int64), np.empty(0))


class Trainer:
    """A network, its optimizer and its samples. Several can run at once, each in a thread of its own.

    Args:
        dtype: float32, or float64 for who wants to know what float32 has lost.
    """

    def __init__(self, config: TrainConfig, dtype: DTypeLike = np.float32) -> None:
        self._layout = layout = lay_out(config.layer_sizes, config.batch_sizes)
        self._num_full = len(config.batch_sizes) - (layout.rest is not None)
        self._recipe = (config.learning_rate, config.beta1, config.beta2, config.epsilon)
        self._numbers, self._gradients, self.means, self.squares = (
            _make_aligned(layout.batch.num_numbers, dtype) for _ in range(4)
        )
        self._powers = np.ones(2)
        self._work = _make_aligned(layout.num_work, dtype)
        self._work[layout.ones : layout.ones + layout.batch.reach] = 1
        self._samples = _make_aligned(4 * config.num_samples, dtype)
        self._order = np.zeros(config.num_samples + LANES, np.uint32)
        self._train = _compile(make_train, layout.layers, layout.batch, layout.rest)
        self._infer = _compile(make_infer, layout.layers, layout.batch)

    @property
    def parameters(self) -> NDArray[Any]:
        """The parameters in the model's order, as one row of numbers."""
        return self._numbers[self._layout.positions]

    @parameters.setter
    def parameters(self, values: NDArray[Any]) -> None:
        self._numbers[self._layout.positions] = values

    def put_samples(self, features: NDArray[Any], targets: NDArray[Any]) -> None:
        """Take over the samples of an epoch, (n, 2) and (n, 1), in their places from 0 on."""
        table = self._samples.reshape(-1, 4)[: len(features)]
        table[:, :2] = features
        table[:, 2:3] = targets

    def restart(self) -> None:
        """Forget the optimizer's state."""
        self.means.fill(0)
        self.squares.fill(0)
        self._powers.fill(1)

    def train(self, num_epochs: int, stream: OrderStream | None) -> list[float]:
        """Train for some epochs and return each one's mean loss.

        Args:
            stream: what the order of each epoch is drawn from; None takes the samples as they lie.
        """
        losses = np.empty(num_epochs)
        if stream is None:
            self._order[:-LANES] = np.arange(len(self._order) - LANES)
        self._train(
            self._numbers,
            self._gradients,
            self.means,
            self.squares,
            self._powers,
            self._recipe,
            self._samples,
            self._work,
            self._order,
            *(_NO_STREAM if stream is None else stream.parts),
            self._num_full,
            losses,
        )
        return losses.tolist()

    def infer(self, features: NDArray[Any]) -> NDArray[Any]:
        """Predict: (n, 2) -> (n, 1), both standardised."""
        predictions = np.empty((len(features), 1), self._numbers.dtype)
        self._infer(self._numbers, self._work, features, predictions)
        return predictions


@cache
def _compile(make: Callable[..., Any], layers: tuple[Layer, ...], *batches: Batch | None) -> Any:
    return keep_compiled(make(layers, *batches))


def _make_aligned(count: int, dtype: DTypeLike) -> NDArray[Any]:
    num_bytes = count * np.dtype(dtype).itemsize
    raw = np.zeros(num_bytes + _LINE_BYTES, np.uint8)
    start = -raw.ctypes.data % _LINE_BYTES
    return raw[start : start + num_bytes].view(dtype)
