"""The product network as a workload."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from itertools import cycle, islice

import torch

from bench.records.case import Case
from bench.workloads import Judgement
from productnet.batching import Batch
from productnet.config import TrainConfig
from productnet.engines.step import Step
from productnet.train import Training


class ProductNet:
    """A training of the product network, as a case asks for it."""

    def __init__(self, case: Case, seed: int) -> None:
        config = TrainConfig(
            device=case.device,
            engine=case.engine,
            batching=case.batching,
            precision=case.precision,
            num_threads=case.num_threads,
            num_epochs=case.num_epochs,
            seed=seed,
        )
        self.training = Training(config)
        self.num_samples_per_epoch = config.num_samples_per_epoch
        self.num_steps_per_epoch = config.num_steps_per_epoch
        features = self.training.data.features.to(self.training.device.torch_device)
        self._inference_batches = torch.split(features, config.batch_size)

    def prepare(self) -> None:
        """Compile, capture and warm up, and leave the training at its start."""
        self.training.prepare()

    def train(self, num_epochs: int) -> list[float]:
        """Train on and return each epoch's mean loss."""
        return self.training.train(num_epochs)

    def restart(self) -> None:
        """Go back to the start, in place."""
        self.training.restart()

    def judge(self) -> Judgement:
        """Judge the network as it stands."""
        result = self.training.result()
        return Judgement(result.digest, asdict(result.training_accuracy), asdict(result.heldout_accuracy))

    def epoch(self) -> Iterator[Batch]:
        """Return the batches of the next epoch, on the device."""
        return self.training.batching.epoch()

    def step(self) -> Step | None:
        """Return the step cut at its phases, or None where the engine runs it as one piece."""
        return self.training.engine.step()

    def infer(self, num_batches: int) -> int:
        """Predict batches in eval mode without gradients and return the number of samples."""
        model, infer = self.training.model, self.training.engine.infer
        num_samples = 0
        model.eval()
        with torch.inference_mode():
            for batch in islice(cycle(self._inference_batches), num_batches):
                infer(batch)
                num_samples += len(batch)
        model.train()
        return num_samples

    def synchronize(self) -> None:
        """Wait until the device has done all that it was given."""
        self.training.device.synchronize()
