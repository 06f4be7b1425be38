"""The proof that a training runs where, and in what, it was asked to: a fallback would measure something else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import torch

from productnet.errors import DeviceFaultError

if TYPE_CHECKING:
    from productnet.device import Device
    from productnet.train import Training


def check_placement(training: Training) -> None:
    """Check device and type of parameters, moments, all batches of an epoch, a prediction and gradients.

    Draws an epoch of batches and runs a forward and a backward pass: whoever calls restarts the training afterwards.
    The prediction is by the training's own forward pass, not in eval mode without gradients: for that a compiled
    network would be compiled once more (0.13 s, measured), which is no part of the training.

    Raises:
        DeviceFaultError: with what lies where, and what was asked for.
    Synchronizes: yes
    """
    check_tensors(training.device, _list_tensors(training))


def check_tensors(wanted_device: Device, tensors: Iterable[tuple[str, torch.Tensor, torch.dtype]]) -> None:
    """Check device and type of tensors: each with what it is, and the type that was asked for.

    Raises:
        DeviceFaultError: with what lies where, and what was asked for.
    """
    wanted = wanted_device.torch_device
    for what, tensor, wanted_type in tensors:
        device = tensor.device
        if (device.type, device.index or 0) != (wanted.type, wanted.index or 0) or tensor.dtype != wanted_type:
            raise DeviceFaultError(
                f"{what} came to be {tensor.dtype} on {device}, where {wanted_type} on {wanted} was asked for: "
                "this is not the training that was asked for; please report it"
            )


def _list_tensors(training: Training) -> Iterator[tuple[str, torch.Tensor, torch.dtype]]:
    for name, parameter in training.model.named_parameters():
        yield f"parameter {name}", parameter, torch.float32
    for state in training.engine.optimizer_state():
        yield "a moment of the optimizer", state, torch.float32
    for inputs, targets in training.batching.epoch():
        yield "a batch's features", inputs, torch.float32
        yield "a batch's targets", targets, torch.float32
    yield "a prediction", training.engine.infer(inputs), training.arithmetic.layer_type
    step = training.engine.step()
    if step is not None:
        step.backward(step.forward((inputs, targets)))
        for name, parameter in training.model.named_parameters():
            if parameter.grad is None:
                raise DeviceFaultError(f"parameter {name} got no gradient from a backward pass; please report it")
            yield f"the gradient of {name}", parameter.grad, torch.float32
