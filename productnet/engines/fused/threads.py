"""Several trainings on the CPU, each as one compiled loop: compiled code does not hold Python's lock."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import torch

from productnet.config import TrainConfig
from productnet.engines.fused.cpu import FusedEngine, check_fused
from productnet.precision import Arithmetic
from productnet.train import Trainee


def make_threaded(trainees: Sequence[Trainee], config: TrainConfig, arithmetic: Arithmetic) -> ThreadedEngine:
    """Train each in the next of `config.num_threads` threads that is free.

    Raises:
        ModeUnavailableError: for what the compiled loop can't do, and where Numba is missing.
    """
    check_fused(config, arithmetic)
    from productnet.engines.fused.trainer import Trainer

    return ThreadedEngine(
        trainees, [FusedEngine(trainee.model, Trainer(config), config) for trainee in trainees], config.num_threads
    )


class ThreadedEngine:
    """An engine for each training, and the threads that they share."""

    def __init__(self, trainees: Sequence[Trainee], engines: Sequence[FusedEngine], num_threads: int) -> None:
        self._trainees = trainees
        self._engines = engines
        self._pool = ThreadPoolExecutor(num_threads)

    def train(self, num_epochs: int) -> list[list[float]]:
        """Train all on; returns for each training the mean loss of each epoch."""

        def train(engine: FusedEngine, trainee: Trainee) -> list[float]:
            return engine.train(trainee.batching, num_epochs)

        return list(self._pool.map(train, self._engines, self._trainees))

    def check(self) -> None:
        """Nothing is left to check: every training has samples and order of its own."""

    def optimizer_state(self) -> Iterator[torch.Tensor]:
        """Return Adam's moments, each of all parameters with their padding."""
        for engine in self._engines:
            yield from engine.optimizer_state()

    def restart(self) -> None:
        """Forget the moments."""
        for engine in self._engines:
            engine.restart()
