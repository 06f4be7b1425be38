"""The same arithmetic without the waste: a fused optimizer, and one read of the losses an epoch."""

from __future__ import annotations

from productnet.config import TrainConfig
from productnet.engines import Engine
from productnet.engines.autograd import AutogradEngine, make_adam
from productnet.model import MLP
from productnet.precision import Arithmetic


def make_eager(model: MLP, config: TrainConfig, arithmetic: Arithmetic) -> Engine:
    """Train with Adam as one kernel instead of a loop over tensors, and without a wait for the loss inside an epoch.

    Fused Adam adds in another order than the default one, so the losses differ from the reference's in the last digits.
    """
    return AutogradEngine(
        network=model,
        make_optimizer=lambda: make_adam(model, config, fused=True),
        arithmetic=arithmetic,
        batch_sizes=config.batch_sizes,
        reads_every_loss=False,
    )
