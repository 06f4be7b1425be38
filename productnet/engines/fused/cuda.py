"""The engine that runs trainings as one compiled loop on a CUDA device, through Triton: a program for each.

The order of each epoch is drawn on the host, from the training's own stream, while the card trains by what was drawn
before; of a `DataLoader` it takes the batches.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from typing import TYPE_CHECKING

import torch

from productnet.batching import Batching, BatchOrder, ManualBatching
from productnet.config import TrainConfig
from productnet.engines import Engine
from productnet.engines.flat import stack_parameters
from productnet.engines.fused.limits import Limits
from productnet.engines.fused.orders import OrderFeed
from productnet.engines.stacked import check_samples
from productnet.errors import ModeUnavailableError, first_line
from productnet.model import MLP
from productnet.precision import Arithmetic
from productnet.train import Trainee

if TYPE_CHECKING:
    from productnet.replicas import ReplicaEngine

LIMITS = Limits(widest=64, deepest=4, most_samples=10**7)
"""Wider layers spill their registers: 740 us a step at (128, 128) on an H200, where eager takes 900 (measured). Four
layers of 64 units compile in 10 s, and eight in 120 s. An epoch is one kernel at least, so its length has a limit."""

_MOST_TILES = 1_000
"""Of samples that a kernel works on, one after another: 3 ms of the recipe, and 10 ms at (64, 64). It can't be
interrupted, and where a card draws the screen, too, the system ends what takes seconds."""
_MOST_NUMBERS = 2**25
"""Of a chunk of the orders of all replicas: 128 MiB, twice."""


def make_fused_on_card(model: MLP, config: TrainConfig, arithmetic: Arithmetic) -> Engine:
    """Train in one program on the card; compiling happens at its first epoch, unless a process has done so before.

    Raises:
        ModeUnavailableError: for what the kernel can't do, and where Triton or its C compiler is missing.
    """
    check_fused_on_card(config, arithmetic)
    return CardEngine(model, config)


def make_replicas_on_card(trainees: Sequence[Trainee], config: TrainConfig, arithmetic: Arithmetic) -> ReplicaEngine:
    """Train each in a program of its own, in one kernel; `config.num_threads` threads draw their orders.

    Raises:
        ModeUnavailableError: for what the kernel can't do, and where Triton or its C compiler is missing.
    """
    check_fused_on_card(config, arithmetic)
    return CardReplicas(trainees, config)


def check_fused_on_card(config: TrainConfig, arithmetic: Arithmetic) -> None:
    """Check that the kernel can do what is asked for, and that this machine has what compiles it.

    Raises:
        ModeUnavailableError: otherwise, with the reason and a remedy.
    """
    LIMITS.check(config, arithmetic)
    try:
        from triton.runtime import driver
    except ImportError as error:
        raise ModeUnavailableError(
            f"engine fused needs Triton on a CUDA device ({first_line(error)}): torch's builds for CUDA bring it, or "
            "pip install triton"
        ) from error
    try:
        driver.active.get_current_device()  # Triton compiles its link to CUDA's driver
    # An assertion where libcuda.so.1 is not found, an import error where what was compiled doesn't load.
    except (AssertionError, ImportError, RuntimeError, OSError, subprocess.CalledProcessError) as error:
        raise ModeUnavailableError(
            "engine fused needs a C compiler, Python's headers and a libcuda.so.1 that ldconfig -p lists, for Triton "
            f"({first_line(error)}): install gcc and python3-dev, name a compiler in the variable CC, or run ldconfig"
        ) from error


class CardLoop:
    """Trainings of one recipe on a device, and the orders that go there.

    Args:
        models: on the device; their parameters become rows of one tensor.
    """

    def __init__(self, models: Sequence[MLP], config: TrainConfig) -> None:
        from productnet.engines.fused.card import CardTrainer, choose_form

        parameters = stack_parameters(models)
        self.device = parameters.device
        self._batch_sizes = config.batch_sizes
        form = choose_form(config, len(models), _count_multiprocessors(self.device))
        self.trainer = CardTrainer(config, parameters, form)
        num_tiles = len(self._batch_sizes) * -(-config.batch_size // (form.rows * form.lanes))
        most_epochs = min(_MOST_TILES // num_tiles, _MOST_NUMBERS // (len(models) * config.num_samples))
        self.feed = OrderFeed(
            len(models),
            config.num_samples,
            min(max(1, most_epochs), config.num_epochs),
            config.num_threads,
            self.device,
        )

    def current(self) -> AbstractContextManager[object]:
        """Make the device CUDA's current one, for kernels and events."""
        return torch.cuda.device(self.device) if self.device.type == "cuda" else nullcontext()

    def train(
        self, features: torch.Tensor, targets: torch.Tensor, orders: Sequence[BatchOrder], num_epochs: int
    ) -> list[list[float]]:
        """Train by the next epochs of the orders; returns for each training the mean loss of each epoch.

        Args:
            features: (trainings, n, 2), on the device.
            targets: (trainings, n, 1).
        Synchronizes: once
        """
        with self.current():
            means = [self._train_chunk(features, targets, chunk) for chunk in self.feed.send(orders, num_epochs)]
            return _read(means)

    def train_as_handed_out(self, batching: Batching, num_epochs: int) -> list[list[float]]:
        """Train by the batches of one training's batching. Synchronizes: once, and as the batching does."""
        with self.current():
            return _read([self._train_epoch(batching) for _ in range(num_epochs)])

    def _train_epoch(self, batching: Batching) -> torch.Tensor:
        features, targets = zip(*batching.epoch(), strict=True)
        if [len(batch) for batch in features] != self._batch_sizes:
            raise ValueError(f"an epoch has batches of {[len(batch) for batch in features]} samples")
        in_turn = torch.arange(sum(self._batch_sizes), dtype=torch.int32, device=self.device)
        return self._train_chunk(torch.cat(features)[None], torch.cat(targets)[None], in_turn[None, None])

    def _train_chunk(self, features: torch.Tensor, targets: torch.Tensor, orders: torch.Tensor) -> torch.Tensor:
        from productnet.engines.fused.card import average_epochs

        return average_epochs(self.trainer.train(features, targets, orders), self._batch_sizes)


def _read(means: Sequence[torch.Tensor]) -> list[list[float]]:
    numbers: list[list[float]] = torch.cat(list(means), dim=1).tolist()  # sync point
    return numbers


def _count_multiprocessors(device: torch.device) -> int:
    return torch.cuda.get_device_properties(device).multi_processor_count if device.type == "cuda" else 1


class CardEngine:
    """One training on a card."""

    def __init__(self, model: MLP, config: TrainConfig) -> None:
        self._model = model
        self._loop = CardLoop([model], config)

    def restart(self) -> None:
        """Forget the optimizer's moments."""
        self._loop.trainer.restart()

    def train(self, batching: Batching, num_epochs: int) -> list[float]:
        """Train for some epochs and return each one's mean loss. Synchronizes: once."""
        if isinstance(batching, ManualBatching):
            samples = batching.features[None], batching.targets[None]
            (losses,) = self._loop.train(*samples, [batching.order], num_epochs)
        else:
            (losses,) = self._loop.train_as_handed_out(batching, num_epochs)
        return losses

    def fetches_itself(self, batching: Batching) -> bool:
        """Whether it draws the order and gathers samples in its own loop."""
        return isinstance(batching, ManualBatching)

    def step(self) -> None:
        """None: a step is no piece of its own here."""

    def infer(self, inputs: torch.Tensor) -> torch.Tensor:
        """Predict with the plain network: what is built here is the training."""
        prediction: torch.Tensor = self._model(inputs)
        return prediction

    def optimizer_state(self) -> Iterable[torch.Tensor]:
        """Return Adam's moments, each of all parameters."""
        return self._loop.trainer.means, self._loop.trainer.squares

    def num_updates(self) -> int:
        """Return how often the parameters were updated since the start."""
        return self._loop.trainer.num_updates


class CardReplicas:
    """Several trainings on a card at once."""

    def __init__(self, trainees: Sequence[Trainee], config: TrainConfig) -> None:
        self._trainees = trainees
        self._orders = [trainee.order for trainee in trainees]
        self._loop = CardLoop([trainee.model for trainee in trainees], config)
        self._num_kept = config.num_samples_per_epoch
        self._features = torch.stack([trainee.data.features for trainee in trainees]).to(self._loop.device)
        self._targets = torch.stack([trainee.data.targets for trainee in trainees]).to(self._loop.device)

    def train(self, num_epochs: int) -> list[list[float]]:
        """Train all on; returns for each training the mean loss of each epoch. Synchronizes: once."""
        return self._loop.train(self._features, self._targets, self._orders, num_epochs)

    def check(self) -> None:
        """Check that an epoch has the samples that each training's own batching hands out.

        Raises:
            DeviceFaultError: when one has others.
        Synchronizes: yes
        """
        with ExitStack() as stack, self._loop.current():
            for order in self._orders:
                stack.enter_context(order.rewound())
            (chunk,) = self._loop.feed.send(self._orders, 1)
        kept = chunk[:, 0, : self._num_kept, None].long()
        features = self._features.gather(1, kept.expand(-1, -1, 2))
        check_samples(self._trainees, features, self._targets.gather(1, kept))

    def optimizer_state(self) -> Iterable[torch.Tensor]:
        """Return the moments of all, a row for each training."""
        return self._loop.trainer.means, self._loop.trainer.squares

    def restart(self) -> None:
        """Forget the moments, in place."""
        self._loop.trainer.restart()
