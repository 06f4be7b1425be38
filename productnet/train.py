"""A training, from the configuration to a network that has learned: no clock, no print."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass

import torch

from productnet.batching import BatchOrder, make_batching
from productnet.config import TrainConfig
from productnet.data import Dataset, draw_heldout_data, draw_training_data
from productnet.device import Device, open_device
from productnet.engines import make_engine
from productnet.errors import ConfigError
from productnet.evaluate import Accuracy, ShownSample, evaluate, show_samples
from productnet.model import MLP
from productnet.precision import Arithmetic, set_up_arithmetic
from productnet.receipt import check_placement


@dataclass(frozen=True, slots=True)
class TrainResult:
    """What a training came to."""

    config: TrainConfig
    device: str
    precision: str
    digest: str
    """SHA-256 of initial parameters, data, the order drawn for every epoch, and the first epoch's batches as they were
    handed out: with equal digests and equally many epochs, the same samples were trained on in the same batches."""
    epoch_losses: tuple[float, ...]
    """Mean training loss of every epoch, standardised."""
    final_loss: float
    num_skipped_steps: int | None
    """Steps that updated nothing, since their scaled gradients overflowed float16: a gradient scaler finds its scale
    by trying. None where there were more than 2**24 steps in float16, which Adam does not count exactly."""
    training_accuracy: Accuracy
    heldout_accuracy: Accuracy
    shown_samples: tuple[ShownSample, ...]

    @property
    def has_diverged(self) -> bool:
        """Whether a loss or an error is not finite; the last step may break what was finite until then."""
        figures = (*self.epoch_losses, *astuple(self.training_accuracy), *astuple(self.heldout_accuracy))
        return not all(math.isfinite(figure) for figure in figures)


def draw_start(config: TrainConfig) -> tuple[MLP, Dataset, BatchOrder]:
    """Draw all that a training starts from, out of one stream on the CPU that begins at the seed, in this order.

    The network's initial parameters, x1, x2, then the order of each epoch; so every device and engine starts from the
    same bytes. torch's own global stream is left as it was.

    Returns:
        The network and the samples, on the CPU, and the order of the batches at its first epoch.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(config.seed)
        model = MLP(config.layer_sizes)
        data = draw_training_data(config)
        return model, data, BatchOrder(config.num_samples, torch.get_rng_state())


class Trainee:
    """What is trained, on a device: a network, its samples, its place in the batch order, and its losses so far.

    All of a training but the engine: one trains by an engine of its own, several at once by one that they share.
    """

    def __init__(self, config: TrainConfig, device: Device, arithmetic: Arithmetic) -> None:
        self.config = config
        self.device = device
        self.arithmetic = arithmetic
        model, self.data, self.order = draw_start(config)
        self._initial_parameters = [parameter.detach().clone() for parameter in model.parameters()]
        self.model = model.to(device.torch_device)
        self.batching = make_batching(config, self.data, self.order, device)
        self.epoch_losses: list[float] = []

    def rewind(self) -> None:
        """Put parameters and order back to the start, in place, and forget the losses."""
        with torch.no_grad():
            for parameter, initial in zip(self.model.parameters(), self._initial_parameters, strict=True):
                parameter.copy_(initial)
                parameter.grad = None
        self.order.restart()
        self.epoch_losses = []

    def judge(self, num_skipped_steps: int | None) -> TrainResult:
        """Judge the network as it stands.

        Raises:
            ConfigError: when no epoch was trained yet: there is no loss to judge.
        Synchronizes: yes
        """
        if not self.epoch_losses:
            raise ConfigError("num_epochs", "trained so far are 0: train at least 1 before asking for a result")
        heldout = draw_heldout_data(self.config, self.data.statistics)
        return TrainResult(
            config=self.config,
            device=self.device.name,
            precision=self.arithmetic.precision,
            digest=self._digest(),
            epoch_losses=tuple(self.epoch_losses),
            final_loss=self.epoch_losses[-1],
            num_skipped_steps=num_skipped_steps,
            training_accuracy=evaluate(self.model, self.data),
            heldout_accuracy=evaluate(self.model, heldout),
            shown_samples=tuple(show_samples(self.model, self.data, self.config.num_shown_samples)),
        )

    def _digest(self) -> str:
        digest = hashlib.sha256()
        for tensor in (*self._initial_parameters, self.data.features, self.data.targets):
            digest.update(tensor.numpy().tobytes())
        self.order.digest_into(digest)
        with self.order.rewound():
            for batch in self.batching.epoch():
                for tensor in batch:
                    digest.update(repr(tuple(tensor.shape)).encode() + tensor.cpu().numpy().tobytes())
        return digest.hexdigest()


class Training(Trainee):
    """A training in progress: the data, the network and the engine on one device, and the place in the batch order.

    Making one is its set-up. torch's number of threads is set to `config.num_threads`.

    Raises:
        DeviceUnavailableError: when the device is not there.
        ModeUnavailableError: when the engine or the precision can't be had there.
    Synchronizes: yes
    """

    def __init__(self, config: TrainConfig) -> None:
        torch.set_num_threads(config.num_threads)
        device = open_device(config.device)
        super().__init__(config, device, set_up_arithmetic(device, config.precision))
        self.engine = make_engine(self.model, config, self.arithmetic)
        device.synchronize()

    def prepare(self) -> None:
        """Compile, capture and warm up by training an epoch, then go back to the start.

        Raises:
            DeviceFaultError: when something that was trained with is not where, or of the type, that was asked for.
        Synchronizes: yes
        """
        self.train(num_epochs=1)
        check_placement(self)
        self.restart()

    def train(self, num_epochs: int) -> list[float]:
        """Train for some more epochs and return each one's mean loss. Synchronizes: as the engine does."""
        losses = self.engine.train(self.batching, num_epochs)
        self.epoch_losses += losses
        return losses

    def restart(self) -> None:
        """Go back to the start, in place: the next epoch trained is the first, bit for bit. Synchronizes: yes."""
        self.rewind()
        self.engine.restart()
        self.device.synchronize()

    def result(self) -> TrainResult:
        """Judge the network as it stands.

        Raises:
            ConfigError: when no epoch was trained yet: there is no loss to judge.
        Synchronizes: yes
        """
        return self.judge(self._count_skipped_steps())

    def _count_skipped_steps(self) -> int | None:
        if self.arithmetic.precision != "fp16":
            return 0
        num_steps = len(self.epoch_losses) * self.config.num_steps_per_epoch
        return None if num_steps > 2**24 else num_steps - self.engine.num_updates()


def fit(config: TrainConfig, on_progress: Callable[[Sequence[float]], None] | None = None) -> TrainResult:
    """Train a network from start to end.

    Args:
        config: the recipe.
        on_progress: called every `log_interval_epochs` with the mean losses of all epochs so far.
    Returns:
        The result, also where the training has diverged: then a loss is not finite (`has_diverged`).
    Raises:
        DeviceUnavailableError: when the device is not there.
        ModeUnavailableError: when the engine or the precision can't be had there.
    Synchronizes: yes
    """
    training = Training(config)
    training.prepare()
    run_epochs(training, on_progress)
    return training.result()


def run_epochs(
    training: Training,
    on_progress: Callable[[Sequence[float]], None] | None = None,
    on_epoch: Callable[[Training], None] | None = None,
) -> None:
    """Run all epochs of a prepared training.

    Args:
        on_progress: called every `log_interval_epochs` with the mean losses of all epochs so far.
        on_epoch: called after every epoch, for whoever keeps checkpoints. The losses are the same, bit for bit; but the
            engine is called for one epoch at a time, so it costs speed.
    Synchronizes: yes
    """
    num_epochs, interval = training.config.num_epochs, training.config.log_interval_epochs
    for start in range(0, num_epochs, interval):
        num_next = min(interval, num_epochs - start)
        if on_epoch is None:
            training.train(num_next)
        else:
            for _ in range(num_next):
                training.train(1)
                on_epoch(training)
        if on_progress is not None:
            on_progress(training.epoch_losses)
    training.device.synchronize()
