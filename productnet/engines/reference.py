"""The textbook loop, as a beginner writes it: what everything else is compared with."""

from __future__ import annotations

from productnet.config import TrainConfig
from productnet.engines import Engine
from productnet.engines.autograd import AutogradEngine, make_adam
from productnet.model import MLP
from productnet.precision import Arithmetic


def make_reference(model: MLP, config: TrainConfig, arithmetic: Arithmetic) -> Engine:
    """Train with torch's default Adam, and read the loss back to the host after every step."""
    return AutogradEngine(
        network=model,
        make_optimizer=lambda: make_adam(model, config, fused=False),
        arithmetic=arithmetic,
        batch_sizes=config.batch_sizes,
        reads_every_loss=True,
    )
