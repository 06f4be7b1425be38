"""A peer as a workload: another library trains, on the samples and from the parameters that productnet draws."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from bench.records.case import Case
from bench.records.rates import StepWork
from bench.workloads import Judgement, RunsStepsAsOne
from bench.workloads.productnet import count_multiply_adds
from productnet.config import TrainConfig
from productnet.data import draw_heldout_data
from productnet.device import open_device
from productnet.engines.step import Step
from productnet.errors import ModeUnavailableError
from productnet.evaluate import evaluate, predict
from productnet.model import MLP
from productnet.precision import set_up_arithmetic
from productnet.train import draw_start

Array = NDArray[np.float32]
Layers = list[tuple[Array, Array]]
"""Weights (inputs, outputs) and biases (outputs,) of each layer, float32."""


@dataclass(frozen=True, slots=True)
class Start:
    """What a peer begins with."""

    config: TrainConfig
    device: torch.device
    """Where to train."""
    features: Array
    """(n, 2), standardised."""
    targets: Array
    """(n, 1), standardised."""
    layers: Layers
    """As torch initialises them; a peer may have an initialisation of its own."""


class Trainer(Protocol):
    """Another library's training of the recipe. Batches come in an order of its own, drawn from the recipe's seed."""

    def prepare(self) -> None:
        """Compile, where there is something to compile."""

    def train(self, num_epochs: int) -> list[float]:
        """Train and return each epoch's mean loss; all of it is done when this returns."""

    def restart(self) -> None:
        """Go back to the start."""

    def layers(self) -> Layers:
        """Return the network as it stands."""

    def predict(self, inputs: Array) -> Array:
        """Predict standardised inputs, (batch, 2) -> (batch, 1), as the library does."""


class PeerWorkload(RunsStepsAsOne):
    """The workload; a step of it can't be run alone, and so has no phases.

    Args:
        devices: kinds that the library trains on.
    """

    def __init__(
        self, make_trainer: Callable[[Start], Trainer], case: Case, seed: int, devices: Sequence[str] = ("cpu",)
    ) -> None:
        if case.device.partition(":")[0] not in devices or (case.precision, case.num_threads) != ("fp32", 1):
            raise ModeUnavailableError(f"{case.name}: it trains on {' or '.join(devices)}, in fp32, with one thread")
        torch.set_num_threads(1)
        config = TrainConfig(device="cpu", num_epochs=case.num_epochs, seed=seed)
        self.device = open_device(case.device)
        self.arithmetic = set_up_arithmetic(self.device, case.precision)
        self._model, self._data, _ = draw_start(config)
        layers = [
            (layer.weight.detach().T.numpy().copy(), layer.bias.detach().numpy().copy()) for layer in self._linear
        ]
        features, targets = self._data.features.numpy(), self._data.targets.numpy()
        self.start = Start(config, self.device.torch_device, features, targets, layers)
        self.trainer = make_trainer(self.start)
        self.num_samples_per_epoch = config.num_samples_per_epoch
        self.num_steps_per_epoch = config.num_steps_per_epoch
        self.num_multiply_adds_per_step: int | None = count_multiply_adds(config)
        self.least_multiply_adds_per_step: int | None = self.num_multiply_adds_per_step
        self.num_multiply_adds_per_inference: int | None = None
        self.num_samples_per_inference: int | None = config.batch_size
        self.step_work: StepWork | None = None
        self._inputs = np.random.default_rng(seed)

    @property
    def _linear(self) -> list[torch.nn.Linear]:
        return [layer for layer in self._model.layers if isinstance(layer, torch.nn.Linear)]

    def run_first_step(self) -> bool:
        """A step can't be run alone."""
        return False

    def prepare(self) -> None:
        """Compile, where there is something to compile, and leave the training at its start."""
        self.trainer.prepare()

    def examine(self) -> None:
        """Nothing: tests hold its trainings against productnet's."""

    def train(self, num_epochs: int) -> list[float]:
        """Train and return each epoch's mean loss."""
        return self.trainer.train(num_epochs)

    def restart(self) -> None:
        """Go back to the start."""
        self.trainer.restart()

    def judge(self) -> Judgement:
        """Judge the network with the ruler of productnet, as its own MLP. The order of the batches is in no digest."""
        model = self._as_productnet()
        heldout = draw_heldout_data(self.start.config, self._data.statistics)
        digest = hashlib.sha256(self.start.features.tobytes() + self.start.targets.tobytes())
        return Judgement(digest.hexdigest(), asdict(evaluate(model, self._data)), asdict(evaluate(model, heldout)))

    def epoch(self) -> Iterator[object]:
        """No batches to be had from outside."""
        return iter(())

    def step(self) -> Step | None:
        """No step that can be cut."""
        return None

    def prefixes(self) -> dict[str, Callable[[int], None]]:
        """No parts that can be run alone."""
        return {}

    def make_inputs(self, num_batches: int) -> list[Array]:
        """Return fresh batches of standardised inputs, (batch, 2) float32 each."""
        shape = (self.start.config.batch_size, 2)
        return [self._inputs.standard_normal(shape, dtype=np.float32) for _ in range(num_batches)]

    def infer(self, inputs: Sequence[Array]) -> Array | None:
        """Predict batches and return the last prediction, (batch, 1)."""
        prediction = None
        for batch in inputs:
            prediction = self.trainer.predict(batch)
        return prediction

    def is_right(self, inputs: Array, prediction: Array) -> bool:
        """Compare a prediction of the library with that of productnet's MLP of the same parameters."""
        ours = predict(self._as_productnet(), torch.from_numpy(inputs)).numpy()
        return ours.shape == prediction.shape and np.allclose(prediction, ours, rtol=1e-4, atol=1e-5)

    def _as_productnet(self) -> MLP:
        with torch.no_grad():
            for layer, (weights, biases) in zip(self._linear, self.trainer.layers(), strict=True):
                layer.weight.copy_(torch.tensor(weights).T)
                layer.bias.copy_(torch.tensor(biases))
        return self._model
