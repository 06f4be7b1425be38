"""The eager loop, written out: what the compiled loops are held against."""

from __future__ import annotations

import torch
from torch.nn.functional import mse_loss

from productnet.config import TrainConfig
from productnet.model import MLP
from productnet.train import draw_start


def train_in_torch(config: TrainConfig, dtype: torch.dtype, num_epochs: int) -> tuple[list[float], MLP]:
    """Return each step's loss, and the network at the end, with the last step's gradients."""
    model, data, order = draw_start(config)
    model = model.to(dtype)
    features, targets = data.features.to(dtype), data.targets.to(dtype)
    optimizer = torch.optim.Adam(
        model.parameters(), lr=config.learning_rate, betas=(config.beta1, config.beta2), eps=config.epsilon
    )
    losses = []
    for _ in range(num_epochs):
        kept = order.next_epoch()[: config.num_samples_per_epoch]
        for numbers in kept.split(config.batch_size):  # type: ignore[no-untyped-call]
            optimizer.zero_grad()
            loss = mse_loss(model(features[numbers]), targets[numbers])
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            losses.append(loss.item())
    return losses, model
