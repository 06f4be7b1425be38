"""How a training is executed: one file for each engine, one line for each in `productnet.registry`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Protocol

from productnet.registry import ENGINES, load

if TYPE_CHECKING:
    import torch

    from productnet.batching import Batching
    from productnet.config import TrainConfig
    from productnet.engines.step import Step
    from productnet.model import MLP
    from productnet.precision import Arithmetic


class Engine(Protocol):
    """Executes the optimizer steps of a training, in the order that the batching hands out."""

    def train(self, batching: Batching, num_epochs: int) -> list[float]:
        """Train on and return each epoch's mean loss.

        Synchronizes: at least once an epoch, when the losses are read.
        """

    def fetches_itself(self, batching: Batching) -> bool:
        """Return whether the engine fetches batches in code of its own, so that no part of the batching's is run."""

    def step(self) -> Step | None:
        """Return one step cut at its phases, or None where the engine runs it as one piece."""

    def infer(self, inputs: torch.Tensor) -> torch.Tensor:
        """Predict as the engine runs the network, in its precision; eval mode and gradients are the caller's choice."""

    def optimizer_state(self) -> Iterable[torch.Tensor]:
        """Return the optimizer's moments, to see where they are; none before the first step."""

    def num_updates(self) -> int:
        """Return how often the optimizer has updated the parameters since the start, exactly up to 2**24.

        Synchronizes: where the optimizer keeps its count on the device.
        """

    def restart(self) -> None:
        """Forget the optimizer's state; the caller puts the parameters back."""


def make_engine(model: MLP, config: TrainConfig, arithmetic: Arithmetic) -> Engine:
    """Make the engine that the configuration names, for a model that is already on its device.

    Raises:
        ModeUnavailableError: when it can't be had on this machine, with the reason.
    """
    make: Callable[[MLP, TrainConfig, Arithmetic], Engine] = load(ENGINES[config.engine])
    return make(model, config, arithmetic)
