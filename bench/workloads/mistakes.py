"""What a workload of a user's own may get wrong, each with the words that name it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from typing import Any

import torch

from bench.errors import WorkloadError
from bench.workloads.work import Work, name_difference
from productnet.device import Device
from productnet.precision import Arithmetic


def check_result(place: str, result: object, device: Device) -> None:
    """Check what `run` returned."""
    if result is None:
        raise WorkloadError(f"workload {place}: run returned nothing: return the loss of the last step")
    if isinstance(result, torch.Tensor):
        _check_device(place, "what run returned", result.device, device)
    take_number(place, "what run returned", result)


def take_number(place: str, what: str, value: Any) -> float:
    """Return a number that should be one. Synchronizes: yes."""
    is_one = isinstance(value, torch.Tensor) and value.numel() == 1 and not value.is_meta
    if not is_one and not isinstance(value, int | float):
        said = f"a tensor of shape {tuple(value.shape)}" if isinstance(value, torch.Tensor) else repr(value)[:80]
        raise WorkloadError(f"workload {place}: {what} is {said}: one number expected")
    number = float(value.detach() if isinstance(value, torch.Tensor) else value)  # sync point
    if not math.isfinite(number):
        raise WorkloadError(f"workload {place}: {what} is {number}: what it computed is no number")
    return number


def check_steps(place: str, first: Work, second: Work, third: Work, two: Work) -> None:
    """Compare the first three steps after the class was made, and two steps that were asked for at once."""
    if not first.operations:
        raise WorkloadError(
            f"workload {place} has no steps: run(1) carried out no operation of torch; where torch can't see the work, "
            "say how much it is: multiply_adds_per_step"
        )
    if not second.operations or (first.products and not second.products):
        raise WorkloadError(
            f"workload {place} returns an output that it kept: the first step multiplied, the second did not"
        )
    check_same(place, third, second, "the third step", "the second")
    doubled = Counter({name: 2 * number for name, number in third.compared.items()})
    if two.compared == third.compared:
        raise WorkloadError(f"workload {place}: run(2) did the work of one step: it has to run as many as it is asked")
    if two.compared != doubled:
        raise WorkloadError(
            f"workload {place}: run(2) did other work than two steps: {name_difference(two.compared, doubled)}"
        )


def check_same(place: str, ours: Work, theirs: Work, name: str, other: str = "the first ones") -> None:
    """Refuse steps that differ: their times could not be compared."""
    if ours.compared != theirs.compared:
        raise WorkloadError(
            f"workload {place} changes its work: {name} did other work than {other} "
            f"({name_difference(ours.compared, theirs.compared)}); a step has to do the same each time"
        )


def check_placement(place: str, built: object, work: Work, device: Device, arithmetic: Arithmetic) -> None:
    """Check where, and in what type, a step multiplies, and where its parameters and the optimizer's moments lie."""
    for name, tensor in _list_tensors(built):
        _check_device(place, name, tensor.device, device)
    places = sorted(map(torch.device, work.places), key=str)
    if not work.products:
        # Fetching may be the host's: what is computed from it is not.
        places = [each for each in places if _is_at(each, device)] or places
    for where in places:
        _check_device(place, "what a step computes", where, device)
    types, wanted = work.types, arithmetic.layer_type
    is_right = wanted in types if wanted != torch.float32 else types <= {torch.float32}
    if types and not is_right:
        found = ", ".join(sorted(str(each).removeprefix("torch.") for each in types))
        raise WorkloadError(
            f"workload {place} is not in the precision that was asked for: {arithmetic.precision} multiplies in "
            f"{str(wanted).removeprefix('torch.')}, its steps in {found}; forward = precision.autocast(model) does it"
        )


def _check_device(place: str, what: str, found: torch.device, device: Device) -> None:
    if not _is_at(found, device):
        raise WorkloadError(
            f"workload {place} is not on the device that was asked for: {what} is on {found}, asked for was "
            f"{device.torch_device}"
        )


def _is_at(found: torch.device, device: Device) -> bool:
    wanted = device.torch_device
    return (found.type, found.index or 0) == (wanted.type, wanted.index or 0)


def _list_tensors(built: object) -> Iterator[tuple[str, torch.Tensor]]:
    """List what trains: parameters, gradients and moments of whatever the class has kept."""
    for value in (built, *vars(built).values()):
        if isinstance(value, torch.nn.Module):
            for name, parameter in value.named_parameters():
                yield f"parameter {name}", parameter
                if parameter.grad is not None:
                    yield f"the gradient of {name}", parameter.grad
        if isinstance(value, torch.optim.Optimizer):
            for state in value.state.values():
                for name, moment in state.items():
                    # The number of steps is a scalar that torch keeps on the host.
                    if isinstance(moment, torch.Tensor) and moment.dim() > 0:
                        yield f"the optimizer's {name}", moment
