"""The product network as a workload."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from itertools import cycle, islice, pairwise

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
        self.device = self.training.device
        self.arithmetic = self.training.arithmetic
        self.num_samples_per_epoch = config.num_samples_per_epoch
        self.num_steps_per_epoch = config.num_steps_per_epoch
        self.num_multiply_adds_per_step: int | None = count_multiply_adds(config)
        features = self.training.data.features.to(self.training.device.torch_device)
        self._inference_batches = torch.split(features, config.batch_size)

    def run_first_step(self) -> bool:
        """Run one step, the first of the process; False where the engine runs steps as one piece."""
        step = self.step()
        if step is None:
            return False
        step.backward(step.forward(next(iter(self.epoch()))))
        step.optimize()
        return True

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

    def prefixes(self) -> dict[str, Callable[[int], None]]:
        """Return the parts of fetching an epoch; on a device whose events can't be trusted, those of its steps, too."""
        prefixes = {name: _run_to_the_end(part) for name, part in self.training.batching.prefixes().items()}
        step = self.step()
        if step is not None and self.device.phase_timing == "prefixes":
            prefixes |= {name: self._run_steps(step, name) for name in ("forward", "backward", "optimizer")}
        return prefixes

    def _run_steps(self, step: Step, last: str) -> Callable[[int], None]:
        def run(num_epochs: int) -> None:
            for _ in range(num_epochs):
                for batch in self.epoch():
                    loss = step.forward(batch)
                    if last == "forward":
                        continue
                    step.backward(loss)
                    if last == "backward":
                        # Gradients that stay would be added to: clearing them costs the host a microsecond.
                        self.training.model.zero_grad()
                        continue
                    step.optimize()

        return run

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


def count_multiply_adds(config: TrainConfig) -> int:
    """Count the multiply-adds of a step, on average: forward, and in backward the gradients of weights and inputs.

    The gradient of the network's own inputs is not needed. The default recipe: 472 a sample.
    """
    products = [fan_in * fan_out for fan_in, fan_out in pairwise(config.layer_sizes)]
    per_sample = 3 * sum(products) - products[0]
    return per_sample * config.num_samples_per_epoch // config.num_steps_per_epoch


def _run_to_the_end(part: Callable[[], Iterator[object]]) -> Callable[[int], None]:
    def run(num_epochs: int) -> None:
        for _ in range(num_epochs):
            for _ in part():
                """Nothing but fetching is measured."""

    return run
