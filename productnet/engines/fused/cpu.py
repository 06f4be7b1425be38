"""The engine that runs a training as one compiled loop on the CPU, through Numba.

It draws the order of each epoch itself, from the training's own stream, which it moves on as torch would; of a
`DataLoader` it takes the batches. It computes in one thread, whatever the recipe's number of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import TYPE_CHECKING

import torch

from productnet.batching import Batching, ManualBatching
from productnet.config import TrainConfig
from productnet.engines import Engine
from productnet.engines.flat import flatten_parameters
from productnet.engines.fused.limits import Limits
from productnet.errors import ModeUnavailableError, first_line
from productnet.model import MLP
from productnet.precision import Arithmetic

if TYPE_CHECKING:
    from productnet.engines.fused.trainer import Trainer

LIMITS = Limits(widest=1_024, deepest=16, most_samples=(2**32 - 1) // 20 - 1)
"""With more samples torch draws its permutations by another rule."""


def make_fused_on_cpu(model: MLP, config: TrainConfig, arithmetic: Arithmetic) -> Engine:
    """Train in one compiled loop; compiling happens at its first epoch, unless a process has done so before.

    Raises:
        ModeUnavailableError: for what the loop can't do, and where Numba is missing.
    """
    check_fused(config, arithmetic)
    from productnet.engines.fused.trainer import Trainer

    return FusedEngine(model, Trainer(config), config)


def check_fused(config: TrainConfig, arithmetic: Arithmetic) -> None:
    """Check that the compiled loop can do what is asked for, and that this machine has what it takes.

    Raises:
        ModeUnavailableError: otherwise, with the reason and a remedy.
    """
    if arithmetic.device_type != "cpu":
        raise ModeUnavailableError(f"engine fused has no code for device {config.device}: use --device cpu")
    LIMITS.check(config, arithmetic)
    try:
        import_module("numba")
    except ImportError as error:
        raise ModeUnavailableError(
            f"engine fused needs Numba ({first_line(error)}): pip install 'productnet-bench[fused]'"
        ) from error
    from productnet.engines.fused.stream import draws_as_torch

    if not draws_as_torch(config.num_samples):
        raise ModeUnavailableError(
            f"engine fused draws permutations as torch 2.13 does, and torch {torch.__version__} draws others: "
            "use --engine eager"
        )


class FusedEngine:
    """A model whose parameters a compiled loop trains; they are one row, so that one copy brings them there."""

    def __init__(self, model: MLP, trainer: Trainer, config: TrainConfig) -> None:
        self._trainer = trainer
        self._batch_sizes = config.batch_sizes
        self._parameters = flatten_parameters(model)
        self._held: Batching | None = None
        self.restart()

    def restart(self) -> None:
        """Forget the optimizer's moments."""
        self._trainer.restart()
        self._num_updates = 0

    def train(self, batching: Batching, num_epochs: int) -> list[float]:
        """Train for some epochs and return each one's mean loss."""
        self._trainer.parameters = self._parameters.numpy()
        if isinstance(batching, ManualBatching):
            losses = self._train_by_order(batching, num_epochs)
        else:
            losses = [self._train_as_handed_out(batching) for _ in range(num_epochs)]
        self._parameters.numpy()[:] = self._trainer.parameters
        self._num_updates += num_epochs * len(self._batch_sizes)
        return losses

    def _train_by_order(self, batching: ManualBatching, num_epochs: int) -> list[float]:
        from productnet.engines.fused.stream import OrderStream

        if self._held is not batching:
            self._trainer.put_samples(batching.features.numpy(), batching.targets.numpy())
            self._held = batching

        def draw(state: torch.Tensor) -> list[float]:
            stream = OrderStream(batching.order.num_samples, state)
            losses = self._trainer.train(num_epochs, stream)
            stream.write(state)
            return losses

        return batching.order.draw_elsewhere(num_epochs, draw)

    def _train_as_handed_out(self, batching: Batching) -> float:
        self._held = None
        features, targets = zip(*batching.epoch(), strict=True)
        if [len(batch) for batch in features] != self._batch_sizes:
            raise ValueError(f"an epoch has batches of {[len(batch) for batch in features]} samples")
        self._trainer.put_samples(torch.cat(features).numpy(), torch.cat(targets).numpy())
        (loss,) = self._trainer.train(1, None)
        return loss

    def fetches_itself(self, batching: Batching) -> bool:
        """Whether it draws the order and gathers samples in its own loop."""
        return isinstance(batching, ManualBatching)

    def step(self) -> None:
        """None: a step is no piece of its own here."""

    def infer(self, inputs: torch.Tensor) -> torch.Tensor:
        """Predict by the loop's own forward pass."""
        self._trainer.parameters = self._parameters.numpy()
        return torch.from_numpy(self._trainer.infer(inputs.numpy()))

    def optimizer_state(self) -> Iterable[torch.Tensor]:
        """Return Adam's moments, each of all parameters with their padding."""
        return torch.from_numpy(self._trainer.means), torch.from_numpy(self._trainer.squares)

    def num_updates(self) -> int:
        """Return how often the parameters were updated since the start."""
        return self._num_updates
