"""Many trainings that differ in their seeds alone, at once: each runs in a thread of its own as one compiled loop."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from productnet.config import TrainConfig
from productnet.engines.fused.cpu import check_fused, pack_parameters
from productnet.model import MLP
from productnet.precision import Arithmetic
from productnet.train import draw_start


@dataclass(frozen=True, slots=True)
class Replica:
    """What one of many trainings came to."""

    seed: int
    epoch_losses: tuple[float, ...]
    """Mean training loss of every epoch, standardised: those of `fit` with the engine fused, bit for bit."""
    model: MLP


def train_replicas(config: TrainConfig, seeds: Sequence[int], num_threads: int) -> list[Replica]:
    """Train a network for each seed, on the CPU in float32, and return them in the order of the seeds.

    What differs between seeds (parameters, data, order) is drawn one seed after another, as torch has one stream, and
    each begins to train at once, on the next thread that is free; compiled code does not hold Python's lock.

    Args:
        config: the recipe; its engine, batching and own seed are left out of account.
    Raises:
        ModeUnavailableError: for what the compiled loop can't do, and where Numba is missing.
    """
    check_fused(config, Arithmetic("fp32", "cpu"))
    from productnet.engines.fused.stream import OrderStream
    from productnet.engines.fused.trainer import Trainer

    def train(seed: int, trainer: Trainer, stream: OrderStream, model: MLP) -> Replica:
        parameters = pack_parameters(model)
        trainer.parameters = parameters.numpy()
        losses = trainer.train(config.num_epochs, stream)
        parameters.numpy()[:] = trainer.parameters
        return Replica(seed, tuple(losses), model)

    with ThreadPoolExecutor(num_threads) as pool:
        started = {}
        for seed in dict.fromkeys(seeds):
            model, data, order = draw_start(replace(config, seed=seed))
            trainer = Trainer(config)
            trainer.put_samples(data.features.numpy(), data.targets.numpy())
            stream = OrderStream(config.num_samples, order.state())
            started[seed] = pool.submit(train, seed, trainer, stream, model)
        return [started[seed].result() for seed in seeds]
