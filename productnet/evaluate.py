"""How well a network has learned the product, in original units."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from productnet.data import Dataset, Statistics, standardise_inputs, unstandardise_targets

_ROWS_AT_ONCE = 100_000
"""What hidden layers hold grows with the rows: a million of them through (256, 256) would take 2 GB."""


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Errors of a network over one set of samples; all but `mse` and the shares in units of y (or relative to it)."""

    mse: float
    """Mean squared error of the standardised targets: what training minimises."""
    rmse: float
    mean_absolute_error: float
    largest_error: float
    mean_relative_error: float
    r_squared: float
    """1 - residual variance / variance of y: 1 is perfect, 0 is no better than the mean."""
    share_within_1_percent: float
    share_within_5_percent: float


@dataclass(frozen=True, slots=True)
class ShownSample:
    """One sample beside its prediction, in original units."""

    x1: float
    x2: float
    y: float
    prediction: float
    absolute_error: float


def predict(model: torch.nn.Module, features: torch.Tensor) -> torch.Tensor:
    """Predict in eval mode and without gradients, leaving the model's mode as it was.

    Args:
        features: (n, 2) float32, standardised, on the model's device.
    Returns:
        (n, 1) float32, standardised, on the model's device.
    """
    was_training = model.training
    model.eval()
    with torch.inference_mode():
        predictions = torch.cat([model(rows) for rows in torch.split(features, _ROWS_AT_ONCE)])
    model.train(was_training)
    return predictions


def multiply(model: torch.nn.Module, inputs: torch.Tensor, statistics: Statistics) -> torch.Tensor:
    """Answer as a network has learned to: x1 and x2, (n, 2) float32 on the CPU -> (n,), both in original units.

    Synchronizes: yes
    """
    device = next(model.parameters()).device
    standardised = predict(model, standardise_inputs(inputs, statistics).to(device)).cpu()
    return unstandardise_targets(standardised, statistics).squeeze(1)


def evaluate(model: torch.nn.Module, data: Dataset) -> Accuracy:
    """Measure a network's errors over a data set, in float64 on the host. Synchronizes: yes."""
    device = next(model.parameters()).device
    standardised = predict(model, data.features.to(device)).cpu()
    predicted = unstandardise_targets(standardised, data.statistics).double().squeeze(1)
    actual = data.values[:, 2].double()
    error = (predicted - actual).abs()
    relative = error / actual.abs()
    squared = error.square().mean()
    return Accuracy(
        mse=(standardised.double() - data.targets.double()).square().mean().item(),
        rmse=squared.sqrt().item(),
        mean_absolute_error=error.mean().item(),
        largest_error=error.max().item(),
        mean_relative_error=relative.mean().item(),
        r_squared=(1 - squared / actual.var(correction=0)).item(),
        share_within_1_percent=(relative <= 0.01).double().mean().item(),
        share_within_5_percent=(relative <= 0.05).double().mean().item(),
    )


def show_samples(model: torch.nn.Module, data: Dataset, count: int) -> list[ShownSample]:
    """Put the first samples beside their predictions. Synchronizes: yes."""
    device = next(model.parameters()).device
    standardised = predict(model, data.features[:count].to(device)).cpu()
    predictions = unstandardise_targets(standardised, data.statistics).squeeze(1)
    return [
        ShownSample(x1, x2, y, prediction, absolute_error=abs(prediction - y))
        for (x1, x2, y), prediction in zip(data.values[:count].tolist(), predictions.tolist(), strict=True)
    ]
