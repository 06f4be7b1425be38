"""The network: linear layers of any widths with a ReLU between them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn


class MLP(nn.Module):
    """A multilayer perceptron with torch's default initialisation.

    Args:
        layer_sizes: widths from input to output; (2, 16, 8, 1) is the article's network of 193 parameters.
    """

    def __init__(self, layer_sizes: Sequence[int]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(fan_in, fan_out) for fan_in, fan_out in pairwise(layer_sizes))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Predict: (batch, layer_sizes[0]) -> (batch, layer_sizes[-1]), both standardised, float32 on the device."""
        hidden = inputs
        *hidden_layers, output_layer = self.layers
        for layer in hidden_layers:
            hidden = torch.relu(layer(hidden))
        output: torch.Tensor = output_layer(hidden)
        return output


def describe_network(layer_sizes: Sequence[int]) -> str:
    """Write a network down in a line: its layers, and how many parameters they have."""
    pairs = list(pairwise(layer_sizes))
    layers = ", ReLU, ".join(f"Linear {fan_in}-{fan_out}" for fan_in, fan_out in pairs)
    num_parameters = sum((fan_in + 1) * fan_out for fan_in, fan_out in pairs)
    return f"{layers}: {num_parameters:,} parameters"
