from __future__ import annotations

import pytest
import torch

from bench.campaigns.modes import MODES, REFERENCE, leave_out_bias_correction
from productnet.config import TrainConfig
from productnet.train import Training


def test_a_mode_changes_the_recipe_in_what_it_is_named_after_and_nothing_else() -> None:
    assert MODES[REFERENCE].make_config(7) == TrainConfig(device="cpu", seed=7)
    assert MODES["learning rate x 1.25"].make_config(1).learning_rate == pytest.approx(
        1.25 * TrainConfig().learning_rate
    )
    assert MODES["learning rate x 0.8"].make_config(1).learning_rate == pytest.approx(0.8 * TrainConfig().learning_rate)
    assert MODES["half the epochs"].make_config(1).num_epochs * 2 == TrainConfig().num_epochs


def test_without_bias_correction_the_first_step_is_longer_by_what_is_left_out() -> None:
    """Adam's first step is lr * sign; without correction (1 - beta1) / sqrt(1 - beta2) = 3.162 times that."""

    def first_step(is_corrected: bool) -> torch.Tensor:
        training = Training(TrainConfig(device="cpu", num_samples=100, batch_size=100))
        if not is_corrected:
            leave_out_bias_correction(training)
        before = training.model.layers[0].weight.detach().clone()  # type: ignore[operator]
        training.train(1)
        return training.model.layers[0].weight.detach() - before  # type: ignore[operator]

    corrected, uncorrected = first_step(is_corrected=True), first_step(is_corrected=False)
    moved = corrected.abs() > 9e-4
    assert moved.sum() > 10
    assert (uncorrected[moved] / corrected[moved]).tolist() == pytest.approx(
        [0.1 / 0.001**0.5] * int(moved.sum()), rel=5e-3
    )
