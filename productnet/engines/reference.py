"""The textbook loop, as a beginner writes it: what everything else is compared with."""

from __future__ import annotations

from torch.nn.functional import mse_loss
from torch.optim import Adam

from productnet.batching import Batching, epoch_mean
from productnet.config import TrainConfig
from productnet.engines.step import StepParts, autograd_parts
from productnet.model import MLP


class ReferenceEngine:
    """Default Adam, and the loss read back to the host after every step."""

    def __init__(self, model: MLP, config: TrainConfig) -> None:
        self.model = model
        self.config = config
        self.restart()

    def restart(self) -> None:
        """Start over with a fresh optimizer."""
        config = self.config
        self.optimizer = Adam(
            self.model.parameters(), lr=config.learning_rate, betas=(config.beta1, config.beta2), eps=config.epsilon
        )

    def train(self, batching: Batching, num_epochs: int) -> list[float]:
        """Train for some epochs and return each one's mean loss. Synchronizes: every step."""
        epoch_losses = []
        for _ in range(num_epochs):
            batch_losses = []
            for inputs, targets in batching.epoch():
                loss = mse_loss(self.model(inputs), targets)
                loss.backward()  # type: ignore[no-untyped-call]
                self.optimizer.step()
                self.optimizer.zero_grad()
                batch_losses.append(loss.item())  # sync point
            epoch_losses.append(epoch_mean(batch_losses, self.config.batch_sizes))
        return epoch_losses

    def step_parts(self) -> StepParts:
        """Return the step cut at its phases."""
        return autograd_parts(self.model, self.optimizer, record=lambda loss: loss.item())
