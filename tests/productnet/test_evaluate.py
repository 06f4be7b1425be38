from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch import nn

from productnet.config import TrainConfig
from productnet.data import Dataset, Statistics, draw_heldout_data
from productnet.evaluate import Accuracy, ShownSample, evaluate, multiply, predict, show_samples
from productnet.model import MLP

# y = x1 * x2, standardised with mean 10 and deviation 5; mean 25 and deviation 10 of x1 and x2 play no part.
VALUES = [[2.0, 5.0], [4.0, 5.0], [5.0, 8.0], [10.0, 10.0]]
ACTUAL = [10.0, 20.0, 40.0, 100.0]
PREDICTED = [10.0, 20.5, 44.0, 99.0]


class _Oracle(nn.Module):
    """Predicts given numbers, the first for the first sample, and notes how it was asked."""

    def __init__(self, answers: Sequence[float]) -> None:
        super().__init__()
        self.answers = nn.Parameter(torch.tensor(answers).unsqueeze(1))
        self.modes: list[tuple[bool, bool]] = []

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        self.modes.append((self.training, torch.is_grad_enabled()))
        return self.answers[: len(features)] * 1.0


def _data() -> Dataset:
    values = torch.tensor([[x1, x2, x1 * x2] for x1, x2 in VALUES])
    statistics = Statistics(mean=torch.tensor([25.0, 25.0, 10.0]), std=torch.tensor([10.0, 10.0, 5.0]))
    standardised = (values - statistics.mean) / statistics.std
    return Dataset(values, standardised[:, :2], standardised[:, 2:], statistics)


def _oracle() -> _Oracle:
    return _Oracle([(prediction - 10.0) / 5.0 for prediction in PREDICTED])


def test_the_eight_figures_are_those_worked_by_hand() -> None:
    # Errors 0, 0.5, 4, 1; relative 0, 2.5 %, 10 %, 1 %. Squares 0, 0.25, 16, 1: sum 17.25.
    # y has mean 42.5; squared deviations 1056.25 + 506.25 + 6.25 + 3306.25 = 4875.
    accuracy = evaluate(_oracle(), _data())
    assert accuracy.mse == pytest.approx(17.25 / 25 / 4, rel=1e-5)
    assert accuracy.rmse == pytest.approx((17.25 / 4) ** 0.5, rel=1e-6)
    assert accuracy.mean_absolute_error == pytest.approx(5.5 / 4, rel=1e-6)
    assert accuracy.largest_error == pytest.approx(4.0, rel=1e-6)
    assert accuracy.mean_relative_error == pytest.approx(0.135 / 4, rel=1e-6)
    assert accuracy.r_squared == pytest.approx(1 - 17.25 / 4875, rel=1e-6)
    assert accuracy.share_within_1_percent == 0.5
    assert accuracy.share_within_5_percent == 0.75


def test_a_perfect_network_has_no_error() -> None:
    accuracy = evaluate(_Oracle([(y - 10.0) / 5.0 for y in ACTUAL]), _data())
    assert accuracy == Accuracy(0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0)


def test_a_network_that_only_knows_the_mean_explains_nothing() -> None:
    accuracy = evaluate(_Oracle([(42.5 - 10.0) / 5.0] * 4), _data())
    assert accuracy.r_squared == pytest.approx(0.0, abs=1e-6)


def test_errors_below_and_above_weigh_the_same() -> None:
    mirrored = [(2 * y - prediction - 10.0) / 5.0 for y, prediction in zip(ACTUAL, PREDICTED, strict=True)]
    below, above = evaluate(_Oracle(mirrored), _data()), evaluate(_oracle(), _data())
    assert below.mean_absolute_error == pytest.approx(above.mean_absolute_error, rel=1e-6)
    assert below.rmse == pytest.approx(above.rmse, rel=1e-6)


def test_relative_errors_of_negative_products_are_positive() -> None:
    data = _data()
    negative = Dataset(-data.values, data.features, -(data.values[:, 2:] + 10.0) / 5.0, data.statistics)
    accuracy = evaluate(_Oracle([(-prediction - 10.0) / 5.0 for prediction in PREDICTED]), negative)
    assert accuracy.mean_relative_error == pytest.approx(0.135 / 4, rel=1e-5)


@pytest.mark.parametrize("training", [True, False])
def test_prediction_runs_in_eval_mode_without_gradients_and_puts_the_mode_back(training: bool) -> None:
    oracle = _oracle().train(training)
    predictions = predict(oracle, _data().features)
    assert oracle.modes == [(False, False)]
    assert oracle.training is training
    assert not predictions.requires_grad


def test_evaluation_and_samples_put_the_mode_back_too() -> None:
    oracle = _oracle()
    evaluate(oracle, _data())
    show_samples(oracle, _data(), 2)
    assert oracle.training
    assert {mode for mode, _ in oracle.modes} == {False}


def test_evaluation_changes_no_parameter_and_leaves_no_gradient() -> None:
    config = TrainConfig(device="cpu", num_heldout_samples=20)
    model = MLP(config.layer_sizes)
    before = [parameter.detach().clone() for parameter in model.parameters()]
    evaluate(model, draw_heldout_data(config, _data().statistics))
    assert all(torch.equal(*pair) for pair in zip(before, model.parameters(), strict=True))
    assert all(parameter.grad is None for parameter in model.parameters())


def test_shown_samples_are_the_first_ones_in_original_units() -> None:
    samples = show_samples(_oracle(), _data(), 3)
    assert [(sample.x1, sample.x2, sample.y) for sample in samples] == [(2, 5, 10), (4, 5, 20), (5, 8, 40)]
    assert [sample.prediction for sample in samples] == pytest.approx([10.0, 20.5, 44.0], rel=1e-6)
    assert [sample.absolute_error for sample in samples] == pytest.approx([0.0, 0.5, 4.0], rel=1e-5)
    assert show_samples(_oracle(), _data(), 0) == []


def test_the_error_of_a_shown_sample_has_no_sign() -> None:
    (*_, last) = show_samples(_oracle(), _data(), 4)
    assert isinstance(last, ShownSample)
    assert last.prediction == pytest.approx(99.0)
    assert last.absolute_error == pytest.approx(1.0, rel=1e-5)


def test_more_samples_than_there_are_shows_those_there_are() -> None:
    assert len(show_samples(_oracle(), _data(), 10)) == 4


def test_a_product_is_asked_and_answered_in_original_units_in_eval_mode() -> None:
    class Sum(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.bias = nn.Parameter(torch.zeros(1))
            self.modes: list[tuple[bool, bool]] = []

        def forward(self, features: torch.Tensor) -> torch.Tensor:
            self.modes.append((self.training, torch.is_grad_enabled()))
            return features.sum(dim=1, keepdim=True) + self.bias

    # ((35 - 25) / 10 + (20 - 25) / 10) * 5 + 10 = 12.5
    model = Sum()
    assert multiply(model, torch.tensor([[35.0, 20.0], [25.0, 25.0]]), _data().statistics).tolist() == [12.5, 10.0]
    assert model.modes == [(False, False)]


def test_many_samples_are_predicted_in_their_order_some_at_a_time() -> None:
    class FirstInput(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.sizes: list[int] = []

        def forward(self, features: torch.Tensor) -> torch.Tensor:
            self.sizes.append(len(features))
            return features[:, :1]

    model, features = FirstInput(), torch.arange(420_000.0).reshape(210_000, 2)
    assert torch.equal(predict(model, features), features[:, :1])
    assert model.sizes == [100_000, 100_000, 10_000]
    assert predict(model, features[:0]).shape == (0, 1)
