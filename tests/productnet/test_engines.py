from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch._dynamo.utils import counters as dynamo_counters
from torch.optim import Optimizer

from productnet.batching import epoch_mean
from productnet.config import TrainConfig
from productnet.engines.autograd import AutogradEngine
from productnet.model import MLP
from productnet.registry import BATCHINGS, ENGINES, load
from productnet.train import Training
from tests.productnet.modes import ON_CPU

RECIPE = TrainConfig(device="cpu", num_heldout_samples=20)
# One batch an epoch: every mean of an epoch is the loss of one step.
STEPWISE = replace(RECIPE, num_samples=100, batch_size=100)
SHORT_LAST_BATCH = replace(RECIPE, num_samples=250, batch_size=100)

STEP_TOLERANCE = 1e-6
LOSS_TOLERANCE = 1e-4

every_engine = pytest.mark.parametrize("engine", ON_CPU)


def _parameters(training: Training) -> list[torch.Tensor]:
    return [parameter.detach().cpu().clone() for parameter in training.model.parameters()]


MakeOptimizer = Callable[[MLP], Optimizer]


def _train(config: TrainConfig, num_epochs: int, make_optimizer: MakeOptimizer | None = None) -> Training:
    training = Training(config)
    if make_optimizer is not None:
        training.engine = AutogradEngine(
            network=training.model,
            make_optimizer=lambda: make_optimizer(training.model),
            arithmetic=training.arithmetic,
            batch_sizes=config.batch_sizes,
            reads_every_loss=True,
        )
    training.train(num_epochs)
    return training


def _assert_same_losses(losses: Sequence[float], expected: Sequence[float]) -> None:
    assert losses == pytest.approx(expected, rel=LOSS_TOLERANCE, abs=0)


def _assert_same_parameters(training: Training, expected: Training) -> None:
    for parameter, other in zip(_parameters(training), _parameters(expected), strict=True):
        assert torch.allclose(parameter, other, rtol=0, atol=STEP_TOLERANCE)


@pytest.fixture(scope="module")
def reference_steps() -> Training:
    return _train(STEPWISE, 100)


@pytest.fixture(scope="module")
def reference_step() -> Training:
    return _train(STEPWISE, 1)


# Parity of every engine with the reference


@every_engine
def test_an_engine_makes_the_first_step_of_the_reference(engine: str, reference_step: Training) -> None:
    training = _train(replace(STEPWISE, engine=engine), 1)
    _assert_same_parameters(training, reference_step)
    assert not all(torch.equal(*pair) for pair in zip(_parameters(training), training._initial_parameters, strict=True))


@every_engine
def test_an_engine_follows_the_reference_for_a_hundred_steps(engine: str, reference_steps: Training) -> None:
    training = _train(replace(STEPWISE, engine=engine), 100)
    assert len(training.epoch_losses) == 100
    _assert_same_losses(training.epoch_losses, reference_steps.epoch_losses)
    assert training.epoch_losses[-1] < training.epoch_losses[0]


@every_engine
@pytest.mark.parametrize("batching", BATCHINGS)
def test_an_engine_follows_the_reference_over_changing_batches_and_a_short_last_one(engine: str, batching: str) -> None:
    expected = _train(SHORT_LAST_BATCH, 20)
    training = _train(replace(SHORT_LAST_BATCH, engine=engine, batching=batching), 20)
    _assert_same_losses(training.epoch_losses, expected.epoch_losses)
    assert training.model is not expected.model


@every_engine
def test_an_engine_follows_the_reference_with_other_numbers_in_its_optimizer(engine: str) -> None:
    config = replace(STEPWISE, learning_rate=0.01, beta1=0.5, beta2=0.9, epsilon=1e-3, hidden_sizes=(5,))
    training = _train(replace(config, engine=engine), 20)
    _assert_same_losses(training.epoch_losses, _train(config, 20).epoch_losses)


# Negative controls: what the checks above must catch


class _UncorrectedAdam(torch.optim.Optimizer):
    """Adam without the correction of its start: the first moments divided by the roots of the second, as they are."""

    def __init__(self, parameters: Sequence[torch.nn.Parameter], lr: float) -> None:
        super().__init__(parameters, {"lr": lr})
        self.lr = lr
        self.moments = [(torch.zeros_like(parameter), torch.zeros_like(parameter)) for parameter in parameters]

    @torch.no_grad()
    def step(self, closure: object = None) -> None:  # type: ignore[override]
        for parameter, (first, second) in zip(self.param_groups[0]["params"], self.moments, strict=True):
            first.mul_(0.9).add_(0.1 * parameter.grad)
            second.mul_(0.999).add_(0.001 * parameter.grad**2)
            parameter.sub_(self.lr * first / (second.sqrt() + 1e-8))


def _larger_steps(model: MLP) -> Optimizer:
    return torch.optim.Adam(model.parameters(), lr=1.01 * RECIPE.learning_rate)


def _plain_descent(model: MLP) -> Optimizer:
    return torch.optim.SGD(model.parameters(), lr=RECIPE.learning_rate)


def _other_memory(model: MLP) -> Optimizer:
    return torch.optim.Adam(model.parameters(), lr=RECIPE.learning_rate, betas=(0.9, 0.99))


def _no_correction(model: MLP) -> Optimizer:
    return _UncorrectedAdam(list(model.parameters()), RECIPE.learning_rate)


def _summed_gradients(model: MLP) -> Optimizer:
    optimizer = torch.optim.Adam(model.parameters(), lr=RECIPE.learning_rate)
    optimizer.zero_grad = lambda set_to_none=True: None  # type: ignore[method-assign]
    return optimizer


@pytest.mark.parametrize("wrong", [_larger_steps, _plain_descent, _no_correction])
def test_a_wrong_first_step_is_caught(wrong: MakeOptimizer, reference_step: Training) -> None:
    with pytest.raises(AssertionError):
        _assert_same_parameters(_train(STEPWISE, 1, wrong), reference_step)


@pytest.mark.parametrize("wrong", [_larger_steps, _plain_descent, _other_memory, _no_correction, _summed_gradients])
def test_wrong_losses_are_caught(wrong: MakeOptimizer, reference_steps: Training) -> None:
    with pytest.raises(AssertionError):
        _assert_same_losses(_train(STEPWISE, 100, wrong).epoch_losses, reference_steps.epoch_losses)


def test_losses_of_a_single_epoch_that_is_off_are_caught(reference_steps: Training) -> None:
    losses = list(reference_steps.epoch_losses)
    losses[50] *= 1.001
    with pytest.raises(AssertionError):
        _assert_same_losses(losses, reference_steps.epoch_losses)
    with pytest.raises(AssertionError):
        _assert_same_losses(losses[:50], reference_steps.epoch_losses)


# The reference against a hand-written network and optimizer in float64

Array = NDArray[np.float64]


def _gradients(parameters: list[Array], inputs: Array, targets: Array) -> tuple[float, list[Array]]:
    weight1, bias1, weight2, bias2 = parameters
    before = inputs @ weight1.T + bias1
    hidden = np.maximum(before, 0)
    error = hidden @ weight2.T + bias2 - targets
    on_output = 2 * error / len(error)
    on_hidden = (on_output @ weight2) * (before > 0)
    gradients = [on_hidden.T @ inputs, on_hidden.sum(axis=0), on_output.T @ hidden, on_output.sum(axis=0)]
    return float((error**2).mean()), gradients


def _adam_by_hand(
    config: TrainConfig, num_steps: int, *, epsilon_in_root: bool = False
) -> tuple[list[float], list[Array]]:
    training = Training(config)
    parameters = [parameter.double().numpy() for parameter in training._initial_parameters]
    first = [np.zeros_like(parameter) for parameter in parameters]
    second = [np.zeros_like(parameter) for parameter in parameters]
    losses = []
    for step in range(1, num_steps + 1):
        order = training.order.next_epoch()
        loss, gradients = _gradients(
            parameters, training.data.features[order].double().numpy(), training.data.targets[order].double().numpy()
        )
        losses.append(loss)
        for index, gradient in enumerate(gradients):
            first[index] = config.beta1 * first[index] + (1 - config.beta1) * gradient
            second[index] = config.beta2 * second[index] + (1 - config.beta2) * gradient**2
            mean = first[index] / (1 - config.beta1**step)
            square = second[index] / (1 - config.beta2**step)
            root = np.sqrt(square + config.epsilon) if epsilon_in_root else np.sqrt(square) + config.epsilon
            parameters[index] = parameters[index] - config.learning_rate * mean / root
    return losses, parameters


@pytest.mark.parametrize("epsilon", [1e-8, 1e-2])
def test_the_reference_is_adam_as_written_by_hand_in_float64(epsilon: float) -> None:
    config = replace(STEPWISE, hidden_sizes=(6,), epsilon=epsilon, learning_rate=1e-2)
    losses, parameters = _adam_by_hand(config, 10)
    training = _train(config, 10)
    assert training.epoch_losses == pytest.approx(losses, rel=1e-5)
    for parameter, expected in zip(_parameters(training), parameters, strict=True):
        assert parameter.numpy() == pytest.approx(expected, abs=1e-5)


def test_an_epsilon_within_the_root_would_be_seen() -> None:
    config = replace(STEPWISE, hidden_sizes=(6,), epsilon=1e-2, learning_rate=1e-2)
    losses, _ = _adam_by_hand(config, 10, epsilon_in_root=True)
    assert _train(config, 10).epoch_losses != pytest.approx(losses, rel=1e-3)


# What an engine promises beside its arithmetic


@every_engine
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_parts_of_a_step_are_the_step_bit_for_bit(engine: str, precision: str) -> None:
    if (engine, precision) == ("fused", "bf16"):
        pytest.skip("engine fused computes in float32")
    config = replace(SHORT_LAST_BATCH, engine=engine, precision=precision)
    whole = _train(config, 3)
    cut = Training(config)
    step = cut.engine.step()
    if step is None:
        pytest.skip(f"engine {engine} runs a step as one piece")
    for epoch in range(3):
        losses, kept = [], []
        for batch in cut.batching.epoch():
            loss = step.forward(batch)
            step.backward(loss)
            step.optimize()
            assert all(parameter.grad is None for parameter in cut.model.parameters())
            kept.append(step.keep(loss))
            losses.append(loss.item())
        assert step.end_epoch(kept) == epoch_mean(losses, config.batch_sizes) == whole.epoch_losses[epoch]
    assert all(torch.equal(*pair) for pair in zip(_parameters(cut), _parameters(whole), strict=True))


@every_engine
@pytest.mark.parametrize("batching", BATCHINGS)
def test_a_restart_goes_back_to_the_start_bit_for_bit(engine: str, batching: str) -> None:
    training = Training(replace(SHORT_LAST_BATCH, engine=engine, batching=batching))
    losses, parameters = training.train(3), _parameters(training)
    training.restart()
    assert all(torch.equal(*pair) for pair in zip(_parameters(training), training._initial_parameters, strict=True))
    assert training.epoch_losses == []
    assert training.train(3) == losses
    assert all(torch.equal(*pair) for pair in zip(_parameters(training), parameters, strict=True))


@every_engine
def test_parts_taken_after_a_restart_belong_to_the_fresh_optimizer(engine: str) -> None:
    training = Training(replace(STEPWISE, engine=engine))
    losses = training.train(2)
    training.restart()
    step = training.engine.step()
    if step is None:
        pytest.skip(f"engine {engine} runs a step as one piece")
    for expected in losses:
        (batch,) = training.batching.epoch()
        loss = step.forward(batch)
        assert loss.item() == expected
        step.backward(loss)
        step.optimize()


@every_engine
def test_training_in_pieces_is_training_at_once(engine: str) -> None:
    config = replace(SHORT_LAST_BATCH, engine=engine)
    pieces = Training(config)
    losses = [*pieces.train(1), *pieces.train(2), *pieces.train(1)]
    assert losses == _train(config, 4).epoch_losses == pieces.epoch_losses


@every_engine
def test_a_loss_belongs_to_the_parameters_before_its_step(engine: str) -> None:
    training = Training(replace(STEPWISE, engine=engine))
    with torch.no_grad():
        before = torch.nn.functional.mse_loss(training.model(training.data.features), training.data.targets).item()
    assert training.train(1) == pytest.approx([before], rel=1e-5)


def test_the_registry_is_text_and_can_not_be_changed() -> None:
    assert next(iter(ENGINES)) == "reference"
    assert all(isinstance(place, str) for place in ENGINES.values())
    with pytest.raises(TypeError):
        ENGINES["mine"] = "mine:Engine"  # type: ignore[index]


def test_many_trainings_in_one_process_are_all_compiled() -> None:
    for width in range(3, 13):
        training = Training(replace(STEPWISE, engine="compiled-model", hidden_sizes=(width,)))
        num_compiled = dynamo_counters["stats"]["unique_graphs"]
        training.train(1)
        assert dynamo_counters["stats"]["unique_graphs"] == num_compiled + 1


# On a card


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA device")
@pytest.mark.compiles
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("batching", BATCHINGS)
def test_training_on_cuda_follows_the_cpu(engine: str, batching: str) -> None:
    config = replace(SHORT_LAST_BATCH, engine=engine, batching=batching)
    on_card = Training(replace(config, device="cuda"))
    on_card.prepare()
    on_card.train(5)
    assert {parameter.device.type for parameter in on_card.model.parameters()} == {"cuda"}
    expected = _train(replace(config, engine="reference"), 5)
    _assert_same_losses(on_card.epoch_losses, expected.epoch_losses)
    assert on_card.result().digest == expected.result().digest


@pytest.mark.parametrize("place", ENGINES.values())
def test_the_type_checker_holds_every_engine_against_the_protocol(place: str) -> None:
    assert load(place).__annotations__["return"] == "Engine"
