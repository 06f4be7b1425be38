"""How a training is executed: one file for each engine, one line for each in the registry.

The registry is plain text, so that the names can be listed and checked without importing torch.
"""

from __future__ import annotations

from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from productnet.batching import Batching
    from productnet.config import TrainConfig
    from productnet.engines.step import StepParts
    from productnet.model import MLP

ENGINES = MappingProxyType(
    {
        "reference": "productnet.engines.reference:ReferenceEngine",
        "eager": "productnet.engines.eager:EagerEngine",
    }
)
"""Name of each engine, and where its class is."""


class Engine(Protocol):
    """Executes the optimizer steps of a training, in the order that the batching hands out."""

    def train(self, batching: Batching, num_epochs: int) -> list[float]:
        """Train on and return each epoch's mean loss.

        Synchronizes: at least once an epoch, when the losses are read.
        """

    def step_parts(self) -> StepParts | None:
        """Return the step cut at its phases, or None where the engine runs it as one piece."""

    def restart(self) -> None:
        """Forget the optimizer's state; the caller puts the parameters back."""


def make_engine(model: MLP, config: TrainConfig) -> Engine:
    """Make the engine that the configuration names, for a model that is already on its device."""
    module_name, class_name = ENGINES[config.engine].split(":")
    engine_class: Callable[[MLP, TrainConfig], Engine] = getattr(import_module(module_name), class_name)
    return engine_class(model, config)
