"""Replicas: many trainings at once that differ in their seeds alone.

Each starts from what its own training starts from, and gets its own batches: what is shared is the execution.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Protocol

import torch

from productnet.config import TrainConfig
from productnet.device import open_device
from productnet.errors import ConfigError, ModeUnavailableError
from productnet.precision import Arithmetic, set_up_arithmetic
from productnet.receipt import check_tensors
from productnet.registry import REPLICA_ENGINES, load, why_no_replicas
from productnet.train import Trainee, TrainResult


class ReplicaEngine(Protocol):
    """Executes the optimizer steps of several trainings at once."""

    def train(self, num_epochs: int) -> list[list[float]]:
        """Train all of them on; returns for each training the mean loss of each epoch.

        Synchronizes: at least once an epoch, when the losses are read.
        """

    def check(self) -> None:
        """Raise DeviceFaultError where a training is given other samples than its own batching hands out."""

    def optimizer_state(self) -> Iterable[torch.Tensor]:
        """Return the moments of all, to see where they are."""

    def restart(self) -> None:
        """Forget the optimizer's state, in place; the caller puts parameters and orders back."""


MakeReplicaEngine = Callable[[Sequence[Trainee], TrainConfig, Arithmetic], ReplicaEngine]


class Replicas:
    """Trainings of several seeds in progress, on one device.

    Making one is its set-up. torch's number of threads is set to `config.num_threads`.

    Args:
        config: the recipe; its own seed is left out of account.
        seeds: one a replica.
    Raises:
        ConfigError: when there is no seed.
        DeviceUnavailableError: when the device is not there.
        ModeUnavailableError: when engine, batching or precision can't train several at once there.
    Synchronizes: yes
    """

    def __init__(self, config: TrainConfig, seeds: Sequence[int]) -> None:
        if not seeds:
            raise ConfigError("seed", "none is given: name one for each replica")
        torch.set_num_threads(config.num_threads)
        self.device = open_device(config.device)
        self.arithmetic = set_up_arithmetic(self.device, config.precision)
        make = choose_engine(config, self.device.torch_device.type)
        self.config = config
        self.trainees = [Trainee(replace(config, seed=seed), self.device, self.arithmetic) for seed in seeds]
        self.engine = make(self.trainees, config, self.arithmetic)
        self.device.synchronize()

    def prepare(self) -> None:
        """Compile and warm up by training an epoch, check what was trained with, then go back to the start.

        Raises:
            DeviceFaultError: when a tensor is not where, or of the type, that was asked for, or a replica has samples
                that are not its own.
        Synchronizes: yes
        """
        self.train(1)
        parameters = [("a parameter", each) for trainee in self.trainees for each in trainee.model.parameters()]
        moments = [("a moment of the optimizer", each) for each in self.engine.optimizer_state()]
        check_tensors(self.device, [(what, each, torch.float32) for what, each in (*parameters, *moments)])
        self.engine.check()
        self.restart()

    def train(self, num_epochs: int) -> list[list[float]]:
        """Train all on for some more epochs; returns for each replica the mean loss of each epoch."""
        losses = self.engine.train(num_epochs)
        for trainee, new in zip(self.trainees, losses, strict=True):
            trainee.epoch_losses += new
        return losses

    def restart(self) -> None:
        """Go back to the start, in place: the next epoch trained is the first, bit for bit. Synchronizes: yes."""
        for trainee in self.trainees:
            trainee.rewind()
        self.engine.restart()
        self.device.synchronize()

    def results(self) -> list[TrainResult]:
        """Judge every network as it stands, in the order of the seeds. Synchronizes: yes.

        Raises:
            ConfigError: when no epoch was trained yet.
        """
        return [trainee.judge(num_skipped_steps=0) for trainee in self.trainees]


def choose_engine(config: TrainConfig, device_type: str) -> MakeReplicaEngine:
    """Choose what trains several at once, by engine and type of device.

    Raises:
        ModeUnavailableError: when nothing does, with the reason.
    """
    reason = why_no_replicas(config.engine, config.batching)
    if reason is not None:
        raise ModeUnavailableError(reason)
    places = REPLICA_ENGINES[config.engine]
    make: MakeReplicaEngine = load(places.get(device_type, places["cpu"]))
    return make


def train_replicas(config: TrainConfig, seeds: Sequence[int]) -> list[TrainResult]:
    """Train a network for each seed, all at once, and return the results in the order of the seeds.

    Raises:
        ConfigError: as `Replicas`; so are the others.
        DeviceUnavailableError: when the device is not there.
        ModeUnavailableError: when engine, batching or precision can't train several at once there.
    """
    replicas = Replicas(config, seeds)
    replicas.prepare()
    replicas.train(config.num_epochs)
    return replicas.results()
