"""The modes of the campaign on equal quality: those that ought to be as good as the reference, and those that must not.

Not what `bench.run` measures: negative controls break the recipe on purpose.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from productnet.config import TrainConfig

if TYPE_CHECKING:
    from productnet.train import Training

REFERENCE = "reference fp32"


@dataclass(frozen=True, slots=True)
class Mode:
    """One way to train, as changes of the recipe."""

    changes: dict[str, Any] = field(default_factory=dict)
    break_training: Callable[[Training], None] | None = None
    """Called after set-up: spoils what no number of the recipe can spoil."""
    is_control: bool = False
    """Whether its quality is spoilt on purpose."""

    def make_config(self, seed: int) -> TrainConfig:
        """Return the recipe of one training on one CPU thread."""
        return replace(TrainConfig(device="cpu", seed=seed), **self.changes)


def leave_out_bias_correction(training: Training) -> None:
    """Train with an Adam that does not correct its moments' bias towards 0: its first steps become too long.

    Its count of steps starts where the correction, 1 / (1 - beta^count), has come to be 1.

    Source: Kingma and Ba (2015), "Adam", section 3.
    """
    import torch

    from productnet.engines.autograd import AutogradEngine, make_adam

    def make_optimizer() -> torch.optim.Adam:
        adam = make_adam(training.model, training.config, fused=False)
        for parameter in training.model.parameters():
            moments = {name: torch.zeros_like(parameter) for name in ("exp_avg", "exp_avg_sq")}
            adam.state[parameter] = {"step": torch.tensor(1e9), **moments}
        return adam

    training.engine = AutogradEngine(
        network=training.model,
        make_optimizer=make_optimizer,
        arithmetic=training.arithmetic,
        batch_sizes=training.config.batch_sizes,
        reads_every_loss=True,
    )


MODES = {
    REFERENCE: Mode(),
    "eager fp32": Mode({"engine": "eager"}),
    "compiled-model fp32": Mode({"engine": "compiled-model"}),
    "compiled fp32": Mode({"engine": "compiled"}),
    "fused fp32": Mode({"engine": "fused"}),
    "reference bf16": Mode({"precision": "bf16"}),
    "reference fp16": Mode({"precision": "fp16"}),
    "half the epochs": Mode({"engine": "eager", "num_epochs": TrainConfig().num_epochs // 2}, is_control=True),
    "learning rate x 0.8": Mode({"engine": "eager", "learning_rate": 0.8e-3}, is_control=True),
    "learning rate x 1.25": Mode({"engine": "eager", "learning_rate": 1.25e-3}, is_control=True),
    "no bias correction": Mode(break_training=leave_out_bias_correction, is_control=True),
}
