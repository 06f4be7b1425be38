"""The data: two uniform numbers and their product, drawn and standardised."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from productnet.config import TrainConfig


@dataclass(frozen=True, slots=True)
class Statistics:
    """Mean and standard deviation of x1, x2 and y, each of shape (3,), float32 on the CPU."""

    mean: torch.Tensor
    std: torch.Tensor


@dataclass(frozen=True, slots=True)
class Dataset:
    """Samples as drawn and as the network sees them, on the CPU.

    The network's numbers are z-scores: most lie between -2 and 2, none is bound to lie between 0 and 1.
    """

    values: torch.Tensor
    """(n, 3) float32: x1, x2 and y = x1 * x2 in original units."""
    features: torch.Tensor
    """(n, 2) float32: x1 and x2, standardised."""
    targets: torch.Tensor
    """(n, 1) float32: y, standardised."""
    statistics: Statistics


def draw_training_data(config: TrainConfig) -> Dataset:
    """Draw the training samples from torch's CPU stream, which the caller has seeded, and take their statistics."""
    values = _draw(config.num_samples, config)
    # Each quantity as one contiguous row: a reduction over strided memory adds in another order, and one digit that
    # differs here is another final loss. torch's standard deviation is the sample's (n - 1).
    rows = values.T.contiguous()
    statistics = Statistics(
        mean=torch.stack([row.mean() for row in rows]),
        std=torch.stack([row.std() for row in rows]),
    )
    return standardise(values, statistics)


def draw_heldout_data(config: TrainConfig, statistics: Statistics) -> Dataset:
    """Draw samples that the network never sees in training, standardised with the training set's statistics."""
    generator = torch.Generator().manual_seed(config.seed + config.heldout_seed_offset)
    return standardise(_draw(config.num_heldout_samples, config, generator), statistics)


def standardise(values: torch.Tensor, statistics: Statistics) -> Dataset:
    """Make a data set of samples, (n, 3) float32 in original units, with statistics that may be those of others."""
    standardised = (values - statistics.mean) / statistics.std
    return Dataset(
        values=values,
        features=standardised[:, :2].contiguous(),
        targets=standardised[:, 2:].contiguous(),
        statistics=statistics,
    )


def standardise_inputs(inputs: torch.Tensor, statistics: Statistics) -> torch.Tensor:
    """Bring x1 and x2, (n, 2) in original units, to what the network takes."""
    return (inputs - statistics.mean[:2]) / statistics.std[:2]


def unstandardise_targets(targets: torch.Tensor, statistics: Statistics) -> torch.Tensor:
    """Bring standardised targets or predictions, of any shape, back to original units."""
    return targets * statistics.std[2] + statistics.mean[2]


def _draw(num_samples: int, config: TrainConfig, generator: torch.Generator | None = None) -> torch.Tensor:
    width = config.high - config.low
    x1 = config.low + width * torch.rand(num_samples, generator=generator)
    x2 = config.low + width * torch.rand(num_samples, generator=generator)
    return torch.stack((x1, x2, x1 * x2), dim=1)
