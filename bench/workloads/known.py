"""Workloads of known truth, for races of the tool against itself: a slowdown of known size, and a loop without us.

`spins_300` is the product network whose every step also counts to 300 in C; `spins_0` has the same frame and counts
nothing. `BareLoop` trains by a loop written out by hand.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import repeat
from typing import Any

import torch
from torch.nn.functional import mse_loss

from bench.records.case import Case
from bench.workloads.productnet import ProductNet, announce_each
from productnet.batching import Batch, Batching


class SlowedBatching:
    """A batching that spins before every batch."""

    def __init__(self, batching: Batching, num_spins: int) -> None:
        self.batching = batching
        self.num_spins = num_spins

    def epoch(self) -> Iterator[Batch]:
        """Return the next epoch's batches."""
        for batch in self.batching.epoch():
            deque(repeat(None, self.num_spins), maxlen=0)
            yield batch

    def prefixes(self) -> dict[str, Callable[[], Iterator[object]]]:
        """None: nobody asks for the parts of this one."""
        return {}


def make_slowed(case: Case, seed: int, num_spins: int) -> ProductNet:
    """Make the workload."""
    workload = ProductNet(case, seed)
    workload.training.batching = SlowedBatching(workload.training.batching, num_spins)
    return workload


class BareLoop(ProductNet):
    """The engine eager's operations, over the same network, optimizer and samples, with nothing of ours around them.

    In a race, one call a step is: the other arm's steps are timed by the same.
    """

    _watch: Callable[[Iterable[Batch]], Iterable[Batch]] = staticmethod(iter)

    def watch_steps(self, on_step: Callable[[], object]) -> None:
        """Call something before every step."""
        self._watch = partial(announce_each, on_each=on_step)

    def train(self, num_epochs: int) -> list[float]:
        """Train on and return each epoch's mean loss."""
        training = self.training
        model, optimizer = training.model, training.engine.optimizer  # type: ignore[attr-defined]
        features: Any = training.data.features
        targets: Any = training.data.targets
        means = []
        for _ in range(num_epochs):
            losses = []
            order = torch.randperm(1000)
            batches = zip(features[order].split(100), targets[order].split(100), strict=True)
            for inputs, expected in self._watch(batches):
                loss: Any = mse_loss(model(inputs), expected)
                loss.backward()
                optimizer.step()
                optimizer.zero_grad()
                losses.append(loss.detach())
            means.append(sum(torch.stack(losses).tolist()) / 10)
        return means


def __getattr__(name: str) -> Callable[[Case, int], ProductNet]:
    prefix, _, number = name.rpartition("_")
    if prefix != "spins" or not number.isdecimal():
        raise AttributeError(f"module {__name__} has no attribute {name!r}")
    return lambda case, seed: make_slowed(case, seed, int(number))
