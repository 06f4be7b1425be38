"""Training block by block: several steps at once, given to a program that runs them as one piece."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Protocol

import torch

from productnet.batching import Batching, epoch_mean
from productnet.errors import ModeUnavailableError
from productnet.model import MLP
from productnet.precision import Arithmetic

Block = tuple[int, int]
"""Steps, and samples in the batch of each."""


class Program(Protocol):
    """Runs steps on a network, and owns the optimizer's state: tensors that stay where they are."""

    def run(self, inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Train a step on each batch: (steps, batch, 2), (steps, batch, 1) -> losses (steps,). Synchronizes: no."""

    def moments(self) -> Iterator[torch.Tensor]:
        """Return Adam's moments."""

    def tensors(self) -> Iterator[torch.Tensor]:
        """Return all that a step changes: parameters, moments, counts."""

    def num_updates(self) -> int:
        """Return how often the parameters were updated since the start. Synchronizes: yes."""

    def restart(self) -> None:
        """Set moments and counts to their start, in place."""


class BlockEngine:
    """Hands an epoch to a program, in blocks of batches of one size; a last batch that is smaller is its own block.

    Args:
        most_steps: of a block.
    """

    def __init__(
        self, model: MLP, program: Program, arithmetic: Arithmetic, batch_sizes: Sequence[int], most_steps: int
    ) -> None:
        self.program = program
        self._infer = arithmetic.autocast(model)
        self._batch_sizes = batch_sizes
        self._blocks = list(plan_blocks(batch_sizes, most_steps))

    def train(self, batching: Batching, num_epochs: int) -> list[float]:
        """Train for some epochs and return each one's mean loss. Synchronizes: once an epoch."""
        return [self._run_epoch(batching) for _ in range(num_epochs)]

    def _run_epoch(self, batching: Batching) -> float:
        inputs, targets = (torch.cat(parts) for parts in zip(*batching.epoch(), strict=True))
        # The samples of a feature side by side: vector instructions then load them as they lie.
        inputs = inputs.t().contiguous().t()
        losses, first = [], 0
        for block in self._blocks:
            part = slice(first, first + math.prod(block))
            batches = (each[part].unflatten(0, block) for each in (inputs, targets))  # type: ignore[no-untyped-call]
            losses.append(self.program.run(*batches))
            first = part.stop
        return epoch_mean(torch.cat(losses).tolist(), self._batch_sizes)  # sync point

    def fetches_itself(self, batching: Batching) -> bool:  # noqa: ARG002
        """False: it takes each batch as the batching hands it out."""
        return False

    def step(self) -> None:
        """There is none: forward, backward and optimizer are one piece."""

    def infer(self, inputs: torch.Tensor) -> torch.Tensor:
        """Predict with the plain network: what is built here is the training."""
        prediction: torch.Tensor = self._infer(inputs)
        return prediction

    def optimizer_state(self) -> Iterator[torch.Tensor]:
        """Return Adam's moments."""
        return self.program.moments()

    def num_updates(self) -> int:
        """Return the program's count."""
        return self.program.num_updates()

    def restart(self) -> None:
        """Forget the optimizer's state, in place: whatever was compiled or captured stays good."""
        self.program.restart()


def plan_blocks(batch_sizes: Sequence[int], most_steps: int) -> Iterator[Block]:
    """Cut an epoch's batches, in their order, into as few blocks of equal batches as may be."""
    for batch_size, batches in groupby(batch_sizes):
        num_steps = len(list(batches))
        for first in range(0, num_steps, most_steps):
            yield min(most_steps, num_steps - first), batch_size


def check_unscaled(engine: str, arithmetic: Arithmetic) -> None:
    """Refuse float16.

    Raises:
        ModeUnavailableError: when the precision needs a gradient scaler.
    """
    if arithmetic.make_scaler().is_enabled():
        raise ModeUnavailableError(
            f"engine {engine} has no gradient scaler, which precision {arithmetic.precision} needs: use bf16 or fp32"
        )
