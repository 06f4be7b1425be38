"""The product network as a workload."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from itertools import pairwise

import msgspec
import torch

from bench.records.case import Case
from bench.records.rates import StepWork
from bench.workloads import Judgement, Workload
from bench.workloads.counts import count_step_work
from productnet.batching import Batch, Batching
from productnet.config import TrainConfig
from productnet.engines.step import Step
from productnet.evaluate import predict
from productnet.train import Training


def make_product_net(case: Case, seed: int) -> Workload:
    """Make what a case asks for: a training, or several of seeds that follow each other."""
    if case.num_replicas == 1:
        return ProductNet(case, seed)
    from bench.workloads.replicas import ReplicatedNet

    return ReplicatedNet(case, seed)


def make_config(case: Case, seed: int) -> TrainConfig:
    """Make the recipe of a case."""
    return TrainConfig(
        device=case.device,
        engine=case.engine,
        batching=case.batching,
        precision=case.precision,
        num_threads=case.num_threads,
        num_epochs=case.num_epochs,
        seed=seed,
        **({} if case.shape is None else msgspec.structs.asdict(case.shape)),
    )


def announce_each(batches: Iterable[Batch], on_each: Callable[[], object]) -> Iterator[Batch]:
    """Hand batches on, and call something before each."""
    for batch in batches:
        on_each()
        yield batch


class WatchedBatching:
    """A batching that tells when it hands out a batch."""

    def __init__(self, inner: Batching, on_batch: Callable[[], object]) -> None:
        self.inner = inner
        self._on_batch = on_batch

    def epoch(self) -> Iterator[Batch]:
        """Return the next epoch's batches."""
        return announce_each(self.inner.epoch(), self._on_batch)

    def prefixes(self) -> dict[str, Callable[[], Iterator[object]]]:
        """Return those of the batching itself."""
        return self.inner.prefixes()


class ProductNet:
    """A training of the product network, as a case asks for it."""

    def __init__(self, case: Case, seed: int) -> None:
        config = make_config(case, seed)
        self.training = Training(config)
        self.device = self.training.device
        self.arithmetic = self.training.arithmetic
        self.num_samples_per_epoch = config.num_samples_per_epoch
        self.num_steps_per_epoch = config.num_steps_per_epoch
        self.num_multiply_adds_per_step: int | None = count_multiply_adds(config)
        self.least_multiply_adds_per_step: int | None = self.num_multiply_adds_per_step
        self.num_multiply_adds_per_inference: int | None = config.batch_size * sum(_list_products(config))
        self.num_samples_per_inference: int | None = config.batch_size
        self.step_work: StepWork | None = count_step_work(config)
        self._inputs_generator = torch.Generator().manual_seed(config.seed)

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

    def can_watch_steps(self) -> bool:
        """Say whether the engine takes one batch after another, and none is fetched while a step runs."""
        return self.step() is not None and self.training.config.num_loader_workers == 0

    def watch_steps(self, on_step: Callable[[], object]) -> None:
        """Call something whenever a batch is handed out."""
        batching = self.training.batching
        inner = batching.inner if isinstance(batching, WatchedBatching) else batching
        self.training.batching = WatchedBatching(inner, on_step)

    def examine(self) -> None:
        """Nothing is left to do: `prepare` has checked where everything lies, and a test what a step is made of."""

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
        """Return the parts of fetching an epoch; on a device whose events can't be trusted, those of its steps, too.

        None where the engine fetches in code of its own: the batching's parts are none of its training's.
        """
        if self.training.engine.fetches_itself(self.training.batching):
            return {}
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

    def make_inputs(self, num_batches: int) -> list[torch.Tensor]:
        """Return fresh batches of standardised inputs, (batch, 2) float32 each, on the device."""
        shape = (self.training.config.batch_size, 2)
        batches = (torch.randn(shape, generator=self._inputs_generator) for _ in range(num_batches))
        return [batch.to(self.device.torch_device) for batch in batches]

    def infer(self, inputs: Sequence[torch.Tensor]) -> torch.Tensor | None:
        """Predict batches in eval mode without gradients and return the last prediction, (batch, 1)."""
        model, infer = self.training.model, self.training.engine.infer
        prediction = None
        model.eval()
        with torch.inference_mode():
            for batch in inputs:
                prediction = infer(batch)
        model.train()
        return prediction

    def is_right(self, inputs: torch.Tensor, prediction: torch.Tensor) -> bool:
        """Compare a prediction with the plain model's in float32, as closely as 16 bits allow. Synchronizes: yes."""
        return torch.allclose(prediction.float(), predict(self.training.model, inputs), rtol=0.05, atol=0.05)


def count_multiply_adds(config: TrainConfig) -> int:
    """Count the multiply-adds of a step, on average: forward, and in backward the gradients of weights and inputs.

    The gradient of the network's own inputs is not needed. The default recipe: 472 a sample.
    """
    products = _list_products(config)
    per_sample = 3 * sum(products) - products[0]
    return per_sample * config.num_samples_per_epoch // config.num_steps_per_epoch


def _run_to_the_end(part: Callable[[], Iterator[object]]) -> Callable[[int], None]:
    def run(num_epochs: int) -> None:
        for _ in range(num_epochs):
            for _ in part():
                """Nothing but fetching is measured."""

    return run


def _list_products(config: TrainConfig) -> list[int]:
    return [fan_in * fan_out for fan_in, fan_out in pairwise(config.layer_sizes)]
