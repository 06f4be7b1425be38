"""`torch.compile(model)` in the textbook loop, as most users write it: forward and backward, not the optimizer."""

from __future__ import annotations

import torch

from productnet.config import TrainConfig
from productnet.engines import Engine
from productnet.engines.autograd import AutogradEngine, make_adam
from productnet.engines.compiler import check_compiler
from productnet.model import MLP
from productnet.precision import Arithmetic


def make_compiled_model(model: MLP, config: TrainConfig, arithmetic: Arithmetic) -> Engine:
    """Train the reference's loop with a compiled network; compiling happens at its first batch.

    What this process has compiled before is forgotten (not what lies on the disk): torch keeps all that was compiled of
    one piece of code in a chain that every call walks, and gives up at the eighth.

    Raises:
        ModeUnavailableError: when there is no C++ compiler, which TorchInductor needs on every device.
    """
    check_compiler("compiled-model")
    torch.compiler.reset()
    return AutogradEngine(
        # A full graph or an error: a part that stays uncompiled would run under this engine's name.
        network=torch.compile(model, fullgraph=True),
        make_optimizer=lambda: make_adam(model, config, fused=False),
        arithmetic=arithmetic,
        batch_sizes=config.batch_sizes,
        reads_every_loss=True,
    )
