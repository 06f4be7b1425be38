"""One optimizer step cut at its phases, for whoever wants to time them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Step:
    """The parts of a step, to be called in this order; together they do what a training does in its step.

    A test holds the two together: the same losses, bit for bit.
    """

    forward: Callable[[Any], Any]
    """A batch as the batching hands it out -> its mean loss, a scalar on the device."""
    backward: Callable[[Any], None]
    """The loss -> gradients of every parameter."""
    optimize: Callable[[], None]
    """Update the parameters and clear the gradients."""
    keep: Callable[[Any], Any]
    """The loss -> what is kept of it until the epoch ends; part of the step's time, but of no phase."""
    end_epoch: Callable[[Sequence[Any]], float]
    """What was kept of an epoch's steps -> the epoch's mean loss; part of its time, but of no phase."""
