"""A step as pure arithmetic on one vector of all parameters, in a form that a compiler makes one loop nest of."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import torch
from torch.nn.functional import mse_loss

from productnet.config import TrainConfig
from productnet.model import MLP
from productnet.precision import Arithmetic

LARGEST_BROADCAST = 200_000
"""Up to so many multiply-adds in a batch a layer is written as broadcast, multiply, sum, not as a product.

A step of 2-32-32-1 at 100 samples took 0.77 of its time with products, of 2-64-64-1 1.17 (measured on AVX-512, one
thread).
"""

Layers = list[tuple[torch.Tensor, torch.Tensor]]
"""Weight (out, in) and bias (out,) of each layer."""

Steps = Callable[..., torch.Tensor]
"""Parameters, both moments and count, which change in place, and inputs and targets of batches -> their losses.

Of several networks at once the first three have a row for each, (K, P), batches are (steps, K, batch, 2) and
(steps, K, batch, 1), and losses (steps, K).
"""

Updates = Callable[..., tuple[torch.Tensor, ...]]
"""The same without changing anything: returns new parameters and moments besides the losses."""

Compile = Callable[[Steps, tuple[torch.Tensor, ...]], Steps]
"""Compiles steps for arguments of given shapes, without running them."""


class FlatProgram:
    """Trains by a function of flat vectors, one network or several at once.

    Args:
        parameters: all of a network as one vector, or a row for each of several; changed in place.
        steps: that function, for as many networks.
        compile_steps: compiles it, once for each shape of its batches.
        most_steps: of one call of it; more are several calls.
    """

    def __init__(self, parameters: torch.Tensor, steps: Steps, compile_steps: Compile, most_steps: int) -> None:
        self._first, self._second = torch.zeros_like(parameters), torch.zeros_like(parameters)
        # float32, as Adam's own: exact up to 2**24, far beyond the step from which the corrections are 1.
        self._count = torch.zeros((), device=parameters.device)
        self._state = (parameters, self._first, self._second, self._count)
        self._steps = steps
        self._compile = compile_steps
        self._compiled: dict[torch.Size, Steps] = {}
        self._most_steps = most_steps

    def run(self, inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Train a step on each batch. Synchronizes: no."""
        size = self._most_steps
        parts = zip(inputs.split(size), targets.split(size), strict=True)  # type: ignore[no-untyped-call]
        return torch.cat([self._run_part(*part) for part in parts])

    def _run_part(self, inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        steps = self._compiled.get(inputs.shape)
        if steps is None:
            steps = self._compiled[inputs.shape] = self._compile(self._steps, (*self._state, inputs, targets))
        return steps(*self._state, inputs, targets)

    def moments(self) -> Iterator[torch.Tensor]:
        """Return first and second moment of all parameters."""
        yield self._first
        yield self._second

    def tensors(self) -> Iterator[torch.Tensor]:
        """Return all that a step changes."""
        yield from self._state

    def num_updates(self) -> int:
        """Return the count. Synchronizes: yes."""
        return int(self._count.item())

    def restart(self) -> None:
        """Set moments and count to 0, in place."""
        for tensor in (self._first, self._second, self._count):
            tensor.zero_()


def flatten_parameters(model: MLP) -> torch.Tensor:
    """Move all parameters into one vector and leave views of it in the model: what changes one changes the other."""
    flat = _gather_parameters(model)
    _become_views(model, flat)
    return flat


def stack_parameters(models: Sequence[MLP]) -> torch.Tensor:
    """Move the parameters of equal models into one tensor, a row for each model, and leave views of it in them."""
    rows = torch.stack([_gather_parameters(model) for model in models])
    for model, row in zip(models, rows, strict=True):
        _become_views(model, row)
    return rows


def _gather_parameters(model: MLP) -> torch.Tensor:
    return torch.cat([parameter.detach().reshape(-1) for parameter in model.parameters()])


def _become_views(model: MLP, flat: torch.Tensor) -> None:
    parameters = list(model.parameters())
    sizes = [parameter.numel() for parameter in parameters]
    for parameter, part in zip(parameters, flat.split(sizes), strict=True):  # type: ignore[no-untyped-call]
        parameter.data = part.view_as(parameter)


def make_steps(config: TrainConfig, arithmetic: Arithmetic) -> Steps:
    """Make the function that trains one network, with small layers in the form that a compiler fuses best."""
    return _in_place(_make_updates(config, arithmetic, may_broadcast=arithmetic.precision == "fp32"))


def make_stacked_steps(config: TrainConfig, arithmetic: Arithmetic, may_broadcast: bool) -> Steps:
    """Make the function that trains several networks in lockstep, each on batches of its own.

    Args:
        may_broadcast: whether small layers are written as broadcast, multiply, sum. Without a compiler to fuse that,
            products are faster: 64 networks took 31 us a step and network, not 93 (measured, one thread).
    """
    updates = _make_updates(config, arithmetic, may_broadcast and arithmetic.precision == "fp32")
    return _in_place(torch.vmap(updates, in_dims=(0, 0, 0, None, 1, 1), out_dims=(0, 0, 0, 1)))


def _in_place(updates: Updates) -> Steps:
    def train(
        parameters: torch.Tensor,
        first: torch.Tensor,
        second: torch.Tensor,
        count: torch.Tensor,
        inputs: torch.Tensor,
        targets: torch.Tensor,
    ) -> torch.Tensor:
        values, mean, square, losses = updates(parameters, first, second, count, inputs, targets)
        parameters.copy_(values)
        first.copy_(mean)
        second.copy_(square)
        count.add_(inputs.shape[0])
        return losses

    return train


def _make_updates(config: TrainConfig, arithmetic: Arithmetic, may_broadcast: bool) -> Updates:
    """Make the function of a network's steps: gradients by `torch.func`, Adam as one expression over the vector.

    Source: Kingma and Ba (2015), "Adam", algorithm 1; epsilon is outside of the corrected root, as in torch.
    """
    layer_sizes = config.layer_sizes
    beta1, beta2, epsilon, rate = config.beta1, config.beta2, config.epsilon, config.learning_rate
    autocast = arithmetic.autocast

    def loss_of(layers: Layers, inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return mse_loss(autocast(lambda: predict(layers, inputs, may_broadcast))().float(), targets)

    def update(
        values: torch.Tensor,
        mean: torch.Tensor,
        square: torch.Tensor,
        count: torch.Tensor,
        inputs: torch.Tensor,
        targets: torch.Tensor,
    ) -> tuple[torch.Tensor, ...]:
        losses = []
        for number in range(inputs.shape[0]):
            layers = split_layers(values, layer_sizes)
            gradients, loss = torch.func.grad_and_value(loss_of)(layers, inputs[number], targets[number])
            gradient = torch.cat([part.reshape(-1) for layer in gradients for part in layer])
            mean = mean + (1 - beta1) * (gradient - mean)
            square = square * beta2 + (1 - beta2) * gradient * gradient
            step = count + (number + 1)
            root = square.sqrt() / correction(beta2, step).sqrt() + epsilon
            values = values - (rate / correction(beta1, step)) * mean / root
            losses.append(loss)
        return values, mean, square, torch.stack(losses)

    return update


def correction(beta: float, step: torch.Tensor) -> torch.Tensor:
    """Return 1 - beta**step as float32.

    By expm1, which is exact to the last digits where a power of nearly 1 is not (0.001 at the first step of a beta of
    0.999): no device needs float64 for it.
    """
    return torch.ones_like(step) if beta == 0 else -torch.expm1(step * math.log(beta))


def split_layers(flat: torch.Tensor, layer_sizes: Sequence[int]) -> Layers:
    """Cut the vector into views: weight and bias of each layer, in the order of the model's parameters."""
    layers, start = [], 0
    for fan_in, fan_out in pairwise(layer_sizes):
        middle, end = start + fan_in * fan_out, start + (fan_in + 1) * fan_out
        layers.append((flat[start:middle].view(fan_out, fan_in), flat[middle:end]))
        start = end
    return layers


def predict(layers: Layers, inputs: torch.Tensor, may_broadcast: bool) -> torch.Tensor:
    """Predict: (batch, 2) -> (batch, 1), with (features, batch) between the layers."""
    hidden = inputs.t()
    for number, (weight, bias) in enumerate(layers):
        if may_broadcast and weight.numel() * hidden.shape[1] <= LARGEST_BROADCAST:
            before = (weight[:, :, None] * hidden[None]).sum(1) + bias[:, None]
        else:
            before = torch.addmm(bias[:, None], weight, hidden)
        hidden = before if number == len(layers) - 1 else torch.relu(before)
    return hidden.t()
