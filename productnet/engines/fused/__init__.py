"""All steps of all epochs in one compiled loop: no framework between two of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from productnet.config import TrainConfig
    from productnet.engines import Engine
    from productnet.model import MLP
    from productnet.precision import Arithmetic


def make_fused(model: MLP, config: TrainConfig, arithmetic: Arithmetic) -> Engine:
    """Train in one compiled loop: through Triton on a CUDA device, through Numba on the CPU.

    Raises:
        ModeUnavailableError: for what the loop can't do, and where this machine lacks what compiles it.
    """
    if arithmetic.device_type == "cuda":
        from productnet.engines.fused.cuda import make_fused_on_card

        return make_fused_on_card(model, config, arithmetic)
    from productnet.engines.fused.cpu import make_fused_on_cpu

    return make_fused_on_cpu(model, config, arithmetic)
