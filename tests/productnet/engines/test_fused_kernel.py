"""Triton's kernel and the engine around it: on a card, or, a process of its own being told so, in Triton's interpreter.

`test_fused_card` has the interpreter run all of this where there is no card.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import import_module
from typing import Any

import pytest
import torch

from productnet.batching import ManualBatching
from productnet.config import TrainConfig
from productnet.engines.fused import cuda
from productnet.engines.fused.orders import OrderFeed
from productnet.errors import DeviceFaultError
from productnet.registry import BATCHINGS
from productnet.replicas import Replicas, train_replicas
from productnet.train import Training, draw_start, fit
from tests.productnet.engines.eager_loop import train_in_torch

pytest.importorskip("triton", reason="there is no Triton here")
card = import_module("productnet.engines.fused.card")
kernel = import_module("productnet.engines.fused.kernel")

IS_INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
DEVICE = "cpu" if IS_INTERPRETED else "cuda"
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(
        not (IS_INTERPRETED or torch.cuda.is_available()),
        reason="torch finds no CUDA device, nor is Triton interpreted",
    ),
]
needs_card = pytest.mark.skipif(IS_INTERPRETED, reason="too long for an interpreter")
needs_interpreter = pytest.mark.skipif(not IS_INTERPRETED, reason="spoils what is compiled")

RECIPE = TrainConfig(
    device=DEVICE, engine="fused", num_samples=50, batch_size=20, num_heldout_samples=20, num_shown_samples=0
)
"""Its last batch is half as large. An interpreter takes some 10 ms a tile."""
SEEDS = (4, 2)
NUM_EPOCHS = 2

SUMS = card.Form(num_warps=4, rows=4, lanes=32, products="sum", sums="sum")
FEW_WARPS = replace(SUMS, num_warps=2)
TILES = replace(SUMS, rows=4, lanes=8)
DOTS = card.Form(num_warps=4, rows=1, lanes=16, products="dot", sums="dot")

SHAPES: list[tuple[dict[str, Any], Any]] = [
    ({"num_samples": 250, "batch_size": 100}, SUMS),
    ({"num_samples": 250, "batch_size": 100}, FEW_WARPS),
    ({"num_samples": 100, "batch_size": 100}, DOTS),
    ({"hidden_sizes": (5,), "num_samples": 30, "batch_size": 10, "beta1": 0.5, "beta2": 0.9, "epsilon": 1e-3}, SUMS),
    ({"hidden_sizes": (7, 12), "num_samples": 50, "batch_size": 40}, TILES),
    ({"hidden_sizes": (35, 20), "num_samples": 25, "batch_size": 25}, DOTS),
    ({"hidden_sizes": (3, 9, 10, 6), "num_samples": 45, "batch_size": 20, "drop_last": True}, SUMS),
    ({"hidden_sizes": (3, 9, 10, 6), "num_samples": 45, "batch_size": 20, "drop_last": True}, DOTS),
]


def _start(config: TrainConfig, form: Any, num_epochs: int, num_replicas: int = 1) -> tuple[Any, ...]:
    """A trainer of trainings of seeds from the recipe's on, and what it trains by."""
    starts = [draw_start(replace(config, seed=config.seed + index)) for index in range(num_replicas)]
    parameters = torch.stack([_flatten(model.parameters()) for model, _, _ in starts]).to(DEVICE)
    features = torch.stack([data.features for _, data, _ in starts]).to(DEVICE)
    targets = torch.stack([data.targets for _, data, _ in starts]).to(DEVICE)
    orders = [torch.stack([order.next_epoch() for _ in range(num_epochs)]) for _, _, order in starts]
    return card.CardTrainer(config, parameters, form), (features, targets, torch.stack(orders).int().to(DEVICE))


def _flatten(tensors: Any) -> torch.Tensor:
    return torch.cat([each.detach().flatten() for each in tensors])


def _train_in_torch(config: TrainConfig, dtype: torch.dtype, num_epochs: int) -> tuple[torch.Tensor, ...]:
    """Each step's loss of the eager loop, the parameters at the end, and the last step's gradients."""
    losses, model = train_in_torch(config, dtype, num_epochs)
    gradients = _flatten(parameter.grad for parameter in model.parameters())
    return torch.tensor(losses, dtype=torch.float64), _flatten(model.parameters()), gradients


def _distance(ours: torch.Tensor, expected: torch.Tensor) -> float:
    return float((ours.cpu().double() - expected).abs().max())


# The kernel against torch


@pytest.mark.parametrize(("changes", "form"), SHAPES)
def test_one_step_is_eagers_and_its_gradients_are_float64s(changes: dict[str, Any], form: Any) -> None:
    config = replace(RECIPE, **changes)
    config = replace(config, num_samples=config.batch_size, drop_last=False)
    trainer, samples = _start(config, form, 1)
    losses = trainer.train(*samples)
    expected, parameters, _ = _train_in_torch(config, torch.float32, 1)
    _, _, gradients = _train_in_torch(config, torch.float64, 1)
    assert _distance(trainer.parameters[0], parameters) < 1e-6
    assert _distance(trainer.gradients[0], gradients) < 1e-6 * float(gradients.abs().max())
    assert losses.flatten().tolist() == pytest.approx(expected.tolist(), rel=1e-6)


@pytest.mark.parametrize(("changes", "form"), SHAPES)
def test_the_kernel_is_as_near_to_float64_as_torch_is(changes: dict[str, Any], form: Any) -> None:
    config = replace(RECIPE, **changes)
    trainer, samples = _start(config, form, NUM_EPOCHS)
    losses = trainer.train(*samples)
    expected, exact, _ = _train_in_torch(config, torch.float64, NUM_EPOCHS)
    _, of_torch, _ = _train_in_torch(config, torch.float32, NUM_EPOCHS)
    assert _distance(trainer.parameters[0], exact) < max(4 * _distance(of_torch, exact), 3e-7)
    assert losses.flatten().tolist() == pytest.approx(expected.tolist(), rel=1e-4)
    assert losses.shape == (1, NUM_EPOCHS, len(config.batch_sizes))


@pytest.mark.parametrize("form", [SUMS, DOTS])
def test_each_of_several_programs_is_the_training_alone_bit_for_bit(form: Any) -> None:
    together, samples = _start(RECIPE, form, 1, num_replicas=2)
    losses = together.train(*samples)
    for index in range(2):
        alone, own = _start(replace(RECIPE, seed=RECIPE.seed + index), form, 1)
        assert torch.equal(alone.train(*own)[0], losses[index])
        assert torch.equal(alone.parameters[0], together.parameters[index])


# Negative controls: what the checks above must catch


def _take_larger_steps(trainer: Any, _monkeypatch: pytest.MonkeyPatch) -> None:
    trainer._config = replace(trainer._config, learning_rate=1.01 * RECIPE.learning_rate)


def _do_not_correct(_trainer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def find(config: TrainConfig, _before: int, num_steps: int) -> Any:
        return torch.tensor([[config.learning_rate, 1.0]] * num_steps).numpy()

    monkeypatch.setattr(card, "find_corrections", find)


def _use_another_memory(trainer: Any, _monkeypatch: pytest.MonkeyPatch) -> None:
    trainer._config = replace(trainer._config, beta1=0.8)


@pytest.mark.parametrize("spoil", [_take_larger_steps, _do_not_correct, _use_another_memory])
def test_a_wrong_optimizer_is_caught(
    spoil: Callable[[Any, pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer, samples = _start(RECIPE, SUMS, NUM_EPOCHS)
    spoil(trainer, monkeypatch)
    trainer.train(*samples)
    assert _distance(trainer.parameters[0], _train_in_torch(RECIPE, torch.float64, NUM_EPOCHS)[1]) > 1e-6


def test_a_last_batch_taken_for_a_full_one_is_caught() -> None:
    trainer, samples = _start(RECIPE, SUMS, NUM_EPOCHS)
    trainer._config = replace(RECIPE, batch_size=25)
    losses = trainer.train(*samples)
    expected = _train_in_torch(RECIPE, torch.float64, NUM_EPOCHS)[0].tolist()
    assert losses.flatten()[:4].tolist() != pytest.approx(expected[:4], rel=1e-4)


@needs_interpreter
def test_padding_that_counts_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    find = kernel._find_places

    def find_without_mask(*given: Any) -> tuple[Any, Any]:
        places, valid = find(*given)
        return places, valid | (places >= 0)

    monkeypatch.setattr(kernel, "_find_places", find_without_mask)
    trainer, samples = _start(RECIPE, SUMS, 1)
    losses = trainer.train(*samples)
    expected = _train_in_torch(RECIPE, torch.float64, 1)[0].tolist()
    assert losses.flatten().tolist() != pytest.approx(expected, rel=1e-3)


# The engine


def _open(config: TrainConfig) -> Training:
    if not IS_INTERPRETED:
        return Training(config)
    training = Training(replace(config, engine="eager"))
    training.engine = cuda.CardEngine(training.model, config)
    return training


def _train_eagerly(config: TrainConfig, num_epochs: int) -> Training:
    training = Training(replace(config, device="cpu", engine="eager", batching="manual"))
    training.train(num_epochs)
    return training


@pytest.mark.parametrize(("batching", "drop_last"), [*((name, False) for name in BATCHINGS), ("dataloader", True)])
def test_the_engine_trains_as_eager_does_on_the_same_order(batching: str, drop_last: bool) -> None:
    config = replace(RECIPE, batching=batching, drop_last=drop_last)
    training = _open(config)
    training.prepare()
    training.train(NUM_EPOCHS)
    expected = _train_eagerly(config, NUM_EPOCHS)
    assert training.epoch_losses == pytest.approx(expected.epoch_losses, rel=1e-5)
    assert training.result().digest == expected.result().digest
    assert training.engine.num_updates() == NUM_EPOCHS * len(config.batch_sizes)
    assert training.engine.fetches_itself(training.batching) == isinstance(training.batching, ManualBatching)


@pytest.mark.parametrize("most_tiles", [1, 6])
def test_in_chunks_in_pieces_or_begun_anew_it_is_the_same_training(
    most_tiles: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = _open(RECIPE).train(3)
    monkeypatch.setattr(cuda, "_MOST_TILES", most_tiles)
    training = _open(replace(RECIPE, num_threads=2))
    assert [*training.train(1), *training.train(2)] == whole
    training.restart()
    assert training.train(3) == whole


def test_changed_parameters_are_those_that_are_trained_on_and_predict() -> None:
    training = _open(RECIPE)
    (before,) = training.train(1)
    training.restart()
    with torch.no_grad():
        training.model.layers[-1].bias.fill_(5)  # type: ignore[operator]
        zeros = torch.zeros(3, 2, device=DEVICE)
        assert torch.equal(training.engine.infer(zeros), training.model(zeros))
    (after,) = training.train(1)
    assert after > 10 * before


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy's, where it interprets
def test_a_training_that_diverges_is_seen_to_have() -> None:
    assert not math.isfinite(_open(replace(RECIPE, learning_rate=1e37)).train(3)[-1])


def _open_replicas(config: TrainConfig, seeds: Sequence[int]) -> Replicas:
    if not IS_INTERPRETED:
        return Replicas(config, seeds)
    replicas = Replicas(replace(config, engine="eager"), seeds)
    replicas.engine = cuda.CardReplicas(replicas.trainees, config)
    return replicas


@pytest.mark.parametrize("num_threads", [1, 2])
def test_replicas_are_the_trainings_of_their_seeds(num_threads: int) -> None:
    replicas = _open_replicas(replace(RECIPE, num_threads=num_threads, drop_last=True), SEEDS)
    replicas.prepare()
    replicas.train(NUM_EPOCHS)
    for result in replicas.results():
        alone = _train_eagerly(result.config, NUM_EPOCHS).result()
        assert result.digest == alone.digest
        assert result.epoch_losses == pytest.approx(alone.epoch_losses, rel=1e-5)


def test_replicas_in_chunks_and_in_pieces_are_the_same_trainings(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = _open_replicas(RECIPE, SEEDS).train(3)
    monkeypatch.setattr(cuda, "_MOST_NUMBERS", 2 * len(SEEDS) * RECIPE.num_samples)
    replicas = _open_replicas(RECIPE, SEEDS)
    pieces = [replicas.train(each) for each in (1, 2)]
    assert [[*first, *rest] for first, rest in zip(*pieces, strict=True)] == whole


def test_replicas_with_an_order_of_another_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    replicas = _open_replicas(RECIPE, SEEDS)
    send = OrderFeed.send
    monkeypatch.setattr(OrderFeed, "send", lambda *given: [chunk.roll(1, 0) for chunk in send(*given)])
    with pytest.raises(DeviceFaultError, match="replica of seed 4 was given other samples than its own"):
        replicas.prepare()


# Whole trainings


@needs_card
def test_the_recipe_ends_where_the_reference_does() -> None:
    config = TrainConfig(device="cuda", engine="fused", num_heldout_samples=20)
    result = fit(config)
    assert result.final_loss == pytest.approx(0.0001638088418985717, rel=1e-4)
    assert result.digest == fit(replace(config, engine="eager")).digest


@needs_card
def test_hundreds_of_replicas_are_trainings_of_their_own() -> None:
    config = TrainConfig(device="cuda", engine="fused", num_epochs=20, num_threads=8, num_heldout_samples=20)
    results = train_replicas(config, range(300))
    for result in results[::99]:
        alone = fit(result.config)
        assert result.digest == alone.digest
        assert result.epoch_losses == pytest.approx(alone.epoch_losses, rel=1e-4)
