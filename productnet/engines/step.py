"""One optimizer step cut at its phases, for whoever wants to time them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch


@dataclass(frozen=True, slots=True)
class StepParts:
    """The parts of one step, to be called in this order; together they do what `Engine.train` does in a step.

    A test holds the two together: the same losses, bit for bit.
    """

    forward: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
    """(batch, 2) inputs and (batch, 1) targets on the device -> the batch's mean loss, a scalar."""
    backward: Callable[[torch.Tensor], None]
    """The loss -> gradients of every parameter."""
    optimize: Callable[[], None]
    """Update the parameters and clear the gradients."""
    record: Callable[[torch.Tensor], object]
    """What the engine does with a step's loss; part of its time, but of no phase."""


def autograd_parts(
    model: torch.nn.Module, optimizer: torch.optim.Optimizer, record: Callable[[torch.Tensor], object]
) -> StepParts:
    """Cut a step that autograd and an optimizer execute."""

    def forward(inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.mse_loss(model(inputs), targets)

    def backward(loss: torch.Tensor) -> None:
        torch.autograd.backward(loss)

    def optimize() -> None:
        optimizer.step()
        optimizer.zero_grad()

    return StepParts(forward, backward, optimize, record)
