"""What a training of the product network has to do, counted from its shape."""

from __future__ import annotations

from itertools import pairwise

from bench.records.rates import StepWork
from productnet.config import TrainConfig

_FLOAT_BYTES = 4
_ADAM_FLOPS = 13
"""A parameter: its moments 3 and 4; then root, correction, epsilon, quotient, learning rate, difference."""
_ADAM_STATE = 3
"""A parameter's numbers: itself and two moments, each read and written once a step."""


def count_step_work(config: TrainConfig) -> StepWork:
    """Count a step's work, on average over an epoch.

    Of a sample: forward is a multiply-add a weight, a bias a unit, a ReLU a hidden unit; the loss and its gradient are
    four operations an output; backward is a multiply-add a weight for the weights' gradients, one for those of the
    inputs (not of the network's own), an addition a unit for the biases', a mask a hidden unit. Then Adam, a parameter.
    The default recipe: 1,046 a sample, 107,109 a step.
    """
    sizes = config.layer_sizes
    products = [fan_in * fan_out for fan_in, fan_out in pairwise(sizes)]
    num_units, num_hidden, num_outputs = sum(sizes[1:]), sum(sizes[1:-1]), sizes[-1]
    num_parameters = sum(products) + num_units
    forward = 2 * sum(products) + num_units + num_hidden
    backward = 4 * sum(products) - 2 * products[0] + num_units + num_hidden
    num_samples, num_steps = config.num_samples_per_epoch, config.num_steps_per_epoch
    sample_bytes = _FLOAT_BYTES * (sizes[0] + num_outputs)
    state_bytes = _FLOAT_BYTES * _ADAM_STATE * num_parameters
    return StepWork(
        num_flops=(forward + backward + 4 * num_outputs) * num_samples // num_steps + _ADAM_FLOPS * num_parameters,
        num_bytes=sample_bytes * num_samples // num_steps + 2 * state_bytes,
        working_set_bytes=sample_bytes * config.num_samples + state_bytes,
    )
