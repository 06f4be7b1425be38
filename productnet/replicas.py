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

    What differs between seeds (parameters, data, order) is drawn one seed after another, as torch has one stream;
    then so many trainings run at once as there are threads, for Python's lock is not held in compiled code.

    Args:
        config: the recipe; its engine, batching and own seed are left out of account.
    Raises:
        ModeUnavailableError: for what the compiled loop can't do, and where Numba is missing.
    """
    check_fused(config, Arithmetic("fp32", "cpu"))
    from productnet.engines.fused.stream import OrderStream
    from productnet.engines.fused.trainer import Trainer

    def train(seed: int) -> Replica:
        trainer, stream, model, parameters = starts[seed]
        losses = trainer.train(config.num_epochs, stream)
        parameters.numpy()[:] = trainer.parameters
        return Replica(seed, tuple(losses), model)

    starts = {}
    for seed in dict.fromkeys(seeds):
        model, data, order = draw_start(replace(config, seed=seed))
        trainer = Trainer(config)
        parameters = pack_parameters(model)
        trainer.parameters = parameters.numpy()
        trainer.put_samples(data.features.numpy(), data.targets.numpy())
        stream = OrderStream(config.num_samples, order.state())
        starts[seed] = trainer, stream, model, parameters
    with ThreadPoolExecutor(num_threads) as pool:
        trained = dict(zip(starts, pool.map(train, starts), strict=True))
    return [trained[seed] for seed in seeds]
