"""Several trainings in lockstep: their parameters are rows of one tensor, and every step is one for all of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack

import torch

from productnet.batching import epoch_mean
from productnet.config import TrainConfig
from productnet.engines.blocks import check_unscaled, plan_blocks
from productnet.engines.compiled import make_flat_program
from productnet.engines.compiler import check_compiler
from productnet.engines.flat import FlatProgram, Steps, make_stacked_steps, stack_parameters
from productnet.errors import DeviceFaultError
from productnet.precision import Arithmetic
from productnet.train import Trainee


def make_stacked_eager(trainees: Sequence[Trainee], config: TrainConfig, arithmetic: Arithmetic) -> StackedEngine:
    """Train in lockstep, operation by operation.

    Raises:
        ModeUnavailableError: when the precision needs a gradient scaler.
    """
    check_unscaled("eager with replicas", arithmetic)
    steps = make_stacked_steps(config, arithmetic, may_broadcast=False)
    parameters = stack_parameters([trainee.model for trainee in trainees])
    return StackedEngine(trainees, config, FlatProgram(parameters, steps, _leave_as_written, most_steps=1))


def make_stacked_compiled(trainees: Sequence[Trainee], config: TrainConfig, arithmetic: Arithmetic) -> StackedEngine:
    """Train in lockstep by the graphs that `compiled` has, of all trainings at once.

    Raises:
        ModeUnavailableError: when there is no C++ compiler, or the precision needs a gradient scaler.
    """
    check_unscaled("compiled", arithmetic)
    check_compiler("compiled")
    steps = make_stacked_steps(config, arithmetic, may_broadcast=True)
    parameters = stack_parameters([trainee.model for trainee in trainees])
    return StackedEngine(trainees, config, make_flat_program(parameters, steps))


def _leave_as_written(steps: Steps, _arguments: tuple[torch.Tensor, ...]) -> Steps:
    return steps


class StackedEngine:
    """Hands the same epoch of every training to a program that runs their steps as one."""

    def __init__(self, trainees: Sequence[Trainee], config: TrainConfig, program: FlatProgram) -> None:
        self._trainees = trainees
        self._program = program
        self._batch_sizes = config.batch_sizes
        self._num_samples = config.num_samples_per_epoch
        self._blocks = list(plan_blocks(config.batch_sizes, config.num_steps_per_epoch))
        device = trainees[0].device.torch_device
        # (K, 2, n) and (K, n): the samples of a feature side by side, as they are read.
        self._features = torch.stack([trainee.data.features.t() for trainee in trainees]).to(device)
        self._targets = torch.stack([trainee.data.targets.squeeze(1) for trainee in trainees]).to(device)

    def train(self, num_epochs: int) -> list[list[float]]:
        """Train all on; returns for each training the mean loss of each epoch. Synchronizes: once an epoch."""
        epochs = [self._run_epoch() for _ in range(num_epochs)]
        return [list(losses) for losses in zip(*epochs, strict=True)]

    def _run_epoch(self) -> list[float]:
        features, targets = self._gather_epoch()
        losses, first = [], 0
        for block in self._blocks:
            part = slice(first, first + math.prod(block))
            inputs = features[:, :, part].unflatten(2, block).permute(2, 0, 3, 1)  # type: ignore[no-untyped-call]
            wanted = targets[:, part].unflatten(1, block).movedim(1, 0)  # type: ignore[no-untyped-call]
            losses.append(self._program.run(inputs, wanted[..., None]))
            first = part.stop
        by_step = torch.cat(losses).cpu().double().numpy()  # sync point
        means: list[float] = epoch_mean(list(by_step), self._batch_sizes).tolist()  # type: ignore[attr-defined]
        return means

    def _gather_epoch(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the samples of the next epoch in the order of each training: (K, 2, m) and (K, m)."""
        orders = torch.stack([trainee.order.next_epoch() for trainee in self._trainees])
        orders = orders[:, : self._num_samples].to(self._features.device)
        features = self._features.gather(2, orders[:, None].expand(-1, 2, -1))
        return features, self._targets.gather(1, orders)

    def check(self) -> None:
        """Check that an epoch has the samples that each training's own batching hands out.

        Raises:
            DeviceFaultError: when one has others.
        Synchronizes: yes
        """
        with ExitStack() as stack:
            for trainee in self._trainees:
                stack.enter_context(trainee.order.rewound())
            features, targets = self._gather_epoch()
        check_samples(self._trainees, features.mT, targets[..., None])

    def optimizer_state(self) -> Iterator[torch.Tensor]:
        """Return Adam's moments, a row for each training."""
        return self._program.moments()

    def restart(self) -> None:
        """Set moments and count to 0, in place."""
        self._program.restart()


def check_samples(trainees: Sequence[Trainee], features: torch.Tensor, targets: torch.Tensor) -> None:
    """Check the samples of an engine's first epoch, (K, m, 2) and (K, m, 1), against each training's own batching.

    Raises:
        DeviceFaultError: when one has others.
    Synchronizes: yes
    """
    for trainee, ours, wanted in zip(trainees, features, targets, strict=True):
        with trainee.order.rewound():
            inputs, expected = (torch.cat(parts) for parts in zip(*trainee.batching.epoch(), strict=True))
        if not (torch.equal(ours, inputs) and torch.equal(wanted, expected)):
            raise DeviceFaultError(
                f"the replica of seed {trainee.config.seed} was given other samples than its own: please report it"
            )
