"""Trainings of one recipe on a CUDA device: their numbers, and the kernel's launches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import torch

from productnet.config import TrainConfig
from productnet.engines.fused.kernel import train_kernel

Sum = Literal["sum", "dot"]


MOST_PRODUCTS = 256
"""So many weights between two hidden layers, padded, are multiplied as products and sums: 3.2 us a step of the recipe
on an H200, and 6.5 by `dot` (measured). With twice as many a thread's registers no longer hold them."""


@dataclass(frozen=True, slots=True)
class Form:
    """How the kernel works on a batch."""

    num_warps: int
    rows: int
    lanes: int
    """A tile has so many rows of so many samples."""
    products: Sum
    """How layers multiply: as a product and a sum, or by Triton's `dot`, which takes one row and 16 units or more."""
    sums: Sum
    """How gradients of weights are summed over samples, likewise."""


def choose_form(config: TrainConfig, num_replicas: int, num_multiprocessors: int) -> Form:
    """Choose how the kernel works: as was fastest on an H200.

    More trainings than the card has multiprocessors share them, and fewer warps then wait for each other less: 1,000
    took 139 ms a training of 10,000 steps with two warps each, and 193 ms with four (measured).
    """
    weights = [(_pad(sources) * _pad(units)) for sources, units in pairwise(config.hidden_sizes)]
    if max(weights, default=0) > MOST_PRODUCTS:
        return Form(num_warps=4, rows=1, lanes=16, products="dot", sums="dot")
    return Form(num_warps=4 if num_replicas <= num_multiprocessors else 2, rows=4, lanes=32, products="sum", sums="sum")


class CardTrainer:
    """Trainings that differ in parameters, samples and order alone, each of them one program on the card.

    Args:
        parameters: (replicas, numbers) float32 on the device, each row as the model has them; trained in place.
    """

    def __init__(self, config: TrainConfig, parameters: torch.Tensor, form: Form) -> None:
        self.parameters = parameters
        self.means = torch.zeros_like(parameters)
        self.squares = torch.zeros_like(parameters)
        self.gradients = torch.zeros_like(parameters)
        self.num_updates = 0
        self._config = config
        self._form = form
        self._layers = place_layers(config.layer_sizes, least=16 if "dot" in (form.products, form.sums) else 1)

    def restart(self) -> None:
        """Forget the optimizer's moments."""
        self.means.zero_()
        self.squares.zero_()
        self.num_updates = 0

    def train(self, features: torch.Tensor, targets: torch.Tensor, orders: torch.Tensor) -> torch.Tensor:
        """Train for some epochs; the parameters are changed in place.

        Args:
            features: (replicas, n, 2) float32, on the device as all of these.
            targets: (replicas, n, 1) float32.
            orders: (replicas, epochs, n) int32.
        Returns:
            The mean loss of each step: (replicas, epochs, steps) float32.
        Synchronizes: no
        """
        config = self._config
        num_replicas, num_epochs, num_samples = orders.shape
        num_steps = num_epochs * config.num_steps_per_epoch
        losses = torch.empty(num_replicas, num_steps, device=orders.device)
        corrections = torch.from_numpy(find_corrections(config, self.num_updates, num_steps))
        if orders.is_cuda:
            corrections = corrections.pin_memory().to(orders.device, non_blocking=True)
        train_kernel[(num_replicas,)](
            self.parameters,
            self.means,
            self.squares,
            self.gradients,
            features,
            targets,
            orders,
            corrections,
            losses,
            num_epochs,
            config.beta1,
            1 - config.beta1,
            config.beta2,
            1 - config.beta2,
            config.epsilon,
            **self.constants(num_samples),
            num_warps=self._form.num_warps,
            enable_fp_fusion=True,  # as it was checked; Triton 3.9 announces another default
            num_stages=1,
        )
        self.num_updates += num_steps
        return losses.view(num_replicas, num_epochs, -1)

    def constants(self, num_samples: int) -> dict[str, Any]:
        """Return what the kernel is compiled for."""
        config, form, num_parameters = self._config, self._form, self.parameters.shape[1]
        return {
            "NUM_PARAMETERS": num_parameters,
            "LAYERS": self._layers,
            "NUM_HIDDEN": len(config.hidden_sizes),
            "NUM_SAMPLES": num_samples,
            "BATCH": config.batch_size,
            "EPOCH": config.num_samples_per_epoch,
            "ROWS": form.rows,
            "LANES": form.lanes,
            "BLOCK": min(1024, _pad(num_parameters)),
            "PRODUCTS": form.products,
            "SUMS": form.sums,
        }


def average_epochs(losses: torch.Tensor, batch_sizes: Sequence[int]) -> torch.Tensor:
    """Find the mean losses of epochs from those of their steps, as `batching.epoch_mean` does.

    float64 adds a float32's digits without a loss, so that it doesn't matter in which order a device adds.

    Args:
        losses: (replicas, epochs, steps) float32.
    Returns:
        (replicas, epochs) float64.
    Synchronizes: no
    """
    exact = losses.double()
    last_weight = batch_sizes[-1] / batch_sizes[0]
    total = exact[..., :-1].sum(-1) + last_weight * exact[..., -1]
    return total / (len(batch_sizes) - 1 + last_weight)


def place_layers(layer_sizes: Sequence[int], least: int) -> tuple[tuple[int, ...], ...]:
    """Say for each layer its sources and units, both also padded, and where its weights and its biases begin.

    Args:
        least: what is padded to a power of two is padded to this one at least.
    """
    layers, at = [], 0
    for sources, units in pairwise(layer_sizes):
        layers.append((sources, units, max(_pad(sources), least), max(_pad(units), least), at, at + sources * units))
        at += (sources + 1) * units
    return tuple(layers)


def find_corrections(config: TrainConfig, num_before: int, num_steps: int) -> np.ndarray:
    """Find what Adam's step is scaled by: learning_rate / (1 - beta1^t) and 1 / sqrt(1 - beta2^t), in float64.

    Returns:
        (num_steps, 2), rounded to float32.
    Source: Kingma and Ba (2015), "Adam", algorithm 1.
    """
    steps = np.arange(num_before + 1, num_before + num_steps + 1, dtype=np.float64)
    rates = config.learning_rate / (1 - config.beta1**steps)
    return np.stack([rates, 1 / np.sqrt(1 - config.beta2**steps)], axis=1).astype(np.float32)


def _pad(number: int) -> int:
    return 1 << (number - 1).bit_length()
