"""The compiled loop against torch in float64 and float32, what it must not get past that check, and its limits."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import DTypeLike, NDArray

from productnet.config import TrainConfig
from productnet.engines.fused.cpu import LIMITS, check_fused
from productnet.engines.fused.stream import OrderStream
from productnet.engines.fused.trainer import Trainer
from productnet.errors import ModeUnavailableError
from productnet.precision import Arithmetic
from productnet.train import Training, draw_start, fit
from tests.productnet.engines.eager_loop import train_in_torch

RECIPE = TrainConfig(device="cpu", engine="fused", num_heldout_samples=20)
SHORT_LAST_BATCH = replace(RECIPE, num_samples=250)
NUM_EPOCHS = 40


def _start(config: TrainConfig, dtype: DTypeLike = np.float64) -> tuple[Trainer, OrderStream]:
    model, data, order = draw_start(config)
    trainer = Trainer(config, dtype)
    trainer.parameters = torch.cat([parameter.detach().flatten() for parameter in model.parameters()]).numpy()
    trainer.put_samples(data.features.numpy(), data.targets.numpy())
    return trainer, OrderStream(config.num_samples, order.state())


def _train_in_torch(config: TrainConfig, dtype: torch.dtype) -> tuple[list[float], NDArray[Any]]:
    """Each step's loss of the eager loop, and the parameters at the end."""
    losses, model = train_in_torch(config, dtype, NUM_EPOCHS)
    return losses, torch.cat([parameter.detach().flatten() for parameter in model.parameters()]).numpy()


def _distance(parameters: NDArray[Any], expected: NDArray[Any]) -> float:
    return float(np.abs(parameters - expected).max())


# In float64, where orders of addition do not matter: a wrong gradient has nowhere to hide


@pytest.mark.parametrize(
    ("hidden_sizes", "changes"),
    [
        ((16, 8), {"num_samples": 250}),
        ((5,), {"num_samples": 30, "batch_size": 10, "beta1": 0.5, "beta2": 0.9, "epsilon": 1e-3}),
        ((35, 20), {"num_samples": 25, "batch_size": 25}),
        ((3, 9, 10, 6), {"num_samples": 45, "batch_size": 20, "drop_last": True}),
    ],
)
def test_the_loop_is_torchs_training_in_float64(hidden_sizes: tuple[int, ...], changes: dict[str, Any]) -> None:
    config = replace(RECIPE, hidden_sizes=hidden_sizes, **changes)
    trainer, stream = _start(config)
    epoch_losses = trainer.train(NUM_EPOCHS, stream)
    losses, parameters = _train_in_torch(config, torch.float64)
    assert _distance(trainer.parameters, parameters) < 1e-10
    per_epoch = np.reshape(losses, (NUM_EPOCHS, -1))
    assert epoch_losses == pytest.approx(np.average(per_epoch, axis=1, weights=config.batch_sizes), rel=1e-10)


@pytest.fixture(scope="module")
def expected() -> NDArray[Any]:
    return _train_in_torch(SHORT_LAST_BATCH, torch.float64)[1]


def _skip_an_epoch(_trainer: Trainer, stream: OrderStream) -> None:
    stream.draw(1)


def _swap_two_samples(trainer: Trainer, _stream: OrderStream) -> None:
    table = trainer._samples.reshape(-1, 4)
    table[[0, 1], :2] = table[[1, 0], :2]


def _do_not_correct(trainer: Trainer, _stream: OrderStream) -> None:
    trainer._powers.fill(0)


def _count_the_padding(trainer: Trainer, _stream: OrderStream) -> None:
    ones = trainer._layout.ones
    trainer._work[ones : ones + trainer._layout.batch.reach + 16] = 1


def _use_another_memory(trainer: Trainer, _stream: OrderStream) -> None:
    rate, beta1, _, epsilon = trainer._recipe
    trainer._recipe = (rate, beta1, 0.99, epsilon)


def _take_larger_steps(trainer: Trainer, _stream: OrderStream) -> None:
    rate, *rest = trainer._recipe
    trainer._recipe = (1.001 * rate, *rest)  # type: ignore[assignment]


@pytest.mark.parametrize(
    "spoil",
    [
        _skip_an_epoch,
        _swap_two_samples,
        _do_not_correct,
        _count_the_padding,
        _use_another_memory,
        _take_larger_steps,
    ],
)
def test_what_is_wrong_does_not_pass_for_torchs_training(
    spoil: Callable[[Trainer, OrderStream], None], expected: NDArray[Any]
) -> None:
    trainer, stream = _start(SHORT_LAST_BATCH)
    spoil(trainer, stream)
    trainer.train(NUM_EPOCHS, stream)
    assert _distance(trainer.parameters, expected) > 1e-6


def test_in_float32_the_loop_is_as_near_to_float64_as_torch_is(expected: NDArray[Any]) -> None:
    trainer, stream = _start(SHORT_LAST_BATCH, np.float32)
    trainer.train(NUM_EPOCHS, stream)
    _, parameters = _train_in_torch(SHORT_LAST_BATCH, torch.float32)
    of_torch = _distance(parameters, expected)
    assert 0 < _distance(trainer.parameters, expected) < 4 * of_torch < 1e-4


# What a training promises


def test_the_recipe_ends_where_the_reference_does() -> None:
    result = fit(RECIPE)
    assert result.final_loss == pytest.approx(0.0001638088418985717, rel=1e-4)
    assert len(result.epoch_losses) == 1_000


def test_a_training_that_diverges_is_seen_to_have() -> None:
    result = fit(replace(SHORT_LAST_BATCH, num_epochs=3, learning_rate=1e37))
    assert result.has_diverged
    assert not math.isfinite(result.final_loss)


def test_numbers_too_small_to_matter_do_not_stay_in_the_moments() -> None:
    trainer, stream = _start(SHORT_LAST_BATCH, np.float32)
    trainer.means.fill(1e-38)
    trainer.train(1, stream)
    smallest = np.finfo(np.float32).smallest_normal
    for moments in (trainer.means, trainer.squares):
        assert not ((moments != 0) & (np.abs(moments) < smallest)).any()


def test_a_prediction_is_the_models() -> None:
    training = Training(SHORT_LAST_BATCH)
    training.train(2)
    inputs = torch.randn(230, 2)
    with torch.inference_mode():
        assert torch.allclose(training.engine.infer(inputs), training.model(inputs), rtol=0, atol=1e-6)


def test_changed_parameters_are_those_that_are_trained_on() -> None:
    training = Training(SHORT_LAST_BATCH)
    (before,) = training.train(1)
    training.restart()
    with torch.no_grad():
        training.model.layers[-1].bias.fill_(5)  # type: ignore[operator]
    (after,) = training.train(1)
    assert after > 10 * before


# Limits


@pytest.mark.parametrize(
    ("changes", "arithmetic", "reason"),
    [
        ({}, Arithmetic("bf16", "cpu"), "computes in float32, and bf16 was asked for: use --precision fp32"),
        ({"device": "mps"}, Arithmetic("fp32", "mps"), "has no code for device mps: use --device cpu"),
        ({"hidden_sizes": ()}, Arithmetic("fp32", "cpu"), "takes 1 to 16 hidden layers on device cpu, not 0: use"),
        (
            {"hidden_sizes": (2,) * (LIMITS.deepest + 1)},
            Arithmetic("fp32", "cpu"),
            "takes 1 to 16 hidden layers on device cpu, not 17",
        ),
        (
            {"hidden_sizes": (8, LIMITS.widest + 1)},
            Arithmetic("fp32", "cpu"),
            "takes layers of at most 1,024 units on device cpu, not 1,025",
        ),
        (
            {"num_samples": LIMITS.most_samples + 1},
            Arithmetic("fp32", "cpu"),
            "takes at most 214,748,363 samples on device cpu, not 214,748,364",
        ),
    ],
)
def test_what_the_loop_can_not_do_is_refused_with_the_reason(
    changes: dict[str, Any], arithmetic: Arithmetic, reason: str
) -> None:
    with pytest.raises(ModeUnavailableError, match=f"engine fused {reason}"):
        check_fused(replace(RECIPE, **changes), arithmetic)


def test_without_numba_the_engine_is_refused_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numba", None)
    with pytest.raises(ModeUnavailableError, match=r"needs Numba .*pip install 'productnet-bench\[fused\]'"):
        Training(RECIPE)


def test_a_training_from_the_command_line_loads_none_of_torchs_compiler() -> None:
    program = (
        "import sys; from productnet.__main__ import main; "
        "sys.argv = 'productnet train --engine fused --device cpu --epochs 2'.split(); "
        "main(); print('torch._dynamo' in sys.modules)"
    )
    done = subprocess.run((sys.executable, "-c", program), capture_output=True, text=True, check=True)
    assert done.stdout.endswith("False\n"), "it takes longer than the training"
